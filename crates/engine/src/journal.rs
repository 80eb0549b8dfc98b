//! Journal records and the hash chain over them.

use std::collections::VecDeque;
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use autotrader_domain::{BoardHash, GatedBoard, Reading, ReadingOutcome};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use sha2::{Digest, Sha256};

use crate::{Effect, Event};

/// A link of the chain.
#[derive(Clone, Copy, PartialEq, Eq, Default)]
pub struct ChainHash(pub [u8; 32]);

impl fmt::Display for ChainHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl FromStr for ChainHash {
    type Err = <BoardHash as FromStr>::Err;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        // The same text as that of a board's hash: 64 hexadecimal digits.
        text.parse::<BoardHash>().map(|hash| Self(hash.0))
    }
}

impl Serialize for ChainHash {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for ChainHash {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

impl fmt::Debug for ChainHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// One step of the core as a line of text: the body and the link that covers it and everything before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JournalRecord {
    /// The sequence number of the event.
    pub seq: u64,
    /// The body: sequence number, time, event and effects as one JSON object.
    pub body: String,
    /// The link after this step.
    pub chain: ChainHash,
}

impl JournalRecord {
    /// The record as one line of the journal, without a line end.
    #[must_use]
    pub fn line(&self) -> String {
        format!("{} {}", self.chain, self.body)
    }
}

/// The chain: `link = SHA-256(previous link ‖ body)`.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Chain {
    seq: u64,
    link: ChainHash,
}

#[derive(Serialize)]
struct Body<'a> {
    seq: u64,
    at: DateTime<Utc>,
    #[serde(flatten)]
    event: EventLine<'a>,
    effects: &'a [Effect],
}

/// An event as it is journalled: a board that did not change is named by its hash, not repeated.
#[derive(Serialize)]
#[serde(untagged)]
enum EventLine<'a> {
    UnchangedReading {
        event: &'static str,
        data: UnchangedReading<'a>,
    },
    Whole(&'a Event),
}

#[derive(Serialize)]
struct UnchangedReading<'a> {
    source: &'a str,
    fetched_at: DateTime<Utc>,
    origin: &'a str,
    latency_micros: u128,
    bytes: u64,
    unchanged: BoardHash,
}

fn event_line(event: &Event) -> EventLine<'_> {
    match event {
        Event::Reading(Reading {
            source,
            fetched_at,
            origin,
            latency,
            bytes,
            outcome:
                ReadingOutcome::Page {
                    page,
                    unchanged: true,
                },
        }) => EventLine::UnchangedReading {
            event: "reading",
            data: UnchangedReading {
                source,
                fetched_at: *fetched_at,
                origin,
                latency_micros: latency.as_micros(),
                bytes: *bytes,
                unchanged: page.hash,
            },
        },
        other => EventLine::Whole(other),
    }
}

/// The link after a body: `SHA-256(previous link ‖ body)`.
#[must_use]
pub fn next_link(previous: ChainHash, body: &str) -> ChainHash {
    let mut hash = Sha256::new();
    hash.update(previous.0);
    hash.update(body.as_bytes());
    ChainHash(hash.finalize().into())
}

impl Chain {
    /// The last link.
    #[must_use]
    pub const fn link(&self) -> ChainHash {
        self.link
    }

    /// How many steps the chain covers.
    #[must_use]
    pub const fn len(&self) -> u64 {
        self.seq
    }

    /// Whether nothing has happened yet.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.seq == 0
    }

    /// A chain that goes on after a step of another.
    #[must_use]
    pub const fn after(seq: u64, link: ChainHash) -> Self {
        Self { seq, link }
    }

    /// Adds one step.
    ///
    /// # Errors
    /// The serialiser's error; events and effects are plain data, so none is expected.
    pub fn append(
        &mut self,
        at: DateTime<Utc>,
        event: &Event,
        effects: &[Effect],
    ) -> Result<JournalRecord, serde_json::Error> {
        let seq = self.seq + 1;
        let body = serde_json::to_string(&Body {
            seq,
            at,
            event: event_line(event),
            effects,
        })?;
        self.link = next_link(self.link, &body);
        self.seq = seq;
        Ok(JournalRecord {
            seq,
            body,
            chain: self.link,
        })
    }
}

/// How many boards are kept: an unchanged reading names the one before it, of one of a few sources.
const KEPT_PAGES: usize = 16;

/// The latest boards: later lines of a journal name an unchanged one by its hash.
#[derive(Debug, Clone, Default)]
pub struct Pages(VecDeque<Arc<GatedBoard>>);

impl Pages {
    /// Takes note of the board that an event brought.
    pub fn note(&mut self, event: &Event) {
        if let Event::Reading(reading) = event
            && let ReadingOutcome::Page { page, .. } = &reading.outcome
        {
            self.insert(Arc::clone(page));
        }
    }

    /// Takes note of a board.
    pub fn insert(&mut self, page: Arc<GatedBoard>) {
        if self.0.back().is_some_and(|latest| Arc::ptr_eq(latest, &page)) {
            return;
        }
        self.0.retain(|known| known.hash != page.hash);
        self.0.push_back(page);
        if self.0.len() > KEPT_PAGES {
            self.0.pop_front();
        }
    }

    /// The boards, the latest last.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<GatedBoard>> {
        self.0.iter()
    }

    fn get(&self, hash: BoardHash) -> Option<Arc<GatedBoard>> {
        self.0.iter().rfind(|page| page.hash == hash).cloned()
    }
}

/// One step as a journal tells it.
#[derive(Debug, Clone, PartialEq)]
pub struct Step {
    /// Its sequence number.
    pub seq: u64,
    /// When.
    pub at: DateTime<Utc>,
    /// What happened.
    pub event: Event,
}

/// A body that tells no step.
#[derive(Debug, thiserror::Error)]
pub enum UnreadableStep {
    /// It is not what this version writes.
    #[error("not a step of a journal: {0}")]
    Json(#[from] serde_json::Error),
    /// It names a board that no line before it shows.
    #[error("it names the board {0}, which nothing before it shows")]
    UnknownBoard(BoardHash),
}

#[derive(Deserialize)]
struct StepLine<'a> {
    seq: u64,
    at: DateTime<Utc>,
    event: &'a str,
    #[serde(borrow)]
    data: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct UnchangedLine {
    source: String,
    fetched_at: DateTime<Utc>,
    origin: String,
    latency_micros: u64,
    bytes: u64,
    unchanged: BoardHash,
}

impl Step {
    /// Reads the body of a record, the effects apart; an unchanged board is taken from those that came before.
    ///
    /// # Errors
    /// [`UnreadableStep`].
    pub fn read(body: &str, pages: &mut Pages) -> Result<Self, UnreadableStep> {
        let line: StepLine<'_> = serde_json::from_str(body)?;
        let unchanged = match (line.event, line.data) {
            ("reading", Some(data)) => serde_json::from_str::<UnchangedLine>(data.get()).ok(),
            _ => None,
        };
        let event = match unchanged {
            Some(reading) => Event::Reading(reading.with(pages)?),
            None => serde_json::from_str(body)?,
        };
        pages.note(&event);
        Ok(Self {
            seq: line.seq,
            at: line.at,
            event,
        })
    }
}

impl UnchangedLine {
    fn with(self, pages: &Pages) -> Result<Reading, UnreadableStep> {
        let page = pages.get(self.unchanged);
        Ok(Reading {
            source: self.source,
            fetched_at: self.fetched_at,
            origin: self.origin,
            latency: Duration::from_micros(self.latency_micros),
            bytes: self.bytes,
            outcome: ReadingOutcome::Page {
                page: page.ok_or(UnreadableStep::UnknownBoard(self.unchanged))?,
                unchanged: true,
            },
        })
    }
}

/// Where a journal stops being true.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error, Deserialize)]
#[error("line {line} breaks the hash chain: {detail}")]
pub struct BrokenChain {
    /// The line, counted from 1.
    pub line: usize,
    /// What is wrong with it.
    pub detail: String,
}

/// Recomputes the chain over the lines of a journal and returns its last link.
///
/// # Errors
/// [`BrokenChain`] with the first line that does not follow from the lines before it.
pub fn verify<'a>(lines: impl Iterator<Item = &'a str>) -> Result<ChainHash, BrokenChain> {
    let mut link = ChainHash::default();
    for (index, line) in lines.enumerate() {
        let broken = |detail: String| BrokenChain {
            line: index + 1,
            detail,
        };
        let (stated, body) = line
            .split_once(' ')
            .ok_or_else(|| broken("it has no link".into()))?;
        link = next_link(link, body);
        if link.to_string() != stated {
            return Err(broken(format!("it states {stated}, but {link} follows")));
        }
    }
    Ok(link)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn journal() -> Vec<String> {
        let mut chain = Chain::default();
        (0..5)
            .map(|second| {
                let at = DateTime::from_timestamp(second, 0).unwrap();
                chain.append(at, &Event::Timer, &[]).unwrap().line()
            })
            .collect()
    }

    #[test]
    fn an_untouched_journal_verifies() {
        let lines = journal();
        let last = verify(lines.iter().map(String::as_str)).unwrap();
        assert!(lines.last().unwrap().starts_with(&last.to_string()));
    }

    #[test]
    fn any_flipped_byte_is_found() {
        let lines = journal();
        for line in 0..lines.len() {
            for position in 0..lines[line].len() {
                let mut bytes = lines[line].clone().into_bytes();
                bytes[position] ^= 1;
                let mut mutated = lines.clone();
                mutated[line] = String::from_utf8(bytes).unwrap();
                assert!(
                    verify(mutated.iter().map(String::as_str)).is_err(),
                    "line {line} byte {position}"
                );
            }
        }
    }

    #[test]
    fn a_missing_line_is_found() {
        let lines = journal();
        let broken = verify(lines.iter().skip(1).map(String::as_str)).unwrap_err();
        assert_eq!(broken.line, 1);
    }
}
