//! Taking orders off the book.

use autotrader_domain::ports::{CancelOutcome, VenueOrder};
use autotrader_domain::{ClientOrderId, Contracts, OrderState, Ticker, VenueOrderId};

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
        match self.ports.gateway.cancel(&ticker, &venue).await {
            CancelOutcome::Canceled { reduced_by } => self.reduced(id, reduced_by, &mut events).await,
            CancelOutcome::NotOnBook => {
                self.settle_gone(id, &venue, "Not on the book", &mut events).await;
            }
            CancelOutcome::Unknown { detail } => {
                let what = format!("Cancel outcome unknown: {detail}");
                self.settle_gone(id, &venue, &what, &mut events).await;
            }
            CancelOutcome::Refused { reason, detail } => {
                let mut tracker = self.tracker.lock().await;
                if let Some(life) = tracker.life(id).cloned() {
                    let detail = format!("Cancel refused: {reason} {detail}");
                    self.report(&mut tracker, &life, &detail, &mut events).await;
                }
            }
        }
        self.await_fills(id, &mut events).await;
        events
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
    async fn reduced(&self, id: &ClientOrderId, reduced_by: Contracts, events: &mut Vec<ExecutionEvent>) {
        let wanted = match self.tracker.lock().await.life(id) {
            Some(life) => life.order.intent.contracts,
            None => return,
        };
        let Some(filled) = wanted.checked_sub(reduced_by) else {
            events.push(ExecutionEvent::Mismatch {
                detail: format!("The venue took {reduced_by} of {wanted} contracts of {id} off the book."),
            });
            self.step(id, Step::Lose, "More was cancelled than ordered.", events)
                .await;
            return;
        };
        let word = VenueWord { filled, open: false };
        let detail = format!("Cancelled: {reduced_by} taken off the book.");
        self.hear(id, None, word, &detail, events).await;
    }

    /// Reads what became of an order that is said not to be on the book.
    async fn settle_gone(
        &self,
        id: &ClientOrderId,
        venue: &VenueOrderId,
        what: &str,
        events: &mut Vec<ExecutionEvent>,
    ) {
        for attempt in 0..self.settings.fill_tries {
            if attempt > 0 {
                self.ports.pause.pause(self.settings.fill_pause).await;
            }
            match self.ports.account.order(venue).await {
                Ok(order) => match word_of(&order) {
                    Some(word) if !word.open => {
                        let detail = format!("{what}; it reads as {}.", order.state.as_str());
                        self.hear(id, None, word, &detail, events).await;
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
        let detail = format!("{what}, and reading the order did not say what became of it.");
        self.step(id, Step::Lose, &detail, events).await;
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
