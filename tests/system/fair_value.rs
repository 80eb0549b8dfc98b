//! `fair-value`: what a board or a case is worth, from the command line.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use rand::rngs::StdRng;
use rand::{Rng as _, SeedableRng as _};
use rstest::rstest;
use serde_json::{Value, json};

use crate::captures::capture;
use crate::place::Place;

const GOLDEN: &str = "reference/quant_golden.json";
const REFERENCE: &str = "reference/board_walk_reference.py";
const PAGE: &str = "arena/pages/2026-05-overall-no-style-control.html.gz";

fn row(name: &str, lab: &str, score: f64, votes: i64) -> Value {
    json!({
        "model_name": name, "organization": lab, "score": score, "votes": votes,
        "ci_lower": score - 5.0, "ci_upper": score + 5.0,
    })
}

fn board() -> Vec<Value> {
    vec![
        row("a-1", "A", 1505.1, 25_600),
        row("a-2", "A", 1503.5, 12_400),
        row("b-1", "B", 1499.0, 30_000),
        row("c-1", "C", 1490.0, 8_000),
        row("c-2", "C", 1480.0, 4_000),
    ]
}

/// A place with `board.json` in it.
fn with_board(rows: &[Value]) -> Place {
    let place = Place::new();
    place.write("board.json", json!(rows).to_string());
    place
}

fn price(place: &Place, more: &[&str]) -> Value {
    let arguments = [&["fair-value", "board.json", "--json"], more].concat();
    place.run(&arguments).succeeded().json()
}

const WEEK: [&str; 4] = ["--at", "2026-08-21", "--close", "2026-08-28"];

/// The probabilities of a list under their names.
fn by_name(answer: &Value, list: &str, name: &str) -> BTreeMap<String, f64> {
    let pairs = answer[list].as_array().unwrap().iter();
    pairs
        .map(|line| {
            (
                line[name].as_str().unwrap().to_owned(),
                line["p"].as_f64().unwrap(),
            )
        })
        .collect()
}

fn models(answer: &Value) -> BTreeMap<String, f64> {
    by_name(answer, "models", "model_name")
}

fn labs(answer: &Value) -> BTreeMap<String, f64> {
    by_name(answer, "organizations", "organization")
}

#[track_caller]
fn near(own: f64, wanted: f64, within: f64, what: &str) {
    assert!(
        (own - wanted).abs() <= within,
        "{what}: {own} instead of {wanted}"
    );
}

#[track_caller]
fn coherent(answer: &Value) {
    let (models, labs) = (models(answer), labs(answer));
    let unlisted = answer["unlisted"].as_f64().unwrap();
    let chances = models.values().chain(labs.values()).chain([&unlisted]);
    for p in chances {
        assert!((0.0..=1.0).contains(p), "{p} in {answer}");
    }
    near(models.values().sum::<f64>() + unlisted, 1.0, 1e-12, "models");
    near(answer["sum"].as_f64().unwrap(), 1.0, 1e-12, "sum");
    near(labs.values().sum::<f64>(), 1.0, 1e-12, "organisations");
    near(answer["other"].as_f64().unwrap(), labs["other"], 0.0, "other");
}

#[rstest]
#[case("board_walk")]
#[case("persistence")]
#[case("recency_persistence")]
#[case("rank_table")]
fn every_estimator_is_coherent_and_favours_the_leader(#[case] estimator: &str) {
    let mut rows = board();
    for (index, row) in rows.iter_mut().enumerate() {
        row["rank_ub"] = json!(index.saturating_sub(1) + 1);
    }
    let place = with_board(&rows);
    let answer = price(&place, &[&WEEK[..], &["--estimator", estimator]].concat());
    coherent(&answer);
    assert_eq!(answer["estimator"], estimator);
    assert_eq!(answer["winner"]["model_name"], "a-1");
    assert_eq!(answer["models"][0]["model_name"], "a-1", "{answer}");
    assert_eq!(answer["baselines"].as_array().unwrap().len(), 3);
    for baseline in answer["baselines"].as_array().unwrap() {
        assert_ne!(baseline["estimator"], estimator);
    }
}

#[test]
fn the_answer_says_where_it_comes_from() {
    let place = with_board(&board());
    let answer = price(&place, &WEEK);
    coherent(&answer);
    assert_eq!(answer["estimator"], "board_walk", "{answer}");
    assert_eq!(answer["horizon_days"], 7.0);
    assert_eq!(answer["close"], "2026-08-28T14:00:00Z");
    assert_eq!(answer["at"], "2026-08-21T14:00:00Z");
    assert!(answer["lambda_per_day"].as_f64().unwrap() > 0.0);
    assert_eq!(answer["drivers"]["leader"], "a-1");
    assert_eq!(answer["drivers"]["leader_votes"], 25_600);
    near(answer["drivers"]["gap"].as_f64().unwrap(), 1.6, 1e-9, "gap");
    // Five rows are shown a price, but would not be traded on.
    assert_eq!(answer["verdict"]["verdict"], "refused");
    assert!(!answer["verdict"]["reasons"].as_array().unwrap().is_empty());
    let ends = answer["ends"].as_array().unwrap();
    assert_eq!(ends.len(), 2);
    let leader = |answer: &Value| models(answer)["a-1"];
    assert!(leader(&ends[0]) > leader(&answer), "fewer arrivals");
    assert!(leader(&ends[1]) < leader(&answer), "more arrivals");
    for end in ends {
        coherent(end);
    }
}

#[test]
fn people_get_a_table_with_the_drivers() {
    let place = with_board(&board());
    let text = place
        .run(&[&["fair-value", "board.json"], &WEEK[..]].concat())
        .succeeded()
        .stdout;
    for word in [
        "a-1 of A wins today",
        "2026-08-28 10:00 in New York",
        "in 7.00 days",
        "unlisted",
        "organisation",
        "1.60 points ahead of a-2",
        "25600 votes",
        "refreshes are expected",
        "arrivals at the top are expected",
        "fewer arrivals",
        "persistence says",
        "too_few_rows",
    ] {
        assert!(text.contains(word), "{word} in {text}");
    }
}

#[rstest]
#[case::at_the_check("2026-08-21")]
#[case::long_past("2026-01-05T15:00:00Z")]
fn past_the_check_todays_winner_has_won(#[case] close: &str) {
    let place = with_board(&board());
    for estimator in ["board_walk", "persistence", "recency_persistence", "rank_table"] {
        let answer = price(
            &place,
            &["--at", "2026-08-21", "--close", close, "--estimator", estimator],
        );
        coherent(&answer);
        near(models(&answer)["a-1"], 1.0, 0.0, "the winner");
        near(labs(&answer)["A"], 1.0, 0.0, "the winner");
        assert_eq!(answer["unlisted"], 0.0);
    }
}

#[test]
fn past_the_check_the_rules_of_settlement_decide_not_the_score() {
    let mut rows = board();
    for (row, best) in rows.iter_mut().zip([2, 1, 3, 4, 5]) {
        row["rank_ub"] = json!(best);
    }
    let answer = price(
        &with_board(&rows),
        &["--at", "2026-08-21", "--close", "2026-08-21"],
    );
    near(models(&answer)["a-2"], 1.0, 0.0, "the winner");
}

#[test]
fn without_at_it_is_priced_from_now() {
    let place = with_board(&board());
    let answer = price(&place, &["--close", "2020-01-01"]);
    near(models(&answer)["a-1"], 1.0, 0.0, "the winner");
    let answer = price(&place, &["--close", "2999-01-01"]);
    coherent(&answer);
    assert!(
        models(&answer)["a-1"] < 0.01,
        "nobody leads for a thousand years: {answer}"
    );
}

#[test]
fn the_order_of_rows_is_of_no_account() {
    let mut rows = board();
    // Equal scores and votes, missing votes, missing interval.
    rows.push(row("a-3", "A", 1503.5, 12_400));
    rows.push(json!({ "model_name": "d-1", "organization": "D", "score": 1501.0 }));
    rows.push(json!({ "model_name": "e-1", "organization": null, "score": 1501.0, "votes": 900 }));
    for row in &mut rows {
        row["rank_ub"] = json!(if row["score"].as_f64().unwrap() > 1500.0 {
            1
        } else {
            6
        });
    }
    let mut rng = StdRng::seed_from_u64(5);
    for estimator in ["board_walk", "persistence", "recency_persistence", "rank_table"] {
        let arguments = [&WEEK[..], &["--estimator", estimator]].concat();
        let first = price(&with_board(&rows), &arguments);
        coherent(&first);
        for _ in 0..3 {
            for index in (1..rows.len()).rev() {
                rows.swap(index, rng.gen_range(0..=index));
            }
            assert_eq!(price(&with_board(&rows), &arguments), first);
        }
    }
}

#[test]
fn at_displayed_precision_equal_scores_go_to_more_votes() {
    let rows = [row("a", "A", 1505.4, 9_000), row("b", "B", 1505.1, 90_000)];
    let place = with_board(&rows);
    let full = price(&place, &WEEK);
    let displayed = price(&place, &[&WEEK[..], &["--precision", "displayed"]].concat());
    coherent(&displayed);
    assert_eq!(full["winner"]["model_name"], "a");
    assert_eq!(displayed["winner"]["model_name"], "b");
    assert!(models(&displayed)["b"] > models(&full)["b"]);
}

#[test]
fn parameters_come_by_name_or_from_a_file_with_long_or_short_names() {
    let place = with_board(&board());
    let with = |params: &str| price(&place, &[&WEEK[..], &["--params", params]].concat());
    let (evaluated, deployment) = (with("evaluated"), with("deployment"));
    assert_ne!(models(&evaluated), models(&deployment));
    assert_eq!(
        models(&price(&place, &WEEK)),
        models(&deployment),
        "what is configured is the start"
    );
    // What the command prints it reads again.
    place.write("printed.json", evaluated["params"].to_string());
    assert_eq!(models(&with("printed.json")), models(&evaluated));
    // What a file leaves out stays as it is at the start, the arrivals known beforehand too.
    place.write("none.json", "{}");
    assert_eq!(models(&with("none.json")), models(&deployment));
    place.write("short.json", r#"{"b": 1.0, "Lam0": 0.04, "delta": 0.0026}"#);
    place.write(
        "within.json",
        r#"{"params": {"b": 1.0, "Lam0": 0.04, "delta": 0.0026}, "cases": []}"#,
    );
    place.write(
        "long.json",
        r#"{"regression_errors": 1.0, "prior_rate": 0.04, "identity_hazard": 0.0026}"#,
    );
    let short = models(&with("short.json"));
    assert_ne!(short, models(&deployment));
    assert_eq!(models(&with("within.json")), short);
    assert_eq!(models(&with("long.json")), short);
}

#[test]
fn configured_parameters_price_unless_others_are_named() {
    let place = with_board(&board());
    let before = price(&place, &WEEK);
    place.write(
        "config/base.yaml",
        "leaderboard_alpha: { board_walk: { refresh_days: 20.0 } }\n",
    );
    let after = price(&place, &WEEK);
    assert!(
        models(&after)["a-1"] > models(&before)["a-1"],
        "fewer refreshes, fewer changes"
    );
    let named = price(&place, &[&WEEK[..], &["--params", "deployment"]].concat());
    assert_eq!(models(&named), models(&before));
}

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

#[test]
fn arrivals_take_the_place_of_the_configured_prior() {
    let place = with_board(&board());
    let with = |text: &str| {
        place.write("arrivals.json", text);
        let answer = price(&place, &[&WEEK[..], &["--arrivals", "arrivals.json"]].concat());
        coherent(&answer);
        answer
    };
    let lambda = |answer: &Value| answer["lambda_per_day"].as_f64().unwrap();
    let none = with(r#"{"since": "2024-08-21", "arrivals": []}"#);
    // (0 + a) / (T + a / Λ0) with a = 2, Λ0 = 0.02, and T what 730 days count with a half-life of 90.
    let decay = std::f64::consts::LN_2 / 90.0;
    let watched = (1.0 - (-decay * 730.0).exp()) / decay;
    near(lambda(&none), 2.0 / (watched + 100.0), 1e-12, "no arrivals");
    let bare = r#"[["2024-08-21", "B", 4.0], ["2026-08-20", "B", 20.0]]"#;
    let written = r#"{"since": "2024-08-21", "arrivals": [
        {"at": "2026-08-20", "organization": "B", "gap": 20.0, "model_name": "b-9"},
        {"date": "2024-08-21", "org": "B", "gap": 4}
    ]}"#;
    assert_eq!(with(bare), with(written), "two ways to write the same");
    let known = with(bare);
    assert!(lambda(&known) > lambda(&none));
    assert!(labs(&known)["B"] > labs(&none)["B"]);
    // What lies after --at is not known yet.
    let later = with(r#"{"since": "2024-08-21", "arrivals": [["2026-08-22", "B", 4.0]]}"#);
    assert_eq!(models(&later), models(&none));
}

#[test]
fn a_captured_page_is_priced() {
    let Some(page) = capture(PAGE) else { return };
    let place = Place::new();
    let arguments = [
        "fair-value",
        page.to_str().unwrap(),
        "--at",
        "2026-05-08",
        "--close",
        "2026-05-15",
        "--json",
    ];
    let answer = place.run(&arguments).succeeded().json();
    coherent(&answer);
    assert_eq!(answer["verdict"]["verdict"], "tradable", "{answer}");
    let resolved = place
        .run(&["resolve", page.to_str().unwrap(), "--json"])
        .succeeded()
        .json();
    assert_eq!(answer["winner"]["model_name"], resolved["winner"]["model_name"]);
}

#[test]
fn golden_cases_agree_within_a_millionth() {
    let Some(golden) = capture(GOLDEN) else { return };
    let place = Place::new();
    let wanted: Value = serde_json::from_reader(File::open(&golden).unwrap()).unwrap();
    let answer = place
        .run(&["fair-value", "--case", golden.to_str().unwrap(), "--json"])
        .succeeded()
        .json();
    let answers = answer["cases"].as_array().unwrap();
    assert_eq!(answers.len(), wanted["cases"].as_array().unwrap().len());
    for (own, wanted_case) in answers.iter().zip(wanted["cases"].as_array().unwrap()) {
        check_case(own, wanted_case);
        // Each by itself, with its own parameters.
        let mut alone = wanted_case.clone();
        alone["params"] = wanted["params"].clone();
        let file = place.write("case.json", alone.to_string());
        let single = place
            .run(&["fair-value", "--case", file.to_str().unwrap(), "--json"])
            .succeeded()
            .json();
        check_case(&single, wanted_case);
        // Without parameters of its own those in force hold, and they are the ones of the file.
        place.write("case.json", wanted_case.to_string());
        let plain = place
            .run(&["fair-value", "--case", "case.json", "--json"])
            .succeeded()
            .json();
        check_case(&plain, wanted_case);
    }
}

#[track_caller]
fn check_case(own: &Value, wanted: &Value) {
    coherent(own);
    let (own_models, own_labs) = (models(own), labs(own));
    near(
        own["lambda_per_day"].as_f64().unwrap(),
        wanted["Lambda_per_day"].as_f64().unwrap(),
        1e-12,
        "rate",
    );
    for (name, p) in wanted["p_model"].as_object().unwrap() {
        let ours = if name == "unlisted" {
            own["unlisted"].as_f64().unwrap()
        } else {
            own_models[name]
        };
        near(ours, p.as_f64().unwrap(), 1e-6, name);
    }
    for (name, p) in wanted["p_org"].as_object().unwrap() {
        near(own_labs[name], p.as_f64().unwrap(), 1e-6, name);
    }
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

/// The interpreter for the reference; `None`, said aloud, when it or its packages are absent.
#[expect(
    clippy::disallowed_methods,
    reason = "which interpreter to use is asked of the environment of the test run"
)]
fn python() -> Option<PathBuf> {
    let python = std::env::var_os("AUTOTRADER_PYTHON").map_or_else(|| "python3".into(), PathBuf::from);
    let mut probe = Command::new(&python);
    probe
        .args(["-c", "import numpy, scipy"])
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    if probe.status().is_ok_and(|status| status.success()) {
        return Some(python);
    }
    // Written past the test harness, which keeps the output of passing tests to itself.
    let _ = writeln!(
        std::io::stderr(),
        "skipped: {} with numpy and scipy is absent",
        python.display()
    );
    None
}

/// Prices every case of `cases.json` by the reference and prints the answers as JSON.
const DRIVER: &str = r"
import json, sys, datetime as dt
sys.path.insert(0, sys.argv[1])
import board_walk_reference as ref
D = dt.date.fromisoformat
out = []
for c in json.load(open('cases.json')):
    P = dict(ref.PAR, **c['params'])
    ev = [(D(d), o, g) for d, o, g in c['arrivals']]
    fs = {m: D(d) for m, d in c['first_seen'].items()}
    pm, po = ref.est_new(c['rows'], D(c['at']), c['h'], ev, D(c['since']), fs, P)
    out.append({'models': pm, 'labs': po})
json.dump(out, sys.stdout)
";

/// A random board with what the past told, as the reference takes them.
fn random_case(rng: &mut StdRng) -> Value {
    const LABS: [&str; 7] = ["Ada", "Bell", "Curie", "Dirac", "Euler", "Fermi", "Gauss"];
    let at = chrono::NaiveDate::from_ymd_opt(2026, 3, 1).unwrap() + chrono::Days::new(rng.gen_range(0..200));
    let before = |days: u64| (at - chrono::Days::new(days)).to_string();
    let mut rows: Vec<Value> = Vec::new();
    let spread = [3.0, 30.0, 120.0][rng.gen_range(0..3)];
    for index in 0..rng.gen_range(1..26) {
        // Hundredths, so that the text of the score is the number.
        let score = (150_000.0 - rng.gen_range(0.0..spread * 100.0_f64)).round() / 100.0;
        let half = f64::from(rng.gen_range(50..900)) / 100.0;
        let votes = rng.gen_bool(0.85).then(|| rng.gen_range(1..60_000));
        let interval = rng
            .gen_bool(0.8)
            .then_some(((score - half) * 100.0).round() / 100.0);
        rows.push(json!({
            "model": format!("model-{index:02}"), "org": LABS[rng.gen_range(0..LABS.len())], "score": score,
            "votes": votes, "lo": interval, "hi": interval.map(|low| ((2.0 * score - low) * 100.0).round() / 100.0),
        }));
    }
    // The reference looks at the first rows, as a page lists them.
    let key = |row: &Value| (row["score"].as_f64().unwrap(), row["votes"].as_i64().unwrap_or(0));
    rows.sort_by(|a, b| key(b).partial_cmp(&key(a)).unwrap());
    let arrivals: Vec<Value> = (0..rng.gen_range(0..15))
        .map(|_| {
            let gap = f64::from(rng.gen_range(-3900..4000)) / 100.0;
            json!([
                before(rng.gen_range(0..700)),
                LABS[rng.gen_range(0..LABS.len())],
                gap
            ])
        })
        .collect();
    let mut first_seen = BTreeMap::new();
    for row in &rows {
        if rng.gen_bool(0.7) {
            first_seen.insert(
                row["model"].as_str().unwrap().to_owned(),
                before(rng.gen_range(0..300)),
            );
        }
    }
    let days = [0.01, 0.5, 1.0, 7.0, 33.25, 180.0][rng.gen_range(0..6)];
    json!({
        "rows": rows, "at": at.to_string(), "h": days,
        "arrivals": arrivals, "since": before(700), "first_seen": first_seen,
        "params": if rng.gen_bool(0.5) { json!({}) } else { json!({"b": 0.7, "Lam0": 0.02, "delta": 0.001, "tick": 0.5}) },
    })
}

/// The rows as a board file: JSON or CSV.
fn write_rows(place: &Place, rows: &[Value], csv: bool) -> &'static str {
    let names = [
        ("model", "model_name"),
        ("org", "organization"),
        ("score", "score"),
        ("votes", "votes"),
        ("lo", "ci_lower"),
        ("hi", "ci_upper"),
    ];
    if csv {
        let mut text = names.map(|(_, name)| name).join(",");
        for row in rows {
            let cells = names.map(|(key, _)| match &row[key] {
                Value::Null => String::new(),
                Value::String(text) => text.clone(),
                number => number.to_string(),
            });
            text.push('\n');
            text.push_str(&cells.join(","));
        }
        place.write("board.csv", text + "\n");
        "board.csv"
    } else {
        let rows: Vec<Value> = rows
            .iter()
            .map(|row| {
                names
                    .iter()
                    .map(|(key, name)| ((*name).to_owned(), row[*key].clone()))
                    .collect()
            })
            .collect();
        place.write("board.json", json!(rows).to_string());
        "board.json"
    }
}

fn reference(place: &Place, python: &Path, script: &Path, cases: &[Value]) -> Vec<Value> {
    place.write("cases.json", json!(cases).to_string());
    let output = Command::new(python)
        .args(["-c", DRIVER, script.parent().unwrap().to_str().unwrap()])
        .current_dir(place.work())
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    serde_json::from_slice(&output.stdout).unwrap()
}

#[test]
fn boards_with_arrivals_agree_with_the_reference() {
    let (Some(script), Some(python)) = (capture(REFERENCE), python()) else {
        return;
    };
    let place = Place::new();
    let mut rng = StdRng::seed_from_u64(20_260_821);
    let cases: Vec<Value> = (0..30).map(|_| random_case(&mut rng)).collect();
    let wanted = reference(&place, &python, &script, &cases);
    for (index, (case, wanted)) in cases.iter().zip(&wanted).enumerate() {
        let own = price_case(&place, case, index % 2 == 1);
        coherent(&own);
        let (own_models, own_labs) = (models(&own), labs(&own));
        for (name, p) in wanted["models"].as_object().unwrap() {
            let unlisted = own["unlisted"].as_f64().unwrap();
            let ours = if name == "unlisted" {
                unlisted
            } else {
                own_models[name]
            };
            near(
                ours,
                p.as_f64().unwrap(),
                1e-6,
                &format!("case {index}: {name}: {case}"),
            );
        }
        for (name, p) in wanted["labs"].as_object().unwrap() {
            let ours = own_labs.get(name).copied().unwrap_or(0.0);
            near(
                ours,
                p.as_f64().unwrap(),
                1e-6,
                &format!("case {index}: {name}: {case}"),
            );
        }
    }
}

/// The same board and past through the command.
fn price_case(place: &Place, case: &Value, csv: bool) -> Value {
    let file = write_rows(place, case["rows"].as_array().unwrap(), csv);
    let mut params = json!({ "b": 1.0, "Lam0": 0.04, "delta": 0.0026 });
    for (name, value) in case["params"].as_object().unwrap() {
        params[name] = value.clone();
    }
    place.write("params.json", params.to_string());
    let past = json!({
        "since": case["since"], "arrivals": case["arrivals"], "first_seen": case["first_seen"],
    });
    place.write("arrivals.json", past.to_string());
    let at: chrono::NaiveDate = case["at"].as_str().unwrap().parse().unwrap();
    let at = at.and_hms_opt(14, 0, 0).unwrap().and_utc();
    #[expect(clippy::cast_possible_truncation, reason = "whole seconds of a few months")]
    let seconds = (case["h"].as_f64().unwrap() * 86_400.0).round() as i64;
    let close = at + chrono::TimeDelta::seconds(seconds);
    place
        .run(&[
            "fair-value",
            file,
            "--at",
            &at.to_rfc3339(),
            "--close",
            &close.to_rfc3339(),
            "--params",
            "params.json",
            "--arrivals",
            "arrivals.json",
            "--json",
        ])
        .succeeded()
        .json()
}
