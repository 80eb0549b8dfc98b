//! The pages of the stand-in site: shape, size, and that table, payload and ranks agree.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test fails by panicking"
)]

use std::io::Read as _;
use std::path::PathBuf;

use autotrader_simulator::scenario::Shown;
use autotrader_simulator::site::{block_page, board_page};
use autotrader_simulator::{PageResponse, Scenario, SimulatedWorld as _, World, WorldOptions};
use chrono::{DateTime, TimeDelta, Utc};
use serde_json::Value;

const PATH: &str = "/leaderboard/text/overall-no-style-control";

fn start() -> DateTime<Utc> {
    "2026-09-21T00:00:00Z".parse().unwrap()
}

fn options(seed: u64) -> WorldOptions {
    WorldOptions {
        seed,
        start: start(),
        days: 6,
        tweak_row: None,
    }
}

fn page_at(world: &mut World, hours: i64, minutes: i64) -> PageResponse {
    world.leaderboard(PATH, start() + TimeDelta::minutes(hours * 60 + minutes))
}

fn text(page: &PageResponse) -> String {
    String::from_utf8(page.body.to_vec()).unwrap()
}

/// The fragments' text, concatenated.
fn flight(page: &str) -> (usize, String) {
    let mut stream = String::new();
    let mut count = 0;
    for part in page.split("<script>self.__next_f.push([1,").skip(1) {
        let literal = part.split_once("])</script>").unwrap().0;
        stream.push_str(&serde_json::from_str::<String>(literal).unwrap());
        count += 1;
    }
    (count, stream)
}

/// The leaderboard object: its text and its value.
fn leaderboard(stream: &str) -> (String, Value) {
    let at = stream.find("\"leaderboard\":{").unwrap() + "\"leaderboard\":".len();
    let mut values = serde_json::Deserializer::from_str(&stream[at..]).into_iter::<Value>();
    let value = values.next().unwrap().unwrap();
    (stream[at..at + values.byte_offset()].to_owned(), value)
}

/// Keys of an object's text in the order they are written, of the outermost level.
fn keys(object: &str) -> Vec<String> {
    let (mut depth, mut quoted, mut escaped) = (0, false, false);
    let (mut word, mut last, mut keys) = (String::new(), String::new(), Vec::new());
    for c in object.chars() {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '"' => {
                quoted = !quoted;
                if !quoted {
                    last = std::mem::take(&mut word);
                }
            }
            _ if quoted => word.push(c),
            '{' | '[' => depth += 1,
            '}' | ']' => depth -= 1,
            ':' if depth == 1 => keys.push(last.clone()),
            _ => {}
        }
    }
    keys
}

const BOARD_KEYS: [&str; 9] = [
    "arenaSlug",
    "leaderboardSlug",
    "params",
    "category",
    "id",
    "entries",
    "voteCutoffISOString",
    "totalVotes",
    "totalModels",
];

const ENTRY_KEYS: [&str; 18] = [
    "rank",
    "rankUpper",
    "rankLower",
    "rankStyleControl",
    "modelDisplayName",
    "rating",
    "ratingUpper",
    "ratingLower",
    "votes",
    "modelOrganization",
    "modelUrl",
    "license",
    "inputPricePerMillion",
    "outputPricePerMillion",
    "contextLength",
    "pricePerImage",
    "pricePerSecond",
    "releaseType",
];

fn first_entry(object: &str) -> &str {
    let at = object.find("\"entries\":[").unwrap() + "\"entries\":[".len();
    let end = object[at..].find("},{").unwrap();
    &object[at..=at + end]
}

#[test]
fn the_payload_has_the_keys_of_the_real_one_in_its_order() {
    let mut world = World::demo(&options(5));
    let (fragments, stream) = flight(&text(&page_at(&mut world, 0, 0)));
    assert!((30..=45).contains(&fragments), "{fragments} fragments");
    assert_eq!(stream.matches("\"entries\":[").count(), 1);
    let (object, board) = leaderboard(&stream);
    assert_eq!(keys(&object), BOARD_KEYS);
    assert_eq!(keys(first_entry(&object)), ENTRY_KEYS);
    assert_eq!(board["arenaSlug"], "text");
    assert_eq!(board["leaderboardSlug"], "overall-no-style-control");
    assert_eq!(board["params"]["category"], "overall");
    assert_eq!(board["params"]["styleControl"], false);
    assert_eq!(board["voteCutoffISOString"], "2026-09-20T15:00:00.000Z");
    let entries = board["entries"].as_array().unwrap();
    assert_eq!(entries.len(), 357);
    assert_eq!(board["totalModels"], 357);
    let votes: i64 = entries.iter().map(|entry| entry["votes"].as_i64().unwrap()).sum();
    assert_eq!(board["totalVotes"], votes);
    assert!((4_000_000..9_000_000).contains(&votes), "{votes} votes");
    let preliminary = entries
        .iter()
        .filter(|entry| !entry["releaseType"].is_null())
        .count();
    assert_eq!(preliminary, 2);
    assert!(stream.contains("\"plots\":[{\"type\":\"bootstrap_elo_rating\""));
}

/// Hundredths of a point from the number's text.
fn hundredths(number: &Value) -> i64 {
    let text = number.to_string();
    let (whole, part) = text.split_once('.').unwrap_or((&text, ""));
    assert!(part.len() <= 2, "{text}");
    format!("{whole}{part:0<2}").parse().unwrap()
}

#[test]
fn ranks_follow_from_the_bounds_on_every_page() {
    let mut world = World::demo(&options(11));
    for hour in [0, 27, 60, 120] {
        let (_, stream) = flight(&text(&page_at(&mut world, hour, 0)));
        let (_, board) = leaderboard(&stream);
        let rows: Vec<_> = board["entries"]
            .as_array()
            .unwrap()
            .iter()
            .map(|e| {
                (
                    e,
                    hundredths(&e["rating"]),
                    hundredths(&e["ratingLower"]),
                    hundredths(&e["ratingUpper"]),
                )
            })
            .collect();
        for (index, (entry, score, lower, upper)) in rows.iter().enumerate() {
            assert!(lower < score && score < upper);
            assert!(index == 0 || rows[index - 1].1 >= *score, "in order of score");
            assert_eq!(entry["rank"], index + 1);
            let surely_better = rows.iter().filter(|other| other.2 > *upper).count();
            assert_eq!(entry["rankUpper"], 1 + surely_better);
            let maybe_better = rows
                .iter()
                .enumerate()
                .filter(|(i, other)| *i != index && other.3 > *lower)
                .count();
            assert_eq!(entry["rankLower"], 1 + maybe_better);
        }
    }
}

/// What stands between tags, the tags themselves dropped, comments too.
fn words(markup: &str) -> String {
    let mut out = String::new();
    let mut inside = false;
    for c in markup.chars() {
        match c {
            '<' => inside = true,
            '>' => inside = false,
            _ if !inside => out.push(c),
            _ => {}
        }
    }
    out
}

fn grouped(number: i64) -> String {
    let digits = number.to_string();
    let parts: Vec<String> = digits
        .as_bytes()
        .rchunks(3)
        .rev()
        .map(|part| String::from_utf8(part.to_vec()).unwrap())
        .collect();
    parts.join(",")
}

#[test]
fn every_row_of_the_table_says_what_the_payload_says() {
    let mut world = World::demo(&options(5));
    let page = text(&page_at(&mut world, 0, 0));
    let (_, stream) = flight(&page);
    let (_, board) = leaderboard(&stream);
    let (table, rest) = page
        .split_once("<table")
        .unwrap()
        .1
        .split_once("</table>")
        .unwrap();
    assert!(!rest.contains("<table"), "one table");
    let (head, body) = table.split_once("<tbody>").unwrap();
    let headings: Vec<String> = head
        .split("<th ")
        .skip(1)
        .map(|cell| words(cell.split_once('>').unwrap().1))
        .collect();
    assert_eq!(
        headings,
        [
            "Rank",
            "Rank Spread",
            "Model",
            "Score",
            "Votes",
            "Price $/M",
            "Context"
        ]
    );
    let rows: Vec<&str> = body.split("<tr ").skip(1).collect();
    let entries = board["entries"].as_array().unwrap();
    assert_eq!(rows.len(), entries.len());
    let mut without_lab = 0;
    for (row, entry) in rows.iter().zip(entries) {
        let cells: Vec<&str> = row
            .split("<td ")
            .skip(1)
            .map(|cell| cell.split_once('>').unwrap().1)
            .collect();
        assert_eq!(cells.len(), 7);
        let name = entry["modelDisplayName"].as_str().unwrap();
        assert_eq!(words(cells[0]), entry["rank"].to_string());
        let spread: Vec<&str> = cells[1]
            .split("<span>")
            .skip(1)
            .map(|s| s.split_once('<').unwrap().0)
            .collect();
        assert_eq!(
            spread,
            [entry["rankUpper"].to_string(), entry["rankLower"].to_string()]
        );
        assert!(cells[2].contains(&format!("title=\"{name}\"")));
        let (lab, license) = (
            entry["modelOrganization"].as_str().unwrap(),
            entry["license"].as_str().unwrap(),
        );
        if lab.is_empty() {
            without_lab += 1;
            assert!(words(cells[2]).ends_with(&format!("{name}{license}")));
        } else {
            assert!(words(cells[2]).ends_with(&format!("{name}{lab} \u{b7} {license}")));
        }
        let score = (hundredths(&entry["rating"]) + 50) / 100;
        let half = (hundredths(&entry["ratingUpper"]) - hundredths(&entry["rating"]) + 50) / 100;
        let badge = if entry["releaseType"].is_null() {
            ""
        } else {
            "Preliminary"
        };
        assert_eq!(words(cells[3]), format!("{score}\u{b1}{half}{badge}"));
        assert_eq!(words(cells[4]), grouped(entry["votes"].as_i64().unwrap()));
        assert_eq!(words(cells[5]) == "N/A", entry["inputPricePerMillion"].is_null());
        assert_eq!(words(cells[6]) == "N/A", entry["contextLength"].is_null());
    }
    assert!(
        (5..60).contains(&without_lab),
        "{without_lab} old models without a lab"
    );
    let votes = grouped(board["totalVotes"].as_i64().unwrap());
    let heading = words(
        page.split_once("<main")
            .unwrap()
            .1
            .split_once("<table")
            .unwrap()
            .0,
    );
    for part in ["Sep 20, 2026", &format!("{votes} votes"), "357 models"] {
        assert!(heading.contains(part), "{part}: {heading}");
    }
    assert!(page.contains("ranked by overall performance (without style control)"));
}

#[test]
fn the_compressed_page_is_the_page() {
    let mut world = World::demo(&options(5));
    let page = page_at(&mut world, 0, 0);
    let mut body = Vec::new();
    flate2::read::GzDecoder::new(page.gzip.as_deref().unwrap())
        .read_to_end(&mut body)
        .unwrap();
    assert!(body == page.body);
    assert_eq!(
        (page.status, page.content_type),
        (200, "text/html; charset=utf-8")
    );
}

#[test]
fn equal_boards_and_builds_give_equal_bytes_and_a_new_build_changes_the_shell_alone() {
    let scenario = Scenario::demo(&options(5));
    let Shown::Board(board) = &scenario.timeline()[0].shown else {
        panic!("the script begins with a board");
    };
    let page = |build| String::from_utf8(board_page(board, build).to_vec()).unwrap();
    let (a, again, b) = (page("dpl_a"), page("dpl_a"), page("dpl_b"));
    assert!(a == again);
    assert!(a != b);
    assert_eq!(leaderboard(&flight(&a).1).0, leaderboard(&flight(&b).1).0);
    let mut world = World::demo(&options(5));
    assert!(
        page_at(&mut world, 20, 50).body != page_at(&mut world, 21, 10).body,
        "a deployment at 21:00 UTC"
    );
}

#[test]
fn one_changed_row_changes_the_page() {
    let tweaked = WorldOptions {
        tweak_row: Some((200, 0.01)),
        ..options(5)
    };
    let entries = |options: &WorldOptions| {
        let page = page_at(&mut World::demo(options), 0, 0);
        leaderboard(&flight(&text(&page)).1).1["entries"]
            .as_array()
            .unwrap()
            .clone()
    };
    let (plain, tweaked) = (entries(&options(5)), entries(&tweaked));
    let changed = plain.iter().zip(&tweaked).filter(|(a, b)| a != b).count();
    assert_eq!(changed, 1);
}

#[test]
fn disturbances_are_what_they_are_called() {
    let mut world = World::demo(&options(5));
    let blocked = page_at(&mut world, 20, 1);
    assert_eq!((blocked.status, &blocked.body), (403, &block_page()));
    let page = text(&blocked);
    assert!(
        page.contains("Attention Required! | Cloudflare") && page.contains("Sorry, you have been blocked")
    );
    assert_eq!(page_at(&mut world, 20, 17).status, 200);
    let other = text(&page_at(&mut world, 36, 1));
    let (_, board) = leaderboard(&flight(&other).1);
    assert_eq!(board["leaderboardSlug"], "coding-no-style-control");
    assert_eq!(board["params"]["category"], "coding");
    assert!(other.contains("ranked by coding performance (without style control)"));
    let missing = world.leaderboard("/leaderboard/text/elsewhere", start());
    assert_eq!(missing.status, 404);
}

/// The capture of the real page, when it is beside the repository.
#[expect(
    clippy::disallowed_methods,
    reason = "a test may look for the recordings where it is told to"
)]
#[expect(clippy::print_stdout, reason = "a skipped comparison must be seen")]
fn real_page() -> Option<String> {
    let shared = std::env::var_os("AUTOTRADER_SHARED").map_or_else(
        || PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared")),
        PathBuf::from,
    );
    let name = "arena/pages/2026-05-overall-no-style-control.html.gz";
    let Ok(file) = std::fs::File::open(shared.join(name)) else {
        println!("skipped: {name} is not there; set AUTOTRADER_SHARED to the directory that holds it");
        return None;
    };
    let mut page = String::new();
    flate2::read::GzDecoder::new(file)
        .read_to_string(&mut page)
        .unwrap();
    Some(page)
}

#[test]
fn a_page_is_as_large_as_the_real_one() {
    let Some(real) = real_page() else { return };
    let ours = text(&page_at(&mut World::demo(&options(5)), 0, 0));
    let close = |what: &str, ours: usize, real: usize| {
        assert!(
            ours * 10 > real * 8 && ours * 10 < real * 12,
            "{what}: {ours} here, {real} there"
        );
    };
    close("page", ours.len(), real.len());
    let table = |page: &str| page.find("</table>").unwrap() - page.find("<table").unwrap();
    close("table", table(&ours), table(&real));
    let ((our_count, our_stream), (real_count, real_stream)) = (flight(&ours), flight(&real));
    close("fragments", our_count, real_count);
    close("stream", our_stream.len(), real_stream.len());
    let ((our_object, _), (real_object, _)) = (leaderboard(&our_stream), leaderboard(&real_stream));
    close("object", our_object.len(), real_object.len());
    assert_eq!(keys(&our_object), keys(&real_object));
    assert_eq!(keys(first_entry(&our_object)), keys(first_entry(&real_object)));
    assert_eq!(ours.matches("<td ").count(), real.matches("<td ").count());
}
