//! Readings of the leaderboard, what the gate says of them, and which board stands.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use autotrader_settlement::Board;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::{Alert, Signal};

/// The moment up to which a board counts votes (page `voteCutoffISOString`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Vintage(pub DateTime<Utc>);

/// The content hash of a board's entries: what identifies a board.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BoardHash(pub [u8; 32]);

impl fmt::Display for BoardHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for BoardHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for BoardHash {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let error = || format!("`{text}` is not 64 hexadecimal digits");
        if text.len() != 64 || !text.is_ascii() {
            return Err(error());
        }
        let mut hash = [0; 32];
        for (index, byte) in hash.iter_mut().enumerate() {
            let digits = text.get(2 * index..2 * index + 2).ok_or_else(error)?;
            *byte = u8::from_str_radix(digits, 16).map_err(|_| error())?;
        }
        Ok(Self(hash))
    }
}

impl Serialize for BoardHash {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for BoardHash {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = <std::borrow::Cow<'de, str>>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

/// Which way through the page answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ParsePath {
    /// The flight payload inside the page.
    Flight,
    /// The bare flight stream.
    FlightStream,
    /// The `__NEXT_DATA__` script.
    NextData,
    /// The HTML table: integer scores.
    HtmlTable,
    /// A JSON file.
    Json,
    /// A CSV file.
    Csv,
}

impl ParsePath {
    /// The stable name of the path.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Flight => "flight",
            Self::FlightStream => "flight_stream",
            Self::NextData => "next_data",
            Self::HtmlTable => "html_table",
            Self::Json => "json",
            Self::Csv => "csv",
        }
    }

    /// Whether scores from this path are rounded to what the page displays.
    #[must_use]
    pub const fn is_coarse(self) -> bool {
        matches!(self, Self::HtmlTable)
    }
}

/// What the gate allows a board to be used for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// Good for decisions.
    Tradable,
    /// Shown and alerted, never an entry.
    DisplayOnly,
    /// Not used.
    Refused,
}

/// Why the gate did not pass a board as tradable.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum GateReasonCode {
    /// The page is of another category.
    WrongCategory,
    /// The page is of another leaderboard.
    WrongLeaderboard,
    /// Style control is on.
    StyleControlOn,
    /// Fewer rows than the configured floor.
    TooFewRows,
    /// Top rows lack rank bound, score, votes or organisation.
    MissingFields,
    /// Unrounded bounds contradict the rank bounds.
    InconsistentRanks,
    /// The page's table and its payload differ.
    TablePayloadDisagree,
    /// A value cannot be true.
    InvalidValues,
    /// Two rows have one name.
    DuplicateNames,
    /// The stamp lies in the future.
    FutureStamp,
    /// The page is cut off or lists fewer rows than it says.
    Truncated,
    /// A block page.
    Blocked,
    /// No board was found.
    Unreadable,
    /// Category and style control cannot be established.
    IdentityUnproven,
    /// Scores are rounded to integers.
    RoundedScores,
}

impl GateReasonCode {
    /// The stable code.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::WrongCategory => "wrong_category",
            Self::WrongLeaderboard => "wrong_leaderboard",
            Self::StyleControlOn => "style_control_on",
            Self::TooFewRows => "too_few_rows",
            Self::MissingFields => "missing_fields",
            Self::InconsistentRanks => "inconsistent_ranks",
            Self::TablePayloadDisagree => "table_payload_disagree",
            Self::InvalidValues => "invalid_values",
            Self::DuplicateNames => "duplicate_names",
            Self::FutureStamp => "future_stamp",
            Self::Truncated => "truncated",
            Self::Blocked => "blocked",
            Self::Unreadable => "unreadable",
            Self::IdentityUnproven => "identity_unproven",
            Self::RoundedScores => "rounded_scores",
        }
    }

    /// The verdict this reason alone leads to.
    #[must_use]
    pub const fn verdict(self) -> Verdict {
        match self {
            Self::IdentityUnproven | Self::RoundedScores => Verdict::DisplayOnly,
            _ => Verdict::Refused,
        }
    }
}

/// A reason of the gate with the place it was seen.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GateReason {
    /// The code.
    pub code: GateReasonCode,
    /// What was seen, in words.
    pub detail: String,
}

/// Something odd in a page that does not by itself refuse it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Anomaly {
    /// A stable code.
    pub code: String,
    /// Where and what, in words.
    pub detail: String,
}

/// A parsed board with the gate's verdict.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct GatedBoard {
    /// What the board may be used for.
    pub verdict: Verdict,
    /// Why it is not tradable; empty when it is.
    pub reasons: Vec<GateReason>,
    /// Which way through the page answered; `None` when nothing did.
    pub path: Option<ParsePath>,
    /// The page's slug of the leaderboard.
    pub slug: Option<String>,
    /// The page's category.
    pub category: Option<String>,
    /// Whether style control is on.
    pub style_control: Option<bool>,
    /// The vote cutoff stamp.
    pub vintage: Option<Vintage>,
    /// The content hash of the entries.
    pub hash: BoardHash,
    /// How many models the page says it lists.
    pub total_models: Option<u64>,
    /// How many votes the page says it counts.
    pub total_votes: Option<u64>,
    /// The rows; empty when nothing could be read.
    pub board: Arc<Board>,
    /// Oddities met on the way.
    pub anomalies: Vec<Anomaly>,
}

/// What one poll of the leaderboard brought.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "outcome")]
pub enum ReadingOutcome {
    /// A page was read and gated.
    Page {
        /// The board and its verdict.
        page: Arc<GatedBoard>,
        /// Whether its leaderboard object is byte for byte the one of the previous reading.
        unchanged: bool,
    },
    /// Nothing was read.
    Failed {
        /// A stable code (`timeout`, `connect`, `http_status`, `too_large`, `redirect`, `decode`).
        code: String,
        /// What happened, in words, without secrets.
        detail: String,
    },
}

/// One poll of the leaderboard, as it enters the core.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Reading {
    /// Which configured source answered (`primary`, `fallback`, `file`).
    pub source: String,
    /// When the answer was complete.
    pub fetched_at: DateTime<Utc>,
    /// What tells one origin response from a cached copy of it (origin date, entity tag).
    pub origin: String,
    /// How long the fetch took.
    pub latency: Duration,
    /// Bytes received, decompressed.
    pub bytes: u64,
    /// What it brought.
    #[serde(flatten)]
    pub outcome: ReadingOutcome,
}

/// A board that passed the gate and the vintage rules.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AcceptedBoard {
    /// The rows.
    pub board: Arc<Board>,
    /// The content hash.
    pub hash: BoardHash,
    /// The vote cutoff stamp.
    pub vintage: Vintage,
    /// Which way through the page it came.
    pub path: ParsePath,
    /// When it was accepted.
    pub accepted_at: DateTime<Utc>,
}

/// Why a newer board waits for confirmation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HoldReason {
    /// A top-20 model is gone.
    TopModelRemoved,
    /// The new leader was not on the previous board and has few votes or an implausible jump.
    ImplausibleLeader,
    /// A top-10 score jumped beyond a multiple of its interval.
    ImplausibleJump,
    /// A vanished top model and a new one look like the same.
    SuspectedRename,
}

/// What sort of board challenges the accepted one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "kind", content = "hold")]
pub enum ChallengeKind {
    /// A newer stamp that is held until confirmed.
    Held(HoldReason),
    /// The same stamp with other entries, not yet confirmed.
    SameStamp,
    /// An older stamp: the page flaps, or rolled back.
    OlderVintage,
    /// The last accepted board was cut from a finer path than the page now gives.
    CoarserPath,
}

/// A board the page shows that is not (yet) the accepted one.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Challenge {
    /// What sort of challenge it is.
    pub kind: ChallengeKind,
    /// The challenging board.
    pub board: Arc<Board>,
    /// Its content hash.
    pub hash: BoardHash,
    /// Its stamp, when it has one.
    pub vintage: Option<Vintage>,
    /// When it was first seen.
    pub first_seen: DateTime<Utc>,
    /// How many distinct origin responses have shown it.
    pub confirmations: u32,
}

/// Which board stands, what challenges it, and how old the knowledge is.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct BoardStanding {
    /// The accepted board.
    pub accepted: Option<Arc<AcceptedBoard>>,
    /// The board that challenges it.
    pub challenge: Option<Challenge>,
    /// When a page was last read and gated as tradable: the age of the feed.
    pub feed_at: Option<DateTime<Utc>>,
    /// When the last reading still showed the board before the accepted one: the age of the news.
    ///
    /// `None` when that is unknown (first board, or a gap longer than two polls): there is no fresh news then.
    pub news_at: Option<DateTime<Utc>>,
    /// Old and new names of models that the board renamed.
    pub renames: Vec<(String, String)>,
}

/// What one reading changed.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Observation {
    /// The board that this reading made current, when it did.
    pub accepted: Option<Arc<AcceptedBoard>>,
    /// What changed between the previous and the now accepted board.
    pub signals: Vec<Signal>,
    /// What the operator must be told.
    pub alerts: Vec<Alert>,
    /// Whether the challenge appeared, changed or went away.
    pub challenge_changed: bool,
}
