//! Requests of operators in other processes to the running one.

use std::path::PathBuf;
use std::sync::Arc;

use autotrader_domain::ports::{Clock, StoreError};
use autotrader_domain::{Command, CommandFinding, CommandStage};
use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel::sqlite::Sqlite;
use serde::Serialize;
use serde_json::Value;

use crate::OpenError;
use crate::connection::{Access, connect};
use crate::fault::Fault;
use crate::history::ready;
use crate::schema::commands;
use crate::words::{json, micros, read_json, read_time, read_word};

/// A command with what became of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CommandRecord {
    /// Its id, in order of submission.
    pub id: i64,
    /// When it was submitted.
    pub submitted_at: DateTime<Utc>,
    /// Who or what submitted it.
    pub submitted_by: String,
    /// What was asked.
    #[serde(flatten)]
    pub command: Command,
    /// When the running process acknowledged it.
    pub acknowledged_at: Option<DateTime<Utc>>,
    /// What the running process did, in words.
    pub outcome: Option<String>,
    /// How far it has come.
    pub stage: CommandStage,
    /// When it was found to be done or impossible.
    pub settled_at: Option<DateTime<Utc>>,
    /// What was read back, or what is in the way, in words.
    pub finding: Option<String>,
    /// What a command that asks for a report brought.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub report: Option<Value>,
}

#[derive(Debug, Queryable, Selectable)]
#[diesel(table_name = commands, check_for_backend(Sqlite))]
pub(crate) struct CommandRow {
    id: i64,
    submitted_at: i64,
    submitted_by: String,
    command: String,
    acknowledged_at: Option<i64>,
    outcome: Option<String>,
    settled_stage: Option<String>,
    settled_at: Option<i64>,
    finding: Option<String>,
    report: Option<String>,
}

impl CommandRow {
    pub(crate) fn record(self) -> Result<CommandRecord, Fault> {
        let stage = match (self.settled_stage.as_deref(), self.acknowledged_at) {
            (Some(stage), _) => read_word("commands.settled_stage", stage)?,
            (None, Some(_)) => CommandStage::Acknowledged,
            (None, None) => CommandStage::Requested,
        };
        Ok(CommandRecord {
            id: self.id,
            submitted_at: read_time("commands.submitted_at", self.submitted_at)?,
            submitted_by: self.submitted_by,
            command: read_json("commands.command", &self.command)?,
            acknowledged_at: self
                .acknowledged_at
                .map(|at| read_time("commands.acknowledged_at", at))
                .transpose()?,
            outcome: self.outcome,
            stage,
            settled_at: self
                .settled_at
                .map(|at| read_time("commands.settled_at", at))
                .transpose()?,
            finding: self.finding,
            report: self
                .report
                .map(|text| read_json("commands.report", &text))
                .transpose()?,
        })
    }
}

/// Commands not yet acknowledged, oldest first.
pub(crate) fn pending(
    connection: &mut SqliteConnection,
    at: DateTime<Utc>,
) -> Result<Vec<(i64, Command)>, Fault> {
    let rows: Vec<(i64, String)> = commands::table
        .filter(commands::acknowledged_at.is_null())
        .order(commands::id)
        .select((commands::id, commands::command))
        .load(connection)?;
    let mut readable = Vec::with_capacity(rows.len());
    for (id, text) in rows {
        match read_json("commands.command", &text) {
            Ok(command) => readable.push((id, command)),
            // A command of another version: it is answered, and does not stand in the way of the next ones.
            Err(_) => {
                let outcome = "not understood by this version; nothing was done";
                acknowledge(connection, id, outcome, at)?;
                let finding = CommandFinding {
                    confirmed: false,
                    finding: "this version does not know the command".into(),
                    report: None,
                };
                settle(connection, id, &finding, at)?;
            }
        }
    }
    Ok(readable)
}

/// Commands acknowledged of which nothing was found out yet, oldest first. Those of another version are left out.
pub(crate) fn unsettled(connection: &mut SqliteConnection) -> Result<Vec<(i64, Command)>, Fault> {
    let rows: Vec<(i64, String)> = commands::table
        .filter(commands::acknowledged_at.is_not_null())
        .filter(commands::settled_stage.is_null())
        .order(commands::id)
        .select((commands::id, commands::command))
        .load(connection)?;
    let known = rows
        .into_iter()
        .filter_map(|(id, text)| Some((id, read_json("commands.command", &text).ok()?)));
    Ok(known.collect())
}

/// Notes what became of an acknowledged command.
pub(crate) fn settle(
    connection: &mut SqliteConnection,
    id: i64,
    finding: &CommandFinding,
    at: DateTime<Utc>,
) -> Result<(), Fault> {
    let stage = if finding.confirmed {
        CommandStage::Confirmed
    } else {
        CommandStage::Impossible
    };
    let acknowledged = commands::table
        .find(id)
        .filter(commands::acknowledged_at.is_not_null());
    let marked = diesel::update(acknowledged)
        .set((
            commands::settled_stage.eq(stage.as_str()),
            commands::settled_at.eq(micros(at)),
            commands::finding.eq(&finding.finding),
            commands::report.eq(&finding.report),
        ))
        .execute(connection)?;
    if marked == 1 {
        Ok(())
    } else {
        Err(Fault::Conflict(format!("command {id} was not acknowledged")))
    }
}

/// Marks a command as carried out.
pub(crate) fn acknowledge(
    connection: &mut SqliteConnection,
    id: i64,
    outcome: &str,
    at: DateTime<Utc>,
) -> Result<(), Fault> {
    let pending = commands::table
        .find(id)
        .filter(commands::acknowledged_at.is_null());
    let marked = diesel::update(pending)
        .set((
            commands::acknowledged_at.eq(micros(at)),
            commands::outcome.eq(outcome),
        ))
        .execute(connection)?;
    if marked == 1 {
        Ok(())
    } else {
        Err(Fault::Conflict(format!(
            "command {id} does not wait for an acknowledgement"
        )))
    }
}

/// The operator's side of the commands table: works beside a running process and needs no lock.
#[derive(Debug)]
pub struct CommandDesk {
    path: PathBuf,
    clock: Arc<dyn Clock>,
}

impl CommandDesk {
    /// Opens the desk of an existing database.
    ///
    /// # Errors
    /// [`OpenError`] when there is no such database of this version.
    pub fn open(url: &str, clock: Arc<dyn Clock>) -> Result<Self, OpenError> {
        let path = ready(url)?;
        Ok(Self { path, clock })
    }

    /// Submits a command and returns its id. Blocks for as long as the running process writes, up to five seconds.
    ///
    /// # Errors
    /// [`StoreError::NotDurable`] when the database cannot be written to.
    pub fn submit(&self, command: &Command, submitted_by: &str) -> Result<i64, StoreError> {
        let mut connection = self.connect()?;
        let id = json(command).and_then(|text| {
            diesel::insert_into(commands::table)
                .values((
                    commands::submitted_at.eq(micros(self.clock.now())),
                    commands::submitted_by.eq(submitted_by),
                    commands::command.eq(text),
                ))
                .returning(commands::id)
                .get_result(&mut connection)
                .map_err(Fault::from)
        })?;
        Ok(id)
    }

    /// What became of a command; `None` for an id that was never given.
    ///
    /// # Errors
    /// [`StoreError::NotDurable`] when the database cannot be read.
    pub fn find(&self, id: i64) -> Result<Option<CommandRecord>, StoreError> {
        let row: Option<CommandRow> = commands::table
            .find(id)
            .select(CommandRow::as_select())
            .first(&mut self.connect()?)
            .optional()
            .map_err(Fault::from)?;
        Ok(row.map(CommandRow::record).transpose()?)
    }

    fn connect(&self) -> Result<SqliteConnection, StoreError> {
        connect(&self.path, Access::Durable).map_err(|error| StoreError::NotDurable(error.to_string()))
    }
}
