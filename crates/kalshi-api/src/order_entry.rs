//! Order entry (V2).

use async_trait::async_trait;
use autotrader_domain::ports::{Answered, CancelAccountOutcome, CancelOutcome, OrderGateway, PlaceOutcome};
use autotrader_domain::{BookSide, OrderRequest, Ticker, TimeInForce, VenueOrderId};
use bytes::Bytes;
use reqwest::Method;

use crate::KalshiClient;
use crate::http::write::{Write, WriteKind};
use crate::order_changes::cancel_all_write;
use crate::order_groups::OrderGroupId;
use crate::parse::order::{cancel_account_outcome, cancel_outcome, place_outcome};
use crate::subaccount::Subaccount;
use crate::wire;
use crate::wire::order::CreateOrder;

pub(crate) const ORDERS: [&str; 3] = ["portfolio", "events", "orders"];

/// What an order may ask for beyond its request. The default is what [`render_order`] sends.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct OrderOptions {
    /// What happens when it meets an order of the same account.
    pub self_trade: SelfTrade,
    /// Let it rest through a pause of trading. Otherwise a pause cancels it: nobody watches it then.
    pub rests_through_pauses: bool,
    /// The group it belongs to, in place of the one that its request names.
    pub order_group: Option<OrderGroupId>,
    /// The part of the account it belongs to; the primary one when `None`.
    pub subaccount: Option<Subaccount>,
}

/// What happens when an order meets one of the same account.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum SelfTrade {
    /// The incoming order is cancelled.
    #[default]
    CancelTaker,
    /// The resting order is cancelled, and the incoming one goes on.
    CancelMaker,
}

/// The exact body of a create: equal requests give equal bytes, so a resend repeats what was stored.
///
/// Prices and counts are JSON strings. An expiry is cut to whole seconds. An order that rests is cancelled when the exchange
/// pauses; self-trades cancel the taker.
#[must_use]
pub fn render_order(request: &OrderRequest) -> Bytes {
    render_order_with(request, &OrderOptions::default())
}

/// The exact body of a create with options: equal requests and options give equal bytes.
#[must_use]
pub fn render_order_with(request: &OrderRequest, options: &OrderOptions) -> Bytes {
    wire::body(&create_order(request, options))
}

/// The body of a create, field by field.
pub(crate) fn create_order<'a>(request: &'a OrderRequest, options: &'a OrderOptions) -> CreateOrder<'a> {
    let (time_in_force, expiration_time, rests) = match request.time_in_force {
        TimeInForce::ImmediateOrCancel => ("immediate_or_cancel", None, false),
        TimeInForce::FillOrKill => ("fill_or_kill", None, false),
        TimeInForce::GoodTillCanceled { expires_at } => {
            ("good_till_canceled", expires_at.map(|at| at.timestamp()), true)
        }
    };
    CreateOrder {
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
        post_only: request.post_only,
        reduce_only: request.reduce_only,
        self_trade_prevention_type: match options.self_trade {
            SelfTrade::CancelTaker => "taker_at_cross",
            SelfTrade::CancelMaker => "maker",
        },
        cancel_order_on_pause: rests && !options.rests_through_pauses,
        subaccount: options.subaccount.map(Subaccount::number),
        order_group_id: options
            .order_group
            .as_ref()
            .or(request.order_group.as_ref())
            .map(OrderGroupId::as_str),
        exchange_index: request.exchange_index,
    }
}

impl KalshiClient {
    /// Submits one order with options, once. Not cancellation-safe: a dropped call has an unknown outcome.
    pub async fn place_with(&self, request: &OrderRequest, options: &OrderOptions) -> Answered<PlaceOutcome> {
        self.place_body(request, render_order_with(request, options))
            .await
    }

    async fn place_body(&self, request: &OrderRequest, body: Bytes) -> Answered<PlaceOutcome> {
        let write = Write {
            method: Method::POST,
            segments: &ORDERS,
            query: &[],
            body: Some(body),
            kind: WriteKind::Create {
                reduce_only: request.reduce_only,
            },
            shard: request.exchange_index,
        };
        let (heard, answer) = self.write_heard(write).await;
        Answered {
            outcome: place_outcome(request, heard),
            answer,
        }
    }
}

#[async_trait]
impl OrderGateway for KalshiClient {
    /// As [`render_order`].
    fn render(&self, request: &OrderRequest) -> String {
        wire::body_text(&create_order(request, &OrderOptions::default()))
    }

    /// Sends the body once, never again. Not cancellation-safe: a dropped call has an unknown outcome.
    async fn place(&self, request: &OrderRequest, body: &str) -> Answered<PlaceOutcome> {
        self.place_body(request, Bytes::copy_from_slice(body.as_bytes()))
            .await
    }

    /// Sends once. Repeating it is harmless. The market's ticker lets the exchange find the shard.
    async fn cancel(&self, ticker: &Ticker, venue_order_id: &VenueOrderId) -> Answered<CancelOutcome> {
        let [portfolio, events, orders] = ORDERS;
        let write = Write {
            method: Method::DELETE,
            segments: &[portfolio, events, orders, venue_order_id.as_str()],
            query: &[("market_ticker", ticker.as_str())],
            body: None,
            kind: WriteKind::Cancel,
            shard: 0,
        };
        let (heard, answer) = self.write_heard(write).await;
        Answered {
            outcome: cancel_outcome(venue_order_id, heard),
            answer,
        }
    }

    /// Sends once. Repeating it is harmless.
    async fn cancel_account(&self) -> Answered<CancelAccountOutcome> {
        let (heard, answer) = self.write_heard(cancel_all_write(&[])).await;
        Answered {
            outcome: cancel_account_outcome(heard),
            answer,
        }
    }
}
