//! Dollars.

use crate::decimal_text::decimal_newtype;

/// Signed dollars in millionths.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Money(i64);

decimal_newtype!(Money, 6);

impl Money {
    /// Nothing.
    pub const ZERO: Self = Self(0);

    /// An amount from millionths of a dollar; never `None`.
    #[must_use]
    pub const fn from_raw(raw: i64) -> Option<Self> {
        Some(Self(raw))
    }

    pub(crate) const fn from_raw_const(raw: i64) -> Self {
        Self(raw)
    }

    /// An amount from whole dollars.
    #[must_use]
    pub const fn dollars(dollars: i32) -> Self {
        Self(dollars as i64 * 1_000_000)
    }

    /// An amount from millionths of a dollar.
    #[must_use]
    pub const fn micros(micros: i64) -> Self {
        Self(micros)
    }

    /// Millionths of a dollar.
    #[must_use]
    pub const fn raw(self) -> i64 {
        self.0
    }

    /// The sum; `None` on overflow.
    #[must_use]
    pub const fn checked_add(self, other: Self) -> Option<Self> {
        match self.0.checked_add(other.0) {
            Some(raw) => Some(Self(raw)),
            None => None,
        }
    }

    /// The difference; `None` on overflow.
    #[must_use]
    pub const fn checked_sub(self, other: Self) -> Option<Self> {
        match self.0.checked_sub(other.0) {
            Some(raw) => Some(Self(raw)),
            None => None,
        }
    }

    /// The sum, clamped to the representable range: for totals that only feed limits and reports.
    #[must_use]
    pub const fn saturating_add(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }

    /// The difference, clamped to the representable range: for totals that only feed limits and reports.
    #[must_use]
    pub const fn saturating_sub(self, other: Self) -> Self {
        Self(self.0.saturating_sub(other.0))
    }

    /// The amount with the opposite sign, clamped to the representable range.
    #[must_use]
    pub const fn negated(self) -> Self {
        Self(self.0.saturating_neg())
    }

    /// The part `numerator / denominator` of this amount, rounded towards negative infinity.
    ///
    /// `None` when the denominator is zero or the result overflows.
    #[must_use]
    pub fn fraction(self, numerator: i64, denominator: i64) -> Option<Self> {
        if denominator == 0 {
            return None;
        }
        let product = i128::from(self.0) * i128::from(numerator);
        let quotient = product.div_euclid(i128::from(denominator));
        i64::try_from(quotient).ok().map(Self)
    }

    /// Dollars as a float, for probabilities, utilities and display only.
    #[must_use]
    pub fn to_f64(self) -> f64 {
        self.0 as f64 / 1_000_000.0
    }

    /// Whether the amount is below zero.
    #[must_use]
    pub const fn is_negative(self) -> bool {
        self.0 < 0
    }
}

impl std::iter::Sum for Money {
    /// Sums with saturation: for totals that only feed limits and reports.
    fn sum<I: Iterator<Item = Self>>(iter: I) -> Self {
        iter.fold(Self::ZERO, Self::saturating_add)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn micro_dollars_read_and_write_exactly() {
        for text in ["0.000001", "-0.017500", "98.018600", "12345.678901"] {
            assert_eq!(text.parse::<Money>().unwrap().to_string(), text);
        }
    }

    #[test]
    fn fraction_rounds_towards_negative_infinity() {
        assert_eq!(Money::micros(10).fraction(1, 3), Some(Money::micros(3)));
        assert_eq!(Money::micros(-10).fraction(1, 3), Some(Money::micros(-4)));
        assert_eq!(Money::micros(10).fraction(1, 0), None);
    }
}
