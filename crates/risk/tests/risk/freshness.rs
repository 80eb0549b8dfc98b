//! Entries rest on what is open and recent; exits do not ask.

use autotrader_domain::{
    BookSide, Challenge, ChallengeKind, ExchangeStatus, HoldReason, MarketStatus, Order, Reason,
};
use chrono::{DateTime, TimeDelta, Utc};

use crate::kit::{World, buy, check, exit, expect, now, sell, ticker};

/// A world at `at`, in which everything else is as fresh as can be.
fn world_at(at: DateTime<Utc>) -> World {
    let mut world = World::new();
    world.at = at;
    world.hold("M-2A", BookSide::Bid, 5, "0.40");
    world
}

fn entry() -> Order {
    buy("L-A", 1, "0.40")
}

/// Passes one microsecond before the limit and at it, is refused one after; an exit always passes.
#[track_caller]
fn ages(reason: Reason, max: TimeDelta, set: impl Fn(&mut World, TimeDelta)) {
    let step = TimeDelta::microseconds(1);
    for (age, expected) in [
        (TimeDelta::zero(), None),
        (max - step, None),
        (max, None),
        (max + step, Some(reason)),
        // Our clock was set back: what is newer than now is not old.
        (TimeDelta::seconds(-5), None),
    ] {
        let mut world = world_at(now());
        world.limits.max_feed_age = TimeDelta::minutes(7);
        world.limits.max_board_age = TimeDelta::days(3);
        world.limits.max_book_age = TimeDelta::seconds(40);
        set(&mut world, age);
        expect(&world, entry(), expected);
        expect(&world, sell("L-A", 1, "0.40"), expected);
        expect(&world, exit(sell("M-2A", 5, "0.40")), None);
    }
}

#[test]
fn the_page_the_board_and_the_book_have_ages() {
    ages(Reason::StaleFeed, TimeDelta::minutes(7), |world, age| {
        world.standing.feed_at = Some(now() - age);
    });
    ages(Reason::StaleBoard, TimeDelta::days(3), |world, age| {
        let mut accepted = world.standing.accepted.as_deref().cloned().unwrap();
        accepted.vintage.0 = now() - age;
        world.standing.accepted = Some(accepted.into());
    });
    ages(Reason::StaleBook, TimeDelta::seconds(40), |world, age| {
        world.books.get_mut(&ticker("L-A")).unwrap().received_at = now() - age;
    });
}

#[test]
fn what_was_never_seen_is_not_fresh() {
    type Row = (Reason, fn(&mut World));
    let table: [Row; 4] = [
        (Reason::NoBoard, |world| world.standing.accepted = None),
        (Reason::StaleFeed, |world| world.standing.feed_at = None),
        (Reason::NoBook, |world| {
            world.books.clear();
        }),
        (Reason::ExchangePaused, |world| world.exchange = None),
    ];
    for (reason, forget) in table {
        let mut world = world_at(now());
        forget(&mut world);
        expect(&world, entry(), Some(reason));
        expect(&world, exit(sell("M-2A", 5, "0.40")), None);
    }
}

#[test]
fn a_challenge_that_forbids_everywhere_is_looked_at_here_too() {
    let table = [
        (
            ChallengeKind::Held(HoldReason::SuspectedRename),
            Some(Reason::HeldBoard),
        ),
        (ChallengeKind::CoarserPath, Some(Reason::BoardNotTradable)),
        // Whether these forbid depends on who would win: the strategy decides.
        (ChallengeKind::SameStamp, None),
        (ChallengeKind::OlderVintage, None),
    ];
    for (kind, expected) in table {
        let mut world = world_at(now());
        let accepted = world.standing.accepted.clone().unwrap();
        world.standing.challenge = Some(Challenge {
            kind,
            board: accepted.board.clone(),
            hash: accepted.hash,
            vintage: None,
            first_seen: now(),
            confirmations: 1,
        });
        expect(&world, entry(), expected);
        expect(&world, exit(sell("M-2A", 5, "0.40")), None);
    }
}

#[test]
fn only_an_exchange_that_trades_takes_entries() {
    for (exchange_active, trading_active, expected) in [
        (true, true, None),
        (true, false, Some(Reason::ExchangePaused)),
        (false, true, Some(Reason::ExchangePaused)),
        (false, false, Some(Reason::ExchangePaused)),
    ] {
        let mut world = world_at(now());
        world.exchange = Some(ExchangeStatus {
            exchange_active,
            trading_active,
        });
        expect(&world, entry(), expected);
        expect(&world, exit(sell("M-2A", 5, "0.40")), None);
    }
}

#[test]
fn only_an_open_market_takes_entries() {
    use MarketStatus::{
        Active, Amended, Closed, Determined, Disputed, Finalized, Inactive, Initialized, Unknown,
    };
    for status in [
        Initialized,
        Active,
        Inactive,
        Closed,
        Determined,
        Disputed,
        Amended,
        Finalized,
        Unknown,
    ] {
        let mut world = world_at(now());
        world.markets.get_mut(&ticker("L-A")).unwrap().status = status;
        expect(&world, entry(), (status != Active).then_some(Reason::NotOpen));
    }
    let step = TimeDelta::microseconds(1);
    for (at, expected) in [
        (check(0) - step, None),
        (check(0), Some(Reason::PastClose)),
        (check(0) + step, Some(Reason::PastClose)),
    ] {
        let mut world = world_at(at);
        world.standing.feed_at = Some(at);
        world.books.get_mut(&ticker("L-A")).unwrap().received_at = at;
        expect(&world, entry(), expected);
    }
}
