//! Accounts: cash, holdings and what a participant can still spend.

use std::collections::{BTreeMap, BTreeSet};

use autotrader_domain::{BookSide, Contracts, EventTicker, Money, Net, SettlementResult, Ticker};
use chrono::{DateTime, Utc};
use serde::Serialize;

use super::ids::{AccountId, OrderId, UserId};

/// What an account is to the exchange.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum AccountKind {
    /// A participant whose orders, fills and requests are kept and logged for ever.
    Member,
    /// A part of the scenery, such as a market maker: its finished orders and requests are forgotten, its fills are
    /// kept only as public trades, so that days of quoting stay small in memory.
    House,
}

/// What an account holds in one market.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Holding {
    /// Contracts held: positive YES, negative NO.
    pub net: Net,
    /// What the contracts held cost, fees apart: the market exposure.
    pub cost: Money,
    /// Profit locked in by closing trades and settlement, fees apart.
    pub realized: Money,
    /// Fees paid.
    pub fees: Money,
    /// Spent on opening contracts plus earned by closing them, at their prices.
    pub traded: Money,
    /// Contracts traded, both directions added.
    pub traded_contracts: Contracts,
    /// When it last changed.
    pub updated_at: DateTime<Utc>,
}

/// A settlement as the account sees it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SettlementEntry {
    /// Whose it is.
    pub account: AccountId,
    /// The market.
    pub ticker: Ticker,
    /// Its event.
    pub event: EventTicker,
    /// How the market was decided.
    pub result: SettlementResult,
    /// What one YES contract paid.
    pub value: autotrader_domain::Price,
    /// YES contracts held.
    pub yes_count: Contracts,
    /// What they had cost.
    pub yes_cost: Money,
    /// NO contracts held.
    pub no_count: Contracts,
    /// What they had cost.
    pub no_cost: Money,
    /// What was paid, rounded down to whole cents.
    pub revenue: Money,
    /// The part of the payout below a cent that the exchange keeps.
    pub settlement_fee: Money,
    /// Fees paid in this market, the settlement fee included.
    pub fees: Money,
    /// When.
    pub at: DateTime<Utc>,
}

/// What an account has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct BalanceView {
    /// Cash, resting orders not deducted: what the real exchange calls the balance.
    pub cash: Money,
    /// What resting orders could cost.
    pub reserved: Money,
    /// Cash minus reserve.
    pub available: Money,
    /// What the contracts held are worth at the last price of their markets (cost where none traded).
    pub portfolio_value: Money,
}

/// An account.
#[derive(Debug, Clone)]
pub struct Account {
    /// Its id.
    pub id: AccountId,
    /// A name for logs.
    pub name: String,
    /// What it is to the exchange.
    pub kind: AccountKind,
    /// The person behind it.
    pub user: UserId,
    /// Its cash.
    pub cash: Money,
    /// What it holds or held, per market.
    pub holdings: BTreeMap<Ticker, Holding>,
    /// When cash, orders or holdings last changed.
    pub updated_at: DateTime<Utc>,
    /// Client ids ever used.
    pub(crate) client_ids: BTreeSet<String>,
    /// Its orders on the book, per market.
    pub(crate) resting: BTreeMap<Ticker, BTreeSet<OrderId>>,
    /// All its orders in the order of acceptance (members only).
    pub(crate) history: Vec<OrderId>,
    /// What its resting orders could cost, per market.
    reserved: BTreeMap<Ticker, Money>,
    opening: Money,
    /// How cash and holdings looked after each change (members only), for reads that lag.
    past: Vec<Change>,
}

/// The cash and one market's holding after a change.
#[derive(Debug, Clone)]
struct Change {
    at: DateTime<Utc>,
    cash: Money,
    ticker: Ticker,
    holding: Holding,
}

impl Account {
    pub(crate) fn new(
        id: AccountId,
        name: &str,
        kind: AccountKind,
        user: UserId,
        cash: Money,
        at: DateTime<Utc>,
    ) -> Self {
        Self {
            id,
            name: name.to_owned(),
            kind,
            user,
            cash,
            holdings: BTreeMap::new(),
            updated_at: at,
            client_ids: BTreeSet::new(),
            resting: BTreeMap::new(),
            history: Vec::new(),
            reserved: BTreeMap::new(),
            opening: cash,
            past: Vec::new(),
        }
    }

    /// Notes how cash and one market's holding are now.
    pub(crate) fn note_change(&mut self, ticker: &Ticker, at: DateTime<Utc>) {
        if self.kind == AccountKind::Member
            && let Some(holding) = self.holdings.get(ticker).cloned()
        {
            let (cash, ticker) = (self.cash, ticker.clone());
            self.past.push(Change {
                at,
                cash,
                ticker,
                holding,
            });
        }
    }

    /// A member's cash and holdings as they were at a time; a house account keeps no past and shows the present.
    pub(crate) fn as_of(&self, at: DateTime<Utc>) -> (Money, BTreeMap<Ticker, Holding>) {
        if self.kind == AccountKind::House || self.updated_at <= at {
            return (self.cash, self.holdings.clone());
        }
        let mut cash = self.opening;
        let mut holdings = BTreeMap::new();
        for change in self.past.iter().take_while(|change| change.at <= at) {
            cash = change.cash;
            holdings.insert(change.ticker.clone(), change.holding.clone());
        }
        (cash, holdings)
    }

    /// What all its resting orders could cost.
    #[must_use]
    pub fn reserved(&self) -> Money {
        self.reserved.values().copied().sum()
    }

    pub(crate) fn reserved_outside(&self, ticker: &Ticker) -> Money {
        self.reserved
            .iter()
            .filter(|(other, _)| *other != ticker)
            .map(|(_, money)| *money)
            .sum()
    }

    pub(crate) fn set_reserved(&mut self, ticker: &Ticker, money: Money) {
        if money == Money::ZERO {
            self.reserved.remove(ticker);
        } else {
            self.reserved.insert(ticker.clone(), money);
        }
    }
}

impl Holding {
    pub(crate) const fn empty(at: DateTime<Utc>) -> Self {
        Self {
            net: Net::ZERO,
            cost: Money::ZERO,
            realized: Money::ZERO,
            fees: Money::ZERO,
            traded: Money::ZERO,
            traded_contracts: Contracts::ZERO,
            updated_at: at,
        }
    }

    /// Contracts that a trade on `side` would close instead of opening.
    pub(crate) fn closable(&self, side: BookSide) -> i64 {
        match side {
            BookSide::Bid => (-self.net.raw()).max(0),
            BookSide::Ask => self.net.raw().max(0),
        }
    }
}
