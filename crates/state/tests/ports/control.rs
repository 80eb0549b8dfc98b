//! Commands from other processes.

use autotrader_domain::ports::{Control as _, StoreError};
use autotrader_domain::{Command, CommandFinding, CommandStage};
use autotrader_state::{CommandDesk, Filter};

use crate::fixtures::{Home, at};

#[tokio::test]
async fn commands_wait_until_they_are_acknowledged() {
    let home = Home::new();
    let store = home.open();
    let desk = CommandDesk::open(&home.url(), home.clock.clone()).unwrap();
    let halt = Command::Halt {
        reason: "lunch".into(),
    };
    let resume = Command::Resume {
        cause: "operator_halt".into(),
    };
    let first = desk.submit(&halt, "cli").unwrap();
    let second = desk.submit(&resume, "cli").unwrap();
    assert_eq!(
        store.pending().await.unwrap(),
        [(first, halt.clone()), (second, resume.clone())]
    );
    assert_eq!(desk.find(first).unwrap().unwrap().acknowledged_at, None);

    home.clock.advance_to(at(7));
    store.acknowledge(first, "halted").await.unwrap();
    assert_eq!(store.pending().await.unwrap(), [(second, resume)]);
    let record = desk.find(first).unwrap().unwrap();
    assert_eq!(record.command, halt);
    assert_eq!(record.submitted_at, at(0));
    assert_eq!(record.acknowledged_at, Some(at(7)));
    assert_eq!(record.outcome.as_deref(), Some("halted"));
    assert_eq!(desk.find(99).unwrap(), None);
    assert_eq!(store.history().commands(&Filter::default()).unwrap().len(), 2);
}

#[tokio::test]
async fn a_command_is_acknowledged_once() {
    let home = Home::new();
    let store = home.open();
    let desk = CommandDesk::open(&home.url(), home.clock.clone()).unwrap();
    let reduce = Command::Reduce {
        reason: String::new(),
    };
    let id = desk.submit(&reduce, "cli").unwrap();
    store.acknowledge(id, "done").await.unwrap();
    for id in [id, 99] {
        let error = store.acknowledge(id, "again").await.unwrap_err();
        assert!(matches!(error, StoreError::Conflict(_)), "{error}");
    }
    assert_eq!(desk.find(id).unwrap().unwrap().outcome.as_deref(), Some("done"));
}

#[tokio::test]
async fn a_command_given_while_nothing_runs_waits_for_the_next_run() {
    let home = Home::new();
    drop(home.open());
    let desk = CommandDesk::open(&home.url(), home.clock.clone()).unwrap();
    let halt = Command::Halt {
        reason: "night".into(),
    };
    let id = desk.submit(&halt, "cli").unwrap();
    assert_eq!(home.open().pending().await.unwrap(), [(id, halt)]);
}

#[tokio::test]
async fn a_command_goes_through_its_stages_and_a_later_finding_replaces_an_earlier_one() {
    let home = Home::new();
    let store = home.open();
    let desk = CommandDesk::open(&home.url(), home.clock.clone()).unwrap();
    let cancel = Command::CancelAll {
        reason: "a drill".into(),
    };
    let id = desk.submit(&cancel, "cli").unwrap();
    let stage = || desk.find(id).unwrap().unwrap().stage;
    let finding = |confirmed: bool, text: &str| CommandFinding {
        confirmed,
        finding: text.into(),
        report: confirmed.then(|| r#"{"orders":0}"#.into()),
    };
    assert_eq!(stage(), CommandStage::Requested);
    let early = store.settle(id, &finding(true, "too early")).await.unwrap_err();
    assert!(matches!(early, StoreError::Conflict(_)), "{early}");
    assert_eq!(store.unsettled().await.unwrap(), []);

    store.acknowledge(id, "cancelling 2 orders").await.unwrap();
    assert_eq!(stage(), CommandStage::Acknowledged);
    assert_eq!(store.unsettled().await.unwrap(), [(id, cancel)]);

    home.clock.advance_to(at(5));
    store
        .settle(id, &finding(false, "the exchange is paused"))
        .await
        .unwrap();
    assert_eq!(stage(), CommandStage::Impossible);
    assert_eq!(store.unsettled().await.unwrap(), []);

    home.clock.advance_to(at(9));
    store.settle(id, &finding(true, "nothing rests")).await.unwrap();
    let record = desk.find(id).unwrap().unwrap();
    assert_eq!(record.stage, CommandStage::Confirmed);
    assert_eq!(record.settled_at, Some(at(9)));
    assert_eq!(record.finding.as_deref(), Some("nothing rests"));
    assert_eq!(record.report.unwrap()["orders"], 0);
}
