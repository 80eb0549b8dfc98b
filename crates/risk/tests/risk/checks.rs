//! Each check passes at its limit and refuses one step beyond it.

use autotrader_domain::{BookSide, Contracts, FeeType, Money, Reason, TimeInForce};
use autotrader_risk::EventExposureMode;

use crate::kit::{World, buy, exit, expect, money, sell};

#[test]
fn the_price_must_be_on_the_grid_of_a_known_market() {
    let world = World::new();
    expect(&world, buy("L-A", 1, "0.40"), None);
    expect(&world, buy("L-A", 1, "0.405"), Some(Reason::OffGrid));
    expect(&world, buy("L-A", 1, "0"), Some(Reason::OffGrid));
    expect(&world, buy("L-A", 1, "1"), Some(Reason::OffGrid));
    expect(&world, buy("L-Z", 1, "0.40"), Some(Reason::OffGrid));
}

#[test]
fn one_unfinished_order_per_contract() {
    let mut world = World::new();
    world.open(buy("L-A", 1, "0.40"));
    expect(&world, buy("L-A", 1, "0.40"), Some(Reason::OrderInFlight));
    expect(&world, sell("L-B", 1, "0.40"), None);
    world.hold("L-A", BookSide::Bid, 5, "0.40");
    expect(&world, exit(sell("L-A", 1, "0.40")), Some(Reason::OrderInFlight));
}

#[test]
fn sizes_are_bounded_for_entries() {
    let mut world = World::new();
    world.limits.max_order_contracts = Contracts::whole(10);
    expect(&world, buy("L-A", 10, "0.40"), None);
    expect(&world, buy("L-A", 11, "0.40"), Some(Reason::SizeLimit));
    expect(&world, buy("L-A", 0, "0.40"), Some(Reason::BelowMinimumSize));
    world.hold("L-A", BookSide::Bid, 50, "0.40");
    expect(&world, exit(sell("L-A", 50, "0.40")), None);
}

#[test]
fn an_exit_closes_what_is_held_and_nothing_else() {
    let mut world = World::new();
    world.hold("L-A", BookSide::Bid, 5, "0.40");
    world.hold("L-B", BookSide::Ask, 5, "0.40");
    expect(&world, exit(sell("L-A", 5, "0.40")), None);
    expect(&world, exit(sell("L-A", 6, "0.40")), Some(Reason::ReduceOnly));
    expect(&world, exit(buy("L-A", 1, "0.40")), Some(Reason::ReduceOnly));
    expect(&world, exit(buy("L-B", 5, "0.40")), None);
    expect(&world, exit(sell("L-B", 1, "0.40")), Some(Reason::ReduceOnly));
    expect(&world, exit(sell("M-1A", 1, "0.40")), Some(Reason::ReduceOnly));
}

#[test]
fn reduce_only_is_immediate_or_cancel() {
    let mut world = World::new();
    world.hold("L-A", BookSide::Bid, 5, "0.40");
    for time_in_force in [
        TimeInForce::FillOrKill,
        TimeInForce::GoodTillCanceled { expires_at: None },
    ] {
        let mut order = exit(sell("L-A", 5, "0.40"));
        order.intent.time_in_force = time_in_force;
        expect(&world, order, Some(Reason::ReduceOnly));
    }
}

#[test]
fn a_limit_may_not_lie_far_beyond_the_book() {
    let mut world = World::new();
    world.limits.price_collar_raw = 500;
    world.show("L-A", "0.40", "0.42");
    expect(&world, buy("L-A", 1, "0.47"), None);
    expect(&world, buy("L-A", 1, "0.48"), Some(Reason::PriceCollar));
    expect(&world, sell("L-A", 1, "0.35"), None);
    expect(&world, sell("L-A", 1, "0.34"), Some(Reason::PriceCollar));
    // A passive price is never too aggressive.
    expect(&world, buy("L-A", 1, "0.01"), None);
    expect(&world, sell("L-A", 1, "0.99"), None);
    expect(&world, buy("L-B", 1, "0.99"), None);
}

#[test]
fn a_contract_has_a_largest_position() {
    let mut world = World::new();
    world.limits.max_position_per_contract = Contracts::whole(10);
    expect(&world, buy("L-A", 10, "0.40"), None);
    expect(&world, buy("L-A", 11, "0.40"), Some(Reason::ContractLimit));
    world.hold("L-A", BookSide::Bid, 6, "0.40");
    expect(&world, buy("L-A", 4, "0.40"), None);
    expect(&world, buy("L-A", 5, "0.40"), Some(Reason::ContractLimit));
    // Selling first closes: 6 YES to 10 NO is 16 sold.
    expect(&world, sell("L-A", 16, "0.40"), None);
    expect(&world, sell("L-A", 17, "0.40"), Some(Reason::ContractLimit));
}

#[test]
fn an_event_has_a_largest_position_gross_or_net() {
    let mut world = World::new();
    world.limits.max_position_per_event = Contracts::whole(20);
    world.hold("M-1A", BookSide::Bid, 6, "0.40");
    world.open(sell("M-2A", 8, "0.40"));
    expect(&world, buy("M-1B", 6, "0.40"), None);
    expect(&world, buy("M-1B", 7, "0.40"), Some(Reason::EventLimit));
    expect(&world, buy("L-A", 20, "0.40"), None);
    expect(&world, buy("2M-1A", 20, "0.40"), None);
    world.limits.event_exposure_mode = EventExposureMode::Net;
    // 6 held and 14 bought; the 8 on sale have not been sold yet.
    expect(&world, buy("M-1B", 14, "0.40"), None);
    expect(&world, buy("M-1B", 15, "0.40"), Some(Reason::EventLimit));
    // Both on sale: 6 − 8 − 18 is 20 NO.
    expect(&world, sell("M-1B", 18, "0.40"), None);
    expect(&world, sell("M-1B", 19, "0.40"), Some(Reason::EventLimit));
}

#[test]
fn the_worst_state_of_a_check_may_lose_so_much() {
    let mut world = World::new();
    world.limits.max_worst_state_loss = money("4");
    expect(&world, buy("L-A", 10, "0.40"), None);
    expect(&world, buy("L-A", 11, "0.40"), Some(Reason::WorstStateLoss));
    expect(&world, sell("L-A", 10, "0.60"), None);
    expect(&world, sell("L-A", 11, "0.60"), Some(Reason::WorstStateLoss));
    // The other series is the same check: A's lab and B's lab cannot both win.
    world.hold("L-A", BookSide::Bid, 10, "0.40");
    expect(&world, buy("L-B", 1, "0.01"), Some(Reason::WorstStateLoss));
    // A hedge is allowed at the limit: it earns where the rest loses.
    expect(&world, sell("M-1A", 1, "0.90"), None);
    // Another check is another matter.
    expect(&world, buy("2M-1A", 10, "0.40"), None);
}

#[test]
fn a_lab_has_a_largest_cost_across_series() {
    let mut world = World::new();
    world.limits.max_lab_exposure = money("10");
    world.hold("M-1A", BookSide::Bid, 10, "0.30");
    world.open(sell("M-2A", 10, "0.60"));
    // 3 held and 4 on order leave 3.
    expect(&world, buy("L-A", 10, "0.30"), None);
    expect(&world, buy("L-A", 11, "0.30"), Some(Reason::LabLimit));
    expect(&world, buy("L-B", 33, "0.30"), None);
    // Other checks of the same lab count too.
    expect(&world, buy("2M-1A", 11, "0.30"), Some(Reason::LabLimit));
}

#[test]
fn cost_is_bounded_by_equity() {
    let mut world = World::new();
    world.equity = Money::dollars(100);
    world.limits.max_portfolio_exposure_bp = 6_000;
    world.hold("M-1A", BookSide::Bid, 100, "0.50");
    expect(&world, buy("L-B", 20, "0.50"), None);
    expect(&world, buy("L-B", 21, "0.50"), Some(Reason::PortfolioLimit));
    world.equity = money("-1");
    expect(&world, buy("L-B", 1, "0.01"), Some(Reason::PortfolioLimit));
}

#[test]
fn collateral_covers_the_order_and_its_fee() {
    let mut world = World::new();
    // 10 at 0.50 cost 5 dollars and a fee of 0.175.
    world.portfolio.cash = money("5.175");
    expect(&world, buy("L-A", 10, "0.50"), None);
    world.portfolio.cash = money("5.174999");
    expect(
        &world,
        buy("L-A", 10, "0.50"),
        Some(Reason::InsufficientCollateral),
    );
    // What open orders may use is not spendable: 4 at 0.50 cost 2 dollars and a fee of 0.07.
    world.portfolio.cash = money("7.245");
    world.open(sell("L-B", 4, "0.50"));
    expect(&world, buy("L-A", 10, "0.50"), None);
    world.portfolio.cash = money("7.244999");
    expect(
        &world,
        buy("L-A", 10, "0.50"),
        Some(Reason::InsufficientCollateral),
    );
}

#[test]
fn fees_that_cannot_be_priced_are_not_paid() {
    let world = World::new();
    let mut order = buy("L-A", 1, "0.50");
    order.intent.fees.fee_type = FeeType::Unsupported;
    expect(&world, order, Some(Reason::FeesUnsupported));
}

#[test]
fn limits_of_entries_do_not_stop_an_exit() {
    let mut world = World::new();
    world.hold("M-1A", BookSide::Bid, 500, "0.50");
    world.hold("L-A", BookSide::Ask, 500, "0.50");
    world.limits.max_order_contracts = Contracts::ZERO;
    world.limits.max_position_per_contract = Contracts::ZERO;
    world.limits.max_position_per_event = Contracts::ZERO;
    world.limits.max_worst_state_loss = Money::ZERO;
    world.limits.max_lab_exposure = Money::ZERO;
    world.limits.max_portfolio_exposure_bp = 0;
    world.limits.max_orders_per_minute = 0;
    world.portfolio.cash = money("-5");
    world.equity = money("-100");
    expect(&world, exit(sell("M-1A", 500, "0.01")), None);
    expect(&world, exit(buy("L-A", 1, "0.99")), None);
}

#[test]
fn a_refusal_says_how_much_of_how_much() {
    let mut world = World::new();
    world.limits.max_position_per_contract = Contracts::whole(10);
    let refusal = world.review(buy("L-A", 11, "0.40")).unwrap_err();
    assert_eq!(refusal.detail, "11.00 of 10.00 contracts.");
    world.limits.max_worst_state_loss = money("4");
    world.limits.max_position_per_contract = Contracts::whole(100);
    let refusal = world.review(buy("L-A", 11, "0.40")).unwrap_err();
    assert_eq!(
        refusal.detail,
        "The worst state's loss would be 4.400000 of 4.000000 dollars."
    );
}
