//! Whatever the venue, the store and the process do, in any order.

use std::collections::BTreeMap;

use autotrader_domain::ports::{CancelOutcome, Clock as _, FeedError};
use autotrader_domain::{BookSide, ClientOrderId, Contracts, Order, OrderState};
use autotrader_execution::AccountBooks;
use chrono::TimeDelta;
use proptest::prelude::*;

use crate::kit::{GTC, IOC, Plan, World, approve, attempt, order, price, start};

#[derive(Debug, Clone)]
enum Act {
    Place {
        market: usize,
        plan: Plan,
        rests: bool,
        buys: bool,
    },
    Cancel {
        market: usize,
        answer: Option<u8>,
    },
    Resend {
        market: usize,
        plan: Plan,
        seconds: i64,
    },
    Replace {
        market: usize,
        contracts: u32,
        answer: Option<u8>,
    },
    FillResting {
        market: usize,
    },
    RemoveResting {
        market: usize,
    },
    Poll,
    Reconcile,
    Restart,
    Pass {
        seconds: i64,
    },
    FailReads {
        after: u32,
    },
    HideFills {
        reads: u32,
    },
    LagOrders {
        reads: u32,
    },
    FailStore {
        updates: u32,
        fills: u32,
        stored: bool,
    },
}

const MARKETS: [&str; 2] = ["A", "B"];

fn plan() -> impl Strategy<Value = Plan> {
    let fills = 0..4_u32;
    prop_oneof![
        1 => Just(Plan::NotSent),
        1 => Just(Plan::Reject(autotrader_domain::RejectReason::InvalidPrice)),
        4 => fills.clone().prop_map(|fills| Plan::Accept { fills }),
        2 => fills.clone().prop_map(|fills| Plan::LoseAnswer { fills }),
        1 => Just(Plan::LoseRequest),
        1 => (any::<bool>(), fills).prop_map(|(arrives, fills)| Plan::Hang { arrives, fills }),
    ]
}

fn act() -> impl Strategy<Value = Act> {
    let market = 0..MARKETS.len();
    prop_oneof![
        6 => (market.clone(), plan(), any::<bool>(), any::<bool>())
            .prop_map(|(market, plan, rests, buys)| Act::Place { market, plan, rests, buys }),
        3 => (market.clone(), proptest::option::of(0..2_u8))
            .prop_map(|(market, answer)| Act::Cancel { market, answer }),
        3 => (market.clone(), plan(), 0..170_i64)
            .prop_map(|(market, plan, seconds)| Act::Resend { market, plan, seconds }),
        1 => (market.clone(), 1..6_u32, proptest::option::of(0..2_u8))
            .prop_map(|(market, contracts, answer)| Act::Replace { market, contracts, answer }),
        3 => market.clone().prop_map(|market| Act::FillResting { market }),
        1 => market.prop_map(|market| Act::RemoveResting { market }),
        4 => Just(Act::Poll),
        1 => Just(Act::Reconcile),
        1 => Just(Act::Restart),
        2 => (1..7_200_i64).prop_map(|seconds| Act::Pass { seconds }),
        1 => (0..6_u32).prop_map(|after| Act::FailReads { after }),
        1 => (1..6_u32).prop_map(|reads| Act::HideFills { reads }),
        1 => (1..3_u32).prop_map(|reads| Act::LagOrders { reads }),
        1 => (0..2_u32, 0..3_u32, any::<bool>())
            .prop_map(|(updates, fills, stored)| Act::FailStore { updates, fills, stored }),
    ]
}

/// The unfinished order of a market, as the core knows it.
fn unfinished(world: &World, market: usize) -> Option<ClientOrderId> {
    let name = MARKETS[market];
    let mut orders = world.core.orders.values();
    orders
        .find(|order| order.intent.ticker.as_str() == name && !order.state.is_terminal())
        .map(|order| order.client_order_id.clone())
}

/// The venue's id of a market's resting order.
fn resting_on(world: &World, market: usize) -> Option<autotrader_domain::VenueOrderId> {
    let name = MARKETS[market];
    world.venue.with(|floor| {
        let mut orders = floor.orders.values();
        orders
            .find(|order| order.ticker.as_str() == name && order.state == OrderState::Resting)
            .map(|order| order.venue_order_id.clone())
    })
}

/// Markets of these tests close after a day.
fn is_late(world: &World) -> bool {
    world.clock.now() > start() + TimeDelta::hours(20)
}

/// An order with the next number of its contract, decided now.
fn next_order(world: &World, market: usize, side: BookSide, contracts: u32, rests: bool) -> Order {
    let ticker = MARKETS[market].parse().unwrap();
    let stored = world.store.with(|rows| rows.generations.get(&ticker).copied());
    let mut wanted = order(MARKETS[market], stored.unwrap_or(0) + 1, side, contracts, "0.40");
    wanted.intent.time_in_force = if rests { GTC } else { IOC };
    wanted.created_at = world.clock.now();
    wanted.updated_at = wanted.created_at;
    wanted
}

/// The next cancel is carried out, but its answer is another.
fn answer_oddly(world: &World, answer: Option<u8>) {
    let odd = match answer {
        None => return,
        Some(0) => CancelOutcome::NotOnBook,
        Some(_) => CancelOutcome::Unknown {
            detail: "no answer".into(),
        },
    };
    world.venue.with(|floor| floor.cancels = [odd].into());
}

async fn perform(world: &mut World, act: &Act) {
    match act {
        Act::Place {
            market,
            plan,
            rests,
            buys,
        } => {
            // As the core does: nothing new on a contract with an unfinished order, ids from the stored generation.
            if unfinished(world, *market).is_some() || is_late(world) {
                return;
            }
            let side = if *buys { BookSide::Bid } else { BookSide::Ask };
            let wanted = next_order(world, *market, side, 3, *rests);
            world.venue.plan([*plan]);
            match attempt(world.executor.place(approve(wanted), 0)).await {
                Some(events) => world.core.take(&events),
                None => {
                    world.restart().await;
                }
            }
            world.venue.with(|floor| floor.plans.clear());
        }
        Act::Cancel { market, answer } => {
            let Some(id) = unfinished(world, *market) else {
                return;
            };
            answer_oddly(world, *answer);
            world.cancel(&id).await;
            world.venue.with(|floor| floor.cancels.clear());
        }
        Act::Resend {
            market,
            plan,
            seconds,
        } => {
            let Some(id) = unfinished(world, *market) else {
                return;
            };
            world.pass(TimeDelta::seconds(*seconds));
            world.venue.plan([*plan]);
            match attempt(world.executor.resolve_unknown(&id, true)).await {
                Some(events) => world.core.take(&events),
                None => {
                    world.restart().await;
                }
            }
            world.venue.with(|floor| floor.plans.clear());
        }
        Act::Replace {
            market,
            contracts,
            answer,
        } => {
            let Some(id) = unfinished(world, *market).filter(|_| !is_late(world)) else {
                return;
            };
            let old = world.core.orders[&id].clone();
            answer_oddly(world, *answer);
            let wanted = next_order(world, *market, old.intent.side, *contracts, true);
            let new = wanted.client_order_id.clone();
            let events = world.executor.replace(&id, approve(wanted), 0).await;
            world.core.take(&events);
            world.venue.with(|floor| floor.cancels.clear());
            if let Some(new) = world.core.orders.get(&new) {
                let old = &world.core.orders[&id];
                let both = new.intent.contracts.checked_add(old.filled).unwrap();
                assert!(both <= old.intent.contracts, "{both} after {old:?}");
            }
        }
        Act::FillResting { market } => {
            if let Some(venue) = resting_on(world, *market) {
                let ours = world.store.with(|rows| {
                    let mut orders = rows.orders.values();
                    orders
                        .find(|(order, _)| venue.as_str().ends_with(order.client_order_id.as_str()))
                        .cloned()
                });
                world
                    .venue
                    .fill(&venue, 1, ours.unwrap().0.intent.side, price("0.40"));
            }
        }
        Act::RemoveResting { market } => {
            if let Some(venue) = resting_on(world, *market) {
                world.venue.remove(&venue);
            }
        }
        Act::Poll => {
            world.poll().await;
        }
        Act::Reconcile => {
            let result = world.executor.reconcile().await;
            world.core.take(&result.events);
        }
        Act::Restart => {
            world.restart().await;
        }
        Act::Pass { seconds } => world.pass(TimeDelta::seconds(*seconds)),
        Act::FailReads { after } => world
            .venue
            .with(|floor| floor.fail_after(*after, FeedError::Transient("down".into()))),
        Act::HideFills { reads } => world.venue.with(|floor| floor.blind_reads = *reads),
        Act::LagOrders { reads } => world.venue.with(|floor| floor.lagging_reads = *reads),
        Act::FailStore {
            updates,
            fills,
            stored,
        } => world.store.with(|rows| {
            rows.failing_updates = *updates;
            rows.failing_fills = *fills;
            rows.stored_all_the_same = *stored;
        }),
    }
}

/// Everything works again for a while.
async fn calm(world: &mut World) {
    world.venue.with(|floor| {
        floor.fails_after = None;
        floor.failures.clear();
        floor.blind_reads = 0;
        floor.lagging_reads = 0;
    });
    world.store.with(|rows| {
        rows.failing_updates = 0;
        rows.failing_fills = 0;
        rows.stored_all_the_same = false;
    });
    // Steps that were not stored are found out again by the next process, as after any database failure.
    world.restart().await;
    for _ in 0..3 {
        world.pass(TimeDelta::minutes(2));
        world.poll().await;
    }
}

fn check(world: &World) {
    let (theirs, orders, fills, placed) = world.venue.with(|floor| {
        (
            floor.books.clone(),
            floor.orders.clone(),
            floor.fills.clone(),
            floor.placed.clone(),
        )
    });
    // Every fill once, and the same books on both sides.
    let mut stored: Vec<String> = world
        .store
        .with(|rows| rows.fills.iter().map(|f| f.fill_id.clone()).collect());
    let mut real: Vec<String> = fills.iter().map(|fill| fill.fill_id.clone()).collect();
    stored.sort();
    real.sort();
    assert_eq!(stored, real);
    assert_eq!(world.core.books.nets(), theirs.nets());
    assert_eq!(world.core.books.cash, theirs.cash);
    assert_eq!(
        AccountBooks::from_restored(&world.store.restored()).unwrap(),
        world.core.books
    );
    // Nothing arrived twice, and what was sent a second time was the same.
    let mut arrived: Vec<_> = orders.values().map(|order| &order.client_order_id).collect();
    arrived.sort();
    arrived.dedup();
    assert_eq!(arrived.len(), orders.len());
    let mut sent: BTreeMap<_, Vec<_>> = BTreeMap::new();
    for request in &placed {
        sent.entry(&request.client_order_id).or_default().push(request);
    }
    for (id, requests) in sent {
        // A process that starts anew counts anew how often it sent something again.
        assert!(requests.windows(2).all(|pair| pair[0] == pair[1]), "{id}");
    }
    // Every order stands as it does at the venue, filled by its own fills.
    for (order, _) in world
        .store
        .with(|rows| rows.orders.values().cloned().collect::<Vec<_>>())
    {
        let id = &order.client_order_id;
        let venue = orders
            .values()
            .find(|v| v.client_order_id.as_deref() == Some(id.as_str()));
        let open = venue.is_some_and(|v| v.state == OrderState::Resting);
        assert_eq!(
            order.state.is_terminal(),
            !open,
            "{id} {:?} {venue:?}",
            order.state
        );
        let filled = venue.map_or(Contracts::ZERO, |v| v.filled);
        assert_eq!(order.filled, filled, "{id}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_fill_is_lost_or_doubled_and_no_order_left_behind(
        acts in proptest::collection::vec(act(), 1..40),
        remembers_ids: bool,
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            let mut world = World::new();
            world.venue.with(|floor| floor.remembers_ids = remembers_ids);
            world.restart().await;
            for act in &acts {
                perform(&mut world, act).await;
            }
            calm(&mut world).await;
            check(&world);
            let result = world.executor.reconcile().await;
            prop_assert!(result.agrees(), "{result:?}");
            Ok(())
        })?;
    }
}
