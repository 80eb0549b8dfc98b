//! The account's profit read two ways.

use autotrader_domain::{Book, BookSide, Money, Net, Price, Ticker};

use super::desk::Desk;
use super::shadow::{PaperBand, Worth};

impl Desk {
    /// The profit since the account was opened, read two ways; a position whose book was not shown counts at its cost.
    pub(super) fn band(&self) -> PaperBand {
        let cash = self.account.cash.unwrap_or(Money::ZERO);
        let settled = cash.saturating_sub(self.opening);
        let worth = |ticker: &Ticker| self.books.get(ticker).map(Worth::of);
        let (lost, won) = self.shadows.results(worth);
        let mut band = PaperBand {
            pessimistic: settled.saturating_add(lost),
            optimistic: settled.saturating_add(won).saturating_add(self.optimistic_gain),
        };
        for (ticker, position) in &self.account.positions {
            let (worse, better) = match self.books.get(ticker) {
                Some(book) => marks(book, position.net),
                None => (position.cost, position.cost),
            };
            band.pessimistic = band.pessimistic.saturating_add(worse);
            band.optimistic = band.optimistic.saturating_add(better);
        }
        band
    }
}

/// What the book would pay for a position at once, and what it is worth at the middle of the book.
fn marks(book: &Book, net: Net) -> (Money, Money) {
    let size = net.size();
    let (side, limit) = if net.raw() >= 0 {
        (BookSide::Ask, Price::ZERO)
    } else {
        (BookSide::Bid, Price::ONE)
    };
    let walk = book.walk(side, size, limit);
    let (_, better) = Worth::of(book).prices(net);
    let (sold, middle) = match side {
        BookSide::Ask => (walk.notional, better),
        // A NO contract is worth a dollar less what the YES contract costs that closes it.
        BookSide::Bid => {
            let face = Price::ONE.times(walk.filled).unwrap_or(Money::ZERO);
            (face.saturating_sub(walk.notional), better.complement())
        }
    };
    let middle = middle.times(size).unwrap_or(sold);
    (sold, middle.max(sold))
}
