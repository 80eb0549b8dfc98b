//! The account's side of the venue.

use std::collections::BTreeMap;

use async_trait::async_trait;
use autotrader_domain::ports::{AccountSnapshot, AccountSource, FeedError, VenueOrder};
use autotrader_domain::{Fill, Money, Net, SettlementRecord, Ticker, VenueOrderId};
use chrono::{DateTime, TimeDelta, Utc};
use futures_util::TryStreamExt as _;

use crate::KalshiClient;
use crate::parse;
use crate::parse::decode::schema;
use crate::portfolio::{BalanceQuery, FillsQuery, SettlementsQuery};
use crate::question::{Question, TimeRange};
use crate::wire::order as wire_order;
use crate::wire::portfolio as wire;

/// The lower bound of a listing. The exchange's bound has whole seconds and may exclude its own value, so it is set one second
/// early: a listing may hold items up to two seconds older, and never misses one.
fn since_then(since: DateTime<Utc>) -> TimeRange {
    let early = since.checked_sub_signed(TimeDelta::seconds(1));
    TimeRange {
        from: Some(early.unwrap_or_default().max(DateTime::UNIX_EPOCH)),
        to: None,
    }
}

impl KalshiClient {
    /// Spendable collateral on the default shard.
    async fn balance(&self) -> Result<Money, FeedError> {
        let query = BalanceQuery {
            exchange_index: Some(0),
            ..BalanceQuery::default()
        };
        self.account_balance(query).await.map(|balance| balance.available)
    }

    async fn positions(&self) -> Result<Vec<(Ticker, Net)>, FeedError> {
        let question = Question::signed(&["portfolio", "positions"])
            .with("count_filter", "position")
            .with("limit", 1000);
        let positions = self.list::<wire::PositionsPage>(question).await?;
        let mut held: Vec<_> = positions
            .into_iter()
            .filter(|position| !position.position_fp.is_flat())
            .map(|position| (position.ticker, position.position_fp))
            .collect();
        held.sort();
        Ok(held)
    }

    /// Every resting order, and every other order since `since`.
    ///
    /// The resting ones are listed first: an order that finishes between the two requests is then in the first listing or in
    /// both, and the later word holds.
    async fn orders(&self, since: DateTime<Utc>) -> Result<Vec<VenueOrder>, FeedError> {
        let all = || Question::signed(&["portfolio", "orders"]).with("limit", 1000);
        let resting = all().with("status", "resting");
        let resting = self.list::<wire_order::OrdersPage>(resting).await?;
        let recent = all().between("min_ts", "max_ts", since_then(since));
        let recent = self.list::<wire_order::OrdersPage>(recent).await?;
        let by_id: BTreeMap<_, _> = resting
            .into_iter()
            .chain(recent)
            .map(parse::order::venue_order)
            .map(|order| (order.venue_order_id.clone(), order))
            .collect();
        Ok(by_id.into_values().collect())
    }
}

#[async_trait]
impl AccountSource for KalshiClient {
    /// Reads the lag indicator first, then everything else. Cancellation-safe: it only reads.
    async fn snapshot(&self, since: DateTime<Utc>) -> Result<AccountSnapshot, FeedError> {
        let as_of = Some(self.user_data_timestamp().await?);
        let orders = self.orders(since).await?;
        let fills = self.fills(since).await?;
        let positions = self.positions().await?;
        Ok(AccountSnapshot {
            as_of,
            orders,
            fills,
            collateral_return: self.collateral_return(&positions).await?,
            positions,
            balance: self.balance().await?,
            settlements: self.settlements(since).await?,
        })
    }

    /// May hold fills up to two seconds older than `since`. Cancellation-safe: it only reads.
    async fn fills(&self, since: DateTime<Utc>) -> Result<Vec<Fill>, FeedError> {
        let query = FillsQuery {
            within: since_then(since),
            ..FillsQuery::default()
        };
        let mut fills: Vec<Fill> = self.list_fills(&query).try_collect().await?;
        // Listed newest first. The sort is stable, so fills of one moment keep the exchange's order.
        fills.reverse();
        fills.sort_by_key(|fill| fill.filled_at);
        Ok(fills)
    }

    /// May hold settlements up to two seconds older than `since`. Cancellation-safe: it only reads.
    async fn settlements(&self, since: DateTime<Utc>) -> Result<Vec<SettlementRecord>, FeedError> {
        let query = SettlementsQuery {
            within: since_then(since),
            ..SettlementsQuery::default()
        };
        let mut settlements: Vec<SettlementRecord> = self.list_settlements(&query).try_collect().await?;
        settlements.reverse();
        settlements.sort_by_key(|settlement| settlement.settled_at);
        Ok(settlements)
    }

    /// Cancellation-safe: it only reads.
    async fn order(&self, venue_order_id: &VenueOrderId) -> Result<VenueOrder, FeedError> {
        let question = Question::signed(&["portfolio", "orders", venue_order_id.as_str()]);
        let wire_order::OrderAnswer { order } = self.read(&question).await?;
        if order.order_id == *venue_order_id {
            Ok(parse::order::venue_order(order))
        } else {
            let words = format!("asked for {venue_order_id}, answered {}", order.order_id);
            Err(schema("$.order.order_id", &words))
        }
    }
}
