//! `fair-value` against the published vectors and the executable reference, where they are there.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use rand::rngs::StdRng;
use rand::{Rng as _, SeedableRng as _};
use serde_json::{Value, json};

use super::{coherent, labs, models, near};
use crate::captures::capture;
use crate::place::Place;

const GOLDEN: &str = "reference/quant_golden.json";
const REFERENCE: &str = "reference/board_walk_reference.py";

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
