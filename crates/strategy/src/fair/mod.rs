//! Fair value: how probable each claim is, by an estimator.
//!
//! An [`Estimator`] turns a board, a horizon and a rule set into a [`Forecast`]: one distribution over the models of the
//! board and "a model that the board does not list". An organisation's probability is the sum over its models plus its
//! share of the unlisted, so the contracts of both series agree by construction. [`forecast`] is the way in: it answers
//! for itself once the check is past, because then the current winner is the winner.

mod persistence;
mod rank_table;
mod ranked;
mod shares;

pub use persistence::Persistence;
pub use rank_table::RankTable;
pub use ranked::RankedBoard;
pub use shares::Shares;

use std::collections::BTreeMap;
use std::fmt;

use autotrader_domain::Claim;
use autotrader_settlement::Entry;
use chrono::TimeDelta;

use crate::params::{EstimatorKind, Params};

/// What an estimator is asked.
#[derive(Debug, Clone, Copy)]
pub struct Question<'q, 'a> {
    /// The accepted board, in the order of settlement.
    pub board: &'q RankedBoard<'a>,
    /// How an unlisted winner is shared between the labs.
    pub shares: &'q Shares<'a>,
    /// Time from now to the check.
    pub horizon: TimeDelta,
    /// What the estimated rate of arrivals is multiplied with: 1, or an end of its uncertainty.
    pub arrivals: f64,
}

/// A way to price claims: pure, and the seam for better ones.
pub trait Estimator: Send + Sync + fmt::Debug {
    /// The stable name.
    fn name(&self) -> &'static str;

    /// The distribution over winners; `None` when the board does not carry what the estimator needs.
    ///
    /// The horizon is positive.
    fn forecast<'a>(&self, question: &Question<'_, 'a>) -> Option<Forecast<'a>>;
}

/// Asks an estimator, unless the check is past: then the current winner has won.
#[must_use]
pub fn forecast<'a>(estimator: &dyn Estimator, question: &Question<'_, 'a>) -> Option<Forecast<'a>> {
    if question.horizon > TimeDelta::zero() {
        estimator.forecast(question)
    } else {
        question.board.winner().map(Forecast::certain)
    }
}

/// The estimators that the parameters describe: the selected one first, then the others as baselines.
#[must_use]
pub fn estimators(params: &Params) -> (Box<dyn Estimator>, Vec<Box<dyn Estimator>>) {
    let rank_table: Box<dyn Estimator> = Box::new(RankTable {
        table: params.rank_table.clone(),
    });
    let persistence: Box<dyn Estimator> = Box::new(Persistence {
        epsilon: params.persistence_epsilon,
    });
    match params.estimator {
        EstimatorKind::RankTable => (rank_table, vec![persistence]),
        EstimatorKind::Persistence => (persistence, vec![rank_table]),
    }
}

/// A distribution over winners: the models of a board and "unlisted".
#[derive(Debug, Clone, PartialEq)]
pub struct Forecast<'a> {
    models: BTreeMap<&'a str, f64>,
    organizations: BTreeMap<&'a str, f64>,
    unlisted: f64,
}

impl<'a> Forecast<'a> {
    /// A forecast from the winning probabilities of models and the probability of an unlisted winner.
    ///
    /// The order of `models` is the order of summation: give it in an order that does not depend on the input's.
    #[must_use]
    pub fn new(models: impl Iterator<Item = (&'a Entry, f64)>, unlisted: f64, shares: &Shares<'a>) -> Self {
        let mut forecast = Self {
            models: BTreeMap::new(),
            organizations: BTreeMap::new(),
            unlisted,
        };
        for (entry, p) in models {
            *forecast.models.entry(entry.model_name.as_str()).or_default() += p;
            if let Some(organization) = entry.known_organization() {
                *forecast.organizations.entry(organization).or_default() += p;
            }
        }
        for (organization, share) in shares.iter() {
            *forecast.organizations.entry(organization).or_default() += share * unlisted;
        }
        forecast
    }

    /// The forecast that one model wins for certain.
    #[must_use]
    pub fn certain(winner: &'a Entry) -> Self {
        Self::new(std::iter::once((winner, 1.0)), 0.0, &Shares::none())
    }

    /// The probability that a model which the board does not list wins.
    #[must_use]
    pub const fn unlisted(&self) -> f64 {
        self.unlisted
    }

    /// The models with a positive probability, by name.
    pub fn models(&self) -> impl Iterator<Item = (&'a str, f64)> + '_ {
        self.models.iter().map(|(name, p)| (*name, *p))
    }

    /// The organisations with a positive probability, their share of the unlisted included, by name.
    pub fn organizations(&self) -> impl Iterator<Item = (&'a str, f64)> + '_ {
        self.organizations.iter().map(|(name, p)| (*name, *p))
    }

    /// The probability that a claim comes true; zero for a name that no forecast winner has.
    #[must_use]
    pub fn probability(&self, claim: &Claim) -> f64 {
        let p = match claim {
            Claim::Model { model_name, .. } => self.models.get(model_name.as_str()),
            Claim::Organization { organization } => self.organizations.get(organization.as_str()),
        };
        // Rounding in the sums may pass one by a few units of the last place.
        p.copied().unwrap_or(0.0).clamp(0.0, 1.0)
    }

    /// The probability that none of the claims of one event comes true.
    ///
    /// The claims must exclude each other, as those of one event do.
    #[must_use]
    pub fn nobody<'c>(&self, claims: impl Iterator<Item = &'c Claim>) -> f64 {
        let distinct: std::collections::BTreeSet<&Claim> = claims.collect();
        let somebody: f64 = distinct.into_iter().map(|claim| self.probability(claim)).sum();
        (1.0 - somebody).clamp(0.0, 1.0)
    }
}
