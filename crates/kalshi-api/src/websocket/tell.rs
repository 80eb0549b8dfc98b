//! Message bodies to events.

use autotrader_domain::ports::FeedError;
use autotrader_domain::{
    FeeSchedule, FeeType, Fill, Liquidity, OrderState, PriceGrid, PriceRange, SettlementResult,
};
use chrono::{DateTime, Utc};

use super::event::{
    EventCreated, EventFee, MarketChange, MarketChangeKind, OrderGroupChange, OrderGroupChangeKind,
    PositionUpdate, PublicTrade, Quote, StreamEvent, StreamFill, UserOrder,
};
use super::wire;
use crate::error::shorten;
use crate::parse::decode::schema;
use crate::series::fee_schedule;

pub(super) fn quote(body: wire::TickerBody) -> Result<StreamEvent, FeedError> {
    Ok(StreamEvent::Quote(Quote {
        ticker: body.market_ticker,
        last: body.price_dollars,
        yes_bid: body.yes_bid_dollars,
        yes_ask: body.yes_ask_dollars,
        yes_bid_size: body.yes_bid_size_fp,
        yes_ask_size: body.yes_ask_size_fp,
        last_size: body.last_trade_size_fp,
        volume: body.volume_fp,
        open_interest: body.open_interest_fp,
        at: body.ts_ms,
    }))
}

pub(super) fn trade(body: wire::TradeBody) -> Result<StreamEvent, FeedError> {
    Ok(StreamEvent::Trade(PublicTrade {
        trade_id: body.trade_id,
        ticker: body.market_ticker,
        price: body.yes_price_dollars,
        contracts: body.count_fp,
        taker_side: body.taker_book_side,
        is_block: body.is_block_trade,
        at: body.ts_ms,
    }))
}

pub(super) fn fill(body: wire::FillBody) -> Result<StreamEvent, FeedError> {
    Ok(StreamEvent::Fill(StreamFill {
        fill: Fill {
            fill_id: body.trade_id,
            venue_order_id: body.order_id,
            // An id that is none of ours may have any form.
            client_order_id: body.client_order_id.and_then(|id| id.parse().ok()),
            ticker: body.market_ticker,
            side: body.book_side,
            price: body.yes_price_dollars,
            contracts: body.count_fp,
            fee: body.fee_cost,
            liquidity: if body.is_taker {
                Liquidity::Taker
            } else {
                Liquidity::Maker
            },
            filled_at: body.ts_ms,
        },
        position_after: body.post_position_fp,
        exchange_index: body.exchange_index,
        subaccount: body.subaccount,
    }))
}

pub(super) fn order(body: wire::OrderBody) -> Result<StreamEvent, FeedError> {
    let at = |millis: Option<i64>, field: &str| {
        let out_of_range = || schema(&format!("$.msg.{field}"), "out of range");
        millis
            .map(|millis| DateTime::from_timestamp_millis(millis).ok_or_else(out_of_range))
            .transpose()
    };
    let created_at = at(body.created_ts_ms, "created_ts_ms")?;
    let fees = body.taker_fees_dollars.checked_add(body.maker_fees_dollars);
    Ok(StreamEvent::Order(UserOrder {
        venue_order_id: body.order_id,
        client_order_id: Some(body.client_order_id).filter(|id| !id.is_empty()),
        ticker: body.ticker,
        state: match body.status.as_str() {
            "resting" => OrderState::Resting,
            "executed" => OrderState::Filled,
            "canceled" => OrderState::Canceled,
            _ => OrderState::Unknown,
        },
        side: body.book_side,
        price: body.yes_price_dollars,
        filled: body.fill_count_fp,
        remaining: body.remaining_count_fp,
        initial: body.initial_count_fp,
        fees: fees.ok_or_else(|| schema("$.msg.taker_fees_dollars", "the fees are too large to add"))?,
        reason: body.last_update_reason.as_deref().map(shorten),
        order_group_id: body.order_group_id.filter(|id| !id.is_empty()),
        updated_at: at(body.last_updated_ts_ms, "last_updated_ts_ms")?.or(created_at),
        expires_at: at(body.expiration_ts_ms, "expiration_ts_ms")?,
        exchange_index: body.exchange_index,
    }))
}

pub(super) fn position(body: wire::PositionBody) -> Result<StreamEvent, FeedError> {
    Ok(StreamEvent::Position(PositionUpdate {
        ticker: body.market_ticker,
        net: body.position_fp,
        cost: body.position_cost_dollars,
        realised: body.realized_pnl_dollars,
        fees: body.fees_paid_dollars,
        subaccount: body.subaccount,
    }))
}

pub(super) fn market(body: wire::MarketBody) -> Result<StreamEvent, FeedError> {
    use MarketChangeKind as K;
    let kind = match body.event_type.as_str() {
        "created" => K::Created,
        "activated" => K::Activated,
        "deactivated" => K::Deactivated,
        "close_date_updated" => K::CloseDateUpdated,
        "determined" => K::Determined,
        "settled" => K::Settled,
        "price_level_structure_updated" => K::PriceGridUpdated,
        "metadata_updated" => K::MetadataUpdated,
        other => K::Other(shorten(other)),
    };
    let result = match body.result.as_deref() {
        Some("yes") => Some(SettlementResult::Yes),
        Some("no") => Some(SettlementResult::No),
        Some("scalar") => Some(SettlementResult::Scalar),
        _ => None,
    };
    Ok(StreamEvent::Lifecycle(MarketChange {
        ticker: body.market_ticker,
        kind,
        open_at: seconds(body.open_ts, "open_ts")?,
        close_at: seconds(body.close_ts, "close_ts")?,
        decided_at: seconds(body.determination_ts, "determination_ts")?
            .or(seconds(body.settled_ts, "settled_ts")?),
        result,
        settlement_value: body.settlement_value,
        grid: body.price_ranges.as_deref().map(grid).transpose()?,
    }))
}

fn seconds(seconds: Option<i64>, field: &str) -> Result<Option<DateTime<Utc>>, FeedError> {
    let out_of_range = || schema(&format!("$.msg.{field}"), "out of range");
    seconds
        .map(|seconds| DateTime::from_timestamp(seconds, 0).ok_or_else(out_of_range))
        .transpose()
}

fn grid(ranges: &[crate::wire::market::PriceRange]) -> Result<PriceGrid, FeedError> {
    let ranges = ranges.iter().map(|range| PriceRange {
        start: range.start,
        end: range.end,
        step: range.step,
    });
    PriceGrid::new(ranges.collect()).ok_or_else(|| {
        schema(
            "$.msg.price_ranges",
            "expected at least one band, each with start below end and a positive step",
        )
    })
}

pub(super) fn event(body: wire::EventBody) -> Result<StreamEvent, FeedError> {
    Ok(StreamEvent::EventCreated(EventCreated {
        event: body.event_ticker,
        series: body.series_ticker,
        title: shorten(&body.title),
        collateral_return: shorten(&body.collateral_return_type),
        exchange_index: body.exchange_index,
    }))
}

pub(super) fn event_fee(body: wire::EventFeeBody) -> Result<StreamEvent, FeedError> {
    let terms = match (body.fee_type_override, body.fee_multiplier_override) {
        (None, None) => None,
        (Some(name), Some(multiplier)) => Some(fee_schedule(&name, multiplier)),
        // Half a pair says that the series' terms do not hold without saying what does: not traded.
        (_, multiplier) => Some(FeeSchedule {
            fee_type: FeeType::Unsupported,
            multiplier_millionths: multiplier.unwrap_or_default(),
        }),
    };
    Ok(StreamEvent::EventFee(EventFee {
        event: body.event_ticker,
        terms,
    }))
}

pub(super) fn order_group(body: wire::OrderGroupBody) -> Result<StreamEvent, FeedError> {
    use OrderGroupChangeKind as K;
    Ok(StreamEvent::OrderGroup(OrderGroupChange {
        order_group_id: body.order_group_id,
        kind: match body.event_type.as_str() {
            "created" => K::Created,
            "triggered" => K::Triggered,
            "reset" => K::Reset,
            "deleted" => K::Deleted,
            "limit_updated" => K::LimitUpdated,
            other => K::Other(shorten(other)),
        },
        limit: body.contracts_limit_fp,
        at: body.ts_ms,
    }))
}
