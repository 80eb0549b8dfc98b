//! The session, case by case.

use std::collections::BTreeSet;
use std::time::Duration;

use serde_json::Value;

use super::truth_tests::{Step, World};
use super::*;
use crate::websocket::StreamErrorCode;
use crate::websocket::event::DisconnectCause as D;
use crate::websocket::event::ReconcileCause as R;
use crate::websocket::event::UnknownCause as U;

fn books_only() -> StreamLimits {
    StreamLimits {
        channels: BTreeSet::from([Channel::Orderbook]),
        ..StreamLimits::default()
    }
}

/// Two markets with a level each, subscribed and known, events read.
fn settled(limits: StreamLimits) -> World {
    let mut world = World::with(limits);
    world.venue.change("KXA-1", true, 4_700, 300);
    world.venue.change("KXA-2", false, 4_800, 200);
    world.want(0b0011);
    let at = world.at();
    world.session.connected(at);
    world.act();
    deliver(&mut world);
    assert!(world.session.is_settled(), "{:?}", world.session);
    events(&mut world);
    world
}

fn deliver(world: &mut World) {
    while let Some(text) = world.venue.out.pop_front() {
        world.hear(&text);
    }
}

fn events(world: &mut World) -> Vec<StreamEvent> {
    std::iter::from_fn(|| world.session.next_event()).collect()
}

fn ticker(name: &str) -> Ticker {
    name.parse().unwrap()
}

fn unknown(name: &str, why: U) -> StreamEvent {
    StreamEvent::BookUnknown {
        ticker: ticker(name),
        why,
    }
}

fn changed(name: &str) -> StreamEvent {
    StreamEvent::BookChanged(ticker(name))
}

fn reconcile(why: R) -> StreamEvent {
    StreamEvent::Reconcile { why }
}

fn bid(world: &World, name: &str) -> Option<String> {
    let book = world.session.book(&ticker(name))?;
    Some(
        book.best_bid()
            .map_or("none".to_owned(), |l| format!("{}x{}", l.price, l.size)),
    )
}

/// What the commands since the last look asked for.
fn asked(world: &mut World) -> Vec<String> {
    let words = |command: &Value| {
        let params = &command["params"];
        let what = params["action"]
            .as_str()
            .or_else(|| params["channels"][0].as_str())
            .unwrap_or("end");
        let markets = params["market_tickers"].as_array();
        let markets: Vec<&str> = markets.into_iter().flatten().filter_map(Value::as_str).collect();
        format!("{what} {}", markets.join(","))
    };
    world.venue.commands.drain(..).map(|c| words(&c)).collect()
}

#[test]
fn a_connection_asks_for_every_channel_and_tells_to_reconcile() {
    let mut world = World::with(StreamLimits::default());
    world.want(0b0001);
    assert_eq!(asked(&mut world), [""; 0]);
    let at = world.at();
    world.session.connected(at);
    world.act();
    let mut commands = asked(&mut world);
    commands.sort();
    assert_eq!(
        commands,
        [
            "fill ",
            "market_lifecycle_v2 ",
            "market_positions ",
            "order_group_updates ",
            "orderbook_delta KXA-1",
            "ticker KXA-1",
            "trade KXA-1",
            "user_orders "
        ]
    );
    deliver(&mut world);
    assert!(world.session.is_settled());
    assert_eq!(
        events(&mut world),
        [StreamEvent::Connected, reconcile(R::Connected), changed("KXA-1")]
    );
}

#[test]
fn changes_coalesce_until_they_are_read() {
    let mut world = settled(books_only());
    for _ in 0..3 {
        world.venue.change("KXA-1", true, 4_700, 100);
    }
    deliver(&mut world);
    assert_eq!(bid(&world, "KXA-1").as_deref(), Some("0.4700x6.00"));
    assert_eq!(events(&mut world), [changed("KXA-1")]);
    world.venue.change("KXA-1", true, 4_700, -600);
    deliver(&mut world);
    assert_eq!(events(&mut world), [changed("KXA-1")]);
    assert_eq!(bid(&world, "KXA-1").as_deref(), Some("none"));
}

#[test]
fn a_gap_makes_every_book_of_the_subscription_unknown_until_it_is_asked_for_again() {
    let mut world = settled(books_only());
    asked(&mut world);
    world.millis += 1_000;
    world.venue.change("KXA-1", true, 4_700, 100);
    world.venue.out.clear();
    world.venue.change("KXA-2", false, 4_800, 100);
    let revealing = world.venue.out.pop_front().unwrap();
    world.hear(&revealing);
    assert_eq!(bid(&world, "KXA-1"), None);
    assert_eq!(bid(&world, "KXA-2"), None);
    assert_eq!(
        events(&mut world),
        [
            reconcile(R::Gap(Channel::Orderbook)),
            unknown("KXA-1", U::Gap),
            unknown("KXA-2", U::Gap)
        ]
    );
    assert_eq!(asked(&mut world), ["get_snapshot KXA-1,KXA-2"]);
    // Changes on the way before the books are in the books, and do not count twice.
    deliver(&mut world);
    assert_eq!(bid(&world, "KXA-1").as_deref(), Some("0.4700x4.00"));
    assert!(world.session.is_settled());
    assert_eq!(events(&mut world), [changed("KXA-1"), changed("KXA-2")]);
    let counters = world.session.counters;
    assert_eq!((counters.gaps, counters.missing, counters.resyncs), (1, 1, 1));
}

#[test]
fn duplicates_are_ignored_and_late_messages_are_never_applied() {
    let mut world = settled(books_only());
    world.venue.change("KXA-1", true, 4_700, 100);
    let first = world.venue.out.pop_front().unwrap();
    world.hear(&first);
    world.hear(&first);
    assert_eq!(bid(&world, "KXA-1").as_deref(), Some("0.4700x4.00"));
    assert_eq!(world.session.counters.duplicates, 1);
    world.millis += 1_000;
    world.venue.change("KXA-1", true, 4_700, 100);
    world.venue.change("KXA-1", true, 4_700, 100);
    world.venue.out.swap(0, 1);
    deliver(&mut world);
    assert_eq!(bid(&world, "KXA-1").as_deref(), Some("0.4700x6.00"));
    assert_eq!(
        (world.session.counters.gaps, world.session.counters.duplicates),
        (1, 2)
    );
}

#[test]
fn a_loss_at_the_end_of_a_quiet_subscription_is_found_by_asking() {
    let mut world = settled(books_only());
    asked(&mut world);
    world.venue.change("KXA-1", true, 4_700, 100);
    world.venue.out.clear();
    world.calm(9_000);
    assert_eq!(
        bid(&world, "KXA-1").as_deref(),
        Some("0.4700x3.00"),
        "nothing shows yet"
    );
    world.calm(3_000);
    assert_eq!(
        asked(&mut world),
        ["get_snapshot KXA-1", "get_snapshot KXA-1,KXA-2"]
    );
    assert_eq!(bid(&world, "KXA-1").as_deref(), Some("0.4700x4.00"));
    assert_eq!(
        (world.session.counters.gaps, world.session.counters.probes),
        (1, 1)
    );
    assert!(world.session.is_settled());
}

#[test]
fn a_quiet_book_is_as_fresh_as_its_last_check() {
    let mut world = settled(books_only());
    world.calm(60_000);
    let book = world.session.book(&ticker("KXA-1")).unwrap();
    let age = world.at().wall - book.received_at;
    assert!(age <= chrono::TimeDelta::seconds(11), "{age}");
    assert_eq!(world.session.counters.mismatches, 0);
}

#[test]
fn a_book_that_differs_without_a_gap_is_corrected_and_counted() {
    let mut world = settled(books_only());
    // Changed at the exchange without a word.
    let silent = world.venue.books.get_mut("KXA-1").unwrap();
    *silent = Default::default();
    for _ in 0..300 {
        world.millis += 100;
        let at = world.at();
        world.session.tick(at);
        let actions = world.session.take_actions();
        for action in actions {
            if let Action::Send(text) = action {
                world.venue.receive(&text);
            }
        }
        while let Some(text) = world.venue.out.pop_front() {
            let at = world.at();
            world.session.text(at, &text);
        }
    }
    assert_eq!(bid(&world, "KXA-1").as_deref(), Some("none"));
    assert_eq!(world.session.counters.mismatches, 1);
}

#[test]
fn markets_come_and_go_within_the_subscription() {
    let mut world = settled(books_only());
    asked(&mut world);
    world.want(0b0110);
    world.act();
    assert_eq!(asked(&mut world), ["delete_markets KXA-1", "add_markets KXB-1"]);
    assert_eq!(bid(&world, "KXA-1"), None);
    // Wanted again before the exchange has taken it out: only afterwards.
    world.want(0b0111);
    world.act();
    assert_eq!(asked(&mut world), [""; 0]);
    deliver(&mut world);
    assert_eq!(asked(&mut world), ["add_markets KXA-1"]);
    assert!(world.session.is_settled());
    world.want(0);
    world.act();
    assert_eq!(
        asked(&mut world),
        ["end "],
        "no market left might mean every market"
    );
    deliver(&mut world);
    assert!(world.session.is_settled());
}

#[test]
fn terminal_errors_are_answered_by_a_new_subscription() {
    for code in [10, 25, 7] {
        let mut world = settled(books_only());
        asked(&mut world);
        let sid = world.venue.sids()[0];
        world.venue.error(None, Some(sid), code);
        deliver(&mut world);
        assert_eq!(asked(&mut world), ["orderbook_delta KXA-1,KXA-2"], "{code}");
        assert!(world.session.is_settled());
        assert_eq!(world.session.counters.resubscriptions, 1);
        let told = events(&mut world);
        assert!(
            told.contains(&reconcile(R::Resubscribed(Channel::Orderbook))),
            "{told:?}"
        );
    }
}

#[test]
fn a_subscription_that_keeps_failing_starts_everything_over() {
    let mut world = settled(books_only());
    for _ in 0..7 {
        world.venue.overflow();
        // Longer than the longest wait before asking again, shorter than forgetting.
        world.calm(9_000);
    }
    assert!(world.session.counters.disconnections >= 1);
    assert!(world.session.is_settled(), "and comes back");
}

#[test]
fn the_limit_of_a_subscription_is_learnt_and_markets_are_spread() {
    let mut world = World::with(books_only());
    world.venue.market_limit = Some(1);
    world.want(0b1111);
    let at = world.at();
    world.session.connected(at);
    world.act();
    world.calm(5_000);
    assert!(world.session.is_settled(), "{:?}", world.session);
    assert_eq!(world.venue.sids().len(), 4);
    assert_eq!(world.session.counters.disconnections, 0);
}

#[test]
fn an_addition_beyond_the_limit_goes_to_another_subscription() {
    let mut world = settled(books_only());
    world.venue.market_limit = Some(2);
    world.want(0b1111);
    world.act();
    world.calm(3_000);
    assert!(world.session.is_settled(), "{:?}", world.session);
    assert_eq!(world.venue.sids().len(), 2);
    assert!(bid(&world, "KXA-1").is_some(), "those inside stay");
}

#[test]
fn a_refused_channel_is_told_once_and_not_asked_for_again() {
    let mut world = settled(StreamLimits {
        channels: BTreeSet::from([Channel::Orderbook, Channel::Fill]),
        ..StreamLimits::default()
    });
    let at = world.at();
    world.session.disconnected(at, D::Lost("test".to_owned()));
    events(&mut world);
    world.venue.drop_connection();
    asked(&mut world);
    world.venue.is_mute = true;
    world.session.connected(at);
    world.act();
    let commands = std::mem::take(&mut world.venue.commands);
    world.venue.is_mute = false;
    for command in commands {
        let id = command["id"].as_u64();
        if command["params"]["channels"][0] == "fill" {
            world.venue.error(id, None, 9);
        } else {
            world.venue.receive(&command.to_string());
        }
    }
    deliver(&mut world);
    let refused = StreamEvent::Refused {
        channel: Channel::Fill,
        code: StreamErrorCode(9),
        detail: "said the venue".to_owned(),
    };
    let told = events(&mut world);
    assert_eq!(
        told.iter().filter(|event| **event == refused).count(),
        1,
        "{told:?}"
    );
    asked(&mut world);
    world.calm(20_000);
    assert!(
        asked(&mut world)
            .iter()
            .all(|command| command.starts_with("get_snapshot"))
    );
    assert!(world.session.is_settled());
}

#[test]
fn silence_is_pinged_and_then_given_up() {
    let mut world = World::with(StreamLimits {
        channels: BTreeSet::from([Channel::Fill]),
        ..StreamLimits::default()
    });
    let at = world.at();
    world.session.connected(at);
    world.act();
    deliver(&mut world);
    events(&mut world);
    let mut pinged_at = Vec::new();
    let closed_at = loop {
        world.millis += 100;
        let at = world.at();
        world.session.tick(at);
        let actions = world.session.take_actions();
        if actions.contains(&Action::Ping) {
            pinged_at.push(world.millis);
        }
        if actions.contains(&Action::Close) {
            break world.millis;
        }
        assert!(world.millis < 60_000);
    };
    assert_eq!((pinged_at, closed_at), (vec![12_000, 24_000], 30_000));
    assert_eq!(events(&mut world), [StreamEvent::Disconnected { why: D::Silent }]);
}

#[test]
fn a_quiet_book_that_cannot_be_checked_is_not_believed() {
    let mut world = settled(books_only());
    world.venue.is_mute = true;
    for _ in 0..160 {
        world.millis += 100;
        let at = world.at();
        // Pings go on: the connection lives, but the subscription may not.
        world.session.heard(at);
        world.session.tick(at);
    }
    assert_eq!(bid(&world, "KXA-1"), None);
    assert!(events(&mut world).contains(&unknown("KXA-1", U::Gap)));
}

#[test]
fn a_subscription_without_an_answer_starts_everything_over() {
    let mut world = World::with(books_only());
    world.want(0b0001);
    world.venue.is_mute = true;
    let at = world.at();
    world.session.connected(at);
    world.act();
    for _ in 0..60 {
        world.millis += 100;
        let at = world.at();
        world.session.heard(at);
        world.session.tick(at);
    }
    assert!(world.session.take_actions().contains(&Action::Close));
    let told = events(&mut world);
    assert!(
        told.contains(&StreamEvent::Disconnected {
            why: D::NoReply("subscribe")
        }),
        "{told:?}"
    );
}

#[test]
fn books_that_do_not_come_are_asked_for_again_and_then_subscribed_anew() {
    let mut world = settled(books_only());
    asked(&mut world);
    world.venue.is_mute = true;
    world.venue.change("KXA-1", true, 4_700, 100);
    world.venue.out.clear();
    world.venue.change("KXA-1", true, 4_700, 100);
    world.calm(16_000);
    let commands = asked(&mut world);
    let questions = commands.iter().filter(|c| c.starts_with("get_snapshot")).count();
    assert!((3..=5).contains(&questions), "{commands:?}");
    assert!(commands.contains(&"end ".to_owned()), "{commands:?}");
    world.venue.is_mute = false;
    world.calm(40_000);
    assert!(world.session.is_settled(), "{:?}", world.session);
}

#[test]
fn a_lost_answer_to_subscribe_is_made_good_by_the_first_message() {
    let mut world = World::with(books_only());
    world.want(0b0001);
    let at = world.at();
    world.session.connected(at);
    world.act();
    let subscribed = world.venue.out.pop_front().unwrap();
    deliver(&mut world);
    assert!(world.session.is_settled());
    world.hear(&subscribed);
    world.calm(20_000);
    assert!(world.session.is_settled());
    assert_eq!(world.session.counters.disconnections, 0);
}

#[test]
fn what_cannot_be_read_is_treated_as_lost() {
    let mut world = settled(books_only());
    asked(&mut world);
    world.millis += 1_000;
    // Whose it was is known: its books are asked for.
    world.hear(r#"{"type":"orderbook_delta","sid":1,"seq":3,"msg":{"market_ticker":"KXA-1"}}"#);
    assert_eq!(asked(&mut world), ["get_snapshot KXA-1,KXA-2"]);
    let told = events(&mut world);
    assert!(told.contains(&reconcile(R::Unreadable)) && told.contains(&unknown("KXA-1", U::Unreadable)));
    // The venue has its own numbering: this one was invented, so the answers are old, and late ones are asked for.
    world.calm(10_000);
    assert!(world.session.is_settled());
    asked(&mut world);
    // Whose it was is not known: a question shows what is missing.
    world.hear(r#"{"type":"orderbook_de"#);
    assert_eq!(asked(&mut world).len(), 1);
    assert_eq!(world.session.counters.unreadable, 2);
}

#[test]
fn unknown_types_keep_their_place_in_the_numbering() {
    let mut world = settled(books_only());
    let sid = world.venue.sids()[0];
    world.venue.tell(sid, "orderbook_rumour", None, None);
    world.venue.change("KXA-1", true, 4_700, 100);
    deliver(&mut world);
    assert_eq!(bid(&world, "KXA-1").as_deref(), Some("0.4700x4.00"));
    assert_eq!(
        (world.session.counters.unknown_types, world.session.counters.gaps),
        (1, 0)
    );
}

#[test]
fn a_size_below_zero_or_a_book_that_stays_crossed_is_asked_for_again() {
    let mut world = settled(books_only());
    asked(&mut world);
    world.millis += 1_000;
    let delta = |seq: u64, side: &str, price: &str, delta: &str| {
        format!(
            r#"{{"type":"orderbook_delta","sid":1,"seq":{seq},"msg":{{"market_ticker":"KXA-1","price_dollars":"{price}","delta_fp":"{delta}","side":"{side}"}}}}"#
        )
    };
    let at = world.at();
    world.session.text(at, &delta(3, "yes", "0.4700", "-9.00"));
    assert_eq!(bid(&world, "KXA-1"), None);
    assert!(events(&mut world).contains(&unknown("KXA-1", U::Corrupt)));
    world.act();
    assert_eq!(asked(&mut world), ["get_snapshot KXA-1"]);
    assert!(bid(&world, "KXA-2").is_some(), "the other book still holds");

    let mut world = settled(books_only());
    let at = world.at();
    // A NO bid at 0.60 is a YES ask at 0.40, below the YES bid.
    world.session.text(at, &delta(3, "no", "0.4000", "1.00"));
    assert_eq!(bid(&world, "KXA-1"), None, "crossed is not shown");
    world.millis += 2_100;
    let at = world.at();
    world.session.heard(at);
    world.session.tick(at);
    assert!(events(&mut world).contains(&unknown("KXA-1", U::Crossed)));
}

#[test]
fn a_command_limit_is_answered_with_patience() {
    let mut world = settled(books_only());
    world.venue.is_mute = true;
    world.want(0b0111);
    world.act();
    let id = world.venue.commands.last().unwrap()["id"].as_u64();
    asked(&mut world);
    world.venue.error(id, None, 27);
    deliver(&mut world);
    assert_eq!(asked(&mut world), [""; 0], "not at once");
    world.venue.is_mute = false;
    world.calm(2_000);
    assert_eq!(asked(&mut world), ["add_markets KXB-1"]);
    assert!(world.session.is_settled());
}

#[test]
fn a_market_that_the_exchange_does_not_know_does_not_take_the_others_along() {
    let mut world = settled(books_only());
    world.venue.is_mute = true;
    world.want(0b1111);
    world.act();
    let id = world.venue.commands.last().unwrap()["id"].as_u64().unwrap();
    world.venue.is_mute = false;
    let refusal = format!(
        r#"{{"type":"error","id":{id},"msg":{{"code":16,"msg":"Market not found","market_ticker":"KXB-2"}}}}"#
    );
    world.hear(&refusal);
    world.calm(3_000);
    for name in ["KXA-1", "KXA-2", "KXB-1"] {
        assert!(bid(&world, name).is_some(), "{name}");
    }
    assert_eq!(bid(&world, "KXB-2"), None);
    assert!(
        !world.session.is_settled(),
        "a wanted book is missing, and that is said"
    );
}

#[test]
fn a_market_that_the_exchange_refuses_without_a_name_is_found_by_halving() {
    let names = ["KXA-1", "KXA-2", "KXB-1", "KXB-2", "KXZ-1", "KXZ-2"];
    let wanted: BTreeSet<Ticker> = names.iter().map(|name| ticker(name)).collect();
    for is_added_later in [false, true] {
        let mut world = World::with(books_only());
        if is_added_later {
            world.want(0b0001);
        } else {
            let at = world.at();
            world.session.set_markets(at, wanted.clone());
        }
        let at = world.at();
        world.session.connected(at);
        world.act();
        world.calm(2_000);
        let at = world.at();
        world.session.set_markets(at, wanted.clone());
        world.act();
        world.calm(2_000);
        for name in ["KXA-1", "KXA-2", "KXB-1", "KXB-2"] {
            assert!(bid(&world, name).is_some(), "{name}");
        }
        let told = events(&mut world);
        assert!(told.contains(&unknown("KXZ-1", U::Refused)) && told.contains(&unknown("KXZ-2", U::Refused)));
        let counters = world.session.counters;
        assert_eq!((counters.disconnections, counters.resubscriptions), (0, 0));
        asked(&mut world);
        world.calm(5_000);
        assert_eq!(asked(&mut world), [""; 0], "and not asked for again");
    }
}

#[test]
fn lifecycle_messages_of_other_series_are_not_told() {
    let mut world = settled(StreamLimits {
        channels: BTreeSet::from([Channel::Lifecycle]),
        series: BTreeSet::from(["KXA".parse().unwrap()]),
        ..StreamLimits::default()
    });
    let sid = world.venue.sids()[0];
    for market in ["KXA-9", "KXOTHER-1", "KXAB-1", "KXA-1"] {
        let msg = serde_json::json!({"market_ticker": market, "event_type": "activated"});
        world.venue.tell(sid, "market_lifecycle_v2", None, Some(msg));
    }
    deliver(&mut world);
    let told: Vec<String> = events(&mut world)
        .into_iter()
        .map(|event| match event {
            StreamEvent::Lifecycle(change) => change.ticker.to_string(),
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(told, ["KXA-9", "KXA-1"]);
}

#[test]
fn time_without_a_wanted_book_is_counted() {
    let mut world = settled(books_only());
    assert_eq!(world.session.counters.unknown_for, Duration::ZERO);
    let at = world.at();
    world.session.disconnected(at, D::Lost("test".to_owned()));
    world.venue.drop_connection();
    world.millis += 1_500;
    assert_eq!(
        world.session.unknown_for(world.at()),
        Duration::from_millis(1_500)
    );
    let at = world.at();
    world.session.connected(at);
    world.act();
    deliver(&mut world);
    world.take(&Step::Wait(5_000));
    assert_eq!(
        world.session.unknown_for(world.at()),
        Duration::from_millis(1_500)
    );
}
