//! Rank bounds and winners on captured boards of the real page, at full precision.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "the captures are fixed; a surprise in one is a failure"
)]

use autotrader_settlement::{Criterion, Entry, Rating, RuleSet, explain, rank_bounds};
use serde_json::Value;
use std::path::PathBuf;

/// The rows of a captured board; `None`, said aloud, when the captures are absent.
fn captured(file: &str) -> Option<Vec<Entry>> {
    #[expect(
        clippy::disallowed_methods,
        reason = "the tests' only switch says where captures are"
    )]
    let shared = std::env::var_os("AUTOTRADER_SHARED").map_or_else(
        || PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared")),
        PathBuf::from,
    );
    let path = shared.join("arena/events").join(file);
    let Ok(text) = std::fs::read_to_string(&path) else {
        println!("skipped: {} is absent", path.display());
        return None;
    };
    let rows: Vec<Value> = serde_json::from_str(&text).unwrap();
    // Every number here has a short decimal form, which reading as `f64` and printing again gives back.
    let rating = |value: &Value| Some(Rating::parse(&value.to_string()).unwrap());
    let entry = |row: &Value| Entry {
        organization: Some(row["modelOrganization"].as_str().unwrap().to_owned()),
        rank: row["rank"].as_i64(),
        rank_ub: row["rankUpper"].as_i64(),
        rank_lb: row["rankLower"].as_i64(),
        score: rating(&row["rating"]),
        ci_lower: rating(&row["ratingLower"]),
        ci_upper: rating(&row["ratingUpper"]),
        votes: row["votes"].as_i64(),
        ..Entry::named(row["modelDisplayName"].as_str().unwrap())
    };
    let entries: Vec<Entry> = rows.iter().map(entry).collect();
    assert!(entries.len() > 100, "{file} has {} rows", entries.len());
    Some(entries)
}

const BOARDS: [&str; 4] = [
    "a1-before-insert_2026-02-19T0446Z.json",
    "a2-gemini-3.1-pro-inserted-nothing-else-changed_2026-02-19T1701Z.json",
    "b1-before-rename_2026-02-21T2332Z.json",
    "b2-gpt-5.2-chat-latest-renamed_2026-02-22T0235Z.json",
];

#[test]
fn computed_rank_bounds_equal_the_pages_columns_on_every_row() {
    for file in BOARDS {
        let Some(board) = captured(file) else { continue };
        for (entry, bounds) in board.iter().zip(rank_bounds(&board)) {
            assert!(entry.rank_ub.is_some() && entry.rank_lb.is_some());
            assert_eq!(
                (bounds.rank_ub, bounds.rank_lb),
                (entry.rank_ub, entry.rank_lb),
                "{}",
                entry.model_name
            );
        }
    }
}

#[test]
fn an_insertion_at_the_top_changes_the_tie_but_not_the_winner() {
    for file in [BOARDS[0], BOARDS[1]] {
        let Some(board) = captured(file) else { continue };
        let why = explain(&board, &RuleSet::default());
        let winner = why.winner.unwrap();
        assert_eq!(
            (winner.model_name.as_str(), winner.organization.as_deref()),
            ("claude-opus-4-6", Some("Anthropic"))
        );
        assert_eq!(why.decided_by, Some(Criterion::Score));
        // The inserted model of another organisation shares the best rank: by the rank alone nobody is paid.
        let shared = why.other_readings.iter().any(|reading| reading.winner.is_none());
        assert_eq!(shared, file == BOARDS[1]);
    }
}
