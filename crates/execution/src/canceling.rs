//! Taking orders off the book.

use autotrader_domain::ports::{Answered, CancelAccountOutcome, CancelOutcome, VenueOrder};
use autotrader_domain::{ClientOrderId, Contracts, OrderState, Ticker, VenueOrderId};

use crate::booking::Why;
use crate::executor::access_refused;
use crate::{ExecutionEvent, Executor, Step, VenueWord};

impl Executor {
    /// Takes one of our orders off the book and returns what became of it.
    ///
    /// "Not on the book" is ambiguous (filled, cancelled before, or never there), so it is resolved by reading the order
    /// and its fills; reads lag, so an order that still reads as resting stays unresolved. An order whose id at the
    /// venue is not known is looked up first. Cancelling a finished order does nothing.
    ///
    /// Not cancellation-safe: a dropped call leaves the order as last stored, to be read again by [`Executor::poll`].
    pub async fn cancel(&self, id: &ClientOrderId) -> Vec<ExecutionEvent> {
        let mut events = Vec::new();
        if self.cancelable(id).await.is_none() && !self.in_flight().contains(id) {
            self.look_up(std::slice::from_ref(id), &mut events).await;
        }
        let Some((ticker, venue)) = self.cancelable(id).await else {
            return events;
        };
        let Answered { outcome, answer } = self.ports.gateway.cancel(&ticker, &venue).await;
        let answer = answer.as_deref();
        match outcome {
            CancelOutcome::Canceled { reduced_by } => {
                self.reduced(id, reduced_by, answer, &mut events).await;
            }
            CancelOutcome::NotOnBook => {
                let why = Why::answered("Not on the book", answer);
                self.settle_gone(id, &venue, why, &mut events).await;
            }
            CancelOutcome::Unknown { detail } => {
                let what = format!("Cancel outcome unknown: {detail}");
                let why = Why::answered(&what, answer);
                self.settle_gone(id, &venue, why, &mut events).await;
            }
            CancelOutcome::Refused { reason, detail } => {
                events.extend(access_refused("a cancel", reason, &detail));
                let mut tracker = self.tracker.lock().await;
                if let Some(life) = tracker.life(id).cloned() {
                    let detail = format!("Cancel refused: {reason} {detail}");
                    let why = Why::answered(&detail, answer);
                    self.report(&mut tracker, &life, why, &mut events).await;
                }
            }
        }
        self.await_fills(id, &mut events).await;
        events
    }

    /// Cancels every order of the account, ours or not, and places nothing for a while ([`ExecutionSettings::silence`]),
    /// because the exchange may take off what is placed soon after.
    ///
    /// What became of our own orders is read afterwards, and again by every poll. Repeating it is harmless.
    ///
    /// [`ExecutionSettings::silence`]: crate::ExecutionSettings::silence
    ///
    /// Not cancellation-safe: events of a dropped call are lost, what they say is durable.
    pub async fn cancel_account(&self) -> (CancelAccountOutcome, Vec<ExecutionEvent>) {
        self.fall_silent();
        let Answered { outcome, .. } = self.ports.gateway.cancel_account().await;
        // Counted from the answer: the exchange acted between the two.
        self.fall_silent();
        let mut events = Vec::new();
        if let CancelAccountOutcome::Refused { reason, detail } = &outcome {
            events.extend(access_refused("a cancel of the account", *reason, detail));
        }
        events.extend(self.poll_orders().await);
        (outcome, events)
    }

    fn fall_silent(&self) {
        let until = self.ports.clock.now() + self.settings.silence;
        *self
            .silent_until
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner) = Some(until);
    }

    /// The market and venue id of an order that may be on the book.
    async fn cancelable(&self, id: &ClientOrderId) -> Option<(Ticker, VenueOrderId)> {
        let tracker = self.tracker.lock().await;
        let order = &tracker
            .life(id)
            .filter(|life| !life.order.state.is_terminal())?
            .order;
        Some((order.intent.ticker.clone(), order.venue_order_id.clone()?))
    }

    /// The venue took this much off the book: the rest of the order was filled.
    async fn reduced(
        &self,
        id: &ClientOrderId,
        reduced_by: Contracts,
        answer: Option<&str>,
        events: &mut Vec<ExecutionEvent>,
    ) {
        let wanted = match self.tracker.lock().await.life(id) {
            Some(life) => life.order.intent.contracts,
            None => return,
        };
        let Some(filled) = wanted.checked_sub(reduced_by) else {
            events.push(ExecutionEvent::Mismatch {
                detail: format!("The venue took {reduced_by} of {wanted} contracts of {id} off the book."),
            });
            let why = Why::answered("More was cancelled than ordered.", answer);
            self.step(id, Step::Lose, why, events).await;
            return;
        };
        let word = VenueWord { filled, open: false };
        let detail = format!("Cancelled: {reduced_by} taken off the book.");
        let why = Why::answered(&detail, answer);
        self.hear(id, None, word, why, events).await;
    }

    /// Reads what became of an order that is said not to be on the book.
    async fn settle_gone(
        &self,
        id: &ClientOrderId,
        venue: &VenueOrderId,
        why: Why<'_>,
        events: &mut Vec<ExecutionEvent>,
    ) {
        for attempt in 0..self.settings.fill_tries {
            if attempt > 0 {
                self.ports.pause.pause(self.settings.fill_pause).await;
            }
            match self.ports.account.order(venue).await {
                Ok(order) => match word_of(&order) {
                    Some(word) if !word.open => {
                        let detail = format!("{}; it reads as {}.", why.detail, order.state.as_str());
                        let why = Why::answered(&detail, why.answer);
                        self.hear(id, None, word, why, events).await;
                        return;
                    }
                    _ => {}
                },
                Err(error) => {
                    if self.feed_failed("an order", &error, events) {
                        break;
                    }
                }
            }
        }
        let detail = format!(
            "{}, and reading the order did not say what became of it.",
            why.detail
        );
        self.step(id, Step::Lose, Why::answered(&detail, why.answer), events)
            .await;
    }
}

/// What a read of an order says; `None` for a status this version does not know.
pub(crate) fn word_of(order: &VenueOrder) -> Option<VenueWord> {
    let open = match order.state {
        OrderState::Resting | OrderState::PartiallyFilled => true,
        OrderState::Filled | OrderState::Canceled | OrderState::Expired => false,
        _ => return None,
    };
    Some(VenueWord {
        filled: order.filled,
        open,
    })
}
