//! Markets as the exchange lists them, with prices and volumes.

use autotrader_domain::ports::FeedError;
use autotrader_domain::{
    Book, Contracts, EventTicker, MarketStatus, Money, Net, Price, PriceRange, SeriesTicker,
    SettlementResult, Ticker,
};
use chrono::{DateTime, Utc};
use futures_util::Stream;
use serde::Deserialize;

use crate::KalshiClient;
use crate::parse;
use crate::parse::decode::schema;
use crate::question::{Question, TimeRange, comma_separated};
use crate::wire::Page;
use crate::word::Word;

/// Tickers in one listing, well below what a query string may carry.
const TICKERS_A_REQUEST: usize = 100;

/// One market with its terms, its best prices and its volumes. Source: `Market` of the OpenAPI document.
///
/// [`autotrader_domain::Market`] is what trading needs of it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct ListedMarket {
    /// The market.
    pub ticker: Ticker,
    /// Its event.
    pub event_ticker: EventTicker,
    /// What it pays like.
    pub market_type: Word<MarketType>,
    /// The label of the YES side.
    pub yes_sub_title: String,
    /// The label of the NO side.
    pub no_sub_title: String,
    /// When it was listed.
    pub created_time: DateTime<Utc>,
    /// When its terms last changed.
    pub updated_time: DateTime<Utc>,
    /// When trading begins.
    pub open_time: DateTime<Utc>,
    /// When trading ends; may move earlier.
    pub close_time: DateTime<Utc>,
    /// When the exchange expects to know the result.
    #[serde(default)]
    pub expected_expiration_time: Option<DateTime<Utc>>,
    /// When it ends at the latest.
    pub latest_expiration_time: DateTime<Utc>,
    /// From determination to payout, in seconds.
    pub settlement_timer_seconds: u32,
    /// Where it is in its life.
    pub status: Word<MarketStatus>,
    /// Best bid for YES; zero when there is none.
    pub yes_bid_dollars: Price,
    /// Contracts at the best bid for YES, as sent: negative sizes were recorded, so it is no depth to trade on.
    pub yes_bid_size_fp: Net,
    /// Best ask for YES; one dollar when there is none.
    pub yes_ask_dollars: Price,
    /// Contracts at the best ask for YES, as sent: see [`Self::yes_bid_size_fp`].
    pub yes_ask_size_fp: Net,
    /// Best bid for NO; zero when there is none.
    pub no_bid_dollars: Price,
    /// Best ask for NO; one dollar when there is none.
    pub no_ask_dollars: Price,
    /// The last traded YES price; zero before the first trade.
    pub last_price_dollars: Price,
    /// Contracts traded.
    pub volume_fp: Contracts,
    /// Contracts traded in the last day.
    pub volume_24h_fp: Contracts,
    /// Contracts held.
    pub open_interest_fp: Contracts,
    /// How it was decided; `None` while undecided.
    #[serde(deserialize_with = "result")]
    pub result: Option<Word<SettlementResult>>,
    /// Whether it may close before its close time.
    pub can_close_early: bool,
    /// What a winning contract pays.
    pub notional_value_dollars: Money,
    /// What a YES contract pays, once decided.
    #[serde(default)]
    pub settlement_value_dollars: Option<Price>,
    /// When it was paid out.
    #[serde(default)]
    pub settlement_ts: Option<DateTime<Utc>>,
    /// How the settlement value is bounded; not sent before 2026-09-29.
    #[serde(default)]
    pub settlement_bounds_type: Option<Word<SettlementBounds>>,
    /// The least a YES contract pays, where there is a floor.
    #[serde(default)]
    pub settlement_floor_dollars: Option<Price>,
    /// The value that decided it; empty while undecided.
    pub expiration_value: String,
    /// The rule text that names the outcome and the check time.
    pub rules_primary: String,
    /// The rule text that breaks ties.
    pub rules_secondary: String,
    /// The name of the tick structure; [`Self::price_ranges`] is the truth.
    pub price_level_structure: String,
    /// The bands of allowed prices.
    pub price_ranges: Vec<ListedPriceRange>,
    /// Until when no fees are charged.
    #[serde(default)]
    pub fee_waiver_expiration_time: Option<DateTime<Utc>>,
    /// The shard that holds its collateral.
    #[serde(default)]
    pub exchange_index: Option<i32>,
}

/// A band of prices with one tick size.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub struct ListedPriceRange {
    /// First price of the band.
    pub start: Price,
    /// Last price of the band.
    pub end: Price,
    /// Tick size inside the band.
    pub step: Price,
}

impl From<ListedPriceRange> for PriceRange {
    fn from(range: ListedPriceRange) -> Self {
        Self {
            start: range.start,
            end: range.end,
            step: range.step,
        }
    }
}

/// What a market pays like.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MarketType {
    /// All or nothing.
    Binary,
    /// A value in between.
    Scalar,
}

/// How a settlement value is bounded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SettlementBounds {
    /// Between nothing and the notional value.
    Default,
    /// Not below a floor.
    Floor,
}

fn result<'de, D: serde::Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<Word<SettlementResult>>, D::Error> {
    let word = Word::deserialize(deserializer)?;
    Ok(Some(word).filter(|word| *word != Word::Unknown(String::new())))
}

/// Which phase of life markets are listed in: the exchange's words cover their statuses in groups.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MarketPhase {
    /// Not open yet.
    Unopened,
    /// Open.
    Open,
    /// Paused.
    Paused,
    /// Past their close.
    Closed,
    /// Paid out.
    Settled,
}

impl MarketPhase {
    const fn word(self) -> &'static str {
        match self {
            Self::Unopened => "unopened",
            Self::Open => "open",
            Self::Paused => "paused",
            Self::Closed => "closed",
            Self::Settled => "settled",
        }
    }
}

/// Which markets to list. The default lists all but combinations.
///
/// What the exchange refuses cannot be said: two phases, or bounds on two kinds of time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MarketsQuery {
    /// By where they belong and where they are in their life.
    Listed {
        /// Where they belong.
        scope: MarketScope,
        /// Where they are in their life.
        when: MarketTimes,
    },
    /// Those whose terms changed lately; combinations excluded, as the exchange requires.
    Updated {
        /// Only this series.
        series: Option<SeriesTicker>,
        /// When they changed.
        within: TimeRange,
    },
}

impl Default for MarketsQuery {
    fn default() -> Self {
        Self::Listed {
            scope: MarketScope::All(Combinations::Excluded),
            when: MarketTimes::Any,
        }
    }
}

impl MarketsQuery {
    /// Every market of a series.
    #[must_use]
    pub const fn of_series(series: SeriesTicker) -> Self {
        Self::Listed {
            scope: MarketScope::Series(series),
            when: MarketTimes::Any,
        }
    }

    /// Every market of an event.
    #[must_use]
    pub const fn of_event(event: EventTicker) -> Self {
        Self::Listed {
            scope: MarketScope::Event(event),
            when: MarketTimes::Any,
        }
    }
}

/// Where markets belong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MarketScope {
    /// Anywhere.
    All(Combinations),
    /// To one series.
    Series(SeriesTicker),
    /// To one event.
    Event(EventTicker),
    /// These markets, asked for in hundreds; none when empty.
    Tickers(Vec<Ticker>),
}

/// Whether a listing holds combinations of markets, which outnumber the markets themselves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Combinations {
    /// Left out.
    Excluded,
    /// With them.
    Included,
    /// Nothing else.
    Only,
}

/// Where markets are in their life: a phase, and bounds on the one kind of time that the exchange takes with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MarketTimes {
    /// Anywhere.
    Any,
    /// In one phase.
    In(MarketPhase),
    /// Listed within a range, whatever their phase.
    Created(TimeRange),
    /// Listed within a range and not open yet.
    UnopenedCreated(TimeRange),
    /// Listed within a range and open.
    OpenCreated(TimeRange),
    /// Closing within a range, whatever their phase.
    Closing(TimeRange),
    /// Past a close within a range.
    ClosedWithin(TimeRange),
    /// Paid out within a range.
    SettledWithin(TimeRange),
}

impl MarketTimes {
    fn apply(self, question: Question) -> Question {
        let (phase, question) = match self {
            Self::Any => (None, question),
            Self::In(phase) => (Some(phase), question),
            Self::Created(range) => (None, question.between("min_created_ts", "max_created_ts", range)),
            Self::UnopenedCreated(range) => (
                Some(MarketPhase::Unopened),
                question.between("min_created_ts", "max_created_ts", range),
            ),
            Self::OpenCreated(range) => (
                Some(MarketPhase::Open),
                question.between("min_created_ts", "max_created_ts", range),
            ),
            Self::Closing(range) => (None, question.between("min_close_ts", "max_close_ts", range)),
            Self::ClosedWithin(range) => (
                Some(MarketPhase::Closed),
                question.between("min_close_ts", "max_close_ts", range),
            ),
            Self::SettledWithin(range) => (
                Some(MarketPhase::Settled),
                question.between("min_settled_ts", "max_settled_ts", range),
            ),
        };
        question.maybe("status", phase.map(MarketPhase::word))
    }
}

/// The questions that a query takes: more than one only for many tickers.
fn questions(query: &MarketsQuery) -> Vec<Question> {
    let all = || Question::public(&["markets"]).with("limit", 1000);
    match query {
        MarketsQuery::Listed { scope, when } => {
            let scoped = match scope {
                MarketScope::All(Combinations::Excluded) => vec![all().with("mve_filter", "exclude")],
                MarketScope::All(Combinations::Included) => vec![all()],
                MarketScope::All(Combinations::Only) => vec![all().with("mve_filter", "only")],
                MarketScope::Series(series) => vec![all().with("series_ticker", series)],
                MarketScope::Event(event) => vec![all().with("event_ticker", event)],
                MarketScope::Tickers(tickers) => tickers
                    .chunks(TICKERS_A_REQUEST)
                    .map(|some| all().maybe("tickers", comma_separated(some)))
                    .collect(),
            };
            scoped.into_iter().map(|question| when.apply(question)).collect()
        }
        MarketsQuery::Updated { series, within } => vec![
            all()
                .with("mve_filter", "exclude")
                .maybe("series_ticker", series.as_ref())
                .between("min_updated_ts", "max_updated_ts", *within),
        ],
    }
}

#[derive(Deserialize)]
struct MarketAnswer {
    market: ListedMarket,
}

#[derive(Deserialize)]
struct MarketsPage {
    markets: Vec<ListedMarket>,
    cursor: String,
}

impl Page for MarketsPage {
    type Item = ListedMarket;

    fn split(self) -> Result<(Vec<ListedMarket>, String), FeedError> {
        Ok((self.markets, self.cursor))
    }

    fn key(item: &ListedMarket) -> String {
        item.ticker.to_string()
    }
}

impl KalshiClient {
    /// One market with its prices, in one request. Cancellation-safe: it only reads.
    ///
    /// # Errors
    /// [`FeedError`] when no readable answer comes, or one about another market.
    pub async fn listed_market(&self, ticker: &Ticker) -> Result<ListedMarket, FeedError> {
        let question = Question::public(&["markets", ticker.as_str()]);
        let MarketAnswer { market } = self.read(&question).await?;
        if market.ticker == *ticker {
            Ok(market)
        } else {
            let words = format!("asked for {ticker}, answered {}", market.ticker);
            Err(schema("$.market.ticker", &words))
        }
    }

    /// Markets, page by page. Cancellation-safe: it only reads. The first error ends the stream.
    pub fn list_markets(
        &self,
        query: &MarketsQuery,
    ) -> impl Stream<Item = Result<ListedMarket, FeedError>> + Send + use<'_> {
        self.pages::<MarketsPage>(questions(query))
    }

    /// One market's book, `depth` levels on each side (1 to 100), or all of them. Cancellation-safe: it only reads.
    ///
    /// Public; the exchange asked for a signature between 2026-07 and 2026-09.
    ///
    /// # Errors
    /// [`FeedError`] when no readable answer comes, or a crossed book.
    pub async fn order_book(&self, ticker: &Ticker, depth: Option<BookDepth>) -> Result<Book, FeedError> {
        let question = Question::public(&["markets", ticker.as_str(), "orderbook"])
            .maybe("depth", depth.map(BookDepth::levels));
        let body = self.ask(&question).await?;
        parse::market::book(ticker.clone(), &body, "$", self.ports.clock.now())
    }
}

/// How many levels of a book to read: 1 to 100.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BookDepth(u8);

impl BookDepth {
    /// So many levels; `None` outside 1 to 100.
    #[must_use]
    pub const fn new(levels: u8) -> Option<Self> {
        if levels >= 1 && levels <= 100 {
            Some(Self(levels))
        } else {
            None
        }
    }

    /// How many.
    #[must_use]
    pub const fn levels(self) -> u8 {
        self.0
    }
}
