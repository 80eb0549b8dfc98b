//! Order entry (V2).

use async_trait::async_trait;
use autotrader_domain::ports::{CancelOutcome, OrderGateway, PlaceOutcome};
use autotrader_domain::{BookSide, OrderRequest, Ticker, TimeInForce, VenueOrderId};
use bytes::Bytes;
use reqwest::Method;

use crate::KalshiClient;
use crate::http::write::{Write, WriteKind};
use crate::parse::order::{cancel_outcome, place_outcome};
use crate::wire::order::CreateOrder;

const ORDERS: [&str; 3] = ["portfolio", "events", "orders"];

/// The exact body of a create: equal requests give equal bytes, so a resend repeats what was stored.
///
/// Prices and counts are JSON strings. An expiry is cut to whole seconds. An order that rests is cancelled when the exchange
/// pauses; self-trades cancel the taker.
#[must_use]
pub fn render_order(request: &OrderRequest) -> Bytes {
    let (time_in_force, expiration_time, rests) = match request.time_in_force {
        TimeInForce::ImmediateOrCancel => ("immediate_or_cancel", None, false),
        TimeInForce::FillOrKill => ("fill_or_kill", None, false),
        TimeInForce::GoodTillCanceled { expires_at } => {
            ("good_till_canceled", expires_at.map(|at| at.timestamp()), true)
        }
    };
    let body = CreateOrder {
        ticker: request.ticker.as_str(),
        client_order_id: request.client_order_id.as_str(),
        side: match request.side {
            BookSide::Bid => "bid",
            BookSide::Ask => "ask",
        },
        count: request.contracts,
        price: request.limit,
        time_in_force,
        expiration_time,
        reduce_only: request.reduce_only,
        self_trade_prevention_type: "taker_at_cross",
        cancel_order_on_pause: rests,
        exchange_index: request.exchange_index,
    };
    // Writing plain strings, numbers and booleans into memory cannot fail.
    Bytes::from(serde_json::to_vec(&body).unwrap_or_default())
}

#[async_trait]
impl OrderGateway for KalshiClient {
    /// Sends once, never again. Not cancellation-safe: a dropped call has an unknown outcome.
    async fn place(&self, request: &OrderRequest) -> PlaceOutcome {
        let write = Write {
            method: Method::POST,
            segments: &ORDERS,
            query: &[],
            body: Some(render_order(request)),
            kind: WriteKind::Create {
                reduce_only: request.reduce_only,
            },
            shard: request.exchange_index,
        };
        place_outcome(request, self.write(write).await)
    }

    /// Sends once. Repeating it is harmless. The market's ticker lets the exchange find the shard.
    async fn cancel(&self, ticker: &Ticker, venue_order_id: &VenueOrderId) -> CancelOutcome {
        let [portfolio, events, orders] = ORDERS;
        let write = Write {
            method: Method::DELETE,
            segments: &[portfolio, events, orders, venue_order_id.as_str()],
            query: &[("market_ticker", ticker.as_str())],
            body: None,
            kind: WriteKind::Cancel,
            shard: 0,
        };
        cancel_outcome(venue_order_id, self.write(write).await)
    }
}
