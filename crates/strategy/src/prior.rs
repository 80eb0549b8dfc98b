//! What the market says of an event's contracts, without the over-round.
//!
//! An event has no catch-all leg: an unlisted model pays nobody. So the mids are scaled only down, to at most what the
//! listed claims can hold together; six asks that sum to 0.90 are not free money.

use autotrader_domain::Mid;

/// The market's probability of one contract.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum MarketPrior {
    /// Both sides are quoted.
    Point(f64),
    /// One side or both are empty: anything from `low` to `high` fits.
    Interval {
        /// The least probability that fits.
        low: f64,
        /// The greatest probability that fits.
        high: f64,
    },
}

impl MarketPrior {
    /// A prior that says nothing.
    pub const UNKNOWN: Self = Self::Interval { low: 0.0, high: 1.0 };

    /// What a book's middle says as it stands.
    #[must_use]
    pub fn from_mid(mid: Mid) -> Self {
        match mid {
            Mid::Point { bid, ask } => Self::Point(f64::midpoint(bid.probability(), ask.probability())),
            Mid::Interval { low, high } => Self::Interval {
                low: low.probability(),
                high: high.probability(),
            },
        }
    }

    /// The probability when both sides are quoted.
    #[must_use]
    pub const fn point(self) -> Option<f64> {
        match self {
            Self::Point(p) => Some(p),
            Self::Interval { .. } => None,
        }
    }

    /// The least probability that fits.
    #[must_use]
    pub const fn low(self) -> f64 {
        match self {
            Self::Point(p) => p,
            Self::Interval { low, .. } => low,
        }
    }

    /// The greatest probability that fits.
    #[must_use]
    pub const fn high(self) -> f64 {
        match self {
            Self::Point(p) => p,
            Self::Interval { high, .. } => high,
        }
    }

    fn scaled(self, factor: f64) -> Self {
        match self {
            Self::Point(p) => Self::Point(p * factor),
            Self::Interval { low, high } => Self::Interval {
                low: low * factor,
                high: high * factor,
            },
        }
    }
}

/// Scales the priors of one event down until the least they claim together is at most `1 − nobody`.
///
/// `nobody` is the probability that no contract of the event pays. Priors that already fit are left alone.
#[must_use]
pub fn devig(raw: &[MarketPrior], nobody: f64) -> Vec<MarketPrior> {
    let claimed: f64 = raw.iter().map(|prior| prior.low()).sum();
    let room = (1.0 - nobody).clamp(0.0, 1.0);
    let factor = if claimed > room { room / claimed } else { 1.0 };
    raw.iter().map(|prior| prior.scaled(factor)).collect()
}

/// The least and the greatest sum of mids that fit an event's books.
#[must_use]
pub fn mid_sum(raw: &[MarketPrior]) -> (f64, f64) {
    raw.iter().fold((0.0, 0.0), |(low, high), prior| {
        (low + prior.low(), high + prior.high())
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn points(mids: &[f64]) -> Vec<MarketPrior> {
        mids.iter().copied().map(MarketPrior::Point).collect()
    }

    #[test]
    fn an_event_that_sums_to_less_is_left_alone() {
        let raw = points(&[0.72, 0.05, 0.04, 0.02, 0.02, 0.01]);
        assert_eq!(devig(&raw, 0.10), raw);
    }

    #[test]
    fn an_event_that_sums_to_more_is_scaled_down() {
        let scaled = devig(&points(&[0.80, 0.20]), 0.10);
        let expected = [0.72, 0.18];
        for (prior, expected) in scaled.iter().zip(expected) {
            assert!((prior.point().unwrap() - expected).abs() < 1e-12, "{prior:?}");
        }
    }

    #[test]
    fn an_interval_claims_its_lower_end_only() {
        let raw = [
            MarketPrior::Point(0.9),
            MarketPrior::Interval { low: 0.0, high: 0.5 },
        ];
        assert_eq!(devig(&raw, 0.05), raw);
        assert_eq!(mid_sum(&raw), (0.9, 1.4));
    }

    fn any_prior() -> impl Strategy<Value = MarketPrior> {
        prop_oneof![
            (0.0f64..=1.0).prop_map(MarketPrior::Point),
            (0.0f64..=1.0, 0.0f64..=1.0).prop_map(|(a, b)| MarketPrior::Interval {
                low: a.min(b),
                high: a.max(b)
            }),
        ]
    }

    proptest! {
        #[test]
        fn devig_never_scales_up_and_always_fits(
            raw in prop::collection::vec(any_prior(), 0..12),
            nobody in 0.0f64..=1.0,
        ) {
            let scaled = devig(&raw, nobody);
            prop_assert_eq!(scaled.len(), raw.len());
            for (after, before) in scaled.iter().zip(&raw) {
                prop_assert!(after.low() <= before.low() && after.high() <= before.high());
            }
            let (low, _) = mid_sum(&scaled);
            let (before, _) = mid_sum(&raw);
            prop_assert!(low <= (1.0 - nobody).max(0.0) + 1e-9);
            if before <= 1.0 - nobody {
                prop_assert_eq!(scaled, raw);
            }
        }
    }
}
