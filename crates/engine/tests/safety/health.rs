//! Causes that stop entries and release themselves: raised once, released on evidence, never by silence.

use autotrader_domain::ports::Restored;
use autotrader_domain::{Command, Reason};
use autotrader_engine::Event;
use autotrader_risk::{Cause, Limits, RiskState};
use chrono::TimeDelta;

use crate::kit::{PAUSED, Play, TRADING, alerts, buy, causes, exit, market, placed, reading, refusals};

fn limits() -> Limits {
    Limits {
        max_feed_age: TimeDelta::seconds(100),
        max_book_age: TimeDelta::seconds(20),
        max_board_age: TimeDelta::days(14),
        ..Limits::default()
    }
}

/// A play in which books and page come at these seconds, and a timer at every second up to `end`.
fn played(play: &mut Play, from: i64, end: i64, books: bool, page: bool) -> Vec<String> {
    let mut found = Vec::new();
    for second in from..=end {
        let mut effects = Vec::new();
        if page {
            effects.extend(play.read(second));
        }
        if books {
            effects.extend(play.show(second, "M1A", &[("0.40", 5)], &[("0.55", 5)]));
        }
        effects.extend(play.tick(second));
        found.extend(
            causes(&effects)
                .into_iter()
                .map(|cause| format!("{second}{cause}")),
        );
    }
    found
}

#[test]
fn a_leaderboard_that_is_not_read_stops_entries_until_it_is_read_again() {
    let mut play = Play::begun(limits());
    assert_eq!(
        played(&mut play, 1, 300, true, false),
        ["101+leaderboard_stale"],
        "raised once"
    );
    assert_eq!(play.engine.risk().state(), RiskState::NoEntries);
    // A failed reading is no reading.
    let failed = play.handle(301, &Event::Reading(reading(301, "timeout")));
    assert_eq!(causes(&failed), [""; 0]);
    let effects = play.read(302);
    assert_eq!(causes(&effects), ["-leaderboard_stale"]);
    assert!(alerts(&effects)[0].contains("leaderboard_stale is over"));
    assert_eq!(play.engine.risk().state(), RiskState::Active);
}

#[test]
fn what_was_never_heard_of_is_stale_only_after_it_had_its_time() {
    let mut play = Play::with(limits());
    assert_eq!(played(&mut play, 0, 100, false, false), [""; 0]);
    let found = played(&mut play, 101, 140, false, false);
    assert_eq!(
        found,
        ["101+leaderboard_stale"],
        "without markets no book is missed"
    );
    play.list(140, vec![market("M1A")]);
    // From the first listed market on a book has its time too.
    assert_eq!(
        played(&mut play, 141, 160, false, true),
        ["141-leaderboard_stale"]
    );
    assert_eq!(
        played(&mut play, 161, 170, false, true),
        ["161+market_data_stale"]
    );
    assert_eq!(played(&mut play, 171, 172, true, true), ["171-market_data_stale"]);
}

#[test]
fn a_board_whose_stamp_is_too_old_is_stale_however_often_it_is_read() {
    let mut play = Play::begun(limits());
    let days = |days: i64| days * 86_400;
    let mut found = played(&mut play, days(14), days(14) + 3, true, true);
    found.retain(|cause| cause.contains("leaderboard"));
    assert_eq!(found, [format!("{}+leaderboard_stale", days(14) + 1)]);
}

#[test]
fn one_fresh_book_keeps_market_data_alive_and_none_stops_entries() {
    let mut play = Play::begun(limits());
    let found = played(&mut play, 1, 60, false, true);
    assert_eq!(found, ["21+market_data_stale"]);
    play.read(62);
    play.want(vec![buy("M1A", 5)]);
    assert_eq!(
        refusals(&play.tick(62))["M1A"],
        Reason::MarketDataStale,
        "the cause stands before the check of the book itself"
    );
    assert_eq!(played(&mut play, 63, 63, true, true), ["63-market_data_stale"]);
}

#[test]
fn a_paused_exchange_stops_entries_and_not_exits() {
    let mut play = Play::begun(limits());
    play.acquire(5, buy("M1A", 10));
    let effects = play.handle(6, &Event::Exchange(PAUSED));
    assert_eq!(causes(&effects), ["+exchange_paused"]);
    assert_eq!(causes(&play.handle(7, &Event::Exchange(PAUSED))), [""; 0]);
    let effects = play.decide(8, vec![buy("LA", 5), exit("M1A", 10)]);
    assert_eq!(refusals(&effects)["LA"], Reason::ExchangePaused);
    assert_eq!(placed(&effects).len(), 1);
    assert_eq!(
        causes(&play.handle(9, &Event::Exchange(TRADING))),
        ["-exchange_paused"]
    );
}

#[test]
fn a_held_board_stops_entries_until_it_is_confirmed_or_gone() {
    let mut play = Play::begun(limits());
    let effects = play.hold_board(3, true);
    assert_eq!(causes(&effects), ["+board_held"]);
    assert_eq!(
        alerts(&effects),
        [""; 0],
        "the vintage rules tell of it themselves"
    );
    let effects = play.decide(4, vec![buy("LA", 5)]);
    assert_eq!(refusals(&effects)["LA"], Reason::HeldBoard);
    assert_eq!(causes(&effects), [""; 0]);
    assert_eq!(causes(&play.hold_board(5, false)), ["-board_held"]);
    assert_eq!(placed(&play.decide(6, vec![buy("LA", 5)])).len(), 1);
}

#[test]
fn a_cause_from_before_a_restart_goes_on_evidence_only() {
    let mut play = Play::with(limits());
    let stored = [
        Cause::LeaderboardStale,
        Cause::MarketDataStale,
        Cause::ExchangePaused,
        Cause::BoardHeld,
        Cause::DailyLoss,
    ];
    play.engine.restore(Restored {
        causes: stored
            .map(|cause| (cause.code().to_owned(), "before".to_owned()))
            .to_vec(),
        ..Restored::default()
    });
    play.list(0, vec![market("M1A")]);
    assert_eq!(causes(&play.tick(1)), [""; 0], "silence proves nothing");
    assert_eq!(causes(&play.read(2)), ["-leaderboard_stale", "-board_held"]);
    assert_eq!(
        causes(&play.handle(3, &Event::Exchange(TRADING))),
        ["-exchange_paused"]
    );
    let book = play.show(4, "M1A", &[("0.40", 5)], &[]);
    assert_eq!(causes(&book), ["-market_data_stale"]);
    assert_eq!(
        play.engine.risk().state(),
        RiskState::Reduce,
        "a loss waits for the operator"
    );
}

#[test]
fn an_operator_cannot_talk_a_stale_leaderboard_away() {
    let mut play = Play::begun(limits());
    played(&mut play, 1, 101, true, false);
    let resume = Command::Resume {
        cause: "leaderboard_stale".into(),
    };
    assert_eq!(
        causes(&play.command(102, resume)),
        ["-leaderboard_stale", "+leaderboard_stale"]
    );
}

#[test]
fn every_cause_of_the_table_leads_where_it_should() {
    use RiskState::{Halt, NoEntries, Reduce};
    let table = [
        ("operator_halt", Halt, false),
        ("halt_file", Halt, false),
        ("store_not_durable", Halt, false),
        ("operator_reduce", Reduce, false),
        ("daily_loss", Reduce, false),
        ("strategy_loss", Reduce, false),
        ("drawdown", Reduce, false),
        ("reconciliation_mismatch", Reduce, false),
        ("foreign_orders", Reduce, false),
        ("schema_error", Reduce, false),
        ("access_refused", Reduce, false),
        ("leaderboard_stale", NoEntries, true),
        ("market_data_stale", NoEntries, true),
        ("exchange_paused", NoEntries, true),
        ("board_held", NoEntries, true),
    ];
    assert_eq!(table.len(), Cause::ALL.len());
    for (code, state, by_itself) in table {
        let cause: Cause = code.parse().unwrap();
        assert_eq!(
            (cause.state(), cause.releases_itself()),
            (state, by_itself),
            "{code}"
        );
    }
}

#[test]
fn events_raise_the_causes_they_mean_and_each_is_told_once() {
    let detail = || "words".to_owned();
    let table = [
        (
            Event::Mismatch { detail: detail() },
            Cause::ReconciliationMismatch,
        ),
        (Event::ForeignOrders { detail: detail() }, Cause::ForeignOrders),
        (Event::SchemaBroken { detail: detail() }, Cause::SchemaError),
        (Event::AccessRefused { detail: detail() }, Cause::AccessRefused),
        (Event::StoreFailed { detail: detail() }, Cause::StoreNotDurable),
        (Event::HaltFile { detail: detail() }, Cause::HaltFile),
    ];
    let mut play = Play::new();
    for (event, cause) in &table {
        let effects = play.handle(1, event);
        assert_eq!(causes(&effects), [format!("+{cause}")]);
        assert_eq!(alerts(&effects).len(), 1);
        assert_eq!(causes(&play.handle(2, event)), [""; 0]);
    }
    for (count, (_, cause)) in table.iter().enumerate() {
        let resume = Command::Resume {
            cause: cause.code().into(),
        };
        assert_eq!(causes(&play.command(3, resume)), [format!("-{cause}")]);
        assert_eq!(
            play.engine.risk().causes().iter().count(),
            table.len() - count - 1
        );
    }
    assert_eq!(play.engine.risk().state(), RiskState::Active);
    // A file that is still there halts again at the next look.
    assert_eq!(causes(&play.handle(4, &table[5].0)), ["+halt_file"]);
}
