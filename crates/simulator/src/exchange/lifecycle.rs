//! The life of markets and orders in time: openings, closes, expiries, pauses, results, payouts.

use std::collections::{BTreeMap, VecDeque};

use autotrader_domain::{Contracts, EventTicker, MarketStatus, Money, Net, Price, SettlementResult, Ticker};
use chrono::{DateTime, TimeDelta, Utc};

use super::account::SettlementEntry;
use super::feed::{FeedEvent, LifecycleStep};
use super::ids::OrderId;
use super::listing::{
    Determination, Event, EventListing, ListingError, Market, MarketListing, Series, SeriesListing,
};
use super::log::LogEntry;
use super::order::UpdateReason;
use super::{Exchange, book::Ladder};

/// A cent, in millionths of a dollar.
const CENT: i64 = 10_000;

/// Something that happens by itself when its time comes.
#[derive(Debug, Clone)]
enum Due {
    Open(Ticker),
    Close(Ticker),
    Settle(Ticker),
    Expire(OrderId),
}

/// What is due, by time and then by order of entry.
#[derive(Debug, Clone)]
pub(super) struct Agenda {
    due: BTreeMap<(DateTime<Utc>, u64), Due>,
    next: u64,
}

impl Agenda {
    pub(super) const fn new() -> Self {
        Self {
            due: BTreeMap::new(),
            next: 0,
        }
    }

    fn add(&mut self, at: DateTime<Utc>, due: Due) {
        self.next += 1;
        self.due.insert((at, self.next), due);
    }

    pub(super) fn expire(&mut self, at: DateTime<Utc>, order: OrderId) {
        self.add(at, Due::Expire(order));
    }

    fn pop(&mut self, until: DateTime<Utc>) -> Option<(DateTime<Utc>, Due)> {
        let first = self.due.first_entry()?;
        if first.key().0 > until {
            return None;
        }
        let ((at, _), due) = first.remove_entry();
        Some((at, due))
    }
}

/// Why a step in a market's life is not possible.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LifecycleError {
    /// No such market or event.
    #[error("`{0}` is not listed")]
    NotListed(String),
    /// The market is not in a state that allows the step.
    #[error("`{ticker}` is {status:?}: the step is not possible")]
    WrongStatus {
        /// The market.
        ticker: Ticker,
        /// Where it is.
        status: MarketStatus,
    },
}

impl Exchange {
    /// Lists a series.
    ///
    /// # Errors
    /// When the name is taken.
    pub fn add_series(&mut self, listing: SeriesListing, at: DateTime<Utc>) -> Result<(), ListingError> {
        self.tick(at);
        if self.series.contains_key(&listing.ticker) {
            return Err(ListingError::Taken(listing.ticker.to_string()));
        }
        let ticker = listing.ticker.clone();
        self.series.insert(
            ticker,
            Series {
                listing,
                updated_at: self.now,
            },
        );
        Ok(())
    }

    /// Lists an event.
    ///
    /// # Errors
    /// When the name is taken or the series is not listed.
    pub fn add_event(&mut self, listing: EventListing, at: DateTime<Utc>) -> Result<(), ListingError> {
        self.tick(at);
        if self.events.contains_key(&listing.ticker) {
            return Err(ListingError::Taken(listing.ticker.to_string()));
        }
        if !self.series.contains_key(&listing.series) {
            return Err(ListingError::NoParent(listing.series.to_string()));
        }
        let ticker = listing.ticker.clone();
        self.events.insert(
            ticker,
            Event {
                listing,
                updated_at: self.now,
                markets: Vec::new(),
            },
        );
        Ok(())
    }

    /// Lists a market; it opens and closes by itself at its times.
    ///
    /// # Errors
    /// When the name is taken, the event is not listed, or the terms contradict each other.
    pub fn add_market(&mut self, listing: MarketListing, at: DateTime<Utc>) -> Result<(), ListingError> {
        self.tick(at);
        let ticker = listing.ticker.clone();
        if self.markets.contains_key(&ticker) {
            return Err(ListingError::Taken(ticker.to_string()));
        }
        if listing.open_time >= listing.close_time {
            return Err(ListingError::Terms {
                ticker,
                why: "it closes before it opens",
            });
        }
        if listing.prices.ranges.is_empty() {
            return Err(ListingError::Terms {
                ticker,
                why: "it has no price range",
            });
        }
        let now = self.now;
        let Some(event) = self.events.get_mut(&listing.event) else {
            return Err(ListingError::NoParent(listing.event.to_string()));
        };
        event.markets.push(ticker.clone());
        let series = event.listing.series.clone();
        self.agenda.add(listing.open_time, Due::Open(ticker.clone()));
        self.agenda.add(listing.close_time, Due::Close(ticker.clone()));
        let market = Market {
            series,
            id: self.mint.market(),
            status: MarketStatus::Initialized,
            created_at: now,
            updated_at: now,
            determination: None,
            settled_at: None,
            last_price: None,
            volume: Contracts::ZERO,
            open_interest: Contracts::ZERO,
            recent: VecDeque::new(),
            ladder: Ladder::default(),
            listing,
        };
        self.markets.insert(ticker.clone(), market);
        self.publish(FeedEvent::Lifecycle {
            ticker,
            step: LifecycleStep::Created,
            at: now,
        });
        self.tick(now);
        Ok(())
    }

    /// Lets time pass up to `at`: openings, closes, expiries and payouts happen in the order of their times.
    pub fn advance(&mut self, at: DateTime<Utc>) {
        self.tick(at);
    }

    pub(super) fn tick(&mut self, at: DateTime<Utc>) {
        let until = at.max(self.now);
        while let Some((due_at, due)) = self.agenda.pop(until) {
            self.now = self.now.max(due_at);
            match due {
                Due::Open(ticker) => self.open(&ticker),
                Due::Close(ticker) => {
                    let is_due = |market: &Market| market.listing.close_time <= due_at;
                    if self.markets.get(&ticker).is_some_and(is_due) {
                        self.close(&ticker);
                    }
                }
                Due::Settle(ticker) => self.settle(&ticker, due_at),
                Due::Expire(order) => {
                    self.remove(order, Some(UpdateReason::ExpiryCancel));
                }
            }
        }
        self.now = until;
    }

    fn open(&mut self, ticker: &Ticker) {
        if let Some(market) = self.markets.get_mut(ticker)
            && market.status == MarketStatus::Initialized
        {
            market.status = MarketStatus::Active;
        }
    }

    fn close(&mut self, ticker: &Ticker) {
        let Some(market) = self.markets.get_mut(ticker) else {
            return;
        };
        if !matches!(
            market.status,
            MarketStatus::Initialized | MarketStatus::Active | MarketStatus::Inactive
        ) {
            return;
        }
        market.status = MarketStatus::Closed;
        self.clear_book(ticker, UpdateReason::CloseCancel);
    }

    fn clear_book(&mut self, ticker: &Ticker, reason: UpdateReason) {
        let orders = self
            .markets
            .get(ticker)
            .map(|market| market.ladder.orders())
            .unwrap_or_default();
        for order in orders {
            self.remove(order, Some(reason));
        }
    }

    /// Moves a market's close time; a time that is past closes it at once.
    ///
    /// # Errors
    /// When the market is not listed or no longer open.
    pub fn move_close_time(
        &mut self,
        ticker: &Ticker,
        close_time: DateTime<Utc>,
        at: DateTime<Utc>,
    ) -> Result<(), LifecycleError> {
        self.tick(at);
        let now = self.now;
        let market = self.market_mut(ticker)?;
        if !matches!(
            market.status,
            MarketStatus::Initialized | MarketStatus::Active | MarketStatus::Inactive
        ) {
            return Err(LifecycleError::WrongStatus {
                ticker: ticker.clone(),
                status: market.status,
            });
        }
        market.listing.close_time = close_time;
        market.updated_at = now;
        self.agenda.add(close_time, Due::Close(ticker.clone()));
        let step = LifecycleStep::CloseDateUpdated(close_time);
        self.publish(FeedEvent::Lifecycle {
            ticker: ticker.clone(),
            step,
            at: now,
        });
        self.tick(now);
        Ok(())
    }

    /// Pauses one market; its resting orders stay.
    ///
    /// # Errors
    /// When the market is not listed or not active.
    pub fn pause_market(&mut self, ticker: &Ticker, at: DateTime<Utc>) -> Result<(), LifecycleError> {
        self.switch(
            ticker,
            at,
            MarketStatus::Active,
            MarketStatus::Inactive,
            LifecycleStep::Deactivated,
        )
    }

    /// Opens a paused market again, which cancels all its resting orders.
    ///
    /// # Errors
    /// When the market is not listed or not paused.
    pub fn resume_market(&mut self, ticker: &Ticker, at: DateTime<Utc>) -> Result<(), LifecycleError> {
        self.switch(
            ticker,
            at,
            MarketStatus::Inactive,
            MarketStatus::Active,
            LifecycleStep::Activated,
        )?;
        self.clear_book(ticker, UpdateReason::HaltCancel);
        Ok(())
    }

    fn switch(
        &mut self,
        ticker: &Ticker,
        at: DateTime<Utc>,
        from: MarketStatus,
        to: MarketStatus,
        step: LifecycleStep,
    ) -> Result<(), LifecycleError> {
        self.tick(at);
        let now = self.now;
        let market = self.market_mut(ticker)?;
        if market.status != from {
            return Err(LifecycleError::WrongStatus {
                ticker: ticker.clone(),
                status: market.status,
            });
        }
        market.status = to;
        market.updated_at = now;
        self.publish(FeedEvent::Lifecycle {
            ticker: ticker.clone(),
            step,
            at: now,
        });
        Ok(())
    }

    /// Pauses or resumes trading: while paused new orders are refused and cancels work.
    pub fn set_trading_active(&mut self, active: bool, at: DateTime<Utc>) {
        self.tick(at);
        self.trading_active = active;
        self.cancel_on_pause();
    }

    /// Pauses or resumes the exchange: while paused nothing works.
    pub fn set_exchange_active(&mut self, active: bool, at: DateTime<Utc>) {
        self.tick(at);
        self.exchange_active = active;
        self.cancel_on_pause();
    }

    fn cancel_on_pause(&mut self) {
        if self.exchange_active && self.trading_active {
            return;
        }
        let affected: Vec<OrderId> = self
            .accounts
            .iter()
            .flat_map(|account| account.resting.values().flatten())
            .filter(|id| {
                self.orders
                    .get(id)
                    .is_some_and(|order| order.asked.cancel_on_pause)
            })
            .copied()
            .collect();
        for order in affected {
            self.remove(order, Some(UpdateReason::HaltCancel));
        }
    }

    /// Sets a market's result; it pays after its settlement timer.
    ///
    /// A market that may close early closes now if it is still open. A market already decided but not paid is amended and
    /// its timer starts again. `value` is what one YES contract pays; for yes and no it is one dollar and nothing.
    ///
    /// # Errors
    /// When the market is not listed, still open and may not close early, or already paid.
    pub fn determine(
        &mut self,
        ticker: &Ticker,
        result: SettlementResult,
        value: Price,
        at: DateTime<Utc>,
    ) -> Result<(), LifecycleError> {
        self.tick(at);
        let now = self.now;
        let market = self.market_mut(ticker)?;
        let wrong = LifecycleError::WrongStatus {
            ticker: ticker.clone(),
            status: market.status,
        };
        match market.status {
            MarketStatus::Closed | MarketStatus::Determined | MarketStatus::Amended => {}
            MarketStatus::Active | MarketStatus::Inactive if market.listing.can_close_early => {
                self.move_close_time(ticker, now, now)?;
            }
            _ => return Err(wrong),
        }
        let market = self.market_mut(ticker)?;
        let value = match result {
            SettlementResult::Yes => Price::ONE,
            SettlementResult::No => Price::ZERO,
            SettlementResult::Scalar => value,
        };
        let timer = TimeDelta::seconds(i64::from(market.listing.settlement_timer_seconds));
        let determination = Determination {
            result,
            value,
            at: now,
            pays_at: now + timer,
        };
        market.status = match market.status {
            MarketStatus::Closed => MarketStatus::Determined,
            _ => MarketStatus::Amended,
        };
        market.determination = Some(determination);
        market.updated_at = now;
        self.agenda
            .add(determination.pays_at, Due::Settle(ticker.clone()));
        self.log.push(LogEntry::Determination {
            at: now,
            ticker: ticker.clone(),
            result,
            value,
        });
        let step = LifecycleStep::Determined(determination);
        self.publish(FeedEvent::Lifecycle {
            ticker: ticker.clone(),
            step,
            at: now,
        });
        self.tick(now);
        Ok(())
    }

    /// Sets the results of an event: the winner's market is yes, the others are no; without a winner all are no.
    ///
    /// # Errors
    /// As [`Exchange::determine`], at the first market it is not possible for.
    pub fn determine_event(
        &mut self,
        event: &EventTicker,
        winner: Option<&Ticker>,
        at: DateTime<Utc>,
    ) -> Result<(), LifecycleError> {
        let listed = self
            .events
            .get(event)
            .ok_or_else(|| LifecycleError::NotListed(event.to_string()))?;
        for ticker in listed.markets.clone() {
            let result = if winner == Some(&ticker) {
                SettlementResult::Yes
            } else {
                SettlementResult::No
            };
            self.determine(&ticker, result, Price::ZERO, at)?;
        }
        Ok(())
    }

    fn settle(&mut self, ticker: &Ticker, due_at: DateTime<Utc>) {
        let now = self.now;
        let Some(market) = self.markets.get_mut(ticker) else {
            return;
        };
        let Some(determination) = market.determination else {
            return;
        };
        if determination.pays_at != due_at || market.status == MarketStatus::Finalized {
            return;
        }
        market.status = MarketStatus::Finalized;
        market.settled_at = Some(now);
        market.open_interest = Contracts::ZERO;
        let event = market.listing.event.clone();
        let mut entries = Vec::new();
        let mut kept = Money::ZERO;
        for account in &mut self.accounts {
            let Some(holding) = account.holdings.get_mut(ticker) else {
                continue;
            };
            if holding.net.is_flat() {
                continue;
            }
            let (yes, no) = match holding.net.raw() {
                net if net > 0 => (holding.net.size(), Contracts::ZERO),
                _ => (Contracts::ZERO, holding.net.size()),
            };
            let exact = determination
                .value
                .times(yes)
                .unwrap_or(Money::ZERO)
                .saturating_add(determination.value.complement().times(no).unwrap_or(Money::ZERO));
            let revenue = Money::micros(exact.raw() - exact.raw().rem_euclid(CENT));
            let settlement_fee = exact.saturating_sub(revenue);
            let cost = holding.cost;
            holding.realized = holding.realized.saturating_add(exact).saturating_sub(cost);
            holding.fees = holding.fees.saturating_add(settlement_fee);
            holding.net = Net::ZERO;
            holding.cost = Money::ZERO;
            holding.updated_at = now;
            let fees = holding.fees;
            account.cash = account.cash.saturating_add(revenue);
            account.updated_at = now;
            account.note_change(ticker, now);
            kept = kept.saturating_add(settlement_fee);
            let (yes_cost, no_cost) = if yes.is_zero() {
                (Money::ZERO, cost)
            } else {
                (cost, Money::ZERO)
            };
            entries.push(SettlementEntry {
                account: account.id,
                ticker: ticker.clone(),
                event: event.clone(),
                result: determination.result,
                value: determination.value,
                yes_count: yes,
                yes_cost,
                no_count: no,
                no_cost,
                revenue,
                settlement_fee,
                fees,
                at: now,
            });
        }
        self.fees_kept = self.fees_kept.saturating_add(kept);
        for entry in entries {
            self.log.push(LogEntry::Settlement(entry.clone()));
            self.settlements.push(entry);
        }
        let step = LifecycleStep::Settled(now);
        self.publish(FeedEvent::Lifecycle {
            ticker: ticker.clone(),
            step,
            at: now,
        });
    }

    fn market_mut(&mut self, ticker: &Ticker) -> Result<&mut Market, LifecycleError> {
        self.markets
            .get_mut(ticker)
            .ok_or_else(|| LifecycleError::NotListed(ticker.to_string()))
    }
}
