//! What a run came to, and whether that is good.

use std::collections::BTreeMap;
use std::time::Duration;

use autotrader_kalshi_api::orders::AccountOrder;
use autotrader_kalshi_api::websocket::StreamHealth;
use autotrader_simulator::exchange::{AccountId, Exchange, OrderRecord};

use crate::scale::Scale;
use crate::stage::Told;
use crate::traffic::{Belief, Ledger};

/// What a run came to.
pub struct Report {
    lasted: Duration,
    rested_after: Duration,
    health: StreamHealth,
    fired: BTreeMap<&'static str, u64>,
    outcomes: BTreeMap<&'static str, u64>,
    events: BTreeMap<&'static str, u64>,
    orders: usize,
    resolved: usize,
    /// Every difference between what our side holds and the exchange.
    wrong: Vec<String>,
}

impl Report {
    pub fn of(
        exchange: &Exchange,
        trader: AccountId,
        ledger: &Ledger,
        listed: &[AccountOrder],
        told: Told,
        (lasted, rested_after): (Duration, Duration),
        (health, fired): (StreamHealth, BTreeMap<&'static str, u64>),
    ) -> Self {
        let truth: BTreeMap<String, &OrderRecord> = exchange
            .orders(trader)
            .map(|order| (order.id.to_string(), order))
            .collect();
        let mut wrong = wrongly_listed(&truth, listed);
        wrong.extend(wrongly_believed(&truth, ledger));
        wrong.extend(wrongly_told(&truth, &told));
        let beliefs = ledger.beliefs.lock().unwrap();
        let resolved = beliefs
            .values()
            .filter(|belief| **belief == Belief::Unknown)
            .count();
        Self {
            lasted,
            rested_after,
            health,
            fired,
            outcomes: ledger.outcomes.lock().unwrap().clone(),
            events: told.events,
            orders: beliefs.len(),
            resolved,
            wrong,
        }
    }

    fn resync_percent(&self) -> f64 {
        100.0 * self.health.counters.unknown_for.as_secs_f64() / self.lasted.as_secs_f64()
    }

    pub fn print(&self) {
        let counters = &self.health.counters;
        let per_second =
            f64::from(u32::try_from(counters.messages).unwrap_or(u32::MAX)) / self.lasted.as_secs_f64();
        println!(
            "soak: {:.1} s under faults, {} messages ({per_second:.0} a second), {} orders, {} of unknown outcome and resolved",
            self.lasted.as_secs_f64(),
            counters.messages,
            self.orders,
            self.resolved
        );
        println!(
            "soak: some book unknown {:.2} % of the time; all books equal {:?} after the faults ended",
            self.resync_percent(),
            self.rested_after
        );
        println!("soak: stream {counters:?}");
        println!("soak: events {:?}", self.events);
        println!("soak: outcomes {:?}", self.outcomes);
        println!("soak: faults {:?}", self.fired);
    }

    pub fn judge(&self, scale: &Scale) {
        let shown: Vec<&String> = self.wrong.iter().take(20).collect();
        assert!(
            self.wrong.is_empty(),
            "{} differences, such as {shown:#?}",
            self.wrong.len()
        );
        if let Some(most) = scale.resync_percent {
            let share = self.resync_percent();
            assert!(
                share <= most,
                "{}: {share:.2} % of the time was resync",
                scale.name
            );
        }
    }
}

fn state(order: &OrderRecord) -> String {
    format!("filled {} left {}", order.filled, order.remaining)
}

/// The listing against the exchange, both ways.
fn wrongly_listed(truth: &BTreeMap<String, &OrderRecord>, listed: &[AccountOrder]) -> Vec<String> {
    let mut wrong = Vec::new();
    let mut seen = BTreeMap::new();
    for order in listed {
        let id = order.order_id.to_string();
        let ours = format!("filled {} left {}", order.filled, order.remaining);
        match truth.get(&id) {
            Some(theirs) if state(theirs) == ours => {}
            theirs => wrong.push(format!(
                "order {id}: listed {ours}, there {:?}",
                theirs.map(|o| state(o))
            )),
        }
        seen.insert(id, ());
    }
    let absent = truth.keys().filter(|id| !seen.contains_key(*id));
    wrong.extend(absent.map(|id| format!("order {id}: there, and not listed")));
    wrong
}

/// What our creates and cancels were said to have done.
fn wrongly_believed(truth: &BTreeMap<String, &OrderRecord>, ledger: &Ledger) -> Vec<String> {
    let by_client_id: BTreeMap<&str, &OrderRecord> = truth
        .values()
        .filter_map(|order| Some((order.asked.client_order_id.as_deref()?, *order)))
        .collect();
    let mut wrong = Vec::new();
    for (client_id, belief) in &*ledger.beliefs.lock().unwrap() {
        let there = by_client_id.get(client_id.as_str());
        match (belief, there) {
            (Belief::Accepted(id), _) => {
                let same = |order: &&OrderRecord| order.asked.client_order_id.as_deref() == Some(client_id);
                if !truth.get(id.as_str()).is_some_and(same) {
                    wrong.push(format!("{client_id}: accepted as {id}, and not there"));
                }
            }
            (Belief::Absent, Some(order)) => {
                wrong.push(format!("{client_id}: believed absent, and there as {}", order.id));
            }
            (Belief::Absent, None) | (Belief::Unknown, _) => {}
        }
    }
    for id in &*ledger.canceled.lock().unwrap() {
        match truth.get(id.as_str()) {
            Some(order) if order.remaining.is_zero() => {}
            other => wrong.push(format!(
                "{id}: cancelled, and there {:?}",
                other.map(|o| state(o))
            )),
        }
    }
    wrong
}

/// What the stream said about orders that have ended.
fn wrongly_told(truth: &BTreeMap<String, &OrderRecord>, told: &Told) -> Vec<String> {
    let mut wrong = Vec::new();
    for (id, order) in &told.ended {
        let ours = format!("filled {} left {}", order.filled, order.remaining);
        match truth.get(id) {
            Some(theirs) if state(theirs) == ours => {}
            theirs => wrong.push(format!(
                "order {id}: told {ours}, there {:?}",
                theirs.map(|o| state(o))
            )),
        }
    }
    wrong
}
