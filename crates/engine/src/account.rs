//! The account as the core keeps it: cash, positions, open orders, and the figures that limits look at.

use std::collections::BTreeMap;

use autotrader_domain::position::cash_of_fill;
use autotrader_domain::{
    Book, Fill, Money, OrderUpdate, Portfolio, Position, PositionError, Price, SettlementRecord, Ticker,
};
use autotrader_risk::Figures;
use chrono::{DateTime, NaiveDate, Utc};
use chrono_tz::America::New_York;

/// The last prices at which a market's positions could be closed.
#[derive(Debug, Clone, Copy, Default)]
struct Marks {
    long: Option<Price>,
    short: Option<Price>,
}

/// Cash, positions and open orders, booked to the micro-dollar.
#[derive(Debug, Clone, Default)]
pub struct Account {
    /// What we own and owe.
    pub portfolio: Portfolio,
    marks: BTreeMap<Ticker, Marks>,
    opening_cash: Money,
    day: Option<NaiveDate>,
    day_open_equity: Money,
    peak_equity: Money,
}

impl Account {
    /// An account at its first start.
    #[must_use]
    pub fn opened_with(cash: Money) -> Self {
        Self {
            portfolio: Portfolio {
                cash,
                ..Portfolio::default()
            },
            marks: BTreeMap::new(),
            opening_cash: cash,
            day: None,
            day_open_equity: cash,
            peak_equity: cash,
        }
    }

    /// Learns at the very first start what the account holds: what was booked on the way stays booked.
    pub fn learn_cash(&mut self, cash: Money) {
        let booked = self.portfolio.cash.saturating_sub(self.opening_cash);
        self.opening_cash = cash.saturating_sub(booked);
        self.portfolio.cash = cash;
        self.day_open_equity = self.opening_cash;
        self.peak_equity = self.opening_cash;
    }

    /// Cash at the first start of the database.
    #[must_use]
    pub const fn opening_cash(&self) -> Money {
        self.opening_cash
    }

    /// Books an execution: position, fee and cash.
    ///
    /// # Errors
    /// [`PositionError`] on overflow; nothing is booked then.
    pub fn book_fill(&mut self, fill: &Fill) -> Result<(), PositionError> {
        let overflow = || PositionError {
            contracts: fill.contracts,
            price: fill.price,
        };
        let position = self.portfolio.positions.entry(fill.ticker.clone()).or_default();
        let cash = cash_of_fill(position.net, fill)
            .and_then(|cash| cash.checked_sub(fill.fee))
            .and_then(|cash| self.portfolio.cash.checked_add(cash))
            .ok_or_else(overflow)?;
        position.book(fill)?;
        self.portfolio.cash = cash;
        Ok(())
    }

    /// Books a payout. A market without a position pays nothing.
    pub fn book_settlement(&mut self, settlement: &SettlementRecord) {
        let Some(position) = self.portfolio.positions.get_mut(&settlement.ticker) else {
            return;
        };
        if let Some(payout) = position.settle(settlement.yes_value) {
            position.fees = position.fees.saturating_add(settlement.fee);
            let received = payout.saturating_sub(settlement.fee);
            self.portfolio.cash = self.portfolio.cash.saturating_add(received);
        }
    }

    /// Takes an order's new state.
    pub fn book_order(&mut self, update: &OrderUpdate) {
        let order = &update.order;
        if order.state.is_terminal() {
            self.portfolio.open_orders.remove(&order.client_order_id);
        } else {
            self.portfolio
                .open_orders
                .insert(order.client_order_id.clone(), order.clone());
        }
    }

    /// Remembers what a book says positions are worth. A side without bids says nothing: its last mark stays.
    pub fn see_book(&mut self, book: &Book) {
        let marks = self.marks.entry(book.ticker.clone()).or_default();
        marks.long = book.yes_bids().first().map(|level| level.price).or(marks.long);
        marks.short = book.no_bids().first().map(|level| level.price).or(marks.short);
    }

    /// Forgets the marks of markets that are no longer known.
    pub fn retain_marks(&mut self, known: impl Fn(&Ticker) -> bool) {
        self.marks.retain(|ticker, _| known(ticker));
    }

    /// What a position would fetch at its last mark; `None` when it never had one.
    fn mark_of(&self, ticker: &Ticker, position: &Position) -> Option<Money> {
        if position.net.is_flat() {
            return Some(Money::ZERO);
        }
        let marks = self.marks.get(ticker)?;
        let price = if position.net.raw() > 0 {
            marks.long
        } else {
            marks.short
        };
        price?.times(position.net.size())
    }

    /// What the positions would fetch at their last marks; one that never had a mark counts at cost.
    ///
    /// A market that closed keeps its last mark until it settles.
    #[must_use]
    pub fn marked(&self) -> Money {
        let worth = |(ticker, position)| self.mark_of(ticker, position).unwrap_or(position.cost);
        self.portfolio.positions.iter().map(worth).sum()
    }

    /// Cash plus marked positions.
    #[must_use]
    pub fn equity(&self) -> Money {
        self.portfolio.cash.saturating_add(self.marked())
    }

    /// The figures that limits of loss look at, with the New York day and the peak brought up to date.
    ///
    /// `None` while an open position has no mark: a guess would trip a limit, or hide that one is broken.
    pub fn figures(&mut self, at: DateTime<Utc>) -> Option<Figures> {
        let complete = self
            .portfolio
            .positions
            .iter()
            .all(|(ticker, position)| self.mark_of(ticker, position).is_some());
        if !complete {
            return None;
        }
        let equity = self.equity();
        let today = at.with_timezone(&New_York).date_naive();
        if self.day != Some(today) {
            self.day = Some(today);
            self.day_open_equity = equity;
        }
        self.peak_equity = self.peak_equity.max(equity);
        Some(Figures {
            day: today,
            equity,
            day_open_equity: self.day_open_equity,
            opening_equity: self.opening_cash,
            peak_equity: self.peak_equity,
        })
    }

    /// Realised profit of all positions, fees apart.
    #[must_use]
    pub fn realized(&self) -> Money {
        self.portfolio
            .positions
            .values()
            .map(|position| position.realized)
            .sum()
    }

    /// Fees paid on all positions.
    #[must_use]
    pub fn fees(&self) -> Money {
        self.portfolio
            .positions
            .values()
            .map(|position| position.fees)
            .sum()
    }

    /// Cost of all open positions.
    #[must_use]
    pub fn cost(&self) -> Money {
        self.portfolio
            .positions
            .values()
            .map(|position| position.cost)
            .sum()
    }
}
