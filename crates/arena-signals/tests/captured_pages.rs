//! The captured pages read as their expectations say.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test stops at what it did not expect"
)]

mod pages;

use autotrader_arena_signals::{GateSettings, board_json, exit_code, read_file};
use autotrader_domain::GatedBoard;
use pages::{capture, captured_text, now};
use rstest::rstest;
use serde_json::Value;

fn read(name: &str) -> Option<GatedBoard> {
    capture(name).map(|bytes| read_file(&bytes, &GateSettings::default(), now()))
}

#[rstest]
#[case("2026-05-overall-no-style-control.html.gz", 0, Some("flight"), &[], 357)]
#[case("2026-05-overall-flight-stream.txt.gz", 0, Some("flight_stream"), &[], 357)]
#[case("2026-05-coding-no-style-control.html.gz", 3, Some("flight"), &["wrong_category"], 355)]
#[case("reconstructed-2026-05-flight-only-no-table.html.gz", 0, Some("flight"), &[], 357)]
#[case("reconstructed-2026-05-table-only.html.gz", 4, Some("html_table"), &["rounded_scores"], 357)]
#[case("reconstructed-2025-10-rank-ub-ssr-table.html.gz", 4, Some("html_table"), &["identity_unproven", "rounded_scores"], 252)]
#[case("reconstructed-2026-02-model-cell-org-ssr-table.html.gz", 4, Some("html_table"), &["identity_unproven", "rounded_scores"], 303)]
#[case("reconstructed-2026-03-price-context-ssr-table.html.gz", 4, Some("html_table"), &["identity_unproven", "rounded_scores"], 323)]
#[case("reconstructed-NEXT_DATA-never-observed.html.gz", 0, Some("next_data"), &[], 357)]
#[case("reconstructed-cloudflare-403-blocked.html.gz", 3, None, &["blocked"], 0)]
fn page(
    #[case] name: &str,
    #[case] exit: u8,
    #[case] path: Option<&str>,
    #[case] reasons: &[&str],
    #[case] rows: usize,
) {
    let Some(page) = read(name) else { return };
    let mut codes: Vec<&str> = page.reasons.iter().map(|reason| reason.code.as_str()).collect();
    codes.sort_unstable();
    assert_eq!(codes, reasons, "{:?}", page.reasons);
    assert_eq!(exit_code(page.verdict), exit);
    assert_eq!(page.path.map(|path| path.as_str()), path);
    assert_eq!(page.board.entries.len(), rows);
    assert_eq!(page.anomalies, []);
}

/// The page's own leaderboard object, read without any of the crate's parsers.
fn own_payload(page: &str) -> Value {
    let mut stream = String::new();
    for push in page.split("self.__next_f.push([1,").skip(1) {
        let mut literals = serde_json::Deserializer::from_str(push).into_iter::<String>();
        stream.push_str(&literals.next().unwrap().unwrap());
    }
    let object = stream.split_once("\"leaderboard\":").unwrap().1;
    serde_json::Deserializer::from_str(object)
        .into_iter::<Value>()
        .next()
        .unwrap()
        .unwrap()
}

#[test]
fn every_row_of_the_real_page_agrees_with_its_own_payload() {
    let Some(bytes) = capture("2026-05-overall-no-style-control.html.gz") else {
        return;
    };
    let page = read_file(&bytes, &GateSettings::default(), now());
    let payload = own_payload(&captured_text(pages::REAL).unwrap());
    let rows = payload["entries"].as_array().unwrap();
    let shown = board_json(&page);
    assert_eq!(rows.len(), 357);
    for (row, entry) in rows.iter().zip(shown["entries"].as_array().unwrap()) {
        for (theirs, ours) in [
            ("rank", "rank"),
            ("rankUpper", "rank_ub"),
            ("rankLower", "rank_lb"),
            ("modelDisplayName", "model_name"),
            ("modelOrganization", "organization"),
            ("votes", "votes"),
            ("releaseType", "release_type"),
        ] {
            assert_eq!(row[theirs], entry[ours], "{row}");
        }
        for (theirs, ours) in [
            ("rating", "score"),
            ("ratingUpper", "ci_upper"),
            ("ratingLower", "ci_lower"),
        ] {
            assert_eq!(row[theirs].to_string(), entry[ours].as_str().unwrap(), "{row}");
        }
        assert_eq!(entry["preliminary"], Value::from(!row["releaseType"].is_null()));
        assert_eq!(entry["release_date"], Value::Null);
    }
    assert_eq!(shown["vintage"], "2026-05-07T14:00:00Z");
    assert_eq!(shown["total_models"], payload["totalModels"]);
    assert_eq!(shown["total_votes"], payload["totalVotes"]);
    assert_eq!(shown["slug"], payload["leaderboardSlug"]);
    assert_eq!(shown["category"], payload["params"]["category"]);
    assert_eq!(shown["style_control"], payload["params"]["styleControl"]);
}

#[test]
fn the_first_twenty_rows_are_the_expected_ones() {
    let Some(page) = read("2026-05-overall-no-style-control.html.gz") else {
        return;
    };
    let expected: Value =
        serde_json::from_slice(&capture("2026-05-overall-no-style-control.expected.json").unwrap()).unwrap();
    let rows = expected["first20"].as_array().unwrap();
    assert_eq!(rows.len(), 20);
    for (row, entry) in rows.iter().zip(&page.board.entries) {
        assert_eq!(row["rank"].as_i64(), entry.rank);
        assert_eq!(row["rankUpper"].as_i64(), entry.rank_ub);
        assert_eq!(row["rankLower"].as_i64(), entry.rank_lb);
        assert_eq!(row["modelDisplayName"].as_str(), Some(entry.model_name.as_str()));
        assert_eq!(row["rating"].to_string(), entry.score.as_ref().unwrap().as_str());
        assert_eq!(
            row["ratingUpper"].to_string(),
            entry.ci_upper.as_ref().unwrap().as_str()
        );
        assert_eq!(
            row["ratingLower"].to_string(),
            entry.ci_lower.as_ref().unwrap().as_str()
        );
        assert_eq!(row["votes"].as_i64(), entry.votes);
        assert_eq!(row["modelOrganization"].as_str(), entry.organization.as_deref());
        assert_eq!(row["releaseType"].as_str(), entry.release_type.as_deref());
    }
}

/// Ways through the page that carry the same payload must read the same board.
#[rstest]
#[case("2026-05-overall-flight-stream.txt.gz")]
#[case("reconstructed-2026-05-flight-only-no-table.html.gz")]
#[case("reconstructed-NEXT_DATA-never-observed.html.gz")]
fn finer_ways_give_the_same_hash(#[case] name: &str) {
    let (Some(page), Some(other)) = (read("2026-05-overall-no-style-control.html.gz"), read(name)) else {
        return;
    };
    assert_eq!(other.hash, page.hash);
    assert_eq!(
        (other.vintage, other.total_models, other.total_votes),
        (page.vintage, page.total_models, page.total_votes)
    );
}

/// The table shows what the payload says, rounded.
#[test]
fn the_table_alone_gives_the_rounded_board() {
    let (Some(page), Some(table)) = (
        read("2026-05-overall-no-style-control.html.gz"),
        read("reconstructed-2026-05-table-only.html.gz"),
    ) else {
        return;
    };
    for (fine, coarse) in page.board.entries.iter().zip(&table.board.entries) {
        assert_eq!(coarse.model_name, fine.model_name);
        assert_eq!(coarse.organization, fine.organization);
        assert_eq!(
            (coarse.rank, coarse.rank_ub, coarse.rank_lb),
            (fine.rank, fine.rank_ub, fine.rank_lb)
        );
        assert_eq!((coarse.votes, coarse.preliminary), (fine.votes, fine.preliminary));
        let displayed = fine.score.as_ref().unwrap().displayed();
        assert_eq!(
            coarse.score.as_ref().unwrap().value().to_bits(),
            displayed.to_bits()
        );
    }
    assert_eq!(
        (table.category.as_deref(), table.style_control),
        (Some("overall"), Some(false))
    );
    assert_eq!(
        (table.total_models, table.total_votes),
        (page.total_models, page.total_votes)
    );
}
