//! The exchange's record audited by a program that shares nothing with it, and what that program finds.

use std::fs;
use std::io::Write as _;
use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};

use crate::demo;
use crate::place::Place;
use crate::process::{Finished, SHORT, finish};

/// Whether there is a Python to run the audit with; absence is said aloud.
fn present() -> bool {
    let present = Command::new("python3").arg("--version").output().is_ok();
    if !present {
        // Written past the test harness, which keeps the output of passing tests to itself.
        let _ = writeln!(std::io::stderr(), "skipped: the audit, for there is no python3");
    }
    present
}

fn audit(log: &Path) -> Finished {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/audit/audit.py");
    let mut command = Command::new("python3");
    // Nothing is left beside the sources.
    command.args(["-B", script]).arg(log);
    finish(&mut command, SHORT)
}

#[test]
fn the_books_of_a_demo_are_recomputed_by_another_program() {
    if !present() {
        return;
    }
    let (report, log) = demo::default_run();
    let place = Place::new();
    let audited = audit(&place.write("exchange.ndjson", log)).succeeded();
    let cash = report["exchange"]["cash"].as_str().unwrap();
    let trader = audited
        .stdout
        .lines()
        .find(|line| line.contains(" trader: "))
        .unwrap();
    assert!(trader.contains(&format!("cash {cash},")), "{trader}: {cash}");
    let fills = report["fills"].as_u64().unwrap();
    let said = format!("compared: {fills} fills and their fees");
    assert!(audited.stdout.contains(&said), "{}", audited.stdout);
}

/// The text of a decimal with another last digit.
fn bent(value: &Value) -> Value {
    match value {
        Value::String(text) => {
            let (head, last) = text.split_at(text.len() - 1);
            json!(format!("{head}{}", if last == "7" { "8" } else { "7" }))
        }
        other => panic!("{other} is no decimal text"),
    }
}

#[test]
fn one_changed_figure_is_found_where_it_stands() {
    if !present() {
        return;
    }
    let (_, log) = demo::default_run();
    let lines: Vec<Value> = std::str::from_utf8(log)
        .unwrap()
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let trader = lines
        .iter()
        .find(|line| line["kind"] == "opening" && line["name"] == "trader")
        .unwrap()["account"]
        .clone();
    let place = Place::new();
    for (kind, key) in [
        ("opening", "balance"),
        ("fill", "fee"),
        ("fill", "revenue"),
        ("fill", "balance"),
        ("fill", "price"),
        ("fill", "count"),
        ("fill", "position_after"),
        ("settlement", "revenue"),
        ("settlement", "settlement_fee"),
        ("settlement", "fees"),
        ("settlement", "balance"),
    ] {
        let at = lines
            .iter()
            .rposition(|line| line["kind"] == kind && line["account"] == trader)
            .unwrap();
        let mut changed = lines.clone();
        changed[at][key] = bent(&changed[at][key]);
        let text: String = changed.iter().map(|line| format!("{line}\n")).collect();
        let finished = audit(&place.write("changed.ndjson", text));
        let said = finished.refused(1);
        assert!(
            said.contains(&format!("line {}: ", at + 1)),
            "{kind} {key}, line {}: {said}",
            at + 1
        );
    }
}

#[test]
fn a_fill_or_a_payment_that_is_missing_is_found() {
    if !present() {
        return;
    }
    let (_, log) = demo::default_run();
    let lines: Vec<&str> = std::str::from_utf8(log).unwrap().lines().collect();
    let place = Place::new();
    let kinds = ["\"kind\":\"fill\"", "\"kind\":\"settlement\",\"account\":0"];
    for kind in kinds {
        let at = lines.iter().position(|line| line.contains(kind)).unwrap();
        let kept = lines.iter().enumerate().filter(|(number, _)| *number != at);
        let text: String = kept.map(|(_, line)| format!("{line}\n")).collect();
        let path = place.write("missing.ndjson", text);
        assert!(audit(&path).refused(1).contains("DIFFERENT"), "{kind}");
        fs::remove_file(path).unwrap();
    }
}
