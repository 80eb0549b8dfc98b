//! Finding out what became of orders whose outcome is not known, by reading. What sends again is in `resending`.

use autotrader_domain::ports::{AccountSnapshot, VenueOrder};
use autotrader_domain::{ClientOrderId, OrderState};
use chrono::{DateTime, Utc};

use crate::booking::Batch;
use crate::canceling::word_of;
use crate::{ExecutionEvent, Executor, Life, Step};

impl Executor {
    /// Resolves every order whose outcome is not known, as far as the venue's answers allow.
    ///
    /// Not cancellation-safe: events of a dropped call are lost, what they say is durable.
    pub async fn resolve(&self) -> Vec<ExecutionEvent> {
        let ids = self.tracker.lock().await.unresolved(&self.in_flight());
        let mut events = Vec::new();
        self.look_up(&ids, &mut events).await;
        events
    }

    /// Resolves one order whose outcome is not known, as far as the venue's answers allow.
    ///
    /// With `resend` its stored body may be sent again when reading does not tell, as [`Executor::resend`] does: the caller
    /// says by it that the order is still wanted.
    ///
    /// Not cancellation-safe: events of a dropped call are lost, what they say is durable.
    pub async fn resolve_unknown(&self, id: &ClientOrderId, resend: bool) -> Vec<ExecutionEvent> {
        if resend {
            return self.resend(id).await;
        }
        let mut events = Vec::new();
        if !self.in_flight().contains(id) {
            self.look_up(std::slice::from_ref(id), &mut events).await;
        }
        events
    }

    /// Looks up some unresolved orders: by the venue's id where it is known, else in listings.
    pub(crate) async fn look_up(&self, ids: &[ClientOrderId], events: &mut Vec<ExecutionEvent>) {
        for id in ids {
            if self.is_unresolved(id, true).await {
                self.read_order(id, events).await;
            }
        }
        for attempt in 0..self.settings.absence_listings {
            let mut missing = Vec::new();
            for id in ids {
                if self.is_unresolved(id, false).await {
                    missing.push(id.clone());
                }
            }
            let Some(since) = self.earliest(&missing).await else {
                return;
            };
            if attempt > 0 {
                self.ports.pause.pause(self.settings.fill_pause).await;
            }
            match self.ports.account.snapshot(since - self.settings.overlap).await {
                Ok(snapshot) => {
                    // What could not be booked stays outstanding and is read again.
                    let _: Batch = self.search(&snapshot, &missing, events).await;
                }
                Err(error) => {
                    if self.feed_failed("the account", &error, events) {
                        return;
                    }
                }
            }
        }
    }

    async fn is_unresolved(&self, id: &ClientOrderId, identified: bool) -> bool {
        let tracker = self.tracker.lock().await;
        tracker
            .life(id)
            .is_some_and(|life| life.is_unresolved() && life.order.venue_order_id.is_some() == identified)
    }

    async fn earliest(&self, ids: &[ClientOrderId]) -> Option<DateTime<Utc>> {
        let tracker = self.tracker.lock().await;
        ids.iter()
            .filter_map(|id| tracker.life(id))
            .map(|life| life.order.created_at)
            .min()
    }

    /// Reads one order by the venue's id and the fills it says it has; `false` when it could not be read.
    pub(crate) async fn read_order(&self, id: &ClientOrderId, events: &mut Vec<ExecutionEvent>) -> bool {
        let venue = {
            let tracker = self.tracker.lock().await;
            tracker
                .life(id)
                .and_then(|life| life.order.venue_order_id.clone())
        };
        let Some(venue) = venue else {
            return false;
        };
        match self.ports.account.order(&venue).await {
            Ok(order) => {
                if let Some(word) = word_of(&order) {
                    let detail = format!("Reads as {}, {} filled.", order.state.as_str(), order.filled);
                    self.hear(id, None, word, &detail, events).await;
                }
                self.await_fills(id, events).await;
                true
            }
            Err(error) => {
                self.feed_failed("an order", &error, events);
                false
            }
        }
    }

    /// Looks for orders in a complete listing and books its fills; enough listings that lack an order late enough give
    /// it up.
    pub(crate) async fn search(
        &self,
        snapshot: &AccountSnapshot,
        ids: &[ClientOrderId],
        events: &mut Vec<ExecutionEvent>,
    ) -> Batch {
        let listed = |id: &ClientOrderId| {
            snapshot
                .orders
                .iter()
                .find(|order| order.client_order_id.as_deref() == Some(id.as_str()))
        };
        for id in ids {
            if let Some(order) = listed(id) {
                self.found(id, order, events).await;
            }
        }
        // Before absence is counted: a fill proves that its order arrived, even when the listing lacks the order.
        let batch = self.book_fills(snapshot.fills.clone(), events).await;
        for id in ids {
            match listed(id) {
                Some(_) => self.await_fills(id, events).await,
                None if batch == Batch::Whole => self.absent(id, snapshot.as_of, events).await,
                // A fill that nobody could be named for may be of this very order.
                None => {}
            }
        }
        batch
    }

    async fn found(&self, id: &ClientOrderId, order: &VenueOrder, events: &mut Vec<ExecutionEvent>) {
        let venue = order.venue_order_id.clone();
        match word_of(order) {
            Some(word) => {
                let detail = format!(
                    "Found as {venue}: {}, {} filled.",
                    order.state.as_str(),
                    order.filled
                );
                self.hear(id, Some(venue), word, &detail, events).await;
            }
            None => {
                let detail = format!("Found as {venue}, in a state this version does not know.");
                self.step(id, Step::Identify(venue), &detail, events).await;
            }
        }
    }

    async fn absent(
        &self,
        id: &ClientOrderId,
        as_of: Option<DateTime<Utc>>,
        events: &mut Vec<ExecutionEvent>,
    ) {
        let (enough, unknown) = {
            let mut tracker = self.tracker.lock().await;
            let Some(life) = tracker.life_mut(id) else {
                return;
            };
            let enough = counts_as_absence(life, as_of, self.settings.absence_margin)
                && life.order.filled.is_zero()
                && life.absences.0 >= self.settings.absence_listings;
            (enough, life.order.state == OrderState::Unknown)
        };
        if enough {
            let detail = format!(
                "Not at the venue in {} complete listings later than the send.",
                self.settings.absence_listings
            );
            self.step(id, Step::GiveUp, &detail, events).await;
        } else if !unknown {
            self.step(id, Step::Lose, "Not found at the venue so far.", events)
                .await;
        }
    }
}

/// Counts a listing that lacks the order, when its own time is late enough and later than the one before.
fn counts_as_absence(life: &mut Life, as_of: Option<DateTime<Utc>>, margin: chrono::TimeDelta) -> bool {
    let (count, last) = life.absences;
    let Some(as_of) = as_of.filter(|as_of| *as_of > life.sent_at + margin) else {
        return false;
    };
    if last.is_some_and(|last| as_of <= last) {
        return false;
    }
    life.absences = (count.saturating_add(1), Some(as_of));
    true
}
