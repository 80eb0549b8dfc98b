//! Properties of settlement over boards that no page would serve: NaN, infinities, duplicates, blanks.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "helpers of tests stop at the first surprise, as tests do"
)]

use autotrader_settlement::{
    Entry, Outcome, Rating, ReleaseDate, Rule, RuleSet, ScorePrecision, explain, rank_bounds,
    resolve_top_model, resolve_top_org, settlement_cmp, settlement_order,
};
use proptest::collection::vec;
use proptest::prelude::*;
use std::cmp::Ordering;

/// Ratings from few values, so that ties and near ties are common, and any `f64` beside them.
fn rating() -> impl Strategy<Value = Rating> {
    let text = prop::sample::select(vec![
        "0",
        "-0",
        "0.4",
        "-0.4",
        "0.5",
        "-0.5",
        "1",
        "1.0",
        "1e0",
        "10e-1",
        "1.0000000000000000001",
        "1.00000000000000000010",
        "1.0000000000000000002",
        "1500.49",
        "1500.5",
        "1500.50",
        "1501",
        "-1500.5",
        "1e-400",
        "1e308",
        "0.1",
        "1e-1",
        "0.1000000000000000055511151231257827",
    ])
    .prop_map(|text| Rating::parse(text).unwrap());
    let value = prop_oneof![
        Just(f64::NAN),
        Just(-f64::NAN),
        Just(f64::INFINITY),
        Just(f64::NEG_INFINITY),
        Just(-0.0),
        any::<f64>()
    ]
    .prop_map(Rating::from_value);
    prop_oneof![3 => text, 1 => value]
}

fn entry() -> impl Strategy<Value = Entry> {
    let small = || prop::option::of(prop_oneof![4 => -1..4_i64, 1 => any::<i64>()]);
    let date = prop::sample::select(vec!["2025", "2025-01", "2025-01-01", "2025-01-02", "2024-12-31"])
        .prop_map(|text| ReleaseDate::parse(text).unwrap());
    (
        (
            prop::sample::select(vec!["a", "b", "c", ""]),
            prop::option::of(prop::sample::select(vec!["x", "y", ""])),
        ),
        (small(), small(), small(), small()),
        (
            prop::option::of(rating()),
            prop::option::of(rating()),
            prop::option::of(rating()),
        ),
        (prop::option::of(date), any::<bool>()),
    )
        .prop_map(
            |((name, organization), (rank, rank_ub, rank_lb, votes), (score, lower, upper), (date, flag))| {
                Entry {
                    organization: organization.map(str::to_owned),
                    rank,
                    rank_ub,
                    rank_lb,
                    score,
                    ci_lower: lower,
                    ci_upper: upper,
                    votes,
                    preliminary: flag,
                    release_date: date,
                    ..Entry::named(name)
                }
            },
        )
}

fn rules() -> impl Strategy<Value = RuleSet> {
    (
        prop::sample::select(Rule::ALL),
        prop::sample::select(ScorePrecision::ALL),
    )
        .prop_map(|(rule, precision)| RuleSet::new(rule, precision))
}

/// A board and the same entries in another order.
fn shuffled() -> impl Strategy<Value = (Vec<Entry>, Vec<Entry>)> {
    vec(entry(), 0..12).prop_flat_map(|board| (Just(board.clone()), Just(board).prop_shuffle()))
}

/// NaN differs from itself, so entries are compared by what they print.
fn printed(value: &impl std::fmt::Debug) -> String {
    format!("{value:?}")
}

/// The cascade as a sort by a plain key, written apart from the crate's comparisons.
///
/// Scores are compared as `f64` here, so it speaks only of boards whose scores `f64` tells apart.
fn winner_by_key(board: &[Entry]) -> Option<&Entry> {
    let ascending = |value: Option<i64>| value.unwrap_or(i64::MAX);
    board.iter().min_by(|a, b| {
        let rank = |entry: &Entry| ascending(entry.rank_ub.filter(|rank| *rank >= 1));
        let score = |entry: &Entry| entry.score.as_ref().map_or(f64::NAN, Rating::value);
        let falling = |a: f64, b: f64| match (a.is_nan(), b.is_nan()) {
            (false, false) => b.partial_cmp(&a).unwrap(),
            (a, b) => a.cmp(&b),
        };
        let votes = |entry: &Entry| entry.votes.map_or(i128::MAX, |votes| -i128::from(votes));
        let date = |entry: &Entry| {
            entry
                .release_date
                .map_or((u16::MAX, 0, 0), |date| date.first_day())
        };
        rank(a)
            .cmp(&rank(b))
            .then(falling(score(a), score(b)))
            .then(votes(a).cmp(&votes(b)))
            .then(date(a).cmp(&date(b)))
            .then(a.model_name.cmp(&b.model_name))
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_order_of_the_input_never_shows((board, other) in shuffled(), rules in rules()) {
        prop_assert_eq!(
            printed(&resolve_top_model(&board, &rules)),
            printed(&resolve_top_model(&other, &rules))
        );
        prop_assert_eq!(explain(&board, &rules), explain(&other, &rules));
        prop_assert_eq!(
            printed(&settlement_order(&board, &rules)),
            printed(&settlement_order(&other, &rules))
        );
    }

    #[test]
    fn the_winner_is_an_entry_and_nobody_settles_before_it(board in vec(entry(), 0..12), precision in rules()) {
        let rules = RuleSet::new(Rule::Cascade, precision.score_precision);
        match resolve_top_model(&board, &rules) {
            Outcome::NoEntries => prop_assert!(board.is_empty()),
            Outcome::Sole(winner) => {
                prop_assert!(board.iter().any(|entry| std::ptr::eq(entry, winner)));
                for entry in &board {
                    prop_assert_ne!(settlement_cmp(entry, winner, rules.score_precision), Ordering::Less);
                }
                prop_assert_eq!(resolve_top_org(&board, &rules), winner.known_organization());
            }
            other => prop_assert!(false, "the cascade left {:?}", other),
        }
    }

    #[test]
    fn the_cascade_is_a_sort_by_key(board in vec(entry(), 0..12)) {
        // Only what `f64` tells apart: see `winner_by_key`.
        let board: Vec<Entry> = board.into_iter().enumerate().map(|(row, entry)| Entry {
            model_name: row.to_string(),
            score: entry.score.map(|score| Rating::from_value(score.value() + 0.0)),
            ..entry
        }).collect();
        let winner = resolve_top_model(&board, &RuleSet::default()).winner().map(|entry| &entry.model_name);
        prop_assert_eq!(winner, winner_by_key(&board).map(|entry| &entry.model_name));
    }

    #[test]
    fn the_comparison_is_total_and_transitive(
        a in entry(), b in entry(), c in entry(), precision in prop::sample::select(ScorePrecision::ALL)
    ) {
        let compare = |a, b| settlement_cmp(a, b, precision);
        prop_assert_eq!(compare(&a, &a), Ordering::Equal);
        prop_assert_eq!(compare(&a, &b), compare(&b, &a).reverse());
        if compare(&a, &b).is_le() && compare(&b, &c).is_le() {
            prop_assert!(compare(&a, &c).is_le());
        }
        if compare(&a, &b).is_eq() {
            prop_assert_eq!(printed(&a), printed(&b));
        }
    }

    #[test]
    fn ratings_compare_totally_and_transitively(a in rating(), b in rating(), c in rating()) {
        prop_assert_eq!(a.total_cmp(&b), b.total_cmp(&a).reverse());
        if a.total_cmp(&b).is_le() && b.total_cmp(&c).is_le() {
            prop_assert!(a.total_cmp(&c).is_le());
        }
        if a.value() < b.value() {
            prop_assert_eq!(a.total_cmp(&b), Ordering::Less);
        }
    }

    #[test]
    fn at_most_one_organization_is_paid_and_an_explanation_agrees(board in vec(entry(), 0..12), rules in rules()) {
        use autotrader_settlement::Payment;
        let outcome = resolve_top_model(&board, &rules);
        let paid = ["x", "y"].into_iter().filter(|name| outcome.pays_organization(name) == Payment::Full);
        prop_assert_eq!(paid.collect::<Vec<_>>(), outcome.organization().into_iter().collect::<Vec<_>>());
        let why = explain(&board, &rules);
        prop_assert_eq!(why.outcome, outcome.kind());
        prop_assert_eq!(why.winner.is_some(), why.decided_by.is_some());
        prop_assert_eq!(
            why.winner.as_ref().map(|winner| winner.model_name.as_str()),
            outcome.winner().map(|entry| entry.model_name.as_str())
        );
        if let Some(last) = why.steps.last() && let Some(winner) = &why.winner {
            prop_assert_eq!(&last.survivors[0], &winner.model_name);
        }
        for reading in &why.other_readings {
            prop_assert_ne!(&reading.winner, &why.winner);
        }
    }

    #[test]
    fn rank_bounds_count_the_others_as_defined(board in vec(entry(), 0..12)) {
        let known = |bound: &Option<Rating>| bound.clone().filter(|bound| !bound.value().is_nan());
        for (row, bounds) in rank_bounds(&board).into_iter().enumerate() {
            let above = |rival: fn(&Entry) -> &Option<Rating>, own: &Option<Rating>| {
                known(own).map(|own| {
                    let others = board.iter().enumerate().filter(|(other, _)| *other != row);
                    let better = others.filter(|(_, other)| {
                        known(rival(other)).is_some_and(|rival| rival.total_cmp(&own) == Ordering::Greater)
                    });
                    i64::try_from(better.count()).unwrap() + 1
                })
            };
            prop_assert_eq!(bounds.rank_ub, above(|entry| &entry.ci_lower, &board[row].ci_upper));
            prop_assert_eq!(bounds.rank_lb, above(|entry| &entry.ci_upper, &board[row].ci_lower));
        }
    }
}
