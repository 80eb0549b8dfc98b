//! What execution remembers between effects.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use autotrader_domain::ports::Restored;
use autotrader_domain::{ClientOrderId, Order, SettlementRecord, VenueOrderId};
use chrono::{DateTime, TimeDelta, Utc};

use crate::booking::Why;
use autotrader_domain::BookingError;

use crate::{AccountBooks, Life};

/// Orders, whose they are, and what was already booked.
#[derive(Debug)]
pub(crate) struct Tracker {
    /// Orders that are not finished, and those finished recently.
    lives: BTreeMap<ClientOrderId, Life>,
    /// Which of our orders each venue order is; never forgotten.
    owners: BTreeMap<VenueOrderId, ClientOrderId>,
    /// Fills booked, with their times; those before every overlap are forgotten.
    fills: BTreeMap<String, DateTime<Utc>>,
    /// Settlements booked, likewise.
    settlements: BTreeMap<SettlementKey, DateTime<Utc>>,
    /// Steps that the store has not taken yet, by order, in the order taken.
    unsaved: BTreeMap<ClientOrderId, Unsaved>,
    /// The start of the last complete read of fills.
    pub(crate) fills_cursor: DateTime<Utc>,
    /// The start of the last complete read of settlements.
    pub(crate) settlements_cursor: DateTime<Utc>,
    /// Fills of strangers before this belong to the time before this database.
    pub(crate) began: DateTime<Utc>,
    /// Fills and settlements before this may have been booked and forgotten.
    forgotten_before: DateTime<Utc>,
    /// Cash and positions as booked.
    pub(crate) books: AccountBooks,
}

/// A step that the store has not taken yet.
#[derive(Debug)]
pub(crate) struct UnsavedStep {
    /// The order after it.
    pub(crate) order: Order,
    /// In words.
    pub(crate) detail: String,
    /// What the venue answered, where an answer caused it.
    pub(crate) answer: Option<String>,
}

impl UnsavedStep {
    pub(crate) fn of(order: &Order, why: Why<'_>) -> Self {
        Self {
            order: order.clone(),
            detail: why.detail.to_owned(),
            answer: why.answer.map(str::to_owned),
        }
    }
}

/// Steps with their words, oldest first.
pub(crate) type Unsaved = VecDeque<UnsavedStep>;

/// A settlement is known by its market, its time, its value and its fee: an amendment is another one.
type SettlementKey = (String, i64, i64, i64);

fn key_of(settled: &SettlementRecord) -> SettlementKey {
    (
        settled.ticker.as_str().to_owned(),
        settled.settled_at.timestamp_micros(),
        settled.yes_value.raw(),
        settled.fee.raw(),
    )
}

impl Tracker {
    /// Remembers nothing; reads begin at `now`.
    pub(crate) fn new(now: DateTime<Utc>) -> Self {
        Self {
            lives: BTreeMap::new(),
            owners: BTreeMap::new(),
            fills: BTreeMap::new(),
            settlements: BTreeMap::new(),
            unsaved: BTreeMap::new(),
            fills_cursor: now,
            settlements_cursor: now,
            began: now,
            forgotten_before: DateTime::<Utc>::MIN_UTC,
            books: AccountBooks::default(),
        }
    }

    /// Remembers what the database does; orders without a stored request are returned, because they cannot be.
    ///
    /// # Errors
    /// [`BookingError`] when what is stored overflows the books.
    pub(crate) fn restored(
        restored: &Restored,
        now: DateTime<Utc>,
    ) -> Result<(Self, Vec<ClientOrderId>), BookingError> {
        let mut tracker = Self::new(now);
        tracker.books = AccountBooks::from_restored(restored)?;
        let mut without_request = Vec::new();
        for order in &restored.open_orders {
            let id = &order.client_order_id;
            let request = restored
                .requests
                .iter()
                .find(|stored| stored.request.client_order_id == *id);
            match request {
                Some(stored) => {
                    let mut life = Life::new(order.clone(), stored.request.clone(), stored.body.clone());
                    // The process that ended may have sent it until then.
                    life.sent_at = now;
                    life.restored = true;
                    tracker.insert(life);
                }
                None => without_request.push(id.clone()),
            }
        }
        tracker.owners.extend(restored.venue_ids.iter().cloned());
        for fill in &restored.fills {
            tracker.note_fill(&fill.fill_id, fill.filled_at);
        }
        for settled in &restored.settlements {
            tracker.note_settlement(settled);
        }
        let first_fill = restored.fills.iter().map(|fill| fill.filled_at).min();
        let last_fill = restored.fills.iter().map(|fill| fill.filled_at).max();
        let first_order = restored.open_orders.iter().map(|order| order.created_at).min();
        let last_settled = restored
            .settlements
            .iter()
            .map(|settled| settled.settled_at)
            .max();
        tracker.began = [first_fill, first_order]
            .into_iter()
            .flatten()
            .min()
            .unwrap_or(now);
        tracker.fills_cursor = [last_fill, first_order]
            .into_iter()
            .flatten()
            .min()
            .unwrap_or(now);
        // A market may have settled any time since its last fill.
        tracker.settlements_cursor = last_settled.or(first_fill).unwrap_or(now);
        Ok((tracker, without_request))
    }

    pub(crate) fn insert(&mut self, life: Life) {
        if let Some(venue) = &life.order.venue_order_id {
            self.owners
                .insert(venue.clone(), life.order.client_order_id.clone());
        }
        self.lives.insert(life.order.client_order_id.clone(), life);
    }

    pub(crate) fn life(&self, id: &ClientOrderId) -> Option<&Life> {
        self.lives.get(id)
    }

    pub(crate) fn life_mut(&mut self, id: &ClientOrderId) -> Option<&mut Life> {
        self.lives.get_mut(id)
    }

    pub(crate) fn lives(&self) -> impl Iterator<Item = &Life> {
        self.lives.values()
    }

    pub(crate) fn owner(&self, venue: &VenueOrderId) -> Option<&ClientOrderId> {
        self.owners.get(venue)
    }

    /// The venue's id of one of our orders, once known.
    pub(crate) fn venue_id_of(&self, id: &ClientOrderId) -> Option<&VenueOrderId> {
        self.owners
            .iter()
            .find(|(_, owner)| *owner == id)
            .map(|(venue, _)| venue)
    }

    /// Whether an id is one of this database's orders, as far as remembered.
    pub(crate) fn knows(&self, id: &ClientOrderId) -> bool {
        self.lives.contains_key(id) || self.owners.values().any(|known| known == id)
    }

    /// When the newest booked fill happened at the venue.
    pub(crate) fn newest_fill(&self) -> Option<DateTime<Utc>> {
        self.fills.values().max().copied()
    }

    /// The fills booked that happened in a span; none without its end.
    pub(crate) fn fills_between(
        &self,
        from: DateTime<Utc>,
        until: Option<DateTime<Utc>>,
    ) -> impl Iterator<Item = &str> {
        self.fills
            .iter()
            .filter(move |(_, at)| **at >= from && until.is_some_and(|until| **at < until))
            .map(|(id, _)| id.as_str())
    }

    /// From when on a read brings everything that is not booked or not finished.
    pub(crate) fn read_from(&self) -> DateTime<Utc> {
        let unfinished = self
            .lives
            .values()
            .filter(|life| !life.order.state.is_terminal())
            .map(|life| life.order.created_at)
            .min();
        let cursors = self.fills_cursor.min(self.settlements_cursor);
        unfinished.map_or(cursors, |created| cursors.min(created))
    }

    /// Whether what happened then may have been booked and forgotten.
    pub(crate) fn may_have_forgotten(&self, at: DateTime<Utc>) -> bool {
        at < self.forgotten_before
    }

    pub(crate) fn has_fill(&self, fill_id: &str) -> bool {
        self.fills.contains_key(fill_id)
    }

    pub(crate) fn note_fill(&mut self, fill_id: &str, at: DateTime<Utc>) {
        self.fills.insert(fill_id.to_owned(), at);
    }

    pub(crate) fn has_settlement(&self, settled: &SettlementRecord) -> bool {
        self.settlements.contains_key(&key_of(settled))
    }

    pub(crate) fn note_settlement(&mut self, settled: &SettlementRecord) {
        self.settlements.insert(key_of(settled), settled.settled_at);
    }

    /// The steps of an order that the store has not taken yet.
    pub(crate) fn unsaved(&mut self, id: &ClientOrderId) -> &mut Unsaved {
        self.unsaved.entry(id.clone()).or_default()
    }

    /// Orders of which the store has not taken every step.
    pub(crate) fn with_unsaved(&mut self) -> Vec<ClientOrderId> {
        self.unsaved.retain(|_, steps| !steps.is_empty());
        self.unsaved.keys().cloned().collect()
    }

    /// Orders whose outcome must be found out and that nobody is submitting now.
    pub(crate) fn unresolved(&self, in_flight: &BTreeSet<ClientOrderId>) -> Vec<ClientOrderId> {
        self.lives
            .values()
            .filter(|life| life.is_unresolved())
            .map(|life| life.order.client_order_id.clone())
            .filter(|id| !in_flight.contains(id))
            .collect()
    }

    /// Forgets what no read can bring up again.
    pub(crate) fn forget_before(&mut self, at: DateTime<Utc>, overlap: TimeDelta) {
        let keep = self.read_from().min(at) - overlap - overlap;
        self.forgotten_before = self.forgotten_before.max(keep);
        self.fills.retain(|_, filled_at| *filled_at >= keep);
        self.lives.retain(|_, life| {
            !life.order.state.is_terminal() || !life.outstanding().is_zero() || life.order.updated_at >= keep
        });
        self.settlements.retain(|_, settled_at| *settled_at >= keep);
    }
}
