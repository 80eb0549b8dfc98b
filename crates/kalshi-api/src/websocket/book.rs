//! One live book: a snapshot and the changes after it.

use autotrader_domain::{Book, BookError, Contracts, Level, Price, Side, Ticker};
use chrono::{DateTime, Utc};

/// Why a change cannot be applied. The book is then not what the exchange has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum BookFault {
    #[error("a level's size would fall below zero")]
    NegativeSize,
    #[error("a level's size is too large")]
    TooLarge,
    #[error("no order can rest at this price")]
    ImpossiblePrice,
    #[error("a price is listed twice")]
    DuplicatePrice,
}

/// Bids of one outcome in its own prices, ascending: the best is last, where most changes are.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Ladder(Vec<(Price, Contracts)>);

impl Ladder {
    fn of(mut levels: Vec<(Price, Contracts)>) -> Result<Self, BookFault> {
        levels.retain(|(_, size)| !size.is_zero());
        levels.sort_unstable_by_key(|(price, _)| *price);
        if levels
            .iter()
            .any(|(price, _)| matches!(*price, Price::ZERO | Price::ONE))
        {
            return Err(BookFault::ImpossiblePrice);
        }
        let twice = levels
            .windows(2)
            .any(|pair| matches!(pair, [(a, _), (b, _)] if a == b));
        if twice {
            return Err(BookFault::DuplicatePrice);
        }
        Ok(Self(levels))
    }

    fn change(&mut self, price: Price, delta: i64) -> Result<(), BookFault> {
        if matches!(price, Price::ZERO | Price::ONE) {
            return Err(BookFault::ImpossiblePrice);
        }
        // From the best level down: changes cluster there.
        let found = self.0.iter().rposition(|(at, _)| *at <= price);
        let here = found
            .and_then(|index| self.0.get_mut(index))
            .filter(|(at, _)| *at == price);
        match (here, found) {
            (Some((_, size)), Some(index)) => {
                let left = size.raw().checked_add(delta).ok_or(BookFault::TooLarge)?;
                let left = Contracts::from_raw(left).ok_or(BookFault::NegativeSize)?;
                if left.is_zero() {
                    self.0.remove(index);
                } else {
                    *size = left;
                }
            }
            (_, below) => {
                let size = Contracts::from_raw(delta).ok_or(BookFault::NegativeSize)?;
                if !size.is_zero() {
                    self.0.insert(below.map_or(0, |index| index + 1), (price, size));
                }
            }
        }
        Ok(())
    }

    fn best(&self) -> Option<Price> {
        self.0.last().map(|(price, _)| *price)
    }

    /// Best first.
    fn levels(&self) -> Vec<Level> {
        let level = |(price, size): &(Price, Contracts)| Level {
            price: *price,
            size: *size,
        };
        self.0.iter().rev().map(level).collect()
    }
}

/// The two ladders of bids of one market, exact.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct LiveBook {
    yes: Ladder,
    no: Ladder,
}

impl LiveBook {
    /// A book from a snapshot: bids of each outcome in its own prices, in any order.
    pub(crate) fn of(yes: Vec<(Price, Contracts)>, no: Vec<(Price, Contracts)>) -> Result<Self, BookFault> {
        Ok(Self {
            yes: Ladder::of(yes)?,
            no: Ladder::of(no)?,
        })
    }

    /// Adds `delta` hundredths of a contract to the bids of `side` at `price`, a price of that outcome.
    pub(crate) fn change(&mut self, side: Side, price: Price, delta: i64) -> Result<(), BookFault> {
        match side {
            Side::Yes => self.yes.change(price, delta),
            Side::No => self.no.change(price, delta),
        }
    }

    /// Whether the best YES bid meets or passes the best YES ask. Between two changes of one exchange action it may.
    pub(crate) fn is_crossed(&self) -> bool {
        match (self.yes.best(), self.no.best()) {
            (Some(yes), Some(no)) => yes >= no.complement(),
            _ => false,
        }
    }

    /// The book in the words of the domain.
    pub(crate) fn to_domain(&self, ticker: Ticker, received_at: DateTime<Utc>) -> Result<Book, BookError> {
        Book::new(ticker, received_at, self.yes.levels(), self.no.levels())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    fn price(text: &str) -> Price {
        text.parse().unwrap()
    }

    fn ladder(levels: &[(&str, u32)]) -> Vec<(Price, Contracts)> {
        levels
            .iter()
            .map(|(p, s)| (price(p), Contracts::whole(*s)))
            .collect()
    }

    fn shown(book: &LiveBook) -> String {
        let side = |ladder: &Ladder| {
            let shown = ladder.0.iter().map(|(p, s)| format!("{p}x{s}"));
            shown.collect::<Vec<_>>().join(" ")
        };
        format!("{} | {}", side(&book.yes), side(&book.no))
    }

    #[test]
    fn changes_add_take_and_remove_levels() {
        let mut book = LiveBook::of(ladder(&[("0.47", 3), ("0.40", 9)]), ladder(&[("0.48", 2)])).unwrap();
        let mut check = |side, at: &str, delta, expected: &str| {
            book.change(side, price(at), delta).unwrap();
            assert_eq!(shown(&book), expected);
        };
        check(Side::Yes, "0.47", -300, "0.4000x9.00 | 0.4800x2.00");
        check(Side::Yes, "0.44", 118, "0.4000x9.00 0.4400x1.18 | 0.4800x2.00");
        check(
            Side::Yes,
            "0.01",
            100,
            "0.0100x1.00 0.4000x9.00 0.4400x1.18 | 0.4800x2.00",
        );
        check(
            Side::No,
            "0.48",
            50,
            "0.0100x1.00 0.4000x9.00 0.4400x1.18 | 0.4800x2.50",
        );
        check(Side::No, "0.48", -250, "0.0100x1.00 0.4000x9.00 0.4400x1.18 | ");
        check(Side::No, "0.30", 0, "0.0100x1.00 0.4000x9.00 0.4400x1.18 | ");
        let domain = book
            .to_domain("T".parse().unwrap(), DateTime::UNIX_EPOCH)
            .unwrap();
        assert_eq!(domain.best_bid().unwrap().price, price("0.44"));
        assert_eq!(domain.best_ask(), None);
    }

    #[test]
    fn what_cannot_be_is_a_fault_and_leaves_the_book_alone() {
        let book = LiveBook::of(ladder(&[("0.47", 3)]), vec![]).unwrap();
        for (at, delta, fault) in [
            ("0.47", -301, BookFault::NegativeSize),
            ("0.46", -1, BookFault::NegativeSize),
            ("0.47", i64::MAX, BookFault::TooLarge),
            ("0", 1, BookFault::ImpossiblePrice),
            ("1", 1, BookFault::ImpossiblePrice),
        ] {
            let mut changed = book.clone();
            assert_eq!(
                changed.change(Side::Yes, price(at), delta),
                Err(fault),
                "{at} {delta}"
            );
            assert_eq!(changed, book);
        }
        assert_eq!(
            LiveBook::of(ladder(&[("0.47", 3), ("0.47", 1)]), vec![]),
            Err(BookFault::DuplicatePrice)
        );
        assert_eq!(
            LiveBook::of(vec![], ladder(&[("1.00", 1)])),
            Err(BookFault::ImpossiblePrice)
        );
        assert_eq!(
            LiveBook::of(ladder(&[("1.00", 0)]), vec![]),
            Ok(LiveBook::default())
        );
    }

    #[test]
    fn a_crossed_book_is_told_and_is_no_domain_book() {
        let crossed = LiveBook::of(ladder(&[("0.60", 1)]), ladder(&[("0.40", 1)])).unwrap();
        assert!(crossed.is_crossed());
        assert!(
            crossed
                .to_domain("T".parse().unwrap(), DateTime::UNIX_EPOCH)
                .is_err()
        );
        let apart = LiveBook::of(ladder(&[("0.60", 1)]), ladder(&[("0.39", 1)])).unwrap();
        assert!(!apart.is_crossed());
        assert!(!LiveBook::default().is_crossed());
    }

    proptest! {
        #[test]
        fn a_ladder_equals_a_map_of_levels(changes in prop::collection::vec((1..9_999_i64, -500..900_i64), 0..200)) {
            let mut book = LiveBook::default();
            let mut map: BTreeMap<i64, i64> = BTreeMap::new();
            for (at, delta) in changes {
                // Few prices, so that levels meet.
                let at = at % 20 + 1;
                let left = map.get(&at).copied().unwrap_or(0) + delta;
                let result = book.change(Side::No, Price::from_raw(at).unwrap(), delta);
                if left < 0 {
                    prop_assert_eq!(result, Err(BookFault::NegativeSize));
                } else {
                    prop_assert_eq!(result, Ok(()));
                    if left == 0 { map.remove(&at); } else { map.insert(at, left); }
                }
                let levels: Vec<(i64, i64)> = book.no.0.iter().map(|(p, s)| (p.raw(), s.raw())).collect();
                prop_assert_eq!(levels, map.iter().map(|(p, s)| (*p, *s)).collect::<Vec<_>>());
            }
        }
    }
}
