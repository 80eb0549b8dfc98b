//! What a mutually exclusive event gives back on NO positions.

use crate::{Contracts, Money, Price};

/// The collateral that the exchange returns on NO positions of one mutually exclusive event (`MECNET`), for an account with
/// netting enabled.
///
/// At most one market of such an event resolves YES, so at most one NO position loses: all but the largest pay for certain,
/// and their dollars are given back before settlement. Once a market has resolved YES, every NO position left pays.
///
/// Source: the event's `collateral_return_type` in the exchange's OpenAPI document; the amount is the least payout of the
/// positions over the event's outcomes. `None` on overflow.
#[must_use]
pub fn mutually_exclusive_return(no_positions: &[Contracts], won_elsewhere: bool) -> Option<Money> {
    let total = no_positions
        .iter()
        .try_fold(Contracts::ZERO, |sum, size| sum.checked_add(*size))?;
    let at_risk = if won_elsewhere {
        Contracts::ZERO
    } else {
        no_positions.iter().copied().max().unwrap_or(Contracts::ZERO)
    };
    Price::ONE.times(total.saturating_sub(at_risk))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[track_caller]
    fn check(sizes: &[&str], won_elsewhere: bool, expected: &str) {
        let sizes: Vec<Contracts> = sizes.iter().map(|size| size.parse().unwrap()).collect();
        let returned = mutually_exclusive_return(&sizes, won_elsewhere);
        assert_eq!(returned, Some(expected.parse().unwrap()), "{sizes:?}");
    }

    #[test]
    fn all_but_the_largest_come_back() {
        check(&[], false, "0");
        check(&["10"], false, "0");
        check(&["10", "4"], false, "4");
        check(&["10", "10", "10"], false, "20");
        check(&["0.18", "1.41"], false, "0.18");
    }

    #[test]
    fn all_come_back_once_another_market_has_won() {
        check(&["10"], true, "10");
        check(&["10", "4"], true, "14");
    }

    proptest! {
        #[test]
        fn it_is_the_least_payout_over_the_outcomes(raw in prop::collection::vec(0i64..1_000_000, 0..8)) {
            let sizes: Vec<Contracts> = raw.iter().map(|raw| Contracts::from_raw(*raw).unwrap()).collect();
            let sum: i64 = raw.iter().sum();
            // One of them wins YES and its NO pays nothing, or an unlisted outcome wins and all pay.
            let least = raw.iter().map(|lost| sum - lost).min().unwrap_or(0);
            let returned = mutually_exclusive_return(&sizes, false).unwrap();
            prop_assert_eq!(returned, Money::micros(least * 10_000));
        }
    }
}
