//! A demo's journal in another process: listed, checked byte by byte, replayed, and replayed with other settings.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::time::Duration;

use tempfile::TempDir;

use crate::place::Place;
use crate::process::{Finished, finish};

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
    let checked = run(&place, &["journal", "verify", &journal, "--json"]).succeeded().json();
    let replayed = run(&place, &["replay", &journal, "--verify", "--json"]).succeeded().json();
    assert_eq!(replayed["identical"], true);
    assert_eq!(replayed["steps"], checked["steps"]);
    assert_eq!(replayed["link"], checked["link"]);
    assert!(checked["steps"].as_u64().unwrap() > 5_000, "{checked}");
    let listed = run(&place, &["journal", "list", &journal, "--json"]).succeeded().json();
    let steps: u64 = listed.as_array().unwrap().iter().map(|row| row["steps"].as_u64().unwrap()).sum();
    assert_eq!(Some(steps), checked["steps"].as_u64());
    let exported = run(&place, &["journal", "export", &journal]).succeeded();
    assert_eq!(exported.stdout.lines().count() as u64, steps);
    let placed = exported.stdout.lines().filter(|line| line.contains("\"place\":")).count();
    assert!(placed > 5, "orders are part of what is compared");
}

#[test]
fn a_part_of_it_replays_from_the_state_of_its_segment() {
    let place = Place::new();
    let journal = recorded().display().to_string();
    let whole = run(&place, &["replay", &journal, "--json"]).succeeded().json();
    let (from, to) = ("2026-09-22T06:00:00Z", "2026-09-22T09:00:00Z");
    let part = run(&place, &["replay", &journal, "--from", from, "--to", to, "--json"]).succeeded().json();
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
    assert!(run(&place, &["journal", "verify", &path]).refused(1).contains("missing"));
}

#[test]
fn other_settings_decide_otherwise() {
    let place = Place::new();
    let journal = recorded().display().to_string();
    place.write("other/strategies/leaderboard_alpha.yaml", "leaderboard_alpha:\n  min_edge_after_fees_cents: 45\n");
    let told = run(&place, &["replay", &journal, "--what-if", "other", "--json"]).succeeded().json();
    let changes = told["changes"].as_array().unwrap();
    assert!(!changes.is_empty());
    let orders = |key: &str| -> usize {
        let all = changes.iter().flat_map(|change| change[key].as_array().unwrap());
        all.filter(|decision| decision.get("order").is_some()).count()
    };
    assert!(orders("recorded") > orders("now"), "a higher threshold enters less: {changes:?}");
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
