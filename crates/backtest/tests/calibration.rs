//! Calibration against the published figures and, through Python, against the reference on series that nobody tuned to.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test stops loudly at what it did not expect"
)]

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use autotrader_backtest::calibration::{Report, Settings, report, run};
use autotrader_backtest::series::{Series, SeriesError};
use autotrader_strategy::params::BoardWalkParams;
use chrono::NaiveDate;
use rand::{Rng as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;
use rstest::rstest;
use serde_json::{Value, json};

/// How far a figure may be from the reference's.
const TOLERANCE: f64 = 1e-6;

fn said_aloud(what: &str) {
    // Written past the capture of test output, so that a skip is seen in a passing run.
    writeln!(std::io::stderr().lock(), "skipped: {what}").unwrap();
}

fn shared(file: &str) -> Option<PathBuf> {
    #[expect(
        clippy::disallowed_methods,
        reason = "the tests' only switch says where captures are"
    )]
    let root = std::env::var_os("AUTOTRADER_SHARED").map_or_else(
        || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared"),
        PathBuf::from,
    );
    let path = root.join(file);
    if path.exists() {
        return Some(path);
    }
    said_aloud(&format!("{} is absent", path.display()));
    None
}

/// A Python that has what the reference needs.
fn python() -> Option<String> {
    #[expect(
        clippy::disallowed_methods,
        reason = "the tests' only switch says which Python"
    )]
    let python = std::env::var("AUTOTRADER_PYTHON").unwrap_or_else(|_| "python3".to_owned());
    let able = Command::new(&python).args(["-c", "import numpy, scipy"]).output();
    if able.is_ok_and(|output| output.status.success()) {
        return Some(python);
    }
    said_aloud("no python3 with numpy and scipy");
    None
}

fn date(text: &str) -> NaiveDate {
    text.parse().unwrap()
}

fn scored(series: &Series, from: &str, to: &str, horizons: &[u32]) -> Report {
    let settings = Settings {
        from: date(from),
        to: date(to),
        horizons: horizons.to_vec(),
        params: BoardWalkParams::evaluated(),
    };
    let run = run(series, &settings, &mut |_| {}).unwrap();
    report(&run, settings.from, settings.to)
}

/// Every figure of the reference, with the place of one that differs.
#[track_caller]
fn agrees(report: &Report, reference: &Value) {
    let ours = serde_json::to_value(report).unwrap();
    let horizons = reference["horizons"].as_object().unwrap();
    assert!(!horizons.is_empty());
    for (days, figures) in horizons {
        for (name, expected) in figures.as_object().unwrap() {
            let found = ours["horizons"][days][name]
                .as_f64()
                .unwrap_or_else(|| panic!("{days}.{name} is missing"));
            let expected = expected.as_f64().unwrap();
            assert!(
                (found - expected).abs() < TOLERANCE,
                "{days}.{name}: {found} instead of {expected}"
            );
        }
    }
}

#[test]
fn the_published_figures_are_met() {
    let Some(path) = shared("reference/calibration_reference.json") else {
        return;
    };
    let references: Value = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
    for reference in references.as_array().unwrap() {
        let text = |key: &str| reference[key].as_str().unwrap();
        let Some(path) = shared(&format!("arena/history/{}", text("series"))) else {
            return;
        };
        let series = Series::read(&std::fs::read(path).unwrap()).unwrap();
        agrees(
            &scored(&series, text("from"), text("to"), &[1, 3, 7, 14, 30, 60]),
            reference,
        );
    }
}

/// A series of our own making: six labs whose models gather votes, drift and are overtaken, from two kinds of sources.
fn invented(seed: u64) -> Vec<Value> {
    let mut stream = ChaCha8Rng::seed_from_u64(seed);
    let mut models: Vec<(String, String, f64, f64)> = (0..14)
        .map(|n| {
            (
                format!("m{n}"),
                format!("Lab{}", n % 6),
                1300.0 - 4.0 * f64::from(n),
                4_000.0,
            )
        })
        .collect();
    let mut day = date("2025-01-01");
    let mut boards = Vec::new();
    for number in 0..70 {
        day = day + chrono::Days::new(stream.gen_range(0..5));
        if stream.gen_bool(0.3) {
            let top = models.iter().map(|model| model.2).fold(0.0, f64::max);
            models.push((
                format!("n{number}"),
                format!("Lab{}", stream.gen_range(0..8)),
                top + stream.gen_range(-45.0..20.0),
                stream.gen_range(500.0..4_000.0),
            ));
        }
        let whole_points = stream.gen_bool(0.3);
        let rows: Vec<Value> = models
            .iter_mut()
            .map(|(model, org, score, votes)| {
                *score += stream.gen_range(-1.5..1.5);
                *votes += stream.gen_range(0.0..900.0);
                let shown = if whole_points { score.round() } else { *score };
                let width = stream.gen_range(2.0..9.0);
                let known = stream.gen_bool(0.8);
                json!({
                    "model": model, "org": org, "score": shown,
                    "votes": known.then(|| votes.round()),
                    "lo": known.then_some(shown - width), "hi": known.then_some(shown + width),
                    "rank_ub": stream.gen_bool(0.5).then(|| stream.gen_range(1..6)),
                })
            })
            .collect();
        let src = ["cherry", "mayer", "jtrigg", "timothy"][stream.gen_range(0..4)];
        boards.push(json!({ "date": day.to_string(), "src": src, "rows": rows }));
    }
    boards
}

#[test]
fn invented_series_score_as_the_reference_scores_them() {
    let (Some(python), Some(script)) = (python(), shared("reference/calibration_reference.py")) else {
        return;
    };
    let place = tempfile::tempdir().unwrap();
    for seed in 1..=3 {
        let text = serde_json::to_vec(&invented(seed)).unwrap();
        let path = place.path().join("series.json.gz");
        let mut packed =
            flate2::write::GzEncoder::new(std::fs::File::create(&path).unwrap(), flate2::Compression::fast());
        packed.write_all(&text).unwrap();
        packed.finish().unwrap();
        let output = Command::new(&python)
            .arg(&script)
            .arg(&path)
            .args(["2025-02-01", "2025-05-01", "0.25"])
            .env("PYTHONDONTWRITEBYTECODE", "1")
            .output()
            .unwrap();
        assert!(
            output.status.success(),
            "{}",
            String::from_utf8_lossy(&output.stderr)
        );
        let reference: Value = serde_json::from_slice(&output.stdout).unwrap();
        let series = Series::read(&std::fs::read(&path).unwrap()).unwrap();
        agrees(
            &scored(&series, "2025-02-01", "2025-05-01", &[1, 3, 7, 14, 30, 60]),
            &reference,
        );
    }
}

#[test]
fn a_report_is_repeatable_and_its_figures_lie_within_their_intervals() {
    let series = Series::read(&serde_json::to_vec(&invented(7)).unwrap()).unwrap();
    let first = scored(&series, "2025-02-01", "2025-04-15", &[7, 60]);
    assert_eq!(first, scored(&series, "2025-02-01", "2025-04-15", &[7, 60]));
    for (days, intervals) in &first.intervals {
        for (name, interval) in intervals {
            let figure = first.horizons[days].figures[name];
            assert!((interval.mean - figure).abs() < 1e-9, "{days} {name}");
            assert!(interval.low <= figure && figure <= interval.high, "{days} {name}");
        }
    }
    let compared = &first.differences[&7]["persistence_model"].log_loss;
    let figures = &first.horizons[&7].figures;
    let expected = figures["board_walk_model_log_loss"] - figures["persistence_model_log_loss"];
    assert!((compared.mean - expected).abs() < 1e-9);
}

#[test]
fn a_horizon_with_too_few_origins_is_left_out_and_named() {
    let series = Series::read(&serde_json::to_vec(&invented(7)).unwrap()).unwrap();
    let short = scored(&series, "2025-03-01", "2025-03-20", &[1]);
    assert!(short.horizons.is_empty());
    assert_eq!(
        (
            short.skipped[0].horizon,
            short.skipped[0].n,
            short.skipped[0].needed
        ),
        (1, 20, 40)
    );
}

#[test]
fn nothing_later_than_an_origin_enters_its_forecast() {
    let boards = invented(9);
    let whole = Series::read(&serde_json::to_vec(&boards).unwrap()).unwrap();
    let last = date("2025-04-20");
    // The same series, ended with the outcome of the last origin: what came after it must not matter.
    let known: Vec<Value> = boards
        .iter()
        .filter(|board| date(board["date"].as_str().unwrap()) <= last)
        .cloned()
        .collect();
    let cut = Series::read(&serde_json::to_vec(&known).unwrap()).unwrap();
    let end = cut.span().1;
    let to = (end - chrono::Days::new(3)).to_string();
    let figures = |series: &Series| scored(series, "2025-02-01", &to, &[3]).horizons[&3].clone();
    assert_eq!(figures(&whole), figures(&cut));
}

#[rstest]
#[case("[]", "not a series of boards: it lists no board")]
#[case("[", "not a series of boards: EOF while parsing a list at line 1 column 1")]
#[case(
    r#"[{"date": "30.4.2026", "src": "a", "rows": []}]"#,
    "board 1 (30.4.2026): the date is not a day such as 2026-04-30"
)]
#[case(
    r#"[{"date": "2026-04-30", "src": "a", "rows": [{"model": "m", "org": "o", "score": null}]}]"#,
    "board 1 (2026-04-30): no row has a score"
)]
#[case(
    r#"[{"date": "2026-04-30", "src": "a", "rows": [{"model": "m", "org": "o", "score": 1}]},
        {"date": "2026-04-29", "src": "a", "rows": [{"model": "m", "org": "o", "score": 1}]}]"#,
    "board 2 (2026-04-29): it comes after a board of 2026-04-30; put the boards in the order of their dates"
)]
fn what_is_no_series_is_refused_with_its_place(#[case] text: &str, #[case] message: &str) {
    let error: SeriesError = Series::read(text.as_bytes()).unwrap_err();
    assert_eq!(error.to_string(), message);
}
