//! Candlesticks, from the history of quotes and trades.
//!
//! A period gets a candlestick when a quote, the open interest or a trade changed in it; periods are aligned to 1970 and
//! named by their end, which belongs to them. Periods that have not ended are left out. Which quiet periods the real
//! exchange leaves out is not documented.

use std::collections::BTreeMap;

use autotrader_domain::{Contracts, EventTicker, Money, Price, Ticker};
use axum::Json;
use axum::extract::{Path, RawQuery, State};
use chrono::{DateTime, Utc};
use serde_json::{Value, json};

use super::errors::ApiError;
use super::query::Query;
use super::{App, Moment};
use crate::exchange::{Exchange, Market, PriceSpan, QuoteSpan, TradeRecord, candle_end};

type Answer = Result<Json<Value>, ApiError>;

/// The most candlesticks of one batch, from the specification.
const MOST_IN_BATCH: usize = 10_000;

/// The most candlesticks of one event; the specification names a bound without its size.
const MOST_OF_EVENT: usize = 5_000;

/// The trades of one period.
#[derive(Debug, Clone, Copy)]
struct Traded {
    open: Price,
    high: Price,
    low: Price,
    close: Price,
    volume: i64,
    notional: Money,
}

impl Traded {
    const fn first(price: Price) -> Self {
        Self {
            open: price,
            high: price,
            low: price,
            close: price,
            volume: 0,
            notional: Money::ZERO,
        }
    }

    fn add(&mut self, trade: &TradeRecord) {
        self.high = self.high.max(trade.price);
        self.low = self.low.min(trade.price);
        self.close = trade.price;
        self.volume += trade.count.raw();
        let notional = trade.price.times(trade.count).unwrap_or(Money::ZERO);
        self.notional = self.notional.saturating_add(notional);
    }

    /// The mean price weighted by contracts; the notional is in millionths for hundredths of contracts.
    fn mean(&self) -> Option<Price> {
        self.notional
            .fraction(1, self.volume)
            .and_then(|each| Price::from_raw(each.raw()))
    }
}

/// One period.
#[derive(Debug, Clone, Copy, Default)]
struct Candle {
    quotes: Option<QuoteSpan>,
    trades: Option<Traded>,
}

/// What was last known before a period.
#[derive(Debug, Clone, Copy)]
struct Before {
    bid: Price,
    ask: Price,
    open_interest: Contracts,
    price: Option<Price>,
}

const fn flat(price: Price) -> PriceSpan {
    PriceSpan {
        open: price,
        high: price,
        low: price,
        close: price,
    }
}

fn offers(span: PriceSpan) -> Value {
    json!({
        "open_dollars": span.open,
        "low_dollars": span.low,
        "high_dollars": span.high,
        "close_dollars": span.close,
    })
}

fn value(end: DateTime<Utc>, candle: &Candle, before: &Before) -> Value {
    let trades = candle.trades;
    let of = |pick: fn(&Traded) -> Price| trades.as_ref().map(pick);
    let (bid, ask, open_interest) = candle.quotes.map_or(
        (flat(before.bid), flat(before.ask), before.open_interest),
        |quotes| (quotes.bid, quotes.ask, quotes.open_interest),
    );
    let volume = trades.map_or(0, |trades| trades.volume);
    json!({
        "end_period_ts": end.timestamp(),
        "yes_bid": offers(bid),
        "yes_ask": offers(ask),
        "price": {
            "open_dollars": of(|trades| trades.open),
            "low_dollars": of(|trades| trades.low),
            "high_dollars": of(|trades| trades.high),
            "close_dollars": of(|trades| trades.close),
            "mean_dollars": trades.and_then(|trades| trades.mean()),
            "previous_dollars": before.price,
        },
        "volume_fp": Contracts::from_raw(volume).unwrap_or(Contracts::ZERO),
        "open_interest_fp": open_interest,
    })
}

/// What was asked for.
struct Wanted {
    start: i64,
    end: i64,
    minutes: i64,
    with_latest: bool,
}

impl Wanted {
    fn read(query: &Query) -> Result<Self, ApiError> {
        let minutes: i64 = query.required("period_interval", "PeriodInterval")?;
        if !matches!(minutes, 1 | 60 | 1_440) {
            return Err(query.rule("PeriodInterval", "oneof"));
        }
        let wanted = Self {
            start: query.required("start_ts", "StartTs")?,
            end: query.required("end_ts", "EndTs")?,
            minutes,
            with_latest: query
                .typed::<bool>("include_latest_before_start")?
                .unwrap_or(false),
        };
        if wanted.end < wanted.start {
            return Err(query.rule("EndTs", "gtefield"));
        }
        Ok(wanted)
    }

    /// The first boundary of a period at or after the start.
    fn first_boundary(&self) -> Option<DateTime<Utc>> {
        DateTime::from_timestamp(self.start, 0).map(|start| candle_end(start, self.minutes))
    }
}

fn periods(exchange: &Exchange, market: &Market, minutes: i64) -> BTreeMap<DateTime<Utc>, Candle> {
    let mut periods: BTreeMap<DateTime<Utc>, Candle> = BTreeMap::new();
    for span in market.quote_spans(minutes) {
        periods.entry(span.end).or_default().quotes = Some(span);
    }
    let trades = exchange
        .trades()
        .iter()
        .filter(|trade| trade.ticker == market.listing.ticker);
    for trade in trades {
        let candle = periods.entry(candle_end(trade.at, minutes)).or_default();
        candle
            .trades
            .get_or_insert_with(|| Traded::first(trade.price))
            .add(trade);
    }
    periods
}

fn candles(exchange: &Exchange, market: &Market, wanted: &Wanted, now: DateTime<Utc>) -> Vec<Value> {
    let mut before = Before {
        bid: Price::ZERO,
        ask: Price::ONE,
        open_interest: Contracts::ZERO,
        price: None,
    };
    let mut list = Vec::new();
    let mut is_older = false;
    let mut latest = None;
    for (end, candle) in periods(exchange, market, wanted.minutes) {
        let seconds = end.timestamp();
        if seconds > wanted.end || end > now {
            break;
        }
        if seconds >= wanted.start {
            if is_older {
                latest.get_or_insert(before);
            }
            list.push((end, value(end, &candle, &before)));
        } else {
            is_older = true;
        }
        if let Some(quotes) = candle.quotes {
            before.bid = quotes.bid.close;
            before.ask = quotes.ask.close;
            before.open_interest = quotes.open_interest;
        }
        if let Some(trades) = candle.trades {
            before.price = Some(trades.close);
        }
    }
    let boundary = wanted.first_boundary();
    if wanted.with_latest
        && is_older
        && let Some(boundary) = boundary.filter(|at| list.first().is_none_or(|(first, _)| first != at))
    {
        let before = latest.unwrap_or(before);
        list.insert(0, (boundary, value(boundary, &Candle::default(), &before)));
    }
    list.into_iter().map(|(_, value)| value).collect()
}

fn data(app: &App) -> Result<Moment<'_>, ApiError> {
    super::market_data::data(app)
}

pub(super) async fn of_market(
    State(app): State<App>,
    Path((series, ticker)): Path<(String, String)>,
    RawQuery(raw): RawQuery,
) -> Answer {
    let query = Query::parse("GetMarketCandlesticks", raw.as_deref());
    let wanted = Wanted::read(&query)?;
    let ticker: Ticker = ticker.parse().map_err(|_| ApiError::not_found())?;
    let mut moment = data(&app)?;
    let now = moment.now;
    let exchange: &Exchange = moment.world.exchange();
    let market = exchange
        .market(&ticker)
        .filter(|market| market.series.as_str() == series)
        .ok_or_else(ApiError::not_found)?;
    let list = candles(exchange, market, &wanted, now);
    Ok(Json(json!({ "ticker": ticker, "candlesticks": list })))
}

/// Of 1 to 100 markets; unknown names are left out.
pub(super) async fn of_markets(State(app): State<App>, RawQuery(raw): RawQuery) -> Answer {
    let query = Query::parse("BatchGetMarketCandlesticks", raw.as_deref());
    let wanted = Wanted::read(&query)?;
    let names = query.set("market_tickers").unwrap_or_default();
    if names.is_empty() {
        return Err(query.rule("MarketTickers", "required"));
    }
    if names.len() > 100 {
        return Err(query.rule("MarketTickers", "max"));
    }
    let mut moment = data(&app)?;
    let now = moment.now;
    let exchange: &Exchange = moment.world.exchange();
    let mut total = 0;
    let mut list = Vec::new();
    for market in names
        .iter()
        .filter_map(|name| exchange.market(&name.parse::<Ticker>().ok()?))
    {
        let candles = candles(exchange, market, &wanted, now);
        total += candles.len();
        if total > MOST_IN_BATCH {
            return Err(ApiError::parameter("more than 10000 candlesticks"));
        }
        list.push(json!({ "market_ticker": market.listing.ticker, "candlesticks": candles }));
    }
    Ok(Json(json!({ "markets": list })))
}

pub(super) async fn of_event(
    State(app): State<App>,
    Path((series, ticker)): Path<(String, String)>,
    RawQuery(raw): RawQuery,
) -> Answer {
    let query = Query::parse("GetMarketCandlesticksByEvent", raw.as_deref());
    let wanted = Wanted::read(&query)?;
    let ticker: EventTicker = ticker.parse().map_err(|_| ApiError::not_found())?;
    let mut moment = data(&app)?;
    let now = moment.now;
    let exchange: &Exchange = moment.world.exchange();
    let event = exchange
        .event(&ticker)
        .filter(|event| event.listing.series.as_str() == series)
        .ok_or_else(ApiError::not_found)?;
    let mut lists: Vec<Vec<Value>> = event
        .markets
        .iter()
        .filter_map(|ticker| exchange.market(ticker))
        .map(|market| candles(exchange, market, &wanted, now))
        .collect();
    let mut adjusted = wanted.end;
    // Too many: the end moves back to where the earliest candlesticks of all markets just fit.
    let mut ends: Vec<i64> = lists
        .iter()
        .flatten()
        .filter_map(|candle| candle["end_period_ts"].as_i64())
        .collect();
    if ends.len() > MOST_OF_EVENT {
        ends.sort_unstable();
        let first_left_out = ends.get(MOST_OF_EVENT).copied().unwrap_or(wanted.end);
        adjusted = first_left_out - 1;
        for list in &mut lists {
            list.retain(|candle| {
                candle["end_period_ts"]
                    .as_i64()
                    .is_some_and(|end| end <= adjusted)
            });
        }
    }
    Ok(Json(json!({
        "market_tickers": event.markets,
        "market_candlesticks": lists,
        "adjusted_end_ts": adjusted,
    })))
}
