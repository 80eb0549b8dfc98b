//! What happened, for those who watch: the source of the WebSocket channels.

use autotrader_domain::{BookSide, Price, Ticker};
use chrono::{DateTime, Utc};

use super::listing::Determination;
use super::order::{FillRecord, OrderRecord, TradeRecord};

/// A step in a market's life that the real exchange announces.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LifecycleStep {
    /// Listed.
    Created,
    /// Open again after a pause.
    Activated,
    /// Paused.
    Deactivated,
    /// Its close time moved.
    CloseDateUpdated(DateTime<Utc>),
    /// Decided.
    Determined(Determination),
    /// Paid.
    Settled(DateTime<Utc>),
}

/// One thing that happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FeedEvent {
    /// The size at one price of one side of a book changed.
    Book {
        /// The market.
        ticker: Ticker,
        /// The side of the YES book.
        side: BookSide,
        /// The price level, a YES price.
        price: Price,
        /// The change in hundredths of a contract.
        delta: i64,
        /// The exchange's clock: counts book changes.
        clock: u64,
        /// When.
        at: DateTime<Utc>,
    },
    /// A public match.
    Trade(TradeRecord),
    /// An account's side of a match.
    Fill(FillRecord),
    /// An order of a member changed: how it is after the change.
    Order(Box<OrderRecord>),
    /// A step in a market's life.
    Lifecycle {
        /// The market.
        ticker: Ticker,
        /// The step.
        step: LifecycleStep,
        /// When.
        at: DateTime<Utc>,
    },
}
