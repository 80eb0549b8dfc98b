//! What the jobs bring from outside, before the core sees it.

use autotrader_domain::ports::{FeedError, RawPage, SourceFailure};
use autotrader_domain::{Book, ExchangeStatus, Market, SeriesTicker, Ticker};

use super::ports::Ports;

/// Books of several markets, each with its own outcome; the whole answer may be missing.
pub(crate) type BookAnswers = Result<Vec<(Ticker, Result<Book, FeedError>)>, FeedError>;

/// What one job brought.
pub(crate) enum Brought {
    /// The leaderboard's answer.
    Page(Result<RawPage, SourceFailure>),
    /// Books, each with its own outcome.
    Books(BookAnswers),
    /// Markets of each series, and the exchange's status.
    Markets {
        /// Whether the exchange takes orders.
        status: Result<ExchangeStatus, FeedError>,
        /// Each series complete or failed.
        series: Vec<(SeriesTicker, Result<Vec<Market>, FeedError>)>,
        /// Single markets that no listing carries any more.
        closed: Vec<Result<Market, FeedError>>,
    },
}

/// Fetches the leaderboard. Cancellation-safe.
pub(crate) async fn page(ports: Ports) -> Brought {
    Brought::Page(ports.source.fetch().await)
}

/// Reads the books of `watched`. Cancellation-safe.
pub(crate) async fn books(ports: Ports, watched: Vec<Ticker>) -> Brought {
    if watched.is_empty() {
        return Brought::Books(Ok(Vec::new()));
    }
    Brought::Books(ports.market_data.books(&watched).await)
}

/// Reads status and markets, and the markets of `closed` one by one. Cancellation-safe.
pub(crate) async fn markets(ports: Ports, closed: Vec<Ticker>) -> Brought {
    let status = ports.market_data.status().await;
    let mut series = Vec::new();
    for name in &ports.series {
        series.push((name.clone(), ports.market_data.markets(name).await));
    }
    let mut found = Vec::new();
    for ticker in &closed {
        found.push(ports.market_data.market(ticker).await);
    }
    Brought::Markets {
        status,
        series,
        closed: found,
    }
}
