//! Exchange fees in exact integers.
//!
//! Source: the exchange's fee schedule and its documentation of fee rounding. Taker fee = 0.07 · M · C · P · (1 − P); maker
//! fee = 0.0175 · M · C · P · (1 − P) where the series charges makers.

use serde::{Deserialize, Serialize};

use crate::{Contracts, Money, Price};

/// How a series charges fees.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FeeType {
    /// Takers pay, makers do not.
    Quadratic,
    /// Takers pay, makers pay a quarter of it.
    QuadraticWithMakerFees,
    /// A type this version cannot price: contracts of such a series are not traded.
    Unsupported,
}

/// Whether a fill took or made liquidity.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Liquidity {
    /// The order took resting liquidity.
    Taker,
    /// The order rested and was taken.
    Maker,
}

/// How a fee is rounded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FeeRounding {
    /// Direct members: up to the next $0.0001 per fill.
    Direct,
    /// Everybody else: up to the next cent.
    Cent,
}

impl FeeRounding {
    const fn step_micros(self) -> i64 {
        match self {
            Self::Direct => 100,
            Self::Cent => 10_000,
        }
    }
}

/// The fee terms of a series: its type and multiplier.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct FeeSchedule {
    /// How the series charges.
    pub fee_type: FeeType,
    /// The multiplier in millionths (1 000 000 = 1).
    pub multiplier_millionths: u32,
}

impl FeeSchedule {
    /// The plain quadratic schedule with multiplier 1.
    pub const QUADRATIC: Self = Self {
        fee_type: FeeType::Quadratic,
        multiplier_millionths: 1_000_000,
    };
    /// The quadratic schedule that charges makers too, with multiplier 1.
    pub const WITH_MAKER_FEES: Self = Self {
        fee_type: FeeType::QuadraticWithMakerFees,
        multiplier_millionths: 1_000_000,
    };

    /// The fee rate in ten-thousandths: 700 for takers, 175 or nothing for makers; `None` when unsupported.
    const fn rate(self, liquidity: Liquidity) -> Option<i64> {
        match (self.fee_type, liquidity) {
            (FeeType::Unsupported, _) => None,
            (_, Liquidity::Taker) => Some(700),
            (FeeType::QuadraticWithMakerFees, Liquidity::Maker) => Some(175),
            (FeeType::Quadratic, Liquidity::Maker) => Some(0),
        }
    }

    /// The fee of one fill, rounded up; `None` for an unsupported fee type or on overflow.
    #[must_use]
    pub fn fee(
        self,
        liquidity: Liquidity,
        price: Price,
        contracts: Contracts,
        rounding: FeeRounding,
    ) -> Option<Money> {
        let rate = i128::from(self.rate(liquidity)?);
        let raw = rate
            .checked_mul(i128::from(self.multiplier_millionths))?
            .checked_mul(i128::from(contracts.raw()))?
            .checked_mul(i128::from(price.raw()))?
            .checked_mul(i128::from(price.complement().raw()))?;
        // Units: 1e-4 (rate) · 1e-6 (multiplier) · 1e-2 · 1e-4 · 1e-4 dollars = 1e-20 dollars.
        let step = i128::from(rounding.step_micros()) * 100_000_000_000_000;
        let steps = raw.div_euclid(step) + i128::from(raw.rem_euclid(step) != 0);
        i64::try_from(steps * i128::from(rounding.step_micros()))
            .ok()
            .map(Money::micros)
    }
}

/// The rounding that one order has accumulated, of which whole cents are given back.
///
/// The exchange rounds each balance change down to its grid and collects the remainders per order; when they exceed a
/// cent, a cent is rebated. A fill at a price of whole $0.0001 with whole contracts leaves no remainder.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct FeeAccumulator {
    micros: i64,
}

impl FeeAccumulator {
    /// The net fee of one fill: trade fee plus rounding of the balance change, minus a rebate of accumulated rounding.
    ///
    /// `revenue` is the signed cash of the fill before fees (negative for a purchase).
    #[must_use]
    pub fn net_fee(&mut self, trade_fee: Money, revenue: Money, rounding: FeeRounding) -> Money {
        let step = rounding.step_micros();
        let change = revenue.raw().saturating_sub(trade_fee.raw());
        let remainder = change.rem_euclid(step);
        self.micros = self.micros.saturating_add(remainder);
        let rebate = if self.micros > 10_000 { 10_000 } else { 0 };
        self.micros -= rebate;
        trade_fee
            .saturating_add(Money::micros(remainder))
            .saturating_sub(Money::micros(rebate))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(liquidity: Liquidity, price: &str, count: &str, rounding: FeeRounding, expected: &str) {
        let fee = FeeSchedule::WITH_MAKER_FEES
            .fee(
                liquidity,
                price.parse().unwrap(),
                count.parse().unwrap(),
                rounding,
            )
            .unwrap();
        assert_eq!(fee, expected.parse().unwrap(), "{count} at {price}");
    }

    #[test]
    fn fees_seen_on_real_fills() {
        check(Liquidity::Taker, "0.52", "1", FeeRounding::Direct, "0.0175");
        check(Liquidity::Taker, "0.01", "1", FeeRounding::Direct, "0.0007");
    }

    #[test]
    fn cent_rounding_examples() {
        check(Liquidity::Taker, "0.50", "10", FeeRounding::Cent, "0.18");
        check(Liquidity::Taker, "0.50", "100", FeeRounding::Cent, "1.75");
        check(Liquidity::Taker, "0.97", "100", FeeRounding::Cent, "0.21");
        check(Liquidity::Taker, "0.03", "10", FeeRounding::Cent, "0.03");
        check(Liquidity::Taker, "0.07", "100", FeeRounding::Cent, "0.46");
        check(Liquidity::Maker, "0.50", "100", FeeRounding::Cent, "0.44");
    }

    #[test]
    fn makers_pay_only_where_the_series_says_so() {
        let free = FeeSchedule::QUADRATIC.fee(
            Liquidity::Maker,
            "0.5".parse().unwrap(),
            Contracts::whole(100),
            FeeRounding::Direct,
        );
        assert_eq!(free, Some(Money::ZERO));
    }

    #[test]
    fn unsupported_fee_types_have_no_price() {
        let schedule = FeeSchedule {
            fee_type: FeeType::Unsupported,
            multiplier_millionths: 1_000_000,
        };
        assert_eq!(
            schedule.fee(
                Liquidity::Taker,
                Price::ONE,
                Contracts::whole(1),
                FeeRounding::Direct
            ),
            None
        );
    }

    #[test]
    fn documented_example_of_cent_rounding_and_rebate() {
        // Three fills of one contract at $0.055 with a trade fee of $0.0085, from the exchange's documentation.
        let trade = Money::micros(8_500);
        let mut accumulator = FeeAccumulator::default();
        let fees: Vec<String> = (0..3)
            .map(|_| {
                accumulator
                    .net_fee(trade, Money::micros(-55_000), FeeRounding::Cent)
                    .to_string()
            })
            .collect();
        assert_eq!(fees, ["0.015000", "0.005000", "0.015000"]);
    }
}
