//! Every limit just below, at and just above: for buying and selling, beside what is held, rests, is on its way or unknown,
//! in either series.

use autotrader_domain::{BookSide, Contracts, Money, Order, OrderState, Reason};

use crate::kit::{World, buy, exit, expect, money, sell};

/// Every way in which something can be at stake already.
#[derive(Debug, Clone, Copy)]
enum Stake {
    Held,
    Open(OrderState),
    /// Half of an order of twice the size has filled, is cancelled, and is a position: the other half still rests.
    HalfFilled,
}

const STAKES: [Stake; 6] = [
    Stake::Held,
    Stake::Open(OrderState::Intended),
    Stake::Open(OrderState::Sent),
    Stake::Open(OrderState::Resting),
    Stake::Open(OrderState::Unknown),
    Stake::HalfFilled,
];

fn order(name: &str, side: BookSide, contracts: u32, limit: &str) -> Order {
    match side {
        BookSide::Bid => buy(name, contracts, limit),
        BookSide::Ask => sell(name, contracts, limit),
    }
}

/// Puts `contracts` of a contract at stake in one of the ways.
fn put(world: &mut World, stake: Stake, name: &str, side: BookSide, contracts: u32, limit: &str) {
    match stake {
        Stake::Held => world.hold(name, side, contracts, limit),
        Stake::Open(state) => {
            let mut open = order(name, side, contracts, limit);
            open.state = state;
            world.open(open);
        }
        Stake::HalfFilled => {
            assert_eq!(contracts % 2, 0);
            world.hold(name, side, contracts / 2, limit);
            let mut open = order(name, side, contracts, limit);
            open.state = OrderState::PartiallyFilled;
            open.filled = Contracts::whole(contracts / 2);
            world.open(open);
        }
    }
}

/// One below the limit and at it passes; one above is refused for this reason.
#[track_caller]
fn boundary(world: &World, at: u32, reason: Reason, row: &str, order: impl Fn(u32) -> Order) {
    for contracts in [at - 1, at] {
        if let Err(refusal) = world.review(order(contracts)) {
            panic!("{row}: {contracts} refused: {refusal}");
        }
    }
    match world.review(order(at + 1)) {
        Err(refusal) => assert_eq!(refusal.reason, reason, "{row}: {refusal}"),
        Ok(_) => panic!("{row}: {} passed", at + 1),
    }
}

#[test]
fn size() {
    let mut world = World::new();
    world.limits.max_order_contracts = Contracts::whole(10);
    for side in [BookSide::Bid, BookSide::Ask] {
        for name in ["L-A", "M-1A"] {
            let row = format!("{side:?} {name}");
            boundary(&world, 10, Reason::SizeLimit, &row, |n| {
                order(name, side, n, "0.40")
            });
        }
    }
}

#[test]
fn per_contract() {
    use BookSide::{Ask, Bid};
    // What is held, what is asked for, and how much of it comes to ten.
    let table = [
        (0, Bid, 10),
        (0, Ask, 10),
        (4, Bid, 6),
        (4, Ask, 14),
        (-4, Ask, 6),
        (-4, Bid, 14),
    ];
    for (held, side, at) in table {
        for name in ["L-A", "M-1A"] {
            let mut world = World::new();
            world.limits.max_position_per_contract = Contracts::whole(10);
            match held {
                4 => world.hold(name, Bid, 4, "0.40"),
                -4 => world.hold(name, Ask, 4, "0.40"),
                _ => {}
            }
            let row = format!("{held} held of {name}, {side:?}");
            boundary(&world, at, Reason::ContractLimit, &row, |n| {
                order(name, side, n, "0.40")
            });
        }
    }
}

#[test]
fn per_event() {
    for stake in STAKES {
        for staked in [BookSide::Bid, BookSide::Ask] {
            for side in [BookSide::Bid, BookSide::Ask] {
                let mut world = World::new();
                world.limits.max_position_per_event = Contracts::whole(20);
                put(&mut world, stake, "M-1A", staked, 6, "0.40");
                // The other series is another event.
                put(&mut world, stake, "L-A", staked, 8, "0.40");
                let row = format!("{stake:?} {staked:?}, then {side:?}");
                boundary(&world, 14, Reason::EventLimit, &row, |n| {
                    order("M-1B", side, n, "0.40")
                });
            }
        }
    }
}

#[test]
fn worst_state_over_both_series() {
    use BookSide::{Ask, Bid};
    // Stakes of two dollars that lose in a state in which the order loses too: M-1A and L-B cannot both win, nor can the
    // model M-1B win without its lab.
    let table = [
        ("M-1A", Bid, "0.40", "L-B", Bid, "0.40"),
        ("L-A", Bid, "0.40", "M-1B", Bid, "0.40"),
        ("M-1A", Bid, "0.40", "L-B", Ask, "0.60"),
        ("M-1B", Ask, "0.60", "L-B", Ask, "0.60"),
        ("L-B", Ask, "0.60", "M-1B", Ask, "0.60"),
        ("L-A", Ask, "0.60", "M-1B", Bid, "0.40"),
    ];
    for stake in STAKES {
        for (staked, staked_side, paid, name, side, limit) in table {
            // Five contracts do not halve: four and a price that makes them two dollars would not be on a cent.
            let contracts = if matches!(stake, Stake::HalfFilled) { 10 } else { 5 };
            let mut world = World::new();
            let cap = if contracts == 10 { "6" } else { "4" };
            world.limits.max_worst_state_loss = money(cap);
            put(&mut world, stake, staked, staked_side, contracts, paid);
            let row = format!("{stake:?} {staked_side:?} {staked}, then {side:?} {name}");
            boundary(&world, 5, Reason::WorstStateLoss, &row, |n| {
                order(name, side, n, limit)
            });
        }
    }
}

#[test]
fn per_lab_over_both_series_and_every_check() {
    use BookSide::{Ask, Bid};
    for stake in STAKES {
        for (staked, staked_side, paid) in [
            ("M-1A", Bid, "0.30"),
            ("M-2A", Ask, "0.70"),
            ("2M-1A", Bid, "0.30"),
        ] {
            for (side, limit) in [(Bid, "0.35"), (Ask, "0.65")] {
                let mut world = World::new();
                world.limits.max_lab_exposure = money("10");
                put(&mut world, stake, staked, staked_side, 10, paid);
                put(&mut world, stake, "L-B", Bid, 100, "0.50");
                let row = format!("{stake:?} {staked_side:?} {staked}, then {side:?}");
                boundary(&world, 20, Reason::LabLimit, &row, |n| {
                    order("L-A", side, n, limit)
                });
            }
        }
    }
}

#[test]
fn a_position_of_no_known_lab_may_be_of_any() {
    let mut world = World::new();
    world.limits.max_lab_exposure = money("10");
    world.hold("M-1B", BookSide::Bid, 10, "0.30");
    for mapping in world
        .mappings
        .values_mut()
        .filter(|mapping| mapping.ticker.as_str() == "M-1B")
    {
        mapping.claim = None;
    }
    boundary(&world, 20, Reason::LabLimit, "unknown", |n| buy("L-A", n, "0.35"));
}

#[test]
fn portfolio_against_equity() {
    use BookSide::{Ask, Bid};
    for stake in STAKES {
        for (staked, staked_side, paid) in [("L-B", Bid, "0.30"), ("2M-1A", Ask, "0.70")] {
            for (side, limit) in [(Bid, "0.35"), (Ask, "0.65")] {
                let mut world = World::new();
                world.equity = Money::dollars(100);
                world.limits.max_portfolio_exposure_bp = 1_000;
                put(&mut world, stake, staked, staked_side, 10, paid);
                let row = format!("{stake:?} {staked_side:?} {staked}, then {side:?}");
                boundary(&world, 20, Reason::PortfolioLimit, &row, |n| {
                    order("L-A", side, n, limit)
                });
            }
        }
    }
}

#[test]
fn collateral_after_what_open_orders_may_use() {
    for stake in STAKES {
        for (side, limit) in [(BookSide::Bid, "0.50"), (BookSide::Ask, "0.50")] {
            let mut world = World::new();
            put(&mut world, stake, "L-B", BookSide::Ask, 4, "0.50");
            // Ten at 0.50 cost 5 and a fee of 0.175; four open ones 2 and 0.07, two of them 1 and 0.035; what is held is paid.
            let needed = match stake {
                Stake::Held => "5.175",
                Stake::Open(_) => "7.245",
                Stake::HalfFilled => "6.21",
            };
            world.portfolio.cash = money(needed);
            let row = format!("{stake:?} {side:?}");
            boundary(&world, 10, Reason::InsufficientCollateral, &row, |n| {
                order("L-A", side, n, limit)
            });
            world.portfolio.cash = money(needed).saturating_sub(Money::micros(1));
            let refusal = world.review(order("L-A", side, 10, limit)).unwrap_err();
            assert_eq!(refusal.reason, Reason::InsufficientCollateral, "{row}");
        }
    }
}

#[test]
fn collateral_of_another_shard_is_not_spent() {
    let mut world = World::new();
    world.hold("L-A", BookSide::Bid, 5, "0.40");
    for (shard, expected) in [(0, None), (1, Some(Reason::InsufficientCollateral))] {
        let market = world
            .markets
            .values_mut()
            .find(|market| market.ticker.as_str() == "L-A");
        market.unwrap().exchange_index = shard;
        expect(&world, buy("L-A", 1, "0.50"), expected);
        expect(&world, exit(sell("L-A", 5, "0.40")), None);
        expect(&world, buy("L-B", 1, "0.50"), None);
    }
}

#[test]
fn an_open_exit_frees_no_collateral_and_takes_none() {
    let mut world = World::new();
    world.hold("L-B", BookSide::Bid, 100, "0.50");
    world.open(exit(sell("L-B", 100, "0.60")));
    world.portfolio.cash = money("5.175");
    boundary(&world, 10, Reason::InsufficientCollateral, "exit", |n| {
        buy("L-A", n, "0.50")
    });
}

#[test]
fn collar_a_cent_below_at_and_above() {
    let mut world = World::new();
    world.limits.price_collar_raw = 300;
    world.show("L-A", "0.40", "0.42");
    // Limits in cents: 42 and 3 for a bid, 40 less 3 for an ask.
    boundary(&world, 45, Reason::PriceCollar, "bid", |cents| {
        buy("L-A", 1, &format!("0.{cents}"))
    });
    boundary(&world, 63, Reason::PriceCollar, "ask", |cents| {
        sell("L-A", 1, &format!("0.{}", 100 - cents))
    });
}
