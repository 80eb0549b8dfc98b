//! Commands of an operator: through the database to the process that runs on it, or carried out here when none does.

use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use autotrader_config::Config;
use autotrader_domain::ports::StoreError;
use autotrader_domain::{Command, CommandStage};
use autotrader_risk::Cause;
use autotrader_state::{CommandDesk, CommandRecord, NewDatabaseId, OpenError, SqliteStore};
use serde_json::{Value, json};

use super::errand;
use crate::cli::{ConfigArgs, ReasonArgs, ResumeArgs, WaitArgs};
use crate::clock::SystemClock;
use crate::{Failure, output, wiring};

/// How often the answer of the running process is looked for: it looks five times a second itself.
const BETWEEN: Duration = Duration::from_millis(100);

/// How many looks without an answer before the database is tried again: the process that held it may have ended.
const LOOKS_BEFORE_TRYING: u64 = 20;

/// How long `halt`, `reduce`, `resume`, `cancel-all` and `resolve-unknown` wait when nothing else is said.
pub(super) const USUAL_WAIT: u64 = 20;

/// `halt`.
///
/// # Errors
/// [`Failure`] when the database is not there or cannot be written, or nobody took the command up.
pub(crate) async fn halt(args: ReasonArgs) -> Result<ExitCode, Failure> {
    let command = Command::Halt { reason: args.reason };
    restrict(&args.config, command, &args.wait).await
}

/// `reduce`.
///
/// # Errors
/// As [`halt`].
pub(crate) async fn reduce(args: ReasonArgs) -> Result<ExitCode, Failure> {
    let command = Command::Reduce { reason: args.reason };
    restrict(&args.config, command, &args.wait).await
}

/// `resume CAUSE`.
///
/// # Errors
/// [`Failure`] with exit code 2 for an unknown cause; otherwise as [`halt`].
pub(crate) async fn resume(args: ResumeArgs) -> Result<ExitCode, Failure> {
    let cause: Cause = args
        .cause
        .parse()
        .map_err(|error| Failure::usage(format!("CAUSE: {error}.")))?;
    let cause = cause.code().to_owned();
    restrict(&args.config, Command::Resume { cause }, &args.wait).await
}

/// Carries out what is done once it is acknowledged; the exchange may still be silent.
async fn restrict(args: &ConfigArgs, command: Command, wait: &WaitArgs) -> Result<ExitCode, Failure> {
    let record = carry_out(args, command, wait.wait.unwrap_or(USUAL_WAIT)).await?;
    print(&record, args.json)?;
    if record.acknowledged_at.is_some() {
        Ok(ExitCode::SUCCESS)
    } else {
        Err(unheard(&record))
    }
}

/// Carries out what is done only once it is confirmed.
///
/// # Errors
/// As [`halt`]; also when it could not be confirmed, with what is in the way.
pub(super) async fn insist(
    args: &ConfigArgs,
    command: Command,
    wait: &WaitArgs,
    usual_wait: Option<u64>,
) -> Result<ExitCode, Failure> {
    let wait = wait.wait.or(usual_wait).unwrap_or(USUAL_WAIT);
    let record = carry_out(args, command, wait).await?;
    print(&record, args.json)?;
    match record.stage {
        CommandStage::Confirmed => Ok(ExitCode::SUCCESS),
        CommandStage::Requested => Err(unheard(&record)),
        CommandStage::Acknowledged => Err(Failure::failed(format!(
            "command {} is not confirmed after {wait} s; it goes on, see `status`.",
            record.id
        ))),
        CommandStage::Impossible => Err(Failure::failed(format!(
            "command {} could not be confirmed: {}.",
            record.id,
            record.finding.as_deref().unwrap_or("no reason given")
        ))),
    }
}

/// The failure of a command that nobody took up.
pub(super) fn unheard(record: &CommandRecord) -> Failure {
    Failure::failed(format!(
        "command {} is stored, but the process that holds the database has not taken it up; is it alive?",
        record.id
    ))
}

/// Has a command carried out, and gives what became of it within `wait` seconds.
///
/// # Errors
/// [`Failure`] when the database is not there, belongs to another mode or cannot be written.
pub(super) async fn carry_out(
    args: &ConfigArgs,
    command: Command,
    wait: u64,
) -> Result<CommandRecord, Failure> {
    let config = wiring::load_config(&args.place)?.config;
    let clock = Arc::new(SystemClock::new());
    let url = &config.database.url;
    match CommandDesk::open(url, clock.clone()) {
        // An older one is brought up to date by whoever opens it to write.
        Ok(_) | Err(OpenError::Older { .. }) => {}
        Err(error) => return Err(Failure::failed(format!("database: {error}."))),
    }
    let longest = Duration::from_secs(wait);
    if let Some(store) = free_store(&config)? {
        return errand::run(&config, store, &command, longest).await;
    }
    let desk =
        CommandDesk::open(url, clock).map_err(|error| Failure::failed(format!("database: {error}.")))?;
    let id = read(desk.submit(&command, "command line"))?;
    for look in 1..=wait.saturating_mul(1_000) / 100 {
        tokio::time::sleep(BETWEEN).await;
        let record = found(&desk, id)?;
        if record.settled_at.is_some() {
            return Ok(record);
        }
        if record.acknowledged_at.is_none()
            && look % LOOKS_BEFORE_TRYING == 0
            && let Some(store) = free_store(&config)?
        {
            return errand::go_on(&config, store, &command, id, longest).await;
        }
    }
    found(&desk, id)
}

/// The command with what became of it.
///
/// # Errors
/// [`Failure`] when the database cannot be read.
pub(super) fn found(desk: &CommandDesk, id: i64) -> Result<CommandRecord, Failure> {
    read(desk.find(id))?
        .ok_or_else(|| Failure::failed(format!("database: command {id} is not there any more.")))
}

/// What the database answered.
///
/// # Errors
/// [`Failure`] when it did not.
pub(super) fn read<T>(answer: Result<T, StoreError>) -> Result<T, Failure> {
    answer.map_err(|error| Failure::failed(format!("database: {error}.")))
}

/// The database, when nobody runs on it.
fn free_store(config: &Config) -> Result<Option<Arc<SqliteStore>>, Failure> {
    match wiring::try_open_store(config, NewDatabaseId::Random, Arc::new(SystemClock::new())) {
        Ok(store) => Ok(Some(Arc::new(store))),
        Err(OpenError::InUse { .. }) => Ok(None),
        Err(error) => Err(Failure::failed(format!("database: {error}."))),
    }
}

/// A command as it is printed and shown by `status`.
pub(super) fn command_json(record: &CommandRecord) -> Value {
    json!({
        "id": record.id,
        "command": record.command,
        "stage": record.stage,
        "acknowledged": record.acknowledged_at.is_some(),
        "confirmed": record.stage == CommandStage::Confirmed,
        "outcome": record.outcome,
        "finding": record.finding,
        "requested_by": record.submitted_by,
        "requested_at": record.submitted_at,
        "acknowledged_at": record.acknowledged_at,
        "settled_at": record.settled_at,
    })
}

/// Prints what became of a command.
///
/// # Errors
/// [`Failure`] when it cannot be written as JSON.
pub(super) fn print(record: &CommandRecord, as_json: bool) -> Result<(), Failure> {
    if as_json {
        return output::json(&command_json(record));
    }
    output::line(&format!(
        "Requested {} as command {}.",
        record.submitted_at.format("%Y-%m-%d %H:%M:%SZ"),
        record.id
    ));
    let Some(outcome) = &record.outcome else {
        return Ok(());
    };
    output::line(&format!("Acknowledged: {}.", output::escape(outcome)));
    let finding = record.finding.as_deref().unwrap_or("no reason given");
    match record.stage {
        CommandStage::Confirmed => output::line(&format!("Confirmed: {}.", output::escape(finding))),
        CommandStage::Impossible => {
            output::line(&format!("Not confirmed: {}.", output::escape(finding)));
        }
        CommandStage::Requested | CommandStage::Acknowledged => output::line("Not confirmed yet."),
    }
    Ok(())
}
