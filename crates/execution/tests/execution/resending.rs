//! Sending a stored body again: only what a listing proves to be absent, a bounded number of times, and never twice.

use autotrader_domain::{ClientOrderId, Order, OrderState, RejectReason, TimeInForce};
use autotrader_execution::ExecutionEvent;
use chrono::TimeDelta;

use crate::kit::{Plan, World, approve, attempt, bid, resting, short, start};

/// A world in which an order was lost in the given way.
async fn lost(order: Order, plan: Plan) -> (World, ClientOrderId) {
    let mut world = World::new();
    world.venue.plan([plan]);
    let id = order.client_order_id.clone();
    world.place(order).await;
    assert_eq!(world.state(&id), OrderState::Unknown);
    (world, id)
}

async fn resend(world: &mut World, id: &ClientOrderId) -> Vec<ExecutionEvent> {
    let events = world.executor.resolve_unknown(id, true).await;
    world.core.take(&events);
    events
}

fn sent(world: &World) -> usize {
    world.venue.with(|floor| floor.placed.len())
}

#[tokio::test]
async fn an_order_that_never_arrived_is_sent_again_once_a_late_listing_lacks_it() {
    for (wait, expected) in [(0, 1), (30, 1), (31, 2), (179, 2), (180, 1), (3_600, 1)] {
        let (mut world, id) = lost(bid("T", 3, "0.40"), Plan::LoseRequest).await;
        world.venue.plan([Plan::Accept { fills: 2 }]);
        world.pass(TimeDelta::seconds(wait));
        resend(&mut world, &id).await;
        assert_eq!(sent(&world), expected, "after {wait} s");
        if expected == 2 {
            assert_eq!(
                world.state(&id),
                OrderState::Canceled,
                "immediate, two of three filled"
            );
            let bodies = world.venue.with(|floor| floor.placed.clone());
            assert_eq!(bodies[0], bodies[1]);
        } else {
            assert!(matches!(
                world.state(&id),
                OrderState::Unknown | OrderState::Abandoned
            ));
        }
        assert!(world.executor.reconcile().await.agrees());
    }
}

#[tokio::test]
async fn an_order_that_arrived_is_found_and_never_sent_again() {
    // The venue of this test ends it when an order that arrived is submitted a second time: it has forgotten its ids.
    for fills in 0..=3 {
        for wait in [0, 31, 100, 3_600] {
            let (mut world, id) = lost(bid("T", 3, "0.40"), Plan::LoseAnswer { fills }).await;
            world.pass(TimeDelta::seconds(wait));
            resend(&mut world, &id).await;
            assert_eq!(sent(&world), 1);
            assert!(world.state(&id).is_terminal());
            assert_eq!(world.core.fills.len(), usize::try_from(fills).unwrap());
        }
    }
}

#[tokio::test]
async fn a_listing_of_the_past_proves_nothing() {
    let (mut world, id) = lost(bid("T", 3, "0.40"), Plan::LoseRequest).await;
    world.venue.with(|floor| floor.lag = Some(TimeDelta::seconds(60)));
    world.pass(TimeDelta::seconds(80));
    resend(&mut world, &id).await;
    assert_eq!(sent(&world), 1, "it shows how things were 20 s after the send");
    world.venue.with(|floor| floor.lag = None);
    resend(&mut world, &id).await;
    assert_eq!(sent(&world), 1, "its time is not known");
    world.venue.with(|floor| floor.lag = Some(TimeDelta::seconds(60)));
    world.pass(TimeDelta::seconds(20));
    resend(&mut world, &id).await;
    assert_eq!(sent(&world), 2);
}

#[tokio::test]
async fn a_duplicate_means_that_it_arrived_whatever_the_listing_said() {
    let (mut world, id) = lost(resting(bid("T", 3, "0.40")), Plan::LoseAnswer { fills: 0 }).await;
    world.venue.with(|floor| {
        floor.remembers_ids = true;
        floor.hides_orders = true;
    });
    world.pass(TimeDelta::seconds(31));
    resend(&mut world, &id).await;
    assert_eq!((sent(&world), world.state(&id)), (2, OrderState::Unknown));
    world.venue.with(|floor| floor.hides_orders = false);
    world.poll().await;
    assert_eq!(world.state(&id), OrderState::Resting);
}

#[tokio::test]
async fn what_becomes_of_the_second_submission_says_nothing_of_the_first() {
    for plan in [
        Plan::NotSent,
        Plan::Reject(RejectReason::InsufficientBalance),
        Plan::Reject(RejectReason::MarketInactive),
        Plan::LoseRequest,
    ] {
        let (mut world, id) = lost(bid("T", 3, "0.40"), Plan::LoseRequest).await;
        world.venue.plan([plan]);
        world.pass(TimeDelta::seconds(31));
        resend(&mut world, &id).await;
        assert_eq!(
            (sent(&world), world.state(&id)),
            (2, OrderState::Unknown),
            "{plan:?}"
        );
        // Absence counts from the second send on, and a third one is not made.
        world.pass(TimeDelta::seconds(30));
        resend(&mut world, &id).await;
        assert_eq!(
            (sent(&world), world.state(&id)),
            (2, OrderState::Unknown),
            "{plan:?}"
        );
        for _ in 0..2 {
            world.pass(TimeDelta::seconds(1));
            world.poll().await;
        }
        assert_eq!(world.state(&id), OrderState::Abandoned, "{plan:?}");
    }
}

#[tokio::test]
async fn an_answer_lost_twice_is_still_one_order() {
    let (mut world, id) = lost(bid("T", 3, "0.40"), Plan::LoseRequest).await;
    world.venue.plan([Plan::LoseAnswer { fills: 2 }]);
    world.pass(TimeDelta::seconds(31));
    resend(&mut world, &id).await;
    assert_eq!(world.state(&id), OrderState::Unknown);
    world.poll().await;
    assert_eq!(world.state(&id), OrderState::Canceled);
    assert_eq!((sent(&world), world.core.fills.len()), (2, 2));
    assert!(world.executor.reconcile().await.agrees());
}

#[tokio::test]
async fn an_order_whose_time_is_over_is_not_sent_again() {
    let mut order = resting(bid("T", 3, "0.40"));
    order.intent.time_in_force = TimeInForce::GoodTillCanceled {
        expires_at: Some(start() + TimeDelta::seconds(31)),
    };
    let (mut world, id) = lost(order, Plan::LoseRequest).await;
    world.pass(TimeDelta::seconds(31));
    resend(&mut world, &id).await;
    assert_eq!(sent(&world), 1);
}

#[tokio::test]
async fn polls_reconciliations_and_restarts_send_nothing_again() {
    let (mut world, id) = lost(bid("T", 3, "0.40"), Plan::LoseRequest).await;
    world.pass(TimeDelta::seconds(31));
    world.poll().await;
    assert_eq!(world.state(&id), OrderState::Unknown);
    world.restart().await;
    world.poll().await;
    assert!(world.executor.reconcile().await.complete);
    assert_eq!(sent(&world), 1);
    // After a restart the send may have been at its very last moment.
    resend(&mut world, &id).await;
    assert_eq!(sent(&world), 1);
    world.pass(TimeDelta::seconds(31));
    resend(&mut world, &id).await;
    assert_eq!(sent(&world), 2, "asked for, and the stored body was not lost");
}

#[tokio::test]
async fn an_order_stored_without_its_body_is_left_to_the_listings() {
    let (mut world, id) = lost(bid("T", 3, "0.40"), Plan::LoseRequest).await;
    world
        .store
        .with(|rows| rows.orders.get_mut(&id).unwrap().1.body = None);
    world.restart().await;
    world.pass(TimeDelta::seconds(31));
    resend(&mut world, &id).await;
    assert_eq!(sent(&world), 1);
}

#[tokio::test]
async fn it_is_written_down_before_it_is_sent_again() {
    let (mut world, id) = lost(bid("T", 3, "0.40"), Plan::LoseRequest).await;
    world.pass(TimeDelta::seconds(31));
    world.store.with(|rows| rows.failing_updates = 1);
    let events = resend(&mut world, &id).await;
    assert!(short(&events).contains(&"store failed".to_owned()));
    assert_eq!(sent(&world), 1);
}

#[tokio::test]
async fn a_process_that_dies_while_sending_again_leaves_one_order() {
    for arrives in [true, false] {
        let (mut world, id) = lost(bid("T", 3, "0.40"), Plan::LoseRequest).await;
        world.venue.plan([Plan::Hang { arrives, fills: 3 }]);
        world.pass(TimeDelta::seconds(31));
        {
            let mut under_way = std::pin::pin!(world.executor.resolve_unknown(&id, true));
            assert!(attempt(under_way.as_mut()).await.is_none());
            let meanwhile = short(&world.executor.poll().await);
            assert!(
                !meanwhile.contains(&"abandoned".to_owned()),
                "nobody counts its absence"
            );
            let again = world.executor.resolve_unknown(&id, true).await;
            assert!(again.is_empty(), "nor sends it a third time");
        }
        world.restart().await;
        for _ in 0..3 {
            world.pass(TimeDelta::seconds(31));
            world.poll().await;
        }
        let expected = if arrives {
            OrderState::Filled
        } else {
            OrderState::Abandoned
        };
        let state = world.store.with(|rows| rows.orders[&id].0.state);
        assert_eq!((sent(&world), state), (2, expected));
        assert!(world.executor.reconcile().await.agrees());
    }
}

#[tokio::test]
async fn two_orders_with_one_id_are_called_what_they_are() {
    let world = World::new();
    let order = resting(bid("T", 3, "0.40"));
    let id = order.client_order_id.clone();
    world.executor.place(approve(order), 0).await;
    world.venue.with(|floor| {
        let mut double = floor.orders.values().next().unwrap().clone();
        double.venue_order_id = "double".parse().unwrap();
        floor.orders.insert(double.venue_order_id.clone(), double);
    });
    let result = world.executor.reconcile().await;
    assert!(!result.agrees());
    assert_eq!(short(&result.events), ["foreign"]);
    let item = result
        .items
        .iter()
        .find(|item| item.what == "order double")
        .unwrap();
    assert_eq!(
        item.words,
        format!("double on T carries the id {id}, which is our order v-{id}: one of the two is doubled.")
    );
}
