//! Candlesticks of prices, volumes and open interest.

use autotrader_domain::ports::FeedError;
use autotrader_domain::{Contracts, EventTicker, Money, Price, SeriesTicker, Ticker};
use chrono::serde::ts_seconds;
use chrono::{DateTime, Utc};
use serde::Deserialize;

use crate::KalshiClient;
use crate::parse::decode::schema;
use crate::question::{Question, comma_separated};

/// Markets in one batch; the exchange's maximum.
pub const MARKETS_A_BATCH: usize = 100;

/// One candlestick. Source: `MarketCandlestick` of the OpenAPI document.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub struct Candlestick {
    /// The end of its period, inclusive.
    #[serde(rename = "end_period_ts", with = "ts_seconds")]
    pub ends_at: DateTime<Utc>,
    /// Best bids for YES.
    pub yes_bid: Quotes,
    /// Best asks for YES.
    pub yes_ask: Quotes,
    /// Prices traded.
    pub price: TradedPrices,
    /// Contracts traded.
    #[serde(rename = "volume_fp")]
    pub volume: Contracts,
    /// Contracts held at its end.
    #[serde(rename = "open_interest_fp")]
    pub open_interest: Contracts,
}

/// The course of a quote over one period, in YES prices.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub struct Quotes {
    /// At the beginning.
    #[serde(rename = "open_dollars")]
    pub open: Price,
    /// The lowest.
    #[serde(rename = "low_dollars")]
    pub low: Price,
    /// The highest.
    #[serde(rename = "high_dollars")]
    pub high: Price,
    /// At the end.
    #[serde(rename = "close_dollars")]
    pub close: Price,
}

/// The course of traded YES prices over one period; `None` where nothing was traded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub struct TradedPrices {
    /// The first.
    #[serde(default, rename = "open_dollars")]
    pub open: Option<Price>,
    /// The lowest.
    #[serde(default, rename = "low_dollars")]
    pub low: Option<Price>,
    /// The highest.
    #[serde(default, rename = "high_dollars")]
    pub high: Option<Price>,
    /// The last.
    #[serde(default, rename = "close_dollars")]
    pub close: Option<Price>,
    /// The mean, which need not be a price of the grid.
    #[serde(default, rename = "mean_dollars")]
    pub mean: Option<Money>,
    /// The last before the period.
    #[serde(default, rename = "previous_dollars")]
    pub previous: Option<Price>,
}

/// How long each candlestick is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CandlePeriod {
    /// A minute.
    Minute,
    /// An hour.
    Hour,
    /// A day.
    Day,
}

impl CandlePeriod {
    const fn minutes(self) -> u32 {
        match self {
            Self::Minute => 1,
            Self::Hour => 60,
            Self::Day => 1440,
        }
    }
}

/// Which candlesticks to read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CandleWindow {
    /// Candlesticks that end at this or later; cut to whole seconds.
    pub from: DateTime<Utc>,
    /// Candlesticks that end at this or earlier; cut to whole seconds.
    pub to: DateTime<Utc>,
    /// How long each is.
    pub period: CandlePeriod,
}

impl CandleWindow {
    fn apply(self, question: Question) -> Question {
        question
            .with("start_ts", self.from.timestamp())
            .with("end_ts", self.to.timestamp())
            .with("period_interval", self.period.minutes())
    }
}

/// Whether to begin with a made-up candlestick that carries the last one before the window on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Opening {
    /// Only candlesticks of the window.
    Bare,
    /// With the last one before it.
    WithLatestBefore,
}

/// The candlesticks of one market.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct MarketCandles {
    /// The market.
    #[serde(rename = "market_ticker")]
    pub ticker: Ticker,
    /// Its candlesticks, oldest first.
    pub candlesticks: Vec<Candlestick>,
}

/// The candlesticks of an event's markets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EventCandles {
    /// Each market's.
    pub markets: Vec<MarketCandles>,
    /// The end of the window actually covered: earlier than asked when the answer would have been too large.
    pub covered_to: DateTime<Utc>,
}

#[derive(Deserialize)]
struct MarketAnswer {
    ticker: Ticker,
    candlesticks: Vec<Candlestick>,
}

#[derive(Deserialize)]
struct BatchAnswer {
    markets: Vec<MarketCandles>,
}

#[derive(Deserialize)]
struct EventAnswer {
    market_tickers: Vec<Ticker>,
    market_candlesticks: Vec<Vec<Candlestick>>,
    #[serde(with = "ts_seconds")]
    adjusted_end_ts: DateTime<Utc>,
}

impl KalshiClient {
    /// One market's candlesticks. Cancellation-safe: it only reads.
    ///
    /// # Errors
    /// [`FeedError`] when no readable answer comes, or one about another market.
    pub async fn candlesticks(
        &self,
        series: &SeriesTicker,
        ticker: &Ticker,
        window: CandleWindow,
        opening: Opening,
    ) -> Result<Vec<Candlestick>, FeedError> {
        let path = [
            "series",
            series.as_str(),
            "markets",
            ticker.as_str(),
            "candlesticks",
        ];
        let question = window.apply(Question::public(&path)).flag(
            "include_latest_before_start",
            opening == Opening::WithLatestBefore,
        );
        let answer: MarketAnswer = self.read(&question).await?;
        if answer.ticker == *ticker {
            Ok(answer.candlesticks)
        } else {
            let words = format!("asked for {ticker}, answered {}", answer.ticker);
            Err(schema("$.ticker", &words))
        }
    }

    /// Candlesticks of several markets, one request for each hundred. The exchange answers at most 10 000 candlesticks.
    /// Cancellation-safe: it only reads.
    ///
    /// # Errors
    /// [`FeedError`] when one of the answers does not come or is not readable.
    pub async fn candlesticks_of(
        &self,
        tickers: &[Ticker],
        window: CandleWindow,
        opening: Opening,
    ) -> Result<Vec<MarketCandles>, FeedError> {
        let mut markets = Vec::with_capacity(tickers.len());
        for some in tickers.chunks(MARKETS_A_BATCH) {
            let question =
                Question::public(&["markets", "candlesticks"]).maybe("market_tickers", comma_separated(some));
            let question = window.apply(question).flag(
                "include_latest_before_start",
                opening == Opening::WithLatestBefore,
            );
            let BatchAnswer { markets: answered } = self.read(&question).await?;
            markets.extend(answered);
        }
        Ok(markets)
    }

    /// Candlesticks of every market of an event. Cancellation-safe: it only reads.
    ///
    /// # Errors
    /// [`FeedError`] when no readable answer comes, or one with more markets than candlesticks or the reverse.
    pub async fn event_candlesticks(
        &self,
        series: &SeriesTicker,
        event: &EventTicker,
        window: CandleWindow,
    ) -> Result<EventCandles, FeedError> {
        let path = [
            "series",
            series.as_str(),
            "events",
            event.as_str(),
            "candlesticks",
        ];
        let answer: EventAnswer = self.read(&window.apply(Question::public(&path))).await?;
        if answer.market_tickers.len() != answer.market_candlesticks.len() {
            let words = format!(
                "{} lists for {} markets",
                answer.market_candlesticks.len(),
                answer.market_tickers.len()
            );
            return Err(schema("$.market_candlesticks", &words));
        }
        let pairs = answer.market_tickers.into_iter().zip(answer.market_candlesticks);
        Ok(EventCandles {
            markets: pairs
                .map(|(ticker, candlesticks)| MarketCandles { ticker, candlesticks })
                .collect(),
            covered_to: answer.adjusted_end_ts,
        })
    }
}
