//! Requests of operators in other processes to the running one.

use std::path::PathBuf;
use std::sync::Arc;

use autotrader_domain::Command;
use autotrader_domain::ports::{Clock, StoreError};
use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel::sqlite::Sqlite;
use serde::Serialize;

use crate::OpenError;
use crate::connection::{Access, connect};
use crate::fault::Fault;
use crate::history::ready;
use crate::schema::commands;
use crate::words::{json, micros, read_json, read_time};

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
}

impl CommandRow {
    pub(crate) fn record(self) -> Result<CommandRecord, Fault> {
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
            Err(_) => acknowledge(
                connection,
                id,
                "not understood by this version; nothing was done",
                at,
            )?,
        }
    }
    Ok(readable)
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
