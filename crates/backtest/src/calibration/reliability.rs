//! What was said against how often it came: bins of probabilities.

use serde::Serialize;

use super::bootstrap::{Interval, percentiles, redraw};

/// The lower ends of the bins; the last one ends at one.
const EDGES: [f64; 12] = [
    0.005, 0.02, 0.05, 0.1, 0.2, 0.3, 0.45, 0.6, 0.75, 0.85, 0.93, 0.97,
];

/// The 95 % quantile of the normal distribution, two-sided.
const Z: f64 = 1.959_963_984_540_054;

/// Counts of what was said and what came, in bins; chances below the first edge are not counted, as nobody trades on them.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub(crate) struct Tally([Count; EDGES.len()]);

#[derive(Debug, Clone, Copy, PartialEq, Default)]
struct Count {
    said: u64,
    came: u64,
    sum: f64,
}

/// One bin.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Bin {
    /// Its lower end.
    pub from: f64,
    /// Its upper end.
    pub to: f64,
    /// How many probabilities fell into it; overlapping windows are not independent.
    pub n: u64,
    /// Their mean.
    pub said: f64,
    /// The share of them that came true.
    pub came: f64,
    /// The lower end of the 95 % interval of that share (Wilson), as if every probability were a trial of its own.
    pub low: f64,
    /// The upper end of it.
    pub high: f64,
    /// The lower end of the 95 % interval from blocks of days drawn anew; equal to the share when one block holds them all.
    pub block_low: f64,
    /// The upper end of it.
    pub block_high: f64,
}

/// How reliable the probabilities of one estimator were.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Reliability {
    /// Mean distance between said and came, weighted by the number of probabilities: the expected calibration error.
    pub ece: f64,
    /// The same with its interval. What is drawn anew is noisier than the whole, and noise adds to this figure: the interval
    /// lies rather too high.
    pub ece_interval: Interval,
    /// The bins that something fell into.
    pub bins: Vec<Bin>,
}

impl Tally {
    /// Counts probabilities with whether they came true.
    pub(crate) fn take(&mut self, judged: impl Iterator<Item = (f64, bool)>) {
        for (p, came) in judged {
            let above = EDGES.partition_point(|edge| *edge <= p);
            if let Some(count) = above.checked_sub(1).and_then(|bin| self.0.get_mut(bin)) {
                count.said += 1;
                count.came += u64::from(came);
                count.sum += p;
            }
        }
    }

    /// Adds the counts of another.
    fn add(&mut self, other: &Self) {
        for (mine, others) in self.0.iter_mut().zip(&other.0) {
            mine.said += others.said;
            mine.came += others.came;
            mine.sum += others.sum;
        }
    }

    fn of<'a>(parts: impl Iterator<Item = &'a Self>) -> Self {
        parts.fold(Self::default(), |mut sum, part| {
            sum.add(part);
            sum
        })
    }

    /// The expected calibration error; zero when nothing was counted.
    fn ece(&self) -> f64 {
        let said: u64 = self.0.iter().map(|count| count.said).sum();
        let distance: f64 = self
            .0
            .iter()
            .map(|count| (count.sum - count.came as f64).abs())
            .sum();
        if said == 0 { 0.0 } else { distance / said as f64 }
    }
}

/// Counts by blocks of days, from the first day on.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct BlockTallies(Vec<Tally>);

impl BlockTallies {
    /// Counts probabilities of one block with whether they came true.
    pub(crate) fn take(&mut self, block: usize, judged: impl Iterator<Item = (f64, bool)>) {
        self.reach(block + 1);
        if let Some(tally) = self.0.get_mut(block) {
            tally.take(judged);
        }
    }

    /// Adds the counts of another, block by block.
    pub(crate) fn add(&mut self, other: &Self) {
        self.reach(other.0.len());
        for (mine, others) in self.0.iter_mut().zip(&other.0) {
            mine.add(others);
        }
    }

    fn reach(&mut self, blocks: usize) {
        if self.0.len() < blocks {
            self.0.resize(blocks, Tally::default());
        }
    }

    /// What the counts say.
    pub(crate) fn reliability(&self) -> Reliability {
        let total = Tally::of(self.0.iter());
        let mut errors = Vec::new();
        let mut shares: Vec<Vec<f64>> = vec![Vec::new(); EDGES.len()];
        redraw(&self.0, |drawn| {
            let tally = Tally::of(drawn.iter().copied());
            errors.push(tally.ece());
            for (shares, count) in shares.iter_mut().zip(&tally.0) {
                shares.extend(count.share());
            }
        });
        let tops = EDGES.iter().skip(1).chain(std::iter::once(&1.0));
        let bins = total.0.iter().zip(EDGES.iter().zip(tops)).zip(shares);
        let ece = total.ece();
        let (low, high) = percentiles(errors).unwrap_or((ece, ece));
        Reliability {
            ece,
            ece_interval: Interval { mean: ece, low, high },
            bins: bins
                .filter_map(|((count, (from, to)), shares)| count.bin(*from, *to, shares))
                .collect(),
        }
    }
}

impl Count {
    /// The share that came; nothing when nothing was counted.
    fn share(&self) -> Option<f64> {
        (self.said > 0).then(|| self.came as f64 / self.said as f64)
    }

    fn bin(&self, from: f64, to: f64, shares: Vec<f64>) -> Option<Bin> {
        let n = self.said as f64;
        let came = self.share()?;
        let (low, high) = wilson(came, n);
        let (block_low, block_high) = percentiles(shares).unwrap_or((came, came));
        Some(Bin {
            from,
            to,
            n: self.said,
            said: self.sum / n,
            came,
            low,
            high,
            block_low,
            block_high,
        })
    }
}

/// The 95 % interval of a share of `n` trials (Wilson 1927).
pub(crate) fn wilson(share: f64, n: f64) -> (f64, f64) {
    let scale = 1.0 + Z * Z / n;
    let middle = share + Z * Z / (2.0 * n);
    let half = Z * (share * (1.0 - share) / n + Z * Z / (4.0 * n * n)).sqrt();
    (
        ((middle - half) / scale).max(0.0),
        ((middle + half) / scale).min(1.0),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bins_hold_what_was_said_and_what_came() {
        let mut tally = BlockTallies::default();
        tally.take(
            0,
            [
                (0.001, false),
                (0.80, true),
                (0.82, true),
                (0.84, false),
                (1.0, true),
            ]
            .into_iter(),
        );
        let reliability = tally.reliability();
        assert_eq!(reliability.bins.len(), 2, "the tiny chance is not counted");
        let bin = reliability.bins[0];
        assert_eq!((bin.n, bin.from, bin.to), (3, 0.75, 0.85));
        assert!((bin.said - 0.82).abs() < 1e-12 && (bin.came - 2.0 / 3.0).abs() < 1e-12);
        let expected = (3.0 * (0.82f64 - 2.0 / 3.0).abs()) / 4.0;
        assert!((reliability.ece - expected).abs() < 1e-12);
        // One block drawn anew is the same block.
        assert_eq!((bin.block_low, bin.block_high), (bin.came, bin.came));
        assert!((reliability.ece_interval.high - reliability.ece_interval.low).abs() < 1e-12);
    }

    #[test]
    fn blocks_that_differ_widen_the_interval_of_a_bin() {
        let mut tally = BlockTallies::default();
        for block in 0..10 {
            // Every second block came true as a whole: ten draws, not a thousand.
            tally.take(block, (0..100).map(|_| (0.5, block % 2 == 0)));
        }
        let reliability = tally.reliability();
        let bin = reliability.bins[0];
        assert!((bin.came - 0.5).abs() < 1e-12);
        assert!(bin.block_low < bin.low && bin.block_high > bin.high, "{bin:?}");
        assert!(bin.block_low >= 0.1 && bin.block_high <= 0.9, "{bin:?}");
        assert!(reliability.ece < 1e-12 && reliability.ece_interval.high > 0.1);
    }

    #[test]
    fn nothing_counted_is_no_error() {
        let reliability = BlockTallies::default().reliability();
        assert!(reliability.bins.is_empty() && reliability.ece == 0.0);
    }

    #[test]
    fn the_interval_of_a_share_is_wilsons() {
        // Ten of ten: 10 / (10 + z²).
        let (low, high) = wilson(1.0, 10.0);
        assert!((low - 10.0 / (10.0 + Z * Z)).abs() < 1e-12 && (high - 1.0).abs() < 1e-12);
    }
}
