//! What holds for every board, book and account.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test stops at the first surprise"
)]
#![allow(dead_code, reason = "the scene is shared between test files")]

mod scene;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use autotrader_domain::{
    BookSide, ChallengeKind, Contracts, HoldReason, Money, OrderState, Purpose, Reason, Side,
};
use autotrader_settlement::{Board, RuleSet};
use autotrader_strategy::fair::{ArrivalRates, Question, RankedBoard, estimators, forecast};
use autotrader_strategy::params::EstimatorKind;
use chrono::TimeDelta;
use proptest::prelude::*;
use scene::{Scene, board, deeds, enters, price};

const LABS: [&str; 4] = ["Northwind", "Contoso", "Fabrikam", "Tailspin"];

/// Boards of up to forty models with distinct names, some preliminary, some without a lab or a rank.
fn any_board() -> impl Strategy<Value = Board> {
    let row = (
        0usize..5,
        1300.0f64..1500.0,
        0.5f64..30.0,
        any::<bool>(),
        0u8..10,
        0i64..50_000,
    );
    prop::collection::vec(row, 1..40).prop_map(|rows| {
        let owned: Vec<_> = rows
            .iter()
            .enumerate()
            .map(|(i, (lab, score, half, ..))| {
                let lab = LABS.get(*lab).copied().unwrap_or("").to_owned();
                (format!("model-{i}"), lab, *score, *half)
            })
            .collect();
        let mut board = board(&owned);
        for (entry, (_, _, _, preliminary, gone, votes)) in board.entries.iter_mut().zip(&rows) {
            entry.preliminary = *preliminary;
            entry.votes = Some(*votes);
            if *gone == 0 {
                entry.rank_ub = None;
            }
        }
        board
    })
}

/// A market of the scene: which name it is on, its quotes and what is held.
#[derive(Debug, Clone)]
struct Listed {
    bid: i64,
    spread: i64,
    held: i32,
}

fn any_listed() -> impl Strategy<Value = Listed> {
    (1i64..90, 1i64..9, prop_oneof![Just(0), -120i32..120]).prop_map(|(bid, spread, held)| Listed {
        bid,
        spread,
        held,
    })
}

prop_compose! {
    fn any_scene()(
        board in any_board(),
        models in prop::collection::vec(any_listed(), 1..8),
        labs in prop::collection::vec(any_listed(), 0..4),
        fresh in prop::option::of(0i64..90),
        cash in 0i32..2_000,
        persistence: bool,
        hours in 0i64..200,
    ) -> Scene {
        let mut scene = Scene::at_rest(board);
        scene.move_to(scene::check() - TimeDelta::minutes(hours * 60 + 11));
        scene.accept(|accepted| accepted.vintage = autotrader_domain::Vintage(scene::check() - TimeDelta::hours(201)));
        scene.standing.news_at = fresh.map(|minutes| scene.at - TimeDelta::minutes(minutes));
        scene.portfolio.cash = Money::dollars(cash);
        scene.params.guards.mapped_top = 0;
        scene.params.guards.min_mid_sum = 0.0;
        scene.params.guards.max_mid_sum = 9.0;
        scene.params.guards.ambiguous_gap = 0.0;
        if persistence {
            scene.params.estimator = EstimatorKind::Persistence;
        }
        for (i, listed) in models.iter().enumerate() {
            list(&mut scene, &format!("KXTOPMODEL-26SEP28-M{i}"), &format!("model-{i}"), listed, true);
        }
        for (lab, listed) in LABS.iter().zip(&labs) {
            list(&mut scene, &format!("KXLLM1-26SEP28-{lab}"), lab, listed, false);
        }
        scene
    }
}

fn list(scene: &mut Scene, ticker: &str, name: &str, listed: &Listed, model: bool) {
    let cents = |cents: i64| format!("{:.2}", cents as f64 / 100.0);
    let (bid, ask) = (cents(listed.bid), cents(listed.bid + listed.spread));
    if model {
        scene.list_model(ticker, name, &bid, &ask);
    } else {
        scene.list_lab(ticker, name, &bid, &ask);
    }
    if listed.held != 0 {
        let side = if listed.held > 0 {
            BookSide::Bid
        } else {
            BookSide::Ask
        };
        scene.hold(ticker, side, &listed.held.unsigned_abs().to_string(), &bid);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(192))]

    #[test]
    fn a_model_that_settles_before_another_is_worth_at_least_as_much_at_the_same_rank(board in any_board()) {
        let params = autotrader_strategy::Params {
            estimator: EstimatorKind::RankTable,
            ..autotrader_strategy::Params::default()
        };
        let mut board = board;
        for entry in &mut board.entries {
            entry.preliminary = false;
        }
        let ranked = RankedBoard::new(&board.entries, RuleSet::default());
        let history = autotrader_domain::BoardHistory::default();
        let at = scene::check();
        let rates = ArrivalRates::of(&ranked, &history, at, &params.board_walk);
        let question = Question {
            board: &ranked, history: &history, rates: &rates, at, horizon: TimeDelta::hours(1), arrivals: 1.0,
        };
        let (selected, _) = estimators(&params);
        if let Some(forecast) = forecast(selected.as_ref(), &question) {
            let p: BTreeMap<&str, f64> = forecast.models().collect();
            let values: Vec<f64> =
                ranked.order().iter().filter_map(|entry| p.get(entry.model_name.as_str()).copied()).collect();
            prop_assert!(values.is_sorted_by(|a, b| a >= b), "{:?}", values);
        }
    }

    #[test]
    fn every_contract_has_a_line_and_fair_values_are_coherent(scene in any_scene()) {
        let evaluation = scene.evaluate();
        let tickers: Vec<_> = evaluation.why.iter().map(|why| &why.ticker).collect();
        prop_assert_eq!(tickers, scene.markets.keys().collect::<Vec<_>>());
        let mut sums: BTreeMap<String, (f64, f64)> = BTreeMap::new();
        for why in &evaluation.why {
            let sum = sums.entry(scene.markets[&why.ticker].event.to_string()).or_default();
            sum.0 += why.fair.unwrap_or(0.0);
            sum.1 += why.market.unwrap_or(0.0);
            for p in [why.fair, why.market, why.pooled].into_iter().flatten() {
                prop_assert!((0.0..=1.0).contains(&p));
            }
        }
        for (event, (fair, market)) in sums {
            prop_assert!(fair <= 1.0 + 1e-9 && market <= 1.0 + 1e-9, "{}: {} {}", event, fair, market);
        }
    }

    #[test]
    fn evaluation_is_deterministic_and_blind_to_the_order_of_rows(scene in any_scene(), seed in any::<u64>()) {
        let first = scene.evaluate();
        prop_assert_eq!(&first, &scene.evaluate());
        let mut shuffled = scene.clone();
        shuffled.accept(|accepted| {
            let mut entries = accepted.board.entries.clone();
            let key = |name: &str| name.bytes().fold(seed, |h, b| h.rotate_left(7) ^ u64::from(b).wrapping_mul(0x9E37_79B9_7F4A_7C15));
            entries.sort_by_key(|entry| key(&entry.model_name));
            accepted.board = Arc::new(Board { entries });
        });
        prop_assert_eq!(first, shuffled.evaluate());
    }

    #[test]
    fn orders_stay_within_every_cap_and_never_cross_zero(scene in any_scene()) {
        let evaluation = scene.evaluate();
        let mut seen = BTreeSet::new();
        let mut spent = Money::ZERO;
        let mut events: BTreeMap<String, Contracts> = BTreeMap::new();
        for (ticker, position) in &scene.portfolio.positions {
            let event = events.entry(scene.markets[ticker].event.to_string()).or_default();
            *event = event.checked_add(position.net.size()).unwrap();
        }
        let mut entries = 0;
        for intent in &evaluation.intents {
            prop_assert!(seen.insert(intent.ticker.clone()), "two intents on {}", intent.ticker);
            prop_assert!(scene.markets[&intent.ticker].grid.allows(intent.limit));
            prop_assert!(!intent.contracts.is_zero());
            let net = scene.portfolio.position(&intent.ticker).net;
            let after = net.after(intent.side, intent.contracts).unwrap();
            match intent.purpose {
                Purpose::Exit | Purpose::Flatten => {
                    prop_assert_eq!(net.reduced_by(intent.side, intent.contracts), intent.contracts);
                }
                Purpose::Entry => {
                    entries += 1;
                    prop_assert!(after.size() <= Contracts::whole(100).max(net.size()));
                    prop_assert!(net.reduced_by(intent.side, intent.contracts).is_zero());
                    prop_assert_eq!(intent.contracts, intent.contracts.floor_whole());
                    prop_assert_eq!(intent.outcome() == Side::Yes, after.raw() > 0);
                    spent = spent.saturating_add(intent.notional().unwrap());
                    let event = events.entry(intent.event.to_string()).or_default();
                    *event = event.checked_add(intent.contracts).unwrap();
                    prop_assert!(*event <= Contracts::whole(250));
                }
            }
        }
        prop_assert!(spent <= scene.portfolio.cash.max(Money::ZERO).saturating_add(Money::micros(1_000)));
        // Intents come with the most valuable entry first, after the exits.
        let edges: Vec<f64> = evaluation.intents.iter()
            .skip_while(|intent| intent.purpose == Purpose::Exit)
            .map(|intent| evaluation.why.iter().find(|why| why.ticker == intent.ticker).unwrap().edge.unwrap())
            .collect();
        prop_assert_eq!(edges.len(), entries);
        prop_assert!(edges.iter().all(|edge| *edge >= scene.params.min_edge_after_fees.probability() - 1e-4));
    }

    #[test]
    fn nothing_is_entered_while_a_board_is_held(scene in any_scene()) {
        let mut held = scene;
        held.challenge(ChallengeKind::Held(HoldReason::TopModelRemoved), &scene::ROWS);
        let evaluation = held.evaluate();
        prop_assert!(!evaluation.why.iter().any(enters));
        prop_assert!(evaluation.intents.iter().all(|intent| intent.purpose == Purpose::Exit));
    }

    #[test]
    fn an_unfinished_order_on_every_contract_stops_everything(scene in any_scene()) {
        let mut busy = scene;
        for ticker in busy.markets.keys().cloned().collect::<Vec<_>>() {
            if busy.mappings()[&ticker].claim.is_some() {
                busy.order(ticker.as_str(), BookSide::Bid, "1", OrderState::Sent, Purpose::Entry);
            }
        }
        let evaluation = busy.evaluate();
        let blocked = |deed: &String| busy.portfolio.open_orders.values().all(|o| !deed.starts_with(o.intent.ticker.as_str()));
        prop_assert!(deeds(&evaluation).iter().all(blocked));
    }

    #[test]
    fn a_shrinking_target_alone_never_sells(scene in any_scene(), fraction in 0.0f64..0.2) {
        // With a smaller fraction every target shrinks; what is sold must stay the same.
        let sold = |scene: &Scene| {
            let exits = |deed: &String| deed.contains(" sell ");
            deeds(&scene.evaluate()).into_iter().filter(exits).collect::<Vec<_>>()
        };
        let mut smaller = scene.clone();
        smaller.params.sizing.kelly_fraction = fraction;
        prop_assert_eq!(sold(&scene), sold(&smaller));
    }

    #[test]
    fn a_sale_always_beats_holding_by_fee_and_half_the_spread(scene in any_scene()) {
        let evaluation = scene.evaluate();
        for intent in evaluation.intents.iter().filter(|intent| intent.purpose == Purpose::Exit) {
            let why = evaluation.why.iter().find(|why| why.ticker == intent.ticker).unwrap();
            let book = &scene.books[&intent.ticker];
            let half = (book.best_ask().unwrap().price.raw() - book.best_bid().unwrap().price.raw()) as f64 / 20_000.0;
            let p = intent.limit.probability();
            let fee = 0.07 * p * (1.0 - p);
            let pooled = why.pooled.unwrap();
            let (proceeds, worth) = match intent.side {
                BookSide::Ask => (p - fee, pooled),
                BookSide::Bid => (1.0 - p - fee, 1.0 - pooled),
            };
            prop_assert!(proceeds - worth >= fee + half - 1e-4, "{} {} {} {}", proceeds, worth, fee, half);
            prop_assert!(proceeds - worth >= price("0.01").probability() - 1e-4);
        }
        prop_assert!(evaluation.why.iter().all(|why| why.reason != Some(Reason::NoBoard)));
    }
}
