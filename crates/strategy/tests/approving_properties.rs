//! Whatever people decide in whatever order, only what they said last and what the board lists is entered.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test stops at the first surprise"
)]
#![allow(dead_code, reason = "the scene is shared between test files")]

mod scene;

use autotrader_domain::{ApprovalDecision, Approvals, Claim, ContractTerms};
use autotrader_strategy::mapping::{SeriesKind, map_report, names_on_board, review, rule_texts};
use proptest::prelude::*;
use scene::{LAB_TIE_RULE, Scene};

const MODEL: &str = "KXTOPMODEL-26SEP28-AUR6";
const SUBJECTS: [&str; 3] = ["aurora-6", "aurora_6", "nobody-1"];
const NAMES: [&str; 4] = ["aurora-6", "boreas-5", "cirrus-2", "not-listed-3"];
const RULE_SETS: [&str; 3] = ["v1:cascade:full", "v1:rank_ub_alone:full", "v9:cascade:full"];

/// The words of a contract that names a subject.
fn terms(subject: &str) -> ContractTerms {
    ContractTerms {
        strike_model: Some(subject.to_owned()),
        rules_primary: format!(
            "If {subject} is the top-ranked AI model on Sep 28, 2026 at 10:00 AM ET, then the market resolves to Yes."
        ),
    }
}

fn decision() -> impl Strategy<Value = ApprovalDecision> {
    let subject = || prop::sample::select(&SUBJECTS[..]);
    let name = || prop::sample::select(&NAMES[..]);
    let mapping = (subject(), name()).prop_map(|(subject, name)| ApprovalDecision::Mapping {
        ticker: MODEL.parse().unwrap(),
        subject: subject.to_owned(),
        terms: terms(subject),
        name: name.to_owned(),
    });
    let rejected =
        (subject(), prop::option::of(name())).prop_map(|(subject, name)| ApprovalDecision::MappingRejected {
            ticker: MODEL.parse().unwrap(),
            subject: subject.to_owned(),
            name: name.map(str::to_owned),
        });
    let text = || {
        prop::sample::select(vec![
            autotrader_strategy::mapping::TOP_MODEL_TIE_RULE,
            LAB_TIE_RULE,
        ])
    };
    let rules =
        (text(), prop::sample::select(&RULE_SETS[..])).prop_map(|(text, rule_set)| ApprovalDecision::Rules {
            series: "KXTOPMODEL".parse().unwrap(),
            text: text.to_owned(),
            rule_set: rule_set.to_owned(),
        });
    let revoked = text().prop_map(|text| ApprovalDecision::RulesRevoked {
        series: "KXTOPMODEL".parse().unwrap(),
        text: text.to_owned(),
    });
    prop_oneof![4 => mapping, 3 => rejected, 1 => rules, 1 => revoked]
}

/// The last thing that was said of a subject and a name, read off the list itself.
fn last_word(decisions: &[ApprovalDecision], subject: &str, wanted: &str) -> Option<bool> {
    decisions.iter().rev().find_map(|decision| match decision {
        ApprovalDecision::Mapping { subject: s, name, .. } if s == subject && name == wanted => Some(true),
        ApprovalDecision::MappingRejected { subject: s, name, .. } if s == subject => match name {
            Some(name) if name == wanted => Some(false),
            None => Some(false),
            Some(_) => None,
        },
        _ => None,
    })
}

proptest! {
    #[test]
    fn only_the_last_word_and_the_board_let_a_contract_in(
        subject in prop::sample::select(&SUBJECTS[..]),
        decisions in prop::collection::vec(decision(), 0..12),
    ) {
        let mut scene = Scene::news();
        let market = scene.markets.get_mut(&MODEL.parse().unwrap()).unwrap();
        let words = terms(subject);
        market.strike_model = words.strike_model.clone();
        market.rules_primary = words.rules_primary.clone();
        let market = market.clone();
        let mut approvals = Approvals::default();
        approvals.note_terms(&market.ticker, words);
        approvals.extend(&decisions);
        let params = &scene.params.mapping;
        let report = map_report(&scene.markets, &scene.standing, &approvals, params);
        let line = report.iter().find(|line| line.ticker == market.ticker).unwrap();
        if line.may_enter {
            let name = line.claim.as_ref().map(Claim::name).unwrap();
            prop_assert!(names_on_board(SeriesKind::TopModel, &scene.standing).contains(name));
            prop_assert_ne!(last_word(&decisions, subject, name), Some(false), "rejected last");
            prop_assert!(name == subject || last_word(&decisions, subject, name) == Some(true));
            prop_assert!(!approvals.terms_changed(&market));
            prop_assert_eq!(line.rule_set.as_deref(), Some("v1:cascade:full"));
        }
        for suggested in &line.suggestions {
            prop_assert_ne!(last_word(&decisions, subject, suggested), Some(false));
        }
        // What waits is never what may be entered, and what may be entered never waits.
        let waiting = review(&scene.markets, &scene.standing, &approvals, params);
        prop_assert!(!waiting.iter().any(|item| item.line.may_enter));
        // Every text is told once, with what the gate says of it.
        let texts = rule_texts(&scene.markets, &approvals, params);
        let shown: Vec<_> = texts.iter().filter(|text| text.contracts.contains(&market.ticker)).collect();
        prop_assert_eq!(shown.len(), 1);
        prop_assert_eq!(shown[0].rule_set.map(|rules| rules.to_string()), line.rule_set.clone());
        // The log says the same after it was written and read.
        let log = serde_json::to_string(&decisions).unwrap();
        let read: Vec<ApprovalDecision> = serde_json::from_str(&log).unwrap();
        let mut again = Approvals::default();
        again.note_terms(&market.ticker, terms(subject));
        again.extend(&read);
        prop_assert_eq!(again, approvals);
    }
}
