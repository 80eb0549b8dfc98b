//! The journal of a process.

use std::path::PathBuf;

use autotrader_config::Config;
use autotrader_engine::{AccountScope, Engine};
use autotrader_state::journal::journal_beside;
use tracing::warn;

use crate::Failure;
use crate::run::Recorder;

/// Where the journal is: the configured directory, or the one beside the database.
///
/// # Errors
/// [`Failure`] when the address of the database is wrong.
pub(crate) fn journal_directory(config: &Config) -> Result<PathBuf, Failure> {
    match config.journal.directory.as_str() {
        "" => journal_beside(&config.database.url)
            .map_err(|error| Failure::failed(format!("database: {error}."))),
        configured => Ok(PathBuf::from(configured)),
    }
}

/// Opens the journal, where one is configured or named `instead`, and lets the core go on where it ends.
///
/// A process that only `closes` positions goes on without a journal when there can be none: it must be able to close them.
///
/// # Errors
/// [`Failure`] when the journal is in use or the file system refuses.
pub(super) fn recorder(
    config: &Config,
    instead: Option<PathBuf>,
    scope: &AccountScope,
    closes: bool,
    engine: &mut Engine,
) -> Result<Option<Recorder>, Failure> {
    let directory = match instead {
        Some(directory) => directory,
        None if config.journal.enabled => journal_directory(config)?,
        None => return Ok(None),
    };
    match Recorder::open(&directory, config, scope, engine) {
        Err(failure) if closes => {
            warn!(event = "journal_not_written", detail = %failure);
            Ok(None)
        }
        opened => opened.map(Some),
    }
}
