//! What a leaderboard is and who wins it: entries, rank bounds, rule sets and an explanation.
//!
//! This crate stands alone: no mandatory dependency, no IO, no clock, no randomness. Every function is total:
//! NaN, infinities, duplicate names, empty boards and negative votes have defined results, and no result depends on
//! the order of the entries.
//!
//! - [`resolve_top_model`] and [`resolve_top_org`] settle a board under a [`RuleSet`]; an [`Outcome`] says what a
//!   contract on a model or an organisation receives.
//! - [`explain`] tells step by step why, what was missing, and which other reading would name another winner.
//! - [`rank_bounds`] computes the ranks a model can claim from unrounded intervals.
//!
//! Feature `serde` derives `Serialize` and `Deserialize` for all of it.

mod board;
mod decimal;
mod explain;
mod order;
mod rank_bounds;
mod rating;
mod release_date;
mod resolve;
mod rules;
mod words;

pub use board::{Board, Entry};
pub use explain::{
    Explanation, ImpreciseDate, Missing, OtherReading, OutcomeKind, Step, Winner, explain, other_readings,
};
pub use order::{settlement_cmp, settlement_order};
pub use rank_bounds::{RankBounds, rank_bounds};
pub use rating::{Rating, RatingError};
pub use release_date::{ReleaseDate, ReleaseDateError};
pub use resolve::{Outcome, Payment, resolve_top_model, resolve_top_org};
pub use rules::{Criterion, Rule, RuleSet, RuleVersion, ScorePrecision, UnknownRule};

/// The README's examples, tested with the others.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
