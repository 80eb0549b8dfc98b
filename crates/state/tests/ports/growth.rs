//! How much a day of polling writes.

use std::collections::BTreeMap;
use std::sync::Arc;

use autotrader_domain::ports::Ledger as _;
use autotrader_domain::{Action, GatedBoard, Net, Reason, Record, Verdict, Why};
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
                wanted: None,
            })
        })
        .collect()
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
        if poll % 120 == 0 || poll % (POLLS / 12) == 0 {
            records.extend(decisions(seconds));
        }
        store.record(records).await.unwrap();
    }
    let polls = store.history().polls(&Filter::default()).unwrap();
    assert_eq!(i64::try_from(polls.len()).unwrap(), POLLS);
    assert_eq!(
        store.history().board(boards[3].hash).unwrap().as_ref(),
        Some(&*boards[3].board)
    );
    // Closing moves the log into the file.
    drop(store);
    let grown = std::fs::metadata(home.path()).unwrap().len() - empty;
    println!("a day of {POLLS} polls, 12 boards and 1440 decisions: {grown} bytes");
    assert!(grown <= BUDGET, "{grown} bytes");
}
