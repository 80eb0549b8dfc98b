//! The history of boards: what one board adds, what a restart replays, and that no answer knows the future.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test stops loudly at what it did not expect"
)]

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use autotrader_domain::{BoardHistory, HistoryEvent, Led, Sight};
use autotrader_settlement::{Entry, Rating, RuleSet, resolve_top_model};
use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use proptest::prelude::*;
use serde_json::Value;

fn day(number: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(1_767_225_600, 0).unwrap() + TimeDelta::days(number)
}

fn entry(name: &str, organization: &str, score: f64) -> Entry {
    Entry {
        organization: Some(organization.into()),
        score: Some(Rating::from_value(score)),
        ..Entry::named(name)
    }
}

fn board(rows: &[(&str, &str, f64)]) -> Vec<Entry> {
    rows.iter()
        .map(|(name, organization, score)| entry(name, organization, *score))
        .collect()
}

/// Boards as they come, one after another.
#[derive(Default)]
struct Watcher {
    history: BoardHistory,
    previous: Option<Vec<Entry>>,
    renames: Vec<(String, String)>,
    log: Vec<HistoryEvent>,
}

impl Watcher {
    fn see(&mut self, at: DateTime<Utc>, entries: Vec<Entry>, comparable: bool) -> Vec<HistoryEvent> {
        let events = self.history.observe(&Sight {
            at,
            entries: &entries,
            leader: resolve_top_model(&entries, &RuleSet::default()).winner(),
            previous: self.previous.as_deref(),
            comparable,
            renames: &self.renames,
        });
        self.previous = Some(entries);
        self.log.extend(events.iter().cloned());
        events
    }

    fn arrivals(&self) -> Vec<(&str, f64)> {
        let named = |arrival: &'_ autotrader_domain::Arrival| arrival.gap;
        self.history
            .arrivals()
            .iter()
            .map(|arrival| (arrival.model_name.as_str(), named(arrival)))
            .collect()
    }
}

const START: [(&str, &str, f64); 3] = [("a", "A", 1500.0), ("b", "B", 1490.0), ("c", "C", 1480.0)];

fn with(more: &[(&str, &str, f64)]) -> Vec<Entry> {
    let mut rows = board(&START);
    rows.extend(board(more));
    rows
}

#[test]
fn the_first_board_brings_listings_and_a_leader_but_no_arrival() {
    let mut watcher = Watcher::default();
    let events = watcher.see(day(0), board(&START), true);
    let listed: Vec<&str> = events
        .iter()
        .filter_map(|event| match event {
            HistoryEvent::Listed { model_name, .. } => Some(model_name.as_str()),
            _ => None,
        })
        .collect();
    assert_eq!(listed, ["a", "b", "c"]);
    assert!(watcher.history.arrivals().is_empty());
    assert_eq!(watcher.history.since(), Some(day(0)));
    assert_eq!(watcher.history.leader_at(day(0)).unwrap().model_name, "a");
    assert_eq!(watcher.history.leader_at(day(-1)), None);
}

#[test]
fn a_debut_near_the_top_arrives_and_one_far_below_is_only_listed() {
    for (score, gap) in [
        (1512.5, Some(12.5)),
        (1500.0, Some(0.0)),
        (1460.01, Some(-39.99)),
        (1460.0, None),
        (1300.0, None),
        (f64::NAN, None),
    ] {
        let mut watcher = Watcher::default();
        watcher.see(day(0), board(&START), true);
        watcher.see(day(1), with(&[("n", "N", score)]), true);
        let found = watcher.history.arrivals().first().map(|arrival| arrival.gap);
        match (found, gap) {
            (Some(found), Some(gap)) => assert!((found - gap).abs() < 1e-9, "{score}: {found}"),
            (found, gap) => assert_eq!(found, gap, "{score}"),
        }
        assert_eq!(watcher.history.first_seen("n"), Some(day(1)), "{score}");
    }
}

#[test]
fn a_debut_without_a_score_is_listed_and_never_arrives() {
    let mut watcher = Watcher::default();
    watcher.see(day(0), board(&START), true);
    let mut rows = board(&START);
    rows.push(Entry::named("n"));
    watcher.see(day(1), rows, true);
    watcher.see(day(2), with(&[("n", "N", 1510.0)]), true);
    assert!(watcher.history.arrivals().is_empty());
    assert!(watcher.history.listed_at("n", day(1)));
}

#[test]
fn a_shift_of_the_whole_scale_is_no_gap() {
    let mut watcher = Watcher::default();
    watcher.see(day(0), board(&START), true);
    let shifted: Vec<Entry> = START
        .iter()
        .map(|(name, organization, score)| entry(name, organization, score + 20.0))
        .chain([entry("n", "N", 1530.0)])
        .collect();
    watcher.see(day(1), shifted, true);
    assert_eq!(watcher.arrivals(), [("n", 10.0)]);
}

#[test]
fn siblings_are_one_release_on_the_same_side_of_the_floor_and_within_five_dates() {
    type Case = (&'static str, (i64, &'static str, f64), usize);
    // After "n" of N arrived on day 1 at +10.
    let cases: [Case; 6] = [
        ("the same date", (1, "N", 1505.0), 1),
        ("five dates later", (6, "N", 1505.0), 1),
        ("six dates later", (7, "N", 1505.0), 2),
        ("another organisation", (2, "M", 1505.0), 2),
        ("on the other side of the floor", (2, "N", 1494.9), 2),
        ("just above the floor", (2, "N", 1495.1), 1),
    ];
    for (what, (date, organization, score), expected) in cases {
        let mut watcher = Watcher::default();
        watcher.see(day(0), board(&START), true);
        // "n" does not stay, so that the leader before is "a" again.
        watcher.see(day(1), with(&[("n", "N", 1510.0)]), true);
        watcher.see(day(1), board(&START), true);
        watcher.see(day(date), with(&[("m", organization, score)]), true);
        assert_eq!(watcher.history.arrivals().len(), expected, "{what}");
    }
}

#[test]
fn dates_tell_siblings_apart_whatever_the_hour() {
    let hours = TimeDelta::hours;
    for (first, second, expected) in [
        (hours(0), TimeDelta::days(5) + hours(23), 1),
        (hours(23), TimeDelta::days(6), 2),
    ] {
        let mut watcher = Watcher::default();
        watcher.see(day(0), board(&START), true);
        watcher.see(day(1) + first, with(&[("n", "N", 1510.0)]), true);
        watcher.see(day(1) + first, board(&START), true);
        watcher.see(day(1) + second, with(&[("m", "N", 1505.0)]), true);
        assert_eq!(watcher.history.arrivals().len(), expected);
    }
}

#[test]
fn the_best_of_two_siblings_on_one_board_stands_for_the_release() {
    let mut watcher = Watcher::default();
    watcher.see(day(0), board(&START), true);
    watcher.see(day(1), with(&[("low", "N", 1503.0), ("high", "N", 1511.0)]), true);
    assert_eq!(watcher.arrivals(), [("high", 11.0)]);
}

#[test]
fn a_sibling_is_looked_for_among_the_last_six_arrivals_only() {
    for (others, expected) in [(5, 6), (6, 8)] {
        let mut watcher = Watcher::default();
        watcher.see(day(0), board(&START), true);
        let mut names = vec![("n".to_owned(), "N".to_owned())];
        names.extend((0..others).map(|number| (format!("o{number}"), format!("O{number}"))));
        names.push(("sibling".into(), "N".into()));
        for (name, organization) in names {
            watcher.see(day(1), with(&[(&name, &organization, 1505.0)]), true);
            watcher.see(day(1), board(&START), true);
        }
        assert_eq!(watcher.history.arrivals().len(), expected, "{others} others");
    }
}

#[test]
fn a_renamed_model_is_listed_under_its_new_name_and_is_no_arrival() {
    let mut watcher = Watcher::default();
    watcher.see(day(0), board(&START), true);
    watcher.renames = vec![("a".into(), "a-high".into())];
    let renamed = board(&[("a-high", "A", 1500.0), ("b", "B", 1490.0), ("c", "C", 1480.0)]);
    watcher.see(day(1), renamed, true);
    assert!(watcher.history.arrivals().is_empty());
    assert!(watcher.history.listed_at("a-high", day(1)));
    assert!(!watcher.history.listed_at("a", day(1)));
}

#[test]
fn names_that_another_source_brings_are_seen_but_never_arrive() {
    let mut watcher = Watcher::default();
    watcher.see(day(0), board(&START), true);
    watcher.see(day(1), with(&[("n", "N", 1510.0)]), false);
    watcher.see(day(2), board(&START), true);
    watcher.see(day(3), with(&[("n", "N", 1510.0)]), true);
    assert!(watcher.history.arrivals().is_empty());
    assert_eq!(watcher.history.first_seen("n"), Some(day(1)));
}

#[test]
fn a_model_that_returns_is_listed_again_but_arrived_once() {
    let mut watcher = Watcher::default();
    watcher.see(day(0), board(&START), true);
    watcher.see(day(1), with(&[("n", "N", 1510.0)]), true);
    watcher.see(day(10), board(&START), true);
    watcher.see(day(20), with(&[("n", "N", 1515.0)]), true);
    assert_eq!(watcher.arrivals(), [("n", 10.0)]);
    let listed: Vec<bool> = [0, 1, 9, 10, 19, 20, 99]
        .map(|number| watcher.history.listed_at("n", day(number)))
        .to_vec();
    assert_eq!(listed, [false, true, true, false, false, true, true]);
    let leaders: Vec<(&str, DateTime<Utc>)> = watcher
        .history
        .leaders()
        .iter()
        .map(|led| (led.model_name.as_str(), led.at))
        .collect();
    assert_eq!(
        leaders,
        [("a", day(0)), ("n", day(1)), ("a", day(10)), ("n", day(20))]
    );
}

#[test]
fn a_name_that_is_on_a_board_twice_is_one_model() {
    let mut watcher = Watcher::default();
    watcher.see(day(0), board(&START), true);
    let events = watcher.see(day(1), with(&[("n", "N", 1510.0), ("n", "M", 1509.0)]), true);
    assert_eq!(watcher.arrivals(), [("n", 10.0)]);
    assert_eq!(events.len(), 3, "arrived, listed, led: {events:?}");
}

#[test]
fn the_same_board_again_adds_nothing() {
    let mut watcher = Watcher::default();
    watcher.see(day(0), board(&START), true);
    assert_eq!(watcher.see(day(1), board(&START), true), []);
    watcher.previous = None;
    assert_eq!(watcher.see(day(2), board(&START), false), []);
}

#[test]
fn an_empty_board_takes_every_model_off_and_leaves_the_last_leader() {
    let mut watcher = Watcher::default();
    watcher.see(day(0), board(&START), true);
    assert_eq!(watcher.see(day(1), Vec::new(), true).len(), START.len());
    let last = watcher.history.leader_at(day(2)).unwrap();
    assert_eq!(
        last,
        &Led {
            at: day(0),
            model_name: "a".into(),
            organization: Some("A".into())
        }
    );
    // And a debut after it has nothing to be measured against.
    watcher.see(day(3), with(&[("n", "N", 1510.0)]), true);
    assert!(watcher.history.arrivals().is_empty());
}

#[test]
fn events_are_written_with_their_kind() {
    let mut watcher = Watcher::default();
    watcher.see(day(0), board(&START), true);
    watcher.see(day(1), board(&[("n", "N", 1510.0), ("b", "B", 1490.0)]), true);
    let written = serde_json::to_value(&watcher.log).unwrap();
    let kinds: std::collections::BTreeSet<&str> = written
        .as_array()
        .unwrap()
        .iter()
        .map(|event| event["event"].as_str().unwrap())
        .collect();
    assert_eq!(
        kinds.into_iter().collect::<Vec<_>>(),
        ["arrived", "delisted", "led", "listed"]
    );
    let read: Vec<HistoryEvent> = serde_json::from_value(written).unwrap();
    assert_eq!(read, watcher.log);
}

/// Days since the board before, whether it is of the same source, and models with a score each.
type Drawn = (i64, bool, Vec<(usize, i32)>);

fn any_boards() -> impl Strategy<Value = Vec<Drawn>> {
    let rows = proptest::collection::vec((0..10_usize, 1430..1530_i32), 0..8);
    proptest::collection::vec((0..9_i64, proptest::bool::weighted(0.9), rows), 1..25)
}

fn drawn(rows: &[(usize, i32)]) -> Vec<Entry> {
    rows.iter()
        .map(|(number, score)| {
            entry(
                &format!("m{number}"),
                &format!("o{}", number % 4),
                f64::from(*score),
            )
        })
        .collect()
}

type Answers = (Vec<String>, Vec<Led>, Option<Led>, Vec<(bool, bool)>);

fn answers(history: &BoardHistory, at: DateTime<Utc>) -> Answers {
    let arrivals = history
        .arrivals_until(at)
        .iter()
        .map(|arrival| format!("{arrival:?}"));
    let models = (0..10).map(|number| {
        let name = format!("m{number}");
        let seen = history.first_seen(&name).is_some_and(|first| first <= at);
        (history.listed_at(&name, at), seen)
    });
    (
        arrivals.collect(),
        history.leaders_until(at).to_vec(),
        history.leader_at(at).cloned(),
        models.collect(),
    )
}

proptest! {
    #[test]
    fn what_is_replayed_is_what_was_observed(boards in any_boards()) {
        let (mut watcher, mut at) = (Watcher::default(), 0);
        for (gap, comparable, rows) in boards {
            at += gap;
            watcher.see(day(at), drawn(&rows), comparable);
        }
        let mut replayed = BoardHistory::default();
        for event in &watcher.log {
            replayed.apply(event);
        }
        prop_assert_eq!(&replayed, &watcher.history);
    }

    #[test]
    fn no_answer_about_a_time_changes_with_what_comes_later(boards in any_boards()) {
        let (mut watcher, mut at, mut said) = (Watcher::default(), 0, Vec::new());
        for (gap, comparable, rows) in boards {
            // A board of a later time, so that everything up to now is the past.
            at += gap + 1;
            watcher.see(day(at), drawn(&rows), comparable);
            said.push((at, answers(&watcher.history, day(at))));
        }
        for (at, then) in said {
            prop_assert_eq!(answers(&watcher.history, day(at)), then);
        }
    }

    #[test]
    fn the_order_of_rows_with_scores_of_their_own_does_not_matter(
        boards in proptest::collection::vec(proptest::sample::subsequence((0..10_usize).collect::<Vec<_>>(), 1..9), 1..9),
        salt in 0..1_000_i32,
    ) {
        let (mut forward, mut backward) = (Watcher::default(), Watcher::default());
        for (number, models) in boards.iter().enumerate() {
            let score = |model: usize| 1450 + (i32::try_from(model * 7 + number * 3).unwrap() + salt) % 10 * 9;
            let mut rows: Vec<(usize, i32)> = models.iter().map(|model| (*model, score(*model))).collect();
            rows.sort_by_key(|row| row.1);
            rows.dedup_by_key(|row| row.1);
            let at = day(i64::try_from(number).unwrap());
            let there = forward.see(at, drawn(&rows), true);
            rows.reverse();
            prop_assert_eq!(backward.see(at, drawn(&rows), true), there);
        }
    }
}

fn shared() -> PathBuf {
    #[expect(
        clippy::disallowed_methods,
        reason = "where captures are is the tester's choice"
    )]
    let given = std::env::var_os("AUTOTRADER_SHARED");
    given.map_or_else(
        || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared"),
        PathBuf::from,
    )
}

fn python() -> PathBuf {
    #[expect(
        clippy::disallowed_methods,
        reason = "which interpreter has numpy is the tester's choice"
    )]
    let given = std::env::var_os("AUTOTRADER_PYTHON");
    given.map_or_else(|| "python3".into(), PathBuf::from)
}

/// Written past the capture of test output, so that a skip is seen in a passing run.
fn say(sentence: &str) {
    writeln!(std::io::stderr().lock(), "{sentence}").unwrap();
}

/// Prints the series and what the reference makes of it.
const ASK: &str = r"
import sys, json, gzip
sys.path.insert(0, sys.argv[1])
sys.dont_write_bytecode = True
from board_walk_reference import events, first_seen
boards = json.load(gzip.open(sys.argv[2]))
found = [[d.isoformat(), o, g] for d, o, g in events(boards)]
seen = {m: d.isoformat() for m, d in first_seen(boards).items()}
json.dump({'boards': boards, 'events': found, 'seen': seen}, sys.stdout)
";

fn asked(series: &Path) -> Option<Value> {
    let reference = shared().join("reference");
    if !series.exists() || !reference.join("board_walk_reference.py").exists() {
        say(&format!(
            "skipped: {} or its reference is not there; set AUTOTRADER_SHARED",
            series.display()
        ));
        return None;
    }
    let answer = Command::new(python())
        .args(["-c", ASK])
        .args([&reference, series])
        .output();
    match answer {
        Ok(answer) if answer.status.success() => Some(serde_json::from_slice(&answer.stdout).unwrap()),
        Ok(answer) if String::from_utf8_lossy(&answer.stderr).contains("ModuleNotFoundError") => {
            say("skipped: Python lacks numpy or scipy; set AUTOTRADER_PYTHON");
            None
        }
        Ok(answer) => panic!(
            "the reference failed: {}",
            String::from_utf8_lossy(&answer.stderr)
        ),
        Err(error) => {
            say(&format!("skipped: no Python ({error}); set AUTOTRADER_PYTHON"));
            None
        }
    }
}

fn midnight(date: &Value) -> DateTime<Utc> {
    let date: NaiveDate = date.as_str().unwrap().parse().unwrap();
    date.and_hms_opt(0, 0, 0).unwrap().and_utc()
}

fn text(value: &Value) -> Option<String> {
    value.as_str().map(str::to_owned)
}

#[test]
fn real_series_give_the_arrivals_of_the_reference() {
    for name in [
        "series_sc_off_to_2026-04-30.json.gz",
        "series_sc_on_to_2026-04-30.json.gz",
    ] {
        let Some(answer) = asked(&shared().join("arena/history").join(name)) else {
            continue;
        };
        let (mut watcher, mut source) = (Watcher::default(), String::new());
        for board in answer["boards"].as_array().unwrap() {
            let next = text(&board["src"]).unwrap();
            let (from, to) = (["mayer", "jtrigg"], ["timothy", "catalog", "fboulnois", "cherry"]);
            let switched = from.contains(&source.as_str()) && to.contains(&next.as_str());
            source = next;
            let rows = board["rows"].as_array().unwrap().iter().map(|row| Entry {
                organization: text(&row["org"]),
                score: row["score"].as_f64().map(Rating::from_value),
                ..Entry::named(text(&row["model"]).unwrap())
            });
            watcher.see(midnight(&board["date"]), rows.collect(), !switched);
        }
        let expected = answer["events"].as_array().unwrap();
        let found = watcher.history.arrivals();
        assert_eq!(found.len(), expected.len(), "{name}");
        for (arrival, event) in found.iter().zip(expected) {
            let same = arrival.at == midnight(&event[0])
                && arrival.organization == text(&event[1])
                && (arrival.gap - event[2].as_f64().unwrap()).abs() < 1e-9;
            assert!(same, "{name}: {arrival:?} is not {event}");
        }
        let seen = answer["seen"].as_object().unwrap();
        for (model, date) in seen {
            assert_eq!(
                watcher.history.first_seen(model),
                Some(midnight(date)),
                "{name}: {model}"
            );
        }
        println!(
            "{name}: {} arrivals, {} models as in the reference",
            found.len(),
            seen.len()
        );
    }
}
