//! What decides whether an event gives collateral back.

use autotrader_domain::{EventTicker, Ticker};
use serde::Deserialize;

#[derive(Debug, Deserialize)]
pub(crate) struct EventsOfMarkets {
    pub(crate) markets: Vec<EventOfMarket>,
}

#[derive(Debug, Deserialize)]
pub(crate) struct EventOfMarket {
    pub(crate) event_ticker: EventTicker,
}

#[derive(Debug, Deserialize)]
pub(crate) struct EventAnswer {
    pub(crate) event: EventTerms,
    pub(crate) markets: Vec<MarketResult>,
}

#[derive(Debug, Deserialize)]
pub(crate) struct EventTerms {
    /// `MECNET`, `DIRECNET` or empty.
    pub(crate) collateral_return_type: String,
}

#[derive(Debug, Deserialize)]
pub(crate) struct MarketResult {
    pub(crate) ticker: Ticker,
    /// `yes`, `no`, `scalar`, or empty while undecided.
    pub(crate) result: String,
}
