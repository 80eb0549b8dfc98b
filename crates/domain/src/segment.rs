//! What the head of a journal segment says.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::GatedBoard;

/// Everything that the lines of one segment depend on: a segment replays without the segments before it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SegmentHead {
    /// The version of this format; [`SegmentHead::FORMAT`] is the one that this program writes and reads.
    pub format: u32,
    /// The number of the segment in its journal, from 1.
    pub segment: u64,
    /// When it was opened.
    pub opened_at: DateTime<Utc>,
    /// The version of the program that wrote it.
    pub version: String,
    /// Paper or live.
    pub mode: String,
    /// The effective configuration without its secrets.
    pub config: Value,
    /// SHA-256 of the configuration's compact JSON with sorted keys, in hex.
    pub config_hash: String,
    /// The number of the last step before this segment; 0 when there is none.
    pub seq: u64,
    /// The link of the hash chain after that step, in hex.
    pub link: String,
    /// The whole state of the core after that step.
    pub snapshot: Value,
    /// Boards that later lines may name by their hash alone.
    pub pages: Vec<GatedBoard>,
}

impl SegmentHead {
    /// The version of the format.
    pub const FORMAT: u32 = 1;
}
