//! Contract mapping, fair value, pooling and sizing: from a board and books to intents and reasons.
//!
//! [`LeaderboardAlpha`] implements [`Strategy`](autotrader_domain::ports::Strategy). It is pure: no clock, no
//! randomness, no IO; the same view gives the same evaluation, in the same order. One evaluation goes through:
//!
//! | module | question |
//! |---|---|
//! | [`mapping`] | what does each contract pay on, under which rules, and is its text approved? |
//! | [`fair`] | how probable is each claim, by the selected [`fair::Estimator`]? |
//! | [`prior`] | what does the market say, without the over-round? |
//! | [`pool`] | what probability is traded on, given how fresh the news is? |
//! | [`guards`], [`timing`] | what forbids an entry? |
//! | [`edge`], [`sizing`] | which side pays after exact fees, and how many contracts? |
//! | [`resting`] | at which price does an entry rest, and what becomes of one that does? |
//! | [`exits`] | is a position worth more sold than held? |
//! | [`coherence`] | do the prices of some contracts contradict each other, whatever anybody believes? |
//! | [`why`] | the line of the why-ledger, and the same in words |
//!
//! Money is never an `f64`; probabilities, edges and utilities are.

mod alpha;
pub mod coherence;
pub mod edge;
mod evaluate;
pub mod exits;
pub mod fair;
pub mod guards;
pub mod kelly;
pub mod mapping;
pub mod params;
pub mod pool;
pub mod prior;
pub mod resting;
pub mod sizing;
pub mod states;
pub mod timing;
pub mod why;

pub use alpha::LeaderboardAlpha;
pub use mapping::{ApprovedRules, MapLine, map_report};
pub use params::{EntryStyle, EstimatorKind, Params, ParamsError};
