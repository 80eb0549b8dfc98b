//! Running the core again on what a journal recorded, and comparing what it wants with what it wanted then.
//!
//! Nothing is read but the journal: a segment starts with the whole state, and every step names its event and its time. So a
//! replay needs no clock, no network and no database, and gives the same bytes in any process.

use autotrader_engine::{ChainHash, Effect, Engine, Event, Pages, Step, UnreadableStep, read_step};
use chrono::{DateTime, Utc};
use serde::Serialize;
use serde_json::Value;

/// The first step at which a replay and its journal part.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Difference {
    /// The step.
    pub seq: u64,
    /// When it was.
    pub at: DateTime<Utc>,
    /// Its event.
    pub event: Value,
    /// The first effect that differs, as recorded; nothing when there was none more.
    pub expected: Value,
    /// The same, as it follows now.
    pub actual: Value,
}

/// A replay that ends early.
#[derive(Debug, thiserror::Error)]
pub enum ReplayError {
    /// A line tells no step.
    #[error("step {after} is followed by a line that cannot be read: {source}")]
    Unreadable {
        /// The last step that could.
        after: u64,
        /// Why.
        source: UnreadableStep,
    },
    /// What follows now is not what followed then.
    #[error("step {} differs", .0.seq)]
    Differs(Box<Difference>),
    /// The link is not the one that follows from the body: a byte of the line was changed.
    #[error("step {seq}: the link is {stated}, but {actual} follows; the line was changed")]
    Link {
        /// The step.
        seq: u64,
        /// What the line states.
        stated: String,
        /// What follows from it.
        actual: ChainHash,
    },
    /// The core failed.
    #[error("step {seq}: the core failed: {source}")]
    Core {
        /// The step.
        seq: u64,
        /// Why.
        source: serde_json::Error,
    },
}

/// A step that was replayed, and what followed from it.
#[derive(Debug)]
pub struct Taken {
    /// The step.
    pub step: Step,
    /// What the core wanted done.
    pub effects: Vec<Effect>,
}

/// A core that is fed with a journal.
#[derive(Debug)]
pub struct Replay {
    engine: Engine,
    pages: Pages,
    steps: u64,
}

impl Replay {
    /// A replay that goes on from the state of a core.
    #[must_use]
    pub fn from(engine: Engine) -> Self {
        Self {
            pages: engine.pages(),
            engine,
            steps: 0,
        }
    }

    /// Takes the next line and holds what follows against it.
    ///
    /// # Errors
    /// [`ReplayError`] at the first line that differs; the replay cannot go on then.
    pub fn take(&mut self, link: &str, body: &str) -> Result<Taken, ReplayError> {
        let step = self.read(body)?;
        let handled = self.handle(&step)?;
        if handled.record.body != body {
            return Err(ReplayError::Differs(Box::new(difference(
                &step,
                body,
                &handled.record.body,
            ))));
        }
        if handled.record.chain.to_string() != link {
            return Err(ReplayError::Link {
                seq: step.seq,
                stated: link.to_owned(),
                actual: handled.record.chain,
            });
        }
        self.steps += 1;
        Ok(Taken {
            step,
            effects: handled.effects,
        })
    }

    /// Takes the next line with another core than the recorded one, and says what is decided otherwise.
    ///
    /// What happened stays as recorded: the answers of the exchange to the orders that were sent then. An order that is only
    /// decided now is taken back at once, as if it had not been sent.
    ///
    /// # Errors
    /// [`ReplayError`] when the line cannot be read or the core fails.
    pub fn take_otherwise(&mut self, body: &str) -> Result<Option<Change>, ReplayError> {
        let step = self.read(body)?;
        let handled = self.handle(&step)?;
        for effect in &handled.effects {
            if let Effect::Place { order, .. } = effect {
                let event = Event::Unsent {
                    client_order_id: order.get().client_order_id.clone(),
                    detail: "only decided in a replay".to_owned(),
                };
                self.engine
                    .handle(step.at, &event)
                    .map_err(|source| ReplayError::Core {
                        seq: step.seq,
                        source,
                    })?;
            }
        }
        self.steps += 1;
        let (recorded, now) = (decisions(body), decisions(&handled.record.body));
        Ok((recorded != now).then_some(Change {
            seq: step.seq,
            at: step.at,
            recorded,
            now,
        }))
    }

    fn read(&mut self, body: &str) -> Result<Step, ReplayError> {
        read_step(body, &mut self.pages).map_err(|source| ReplayError::Unreadable {
            after: self.engine.steps(),
            source,
        })
    }

    fn handle(&mut self, step: &Step) -> Result<autotrader_engine::Handled, ReplayError> {
        self.engine
            .handle(step.at, &step.event)
            .map_err(|source| ReplayError::Core {
                seq: step.seq,
                source,
            })
    }

    /// The core as it is now.
    #[must_use]
    pub const fn engine(&self) -> &Engine {
        &self.engine
    }

    /// How many steps were taken.
    #[must_use]
    pub const fn steps(&self) -> u64 {
        self.steps
    }
}

/// What is decided otherwise at one step: orders, cancels and refusals, recorded and now.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Change {
    /// The step.
    pub seq: u64,
    /// When it was.
    pub at: DateTime<Utc>,
    /// What was decided then.
    pub recorded: Vec<Value>,
    /// What is decided now.
    pub now: Vec<Value>,
}

fn effects(body: &str) -> Vec<Value> {
    let step: Value = serde_json::from_str(body).unwrap_or_default();
    match step.get("effects") {
        Some(Value::Array(effects)) => effects.clone(),
        _ => Vec::new(),
    }
}

/// The effects that say what is traded: an order's contract, side, size and limit; a cancel; a refusal with its reason.
fn decisions(body: &str) -> Vec<Value> {
    effects(body).iter().filter_map(decision).collect()
}

fn decision(effect: &Value) -> Option<Value> {
    if let Some(order) = effect.pointer("/place/0") {
        let intent = order.get("intent")?;
        let pick = |key: &str| intent.get(key).cloned().unwrap_or_default();
        return Some(serde_json::json!({
            "order": pick("ticker"),
            "side": pick("side"),
            "contracts": pick("contracts"),
            "limit": pick("limit"),
            "purpose": pick("purpose"),
        }));
    }
    if effect.get("cancel").is_some() {
        return Some(effect.clone());
    }
    let record = effect.get("record")?;
    let refusal = record.get("refusal")?;
    Some(serde_json::json!({ "refused": refusal.get("ticker"), "reason": refusal.get("reason") }))
}

/// The first effect that differs between two bodies of one step.
fn difference(step: &Step, expected: &str, actual: &str) -> Difference {
    let (then, now) = (effects(expected), effects(actual));
    let place = (0..then.len().max(now.len()))
        .find(|place| then.get(*place) != now.get(*place))
        .unwrap_or_default();
    let of = |effects: &[Value]| effects.get(place).cloned().unwrap_or_default();
    Difference {
        seq: step.seq,
        at: step.at,
        event: serde_json::to_value(&step.event).unwrap_or_default(),
        expected: of(&then),
        actual: of(&now),
    }
}
