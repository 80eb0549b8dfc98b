//! Changes of resting orders, and orders by the batch.

use autotrader_domain::ports::{CancelOutcome, FeedError, PlaceOutcome};
use autotrader_domain::{
    BookSide, ClientOrderId, Contracts, Money, OrderRequest, Price, Ticker, VenueOrderId,
};
use chrono::serde::ts_milliseconds;
use chrono::{DateTime, Utc};
use reqwest::Method;
use serde::{Deserialize, Serialize};

use crate::KalshiClient;
use crate::http::write::{Write, WriteKind};
use crate::order_entry::{ORDERS, OrderOptions, create_order};
use crate::outcome::WriteOutcome;
use crate::parse::batch::{cancel_outcomes, place_outcomes};
use crate::parse::decode::{decode, schema};
use crate::subaccount::Subaccount;
use crate::wire;
use crate::wire::batch::{CancelBatch, CancelItem, CreateBatch};

/// The new terms of a resting order. All are sent: what shall not change is repeated.
///
/// An amend of the expiry alone keeps the order's place in its queue; another price or a larger count loses it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Amend {
    /// Its market.
    pub ticker: Ticker,
    /// Its side of the YES book, which cannot change.
    pub side: BookSide,
    /// The limit, a YES price.
    pub limit: Price,
    /// The total: contracts already filled and contracts that shall rest.
    pub total: Contracts,
    /// The client order id it has, for the exchange to check.
    pub client_order_id: Option<ClientOrderId>,
    /// The client order id it shall have.
    pub new_client_order_id: Option<ClientOrderId>,
    /// What happens to its expiry.
    pub expiry: ExpiryChange,
    /// The shard of its market.
    pub exchange_index: i32,
}

/// What an amend does to an order's expiry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ExpiryChange {
    /// Nothing.
    #[default]
    Keep,
    /// It rests until it is cancelled.
    Remove,
    /// It expires then; cut to whole seconds.
    At(DateTime<Utc>),
}

impl ExpiryChange {
    /// Unix seconds; 0 removes the expiry.
    fn seconds(self) -> Option<i64> {
        match self {
            Self::Keep => None,
            Self::Remove => Some(0),
            // A time before 1970 must not be taken for the removal of the expiry.
            Self::At(at) => Some(at.timestamp().max(1)),
        }
    }
}

/// The answer to an amend. Source: `AmendOrderV2Response` of the OpenAPI document.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Amended {
    /// The exchange's id, which may be a new one.
    pub order_id: VenueOrderId,
    /// The client order id it has now.
    #[serde(default)]
    pub client_order_id: Option<String>,
    /// Contracts resting; `None` when the amend changed neither fills nor size.
    #[serde(default, rename = "remaining_count")]
    pub remaining: Option<Contracts>,
    /// Contracts that the amend filled at once; `None` when it changed neither fills nor size.
    #[serde(default, rename = "fill_count")]
    pub filled: Option<Contracts>,
    /// The mean YES price of those fills, in dollars.
    #[serde(default)]
    pub average_fill_price: Option<Money>,
    /// Their mean fee per contract, in dollars.
    #[serde(default)]
    pub average_fee_paid: Option<Money>,
    /// When the exchange did it.
    #[serde(rename = "ts_ms", with = "ts_milliseconds")]
    pub at: DateTime<Utc>,
}

/// How much smaller an order shall be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Decrease {
    /// By this many of its resting contracts.
    By(Contracts),
    /// To this many resting contracts.
    To(Contracts),
}

/// The answer to a decrease. Source: `DecreaseOrderV2Response` of the OpenAPI document.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Decreased {
    /// The exchange's id.
    pub order_id: VenueOrderId,
    /// Its client order id.
    #[serde(default)]
    pub client_order_id: Option<String>,
    /// Contracts resting.
    #[serde(rename = "remaining_count")]
    pub remaining: Contracts,
    /// When the exchange did it.
    #[serde(rename = "ts_ms", with = "ts_milliseconds")]
    pub at: DateTime<Utc>,
}

/// One order to cancel in a batch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CancelRequest {
    /// The order.
    pub order_id: VenueOrderId,
    /// Its market, by which the exchange finds the shard.
    pub ticker: Ticker,
}

/// The body of an amend. Field order is the order on the wire.
#[derive(Serialize)]
struct AmendBody<'a> {
    ticker: &'a str,
    side: BookSide,
    price: Price,
    count: Contracts,
    #[serde(skip_serializing_if = "Option::is_none")]
    client_order_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    updated_client_order_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    expiration_time: Option<i64>,
    exchange_index: i32,
}

/// The body of a decrease: exactly one of the two counts.
#[derive(Serialize)]
struct DecreaseBody<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    reduce_by: Option<Contracts>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reduce_to: Option<Contracts>,
    market_ticker: &'a str,
}

fn batch_size<T>(items: &[T]) -> u32 {
    u32::try_from(items.len()).unwrap_or(u32::MAX)
}

/// An amended order; more contracts than asked for contradict the request.
fn amended(asked: &Amend, body: &[u8]) -> Result<Amended, FeedError> {
    let amended: Amended = decode("$", body)?;
    let filled = amended.filled.unwrap_or_default();
    let total = filled.checked_add(amended.remaining.unwrap_or_default());
    if total.is_none_or(|total| total > asked.total) {
        let words = format!("more than the {} contracts asked for", asked.total);
        return Err(schema("$.remaining_count", &words));
    }
    let wanted = asked
        .new_client_order_id
        .as_ref()
        .or(asked.client_order_id.as_ref());
    match (
        amended.client_order_id.as_deref().filter(|id| !id.is_empty()),
        wanted,
    ) {
        (Some(found), Some(wanted)) if found != wanted.as_str() => {
            let words = format!("sent {wanted}, answered {found}");
            Err(schema("$.client_order_id", &words))
        }
        _ => Ok(amended),
    }
}

fn decreased(order_id: &VenueOrderId, by: Decrease, body: &[u8]) -> Result<Decreased, FeedError> {
    let decreased: Decreased = decode("$", body)?;
    if decreased.order_id != *order_id {
        let words = format!("asked for {order_id}, answered {}", decreased.order_id);
        return Err(schema("$.order_id", &words));
    }
    match by {
        Decrease::To(wanted) if decreased.remaining > wanted => {
            let words = format!("asked for {wanted}, answered {}", decreased.remaining);
            Err(schema("$.remaining_count", &words))
        }
        _ => Ok(decreased),
    }
}

impl KalshiClient {
    /// Changes the terms of a resting order. Sent once. Not cancellation-safe: a dropped call has an unknown outcome.
    pub async fn amend(
        &self,
        order_id: &VenueOrderId,
        amend: &Amend,
        subaccount: Option<Subaccount>,
    ) -> WriteOutcome<Amended> {
        let body = AmendBody {
            ticker: amend.ticker.as_str(),
            side: amend.side,
            price: amend.limit,
            count: amend.total,
            client_order_id: amend.client_order_id.as_ref().map(ClientOrderId::as_str),
            updated_client_order_id: amend.new_client_order_id.as_ref().map(ClientOrderId::as_str),
            expiration_time: amend.expiry.seconds(),
            exchange_index: amend.exchange_index,
        };
        let [portfolio, events, orders] = ORDERS;
        let subaccount = subaccount.map(|subaccount| subaccount.to_string());
        let write = Write {
            method: Method::POST,
            segments: &[portfolio, events, orders, order_id.as_str(), "amend"],
            query: &subaccount_query(subaccount.as_deref()),
            body: Some(wire::body(&body)),
            kind: WriteKind::Amend,
            shard: amend.exchange_index,
        };
        WriteOutcome::of(self.write(write).await, |body| amended(amend, body))
    }

    /// Makes a resting order smaller; it keeps its place in its queue. Sent once. Not cancellation-safe: a dropped call has
    /// an unknown outcome. Repeating [`Decrease::To`] is harmless, [`Decrease::By`] is not.
    pub async fn decrease(
        &self,
        ticker: &Ticker,
        order_id: &VenueOrderId,
        decrease: Decrease,
        subaccount: Option<Subaccount>,
    ) -> WriteOutcome<Decreased> {
        let (reduce_by, reduce_to) = match decrease {
            Decrease::By(contracts) => (Some(contracts), None),
            Decrease::To(contracts) => (None, Some(contracts)),
        };
        let body = DecreaseBody {
            reduce_by,
            reduce_to,
            market_ticker: ticker.as_str(),
        };
        let [portfolio, events, orders] = ORDERS;
        let subaccount = subaccount.map(|subaccount| subaccount.to_string());
        let write = Write {
            method: Method::POST,
            segments: &[portfolio, events, orders, order_id.as_str(), "decrease"],
            query: &subaccount_query(subaccount.as_deref()),
            body: Some(wire::body(&body)),
            kind: WriteKind::Decrease,
            shard: 0,
        };
        WriteOutcome::of(self.write(write).await, |body| {
            decreased(order_id, decrease, body)
        })
    }

    /// Places several orders in one request, sent once; each ends on its own, in the order given. Not cancellation-safe: a
    /// dropped call has unknown outcomes. The whole batch must fit into the write budget, or nothing of it is taken.
    pub async fn place_batch(&self, requests: &[OrderRequest], options: &OrderOptions) -> Vec<PlaceOutcome> {
        if requests.is_empty() {
            return Vec::new();
        }
        let body = CreateBatch {
            orders: requests
                .iter()
                .map(|request| create_order(request, options))
                .collect(),
        };
        let [portfolio, events, orders] = ORDERS;
        let write = Write {
            method: Method::POST,
            segments: &[portfolio, events, orders, "batched"],
            query: &[],
            body: Some(wire::body(&body)),
            kind: WriteKind::BatchCreate(batch_size(requests)),
            shard: 0,
        };
        place_outcomes(requests, self.write(write).await)
    }

    /// Cancels several orders in one request, sent once; each ends on its own, in the order given. Repeating it is harmless.
    pub async fn cancel_batch(&self, requests: &[CancelRequest]) -> Vec<CancelOutcome> {
        if requests.is_empty() {
            return Vec::new();
        }
        let items = requests.iter().map(|request| CancelItem {
            order_id: request.order_id.as_str(),
            market_ticker: request.ticker.as_str(),
        });
        let body = CancelBatch {
            orders: items.collect(),
        };
        let [portfolio, events, orders] = ORDERS;
        let write = Write {
            method: Method::DELETE,
            segments: &[portfolio, events, orders, "batched"],
            query: &[],
            body: Some(wire::body(&body)),
            kind: WriteKind::BatchCancel(batch_size(requests)),
            shard: 0,
        };
        let asked: Vec<&VenueOrderId> = requests.iter().map(|request| &request.order_id).collect();
        cancel_outcomes(&asked, self.write(write).await)
    }

    /// Cancels every resting order of the account on every shard, or of one part of it. Orders placed within the following
    /// minute may be cancelled too. Repeating it is harmless.
    pub async fn cancel_all(&self, subaccount: Option<Subaccount>) -> WriteOutcome<()> {
        let subaccount = subaccount.map(|subaccount| subaccount.to_string());
        let query = subaccount_query(subaccount.as_deref());
        WriteOutcome::of(self.write(cancel_all_write(&query)).await, |_| Ok(()))
    }
}

/// The cancel of every resting order of the account, or of one part of it.
pub(crate) const fn cancel_all_write<'a>(query: &'a [(&'a str, &'a str)]) -> Write<'a> {
    Write {
        method: Method::DELETE,
        segments: &ORDERS,
        query,
        body: None,
        kind: WriteKind::CancelAll,
        shard: 0,
    }
}

fn subaccount_query(subaccount: Option<&str>) -> Vec<(&'static str, &str)> {
    subaccount
        .map(|number| ("subaccount", number))
        .into_iter()
        .collect()
}
