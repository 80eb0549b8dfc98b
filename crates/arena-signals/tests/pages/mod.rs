//! Captured pages, and pages written by the project in every layout.
// A test file compiles this for itself and uses what it needs; Clippy's test exemptions do not reach this module.
#![allow(
    dead_code,
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    clippy::cast_possible_truncation
)]

pub mod written;

use std::path::PathBuf;

use autotrader_arena_signals::parse::gzip::plain_bytes;
use chrono::{DateTime, Utc};

/// The real page.
pub const REAL: &str = "2026-05-overall-no-style-control.html.gz";

/// The real page's stream.
pub const STREAM: &str = "2026-05-overall-flight-stream.txt.gz";

/// The real page's payload without its table.
pub const NO_TABLE: &str = "reconstructed-2026-05-flight-only-no-table.html.gz";

/// The real page's table without its payload.
pub const TABLE_ONLY: &str = "reconstructed-2026-05-table-only.html.gz";

/// The real page's payload in a `__NEXT_DATA__` script.
pub const NEXT_DATA: &str = "reconstructed-NEXT_DATA-never-observed.html.gz";

/// A moment after every capture.
pub fn now() -> DateTime<Utc> {
    "2026-11-22T12:00:00Z".parse().unwrap()
}

/// A captured file as it lies there; `None`, said aloud, when the captures are absent.
pub fn capture(name: &str) -> Option<Vec<u8>> {
    let root = option_env!("AUTOTRADER_SHARED").map_or_else(
        || PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared")),
        PathBuf::from,
    );
    let file = root.join("arena/pages").join(name);
    match std::fs::read(&file) {
        Ok(bytes) => Some(bytes),
        Err(error) => {
            println!("skipped: {} is absent ({error})", file.display());
            None
        }
    }
}

/// A captured page, decompressed.
pub fn captured_text(name: &str) -> Option<String> {
    capture(name).map(|bytes| String::from_utf8(plain_bytes(&bytes).unwrap().into_owned()).unwrap())
}
