//! The runs of a backtest together: their equity day by day, and one page for all.

use chrono::{NaiveTime, TimeDelta};

use super::report::{Report, SeedResult};
use crate::ChartError;
use crate::period::{Band, Figures, Point, Sheet, Sums};

/// The share of runs below the band, and above it.
const TAIL: f64 = 0.1;

/// Gains of every day from the start, over the runs.
pub(super) fn bands(seeds: &[SeedResult]) -> Vec<Band> {
    let days = seeds.iter().map(|seed| (seed.to - seed.from).num_days()).max();
    (0..=days.unwrap_or_default())
        .filter_map(|day| band(day, seeds))
        .collect()
}

fn band(day: i64, seeds: &[SeedResult]) -> Option<Band> {
    let points: Vec<(f64, f64)> = seeds.iter().filter_map(|seed| gained(seed, day)).collect();
    if points.is_empty() {
        return None;
    }
    let n = points.len() as f64;
    let mut gains: Vec<f64> = points.iter().map(|(gain, _)| *gain).collect();
    gains.sort_by(f64::total_cmp);
    Some(Band {
        day: day as f64,
        low: quantile(&gains, TAIL),
        mean: gains.iter().sum::<f64>() / n,
        high: quantile(&gains, 1.0 - TAIL),
        drawdown: points.iter().map(|(_, fall)| fall).sum::<f64>() / n,
    })
}

/// What a run has gained until the end of a day, and how far it is below its highest equity.
fn gained(seed: &SeedResult, day: i64) -> Option<(f64, f64)> {
    let start = seed.from.and_time(NaiveTime::MIN).and_utc();
    let opening: Point = seed.curve.at(start)?;
    let point = seed.curve.at(start + TimeDelta::days(day))?;
    Some((point.equity - opening.equity, point.drawdown))
}

/// A quantile of sorted values, between two of them in proportion.
fn quantile(sorted: &[f64], share: f64) -> f64 {
    let place = share * (sorted.len().saturating_sub(1)) as f64;
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a place in a list"
    )]
    let below = place.floor() as usize;
    let at = |index: usize| sorted.get(index).or(sorted.last()).copied().unwrap_or_default();
    let rest = place - place.floor();
    at(below).mul_add(1.0 - rest, at(below + 1) * rest)
}

/// The figures of all runs together.
pub(super) fn figures(seeds: &[SeedResult]) -> Figures {
    let mut all = Sums::default();
    for seed in seeds {
        all.add(&seed.sums);
    }
    all.figures()
}

impl Report {
    /// The report as one page for people.
    ///
    /// # Errors
    /// [`ChartError`] when the drawing library cannot draw a chart.
    pub fn page(&self) -> Result<String, ChartError> {
        let title = format!("{} in a market of the kind {}", self.strategy, self.regime);
        let money = |dollars: f64| format!("{dollars:+.2} dollars");
        let pnl = if self.seeds.len() < 2 {
            money(self.pnl.mean)
        } else {
            format!(
                "{:+.2} dollars, 95 % {:+.2} to {:+.2}",
                self.pnl.mean, self.pnl.low, self.pnl.high
            )
        };
        let facts = [
            (
                "Runs",
                format!("{} between {} and {}", self.seeds.len(), self.from, self.to),
            ),
            ("Mean profit of a run", pnl),
            ("Mean fees of a run", format!("{:.2} dollars", self.fees)),
            (
                "Mean fills of a run",
                format!("{:.1}, {} at least", self.trades, self.fewest_trades),
            ),
            ("Mean greatest fall", format!("{:.2} dollars", self.max_drawdown)),
        ];
        Sheet {
            title: &title,
            facts: facts.map(|(name, value)| (name.to_owned(), value)).to_vec(),
            equity: &self.equity,
            figures: &self.figures,
            assumptions: &self.assumptions,
        }
        .page()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case(0.0, 1.0)]
    #[case(0.5, 2.5)]
    #[case(0.1, 1.3)]
    #[case(1.0, 4.0)]
    fn quantiles_lie_between_values_in_proportion(#[case] share: f64, #[case] expected: f64) {
        assert!((quantile(&[1.0, 2.0, 3.0, 4.0], share) - expected).abs() < 1e-12);
        assert!(quantile(&[], share).abs() < 1e-12);
    }

    #[test]
    fn a_band_holds_the_runs() {
        let run = |seed: u64, step: f64| {
            let from = "2026-01-01".parse().unwrap();
            let mut result = SeedResult::new(seed, from, "2026-01-03".parse().unwrap());
            let start = from.and_time(NaiveTime::MIN).and_utc();
            for day in 0..3 {
                result
                    .curve
                    .note(start + TimeDelta::days(day), 2_500.0 + step * day as f64);
            }
            result
        };
        let runs: Vec<SeedResult> = (0..11).map(|seed| run(seed, seed as f64 - 5.0)).collect();
        let bands = bands(&runs);
        let expected = [(0.0, 0.0, 0.0), (-4.0, 0.0, 4.0), (-8.0, 0.0, 8.0)];
        assert_eq!(bands.len(), expected.len());
        for (band, (low, mean, high)) in bands.iter().zip(expected) {
            assert!((band.low - low).abs() < 1e-9 && (band.high - high).abs() < 1e-9);
            assert!((band.mean - mean).abs() < 1e-9, "{band:?}");
        }
    }
}
