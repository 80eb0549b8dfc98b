//! What the tests of fair value share: asking, claims, comparing, and where captures are.

use std::path::PathBuf;

use autotrader_domain::{BoardHistory, Claim, HistoryEvent, Sight};
use autotrader_settlement::{Board, Entry, RuleSet};
use autotrader_strategy::Params;
use autotrader_strategy::fair::{ArrivalRates, Forecast, Question, RankedBoard, estimator, forecast};
use autotrader_strategy::params::EstimatorKind;
use chrono::{DateTime, TimeDelta, Utc};

/// What a question is about, owned.
#[derive(Debug, Clone)]
pub struct Asked {
    pub board: Board,
    pub history: BoardHistory,
    pub at: DateTime<Utc>,
    pub horizon: TimeDelta,
    pub params: Params,
    pub rules: RuleSet,
    pub arrivals: f64,
}

pub fn time(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

impl Asked {
    /// A board without a history, some days before the check, at the deployed parameters.
    pub fn about(board: Board, days: i64) -> Self {
        Self {
            board,
            history: BoardHistory::default(),
            at: time("2026-03-01T00:00:00Z"),
            horizon: TimeDelta::days(days),
            params: Params::default(),
            rules: RuleSet::default(),
            arrivals: 1.0,
        }
    }

    /// What an estimator answers, handed to a reader.
    pub fn answer<T>(&self, kind: EstimatorKind, read: impl FnOnce(&Forecast<'_>) -> T) -> Option<T> {
        self.with(|question| {
            forecast(estimator(kind, &self.params).as_ref(), question)
                .as_ref()
                .map(read)
        })
    }

    /// The question, handed to somebody who asks it.
    pub fn with<T>(&self, ask: impl FnOnce(&Question<'_, '_>) -> T) -> T {
        let board = RankedBoard::new(&self.board.entries, self.rules);
        let rates = ArrivalRates::of(&board, &self.history, self.at, &self.params.board_walk);
        ask(&Question {
            board: &board,
            history: &self.history,
            rates: &rates,
            at: self.at,
            horizon: self.horizon,
            arrivals: self.arrivals,
        })
    }

    /// The probability of a claim.
    pub fn worth(&self, kind: EstimatorKind, claim: &Claim) -> f64 {
        self.answer(kind, |forecast| forecast.probability(claim)).unwrap()
    }
}

pub fn model(name: &str) -> Claim {
    Claim::Model {
        model_name: name.to_owned(),
        organization: None,
    }
}

pub fn lab(name: &str) -> Claim {
    Claim::Organization {
        organization: name.to_owned(),
    }
}

#[track_caller]
pub fn close(value: f64, expected: f64) {
    within(value, expected, 1e-9);
}

#[track_caller]
pub fn within(value: f64, expected: f64, tolerance: f64) {
    assert!(
        (value - expected).abs() <= tolerance,
        "{value} instead of {expected}"
    );
}

/// Lets a history see a board.
pub fn see(
    history: &mut BoardHistory,
    at: DateTime<Utc>,
    board: &Board,
    previous: Option<&Board>,
) -> Vec<HistoryEvent> {
    let ranked = RankedBoard::by_scores(&board.entries, RuleSet::default());
    history.observe(&Sight {
        at,
        entries: &board.entries,
        leader: ranked.winner(),
        previous: previous.map(|board| board.entries.as_slice()),
        comparable: true,
        renames: &[],
    })
}

/// A model was listed first at a time.
pub fn listed(history: &mut BoardHistory, at: DateTime<Utc>, entry: &Entry) {
    history.apply(&HistoryEvent::Listed {
        at,
        model_name: entry.model_name.clone(),
        organization: entry.organization.clone(),
    });
}

/// A file of the captures, when they are beside the checkout.
pub fn shared(path: &str) -> Option<PathBuf> {
    let told = variable("AUTOTRADER_SHARED");
    let beside = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared");
    let file = PathBuf::from(told.unwrap_or_else(|| beside.to_owned())).join(path);
    if file.exists() {
        return Some(file);
    }
    println!("skipped: {path} is not beside the checkout (../shared, or AUTOTRADER_SHARED)");
    None
}

#[expect(
    clippy::disallowed_methods,
    reason = "where captures and tools are is told to tests by the environment"
)]
pub fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok()
}
