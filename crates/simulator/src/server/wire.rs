//! The exchange's records as its JSON, from the published specification.

use autotrader_domain::{BookSide, Contracts, MarketStatus, Money, Price, SettlementResult, TimeInForce};
use chrono::{DateTime, SecondsFormat, Utc};
use serde_json::{Map, Value, json};

use crate::exchange::{
    Event, EventFeeChange, Exchange, FeeModel, FillRecord, Holding, Market, OrderRecord, SelfTradePrevention,
    Series, SeriesFeeChange, SettlementEntry, TradeRecord,
};

/// The only shard here; the real exchange keeps these series on it too.
pub(crate) const SHARD: i32 = 0;

pub(crate) fn time(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::AutoSi, true)
}

/// Dollars with four decimals, or six where four would lose something.
pub(crate) fn short_dollars(money: Money) -> String {
    let full = money.to_string();
    full.strip_suffix("00")
        .map_or_else(|| full.clone(), str::to_owned)
}

/// Whole cents, rounded down.
pub(crate) const fn cents(money: Money) -> i64 {
    money.raw().div_euclid(10_000)
}

pub(crate) const fn book_side(side: BookSide) -> &'static str {
    match side {
        BookSide::Bid => "bid",
        BookSide::Ask => "ask",
    }
}

pub(crate) const fn outcome_side(side: BookSide) -> &'static str {
    match side {
        BookSide::Bid => "yes",
        BookSide::Ask => "no",
    }
}

/// The legacy word; every order of this exchange is written as a purchase of its outcome, as captured orders are.
const ACTION: &str = "buy";

pub(crate) const fn result(result: SettlementResult) -> &'static str {
    match result {
        SettlementResult::Yes => "yes",
        SettlementResult::No => "no",
        SettlementResult::Scalar => "scalar",
    }
}

pub(crate) const fn status(status: MarketStatus) -> &'static str {
    match status {
        MarketStatus::Initialized | MarketStatus::Unknown => "initialized",
        MarketStatus::Active => "active",
        MarketStatus::Inactive => "inactive",
        MarketStatus::Closed => "closed",
        MarketStatus::Determined => "determined",
        MarketStatus::Disputed => "disputed",
        MarketStatus::Amended => "amended",
        MarketStatus::Finalized => "finalized",
    }
}

fn put(fields: &mut Map<String, Value>, key: &str, value: impl Into<Value>) {
    fields.insert(key.to_owned(), value.into());
}

/// A fee model and its multiplier (in millionths) as the wire has them.
fn fees(model: FeeModel, multiplier_millionths: u32) -> (&'static str, Value) {
    let fee_type = model.as_str();
    let multiplier = match multiplier_millionths {
        whole if whole % 1_000_000 == 0 => json!(whole / 1_000_000),
        part => json!(f64::from(part) / 1_000_000.0),
    };
    (fee_type, multiplier)
}

pub(crate) fn series_fee_change(change: &SeriesFeeChange) -> Value {
    let (fee_type, multiplier) = fees(change.terms.model, change.terms.multiplier_millionths);
    json!({
        "id": change.id,
        "series_ticker": change.series,
        "fee_type": fee_type,
        "fee_multiplier": multiplier,
        "scheduled_ts": time(change.scheduled_at),
    })
}

pub(crate) fn event_fee_change(change: &EventFeeChange) -> Value {
    let terms = change
        .terms
        .map(|terms| fees(terms.model, terms.multiplier_millionths));
    let (fee_type, multiplier) = terms.unzip();
    json!({
        "id": change.id,
        "event_ticker": change.event,
        "series_ticker": change.series,
        "fee_type_override": fee_type,
        "fee_multiplier_override": multiplier,
        "scheduled_ts": time(change.scheduled_at),
    })
}

pub(crate) fn series(series: &Series) -> Value {
    let listing = &series.listing;
    let (fee_type, multiplier) = fees(listing.fee_model, listing.fee_multiplier_millionths);
    json!({
        "ticker": listing.ticker,
        "title": listing.title,
        "category": listing.category,
        "categories": [listing.category],
        "frequency": listing.frequency,
        "tags": listing.tags,
        "settlement_sources": listing.settlement_sources,
        "contract_url": format!("https://stand-in.invalid/contracts/{}.pdf", listing.ticker),
        "contract_terms_url": format!("https://stand-in.invalid/terms/{}.pdf", listing.ticker),
        "fee_type": fee_type,
        "fee_multiplier": multiplier,
        "additional_prohibitions": [],
        "last_updated_ts": time(series.updated_at),
        "exchange_index": SHARD,
    })
}

pub(crate) fn event(exchange: &Exchange, event: &Event) -> Value {
    let listing = &event.listing;
    let series = exchange.series(&listing.series);
    let mut value = json!({
        "event_ticker": listing.ticker,
        "series_ticker": listing.series,
        "title": listing.title,
        "sub_title": listing.sub_title,
        "collateral_return_type": if listing.mutually_exclusive { "MECNET" } else { "" },
        "mutually_exclusive": listing.mutually_exclusive,
        "category": series.map_or("", |series| series.listing.category.as_str()),
        "settlement_sources": series.map(|series| &series.listing.settlement_sources),
        "last_updated_ts": time(event.updated_at),
        "exchange_index": SHARD,
    });
    let Some(fields) = value.as_object_mut() else {
        return value;
    };
    if let Some(date) = listing.strike_date {
        put(fields, "strike_date", time(date));
    }
    if let Some(terms) = event.fee_override {
        let (fee_type, multiplier) = fees(terms.model, terms.multiplier_millionths);
        put(fields, "fee_type_override", fee_type);
        put(fields, "fee_multiplier_override", multiplier);
    }
    value
}

pub(crate) fn market(market: &Market, now: DateTime<Utc>) -> Value {
    let listing = &market.listing;
    let (bid, bid_size) = market.best_bid().unwrap_or((Price::ZERO, Contracts::ZERO));
    let (ask, ask_size) = market.best_ask().unwrap_or((Price::ONE, Contracts::ZERO));
    let decided = market.determination.map_or("", |decided| result(decided.result));
    let mut value = json!({
        "ticker": listing.ticker,
        "event_ticker": listing.event,
        "market_type": "binary",
        "yes_sub_title": listing.yes_sub_title,
        "no_sub_title": listing.no_sub_title,
        "created_time": time(market.created_at),
        "updated_time": time(market.updated_at),
        "open_time": time(listing.open_time),
        "close_time": time(listing.close_time),
        "latest_expiration_time": time(listing.latest_expiration_time),
        "expiration_time": time(listing.latest_expiration_time),
        "settlement_timer_seconds": listing.settlement_timer_seconds,
        "status": status(market.status),
        "notional_value_dollars": Price::ONE,
        "yes_bid_dollars": bid,
        "yes_bid_size_fp": bid_size,
        "yes_ask_dollars": ask,
        "yes_ask_size_fp": ask_size,
        "no_bid_dollars": ask.complement(),
        "no_ask_dollars": bid.complement(),
        "last_price_dollars": market.last_price.unwrap_or(Price::ZERO),
        "previous_price_dollars": market.price_a_day_ago(now).unwrap_or(Price::ZERO),
        // No history of quotes is kept; the real exchange writes zeros for a market without one.
        "previous_yes_bid_dollars": Price::ZERO,
        "previous_yes_ask_dollars": Price::ZERO,
        "volume_fp": market.volume,
        "volume_24h_fp": market.volume_24h(now),
        "open_interest_fp": market.open_interest,
        "result": decided,
        "can_close_early": listing.can_close_early,
        "expiration_value": decided,
        "rules_primary": listing.rules_primary,
        "rules_secondary": listing.rules_secondary,
        "price_level_structure": listing.prices.name,
        "price_ranges": listing.prices.ranges,
        "settlement_bounds_type": "default",
        "exchange_index": SHARD,
    });
    let Some(fields) = value.as_object_mut() else {
        return value;
    };
    if let Some(title) = &listing.title {
        put(fields, "title", title.as_str());
    }
    if let Some(at) = listing.expected_expiration_time {
        put(fields, "expected_expiration_time", time(at));
    }
    if let Some(condition) = &listing.early_close_condition {
        put(fields, "early_close_condition", condition.as_str());
    }
    if let Some(strike) = &listing.custom_strike {
        put(fields, "strike_type", "custom");
        put(fields, "custom_strike", json!(strike));
    }
    if let Some(decided) = market.determination {
        put(fields, "settlement_value_dollars", decided.value.to_string());
    }
    if let Some(at) = market.settled_at {
        put(fields, "settlement_ts", time(at));
    }
    if let Some(until) = market.fee_waiver_until.filter(|until| *until > now) {
        put(fields, "fee_waiver_expiration_time", time(until));
    }
    value
}

/// Both sides as bids, prices ascending, the best last; at most `depth` levels a side, all for zero.
pub(crate) fn orderbook(market: &Market, depth: usize) -> Value {
    let best = |levels: Vec<(Price, Contracts)>| -> Vec<(Price, Contracts)> {
        let skip = if depth == 0 {
            0
        } else {
            levels.len().saturating_sub(depth)
        };
        levels.into_iter().skip(skip).collect()
    };
    let yes = best(market.levels(BookSide::Bid).collect());
    // The lowest ask is the best NO bid: walking asks from the highest gives NO prices ascending.
    let no = best(
        market
            .levels(BookSide::Ask)
            .rev()
            .map(|(price, size)| (price.complement(), size))
            .collect(),
    );
    json!({ "yes_dollars": yes, "no_dollars": no })
}

pub(crate) fn trade(trade: &TradeRecord) -> Value {
    json!({
        "trade_id": trade.trade_id,
        "ticker": trade.ticker,
        "count_fp": trade.count,
        "yes_price_dollars": trade.price,
        "no_price_dollars": trade.price.complement(),
        "taker_side": outcome_side(trade.taker_side),
        "taker_outcome_side": outcome_side(trade.taker_side),
        "taker_book_side": book_side(trade.taker_side),
        "is_block_trade": false,
        "created_time": time(trade.at),
    })
}

pub(crate) fn order(exchange: &Exchange, order: &OrderRecord) -> Value {
    let asked = &order.asked;
    let user = exchange.account(order.account).map(|account| account.user);
    let prevention = match asked.self_trade_prevention {
        SelfTradePrevention::TakerAtCross => "taker_at_cross",
        SelfTradePrevention::Maker => "maker",
    };
    let mut value = json!({
        "order_id": order.id,
        "user_id": user,
        "client_order_id": asked.client_order_id.as_deref().unwrap_or(""),
        "ticker": asked.ticker,
        "side": outcome_side(asked.side),
        "action": ACTION,
        "outcome_side": outcome_side(asked.side),
        "book_side": book_side(asked.side),
        "type": "limit",
        "status": order.status.as_str(),
        "yes_price_dollars": asked.price,
        "no_price_dollars": asked.price.complement(),
        "initial_count_fp": asked.count,
        "fill_count_fp": order.filled,
        "remaining_count_fp": order.remaining,
        "taker_fill_cost_dollars": order.taker_cost,
        "maker_fill_cost_dollars": order.maker_cost,
        "taker_fees_dollars": order.taker_fees,
        "maker_fees_dollars": order.maker_fees,
        "created_time": time(order.created_at),
        "last_update_time": time(order.updated_at),
        "self_trade_prevention_type": prevention,
        "cancel_order_on_pause": asked.cancel_on_pause,
        "subaccount_number": 0,
        "exchange_index": SHARD,
    });
    let Some(fields) = value.as_object_mut() else {
        return value;
    };
    if let TimeInForce::GoodTillCanceled {
        expires_at: Some(expiry),
    } = asked.time_in_force
    {
        put(fields, "expiration_time", time(expiry));
    }
    if let Some(group) = asked.order_group_id {
        put(fields, "order_group_id", group.to_string());
    }
    value
}

pub(crate) fn fill(fill: &FillRecord) -> Value {
    json!({
        "fill_id": fill.trade_id,
        "trade_id": fill.trade_id,
        "order_id": fill.order_id,
        "ticker": fill.ticker,
        "market_ticker": fill.ticker,
        "side": outcome_side(fill.side),
        "action": ACTION,
        "outcome_side": outcome_side(fill.side),
        "book_side": book_side(fill.side),
        "count_fp": fill.count,
        "yes_price_dollars": fill.price,
        "no_price_dollars": fill.price.complement(),
        "is_taker": fill.is_taker,
        "fee_cost": fill.fee,
        "created_time": time(fill.at),
        "ts": fill.at.timestamp(),
        "subaccount_number": 0,
        "exchange_index": SHARD,
    })
}

pub(crate) fn market_position(ticker: &autotrader_domain::Ticker, holding: &Holding) -> Value {
    json!({
        "ticker": ticker,
        "exchange_index": SHARD,
        "position_fp": holding.net,
        "total_traded_dollars": holding.traded,
        "market_exposure_dollars": holding.cost,
        "realized_pnl_dollars": holding.realized,
        "fees_paid_dollars": holding.fees,
        "last_updated_ts": time(holding.updated_at),
    })
}

pub(crate) fn settlement(entry: &SettlementEntry) -> Value {
    json!({
        "ticker": entry.ticker,
        "event_ticker": entry.event,
        "exchange_index": SHARD,
        "market_result": result(entry.result),
        "yes_count_fp": entry.yes_count,
        "yes_total_cost_dollars": entry.yes_cost,
        "no_count_fp": entry.no_count,
        "no_total_cost_dollars": entry.no_cost,
        "revenue": cents(entry.revenue),
        "value": entry.value.raw() / 100,
        "settled_time": time(entry.at),
        "fee_cost": short_dollars(entry.fees),
    })
}
