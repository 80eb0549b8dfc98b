//! When a position is worth more sold than held.
//!
//! Holding a contract to the check is free, so it is sold only where the book pays more than it is worth: proceeds after
//! the fee must exceed the pooled probability (without the worst-end adjustment of entries) by a hysteresis of at least fee
//! plus half the spread. A target that merely shrank never sells.

use autotrader_domain::{Book, BookSide, Contracts, Level, Money, Net, Price};

use crate::edge::{FeeTerms, expectation, outcome_price, outcome_probability};

/// How an exit is judged.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Holding {
    /// The position.
    pub net: Net,
    /// The part of it that no open order reduces yet.
    pub reducible: Contracts,
    /// The pooled probability of YES.
    pub yes: f64,
    /// Half the width between the best bid and the best ask, in dollars.
    pub half_spread: f64,
    /// The least hysteresis, in dollars per contract.
    pub min_hysteresis: f64,
    /// The market's fees.
    pub fees: FeeTerms,
}

/// A sized exit.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Exit {
    /// Side of the YES book: an ask sells YES, a bid buys NO back.
    pub side: BookSide,
    /// How many contracts.
    pub contracts: Contracts,
    /// The worst YES price taken: the order's limit.
    pub limit: Price,
    /// The least advantage of selling over holding among the levels taken, in dollars per contract.
    pub advantage: f64,
}

impl Exit {
    /// What selling is expected to earn over holding, at the least advantage of the levels taken, in millionths of a dollar
    /// rounded down.
    #[must_use]
    pub fn expected(&self) -> Money {
        expectation(self.advantage, self.contracts)
    }
}

/// Half the width between what a book bids and asks, in dollars; an empty side counts as zero or one dollar.
#[must_use]
pub fn half_spread(book: &Book) -> f64 {
    let bid = book.best_bid().map_or(Price::ZERO, |level| level.price);
    let ask = book.best_ask().map_or(Price::ONE, |level| level.price);
    (ask.probability() - bid.probability()) / 2.0
}

/// Sizes an exit against a book; `None` when holding is worth at least as much.
#[must_use]
pub fn size_exit(book: &Book, holding: &Holding) -> Option<Exit> {
    let side = match holding.net.raw() {
        0 => return None,
        1.. => BookSide::Ask,
        _ => BookSide::Bid,
    };
    let mut exit: Option<Exit> = None;
    for level in book.against(side) {
        let advantage = advantage(side, level, holding)?;
        let sold = exit.map_or(Contracts::ZERO, |exit| exit.contracts);
        let left = holding.reducible.saturating_sub(sold);
        // Whole contracts, unless it is the whole rest: a fraction left behind could never be sold.
        let size = if level.size >= left {
            left
        } else {
            level.size.floor_whole()
        };
        if advantage < 0.0 || size.is_zero() {
            break;
        }
        exit = Some(Exit {
            side,
            contracts: sold.checked_add(size)?,
            limit: level.price,
            advantage,
        });
    }
    exit
}

/// By how much selling at a level beats holding, hysteresis deducted; `None` when fees are not priced.
fn advantage(side: BookSide, level: Level, holding: &Holding) -> Option<f64> {
    // What is held is the outcome that the *other* side buys.
    let held = side.opposite();
    let fee = holding.fees.per_contract(level)?;
    let proceeds = outcome_price(held, level.price).probability() - fee;
    let hysteresis = holding.min_hysteresis.max(fee + holding.half_spread);
    Some(proceeds - outcome_probability(held, holding.yes) - hysteresis)
}

#[cfg(test)]
mod tests {
    use super::*;
    use autotrader_domain::{FeeRounding, FeeSchedule};
    use chrono::DateTime;
    use rstest::rstest;

    fn book(bids: &[(&str, &str)], asks: &[(&str, &str)]) -> Book {
        let side = |levels: &[(&str, &str)], complement: bool| {
            levels
                .iter()
                .map(|(price, size)| {
                    let price: Price = price.parse().unwrap();
                    Level {
                        price: if complement { price.complement() } else { price },
                        size: size.parse().unwrap(),
                    }
                })
                .collect()
        };
        Book::new(
            "T".parse().unwrap(),
            DateTime::UNIX_EPOCH,
            side(bids, false),
            side(asks, true),
        )
        .unwrap()
    }

    fn holding(net: &str, yes: f64, book: &Book) -> Holding {
        let net: Net = net.parse().unwrap();
        Holding {
            net,
            reducible: net.size(),
            yes,
            half_spread: half_spread(book),
            min_hysteresis: 0.01,
            fees: FeeTerms {
                schedule: FeeSchedule::QUADRATIC,
                rounding: FeeRounding::Direct,
            },
        }
    }

    #[rstest]
    // At a bid of .60 the fee is .0168 and half the spread .01: the position is sold below .60 − .0168 − .0268 = .5564.
    #[case::just_worth_it("10", 0.5563, Some((BookSide::Ask, "10", "0.60")))]
    #[case::just_not("10", 0.5565, None)]
    #[case::above_fair_but_inside_the_hysteresis("10", 0.58, None)]
    #[case::flat("0", 0.10, None)]
    // NO held: bought back at an ask of .62, so NO fetches .38 − .016492 and must beat .38 − .016492 − .026492.
    #[case::no_worth_it("-10", 0.6631, Some((BookSide::Bid, "10", "0.62")))]
    #[case::no_not("-10", 0.6628, None)]
    fn a_position_is_sold_beyond_the_hysteresis_only(
        #[case] net: &str,
        #[case] yes: f64,
        #[case] expected: Option<(BookSide, &str, &str)>,
    ) {
        let book = book(&[("0.60", "50")], &[("0.62", "50")]);
        let exit = size_exit(&book, &holding(net, yes, &book));
        assert_eq!(
            exit.map(|exit| (exit.side, exit.contracts, exit.limit)),
            expected.map(|(side, contracts, limit)| (
                side,
                contracts.parse().unwrap(),
                limit.parse().unwrap()
            ))
        );
    }

    #[test]
    fn an_exit_walks_as_far_as_it_pays_and_never_beyond_the_position() {
        let book = book(
            &[("0.60", "4.50"), ("0.58", "3"), ("0.40", "90")],
            &[("0.61", "9")],
        );
        let all = size_exit(&book, &holding("20", 0.30, &book)).unwrap();
        assert_eq!(
            (all.contracts, all.limit),
            (Contracts::whole(20), "0.40".parse().unwrap())
        );
        let some = size_exit(&book, &holding("20", 0.45, &book)).unwrap();
        assert_eq!(
            (some.contracts, some.limit),
            (Contracts::whole(7), "0.58".parse().unwrap())
        );
        let few = size_exit(&book, &holding("2.25", 0.30, &book)).unwrap();
        assert_eq!(few.contracts, "2.25".parse().unwrap());
    }

    #[test]
    fn open_reducers_count() {
        let book = book(&[("0.60", "50")], &[("0.62", "50")]);
        let reduced = Holding {
            reducible: Contracts::whole(3),
            ..holding("10", 0.30, &book)
        };
        assert_eq!(size_exit(&book, &reduced).unwrap().contracts, Contracts::whole(3));
        let none = Holding {
            reducible: Contracts::ZERO,
            ..reduced
        };
        assert_eq!(size_exit(&book, &none), None);
    }

    #[test]
    fn an_empty_side_is_a_wide_spread() {
        let book = book(&[("0.60", "50")], &[]);
        assert_eq!(size_exit(&book, &holding("10", 0.45, &book)), None);
        assert!(size_exit(&book, &holding("10", 0.36, &book)).is_some());
    }
}
