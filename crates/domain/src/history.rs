//! What past boards tell of the future: which models were listed when, who arrived near the top, and who led when.
//!
//! The history is a log: [`BoardHistory::observe`] takes a board and returns what it adds, [`BoardHistory::apply`] takes up
//! what was written down. Live trading and the calibration on historical boards use the same functions. A question that
//! names a time is answered from what was known then: nothing that came later changes the answer.

use std::collections::BTreeMap;

use autotrader_settlement::{Entry, Rating};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

/// A debut this many points behind the leader or more is no arrival near the top. Source: the study behind the rates.
const NEAR_THE_TOP: f64 = -40.0;

/// A debut above this gap contends for the lead; siblings are told apart by the side they are on. Source: the same study.
const CONTENDS: f64 = -5.0;

/// Debuts of one organisation at most this many dates (UTC) apart, on the same side, are one release. Source: the same study.
const SIBLINGS_WITHIN_DAYS: i64 = 5;

/// How many of the last arrivals are searched for a sibling. Source: the same study.
const SIBLINGS_AMONG: usize = 6;

/// A release that debuted near the top of the board.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Arrival {
    /// When it was first seen.
    pub at: DateTime<Utc>,
    /// The model.
    pub model_name: String,
    /// Its owner.
    pub organization: Option<String>,
    /// Its score less that of the leader before it, in rating points, the shift of the whole scale removed.
    pub gap: f64,
}

/// A model that led from a time on, until the next.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Led {
    /// Since when.
    pub at: DateTime<Utc>,
    /// The model.
    pub model_name: String,
    /// Its owner.
    pub organization: Option<String>,
}

/// One thing that a board added to the history.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "event")]
pub enum HistoryEvent {
    /// A model is listed that was not.
    Listed {
        /// Since when.
        at: DateTime<Utc>,
        /// The model.
        model_name: String,
        /// Its owner.
        organization: Option<String>,
    },
    /// A model is no longer listed.
    Delisted {
        /// Since when.
        at: DateTime<Utc>,
        /// The model.
        model_name: String,
    },
    /// A release debuted near the top.
    Arrived(Arrival),
    /// Another model leads.
    Led(Led),
}

/// One board as the history sees it.
#[derive(Debug, Clone, Copy)]
pub struct Sight<'a> {
    /// When it became known.
    pub at: DateTime<Utc>,
    /// Its rows, in any order.
    pub entries: &'a [Entry],
    /// Who leads it.
    pub leader: Option<&'a Entry>,
    /// The rows of the board before it.
    pub previous: Option<&'a [Entry]>,
    /// Whether both come from one source: otherwise new names are noted, but are no arrivals.
    pub comparable: bool,
    /// Old and new names of models that go by another name now.
    pub renames: &'a [(String, String)],
}

/// What a debut is measured against.
#[derive(Debug, Clone, Copy)]
struct Before {
    /// The highest score of the board before.
    lead: f64,
    /// How much the whole scale moved since.
    shift: f64,
}

/// When a model was listed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Listing {
    organization: Option<String>,
    /// From when until when; the last may be open.
    spans: Vec<(DateTime<Utc>, Option<DateTime<Utc>>)>,
}

/// What past boards tell of the future.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct BoardHistory {
    since: Option<DateTime<Utc>>,
    listings: BTreeMap<String, Listing>,
    arrivals: Vec<Arrival>,
    leaders: Vec<Led>,
}

/// A score that can be reckoned with; `None` for none and for what is no number.
fn score(entry: &Entry) -> Option<f64> {
    entry
        .score
        .as_ref()
        .map(Rating::value)
        .filter(|score| score.is_finite())
}

/// The median of some numbers; zero of none, as boards without a common model have no common shift.
fn median(mut numbers: Vec<f64>) -> f64 {
    numbers.sort_by(f64::total_cmp);
    let middle = numbers.len() / 2;
    match (numbers.get(middle.wrapping_sub(1)), numbers.get(middle)) {
        (Some(below), Some(above)) if numbers.len().is_multiple_of(2) => f64::midpoint(*below, *above),
        (_, Some(middle)) => *middle,
        _ => 0.0,
    }
}

/// How much the whole scale moved between two boards: the median shift of the models on both, in rating points.
fn shift(previous: &[Entry], current: &[Entry]) -> f64 {
    let before: BTreeMap<&str, f64> = previous
        .iter()
        .filter_map(|entry| Some((entry.model_name.as_str(), score(entry)?)))
        .collect();
    let shifts = current.iter().filter_map(|entry| {
        let old = before.get(entry.model_name.as_str())?;
        Some(score(entry)? - old)
    });
    median(shifts.collect())
}

impl BoardHistory {
    /// A history that was watched from a time on, with nothing seen yet: for what is told otherwise than by boards.
    #[must_use]
    pub fn watched_since(since: DateTime<Utc>) -> Self {
        Self {
            since: Some(since),
            ..Self::default()
        }
    }

    /// Takes a board and returns what it added, in the order it was added.
    pub fn observe(&mut self, sight: &Sight<'_>) -> Vec<HistoryEvent> {
        let mut added = self.delisted(sight);
        let mut entries: Vec<&Entry> = sight.entries.iter().collect();
        // Siblings on one board: the best of them stands for the release.
        entries.sort_by(|a, b| {
            let value = |entry: &Entry| score(entry).unwrap_or(f64::NEG_INFINITY);
            value(b).total_cmp(&value(a))
        });
        let before = sight.previous.and_then(|rows| {
            let lead = rows.iter().filter_map(score).max_by(f64::total_cmp)?;
            Some(Before {
                lead,
                shift: shift(rows, sight.entries),
            })
        });
        for entry in entries {
            let known = self.listings.contains_key(&entry.model_name);
            if !known && let Some(arrival) = before.and_then(|before| self.arrival(sight, entry, before)) {
                let event = HistoryEvent::Arrived(arrival);
                self.apply(&event);
                added.push(event);
            }
            if !self.is_listed(&entry.model_name) {
                let event = HistoryEvent::Listed {
                    at: sight.at,
                    model_name: entry.model_name.clone(),
                    organization: entry.organization.clone(),
                };
                self.apply(&event);
                added.push(event);
            }
        }
        added.extend(self.led(sight));
        added
    }

    fn delisted(&mut self, sight: &Sight<'_>) -> Vec<HistoryEvent> {
        let named: std::collections::BTreeSet<&str> = sight
            .entries
            .iter()
            .map(|entry| entry.model_name.as_str())
            .collect();
        let gone: Vec<HistoryEvent> = self
            .listings
            .iter()
            .filter(|(name, listing)| listing.is_open() && !named.contains(name.as_str()))
            .map(|(name, _)| HistoryEvent::Delisted {
                at: sight.at,
                model_name: name.clone(),
            })
            .collect();
        for event in &gone {
            self.apply(event);
        }
        gone
    }

    /// What the debut of a model that was never listed adds; `None` when it is no arrival near the top.
    fn arrival(&self, sight: &Sight<'_>, entry: &Entry, before: Before) -> Option<Arrival> {
        let renamed = sight.renames.iter().any(|(_, new)| *new == entry.model_name);
        if !sight.comparable || renamed {
            return None;
        }
        let gap = score(entry)? - before.shift - before.lead;
        let date = sight.at.date_naive();
        let sibling = |other: &&Arrival| {
            // Dates, not hours: an exported series tells dates alone, and must bring the same arrivals.
            let days = date.signed_duration_since(other.at.date_naive()).num_days();
            other.organization == entry.organization
                && days <= SIBLINGS_WITHIN_DAYS
                && (other.gap > CONTENDS) == (gap > CONTENDS)
        };
        let recent = self.arrivals.iter().rev().take(SIBLINGS_AMONG).find(sibling);
        (gap > NEAR_THE_TOP && recent.is_none()).then(|| Arrival {
            at: sight.at,
            model_name: entry.model_name.clone(),
            organization: entry.organization.clone(),
            gap,
        })
    }

    fn led(&mut self, sight: &Sight<'_>) -> Option<HistoryEvent> {
        let leader = sight.leader?;
        let same = self.leaders.last().is_some_and(|led| {
            led.model_name == leader.model_name && led.organization == leader.organization
        });
        if same {
            return None;
        }
        let event = HistoryEvent::Led(Led {
            at: sight.at,
            model_name: leader.model_name.clone(),
            organization: leader.organization.clone(),
        });
        self.apply(&event);
        Some(event)
    }

    /// Takes up one thing that was written down; events come in the order they were added.
    pub fn apply(&mut self, event: &HistoryEvent) {
        match event {
            HistoryEvent::Listed {
                at,
                model_name,
                organization,
            } => {
                self.since.get_or_insert(*at);
                let listing = self.listings.entry(model_name.clone()).or_insert(Listing {
                    organization: organization.clone(),
                    spans: Vec::new(),
                });
                listing.organization.clone_from(organization);
                if !listing.is_open() {
                    listing.spans.push((*at, None));
                }
            }
            HistoryEvent::Delisted { at, model_name } => {
                if let Some(span) = self.listings.get_mut(model_name).and_then(|l| l.spans.last_mut()) {
                    span.1.get_or_insert(*at);
                }
            }
            HistoryEvent::Arrived(arrival) => self.arrivals.push(arrival.clone()),
            HistoryEvent::Led(led) => self.leaders.push(led.clone()),
        }
    }

    /// When the first board was seen; `None` before that.
    #[must_use]
    pub const fn since(&self) -> Option<DateTime<Utc>> {
        self.since
    }

    /// Every arrival near the top that is known by now, oldest first.
    #[must_use]
    pub fn arrivals(&self) -> &[Arrival] {
        &self.arrivals
    }

    /// The arrivals near the top that were known at a time, oldest first.
    #[must_use]
    pub fn arrivals_until(&self, at: DateTime<Utc>) -> &[Arrival] {
        let known = self.arrivals.partition_point(|arrival| arrival.at <= at);
        self.arrivals.get(..known).unwrap_or_default()
    }

    /// Every change of leader that is known by now, oldest first.
    #[must_use]
    pub fn leaders(&self) -> &[Led] {
        &self.leaders
    }

    /// The changes of leader that were known at a time, oldest first.
    #[must_use]
    pub fn leaders_until(&self, at: DateTime<Utc>) -> &[Led] {
        let known = self.leaders.partition_point(|led| led.at <= at);
        self.leaders.get(..known).unwrap_or_default()
    }

    /// Who led at a time; `None` before the first leader.
    #[must_use]
    pub fn leader_at(&self, at: DateTime<Utc>) -> Option<&Led> {
        self.leaders_until(at).last()
    }

    /// When a model was listed first; `None` for one that never was. A later event never changes it.
    #[must_use]
    pub fn first_seen(&self, model_name: &str) -> Option<DateTime<Utc>> {
        let listing = self.listings.get(model_name)?;
        listing.spans.first().map(|(from, _)| *from)
    }

    /// Whether a model was listed at a time.
    #[must_use]
    pub fn listed_at(&self, model_name: &str, at: DateTime<Utc>) -> bool {
        self.listings.get(model_name).is_some_and(|listing| {
            let covers = |span: &(DateTime<Utc>, Option<DateTime<Utc>>)| {
                span.0 <= at && span.1.is_none_or(|until| at < until)
            };
            listing.spans.iter().any(covers)
        })
    }

    fn is_listed(&self, model_name: &str) -> bool {
        self.listings.get(model_name).is_some_and(Listing::is_open)
    }
}

impl Listing {
    fn is_open(&self) -> bool {
        self.spans.last().is_some_and(|(_, until)| until.is_none())
    }
}
