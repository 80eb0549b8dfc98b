//! Commands that read a file or compute: what they print, and how they refuse bad input.

use std::fs::File;
use std::io::{BufWriter, Write as _};
use std::path::Path;

use rstest::rstest;
use serde_json::{Value, json};

use crate::captures::capture;
use crate::place::Place;
use crate::process::{Deadline, Running, SHORT, finish};

#[rstest]
#[case(&["50", "10"], "0.18", "0.018", "5.18")]
#[case(&["50", "10", "--rounding", "direct"], "0.175", "0.0175", "5.175")]
#[case(&["50", "10", "--multiplier", "0.5"], "0.09", "0.009", "5.09")]
#[case(&["50", "100", "--maker"], "0.44", "0.0044", "50.44")]
#[case(&["1", "1"], "0.01", "0.01", "0.02")]
#[case(&["99", "0.5"], "0.01", "0.02", "0.505")]
fn calc_fee(#[case] arguments: &[&str], #[case] fee: &str, #[case] each: &str, #[case] total: &str) {
    let place = Place::new();
    let report = place
        .run(&[&["calc-fee"], arguments, &["--json"]].concat())
        .succeeded()
        .json();
    assert_eq!(report["fee"], fee);
    assert_eq!(report["fee_per_contract"], each);
    assert_eq!(report["total_cost"], total);
    let text = place.run(&[&["calc-fee"], arguments].concat()).succeeded().stdout;
    for figure in [fee, each, total] {
        assert!(text.contains(&format!("${figure}")), "{text}");
    }
}

#[rstest]
#[case(&[], "101", "10", "PRICE_CENTS")]
#[case(&[], "-1", "10", "PRICE_CENTS")]
#[case(&[], "fifty", "10", "PRICE_CENTS")]
#[case(&[], "50.001", "10", "PRICE_CENTS")]
#[case(&[], "50", "0", "COUNT")]
#[case(&[], "50", "-3", "COUNT")]
#[case(&[], "50", "1e400", "COUNT")]
#[case(&[], "50", "92233720368547758", "COUNT")]
#[case(&["--multiplier", "1000"], "50", "10", "--multiplier")]
fn calc_fee_names_the_argument_that_is_wrong(
    #[case] options: &[&str],
    #[case] price: &str,
    #[case] count: &str,
    #[case] name: &str,
) {
    let finished = Place::new().run(&[&["calc-fee"], options, &["--", price, count]].concat());
    let line = finished.refused(2);
    assert!(line.contains(name), "{line}");
}

const OVERALL: &str = "arena/pages/2026-05-overall-no-style-control.html.gz";

#[rstest]
#[case("2026-05-overall-no-style-control.html.gz", 0, "tradable", json!("flight"), &[], 357)]
#[case("2026-05-overall-flight-stream.txt.gz", 0, "tradable", json!("flight_stream"), &[], 357)]
#[case("2026-05-coding-no-style-control.html.gz", 3, "refused", json!("flight"), &["wrong_category"], 355)]
#[case("reconstructed-2026-05-flight-only-no-table.html.gz", 0, "tradable", json!("flight"), &[], 357)]
#[case("reconstructed-2026-05-table-only.html.gz", 4, "display_only", json!("html_table"), &["rounded_scores"], 357)]
#[case("reconstructed-2025-10-rank-ub-ssr-table.html.gz", 4, "display_only", json!("html_table"), &["identity_unproven", "rounded_scores"], 252)]
#[case("reconstructed-2026-02-model-cell-org-ssr-table.html.gz", 4, "display_only", json!("html_table"), &["identity_unproven", "rounded_scores"], 303)]
#[case("reconstructed-2026-03-price-context-ssr-table.html.gz", 4, "display_only", json!("html_table"), &["identity_unproven", "rounded_scores"], 323)]
#[case("reconstructed-NEXT_DATA-never-observed.html.gz", 0, "tradable", json!("next_data"), &[], 357)]
#[case("reconstructed-cloudflare-403-blocked.html.gz", 3, "refused", Value::Null, &["blocked"], 0)]
fn board_of_a_captured_page(
    #[case] name: &str,
    #[case] exit: i32,
    #[case] verdict: &str,
    #[case] path: Value,
    #[case] reasons: &[&str],
    #[case] rows: usize,
) {
    let Some(file) = capture(&format!("arena/pages/{name}")) else {
        return;
    };
    let finished = Place::new().run(&["board", file.to_str().unwrap(), "--json"]);
    if exit == 0 {
        assert_eq!(finished.stderr, "");
    } else {
        assert!(finished.refused(exit).contains(reasons[0]));
    }
    assert_eq!(finished.code, Some(exit));
    let board = finished.json();
    assert_eq!(board["verdict"], verdict);
    assert_eq!(board["path"], path);
    let mut codes: Vec<&str> = board["reasons"]
        .as_array()
        .unwrap()
        .iter()
        .map(|reason| reason["code"].as_str().unwrap())
        .collect();
    codes.sort_unstable();
    assert_eq!(codes, reasons);
    assert_eq!(board["entries"].as_array().unwrap().len(), rows);
}

#[test]
fn board_prints_what_the_page_says_from_a_file_or_from_standard_input() {
    let (Some(file), Some(expected)) = (
        capture(OVERALL),
        capture("arena/pages/2026-05-overall-no-style-control.expected.json"),
    ) else {
        return;
    };
    let place = Place::new();
    let board = place
        .run(&["board", file.to_str().unwrap(), "--json"])
        .succeeded()
        .json();
    let input = finish(
        place
            .autotrader(&["board", "-", "--json"])
            .stdin(File::open(&file).unwrap()),
        SHORT,
    );
    assert_eq!(input.succeeded().json(), board);
    assert_eq!(board["vintage"], "2026-05-07T14:00:00Z");
    for key in [
        "slug",
        "category",
        "style_control",
        "hash",
        "total_models",
        "total_votes",
        "anomalies",
    ] {
        assert!(!board[key].is_null(), "{key}");
    }
    let expected: Value = serde_json::from_reader(File::open(expected).unwrap()).unwrap();
    compare_rows(&board, &expected);
}

/// The page's own key of every key that is compared.
const KEYS: [(&str, &str); 10] = [
    ("rank", "rank"),
    ("rank_ub", "rankUpper"),
    ("rank_lb", "rankLower"),
    ("model_name", "modelDisplayName"),
    ("organization", "modelOrganization"),
    ("score", "rating"),
    ("ci_lower", "ratingLower"),
    ("ci_upper", "ratingUpper"),
    ("votes", "votes"),
    ("release_type", "releaseType"),
];

fn compare_rows(board: &Value, expected: &Value) {
    assert_eq!(board["total_models"], expected["totalModels"]);
    assert_eq!(board["total_votes"], expected["totalVotes"]);
    let rows = expected["first20"].as_array().unwrap();
    assert_eq!(rows.len(), 20);
    // Decimals are given as text and expected as numbers.
    let plain = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    for (own, wanted) in board["entries"].as_array().unwrap().iter().zip(rows) {
        for (key, wanted_key) in KEYS {
            assert_eq!(plain(&own[key]), plain(&wanted[wanted_key]), "{key} of {wanted}");
        }
    }
}

#[test]
fn resolve_explains_who_wins() {
    let Some(file) = capture(OVERALL) else { return };
    let place = Place::new();
    let answer = place
        .run(&["resolve", file.to_str().unwrap(), "--json"])
        .succeeded()
        .json();
    assert!(answer["winner"]["model_name"].is_string());
    assert!(answer["winner"]["organization"].is_string());
    let decided_by = answer["decided_by"].as_str().unwrap();
    let known = [
        "rank_ub",
        "score",
        "votes",
        "release_date",
        "model_name",
        "only_entry",
    ];
    assert!(known.contains(&decided_by), "{decided_by}");
    assert!(!answer["steps"].as_array().unwrap().is_empty());
    assert!(answer["other_readings"].is_array());
    assert!(!answer["rule_set"].is_null());
}

#[rstest]
#[case::lower_bound_first(json!([row("A", "X", "1500", 1, 900), row("B", "Y", "1510", 2, 900)]), "A", "rank_ub")]
#[case::then_score(json!([row("A", "X", "1500", 1, 900), row("B", "Y", "1500.5", 1, 10)]), "B", "score")]
#[case::then_votes(json!([row("A", "X", "1500", 1, 900), row("B", "Y", "1500", 1, 901)]), "B", "votes")]
#[case::then_name(json!([row("b", "X", "1500", 1, 900), row("a", "Y", "1500", 1, 900)]), "a", "model_name")]
#[case::negative_votes_lose(json!([row("A", "X", "1500", 1, -900), row("B", "Y", "1500", 1, 1)]), "B", "votes")]
#[case::alone(json!([row("A", "X", "1500", 1, 900)]), "A", "only_entry")]
fn resolve_of_written_entries(#[case] entries: Value, #[case] winner: &str, #[case] decided_by: &str) {
    let place = Place::new();
    place.write("entries.json", entries.to_string());
    let answer = place
        .run(&["resolve", "entries.json", "--json"])
        .succeeded()
        .json();
    assert_eq!(answer["winner"]["model_name"], winner);
    assert_eq!(answer["decided_by"], decided_by);
}

fn row(name: &str, organization: &str, score: &str, rank_ub: i64, votes: i64) -> Value {
    json!({
        "model_name": name, "organization": organization, "score": score, "rank_ub": rank_ub, "votes": votes,
    })
}

#[test]
fn resolve_says_when_another_reading_names_another_winner() {
    let place = Place::new();
    let entries = json!([row("A", "X", "1500.4", 1, 10), row("B", "Y", "1500.3", 1, 900)]);
    place.write("entries.json", entries.to_string());
    let full = place
        .run(&["resolve", "entries.json", "--json"])
        .succeeded()
        .json();
    assert_eq!(full["winner"]["model_name"], "A");
    let others = full["other_readings"].as_array().unwrap();
    assert!(
        others.iter().any(|other| other["winner"]["model_name"] == "B"),
        "{others:?}"
    );
    let displayed = place.run(&["resolve", "entries.json", "--precision", "displayed", "--json"]);
    assert_eq!(displayed.succeeded().json()["winner"]["model_name"], "B");
    assert!(
        place
            .run(&["resolve", "entries.json", "--rules", "coin_toss"])
            .refused(2)
            .contains("--rules")
    );
}

#[test]
fn diff_of_the_captured_events() {
    let event = |name: &str| capture(&format!("arena/events/{name}"));
    let (Some(a1), Some(a2), Some(b1), Some(b2)) = (
        event("a1-before-insert_2026-02-19T0446Z.json"),
        event("a2-gemini-3.1-pro-inserted-nothing-else-changed_2026-02-19T1701Z.json"),
        event("b1-before-rename_2026-02-21T2332Z.json"),
        event("b2-gpt-5.2-chat-latest-renamed_2026-02-22T0235Z.json"),
    ) else {
        return;
    };
    let place = Place::new();
    let types = |old: &Path, new: &Path| -> Vec<String> {
        let answer = place
            .run(&["diff", old.to_str().unwrap(), new.to_str().unwrap(), "--json"])
            .succeeded()
            .json();
        let signals = answer["signals"].as_array().unwrap();
        signals
            .iter()
            .map(|signal| signal["type"].as_str().unwrap().to_owned())
            .collect()
    };
    let insertion = types(&a1, &a2);
    assert_eq!(insertion.iter().filter(|kind| *kind == "new_model").count(), 1);
    assert!(insertion.iter().any(|kind| kind == "ranking_change"));
    assert!(
        insertion
            .iter()
            .all(|kind| kind == "new_model" || kind == "ranking_change"),
        "{insertion:?}"
    );
    assert_eq!(types(&b1, &b2), ["model_renamed"]);
    assert!(types(&a1, &a1).is_empty());
}

/// Input that no command can use.
fn write_bad_input(place: &Place, kind: &str) {
    match kind {
        "missing" => {}
        "directory" => std::fs::create_dir(place.work().join(kind)).unwrap(),
        "empty" => drop(place.write(kind, "")),
        "other_site" => drop(place.write(
            kind,
            "<!DOCTYPE html><html><head><title>Shop</title></head><body><table><tr><th>Price</th></tr>\
             <tr><td>3</td></tr></table></body></html>",
        )),
        "invalid_utf8" => drop(place.write(kind, b"<html>\xff\xfe\x80<table></table></html>")),
        "large" => drop(place.write(kind, vec![b'a'; 50 << 20])),
        "bomb" => bomb(&place.write(kind, "")),
        "broken_gzip" => drop(place.write(kind, b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\x03\x4b")),
        "broken_json" => drop(place.write(kind, "[{\"model_name\": \"a\"")),
        "deep_json" => drop(place.write(kind, "[".repeat(1 << 20))),
        other => panic!("{other}"),
    }
}

/// Hundreds of megabytes of spaces in a few hundred kilobytes.
fn bomb(path: &Path) {
    let mut file = flate2::write::GzEncoder::new(
        BufWriter::new(File::create(path).unwrap()),
        flate2::Compression::fast(),
    );
    let block = vec![b' '; 1 << 20];
    for _ in 0..200 {
        file.write_all(&block).unwrap();
    }
    file.finish().unwrap().flush().unwrap();
}

#[rstest]
#[case("missing", 2)]
#[case("directory", 2)]
#[case("empty", 2)]
#[case("large", 2)]
#[case("other_site", 3)]
#[case("invalid_utf8", 3)]
#[case("bomb", 3)]
#[case("broken_gzip", 3)]
#[case("broken_json", 3)]
#[case("deep_json", 3)]
fn bad_input_gets_one_line(#[case] kind: &str, #[case] board_exit: i32) {
    let place = Place::new();
    write_bad_input(&place, kind);
    for json in [None, Some("--json")] {
        let with = |arguments: &[&'static str]| -> Vec<&str> {
            let mut all: Vec<&str> = vec![arguments[0]];
            all.extend(json);
            all.extend(&arguments[1..]);
            all
        };
        let board = place.run(&[with(&["board"]), vec![kind]].concat());
        let line = board.refused(board_exit);
        assert!(line.contains(kind), "{line}");
        let resolve = place.run(&[with(&["resolve"]), vec![kind]].concat());
        assert!(resolve.refused(2).contains(kind));
        let diff = place.run(&[with(&["diff"]), vec![kind, kind]].concat());
        assert!(diff.refused(2).contains(kind));
    }
}

#[test]
fn impossible_values_refuse_a_board_that_is_otherwise_sound() {
    let place = Place::new();
    let rows = |votes: i64| -> Value {
        (0..150)
            .map(|n| {
                let score = 1500.0 - f64::from(n);
                json!({
                    "model_name": format!("model-{n}"), "organization": format!("lab-{}", n % 9),
                    "score": format!("{score:.2}"), "ci_lower": format!("{:.2}", score - 0.3),
                    "ci_upper": format!("{:.2}", score + 0.3), "rank": n + 1, "rank_ub": n + 1,
                    "votes": if n == 3 { votes } else { 5_000 },
                })
            })
            .collect()
    };
    place.write("sound.json", rows(5_000).to_string());
    // Entries alone do not say which leaderboard they are from, which is why they are for display only.
    let sound = place.run(&["board", "sound.json", "--json"]);
    assert!(sound.refused(4).contains("identity_unproven"));
    place.write("negative.json", rows(-5_000).to_string());
    let refused = place.run(&["board", "negative.json", "--json"]);
    let line = refused.refused(3);
    assert!(line.contains("invalid_values"), "{line}");
    let answer = refused.json();
    let codes = answer["reasons"].as_array().unwrap();
    assert!(codes.iter().any(|reason| reason["code"] == "invalid_values"));
}

#[rstest]
#[case(&[])]
#[case(&["trade"])]
#[case(&["run", "--execution-mode", "maybe"])]
#[case(&["demo", "--days", "0"])]
#[case(&["demo", "--tweak-row", "0:1"])]
#[case(&["why"])]
#[case(&["simulate", "--listen", "127.0.0.1:0"])]
fn wrong_usage_is_told_with_exit_code_2(#[case] arguments: &[&str]) {
    let finished = Place::new().run(arguments);
    assert_eq!(finished.code, Some(2), "{}", finished.stderr);
    assert!(!finished.stderr.is_empty());
    assert_eq!(finished.stdout, "");
}

#[test]
fn simulate_serves_this_machine_only() {
    let finished = Place::new().run(&["simulate", "--listen", "0.0.0.0:0", "--key-dir", "keys"]);
    assert!(finished.refused(2).contains("loopback"));
}

#[rstest]
#[case(&["--faults", "ws_drops=1"], "`ws_drops` is not a fault")]
#[case(&["--faults", "latency=1:5"], "`5` is not a time such as 250ms or 30s")]
#[case(&["--faults", ""], "is not KIND=RATE")]
#[case(&["--tier", "gold"], "`gold` is not a tier; the tiers are basic, advanced")]
#[case(&["--key-type", "dsa"], "dsa")]
#[case(&["--fault-seed", "x"], "invalid digit")]
fn what_simulate_cannot_do_is_told_with_exit_code_2(#[case] arguments: &[&str], #[case] said: &str) {
    let all = [&["simulate", "--key-dir", "keys"], arguments].concat();
    let place = Place::new();
    let finished = place.run(&all);
    assert_eq!(finished.code, Some(2), "{}", finished.stderr);
    assert!(finished.stderr.contains(said), "{}", finished.stderr);
    assert!(!place.work().join("keys").exists(), "nothing is written");
}

#[test]
fn simulate_says_where_its_keys_admin_endpoint_and_log_are() {
    let place = Place::new();
    let mut simulator = Running::start(&mut place.autotrader(&[
        "simulate",
        "--key-dir",
        "keys",
        "--key-type",
        "ed25519",
        "--tier",
        "basic",
        "--faults",
        "all,latency=10000:1ms",
        "--log",
        "log.ndjson",
        "--admin",
    ]));
    let line = simulator.until("{", Deadline::after(SHORT));
    let ready: serde_json::Value = serde_json::from_str(&line).unwrap();
    assert_eq!(ready["key_id"], ready["ed25519_key_id"]);
    assert_eq!(ready["private_key_path"], ready["ed25519_private_key_path"]);
    let base = ready["base_url"].as_str().unwrap();
    let admin = ready["admin_url"].as_str().unwrap();
    assert_eq!(admin.strip_suffix("/admin"), base.strip_suffix("/trade-api/v2"));
    let token = ready["admin_token_path"].as_str().unwrap();
    let secret = std::fs::read_to_string(token).unwrap();
    assert_eq!(secret.len(), 64);
    assert!(!line.contains(&secret), "the token is not printed");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        let mode = std::fs::metadata(token).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }
    simulator.terminate();
    assert_eq!(simulator.end(SHORT).code, Some(0));
    let log = std::fs::read_to_string(place.work().join("log.ndjson")).unwrap();
    assert!(log.lines().count() > 0, "openings are logged");
    for line in log.lines() {
        let entry: serde_json::Value = serde_json::from_str(line).unwrap();
        assert!(entry["kind"].is_string() && entry["seq"].is_u64(), "{line}");
    }
    // Evidence is not overwritten.
    let again = place.run(&["simulate", "--key-dir", "keys", "--log", "log.ndjson"]);
    assert!(again.refused(1).contains("log.ndjson"));
}
