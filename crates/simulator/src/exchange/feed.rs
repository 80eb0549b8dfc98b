//! What happened, for those who watch: the source of the WebSocket channels.

use autotrader_domain::{BookSide, EventTicker, Price, Ticker};
use chrono::{DateTime, Utc};

use super::account::Holding;
use super::group::OrderGroupStep;
use super::ids::{AccountId, OrderGroupId};
use super::listing::{Determination, FeeTerms, PriceStructure};
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
    /// Its price grid changed; what rests stays.
    PriceLevelsUpdated(PriceStructure),
    /// What it is about was written anew: its label and strike are those of the listing now.
    MetadataUpdated,
}

/// The member whose resting order changed a book.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BookCause {
    /// Who.
    pub account: AccountId,
    /// The participant's id of that order.
    pub client_order_id: Option<String>,
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
        /// The member whose resting order changed; nobody for the scenery's orders.
        cause: Option<BookCause>,
        /// When.
        at: DateTime<Utc>,
    },
    /// A public match.
    Trade(TradeRecord),
    /// An account's side of a match.
    Fill(FillRecord),
    /// An order of a member changed: how it is after the change.
    Order(Box<OrderRecord>),
    /// A member's position in a market changed: how it is after the change.
    Position {
        /// Whose.
        account: AccountId,
        /// The market.
        ticker: Ticker,
        /// The holding.
        holding: Holding,
        /// When.
        at: DateTime<Utc>,
    },
    /// An order group changed.
    OrderGroup {
        /// Whose.
        account: AccountId,
        /// Which.
        group: OrderGroupId,
        /// How.
        step: OrderGroupStep,
        /// When.
        at: DateTime<Utc>,
    },
    /// An event was listed.
    EventCreated {
        /// The event.
        event: EventTicker,
        /// When.
        at: DateTime<Utc>,
    },
    /// An event's fees were set apart from its series', or fell back to them (`None`).
    EventFee {
        /// The event.
        event: EventTicker,
        /// The fees from now on.
        terms: Option<FeeTerms>,
        /// When.
        at: DateTime<Utc>,
    },
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
