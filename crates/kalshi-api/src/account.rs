//! The account's side of the venue.

use std::collections::BTreeMap;

use async_trait::async_trait;
use autotrader_domain::ports::{AccountSnapshot, AccountSource, FeedError, VenueOrder};
use autotrader_domain::{Fill, Money, Net, SettlementRecord, Ticker, VenueOrderId};
use chrono::{DateTime, Utc};

use crate::KalshiClient;
use crate::client::Read;
use crate::http::rate_limit::Budget;
use crate::parse;
use crate::parse::decode::{decode, schema};
use crate::wire::order as wire_order;
use crate::wire::portfolio as wire;

/// The largest page of every portfolio listing.
const LIMIT: (&str, &str) = ("limit", "1000");

/// The lower bound of a listing, in Unix seconds. The exchange's bound has whole seconds and may exclude its own value, so it
/// is set one second early: a listing may hold items up to two seconds older, and never misses one.
fn min_ts(since: DateTime<Utc>) -> String {
    (since.timestamp().saturating_sub(1)).max(0).to_string()
}

impl KalshiClient {
    async fn as_of(&self) -> Result<DateTime<Utc>, FeedError> {
        let read = Read::public(&["exchange", "user_data_timestamp"], &[]);
        let body = self.get(read).await?;
        decode::<wire::UserDataTimestamp>("$", &body).map(|wire| wire.as_of_time)
    }

    /// Spendable collateral on the default shard.
    async fn balance(&self) -> Result<Money, FeedError> {
        let body = self
            .get(Read {
                budget: Budget::Balance,
                ..Read::signed(&["portfolio", "balance"], &[("exchange_index", "0")])
            })
            .await?;
        decode::<wire::Balance>("$", &body).map(|wire| wire.balance_dollars)
    }

    async fn positions(&self) -> Result<Vec<(Ticker, Net)>, FeedError> {
        let query = [("count_filter", "position"), LIMIT];
        let positions = self
            .list::<wire::PositionsPage>(Read::signed(&["portfolio", "positions"], &query))
            .await?;
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
        let min_ts = min_ts(since);
        let path = ["portfolio", "orders"];
        let resting = self
            .list::<wire_order::OrdersPage>(Read::signed(&path, &[("status", "resting"), LIMIT]))
            .await?;
        let recent = self
            .list::<wire_order::OrdersPage>(Read::signed(&path, &[("min_ts", &min_ts), LIMIT]))
            .await?;
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
        let as_of = Some(self.as_of().await?);
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
        let min_ts = min_ts(since);
        let listed = self
            .list::<wire::FillsPage>(Read::signed(
                &["portfolio", "fills"],
                &[("min_ts", &min_ts), LIMIT],
            ))
            .await?;
        let mut fills = Vec::with_capacity(listed.len());
        for (index, fill) in listed.into_iter().enumerate() {
            fills.push(parse::portfolio::fill(fill, &format!("$.fills[{index}]"))?);
        }
        // Listed newest first. The sort is stable, so fills of one moment keep the exchange's order.
        fills.reverse();
        fills.sort_by_key(|fill| fill.filled_at);
        Ok(fills)
    }

    /// May hold settlements up to two seconds older than `since`. Cancellation-safe: it only reads.
    async fn settlements(&self, since: DateTime<Utc>) -> Result<Vec<SettlementRecord>, FeedError> {
        let min_ts = min_ts(since);
        let listed = self
            .list::<wire::SettlementsPage>(Read::signed(
                &["portfolio", "settlements"],
                &[("min_ts", &min_ts), LIMIT],
            ))
            .await?;
        let mut settlements = Vec::with_capacity(listed.len());
        for (index, settlement) in listed.into_iter().enumerate() {
            let path = format!("$.settlements[{index}]");
            settlements.push(parse::portfolio::settlement(settlement, &path)?);
        }
        settlements.reverse();
        settlements.sort_by_key(|settlement| settlement.settled_at);
        Ok(settlements)
    }

    /// Cancellation-safe: it only reads.
    async fn order(&self, venue_order_id: &VenueOrderId) -> Result<VenueOrder, FeedError> {
        let path = ["portfolio", "orders", venue_order_id.as_str()];
        let body = self.get(Read::signed(&path, &[])).await?;
        let wire_order::OrderAnswer { order } = decode("$", &body)?;
        if order.order_id == *venue_order_id {
            Ok(parse::order::venue_order(order))
        } else {
            let words = format!("asked for {venue_order_id}, answered {}", order.order_id);
            Err(schema("$.order.order_id", &words))
        }
    }
}
