//! Taking orders off the book.

use autotrader_domain::{Contracts, MarketStatus, Ticker};
use chrono::{DateTime, TimeDelta, Utc};

use super::Exchange;
use super::ids::{AccountId, OrderId};
use super::log::LogEntry;
use super::order::{CancelAck, OrderStatus, UpdateReason};
use super::refusal::Refusal;

impl Exchange {
    /// Takes a resting order off the book; gives what was left of it, nothing when it does not rest.
    ///
    /// With a reason it is the exchange's own doing and logged as such.
    pub(super) fn remove(&mut self, id: OrderId, reason: Option<UpdateReason>) -> Option<Contracts> {
        let (account, left) = self.take_off(id, reason)?;
        if let Some(reason) = reason {
            self.log_removal(account, id, left, reason.as_str());
        }
        self.finish(id);
        Some(left)
    }

    /// As [`Exchange::remove`], logged with a word of its own.
    pub(super) fn remove_for(&mut self, id: OrderId, reason: Option<UpdateReason>, logged: &'static str) {
        if let Some((account, left)) = self.take_off(id, reason) {
            self.log_removal(account, id, left, logged);
            self.finish(id);
        }
    }

    fn take_off(&mut self, id: OrderId, reason: Option<UpdateReason>) -> Option<(AccountId, Contracts)> {
        let order = self.orders.get(&id)?;
        if order.status != OrderStatus::Resting {
            return None;
        }
        let (account, left) = (order.account, order.remaining);
        self.unrest(id);
        self.kill_remainder(id, reason);
        Some((account, left))
    }

    fn log_removal(&mut self, account: AccountId, order_id: OrderId, count: Contracts, reason: &'static str) {
        if self.is_member(account) {
            self.log.push(LogEntry::Removal {
                at: self.now,
                account,
                order_id,
                count,
                reason,
            });
        }
    }

    /// Cancels one resting order of an account.
    ///
    /// # Errors
    /// [`Refusal::NotFound`] for an unknown, foreign or finished order alike; [`Refusal::MarketInactive`] after the close;
    /// [`Refusal::ExchangePaused`].
    pub fn cancel(
        &mut self,
        account: AccountId,
        order_id: OrderId,
        at: DateTime<Utc>,
    ) -> Result<CancelAck, Refusal> {
        self.tick(at);
        let answer = self.do_cancel(account, order_id);
        if self.is_member(account) {
            self.log.push(LogEntry::CancelRequest {
                at: self.now,
                account,
                order_id,
                accepted: answer.as_ref().ok().cloned(),
                refused: answer.as_ref().err().map(Refusal::code),
            });
        }
        answer
    }

    fn do_cancel(&mut self, account: AccountId, order_id: OrderId) -> Result<CancelAck, Refusal> {
        if !self.exchange_active {
            return Err(Refusal::ExchangePaused);
        }
        let order = self
            .orders
            .get(&order_id)
            .filter(|o| o.account == account)
            .ok_or(Refusal::NotFound)?;
        let closed = self
            .markets
            .get(&order.asked.ticker)
            .is_some_and(|market| !is_open(market.status));
        if closed {
            return Err(Refusal::MarketInactive);
        }
        let client_order_id = order.asked.client_order_id.clone();
        let reduced_by = self.remove(order_id, None).ok_or(Refusal::NotFound)?;
        Ok(CancelAck {
            order_id,
            client_order_id,
            reduced_by,
            at: self.now,
        })
    }

    /// Cancels all resting orders of an account and gives how many there were; for a minute, orders that it newly places may be
    /// cancelled too, as the specification warns.
    ///
    /// Which of them are is decided by their ids, so equal runs cancel the same ones: one in four, a little after it was
    /// placed ([`Exchange::sweep_one_in`] sets another share). Orders in markets past their close are left to the close.
    ///
    /// # Errors
    /// [`Refusal::NotFound`] for an unknown account; [`Refusal::ExchangePaused`].
    pub fn cancel_all(&mut self, account: AccountId, at: DateTime<Utc>) -> Result<usize, Refusal> {
        self.tick(at);
        let holder = self.account(account).ok_or(Refusal::NotFound)?;
        if !self.exchange_active {
            return Err(Refusal::ExchangePaused);
        }
        let open = |ticker: &Ticker| {
            self.markets
                .get(ticker)
                .is_some_and(|market| is_open(market.status))
        };
        let ids: Vec<OrderId> = holder
            .resting
            .iter()
            .filter(|(ticker, _)| open(ticker))
            .flat_map(|(_, ids)| ids.iter().copied())
            .collect();
        if self.is_member(account) {
            self.log.push(LogEntry::CancelAllRequest {
                at: self.now,
                account,
                cancelled: ids.len(),
            });
            let until = self.now + AFTERMATH;
            if let Some(holder) = self.account_mut(account) {
                holder.swept_until = Some(until);
            }
        }
        for id in &ids {
            self.remove_for(*id, None, "CancelAll");
        }
        Ok(ids.len())
    }

    /// Cancels an account's resting orders in one market, as one cancel each, and gives how many there were; nothing while
    /// the exchange is paused.
    pub fn cancel_in_market(&mut self, account: AccountId, ticker: &Ticker, at: DateTime<Utc>) -> usize {
        self.tick(at);
        let Some(holder) = self.account(account).filter(|_| self.exchange_active) else {
            return 0;
        };
        let ids: Vec<OrderId> = holder
            .resting
            .get(ticker)
            .into_iter()
            .flatten()
            .copied()
            .collect();
        let now = self.now;
        // Each of a member's cancels is a request of its own in the log, so that the log alone explains every order.
        ids.iter()
            .filter(|id| self.cancel(account, **id, now).is_ok())
            .count()
    }

    /// Sets the share of new orders that the minute after a cancel of all cancels: one in `orders`, none for zero.
    pub const fn sweep_one_in(&mut self, orders: u32) {
        self.swept_one_in = orders;
    }

    /// Tosses the coin for an order placed in the minute after a cancel of all.
    pub(super) fn sweep_perhaps(&mut self, account: AccountId, id: OrderId) {
        let Some(until) = self
            .account(account)
            .and_then(|holder| holder.swept_until)
            .filter(|until| *until > self.now)
        else {
            return;
        };
        if self.swept_one_in == 0 || self.remaining(id).is_zero() {
            return;
        }
        // The low bits of an id are a hash of the seed and the count of ids.
        if id.0.is_multiple_of(u128::from(self.swept_one_in)) {
            let delay = i64::try_from((id.0 >> 32) % LATEST_SWEEP_MS).unwrap_or(0) + 1;
            self.agenda
                .sweep(until.min(self.now + TimeDelta::milliseconds(delay)), id);
        }
    }
}

/// How long after a cancel of all newly placed orders may be cancelled, from the specification.
const AFTERMATH: TimeDelta = TimeDelta::minutes(1);

/// How many new orders there are to one that the aftermath cancels; the specification names no share.
pub(super) const SWEPT_ONE_IN: u32 = 4;

/// The aftermath cancels an order at the latest this many milliseconds after it was placed; the specification names no time.
const LATEST_SWEEP_MS: u128 = 2_000;

/// Whether orders of a market may still be changed: before its close.
const fn is_open(status: MarketStatus) -> bool {
    matches!(status, MarketStatus::Active | MarketStatus::Inactive)
}
