//! Our side of a reconciliation: cash and positions as booked.

use std::collections::BTreeMap;

use autotrader_domain::ports::Restored;
use autotrader_domain::{
    Booking, BookingError, Fill, Money, Net, Portfolio, Position, Settled, SettlementRecord, Ticker, bookings,
};

/// Cash and positions as booked, to the micro-dollar.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct AccountBooks {
    /// Cash; `None` while the cash of the first start is not known.
    pub cash: Option<Money>,
    /// Positions by market; flat ones stay for their realised profit.
    pub positions: BTreeMap<Ticker, Position>,
    /// Markets that paid out.
    settled: BTreeMap<Ticker, Settled>,
}

impl AccountBooks {
    /// Books that open with some cash and no positions.
    #[must_use]
    pub const fn opening(cash: Money) -> Self {
        Self {
            cash: Some(cash),
            positions: BTreeMap::new(),
            settled: BTreeMap::new(),
        }
    }

    /// The books that a database tells of: its opening cash, every fill, every settlement.
    ///
    /// # Errors
    /// [`BookingError`] on overflow.
    pub fn from_restored(restored: &Restored) -> Result<Self, BookingError> {
        let mut books = Self {
            cash: restored.opening_cash,
            ..Self::default()
        };
        for booking in bookings(&restored.fills, &restored.settlements) {
            books.enter(booking)?;
        }
        Ok(books)
    }

    /// The books that the core keeps.
    #[must_use]
    pub fn of(portfolio: &Portfolio) -> Self {
        Self {
            cash: Some(portfolio.cash),
            positions: portfolio.positions.clone(),
            settled: portfolio.settled.clone(),
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
        self.enter(Booking::Fill(fill))
    }

    /// Books one settlement: the position pays out and closes.
    ///
    /// # Errors
    /// [`BookingError`] on overflow; the books are then unchanged.
    pub fn settle(&mut self, settled: &SettlementRecord) -> Result<(), BookingError> {
        self.enter(Booking::Settlement(settled))
    }

    fn enter(&mut self, booking: Booking<'_>) -> Result<(), BookingError> {
        let mut portfolio = Portfolio {
            cash: self.cash.unwrap_or_default(),
            positions: std::mem::take(&mut self.positions),
            settled: std::mem::take(&mut self.settled),
            ..Portfolio::default()
        };
        let booked = portfolio.book(booking);
        self.cash = self.cash.map(|_| portfolio.cash);
        self.positions = portfolio.positions;
        self.settled = portfolio.settled;
        booked
    }
}
