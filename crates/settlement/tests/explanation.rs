//! What an explanation says: steps, what was missing, imprecise dates, other readings, and the words.
#![allow(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use autotrader_settlement::{
    Criterion, Entry, Explanation, ImpreciseDate, Missing, OutcomeKind, Rating, ReleaseDate, Rule, RuleSet,
    ScorePrecision, explain, other_readings,
};
use rstest::rstest;

fn entry(name: &str, organization: &str, rank_ub: i64, score: &str, votes: i64) -> Entry {
    Entry {
        organization: Some(organization.to_owned()),
        rank_ub: Some(rank_ub),
        score: Some(Rating::parse(score).unwrap()),
        votes: Some(votes),
        ..Entry::named(name)
    }
}

fn dated(entry: Entry, date: &str) -> Entry {
    Entry {
        release_date: Some(ReleaseDate::parse(date).unwrap()),
        ..entry
    }
}

/// Four models share the best rank; each criterion drops one.
fn four_in_a_row() -> Vec<Entry> {
    vec![
        dated(entry("late", "y", 1, "1500.5", 9), "2025-03-02"),
        entry("lower", "y", 1, "1500.4", 99),
        entry("fewer", "x", 1, "1500.5", 8),
        dated(entry("early", "x", 1, "1500.50", 9), "2025-03"),
        entry("below", "x", 2, "1600", 99),
    ]
}

#[test]
fn each_step_says_who_survived_and_with_what() {
    let why = explain(&four_in_a_row(), &RuleSet::default());
    let steps: Vec<_> = why
        .steps
        .iter()
        .map(|step| {
            (
                step.criterion,
                step.contenders,
                step.best.as_deref().unwrap(),
                step.survivors.join(" "),
            )
        })
        .collect();
    assert_eq!(
        steps,
        [
            (Criterion::RankUb, 5, "1", "early late fewer lower".to_owned()),
            (Criterion::Score, 4, "1500.50", "early late fewer".to_owned()),
            (Criterion::Votes, 3, "9", "early late".to_owned()),
            (Criterion::ReleaseDate, 2, "2025-03-01", "early".to_owned()),
        ]
    );
    assert_eq!(why.outcome, OutcomeKind::Sole);
    assert_eq!(why.decided_by, Some(Criterion::ReleaseDate));
    assert_eq!(why.winner.unwrap().organization.as_deref(), Some("x"));
    assert_eq!(why.missing, []);
    assert_eq!(
        why.imprecise_dates,
        [ImpreciseDate {
            model_name: "early".to_owned(),
            given: "2025-03".to_owned(),
            counted_as: "2025-03-01".to_owned()
        }]
    );
    assert_eq!(why.duplicate_names, [] as [String; 0]);
}

#[test]
fn a_displayed_score_is_shown_as_compared() {
    let why = explain(
        &four_in_a_row(),
        &RuleSet::new(Rule::Cascade, ScorePrecision::Displayed),
    );
    assert_eq!(why.steps[1].best.as_deref(), Some("1501"));
}

#[test]
fn what_nobody_in_contention_has_separates_nobody_and_is_listed() {
    let board = [
        Entry {
            score: None,
            ..entry("b", "x", 1, "1", 5)
        },
        Entry {
            score: Some(Rating::from_value(f64::NAN)),
            ..entry("a", "x", 1, "1", 5)
        },
        Entry {
            score: None,
            votes: None,
            ..entry("out", "x", 2, "1", 5)
        },
    ];
    let why = explain(&board, &RuleSet::default());
    assert_eq!(why.decided_by, Some(Criterion::ModelName));
    assert_eq!(why.steps[1].best, None);
    assert_eq!(why.steps[1].survivors, ["a", "b"]);
    let missing = |criterion, name: &str| Missing {
        criterion,
        model_name: name.to_owned(),
    };
    assert_eq!(
        why.missing,
        [
            missing(Criterion::Score, "a"),
            missing(Criterion::Score, "b"),
            missing(Criterion::ReleaseDate, "a"),
            missing(Criterion::ReleaseDate, "b"),
        ]
    );
}

#[test]
fn duplicate_names_are_listed_once_wherever_they_stand() {
    let board = [
        entry("a", "x", 1, "1", 1),
        entry("c", "x", 7, "1", 1),
        entry("b", "x", 5, "1", 1),
        entry("c", "x", 8, "1", 1),
        entry("c", "x", 9, "1", 1),
    ];
    let why = explain(&board, &RuleSet::default());
    assert_eq!(why.duplicate_names, ["c"]);
    assert_eq!(why.decided_by, Some(Criterion::RankUb));
}

/// Rule set and named winner of each other reading.
fn readings(board: &[Entry], rules: &str) -> Vec<(String, Option<String>)> {
    other_readings(board, &rules.parse().unwrap())
        .into_iter()
        .map(|reading| {
            (
                reading.rule_set.to_string(),
                reading.winner.map(|winner| winner.model_name),
            )
        })
        .collect()
}

#[rstest]
#[case::clear(&[("a", "x", 1, "1500", 1), ("b", "y", 2, "1400", 9)], "v1:cascade:full", &[])]
#[case::precision_matters(
    &[("a", "x", 1, "1500.2", 1), ("b", "x", 1, "1500.1", 9)],
    "v1:cascade:full",
    // The winner of a tie that pays is the first in settlement order, so the precision matters there too.
    &[("v1:cascade:displayed", Some("b")), ("v1:rank_ub_alone:displayed", Some("b"))]
)]
#[case::precision_matters_the_other_way(
    &[("a", "x", 1, "1500.2", 1), ("b", "x", 1, "1500.1", 9)],
    "v1:cascade:displayed",
    &[("v1:cascade:full", Some("a")), ("v1:rank_ub_alone:full", Some("a"))]
)]
#[case::rank_alone_pays_nobody(
    &[("a", "x", 1, "1500", 1), ("b", "y", 1, "1400", 9)],
    "v1:cascade:full",
    &[("v1:rank_ub_alone:full", None)]
)]
#[case::all_three_differ(
    &[("a", "x", 1, "1500.2", 1), ("b", "y", 1, "1500.1", 9)],
    "v1:cascade:full",
    &[("v1:cascade:displayed", Some("b")), ("v1:rank_ub_alone:full", None)]
)]
#[case::seen_from_rank_alone(
    &[("a", "x", 1, "1500.2", 1), ("b", "y", 1, "1500.1", 9)],
    "v1:rank_ub_alone:full",
    &[("v1:cascade:full", Some("a")), ("v1:cascade:displayed", Some("b"))]
)]
fn other_readings_name_another_winner(
    #[case] rows: &[(&str, &str, i64, &str, i64)],
    #[case] rules: &str,
    #[case] expected: &[(&str, Option<&str>)],
) {
    let board: Vec<Entry> = rows
        .iter()
        .zip(1..)
        .map(|(&(name, organization, rank_ub, score, votes), rank)| Entry {
            rank: Some(rank),
            ..entry(name, organization, rank_ub, score, votes)
        })
        .collect();
    let expected: Vec<(String, Option<String>)> = expected
        .iter()
        .map(|(rules, winner)| ((*rules).to_owned(), winner.map(str::to_owned)))
        .collect();
    // The ordinal rule always names the first row here, which is what it differs in and nothing else.
    let found = readings(&board, rules)
        .into_iter()
        .filter(|(rules, _)| !rules.contains("ordinal"));
    assert_eq!(found.collect::<Vec<_>>(), expected);
}

#[test]
fn the_ordinal_rank_may_differ_from_the_bound() {
    let board = [
        Entry {
            rank: Some(2),
            ..entry("a", "x", 1, "1500", 1)
        },
        Entry {
            rank: Some(1),
            ..entry("b", "y", 2, "1400", 9)
        },
    ];
    assert_eq!(
        readings(&board, "v1:cascade:full"),
        [("v1:ordinal_rank_alone:full".to_owned(), Some("b".to_owned()))]
    );
}

#[test]
fn a_rank_that_nobody_has_is_no_other_reading() {
    let board = [entry("a", "x", 1, "1500", 1), entry("b", "y", 2, "1400", 9)];
    assert_eq!(readings(&board, "v1:cascade:full"), []);
}

#[test]
fn another_organization_under_the_same_name_is_another_winner() {
    let board = [entry("a", "x", 1, "1500.2", 1), entry("a", "y", 1, "1500.1", 9)];
    let why = explain(&board, &RuleSet::default());
    assert_eq!(
        why.other_readings[0]
            .winner
            .as_ref()
            .unwrap()
            .organization
            .as_deref(),
        Some("y")
    );
}

#[rstest]
#[case::cascade(
    four_in_a_row(),
    "v1:cascade:full",
    "early (x) wins, decided by release_date (rule set v1:cascade:full)\n  \
     rank_ub: best 1; 4 of 5 remain: early, late, fewer, lower\n  \
     score: best 1500.50; 3 of 4 remain: early, late, fewer\n  \
     votes: best 9; 2 of 3 remain: early, late\n  \
     release_date: best 2025-03-01; 1 of 2 remain: early\n  \
     imprecise date: early 2025-03 counts as 2025-03-01\n  \
     another reading, v1:rank_ub_alone:full: organisations share the top, nobody is paid"
)]
#[case::tie(
    vec![entry("a", "x", 1, "9", 1), entry("b", "y", 1, "8", 1)],
    "v1:rank_ub_alone:full",
    "No winner: organisations share the top, nobody is paid (rule set v1:rank_ub_alone:full)\n  \
     rank_ub: best 1; 2 of 2 remain: a, b\n  \
     share the top: a (x), b (y)\n  \
     another reading, v1:cascade:full: a (x)"
)]
#[case::empty(vec![], "v1:cascade:full", "No winner: the board is empty (rule set v1:cascade:full)")]
#[case::one(
    vec![Entry::named("a")],
    "v1:cascade:full",
    "a (organisation not given) wins, decided by only_entry (rule set v1:cascade:full)"
)]
#[case::many(
    (0..7).map(|n| Entry::named(n.to_string())).collect(),
    "v1:rank_ub_alone:full",
    "No winner: no entry has the rank that the rule looks at (rule set v1:rank_ub_alone:full)\n  \
     rank_ub: best none has one; 7 of 7 remain: 0, 1, 2, 3, 4 and 2 more\n  \
     rank_ub missing: 0, 1, 2, 3, 4 and 2 more\n  \
     another reading, v1:cascade:full: 0 (organisation not given)"
)]
fn the_words(#[case] board: Vec<Entry>, #[case] rules: &str, #[case] expected: &str) {
    let why: Explanation = explain(&board, &rules.parse().unwrap());
    assert_eq!(why.to_string(), expected);
}
