//! What `fair-value` cannot use: told in one sentence, with exit code 2 and nothing on standard output.

use rstest::rstest;

use super::{WEEK, board, with_board};
use crate::place::Place;

/// Input that cannot be priced: what is in the file, what else is said, and what the one sentence holds.
#[rstest]
#[case::missing(None, &WEEK, "board.json: cannot be read")]
#[case::empty(Some(""), &WEEK, "board.json: the file is empty")]
#[case::no_rows(Some("[]"), &WEEK, "board.json: ")]
#[case::no_json(Some("[{"), &WEEK, "board.json: ")]
#[case::no_scores(Some(r#"[{"model_name":"a","rank_ub":1}]"#), &WEEK, "no row has a score")]
#[case::no_ranks(Some(r#"[{"model_name":"a","score":1}]"#), &["--close", "2999-01-01", "--estimator", "rank_table"], "no row has a rank_ub")]
#[case::no_close(None, &["--at", "2026-08-21"], "--close: say when the check is")]
#[case::bad_close(None, &["--close", "soon"], "--close: `soon` is not a time")]
#[case::bad_at(None, &["--close", "2026-08-28", "--at", "2026-08-21T10:00"], "--at: `2026-08-21T10:00` is not a time")]
#[case::estimator(None, &["--close", "2026-08-28", "--estimator", "coin"], "--estimator: `coin` is not one of board_walk, ")]
#[case::rules(None, &["--close", "2026-08-28", "--rules", "coin"], "--rules: ")]
#[case::unpriced_rules(None, &["--close", "2999-08-28", "--rules", "rank_ub_alone"], "--rules: before the check only `cascade`")]
#[case::precision(None, &["--close", "2026-08-28", "--precision", "half"], "--precision: ")]
#[case::no_params(None, &["--close", "2026-08-28", "--params", "none.json"], "none.json: cannot be read")]
#[case::no_arrivals(Some(r#"[{"model_name":"a","score":1}]"#), &["--close", "2026-08-28", "--arrivals", "none.json"], "none.json: cannot be read")]
fn what_cannot_be_priced_is_told_in_one_sentence(
    #[case] board: Option<&str>,
    #[case] more: &[&str],
    #[case] said: &str,
) {
    let place = Place::new();
    if let Some(text) = board {
        place.write("board.json", text);
    }
    let arguments = [&["fair-value", "board.json", "--json"], more].concat();
    let finished = place.run(&arguments);
    assert!(finished.refused(2).contains(said), "{}", finished.stderr);
    assert_eq!(finished.stdout, "");
}

#[rstest]
#[case("{", "not JSON")]
#[case("[1]", "parameters: ")]
#[case(r#"{"luck": 1}"#, "luck")]
#[case(r#"{"r": -1}"#, "votes_per_day")]
#[case(r#"{"sg": 0}"#, "debut_deviation")]
#[case(r#"{"tau": 1e999}"#, "not JSON")]
#[case(r#"{"tau": "NaN"}"#, "parameters: ")]
#[case(r#"{"tick": 0}"#, "score_step")]
#[case(r#"{"mix": 1.5}"#, "wide_share")]
fn parameters_that_cannot_be_used_are_named(#[case] text: &str, #[case] said: &str) {
    let place = with_board(&board());
    place.write("params.json", text);
    let finished = place.run(&[
        "fair-value",
        "board.json",
        "--close",
        "2026-08-28",
        "--params",
        "params.json",
    ]);
    let line = finished.refused(2);
    assert!(line.contains("params.json: ") && line.contains(said), "{line}");
}

#[rstest]
#[case("{", "not JSON")]
#[case("3", "arrivals: ")]
#[case(r#"{"arrivals": [], "until": "2026-01-01"}"#, "unknown field `until`")]
#[case(r#"[["2026-01-01", "A"]]"#, "arrival 1: ")]
#[case(
    r#"[["2026-01-01", "A", 3.0], {"date": "2026-01-32", "organization": "A", "gap": 1}]"#,
    "arrival 2: `2026-01-32`"
)]
#[case(r#"[["2026-01-01", "A", "near"]]"#, "arrival 1: ")]
#[case(
    r#"{"since": "2026-09-01", "arrivals": []}"#,
    "since: the history begins after --at"
)]
#[case(r#"{"since": "then", "arrivals": []}"#, "since: `then`")]
#[case(r#"{"arrivals": [], "first_seen": {"a": "x"}}"#, "first_seen of `a`: `x`")]
fn arrivals_that_cannot_be_read_are_named(#[case] text: &str, #[case] said: &str) {
    let place = with_board(&board());
    place.write("arrivals.json", text);
    let arguments = [
        &["fair-value", "board.json", "--arrivals", "arrivals.json"],
        &WEEK[..],
    ]
    .concat();
    let finished = place.run(&arguments);
    let line = finished.refused(2);
    assert!(line.contains("arrivals.json: ") && line.contains(said), "{line}");
}

#[rstest]
#[case("", "the file is empty")]
#[case("{", "not JSON")]
#[case("{}", "missing field")]
#[case(r#"{"cases": []}"#, "holds no case")]
#[case(
    r#"{"candidates": [], "h_days": 7, "Lambda_per_day": 0.02, "org_rates": {}, "other_rate": 0.02}"#,
    "candidate"
)]
#[case(r#"{"candidates": [{"model":"a","org":"A","score":1,"votes":10,"se":-1}], "h_days": 7, "Lambda_per_day": 0.02, "org_rates": {}, "other_rate": 0.02}"#, "se")]
#[case(r#"{"candidates": [{"model":"a","org":"A","score":1,"votes":10,"se":1}], "h_days": 7, "Lambda_per_day": -0.02, "org_rates": {}, "other_rate": 0.02}"#, "Lambda_per_day")]
#[case(r#"{"candidates": [{"model":"a","org":"A","score":1,"votes":10,"se":1}], "h_days": 7, "Lambda_per_day": 0.02, "org_rates": {"A": -1}, "other_rate": 0.02}"#, "org_rates")]
#[case(r#"{"candidates": [{"model":"a","org":"A","score":1,"votes":10,"se":1}], "h_days": "week", "Lambda_per_day": 0.02, "org_rates": {}, "other_rate": 0.02}"#, "week")]
#[case(r#"{"cases": [{"candidates": [{"model":"a","org":"A","score":1,"votes":10,"se":1}], "h_days": 7, "Lambda_per_day": 0.02, "org_rates": {}, "other_rate": 0.02}, 3]}"#, "case 2: ")]
#[case(r#"{"candidates": [{"model":"a","org":"A","score":1,"votes":10,"se":1}], "h_days": 7, "Lambda_per_day": 0.02, "org_rates": {}, "other_rate": 0.02, "params": {"luck": 1}}"#, "luck")]
fn a_case_that_cannot_be_priced_is_told_in_one_sentence(#[case] text: &str, #[case] said: &str) {
    let place = Place::new();
    place.write("case.json", text);
    let finished = place.run(&["fair-value", "--case", "case.json", "--json"]);
    let line = finished.refused(2);
    assert!(line.contains("case.json") && line.contains(said), "{line}");
}

#[test]
fn a_case_and_a_board_exclude_each_other() {
    let place = with_board(&board());
    let both = place.run(&["fair-value", "board.json", "--case", "case.json"]);
    assert!(both.refused(2).contains("--case"));
    place.write("case.json", "{}");
    for flag in [["--close", "2026-08-28"], ["--estimator", "persistence"]] {
        let further = place.run(&[&["fair-value", "--case", "case.json"], &flag[..]].concat());
        assert!(further.refused(2).contains(flag[0]));
    }
    let neither = place.run(&["fair-value"]);
    assert!(neither.refused(2).contains("FILE"));
}
