//! Cancels, and the ambiguity of "not on the book".

use autotrader_domain::ports::{CancelOutcome, FeedError};
use autotrader_domain::{BookSide, ClientOrderId, Contracts, OrderState, RejectReason};

use crate::kit::{Plan, World, bid, price, resting, short};

async fn with_resting_order() -> (World, ClientOrderId) {
    let mut world = World::new();
    let order = resting(bid("T", 5, "0.40"));
    let id = order.client_order_id.clone();
    world.place(order).await;
    (world, id)
}

fn fill(world: &World, id: &ClientOrderId, contracts: u32) {
    world
        .venue
        .fill(&world.venue.id_of(id), contracts, BookSide::Bid, price("0.40"));
}

#[tokio::test]
async fn a_cancel_ends_the_order() {
    let (mut world, id) = with_resting_order().await;
    assert_eq!(short(&world.cancel(&id).await), ["canceled"]);
    assert!(
        world.cancel(&id).await.is_empty(),
        "cancelling again does nothing"
    );
    assert_eq!(world.venue.with(|floor| floor.canceled.len()), 1);
}

#[tokio::test]
async fn what_was_filled_meanwhile_is_booked_before_the_order_ends() {
    let (mut world, id) = with_resting_order().await;
    fill(&world, &id, 2);
    let events = world.cancel(&id).await;
    assert_eq!(short(&events), ["fill 2.00 at 0.4000", "canceled"]);
    assert_eq!(world.core.orders[&id].filled, Contracts::whole(2));
}

#[tokio::test]
async fn not_on_the_book_may_mean_filled() {
    let (mut world, id) = with_resting_order().await;
    fill(&world, &id, 5);
    let events = world.cancel(&id).await;
    assert_eq!(short(&events), ["fill 5.00 at 0.4000", "filled"]);
}

#[tokio::test]
async fn not_on_the_book_may_mean_cancelled_by_the_exchange() {
    let (mut world, id) = with_resting_order().await;
    fill(&world, &id, 1);
    world.venue.remove(&world.venue.id_of(&id));
    let events = world.cancel(&id).await;
    assert_eq!(short(&events), ["fill 1.00 at 0.4000", "canceled"]);
}

#[tokio::test]
async fn a_read_that_lags_is_not_believed() {
    let (mut world, id) = with_resting_order().await;
    fill(&world, &id, 5);
    world.venue.with(|floor| floor.lagging_reads = 3);
    let events = world.cancel(&id).await;
    assert_eq!(
        short(&events),
        ["fill 5.00 at 0.4000", "filled"],
        "the fourth read is right"
    );

    let (mut world, id) = with_resting_order().await;
    world.venue.remove(&world.venue.id_of(&id));
    world.venue.with(|floor| floor.lagging_reads = 4);
    assert_eq!(short(&world.cancel(&id).await), ["unknown"]);
    world.poll().await;
    assert_eq!(world.state(&id), OrderState::Canceled);
}

#[tokio::test]
async fn an_unknown_cancel_is_resolved_by_reading() {
    let (mut world, id) = with_resting_order().await;
    let lost = CancelOutcome::Unknown {
        detail: "no answer".into(),
    };
    world.venue.with(|floor| floor.cancels.push_back(lost));
    assert_eq!(short(&world.cancel(&id).await), ["canceled"]);
}

#[tokio::test]
async fn a_refused_cancel_leaves_the_order() {
    let (mut world, id) = with_resting_order().await;
    let refused = CancelOutcome::Refused {
        reason: RejectReason::ExchangePaused,
        detail: "come back later".into(),
    };
    world.venue.with(|floor| {
        floor.cancels.push_back(refused);
    });
    assert_eq!(short(&world.cancel(&id).await), ["resting"]);
    let last = world.store.with(|rows| rows.history.last().unwrap().clone());
    assert!(last.contains("Cancel refused: The exchange is paused."), "{last}");
}

#[tokio::test]
async fn more_taken_off_than_ordered_is_a_mismatch() {
    let (mut world, id) = with_resting_order().await;
    let odd = CancelOutcome::Canceled {
        reduced_by: Contracts::whole(6),
    };
    world.venue.with(|floor| floor.cancels.push_back(odd));
    assert_eq!(short(&world.cancel(&id).await), ["mismatch", "unknown"]);
    world.poll().await;
    assert_eq!(
        world.state(&id),
        OrderState::Canceled,
        "reading the order settles it"
    );
}

#[tokio::test]
async fn an_order_without_a_venue_id_is_looked_up_first() {
    let mut world = World::new();
    world.venue.plan([Plan::LoseAnswer { fills: 0 }]);
    let order = resting(bid("T", 5, "0.40"));
    let id = order.client_order_id.clone();
    world.place(order).await;
    assert_eq!(short(&world.cancel(&id).await), ["resting", "canceled"]);
}

#[tokio::test]
async fn reads_that_fail_leave_the_outcome_unknown() {
    let (mut world, id) = with_resting_order().await;
    world.venue.remove(&world.venue.id_of(&id));
    let down = FeedError::Transient("timeout".into());
    world.venue.with(|floor| floor.failures.extend(vec![down; 4]));
    assert_eq!(short(&world.cancel(&id).await), ["unknown"]);
}

#[tokio::test]
async fn an_order_nobody_knows_is_not_cancelled() {
    let mut world = World::new();
    assert!(world.cancel(&"kat1-X-1".parse().unwrap()).await.is_empty());
    assert!(world.venue.with(|floor| floor.canceled.is_empty()));
}
