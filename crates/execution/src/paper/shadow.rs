//! What the paper account did not get and a real one might have: the width of the band.
//!
//! A taker that was decided on ten contracts and met four has missed six; a maker whose level was touched may have been
//! served. Nobody knows. So these contracts are kept in a ledger of their own, traded at the prices of the moment, and
//! the result of each lot counts against the pessimistic reading when it lost and for the optimistic one when it won.

use std::collections::BTreeMap;

use autotrader_domain::{Book, BookSide, Contracts, Mid, Money, Net, Price, Ticker};

/// The profit of the paper account since it was opened, read two ways.
///
/// The pessimistic reading is the headline: the fills as they were given, contracts that were missed where they would
/// have lost, positions at what the shown books would pay for them. The optimistic one takes the same fills at the prices
/// of their decisions, missed contracts where they would have won, and positions at the middle of the books.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct PaperBand {
    /// The headline.
    pub pessimistic: Money,
    /// Beside it; never below the headline.
    pub optimistic: Money,
}

impl PaperBand {
    /// How far the two readings are apart.
    #[must_use]
    pub const fn width(self) -> Money {
        self.optimistic.saturating_sub(self.pessimistic)
    }
}

/// What a YES contract is worth, read two ways.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Worth {
    /// What selling one fetches; nothing without a bid.
    sells_at: Price,
    /// What buying one costs; a dollar without an ask.
    buys_at: Price,
    /// The middle; the holder's own price where one side is empty.
    middle: Option<Price>,
}

impl Worth {
    pub(super) fn of(book: &Book) -> Self {
        let middle = match book.mid() {
            Mid::Point { bid, ask } => Price::from_raw(i64::midpoint(bid.raw(), ask.raw())),
            Mid::Interval { .. } => None,
        };
        Self {
            sells_at: book.best_bid().map_or(Price::ZERO, |level| level.price),
            buys_at: book.best_ask().map_or(Price::ONE, |level| level.price),
            middle,
        }
    }

    /// The YES price of some contracts: the worse for the holder, and the better.
    pub(super) fn prices(self, net: Net) -> (Price, Price) {
        let own = if net.raw() >= 0 {
            self.sells_at
        } else {
            self.buys_at
        };
        (own, self.middle.unwrap_or(own))
    }
}

/// Contracts of one price that the account does not have, and the cash it did not pay for them.
#[derive(Debug, Clone, Copy)]
struct Lot {
    price: Price,
    net: Net,
    cash: Money,
}

impl Lot {
    /// The result at a YES price: a sold contract owes the price, whatever collateral it would have needed.
    fn result(self, price: Price) -> Money {
        let worth = price.times(self.net.size()).unwrap_or(Money::ZERO);
        if self.net.raw() >= 0 {
            self.cash.saturating_add(worth)
        } else {
            self.cash.saturating_sub(worth)
        }
    }

    /// Takes some of its contracts out, with their part of the cash.
    fn split_off(&mut self, contracts: Contracts) -> Option<Self> {
        let part = Self {
            price: self.price,
            net: signed(self.net.raw() >= 0, contracts)?,
            cash: self.cash.fraction(contracts.raw(), self.net.size().raw())?,
        };
        self.net = Net::from_raw(self.net.raw().checked_sub(part.net.raw())?)?;
        self.cash = self.cash.saturating_sub(part.cash);
        Some(part)
    }
}

fn signed(is_yes: bool, contracts: Contracts) -> Option<Net> {
    Net::from_raw(if is_yes { contracts.raw() } else { -contracts.raw() })
}

/// What lost and what won.
#[derive(Debug, Clone, Copy, Default)]
struct Sums {
    lost: Money,
    won: Money,
}

impl Sums {
    /// Each miss happened or did not, whatever the others did: so each counts by its own sign.
    fn add(&mut self, worse: Money, better: Money) {
        self.lost = self.lost.saturating_add(worse.min(Money::ZERO));
        self.won = self.won.saturating_add(better.max(Money::ZERO));
    }
}

/// The ledger of what was missed: lots by market, first in, first out.
#[derive(Debug, Default)]
pub(super) struct Shadows {
    lots: BTreeMap<Ticker, Vec<Lot>>,
    /// The results of what was closed or paid.
    closed: Sums,
}

impl Shadows {
    pub(super) const fn new() -> Self {
        Self {
            lots: BTreeMap::new(),
            closed: Sums {
                lost: Money::ZERO,
                won: Money::ZERO,
            },
        }
    }

    /// Contracts that were missed in a market.
    pub(super) fn net(&self, ticker: &Ticker) -> Net {
        let lots = self.lots.get(ticker).into_iter().flatten();
        Net::from_raw(lots.map(|lot| lot.net.raw()).sum()).unwrap_or(Net::ZERO)
    }

    /// Books contracts that the account did not trade: they close earlier ones, those of the same price before others, and
    /// open what is left.
    pub(super) fn trade(
        &mut self,
        ticker: &Ticker,
        side: BookSide,
        price: Price,
        contracts: Contracts,
        fee: Money,
    ) {
        let is_yes = side == BookSide::Bid;
        let cash = price.times(contracts).unwrap_or(Money::ZERO);
        let cash = if is_yes { cash.negated() } else { cash };
        let Some(net) = signed(is_yes, contracts) else {
            return;
        };
        let mut fresh = Lot {
            price,
            net,
            cash: cash.saturating_sub(fee),
        };
        let lots = self.lots.entry(ticker.clone()).or_default();
        let opposite = |lot: &Lot| (lot.net.raw() >= 0) != is_yes;
        while !fresh.net.is_flat() {
            let same_price = lots.iter().position(|lot| opposite(lot) && lot.price == price);
            let Some(index) = same_price.or_else(|| lots.iter().position(opposite)) else {
                break;
            };
            let Some(lot) = lots.get_mut(index) else {
                break;
            };
            let part = lot.net.size().min(fresh.net.size());
            let (Some(closed), Some(closing)) = (lot.split_off(part), fresh.split_off(part)) else {
                break;
            };
            if lot.net.is_flat() {
                lots.remove(index);
            }
            let result = closed.cash.saturating_add(closing.cash);
            self.closed.add(result, result);
        }
        if fresh.net.is_flat() {
            return;
        }
        // Lots of one price win or lose together.
        match lots.iter_mut().find(|lot| lot.price == price && !opposite(lot)) {
            Some(lot) => {
                lot.net = lot.net.after(side, fresh.net.size()).unwrap_or(lot.net);
                lot.cash = lot.cash.saturating_add(fresh.cash);
            }
            None => lots.push(fresh),
        }
    }

    /// A market paid: its results no longer move.
    pub(super) fn settle(&mut self, ticker: &Ticker, yes_value: Price) {
        for lot in self.lots.remove(ticker).into_iter().flatten() {
            let result = lot.result(yes_value);
            self.closed.add(result, result);
        }
    }

    /// What lost and what won, at what the books show; contracts without a book count at nothing either way.
    pub(super) fn results(&self, worth: impl Fn(&Ticker) -> Option<Worth>) -> (Money, Money) {
        let mut sums = self.closed;
        for (ticker, lots) in &self.lots {
            let Some(worth) = worth(ticker) else {
                continue;
            };
            for lot in lots {
                let (worse, better) = worth.prices(lot.net);
                sums.add(lot.result(worse), lot.result(better));
            }
        }
        (sums.lost, sums.won)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BUY: BookSide = BookSide::Bid;
    const SELL: BookSide = BookSide::Ask;

    #[track_caller]
    fn check(trades: &[(BookSide, &str, u32, &str)], paid: &str, lost: &str, won: &str) {
        let ticker: Ticker = "T".parse().unwrap();
        let mut shadows = Shadows::new();
        for (side, price, contracts, fee) in trades {
            shadows.trade(
                &ticker,
                *side,
                price.parse().unwrap(),
                Contracts::whole(*contracts),
                fee.parse().unwrap(),
            );
        }
        shadows.settle(&ticker, paid.parse().unwrap());
        let results = shadows.results(|_| None);
        assert_eq!(results, (lost.parse().unwrap(), won.parse().unwrap()));
    }

    #[test]
    fn a_missed_contract_counts_against_the_one_reading_or_for_the_other() {
        check(&[(BUY, "0.40", 10, "0.17")], "1", "0", "5.83");
        check(&[(BUY, "0.40", 10, "0.17")], "0", "-4.17", "0");
        check(&[(SELL, "0.40", 10, "0.17")], "0", "0", "3.83");
        check(&[(SELL, "0.40", 10, "0.17")], "1", "-6.17", "0");
        // What is traded back leaves the difference.
        check(
            &[(BUY, "0.40", 10, "0"), (SELL, "0.45", 10, "0.02")],
            "1",
            "0",
            "0.48",
        );
        check(&[(BUY, "0.40", 10, "0"), (SELL, "0.40", 10, "0")], "1", "0", "0");
    }

    #[test]
    fn open_contracts_are_read_at_both_prices_of_the_book() {
        let ticker: Ticker = "T".parse().unwrap();
        let level = |price: &str| {
            vec![autotrader_domain::Level {
                price: price.parse().unwrap(),
                size: Contracts::whole(5),
            }]
        };
        let book =
            |bids, no_bids| Book::new(ticker.clone(), chrono::DateTime::UNIX_EPOCH, bids, no_bids).unwrap();
        let both = Worth::of(&book(level("0.40"), level("0.50")));
        let mut shadows = Shadows::new();
        shadows.trade(
            &ticker,
            BUY,
            "0.43".parse().unwrap(),
            Contracts::whole(10),
            Money::ZERO,
        );
        let results = shadows.results(|_| Some(both));
        assert_eq!(results, ("-0.3".parse().unwrap(), "0.2".parse().unwrap()));
        let no_ask = Worth::of(&book(level("0.40"), vec![]));
        let results = shadows.results(|_| Some(no_ask));
        assert_eq!(results, ("-0.3".parse().unwrap(), Money::ZERO));
        assert_eq!(shadows.results(|_| None), (Money::ZERO, Money::ZERO));
    }
}
