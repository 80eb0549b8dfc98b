//! The stream's JSON, field by field, as the AsyncAPI document 2.0.0 has it.
//!
//! Only fields that are used appear; all others are ignored. Fields that the document requires are not optional here, with
//! one exception, `clock`, which real books of June 2026 do not have and this client does not need.

use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;
use std::str::FromStr;

use autotrader_domain::{
    BookSide, Contracts, EventTicker, Money, Net, Price, SeriesTicker, Side, Ticker, VenueOrderId,
};
use serde::de::{Error as _, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

use crate::wire::fees::optional_multiplier;
use crate::wire::present;

/// A value written as text, read without copying the text.
#[derive(Debug, Clone, Copy)]
pub(super) struct Text<T>(pub(super) T);

impl<'de, T: FromStr<Err: fmt::Display>> Deserialize<'de> for Text<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct TextVisitor<T>(PhantomData<T>);

        impl<T: FromStr<Err: fmt::Display>> Visitor<'_> for TextVisitor<T> {
            type Value = Text<T>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a string")
            }

            fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Text<T>, E> {
                text.parse().map(Text).map_err(E::custom)
            }
        }

        deserializer.deserialize_str(TextVisitor(PhantomData))
    }
}

/// Unix milliseconds as a time.
fn millis<'de, D: Deserializer<'de>>(deserializer: D) -> Result<chrono::DateTime<chrono::Utc>, D::Error> {
    let millis = i64::deserialize(deserializer)?;
    chrono::DateTime::from_timestamp_millis(millis)
        .ok_or_else(|| D::Error::custom(format!("{millis} is out of range")))
}

/// What every message may have around its `msg`.
#[derive(Debug, Deserialize)]
pub(super) struct Envelope<'a> {
    #[serde(borrow, rename = "type")]
    pub(super) kind: Cow<'a, str>,
    #[serde(default)]
    pub(super) sid: Option<u64>,
    #[serde(default)]
    pub(super) seq: Option<u64>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Snapshot<'a> {
    #[serde(default)]
    pub(super) id: Option<u64>,
    pub(super) sid: u64,
    pub(super) seq: u64,
    #[serde(borrow)]
    pub(super) msg: SnapshotBody<'a>,
}

pub(super) type Levels = Vec<(Text<Price>, Text<Contracts>)>;

#[derive(Debug, Deserialize)]
pub(super) struct SnapshotBody<'a> {
    #[serde(borrow)]
    pub(super) market_ticker: Cow<'a, str>,
    /// Absent when nobody bids for YES.
    #[serde(default)]
    pub(super) yes_dollars_fp: Option<Levels>,
    /// Absent when nobody bids for NO.
    #[serde(default)]
    pub(super) no_dollars_fp: Option<Levels>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Delta<'a> {
    pub(super) sid: u64,
    pub(super) seq: u64,
    #[serde(borrow)]
    pub(super) msg: DeltaBody<'a>,
}

#[derive(Debug, Deserialize)]
pub(super) struct DeltaBody<'a> {
    #[serde(borrow)]
    pub(super) market_ticker: Cow<'a, str>,
    pub(super) price_dollars: Text<Price>,
    pub(super) delta_fp: Text<Net>,
    pub(super) side: Side,
}

#[derive(Debug, Deserialize)]
pub(super) struct Subscribed {
    #[serde(default)]
    pub(super) id: Option<u64>,
    pub(super) msg: Listed,
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub(crate) struct Listed {
    pub(crate) channel: String,
    pub(crate) sid: u64,
}

#[derive(Debug, Deserialize)]
pub(super) struct Unsubscribed {
    #[serde(default)]
    pub(super) id: Option<u64>,
    pub(super) sid: u64,
    pub(super) seq: u64,
}

#[derive(Debug, Deserialize)]
pub(super) struct Done<'a> {
    #[serde(default)]
    pub(super) id: Option<u64>,
    #[serde(default)]
    pub(super) sid: Option<u64>,
    #[serde(default)]
    pub(super) seq: Option<u64>,
    #[serde(borrow, default)]
    pub(super) msg: Option<&'a RawValue>,
}

#[derive(Debug, Deserialize)]
pub(super) struct DoneBody {
    /// All markets of the subscription after the change.
    #[serde(default)]
    pub(super) market_tickers: Option<Vec<String>>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Failure {
    #[serde(default)]
    pub(super) id: Option<u64>,
    #[serde(default)]
    pub(super) sid: Option<u64>,
    #[serde(default)]
    pub(super) seq: Option<u64>,
    pub(super) msg: FailureBody,
}

#[derive(Debug, Deserialize)]
pub(super) struct FailureBody {
    pub(super) code: i64,
    pub(super) msg: String,
    #[serde(default)]
    pub(super) market_ticker: Option<String>,
    #[serde(default)]
    pub(super) market_tickers: Option<Vec<String>>,
}

/// A message of a channel that is not a book.
#[derive(Debug, Deserialize)]
pub(super) struct Told<B> {
    pub(super) sid: u64,
    pub(super) msg: B,
}

/// A numbered message of a channel that is not a book.
#[derive(Debug, Deserialize)]
pub(super) struct Numbered<B> {
    pub(super) sid: u64,
    pub(super) seq: u64,
    pub(super) msg: B,
}

#[derive(Debug, Deserialize)]
pub(super) struct TickerBody {
    pub(super) market_ticker: Ticker,
    pub(super) price_dollars: Price,
    pub(super) yes_bid_dollars: Price,
    pub(super) yes_ask_dollars: Price,
    pub(super) yes_bid_size_fp: Contracts,
    pub(super) yes_ask_size_fp: Contracts,
    pub(super) last_trade_size_fp: Contracts,
    pub(super) volume_fp: Contracts,
    pub(super) open_interest_fp: Contracts,
    #[serde(deserialize_with = "millis")]
    pub(super) ts_ms: chrono::DateTime<chrono::Utc>,
}

#[derive(Debug, Deserialize)]
pub(super) struct TradeBody {
    pub(super) trade_id: String,
    pub(super) market_ticker: Ticker,
    pub(super) yes_price_dollars: Price,
    pub(super) count_fp: Contracts,
    pub(super) taker_book_side: BookSide,
    pub(super) is_block_trade: bool,
    #[serde(deserialize_with = "millis")]
    pub(super) ts_ms: chrono::DateTime<chrono::Utc>,
}

#[derive(Debug, Deserialize)]
pub(super) struct FillBody {
    pub(super) trade_id: String,
    pub(super) order_id: VenueOrderId,
    #[serde(default)]
    pub(super) client_order_id: Option<String>,
    pub(super) market_ticker: Ticker,
    pub(super) exchange_index: i32,
    pub(super) is_taker: bool,
    pub(super) yes_price_dollars: Price,
    pub(super) count_fp: Contracts,
    pub(super) fee_cost: Money,
    pub(super) book_side: BookSide,
    #[serde(deserialize_with = "millis")]
    pub(super) ts_ms: chrono::DateTime<chrono::Utc>,
    pub(super) post_position_fp: Net,
    /// Absent for the main account.
    #[serde(default)]
    pub(super) subaccount: u32,
}

#[derive(Debug, Deserialize)]
pub(super) struct OrderBody {
    pub(super) order_id: VenueOrderId,
    /// Empty for orders placed without one.
    pub(super) client_order_id: String,
    pub(super) ticker: Ticker,
    pub(super) exchange_index: i32,
    pub(super) status: String,
    pub(super) book_side: BookSide,
    pub(super) yes_price_dollars: Price,
    pub(super) fill_count_fp: Contracts,
    pub(super) remaining_count_fp: Contracts,
    pub(super) initial_count_fp: Contracts,
    pub(super) taker_fees_dollars: Money,
    pub(super) maker_fees_dollars: Money,
    #[serde(default)]
    pub(super) order_group_id: Option<String>,
    #[serde(default)]
    pub(super) last_update_reason: Option<String>,
    /// Unix milliseconds; there must be one, which may be `null`.
    #[serde(deserialize_with = "present")]
    pub(super) created_ts_ms: Option<i64>,
    #[serde(default)]
    pub(super) last_updated_ts_ms: Option<i64>,
    #[serde(default)]
    pub(super) expiration_ts_ms: Option<i64>,
}

#[derive(Debug, Deserialize)]
pub(super) struct PositionBody {
    pub(super) market_ticker: Ticker,
    pub(super) position_fp: Net,
    pub(super) position_cost_dollars: Money,
    pub(super) realized_pnl_dollars: Money,
    pub(super) fees_paid_dollars: Money,
    /// Absent for the main account.
    #[serde(default)]
    pub(super) subaccount: u32,
}

#[derive(Debug, Deserialize)]
pub(super) struct MarketBody {
    pub(super) market_ticker: Ticker,
    pub(super) event_type: String,
    /// Unix seconds, as the three below.
    #[serde(default)]
    pub(super) open_ts: Option<i64>,
    #[serde(default)]
    pub(super) close_ts: Option<i64>,
    #[serde(default)]
    pub(super) determination_ts: Option<i64>,
    #[serde(default)]
    pub(super) settled_ts: Option<i64>,
    #[serde(default)]
    pub(super) result: Option<String>,
    #[serde(default)]
    pub(super) settlement_value: Option<Price>,
    #[serde(default)]
    pub(super) price_ranges: Option<Vec<crate::wire::market::PriceRange>>,
}

#[derive(Debug, Deserialize)]
pub(super) struct EventBody {
    pub(super) event_ticker: EventTicker,
    pub(super) series_ticker: SeriesTicker,
    pub(super) title: String,
    pub(super) collateral_return_type: String,
    pub(super) exchange_index: i32,
}

#[derive(Debug, Deserialize)]
pub(super) struct EventFeeBody {
    pub(super) event_ticker: EventTicker,
    /// `null` when the override was cleared.
    #[serde(deserialize_with = "present")]
    pub(super) fee_type_override: Option<String>,
    /// In millionths; `null` when the override was cleared.
    #[serde(deserialize_with = "optional_multiplier")]
    pub(super) fee_multiplier_override: Option<u32>,
}

#[derive(Debug, Deserialize)]
pub(super) struct OrderGroupBody {
    pub(super) order_group_id: String,
    pub(super) event_type: String,
    #[serde(default)]
    pub(super) contracts_limit_fp: Option<Contracts>,
    #[serde(deserialize_with = "millis")]
    pub(super) ts_ms: chrono::DateTime<chrono::Utc>,
}
