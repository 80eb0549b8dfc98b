//! Whose database it is, as stored.

use std::path::Path;

use autotrader_domain::Money;
use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel::sqlite::Sqlite;
use serde::Serialize;

use crate::connection::{Begin, atomically, random_id};
use crate::fault::Fault;
use crate::schema::{meta, system_events};
use crate::words::{micros, read_money, read_optional_word, read_time, read_word, word};
use crate::{NewDatabaseId, OpenError, Stamp};

/// What a database says of itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct DatabaseInfo {
    /// Its own id, which enters every order id.
    pub database_id: String,
    /// Whose it is.
    pub stamp: Stamp,
    /// When it was created.
    pub created_at: DateTime<Utc>,
    /// Cash at its first start.
    pub opening_cash: Option<Money>,
}

#[derive(Debug, Queryable, Selectable, Insertable)]
#[diesel(table_name = meta, check_for_backend(Sqlite))]
struct MetaRow {
    id: i64,
    database_id: String,
    mode: String,
    environment: Option<String>,
    account: Option<String>,
    created_at: i64,
    opening_cash: Option<i64>,
}

/// What the database says of itself; `None` before it was stamped.
pub(crate) fn read(connection: &mut SqliteConnection) -> Result<Option<DatabaseInfo>, Fault> {
    let row: Option<MetaRow> = meta::table
        .select(MetaRow::as_select())
        .first(connection)
        .optional()?;
    let Some(row) = row else { return Ok(None) };
    let environment = read_optional_word("meta.environment", row.environment.as_deref())?;
    let stamp = match (read_word("meta.mode", &row.mode)?, environment, row.account) {
        (autotrader_domain::ExecutionMode::Paper, None, None) => Stamp::Paper,
        (autotrader_domain::ExecutionMode::Live, Some(environment), Some(account)) => {
            Stamp::Live { environment, account }
        }
        _ => return Err(Fault::unreadable("meta", "half a stamp")),
    };
    Ok(Some(DatabaseInfo {
        database_id: row.database_id,
        stamp,
        created_at: read_time("meta.created_at", row.created_at)?,
        opening_cash: row.opening_cash.map(read_money),
    }))
}

/// Refuses a database of another owner.
pub(crate) fn check(path: &Path, info: &DatabaseInfo, wanted: &Stamp) -> Result<(), OpenError> {
    if info.stamp == *wanted {
        return Ok(());
    }
    Err(OpenError::Foreign {
        path: path.to_owned(),
        found: info.stamp.clone(),
        wanted: wanted.clone(),
    })
}

/// Stamps a new database.
pub(crate) fn write(
    connection: &mut SqliteConnection,
    stamp: &Stamp,
    id: NewDatabaseId,
    at: DateTime<Utc>,
) -> Result<(), Fault> {
    let database_id = match id {
        NewDatabaseId::Random => random_id(connection)?,
        NewDatabaseId::Given(id) => id,
    };
    let (mode, environment, account) = match stamp {
        Stamp::Paper => ("paper", None, None),
        Stamp::Live { environment, account } => ("live", Some(word(environment)?), Some(account.clone())),
    };
    diesel::insert_into(meta::table)
        .values(MetaRow {
            id: 1,
            database_id,
            mode: mode.into(),
            environment,
            account,
            created_at: micros(at),
            opening_cash: None,
        })
        .execute(connection)?;
    Ok(())
}

/// Gives a live database to another key of its account, and writes that down.
pub(crate) fn adopt(
    connection: &mut SqliteConnection,
    from: &str,
    to: &str,
    at: DateTime<Utc>,
) -> Result<(), Fault> {
    atomically(connection, Begin::ToWrite, |connection| {
        diesel::update(meta::table)
            .set(meta::account.eq(to))
            .execute(connection)?;
        diesel::insert_into(system_events::table)
            .values((
                system_events::at.eq(micros(at)),
                system_events::name.eq("key_adopted"),
                system_events::detail.eq(format!("from `{from}` to `{to}`")),
            ))
            .execute(connection)?;
        Ok(())
    })
}

/// Stores the cash of the first start; a second, different amount contradicts it.
pub(crate) fn set_opening_cash(connection: &mut SqliteConnection, cash: Money) -> Result<(), Fault> {
    atomically(connection, Begin::ToWrite, |connection| {
        let stored: Option<i64> = meta::table.select(meta::opening_cash).first(connection)?;
        match stored.map(read_money) {
            None => {
                diesel::update(meta::table)
                    .set(meta::opening_cash.eq(cash.raw()))
                    .execute(connection)?;
                Ok(())
            }
            Some(known) if known == cash => Ok(()),
            Some(known) => Err(Fault::Conflict(format!(
                "this database opened with {known} dollars of cash, not {cash}"
            ))),
        }
    })
}
