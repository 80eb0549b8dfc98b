//! Profit by state of the world, computed by hand.

use autotrader_domain::{BookSide, Money};
use autotrader_risk::{exposure_of_check, worst_state};

use crate::kit::{World, buy, check, money, sell, ticker};

/// States by their names, `model/lab`, with `-` for nobody named.
#[track_caller]
fn expect(world: &World, expected: &[(&str, &str)]) {
    let found: Vec<(String, Money)> = exposure_of_check(check(0), &world.portfolio, &world.mappings, None)
        .into_iter()
        .map(|state| {
            let text = |name: Option<String>| name.unwrap_or_else(|| "-".into());
            let name = format!(
                "{}/{}",
                text(state.outcome.model_name),
                text(state.outcome.organization)
            );
            (name, state.pnl)
        })
        .collect();
    let expected: Vec<(String, Money)> = expected
        .iter()
        .map(|(name, pnl)| ((*name).to_owned(), money(pnl)))
        .collect();
    assert_eq!(found, expected);
}

#[test]
fn nothing_held_loses_nothing() {
    expect(
        &World::new(),
        &[
            ("-/-", "0"),
            ("-/A", "0"),
            ("-/B", "0"),
            ("m-1a/A", "0"),
            ("m-1b/B", "0"),
            ("m-2a/A", "0"),
        ],
    );
}

#[test]
fn a_models_win_is_its_labs_win() {
    let mut world = World::new();
    world.hold("M-1A", BookSide::Bid, 10, "0.30");
    world.hold("L-A", BookSide::Ask, 10, "0.40");
    world.hold("2M-1A", BookSide::Bid, 1_000, "0.50");
    expect(
        &world,
        &[
            // Nobody of A: the YES loses 3, the NO earns 4.
            ("-/-", "1"),
            // An unlisted model of A: both lose, 3 and 6.
            ("-/A", "-9"),
            ("-/B", "1"),
            // The model itself: the YES earns 7, the NO loses 6.
            ("m-1a/A", "1"),
            ("m-1b/B", "1"),
            ("m-2a/A", "-9"),
        ],
    );
    let states = exposure_of_check(check(0), &world.portfolio, &world.mappings, None);
    assert_eq!(worst_state(&states).unwrap().pnl, money("-9"));
}

#[test]
fn open_orders_count_where_they_lose_and_not_where_they_win() {
    let mut world = World::new();
    world.open(buy("L-B", 10, "0.20"));
    expect(
        &world,
        &[
            ("-/-", "-2"),
            ("-/A", "-2"),
            ("-/B", "0"),
            ("m-1a/A", "-2"),
            ("m-1b/B", "0"),
            ("m-2a/A", "-2"),
        ],
    );
}

#[test]
fn the_filled_part_of_an_order_is_a_position_and_no_longer_an_order() {
    let mut world = World::new();
    let mut order = buy("L-B", 10, "0.20");
    order.filled = "4".parse().unwrap();
    world.open(order);
    let states = exposure_of_check(check(0), &world.portfolio, &world.mappings, None);
    assert_eq!(worst_state(&states).unwrap().pnl, money("-1.2"));
}

#[test]
fn an_order_on_a_contract_that_is_no_longer_mapped_still_counts() {
    let mut world = World::new();
    world.mappings.remove(&ticker("M-2A"));
    world.open(sell("M-2A", 10, "0.20"));
    let states = exposure_of_check(check(0), &world.portfolio, &world.mappings, None);
    let worst = worst_state(&states).unwrap();
    assert_eq!(worst.pnl, money("-8"), "the model wins, the NO loses its 0.80");
    assert_eq!(worst.outcome.model_name.as_deref(), Some("m-2a"));
}

#[test]
fn a_position_whose_claim_is_unknown_loses_everywhere() {
    let mut world = World::new();
    world.hold("M-1B", BookSide::Bid, 10, "0.30");
    world.mappings.get_mut(&ticker("M-1B")).unwrap().claim = None;
    let pnl = |world: &World| -> Vec<Money> {
        let states = exposure_of_check(check(0), &world.portfolio, &world.mappings, None);
        states.into_iter().map(|state| state.pnl).collect()
    };
    assert!(pnl(&world).iter().all(|pnl| *pnl == money("-3")));
    // A known check that is another one is not this one's matter; an unknown one may be this.
    world.mappings.get_mut(&ticker("M-1B")).unwrap().check_time = Some(check(1));
    assert!(pnl(&world).iter().all(|pnl| *pnl == Money::ZERO));
    world.mappings.get_mut(&ticker("M-1B")).unwrap().check_time = None;
    assert!(pnl(&world).iter().all(|pnl| *pnl == money("-3")));
}
