//! The parameters of the board walk and of the arrival rates, with the arrivals known before the program's own history.
//!
//! Two published sets exist. [`BoardWalkParams::evaluated`] was chosen on boards up to June 2025 alone and scored on later
//! ones; [`BoardWalkParams::deployment`] was adjusted after seeing those scores and has to prove itself forward. In files
//! the short names of the published vectors are read as well as ours.

use std::collections::BTreeMap;

use chrono::{DateTime, NaiveDate, NaiveTime, Utc};
use serde::de::IgnoredAny;
use serde::{Deserialize, Serialize};

use super::ParamsError;
use super::validate::within;

/// What the board walk takes as given. Scores are in rating points, times in days.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct BoardWalkParams {
    /// How many published standard errors one standard deviation of a model's whole future revision is (`k`). Evidence: 1,
    /// from the maximum likelihood of 12 450 revisions (0.92 on the earlier, 0.96 on the later ones).
    #[serde(alias = "k")]
    pub revision_errors: f64,
    /// Standard deviation of the drift that votes do not explain, in points per square root of a day (`q`). Evidence: 0.10.
    #[serde(alias = "q")]
    pub daily_drift: f64,
    /// How many standard errors a new model's score falls on its way to certainty (`b`). Evidence: 1.0 evaluated, 0.7
    /// deployed; the maximum likelihood is lower (0.12 and 0.25), but new leaders fall by 2 to 3 points in two weeks.
    #[serde(alias = "b")]
    pub regression_errors: f64,
    /// The same on top for the leader alone (`bl`). Evidence: 0.
    #[serde(alias = "bl")]
    pub leader_regression_errors: f64,
    /// Votes a model receives per day (`r`). Evidence: 230.
    #[serde(alias = "r")]
    pub votes_per_day: f64,
    /// Standard error of a score times the square root of its votes, where no interval is given (`c`). Evidence: 310.
    #[serde(alias = "c")]
    pub error_per_vote: f64,
    /// Mean of a contender's first score over the leader's (`mu`). Evidence: 13 (the sample's mean is 14.2).
    #[serde(alias = "mu")]
    pub debut_mean: f64,
    /// Standard deviation of the same (`sg`). Evidence: 11.5 (the sample's is 10.7).
    #[serde(alias = "sg")]
    pub debut_deviation: f64,
    /// A new model counts as a contender when its first score is above the leader's plus this (`floor`). Evidence: −5.
    #[serde(alias = "floor")]
    pub contender_floor: f64,
    /// Half-life of a contender in the estimated rate, in days (`H`). Evidence: 90.
    #[serde(alias = "H")]
    pub rate_half_life: f64,
    /// Half-life of a release in the shares of the labs, in days (`Hb`). Evidence: 365.
    #[serde(alias = "Hb")]
    pub share_half_life: f64,
    /// Contenders per day before any is seen (`Lam0`). Evidence: 0.04 evaluated, 0.02 deployed.
    #[serde(alias = "Lam0")]
    pub prior_rate: f64,
    /// How many contenders the prior rate weighs as much as (`aL`). Evidence: 2.
    #[serde(alias = "aL")]
    pub prior_weight: f64,
    /// How many contenders the base shares of the labs weigh as much as (`kap`). Evidence: 16.
    #[serde(alias = "kap")]
    pub share_weight: f64,
    /// The share of labs that neither the top of the board nor the history names (`other`). Evidence: 0.04.
    #[serde(alias = "other")]
    pub unknown_lab: f64,
    /// The share that goes to the leader's lab before the rest is divided (`rho`). Evidence: 0.30.
    #[serde(alias = "rho")]
    pub incumbent_share: f64,
    /// What every lab counts beyond its releases (`eps`). Evidence: 0.3.
    #[serde(alias = "eps")]
    pub base_count: f64,
    /// Mean time between two refreshes of the page, in days (`tau`). Evidence: 3.5.
    #[serde(alias = "tau")]
    pub refresh_days: f64,
    /// Hazard per day that the leader is renamed, delisted or split (`delta`). Evidence: 0.0026 evaluated, 0.001 deployed.
    #[serde(alias = "delta")]
    pub identity_hazard: f64,
    /// The share of revisions from the wide part of the mixture (`mix`). Evidence: 0.2.
    #[serde(alias = "mix")]
    pub wide_share: f64,
    /// How many times wider that part is (`mixs`). Evidence: 2.5.
    #[serde(alias = "mixs")]
    pub wide_factor: f64,
    /// Step of the grid of scores in points, where the rules read full precision (`tick`). Evidence: 0.25.
    #[serde(alias = "tick")]
    pub score_step: f64,
    /// What is known of arrivals from before the program's own history.
    pub prior: ArrivalPrior,
    /// Named in the published vectors, used by no formula: read and dropped.
    #[doc(hidden)]
    #[serde(rename = "se_def", skip_serializing)]
    pub unused_se_def: IgnoredAny,
    /// Named in the published vectors, used by no formula: read and dropped.
    #[doc(hidden)]
    #[serde(rename = "newvar", skip_serializing)]
    pub unused_newvar: IgnoredAny,
}

impl Default for BoardWalkParams {
    fn default() -> Self {
        Self::deployment()
    }
}

impl BoardWalkParams {
    /// The set to start trading with: adjusted after the evaluation, to be judged forward; with the default prior of
    /// arrivals.
    #[must_use]
    pub fn deployment() -> Self {
        Self {
            regression_errors: 0.7,
            prior_rate: 0.02,
            identity_hazard: 0.001,
            prior: ArrivalPrior::default(),
            ..Self::evaluated()
        }
    }

    /// The set that was chosen on boards up to June 2025 alone and scored on later ones; without a prior of arrivals.
    #[must_use]
    pub const fn evaluated() -> Self {
        Self {
            revision_errors: 1.0,
            daily_drift: 0.10,
            regression_errors: 1.0,
            leader_regression_errors: 0.0,
            votes_per_day: 230.0,
            error_per_vote: 310.0,
            debut_mean: 13.0,
            debut_deviation: 11.5,
            contender_floor: -5.0,
            rate_half_life: 90.0,
            share_half_life: 365.0,
            prior_rate: 0.04,
            prior_weight: 2.0,
            share_weight: 16.0,
            unknown_lab: 0.04,
            incumbent_share: 0.3,
            base_count: 0.3,
            refresh_days: 3.5,
            identity_hazard: 0.0026,
            wide_share: 0.2,
            wide_factor: 2.5,
            score_step: 0.25,
            prior: ArrivalPrior::none(),
            unused_se_def: IgnoredAny,
            unused_newvar: IgnoredAny,
        }
    }

    /// Checks every range.
    ///
    /// # Errors
    /// [`ParamsError`] naming the first value with which the estimator would not give probabilities.
    pub fn validate(&self) -> Result<(), ParamsError> {
        within("board_walk.revision_errors", self.revision_errors, 0.0, 100.0)?;
        within("board_walk.daily_drift", self.daily_drift, 0.0, 100.0)?;
        within(
            "board_walk.regression_errors",
            self.regression_errors,
            -10.0,
            10.0,
        )?;
        within(
            "board_walk.leader_regression_errors",
            self.leader_regression_errors,
            -10.0,
            10.0,
        )?;
        within("board_walk.votes_per_day", self.votes_per_day, 0.0, 1e7)?;
        within("board_walk.error_per_vote", self.error_per_vote, 1e-3, 1e5)?;
        within("board_walk.debut_mean", self.debut_mean, -60.0, 90.0)?;
        within("board_walk.debut_deviation", self.debut_deviation, 0.01, 1_000.0)?;
        within(
            "board_walk.contender_floor",
            self.contender_floor,
            -1_000.0,
            1_000.0,
        )?;
        within("board_walk.rate_half_life", self.rate_half_life, 0.1, 1e6)?;
        within("board_walk.share_half_life", self.share_half_life, 0.1, 1e6)?;
        within("board_walk.prior_rate", self.prior_rate, 1e-9, 100.0)?;
        within("board_walk.prior_weight", self.prior_weight, 1e-6, 1e6)?;
        within("board_walk.share_weight", self.share_weight, 0.0, 1e6)?;
        within("board_walk.unknown_lab", self.unknown_lab, 0.0, 1.0)?;
        within("board_walk.incumbent_share", self.incumbent_share, 0.0, 1.0)?;
        within("board_walk.base_count", self.base_count, 1e-9, 1_000.0)?;
        within("board_walk.refresh_days", self.refresh_days, 1e-3, 1e4)?;
        within("board_walk.identity_hazard", self.identity_hazard, 0.0, 100.0)?;
        within("board_walk.wide_share", self.wide_share, 0.0, 1.0)?;
        within("board_walk.wide_factor", self.wide_factor, 0.1, 100.0)?;
        within("board_walk.score_step", self.score_step, 0.01, 10.0)?;
        self.prior.validate()
    }
}

/// Arrivals from before the program's own history, already decayed to one day.
///
/// With it a fresh database does not start blind. What the own history tells of the time up to [`ArrivalPrior::as_of`] is
/// not counted again.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ArrivalPrior {
    /// The moment up to which it counts.
    pub as_of: DateTime<Utc>,
    /// How many days before that were watched.
    pub history_days: f64,
    /// Contenders (first score above the leader's plus [`BoardWalkParams::contender_floor`]) by organisation, each counted
    /// as `2^(−age/90 d)`.
    pub contenders: BTreeMap<String, f64>,
    /// Releases within 40 points of the leader by organisation, each counted as `2^(−age/365 d)`.
    pub releases: BTreeMap<String, f64>,
}

/// Contenders by 2026-04-30, with the names as the page spells them.
const CONTENDERS: [(&str, f64); 4] = [
    ("Anthropic", 0.5277),
    ("Google", 0.6096),
    ("OpenAI", 0.0823),
    ("xAI", 0.0736),
];

/// Releases within 40 points by 2026-04-30, with the names as the page spells them.
const RELEASES: [(&str, f64); 12] = [
    ("Alibaba", 1.5646),
    ("Anthropic", 4.0999),
    ("Baidu", 0.9981),
    ("Bytedance", 0.8706),
    ("DeepSeek", 1.1339),
    ("Google", 9.1685),
    ("Meta", 1.7364),
    ("Mistral", 0.6197),
    ("Moonshot", 0.8413),
    ("OpenAI", 6.4783),
    ("Z.ai", 2.2297),
    ("xAI", 3.3942),
];

impl Default for ArrivalPrior {
    /// The prior of 2026-04-30, counted on 192 boards of the slice without style control from 2024-03-27 on: 62 releases
    /// within 40 points of the leader, siblings of one lab within five days counted once.
    fn default() -> Self {
        let counts = |table: &[(&str, f64)]| {
            table
                .iter()
                .map(|(name, count)| ((*name).to_owned(), *count))
                .collect()
        };
        Self {
            as_of: NaiveDate::from_ymd_opt(2026, 4, 30)
                .map_or(DateTime::UNIX_EPOCH, |day| day.and_time(NaiveTime::MIN).and_utc()),
            history_days: 764.0,
            contenders: counts(&CONTENDERS),
            releases: counts(&RELEASES),
        }
    }
}

impl ArrivalPrior {
    /// Nothing is known from before the own history.
    #[must_use]
    pub const fn none() -> Self {
        Self {
            as_of: DateTime::UNIX_EPOCH,
            history_days: 0.0,
            contenders: BTreeMap::new(),
            releases: BTreeMap::new(),
        }
    }

    fn validate(&self) -> Result<(), ParamsError> {
        within("board_walk.prior.history_days", self.history_days, 0.0, 1e6)?;
        for count in self.contenders.values() {
            within("board_walk.prior.contenders", *count, 0.0, 1e6)?;
        }
        for count in self.releases.values() {
            within("board_walk.prior.releases", *count, 0.0, 1e6)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[test]
    fn the_short_names_of_the_published_vectors_are_read() {
        let published = r#"{"k": 1.0, "q": 0.1, "b": 0.7, "bl": 0.0, "r": 230.0, "c": 310.0, "mu": 13.0, "sg": 11.5,
            "floor": -5.0, "H": 90.0, "Hb": 365.0, "Lam0": 0.02, "aL": 2.0, "kap": 16.0, "other": 0.04, "rho": 0.3,
            "eps": 0.3, "tau": 3.5, "delta": 0.001, "mix": 0.2, "mixs": 2.5, "tick": 0.25, "se_def": 4.0, "newvar": 0.0}"#;
        let read: BoardWalkParams = serde_json::from_str(published).unwrap();
        assert_eq!(read, BoardWalkParams::deployment());
    }

    #[test]
    fn what_is_written_is_read_again() {
        for params in [BoardWalkParams::deployment(), BoardWalkParams::evaluated()] {
            let text = serde_json::to_string(&params).unwrap();
            assert_eq!(serde_json::from_str::<BoardWalkParams>(&text).unwrap(), params);
        }
    }

    #[rstest]
    #[case::typing_error(r#"{"lambda": 1}"#)]
    #[case::given_twice(r#"{"k": 1, "revision_errors": 1}"#)]
    #[case::not_a_number(r#"{"k": "1"}"#)]
    fn what_cannot_be_meant_is_refused(#[case] text: &str) {
        assert!(serde_json::from_str::<BoardWalkParams>(text).is_err());
    }

    #[rstest]
    #[case(|p: &mut BoardWalkParams| p.score_step = 0.0, "board_walk.score_step is 0: set it between 0.01 and 10")]
    #[case(|p: &mut BoardWalkParams| p.refresh_days = f64::NAN, "board_walk.refresh_days is NaN: set it between 0.001 and 10000")]
    #[case(|p: &mut BoardWalkParams| p.prior.history_days = -1.0, "board_walk.prior.history_days is -1: set it between 0 and 1000000")]
    fn a_value_out_of_range_is_named(#[case] spoil: fn(&mut BoardWalkParams), #[case] message: &str) {
        let mut params = BoardWalkParams::default();
        assert_eq!(params.validate(), Ok(()));
        spoil(&mut params);
        assert_eq!(params.validate().unwrap_err().to_string(), message);
    }
}
