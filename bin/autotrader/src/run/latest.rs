//! Answers that overtook each other: what is known of an order already must not be undone by an older word of it.

use std::collections::BTreeMap;

use autotrader_domain::{Generation, Order, Ticker};
use chrono::{DateTime, Utc};

/// The last step seen of each contract's last order. A contract has one order that is not finished at a time.
#[derive(Debug, Default)]
pub(crate) struct LatestSteps(BTreeMap<Ticker, Seen>);

#[derive(Debug, Clone, Copy)]
struct Seen {
    generation: Generation,
    updated_at: DateTime<Utc>,
    ended: bool,
}

impl LatestSteps {
    /// Takes a step; `false` when a later one was seen already. The end of an order is always news.
    pub(crate) fn take(&mut self, order: &Order) -> bool {
        let step = Seen {
            generation: order.generation,
            updated_at: order.updated_at,
            ended: order.state.is_terminal(),
        };
        if let Some(seen) = self.0.get(&order.intent.ticker) {
            let older = step.generation < seen.generation;
            let same = step.generation == seen.generation;
            let overtaken = same && !step.ended && (seen.ended || step.updated_at < seen.updated_at);
            if overtaken || (older && !step.ended) {
                return false;
            }
            if older {
                return true;
            }
        }
        self.0.insert(order.intent.ticker.clone(), step);
        true
    }
}
