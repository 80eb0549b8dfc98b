//! `why` on a database that is written here: what drives a price, and what entries that were not made would have brought.

use std::collections::BTreeMap;

use autotrader_domain::ports::{Ledger as _, OrderStore as _};
use autotrader_domain::{
    Action, BoardHash, BookSide, Contracts, Decided, Drivers, Fill, ForecastRecord, ModelChance, Money, Net,
    OrganizationChance, Reason, Record, SettlementRecord, Wanted, Why,
};
use chrono::{DateTime, TimeDelta, Utc};
use rstest::rstest;
use serde_json::{Value, json};

use crate::place::Place;
use crate::process::{SHORT, finish};
use crate::scenario::{check, fill, lab, mapping, model, now, store};

const LEADER: &str = "KXTOPMODEL-26DEC04-AURO";
const RIVAL: &str = "KXTOPMODEL-26DEC04-BORE";
const LAB: &str = "KXLLM1-26DEC04-NORT";
const OTHER_LAB: &str = "KXLLM1-26DEC04-CONT";
const UNMAPPED: &str = "KXLLM1-26DEC04-ZULU";

fn at(hours: i64) -> DateTime<Utc> {
    now() + TimeDelta::hours(hours)
}

/// A line of an hour: the reason, and side, contracts, cost and fees of what was wanted.
fn line(
    ticker: &str,
    hours: i64,
    reason: Option<Reason>,
    wanted: Option<(BookSide, u32, &str, &str)>,
) -> Record {
    Record::Decision(Why {
        ticker: ticker.parse().unwrap(),
        at: at(hours),
        fair: Some(0.62),
        market: Some(0.30),
        pooled: Some(0.55),
        edge: Some(0.04),
        target: None,
        position: Net::ZERO,
        action: Action::Hold,
        reason,
        next_reason: Some(Reason::StaleFeed),
        baselines: BTreeMap::from([("persistence".to_owned(), 0.97)]),
        wanted: wanted.map(|(side, contracts, cost, fees)| Wanted {
            side,
            contracts: Contracts::whole(contracts),
            limit: "0.45".parse().unwrap(),
            cost: cost.parse().unwrap(),
            fees: fees.parse().unwrap(),
        }),
    })
}

fn decided(ticker: &str, hours: i64, yes_value: &str, paid: bool) -> Record {
    Record::Decided(Decided {
        ticker: ticker.parse().unwrap(),
        at: at(hours),
        yes_value: yes_value.parse().unwrap(),
        paid,
    })
}

fn forecast(estimator: &str, hours: i64, leader: f64, drivers: Option<Drivers>) -> Record {
    let model = |name: &str, owner: &str, p| ModelChance {
        model_name: name.into(),
        organization: Some(owner.into()),
        p,
    };
    let owner = |name: &str, p| OrganizationChance {
        organization: name.into(),
        p,
    };
    Record::Forecast(ForecastRecord {
        at: at(hours),
        check_time: check(),
        rule_set: "v1:cascade:full".into(),
        board: BoardHash([7; 32]),
        estimator: estimator.into(),
        models: vec![
            model("aurora-5", "Northwind", leader),
            model("boreas-2", "Contoso", 0.9 - leader),
        ],
        organizations: vec![owner("Northwind", leader + 0.06), owner("Contoso", 0.92 - leader)],
        other: 0.02,
        unlisted: 0.1,
        drivers,
    })
}

fn drivers() -> Drivers {
    Drivers {
        leader: "aurora-5".into(),
        runner_up: Some("boreas-2".into()),
        gap: Some(6.25),
        leader_votes: Some(12_345),
        refreshes_expected: 2.5,
        no_refresh: 0.0625,
        arrivals_expected: 0.35,
        lambda_per_day: 0.175,
        uncertainty: 0.25,
    }
}

/// Four contracts and how they ended:
///
/// - `LEADER`, spread too wide, ten YES for 4.00 and 0.17: the account's settlement pays nothing, 4.17 saved;
/// - `RIVAL`, spread too wide, twenty NO for 6.00 and 0.30: seen to pay 0.25 for YES, so 15.00 for NO, 8.70 missed;
/// - `LAB`, halted, five YES for 1.00 and 0.05, of which two were bought an hour later: three at 0.60 and 0.03 are open, worth
///   0.90 at the market's 0.30;
/// - `OTHER_LAB`, only not sent, one YES for 0.50 and 0.02: determined to pay one and later amended to 0.10, paid, 0.42 saved.
fn write(place: &Place) {
    let (bid, ask) = (BookSide::Bid, BookSide::Ask);
    let wide = Some(Reason::WideSpread);
    let mut records: Vec<Record> = [
        mapping(LEADER, model("aurora-5", "Northwind")),
        mapping(RIVAL, model("boreas-2", "Contoso")),
        mapping(LAB, lab("Northwind")),
        mapping(OTHER_LAB, lab("Contoso")),
    ]
    .into_iter()
    .map(|mapping| Record::Mapped { at: now(), mapping })
    .collect();
    records.extend([
        forecast("board_walk", -1, 0.5, None),
        forecast("persistence", -1, 0.5, None),
        forecast("board_walk", 1, 0.7, Some(drivers())),
        forecast("persistence", 1, 0.85, None),
        line(LEADER, 0, wide, Some((bid, 10, "4", "0.17"))),
        line(LEADER, 1, wide, Some((bid, 12, "5.04", "0.2"))),
        line(RIVAL, 0, wide, Some((ask, 20, "6", "0.3"))),
        line(LAB, -1, Some(Reason::Halted), Some((bid, 5, "1", "0.05"))),
        line(OTHER_LAB, 2, None, Some((bid, 1, "0.5", "0.02"))),
        line(UNMAPPED, 2, Some(Reason::Unmapped), None),
        Record::Settlement(SettlementRecord {
            ticker: LEADER.parse().unwrap(),
            yes_value: "0".parse().unwrap(),
            fee: Money::ZERO,
            settled_at: at(60),
        }),
        decided(RIVAL, 59, "0", false),
        decided(RIVAL, 60, "0.25", true),
        decided(OTHER_LAB, 59, "1", false),
        decided(OTHER_LAB, 60, "0.1", true),
    ]);
    let ours = Fill {
        client_order_id: Some("kat1-lab".parse().unwrap()),
        ..fill(LAB, bid, "0.22", 2)
    };
    let store = store(place);
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(async {
        store.record(records).await.unwrap();
        assert!(store.record_fill(&ours).await.unwrap());
    });
}

fn ask(place: &Place, arguments: &[&str]) -> Value {
    let arguments = [&["why", "--json"], arguments].concat();
    place.run(&arguments).succeeded().json()
}

/// Reason, episodes, settled, contracts, saved, cost, net and open episodes of each row.
fn rows(report: &Value) -> Vec<Value> {
    let reasons = report["reasons"].as_array().unwrap();
    reasons
        .iter()
        .map(|row| {
            json!([
                row["reason"],
                row["episodes"],
                row["settled"],
                row["contracts"],
                row["saved"],
                row["cost"],
                row["net"],
                row["open"]["episodes"],
            ])
        })
        .collect()
}

#[test]
fn every_reason_is_told_what_it_saved_and_what_it_cost() {
    let place = Place::new();
    write(&place);
    let report = ask(&place, &["--counterfactual"]);
    let wide = json!([
        "wide_spread",
        2,
        2,
        "30.00",
        "4.170000",
        "8.700000",
        "-4.530000",
        0
    ]);
    let halted = json!(["halted", 1, 0, "0.00", "0.000000", "0.000000", "0.000000", 1]);
    let shadow = json!(["shadow", 1, 1, "1.00", "0.420000", "0.000000", "0.420000", 0]);
    assert_eq!(rows(&report), [wide.clone(), halted, shadow.clone()]);
    assert_eq!(report["total"]["net"], "-4.110000");
    assert_eq!(report["total"]["open"]["invested"], "0.630000");
    let open = report["open"].as_array().unwrap();
    assert_eq!(open.len(), 1);
    assert_eq!(
        [
            &open[0]["contracts"],
            &open[0]["bought"],
            &open[0]["cost"],
            &open[0]["result"]
        ],
        ["3.00", "2.00", "0.600000", "0.270000"]
    );
    let settled = report["episodes"].as_array().unwrap();
    let results: Vec<&Value> = settled.iter().map(|chance| &chance["result"]).collect();
    assert_eq!(results, ["-0.420000", "-4.170000", "8.700000"], "by contract");

    let rival = ask(&place, &["--counterfactual", RIVAL]);
    assert_eq!(
        rows(&rival),
        [json!([
            "wide_spread",
            1,
            1,
            "20.00",
            "0.000000",
            "8.700000",
            "-8.700000",
            0
        ])]
    );
    // The second line of the leader's contract is the first since then.
    let since = at(1).to_rfc3339();
    let later = ask(&place, &["--counterfactual", "--since", &since]);
    let late_wide = json!([
        "wide_spread",
        1,
        1,
        "12.00",
        "5.240000",
        "0.000000",
        "5.240000",
        0
    ]);
    assert_eq!(rows(&later), [late_wide, shadow]);
    let none = ask(&place, &["--counterfactual", "--since", "2026-12-24"]);
    assert_eq!((rows(&none), &none["open"]), (vec![], &json!([])));

    let table = place.run(&["why", "--counterfactual"]).succeeded().stdout.clone();
    let of = |name: &str| {
        let row = table.lines().find(|line| line.starts_with(name)).unwrap();
        row.split_whitespace().map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(
        of("wide_spread"),
        [
            "wide_spread",
            "2",
            "2",
            "30.00",
            "4.170000",
            "8.700000",
            "-4.530000",
            "0"
        ]
    );
    assert_eq!(of("total")[6], "-4.110000");
    assert!(
        table.contains("Not settled yet") && table.contains(LAB),
        "{table}"
    );
}

#[test]
fn why_tells_what_drives_the_price_and_what_the_baselines_say() {
    let place = Place::new();
    write(&place);
    let leader = ask(&place, &[LEADER]);
    let forecast = &leader["forecast"];
    assert_eq!(forecast["estimator"], "board_walk");
    assert_eq!(forecast["at"], json!(at(1)), "the latest, not the first");
    assert_eq!(
        (&forecast["p"], &forecast["unlisted"]),
        (&json!(0.7), &json!(0.1)),
        "the claim is on the model"
    );
    assert_eq!(forecast["drivers"], serde_json::to_value(drivers()).unwrap());
    assert_eq!(
        forecast["baselines"],
        json!([{ "estimator": "persistence", "p": 0.85, "unlisted": 0.1 }])
    );
    assert_eq!(leader["counterfactual"].as_array().unwrap().len(), 1);
    assert_eq!(leader["counterfactual"][0]["lines"], 2);
    assert_eq!(leader["latest"]["reason"], "wide_spread");
    assert_eq!(leader["decisions"].as_array().unwrap().len(), 2);
    assert_eq!(
        ask(&place, &[LAB])["forecast"]["p"],
        0.76,
        "the claim is on its lab"
    );

    let text = place.run(&["why", LEADER]).succeeded().stdout.clone();
    for said in [
        "board_walk   0.700  0.100",
        "persistence  0.850  0.100",
        "aurora-5 leads, 6.25 points before boreas-2, with 12345 votes",
        "2.50 refreshes expected before the check (none with probability 0.062)",
        "0.35 arrivals near the top expected, 0.1750 a day, uncertain by 25 %",
        "4.170000",
        "Earlier:",
    ] {
        assert!(text.contains(said), "{said}: {text}");
    }
    let unmapped = ask(&place, &[UNMAPPED]);
    assert_eq!(unmapped["forecast"], Value::Null);
    assert_eq!(unmapped["counterfactual"], json!([]));
    let text = place.run(&["why", UNMAPPED]).succeeded().stdout.clone();
    assert!(text.contains("No forecast of its check is on record."), "{text}");
}

#[test]
fn an_unknown_contract_is_told_in_one_sentence() {
    let place = Place::new();
    write(&place);
    for arguments in [
        &["why", "KXTOPMODEL-26DEC04-NONE"][..],
        &["why", "--counterfactual", "KXTOPMODEL-26DEC04-NONE"],
        &["why", "--counterfactual", "KXTOPMODEL-26DEC04-NONE", "--json"],
    ] {
        let finished = place.run(arguments);
        assert!(
            finished
                .refused(2)
                .contains("KXTOPMODEL-26DEC04-NONE: no decision is on record")
        );
        assert_eq!(finished.stdout, "");
    }
}

#[rstest]
#[case(&["--counterfactual", "--since", "yesterday"], "`yesterday` is not a time such as")]
#[case(&["--counterfactual", "--since", "2026-02-30"], "`2026-02-30` is not a time such as")]
#[case(&["--counterfactual", "--since", ""], "--since")]
#[case(&[LEADER, "--since", "2026-12-01"], "--counterfactual")]
#[case(&["two words"], "is not an exchange name")]
#[case(&[LEADER, RIVAL], "unexpected argument")]
fn what_cannot_be_asked_is_told_with_exit_code_2(#[case] arguments: &[&str], #[case] said: &str) {
    let place = Place::new();
    let finished = finish(&mut place.autotrader(&[&["why"], arguments].concat()), SHORT);
    assert_eq!(finished.code, Some(2), "{}", finished.stderr);
    assert!(finished.stderr.contains(said), "{}", finished.stderr);
    assert_eq!(finished.stdout, "");
}
