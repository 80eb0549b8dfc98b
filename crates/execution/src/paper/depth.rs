//! Depth that paper orders have taken from the real book, which does not know of it.

use std::collections::BTreeMap;

use autotrader_domain::{Book, BookSide, Contracts, Level, Price, Ticker};

/// One level of a ladder: the market, the side that takes from it, the YES price.
type LevelKey = (Ticker, BookSide, Price);

/// What was taken from a level and how large it was then.
#[derive(Debug, Clone, Copy)]
struct Taken {
    contracts: Contracts,
    size: Contracts,
}

/// Remembers taken depth until the level changes.
#[derive(Debug)]
pub(super) struct TakenDepth(BTreeMap<LevelKey, Taken>);

impl TakenDepth {
    pub(super) const fn new() -> Self {
        Self(BTreeMap::new())
    }

    /// A newer book: levels whose size changed, or that are gone, have their depth back.
    pub(super) fn observe(&mut self, book: &Book) {
        self.0.retain(|(ticker, side, price), taken| {
            *ticker != book.ticker || size_at(book, *side, *price) == taken.size
        });
    }

    /// A trade was seen at a price: somebody's depth moved there.
    pub(super) fn trade(&mut self, ticker: &Ticker, price: Price) {
        for side in [BookSide::Bid, BookSide::Ask] {
            self.0.remove(&(ticker.clone(), side, price));
        }
    }

    /// What an order on `side` could take, best first, at YES prices not beyond `limit`.
    pub(super) fn available(&self, book: &Book, side: BookSide, limit: Price) -> Vec<Level> {
        book.against(side)
            .take_while(|level| within(side, level.price, limit))
            .filter_map(|level| {
                let key = (book.ticker.clone(), side, level.price);
                let taken = self.0.get(&key).map_or(Contracts::ZERO, |taken| taken.contracts);
                let size = level.size.saturating_sub(taken);
                (!size.is_zero()).then_some(Level {
                    price: level.price,
                    size,
                })
            })
            .collect()
    }

    /// Takes contracts from the book's best levels.
    pub(super) fn take(&mut self, book: &Book, side: BookSide, contracts: Contracts) {
        let mut left = contracts;
        for level in self.available(book, side, side_end(side)) {
            let part = left.min(level.size);
            if part.is_zero() {
                break;
            }
            let size = size_at(book, side, level.price);
            let taken = self
                .0
                .entry((book.ticker.clone(), side, level.price))
                .or_insert(Taken {
                    contracts: Contracts::ZERO,
                    size,
                });
            taken.contracts = taken.contracts.checked_add(part).unwrap_or(size);
            left = left.saturating_sub(part);
        }
    }
}

/// Whether an order on `side` with `limit` may trade at `price`.
pub(super) fn within(side: BookSide, price: Price, limit: Price) -> bool {
    match side {
        BookSide::Bid => price <= limit,
        BookSide::Ask => price >= limit,
    }
}

/// The limit that excludes nothing.
const fn side_end(side: BookSide) -> Price {
    match side {
        BookSide::Bid => Price::ONE,
        BookSide::Ask => Price::ZERO,
    }
}

fn size_at(book: &Book, side: BookSide, price: Price) -> Contracts {
    book.against(side)
        .find(|level| level.price == price)
        .map_or(Contracts::ZERO, |level| level.size)
}

/// A part of a fill: the worse of two prices, and the price of the decision.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Part {
    /// How many contracts.
    pub(super) size: Contracts,
    /// The worse price, which is paid.
    pub(super) price: Price,
    /// The price at the decision, which a faster order would have paid.
    pub(super) decided: Price,
}

/// Walks two ladders side by side for `wanted` contracts; each contract costs the worse of its two prices.
pub(super) fn worse_of(side: BookSide, decided: &[Level], found: &[Level], wanted: Contracts) -> Vec<Part> {
    let mut parts = Vec::new();
    let mut left = wanted;
    let (mut decided, mut found) = (decided.iter().copied(), found.iter().copied());
    let (mut a, mut b) = (decided.next(), found.next());
    while let (Some(was), Some(is)) = (a, b) {
        let size = left.min(was.size).min(is.size);
        if !size.is_zero() {
            let price = match side {
                BookSide::Bid => was.price.max(is.price),
                BookSide::Ask => was.price.min(is.price),
            };
            parts.push(Part {
                size,
                price,
                decided: was.price,
            });
            left = left.saturating_sub(size);
        }
        if left.is_zero() {
            break;
        }
        let rest = |level: Level| Level {
            price: level.price,
            size: level.size.saturating_sub(size),
        };
        a = Some(rest(was))
            .filter(|level| !level.size.is_zero())
            .or_else(|| decided.next());
        b = Some(rest(is))
            .filter(|level| !level.size.is_zero())
            .or_else(|| found.next());
    }
    merged(parts)
}

/// Joins neighbouring parts at equal prices, so that a fill is one price.
fn merged(parts: Vec<Part>) -> Vec<Part> {
    let mut joined: Vec<Part> = Vec::new();
    for part in parts {
        match joined.last_mut() {
            Some(last) if last.price == part.price && last.decided == part.decided => {
                last.size = last.size.checked_add(part.size).unwrap_or(last.size);
            }
            _ => joined.push(part),
        }
    }
    joined
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ladder(levels: &[(&str, u32)]) -> Vec<Level> {
        levels
            .iter()
            .map(|(price, size)| Level {
                price: price.parse().unwrap(),
                size: Contracts::whole(*size),
            })
            .collect()
    }

    #[track_caller]
    fn check(
        side: BookSide,
        decided: &[(&str, u32)],
        found: &[(&str, u32)],
        wanted: u32,
        expected: &[(&str, u32)],
    ) {
        let parts = worse_of(side, &ladder(decided), &ladder(found), Contracts::whole(wanted));
        let paid: Vec<Level> = parts
            .iter()
            .map(|part| Level {
                price: part.price,
                size: part.size,
            })
            .collect();
        assert_eq!(paid, ladder(expected));
    }

    #[test]
    fn each_contract_costs_the_worse_of_its_two_prices() {
        use BookSide::{Ask, Bid};
        // The market moved away: the later book counts.
        check(Bid, &[("0.40", 10)], &[("0.45", 10)], 5, &[("0.45", 5)]);
        // It moved towards us: the decision counts.
        check(Bid, &[("0.45", 10)], &[("0.40", 10)], 5, &[("0.45", 5)]);
        check(Ask, &[("0.60", 10)], &[("0.55", 10)], 5, &[("0.55", 5)]);
        // Less depth than before, then less than now.
        check(Bid, &[("0.40", 10)], &[("0.40", 3)], 5, &[("0.40", 3)]);
        check(Bid, &[("0.40", 2)], &[("0.40", 9)], 5, &[("0.40", 2)]);
        // Interleaved ladders.
        check(
            Bid,
            &[("0.40", 3), ("0.42", 5)],
            &[("0.41", 5), ("0.43", 5)],
            8,
            &[("0.41", 3), ("0.42", 2), ("0.43", 3)],
        );
        check(Bid, &[], &[("0.41", 5)], 8, &[]);
        check(Bid, &[("0.41", 5)], &[], 8, &[]);
    }

    fn book(no_bids: &[(&str, u32)]) -> Book {
        Book::new(
            "T".parse().unwrap(),
            chrono::DateTime::UNIX_EPOCH,
            vec![],
            ladder(no_bids),
        )
        .unwrap()
    }

    #[test]
    fn taken_depth_comes_back_when_the_level_changes_or_trades() {
        let shown = book(&[("0.60", 10), ("0.50", 4)]);
        let mut depth = TakenDepth::new();
        depth.take(&shown, BookSide::Bid, Contracts::whole(12));
        let left = depth.available(&shown, BookSide::Bid, Price::ONE);
        assert_eq!(left, ladder(&[("0.50", 2)]));
        depth.observe(&book(&[("0.60", 10), ("0.50", 5)]));
        let changed = depth.available(&book(&[("0.60", 10), ("0.50", 5)]), BookSide::Bid, Price::ONE);
        assert_eq!(
            changed,
            ladder(&[("0.50", 5)]),
            "only the level that changed is back"
        );
        depth.trade(&"T".parse().unwrap(), "0.40".parse().unwrap());
        let traded = depth.available(&book(&[("0.60", 10)]), BookSide::Bid, Price::ONE);
        assert_eq!(traded, ladder(&[("0.40", 10)]));
    }
}
