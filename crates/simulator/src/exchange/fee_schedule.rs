//! Which fees hold when: of a series, scheduled changes of them, overrides of an event, waivers of a market.

use autotrader_domain::{EventTicker, SeriesTicker, Ticker};
use chrono::{DateTime, Utc};

use super::Exchange;
use super::agenda::Due;
use super::feed::FeedEvent;
use super::ids::FeeChangeId;
use super::lifecycle::LifecycleError;
use super::listing::{FeeModel, FeeTerms, Market};
use super::log::LogEntry;

/// A scheduled change of a series' fees.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SeriesFeeChange {
    /// Its id.
    pub id: FeeChangeId,
    /// The series.
    pub series: SeriesTicker,
    /// The fees from then on.
    pub terms: FeeTerms,
    /// When it takes effect, or took.
    pub scheduled_at: DateTime<Utc>,
}

/// A scheduled change of an event's own fees.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EventFeeChange {
    /// Its id.
    pub id: FeeChangeId,
    /// The event.
    pub event: EventTicker,
    /// Its series.
    pub series: SeriesTicker,
    /// The fees from then on; nothing clears an earlier override and falls back to the series' fees.
    pub terms: Option<FeeTerms>,
    /// When it takes effect, or took.
    pub scheduled_at: DateTime<Utc>,
}

impl Exchange {
    /// Schedules a change of a series' fees; a time that is past means now.
    ///
    /// # Errors
    /// When the series is not listed.
    pub fn schedule_fee_change(
        &mut self,
        series: &SeriesTicker,
        terms: FeeTerms,
        scheduled_at: DateTime<Utc>,
        at: DateTime<Utc>,
    ) -> Result<FeeChangeId, LifecycleError> {
        self.tick(at);
        if !self.series.contains_key(series) {
            return Err(LifecycleError::NotListed(series.to_string()));
        }
        let now = self.now;
        let change = SeriesFeeChange {
            id: self.mint.fee_change(),
            series: series.clone(),
            terms,
            scheduled_at: scheduled_at.max(now),
        };
        let id = change.id;
        self.agenda.add(change.scheduled_at, Due::SeriesFee(id));
        self.series_fee_changes.push(change);
        self.tick(now);
        Ok(id)
    }

    /// Schedules fees of an event's own, or (`None`) its fall back to its series' fees; a time that is past means now.
    ///
    /// # Errors
    /// When the event is not listed.
    pub fn set_event_fee_override(
        &mut self,
        event: &EventTicker,
        terms: Option<FeeTerms>,
        scheduled_at: DateTime<Utc>,
        at: DateTime<Utc>,
    ) -> Result<FeeChangeId, LifecycleError> {
        self.tick(at);
        let now = self.now;
        let listed = self
            .events
            .get(event)
            .ok_or_else(|| LifecycleError::NotListed(event.to_string()))?;
        let change = EventFeeChange {
            series: listed.listing.series.clone(),
            id: self.mint.fee_change(),
            event: event.clone(),
            terms,
            scheduled_at: scheduled_at.max(now),
        };
        let id = change.id;
        self.agenda.add(change.scheduled_at, Due::EventFee(id));
        self.event_fee_changes.push(change);
        self.tick(now);
        Ok(id)
    }

    /// Waives the fees of a market until a time.
    ///
    /// # Errors
    /// When the market is not listed.
    pub fn waive_fees(
        &mut self,
        ticker: &Ticker,
        until: DateTime<Utc>,
        at: DateTime<Utc>,
    ) -> Result<(), LifecycleError> {
        self.tick(at);
        let now = self.now;
        let market = self.market_mut(ticker)?;
        market.fee_waiver_until = Some(until);
        market.updated_at = now;
        self.log.push(LogEntry::FeeWaiver {
            at: now,
            ticker: ticker.clone(),
            until,
        });
        self.refresh_reserves_in(std::slice::from_ref(ticker));
        Ok(())
    }

    pub(super) fn apply_series_fee(&mut self, id: FeeChangeId) {
        let now = self.now;
        let Some(change) = self
            .series_fee_changes
            .iter()
            .find(|change| change.id == id)
            .cloned()
        else {
            return;
        };
        let Some(series) = self.series.get_mut(&change.series) else {
            return;
        };
        series.listing.fee_model = change.terms.model;
        series.listing.fee_multiplier_millionths = change.terms.multiplier_millionths;
        series.updated_at = now;
        self.log.push(LogEntry::SeriesFees {
            at: now,
            series: change.series.clone(),
            terms: change.terms,
        });
        let markets: Vec<Ticker> = self
            .markets
            .values()
            .filter(|market| market.series == change.series)
            .map(|market| market.listing.ticker.clone())
            .collect();
        self.refresh_reserves_in(&markets);
    }

    pub(super) fn apply_event_fee(&mut self, id: FeeChangeId) {
        let at = self.now;
        let Some(change) = self
            .event_fee_changes
            .iter()
            .find(|change| change.id == id)
            .cloned()
        else {
            return;
        };
        let Some(event) = self.events.get_mut(&change.event) else {
            return;
        };
        event.fee_override = change.terms;
        event.updated_at = at;
        let markets = event.markets.clone();
        self.log.push(LogEntry::EventFees {
            at,
            event: change.event.clone(),
            terms: change.terms,
        });
        self.refresh_reserves_in(&markets);
        self.publish(FeedEvent::EventFee {
            event: change.event,
            terms: change.terms,
            at,
        });
    }

    /// Works out again what resting orders hold back for maker fees.
    fn refresh_reserves_in(&mut self, markets: &[Ticker]) {
        for ticker in markets {
            let quoting: Vec<_> = self
                .accounts
                .iter()
                .filter(|account| account.resting.contains_key(ticker))
                .map(|account| account.id)
                .collect();
            for account in quoting {
                self.refresh_reserve(account, ticker);
            }
        }
    }

    /// The scheduled fee changes of series, in the order of their announcement, those in effect included.
    #[must_use]
    pub fn series_fee_changes(&self) -> &[SeriesFeeChange] {
        &self.series_fee_changes
    }

    /// The scheduled fee changes of events, in the order of their announcement, those in effect included.
    #[must_use]
    pub fn event_fee_changes(&self) -> &[EventFeeChange] {
        &self.event_fee_changes
    }

    /// The fee model and multiplier (in millionths) of a market: its event's own, else its series'; nothing to pay while its
    /// fees are waived.
    #[must_use]
    pub fn fee_terms(&self, market: &Market) -> (FeeModel, u32) {
        let series = self.series.get(&market.series).map(|series| FeeTerms {
            model: series.listing.fee_model,
            multiplier_millionths: series.listing.fee_multiplier_millionths,
        });
        let event = self.events.get(&market.listing.event);
        let terms = event
            .and_then(|event| event.fee_override)
            .or(series)
            .unwrap_or(FeeTerms {
                model: FeeModel::Quadratic,
                multiplier_millionths: 1_000_000,
            });
        if market.fee_waiver_until.is_some_and(|until| self.now < until) {
            return (terms.model, 0);
        }
        (terms.model, terms.multiplier_millionths)
    }
}
