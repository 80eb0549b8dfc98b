//! The normal distribution.

use std::f64::consts::FRAC_1_SQRT_2;

/// The probability that a standard normal variable is at most `z`: `erfc(−z/√2)/2`.
///
/// Exact to the last places in both tails, since `erfc` is.
pub(super) fn cumulative(z: f64) -> f64 {
    0.5 * libm::erfc(-z * FRAC_1_SQRT_2)
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case(0.0, 0.5)]
    #[case(1.0, 0.841_344_746_068_542_9)]
    #[case(-1.0, 0.158_655_253_931_457_05)]
    #[case(-1.959_963_984_540_054, 0.025)]
    // Abramowitz and Stegun, table 26.2: Q(5) and Q(10).
    #[case(-5.0, 2.866_515_718_791_939e-7)]
    #[case(-10.0, 7.619_853_024_160_527e-24)]
    #[case(f64::INFINITY, 1.0)]
    #[case(f64::NEG_INFINITY, 0.0)]
    fn the_table_of_the_normal_distribution(#[case] z: f64, #[case] expected: f64) {
        let p = cumulative(z);
        assert!(
            (p - expected).abs() <= 1e-14 * expected,
            "{p} instead of {expected}"
        );
    }
}
