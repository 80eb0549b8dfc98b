//! What the stand-in world plays: the field of models, what the site shows when, which contracts are listed, what breaks.

mod author;
mod contracts;
mod demo;
mod field;
mod live;

use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};

use crate::site::SiteBoard;
use live::LiveScript;

pub use contracts::{INVENTED_LLM1_TIE_RULE, ListedContract, PublicClaim, TOP_MODEL_TIE_RULE};

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
    /// How many days of script are played; the live script goes on for ever.
    pub days: u32,
    /// Adds points to the score of one row of every board, rows counted from 1 at the start.
    pub tweak_row: Option<(usize, f64)>,
}

/// A world's script.
#[derive(Debug, Clone)]
pub struct Scenario {
    /// What the site shows, oldest first; never empty.
    timeline: Vec<Showing>,
    /// Writes the timeline on as time passes.
    live: Option<LiveScript>,
    contracts: Vec<ListedContract>,
    outages: Vec<(DateTime<Utc>, DateTime<Utc>)>,
    market_lag: TimeDelta,
    quote_every: TimeDelta,
}

impl Scenario {
    /// Days of virtual time with everything that happens to the real page.
    #[must_use]
    pub fn demo(options: &WorldOptions) -> Self {
        demo::script(options)
    }

    /// Wall time: the leader changes within seconds, and again every minute.
    #[must_use]
    pub fn live(options: &WorldOptions) -> Self {
        live::script(options)
    }

    /// Writes the script on up to a moment; reads below see nothing later. A script of fixed length needs it not.
    pub(crate) fn extend_to(&mut self, at: DateTime<Utc>) {
        if let Some(live) = &mut self.live {
            live.extend(&mut self.timeline, at);
        }
    }

    /// Renames a model from a moment on; only the live script can be changed.
    pub(crate) fn rename_model(&mut self, name: &str, to: &str, at: DateTime<Utc>) -> bool {
        self.extend_to(at);
        match &mut self.live {
            Some(live) => live.rename(&mut self.timeline, name, to, at),
            None => false,
        }
    }

    /// What the site shows and when it changes, oldest first; of the live script only what is written and not yet forgotten.
    #[must_use]
    pub fn timeline(&self) -> &[Showing] {
        &self.timeline
    }

    /// The contracts listed, by check, series and rank at the start.
    #[must_use]
    pub fn contracts(&self) -> &[ListedContract] {
        &self.contracts
    }

    /// When market data is down: from, until.
    #[must_use]
    pub fn outages(&self) -> &[(DateTime<Utc>, DateTime<Utc>)] {
        &self.outages
    }

    /// How far behind the site the market is, in the middle.
    #[must_use]
    pub const fn market_lag(&self) -> TimeDelta {
        self.market_lag
    }

    /// How often the market makers look again.
    #[must_use]
    pub const fn quote_every(&self) -> TimeDelta {
        self.quote_every
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

    /// The name of the site's deployment at a moment: a new one every day at 21:00 UTC, so that the page's shell changes
    /// while the board stays.
    #[must_use]
    pub fn build(&self, at: DateTime<Utc>) -> String {
        let deployed = (at - TimeDelta::hours(21)).date_naive();
        format!("dpl_StandIn{}", deployed.format("%Y%m%d"))
    }
}
