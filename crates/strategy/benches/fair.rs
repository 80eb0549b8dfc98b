//! Forecasts of a board of 400 rows, one check, by every estimator; both ends of the uncertainty by the board walk; and
//! the rates of arrivals after years of history.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a benchmark stops at the first surprise"
)]

use autotrader_domain::{Arrival, BoardHistory, HistoryEvent, Led};
use autotrader_settlement::{Entry, Rating, RuleSet};
use autotrader_strategy::Params;
use autotrader_strategy::fair::{ArrivalRates, Estimator, Question, RankedBoard, ends, estimator, forecast};
use autotrader_strategy::params::EstimatorKind;
use chrono::{DateTime, TimeDelta, Utc};

fn main() {
    divan::main();
}

fn now() -> DateTime<Utc> {
    DateTime::from_timestamp(1_790_000_000, 0).unwrap()
}

fn entries() -> Vec<Entry> {
    (0..400u32)
        .map(|row| {
            let score = 1505.0 - 1.6 * f64::from(row) - f64::from(row % 3) * 0.4;
            let half = 3.0 + f64::from(row % 7);
            Entry {
                organization: Some(format!("lab-{}", row % 10)),
                rank_ub: Some(i64::from(row / 3) + 1),
                score: Some(Rating::from_value(score)),
                ci_lower: Some(Rating::from_value(score - half)),
                ci_upper: Some(Rating::from_value(score + half)),
                votes: Some(4_000 + 1_700 * i64::from(row % 11)),
                ..Entry::named(format!("maker-model-{row}"))
            }
        })
        .collect()
}

/// Two years with a contender every twenty days.
fn history() -> BoardHistory {
    let mut history = BoardHistory::default();
    let start = now() - TimeDelta::days(730);
    history.apply(&HistoryEvent::Listed {
        at: start,
        model_name: "maker-model-0".to_owned(),
        organization: None,
    });
    for round in 0..36 {
        let at = start + TimeDelta::days(20 * i64::from(round));
        let (model_name, organization) = (format!("old-{round}"), Some(format!("lab-{}", round % 6)));
        history.apply(&HistoryEvent::Led(Led {
            at,
            model_name: model_name.clone(),
            organization: organization.clone(),
        }));
        history.apply(&HistoryEvent::Arrived(Arrival {
            at,
            model_name,
            organization,
            gap: f64::from(round % 30) - 10.0,
        }));
    }
    history
}

/// Hands over a question about the check in some hours, with the estimator that is to answer it.
fn asked(kind: EstimatorKind, hours: i64, ask: impl FnOnce(&dyn Estimator, &Question<'_, '_>)) {
    let (params, entries, history) = (Params::default(), entries(), history());
    let board = RankedBoard::new(&entries, RuleSet::default());
    let rates = ArrivalRates::of(&board, &history, now(), &params.board_walk);
    let question = Question {
        board: &board,
        history: &history,
        rates: &rates,
        at: now(),
        horizon: TimeDelta::hours(hours),
        arrivals: 1.0,
    };
    ask(estimator(kind, &params).as_ref(), &question);
}

#[divan::bench(args = EstimatorKind::ALL)]
fn one_forecast(bencher: divan::Bencher<'_, '_>, kind: EstimatorKind) {
    asked(kind, 168, |estimator, question| {
        bencher.bench_local(|| forecast(estimator, divan::black_box(question)));
    });
}

#[divan::bench(args = [1, 24, 168, 720])]
fn both_ends_of_the_board_walk_in_hours(bencher: divan::Bencher<'_, '_>, hours: i64) {
    asked(EstimatorKind::BoardWalk, hours, |estimator, question| {
        let uncertainty = question.rates.uncertainty();
        bencher.bench_local(|| ends(estimator, divan::black_box(question), uncertainty));
    });
}

#[divan::bench]
fn a_board_ranked_and_its_rates(bencher: divan::Bencher<'_, '_>) {
    let (params, entries, history) = (Params::default(), entries(), history());
    bencher.bench_local(|| {
        let board = RankedBoard::new(divan::black_box(&entries), RuleSet::default());
        ArrivalRates::of(&board, &history, now(), &params.board_walk).per_day()
    });
}
