//! The archive, which is empty: this exchange keeps everything among the live data, so its cutoffs lie before all of it.

use axum::Json;
use axum::extract::RawQuery;
use chrono::DateTime;
use serde_json::{Value, json};

use super::errors::ApiError;
use super::query::Query;
use super::wire;

type Answer = Result<Json<Value>, ApiError>;

pub(super) async fn cutoff() -> Json<Value> {
    let never = wire::time(DateTime::UNIX_EPOCH);
    Json(json!({
        "market_settled_ts": never,
        "trades_created_ts": never,
        "orders_updated_ts": never,
        "market_positions_last_updated_ts": never,
    }))
}

fn nothing(operation: &'static str, raw: Option<&str>, names: &[&str]) -> Answer {
    Query::parse(operation, raw).limit(100, 1_000)?;
    let mut value = json!({ "cursor": "" });
    if let Some(fields) = value.as_object_mut() {
        for name in names {
            fields.insert((*name).to_owned(), json!([]));
        }
    }
    Ok(Json(value))
}

pub(super) async fn markets(RawQuery(raw): RawQuery) -> Answer {
    nothing("GetHistoricalMarkets", raw.as_deref(), &["markets"])
}

pub(super) async fn trades(RawQuery(raw): RawQuery) -> Answer {
    nothing("GetHistoricalTrades", raw.as_deref(), &["trades"])
}

pub(super) async fn fills(RawQuery(raw): RawQuery) -> Answer {
    nothing("GetHistoricalFills", raw.as_deref(), &["fills"])
}

pub(super) async fn orders(RawQuery(raw): RawQuery) -> Answer {
    nothing("GetHistoricalOrders", raw.as_deref(), &["orders"])
}

pub(super) async fn positions(RawQuery(raw): RawQuery) -> Answer {
    nothing(
        "GetHistoricalPositions",
        raw.as_deref(),
        &["market_positions", "event_positions"],
    )
}

/// No market is archived, so none is found.
pub(super) async fn no_market() -> ApiError {
    ApiError::not_found()
}
