//! The worked examples of the trading rules, each with the numbers that were published for it. Fees there are rounded up to
//! the cent for every level, so they are here.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test stops at the first surprise"
)]
#![allow(dead_code, reason = "the scene is shared between test files")]

mod scene;

use std::path::Path;

use autotrader_domain::{
    Book, BookSide, Contracts, FeeRounding, FeeSchedule, Level, Liquidity, Mid, Money, Reason,
};
use autotrader_strategy::coherence::{Leg, buy_organization, sell_each, sell_organization};
use autotrader_strategy::edge::{FeeTerms, level_edge, net_edge};
use autotrader_strategy::exits::{Holding, size_exit};
use autotrader_strategy::fair::case::Case;
use autotrader_strategy::guards;
use autotrader_strategy::kelly::{Offer, OfferLevel, States, growth_optimal};
use autotrader_strategy::params::{BoardWalkParams, EstimatorKind, GuardParams};
use autotrader_strategy::pool::pool;
use autotrader_strategy::prior::MarketPrior;
use chrono::{DateTime, TimeDelta};
use rstest::rstest;
use scene::{ROWS, Scene, board, deeds, enters, line, net, owned, price};

fn at(text: &str, size: u32) -> Level {
    Level {
        price: price(text),
        size: Contracts::whole(size),
    }
}

const MODELS: FeeTerms = FeeTerms {
    schedule: FeeSchedule::QUADRATIC,
    rounding: FeeRounding::Cent,
};

#[rstest]
#[case(Liquidity::Taker, 100, "0.50", "1.75")]
#[case(Liquidity::Taker, 1, "0.50", "0.02")]
#[case(Liquidity::Taker, 100, "0.97", "0.21")]
#[case(Liquidity::Taker, 10, "0.03", "0.03")]
#[case(Liquidity::Taker, 100, "0.07", "0.46")]
#[case(Liquidity::Maker, 100, "0.50", "0.44")]
fn fees_are_rounded_up_to_the_cent(
    #[case] liquidity: Liquidity,
    #[case] size: u32,
    #[case] at: &str,
    #[case] fee: &str,
) {
    let labs = FeeSchedule::WITH_MAKER_FEES;
    let charged = labs.fee(liquidity, price(at), Contracts::whole(size), FeeRounding::Cent);
    assert_eq!(charged, Some(fee.parse().unwrap()));
}

#[test]
fn makers_pay_nothing_on_models() {
    assert_eq!(
        MODELS.maker(price("0.50"), Contracts::whole(100)),
        Some(Money::ZERO)
    );
}

/// The win rate a contract at 97 cents needs depends on how many are bought.
#[rstest]
#[case(1, 0.980)]
#[case(100, 0.9721)]
fn a_contract_at_ninety_seven_cents_needs_to_win_that_often(#[case] size: u32, #[case] breaks_even: f64) {
    let edge = level_edge(breaks_even, BookSide::Bid, at("0.97", size), MODELS).unwrap();
    assert!(edge.abs() < 1e-9, "{edge}");
}

#[test]
fn a_walk_over_two_levels_nets_seven_and_three_quarter_cents() {
    let taken = net_edge(0.90, BookSide::Bid, &[at("0.80", 50), at("0.82", 70)], MODELS).unwrap();
    assert_eq!(taken.fees, "1.29".parse().unwrap());
    assert!((100.0 * taken.per_contract - 7.76).abs() < 0.005, "{taken:?}");
}

#[rstest]
#[case(0.90, "0.86", "0.87")]
#[case(0.60, "0.55", "0.56")]
fn the_highest_price_with_three_cents_left(#[case] p: f64, #[case] most: &str, #[case] beyond: &str) {
    let edge = |text: &str| level_edge(p, BookSide::Bid, at(text, 100), MODELS).unwrap();
    assert!(edge(most) >= 0.03 && edge(beyond) < 0.03);
}

#[test]
fn the_pool_lies_nearer_to_the_market() {
    let pooled = pool(0.90, MarketPrior::Point(0.80), 0.3, 0.0);
    assert!((pooled - 0.836).abs() < 5e-4, "{pooled}");
}

/// The published case of 2026-08-21 a week ahead: the leader is bought at what more arrivals leave of it, a challenger at
/// what fewer do.
#[test]
fn entries_are_priced_at_the_worse_end_of_arrivals() {
    let Some(case) = published("2026-08-21", 7.0) else {
        println!("skipped: the published cases are not beside the checkout");
        return;
    };
    let of = |arrivals: f64| {
        let mut case = case.clone();
        case.lambda_per_day *= arrivals;
        case.other_rate *= arrivals;
        case.org_rates.values_mut().for_each(|rate| *rate *= arrivals);
        let forecast = case.price().unwrap();
        let leader = &case.candidates[0].model;
        let won = forecast.models().find(|(name, _)| name == leader).unwrap().1;
        (won, forecast.unlisted())
    };
    // 1/sqrt(n_eff + a) with 1.96 contenders remembered and a prior that weighs 2.
    let cv = 1.0 / (1.96f64 + 2.0).sqrt();
    let ((leader, _), (worse, _), (_, fewer)) = (of(1.0), of(1.0 + cv), of(1.0 - cv));
    assert!((leader - 0.775).abs() < 5e-4, "{leader}");
    assert!((worse - 0.737).abs() < 1e-3, "{worse}");
    assert!(
        fewer < 0.104,
        "an arrival is bought at what fewer of them leave: {fewer}"
    );
}

#[expect(
    clippy::disallowed_methods,
    reason = "where captures are is told to tests by the environment"
)]
fn published(date: &str, days: f64) -> Option<Case> {
    let shared = std::env::var_os("AUTOTRADER_SHARED").map_or_else(
        || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared"),
        Into::into,
    );
    let text = std::fs::read_to_string(shared.join("reference/quant_golden.json")).ok()?;
    let golden: serde_json::Value = serde_json::from_str(&text).unwrap();
    let cases = golden["cases"].as_array().unwrap().iter().cloned();
    let mut cases = cases.map(|case| serde_json::from_value::<Case>(case).unwrap());
    cases.find(|case| case.date.as_deref() == Some(date) && (case.h_days - days).abs() < 1e-9)
}

/// Every missing input takes a cent: it is asked for as edge.
#[rstest]
#[case::everything_known(true, 6, 0)]
#[case::no_votes(false, 6, 1)]
#[case::an_old_board(true, 24 * 6, 1)]
#[case::both(false, 24 * 6, 2)]
fn inputs_that_are_missing_are_counted(#[case] votes: bool, #[case] hours: i64, #[case] missing: u32) {
    let mut scene = Scene::news();
    scene.standing.news_at = None;
    let vintage = scene.at - TimeDelta::hours(hours);
    scene.accept(|accepted| {
        accepted.vintage.0 = vintage;
        let mut rows = board(&owned(&ROWS));
        if !votes {
            rows.entries[1].votes = None;
        }
        accepted.board = std::sync::Arc::new(rows);
    });
    let accepted = scene.standing.accepted.clone().unwrap();
    let walk = BoardWalkParams::default();
    assert_eq!(guards::missing_inputs(&accepted, scene.at, &walk), missing);
}

#[test]
fn a_missing_input_asks_for_a_cent_more() {
    // At .45 the edge of the worse end is four cents and a little: enough with three asked for, not with five.
    let mut scene = Scene::news();
    scene.standing.news_at = Some(scene.at - TimeDelta::hours(12));
    for (ticker, bid, ask) in [
        ("KXTOPMODEL-26SEP28-AUR6", "0.43", "0.45"),
        ("KXTOPMODEL-26SEP28-BOR5", "0.18", "0.20"),
        ("KXLLM1-26SEP28-NOR", "0.82", "0.84"),
        ("KXLLM1-26SEP28-CON", "0.13", "0.15"),
    ] {
        scene.quote(ticker, bid, ask);
    }
    assert!(enters(line(&scene.evaluate(), "KXTOPMODEL-26SEP28-AUR6")));
    let old = scene.at - TimeDelta::days(6);
    scene.accept(|accepted| {
        accepted.vintage.0 = old;
        std::sync::Arc::make_mut(&mut accepted.board).entries[1].votes = None;
    });
    let why = scene.evaluate();
    assert_eq!(line(&why, "KXTOPMODEL-26SEP28-AUR6").reason, Some(Reason::NoEdge));
}

/// Asks .60, .10 and .06 where the probabilities are .70, .16 and .05.
#[test]
fn a_quarter_of_the_growth_optimal_sizes() {
    let cost = |ask: f64| ask + 0.07 * ask * (1.0 - ask);
    let offers: Vec<Offer> = [0.60, 0.10, 0.06]
        .iter()
        .enumerate()
        .map(|(won, ask)| Offer {
            pays: (0..4).map(|state| if state == won { 1.0 } else { 0.0 }).collect(),
            levels: vec![OfferLevel {
                cost: cost(*ask),
                size: 1e6,
            }],
        })
        .collect();
    let of = |at_risk: f64| {
        let states = States {
            probabilities: vec![0.70, 0.16, 0.05, 0.09],
            wealth: vec![at_risk; 4],
            floor: 0.0,
        };
        growth_optimal(&states, &offers)
    };
    let shares: Vec<f64> = of(1_000.0)
        .iter()
        .zip(&offers)
        .map(|(contracts, offer)| contracts * offer.levels[0].cost / 1_000.0)
        .collect();
    for (share, published) in shares.iter().zip([0.4393, 0.1151, 0.0229]) {
        assert!((share - published).abs() < 1e-4, "{shares:?}");
    }
    let quarter: Vec<f64> = of(250.0).iter().map(|contracts| contracts.floor()).collect();
    assert_eq!(quarter, [178.0, 270.0, 89.0]);
}

fn legs(prices: &[&str]) -> Vec<Leg> {
    let leg = |text: &&str| Leg {
        level: at(text, 100),
        fees: MODELS,
    };
    prices.iter().map(leg).collect()
}

#[test]
fn bids_that_sum_to_more_than_a_dollar() {
    let found = sell_each(&legs(&["0.74", "0.06", "0.05", "0.20"])).unwrap();
    assert!((100.0 * found.net - 1.79).abs() < 0.005, "{found:?}");
    assert_eq!(found.capital, "2.95".parse().unwrap());
}

#[test]
fn an_organisation_and_its_models() {
    let (bid, ask) = (legs(&["0.93"])[0], legs(&["0.95"])[0]);
    let sold = sell_organization(bid, &legs(&["0.76", "0.10", "0.03"]), 0.0).unwrap();
    let bought = buy_organization(ask, &legs(&["0.75", "0.16", "0.06"])).unwrap();
    assert!((100.0 * sold.net - 1.42).abs() < 0.005, "{sold:?}");
    assert!((100.0 * bought.net + 1.01).abs() < 0.005, "{bought:?}");
}

/// Six asks of one event sum to .90, and a model without a contract pays nobody: that is no edge, whoever prices, for
/// somebody who believes the market.
#[rstest]
#[case(EstimatorKind::BoardWalk)]
#[case(EstimatorKind::Persistence)]
#[case(EstimatorKind::RankTable)]
fn asks_that_sum_to_less_than_a_dollar_are_no_edge(
    #[case] estimator: EstimatorKind,
    #[values(true, false)] news: bool,
) {
    let mut scene = Scene::at_rest(board(&owned(&ROWS)));
    scene.params.estimator = estimator;
    scene.params.pool.weight_at_rest = 0.0;
    scene.params.pool.weight_fresh = 0.0;
    scene.params.guards.max_gap = 1.0;
    scene.standing.news_at = news.then_some(scene.at);
    let asks = ["0.74", "0.06", "0.05", "0.02", "0.02", "0.01"];
    let bids = ["0.72", "0.04", "0.03", "0.01", "0.01", ""];
    for ((row, ask), bid) in ROWS.iter().zip(asks).zip(bids) {
        let suffix = row.0.replace('-', "");
        scene.list_model(&format!("KXTOPMODEL-26SEP28-{suffix}"), row.0, bid, ask);
    }
    let evaluation = scene.evaluate();
    assert_eq!(deeds(&evaluation), Vec::<String>::new());
    assert!(
        evaluation
            .why
            .iter()
            .all(|why| why.edge.is_none_or(|edge| edge < 0.0)),
        "{:?}",
        evaluation
            .why
            .iter()
            .map(|why| (&why.ticker, why.edge))
            .collect::<Vec<_>>()
    );
    assert!(evaluation.why.iter().all(|why| why.wanted.is_none()));
    assert_eq!(evaluation.coherence, []);
}

#[rstest]
#[case("0.97", true)]
#[case("0.955", false)]
fn a_position_worth_ninety_six_cents_is_sold_above_it_only(#[case] bid: &str, #[case] sells: bool) {
    let no_asks = vec![];
    let book = Book::new(
        "T".parse().unwrap(),
        DateTime::UNIX_EPOCH,
        vec![at(bid, 100)],
        no_asks,
    )
    .unwrap();
    let holding = Holding {
        net: net("100"),
        reducible: Contracts::whole(100),
        yes: 0.96,
        // The rule in its bare form: proceeds after the fee against what holding is worth.
        half_spread: 0.0,
        min_hysteresis: 0.0,
        fees: MODELS,
    };
    assert_eq!(size_exit(&book, &holding).is_some(), sells);
}

/// Refreshes come every 3.5 days or so: within a few hours hardly one is to come, over four days one is.
#[rstest]
#[case(TimeDelta::hours(6), true)]
#[case(TimeDelta::days(4), false)]
fn with_hardly_a_refresh_to_come_nothing_is_added(#[case] horizon: TimeDelta, #[case] nothing: bool) {
    let walk = BoardWalkParams::default();
    assert_eq!(
        guards::nothing_to_come(horizon, &GuardParams::default(), &walk),
        nothing
    );
}

/// With no refresh due a leader falls to arrivals only: it keeps at least `exp(-rate * days)`.
#[test]
fn a_leader_falls_to_nothing_but_arrivals_where_no_refresh_is_due() {
    let Some(mut case) = published("2026-08-21", 7.0) else {
        println!("skipped: the published cases are not beside the checkout");
        return;
    };
    case.h_days = 1.0;
    // A leader far ahead of the others, whom a refresh could not bring down either.
    case.candidates[0].score += 60.0;
    let forecast = case.price().unwrap();
    let name = &case.candidates[0].model;
    let leader = forecast.models().find(|(model, _)| model == name).unwrap().1;
    assert!(leader >= (-case.lambda_per_day).exp() - 1e-9, "{leader}");
}

#[rstest]
#[case(0.55, 0.80, false, false)]
#[case(0.54, 0.80, false, true)]
#[case(0.30, 0.80, true, false)]
fn twenty_five_points_between_model_and_market_mean_missed_news(
    #[case] model: f64,
    #[case] market: f64,
    #[case] fresh: bool,
    #[case] missed: bool,
) {
    assert_eq!(
        guards::gap_too_large(model, market, fresh, &GuardParams::default()),
        missed
    );
}

#[test]
fn a_mid_of_an_empty_book_is_no_price() {
    let empty = Book::new("T".parse().unwrap(), DateTime::UNIX_EPOCH, vec![], vec![]).unwrap();
    assert!(matches!(empty.mid(), Mid::Interval { .. }));
    assert_eq!(MarketPrior::from_mid(empty.mid()), MarketPrior::UNKNOWN);
}
