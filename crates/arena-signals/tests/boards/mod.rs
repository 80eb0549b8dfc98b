//! Boards for the tests, and the captured ones.
// A test file compiles this for itself and uses what it needs; Clippy's test exemptions do not reach this module.
#![allow(dead_code, clippy::unwrap_used, clippy::panic)]

pub mod readings;

use std::io::Write;
use std::path::PathBuf;

use autotrader_settlement::{Board, Entry, Rating};
use serde_json::Value;

/// A complete row whose interval is five points to either side.
pub fn row(name: &str, organization: &str, rank: i64, score: f64, votes: i64) -> Entry {
    Entry {
        organization: Some(organization.to_owned()),
        rank: Some(rank),
        rank_ub: Some(rank),
        rank_lb: Some(rank + 1),
        score: Some(Rating::from_value(score)),
        ci_lower: Some(Rating::from_value(score - 5.0)),
        ci_upper: Some(Rating::from_value(score + 5.0)),
        votes: Some(votes),
        ..Entry::named(name)
    }
}

/// A board of rows, ranked as they stand.
pub fn board(rows: &[(&str, &str, f64, i64)]) -> Board {
    let entries = (1..)
        .zip(rows)
        .map(|(rank, (name, organization, score, votes))| row(name, organization, rank, *score, *votes))
        .collect();
    Board { entries }
}

/// A board of `count` models with falling scores, `m1` first, of three owners in turn.
pub fn ladder(count: usize) -> Board {
    let owners = ["Acme", "Bolt", "Core"];
    let entries = (1..=count)
        .map(|place| {
            let rank = i64::try_from(place).unwrap();
            let score = 1500.0 - 12.0 * f64::from(i32::try_from(place).unwrap());
            row(
                &format!("m{place}"),
                owners[place % 3],
                rank,
                score,
                20_000 + 7 * rank,
            )
        })
        .collect();
    Board { entries }
}

/// Renumbers ranks and rank bounds by descending score.
pub fn reranked(mut board: Board) -> Board {
    board
        .entries
        .sort_by(|a, b| b.score.as_ref().unwrap().total_cmp(a.score.as_ref().unwrap()));
    for (rank, entry) in (1..).zip(&mut board.entries) {
        entry.rank = Some(rank);
        entry.rank_ub = Some(rank);
        entry.rank_lb = Some(rank + 1);
    }
    board
}

/// A file of the shared captures; `None`, said aloud, when they are absent.
pub fn shared(path: &str) -> Option<Vec<u8>> {
    #[expect(
        clippy::disallowed_methods,
        reason = "tests are told where the captures lie by the environment"
    )]
    let root = std::env::var_os("AUTOTRADER_SHARED").map_or_else(
        || PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared")),
        PathBuf::from,
    );
    let file = root.join(path);
    match std::fs::read(&file) {
        Ok(bytes) => Some(bytes),
        Err(error) => {
            // Written past the capture of test output, so that a skip is seen in a passing run.
            let mut out = std::io::stderr().lock();
            writeln!(out, "skipped: {} is absent ({error})", file.display()).unwrap();
            None
        }
    }
}

/// A captured array of rows with the page's own keys, read without the crate's parsers.
pub fn shared_board(path: &str) -> Option<Board> {
    let rows: Vec<Value> = serde_json::from_slice(&shared(path)?).unwrap();
    let rating = |row: &Value, key: &str| Some(Rating::parse(&row[key].to_string()).unwrap());
    let entries = rows
        .iter()
        .map(|row| Entry {
            organization: row["modelOrganization"].as_str().map(str::to_owned),
            rank: row["rank"].as_i64(),
            rank_ub: row["rankUpper"].as_i64(),
            rank_lb: row["rankLower"].as_i64(),
            score: rating(row, "rating"),
            ci_lower: rating(row, "ratingLower"),
            ci_upper: rating(row, "ratingUpper"),
            votes: row["votes"].as_i64(),
            ..Entry::named(row["modelDisplayName"].as_str().unwrap())
        })
        .collect();
    Some(Board { entries })
}
