//! Our side of a reconciliation: cash and positions as booked.

use std::collections::BTreeMap;

use autotrader_domain::ports::Restored;
use autotrader_domain::{Fill, Money, Net, Portfolio, Position, SettlementRecord, Ticker};
use chrono::{DateTime, Utc};

use autotrader_domain::position::cash_of_fill;

/// A fill or settlement that does not fit into the books.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{what} of {ticker} overflows the books")]
pub struct BookingError {
    /// A fill or a settlement, with its id or time.
    pub what: String,
    /// The market.
    pub ticker: Ticker,
}

/// Cash and positions as booked, to the micro-dollar.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct AccountBooks {
    /// Cash; `None` while the cash of the first start is not known.
    pub cash: Option<Money>,
    /// Positions by market; flat ones stay for their realised profit.
    pub positions: BTreeMap<Ticker, Position>,
}

impl AccountBooks {
    /// Books that open with some cash and no positions.
    #[must_use]
    pub const fn opening(cash: Money) -> Self {
        Self {
            cash: Some(cash),
            positions: BTreeMap::new(),
        }
    }

    /// The books that a database tells of: its opening cash, every fill, every settlement, in order of time.
    ///
    /// # Errors
    /// [`BookingError`] on overflow.
    pub fn from_restored(restored: &Restored) -> Result<Self, BookingError> {
        let mut books = Self {
            cash: restored.opening_cash,
            positions: BTreeMap::new(),
        };
        enum Entry<'a> {
            Fill(&'a Fill),
            Settlement(&'a SettlementRecord),
        }
        let fills = restored
            .fills
            .iter()
            .map(|fill| (fill.filled_at, Entry::Fill(fill)));
        let settlements = restored
            .settlements
            .iter()
            .map(|settled| (settled.settled_at, Entry::Settlement(settled)));
        let mut entries: Vec<(DateTime<Utc>, Entry<'_>)> = fills.chain(settlements).collect();
        // Stable: what has the same time stays in the order booked, fills first.
        entries.sort_by_key(|(at, _)| *at);
        for (_, entry) in entries {
            match entry {
                Entry::Fill(fill) => books.book(fill)?,
                Entry::Settlement(settled) => books.settle(settled)?,
            }
        }
        Ok(books)
    }

    /// The books that the core keeps.
    #[must_use]
    pub fn of(portfolio: &Portfolio) -> Self {
        Self {
            cash: Some(portfolio.cash),
            positions: portfolio.positions.clone(),
        }
    }

    /// The position in a market; flat when there never was one.
    #[must_use]
    pub fn position(&self, ticker: &Ticker) -> Position {
        self.positions.get(ticker).copied().unwrap_or_default()
    }

    /// Markets with an open position.
    #[must_use]
    pub fn nets(&self) -> BTreeMap<&Ticker, Net> {
        self.positions
            .iter()
            .filter(|(_, position)| !position.net.is_flat())
            .map(|(ticker, position)| (ticker, position.net))
            .collect()
    }

    /// Books one fill: position, cash and fee.
    ///
    /// # Errors
    /// [`BookingError`] on overflow; the books are then unchanged.
    pub fn book(&mut self, fill: &Fill) -> Result<(), BookingError> {
        let error = || BookingError {
            what: format!("fill {}", fill.fill_id),
            ticker: fill.ticker.clone(),
        };
        let mut position = self.position(&fill.ticker);
        let revenue = cash_of_fill(position.net, fill).ok_or_else(error)?;
        position.book(fill).map_err(|_| error())?;
        let cash = match self.cash {
            Some(cash) => Some(
                cash.checked_add(revenue)
                    .and_then(|cash| cash.checked_sub(fill.fee))
                    .ok_or_else(error)?,
            ),
            None => None,
        };
        self.cash = cash;
        self.positions.insert(fill.ticker.clone(), position);
        Ok(())
    }

    /// Books one settlement: the position pays out and closes.
    ///
    /// # Errors
    /// [`BookingError`] on overflow; the books are then unchanged.
    pub fn settle(&mut self, settled: &SettlementRecord) -> Result<(), BookingError> {
        let error = || BookingError {
            what: format!("settlement at {}", settled.settled_at),
            ticker: settled.ticker.clone(),
        };
        let mut position = self.position(&settled.ticker);
        let payout = position.settle(settled.yes_value).ok_or_else(error)?;
        position.fees = position.fees.checked_add(settled.fee).ok_or_else(error)?;
        let cash = match self.cash {
            Some(cash) => Some(
                cash.checked_add(payout)
                    .and_then(|cash| cash.checked_sub(settled.fee))
                    .ok_or_else(error)?,
            ),
            None => None,
        };
        self.cash = cash;
        self.positions.insert(settled.ticker.clone(), position);
        Ok(())
    }
}
