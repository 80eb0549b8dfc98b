//! Orders that only take back: how much, beside which others, and under which restriction.

use autotrader_domain::{BookSide, Order, OrderState, Purpose, Reason, TimeInForce};
use autotrader_risk::{Cause, RiskEngine};

use crate::kit::{World, buy, exit, expect, sell, wide};

fn flatten(order: Order) -> Order {
    let mut order = exit(order);
    order.intent.purpose = Purpose::Flatten;
    order
}

fn in_state(mut order: Order, state: OrderState) -> Order {
    order.state = state;
    order
}

#[test]
fn a_reducer_closes_at_most_what_is_held_less_what_others_may_close() {
    use OrderState::Unknown;
    // What is held, an unknown order beside it, and the most that may be closed.
    let long = |world: &mut World| world.hold("L-A", BookSide::Bid, 10, "0.40");
    let short = |world: &mut World| world.hold("L-A", BookSide::Ask, 10, "0.40");
    type Row = (&'static str, bool, Option<Order>, u32);
    let table: [Row; 7] = [
        ("long alone", true, None, 10),
        ("short alone", false, None, 10),
        (
            "long, an exit unknown",
            true,
            Some(exit(sell("L-A", 4, "0.40"))),
            6,
        ),
        (
            "short, an exit unknown",
            false,
            Some(exit(buy("L-A", 4, "0.40"))),
            6,
        ),
        (
            "long, a sale that closes first",
            true,
            Some(sell("L-A", 3, "0.40")),
            7,
        ),
        ("long, an unknown purchase", true, Some(buy("L-A", 4, "0.40")), 10),
        (
            "long, all of it unknown",
            true,
            Some(exit(sell("L-A", 10, "0.40"))),
            0,
        ),
    ];
    for (row, is_long, beside, most) in table {
        for purpose in [exit, flatten] {
            let mut world = World::new();
            if is_long {
                long(&mut world);
            } else {
                short(&mut world);
            }
            if let Some(beside) = beside.clone() {
                world.open(in_state(beside, Unknown));
            }
            let closing = |n| {
                purpose(if is_long {
                    sell("L-A", n, "0.40")
                } else {
                    buy("L-A", n, "0.40")
                })
            };
            for n in [most.saturating_sub(1), most].into_iter().filter(|n| *n > 0) {
                assert!(world.review(closing(n)).is_ok(), "{row}: {n}");
            }
            let refusal = world.review(closing(most + 1)).unwrap_err();
            assert_eq!(refusal.reason, Reason::ReduceOnly, "{row}: {refusal}");
        }
    }
}

#[test]
fn what_may_stand_beside_an_unfinished_order() {
    use OrderState::{Intended, PartiallyFilled, Resting, Sent, Unknown};
    for state in [Intended, Sent, Resting, PartiallyFilled, Unknown] {
        let mut world = World::new();
        world.hold("L-A", BookSide::Bid, 10, "0.40");
        world.open(in_state(buy("L-A", 1, "0.30"), state));
        let entry = match state {
            Unknown => Reason::UnknownOrder,
            _ => Reason::OrderInFlight,
        };
        expect(&world, buy("L-A", 1, "0.40"), Some(entry));
        let mut unmarked = exit(sell("L-A", 1, "0.40"));
        unmarked.reduce_only = false;
        expect(&world, unmarked, Some(entry));
        let mut resting = exit(sell("L-A", 1, "0.40"));
        resting.intent.time_in_force = TimeInForce::GoodTillCanceled { expires_at: None };
        expect(&world, resting, Some(entry));
        let reducer = if state == Unknown {
            None
        } else {
            Some(Reason::OrderInFlight)
        };
        expect(&world, exit(sell("L-A", 1, "0.40")), reducer);
        expect(&world, flatten(sell("L-A", 1, "0.40")), reducer);
        // Another contract is not concerned.
        expect(&world, buy("L-B", 1, "0.40"), None);
    }
}

#[test]
fn a_known_order_beside_an_unknown_one_still_stands_in_the_way() {
    let mut world = World::new();
    world.hold("L-A", BookSide::Bid, 10, "0.40");
    world.open(in_state(sell("L-A", 1, "0.40"), OrderState::Unknown));
    let mut second = in_state(exit(sell("L-A", 1, "0.40")), OrderState::Sent);
    second.client_order_id = "kat1-second".parse().unwrap();
    world.open(second);
    expect(&world, exit(sell("L-A", 1, "0.40")), Some(Reason::OrderInFlight));
}

#[test]
fn what_each_state_lets_through() {
    // Of an entry, an exit that is reduce-only, one that is not, and a flatten.
    type Row = (Option<Cause>, [Option<Reason>; 4]);
    let table: [Row; 5] = [
        (None, [None, None, None, None]),
        (
            Some(Cause::BoardHeld),
            [Some(Reason::HeldBoard), None, None, None],
        ),
        (
            Some(Cause::MarketDataStale),
            [Some(Reason::MarketDataStale), None, None, None],
        ),
        (
            Some(Cause::DailyLoss),
            [Some(Reason::ReduceOnly), None, Some(Reason::ReduceOnly), None],
        ),
        (
            Some(Cause::OperatorHalt),
            [
                Some(Reason::Halted),
                Some(Reason::Halted),
                Some(Reason::Halted),
                None,
            ],
        ),
    ];
    for (cause, expected) in table {
        let mut world = World::new();
        world.hold("L-A", BookSide::Bid, 10, "0.40");
        let mut engine = RiskEngine::new(wide());
        if let Some(cause) = cause {
            engine.raise(cause, "a test");
        }
        let mut unmarked = exit(sell("L-A", 1, "0.40"));
        unmarked.reduce_only = false;
        let orders = [
            buy("L-B", 1, "0.40"),
            exit(sell("L-A", 1, "0.40")),
            unmarked,
            flatten(sell("L-A", 1, "0.40")),
        ];
        for (order, expected) in orders.into_iter().zip(expected) {
            let purpose = order.intent.purpose;
            let found = engine
                .review(order, &world.view())
                .err()
                .map(|refusal| refusal.reason);
            assert_eq!(found, expected, "{cause:?} {purpose:?}");
        }
    }
}

#[test]
fn a_flatten_that_is_not_reduce_only_does_not_pass_a_halt() {
    let mut world = World::new();
    world.hold("L-A", BookSide::Bid, 10, "0.40");
    let mut engine = RiskEngine::new(wide());
    engine.raise(Cause::OperatorHalt, "a test");
    let mut order = flatten(sell("L-A", 1, "0.40"));
    order.reduce_only = false;
    let refusal = engine.review(order, &world.view()).unwrap_err();
    assert_eq!(refusal.reason, Reason::Halted);
}

#[test]
fn under_reduce_a_hedge_may_be_closed_as_far_as_it_hedges_nothing() {
    // NO on the model for ten, YES on its lab for fourteen: four of them hedge nothing.
    let mut world = World::new();
    world.hold("M-1A", BookSide::Ask, 10, "0.30");
    world.hold("L-A", BookSide::Bid, 14, "0.40");
    let mut engine = RiskEngine::new(wide());
    engine.raise(Cause::Drawdown, "a test");
    let mut passes = |n| engine.review(exit(sell("L-A", n, "0.39")), &world.view()).is_ok();
    // Nobody of the lab wins: +3 − 5.60; the model wins: −7 + 8.40; an unlisted model of the lab: +3 + 8.40.
    assert!(passes(1));
    assert!(
        passes(6),
        "the model's win then pays 1.40 − 6 × 0.61, no less than −2.60"
    );
    assert!(!passes(7), "and 1.40 − 7 × 0.61 is less");
}
