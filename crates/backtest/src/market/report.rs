//! What runs brought, and what it rests on.

use std::collections::BTreeMap;

use autotrader_domain::Money;
use chrono::NaiveDate;
use serde::{Serialize, Serializer};

use super::pooled::{bands, figures};
use super::regime::{Regime, Terms};
use super::run::LATENCY;
use crate::calibration::Interval;
use crate::period::{Band, Curve, Figures, Sums};

fn dollars<S: Serializer>(money: &Money, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_f64(money.to_f64())
}

/// What one run brought. Money is in dollars in JSON.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct SeedResult {
    /// What drove everything random in it.
    pub seed: u64,
    /// Its first day.
    pub from: NaiveDate,
    /// Its last day.
    pub to: NaiveDate,
    /// What the account holds in the end, everything settled, less what it held at first.
    #[serde(serialize_with = "dollars")]
    pub pnl: Money,
    /// Fees paid, in `pnl` already.
    #[serde(serialize_with = "dollars")]
    pub fees: Money,
    /// Orders that reached the exchange.
    pub orders: u64,
    /// Those of them that it refused.
    pub refused: u64,
    /// Fills.
    pub trades: u64,
    /// Contracts filled.
    pub contracts: i64,
    /// The greatest fall of the equity from its highest point before.
    #[serde(serialize_with = "dollars")]
    pub max_drawdown: Money,
    /// Checks that were settled.
    pub checks: u64,
    /// Events that the core handled.
    pub events: u64,
    /// What restricted trading in the end, by code.
    pub restricted: Vec<&'static str>,
    /// The last link of the core's hash chain: equal runs have equal ones.
    pub chain: String,
    /// Its equity.
    #[serde(skip)]
    pub curve: Curve,
    /// Its figures, to be added to those of the other runs.
    #[serde(skip)]
    pub sums: Sums,
}

impl SeedResult {
    pub(super) fn new(seed: u64, from: NaiveDate, to: NaiveDate) -> Self {
        Self {
            seed,
            from,
            to,
            pnl: Money::ZERO,
            fees: Money::ZERO,
            orders: 0,
            refused: 0,
            trades: 0,
            contracts: 0,
            max_drawdown: Money::ZERO,
            checks: 0,
            events: 0,
            restricted: Vec::new(),
            chain: String::new(),
            curve: Curve::default(),
            sums: Sums::default(),
        }
    }
}

/// What all runs of one strategy in one kind of market brought.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Report {
    /// The kind of market.
    pub regime: Regime,
    /// Its figures.
    pub terms: Terms,
    /// What traded.
    pub strategy: String,
    /// The first day that a run may begin.
    pub from: NaiveDate,
    /// The last day that a run may end.
    pub to: NaiveDate,
    /// Mean profit of a run in dollars with its 95 % interval over the seeds.
    pub pnl: Interval,
    /// Mean fees of a run in dollars.
    pub fees: f64,
    /// Mean fills of a run.
    pub trades: f64,
    /// The fewest fills of a run.
    pub fewest_trades: u64,
    /// Mean of the greatest falls of the equity in dollars.
    pub max_drawdown: f64,
    /// Boards that were not shown, by the reason.
    pub left_out: BTreeMap<&'static str, usize>,
    /// What the figures rest on, in words.
    pub assumptions: Vec<String>,
    /// Gains by days from the start of a run, over the runs.
    pub equity: Vec<Band>,
    /// The figures of all runs together.
    pub figures: Figures,
    /// The runs, by seed.
    pub seeds: Vec<SeedResult>,
}

/// What a report is made of besides its runs.
#[derive(Debug, Clone)]
pub struct Heading {
    /// The kind of market.
    pub regime: Regime,
    /// What traded.
    pub strategy: String,
    /// The first day that a run may begin.
    pub from: NaiveDate,
    /// The last day that a run may end.
    pub to: NaiveDate,
    /// Boards that were not shown, by the reason.
    pub left_out: BTreeMap<&'static str, usize>,
}

/// Sums runs up.
#[must_use]
pub fn report(heading: Heading, seeds: Vec<SeedResult>) -> Report {
    let mean = |of: &dyn Fn(&SeedResult) -> f64| {
        let values: Vec<f64> = seeds.iter().map(of).collect();
        values.iter().sum::<f64>() / values.len().max(1) as f64
    };
    let profits: Vec<f64> = seeds.iter().map(|seed| seed.pnl.to_f64()).collect();
    Report {
        regime: heading.regime,
        terms: heading.regime.terms(),
        strategy: heading.strategy,
        from: heading.from,
        to: heading.to,
        pnl: interval(&profits),
        fees: mean(&|seed| seed.fees.to_f64()),
        trades: mean(&|seed| seed.trades as f64),
        fewest_trades: seeds.iter().map(|seed| seed.trades).min().unwrap_or_default(),
        max_drawdown: mean(&|seed| seed.max_drawdown.to_f64()),
        left_out: heading.left_out,
        assumptions: assumptions(heading.regime),
        equity: bands(&seeds),
        figures: figures(&seeds),
        seeds,
    }
}

/// The mean of independent values with its 95 % interval by Student's distribution; no width is known of a single one.
fn interval(values: &[f64]) -> Interval {
    let n = values.len() as f64;
    let mean = values.iter().sum::<f64>() / n.max(1.0);
    let half = if values.len() < 2 {
        f64::MAX
    } else {
        let variance = values.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / (n - 1.0);
        student(n - 1.0) * (variance / n).sqrt()
    };
    Interval {
        mean,
        low: mean - half,
        high: mean + half,
    }
}

/// The 97.5 % point of Student's distribution, by the expansion of Cornish and Fisher; within 2 % from three degrees of
/// freedom on. Source: Abramowitz and Stegun, 26.7.5.
fn student(degrees: f64) -> f64 {
    let z = 1.959_963_984_540_054_f64;
    let (z3, z5, z7) = (z.powi(3), z.powi(5), z.powi(7));
    let first = (z3 + z) / 4.0;
    let second = 16.0_f64.mul_add(z3, 5.0_f64.mul_add(z5, 3.0 * z)) / 96.0;
    let third = (3.0 * z7 + 19.0 * z5 + 17.0 * z3 - 15.0 * z) / 384.0;
    z + first / degrees + second / degrees.powi(2) + third / degrees.powi(3)
}

fn assumptions(regime: Regime) -> Vec<String> {
    let terms = regime.terms();
    let (least, greatest) = terms.lag_seconds;
    let (soonest, latest) = LATENCY;
    let orders: Vec<String> = terms
        .quotes
        .iter()
        .map(|(away, size)| format!("{size} at {} cents", away / 100))
        .collect();
    let (known, learnt) = terms.news;
    let mut assumptions = vec![
        format!(
            "The market is invented: two makers see a new board {least} to {greatest} seconds after it is shown, and each keeps \
             orders for {} from its opinion on either side. No reaction of the real market to a board is on record.",
            orders.join(", ")
        ),
        format!(
            "Their opinion is the board walk, for labs pooled half and half with persistence, moved by a mood of {} in log odds \
             that lasts six hours. Nobody else trades.",
            terms.mood
        ),
    ];
    if known + learnt > 0.0 {
        assumptions.push(format!(
            "They know more of each contract than any board says: a signal of its outcome, a log-likelihood ratio of variance \
             {known} at the listing and {learnt} more until the check. A price that follows it leaves nothing on average, \
             whatever the boards' estimate is worth."
        ));
    }
    assumptions.extend([
        "A series gives the day of a board: the moment within the day is drawn for each seed. Settlement reads the board that was \
         shown last before the check, Mondays at ten in New York."
            .to_owned(),
        "Boards that were corrected later or list fewer than half the usual models are not shown. Best possible ranks that a \
         collection lacks are computed from its intervals."
            .to_owned(),
        "Arrivals are learnt from the boards before a run and during it alone; the other parameters were chosen with knowledge of \
         some of these boards."
            .to_owned(),
        format!(
            "An order reaches the exchange {soonest} to {latest} milliseconds after it was decided; matching, fees and settlement \
             are the stand-in exchange's. The page is polled every 30 seconds."
        ),
        "Seeds share one history: their spans overlap, so the interval says how sure the mean is on these boards, and not how it \
         would be on others. On the day after a daily loss limit trading is resumed; after no other limit."
            .to_owned(),
        "Runs are laid where no two boards are more than three weeks apart, if there are such: on an old board nothing is entered. \
         A fill is a trade; an order that meets several orders has several."
            .to_owned(),
    ]);
    assumptions
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn intervals_are_those_of_student() {
        // Table values of the 97.5 % point.
        for (degrees, expected) in [(4.0, 2.776), (9.0, 2.262), (49.0, 2.010), (1e6, 1.960)] {
            assert!((student(degrees) / expected - 1.0).abs() < 0.005, "{degrees}");
        }
        let of = interval(&[1.0, 2.0, 3.0, 4.0, 5.0]);
        assert!((of.mean - 3.0).abs() < 1e-12);
        // 2.776 · sqrt(2.5 / 5)
        assert!((of.high - 3.0 - 1.963).abs() < 0.01, "{of:?}");
        assert!(
            interval(&[7.0]).low < -1e300,
            "one run says nothing of the spread"
        );
    }
}
