//! What the stream tells.

use autotrader_domain::{
    BookSide, Contracts, EventTicker, FeeSchedule, Fill, Money, Net, OrderState, Price, PriceGrid,
    SeriesTicker, SettlementResult, Ticker, VenueOrderId,
};
use chrono::{DateTime, Utc};

use super::{Channel, StreamErrorCode};

/// One thing the stream told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StreamEvent {
    /// The connection is up and everything is being asked for.
    Connected,
    /// The connection is gone; every book is unknown until it is back.
    Disconnected {
        /// Why.
        why: DisconnectCause,
    },
    /// A book changed or became known: read it from [`LiveBooks`](super::LiveBooks). Changes coalesce.
    BookChanged(Ticker),
    /// A book is not known any more. It will be told when it is again.
    BookUnknown {
        /// The market.
        ticker: Ticker,
        /// Why.
        why: UnknownCause,
    },
    /// Best prices and volume of a market. Coalesces: only the latest of a market is kept for a slow reader.
    Quote(Quote),
    /// A public trade.
    Trade(PublicTrade),
    /// An execution of the account. Not numbered by the exchange: the same one may come twice, and one may be missing.
    Fill(StreamFill),
    /// An order of the account was created or changed.
    Order(UserOrder),
    /// A position of the account changed.
    Position(PositionUpdate),
    /// A market was created, paused, resumed, decided, settled or given new terms.
    Lifecycle(MarketChange),
    /// An event was created.
    EventCreated(EventCreated),
    /// The fee terms of an event were overridden or restored.
    EventFee(EventFee),
    /// An order group changed.
    OrderGroup(OrderGroupChange),
    /// Something may have been missed: read fills, orders and positions by REST.
    Reconcile {
        /// Why.
        why: ReconcileCause,
    },
    /// The exchange refuses a channel; it is not asked for again on this connection.
    Refused {
        /// The channel.
        channel: Channel,
        /// The exchange's code.
        code: StreamErrorCode,
        /// The exchange's words.
        detail: String,
    },
}

/// Why the connection is gone, by what helps.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DisconnectCause {
    /// The exchange refused the handshake: a person must look at key, permissions or clock. It is tried again, slowly.
    Unauthorized(String),
    /// This client refuses to connect there.
    NotAllowed(String),
    /// The connection could not be made.
    Unreachable(String),
    /// The connection broke or was closed by the exchange.
    Lost(String),
    /// Nothing was heard for too long.
    Silent,
    /// A command got no answer in time.
    NoReply(&'static str),
    /// Subscriptions kept failing, so everything is started over.
    StartOver(String),
}

/// Why a book is not known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UnknownCause {
    /// The connection is gone.
    Disconnected,
    /// Messages are missing from the subscription's numbering.
    Gap,
    /// A message could not be read.
    Unreadable,
    /// A change does not fit the book: a size below zero, or an impossible price.
    Corrupt,
    /// The book stayed crossed.
    Crossed,
    /// The exchange ended the subscription.
    Ended,
    /// The exchange refuses this market or channel.
    Refused,
}

/// Why something may have been missed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReconcileCause {
    /// A connection was made: what happened before is not told.
    Connected,
    /// Messages are missing from a channel's numbering.
    Gap(Channel),
    /// A message could not be read.
    Unreadable,
    /// A subscription was ended and made anew.
    Resubscribed(Channel),
    /// The reader was too slow and events were dropped.
    Overflow,
}

/// Best prices and volume of a market.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Quote {
    /// The market.
    pub ticker: Ticker,
    /// Last traded YES price.
    pub last: Price,
    /// Best YES bid; zero when there is none.
    pub yes_bid: Price,
    /// Best YES ask; one dollar when there is none.
    pub yes_ask: Price,
    /// Contracts at the best bid.
    pub yes_bid_size: Contracts,
    /// Contracts at the best ask.
    pub yes_ask_size: Contracts,
    /// Contracts of the last trade.
    pub last_size: Contracts,
    /// Contracts traded in all.
    pub volume: Contracts,
    /// Open contracts.
    pub open_interest: Contracts,
    /// When, at the exchange.
    pub at: DateTime<Utc>,
}

/// A public trade.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublicTrade {
    /// The exchange's id of the trade.
    pub trade_id: String,
    /// The market.
    pub ticker: Ticker,
    /// YES price.
    pub price: Price,
    /// How many contracts.
    pub contracts: Contracts,
    /// Side of the YES book that took.
    pub taker_side: BookSide,
    /// Whether it was matched off the book.
    pub is_block: bool,
    /// When, at the exchange.
    pub at: DateTime<Utc>,
}

/// An execution of the account, with the position after it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StreamFill {
    /// The execution.
    pub fill: Fill,
    /// Net position in the market after it.
    pub position_after: Net,
    /// Shard of the market.
    pub exchange_index: i32,
    /// Subaccount; zero is the main account.
    pub subaccount: u32,
}

/// An order of the account as it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UserOrder {
    /// The exchange's id.
    pub venue_order_id: VenueOrderId,
    /// The id it was placed with; `None` when it was placed without.
    pub client_order_id: Option<String>,
    /// The market.
    pub ticker: Ticker,
    /// Resting, Filled or Canceled; Unknown for a status this version does not know.
    pub state: OrderState,
    /// Side of the YES book.
    pub side: BookSide,
    /// YES price.
    pub price: Price,
    /// Contracts filled.
    pub filled: Contracts,
    /// Contracts still on the book.
    pub remaining: Contracts,
    /// Contracts asked for.
    pub initial: Contracts,
    /// Fees paid as taker and as maker.
    pub fees: Money,
    /// Why it changed, in the exchange's words (`Trade`, `Amend`, `ExpiryCancel` …), when it says.
    pub reason: Option<String>,
    /// The order group, when it belongs to one.
    pub order_group_id: Option<String>,
    /// When it changed, at the exchange, when it says.
    pub updated_at: Option<DateTime<Utc>>,
    /// When it expires, when it does.
    pub expires_at: Option<DateTime<Utc>>,
    /// Shard of the market.
    pub exchange_index: i32,
}

/// A position of the account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PositionUpdate {
    /// The market.
    pub ticker: Ticker,
    /// Net YES contracts.
    pub net: Net,
    /// Cost of the position.
    pub cost: Money,
    /// Realised profit or loss.
    pub realised: Money,
    /// Fees paid in all.
    pub fees: Money,
    /// Subaccount; zero is the main account.
    pub subaccount: u32,
}

/// What happened to a market.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MarketChangeKind {
    /// Created.
    Created,
    /// Trading starts or resumes.
    Activated,
    /// Trading pauses.
    Deactivated,
    /// It closes at another time.
    CloseDateUpdated,
    /// It was decided.
    Determined,
    /// It was paid.
    Settled,
    /// Its price grid changed.
    PriceGridUpdated,
    /// Its strike or subtitle changed.
    MetadataUpdated,
    /// Something this version does not know, in the exchange's word.
    Other(String),
}

/// A change of a market. Fields that the exchange sends with some kinds only are `None` with the others.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MarketChange {
    /// The market.
    pub ticker: Ticker,
    /// What happened.
    pub kind: MarketChangeKind,
    /// When trading opens.
    pub open_at: Option<DateTime<Utc>>,
    /// When trading closes.
    pub close_at: Option<DateTime<Utc>>,
    /// When it was decided or paid.
    pub decided_at: Option<DateTime<Utc>>,
    /// How it was decided.
    pub result: Option<SettlementResult>,
    /// What a YES contract pays.
    pub settlement_value: Option<Price>,
    /// Its price grid.
    pub grid: Option<PriceGrid>,
}

/// A new event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EventCreated {
    /// The event.
    pub event: EventTicker,
    /// Its series.
    pub series: SeriesTicker,
    /// Its title.
    pub title: String,
    /// How collateral is returned: `MECNET`, `DIRECNET` or empty.
    pub collateral_return: String,
    /// Shard of its markets.
    pub exchange_index: i32,
}

/// Fee terms of an event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EventFee {
    /// The event.
    pub event: EventTicker,
    /// The override; `None` when the series' terms hold again.
    pub terms: Option<FeeSchedule>,
}

/// What happened to an order group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OrderGroupChangeKind {
    /// Created.
    Created,
    /// Its limit was reached or it was triggered: its orders are cancelled and new ones refused.
    Triggered,
    /// Ready again.
    Reset,
    /// Gone.
    Deleted,
    /// Its limit changed.
    LimitUpdated,
    /// Something this version does not know, in the exchange's word.
    Other(String),
}

/// A change of an order group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OrderGroupChange {
    /// The group.
    pub order_group_id: String,
    /// What happened.
    pub kind: OrderGroupChangeKind,
    /// The limit in contracts, when it was created or changed.
    pub limit: Option<Contracts>,
    /// When, at the exchange.
    pub at: DateTime<Utc>,
}
