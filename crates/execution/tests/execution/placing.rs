//! Submissions: what is durable when, and what each outcome means.

use autotrader_domain::{BookSide, Contracts, Money, OrderState, RejectReason};
use autotrader_execution::ExecutionEvent;
use chrono::TimeDelta;

use crate::kit::{Plan, World, approve, attempt, bid, order, resting, short};

#[track_caller]
fn check(plan: Plan, order: autotrader_domain::Order, expected: &[&str]) {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(async {
        let mut world = World::new();
        world.venue.plan([plan]);
        let events = world.place(order).await;
        assert_eq!(short(&events), expected, "{plan:?}");
        assert_eq!(world.venue.with(|floor| floor.placed.len()), 1, "sent once");
    });
}

#[test]
fn each_outcome_ends_where_it_should() {
    let order = || bid("T", 2, "0.40");
    check(Plan::NotSent, order(), &["sent", "abandoned"]);
    check(
        Plan::Reject(RejectReason::InsufficientBalance),
        order(),
        &["sent", "rejected"],
    );
    check(Plan::LoseRequest, order(), &["sent", "unknown"]);
    check(Plan::LoseAnswer { fills: 2 }, order(), &["sent", "unknown"]);
    check(Plan::Accept { fills: 0 }, order(), &["sent", "canceled"]);
    check(Plan::Accept { fills: 0 }, resting(order()), &["sent", "resting"]);
    check(
        Plan::Accept { fills: 1 },
        order(),
        &["sent", "sent", "fill 1.00 at 0.4000", "canceled"],
    );
    check(
        Plan::Accept { fills: 1 },
        resting(order()),
        &["sent", "resting", "fill 1.00 at 0.4000", "partially_filled"],
    );
    check(
        Plan::Accept { fills: 2 },
        order(),
        &[
            "sent",
            "sent",
            "fill 1.00 at 0.4000",
            "sent",
            "fill 1.00 at 0.4000",
            "filled",
        ],
    );
}

#[tokio::test]
async fn a_refusal_keeps_its_reason() {
    let mut world = World::new();
    world.venue.plan([Plan::Reject(RejectReason::InvalidPrice)]);
    let order = bid("T", 2, "0.40");
    world.place(order.clone()).await;
    let rejected = &world.core.orders[&order.client_order_id];
    assert_eq!(rejected.reject_reason, Some(RejectReason::InvalidPrice));
    assert_eq!(rejected.open_contracts(), Contracts::ZERO);
}

#[tokio::test]
async fn an_intent_that_is_not_durable_is_not_sent() {
    let mut world = World::new();
    world.store.with(|rows| rows.failing_commits = 1);
    let events = world.place(bid("T", 2, "0.40")).await;
    assert_eq!(short(&events), ["unsent", "store failed"]);
    assert!(world.venue.with(|floor| floor.placed.is_empty()));
    assert!(world.store.restored().open_orders.is_empty());
    // Nothing is remembered of it, so the same order can be decided again.
    let events = world.place(bid("T", 2, "0.40")).await;
    assert_eq!(short(&events), ["sent", "canceled"]);
}

#[tokio::test]
async fn an_order_that_is_not_the_next_of_its_contract_is_not_sent() {
    let mut world = World::new();
    world.place(resting(bid("T", 2, "0.40"))).await;
    let mut second = bid("T", 2, "0.40");
    second.generation.0 = 2;
    second.client_order_id = "kat1-T-2".parse().unwrap();
    let events = world.place(second).await;
    assert_eq!(
        short(&events),
        ["unsent", "store failed"],
        "the first is still resting"
    );
    assert_eq!(world.venue.with(|floor| floor.placed.len()), 1);
}

#[tokio::test]
async fn only_a_fresh_order_is_sent() {
    let mut world = World::new();
    let mut stale = bid("T", 2, "0.40");
    stale.state = OrderState::Resting;
    let events = world.executor.place(approve(stale), 0).await;
    assert_eq!(short(&events), ["mismatch"]);
    assert!(world.venue.with(|floor| floor.placed.is_empty()));
    assert!(world.poll().await.is_empty());
}

#[tokio::test]
async fn the_stored_request_is_the_one_sent() {
    let mut world = World::new();
    let mut order = bid("T", 3, "0.41");
    order.reduce_only = true;
    let id = order.client_order_id.clone();
    let events = world.executor.place(approve(order), 7).await;
    world.core.take(&events);
    let sent = world.venue.with(|floor| floor.placed[0].clone());
    assert_eq!(world.store.with(|rows| rows.orders[&id].1.request.clone()), sent);
    assert_eq!((sent.exchange_index, sent.reduce_only), (7, true));
}

#[tokio::test]
async fn a_failing_mark_is_reported_and_the_outcome_still_counts() {
    let mut world = World::new();
    world.store.with(|rows| rows.failing_updates = 1);
    world.venue.plan([Plan::Accept { fills: 2 }]);
    let events = world.place(bid("T", 2, "0.40")).await;
    assert!(short(&events).contains(&"store failed".to_owned()));
    assert_eq!(world.state(&"kat1-T-1".parse().unwrap()), OrderState::Filled);
    assert_eq!(world.core.fills.len(), 2);
}

#[tokio::test]
async fn our_id_known_at_the_venue_means_that_it_arrived_before() {
    // The first submission arrived, its process died, and its database was rolled back to before the intent.
    let mut world = World::new();
    world.venue.plan([Plan::LoseAnswer { fills: 2 }]);
    world.place(bid("T", 2, "0.40")).await;
    world.store.with(|rows| {
        rows.orders.clear();
        rows.generations.clear();
    });
    world.restart().await;
    world.venue.plan([Plan::Reject(RejectReason::DuplicateOrder)]);
    let events = world.place(bid("T", 2, "0.40")).await;
    assert_eq!(world.state(&"kat1-T-1".parse().unwrap()), OrderState::Filled);
    assert_eq!(world.core.fills.len(), 2);
    assert!(
        short(&events).contains(&"unknown".to_owned()),
        "resolved, not assumed"
    );
}

#[tokio::test]
async fn fills_that_lag_are_awaited_and_never_invented() {
    let mut world = World::new();
    world.venue.plan([Plan::Accept { fills: 2 }]);
    world.venue.with(|floor| floor.blind_reads = 2);
    let events = world.place(bid("T", 2, "0.40")).await;
    assert_eq!(
        short(&events).last().unwrap(),
        "filled",
        "the third read brings them"
    );

    let mut world = World::new();
    world.venue.plan([Plan::Accept { fills: 2 }]);
    world.venue.with(|floor| floor.blind_reads = 4);
    let events = world.place(bid("T", 2, "0.40")).await;
    assert_eq!(short(&events), ["sent", "sent", "unknown"]);
    assert!(world.core.fills.is_empty());
    let open = world.core.orders[&"kat1-T-1".parse().unwrap()].open_contracts();
    assert_eq!(open, Contracts::whole(2), "what is not booked counts as open");
    world.poll().await;
    assert_eq!(world.state(&"kat1-T-1".parse().unwrap()), OrderState::Filled);
}

#[tokio::test]
async fn a_fill_that_is_not_durable_is_not_reported() {
    let mut world = World::new();
    world.venue.plan([Plan::Accept { fills: 1 }]);
    world.store.with(|rows| rows.failing_fills = 4);
    let events = world.place(bid("T", 1, "0.40")).await;
    assert!(
        !events
            .iter()
            .any(|event| matches!(event, ExecutionEvent::Fill(_)))
    );
    assert_eq!(world.state(&"kat1-T-1".parse().unwrap()), OrderState::Unknown);
    let events = world.poll().await;
    assert_eq!(short(&events), ["fill 1.00 at 0.4000", "filled"]);
}

#[tokio::test]
async fn a_broken_answer_stops_the_waiting() {
    let mut world = World::new();
    world.venue.plan([Plan::Accept { fills: 1 }]);
    let broken = autotrader_domain::ports::FeedError::Schema {
        path: "$.fills[0].count_fp".into(),
        detail: "missing".into(),
    };
    world.venue.with(|floor| floor.failures.push_back(broken));
    let events = world.place(bid("T", 1, "0.40")).await;
    assert_eq!(short(&events), ["sent", "sent", "schema broken", "unknown"]);
}

#[tokio::test]
async fn what_the_store_missed_is_stored_before_the_next_order_and_at_the_next_poll() {
    let order = |generation| order("T", generation, BookSide::Bid, 2, "0.40");
    let stored = |world: &World, id: &str| world.store.with(|rows| rows.orders[&id.parse().unwrap()].0.state);
    let mut world = World::new();
    world.store.with(|rows| rows.failing_updates = 2);
    world.place(order(1)).await;
    assert_eq!(
        stored(&world, "kat1-T-1"),
        OrderState::Intended,
        "neither sent nor cancelled"
    );
    let events = world.place(order(2)).await;
    assert_eq!(short(&events), ["sent", "canceled"]);
    assert_eq!(stored(&world, "kat1-T-1"), OrderState::Canceled);

    world.store.with(|rows| rows.failing_updates = 2);
    world.place(order(3)).await;
    assert!(world.poll().await.is_empty());
    assert_eq!(stored(&world, "kat1-T-3"), OrderState::Canceled);
    let steps = world.store.with(|rows| rows.history.len());
    assert_eq!(steps, 6, "every step of every order, in order");
}

#[tokio::test]
async fn orders_on_different_contracts_go_out_together() {
    let mut world = World::new();
    world
        .venue
        .plan([Plan::Accept { fills: 2 }, Plan::Accept { fills: 1 }]);
    let (a, b) = tokio::join!(
        world.executor.place(approve(bid("A", 2, "0.40")), 0),
        world.executor.place(approve(bid("B", 2, "0.40")), 0),
    );
    world.core.take(&a);
    world.core.take(&b);
    assert_eq!(world.core.fills.len(), 3, "each fill is reported by one of them");
    assert!(world.core.orders.values().all(|order| order.state.is_terminal()));
}

#[tokio::test]
async fn an_order_under_way_is_not_resolved_behind_its_back() {
    let mut world = World::new();
    world.venue.plan([Plan::Hang {
        arrives: false,
        fills: 0,
    }]);
    let id = "kat1-A-1".parse().unwrap();
    {
        let mut under_way = std::pin::pin!(world.executor.place(approve(bid("A", 2, "0.40")), 0));
        assert!(attempt(under_way.as_mut()).await.is_none());
        for _ in 0..3 {
            world.pass(TimeDelta::hours(1));
            assert!(world.executor.poll().await.is_empty());
            assert!(world.executor.resolve_unknown(&id, false).await.is_empty());
            assert!(world.executor.cancel(&id).await.is_empty());
        }
        // What agrees, agrees; what differs may be the doing of the order under way.
        assert!(world.executor.reconcile().await.agrees());
        world
            .venue
            .with(|floor| floor.books.cash = Some(Money::dollars(999)));
        let result = world.executor.reconcile().await;
        assert_eq!(result.failure.as_deref(), Some("Orders are being submitted."));
        assert!(!result.complete && result.items.is_empty() && result.events.is_empty());
        world
            .venue
            .with(|floor| floor.books.cash = Some(Money::dollars(1_000)));
        let again = world.executor.place(approve(bid("A", 2, "0.40")), 0).await;
        assert_eq!(short(&again), ["mismatch"], "nor submitted a second time");
        assert!(world.executor.poll().await.is_empty(), "and still under way");
    }
    // Dropped, it is as after a crash.
    for _ in 0..2 {
        world.poll().await;
        world.pass(TimeDelta::seconds(1));
    }
    assert_eq!(world.state(&id), OrderState::Abandoned);
}

#[tokio::test]
async fn what_rests_on_the_first_shard_belongs_to_the_group_and_nothing_else_does() {
    let mut world = World::new();
    world.executor.rest_in("group-1".parse().unwrap());
    world.executor.rest_in("group-2".parse().unwrap());
    world.place(resting(bid("A", 2, "0.40"))).await;
    world.place(bid("B", 2, "0.40")).await;
    let groups = world.venue.with(|floor| {
        let group =
            |request: &autotrader_domain::OrderRequest| request.order_group.as_ref().map(ToString::to_string);
        floor.placed.iter().map(group).collect::<Vec<_>>()
    });
    assert_eq!(groups, [Some("group-1".to_owned()), None]);
}
