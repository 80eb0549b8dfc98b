//! Journal records and the hash chain over them.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use autotrader_domain::{BoardHash, GatedBoard, Reading, ReadingOutcome};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
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
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Chain {
    seq: u64,
    link: ChainHash,
    /// The page of each source that was written whole last: what an unchanged reading may name by its hash.
    pages: BTreeMap<String, Arc<GatedBoard>>,
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

/// A page that its source calls unchanged is named by its hash where it is the one written last, verdict and stamp included.
fn event_line<'a>(event: &'a Event, written: &BTreeMap<String, Arc<GatedBoard>>) -> EventLine<'a> {
    let stands = |source: &str, page: &Arc<GatedBoard>| {
        let known = written.get(source);
        known.is_some_and(|known| Arc::ptr_eq(known, page) || known == page)
    };
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
        }) if stands(source, page) => EventLine::UnchangedReading {
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

/// The source and the page of a reading that brought one.
pub(crate) fn whole_page(event: &Event) -> Option<(&str, &Arc<GatedBoard>)> {
    match event {
        Event::Reading(Reading {
            source,
            outcome: ReadingOutcome::Page { page, .. },
            ..
        }) => Some((source, page)),
        _ => None,
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

    /// The page of each source that was written whole last.
    #[must_use]
    pub const fn pages(&self) -> &BTreeMap<String, Arc<GatedBoard>> {
        &self.pages
    }

    /// A chain that goes on after a step of another; every page is written whole once more.
    #[must_use]
    pub const fn after(seq: u64, link: ChainHash) -> Self {
        Self {
            seq,
            link,
            pages: BTreeMap::new(),
        }
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
        let line = event_line(event, &self.pages);
        let by_name = matches!(line, EventLine::UnchangedReading { .. });
        let body = serde_json::to_string(&Body {
            seq,
            at,
            event: line,
            effects,
        })?;
        if let Some((source, page)) = whole_page(event).filter(|_| !by_name) {
            self.pages.insert(source.to_owned(), Arc::clone(page));
        }
        self.link = next_link(self.link, &body);
        self.seq = seq;
        Ok(JournalRecord {
            seq,
            body,
            chain: self.link,
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
