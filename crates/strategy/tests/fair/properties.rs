//! What holds for every board, history and horizon.

use autotrader_domain::{Arrival, BoardHistory, HistoryEvent};
use autotrader_settlement::{Board, Entry, Rating, Rule, RuleSet, ScorePrecision};
use autotrader_strategy::fair::Forecast;
use autotrader_strategy::params::EstimatorKind;
use autotrader_strategy::params::{ArrivalPrior, BoardWalkParams};
use chrono::TimeDelta;
use proptest::prelude::*;

use crate::kit::{Asked, listed, model, time};

const LABS: [&str; 6] = ["Northwind", "Contoso", "Fabrikam", "Tailspin", "Litware", ""];

/// A row: lab, quarter points behind the best, votes, width of the interval, whether it is preliminary, rank bound.
type Row = (usize, u32, Option<i64>, Option<f64>, bool, Option<i64>);

fn any_row() -> impl Strategy<Value = Row> {
    (
        0usize..6,
        // Ties at the top and far behind; in quarter points, so that some are equal exactly.
        prop_oneof![0u32..12, 0u32..240, 0u32..2_000],
        prop_oneof![
            Just(None),
            (0i64..4).prop_map(|n| Some(n * 5_000)),
            (-2i64..90_000).prop_map(Some)
        ],
        prop_oneof![Just(None), (-1.0f64..60.0).prop_map(Some)],
        any::<bool>(),
        prop_oneof![Just(None), (0i64..9).prop_map(Some)],
    )
}

fn entry(place: usize, (lab, behind, votes, width, preliminary, rank_ub): &Row) -> Entry {
    let score = 1500.0 - f64::from(*behind) * 0.25;
    Entry {
        organization: LABS.get(*lab).map(|name| (*name).to_owned()),
        score: Some(Rating::from_value(score)),
        votes: *votes,
        ci_lower: width.map(|width| Rating::from_value(score - width / 2.0)),
        ci_upper: width.map(|width| Rating::from_value(score + width / 2.0)),
        preliminary: *preliminary,
        rank_ub: *rank_ub,
        ..Entry::named(format!("model-{place}"))
    }
}

fn any_history() -> impl Strategy<Value = BoardHistory> {
    let arrivals = prop::collection::vec((1i64..400, 0usize..6, -40.0f64..40.0), 0..12);
    (1i64..500, arrivals).prop_map(|(days, arrivals)| {
        let now = time("2026-03-01T00:00:00Z");
        let mut history = BoardHistory::default();
        listed(
            &mut history,
            now - TimeDelta::days(days),
            &Entry::named("model-1"),
        );
        for (age, lab, gap) in arrivals {
            history.apply(&HistoryEvent::Arrived(Arrival {
                at: now - TimeDelta::hours(age * 24 + 7),
                model_name: format!("arrived-{age}"),
                organization: LABS.get(lab).map(|name| (*name).to_owned()),
                gap,
            }));
        }
        history
    })
}

fn any_horizon() -> impl Strategy<Value = TimeDelta> {
    prop_oneof![
        (1i64..3_600).prop_map(TimeDelta::seconds),
        (1i64..90 * 24 * 60).prop_map(TimeDelta::minutes),
        (1i64..100_000).prop_map(TimeDelta::days),
    ]
}

fn any_question() -> impl Strategy<Value = Asked> {
    (
        prop::collection::vec(any_row(), 1..30),
        any_history(),
        any_horizon(),
        any::<[bool; 3]>(),
        0.0f64..2.5,
    )
        .prop_map(
            |(rows, history, horizon, [displayed, evaluated, blind], arrivals)| {
                let entries = rows
                    .iter()
                    .enumerate()
                    .map(|(place, row)| entry(place, row))
                    .collect();
                let mut asked = Asked::about(Board { entries }, 1);
                if evaluated {
                    asked.params.board_walk = BoardWalkParams::evaluated();
                } else if blind {
                    asked.params.board_walk.prior = ArrivalPrior::none();
                }
                if displayed {
                    asked.rules = RuleSet::new(Rule::Cascade, ScorePrecision::Displayed);
                }
                Asked {
                    history,
                    horizon,
                    arrivals,
                    ..asked
                }
            },
        )
}

/// Every number of a forecast, bit for bit.
fn bits(forecast: &Forecast<'_>) -> Vec<(String, u64)> {
    let named = |(name, p): (&str, f64)| (name.to_owned(), p.to_bits());
    let rest = [("unlisted", forecast.unlisted()), ("other", forecast.other())];
    let all = forecast.models().chain(forecast.organizations()).chain(rest);
    all.map(named).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn every_forecast_is_two_distributions(asked in any_question()) {
        for kind in EstimatorKind::ALL {
            let checked = asked.answer(kind, |forecast| {
                let models: f64 = forecast.models().map(|(_, p)| p).sum();
                let organizations: f64 = forecast.organizations().map(|(_, p)| p).sum();
                prop_assert!((models + forecast.unlisted() - 1.0).abs() < 1e-12, "{:?}: {}", kind, models);
                prop_assert!((organizations + forecast.other() - 1.0).abs() < 1e-12, "{:?}: {}", kind, organizations);
                let rest = [("", forecast.unlisted()), ("", forecast.other())];
                for (name, p) in forecast.models().chain(forecast.organizations()).chain(rest) {
                    prop_assert!((0.0..=1.0).contains(&p), "{:?} {}: {}", kind, name, p);
                }
                let of_labs: f64 = forecast.organizations().map(|(name, _)| forecast.unlisted_of(name)).sum();
                prop_assert!(of_labs <= forecast.unlisted() + 1e-12, "{:?}: {}", kind, of_labs);
                Ok(())
            });
            checked.transpose()?;
        }
    }

    #[test]
    fn an_organization_is_its_models_and_its_share_of_the_unlisted(asked in any_question()) {
        for kind in [EstimatorKind::BoardWalk, EstimatorKind::RankTable] {
            let checked = asked.answer(kind, |forecast| {
                for (lab, p) in forecast.organizations() {
                    let own: f64 = forecast.listed().filter(|(_, of, _)| *of == Some(lab)).map(|(_, _, p)| p).sum();
                    prop_assert!((p - own - forecast.unlisted_of(lab)).abs() < 1e-12, "{:?} {}", kind, lab);
                }
                Ok(())
            });
            checked.transpose()?;
        }
    }

    #[test]
    fn the_order_of_the_rows_changes_no_bit(asked in any_question(), turn in 0usize..30) {
        let mut turned = asked.clone();
        let rows = turned.board.entries.len();
        turned.board.entries.rotate_left(turn % rows);
        turned.board.entries.reverse();
        for kind in EstimatorKind::ALL {
            prop_assert_eq!(asked.answer(kind, bits), turned.answer(kind, bits), "{:?}", kind);
        }
    }

    #[test]
    fn the_ends_are_the_forecasts_at_the_ends(asked in any_question(), uncertainty in 0.0f64..1.2) {
        let all = asked.with(|question| {
            let estimator = autotrader_strategy::fair::estimator(EstimatorKind::BoardWalk, &asked.params);
            estimator.ends(question, uncertainty).map(|ends| [ends.fewer, ends.central, ends.more].map(|end| bits(&end)))
        });
        for (place, factor) in [(1.0 - uncertainty).max(0.0), 1.0, 1.0 + uncertainty].into_iter().enumerate() {
            let arrivals = asked.arrivals * factor;
            let one = Asked { arrivals, ..asked.clone() }.answer(EstimatorKind::BoardWalk, bits);
            prop_assert_eq!(all.as_ref().map(|ends| ends[place].clone()), one);
        }
    }
}

/// How a lead grows: the leader rises, everybody else falls, or the next one alone falls.
#[derive(Debug, Clone, Copy)]
enum Growth {
    LeaderRises,
    OthersFall,
    NextFalls,
}

/// The same board with a larger lead, intervals moved along.
fn grown(board: &Board, leader: &str, next: Option<&str>, by: f64, growth: Growth) -> Board {
    let mut board = board.clone();
    for entry in &mut board.entries {
        let name = entry.model_name.as_str();
        let change = match growth {
            Growth::LeaderRises if name == leader => by,
            Growth::OthersFall if name != leader => -by,
            Growth::NextFalls if Some(name) == next => -by,
            _ => continue,
        };
        for rating in [&mut entry.score, &mut entry.ci_lower, &mut entry.ci_upper] {
            *rating = rating
                .as_ref()
                .map(|rating| Rating::from_value(rating.value() + change));
        }
    }
    board
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn a_larger_lead_never_lowers_the_leader(
        asked in any_question(),
        by in prop_oneof![1e-9f64..1e-3, Just(0.01), 1e-3f64..1.0, 0.0f64..40.0],
        growth in prop_oneof![Just(Growth::LeaderRises), Just(Growth::OthersFall), Just(Growth::NextFalls)],
    ) {
        let mut asked = asked;
        // All else equal: the order of settlement goes by the scores.
        for entry in &mut asked.board.entries {
            entry.rank_ub = Some(1);
        }
        if !matches!(growth, Growth::LeaderRises) {
            // Rows that fall, alone or to another whole point, would let a thirteenth among the twelve that walk.
            asked.board.entries.truncate(12);
            // Equals in votes both win at their lattice point before all is normalised: where another one falls from above
            // two of them, their tie grows at everybody's cost. The reference does the same.
            for (entry, votes) in asked.board.entries.iter_mut().zip(1_000..) {
                entry.votes = Some(votes);
            }
        }
        let drivers = asked.answer(EstimatorKind::BoardWalk, |forecast| forecast.drivers()).flatten();
        if let Some(drivers) = drivers {
            let leader = model(&drivers.leader);
            let before = asked.worth(EstimatorKind::BoardWalk, &leader);
            let board = grown(&asked.board, &drivers.leader, drivers.runner_up.as_deref(), by, growth);
            let after = Asked { board, ..asked }.worth(EstimatorKind::BoardWalk, &leader);
            prop_assert!(after >= before - 1e-12, "{before} fell to {after}");
        }
    }
}
