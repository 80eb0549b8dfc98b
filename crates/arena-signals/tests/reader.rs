//! The reader of polled pages: what is unchanged is recognised, what is changed is noticed.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test stops at what it did not expect"
)]

mod pages;

use std::sync::Arc;
use std::time::Duration;

use autotrader_arena_signals::parse::parse_page;
use autotrader_arena_signals::{GateSettings, PageReader, parse_ungated, read_file};
use autotrader_domain::ports::{BoardReader, RawPage, SourceFailure};
use autotrader_domain::{GateReasonCode, GatedBoard, ReadingOutcome, Verdict};
use autotrader_settlement::{Entry, Rating};
use bytes::Bytes;
use chrono::{DateTime, TimeDelta, Utc};
use pages::written::{Layout, Written, board};
use pages::{captured_text, now};
use proptest::prelude::*;
use rstest::rstest;

fn reader() -> PageReader {
    PageReader::new(GateSettings::default())
}

/// Where the leaderboard object of a page lies, found without the crate: key to closing brace.
fn object(page: &str) -> std::ops::Range<usize> {
    let (key, last) = match page.find("\\\"leaderboard\\\":{") {
        Some(key) => (key, "\\\"totalModels\\\":"),
        None => (page.find("\"leaderboard\":{").unwrap(), "\"totalModels\":"),
    };
    let tail = key + page[key..].find(last).unwrap();
    key..tail + page[tail..].find('}').unwrap() + 1
}

#[rstest]
#[case::page(board(120, 21).today())]
#[case::stream(board(120, 21).stream())]
fn an_unchanged_page_gives_the_same_board(#[case] page: String) {
    let mut reader = reader();
    let (first, unchanged) = reader.read_page(page.as_bytes(), now());
    assert_eq!(
        (first.verdict, unchanged),
        (Verdict::Tradable, false),
        "{:?}",
        first.reasons
    );
    let (again, unchanged) = reader.read_page(page.as_bytes(), now());
    assert!(unchanged && Arc::ptr_eq(&first, &again));
}

/// The shell around the object changes with every deployment.
#[test]
fn another_shell_is_the_same_board() {
    let page = board(120, 22).today();
    let mut reader = reader();
    let (first, _) = reader.read_page(page.as_bytes(), now());
    let moved = page.replace(
        "<title>Leaderboard</title>",
        "<title>Leaderboard of today</title>",
    );
    let both_moved = moved.replace("</body>", "<script>x</script></body>");
    for page in [moved, both_moved] {
        let (again, unchanged) = reader.read_page(page.as_bytes(), now());
        assert!(unchanged && Arc::ptr_eq(&first, &again));
    }
}

/// The same but for the last place of a score, which nothing else on the page shows.
fn alike(changed: &GatedBoard, first: &GatedBoard) -> bool {
    let near = |a: &Option<Rating>, b: &Option<Rating>| {
        (a.as_ref().unwrap().value() - b.as_ref().unwrap().value()).abs() < 0.025
    };
    changed
        .board
        .entries
        .iter()
        .zip(&first.board.entries)
        .all(|(a, b)| {
            let scoreless = |entry: &Entry| Entry {
                score: None,
                ci_lower: None,
                ci_upper: None,
                ..entry.clone()
            };
            scoreless(a) == scoreless(b)
                && near(&a.score, &b.score)
                && near(&a.ci_lower, &b.ci_lower)
                && near(&a.ci_upper, &b.ci_upper)
        })
}

#[rstest]
fn any_flipped_byte_of_the_object_is_noticed(#[values(true, false)] stream: bool) {
    let written = board(110, 23);
    let page = if stream { written.stream() } else { written.today() };
    let place = object(&page);
    let mut bytes = page.clone().into_bytes();
    let mut reader = reader();
    let (first, _) = reader.read_page(&bytes, now());
    // A prime step visits every kind of place; the last byte is the closing brace.
    let places = place.clone().step_by(379).chain([place.end - 1]);
    for at in places {
        for bit in [0x01, 0x20] {
            bytes[at] ^= bit;
            let (changed, unchanged) = reader.read_page(&bytes, now());
            assert!(!unchanged, "byte {at}");
            assert!(
                changed.verdict != Verdict::Tradable || alike(&changed, &first) || stream,
                "byte {at} ({:?}) passed as tradable",
                page.get(at.saturating_sub(20)..at + 20)
            );
            bytes[at] ^= bit;
            let (back, _) = reader.read_page(&bytes, now());
            assert_eq!(back.hash, first.hash);
        }
    }
}

#[test]
fn a_new_board_is_not_unchanged() {
    let (old, new) = (board(120, 24), board(120, 25));
    let mut reader = reader();
    let (first, _) = reader.read_page(old.today().as_bytes(), now());
    let (second, unchanged) = reader.read_page(new.today().as_bytes(), now());
    assert!(!unchanged);
    assert_ne!(first.hash, second.hash);
    let (third, unchanged) = reader.read_page(old.today().as_bytes(), now());
    assert_eq!((third.hash, unchanged), (first.hash, false));
}

/// A page that was refused for its table is judged again when the table agrees.
#[test]
fn a_refusal_is_not_carried_over() {
    let written = board(120, 26);
    let right = written.today();
    let wrong = right.replacen(">2</span>", ">3</span>", 1);
    assert_ne!(right, wrong);
    let mut reader = reader();
    let (refused, _) = reader.read_page(wrong.as_bytes(), now());
    assert_eq!(refused.verdict, Verdict::Refused);
    let (page, unchanged) = reader.read_page(right.as_bytes(), now());
    assert_eq!((page.verdict, unchanged), (Verdict::Tradable, true));
}

/// Whether a stamp lies in the future depends on the clock, not on the page.
#[test]
fn the_future_is_judged_at_each_reading() {
    let page = board(120, 27).today();
    let stamp: DateTime<Utc> = "2026-05-07T14:00:00Z".parse().unwrap();
    let mut reader = reader();
    let mut verdict = |minutes: i64| {
        let (page, _) = reader.read_page(page.as_bytes(), stamp - TimeDelta::minutes(minutes));
        (page.verdict, page.reasons.first().map(|reason| reason.code))
    };
    assert_eq!(verdict(6), (Verdict::Refused, Some(GateReasonCode::FutureStamp)));
    assert_eq!(verdict(5), (Verdict::Tradable, None));
    assert_eq!(verdict(6), (Verdict::Refused, Some(GateReasonCode::FutureStamp)));
    assert_eq!(verdict(-60), (Verdict::Tradable, None));
}

#[test]
fn answers_become_readings() {
    let page = board(120, 28).today();
    let raw = RawPage {
        source: "primary".to_owned(),
        body: Bytes::from(page.clone()),
        origin: "etag".to_owned(),
        latency: Duration::from_millis(120),
        fetched_at: now(),
        compressed_bytes: Some(9),
    };
    let mut reader = reader();
    let reading = reader.read(Ok(raw.clone()), now());
    assert_eq!(
        (reading.source.as_str(), reading.origin.as_str()),
        ("primary", "etag")
    );
    assert_eq!(
        (reading.bytes, reading.latency),
        (u64::try_from(page.len()).unwrap(), Duration::from_millis(120))
    );
    let ReadingOutcome::Page {
        unchanged: false,
        page,
    } = reading.outcome
    else {
        panic!("{reading:?}")
    };
    assert_eq!(page.verdict, Verdict::Tradable);
    let reading = reader.read(Ok(raw), now());
    assert!(matches!(
        reading.outcome,
        ReadingOutcome::Page { unchanged: true, .. }
    ));

    let failure = SourceFailure {
        code: "timeout",
        detail: "no answer".to_owned(),
        source_name: "fallback".to_owned(),
    };
    let reading = reader.read(Err(failure), now());
    assert_eq!(
        (reading.source.as_str(), reading.fetched_at, reading.bytes),
        ("fallback", now(), 0)
    );
    assert_eq!(
        reading.outcome,
        ReadingOutcome::Failed {
            code: "timeout".to_owned(),
            detail: "no answer".to_owned()
        }
    );
}

/// On the real page: the object alone decides, and a flipped byte of it is noticed wherever it lies.
#[test]
fn the_real_page() {
    let Some(page) = captured_text(pages::REAL) else {
        return;
    };
    let place = object(&page);
    let mut bytes = page.into_bytes();
    let mut reader = reader();
    let (first, _) = reader.read_page(&bytes, now());
    assert_eq!(first.verdict, Verdict::Tradable);
    for at in place.clone().step_by(11_003).chain([place.end - 1]) {
        bytes[at] ^= 1;
        assert!(!reader.read_page(&bytes, now()).1, "byte {at}");
        bytes[at] ^= 1;
        reader.read_page(&bytes, now());
        assert!(reader.read_page(&bytes, now()).1);
    }
    // Just outside it, on either side.
    for at in [place.start - 1, place.end] {
        bytes[at] ^= 1;
        assert!(reader.read_page(&bytes, now()).1, "byte {at}");
        bytes[at] ^= 1;
    }
}

fn read(bytes: &[u8]) -> GatedBoard {
    read_file(bytes, &GateSettings::default(), now())
}

/// A small page in each form, for the mutilations below.
fn forms() -> Vec<Vec<u8>> {
    let written: Written = board(12, 29);
    let mut forms: Vec<Vec<u8>> = Layout::ALL
        .iter()
        .map(|layout| written.table_page(*layout).into_bytes())
        .collect();
    forms.extend([
        written.today().into_bytes(),
        written.page("", 61).into_bytes(),
        written.stream().into_bytes(),
        written.payload().into_bytes(),
    ]);
    forms
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn random_bytes_never_panic(bytes in any::<Vec<u8>>()) {
        let page = read(&bytes);
        prop_assert_eq!(page.verdict, Verdict::Refused);
        let _ = parse_ungated(&bytes);
    }

    #[test]
    fn random_text_never_panics(
        text in "(<table>|<tr>|<td>|</td>|</tr>|</table>|<tbody>|<th>Model</th>|<th>Score</th>|<th>Votes</th>|1,2|\\{|\\}|\\[|\\]|\"leaderboard\":|self.__next_f.push\\(\\[1,\"|\\\\\"|\"|<a |title=\"x\"|&amp;|\\n){0,40}"
    ) {
        prop_assert_ne!(read(text.as_bytes()).verdict, Verdict::Tradable);
    }

    #[test]
    fn mutilated_pages_never_panic(
        form in 0_usize..10,
        cut in any::<prop::sample::Index>(),
        edits in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..6),
    ) {
        let mut bytes = forms()[form].clone();
        for (at, byte) in edits {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        bytes.truncate(cut.index(bytes.len()) + 1);
        let _ = parse_page(&bytes);
        let page = read(&bytes);
        // Twelve rows are fewer than a board has.
        prop_assert_ne!(page.verdict, Verdict::Tradable);
        let _ = parse_ungated(&bytes);
    }
}

/// The captured events are files of rows.
#[rstest]
#[case("a1-before-insert_2026-02-19T0446Z.json")]
#[case("a2-gemini-3.1-pro-inserted-nothing-else-changed_2026-02-19T1701Z.json")]
#[case("b1-before-rename_2026-02-21T2332Z.json")]
#[case("b2-gpt-5.2-chat-latest-renamed_2026-02-22T0235Z.json")]
fn captured_events_read_ungated(#[case] name: &str) {
    let Some(bytes) = pages::capture(&format!("../events/{name}")) else {
        return;
    };
    let own: serde_json::Value = serde_json::from_slice(&bytes).unwrap();
    let read = parse_ungated(&bytes).unwrap();
    assert_eq!(read.reasons, []);
    for (row, entry) in own.as_array().unwrap().iter().zip(&read.board.entries) {
        assert_eq!(row["modelDisplayName"].as_str(), Some(entry.model_name.as_str()));
        assert_eq!(row["rating"].to_string(), entry.score.as_ref().unwrap().as_str());
        assert_eq!(row["rankUpper"].as_i64(), entry.rank_ub);
        assert_eq!(row["votes"].as_i64(), entry.votes);
    }
    assert_eq!(own.as_array().unwrap().len(), read.board.entries.len());
}
