//! What was said against how often it came: bins of probabilities.

use serde::Serialize;

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
    /// The lower end of the 95 % interval of that share (Wilson).
    pub low: f64,
    /// The upper end of it.
    pub high: f64,
}

/// How reliable the probabilities of one estimator were.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Reliability {
    /// Mean distance between said and came, weighted by the number of probabilities: the expected calibration error.
    pub ece: f64,
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
    pub(crate) fn add(&mut self, other: &Self) {
        for (mine, others) in self.0.iter_mut().zip(&other.0) {
            mine.said += others.said;
            mine.came += others.came;
            mine.sum += others.sum;
        }
    }

    /// What the counts say.
    pub(crate) fn reliability(&self) -> Reliability {
        let tops = EDGES.iter().skip(1).chain(std::iter::once(&1.0));
        let bins: Vec<Bin> = self
            .0
            .iter()
            .zip(EDGES.iter().zip(tops))
            .filter(|(count, _)| count.said > 0)
            .map(|(count, (from, to))| count.bin(*from, *to))
            .collect();
        let total: f64 = bins.iter().map(|bin| bin.n as f64).sum();
        let distance: f64 = bins
            .iter()
            .map(|bin| bin.n as f64 * (bin.said - bin.came).abs())
            .sum();
        Reliability {
            ece: if total > 0.0 { distance / total } else { 0.0 },
            bins,
        }
    }
}

impl Count {
    fn bin(&self, from: f64, to: f64) -> Bin {
        let n = self.said as f64;
        let came = self.came as f64 / n;
        let (low, high) = wilson(came, n);
        Bin {
            from,
            to,
            n: self.said,
            said: self.sum / n,
            came,
            low,
            high,
        }
    }
}

/// The 95 % interval of a share of `n` trials (Wilson 1927).
fn wilson(share: f64, n: f64) -> (f64, f64) {
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
        let mut tally = Tally::default();
        tally.take(
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
    }

    #[test]
    fn the_interval_of_a_share_is_wilsons() {
        // Ten of ten: 10 / (10 + z²).
        let (low, high) = wilson(1.0, 10.0);
        assert!((low - 10.0 / (10.0 + Z * Z)).abs() < 1e-12 && (high - 1.0).abs() < 1e-12);
    }
}
