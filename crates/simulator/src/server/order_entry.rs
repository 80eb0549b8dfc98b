//! Writes: the V2 order endpoints, as strict about types as the exchange.

use autotrader_domain::{BookSide, Contracts, Money, Price, TimeInForce};
use axum::Json;
use axum::body::Bytes;
use axum::extract::{Path, RawQuery, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use chrono::DateTime;
use serde_json::{Map, Value, json};

use super::admission::Caller;
use super::body::Body;
use super::errors::ApiError;
use super::query::Query;
use super::{App, Moment, wire};
use crate::exchange::{AccountId, CancelAck, NewOrder, OrderAck, OrderId, Refusal, SelfTradePrevention};

/// Reads an order to create; all types are checked before any value, as a decoder does that fills a struct first.
pub(super) fn order_of(body: &Body) -> Result<NewOrder, ApiError> {
    let ticker = body.text("ticker")?;
    let side = body.text("side")?;
    body.text("count")?;
    body.text("price")?;
    let tif = body.text("time_in_force")?;
    let prevention = body.text("self_trade_prevention_type")?;
    let expiration = body.integer("expiration_time")?;
    let (post_only, reduce_only) = (body.flag("post_only")?, body.flag("reduce_only")?);
    let cancel_on_pause = body.flag("cancel_order_on_pause")?.unwrap_or(false);
    let client_order_id = body
        .text("client_order_id")?
        .filter(|id| !id.is_empty())
        .map(str::to_owned);
    let group = body.text("order_group_id")?.filter(|id| !id.is_empty());

    let ticker = ticker
        .filter(|text| !text.is_empty())
        .ok_or_else(|| body.missing("ticker"))?;
    let side = side_of(body, side)?;
    let (count, price) = (body.required("count")?, body.required("price")?);
    let expires_at = expiration
        .map(|seconds| {
            DateTime::from_timestamp(seconds, 0).ok_or_else(|| ApiError::parameter("expiration_time"))
        })
        .transpose()?;
    let time_in_force = match tif.ok_or_else(|| body.missing("time_in_force"))? {
        "good_till_canceled" => TimeInForce::GoodTillCanceled { expires_at },
        _ if expires_at.is_some() => return Err(ApiError::parameter("expiration_time")),
        "immediate_or_cancel" => TimeInForce::ImmediateOrCancel,
        "fill_or_kill" => TimeInForce::FillOrKill,
        _ => return Err(body.failed("time_in_force", "oneof")),
    };
    let self_trade_prevention = match prevention.ok_or_else(|| body.missing("self_trade_prevention_type"))? {
        "taker_at_cross" => SelfTradePrevention::TakerAtCross,
        "maker" => SelfTradePrevention::Maker,
        _ => return Err(body.failed("self_trade_prevention_type", "oneof")),
    };
    body.only_main()?;
    let order_group_id = group
        .map(|id| id.parse().map_err(|_| ApiError::not_found()))
        .transpose()?;
    Ok(NewOrder {
        ticker: ticker.parse().map_err(|_| ApiError::not_found())?,
        client_order_id,
        side,
        count: count_of(count)?,
        price: price_of(price)?,
        time_in_force,
        post_only: post_only.unwrap_or(false),
        reduce_only: reduce_only.unwrap_or(false),
        self_trade_prevention,
        cancel_on_pause,
        order_group_id,
    })
}

/// The side of the YES book that a body names.
pub(super) fn side_of(body: &Body, side: Option<&str>) -> Result<BookSide, ApiError> {
    match side.ok_or_else(|| body.missing("side"))? {
        "bid" => Ok(BookSide::Bid),
        "ask" => Ok(BookSide::Ask),
        _ => Err(body.failed("side", "oneof")),
    }
}

pub(super) fn count_of(text: &str) -> Result<Contracts, ApiError> {
    text.parse().map_err(|_| ApiError::parameter("count"))
}

pub(super) fn price_of(text: &str) -> Result<Price, ApiError> {
    text.parse().map_err(|_| ApiError::from(Refusal::InvalidPrice))
}

pub(super) fn created(ack: &OrderAck) -> Value {
    let mut value = json!({
        "order_id": ack.order_id,
        "fill_count": ack.filled,
        "remaining_count": ack.remaining,
        "ts_ms": ack.at.timestamp_millis(),
    });
    let Some(fields) = value.as_object_mut() else {
        return value;
    };
    if let Some(id) = &ack.client_order_id {
        fields.insert("client_order_id".to_owned(), id.as_str().into());
    }
    put_averages(fields, ack.filled, ack.notional, ack.fees);
    value
}

/// The averages of fills, absent where there were none: per whole contract, while the counts are hundredths.
pub(super) fn put_averages(fields: &mut Map<String, Value>, filled: Contracts, notional: Money, fees: Money) {
    for (name, sum) in [("average_fill_price", notional), ("average_fee_paid", fees)] {
        if let Some(average) = sum.fraction(100, filled.raw()) {
            fields.insert(name.to_owned(), wire::short_dollars(average).into());
        }
    }
}

/// The moment, unless order entry is down.
pub(super) fn entry(app: &App) -> Result<Moment<'_>, ApiError> {
    let moment = app.moment();
    if moment.faults.order_entry_down {
        Err(ApiError::unavailable())
    } else {
        Ok(moment)
    }
}

pub(super) async fn create(
    State(app): State<App>,
    Caller(account): Caller,
    bytes: Bytes,
) -> Result<Response, ApiError> {
    let mut moment = entry(&app)?;
    let order = order_of(&Body::parse("CreateOrderV2Request", &bytes)?)?;
    let now = moment.now;
    let ack = moment.world.exchange().submit(account, order, now);
    if moment.faults.order_entry_answers_lost {
        return Err(ApiError::unavailable());
    }
    Ok((StatusCode::CREATED, Json(created(&ack?))).into_response())
}

/// Cancels one order, first checking the market that the caller says it is in.
pub(super) fn cancel_one(
    moment: &mut Moment<'_>,
    account: AccountId,
    order_id: &str,
    market: Option<&str>,
) -> Result<CancelAck, ApiError> {
    let id: OrderId = order_id.parse().map_err(|_| ApiError::not_found())?;
    let now = moment.now;
    let exchange = moment.world.exchange();
    if let (Some(wanted), Some(order)) = (market, exchange.order(account, id))
        && order.asked.ticker.as_str() != wanted
    {
        return Err(ApiError::nested(400, "order_ticker_mismatch", None));
    }
    Ok(exchange.cancel(account, id, now)?)
}

pub(super) async fn cancel(
    State(app): State<App>,
    Caller(account): Caller,
    Path(order_id): Path<String>,
    RawQuery(raw): RawQuery,
) -> Result<Json<Value>, ApiError> {
    let query = Query::parse("CancelOrderV2", raw.as_deref());
    query.only_main()?;
    let mut moment = entry(&app)?;
    let ack = cancel_one(&mut moment, account, &order_id, query.get("market_ticker"));
    if moment.faults.order_entry_answers_lost {
        return Err(ApiError::unavailable());
    }
    let ack = ack?;
    // The specification allows the client id here; real traffic does not carry it.
    Ok(Json(json!({
        "order_id": ack.order_id,
        "reduced_by": ack.reduced_by,
        "ts_ms": ack.at.timestamp_millis(),
    })))
}

/// Cancels what rests now, and some of what is placed within the following minute.
pub(super) async fn cancel_all(
    State(app): State<App>,
    Caller(account): Caller,
    RawQuery(raw): RawQuery,
) -> Result<StatusCode, ApiError> {
    Query::parse("CancelAllOrdersV2", raw.as_deref()).only_main()?;
    let mut moment = entry(&app)?;
    let now = moment.now;
    if !moment.world.exchange().is_exchange_active() {
        return Err(Refusal::ExchangePaused.into());
    }
    moment.world.exchange().cancel_all(account, now)?;
    if moment.faults.order_entry_answers_lost {
        return Err(ApiError::unavailable());
    }
    Ok(StatusCode::NO_CONTENT)
}

/// The endpoints of the first version, switched off in June 2026; the status and code of the answer were never recorded.
pub(super) async fn legacy() -> ApiError {
    ApiError::Nested {
        status: 410,
        code: "endpoint_deprecated".to_owned(),
        message: "Please switch to the V2 endpoints".to_owned(),
        details: Some("https://docs.kalshi.com/api-reference/orders/create-order-v2".to_owned()),
    }
}
