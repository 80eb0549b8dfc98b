//! The vintage rules, one by one.
// The boards of the tests are known; a missing field is the test's own fault.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)]

mod boards;

use std::time::Duration;

use autotrader_arena_signals::VintageSettings;
use autotrader_domain::ports::SignalSource;
use autotrader_domain::{
    AcceptedBoard, ChallengeKind, GateReasonCode, HoldReason, ParsePath, Severity, Signal,
};
use autotrader_settlement::{Board, Rating};
use boards::readings::{Play, at, failing, hash_of, judged, page, showing, stamp};
use boards::{ladder, reranked, row};
use rstest::rstest;

fn first() -> Board {
    ladder(120)
}

/// The first board with its leader's score moved by so many points.
fn moved(points: f64) -> Board {
    let mut board = first();
    let score = board.entries[0].score.as_ref().unwrap().value();
    board.entries[0].score = Some(Rating::from_value(score + points));
    board
}

fn without(place: usize) -> Board {
    let mut board = first();
    board.entries.remove(place - 1);
    reranked(board)
}

fn joined_by(name: &str, owner: &str, score: f64, votes: i64) -> Board {
    let mut board = first();
    board.entries.push(row(name, owner, 1, score, votes));
    reranked(board)
}

fn renamed(place: usize, name: &str) -> Board {
    let mut board = first();
    board.entries[place - 1].model_name = name.to_owned();
    board
}

fn kinds(signals: &[Signal]) -> Vec<&str> {
    signals.iter().map(Signal::kind).collect()
}

// The first board.

#[test]
fn the_first_tradable_board_is_accepted_at_once_and_is_no_news() {
    let mut play = Play::new();
    let seen = play.show(0, &first(), 0);
    assert_eq!(seen.accepted.as_ref().unwrap().hash, hash_of(&first()));
    assert_eq!((seen.signals, seen.challenge_changed), (vec![], false));
    let standing = play.keeper.standing();
    assert_eq!(standing.feed_at, Some(at(0)));
    assert_eq!(standing.news_at, None);
    assert_eq!(standing.accepted.as_ref().unwrap().accepted_at, at(0));
}

#[test]
fn a_first_board_without_a_stamp_is_not_accepted_and_told_once() {
    let mut play = Play::new();
    let mut undated = page(&first(), 0);
    undated.vintage = None;
    let seen = play.read(&showing(0, "a", undated.clone()));
    assert_eq!(
        (seen.accepted.is_none(), Play::alerts(&seen)),
        (true, vec!["board_undated"])
    );
    let seen = play.read(&showing(30, "b", undated));
    assert_eq!((seen.accepted.is_none(), Play::alerts(&seen)), (true, vec![]));
    assert!(play.show(60, &first(), 0).accepted.is_some());
}

// Only tradable pages count.

#[rstest]
#[case(GateReasonCode::RoundedScores, "leaderboard_display_only")]
#[case(GateReasonCode::IdentityUnproven, "leaderboard_display_only")]
#[case(GateReasonCode::WrongCategory, "leaderboard_refused")]
#[case(GateReasonCode::Blocked, "leaderboard_refused")]
#[case(GateReasonCode::TooFewRows, "leaderboard_refused")]
fn a_page_that_is_not_tradable_changes_nothing_and_is_told_once(
    #[case] code: GateReasonCode,
    #[case] alert: &str,
) {
    let mut play = Play::on(&first());
    let before = play.keeper.standing().clone();
    let seen = play.read(&showing(30, "b", judged(page(&moved(1.0), 9), code)));
    assert!(seen.accepted.is_none() && seen.signals.is_empty() && !seen.challenge_changed);
    assert_eq!(Play::alerts(&seen), [alert]);
    assert!(seen.alerts[0].text.contains(code.as_str()));
    assert_eq!(play.keeper.standing(), &before, "not even the age of the feed");
    let seen = play.read(&showing(60, "c", judged(page(&moved(1.0), 9), code)));
    assert_eq!(Play::alerts(&seen), [""; 0]);
    assert_eq!(
        Play::alerts(&play.show(90, &first(), 0)),
        ["leaderboard_recovered"]
    );
    assert_eq!(play.keeper.standing().feed_at, Some(at(90)));
}

#[test]
fn a_first_page_that_is_not_tradable_is_not_accepted() {
    let mut play = Play::new();
    let seen = play.read(&showing(
        0,
        "a",
        judged(page(&first(), 0), GateReasonCode::RoundedScores),
    ));
    assert!(seen.accepted.is_none());
    assert!(play.keeper.standing().accepted.is_none());
}

#[test]
fn failures_are_told_once_at_the_limit_and_once_when_over() {
    let mut play = Play::on(&first());
    let told: Vec<Vec<String>> = (1..=8)
        .map(|poll| {
            let seen = play.read(&failing(30 * poll));
            seen.alerts.into_iter().map(|alert| alert.name).collect()
        })
        .collect();
    assert_eq!(told.concat(), ["leaderboard_failing"]);
    assert_eq!(told[4], ["leaderboard_failing"]);
    assert_eq!(play.keeper.standing().feed_at, Some(at(0)));
    let seen = play.show(270, &first(), 0);
    assert_eq!(Play::alerts(&seen), ["leaderboard_recovered"]);
}

// Rule 1: a strictly newer stamp.

#[test]
fn a_newer_stamp_is_accepted_at_once_with_its_signals() {
    let mut play = Play::on(&first());
    let seen = play.show(30, &moved(4.0), 1);
    assert_eq!(seen.accepted.as_ref().unwrap().vintage, stamp(1));
    assert_eq!(kinds(&seen.signals), ["score_shift"]);
    assert_eq!(play.accepted(), hash_of(&moved(4.0)));
}

#[test]
fn a_newer_stamp_over_the_same_entries_is_a_younger_board_without_news() {
    let mut play = Play::on(&first());
    play.show(30, &moved(4.0), 1);
    let news = play.keeper.standing().news_at;
    let seen = play.show(60, &moved(4.0), 2);
    assert_eq!(seen.accepted.as_ref().unwrap().vintage, stamp(2));
    assert_eq!(seen.signals, []);
    assert_eq!(play.keeper.standing().news_at, news);
}

#[test]
fn signals_come_once_per_acceptance() {
    let mut play = Play::on(&first());
    assert_eq!(play.show(30, &moved(4.0), 1).signals.len(), 1);
    for second in [60, 90, 120] {
        let seen = play.show(second, &moved(4.0), 1);
        assert!(seen.signals.is_empty() && seen.accepted.is_none());
    }
}

// Rule 2: other entries under the accepted stamp.

#[rstest]
#[case::distinct_and_apart(&[(30, "b"), (90, "c")], true)]
#[case::too_close(&[(30, "b"), (89, "c")], false)]
#[case::the_same_cached_copy(&[(30, "b"), (90, "b"), (150, "b")], false)]
#[case::half_minute_polls(&[(30, "b"), (60, "c"), (90, "d")], true)]
#[case::once(&[(30, "b")], false)]
fn the_same_stamp_with_other_entries_needs_two_distinct_readings_apart(
    #[case] readings: &[(i64, &str)],
    #[case] accepted: bool,
) {
    let mut play = Play::on(&first());
    let mut last = None;
    for (second, origin) in readings {
        last = Some(play.read(&showing(*second, origin, page(&without(60), 0))));
    }
    let last = last.unwrap();
    assert_eq!(last.accepted.is_some(), accepted);
    let challenge = play.keeper.standing().challenge.as_ref();
    if accepted {
        assert!(challenge.is_none());
        assert_eq!(of_removed(&last.signals), ["m60"]);
    } else {
        let challenge = challenge.unwrap();
        assert_eq!(
            (challenge.kind, challenge.confirmations),
            (ChallengeKind::SameStamp, 1)
        );
        assert_eq!(challenge.first_seen, at(30));
    }
}

fn of_removed(signals: &[Signal]) -> Vec<&str> {
    signals
        .iter()
        .filter_map(|signal| match signal {
            Signal::ModelRemoved { model_name, .. } => Some(model_name.as_str()),
            _ => None,
        })
        .collect()
}

#[test]
fn confirming_readings_are_consecutive() {
    let mut play = Play::on(&first());
    play.show(30, &without(60), 0);
    let seen = play.show(60, &first(), 0);
    assert!(seen.challenge_changed && play.keeper.standing().challenge.is_none());
    assert!(play.show(90, &without(60), 0).accepted.is_none());
    assert!(play.show(120, &without(61), 0).accepted.is_none());
    assert!(play.show(150, &without(60), 0).accepted.is_none());
    assert!(play.show(180, &without(60), 0).accepted.is_none());
    assert!(play.show(210, &without(60), 0).accepted.is_some());
}

#[test]
fn a_failed_poll_between_does_not_undo_a_confirmation() {
    let mut play = Play::on(&first());
    play.show(30, &without(60), 0);
    play.read(&failing(60));
    play.read(&showing(
        75,
        "x",
        judged(page(&first(), 0), GateReasonCode::Blocked),
    ));
    assert!(play.show(90, &without(60), 0).accepted.is_some());
}

#[test]
fn a_challenge_is_told_once() {
    let mut play = Play::on(&first());
    let seen = play.show(30, &without(60), 0);
    assert_eq!(
        (Play::alerts(&seen), seen.challenge_changed),
        (vec!["board_unconfirmed"], true)
    );
    let seen = play.show(60, &without(60), 0);
    assert_eq!((Play::alerts(&seen), seen.challenge_changed), (vec![], false));
}

// Rule 3: an older stamp.

#[test]
fn an_older_stamp_is_a_challenge_that_goes_when_the_accepted_one_returns() {
    let mut play = Play::on(&first());
    let seen = play.show(30, &moved(-3.0), -5);
    assert!(seen.accepted.is_none() && seen.signals.is_empty() && seen.challenge_changed);
    assert_eq!(Play::alerts(&seen), ["board_older_vintage"]);
    let standing = play.keeper.standing();
    assert_eq!(
        standing.challenge.as_ref().unwrap().kind,
        ChallengeKind::OlderVintage
    );
    assert_eq!(standing.feed_at, Some(at(30)), "the feed is fresh all the same");
    assert!(play.show(60, &first(), 0).challenge_changed);
    assert!(play.keeper.standing().challenge.is_none());
}

#[rstest]
#[case::persisted(61, 30, true)]
#[case::not_long_enough(60, 30, false)]
#[case::slow_polls_enough_readings(10, 200, true)]
#[case::too_few_readings(9, 1_000, false)]
fn an_older_stamp_that_persists_becomes_current(
    #[case] readings: i64,
    #[case] every: i64,
    #[case] accepted: bool,
) {
    let mut play = Play::on(&first());
    let mut last = None;
    for reading in 1..=readings {
        let seen = play.show(every * reading, &moved(-3.0), -5);
        if reading < readings {
            assert!(seen.accepted.is_none(), "reading {reading}");
        }
        last = Some(seen);
    }
    let last = last.unwrap();
    assert_eq!(last.accepted.is_some(), accepted);
    if accepted {
        assert_eq!(kinds(&last.signals), ["score_shift"]);
        assert_eq!(Play::alerts(&last), ["board_rolled_back"]);
        assert_eq!(
            play.keeper.standing().accepted.as_ref().unwrap().vintage,
            stamp(-5)
        );
    }
}

#[test]
fn one_cached_old_copy_never_becomes_current() {
    let mut play = Play::on(&first());
    for reading in 1..500 {
        let seen = play.read(&showing(30 * reading, "cached", page(&moved(-3.0), -5)));
        assert!(seen.accepted.is_none());
    }
}

#[test]
fn a_flap_starts_the_count_of_a_rollback_anew() {
    let mut play = Play::on(&first());
    for reading in 1..=60 {
        play.show(30 * reading, &moved(-3.0), -5);
    }
    play.show(1_830, &first(), 0);
    for reading in 62..=121 {
        let seen = play.show(30 * reading, &moved(-3.0), -5);
        assert!(seen.accepted.is_none(), "reading {reading}");
    }
    assert!(play.show(30 * 122, &moved(-3.0), -5).accepted.is_some());
}

// Rule 4: holds.

#[rstest]
#[case::top_model_removed(without(20), HoldReason::TopModelRemoved)]
#[case::leader_removed(without(1), HoldReason::TopModelRemoved)]
#[case::new_leader_with_few_votes(joined_by("new", "Dash", 1489.0, 2_999), HoldReason::ImplausibleLeader)]
#[case::new_leader_far_above(joined_by("new", "Dash", 1488.0 + 20.5, 9_000), HoldReason::ImplausibleLeader)]
#[case::top_ten_jump(moved(20.5), HoldReason::ImplausibleJump)]
#[case::top_ten_fall(moved(-20.5), HoldReason::ImplausibleJump)]
#[case::suspected_rename({
    let mut board = renamed(2, "m2-b");
    board.entries[1].votes = Some(20_500);
    board
}, HoldReason::SuspectedRename)]
fn a_newer_board_is_held_until_confirmed(#[case] board: Board, #[case] reason: HoldReason) {
    let mut play = Play::on(&first());
    let seen = play.show(30, &board, 1);
    assert!(seen.accepted.is_none() && seen.signals.is_empty() && seen.challenge_changed);
    assert_eq!(Play::alerts(&seen), ["board_held"]);
    let challenge = play.keeper.standing().challenge.clone().unwrap();
    assert_eq!(challenge.kind, ChallengeKind::Held(reason));
    assert_eq!(play.accepted(), hash_of(&first()));
    assert!(play.show(60, &board, 1).accepted.is_none());
    let seen = play.show(90, &board, 1);
    assert_eq!(seen.accepted.unwrap().hash, hash_of(&board));
    assert!(seen.challenge_changed);
}

#[rstest]
#[case::a_model_below_the_top(without(21))]
#[case::a_new_leader_with_votes_and_a_plausible_score(joined_by("new", "Dash", 1489.0, 3_000))]
#[case::a_new_leader_at_the_edge(joined_by("new", "Dash", 1488.0 + 20.0, 9_000))]
#[case::a_new_model_elsewhere_with_few_votes(joined_by("new", "Dash", 1400.0, 1_000))]
#[case::a_move_within_its_interval(moved(19.0))]
#[case::a_certain_rename_of_the_leader(renamed(1, "m1-high"))]
#[case::a_certain_rename_of_a_family({
    let mut board = first();
    for entry in &mut board.entries { entry.model_name.push_str("-high"); }
    board
})]
#[case::a_jump_far_down({
    let mut board = first();
    board.entries[90].score = Some(Rating::from_value(900.0));
    board
})]
fn a_newer_board_without_a_hold_is_accepted_at_once(#[case] board: Board) {
    let mut play = Play::on(&first());
    let seen = play.show(30, &board, 1);
    assert!(
        seen.accepted.is_some(),
        "{:?}",
        play.keeper.standing().challenge.as_ref().map(|c| c.kind)
    );
}

#[test]
fn a_model_without_an_interval_jumps_beyond_a_fixed_number_of_points() {
    let bare = |points: f64| {
        let mut board = moved(points);
        board.entries[0].ci_lower = None;
        board.entries[0].ci_upper = None;
        board
    };
    for (points, held) in [(10.0, false), (10.5, true)] {
        let mut play = Play::on(&bare(0.0));
        assert_eq!(
            play.show(30, &bare(points), 1).accepted.is_none(),
            held,
            "{points}"
        );
    }
}

#[test]
fn a_held_board_that_is_withdrawn_leaves_nothing() {
    let mut play = Play::on(&first());
    play.show(30, &without(1), 1);
    let seen = play.show(60, &first(), 0);
    assert!(seen.challenge_changed && seen.accepted.is_none());
    assert!(play.keeper.standing().challenge.is_none());
    assert!(
        play.show(90, &without(1), 1).accepted.is_none(),
        "the count starts anew"
    );
}

#[test]
fn a_plausible_newer_board_overtakes_a_held_one() {
    let mut play = Play::on(&first());
    play.show(30, &without(1), 1);
    let seen = play.show(60, &moved(1.0), 2);
    assert_eq!(seen.accepted.unwrap().hash, hash_of(&moved(1.0)));
    assert!(play.keeper.standing().challenge.is_none());
}

// Rule 5: renames.

#[test]
fn a_certain_rename_is_remembered_told_and_no_leader_change() {
    let mut play = Play::on(&first());
    let seen = play.show(30, &renamed(1, "m1-high"), 1);
    assert_eq!(kinds(&seen.signals), ["model_renamed"]);
    assert_eq!(Play::alerts(&seen), ["model_renamed"]);
    assert_eq!(seen.alerts[0].severity, Severity::Warning);
    let pair = ("m1".to_owned(), "m1-high".to_owned());
    assert_eq!(play.keeper.standing().renames, [pair]);
}

#[test]
fn a_model_that_gets_its_name_back_is_no_longer_renamed() {
    let mut play = Play::on(&first());
    play.show(30, &renamed(1, "m1-high"), 1);
    play.show(60, &first(), 2);
    let pair = ("m1-high".to_owned(), "m1".to_owned());
    assert_eq!(
        play.keeper.standing().renames,
        [pair],
        "only the name that is gone now"
    );
}

#[test]
fn a_suspected_rename_is_refuted_when_both_names_are_listed() {
    let mut board = renamed(2, "m2-b");
    board.entries[1].votes = Some(20_500);
    let mut play = Play::on(&first());
    for second in [30, 60, 90] {
        play.show(second, &board, 1);
    }
    let pair = ("m2".to_owned(), "m2-b".to_owned());
    assert_eq!(play.keeper.standing().renames, [pair]);
    let mut both = first();
    both.entries.push(board.entries[1].clone());
    let seen = play.show(120, &reranked(both), 2);
    assert!(seen.accepted.is_some());
    assert_eq!(play.keeper.standing().renames, []);
}

#[test]
fn a_certain_rename_stays_when_the_old_name_is_listed_again() {
    let mut play = Play::on(&first());
    play.show(30, &renamed(2, "m2-b"), 1);
    let mut both = renamed(2, "m2-b");
    both.entries.push(row("m2", "Core", 1, 1100.0, 4_000));
    play.show(60, &reranked(both), 2);
    let pair = ("m2".to_owned(), "m2-b".to_owned());
    assert_eq!(
        play.keeper.standing().renames,
        [pair],
        "the old name may be another model now"
    );
}

// Rule 7: coarser paths and lists that are cut off.

#[test]
fn a_coarser_path_never_supersedes_a_finer_one() {
    let mut play = Play::on(&first());
    for reading in 1..200 {
        let mut coarse = page(&moved(4.0), 3);
        coarse.path = Some(ParsePath::HtmlTable);
        let seen = play.read(&showing(30 * reading, &reading.to_string(), coarse));
        assert!(seen.accepted.is_none() && seen.signals.is_empty());
    }
    let challenge = play.keeper.standing().challenge.as_ref().unwrap();
    assert_eq!(challenge.kind, ChallengeKind::CoarserPath);
}

#[test]
fn a_finer_path_supersedes_a_coarser_one_and_is_not_diffed_against_it() {
    let mut play = Play::new();
    let mut coarse = page(&moved(0.4), 0);
    coarse.path = Some(ParsePath::HtmlTable);
    play.read(&showing(0, "a", coarse));
    let seen = play.show(30, &moved(4.0), 0);
    assert_eq!(seen.accepted.unwrap().path, ParsePath::Flight);
    assert_eq!(seen.signals, []);
}

#[test]
fn a_board_that_is_cut_off_brings_no_removals_from_its_end() {
    let mut play = Play::on(&first());
    let mut cut = first();
    cut.entries.truncate(100);
    let mut shown = page(&cut, 1);
    shown.total_models = Some(120);
    let seen = play.read(&showing(30, "b", shown));
    assert!(seen.accepted.is_some());
    assert_eq!(seen.signals, []);
    let seen = play.show(60, &first(), 2);
    assert!(seen.accepted.is_some());
    assert_eq!(seen.signals, []);
}

#[test]
fn a_complete_board_tells_of_the_models_at_its_end() {
    let mut play = Play::on(&first());
    let seen = play.show(30, &without(120), 1);
    assert_eq!(of_removed(&seen.signals), ["m120"]);
}

#[test]
fn a_board_without_a_stamp_never_becomes_current() {
    let mut play = Play::on(&first());
    for reading in 1..200 {
        let mut undated = page(&moved(4.0), 0);
        undated.vintage = None;
        let seen = play.read(&showing(30 * reading, &reading.to_string(), undated));
        assert!(seen.accepted.is_none());
        let told = if reading == 1 {
            vec!["board_undated"]
        } else {
            vec![]
        };
        assert_eq!(Play::alerts(&seen), told);
    }
}

#[test]
fn readings_that_change_nothing_age_the_board_and_refresh_the_feed() {
    let mut play = Play::on(&first());
    for reading in 1..100 {
        play.show(30 * reading, &first(), 0);
    }
    let standing = play.keeper.standing();
    assert_eq!(standing.feed_at, Some(at(2_970)));
    assert_eq!(standing.accepted.as_ref().unwrap().accepted_at, at(0));
    assert_eq!(standing.accepted.as_ref().unwrap().vintage, stamp(0));
}

// Rule 8: news and restarts.

#[rstest]
#[case::next_poll(30, Some(0))]
#[case::one_poll_missed(60, Some(0))]
#[case::one_missed_with_jitter(75, Some(0))]
#[case::longer_than_two_polls(76, None)]
fn news_runs_from_the_last_sight_of_the_previous_board(#[case] next: i64, #[case] news: Option<i64>) {
    let mut play = Play::on(&first());
    play.show(next, &moved(4.0), 1);
    assert_eq!(play.keeper.standing().news_at, news.map(at));
}

#[test]
fn news_of_a_confirmed_board_runs_from_before_its_first_sight() {
    let mut play = Play::on(&first());
    play.show(30, &first(), 0);
    for second in [60, 90, 120] {
        play.show(second, &without(1), 1);
    }
    assert_eq!(play.accepted(), hash_of(&without(1)));
    assert_eq!(play.keeper.standing().news_at, Some(at(30)));
}

#[test]
fn a_confirmed_correction_and_a_rollback_are_no_news() {
    let mut corrected = Play::on(&first());
    for (second, origin) in [(30, "b"), (90, "c")] {
        corrected.read(&showing(second, origin, page(&without(60), 0)));
    }
    assert_eq!(corrected.accepted(), hash_of(&without(60)));
    assert_eq!(
        corrected.keeper.standing().news_at,
        None,
        "the stamp did not change"
    );
    let mut rolled_back = Play::on(&first());
    for reading in 1..=61 {
        rolled_back.show(30 * reading, &moved(-3.0), -5);
    }
    assert_eq!(rolled_back.accepted(), hash_of(&moved(-3.0)));
    assert_eq!(rolled_back.keeper.standing().news_at, None, "the stamp went back");
}

#[test]
fn polls_that_failed_do_not_show_the_previous_board() {
    let mut play = Play::on(&first());
    for poll in 1..=4 {
        play.read(&failing(30 * poll));
    }
    play.show(150, &moved(4.0), 1);
    assert_eq!(play.keeper.standing().news_at, None);
}

fn restored(accepted_at: i64) -> Play {
    let mut play = Play::new();
    let accepted = AcceptedBoard {
        board: first().into(),
        hash: hash_of(&first()),
        vintage: stamp(0),
        path: ParsePath::Flight,
        accepted_at: at(accepted_at),
    };
    let renames = vec![("old".to_owned(), "m7".to_owned())];
    play.keeper.restore(accepted, renames);
    play
}

#[test]
fn a_restart_goes_on_from_the_accepted_board() {
    let mut play = restored(-86_400);
    assert_eq!(play.keeper.standing().renames.len(), 1);
    assert_eq!(play.keeper.standing().feed_at, None, "nothing was read yet");
    let seen = play.show(0, &first(), 0);
    assert!(seen.accepted.is_none() && seen.signals.is_empty());
    play.show(30, &moved(4.0), 1);
    assert_eq!(play.keeper.standing().news_at, Some(at(0)));
}

#[test]
fn a_change_during_downtime_is_signalled_but_is_no_fresh_news() {
    let mut play = restored(-86_400);
    let seen = play.show(0, &moved(4.0), 1);
    assert!(seen.accepted.is_some());
    assert_eq!(kinds(&seen.signals), ["score_shift"]);
    assert_eq!(play.keeper.standing().news_at, None);
}

#[test]
fn a_change_in_a_restart_of_less_than_two_polls_is_fresh() {
    let mut play = restored(-40);
    play.show(0, &moved(4.0), 1);
    assert_eq!(play.keeper.standing().news_at, Some(at(-40)));
}

#[rstest]
#[case::older(-1, ChallengeKind::OlderVintage)]
#[case::same(0, ChallengeKind::SameStamp)]
fn a_restart_does_not_loosen_the_rules(#[case] hour: i64, #[case] kind: ChallengeKind) {
    let mut play = restored(-86_400);
    assert!(play.show(0, &moved(4.0), hour).accepted.is_none());
    assert_eq!(play.keeper.standing().challenge.as_ref().unwrap().kind, kind);
}

#[test]
fn the_figures_are_configurable() {
    let mut play = Play::with(VintageSettings {
        confirm_readings: 1,
        rollback_readings: 2,
        rollback_after: Duration::from_secs(30),
        ..VintageSettings::default()
    });
    play.show(0, &first(), 0);
    assert!(play.show(30, &without(1), 1).accepted.is_some());
    assert!(play.show(60, &first(), 0).accepted.is_none());
    assert!(play.show(90, &first(), 0).accepted.is_some());
}
