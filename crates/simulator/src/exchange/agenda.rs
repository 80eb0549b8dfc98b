//! What happens by itself when its time comes.

use std::collections::BTreeMap;

use autotrader_domain::{Ticker, TimeInForce};
use chrono::{DateTime, Utc};

use super::Exchange;
use super::ids::{FeeChangeId, OrderId};
use super::order::UpdateReason;

/// Something that happens by itself when its time comes.
#[derive(Debug, Clone)]
pub(super) enum Due {
    Open(Ticker),
    Close(Ticker),
    /// Take what still rests off the book of a market that has closed.
    ClearClosed(Ticker),
    Settle(Ticker),
    Expire(OrderId),
    /// Cancel an order that was placed too soon after a cancel of all.
    Sweep(OrderId),
    SeriesFee(FeeChangeId),
    EventFee(FeeChangeId),
    /// The weekly maintenance begins, or ends.
    Maintenance,
}

/// What is due, by time and then by order of entry.
#[derive(Debug, Clone)]
pub(super) struct Agenda {
    due: BTreeMap<(DateTime<Utc>, u64), Due>,
    next: u64,
}

impl Agenda {
    pub(super) const fn new() -> Self {
        Self {
            due: BTreeMap::new(),
            next: 0,
        }
    }

    pub(super) fn add(&mut self, at: DateTime<Utc>, due: Due) {
        self.next += 1;
        self.due.insert((at, self.next), due);
    }

    pub(super) fn expire(&mut self, at: DateTime<Utc>, order: OrderId) {
        self.add(at, Due::Expire(order));
    }

    pub(super) fn settle(&mut self, at: DateTime<Utc>, market: &Ticker) {
        self.add(at, Due::Settle(market.clone()));
    }

    pub(super) fn sweep(&mut self, at: DateTime<Utc>, order: OrderId) {
        self.add(at, Due::Sweep(order));
    }

    fn pop(&mut self, until: DateTime<Utc>) -> Option<(DateTime<Utc>, Due)> {
        let first = self.due.first_entry()?;
        if first.key().0 > until {
            return None;
        }
        let ((at, _), due) = first.remove_entry();
        Some((at, due))
    }
}

impl Exchange {
    /// Lets everything happen that is due up to `at`, each thing at its own time.
    pub(super) fn tick(&mut self, at: DateTime<Utc>) {
        let until = at.max(self.now);
        while let Some((due_at, due)) = self.agenda.pop(until) {
            self.now = self.now.max(due_at);
            self.happen(due, due_at);
        }
        self.now = until;
    }

    fn happen(&mut self, due: Due, due_at: DateTime<Utc>) {
        match due {
            Due::Open(ticker) => self.open(&ticker),
            Due::Close(ticker) => self.close(&ticker, due_at),
            Due::ClearClosed(ticker) => self.clear_closed(&ticker),
            Due::Settle(ticker) => self.settle(&ticker, due_at),
            Due::Expire(order) => {
                // An amendment may have moved or removed the expiry.
                let expires = self.orders.get(&order).is_some_and(|order| {
                    matches!(order.asked.time_in_force, TimeInForce::GoodTillCanceled { expires_at: Some(expiry) }
                        if expiry <= due_at)
                });
                if expires {
                    self.remove(order, Some(UpdateReason::ExpiryCancel));
                }
            }
            Due::Sweep(order) => {
                self.remove_for(order, None, "CancelAll");
            }
            Due::SeriesFee(id) => self.apply_series_fee(id),
            Due::EventFee(id) => self.apply_event_fee(id),
            Due::Maintenance => self.turn_maintenance(due_at),
        }
    }
}
