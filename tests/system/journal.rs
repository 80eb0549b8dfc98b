//! A demo's journal in another process: listed, checked byte by byte, replayed, and replayed with other settings.

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;
use std::time::Duration;

use serde_json::Value;
use tempfile::TempDir;

use crate::live::{Stage, drains, pages};
use crate::place::Place;
use crate::process::{Deadline, Finished, Running, SHORT, finish};

/// More than a demo of two days takes on a busy machine.
const LONG: Duration = Duration::from_secs(240);

/// A journal of two virtual days, made once.
fn recorded() -> &'static Path {
    static JOURNAL: OnceLock<TempDir> = OnceLock::new();
    JOURNAL
        .get_or_init(|| {
            let kept = TempDir::new().unwrap();
            let to = kept.path().display().to_string();
            let place = Place::new();
            let arguments = ["demo", "--days", "2", "--seed", "11", "--journal", &to, "--json"];
            finish(&mut place.autotrader(&arguments), LONG).succeeded();
            kept
        })
        .path()
}

/// A copy of it that may be damaged.
fn copy(place: &Place) -> PathBuf {
    let to = place.work().join("journal");
    fs::create_dir(&to).unwrap();
    for entry in fs::read_dir(recorded()).unwrap() {
        let entry = entry.unwrap();
        fs::copy(entry.path(), to.join(entry.file_name())).unwrap();
    }
    to
}

fn segments(journal: &Path) -> Vec<PathBuf> {
    let mut files: Vec<PathBuf> = fs::read_dir(journal)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|ending| ending == "seg"))
        .collect();
    files.sort();
    files
}

fn run(place: &Place, arguments: &[&str]) -> Finished {
    finish(&mut place.autotrader(arguments), LONG)
}

#[test]
fn a_recorded_demo_replays_with_the_same_chain() {
    let place = Place::new();
    let journal = recorded().display().to_string();
    let checked = run(&place, &["journal", "verify", &journal, "--json"])
        .succeeded()
        .json();
    let replayed = run(&place, &["replay", &journal, "--verify", "--json"])
        .succeeded()
        .json();
    assert_eq!(replayed["identical"], true);
    assert_eq!(replayed["steps"], checked["steps"]);
    assert_eq!(replayed["link"], checked["link"]);
    assert!(checked["steps"].as_u64().unwrap() > 5_000, "{checked}");
    let listed = run(&place, &["journal", "list", &journal, "--json"])
        .succeeded()
        .json();
    let steps: u64 = listed
        .as_array()
        .unwrap()
        .iter()
        .map(|row| row["steps"].as_u64().unwrap())
        .sum();
    assert_eq!(Some(steps), checked["steps"].as_u64());
    let exported = run(&place, &["journal", "export", &journal]).succeeded();
    assert_eq!(exported.stdout.lines().count() as u64, steps);
    let placed = exported
        .stdout
        .lines()
        .filter(|line| line.contains("\"place\":"))
        .count();
    assert!(placed > 5, "orders are part of what is compared");
}

#[test]
fn a_part_of_it_replays_from_the_state_of_its_segment() {
    let place = Place::new();
    let journal = recorded().display().to_string();
    let whole = run(&place, &["replay", &journal, "--json"]).succeeded().json();
    let (from, to) = ("2026-09-22T06:00:00Z", "2026-09-22T09:00:00Z");
    let part = run(
        &place,
        &["replay", &journal, "--from", from, "--to", to, "--json"],
    )
    .succeeded()
    .json();
    assert!(part["steps"].as_u64() < whole["steps"].as_u64(), "{part}");
    assert!(part["steps"].as_u64().unwrap() > 100);
    assert_eq!(part["identical"], true);
}

#[test]
fn one_flipped_byte_anywhere_is_found() {
    let place = Place::new();
    let journal = copy(&place);
    let path = journal.display().to_string();
    for file in segments(&journal) {
        let whole = fs::read(&file).unwrap();
        for position in [0, 9, 17, 40, whole.len() / 2, whole.len() - 33, whole.len() - 1] {
            let mut changed = whole.clone();
            changed[position] ^= 4;
            fs::write(&file, &changed).unwrap();
            for command in [&["journal", "verify"][..], &["replay"]] {
                let told = run(&place, &[command, &[path.as_str()]].concat());
                let sentence = told.refused(1).to_owned();
                assert!(sentence.contains(".seg"), "{sentence}");
            }
        }
        fs::write(&file, &whole).unwrap();
    }
    run(&place, &["journal", "verify", &path]).succeeded();
}

#[test]
fn a_missing_segment_is_found_and_a_missing_end_is_told() {
    let place = Place::new();
    let journal = copy(&place);
    let path = journal.display().to_string();
    let files = segments(&journal);
    let last = files.last().unwrap();
    let whole = fs::read(last).unwrap();
    fs::write(last, &whole[..whole.len() - 2_000]).unwrap();
    let told = run(&place, &["journal", "verify", &path]).succeeded();
    assert!(told.stdout.contains("is missing"), "{}", told.stdout);
    let replayed = run(&place, &["replay", &path, "--json"]).succeeded().json();
    assert_eq!(replayed["torn_segment"], files.len());
    fs::write(last, &whole).unwrap();
    fs::remove_file(&files[1]).unwrap();
    assert!(
        run(&place, &["journal", "verify", &path])
            .refused(1)
            .contains("missing")
    );
}

#[test]
fn other_settings_decide_otherwise() {
    let place = Place::new();
    let journal = recorded().display().to_string();
    let shipped = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../config");
    for name in [
        "base.yaml",
        "risk.yaml",
        "paper.yaml",
        "live.yaml",
        "signal_sources/arena_monitor.yaml",
    ] {
        place.write(&format!("other/{name}"), fs::read(shipped.join(name)).unwrap());
    }
    place.write(
        "other/strategies/leaderboard_alpha.yaml",
        "leaderboard_alpha:\n  min_edge_after_fees_cents: 45\n",
    );
    let told = run(&place, &["replay", &journal, "--what-if", "other", "--json"])
        .succeeded()
        .json();
    let changes = told["changes"].as_array().unwrap();
    assert!(!changes.is_empty());
    let orders = |key: &str| -> usize {
        let all = changes.iter().flat_map(|change| change[key].as_array().unwrap());
        all.filter(|decision| decision.get("order").is_some()).count()
    };
    assert!(
        orders("recorded") > orders("now"),
        "a higher threshold enters less: {changes:?}"
    );
}

#[test]
fn what_is_no_journal_is_refused_in_one_sentence() {
    let place = Place::new();
    for arguments in [
        &["journal", "list", "nowhere"][..],
        &["journal", "verify", "."],
        &["replay", "nowhere"],
        &["replay", "."],
    ] {
        run(&place, arguments).refused(2);
    }
}

#[test]
fn a_demo_does_not_write_into_the_journal_of_another() {
    let place = Place::new();
    let journal = copy(&place).display().to_string();
    let told = run(&place, &["demo", "--days", "1", "--journal", &journal]);
    assert!(told.refused(2).contains("holds a journal already"));
}

#[test]
fn run_writes_a_journal_that_survives_a_kill_and_goes_on() {
    let stage = Stage::set("7", false);
    let ask = |arguments: &[&str]| finish(&mut stage.autotrader(arguments), LONG);
    let mut first = stage.run();
    pages(&mut first, 3);
    let beside = ask(&["journal", "verify", "first.journal", "--json"])
        .succeeded()
        .json();
    assert!(
        beside["steps"].as_u64().unwrap() > 0,
        "it is read while it is written"
    );
    first.kill();
    assert_eq!(first.end(SHORT).code, None);
    let directory = stage.place.work().join("first.journal");
    let left = directory.join("00000002.open");
    let whole = fs::read_to_string(&left).unwrap();
    let steps = ask(&["journal", "verify", "first.journal", "--json"])
        .succeeded()
        .json()["steps"]
        .as_u64()
        .unwrap();
    ask(&["replay", "first.journal", "--verify"]).succeeded();
    // A line end that is another byte is no torn line.
    let mut changed = whole.clone().into_bytes();
    *changed.last_mut().unwrap() = b'!';
    fs::write(&left, &changed).unwrap();
    for command in [&["journal", "verify"][..], &["replay"]] {
        let told = ask(&[command, &["first.journal"]].concat());
        assert!(told.refused(1).contains("the end of its last line was changed"));
    }
    // What the loss of power leaves.
    fs::write(&left, &whole[..whole.len() - 7]).unwrap();
    let torn = ask(&["journal", "verify", "first.journal", "--json"])
        .succeeded()
        .json();
    assert_eq!(torn["steps"], steps - 1);
    assert_eq!(torn["torn"]["segment"], 2);

    let mut again = stage.run();
    again.until("journal_recovered", Deadline::after(SHORT));
    pages(&mut again, 2);
    drains(again);
    let verified = ask(&["journal", "verify", "first.journal", "--json"])
        .succeeded()
        .json();
    assert!(verified["steps"].as_u64().unwrap() > steps, "{verified}");
    assert_eq!(verified["torn"], Value::Null);
    let listed = ask(&["journal", "list", "first.journal", "--json"])
        .succeeded()
        .json();
    let finished = listed.as_array().unwrap().iter().all(|row| row["sealed"] == true);
    assert!(finished, "a drain finishes the last segment: {listed}");
    let replayed = ask(&["replay", "first.journal", "--verify", "--json"])
        .succeeded()
        .json();
    assert_eq!(replayed["link"], verified["link"]);
    stage.stop();
}

#[test]
fn a_journal_that_cannot_be_made_is_told_and_one_that_is_not_wanted_is_not_made() {
    let stage = Stage::set("8", false);
    stage.place.write("file", "");
    let refused = finish(
        stage
            .autotrader(&["run"])
            .env("AUTOTRADER__JOURNAL__DIRECTORY", "file/journal"),
        SHORT,
    );
    assert_eq!(refused.code, Some(1));
    let line = refused.stderr.lines().last().unwrap();
    assert!(line.starts_with("error: journal: file/journal"), "{line}");
    let mut unrecorded = Running::start(
        stage
            .autotrader(&["run"])
            .env("AUTOTRADER__JOURNAL__ENABLED", "false"),
    );
    pages(&mut unrecorded, 1);
    drains(unrecorded);
    assert!(!stage.place.work().join("first.journal").exists());
    stage.stop();
}

/// A file system of its own, in memory and small; `None` where it may not be mounted.
struct SmallDisk(TempDir);

impl SmallDisk {
    fn of(size: &str) -> Option<Self> {
        let directory = TempDir::new().unwrap();
        let mounted = Command::new("mount")
            .args(["-t", "tmpfs", "-o", &format!("size={size}"), "none"])
            .arg(directory.path())
            .output();
        matches!(mounted, Ok(output) if output.status.success()).then_some(Self(directory))
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg(self.0.path()).status();
    }
}

#[test]
fn a_disk_without_room_for_the_journal_halts_trading() {
    let Some(disk) = SmallDisk::of("1m") else {
        let mut out = std::io::stderr();
        writeln!(out, "skipped: a small file system may not be mounted here").unwrap();
        return;
    };
    let place = Place::new();
    let journal = disk.0.path().join("journal").display().to_string();
    let arguments = [
        "demo",
        "--json",
        "--days",
        "2",
        "--journal",
        &journal,
        "--export",
        "export",
    ];
    let report = run(&place, &arguments).succeeded().json();
    assert_eq!(report["reconciled"], true);
    let seen = fs::read_to_string(place.work().join("export/journal.log")).unwrap();
    let lines: Vec<&str> = seen.lines().collect();
    let is_failure = |line: &&str| line.contains(r#""event":"store_failed""#);
    let failed = lines.iter().position(is_failure).unwrap();
    assert!(lines[failed].contains("journal/0000000") && lines[failed].contains("store_not_durable"));
    let placed = lines[failed..]
        .iter()
        .filter(|line| line.contains(r#"{"place":"#))
        .count();
    assert_eq!(placed, 0, "nothing is placed any more");
    assert_eq!(
        lines.iter().filter(|line| is_failure(line)).count(),
        1,
        "it is told once"
    );
    // What could be written is a beginning of what happened.
    let kept = run(&place, &["journal", "export", &journal]).succeeded().stdout;
    let bodies: Vec<&str> = lines.iter().map(|line| line.split_once(' ').unwrap().1).collect();
    let count = kept.lines().count();
    assert!(0 < count && count < lines.len(), "{count} of {}", lines.len());
    assert_eq!(kept.lines().collect::<Vec<&str>>(), bodies[..count]);
}

#[test]
fn the_report_of_a_demo_says_what_the_demo_says() {
    let place = Place::new();
    let kept = recorded();
    let journal = kept.display().to_string();
    let arguments = ["demo", "--days", "2", "--seed", "11", "--json"];
    let demo = run(&place, &arguments).succeeded().json();
    let report = run(&place, &["report", &journal, "--json", "--html", "page.html"])
        .succeeded()
        .json();
    assert_eq!(report["steps"], demo["events"]);
    assert_eq!(report["fills"]["count"], demo["fills"]);
    assert_eq!(report["orders"], demo["orders"]);
    let close = |ours: &Value, theirs: f64| (ours.as_f64().unwrap() - theirs).abs() < 1e-6;
    let dollars = |value: &Value| value.as_str().unwrap().parse::<f64>().unwrap();
    let gain = dollars(&demo["equity"]) - dollars(&demo["opening_cash"]);
    assert!(close(&report["pnl"], gain), "{report}");
    assert!(
        close(&report["fills"]["fees"], dollars(&demo["pnl"]["fees"])),
        "{report}"
    );
    let points = report["equity"].as_array().unwrap();
    assert!(points.len() > 100 && points.len() <= 1_001);
    assert_eq!(points.last().unwrap()["equity"], report["closing"]);
    let page = fs::read_to_string(place.work().join("page.html")).unwrap();
    assert!(
        page.matches("<svg").count() >= 3,
        "equity, falls and fills against the book"
    );
    // The drawing library names the standard of its drawings; nothing is fetched.
    let fetched = page.replace("http://www.w3.org/2000/svg", "");
    assert!(!fetched.contains("http:") && !fetched.contains("https:"));

    let part = [
        "report",
        &journal,
        "--from",
        "2026-09-22T06:00:00Z",
        "--to",
        "2026-09-22T09:00:00Z",
        "--json",
    ];
    let part = run(&place, &part).succeeded().json();
    assert!(part["steps"].as_u64().unwrap() > 100 && part["steps"].as_u64() < report["steps"].as_u64());
    assert!(part["from"].as_str().unwrap() >= "2026-09-22T06:00:00");
    assert!(part["to"].as_str().unwrap() <= "2026-09-22T09:00:00Z");
    run(&place, &["report", "nowhere"]).refused(2);
    let nothing = run(&place, &["report", &journal, "--from", "2027-01-01T00:00:00Z"]);
    assert!(nothing.refused(2).contains("no step lies in that period"));
}
