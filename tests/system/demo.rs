//! `demo`: equal seeds give equal bytes, and the exported lines carry the report's hash, counts and books.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::sync::LazyLock;
use std::time::Duration;

use rstest::rstest;
use serde_json::Value;
use sha2::{Digest as _, Sha256};

use crate::books::{Books, listed, money, ticker, whole};
use crate::place::Place;
use crate::process::{Finished, finish};

/// How long a demo of this build may take on a busy machine; an optimised one takes seconds.
const LONG: Duration = Duration::from_secs(600);

fn demo(place: &Place, arguments: &[&str]) -> Finished {
    finish(
        &mut place.autotrader(&[&["demo", "--json"], arguments].concat()),
        LONG,
    )
    .succeeded()
}

/// A finished demo with its files, which are read and removed at once: the journal of a long run is large.
struct Exported {
    report: Value,
    files: BTreeMap<String, Contents>,
    /// What its journal tells of the outcomes of markets.
    decided: Vec<Value>,
    /// What it left behind, seen from the directory that holds its working and its temporary directory.
    left: BTreeSet<String>,
}

/// A file's lines, or of the journal what tells it from another.
#[derive(PartialEq, Eq)]
struct Contents {
    bytes: Vec<u8>,
    lines: usize,
    sha256: String,
}

impl Contents {
    fn of(path: &Path, keep: bool) -> Self {
        let bytes = fs::read(path).unwrap();
        Self {
            lines: bytes.iter().filter(|byte| **byte == b'\n').count(),
            sha256: hex(Sha256::new().chain_update(&bytes)),
            bytes: if keep { bytes } else { Vec::new() },
        }
    }
}

fn hex(hash: Sha256) -> String {
    hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}

const JOURNAL: &str = "journal.log";

/// What was written down of markets' outcomes, in order.
fn decided(journal: &Path) -> Vec<Value> {
    let text = fs::read_to_string(journal).unwrap();
    let bodies = text
        .lines()
        .filter(|line| line.contains(r#""record":"decided""#))
        .map(|line| serde_json::from_str::<Value>(line.split_once(' ').unwrap().1).unwrap());
    bodies
        .flat_map(|body| body["effects"].as_array().unwrap().clone())
        .map(|effect| effect["record"].clone())
        .filter(|record| record["record"] == "decided")
        .collect()
}

impl Exported {
    fn of(arguments: &[&str]) -> Self {
        let place = Place::new();
        let finished = demo(&place, &[&["--export", "export"], arguments].concat());
        let export = place.work().join("export");
        let entries = fs::read_dir(&export).unwrap();
        let files = entries.map(|entry| {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_str().unwrap().to_owned();
            let contents = Contents::of(&path, name != JOURNAL);
            (name, contents)
        });
        Self {
            report: finished.json(),
            files: files.collect(),
            decided: decided(&export.join(JOURNAL)),
            left: place.contents(),
        }
    }

    fn lines(&self, name: &str) -> Vec<Value> {
        let text = std::str::from_utf8(&self.files[name].bytes).unwrap();
        text.lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect()
    }

    fn decision_hash(&self) -> String {
        let names = [
            "readings.ndjson",
            "decisions.ndjson",
            "orders.ndjson",
            "fills.ndjson",
        ];
        hex(names.iter().fold(Sha256::new(), |hash, name| {
            hash.chain_update(&self.files[*name].bytes)
        }))
    }

    #[track_caller]
    fn count(&self, key: &str) -> usize {
        let count = self.report[key].as_u64();
        usize::try_from(count.unwrap_or_else(|| panic!("{key} of {}", self.report))).unwrap()
    }
}

/// The run that the two commands of the introduction make: default seed, default length. Made once for all that look at it.
static DEFAULT: LazyLock<Exported> = LazyLock::new(|| Exported::of(&[]));

/// The report of the default run and the exchange's own log of it.
pub fn default_run() -> (&'static Value, &'static [u8]) {
    (&DEFAULT.report, &DEFAULT.files["exchange.ndjson"].bytes)
}

/// One day, in which the first entries fall.
static SHORT_RUN: LazyLock<Exported> = LazyLock::new(|| Exported::of(&["--days", "1", "--seed", "11"]));

#[test]
fn the_default_run_shows_every_part_at_work() {
    let run = &*DEFAULT;
    for (key, least) in [("entries", 10), ("exits", 3), ("settlements", 2)] {
        assert!(run.count(key) >= least, "{key}: {}", run.count(key));
    }
    for reason in [
        "held_board",
        "older_vintage",
        "renamed",
        "wrong_category",
        "blocked",
        "stale_book",
    ] {
        let times = run.report["blocked_by"][reason].as_u64();
        assert!(times >= Some(1), "{reason}: {}", run.report["blocked_by"]);
    }
    for key in [
        "events",
        "readings",
        "boards_accepted",
        "boards_held",
        "boards_refused",
        "signals",
        "decisions",
        "orders",
        "fills",
    ] {
        assert!(run.count(key) >= 1, "{key}");
    }
    assert_eq!(run.report["reconciled"], true);
    assert!(run.report["seed"].is_u64());
}

#[test]
fn nothing_is_left_behind_but_the_export() {
    let left: BTreeSet<String> = [
        "work/export",
        "work/export/decisions.ndjson",
        "work/export/exchange.ndjson",
        "work/export/fills.ndjson",
        "work/export/journal.log",
        "work/export/orders.ndjson",
        "work/export/readings.ndjson",
    ]
    .map(str::to_owned)
    .into();
    assert_eq!(SHORT_RUN.left, left);
}

#[test]
fn equal_seeds_give_equal_bytes() {
    let again = Exported::of(&["--days", "1", "--seed", "11"]);
    assert_eq!(again.report, SHORT_RUN.report);
    assert!(again.files.keys().eq(SHORT_RUN.files.keys()));
    for (name, contents) in &again.files {
        assert!(*contents == SHORT_RUN.files[name], "{name}");
    }
}

/// The same short run with entries that rest.
static RESTING_RUN: LazyLock<Exported> =
    LazyLock::new(|| Exported::of(&["--days", "3", "--seed", "7", "--entry-style", "rest"]));

#[test]
fn entries_that_rest_end_with_equal_books_and_nobody_fills_as_taker_who_must_make() {
    let run = &*RESTING_RUN;
    assert_eq!(run.report["reconciled"], true);
    let orders = run.lines("orders.ndjson");
    let field = |line: &Value, path: &str| line.pointer(path).cloned().unwrap_or(Value::Null);
    let resting: BTreeSet<String> = orders
        .iter()
        .filter(|line| field(line, "/order/intent/post_only") == true)
        .map(|line| field(line, "/order/client_order_id").as_str().unwrap().to_owned())
        .collect();
    assert!(resting.len() >= 10, "{}", resting.len());
    let made: Vec<Value> = run
        .lines("fills.ndjson")
        .into_iter()
        .filter(|fill| {
            field(fill, "/fill/client_order_id")
                .as_str()
                .is_some_and(|id| resting.contains(id))
        })
        .collect();
    assert!(!made.is_empty(), "nobody took what rested");
    assert!(
        made.iter().all(|fill| fill["fill"]["liquidity"] == "maker"),
        "{made:?}"
    );
    // Of one contract never two at once: an order begins when its predecessor has ended.
    let mut live: BTreeMap<String, String> = BTreeMap::new();
    let mut ends: BTreeMap<String, usize> = BTreeMap::new();
    for line in &orders {
        let text = |path: &str| field(line, path).as_str().unwrap().to_owned();
        let (ticker, id) = (text("/order/intent/ticker"), text("/order/client_order_id"));
        let state = text("/order/state");
        if let Some(other) = live.get(&ticker) {
            assert_eq!(*other, id, "two orders live on {ticker}");
        }
        if ["filled", "canceled", "rejected", "expired", "abandoned"].contains(&state.as_str()) {
            live.remove(&ticker);
            *ends.entry(state).or_default() += usize::from(resting.contains(&id));
        } else {
            live.insert(ticker, id);
        }
    }
    assert!(ends.get("canceled") >= Some(&5), "renewed or withdrawn: {ends:?}");
}

#[rstest]
#[case::another_seed(&["--days", "1", "--seed", "12"])]
#[case::one_changed_row(&["--days", "1", "--seed", "11", "--tweak-row", "40:0.01"])]
fn anything_else_gives_another_hash(#[case] arguments: &[&str]) {
    let report = demo(&Place::new(), arguments).json();
    assert_ne!(report["decision_hash"], SHORT_RUN.report["decision_hash"]);
    assert_eq!(report["reconciled"], true);
}

#[test]
fn the_hash_is_recomputed_from_the_files() {
    for run in [&*SHORT_RUN, &*DEFAULT] {
        assert_eq!(run.report["decision_hash"], run.decision_hash());
    }
}

#[test]
fn the_counts_are_recomputed_from_the_files() {
    let run = &*DEFAULT;
    assert_eq!(run.count("readings"), run.lines("readings.ndjson").len());
    assert_eq!(run.count("decisions"), run.lines("decisions.ndjson").len());
    assert_eq!(run.count("events"), run.files[JOURNAL].lines);
    let fills = run.lines("fills.ndjson");
    let settlements = fills
        .iter()
        .filter(|line| line.get("settlement").is_some())
        .count();
    assert_eq!(run.count("settlements"), settlements);
    assert_eq!(run.count("fills"), fills.len() - settlements);
    let orders = purposes(run);
    assert_eq!(run.count("orders"), orders.len());
    let executed = executed(run);
    for (key, purpose) in [("entries", "entry"), ("exits", "exit")] {
        let own = orders
            .iter()
            .filter(|(id, own)| *own == purpose && executed.contains(*id))
            .count();
        assert_eq!(run.count(key), own, "{key}");
    }
    let refused = run
        .lines("readings.ndjson")
        .iter()
        .filter(|reading| reading["verdict"] == "refused")
        .count();
    assert_eq!(run.count("boards_refused"), refused);
}

/// Why each order was placed, by its id.
fn purposes(run: &Exported) -> BTreeMap<String, String> {
    let mut purposes = BTreeMap::new();
    for line in run.lines("orders.ndjson") {
        let order = &line["order"];
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        let purpose = text(&order["intent"]["purpose"]);
        if let Some(before) = purposes.insert(text(&order["client_order_id"]), purpose.clone()) {
            assert_eq!(before, purpose);
        }
    }
    purposes
}

/// Orders with at least one execution.
fn executed(run: &Exported) -> BTreeSet<String> {
    let lines = run.lines("fills.ndjson");
    let fills = lines.iter().filter_map(|line| line.get("fill"));
    fills
        .map(|fill| fill["client_order_id"].as_str().unwrap().to_owned())
        .collect()
}

#[test]
fn every_block_that_is_counted_stands_in_the_files() {
    let run = &*DEFAULT;
    let mut counted: BTreeMap<String, u64> = BTreeMap::new();
    let mut count = |code: &Value| *counted.entry(code.as_str().unwrap().to_owned()).or_default() += 1;
    for decision in run.lines("decisions.ndjson") {
        if !decision["reason"].is_null() {
            count(&decision["reason"]);
        }
    }
    for reading in run.lines("readings.ndjson") {
        if reading["verdict"] == "refused" {
            reading["reasons"].as_array().unwrap().iter().for_each(&mut count);
        }
        if !reading["failure"].is_null() {
            count(&reading["failure"]);
        }
    }
    let reported: BTreeMap<String, u64> = serde_json::from_value(run.report["blocked_by"].clone()).unwrap();
    assert_eq!(reported, counted);
}

#[test]
fn the_books_are_recomputed_from_our_fills_and_settlements() {
    for run in [&*SHORT_RUN, &*DEFAULT] {
        let mut books = Books::opened_with(money(&run.report["opening_cash"]));
        for line in run.lines("fills.ndjson") {
            if let Some(fill) = line.get("fill") {
                books.fill(fill, "contracts");
            } else {
                let settled = &line["settlement"];
                books.settle(&ticker(settled), &settled["yes_value"], &settled["fee"]);
            }
        }
        assert_eq!(books.cash(), money(&run.report["cash"]), "cash");
        assert_eq!(books.cash(), money(&run.report["exchange"]["cash"]), "cash there");
        assert_eq!(books.positions(), listed(&run.report["positions"]), "positions");
        assert_eq!(
            books.positions(),
            listed(&run.report["exchange"]["positions"]),
            "positions there"
        );
        profit_agrees(&run.report, &books);
    }
}

/// What was earned, what positions cost and what lies in cash are the same money.
fn profit_agrees(report: &Value, books: &Books) {
    let pnl = &report["pnl"];
    assert_eq!(books.fees, money(&pnl["fees"]), "fees");
    let positions = report["positions"].as_array().unwrap();
    let sum = |key: &str| {
        positions
            .iter()
            .map(|position| money(&position[key]))
            .sum::<i128>()
    };
    assert_eq!(sum("realized"), money(&pnl["realized"]), "realised");
    let opening = money(&report["opening_cash"]);
    assert_eq!(
        money(&report["cash"]) + sum("cost"),
        opening + money(&pnl["realized"]) - books.fees,
        "what was not paid out is in cash or in positions"
    );
    assert_eq!(
        money(&report["equity"]),
        money(&report["cash"]) + sum("cost") + money(&pnl["unrealized"]),
        "equity"
    );
}

/// The trader's lines of the exchange's own log, of some kinds, in the order they happened.
fn of_trader(run: &Exported, kinds: &[&str]) -> Vec<Value> {
    let log = run.lines("exchange.ndjson");
    let trader = log
        .iter()
        .find(|line| line["kind"] == "opening" && line["name"] == "trader")
        .unwrap()["account"]
        .clone();
    log.into_iter()
        .filter(|line| kinds.iter().any(|kind| line["kind"] == *kind) && line["account"] == trader)
        .collect()
}

#[test]
fn the_exchanges_own_log_tells_of_the_same_money() {
    let run = &*DEFAULT;
    let opening = money(&of_trader(run, &["opening"])[0]["cash"]);
    assert_eq!(opening, money(&run.report["opening_cash"]));
    let mut books = Books::opened_with(opening);
    for event in &of_trader(run, &["fill", "settlement"]) {
        if event["kind"] == "fill" {
            books.fill(event, "count");
            let after = books.positions().get(&ticker(event)).copied().unwrap_or(0);
            assert_eq!(after, whole(&event["position_after"], 2), "{event}");
        } else {
            let received = books.settle(&ticker(event), &event["value"], &event["settlement_fee"]);
            assert_eq!(received, money(&event["revenue"]), "{event}");
        }
    }
    assert_eq!(books.cash(), money(&run.report["cash"]));
    assert_eq!(books.positions(), listed(&run.report["positions"]));
    let held = of_trader(run, &["settlement"]);
    let nonzero = |event: &&Value| whole(&event["yes_count"], 2) != 0 || whole(&event["no_count"], 2) != 0;
    let (ours, theirs) = (run.count("settlements"), held.iter().filter(nonzero).count());
    assert_eq!(ours, theirs, "settlements of positions that were held");
}

#[test]
fn what_every_market_paid_is_known_whoever_held_it() {
    let run = &*DEFAULT;
    let settled = run.lines("fills.ndjson");
    let settled = settled
        .iter()
        .map(|line| &line["settlement"])
        .filter(|settlement| settlement.is_object());
    let ours: BTreeMap<String, &Value> = settled
        .map(|settlement| (ticker(settlement), &settlement["yes_value"]))
        .collect();
    let last: BTreeMap<String, &Value> = run.decided.iter().map(|word| (ticker(word), word)).collect();
    let log = run.lines("exchange.ndjson");
    let determined: Vec<&Value> = log
        .iter()
        .filter(|line| line["kind"] == "determination")
        .collect();
    assert!(
        determined.len() > ours.len() && !ours.is_empty(),
        "both kinds occur"
    );
    for truth in determined {
        let name = ticker(truth);
        match ours.get(&name) {
            Some(value) => assert_eq!(**value, truth["value"], "{name}"),
            None => assert_eq!(
                (&last[&name]["yes_value"], &last[&name]["paid"]),
                (&truth["value"], &Value::Bool(true)),
                "{name}"
            ),
        }
    }
}

#[test]
fn every_fill_is_the_exchanges_and_none_is_missing() {
    let run = &*DEFAULT;
    let by_id = |fills: Vec<Value>, id: &str, size: &str| -> BTreeMap<String, Vec<String>> {
        let row = |fill: &Value| {
            ["ticker", "client_order_id", "side", "price", "fee", size]
                .map(|key| fill[key].as_str().unwrap().to_owned())
                .to_vec()
        };
        let count = fills.len();
        let map: BTreeMap<_, _> = fills
            .iter()
            .map(|fill| (fill[id].as_str().unwrap().to_owned(), row(fill)))
            .collect();
        assert_eq!(map.len(), count, "no fill twice");
        map
    };
    let ours: Vec<Value> = run
        .lines("fills.ndjson")
        .iter()
        .filter_map(|line| line.get("fill").cloned())
        .collect();
    assert_eq!(
        by_id(ours, "fill_id", "contracts"),
        by_id(of_trader(run, &["fill"]), "trade_id", "count")
    );
}

#[test]
fn every_order_was_sent_once_with_what_was_decided() {
    let run = &*DEFAULT;
    let mut decided: BTreeMap<String, [Value; 4]> = BTreeMap::new();
    for line in run.lines("orders.ndjson") {
        let (order, intent) = (&line["order"], &line["order"]["intent"]);
        let id = order["client_order_id"].as_str().unwrap().to_owned();
        decided.insert(
            id,
            ["ticker", "side", "contracts", "limit"].map(|key| intent[key].clone()),
        );
    }
    let mut sent: BTreeMap<String, [Value; 4]> = BTreeMap::new();
    for request in of_trader(run, &["order_request"]) {
        let order = &request["order"];
        let id = order["client_order_id"].as_str().unwrap().to_owned();
        let body = ["ticker", "side", "count", "price"].map(|key| order[key].clone());
        assert!(sent.insert(id, body).is_none(), "sent twice: {request}");
    }
    assert_eq!(sent, decided);
}

#[test]
fn readings_decisions_and_orders_are_in_order_of_time() {
    let run = &*DEFAULT;
    for name in ["readings.ndjson", "decisions.ndjson", "orders.ndjson"] {
        let lines = run.lines(name);
        let times: Vec<&str> = lines.iter().map(|line| line["at"].as_str().unwrap()).collect();
        assert!(times.is_sorted(), "{name}");
    }
}
