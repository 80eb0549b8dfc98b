//! The account's money, positions, fills and settlements.

use autotrader_domain::ports::FeedError;
use autotrader_domain::{Contracts, EventTicker, Fill, Money, Net, SettlementRecord, Ticker, VenueOrderId};
use chrono::serde::ts_seconds;
use chrono::{DateTime, Utc};
use futures_util::Stream;
use serde::Deserialize;

use crate::KalshiClient;
use crate::http::rate_limit::Budget;
use crate::question::{Question, TimeRange};
use crate::subaccount::Subaccount;
use crate::wire::Page;
use crate::wire::portfolio as wire;

/// The account's money. Source: `GetBalanceResponse` of the OpenAPI document.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Balance {
    /// Spendable dollars on the shards asked for. The field `balance` beside it is the same in whole cents, cut down.
    #[serde(rename = "balance_dollars")]
    pub available: Money,
    /// What the positions are worth at the exchange's own marks, in whole cents.
    #[serde(rename = "portfolio_value")]
    pub portfolio_value_cents: i64,
    /// When the exchange last changed it.
    #[serde(rename = "updated_ts", with = "ts_seconds")]
    pub updated_at: DateTime<Utc>,
    /// Shard by shard.
    #[serde(default, rename = "balance_breakdown")]
    pub by_shard: Vec<ShardMoney>,
}

/// Dollars on one shard.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub struct ShardMoney {
    /// The shard.
    pub exchange_index: i32,
    /// Dollars.
    #[serde(rename = "balance")]
    pub dollars: Money,
}

/// What resting orders hold back.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct RestingValue {
    /// Over all shards, in whole cents.
    #[serde(rename = "total_resting_order_value")]
    pub total_cents: i64,
    /// Shard by shard.
    #[serde(rename = "resting_order_value_breakdown")]
    pub by_shard: Vec<ShardMoney>,
}

/// Which money to ask for. The default is that of the primary account over all shards.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct BalanceQuery {
    /// Of this part of the account.
    pub subaccount: Option<Subaccount>,
    /// Only of this shard.
    pub exchange_index: Option<i32>,
}

/// One row of the positions: of a market, or of an event over its markets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PositionRow {
    /// Of a market.
    Market(MarketPosition),
    /// Of an event.
    Event(EventPosition),
}

/// What is held of one market. Source: `MarketPosition` of the OpenAPI document.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct MarketPosition {
    /// The market.
    pub ticker: Ticker,
    /// Its shard; not sent before shards existed.
    #[serde(default)]
    pub exchange_index: Option<i32>,
    /// Contracts held: negative is NO.
    #[serde(rename = "position_fp")]
    pub net: Net,
    /// Dollars traded.
    #[serde(rename = "total_traded_dollars")]
    pub traded: Money,
    /// What the position costs, in dollars.
    #[serde(rename = "market_exposure_dollars")]
    pub exposure: Money,
    /// Profit taken, in dollars.
    #[serde(rename = "realized_pnl_dollars")]
    pub realized: Money,
    /// Fees paid on filled orders, in dollars.
    #[serde(rename = "fees_paid_dollars")]
    pub fees: Money,
    /// When it last changed.
    #[serde(rename = "last_updated_ts")]
    pub updated_at: DateTime<Utc>,
}

/// What is held of one event. Source: `EventPosition` of the OpenAPI document.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct EventPosition {
    /// The event.
    pub event_ticker: EventTicker,
    /// Dollars spent.
    #[serde(rename = "total_cost_dollars")]
    pub cost: Money,
    /// Contracts bought.
    #[serde(rename = "total_cost_shares_fp")]
    pub contracts: Contracts,
    /// What the positions cost, in dollars.
    #[serde(rename = "event_exposure_dollars")]
    pub exposure: Money,
    /// Profit taken, in dollars.
    #[serde(rename = "realized_pnl_dollars")]
    pub realized: Money,
    /// Fees paid on filled orders, in dollars.
    #[serde(rename = "fees_paid_dollars")]
    pub fees: Money,
}

/// Which positions to list by whether they were paid out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SettlementStatus {
    /// Not yet.
    Unsettled,
    /// Paid out.
    Settled,
    /// Both.
    All,
}

/// Which positions to list. The default lists what is not flat or was traded, and not yet paid out.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct PositionsQuery {
    /// Only where contracts are held; otherwise also where they were.
    pub held_only: bool,
    /// By whether they were paid out; the exchange's default is unsettled.
    pub settlement: Option<SettlementStatus>,
    /// Only of this market.
    pub ticker: Option<Ticker>,
    /// Only of this event.
    pub event: Option<EventTicker>,
    /// Of this part of the account.
    pub subaccount: Option<Subaccount>,
    /// Only of this shard.
    pub exchange_index: Option<i32>,
}

/// Which fills to list. The default lists all of the primary account and its parts.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct FillsQuery {
    /// Only of this market.
    pub ticker: Option<Ticker>,
    /// Only of this order.
    pub order: Option<VenueOrderId>,
    /// Only within this range.
    pub within: TimeRange,
    /// Of this part of the account.
    pub subaccount: Option<Subaccount>,
    /// Only of this shard.
    pub exchange_index: Option<i32>,
}

/// Which settlements to list. The default lists all.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SettlementsQuery {
    /// Only of this market.
    pub ticker: Option<Ticker>,
    /// Only of this event.
    pub event: Option<EventTicker>,
    /// Only within this range.
    pub within: TimeRange,
    /// Of this part of the account.
    pub subaccount: Option<Subaccount>,
}

/// Whether collateral is given back across markets, for one part of the account on one shard.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub struct Netting {
    /// The part of the account.
    pub subaccount_number: u8,
    /// The shard.
    pub exchange_index: i32,
    /// Whether it is given back.
    pub enabled: bool,
}

#[derive(Deserialize)]
struct NettingAnswer {
    netting_configs: Vec<Netting>,
}

#[derive(Deserialize)]
struct PositionsPage {
    market_positions: Vec<MarketPosition>,
    event_positions: Vec<EventPosition>,
    /// Optional in the document: absent on the last page.
    #[serde(default)]
    cursor: Option<String>,
}

impl Page for PositionsPage {
    type Item = PositionRow;

    fn split(self) -> Result<(Vec<PositionRow>, String), FeedError> {
        let markets = self.market_positions.into_iter().map(PositionRow::Market);
        let events = self.event_positions.into_iter().map(PositionRow::Event);
        Ok((markets.chain(events).collect(), self.cursor.unwrap_or_default()))
    }

    fn key(item: &PositionRow) -> String {
        match item {
            PositionRow::Market(position) => format!("market {}", position.ticker),
            PositionRow::Event(position) => format!("event {}", position.event_ticker),
        }
    }
}

impl KalshiClient {
    /// The account's money. It has a bucket of its own: once a second on the lower tiers. Cancellation-safe: it only reads.
    ///
    /// # Errors
    /// [`FeedError`] when no readable answer comes.
    pub async fn account_balance(&self, query: BalanceQuery) -> Result<Balance, FeedError> {
        let question = Question::signed(&["portfolio", "balance"])
            .drawing_on(Budget::Balance)
            .maybe("subaccount", query.subaccount)
            .maybe("exchange_index", query.exchange_index);
        self.read(&question).await
    }

    /// What resting orders hold back. Cancellation-safe: it only reads.
    ///
    /// # Errors
    /// [`FeedError`] when no readable answer comes.
    pub async fn resting_order_value(&self) -> Result<RestingValue, FeedError> {
        self.read(&Question::signed(&[
            "portfolio",
            "summary",
            "total_resting_order_value",
        ]))
        .await
    }

    /// Positions of markets and events, page by page. Cancellation-safe: it only reads. The first error ends the stream.
    pub fn list_positions(
        &self,
        query: &PositionsQuery,
    ) -> impl Stream<Item = Result<PositionRow, FeedError>> + Send + use<'_> {
        let settlement = query.settlement.map(|status| match status {
            SettlementStatus::Unsettled => "unsettled",
            SettlementStatus::Settled => "settled",
            SettlementStatus::All => "all",
        });
        let question = Question::signed(&["portfolio", "positions"])
            .with("limit", 1000)
            .maybe("count_filter", query.held_only.then_some("position"))
            .maybe("settlement_status", settlement)
            .maybe("ticker", query.ticker.as_ref())
            .maybe("event_ticker", query.event.as_ref())
            .maybe("subaccount", query.subaccount)
            .maybe("exchange_index", query.exchange_index);
        self.pages::<PositionsPage>([question])
    }

    /// Fills, newest first, page by page; their client order ids are not sent. Cancellation-safe: it only reads. The first
    /// error ends the stream.
    pub fn list_fills(
        &self,
        query: &FillsQuery,
    ) -> impl Stream<Item = Result<Fill, FeedError>> + Send + use<'_> {
        let question = Question::signed(&["portfolio", "fills"])
            .with("limit", 1000)
            .maybe("ticker", query.ticker.as_ref())
            .maybe("order_id", query.order.as_ref())
            .between("min_ts", "max_ts", query.within)
            .maybe("subaccount", query.subaccount)
            .maybe("exchange_index", query.exchange_index);
        self.pages::<wire::FillsPage>([question])
    }

    /// Settlements, newest first, page by page. Cancellation-safe: it only reads. The first error ends the stream.
    pub fn list_settlements(
        &self,
        query: &SettlementsQuery,
    ) -> impl Stream<Item = Result<SettlementRecord, FeedError>> + Send + use<'_> {
        let question = Question::signed(&["portfolio", "settlements"])
            .with("limit", 1000)
            .maybe("ticker", query.ticker.as_ref())
            .maybe("event_ticker", query.event.as_ref())
            .between("min_ts", "max_ts", query.within)
            .maybe("subaccount", query.subaccount);
        self.pages::<wire::SettlementsPage>([question])
    }

    /// Whether collateral is given back across markets, for every part of the account and shard that the exchange lists.
    /// Cancellation-safe: it only reads.
    ///
    /// # Errors
    /// [`FeedError`] when no readable answer comes.
    pub async fn netting(&self) -> Result<Vec<Netting>, FeedError> {
        let question = Question::signed(&["portfolio", "subaccounts", "netting"]);
        let answer: NettingAnswer = self.read(&question).await?;
        Ok(answer.netting_configs)
    }

    /// Whether collateral is given back across markets for one part of the account on one shard; `None` when the exchange
    /// does not list it. Cancellation-safe: it only reads.
    ///
    /// # Errors
    /// [`FeedError`] when no readable answer comes.
    pub async fn netting_enabled(
        &self,
        subaccount: Subaccount,
        exchange_index: i32,
    ) -> Result<Option<bool>, FeedError> {
        let listed = self.netting().await?;
        let wanted = |netting: &&Netting| {
            netting.subaccount_number == subaccount.number() && netting.exchange_index == exchange_index
        };
        Ok(listed.iter().find(wanted).map(|netting| netting.enabled))
    }
}
