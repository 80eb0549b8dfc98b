//! The truth, without read lag.

use autotrader_domain::{BookSide, Ticker};
use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use serde_json::{Value, json};

use super::super::{App, wire};
use super::{AdminError, Answer};
use crate::exchange::{AccountKind, Exchange};

/// How many of the last faults are shown.
const RECENT: usize = 100;

pub(super) async fn state(State(app): State<App>) -> Json<Value> {
    let exchange = {
        let mut moment = app.moment();
        let now = moment.now;
        let exchange: &Exchange = moment.world.exchange();
        json!({
            "now": wire::time(now),
            "exchange_active": exchange.is_exchange_active(),
            "trading_active": exchange.is_trading_active(),
            "markets": exchange.all_markets().count(),
            "trades": exchange.trades().len(),
            "ledger": ledger(exchange),
        })
    };
    let desk = app.desk();
    let mut recent: Vec<_> = desk.notes().rev().take(RECENT).collect();
    recent.reverse();
    Json(json!({
        "exchange": exchange,
        "fault_seed": desk.seed(),
        "faults": desk.states(),
        "fired": desk.fired(),
        "recent": recent,
    }))
}

/// The conservation of money: the first two are always equal.
fn ledger(exchange: &Exchange) -> Value {
    json!({
        "total": exchange.total(),
        "opening_cash": exchange.opening_cash(),
        "fees_kept": exchange.fees_kept(),
    })
}

pub(super) async fn book(State(app): State<App>, Path(ticker): Path<String>) -> Answer {
    let unknown = || AdminError::refused(StatusCode::NOT_FOUND, "No such market.");
    let ticker: Ticker = ticker.parse().map_err(|_| unknown())?;
    let mut moment = app.moment();
    let exchange: &Exchange = moment.world.exchange();
    let market = exchange.market(&ticker).ok_or_else(unknown)?;
    // Both sides as YES prices, best first.
    let side = |side| -> Vec<_> {
        let levels = market.levels(side);
        match side {
            BookSide::Bid => levels.rev().collect(),
            BookSide::Ask => levels.collect(),
        }
    };
    Ok(Json(json!({
        "ticker": ticker,
        "status": market.status,
        "clock": exchange.clock(),
        "bids": side(BookSide::Bid),
        "asks": side(BookSide::Ask),
    })))
}

/// One list for each member, in the words of the exchange's own listings.
fn by_member(exchange: &Exchange, list: impl Fn(crate::exchange::AccountId) -> Vec<Value>) -> Value {
    let members = exchange
        .accounts()
        .iter()
        .filter(|account| account.kind == AccountKind::Member)
        .map(|account| json!({ "account": account.id, "name": account.name, "items": list(account.id) }));
    members.collect()
}

/// Every order of every member, whatever became of it.
pub(super) async fn orders(State(app): State<App>) -> Json<Value> {
    let mut moment = app.moment();
    let exchange: &Exchange = moment.world.exchange();
    let list = |account| {
        exchange
            .orders(account)
            .map(|order| wire::order(exchange, order))
            .collect()
    };
    Json(json!({ "orders": by_member(exchange, list) }))
}

/// Every fill of every member.
pub(super) async fn fills(State(app): State<App>) -> Json<Value> {
    let mut moment = app.moment();
    let exchange: &Exchange = moment.world.exchange();
    let list = |account| exchange.fills(account).map(wire::fill).collect();
    Json(json!({ "fills": by_member(exchange, list) }))
}

/// Cash, reserve, holdings and settlements of every account.
pub(super) async fn accounts(State(app): State<App>) -> Json<Value> {
    let mut moment = app.moment();
    let exchange: &Exchange = moment.world.exchange();
    let accounts: Vec<Value> = exchange
        .accounts()
        .iter()
        .map(|account| {
            let settlements: Vec<Value> = exchange.settlements(account.id).map(wire::settlement).collect();
            json!({
                "account": account.id,
                "name": account.name,
                "kind": account.kind,
                "balance": exchange.balance(account.id),
                "holdings": exchange.positions(account.id),
                "settlements": settlements,
            })
        })
        .collect();
    Json(json!({ "accounts": accounts, "ledger": ledger(exchange) }))
}
