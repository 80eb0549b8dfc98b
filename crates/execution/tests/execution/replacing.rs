//! Cancel and replace, cancels of the whole account, and refusals of our key.

use autotrader_domain::ports::{CancelAccountOutcome, CancelOutcome, FeedError};
use autotrader_domain::{BookSide, ClientOrderId, Contracts, OrderState, RejectReason};
use chrono::TimeDelta;

use crate::kit::{Plan, World, approve, bid, order, price, resting, short};

async fn with_resting_order() -> (World, ClientOrderId) {
    let mut world = World::new();
    let order = resting(bid("T", 5, "0.40"));
    let id = order.client_order_id.clone();
    world.place(order).await;
    (world, id)
}

/// Replaces the order by one of `contracts` and says how much was placed and the events.
async fn replace(world: &mut World, id: &ClientOrderId, contracts: u32) -> (Option<Contracts>, Vec<String>) {
    let new = resting(order("T", 2, BookSide::Bid, contracts, "0.41"));
    let events = world.executor.replace(id, approve(new), 0).await;
    world.core.take(&events);
    let placed = world
        .venue
        .with(|floor| floor.placed.get(1).map(|request| request.contracts));
    (placed, short(&events))
}

#[tokio::test]
async fn a_replacement_is_no_larger_than_what_was_taken_off() {
    for (filled, wanted, expected) in [(0, 5, 5), (0, 9, 5), (0, 3, 3), (2, 5, 3), (4, 5, 1)] {
        let (mut world, id) = with_resting_order().await;
        if filled > 0 {
            let venue = world.venue.id_of(&id);
            world.venue.fill(&venue, filled, BookSide::Bid, price("0.40"));
        }
        let (placed, _) = replace(&mut world, &id, wanted).await;
        assert_eq!(
            placed,
            Some(Contracts::whole(expected)),
            "{filled} filled, {wanted} wanted"
        );
        assert_eq!(
            world.core.orders[&"kat1-T-2".parse().unwrap()]
                .intent
                .contracts
                .raw(),
            i64::from(expected) * 100
        );
    }
}

#[tokio::test]
async fn nothing_replaces_an_order_that_was_filled_meanwhile() {
    let (mut world, id) = with_resting_order().await;
    let venue = world.venue.id_of(&id);
    world.venue.fill(&venue, 5, BookSide::Bid, price("0.40"));
    let (placed, events) = replace(&mut world, &id, 5).await;
    assert_eq!((placed, events.last().unwrap().as_str()), (None, "unsent"));
    assert_eq!(world.state(&id), OrderState::Filled);
}

#[tokio::test]
async fn nothing_replaces_an_order_of_unknown_outcome() {
    let unknown = || CancelOutcome::Unknown {
        detail: "no answer".into(),
    };
    let refused = CancelOutcome::Refused {
        reason: RejectReason::ExchangePaused,
        detail: "paused".into(),
    };
    for (outcome, blind) in [
        (unknown(), false),
        (refused, false),
        (CancelOutcome::NotOnBook, true),
    ] {
        let (mut world, id) = with_resting_order().await;
        world.venue.with(|floor| {
            floor.cancels.push_back(outcome.clone());
            floor.lagging_reads = 99;
            if blind {
                floor
                    .failures
                    .extend((0..9).map(|_| FeedError::Transient("busy".into())));
            }
        });
        let (placed, events) = replace(&mut world, &id, 5).await;
        assert_eq!(
            (placed, events.last().unwrap().as_str()),
            (None, "unsent"),
            "{outcome:?}"
        );
    }
}

#[tokio::test]
async fn fills_that_have_not_arrived_keep_a_replacement_back() {
    let (mut world, id) = with_resting_order().await;
    let venue = world.venue.id_of(&id);
    world.venue.fill(&venue, 2, BookSide::Bid, price("0.40"));
    world.venue.with(|floor| floor.blind_reads = 99);
    let (placed, events) = replace(&mut world, &id, 5).await;
    assert_eq!((placed, events.last().unwrap().as_str()), (None, "unsent"));
}

#[tokio::test]
async fn after_a_cancel_of_the_account_nothing_is_placed_for_a_while() {
    let (mut world, id) = with_resting_order().await;
    let (outcome, events) = world.executor.cancel_account().await;
    world.core.take(&events);
    assert_eq!(outcome, CancelAccountOutcome::Done);
    assert_eq!(world.state(&id), OrderState::Canceled);
    world.pass(TimeDelta::seconds(89));
    let next = || order("T", 2, BookSide::Bid, 1, "0.40");
    assert_eq!(short(&world.place(next()).await), ["unsent"]);
    assert_eq!(world.venue.with(|floor| floor.placed.len()), 1);
    world.pass(TimeDelta::seconds(1));
    assert_eq!(
        short(&world.place(next()).await)[0],
        "sent",
        "its number was not used up"
    );
}

#[tokio::test]
async fn a_cancel_of_the_account_that_is_refused_or_lost_is_silence_all_the_same() {
    for (outcome, expected) in [
        (
            CancelAccountOutcome::Refused {
                reason: RejectReason::Forbidden,
                detail: "no right to".into(),
            },
            vec!["access refused"],
        ),
        (
            CancelAccountOutcome::Unknown {
                detail: "no answer".into(),
            },
            vec![],
        ),
    ] {
        let (world, _) = with_resting_order().await;
        world
            .venue
            .with(|floor| floor.account_cancels.push_back(outcome.clone()));
        // The venue of this test cancels whatever it then answers.
        let (answered, events) = world.executor.cancel_account().await;
        assert_eq!(answered, outcome);
        let events: Vec<String> = short(&events).into_iter().filter(|e| e != "canceled").collect();
        assert_eq!(events, expected);
        let events = world
            .executor
            .place(approve(order("T", 2, BookSide::Bid, 1, "0.40")), 0)
            .await;
        assert_eq!(short(&events), ["unsent"]);
    }
}

#[tokio::test]
async fn a_refused_key_is_told_apart_from_a_refused_order() {
    for (reason, told) in [
        (RejectReason::Unauthorized, true),
        (RejectReason::Forbidden, true),
        (RejectReason::InsufficientBalance, false),
        (RejectReason::InvalidPrice, false),
    ] {
        let mut world = World::new();
        world.venue.plan([Plan::Reject(reason)]);
        let events = short(&world.place(bid("T", 1, "0.40")).await);
        assert_eq!(events.contains(&"access refused".to_owned()), told, "{reason:?}");
        assert!(events.contains(&"rejected".to_owned()));
    }
    let mut world = World::new();
    world.venue.with(|floor| {
        floor
            .failures
            .push_back(FeedError::AccessRefused("HTTP 401".into()));
    });
    assert!(short(&world.poll().await).contains(&"access refused".to_owned()));
}

#[tokio::test]
async fn the_raw_answer_is_kept_with_the_step_that_it_caused() {
    let mut world = World::new();
    world.venue.plan([Plan::Accept { fills: 0 }]);
    world.place(resting(bid("A", 1, "0.40"))).await;
    world.venue.plan([Plan::LoseAnswer { fills: 0 }]);
    world.place(resting(bid("B", 1, "0.40"))).await;
    world.cancel(&"kat1-A-1".parse().unwrap()).await;
    assert_eq!(
        world.store.with(|rows| rows.answers.clone()),
        ["Accept { fills: 0 }", "Canceled { reduced_by: 1.00 }"]
    );
}
