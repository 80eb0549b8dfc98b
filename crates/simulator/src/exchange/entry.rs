//! Order entry: checks, matching, fills.

use autotrader_domain::{BookSide, Contracts, MarketStatus, Money, Price, Ticker, TimeInForce};
use chrono::{DateTime, TimeDelta, Utc};

use super::Exchange;
use super::account::{Account, AccountKind, Holding};
use super::book::{Plan, Step};
use super::cash_flow::CashFlow;
use super::fees::{BalancePrecision, RoundingLedger, trade_fee};
use super::ids::{AccountId, OrderId};
use super::listing::Market;
use super::log::LogEntry;
use super::order::{NewOrder, OrderAck, OrderRecord, UpdateReason};
use super::reads::reserve;
use super::refusal::Refusal;

/// The largest order taken, a billion contracts: far above any cash, and small enough that every product of it fits.
pub(super) const LARGEST_ORDER: Contracts = Contracts::whole(1_000_000_000);

/// What is about to meet the book: a new order, or what an amendment makes of a resting one.
pub(super) struct Incoming<'a> {
    pub(super) ticker: &'a Ticker,
    pub(super) side: BookSide,
    pub(super) price: Price,
    /// Hundredths of a contract.
    pub(super) count: i64,
    /// Whether what does not fill stays on the book.
    pub(super) rests: bool,
    pub(super) rounding: RoundingLedger,
    /// The resting order whose place it takes.
    pub(super) replaces: Option<OrderId>,
}

/// What an order did when it met the book.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Executed {
    /// Hundredths of a contract.
    pub(super) filled: i64,
    pub(super) notional: Money,
    pub(super) fees: Money,
}

impl Exchange {
    /// Places an order.
    ///
    /// # Errors
    /// [`Refusal`]; nothing has changed then, except that a fill-or-kill order without volume spends its client id.
    pub fn submit(
        &mut self,
        account: AccountId,
        order: NewOrder,
        at: DateTime<Utc>,
    ) -> Result<OrderAck, Refusal> {
        self.tick(at);
        let at_entry = self.log.len();
        let logged = self.is_member(account).then(|| order.clone());
        let answer = self.accept(account, order);
        if let Some(order) = logged {
            let entry = LogEntry::OrderRequest {
                at: self.now,
                account,
                order,
                accepted: answer.as_ref().ok().cloned(),
                refused: answer.as_ref().err().map(Refusal::code),
            };
            self.log.insert(at_entry, entry);
        }
        answer
    }

    fn accept(&mut self, account: AccountId, order: NewOrder) -> Result<OrderAck, Refusal> {
        let holder = self.account(account).ok_or(Refusal::NotFound)?;
        let market = self.check(holder, &order)?;
        let plan_count = reducible(holder, &order);
        let side = order.side;
        let plan = market.ladder.plan(
            side,
            order.price,
            plan_count,
            account,
            order.self_trade_prevention,
        );
        if order.post_only && (plan.meets_something()) {
            return Err(Refusal::InvalidOrder("post only cross"));
        }
        if order.time_in_force == TimeInForce::FillOrKill && plan.matched < order.count.raw() {
            self.spend_client_id(account, order.client_order_id.as_deref());
            return Err(Refusal::FillOrKillInsufficientVolume);
        }
        let incoming = Incoming {
            ticker: &order.ticker,
            side: order.side,
            price: order.price,
            count: order.count.raw(),
            rests: matches!(order.time_in_force, TimeInForce::GoodTillCanceled { .. }),
            rounding: RoundingLedger::new(),
            replaces: None,
        };
        self.check_funds(holder, market, &incoming, &plan)?;
        self.spend_client_id(account, order.client_order_id.as_deref());
        Ok(self.perform(account, order, &plan, plan_count))
    }

    fn check<'a>(&'a self, holder: &Account, order: &NewOrder) -> Result<&'a Market, Refusal> {
        if !self.exchange_active {
            return Err(Refusal::ExchangePaused);
        }
        let market = self.markets.get(&order.ticker).ok_or(Refusal::NotFound)?;
        match market.status {
            MarketStatus::Active if self.is_trading_active() => {}
            MarketStatus::Active | MarketStatus::Inactive => return Err(Refusal::TradingPaused),
            _ => return Err(Refusal::MarketInactive),
        }
        if order.count.is_zero() || order.count > LARGEST_ORDER {
            return Err(Refusal::InvalidOrderSize);
        }
        if !market.listing.prices.accepts(order.price) {
            return Err(Refusal::InvalidPrice);
        }
        let immediate = !matches!(order.time_in_force, TimeInForce::GoodTillCanceled { .. });
        if order.reduce_only && order.time_in_force != TimeInForce::ImmediateOrCancel {
            return Err(Refusal::InvalidOrder("reduce only requires immediate or cancel"));
        }
        if order.post_only && immediate {
            return Err(Refusal::InvalidOrder("post only requires good till canceled"));
        }
        if let TimeInForce::GoodTillCanceled {
            expires_at: Some(expiry),
        } = order.time_in_force
            && expiry <= self.now
        {
            return Err(Refusal::InvalidOrder("expiration time in the past"));
        }
        if let Some(id) = &order.client_order_id {
            if !is_sound_client_id(id) {
                return Err(Refusal::InvalidParameters("client_order_id"));
            }
            if holder.client_ids.contains_key(id) {
                return Err(Refusal::OrderAlreadyExists);
            }
        }
        if let Some(group) = order.order_group_id {
            match holder.groups.get(&group) {
                None => return Err(Refusal::InvalidOrder("order group not found")),
                Some(group) if group.is_triggered => {
                    return Err(Refusal::InvalidOrder("order group triggered"));
                }
                Some(_) => {}
            }
        }
        Ok(market)
    }

    /// Whether what can be spent covers the fills, their fees, and what every resting order of the account could still cost.
    pub(super) fn check_funds(
        &self,
        holder: &Account,
        market: &Market,
        incoming: &Incoming<'_>,
        plan: &Plan,
    ) -> Result<(), Refusal> {
        let (model, multiplier) = self.fee_terms(market);
        let mut holding = holder
            .holdings
            .get(incoming.ticker)
            .cloned()
            .unwrap_or_else(|| Holding::empty(self.now));
        let mut rounding = incoming.rounding;
        let mut cash = holder.cash;
        let mut gone: Vec<OrderId> = incoming.replaces.into_iter().collect();
        for step in &plan.steps {
            match *step {
                Step::Match { price, count, .. } => {
                    let flow = CashFlow::of(&holding, incoming.side, price, count);
                    let size = Contracts::from_raw(count).unwrap_or(Contracts::ZERO);
                    let trade = trade_fee(model, multiplier, true, price, size);
                    let fee = rounding.net_fee(trade, flow.revenue, BalancePrecision::DIRECT);
                    cash = cash.saturating_add(flow.revenue).saturating_sub(fee);
                    flow.book(&mut holding, incoming.side, fee, self.now);
                }
                Step::CancelMaker { maker } => gone.push(maker),
            }
        }
        let mut quotes: Vec<(BookSide, Price, i64)> = holder
            .resting
            .get(incoming.ticker)
            .into_iter()
            .flatten()
            .filter(|id| !gone.contains(id))
            .filter_map(|id| self.orders.get(id))
            .map(|resting| (resting.asked.side, resting.asked.price, resting.remaining.raw()))
            .collect();
        if incoming.rests && !plan.stopped && plan.matched < incoming.count {
            quotes.push((incoming.side, incoming.price, incoming.count - plan.matched));
        }
        let nets = self.nets(holder, &market.listing.event);
        let returned = self.return_after(holder, &market.listing.event, incoming.ticker, &holding);
        let elsewhere = holder.reserved_outside(incoming.ticker);
        let here = reserve(&holding, &mut quotes, model, multiplier, nets);
        let left = cash
            .saturating_add(returned)
            .saturating_sub(elsewhere)
            .saturating_sub(here);
        if left.is_negative() {
            return Err(Refusal::InsufficientBalance);
        }
        Ok(())
    }

    pub(super) fn spend_client_id(&mut self, account: AccountId, id: Option<&str>) {
        let now = self.now;
        if let (Some(holder), Some(id)) = (self.account_mut(account), id)
            && holder.kind == AccountKind::Member
        {
            holder.client_ids.insert(id.to_owned(), now);
        }
    }

    /// Lets every member use the client ids again that were spent longer than `age` ago: a fault, for on the real exchange
    /// they are spent for ever.
    pub fn forget_client_ids_older_than(&mut self, age: TimeDelta, at: DateTime<Utc>) {
        self.tick(at);
        let kept_from = self.now - age;
        for account in &mut self.accounts {
            account.client_ids.retain(|_, spent_at| *spent_at >= kept_from);
        }
    }

    fn perform(&mut self, account: AccountId, order: NewOrder, plan: &Plan, wanted: i64) -> OrderAck {
        let id = self.mint.order();
        let now = self.now;
        let capped = (wanted < order.count.raw()).then_some(UpdateReason::ReduceOnlyCancel);
        let client_order_id = order.client_order_id.clone();
        self.orders.insert(id, OrderRecord::new(id, account, order, now));
        if let Some(holder) = self
            .account_mut(account)
            .filter(|holder| holder.kind == AccountKind::Member)
        {
            holder.history.push(id);
        }
        let executed = self.execute(id, plan, capped);
        self.sweep_perhaps(account, id);
        OrderAck {
            order_id: id,
            client_order_id,
            filled: Contracts::from_raw(executed.filled).unwrap_or(Contracts::ZERO),
            remaining: self.remaining(id),
            notional: executed.notional,
            fees: executed.fees,
            at: now,
        }
    }

    /// What is left of an order on the book; nothing of one that is finished and forgotten.
    pub(super) fn remaining(&self, id: OrderId) -> Contracts {
        self.orders
            .get(&id)
            .map_or(Contracts::ZERO, |order| order.remaining)
    }

    /// Lets an order that is not on the book do what was planned, and rests or cancels what is left of it.
    ///
    /// The limits of order groups are looked at when all of it has happened.
    pub(super) fn execute(&mut self, id: OrderId, plan: &Plan, capped: Option<UpdateReason>) -> Executed {
        let mut executed = Executed {
            filled: plan.matched,
            ..Executed::default()
        };
        for step in &plan.steps {
            match *step {
                Step::CancelMaker { maker } => {
                    self.remove(maker, Some(UpdateReason::SelfTradeCancel));
                }
                Step::Match { maker, price, count } => {
                    executed.fees = executed.fees.saturating_add(self.cross(id, maker, price, count));
                    executed.notional = executed
                        .notional
                        .saturating_add(Money::micros(price.raw() * count));
                }
            }
        }
        let Some(order) = self.orders.get(&id) else {
            return executed;
        };
        let rests =
            matches!(order.asked.time_in_force, TimeInForce::GoodTillCanceled { .. }) && !plan.stopped;
        let (account, ticker) = (order.account, order.asked.ticker.clone());
        if !order.remaining.is_zero() && rests {
            self.rest(id);
        } else if !order.remaining.is_zero() {
            let stopped = plan.stopped.then_some(UpdateReason::SelfTradeCancel);
            self.kill_remainder(id, capped.or(stopped));
        }
        self.finish(id);
        self.refresh_reserve(account, &ticker);
        self.check_group_limits();
        executed
    }
}

/// Whether a client id has a length and characters that the exchange takes.
pub(super) fn is_sound_client_id(id: &str) -> bool {
    (1..=128).contains(&id.len())
        && id
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.' | b':'))
}

/// Hundredths of a contract the order may trade: all of it, or what a reduce-only order can close.
fn reducible(holder: &Account, order: &NewOrder) -> i64 {
    if !order.reduce_only {
        return order.count.raw();
    }
    holder
        .holdings
        .get(&order.ticker)
        .map_or(0, |holding| holding.closable(order.side))
        .min(order.count.raw())
}
