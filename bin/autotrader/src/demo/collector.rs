//! What the demo counts and exports: every line is a fact that passed through the core.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use autotrader_domain::{
    BoardHash, ClientOrderId, Fill, Order, Purpose, Reading, ReadingOutcome, Record, Verdict, Vintage,
};
use autotrader_engine::{Effect, Event, Handled};
use chrono::{DateTime, Utc};
use serde::Serialize;
use serde_json::json;

use crate::run::Watcher;

/// Counts and lines of one demo.
#[derive(Debug, Default)]
pub(crate) struct Collected {
    pub(crate) readings: Vec<String>,
    pub(crate) decisions: Vec<String>,
    pub(crate) orders: Vec<String>,
    pub(crate) fills: Vec<String>,
    pub(crate) journal: Vec<String>,
    /// Commands as they were carried out; no part of the decision hash, which covers what follows from them.
    pub(crate) commands: Vec<String>,
    pub(crate) boards_accepted: u64,
    pub(crate) boards_held: u64,
    pub(crate) boards_refused: u64,
    pub(crate) signals: u64,
    pub(crate) placed: u64,
    pub(crate) settlements: u64,
    pub(crate) blocked_by: BTreeMap<String, u64>,
    purposes: BTreeMap<ClientOrderId, (Purpose, bool)>,
}

impl Collected {
    /// Orders of one purpose that got at least one execution.
    pub(crate) fn filled(&self, purpose: Purpose) -> usize {
        self.purposes
            .values()
            .filter(|(own, filled)| *own == purpose && *filled)
            .count()
    }

    fn block(&mut self, code: &str) {
        *self.blocked_by.entry(code.to_owned()).or_default() += 1;
    }
}

/// A board as the export shows it: identity, not rows.
#[derive(Serialize)]
struct ReadingLine<'a> {
    at: DateTime<Utc>,
    source: &'a str,
    verdict: Option<Verdict>,
    reasons: Vec<&'a str>,
    hash: Option<BoardHash>,
    vintage: Option<Vintage>,
    rows: usize,
    failure: Option<&'a str>,
}

impl<'a> ReadingLine<'a> {
    fn of(at: DateTime<Utc>, reading: &'a Reading) -> Self {
        let empty = Self {
            at,
            source: &reading.source,
            verdict: None,
            reasons: Vec::new(),
            hash: None,
            vintage: None,
            rows: 0,
            failure: None,
        };
        match &reading.outcome {
            ReadingOutcome::Page { page, .. } => Self {
                verdict: Some(page.verdict),
                reasons: page.reasons.iter().map(|reason| reason.code.as_str()).collect(),
                hash: Some(page.hash),
                vintage: page.vintage,
                rows: page.board.entries.len(),
                ..empty
            },
            ReadingOutcome::Failed { code, .. } => Self {
                failure: Some(code),
                ..empty
            },
        }
    }
}

/// Collects behind a lock, because the run loop owns its watchers.
#[derive(Debug, Clone, Default)]
pub(crate) struct Collector(Arc<Mutex<Collected>>);

impl Collector {
    /// Looks at what was collected.
    pub(crate) fn look(&self) -> MutexGuard<'_, Collected> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn line(value: &impl Serialize) -> String {
    // Plain data with string keys always serialises; an empty line would show in the hash.
    serde_json::to_string(value).unwrap_or_default()
}

impl Watcher for Collector {
    fn saw(&mut self, at: DateTime<Utc>, event: &Event, handled: &Handled) {
        let mut collected = self.look();
        collected.journal.push(handled.record.line());
        match event {
            Event::Reading(reading) => saw_reading(&mut collected, at, reading),
            Event::Order(update) => saw_order(&mut collected, at, &update.order, &update.detail),
            Event::Fill(fill) => saw_fill(&mut collected, fill),
            Event::Command(command) => {
                collected
                    .commands
                    .push(line(&json!({ "at": at, "command": command })));
            }
            Event::Settlement(settled) => {
                collected.settlements += 1;
                collected.fills.push(line(&json!({ "settlement": settled })));
            }
            _ => {}
        }
        for effect in &handled.effects {
            saw_effect(&mut collected, effect);
        }
    }
}

fn saw_reading(collected: &mut Collected, at: DateTime<Utc>, reading: &Reading) {
    collected.readings.push(line(&ReadingLine::of(at, reading)));
    match &reading.outcome {
        ReadingOutcome::Page { page, .. } if page.verdict == Verdict::Refused => {
            collected.boards_refused += 1;
            for reason in &page.reasons {
                collected.block(reason.code.as_str());
            }
        }
        ReadingOutcome::Page { .. } => {}
        ReadingOutcome::Failed { code, .. } => collected.block(code),
    }
}

fn saw_order(collected: &mut Collected, at: DateTime<Utc>, order: &Order, detail: &str) {
    collected
        .orders
        .push(line(&json!({ "at": at, "order": order, "detail": detail })));
    let entry = collected
        .purposes
        .entry(order.client_order_id.clone())
        .or_insert((order.intent.purpose, false));
    entry.1 |= !order.filled.is_zero();
}

fn saw_fill(collected: &mut Collected, fill: &Fill) {
    collected.fills.push(line(&json!({ "fill": fill })));
    if let Some(id) = &fill.client_order_id
        && let Some(entry) = collected.purposes.get_mut(id)
    {
        entry.1 = true;
    }
}

fn saw_effect(collected: &mut Collected, effect: &Effect) {
    match effect {
        Effect::Place { .. } => collected.placed += 1,
        Effect::Record(Record::Accepted(_)) => collected.boards_accepted += 1,
        Effect::Record(Record::Signal { .. }) => collected.signals += 1,
        Effect::Record(Record::Decision(why)) => {
            if let Some(reason) = why.reason {
                collected.block(reason.code());
            }
            collected.decisions.push(line(why));
        }
        Effect::Alert(alert) if alert.name.starts_with("board_held") => collected.boards_held += 1,
        _ => {}
    }
}
