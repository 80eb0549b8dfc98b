//! What anybody may read: status, series, events, markets, books, trades.

use autotrader_domain::{EventTicker, MarketStatus, SeriesTicker, Ticker};
use axum::Json;
use axum::extract::{Path, RawQuery, State};
use serde_json::{Value, json};

use super::errors::ApiError;
use super::limits::{COSTS, DEFAULT_COST};
use super::query::{Query, page};
use super::{App, Moment, wire};
use crate::exchange::{Event, Exchange, Market};

type Answer = Result<Json<Value>, ApiError>;

/// The words of the status filter of markets and events.
const STATUS_WORDS: [&str; 5] = ["unopened", "open", "paused", "closed", "settled"];

fn matches_status(word: &str, status: MarketStatus) -> bool {
    match word {
        "unopened" => status == MarketStatus::Initialized,
        "open" => status == MarketStatus::Active,
        "paused" => status == MarketStatus::Inactive,
        "settled" => status == MarketStatus::Finalized,
        // Past its close and not yet paid.
        _ => matches!(
            status,
            MarketStatus::Closed | MarketStatus::Determined | MarketStatus::Disputed | MarketStatus::Amended
        ),
    }
}

/// The moment, unless market data is down.
pub(super) fn data(app: &App) -> Result<Moment<'_>, ApiError> {
    let moment = app.moment();
    if moment.faults.market_data_down {
        Err(ApiError::unavailable())
    } else {
        Ok(moment)
    }
}

pub(super) async fn exchange_status(State(app): State<App>) -> Json<Value> {
    let mut moment = app.moment();
    let exchange = moment.world.exchange();
    let (active, trading) = (exchange.is_exchange_active(), exchange.is_trading_active());
    Json(json!({
        "exchange_active": active,
        "trading_active": trading,
        "intra_exchange_transfers_active": active,
        "exchange_estimated_resume_time": null,
        "exchange_index_statuses": [{
            "exchange_index": wire::SHARD,
            "description": "All markets of the stand-in",
            "exchange_active": active,
            "trading_active": trading,
            "intra_exchange_transfers_active": active,
        }],
    }))
}

/// Open around the clock but for the weekly maintenance, Thursdays 03:00 to 05:00 New York time.
pub(super) async fn exchange_schedule() -> Json<Value> {
    let all_day = json!([{ "open_time": "00:00", "close_time": "00:00" }]);
    Json(json!({
        "schedule": {
            "maintenance_windows": [],
            "standard_hours": [{
                "start_time": "2024-12-01T00:00:00Z",
                "end_time": "2200-12-01T00:00:00Z",
                "monday": all_day,
                "tuesday": all_day,
                "wednesday": all_day,
                "thursday": [
                    { "open_time": "00:00", "close_time": "03:00" },
                    { "open_time": "05:00", "close_time": "00:00" },
                ],
                "friday": all_day,
                "saturday": all_day,
                "sunday": all_day,
            }],
        }
    }))
}

pub(super) async fn user_data_timestamp(State(app): State<App>) -> Json<Value> {
    Json(json!({ "as_of_time": wire::time(app.moment().shown_until) }))
}

pub(super) async fn series_list(State(app): State<App>, RawQuery(raw): RawQuery) -> Answer {
    let query = Query::parse("GetSeriesList", raw.as_deref());
    let fresh = query.window("min_updated_ts", "max_updated_ts")?;
    let mut moment = data(&app)?;
    let list: Vec<Value> = moment
        .world
        .exchange()
        .all_series()
        .filter(|series| {
            query
                .get("category")
                .is_none_or(|wanted| series.listing.category == wanted)
        })
        .filter(|series| {
            query.set("tags").is_none_or(|wanted| {
                series
                    .listing
                    .tags
                    .iter()
                    .any(|tag| wanted.contains(tag.as_str()))
            })
        })
        .filter(|series| fresh(series.updated_at))
        .map(wire::series)
        .collect();
    Ok(Json(json!({ "series": list })))
}

pub(super) async fn series(State(app): State<App>, Path(ticker): Path<String>) -> Answer {
    let ticker: SeriesTicker = ticker.parse().map_err(|_| ApiError::not_found())?;
    let mut moment = data(&app)?;
    let series = moment
        .world
        .exchange()
        .series(&ticker)
        .ok_or_else(ApiError::not_found)?;
    Ok(Json(json!({ "series": wire::series(series) })))
}

/// Scheduled fee changes of series; those in effect already only when history is asked for.
pub(super) async fn fee_changes(State(app): State<App>, RawQuery(raw): RawQuery) -> Answer {
    let query = Query::parse("GetSeriesFeeChanges", raw.as_deref());
    let with_past = query.typed::<bool>("show_historical")?.unwrap_or(false);
    let mut moment = app.moment();
    let now = moment.now;
    let list: Vec<Value> = moment
        .world
        .exchange()
        .series_fee_changes()
        .iter()
        .filter(|change| with_past || change.scheduled_at > now)
        .filter(|change| {
            query
                .get("series_ticker")
                .is_none_or(|wanted| change.series.as_str() == wanted)
        })
        .map(wire::series_fee_change)
        .collect();
    Ok(Json(json!({ "series_fee_change_arr": list })))
}

/// Fees of events' own, and their ends.
pub(super) async fn event_fee_changes(State(app): State<App>, RawQuery(raw): RawQuery) -> Answer {
    let query = Query::parse("GetEventFeeChanges", raw.as_deref());
    let limit = query.limit(100, 1_000)?;
    let mut moment = app.moment();
    let chosen = moment
        .world
        .exchange()
        .event_fee_changes()
        .iter()
        .filter(|change| {
            query
                .get("event_ticker")
                .is_none_or(|wanted| change.event.as_str() == wanted)
        })
        .map(|change| (change.id.to_string(), change));
    let (taken, cursor) = page(chosen, query.cursor().as_deref(), limit);
    let list: Vec<Value> = taken.into_iter().map(wire::event_fee_change).collect();
    Ok(Json(json!({ "event_fee_changes": list, "cursor": cursor })))
}

fn nested_markets(moment: &mut Moment<'_>, tickers: &[Ticker]) -> Vec<Value> {
    let now = moment.now;
    let exchange = moment.world.exchange();
    tickers
        .iter()
        .filter_map(|ticker| exchange.market(ticker))
        .map(|market| wire::market(market, now))
        .collect()
}

pub(super) async fn events(State(app): State<App>, RawQuery(raw): RawQuery) -> Answer {
    let query = Query::parse("GetEvents", raw.as_deref());
    let limit = query.limit(200, 200)?;
    let status = query.word("status", "Status", &["unopened", "open", "closed", "settled"])?;
    let nested = query.typed::<bool>("with_nested_markets")?.unwrap_or(false);
    let tickers = query.set("tickers");
    let closes = query.window("min_close_ts", "max_close_ts")?;
    let updated = query.window("min_updated_ts", "max_updated_ts")?;
    let mut moment = data(&app)?;
    let exchange: &Exchange = moment.world.exchange();
    let any_market = |event: &Event, wanted: &dyn Fn(&Market) -> bool| {
        event
            .markets
            .iter()
            .filter_map(|ticker| exchange.market(ticker))
            .any(wanted)
    };
    let chosen = exchange
        .all_events()
        .filter(|event| {
            query
                .get("series_ticker")
                .is_none_or(|wanted| event.listing.series.as_str() == wanted)
        })
        .filter(|event| {
            tickers
                .as_ref()
                .is_none_or(|set| set.contains(event.listing.ticker.as_str()))
        })
        .filter(|event| status.is_none_or(|word| any_market(event, &|m| matches_status(word, m.status))))
        .filter(|event| {
            query.get("min_close_ts").is_none() || any_market(event, &|m| closes(m.listing.close_time))
        })
        .filter(|event| updated(event.updated_at))
        .map(|event| (event.listing.ticker.to_string(), event));
    let (taken, cursor) = page(chosen, query.cursor().as_deref(), limit);
    let mut list: Vec<(Value, Vec<Ticker>)> = taken
        .into_iter()
        .map(|event| (wire::event(exchange, event), event.markets.clone()))
        .collect();
    if nested {
        for (value, tickers) in &mut list {
            let markets = nested_markets(&mut moment, tickers);
            if let Some(fields) = value.as_object_mut() {
                fields.insert("markets".to_owned(), markets.into());
            }
        }
    }
    let list: Vec<Value> = list.into_iter().map(|(value, _)| value).collect();
    Ok(Json(json!({ "events": list, "cursor": cursor })))
}

pub(super) async fn event(
    State(app): State<App>,
    Path(ticker): Path<String>,
    RawQuery(raw): RawQuery,
) -> Answer {
    let query = Query::parse("GetEvent", raw.as_deref());
    let nested = query.typed::<bool>("with_nested_markets")?.unwrap_or(false);
    let without = query.typed::<bool>("exclude_markets")?.unwrap_or(false);
    if nested && without {
        return Err(query.rule("ExcludeMarkets", "excluded_with"));
    }
    let ticker: EventTicker = ticker.parse().map_err(|_| ApiError::not_found())?;
    let mut moment = data(&app)?;
    let exchange = moment.world.exchange();
    let event = exchange.event(&ticker).ok_or_else(ApiError::not_found)?;
    let (mut value, tickers) = (wire::event(exchange, event), event.markets.clone());
    let markets = if without {
        Vec::new()
    } else {
        nested_markets(&mut moment, &tickers)
    };
    if nested {
        // Nested markets replace the list beside the event.
        if let Some(fields) = value.as_object_mut() {
            fields.insert("markets".to_owned(), markets.into());
        }
        return Ok(Json(json!({ "event": value, "markets": [] })));
    }
    Ok(Json(json!({ "event": value, "markets": markets })))
}

/// The families of time filters of the market list, each with the status words that it may be combined with, from the
/// operation's table.
const TIME_FILTERS: [([&str; 2], &[&str]); 4] = [
    (["min_created_ts", "max_created_ts"], &["unopened", "open"]),
    (["min_close_ts", "max_close_ts"], &["closed"]),
    (["min_settled_ts", "max_settled_ts"], &["settled"]),
    (["min_updated_ts", "max_updated_ts"], &[]),
];

/// Refuses filters that the specification calls incompatible; how the real exchange words it was never recorded.
fn check_filters(query: &Query) -> Result<(), ApiError> {
    let given = |name: &str| query.get(name).is_some();
    let families: Vec<_> = TIME_FILTERS
        .iter()
        .filter(|(names, _)| names.iter().any(|name| given(name)))
        .collect();
    let [(names, words)] = families.as_slice() else {
        return if families.is_empty() {
            Ok(())
        } else {
            Err(ApiError::parameter("incompatible timestamp filters"))
        };
    };
    if query.get("status").is_some_and(|word| !words.contains(&word)) {
        return Err(ApiError::parameter(
            "status is incompatible with the timestamp filter",
        ));
    }
    if names.contains(&"min_updated_ts") {
        let excludes_combos = query.get("mve_filter") == Some("exclude");
        let others = ["event_ticker", "tickers"].into_iter().any(given);
        if others || (given("series_ticker") && !excludes_combos) || query.get("mve_filter") == Some("only") {
            return Err(ApiError::parameter(
                "updated filters are incompatible with others",
            ));
        }
    }
    Ok(())
}

pub(super) async fn markets(State(app): State<App>, RawQuery(raw): RawQuery) -> Answer {
    let query = Query::parse("GetMarkets", raw.as_deref());
    let limit = query.limit(100, 1_000)?;
    let status = query.word("status", "Status", &STATUS_WORDS)?;
    let combos_only = query.word("mve_filter", "MveFilter", &["only", "exclude"])? == Some("only");
    let tickers = query.set("tickers");
    let closes = query.window("min_close_ts", "max_close_ts")?;
    let created = query.window("min_created_ts", "max_created_ts")?;
    let updated = query.window("min_updated_ts", "max_updated_ts")?;
    let settled = query.window("min_settled_ts", "max_settled_ts")?;
    check_filters(&query)?;
    let wants_settled = query.get("min_settled_ts").is_some() || query.get("max_settled_ts").is_some();
    let mut moment = data(&app)?;
    let now = moment.now;
    let chosen = moment
        .world
        .exchange()
        .all_markets()
        .filter(|_| !combos_only)
        .filter(|market| {
            tickers
                .as_ref()
                .is_none_or(|set| set.contains(market.listing.ticker.as_str()))
        })
        .filter(|market| {
            query
                .get("event_ticker")
                .is_none_or(|wanted| market.listing.event.as_str() == wanted)
        })
        .filter(|market| {
            query
                .get("series_ticker")
                .is_none_or(|wanted| market.series.as_str() == wanted)
        })
        .filter(|market| status.is_none_or(|word| matches_status(word, market.status)))
        .filter(|market| closes(market.listing.close_time) && created(market.created_at))
        .filter(|market| updated(market.updated_at))
        .filter(|market| !wants_settled || market.settled_at.is_some_and(&settled))
        .map(|market| (market.listing.ticker.to_string(), market));
    let (taken, cursor) = page(chosen, query.cursor().as_deref(), limit);
    let list: Vec<Value> = taken
        .into_iter()
        .map(|market| wire::market(market, now))
        .collect();
    Ok(Json(json!({ "markets": list, "cursor": cursor })))
}

pub(super) async fn market(State(app): State<App>, Path(ticker): Path<String>) -> Answer {
    let ticker: Ticker = ticker.parse().map_err(|_| ApiError::not_found())?;
    let mut moment = data(&app)?;
    let now = moment.now;
    let market = moment
        .world
        .exchange()
        .market(&ticker)
        .ok_or_else(ApiError::not_found)?;
    Ok(Json(json!({ "market": wire::market(market, now) })))
}

pub(super) async fn orderbook(
    State(app): State<App>,
    Path(ticker): Path<String>,
    RawQuery(raw): RawQuery,
) -> Answer {
    let query = Query::parse("GetMarketOrderbook", raw.as_deref());
    let depth = query.typed::<usize>("depth")?.unwrap_or(0);
    if depth > 100 {
        return Err(query.rule("Depth", "lte"));
    }
    let ticker: Ticker = ticker.parse().map_err(|_| ApiError::not_found())?;
    let mut moment = data(&app)?;
    let market = moment
        .world
        .exchange()
        .market(&ticker)
        .ok_or_else(ApiError::not_found)?;
    Ok(Json(json!({ "orderbook_fp": wire::orderbook(market, depth) })))
}

/// Books of 1 to 100 markets; the parameter is repeated, a comma-joined list is refused. Unknown names are left out.
pub(super) async fn orderbooks(State(app): State<App>, RawQuery(raw): RawQuery) -> Answer {
    let query = Query::parse("GetMarketOrderbooks", raw.as_deref());
    let names = query.all("tickers");
    if names.is_empty() {
        return Err(query.rule("Tickers", "required"));
    }
    if names.len() > 100 {
        return Err(query.rule("Tickers", "max"));
    }
    let mut tickers: Vec<Ticker> = Vec::new();
    for name in names {
        tickers.push(name.parse().map_err(|_| query.rule("Tickers", "ticker"))?);
    }
    let mut moment = data(&app)?;
    let exchange = moment.world.exchange();
    let books: Vec<Value> = tickers
        .iter()
        .filter_map(|ticker| exchange.market(ticker))
        .map(|market| json!({ "ticker": market.listing.ticker, "orderbook_fp": wire::orderbook(market, 0) }))
        .collect();
    Ok(Json(json!({ "orderbooks": books })))
}

/// What is shown of an event beside its terms; the stand-in has no pictures.
pub(super) async fn event_metadata(State(app): State<App>, Path(ticker): Path<String>) -> Answer {
    let ticker: EventTicker = ticker.parse().map_err(|_| ApiError::not_found())?;
    let mut moment = data(&app)?;
    let exchange = moment.world.exchange();
    let event = exchange.event(&ticker).ok_or_else(ApiError::not_found)?;
    let sources = exchange
        .series(&event.listing.series)
        .map(|series| series.listing.settlement_sources.clone())
        .unwrap_or_default();
    let markets: Vec<Value> = event
        .markets
        .iter()
        .map(|ticker| json!({ "market_ticker": ticker, "image_url": "", "color_code": "" }))
        .collect();
    Ok(Json(
        json!({ "image_url": "", "settlement_sources": sources, "market_details": markets }),
    ))
}

/// There are no combos here.
pub(super) async fn combos(RawQuery(raw): RawQuery) -> Answer {
    Query::parse("GetMultivariateEvents", raw.as_deref()).limit(100, 200)?;
    Ok(Json(json!({ "events": [], "cursor": "" })))
}

/// Newest first.
pub(super) async fn trades(State(app): State<App>, RawQuery(raw): RawQuery) -> Answer {
    let query = Query::parse("GetTrades", raw.as_deref());
    let limit = query.limit(100, 1_000)?;
    let within = query.window("min_ts", "max_ts")?;
    let blocks_only = query.typed::<bool>("is_block_trade")?.unwrap_or(false);
    let mut moment = data(&app)?;
    let chosen = moment
        .world
        .exchange()
        .trades()
        .iter()
        .rev()
        .filter(|_| !blocks_only)
        .filter(|trade| {
            query
                .get("ticker")
                .is_none_or(|wanted| trade.ticker.as_str() == wanted)
        })
        .filter(|trade| within(trade.at))
        .map(|trade| (trade.trade_id.to_string(), trade));
    let (taken, cursor) = page(chosen, query.cursor().as_deref(), limit);
    let list: Vec<Value> = taken.into_iter().map(wire::trade).collect();
    Ok(Json(json!({ "trades": list, "cursor": cursor })))
}

/// The costs that differ from the default of the paths that are served here.
pub(super) async fn endpoint_costs() -> Json<Value> {
    let costs: Vec<Value> = COSTS
        .iter()
        .map(|(method, path, cost)| json!({ "method": method, "path": path, "cost": cost }))
        .collect();
    Json(json!({ "default_cost": DEFAULT_COST, "endpoint_costs": costs }))
}
