//! The read side: what was written, for questions of people and reports.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use autotrader_domain::ports::{Restored, StoreError};
use autotrader_domain::{
    AcceptedBoard, Approval, BoardHash, ClientOrderId, CoherenceFinding, Contracts, Decided, Fill,
    ForecastRecord, HistoryEvent, Mapping, Order, OrderState, Position, Reason, SettlementRecord, Signal,
    Ticker, Urgency, Why,
};
use autotrader_settlement::Board;
use chrono::{DateTime, Utc};
use diesel::prelude::*;
use serde::Serialize;

use crate::commands::{CommandRecord, CommandRow};
use crate::connection::{Found, Readers, inspect};
use crate::fault::Fault;
use crate::fills::{FillRow, SettlementRow};
use crate::location::Location;
use crate::orders::OrderRow;
use crate::positions;
use crate::readings::{PollCount, PollRecord};
use crate::schema::{
    commands, fills as fills_table, orders, refusals, risk_events, settlements, signals, system_events,
};
use crate::words::{micros, read_hash, read_json, read_time, read_word};
use crate::{
    DatabaseInfo, OpenError, approvals, board_history, boards, contracts, decisions, fills, forecasts,
    identity, incident, outcomes, readings, records, restore,
};

/// Which rows to answer with: the newest, oldest of them first.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Filter {
    /// Only this market; ignored by questions that have none.
    pub ticker: Option<Ticker>,
    /// Only from this time on.
    pub since: Option<DateTime<Utc>>,
    /// At most so many; all when `None`.
    pub limit: Option<u32>,
}

impl Filter {
    fn since_micros(&self) -> i64 {
        self.since.map_or(i64::MIN, micros)
    }

    fn limit_rows(&self) -> i64 {
        self.limit.map_or(i64::MAX, i64::from)
    }
}

/// A step in an order's life.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct OrderEvent {
    /// When.
    pub at: DateTime<Utc>,
    /// The state after it.
    pub state: OrderState,
    /// Contracts filled after it.
    pub filled: Contracts,
    /// The step in words.
    pub detail: String,
    /// What the exchange answered, status and body as received, where an answer caused the step.
    pub answer: Option<String>,
}

/// A stored signal.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct SignalRecord {
    /// When.
    pub at: DateTime<Utc>,
    /// The board that brought it.
    pub board: BoardHash,
    /// How soon it deserved attention.
    pub urgency: Urgency,
    /// The change.
    #[serde(flatten)]
    pub signal: Signal,
}

/// An order that risk refused.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RefusalRecord {
    /// When.
    pub at: DateTime<Utc>,
    /// The market.
    pub ticker: Ticker,
    /// Why.
    pub reason: Reason,
    /// With the figures, in words.
    pub detail: String,
}

/// A risk cause that stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CauseRecord {
    /// Its code.
    pub cause: String,
    /// Since when it stands.
    pub raised_at: DateTime<Utc>,
    /// Who or what raised it, in words.
    pub detail: String,
}

/// A risk cause that was raised or released.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RiskEvent {
    /// When.
    pub at: DateTime<Utc>,
    /// The cause's code.
    pub cause: String,
    /// Raised, or released.
    pub raised: bool,
    /// Who or what did it, in words.
    pub detail: String,
}

/// Something about the process itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SystemEvent {
    /// When.
    pub at: DateTime<Utc>,
    /// A stable name.
    pub name: String,
    /// In words.
    pub detail: String,
}

/// The file of a database, which opening would create.
pub(crate) fn existing(url: &str) -> Result<PathBuf, OpenError> {
    let path = Location::parse(url)?.resolve()?;
    if path.exists() {
        Ok(path)
    } else {
        Err(OpenError::Missing { path })
    }
}

/// The file of an existing database of this version.
pub(crate) fn ready(url: &str) -> Result<PathBuf, OpenError> {
    let path = existing(url)?;
    match inspect(&path)? {
        (_, Found::Empty) => Err(OpenError::Missing { path }),
        (_, Found::Older) => Err(OpenError::Older { path }),
        (_, Found::Current) => Ok(path),
    }
}

/// Reads a database while a process may be writing to it.
///
/// Every question is answered from one consistent state. Questions block for microseconds to milliseconds: ask from
/// `spawn_blocking` where other tasks must not wait. All fail with [`StoreError::NotDurable`] when the database
/// cannot be read, and with nothing else.
#[derive(Debug, Clone)]
pub struct History {
    readers: Arc<Readers>,
}

impl History {
    pub(crate) const fn new(readers: Arc<Readers>) -> Self {
        Self { readers }
    }

    /// Opens an existing database for reading only.
    ///
    /// # Errors
    /// [`OpenError`] when there is no such database of this version.
    pub fn open(url: &str) -> Result<Self, OpenError> {
        Ok(Self::new(Arc::new(Readers::new(ready(url)?))))
    }

    pub(crate) fn ask<T>(
        &self,
        question: impl FnOnce(&mut SqliteConnection) -> Result<T, Fault>,
    ) -> Result<T, StoreError> {
        Ok(self.readers.read(question)?)
    }

    /// What the database says of itself.
    ///
    /// # Errors
    /// See the type.
    pub fn info(&self) -> Result<DatabaseInfo, StoreError> {
        self.ask(|c| identity::read(c)?.ok_or(Fault::Sql(diesel::NotFound)))
    }

    /// What a restart would take up: open orders, fills, settlements, causes and the board that stands.
    ///
    /// # Errors
    /// See the type.
    pub fn restored(&self) -> Result<Restored, StoreError> {
        self.ask(restore::restore)
    }

    /// Orders changed since a time, in the order of their intents.
    ///
    /// # Errors
    /// See the type.
    pub fn orders(&self, filter: &Filter) -> Result<Vec<Order>, StoreError> {
        self.ask(|c| {
            let mut query = orders::table
                .filter(orders::updated_at.ge(filter.since_micros()))
                .order((
                    orders::created_at.desc(),
                    orders::ticker.desc(),
                    orders::generation.desc(),
                ))
                .limit(filter.limit_rows())
                .select(OrderRow::as_select())
                .into_boxed();
            if let Some(ticker) = &filter.ticker {
                query = query.filter(orders::ticker.eq(ticker.as_str()));
            }
            let rows: Vec<OrderRow> = query.load(c)?;
            rows.iter().rev().map(OrderRow::order).collect()
        })
    }

    /// One order; `None` when it is not ours.
    ///
    /// # Errors
    /// See the type.
    pub fn order(&self, id: &ClientOrderId) -> Result<Option<Order>, StoreError> {
        self.ask(|c| {
            let row: Option<OrderRow> = orders::table
                .find(id.as_str())
                .select(OrderRow::as_select())
                .first(c)
                .optional()?;
            row.map(|row| row.order()).transpose()
        })
    }

    /// The life of one order, oldest step first.
    ///
    /// # Errors
    /// See the type.
    pub fn order_events(&self, id: &ClientOrderId) -> Result<Vec<OrderEvent>, StoreError> {
        self.ask(|c| incident::steps(c, id.as_str()))
    }

    /// The exact body that was stored to be sent for an order; `None` for an order that is not known, and for one stored
    /// before bodies were.
    ///
    /// # Errors
    /// See the type.
    pub fn order_body(&self, id: &ClientOrderId) -> Result<Option<String>, StoreError> {
        self.ask(|c| {
            let body: Option<Option<String>> = orders::table
                .find(id.as_str())
                .select(orders::body)
                .first(c)
                .optional()?;
            Ok(body.flatten())
        })
    }

    /// Fills, in the order booked.
    ///
    /// # Errors
    /// See the type.
    pub fn fills(&self, filter: &Filter) -> Result<Vec<Fill>, StoreError> {
        self.ask(|c| {
            let mut query = fills_table::table
                .filter(fills_table::filled_at.ge(filter.since_micros()))
                .order(fills_table::id.desc())
                .limit(filter.limit_rows())
                .select(FillRow::as_select())
                .into_boxed();
            if let Some(ticker) = &filter.ticker {
                query = query.filter(fills_table::ticker.eq(ticker.as_str()));
            }
            let rows: Vec<FillRow> = query.load(c)?;
            rows.iter().rev().map(FillRow::fill).collect()
        })
    }

    /// Settlements, in the order booked.
    ///
    /// # Errors
    /// See the type.
    pub fn settlements(&self, filter: &Filter) -> Result<Vec<SettlementRecord>, StoreError> {
        self.ask(|c| {
            let mut query = settlements::table
                .filter(settlements::settled_at.ge(filter.since_micros()))
                .order(settlements::id.desc())
                .limit(filter.limit_rows())
                .select(SettlementRow::as_select())
                .into_boxed();
            if let Some(ticker) = &filter.ticker {
                query = query.filter(settlements::ticker.eq(ticker.as_str()));
            }
            let rows: Vec<SettlementRow> = query.load(c)?;
            rows.iter().rev().map(SettlementRow::settlement).collect()
        })
    }

    /// What markets were decided to pay, whoever held them, oldest first: the account's settlements among them. The last word
    /// on a market counts.
    ///
    /// # Errors
    /// See the type.
    pub fn decided(&self, filter: &Filter) -> Result<Vec<Decided>, StoreError> {
        self.ask(|c| {
            outcomes::list(
                c,
                filter.ticker.as_ref(),
                filter.since_micros(),
                filter.limit_rows(),
            )
        })
    }

    /// Positions by market, derived from fills and settlements; flat ones stay for their realised profit.
    ///
    /// A market's settlement follows the fills that came before it, and its fee is counted with the fees.
    ///
    /// # Errors
    /// See the type; also when the fills overflow a position.
    pub fn positions(&self) -> Result<BTreeMap<Ticker, Position>, StoreError> {
        self.ask(|c| {
            let (fills, settlements) = (fills::all_fills(c)?, fills::all_settlements(c)?);
            positions::by_market(&fills, &settlements)
        })
    }

    /// Signals, oldest first. Signals have no market.
    ///
    /// # Errors
    /// See the type.
    pub fn signals(&self, filter: &Filter) -> Result<Vec<SignalRecord>, StoreError> {
        self.ask(|c| {
            let rows: Vec<(i64, Vec<u8>, String, String)> = signals::table
                .filter(signals::at.ge(filter.since_micros()))
                .order(signals::id.desc())
                .limit(filter.limit_rows())
                .select((signals::at, signals::board, signals::urgency, signals::payload))
                .load(c)?;
            rows.into_iter()
                .rev()
                .map(|(at, board, urgency, payload)| {
                    Ok(SignalRecord {
                        at: read_time("signals.at", at)?,
                        board: read_hash("signals.board", &board)?,
                        urgency: read_word("signals.urgency", &urgency)?,
                        signal: read_json("signals.payload", &payload)?,
                    })
                })
                .collect()
        })
    }

    /// Lines of the why-ledger, oldest first.
    ///
    /// # Errors
    /// See the type.
    pub fn decisions(&self, filter: &Filter) -> Result<Vec<Why>, StoreError> {
        self.ask(|c| {
            decisions::lines(
                c,
                filter.ticker.as_ref(),
                filter.since_micros(),
                filter.limit_rows(),
            )
        })
    }

    /// The contracts with a line since a time that names an entry that was wanted and not made, in order.
    ///
    /// # Errors
    /// See the type.
    pub fn forgone(&self, since: Option<DateTime<Utc>>) -> Result<Vec<Ticker>, StoreError> {
        self.ask(|c| decisions::forgone(c, since.map_or(i64::MIN, micros)))
    }

    /// What estimators said of checks, oldest first; of each the models that counted.
    ///
    /// # Errors
    /// See the type.
    pub fn forecasts(&self, filter: &Filter) -> Result<Vec<ForecastRecord>, StoreError> {
        self.ask(|c| forecasts::list(c, filter.since_micros(), filter.limit_rows()))
    }

    /// What every estimator said last of one check under one rule set, in the order said; of each the models that counted.
    ///
    /// # Errors
    /// See the type.
    pub fn latest_forecasts(
        &self,
        check_time: DateTime<Utc>,
        rule_set: &str,
    ) -> Result<Vec<ForecastRecord>, StoreError> {
        self.ask(|c| forecasts::latest(c, micros(check_time), rule_set))
    }

    /// What a contract was last known to pay on; `None` when it was never listed.
    ///
    /// # Errors
    /// See the type.
    pub fn mapping(&self, ticker: &Ticker) -> Result<Option<Mapping>, StoreError> {
        self.ask(|c| contracts::one(c, ticker))
    }

    /// Prices that contradicted each other, oldest first.
    ///
    /// # Errors
    /// See the type.
    pub fn coherence(&self, filter: &Filter) -> Result<Vec<(DateTime<Utc>, CoherenceFinding)>, StoreError> {
        self.ask(|c| forecasts::coherence_list(c, filter.since_micros(), filter.limit_rows()))
    }

    /// The history of boards, in the order it was written.
    ///
    /// # Errors
    /// See the type.
    pub fn board_history(&self) -> Result<Vec<HistoryEvent>, StoreError> {
        self.ask(board_history::all)
    }

    /// The latest line of each contract, by ticker.
    ///
    /// # Errors
    /// See the type.
    pub fn latest_decisions(&self) -> Result<Vec<Why>, StoreError> {
        self.ask(decisions::latest)
    }

    /// What each contract ever listed was last known to pay on.
    ///
    /// # Errors
    /// See the type.
    pub fn mappings(&self) -> Result<BTreeMap<Ticker, Mapping>, StoreError> {
        self.ask(contracts::all)
    }

    /// What people decided about names and texts, in the order decided.
    ///
    /// # Errors
    /// See the type.
    pub fn approvals(&self) -> Result<Vec<Approval>, StoreError> {
        self.ask(approvals::all)
    }

    /// Orders that risk refused, oldest first.
    ///
    /// # Errors
    /// See the type.
    pub fn refusals(&self, filter: &Filter) -> Result<Vec<RefusalRecord>, StoreError> {
        self.ask(|c| {
            let mut query = refusals::table
                .filter(refusals::at.ge(filter.since_micros()))
                .order(refusals::id.desc())
                .limit(filter.limit_rows())
                .select((refusals::at, refusals::ticker, refusals::reason, refusals::detail))
                .into_boxed();
            if let Some(ticker) = &filter.ticker {
                query = query.filter(refusals::ticker.eq(ticker.as_str()));
            }
            let rows: Vec<(i64, String, String, String)> = query.load(c)?;
            rows.into_iter()
                .rev()
                .map(|(at, ticker, reason, detail)| {
                    Ok(RefusalRecord {
                        at: read_time("refusals.at", at)?,
                        ticker: read_word("refusals.ticker", &ticker)?,
                        reason: read_word("refusals.reason", &reason)?,
                        detail,
                    })
                })
                .collect()
        })
    }

    /// Polls of the leaderboard, oldest first. Polls have no market.
    ///
    /// # Errors
    /// See the type.
    pub fn polls(&self, filter: &Filter) -> Result<Vec<PollRecord>, StoreError> {
        self.ask(|c| readings::polls(c, filter.since, filter.limit_rows()))
    }

    /// How many polls since a time had which outcome, by outcome.
    ///
    /// # Errors
    /// See the type.
    pub fn poll_counts(&self, since: Option<DateTime<Utc>>) -> Result<Vec<PollCount>, StoreError> {
        self.ask(|c| readings::counts(c, since))
    }

    /// The last accepted boards, newest first.
    ///
    /// # Errors
    /// See the type.
    pub fn accepted_boards(&self, limit: u32) -> Result<Vec<AcceptedBoard>, StoreError> {
        self.ask(|c| boards::accepted(c, limit))
    }

    /// The rows of a board; `None` when they were never kept.
    ///
    /// # Errors
    /// See the type.
    pub fn board(&self, hash: BoardHash) -> Result<Option<Board>, StoreError> {
        self.ask(|c| boards::board(c, hash))
    }

    /// The risk causes that stand, by code.
    ///
    /// # Errors
    /// See the type.
    pub fn causes(&self) -> Result<Vec<CauseRecord>, StoreError> {
        self.ask(|c| {
            records::standing_causes(c)?
                .into_iter()
                .map(|(cause, raised_at, detail)| {
                    Ok(CauseRecord {
                        cause,
                        raised_at: read_time("risk_causes.raised_at", raised_at)?,
                        detail,
                    })
                })
                .collect()
        })
    }

    /// Risk causes raised and released, oldest first. Causes have no market.
    ///
    /// # Errors
    /// See the type.
    pub fn risk_events(&self, filter: &Filter) -> Result<Vec<RiskEvent>, StoreError> {
        self.ask(|c| {
            let rows: Vec<(i64, String, bool, String)> = risk_events::table
                .filter(risk_events::at.ge(filter.since_micros()))
                .order(risk_events::id.desc())
                .limit(filter.limit_rows())
                .select((
                    risk_events::at,
                    risk_events::cause,
                    risk_events::raised,
                    risk_events::detail,
                ))
                .load(c)?;
            rows.into_iter()
                .rev()
                .map(|(at, cause, raised, detail)| {
                    Ok(RiskEvent {
                        at: read_time("risk_events.at", at)?,
                        cause,
                        raised,
                        detail,
                    })
                })
                .collect()
        })
    }

    /// Events of the process, oldest first. They have no market.
    ///
    /// # Errors
    /// See the type.
    pub fn system_events(&self, filter: &Filter) -> Result<Vec<SystemEvent>, StoreError> {
        self.ask(|c| {
            let rows: Vec<(i64, String, String)> = system_events::table
                .filter(system_events::at.ge(filter.since_micros()))
                .order(system_events::id.desc())
                .limit(filter.limit_rows())
                .select((system_events::at, system_events::name, system_events::detail))
                .load(c)?;
            rows.into_iter()
                .rev()
                .map(|(at, name, detail)| {
                    Ok(SystemEvent {
                        at: read_time("system_events.at", at)?,
                        name,
                        detail,
                    })
                })
                .collect()
        })
    }

    /// Commands of operators, oldest first. They have no market.
    ///
    /// # Errors
    /// See the type.
    pub fn commands(&self, filter: &Filter) -> Result<Vec<CommandRecord>, StoreError> {
        self.ask(|c| {
            let rows: Vec<CommandRow> = commands::table
                .filter(commands::submitted_at.ge(filter.since_micros()))
                .order(commands::id.desc())
                .limit(filter.limit_rows())
                .select(CommandRow::as_select())
                .load(c)?;
            rows.into_iter().rev().map(CommandRow::record).collect()
        })
    }
}
