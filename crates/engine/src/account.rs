//! The account as the core keeps it: cash, positions, open orders, and the figures that limits look at.

use std::collections::BTreeMap;

use autotrader_domain::{
    Book, BookingError, EquityMark, Fill, Market, MarketStatus, Money, OrderUpdate, Portfolio, Position,
    Price, SettlementRecord, Ticker,
};
use autotrader_risk::Figures;
use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use chrono_tz::America::New_York;
use serde::{Deserialize, Serialize};

/// How often a risen peak is written down: a restart may forget at most this much of it.
const PEAK_RECORDED_EVERY: TimeDelta = TimeDelta::minutes(1);

/// How often the equity is written down although nothing about it matters to a limit: for the curve of the days.
const EQUITY_RECORDED_EVERY: TimeDelta = TimeDelta::hours(1);

/// What a market's positions are worth.
#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize)]
struct Marks {
    long: Option<Price>,
    short: Option<Price>,
    /// What a YES contract pays by a result that is determined and not paid yet: provisional.
    determined: Option<Price>,
}

/// Cash, positions and open orders, booked to the micro-dollar.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Account {
    /// What we own and owe.
    pub portfolio: Portfolio,
    marks: BTreeMap<Ticker, Marks>,
    opening_cash: Money,
    /// What losses are counted from; `None` before the first complete figures.
    since: Option<EquityMark>,
    recorded: Option<EquityMark>,
}

impl Account {
    /// An account at its first start.
    #[must_use]
    pub fn opened_with(cash: Money) -> Self {
        Self {
            portfolio: Portfolio::opening(cash),
            opening_cash: cash,
            ..Self::default()
        }
    }

    /// Learns at the very first start what the account holds: what was booked on the way stays booked.
    pub fn learn_cash(&mut self, cash: Money) {
        let booked = self.portfolio.cash.saturating_sub(self.opening_cash);
        self.opening_cash = cash.saturating_sub(booked);
        self.portfolio.cash = cash;
    }

    /// Takes up what losses were counted from before a restart.
    pub const fn restore_equity(&mut self, mark: EquityMark) {
        self.since = Some(mark);
        self.recorded = Some(mark);
    }

    /// Cash at the first start of the database.
    #[must_use]
    pub const fn opening_cash(&self) -> Money {
        self.opening_cash
    }

    /// Books an execution: position, fee and cash.
    ///
    /// # Errors
    /// [`BookingError`] on overflow; nothing is booked then.
    pub fn book_fill(&mut self, fill: &Fill) -> Result<(), BookingError> {
        self.portfolio.book_fill(fill)
    }

    /// Books a payout, or an amended one in the place of the one before.
    ///
    /// # Errors
    /// [`BookingError`] on overflow; nothing is booked then.
    pub fn book_settlement(&mut self, settlement: &SettlementRecord) -> Result<(), BookingError> {
        self.portfolio.book_settlement(settlement)
    }

    /// Takes an order's new state.
    pub fn book_order(&mut self, update: &OrderUpdate) {
        let order = &update.order;
        let id = &order.client_order_id;
        if order.state.is_terminal() {
            self.portfolio.open_orders.remove(id);
        } else {
            self.portfolio.open_orders.insert(id.clone(), order.clone());
        }
    }

    /// Remembers what a market's result makes its positions worth, once it is determined: provisional until cash moves.
    pub fn see_market(&mut self, market: &Market) {
        let provisional = matches!(
            market.status,
            MarketStatus::Determined | MarketStatus::Disputed | MarketStatus::Amended
        );
        let value = market.settlement_value.filter(|_| provisional);
        if value.is_some() || self.marks.contains_key(&market.ticker) {
            self.marks.entry(market.ticker.clone()).or_default().determined = value;
        }
    }

    /// Remembers what a book says positions are worth. A side without bids says nothing: its last mark stays.
    pub fn see_book(&mut self, book: &Book) {
        let marks = self.marks.entry(book.ticker.clone()).or_default();
        marks.long = book.yes_bids().first().map(|level| level.price).or(marks.long);
        marks.short = book.no_bids().first().map(|level| level.price).or(marks.short);
    }

    /// Forgets the marks of markets that are no longer known.
    pub fn retain_marks(&mut self, known: impl Fn(&Ticker) -> bool) {
        self.marks.retain(|ticker, _| known(ticker));
    }

    /// What a position would fetch at its last mark; `None` when it never had one.
    fn mark_of(&self, ticker: &Ticker, position: &Position) -> Option<Money> {
        if position.net.is_flat() {
            return Some(Money::ZERO);
        }
        let marks = self.marks.get(ticker)?;
        let price = if position.net.raw() > 0 {
            marks.determined.or(marks.long)
        } else {
            marks.determined.map(Price::complement).or(marks.short)
        };
        price?.times(position.net.size())
    }

    /// What the positions would fetch at their last marks; one that never had a mark counts at cost.
    ///
    /// A market that closed keeps its last mark until it settles.
    #[must_use]
    pub fn marked(&self) -> Money {
        let worth = |(ticker, position)| self.mark_of(ticker, position).unwrap_or(position.cost);
        self.portfolio.positions.iter().map(worth).sum()
    }

    /// Cash plus marked positions.
    #[must_use]
    pub fn equity(&self) -> Money {
        self.portfolio.cash.saturating_add(self.marked())
    }

    /// The figures that limits of loss look at, with the New York day and the peak brought up to date.
    ///
    /// `None` while an open position has no mark: a guess would trip a limit, or hide that one is broken.
    pub fn figures(&mut self, at: DateTime<Utc>) -> Option<Figures> {
        let complete = self
            .portfolio
            .positions
            .iter()
            .all(|(ticker, position)| self.mark_of(ticker, position).is_some());
        if !complete {
            return None;
        }
        let equity = self.equity();
        let today = new_york_day(at);
        let since = self.since.unwrap_or(EquityMark {
            at,
            day: today,
            equity,
            day_open: equity,
            peak: equity.max(self.opening_cash),
        });
        // What was lost since the last look at the day before, while no process ran perhaps, belongs to the new day.
        let day_open = if since.day == today {
            since.day_open
        } else {
            since.equity
        };
        self.since = Some(EquityMark {
            at,
            day: today,
            equity,
            day_open,
            peak: since.peak.max(equity),
        });
        self.since.map(|since| Figures {
            day: since.day,
            equity,
            day_open_equity: since.day_open,
            opening_equity: self.opening_cash,
            peak_equity: since.peak,
        })
    }

    /// What is to be written down of the figures now, so that a restart counts losses from the same equity: a new day, a
    /// peak, what an operator released, and the curve by the hour.
    pub fn equity_to_record(&mut self) -> Option<EquityMark> {
        let now = self.since?;
        let due = match self.recorded {
            None => true,
            Some(last) => {
                let rebased = last.day != now.day || last.day_open != now.day_open || last.peak > now.peak;
                rebased
                    || (last.peak != now.peak && now.at - last.at >= PEAK_RECORDED_EVERY)
                    || now.at - last.at >= EQUITY_RECORDED_EVERY
            }
        };
        if due {
            self.recorded = Some(now);
        }
        self.recorded.filter(|_| due)
    }

    /// Looks for the highest equity from now on: an operator has accepted the drawdown.
    pub fn forget_peak(&mut self) {
        if let Some(since) = &mut self.since {
            since.peak = since.equity;
        }
    }

    /// The highest equity since the first start, or since an operator accepted a drawdown.
    #[must_use]
    pub fn peak(&self) -> Option<Money> {
        self.since.map(|since| since.peak)
    }

    /// Realised profit of all positions, fees apart.
    #[must_use]
    pub fn realized(&self) -> Money {
        self.portfolio.realized()
    }

    /// Fees paid on all positions.
    #[must_use]
    pub fn fees(&self) -> Money {
        self.portfolio.fees()
    }

    /// Cost of all open positions.
    #[must_use]
    pub fn cost(&self) -> Money {
        self.portfolio.cost()
    }
}

/// The New York date of an instant: 23 and 25 hour days included.
pub(crate) fn new_york_day(at: DateTime<Utc>) -> NaiveDate {
    at.with_timezone(&New_York).date_naive()
}
