//! An independent count of the depth that paper fills used, level by level.

use std::collections::BTreeMap;

use autotrader_domain::{Book, BookSide, Contracts, Fill, Liquidity, OrderRequest, Price, Ticker};

/// Hundredths of contracts shown and used at a level since it last changed or traded.
#[derive(Debug, Clone, Copy)]
struct Level {
    shown: i64,
    used: i64,
}

#[derive(Debug, Default)]
pub struct Counter {
    /// By market, side that takes, and YES price.
    levels: BTreeMap<(Ticker, bool, Price), Level>,
    /// Hundredths of contracts counted.
    pub counted: i64,
}

impl Counter {
    /// A newer book: a level with another size has its depth back.
    pub fn book(&mut self, book: &Book) {
        let mut fresh = BTreeMap::new();
        for side in [BookSide::Bid, BookSide::Ask] {
            for level in book.against(side) {
                let key = (book.ticker.clone(), side == BookSide::Bid, level.price);
                let shown = level.size.raw();
                let used = match self.levels.get(&key) {
                    Some(known) if known.shown == shown => known.used,
                    _ => 0,
                };
                fresh.insert(key, Level { shown, used });
            }
        }
        self.levels.retain(|(ticker, ..), _| *ticker != book.ticker);
        self.levels.append(&mut fresh);
    }

    /// A trade of others at a price.
    pub fn trade(&mut self, ticker: &Ticker, price: Price) {
        for buys in [true, false] {
            if let Some(level) = self.levels.get_mut(&(ticker.clone(), buys, price)) {
                level.used = 0;
            }
        }
    }

    /// A fill that a book caused: the depth for it must be there, best levels first.
    pub fn fill(&mut self, fill: &Fill, request: &OrderRequest) {
        let buys = fill.side == BookSide::Bid;
        let through = |price: Price| {
            let within = if buys {
                price <= request.limit
            } else {
                price >= request.limit
            };
            within && (fill.liquidity == Liquidity::Taker || price != request.limit)
        };
        let mut left = fill.contracts.raw();
        let mut levels: Vec<_> = self
            .levels
            .iter_mut()
            .filter(|((ticker, side, price), _)| *ticker == fill.ticker && *side == buys && through(*price))
            .map(|((_, _, price), level)| (*price, level))
            .collect();
        if !buys {
            levels.reverse();
        }
        for (_, level) in levels {
            let part = left.min(level.shown - level.used);
            level.used += part;
            left -= part;
        }
        assert_eq!(
            left, 0,
            "the book did not show what filled {fill:?} of {request:?}"
        );
        self.counted += fill.contracts.raw();
    }

    /// Fills that one trade of others caused.
    pub fn trade_fills(&mut self, fills: &[Fill], size: Contracts) {
        let sum: i64 = fills.iter().map(|fill| fill.contracts.raw()).sum();
        assert!(sum <= size.raw(), "{sum} of a trade of {size}: {fills:?}");
        assert!(fills.iter().all(|fill| fill.liquidity == Liquidity::Maker));
        self.counted += sum;
    }
}
