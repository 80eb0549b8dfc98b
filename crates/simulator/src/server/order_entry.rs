//! Writes: the V2 order endpoints, as strict about types as the exchange.

use autotrader_domain::{BookSide, Contracts, Price, TimeInForce};
use axum::Json;
use axum::body::Bytes;
use axum::extract::{Path, RawQuery, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use chrono::DateTime;
use serde_json::{Map, Value, json};

use super::admission::Caller;
use super::errors::ApiError;
use super::query::Query;
use super::{App, Moment, wire};
use crate::exchange::{NewOrder, OrderAck, OrderId, Refusal, SelfTradePrevention};

/// The fields of a create request, read the way the exchange reads them: exact JSON types, unknown fields ignored.
struct Body {
    fields: Map<String, Value>,
}

impl Body {
    fn parse(bytes: &[u8]) -> Result<Self, ApiError> {
        match serde_json::from_slice(bytes) {
            Ok(Value::Object(fields)) => Ok(Self { fields }),
            Ok(other) => Err(mistyped(
                kind(&other),
                "CreateOrderV2Request",
                "CreateOrderV2Request",
            )),
            Err(error) => Err(ApiError::BadRequest {
                details: format!("json: {error}"),
            }),
        }
    }

    /// A field that must be text when present; null counts as absent.
    fn text(&self, name: &str) -> Result<Option<&str>, ApiError> {
        match self.fields.get(name) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::String(text)) => Ok(Some(text)),
            Some(other) => Err(mistyped(kind(other), &field(name), "string")),
        }
    }

    fn required(&self, name: &str) -> Result<&str, ApiError> {
        self.text(name)?
            .filter(|text| !text.is_empty())
            .ok_or_else(|| missing(name))
    }

    fn flag(&self, name: &str) -> Result<bool, ApiError> {
        match self.fields.get(name) {
            None | Some(Value::Null) => Ok(false),
            Some(Value::Bool(flag)) => Ok(*flag),
            Some(other) => Err(mistyped(kind(other), &field(name), "bool")),
        }
    }

    fn integer(&self, name: &str) -> Result<Option<i64>, ApiError> {
        match self.fields.get(name) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::Number(number)) if number.is_i64() => Ok(number.as_i64()),
            Some(other) => Err(mistyped(kind(other), &field(name), "int64")),
        }
    }
}

fn field(name: &str) -> String {
    format!("CreateOrderV2Request.{name}")
}

const fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "bool",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}

/// Worded as captured.
fn mistyped(found: &str, place: &str, wanted: &str) -> ApiError {
    let details = format!("json: cannot unmarshal {found} into Go struct field {place} of type {wanted}");
    ApiError::BadRequest { details }
}

fn failed(name: &str, rule: &str) -> ApiError {
    let field: String = name
        .split('_')
        .filter_map(|word| {
            let mut letters = word.chars();
            letters
                .next()
                .map(|first| first.to_ascii_uppercase().to_string() + letters.as_str())
        })
        .collect();
    ApiError::Validation {
        msg: format!(
            "Parameter validation failed for CreateOrderV2: Key: 'CreateOrderV2Request.{field}' Error:Field validation \
             for '{field}' failed on the '{rule}' tag"
        ),
    }
}

fn missing(name: &str) -> ApiError {
    failed(name, "required")
}

fn order_of(body: &Body) -> Result<NewOrder, ApiError> {
    // All types are checked before any value, as a decoder does that fills a struct first.
    let ticker = body.text("ticker")?;
    let side = body.text("side")?;
    body.text("count")?;
    body.text("price")?;
    let tif = body.text("time_in_force")?;
    let prevention = body.text("self_trade_prevention_type")?;
    let expiration = body.integer("expiration_time")?;
    let (post_only, reduce_only) = (body.flag("post_only")?, body.flag("reduce_only")?);
    let cancel_on_pause = body.flag("cancel_order_on_pause")?;
    let client_order_id = body
        .text("client_order_id")?
        .filter(|id| !id.is_empty())
        .map(str::to_owned);
    let group = body.text("order_group_id")?.filter(|id| !id.is_empty());
    let subaccount = body.integer("subaccount")?.unwrap_or(0);
    let shard = body.integer("exchange_index")?.unwrap_or(0);

    let ticker = ticker
        .filter(|text| !text.is_empty())
        .ok_or_else(|| missing("ticker"))?;
    let side = match side.ok_or_else(|| missing("side"))? {
        "bid" => BookSide::Bid,
        "ask" => BookSide::Ask,
        _ => return Err(failed("side", "oneof")),
    };
    let (count, price) = (body.required("count")?, body.required("price")?);
    let expires_at = expiration
        .map(|seconds| {
            DateTime::from_timestamp(seconds, 0).ok_or_else(|| ApiError::parameter("expiration_time"))
        })
        .transpose()?;
    let time_in_force = match tif.ok_or_else(|| missing("time_in_force"))? {
        "good_till_canceled" => TimeInForce::GoodTillCanceled { expires_at },
        _ if expires_at.is_some() => return Err(ApiError::parameter("expiration_time")),
        "immediate_or_cancel" => TimeInForce::ImmediateOrCancel,
        "fill_or_kill" => TimeInForce::FillOrKill,
        _ => return Err(failed("time_in_force", "oneof")),
    };
    let self_trade_prevention = match prevention.ok_or_else(|| missing("self_trade_prevention_type"))? {
        "taker_at_cross" => SelfTradePrevention::TakerAtCross,
        "maker" => SelfTradePrevention::Maker,
        _ => return Err(failed("self_trade_prevention_type", "oneof")),
    };
    if subaccount != 0 {
        return Err(ApiError::parameter("subaccount"));
    }
    if !matches!(shard, 0 | -1) {
        return Err(ApiError::parameter("exchange_index"));
    }
    let order_group_id = group
        .map(|id| id.parse().map_err(|_| ApiError::not_found()))
        .transpose()?;
    let count: Contracts = count.parse().map_err(|_| ApiError::parameter("count"))?;
    let price: Price = price.parse().map_err(|_| ApiError::from(Refusal::InvalidPrice))?;
    Ok(NewOrder {
        ticker: ticker.parse().map_err(|_| ApiError::not_found())?,
        client_order_id,
        side,
        count,
        price,
        time_in_force,
        post_only,
        reduce_only,
        self_trade_prevention,
        cancel_on_pause,
        order_group_id,
    })
}

fn created(ack: &OrderAck) -> Value {
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
    // Averages are per whole contract; the sums are per hundredths.
    for (name, sum) in [
        ("average_fill_price", ack.notional),
        ("average_fee_paid", ack.fees),
    ] {
        if let Some(average) = sum.fraction(100, ack.filled.raw()) {
            fields.insert(name.to_owned(), wire::short_dollars(average).into());
        }
    }
    value
}

/// The moment, unless order entry is down.
fn entry(app: &App) -> Result<Moment<'_>, ApiError> {
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
    let order = order_of(&Body::parse(&bytes)?)?;
    let now = moment.now;
    let ack = moment.world.exchange().submit(account, order, now);
    if moment.faults.order_entry_answers_lost {
        return Err(ApiError::unavailable());
    }
    Ok((StatusCode::CREATED, Json(created(&ack?))).into_response())
}

pub(super) async fn cancel(
    State(app): State<App>,
    Caller(account): Caller,
    Path(order_id): Path<String>,
    RawQuery(raw): RawQuery,
) -> Result<Json<Value>, ApiError> {
    let query = Query::parse("CancelOrderV2", raw.as_deref());
    let mut moment = entry(&app)?;
    let id: OrderId = order_id.parse().map_err(|_| ApiError::not_found())?;
    let now = moment.now;
    let exchange = moment.world.exchange();
    if let (Some(wanted), Some(order)) = (query.get("market_ticker"), exchange.order(account, id))
        && order.asked.ticker.as_str() != wanted
    {
        return Err(ApiError::nested(400, "order_ticker_mismatch", None));
    }
    let ack = exchange.cancel(account, id, now);
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
) -> Result<StatusCode, ApiError> {
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
