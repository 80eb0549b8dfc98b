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

#[cfg(test)]
mod tests {
    use autotrader_domain::{
        BookSide, Claim, ClientOrderId, Contracts, FeeSchedule, FeeType, Intent, Money, OrderState, Price,
        Purpose, TimeInForce,
    };
    use chrono::TimeDelta;

    use super::*;

    fn order(generation: u64, second: i64, state: OrderState) -> Order {
        let at = DateTime::UNIX_EPOCH + TimeDelta::seconds(second);
        let id: ClientOrderId = format!("kat1-{generation}").parse().unwrap();
        Order {
            client_order_id: id,
            generation: Generation(generation),
            venue_order_id: None,
            intent: Intent {
                ticker: "T-1".parse().unwrap(),
                event: "T".parse().unwrap(),
                series: "T".parse().unwrap(),
                claim: Claim::Organization {
                    organization: "A".into(),
                },
                side: BookSide::Bid,
                contracts: Contracts::whole(1),
                limit: Price::from_cents(50).unwrap(),
                time_in_force: TimeInForce::ImmediateOrCancel,
                post_only: false,
                purpose: Purpose::Entry,
                fees: FeeSchedule {
                    fee_type: FeeType::Quadratic,
                    multiplier_millionths: 1_000_000,
                },
                check_time: at,
                strategy: "test".into(),
                rationale: "test".into(),
                edge: Money::ZERO,
            },
            reduce_only: false,
            state,
            filled: Contracts::ZERO,
            created_at: at,
            updated_at: at,
            reject_reason: None,
        }
    }

    #[test]
    fn an_older_word_does_not_undo_a_newer_one() {
        use OrderState as S;
        let mut latest = LatestSteps::default();
        for (generation, second, state, taken) in [
            (1, 1, S::Sent, true),
            (1, 3, S::Resting, true),
            (1, 2, S::Sent, false),
            (1, 3, S::PartiallyFilled, true),
            (1, 9, S::Filled, true),
            (1, 8, S::Resting, false),
            (1, 10, S::PartiallyFilled, false),
            (1, 11, S::Filled, true),
            (2, 12, S::Sent, true),
            (1, 13, S::Resting, false),
            (1, 14, S::Canceled, true),
            (2, 15, S::Resting, true),
        ] {
            let step = order(generation, second, state);
            assert_eq!(latest.take(&step), taken, "{generation} {second} {state:?}");
        }
    }
}
