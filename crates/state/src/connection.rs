//! Connections: how they are opened, what they promise, and what is found in the file.

use std::path::Path;
use std::sync::{Mutex, PoisonError};

use diesel::connection::SimpleConnection as _;
use diesel::prelude::*;
use diesel::sql_types::Text;
use diesel::sqlite::Sqlite;
use diesel_migrations::{EmbeddedMigrations, MigrationHarness as _, embed_migrations};

use crate::OpenError;
use crate::fault::Fault;

const MIGRATIONS: EmbeddedMigrations = embed_migrations!("../../migrations");

/// What a connection promises.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Access {
    /// A commit survives the loss of power: orders, fills, causes.
    Durable,
    /// A commit survives the death of the process: everything else.
    Quick,
    /// Nothing is written.
    Read,
}

#[derive(QueryableByName)]
struct TextRow {
    #[diesel(sql_type = Text)]
    text: String,
}

fn texts(connection: &mut SqliteConnection, query: &str) -> QueryResult<Vec<String>> {
    let rows: Vec<TextRow> = diesel::sql_query(query).load(connection)?;
    Ok(rows.into_iter().map(|row| row.text).collect())
}

pub(crate) fn unusable(path: &Path, detail: &impl ToString) -> OpenError {
    let (path, detail) = (path.to_owned(), detail.to_string());
    // The words of SQLite for pages that contradict each other (SQLITE_CORRUPT).
    if detail.contains("malformed") {
        OpenError::Damaged { path, detail }
    } else {
        OpenError::Unusable { path, detail }
    }
}

/// Opens a file without changing it. Waiting for others comes first: every later statement may meet their locks.
fn establish(path: &Path) -> Result<SqliteConnection, OpenError> {
    let name = path
        .to_str()
        .ok_or_else(|| unusable(path, &"its name is not UTF-8"))?;
    let mut connection = SqliteConnection::establish(name).map_err(|error| unusable(path, &error))?;
    connection
        .batch_execute("PRAGMA busy_timeout = 5000; PRAGMA foreign_keys = ON;")
        .map_err(|error| unusable(path, &error))?;
    Ok(connection)
}

/// Opens a database that is known to be ours.
pub(crate) fn connect(path: &Path, access: Access) -> Result<SqliteConnection, OpenError> {
    let mut connection = establish(path)?;
    let settings = match access {
        Access::Durable => "PRAGMA synchronous = FULL;",
        Access::Quick => "PRAGMA synchronous = NORMAL;",
        Access::Read => "PRAGMA query_only = ON;",
    };
    connection
        .batch_execute(settings)
        .map_err(|error| unusable(path, &error))?;
    Ok(connection)
}

/// What a file turns out to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Found {
    /// Nothing yet.
    Empty,
    /// Ours, with changes to come.
    Older,
    /// Ours, up to date.
    Current,
}

/// Looks at a file without changing it.
pub(crate) fn inspect(path: &Path) -> Result<(SqliteConnection, Found), OpenError> {
    let not_ours = |detail: String| OpenError::NotOurs {
        path: path.to_owned(),
        detail,
    };
    let mut connection = establish(path)?;
    let tables = texts(
        &mut connection,
        "SELECT name AS text FROM sqlite_master WHERE type = 'table'",
    );
    let tables = match tables {
        Ok(tables) => tables,
        Err(error) if error.to_string().contains("not a database") => {
            return Err(not_ours(error.to_string()));
        }
        Err(error) => return Err(unusable(path, &error)),
    };
    let has = |name: &str| tables.iter().any(|table| table == name);
    let applied = if has("__diesel_schema_migrations") {
        texts(
            &mut connection,
            "SELECT version AS text FROM __diesel_schema_migrations ORDER BY version",
        )
        .map_err(|error| unusable(path, &error))?
    } else {
        Vec::new()
    };
    if !has("meta") {
        let strangers = tables.iter().any(|table| table != "__diesel_schema_migrations");
        if strangers || !applied.is_empty() {
            return Err(not_ours("it holds other tables".into()));
        }
        return Ok((connection, Found::Empty));
    }
    let known = known_versions(path)?;
    if let Some(version) = applied.iter().find(|version| !known.contains(version)) {
        return Err(OpenError::Newer {
            path: path.to_owned(),
            version: version.clone(),
        });
    }
    let found = if applied.len() < known.len() {
        Found::Older
    } else {
        Found::Current
    };
    Ok((connection, found))
}

/// Looks at every page: what is damaged would else be met in the middle of trading, or by nobody.
///
/// Takes about a second for a gigabyte that is in memory.
///
/// # Errors
/// [`OpenError::Damaged`] with the first thing found.
pub(crate) fn check_whole(path: &Path, connection: &mut SqliteConnection) -> Result<(), OpenError> {
    let found = texts(
        connection,
        "SELECT quick_check AS text FROM pragma_quick_check LIMIT 1",
    );
    let detail = match found {
        Ok(lines) if lines == ["ok"] => return Ok(()),
        Ok(lines) => lines.join(" "),
        Err(error) => error.to_string(),
    };
    // SQLite's findings may go over several lines.
    let detail = detail.split_whitespace().collect::<Vec<_>>().join(" ");
    Err(OpenError::Damaged {
        path: path.to_owned(),
        detail,
    })
}

fn known_versions(path: &Path) -> Result<Vec<String>, OpenError> {
    use diesel::migration::{Migration, MigrationSource};
    let migrations: Vec<Box<dyn Migration<Sqlite>>> =
        MIGRATIONS.migrations().map_err(|error| unusable(path, &error))?;
    Ok(migrations
        .iter()
        .map(|migration| migration.name().version().to_string())
        .collect())
}

/// Brings a file to the schema of this version and to write-ahead logging, which lets readers work beside the writer.
pub(crate) fn migrate(path: &Path, connection: &mut SqliteConnection) -> Result<(), OpenError> {
    let mode = texts(connection, "SELECT journal_mode AS text FROM pragma_journal_mode")
        .and_then(|_| {
            connection.batch_execute("PRAGMA journal_mode = WAL;")?;
            texts(connection, "SELECT journal_mode AS text FROM pragma_journal_mode")
        })
        .map_err(|error| unusable(path, &error))?;
    if mode.first().map(String::as_str) != Some("wal") {
        return Err(unusable(
            path,
            &"its file system does not allow write-ahead logging",
        ));
    }
    connection
        .run_pending_migrations(MIGRATIONS)
        .map_err(|error| unusable(path, &error))?;
    Ok(())
}

/// How a transaction begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Begin {
    /// By claiming the right to write at once: nothing read inside can be overtaken before it is written.
    ToWrite,
    /// By reading.
    ToRead,
}

/// Does all of a piece of work or nothing.
///
/// SQLite itself undoes a transaction when the disk is full or fails; the query builder's own transactions then lose
/// the reason and the connection. Here the reason is kept, and an undo that was not needed is not an error.
pub(crate) fn atomically<T>(
    connection: &mut SqliteConnection,
    begin: Begin,
    work: impl FnOnce(&mut SqliteConnection) -> Result<T, Fault>,
) -> Result<T, Fault> {
    connection.batch_execute(match begin {
        Begin::ToWrite => "BEGIN IMMEDIATE",
        Begin::ToRead => "BEGIN",
    })?;
    let done = work(connection).and_then(|done| {
        connection.batch_execute("COMMIT")?;
        Ok(done)
    });
    if done.is_err() {
        let _ = connection.batch_execute("ROLLBACK");
    }
    done
}

/// A fresh id for a new database, drawn by SQLite from the operating system.
pub(crate) fn random_id(connection: &mut SqliteConnection) -> Result<String, Fault> {
    let ids = texts(connection, "SELECT lower(hex(randomblob(16))) AS text")?;
    ids.into_iter().next().ok_or(Fault::Sql(diesel::NotFound))
}

/// Connections for reading, kept open between questions.
#[derive(Debug)]
pub(crate) struct Readers {
    path: std::path::PathBuf,
    idle: Mutex<Vec<Idle>>,
}

/// `SqliteConnection` has no `Debug` of its own.
struct Idle(SqliteConnection);

impl std::fmt::Debug for Idle {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Idle")
    }
}

impl Readers {
    /// How many connections stay open: one answers a question in microseconds.
    const KEPT: usize = 4;

    pub(crate) const fn new(path: std::path::PathBuf) -> Self {
        Self {
            path,
            idle: Mutex::new(Vec::new()),
        }
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Answers from one consistent state of the database.
    pub(crate) fn read<T>(
        &self,
        question: impl FnOnce(&mut SqliteConnection) -> Result<T, Fault>,
    ) -> Result<T, Fault> {
        let kept = self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let mut connection = match kept {
            Some(Idle(connection)) => connection,
            None => connect(&self.path, Access::Read)
                .map_err(|error| Fault::unreadable(self.path.display().to_string(), error))?,
        };
        let answer = atomically(&mut connection, Begin::ToRead, question)?;
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        if idle.len() < Self::KEPT {
            idle.push(Idle(connection));
        }
        Ok(answer)
    }
}
