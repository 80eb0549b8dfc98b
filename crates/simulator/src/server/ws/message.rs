//! Messages as text: a body that is written once for everybody, and an envelope that is written for each subscription.

use std::fmt::Write as _;
use std::sync::OnceLock;

use autotrader_domain::{BookSide, Net, Price, Ticker};
use chrono::{DateTime, SecondsFormat, Utc};
use serde::Serialize;

use super::channel::Channel;
use super::mischief::WsFault;
use crate::exchange::{AccountId, MarketId};
use crate::server::wire;

/// Times on the WebSocket are cut off at milliseconds.
pub(super) fn stamp(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::Millis, true)
}

/// A body as JSON. Bodies hold texts, integers and maps with text keys, whose writing cannot fail.
pub(super) fn text_of<T: Serialize>(body: &T) -> String {
    serde_json::to_string(body).unwrap_or_default()
}

/// One thing that happened, ready to be sent to those who subscribed to its channel.
#[derive(Debug)]
pub(super) struct FeedItem {
    pub(super) channel: Channel,
    /// The `type` of the message.
    pub(super) kind: &'static str,
    /// Whose news it is; everybody's without one.
    pub(super) owner: Option<AccountId>,
    /// The market it is about, where the channel can be narrowed to markets.
    pub(super) ticker: Option<Ticker>,
    pub(super) body: Body,
}

/// What is inside the envelope.
#[derive(Debug)]
pub(super) enum Body {
    Text(String),
    Level(Box<LevelChange>),
}

/// A change of one price level. Its text depends on the price scale and, for the one who caused it, on who reads.
#[derive(Debug)]
pub(super) struct LevelChange {
    pub(super) ticker: Ticker,
    pub(super) market_id: MarketId,
    pub(super) side: BookSide,
    /// The YES price.
    pub(super) price: Price,
    pub(super) delta: Net,
    pub(super) clock: u64,
    pub(super) at: DateTime<Utc>,
    /// Whose order caused it, and that order's client id.
    pub(super) cause: Option<(AccountId, String)>,
    pub(super) own_scale: OnceLock<String>,
    pub(super) yes_scale: OnceLock<String>,
}

#[derive(Serialize)]
struct LevelText<'a> {
    market_ticker: &'a Ticker,
    market_id: &'a MarketId,
    clock: u64,
    price_dollars: Price,
    delta_fp: Net,
    side: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    client_order_id: Option<&'a str>,
    ts: String,
    ts_ms: i64,
}

impl LevelChange {
    fn write(&self, price: Price, client_order_id: Option<&str>) -> String {
        text_of(&LevelText {
            market_ticker: &self.ticker,
            market_id: &self.market_id,
            clock: self.clock,
            price_dollars: price,
            delta_fp: self.delta,
            side: wire::outcome_side(self.side),
            client_order_id,
            ts: stamp(self.at),
            ts_ms: self.at.timestamp_millis(),
        })
    }

    /// The price that a reader sees: NO offers carry the NO price unless everything is on the YES scale.
    const fn shown_price(&self, yes_scale: bool) -> Price {
        match self.side {
            BookSide::Ask if !yes_scale => self.price.complement(),
            _ => self.price,
        }
    }
}

impl Body {
    /// Appends the text as one account sees it on one price scale.
    fn append(&self, out: &mut String, reader: AccountId, yes_scale: bool) {
        let change = match self {
            Self::Text(text) => return out.push_str(text),
            Self::Level(change) => change,
        };
        let price = change.shown_price(yes_scale);
        if let Some((account, client_order_id)) = &change.cause
            && *account == reader
        {
            return out.push_str(&change.write(price, Some(client_order_id)));
        }
        // Bids look the same on both scales.
        let slot = if yes_scale || change.side == BookSide::Bid {
            &change.yes_scale
        } else {
            &change.own_scale
        };
        out.push_str(slot.get_or_init(|| change.write(price, None)));
    }
}

/// A message on its way to one reader.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Outgoing {
    pub(super) text: String,
    pub(super) nature: Nature,
}

/// What a message is to the faults.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Nature {
    /// An answer to a command.
    Reply,
    /// Market data or news of the account, with what goes wrong with it.
    Data(Option<WsFault>),
}

/// The envelope of a data message; recorded frames end with a line feed.
pub(super) struct Envelope {
    pub(super) sid: u64,
    pub(super) seq: Option<u64>,
    pub(super) now_ms: i64,
}

impl Envelope {
    pub(super) fn around(&self, item: &FeedItem, reader: AccountId, yes_scale: bool) -> String {
        // Longer than the longest level change; longer bodies make it grow.
        let mut text = String::with_capacity(448);
        self.open(&mut text, item.kind);
        item.body.append(&mut text, reader, yes_scale);
        text.push_str("}\n");
        text
    }

    pub(super) fn around_text(&self, kind: &str, body: &str) -> String {
        let mut text = String::with_capacity(body.len() + 128);
        self.open(&mut text, kind);
        text.push_str(body);
        text.push_str("}\n");
        text
    }

    fn open(&self, text: &mut String, kind: &str) {
        // Writing to a string cannot fail.
        let _ = write!(text, r#"{{"type":"{kind}","sid":{}"#, self.sid);
        if let Some(seq) = self.seq {
            let _ = write!(text, r#","seq":{seq}"#);
        }
        let _ = write!(text, r#","sending_ts_ms":{},"msg":"#, self.now_ms);
    }
}
