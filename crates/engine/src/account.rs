//! The account as the core keeps it: cash, positions, open orders, and the figures that limits look at.

use std::collections::BTreeMap;

use autotrader_domain::position::cash_of_fill;
use autotrader_domain::{
    Book, Fill, Market, MarketStatus, Money, OrderUpdate, Portfolio, PositionError, SettlementRecord, Ticker,
};
use autotrader_risk::Figures;
use chrono::{DateTime, NaiveDate, Utc};
use chrono_tz::America::New_York;

/// Cash, positions and open orders, booked to the micro-dollar.
#[derive(Debug, Clone, Default)]
pub struct Account {
    /// What we own and owe.
    pub portfolio: Portfolio,
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
            opening_cash: cash,
            day: None,
            day_open_equity: cash,
            peak_equity: cash,
        }
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

    /// What the positions would fetch now.
    ///
    /// A market that does not trade is marked at cost until it settles: its book says nothing any more.
    #[must_use]
    pub fn marks(&self, markets: &BTreeMap<Ticker, Market>, books: &BTreeMap<Ticker, Book>) -> Money {
        self.portfolio
            .positions
            .iter()
            .map(|(ticker, position)| {
                let trades = markets
                    .get(ticker)
                    .is_some_and(|market| market.status == MarketStatus::Active);
                match books.get(ticker) {
                    Some(book) if trades => book.mark(position.net),
                    _ => position.cost,
                }
            })
            .sum()
    }

    /// The figures that limits of loss look at, with the New York day and the peak brought up to date.
    pub fn figures(
        &mut self,
        at: DateTime<Utc>,
        markets: &BTreeMap<Ticker, Market>,
        books: &BTreeMap<Ticker, Book>,
    ) -> Figures {
        let equity = self.portfolio.cash.saturating_add(self.marks(markets, books));
        let today = at.with_timezone(&New_York).date_naive();
        if self.day != Some(today) {
            self.day = Some(today);
            self.day_open_equity = equity;
        }
        self.peak_equity = self.peak_equity.max(equity);
        Figures {
            equity,
            day_open_equity: self.day_open_equity,
            opening_equity: self.opening_cash,
            peak_equity: self.peak_equity,
        }
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
