//! Order groups: orders that are cancelled together once more than a limit of them has matched within fifteen seconds.
//!
//! From the order-group guide: a group is triggered when its rolling volume *exceeds* the limit, when its owner says so, or
//! when the limit is set below the rolling volume. The volume is looked at when an incoming order has done all of its matching,
//! so one sweep may go beyond the limit; how the real exchange cuts a sweep is not documented.

use std::collections::VecDeque;

use autotrader_domain::Contracts;
use chrono::{DateTime, TimeDelta, Utc};
use serde::Serialize;

use super::Exchange;
use super::feed::FeedEvent;
use super::ids::{AccountId, OrderGroupId, OrderId};
use super::log::LogEntry;
use super::refusal::Refusal;

/// How far back fills count, from the guide.
const WINDOW: TimeDelta = TimeDelta::seconds(15);

/// The largest limit, from the guide; the smallest is one contract.
const LARGEST_LIMIT: Contracts = Contracts::whole(1_000_000);

/// How many groups an account may have, from the specification.
const MOST_GROUPS: usize = 100_000;

/// An order group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OrderGroup {
    /// Its id.
    pub id: OrderGroupId,
    /// How many contracts of it may match within fifteen seconds.
    pub limit: Contracts,
    /// Whether it was triggered and not reset since: it takes no orders.
    pub is_triggered: bool,
    /// When it was created.
    pub created_at: DateTime<Utc>,
    /// Its fills of the last fifteen seconds, in hundredths of a contract, oldest first.
    window: VecDeque<(DateTime<Utc>, i64)>,
}

/// What happened to an order group.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum OrderGroupStep {
    /// Created, with this limit.
    Created(Contracts),
    /// Triggered: its resting orders are cancelled.
    Triggered,
    /// Reset: it takes orders again.
    Reset,
    /// Deleted: its resting orders are cancelled.
    Deleted,
    /// Given this limit.
    LimitUpdated(Contracts),
}

impl OrderGroup {
    /// Contracts of the group that matched in the fifteen seconds before `now`.
    #[must_use]
    pub fn rolling(&self, now: DateTime<Utc>) -> Contracts {
        let recent = self.window.iter().filter(|(at, _)| *at > now - WINDOW);
        Contracts::from_raw(recent.map(|(_, count)| count).sum()).unwrap_or(Contracts::ZERO)
    }

    fn note(&mut self, now: DateTime<Utc>, count: i64) {
        while self.window.front().is_some_and(|(at, _)| *at <= now - WINDOW) {
            self.window.pop_front();
        }
        self.window.push_back((now, count));
    }
}

const fn check_limit(limit: Contracts) -> Result<(), Refusal> {
    if limit.raw() < Contracts::whole(1).raw() || limit.raw() > LARGEST_LIMIT.raw() {
        return Err(Refusal::InvalidParameters("contracts_limit"));
    }
    Ok(())
}

impl Exchange {
    /// Creates an order group with a limit of 1 to 1 000 000 contracts.
    ///
    /// # Errors
    /// [`Refusal::InvalidParameters`] for a limit outside the range or one group too many; [`Refusal::NotFound`] for an unknown
    /// account.
    pub fn create_order_group(
        &mut self,
        account: AccountId,
        limit: Contracts,
        at: DateTime<Utc>,
    ) -> Result<OrderGroup, Refusal> {
        self.tick(at);
        check_limit(limit)?;
        let now = self.now;
        let holder = self.account(account).ok_or(Refusal::NotFound)?;
        if holder.groups.len() >= MOST_GROUPS {
            return Err(Refusal::InvalidParameters("too many order groups"));
        }
        let group = OrderGroup {
            id: self.mint.order_group(),
            limit,
            is_triggered: false,
            created_at: now,
            window: VecDeque::new(),
        };
        if let Some(holder) = self.account_mut(account) {
            holder.groups.insert(group.id, group.clone());
        }
        self.tell_group(account, group.id, OrderGroupStep::Created(limit));
        Ok(group)
    }

    /// An account's order groups, oldest first.
    #[must_use]
    pub fn order_groups(&self, account: AccountId) -> Vec<&OrderGroup> {
        let mut groups: Vec<&OrderGroup> = self
            .account(account)
            .map(|account| account.groups.values().collect())
            .unwrap_or_default();
        groups.sort_by_key(|group| (group.created_at, group.id));
        groups
    }

    /// One order group and its resting orders.
    ///
    /// # Errors
    /// [`Refusal::NotFound`].
    pub fn order_group(
        &self,
        account: AccountId,
        id: OrderGroupId,
    ) -> Result<(&OrderGroup, Vec<OrderId>), Refusal> {
        let holder = self.account(account).ok_or(Refusal::NotFound)?;
        let group = holder.groups.get(&id).ok_or(Refusal::NotFound)?;
        Ok((group, self.resting_of_group(account, id)))
    }

    fn resting_of_group(&self, account: AccountId, id: OrderGroupId) -> Vec<OrderId> {
        let belongs = |order: &&OrderId| {
            self.orders
                .get(order)
                .is_some_and(|record| record.asked.order_group_id == Some(id))
        };
        self.account(account)
            .into_iter()
            .flat_map(|holder| holder.resting.values().flatten())
            .filter(belongs)
            .copied()
            .collect()
    }

    /// Clears a group's triggered state and its rolling volume.
    ///
    /// # Errors
    /// [`Refusal::NotFound`]; [`Refusal::ExchangePaused`].
    pub fn reset_order_group(
        &mut self,
        account: AccountId,
        id: OrderGroupId,
        at: DateTime<Utc>,
    ) -> Result<(), Refusal> {
        let group = self.group_to_change(account, id, at)?;
        group.is_triggered = false;
        group.window.clear();
        self.tell_group(account, id, OrderGroupStep::Reset);
        Ok(())
    }

    /// Triggers a group: its resting orders are cancelled, and it takes no orders until it is reset.
    ///
    /// # Errors
    /// [`Refusal::NotFound`]; [`Refusal::ExchangePaused`].
    pub fn trigger_order_group(
        &mut self,
        account: AccountId,
        id: OrderGroupId,
        at: DateTime<Utc>,
    ) -> Result<(), Refusal> {
        self.group_to_change(account, id, at)?;
        self.trigger(account, id);
        Ok(())
    }

    /// Sets a group's limit; one below the rolling volume triggers the group.
    ///
    /// # Errors
    /// [`Refusal::InvalidParameters`] for a limit outside 1 to 1 000 000 contracts; [`Refusal::NotFound`];
    /// [`Refusal::ExchangePaused`].
    pub fn set_order_group_limit(
        &mut self,
        account: AccountId,
        id: OrderGroupId,
        limit: Contracts,
        at: DateTime<Utc>,
    ) -> Result<(), Refusal> {
        check_limit(limit)?;
        let group = self.group_to_change(account, id, at)?;
        group.limit = limit;
        self.tell_group(account, id, OrderGroupStep::LimitUpdated(limit));
        self.check_limit_of(account, id);
        Ok(())
    }

    /// Deletes a group and cancels its resting orders.
    ///
    /// # Errors
    /// [`Refusal::NotFound`]; [`Refusal::ExchangePaused`].
    pub fn delete_order_group(
        &mut self,
        account: AccountId,
        id: OrderGroupId,
        at: DateTime<Utc>,
    ) -> Result<(), Refusal> {
        self.group_to_change(account, id, at)?;
        self.tell_group(account, id, OrderGroupStep::Deleted);
        self.cancel_group(account, id);
        if let Some(holder) = self.account_mut(account) {
            holder.groups.remove(&id);
        }
        Ok(())
    }

    fn group_to_change(
        &mut self,
        account: AccountId,
        id: OrderGroupId,
        at: DateTime<Utc>,
    ) -> Result<&mut OrderGroup, Refusal> {
        self.tick(at);
        if !self.exchange_active {
            return Err(Refusal::ExchangePaused);
        }
        self.account_mut(account)
            .and_then(|holder| holder.groups.get_mut(&id))
            .ok_or(Refusal::NotFound)
    }

    /// Counts the fills since the last call and triggers the groups whose limit they exceed.
    pub(super) fn check_group_limits(&mut self) {
        let now = self.now;
        for (account, id, count) in std::mem::take(&mut self.group_fills) {
            if let Some(group) = self
                .account_mut(account)
                .and_then(|holder| holder.groups.get_mut(&id))
            {
                group.note(now, count);
            }
            self.check_limit_of(account, id);
        }
    }

    fn check_limit_of(&mut self, account: AccountId, id: OrderGroupId) {
        let now = self.now;
        let exceeded = self
            .account(account)
            .and_then(|holder| holder.groups.get(&id))
            .is_some_and(|group| !group.is_triggered && group.rolling(now) > group.limit);
        if exceeded {
            self.trigger(account, id);
        }
    }

    fn trigger(&mut self, account: AccountId, id: OrderGroupId) {
        if let Some(group) = self
            .account_mut(account)
            .and_then(|holder| holder.groups.get_mut(&id))
        {
            group.is_triggered = true;
        }
        self.tell_group(account, id, OrderGroupStep::Triggered);
        self.cancel_group(account, id);
    }

    fn cancel_group(&mut self, account: AccountId, id: OrderGroupId) {
        for order in self.resting_of_group(account, id) {
            // The documented reasons of a change have no word for a group.
            self.remove_for(order, None, "OrderGroup");
        }
    }

    fn tell_group(&mut self, account: AccountId, group: OrderGroupId, step: OrderGroupStep) {
        let at = self.now;
        self.log.push(LogEntry::OrderGroup {
            at,
            account,
            order_group_id: group,
            step,
        });
        self.publish(FeedEvent::OrderGroup {
            account,
            group,
            step,
            at,
        });
    }
}
