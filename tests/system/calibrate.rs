//! `calibrate`: a series of boards scored from the command line.

use std::io::Write as _;

use flate2::Compression;
use flate2::write::GzEncoder;
use rstest::rstest;
use serde_json::{Value, json};

use crate::captures::capture;
use crate::place::Place;

/// Boards every second day from 2026-01-01 on: two labs that take turns at the top every 40 days.
fn boards(count: u32) -> Vec<Value> {
    (0..count)
        .map(|number| {
            let day = chrono::NaiveDate::from_ymd_opt(2026, 1, 1).unwrap()
                + chrono::Days::new(2 * u64::from(number));
            let ahead = if number / 20 % 2 == 0 { 4.0 } else { -4.0 };
            let row = |model: &str, org: &str, score: f64| {
                json!({
                    "model": model, "org": org, "score": score, "votes": 1_000 + 400 * number,
                    "lo": score - 5.0, "hi": score + 5.0, "rank_ub": null, "not_ours": true,
                })
            };
            json!({ "date": day.to_string(), "src": "cherry", "rows": [
                row("a-1", "A", 1500.0), row("b-<i>1", "B", 1500.0 - ahead), row("c-1", "C", 1470.0),
            ]})
        })
        .collect()
}

/// A place with `series.json` in it.
fn with_series(boards: &[Value]) -> Place {
    let place = Place::new();
    place.write("series.json", json!(boards).to_string());
    place
}

#[test]
fn a_series_is_scored_for_scripts_and_for_people() {
    let place = with_series(&boards(70));
    let arguments = [
        "calibrate",
        "series.json",
        "--horizons",
        "7,1,130,7",
        "--to",
        "2026-04-30",
    ];
    let run = place
        .run(&[&arguments[..], &["--json", "--html", "page.html"]].concat())
        .succeeded();
    let answer = run.json();
    assert_eq!(answer["series"], "series.json");
    assert_eq!(answer["tick"], 0.25);
    assert_eq!(
        answer["params"]["prior_rate"], 0.04,
        "the set that saw the training period alone"
    );
    assert_eq!(answer["leader_changes_model"], 2);
    assert_eq!(answer["horizons"].as_object().unwrap().len(), 2);
    for (days, n) in [("1", 120), ("7", 120)] {
        let figures = &answer["horizons"][days];
        assert_eq!(figures["n"], n);
        for estimator in ["board_walk", "persistence", "recency_persistence", "rank_table"] {
            for level in ["model", "org"] {
                for measure in ["log_loss", "brier"] {
                    let key = format!("{estimator}_{level}_{measure}");
                    let figure = figures[&key].as_f64().unwrap();
                    let interval = &answer["intervals"][days][&key];
                    assert!(figure > 0.0, "{key}");
                    assert!(interval["low"].as_f64().unwrap() <= figure, "{key}");
                    assert!(interval["high"].as_f64().unwrap() >= figure, "{key}");
                }
                let reliability = &answer["reliability"][format!("{estimator}_{level}")];
                assert!(reliability["ece"].as_f64().unwrap() >= 0.0);
                assert!(!reliability["bins"].as_array().unwrap().is_empty());
            }
        }
    }
    assert_eq!(
        answer["skipped"],
        json!([{ "horizon": 130, "n": 9, "needed": 40 }])
    );
    assert!(
        run.stderr.contains("130 days ahead: left out, 9 days"),
        "{}",
        run.stderr
    );

    let page = std::fs::read_to_string(place.work().join("page.html")).unwrap();
    assert_eq!(page.matches("<svg").count(), 6);
    assert_eq!(page.matches("viewBox=").count(), 6, "no attribute is given twice");
    for request in ["src=", "href=", "url(", "@import"] {
        assert!(!page.contains(request), "the page asks for something: {request}");
    }

    let table = place.run(&arguments).succeeded();
    for shown in [
        "Log loss, models",
        "Brier score, organisations",
        "- recency_persistence",
        "(ECE)",
        "Wilson 95 %",
    ] {
        assert!(table.stdout.contains(shown), "{shown}: {}", table.stdout);
    }
    assert_eq!(
        table.stdout,
        place.run(&arguments).stdout,
        "equal runs say the same"
    );
}

#[test]
fn a_packed_series_and_named_parameters_are_read() {
    let place = with_series(&boards(60));
    let mut packed = GzEncoder::new(Vec::new(), Compression::fast());
    packed
        .write_all(json!(boards(60)).to_string().as_bytes())
        .unwrap();
    std::fs::write(place.work().join("series.json.gz"), packed.finish().unwrap()).unwrap();
    place.write(
        "params.json",
        r#"{"params": {"Lam0": 0.04, "b": 1.0, "delta": 0.0026}}"#,
    );
    let horizons = |series: &str, params: &str| {
        let run = place.run(&[
            "calibrate",
            series,
            "--horizons",
            "7",
            "--params",
            params,
            "--json",
        ]);
        run.succeeded().json()["horizons"]["7"].clone()
    };
    let plain = horizons("series.json", "evaluated");
    assert_eq!(plain, horizons("series.json.gz", "params.json"));
    assert_ne!(plain, horizons("series.json", "deployment"));
}

#[rstest]
#[case(&["--from", "2025-12-31"], "the origins begin on 2025-12-31, but the series goes from 2026-01-01 to 2026-01-19")]
#[case(&["--from", "2026-01-10", "--to", "2026-01-05"], "before they begin on 2026-01-10")]
#[case(&["--horizons", "0"], "--horizons")]
#[case(&["--tick", "0"], "score_step is 0: set it between")]
#[case(&["--params", "absent.json"], "absent.json: cannot be read")]
#[case(&["--from", "soon"], "--from")]
fn what_cannot_be_used_is_named(#[case] more: &[&str], #[case] message: &str) {
    let place = with_series(&boards(10));
    let run = place.run(&[&["calibrate", "series.json"], more].concat());
    assert_eq!(run.code, Some(2), "{}", run.stderr);
    assert!(run.stderr.contains(message), "{}", run.stderr);
}

#[test]
fn what_is_no_series_is_named_with_its_place() {
    let mut wrong = boards(5);
    wrong.swap(1, 3);
    let place = with_series(&wrong);
    let run = place.run(&["calibrate", "series.json"]);
    assert!(
        run.refused(2)
            .starts_with("error: series.json: board 3 (2026-01-05): it comes after a board of 2026-01-07"),
        "{}",
        run.stderr
    );
}

#[test]
fn a_published_figure_is_met_from_the_command_line() {
    let Some(path) = capture("reference/calibration_reference.json") else {
        return;
    };
    let references: Value = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
    let reference = &references[0];
    let text = |key: &str| reference[key].as_str().unwrap();
    let Some(series) = capture(&format!("arena/history/{}", text("series"))) else {
        return;
    };
    let place = Place::new();
    let run = place.run(&[
        "calibrate",
        series.to_str().unwrap(),
        "--from",
        text("from"),
        "--to",
        text("to"),
        "--horizons",
        "7",
        "--json",
    ]);
    let answer = run.succeeded().json();
    for key in ["series", "from", "to", "tick"] {
        assert_eq!(answer[key], reference[key], "{key}");
    }
    for (name, figure) in reference["horizons"]["7"].as_object().unwrap() {
        let found = answer["horizons"]["7"][name].as_f64().unwrap();
        assert!((found - figure.as_f64().unwrap()).abs() < 1e-6, "{name}: {found}");
    }
}
