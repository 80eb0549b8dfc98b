//! `backtest`: the core over a series of boards from the command line.

use serde_json::{Value, json};

use crate::place::Place;

/// Boards every second day from 2026-01-01 on: two labs that take turns at the top every 14 days.
fn boards(count: u32) -> Vec<Value> {
    (0..count)
        .map(|number| {
            let day = chrono::NaiveDate::from_ymd_opt(2026, 1, 1).unwrap()
                + chrono::Days::new(2 * u64::from(number));
            let ahead = if number / 7 % 2 == 0 { 12.0 } else { -12.0 };
            let row = |model: &str, org: &str, score: f64| {
                json!({
                    "model": model, "org": org, "score": score, "votes": 5_000 + 400 * number,
                    "lo": score - 5.0, "hi": score + 5.0, "rank_ub": null,
                })
            };
            json!({ "date": day.to_string(), "src": "x", "rows": [
                row("a-1", "A", 1500.0), row("b-1", "B", 1500.0 - ahead), row("c-1", "C", 1470.0),
            ]})
        })
        .collect()
}

fn run(place: &Place, more: &[&str]) -> Value {
    let arguments = [
        "backtest",
        "series.json",
        "--from",
        "2026-01-20",
        "--days",
        "14",
        "--json",
    ];
    place.run(&[&arguments[..], more].concat()).succeeded().json()
}

#[test]
fn equal_seeds_give_equal_bytes_whatever_the_threads() {
    let place = Place::new();
    place.write("series.json", json!(boards(22)).to_string());
    let one = run(&place, &["--regime", "slow", "--seeds", "3", "--threads", "1"]);
    let three = run(&place, &["--regime", "slow", "--seeds", "3", "--threads", "3"]);
    assert_eq!(one, three);
    let runs = one["seeds"].as_array().unwrap();
    assert_eq!(runs.len(), 3);
    assert_ne!(runs[0]["chain"], runs[1]["chain"]);
    assert!(
        runs.iter().any(|run| run["trades"].as_u64().unwrap() > 0),
        "{one}"
    );
    let later = run(&place, &["--regime", "slow", "--seeds", "1", "--first-seed", "3"]);
    assert_eq!(later["seeds"][0], runs[2], "a seed does not depend on the others");
}

#[test]
fn who_knows_the_winner_wins() {
    let place = Place::new();
    place.write("series.json", json!(boards(22)).to_string());
    for regime in ["slow", "efficient"] {
        let answer = run(
            &place,
            &["--regime", regime, "--strategy", "oracle", "--seeds", "2"],
        );
        for run in answer["seeds"].as_array().unwrap() {
            assert!(run["pnl"].as_f64().unwrap() > 0.0, "{regime}: {run}");
        }
    }
}

#[test]
fn a_board_that_is_known_before_its_day_is_a_look_into_the_future() {
    let place = Place::new();
    let mut boards = boards(22);
    boards[9]["known_at"] = json!("2026-01-18T00:00:00Z");
    place.write("series.json", json!(boards).to_string());
    let run = place.run(&["backtest", "series.json", "--regime", "slow"]);
    let said = run.refused(2);
    assert!(
        said.contains("board 10") && said.contains("look into the future"),
        "{said}"
    );
}
