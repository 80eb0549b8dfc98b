//! Writing what happened, so that the hash and the books can be recomputed by other means.

use std::fs;
use std::path::Path;

use super::collector::Collected;
use super::report::hashed_files;
use crate::Failure;

/// Makes the directory before the run, so that a wrong name is told at once.
///
/// # Errors
/// [`Failure`] with the directory when it cannot be made.
pub(crate) fn prepare(directory: &Path) -> Result<(), Failure> {
    fs::create_dir_all(directory).map_err(|error| failed(directory, &error))
}

fn failed(path: &Path, error: &std::io::Error) -> Failure {
    Failure::failed(format!("{}: cannot be written: {error}.", path.display()))
}

/// Writes the four hashed files, the journal and the exchange's raw log.
///
/// # Errors
/// [`Failure`] with the path that cannot be written.
pub(crate) fn write(directory: &Path, collected: &Collected, exchange_log: &str) -> Result<(), Failure> {
    let file = |name: &str, text: &str| {
        let path = directory.join(name);
        fs::write(&path, text).map_err(|error| failed(&path, &error))
    };
    for (name, lines) in hashed_files(collected) {
        file(name, &joined(lines))?;
    }
    file("journal.log", &joined(&collected.journal))?;
    if !collected.commands.is_empty() {
        file("commands.ndjson", &joined(&collected.commands))?;
    }
    file("exchange.ndjson", exchange_log)
}

fn joined(lines: &[String]) -> String {
    lines.iter().fold(String::new(), |mut text, line| {
        text.push_str(line);
        text.push('\n');
        text
    })
}
