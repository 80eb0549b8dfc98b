//! Cash, positions and open orders as of a decision.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::position::cash_of_fill;
use crate::{ClientOrderId, Fill, Money, Order, Position, Price, Ticker};

/// What the exchange paid out on a settled market.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SettlementRecord {
    /// The market.
    pub ticker: Ticker,
    /// What a YES contract paid: never assumed to be zero or one.
    pub yes_value: Price,
    /// Fee charged at settlement.
    pub fee: Money,
    /// When cash moved.
    pub settled_at: DateTime<Utc>,
}

/// A market that paid out, with what it takes to take the payout back.
///
/// An amended result reverses the first payout and books the second; a fill that is learnt after its market's payout is
/// booked before it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Settled {
    /// What the exchange paid.
    pub record: SettlementRecord,
    /// The position that was paid out.
    pub before: Position,
    /// What cash it brought, its fee taken off.
    pub received: Money,
}

/// A fill or settlement that does not fit into the books.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{what} of {ticker} overflows the books")]
pub struct BookingError {
    /// A fill or a settlement, with its id or time.
    pub what: String,
    /// The market.
    pub ticker: Ticker,
}

impl BookingError {
    fn of_fill(fill: &Fill) -> Self {
        Self {
            what: format!("fill {}", fill.fill_id),
            ticker: fill.ticker.clone(),
        }
    }

    fn of_settlement(record: &SettlementRecord) -> Self {
        Self {
            what: format!("settlement at {}", record.settled_at),
            ticker: record.ticker.clone(),
        }
    }
}

/// What we own and owe: the one place where fills and settlements become cash and positions.
///
/// At any time, to the micro-dollar: cash − opening cash = Σ realised − Σ fees − Σ cost of what is open.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Portfolio {
    /// Spendable collateral, before what open orders reserve.
    pub cash: Money,
    /// Positions by market; flat ones stay for their realised profit.
    pub positions: BTreeMap<Ticker, Position>,
    /// Markets that paid out.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub settled: BTreeMap<Ticker, Settled>,
    /// Orders that are not terminal, approved but unsent ones included.
    pub open_orders: BTreeMap<ClientOrderId, Order>,
}

impl Portfolio {
    /// A portfolio that holds cash and nothing else.
    #[must_use]
    pub fn opening(cash: Money) -> Self {
        Self {
            cash,
            ..Self::default()
        }
    }

    /// The position in a market; flat when there never was one.
    #[must_use]
    pub fn position(&self, ticker: &Ticker) -> Position {
        self.positions.get(ticker).copied().unwrap_or_default()
    }

    /// The orders of a market that are not terminal.
    pub fn orders_on<'a>(&'a self, ticker: &'a Ticker) -> impl Iterator<Item = &'a Order> {
        self.open_orders
            .values()
            .filter(move |order| order.intent.ticker == *ticker)
    }

    /// Books an execution: position, fee and cash.
    ///
    /// A fill that is learnt after its market's payout changes what was paid out.
    ///
    /// # Errors
    /// [`BookingError`] on overflow; nothing is booked then.
    pub fn book_fill(&mut self, fill: &Fill) -> Result<(), BookingError> {
        let error = || BookingError::of_fill(fill);
        // A market that paid out trades no more, so that whatever is learnt of it now came before.
        let late = self.settled.get(&fill.ticker).cloned();
        let mut cash = self.cash;
        let mut position = self.position(&fill.ticker);
        if let Some(settled) = &late {
            cash = cash.checked_sub(settled.received).ok_or_else(error)?;
            position = settled.before;
        }
        cash = cash_of_fill(position.net, fill)
            .and_then(|moved| moved.checked_sub(fill.fee))
            .and_then(|moved| cash.checked_add(moved))
            .ok_or_else(error)?;
        position.book(fill).map_err(|_| error())?;
        let Some(settled) = late else {
            self.cash = cash;
            self.positions.insert(fill.ticker.clone(), position);
            return Ok(());
        };
        let paid = pay_out(position, &settled.record).ok_or_else(error)?;
        self.take(cash, settled.record, position, paid).ok_or_else(error)
    }

    /// Books a payout at its settlement value, whatever that is. Another record of the same market is an amendment: the
    /// payout before it is taken back.
    ///
    /// # Errors
    /// [`BookingError`] on overflow; nothing is booked then.
    pub fn book_settlement(&mut self, record: &SettlementRecord) -> Result<(), BookingError> {
        let error = || BookingError::of_settlement(record);
        let (cash, before) = match self.settled.get(&record.ticker) {
            Some(settled) => (
                self.cash.checked_sub(settled.received).ok_or_else(error)?,
                settled.before,
            ),
            None => (self.cash, self.position(&record.ticker)),
        };
        let paid = pay_out(before, record).ok_or_else(error)?;
        self.take(cash, record.clone(), before, paid).ok_or_else(error)
    }

    /// Takes a payout into the books; `None` on overflow, and nothing has changed then.
    fn take(
        &mut self,
        cash: Money,
        record: SettlementRecord,
        before: Position,
        (after, received): (Position, Money),
    ) -> Option<()> {
        self.cash = cash.checked_add(received)?;
        self.positions.insert(record.ticker.clone(), after);
        let settled = Settled {
            record,
            before,
            received,
        };
        self.settled.insert(settled.record.ticker.clone(), settled);
        Some(())
    }

    /// Realised profit of all positions, fees apart.
    #[must_use]
    pub fn realized(&self) -> Money {
        self.positions.values().map(|position| position.realized).sum()
    }

    /// Fees paid on all positions, those at settlement included.
    #[must_use]
    pub fn fees(&self) -> Money {
        self.positions.values().map(|position| position.fees).sum()
    }

    /// Cost of all open positions, fees apart.
    #[must_use]
    pub fn cost(&self) -> Money {
        self.positions.values().map(|position| position.cost).sum()
    }
}

/// The position after a payout, and the cash that it brings; a market that is not held pays and costs nothing.
fn pay_out(before: Position, record: &SettlementRecord) -> Option<(Position, Money)> {
    if before.net.is_flat() {
        return Some((before, Money::ZERO));
    }
    let mut after = before;
    let payout = after.settle(record.yes_value)?;
    after.fees = after.fees.checked_add(record.fee)?;
    Some((after, payout.checked_sub(record.fee)?))
}

/// One booking of an account's history.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Booking<'a> {
    /// An execution.
    Fill(&'a Fill),
    /// A payout, or an amended one.
    Settlement(&'a SettlementRecord),
}

/// Fills and settlements, each in the order booked, as one history: a market's fills come before its payout.
pub fn bookings<'a>(
    fills: &'a [Fill],
    settlements: &'a [SettlementRecord],
) -> impl Iterator<Item = Booking<'a>> {
    // A late fill is sorted in by `book_fill` itself, so that this order books the same as any other.
    fills
        .iter()
        .map(Booking::Fill)
        .chain(settlements.iter().map(Booking::Settlement))
}

impl Portfolio {
    /// Books one entry of a history.
    ///
    /// # Errors
    /// As [`Portfolio::book_fill`] and [`Portfolio::book_settlement`].
    pub fn book(&mut self, booking: Booking<'_>) -> Result<(), BookingError> {
        match booking {
            Booking::Fill(fill) => self.book_fill(fill),
            Booking::Settlement(record) => self.book_settlement(record),
        }
    }

    /// The books of a whole history.
    ///
    /// # Errors
    /// The first [`BookingError`].
    pub fn replayed(
        opening_cash: Money,
        fills: &[Fill],
        settlements: &[SettlementRecord],
    ) -> Result<Self, BookingError> {
        let mut portfolio = Self::opening(opening_cash);
        bookings(fills, settlements).try_for_each(|booking| portfolio.book(booking))?;
        Ok(portfolio)
    }
}
