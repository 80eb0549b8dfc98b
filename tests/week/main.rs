//! The fault week: the whole program over HTTP in virtual time, with faults, halts, pauses and limits that bind, held to its
//! limits at every instant by an observer that reads the exchange's own log and nothing else.
//!
//! Virtual time has no stream: faults of the stream are the soak's. One command runs the small form; `AUTOTRADER_WEEK=full`
//! runs whole weeks of several accounts.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stdout,
    reason = "a broken run may fail loudly, and what it measures is shown"
)]

#[path = "../system/books.rs"]
mod books;
mod claims;
mod observer;
mod orders;
#[path = "../system/place.rs"]
#[expect(dead_code, reason = "the system test uses more of it")]
mod place;
#[path = "../system/process.rs"]
#[expect(dead_code, reason = "the system test uses more of it")]
mod process;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::time::Duration;

use autotrader_simulator::faults::FaultKind;
use chrono::{DateTime, TimeDelta, Utc};
use serde_json::Value;

use books::{listed, money};
use claims::{Claims, start};
use observer::{Limits, Observer, Seen};
use place::Place;
use process::finish;

/// How long one account's week may take on a busy machine.
const LONG: Duration = Duration::from_secs(900);

/// The demo's own seed of the world.
const SEED: u64 = 7;

/// Every fault there is for requests, the page and the exchange; those of orders alone more often, for orders are few.
const FAULTS: &str = "all=30,latency=100:2ms,timeout_before=5:1200ms,timeout_after=10:1200ms,page_slow=20:1200ms,\
    clock_skew=10:60s,disputed_result=5000,lost_answer=200@POST:/portfolio,forgotten_ids=300:60s,\
    reset_after=100@POST:/portfolio";

const OWN: &str = "risk.per_strategy.leaderboard_alpha";

/// One account.
struct Account {
    name: &'static str,
    style: &'static str,
    days: u32,
    fault_seed: u64,
    /// Keys below the strategy's limits, then whole keys.
    limits: &'static [(&'static str, u32)],
    settings: &'static [(&'static str, &'static str)],
}

/// Orders rest: many and small.
const RESTING: Account = Account {
    name: "small resting orders",
    style: "rest",
    days: 10,
    fault_seed: 5,
    limits: &[
        ("max_order_contracts", 3),
        ("max_position_per_contract", 45),
        ("max_position_per_event", 120),
        ("max_worst_state_loss", 45),
        ("max_orders_per_minute", 3),
        ("max_lab_exposure", 150),
    ],
    settings: &[],
};

/// Narrow limits of position.
const NARROW: Account = Account {
    name: "narrow limits",
    style: "take",
    days: 7,
    fault_seed: 3,
    limits: &[
        ("max_order_contracts", 4),
        ("max_position_per_contract", 30),
        ("max_position_per_event", 34),
        ("max_worst_state_loss", 25),
        ("max_orders_per_minute", 3),
        ("max_lab_exposure", 30),
    ],
    settings: &[("risk.global.max_portfolio_exposure_pct", "0.03")],
};

/// Nothing is enough: money runs out, and losses stop it.
const GREEDY: Account = Account {
    name: "wide limits, narrow losses",
    style: "take",
    days: 7,
    fault_seed: 6,
    limits: &[
        ("max_order_contracts", 2_000),
        ("max_position_per_contract", 2_000),
        ("max_position_per_event", 5_000),
        ("max_worst_state_loss", 5_000),
        ("max_orders_per_minute", 30),
        ("max_lab_exposure", 5_000),
        ("max_drawdown", 60),
        ("max_strategy_loss", 40),
    ],
    settings: &[
        ("leaderboard_alpha.kelly_fraction", "1"),
        ("risk.global.max_portfolio_exposure_pct", "1"),
        ("risk.global.max_daily_loss_pct", "0.01"),
    ],
};

/// What the drill halts, from when the halt is certainly known (commands are looked for every five minutes) to the resume.
fn halts(days: u32) -> Vec<(DateTime<Utc>, DateTime<Utc>)> {
    let hour = |day: u32, hour: i64| start() + TimeDelta::days(day.into()) + TimeDelta::hours(hour);
    let calm = start() + TimeDelta::days(days.into()) - TimeDelta::hours(2);
    (0..days)
        .step_by(3)
        .flat_map(|day| [(hour(day, 15), hour(day, 17)), (hour(day, 51), hour(day, 54))])
        .filter(|(from, _)| *from < calm)
        .map(|(from, until)| (from + TimeDelta::minutes(5), until.min(calm)))
        .collect()
}

/// What one account's run came to.
struct Week {
    log: String,
    orders: String,
    report: Value,
    seen: Seen,
    /// Causes that the operator had to resume.
    resumed: BTreeSet<String>,
}

impl Account {
    fn limit(&self, key: &str) -> i128 {
        let found = self.limits.iter().find(|(name, _)| *name == key);
        i128::from(found.unwrap_or_else(|| panic!("{key} of {}", self.name)).1)
    }

    fn arguments(&self) -> Vec<String> {
        let mut arguments: Vec<String> = [
            "demo", "--json", "--drill", "--export", "export", "--faults", FAULTS,
        ]
        .map(str::to_owned)
        .into();
        for (flag, value) in [
            ("--days", self.days.to_string()),
            ("--seed", SEED.to_string()),
            ("--fault-seed", self.fault_seed.to_string()),
            ("--entry-style", self.style.to_owned()),
        ] {
            arguments.extend([flag.to_owned(), value]);
        }
        let own = self
            .limits
            .iter()
            .map(|(key, value)| format!("{OWN}.{key}={value}"));
        let all = own.chain(self.settings.iter().map(|(key, value)| format!("{key}={value}")));
        arguments.extend(all.flat_map(|setting| ["--set".to_owned(), setting]));
        arguments
    }

    /// Plays it and holds it to everything that must hold for every account.
    fn play(&self) -> Week {
        let place = Place::new();
        let arguments = self.arguments();
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        let finished = finish(&mut place.autotrader(&arguments), LONG).succeeded();
        assert!(
            !finished.stderr.contains("panicked"),
            "{}: {}",
            self.name,
            finished.stderr
        );
        let report = finished.json();
        let read = |name: &str| fs::read_to_string(place.work().join("export").join(name)).unwrap();
        let claims = Claims::of(SEED, self.days);
        let limits = Limits {
            order: self.limit("max_order_contracts") * 100,
            contract: self.limit("max_position_per_contract") * 100,
            event: self.limit("max_position_per_event") * 100,
            worst_state: self.limit("max_worst_state_loss") * 1_000_000,
            per_minute: usize::try_from(self.limit("max_orders_per_minute")).unwrap(),
        };
        let log = read("exchange.ndjson");
        let mut observer = Observer::new(limits, halts(self.days), &claims);
        observer.read(&log);
        let resumed = read("commands.ndjson")
            .lines()
            .map(|line| serde_json::from_str::<Value>(line).unwrap())
            .filter_map(|line| line["command"]["cause"].as_str().map(str::to_owned))
            .collect();
        self.compare(&report, &observer, &read("fills.ndjson"));
        let orders = read("orders.ndjson");
        let differences = orders::differences(&orders, &log);
        assert_eq!(differences, Vec::<String>::new(), "{}: orders", self.name);
        Week {
            seen: observer.seen,
            log,
            orders,
            report,
            resumed,
        }
    }

    /// Our books, the exchange's answer, and the observer's own sums.
    fn compare(&self, report: &Value, observer: &Observer<'_>, fills: &str) {
        let (name, books) = (self.name, observer.books.as_ref().unwrap());
        assert_eq!(report["reconciled"], true, "{name}: {}", report["differences"]);
        assert_eq!(books.cash(), money(&report["cash"]), "{name}: cash");
        assert_eq!(
            books.positions(),
            listed(&report["positions"]),
            "{name}: positions"
        );
        assert_eq!(books.fees, money(&report["pnl"]["fees"]), "{name}: fees");
        let fills_told = fills.lines().filter(|line| line.contains("\"fill\":{")).count();
        assert_eq!(observer.seen.fills, fills_told, "{name}: fills");
        // What was earned and is not held any more: cash, less what open contracts cost, plus fees.
        let opened = money(&report["opening_cash"]);
        let cost: i128 = report["positions"]
            .as_array()
            .unwrap()
            .iter()
            .map(|position| money(&position["cost"]))
            .sum();
        let realized = books.cash() - opened + cost + books.fees;
        assert_eq!(realized, money(&report["pnl"]["realized"]), "{name}: profit");
        assert_eq!(observer.seen.breaches, Vec::<String>::new(), "{name}");
        println!(
            "{name}: {} orders asked for, {} accepted ({} rested at first, {} reduce-only), {} fills, {} settlements; refused {:?}; \
             used at most {:?}; blocked by {}; faults {}",
            observer.seen.orders,
            observer.seen.accepted,
            observer.seen.resting,
            observer.seen.reducing,
            observer.seen.fills,
            observer.seen.settlements,
            observer.seen.refused,
            observer.seen.most,
            report["blocked_by"],
            report["faults"],
        );
    }
}

/// Faults that fired, summed over accounts.
fn fired(weeks: &[Week]) -> BTreeMap<String, u64> {
    let mut fired = BTreeMap::new();
    for week in weeks {
        for (kind, count) in week.report["faults"].as_object().unwrap() {
            *fired.entry(kind.clone()).or_default() += count.as_u64().unwrap();
        }
    }
    fired
}

/// How often each reason held an order back, summed over accounts.
fn blocked(weeks: &[Week], reason: &str) -> u64 {
    weeks
        .iter()
        .filter_map(|week| week.report["blocked_by"][reason].as_u64())
        .sum()
}

#[expect(
    clippy::disallowed_methods,
    reason = "a test chooses its size, not the program"
)]
fn is_full() -> bool {
    std::env::var("AUTOTRADER_WEEK").as_deref() == Ok("full")
}

#[test]
fn two_days_of_faults_leave_equal_books_and_break_no_limit() {
    let account = Account { days: 2, ..RESTING };
    let week = account.play();
    assert!(
        week.seen.accepted >= 40 && week.seen.fills >= 20,
        "too little happened"
    );
    breaches_are_found(&week, account.days);
    lost_orders_are_found(&week);
    assert!(fired(&[week]).len() >= 10, "too little went wrong");
}

/// The comparison of orders is no ornament either: a lost, a doubled and a wrongly filled order are each found.
fn lost_orders_are_found(week: &Week) {
    let accepted = |line: &&str| line.contains("\"kind\":\"order_request\"") && line.contains("\"accepted\"");
    let first = week.log.lines().find(accepted).unwrap();
    let doubled = format!(
        "{}{}\n",
        week.log,
        first.replacen("\"order_id\":\"", "\"order_id\":\"x", 1)
    );
    let id = first.split("\"client_order_id\":\"").nth(1).unwrap();
    let id = id.split('"').next().unwrap();
    let others = week.orders.lines().filter(|line| !line.contains(id));
    let lost: String = others.map(|line| format!("{line}\n")).collect();
    let more = week.orders.replace("\"filled\":\"0.00\"", "\"filled\":\"1.00\"");
    for (ours, log) in [(&week.orders, &doubled), (&lost, &week.log), (&more, &week.log)] {
        assert!(!orders::differences(ours, log).is_empty());
    }
}

/// The observer is no ornament: held to less than was used, it complains of every limit.
fn breaches_are_found(week: &Week, days: u32) {
    let claims = Claims::of(SEED, days);
    let used = |what: &str| week.seen.most[what] - 1;
    let limits = Limits {
        order: used("order_size"),
        contract: used("contract"),
        event: used("event_gross"),
        worst_state: used("worst_state"),
        per_minute: usize::try_from(used("order_rate")).unwrap(),
    };
    let always = vec![(start(), start() + TimeDelta::days(days.into()))];
    let mut observer = Observer::new(limits, always, &claims);
    observer.read(&week.log);
    for what in [
        "order_size",
        "contract",
        "event_gross",
        "worst_state",
        "order_rate",
        "placed while halted",
    ] {
        let found = observer.seen.breaches.iter().any(|breach| breach.contains(what));
        assert!(found, "{what}: {:?}", observer.seen.breaches);
    }
}

#[test]
fn weeks_of_faults_leave_equal_books_break_no_limit_and_reach_every_one() {
    if !is_full() {
        println!("skipped: the whole weeks; set AUTOTRADER_WEEK=full");
        return;
    }
    let accounts = [&RESTING, &NARROW, &GREEDY];
    let weeks: Vec<Week> = std::thread::scope(|scope| {
        let first = scope.spawn(|| vec![accounts[0].play()]);
        let others = scope.spawn(|| {
            accounts[1..]
                .iter()
                .map(|account| account.play())
                .collect::<Vec<_>>()
        });
        first
            .join()
            .unwrap()
            .into_iter()
            .chain(others.join().unwrap())
            .collect()
    });
    let sums = |of: fn(&Seen) -> usize| weeks.iter().map(|week| of(&week.seen)).collect::<Vec<_>>();
    assert!(
        sums(|seen| seen.orders)[0] >= 500,
        "{:?} orders",
        sums(|seen| seen.orders)
    );
    assert!(
        sums(|seen| seen.fills)[0] >= 300,
        "{:?} fills",
        sums(|seen| seen.fills)
    );
    let fired = fired(&weeks);
    for kind in FaultKind::ALL.iter().filter(|kind| !kind.is_stream()) {
        assert!(
            fired.contains_key(kind.name()),
            "{kind} never happened: {fired:?}"
        );
    }
    // The collar refuses nothing: the core brings every limit back to it before.
    for reason in [
        "size_limit",
        "contract_limit",
        "event_limit",
        "lab_limit",
        "worst_state_loss",
        "portfolio_limit",
        "order_rate",
        "insufficient_collateral",
        "halted",
        "reduce_only",
        "exchange_paused",
    ] {
        assert!(blocked(&weeks, reason) > 0, "{reason} never held anything back");
    }
    for cause in ["daily_loss", "strategy_loss", "drawdown"] {
        let reached = weeks.iter().any(|week| week.resumed.contains(cause));
        assert!(reached, "{cause} never stopped anything");
    }
}
