//! An operator's command on a database that nobody runs on: what it restricts is made durable first, then a process of
//! the same parts carries it out, confirms it by reading back, and ends.

use std::sync::Arc;
use std::time::Duration;

use autotrader_config::Config;
use autotrader_domain::ports::{Clock as _, Control as _, Ledger as _};
use autotrader_domain::{Command, CommandFinding, Record};
use autotrader_risk::{Cause, RiskState};
use autotrader_state::{CommandDesk, CommandRecord, SqliteStore};

use super::operate::{found, read};
use crate::clock::SystemClock;
use crate::run::{Aim, Gate, Job, Stop, run_until};
use crate::{Failure, wiring};

/// Who asks, as stored with the command.
const BY: &str = "command line, no process running";

/// Carries a command out.
///
/// # Errors
/// [`Failure`] when the database cannot be written; what the exchange says is part of the record.
pub(super) async fn run(
    config: &Config,
    store: Arc<SqliteStore>,
    command: &Command,
    longest: Duration,
) -> Result<CommandRecord, Failure> {
    restrict(&store, command).await?;
    let id = read(desk(config)?.submit(command, BY))?;
    perform(config, store, command, id, longest).await
}

/// Carries out a command that is stored already.
///
/// # Errors
/// As [`run`].
pub(super) async fn go_on(
    config: &Config,
    store: Arc<SqliteStore>,
    command: &Command,
    id: i64,
    longest: Duration,
) -> Result<CommandRecord, Failure> {
    restrict(&store, command).await?;
    perform(config, store, command, id, longest).await
}

fn desk(config: &Config) -> Result<CommandDesk, Failure> {
    CommandDesk::open(&config.database.url, Arc::new(SystemClock::new()))
        .map_err(|error| Failure::failed(format!("database: {error}.")))
}

async fn perform(
    config: &Config,
    store: Arc<SqliteStore>,
    command: &Command,
    id: i64,
    longest: Duration,
) -> Result<CommandRecord, Failure> {
    let only_durable = match command {
        Command::Reduce { .. } | Command::Resume { .. } => Some(format!("state is {:?}", state(&store)?)),
        Command::Approve { .. } => Some("stored; it holds from the next start on".to_owned()),
        _ => None,
    };
    if let Some(outcome) = only_durable {
        // In force with the next start; nothing at the exchange depends on it now.
        settle(&store, id, &outcome, true, outcome.clone()).await?;
    } else if let Err(failure) = on_the_exchange(config, Arc::clone(&store), command, longest).await {
        let outcome = format!("state is {:?}", state(&store)?);
        let why = failure.message.trim_end_matches('.').to_owned();
        settle(&store, id, &outcome, false, why).await?;
    }
    let record = found(&desk(config)?, id)?;
    drop(store);
    Ok(record)
}

/// Makes what a command restricts or releases durable, before anything else is tried.
async fn restrict(store: &SqliteStore, command: &Command) -> Result<(), Failure> {
    if let Command::Approve { by, approval } = command {
        let record = Record::Approval {
            at: SystemClock::new().now(),
            by: by.clone(),
            approval: approval.clone(),
        };
        return read(store.record(vec![record]).await);
    }
    let (cause, raised, detail) = match command {
        Command::Halt { reason } | Command::Flatten { reason } => (Cause::OperatorHalt, true, reason.clone()),
        Command::Reduce { reason } => (Cause::OperatorReduce, true, reason.clone()),
        Command::Resume { cause } => match cause.parse() {
            Ok(cause) => (cause, false, "released by the operator".to_owned()),
            Err(_) => return Ok(()),
        },
        _ => return Ok(()),
    };
    let causes = read(store.history().causes())?;
    if causes.iter().any(|standing| standing.cause == cause.code()) == raised {
        return Ok(());
    }
    let record = Record::RiskCause {
        at: SystemClock::new().now(),
        cause: cause.code().to_owned(),
        raised,
        detail,
    };
    read(store.record(vec![record]).await)
}

fn state(store: &SqliteStore) -> Result<RiskState, Failure> {
    let causes = read(store.history().causes())?;
    let known = causes
        .iter()
        .filter_map(|standing| standing.cause.parse::<Cause>().ok());
    Ok(known.map(Cause::state).max().unwrap_or(RiskState::Active))
}

/// Marks a command as taken up, unless it was, and says what became of it.
async fn settle(
    store: &SqliteStore,
    id: i64,
    outcome: &str,
    confirmed: bool,
    finding: String,
) -> Result<(), Failure> {
    let waits = read(store.pending().await)?;
    if waits.iter().any(|(waiting, _)| *waiting == id) {
        read(store.acknowledge(id, outcome).await)?;
    }
    let finding = CommandFinding {
        confirmed,
        finding,
        report: None,
    };
    read(store.settle(id, &finding).await)
}

/// A whole process for this one command: it places nothing but what closes positions.
async fn on_the_exchange(
    config: &Config,
    store: Arc<SqliteStore>,
    command: &Command,
    longest: Duration,
) -> Result<(), Failure> {
    let mut stop = Stop::listening();
    let surroundings = wiring::Surroundings {
        widest: Gate::FlattenOnly,
        streams: false,
        ..wiring::Surroundings::real()
    };
    let mut process = wiring::assemble_on(config, store, surroundings).await?;
    process.leave_out(Job::Page);
    if !matches!(command, Command::Flatten { .. }) {
        process.leave_out(Job::Books);
    }
    process.take_up().await?;
    let outcome = run_until(process.parts(), &mut stop, Aim::Errand(longest)).await;
    process.finish().await;
    outcome
}
