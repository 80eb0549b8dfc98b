//! Accounts: cash, holdings and what a participant can still spend.

use std::collections::{BTreeMap, BTreeSet};

use autotrader_domain::{BookSide, Contracts, EventTicker, Money, Net, SettlementResult, Ticker};
use chrono::{DateTime, Utc};
use serde::Serialize;

use super::group::OrderGroup;
use super::ids::{AccountId, OrderGroupId, OrderId, UserId};

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
    /// The part of those fees that was paid for the contracts held now.
    pub fee_cost: Money,
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
    /// The account's balance after it: cash and returned collateral, what the settlement changes in the return not yet
    /// included.
    pub balance: Money,
    /// When.
    pub at: DateTime<Utc>,
}

/// What an account has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct BalanceView {
    /// Cash, resting orders not deducted and returned collateral not added.
    pub cash: Money,
    /// Collateral given back on NO positions of mutually exclusive events; nothing without netting.
    pub returned: Money,
    /// What resting orders could cost.
    pub reserved: Money,
    /// Cash plus returned collateral minus reserve.
    pub available: Money,
    /// What the contracts held are worth at the last price of their markets (cost where none traded).
    pub portfolio_value: Money,
}

impl BalanceView {
    /// What the real exchange calls the balance: cash and returned collateral, resting orders not deducted.
    #[must_use]
    pub const fn balance(&self) -> Money {
        self.cash.saturating_add(self.returned)
    }
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
    /// Whether collateral is given back on NO positions of mutually exclusive events.
    pub netting: bool,
    /// Client ids ever used, and when.
    pub(crate) client_ids: BTreeMap<String, DateTime<Utc>>,
    /// Its order groups.
    pub(crate) groups: BTreeMap<OrderGroupId, OrderGroup>,
    /// Until when orders newly placed may be cancelled after a cancel of all.
    pub(crate) swept_until: Option<DateTime<Utc>>,
    /// Its orders on the book, per market.
    pub(crate) resting: BTreeMap<Ticker, BTreeSet<OrderId>>,
    /// All its orders in the order of acceptance (members only).
    pub(crate) history: Vec<OrderId>,
    /// What its resting orders could cost, per market.
    reserved: BTreeMap<Ticker, Money>,
    /// What netting gives back, per event.
    returned: BTreeMap<EventTicker, Money>,
    opening: Money,
    /// How cash and holdings looked after each change (members only), for reads that lag.
    past: Vec<Change>,
}

/// The cash, the returns and one market's holding after a change.
#[derive(Debug, Clone)]
struct Change {
    at: DateTime<Utc>,
    cash: Money,
    returned: Money,
    holding: Option<(Ticker, Holding)>,
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
            netting: false,
            client_ids: BTreeMap::new(),
            groups: BTreeMap::new(),
            swept_until: None,
            resting: BTreeMap::new(),
            history: Vec::new(),
            reserved: BTreeMap::new(),
            returned: BTreeMap::new(),
            opening: cash,
            past: Vec::new(),
        }
    }

    /// Notes how cash, returns and one market's holding are now.
    pub(crate) fn note_change(&mut self, ticker: Option<&Ticker>, at: DateTime<Utc>) {
        if self.kind == AccountKind::House {
            return;
        }
        let held = |ticker: &Ticker| Some((ticker.clone(), self.holdings.get(ticker)?.clone()));
        self.past.push(Change {
            at,
            cash: self.cash,
            returned: self.returned(),
            holding: ticker.and_then(held),
        });
    }

    /// A member's cash, returns and holdings as they were at a time; a house account keeps no past and shows the present.
    pub(crate) fn as_of(&self, at: DateTime<Utc>) -> (Money, Money, BTreeMap<Ticker, Holding>) {
        if self.kind == AccountKind::House || self.updated_at <= at {
            return (self.cash, self.returned(), self.holdings.clone());
        }
        let (mut cash, mut returned) = (self.opening, Money::ZERO);
        let mut holdings = BTreeMap::new();
        for change in self.past.iter().take_while(|change| change.at <= at) {
            (cash, returned) = (change.cash, change.returned);
            holdings.extend(change.holding.clone());
        }
        (cash, returned, holdings)
    }

    /// Collateral given back on NO positions of mutually exclusive events.
    #[must_use]
    pub fn returned(&self) -> Money {
        self.returned.values().copied().sum()
    }

    /// Cash and returned collateral, resting orders not deducted.
    #[must_use]
    pub fn balance(&self) -> Money {
        self.cash.saturating_add(self.returned())
    }

    /// What it can still spend: the balance minus what its resting orders could cost.
    #[must_use]
    pub fn spendable(&self) -> Money {
        self.balance().saturating_sub(self.reserved())
    }

    pub(crate) fn returned_of(&self, event: &EventTicker) -> Money {
        self.returned.get(event).copied().unwrap_or(Money::ZERO)
    }

    pub(crate) fn set_returned(&mut self, event: &EventTicker, money: Money) {
        if money == Money::ZERO {
            self.returned.remove(event);
        } else {
            self.returned.insert(event.clone(), money);
        }
    }

    pub(crate) fn forget_resting(&mut self, ticker: &Ticker, id: OrderId) {
        if let Some(ids) = self.resting.get_mut(ticker) {
            ids.remove(&id);
            if ids.is_empty() {
                self.resting.remove(ticker);
            }
        }
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
            fee_cost: Money::ZERO,
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
