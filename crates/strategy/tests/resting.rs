//! Whole evaluations where entries rest: what is made, kept, renewed, repriced, withdrawn, and in which order.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "test helpers may fail loudly"
)]
#![allow(dead_code, reason = "the scene is shared between test files")]

mod scene;

use autotrader_domain::{
    BookSide, ChallengeKind, ClientOrderId, Contracts, Evaluation, HoldReason, Order, OrderState, Purpose,
    Reason, Ticker, TimeInForce,
};
use autotrader_strategy::EntryStyle;
use chrono::{SubsecRound, TimeDelta};
use proptest::prelude::*;
use rstest::rstest;
use scene::{Scene, check, deeds, line, net, price, reason};

const NEW_LEADER: &str = "KXTOPMODEL-26SEP28-AUR6";

/// Yesterday's news, and a quote of the new leader with nothing to take: worth .510 at the worse end and three cents wanted.
fn quiet(bid: &str, ask: &str) -> Scene {
    let mut scene = Scene::news();
    scene.standing.news_at = Some(scene.at - TimeDelta::hours(12));
    for (ticker, bid, ask) in [
        ("KXTOPMODEL-26SEP28-BOR5", "0.18", "0.20"),
        ("KXLLM1-26SEP28-NOR", "0.82", "0.84"),
        ("KXLLM1-26SEP28-CON", "0.13", "0.15"),
    ] {
        scene.quote(ticker, bid, ask);
    }
    scene.quote(NEW_LEADER, bid, ask);
    scene.params.resting.style = EntryStyle::Rest;
    scene
}

fn on_leader(evaluation: &Evaluation) -> Vec<String> {
    let mut deeds = deeds(evaluation);
    deeds.retain(|deed| deed.starts_with(NEW_LEADER));
    deeds
}

/// The order that an evaluation makes on the new leader, as it rests afterwards.
fn rested(scene: &mut Scene) -> Order {
    let evaluation = scene.evaluate();
    let intent = evaluation
        .intents
        .into_iter()
        .find(|intent| intent.ticker.as_str() == NEW_LEADER)
        .unwrap();
    let ticker: Ticker = NEW_LEADER.parse().unwrap();
    scene.order(NEW_LEADER, intent.side, "1", OrderState::Resting, Purpose::Entry);
    let order = scene
        .portfolio
        .open_orders
        .values_mut()
        .find(|order| order.intent.ticker == ticker)
        .unwrap();
    order.intent = intent;
    order.clone()
}

fn change(scene: &mut Scene, order: &Order, change: impl FnOnce(&mut Order)) {
    change(
        scene
            .portfolio
            .open_orders
            .get_mut(&order.client_order_id)
            .unwrap(),
    );
}

/// What becomes of the order: its cancel as a withdrawal or as a refresh, or nothing.
fn fate(scene: &Scene, order: &Order) -> (&'static str, Option<Reason>) {
    let evaluation = scene.evaluate();
    let has = |ids: &[ClientOrderId]| ids.contains(&order.client_order_id);
    let word = match (has(&evaluation.cancels), has(&evaluation.refreshes)) {
        (false, false) => "kept",
        (true, false) => "withdrawn",
        (false, true) => "refreshed",
        (true, true) => "both",
    };
    assert_eq!(
        on_leader(&evaluation),
        Vec::<String>::new(),
        "never a second order"
    );
    (word, reason(&evaluation, NEW_LEADER))
}

#[test]
fn what_is_not_worth_taking_rests_with_an_expiry_and_makes_only() {
    let scene = quiet("0.44", "0.49");
    let evaluation = scene.evaluate();
    let intent = evaluation
        .intents
        .iter()
        .find(|intent| intent.ticker.as_str() == NEW_LEADER)
        .unwrap();
    assert_eq!((intent.side, intent.limit), (BookSide::Bid, price("0.45")));
    assert!(intent.post_only && intent.purpose == Purpose::Entry);
    let expires_at = (scene.at + TimeDelta::minutes(5)).trunc_subsecs(0);
    assert_eq!(
        intent.time_in_force,
        TimeInForce::GoodTillCanceled {
            expires_at: Some(expires_at)
        }
    );
    assert!(
        intent.rationale.starts_with("Rest to buy "),
        "{}",
        intent.rationale
    );
    let mut taking = scene;
    taking.params.resting.style = EntryStyle::Take;
    let evaluation = taking.evaluate();
    assert_eq!(on_leader(&evaluation), Vec::<String>::new());
    assert_eq!(reason(&evaluation, NEW_LEADER), Some(Reason::NoEdge));
}

#[test]
fn what_is_worth_taking_is_taken_and_nothing_rests_beside_it() {
    let scene = quiet("0.43", "0.45");
    let evaluation = scene.evaluate();
    let intent = evaluation
        .intents
        .iter()
        .find(|intent| intent.ticker.as_str() == NEW_LEADER)
        .unwrap();
    assert_eq!(intent.time_in_force, TimeInForce::ImmediateOrCancel);
    assert!(!intent.post_only);
}

#[test]
fn the_order_is_kept_while_it_is_what_is_wanted() {
    let mut scene = quiet("0.44", "0.49");
    let order = rested(&mut scene);
    for seconds in [0, 5, 60, 180, 239] {
        scene.move_to(order.created_at + TimeDelta::seconds(seconds));
        assert_eq!(
            fate(&scene, &order),
            ("kept", Some(Reason::OrderRests)),
            "after {seconds} s"
        );
    }
    scene.move_to(order.created_at + TimeDelta::seconds(240));
    assert_eq!(fate(&scene, &order), ("refreshed", Some(Reason::OrderRefreshed)));
    let target = net(&order.intent.contracts.to_string());
    assert_eq!(line(&scene.evaluate(), NEW_LEADER).target, Some(target));
}

#[rstest]
// The others bid more, or less: a tick above them is wanted.
#[case::outbid("0.45", "0.49", "refreshed", Reason::OrderRefreshed)]
#[case::alone("0.43", "0.48", "refreshed", Reason::OrderRefreshed)]
// Nothing but the edge forbids another, and this one has its edge.
#[case::outbid_beyond_the_edge("0.62", "0.63", "kept", Reason::OrderRests)]
// Something to take needs the order out of the way.
#[case::an_offer("0.43", "0.45", "withdrawn", Reason::MakesWay)]
#[case::a_wide_spread("0.40", "0.49", "withdrawn", Reason::WideSpread)]
#[case::nobody_asks("0.44", "", "withdrawn", Reason::OneSidedBook)]
fn the_order_follows_the_book(
    #[case] bid: &str,
    #[case] ask: &str,
    #[case] word: &str,
    #[case] told: Reason,
) {
    let mut scene = quiet("0.44", "0.49");
    let order = rested(&mut scene);
    scene.move_to(order.created_at + TimeDelta::minutes(1));
    scene.quote(NEW_LEADER, bid, ask);
    assert_eq!(fate(&scene, &order), (word, Some(told)));
}

#[rstest]
#[case::held_board(
    |s: &mut Scene| s.challenge(ChallengeKind::Held(HoldReason::TopModelRemoved), &scene::ROWS), Reason::HeldBoard
)]
#[case::stale_feed(|s: &mut Scene| s.standing.feed_at = Some(s.at - TimeDelta::hours(1)), Reason::StaleFeed)]
#[case::no_book(|s: &mut Scene| s.books.clear(), Reason::NoBook)]
#[case::stale_book(
    |s: &mut Scene| for book in s.books.values_mut() { book.received_at = s.at - TimeDelta::hours(1) }, Reason::StaleBook
)]
#[case::paused(|s: &mut Scene| s.exchange.as_mut().unwrap().trading_active = false, Reason::ExchangePaused)]
#[case::entries_over(|s: &mut Scene| s.move_to(check() - TimeDelta::minutes(10)), Reason::TooCloseToCheck)]
#[case::enough_held(|s: &mut Scene| s.hold(NEW_LEADER, BookSide::Bid, "90", "0.45"), Reason::AtTarget)]
#[case::as_much_held_as_may_be(|s: &mut Scene| s.hold(NEW_LEADER, BookSide::Bid, "100", "0.45"), Reason::ContractLimit)]
#[case::penniless(|s: &mut Scene| s.portfolio.cash = "10".parse().unwrap(), Reason::AtTarget)]
fn every_guard_withdraws_what_rests_however_young(#[case] spoil: fn(&mut Scene), #[case] told: Reason) {
    let mut scene = quiet("0.44", "0.49");
    let order = rested(&mut scene);
    spoil(&mut scene);
    let (word, reason) = fate(&scene, &order);
    assert_eq!(word, "withdrawn");
    assert_eq!(reason, Some(told));
}

#[test]
fn a_partial_fill_is_position_and_the_rest_is_judged_by_what_is_left_to_want() {
    let mut scene = quiet("0.44", "0.49");
    let order = rested(&mut scene);
    let whole = order.intent.contracts;
    let some = Contracts::whole(10);
    scene.hold(NEW_LEADER, BookSide::Bid, &some.to_string(), "0.45");
    change(&mut scene, &order, |order| {
        order.filled = some;
        order.state = OrderState::PartiallyFilled;
    });
    scene.move_to(order.created_at + TimeDelta::minutes(1));
    assert_eq!(fate(&scene, &order).0, "kept");
    // Held beyond what its fills explain: what is left on the book would go beyond the target.
    scene.hold(NEW_LEADER, BookSide::Bid, &whole.to_string(), "0.45");
    assert_ne!(fate(&scene, &order).0, "kept");
}

#[test]
fn an_exit_needs_the_resting_entry_out_of_the_way_first() {
    let mut scene = quiet("0.44", "0.49");
    scene.hold(NEW_LEADER, BookSide::Bid, "5", "0.45");
    let order = rested(&mut scene);
    // The market pays far more than the contract is worth.
    scene.quote(NEW_LEADER, "0.86", "0.88");
    let (word, told) = fate(&scene, &order);
    assert_eq!((word, told), ("withdrawn", Some(Reason::MakesWay)));
    scene.portfolio.open_orders.clear();
    let evaluation = scene.evaluate();
    assert!(
        on_leader(&evaluation)[0].contains("sell YES"),
        "{:?}",
        on_leader(&evaluation)
    );
}

#[test]
fn an_order_whose_end_is_not_known_is_nobodys_to_judge() {
    let mut scene = quiet("0.44", "0.49");
    let order = rested(&mut scene);
    for state in [OrderState::Intended, OrderState::Sent, OrderState::Unknown] {
        change(&mut scene, &order, |order| order.state = state);
        let expected = match state {
            OrderState::Unknown => Reason::UnknownOrder,
            _ => Reason::OrderInFlight,
        };
        assert_eq!(fate(&scene, &order), ("kept", Some(expected)));
    }
}

#[test]
fn no_order_rests_later_than_the_cut_off_on_either_clock() {
    let mut scene = quiet("0.44", "0.49");
    scene.params.timing.entry_cutoff = TimeDelta::minutes(6);
    scene.move_to(check() - TimeDelta::minutes(8));
    let order = rested(&mut scene);
    let gone = check() - TimeDelta::minutes(5) - TimeDelta::seconds(5);
    assert_eq!(
        order.intent.time_in_force,
        TimeInForce::GoodTillCanceled {
            expires_at: Some(gone)
        }
    );
    scene.params.timing.entry_cutoff = scene.params.timing.cancel_cutoff;
    // The last minute would not be worth another order, so neither is this one.
    scene.move_to(gone - TimeDelta::seconds(61));
    assert_eq!(fate(&scene, &order).0, "kept");
    scene.move_to(gone - TimeDelta::seconds(60));
    assert_eq!(fate(&scene, &order), ("withdrawn", Some(Reason::TooCloseToCheck)));
    scene.move_to(gone);
    assert_eq!(fate(&scene, &order).0, "withdrawn");
}

#[test]
fn a_close_that_was_moved_earlier_counts_like_the_check() {
    let mut scene = quiet("0.44", "0.49");
    let order = rested(&mut scene);
    let ticker: Ticker = NEW_LEADER.parse().unwrap();
    let close = scene.at + TimeDelta::minutes(5);
    scene.markets.get_mut(&ticker).unwrap().close_time = close;
    assert_eq!(fate(&scene, &order).0, "withdrawn");
}

#[test]
fn where_entries_take_what_rests_is_left_to_its_guards() {
    let mut scene = quiet("0.44", "0.49");
    let order = rested(&mut scene);
    scene.params.resting.style = EntryStyle::Take;
    assert_eq!(fate(&scene, &order), ("kept", Some(Reason::OrderInFlight)));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Whatever the quotes and the time: an order and its judgement agree, nothing takes that must make, and a replacement
    /// never comes with its cancel.
    #[test]
    fn made_and_judged_by_the_same_measure(
        bid in 1i64..98,
        width in 1i64..6,
        later_bid in 1i64..98,
        later_width in 1i64..6,
        seconds in 0i64..400,
    ) {
        let cents = |cents: i64| format!("0.{:02}", cents.min(99));
        let mut scene = quiet(&cents(bid), &cents(bid + width));
        let made = scene.evaluate().intents.into_iter().find(|i| i.ticker.as_str() == NEW_LEADER);
        let Some(intent) = made.filter(|intent| intent.post_only) else { return Ok(()) };
        let book = scene.books[&intent.ticker].clone();
        let best = book.against(intent.side).next().unwrap().price;
        let makes = match intent.side {
            BookSide::Bid => intent.limit < best,
            BookSide::Ask => intent.limit > best,
        };
        prop_assert!(makes, "{} against {best}", intent.limit);
        let order = rested(&mut scene);
        prop_assert_eq!(fate(&scene, &order).0, "kept");
        scene.move_to(order.created_at + TimeDelta::seconds(seconds));
        scene.quote(NEW_LEADER, &cents(later_bid), &cents(later_bid + later_width));
        let (word, _) = fate(&scene, &order);
        prop_assert_ne!(word, "both");
    }
}
