//! What changed between two boards.
// The boards of the tests are known; a missing field is the test's own fault.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)]

mod boards;

use autotrader_arena_signals::{Coverage, DiffSettings, Side, diff, diff_json, diff_sides};
use autotrader_domain::{Signal, Urgency};
use autotrader_settlement::{Board, Entry, Rating};
use boards::{board, ladder, reranked, row, shared_board};
use proptest::prelude::*;
use rstest::rstest;
use serde_json::json;

fn signals(previous: &Board, current: &Board) -> Vec<Signal> {
    diff(previous, current, &DiffSettings::default())
}

/// Each signal as its type and the model it is about.
fn brief(signals: &[Signal]) -> Vec<String> {
    signals
        .iter()
        .map(|signal| {
            let about = match signal {
                Signal::NewLeader {
                    new_leader,
                    previous_leader,
                    ..
                } => format!("{previous_leader}>{new_leader}"),
                Signal::ModelRenamed {
                    old_name,
                    new_name,
                    certain,
                    ..
                } => {
                    let sure = if *certain { "" } else { "?" };
                    format!("{old_name}>{new_name}{sure}")
                }
                Signal::RankingChange { model_name, .. }
                | Signal::ScoreShift { model_name, .. }
                | Signal::NewModel { model_name, .. }
                | Signal::ModelRemoved { model_name, .. }
                | Signal::FlagsChanged { model_name, .. } => model_name.clone(),
            };
            format!("{} {about}", signal.kind())
        })
        .collect()
}

fn of_kind(signals: &[Signal], kind: &str) -> Vec<String> {
    brief(signals)
        .into_iter()
        .filter(|line| line.split(' ').next() == Some(kind))
        .collect()
}

fn base() -> Board {
    board(&[
        ("alpha", "Acme", 1500.0, 20_000),
        ("beta", "Bolt", 1490.0, 15_000),
        ("gamma", "Core", 1480.0, 12_000),
        ("delta", "Acme", 1470.0, 11_000),
        ("epsilon", "Bolt", 1460.0, 10_000),
        ("zeta", "Core", 1450.0, 9_000),
    ])
}

fn with(change: impl FnOnce(&mut Vec<Entry>)) -> Board {
    let mut board = base();
    change(&mut board.entries);
    reranked(board)
}

#[test]
fn equal_boards_in_another_order_bring_nothing() {
    let mut turned = base();
    turned.entries.reverse();
    assert_eq!(signals(&base(), &turned), []);
}

#[test]
fn the_captured_insertion_is_a_new_model_with_rank_changes_and_no_new_leader() {
    let (Some(before), Some(after)) = (
        shared_board("arena/events/a1-before-insert_2026-02-19T0446Z.json"),
        shared_board("arena/events/a2-gemini-3.1-pro-inserted-nothing-else-changed_2026-02-19T1701Z.json"),
    ) else {
        return;
    };
    let signals = signals(&before, &after);
    assert_eq!(
        of_kind(&signals, "new_model"),
        ["new_model gemini-3.1-pro-preview"]
    );
    for kind in ["new_leader", "model_renamed", "model_removed", "score_shift"] {
        assert_eq!(of_kind(&signals, kind), [""; 0], "{kind}");
    }
    let moved = of_kind(&signals, "ranking_change");
    assert_eq!(
        moved[..2],
        [
            "ranking_change gemini-3-pro",
            "ranking_change dola-seed-2.0-preview"
        ]
    );
    assert!(matches!(
        &signals[0],
        Signal::NewModel { fields, .. } if fields.rank == Some(3) && fields.rank_ub == Some(1)
    ));
    assert_eq!(signals[0].urgency(), Urgency::High);
}

#[test]
fn the_captured_insertion_undone_is_one_removal_and_no_arrival_at_the_end() {
    let (Some(before), Some(after)) = (
        shared_board("arena/events/a2-gemini-3.1-pro-inserted-nothing-else-changed_2026-02-19T1701Z.json"),
        shared_board("arena/events/a1-before-insert_2026-02-19T0446Z.json"),
    ) else {
        return;
    };
    let signals = signals(&before, &after);
    assert_eq!(
        of_kind(&signals, "model_removed"),
        ["model_removed gemini-3.1-pro-preview"]
    );
    assert_eq!(of_kind(&signals, "new_model"), [""; 0]);
}

#[test]
fn the_captured_rename_is_a_rename_alone() {
    let (Some(before), Some(after)) = (
        shared_board("arena/events/b1-before-rename_2026-02-21T2332Z.json"),
        shared_board("arena/events/b2-gpt-5.2-chat-latest-renamed_2026-02-22T0235Z.json"),
    ) else {
        return;
    };
    assert_eq!(
        brief(&signals(&before, &after)),
        ["model_renamed gpt-5.2-chat-latest>gpt-5.2-chat-latest-20260210"]
    );
}

#[test]
fn a_change_of_leader_comes_first_with_both_owners() {
    let after = with(|rows| rows[1].score = Some(Rating::from_value(1510.0)));
    let signals = signals(&base(), &after);
    assert_eq!(
        signals[0],
        Signal::NewLeader {
            new_leader: "beta".to_owned(),
            previous_leader: "alpha".to_owned(),
            new_top_org: Some("Bolt".to_owned()),
            previous_top_org: Some("Acme".to_owned()),
        }
    );
    assert_eq!(
        brief(&signals)[1..],
        ["ranking_change beta", "ranking_change alpha", "score_shift beta"]
    );
}

#[test]
fn the_leader_is_the_winner_by_settlement_not_the_ordinal() {
    // Both claim rank 1; the ordinal says alpha, the votes of an equal score say beta.
    let mut before = base();
    before.entries[1].rank_ub = Some(1);
    let mut after = before.clone();
    after.entries[1].score = Some(Rating::from_value(1500.0));
    after.entries[1].votes = Some(30_000);
    assert_eq!(
        of_kind(&signals(&before, &after), "new_leader"),
        ["new_leader alpha>beta"]
    );
}

#[rstest]
#[case::one_model(|rows: &mut Vec<Entry>| rows[2].model_name = "gamma-high".into(), &["model_renamed gamma>gamma-high"])]
#[case::the_leader(|rows: &mut Vec<Entry>| rows[0].model_name = "alpha-high".into(), &["model_renamed alpha>alpha-high"])]
#[case::a_family(|rows: &mut Vec<Entry>| for row in rows { row.model_name.push_str("-x"); }, &[
    "model_renamed alpha>alpha-x", "model_renamed beta>beta-x", "model_renamed gamma>gamma-x",
    "model_renamed delta>delta-x", "model_renamed epsilon>epsilon-x", "model_renamed zeta>zeta-x",
])]
#[case::with_its_owner(|rows: &mut Vec<Entry>| {
    rows[0].model_name = "alpha2".into();
    rows[0].organization = Some("AcmeAI".into());
}, &["model_renamed alpha>alpha2"])]
#[case::a_name_passed_on(|rows: &mut Vec<Entry>| {
    rows[1].model_name = "gamma".into();
    rows[2].model_name = "gamma-old".into();
}, &["model_renamed beta>gamma", "model_renamed gamma>gamma-old"])]
#[case::two_names_exchanged(|rows: &mut Vec<Entry>| {
    rows[0].model_name = "beta".into();
    rows[1].model_name = "alpha".into();
}, &["model_renamed alpha>beta", "model_renamed beta>alpha"])]
fn equal_rating_and_votes_under_another_name_are_a_rename(
    #[case] change: fn(&mut Vec<Entry>),
    #[case] expected: &[&str],
) {
    assert_eq!(brief(&signals(&base(), &with(change))), expected);
}

#[test]
fn a_name_taken_over_from_a_vanished_model_is_a_rename_and_a_removal() {
    let after = with(|rows| {
        rows.remove(1);
        rows[1].model_name = "beta".into();
    });
    let signals = signals(&base(), &after);
    assert_eq!(of_kind(&signals, "model_renamed"), ["model_renamed gamma>beta"]);
    assert_eq!(of_kind(&signals, "model_removed"), ["model_removed beta"]);
}

#[rstest]
#[case::close(1495.0, 21_000, "Acme", true)]
#[case::at_the_edge(1510.0, 23_000, "Acme", true)]
#[case::too_far_in_points(1510.5, 20_000, "Acme", false)]
#[case::too_far_in_votes(1500.0, 23_001, "Acme", false)]
#[case::another_owner(1499.0, 20_500, "Bolt", false)]
fn a_vanished_top_model_with_a_close_new_one_is_suspected(
    #[case] score: f64,
    #[case] votes: i64,
    #[case] owner: &str,
    #[case] suspected: bool,
) {
    let after = with(|rows| rows[0] = row("alpha-2", owner, 1, score, votes));
    let signals = signals(&base(), &after);
    let renamed = of_kind(&signals, "model_renamed");
    if suspected {
        assert_eq!(renamed, ["model_renamed alpha>alpha-2?"]);
        for kind in ["new_leader", "new_model", "model_removed"] {
            assert_eq!(of_kind(&signals, kind), [""; 0], "{kind}");
        }
    } else {
        assert_eq!(renamed, [""; 0]);
        assert_eq!(of_kind(&signals, "new_model"), ["new_model alpha-2"]);
        assert_eq!(of_kind(&signals, "model_removed"), ["model_removed alpha"]);
        assert_eq!(of_kind(&signals, "new_leader").len(), 1);
    }
}

#[test]
fn only_a_top_five_model_is_suspected() {
    let before = ladder(8);
    let mut after = before.clone();
    after.entries[5].model_name = "m6-new".to_owned();
    after.entries[5].votes = Some(20_100);
    let signals = signals(&before, &after);
    assert_eq!(brief(&signals), ["new_model m6-new", "model_removed m6"]);
}

#[test]
fn rows_without_votes_are_never_taken_for_each_other() {
    let blank = |name: &str| Entry {
        votes: Some(0),
        ..row(name, "Acme", 1, 1000.0, 0)
    };
    let (before, after) = (
        Board {
            entries: vec![blank("a"), row("z", "Bolt", 2, 900.0, 5)],
        },
        Board {
            entries: vec![blank("b"), row("z", "Bolt", 2, 900.0, 5)],
        },
    );
    assert_eq!(
        brief(&signals(&before, &after)),
        ["new_leader a>b", "new_model b", "model_removed a"]
    );
}

#[rstest]
#[case(1503.0, true)]
#[case(1502.999, false)]
#[case(1497.0, true)]
fn score_shifts_count_from_the_threshold(#[case] score: f64, #[case] counts: bool) {
    let after = with(|rows| rows[0].score = Some(Rating::from_value(score)));
    assert_eq!(
        of_kind(&signals(&base(), &after), "score_shift").len(),
        usize::from(counts)
    );
}

#[test]
fn binary_noise_does_not_hide_a_shift_of_exactly_the_threshold() {
    let mut before = base();
    before.entries[0].score = Some(Rating::parse("1500.07").unwrap());
    let mut after = base();
    after.entries[0].score = Some(Rating::parse("1503.07").unwrap());
    let signals = signals(&before, &after);
    assert!(
        matches!(&signals[0], Signal::ScoreShift { score_delta, .. } if score_delta.to_bits() == 3.0_f64.to_bits()),
        "{signals:?}"
    );
}

#[rstest]
#[case::inside(19, 20, true)]
#[case::crossing(20, 21, true)]
#[case::outside(21, 22, false)]
fn rank_changes_count_to_the_cutoff(#[case] old: i64, #[case] new: i64, #[case] counts: bool) {
    let at = |rank| Board {
        entries: vec![
            row("top", "Acme", 1, 1500.0, 9_000),
            row("a", "Bolt", rank, 1400.0, 8_000),
        ],
    };
    assert_eq!(!signals(&at(old), &at(new)).is_empty(), counts);
}

#[test]
fn a_rank_bound_inside_the_cutoff_counts() {
    let at = |rank_ub| Board {
        entries: vec![
            row("top", "Acme", 1, 1500.0, 9_000),
            Entry {
                rank_ub: Some(rank_ub),
                ..row("a", "Bolt", 25, 1400.0, 8_000)
            },
        ],
    };
    assert_eq!(brief(&signals(&at(19), &at(22))), ["ranking_change a"]);
}

#[test]
fn flags_are_told() {
    let after = with(|rows| {
        rows[3].preliminary = true;
        rows[3].release_type = Some("pre_release".to_owned());
    });
    assert_eq!(
        signals(&base(), &after),
        [Signal::FlagsChanged {
            model_name: "delta".to_owned(),
            old_release_type: None,
            new_release_type: Some("pre_release".to_owned()),
            was_preliminary: false,
            is_preliminary: true,
        }]
    );
}

fn cut(mut board: Board, rows: usize) -> Board {
    board.entries.truncate(rows);
    board
}

fn inserted(board: &Board, name: &str, score: f64) -> Board {
    let mut board = board.clone();
    board.entries.push(row(name, "Dash", 1, score, 5_001));
    reranked(board)
}

#[rstest]
#[case::pushed_off(cut(ladder(60), 50), cut(inserted(&ladder(60), "new", 1470.0), 50), &["new_model new"])]
#[case::two_pushed_off(cut(ladder(60), 50), cut(inserted(&inserted(&ladder(60), "new", 1470.0), "new2", 1465.0), 50), &["new_model new", "new_model new2"])]
#[case::moved_up_from_below(cut(inserted(&ladder(60), "new", 1470.0), 50), cut(ladder(60), 50), &["model_removed new"])]
#[case::cut_now(ladder(120), cut(ladder(120), 50), &[])]
#[case::cut_before(cut(ladder(120), 50), ladder(120), &[])]
#[case::the_last_of_a_full_board_goes(ladder(120), ladder(119), &["model_removed m120"])]
#[case::one_comes_below_a_full_board(ladder(119), ladder(120), &["new_model m120"])]
#[case::the_last_three_go(ladder(50), ladder(47), &["model_removed m48", "model_removed m49", "model_removed m50"])]
#[case::a_handful_is_no_top_list(ladder(4), ladder(3), &["model_removed m4"])]
#[case::nor_when_one_replaces_another(ladder(4), { let mut b = ladder(5); b.entries.remove(3); b }, &["new_model m5", "model_removed m4"])]
#[case::one_goes_in_the_middle(ladder(120), { let mut b = ladder(120); b.entries.remove(59); b }, &["model_removed m60"])]
fn the_end_of_a_list_is_no_evidence(#[case] before: Board, #[case] after: Board, #[case] expected: &[&str]) {
    let listed: Vec<String> = brief(&signals(&before, &after))
        .into_iter()
        .filter(|line| line.starts_with("new_model") || line.starts_with("model_removed"))
        .collect();
    assert_eq!(listed, expected);
}

#[test]
fn a_complete_board_tells_of_its_last_rows_too() {
    let (before, after) = (ladder(50), cut(inserted(&ladder(50), "new", 1470.0), 50));
    let side = |board, coverage| Side { board, coverage };
    let found = diff_sides(
        side(&before, Coverage::Complete),
        side(&after, Coverage::Complete),
        &DiffSettings::default(),
    );
    assert_eq!(of_kind(&found, "model_removed"), ["model_removed m50"]);
    let found = diff_sides(
        side(&before, Coverage::Complete),
        side(&after, Coverage::Unknown),
        &DiffSettings::default(),
    );
    assert_eq!(of_kind(&found, "model_removed"), [""; 0]);
}

#[test]
fn the_first_models_bring_no_leader_change() {
    let found = signals(&Board::default(), &base());
    assert_eq!(of_kind(&found, "new_leader"), [""; 0]);
    assert_eq!(of_kind(&found, "new_model").len(), 6);
}

#[test]
fn json_carries_type_payload_and_urgency() {
    let after = with(|rows| {
        rows.remove(5);
        rows[0].model_name = "alpha-high".to_owned();
        rows[4].score = Some(Rating::parse("1464.5").unwrap());
    });
    assert_eq!(
        diff_json(&signals(&base(), &after)),
        json!({ "signals": [
            {
                "type": "model_renamed", "urgency": "high", "certain": true,
                "old_name": "alpha", "new_name": "alpha-high", "organization": "Acme",
                "rank": 1, "rank_ub": 1, "score": "1500", "votes": 20_000,
            },
            { "type": "model_removed", "urgency": "low", "model_name": "zeta", "last_rank_ub": 6, "last_score": "1450" },
            {
                "type": "score_shift", "urgency": "medium", "model_name": "epsilon",
                "old_score": "1460", "new_score": "1464.5", "score_delta": 4.5,
            },
        ] })
    );
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_diff_does_not_depend_on_the_order_of_rows(
        rows in proptest::collection::btree_map("[a-f]{1,2}", (1_400_i32..1_420, 1_i64..40), 1..12),
        others in proptest::collection::btree_map("[a-f]{1,2}", (1_400_i32..1_420, 1_i64..40), 1..12),
        turn in 0_usize..12,
    ) {
        let build = |rows: &std::collections::BTreeMap<String, (i32, i64)>| {
            reranked(Board { entries: rows
                .iter()
                .map(|(name, (score, votes))| row(name, "Acme", 1, f64::from(*score), *votes))
                .collect() })
        };
        let (before, after) = (build(&rows), build(&others));
        let mut turned = after.clone();
        let by = turn % turned.entries.len();
        turned.entries.rotate_left(by);
        let found = signals(&before, &after);
        prop_assert_eq!(&found, &signals(&before, &turned));
        // Every name of either board is a rename's, a pair's, an arrival's or a removal's: none is both.
        for signal in &found {
            if let Signal::ModelRenamed { old_name, new_name, .. } = signal {
                let gone = format!("model_removed {old_name}");
                let come = format!("new_model {new_name}");
                prop_assert!(!brief(&found).contains(&gone));
                prop_assert!(!brief(&found).contains(&come));
            }
        }
    }
}
