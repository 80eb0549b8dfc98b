//! Listing, and the life of markets up to their close.

use std::collections::{BTreeMap, VecDeque};

use autotrader_domain::{Contracts, MarketStatus, Ticker};
use chrono::{DateTime, TimeDelta, Utc};

use super::agenda::Due;
use super::feed::{FeedEvent, LifecycleStep};
use super::listing::{
    Event, EventListing, FeeTerms, ListingError, Market, MarketListing, PriceStructure, Series, SeriesListing,
};
use super::log::LogEntry;
use super::order::UpdateReason;
use super::{Exchange, book::Ladder};

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
        let at = self.now;
        self.log.push(LogEntry::SeriesFees {
            at,
            series: ticker.clone(),
            terms: FeeTerms {
                model: listing.fee_model,
                multiplier_millionths: listing.fee_multiplier_millionths,
            },
        });
        self.series.insert(
            ticker,
            Series {
                listing,
                updated_at: at,
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
        let at = self.now;
        self.log.push(LogEntry::EventListed {
            at,
            event: ticker.clone(),
            series: listing.series.clone(),
            mutually_exclusive: listing.mutually_exclusive,
        });
        self.events.insert(
            ticker.clone(),
            Event {
                listing,
                fee_override: None,
                updated_at: at,
                markets: Vec::new(),
            },
        );
        self.publish(FeedEvent::EventCreated { event: ticker, at });
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
        self.log.push(LogEntry::MarketListed {
            at: now,
            ticker: ticker.clone(),
            event: listing.event.clone(),
        });
        let series = event.listing.series.clone();
        self.agenda.add(listing.open_time, Due::Open(ticker.clone()));
        self.agenda.add(listing.close_time, Due::Close(ticker.clone()));
        let market = Market {
            series,
            id: self.mint.market(),
            status: MarketStatus::Initialized,
            created_at: now,
            updated_at: now,
            fee_waiver_until: None,
            determination: None,
            settled_at: None,
            last_price: None,
            volume: Contracts::ZERO,
            open_interest: Contracts::ZERO,
            clock: 0,
            recent: VecDeque::new(),
            ladder: Ladder::default(),
            quotes: super::quotes::QuoteHistory::default(),
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

    pub(super) fn open(&mut self, ticker: &Ticker) {
        if let Some(market) = self.markets.get_mut(ticker)
            && market.status == MarketStatus::Initialized
        {
            market.status = MarketStatus::Active;
        }
    }

    pub(super) fn close(&mut self, ticker: &Ticker, due_at: DateTime<Utc>) {
        let Some(market) = self.markets.get_mut(ticker) else {
            return;
        };
        if market.listing.close_time > due_at || !is_before_close(market.status) {
            return;
        }
        market.status = MarketStatus::Closed;
        self.agenda
            .add(self.now + CLEARED_AFTER, Due::ClearClosed(ticker.clone()));
    }

    pub(super) fn clear_closed(&mut self, ticker: &Ticker) {
        let is_closed = |market: &Market| !is_before_close(market.status);
        if self.markets.get(ticker).is_some_and(is_closed) {
            self.clear_book(ticker, UpdateReason::CloseCancel);
        }
    }

    pub(super) fn clear_book(&mut self, ticker: &Ticker, reason: UpdateReason) {
        let orders = self
            .markets
            .get(ticker)
            .map(|market| market.ladder.orders())
            .unwrap_or_default();
        for order in orders {
            self.remove(order, Some(reason));
        }
    }

    /// Moves a market's close time; a time that is past closes it at once, a later one opens a market again that has closed and
    /// is not decided, which cancels what still rests.
    ///
    /// # Errors
    /// When the market is not listed or already decided.
    pub fn move_close_time(
        &mut self,
        ticker: &Ticker,
        close_time: DateTime<Utc>,
        at: DateTime<Utc>,
    ) -> Result<(), LifecycleError> {
        self.tick(at);
        let now = self.now;
        let market = self.market_mut(ticker)?;
        let reopens = market.status == MarketStatus::Closed && close_time > now;
        if !is_before_close(market.status) && !reopens {
            return Err(LifecycleError::WrongStatus {
                ticker: ticker.clone(),
                status: market.status,
            });
        }
        market.listing.close_time = close_time;
        market.updated_at = now;
        if reopens {
            market.status = MarketStatus::Active;
        }
        self.agenda.add(close_time, Due::Close(ticker.clone()));
        let mut steps = vec![LifecycleStep::CloseDateUpdated(close_time)];
        steps.extend(reopens.then_some(LifecycleStep::Activated));
        for step in steps {
            self.publish(FeedEvent::Lifecycle {
                ticker: ticker.clone(),
                step,
                at: now,
            });
        }
        if reopens {
            self.clear_book(ticker, UpdateReason::HaltCancel);
        }
        self.tick(now);
        Ok(())
    }

    /// Writes anew what a market is about: its YES label and its strike.
    ///
    /// # Errors
    /// When the market is not listed.
    pub fn update_metadata(
        &mut self,
        ticker: &Ticker,
        yes_sub_title: &str,
        custom_strike: Option<BTreeMap<String, String>>,
        at: DateTime<Utc>,
    ) -> Result<(), LifecycleError> {
        self.tick(at);
        let now = self.now;
        let market = self.market_mut(ticker)?;
        yes_sub_title.clone_into(&mut market.listing.yes_sub_title);
        market.listing.custom_strike = custom_strike;
        market.updated_at = now;
        self.publish(FeedEvent::Lifecycle {
            ticker: ticker.clone(),
            step: LifecycleStep::MetadataUpdated,
            at: now,
        });
        Ok(())
    }

    /// Writes a market's rule texts anew; what is `None` stays.
    ///
    /// # Errors
    /// When the market is not listed.
    pub fn reword(
        &mut self,
        ticker: &Ticker,
        rules_primary: Option<&str>,
        rules_secondary: Option<&str>,
        at: DateTime<Utc>,
    ) -> Result<(), LifecycleError> {
        self.tick(at);
        let now = self.now;
        let market = self.market_mut(ticker)?;
        if let Some(text) = rules_primary {
            text.clone_into(&mut market.listing.rules_primary);
        }
        if let Some(text) = rules_secondary {
            text.clone_into(&mut market.listing.rules_secondary);
        }
        market.updated_at = now;
        self.publish(FeedEvent::Lifecycle {
            ticker: ticker.clone(),
            step: LifecycleStep::MetadataUpdated,
            at: now,
        });
        Ok(())
    }

    /// Gives a market another price grid; resting orders stay, even off the new grid.
    ///
    /// # Errors
    /// When the market is not listed.
    pub fn update_price_levels(
        &mut self,
        ticker: &Ticker,
        prices: PriceStructure,
        at: DateTime<Utc>,
    ) -> Result<(), LifecycleError> {
        self.tick(at);
        let now = self.now;
        let market = self.market_mut(ticker)?;
        market.listing.prices = prices.clone();
        market.updated_at = now;
        self.publish(FeedEvent::Lifecycle {
            ticker: ticker.clone(),
            step: LifecycleStep::PriceLevelsUpdated(prices),
            at: now,
        });
        Ok(())
    }

    pub(super) fn market_mut(&mut self, ticker: &Ticker) -> Result<&mut Market, LifecycleError> {
        self.markets
            .get_mut(ticker)
            .ok_or_else(|| LifecycleError::NotListed(ticker.to_string()))
    }
}

/// How long after a close its resting orders are taken off: "shortly after", says the guide on the lifecycle.
const CLEARED_AFTER: TimeDelta = TimeDelta::seconds(1);

const fn is_before_close(status: MarketStatus) -> bool {
    matches!(
        status,
        MarketStatus::Initialized | MarketStatus::Active | MarketStatus::Inactive
    )
}
