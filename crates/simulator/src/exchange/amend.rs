//! Changing a resting order: amending its price, size, expiry or client id, and making it smaller.
//!
//! From the specification: the count of an amendment is the total that may fill, what is filled already included; sending the
//! current price and total keeps the place in the queue. That a smaller size keeps the place too, and a changed price or a
//! larger size loses it, is the usual convention of exchanges, which the specification does not state.

use autotrader_domain::{BookSide, Contracts, MarketStatus, Money, Price, Ticker, TimeInForce};
use chrono::{DateTime, Utc};
use serde::Serialize;

use super::Exchange;
use super::entry::{Executed, Incoming, LARGEST_ORDER, is_sound_client_id};
use super::ids::{AccountId, OrderId};
use super::log::LogEntry;
use super::order::{OrderRecord, UpdateReason};
use super::refusal::Refusal;

/// What an amendment does to an order's expiry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ExpirationChange {
    /// It stays as it is.
    Keep,
    /// It is removed: the order rests until cancelled.
    Remove,
    /// The order expires at this time.
    Set(DateTime<Utc>),
}

/// An amendment as a participant asks for it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct AmendOrder {
    /// The order's market.
    pub ticker: Ticker,
    /// The order's side.
    pub side: BookSide,
    /// The new limit, a YES price.
    pub price: Price,
    /// The new total: contracts filled already plus contracts that shall rest.
    pub count: Contracts,
    /// The order's client id, when the participant wants it checked.
    pub client_order_id: Option<String>,
    /// The client id that the order shall have from now on; it is spent for ever.
    pub updated_client_order_id: Option<String>,
    /// What happens to its expiry.
    pub expiration: ExpirationChange,
}

/// The answer to an accepted amendment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct AmendAck {
    /// The exchange's id, which stays.
    pub order_id: OrderId,
    /// The participant's id after the amendment.
    pub client_order_id: Option<String>,
    /// Contracts resting after it; only when it caused a fill or changed the resting size.
    pub remaining: Option<Contracts>,
    /// Contracts it filled by crossing the book; only when it caused a fill or changed the resting size.
    pub filled: Option<Contracts>,
    /// The sum of YES price times contracts of those fills.
    pub notional: Money,
    /// Their fees.
    pub fees: Money,
    /// When it was processed.
    pub at: DateTime<Utc>,
}

/// How an order shall become smaller.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Decrease {
    /// By this many contracts; as many as rest, or more, cancel the order.
    By(Contracts),
    /// To this many contracts resting; zero cancels the order.
    To(Contracts),
}

/// The answer to an accepted decrease.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct DecreaseAck {
    /// The exchange's id.
    pub order_id: OrderId,
    /// The participant's id.
    pub client_order_id: Option<String>,
    /// Contracts resting after it.
    pub remaining: Contracts,
    /// When it was processed.
    pub at: DateTime<Utc>,
}

impl Exchange {
    /// Amends a resting order.
    ///
    /// A changed price or a larger size sends the order to the end of its queue; a price that crosses takes first, as a new
    /// order would. A smaller size, another expiry or another client id leave it where it is.
    ///
    /// # Errors
    /// [`Refusal`]; nothing has changed then. A total that leaves nothing to rest is an [`Refusal::InvalidOrderSize`].
    pub fn amend(
        &mut self,
        account: AccountId,
        order_id: OrderId,
        amend: AmendOrder,
        at: DateTime<Utc>,
    ) -> Result<AmendAck, Refusal> {
        self.tick(at);
        let at_entry = self.log.len();
        let answer = self.do_amend(account, order_id, &amend);
        if self.is_member(account) {
            let entry = LogEntry::AmendRequest {
                at: self.now,
                account,
                order_id,
                amend,
                accepted: answer.as_ref().ok().cloned(),
                refused: answer.as_ref().err().map(Refusal::code),
            };
            self.log.insert(at_entry, entry);
        }
        answer
    }

    fn do_amend(
        &mut self,
        account: AccountId,
        order_id: OrderId,
        amend: &AmendOrder,
    ) -> Result<AmendAck, Refusal> {
        let order = self.changeable(account, order_id)?;
        self.check_amend(order, amend)?;
        let before = order.remaining;
        let left = amend.count.saturating_sub(order.filled);
        let moves = amend.price != order.asked.price || left > before;
        let executed = if moves {
            self.replace(account, order_id, amend, left)?
        } else {
            self.change_terms(account, order_id, amend);
            self.shrink(order_id, left, UpdateReason::Amend);
            Executed::default()
        };
        let client_order_id = amend
            .updated_client_order_id
            .clone()
            .or_else(|| self.order(account, order_id)?.asked.client_order_id.clone());
        let remaining = self.remaining(order_id);
        let says = executed.filled > 0 || remaining != before;
        Ok(AmendAck {
            order_id,
            client_order_id,
            remaining: says.then_some(remaining),
            filled: says.then(|| Contracts::from_raw(executed.filled).unwrap_or(Contracts::ZERO)),
            notional: executed.notional,
            fees: executed.fees,
            at: self.now,
        })
    }

    /// A resting order of the account in a market that takes changes.
    fn changeable(&self, account: AccountId, order_id: OrderId) -> Result<&OrderRecord, Refusal> {
        if !self.exchange_active {
            return Err(Refusal::ExchangePaused);
        }
        let order = self.order(account, order_id).ok_or(Refusal::NotFound)?;
        let status = self.markets.get(&order.asked.ticker).map(|market| market.status);
        match status {
            Some(MarketStatus::Active) if self.is_trading_active() => {}
            Some(MarketStatus::Active | MarketStatus::Inactive) => return Err(Refusal::TradingPaused),
            _ => return Err(Refusal::MarketInactive),
        }
        if order.remaining.is_zero() {
            return Err(Refusal::NotFound);
        }
        Ok(order)
    }

    fn check_amend(&self, order: &OrderRecord, amend: &AmendOrder) -> Result<(), Refusal> {
        let asked = &order.asked;
        if amend.ticker != asked.ticker {
            return Err(Refusal::OrderTickerMismatch);
        }
        if amend.side != asked.side {
            return Err(Refusal::OrderSideMismatch);
        }
        if amend.client_order_id.is_some() && amend.client_order_id != asked.client_order_id {
            return Err(Refusal::OrderIdAndClientOrderIdMismatch);
        }
        if amend.count <= order.filled || amend.count > LARGEST_ORDER {
            return Err(Refusal::InvalidOrderSize);
        }
        // An order that rests off a grid that came later may keep its price.
        let on_grid = self
            .markets
            .get(&asked.ticker)
            .is_some_and(|market| market.listing.prices.accepts(amend.price));
        if !on_grid && amend.price != asked.price {
            return Err(Refusal::InvalidPrice);
        }
        if let ExpirationChange::Set(expiry) = amend.expiration
            && expiry <= self.now
        {
            return Err(Refusal::InvalidOrder("expiration time in the past"));
        }
        let renamed = amend.updated_client_order_id.as_deref();
        if let Some(id) = renamed.filter(|id| asked.client_order_id.as_deref() != Some(id)) {
            if !is_sound_client_id(id) {
                return Err(Refusal::InvalidParameters("updated_client_order_id"));
            }
            let holder = self.account(order.account).ok_or(Refusal::NotFound)?;
            if holder.client_ids.contains_key(id) {
                return Err(Refusal::OrderAlreadyExists);
            }
        }
        Ok(())
    }

    /// Takes an order out of its queue and lets what shall rest meet the book again.
    fn replace(
        &mut self,
        account: AccountId,
        order_id: OrderId,
        amend: &AmendOrder,
        left: Contracts,
    ) -> Result<Executed, Refusal> {
        let order = self.order(account, order_id).ok_or(Refusal::NotFound)?;
        let market = self.markets.get(&amend.ticker).ok_or(Refusal::NotFound)?;
        let holder = self.account(account).ok_or(Refusal::NotFound)?;
        let plan = market.ladder.plan(
            amend.side,
            amend.price,
            left.raw(),
            account,
            order.asked.self_trade_prevention,
        );
        if order.asked.post_only && plan.meets_something() {
            return Err(Refusal::InvalidOrder("post only cross"));
        }
        let incoming = Incoming {
            ticker: &amend.ticker,
            side: amend.side,
            price: amend.price,
            count: left.raw(),
            rests: true,
            rounding: order.rounding,
            replaces: Some(order_id),
        };
        self.check_funds(holder, market, &incoming, &plan)?;
        self.unrest(order_id);
        self.change_terms(account, order_id, amend);
        if let Some(order) = self.orders.get_mut(&order_id) {
            order.remaining = left;
        }
        Ok(self.execute(order_id, &plan, None))
    }

    fn change_terms(&mut self, account: AccountId, order_id: OrderId, amend: &AmendOrder) {
        let now = self.now;
        if let Some(id) = &amend.updated_client_order_id {
            self.spend_client_id(account, Some(id));
        }
        let Some(order) = self.orders.get_mut(&order_id) else {
            return;
        };
        order.asked.price = amend.price;
        order.asked.count = amend.count;
        if let Some(id) = &amend.updated_client_order_id {
            order.asked.client_order_id = Some(id.clone());
        }
        match amend.expiration {
            ExpirationChange::Keep => {}
            ExpirationChange::Remove => {
                order.asked.time_in_force = TimeInForce::GoodTillCanceled { expires_at: None };
            }
            ExpirationChange::Set(expiry) => {
                order.asked.time_in_force = TimeInForce::GoodTillCanceled {
                    expires_at: Some(expiry),
                };
                self.agenda.expire(expiry, order_id);
            }
        }
        order.reason = Some(UpdateReason::Amend);
        order.updated_at = now;
    }

    /// Makes a resting order smaller without moving it; nothing left takes it off the book.
    fn shrink(&mut self, order_id: OrderId, left: Contracts, reason: UpdateReason) {
        let now = self.now;
        let Some(order) = self.orders.get_mut(&order_id) else {
            return;
        };
        if left.is_zero() {
            self.remove(order_id, Some(reason));
            return;
        }
        let cut = order.remaining.saturating_sub(left);
        order.remaining = left.min(order.remaining);
        order.reason = Some(reason);
        order.updated_at = now;
        let (account, ticker) = (order.account, order.asked.ticker.clone());
        let (side, price) = (order.asked.side, order.asked.price);
        if !cut.is_zero() {
            if let Some(market) = self.markets.get_mut(&ticker) {
                market.ladder.reduce(side, price, order_id, cut.raw());
            }
            self.publish_level(&ticker, side, price, -cut.raw(), Some(order_id));
        }
        self.announce(order_id);
        self.refresh_reserve(account, &ticker);
    }

    /// Makes a resting order smaller; it keeps its place in the queue.
    ///
    /// # Errors
    /// [`Refusal`]; nothing has changed then. A decrease by nothing, or to more than rests, is an
    /// [`Refusal::InvalidOrderSize`].
    pub fn decrease(
        &mut self,
        account: AccountId,
        order_id: OrderId,
        decrease: Decrease,
        at: DateTime<Utc>,
    ) -> Result<DecreaseAck, Refusal> {
        self.tick(at);
        let at_entry = self.log.len();
        let answer = self.do_decrease(account, order_id, decrease);
        if self.is_member(account) {
            let entry = LogEntry::DecreaseRequest {
                at: self.now,
                account,
                order_id,
                decrease,
                accepted: answer.as_ref().ok().cloned(),
                refused: answer.as_ref().err().map(Refusal::code),
            };
            self.log.insert(at_entry, entry);
        }
        answer
    }

    fn do_decrease(
        &mut self,
        account: AccountId,
        order_id: OrderId,
        decrease: Decrease,
    ) -> Result<DecreaseAck, Refusal> {
        let order = self.changeable(account, order_id)?;
        let left = match decrease {
            Decrease::By(count) if count.is_zero() => return Err(Refusal::InvalidOrderSize),
            Decrease::By(count) => order.remaining.saturating_sub(count),
            Decrease::To(count) if count > order.remaining => return Err(Refusal::InvalidOrderSize),
            Decrease::To(count) => count,
        };
        let client_order_id = order.asked.client_order_id.clone();
        self.shrink(order_id, left, UpdateReason::Decrease);
        Ok(DecreaseAck {
            order_id,
            client_order_id,
            remaining: left,
            at: self.now,
        })
    }
}
