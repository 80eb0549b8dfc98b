//! What a strategy sees, what it wants, and why.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::{
    BoardHistory, BoardStanding, Book, BookSide, ClientOrderId, CoherenceFinding, Contracts, ExchangeStatus,
    ForecastRecord, Intent, Mapping, Market, Money, Net, Portfolio, Price, Reason, Ticker,
};

/// Everything a decision may depend on, as of one instant.
#[derive(Debug, Clone, Copy)]
pub struct MarketView<'a> {
    /// Now.
    pub at: DateTime<Utc>,
    /// Which board stands.
    pub standing: &'a BoardStanding,
    /// What past boards tell.
    pub history: &'a BoardHistory,
    /// Known markets.
    pub markets: &'a BTreeMap<Ticker, Market>,
    /// What the mapping gate says of each.
    pub mappings: &'a BTreeMap<Ticker, Mapping>,
    /// The latest book of each.
    pub books: &'a BTreeMap<Ticker, Book>,
    /// What we own and owe.
    pub portfolio: &'a Portfolio,
    /// Whether the exchange takes orders; `None` before it was asked.
    pub exchange: Option<ExchangeStatus>,
}

/// What is to be done on one contract.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "do")]
pub enum Action {
    /// Nothing.
    Hold,
    /// Open or add.
    Enter {
        /// Side of the YES book.
        side: BookSide,
        /// How many contracts.
        contracts: Contracts,
        /// Limit, a YES price.
        limit: Price,
    },
    /// Reduce.
    Exit {
        /// Side of the YES book.
        side: BookSide,
        /// How many contracts.
        contracts: Contracts,
        /// Limit, a YES price.
        limit: Price,
    },
}

/// An entry that was not made: what it would have been.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Wanted {
    /// Side of the YES book.
    pub side: BookSide,
    /// How many contracts.
    pub contracts: Contracts,
    /// Limit, a YES price.
    pub limit: Price,
    /// What they would have cost at the price of the outcome bought, fees apart.
    pub cost: Money,
    /// The fees.
    pub fees: Money,
}

/// One line of the why-ledger: what was thought of one contract and what became of it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Why {
    /// The market.
    pub ticker: Ticker,
    /// When.
    pub at: DateTime<Utc>,
    /// The model's probability of YES.
    pub fair: Option<f64>,
    /// The market's de-vigged probability of YES.
    pub market: Option<f64>,
    /// The probability traded on.
    pub pooled: Option<f64>,
    /// Expected profit per contract after fees of the better side, in dollars.
    pub edge: Option<f64>,
    /// The wanted net position.
    pub target: Option<Net>,
    /// The position held.
    pub position: Net,
    /// What is to be done.
    pub action: Action,
    /// The first reason that blocked more.
    pub reason: Option<Reason>,
    /// The reason that would block next if the first went away.
    pub next_reason: Option<Reason>,
    /// What other estimators would say, by name.
    pub baselines: BTreeMap<String, f64>,
    /// What would have been entered had nothing forbidden it; `None` when it is entered, or not worth it.
    #[serde(default)]
    pub wanted: Option<Wanted>,
}

impl Why {
    /// Whether two lines say the same: action, reason or target decide, not the drift of prices.
    #[must_use]
    pub fn same_decision(&self, other: &Self) -> bool {
        self.action == other.action && self.reason == other.reason && self.target == other.target
    }
}

/// What a strategy wants done.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Evaluation {
    /// New orders, the most valuable first.
    pub intents: Vec<Intent>,
    /// Resting orders to withdraw, whatever it costs.
    pub cancels: Vec<ClientOrderId>,
    /// Resting orders to withdraw so that another can take their place, the most valuable first: only as many as may be
    /// placed anew.
    pub refreshes: Vec<ClientOrderId>,
    /// One line for every known contract.
    pub why: Vec<Why>,
    /// What every estimator says of every check.
    pub forecasts: Vec<ForecastRecord>,
    /// Prices that contradict each other, where that is worth something after fees.
    pub coherence: Vec<CoherenceFinding>,
}
