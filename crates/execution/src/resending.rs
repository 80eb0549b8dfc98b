//! Sending a stored body again: at most one order, whatever became of the first submission.
//!
//! An id is spent at the venue once an order with it was taken, so a second submission of the same body is refused as a
//! duplicate when the first arrived. That the venue remembers ids is an assumption; it is not relied on alone. A body is
//! sent again only
//!
//! - after a complete listing, executed orders included, that lacks the order and whose own time is later than the last
//!   send by the margin that absence needs ([`ExecutionSettings::absence_margin`]): what is not there by then did not arrive;
//! - within [`ExecutionSettings::resend_window`] of the decision, and not for orders that rest past it or have expired;
//! - a bounded number of times ([`ExecutionSettings::resends`]).
//!
//! Everything else is left to the listings. An order of unknown outcome counts as filled at worst all along, so that a
//! submission of it breaks no limit that holds without it.
//!
//! [`ExecutionSettings::absence_margin`]: crate::ExecutionSettings::absence_margin
//! [`ExecutionSettings::resend_window`]: crate::ExecutionSettings::resend_window
//! [`ExecutionSettings::resends`]: crate::ExecutionSettings::resends

use autotrader_domain::ports::{Answered, PlaceOutcome};
use autotrader_domain::{ClientOrderId, OrderState, RejectReason, TimeInForce};
use chrono::{DateTime, Utc};

use crate::booking::Why;
use crate::executor::access_refused;
use crate::{ExecutionEvent, ExecutionSettings, Executor, Life, VenueWord};

impl Executor {
    /// Resolves one order of unknown outcome that is still wanted: by reading, and where that shows that it never arrived,
    /// by sending its stored body again.
    ///
    /// A second submission that is refused as a duplicate means that the first was taken: it is looked up. Any other
    /// refusal is of the second alone, so the order stays unknown and the listings decide.
    ///
    /// Not cancellation-safe: a dropped call leaves the order to [`Executor::resolve`].
    pub async fn resend(&self, id: &ClientOrderId) -> Vec<ExecutionEvent> {
        let mut events = Vec::new();
        let Some(_in_flight) = self.begin_resend(id) else {
            return events;
        };
        if self.absent_for_certain(id, &mut events).await {
            self.send_again(id, &mut events).await;
        }
        events
    }

    fn begin_resend(&self, id: &ClientOrderId) -> Option<crate::executor::InFlight<'_>> {
        // While it is under way nobody else looks it up: an absence counted meanwhile would give up what is being sent.
        self.begin(id)
    }

    /// Reads the account once; whether the listing proves that the order has not arrived, and it may be sent again.
    async fn absent_for_certain(&self, id: &ClientOrderId, events: &mut Vec<ExecutionEvent>) -> bool {
        let now = self.ports.clock.now();
        let since = {
            let tracker = self.tracker.lock().await;
            match tracker.life(id) {
                Some(life) if may_be_sent_again(life, &self.settings, now) => life.order.created_at,
                _ => {
                    drop(tracker);
                    self.look_up(std::slice::from_ref(id), events).await;
                    return false;
                }
            }
        };
        match self.ports.account.snapshot(since - self.settings.overlap).await {
            Ok(snapshot) => {
                let batch = self.search(&snapshot, std::slice::from_ref(id), events).await;
                let now = self.ports.clock.now();
                let tracker = self.tracker.lock().await;
                batch == crate::booking::Batch::Whole
                    && tracker.life(id).is_some_and(|life| {
                        snapshot
                            .as_of
                            .is_some_and(|as_of| as_of > life.sent_at + self.settings.absence_margin)
                            && may_be_sent_again(life, &self.settings, now)
                    })
            }
            Err(error) => {
                self.feed_failed("the account", &error, events);
                false
            }
        }
    }

    async fn send_again(&self, id: &ClientOrderId, events: &mut Vec<ExecutionEvent>) {
        let Some((life, body)) = self.note_resend(id, events).await else {
            return;
        };
        let Answered { outcome, answer } = self.ports.gateway.place(&life.request, &body).await;
        let answer = answer.as_deref();
        match outcome {
            PlaceOutcome::Accepted {
                venue_order_id,
                filled,
                remaining,
            } => {
                let word = VenueWord {
                    filled,
                    open: !remaining.is_zero(),
                };
                let detail = format!(
                    "Sent again and accepted as {venue_order_id}: {filled} filled, {remaining} open."
                );
                self.hear(
                    id,
                    Some(venue_order_id),
                    word,
                    Why::answered(&detail, answer),
                    events,
                )
                .await;
                self.await_fills(id, events).await;
            }
            PlaceOutcome::Rejected {
                reason: RejectReason::DuplicateOrder,
                detail,
            } => {
                let detail = format!("Sent again; the venue has this id already: {detail}");
                self.note(id, Why::answered(&detail, answer), events).await;
                self.look_up(std::slice::from_ref(id), events).await;
            }
            PlaceOutcome::Rejected { reason, detail } => {
                events.extend(access_refused("an order", reason, &detail));
                let detail = format!(
                    "Sent again and refused, which says nothing of the first time: {reason} {detail}"
                );
                self.note(id, Why::answered(&detail, answer), events).await;
            }
            PlaceOutcome::NotSent { detail } => {
                let detail = format!("Not sent again: {detail}");
                self.note(id, Why::answered(&detail, answer), events).await;
            }
            PlaceOutcome::Unknown { detail } => {
                let detail = format!("Sent again, outcome unknown: {detail}");
                self.note(id, Why::answered(&detail, answer), events).await;
            }
        }
    }

    /// Writes down that an order is sent again, before it is; `None` when that, or the order itself, does not allow it.
    async fn note_resend(
        &self,
        id: &ClientOrderId,
        events: &mut Vec<ExecutionEvent>,
    ) -> Option<(Life, String)> {
        let mut tracker = self.tracker.lock().await;
        let now = self.ports.clock.now();
        let life = tracker.life_mut(id)?;
        let body = life.body.clone()?;
        life.resends += 1;
        life.sent_at = now;
        life.absences = (0, None);
        let life = life.clone();
        self.report(&mut tracker, &life, "The stored body is sent again.", events)
            .await;
        let durable = tracker.unsaved(id).is_empty();
        durable.then_some((life, body))
    }

    /// Adds words to an order's history without a step of its life.
    async fn note(&self, id: &ClientOrderId, why: Why<'_>, events: &mut Vec<ExecutionEvent>) {
        let mut tracker = self.tracker.lock().await;
        if let Some(life) = tracker.life(id).cloned() {
            self.report(&mut tracker, &life, why, events).await;
        }
    }
}

/// Whether an order's stored body may be sent again at all; that it has not arrived is for a listing to prove.
fn may_be_sent_again(life: &Life, settings: &ExecutionSettings, now: DateTime<Utc>) -> bool {
    let order = &life.order;
    let expired = matches!(
        order.intent.time_in_force,
        TimeInForce::GoodTillCanceled { expires_at: Some(expiry) } if expiry <= now
    );
    order.state == OrderState::Unknown
        && order.venue_order_id.is_none()
        && order.filled.is_zero()
        && life.word.is_none()
        && life.body.is_some()
        && life.resends < settings.resends
        && now < order.created_at + settings.resend_window
        && !expired
}
