//! Rules that look at a rank alone: who is paid when several models share the top.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "helpers of tests stop at the first surprise, as tests do"
)]

use autotrader_settlement::Payment::{Full, Nothing, Shared, Unknown};
use autotrader_settlement::{
    Criterion, Entry, OutcomeKind, Payment, Rating, Rule, RuleSet, ScorePrecision, explain, resolve_top_model,
};
use rstest::rstest;

/// Entries from `name organization rank` lines with falling scores; `-` is a missing field.
fn board(rule: Rule, rows: &[&str]) -> Vec<Entry> {
    let known = |text: &str| (text != "-").then(|| text.to_owned());
    rows.iter()
        .zip((0..1500).rev())
        .map(|(row, score)| {
            let fields: Vec<&str> = row.split(' ').collect();
            let rank = known(fields[2]).map(|rank| rank.parse::<i64>().unwrap());
            // The rank the rule must not look at says the opposite.
            let decoy = rank.map(|rank| 1_000 - rank);
            let (rank, rank_ub) = if rule == Rule::RankUbAlone {
                (decoy, rank)
            } else {
                (rank, decoy)
            };
            let score = Some(Rating::from_value(f64::from(score)));
            Entry {
                organization: known(fields[1]),
                rank,
                rank_ub,
                score,
                ..Entry::named(fields[0])
            }
        })
        .collect()
}

struct Case {
    rows: &'static [&'static str],
    kind: OutcomeKind,
    winner: Option<&'static str>,
    tied: &'static [&'static str],
    models: &'static [(&'static str, Payment)],
    organizations: &'static [(&'static str, Payment)],
}

#[rstest]
fn a_rank_alone(
    #[values(Rule::RankUbAlone, Rule::OrdinalRankAlone)] rule: Rule,
    #[values(ScorePrecision::Full, ScorePrecision::Displayed)] precision: ScorePrecision,
    #[values(
        Case {
            rows: &["a x 1", "b y 2"],
            kind: OutcomeKind::Sole,
            winner: Some("a"),
            tied: &[],
            models: &[("a", Full), ("b", Nothing), ("z", Nothing)],
            organizations: &[("x", Full), ("y", Nothing), ("z", Nothing)],
        },
        Case {
            rows: &["a x 3", "b y 2"],
            kind: OutcomeKind::Sole,
            winner: Some("b"),
            tied: &[],
            models: &[("a", Nothing), ("b", Full)],
            organizations: &[("x", Nothing), ("y", Full)],
        },
        Case {
            rows: &["a x 1", "b y 1", "c x 2"],
            kind: OutcomeKind::TiedBetweenOrganizations,
            winner: None,
            tied: &["a", "b"],
            models: &[("a", Nothing), ("b", Nothing), ("c", Nothing)],
            organizations: &[("x", Nothing), ("y", Nothing)],
        },
        Case {
            rows: &["b x 1", "a x 1", "c y 2"],
            kind: OutcomeKind::TiedInsideOrganization,
            winner: Some("b"),
            tied: &["b", "a"],
            models: &[("a", Shared), ("b", Shared), ("c", Nothing)],
            organizations: &[("x", Full), ("y", Nothing)],
        },
        Case {
            rows: &["a x 1", "b x 1", "c y 1"],
            kind: OutcomeKind::TiedBetweenOrganizations,
            winner: None,
            tied: &["a", "b", "c"],
            models: &[("a", Nothing), ("c", Nothing)],
            organizations: &[("x", Nothing), ("y", Nothing)],
        },
        Case {
            rows: &["a x 1", "b - 1", "c y 2"],
            kind: OutcomeKind::TiedOrganizationUnknown,
            winner: None,
            tied: &["a", "b"],
            models: &[("a", Unknown), ("b", Unknown), ("c", Nothing)],
            organizations: &[("x", Unknown), ("y", Nothing)],
        },
        Case {
            rows: &["a - 1", "b - 1"],
            kind: OutcomeKind::TiedOrganizationUnknown,
            winner: None,
            tied: &["a", "b"],
            models: &[("a", Unknown), ("c", Nothing)],
            organizations: &[("x", Unknown)],
        },
        Case {
            rows: &["a x 1", "b - 1", "c y 1"],
            kind: OutcomeKind::TiedBetweenOrganizations,
            winner: None,
            tied: &["a", "b", "c"],
            models: &[("b", Nothing)],
            organizations: &[("x", Nothing), ("z", Nothing)],
        },
        Case {
            rows: &["a - 1", "b y 2"],
            kind: OutcomeKind::Sole,
            winner: Some("a"),
            tied: &[],
            models: &[("a", Full), ("b", Nothing)],
            organizations: &[("y", Unknown)],
        },
        Case {
            rows: &["a x -", "b y 0", "c y -7"],
            kind: OutcomeKind::Unranked,
            winner: None,
            tied: &[],
            models: &[("a", Unknown)],
            organizations: &[("x", Unknown)],
        },
        Case {
            rows: &["a x -", "b y 0", "c y 900"],
            kind: OutcomeKind::Sole,
            winner: Some("c"),
            tied: &[],
            models: &[("a", Nothing), ("c", Full)],
            organizations: &[("x", Nothing), ("y", Full)],
        },
        Case {
            rows: &[],
            kind: OutcomeKind::NoEntries,
            winner: None,
            tied: &[],
            models: &[("a", Unknown)],
            organizations: &[("x", Unknown)],
        },
    )]
    case: Case,
) {
    let mut entries = board(rule, case.rows);
    for _ in 0..2 {
        entries.reverse();
        let outcome = resolve_top_model(&entries, &RuleSet::new(rule, precision));
        assert_eq!(outcome.kind(), case.kind);
        assert_eq!(
            outcome.winner().map(|entry| entry.model_name.as_str()),
            case.winner
        );
        // The decoy ranks of equal ranks are equal, so the falling scores order the tie.
        let tied: Vec<&str> = outcome
            .tied()
            .iter()
            .map(|entry| entry.model_name.as_str())
            .collect();
        assert_eq!(tied, case.tied);
        for (model, payment) in case.models {
            assert_eq!(outcome.pays_model(model), *payment, "model {model}");
        }
        for (organization, payment) in case.organizations {
            assert_eq!(
                outcome.pays_organization(organization),
                *payment,
                "organization {organization}"
            );
        }
    }
}

#[rstest]
#[case::alone(&["a x 1", "b y 2"], Some(Criterion::RankUb), &["a"])]
#[case::inside(&["a x 1", "b x 1", "c y 2"], Some(Criterion::RankUb), &["a", "b"])]
#[case::between(&["a x 1", "b y 1", "c y 2"], None, &["a", "b"])]
fn one_step_explains_a_rank_alone(
    #[case] rows: &[&str],
    #[case] decided_by: Option<Criterion>,
    #[case] survivors: &[&str],
) {
    let rules = RuleSet::new(Rule::RankUbAlone, ScorePrecision::Full);
    let why = explain(&board(Rule::RankUbAlone, rows), &rules);
    assert_eq!(why.decided_by, decided_by);
    assert_eq!(why.steps.len(), 1);
    assert_eq!(why.steps[0].criterion, Criterion::RankUb);
    assert_eq!(why.steps[0].survivors, survivors);
}

#[test]
fn the_ordinal_rule_names_its_own_criterion() {
    let rules = RuleSet::new(Rule::OrdinalRankAlone, ScorePrecision::Full);
    let why = explain(&board(Rule::OrdinalRankAlone, &["a x 1", "b y 2"]), &rules);
    assert_eq!(why.decided_by, Some(Criterion::Rank));
}

#[test]
fn the_cascade_always_pays_someone_where_a_rank_alone_would_not() {
    let entries = board(Rule::RankUbAlone, &["a x 1", "b y 1"]);
    let outcome = resolve_top_model(&entries, &RuleSet::default());
    assert_eq!(outcome.pays_model("a"), Full);
    assert_eq!(outcome.pays_organization("y"), Nothing);
}
