//! Records, and what a restart takes up of them.

use std::collections::BTreeMap;

use autotrader_domain::ports::{Ledger as _, StoreError};
use autotrader_domain::{
    Action, BoardHash, BookSide, Claim, Contracts, GateReason, GateReasonCode, Mapping, MappingState, Money,
    Net, RankedFields, Reason, Record, Signal, Urgency, Verdict, Why,
};
use autotrader_state::{Filter, PageRecord, PollOutcome};
use chrono::TimeDelta;

use crate::fixtures::{Home, accepted, at, board, failed, page, reading, settlement, ticker};

pub fn why(market: &str, seconds: i64) -> Why {
    Why {
        ticker: ticker(market),
        at: at(seconds),
        fair: Some(0.1 + 0.2),
        market: None,
        pooled: Some(0.5),
        edge: Some(-0.031),
        target: Some(Net::from_raw(-1_250).unwrap()),
        position: Net::ZERO,
        action: Action::Hold,
        reason: Some(Reason::NoEdge),
        next_reason: None,
        baselines: BTreeMap::from([("persistence".to_owned(), 0.97)]),
        wanted: None,
    }
}

fn rename(old: &str, new: &str, certain: bool) -> Record {
    signal(Signal::ModelRenamed {
        old_name: old.into(),
        new_name: new.into(),
        organization: None,
        fields: RankedFields {
            rank: Some(4),
            rank_ub: Some(2),
            score: None,
            votes: Some(3),
        },
        certain,
    })
}

fn signal(signal: Signal) -> Record {
    Record::Signal {
        at: at(3),
        board: BoardHash([7; 32]),
        urgency: signal.urgency(),
        signal,
    }
}

fn cause(cause: &str, raised: bool, seconds: i64, detail: &str) -> Record {
    Record::RiskCause {
        at: at(seconds),
        cause: cause.into(),
        raised,
        detail: detail.into(),
    }
}

#[tokio::test]
async fn readings_come_back_with_what_the_gate_said() {
    let home = Home::new();
    let store = home.open();
    let reason = GateReason {
        code: GateReasonCode::WrongCategory,
        detail: "`coding`".into(),
    };
    let good = page(Verdict::Tradable, 20, 1, vec![]);
    let bad = page(Verdict::Refused, 20, 2, vec![reason]);
    let readings = [
        reading(&good, false, 0),
        reading(&good, true, 30),
        reading(&bad, false, 60),
        failed("timeout", 90),
        reading(&good, false, 120),
    ];
    let records = readings.iter().cloned().map(Record::Reading).collect();
    store.record(records).await.unwrap();
    let history = store.history();
    let polls = history.polls(&Filter::default()).unwrap();
    let outcomes: Vec<PollOutcome> = polls.iter().map(|poll| poll.outcome.clone()).collect();
    let page_outcome = |page, unchanged| PollOutcome::Page {
        page: PageRecord::from(page),
        unchanged,
    };
    assert_eq!(
        outcomes,
        [
            page_outcome(&*good, false),
            page_outcome(&*good, true),
            page_outcome(&*bad, false),
            PollOutcome::Failed {
                code: "timeout".into(),
                detail: "no answer within 10 s".into()
            },
            page_outcome(&*good, false),
        ]
    );
    assert_eq!(polls[1].fetched_at, at(30));
    assert_eq!(polls[1].origin, readings[1].origin);
    assert_eq!(
        u128::from(polls[1].latency_micros),
        readings[1].latency.as_micros()
    );
    assert_eq!(
        (polls[1].bytes, polls[3].source.as_str()),
        (2_463_117, "fallback")
    );

    let counts: Vec<(String, u64)> = history
        .poll_counts(None)
        .unwrap()
        .into_iter()
        .map(|c| (c.outcome, c.polls))
        .collect();
    let expected = [("refused", 1), ("timeout", 1), ("tradable", 3)];
    assert_eq!(counts, expected.map(|(o, n)| (o.to_owned(), n)));
    assert_eq!(history.poll_counts(Some(at(91))).unwrap().len(), 1);

    assert_eq!(history.board(good.hash).unwrap().as_ref(), Some(&*good.board));
    assert_eq!(
        history.board(bad.hash).unwrap(),
        None,
        "rows of refused pages are not kept"
    );
}

#[tokio::test]
async fn the_accepted_board_comes_back_entry_by_entry() {
    let home = Home::new();
    let (first, second) = (accepted(1, 10), accepted(2, 20));
    let store = home.open();
    store.record(vec![Record::Accepted(first.clone())]).await.unwrap();
    store
        .record(vec![Record::Accepted(second.clone())])
        .await
        .unwrap();
    store.record(vec![Record::Accepted(first.clone())]).await.unwrap();
    drop(store);
    let store = home.open();
    assert_eq!(store.restore().await.unwrap().accepted, Some((*first).clone()));
    let boards = store.history().accepted_boards(2).unwrap();
    assert_eq!(boards, [(*first).clone(), (*second).clone()]);
}

#[tokio::test]
async fn decisions_come_back_and_the_latest_is_found() {
    let home = Home::new();
    let store = home.open();
    let mut enter = why("T-A", 1);
    enter.action = Action::Enter {
        side: BookSide::Ask,
        contracts: Contracts::whole(12),
        limit: "0.7001".parse().unwrap(),
    };
    enter.reason = None;
    let mut exit = why("T-A", 2);
    exit.action = Action::Exit {
        side: BookSide::Bid,
        contracts: Contracts::whole(3),
        limit: "0.01".parse().unwrap(),
    };
    exit.next_reason = Some(Reason::WideSpread);
    exit.baselines.clear();
    let hold = why("T-B", 3);
    let lines = [enter.clone(), exit.clone(), hold.clone()];
    let records = lines.iter().cloned().map(Record::Decision).collect();
    store.record(records).await.unwrap();
    let history = store.history();
    assert_eq!(history.decisions(&Filter::default()).unwrap(), lines);
    assert_eq!(history.latest_decisions().unwrap(), [exit.clone(), hold.clone()]);
    let of_market = |limit, since| Filter {
        ticker: Some(ticker("T-A")),
        since,
        limit,
    };
    assert_eq!(
        history.decisions(&of_market(None, None)).unwrap(),
        [enter, exit.clone()]
    );
    assert_eq!(history.decisions(&of_market(Some(1), None)).unwrap(), [exit]);
    assert!(
        history
            .decisions(&of_market(None, Some(at(3))))
            .unwrap()
            .is_empty()
    );
}

#[tokio::test]
async fn signals_and_renames_come_back() {
    let home = Home::new();
    let store = home.open();
    let leader = Signal::NewLeader {
        new_leader: "b".into(),
        previous_leader: "a".into(),
        new_top_org: Some("B".into()),
        previous_top_org: None,
    };
    store
        .record(vec![
            rename("old", "new", true),
            signal(leader.clone()),
            rename("x", "y", false),
            rename("old", "new", true),
        ])
        .await
        .unwrap();
    let pair = |a: &str, b: &str| (a.to_owned(), b.to_owned());
    assert_eq!(
        store.restore().await.unwrap().renames,
        [pair("old", "new"), pair("x", "y")]
    );
    let signals = store.history().signals(&Filter::default()).unwrap();
    assert_eq!(signals.len(), 4);
    assert_eq!(
        (signals[1].signal.clone(), signals[1].urgency),
        (leader, Urgency::High)
    );
    assert_eq!(signals[1].board, BoardHash([7; 32]));
    assert_eq!(signals[1].at, at(3));
}

#[tokio::test]
async fn causes_stand_until_each_is_released() {
    let home = Home::new();
    let store = home.open();
    store
        .record(vec![
            cause("daily_loss", true, 1, "-51"),
            cause("operator_halt", true, 2, "lunch"),
        ])
        .await
        .unwrap();
    store
        .record(vec![cause("daily_loss", true, 3, "-60")])
        .await
        .unwrap();
    drop(store);
    let store = home.open();
    let pair = |a: &str, b: &str| (a.to_owned(), b.to_owned());
    assert_eq!(
        store.restore().await.unwrap().causes,
        [pair("daily_loss", "-60"), pair("operator_halt", "lunch")]
    );
    assert_eq!(
        store.history().causes().unwrap()[0].raised_at,
        at(1),
        "it stands since the first time"
    );
    store
        .record(vec![cause("operator_halt", false, 4, "released by the operator")])
        .await
        .unwrap();
    assert_eq!(store.restore().await.unwrap().causes, [pair("daily_loss", "-60")]);
    let events = store.history().risk_events(&Filter::default()).unwrap();
    let steps: Vec<(&str, bool)> = events.iter().map(|e| (e.cause.as_str(), e.raised)).collect();
    assert_eq!(
        steps,
        [
            ("daily_loss", true),
            ("operator_halt", true),
            ("daily_loss", true),
            ("operator_halt", false)
        ]
    );
}

#[tokio::test]
async fn refusals_system_events_and_settlements_come_back() {
    let home = Home::new();
    let store = home.open();
    let paid = settlement("T-A", "0.5", 9);
    store
        .record(vec![
            Record::Refusal {
                at: at(1),
                ticker: ticker("T-A"),
                reason: Reason::EventLimit,
                detail: "250 of 250".into(),
            },
            Record::System {
                at: at(2),
                name: "started".into(),
                detail: "0.1.0".into(),
            },
            Record::Settlement(paid.clone()),
            Record::Settlement(paid.clone()),
        ])
        .await
        .unwrap();
    let history = store.history();
    let refusals = history.refusals(&Filter::default()).unwrap();
    assert_eq!(
        (refusals[0].reason, refusals[0].detail.as_str()),
        (Reason::EventLimit, "250 of 250")
    );
    let other = Filter {
        ticker: Some(ticker("T-B")),
        ..Filter::default()
    };
    assert!(history.refusals(&other).unwrap().is_empty());
    assert_eq!(
        history.system_events(&Filter::default()).unwrap()[0].name,
        "started"
    );
    assert_eq!(history.settlements(&Filter::default()).unwrap(), [paid]);
}

#[tokio::test]
async fn a_batch_is_stored_whole_or_not_at_all() {
    let home = Home::new();
    let store = home.open();
    let mut unstorable = failed("timeout", 2);
    unstorable.bytes = u64::MAX;
    let result = store
        .record(vec![
            Record::Reading(failed("timeout", 1)),
            Record::Reading(unstorable),
        ])
        .await;
    assert!(matches!(result, Err(StoreError::Conflict(_))), "{result:?}");
    assert!(store.history().polls(&Filter::default()).unwrap().is_empty());
    store.record(vec![]).await.unwrap();
}

#[tokio::test]
async fn pruning_forgets_readings_and_decisions_only() {
    let home = Home::new();
    let store = home.open();
    let (old, new) = (
        page(Verdict::Tradable, 5, 1, vec![]),
        page(Verdict::Tradable, 5, 2, vec![]),
    );
    store
        .record(vec![
            Record::Accepted(accepted(3, 1)),
            Record::Reading(reading(&old, false, 1)),
            Record::Reading(reading(&new, false, 100)),
            Record::Decision(why("T-A", 1)),
            Record::Decision(why("T-A", 100)),
            rename("old", "new", true),
            Record::Settlement(settlement("T-A", "1", 1)),
        ])
        .await
        .unwrap();
    let pruned = store.prune(at(100) - TimeDelta::microseconds(1)).await.unwrap();
    assert_eq!((pruned.readings, pruned.decisions), (1, 1));
    let history = store.history();
    assert_eq!(history.polls(&Filter::default()).unwrap()[0].fetched_at, at(100));
    assert_eq!(history.decisions(&Filter::default()).unwrap(), [why("T-A", 100)]);
    assert!(history.board(board(5, 1).0).unwrap().is_some());
    let restored = store.restore().await.unwrap();
    assert_eq!((restored.settlements.len(), restored.renames.len()), (1, 1));
    assert!(restored.accepted.is_some());
    // The page was forgotten with its readings and can come again.
    store
        .record(vec![Record::Reading(reading(&old, false, 200))])
        .await
        .unwrap();
    assert_eq!(store.history().polls(&Filter::default()).unwrap().len(), 2);
}

#[tokio::test]
async fn what_a_contract_pays_on_is_the_latest_of_what_was_known() {
    let home = Home::new();
    let store = home.open();
    let known = Mapping {
        ticker: ticker("T-A"),
        state: MappingState::Exact,
        claim: Some(Claim::Model {
            model_name: "aurora-4".into(),
            organization: Some("Northwind \"Labs\"".into()),
        }),
        rule_set: Some("v1:cascade:full".into()),
        check_time: Some(at(86_400)),
        reasons: vec![],
        suggestions: vec![],
    };
    let unknown = Mapping {
        ticker: ticker("T-B"),
        state: MappingState::Suggested,
        claim: None,
        rule_set: None,
        check_time: None,
        reasons: vec![Reason::MappingSuggested, Reason::RulesUnknown],
        suggestions: vec!["aurora-4".into(), "aurora-5".into()],
    };
    let mapped = |seconds, mapping: &Mapping| Record::Mapped {
        at: at(seconds),
        mapping: mapping.clone(),
    };
    store
        .record(vec![mapped(1, &known), mapped(1, &unknown)])
        .await
        .unwrap();
    let history = store.history();
    let found: Vec<Mapping> = history.mappings().unwrap().into_values().collect();
    assert_eq!(found, [known.clone(), unknown.clone()]);
    // What is no longer known is no longer told.
    let forgotten = Mapping {
        ticker: known.ticker,
        ..unknown.clone()
    };
    store.record(vec![mapped(2, &forgotten)]).await.unwrap();
    let found: Vec<Mapping> = history.mappings().unwrap().into_values().collect();
    assert_eq!(found, [forgotten, unknown]);
}

#[tokio::test]
async fn a_released_loss_keeps_its_last_base_over_a_restart() {
    let home = Home::new();
    let base = |cause: &str, seconds, equity| Record::LossBase {
        at: at(seconds),
        cause: cause.into(),
        equity: Money::dollars(equity),
    };
    let store = home.open();
    let first = vec![base("drawdown", 10, 900), base("daily_loss", 10, 950)];
    store.record(first).await.unwrap();
    store.record(vec![base("daily_loss", 20, -5)]).await.unwrap();
    drop(store);
    assert_eq!(
        home.open().restore().await.unwrap().loss_bases,
        [
            ("daily_loss".to_owned(), Money::dollars(-5), at(20)),
            ("drawdown".to_owned(), Money::dollars(900), at(10)),
        ]
    );
}
