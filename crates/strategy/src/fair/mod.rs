//! Fair value: how probable each claim is, by an estimator.
//!
//! An [`Estimator`] turns a board, its history, a horizon and a rule set into a [`Forecast`]: one distribution over the
//! models of the board and "a model that the board does not list". An organisation's probability is the sum over its
//! models plus its share of the unlisted, so the contracts of both series agree by construction (the baselines that are
//! scored against say of organisations something of their own). [`forecast()`] is the way in: it answers for itself once
//! the check is past, because then the current winner is the winner.
//!
//! | estimator | says |
//! |---|---|
//! | [`BoardWalk`] | a closed form over revisions of scores, refreshes, arrivals, the tie-break and an identity hazard |
//! | [`Persistence`] | the winner stays as often as winners have stayed, lately or ever |
//! | [`RankTable`] | a fixed table by best possible rank |

mod arrivals;
mod board_walk;
pub mod case;
mod forecast;
mod normal;
mod persistence;
mod rank_table;
mod ranked;

pub use arrivals::ArrivalRates;
pub use board_walk::BoardWalk;
pub use forecast::{Ends, Forecast};
pub use persistence::Persistence;
pub use rank_table::{PublishedRankTable, RankTable};
pub use ranked::RankedBoard;

use std::fmt;

use autotrader_domain::BoardHistory;
use chrono::{DateTime, TimeDelta, Utc};

use crate::params::{EstimatorKind, Params};

/// What an estimator is asked.
#[derive(Debug, Clone, Copy)]
pub struct Question<'q, 'a> {
    /// The accepted board, in the order of settlement.
    pub board: &'q RankedBoard<'a>,
    /// The boards before it; nothing in it that is later than `at` enters a forecast.
    pub history: &'q BoardHistory,
    /// How often contenders arrive, and whose they are.
    pub rates: &'q ArrivalRates<'a>,
    /// Now.
    pub at: DateTime<Utc>,
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

    /// The same with the rate of arrivals at both ends of its relative `uncertainty` too.
    ///
    /// The horizon is positive. An estimator that can share work between the three overrides this.
    fn ends<'a>(&self, question: &Question<'_, 'a>, uncertainty: f64) -> Option<Ends<'a>> {
        let [fewer, central, more] = factors(question.arrivals, uncertainty);
        let at = |arrivals: f64| {
            self.forecast(&Question {
                arrivals,
                ..*question
            })
        };
        Some(Ends {
            fewer: at(fewer)?,
            central: at(central)?,
            more: at(more)?,
        })
    }
}

/// The least, the central and the greatest factor of the rate of arrivals.
fn factors(arrivals: f64, uncertainty: f64) -> [f64; 3] {
    [
        arrivals * (1.0 - uncertainty).max(0.0),
        arrivals,
        arrivals * (1.0 + uncertainty),
    ]
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

/// Asks an estimator for both ends of the uncertainty about arrivals, unless the check is past.
#[must_use]
pub fn ends<'a>(
    estimator: &dyn Estimator,
    question: &Question<'_, 'a>,
    uncertainty: f64,
) -> Option<Ends<'a>> {
    if question.horizon > TimeDelta::zero() {
        return estimator.ends(question, uncertainty);
    }
    let certain = Forecast::certain(question.board.winner()?);
    Some(Ends {
        fewer: certain.clone(),
        central: certain.clone(),
        more: certain,
    })
}

/// One estimator by its kind, with its parameters.
#[must_use]
pub fn estimator(kind: EstimatorKind, params: &Params) -> Box<dyn Estimator> {
    match kind {
        EstimatorKind::BoardWalk => Box::new(BoardWalk::new(params.board_walk.clone())),
        EstimatorKind::Persistence => Box::new(Persistence::over_all()),
        EstimatorKind::RecencyPersistence => Box::new(Persistence::over_recent()),
        EstimatorKind::RankTable => Box::new(RankTable {
            table: params.rank_table.clone(),
        }),
    }
}

/// The estimators that the parameters describe: the selected one first, then the others as baselines.
#[must_use]
pub fn estimators(params: &Params) -> (Box<dyn Estimator>, Vec<Box<dyn Estimator>>) {
    let others = EstimatorKind::ALL
        .into_iter()
        .filter(|kind| *kind != params.estimator);
    (
        estimator(params.estimator, params),
        others.map(|kind| estimator(kind, params)).collect(),
    )
}

/// A time in fractional days.
fn days(time: TimeDelta) -> f64 {
    (time.num_seconds() as f64 + f64::from(time.subsec_nanos()) * 1e-9) / 86_400.0
}
