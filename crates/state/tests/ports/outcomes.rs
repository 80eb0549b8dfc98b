//! What markets were decided to pay, and what is read for the questions of `why`.

use autotrader_domain::ports::{Ledger as _, OrderStore as _};
use autotrader_domain::{
    BoardHash, BookSide, Contracts, Decided, ForecastRecord, Mapping, MappingState, Record, Ticker, Wanted,
    Why,
};
use autotrader_state::Filter;

use crate::fixtures::{Home, at, settlement, ticker};
use crate::ledger::why;

fn word(market: &str, seconds: i64, yes_value: &str, paid: bool) -> Decided {
    Decided {
        ticker: ticker(market),
        at: at(seconds),
        yes_value: yes_value.parse().unwrap(),
        paid,
    }
}

fn of(market: &str) -> Filter {
    Filter {
        ticker: Some(ticker(market)),
        ..Filter::default()
    }
}

#[tokio::test]
async fn words_on_a_market_and_settlements_of_the_account_are_read_as_one_history() {
    let home = Home::new();
    let store = home.open();
    let words = [
        word("T-A", 10, "1", false),
        word("T-B", 20, "0.25", true),
        word("T-A", 30, "1", true),
        word("T-A", 50, "0.3333", true),
    ];
    let records = words.iter().cloned().map(Record::Decided).collect();
    store.record(records).await.unwrap();
    // Paid to the account at the instant of a word: it comes after it.
    store
        .record_settlement(&settlement("T-A", "0", 30))
        .await
        .unwrap();
    store
        .record_settlement(&settlement("T-C", "1", 40))
        .await
        .unwrap();
    let [a, b, paid, amended] = words;
    let (received, c) = (word("T-A", 30, "0", true), word("T-C", 40, "1", true));
    let history = store.history();
    let all = [&a, &b, &paid, &received, &c, &amended].map(Clone::clone);
    assert_eq!(history.decided(&Filter::default()).unwrap(), all);
    assert_eq!(
        history.decided(&of("T-A")).unwrap(),
        [&a, &paid, &received, &amended].map(Clone::clone)
    );
    let last_two = Filter {
        limit: Some(2),
        ..Filter::default()
    };
    assert_eq!(history.decided(&last_two).unwrap(), [c.clone(), amended.clone()]);
    let since = Filter {
        since: Some(at(40)),
        ..Filter::default()
    };
    assert_eq!(history.decided(&since).unwrap(), [c, amended]);
}

fn mapping(market: &str, check: Option<i64>) -> Mapping {
    Mapping {
        ticker: ticker(market),
        state: MappingState::Exact,
        claim: None,
        rule_set: None,
        check_time: check.map(at),
        reasons: vec![],
        suggestions: vec![],
    }
}

#[tokio::test]
async fn a_restart_knows_of_which_contracts_the_outcome_is_unknown() {
    let home = Home::new();
    let store = home.open();
    let mapped = |market, check| Record::Mapped {
        at: at(0),
        mapping: mapping(market, check),
    };
    let records = vec![
        mapped("T-A", Some(100)),
        mapped("T-B", Some(100)),
        mapped("T-C", Some(100)),
        mapped("T-D", Some(200)),
        mapped("T-E", None),
        Record::Decided(word("T-A", 110, "1", false)),
        Record::Decided(word("T-B", 110, "0", true)),
    ];
    store.record(records).await.unwrap();
    store
        .record_settlement(&settlement("T-C", "0", 110))
        .await
        .unwrap();
    drop(store);
    let store = home.open();
    assert_eq!(
        store.restore().await.unwrap().undecided,
        [(ticker("T-A"), at(100)), (ticker("T-D"), at(200))]
    );
    let history = store.history();
    assert_eq!(
        history.mapping(&ticker("T-D")).unwrap(),
        Some(mapping("T-D", Some(200)))
    );
    assert_eq!(history.mapping(&ticker("T-X")).unwrap(), None);
}

#[tokio::test]
async fn contracts_with_entries_that_were_not_made_are_found() {
    let home = Home::new();
    let store = home.open();
    let forgone = |market: &str, seconds| Why {
        wanted: Some(Wanted {
            side: BookSide::Ask,
            contracts: Contracts::whole(1),
            limit: "0.5".parse().unwrap(),
            cost: "0.5".parse().unwrap(),
            fees: "0.01".parse().unwrap(),
        }),
        ..why(market, seconds)
    };
    let lines = [
        forgone("T-B", 10),
        forgone("T-B", 20),
        why("T-C", 20),
        forgone("T-A", 30),
        why("T-B", 40),
    ];
    store.record(lines.map(Record::Decision).to_vec()).await.unwrap();
    let found = |since: Option<i64>| store.history().forgone(since.map(at)).unwrap();
    assert_eq!(found(None), [ticker("T-A"), ticker("T-B")]);
    assert_eq!(found(Some(21)), [ticker("T-A")]);
    assert_eq!(found(Some(31)), Vec::<Ticker>::new());
}

#[tokio::test]
async fn the_latest_forecasts_of_a_check_are_of_one_instant() {
    let home = Home::new();
    let store = home.open();
    let said = |estimator: &str, seconds, check, rules: &str| ForecastRecord {
        at: at(seconds),
        check_time: at(check),
        rule_set: rules.into(),
        board: BoardHash([9; 32]),
        estimator: estimator.into(),
        models: vec![],
        organizations: vec![],
        other: 1.0,
        unlisted: 1.0,
        drivers: None,
    };
    let forecasts = [
        said("board_walk", 10, 1_000, "cascade"),
        said("board_walk", 20, 1_000, "cascade"),
        said("persistence", 20, 1_000, "cascade"),
        said("board_walk", 30, 1_000, "rank_ub_alone"),
        said("board_walk", 40, 2_000, "cascade"),
    ];
    let records = forecasts.iter().cloned().map(Record::Forecast).collect();
    store.record(records).await.unwrap();
    let latest = |check, rules| store.history().latest_forecasts(at(check), rules).unwrap();
    assert_eq!(latest(1_000, "cascade"), forecasts[1..3]);
    assert_eq!(latest(2_000, "cascade"), forecasts[4..]);
    assert_eq!(latest(3_000, "cascade"), []);
}
