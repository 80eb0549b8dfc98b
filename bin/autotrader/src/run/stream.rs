//! The exchange's stream: books as they change, and what it tells us to look at sooner.
//!
//! The account itself is always read by REST: what the stream says of it only makes the reading come sooner, because its
//! account channels are not numbered and may lose a message unseen.

use std::collections::BTreeSet;
use std::sync::Arc;

use async_trait::async_trait;
use autotrader_domain::ports::{FeedError, MarketData};
use autotrader_domain::{Book, ExchangeStatus, Market, SeriesTicker, Ticker};
use autotrader_kalshi_api::websocket::{StreamEvent, StreamHandle};
use tokio::sync::mpsc;
use tracing::{info, warn};

use super::schedule::Job;

/// Market data whose books come from the stream while it knows them, and by REST otherwise.
pub(crate) struct StreamedBooks {
    pub(crate) rest: Arc<dyn MarketData>,
    pub(crate) stream: StreamHandle,
}

#[async_trait]
impl MarketData for StreamedBooks {
    async fn markets(&self, series: &SeriesTicker) -> Result<Vec<Market>, FeedError> {
        self.rest.markets(series).await
    }

    async fn market(&self, ticker: &Ticker) -> Result<Market, FeedError> {
        self.rest.market(ticker).await
    }

    async fn books(&self, tickers: &[Ticker]) -> Result<Vec<(Ticker, Result<Book, FeedError>)>, FeedError> {
        let wanted: BTreeSet<Ticker> = tickers.iter().cloned().collect();
        self.stream.set_markets(wanted);
        let live = self.stream.books().books(tickers);
        let mut books = Vec::with_capacity(tickers.len());
        let mut unknown = Vec::new();
        for (ticker, book) in tickers.iter().zip(live) {
            match book {
                Some(book) => books.push((ticker.clone(), Ok(book))),
                None => unknown.push(ticker.clone()),
            }
        }
        if unknown.is_empty() {
            return Ok(books);
        }
        match self.rest.books(&unknown).await {
            Ok(read) => books.extend(read),
            Err(error) if books.is_empty() => return Err(error),
            // What the stream knows stands, whatever became of the rest.
            Err(error) => books.extend(unknown.into_iter().map(|ticker| (ticker, Err(error.clone())))),
        }
        Ok(books)
    }

    async fn status(&self) -> Result<ExchangeStatus, FeedError> {
        self.rest.status().await
    }
}

/// What the run loop hears of the stream.
pub(crate) struct Stream {
    events: Option<mpsc::Receiver<StreamEvent>>,
}

impl Stream {
    /// No stream: nothing is ever heard.
    pub(crate) const fn none() -> Self {
        Self { events: None }
    }

    /// Hears these events.
    pub(crate) const fn hearing(events: mpsc::Receiver<StreamEvent>) -> Self {
        Self { events: Some(events) }
    }

    /// The next job that something happened for; pending without a stream. Cancellation-safe.
    pub(crate) async fn next(&mut self) -> Job {
        loop {
            let Some(events) = &mut self.events else {
                return std::future::pending().await;
            };
            let Some(event) = events.recv().await else {
                warn!(
                    event = "market_stream_unavailable",
                    detail = "it has ended; books are polled"
                );
                self.events = None;
                continue;
            };
            log(&event);
            if let Some(job) = job_for(&event) {
                return job;
            }
        }
    }
}

const fn job_for(event: &StreamEvent) -> Option<Job> {
    match event {
        StreamEvent::BookChanged(_) | StreamEvent::BookUnknown { .. } => Some(Job::Books),
        StreamEvent::Fill(_) | StreamEvent::Order(_) | StreamEvent::Position(_) => Some(Job::Account),
        StreamEvent::Reconcile { .. } => Some(Job::Reconcile),
        StreamEvent::EventFee(_) | StreamEvent::Lifecycle(_) | StreamEvent::EventCreated(_) => {
            Some(Job::Markets)
        }
        StreamEvent::Connected
        | StreamEvent::Disconnected { .. }
        | StreamEvent::Refused { .. }
        | StreamEvent::Quote(_)
        | StreamEvent::Trade(_)
        | StreamEvent::OrderGroup(_) => None,
    }
}

fn log(event: &StreamEvent) {
    match event {
        StreamEvent::Connected => info!(event = "market_stream_connected"),
        StreamEvent::Disconnected { why } => warn!(event = "market_stream_disconnected", why = ?why),
        StreamEvent::Refused {
            channel,
            code,
            detail,
        } => {
            warn!(event = "market_stream_refused", channel = ?channel, code = ?code, detail);
        }
        StreamEvent::BookUnknown { ticker, why } => {
            info!(event = "market_stream_book_unknown", ticker = %ticker, why = ?why);
        }
        StreamEvent::Reconcile { why } => info!(event = "market_stream_reconcile", why = ?why),
        _ => {}
    }
}
