//! Public market data.

use std::collections::BTreeMap;

use async_trait::async_trait;
use autotrader_domain::ports::{FeedError, MarketData};
use autotrader_domain::{Book, EventTicker, ExchangeStatus, FeeSchedule, Market, SeriesTicker, Ticker};

use crate::KalshiClient;
use crate::client::Read;
use crate::parse;
use crate::parse::decode::{decode, schema};
use crate::wire::market as wire;

/// Books per request; the exchange's maximum.
const BOOKS_PER_REQUEST: usize = 100;

impl KalshiClient {
    async fn series_fees(&self, series: &SeriesTicker) -> Result<FeeSchedule, FeedError> {
        let body = self.get(Read::public(&["series", series.as_str()], &[])).await?;
        parse::market::series_fees(series, &body)
    }

    async fn event(&self, event: &EventTicker) -> Result<wire::Event, FeedError> {
        let body = self.get(Read::public(&["events", event.as_str()], &[])).await?;
        let wire::EventAnswer { event: found } = decode("$", &body)?;
        if found.event_ticker == *event {
            Ok(found)
        } else {
            let words = format!("asked for {event}, answered {}", found.event_ticker);
            Err(schema("$.event.event_ticker", &words))
        }
    }

    /// Fee terms of events that the listing did not have: those created between two requests.
    async fn late_event_fees(
        &self,
        series: &SeriesTicker,
        event: &EventTicker,
        fees: FeeSchedule,
    ) -> Result<FeeSchedule, FeedError> {
        let found = self.event(event).await?;
        if found.series_ticker == *series {
            parse::market::event_fees(&found, fees, "$.event")
        } else {
            let words = format!("expected {series}, found {}", found.series_ticker);
            Err(schema("$.event.series_ticker", &words))
        }
    }
}

#[async_trait]
impl MarketData for KalshiClient {
    /// Cancellation-safe: it only reads.
    async fn markets(&self, series: &SeriesTicker) -> Result<Vec<Market>, FeedError> {
        let fees = self.series_fees(series).await?;
        // No status filter: its words cover the statuses in groups, and a market between two groups must not be missed.
        let of_series = ("series_ticker", series.as_str());
        let events = self
            .list::<wire::EventsPage>(Read::public(&["events"], &[of_series, ("limit", "200")]))
            .await?;
        let mut terms: BTreeMap<EventTicker, FeeSchedule> =
            parse::market::event_terms(series, &events, fees)?;
        let listed = self
            .list::<wire::MarketsPage>(Read::public(&["markets"], &[of_series, ("limit", "1000")]))
            .await?;
        let mut markets = Vec::with_capacity(listed.len());
        for (index, wire) in listed.into_iter().enumerate() {
            if wire.status == "finalized" {
                continue;
            }
            let event_fees = match terms.get(&wire.event_ticker) {
                Some(known) => *known,
                None => {
                    let late = self.late_event_fees(series, &wire.event_ticker, fees).await?;
                    terms.insert(wire.event_ticker.clone(), late);
                    late
                }
            };
            let path = format!("$.markets[{index}]");
            markets.push(parse::market::market(wire, series.clone(), event_fees, &path)?);
        }
        markets.sort_by(|a, b| a.ticker.cmp(&b.ticker));
        Ok(markets)
    }

    /// Cancellation-safe: it only reads.
    async fn market(&self, ticker: &Ticker) -> Result<Market, FeedError> {
        let body = self.get(Read::public(&["markets", ticker.as_str()], &[])).await?;
        let wire::MarketAnswer { market } = decode("$", &body)?;
        if market.ticker != *ticker {
            let words = format!("asked for {ticker}, answered {}", market.ticker);
            return Err(schema("$.market.ticker", &words));
        }
        let event = self.event(&market.event_ticker).await?;
        let fees = self.series_fees(&event.series_ticker).await?;
        let fees = parse::market::event_fees(&event, fees, "$.event")?;
        parse::market::market(market, event.series_ticker, fees, "$.market")
    }

    /// Cancellation-safe: it only reads. One request for each hundred markets.
    async fn books(&self, tickers: &[Ticker]) -> Result<Vec<(Ticker, Result<Book, FeedError>)>, FeedError> {
        let mut books = Vec::with_capacity(tickers.len());
        for chunk in tickers.chunks(BOOKS_PER_REQUEST) {
            let query: Vec<_> = chunk.iter().map(|t| ("tickers", t.as_str())).collect();
            let body = self.get(Read::public(&["markets", "orderbooks"], &query)).await?;
            books.extend(parse::market::books(chunk, &body, self.ports.clock.now())?);
        }
        Ok(books)
    }

    /// Cancellation-safe: it only reads.
    async fn status(&self) -> Result<ExchangeStatus, FeedError> {
        // During an outage the same body comes with 503 or 504: that is an answer, not a failure.
        let tells = |answer: &crate::http::transport::Answer| parse::market::status(&answer.body).is_ok();
        let answer = self
            .get_answer(Read::public(&["exchange", "status"], &[]), &tells)
            .await?;
        if answer.is_success() || tells(&answer) {
            parse::market::status(&answer.body)
        } else {
            Err(crate::VenueError::read(answer.status, &answer.body).into_feed_error())
        }
    }
}
