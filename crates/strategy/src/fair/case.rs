//! Pricing a case: candidates and rates that are given, as in the published vectors.
//!
//! A case needs no board and no history, so it shows what the closed form makes of known numbers.

use std::cmp::Ordering;
use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::board_walk::walk::{Candidate, Walk};
use super::{ArrivalRates, Forecast};
use crate::params::{BoardWalkParams, ParamsError};

/// One model of a case.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CaseCandidate {
    /// The model.
    pub model: String,
    /// Its owner.
    pub org: Option<String>,
    /// In rating points.
    pub score: f64,
    /// Number of votes.
    pub votes: f64,
    /// Standard error of the score in rating points.
    pub se: f64,
}

/// Candidates, a horizon and rates of arrivals. Other members of a published case (its expected results) are not read.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Case {
    /// The board's day, for people.
    pub date: Option<String>,
    /// Days to the check; zero or less means that the leader has won.
    pub h_days: f64,
    /// The top of the board.
    pub candidates: Vec<CaseCandidate>,
    /// Contenders per day over all labs.
    #[serde(rename = "Lambda_per_day")]
    pub lambda_per_day: f64,
    /// Contenders per day by organisation.
    pub org_rates: BTreeMap<String, f64>,
    /// Contenders per day of labs that are not named.
    pub other_rate: f64,
    /// The parameters; without them those of deployment.
    pub params: Option<BoardWalkParams>,
}

/// A case that cannot be priced: its file must be corrected.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum CaseError {
    /// A number out of its range.
    #[error("{place} is {value}: {remedy}")]
    OutOfRange {
        /// Where in the case.
        place: String,
        /// The number.
        value: f64,
        /// What it must be.
        remedy: &'static str,
    },
    /// No candidates.
    #[error("`candidates` is empty: name at least one model")]
    NoCandidates,
    /// Two candidates of one name.
    #[error("`candidates` names `{0}` twice: every model has one row")]
    Twice(String),
    /// The parameters are out of range.
    #[error("`params`: {0}")]
    Params(#[from] ParamsError),
    /// The numbers leave nobody on the lattice.
    #[error(
        "the candidates' scores and errors leave no probability within 90 points above and 60 below the leader"
    )]
    Degenerate,
}

fn check(
    place: impl FnOnce() -> String,
    value: f64,
    fits: bool,
    remedy: &'static str,
) -> Result<(), CaseError> {
    if fits {
        return Ok(());
    }
    Err(CaseError::OutOfRange {
        place: place(),
        value,
        remedy,
    })
}

const RATE: &str = "a rate is a finite number of at least zero";

impl Case {
    /// Prices the case with the parameters it carries, or those of deployment.
    ///
    /// # Errors
    /// [`CaseError`] when a number is out of its range.
    pub fn price(&self) -> Result<Forecast<'_>, CaseError> {
        match &self.params {
            Some(params) => self.price_with(params),
            None => self.price_with(&BoardWalkParams::deployment()),
        }
    }

    /// Prices the case with other parameters than it carries.
    ///
    /// # Errors
    /// [`CaseError`] when a number is out of its range.
    pub fn price_with(&self, params: &BoardWalkParams) -> Result<Forecast<'_>, CaseError> {
        params.validate()?;
        self.validate()?;
        let mut candidates: Vec<Candidate<'_>> = self.candidates.iter().map(CaseCandidate::walking).collect();
        candidates.sort_by(before);
        let rates = ArrivalRates::given(
            self.org_rates.iter().map(|(name, rate)| (name.as_str(), *rate)),
            self.other_rate,
            self.lambda_per_day,
        );
        if self.h_days <= 0.0 {
            let leader = candidates
                .first()
                .map(|leader| (leader.name, leader.organization, 1.0));
            return Ok(Forecast::summed(leader.into_iter(), 0.0, BTreeMap::new()));
        }
        let walk = Walk {
            candidates: &candidates,
            leader: 0,
            days: self.h_days,
            step: params.score_step,
            params,
        };
        let [ending] = walk.endings([self.lambda_per_day]).ok_or(CaseError::Degenerate)?;
        Ok(ending.forecast(&candidates, 0, &rates))
    }

    fn validate(&self) -> Result<(), CaseError> {
        if self.candidates.is_empty() {
            return Err(CaseError::NoCandidates);
        }
        let days = self.h_days;
        check(
            || "`h_days`".to_owned(),
            days,
            days.is_finite(),
            "a horizon is a finite number of days",
        )?;
        let rate = |rate: f64| rate.is_finite() && rate >= 0.0;
        let total = self.lambda_per_day;
        check(|| "`Lambda_per_day`".to_owned(), total, rate(total), RATE)?;
        check(
            || "`other_rate`".to_owned(),
            self.other_rate,
            rate(self.other_rate),
            RATE,
        )?;
        for (organization, own) in &self.org_rates {
            check(|| format!("`org_rates.{organization}`"), *own, rate(*own), RATE)?;
        }
        let mut names = std::collections::BTreeSet::new();
        for candidate in &self.candidates {
            candidate.validate()?;
            if !names.insert(&candidate.model) {
                return Err(CaseError::Twice(candidate.model.clone()));
            }
        }
        Ok(())
    }
}

impl CaseCandidate {
    fn walking(&self) -> Candidate<'_> {
        Candidate {
            name: &self.model,
            organization: self.org.as_deref().filter(|name| !name.trim().is_empty()),
            score: self.score,
            votes: self.votes,
            error: self.se,
        }
    }

    fn validate(&self) -> Result<(), CaseError> {
        let place = |field: &str| format!("`{field}` of `{}`", self.model);
        check(
            || place("score"),
            self.score,
            self.score.is_finite(),
            "a score is a finite number",
        )?;
        check(
            || place("votes"),
            self.votes,
            self.votes.is_finite() && self.votes >= 0.0,
            "votes are a finite number of at least zero",
        )?;
        check(
            || place("se"),
            self.se,
            self.se.is_finite() && self.se >= 0.0,
            "a standard error is a finite number of at least zero",
        )
    }
}

/// The leader first: by score, then votes, then name.
fn before(a: &Candidate<'_>, b: &Candidate<'_>) -> Ordering {
    b.score
        .total_cmp(&a.score)
        .then_with(|| b.votes.total_cmp(&a.votes))
        .then_with(|| a.name.cmp(b.name))
}
