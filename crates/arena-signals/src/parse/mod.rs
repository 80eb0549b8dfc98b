//! Bytes to a board, and which way through the page answered.
//!
//! The ways are tried in the order of [`ParsePath`]: the flight payload in the page, the bare flight stream, the
//! `__NEXT_DATA__` script, the HTML table, then JSON and CSV files. A payload that is there but broken ends the
//! search: the coarser table must not hide it.
//!
//! # Keys of JSON and CSV files
//!
//! | field | accepted keys |
//! |---|---|
//! | model name | `modelDisplayName`, `model_name`, `model` |
//! | organisation | `modelOrganization`, `organization`, `org` |
//! | rank | `rank` |
//! | rank bounds | `rankUpper`, `rank_ub`, `rank_upper`; `rankLower`, `rank_lb`, `rank_lower` |
//! | score | `rating`, `score`, `arena_score` |
//! | interval | `ratingLower`, `ci_lower`, `rating_lower`, `lo`; `ratingUpper`, `ci_upper`, `rating_upper`, `hi` |
//! | votes | `votes`, `vote_count` |
//! | release | `releaseType`, `release_type`; `preliminary`; `releaseDate`, `release_date` |
//! | licence (only compared with the table) | `license` |
//!
//! A JSON file is an array of such rows, or an object with them under `entries` (`rows`, as in a series of boards) and, where known, `arenaSlug` (`arena`),
//! `leaderboardSlug` (`slug`), `params` or `category` and `style_control`, `voteCutoffISOString` (`vintage`),
//! `totalModels` (`total_models`) and `totalVotes` (`total_votes`), or an object that holds that one under
//! `leaderboard`. In files decimal numbers may be strings. A CSV file has the row keys in its first line.

pub(crate) mod cells;
mod csv;
mod document;
pub(crate) mod findings;
mod flight;
mod flight_rows;
pub mod gzip;
mod js_string;
mod json;
mod keys;
pub(crate) mod page_text;
mod payload;
pub(crate) mod table;
pub(crate) mod table_scan;

use std::ops::Range;

use autotrader_domain::{GateReason, GateReasonCode, ParsePath, Vintage};
use autotrader_settlement::Board;
use chrono::{DateTime, NaiveDate, Utc};
use memchr::memmem;

use findings::Findings;
pub(crate) use flight::shows_same_object;

/// What a source says about which leaderboard it is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Identity {
    /// The arena's slug (`text`).
    pub arena: Option<String>,
    /// The leaderboard's slug (`overall-no-style-control`).
    pub slug: Option<String>,
    /// The category asked for (`overall`).
    pub category: Option<String>,
    /// The name of the category shown, where the source has it beside the one asked for.
    pub category_name: Option<String>,
    /// Whether style control is on.
    pub style_control: Option<bool>,
    /// What the page's description says, where it has one.
    pub described: Option<Description>,
}

/// The page's description: a second opinion on its identity.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Description {
    /// The arena in small letters.
    pub arena: String,
    /// The category in small letters, words joined by `-`.
    pub category: String,
    /// Whether style control is on, when the description says so.
    pub style_control: Option<bool>,
}

/// The totals and the date a page prints above its table.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Header {
    pub(crate) votes: Option<u64>,
    pub(crate) models: Option<u64>,
    pub(crate) date: Option<NaiveDate>,
}

/// A page read, before the gate.
#[derive(Debug, Clone, Default)]
pub struct Parsed<'p> {
    /// Which way answered; `None` when nothing did.
    pub path: Option<ParsePath>,
    /// What the page says it is.
    pub identity: Identity,
    /// The vote cutoff stamp.
    pub vintage: Option<DateTime<Utc>>,
    /// How many models the page says it lists.
    pub total_models: Option<u64>,
    /// How many votes the page says it counts.
    pub total_votes: Option<u64>,
    /// The rows; empty when nothing could be read.
    pub board: Board,
    /// The rows' licences, which only serve to compare the payload with the table.
    pub(crate) licenses: Vec<Option<Box<str>>>,
    /// Whether the scores are the rounded ones of the table.
    pub(crate) coarse: bool,
    /// Where the leaderboard object lies in the page, by which an unchanged one is recognised.
    pub(crate) object: Option<Range<usize>>,
    /// The page, when it shows a table beside the payload that was read.
    pub(crate) beside: Option<&'p [u8]>,
    pub(crate) findings: Findings,
}

impl Parsed<'_> {
    /// The vote cutoff stamp as the domain names it.
    #[must_use]
    pub fn vintage(&self) -> Option<Vintage> {
        self.vintage.map(Vintage)
    }

    /// What the parser already found against the board.
    #[must_use]
    pub fn reasons(&self) -> Vec<GateReason> {
        self.findings.reasons()
    }

    /// Nothing was read, for one reason.
    pub(crate) fn nothing(code: GateReasonCode, detail: String) -> Self {
        let mut parsed = Self::default();
        parsed.findings.refuse(code, || detail);
        parsed
    }

    /// A payload that is there but cannot be read.
    fn broken(path: ParsePath, broken: payload::Broken) -> Self {
        Self {
            path: Some(path),
            ..Self::nothing(broken.code, broken.detail)
        }
    }
}

/// Reads plain page bytes. Total: whatever the bytes, it answers and never panics.
#[must_use]
pub fn parse_page(page: &[u8]) -> Parsed<'_> {
    if page.iter().all(u8::is_ascii_whitespace) {
        return Parsed::nothing(GateReasonCode::Unreadable, "the page is empty".to_owned());
    }
    if page.len() > gzip::MAX_PAGE_BYTES {
        let detail = format!("{} bytes are more than a page may have", page.len());
        return Parsed::nothing(GateReasonCode::Unreadable, detail);
    }
    if page_text::is_markup(page) {
        return document::parse(page);
    }
    let Ok(text) = std::str::from_utf8(page) else {
        return Parsed::nothing(
            GateReasonCode::Unreadable,
            "the bytes are not UTF-8 text".to_owned(),
        );
    };
    let plain = text.strip_prefix('\u{feff}').unwrap_or(text);
    flight::parse_stream(text)
        .or_else(|| json::parse(plain))
        .or_else(|| csv::parse(plain))
        .unwrap_or_else(|| {
            let detail = "neither a leaderboard page, nor a flight stream, nor JSON or CSV rows".to_owned();
            Parsed::nothing(GateReasonCode::Unreadable, detail)
        })
}

/// Whether `needle` occurs in `haystack`.
fn contains(haystack: &[u8], needle: &str) -> bool {
    memmem::find(haystack, needle.as_bytes()).is_some()
}
