//! Which path is served by which handler, and what every request passes through.

use axum::Router;
use axum::extract::{Request, State};
use axum::http::{HeaderValue, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::{delete, get, post, put};
use chrono::{DateTime, Utc};

use super::admin::AdminToken;
use super::admission::admit;
use super::errors::ApiError;
use super::journal::record;
use super::{
    App, account, candlesticks, faults, historical, market_data, order_batches, order_changes, order_entry,
    order_groups, pages, portfolio, ws,
};

pub(super) fn router(app: App, admin: Option<AdminToken>) -> Router {
    let api = Router::new()
        .route("/trade-api/v2/exchange/status", get(market_data::exchange_status))
        .route(
            "/trade-api/v2/exchange/schedule",
            get(market_data::exchange_schedule),
        )
        .route(
            "/trade-api/v2/exchange/user_data_timestamp",
            get(market_data::user_data_timestamp),
        )
        .route("/trade-api/v2/series", get(market_data::series_list))
        .route("/trade-api/v2/series/fee_changes", get(market_data::fee_changes))
        .route("/trade-api/v2/series/{ticker}", get(market_data::series))
        .route("/trade-api/v2/events", get(market_data::events))
        .route(
            "/trade-api/v2/events/fee_changes",
            get(market_data::event_fee_changes),
        )
        .route("/trade-api/v2/events/multivariate", get(market_data::combos))
        .route("/trade-api/v2/events/{ticker}", get(market_data::event))
        .route(
            "/trade-api/v2/events/{ticker}/metadata",
            get(market_data::event_metadata),
        )
        .route("/trade-api/v2/markets", get(market_data::markets))
        .route("/trade-api/v2/markets/orderbooks", get(market_data::orderbooks))
        .route("/trade-api/v2/markets/trades", get(market_data::trades))
        .route("/trade-api/v2/markets/{ticker}", get(market_data::market))
        .route(
            "/trade-api/v2/markets/{ticker}/orderbook",
            get(market_data::orderbook),
        )
        .route("/trade-api/v2/account/limits", get(portfolio::limits))
        .route(
            "/trade-api/v2/account/endpoint_costs",
            get(market_data::endpoint_costs),
        )
        .route("/trade-api/v2/portfolio/balance", get(portfolio::balance))
        .route("/trade-api/v2/portfolio/positions", get(portfolio::positions))
        .route("/trade-api/v2/portfolio/fills", get(portfolio::fills))
        .route("/trade-api/v2/portfolio/settlements", get(portfolio::settlements))
        .route(
            "/trade-api/v2/portfolio/orders",
            get(portfolio::orders).post(order_entry::legacy),
        )
        .route(
            "/trade-api/v2/portfolio/orders/batched",
            post(order_entry::legacy).delete(order_entry::legacy),
        )
        .route(
            "/trade-api/v2/portfolio/orders/{order_id}",
            get(portfolio::order).delete(order_entry::legacy),
        )
        .route(
            "/trade-api/v2/portfolio/orders/{order_id}/amend",
            post(order_entry::legacy),
        )
        .route(
            "/trade-api/v2/portfolio/orders/{order_id}/decrease",
            post(order_entry::legacy),
        )
        .route(
            "/trade-api/v2/portfolio/events/orders",
            post(order_entry::create).delete(order_entry::cancel_all),
        )
        .route(
            "/trade-api/v2/portfolio/events/orders/{order_id}",
            delete(order_entry::cancel),
        )
        .merge(candlestick_routes())
        .merge(batch_routes())
        .merge(change_routes())
        .merge(group_routes())
        .merge(account_routes())
        .merge(archive_routes())
        .route_layer(middleware::from_fn_with_state(app.clone(), admit))
        .layer(middleware::from_fn_with_state(app.clone(), throttle))
        .layer(middleware::from_fn_with_state(app.clone(), record))
        .route("/trade-api/ws/v2", get(ws::upgrade))
        .layer(middleware::from_fn_with_state(app.clone(), faults::api));
    let site = Router::new()
        .route("/leaderboard/{*path}", get(pages::leaderboard))
        .layer(middleware::from_fn_with_state(app.clone(), faults::page));
    let mut all = Router::new().merge(api).merge(site);
    if let Some(token) = admin {
        all = all.merge(super::admin::router(token));
    }
    all.fallback(|| async { ApiError::NoSuchPage })
        .layer(middleware::from_fn_with_state(app.clone(), date))
        .with_state(app)
}

fn candlestick_routes() -> Router<App> {
    Router::new()
        .route(
            "/trade-api/v2/markets/candlesticks",
            get(candlesticks::of_markets),
        )
        .route(
            "/trade-api/v2/series/{series}/markets/{ticker}/candlesticks",
            get(candlesticks::of_market),
        )
        .route(
            "/trade-api/v2/series/{series}/events/{ticker}/candlesticks",
            get(candlesticks::of_event),
        )
}

fn batch_routes() -> Router<App> {
    Router::new().route(
        "/trade-api/v2/portfolio/events/orders/batched",
        post(order_batches::create).delete(order_batches::cancel),
    )
}

fn change_routes() -> Router<App> {
    Router::new()
        .route(
            "/trade-api/v2/portfolio/events/orders/{order_id}/amend",
            post(order_changes::amend),
        )
        .route(
            "/trade-api/v2/portfolio/events/orders/{order_id}/decrease",
            post(order_changes::decrease),
        )
        .route(
            "/trade-api/v2/portfolio/orders/queue_positions",
            get(order_changes::queue_positions),
        )
        .route(
            "/trade-api/v2/portfolio/orders/{order_id}/queue_position",
            get(order_changes::queue_position),
        )
}

fn group_routes() -> Router<App> {
    Router::new()
        .route("/trade-api/v2/portfolio/order_groups", get(order_groups::list))
        .route(
            "/trade-api/v2/portfolio/order_groups/create",
            post(order_groups::create),
        )
        .route(
            "/trade-api/v2/portfolio/order_groups/{id}",
            get(order_groups::one).delete(order_groups::delete),
        )
        .route(
            "/trade-api/v2/portfolio/order_groups/{id}/reset",
            put(order_groups::reset),
        )
        .route(
            "/trade-api/v2/portfolio/order_groups/{id}/trigger",
            put(order_groups::trigger),
        )
        .route(
            "/trade-api/v2/portfolio/order_groups/{id}/limit",
            put(order_groups::limit),
        )
}

fn account_routes() -> Router<App> {
    Router::new()
        .route("/trade-api/v2/api_keys", get(account::api_keys))
        .route(
            "/trade-api/v2/incentive_programs",
            get(account::incentive_programs),
        )
        .route(
            "/trade-api/v2/portfolio/subaccounts/balances",
            get(account::subaccount_balances),
        )
        .route(
            "/trade-api/v2/portfolio/subaccounts/transfers",
            get(account::subaccount_transfers),
        )
        .route(
            "/trade-api/v2/portfolio/subaccounts/netting",
            get(account::netting).put(account::set_netting),
        )
        .route("/trade-api/v2/portfolio/deposits", get(account::deposits))
        .route("/trade-api/v2/portfolio/withdrawals", get(account::withdrawals))
        .route(
            "/trade-api/v2/portfolio/summary/total_resting_order_value",
            get(account::resting_order_value),
        )
}

fn archive_routes() -> Router<App> {
    Router::new()
        .route("/trade-api/v2/historical/cutoff", get(historical::cutoff))
        .route("/trade-api/v2/historical/markets", get(historical::markets))
        .route(
            "/trade-api/v2/historical/markets/{ticker}",
            get(historical::no_market),
        )
        .route(
            "/trade-api/v2/historical/markets/{ticker}/candlesticks",
            get(historical::no_market),
        )
        .route("/trade-api/v2/historical/trades", get(historical::trades))
        .route("/trade-api/v2/historical/fills", get(historical::fills))
        .route("/trade-api/v2/historical/orders", get(historical::orders))
        .route("/trade-api/v2/historical/positions", get(historical::positions))
}

/// Answers 429 to everything while the world says so.
async fn throttle(State(app): State<App>, request: Request, next: Next) -> Response {
    if app.moment().faults.throttled {
        return ApiError::Throttled.into_response();
    }
    next.run(request).await
}

/// The `Date` of every answer is the world's, not the machine's, unless a fault has set it.
async fn date(State(app): State<App>, request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    if let Some(value) = date_value(app.clock.now()) {
        response.headers_mut().entry(header::DATE).or_insert(value);
    }
    response
}

/// A time as a `Date` header says it.
pub(super) fn date_value(at: DateTime<Utc>) -> Option<HeaderValue> {
    HeaderValue::from_str(&at.format("%a, %d %b %Y %H:%M:%S GMT").to_string()).ok()
}
