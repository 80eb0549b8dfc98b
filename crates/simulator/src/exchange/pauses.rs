//! Pauses: of one market, of trading, of the exchange, and the weekly maintenance.
//!
//! From the guide on maintenance and pauses: a trading pause stops new orders and amendments and lets cancels through, an
//! exchange pause stops everything; orders stay on the book unless they asked to be cancelled by a pause.

use autotrader_domain::{MarketStatus, Ticker};
use chrono::{DateTime, Datelike as _, Days, NaiveTime, TimeZone as _, Utc, Weekday};
use chrono_tz::America::New_York;

use super::Exchange;
use super::agenda::Due;
use super::feed::{FeedEvent, LifecycleStep};
use super::ids::OrderId;
use super::lifecycle::LifecycleError;
use super::order::UpdateReason;

/// Where the weekly maintenance is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Maintenance {
    /// None is kept.
    Off,
    /// The next one is to come.
    Before {
        start: DateTime<Utc>,
        end: DateTime<Utc>,
    },
    /// One is going on.
    During {
        start: DateTime<Utc>,
        end: DateTime<Utc>,
    },
}

/// The first maintenance that ends after `now`: Thursday 03:00 to 05:00 in New York, whatever the season.
fn next_window(now: DateTime<Utc>) -> Option<(DateTime<Utc>, DateTime<Utc>)> {
    let today = now.with_timezone(&New_York).date_naive();
    let at = |day: chrono::NaiveDate, hour: u32| {
        let local = day.and_time(NaiveTime::from_hms_opt(hour, 0, 0)?);
        // Clocks change on Sundays only, so these hours of a Thursday exist once.
        Some(
            New_York
                .from_local_datetime(&local)
                .earliest()?
                .with_timezone(&Utc),
        )
    };
    (0..=7)
        .filter_map(|days| today.checked_add_days(Days::new(days)))
        .filter(|day| day.weekday() == Weekday::Thu)
        .filter_map(|day| Some((at(day, 3)?, at(day, 5)?)))
        .find(|(_, end)| *end > now)
}

impl Exchange {
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

    /// Pauses or resumes trading: while paused new orders and amendments are refused and cancels work.
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

    /// Keeps the weekly maintenance from now on: trading is paused every Thursday from 03:00 to 05:00 in New York.
    pub fn keep_weekly_maintenance(&mut self, at: DateTime<Utc>) {
        self.tick(at);
        if self.maintenance != Maintenance::Off {
            return;
        }
        let now = self.now;
        let Some((start, end)) = next_window(now) else {
            return;
        };
        self.maintenance = Maintenance::Before { start, end };
        self.agenda.add(start.max(now), Due::Maintenance);
        self.tick(now);
    }

    /// The maintenance that is going on or comes next; nothing when the weekly maintenance is not kept.
    #[must_use]
    pub const fn maintenance_window(&self) -> Option<(DateTime<Utc>, DateTime<Utc>)> {
        match self.maintenance {
            Maintenance::Off => None,
            Maintenance::Before { start, end } | Maintenance::During { start, end } => Some((start, end)),
        }
    }

    /// When a maintenance that is going on ends; nothing outside of one, for other pauses announce no end.
    #[must_use]
    pub const fn estimated_resume(&self) -> Option<DateTime<Utc>> {
        match self.maintenance {
            Maintenance::During { end, .. } => Some(end),
            Maintenance::Off | Maintenance::Before { .. } => None,
        }
    }

    pub(super) const fn is_in_maintenance(&self) -> bool {
        matches!(self.maintenance, Maintenance::During { .. })
    }

    pub(super) fn turn_maintenance(&mut self, due_at: DateTime<Utc>) {
        match self.maintenance {
            Maintenance::Off => {}
            Maintenance::Before { start, end } => {
                self.maintenance = Maintenance::During { start, end };
                self.agenda.add(end, Due::Maintenance);
                self.cancel_on_pause();
            }
            Maintenance::During { .. } => {
                self.maintenance = match next_window(due_at) {
                    Some((start, end)) => {
                        self.agenda.add(start, Due::Maintenance);
                        Maintenance::Before { start, end }
                    }
                    None => Maintenance::Off,
                };
            }
        }
    }

    fn cancel_on_pause(&mut self) {
        if self.is_trading_active() {
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
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(now: &str, start: &str, end: &str) {
        let parse = |text: &str| text.parse::<DateTime<Utc>>().unwrap();
        assert_eq!(next_window(parse(now)), Some((parse(start), parse(end))), "{now}");
    }

    #[test]
    fn maintenance_is_at_three_in_new_york_in_every_season() {
        check(
            "2026-09-21T12:00:00Z",
            "2026-09-24T07:00:00Z",
            "2026-09-24T09:00:00Z",
        );
        check(
            "2026-10-30T12:00:00Z",
            "2026-11-05T08:00:00Z",
            "2026-11-05T10:00:00Z",
        );
        check(
            "2027-03-12T12:00:00Z",
            "2027-03-18T07:00:00Z",
            "2027-03-18T09:00:00Z",
        );
    }

    #[test]
    fn the_one_going_on_counts_until_its_end() {
        check(
            "2026-11-26T08:00:00Z",
            "2026-11-26T08:00:00Z",
            "2026-11-26T10:00:00Z",
        );
        check(
            "2026-11-26T09:59:59Z",
            "2026-11-26T08:00:00Z",
            "2026-11-26T10:00:00Z",
        );
        check(
            "2026-11-26T10:00:00Z",
            "2026-12-03T08:00:00Z",
            "2026-12-03T10:00:00Z",
        );
    }
}
