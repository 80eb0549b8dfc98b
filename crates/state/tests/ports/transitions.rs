//! The stored state machine against the domain's, on random walks.

use autotrader_domain::OrderState;
use autotrader_domain::ports::{Ledger as _, OrderStore as _};
use proptest::prelude::*;

use crate::fixtures::{BODY, Home, order, request, step};

const STATES: [OrderState; 10] = [
    OrderState::Intended,
    OrderState::Sent,
    OrderState::Resting,
    OrderState::PartiallyFilled,
    OrderState::Filled,
    OrderState::Canceled,
    OrderState::Rejected,
    OrderState::Expired,
    OrderState::Unknown,
    OrderState::Abandoned,
];

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_step_is_stored_exactly_when_the_life_cycle_allows_it(
        walk in proptest::collection::vec(proptest::sample::select(&STATES[..]), 1..30),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            let home = Home::new();
            let store = home.open();
            let mut current = order("T-A", 1);
            store.commit_intent(&current, &request(&current), BODY).await.unwrap();
            let mut stored = 1;
            for (seconds, state) in (2..).zip(walk) {
                let wanted = step(&current, state, seconds);
                let allowed = current.state == state || current.state.may_become(state);
                let result = store.update_order(&wanted, "step", None).await;
                prop_assert_eq!(result.is_ok(), allowed, "{:?} to {:?}", current.state, state);
                if allowed {
                    current = wanted;
                    stored += 1;
                }
                let next = order("T-A", 2);
                if !current.state.is_terminal() {
                    prop_assert!(store.commit_intent(&next, &request(&next), BODY).await.is_err());
                }
            }
            let history = store.history();
            prop_assert_eq!(history.order(&current.client_order_id).unwrap(), Some(current.clone()));
            prop_assert_eq!(history.order_events(&current.client_order_id).unwrap().len(), stored);
            let open = store.restore().await.unwrap().open_orders;
            prop_assert_eq!(open.is_empty(), current.state.is_terminal());
            Ok(())
        })?;
    }
}
