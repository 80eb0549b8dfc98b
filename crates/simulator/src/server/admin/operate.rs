//! What the admin endpoint does.

use autotrader_domain::{MarketStatus, Money, Ticker, TimeInForce};
use axum::Json;
use axum::body::Bytes;
use axum::extract::{ConnectInfo, State};
use chrono::TimeDelta;
use serde_json::{Value, json};

use super::super::listener::Connection;
use super::super::{App, Moment};
use super::bodies::{Close, Decision, FaultOrder, OneMarket, Pausable, Pause, Rename, Reword, Trade, read};
use super::{AdminError, Answer};
use crate::exchange::{AccountId, AccountKind, Exchange, NewOrder, SelfTradePrevention};
use crate::faults::{FaultKind, FaultSpec};

/// The account that trades on demand; opened when it is first needed.
const STAGE_HAND: &str = "stage hand";

/// Its cash: enough for anything.
const STAGE_CASH: Money = Money::dollars(1_000_000_000);

pub(super) async fn order_fault(State(app): State<App>, bytes: Bytes) -> Answer {
    let order: FaultOrder = read(&bytes)?;
    let now = app.clock.now();
    let mut desk = app.desk();
    if let Some(spec) = &order.spec {
        if order.names_a_kind() {
            return Err(AdminError::bad(
                "`spec` stands alone: it names kinds, rates, amounts and scopes itself.",
            ));
        }
        let spec: FaultSpec = spec
            .parse()
            .map_err(|error| AdminError::bad(format!("`spec`: {error}.")))?;
        for (kind, rule) in spec.rules() {
            desk.set_rule(*kind, rule.clone());
        }
        return Ok(Json(json!({ "faults": desk.states() })));
    }
    let kind = order.kind()?;
    let (rate, scope) = (order.rate()?, order.scope()?);
    if rate.is_none() && order.next.is_none() && order.for_ms.is_none() {
        return Err(AdminError::bad(
            "Give `rate`, `next` or `for_ms` to say when it happens.",
        ));
    }
    let mut rule = desk.rule(kind);
    if let Some(amount) = order.amount_ms {
        rule.amount_ms = checked_amount(kind, amount)?;
    }
    rule.rate = rate.unwrap_or(rule.rate);
    rule.scope = scope.unwrap_or(rule.scope);
    desk.set_rule(kind, rule);
    if let Some(count) = order.next {
        desk.next(kind, count);
    }
    if let Some(ms) = order.for_ms {
        desk.window(kind, now, now + TimeDelta::milliseconds(i64::from(ms)));
    }
    Ok(Json(
        json!({ "faults": { kind.name(): desk.states().get(&kind) } }),
    ))
}

fn checked_amount(kind: FaultKind, amount: i64) -> Result<i64, AdminError> {
    if !kind.takes_amount() {
        return Err(AdminError::bad(format!("`amount_ms`: {kind} takes no amount.")));
    }
    if amount < 0 && kind != FaultKind::ClockSkew {
        return Err(AdminError::bad(
            "`amount_ms`: only a clock can be wrong in both directions.",
        ));
    }
    if amount.unsigned_abs() > FaultSpec::LONGEST_MS.unsigned_abs() {
        return Err(AdminError::bad(
            "`amount_ms`: nothing lasts longer than a day here.",
        ));
    }
    Ok(amount)
}

pub(super) async fn clear_faults(State(app): State<App>) -> Json<Value> {
    let mut desk = app.desk();
    desk.clear();
    Json(json!({ "fired": desk.fired() }))
}

fn switch(app: &App, bytes: &Bytes, active: bool) -> Answer {
    let pause: Pause = read(bytes)?;
    let mut moment = app.moment();
    let now = moment.now;
    let exchange = moment.world.exchange();
    match pause.what {
        Pausable::Exchange => exchange.set_exchange_active(active, now),
        Pausable::Trading => exchange.set_trading_active(active, now),
        Pausable::Market => {
            let ticker = pause.market()?;
            let switched = if active {
                exchange.resume_market(&ticker, now)
            } else {
                exchange.pause_market(&ticker, now)
            };
            switched.map_err(|error| AdminError::conflict(&error))?;
            return Ok(Json(json!({ "ticker": ticker, "active": active })));
        }
    }
    Ok(Json(json!({
        "exchange_active": exchange.is_exchange_active(),
        "trading_active": exchange.is_trading_active(),
    })))
}

pub(super) async fn pause(State(app): State<App>, bytes: Bytes) -> Answer {
    switch(&app, &bytes, false)
}

pub(super) async fn resume(State(app): State<App>, bytes: Bytes) -> Answer {
    switch(&app, &bytes, true)
}

/// How a market stands after a step in its life.
fn standing(moment: &mut Moment<'_>, ticker: &Ticker) -> Json<Value> {
    let market = moment.world.exchange().market(ticker);
    Json(json!({
        "ticker": ticker,
        "status": market.map(|market| market.status),
        "determination": market.and_then(|market| market.determination),
        "close_time": market.map(|market| market.listing.close_time),
    }))
}

pub(super) async fn determine(State(app): State<App>, bytes: Bytes) -> Answer {
    let decision: Decision = read(&bytes)?;
    let (ticker, (result, value)) = (decision.ticker()?, decision.decided()?);
    let mut moment = app.moment();
    let now = moment.now;
    moment
        .world
        .exchange()
        .determine(&ticker, result, value, now)
        .map_err(|error| AdminError::conflict(&error))?;
    Ok(standing(&mut moment, &ticker))
}

pub(super) async fn dispute(State(app): State<App>, bytes: Bytes) -> Answer {
    let ticker = read::<OneMarket>(&bytes)?.ticker()?;
    let mut moment = app.moment();
    let now = moment.now;
    moment
        .world
        .exchange()
        .dispute(&ticker, now)
        .map_err(|error| AdminError::conflict(&error))?;
    Ok(standing(&mut moment, &ticker))
}

/// Decides again what is decided, disputed or even paid.
pub(super) async fn amend_result(State(app): State<App>, bytes: Bytes) -> Answer {
    let decision: Decision = read(&bytes)?;
    let (ticker, (result, value)) = (decision.ticker()?, decision.decided()?);
    let mut moment = app.moment();
    let now = moment.now;
    let exchange = moment.world.exchange();
    let status = exchange.market(&ticker).map(|market| market.status);
    let amended = match status {
        Some(MarketStatus::Determined | MarketStatus::Disputed | MarketStatus::Amended) => {
            exchange.determine(&ticker, result, value, now)
        }
        _ => exchange.amend_settled(&ticker, result, value, now),
    };
    amended.map_err(|error| AdminError::conflict(&error))?;
    Ok(standing(&mut moment, &ticker))
}

pub(super) async fn close(State(app): State<App>, bytes: Bytes) -> Answer {
    let close: Close = read(&bytes)?;
    let ticker = close.ticker()?;
    let mut moment = app.moment();
    let now = moment.now;
    moment
        .world
        .exchange()
        .move_close_time(&ticker, close.at(now)?, now)
        .map_err(|error| AdminError::conflict(&error))?;
    Ok(standing(&mut moment, &ticker))
}

pub(super) async fn reword(State(app): State<App>, bytes: Bytes) -> Answer {
    let reword: Reword = read(&bytes)?;
    let ticker = reword.ticker()?;
    if reword.rules_primary.is_none() && reword.rules_secondary.is_none() {
        return Err(AdminError::bad(
            "Give `rules_primary`, `rules_secondary` or both.",
        ));
    }
    let mut moment = app.moment();
    let now = moment.now;
    moment
        .world
        .exchange()
        .reword(
            &ticker,
            reword.rules_primary.as_deref(),
            reword.rules_secondary.as_deref(),
            now,
        )
        .map_err(|error| AdminError::conflict(&error))?;
    Ok(standing(&mut moment, &ticker))
}

pub(super) async fn rename_model(State(app): State<App>, bytes: Bytes) -> Answer {
    let Rename { name, to } = read(&bytes)?;
    let mut moment = app.moment();
    let now = moment.now;
    if moment.world.rename_model(&name, &to, now) {
        return Ok(Json(json!({ "name": name, "to": to })));
    }
    Err(AdminError::bad(format!(
        "`{name}` cannot be renamed to `{to}`: it is not on the leaderboard, or the other name is, or the script is fixed."
    )))
}

fn stage_hand(exchange: &mut Exchange, now: chrono::DateTime<chrono::Utc>) -> AccountId {
    let known = exchange
        .accounts()
        .iter()
        .find(|account| account.kind == AccountKind::House && account.name == STAGE_HAND)
        .map(|account| account.id);
    known.unwrap_or_else(|| exchange.open_account(STAGE_HAND, AccountKind::House, STAGE_CASH, now))
}

pub(super) async fn trade(State(app): State<App>, bytes: Bytes) -> Answer {
    let trade: Trade = read(&bytes)?;
    let order = NewOrder {
        ticker: trade.ticker()?,
        client_order_id: None,
        side: trade.side()?,
        count: trade.count()?,
        price: trade.price()?,
        time_in_force: if trade.rests {
            TimeInForce::GoodTillCanceled { expires_at: None }
        } else {
            TimeInForce::ImmediateOrCancel
        },
        post_only: false,
        reduce_only: false,
        self_trade_prevention: SelfTradePrevention::Maker,
        cancel_on_pause: false,
        order_group_id: None,
    };
    let mut moment = app.moment();
    let now = moment.now;
    let exchange = moment.world.exchange();
    let account = stage_hand(exchange, now);
    let ack = exchange
        .submit(account, order, now)
        .map_err(|refusal| AdminError::conflict(&refusal.message()))?;
    Ok(Json(json!(ack)))
}

/// Resets every connection but the one that asks, which would lose its answer.
pub(super) async fn reset_connections(
    State(app): State<App>,
    ConnectInfo(own): ConnectInfo<Connection>,
) -> Json<Value> {
    Json(json!({ "reset": app.connections.reset_all_but(Some(&own)) }))
}
