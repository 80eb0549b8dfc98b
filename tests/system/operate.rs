//! Operators' commands: to a running process, to none, and while the exchange says nothing.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::Command;

use rstest::rstest;
use serde_json::Value;

use crate::live::{Stage, TRADES_WITHIN, dead_address, drains, pages, pointed_at};
use crate::place::Place;
use crate::process::{Deadline, Finished, Running, SHORT, finish};

/// How long a flatten may take: an order is repeated after seconds, and the books of the stand-in refill.
const FLAT_WITHIN: std::time::Duration = std::time::Duration::from_secs(240);

fn ask(stage: &Stage, arguments: &[&str]) -> Finished {
    finish(&mut stage.autotrader(arguments), FLAT_WITHIN)
}

fn status(stage: &Stage) -> Value {
    ask(stage, &["status", "--json"]).succeeded().json()
}

/// A live run that holds something.
fn trading(seed: &str) -> (Stage, Running) {
    let stage = Stage::set(seed, true);
    let mut run = stage.run();
    run.until("order_filled", Deadline::after(TRADES_WITHIN));
    (stage, run)
}

fn resting(stage: &Stage) -> usize {
    let orders = stage.exchange().orders;
    orders.iter().filter(|order| !order.remaining.is_zero()).count()
}

fn held(stage: &Stage) -> usize {
    let positions = stage.exchange().positions;
    positions.iter().filter(|(_, net)| !net.is_flat()).count()
}

#[test]
fn a_halt_is_taken_up_while_the_exchange_says_nothing_and_confirmed_when_it_answers() {
    let (stage, run) = trading("31");
    stage.simulator.suspend();
    // Orders, books and the account wait for answers that do not come; the command does not.
    let halted = ask(&stage, &["halt", "--reason", "a drill", "--wait", "30", "--json"])
        .succeeded()
        .json();
    println!(
        "requested {}, acknowledged {}",
        halted["requested_at"], halted["acknowledged_at"]
    );
    assert_eq!(halted["acknowledged"], true, "{halted}");
    assert_eq!(
        halted["stage"], "impossible",
        "nothing can be read back: {halted}"
    );
    assert_eq!(status(&stage)["state"], "halt");
    stage.simulator.resume();
    let again = ask(&stage, &["cancel-all", "--json", "--wait", "150"])
        .succeeded()
        .json();
    assert_eq!(again["stage"], "confirmed", "{again}");
    assert_eq!(resting(&stage), 0);
    drains(run);
    stage.stop();
}

#[test]
fn a_halt_is_taken_up_while_the_start_waits_for_a_silent_exchange() {
    let stage = Stage::set("39", true);
    stage.simulator.suspend();
    let mut run = stage.run();
    run.until("kalshi_client_connected", Deadline::after(SHORT));
    let halted = ask(&stage, &["halt", "--wait", "5", "--json"]).succeeded().json();
    assert_eq!(halted["acknowledged"], true, "{halted}");
    assert_ne!(halted["stage"], "confirmed", "nothing was read back: {halted}");
    assert_eq!(status(&stage)["state"], "halt");
    stage.simulator.resume();
    drains(run);
    stage.stop();
}

#[test]
fn a_halt_without_a_process_is_durable_before_the_exchange_is_asked() {
    let (stage, mut run) = trading("32");
    run.kill();
    run.end(SHORT);
    stage.simulator.suspend();
    let halted = ask(&stage, &["halt", "--wait", "3", "--json"]).succeeded().json();
    assert_eq!(halted["acknowledged"], true, "{halted}");
    assert_eq!(halted["stage"], "impossible", "{halted}");
    assert_eq!(status(&stage)["state"], "halt");
    stage.simulator.resume();

    // An order that was on its way when the process died is looked for until it can no longer arrive.
    let confirmed = ask(&stage, &["halt", "--json", "--wait", "150"])
        .succeeded()
        .json();
    assert_eq!(confirmed["stage"], "confirmed", "{confirmed}");
    assert_eq!(resting(&stage), 0);
    // And the next run does not trade.
    let mut again = stage.run();
    pages(&mut again, 2);
    assert_eq!(status(&stage)["state"], "halt");
    drains(again);
    stage.stop();
}

#[test]
fn flatten_closes_everything_in_a_running_process_and_confirms_by_reading_back() {
    let (stage, run) = trading("33");
    assert!(held(&stage) > 0);
    let refused = ask(&stage, &["flatten"]);
    assert!(refused.refused(2).contains("--yes"));
    assert_eq!(
        status(&stage)["state"],
        "active",
        "nothing is done without the word"
    );
    let flat = ask(&stage, &["flatten", "--yes", "--reason", "a drill", "--json"])
        .succeeded()
        .json();
    assert_eq!(flat["stage"], "confirmed", "{flat}");
    assert_eq!((held(&stage), resting(&stage)), (0, 0));
    let standing = status(&stage);
    assert_eq!(standing["state"], "halt");
    assert_eq!(standing["causes"][0]["cause"], "operator_halt");
    assert_eq!(standing["causes"][0]["by"], "command line (command 1)");
    reduce_only(&stage);
    drains(run);
    stage.stop();
}

#[test]
fn flatten_closes_everything_when_no_process_runs() {
    let (stage, mut run) = trading("34");
    run.kill();
    run.end(SHORT);
    let flat = ask(&stage, &["flatten", "--yes", "--json"]).succeeded().json();
    assert_eq!(flat["stage"], "confirmed", "{flat}");
    assert_eq!((held(&stage), resting(&stage)), (0, 0));
    reduce_only(&stage);
    let agreed = ask(&stage, &["reconcile", "--json"]).succeeded().json();
    assert_eq!(agreed["complete"], true, "{agreed}");
    stage.stop();
}

/// A live run whose entries rest, one of which does.
fn making(seed: &str) -> (Stage, Running) {
    let stage = Stage::set(seed, true);
    let mut command = stage.autotrader(&["run"]);
    let mut run = Running::start(command.env("AUTOTRADER__LEADERBOARD_ALPHA__ENTRY_STYLE", "rest"));
    run.until("\"resting\"", Deadline::after(TRADES_WITHIN));
    (stage, run)
}

#[test]
fn orders_that_rest_are_cancelled_when_no_process_runs() {
    let (stage, mut run) = making("36");
    run.kill();
    run.end(SHORT);
    assert!(resting(&stage) > 0, "a kill leaves them on the book");
    let canceled = ask(&stage, &["cancel-all", "--json", "--wait", "150"])
        .succeeded()
        .json();
    assert_eq!(canceled["stage"], "confirmed", "{canceled}");
    assert_eq!(resting(&stage), 0);
    assert_eq!(status(&stage)["state"], "active", "only the orders are gone");
    stage.stop();
}

#[test]
fn after_an_account_wide_cancel_nothing_rests_and_nothing_is_placed_for_a_while() {
    let (stage, mut run) = making("37");
    let arguments = ["cancel-all", "--account", "--json", "--wait", "150"];
    let canceled = ask(&stage, &arguments).succeeded().json();
    assert_eq!(canceled["stage"], "confirmed", "{canceled}");
    assert_eq!(resting(&stage), 0);
    let before = stage.exchange().orders.len();
    pages(&mut run, 5);
    assert_eq!(stage.exchange().orders.len(), before, "silence");
    drains(run);
    stage.stop();
}

/// Every order of a flatten could only reduce.
fn reduce_only(stage: &Stage) {
    let orders = stage.look("orders");
    let closing: Vec<&Value> = orders
        .iter()
        .filter(|order| order["intent"]["purpose"] == "flatten")
        .collect();
    assert!(!closing.is_empty(), "{orders:?}");
    assert!(
        closing.iter().all(|order| order["reduce_only"] == true),
        "{closing:?}"
    );
}

#[test]
fn an_incident_tells_an_orders_life_on_one_timeline() {
    let (stage, run) = trading("35");
    drains(run);
    let fill = stage.look("fills").pop().unwrap();
    let order = fill["client_order_id"].as_str().unwrap();
    let by_order = ask(&stage, &["incident", order, "--json"]).succeeded().json();
    let timeline = by_order["timeline"].as_array().unwrap();
    let kinds: Vec<&str> = timeline
        .iter()
        .map(|entry| entry["kind"].as_str().unwrap())
        .collect();
    for kind in ["board", "decision", "approved", "request", "step", "fill"] {
        assert!(kinds.contains(&kind), "{kind} is missing: {kinds:?}");
    }
    assert!(kinds.iter().position(|k| *k == "decision") < kinds.iter().position(|k| *k == "request"));
    let times: Vec<&str> = timeline
        .iter()
        .map(|entry| entry["at_utc"].as_str().unwrap())
        .collect();
    assert!(times.is_sorted(), "{times:?}");
    assert!(
        timeline
            .iter()
            .all(|entry| entry["at_new_york"].as_str().unwrap().contains("-0"))
    );
    assert!(
        by_order["request_body"].as_str().unwrap().contains(order),
        "the bytes carry the id"
    );
    for id in [
        fill["fill_id"].as_str().unwrap(),
        fill["venue_order_id"].as_str().unwrap(),
    ] {
        let found = ask(&stage, &["incident", id, "--json"]).succeeded().json();
        assert_eq!(found["client_order_id"], order, "{id}");
    }
    let text = ask(&stage, &["incident", order]).succeeded().stdout;
    assert!(text.contains("New York") && text.contains("UTC"), "{text}");
    assert!(
        ask(&stage, &["incident", "nothing"])
            .refused(1)
            .contains("no order and no fill")
    );
    stage.stop();
}

#[test]
fn a_command_without_a_database_is_one_sentence() {
    let place = Place::new();
    for arguments in [
        &["halt"][..],
        &["flatten", "--yes"],
        &["cancel-all"],
        &["cancel-all", "--account"],
        &["reconcile", "--explain"],
        &["resolve-unknown", "kat1-nothing"],
        &["incident", "kat1-nothing"],
    ] {
        let finished = place.run(arguments);
        let line = finished.refused(1);
        assert!(
            line.starts_with("error: database: ") && line.contains("does not exist"),
            "{line}"
        );
    }
    assert!(
        !place.work().join("autotrader_paper.db").exists(),
        "asking creates nothing"
    );
}

#[test]
fn what_is_not_an_open_order_cannot_be_resolved() {
    let place = Place::new();
    place.run(&["init-db"]).succeeded();
    let finished = place.run(&["resolve-unknown", "kat1-nothing", "--json"]);
    assert_eq!(finished.code, Some(1));
    let value = finished.json();
    assert_eq!(value["stage"], "impossible", "{value}");
    assert!(
        value["finding"].as_str().unwrap().contains("kat1-nothing"),
        "{value}"
    );
}

/// What stands in the way of the program's look at the `HALT` file.
fn obstacle(kind: &str, path: &Path) {
    match kind {
        "file" => fs::write(path, "").unwrap(),
        "directory" => fs::create_dir(path).unwrap(),
        "dangling link" => symlink("nowhere", path).unwrap(),
        other => panic!("{other}"),
    }
}

fn offline(place: &Place, halt_file: &str, arguments: &[&str]) -> Command {
    let dead = dead_address();
    let mut command = place.autotrader(arguments);
    pointed_at(
        &mut command,
        &format!("{dead}/trade-api/v2"),
        &format!("{dead}/board"),
    );
    command.env("AUTOTRADER__RISK__GLOBAL__HALT_FILE", halt_file);
    command
}

#[rstest]
#[case::file("file")]
#[case::directory("directory")]
#[case::dangling_link("dangling link")]
fn the_halt_file_halts_durably_whatever_it_is_and_removing_it_does_not_resume(#[case] kind: &str) {
    let place = Place::new();
    let path = place.work().join("STOP");
    obstacle(kind, &path);
    let state = || {
        let finished = finish(&mut offline(&place, "STOP", &["status", "--json"]), SHORT);
        finished.succeeded().json()["state"].clone()
    };
    let mut run = Running::start(&mut offline(&place, "STOP", &["run"]));
    run.until("halt_file", Deadline::after(SHORT));
    drains(run);
    assert_eq!(state(), "halt");

    if kind == "directory" {
        fs::remove_dir(&path).unwrap();
    } else {
        fs::remove_file(&path).unwrap();
    }
    let mut again = Running::start(&mut offline(&place, "STOP", &["run"]));
    again.until("arena_fetch_all_failed", Deadline::after(SHORT));
    assert_eq!(state(), "halt", "removing the file does not resume");
    drains(again);
    let resumed = finish(
        &mut offline(&place, "STOP", &["resume", "halt_file", "--json"]),
        SHORT,
    );
    assert_eq!(resumed.succeeded().json()["stage"], "confirmed");
    assert_eq!(state(), "active");
}

#[test]
fn a_halt_file_that_cannot_be_ruled_out_halts() {
    let place = Place::new();
    place.write("plain", "");
    // Below something that is no directory: neither there nor known to be absent.
    let mut run = Running::start(&mut offline(&place, "plain/HALT", &["run"]));
    let line = run.until("halt_file", Deadline::after(SHORT));
    assert!(line.contains("cannot be ruled out"), "{line}");
    drains(run);
}

#[test]
fn reconcile_explains_what_was_compared_with_and_without_a_process() {
    let (stage, run) = trading("38");
    let beside = ask(&stage, &["reconcile", "--json"]).succeeded().json();
    assert_eq!(
        (&beside["stage"], &beside["agrees"]),
        (&"confirmed".into(), &true.into()),
        "{beside}"
    );
    drains(run);
    let alone = ask(&stage, &["reconcile", "--explain"]).succeeded().stdout;
    for what in ["cash", "contracts", "fills", "agree"] {
        assert!(alone.to_lowercase().contains(what), "{what} is missing: {alone}");
    }
    assert!(!alone.contains("DIFFERS"), "{alone}");
    stage.stop();
}
