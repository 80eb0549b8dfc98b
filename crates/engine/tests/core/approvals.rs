//! Decisions about names and texts in the core: on record, in force at once and after a restart; what contracts first said.

use autotrader_domain::ports::Restored;
use autotrader_domain::{Approval, ApprovalDecision, Command, ContractTerms, Market, Reason, Record, Ticker};
use autotrader_engine::{Effect, Event, verify};

use crate::kit::*;

fn ticker(name: &str) -> Ticker {
    name.parse().unwrap()
}

fn worded(name: &str, text: &str) -> Market {
    Market {
        rules_primary: text.to_owned(),
        ..market(name)
    }
}

fn reasons(play: &Play, name: &str) -> Vec<Reason> {
    play.engine.mappings()[&ticker(name)].reasons.clone()
}

fn revoke() -> ApprovalDecision {
    ApprovalDecision::RulesRevoked {
        series: "SERIES".parse().unwrap(),
        text: String::new(),
    }
}

fn command(approval: ApprovalDecision) -> Event {
    Event::Command(Command::Approve {
        by: "an operator".into(),
        approval,
    })
}

fn first_sights(effects: &[Effect]) -> Vec<(String, String)> {
    effects
        .iter()
        .filter_map(|effect| match effect {
            Effect::Record(Record::Terms { ticker, terms, .. }) => {
                Some((ticker.to_string(), terms.rules_primary.clone()))
            }
            _ => None,
        })
        .collect()
}

#[test]
fn a_decision_is_recorded_and_maps_every_contract_anew() {
    let mut play = Play::new();
    assert_eq!(reasons(&play, "A"), []);
    let effects = play.handle(5, &command(revoke()));
    let recorded: Vec<&Record> = effects
        .iter()
        .filter_map(|effect| match effect {
            Effect::Record(record @ Record::Approval { .. }) => Some(record),
            _ => None,
        })
        .collect();
    let expected = Record::Approval {
        at: at(5),
        by: "an operator".into(),
        approval: revoke(),
    };
    assert_eq!(recorded, [&expected]);
    assert_eq!(reasons(&play, "A"), [Reason::RulesUnknown]);
    let mapped = effects
        .iter()
        .filter(|effect| matches!(effect, Effect::Record(Record::Mapped { .. })));
    assert_eq!(mapped.count(), 2, "another process sees it");
    assert_eq!(
        verify(play.journal.iter().map(String::as_str)).unwrap(),
        play.engine.chain()
    );
}

#[test]
fn decisions_and_first_sights_outlive_a_restart() {
    let mut play = Play::new();
    let terms = ContractTerms::of(&worded("B", "it said this"));
    play.engine.restore(Restored {
        approvals: vec![Approval {
            at: at(1),
            by: "an operator".into(),
            decision: revoke(),
        }],
        terms: vec![(ticker("B"), terms)],
        ..Restored::default()
    });
    assert_eq!(
        reasons(&play, "A"),
        [Reason::RulesUnknown],
        "known before the next listing"
    );
    let markets = vec![worded("A", "anything"), worded("B", "it says that")];
    let effects = play.handle(
        2,
        &Event::Markets {
            series: "SERIES".parse().unwrap(),
            markets,
        },
    );
    assert_eq!(
        reasons(&play, "B"),
        [Reason::TermsChanged, Reason::RulesUnknown],
        "the words changed while nobody looked"
    );
    assert!(first_sights(&effects).iter().all(|(name, _)| name != "B"));
}

#[test]
fn what_a_contract_first_says_is_noted_once_and_a_change_freezes_it_until_it_is_read() {
    let mut play = Play::new();
    let news = |text: &str| Event::Market(worded("C", text));
    assert_eq!(
        first_sights(&play.handle(1, &news("? not yet readable"))),
        [],
        "a text that fits nothing is not held against the one that replaces it"
    );
    assert_eq!(
        first_sights(&play.handle(2, &news("says one thing"))),
        [("C".to_owned(), "says one thing".to_owned())]
    );
    assert_eq!(reasons(&play, "C"), []);
    assert_eq!(first_sights(&play.handle(3, &news("says  one\nthing"))), []);
    assert_eq!(reasons(&play, "C"), []);
    assert_eq!(first_sights(&play.handle(4, &news("says another"))), []);
    assert_eq!(reasons(&play, "C"), [Reason::TermsChanged]);
    // An approval of words that were replaced meanwhile releases nothing.
    let approve = |text: &str| {
        command(ApprovalDecision::Mapping {
            ticker: ticker("C"),
            subject: "c".into(),
            terms: ContractTerms::of(&worded("C", text)),
            name: "c".into(),
        })
    };
    play.handle(5, &approve("says a third"));
    assert_eq!(reasons(&play, "C"), [Reason::TermsChanged]);
    play.handle(6, &approve("says another"));
    assert_eq!(reasons(&play, "C"), []);
}

#[test]
fn what_freezes_is_told_once_in_one_message() {
    let mut play = Play::new();
    let alerts = |effects: &[Effect]| -> Vec<String> {
        effects
            .iter()
            .filter_map(|effect| match effect {
                Effect::Alert(alert) if alert.name.starts_with("contracts_frozen") => {
                    Some(alert.text.clone())
                }
                _ => None,
            })
            .collect()
    };
    let listed = |text: &str| Event::Markets {
        series: "SERIES".parse().unwrap(),
        markets: ["A", "B", "C", "D", "E", "F", "G"]
            .map(|name| worded(name, text))
            .to_vec(),
    };
    let mut changed = Play::new();
    assert_eq!(alerts(&play.handle(1, &listed(""))), Vec::<String>::new());
    let told = alerts(&play.handle(2, &listed("another question")));
    assert_eq!(told.len(), 1);
    assert!(
        told[0].contains("A (terms_changed)") && told[0].ends_with("and 2 more."),
        "{told:?}"
    );
    assert!(
        alerts(&play.handle(3, &listed("another question"))).is_empty(),
        "not again"
    );
    // What changed while nobody looked is told at the start.
    changed.engine.restore(Restored {
        terms: vec![(ticker("H"), ContractTerms::of(&worded("H", "it said this")))],
        ..Restored::default()
    });
    let told = alerts(&changed.handle(1, &Event::Market(worded("H", "it says that"))));
    assert_eq!(told.len(), 1, "{told:?}");
}
