//! What is inside the messages, field by field after `asyncapi.yaml`.

use autotrader_domain::{
    BookSide, Contracts, EventTicker, Money, Net, Price, SeriesTicker, Ticker, TimeInForce,
};
use chrono::{DateTime, Utc};
use serde::Serialize;
use serde_json::{Map, Value, json};

use super::message::{stamp, text_of};
use crate::exchange::{
    Event, FeeTerms, FillRecord, Holding, LifecycleStep, Market, MarketId, OrderGroupId, OrderGroupStep,
    OrderId, OrderRecord, SelfTradePrevention, TradeId, TradeRecord, UpdateReason, UserId,
};
use crate::server::wire;

/// Offers on one side, prices ascending.
type Levels = Vec<(Price, Contracts)>;

#[derive(Serialize)]
struct SnapshotBody<'a> {
    market_ticker: &'a Ticker,
    market_id: &'a MarketId,
    clock: u64,
    // A side without offers has no key.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    yes_dollars_fp: Levels,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    no_dollars_fp: Levels,
}

impl<'a> SnapshotBody<'a> {
    fn of(market: &'a Market, yes_scale: bool) -> Self {
        let shown =
            |(price, size): (Price, Contracts)| (if yes_scale { price } else { price.complement() }, size);
        let no = market.levels(BookSide::Ask).map(shown);
        Self {
            market_ticker: &market.listing.ticker,
            market_id: &market.id,
            clock: market.clock,
            yes_dollars_fp: market.levels(BookSide::Bid).collect(),
            // Ascending on the scale they are shown on.
            no_dollars_fp: if yes_scale {
                no.collect()
            } else {
                no.rev().collect()
            },
        }
    }
}

/// One book; with `yes_scale`, NO offers carry the YES price they face.
pub(super) fn snapshot(market: &Market, yes_scale: bool) -> String {
    text_of(&SnapshotBody::of(market, yes_scale))
}

/// As [`snapshot`], to be put into an answer.
pub(super) fn snapshot_value(market: &Market, yes_scale: bool) -> Value {
    json!(SnapshotBody::of(market, yes_scale))
}

/// What the ticker channel tells about a market, without its times.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Quote {
    market_id: MarketId,
    market_ticker: Ticker,
    price_dollars: Price,
    yes_bid_dollars: Price,
    yes_ask_dollars: Price,
    volume_fp: Contracts,
    open_interest_fp: Contracts,
    dollar_volume: i64,
    dollar_open_interest: i64,
    yes_bid_size_fp: Contracts,
    yes_ask_size_fp: Contracts,
    last_trade_size_fp: Contracts,
}

#[derive(Serialize)]
struct TickerBody<'a> {
    #[serde(flatten)]
    quote: &'a Quote,
    ts: i64,
    ts_ms: i64,
    time: String,
}

impl Quote {
    pub(super) fn of(market: &Market) -> Self {
        // An empty side and a market without a trade look as in the REST record of a market.
        let (bid, bid_size) = market.best_bid().unwrap_or((Price::ZERO, Contracts::ZERO));
        let (ask, ask_size) = market.best_ask().unwrap_or((Price::ONE, Contracts::ZERO));
        Self {
            market_id: market.id,
            market_ticker: market.listing.ticker.clone(),
            price_dollars: market.last_price.unwrap_or(Price::ZERO),
            yes_bid_dollars: bid,
            yes_ask_dollars: ask,
            volume_fp: market.volume,
            open_interest_fp: market.open_interest,
            dollar_volume: whole_dollars(market.volume),
            dollar_open_interest: whole_dollars(market.open_interest),
            yes_bid_size_fp: bid_size,
            yes_ask_size_fp: ask_size,
            last_trade_size_fp: market.last_trade_size(),
        }
    }

    pub(super) fn text(&self, at: DateTime<Utc>) -> String {
        text_of(&TickerBody {
            quote: self,
            ts: at.timestamp(),
            ts_ms: at.timestamp_millis(),
            time: stamp(at),
        })
    }
}

/// Half a dollar a contract, in whole dollars: the only published figures (the example of `asyncapi.yaml`: 33 896
/// contracts and 16 948 dollars, 20 422 and 10 211) have that relation; no formula is published.
const fn whole_dollars(contracts: Contracts) -> i64 {
    contracts.raw() / 200
}

#[derive(Serialize)]
struct TradeBody<'a> {
    trade_id: TradeId,
    market_ticker: &'a Ticker,
    yes_price_dollars: Price,
    no_price_dollars: Price,
    count_fp: Contracts,
    taker_side: &'static str,
    taker_outcome_side: &'static str,
    taker_book_side: &'static str,
    is_block_trade: bool,
    ts: i64,
    ts_ms: i64,
}

pub(super) fn trade(trade: &TradeRecord) -> String {
    text_of(&TradeBody {
        trade_id: trade.trade_id,
        market_ticker: &trade.ticker,
        yes_price_dollars: trade.price,
        no_price_dollars: trade.price.complement(),
        count_fp: trade.count,
        taker_side: wire::outcome_side(trade.taker_side),
        taker_outcome_side: wire::outcome_side(trade.taker_side),
        taker_book_side: wire::book_side(trade.taker_side),
        is_block_trade: false,
        ts: trade.at.timestamp(),
        ts_ms: trade.at.timestamp_millis(),
    })
}

#[derive(Serialize)]
struct FillBody<'a> {
    trade_id: TradeId,
    order_id: OrderId,
    #[serde(skip_serializing_if = "Option::is_none")]
    client_order_id: Option<&'a str>,
    market_ticker: &'a Ticker,
    exchange_index: i32,
    is_taker: bool,
    side: &'static str,
    purchased_side: &'static str,
    outcome_side: &'static str,
    book_side: &'static str,
    action: &'static str,
    yes_price_dollars: Price,
    count_fp: Contracts,
    fee_cost: Money,
    post_position_fp: Net,
    ts: i64,
    ts_ms: i64,
    subaccount: u32,
}

pub(super) fn fill(fill: &FillRecord) -> String {
    let outcome = wire::outcome_side(fill.side);
    text_of(&FillBody {
        trade_id: fill.trade_id,
        order_id: fill.order_id,
        client_order_id: fill.client_order_id.as_deref(),
        market_ticker: &fill.ticker,
        exchange_index: wire::SHARD,
        is_taker: fill.is_taker,
        side: outcome,
        purchased_side: outcome,
        outcome_side: outcome,
        book_side: wire::book_side(fill.side),
        // Every order here is written as a purchase of its outcome, as captured fills are.
        action: "buy",
        yes_price_dollars: fill.price,
        count_fp: fill.count,
        fee_cost: fill.fee,
        post_position_fp: fill.position_after,
        ts: fill.at.timestamp(),
        ts_ms: fill.at.timestamp_millis(),
        subaccount: 0,
    })
}

#[derive(Serialize)]
struct OrderBody<'a> {
    order_id: OrderId,
    user_id: UserId,
    ticker: &'a Ticker,
    exchange_index: i32,
    status: &'static str,
    side: &'static str,
    is_yes: bool,
    outcome_side: &'static str,
    book_side: &'static str,
    yes_price_dollars: Price,
    fill_count_fp: Contracts,
    remaining_count_fp: Contracts,
    initial_count_fp: Contracts,
    taker_fill_cost_dollars: Money,
    maker_fill_cost_dollars: Money,
    taker_fees_dollars: Money,
    maker_fees_dollars: Money,
    client_order_id: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    order_group_id: Option<OrderGroupId>,
    self_trade_prevention_type: &'static str,
    created_time: String,
    created_ts_ms: i64,
    last_update_time: String,
    last_updated_ts_ms: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    expiration_time: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    expiration_ts_ms: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    last_update_reason: Option<&'static str>,
    subaccount_number: u32,
}

pub(super) fn order(user: UserId, order: &OrderRecord) -> String {
    let asked = &order.asked;
    let expiry = match asked.time_in_force {
        TimeInForce::GoodTillCanceled { expires_at } => expires_at,
        _ => None,
    };
    text_of(&OrderBody {
        order_id: order.id,
        user_id: user,
        ticker: &asked.ticker,
        exchange_index: wire::SHARD,
        status: order.status.as_str(),
        side: wire::outcome_side(asked.side),
        is_yes: asked.side == BookSide::Bid,
        outcome_side: wire::outcome_side(asked.side),
        book_side: wire::book_side(asked.side),
        yes_price_dollars: asked.price,
        fill_count_fp: order.filled,
        remaining_count_fp: order.remaining,
        initial_count_fp: asked.count,
        taker_fill_cost_dollars: order.taker_cost,
        maker_fill_cost_dollars: order.maker_cost,
        taker_fees_dollars: order.taker_fees,
        maker_fees_dollars: order.maker_fees,
        // Required by the schema: empty for an order that was given none.
        client_order_id: asked.client_order_id.as_deref().unwrap_or(""),
        order_group_id: asked.order_group_id,
        self_trade_prevention_type: match asked.self_trade_prevention {
            SelfTradePrevention::TakerAtCross => "taker_at_cross",
            SelfTradePrevention::Maker => "maker",
        },
        created_time: stamp(order.created_at),
        created_ts_ms: order.created_at.timestamp_millis(),
        last_update_time: stamp(order.updated_at),
        last_updated_ts_ms: order.updated_at.timestamp_millis(),
        expiration_time: expiry.map(stamp),
        expiration_ts_ms: expiry.map(|at| at.timestamp_millis()),
        last_update_reason: order.reason.map(UpdateReason::as_str),
        subaccount_number: 0,
    })
}

#[derive(Serialize)]
struct PositionBody<'a> {
    user_id: UserId,
    market_ticker: &'a Ticker,
    position_fp: Net,
    position_cost_dollars: Money,
    realized_pnl_dollars: Money,
    fees_paid_dollars: Money,
    position_fee_cost_dollars: Money,
    volume_fp: Contracts,
    subaccount: u32,
}

pub(super) fn position(user: UserId, ticker: &Ticker, holding: &Holding) -> String {
    text_of(&PositionBody {
        user_id: user,
        market_ticker: ticker,
        position_fp: holding.net,
        position_cost_dollars: holding.cost,
        realized_pnl_dollars: holding.realized,
        fees_paid_dollars: holding.fees,
        // Not explained in the documents. Read as the fees of a position that is still held; nothing once it is closed.
        position_fee_cost_dollars: if holding.net.is_flat() {
            Money::ZERO
        } else {
            holding.fees
        },
        volume_fp: holding.traded_contracts,
        subaccount: 0,
    })
}

#[derive(Serialize)]
struct OrderGroupBody {
    event_type: &'static str,
    order_group_id: OrderGroupId,
    #[serde(skip_serializing_if = "Option::is_none")]
    contracts_limit_fp: Option<Contracts>,
    ts_ms: i64,
}

pub(super) fn order_group(group: OrderGroupId, step: OrderGroupStep, at: DateTime<Utc>) -> String {
    let (event_type, contracts_limit_fp) = match step {
        OrderGroupStep::Created(limit) => ("created", Some(limit)),
        OrderGroupStep::Triggered => ("triggered", None),
        OrderGroupStep::Reset => ("reset", None),
        OrderGroupStep::Deleted => ("deleted", None),
        OrderGroupStep::LimitUpdated(limit) => ("limit_updated", Some(limit)),
    };
    text_of(&OrderGroupBody {
        event_type,
        order_group_id: group,
        contracts_limit_fp,
        ts_ms: at.timestamp_millis(),
    })
}

#[derive(Serialize)]
struct EventBody<'a> {
    event_ticker: &'a EventTicker,
    exchange_index: i32,
    title: &'a str,
    subtitle: &'a str,
    collateral_return_type: &'static str,
    series_ticker: &'a SeriesTicker,
    #[serde(skip_serializing_if = "Option::is_none")]
    strike_date: Option<i64>,
}

pub(super) fn event(event: &Event) -> String {
    let listing = &event.listing;
    text_of(&EventBody {
        event_ticker: &listing.ticker,
        exchange_index: wire::SHARD,
        title: &listing.title,
        subtitle: &listing.sub_title,
        collateral_return_type: if listing.mutually_exclusive { "MECNET" } else { "" },
        series_ticker: &listing.series,
        strike_date: listing.strike_date.map(|date| date.timestamp()),
    })
}

/// The fees of an event from now on; nulls when they fall back to the series'.
pub(super) fn event_fee(event: &EventTicker, terms: Option<FeeTerms>) -> String {
    let fee_type = terms.map(|terms| terms.model.as_str());
    let multiplier = terms.map(|terms| match terms.multiplier_millionths {
        whole if whole % 1_000_000 == 0 => json!(whole / 1_000_000),
        part => json!(f64::from(part) / 1_000_000.0),
    });
    text_of(&json!({
        "event_ticker": event,
        "fee_type_override": fee_type,
        "fee_multiplier_override": multiplier,
    }))
}

pub(super) fn lifecycle(market: &Market, step: &LifecycleStep, at: DateTime<Utc>) -> String {
    let mut fields = Map::new();
    let mut put = |key: &str, value: Value| {
        fields.insert(key.to_owned(), value);
    };
    put("market_ticker", json!(market.listing.ticker));
    match step {
        LifecycleStep::Created => {
            put("event_type", json!("created"));
            put("exchange_index", json!(wire::SHARD));
            put("open_ts", json!(market.listing.open_time.timestamp()));
            put("close_ts", json!(market.listing.close_time.timestamp()));
            put("price_level_structure", json!(market.listing.prices.name));
            put("price_ranges", json!(market.listing.prices.ranges));
            put("additional_metadata", metadata(market));
        }
        LifecycleStep::Activated => {
            put("event_type", json!("activated"));
            put("is_deactivated", json!(false));
        }
        LifecycleStep::Deactivated => {
            put("event_type", json!("deactivated"));
            put("is_deactivated", json!(true));
        }
        LifecycleStep::CloseDateUpdated(close) => {
            put("event_type", json!("close_date_updated"));
            put("close_ts", json!(close.timestamp()));
        }
        LifecycleStep::Determined(decided) => {
            put("event_type", json!("determined"));
            put("determination_ts", json!(at.timestamp()));
            put("result", json!(wire::result(decided.result)));
            put("settlement_value", json!(decided.value));
        }
        LifecycleStep::Settled(settled) => {
            put("event_type", json!("settled"));
            put("settled_ts", json!(settled.timestamp()));
        }
        LifecycleStep::PriceLevelsUpdated(prices) => {
            put("event_type", json!("price_level_structure_updated"));
            put("price_level_structure", json!(prices.name));
            put("price_ranges", json!(prices.ranges));
        }
        LifecycleStep::MetadataUpdated => {
            put("event_type", json!("metadata_updated"));
            put("yes_sub_title", json!(market.listing.yes_sub_title));
            if let Some(strike) = &market.listing.custom_strike {
                put("strike_type", json!("custom"));
                put("custom_strike", json!(strike));
            }
        }
    }
    text_of(&fields)
}

fn metadata(market: &Market) -> Value {
    let listing = &market.listing;
    let mut metadata = json!({
        "name": listing.yes_sub_title,
        "title": listing.title.as_deref().unwrap_or(""),
        "yes_sub_title": listing.yes_sub_title,
        "no_sub_title": listing.no_sub_title,
        "rules_primary": listing.rules_primary,
        "rules_secondary": listing.rules_secondary,
        "can_close_early": listing.can_close_early,
        "event_ticker": listing.event,
        "expected_expiration_ts":
            listing.expected_expiration_time.unwrap_or(listing.latest_expiration_time).timestamp(),
    });
    if let (Some(strike), Some(fields)) = (&listing.custom_strike, metadata.as_object_mut()) {
        fields.insert("strike_type".to_owned(), json!("custom"));
        fields.insert("custom_strike".to_owned(), json!(strike));
    }
    metadata
}
