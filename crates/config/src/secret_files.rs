//! Files that hold secrets: who may read them.

use std::path::Path;

use autotrader_domain::ExecutionMode;

use crate::ConfigError;

/// Checks a file with secrets: refused in live and warned about in paper when others may read it.
///
/// Returns the warning, if any.
pub(crate) fn check(path: &Path, mode: ExecutionMode) -> Result<Option<String>, ConfigError> {
    let Some(detail) = exposure(path) else {
        return Ok(None);
    };
    let path = path.display().to_string();
    match mode {
        ExecutionMode::Live => Err(ConfigError::File { path, detail }),
        ExecutionMode::Paper => Ok(Some(format!("{path}: {detail}"))),
    }
}

#[cfg(unix)]
fn exposure(path: &Path) -> Option<String> {
    use std::os::unix::fs::MetadataExt;

    let metadata = std::fs::metadata(path).ok()?;
    let own = std::fs::metadata("/proc/self").map(|process| process.uid()).ok();
    if metadata.mode() & 0o077 != 0 {
        return Some(format!(
            "is readable by others (mode {:o}); run chmod 600 on it",
            metadata.mode() & 0o777
        ));
    }
    // Root may own a key that is mounted into a container for another user.
    (own.is_some_and(|uid| metadata.uid() != uid && metadata.uid() != 0))
        .then(|| "is owned by another user; change its owner".to_owned())
}

#[cfg(not(unix))]
fn exposure(_: &Path) -> Option<String> {
    None
}
