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
mod stage;

use autotrader_domain::Reason;
use autotrader_settlement::{Board, rank_bounds};
use boards::{board, reranked};
use chrono::TimeDelta;
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

#[test]
fn a_new_leader_is_traded_on_both_series_within_the_event_that_brings_it() {
    let mut stage = Stage::on(&first());
    // Of all that a tick brings, the reading alone may lead to orders.
    let sent = stage.show(&overtaken(), 24);
    trades_on_both_series(&sent);
    assert!(stage.open().is_empty(), "immediate orders leave nothing behind");
    // The books do not follow: what was wanted is held, and it is not bought again and again.
    let later = stage.pass(600);
    assert!(later.iter().filter(|sent| sent.entry).count() <= 2, "{later:?}");
    assert!(follows_the_news(&later), "{later:?}");
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
    let sent = stage.show(&aurora_6, 24);
    assert!(
        sent.iter().all(|sent| sent.ticker.starts_with("KXTOPMODEL")),
        "{sent:?}"
    );
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
    assert_eq!(still, boards::readings::hash_of(&overtaken()));
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
    assert_eq!(
        now,
        boards::readings::hash_of(&first()),
        "the older board is current"
    );
    assert_eq!(stage.engine.standing().news_at, None);
    stage.told(CONCERNED, Reason::ModelMarketGap);
}

#[test]
fn a_renamed_leader_freezes_its_contract_and_moves_nothing() {
    let mut stage = Stage::on(&first());
    let renamed = with(|board| board.entries[0].model_name = "aurora-5-high".to_owned());
    assert_eq!(stage.show(&renamed, 24), []);
    assert_eq!(stage.pass(3_600), []);
    stage.told([AURORA], Reason::Renamed);
    // Whose model leads has not changed.
    assert!(stage.fair(NORTHWIND) > 0.5, "{}", stage.fair(NORTHWIND));
}

#[test]
fn a_suspected_rename_moves_nothing_either() {
    let mut stage = Stage::on(&first());
    // The slug is gone; a sibling stands within ten points and fifteen per cent of the votes.
    let suspected = with(|board| {
        board.entries.retain(|entry| entry.model_name != "aurora-5");
        board
            .entries
            .push(boards::row("aurora-5-20260507", "Northwind", 1, 1496.0, 33_000));
    });
    assert_eq!(stage.show(&suspected, 24), []);
    assert_eq!(stage.pass(3_600), []);
    let reasons = stage.reasons([AURORA]);
    assert!(
        reasons[AURORA].contains(&Reason::Renamed) || reasons[AURORA].contains(&Reason::HeldBoard),
        "{reasons:?}"
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
    stage.told(CONCERNED, Reason::ModelMarketGap);
}

#[test]
fn a_process_that_slept_for_twelve_hours_has_no_fresh_news_either() {
    let mut stage = Stage::on(&first());
    stage.sleep_until(stage.now() + TimeDelta::hours(12));
    assert_eq!(stage.show(&overtaken(), 24), []);
    assert_eq!(stage.pass(600), []);
    stage.told(CONCERNED, Reason::ModelMarketGap);
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
    stage.told(CONCERNED, Reason::TooCloseToCheck);
    stage.sleep_until(check());
    assert_eq!(stage.show(&overtaken(), 200), []);
    stage.told(CONCERNED, Reason::PastClose);
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
