//! Matches and what they do: fills, cash, holdings, and what is told and kept about orders.

use autotrader_domain::{BookSide, Contracts, Money, Price, Ticker, TimeInForce};

use super::Exchange;
use super::account::{AccountKind, Holding};
use super::cash_flow::CashFlow;
use super::feed::{BookCause, FeedEvent};
use super::fees::{BalancePrecision, trade_fee};
use super::ids::{OrderId, TradeId};
use super::log::LogEntry;
use super::order::{FillRecord, OrderStatus, TradeRecord, UpdateReason};

impl Exchange {
    /// Matches `count` of a taker with a maker at the maker's price; gives the taker's fee.
    pub(super) fn cross(&mut self, taker: OrderId, maker: OrderId, price: Price, count: i64) -> Money {
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
        self.publish_level(&ticker, maker_side, price, -count, Some(maker));
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
            market.note_quotes(now);
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
        flow.book(holding, side, fee, now);
        account.cash = account.cash.saturating_add(flow.revenue).saturating_sub(fee);
        account.updated_at = now;
        let (position_after, after) = (holding.net, holding.clone());
        let balance = account.balance();
        if let Some(group) = order.asked.order_group_id {
            self.group_fills.push((account.id, group, count));
        }
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
            revenue: flow.revenue,
            fee,
            balance,
            at: now,
            position_after,
        };
        let (id, kind) = (account.id, account.kind);
        if kind == AccountKind::Member {
            self.log.push(LogEntry::Fill(record.clone()));
            self.publish(FeedEvent::Fill(record.clone()));
            self.fills.push(record);
            self.publish(FeedEvent::Position {
                account: id,
                ticker: ticker.clone(),
                holding: after,
                at: now,
            });
        }
        self.refresh_return(id, &ticker);
        if let Some(account) = self.account_mut(id) {
            account.note_change(Some(&ticker), now);
        }
        self.announce(order_id);
        self.refresh_reserve(id, &ticker);
        (flow.closes, fee)
    }

    pub(super) fn rest(&mut self, id: OrderId) {
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
        self.publish_level(&ticker, side, price, left, Some(id));
        self.announce(id);
    }

    /// Takes an order off the book without ending it.
    pub(super) fn unrest(&mut self, id: OrderId) {
        let Some(order) = self.orders.get(&id) else { return };
        let (account, ticker) = (order.account, order.asked.ticker.clone());
        let (side, price, left) = (order.asked.side, order.asked.price, order.remaining.raw());
        if let Some(market) = self.markets.get_mut(&ticker) {
            market.ladder.reduce(side, price, id, left);
        }
        if let Some(holder) = self.account_mut(account) {
            holder.forget_resting(&ticker, id);
        }
        self.publish_level(&ticker, side, price, -left, Some(id));
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
        holder.forget_resting(&ticker, id);
        if holder.kind == AccountKind::House {
            self.orders.remove(&id);
        }
        self.refresh_reserve(account, &ticker);
    }

    pub(super) fn publish_level(
        &mut self,
        ticker: &Ticker,
        side: BookSide,
        price: Price,
        delta: i64,
        order: Option<OrderId>,
    ) {
        self.clock += 1;
        let now = self.now;
        if let Some(market) = self.markets.get_mut(ticker) {
            market.clock = self.clock;
            market.note_quotes(now);
        }
        if self.feed.is_none() {
            return;
        }
        let cause = order
            .and_then(|id| self.orders.get(&id))
            .filter(|order| self.is_member(order.account))
            .map(|order| BookCause {
                account: order.account,
                client_order_id: order.asked.client_order_id.clone(),
            });
        let event = FeedEvent::Book {
            ticker: ticker.clone(),
            side,
            price,
            delta,
            clock: self.clock,
            cause,
            at: self.now,
        };
        self.publish(event);
    }

    /// Tells that a member's order changed, and keeps how it looked for reads that lag.
    pub(super) fn announce(&mut self, id: OrderId) {
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
