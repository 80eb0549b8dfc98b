//! Fees, from the exchange's fee schedule and its documentation of fee rounding.
//!
//! Taker fee = 0.07 · M · C · P · (1 − P); maker fee = 0.0175 · M · C · P · (1 − P) where the series charges makers, twice that
//! where it charges those of combos. Each
//! fill's fee is rounded up to $0.0001; then the balance change is rounded down to the balance precision and the remainder
//! is a rounding fee; the remainders of an order accumulate, and once they exceed a cent, a cent is given back.

use autotrader_domain::{Contracts, Money, Price};

use super::listing::FeeModel;

/// To which precision a participant's balance is kept, in millionths of a dollar.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BalancePrecision(i64);

impl BalancePrecision {
    /// Direct members: $0.0001.
    pub const DIRECT: Self = Self(100);
    /// Everybody else: one cent.
    pub const CENT: Self = Self(10_000);
}

/// A cent, in millionths of a dollar: the unit of rebates.
const CENT: i64 = 10_000;

/// The trade fee of one fill before the rounding of the balance: rounded up to $0.0001.
#[must_use]
pub fn trade_fee(
    model: FeeModel,
    multiplier_millionths: u32,
    is_taker: bool,
    price: Price,
    count: Contracts,
) -> Money {
    // The rate in ten-thousandths of a dollar per contract and unit of P(1-P).
    let rate: i128 = match (is_taker, model) {
        (true, _) => 700,
        (false, FeeModel::QuadraticWithMakerFees) => 175,
        (false, FeeModel::QuadraticWithComboMakerFees) => 350,
        (false, FeeModel::Quadratic) => 0,
    };
    let yes = i128::from(price.raw());
    let product = rate * i128::from(multiplier_millionths) * i128::from(count.raw()) * yes * (10_000 - yes);
    // The product counts 1e-4 · 1e-6 · 1e-2 · 1e-4 · 1e-4 = 1e-20 dollars; a hundredth of a cent is 1e16 of them.
    let unit: i128 = 10_i128.pow(16);
    let hundredths_of_a_cent = (product + unit - 1) / unit;
    Money::micros(i64::try_from(hundredths_of_a_cent).unwrap_or(i64::MAX / 100) * 100)
}

/// The rounding that one order has paid and not yet got back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct RoundingLedger {
    micros: i64,
}

impl RoundingLedger {
    /// Nothing accumulated.
    #[must_use]
    pub const fn new() -> Self {
        Self { micros: 0 }
    }

    /// The net fee of one fill: trade fee, plus what rounds the balance change down, minus a rebate.
    ///
    /// `revenue` is the signed cash of the fill before fees, negative for a purchase. The documentation promises both a
    /// rebate once the accumulated rounding exceeds a cent and a net fee of at least zero; where they collide (only for
    /// direct members and tiny fills) the rebate waits for a fill that can bear it.
    #[must_use]
    pub fn net_fee(&mut self, trade_fee: Money, revenue: Money, precision: BalancePrecision) -> Money {
        let change = revenue.raw() - trade_fee.raw();
        let remainder = change.rem_euclid(precision.0);
        self.micros += remainder;
        let charged = trade_fee.raw() + remainder;
        if self.micros > CENT && charged >= CENT {
            self.micros -= CENT;
            Money::micros(charged - CENT)
        } else {
            Money::micros(charged)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(model: FeeModel, multiplier: u32, is_taker: bool, price: &str, count: &str, expected: &str) {
        let fee = trade_fee(
            model,
            multiplier,
            is_taker,
            price.parse().unwrap(),
            count.parse().unwrap(),
        );
        assert_eq!(fee, expected.parse().unwrap(), "{count} at {price}");
    }

    #[test]
    fn fees_of_real_fills() {
        check(FeeModel::Quadratic, 1_000_000, true, "0.52", "1", "0.0175");
        check(FeeModel::Quadratic, 1_000_000, true, "0.01", "1", "0.0007");
    }

    #[test]
    fn fees_of_the_documented_fills() {
        check(FeeModel::Quadratic, 1_000_000, true, "0.055", "1", "0.0037");
        check(FeeModel::Quadratic, 1_000_000, true, "0.5", "0.30", "0.0053");
        check(FeeModel::Quadratic, 1_000_000, true, "0.5", "100", "1.75");
    }

    #[test]
    fn makers_pay_a_quarter_where_the_series_says_so() {
        check(FeeModel::Quadratic, 1_000_000, false, "0.5", "100", "0");
        check(
            FeeModel::QuadraticWithMakerFees,
            1_000_000,
            false,
            "0.5",
            "100",
            "0.4375",
        );
        check(
            FeeModel::QuadraticWithMakerFees,
            500_000,
            false,
            "0.5",
            "100",
            "0.2188",
        );
        check(
            FeeModel::QuadraticWithComboMakerFees,
            1_000_000,
            false,
            "0.5",
            "100",
            "0.875",
        );
        check(FeeModel::Quadratic, 0, true, "0.5", "100", "0");
    }

    #[track_caller]
    fn check_rounding(trade: i64, revenue: i64, expected: [i64; 3]) {
        let mut ledger = RoundingLedger::default();
        let fees = [(); 3].map(|()| {
            ledger
                .net_fee(
                    Money::micros(trade),
                    Money::micros(revenue),
                    BalancePrecision::CENT,
                )
                .raw()
        });
        assert_eq!(fees, expected);
    }

    #[test]
    fn documented_sub_cent_prices() {
        check_rounding(8_500, -55_000, [15_000, 5_000, 15_000]);
    }

    #[test]
    fn documented_fractional_contracts() {
        check_rounding(4_100, -150_000, [10_000, 0, 10_000]);
    }

    #[test]
    fn documented_combination_of_both() {
        check_rounding(500, -9_903, [10_097, 97, 97]);
    }

    #[test]
    fn a_rebate_waits_for_a_fill_that_can_bear_it() {
        let mut ledger = RoundingLedger::default();
        let mut paid = 0;
        for _ in 0..500 {
            let fee = ledger
                .net_fee(
                    Money::micros(700),
                    Money::micros(-9_901),
                    BalancePrecision::DIRECT,
                )
                .raw();
            assert!(fee >= 0);
            paid += fee;
        }
        assert_eq!(
            paid,
            500 * 799,
            "a trade fee of 700 and 99 to reach the grid, each time"
        );
        let big = ledger
            .net_fee(
                Money::micros(20_000),
                Money::micros(-500_000),
                BalancePrecision::DIRECT,
            )
            .raw();
        assert_eq!(big, 10_000, "one cent a fill comes back");
    }
}
