//! Order books: two ladders of bids, from which both sides of both outcomes follow.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::{BookSide, Contracts, Money, Net, Price, Ticker};

/// A price level: contracts resting at one price.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Level {
    /// The price of the outcome this ladder bids for.
    pub price: Price,
    /// How many contracts rest there.
    pub size: Contracts,
}

/// Why two ladders are not a book.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BookError {
    /// A ladder lists one price twice.
    #[error("price {0} is listed twice on one side")]
    DuplicatePrice(Price),
    /// A level rests at zero or one dollar.
    #[error("a level at {0} cannot rest")]
    ImpossiblePrice(Price),
    /// The best YES bid meets or passes the best YES ask.
    #[error("crossed: best bid {bid}, best ask {ask}")]
    Crossed {
        /// Best YES bid.
        bid: Price,
        /// Best YES ask.
        ask: Price,
    },
}

/// What the middle of a book says about a price.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mid {
    /// Both sides are quoted: the middle, in half ten-thousandths kept exact as bid + ask.
    Point {
        /// Best YES bid.
        bid: Price,
        /// Best YES ask.
        ask: Price,
    },
    /// One side or both are empty: only an interval is known.
    Interval {
        /// Nothing below this is offered for.
        low: Price,
        /// Nothing above this is asked.
        high: Price,
    },
}

impl Mid {
    /// The middle as a probability; `None` for an interval.
    #[must_use]
    pub fn probability(self) -> Option<f64> {
        match self {
            Self::Point { bid, ask } => Some(f64::midpoint(bid.probability(), ask.probability())),
            Self::Interval { .. } => None,
        }
    }
}

/// The result of walking a book for a size.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Walk {
    /// Levels taken: YES price and size at each, best first.
    pub levels: Vec<Level>,
    /// Contracts found.
    pub filled: Contracts,
    /// Cash of the walk at YES prices: Σ price · size.
    pub notional: Money,
    /// The worst YES price taken; `None` when nothing was found.
    pub worst: Option<Price>,
}

/// An order book of one market: bids for YES and bids for NO, best first.
///
/// The exchange sends bids only; a bid for NO at `p` is an ask for YES at `1 − p`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Book {
    /// The market.
    pub ticker: Ticker,
    /// When the book was received.
    pub received_at: DateTime<Utc>,
    yes_bids: Vec<Level>,
    no_bids: Vec<Level>,
}

fn ladder(mut levels: Vec<Level>) -> Result<Vec<Level>, BookError> {
    levels.retain(|level| !level.size.is_zero());
    levels.sort_by_key(|level| std::cmp::Reverse(level.price));
    for level in &levels {
        if level.price == Price::ZERO || level.price == Price::ONE {
            return Err(BookError::ImpossiblePrice(level.price));
        }
    }
    match levels.windows(2).find_map(|pair| match pair {
        [a, b] if a.price == b.price => Some(a.price),
        _ => None,
    }) {
        Some(price) => Err(BookError::DuplicatePrice(price)),
        None => Ok(levels),
    }
}

impl Book {
    /// A book from the two ladders in any order; empty levels are dropped.
    ///
    /// # Errors
    /// [`BookError`] when a ladder repeats a price, a level cannot rest, or the sides cross.
    pub fn new(
        ticker: Ticker,
        received_at: DateTime<Utc>,
        yes_bids: Vec<Level>,
        no_bids: Vec<Level>,
    ) -> Result<Self, BookError> {
        let book = Self {
            ticker,
            received_at,
            yes_bids: ladder(yes_bids)?,
            no_bids: ladder(no_bids)?,
        };
        match (book.best_bid(), book.best_ask()) {
            (Some(bid), Some(ask)) if bid.price >= ask.price => Err(BookError::Crossed {
                bid: bid.price,
                ask: ask.price,
            }),
            _ => Ok(book),
        }
    }

    /// The book without `size` contracts at the YES price `price` on `side`: what it would be if an order of ours were not
    /// on it. A level that has less is dropped whole.
    #[must_use]
    pub fn without(mut self, side: BookSide, price: Price, size: Contracts) -> Self {
        let (ladder, price) = match side {
            BookSide::Bid => (&mut self.yes_bids, price),
            BookSide::Ask => (&mut self.no_bids, price.complement()),
        };
        if let Some(level) = ladder.iter_mut().find(|level| level.price == price) {
            level.size = level.size.saturating_sub(size);
        }
        ladder.retain(|level| !level.size.is_zero());
        self
    }

    /// Bids for YES, best first.
    #[must_use]
    pub fn yes_bids(&self) -> &[Level] {
        &self.yes_bids
    }

    /// Bids for NO, best first.
    #[must_use]
    pub fn no_bids(&self) -> &[Level] {
        &self.no_bids
    }

    /// The best YES bid.
    #[must_use]
    pub fn best_bid(&self) -> Option<Level> {
        self.yes_bids.first().copied()
    }

    /// The best YES ask, derived from the best NO bid.
    #[must_use]
    pub fn best_ask(&self) -> Option<Level> {
        self.no_bids.first().map(|level| Level {
            price: level.price.complement(),
            size: level.size,
        })
    }

    /// The levels that an order on `side` of the YES book would take, best first, at YES prices.
    pub fn against(&self, side: BookSide) -> impl Iterator<Item = Level> + '_ {
        let (asks, bids) = match side {
            BookSide::Bid => (self.no_bids.as_slice(), [].as_slice()),
            BookSide::Ask => ([].as_slice(), self.yes_bids.as_slice()),
        };
        asks.iter()
            .map(|level| Level {
                price: level.price.complement(),
                size: level.size,
            })
            .chain(bids.iter().copied())
    }

    /// Walks the book for `size` contracts on `side`, not beyond `limit` (a YES price).
    #[must_use]
    pub fn walk(&self, side: BookSide, size: Contracts, limit: Price) -> Walk {
        let mut walk = Walk {
            levels: Vec::new(),
            filled: Contracts::ZERO,
            notional: Money::ZERO,
            worst: None,
        };
        for level in self.against(side) {
            let acceptable = match side {
                BookSide::Bid => level.price <= limit,
                BookSide::Ask => level.price >= limit,
            };
            let wanted = size.saturating_sub(walk.filled);
            if !acceptable || wanted.is_zero() {
                break;
            }
            let take = wanted.min(level.size);
            let (Some(filled), Some(cash)) = (walk.filled.checked_add(take), level.price.times(take)) else {
                break;
            };
            walk.filled = filled;
            walk.notional = walk.notional.saturating_add(cash);
            walk.worst = Some(level.price);
            walk.levels.push(Level {
                price: level.price,
                size: take,
            });
        }
        walk
    }

    /// The middle, or the interval that a one-sided or empty book leaves open.
    #[must_use]
    pub fn mid(&self) -> Mid {
        let bid = self.best_bid().map(|level| level.price);
        let ask = self.best_ask().map(|level| level.price);
        match (bid, ask) {
            (Some(bid), Some(ask)) => Mid::Point { bid, ask },
            (bid, ask) => Mid::Interval {
                low: bid.unwrap_or(Price::ZERO),
                high: ask.unwrap_or(Price::ONE),
            },
        }
    }

    /// The price of the outcome held at which a position could be closed now: a long at the best YES bid, a short at the
    /// best NO bid.
    ///
    /// `None` when nobody bids: an empty side says nothing about a price.
    #[must_use]
    pub fn mark(&self, net: Net) -> Option<Price> {
        let bids = if net.raw() >= 0 {
            &self.yes_bids
        } else {
            &self.no_bids
        };
        bids.first().map(|level| level.price)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn level(price: &str, size: u32) -> Level {
        Level {
            price: price.parse().unwrap(),
            size: Contracts::whole(size),
        }
    }

    fn book(yes: &[(&str, u32)], no: &[(&str, u32)]) -> Result<Book, BookError> {
        let side = |levels: &[(&str, u32)]| levels.iter().map(|(p, s)| level(p, *s)).collect();
        Book::new("T".parse().unwrap(), DateTime::UNIX_EPOCH, side(yes), side(no))
    }

    #[test]
    fn asks_follow_from_no_bids() {
        let book = book(&[("0.44", 5), ("0.47", 3)], &[("0.40", 9), ("0.48", 3)]).unwrap();
        assert_eq!(book.best_bid(), Some(level("0.47", 3)));
        assert_eq!(book.best_ask(), Some(level("0.52", 3)));
        assert_eq!(
            book.against(BookSide::Bid).collect::<Vec<_>>(),
            [level("0.52", 3), level("0.60", 9)]
        );
        assert_eq!(book.mid().probability(), Some(0.495));
    }

    #[test]
    fn a_walk_stops_at_its_limit_and_its_size() {
        let book = book(&[], &[("0.20", 50), ("0.18", 70)]).unwrap();
        let walk = book.walk(BookSide::Bid, Contracts::whole(60), "0.82".parse().unwrap());
        assert_eq!(walk.filled, Contracts::whole(60));
        assert_eq!(walk.notional, "48.20".parse().unwrap());
        assert_eq!(walk.worst, Some("0.82".parse().unwrap()));
        let limited = book.walk(BookSide::Bid, Contracts::whole(60), "0.81".parse().unwrap());
        assert_eq!(limited.filled, Contracts::whole(50));
    }

    #[test]
    fn a_book_without_an_order_of_ours_is_what_the_others_quote() {
        let book = book(&[("0.47", 3), ("0.44", 5)], &[("0.48", 3), ("0.40", 9)]).unwrap();
        let size = Contracts::whole;
        let less = |side, price: &str, contracts| {
            let book = book
                .clone()
                .without(side, price.parse().unwrap(), size(contracts));
            (book.best_bid(), book.best_ask())
        };
        let (bid, ask) = (book.best_bid(), book.best_ask());
        assert_eq!(less(BookSide::Bid, "0.47", 2), (Some(level("0.47", 1)), ask));
        assert_eq!(less(BookSide::Bid, "0.47", 3), (Some(level("0.44", 5)), ask));
        assert_eq!(less(BookSide::Bid, "0.47", 9), (Some(level("0.44", 5)), ask));
        assert_eq!(less(BookSide::Ask, "0.52", 3), (bid, Some(level("0.60", 9))));
        assert_eq!(
            less(BookSide::Ask, "0.47", 3),
            (bid, ask),
            "the other side's price is another price"
        );
        assert_eq!(less(BookSide::Bid, "0.45", 3), (bid, ask));
    }

    #[test]
    fn one_sided_books_give_intervals() {
        let one_sided = book(&[], &[("0.97", 10)]).unwrap();
        assert_eq!(
            one_sided.mid(),
            Mid::Interval {
                low: Price::ZERO,
                high: "0.03".parse().unwrap()
            }
        );
        assert_eq!(one_sided.mid().probability(), None);
        assert_eq!(one_sided.mark("5".parse().unwrap()), None);
        assert_eq!(
            one_sided.mark("-5".parse().unwrap()),
            Some("0.97".parse().unwrap())
        );
    }

    #[test]
    fn impossible_books_are_refused() {
        assert_eq!(
            book(&[("0.60", 1)], &[("0.45", 1)]).unwrap_err().to_string(),
            "crossed: best bid 0.6000, best ask 0.5500"
        );
        assert!(matches!(
            book(&[("0.60", 1), ("0.60", 2)], &[]),
            Err(BookError::DuplicatePrice(_))
        ));
        assert!(matches!(
            book(&[("1.00", 1)], &[]),
            Err(BookError::ImpossiblePrice(_))
        ));
        assert!(book(&[("1.00", 0)], &[]).is_ok(), "an empty level is no level");
    }
}
