//! What the stand-in world plays: the field of models, what the site shows when, which contracts are listed, what breaks.

mod contracts;
mod field;
mod script;

use std::sync::Arc;

use chrono::{DateTime, Utc};

use crate::site::SiteBoard;

pub use contracts::{ContractSet, INVENTED_LLM1_TIE_RULE, ListedContract, PublicClaim, TOP_MODEL_TIE_RULE};

/// What the site shows.
#[derive(Debug, Clone)]
pub enum Shown {
    /// The board.
    Board(Arc<SiteBoard>),
    /// A page that blocks the reader.
    Blocked,
    /// The page of another category.
    OtherCategory(Arc<SiteBoard>),
}

/// What the site shows from a moment on.
#[derive(Debug, Clone)]
pub struct Showing {
    /// From when.
    pub from: DateTime<Utc>,
    /// What.
    pub shown: Shown,
}

/// How a world is made.
#[derive(Debug, Clone, PartialEq)]
pub struct WorldOptions {
    /// Equal seeds make equal worlds.
    pub seed: u64,
    /// When the world begins.
    pub start: DateTime<Utc>,
    /// How many days of script are played.
    pub days: u32,
    /// Adds points to the score of one row of every board, rows counted from 1 at the start.
    pub tweak_row: Option<(usize, f64)>,
}

/// A world's script.
#[derive(Debug, Clone)]
pub struct Scenario {
    /// What the site shows, oldest first; never empty.
    pub timeline: Vec<Showing>,
    /// The contracts listed.
    pub contracts: ContractSet,
    /// When market data is down: from, until.
    pub outages: Vec<(DateTime<Utc>, DateTime<Utc>)>,
    /// How far behind the site the market makers are.
    pub market_lag: chrono::TimeDelta,
    /// How often the market makers quote anew.
    pub quote_every: chrono::TimeDelta,
}

impl Scenario {
    /// Days of virtual time with everything that happens to the real page.
    #[must_use]
    pub fn demo(options: &WorldOptions) -> Self {
        script::demo(options)
    }

    /// Wall time: the leader changes within seconds, and again every minute.
    #[must_use]
    pub fn live(options: &WorldOptions) -> Self {
        script::live(options)
    }

    /// What the site shows at a moment.
    #[must_use]
    pub fn shown(&self, at: DateTime<Utc>) -> Option<&Showing> {
        let index = self.timeline.partition_point(|showing| showing.from <= at);
        self.timeline.get(index.saturating_sub(1))
    }

    /// The latest board that the public could have seen at a moment: what the page shows, or showed before a disturbance.
    #[must_use]
    pub fn public_board(&self, at: DateTime<Utc>) -> Option<&Arc<SiteBoard>> {
        let index = self.timeline.partition_point(|showing| showing.from <= at);
        let seen = self.timeline.get(..index.max(1))?;
        seen.iter().rev().find_map(|showing| match &showing.shown {
            Shown::Board(board) => Some(board),
            Shown::Blocked | Shown::OtherCategory(_) => None,
        })
    }

    /// Whether market data is down at a moment.
    #[must_use]
    pub fn market_data_down(&self, at: DateTime<Utc>) -> bool {
        self.outages
            .iter()
            .any(|(from, until)| (*from..*until).contains(&at))
    }
}
