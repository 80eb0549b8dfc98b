//! Changing resting orders, and where they stand in their queues.

use autotrader_domain::{Contracts, Ticker};
use axum::Json;
use axum::body::Bytes;
use axum::extract::{Path, RawQuery, State};
use chrono::DateTime;
use serde_json::{Map, Value, json};

use super::App;
use super::admission::Caller;
use super::body::Body;
use super::errors::ApiError;
use super::order_entry::{count_of, entry, price_of, put_averages, side_of};
use super::query::Query;
use crate::exchange::{AmendAck, AmendOrder, Decrease, Exchange, ExpirationChange, OrderId, OrderStatus};

type Answer = Result<Json<Value>, ApiError>;

/// Reads an amendment; all types are checked before any value.
fn amendment_of(body: &Body) -> Result<AmendOrder, ApiError> {
    let side = body.text("side")?;
    body.text("count")?;
    body.text("price")?;
    let named = |name| -> Result<Option<String>, ApiError> {
        let text = body.text(name)?.filter(|id| !id.is_empty());
        Ok(text.map(str::to_owned))
    };
    let (client_order_id, updated) = (named("client_order_id")?, named("updated_client_order_id")?);
    let expiration = match body.integer("expiration_time")? {
        None => ExpirationChange::Keep,
        Some(0) => ExpirationChange::Remove,
        Some(seconds) => DateTime::from_timestamp(seconds, 0)
            .map(ExpirationChange::Set)
            .ok_or_else(|| ApiError::parameter("expiration_time"))?,
    };
    let ticker = body.required("ticker")?;
    let side = side_of(body, side)?;
    let (count, price) = (body.required("count")?, body.required("price")?);
    body.only_main()?;
    Ok(AmendOrder {
        ticker: ticker.parse().map_err(|_| ApiError::not_found())?,
        side,
        price: price_of(price)?,
        count: count_of(count)?,
        client_order_id,
        updated_client_order_id: updated,
        expiration,
    })
}

fn amended(ack: &AmendAck) -> Value {
    let mut fields = Map::new();
    fields.insert("order_id".to_owned(), json!(ack.order_id));
    fields.insert("ts_ms".to_owned(), ack.at.timestamp_millis().into());
    if let Some(id) = &ack.client_order_id {
        fields.insert("client_order_id".to_owned(), id.as_str().into());
    }
    for (name, count) in [("remaining_count", ack.remaining), ("fill_count", ack.filled)] {
        if let Some(count) = count {
            fields.insert(name.to_owned(), json!(count));
        }
    }
    let filled = ack.filled.unwrap_or(Contracts::ZERO);
    put_averages(&mut fields, filled, ack.notional, ack.fees);
    Value::Object(fields)
}

pub(super) async fn amend(
    State(app): State<App>,
    Caller(account): Caller,
    Path(order_id): Path<String>,
    RawQuery(raw): RawQuery,
    bytes: Bytes,
) -> Answer {
    Query::parse("AmendOrderV2", raw.as_deref()).only_main()?;
    let amendment = amendment_of(&Body::parse("AmendOrderV2Request", &bytes)?)?;
    let id: OrderId = order_id.parse().map_err(|_| ApiError::not_found())?;
    let mut moment = entry(&app)?;
    let now = moment.now;
    let ack = moment.world.exchange().amend(account, id, amendment, now);
    if moment.faults.order_entry_answers_lost {
        return Err(ApiError::unavailable());
    }
    Ok(Json(amended(&ack?)))
}

fn decrease_of(body: &Body) -> Result<Decrease, ApiError> {
    let (by, to) = (body.text("reduce_by")?, body.text("reduce_to")?);
    body.only_main()?;
    let count = |text: &str, name: &str| -> Result<Contracts, ApiError> {
        text.parse().map_err(|_| ApiError::parameter(name))
    };
    match (by, to) {
        (Some(by), None) => Ok(Decrease::By(count(by, "reduce_by")?)),
        (None, Some(to)) => Ok(Decrease::To(count(to, "reduce_to")?)),
        _ => Err(ApiError::parameter(
            "exactly one of reduce_by and reduce_to must be given",
        )),
    }
}

pub(super) async fn decrease(
    State(app): State<App>,
    Caller(account): Caller,
    Path(order_id): Path<String>,
    RawQuery(raw): RawQuery,
    bytes: Bytes,
) -> Answer {
    Query::parse("DecreaseOrderV2", raw.as_deref()).only_main()?;
    let decrease = decrease_of(&Body::parse("DecreaseOrderV2Request", &bytes)?)?;
    let id: OrderId = order_id.parse().map_err(|_| ApiError::not_found())?;
    let mut moment = entry(&app)?;
    let now = moment.now;
    let ack = moment.world.exchange().decrease(account, id, decrease, now);
    if moment.faults.order_entry_answers_lost {
        return Err(ApiError::unavailable());
    }
    let ack = ack?;
    let mut value = json!({
        "order_id": ack.order_id,
        "remaining_count": ack.remaining,
        "ts_ms": ack.at.timestamp_millis(),
    });
    if let (Some(id), Some(fields)) = (ack.client_order_id, value.as_object_mut()) {
        fields.insert("client_order_id".to_owned(), id.into());
    }
    Ok(Json(value))
}

pub(super) async fn queue_position(
    State(app): State<App>,
    Caller(account): Caller,
    Path(order_id): Path<String>,
) -> Answer {
    let id: OrderId = order_id.parse().map_err(|_| ApiError::not_found())?;
    let mut moment = app.moment();
    let ahead = moment.world.exchange().queue_position(account, id)?;
    Ok(Json(json!({ "queue_position_fp": ahead })))
}

/// Of the resting orders of some markets or of one event; of all when neither is named.
pub(super) async fn queue_positions(
    State(app): State<App>,
    Caller(account): Caller,
    RawQuery(raw): RawQuery,
) -> Answer {
    let query = Query::parse("GetOrderQueuePositions", raw.as_deref());
    query.only_main()?;
    let markets = query.set("market_tickers");
    let event = query.get("event_ticker");
    let mut moment = app.moment();
    let exchange: &Exchange = moment.world.exchange();
    let is_of_event = |ticker: &Ticker| {
        event.is_none_or(|wanted| {
            let market = exchange.market(ticker);
            market.is_some_and(|market| market.listing.event.as_str() == wanted)
        })
    };
    let list: Vec<Value> = exchange
        .orders(account)
        .filter(|order| order.status == OrderStatus::Resting)
        .filter(|order| {
            let ticker = &order.asked.ticker;
            markets.as_ref().is_none_or(|set| set.contains(ticker.as_str())) && is_of_event(ticker)
        })
        .filter_map(|order| {
            let ahead = exchange.queue_position(account, order.id).ok()?;
            Some(json!({
                "order_id": order.id,
                "market_ticker": order.asked.ticker,
                "queue_position_fp": ahead,
            }))
        })
        .collect();
    Ok(Json(json!({ "queue_positions": list })))
}
