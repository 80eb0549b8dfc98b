//! Order groups: created, read, limited, triggered, reset, deleted.

use autotrader_domain::Contracts;
use axum::Json;
use axum::body::Bytes;
use axum::extract::{Path, RawQuery, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use chrono::{DateTime, Utc};
use serde_json::{Value, json};

use super::admission::Caller;
use super::body::Body;
use super::errors::ApiError;
use super::order_entry::entry;
use super::query::Query;
use super::{App, wire};
use crate::exchange::{AccountId, Exchange, OrderGroupId, Refusal};

type Answer = Result<Json<Value>, ApiError>;

fn id_of(text: &str) -> Result<OrderGroupId, ApiError> {
    text.parse().map_err(|_| ApiError::not_found())
}

/// The limit of a body: whole contracts as a number, or contracts as text; both must agree.
fn limit_of(body: &Body) -> Result<Contracts, ApiError> {
    let whole = body.integer("contracts_limit")?;
    let exact = body.text("contracts_limit_fp")?;
    let whole = whole
        .map(|count| {
            count
                .checked_mul(100)
                .and_then(Contracts::from_raw)
                .ok_or_else(|| ApiError::parameter("contracts_limit"))
        })
        .transpose()?;
    let exact: Option<Contracts> = exact
        .map(|text| {
            text.parse()
                .map_err(|_| ApiError::parameter("contracts_limit_fp"))
        })
        .transpose()?;
    match (whole, exact) {
        (Some(whole), Some(exact)) if whole != exact => Err(ApiError::parameter(
            "contracts_limit and contracts_limit_fp must agree",
        )),
        (Some(limit), _) | (None, Some(limit)) => Ok(limit),
        (None, None) => Err(body.missing("contracts_limit")),
    }
}

pub(super) async fn create(
    State(app): State<App>,
    Caller(account): Caller,
    bytes: Bytes,
) -> Result<Response, ApiError> {
    let body = Body::parse("CreateOrderGroupRequest", &bytes)?;
    body.only_main()?;
    let limit = limit_of(&body)?;
    let mut moment = entry(&app)?;
    let now = moment.now;
    let group = moment.world.exchange().create_order_group(account, limit, now);
    if moment.faults.order_entry_answers_lost {
        return Err(ApiError::unavailable());
    }
    let created = json!({ "order_group_id": group?.id, "subaccount": 0, "exchange_index": wire::SHARD });
    Ok((StatusCode::CREATED, Json(created)).into_response())
}

pub(super) async fn list(State(app): State<App>, Caller(account): Caller, RawQuery(raw): RawQuery) -> Answer {
    Query::parse("GetOrderGroups", raw.as_deref()).only_main()?;
    let mut moment = app.moment();
    let groups: Vec<Value> = moment
        .world
        .exchange()
        .order_groups(account)
        .into_iter()
        .map(|group| {
            json!({
                "id": group.id,
                "is_auto_cancel_enabled": true,
                "contracts_limit_fp": group.limit,
                "exchange_index": wire::SHARD,
            })
        })
        .collect();
    Ok(Json(json!({ "order_groups": groups })))
}

pub(super) async fn one(
    State(app): State<App>,
    Caller(account): Caller,
    Path(id): Path<String>,
    RawQuery(raw): RawQuery,
) -> Answer {
    Query::parse("GetOrderGroup", raw.as_deref()).only_main()?;
    let id = id_of(&id)?;
    let mut moment = app.moment();
    let (group, orders) = moment.world.exchange().order_group(account, id)?;
    Ok(Json(json!({
        "is_auto_cancel_enabled": true,
        "orders": orders,
        "contracts_limit_fp": group.limit,
        "exchange_index": wire::SHARD,
    })))
}

/// Changes one group and answers with an empty object.
fn change(
    app: &App,
    id: &str,
    raw: Option<&str>,
    act: impl FnOnce(&mut Exchange, OrderGroupId, DateTime<Utc>) -> Result<(), Refusal>,
) -> Answer {
    Query::parse("UpdateOrderGroup", raw).only_main()?;
    let id = id_of(id)?;
    let mut moment = entry(app)?;
    let now = moment.now;
    let done = act(moment.world.exchange(), id, now);
    if moment.faults.order_entry_answers_lost {
        return Err(ApiError::unavailable());
    }
    done?;
    Ok(Json(json!({})))
}

pub(super) async fn limit(
    State(app): State<App>,
    Caller(account): Caller,
    Path(id): Path<String>,
    RawQuery(raw): RawQuery,
    bytes: Bytes,
) -> Answer {
    let limit = limit_of(&Body::parse("UpdateOrderGroupLimitRequest", &bytes)?)?;
    change(&app, &id, raw.as_deref(), |exchange, id, at| {
        exchange.set_order_group_limit(account, id, limit, at)
    })
}

type Step = fn(&mut Exchange, AccountId, OrderGroupId, DateTime<Utc>) -> Result<(), Refusal>;

fn step(app: &App, account: AccountId, id: &str, raw: Option<&str>, step: Step) -> Answer {
    change(app, id, raw, |exchange, id, at| step(exchange, account, id, at))
}

pub(super) async fn reset(
    State(app): State<App>,
    Caller(account): Caller,
    Path(id): Path<String>,
    RawQuery(raw): RawQuery,
) -> Answer {
    step(&app, account, &id, raw.as_deref(), Exchange::reset_order_group)
}

pub(super) async fn trigger(
    State(app): State<App>,
    Caller(account): Caller,
    Path(id): Path<String>,
    RawQuery(raw): RawQuery,
) -> Answer {
    step(&app, account, &id, raw.as_deref(), Exchange::trigger_order_group)
}

pub(super) async fn delete(
    State(app): State<App>,
    Caller(account): Caller,
    Path(id): Path<String>,
    RawQuery(raw): RawQuery,
) -> Answer {
    step(&app, account, &id, raw.as_deref(), Exchange::delete_order_group)
}
