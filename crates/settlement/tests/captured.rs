//! Rank bounds and winners on captured boards of the real page, at full precision.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "the captures are fixed; a surprise in one is a failure"
)]

use autotrader_settlement::{Criterion, Entry, Rating, Rule, RuleSet, ScorePrecision, explain, rank_bounds};
use serde_json::Value;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};

/// Where a capture is; `None`, said aloud, when the captures are absent.
fn capture(file: &str) -> Option<PathBuf> {
    #[expect(
        clippy::disallowed_methods,
        reason = "the tests' only switch says where captures are"
    )]
    let shared = std::env::var_os("AUTOTRADER_SHARED").map_or_else(
        || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared"),
        PathBuf::from,
    );
    let path = shared.join("arena").join(file);
    if !path.exists() {
        // Written past the capture of test output, so that a skip is seen in a passing run.
        let mut stderr = std::io::stderr().lock();
        writeln!(stderr, "skipped: {} is absent", path.display()).unwrap();
        return None;
    }
    Some(path)
}

/// Entries from rows as the page's payload has them.
fn entries(rows: &Value) -> Vec<Entry> {
    // Every number here has a short decimal form, which reading as `f64` and printing again gives back.
    let rating = |value: &Value| Some(Rating::parse(&value.to_string()).unwrap());
    let entry = |row: &Value| Entry {
        organization: Some(row["modelOrganization"].as_str().unwrap().to_owned()),
        rank: Some(row["rank"].as_i64().unwrap()),
        rank_ub: Some(row["rankUpper"].as_i64().unwrap()),
        rank_lb: Some(row["rankLower"].as_i64().unwrap()),
        score: rating(&row["rating"]),
        ci_lower: rating(&row["ratingLower"]),
        ci_upper: rating(&row["ratingUpper"]),
        votes: Some(row["votes"].as_i64().unwrap()),
        ..Entry::named(row["modelDisplayName"].as_str().unwrap())
    };
    rows.as_array().unwrap().iter().map(entry).collect()
}

/// The top 50 rows of a board around an event.
fn event(file: &str) -> Option<Vec<Entry>> {
    let text = std::fs::read_to_string(capture("events")?.join(file)).unwrap();
    let board = entries(&serde_json::from_str(&text).unwrap());
    assert_eq!(board.len(), 50);
    Some(board)
}

/// All rows of the real page, from its data stream.
fn whole_page() -> Option<Vec<Entry>> {
    let file = std::fs::File::open(capture("pages/2026-05-overall-flight-stream.txt.gz")?).unwrap();
    let mut stream = String::new();
    flate2::read::GzDecoder::new(file)
        .read_to_string(&mut stream)
        .unwrap();
    let (_, object) = stream.split_once("\"leaderboard\":").unwrap();
    let object: Value = serde_json::Deserializer::from_str(object)
        .into_iter()
        .next()
        .unwrap()
        .unwrap();
    Some(entries(&object["entries"]))
}

const BEFORE_INSERTION: &str = "a1-before-insert_2026-02-19T0446Z.json";
const AFTER_INSERTION: &str = "a2-gemini-3.1-pro-inserted-nothing-else-changed_2026-02-19T1701Z.json";
const BEFORE_RENAME: &str = "b1-before-rename_2026-02-21T2332Z.json";
const AFTER_RENAME: &str = "b2-gpt-5.2-chat-latest-renamed_2026-02-22T0235Z.json";

#[test]
fn computed_rank_bounds_equal_the_pages_own_on_every_row() {
    let Some(board) = whole_page() else { return };
    assert_eq!(board.len(), 357);
    for (entry, bounds) in board.iter().zip(rank_bounds(&board)) {
        assert_eq!(
            (bounds.rank_ub, bounds.rank_lb),
            (entry.rank_ub, entry.rank_lb),
            "{}",
            entry.model_name
        );
    }
}

#[test]
fn the_best_rank_of_the_top_rows_needs_no_other_row() {
    for file in [BEFORE_INSERTION, AFTER_INSERTION, BEFORE_RENAME, AFTER_RENAME] {
        let Some(board) = event(file) else { continue };
        for (entry, bounds) in board.iter().zip(rank_bounds(&board)) {
            assert_eq!(bounds.rank_ub, entry.rank_ub, "{} in {file}", entry.model_name);
        }
    }
}

#[test]
fn the_real_page_settles_by_score_the_same_way_at_any_precision() {
    let Some(board) = whole_page() else { return };
    for &precision in ScorePrecision::ALL {
        let why = explain(&board, &RuleSet::new(Rule::Cascade, precision));
        assert_eq!(
            why.winner.unwrap().to_string(),
            "claude-opus-4-6-thinking (Anthropic)"
        );
        assert_eq!(why.decided_by, Some(Criterion::Score));
        assert_eq!(
            why.steps[0].survivors,
            ["claude-opus-4-6-thinking", "claude-opus-4-6"]
        );
        assert_eq!(why.other_readings, []);
        assert_eq!(why.missing, []);
    }
}

#[test]
fn an_insertion_at_the_top_changes_the_tie_but_not_the_winner() {
    for (file, pays_nobody) in [(BEFORE_INSERTION, false), (AFTER_INSERTION, true)] {
        let Some(board) = event(file) else { continue };
        let why = explain(&board, &RuleSet::default());
        assert_eq!(why.winner.unwrap().to_string(), "claude-opus-4-6 (Anthropic)");
        assert_eq!(why.decided_by, Some(Criterion::Score));
        // The inserted model of another organisation shares the best rank: by that rank alone nobody is paid.
        assert_eq!(
            why.other_readings.iter().any(|reading| reading.winner.is_none()),
            pays_nobody
        );
    }
}
