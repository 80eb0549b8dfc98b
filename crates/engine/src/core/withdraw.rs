//! Taking off the book what may no longer stand there.

use std::collections::BTreeMap;

use autotrader_domain::{ClientOrderId, Order, OrderState, Purpose, TimeInForce};
use autotrader_risk::{Cause, RiskState};
use chrono::{DateTime, TimeDelta, Utc};

use super::Engine;
use crate::Effect;

/// How long an order gets to end before its cancel is asked for again.
const ASK_AGAIN: TimeDelta = TimeDelta::seconds(10);

/// The cancels asked for: in which state the order was then, and when.
pub(super) type Asked = BTreeMap<ClientOrderId, (OrderState, DateTime<Utc>)>;

impl Engine {
    /// Asks for the cancel of every open order that the risk state does not allow to stand, once in each of its states and
    /// again when it does not end: an order whose answer arrives after the halt is cancelled then.
    pub(super) fn withdraw_disallowed(&mut self, at: DateTime<Utc>, effects: &mut Vec<Effect>) {
        if self.withdrawn.is_empty() && self.risk.state() == RiskState::Active {
            return;
        }
        let open = &self.account.portfolio.open_orders;
        self.withdrawn.retain(|id, _| open.contains_key(id));
        let disallowed: Vec<(ClientOrderId, OrderState)> = open
            .values()
            .filter(|order| !self.may_stand(order))
            .map(|order| (order.client_order_id.clone(), order.state))
            .collect();
        for (id, state) in disallowed {
            let asked = self.withdrawn.get(&id);
            if asked.is_some_and(|(then, since)| *then == state && at - *since < ASK_AGAIN) {
                continue;
            }
            self.withdrawn.insert(id.clone(), (state, at));
            let cancel = Effect::Cancel(id);
            if !effects.contains(&cancel) {
                effects.push(cancel);
            }
        }
    }

    /// Whether an open order may stay under the present risk state.
    fn may_stand(&self, order: &Order) -> bool {
        let immediate = order.intent.time_in_force == TimeInForce::ImmediateOrCancel;
        match self.risk.state() {
            RiskState::Active => true,
            // What takes nothing that it does not take at once needs no cancel.
            RiskState::NoEntries => {
                immediate || order.intent.purpose != Purpose::Entry || !self.knowledge_is_in_doubt()
            }
            RiskState::Reduce => immediate,
            RiskState::Halt => order.intent.purpose == Purpose::Flatten && self.is_flattening(),
        }
    }

    /// Whether entries stop because of what is known, not because of the exchange: resting entries may be mispriced then.
    fn knowledge_is_in_doubt(&self) -> bool {
        [Cause::LeaderboardStale, Cause::MarketDataStale, Cause::BoardHeld]
            .into_iter()
            .any(|cause| self.risk.causes().stands(cause))
    }
}
