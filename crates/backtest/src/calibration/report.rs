//! The figures of a run, with their uncertainty.

use std::collections::BTreeMap;

use chrono::NaiveDate;
use serde::Serialize;

use super::bootstrap::{BLOCK_DAYS, Blocks, Interval};
use super::origins::{HorizonRun, Level, Run};
use super::reliability::{BlockTallies, Reliability};
use super::score::Scores;

/// Fewer origins than this are no figure. Source: the study.
const LEAST_ORIGINS: usize = 40;

/// The figures of one horizon.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct HorizonReport {
    /// How many origins.
    pub n: usize,
    /// The share of origins whose leading model led at the end.
    pub stay_model: f64,
    /// The share of origins whose leading organisation led at the end.
    pub stay_org: f64,
    /// Means by `<estimator>_<model|org>_<log_loss|brier>`.
    #[serde(flatten)]
    pub figures: BTreeMap<String, f64>,
}

/// The paired difference of the first estimator to another; below zero the first is better.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Difference {
    /// Log loss.
    pub log_loss: Interval,
    /// Brier score.
    pub brier: Interval,
}

/// A horizon without figures.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Skipped {
    /// Days ahead.
    pub horizon: u32,
    /// How many origins it had.
    pub n: usize,
    /// How many it needs.
    pub needed: usize,
}

/// The figures of a run.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Report {
    /// The first origin.
    pub from: NaiveDate,
    /// The last origin asked for.
    pub to: NaiveDate,
    /// By days ahead.
    pub horizons: BTreeMap<u32, HorizonReport>,
    /// Horizons with too few origins.
    pub skipped: Vec<Skipped>,
    /// The intervals of the means, by days ahead and figure.
    pub intervals: BTreeMap<u32, BTreeMap<String, Interval>>,
    /// The first estimator less each other, by days ahead and `<estimator>_<model|org>`.
    pub differences: BTreeMap<u32, BTreeMap<String, Difference>>,
    /// What was said against what came, over all horizons, by `<estimator>_<model|org>`.
    pub reliability: BTreeMap<String, Reliability>,
    /// The same by days ahead.
    pub reliability_by_horizon: BTreeMap<u32, BTreeMap<String, Reliability>>,
    /// The names of the estimators, the one that is judged first.
    pub estimators: Vec<String>,
    /// Days that were drawn together for the intervals.
    pub block_days: i64,
    /// How many such blocks there are at most: what the figures rest on.
    pub blocks: usize,
    /// How often another model came to lead between the origins.
    pub leader_changes_model: usize,
    /// How often another organisation came to lead between the origins.
    pub leader_changes_org: usize,
}

type Measure = (&'static str, fn(&Scores) -> f64);

const MEASURES: [Measure; 2] = [
    ("log_loss", |scores| scores.log_loss),
    ("brier", |scores| scores.brier),
];

/// The values of one figure by day.
fn values<'a>(
    horizon: &'a HorizonRun,
    estimator: usize,
    level: Level,
    measure: fn(&Scores) -> f64,
) -> impl Iterator<Item = (NaiveDate, f64)> + 'a {
    horizon.origins.iter().filter_map(move |origin| {
        let [model, organization] = origin.scores.get(estimator)?;
        let scores = match level {
            Level::Model => model,
            Level::Organization => organization,
        };
        Some((origin.date, measure(scores)))
    })
}

fn mean(values: impl Iterator<Item = f64>) -> f64 {
    let (sum, count) = values.fold((0.0, 0.0), |(sum, count), value| (sum + value, count + 1.0));
    sum / count
}

fn level_index(level: Level) -> usize {
    match level {
        Level::Model => 0,
        Level::Organization => 1,
    }
}

/// Draws up the figures of a run whose origins were asked for from one day to another.
#[must_use]
pub fn report(run: &Run, from: NaiveDate, to: NaiveDate) -> Report {
    let mut report = Report {
        from,
        to,
        horizons: BTreeMap::new(),
        skipped: Vec::new(),
        intervals: BTreeMap::new(),
        differences: BTreeMap::new(),
        reliability: reliability(run, &run.horizons.iter().collect::<Vec<_>>()),
        reliability_by_horizon: BTreeMap::new(),
        estimators: run.estimators.iter().map(|name| (*name).to_owned()).collect(),
        block_days: BLOCK_DAYS,
        blocks: 0,
        leader_changes_model: run.changes[0],
        leader_changes_org: run.changes[1],
    };
    for horizon in &run.horizons {
        if horizon.origins.len() < LEAST_ORIGINS {
            report.skipped.push(Skipped {
                horizon: horizon.days,
                n: horizon.origins.len(),
                needed: LEAST_ORIGINS,
            });
        } else {
            report.add(run, horizon);
        }
    }
    report
}

impl Report {
    fn add(&mut self, run: &Run, horizon: &HorizonRun) {
        let (mut figures, mut intervals) = (BTreeMap::new(), BTreeMap::new());
        for (index, name) in run.estimators.iter().enumerate() {
            for level in Level::ALL {
                for (measure, of) in MEASURES {
                    let key = format!("{name}_{}_{measure}", level.word());
                    let blocks = Blocks::of(values(horizon, index, level, of));
                    self.blocks = self.blocks.max(blocks.len());
                    let interval = blocks.interval();
                    figures.insert(
                        key.clone(),
                        mean(values(horizon, index, level, of).map(|(_, v)| v)),
                    );
                    intervals.insert(key, interval);
                }
            }
        }
        let stay = |level: Level| {
            let stayed = |stayed: &[bool; 2]| stayed.get(level_index(level)).copied().unwrap_or(false);
            mean(
                horizon
                    .origins
                    .iter()
                    .map(|origin| f64::from(u8::from(stayed(&origin.stayed)))),
            )
        };
        let key = horizon.days;
        self.horizons.insert(
            key,
            HorizonReport {
                n: horizon.origins.len(),
                stay_model: stay(Level::Model),
                stay_org: stay(Level::Organization),
                figures,
            },
        );
        self.intervals.insert(key, intervals);
        self.differences.insert(key, differences(run, horizon));
        self.reliability_by_horizon
            .insert(key, reliability(run, &[horizon]));
    }
}

fn differences(run: &Run, horizon: &HorizonRun) -> BTreeMap<String, Difference> {
    let mut differences = BTreeMap::new();
    for (index, name) in run.estimators.iter().enumerate().skip(1) {
        for level in Level::ALL {
            let difference = |of: fn(&Scores) -> f64| {
                let pairs = values(horizon, 0, level, of).zip(values(horizon, index, level, of));
                Blocks::of(pairs.map(|((date, first), (_, other))| (date, first - other))).interval()
            };
            differences.insert(
                format!("{name}_{}", level.word()),
                Difference {
                    log_loss: difference(|scores| scores.log_loss),
                    brier: difference(|scores| scores.brier),
                },
            );
        }
    }
    differences
}

fn reliability(run: &Run, horizons: &[&HorizonRun]) -> BTreeMap<String, Reliability> {
    let mut reliability = BTreeMap::new();
    for (index, name) in run.estimators.iter().enumerate() {
        for level in Level::ALL {
            let mut tally = BlockTallies::default();
            let of_horizons = horizons.iter().filter_map(|horizon| horizon.tallies.get(index));
            for counted in of_horizons.filter_map(|tallies| tallies.get(level_index(level))) {
                tally.add(counted);
            }
            reliability.insert(format!("{name}_{}", level.word()), tally.reliability());
        }
    }
    reliability
}
