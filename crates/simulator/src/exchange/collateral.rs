//! Collateral returned on NO positions of mutually exclusive events (`MECNET`).
//!
//! At most one market of such an event resolves YES, so at most one NO position loses. For an account with netting enabled
//! the exchange gives back, before settlement, what is certain to be paid: with `q` the NO contracts held in the event's
//! markets that are not settled, `Σ q − max q` dollars, and once one market is determined YES, the whole `Σ q` of the others.
//!
//! The return is a function of positions and is kept apart from cash: what fills and settlements do to cash stays as it is
//! without netting, and what can be spent is cash plus returns minus the reserve for resting orders. The reserve stays per
//! market and takes the worst case: a bid that closes NO contracts holds back its full price, since each contract it closes
//! may end a return of one dollar for the one dollar that the closed pair pays.

use autotrader_domain::{Contracts, EventTicker, MarketStatus, Money, Price, SettlementResult, Ticker};
use chrono::{DateTime, Utc};

use super::Exchange;
use super::account::{Account, Holding};
use super::ids::AccountId;
use super::log::LogEntry;
use super::refusal::Refusal;

impl Exchange {
    /// Enables or disables netting for an account; returns are given or taken back at once.
    ///
    /// # Errors
    /// [`Refusal::NotFound`] for an unknown account; [`Refusal::InsufficientBalance`] when the account has already spent the
    /// returns that disabling takes back, or cannot hold back what enabling reserves for its resting orders.
    pub fn set_netting(
        &mut self,
        account: AccountId,
        enabled: bool,
        at: DateTime<Utc>,
    ) -> Result<(), Refusal> {
        self.tick(at);
        let before = self.account(account).ok_or(Refusal::NotFound)?.netting;
        self.switch_netting(account, enabled);
        if self
            .account(account)
            .is_some_and(|holder| holder.spendable().is_negative())
        {
            self.switch_netting(account, before);
            return Err(Refusal::InsufficientBalance);
        }
        Ok(())
    }

    fn switch_netting(&mut self, account: AccountId, enabled: bool) {
        let now = self.now;
        let Some(holder) = self.account_mut(account) else {
            return;
        };
        holder.netting = enabled;
        let held: Vec<Ticker> = holder.holdings.keys().cloned().collect();
        let quoted: Vec<Ticker> = holder.resting.keys().cloned().collect();
        self.log.push(LogEntry::Netting {
            at: now,
            account,
            enabled,
        });
        for ticker in held {
            self.refresh_return(account, &ticker);
        }
        for ticker in quoted {
            self.refresh_reserve(account, &ticker);
        }
        if let Some(holder) = self.account_mut(account) {
            holder.note_change(None, now);
        }
    }

    /// Whether an account gets collateral back in an event.
    pub(super) fn nets(&self, holder: &Account, event: &EventTicker) -> bool {
        holder.netting
            && self
                .events
                .get(event)
                .is_some_and(|event| event.listing.mutually_exclusive)
    }

    /// All returns of an account if it held `holding` in the market `ticker` of `event`.
    pub(super) fn return_after(
        &self,
        holder: &Account,
        event: &EventTicker,
        ticker: &Ticker,
        holding: &Holding,
    ) -> Money {
        if !self.nets(holder, event) {
            return holder.returned();
        }
        let here = self.event_return(holder, event, Some((ticker, holding)));
        holder
            .returned()
            .saturating_sub(holder.returned_of(event))
            .saturating_add(here)
    }

    /// What an account gets back in one event, one of its holdings replaced by another.
    fn event_return(
        &self,
        holder: &Account,
        event: &EventTicker,
        instead: Option<(&Ticker, &Holding)>,
    ) -> Money {
        let Some(listed) = self.events.get(event).filter(|_| self.nets(holder, event)) else {
            return Money::ZERO;
        };
        let has_won = |ticker: &&Ticker| {
            self.markets.get(*ticker).is_some_and(|market| {
                let decided = matches!(
                    market.status,
                    MarketStatus::Determined | MarketStatus::Amended | MarketStatus::Finalized
                );
                decided
                    && market
                        .determination
                        .is_some_and(|determination| determination.result == SettlementResult::Yes)
            })
        };
        let winner = listed.markets.iter().find(has_won);
        let (mut total, mut largest) = (0, 0);
        for ticker in listed.markets.iter().filter(|ticker| winner != Some(ticker)) {
            let settled = self
                .markets
                .get(ticker)
                .is_none_or(|market| market.status == MarketStatus::Finalized);
            let holding = match instead {
                Some((other, holding)) if other == ticker => Some(holding),
                _ => holder.holdings.get(ticker),
            };
            let no = holding.map_or(0, |holding| (-holding.net.raw()).max(0));
            if !settled {
                total += no;
                largest = no.max(largest);
            }
        }
        let certain = if winner.is_some() { total } else { total - largest };
        Contracts::from_raw(certain)
            .and_then(|count| Price::ONE.times(count))
            .unwrap_or(Money::ZERO)
    }

    /// Works an account's return in the event of a market out again, after a fill or a step of the market.
    pub(super) fn refresh_return(&mut self, account: AccountId, ticker: &Ticker) {
        let now = self.now;
        let Some(event) = self
            .markets
            .get(ticker)
            .map(|market| market.listing.event.clone())
        else {
            return;
        };
        let Some(holder) = self.account(account) else {
            return;
        };
        let before = holder.returned_of(&event);
        let returned = self.event_return(holder, &event, None);
        if returned == before {
            return;
        }
        let Some(holder) = self.account_mut(account) else {
            return;
        };
        holder.set_returned(&event, returned);
        holder.updated_at = now;
        let balance = holder.balance();
        self.log.push(LogEntry::CollateralReturn {
            at: now,
            account,
            event,
            returned,
            change: returned.saturating_sub(before),
            balance,
        });
    }

    /// Works the returns of all accounts in the event of a market out again.
    pub(super) fn refresh_returns(&mut self, ticker: &Ticker) {
        let now = self.now;
        let netting: Vec<AccountId> = self
            .accounts
            .iter()
            .filter(|account| account.netting)
            .map(|account| account.id)
            .collect();
        for account in netting {
            self.refresh_return(account, ticker);
            if let Some(holder) = self.account_mut(account) {
                holder.note_change(None, now);
            }
        }
    }

    /// Adds cash to an account.
    ///
    /// # Errors
    /// [`Refusal::NotFound`] for an unknown account; [`Refusal::InvalidParameters`] for a negative amount.
    pub fn deposit(&mut self, account: AccountId, cash: Money, at: DateTime<Utc>) -> Result<(), Refusal> {
        self.tick(at);
        if cash.is_negative() {
            return Err(Refusal::InvalidParameters("amount"));
        }
        let now = self.now;
        let holder = self.account_mut(account).ok_or(Refusal::NotFound)?;
        holder.cash = holder.cash.saturating_add(cash);
        holder.updated_at = now;
        holder.note_change(None, now);
        let balance = holder.balance();
        self.opening_cash = self.opening_cash.saturating_add(cash);
        self.log.push(LogEntry::Deposit {
            at: now,
            account,
            cash,
            balance,
        });
        Ok(())
    }
}
