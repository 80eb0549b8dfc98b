//! Reading what happened since the last time.

use autotrader_domain::ClientOrderId;

use crate::booking::Batch;
use crate::{ExecutionEvent, Executor};

impl Executor {
    /// Reads everything that may have changed: fills, our open orders, orders of unknown outcome, settlements.
    ///
    /// In this order, so that a market's fills are booked before its settlement; while fills cannot be read or booked,
    /// settlements wait. Failed reads are repeated by the next poll; nothing is skipped, because a cursor moves only over
    /// what is booked.
    ///
    /// Not cancellation-safe: events of a dropped call are lost, what they say is durable.
    pub async fn poll(&self) -> Vec<ExecutionEvent> {
        let mut events = Vec::new();
        let fills = self.read_fills(&mut events).await;
        events.extend(self.poll_orders().await);
        events.extend(self.resolve().await);
        if fills == Batch::Whole {
            events.extend(self.poll_settlements().await);
        }
        let now = self.ports.clock.now();
        let mut tracker = self.tracker.lock().await;
        self.save_all(&mut tracker, &mut events).await;
        tracker.forget_before(now, self.settings.overlap);
        events
    }

    /// Reads fills since the last complete read, with an overlap, and books those that are new.
    ///
    /// A fill of an order that is not ours comes without our id. A fill that may be of an order whose id at the venue is
    /// not known yet waits for the next poll; until then the order counts as filled at worst.
    ///
    /// Not cancellation-safe: events of a dropped call are lost, what they say is durable.
    pub async fn poll_fills(&self) -> Vec<ExecutionEvent> {
        let mut events = Vec::new();
        // What could not be read or booked is read again by the next poll.
        let _: Batch = self.read_fills(&mut events).await;
        events
    }

    async fn read_fills(&self, events: &mut Vec<ExecutionEvent>) -> Batch {
        let start = self.ports.clock.now();
        let since = self.tracker.lock().await.fills_cursor - self.settings.overlap;
        match self.ports.account.fills(since).await {
            Ok(fills) => {
                let batch = self.book_fills(fills, events).await;
                if batch == Batch::Whole {
                    let mut tracker = self.tracker.lock().await;
                    tracker.fills_cursor = tracker.fills_cursor.max(start);
                }
                batch
            }
            Err(error) => {
                self.feed_failed("fills", &error, events);
                Batch::ReadAgain
            }
        }
    }

    /// Up to when every fill is read: the start of the last complete read of fills.
    ///
    /// Cancellation-safe.
    pub async fn fills_read_up_to(&self) -> chrono::DateTime<chrono::Utc> {
        self.tracker.lock().await.fills_cursor
    }

    /// Reads settlements since the last complete read, with an overlap, and books those that are new.
    ///
    /// Not cancellation-safe: events of a dropped call are lost, what they say is durable.
    pub async fn poll_settlements(&self) -> Vec<ExecutionEvent> {
        let mut events = Vec::new();
        let start = self.ports.clock.now();
        let since = self.tracker.lock().await.settlements_cursor - self.settings.overlap;
        match self.ports.account.settlements(since).await {
            Ok(settlements) => {
                if self.book_settlements(settlements, &mut events).await == Batch::Whole {
                    let mut tracker = self.tracker.lock().await;
                    tracker.settlements_cursor = tracker.settlements_cursor.max(start);
                }
            }
            Err(error) => {
                self.feed_failed("settlements", &error, &mut events);
            }
        }
        events
    }

    /// Reads each of our open orders that the venue has named: the exchange cancels and expires without being asked.
    ///
    /// Not cancellation-safe: events of a dropped call are lost, what they say is durable.
    pub async fn poll_orders(&self) -> Vec<ExecutionEvent> {
        let in_flight = self.in_flight();
        let ids: Vec<ClientOrderId> = self
            .tracker
            .lock()
            .await
            .lives()
            .filter(|life| !life.order.state.is_terminal() && life.order.venue_order_id.is_some())
            .map(|life| life.order.client_order_id.clone())
            .filter(|id| !in_flight.contains(id))
            .collect();
        let mut events = Vec::new();
        for id in ids {
            self.read_order(&id, &mut events).await;
        }
        events
    }
}
