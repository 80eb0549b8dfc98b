//! Readings for the tests of the vintage rules.
#![allow(dead_code, clippy::unwrap_used, clippy::panic)]

use std::collections::hash_map::DefaultHasher;
use std::hash::{Hash, Hasher};
use std::sync::Arc;
use std::time::Duration;

use autotrader_arena_signals::{VintageKeeper, VintageSettings};
use autotrader_domain::ports::SignalSource;
use autotrader_domain::{
    BoardHash, GateReason, GateReasonCode, GatedBoard, Observation, ParsePath, Reading, ReadingOutcome,
    Verdict, Vintage,
};
use autotrader_settlement::Board;
use chrono::{DateTime, TimeDelta, Utc};

/// The start of every test.
pub fn start() -> DateTime<Utc> {
    "2026-05-07T18:00:00Z".parse().unwrap()
}

pub fn at(second: i64) -> DateTime<Utc> {
    start() + TimeDelta::seconds(second)
}

/// A stamp so many hours after the first.
pub fn stamp(hour: i64) -> Vintage {
    Vintage(start() - TimeDelta::hours(4) + TimeDelta::hours(hour))
}

/// An identifying hash for a test's board: equal boards, equal hashes.
pub fn hash_of(board: &Board) -> BoardHash {
    let mut hasher = DefaultHasher::new();
    format!("{board:?}").hash(&mut hasher);
    let mut bytes = [0; 32];
    bytes[..8].copy_from_slice(&hasher.finish().to_be_bytes());
    BoardHash(bytes)
}

/// A tradable, complete page of the exact path.
pub fn page(board: &Board, hour: i64) -> GatedBoard {
    GatedBoard {
        verdict: Verdict::Tradable,
        reasons: Vec::new(),
        path: Some(ParsePath::Flight),
        slug: Some("overall-no-style-control".to_owned()),
        category: Some("overall".to_owned()),
        style_control: Some(false),
        vintage: Some(stamp(hour)),
        hash: hash_of(board),
        total_models: u64::try_from(board.entries.len()).ok(),
        total_votes: None,
        board: Arc::new(board.clone()),
        anomalies: Vec::new(),
    }
}

/// The page with another verdict and the reason for it.
pub fn judged(mut page: GatedBoard, code: GateReasonCode) -> GatedBoard {
    page.verdict = code.verdict();
    page.reasons.push(GateReason {
        code,
        detail: "seen in a test".to_owned(),
    });
    page
}

fn reading(second: i64, origin: &str, outcome: ReadingOutcome) -> Reading {
    Reading {
        source: "primary".to_owned(),
        fetched_at: at(second),
        origin: origin.to_owned(),
        latency: Duration::from_millis(120),
        bytes: 2_457_537,
        outcome,
    }
}

/// A reading that brought a page.
pub fn showing(second: i64, origin: &str, page: GatedBoard) -> Reading {
    let outcome = ReadingOutcome::Page {
        page: Arc::new(page),
        unchanged: false,
    };
    reading(second, origin, outcome)
}

/// A reading that brought nothing.
pub fn failing(second: i64) -> Reading {
    let outcome = ReadingOutcome::Failed {
        code: "timeout".to_owned(),
        detail: "no answer in 15 s".to_owned(),
    };
    reading(second, "", outcome)
}

/// A keeper and what it said.
pub struct Play {
    pub keeper: VintageKeeper,
}

impl Play {
    pub fn new() -> Self {
        Self::with(VintageSettings::default())
    }

    pub fn with(settings: VintageSettings) -> Self {
        Self {
            keeper: VintageKeeper::new(settings),
        }
    }

    /// A play whose first reading, at second 0, made `board` of hour 0 current.
    pub fn on(board: &Board) -> Self {
        let mut play = Self::new();
        let seen = play.show(0, board, 0);
        assert!(seen.accepted.is_some(), "the first board is accepted");
        play
    }

    /// Shows a page of its own origin.
    pub fn show(&mut self, second: i64, board: &Board, hour: i64) -> Observation {
        self.read(&showing(second, &format!("origin-{second}"), page(board, hour)))
    }

    pub fn read(&mut self, reading: &Reading) -> Observation {
        self.keeper.observe(reading)
    }

    /// The hash of the accepted board.
    pub fn accepted(&self) -> BoardHash {
        self.keeper.standing().accepted.as_ref().unwrap().hash
    }

    /// The names of the alerts of an observation.
    pub fn alerts(seen: &Observation) -> Vec<&str> {
        seen.alerts.iter().map(|alert| alert.name.as_str()).collect()
    }
}
