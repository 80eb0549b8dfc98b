//! Flatten: everything is closed through reduce-only orders, or what is left is named with its reason.

use autotrader_domain::{
    BookSide, Command, Contracts, MarketStatus, Order, OrderState, Purpose, RejectReason, TimeInForce,
};
use autotrader_engine::{Event, FlattenStage, FlattenStep, Obstacle};
use autotrader_risk::RiskState;

use crate::kit::{
    PAUSED, Play, TRADING, alerts, at, buy, canceled, causes, check_time, exit, market, placed, rest, ticker,
    wish,
};

fn flatten() -> Command {
    Command::Flatten {
        reason: "going home".into(),
    }
}

/// Fills a closing order whole at its limit.
fn close(play: &mut Play, second: i64, order: &mut Order) {
    let (contracts, limit) = (order.intent.contracts, order.intent.limit);
    play.fill(second, order, contracts, limit);
}

#[track_caller]
fn obstacle(play: &Play, name: &str) -> Obstacle {
    match &play.flattening().legs[&ticker(name)].step {
        FlattenStep::Waiting { obstacle, .. } | FlattenStep::Impossible { obstacle } => obstacle.clone(),
        step => panic!("{name}: {step:?}"),
    }
}

#[track_caller]
fn impossible(play: &Play, name: &str) -> Obstacle {
    assert_eq!(play.flattening().stage, FlattenStage::Impossible);
    match &play.flattening().legs[&ticker(name)].step {
        FlattenStep::Impossible { obstacle } => obstacle.clone(),
        step => panic!("{name}: {step:?}"),
    }
}

#[test]
fn nothing_held_is_flat_at_once() {
    let mut play = Play::new();
    let effects = play.command(10, flatten());
    assert_eq!(causes(&effects), ["+operator_halt"]);
    assert_eq!(play.flattening().stage, FlattenStage::Flat);
    assert_eq!(play.engine.risk().state(), RiskState::Halt, "it stays halted");
}

#[test]
fn longs_and_shorts_are_closed_at_prices_of_the_book_under_the_halt() {
    let mut play = Play::new();
    play.acquire(10, buy("M1A", 10));
    play.acquire(20, wish("LB", BookSide::Ask, 7, "0.40", Purpose::Entry));
    play.look(30);
    let effects = play.command(31, flatten());
    let mut orders = placed(&effects);
    assert_eq!(orders.len(), 2);
    for (order, (side, size, limit)) in orders
        .iter()
        .zip([(BookSide::Bid, 7, "0.45"), (BookSide::Ask, 10, "0.40")])
    {
        assert!(order.reduce_only);
        assert_eq!(order.intent.purpose, Purpose::Flatten);
        assert_eq!(order.intent.time_in_force, TimeInForce::ImmediateOrCancel);
        assert_eq!(
            (order.intent.side, order.intent.contracts, order.intent.limit),
            (side, Contracts::whole(size), limit.parse().unwrap())
        );
    }
    for order in &mut orders {
        close(&mut play, 32, order);
    }
    assert_eq!(play.flattening().stage, FlattenStage::Flat);
    assert_eq!((play.net("M1A"), play.net("LB")), ("0.00".into(), "0.00".into()));
    // The strategy's own wishes are refused all along.
    assert_eq!(
        placed(&play.decide(100, vec![buy("LA", 5), exit("LA", 5)])).len(),
        0
    );
}

#[test]
fn open_orders_end_before_their_contract_is_closed() {
    let mut play = Play::new();
    play.acquire(10, buy("M1A", 10));
    let mut order = placed(&play.decide(20, vec![rest("M1A", 5)])).remove(0);
    play.update(21, &mut order, OrderState::Sent);
    play.update(21, &mut order, OrderState::Resting);
    let effects = play.command(22, flatten());
    assert_eq!(canceled(&effects), [order.client_order_id.to_string()]);
    assert_eq!(placed(&effects).len(), 0);
    // Part of it was filled before the cancel arrived.
    play.fill(23, &mut order, Contracts::whole(2), "0.41".parse().unwrap());
    let effects = play.update(23, &mut order, OrderState::Canceled);
    let closing = placed(&effects);
    assert_eq!(closing[0].intent.contracts, Contracts::whole(12));
}

#[test]
fn a_thin_book_is_taken_piece_by_piece_and_never_beyond_what_it_shows() {
    let mut play = Play::new();
    play.acquire(10, buy("M1A", 10));
    play.show(20, "M1A", &[("0.40", 3), ("0.30", 1)], &[("0.55", 500)]);
    let mut order = placed(&play.command(21, flatten())).remove(0);
    assert_eq!(order.intent.contracts, Contracts::whole(4));
    assert_eq!(order.intent.limit, "0.30".parse().unwrap());
    play.fill(22, &mut order, Contracts::whole(3), "0.40".parse().unwrap());
    // The same book may be taken already, and a pause lies between two attempts.
    assert_eq!(placed(&play.tick(23)).len(), 0);
    assert_eq!(
        placed(&play.tick(30)).len(),
        0,
        "the book is still the one that was taken"
    );
    let effects = play.show(31, "M1A", &[("0.05", 2), ("0.01", 50)], &[]);
    let mut order = placed(&effects).remove(0);
    assert_eq!(
        (order.intent.contracts, order.generation.0),
        (Contracts::whole(7), 3)
    );
    assert_eq!(order.intent.limit, "0.01".parse().unwrap());
    close(&mut play, 32, &mut order);
    assert_eq!(play.flattening().stage, FlattenStage::Flat);
    assert_eq!(play.flattening().legs[&ticker("M1A")].attempts, 2);
}

#[test]
fn missing_collateral_makes_the_pieces_smaller() {
    let mut play = Play::new();
    play.acquire(10, buy("M1A", 10));
    play.look(20);
    let mut order = placed(&play.command(21, flatten())).remove(0);
    let mut sizes = vec![order.intent.contracts.to_string()];
    for second in [24, 28, 32, 36] {
        play.reject(second, &mut order, RejectReason::InsufficientBalance);
        assert_eq!(
            obstacle(&play, "M1A"),
            Obstacle::Rejected {
                reason: RejectReason::InsufficientBalance
            }
        );
        order = placed(&play.look(second + 3)).remove(0);
        sizes.push(order.intent.contracts.to_string());
    }
    assert_eq!(sizes, ["10.00", "5.00", "2.00", "1.00", "1.00"]);
    // One went through: two are tried next, then four, then the rest.
    for (second, size) in [(40, 2), (44, 4), (48, 3)] {
        close(&mut play, second, &mut order);
        order = placed(&play.look(second + 3)).remove(0);
        assert_eq!(order.intent.contracts, Contracts::whole(size));
    }
    close(&mut play, 55, &mut order);
    assert_eq!(play.flattening().stage, FlattenStage::Flat);
}

#[test]
fn what_cannot_be_closed_is_named_with_its_reason() {
    let mut play = Play::new();
    for (second, name) in [(10, "M1A"), (20, "M2A"), (30, "LA"), (40, "LB")] {
        play.acquire(second, buy(name, 4));
    }
    play.show(50, "M1A", &[], &[("0.55", 5)]);
    play.handle(
        50,
        &Event::BookBroken {
            ticker: ticker("M2A"),
            detail: "garbled".into(),
        },
    );
    let mut closed = market("LA");
    closed.status = MarketStatus::Determined;
    play.handle(50, &Event::Market(closed));
    let mut paused = market("LB");
    paused.status = MarketStatus::Inactive;
    play.handle(50, &Event::Market(paused));
    assert_eq!(placed(&play.command(51, flatten())).len(), 0);
    assert_eq!(obstacle(&play, "M1A"), Obstacle::NoBids);
    assert_eq!(obstacle(&play, "M2A"), Obstacle::NoBook);
    assert_eq!(play.flattening().stage, FlattenStage::Working);
    play.tick(100);
    play.show(160, "M1A", &[], &[("0.55", 5)]);
    play.tick(170);
    assert_eq!(
        play.flattening().stage,
        FlattenStage::Working,
        "two minutes are not over"
    );
    let effects = play.tick(171);
    assert_eq!(impossible(&play, "M1A"), Obstacle::NoBids);
    assert_eq!(impossible(&play, "M2A"), Obstacle::NoBook);
    let determined = MarketStatus::Determined;
    assert_eq!(impossible(&play, "LA"), Obstacle::NotOpen { status: determined });
    let inactive = MarketStatus::Inactive;
    assert_eq!(impossible(&play, "LB"), Obstacle::NotOpen { status: inactive });
    let told = alerts(&effects).join(" ");
    for words in ["4.00 of M1A: nobody buys it", "4.00 of M2A: no recent order book"] {
        assert!(told.contains(words), "{told}");
    }
}

#[test]
fn a_market_past_its_close_is_not_waited_for() {
    let mut play = Play::new();
    play.acquire(10, buy("M1A", 4));
    let after = (check_time() - at(0)).num_seconds();
    play.command(after, flatten());
    assert_eq!(impossible(&play, "M1A"), Obstacle::PastClose);
}

#[test]
fn a_pause_of_the_exchange_is_waited_out_for_a_while() {
    let mut play = Play::new();
    play.acquire(10, buy("M1A", 4));
    play.handle(20, &Event::Exchange(PAUSED));
    assert_eq!(placed(&play.command(21, flatten())).len(), 0);
    assert_eq!(obstacle(&play, "M1A"), Obstacle::ExchangePaused);
    play.show(40, "M1A", &[("0.40", 500)], &[]);
    let effects = play.handle(41, &Event::Exchange(TRADING));
    assert_eq!(placed(&effects).len(), 1);
}

#[test]
fn an_order_with_an_unknown_outcome_bounds_what_is_closed_beside_it() {
    let mut play = Play::new();
    play.acquire(10, buy("M1A", 10));
    // An exit of four may or may not have happened.
    let mut order = placed(&play.decide(20, vec![exit("M1A", 4)])).remove(0);
    play.update(21, &mut order, OrderState::Sent);
    play.update(21, &mut order, OrderState::Unknown);
    play.look(22);
    let closing = placed(&play.command(23, flatten())).remove(0);
    assert_eq!(
        closing.intent.contracts,
        Contracts::whole(6),
        "four may be gone already"
    );
    assert_eq!(closing.generation.0, 3);
}

#[test]
fn a_closing_order_with_an_unknown_outcome_is_not_sent_again() {
    let mut play = Play::new();
    play.acquire(10, buy("M1A", 10));
    play.look(20);
    let mut order = placed(&play.command(21, flatten())).remove(0);
    play.update(22, &mut order, OrderState::Sent);
    play.update(22, &mut order, OrderState::Unknown);
    for second in [30, 60, 120] {
        assert_eq!(placed(&play.look(second)).len(), 0, "at {second}");
    }
    play.tick(141);
    let client_order_id = order.client_order_id.clone();
    assert_eq!(impossible(&play, "M1A"), Obstacle::OrderOpen { client_order_id });
}

#[test]
fn resuming_ends_it_and_asking_again_begins_anew() {
    let mut play = Play::new();
    play.acquire(10, buy("M1A", 10));
    play.show(20, "M1A", &[], &[]);
    play.command(21, flatten());
    let resume = Command::Resume {
        cause: "operator_halt".into(),
    };
    play.command(22, resume);
    assert_eq!(impossible(&play, "M1A"), Obstacle::Resumed);
    assert_eq!(play.engine.risk().state(), RiskState::Active);
    play.look(30);
    assert_eq!(placed(&play.command(31, flatten())).len(), 1);
    assert_eq!(play.flattening().stage, FlattenStage::Working);
    // Asked again while it works, it goes on and sends nothing twice.
    assert_eq!(placed(&play.command(32, flatten())).len(), 0);
    assert_eq!(play.flattening().legs[&ticker("M1A")].attempts, 1);
}

#[test]
fn it_gives_up_after_a_bounded_number_of_attempts() {
    let mut play = Play::new();
    play.acquire(10, buy("M1A", 100));
    play.look(20);
    let mut effects = play.command(21, flatten());
    let mut attempts = 0;
    let mut second = 21;
    // Each attempt closes one contract: slow progress, but not for ever.
    while let Some(mut order) = placed(&effects).pop() {
        attempts += 1;
        play.fill(
            second + 1,
            &mut order,
            Contracts::whole(1),
            "0.40".parse().unwrap(),
        );
        second += 5;
        effects = play.look(second);
    }
    assert_eq!(attempts, 40);
    assert_eq!(impossible(&play, "M1A"), Obstacle::GivenUp { attempts: 40 });
    assert_eq!(play.net("M1A"), "60.00");
}
