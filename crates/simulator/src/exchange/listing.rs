//! What is listed: series, events and markets with their terms.

use std::collections::{BTreeMap, VecDeque};

use autotrader_domain::{
    BookSide, Contracts, EventTicker, MarketStatus, Price, PriceRange, SeriesTicker, SettlementResult, Ticker,
};
use chrono::{DateTime, TimeDelta, Utc};
use serde::Serialize;

use super::book::Ladder;
use super::ids::MarketId;
use super::quotes::{QuoteHistory, QuoteSpan};

/// How a series charges fees.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum FeeModel {
    /// Takers pay, makers do not.
    Quadratic,
    /// Takers pay, makers pay a quarter of it.
    QuadraticWithMakerFees,
    /// Takers pay, makers pay half of it.
    QuadraticWithComboMakerFees,
}

impl FeeModel {
    /// The word on the wire.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Quadratic => "quadratic",
            Self::QuadraticWithMakerFees => "quadratic_with_maker_fees",
            Self::QuadraticWithComboMakerFees => "quadratic_with_combo_maker_fees",
        }
    }
}

/// How much is charged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct FeeTerms {
    /// Who pays.
    pub model: FeeModel,
    /// The fee multiplier in millionths (1 000 000 = 1).
    pub multiplier_millionths: u32,
}

/// One source that decides the markets of a series.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SettlementSource {
    /// Its name.
    pub name: String,
    /// Where it is.
    pub url: String,
}

/// The terms of a series.
#[derive(Debug, Clone)]
pub struct SeriesListing {
    /// Its name, such as `KXTOPMODEL`.
    pub ticker: SeriesTicker,
    /// Its title.
    pub title: String,
    /// Its category.
    pub category: String,
    /// How often its events come, in words.
    pub frequency: String,
    /// Its tags.
    pub tags: Vec<String>,
    /// What decides its markets.
    pub settlement_sources: Vec<SettlementSource>,
    /// How it charges fees.
    pub fee_model: FeeModel,
    /// The fee multiplier in millionths (1 000 000 = 1).
    pub fee_multiplier_millionths: u32,
}

/// The terms of an event.
#[derive(Debug, Clone)]
pub struct EventListing {
    /// Its name, such as `KXTOPMODEL-26SEP28`.
    pub ticker: EventTicker,
    /// The series it belongs to.
    pub series: SeriesTicker,
    /// Its title.
    pub title: String,
    /// Its short title.
    pub sub_title: String,
    /// Whether at most one of its markets can pay.
    ///
    /// Such events are `MECNET`: an account with netting enabled gets collateral back across their markets.
    pub mutually_exclusive: bool,
    /// The date the event is about.
    pub strike_date: Option<DateTime<Utc>>,
}

/// The name and bands of a price grid.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PriceStructure {
    /// The label on the wire, such as `linear_cent`.
    pub name: String,
    /// The bands; the truth.
    pub ranges: Vec<PriceRange>,
}

/// The documented structures: label, ends of the middle band, tick size in the middle and at the edges, in 1/10 000 $.
///
/// From the exchange's page on fixed-point prices; a structure without edges has its middle band from 0 to 1 dollar.
const DOCUMENTED: [(&str, (i64, i64), i64, i64); 12] = [
    ("linear_cent", (0, 10_000), 100, 100),
    ("deci_cent", (0, 10_000), 10, 10),
    ("tapered_deci_cent", (1_000, 9_000), 100, 10),
    ("center_whole_edge_half_cent", (1_000, 9_000), 100, 50),
    ("center_whole_edge_quint_cent", (1_000, 9_000), 100, 20),
    ("center_half_edge_half_cent", (0, 10_000), 50, 50),
    ("center_half_edge_quint_cent", (1_000, 9_000), 50, 20),
    ("center_half_edge_deci_cent", (1_000, 9_000), 50, 10),
    ("center_quint_edge_quint_cent", (0, 10_000), 20, 20),
    ("center_quint_edge_deci_cent", (1_000, 9_000), 20, 10),
    ("center_centi_edge_centi_cent", (0, 10_000), 1, 1),
    ("center_deci_edge_centi_cent", (100, 9_900), 10, 1),
];

impl PriceStructure {
    fn banded((name, (low, high), center, edge): (&str, (i64, i64), i64, i64)) -> Self {
        let band = |start: i64, end: i64, step: i64| {
            (start < end)
                .then(|| {
                    Some(PriceRange {
                        start: Price::from_raw(start)?,
                        end: Price::from_raw(end)?,
                        step: Price::from_raw(step)?,
                    })
                })
                .flatten()
        };
        Self {
            name: name.to_owned(),
            ranges: [
                band(0, low, edge),
                band(low, high, center),
                band(high, 10_000, edge),
            ]
            .into_iter()
            .flatten()
            .collect(),
        }
    }

    /// All documented structures.
    pub fn documented() -> impl Iterator<Item = Self> {
        DOCUMENTED.into_iter().map(Self::banded)
    }

    /// The documented structure of this label.
    #[must_use]
    pub fn named(label: &str) -> Option<Self> {
        DOCUMENTED
            .into_iter()
            .find(|(name, ..)| *name == label)
            .map(Self::banded)
    }

    /// Whole cents (`linear_cent`).
    #[must_use]
    pub fn linear_cent() -> Self {
        Self::banded(("linear_cent", (0, 10_000), 100, 100))
    }

    /// Tenths of a cent (`deci_cent`).
    #[must_use]
    pub fn deci_cent() -> Self {
        Self::banded(("deci_cent", (0, 10_000), 10, 10))
    }

    /// Tenths of a cent below ten and above ninety cents, whole cents between (`tapered_deci_cent`).
    #[must_use]
    pub fn tapered_deci_cent() -> Self {
        Self::banded(("tapered_deci_cent", (1_000, 9_000), 100, 10))
    }

    /// Whether an order may carry this price: strictly between zero and one dollar and on a band's grid.
    #[must_use]
    pub fn accepts(&self, price: Price) -> bool {
        let raw = price.raw();
        raw > 0
            && raw < 10_000
            && self.ranges.iter().any(|band| {
                let (start, end, step) = (band.start.raw(), band.end.raw(), band.step.raw());
                step > 0 && raw >= start && raw <= end && (raw - start) % step == 0
            })
    }
}

/// The terms of a market.
#[derive(Debug, Clone)]
pub struct MarketListing {
    /// Its name, such as `KXTOPMODEL-26SEP28-AURO`.
    pub ticker: Ticker,
    /// The event it belongs to.
    pub event: EventTicker,
    /// Its title; absent on some real markets.
    pub title: Option<String>,
    /// The label of the YES side.
    pub yes_sub_title: String,
    /// The label of the NO side.
    pub no_sub_title: String,
    /// The rule text that names the outcome and the check time.
    pub rules_primary: String,
    /// The rule text that breaks ties.
    pub rules_secondary: String,
    /// `custom_strike`, such as `{"Model": slug}`.
    pub custom_strike: Option<BTreeMap<String, String>>,
    /// When trading begins.
    pub open_time: DateTime<Utc>,
    /// When trading ends.
    pub close_time: DateTime<Utc>,
    /// When the outcome is expected to be known.
    pub expected_expiration_time: Option<DateTime<Utc>>,
    /// The latest time the market can expire.
    pub latest_expiration_time: DateTime<Utc>,
    /// How long after its determination a market pays, in seconds.
    pub settlement_timer_seconds: u32,
    /// Whether trading may end before the close time.
    pub can_close_early: bool,
    /// Under which condition it may.
    pub early_close_condition: Option<String>,
    /// The prices its orders may carry.
    pub prices: PriceStructure,
}

/// Why something could not be listed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ListingError {
    /// The name is taken.
    #[error("`{0}` is already listed: give it another name")]
    Taken(String),
    /// The series or event it belongs to is not listed.
    #[error("`{0}` is not listed: list it first")]
    NoParent(String),
    /// The terms contradict each other.
    #[error("`{ticker}` cannot be listed: {why}")]
    Terms {
        /// The market.
        ticker: Ticker,
        /// What is wrong.
        why: &'static str,
    },
}

/// A listed series.
#[derive(Debug, Clone)]
pub struct Series {
    /// Its terms.
    pub listing: SeriesListing,
    /// When its terms last changed.
    pub updated_at: DateTime<Utc>,
}

/// A listed event.
#[derive(Debug, Clone)]
pub struct Event {
    /// Its terms.
    pub listing: EventListing,
    /// Its own fees, instead of its series'.
    pub fee_override: Option<FeeTerms>,
    /// When its terms last changed.
    pub updated_at: DateTime<Utc>,
    /// Its markets in the order of listing.
    pub markets: Vec<Ticker>,
}

/// How a market was decided and when.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Determination {
    /// The result.
    pub result: SettlementResult,
    /// What one YES contract pays.
    pub value: Price,
    /// When the result was set.
    pub at: DateTime<Utc>,
    /// When it pays, or paid.
    pub pays_at: DateTime<Utc>,
}

/// A listed market with its book.
#[derive(Debug, Clone)]
pub struct Market {
    /// Its terms; the close time here is the current one.
    pub listing: MarketListing,
    /// The series of its event.
    pub series: SeriesTicker,
    /// The id used on the WebSocket.
    pub id: MarketId,
    /// Where it is in its life.
    pub status: MarketStatus,
    /// When it was listed.
    pub created_at: DateTime<Utc>,
    /// When its terms last changed.
    pub updated_at: DateTime<Utc>,
    /// Until when its fees are waived.
    pub fee_waiver_until: Option<DateTime<Utc>>,
    /// How it was decided, once it was.
    pub determination: Option<Determination>,
    /// When it paid.
    pub settled_at: Option<DateTime<Utc>>,
    /// The price of its last trade.
    pub last_price: Option<Price>,
    /// Contracts traded since it was listed.
    pub volume: Contracts,
    /// Contracts held: pairs of one YES and one NO.
    pub open_interest: Contracts,
    /// The exchange's clock at the last change of its book; 0 before the first.
    pub clock: u64,
    /// Its trades of the last day and the last one before that, oldest first.
    pub(crate) recent: VecDeque<(DateTime<Utc>, Price, i64)>,
    pub(crate) ladder: Ladder,
    pub(crate) quotes: QuoteHistory,
}

impl Market {
    /// Notes a trade and forgets what is older than a day, except the price that held a day ago.
    pub(crate) fn note_trade(&mut self, at: DateTime<Utc>, price: Price, count: i64) {
        self.last_price = Some(price);
        self.volume = Contracts::from_raw(self.volume.raw() + count).unwrap_or(self.volume);
        self.recent.push_back((at, price, count));
        let day_ago = at - TimeDelta::days(1);
        while self.recent.get(1).is_some_and(|(second, ..)| *second <= day_ago) {
            self.recent.pop_front();
        }
    }

    /// Notes the best quotes and the open interest as they are.
    pub(crate) fn note_quotes(&mut self, at: DateTime<Utc>) {
        let bid = self.best_bid().map_or(Price::ZERO, |(price, _)| price);
        let ask = self.best_ask().map_or(Price::ONE, |(price, _)| price);
        self.quotes.note(at, bid, ask, self.open_interest);
    }

    /// The best quotes by periods of so many minutes, oldest first; periods in which nothing changed are left out.
    #[must_use]
    pub fn quote_spans(&self, minutes: i64) -> Vec<QuoteSpan> {
        self.quotes.spans(minutes)
    }

    /// Contracts traded in the day before `now`.
    #[must_use]
    pub fn volume_24h(&self, now: DateTime<Utc>) -> Contracts {
        let day_ago = now - TimeDelta::days(1);
        let recent = self.recent.iter().filter(|(at, ..)| *at > day_ago);
        Contracts::from_raw(recent.map(|(.., count)| count).sum()).unwrap_or(Contracts::ZERO)
    }

    /// The price of the last trade that is a day old or older at `now`.
    #[must_use]
    pub fn price_a_day_ago(&self, now: DateTime<Utc>) -> Option<Price> {
        let day_ago = now - TimeDelta::days(1);
        self.recent
            .iter()
            .rev()
            .find(|(at, ..)| *at <= day_ago)
            .map(|(_, price, _)| *price)
    }

    /// The size of the last trade; nothing when there was none.
    #[must_use]
    pub fn last_trade_size(&self) -> Contracts {
        let last = self.recent.back().map_or(0, |(.., count)| *count);
        Contracts::from_raw(last).unwrap_or(Contracts::ZERO)
    }

    /// The highest bid and its size.
    #[must_use]
    pub fn best_bid(&self) -> Option<(Price, Contracts)> {
        self.ladder.best_bid()
    }

    /// The lowest ask and its size.
    #[must_use]
    pub fn best_ask(&self) -> Option<(Price, Contracts)> {
        self.ladder.best_ask()
    }

    /// The sizes of one side on the YES scale, prices ascending.
    pub fn levels(&self, side: BookSide) -> impl DoubleEndedIterator<Item = (Price, Contracts)> + '_ {
        self.ladder.levels(side)
    }
}
