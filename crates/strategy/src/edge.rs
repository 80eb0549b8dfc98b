//! What a trade is worth after exact fees, level by level of the book.
//!
//! `edge = (q · n − Σ price · size − Σ fee(size, price)) / n` over the levels walked, for the outcome that the side buys.

use autotrader_domain::{BookSide, Contracts, FeeRounding, FeeSchedule, Level, Liquidity, Money, Price};

/// What fees a market charges us.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FeeTerms {
    /// The market's schedule.
    pub schedule: FeeSchedule,
    /// How the exchange rounds.
    pub rounding: FeeRounding,
}

impl FeeTerms {
    /// The fee for taking `contracts` at a YES price; `None` when the schedule is not priced or on overflow.
    #[must_use]
    pub fn taker(self, price: Price, contracts: Contracts) -> Option<Money> {
        self.schedule
            .fee(Liquidity::Taker, price, contracts, self.rounding)
    }

    /// The fee when `contracts` that rest at a YES price are taken; `None` when the schedule is not priced or on overflow.
    #[must_use]
    pub fn maker(self, price: Price, contracts: Contracts) -> Option<Money> {
        self.schedule
            .fee(Liquidity::Maker, price, contracts, self.rounding)
    }

    /// The taker fee per contract in dollars when a whole level is taken; `None` when it is not priced.
    #[must_use]
    pub fn per_contract(self, level: Level) -> Option<f64> {
        let fee = self.taker(level.price, level.size)?;
        (!level.size.is_zero()).then(|| fee.to_f64() / count(level.size))
    }
}

/// A number of contracts as a float.
pub(crate) fn count(contracts: Contracts) -> f64 {
    // Sizes on a book are far below 2^53 hundredths.
    contracts.raw() as f64 / 100.0
}

/// What one contract of the outcome that `side` buys costs at a YES price: a bid buys YES, an ask buys NO.
#[must_use]
pub const fn outcome_price(side: BookSide, price: Price) -> Price {
    match side {
        BookSide::Bid => price,
        BookSide::Ask => price.complement(),
    }
}

/// The probability that the outcome which `side` buys pays, given the probability of YES.
#[must_use]
pub fn outcome_probability(side: BookSide, yes: f64) -> f64 {
    match side {
        BookSide::Bid => yes,
        BookSide::Ask => 1.0 - yes,
    }
}

/// What taking some levels costs and is expected to earn.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct NetEdge {
    /// Contracts taken.
    pub contracts: Contracts,
    /// What they cost at the price of the outcome bought, fees apart.
    pub cost: Money,
    /// The fees.
    pub fees: Money,
    /// Expected profit per contract after fees, in dollars.
    pub per_contract: f64,
}

impl NetEdge {
    /// What the whole is expected to earn after fees, in millionths of a dollar rounded down.
    #[must_use]
    pub fn expected(&self) -> Money {
        expectation(self.per_contract, self.contracts)
    }
}

/// What `contracts` earn at an expected profit per contract in dollars: a forecast, not an amount that is booked.
pub(crate) fn expectation(per_contract: f64, contracts: Contracts) -> Money {
    // A float-to-integer `as` cast saturates and maps NaN to zero.
    #[expect(clippy::cast_possible_truncation, reason = "saturating is wanted here")]
    let micros = (per_contract * count(contracts) * 1_000_000.0).floor() as i64;
    Money::micros(micros)
}

/// The net edge of taking `levels` (YES prices) on `side` when YES has probability `yes`.
///
/// `None` when nothing is taken, the fees are not priced, or on overflow.
#[must_use]
pub fn net_edge(yes: f64, side: BookSide, levels: &[Level], fees: FeeTerms) -> Option<NetEdge> {
    let mut taken = NetEdge {
        contracts: Contracts::ZERO,
        cost: Money::ZERO,
        fees: Money::ZERO,
        per_contract: 0.0,
    };
    for level in levels {
        taken.contracts = taken.contracts.checked_add(level.size)?;
        let cost = outcome_price(side, level.price).times(level.size)?;
        taken.cost = taken.cost.checked_add(cost)?;
        taken.fees = taken.fees.checked_add(fees.taker(level.price, level.size)?)?;
    }
    if taken.contracts.is_zero() {
        return None;
    }
    let n = count(taken.contracts);
    let expected = outcome_probability(side, yes) * n;
    taken.per_contract = (expected - taken.cost.to_f64() - taken.fees.to_f64()) / n;
    Some(taken)
}

/// The edge per contract of one level alone: what decides whether the walk goes on; `None` when fees are not priced.
#[must_use]
pub fn level_edge(yes: f64, side: BookSide, level: Level, fees: FeeTerms) -> Option<f64> {
    let price = outcome_price(side, level.price).probability();
    Some(outcome_probability(side, yes) - price - fees.per_contract(level)?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    fn level(price: &str, size: u32) -> Level {
        Level {
            price: price.parse().unwrap(),
            size: Contracts::whole(size),
        }
    }

    fn terms(rounding: FeeRounding) -> FeeTerms {
        FeeTerms {
            schedule: FeeSchedule::QUADRATIC,
            rounding,
        }
    }

    // The worked example of the trading rules: asks .80 × 50 and .82 × 70, p .90, 120 contracts. Its fees of 1.29 and its
    // edge of 7.76 cents are rounded up to the cent per fill; as a direct member pays, they are 1.2833 and 7.76 cents too.
    #[rstest]
    #[case(FeeRounding::Cent, "1.29", 0.077_583)]
    #[case(FeeRounding::Direct, "1.2833", 0.077_639)]
    fn a_walk_pays_every_level_and_every_fee(
        #[case] rounding: FeeRounding,
        #[case] fees: &str,
        #[case] edge: f64,
    ) {
        let levels = [level("0.80", 50), level("0.82", 70)];
        let taken = net_edge(0.90, BookSide::Bid, &levels, terms(rounding)).unwrap();
        assert_eq!(taken.contracts, Contracts::whole(120));
        assert_eq!(taken.cost, "97.40".parse().unwrap());
        assert_eq!(taken.fees, fees.parse().unwrap());
        assert!((taken.per_contract - edge).abs() < 1e-6, "{}", taken.per_contract);
    }

    #[test]
    fn selling_yes_buys_no_at_its_own_price() {
        let taken = net_edge(
            0.20,
            BookSide::Ask,
            &[level("0.70", 10)],
            terms(FeeRounding::Cent),
        )
        .unwrap();
        assert_eq!(taken.cost, "3.00".parse().unwrap());
        assert_eq!(taken.fees, "0.15".parse().unwrap());
        assert!((taken.per_contract - (0.8 - 0.3 - 0.015)).abs() < 1e-12);
    }

    // The highest prices of the trading rules for an edge of three cents on a hundred contracts.
    #[rstest]
    #[case(0.90, "0.86", true)]
    #[case(0.90, "0.87", false)]
    #[case(0.60, "0.55", true)]
    #[case(0.60, "0.56", false)]
    fn three_cents_allow_a_highest_price(#[case] p: f64, #[case] price: &str, #[case] enough: bool) {
        let edge = level_edge(p, BookSide::Bid, level(price, 100), terms(FeeRounding::Cent)).unwrap();
        assert_eq!(edge >= 0.03, enough, "{edge}");
    }

    #[test]
    fn one_contract_at_the_top_breaks_even_later_than_a_hundred() {
        let one = level_edge(0.98, BookSide::Bid, level("0.97", 1), terms(FeeRounding::Cent)).unwrap();
        let hundred = level_edge(
            0.9721,
            BookSide::Bid,
            level("0.97", 100),
            terms(FeeRounding::Cent),
        )
        .unwrap();
        assert!(one.abs() < 1e-9 && hundred.abs() < 1e-9, "{one} {hundred}");
    }

    #[test]
    fn nothing_taken_and_unpriced_fees_have_no_edge() {
        assert_eq!(
            net_edge(0.5, BookSide::Bid, &[], terms(FeeRounding::Direct)),
            None
        );
        let unpriced = FeeTerms {
            schedule: FeeSchedule {
                fee_type: autotrader_domain::FeeType::Unsupported,
                ..FeeSchedule::QUADRATIC
            },
            rounding: FeeRounding::Direct,
        };
        assert_eq!(level_edge(0.5, BookSide::Bid, level("0.10", 1), unpriced), None);
    }
}
