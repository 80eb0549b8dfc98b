//! Pages in every layout, written by the project: what they say is what is read.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test stops at what it did not expect"
)]

mod pages;

use autotrader_arena_signals::{GateSettings, UngatedBoard, board_json, parse_ungated, read_file};
use autotrader_domain::{GateReasonCode, GatedBoard, ParsePath, Verdict};
use autotrader_settlement::Entry;
use pages::now;
use pages::written::{Layout, Written, board, decimal};
use rstest::rstest;

fn read(page: &str) -> GatedBoard {
    read_file(page.as_bytes(), &GateSettings::default(), now())
}

fn codes(page: &GatedBoard) -> Vec<&'static str> {
    page.reasons.iter().map(|reason| reason.code.as_str()).collect()
}

/// The entries a payload must read as.
fn entries(written: &Written) -> Vec<Entry> {
    let rating = |hundredths| Some(autotrader_settlement::Rating::parse(&decimal(hundredths)).unwrap());
    written
        .models
        .iter()
        .enumerate()
        .map(|(index, model)| {
            let (best, worst) = written.spread(index);
            Entry {
                organization: Some(model.organization.clone()).filter(|owner| !owner.is_empty()),
                rank: Some(i64::try_from(index).unwrap() + 1),
                rank_ub: Some(best),
                rank_lb: Some(worst),
                score: rating(model.score),
                ci_lower: rating(model.score - model.half),
                ci_upper: rating(model.score + model.half),
                votes: Some(model.votes),
                release_type: model.release_type.map(str::to_owned),
                preliminary: model.release_type.is_some(),
                ..Entry::named(model.name.clone())
            }
        })
        .collect()
}

#[rstest]
#[case::whole(usize::MAX)]
#[case::in_fragments(997)]
#[case::in_tiny_fragments(7)]
fn a_page_reads_as_it_was_written(#[case] chunk: usize, #[values(1, 2, 3)] seed: u64) {
    let written = board(130, seed);
    let page = read(&written.page(&(written.header() + &written.table(Layout::Prices)), chunk));
    assert_eq!(codes(&page), [""; 0]);
    assert_eq!(page.verdict, Verdict::Tradable);
    assert_eq!(page.path, Some(ParsePath::Flight));
    assert_eq!(page.board.entries, entries(&written));
    assert_eq!(page.anomalies, []);
}

#[rstest]
fn any_layout_may_stand_beside_the_payload(
    #[values(
        Layout::RankUb,
        Layout::Spread,
        Layout::PreliminaryScore,
        Layout::ModelCell,
        Layout::Prices
    )]
    layout: Layout,
) {
    let written = board(130, 4);
    let page = read(&written.page(&(written.header() + &written.table(layout)), usize::MAX));
    assert_eq!(codes(&page), [""; 0], "{:?}", page.reasons);
    assert_eq!(page.board.entries, entries(&written));
}

#[test]
fn every_layout_reads_alone() {
    let written = board(130, 5);
    for layout in Layout::ALL {
        let page = read(&written.table_page(layout));
        assert_eq!(
            codes(&page),
            ["identity_unproven", "rounded_scores"],
            "{layout:?}: {:?}",
            page.reasons
        );
        assert_eq!(page.path, Some(ParsePath::HtmlTable));
        for (entry, full) in page.board.entries.iter().zip(entries(&written)) {
            let shown = |hundredths: i64| ((hundredths + 50) / 100).to_string();
            let index = usize::try_from(full.rank.unwrap() - 1).unwrap();
            let model = written.models.get(index).unwrap();
            assert_eq!(entry.model_name, full.model_name);
            assert_eq!(entry.organization, full.organization);
            assert_eq!((entry.votes, entry.rank_ub), (full.votes, full.rank_ub));
            assert_eq!(entry.rank, full.rank.filter(|_| layout.has_ranks()));
            assert_eq!(entry.rank_lb, full.rank_lb.filter(|_| layout.has_ranks()));
            assert_eq!(entry.preliminary, full.preliminary && layout.has_mark());
            let (score, half) = ((model.score + 50) / 100, (model.half + 50) / 100);
            assert_eq!(entry.score.as_ref().unwrap().as_str(), shown(model.score));
            assert_eq!(
                entry.ci_lower.as_ref().unwrap().as_str(),
                (score - half).to_string()
            );
            assert_eq!(
                entry.ci_upper.as_ref().unwrap().as_str(),
                (score + half).to_string()
            );
        }
    }
}

#[test]
fn the_bare_stream_and_next_data_read_alike() {
    let written = board(130, 6);
    let next = format!(
        "<!DOCTYPE html><html><body><script id=\"__NEXT_DATA__\" type=\"application/json\">{{\"props\":{{\"pageProps\":\
         {{\"leaderboard\":{}}}}},\"page\":\"/\"}}</script></body></html>",
        written.payload()
    );
    for (text, path) in [
        (written.stream(), ParsePath::FlightStream),
        (next, ParsePath::NextData),
    ] {
        let page = read(&text);
        assert_eq!(
            (page.path, page.verdict),
            (Some(path), Verdict::Tradable),
            "{:?}",
            page.reasons
        );
        assert_eq!(page.board.entries, entries(&written));
    }
}

/// A board printed by the command line is a file that reads as the same board.
#[test]
fn what_is_printed_reads_back() {
    let written = board(130, 7);
    let page = read(&written.today());
    let printed = serde_json::to_string(&board_json(&page)).unwrap();
    let again = read(&printed);
    assert_eq!(
        (again.path, again.verdict),
        (Some(ParsePath::Json), Verdict::DisplayOnly)
    );
    assert_eq!(codes(&again), ["identity_unproven"]);
    assert_eq!(
        (again.hash, again.vintage, &again.board),
        (page.hash, page.vintage, &page.board)
    );
    let coarse = read(&written.table_page(Layout::Prices));
    let again = read(&serde_json::to_string(&board_json(&coarse)).unwrap());
    assert_eq!(codes(&again), ["identity_unproven", "rounded_scores"]);
    assert_eq!(again.hash, coarse.hash);
}

#[test]
fn a_json_file_may_hold_the_page_object() {
    let written = board(130, 8);
    for text in [
        written.payload(),
        format!("{{\"at\": 1, \"leaderboard\" : {}}}", written.payload()),
    ] {
        let page = read(&text);
        assert_eq!(
            (page.path, page.verdict),
            (Some(ParsePath::Json), Verdict::Tradable),
            "{:?}",
            page.reasons
        );
        assert_eq!(page.board.entries, entries(&written));
    }
}

#[test]
fn rows_alone_read_ungated() {
    let text = r#"[{"modelDisplayName":"a","rating":1500.50,"rankUpper":1,"votes":3,"modelOrganization":""},
                   {"modelDisplayName":"b","rating":1400,"rankUpper":2,"votes":4,"modelOrganization":"X"}]"#;
    let UngatedBoard {
        board, path, reasons, ..
    } = parse_ungated(text.as_bytes()).unwrap();
    assert_eq!(
        (path, board.entries.len(), reasons.len()),
        (ParsePath::Json, 2, 0)
    );
    assert_eq!(
        board.entries.first().unwrap().score.as_ref().unwrap().as_str(),
        "1500.50"
    );
    assert_eq!(parse_ungated(b"[]").unwrap().board.entries.len(), 0);
}

#[test]
fn a_board_of_a_series_reads_with_its_own_keys() {
    let row = r#"{"model": "a", "org": "Northwind", "score": 1500.5, "votes": 3, "lo": 1496.5, "hi": 1504.5, "rank_ub": 1}"#;
    for text in [
        format!("[{row}]"),
        format!(r#"{{"date": "2026-05-01", "src": "page", "rows": [{row}]}}"#),
    ] {
        let UngatedBoard { board, .. } = parse_ungated(text.as_bytes()).unwrap();
        let entry = board.entries.first().unwrap();
        let ends = [&entry.ci_lower, &entry.ci_upper].map(|end| end.as_ref().unwrap().value());
        assert_eq!(entry.known_organization(), Some("Northwind"));
        assert_eq!(
            (entry.votes, entry.rank_ub, ends),
            (Some(3), Some(1), [1496.5, 1504.5])
        );
    }
}

#[rstest]
#[case::empty(b"", GateReasonCode::Unreadable, "empty")]
#[case::blank(b" \n", GateReasonCode::Unreadable, "empty")]
#[case::not_text(b"\xff\xfe\x00\x01", GateReasonCode::Unreadable, "UTF-8")]
#[case::not_text_page(b"<html>\xff</html>", GateReasonCode::Unreadable, "UTF-8")]
#[case::words(b"hello", GateReasonCode::Unreadable, "neither")]
#[case::other_site(
    b"<!DOCTYPE html><html><body><p>News</p></body></html>",
    GateReasonCode::Unreadable,
    "neither a leaderboard payload nor a table"
)]
#[case::other_table(
    b"<html><table><tr><th>Name</th></tr></table></html>",
    GateReasonCode::Unreadable,
    "no column for model"
)]
#[case::cut_table(b"<html><table><tr><th>Name", GateReasonCode::Truncated, "within its table")]
#[case::block_page(
    b"<html><title>Just a moment...</title></html>",
    GateReasonCode::Blocked,
    "block page"
)]
#[case::cut_json(b"[{\"model\":\"a\"", GateReasonCode::Truncated, "cut off")]
#[case::broken_json(b"{\"entries\":[}", GateReasonCode::Unreadable, "expected")]
#[case::no_entries(b"{\"a\":1}", GateReasonCode::MissingFields, "entries")]
#[case::stream_without_board(b"1:\"x\"\n", GateReasonCode::Unreadable, "no leaderboard object")]
#[case::cut_payload(
    br#"<html><script>self.__next_f.push([1,"a:{\"leaderboard\":{\"entries\":["#,
    GateReasonCode::Truncated,
    "cut off"
)]
#[case::cut_gzip(&[0x1f, 0x8b, 8, 0], GateReasonCode::Truncated, "gzip")]
fn unreadable_input_says_why(#[case] bytes: &[u8], #[case] code: GateReasonCode, #[case] says: &str) {
    let page = read_file(bytes, &GateSettings::default(), now());
    assert_eq!(page.verdict, Verdict::Refused);
    let reason = page.reasons.first().unwrap();
    assert_eq!(reason.code, code, "{}", reason.detail);
    assert!(reason.detail.contains(says), "{}", reason.detail);
    assert!(page.board.entries.is_empty());
    let error = parse_ungated(bytes).unwrap_err();
    assert_eq!(
        (error.code, error.detail.as_str()),
        (code, reason.detail.as_str())
    );
}
