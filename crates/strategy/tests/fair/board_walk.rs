//! The board walk on vectors that were computed by another program, and on its edges.

use autotrader_domain::{Arrival, BoardHistory, HistoryEvent};
use autotrader_settlement::{Board, Entry, Rating, Rule, RuleSet, ScorePrecision};
use autotrader_strategy::fair::case::Case;
use autotrader_strategy::params::EstimatorKind::BoardWalk;
use autotrader_strategy::params::{ArrivalPrior, BoardWalkParams};
use chrono::TimeDelta;
use rstest::rstest;

use crate::kit::{Asked, close, lab, listed, model, shared, time, within};

/// How far the closed form may be from what another program computes with the same formulas.
const SAME: f64 = 1e-10;

fn row(
    name: &str,
    organization: &str,
    score: f64,
    votes: Option<i64>,
    interval: Option<(f64, f64)>,
) -> Entry {
    Entry {
        organization: Some(organization.to_owned()),
        score: Some(Rating::from_value(score)),
        votes,
        ci_lower: interval.map(|(lower, _)| Rating::from_value(lower)),
        ci_upper: interval.map(|(_, upper)| Rating::from_value(upper)),
        ..Entry::named(name)
    }
}

/// Five models: two equal in score and votes, one without votes and interval, one with few votes.
fn small() -> Asked {
    let mut entries = vec![
        row(
            "aurora-6",
            "Northwind",
            1503.4,
            Some(9_100),
            Some((1497.2, 1509.6)),
        ),
        row(
            "boreas-5",
            "Contoso",
            1501.9,
            Some(15_800),
            Some((1497.6, 1506.2)),
        ),
        row(
            "aurora-6-mini",
            "Northwind",
            1501.9,
            Some(15_800),
            Some((1497.0, 1506.8)),
        ),
        row("cirrus-2", "Fabrikam", 1488.0, None, None),
        row("drift-1", "Tailspin", 1471.25, Some(640), Some((1455.0, 1487.5))),
    ];
    for (entry, rank) in entries.iter_mut().zip([1, 1, 1, 2, 3]) {
        entry.rank_ub = Some(rank);
    }
    let mut asked = Asked::about(Board { entries }, 1);
    asked.params.board_walk.prior = ArrivalPrior::none();
    let history = &mut asked.history;
    listed(history, time("2025-01-01T00:00:00Z"), &Entry::named("boreas-1"));
    listed(history, time("2026-02-19T00:00:00Z"), &asked.board.entries[3]);
    arrive(history, "2025-06-10", "Contoso", 6.5);
    arrive(history, "2025-11-02", "Northwind", -21.0);
    arrive(history, "2026-01-20", "Northwind", 11.0);
    arrive(history, "2026-02-11", "Litware", -4.0);
    // Later than the question: nothing of it is known.
    arrive(history, "2026-03-20", "Litware", 40.0);
    asked
}

fn arrive(history: &mut BoardHistory, day: &str, organization: &str, gap: f64) {
    history.apply(&HistoryEvent::Arrived(Arrival {
        at: time(&format!("{day}T00:00:00Z")),
        model_name: format!("{organization}-{day}"),
        organization: Some(organization.to_owned()),
        gap,
    }));
}

type Named = &'static [(&'static str, f64)];

#[rstest]
#[case::six_hours(360, &[
    ("aurora-6", 0.979136458497), ("boreas-5", 0.00822681501639), ("aurora-6-mini", 0.00878587562163),
    ("cirrus-2", 5.53424525439e-7), ("drift-1", 0.000148326727287),
], 0.00370197071357, &[
    ("Northwind", 0.990189145361), ("Contoso", 0.008640402929), ("Fabrikam", 0.000131629624123),
    ("Tailspin", 0.000279402926884), ("Litware", 0.000672095235893),
], 8.73239235178e-5)]
#[case::a_day(1_440, &[
    ("aurora-6", 0.919849311063), ("boreas-5", 0.031426290055), ("aurora-6-mini", 0.0334309801452),
    ("cirrus-2", 3.79429695447e-6), ("drift-1", 0.000590063489008),
], 0.0146995609513, &[
    ("Northwind", 0.962259710113), ("Contoso", 0.0330747351623), ("Fabrikam", 0.000526227166318),
    ("Tailspin", 0.00111249635837), ("Litware", 0.00267878259862),
], 0.000348048601254)]
#[case::nine_days(12_960, &[
    ("aurora-6", 0.548200210313), ("boreas-5", 0.159479379835), ("aurora-6-mini", 0.16474898011),
    ("cirrus-2", 0.000459707131809), ("drift-1", 0.00359019083616),
], 0.123521531773, &[
    ("Northwind", 0.787250974978), ("Contoso", 0.17366365198), ("Fabrikam", 0.00495505245053),
    ("Tailspin", 0.00808553615488), ("Litware", 0.0230499524833),
], 0.00299483195275)]
#[case::a_month_and_a_half(64_800, &[
    ("aurora-6", 0.233764345956), ("boreas-5", 0.140887397422), ("aurora-6-mini", 0.140388080865),
    ("cirrus-2", 0.00265413806863), ("drift-1", 0.00370816232806),
], 0.478597875361, &[
    ("Northwind", 0.658537941487), ("Contoso", 0.1968560103), ("Fabrikam", 0.0203919704595),
    ("Tailspin", 0.021445994719), ("Litware", 0.0909510092728),
], 0.0118170737619)]
fn a_small_board_at_four_horizons(
    #[case] minutes: i64,
    #[case] models: Named,
    #[case] unlisted: f64,
    #[case] organizations: Named,
    #[case] other: f64,
) {
    let mut asked = small();
    asked.horizon = TimeDelta::minutes(minutes);
    asked
        .answer(BoardWalk, |forecast| {
            for (name, p) in models {
                within(forecast.probability(&model(name)), *p, SAME);
            }
            for (name, p) in organizations {
                within(forecast.probability(&lab(name)), *p, SAME);
            }
            within(forecast.unlisted(), unlisted, SAME);
            within(forecast.other(), other, SAME);
            assert_eq!(forecast.models().count(), models.len());
            assert_eq!(forecast.organizations().count(), organizations.len());
        })
        .unwrap();
}

#[test]
fn the_published_cases() {
    let Some(path) = shared("reference/quant_golden.json") else {
        return;
    };
    let text = std::fs::read_to_string(path).unwrap();
    let published: serde_json::Value = serde_json::from_str(&text).unwrap();
    let params: BoardWalkParams = serde_json::from_value(published["params"].clone()).unwrap();
    let cases = published["cases"].as_array().unwrap();
    assert_eq!(cases.len(), 5);
    let mut worst: f64 = 0.0;
    for published in cases {
        let case: Case = serde_json::from_value(published.clone()).unwrap();
        let forecast = case.price_with(&params).unwrap();
        let mut compare = |expected: &serde_json::Value, p: f64| {
            let expected = expected.as_f64().unwrap();
            assert!((p - expected).abs() < 1e-6, "{p} instead of {expected}");
            worst = worst.max((p - expected).abs());
        };
        for (name, p) in published["p_model"].as_object().unwrap() {
            match name.as_str() {
                "unlisted" => compare(p, forecast.unlisted()),
                name => compare(p, forecast.probability(&model(name))),
            }
        }
        for (name, p) in published["p_org"].as_object().unwrap() {
            match name.as_str() {
                "other" => compare(p, forecast.other()),
                name => compare(p, forecast.probability(&lab(name))),
            }
        }
    }
    println!("largest difference to the published cases: {worst:e}");
    assert!(worst < SAME, "{worst:e}");
}

#[test]
fn a_case_without_parameters_is_priced_with_those_of_deployment() {
    let text = r#"{"h_days": 3, "Lambda_per_day": 0.01, "org_rates": {"A": 0.006, "C": 0.003}, "other_rate": 0.001,
        "candidates": [{"model": "b", "org": "B", "score": 1400.0, "votes": 900, "se": 8.0},
                       {"model": "a", "org": "A", "score": 1401.0, "votes": 9000, "se": 3.0}]}"#;
    let mut case: Case = serde_json::from_str(text).unwrap();
    let plain: Vec<f64> = case.price().unwrap().models().map(|(_, p)| p).collect();
    case.params = Some(BoardWalkParams::deployment());
    let told: Vec<f64> = case.price().unwrap().models().map(|(_, p)| p).collect();
    assert_eq!(plain, told);
    case.params = Some(BoardWalkParams::evaluated());
    assert!((case.price().unwrap().probability(&model("a")) - plain[0]).abs() > 1e-3);
    let forecast = case.price().unwrap();
    // A share of those who arrive: nine tenths of the rate is named.
    let named = forecast.unlisted_of("C") / 0.3;
    close(forecast.other(), named * 0.1);
    case.h_days = 0.0;
    assert_eq!(
        case.price().unwrap().probability(&model("a")).to_bits(),
        1.0f64.to_bits()
    );
}

#[rstest]
#[case(|case: &mut Case| case.candidates.clear(), "`candidates` is empty: name at least one model")]
#[case(|case: &mut Case| case.candidates[0].se = -1.0, "`se` of `a` is -1: a standard error is a finite number of at least zero")]
#[case(|case: &mut Case| case.candidates[0].score = f64::NAN, "`score` of `a` is NaN: a score is a finite number")]
#[case(|case: &mut Case| case.h_days = f64::INFINITY, "`h_days` is inf: a horizon is a finite number of days")]
#[case(|case: &mut Case| case.lambda_per_day = -0.1, "`Lambda_per_day` is -0.1: a rate is a finite number of at least zero")]
#[case(|case: &mut Case| case.candidates.push(case.candidates[0].clone()), "`candidates` names `a` twice: every model has one row")]
fn a_case_that_cannot_be_priced_says_where(#[case] spoil: fn(&mut Case), #[case] message: &str) {
    let text = r#"{"h_days": 3, "Lambda_per_day": 0.01, "org_rates": {}, "other_rate": 0.01,
        "candidates": [{"model": "a", "org": "A", "score": 1401.0, "votes": 9000, "se": 3.0}]}"#;
    let mut case: Case = serde_json::from_str(text).unwrap();
    assert!(case.price().is_ok());
    spoil(&mut case);
    assert_eq!(case.price().unwrap_err().to_string(), message);
}

#[test]
fn whole_points_are_compared_where_the_rules_read_them() {
    let mut asked = small();
    asked.rules = RuleSet::new(Rule::Cascade, ScorePrecision::Displayed);
    asked.board.entries[1].score = Some(Rating::from_value(1502.6));
    // Both are printed as 1503, and the second has more votes: it leads.
    let leader = asked
        .answer(BoardWalk, |forecast| forecast.drivers().unwrap().leader)
        .unwrap();
    assert_eq!(leader, "boreas-5");
    asked.horizon = TimeDelta::hours(1);
    assert!(asked.worth(BoardWalk, &model("boreas-5")) > 0.98);
    asked.rules = RuleSet::default();
    assert!(asked.worth(BoardWalk, &model("aurora-6")) > 0.98);
}

#[test]
fn what_drives_a_forecast_is_told() {
    let mut asked = small();
    asked.horizon = TimeDelta::days(7);
    let drivers = asked
        .answer(BoardWalk, |forecast| forecast.drivers().unwrap())
        .unwrap();
    assert_eq!(drivers.leader, "aurora-6");
    assert_eq!(drivers.leader_votes, Some(9_100));
    // Of the two that are equal in score and votes the cascade puts the earlier name first.
    assert_eq!(drivers.runner_up.as_deref(), Some("aurora-6-mini"));
    close(drivers.gap.unwrap(), 1.5);
    close(drivers.refreshes_expected, 2.0);
    close(drivers.no_refresh, (-2.0f64).exp());
    within(drivers.lambda_per_day, 0.016_614_370_553_685_972, 1e-15);
    within(drivers.arrivals_expected, 7.0 * drivers.lambda_per_day, 1e-15);
}

#[test]
fn the_winner_keeps_what_no_refresh_leaves_it_even_if_another_has_the_best_score() {
    let mut asked = small();
    asked.horizon = TimeDelta::hours(1);
    // A page whose ranks contradict its scores: the contract goes by the rank.
    for (entry, rank) in asked.board.entries.iter_mut().zip([2, 1, 2, 3, 3]) {
        entry.rank_ub = Some(rank);
    }
    assert!(asked.worth(BoardWalk, &model("boreas-5")) > (-1.0f64 / 24.0 / 3.5).exp() - 1e-3);
    // Even from below the twelve that walk.
    for place in 0..15 {
        let mut entry = row(&format!("filler-{place}"), "Fabrikam", 1490.0, Some(5_000), None);
        entry.rank_ub = Some(2);
        asked.board.entries.push(entry);
    }
    asked.board.entries[4].rank_ub = Some(1);
    asked.board.entries[1].rank_ub = Some(2);
    let p = asked.worth(BoardWalk, &model("drift-1"));
    assert!(p > (-1.0f64 / 24.0 / 3.5).exp() - 1e-3, "{p}");
    // Without a score it could not walk, and nothing is said.
    asked.board.entries[4].score = None;
    assert_eq!(asked.answer(BoardWalk, |_| ()), None);
}

#[rstest]
#[case::a_nanosecond(TimeDelta::nanoseconds(1))]
#[case::a_second(TimeDelta::seconds(1))]
#[case::a_century(TimeDelta::days(36_525))]
#[case::longer_than_any_market(TimeDelta::days(90_000_000))]
fn any_horizon_is_finite(#[case] horizon: TimeDelta) {
    let mut asked = small();
    asked.horizon = horizon;
    asked
        .answer(BoardWalk, |forecast| {
            let models: f64 = forecast.models().map(|(_, p)| p).sum();
            within(models + forecast.unlisted(), 1.0, 1e-12);
            let short = horizon < TimeDelta::minutes(1);
            let leader = forecast.probability(&model("aurora-6"));
            assert!(if short { leader > 0.999_99 } else { leader < 0.2 }, "{leader}");
        })
        .unwrap();
}
