//! Series, events, markets, books and the exchange's status.

use autotrader_domain::ports::FeedError;
use autotrader_domain::{Contracts, EventTicker, Price, SeriesTicker, Ticker};
use chrono::{DateTime, Utc};
use serde::Deserialize;
use serde_json::value::RawValue;

use super::fees::{multiplier, optional_multiplier};
use super::{Page, present};

#[derive(Debug, Deserialize)]
pub(crate) struct SeriesAnswer {
    pub(crate) series: Series,
}

#[derive(Debug, Deserialize)]
pub(crate) struct Series {
    pub(crate) ticker: SeriesTicker,
    pub(crate) fee_type: String,
    /// In millionths.
    #[serde(deserialize_with = "multiplier")]
    pub(crate) fee_multiplier: u32,
}

#[derive(Debug, Deserialize)]
pub(crate) struct EventAnswer {
    pub(crate) event: Event,
}

#[derive(Debug, Deserialize)]
pub(crate) struct Event {
    pub(crate) event_ticker: EventTicker,
    pub(crate) series_ticker: SeriesTicker,
    /// Absent or `null` when the series' terms hold.
    #[serde(default)]
    pub(crate) fee_type_override: Option<String>,
    /// In millionths; absent or `null` when the series' terms hold.
    #[serde(default, deserialize_with = "optional_multiplier")]
    pub(crate) fee_multiplier_override: Option<u32>,
}

#[derive(Debug, Deserialize)]
pub(crate) struct EventsPage {
    pub(crate) events: Vec<Event>,
    pub(crate) cursor: String,
}

#[derive(Debug, Deserialize)]
pub(crate) struct MarketAnswer {
    pub(crate) market: Market,
}

#[derive(Debug, Deserialize)]
pub(crate) struct Market {
    pub(crate) ticker: Ticker,
    pub(crate) event_ticker: EventTicker,
    pub(crate) market_type: String,
    pub(crate) status: String,
    pub(crate) close_time: DateTime<Utc>,
    pub(crate) price_ranges: Vec<PriceRange>,
    pub(crate) notional_value_dollars: String,
    pub(crate) rules_primary: String,
    pub(crate) rules_secondary: String,
    pub(crate) yes_sub_title: String,
    pub(crate) result: String,
    /// Filled after determination only.
    #[serde(default)]
    pub(crate) settlement_value_dollars: Option<Price>,
    #[serde(default)]
    pub(crate) custom_strike: Option<serde_json::Value>,
    /// Not required by the document; shard 0 is its stated default.
    #[serde(default)]
    pub(crate) exchange_index: i32,
}

#[derive(Debug, Clone, Copy, Deserialize)]
pub(crate) struct PriceRange {
    pub(crate) start: Price,
    pub(crate) end: Price,
    pub(crate) step: Price,
}

#[derive(Debug, Deserialize)]
pub(crate) struct MarketsPage {
    pub(crate) markets: Vec<Market>,
    pub(crate) cursor: String,
}

#[derive(Debug, Deserialize)]
pub(crate) struct OrderbooksAnswer {
    /// Read one by one, so that a broken book does not hide the others.
    pub(crate) orderbooks: Vec<Box<RawValue>>,
}

#[derive(Debug, Deserialize)]
pub(crate) struct BookOwner {
    pub(crate) ticker: Ticker,
}

#[derive(Debug, Deserialize)]
pub(crate) struct MarketOrderbook {
    pub(crate) orderbook_fp: Orderbook,
}

#[derive(Debug, Deserialize)]
pub(crate) struct Orderbook {
    /// Bids for YES; `null` was seen for an empty side.
    #[serde(deserialize_with = "present")]
    pub(crate) yes_dollars: Option<Vec<(Price, Contracts)>>,
    /// Bids for NO; `null` was seen for an empty side.
    #[serde(deserialize_with = "present")]
    pub(crate) no_dollars: Option<Vec<(Price, Contracts)>>,
}

impl Page for EventsPage {
    type Item = Event;

    fn split(self) -> Result<(Vec<Event>, String), FeedError> {
        Ok((self.events, self.cursor))
    }

    fn key(item: &Event) -> String {
        item.event_ticker.to_string()
    }
}

impl Page for MarketsPage {
    type Item = Market;

    fn split(self) -> Result<(Vec<Market>, String), FeedError> {
        Ok((self.markets, self.cursor))
    }

    fn key(item: &Market) -> String {
        item.ticker.to_string()
    }
}
