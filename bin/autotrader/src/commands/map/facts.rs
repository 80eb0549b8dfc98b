//! What the mapping depends on, read once: markets, the board that stands, and what people decided.

use std::collections::BTreeMap;
use std::sync::Arc;

use autotrader_arena_signals::{PageReader, VintageKeeper};
use autotrader_config::Config;
use autotrader_domain::ports::{
    BoardReader as _, Clock, LeaderboardSource as _, MarketData as _, Restored, SignalSource as _,
};
use autotrader_domain::{
    Approval, Approvals, BoardHistory, BoardStanding, Market, Reading, ReadingOutcome, SeriesTicker, Ticker,
    Verdict,
};
use autotrader_kalshi_api::RateLimits;
use autotrader_settlement::Entry;
use autotrader_state::{History, OpenError};
use autotrader_strategy::Params;
use chrono::{DateTime, Utc};
use serde::Serialize;

use crate::cli::ConfigArgs;
use crate::clock::SystemClock;
use crate::{Failure, output, wiring};

/// Where the board comes from that names are held against.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case", tag = "source")]
pub(super) enum BoardSource {
    /// The page, read now.
    Page,
    /// The board that the database keeps, because the page cannot be read or is not to be traded on.
    Stored {
        /// When it was accepted.
        accepted_at: DateTime<Utc>,
        /// What is wrong with the page.
        because: String,
    },
}

/// What the mapping depends on.
pub(crate) struct Facts {
    pub(crate) params: Params,
    pub(super) series: Vec<SeriesTicker>,
    pub(crate) markets: BTreeMap<Ticker, Market>,
    pub(crate) standing: BoardStanding,
    pub(crate) history: BoardHistory,
    pub(super) board: BoardSource,
    pub(crate) approvals: Approvals,
    /// Every decision on record, in the order decided.
    pub(super) decided: Vec<Approval>,
    pub(super) now: DateTime<Utc>,
}

impl Facts {
    /// Reads the markets of the exchange, the leaderboard's page and the database, when there is one.
    ///
    /// # Errors
    /// [`Failure`] when the exchange or the database cannot be read, or neither the page nor the database has a board to go
    /// by.
    pub(crate) async fn gather(args: &ConfigArgs) -> Result<Self, Failure> {
        let config = wiring::load_config(&args.place)?.config;
        let params = wiring::strategy_params(&config)?;
        let clock: Arc<dyn Clock> = Arc::new(SystemClock::new());
        let series = wiring::series(&config)?;
        let known = stored(&config)?;
        let markets = markets(&config, &series, Arc::clone(&clock)).await?;
        let mut keeper = VintageKeeper::new(wiring::vintage_settings(&config));
        let mut approvals = Approvals::default();
        for (ticker, terms) in known.terms {
            approvals.note_terms(&ticker, terms);
        }
        approvals.extend(known.approvals.iter().map(|approval| &approval.decision));
        let mut history = BoardHistory::default();
        for event in &known.history {
            history.apply(event);
        }
        let accepted_at = known.accepted.as_ref().map(|accepted| accepted.accepted_at);
        if let Some(accepted) = known.accepted {
            keeper.restore(accepted, known.renames);
        }
        let source = wiring::leaderboard_source(&config, Arc::clone(&clock))?;
        let answer = source.fetch().await;
        let reading = PageReader::new(wiring::gate_settings(&config)).read(answer, clock.now());
        let board = match (tradable(&reading), accepted_at) {
            (Ok(()), _) => {
                keeper.observe(&reading);
                BoardSource::Page
            }
            (Err(because), Some(accepted_at)) => BoardSource::Stored { accepted_at, because },
            (Err(because), None) => return Err(Failure::failed(format!("leaderboard: {because}"))),
        };
        Ok(Self {
            params,
            series,
            markets,
            standing: keeper.standing().clone(),
            history,
            board,
            approvals,
            decided: known.approvals,
            now: clock.now(),
        })
    }

    /// The rows of the board that stands.
    pub(super) fn rows(&self) -> &[Entry] {
        let accepted = self.standing.accepted.as_ref();
        accepted.map_or(&[], |accepted| accepted.board.entries.as_slice())
    }

    /// One market by its ticker.
    ///
    /// # Errors
    /// [`Failure`] with exit code 2 when the exchange does not list it in a series that is traded.
    pub(super) fn market(&self, ticker: &Ticker) -> Result<&Market, Failure> {
        self.markets.get(ticker).ok_or_else(|| {
            let series: Vec<&str> = self.series.iter().map(SeriesTicker::as_str).collect();
            Failure::usage(format!(
                "{ticker}: the exchange lists no such contract now in {}; `map` shows those it lists.",
                series.join(" or ")
            ))
        })
    }

    /// Says to a person where the board comes from, when it is not the page.
    pub(super) fn tell_board(&self) {
        if let BoardSource::Stored { accepted_at, because } = &self.board {
            output::line(&format!(
                "The page cannot be used ({}); names are those of the board of {}.",
                output::escape(because.trim_end_matches('.')),
                accepted_at.format("%Y-%m-%d %H:%M:%SZ")
            ));
        }
    }
}

/// What the database knows; nothing when there is none yet.
fn stored(config: &Config) -> Result<Restored, Failure> {
    match History::open(&config.database.url) {
        Ok(history) => history
            .restored()
            .map_err(|error| Failure::failed(format!("database: {error}."))),
        Err(OpenError::Missing { .. }) => Ok(Restored::default()),
        Err(error) => Err(Failure::failed(format!("database: {error}."))),
    }
}

async fn markets(
    config: &Config,
    series: &[SeriesTicker],
    clock: Arc<dyn Clock>,
) -> Result<BTreeMap<Ticker, Market>, Failure> {
    let client = wiring::exchange_client(config, RateLimits::BASIC, clock)?;
    let mut markets = BTreeMap::new();
    for series in series {
        let found = client.markets(series).await;
        let found = found.map_err(|error| Failure::failed(format!("exchange: {series}: {error}.")))?;
        markets.extend(found.into_iter().map(|market| (market.ticker.clone(), market)));
    }
    Ok(markets)
}

/// Whether names may be held against a reading; otherwise why not.
fn tradable(reading: &Reading) -> Result<(), String> {
    match &reading.outcome {
        ReadingOutcome::Page { page, .. } if page.verdict == Verdict::Tradable => Ok(()),
        ReadingOutcome::Page { page, .. } => {
            let reason = page.reasons.first();
            let code = reason.map_or("unreadable", |reason| reason.code.as_str());
            let detail = reason.map_or("", |reason| reason.detail.as_str());
            Err(format!("{code}: {detail}"))
        }
        ReadingOutcome::Failed { code, detail } => Err(format!("{code}: {detail}")),
    }
}
