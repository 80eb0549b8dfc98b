//! Writing down what is learnt: one step of one order, one fill, one settlement at a time.

use std::collections::BTreeMap;

use autotrader_domain::ports::FeedError;
use autotrader_domain::{ClientOrderId, Contracts, Fill, OrderState, SettlementRecord, VenueOrderId};
use chrono::{DateTime, Utc};
use tracing::warn;

use crate::attribution::Attribution;
use crate::executor::order_event;
use crate::tracker::{Tracker, UnsavedStep};
use crate::{ExecutionEvent, Executor, Life, Step, VenueWord, advance};

/// What became of a batch of fills or settlements.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use = "a batch that is not booked whole must be read again"]
pub(crate) enum Batch {
    /// All of them are booked.
    Whole,
    /// Some must be read again: the store failed, or it is not known yet whose they are.
    ReadAgain,
}

/// Why an order takes a step, for its history.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Why<'a> {
    /// In words.
    pub(crate) detail: &'a str,
    /// What the venue answered, where an answer caused the step.
    pub(crate) answer: Option<&'a str>,
}

impl<'a> Why<'a> {
    pub(crate) const fn answered(detail: &'a str, answer: Option<&'a str>) -> Self {
        Self { detail, answer }
    }
}

impl<'a> From<&'a str> for Why<'a> {
    fn from(detail: &'a str) -> Self {
        Self { detail, answer: None }
    }
}

impl<'a> From<&'a String> for Why<'a> {
    fn from(detail: &'a String) -> Self {
        Self::from(detail.as_str())
    }
}

impl Executor {
    /// Takes one step of an order, stores it and reports it; an illegal one is reported as a mismatch.
    pub(crate) async fn step(
        &self,
        id: &ClientOrderId,
        step: Step,
        why: impl Into<Why<'_>>,
        events: &mut Vec<ExecutionEvent>,
    ) {
        let mut tracker = self.tracker.lock().await;
        self.step_in(&mut tracker, id, &step, why, events).await;
    }

    async fn step_in(
        &self,
        tracker: &mut Tracker,
        id: &ClientOrderId,
        step: &Step,
        why: impl Into<Why<'_>>,
        events: &mut Vec<ExecutionEvent>,
    ) {
        self.steps_in(tracker, id, std::slice::from_ref(step), why, events)
            .await;
    }

    /// Takes steps that belong together: stored and reported as one.
    async fn steps_in(
        &self,
        tracker: &mut Tracker,
        id: &ClientOrderId,
        steps: &[Step],
        why: impl Into<Why<'_>>,
        events: &mut Vec<ExecutionEvent>,
    ) {
        let why = why.into();
        let Some(before) = tracker.life(id).cloned() else {
            return;
        };
        let mut life = before.clone();
        for step in steps {
            match advance(&life, step, self.ports.clock.now()) {
                Ok(next) => life = next,
                Err(illegal) => {
                    warn!(client_order_id = %id, %illegal, "illegal_order_step");
                    events.push(ExecutionEvent::Mismatch {
                        detail: format!("{illegal} ({}).", why.detail),
                    });
                }
            }
        }
        let changed = life.order != before.order;
        tracker.insert(life.clone());
        if changed {
            self.report(tracker, &life, why, events).await;
        }
    }

    /// Stores an order as it now is and reports it.
    ///
    /// When the store fails the step still counts: it is a fact about the venue. It is stored before the next one, and a
    /// restart finds it out again.
    pub(crate) async fn report(
        &self,
        tracker: &mut Tracker,
        life: &Life,
        why: impl Into<Why<'_>>,
        events: &mut Vec<ExecutionEvent>,
    ) {
        let why = why.into();
        tracker
            .unsaved(&life.order.client_order_id)
            .push_back(UnsavedStep::of(&life.order, why));
        events.push(order_event(life, why.detail));
        self.save(tracker, &life.order.client_order_id, events).await;
    }

    /// Stores the steps of an order that are not stored yet, in the order taken, up to the first failure.
    async fn save(&self, tracker: &mut Tracker, id: &ClientOrderId, events: &mut Vec<ExecutionEvent>) {
        let unsaved = tracker.unsaved(id);
        while let Some(UnsavedStep {
            order,
            detail,
            answer,
        }) = unsaved.front()
        {
            let stored = self.ports.store.update_order(order, detail, answer.as_deref());
            if let Err(error) = stored.await {
                events.push(ExecutionEvent::StoreFailed {
                    detail: format!("Order {id} was not stored as {}: {error}.", order.state.as_str()),
                });
                return;
            }
            unsaved.pop_front();
        }
    }

    /// Stores the steps of every order that are not stored yet.
    pub(crate) async fn save_all(&self, tracker: &mut Tracker, events: &mut Vec<ExecutionEvent>) {
        for id in tracker.with_unsaved() {
            self.save(tracker, &id, events).await;
        }
    }

    /// Takes in what the venue says of an order, and its id there when that is news.
    pub(crate) async fn hear(
        &self,
        id: &ClientOrderId,
        venue_order_id: Option<VenueOrderId>,
        word: VenueWord,
        why: impl Into<Why<'_>>,
        events: &mut Vec<ExecutionEvent>,
    ) {
        let mut tracker = self.tracker.lock().await;
        let Some(life) = tracker.life(id) else {
            return;
        };
        if word.filled > life.order.intent.contracts {
            events.push(ExecutionEvent::Mismatch {
                detail: format!(
                    "The venue says {} of {} contracts of {id} are filled.",
                    word.filled, life.order.intent.contracts
                ),
            });
        }
        if matches!(life.order.state, OrderState::Abandoned | OrderState::Rejected) {
            events.push(ExecutionEvent::Mismatch {
                detail: format!(
                    "The venue has {id}, which was {} here.",
                    life.order.state.as_str()
                ),
            });
        }
        // Stored as possibly not sent, yet the venue knows it: it was.
        if life.order.state == OrderState::Intended {
            self.step_in(&mut tracker, id, &Step::Lose, "Found at the venue.", events)
                .await;
        }
        let identify = venue_order_id.map(Step::Identify);
        let steps: Vec<Step> = identify.into_iter().chain([Step::Report(word)]).collect();
        self.steps_in(&mut tracker, id, &steps, why, events).await;
    }

    /// Books fills that are new, oldest first, each durable before it is reported.
    pub(crate) async fn book_fills(&self, mut fills: Vec<Fill>, events: &mut Vec<ExecutionEvent>) -> Batch {
        {
            let tracker = self.tracker.lock().await;
            fills.retain(|fill| !tracker.has_fill(&fill.fill_id));
        }
        fills.sort_by(|a, b| (a.filled_at, &a.fill_id).cmp(&(b.filled_at, &b.fill_id)));
        let attributions = self.attribute(&fills, events).await;
        let mut batch = Batch::Whole;
        for fill in fills {
            let attribution = attributions
                .get(&fill.venue_order_id)
                .cloned()
                .unwrap_or(Attribution::NotYetKnown);
            if self.book_fill(fill, attribution, events).await == Batch::ReadAgain {
                batch = Batch::ReadAgain;
            }
        }
        batch
    }

    async fn book_fill(
        &self,
        mut fill: Fill,
        attribution: Attribution,
        events: &mut Vec<ExecutionEvent>,
    ) -> Batch {
        let mut tracker = self.tracker.lock().await;
        // Someone else may have booked it, or learnt whose it is, while the lock was free.
        if tracker.has_fill(&fill.fill_id) {
            return Batch::Whole;
        }
        let owner = match (tracker.owner(&fill.venue_order_id), attribution) {
            (Some(owner), _) => Some(owner.clone()),
            (None, Attribution::Ours(owner)) => Some(owner),
            (None, Attribution::NotOurs) if fill.filled_at < tracker.began => return Batch::Whole,
            (None, Attribution::NotOurs) => None,
            (None, Attribution::NotYetKnown) => return Batch::ReadAgain,
        };
        fill.client_order_id.clone_from(&owner);
        match self.ports.store.record_fill(&fill).await {
            Ok(false) if tracker.may_have_forgotten(fill.filled_at) => return Batch::Whole,
            // One that was stored already, and that this process has not booked, was stored by a call that failed all the
            // same: it is booked now.
            Ok(_) => tracker.note_fill(&fill.fill_id, fill.filled_at),
            Err(error) => {
                events.push(ExecutionEvent::StoreFailed {
                    detail: format!("Fill {} was not stored: {error}.", fill.fill_id),
                });
                return Batch::ReadAgain;
            }
        }
        if let Err(error) = tracker.books.book(&fill) {
            events.push(ExecutionEvent::Mismatch {
                detail: format!("Our books cannot take it: {error}."),
            });
        }
        events.push(ExecutionEvent::Fill(fill.clone()));
        if let Some(id) = owner {
            self.fill_order(&mut tracker, &id, &fill, events).await;
        }
        Batch::Whole
    }

    /// Counts a booked fill into its order.
    async fn fill_order(
        &self,
        tracker: &mut Tracker,
        id: &ClientOrderId,
        fill: &Fill,
        events: &mut Vec<ExecutionEvent>,
    ) {
        let Some(life) = tracker.life(id) else {
            // Finished long ago: the fill counts, the order no longer changes.
            return;
        };
        if let Some(contradiction) = contradiction(life, fill) {
            events.push(ExecutionEvent::Mismatch {
                detail: contradiction,
            });
        }
        if life.order.state == OrderState::Intended {
            self.step_in(tracker, id, &Step::Lose, "A fill arrived.", events)
                .await;
        }
        let detail = format!("Filled {} at {}.", fill.contracts, fill.price);
        let steps = [
            Step::Identify(fill.venue_order_id.clone()),
            Step::Fill(fill.contracts),
        ];
        self.steps_in(tracker, id, &steps, &detail, events).await;
    }

    /// Counts stored fills into orders that were stored before they were counted.
    pub(crate) async fn count_stored_fills(&self, fills: &[Fill], events: &mut Vec<ExecutionEvent>) {
        let mut tracker = self.tracker.lock().await;
        let counted: BTreeMap<ClientOrderId, Contracts> = tracker
            .lives()
            .map(|life| (life.order.client_order_id.clone(), life.order.filled))
            .collect();
        for (id, mut counted) in counted {
            for fill in fills
                .iter()
                .filter(|fill| fill.client_order_id.as_ref() == Some(&id))
            {
                match counted.checked_sub(fill.contracts) {
                    Some(rest) => counted = rest,
                    None => self.fill_order(&mut tracker, &id, fill, events).await,
                }
            }
        }
    }

    /// Books settlements that are new, oldest first, each durable before it is reported.
    pub(crate) async fn book_settlements(
        &self,
        mut settlements: Vec<SettlementRecord>,
        events: &mut Vec<ExecutionEvent>,
    ) -> Batch {
        settlements.sort_by(|a, b| (a.settled_at, &a.ticker).cmp(&(b.settled_at, &b.ticker)));
        let mut tracker = self.tracker.lock().await;
        for settled in settlements {
            if tracker.has_settlement(&settled) {
                continue;
            }
            match self.ports.store.record_settlement(&settled).await {
                Ok(false) if tracker.may_have_forgotten(settled.settled_at) => {}
                // As with fills: stored and not booked here means that an earlier call failed after it was stored.
                Ok(_) => {
                    tracker.note_settlement(&settled);
                    if let Err(error) = tracker.books.settle(&settled) {
                        events.push(ExecutionEvent::Mismatch {
                            detail: format!("Our books cannot take it: {error}."),
                        });
                    }
                    events.push(ExecutionEvent::Settlement(settled));
                }
                Err(error) => {
                    events.push(ExecutionEvent::StoreFailed {
                        detail: format!("The settlement of {} was not stored: {error}.", settled.ticker),
                    });
                    return Batch::ReadAgain;
                }
            }
        }
        Batch::Whole
    }

    /// Reads fills until those of an order add up to what the venue says is filled, a bounded number of times.
    ///
    /// What stays missing is not invented: the order's outcome is then unknown, and a later poll brings it.
    pub(crate) async fn await_fills(&self, id: &ClientOrderId, events: &mut Vec<ExecutionEvent>) {
        for attempt in 0..self.settings.fill_tries {
            let Some(since) = self.outstanding_since(id).await else {
                return;
            };
            if attempt > 0 {
                self.ports.pause.pause(self.settings.fill_pause).await;
            }
            match self.ports.account.fills(since).await {
                Ok(fills) => {
                    // What could not be booked is still outstanding, so the loop and later polls read it again.
                    let _: Batch = self.book_fills(fills, events).await;
                }
                Err(error) => {
                    if self.feed_failed("fills", &error, events) {
                        break;
                    }
                }
            }
        }
        if self.outstanding_since(id).await.is_some() {
            self.step(
                id,
                Step::Lose,
                "Fills that the venue counts have not arrived.",
                events,
            )
            .await;
        }
    }

    /// From when to read fills of an order that lacks some.
    async fn outstanding_since(&self, id: &ClientOrderId) -> Option<DateTime<Utc>> {
        let tracker = self.tracker.lock().await;
        let life = tracker.life(id).filter(|life| !life.outstanding().is_zero())?;
        Some(life.order.created_at - self.settings.overlap)
    }

    /// Reports a failed read; `true` when reading again is pointless.
    pub(crate) fn feed_failed(
        &self,
        what: &str,
        error: &FeedError,
        events: &mut Vec<ExecutionEvent>,
    ) -> bool {
        warn!(what, %error, "account_read_failed");
        match error {
            FeedError::Transient(_) => false,
            FeedError::Schema { .. } => {
                events.push(ExecutionEvent::SchemaBroken {
                    detail: format!("Reading {what}: {error}."),
                });
                true
            }
            FeedError::AccessRefused(_) => {
                events.push(ExecutionEvent::AccessRefused {
                    detail: format!("Reading {what}: {error}."),
                });
                true
            }
            FeedError::Refused(_) => {
                events.push(ExecutionEvent::Mismatch {
                    detail: format!("Reading {what}: {error}."),
                });
                true
            }
        }
    }
}

/// In which way a fill contradicts the order it belongs to, in words.
fn contradiction(life: &Life, fill: &Fill) -> Option<String> {
    let order = &life.order;
    let id = &order.client_order_id;
    if fill.ticker != order.intent.ticker || fill.side != order.intent.side {
        return Some(format!(
            "Fill {} is not on the market and side of {id}.",
            fill.fill_id
        ));
    }
    if matches!(order.state, OrderState::Abandoned | OrderState::Rejected) {
        return Some(format!(
            "Fill {} is of {id}, which was {} here.",
            fill.fill_id,
            order.state.as_str()
        ));
    }
    let filled = order.filled.checked_add(fill.contracts)?;
    (filled > order.intent.contracts).then(|| {
        format!(
            "Fill {} brings {id} to {filled} of {} contracts.",
            fill.fill_id, order.intent.contracts
        )
    })
}
