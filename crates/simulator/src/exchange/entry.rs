//! Order entry: checks, matching, fills.

use autotrader_domain::{BookSide, Contracts, MarketStatus, Money, Price, Ticker, TimeInForce};
use chrono::{DateTime, Utc};

use super::Exchange;
use super::account::{Account, AccountKind, Holding};
use super::book::{Plan, Step};
use super::cash_flow::CashFlow;
use super::feed::FeedEvent;
use super::fees::{BalancePrecision, RoundingLedger, trade_fee};
use super::ids::{AccountId, OrderId, TradeId};
use super::listing::Market;
use super::log::LogEntry;
use super::order::{FillRecord, NewOrder, OrderAck, OrderRecord, OrderStatus, TradeRecord, UpdateReason};
use super::reads::reserve;
use super::refusal::Refusal;

/// The largest order taken, a billion contracts: far above any cash, and small enough that every product of it fits.
const LARGEST_ORDER: Contracts = Contracts::whole(1_000_000_000);

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
        if order.post_only && (plan.matched > 0 || plan.stopped || !plan.steps.is_empty()) {
            return Err(Refusal::InvalidOrder("post only cross"));
        }
        if order.time_in_force == TimeInForce::FillOrKill && plan.matched < order.count.raw() {
            self.spend_client_id(account, order.client_order_id.as_deref());
            return Err(Refusal::FillOrKillInsufficientVolume);
        }
        self.check_funds(holder, market, &order, &plan)?;
        self.spend_client_id(account, order.client_order_id.as_deref());
        Ok(self.perform(account, order, &plan, plan_count))
    }

    fn check<'a>(&'a self, holder: &Account, order: &NewOrder) -> Result<&'a Market, Refusal> {
        if !self.exchange_active {
            return Err(Refusal::ExchangePaused);
        }
        let market = self.markets.get(&order.ticker).ok_or(Refusal::NotFound)?;
        if market.status != MarketStatus::Active {
            return Err(Refusal::MarketInactive);
        }
        if !self.trading_active {
            return Err(Refusal::TradingPaused);
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
            let sound = (1..=128).contains(&id.len())
                && id
                    .bytes()
                    .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.' | b':'));
            if !sound {
                return Err(Refusal::InvalidParameters("client_order_id"));
            }
            if holder.client_ids.contains(id) {
                return Err(Refusal::OrderAlreadyExists);
            }
        }
        Ok(market)
    }

    /// Whether cash covers the fills, their fees, and what every resting order of the account could still cost.
    fn check_funds(
        &self,
        holder: &Account,
        market: &Market,
        order: &NewOrder,
        plan: &Plan,
    ) -> Result<(), Refusal> {
        let (model, multiplier) = self.fee_terms(market);
        let mut holding = holder
            .holdings
            .get(&order.ticker)
            .cloned()
            .unwrap_or_else(|| Holding::empty(self.now));
        let mut rounding = RoundingLedger::default();
        let mut cash = holder.cash;
        let mut gone = Vec::new();
        for step in &plan.steps {
            match *step {
                Step::Match { price, count, .. } => {
                    let flow = CashFlow::of(&holding, order.side, price, count);
                    let size = Contracts::from_raw(count).unwrap_or(Contracts::ZERO);
                    let trade = trade_fee(model, multiplier, true, price, size);
                    let fee = rounding.net_fee(trade, flow.revenue, BalancePrecision::DIRECT);
                    cash = cash.saturating_add(flow.revenue).saturating_sub(fee);
                    flow.book(&mut holding, order.side, self.now);
                }
                Step::CancelMaker { maker } => gone.push(maker),
            }
        }
        let mut quotes: Vec<(BookSide, Price, i64)> = holder
            .resting
            .get(&order.ticker)
            .into_iter()
            .flatten()
            .filter(|id| !gone.contains(id))
            .filter_map(|id| self.orders.get(id))
            .map(|resting| (resting.asked.side, resting.asked.price, resting.remaining.raw()))
            .collect();
        let rests = matches!(order.time_in_force, TimeInForce::GoodTillCanceled { .. }) && !plan.stopped;
        if rests && plan.matched < order.count.raw() {
            quotes.push((order.side, order.price, order.count.raw() - plan.matched));
        }
        let elsewhere = holder.reserved_outside(&order.ticker);
        let here = reserve(&holding, &mut quotes, model, multiplier);
        if cash.saturating_sub(elsewhere).saturating_sub(here).is_negative() {
            return Err(Refusal::InsufficientBalance);
        }
        Ok(())
    }

    fn spend_client_id(&mut self, account: AccountId, id: Option<&str>) {
        if let (Some(holder), Some(id)) = (self.account_mut(account), id)
            && holder.kind == AccountKind::Member
        {
            holder.client_ids.insert(id.to_owned());
        }
    }

    fn perform(&mut self, account: AccountId, order: NewOrder, plan: &Plan, wanted: i64) -> OrderAck {
        let id = self.mint.order();
        let now = self.now;
        let capped = wanted < order.count.raw();
        let record = OrderRecord::new(id, account, order.clone(), now);
        self.orders.insert(id, record);
        if let Some(holder) = self
            .account_mut(account)
            .filter(|holder| holder.kind == AccountKind::Member)
        {
            holder.history.push(id);
        }
        let mut notional = Money::ZERO;
        let mut fees = Money::ZERO;
        for step in &plan.steps {
            match *step {
                Step::CancelMaker { maker } => {
                    self.remove(maker, Some(UpdateReason::SelfTradeCancel));
                }
                Step::Match { maker, price, count } => {
                    fees = fees.saturating_add(self.cross(id, maker, price, count));
                    notional = notional.saturating_add(Money::micros(price.raw() * count));
                }
            }
        }
        let left = order.count.raw() - plan.matched;
        let rests = matches!(order.time_in_force, TimeInForce::GoodTillCanceled { .. }) && !plan.stopped;
        let reason = if capped {
            Some(UpdateReason::ReduceOnlyCancel)
        } else if plan.stopped {
            Some(UpdateReason::SelfTradeCancel)
        } else {
            None
        };
        if left > 0 && rests {
            self.rest(id);
        } else if left > 0 {
            self.kill_remainder(id, reason);
        }
        self.finish(id);
        self.refresh_reserve(account, &order.ticker);
        OrderAck {
            order_id: id,
            client_order_id: order.client_order_id,
            filled: Contracts::from_raw(plan.matched).unwrap_or(Contracts::ZERO),
            remaining: Contracts::from_raw(if rests { left } else { 0 }).unwrap_or(Contracts::ZERO),
            notional,
            fees,
            at: now,
        }
    }

    /// Matches `count` of a taker with a maker at the maker's price; gives the taker's fee.
    fn cross(&mut self, taker: OrderId, maker: OrderId, price: Price, count: i64) -> Money {
        let Some(resting) = self.orders.get(&maker) else {
            return Money::ZERO;
        };
        let (maker_side, ticker) = (resting.asked.side, resting.asked.ticker.clone());
        let trade_id = self.mint.trade();
        let now = self.now;
        if let Some(market) = self.markets.get_mut(&ticker) {
            market.ladder.reduce(maker_side, price, maker, count);
            market.note_trade(now, price, count);
        }
        self.publish_level(&ticker, maker_side, price, -count);
        let size = Contracts::from_raw(count).unwrap_or(Contracts::ZERO);
        let trade = TradeRecord {
            trade_id,
            ticker: ticker.clone(),
            count: size,
            price,
            taker_side: maker_side.opposite(),
            at: now,
        };
        self.log.push(LogEntry::Trade(trade.clone()));
        self.publish(FeedEvent::Trade(trade.clone()));
        self.trades.push(trade);
        let (closed_by_maker, _) = self.fill(maker, trade_id, price, count, false);
        let (closed_by_taker, fee) = self.fill(taker, trade_id, price, count, true);
        if let Some(market) = self.markets.get_mut(&ticker) {
            let pairs = market.open_interest.raw() + count - closed_by_maker - closed_by_taker;
            market.open_interest = Contracts::from_raw(pairs).unwrap_or(Contracts::ZERO);
        }
        self.finish(maker);
        fee
    }

    /// Books one side of a match; gives the contracts it closed and its net fee.
    fn fill(
        &mut self,
        order_id: OrderId,
        trade_id: TradeId,
        price: Price,
        count: i64,
        is_taker: bool,
    ) -> (i64, Money) {
        let now = self.now;
        let Some(ticker) = self.orders.get(&order_id).map(|order| order.asked.ticker.clone()) else {
            return (0, Money::ZERO);
        };
        let Some((model, multiplier)) = self.markets.get(&ticker).map(|market| self.fee_terms(market)) else {
            return (0, Money::ZERO);
        };
        let Some(order) = self.orders.get_mut(&order_id) else {
            return (0, Money::ZERO);
        };
        let Some(account) = self.accounts.get_mut(order.account.0 as usize) else {
            return (0, Money::ZERO);
        };
        let holding = account
            .holdings
            .entry(ticker.clone())
            .or_insert_with(|| Holding::empty(now));
        let side = order.asked.side;
        let size = Contracts::from_raw(count).unwrap_or(Contracts::ZERO);
        let flow = CashFlow::of(holding, side, price, count);
        let trade = trade_fee(model, multiplier, is_taker, price, size);
        let fee = order
            .rounding
            .net_fee(trade, flow.revenue, BalancePrecision::DIRECT);
        flow.book(holding, side, now);
        holding.fees = holding.fees.saturating_add(fee);
        account.cash = account.cash.saturating_add(flow.revenue).saturating_sub(fee);
        account.updated_at = now;
        let position_after = holding.net;
        account.note_change(&ticker, now);
        order.record_fill(flow.outcome, size, fee, is_taker, now);
        self.fees_kept = self.fees_kept.saturating_add(fee);
        let record = FillRecord {
            trade_id,
            account: account.id,
            order_id,
            client_order_id: order.asked.client_order_id.clone(),
            ticker: ticker.clone(),
            side,
            count: size,
            price,
            is_taker,
            fee,
            at: now,
            position_after,
        };
        let (id, kind) = (account.id, account.kind);
        if kind == AccountKind::Member {
            self.log.push(LogEntry::Fill(record.clone()));
            self.publish(FeedEvent::Fill(record.clone()));
            self.fills.push(record);
        }
        self.announce(order_id);
        self.refresh_reserve(id, &ticker);
        (flow.closes, fee)
    }

    fn rest(&mut self, id: OrderId) {
        let Some(order) = self.orders.get(&id) else { return };
        let (account, ticker) = (order.account, order.asked.ticker.clone());
        let (side, price, left) = (order.asked.side, order.asked.price, order.remaining.raw());
        if let TimeInForce::GoodTillCanceled {
            expires_at: Some(expiry),
        } = order.asked.time_in_force
        {
            self.agenda.expire(expiry, id);
        }
        if let Some(market) = self.markets.get_mut(&ticker) {
            market.ladder.rest(side, price, id, account, left);
        }
        if let Some(holder) = self.account_mut(account) {
            holder.resting.entry(ticker.clone()).or_default().insert(id);
        }
        self.publish_level(&ticker, side, price, left);
        self.announce(id);
    }

    pub(super) fn kill_remainder(&mut self, id: OrderId, reason: Option<UpdateReason>) {
        let now = self.now;
        if let Some(order) = self.orders.get_mut(&id) {
            order.remaining = Contracts::ZERO;
            order.status = OrderStatus::Canceled;
            order.reason = reason;
            order.updated_at = now;
        }
        self.announce(id);
    }

    /// Forgets a finished order where it may be forgotten; a resting one stays.
    pub(super) fn finish(&mut self, id: OrderId) {
        let Some(order) = self.orders.get(&id) else { return };
        if order.status == OrderStatus::Resting {
            return;
        }
        let (account, ticker) = (order.account, order.asked.ticker.clone());
        let Some(holder) = self.account_mut(account) else {
            return;
        };
        if let Some(ids) = holder.resting.get_mut(&ticker) {
            ids.remove(&id);
            if ids.is_empty() {
                holder.resting.remove(&ticker);
            }
        }
        if holder.kind == AccountKind::House {
            self.orders.remove(&id);
        }
        self.refresh_reserve(account, &ticker);
    }

    pub(super) fn publish_level(&mut self, ticker: &Ticker, side: BookSide, price: Price, delta: i64) {
        self.clock += 1;
        if self.feed.is_some() {
            let event = FeedEvent::Book {
                ticker: ticker.clone(),
                side,
                price,
                delta,
                clock: self.clock,
                at: self.now,
            };
            self.publish(event);
        }
    }

    /// Tells that a member's order changed, and keeps how it looked for reads that lag.
    fn announce(&mut self, id: OrderId) {
        let Some(order) = self.orders.get(&id) else { return };
        let account = order.account;
        if !self.is_member(account) {
            return;
        }
        let order = order.clone();
        if self.feed.is_some() {
            self.publish(FeedEvent::Order(Box::new(order.clone())));
        }
        self.versions.entry(id).or_default().push(order);
    }
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
