//! `fair-value`: what a board or a case is worth, from the command line.

mod bad_input;
mod reference;

use std::collections::BTreeMap;

use rand::rngs::StdRng;
use rand::{Rng as _, SeedableRng as _};
use rstest::rstest;
use serde_json::{Value, json};

use crate::captures::capture;
use crate::place::Place;

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
