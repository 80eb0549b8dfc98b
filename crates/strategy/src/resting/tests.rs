//! Tables and properties of what rests.

use super::*;
use autotrader_domain::{
    Claim, FeeRounding, FeeSchedule, Generation, Intent, Level, MarketStatus, PriceGrid, PriceRange,
};
use chrono::TimeDelta;
use proptest::prelude::*;
use rstest::rstest;

fn start() -> DateTime<Utc> {
    DateTime::UNIX_EPOCH + TimeDelta::days(20_000)
}

fn price(text: &str) -> Price {
    text.parse().unwrap()
}

fn fees(schedule: FeeSchedule) -> FeeTerms {
    FeeTerms {
        schedule,
        rounding: FeeRounding::Direct,
    }
}

fn book(bid: &str, ask: &str) -> Book {
    let level = |price| {
        vec![Level {
            price,
            size: Contracts::whole(50),
        }]
    };
    let (bids, asks) = (
        if bid.is_empty() { vec![] } else { level(price(bid)) },
        if ask.is_empty() {
            vec![]
        } else {
            level(price(ask).complement())
        },
    );
    Book::new("T".parse().unwrap(), start(), bids, asks).unwrap()
}

fn tenths() -> PriceGrid {
    PriceGrid::new(vec![PriceRange {
        start: Price::ZERO,
        end: Price::ONE,
        step: price("0.001"),
    }])
    .unwrap()
}

fn market(grid: PriceGrid) -> Market {
    Market {
        ticker: "T".parse().unwrap(),
        event: "E".parse().unwrap(),
        series: "S".parse().unwrap(),
        status: MarketStatus::Active,
        close_time: start() + TimeDelta::days(1),
        grid,
        fees: FeeSchedule::QUADRATIC,
        rules_primary: String::new(),
        rules_secondary: String::new(),
        strike_model: None,
        yes_sub_title: String::new(),
        exchange_index: 0,
        result: None,
        settlement_value: None,
    }
}

#[rstest]
// Worth .50 and three cents wanted: .47 at most for a bid, .53 at least for an ask.
#[case::improves_by_a_tick(BookSide::Bid, "0.44", "0.48", Ok("0.45"))]
#[case::joins_where_improving_costs_the_edge(BookSide::Bid, "0.47", "0.49", Ok("0.47"))]
#[case::never_takes(BookSide::Bid, "0.46", "0.47", Ok("0.46"))]
#[case::not_behind_the_best(BookSide::Bid, "0.48", "0.50", Err(Reason::NoEdge))]
#[case::ask_improves(BookSide::Ask, "0.52", "0.56", Ok("0.55"))]
#[case::ask_joins(BookSide::Ask, "0.50", "0.53", Ok("0.53"))]
#[case::ask_never_takes(BookSide::Ask, "0.54", "0.55", Ok("0.55"))]
#[case::ask_not_behind(BookSide::Ask, "0.50", "0.52", Err(Reason::NoEdge))]
#[case::nobody_asks(BookSide::Bid, "0.44", "", Err(Reason::OneSidedBook))]
#[case::nobody_bids(BookSide::Ask, "", "0.56", Err(Reason::OneSidedBook))]
fn the_limit_improves_or_joins_and_keeps_the_edge(
    #[case] side: BookSide,
    #[case] bid: &str,
    #[case] ask: &str,
    #[case] expected: Result<&str, Reason>,
) {
    let market = market(PriceGrid::whole_cents());
    let fees = fees(FeeSchedule::QUADRATIC);
    let found = resting_limit(&book(bid, ask), &market, side, 0.50, 0.03, fees);
    assert_eq!(found, expected.map(price));
}

#[test]
fn the_makers_fee_counts_and_the_grid_gives_the_tick() {
    // .4690 with a fee of .0044 would leave .0266 of the three cents; .4650 leaves .0306.
    let market = market(tenths());
    let found = |bid: &str, schedule| {
        resting_limit(
            &book(bid, "0.49"),
            &market,
            BookSide::Bid,
            0.50,
            0.03,
            fees(schedule),
        )
    };
    assert_eq!(found("0.464", FeeSchedule::WITH_MAKER_FEES), Ok(price("0.465")));
    assert_eq!(found("0.468", FeeSchedule::WITH_MAKER_FEES), Err(Reason::NoEdge));
    assert_eq!(found("0.468", FeeSchedule::QUADRATIC), Ok(price("0.469")));
}

#[test]
fn an_order_that_rests_is_sized_at_its_own_price_and_pays_the_makers_fee() {
    let demand = |schedule| Demand {
        yes: 0.50,
        side: BookSide::Bid,
        wanted: 45.5,
        min_edge: 0.03,
        min_order: Contracts::whole(1),
        max_order: Contracts::whole(100),
        fees: fees(schedule),
    };
    let room = Room {
        contract: Contracts::whole(100),
        event: Contracts::whole(250),
        lab: Money::dollars(1_000),
        cash: Money::dollars(1_000),
    };
    let free = size_resting(price("0.45"), &demand(FeeSchedule::QUADRATIC), &room).unwrap();
    assert_eq!(
        (free.contracts, free.edge.fees, free.bound),
        (Contracts::whole(45), Money::ZERO, Reason::AtTarget)
    );
    let charged = size_resting(price("0.45"), &demand(FeeSchedule::WITH_MAKER_FEES), &room).unwrap();
    assert!(charged.edge.per_contract < free.edge.per_contract && charged.edge.fees > Money::ZERO);
    let penniless = Room {
        cash: Money::ZERO,
        ..room
    };
    assert_eq!(
        size_resting(price("0.45"), &demand(FeeSchedule::QUADRATIC), &penniless),
        Err(Reason::InsufficientCollateral)
    );
    assert_eq!(
        size_resting(price("0.48"), &demand(FeeSchedule::QUADRATIC), &room),
        Err(Reason::NoEdge)
    );
}

#[rstest]
// Resting orders are gone five minutes and five seconds before the end.
#[case::a_lifetime(3_600_000, Some(300))]
#[case::whole_seconds_rounded_down(3_600_900, Some(299))]
#[case::cut_short(500_000, Some(195))]
#[case::not_worth_it(366_000, Some(61))]
#[case::too_soon(365_000, None)]
#[case::after_the_end(-1_000, None)]
fn an_expiry_is_never_later_than_the_cut_off(#[case] milliseconds_to_end: i64, #[case] seconds: Option<i64>) {
    let end = start() + TimeDelta::hours(2);
    let at = end - TimeDelta::milliseconds(milliseconds_to_end);
    let found = expiry(at, end, &RestingParams::default(), &TimingParams::default());
    assert_eq!(found.map(|expires| (expires - at).num_seconds()), seconds);
    assert!(found.is_none_or(|expires| expires.timestamp_subsec_nanos() == 0));
}

/// A bid for 20 at .45 made at the start, five minutes of life.
fn order() -> Order {
    Order {
        client_order_id: "kat1-1".parse().unwrap(),
        generation: Generation(1),
        venue_order_id: None,
        intent: Intent {
            ticker: "T".parse().unwrap(),
            event: "E".parse().unwrap(),
            series: "S".parse().unwrap(),
            claim: Claim::Organization {
                organization: "Lab".into(),
            },
            side: BookSide::Bid,
            contracts: Contracts::whole(20),
            limit: price("0.45"),
            time_in_force: TimeInForce::GoodTillCanceled {
                expires_at: Some(start() + TimeDelta::minutes(5)),
            },
            purpose: Purpose::Entry,
            fees: FeeSchedule::QUADRATIC,
            check_time: start() + TimeDelta::days(1),
            post_only: true,
            edge: Money::ZERO,
            strategy: "test".into(),
            rationale: "test".into(),
        },
        reduce_only: false,
        state: OrderState::Resting,
        filled: Contracts::ZERO,
        created_at: start(),
        updated_at: start(),
        reject_reason: None,
    }
}

fn rest(limit: &str, contracts: u32) -> Wanted {
    Wanted::Resting {
        side: BookSide::Bid,
        limit: price(limit),
        contracts: Contracts::whole(contracts),
        expires_at: start() + TimeDelta::minutes(20),
    }
}

const fn nothing(reason: Reason) -> Wanted {
    Wanted::Nothing(reason)
}

#[rstest]
#[case::as_wanted(60, Some(0.05), rest("0.45", 20), Life::Keep)]
#[case::less_than_a_step(60, Some(0.05), rest("0.459", 20), Life::Keep)]
#[case::a_step_up(60, Some(0.05), rest("0.46", 20), Life::Reprice)]
#[case::a_step_down(60, Some(0.05), rest("0.44", 20), Life::Reprice)]
#[case::too_young_to_follow(19, Some(0.05), rest("0.44", 20), Life::Keep)]
#[case::old_enough_to_follow(20, Some(0.05), rest("0.44", 20), Life::Reprice)]
#[case::a_little_more(60, Some(0.05), rest("0.45", 25), Life::Keep)]
#[case::much_more(60, Some(0.05), rest("0.45", 26), Life::Resize)]
#[case::a_little_less(60, Some(0.05), rest("0.45", 15), Life::Keep)]
#[case::much_less(60, Some(0.05), rest("0.45", 14), Life::Resize)]
#[case::too_young_to_resize(19, Some(0.05), rest("0.45", 99), Life::Keep)]
#[case::an_edge_above_the_floor(5, Some(0.02), rest("0.44", 20), Life::Keep)]
#[case::lost_its_edge_however_young(5, Some(0.019), rest("0.44", 20), Life::Reprice)]
#[case::without_a_value(5, None, rest("0.44", 20), Life::Reprice)]
#[case::not_yet_due(239, Some(0.05), rest("0.45", 20), Life::Keep)]
#[case::due(240, Some(0.05), rest("0.45", 20), Life::Renew)]
#[case::late(299, Some(0.05), rest("0.45", 20), Life::Renew)]
#[case::the_other_side(
    5, Some(0.05),
    Wanted::Resting { side: BookSide::Ask, limit: price("0.60"), contracts: Contracts::whole(20), expires_at: start() },
    Life::Withdraw(Reason::NoEdge)
)]
#[case::something_to_take(5, Some(0.05), Wanted::Immediate, Life::MakeWay)]
#[case::a_guard(5, Some(0.05), nothing(Reason::HeldBoard), Life::Withdraw(Reason::HeldBoard))]
#[case::at_target(5, Some(0.05), nothing(Reason::AtTarget), Life::Withdraw(Reason::AtTarget))]
#[case::no_new_one_but_this_one_pays(60, Some(0.02), nothing(Reason::NoEdge), Life::Keep)]
#[case::no_edge_left(60, Some(0.019), nothing(Reason::NoEdge), Life::Withdraw(Reason::NoEdge))]
#[case::not_renewed_without_edge(240, Some(0.02), nothing(Reason::NoEdge), Life::Withdraw(Reason::NoEdge))]
fn an_order_is_kept_renewed_repriced_or_withdrawn(
    #[case] age: i64,
    #[case] edge: Option<f64>,
    #[case] wanted: Wanted,
    #[case] expected: Life,
) {
    let at = start() + TimeDelta::seconds(age);
    let found = life(&order(), &wanted, edge, 0.03, at, &RestingParams::default());
    assert_eq!(found, expected);
}

#[test]
fn what_was_filled_does_not_count_towards_the_size() {
    let half = Order {
        filled: Contracts::whole(10),
        state: OrderState::PartiallyFilled,
        ..order()
    };
    let at = start() + TimeDelta::minutes(1);
    let judged = |contracts| {
        life(
            &half,
            &rest("0.45", contracts),
            Some(0.05),
            0.03,
            at,
            &RestingParams::default(),
        )
    };
    assert_eq!((judged(10), judged(20)), (Life::Keep, Life::Resize));
}

#[test]
fn an_order_whose_end_is_the_cut_off_is_not_renewed_for_nothing() {
    let mut last = order();
    let expires_at = start() + TimeDelta::minutes(5);
    last.intent.time_in_force = TimeInForce::GoodTillCanceled {
        expires_at: Some(expires_at),
    };
    let wanted = Wanted::Resting {
        side: BookSide::Bid,
        limit: price("0.45"),
        contracts: Contracts::whole(20),
        expires_at,
    };
    let at = start() + TimeDelta::minutes(4);
    let params = RestingParams::default();
    assert_eq!(life(&last, &wanted, Some(0.05), 0.03, at, &params), Life::Keep);
    last.intent.time_in_force = TimeInForce::GoodTillCanceled { expires_at: None };
    assert_eq!(
        life(&last, &wanted, Some(0.05), 0.03, start(), &params),
        Life::Renew,
        "one that would outlive us is replaced at once"
    );
}

#[test]
fn only_entries_on_the_book_rest() {
    assert!(rests(&order()));
    for state in [
        OrderState::Intended,
        OrderState::Sent,
        OrderState::Unknown,
        OrderState::Canceled,
    ] {
        assert!(!rests(&Order { state, ..order() }), "{state:?}");
    }
    let mut immediate = order();
    immediate.intent.time_in_force = TimeInForce::ImmediateOrCancel;
    assert!(!rests(&immediate));
}

fn any_wanted() -> impl Strategy<Value = Wanted> {
    let reasons = prop::sample::select(Reason::ALL);
    prop_oneof![
        reasons.prop_map(Wanted::Nothing),
        Just(Wanted::Immediate),
        (any::<bool>(), 1i64..9_999, 1u32..60, 60i64..900).prop_map(|(bid, raw, contracts, seconds)| {
            Wanted::Resting {
                side: if bid { BookSide::Bid } else { BookSide::Ask },
                limit: Price::from_raw(raw).unwrap(),
                contracts: Contracts::whole(contracts),
                expires_at: start() + TimeDelta::seconds(seconds),
            }
        }),
    ]
}

proptest! {
    #[test]
    fn what_is_kept_pays_is_allowed_and_is_near_what_is_wanted(
        age in 0i64..400,
        edge in prop::option::of(-0.05f64..0.10),
        wanted in any_wanted(),
        filled in 0u32..20,
    ) {
        let params = RestingParams::default();
        let order = Order { filled: Contracts::whole(filled), ..order() };
        let at = start() + TimeDelta::seconds(age);
        let judged = life(&order, &wanted, edge, 0.03, at, &params);
        prop_assert_eq!(judged, life(&order, &wanted, edge, 0.03, at, &params));
        if judged != Life::Keep {
            return Ok(());
        }
        prop_assert!(edge.is_some_and(|edge| edge > 0.0), "kept without an edge");
        match wanted {
            Wanted::Nothing(reason) => prop_assert_eq!(reason, Reason::NoEdge),
            Wanted::Immediate => prop_assert!(false, "kept in the way of something immediate"),
            Wanted::Resting { side, limit, expires_at, .. } => {
                prop_assert_eq!(side, BookSide::Bid);
                let ends = start() + params.lifetime;
                // Near its end it is kept only when another would not last longer.
                prop_assert!(ends - at > params.renewal_margin || expires_at <= ends);
                let near = (limit.raw() - order.intent.limit.raw()).abs() < params.reprice_step.raw();
                let due = ends - at <= params.renewal_margin;
                prop_assert!(near || due || TimeDelta::seconds(age) < params.least_age);
            }
        }
    }
}
