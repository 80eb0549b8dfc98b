//! Public market data.

use std::collections::BTreeMap;

use async_trait::async_trait;
use autotrader_domain::ports::{FeedError, MarketData};
use autotrader_domain::{Book, EventTicker, ExchangeStatus, FeeSchedule, Market, SeriesTicker, Ticker};

use crate::KalshiClient;
use crate::parse;
use crate::parse::decode::schema;
use crate::question::Question;
use crate::wire::market as wire;

/// Books per request; the exchange's maximum.
const BOOKS_PER_REQUEST: usize = 100;

impl KalshiClient {
    async fn series_fees(&self, series: &SeriesTicker) -> Result<FeeSchedule, FeedError> {
        let body = self.ask(&Question::public(&["series", series.as_str()])).await?;
        parse::market::series_fees(series, &body)
    }

    async fn event_terms(&self, event: &EventTicker) -> Result<wire::Event, FeedError> {
        let question = Question::public(&["events", event.as_str()]);
        let wire::EventAnswer { event: found } = self.read(&question).await?;
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
        let found = self.event_terms(event).await?;
        if found.series_ticker == *series {
            Ok(parse::market::event_fees(&found, fees))
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
        let all = |path, limit: u32| {
            Question::public(&[path])
                .with("series_ticker", series)
                .with("limit", limit)
        };
        let events = self.list::<wire::EventsPage>(all("events", 200)).await?;
        let mut terms: BTreeMap<EventTicker, FeeSchedule> =
            parse::market::event_terms(series, &events, fees)?;
        let listed = self.list::<wire::MarketsPage>(all("markets", 1000)).await?;
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
        let question = Question::public(&["markets", ticker.as_str()]);
        let wire::MarketAnswer { market } = self.read(&question).await?;
        if market.ticker != *ticker {
            let words = format!("asked for {ticker}, answered {}", market.ticker);
            return Err(schema("$.market.ticker", &words));
        }
        let event = self.event_terms(&market.event_ticker).await?;
        let fees = self.series_fees(&event.series_ticker).await?;
        let fees = parse::market::event_fees(&event, fees);
        parse::market::market(market, event.series_ticker, fees, "$.market")
    }

    /// Cancellation-safe: it only reads. One request for each hundred markets.
    async fn books(&self, tickers: &[Ticker]) -> Result<Vec<(Ticker, Result<Book, FeedError>)>, FeedError> {
        let mut books = Vec::with_capacity(tickers.len());
        for chunk in tickers.chunks(BOOKS_PER_REQUEST) {
            // The parameter is repeated: a comma-separated one is refused.
            let question = chunk.iter().fold(
                Question::public(&["markets", "orderbooks"]),
                |question, ticker| question.with("tickers", ticker),
            );
            let body = self.ask(&question).await?;
            books.extend(parse::market::books(chunk, &body, self.ports.clock.now())?);
        }
        Ok(books)
    }

    /// Of the default shard, which holds the markets of this program. Cancellation-safe: it only reads.
    async fn status(&self) -> Result<ExchangeStatus, FeedError> {
        let report = self.exchange_report().await?;
        Ok(ExchangeStatus {
            exchange_active: report.exchange_active,
            trading_active: report.trading_active,
        })
    }
}
