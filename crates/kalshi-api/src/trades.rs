//! Public trades.

use autotrader_domain::ports::FeedError;
use autotrader_domain::{BookSide, Contracts, Price, Ticker};
use chrono::{DateTime, Utc};
use futures_util::Stream;
use serde::Deserialize;

use crate::KalshiClient;
use crate::question::{Question, TimeRange};
use crate::wire::Page;
use crate::word::Word;

/// One public trade. Source: `Trade` of the OpenAPI document.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Trade {
    /// The exchange's id of it.
    pub trade_id: String,
    /// The market.
    pub ticker: Ticker,
    /// Contracts traded.
    #[serde(rename = "count_fp")]
    pub contracts: Contracts,
    /// The YES price.
    #[serde(rename = "yes_price_dollars")]
    pub price: Price,
    /// The side of the YES book that the taker's order was on.
    #[serde(rename = "taker_book_side")]
    pub taker_side: Word<BookSide>,
    /// Whether it was agreed off the book.
    pub is_block_trade: bool,
    /// When it happened.
    #[serde(rename = "created_time")]
    pub traded_at: DateTime<Utc>,
}

/// Which trades to list. The default lists all.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct TradesQuery {
    /// Only of this market.
    pub ticker: Option<Ticker>,
    /// Only within this range.
    pub within: TimeRange,
    /// Only block trades, or none of them.
    pub block: Option<bool>,
}

#[derive(Deserialize)]
struct TradesPage {
    trades: Vec<Trade>,
    cursor: String,
}

impl Page for TradesPage {
    type Item = Trade;

    fn split(self) -> Result<(Vec<Trade>, String), FeedError> {
        Ok((self.trades, self.cursor))
    }

    fn key(item: &Trade) -> String {
        item.trade_id.clone()
    }
}

impl KalshiClient {
    /// Public trades, newest first, page by page. Cancellation-safe: it only reads. The first error ends the stream.
    pub fn list_trades(
        &self,
        query: &TradesQuery,
    ) -> impl Stream<Item = Result<Trade, FeedError>> + Send + use<'_> {
        let question = Question::public(&["markets", "trades"])
            .with("limit", 1000)
            .maybe("ticker", query.ticker.as_ref())
            .between("min_ts", "max_ts", query.within)
            .maybe("is_block_trade", query.block);
        self.pages::<TradesPage>([question])
    }
}
