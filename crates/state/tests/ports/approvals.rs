//! Decisions about names and texts: kept in order, whole, and never changed; first sights kept as they were.

use autotrader_domain::ports::Ledger as _;
use autotrader_domain::{Approval, ApprovalDecision, ContractTerms, Record};
use diesel::prelude::*;

use crate::fixtures::{Home, at, ticker};

fn terms(text: &str) -> ContractTerms {
    ContractTerms {
        strike_model: Some("aurora-6".into()),
        rules_primary: text.into(),
    }
}

fn decisions() -> Vec<ApprovalDecision> {
    let rejected = |name: Option<&str>| ApprovalDecision::MappingRejected {
        ticker: ticker("T-A"),
        subject: "aurora-6".into(),
        name: name.map(str::to_owned),
    };
    let mapping = |strike_model: Option<&str>| ApprovalDecision::Mapping {
        ticker: ticker("T-A"),
        subject: "aurora-6".into(),
        terms: ContractTerms {
            strike_model: strike_model.map(str::to_owned),
            rules_primary: "If it's \"aurora-6\" \u{2014} yes.".into(),
        },
        name: "aurora-6-high".into(),
    };
    vec![
        mapping(Some("aurora-6")),
        mapping(None),
        rejected(Some("aurora-5")),
        rejected(None),
        ApprovalDecision::Rules {
            series: "KXLLM1".parse().unwrap(),
            text: "The first wins.".into(),
            rule_set: "v1:cascade:full".into(),
        },
        ApprovalDecision::RulesRevoked {
            series: "KXLLM1".parse().unwrap(),
            text: "The first wins.".into(),
        },
    ]
}

fn record(seconds: i64, decision: &ApprovalDecision) -> Record {
    Record::Approval {
        at: at(seconds),
        by: "an operator".into(),
        approval: decision.clone(),
    }
}

#[tokio::test]
async fn decisions_outlive_the_process_in_the_order_decided() {
    let home = Home::new();
    let store = home.open();
    let mut expected = Vec::new();
    for (seconds, decision) in (10..).zip(decisions()) {
        store.record(vec![record(seconds, &decision)]).await.unwrap();
        expected.push(Approval {
            at: at(seconds),
            by: "an operator".into(),
            decision,
        });
    }
    // A power cut now takes nothing back.
    let image = home.image();
    assert_eq!(image.open().restore().await.unwrap().approvals, expected);
    assert_eq!(store.history().approvals().unwrap(), expected);
}

#[tokio::test]
async fn what_a_contract_said_first_is_what_is_remembered() {
    let home = Home::new();
    let store = home.open();
    let seen = |seconds, text: &str| Record::Terms {
        at: at(seconds),
        ticker: ticker("T-A"),
        terms: terms(text),
    };
    store.record(vec![seen(1, "first")]).await.unwrap();
    store.record(vec![seen(2, "second")]).await.unwrap();
    drop(store);
    assert_eq!(
        home.open().restore().await.unwrap().terms,
        [(ticker("T-A"), terms("first"))]
    );
}

#[tokio::test]
async fn the_log_of_decisions_can_only_be_added_to() {
    let home = Home::new();
    let store = home.open();
    store.record(vec![record(1, &decisions()[0])]).await.unwrap();
    drop(store);
    let mut connection = SqliteConnection::establish(home.path().to_str().unwrap()).unwrap();
    for change in ["UPDATE approvals SET name = 'x'", "DELETE FROM approvals"] {
        let refused = diesel::sql_query(change).execute(&mut connection).unwrap_err();
        assert!(
            refused.to_string().contains("only added to"),
            "{change}: {refused}"
        );
    }
    assert_eq!(home.open().restore().await.unwrap().approvals.len(), 1);
}

#[tokio::test]
async fn a_decision_of_another_version_is_not_passed_over() {
    let home = Home::new();
    drop(home.open());
    let mut connection = SqliteConnection::establish(home.path().to_str().unwrap()).unwrap();
    let row = "INSERT INTO approvals (at, decided_by, kind) VALUES (0, 'x', 'blessing')";
    diesel::sql_query(row).execute(&mut connection).unwrap();
    let error = home.open().restore().await.unwrap_err();
    assert!(error.to_string().contains("blessing"), "{error}");
}
