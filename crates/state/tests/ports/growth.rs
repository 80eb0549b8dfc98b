//! How much a day of polling writes.

use std::collections::BTreeMap;
use std::sync::Arc;

use autotrader_domain::ports::Ledger as _;
use autotrader_domain::{
    Action, BoardHash, BookSide, Contracts, Drivers, ForecastRecord, GatedBoard, ModelChance, Money, Net,
    OrganizationChance, Reason, Record, Verdict, Wanted, Why,
};
use autotrader_state::Filter;

use crate::fixtures::{Home, at, page, reading, ticker};

/// The budget of the design: two megabytes a day at a poll every 30 seconds.
const BUDGET: u64 = 2_000_000;
const POLLS: i64 = 24 * 60 * 2;

/// 60 contracts, hourly and on the change of a board.
fn decisions(seconds: i64) -> Vec<Record> {
    (0..60)
        .map(|market| {
            let drift = f64::from(market) / 61.0 + seconds as f64 / 1e7;
            Record::Decision(Why {
                ticker: ticker(&format!("KXTOPMODEL-26SEP28-MODEL{market}")),
                at: at(seconds),
                fair: Some(drift),
                market: Some(drift / 3.0),
                pooled: Some(drift / 7.0),
                edge: Some(-drift / 11.0),
                target: Some(Net::ZERO),
                position: Net::ZERO,
                action: Action::Hold,
                reason: Some(Reason::NoEdge),
                next_reason: Some(Reason::WideSpread),
                baselines: BTreeMap::from([("persistence".to_owned(), drift / 13.0)]),
                wanted: (market % 3 == 0).then(|| Wanted {
                    side: BookSide::Ask,
                    contracts: Contracts::whole(25),
                    limit: "0.9300".parse().unwrap(),
                    cost: Money::micros(1_750_000),
                    fees: Money::micros(114_000),
                }),
            })
        })
        .collect()
}

/// What four estimators say of six checks on one board: names and numbers as long as real ones.
fn forecasts(seconds: i64, board: BoardHash) -> Vec<Record> {
    let organizations = 10;
    let named = |place: usize| format!("Laboratory {}", place % organizations);
    let estimators = [
        ("board_walk", 12),
        ("persistence", 9),
        ("recency_persistence", 9),
        ("rank_table", 30),
    ];
    let mut records = Vec::new();
    for (check, (estimator, models)) in
        (1..=6).flat_map(|check| estimators.map(|estimator| (check, estimator)))
    {
        let p =
            |place: usize| 0.9 / models as f64 + (place as f64 + 1.0).recip() / 1e3 + seconds as f64 / 1e11;
        records.push(Record::Forecast(ForecastRecord {
            at: at(seconds),
            check_time: at(check * 7 * 86_400),
            rule_set: "cascade".into(),
            board,
            estimator: estimator.into(),
            // The whole board is given; what hardly counts is not kept.
            models: (0..357)
                .map(|place| ModelChance {
                    model_name: format!("model-of-real-length-{place}"),
                    organization: Some(named(place)),
                    p: if place < models { p(place) } else { 1e-9 },
                })
                .collect(),
            organizations: (0..organizations)
                .map(|place| OrganizationChance {
                    organization: named(place),
                    p: p(place),
                })
                .collect(),
            other: 0.012_345_678_9,
            unlisted: 0.098_765_432_1,
            drivers: (estimator == "board_walk").then(|| Drivers {
                leader: "model-of-real-length-0".into(),
                runner_up: Some("model-of-real-length-1".into()),
                gap: Some(1.6 + seconds as f64 / 1e7),
                leader_votes: Some(25_600),
                refreshes_expected: 2.0 + seconds as f64 / 1e7,
                no_refresh: 0.135_335_283_236,
                arrivals_expected: 0.121_333_333_333,
                lambda_per_day: 0.017_333_333_333,
                uncertainty: 0.502_518_907_629,
            }),
        }));
    }
    records
}

#[tokio::test]
async fn a_day_of_polls_stays_within_two_megabytes() {
    let home = Home::new();
    let store = home.open();
    drop(store);
    let empty = std::fs::metadata(home.path()).unwrap().len();

    let store = home.open();
    // Twelve boards of real size a day, each shown for two hours, with flaps back to the one before.
    let boards: Vec<Arc<GatedBoard>> = (0..12)
        .map(|salt| page(Verdict::Tradable, 357, salt, vec![]))
        .collect();
    for poll in 0..POLLS {
        let seconds = poll * 30;
        let current = usize::try_from(poll / (POLLS / 12)).unwrap();
        let flaps = poll % 97 == 0 && current > 0;
        let shown = &boards[if flaps { current - 1 } else { current }];
        let changed = flaps || poll % 97 == 1 || poll % (POLLS / 12) == 0;
        let mut records = vec![Record::Reading(reading(shown, !changed, seconds))];
        // Hourly, and on each board, which does not come on the hour.
        if poll % 120 == 0 || poll % (POLLS / 12) == 7 {
            records.extend(decisions(seconds));
            records.extend(forecasts(seconds, shown.hash));
        }
        store.record(records).await.unwrap();
    }
    let polls = store.history().polls(&Filter::default()).unwrap();
    assert_eq!(i64::try_from(polls.len()).unwrap(), POLLS);
    assert_eq!(
        store.history().board(boards[3].hash).unwrap().as_ref(),
        Some(&*boards[3].board)
    );
    let lines = store.history().decisions(&Filter::default()).unwrap().len();
    let kept = store.history().forecasts(&Filter::default()).unwrap().len();
    // Closing moves the log into the file.
    drop(store);
    let grown = std::fs::metadata(home.path()).unwrap().len() - empty;
    println!("a day of {POLLS} polls, 12 boards, {lines} decisions and {kept} forecasts: {grown} bytes");
    assert!(grown <= BUDGET, "{grown} bytes");
}
