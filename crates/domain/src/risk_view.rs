//! What a risk check sees, and what it says when it refuses.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};

use crate::{BoardStanding, Book, ExchangeStatus, Mapping, Market, Money, Portfolio, Reason, Ticker};

/// Everything a risk check may depend on, as of one instant.
///
/// The portfolio includes every order approved earlier in the same event.
#[derive(Debug, Clone, Copy)]
pub struct RiskView<'a> {
    /// Now.
    pub at: DateTime<Utc>,
    /// What we own and owe.
    pub portfolio: &'a Portfolio,
    /// What each contract pays on.
    pub mappings: &'a BTreeMap<Ticker, Mapping>,
    /// Known markets.
    pub markets: &'a BTreeMap<Ticker, Market>,
    /// The latest book of each.
    pub books: &'a BTreeMap<Ticker, Book>,
    /// Which board stands, and when the leaderboard was last read.
    pub standing: &'a BoardStanding,
    /// Whether the exchange takes orders; `None` before it was asked.
    pub exchange: Option<ExchangeStatus>,
    /// Cash plus marked positions.
    pub equity: Money,
}

/// A refused order: why, with the figures.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{reason} {detail}")]
pub struct Refusal {
    /// The reason.
    pub reason: Reason,
    /// The figures, in words.
    pub detail: String,
}

impl Refusal {
    /// A refusal with its figures.
    #[must_use]
    pub fn new(reason: Reason, detail: impl Into<String>) -> Self {
        Self {
            reason,
            detail: detail.into(),
        }
    }
}
