//! Our books against the venue's: complete or failed, and every difference in words.

use autotrader_domain::ports::FeedError;
use autotrader_domain::{BookSide, Money, OrderState};
use autotrader_execution::{AccountBooks, ExecutionEvent, ExecutionSettings, Reconciliation};
use chrono::TimeDelta;

use crate::kit::{GTC, Plan, World, bid, order, price, resting, short};

async fn traded() -> World {
    let mut world = World::new();
    world.core.books.cash = Some(Money::dollars(1_000));
    world.venue.plan([Plan::Accept { fills: 3 }]);
    world.place(bid("A", 3, "0.40")).await;
    world.venue.plan([Plan::Accept { fills: 2 }]);
    world.place(order("B", 1, BookSide::Ask, 2, "0.30")).await;
    world
}

async fn reconcile(world: &mut World) -> Reconciliation {
    let result = world.executor.reconcile().await;
    world.core.take(&result.events);
    result
}

#[tokio::test]
async fn equal_books_agree_to_the_micro_dollar() {
    let mut world = traded().await;
    let result = reconcile(&mut world).await;
    assert!(result.complete);
    assert_eq!(result.differences, Vec::<String>::new());
    assert_eq!(result.events, []);
    assert_eq!(result.balance, world.core.books.cash);
}

#[tokio::test]
async fn differences_are_said_in_words() {
    let world = traded().await;
    world.venue.with(|floor| {
        floor.books.cash = Some(Money::micros(997_391_501));
        floor.books.positions.remove(&"B".parse().unwrap());
    });
    let result = world.executor.reconcile().await;
    assert!(result.complete);
    assert_eq!(
        result.differences,
        [
            "B: we have -2.00 contracts, the venue says 0.00.",
            "Cash: we have 997.391500 dollars, the venue says 997.391501.",
        ]
    );
    assert_eq!(short(&result.events), ["mismatch"]);
}

#[tokio::test]
async fn a_position_nobody_told_us_of_is_a_difference() {
    let mut world = traded().await;
    world.venue.with(|floor| {
        let held = floor.books.position(&"A".parse().unwrap());
        floor.books.positions.insert("C".parse().unwrap(), held);
    });
    let result = reconcile(&mut world).await;
    assert_eq!(
        result.differences,
        ["C: we have 0.00 contracts, the venue says 3.00."]
    );
}

#[tokio::test]
async fn collateral_given_back_by_the_venue_is_not_a_difference_but_any_other_amount_is() {
    for (netting, surplus, agrees) in [
        (false, 0, true),
        (true, 0, true),
        (true, 1, false),
        (false, 1, false),
    ] {
        let mut world = traded().await;
        world.venue.with(|floor| {
            floor.netting = netting;
            floor.collateral_return = Money::dollars(2);
            floor.books.cash = Some(floor.books.cash.unwrap().saturating_add(Money::micros(surplus)));
        });
        let result = reconcile(&mut world).await;
        assert_eq!(
            result.differences.is_empty(),
            agrees,
            "{netting} {surplus}: {:?}",
            result.differences
        );
    }
}

#[tokio::test]
async fn collateral_of_resting_orders_is_not_a_difference() {
    let mut world = traded().await;
    world.place(resting(bid("C", 10, "0.25"))).await;
    assert!(reconcile(&mut world).await.differences.is_empty());
    world.venue.with(|floor| {
        floor.books.cash = floor.books.cash.unwrap().checked_sub("2.5".parse().unwrap());
    });
    assert!(
        reconcile(&mut world).await.differences.is_empty(),
        "held by the venue"
    );
    world.venue.with(|floor| {
        floor.books.cash = floor.books.cash.unwrap().checked_sub(Money::micros(1));
    });
    assert_eq!(
        reconcile(&mut world).await.differences.len(),
        1,
        "a micro-dollar more is not"
    );
}

#[tokio::test]
async fn what_the_books_lack_is_booked_before_they_are_compared() {
    let mut world = traded().await;
    let order = resting(bid("C", 5, "0.20"));
    world.place(order.clone()).await;
    world.pass(TimeDelta::hours(2));
    let venue = world.venue.id_of(&order.client_order_id);
    world.venue.fill(&venue, 2, BookSide::Bid, price("0.20"));
    world.venue.settle("A", price("0.75"));
    let result = reconcile(&mut world).await;
    assert_eq!(
        short(&result.events),
        ["fill 2.00 at 0.2000", "partially_filled", "settled A"]
    );
    assert!(result.complete && result.differences.is_empty(), "{result:?}");
    assert_eq!(world.core.books, world.venue.with(|floor| floor.books.clone()));
}

#[tokio::test]
async fn an_amended_payout_takes_the_place_of_the_first() {
    let mut world = traded().await;
    world.venue.settle("A", price("1"));
    let first = reconcile(&mut world).await;
    assert_eq!(short(&first.events), ["settled A"]);
    let after_first = world.core.books.cash;
    world.pass(TimeDelta::minutes(30));
    world.venue.settle("A", price("0.25"));
    let second = reconcile(&mut world).await;
    assert_eq!(short(&second.events), ["settled A"]);
    assert!(second.complete && second.differences.is_empty(), "{second:?}");
    assert_ne!(world.core.books.cash, after_first);
    assert_eq!(world.core.books, world.venue.with(|floor| floor.books.clone()));
    // A restart comes to the same books.
    world.restart().await;
    assert_eq!(world.core.books, world.venue.with(|floor| floor.books.clone()));
    assert!(reconcile(&mut world).await.differences.is_empty());
}

#[tokio::test]
async fn a_read_that_fails_means_no_reconciliation() {
    let mut world = traded().await;
    let down = FeedError::Transient("timeout".into());
    let tries = usize::try_from(ExecutionSettings::default().reconcile_tries).unwrap();
    world.venue.with(|floor| floor.failures.extend(vec![down; tries]));
    let result = reconcile(&mut world).await;
    assert!(!result.complete);
    assert_eq!(
        result.failure.as_deref(),
        Some("The account could not be read: timeout")
    );
    // One failure is survived.
    world
        .venue
        .with(|floor| floor.failures.push_back(FeedError::Transient("timeout".into())));
    assert!(reconcile(&mut world).await.complete);
}

#[tokio::test]
async fn a_broken_answer_fails_at_once() {
    let mut world = traded().await;
    let broken = FeedError::Schema {
        path: "$.market_positions[3].position_fp".into(),
        detail: "expected a string".into(),
    };
    world.venue.with(|floor| floor.failures.push_back(broken));
    let result = reconcile(&mut world).await;
    assert!(!result.complete);
    assert_eq!(short(&result.events), ["schema broken"]);
}

#[tokio::test]
async fn what_cannot_be_stored_fails_it() {
    let mut world = traded().await;
    let order = resting(bid("C", 5, "0.20"));
    world.place(order.clone()).await;
    world.venue.fill(
        &world.venue.id_of(&order.client_order_id),
        2,
        BookSide::Bid,
        price("0.20"),
    );
    world.store.with(|rows| rows.failing_fills = 10);
    let result = reconcile(&mut world).await;
    assert!(!result.complete && result.differences.is_empty());
    assert!(
        result
            .events
            .iter()
            .any(|e| matches!(e, ExecutionEvent::StoreFailed { .. }))
    );
    world.store.with(|rows| rows.failing_fills = 0);
    assert!(reconcile(&mut world).await.complete);
    assert_eq!(world.core.fills.len(), 6);
}

#[tokio::test]
async fn an_order_that_cannot_be_read_fails_it() {
    let mut world = traded().await;
    let order = resting(bid("C", 5, "0.20"));
    world.place(order.clone()).await;
    let hidden = world.venue.with(|floor| std::mem::take(&mut floor.orders));
    let result = reconcile(&mut world).await;
    assert!(!result.complete);
    assert_eq!(
        result.failure.as_deref(),
        Some("Order kat1-C-1 could not be read.")
    );
    world.venue.with(|floor| floor.orders = hidden);
    assert!(reconcile(&mut world).await.complete);
}

#[tokio::test]
async fn orders_of_another_database_are_foreign() {
    let mut world = traded().await;
    world.pass(TimeDelta::seconds(1));
    world
        .venue
        .stranger("D", Some("kat1-elsewhere"), 1, price("0.50"));
    let result = reconcile(&mut world).await;
    assert!(short(&result.events).contains(&"foreign".to_owned()));
    // Its fill is on the account and counts.
    assert!(result.complete && result.differences.is_empty(), "{result:?}");
}

#[tokio::test]
async fn what_is_still_unknown_is_listed() {
    let mut world = traded().await;
    world.venue.plan([Plan::LoseRequest]);
    let mut order = bid("C", 5, "0.20");
    order.intent.time_in_force = GTC;
    world.place(order.clone()).await;
    let result = reconcile(&mut world).await;
    assert!(result.complete);
    assert_eq!(result.unresolved, [order.client_order_id.clone()]);
    for _ in 0..2 {
        world.pass(TimeDelta::minutes(1));
        reconcile(&mut world).await;
    }
    assert_eq!(world.state(&order.client_order_id), OrderState::Abandoned);
}

#[tokio::test]
async fn at_the_first_start_the_balance_opens_the_books() {
    let mut world = World::new();
    // A person traded on this account before this database began.
    world.venue.stranger("A", None, 1, price("0.50"));
    world.pass(TimeDelta::minutes(1));
    world.store.with(|rows| rows.opening_cash = None);
    world.restart().await;
    let result = reconcile(&mut world).await;
    assert_eq!(result.balance, world.venue.with(|floor| floor.books.cash));
    assert_eq!(
        short(&result.events),
        ["mismatch"],
        "its fill is not booked twice, its position is named"
    );
    assert_eq!(
        result.differences,
        ["A: we have 0.00 contracts, the venue says 1.00."]
    );
}

#[tokio::test]
async fn the_books_of_a_database_are_those_of_its_rows() {
    let mut world = traded().await;
    world.venue.settle("A", price("1"));
    world.poll().await;
    let restored = world.store.restored();
    assert_eq!(AccountBooks::from_restored(&restored).unwrap(), world.core.books);
}
