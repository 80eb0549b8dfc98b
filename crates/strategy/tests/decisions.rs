//! What the strategy does in a made-up market: entries on news, exits, positions, orders, caps.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test stops at the first surprise"
)]
#![allow(dead_code, reason = "the scene is shared between test files")]

mod scene;

use autotrader_domain::{
    Action, BookSide, ChallengeKind, Contracts, HoldReason, Money, OrderState, Purpose, Reason, TimeInForce,
};
use autotrader_strategy::params::EstimatorKind;
use autotrader_strategy::why;
use chrono::TimeDelta;
use rstest::rstest;
use scene::{ROWS, Scene, board, check, contracts, deeds, enters, level, line, net, owned, price, reason};

const NEW_LEADER: &str = "KXTOPMODEL-26SEP28-AUR6";
const OLD_LEADER: &str = "KXTOPMODEL-26SEP28-BOR5";
const NEW_LAB: &str = "KXLLM1-26SEP28-NOR";
const OLD_LAB: &str = "KXLLM1-26SEP28-CON";

/// The news scene after the books have caught up and the news has grown old.
fn settled() -> Scene {
    let mut scene = Scene::news();
    for (ticker, bid, ask) in [
        (NEW_LEADER, "0.67", "0.69"),
        (OLD_LEADER, "0.18", "0.20"),
        (NEW_LAB, "0.82", "0.84"),
        (OLD_LAB, "0.13", "0.15"),
    ] {
        scene.quote(ticker, bid, ask);
    }
    scene.standing.news_at = Some(scene.at - TimeDelta::hours(12));
    scene
}

#[test]
fn on_news_the_new_leader_is_bought_and_the_old_one_sold_while_the_books_lag() {
    let evaluation = Scene::news().evaluate();
    assert_eq!(
        deeds(&evaluation),
        [
            "KXLLM1-26SEP28-NOR buy YES 100.00 at 0.2700",
            "KXLLM1-26SEP28-CON buy NO 100.00 at 0.6600",
            "KXTOPMODEL-26SEP28-BOR5 buy NO 100.00 at 0.6400",
            "KXTOPMODEL-26SEP28-AUR6 buy YES 100.00 at 0.2000",
        ]
    );
    assert!(
        evaluation
            .intents
            .iter()
            .all(|intent| intent.time_in_force == TimeInForce::ImmediateOrCancel
                && intent.purpose == Purpose::Entry
                && intent.strategy == "leaderboard_alpha"
                && intent.check_time == check())
    );
    assert_eq!(
        evaluation.intents[3].rationale,
        "Buy 100.00 YES to a YES price of 0.2000 (fresh board): model 0.685, market 0.187, traded on 0.531 at the worse \
         end; cost 20.000000, fees 1.120000, edge 32.0 cents each."
    );
    assert_eq!(line(&evaluation, NEW_LEADER).target, Some(net("100")));
    assert_eq!(line(&evaluation, OLD_LEADER).target, Some(net("-100")));
    assert_eq!(reason(&evaluation, NEW_LEADER), Some(Reason::ContractLimit));
}

#[test]
fn once_the_books_have_caught_up_there_is_nothing_to_do() {
    let evaluation = settled().evaluate();
    assert_eq!(deeds(&evaluation), Vec::<String>::new());
    assert!(
        evaluation
            .why
            .iter()
            .all(|why| why.reason == Some(Reason::NoEdge))
    );
}

#[test]
fn at_rest_a_small_edge_is_taken_with_a_small_size() {
    let mut scene = settled();
    scene.quote(NEW_LEADER, "0.43", "0.45");
    let evaluation = scene.evaluate();
    // Worse end .662 and mid .44 pool to .5081; with its fee a contract costs .4673; a quarter of (.5081 − .4673) / .5327
    // of a thousand dollars buys 40.9 of them.
    assert_eq!(
        deeds(&evaluation),
        ["KXTOPMODEL-26SEP28-AUR6 buy YES 40.00 at 0.4500"]
    );
    assert_eq!(reason(&evaluation, NEW_LEADER), Some(Reason::AtTarget));
}

#[test]
fn what_is_held_counts_towards_the_target() {
    let mut scene = settled();
    scene.quote(NEW_LEADER, "0.43", "0.45");
    scene.hold(NEW_LEADER, BookSide::Bid, "20", "0.45");
    assert_eq!(
        deeds(&scene.evaluate()),
        ["KXTOPMODEL-26SEP28-AUR6 buy YES 21.00 at 0.4500"],
        "41 with the 8.60 dollars that the position would fetch, less what is held"
    );
    scene.hold(NEW_LEADER, BookSide::Bid, "60", "0.45");
    let evaluation = scene.evaluate();
    assert_eq!(
        deeds(&evaluation),
        Vec::<String>::new(),
        "a target below the position never sells"
    );
    assert_eq!(reason(&evaluation, NEW_LEADER), Some(Reason::AtTarget));
    assert_eq!(line(&evaluation, NEW_LEADER).target, Some(net("60")));
}

#[test]
fn a_position_is_sold_when_the_market_passes_its_value() {
    let mut scene = settled();
    scene.hold(NEW_LEADER, BookSide::Bid, "100", "0.20");
    scene.hold(OLD_LEADER, BookSide::Ask, "100", "0.64");
    scene.quote(NEW_LEADER, "0.88", "0.90");
    scene.quote(OLD_LEADER, "0.01", "0.02");
    let evaluation = scene.evaluate();
    assert_eq!(
        deeds(&evaluation),
        [
            "KXTOPMODEL-26SEP28-AUR6 sell YES 100.00 at 0.8800",
            "KXTOPMODEL-26SEP28-BOR5 sell NO 100.00 at 0.0200",
        ]
    );
    assert!(
        evaluation
            .intents
            .iter()
            .all(|intent| intent.purpose == Purpose::Exit)
    );
    assert_eq!(line(&evaluation, NEW_LEADER).target, Some(net("0")));
}

#[test]
fn a_position_that_news_turned_is_sold_before_the_market_falls() {
    let mut scene = Scene::news();
    scene.hold(OLD_LEADER, BookSide::Bid, "40", "0.60");
    let evaluation = scene.evaluate();
    assert_eq!(
        deeds(&evaluation)[0],
        "KXTOPMODEL-26SEP28-BOR5 sell YES 40.00 at 0.6400"
    );
    let on_it: Vec<_> = evaluation
        .intents
        .iter()
        .filter(|intent| intent.ticker.as_str() == OLD_LEADER)
        .collect();
    assert_eq!(on_it.len(), 1, "one intent per contract");
}

#[test]
fn the_outcome_held_is_never_hedged_with_its_opposite() {
    let mut scene = settled();
    // The edge of NO is above the minimum, but fee plus half of a wide spread keeps the YES from being sold.
    scene.params.min_edge_after_fees = price("0.005");
    scene.params.min_exit_hysteresis = price("0.30");
    scene.quote(NEW_LEADER, "0.80", "0.82");
    scene.params.guards.max_mid_sum = 1.5;
    assert_eq!(
        deeds(&scene.evaluate())
            .iter()
            .filter(|deed| deed.starts_with(NEW_LEADER))
            .count(),
        1,
        "NO would be bought"
    );
    scene.hold(NEW_LEADER, BookSide::Bid, "10", "0.20");
    let evaluation = scene.evaluate();
    assert!(
        deeds(&evaluation)
            .iter()
            .all(|deed| !deed.starts_with(NEW_LEADER))
    );
    assert_eq!(reason(&evaluation, NEW_LEADER), Some(Reason::AtTarget));
}

#[test]
fn a_walk_takes_what_each_level_is_worth() {
    let mut scene = Scene::news();
    let ticker: autotrader_domain::Ticker = NEW_LEADER.parse().unwrap();
    let asks = [("0.20", "30"), ("0.30", "40"), ("0.52", "500")];
    let no_bids = asks
        .iter()
        .map(|(ask, size)| level(price(ask).complement(), size))
        .collect();
    let book =
        autotrader_domain::Book::new(ticker.clone(), scene.at, vec![level(price("0.18"), "9")], no_bids)
            .unwrap();
    scene.books.insert(ticker, book);
    scene.params.guards.max_spread = price("0.40");
    scene.params.sizing.kelly_fraction = 1.0;
    let evaluation = scene.evaluate();
    assert!(
        deeds(&evaluation).contains(&"KXTOPMODEL-26SEP28-AUR6 buy YES 70.00 at 0.3000".to_owned()),
        "{:?}",
        deeds(&evaluation)
    );
    assert_eq!(reason(&evaluation, NEW_LEADER), Some(Reason::NoEdge));
}

#[rstest]
#[case(OrderState::Intended, Reason::OrderInFlight)]
#[case(OrderState::Sent, Reason::OrderInFlight)]
#[case(OrderState::Resting, Reason::OrderInFlight)]
#[case(OrderState::PartiallyFilled, Reason::OrderInFlight)]
#[case(OrderState::Unknown, Reason::UnknownOrder)]
fn an_unfinished_order_blocks_its_contract_and_no_other(#[case] state: OrderState, #[case] expected: Reason) {
    let mut scene = Scene::news();
    scene.order(NEW_LEADER, BookSide::Bid, "10", state, Purpose::Entry);
    let evaluation = scene.evaluate();
    assert_eq!(reason(&evaluation, NEW_LEADER), Some(expected));
    assert!(!enters(line(&evaluation, NEW_LEADER)));
    assert!(enters(line(&evaluation, OLD_LEADER)));
}

#[test]
fn a_finished_order_blocks_nothing() {
    let mut scene = Scene::news();
    scene.order(
        NEW_LEADER,
        BookSide::Bid,
        "10",
        OrderState::Canceled,
        Purpose::Entry,
    );
    assert!(enters(line(&scene.evaluate(), NEW_LEADER)));
}

#[test]
fn an_unknown_order_leaves_room_for_a_smaller_exit_only() {
    let mut scene = settled();
    scene.hold(NEW_LEADER, BookSide::Bid, "100", "0.20");
    scene.quote(NEW_LEADER, "0.88", "0.90");
    scene.quote(OLD_LEADER, "0.01", "0.02");
    scene.order(
        NEW_LEADER,
        BookSide::Ask,
        "30",
        OrderState::Unknown,
        Purpose::Exit,
    );
    let evaluation = scene.evaluate();
    assert_eq!(
        deeds(&evaluation),
        ["KXTOPMODEL-26SEP28-AUR6 sell YES 70.00 at 0.8800"]
    );
    assert_eq!(reason(&evaluation, NEW_LEADER), Some(Reason::UnknownOrder));
    scene.order(NEW_LEADER, BookSide::Ask, "10", OrderState::Sent, Purpose::Exit);
    assert_eq!(
        deeds(&scene.evaluate()),
        Vec::<String>::new(),
        "a known one is waited for"
    );
}

#[test]
fn the_event_cap_counts_positions_orders_and_intents_of_this_evaluation() {
    let mut scene = Scene::news();
    scene.hold("KXTOPMODEL-26SEP28-CIR2", BookSide::Ask, "60", "0.03");
    scene.order(
        "KXTOPMODEL-26SEP28-DRI1",
        BookSide::Ask,
        "20",
        OrderState::Sent,
        Purpose::Entry,
    );
    let evaluation = scene.evaluate();
    let sizes: Vec<(&str, Contracts)> = evaluation
        .intents
        .iter()
        .filter(|intent| intent.event.as_str() == "KXTOPMODEL-26SEP28")
        .map(|intent| (intent.ticker.as_str(), intent.contracts))
        .collect();
    assert_eq!(
        sizes,
        [(OLD_LEADER, contracts("100")), (NEW_LEADER, contracts("70"))]
    );
    assert_eq!(reason(&evaluation, NEW_LEADER), Some(Reason::EventLimit));
}

#[test]
fn cash_is_spent_once_and_the_most_valuable_first() {
    let mut scene = Scene::news();
    // The labs are at their price. Enough for the old leader (37.62 dollars with fees) and a little more; the wealth
    // beyond it is in a position elsewhere in the event.
    scene.quote(NEW_LAB, "0.82", "0.84");
    scene.quote(OLD_LAB, "0.13", "0.15");
    scene.portfolio.cash = Money::dollars(40);
    scene.hold("KXTOPMODEL-26SEP28-CIR2", BookSide::Ask, "100", "0.03");
    scene.params.sizing.kelly_fraction = 1.0;
    scene.params.sizing.max_worst_state_loss = Money::dollars(1000);
    let evaluation = scene.evaluate();
    let spent: Money = evaluation
        .intents
        .iter()
        .map(|intent| intent.notional().unwrap())
        .sum();
    assert!(spent <= Money::dollars(40), "{spent}");
    assert_eq!(
        reason(&evaluation, NEW_LEADER),
        Some(Reason::InsufficientCollateral)
    );
    // The same cash reserved by an open order is not there to be spent.
    scene.order(
        "KXTOPMODEL-26SEP28-DRI1",
        BookSide::Bid,
        "100",
        OrderState::Sent,
        Purpose::Entry,
    );
    let reserved = scene.evaluate();
    let spent: Money = reserved
        .intents
        .iter()
        .map(|intent| intent.notional().unwrap())
        .sum();
    assert!(spent <= Money::dollars(20), "{spent}");
}

#[test]
fn resting_entries_are_withdrawn_when_what_is_known_forbids_them() {
    let resting = |scene: &mut Scene| {
        scene.order(
            NEW_LEADER,
            BookSide::Bid,
            "10",
            OrderState::Resting,
            Purpose::Entry,
        );
        scene.order(OLD_LEADER, BookSide::Ask, "10", OrderState::Sent, Purpose::Entry);
        scene.order(NEW_LAB, BookSide::Ask, "10", OrderState::Resting, Purpose::Exit);
    };
    let ids =
        |scene: &Scene| -> Vec<String> { scene.evaluate().cancels.iter().map(ToString::to_string).collect() };
    let mut scene = Scene::news();
    resting(&mut scene);
    assert_eq!(ids(&scene), Vec::<String>::new());
    let mut held = scene.clone();
    held.challenge(ChallengeKind::Held(HoldReason::ImplausibleJump), &ROWS);
    assert_eq!(ids(&held), ["order-0"], "only entries that rest");
    let mut renamed = scene.clone();
    renamed.accept(|accepted| {
        let mut rows = owned(&ROWS);
        rows[0].0 = "aurora-6-high".to_owned();
        accepted.board = std::sync::Arc::new(board(&rows));
    });
    renamed
        .standing
        .renames
        .push(("aurora-6".to_owned(), "aurora-6-high".to_owned()));
    assert_eq!(ids(&renamed), ["order-0"]);
    let mut late = scene.clone();
    late.move_to(check() - TimeDelta::seconds(306));
    assert_eq!(ids(&late), Vec::<String>::new());
    late.move_to(check() - TimeDelta::seconds(305));
    assert_eq!(
        ids(&late),
        ["order-0", "order-2"],
        "close to the check everything that rests goes"
    );
    let mut gone = scene;
    gone.markets.remove(&NEW_LEADER.parse().unwrap());
    assert_eq!(
        ids(&gone),
        ["order-0"],
        "an entry on a market that is no longer known"
    );
}

#[test]
fn after_the_close_the_current_winner_is_certain_and_nothing_is_done() {
    let mut scene = settled();
    scene.hold(NEW_LEADER, BookSide::Bid, "10", "0.20");
    scene.move_to(check());
    let evaluation = scene.evaluate();
    assert_eq!(deeds(&evaluation), Vec::<String>::new());
    for (ticker, fair) in [
        (NEW_LEADER, 1.0),
        (OLD_LEADER, 0.0),
        (NEW_LAB, 1.0),
        (OLD_LAB, 0.0),
    ] {
        assert_eq!(line(&evaluation, ticker).fair, Some(fair), "{ticker}");
        assert_eq!(reason(&evaluation, ticker), Some(Reason::PastClose));
    }
}

#[test]
fn the_estimator_is_selectable_and_the_other_is_logged() {
    let table = settled();
    let mut persistence = settled();
    persistence.params.estimator = EstimatorKind::Persistence;
    let (by_table, by_persistence) = (table.evaluate(), persistence.evaluate());
    for ticker in [NEW_LEADER, OLD_LEADER, NEW_LAB] {
        let (a, b) = (line(&by_table, ticker), line(&by_persistence, ticker));
        let others = |own: &str| {
            let all = ["board_walk", "persistence", "rank_table", "recency_persistence"];
            all.into_iter().filter(|name| *name != own).collect::<Vec<_>>()
        };
        assert_eq!(a.baselines.keys().collect::<Vec<_>>(), others("rank_table"));
        assert_eq!(b.baselines.keys().collect::<Vec<_>>(), others("persistence"));
        assert_eq!(a.fair, b.baselines.get("rank_table").copied());
        assert_eq!(b.fair, a.baselines.get("persistence").copied());
    }
    // Without a history persistence is its prior: a hazard of 0.02 a day for four days.
    assert_eq!(line(&by_persistence, NEW_LEADER).fair, Some((-0.08f64).exp()));
}

#[test]
fn the_market_is_scaled_down_to_what_the_claims_can_hold() {
    let mut scene = settled();
    scene.quote(OLD_LEADER, "0.27", "0.29");
    let evaluation = scene.evaluate();
    let models: Vec<_> = evaluation
        .why
        .iter()
        .filter(|why| why.ticker.as_str().starts_with("KXTOPMODEL"))
        .collect();
    let mids: f64 = models.iter().filter_map(|why| why.market).sum();
    let fair: f64 = models.iter().filter_map(|why| why.fair).sum();
    assert!(
        (mids - fair).abs() < 1e-9,
        "{mids} over what the model leaves to the listed, {fair}"
    );
    assert!(fair < 0.96, "five cents are unlisted");
}

#[test]
fn a_ledger_line_reads_as_words() {
    let evaluation = Scene::news().evaluate();
    assert_eq!(
        why::in_words(line(&evaluation, OLD_LEADER)),
        "KXTOPMODEL-26SEP28-BOR5: buy NO, 100.00 contracts to a YES price of 0.6400, holding 0.00. Model 0.191, market \
         0.644, pooled 0.284. Edge after fees 33.4 cents. Reason against more: The position limit of the contract is \
         reached. board_walk says 0.028. persistence says 0.009. recency_persistence says 0.009."
    );
    let mut scene = Scene::news();
    scene.exchange = None;
    let blocked = scene.evaluate();
    let text = why::in_words(line(&blocked, "KXTOPMODEL-26SEP28-CIR2"));
    assert!(
        text.contains(
            "First reason against more: The exchange takes no orders now. Next: The edge after fees is below the minimum."
        ),
        "{text}"
    );
    let why = line(&blocked, "KXTOPMODEL-26SEP28-CIR2");
    assert_eq!(
        (why.reason, why.next_reason, &why.action),
        (Some(Reason::ExchangePaused), Some(Reason::NoEdge), &Action::Hold)
    );
}

/// A decision that is carried out leaves next to nothing to decide, and soon nothing: sizes do not creep.
#[test]
fn what_was_bought_is_not_bought_again() {
    let mut scene = Scene::news();
    scene.params.sizing.max_position_per_contract = contracts("100000");
    scene.params.sizing.max_position_per_event = contracts("100000");
    scene.params.sizing.max_lab_exposure = Money::dollars(100_000);
    let bought = |scene: &mut Scene| -> i64 {
        let evaluation = scene.evaluate();
        for intent in &evaluation.intents {
            let held = scene
                .portfolio
                .positions
                .entry(intent.ticker.clone())
                .or_default();
            *held = held.traded(intent.side, intent.limit, intent.contracts).unwrap();
            let spent = intent.notional().unwrap();
            scene.portfolio.cash = scene.portfolio.cash.saturating_sub(spent);
        }
        let sizes = evaluation.intents.iter().map(|intent| intent.contracts.raw());
        sizes.sum::<i64>() / 100
    };
    let rounds: Vec<i64> = (0..6).map(|_| bought(&mut scene)).collect();
    assert!(rounds[0] > 200, "{rounds:?}");
    assert!(rounds[1] * 10 < rounds[0], "{rounds:?}");
    assert_eq!(rounds[5], 0, "{rounds:?}");
}
