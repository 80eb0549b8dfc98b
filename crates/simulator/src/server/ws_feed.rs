//! What happened on the exchange, as the bodies of WebSocket messages.

use autotrader_domain::{BookSide, Net, Price, Ticker, TimeInForce};
use chrono::{DateTime, Utc};
use serde_json::{Map, Value, json};

use super::wire;
use crate::exchange::{
    AccountId, Exchange, FeedEvent, FillRecord, LifecycleStep, Market, OrderRecord, TradeRecord,
};

/// Everything that happened during one request or one step of time.
#[derive(Debug, Clone)]
pub(super) struct Batch {
    pub(super) items: Vec<FeedItem>,
    /// Market data is broken: readers are cut off instead.
    pub(super) data_down: bool,
}

/// One thing that happened, ready to be sent to those who subscribed to its channel.
#[derive(Debug, Clone)]
pub(super) enum FeedItem {
    Book {
        ticker: Ticker,
        side: BookSide,
        price: Price,
        body: Map<String, Value>,
    },
    Trade {
        ticker: Ticker,
        body: Value,
    },
    Fill {
        account: AccountId,
        ticker: Ticker,
        body: Value,
    },
    Order {
        account: AccountId,
        ticker: Ticker,
        body: Value,
    },
    Lifecycle {
        body: Value,
    },
}

pub(super) fn items(exchange: &Exchange, events: Vec<FeedEvent>) -> Vec<FeedItem> {
    events
        .into_iter()
        .filter_map(|event| item(exchange, event))
        .collect()
}

fn item(exchange: &Exchange, event: FeedEvent) -> Option<FeedItem> {
    Some(match event {
        FeedEvent::Book {
            ticker,
            side,
            price,
            delta,
            clock,
            at,
            ..
        } => {
            let mut body = Map::new();
            body.insert("market_ticker".to_owned(), json!(ticker));
            body.insert("market_id".to_owned(), json!(exchange.market(&ticker)?.id));
            body.insert("clock".to_owned(), json!(clock));
            body.insert("delta_fp".to_owned(), json!(Net::from_raw(delta)));
            body.insert("side".to_owned(), json!(wire::outcome_side(side)));
            body.insert("ts".to_owned(), json!(wire::time(at)));
            body.insert("ts_ms".to_owned(), json!(at.timestamp_millis()));
            FeedItem::Book {
                ticker,
                side,
                price,
                body,
            }
        }
        FeedEvent::Trade(trade) => FeedItem::Trade {
            body: trade_body(&trade),
            ticker: trade.ticker,
        },
        FeedEvent::Fill(fill) => FeedItem::Fill {
            account: fill.account,
            body: fill_body(&fill),
            ticker: fill.ticker,
        },
        FeedEvent::Order(order) => FeedItem::Order {
            account: order.account,
            body: order_body(exchange, &order),
            ticker: order.asked.ticker,
        },
        FeedEvent::Lifecycle { ticker, step, at } => FeedItem::Lifecycle {
            body: lifecycle_body(exchange.market(&ticker)?, &step, at),
        },
        FeedEvent::Position { .. }
        | FeedEvent::OrderGroup { .. }
        | FeedEvent::EventCreated { .. }
        | FeedEvent::EventFee { .. } => return None,
    })
}

/// A snapshot of one book; a side without offers has no key. With `yes_scale`, NO offers carry the YES price they face.
pub(super) fn snapshot(market: &Market, clock: u64, yes_scale: bool) -> Value {
    let yes: Vec<_> = market.levels(BookSide::Bid).collect();
    let no: Vec<_> = market
        .levels(BookSide::Ask)
        .rev()
        .map(|(price, size)| (if yes_scale { price } else { price.complement() }, size))
        .collect();
    let mut body = Map::new();
    body.insert("market_ticker".to_owned(), json!(market.listing.ticker));
    body.insert("market_id".to_owned(), json!(market.id));
    body.insert("clock".to_owned(), json!(clock));
    if !yes.is_empty() {
        body.insert("yes_dollars_fp".to_owned(), json!(yes));
    }
    if !no.is_empty() {
        body.insert("no_dollars_fp".to_owned(), json!(no));
    }
    body.into()
}

fn trade_body(trade: &TradeRecord) -> Value {
    json!({
        "trade_id": trade.trade_id,
        "market_ticker": trade.ticker,
        "yes_price_dollars": trade.price,
        "no_price_dollars": trade.price.complement(),
        "count_fp": trade.count,
        "taker_side": wire::outcome_side(trade.taker_side),
        "taker_outcome_side": wire::outcome_side(trade.taker_side),
        "taker_book_side": wire::book_side(trade.taker_side),
        "is_block_trade": false,
        "ts": trade.at.timestamp(),
        "ts_ms": trade.at.timestamp_millis(),
    })
}

fn fill_body(fill: &FillRecord) -> Value {
    let mut body = json!({
        "trade_id": fill.trade_id,
        "order_id": fill.order_id,
        "market_ticker": fill.ticker,
        "exchange_index": wire::SHARD,
        "is_taker": fill.is_taker,
        "side": wire::outcome_side(fill.side),
        "purchased_side": wire::outcome_side(fill.side),
        "outcome_side": wire::outcome_side(fill.side),
        "book_side": wire::book_side(fill.side),
        "action": "buy",
        "yes_price_dollars": fill.price,
        "count_fp": fill.count,
        "fee_cost": fill.fee,
        "post_position_fp": fill.position_after,
        "ts": fill.at.timestamp(),
        "ts_ms": fill.at.timestamp_millis(),
        "subaccount": 0,
    });
    if let (Some(id), Some(fields)) = (&fill.client_order_id, body.as_object_mut()) {
        fields.insert("client_order_id".to_owned(), id.as_str().into());
    }
    body
}

fn order_body(exchange: &Exchange, order: &OrderRecord) -> Value {
    let asked = &order.asked;
    let mut body = wire::order(exchange, order);
    let Some(fields) = body.as_object_mut() else {
        return body;
    };
    // The REST record, less what the channel does not carry, plus its own times.
    for absent in ["action", "type", "no_price_dollars", "cancel_order_on_pause"] {
        fields.remove(absent);
    }
    fields.insert("is_yes".to_owned(), (asked.side == BookSide::Bid).into());
    fields.insert(
        "created_ts_ms".to_owned(),
        order.created_at.timestamp_millis().into(),
    );
    fields.insert(
        "last_updated_ts_ms".to_owned(),
        order.updated_at.timestamp_millis().into(),
    );
    if let Some(reason) = order.reason {
        fields.insert("last_update_reason".to_owned(), reason.as_str().into());
    }
    if let TimeInForce::GoodTillCanceled {
        expires_at: Some(expiry),
    } = asked.time_in_force
    {
        fields.insert("expiration_ts_ms".to_owned(), expiry.timestamp_millis().into());
    }
    body
}

fn lifecycle_body(market: &Market, step: &LifecycleStep, at: DateTime<Utc>) -> Value {
    let listing = &market.listing;
    let mut body = match step {
        LifecycleStep::Created => json!({
            "event_type": "created",
            "exchange_index": wire::SHARD,
            "open_ts": listing.open_time.timestamp(),
            "close_ts": listing.close_time.timestamp(),
            "price_level_structure": listing.prices.name,
            "price_ranges": listing.prices.ranges,
            "additional_metadata": {
                "name": listing.yes_sub_title,
                "title": listing.title.as_deref().unwrap_or(""),
                "yes_sub_title": listing.yes_sub_title,
                "no_sub_title": listing.no_sub_title,
                "rules_primary": listing.rules_primary,
                "rules_secondary": listing.rules_secondary,
                "can_close_early": listing.can_close_early,
                "event_ticker": listing.event,
                "expected_expiration_ts":
                    listing.expected_expiration_time.unwrap_or(listing.latest_expiration_time).timestamp(),
            },
        }),
        LifecycleStep::Activated => json!({ "event_type": "activated", "is_deactivated": false }),
        LifecycleStep::Deactivated => json!({ "event_type": "deactivated", "is_deactivated": true }),
        LifecycleStep::CloseDateUpdated(close) => {
            json!({ "event_type": "close_date_updated", "close_ts": close.timestamp() })
        }
        LifecycleStep::Determined(decided) => json!({
            "event_type": "determined",
            "determination_ts": at.timestamp(),
            "result": wire::result(decided.result),
            "settlement_value": decided.value,
        }),
        LifecycleStep::PriceLevelsUpdated(prices) => json!({
            "event_type": "price_level_structure_updated",
            "price_level_structure": prices.name,
            "price_ranges": prices.ranges,
        }),
        LifecycleStep::Settled(settled) => {
            json!({ "event_type": "settled", "settled_ts": settled.timestamp() })
        }
    };
    if let Some(fields) = body.as_object_mut() {
        fields.insert("market_ticker".to_owned(), json!(listing.ticker));
    }
    body
}
