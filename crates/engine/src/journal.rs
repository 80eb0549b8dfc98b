//! Journal records and the hash chain over them.

use std::fmt;

use autotrader_domain::{Reading, ReadingOutcome};
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
#[derive(Debug, Clone, Default)]
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
    unchanged: autotrader_domain::BoardHash,
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

fn next_link(previous: ChainHash, body: &str) -> ChainHash {
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
