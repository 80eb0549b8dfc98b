//! Reading a file that a person named.

use std::fs::File;
use std::io::Read as _;
use std::path::Path;

use crate::Failure;

/// No page is near this size; a larger file is not a leaderboard.
const MAX_BYTES: u64 = 32 << 20;

/// Reads a leaderboard page, from standard input for `-`.
///
/// # Errors
/// [`Failure`] with exit code 2 when it cannot be read, is empty or is too large.
pub(crate) fn read(path: &Path) -> Result<Vec<u8>, Failure> {
    read_as(path, "a leaderboard page")
}

/// Reads a file, or standard input for `-`; `what` is wanted, with its article.
///
/// # Errors
/// [`Failure`] with exit code 2 when it cannot be read, is empty or is too large.
pub(crate) fn read_as(path: &Path, what: &str) -> Result<Vec<u8>, Failure> {
    read_up_to(path, what, MAX_BYTES)
}

/// Reads a file, or standard input for `-`, of at most so many bytes; `what` is wanted, with its article.
///
/// # Errors
/// [`Failure`] with exit code 2 when it cannot be read, is empty or is too large.
pub(crate) fn read_up_to(path: &Path, what: &str, most: u64) -> Result<Vec<u8>, Failure> {
    let name = path.display();
    let unreadable = |error: std::io::Error| Failure::usage(format!("{name}: cannot be read: {error}."));
    let mut bytes = Vec::new();
    if path.as_os_str() == "-" {
        std::io::stdin()
            .lock()
            .take(most + 1)
            .read_to_end(&mut bytes)
            .map_err(unreadable)?;
    } else {
        File::open(path)
            .map_err(unreadable)?
            .take(most + 1)
            .read_to_end(&mut bytes)
            .map_err(unreadable)?;
    }
    if bytes.is_empty() {
        return Err(Failure::usage(format!("{name}: the file is empty; name {what}.")));
    }
    if u64::try_from(bytes.len()).is_ok_and(|size| size > most) {
        return Err(Failure::usage(format!(
            "{name}: larger than {} MB; name {what}.",
            most >> 20
        )));
    }
    Ok(bytes)
}
