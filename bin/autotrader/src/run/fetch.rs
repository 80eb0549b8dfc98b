//! What the jobs bring from outside, before the core sees it.

use autotrader_domain::ports::{AccountSnapshot, CancelAccountOutcome, FeedError, RawPage, SourceFailure};
use autotrader_domain::{Book, ClientOrderId, ExchangeStatus, Market, SeriesTicker, Ticker};
use autotrader_execution::{ExecutionEvent, Reconciliation};
use chrono::{DateTime, TimeDelta, Utc};

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
        /// Likewise, of contracts that we do not hold: what they paid.
        undecided: Vec<(Ticker, Result<Market, FeedError>)>,
    },
    /// What the account's polls found.
    Account {
        /// What happened.
        events: Vec<ExecutionEvent>,
        /// Whether the fills could be read to the end.
        complete: bool,
    },
    /// Our books held against the venue's.
    Reconciled(Box<Reconciliation>),
    /// The account as the venue lists it, for commands that wait to be confirmed.
    ReadBack(Result<AccountSnapshot, FeedError>),
    /// What the venue said to an account-wide cancel, and what became of our orders.
    CanceledAccount {
        /// The venue's word.
        outcome: CancelAccountOutcome,
        /// What happened.
        events: Vec<ExecutionEvent>,
    },
    /// What was found out about one order of unknown outcome.
    Resolved {
        /// The command that asked.
        command: i64,
        /// The order.
        client_order_id: ClientOrderId,
        /// What happened.
        events: Vec<ExecutionEvent>,
    },
}

impl Brought {
    /// Whether the markets of every series were listed.
    pub(crate) fn lists_markets(&self) -> bool {
        matches!(self, Self::Markets { series, .. } if series.iter().all(|(_, markets)| markets.is_ok()))
    }
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

/// Reads status and markets, and the markets of `closed` and of `undecided` one by one. Cancellation-safe.
pub(crate) async fn markets(ports: Ports, closed: Vec<Ticker>, undecided: Vec<Ticker>) -> Brought {
    let status = ports.market_data.status().await;
    let mut series = Vec::new();
    for name in &ports.series {
        series.push((name.clone(), ports.market_data.markets(name).await));
    }
    let mut found = Vec::new();
    for ticker in &closed {
        found.push(ports.market_data.market(ticker).await);
    }
    let mut decided = Vec::new();
    for ticker in undecided {
        let market = ports.market_data.market(&ticker).await;
        decided.push((ticker, market));
    }
    Brought::Markets {
        status,
        series,
        closed: found,
        undecided: decided,
    }
}

/// Reads fills, orders and settlements. Not cancellation-safe: events are lost, what they say is durable.
pub(crate) async fn account(ports: Ports) -> Brought {
    let start = ports.clock.now();
    let events = ports.executor.poll().await;
    let complete = ports.executor.fills_read_up_to().await >= start;
    Brought::Account { events, complete }
}

/// Reads the account as the venue lists it, with the orders and fills of the last minutes. Cancellation-safe.
pub(crate) async fn read_back(ports: Ports, since: DateTime<Utc>) -> Brought {
    Brought::ReadBack(ports.account.snapshot(since - TimeDelta::minutes(1)).await)
}

/// Finds out what became of one order. Not cancellation-safe: events are lost, what they say is durable.
pub(crate) async fn resolve_unknown(
    ports: Ports,
    command: i64,
    client_order_id: ClientOrderId,
    resend: bool,
) -> Brought {
    Brought::Resolved {
        events: ports.executor.resolve_unknown(&client_order_id, resend).await,
        command,
        client_order_id,
    }
}

/// Holds our books against the venue's. Not cancellation-safe: events are lost, what they say is durable.
pub(crate) async fn reconcile(ports: Ports) -> Brought {
    Brought::Reconciled(Box::new(ports.executor.reconcile().await))
}

/// Cancels every order of the account, ours or not. Repeating it is harmless.
pub(crate) async fn cancel_account(ports: Ports) -> Brought {
    let (outcome, events) = ports.executor.cancel_account().await;
    Brought::CanceledAccount { outcome, events }
}
