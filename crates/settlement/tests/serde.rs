//! The serialised forms, which journals and databases keep.
#![cfg(feature = "serde")]
#![allow(
    clippy::unwrap_used,
    reason = "helpers of tests stop at the first surprise, as tests do"
)]

use autotrader_settlement::{
    Board, Entry, Explanation, Payment, RankBounds, Rating, ReleaseDate, Rule, RuleSet, ScorePrecision,
    explain,
};
use rstest::rstest;
use serde_json::json;

fn full_entry() -> Entry {
    Entry {
        organization: Some("Contoso".to_owned()),
        rank: Some(1),
        rank_ub: Some(1),
        rank_lb: Some(2),
        score: Some(Rating::parse("1500.560").unwrap()),
        ci_lower: Some(Rating::parse("1495.91").unwrap()),
        ci_upper: Some(Rating::parse("1505.21").unwrap()),
        votes: Some(23_616),
        release_type: Some("pre_release".to_owned()),
        preliminary: true,
        release_date: Some(ReleaseDate::parse("2026-02").unwrap()),
        ..Entry::named("atlas-5")
    }
}

#[test]
fn an_entry_keeps_every_digit() {
    let entry = full_entry();
    let value = serde_json::to_value(&entry).unwrap();
    assert_eq!(
        value,
        json!({
            "model_name": "atlas-5", "organization": "Contoso", "rank": 1, "rank_ub": 1, "rank_lb": 2,
            "score": "1500.560", "ci_lower": "1495.91", "ci_upper": "1505.21", "votes": 23616,
            "release_type": "pre_release", "preliminary": true, "release_date": "2026-02",
        })
    );
    assert_eq!(serde_json::from_value::<Entry>(value).unwrap(), entry);
}

#[test]
fn a_board_reads_back() {
    let board = Board {
        entries: vec![full_entry(), Entry::named("b")],
    };
    let text = serde_json::to_string(&board).unwrap();
    assert_eq!(serde_json::from_str::<Board>(&text).unwrap(), board);
}

#[rstest]
#[case(json!({"model_name": "a"}), "missing field `preliminary`")]
#[case(json!({"preliminary": false}), "missing field `model_name`")]
#[case(json!({"model_name": "a", "preliminary": false, "score": "NaN"}), "`NaN` is not a decimal number")]
#[case(
    json!({"model_name": "a", "preliminary": false, "release_date": "03/04"}),
    "`03/04` is not a date of the form YYYY, YYYY-MM or YYYY-MM-DD"
)]
fn a_spoilt_entry_is_refused_with_the_reason(#[case] value: serde_json::Value, #[case] expected: &str) {
    assert_eq!(
        serde_json::from_value::<Entry>(value).unwrap_err().to_string(),
        expected
    );
}

#[test]
fn a_rule_set_reads_back_and_tolerates_nothing_unknown() {
    for &rule in Rule::ALL {
        for &score_precision in ScorePrecision::ALL {
            let rules = RuleSet::new(rule, score_precision);
            let value = serde_json::to_value(rules).unwrap();
            let names =
                json!({"version": "v1", "rule": rule.as_str(), "score_precision": score_precision.as_str()});
            assert_eq!(value, names);
            assert_eq!(serde_json::from_value::<RuleSet>(value).unwrap(), rules);
        }
    }
    for spoilt in [
        json!({"version": "v2", "rule": "cascade", "score_precision": "full"}),
        json!({"version": "v1", "rule": "cascade"}),
        json!({"version": "v1", "rule": "cascade", "score_precision": "full", "extra": 1}),
    ] {
        serde_json::from_value::<RuleSet>(spoilt).unwrap_err();
    }
}

#[test]
fn an_explanation_is_snake_case_and_reads_back() {
    let rival = Entry {
        organization: Some("Northwind".to_owned()),
        score: Some(Rating::parse("1500.6").unwrap()),
        votes: Some(1),
        ..full_entry()
    };
    let board = [
        full_entry(),
        Entry {
            model_name: "swift-2".to_owned(),
            ..rival
        },
    ];
    let why = explain(&board, &RuleSet::default());
    let value = serde_json::to_value(&why).unwrap();
    assert_eq!(
        value,
        json!({
            "rule_set": {"version": "v1", "rule": "cascade", "score_precision": "full"},
            "outcome": "sole",
            "winner": {"model_name": "swift-2", "organization": "Northwind"},
            "tied": [],
            "decided_by": "score",
            "steps": [
                {"criterion": "rank_ub", "contenders": 2, "best": "1", "survivors": ["swift-2", "atlas-5"]},
                {"criterion": "score", "contenders": 2, "best": "1500.6", "survivors": ["swift-2"]},
            ],
            "missing": [],
            "imprecise_dates": [],
            "duplicate_names": [],
            "other_readings": [
                {
                    "rule_set": {"version": "v1", "rule": "cascade", "score_precision": "displayed"},
                    "outcome": "sole",
                    "winner": {"model_name": "atlas-5", "organization": "Contoso"},
                },
                {
                    "rule_set": {"version": "v1", "rule": "rank_ub_alone", "score_precision": "full"},
                    "outcome": "tied_between_organizations",
                    "winner": null,
                },
                {
                    "rule_set": {"version": "v1", "rule": "ordinal_rank_alone", "score_precision": "full"},
                    "outcome": "tied_between_organizations",
                    "winner": null,
                },
            ],
        })
    );
    assert_eq!(serde_json::from_value::<Explanation>(value).unwrap(), why);
}

#[test]
fn small_answers_have_names_too() {
    assert_eq!(serde_json::to_value(Payment::Shared).unwrap(), json!("shared"));
    let bounds = RankBounds {
        rank_ub: Some(1),
        rank_lb: None,
    };
    assert_eq!(
        serde_json::to_value(bounds).unwrap(),
        json!({"rank_ub": 1, "rank_lb": null})
    );
}
