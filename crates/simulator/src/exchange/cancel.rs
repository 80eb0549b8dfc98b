//! Taking orders off the book.

use autotrader_domain::{Contracts, MarketStatus, Ticker};
use chrono::{DateTime, Utc};

use super::Exchange;
use super::ids::{AccountId, OrderId};
use super::log::LogEntry;
use super::order::{CancelAck, OrderStatus, UpdateReason};
use super::refusal::Refusal;

impl Exchange {
    /// Takes a resting order off the book; gives what was left of it, nothing when it does not rest.
    pub(super) fn remove(&mut self, id: OrderId, reason: Option<UpdateReason>) -> Option<Contracts> {
        let order = self.orders.get(&id)?;
        if order.status != OrderStatus::Resting {
            return None;
        }
        let (account, ticker) = (order.account, order.asked.ticker.clone());
        let (side, price, left) = (order.asked.side, order.asked.price, order.remaining);
        if let Some(market) = self.markets.get_mut(&ticker) {
            market.ladder.reduce(side, price, id, left.raw());
        }
        self.publish_level(&ticker, side, price, -left.raw());
        self.kill_remainder(id, reason);
        if let (Some(reason), true) = (reason, self.is_member(account)) {
            let entry = LogEntry::Removal {
                at: self.now,
                account,
                order_id: id,
                count: left,
                reason: reason.as_str(),
            };
            self.log.push(entry);
        }
        self.finish(id);
        Some(left)
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
            .is_some_and(|m| !matches!(m.status, MarketStatus::Active | MarketStatus::Inactive));
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

    /// Cancels all resting orders of an account, of one market or of all; gives how many there were.
    ///
    /// Does nothing while the exchange is paused.
    pub fn cancel_all(&mut self, account: AccountId, ticker: Option<&Ticker>, at: DateTime<Utc>) -> usize {
        self.tick(at);
        if !self.exchange_active {
            return 0;
        }
        let Some(holder) = self.account(account) else {
            return 0;
        };
        let ids: Vec<OrderId> = match ticker {
            Some(ticker) => holder
                .resting
                .get(ticker)
                .into_iter()
                .flatten()
                .copied()
                .collect(),
            None => holder.resting.values().flatten().copied().collect(),
        };
        for id in &ids {
            if self.is_member(account) {
                // Each of them is a request of its own in the log, so that the log alone explains every order.
                let answer = self.do_cancel(account, *id);
                self.log.push(LogEntry::CancelRequest {
                    at: self.now,
                    account,
                    order_id: *id,
                    accepted: answer.as_ref().ok().cloned(),
                    refused: answer.as_ref().err().map(Refusal::code),
                });
            } else {
                self.remove(*id, None);
            }
        }
        ids.len()
    }
}
