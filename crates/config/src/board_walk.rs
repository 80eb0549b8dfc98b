//! The parameters of the board walk, the estimator that prices contracts.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

/// The parameters of the board walk; where each value comes from stands in `strategies/leaderboard_alpha.yaml`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BoardWalk {
    /// Standard deviation of a model's whole future revision, in its score's standard errors.
    pub revision_errors: f64,
    /// Standard deviation of the drift that votes do not explain, in points per square root of a day.
    pub daily_drift: f64,
    /// How far a new model's score falls on its way to certainty, in standard errors.
    pub regression_errors: f64,
    /// The same on top for the leader alone.
    pub leader_regression_errors: f64,
    /// Votes that a model receives in a day.
    pub votes_per_day: f64,
    /// Standard error of a score times the square root of its votes, where no interval is given; points.
    pub error_per_vote: f64,
    /// Mean of a contender's first score over the leader's, points.
    pub debut_mean: f64,
    /// Standard deviation of the same, points.
    pub debut_deviation: f64,
    /// A new model is a contender from this many points over the leader on.
    pub contender_floor: f64,
    /// Days after which a contender counts half for the rate.
    pub rate_half_life: f64,
    /// Days after which a release counts half for its lab's share.
    pub share_half_life: f64,
    /// Contenders per day before any is seen.
    pub prior_rate: f64,
    /// How many contenders that rate weighs as much as.
    pub prior_weight: f64,
    /// How many contenders the base shares of the labs weigh as much as.
    pub share_weight: f64,
    /// Share of labs that neither board nor history names.
    pub unknown_lab: f64,
    /// Share that goes to the leader's lab before the rest is divided.
    pub incumbent_share: f64,
    /// What every lab counts beyond its releases.
    pub base_count: f64,
    /// Mean time between two refreshes of the page, days.
    pub refresh_days: f64,
    /// Hazard per day that the leader is renamed, delisted or split.
    pub identity_hazard: f64,
    /// Share of revisions from the wide part of the mixture.
    pub wide_share: f64,
    /// How many times wider that part is.
    pub wide_factor: f64,
    /// Step of the grid of scores where the rules read full precision, points.
    pub score_step: f64,
    /// What is known of arrivals from before the program's own history.
    pub prior: ArrivalPrior,
}

/// Arrivals from before the program's own history, already decayed to one day.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ArrivalPrior {
    /// The moment for which the counts hold.
    pub as_of: DateTime<Utc>,
    /// Days before that were watched.
    pub history_days: f64,
    /// Contenders by lab, halved after each `rate_half_life`.
    pub contenders: BTreeMap<String, f64>,
    /// Releases near the top by lab, halved after each `share_half_life`.
    pub releases: BTreeMap<String, f64>,
}

/// Key, value and range of every named field.
macro_rules! numbers {
    ($of:expr; $($field:ident in $range:expr),+ $(,)?) => {
        [$((concat!("leaderboard_alpha.board_walk.", stringify!($field)), $of.$field, $range)),+]
    };
}

fn outside((key, value, range): (&'static str, f64, RangeInclusive<f64>)) -> Option<(&'static str, String)> {
    let (low, high) = (range.start(), range.end());
    // A NaN is in no range, so it is refused too.
    (!range.contains(&value)).then(|| (key, format!("{value} is not between {low} and {high}")))
}

impl BoardWalk {
    /// The first key that is out of range, with what was expected.
    ///
    /// Lower ends keep divisions away from zero; upper ends are beyond anything that was ever observed.
    pub(crate) fn first_violation(&self) -> Option<(&'static str, String)> {
        let numbers = numbers![self;
            revision_errors in 0.0..=100.0,
            daily_drift in 0.0..=100.0,
            regression_errors in -10.0..=10.0,
            leader_regression_errors in -10.0..=10.0,
            votes_per_day in 0.0..=1e6,
            error_per_vote in 1.0..=1e5,
            debut_mean in -60.0..=90.0,
            debut_deviation in 0.1..=1e3,
            contender_floor in -40.0..=90.0,
            rate_half_life in 1.0..=1e5,
            share_half_life in 1.0..=1e5,
            prior_rate in 1e-6..=100.0,
            prior_weight in 0.01..=1e4,
            share_weight in 0.01..=1e4,
            unknown_lab in 0.0..=1.0,
            incumbent_share in 0.0..=1.0,
            base_count in 1e-6..=1e3,
            refresh_days in 0.01..=1e3,
            identity_hazard in 0.0..=10.0,
            wide_share in 0.0..=1.0,
            wide_factor in 0.1..=100.0,
            score_step in 0.01..=10.0,
        ];
        numbers
            .into_iter()
            .find_map(outside)
            .or_else(|| self.prior.first_violation())
    }
}

impl ArrivalPrior {
    fn first_violation(&self) -> Option<(&'static str, String)> {
        let counts = |key: &'static str, counts: &BTreeMap<String, f64>| {
            counts.iter().find_map(|(lab, count)| {
                let (key, detail) = outside((key, *count, 0.0..=1e4))?;
                Some((key, format!("`{lab}`: {detail}")))
            })
        };
        let days = self.history_days;
        outside(("leaderboard_alpha.board_walk.prior.history_days", days, 0.0..=1e5))
            .or_else(|| counts("leaderboard_alpha.board_walk.prior.contenders", &self.contenders))
            .or_else(|| counts("leaderboard_alpha.board_walk.prior.releases", &self.releases))
    }
}
