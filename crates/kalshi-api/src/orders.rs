//! Reads of the account's orders.

use autotrader_domain::ports::FeedError;
use autotrader_domain::{BookSide, Contracts, EventTicker, Money, Price, Ticker, VenueOrderId};
use chrono::{DateTime, Utc};
use futures_util::Stream;
use serde::Deserialize;

use crate::KalshiClient;
use crate::order_groups::OrderGroupId;
use crate::parse::decode::schema;
use crate::question::{Question, TimeRange, comma_separated};
use crate::subaccount::Subaccount;
use crate::wire::Page;
use crate::word::Word;

/// One order of the account with all its figures. Source: `Order` of the OpenAPI document.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct AccountOrder {
    /// The exchange's id.
    pub order_id: VenueOrderId,
    /// The id it was placed with; empty when it was placed without one.
    pub client_order_id: String,
    /// The market.
    pub ticker: Ticker,
    /// Where it is in its life.
    pub status: Word<OrderStatus>,
    /// Its side of the YES book.
    #[serde(rename = "book_side")]
    pub side: Word<BookSide>,
    /// Its limit, a YES price.
    #[serde(rename = "yes_price_dollars")]
    pub limit: Price,
    /// Contracts when it was placed or last amended.
    #[serde(rename = "initial_count_fp")]
    pub initial: Contracts,
    /// Contracts filled.
    #[serde(rename = "fill_count_fp")]
    pub filled: Contracts,
    /// Contracts on the book.
    #[serde(rename = "remaining_count_fp")]
    pub remaining: Contracts,
    /// What its fills as taker cost, in dollars.
    #[serde(rename = "taker_fill_cost_dollars")]
    pub taker_cost: Money,
    /// What its fills as maker cost, in dollars.
    #[serde(rename = "maker_fill_cost_dollars")]
    pub maker_cost: Money,
    /// Fees of its fills as taker, in dollars.
    #[serde(rename = "taker_fees_dollars")]
    pub taker_fees: Money,
    /// Fees of its fills as maker, in dollars.
    #[serde(rename = "maker_fees_dollars")]
    pub maker_fees: Money,
    /// When the exchange removes what is left.
    #[serde(default)]
    pub expiration_time: Option<DateTime<Utc>>,
    /// When it was placed.
    #[serde(default)]
    pub created_time: Option<DateTime<Utc>>,
    /// When it last changed.
    #[serde(default)]
    pub last_update_time: Option<DateTime<Utc>>,
    /// Its group.
    #[serde(default)]
    pub order_group_id: Option<OrderGroupId>,
    /// Whether a pause of trading cancels it.
    #[serde(default)]
    pub cancel_order_on_pause: Option<bool>,
    /// The part of the account it belongs to.
    #[serde(default)]
    pub subaccount_number: Option<u8>,
    /// The shard of its market.
    #[serde(default)]
    pub exchange_index: Option<i32>,
}

/// Where an order is in its life, as the exchange says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OrderStatus {
    /// On the book.
    Resting,
    /// Cancelled, possibly after some fills.
    Canceled,
    /// All filled.
    Executed,
}

impl OrderStatus {
    const fn word(self) -> &'static str {
        match self {
            Self::Resting => "resting",
            Self::Canceled => "canceled",
            Self::Executed => "executed",
        }
    }
}

/// Which orders to list. The default lists all of the account and its parts.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct OrdersQuery {
    /// Only of this market.
    pub ticker: Option<Ticker>,
    /// Only of this event.
    pub event: Option<EventTicker>,
    /// Only those placed within this range.
    pub within: TimeRange,
    /// Only those in this state.
    pub status: Option<OrderStatus>,
    /// Of this part of the account.
    pub subaccount: Option<Subaccount>,
    /// Only of this shard.
    pub exchange_index: Option<i32>,
}

/// How far back in its queue an order stands.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct QueuePosition {
    /// The order.
    pub order_id: VenueOrderId,
    /// Its market.
    #[serde(rename = "market_ticker")]
    pub ticker: Ticker,
    /// Contracts that trade before it.
    #[serde(rename = "queue_position_fp")]
    pub ahead: Contracts,
}

/// Whose queue positions to read: the exchange wants markets or an event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum QueueScope {
    /// Of the resting orders in these markets.
    Markets(Vec<Ticker>),
    /// Of the resting orders in this event.
    Event(EventTicker),
}

#[derive(Deserialize)]
struct OrderAnswer {
    order: AccountOrder,
}

#[derive(Deserialize)]
struct OrdersPage {
    orders: Vec<AccountOrder>,
    cursor: String,
}

impl Page for OrdersPage {
    type Item = AccountOrder;

    fn split(self) -> Result<(Vec<AccountOrder>, String), FeedError> {
        Ok((self.orders, self.cursor))
    }

    fn key(item: &AccountOrder) -> String {
        item.order_id.to_string()
    }
}

#[derive(Deserialize)]
struct QueueAnswer {
    queue_position_fp: Contracts,
}

#[derive(Deserialize)]
struct QueuesAnswer {
    queue_positions: Vec<QueuePosition>,
}

impl KalshiClient {
    /// One order with all its figures. Cancellation-safe: it only reads.
    ///
    /// A single read after a write may be old: it was seen resting 360 ms after its acknowledged cancel.
    ///
    /// # Errors
    /// [`FeedError`] when no readable answer comes, or one about another order.
    pub async fn account_order(&self, order_id: &VenueOrderId) -> Result<AccountOrder, FeedError> {
        let question = Question::signed(&["portfolio", "orders", order_id.as_str()]);
        let OrderAnswer { order } = self.read(&question).await?;
        if order.order_id == *order_id {
            Ok(order)
        } else {
            let words = format!("asked for {order_id}, answered {}", order.order_id);
            Err(schema("$.order.order_id", &words))
        }
    }

    /// Orders, newest first, page by page. Cancellation-safe: it only reads. The first error ends the stream.
    ///
    /// Cancelled and executed orders leave this listing after about three months.
    pub fn list_orders(
        &self,
        query: &OrdersQuery,
    ) -> impl Stream<Item = Result<AccountOrder, FeedError>> + Send + use<'_> {
        let question = Question::signed(&["portfolio", "orders"])
            .with("limit", 1000)
            .maybe("ticker", query.ticker.as_ref())
            .maybe("event_ticker", query.event.as_ref())
            .between("min_ts", "max_ts", query.within)
            .maybe("status", query.status.map(OrderStatus::word))
            .maybe("subaccount", query.subaccount)
            .maybe("exchange_index", query.exchange_index);
        self.pages::<OrdersPage>([question])
    }

    /// How many contracts trade before an order. Cancellation-safe: it only reads.
    ///
    /// # Errors
    /// [`FeedError`] when no readable answer comes.
    pub async fn queue_position(&self, order_id: &VenueOrderId) -> Result<Contracts, FeedError> {
        let path = ["portfolio", "orders", order_id.as_str(), "queue_position"];
        let answer: QueueAnswer = self.read(&Question::signed(&path)).await?;
        Ok(answer.queue_position_fp)
    }

    /// The queue positions of every resting order in some markets or an event. Cancellation-safe: it only reads.
    ///
    /// # Errors
    /// [`FeedError`] when no readable answer comes.
    pub async fn queue_positions(
        &self,
        scope: &QueueScope,
        subaccount: Option<Subaccount>,
    ) -> Result<Vec<QueuePosition>, FeedError> {
        let question = Question::signed(&["portfolio", "orders", "queue_positions"]);
        let question = match scope {
            QueueScope::Markets(tickers) => question.maybe("market_tickers", comma_separated(tickers)),
            QueueScope::Event(event) => question.with("event_ticker", event),
        };
        let answer: QueuesAnswer = self.read(&question.maybe("subaccount", subaccount)).await?;
        Ok(answer.queue_positions)
    }
}
