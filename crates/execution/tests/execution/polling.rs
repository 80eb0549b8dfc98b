//! Periodic reads: increments, duplicates, strangers, settlements.

use autotrader_domain::ports::FeedError;
use autotrader_domain::{BookSide, ClientOrderId, Contracts, OrderState};
use autotrader_execution::ExecutionEvent;
use chrono::TimeDelta;

use crate::kit::{Plan, World, bid, price, resting, short};

async fn with_resting_order() -> (World, ClientOrderId) {
    let mut world = World::new();
    let order = resting(bid("T", 5, "0.40"));
    let id = order.client_order_id.clone();
    world.place(order).await;
    (world, id)
}

#[tokio::test]
async fn fills_of_resting_orders_come_once() {
    let (mut world, id) = with_resting_order().await;
    let venue = world.venue.id_of(&id);
    world.venue.fill(&venue, 2, BookSide::Bid, price("0.40"));
    assert_eq!(
        short(&world.poll().await),
        ["fill 2.00 at 0.4000", "partially_filled"]
    );
    assert!(world.poll().await.is_empty());
    world.pass(TimeDelta::minutes(1));
    world.venue.fill(&venue, 3, BookSide::Bid, price("0.40"));
    assert_eq!(short(&world.poll().await), ["fill 3.00 at 0.4000", "filled"]);
    world.pass(TimeDelta::hours(3));
    assert!(world.poll().await.is_empty());
    assert!(world.poll().await.is_empty(), "nor after the ids were forgotten");
}

#[tokio::test]
async fn what_the_exchange_does_by_itself_is_noticed() {
    let (mut world, id) = with_resting_order().await;
    world.venue.remove(&world.venue.id_of(&id));
    assert_eq!(short(&world.poll().await), ["canceled"]);
}

#[tokio::test]
async fn a_fill_after_the_cancel_counts_and_does_not_reopen() {
    let (mut world, id) = with_resting_order().await;
    let venue = world.venue.id_of(&id);
    // The venue cancels and says nothing of a fill that it books a moment later.
    world.venue.remove(&venue);
    world.poll().await;
    world
        .venue
        .with(|floor| floor.orders.get_mut(&venue).unwrap().remaining = Contracts::whole(5));
    world.venue.fill(&venue, 2, BookSide::Bid, price("0.40"));
    let events = world.poll().await;
    assert_eq!(short(&events), ["fill 2.00 at 0.4000", "canceled"]);
    assert_eq!(world.core.orders[&id].filled, Contracts::whole(2));
}

#[tokio::test]
async fn a_read_that_fails_is_repeated_from_where_it_was() {
    let (mut world, id) = with_resting_order().await;
    world
        .venue
        .fill(&world.venue.id_of(&id), 2, BookSide::Bid, price("0.40"));
    for _ in 0..5 {
        // Every read of the round fails, for hours: longer than any overlap.
        world.venue.with(|floor| {
            floor.failures.clear();
            floor
                .failures
                .extend(vec![FeedError::Transient("down".into()); 20]);
        });
        assert!(world.poll().await.is_empty());
        world.pass(TimeDelta::hours(1));
    }
    world.venue.with(|floor| floor.failures.clear());
    assert_eq!(
        short(&world.poll().await),
        ["fill 2.00 at 0.4000", "partially_filled"]
    );
}

#[tokio::test]
async fn a_strangers_fill_counts_at_once_without_our_id() {
    let (mut world, _) = with_resting_order().await;
    world.pass(TimeDelta::seconds(1));
    world.venue.stranger("T", Some("by-hand"), 3, price("0.50"));
    let events = world.poll().await;
    let [ExecutionEvent::Fill(fill)] = events.as_slice() else {
        panic!("{events:?}");
    };
    assert_eq!(
        (fill.client_order_id.clone(), fill.contracts),
        (None, Contracts::whole(3))
    );
}

#[tokio::test]
async fn a_fill_with_our_prefix_from_elsewhere_is_foreign() {
    let mut world = World::new();
    world.pass(TimeDelta::seconds(1));
    world
        .venue
        .stranger("T", Some("kat1-another-database"), 3, price("0.50"));
    assert_eq!(short(&world.poll().await), ["foreign", "fill 3.00 at 0.5000"]);
}

#[tokio::test]
async fn a_fill_before_the_answer_finds_its_order() {
    let mut world = World::new();
    world.venue.plan([Plan::LoseAnswer { fills: 2 }]);
    let order = bid("T", 2, "0.40");
    let id = order.client_order_id.clone();
    world.place(order).await;
    // The fills are read before the order was found: they name it.
    let events = world.executor.poll_fills().await;
    world.core.take(&events);
    assert_eq!(world.core.fills.len(), 2);
    assert!(
        world
            .core
            .fills
            .iter()
            .all(|fill| fill.client_order_id.as_ref() == Some(&id))
    );
    assert_eq!(world.state(&id), OrderState::Filled);
}

#[tokio::test]
async fn a_fill_that_may_be_ours_waits_until_that_is_known() {
    let mut world = World::new();
    world.venue.plan([Plan::LoseAnswer { fills: 2 }]);
    let order = bid("T", 2, "0.40");
    let id = order.client_order_id.clone();
    world.place(order).await;
    // Fills can be read, the order they name cannot.
    world
        .venue
        .with(|floor| floor.fail_after(1, FeedError::Transient("orders are down".into())));
    let events = world.executor.poll_fills().await;
    assert!(events.is_empty(), "{events:?}");
    world.pass(TimeDelta::hours(2));
    let events = world.executor.poll_fills().await;
    world.core.take(&events);
    assert_eq!(world.core.fills.len(), 2, "the cursor did not pass them");
    assert_eq!(world.state(&id), OrderState::Filled);
}

#[tokio::test]
async fn a_fill_of_no_order_of_ours_does_not_wait() {
    let world = World::new();
    world.pass(TimeDelta::seconds(1));
    world.venue.stranger("T", None, 3, price("0.50"));
    world
        .venue
        .with(|floor| floor.fail_after(1, FeedError::Transient("orders are down".into())));
    let events = world.executor.poll_fills().await;
    assert_eq!(short(&events), ["fill 3.00 at 0.5000"]);
}

#[tokio::test]
async fn settlements_come_once_and_after_the_fills() {
    let (mut world, id) = with_resting_order().await;
    world
        .venue
        .fill(&world.venue.id_of(&id), 5, BookSide::Bid, price("0.40"));
    world.venue.settle("T", price("1"));
    let events = world.poll().await;
    assert_eq!(short(&events), ["fill 5.00 at 0.4000", "filled", "settled T"]);
    assert!(world.poll().await.is_empty());
    let ours = world.core.books.position(&"T".parse().unwrap());
    let theirs = world
        .venue
        .with(|floor| floor.books.position(&"T".parse().unwrap()));
    assert_eq!(ours, theirs);
    world.restart().await;
    assert!(world.poll().await.is_empty(), "nor after a restart");
}

#[tokio::test]
async fn a_settlement_waits_until_the_fills_before_it_are_booked() {
    let (mut world, id) = with_resting_order().await;
    world
        .venue
        .fill(&world.venue.id_of(&id), 5, BookSide::Bid, price("0.40"));
    world.venue.settle("T", price("1"));
    // The disk has room for a settlement again before it has room for the fill.
    world.store.with(|rows| rows.failing_fills = 20);
    let events = world.poll().await;
    assert!(!short(&events).contains(&"settled T".to_owned()), "{events:?}");
    world.store.with(|rows| rows.failing_fills = 0);
    let events = short(&world.poll().await);
    let place = |what: &str| events.iter().position(|event| event == what).unwrap();
    assert!(place("fill 5.00 at 0.4000") < place("settled T"), "{events:?}");
}

#[tokio::test]
async fn a_settlement_that_is_not_durable_is_not_reported() {
    let mut world = World::new();
    world.venue.settle("T", price("0.25"));
    world.store.with(|rows| rows.failing_settlements = 1);
    assert_eq!(short(&world.poll().await), ["store failed"]);
    assert_eq!(short(&world.poll().await), ["settled T"]);
}

#[tokio::test]
async fn refused_and_broken_reads_are_told_apart() {
    let mut world = World::new();
    world
        .venue
        .with(|floor| floor.failures.push_back(FeedError::Refused("401".into())));
    assert_eq!(short(&world.executor.poll_fills().await), ["mismatch"]);
    let broken = FeedError::Schema {
        path: "$.settlements".into(),
        detail: "missing".into(),
    };
    world.venue.with(|floor| floor.failures.push_back(broken));
    assert_eq!(short(&world.executor.poll_settlements().await), ["schema broken"]);
    assert!(world.poll().await.is_empty());
}
