//! `run` against `simulate`: two processes that know nothing of each other but an address, killed and started again.

use std::collections::BTreeSet;
use std::fs;
use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use autotrader_domain::ports::{AccountSnapshot, AccountSource as _};
use autotrader_domain::{Environment, ManualClock, OrderState};
use autotrader_kalshi_api::{
    ClientPorts, ClientSettings, Credentials, KalshiClient, SeededJitter, TokioSleeper,
};
use chrono::DateTime;
use serde_json::Value;

use crate::books::{Books, listed};
use crate::place::Place;
use crate::process::{Deadline, Finished, Running, SHORT, finish};
use crate::wall_time;

/// How long trading may take to begin: the leader changes seconds after the start, and again every minute.
pub const TRADES_WITHIN: Duration = Duration::from_secs(120);

/// How long leaving may take.
pub const DRAINS_WITHIN: Duration = Duration::from_secs(10);

/// The stand-in, and the program told where it is.
pub struct Stage {
    pub place: Place,
    pub simulator: Running,
    ready: Value,
    live: bool,
    database: &'static str,
}

impl Stage {
    pub fn set(seed: &str, live: bool) -> Self {
        let place = Place::new();
        let mut simulator = Running::start(&mut place.autotrader(&[
            "simulate",
            "--listen",
            "127.0.0.1:0",
            "--seed",
            seed,
            "--key-dir",
            "keys",
            "--admin",
        ]));
        let line = simulator.until("{", Deadline::after(SHORT));
        let ready = serde_json::from_str(&line).unwrap();
        Self {
            place,
            simulator,
            ready,
            live,
            database: "first.db",
        }
    }

    fn ready(&self, key: &str) -> &str {
        self.ready[key].as_str().unwrap()
    }

    pub fn autotrader(&self, arguments: &[&str]) -> Command {
        let mut command = self.place.autotrader(arguments);
        command.env(
            "AUTOTRADER__DATABASE__URL",
            format!("sqlite:///{}", self.database),
        );
        pointed_at(
            &mut command,
            self.ready("base_url"),
            self.ready("leaderboard_url"),
        );
        if self.live {
            command
                .env("AUTOTRADER__KALSHI__EXECUTION_MODE", "live")
                .env("AUTOTRADER__KALSHI__API_KEY_ID", self.ready("key_id"))
                .env(
                    "AUTOTRADER__KALSHI__PRIVATE_KEY_PATH",
                    self.ready("private_key_path"),
                );
        }
        command
    }

    pub fn run(&self) -> Running {
        Running::start(&mut self.autotrader(&["run"]))
    }

    #[track_caller]
    pub fn look(&self, what: &str) -> Vec<Value> {
        let limit: &[&str] = if what == "positions" {
            &[]
        } else {
            &["--limit", "100000"]
        };
        let finished = finish(&mut self.autotrader(&[&[what, "--json"], limit].concat()), SHORT);
        finished.succeeded().json()[what].as_array().unwrap().clone()
    }

    /// The account as the exchange tells it, read with a client of our own.
    pub fn exchange(&self) -> AccountSnapshot {
        autotrader_kalshi_api::install_tls_provider();
        let mut settings = ClientSettings::new(self.ready("base_url"), Environment::Demo).unwrap();
        let key = fs::read_to_string(self.ready("key_id_path")).unwrap();
        let path = std::path::Path::new(self.ready("private_key_path"));
        settings.credentials = Some(Credentials::from_pem_file(key.trim(), path).unwrap());
        let ports = ClientPorts {
            clock: Arc::new(ManualClock::new(wall_time())),
            jitter: Arc::new(SeededJitter::new(1)),
            sleeper: Arc::new(TokioSleeper),
        };
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        runtime.block_on(async {
            let client = KalshiClient::new(&settings, ports).unwrap();
            client.snapshot(DateTime::UNIX_EPOCH).await.unwrap()
        })
    }

    /// Goes on with a copy of the database.
    fn copy_database(&mut self, to: &'static str) {
        for entry in fs::read_dir(self.place.work()).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_str().unwrap();
            // With the write-ahead log, which a kill leaves behind, but without the lock.
            if let Some(suffix) = name.strip_prefix(self.database).filter(|s| *s != ".lock") {
                fs::copy(&path, path.with_file_name(format!("{to}{suffix}"))).unwrap();
            }
        }
        self.database = to;
    }

    /// Breaks every connection of the stand-in, as a network does.
    fn reset_connections(&self) {
        self.admin("reset_connections", "");
    }

    /// Has the stand-in's admin endpoint do something.
    #[track_caller]
    pub fn admin(&self, what: &str, body: &str) {
        let address = self.ready("admin_url").trim_start_matches("http://");
        let host = address.split('/').next().unwrap();
        let token = fs::read_to_string(self.ready("admin_token_path")).unwrap();
        let mut line = TcpStream::connect(host).unwrap();
        write!(
            line,
            "POST /admin/{what} HTTP/1.1\r\nHost: {host}\r\nAuthorization: Bearer {}\r\n\
             Content-Length: {}\r\nConnection: close\r\n\r\n{body}",
            token.trim(),
            body.len()
        )
        .unwrap();
        let mut answer = String::new();
        line.read_to_string(&mut answer).unwrap();
        assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    }

    pub fn stop(self) {
        self.simulator.terminate();
        self.simulator.end(DRAINS_WITHIN).succeeded();
    }
}

pub fn pointed_at(command: &mut Command, base_url: &str, leaderboard_url: &str) {
    command
        .env("AUTOTRADER__KALSHI__BASE_URL", base_url)
        .env("AUTOTRADER__KALSHI__BOOK_POLL_SECONDS", "1")
        .env("AUTOTRADER__ARENA_MONITOR__PRIMARY_URL", leaderboard_url)
        .env("AUTOTRADER__ARENA_MONITOR__FALLBACK_URLS", "[]")
        .env("AUTOTRADER__ARENA_MONITOR__POLL_INTERVAL_SECONDS", "1")
        .env("AUTOTRADER__ARENA_MONITOR__POLL_JITTER_SECONDS", "0");
}

#[track_caller]
pub fn drains(run: Running) -> Finished {
    run.terminate();
    run.end(DRAINS_WITHIN).succeeded()
}

/// Waits until the database tells of fills; the log's lines are the beat.
#[track_caller]
fn trades(stage: &Stage, run: &mut Running) {
    let deadline = Deadline::after(TRADES_WITHIN);
    loop {
        run.until("order_filled", deadline);
        if !stage.look("fills").is_empty() {
            return;
        }
    }
}

/// The ids of a list; none may be there twice.
#[track_caller]
fn ids(list: &[Value], key: &str) -> BTreeSet<String> {
    let ids: BTreeSet<String> = list
        .iter()
        .map(|item| item[key].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(ids.len(), list.len(), "no {key} twice");
    ids
}

/// Positions that follow from the fills alone.
fn booked(fills: &[Value]) -> Books {
    let mut books = Books::default();
    fills.iter().for_each(|fill| books.fill(fill, "contracts"));
    books
}

/// One look at the database: fills, orders and positions that belong together.
struct Look {
    fills: Vec<Value>,
    orders: Vec<Value>,
}

impl Look {
    /// Looks while nothing runs, and holds the parts against each other.
    #[track_caller]
    fn at(stage: &Stage) -> Self {
        let look = Self {
            fills: stage.look("fills"),
            orders: stage.look("orders"),
        };
        ids(&look.fills, "fill_id");
        let orders = ids(&look.orders, "client_order_id");
        let generations: BTreeSet<(&str, u64)> = look
            .orders
            .iter()
            .map(|order| {
                let ticker = order["intent"]["ticker"].as_str().unwrap();
                (ticker, order["generation"].as_u64().unwrap())
            })
            .collect();
        assert_eq!(generations.len(), look.orders.len(), "one order a generation");
        for fill in &look.fills {
            assert!(
                orders.contains(fill["client_order_id"].as_str().unwrap()),
                "{fill}"
            );
        }
        assert_eq!(
            booked(&look.fills).positions(),
            listed(&Value::Array(stage.look("positions"))),
            "positions are what the fills make them"
        );
        look
    }

    /// Orders after which nothing more comes.
    fn terminal(&self) -> BTreeSet<&str> {
        let states = ["filled", "canceled", "rejected", "expired", "abandoned"];
        let ended = self
            .orders
            .iter()
            .filter(|order| states.contains(&order["state"].as_str().unwrap()));
        ended
            .map(|order| order["client_order_id"].as_str().unwrap())
            .collect()
    }

    /// What was known before is still known, word for word, and nothing that had ended went on.
    #[track_caller]
    fn follows(&self, before: &Self) {
        for fill in &before.fills {
            assert!(self.fills.contains(fill), "lost or changed: {fill}");
        }
        let ended = before.terminal();
        for fill in self.fills.iter().filter(|fill| !before.fills.contains(fill)) {
            let order = fill["client_order_id"].as_str().unwrap();
            assert!(
                !ended.contains(order),
                "an order that had ended filled again: {fill}"
            );
        }
        let now = ids(&self.orders, "client_order_id");
        assert!(
            now.is_superset(&ids(&before.orders, "client_order_id")),
            "no order is lost"
        );
    }
}

/// Reads on until the leaderboard was fetched `times` times.
#[track_caller]
pub fn pages(run: &mut Running, times: usize) {
    let deadline = Deadline::after(SHORT);
    for _ in 0..times {
        run.until("arena_leaderboard_fetched", deadline);
    }
}

#[test]
fn paper_without_keys_trades_survives_a_kill_and_drains() {
    let mut stage = Stage::set("7", false);
    let mut run = stage.run();
    trades(&stage, &mut run);

    let second = finish(&mut stage.autotrader(&["run"]), SHORT);
    assert_eq!(second.code, Some(1));
    let line = second.stderr.lines().last().unwrap();
    assert!(line.starts_with("error: ") && line.contains("in use"), "{line}");

    run.kill();
    assert_eq!(run.end(SHORT).code, None);
    let killed = Look::at(&stage);
    assert!(!killed.fills.is_empty());

    drains({
        let mut again = stage.run();
        pages(&mut again, 3);
        again
    });
    let restarted = Look::at(&stage);
    restarted.follows(&killed);

    // Once more, with entries stopped: it can only show what it remembers.
    stage.copy_database("second.db");
    let mut halted = Running::start(
        stage
            .autotrader(&["run"])
            .env("AUTOTRADER__RISK__GLOBAL__KILL_SWITCH_ENABLED", "true"),
    );
    pages(&mut halted, 2);
    drains(halted);
    let remembered = Look::at(&stage);
    assert_eq!(remembered.fills, restarted.fills);
    assert_eq!(remembered.orders, restarted.orders);
    stage.stop();
}

/// Where a process is killed: between the approval and the first byte stored, between the answer and its booking, and
/// between the fill and its booking. What is stored, sent or filled at that moment differs from run to run; the books must
/// not.
const KILLED_AT: [(&str, &str); 3] = [
    ("21", "order_approved"),
    ("22", "order_updated"),
    ("23", "order_filled"),
];

#[test]
fn live_on_the_stand_in_is_killed_while_trading_and_agrees_with_the_exchange() {
    // Side by side, because each waits for its own leader to change.
    let stages = KILLED_AT.map(|(seed, event)| {
        let stage = Stage::set(seed, true);
        let run = stage.run();
        (stage, run, event)
    });
    let killed = stages.map(|(stage, mut run, event)| {
        run.until(event, Deadline::after(TRADES_WITHIN));
        run.kill();
        run.end(SHORT);
        let look = Look::at(&stage);
        let again = stage.run();
        (stage, again, look)
    });
    for (stage, mut again, look) in killed {
        pages(&mut again, 4);
        let left = drains(again);
        let mut ended = Look::at(&stage);
        // An order that was never seen at the exchange is given up after several listings without it, which may take longer
        // than this run; then it must have been said, and a later start ends it.
        let mut said = left.stderr;
        for _ in 0..3 {
            if ended.terminal().len() == ended.orders.len() {
                break;
            }
            assert!(
                ["step_abandoned", "drain_incomplete"]
                    .iter()
                    .any(|event| said.contains(event)),
                "left open in silence: {said}"
            );
            let mut once_more = stage.run();
            pages(&mut once_more, 8);
            said = drains(once_more).stderr;
            ended = Look::at(&stage);
        }
        ended.follows(&look);
        assert_eq!(ended.terminal().len(), ended.orders.len(), "nothing is left open");
        agrees_with_the_exchange(&stage, &ended);
        stage.stop();
    }
}

#[test]
fn books_are_streamed_with_a_key_and_a_broken_stream_comes_back() {
    let stage = Stage::set("7", true);
    let mut run = stage.run();
    run.until("market_stream_connected", Deadline::after(SHORT));
    stage.reset_connections();
    run.until("market_stream_disconnected", Deadline::after(SHORT));
    run.until("market_stream_connected", Deadline::after(SHORT));
    // What may have been missed meanwhile is read.
    run.until("position_reconciliation_ok", Deadline::after(SHORT));
    drains(run);
    stage.stop();
}

#[test]
fn a_live_database_belongs_to_one_account() {
    let stage = Stage::set("9", true);
    let run = |account: &str| {
        let mut command = stage.autotrader(&["run"]);
        Running::start(command.env("AUTOTRADER__KALSHI__API_KEY_ID", account))
    };
    let mut own = run(stage.ready("key_id"));
    own.until("position_reconciliation_ok", Deadline::after(SHORT));
    drains(own);
    let other = run("another").end(SHORT);
    assert_eq!(other.code, Some(1));
    let line = other.stderr.lines().last().unwrap();
    assert!(line.contains("first.db belongs to"), "{line}");
    stage.stop();
}

fn agrees_with_the_exchange(stage: &Stage, ours: &Look) {
    let theirs = stage.exchange();
    let text = |value: &dyn std::fmt::Display| value.to_string();
    let fills: BTreeSet<String> = theirs.fills.iter().map(|fill| text(&fill.fill_id)).collect();
    assert_eq!(
        fills,
        ids(&ours.fills, "fill_id"),
        "every fill, and none but ours"
    );
    let sent: Vec<String> = theirs
        .orders
        .iter()
        .filter_map(|order| order.client_order_id.as_ref().map(|id| text(id)))
        .collect();
    let known = ids(&ours.orders, "client_order_id");
    assert!(
        sent.iter().all(|id| known.contains(id)),
        "no order that we do not know"
    );
    assert_eq!(
        sent.iter().collect::<BTreeSet<_>>().len(),
        sent.len(),
        "no order twice"
    );
    let held: Value = theirs
        .positions
        .iter()
        .map(|(ticker, net)| serde_json::json!({ "ticker": ticker, "net": net }))
        .collect();
    assert_eq!(listed(&held), booked(&ours.fills).positions());
    let status = finish(&mut stage.autotrader(&["status", "--json"]), SHORT);
    let cash = status.succeeded().json()["cash"].clone();
    assert_eq!(cash, text(&theirs.balance), "cash to the micro-dollar");
}

#[test]
fn a_live_run_leaves_in_time_although_the_exchange_has_fallen_silent() {
    let stage = Stage::set("24", true);
    let mut run = stage.run();
    run.until("order_filled", Deadline::after(TRADES_WITHIN));
    stage.simulator.suspend();
    // By now something waits for an answer that does not come: books, the account or an order.
    drains(run);
    stage.simulator.resume();

    // Orders that were on the wire are known to be gone only after listings half a minute later; no new ones come.
    let mut command = stage.autotrader(&["run"]);
    let mut again = Running::start(command.env("AUTOTRADER__RISK__GLOBAL__KILL_SWITCH_ENABLED", "true"));
    let deadline = Deadline::after(TRADES_WITHIN);
    loop {
        again.until("arena_leaderboard_fetched", deadline);
        let look = Look::at(&stage);
        if look.terminal().len() == look.orders.len() {
            break;
        }
    }
    drains(again);
    let ended = Look::at(&stage);
    assert_eq!(ended.terminal().len(), ended.orders.len(), "nothing is left open");
    agrees_with_the_exchange(&stage, &ended);
    stage.stop();
}

/// An address on this machine where nobody answers.
pub fn dead_address() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    format!("http://{}", listener.local_addr().unwrap())
}

#[test]
fn paper_starts_without_a_network_and_stops_when_told() {
    let place = Place::new();
    let dead = dead_address();
    let mut command = place.autotrader(&["run"]);
    pointed_at(
        &mut command,
        &format!("{dead}/trade-api/v2"),
        &format!("{dead}/board"),
    );
    let mut run = Running::start(&mut command);
    let deadline = Deadline::after(SHORT);
    run.until("arena_fetch_all_failed", deadline);
    run.until("market_data_failed", deadline);
    drains(run);
}

#[test]
fn what_cannot_go_on_without_a_network_says_so_in_one_line() {
    let place = Place::new();
    let dead = dead_address();
    for asked in ["map", "coherence"] {
        let mut command = place.autotrader(&[asked]);
        pointed_at(
            &mut command,
            &format!("{dead}/trade-api/v2"),
            &format!("{dead}/board"),
        );
        let finished = finish(&mut command, SHORT);
        let line = finished.refused(1);
        assert!(line.starts_with("error: exchange: "), "{line}");
    }
}

#[test]
fn coherence_holds_the_bids_of_an_event_against_a_dollar() {
    let stage = Stage::set("9", false);
    let finished = finish(&mut stage.autotrader(&["coherence", "--json"]), SHORT);
    let answer = finished.succeeded().json();
    let findings = answer["findings"].as_array().unwrap();
    assert_eq!(answer["unread"], serde_json::json!([]));
    let sums: Vec<&Value> = findings
        .iter()
        .filter(|finding| finding["kind"] == "bids_above_one")
        .collect();
    assert!(!sums.is_empty(), "{answer}");
    for finding in sums {
        assert!(finding["event"].as_str().unwrap().starts_with("KXTOPMODEL"));
        let (gross, net) = (
            finding["gross"].as_f64().unwrap(),
            finding["net"].as_f64().unwrap(),
        );
        assert!(net < gross && gross < 1.0, "fees cost something: {finding}");
    }
    let text = finish(&mut stage.autotrader(&["coherence"]), SHORT)
        .succeeded()
        .stdout;
    assert!(
        text.contains("sell one of each") && text.contains("nothing of this is traded"),
        "{text}"
    );
    stage.stop();
}

#[test]
fn map_says_what_every_contract_pays_on() {
    let stage = Stage::set("9", false);
    let finished = finish(&mut stage.autotrader(&["map", "--json"]), SHORT);
    let markets = finished.succeeded().json()["markets"].clone();
    let markets = markets.as_array().unwrap();
    assert!(markets.len() >= 4, "{markets:?}");
    let of = |series: &str| -> Vec<&Value> {
        let own = markets
            .iter()
            .filter(|market| market["ticker"].as_str().unwrap().starts_with(series));
        own.collect()
    };
    let (models, labs) = (of("KXTOPMODEL"), of("KXLLM1"));
    assert!(
        models.iter().any(|market| market["may_enter"] == true),
        "{models:?}"
    );
    // The stand-in's text for the other series is nobody's approved rule.
    assert!(
        !labs.is_empty() && labs.iter().all(|market| market["may_enter"] == false),
        "{labs:?}"
    );
    stage.stop();
}

#[test]
fn a_second_process_halts_and_resumes_and_the_halt_outlives_a_restart() {
    let stage = Stage::set("17", false);
    let ask = |arguments: &[&str]| finish(&mut stage.autotrader(arguments), SHORT);
    let status = || ask(&["status", "--json"]).succeeded().json();
    let mut running = stage.run();
    running.until("arena_leaderboard_fetched", Deadline::after(SHORT));
    let halted = ask(&["halt", "--reason", "a drill", "--json"]).succeeded().json();
    assert_eq!(halted["acknowledged"], true, "{halted}");
    assert_eq!(status()["state"], "halt");
    running.kill();
    let mut again = stage.run();
    again.until("arena_leaderboard_fetched", Deadline::after(SHORT));
    assert_eq!(status()["state"], "halt", "a restart does not forget");
    assert_eq!(ask(&["resume", "everything"]).code, Some(2));
    let resumed = ask(&["resume", "operator_halt", "--json"]).succeeded().json();
    assert_eq!(resumed["acknowledged"], true, "{resumed}");
    assert_eq!(status()["state"], "active");
    again.terminate();
    assert_eq!(again.end(DRAINS_WITHIN).code, Some(0));
    let alone = ask(&["halt", "--json"]).succeeded().json();
    assert_eq!(alone["acknowledged"], true, "nobody runs: {alone}");
    assert_eq!(alone["stage"], "confirmed", "{alone}");
    assert_eq!(status()["state"], "halt");
}

#[test]
fn entries_that_rest_have_a_group_outlive_a_kill_and_are_withdrawn_at_the_end() {
    let stage = Stage::set("7", true);
    let begin = || {
        Running::start(
            stage
                .autotrader(&["run"])
                .env("AUTOTRADER__LEADERBOARD_ALPHA__ENTRY_STYLE", "rest"),
        )
    };
    let on_the_book = || {
        let mut orders = stage.exchange().orders;
        orders.retain(|order| order.state == OrderState::Resting);
        orders
    };
    let deadline = Deadline::after(TRADES_WITHIN);
    let mut run = begin();
    run.until("order_group_created", deadline);
    while on_the_book().is_empty() {
        run.until("arena_leaderboard_fetched", deadline);
    }
    run.kill();
    assert_eq!(run.end(SHORT).code, None);
    let killed = Look::at(&stage);
    assert!(killed.orders.iter().any(|order| {
        let expiry = order.pointer("/intent/time_in_force/good_till_canceled/expires_at");
        order["intent"]["post_only"] == true && expiry.is_some_and(Value::is_string)
    }));

    let mut again = begin();
    pages(&mut again, 3);
    drains(again);
    let ended = Look::at(&stage);
    ended.follows(&killed);
    assert_eq!(ended.terminal().len(), ended.orders.len(), "nothing is left open");
    assert_eq!(on_the_book(), [], "nothing is left behind");
    stage.stop();
}
