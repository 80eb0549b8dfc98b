//! The only SQL: repositories, migrations, retention, one writer.
//!
//! [`SqliteStore`] is the store of a running process: it holds the lock of its database and implements the ports
//! [`OrderStore`](autotrader_domain::ports::OrderStore), [`Ledger`](autotrader_domain::ports::Ledger) and
//! [`Control`](autotrader_domain::ports::Control). [`History`] reads beside it, and [`CommandDesk`] asks things of it.
//!
//! - **Durable where it matters.** Orders, fills, settlements and risk causes survive the loss of power
//!   (`synchronous=FULL`); everything else survives the death of the process (`NORMAL`).
//! - **One writer.** One thread owns the writing connections, so commits keep their order and never meet each other's
//!   locks; readers work beside it (write-ahead logging).
//! - **Exact.** Money, prices and contracts are integers, times are microseconds (finer parts are cut).
//! - **One owner.** A database is stamped with its mode, and when live with environment and account; another's is
//!   refused, and so is one of a newer version.

mod approvals;
mod board_columns;
mod board_history;
mod boards;
mod commands;
mod connection;
mod contracts;
mod decisions;
mod equity;
mod fault;
mod fills;
mod forecasts;
mod history;
mod identity;
mod incident;
pub mod journal;
mod location;
mod lock;
mod open;
mod orders;
mod outcomes;
mod positions;
mod profit;
mod readings;
mod records;
mod restore;
mod retention;
mod schema;
mod scoring;
mod store;
mod words;
mod writer;

pub use commands::{CommandDesk, CommandRecord};
pub use history::{
    CauseRecord, Filter, History, OrderEvent, RefusalRecord, RiskEvent, SignalRecord, SystemEvent,
};
pub use identity::DatabaseInfo;
pub use incident::{Incident, OrderFile, StandingBoard};
pub use open::{NewDatabaseId, OpenError, Stamp};
pub use positions::{DayPnl, PartPnl};
pub use readings::{PageRecord, PollCount, PollOutcome, PollRecord};
pub use retention::Pruned;
pub use scoring::Acceptance;
pub use store::SqliteStore;
