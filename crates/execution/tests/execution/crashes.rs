//! The process dies at a named point; another one starts on the same database.

use autotrader_domain::{Order, OrderState};
use autotrader_execution::AccountBooks;
use chrono::TimeDelta;

use crate::kit::{Plan, World, approve, bid, crash, resting, short};

/// The next order on the contract of `order`.
fn next(order: &Order) -> Order {
    let mut next = order.clone();
    next.generation.0 += 1;
    next.client_order_id = format!("kat1-T-{}", next.generation.0).parse().unwrap();
    next
}

/// Restarts, lets the margins pass, and reads until nothing changes any more.
async fn recover(world: &mut World) {
    world.restart().await;
    for _ in 0..2 {
        let result = world.executor.reconcile().await;
        assert!(result.complete, "{result:?}");
        assert_eq!(result.differences, Vec::<String>::new());
        world.core.take(&result.events);
        world.pass(TimeDelta::minutes(1));
        world.poll().await;
    }
}

#[tokio::test]
async fn before_the_commit_nothing_happened() {
    let mut world = World::new();
    let order = bid("T", 2, "0.40");
    drop(world.executor.place(approve(order.clone()), 0));
    recover(&mut world).await;
    assert!(world.core.orders.is_empty());
    // The same order is decided again, under the same id.
    let events = world.place(order).await;
    assert_eq!(short(&events), ["sent", "canceled"]);
}

#[tokio::test]
async fn after_the_commit_before_the_send() {
    let mut world = World::new();
    let order = bid("T", 2, "0.40");
    world.store.with(|rows| rows.hangs_after_commit = true);
    crash(world.executor.place(approve(order.clone()), 0)).await;
    assert!(world.venue.with(|floor| floor.placed.is_empty()));
    recover(&mut world).await;
    assert_eq!(world.state(&order.client_order_id), OrderState::Abandoned);
    // The next order has the next generation; the old id is never used again.
    world.venue.plan([Plan::Accept { fills: 2 }]);
    world.place(next(&order)).await;
    assert_eq!(world.state(&"kat1-T-2".parse().unwrap()), OrderState::Filled);
}

#[tokio::test]
async fn after_the_send_before_it_arrived() {
    let mut world = World::new();
    let order = bid("T", 2, "0.40");
    world.venue.plan([Plan::Hang {
        arrives: false,
        fills: 0,
    }]);
    crash(world.executor.place(approve(order.clone()), 0)).await;
    recover(&mut world).await;
    assert_eq!(world.state(&order.client_order_id), OrderState::Abandoned);
    assert!(world.core.fills.is_empty());
}

#[tokio::test]
async fn after_it_arrived_before_the_answer() {
    for fills in 0..=2 {
        let mut world = World::new();
        let order = bid("T", 2, "0.40");
        world.venue.plan([Plan::Hang { arrives: true, fills }]);
        crash(world.executor.place(approve(order.clone()), 0)).await;
        recover(&mut world).await;
        let expected = if fills == 2 {
            OrderState::Filled
        } else {
            OrderState::Canceled
        };
        assert_eq!(world.state(&order.client_order_id), expected);
        assert_eq!(world.core.fills.len(), fills as usize);
        assert_eq!(
            world.venue.with(|floor| floor.placed.len()),
            1,
            "never sent again"
        );
    }
}

#[tokio::test]
async fn after_the_fill_was_stored_before_the_order() {
    let mut world = World::new();
    let order = bid("T", 2, "0.40");
    // The answer and both fills arrive; none of the order's steps is stored.
    world.venue.plan([Plan::Accept { fills: 2 }]);
    world.store.with(|rows| rows.failing_updates = 10);
    world.place(order.clone()).await;
    world.store.with(|rows| rows.failing_updates = 0);
    assert_eq!(world.store.with(|rows| rows.fills.len()), 2);
    let events = world.restart().await;
    assert_eq!(
        short(&events),
        ["unknown", "unknown", "filled"],
        "counted from the stored fills"
    );
    assert_eq!(world.state(&order.client_order_id), OrderState::Filled);
    recover(&mut world).await;
    assert!(world.store.restored().open_orders.is_empty());
    assert_eq!(world.store.with(|rows| rows.fills.len()), 2);
}

#[tokio::test]
async fn a_dropped_submission_is_resolved_by_the_same_process() {
    let mut world = World::new();
    let order = bid("T", 2, "0.40");
    world.venue.plan([Plan::Hang {
        arrives: true,
        fills: 1,
    }]);
    crash(world.executor.place(approve(order.clone()), 0)).await;
    world.poll().await;
    assert_eq!(world.state(&order.client_order_id), OrderState::Canceled);
    assert_eq!(world.core.fills.len(), 1);
}

#[tokio::test]
async fn resting_orders_go_on_resting() {
    let mut world = World::new();
    let order = resting(bid("T", 2, "0.40"));
    world.place(order.clone()).await;
    recover(&mut world).await;
    assert_eq!(world.state(&order.client_order_id), OrderState::Resting);
    assert_eq!(world.venue.with(|floor| floor.placed.len()), 1);
}

#[tokio::test]
async fn fills_and_ends_during_the_absence_are_booked() {
    let mut world = World::new();
    let order = resting(bid("T", 2, "0.40"));
    world.place(order.clone()).await;
    let venue = world.venue.id_of(&order.client_order_id);
    world.pass(TimeDelta::hours(9));
    world.venue.fill(&venue, 1, order.intent.side, order.intent.limit);
    world.venue.remove(&venue);
    world.pass(TimeDelta::hours(9));
    recover(&mut world).await;
    assert_eq!(world.state(&order.client_order_id), OrderState::Canceled);
    let stored = AccountBooks::from_restored(&world.store.restored()).unwrap();
    assert_eq!(stored, world.venue.with(|floor| floor.books.clone()));
}

#[tokio::test]
async fn an_order_without_its_stored_request_is_reported() {
    let mut world = World::new();
    world.place(resting(bid("T", 2, "0.40"))).await;
    let mut restored = world.store.restored();
    restored.requests.clear();
    let events = world.executor.restore(&restored).await;
    assert_eq!(short(&events), ["mismatch"]);
}

#[tokio::test]
async fn absence_counts_from_the_restart() {
    let mut world = World::new();
    let order = bid("T", 2, "0.40");
    world.venue.plan([Plan::Hang {
        arrives: false,
        fills: 0,
    }]);
    crash(world.executor.place(approve(order.clone()), 0)).await;
    // The dead process may have sent it up to its last moment, which nobody knows.
    world.pass(TimeDelta::hours(1));
    world.restart().await;
    for (seconds, expected) in [
        (20, OrderState::Unknown),
        (9, OrderState::Unknown),
        (2, OrderState::Unknown),
        (1, OrderState::Abandoned),
    ] {
        world.pass(TimeDelta::seconds(seconds));
        world.poll().await;
        assert_eq!(world.state(&order.client_order_id), expected, "{seconds} s later");
    }
}
