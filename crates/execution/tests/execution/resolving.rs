//! Unknown outcomes: found, or absent often enough and late enough.

use autotrader_domain::ports::FeedError;
use autotrader_domain::{ClientOrderId, OrderState};
use chrono::TimeDelta;

use crate::kit::{Plan, World, bid, resting, short};

async fn lost(plan: Plan) -> (World, ClientOrderId) {
    let mut world = World::new();
    world.venue.plan([plan]);
    let order = resting(bid("T", 3, "0.40"));
    let id = order.client_order_id.clone();
    world.place(order).await;
    assert_eq!(world.state(&id), OrderState::Unknown);
    (world, id)
}

#[tokio::test]
async fn a_listing_shows_what_became_of_it() {
    let (world, id) = lost(Plan::LoseAnswer { fills: 0 }).await;
    assert_eq!(
        short(&world.executor.resolve_unknown(&id, false).await),
        ["resting"]
    );

    let (world, id) = lost(Plan::LoseAnswer { fills: 1 }).await;
    let events = world.executor.resolve_unknown(&id, false).await;
    assert_eq!(
        short(&events),
        ["resting", "fill 1.00 at 0.4000", "partially_filled"]
    );

    let (world, id) = lost(Plan::LoseAnswer { fills: 3 }).await;
    let events = world.executor.resolve_unknown(&id, false).await;
    assert_eq!(short(&events).last().unwrap(), "filled");
    assert_eq!(
        short(&events).iter().filter(|e| e.starts_with("fill ")).count(),
        3
    );
}

#[tokio::test]
async fn absence_counts_only_late_enough_and_twice() {
    let (mut world, id) = lost(Plan::LoseRequest).await;
    for (wait, expected) in [
        // Not later than the send plus the margin.
        (0, OrderState::Unknown),
        (30, OrderState::Unknown),
        // The first that counts; the second listing of the same call is no later.
        (1, OrderState::Unknown),
        (1, OrderState::Abandoned),
    ] {
        world.pass(TimeDelta::seconds(wait));
        let events = world.executor.resolve_unknown(&id, false).await;
        world.core.take(&events);
        assert_eq!(world.state(&id), expected, "{wait} s later");
    }
    assert_eq!(
        world.venue.with(|floor| floor.placed.len()),
        1,
        "never sent again"
    );
    assert!(world.executor.resolve().await.is_empty());
}

#[tokio::test]
async fn a_venue_that_does_not_say_how_old_its_answer_is_proves_nothing() {
    let (mut world, id) = lost(Plan::LoseRequest).await;
    world.venue.with(|floor| floor.lag = None);
    for _ in 0..5 {
        world.pass(TimeDelta::hours(1));
        assert!(world.executor.resolve().await.is_empty());
    }
    // An answer as old as the send proves nothing either, however late it is read.
    world.venue.with(|floor| floor.lag = Some(TimeDelta::hours(6)));
    for _ in 0..3 {
        assert!(world.executor.resolve().await.is_empty());
        world.pass(TimeDelta::seconds(5));
    }
    world.venue.with(|floor| floor.lag = Some(TimeDelta::zero()));
    world.poll().await;
    world.pass(TimeDelta::seconds(1));
    world.poll().await;
    assert_eq!(world.state(&id), OrderState::Abandoned);
}

#[tokio::test]
async fn failed_listings_do_not_count() {
    let (mut world, id) = lost(Plan::LoseRequest).await;
    world.pass(TimeDelta::minutes(5));
    world.poll().await;
    for _ in 0..4 {
        world.pass(TimeDelta::seconds(1));
        world.venue.with(|floor| {
            floor
                .failures
                .extend(vec![FeedError::Transient("down".into()); 2]);
        });
        assert!(world.executor.resolve().await.is_empty());
        assert_eq!(world.core.orders[&id].state, OrderState::Unknown);
    }
    world.poll().await;
    assert_eq!(world.state(&id), OrderState::Abandoned);
}

#[tokio::test]
async fn an_order_given_up_that_turns_up_is_a_mismatch_and_its_fills_count() {
    let (mut world, id) = lost(Plan::LoseRequest).await;
    world.pass(TimeDelta::minutes(1));
    world.poll().await;
    world.pass(TimeDelta::seconds(1));
    world.poll().await;
    assert_eq!(world.state(&id), OrderState::Abandoned);
    // The venue was so late that every margin had passed.
    world
        .venue
        .stranger("T", Some(id.as_str()), 2, "0.40".parse().unwrap());
    let events = world.poll().await;
    assert_eq!(short(&events), ["fill 2.00 at 0.4000", "mismatch", "abandoned"]);
    assert_eq!(world.core.fills[0].client_order_id.as_ref(), Some(&id));
}

#[tokio::test]
async fn a_fill_proves_that_an_order_arrived_when_the_listing_lacks_it() {
    let (mut world, id) = lost(Plan::LoseAnswer { fills: 1 }).await;
    let hidden = world.venue.with(|floor| std::mem::take(&mut floor.orders));
    world.pass(TimeDelta::minutes(1));
    // Neither the listing nor a read of the order finds it: the fill waits, and the order is not given up for it.
    for _ in 0..3 {
        world.poll().await;
        world.pass(TimeDelta::seconds(1));
    }
    world.venue.with(|floor| floor.orders = hidden);
    world.poll().await;
    assert_eq!(world.core.fills.len(), 1);
    assert_eq!(world.core.fills[0].client_order_id.as_ref(), Some(&id));
    assert!(!world.core.orders[&id].filled.is_zero());
}
