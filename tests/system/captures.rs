//! Captured pages, which lie beside the repository and may be absent.

use std::path::PathBuf;

/// A captured file; `None`, said aloud, when it is absent.
#[expect(
    clippy::disallowed_methods,
    reason = "where the captures lie is asked of the environment of the test run"
)]
pub fn capture(name: &str) -> Option<PathBuf> {
    let root = std::env::var_os("AUTOTRADER_SHARED").map_or_else(
        || PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared")),
        PathBuf::from,
    );
    let file = root.join(name);
    if file.is_file() {
        return Some(file);
    }
    // Written past the test harness, which keeps the output of passing tests to itself.
    use std::io::Write as _;
    let _ = writeln!(std::io::stderr(), "skipped: {} is absent", file.display());
    None
}
