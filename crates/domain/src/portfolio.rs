//! Cash, positions and open orders as of a decision.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::{ClientOrderId, Money, Order, Position, Price, Ticker};

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

/// What we own and owe.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Portfolio {
    /// Spendable collateral, before what open orders reserve.
    pub cash: Money,
    /// Positions by market; flat ones stay for their realised profit.
    pub positions: BTreeMap<Ticker, Position>,
    /// Orders that are not terminal, approved but unsent ones included.
    pub open_orders: BTreeMap<ClientOrderId, Order>,
}

impl Portfolio {
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
}
