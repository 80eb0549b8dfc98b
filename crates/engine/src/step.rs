//! A step read back from its journal record: the inverse of writing it.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use autotrader_domain::{BoardHash, GatedBoard, Reading, ReadingOutcome};
use chrono::{DateTime, Utc};
use serde::Deserialize;
use serde::de::value::MapAccessDeserializer;
use serde::de::{Error, MapAccess, Visitor};

use crate::journal::whole_page;
use crate::{Chain, Event};

/// A step of the core before it was taken: what it was given.
#[derive(Debug, Clone, PartialEq)]
pub struct Step {
    /// The sequence number of the event.
    pub seq: u64,
    /// When it was handled.
    pub at: DateTime<Utc>,
    /// What happened.
    pub event: Event,
}

/// A journal record that is no step.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a journal record cannot be read: {detail}")]
pub struct UnreadableStep {
    /// What is wrong with it.
    pub detail: String,
}

/// The pages that records may name by their hash: of each source the one that was written whole last.
#[derive(Debug, Clone, Default)]
pub struct Pages {
    last: BTreeMap<String, Arc<GatedBoard>>,
}

impl Pages {
    /// What records may name that follow on a chain.
    #[must_use]
    pub fn after(chain: &Chain) -> Self {
        Self {
            last: chain.pages().clone(),
        }
    }

    fn named(&self, source: &str, hash: BoardHash) -> Result<Arc<GatedBoard>, UnreadableStep> {
        let known = self.last.get(source).filter(|page| page.hash == hash);
        known.cloned().ok_or_else(|| UnreadableStep {
            detail: format!("it names the board {hash}, which is not the last one of {source}"),
        })
    }
}

/// Reads the body of a journal record.
///
/// # Errors
/// [`UnreadableStep`] when it is none, or names a page that was not written before.
pub fn read_step(body: &str, pages: &mut Pages) -> Result<Step, UnreadableStep> {
    match serde_json::from_str::<WholeStep>(body) {
        Ok(WholeStep(step)) => {
            if let Some((source, page)) = whole_page(&step.event) {
                pages.last.insert(source.to_owned(), Arc::clone(page));
            }
            Ok(step)
        }
        Err(error) => match serde_json::from_str::<NamedPage>(body) {
            Ok(named) => named.step(pages),
            Err(_) => Err(UnreadableStep {
                detail: error.to_string(),
            }),
        },
    }
}

/// A step whose event is written whole.
struct WholeStep(Step);

impl<'de> Deserialize<'de> for WholeStep {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(InOrder)
    }
}

/// Reads number and time, which come first, and the event from what is left, without holding any of it twice.
struct InOrder;

impl<'de> Visitor<'de> for InOrder {
    type Value = WholeStep;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a step: its number, its time, its event and its effects")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<WholeStep, A::Error> {
        let seq = first(&mut map, "seq")?;
        let at = first(&mut map, "at")?;
        let event = Event::deserialize(MapAccessDeserializer::new(map))?;
        Ok(WholeStep(Step { seq, at, event }))
    }
}

fn first<'de, A: MapAccess<'de>, T: Deserialize<'de>>(
    map: &mut A,
    name: &'static str,
) -> Result<T, A::Error> {
    match map.next_entry::<&str, T>()? {
        Some((key, value)) if key == name => Ok(value),
        _ => Err(A::Error::missing_field(name)),
    }
}

/// A reading whose page is named by its hash.
#[derive(Deserialize)]
struct NamedPage {
    seq: u64,
    at: DateTime<Utc>,
    event: Named,
    data: NamedReading,
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum Named {
    Reading,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct NamedReading {
    source: String,
    fetched_at: DateTime<Utc>,
    origin: String,
    latency_micros: u64,
    bytes: u64,
    unchanged: BoardHash,
}

impl NamedPage {
    fn step(self, pages: &Pages) -> Result<Step, UnreadableStep> {
        let Self {
            seq,
            at,
            event: Named::Reading,
            data,
        } = self;
        let page = pages.named(&data.source, data.unchanged)?;
        Ok(Step {
            seq,
            at,
            event: Event::Reading(Reading {
                source: data.source,
                fetched_at: data.fetched_at,
                origin: data.origin,
                latency: Duration::from_micros(data.latency_micros),
                bytes: data.bytes,
                outcome: ReadingOutcome::Page {
                    page,
                    unchanged: true,
                },
            }),
        })
    }
}
