//! Answers of the source to readings, and files to boards.

use std::sync::Arc;
use std::time::Duration;

use autotrader_domain::ports::{BoardReader, RawPage, SourceFailure};
use autotrader_domain::{
    Anomaly, GateReason, GateReasonCode, GatedBoard, ParsePath, Reading, ReadingOutcome, Verdict, Vintage,
};
use autotrader_settlement::Board;
use chrono::{DateTime, Utc};

use crate::gate::{GateSettings, gate};
use crate::parse::gzip::plain_bytes;
use crate::parse::{Parsed, parse_page, shows_same_object};

/// Reads pages, and recognises one whose leaderboard object is that of the previous page without parsing it.
///
/// Only a tradable verdict is carried over: a page that was refused is judged anew each time, because what refused it
/// (its table, our clock) may have changed beside the object.
#[derive(Debug, Default)]
pub struct PageReader {
    settings: GateSettings,
    last: Option<Last>,
}

/// The previous page's leaderboard object and what was read from it.
#[derive(Debug)]
struct Last {
    object: Box<[u8]>,
    /// Where it lay in its page, and how long the page was, in bytes.
    place: usize,
    length: usize,
    page: Arc<GatedBoard>,
}

impl PageReader {
    /// A reader that remembers nothing yet.
    #[must_use]
    pub const fn new(settings: GateSettings) -> Self {
        Self { settings, last: None }
    }

    /// Reads and gates a page; the flag says whether its leaderboard object is byte for byte the previous one.
    pub fn read_page(&mut self, body: &[u8], at: DateTime<Utc>) -> (Arc<GatedBoard>, bool) {
        let same = self
            .last
            .as_ref()
            .filter(|last| shows_same_object(body, &last.object, last.place, last.length));
        let unchanged = same.is_some();
        if let Some(last) = same
            && last.page.verdict == Verdict::Tradable
            && !last
                .page
                .vintage
                .is_some_and(|stamp| self.settings.is_future(stamp.0, at))
        {
            return (Arc::clone(&last.page), unchanged);
        }
        let parsed = parse_page(body);
        let place = parsed.object.clone();
        let page = Arc::new(gate(parsed, &self.settings, at));
        self.last = place.and_then(|place| {
            let object = Box::from(body.get(place.clone())?);
            Some(Last {
                object,
                place: place.start,
                length: body.len(),
                page: Arc::clone(&page),
            })
        });
        (page, unchanged)
    }
}

impl BoardReader for PageReader {
    fn read(&mut self, answer: Result<RawPage, SourceFailure>, at: DateTime<Utc>) -> Reading {
        match answer {
            Ok(raw) => {
                let (page, unchanged) = self.read_page(&raw.body, at);
                Reading {
                    source: raw.source,
                    fetched_at: raw.fetched_at,
                    origin: raw.origin,
                    latency: raw.latency,
                    bytes: u64::try_from(raw.body.len()).unwrap_or(u64::MAX),
                    outcome: ReadingOutcome::Page { page, unchanged },
                }
            }
            Err(failure) => Reading {
                source: failure.source_name,
                fetched_at: at,
                origin: String::new(),
                latency: Duration::ZERO,
                bytes: 0,
                outcome: ReadingOutcome::Failed {
                    code: failure.code.to_owned(),
                    detail: failure.detail,
                },
            },
        }
    }
}

/// Reads and gates a file, plain or gzip, whatever is in it.
#[must_use]
pub fn read_file(file: &[u8], settings: &GateSettings, at: DateTime<Utc>) -> GatedBoard {
    match plain_bytes(file) {
        Ok(page) => gate(parse_page(&page), settings, at),
        Err(reason) => gate(Parsed::nothing(reason.code, reason.detail), settings, at),
    }
}

/// A board read without the gate.
#[derive(Debug, Clone, PartialEq)]
pub struct UngatedBoard {
    /// The rows.
    pub board: Board,
    /// Which way answered.
    pub path: ParsePath,
    /// The vote cutoff stamp.
    pub vintage: Option<Vintage>,
    /// How many models the source says it lists.
    pub total_models: Option<u64>,
    /// How many votes the source says it counts.
    pub total_votes: Option<u64>,
    /// What the gate would hold against it, as far as reading alone shows.
    pub reasons: Vec<GateReason>,
    /// Oddities met on the way.
    pub anomalies: Vec<Anomaly>,
}

/// No board could be read from a file.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("no board could be read: {detail} ({})", code.as_str())]
pub struct UnreadableBoard {
    /// Why, as the gate would say it.
    pub code: GateReasonCode,
    /// Why, in words.
    pub detail: String,
}

/// Reads a file, plain or gzip, without gating it: a page, or rows as JSON or CSV.
///
/// # Errors
/// [`UnreadableBoard`] when the file holds no board, or only part of one.
pub fn parse_ungated(file: &[u8]) -> Result<UngatedBoard, UnreadableBoard> {
    let unreadable = |reason: GateReason| UnreadableBoard {
        code: reason.code,
        detail: reason.detail,
    };
    let page = plain_bytes(file).map_err(unreadable)?;
    let parsed = parse_page(&page);
    let reasons = parsed.reasons();
    let fatal = |reason: &GateReason| {
        use GateReasonCode::{Blocked, Truncated, Unreadable};
        matches!(reason.code, Blocked | Truncated | Unreadable) || parsed.board.entries.is_empty()
    };
    if let Some(reason) = reasons.iter().find(|reason| fatal(reason)) {
        return Err(unreadable(reason.clone()));
    }
    let Some(path) = parsed.path else {
        return Err(UnreadableBoard {
            code: GateReasonCode::Unreadable,
            detail: "nothing in it looks like a leaderboard".to_owned(),
        });
    };
    Ok(UngatedBoard {
        path,
        vintage: parsed.vintage(),
        total_models: parsed.total_models,
        total_votes: parsed.total_votes,
        reasons,
        anomalies: parsed.findings.anomalies(),
        board: parsed.board,
    })
}
