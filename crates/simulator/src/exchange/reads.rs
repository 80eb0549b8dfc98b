//! What can be read: listings, books, orders, fills, positions, balances, the ledger's total.

use std::collections::BTreeMap;

use autotrader_domain::{BookSide, Contracts, EventTicker, Money, Net, Price, SeriesTicker, Ticker};
use chrono::{DateTime, Utc};

use super::Exchange;
use super::account::{Account, AccountKind, BalanceView, Holding, SettlementEntry};
use super::book::BookView;
use super::fees::trade_fee;
use super::ids::{AccountId, OrderId};
use super::listing::{Event, FeeModel, Market, Series};
use super::log::ExchangeLog;
use super::order::{FillRecord, OrderRecord, TradeRecord};
use super::refusal::Refusal;

impl Exchange {
    /// The time up to which everything has happened.
    #[must_use]
    pub const fn now(&self) -> DateTime<Utc> {
        self.now
    }

    /// Whether order operations are answered at all.
    #[must_use]
    pub const fn is_exchange_active(&self) -> bool {
        self.exchange_active
    }

    /// Whether new orders are taken.
    #[must_use]
    pub const fn is_trading_active(&self) -> bool {
        self.exchange_active && self.trading_active && !self.is_in_maintenance()
    }

    /// The exchange's clock: counts book changes, so a snapshot taken now contains every change up to it.
    #[must_use]
    pub const fn clock(&self) -> u64 {
        self.clock
    }

    /// All series, by name.
    pub fn all_series(&self) -> impl Iterator<Item = &Series> {
        self.series.values()
    }

    /// One series.
    #[must_use]
    pub fn series(&self, ticker: &SeriesTicker) -> Option<&Series> {
        self.series.get(ticker)
    }

    /// All events, by name.
    pub fn all_events(&self) -> impl Iterator<Item = &Event> {
        self.events.values()
    }

    /// One event.
    #[must_use]
    pub fn event(&self, ticker: &EventTicker) -> Option<&Event> {
        self.events.get(ticker)
    }

    /// All markets, by name.
    pub fn all_markets(&self) -> impl Iterator<Item = &Market> {
        self.markets.values()
    }

    /// One market.
    #[must_use]
    pub fn market(&self, ticker: &Ticker) -> Option<&Market> {
        self.markets.get(ticker)
    }

    /// The sizes on one market's book; `None` when it is not listed.
    #[must_use]
    pub fn book(&self, ticker: &Ticker) -> Option<BookView> {
        self.markets.get(ticker).map(|market| market.ladder.view())
    }

    /// One account.
    #[must_use]
    pub fn account(&self, id: AccountId) -> Option<&Account> {
        self.accounts.get(id.0 as usize)
    }

    /// All accounts in the order of their opening.
    #[must_use]
    pub fn accounts(&self) -> &[Account] {
        &self.accounts
    }

    pub(super) fn account_mut(&mut self, id: AccountId) -> Option<&mut Account> {
        self.accounts.get_mut(id.0 as usize)
    }

    pub(super) fn is_member(&self, id: AccountId) -> bool {
        self.account(id)
            .is_some_and(|account| account.kind == AccountKind::Member)
    }

    /// What an account holds or held, per market; empty for an unknown account.
    #[must_use]
    pub fn positions(&self, account: AccountId) -> BTreeMap<Ticker, Holding> {
        self.account(account)
            .map(|account| account.holdings.clone())
            .unwrap_or_default()
    }

    /// What a member held, per market, at a time; house accounts keep no past and show the present.
    #[must_use]
    pub fn positions_as_of(&self, account: AccountId, at: DateTime<Utc>) -> BTreeMap<Ticker, Holding> {
        self.account(account)
            .map(|account| account.as_of(at).2)
            .unwrap_or_default()
    }

    /// What an account had at a time: cash, and holdings at today's prices; house accounts show the present.
    #[must_use]
    pub fn balance_as_of(&self, account: AccountId, at: DateTime<Utc>) -> Option<BalanceView> {
        let account = self.account(account)?;
        let (cash, returned, holdings) = account.as_of(at);
        Some(self.valued(cash, returned, account.reserved(), &holdings))
    }

    /// An account's net position in one market.
    #[must_use]
    pub fn position(&self, account: AccountId, ticker: &Ticker) -> Net {
        self.account(account)
            .and_then(|account| account.holdings.get(ticker))
            .map_or(Net::ZERO, |holding| holding.net)
    }

    /// What an account has; `None` when it is unknown.
    #[must_use]
    pub fn balance(&self, account: AccountId) -> Option<BalanceView> {
        let account = self.account(account)?;
        Some(self.valued(
            account.cash,
            account.returned(),
            account.reserved(),
            &account.holdings,
        ))
    }

    fn valued(
        &self,
        cash: Money,
        returned: Money,
        reserved: Money,
        holdings: &BTreeMap<Ticker, Holding>,
    ) -> BalanceView {
        let worth = |(ticker, holding): (&Ticker, &Holding)| {
            let last = self.markets.get(ticker).and_then(|market| market.last_price);
            let size = holding.net.size();
            match last {
                Some(price) if holding.net.raw() > 0 => price.times(size).unwrap_or(Money::ZERO),
                Some(price) => price.complement().times(size).unwrap_or(Money::ZERO),
                None => holding.cost,
            }
        };
        BalanceView {
            cash,
            returned,
            reserved,
            available: cash.saturating_add(returned).saturating_sub(reserved),
            portfolio_value: holdings.iter().map(worth).sum(),
        }
    }

    /// One order of an account, whatever became of it (finished orders of house accounts are forgotten).
    #[must_use]
    pub fn order(&self, account: AccountId, id: OrderId) -> Option<&OrderRecord> {
        self.orders.get(&id).filter(|order| order.account == account)
    }

    /// A member's orders in the order of acceptance.
    pub fn orders(&self, account: AccountId) -> impl DoubleEndedIterator<Item = &OrderRecord> {
        let history = self
            .account(account)
            .map(|account| account.history.as_slice())
            .unwrap_or_default();
        history.iter().filter_map(|id| self.orders.get(id))
    }

    /// An account's orders on the book of one market.
    pub fn resting(&self, account: AccountId, ticker: &Ticker) -> impl Iterator<Item = &OrderRecord> {
        self.account(account)
            .and_then(|account| account.resting.get(ticker))
            .into_iter()
            .flatten()
            .filter_map(|id| self.orders.get(id))
    }

    /// How a member's order looked at a time; `None` when it is unknown or did not exist yet.
    #[must_use]
    pub fn order_as_of(&self, account: AccountId, id: OrderId, at: DateTime<Utc>) -> Option<&OrderRecord> {
        self.order(account, id)?;
        self.versions
            .get(&id)?
            .iter()
            .rev()
            .find(|version| version.updated_at <= at)
    }

    /// A member's fills, oldest first.
    pub fn fills(&self, account: AccountId) -> impl DoubleEndedIterator<Item = &FillRecord> {
        self.fills.iter().filter(move |fill| fill.account == account)
    }

    /// An account's settlements, oldest first.
    pub fn settlements(&self, account: AccountId) -> impl DoubleEndedIterator<Item = &SettlementEntry> {
        self.settlements
            .iter()
            .filter(move |entry| entry.account == account)
    }

    /// All trades, oldest first.
    #[must_use]
    pub fn trades(&self) -> &[TradeRecord] {
        &self.trades
    }

    /// The raw log.
    #[must_use]
    pub const fn log(&self) -> &ExchangeLog {
        &self.log
    }

    /// Fees the exchange has kept.
    #[must_use]
    pub const fn fees_kept(&self) -> Money {
        self.fees_kept
    }

    /// What all accounts were opened with.
    #[must_use]
    pub const fn opening_cash(&self) -> Money {
        self.opening_cash
    }

    /// Cash of all accounts, plus one dollar for every open pair of contracts, plus fees kept: always equals
    /// [`Exchange::opening_cash`].
    #[must_use]
    pub fn total(&self) -> Money {
        let cash: Money = self.accounts.iter().map(|account| account.cash).sum();
        let pairs: Money = self
            .markets
            .values()
            .map(|market| Price::ONE.times(market.open_interest).unwrap_or(Money::ZERO))
            .sum();
        cash.saturating_add(pairs).saturating_add(self.fees_kept)
    }

    /// Contracts that match before an account's resting order does, by price and time.
    ///
    /// # Errors
    /// [`Refusal::NotFound`] for an order that is not the account's or does not rest.
    pub fn queue_position(&self, account: AccountId, id: OrderId) -> Result<Contracts, Refusal> {
        let order = self.order(account, id).ok_or(Refusal::NotFound)?;
        let market = self.markets.get(&order.asked.ticker).ok_or(Refusal::NotFound)?;
        let ahead = market
            .ladder
            .ahead_of(order.asked.side, order.asked.price, id)
            .ok_or(Refusal::NotFound)?;
        Ok(Contracts::from_raw(ahead).unwrap_or(Contracts::ZERO))
    }

    pub(super) fn refresh_reserve(&mut self, account: AccountId, ticker: &Ticker) {
        let Some(market) = self.markets.get(ticker) else {
            return;
        };
        let (model, multiplier) = self.fee_terms(market);
        let mut quotes: Vec<(BookSide, Price, i64)> = self
            .resting(account, ticker)
            .map(|order| (order.asked.side, order.asked.price, order.remaining.raw()))
            .collect();
        let empty = Holding::empty(self.now);
        let Some(holder) = self.account(account) else {
            return;
        };
        let nets = self.nets(holder, &market.listing.event);
        let holding = holder.holdings.get(ticker).unwrap_or(&empty);
        let money = reserve(holding, &mut quotes, model, multiplier, nets);
        if let Some(holder) = self.account_mut(account) {
            holder.set_reserved(ticker, money);
        }
    }
}

/// What resting quotes of one market could cost: on each side the best ones first close the holding for nothing, the
/// rest costs its outcome's price; maker fees are added where the series charges them.
///
/// With netting in a mutually exclusive event (`nets`) a bid holds back its full price even where it closes NO contracts: the
/// closed pair pays a dollar, but its NO contract's return of up to a dollar ends.
pub(super) fn reserve(
    holding: &Holding,
    quotes: &mut [(BookSide, Price, i64)],
    model: FeeModel,
    multiplier: u32,
    nets: bool,
) -> Money {
    quotes.sort_by_key(|(side, price, _)| match side {
        BookSide::Bid => (0, -price.raw()),
        BookSide::Ask => (1, price.raw()),
    });
    let mut covered_bids = if nets { 0 } else { holding.closable(BookSide::Bid) };
    let mut covered_asks = holding.closable(BookSide::Ask);
    let mut total = Money::ZERO;
    for &mut (side, price, count) in quotes {
        let (covered, outcome) = match side {
            BookSide::Bid => (&mut covered_bids, price),
            BookSide::Ask => (&mut covered_asks, price.complement()),
        };
        let free = count.min(*covered);
        *covered -= free;
        let size = Contracts::from_raw(count).unwrap_or(Contracts::ZERO);
        let fee = trade_fee(model, multiplier, false, price, size);
        total = total
            .saturating_add(Money::micros(outcome.raw() * (count - free)))
            .saturating_add(fee);
    }
    total
}
