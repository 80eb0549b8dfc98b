//! What an account may read and set of itself beside its trading: keys, subaccounts, transfers, resting orders' worth.

use autotrader_domain::{BookSide, Money, Price};
use axum::Json;
use axum::body::Bytes;
use axum::extract::{RawQuery, State};
use axum::http::StatusCode;
use serde_json::{Value, json};

use super::admission::Caller;
use super::body::Body;
use super::errors::ApiError;
use super::query::Query;
use super::{App, wire};
use crate::exchange::OrderStatus;

type Answer = Result<Json<Value>, ApiError>;

pub(super) async fn api_keys(State(app): State<App>, Caller(account): Caller) -> Json<Value> {
    let keys: Vec<Value> = app
        .keys
        .of(account)
        .map(|key| {
            let scopes: Vec<&str> = key.scopes.iter().map(|scope| scope.as_str()).collect();
            json!({ "api_key_id": key.key_id, "name": key.name, "scopes": scopes })
        })
        .collect();
    Json(json!({ "api_keys": keys }))
}

/// The primary account is the only subaccount here.
pub(super) async fn subaccount_balances(State(app): State<App>, Caller(account): Caller) -> Answer {
    let mut moment = app.moment();
    let shown_until = moment.shown_until;
    let exchange = moment.world.exchange();
    let balance = exchange
        .balance_as_of(account, shown_until)
        .ok_or_else(ApiError::not_found)?;
    let updated = exchange
        .account(account)
        .map(|account| account.updated_at.min(shown_until).timestamp());
    Ok(Json(json!({
        "subaccount_balances": [{
            "subaccount_number": 0,
            "exchange_index": wire::SHARD,
            "balance": wire::short_dollars(balance.balance()),
            "updated_ts": updated,
        }],
    })))
}

/// Money never moves between subaccounts here, for there is one.
pub(super) async fn subaccount_transfers(RawQuery(raw): RawQuery) -> Answer {
    Query::parse("GetSubaccountTransfers", raw.as_deref()).limit(100, 1_000)?;
    Ok(Json(json!({ "transfers": [], "cursor": "" })))
}

/// Cash is there from the opening on; nothing is paid in over the interface.
pub(super) async fn deposits(RawQuery(raw): RawQuery) -> Answer {
    Query::parse("GetDeposits", raw.as_deref()).limit(100, 500)?;
    Ok(Json(json!({ "deposits": [], "cursor": "" })))
}

/// Nothing is ever paid out over the interface.
pub(super) async fn withdrawals(RawQuery(raw): RawQuery) -> Answer {
    Query::parse("GetWithdrawals", raw.as_deref()).limit(100, 500)?;
    Ok(Json(json!({ "withdrawals": [], "cursor": "" })))
}

/// What resting orders would cost at their limits, fees apart, in cents rounded down.
pub(super) async fn resting_order_value(State(app): State<App>, Caller(account): Caller) -> Json<Value> {
    let mut moment = app.moment();
    let total: Money = moment
        .world
        .exchange()
        .orders(account)
        .filter(|order| order.status == OrderStatus::Resting)
        .map(|order| {
            let price: Price = match order.asked.side {
                BookSide::Bid => order.asked.price,
                BookSide::Ask => order.asked.price.complement(),
            };
            price.times(order.remaining).unwrap_or(Money::ZERO)
        })
        .sum();
    Json(json!({
        "total_resting_order_value": wire::cents(total),
        "resting_order_value_breakdown": [
            { "exchange_index": wire::SHARD, "balance": wire::short_dollars(total) },
        ],
    }))
}

/// The stand-in pays no incentives.
pub(super) async fn incentive_programs(RawQuery(raw): RawQuery) -> Answer {
    let query = Query::parse("GetIncentivePrograms", raw.as_deref());
    query.limit(100, 10_000)?;
    query.word(
        "status",
        "Status",
        &["all", "active", "upcoming", "closed", "paid_out"],
    )?;
    Ok(Json(json!({ "incentive_programs": [] })))
}

/// Whether collateral is returned across the markets of mutually exclusive events.
pub(super) async fn netting(State(app): State<App>, Caller(account): Caller) -> Answer {
    let mut moment = app.moment();
    let holder = moment
        .world
        .exchange()
        .account(account)
        .ok_or_else(ApiError::not_found)?;
    Ok(Json(json!({
        "netting_configs": [
            { "subaccount_number": 0, "enabled": holder.netting, "exchange_index": wire::SHARD },
        ],
    })))
}

/// Turns netting on or off; the answer has no body, as specified.
pub(super) async fn set_netting(
    State(app): State<App>,
    Caller(account): Caller,
    bytes: Bytes,
) -> Result<StatusCode, ApiError> {
    let body = Body::parse("UpdateSubaccountNettingRequest", &bytes)?;
    let number = body
        .integer("subaccount_number")?
        .ok_or_else(|| body.missing("subaccount_number"))?;
    let enabled = body.flag("enabled")?.ok_or_else(|| body.missing("enabled"))?;
    if number != 0 {
        return Err(ApiError::parameter("subaccount_number"));
    }
    let mut moment = app.moment();
    let now = moment.now;
    moment.world.exchange().set_netting(account, enabled, now)?;
    Ok(StatusCode::OK)
}
