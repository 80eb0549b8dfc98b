//! Holding our books against the venue's: complete or failed, never partial.

use autotrader_domain::ports::{AccountSnapshot, FeedError};
use autotrader_domain::{BookSide, ClientOrderId, Money, VenueOrderId};
use chrono::{DateTime, Utc};
use tracing::{info, warn};

use crate::booking::Batch;
use crate::canceling::word_of;
use crate::comparing::{self, Compared, Since, Verdict};
use crate::tracker::Tracker;
use crate::{ExecutionEvent, Executor};

/// The result of a reconciliation.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Reconciliation {
    /// What was found out and booked on the way; facts, even when the reconciliation failed.
    pub events: Vec<ExecutionEvent>,
    /// Everything that was compared, one item each: what `reconcile --explain` shows. Empty when it failed.
    pub items: Vec<Compared>,
    /// How the venue's books differ from ours, one sentence each; empty when they agree to the micro-dollar. Orders of our
    /// prefix that this database does not have are among `items` and `events` only: they are a cause of their own.
    pub differences: Vec<String>,
    /// Whether everything was read and compared; when not, nothing may be concluded from the absence of differences.
    pub complete: bool,
    /// Why it is not complete, in words.
    pub failure: Option<String>,
    /// Orders whose outcome is still not known.
    pub unresolved: Vec<ClientOrderId>,
    /// The venue's cash, once read: the opening cash at the first start of a database.
    pub balance: Option<Money>,
}

impl Reconciliation {
    /// Whether everything was compared and nothing differs.
    #[must_use]
    pub fn agrees(&self) -> bool {
        self.complete
            && self
                .items
                .iter()
                .all(|item| !matches!(item.verdict, Verdict::Differs | Verdict::Foreign))
    }

    fn failed(mut self, why: String) -> Self {
        warn!(why, "reconciliation_failed");
        self.differences.clear();
        self.items.clear();
        self.complete = false;
        self.failure = Some(why);
        self
    }
}

/// How far one round of a reconciliation got.
enum Round {
    /// Everything agrees, or differs for certain.
    Settled,
    /// Something differs that may still be news under way.
    Unsettled,
    /// Something differs while orders were being submitted.
    Busy,
    /// The account could not be read, or its figures are older than our last fill.
    NotRead(String),
}

impl Executor {
    /// Reads the whole account, books what is new, resolves what is unresolved, and compares orders, fills, positions,
    /// cash and settlements with our own books, exactly.
    ///
    /// Before [`Executor::open_with`] (first start) cash is not compared. A difference is read again a bounded number of
    /// times before it is real, because the account is read in parts. Orders may be submitted meanwhile: what differs
    /// then is read again until they are through, and fails the reconciliation when that takes too long. Differences that
    /// remain are also reported as [`ExecutionEvent::Mismatch`].
    ///
    /// Not cancellation-safe: events of a dropped call are lost, what they say is durable.
    pub async fn reconcile(&self) -> Reconciliation {
        let mut result = Reconciliation::default();
        let (mut tries, mut waits) = (0, 0);
        loop {
            if tries + waits > 0 {
                self.ports.pause.pause(self.settings.fill_pause).await;
            }
            let round = match self.round(&mut result).await {
                Ok(round) => round,
                Err(why) => return result.failed(why),
            };
            match round {
                Round::Settled => break,
                Round::Busy => {
                    waits += 1;
                    if waits >= self.settings.submission_waits {
                        return result.failed("Orders are being submitted.".to_owned());
                    }
                }
                Round::Unsettled | Round::NotRead(_) => {
                    tries += 1;
                    if tries < self.settings.reconcile_tries {
                        continue;
                    }
                    match round {
                        Round::NotRead(why) => return result.failed(why),
                        _ => break,
                    }
                }
            }
        }
        result.complete = true;
        if !result.differences.is_empty() {
            warn!(differences = result.differences.len(), "reconciliation_mismatch");
            result.events.push(ExecutionEvent::Mismatch {
                detail: result.differences.join(" "),
            });
        }
        info!(unresolved = result.unresolved.len(), "reconciled");
        result
    }

    /// Reads and compares once.
    ///
    /// # Errors
    /// Why nothing can be concluded however often it is read again.
    async fn round(&self, result: &mut Reconciliation) -> Result<Round, String> {
        let before = self.submissions();
        let since = self.account_since().await;
        let snapshot = match self.ports.account.snapshot(since).await {
            Ok(snapshot) => snapshot,
            Err(FeedError::Transient(detail)) => {
                return Ok(Round::NotRead(format!("The account could not be read: {detail}")));
            }
            Err(error) => {
                self.feed_failed("the account", &error, &mut result.events);
                return Err(format!("The account could not be read: {error}."));
            }
        };
        self.take_in(&snapshot, &mut result.events).await?;
        result.balance = Some(snapshot.balance);
        let tracker = self.tracker.lock().await;
        result.unresolved = tracker.unresolved(&self.in_flight());
        result.items = self.compared(&tracker, &snapshot, since);
        result.differences = result
            .items
            .iter()
            .filter(|item| item.verdict == Verdict::Differs)
            .map(|item| item.words.clone())
            .collect();
        if result.differences.is_empty() {
            return Ok(Round::Settled);
        }
        if before.busy() || self.submissions() != before {
            return Ok(Round::Busy);
        }
        let newest = tracker.newest_fill();
        Ok(match (snapshot.as_of, newest) {
            (Some(as_of), Some(newest)) if as_of < newest => Round::NotRead(format!(
                "The account's figures are as of {as_of}, before our last fill at {newest}."
            )),
            _ => Round::Unsettled,
        })
    }

    fn compared(&self, tracker: &Tracker, snapshot: &AccountSnapshot, since: DateTime<Utc>) -> Vec<Compared> {
        let span = Since::of(since, snapshot, self.settings.absence_margin);
        let listed = |venue: &VenueOrderId| {
            snapshot
                .orders
                .iter()
                .find(|order| order.venue_order_id == *venue)
        };
        let mut items = comparing::positions(&tracker.books, snapshot);
        items.extend(comparing::cash(&tracker.books, snapshot, reserved(tracker)));
        items.extend(
            tracker
                .lives()
                .filter(|life| !life.order.state.is_terminal())
                .map(|life| comparing::our_order(life, life.order.venue_order_id.as_ref().and_then(listed))),
        );
        for order in &snapshot.orders {
            match self.ours(tracker, order) {
                Ok(Some(_)) => {}
                Ok(None) => items.extend(comparing::other_order(order, None)),
                Err(foreign) => items.extend(comparing::other_order(order, Some(&foreign))),
            }
        }
        items.extend(comparing::fills(tracker, snapshot, span));
        items.push(comparing::settlements(snapshot, span));
        items
    }

    /// From when on the account must be read so that nothing unfinished or unread is left out.
    async fn account_since(&self) -> DateTime<Utc> {
        let tracker = self.tracker.lock().await;
        tracker.read_from() - self.settings.overlap
    }

    async fn take_in(
        &self,
        snapshot: &AccountSnapshot,
        events: &mut Vec<ExecutionEvent>,
    ) -> Result<(), String> {
        self.report_foreign(snapshot, events).await;
        let unresolved = self.tracker.lock().await.unresolved(&self.in_flight());
        let mut unnamed = Vec::new();
        for id in unresolved {
            let tracker = self.tracker.lock().await;
            if tracker
                .life(&id)
                .is_some_and(|life| life.order.venue_order_id.is_none())
            {
                unnamed.push(id);
            }
        }
        if self.search(snapshot, &unnamed, events).await == Batch::ReadAgain {
            return Err("Not every fill could be booked.".to_owned());
        }
        self.take_in_orders(snapshot, events).await?;
        if self.book_settlements(snapshot.settlements.clone(), events).await == Batch::ReadAgain {
            return Err("Not every settlement could be booked.".to_owned());
        }
        Ok(())
    }

    /// Takes in how our named, unfinished orders stand: from the listing, else from a read of their own.
    async fn take_in_orders(
        &self,
        snapshot: &AccountSnapshot,
        events: &mut Vec<ExecutionEvent>,
    ) -> Result<(), String> {
        let open: Vec<_> = {
            let tracker = self.tracker.lock().await;
            tracker
                .lives()
                .filter(|life| !life.order.state.is_terminal())
                .filter_map(|life| {
                    Some((
                        life.order.client_order_id.clone(),
                        life.order.venue_order_id.clone()?,
                    ))
                })
                .collect()
        };
        for (id, venue) in open {
            match snapshot.orders.iter().find(|order| order.venue_order_id == venue) {
                Some(order) => {
                    if let Some(word) = word_of(order) {
                        let detail = format!("Listed as {}, {} filled.", order.state.as_str(), order.filled);
                        self.hear(&id, None, word, &detail, events).await;
                    }
                    self.await_fills(&id, events).await;
                }
                None if self.read_order(&id, events).await => {}
                None => return Err(format!("Order {id} could not be read.")),
            }
        }
        Ok(())
    }

    async fn report_foreign(&self, snapshot: &AccountSnapshot, events: &mut Vec<ExecutionEvent>) {
        let tracker = self.tracker.lock().await;
        let foreign: Vec<String> = snapshot
            .orders
            .iter()
            .filter_map(|order| self.ours(&tracker, order).err())
            .collect();
        if !foreign.is_empty() {
            events.push(ExecutionEvent::ForeignOrders {
                detail: foreign.join(" "),
            });
        }
    }
}

/// The collateral that our open orders hold at the venue, at most.
fn reserved(tracker: &Tracker) -> Money {
    tracker
        .lives()
        .filter(|life| life.word.is_some_and(|word| word.open))
        .map(|life| {
            let order = &life.order;
            let side = order.intent.side;
            let open = order.open_contracts();
            let held = tracker.books.position(&order.intent.ticker).net;
            let closing = held.reduced_by(side, open);
            let price = match side {
                BookSide::Bid => order.intent.limit,
                BookSide::Ask => order.intent.limit.complement(),
            };
            price.times(open.saturating_sub(closing)).unwrap_or(Money::ZERO)
        })
        .sum()
}
