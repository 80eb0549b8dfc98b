//! The cascade, criterion by criterion, and boards that lack or spoil each field.
#![allow(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use autotrader_settlement::{
    Criterion, Entry, Outcome, Rating, ReleaseDate, Rule, RuleSet, ScorePrecision, explain,
    resolve_top_model, resolve_top_org, settlement_order,
};
use rstest::rstest;

/// An entry from `rank_ub score votes date`; `-` is a missing field.
fn entry(name: &str, fields: &str) -> Entry {
    let mut fields = fields.split(' ').map(|field| (field != "-").then_some(field));
    let mut next = || fields.next().unwrap();
    let number = |text: Option<&str>| text.map(|text| text.parse::<i64>().unwrap());
    Entry {
        organization: Some(format!("{name} ltd")),
        rank_ub: number(next()),
        score: next().map(|text| match text {
            "NaN" | "inf" | "-inf" => Rating::from_value(text.parse().unwrap()),
            _ => Rating::parse(text).unwrap(),
        }),
        votes: number(next()),
        release_date: next().map(|text| ReleaseDate::parse(text).unwrap()),
        ..Entry::named(name)
    }
}

/// `a` wins over `b` in either order, decided by the criterion.
#[track_caller]
fn check(a: &str, b: &str, decided_by: Criterion, precision: ScorePrecision) {
    let rules = RuleSet::new(Rule::Cascade, precision);
    let (a, b) = (entry("a", a), entry("b", b));
    for board in [[a.clone(), b.clone()], [b, a]] {
        let outcome = resolve_top_model(&board, &rules);
        assert_eq!(outcome.winner().unwrap().model_name, "a");
        assert!(matches!(outcome, Outcome::Sole(_)));
        assert_eq!(resolve_top_org(&board, &rules), Some("a ltd"));
        assert_eq!(explain(&board, &rules).decided_by, Some(decided_by));
    }
}

#[rstest]
#[case::lower_rank_ub("1 1400 1 -", "2 1500 9 2020", Criterion::RankUb)]
#[case::ranks_are_numbers("9 1 1 -", "10 1 1 -", Criterion::RankUb)]
#[case::zero_rank_is_last("7 1400 1 -", "0 1500 9 2020", Criterion::RankUb)]
#[case::negative_rank_is_last("7 1400 1 -", "-1 1500 9 2020", Criterion::RankUb)]
#[case::missing_rank_is_last("10001 1400 1 -", "- 1500 9 2020", Criterion::RankUb)]
#[case::no_rank_at_all("- 1500 1 -", "0 1499 9 2020", Criterion::Score)]
#[case::higher_score("1 1500.57 1 -", "1 1500.56 9 2020", Criterion::Score)]
#[case::score_beyond_f64(
    "1 1500.560000000000000002 1 -",
    "1 1500.560000000000000001 9 2020",
    Criterion::Score
)]
#[case::missing_score_is_last("1 -99 1 -", "1 - 9 2020", Criterion::Score)]
#[case::nan_is_last("1 -inf 1 -", "1 NaN 9 2020", Criterion::Score)]
#[case::nan_is_missing("1 NaN 9 -", "1 - 1 2020", Criterion::Votes)]
#[case::infinite_score("1 inf 1 -", "1 1e308 9 2020", Criterion::Score)]
#[case::same_score_in_other_digits("1 1500.5 9 -", "1 1500.50 8 2020", Criterion::Votes)]
#[case::more_votes("1 1500 9 -", "1 1500 8 2020", Criterion::Votes)]
#[case::missing_votes_are_last("1 1500 -5 -", "1 1500 - 2020", Criterion::Votes)]
#[case::negative_votes("1 1500 -5 -", "1 1500 -6 2020", Criterion::Votes)]
#[case::earlier_release("1 1500 9 2025-03-01", "1 1500 9 2025-03-02", Criterion::ReleaseDate)]
#[case::partial_counts_as_first_day("1 1500 9 2025-03", "1 1500 9 2025-03-02", Criterion::ReleaseDate)]
#[case::year_counts_as_new_year("1 1500 9 2025", "1 1500 9 2025-02", Criterion::ReleaseDate)]
#[case::missing_date_is_last("1 1500 9 2026-11-22", "1 1500 9 -", Criterion::ReleaseDate)]
#[case::dates_of_one_first_day("1 1500 9 2025-01-01", "1 1500 9 2025", Criterion::ModelName)]
#[case::name_last("1 1500 9 -", "1 1500 9 -", Criterion::ModelName)]
#[case::nothing_known("- - - -", "- - - -", Criterion::ModelName)]
fn at_full_precision(#[case] a: &str, #[case] b: &str, #[case] decided_by: Criterion) {
    check(a, b, decided_by, ScorePrecision::Full);
}

#[rstest]
#[case::same_integer("1 1500.4 9 -", "1 1500.49 8 -", Criterion::Votes)]
#[case::half_goes_up("1 1500.5 1 -", "1 1500.49 9 -", Criterion::Score)]
#[case::half_goes_away_from_zero("1 -1500.49 1 -", "1 -1500.5 9 -", Criterion::Score)]
#[case::zero_has_no_sign("1 -0.4 9 -", "1 0.4 8 -", Criterion::Votes)]
#[case::rank_is_unrounded("1 1400 1 -", "2 1500 9 -", Criterion::RankUb)]
#[case::infinite("1 inf 1 -", "1 1e308 9 -", Criterion::Score)]
#[case::nan("1 -inf 1 -", "1 NaN 9 -", Criterion::Score)]
fn at_displayed_precision(#[case] a: &str, #[case] b: &str, #[case] decided_by: Criterion) {
    check(a, b, decided_by, ScorePrecision::Displayed);
}

#[test]
fn an_empty_board_has_no_winner() {
    for &rule in Rule::ALL {
        let rules = RuleSet::new(rule, ScorePrecision::Full);
        assert_eq!(resolve_top_model(&[], &rules), Outcome::NoEntries);
        assert_eq!(resolve_top_org(&[], &rules), None);
    }
}

#[test]
fn one_entry_wins_under_every_rule_without_a_comparison() {
    let board = [entry("a", "- NaN - -")];
    for &rule in Rule::ALL {
        let rules = RuleSet::new(rule, ScorePrecision::Displayed);
        assert_eq!(resolve_top_org(&board, &rules), Some("a ltd"));
        assert_eq!(explain(&board, &rules).decided_by, Some(Criterion::OnlyEntry));
    }
}

#[test]
fn the_winner_may_have_no_known_organization() {
    let board = [
        Entry {
            organization: Some(" ".to_owned()),
            ..entry("a", "1 1 1 -")
        },
        entry("b", "2 1 1 -"),
    ];
    assert_eq!(
        resolve_top_model(&board, &RuleSet::default()).winner(),
        Some(&board[0])
    );
    assert_eq!(resolve_top_org(&board, &RuleSet::default()), None);
}

#[test]
fn namesakes_do_not_let_the_input_order_show() {
    let owned = |organization: Option<&str>, ci: &str| Entry {
        organization: organization.map(str::to_owned),
        ci_lower: Some(Rating::parse(ci).unwrap()),
        ..entry("a", "1 1500 9 -")
    };
    let twins = [
        owned(Some("y"), "1"),
        owned(None, "1"),
        owned(Some("x"), "2"),
        owned(Some("x"), "1"),
    ];
    for first in 0..twins.len() {
        let mut board = twins.to_vec();
        board.rotate_left(first);
        let winner = resolve_top_model(&board, &RuleSet::default()).winner().unwrap();
        assert_eq!(winner, &twins[3]);
        assert_eq!(
            explain(&board, &RuleSet::default()).decided_by,
            Some(Criterion::ModelName)
        );
        assert_eq!(explain(&board, &RuleSet::default()).duplicate_names, ["a"]);
    }
}

#[test]
fn the_order_of_settlement_ranks_the_whole_board() {
    let board = [
        entry("e", "- 1600 99 -"),
        entry("d", "2 1490 1 -"),
        entry("b", "1 1500 8 -"),
        entry("c", "2 1495 1 -"),
        entry("a", "1 1500 9 -"),
    ];
    let names: Vec<&str> = settlement_order(&board, &RuleSet::default())
        .iter()
        .map(|entry| entry.model_name.as_str())
        .collect();
    assert_eq!(names, ["a", "b", "c", "d", "e"]);
}
