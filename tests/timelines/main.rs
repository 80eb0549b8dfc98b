//! Scripted timelines through the real vintage rules, strategy, risk and core: what a change of the leader leads to, and
//! everything that looks like one and must lead to nothing, each with its reason.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::cast_possible_truncation,
    reason = "a test stops at the first surprise"
)]

#[path = "../../crates/arena-signals/tests/boards/mod.rs"]
mod boards;
mod resuming;
mod stage;

use autotrader_domain::Reason;
use autotrader_settlement::{Board, rank_bounds};
use boards::readings::hash_of;
use boards::{board, reranked};
use chrono::TimeDelta;
use rstest::rstest;
use stage::{LABS, MODELS, Sent, Stage, check};

const AURORA: &str = "KXTOPMODEL-26MAY16-AUR";
const BOREAS: &str = "KXTOPMODEL-26MAY16-BOR";
const NORTHWIND: &str = "KXLLM1-26MAY16-NOR";
const CONTOSO: &str = "KXLLM1-26MAY16-CON";

/// Everything that depends on who leads.
const CONCERNED: [&str; 4] = [AURORA, BOREAS, NORTHWIND, CONTOSO];

/// `aurora-5` of Northwind leads `boreas-5` of Contoso by ten points; a hundred models follow.
fn first() -> Board {
    let mut top = board(&[
        ("aurora-5", "Northwind", 1500.0, 30_000),
        ("boreas-5", "Contoso", 1490.0, 25_000),
        ("cirrus-2", "Fabrikam", 1472.0, 40_000),
        ("drift-1", "Tailspin", 1466.0, 40_000),
        ("ember-3", "Litware", 1460.0, 40_000),
    ]);
    let rest = boards::ladder(100).entries;
    top.entries.extend(
        rest.into_iter()
            .filter(|entry| entry.score.as_ref().is_some_and(|score| score.value() < 1440.0)),
    );
    bounded(top)
}

/// Ranks, and the bounds of ranks that follow from the intervals: neighbours share them.
fn bounded(board: Board) -> Board {
    let mut board = reranked(board);
    let bounds = rank_bounds(&board.entries);
    for (entry, bounds) in board.entries.iter_mut().zip(bounds) {
        (entry.rank_ub, entry.rank_lb) = (bounds.rank_ub, bounds.rank_lb);
    }
    board
}

fn with(change: impl FnOnce(&mut Board)) -> Board {
    let mut board = first();
    change(&mut board);
    bounded(board)
}

fn score(board: &mut Board, name: &str, points: f64) {
    let entry = board
        .entries
        .iter_mut()
        .find(|entry| entry.model_name == name)
        .unwrap();
    *entry = boards::row(
        name,
        entry.organization.clone().unwrap().as_str(),
        1,
        points,
        entry.votes.unwrap(),
    );
}

/// `boreas-5` passes `aurora-5` by eight points.
fn overtaken() -> Board {
    with(|board| score(board, "boreas-5", 1508.0))
}

/// `aurora-5` under another name.
fn renamed() -> Board {
    with(|board| board.entries[0].model_name = "aurora-5-high".to_owned())
}

/// `aurora-5` is gone; a sibling stands within ten points and fifteen per cent of the votes.
fn suspected() -> Board {
    with(|board| {
        board.entries.retain(|entry| entry.model_name != "aurora-5");
        board
            .entries
            .push(boards::row("aurora-5-20260507", "Northwind", 1, 1496.0, 33_000));
    })
}

/// What a change of the leader from Northwind's to Contoso's model may be traded as.
fn follows_the_news(sent: &[Sent]) -> bool {
    sent.iter().all(|sent| match sent.ticker.as_str() {
        BOREAS | CONTOSO => sent.up,
        AURORA | NORTHWIND => !sent.up,
        _ => true,
    })
}

#[track_caller]
fn trades_on_both_series(sent: &[Sent]) {
    assert!(follows_the_news(sent), "{sent:?}");
    for concerned in [[AURORA, BOREAS], [NORTHWIND, CONTOSO]] {
        let entries = sent.iter().filter(|sent| sent.entry);
        assert!(
            entries
                .into_iter()
                .any(|sent| concerned.contains(&sent.ticker.as_str())),
            "nothing on {concerned:?}: {sent:?}"
        );
    }
}

/// Nothing but these contracts is entered, and of each YES is bought.
#[track_caller]
fn bought(sent: &[Sent], mut expected: Vec<&str>) {
    let entered = sent.iter().filter(|sent| sent.entry);
    let mut entered: Vec<(&str, bool)> = entered.map(|sent| (sent.ticker.as_str(), sent.up)).collect();
    entered.sort_unstable();
    expected.sort_unstable();
    let expected: Vec<(&str, bool)> = expected.into_iter().map(|ticker| (ticker, true)).collect();
    assert_eq!(entered, expected);
}

/// Tempting books are traded with: the favourites of both series are bought, and nothing else is entered.
#[track_caller]
fn buys_the_favourites(stage: &mut Stage, favourites: [&str; 2]) {
    stage.tempt();
    let sent = stage.pass(30);
    bought(&sent, favourites.to_vec());
}

#[test]
fn a_new_leader_is_traded_on_both_series_within_the_event_that_brings_it() {
    let mut stage = Stage::on(&first());
    let sent = stage.read(&overtaken(), 24);
    trades_on_both_series(&sent);
    assert!(stage.open().is_empty(), "immediate orders leave nothing behind");
    // The books do not follow: what was wanted is held, and it is not bought again and again.
    let later = stage.pass(600);
    assert!(later.iter().filter(|sent| sent.entry).count() <= 2, "{later:?}");
    assert!(follows_the_news(&later), "{later:?}");
}

#[test]
fn a_held_leader_is_traded_within_the_event_that_confirms_it() {
    let mut stage = Stage::on(&first());
    let leap = with(|board| score(board, "boreas-5", 1540.0));
    assert_eq!(stage.read(&leap, 24), []);
    stage.told_first(CONCERNED, Reason::HeldBoard);
    stage.sleep_until(stage.now() + TimeDelta::seconds(58));
    assert_eq!(stage.read(&leap, 24), [], "less than a minute after the first");
    stage.told_first(CONCERNED, Reason::HeldBoard);
    let sent = stage.read(&leap, 24);
    trades_on_both_series(&sent);
}

/// A doubt of the board: what brings it, the reason that both series tell, and whose contracts lead while it lasts.
struct Doubt {
    accepted: Board,
    /// The other page and the hour of its stamp; `None` when every poll fails.
    shown: Option<(Board, i64)>,
    reason: Reason,
    favourites: [&'static str; 2],
}

#[rstest]
#[case::glitch(Doubt {
    accepted: first(),
    shown: Some((with(|board| score(board, "boreas-5", 1640.0)), 24)),
    reason: Reason::HeldBoard,
    favourites: [AURORA, NORTHWIND],
})]
#[case::suspected_rename(Doubt {
    accepted: first(),
    shown: Some((suspected(), 24)),
    reason: Reason::HeldBoard,
    favourites: [AURORA, NORTHWIND],
})]
#[case::leader_removed(Doubt {
    accepted: first(),
    shown: Some((with(|board| drop(board.entries.remove(0))), 24)),
    reason: Reason::HeldBoard,
    favourites: [AURORA, NORTHWIND],
})]
#[case::other_entries_under_the_same_stamp(Doubt {
    accepted: first(),
    shown: Some((overtaken(), 0)),
    reason: Reason::UnconfirmedBoard,
    favourites: [AURORA, NORTHWIND],
})]
#[case::older_vintage(Doubt {
    accepted: overtaken(),
    shown: Some((first(), -24)),
    reason: Reason::OlderVintage,
    favourites: [BOREAS, CONTOSO],
})]
#[case::no_page(Doubt {
    accepted: first(),
    shown: None,
    reason: Reason::StaleFeed,
    favourites: [AURORA, NORTHWIND],
})]
fn a_doubt_alone_keeps_back_what_would_be_entered_and_trading_resumes_after_it(#[case] doubt: Doubt) {
    let mut stage = Stage::on(&doubt.accepted);
    let wait = |stage: &mut Stage, seconds| match &doubt.shown {
        Some(_) => stage.pass(seconds),
        None => stage.fail(seconds),
    };
    match &doubt.shown {
        Some((board, hour)) => assert_eq!(stage.show(board, *hour), []),
        None => assert_eq!(stage.fail(630), []),
    }
    stage.told_first(CONCERNED, doubt.reason);
    // The books now offer what would be bought at once without the doubt.
    stage.tempt();
    assert_eq!(wait(&mut stage, 30), []);
    stage.told_first(CONCERNED, doubt.reason);
    for favourite in doubt.favourites {
        let line = stage.line(favourite);
        assert_eq!(line.next_reason, None, "{favourite}: nothing else forbids it");
        assert!(line.wanted.is_some(), "{favourite}: {line:?}");
    }
    // The accepted board shows again.
    let mut sent = stage.read(&doubt.accepted, 0);
    sent.extend(stage.pass(30));
    bought(&sent, doubt.favourites.to_vec());
}

#[test]
fn once_the_books_have_followed_there_is_nothing_left_to_trade() {
    let mut stage = Stage::on(&first());
    stage.liquid = false;
    stage.show(&overtaken(), 24);
    stage.quote_what_it_thinks();
    assert_eq!(stage.pass(3_600), []);
}

#[test]
fn a_change_inside_one_company_is_no_news_for_companies() {
    let aurora_6 = with(|board| {
        let aurora_6 = boards::row("aurora-6", "Northwind", 1, 1506.0, 9_000);
        board.entries.push(aurora_6);
    });
    let mut stage = Stage::on(&first());
    let (model, lab) = (stage.fair(AURORA), stage.fair(NORTHWIND));
    assert_eq!(stage.show(&aurora_6, 24), []);
    // The new model has no contract; the old one is worth less, and its company is not.
    stage.told_first([AURORA, BOREAS], Reason::UnmappedTopModel);
    assert!(
        stage.fair(AURORA) < model - 0.3,
        "{model}, {}",
        stage.fair(AURORA)
    );
    assert!(
        stage.fair(NORTHWIND) > lab - 0.05,
        "{lab}, {}",
        stage.fair(NORTHWIND)
    );
    stage.told_first([NORTHWIND, CONTOSO], Reason::NoEdge);
}

#[test]
fn a_glitch_of_one_reading_is_held_and_forgotten() {
    let mut stage = Stage::on(&first());
    let glitch = with(|board| score(board, "boreas-5", 1640.0));
    assert_eq!(stage.show(&glitch, 24), []);
    stage.told(CONCERNED, Reason::HeldBoard);
    assert_eq!(stage.show(&first(), 0), []);
    assert_eq!(stage.pass(3_600), []);
    assert!(
        stage
            .reasons(CONCERNED)
            .values()
            .all(|reasons| !reasons.contains(&Reason::HeldBoard))
    );
    // Trading goes on as if nothing had been.
    trades_on_both_series(&stage.show(&overtaken(), 30));
}

#[test]
fn an_older_page_that_flaps_back_is_not_traded_on() {
    let mut stage = Stage::on(&overtaken());
    for _ in 0..5 {
        assert_eq!(stage.show(&first(), -24), []);
        stage.told(CONCERNED, Reason::OlderVintage);
        assert_eq!(stage.pass(60), []);
        assert_eq!(stage.show(&overtaken(), 0), []);
        assert_eq!(stage.pass(60), []);
    }
    let still = stage.engine.standing().accepted.as_ref().unwrap().hash;
    assert_eq!(still, hash_of(&overtaken()));
    buys_the_favourites(&mut stage, [BOREAS, CONTOSO]);
}

#[test]
fn other_entries_under_the_same_stamp_wait_for_a_second_reading() {
    let mut stage = Stage::on(&first());
    assert_eq!(stage.show(&overtaken(), 0), []);
    stage.told(CONCERNED, Reason::UnconfirmedBoard);
    assert_eq!(stage.show(&first(), 0), []);
    assert_eq!(stage.pass(600), []);
}

#[test]
fn a_rollback_is_no_news_when_it_is_believed_in_the_end() {
    let mut stage = Stage::on(&overtaken());
    assert_eq!(stage.show(&first(), -24), []);
    // Long enough to be believed, and longer than any news is fresh.
    let sent = stage.pass(3 * 3_600);
    assert_eq!(sent, []);
    let now = stage.engine.standing().accepted.as_ref().unwrap().hash;
    assert_eq!(now, hash_of(&first()), "the older board is current");
    assert_eq!(stage.engine.standing().news_at, None);
    stage.told_first(CONCERNED, Reason::ModelMarketGap);
    buys_the_favourites(&mut stage, [AURORA, NORTHWIND]);
}

#[test]
fn a_renamed_leader_freezes_its_contract_and_moves_nothing() {
    let mut stage = Stage::on(&first());
    let lab = stage.fair(NORTHWIND);
    assert_eq!(stage.show(&renamed(), 24), []);
    assert_eq!(stage.pass(3_600), []);
    // Nobody can say which contract the new name belongs to; whose model leads has not changed.
    stage.told_first([AURORA], Reason::Renamed);
    stage.told_first([BOREAS], Reason::UnmappedTopModel);
    stage.told([NORTHWIND, CONTOSO], Reason::NoEdge);
    assert!((stage.fair(NORTHWIND) - lab).abs() < 0.01, "{lab}");
    // No price tempts the series of models until the old name is back; companies are not concerned.
    stage.tempt();
    bought(&stage.pass(120), vec![NORTHWIND]);
    stage.told_first([AURORA], Reason::Renamed);
    stage.told_first([BOREAS], Reason::UnmappedTopModel);
    bought(&stage.read(&first(), 48), vec![AURORA]);
}

#[test]
fn a_suspected_rename_is_held_then_frozen_and_moves_nothing() {
    let mut stage = Stage::on(&first());
    let lab = stage.fair(NORTHWIND);
    assert_eq!(stage.show(&suspected(), 24), []);
    stage.told_first(CONCERNED, Reason::HeldBoard);
    // Confirmed, it is still no new leader.
    assert_eq!(stage.pass(3_600), []);
    let now = stage.engine.standing().accepted.as_ref().unwrap().hash;
    assert_eq!(now, hash_of(&suspected()));
    stage.told_first([AURORA], Reason::Renamed);
    stage.told_first([BOREAS], Reason::UnmappedTopModel);
    stage.told([NORTHWIND, CONTOSO], Reason::NoEdge);
    assert!(
        stage.fair(NORTHWIND) > lab - 0.15,
        "{lab}, {}",
        stage.fair(NORTHWIND)
    );
}

#[test]
fn what_changed_during_twelve_hours_without_a_page_is_not_fresh_news() {
    let mut stage = Stage::on(&first());
    assert_eq!(stage.fail(1_800), []);
    stage.told(CONCERNED, Reason::StaleFeed);
    assert_eq!(stage.fail(12 * 3_600), []);
    // The books still believe the old leader. It is just as likely that the market knows more than we do.
    assert_eq!(stage.show(&overtaken(), 24), []);
    assert_eq!(stage.pass(600), []);
    stage.told_first(CONCERNED, Reason::ModelMarketGap);
    // Once the books know of the change as well, trading goes on.
    buys_the_favourites(&mut stage, [BOREAS, CONTOSO]);
}

/// Soon after the last sight of the old leader only the gap itself says that the change may be old; later its age does.
#[rstest]
fn a_process_that_slept_has_no_fresh_news_either(#[values(5, 60, 720)] minutes: i64) {
    let mut stage = Stage::on(&first());
    stage.sleep_until(stage.now() + TimeDelta::minutes(minutes));
    assert_eq!(stage.show(&overtaken(), 24), []);
    assert_eq!(stage.pass(600), []);
    stage.told_first(CONCERNED, Reason::ModelMarketGap);
    // Once the books know of the change as well, trading goes on.
    buys_the_favourites(&mut stage, [BOREAS, CONTOSO]);
}

#[test]
fn with_time_and_no_news_the_leader_becomes_more_certain() {
    let mut stage = Stage::on(&first());
    let mut before = (stage.fair(AURORA), stage.fair(NORTHWIND));
    for hours in [144, 96, 48, 24, 6, 1] {
        stage.sleep_until(check() - TimeDelta::hours(hours));
        stage.pass(60);
        let now = (stage.fair(AURORA), stage.fair(NORTHWIND));
        assert!(
            now.0 > before.0 && now.1 > before.1,
            "{hours} h before: {before:?}, {now:?}"
        );
        stage.quote_what_it_thinks();
        before = now;
    }
    assert!(before.0 > 0.98, "{before:?}");
}

#[test]
fn in_the_last_minutes_nothing_is_entered() {
    let mut stage = Stage::on(&first());
    stage.sleep_until(check() - TimeDelta::minutes(9));
    assert_eq!(stage.show(&overtaken(), 200), []);
    stage.told_first(CONCERNED, Reason::TooCloseToCheck);
    stage.sleep_until(check());
    assert_eq!(stage.show(&overtaken(), 200), []);
    stage.told_first(CONCERNED, Reason::PastClose);
}

/// Who leads is a matter of reading: full scores name one, displayed ones and votes the other.
#[test]
fn a_winner_that_depends_on_the_precision_of_scores_is_not_traded_on() {
    let boreas_at = |points: f64| with(|board| score(board, "boreas-5", points));
    let mut stage = Stage::on(&boreas_at(1499.6));
    let before = stage.fair(BOREAS);
    assert_eq!(stage.show(&boreas_at(1500.4), 24), []);
    assert!(
        stage.fair(BOREAS) > before + 0.03,
        "it is worth more now, {before}"
    );
    stage.told([AURORA, BOREAS], Reason::AmbiguousWinner);
    // Once the lead is clear it is traded.
    trades_on_both_series(&stage.show(&overtaken(), 48));
}

#[test]
fn a_lead_too_small_to_call_before_the_check_is_not_traded_on() {
    let boreas_at = |points: f64| with(|board| score(board, "boreas-5", points));
    let mut stage = Stage::on(&boreas_at(1499.2));
    stage.sleep_until(check() - TimeDelta::hours(40));
    stage.liquid = false;
    stage.pass(30);
    stage.quote_what_it_thinks();
    stage.pass(60);
    assert_eq!(stage.show(&boreas_at(1500.8), 180), []);
    stage.told(CONCERNED, Reason::AmbiguousWinner);
}

#[test]
fn every_line_tells_what_the_other_estimators_say() {
    let stage = Stage::on(&first());
    for (name, _) in MODELS.iter().chain(&LABS) {
        let baselines: Vec<&str> = stage.line(name).baselines.keys().map(String::as_str).collect();
        assert_eq!(
            baselines,
            ["persistence", "rank_table", "recency_persistence"],
            "{name}"
        );
    }
}
