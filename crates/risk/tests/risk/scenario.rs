//! Scenarios computed by hand, held against the cap on random portfolios, and against a settlement of our own.

use autotrader_domain::{
    BookSide, Claim, MappingState, Money, Order, Outcome, Position, Price, Reason, TieTerms,
};
use autotrader_risk::{
    CheckScenario, StateScenario, checks_at_stake, exposure_of_check, scenario_of_check, worst_state,
};
use proptest::prelude::*;

use crate::kit::{NAMES, World, buy, check, money, order, sell, ticker, wide};

fn scenario(world: &World) -> CheckScenario {
    scenario_of_check(check(0), &world.portfolio, &world.mappings)
}

#[track_caller]
fn state<'a>(scenario: &'a CheckScenario, model: Option<&str>, lab: Option<&str>) -> &'a StateScenario {
    scenario
        .states
        .iter()
        .find(|state| {
            let outcome = &state.state.outcome;
            !state.state.tie
                && outcome.model_name.as_deref() == model
                && outcome.organization.as_deref() == lab
        })
        .unwrap()
}

fn rename(world: &mut World, name: &str, new_name: &str) {
    let mapping = world.mappings.get_mut(&ticker(name)).unwrap();
    mapping.state = MappingState::Renamed;
    mapping.suggestions = vec![new_name.to_owned()];
}

#[test]
fn each_order_tells_what_it_changes_and_the_cap_counts_only_losses() {
    let mut world = World::new();
    world.hold("M-1A", BookSide::Bid, 10, "0.30");
    world.open(buy("L-B", 10, "0.20"));
    let found = scenario(&world);
    let unlisted = state(&found, None, Some("B"));
    assert_eq!(unlisted.held, money("-3"));
    assert_eq!(unlisted.orders[0].change, money("8"));
    assert_eq!(
        unlisted.state.pnl,
        money("-3"),
        "a gain that may not come is not counted"
    );
    let nobody = state(&found, None, None);
    assert_eq!(nobody.orders[0].change, money("-2"));
    assert_eq!(nobody.state.pnl, money("-5"));
    assert_eq!(state(&found, Some("m-1a"), Some("A")).state.pnl, money("5"));
    assert_eq!(found.worst().unwrap().state.pnl, money("-5"));
    let stakes: Vec<(&str, Money)> = found
        .stakes
        .iter()
        .map(|stake| (stake.ticker.as_str(), stake.cost))
        .collect();
    assert_eq!(stakes, [("L-B", Money::ZERO), ("M-1A", money("3"))]);
    let orders: Vec<(Money, Money)> = found
        .orders
        .iter()
        .map(|order| (order.if_paid, order.if_unpaid))
        .collect();
    assert_eq!(orders, [(money("8"), money("-2"))]);
}

#[test]
fn an_order_that_closes_a_hedge_makes_the_worst_state_worse() {
    let mut world = World::new();
    world.hold("M-1A", BookSide::Bid, 10, "0.30");
    world.hold("L-A", BookSide::Ask, 10, "0.40");
    world.open(sell("M-1A", 10, "0.20"));
    let found = scenario(&world);
    let wins = state(&found, Some("m-1a"), Some("A"));
    assert_eq!((wins.held, wins.orders[0].change), (money("1"), money("-8")));
    assert_eq!(wins.state.pnl, money("-7"));
}

#[test]
fn a_rename_is_an_interval() {
    let mut world = World::new();
    world.hold("M-1A", BookSide::Bid, 10, "0.30");
    world.hold("L-A", BookSide::Ask, 10, "0.40");
    let found = scenario(&world);
    let [rename] = &found.renames[..] else {
        panic!("one model is held: {:?}", found.renames)
    };
    assert_eq!(
        (rename.model_name.as_str(), rename.new_name.as_deref()),
        ("m-1a", None)
    );
    // The lab wins in any case: the NO loses 6; the model's contract loses 3 or earns 7.
    assert_eq!(rename.scenario.state.pnl, money("-9"));
    assert_eq!(rename.scenario.best, money("1"));
    assert_eq!(rename.scenario.held, money("-9"));
}

#[test]
fn a_frozen_contract_counts_at_its_worse_end_when_the_new_name_wins() {
    let mut world = World::new();
    // NO on the old name and NO on the new one, which has a contract of its own.
    world.hold("M-1A", BookSide::Ask, 10, "0.70");
    world.hold("M-2A", BookSide::Ask, 10, "0.60");
    let wins = |world: &World| state(&scenario(world), Some("m-2a"), Some("A")).clone();
    assert_eq!(wins(&world).state.pnl, money("3"));
    rename(&mut world, "M-1A", "m-2a");
    let found = wins(&world);
    assert_eq!(found.state.pnl, money("-7"), "both contracts may pay");
    assert_eq!(found.best, money("3"));
    let found = scenario(&world);
    let unlisted = state(&found, None, Some("A"));
    assert_eq!(unlisted.state.pnl, money("3"), "the NO on the old name may lose");
    assert_eq!(unlisted.best, money("13"));
    assert_eq!(
        state(&found, None, Some("B")).best,
        money("13"),
        "another lab decides"
    );
    assert_eq!(state(&found, None, Some("B")).state.pnl, money("13"));
    let frozen: Vec<bool> = found.stakes.iter().map(|stake| stake.frozen).collect();
    assert_eq!(frozen, [true, false]);
    let renamed = &found.renames[0];
    assert_eq!(renamed.new_name.as_deref(), Some("m-2a"));
    assert_eq!(renamed.scenario.state.outcome.model_name.as_deref(), Some("m-2a"));
    assert_eq!(renamed.scenario.state.pnl, money("-7"));
}

#[test]
fn a_contract_whose_words_changed_may_pay_or_not_in_every_state() {
    let mut world = World::new();
    world.hold("M-1A", BookSide::Bid, 10, "0.30");
    let mapping = world.mappings.get_mut(&ticker("M-1A")).unwrap();
    mapping.reasons = vec![Reason::TermsChanged];
    let found = scenario(&world);
    for state in &found.states {
        assert_eq!(
            (state.state.pnl, state.best),
            (money("-3"), money("7")),
            "{state:?}"
        );
    }
    assert!(found.stakes[0].frozen);
}

#[test]
fn rules_that_break_every_tie_have_no_state_of_their_own_for_it() {
    let mut world = World::new();
    world.hold("M-1A", BookSide::Bid, 10, "0.30");
    let found = scenario(&world);
    assert!(found.states.iter().all(|state| !state.state.tie));
    assert_eq!(found.tie.terms.keys().collect::<Vec<_>>(), [&TieTerms::Broken]);
    assert_eq!(found.tie.worst.state.pnl, money("-3"));
    assert_eq!(found.tie.best, money("7"));
}

#[test]
fn a_tie_that_pays_nobody_breaks_a_hedge_across_the_series() {
    let mut world = World::new();
    // NO on the model, YES on its lab: together they cannot lose unless the two series settle apart.
    world.hold("M-1A", BookSide::Ask, 10, "0.50");
    world.hold("L-A", BookSide::Bid, 10, "0.50");
    assert_eq!(scenario(&world).worst().unwrap().state.pnl, Money::ZERO);
    world.mappings.get_mut(&ticker("L-A")).unwrap().rule_set = Some("v1:rank_ub_alone:full".into());
    let found = scenario(&world);
    let worst = found.worst().unwrap();
    assert!(worst.state.tie);
    assert_eq!(worst.state.outcome.model_name.as_deref(), Some("m-1a"));
    assert_eq!(worst.state.pnl, money("-10"));
    assert_eq!(found.tie.worst.state.pnl, money("-10"));
    assert_eq!(found.tie.best, Money::ZERO);
    assert_eq!(found.tie.terms[&TieTerms::PaysNobody], [ticker("L-A")]);
    // Rules that nobody has read may pay the tie or not.
    world.mappings.get_mut(&ticker("L-A")).unwrap().rule_set = None;
    let found = scenario(&world);
    assert_eq!(found.worst().unwrap().state.pnl, money("-10"));
    assert_eq!(
        found.tie.best,
        money("10"),
        "another lab's model is named, and the lab is paid"
    );
}

#[test]
fn a_model_of_an_unknown_lab_may_be_of_any() {
    let mut world = World::new();
    world.hold("L-A", BookSide::Ask, 10, "0.50");
    world.hold("M-1B", BookSide::Ask, 10, "0.50");
    world.mappings.get_mut(&ticker("M-1B")).unwrap().claim = Some(Claim::Model {
        model_name: "m-1b".into(),
        organization: None,
    });
    let found = scenario(&world);
    assert_eq!(state(&found, Some("m-1b"), None).state.pnl, Money::ZERO);
    let worst = found.worst().unwrap();
    assert_eq!(worst.state.outcome.model_name.as_deref(), Some("m-1b"));
    assert_eq!(worst.state.outcome.organization.as_deref(), Some("A"));
    assert_eq!(worst.state.pnl, money("-10"));
}

#[test]
fn a_position_in_a_market_that_no_list_has_loses_everywhere() {
    let mut world = World::new();
    world.hold("M-1A", BookSide::Bid, 10, "0.30");
    world.mappings.remove(&ticker("M-1A"));
    let found = scenario(&world);
    assert_eq!(found.unexplained, [(ticker("M-1A"), money("3"))]);
    assert!(found.states.iter().all(|state| state.state.pnl == money("-3")));
    let cap = exposure_of_check(check(0), &world.portfolio, &world.mappings, None);
    assert!(cap.iter().all(|state| state.pnl == money("-3")));
    // An entry elsewhere on the check has that much less room.
    world.limits.max_worst_state_loss = money("5");
    crate::kit::expect(&world, buy("M-1B", 4, "0.50"), None);
    crate::kit::expect(&world, buy("M-1B", 5, "0.50"), Some(Reason::WorstStateLoss));
}

#[test]
fn a_board_that_comes_back_is_one_of_the_states() {
    let mut world = World::new();
    world.hold("M-1A", BookSide::Bid, 10, "0.30");
    let found = scenario(&world);
    for (model, lab, expected) in [
        ("m-1a", Some("A"), (Some("m-1a"), Some("A"))),
        ("m-1a", None, (Some("m-1a"), Some("A"))),
        ("new", Some("B"), (None, Some("B"))),
        ("new", Some("C"), (None, None)),
        ("new", None, (None, None)),
    ] {
        let outcome = &found.of_winner(model, lab).unwrap().state.outcome;
        let names = (outcome.model_name.as_deref(), outcome.organization.as_deref());
        assert_eq!(names, expected, "{model} of {lab:?}");
    }
}

#[test]
fn only_checks_with_something_at_stake_are_listed() {
    let mut world = World::new();
    let checks = |world: &World| checks_at_stake(&world.portfolio, &world.mappings);
    assert!(checks(&world).is_empty());
    world.open(buy("2M-1A", 1, "0.50"));
    assert_eq!(checks(&world), [check(1)]);
    world.hold("L-A", BookSide::Bid, 1, "0.50");
    assert_eq!(checks(&world), [check(0), check(1)]);
    world.hold("L-A", BookSide::Bid, 0, "0.50");
    assert_eq!(checks(&world), [check(1)]);
}

// === Random portfolios ===

#[derive(Debug, Clone)]
struct Stake {
    buys: bool,
    contracts: u32,
    cents: i64,
    /// What is known of the contract: 0..3 exact, 3 renamed, 4 no claim, 5 not on any list, 6 lab unknown.
    known: u8,
    /// 0..3 the cascade, 3 a tie pays nobody, 4 unknown rules.
    rules: u8,
}

fn stake() -> impl Strategy<Value = Stake> {
    (any::<bool>(), 0..40_u32, 1..100_i64, 0..7_u8, 0..5_u8).prop_map(
        |(buys, contracts, cents, known, rules)| Stake {
            buys,
            contracts,
            cents,
            known,
            rules,
        },
    )
}

fn side(buys: bool) -> BookSide {
    if buys { BookSide::Bid } else { BookSide::Ask }
}

fn apply(world: &mut World, name: &str, stake: &Stake) {
    let cents = format!("0.{:02}", stake.cents);
    world.hold(name, side(stake.buys), stake.contracts, &cents);
    let mapping = world.mappings.get_mut(&ticker(name)).unwrap();
    mapping.rule_set = match stake.rules {
        3 => Some("rank_ub_alone".into()),
        4 => None,
        _ => mapping.rule_set.clone(),
    };
    match stake.known {
        3 => rename(world, name, "m-2a"),
        4 => mapping.claim = None,
        5 => {
            world.mappings.remove(&ticker(name));
        }
        6 => {
            if let Some(Claim::Model { organization, .. }) = &mut mapping.claim {
                *organization = None;
            }
        }
        _ => {}
    }
}

fn open_order(name: &str, stake: &Stake) -> Order {
    let mut order = order(name, side(stake.buys), stake.contracts.max(1), "0.50");
    order.intent.limit = Price::from_cents(stake.cents).unwrap();
    order
}

/// A settlement written again from scratch: the profit of one contract if it pays or not, with part of an order filled.
fn settled(world: &World, name: &str, order: Option<&Order>, pays: bool) -> i64 {
    let mut held: Position = world.portfolio.position(&ticker(name));
    let before = held.realized.raw();
    if let Some(order) = order {
        held = held
            .traded(order.intent.side, order.intent.limit, order.intent.contracts)
            .unwrap();
    }
    held.settle(if pays { Price::ONE } else { Price::ZERO }).unwrap();
    held.realized.raw() - before
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    /// The scenario has the cap's states with the cap's figures, and the cap refuses exactly what makes its worst state
    /// lose more than the limit.
    #[test]
    fn the_scenario_is_what_the_cap_computes(
        held in proptest::collection::vec(stake(), NAMES.len()),
        ordered in proptest::collection::vec(proptest::option::of(stake()), NAMES.len()),
        wanted in (0..5_usize, stake()),
    ) {
        let mut world = World::new();
        for (name, stake) in NAMES.iter().zip(&held) {
            apply(&mut world, name, stake);
        }
        let (place, wanted) = wanted;
        for (index, (name, stake)) in NAMES.iter().zip(&ordered).enumerate() {
            if let Some(stake) = stake && index != place {
                world.open(open_order(name, stake));
            }
        }
        let found = scenario(&world);
        let cap = exposure_of_check(check(0), &world.portfolio, &world.mappings, None);
        let states: Vec<_> = found.states.iter().map(|state| state.state.clone()).collect();
        prop_assert_eq!(&states, &cap);
        prop_assert_eq!(found.worst().map(|state| &state.state), worst_state(&cap));
        for state in found.states.iter().chain([&found.tie.worst]) {
            let losses: Money = state.orders.iter().map(|order| order.change.min(Money::ZERO)).sum();
            prop_assert_eq!(state.held.saturating_add(losses), state.state.pnl);
            prop_assert!(state.best >= state.state.pnl);
        }

        let order = open_order(NAMES[place], &wanted);
        let mut after = world.clone();
        after.open(order.clone());
        let loss = scenario(&after).worst().unwrap().state.pnl.min(Money::ZERO).negated();
        let refusal = |max: Money| {
            let mut world = world.clone();
            world.limits = wide();
            world.limits.max_worst_state_loss = max;
            world.review(order.clone()).err().map(|refusal| refusal.reason)
        };
        prop_assert_ne!(refusal(loss), Some(Reason::WorstStateLoss));
        if loss > Money::ZERO && refusal(loss).is_none() {
            let less = loss.saturating_sub(Money::micros(1));
            prop_assert_eq!(refusal(less), Some(Reason::WorstStateLoss));
        }
    }

    /// Whoever wins, whatever fills, and whatever is made of a rename: the named state is never better than the truth, and
    /// for contracts whose payout is certain it is exactly the truth with the losing orders filled.
    #[test]
    fn no_state_is_better_than_a_settlement_of_our_own(
        held in proptest::collection::vec(stake(), NAMES.len()),
        ordered in proptest::collection::vec(proptest::option::of(stake()), NAMES.len()),
        renamed in any::<bool>(),
        paid_on in any::<bool>(),
    ) {
        let mut world = World::new();
        let mut orders = Vec::new();
        for ((name, held), ordered) in NAMES.iter().zip(&held).zip(&ordered) {
            let known = if renamed && *name == "M-1A" { 3 } else { 0 };
            apply(&mut world, name, &Stake { known, rules: 0, ..held.clone() });
            let order = ordered.as_ref().map(|stake| open_order(name, stake));
            if let Some(order) = &order {
                world.open(order.clone());
            }
            orders.push(order);
        }
        let found = scenario(&world);
        for (winner, lab) in [(Some("m-1a"), Some("A")), (Some("m-2a"), Some("A")), (Some("m-1b"), Some("B")),
            (None, Some("A")), (None, Some("B")), (None, None)] {
            let outcome = Outcome {
                model_name: winner.map(str::to_owned),
                organization: lab.map(str::to_owned),
            };
            let mut truth = 0;
            for (name, order) in NAMES.iter().zip(&orders).filter(|(name, _)| !name.starts_with('2')) {
                // The model that M-1A named won under its new name, or as an unlisted one of its lab.
                let disputed = renamed && *name == "M-1A" && lab == Some("A") && winner != Some("m-1a");
                let pays = crate::kit::claim(name).pays(&outcome) || (disputed && paid_on);
                truth += settled(&world, name, None, pays).min(settled(&world, name, order.as_ref(), pays));
            }
            let pnl = state(&found, winner, lab).state.pnl.raw();
            let uncertain = renamed && lab == Some("A") && winner != Some("m-1a");
            prop_assert!(pnl <= truth, "{winner:?} of {lab:?}: {pnl} {truth}");
            if !uncertain {
                prop_assert_eq!(pnl, truth);
            }
        }
    }
}
