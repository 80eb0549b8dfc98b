//! Prices of a YES contract.

use crate::{Contracts, DecimalError, Money, decimal_text::decimal_newtype};

/// The price of a YES contract in ten-thousandths of a dollar, from 0 to 1 dollar inclusive.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Price(i64);

decimal_newtype!(Price, 4);

impl Price {
    /// Zero dollars.
    pub const ZERO: Self = Self(0);
    /// One dollar, the value of a winning contract.
    pub const ONE: Self = Self(10_000);

    /// A price from ten-thousandths of a dollar; `None` outside 0 to 10 000.
    #[must_use]
    pub const fn from_raw(raw: i64) -> Option<Self> {
        if raw >= 0 && raw <= Self::ONE.0 {
            Some(Self(raw))
        } else {
            None
        }
    }

    /// A price from whole cents; `None` outside 0 to 100.
    #[must_use]
    pub const fn from_cents(cents: i64) -> Option<Self> {
        if cents >= 0 && cents <= 100 {
            Some(Self(cents * 100))
        } else {
            None
        }
    }

    /// Ten-thousandths of a dollar.
    #[must_use]
    pub const fn raw(self) -> i64 {
        self.0
    }

    /// One dollar minus this price: the NO price of a YES price and the reverse.
    #[must_use]
    pub const fn complement(self) -> Self {
        Self(Self::ONE.0 - self.0)
    }

    /// The exact cost of `contracts` at this price; `None` on overflow.
    #[must_use]
    pub const fn times(self, contracts: Contracts) -> Option<Money> {
        match self.0.checked_mul(contracts.raw()) {
            Some(raw) => Some(Money::from_raw_const(raw)),
            None => None,
        }
    }

    /// The price as a probability.
    #[must_use]
    pub fn probability(self) -> f64 {
        // At most 10 000: exact in an f64.
        self.0 as f64 / 10_000.0
    }

    /// The highest price at or below a probability, clamped to 0..1; NaN gives zero.
    #[must_use]
    pub fn at_or_below(probability: f64) -> Self {
        // A float-to-integer `as` cast saturates and maps NaN to zero, which is the wanted result here.
        #[expect(clippy::cast_possible_truncation, reason = "clamped to 0..=10 000 first")]
        let raw = (probability.clamp(0.0, 1.0) * 10_000.0).floor() as i64;
        Self(raw.clamp(0, Self::ONE.0))
    }

    /// This price plus `raw` ten-thousandths of a dollar; `None` outside the range.
    #[must_use]
    pub const fn offset(self, raw: i64) -> Option<Self> {
        match self.0.checked_add(raw) {
            Some(sum) => Self::from_raw(sum),
            None => None,
        }
    }

    /// Reads decimal dollars with up to four decimals.
    ///
    /// # Errors
    /// [`DecimalError`] when the text is not such a number or lies outside 0 to 1.
    pub fn parse(text: &str) -> Result<Self, DecimalError> {
        text.parse()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn complement_is_an_involution_over_the_whole_range() {
        for raw in 0..=10_000 {
            let price = Price::from_raw(raw).unwrap();
            assert_eq!(price.complement().complement(), price);
            assert_eq!(price.raw() + price.complement().raw(), 10_000);
        }
    }

    #[test]
    fn price_times_contracts_is_exact_money() {
        let cost = Price::parse("0.5601")
            .unwrap()
            .times("10.01".parse().unwrap())
            .unwrap();
        assert_eq!(cost.to_string(), "5.606601");
    }

    #[test]
    fn outside_the_range_is_refused() {
        assert!(Price::from_raw(-1).is_none());
        assert!(Price::from_raw(10_001).is_none());
        assert_eq!(
            Price::parse("1.01").unwrap_err().to_string(),
            "`1.01` is out of range"
        );
        assert_eq!(Price::at_or_below(f64::NAN), Price::ZERO);
        assert_eq!(Price::at_or_below(0.56789), Price::parse("0.5678").unwrap());
    }
}
