//! The journal: every step of the core as a line of text, in segments that each start with the whole state.
//!
//! A journal is a directory. The segment that is written to is plain text (`00000007.open`), so that a crash leaves at most
//! a torn last line; a finished one is a container (`00000007.seg`) in which any changed byte is found. The first line of a
//! segment is its head, a line after it `<link> <body>`: the link is a hash over everything before and the body, over all
//! segments and processes. Here only files are known; what a body means is the core's affair.

mod container;
mod reader;
mod recovery;
mod thread;
mod writer;

use std::path::{Path, PathBuf};

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::OpenError;
use crate::location::Location;

pub use reader::{Line, Segment, SegmentFile, Tail, segments};
pub use writer::{Journal, Opened};

/// The version of the format that is written.
pub const FORMAT: u32 = 1;

/// What a segment starts with.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SegmentHead {
    /// The version of the format.
    pub format: u32,
    /// Its number, from one on.
    pub segment: u64,
    /// When it was begun.
    pub opened_at: DateTime<Utc>,
    /// The program's version.
    pub version: String,
    /// What the core was told at its start: mode, configuration without secrets, ids.
    pub settings: serde_json::Value,
    /// SHA-256 of the settings' text, in hexadecimal digits.
    pub settings_hash: String,
    /// The last step before it.
    pub seq: u64,
    /// The link after that step, in hexadecimal digits.
    pub link: String,
    /// The whole state of the core.
    pub snapshot: serde_json::Value,
}

/// The hash that a head states of its settings.
#[must_use]
pub fn settings_hash(settings: &serde_json::Value) -> String {
    hex(&Sha256::digest(settings.to_string()))
}

/// A journal that cannot be read or written.
#[derive(Debug, thiserror::Error)]
pub enum JournalError {
    /// A file or the directory.
    #[error("{}: {source}", .path.display())]
    Io {
        /// Which.
        path: PathBuf,
        /// What went wrong.
        source: std::io::Error,
    },
    /// Another process writes to it.
    #[error("{}: another process writes to this journal", .path.display())]
    InUse {
        /// The directory.
        path: PathBuf,
    },
    /// What is there was changed, or is no journal.
    #[error("{}: {detail}", .path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        detail: String,
    },
    /// Its writer failed and ended.
    #[error("the journal's writer has ended")]
    Ended,
}

impl JournalError {
    fn io(path: &Path) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::Io { path, source }
    }

    fn damaged(path: &Path, detail: impl Into<String>) -> Self {
        Self::Damaged {
            path: path.to_owned(),
            detail: detail.into(),
        }
    }
}

fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::new(), |mut text, byte| {
        // Writing to a string cannot fail.
        let _ok = write!(text, "{byte:02x}");
        text
    })
}

/// The first line of a segment: a word, the hash of the head's text, and the text.
fn head_line(head: &SegmentHead) -> Result<String, serde_json::Error> {
    let text = serde_json::to_string(head)?;
    Ok(format!("head {} {text}\n", hex(&Sha256::digest(&text))))
}

fn read_head(line: &str) -> Result<SegmentHead, String> {
    let rest = line.strip_prefix("head ").ok_or("its first line is no head")?;
    let (stated, text) = rest.split_once(' ').ok_or("its head has no hash")?;
    if hex(&Sha256::digest(text)) != stated {
        return Err("its head was changed".to_owned());
    }
    let head: SegmentHead = serde_json::from_str(text)
        .map_err(|error| format!("its head is not what this version writes: {error}"))?;
    if head.format != FORMAT {
        return Err(format!(
            "it has format {}, this version reads {FORMAT}",
            head.format
        ));
    }
    Ok(head)
}

/// The journal that belongs to a database: the directory `autotrader.journal` beside `autotrader.db`.
///
/// # Errors
/// [`OpenError`] when the address names no file.
pub fn journal_beside(database_url: &str) -> Result<PathBuf, OpenError> {
    let location = Location::parse(database_url)?;
    Ok(location.path().with_extension("journal"))
}

fn open_path(directory: &Path, segment: u64) -> PathBuf {
    directory.join(format!("{segment:08}.open"))
}

fn sealed_path(directory: &Path, segment: u64) -> PathBuf {
    directory.join(format!("{segment:08}.seg"))
}
