//! Fair values of the estimators on boards whose figures can be followed by hand, and on a captured board.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test stops at the first surprise"
)]
#![allow(dead_code, reason = "the scene is shared between test files")]

mod scene;

use autotrader_domain::Claim;
use autotrader_settlement::{Board, Entry, Rating, RuleSet};
use autotrader_strategy::Params;
use autotrader_strategy::fair::{Forecast, Question, RankedBoard, Shares, estimators, forecast};
use autotrader_strategy::params::EstimatorKind;
use chrono::TimeDelta;
use rstest::rstest;
use scene::{ROWS, board, owned};

fn ask<'a>(board: &'a Board, params: &Params, arrivals: f64, horizon: TimeDelta) -> Option<Forecast<'a>> {
    let ranked = RankedBoard::new(&board.entries, RuleSet::default());
    let shares = Shares::of(&ranked, &params.unlisted);
    let question = Question {
        board: &ranked,
        shares: &shares,
        horizon,
        arrivals,
    };
    forecast(estimators(params).0.as_ref(), &question)
}

fn model(name: &str) -> Claim {
    Claim::Model {
        model_name: name.to_owned(),
        organization: None,
    }
}

fn lab(name: &str) -> Claim {
    Claim::Organization {
        organization: name.to_owned(),
    }
}

#[track_caller]
fn close(value: f64, expected: f64) {
    assert!((value - expected).abs() < 1e-9, "{value} instead of {expected}");
}

/// Entries with a rank bound and a falling score each.
fn ranked(bounds: &[i64]) -> Board {
    let entries = bounds
        .iter()
        .enumerate()
        .map(|(i, bound)| Entry {
            organization: Some("Lab".to_owned()),
            rank_ub: Some(*bound),
            score: Some(Rating::from_value(1500.0 - 3.0 * i as f64)),
            votes: Some(1),
            ..Entry::named(format!("m{i}"))
        })
        .collect();
    Board { entries }
}

#[rstest]
// The winner takes .65 + .05 of all, the next .65 of the rest, and so on; then everything is scaled to .95.
#[case::three_claim_the_top(&[1, 1, 1], &[0.70, 0.195, 0.068_25])]
#[case::alone_at_the_top(&[1, 2, 3], &[0.70, 0.066, 0.0234])]
#[case::beyond_the_table(&[1, 6, 7], &[0.70, 0.3 * 0.04 * 0.740_818_220_681_717_9, 0.0])]
#[case::far_down_is_nothing(&[1, 60], &[0.70, 0.0])]
#[case::no_claim_is_nothing(&[1, 0], &[0.70, 0.0])]
fn the_table_is_shared_out_in_the_order_of_settlement(#[case] bounds: &[i64], #[case] taken: &[f64]) {
    let board = ranked(bounds);
    let forecast = ask(&board, &Params::default(), 1.0, TimeDelta::days(1)).unwrap();
    let mut taken = taken.to_vec();
    if bounds == [1, 6, 7] {
        let share = 0.04 * (-0.6f64).exp();
        taken[2] = (1.0 - 0.70 - taken[1]) * share;
    }
    let total: f64 = taken.iter().sum();
    for (i, own) in taken.iter().enumerate() {
        close(forecast.probability(&model(&format!("m{i}"))), 0.95 * own / total);
    }
    close(forecast.unlisted(), 0.05);
}

#[test]
fn a_leader_alone_at_its_rank_is_worth_more_than_one_that_others_challenge() {
    let worth = |bounds: &[i64]| {
        let board = ranked(bounds);
        ask(&board, &Params::default(), 1.0, TimeDelta::days(1))
            .unwrap()
            .probability(&model("m0"))
    };
    assert!(worth(&[1, 2, 3, 4, 5]) > worth(&[1, 1, 3, 4, 5]));
    assert!(worth(&[1, 1, 3, 4, 5]) > worth(&[1, 1, 1, 4, 5]));
}

#[test]
fn the_uplift_needs_a_complete_tie_break_and_preliminary_models_are_discounted() {
    let mut board = ranked(&[1, 1]);
    let worth = |board: &Board| {
        let forecast = ask(board, &Params::default(), 1.0, TimeDelta::days(1)).unwrap();
        forecast.probability(&model("m0"))
    };
    close(worth(&board), 0.95 * 0.70 / 0.895);
    board.entries[1].score = None;
    close(worth(&board), 0.95 * 0.65 / (0.65 + 0.35 * 0.65));
    board.entries[0].preliminary = true;
    let share = 0.65 * 0.7;
    close(worth(&board), 0.95 * share / (share + (1.0 - share) * 0.65));
}

#[test]
fn a_lab_is_worth_its_models_and_its_share_of_the_unlisted() {
    let board = board(&owned(&ROWS));
    let forecast = ask(&board, &Params::default(), 1.0, TimeDelta::days(4)).unwrap();
    // Contenders within forty points: two of Northwind, two of Contoso, one each of Fabrikam and Tailspin, none of Litware.
    let total = 2.3 + 2.3 + 1.3 + 1.3 + 0.3;
    let unlisted = |weight: f64, incumbent: f64| 0.05 * 0.96 * (0.3 * incumbent + 0.7 * weight / total);
    let own = |names: &[&str]| {
        names
            .iter()
            .map(|name| forecast.probability(&model(name)))
            .sum::<f64>()
    };
    for (name, models, weight, incumbent) in [
        ("Northwind", &["aurora-6", "aurora-5"][..], 2.3, 1.0),
        ("Contoso", &["boreas-5", "boreas-4"][..], 2.3, 0.0),
        ("Litware", &["ember-3"][..], 0.3, 0.0),
    ] {
        close(
            forecast.probability(&lab(name)),
            own(models) + unlisted(weight, incumbent),
        );
    }
    let labs = ["Northwind", "Contoso", "Fabrikam", "Tailspin", "Litware"].map(lab);
    close(forecast.nobody(labs.iter()), 0.05 * 0.04);
    close(forecast.probability(&lab("Initech")), 0.0);
}

#[test]
fn more_arrivals_are_worse_for_every_listed_model() {
    let board = board(&owned(&ROWS));
    let params = Params::default();
    let at = |arrivals: f64| ask(&board, &params, arrivals, TimeDelta::days(4)).unwrap();
    let (fewer, central, more) = (at(0.5), at(1.0), at(1.5));
    for name in ["aurora-6", "boreas-5", "cirrus-2"] {
        let p = |forecast: &Forecast<'_>| forecast.probability(&model(name));
        assert!(p(&fewer) > p(&central) && p(&central) > p(&more), "{name}");
    }
    close(more.unlisted(), 0.075);
}

#[test]
fn persistence_keeps_the_winner() {
    let board = board(&owned(&ROWS));
    let params = Params {
        estimator: EstimatorKind::Persistence,
        ..Params::default()
    };
    let forecast = ask(&board, &params, 1.0, TimeDelta::days(4)).unwrap();
    close(forecast.probability(&model("aurora-6")), 0.95);
    close(forecast.probability(&model("boreas-5")), 0.0);
    close(forecast.unlisted(), 0.05);
    assert!(forecast.probability(&lab("Northwind")) > 0.95);
}

#[rstest]
#[case(EstimatorKind::RankTable)]
#[case(EstimatorKind::Persistence)]
fn at_the_check_the_winner_has_won(#[case] estimator: EstimatorKind) {
    let board = board(&owned(&ROWS));
    let params = Params {
        estimator,
        ..Params::default()
    };
    for horizon in [TimeDelta::zero(), TimeDelta::seconds(-1)] {
        let forecast = ask(&board, &params, 1.0, horizon).unwrap();
        close(forecast.probability(&model("aurora-6")), 1.0);
        close(forecast.probability(&lab("Northwind")), 1.0);
        close(forecast.probability(&lab("Contoso")), 0.0);
        close(forecast.unlisted(), 0.0);
    }
    assert_eq!(ask(&Board::default(), &params, 1.0, TimeDelta::zero()), None);
    assert_eq!(ask(&Board::default(), &params, 1.0, TimeDelta::days(1)), None);
}

/// The first twenty rows of a captured board, with the fields that the estimators read.
fn captured() -> Option<Board> {
    #[expect(
        clippy::disallowed_methods,
        reason = "where the captures are is told to tests by the environment"
    )]
    let told = std::env::var("AUTOTRADER_SHARED").ok();
    let beside = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared");
    let shared = told.unwrap_or_else(|| beside.to_owned());
    let path = format!("{shared}/arena/pages/2026-05-overall-no-style-control.expected.json");
    let text = std::fs::read_to_string(&path).ok()?;
    let page: serde_json::Value = serde_json::from_str(&text).unwrap();
    let entries = page["first20"]
        .as_array()
        .unwrap()
        .iter()
        .map(|row| Entry {
            organization: row["modelOrganization"].as_str().map(str::to_owned),
            rank_ub: row["rankUpper"].as_i64(),
            score: row["rating"].as_f64().map(Rating::from_value),
            votes: row["votes"].as_i64(),
            ..Entry::named(row["modelDisplayName"].as_str().unwrap())
        })
        .collect();
    Some(Board { entries })
}

#[test]
fn on_a_captured_board_the_leader_is_worth_most_and_its_rival_some() {
    let Some(board) = captured() else {
        println!(
            "skipped: the captured pages are not beside the checkout (../shared, or AUTOTRADER_SHARED at build)"
        );
        return;
    };
    let forecast = ask(&board, &Params::default(), 1.0, TimeDelta::days(3)).unwrap();
    let mut models: Vec<(f64, &str)> = forecast.models().map(|(name, p)| (p, name)).collect();
    models.sort_by(|a, b| b.0.total_cmp(&a.0));
    let first: Vec<&str> = models.iter().take(2).map(|(_, name)| *name).collect();
    assert_eq!(
        first,
        [
            board.entries[0].model_name.as_str(),
            board.entries[1].model_name.as_str()
        ]
    );
    // Two models claim the first rank: the winner with its uplift and the other share nearly everything.
    assert!((0.65..0.75).contains(&models[0].0), "{}", models[0].0);
    assert!((0.15..0.22).contains(&models[1].0), "{}", models[1].0);
    let lab_of_both = board.entries[0].organization.clone().unwrap();
    assert!(forecast.probability(&lab(&lab_of_both)) > 0.9);
}
