//! The core with scripted decisions: approval, exposure inside one event, causes, refusals, restart, the chain.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "test helpers may fail loudly"
)]

mod approvals;
mod history;
mod kit;
mod outcomes;

use autotrader_domain::ports::Restored;
use autotrader_domain::{
    Action, Book, BookSide, Command, Contracts, Fill, Intent, Level, Market, Money, Net, Order, OrderState,
    Purpose, Reason, Record, SettlementRecord, Ticker,
};
use autotrader_engine::{Effect, Event, mint_id, verify};
use autotrader_risk::{Limits, RiskState};
use chrono::{DateTime, Utc};

use kit::*;

#[test]
fn an_approved_intent_is_placed_under_the_id_of_its_place() {
    let mut play = Play::new();
    let effects = play.decide(10, vec![entry("A", 10)]);
    let orders = placed(&effects);
    assert_eq!(orders.len(), 1);
    assert_eq!(orders[0].state, OrderState::Intended);
    let expected = mint_id(&scope(), &"A".parse().unwrap(), orders[0].generation).unwrap();
    assert_eq!(orders[0].client_order_id, expected);
    assert!(
        play.engine
            .account()
            .portfolio
            .open_orders
            .contains_key(&expected),
        "it counts from now on"
    );
}

#[test]
fn each_intent_is_reviewed_against_those_approved_before_it_in_the_same_event() {
    let limits = Limits {
        max_position_per_event: Contracts::whole(100),
        ..Limits::default()
    };
    let mut play = Play::with(limits);
    let effects = play.decide(10, vec![entry("A", 60), entry("B", 60)]);
    assert_eq!(placed(&effects).len(), 1);
    assert_eq!(refused(&effects), [("B".to_owned(), Reason::EventLimit)]);
}

#[test]
fn a_refused_intent_uses_no_generation_up_and_is_told_in_the_why_ledger() {
    let mut play = Play::new();
    let effects = play.decide(10, vec![entry("A", 5_000)]);
    assert_eq!(refused(&effects), [("A".to_owned(), Reason::SizeLimit)]);
    let line = play
        .engine
        .why()
        .find(|line| line.ticker.as_str() == "A")
        .unwrap();
    assert_eq!(
        (line.reason, &line.action),
        (Some(Reason::SizeLimit), &Action::Hold)
    );
    let orders = placed(&play.decide(20, vec![entry("A", 5)]));
    assert_eq!(orders[0].generation.0, 1);
}

#[test]
fn a_refused_entry_leaves_behind_what_it_would_have_been() {
    let wanted = |intent: Intent| {
        let mut play = Play::new();
        let effects = play.decide(10, vec![intent]);
        let line = effects.iter().find_map(|effect| match effect {
            Effect::Record(Record::Decision(line)) if line.ticker.as_str() == "A" => Some(line.clone()),
            _ => None,
        });
        let line = line.unwrap();
        assert_eq!(line.reason, Some(Reason::SizeLimit));
        line.wanted
    };
    let told = |wanted: autotrader_domain::Wanted| {
        let contracts = wanted.contracts.raw() / 100;
        (contracts, wanted.cost.to_string(), wanted.fees.to_string())
    };
    let taker = |side, limit| intent("A", side, 5_000, limit, Purpose::Entry);
    // 500 are asked for at 0.45, and 500 are bid for at 0.40: NO costs 0.60 there.
    let bought = wanted(taker(BookSide::Bid, "0.46")).unwrap();
    assert_eq!(
        told(bought),
        (500, "225.000000".to_owned(), "8.662500".to_owned())
    );
    let sold = wanted(taker(BookSide::Ask, "0.39")).unwrap();
    assert_eq!(told(sold), (500, "300.000000".to_owned(), "8.400000".to_owned()));
    assert_eq!(wanted(taker(BookSide::Bid, "0.44")), None, "nobody offers that");
    let maker = Intent {
        post_only: true,
        ..taker(BookSide::Bid, "0.41")
    };
    assert_eq!(
        told(wanted(maker).unwrap()),
        (5_000, "2050.000000".to_owned(), "0.000000".to_owned())
    );
    let exit = intent("A", BookSide::Ask, 5_000, "0.39", Purpose::Exit);
    let mut play = Play::new();
    play.decide(10, vec![exit]);
    assert!(
        play.engine.why().all(|line| line.wanted.is_none()),
        "what reduces is no entry"
    );
}

#[test]
fn a_contract_has_one_unfinished_order_and_the_next_one_another_id() {
    let mut play = Play::new();
    let first = placed(&play.decide(10, vec![entry("A", 5)])).remove(0);
    assert_eq!(
        refused(&play.decide(20, vec![entry("A", 5)])),
        [("A".to_owned(), Reason::OrderInFlight)]
    );
    play.finish(21, &first, OrderState::Canceled);
    let second = placed(&play.decide(90, vec![entry("A", 5)])).remove(0);
    assert_eq!(second.generation.0, 2);
    assert_ne!(first.client_order_id, second.client_order_id);
}

#[test]
fn an_approval_that_was_never_sent_gives_its_id_back_and_lets_its_contract_rest() {
    let mut play = Play::new();
    let first = placed(&play.decide(10, vec![entry("A", 5)])).remove(0);
    let unsent = Event::Unsent {
        client_order_id: first.client_order_id.clone(),
        detail: "a test".into(),
    };
    play.handle(11, &unsent);
    assert!(play.engine.account().portfolio.open_orders.is_empty());
    assert_eq!(
        refused(&play.decide(30, vec![entry("A", 5)])),
        [("A".to_owned(), Reason::CoolingDown)]
    );
    let second = placed(&play.decide(90, vec![entry("A", 5)])).remove(0);
    assert_eq!(
        second.client_order_id, first.client_order_id,
        "nothing was stored under it"
    );
    play.handle(91, &unsent);
    play.handle(92, &unsent);
    let third = placed(&play.decide(180, vec![entry("A", 5)])).remove(0);
    assert_eq!(third.generation.0, 1, "a repeated word changes nothing");
}

#[test]
fn a_rejected_order_lets_its_contract_rest() {
    let mut play = Play::new();
    let first = placed(&play.decide(10, vec![entry("A", 5)])).remove(0);
    play.finish(11, &first, OrderState::Rejected);
    assert_eq!(
        refused(&play.decide(30, vec![entry("A", 5)])),
        [("A".to_owned(), Reason::CoolingDown)]
    );
    assert_eq!(placed(&play.decide(80, vec![entry("A", 5)])).len(), 1);
}

#[test]
fn an_order_that_came_to_nothing_is_not_repeated_at_once() {
    let mut play = Play::new();
    let first = placed(&play.decide(10, vec![entry("A", 5)])).remove(0);
    play.finish(11, &first, OrderState::Canceled);
    assert_eq!(
        refused(&play.decide(30, vec![entry("A", 5)])),
        [("A".to_owned(), Reason::CoolingDown)]
    );
}

#[test]
fn a_limit_deep_in_the_book_comes_back_to_the_collar() {
    let mut play = Play::new();
    let deep = intent("A", BookSide::Bid, 10, "0.90", Purpose::Entry);
    let orders = placed(&play.decide(10, vec![deep]));
    assert_eq!(
        orders[0].intent.limit,
        "0.50".parse().unwrap(),
        "five cents beyond the best ask of 0.45"
    );
}

#[test]
fn a_side_without_bids_keeps_its_last_mark_and_trips_no_limit() {
    let limits = Limits {
        max_daily_loss: Money::dollars(1),
        ..Limits::default()
    };
    let mut play = Play::with(limits);
    play.handle(1, &Event::Timer);
    let order = placed(&play.decide(10, vec![entry("A", 10)])).remove(0);
    play.fill(11, &order, "0.45");
    let asks_only = Level {
        price: "0.55".parse().unwrap(),
        size: Contracts::whole(1),
    };
    let empty = Book::new("A".parse().unwrap(), at(20), vec![], vec![asks_only]).unwrap();
    play.handle(20, &Event::Book(empty));
    play.handle(30, &Event::Timer);
    assert_eq!(play.engine.risk().state(), RiskState::Active);
    assert_eq!(
        play.engine.marks().to_string(),
        "4.000000",
        "ten at the last bid of 0.40"
    );
}

#[test]
fn a_standing_refusal_is_recorded_once_and_hourly() {
    let mut play = Play::new();
    let wish = || vec![entry("A", 5_000)];
    assert_eq!(refused(&play.decide(10, wish())).len(), 1);
    assert_eq!(refused(&play.decide(20, wish())).len(), 0);
    assert_eq!(refused(&play.decide(4_000, wish())).len(), 1);
}

#[test]
fn fills_and_settlements_move_cash_to_the_micro_dollar() {
    let mut play = Play::new();
    let order = placed(&play.decide(10, vec![entry("A", 10)])).remove(0);
    play.fill(11, &order, "0.45");
    let account = play.engine.account();
    assert_eq!(account.portfolio.cash.to_string(), "995.482500");
    assert_eq!(
        account.portfolio.position(&"A".parse().unwrap()).net,
        "10".parse::<Net>().unwrap()
    );
    let settlement = SettlementRecord {
        ticker: "A".parse().unwrap(),
        yes_value: "0.75".parse().unwrap(),
        fee: Money::micros(10_000),
        settled_at: at(12),
    };
    play.handle(12, &Event::Settlement(settlement));
    assert_eq!(
        play.engine.account().portfolio.cash.to_string(),
        "1002.972500",
        "never assumed to be 0 or 1"
    );
    assert_eq!(play.engine.account().realized().to_string(), "3.000000");
}

#[test]
fn a_halt_cancels_what_is_open_and_survives_the_release_of_another_cause() {
    let mut play = Play::new();
    let order = placed(&play.decide(10, vec![entry("A", 5)])).remove(0);
    let halt = Event::Command(Command::Halt {
        reason: "a drill".into(),
    });
    let effects = play.handle(11, &halt);
    assert!(effects.contains(&Effect::Cancel(order.client_order_id.clone())));
    play.finish(12, &order, OrderState::Canceled);
    play.handle(
        12,
        &Event::HaltFile {
            detail: "HALT exists".into(),
        },
    );
    assert_eq!(
        refused(&play.decide(80, vec![entry("A", 5)])),
        [("A".to_owned(), Reason::Halted)]
    );
    play.handle(
        81,
        &Event::Command(Command::Resume {
            cause: "operator_halt".into(),
        }),
    );
    assert_eq!(
        play.engine.risk().state(),
        RiskState::Halt,
        "the file still stands"
    );
    play.handle(
        82,
        &Event::Command(Command::Resume {
            cause: "halt_file".into(),
        }),
    );
    assert_eq!(play.engine.risk().state(), RiskState::Active);
    assert_eq!(placed(&play.decide(90, vec![entry("A", 5)])).len(), 1);
}

#[test]
fn losses_lead_to_reduce_which_still_lets_positions_go() {
    let limits = Limits {
        max_daily_loss: Money::micros(400_000),
        ..Limits::default()
    };
    let mut play = Play::with(limits);
    play.handle(1, &Event::Timer);
    let order = placed(&play.decide(10, vec![entry("A", 10)])).remove(0);
    play.fill(11, &order, "0.45");
    // Bought at 0.45, marked at the bid of 0.40: half a dollar and a fee.
    let effects = play.decide(20, vec![entry("B", 5)]);
    assert_eq!(play.engine.risk().state(), RiskState::Reduce);
    assert_eq!(refused(&effects), [("B".to_owned(), Reason::ReduceOnly)]);
    let exits = placed(&play.decide(30, vec![intent("A", BookSide::Ask, 10, "0.40", Purpose::Exit)]));
    assert_eq!(exits.len(), 1);
    assert!(exits[0].reduce_only);
    let opening = play.decide(40, vec![intent("B", BookSide::Ask, 10, "0.40", Purpose::Exit)]);
    assert_eq!(
        refused(&opening),
        [("B".to_owned(), Reason::WorstStateLoss)],
        "what is not held cannot be let go"
    );
}

#[test]
fn a_fill_that_is_not_ours_counts_at_once_and_blocks_its_contract() {
    let mut play = Play::new();
    let ours = placed(&play.decide(10, vec![entry("B", 5)])).remove(0);
    let foreign = Fill {
        client_order_id: None,
        ticker: "A".parse().unwrap(),
        ..fill_of(&ours, "0.45", 11)
    };
    play.handle(11, &Event::Fill(foreign));
    assert_eq!(
        play.engine
            .account()
            .portfolio
            .position(&"A".parse().unwrap())
            .net,
        "5".parse::<Net>().unwrap()
    );
    assert_eq!(
        refused(&play.decide(20, vec![entry("A", 5)])),
        [("A".to_owned(), Reason::PositionUnexplained)]
    );
}

#[test]
fn a_restart_knows_positions_generations_orders_and_causes() {
    let mut before = Play::new();
    let order = placed(&before.decide(10, vec![entry("A", 10)])).remove(0);
    let fill = fill_of(&order, "0.45", 11);
    let ticker: Ticker = "A".parse().unwrap();
    let mut after = Play::new();
    after.engine.restore(Restored {
        open_orders: vec![Order {
            state: OrderState::Unknown,
            ..order.clone()
        }],
        fills: vec![fill],
        generations: vec![(ticker.clone(), 1)],
        causes: vec![("operator_reduce".into(), "a test".into())],
        opening_cash: Some(Money::dollars(1_000)),
        ..Restored::default()
    });
    assert_eq!(after.engine.account().portfolio.cash.to_string(), "995.482500");
    assert_eq!(after.engine.risk().state(), RiskState::Reduce);
    after.handle(
        20,
        &Event::Command(Command::Resume {
            cause: "operator_reduce".into(),
        }),
    );
    assert_eq!(
        refused(&after.decide(30, vec![entry("A", 5)])),
        [("A".to_owned(), Reason::UnknownOrder)]
    );
    after.finish(31, &order, OrderState::Filled);
    assert_eq!(placed(&after.decide(40, vec![entry("A", 5)]))[0].generation.0, 2);
}

#[test]
fn the_same_events_give_the_same_chain_and_the_journal_verifies() {
    let run = || {
        let mut play = Play::new();
        let order = placed(&play.decide(10, vec![entry("A", 10)])).remove(0);
        play.fill(11, &order, "0.45");
        play.decide(20, vec![entry("B", 5_000)]);
        play
    };
    let (first, second) = (run(), run());
    assert_eq!(first.engine.chain(), second.engine.chain());
    assert_eq!(
        verify(first.journal.iter().map(String::as_str)).unwrap(),
        first.engine.chain()
    );
}

#[test]
fn what_reduces_goes_first_and_entries_follow_by_edge_then_by_ticker() {
    let mut play = Play::new();
    let markets = ["A", "B", "C", "D"].map(market).to_vec();
    let series = "SERIES".parse().unwrap();
    play.handle(0, &Event::Markets { series, markets });
    for name in ["C", "D"] {
        play.handle(0, &Event::Book(book(name, 0)));
    }
    let held = placed(&play.decide(10, vec![entry("B", 10)])).remove(0);
    play.fill(11, &held, "0.45");
    let worth = |name: &str, micros: i64| Intent {
        edge: Money::micros(micros),
        ..entry(name, 5)
    };
    let exit = intent("B", BookSide::Ask, 10, "0.40", Purpose::Exit);
    let effects = play.decide(20, vec![worth("D", 7), worth("A", 7), worth("C", 8), exit]);
    let order: Vec<_> = placed(&effects)
        .iter()
        .map(|order| order.intent.ticker.to_string())
        .collect();
    assert_eq!(order, ["B", "C", "A", "D"]);
}

#[test]
fn what_contracts_pay_on_is_written_down_when_it_changes_and_only_then() {
    let mut play = Play::new();
    let mapped = |effects: &[Effect]| -> Vec<(String, Option<DateTime<Utc>>)> {
        effects
            .iter()
            .filter_map(|effect| match effect {
                Effect::Record(Record::Mapped { mapping, .. }) => {
                    Some((mapping.ticker.to_string(), mapping.check_time))
                }
                _ => None,
            })
            .collect()
    };
    let listed = |close: [i64; 2]| Event::Markets {
        series: "SERIES".parse().unwrap(),
        markets: ["A", "B"]
            .into_iter()
            .zip(close)
            .map(|(name, close)| Market {
                close_time: at(close),
                ..market(name)
            })
            .collect(),
    };
    assert!(mapped(&play.handle(1, &listed([86_400, 86_400]))).is_empty());
    let changed = play.handle(2, &listed([86_400, 90_000]));
    assert_eq!(mapped(&changed), [("B".to_owned(), Some(at(90_000)))]);
    assert!(mapped(&play.handle(3, &Event::Timer)).is_empty());
    let alone = Event::Market(Market {
        close_time: at(95_000),
        ..market("A")
    });
    assert_eq!(
        mapped(&play.handle(4, &alone)),
        [("A".to_owned(), Some(at(95_000)))]
    );
    assert!(mapped(&play.handle(5, &alone)).is_empty());
}
