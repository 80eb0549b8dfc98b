//! What an account may read of itself.

use std::collections::BTreeMap;

use autotrader_domain::{EventTicker, Money, Net};
use axum::Json;
use axum::extract::{Path, RawQuery, State};
use serde_json::{Value, json};

use super::admission::Caller;
use super::errors::ApiError;
use super::limits::BucketTerms;
use super::query::{Query, page};
use super::{App, wire};
use crate::exchange::{Exchange, Holding, OrderId};

type Answer = Result<Json<Value>, ApiError>;

pub(super) async fn limits(State(app): State<App>) -> Json<Value> {
    let tier = app.meter.tier();
    let bucket =
        |terms: BucketTerms| json!({ "refill_rate": terms.refill_rate, "bucket_capacity": terms.capacity });
    Json(json!({
        "usage_tier": tier.name,
        "read": bucket(tier.read),
        "write": bucket(tier.write),
        "grants": [],
    }))
}

pub(super) async fn balance(
    State(app): State<App>,
    Caller(account): Caller,
    RawQuery(raw): RawQuery,
) -> Answer {
    Query::parse("GetBalance", raw.as_deref()).only_main()?;
    let mut moment = app.moment();
    let shown_until = moment.shown_until;
    let exchange = moment.world.exchange();
    let balance = exchange
        .balance_as_of(account, shown_until)
        .ok_or_else(ApiError::not_found)?;
    let updated = exchange
        .account(account)
        .map(|account| account.updated_at.min(shown_until).timestamp());
    let dollars = wire::short_dollars(balance.balance());
    Ok(Json(json!({
        "balance": wire::cents(balance.balance()),
        "balance_dollars": dollars,
        "portfolio_value": wire::cents(balance.portfolio_value),
        "updated_ts": updated,
        "balance_breakdown": [{ "exchange_index": wire::SHARD, "balance": dollars }],
    })))
}

#[derive(Default)]
struct EventTotals {
    traded: Money,
    shares: i64,
    exposure: Money,
    realized: Money,
    fees: Money,
}

impl EventTotals {
    fn add(&mut self, holding: &Holding) {
        self.traded = self.traded.saturating_add(holding.traded);
        self.shares += holding.traded_contracts.raw();
        self.exposure = self.exposure.saturating_add(holding.cost);
        self.realized = self.realized.saturating_add(holding.realized);
        self.fees = self.fees.saturating_add(holding.fees);
    }

    fn value(&self, event: &EventTicker) -> Value {
        json!({
            "event_ticker": event,
            "total_cost_dollars": self.traded,
            "total_cost_shares_fp": Net::from_raw(self.shares),
            "event_exposure_dollars": self.exposure,
            "realized_pnl_dollars": self.realized,
            "fees_paid_dollars": self.fees,
        })
    }
}

pub(super) async fn positions(
    State(app): State<App>,
    Caller(account): Caller,
    RawQuery(raw): RawQuery,
) -> Answer {
    let query = Query::parse("GetPositions", raw.as_deref());
    query.only_main()?;
    let limit = query.limit(100, 1_000)?;
    let settled = query.word(
        "settlement_status",
        "SettlementStatus",
        &["unsettled", "settled", "all"],
    )?;
    let counts = query.set("count_filter").unwrap_or_default();
    if counts
        .iter()
        .any(|word| !matches!(*word, "position" | "total_traded"))
    {
        return Err(query.rule("CountFilter", "oneof"));
    }
    let mut moment = app.moment();
    let shown_until = moment.shown_until;
    let exchange: &Exchange = moment.world.exchange();
    let holdings = exchange.positions_as_of(account, shown_until);
    let mut chosen = Vec::new();
    let mut events: BTreeMap<EventTicker, EventTotals> = BTreeMap::new();
    for (ticker, holding) in &holdings {
        let Some(market) = exchange.market(ticker) else {
            continue;
        };
        let is_settled = market.settled_at.is_some_and(|at| at <= shown_until);
        let wanted = match settled.unwrap_or("unsettled") {
            "all" => true,
            word => is_settled == (word == "settled"),
        } && query.get("ticker").is_none_or(|wanted| ticker.as_str() == wanted)
            && query
                .get("event_ticker")
                .is_none_or(|wanted| market.listing.event.as_str() == wanted)
            && (counts.is_empty()
                || (counts.contains("position") && !holding.net.is_flat())
                || (counts.contains("total_traded") && holding.traded != Money::ZERO));
        if wanted {
            events
                .entry(market.listing.event.clone())
                .or_default()
                .add(holding);
            chosen.push((ticker.to_string(), wire::market_position(ticker, holding)));
        }
    }
    let (taken, cursor) = page(chosen.into_iter(), query.cursor().as_deref(), limit);
    let events: Vec<Value> = events.iter().map(|(event, totals)| totals.value(event)).collect();
    Ok(Json(
        json!({ "market_positions": taken, "event_positions": events, "cursor": cursor }),
    ))
}

/// Newest first.
pub(super) async fn fills(
    State(app): State<App>,
    Caller(account): Caller,
    RawQuery(raw): RawQuery,
) -> Answer {
    let query = Query::parse("GetFills", raw.as_deref());
    query.only_main()?;
    let limit = query.limit(100, 1_000)?;
    let within = query.window("min_ts", "max_ts")?;
    let tickers = query.set("ticker");
    let order = query.get("order_id");
    let mut moment = app.moment();
    let shown_until = moment.shown_until;
    let chosen = moment
        .world
        .exchange()
        .fills(account)
        .rev()
        .filter(|fill| fill.at <= shown_until && within(fill.at))
        .filter(|fill| {
            tickers
                .as_ref()
                .is_none_or(|set| set.contains(fill.ticker.as_str()))
        })
        .filter(|fill| order.is_none_or(|wanted| fill.order_id.to_string() == wanted))
        .map(|fill| (format!("{}/{}", fill.trade_id, fill.order_id), fill));
    let (taken, cursor) = page(chosen, query.cursor().as_deref(), limit);
    let list: Vec<Value> = taken.into_iter().map(wire::fill).collect();
    Ok(Json(json!({ "fills": list, "cursor": cursor })))
}

/// Newest first.
pub(super) async fn settlements(
    State(app): State<App>,
    Caller(account): Caller,
    RawQuery(raw): RawQuery,
) -> Answer {
    let query = Query::parse("GetSettlements", raw.as_deref());
    query.only_main()?;
    let limit = query.limit(100, 1_000)?;
    let within = query.window("min_ts", "max_ts")?;
    let mut moment = app.moment();
    let shown_until = moment.shown_until;
    let chosen = moment
        .world
        .exchange()
        .settlements(account)
        .rev()
        .filter(|entry| entry.at <= shown_until && within(entry.at))
        .filter(|entry| {
            query
                .get("ticker")
                .is_none_or(|wanted| entry.ticker.as_str() == wanted)
        })
        .filter(|entry| {
            query
                .get("event_ticker")
                .is_none_or(|wanted| entry.event.as_str() == wanted)
        })
        .map(|entry| (entry.ticker.to_string(), entry));
    let (taken, cursor) = page(chosen, query.cursor().as_deref(), limit);
    let list: Vec<Value> = taken.into_iter().map(wire::settlement).collect();
    Ok(Json(json!({ "settlements": list, "cursor": cursor })))
}

/// Newest first.
pub(super) async fn orders(
    State(app): State<App>,
    Caller(account): Caller,
    RawQuery(raw): RawQuery,
) -> Answer {
    let query = Query::parse("GetOrders", raw.as_deref());
    query.only_main()?;
    let limit = query.limit(100, 1_000)?;
    let status = query.word("status", "Status", &["resting", "canceled", "executed"])?;
    let within = query.window("min_ts", "max_ts")?;
    let events = query.set("event_ticker");
    let mut moment = app.moment();
    let shown_until = moment.shown_until;
    let exchange: &Exchange = moment.world.exchange();
    let ids: Vec<OrderId> = exchange.orders(account).rev().map(|order| order.id).collect();
    let chosen = ids
        .iter()
        .filter_map(|id| exchange.order_as_of(account, *id, shown_until))
        .filter(|order| status.is_none_or(|word| order.status.as_str() == word))
        .filter(|order| within(order.created_at))
        .filter(|order| {
            query
                .get("ticker")
                .is_none_or(|wanted| order.asked.ticker.as_str() == wanted)
        })
        .filter(|order| {
            events.as_ref().is_none_or(|set| {
                let market = exchange.market(&order.asked.ticker);
                market.is_some_and(|market| set.contains(market.listing.event.as_str()))
            })
        })
        .map(|order| (order.id.to_string(), order));
    let (taken, cursor) = page(chosen, query.cursor().as_deref(), limit);
    let list: Vec<Value> = taken
        .into_iter()
        .map(|order| wire::order(exchange, order))
        .collect();
    Ok(Json(json!({ "orders": list, "cursor": cursor })))
}

pub(super) async fn order(
    State(app): State<App>,
    Caller(account): Caller,
    Path(order_id): Path<String>,
) -> Answer {
    let id: OrderId = order_id.parse().map_err(|_| ApiError::not_found())?;
    let mut moment = app.moment();
    let shown_until = moment.shown_until;
    let exchange: &Exchange = moment.world.exchange();
    let order = exchange
        .order_as_of(account, id, shown_until)
        .ok_or_else(ApiError::not_found)?;
    Ok(Json(json!({ "order": wire::order(exchange, order) })))
}
