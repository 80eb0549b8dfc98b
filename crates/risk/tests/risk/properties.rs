//! Over many orders: approvals keep the limits, exposure is never too optimistic, states never leak.

use autotrader_domain::{
    BookSide, Contracts, FeeRounding, Liquidity, Money, Order, Outcome, Position, Price, Purpose, TimeInForce,
};
use autotrader_risk::{Cause, Limits, RiskEngine, exposure_of_check, worst_state};
use proptest::prelude::*;

use crate::kit::{NAMES, World, check, claim, order, wide};

#[derive(Debug, Clone)]
struct Wish {
    name: &'static str,
    buys: bool,
    contracts: u32,
    cents: i64,
    exit: bool,
}

fn wish() -> impl Strategy<Value = Wish> {
    (
        0..NAMES.len(),
        any::<bool>(),
        0..60_u32,
        1..100_i64,
        any::<bool>(),
    )
        .prop_map(|(name, buys, contracts, cents, exit)| Wish {
            name: NAMES[name],
            buys,
            contracts,
            cents,
            exit,
        })
}

impl Wish {
    fn order(&self, count: usize) -> Order {
        let side = if self.buys { BookSide::Bid } else { BookSide::Ask };
        let mut order = order(self.name, side, self.contracts, "0.50");
        order.intent.limit = Price::from_cents(self.cents).unwrap();
        order.client_order_id = format!("kat1-{count}").parse().unwrap();
        if self.exit {
            order.intent.purpose = Purpose::Exit;
            order.reduce_only = true;
        }
        order
    }
}

/// Fills the first `parts` hundredths of an open order at its limit.
fn fill(world: &mut World, order: &Order, parts: i64) {
    let open = order.open_contracts();
    let contracts = Contracts::from_raw(open.raw() * parts / 100).unwrap();
    let ticker = order.intent.ticker.clone();
    let held = world.portfolio.position(&ticker);
    let after = held
        .traded(order.intent.side, order.intent.limit, contracts)
        .unwrap();
    world.portfolio.positions.insert(ticker, after);
    world.portfolio.open_orders.remove(&order.client_order_id);
}

/// Profit of what is held in one state of the first check, realised profit included.
fn profit(world: &World, outcome: &Outcome) -> i64 {
    let first = NAMES.iter().filter(|name| !name.starts_with('2'));
    first
        .map(|name| {
            let mut held: Position = world.portfolio.position(&name.parse().unwrap());
            let pays = claim(name).pays(outcome);
            held.settle(if pays { Price::ONE } else { Price::ZERO }).unwrap();
            held.realized.raw()
        })
        .sum()
}

fn limits() -> Limits {
    Limits {
        max_order_contracts: Contracts::whole(40),
        max_position_per_contract: Contracts::whole(60),
        max_position_per_event: Contracts::whole(90),
        max_worst_state_loss: Money::dollars(25),
        max_lab_exposure: Money::dollars(30),
        max_portfolio_exposure_bp: 6_000,
        ..wide()
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    /// Whatever part of the open orders fills, no state loses more than the exposure said.
    #[test]
    fn exposure_is_never_too_optimistic(
        wishes in proptest::collection::vec((wish(), any::<bool>(), 0..=100_i64), 1..10),
    ) {
        let mut world = World::new();
        let mut open = Vec::new();
        for (count, (wish, fills, parts)) in wishes.iter().enumerate() {
            let order = wish.order(count);
            if world.portfolio.orders_on(&order.intent.ticker).next().is_some() {
                continue;
            }
            world.open(order.clone());
            if *fills {
                fill(&mut world, &order, *parts);
            } else {
                open.push((order, *parts));
            }
        }
        let realized: i64 = world.portfolio.positions.iter()
            .filter(|(ticker, _)| !ticker.as_str().starts_with('2'))
            .map(|(_, position)| position.realized.raw())
            .sum();
        let states = exposure_of_check(check(0), &world.portfolio, &world.mappings, None);
        for (order, parts) in &open {
            fill(&mut world, order, *parts);
        }
        for state in states {
            let profit = profit(&world, &state.outcome);
            // Average cost is rounded to the micro-dollar at each fill.
            prop_assert!(profit - realized >= state.pnl.raw() - 20, "{:?}: {profit} {realized}", state);
        }
    }

    /// Whatever is asked for, what is approved keeps every limit, orders counted as filled.
    #[test]
    fn approvals_keep_the_limits(wishes in proptest::collection::vec((wish(), any::<bool>()), 1..30)) {
        let mut world = World::new();
        world.limits = limits();
        world.portfolio.cash = Money::dollars(60);
        world.equity = Money::dollars(60);
        for (count, (wish, fills)) in wishes.iter().enumerate() {
            let Ok(order) = world.review(wish.order(count)) else {
                continue;
            };
            let entry = order.intent.purpose == Purpose::Entry;
            let before = world.portfolio.position(&order.intent.ticker).net;
            world.open(order.clone());
            if entry {
                prop_assert!(order.intent.contracts <= world.limits.max_order_contracts);
                let states = exposure_of_check(
                    order.intent.check_time, &world.portfolio, &world.mappings, None,
                );
                let worst = worst_state(&states).unwrap().pnl;
                prop_assert!(worst >= world.limits.max_worst_state_loss.negated());
                // What only closes a position takes no collateral.
                let needed: i64 = world.portfolio.open_orders.values()
                    .filter(|open| !open.reduce_only)
                    .map(|open| open.intent.notional().unwrap().raw())
                    .sum();
                let fee = order.intent.fees
                    .fee(Liquidity::Taker, order.intent.limit, order.intent.contracts, FeeRounding::Direct)
                    .unwrap();
                prop_assert!(needed + fee.raw() <= world.portfolio.cash.raw());
            } else {
                let after = before.after(order.intent.side, order.intent.contracts).unwrap();
                prop_assert!(after.size() < before.size());
                prop_assert!(after.raw().signum() * before.raw().signum() >= 0, "an exit never turns a position");
            }
            if *fills {
                fill(&mut world, &order, 100);
                let size = world.portfolio.position(&order.intent.ticker).net.size();
                prop_assert!(size <= world.limits.max_position_per_contract);
            }
        }
        let gross = |prefix: &str| -> i64 {
            world.portfolio.positions.iter()
                .filter(|(ticker, _)| ticker.as_str().starts_with(prefix))
                .map(|(_, position)| position.net.size().raw())
                .sum()
        };
        for prefix in ["M-", "L-", "2M-"] {
            prop_assert!(gross(prefix) <= world.limits.max_position_per_event.raw());
        }
    }

    /// Under Reduce only reductions pass, and none of them makes the worst state worse; under Halt nothing passes.
    #[test]
    fn restricted_states_do_not_leak(
        held in proptest::collection::vec(wish(), 1..6),
        wishes in proptest::collection::vec((wish(), 0..3_u8), 1..20),
    ) {
        let mut world = World::new();
        for (count, wish) in held.iter().enumerate() {
            let order = wish.order(count);
            fill(&mut world, &order, 100);
        }
        let mut reduce = RiskEngine::new(wide());
        reduce.raise(Cause::ReconciliationMismatch, "they differ");
        let mut halt = RiskEngine::new(wide());
        halt.raise(Cause::OperatorHalt, "asked for");
        for (count, (wish, kind)) in wishes.iter().enumerate() {
            let mut order = wish.order(count);
            if *kind == 0 {
                order.intent.time_in_force = TimeInForce::GoodTillCanceled { expires_at: None };
            }
            prop_assert!(halt.review(order.clone(), &world.view()).is_err());
            let at = order.intent.check_time;
            let worst = |world: &World| {
                let states = exposure_of_check(at, &world.portfolio, &world.mappings, None);
                worst_state(&states).unwrap().pnl
            };
            let Ok(approved) = reduce.review(order, &world.view()) else {
                continue;
            };
            let order = approved.into_inner();
            prop_assert!(order.reduce_only && order.intent.purpose == Purpose::Exit);
            prop_assert_eq!(order.intent.time_in_force, TimeInForce::ImmediateOrCancel);
            let (before, held) = (worst(&world), world.portfolio.position(&order.intent.ticker));
            fill(&mut world, &order, 100);
            let after = world.portfolio.position(&order.intent.ticker);
            prop_assert!(after.net.size() < held.net.size());
            let earned = after.realized.raw() - held.realized.raw();
            prop_assert!(worst(&world).raw() + earned >= before.raw() - 2, "the loss of the worst state grew");
        }
    }

    /// The review depends on its inputs alone, and a refused order changes nothing.
    #[test]
    fn reviews_are_repeatable(wishes in proptest::collection::vec(wish(), 1..20)) {
        let run = || {
            let mut world = World::new();
            let mut engine = RiskEngine::new(Limits { max_orders_per_minute: 5, ..limits() });
            let mut found = Vec::new();
            for (count, wish) in wishes.iter().enumerate() {
                let view = world.view();
                match engine.review(wish.order(count), &view) {
                    Ok(approved) => {
                        found.push(Ok(approved.get().client_order_id.clone()));
                        world.open(approved.into_inner());
                    }
                    Err(refusal) => {
                        let again = engine.review(wish.order(count), &view).unwrap_err();
                        assert_eq!(again, refusal);
                        found.push(Err(refusal));
                    }
                }
            }
            found
        };
        prop_assert_eq!(run(), run());
    }
}
