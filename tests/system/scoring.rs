//! `calibrate --live` and `export` on a database that is written here, with figures that can be followed by hand.

use std::collections::BTreeMap;
use std::io::Read as _;
use std::sync::Arc;

use autotrader_domain::ports::Ledger as _;
use autotrader_domain::{
    AcceptedBoard, Action, Arrival, BoardHash, Decided, ForecastRecord, HistoryEvent, ModelChance, Net,
    OrganizationChance, ParsePath, Record, Vintage, Why,
};
use autotrader_settlement::{Board, Entry, Rating};
use chrono::{DateTime, TimeDelta, Utc};
use rstest::rstest;
use serde_json::{Value, json};

use crate::place::Place;
use crate::process::{SHORT, finish};
use crate::scenario::{check, lab, mapping, model, now, store};

const LEADER: &str = "KXTOPMODEL-26DEC04-AURO";
const RIVAL: &str = "KXTOPMODEL-26DEC04-BORE";
const LAB: &str = "KXLLM1-26DEC04-NORT";
const OTHER_LAB: &str = "KXLLM1-26DEC04-CONT";

fn line(ticker: &str, hours_before: i64, pooled: f64, market: f64) -> Record {
    Record::Decision(Why {
        ticker: ticker.parse().unwrap(),
        at: check() - TimeDelta::hours(hours_before),
        fair: Some(pooled),
        market: Some(market),
        pooled: Some(pooled),
        edge: None,
        target: None,
        position: Net::ZERO,
        action: Action::Hold,
        reason: None,
        next_reason: None,
        baselines: BTreeMap::from([("persistence".to_owned(), 0.5)]),
        wanted: None,
    })
}

fn paid(ticker: &str, yes_value: &str) -> Record {
    Record::Decided(Decided {
        ticker: ticker.parse().unwrap(),
        at: check() + TimeDelta::hours(2),
        yes_value: yes_value.parse().unwrap(),
        paid: true,
    })
}

fn forecast(estimator: &str, hours_before: i64, leader: f64) -> Record {
    Record::Forecast(ForecastRecord {
        at: check() - TimeDelta::hours(hours_before),
        check_time: check(),
        rule_set: "v1:cascade:full".into(),
        board: BoardHash([7; 32]),
        estimator: estimator.into(),
        models: vec![ModelChance {
            model_name: "aurora-5".into(),
            organization: Some("Northwind".into()),
            p: leader,
        }],
        organizations: vec![OrganizationChance {
            organization: "Northwind".into(),
            p: leader + 0.05,
        }],
        other: 0.95 - leader,
        unlisted: 1.0 - leader,
        drivers: None,
    })
}

fn board(day: i64, leader: &str) -> Record {
    let rating = |text: &str| Some(Rating::parse(text).unwrap());
    let entry = |name: &str, lab: &str, score: &str| Entry {
        organization: Some(lab.to_owned()),
        rank_ub: Some(1),
        score: rating(score),
        ci_lower: rating("1490.25"),
        ci_upper: rating("1510.123456789"),
        votes: Some(12_345),
        ..Entry::named(name)
    };
    let at = now() + TimeDelta::days(day);
    let board = Board {
        entries: vec![
            entry("aurora-5", "Northwind", leader),
            entry("boreas-2", "Contoso", "1495.50"),
        ],
    };
    Record::Accepted(Arc::new(AcceptedBoard {
        board: Arc::new(board),
        hash: BoardHash([u8::try_from(day + 10).unwrap(); 32]),
        vintage: Vintage(at),
        path: ParsePath::Flight,
        accepted_at: at,
    }))
}

fn write(place: &Place) {
    let mappings = [
        mapping(LEADER, model("aurora-5", "Northwind")),
        mapping(RIVAL, model("boreas-2", "Contoso")),
        mapping(LAB, lab("Northwind")),
        mapping(OTHER_LAB, lab("Contoso")),
    ];
    let mut records: Vec<Record> = mappings
        .into_iter()
        .map(|mapping| Record::Mapped { at: now(), mapping })
        .collect();
    records.extend([
        // The first line of each span of days counts: one two days before, and one the day before.
        line(LEADER, 48, 0.5, 0.25),
        line(LEADER, 47, 0.9, 0.9),
        line(LEADER, 20, 0.8, 0.8),
        line(RIVAL, 20, 0.2, 0.5),
        line(LAB, 20, 0.9, 0.6),
        line(OTHER_LAB, 20, 0.1, 0.1),
        forecast("board_walk", 20, 0.8),
        forecast("persistence", 20, 0.6),
        forecast("board_walk", 3, 0.1),
        paid(LEADER, "1"),
        paid(RIVAL, "0"),
        paid(LAB, "1"),
        paid(OTHER_LAB, "0.25"),
        board(0, "1500.5"),
        board(1, "1501.123456789012345"),
        Record::History {
            at: now(),
            events: vec![
                HistoryEvent::Listed {
                    at: now(),
                    model_name: "aurora-5".into(),
                    organization: Some("Northwind".into()),
                },
                HistoryEvent::Arrived(Arrival {
                    at: now() + TimeDelta::days(1),
                    model_name: "cirrus-3".into(),
                    organization: Some("Fabrikam".into()),
                    gap: -4.5,
                }),
            ],
        },
    ]);
    let store = store(place);
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(store.record(records)).unwrap();
}

fn close(figure: &Value, expected: f64) -> bool {
    (figure.as_f64().unwrap() - expected).abs() < 1e-9
}

#[test]
fn what_was_said_is_scored_beside_the_market_on_the_same_rows() {
    let place = Place::new();
    write(&place);
    let report = place.run(&["calibrate", "--live", "--json"]).succeeded().json();
    let contracts = &report["contracts"];
    assert_eq!(contracts["rows"], 4, "{contracts}");
    assert_eq!(contracts["left_out"], json!({"scalar": 1}));
    assert_eq!(
        contracts["estimators"],
        json!(["fair", "market", "persistence", "pooled"])
    );
    // Northwind's model and Northwind itself are one event.
    assert_eq!(contracts["events"], 2);
    let earlier = &contracts["horizons"]["1-3"];
    assert!(close(&earlier["market_model_log_loss"], 4f64.ln()), "{earlier}");
    assert!(close(&earlier["pooled_model_log_loss"], 2f64.ln()), "{earlier}");
    let day = &contracts["horizons"]["0-1"];
    assert_eq!((&day["n_model"], &day["n_org"]), (&json!(2.0), &json!(1.0)));
    assert!(close(&day["pooled_model_log_loss"], -0.8f64.ln()), "{day}");
    assert!(close(&day["market_model_brier"], (0.04 + 0.25) / 2.0), "{day}");
    assert!(close(&day["pooled_org_log_loss"], -0.9f64.ln()), "{day}");
    let gain = &contracts["differences"]["pooled-market_org"];
    assert!(close(&gain["mean"], 0.6f64.ln() - 0.9f64.ln()), "{gain}");
    assert_eq!(contracts["gate"]["verdict"], "not_enough_data");
    let checks = &report["checks"];
    assert_eq!(checks["checks"], 1);
    let day = &checks["horizons"]["0-1"];
    assert!(close(&day["board_walk_model_log_loss"], -0.8f64.ln()), "{day}");
    // A lab's contract paid a quarter, so nobody can say which lab won.
    assert_eq!(checks["left_out"], json!({"scalar_org": 1}));
    assert_eq!(day["persistence_org_log_loss"], Value::Null);
    assert!(close(&day["persistence_model_log_loss"], -0.6f64.ln()), "{day}");
    assert!(close(&day["board_walk_model_brier"], 0.08), "{day}");

    let told = place.run(&["calibrate", "--live"]).succeeded();
    assert!(
        told.stdout
            .contains("Not enough data to compare with the market: 2 independent events of 40.")
    );
    let later = (check() - TimeDelta::hours(24)).to_rfc3339();
    let report = place
        .run(&["calibrate", "--live", "--json", "--since", &later])
        .succeeded()
        .json();
    assert_eq!(report["contracts"]["rows"], 3);
}

#[rstest]
#[case("series.json")]
#[case("series.json.gz")]
fn accepted_boards_are_exported_digit_for_digit(#[case] name: &str) {
    let place = Place::new();
    write(&place);
    place.run(&["export", "series", "--out", name]).succeeded();
    let bytes = std::fs::read(place.work().join(name)).unwrap();
    let mut text = String::new();
    if name.ends_with(".gz") {
        flate2::read::GzDecoder::new(bytes.as_slice())
            .read_to_string(&mut text)
            .unwrap();
    } else {
        text = String::from_utf8(bytes).unwrap();
    }
    assert!(text.contains("\"score\":1501.123456789012345"), "{text}");
    let boards: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(boards[0]["date"], now().format("%Y-%m-%d").to_string());
    assert_eq!(boards[0]["src"], "flight");
    assert_eq!(
        boards[0]["rows"][1],
        json!({"model": "boreas-2", "org": "Contoso", "score": 1495.5, "votes": 12_345, "lo": 1490.25,
               "hi": 1_510.123_456_789, "rank_ub": 1})
    );
    assert_eq!(boards.as_array().unwrap().len(), 2);
    // What was exported can be read back; two days are too few for any horizon.
    let read = place.run(&["calibrate", name, "--json"]).succeeded().json();
    assert_eq!(read["from"], boards[0]["date"]);
    let since = (now() + TimeDelta::hours(1)).to_rfc3339();
    let later = place
        .run(&["export", "series", "--since", &since])
        .succeeded()
        .json();
    assert_eq!(later.as_array().unwrap().len(), 1);
    assert!(!place.contents().iter().any(|file| file.ends_with(".part")));
}

#[test]
fn arrivals_are_exported_as_fair_value_reads_them() {
    let place = Place::new();
    write(&place);
    place
        .run(&["export", "arrivals", "--out", "arrivals.json"])
        .succeeded();
    let text = std::fs::read_to_string(place.work().join("arrivals.json")).unwrap();
    let told: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(told["arrivals"][0]["organization"], "Fabrikam");
    assert_eq!(told["first_seen"]["aurora-5"], json!(now()));
    place.write(
        "board.json",
        r#"[{"model": "aurora-5", "org": "Northwind", "score": 1500, "votes": 9000}]"#,
    );
    let at: DateTime<Utc> = now() + TimeDelta::days(1) + TimeDelta::hours(1);
    let value = place
        .run(&[
            "fair-value",
            "board.json",
            "--close",
            &check().to_rfc3339(),
            "--at",
            &at.to_rfc3339(),
            "--arrivals",
            "arrivals.json",
            "--json",
        ])
        .succeeded()
        .json();
    let labs = value["organizations"].as_array().unwrap();
    assert!(
        labs.iter().any(|lab| lab["organization"] == "Fabrikam"),
        "its newcomer counts: {labs:?}"
    );
}

/// A board that says little: a lab that is not known, a number that JSON writes otherwise, a row without a score.
fn odd_board(scored: bool) -> Record {
    let row = |name: &str, score: Option<&str>| Entry {
        score: score
            .filter(|_| scored)
            .map(|score| Rating::parse(score).unwrap()),
        ..Entry::named(name)
    };
    let at = now() + TimeDelta::days(2);
    Record::Accepted(Arc::new(AcceptedBoard {
        board: Arc::new(Board {
            entries: vec![row("aurora-5", Some("+1500.")), row("boreas-2", None)],
        }),
        hash: BoardHash([if scored { 1 } else { 2 }; 32]),
        vintage: Vintage(at),
        path: ParsePath::HtmlTable,
        accepted_at: at,
    }))
}

#[test]
fn what_says_nothing_of_who_leads_is_left_out() {
    let place = Place::new();
    let store = store(&place);
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime
        .block_on(store.record(vec![odd_board(true), odd_board(false)]))
        .unwrap();
    let told = place.run(&["export", "series"]).succeeded();
    assert_eq!(
        told.json(),
        json!([{ "date": "2026-12-04", "src": "html_table", "rows": [
            { "model": "aurora-5", "org": "", "score": 1500.0, "votes": null, "lo": null, "hi": null, "rank_ub": null },
        ]}])
    );
    assert!(
        told.stderr.contains("no row of them has a score: 1."),
        "{}",
        told.stderr
    );
    place.write("series.json", &told.stdout);
    place.run(&["calibrate", "series.json", "--json"]).succeeded();
}

#[test]
fn what_cannot_be_written_leaves_everything_as_it_was() {
    let place = Place::new();
    drop(store(&place));
    for what in ["series", "arrivals"] {
        let told = place.run(&["export", what]);
        assert!(told.refused(2).contains("no board was accepted yet"));
        assert_eq!(told.stdout, "");
    }
    write(&place);
    place.write("kept.json", "old");
    std::fs::create_dir(place.work().join("taken")).unwrap();
    let before = place.contents();
    for (out, since, code, said) in [
        (
            "nowhere/series.json",
            "2026-01-01",
            1,
            "nowhere/series.json: cannot be written",
        ),
        ("taken", "2026-01-01", 2, "taken: is a directory"),
        (
            "kept.json",
            "2027-01-01",
            2,
            "no board was accepted since 2027-01-01",
        ),
    ] {
        let told = place.run(&["export", "series", "--out", out, "--since", since]);
        assert!(told.refused(code).contains(said), "{}", told.stderr);
    }
    assert_eq!(place.contents(), before, "nothing stays beside it");
    assert_eq!(std::fs::read(place.work().join("kept.json")).unwrap(), b"old");
}

#[test]
fn a_link_stays_a_link_and_a_device_a_device() {
    use std::os::unix::fs::{FileTypeExt as _, symlink};
    let place = Place::new();
    write(&place);
    place.write("real.json", "old");
    symlink("real.json", place.work().join("link.json")).unwrap();
    symlink("/dev/null", place.work().join("device.json")).unwrap();
    for out in ["link.json", "device.json"] {
        place.run(&["export", "series", "--out", out]).succeeded();
        let link = std::fs::symlink_metadata(place.work().join(out)).unwrap();
        assert!(link.file_type().is_symlink(), "{out}");
    }
    let real = std::fs::read_to_string(place.work().join("real.json")).unwrap();
    assert_eq!(real, place.run(&["export", "series"]).succeeded().stdout);
    let device = std::fs::metadata("/dev/null").unwrap();
    assert!(device.file_type().is_char_device());
}

#[rstest]
#[case(&["calibrate"])]
#[case(&["calibrate", "--live", "series.json"])]
#[case(&["calibrate", "--live", "--from", "2026-01-01"])]
#[case(&["calibrate", "series.json", "--since", "2026-01-01"])]
#[case(&["calibrate", "--live", "--since", "yesterday"])]
#[case(&["export"])]
#[case(&["export", "series", "--since", "2026-02-30"])]
fn bad_usage_is_told_and_ends_with_two(#[case] arguments: &[&str]) {
    let place = Place::new();
    write(&place);
    // A series that could be scored: what is wrong is the usage.
    place
        .run(&["export", "series", "--out", "series.json"])
        .succeeded();
    let told = finish(&mut place.autotrader(arguments), SHORT);
    assert_eq!(told.code, Some(2), "{}", told.stderr);
}

#[rstest]
#[case(&["calibrate", "--live"])]
#[case(&["export", "series"])]
#[case(&["export", "arrivals"])]
fn without_a_database_one_sentence_says_so(#[case] arguments: &[&str]) {
    let told = Place::new().run(arguments);
    assert!(told.refused(1).starts_with("error: database"), "{}", told.stderr);
}
