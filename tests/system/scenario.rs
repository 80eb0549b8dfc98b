//! `scenario` on a database that is written here, while a process holds it and while none does.

use std::sync::Arc;

use autotrader_domain::ports::{Clock, Ledger as _, OrderStore as _};
use autotrader_domain::{
    BookSide, Claim, Contracts, Environment, ExecutionMode, FeeSchedule, Fill, Generation, Intent, Liquidity,
    ManualClock, Mapping, MappingState, Money, Order, OrderRequest, OrderState, Purpose, Record, Ticker,
    TimeInForce,
};
use autotrader_risk::exposure_of_check;
use autotrader_state::{NewDatabaseId, SqliteStore, Stamp};
use chrono::{DateTime, TimeDelta, Utc};
use serde_json::Value;

use crate::place::Place;

const CHECK: &str = "2026-12-04T15:00:00Z";

pub fn check() -> DateTime<Utc> {
    CHECK.parse().unwrap()
}

/// When fills of these tests were made, and what the clock shows.
pub fn now() -> DateTime<Utc> {
    check() - TimeDelta::days(2)
}

pub fn model(name: &str, lab: &str) -> Claim {
    Claim::Model {
        model_name: name.into(),
        organization: Some(lab.into()),
    }
}

pub fn lab(name: &str) -> Claim {
    Claim::Organization {
        organization: name.into(),
    }
}

pub fn mapping(ticker: &str, claim: Claim) -> Mapping {
    Mapping {
        ticker: ticker.parse().unwrap(),
        state: MappingState::Exact,
        claim: Some(claim),
        rule_set: Some("v1:cascade:full".into()),
        check_time: Some(check()),
        reasons: vec![],
        suggestions: vec![],
    }
}

const MODELS: [(&str, &str, &str); 3] = [
    ("KXTOPMODEL-26DEC04-AURO", "aurora-5", "Northwind"),
    ("KXTOPMODEL-26DEC04-AUR4", "aurora-4", "Northwind"),
    ("KXTOPMODEL-26DEC04-BORE", "boreas-2", "Contoso"),
];
const LABS: [(&str, &str); 2] = [
    ("KXLLM1-26DEC04-NORT", "Northwind"),
    ("KXLLM1-26DEC04-CONT", "Contoso"),
];

fn mappings() -> Vec<Mapping> {
    let models = MODELS
        .iter()
        .map(|(ticker, name, owner)| mapping(ticker, model(name, owner)));
    let labs = LABS.iter().map(|(ticker, name)| mapping(ticker, lab(name)));
    models.chain(labs).collect()
}

pub fn fill(ticker: &str, side: BookSide, price: &str, contracts: u32) -> Fill {
    Fill {
        fill_id: format!("f-{ticker}").parse().unwrap(),
        venue_order_id: "venue-1".parse().unwrap(),
        client_order_id: None,
        ticker: ticker.parse().unwrap(),
        side,
        price: price.parse().unwrap(),
        contracts: Contracts::whole(contracts),
        fee: Money::micros(10_000),
        liquidity: Liquidity::Taker,
        filled_at: now(),
    }
}

fn order(ticker: &str, claim: Claim, side: BookSide, limit: &str, contracts: u32) -> Order {
    Order {
        client_order_id: format!("kat1-{}", ticker.to_lowercase()).parse().unwrap(),
        generation: Generation(1),
        venue_order_id: None,
        intent: Intent {
            ticker: ticker.parse().unwrap(),
            event: "KXLLM1-26DEC04".parse().unwrap(),
            series: "KXLLM1".parse().unwrap(),
            claim,
            side,
            contracts: Contracts::whole(contracts),
            limit: limit.parse().unwrap(),
            time_in_force: TimeInForce::GoodTillCanceled { expires_at: None },
            purpose: Purpose::Entry,
            fees: FeeSchedule::QUADRATIC,
            check_time: check(),
            post_only: false,
            edge: Money::ZERO,
            strategy: "test".into(),
            rationale: "A test wants it.".into(),
        },
        reduce_only: false,
        state: OrderState::Intended,
        filled: Contracts::ZERO,
        created_at: now(),
        updated_at: now(),
        reject_reason: None,
    }
}

/// A new database where the program looks for it by default.
pub fn store(place: &Place) -> SqliteStore {
    let clock: Arc<dyn Clock> = Arc::new(ManualClock::new(now()));
    let url = format!("sqlite:///{}", place.work().join("autotrader_paper.db").display());
    let stamp = Stamp::new(ExecutionMode::Paper, Environment::Demo, "");
    SqliteStore::open(&url, &stamp, NewDatabaseId::Random, clock).unwrap()
}

/// 100 YES on the leader at 0.40, 50 NO on its lab at 0.30, and 20 YES on the other lab wanted at 0.25.
fn fill_in(store: &SqliteStore) {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(async {
        store.set_opening_cash(Money::dollars(1_000)).await.unwrap();
        let records = mappings()
            .into_iter()
            .map(|mapping| Record::Mapped { at: now(), mapping })
            .collect();
        store.record(records).await.unwrap();
        for fill in [
            fill(MODELS[0].0, BookSide::Bid, "0.40", 100),
            fill(LABS[0].0, BookSide::Ask, "0.70", 50),
        ] {
            assert!(store.record_fill(&fill).await.unwrap());
        }
        let order = order(LABS[1].0, lab("Contoso"), BookSide::Bid, "0.25", 20);
        store
            .commit_intent(&order, &OrderRequest::of(&order, 0), "{}")
            .await
            .unwrap();
    });
}

fn rows<'a>(check: &'a Value, kind: &str) -> Vec<&'a Value> {
    let states = check["states"].as_array().unwrap();
    states.iter().filter(|row| row["state"] == kind).collect()
}

/// The profit of a state with its better end, `-` where there is only one.
fn figures(row: &Value) -> (String, String, String) {
    let text = |key: &str| row[key].as_str().unwrap().to_owned();
    (text("pnl"), text("pnl_best"), text("pnl_held"))
}

fn expected(pnl: &str, best: &str, held: &str) -> (String, String, String) {
    (pnl.to_owned(), best.to_owned(), held.to_owned())
}

#[test]
fn every_state_is_told_beside_a_running_process_and_without_one() {
    let place = Place::new();
    let holder = store(&place);
    fill_in(&holder);
    let beside = place.run(&["scenario", "--json"]).succeeded();
    drop(holder);
    let alone = place.run(&["scenario", "--json"]).succeeded();
    assert_eq!(beside.stdout, alone.stdout);
    let report = alone.json();
    let check = &report["checks"][0];
    assert_eq!(check["check_time"], CHECK);
    assert_eq!(check["check_time_new_york"], "2026-12-04T10:00:00-05:00");

    let named: Vec<(&str, (String, String, String))> = rows(check, "model")
        .into_iter()
        .map(|row| (row["model_name"].as_str().unwrap(), figures(row)))
        .collect();
    // aurora-5: the YES earns 60, the NO on its lab loses 15, the open order may lose 5.
    assert_eq!(
        named,
        [
            ("aurora-4", expected("-60.000000", "-60.000000", "-55.000000")),
            ("aurora-5", expected("40.000000", "40.000000", "45.000000")),
            ("boreas-2", expected("-5.000000", "-5.000000", "-5.000000")),
        ]
    );
    let unlisted: Vec<(Option<&str>, &str)> = rows(check, "unlisted")
        .into_iter()
        .map(|row| (row["organization"].as_str(), row["pnl"].as_str().unwrap()))
        .collect();
    assert_eq!(
        unlisted,
        [
            (None, "-10.000000"),
            (Some("Contoso"), "-5.000000"),
            (Some("Northwind"), "-60.000000"),
        ]
    );
    let worst: Vec<&Value> = check["states"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|row| row["worst"] == true)
        .collect();
    assert_eq!(worst, [&check["worst"]], "exactly one is marked");
    assert_eq!(check["worst"]["pnl"], "-60.000000");

    assert_eq!(
        figures(rows(check, "tie")[0]),
        expected("-60.000000", "40.000000", "-55.000000")
    );
    assert_eq!(check["tie"]["own_state"], false);
    let rename = rows(check, "rename")[0];
    assert_eq!(rename["model_name"], "aurora-5");
    assert_eq!(figures(rename), expected("-60.000000", "40.000000", "-55.000000"));
    assert!(rows(check, "rollback").is_empty(), "no board was ever accepted");

    let order = &check["orders"][0];
    assert_eq!(order["client_order_id"], "kat1-kxllm1-26dec04-cont");
    assert_eq!(
        (
            &order["change_if_paid"],
            &order["change_if_unpaid"],
            &order["change_in_worst"]
        ),
        (&"15.000000".into(), &"-5.000000".into(), &"-5.000000".into())
    );
    for row in check["states"].as_array().unwrap() {
        let pays = row["organization"] == "Contoso";
        let change = if pays { "15.000000" } else { "-5.000000" };
        assert_eq!(row["orders"][0]["change"], change, "{row}");
    }
    // 1000 less 40 and 15 and two fees of a cent; the leader pays 100.
    assert_eq!(rows(check, "model")[1]["cash_if_settled"], "1044.980000");

    // The same figures as the function that the cap asks.
    let text = place.run(&["scenario"]).succeeded().stdout;
    for part in [
        "<- worst",
        "aurora-5",
        "-60.000000",
        "if paid",
        "in the worst state",
        "break every tie",
    ] {
        assert!(text.contains(part), "{part} in {text}");
    }
}

#[test]
fn the_figures_are_those_of_the_cap() {
    let place = Place::new();
    let holder = store(&place);
    fill_in(&holder);
    let restored = holder.history().restored().unwrap();
    let portfolio = autotrader_domain::Portfolio {
        positions: holder.history().positions().unwrap(),
        open_orders: restored
            .open_orders
            .into_iter()
            .map(|order| (order.client_order_id.clone(), order))
            .collect(),
        ..autotrader_domain::Portfolio::default()
    };
    let known = mappings()
        .into_iter()
        .map(|mapping| (mapping.ticker.clone(), mapping))
        .collect();
    let cap: Vec<String> = exposure_of_check(check(), &portfolio, &known, None)
        .iter()
        .map(|state| state.pnl.to_string())
        .collect();
    let report = place.run(&["scenario", "--json"]).succeeded().json();
    let told: Vec<&str> = report["checks"][0]["states"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|row| row["state"] == "model" || row["state"] == "unlisted")
        .map(|row| row["pnl"].as_str().unwrap())
        .collect();
    assert_eq!(told, cap);
}

#[test]
fn a_position_of_which_nothing_is_known_loses_everywhere_and_is_named() {
    let place = Place::new();
    let holder = store(&place);
    fill_in(&holder);
    let stray: Ticker = "KXLLM1-26DEC11-FABR".parse().unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(async {
        let fill = fill(stray.as_str(), BookSide::Bid, "0.50", 10);
        assert!(holder.record_fill(&fill).await.unwrap());
    });
    let report = place.run(&["scenario", "--json"]).succeeded().json();
    let check = &report["checks"][0];
    assert_eq!(check["worst"]["pnl"], "-65.000000");
    for list in [&check["unexplained"], &report["unknown"]] {
        assert_eq!(list[0]["ticker"], stray.as_str());
        assert_eq!(list[0]["cost"], "5.000000");
    }
    let text = place.run(&["scenario"]).succeeded().stdout;
    assert!(
        text.contains(stray.as_str()) && text.contains("lose their whole cost"),
        "{text}"
    );
}

#[test]
fn one_check_may_be_asked_for_and_an_empty_portfolio_says_so() {
    let place = Place::new();
    let holder = store(&place);
    let empty = place.run(&["scenario"]).succeeded().stdout;
    assert!(empty.contains("Nothing is held"), "{empty}");
    let report = place.run(&["scenario", "--json"]).succeeded().json();
    assert_eq!(report["checks"].as_array().unwrap().len(), 0);
    fill_in(&holder);
    for at in [CHECK, "2026-12-04", "2026-12-04T10:00:00-05:00"] {
        let report = place
            .run(&["scenario", "--json", "--at-check", at])
            .succeeded()
            .json();
        assert_eq!(report["checks"].as_array().unwrap().len(), 1, "{at}");
    }
    let other = place.run(&["scenario", "--at-check", "2026-12-05"]);
    assert!(other.refused(1).contains(CHECK), "{}", other.stderr);
    assert_eq!(place.run(&["scenario", "--at-check", "tomorrow"]).code, Some(2));
}
