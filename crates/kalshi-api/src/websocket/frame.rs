//! Text frames to typed messages.

use std::borrow::Cow;

use autotrader_domain::ports::FeedError;
use autotrader_domain::{Contracts, Price, Side};
use serde::Deserialize;

use super::command::PriceScale;
use super::event::StreamEvent;
use super::wire::{self, Levels, Listed};
use super::{StreamErrorCode, tell};
use crate::error::shorten;
use crate::parse::decode::decode;

/// One message of the exchange.
#[derive(Debug, PartialEq)]
pub(crate) enum Frame<'a> {
    Snapshot(Snapshot<'a>),
    Delta(Delta<'a>),
    /// A message of a channel without books.
    Event {
        sid: u64,
        /// `None` on channels without numbers.
        seq: Option<u64>,
        event: StreamEvent,
    },
    Subscribed {
        id: Option<u64>,
        channel: String,
        sid: u64,
    },
    Unsubscribed {
        id: Option<u64>,
        sid: u64,
        seq: u64,
    },
    Done(Done),
    /// The answer to `list_subscriptions`.
    Subscriptions {
        id: Option<u64>,
        listed: Vec<Listed>,
    },
    Failure(Failure),
    /// A message of a type this version does not know. It may be numbered all the same.
    Unknown {
        kind: String,
        sid: Option<u64>,
        seq: Option<u64>,
    },
}

/// A whole book: bids of each outcome in its own prices.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Snapshot<'a> {
    /// The command that asked for it, when one did.
    pub(crate) id: Option<u64>,
    pub(crate) sid: u64,
    pub(crate) seq: u64,
    pub(crate) ticker: Cow<'a, str>,
    pub(crate) yes: Vec<(Price, Contracts)>,
    pub(crate) no: Vec<(Price, Contracts)>,
}

/// A change of one level, in the prices of its own outcome.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Delta<'a> {
    pub(crate) sid: u64,
    pub(crate) seq: u64,
    pub(crate) ticker: Cow<'a, str>,
    pub(crate) side: Side,
    pub(crate) price: Price,
    /// Hundredths of a contract.
    pub(crate) delta: i64,
}

/// A command was carried out.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Done {
    pub(crate) id: Option<u64>,
    pub(crate) sid: Option<u64>,
    pub(crate) seq: Option<u64>,
    /// All markets of the subscription after the change, when the answer lists them.
    pub(crate) markets: Option<Vec<String>>,
}

/// A command or a subscription failed.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Failure {
    pub(crate) id: Option<u64>,
    pub(crate) sid: Option<u64>,
    pub(crate) seq: Option<u64>,
    pub(crate) code: StreamErrorCode,
    pub(crate) detail: String,
    /// The markets it concerns, when it names them.
    pub(crate) markets: Vec<String>,
}

/// A message that cannot be read, and what is known of it all the same.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Unreadable {
    pub(crate) kind: Option<String>,
    pub(crate) sid: Option<u64>,
    pub(crate) seq: Option<u64>,
    pub(crate) error: FeedError,
}

/// How the exchange begins the most frequent message; others are told apart after reading their type.
const DELTA_START: &str = r#"{"type":"orderbook_delta""#;

/// Reads one text frame. A trailing newline is usual.
pub(crate) fn read(text: &str, scale: PriceScale) -> Result<Frame<'_>, Unreadable> {
    // Errors are named on the slow path, which reads the message again.
    if text.starts_with(DELTA_START)
        && let Ok(wire) = serde_json::from_str::<wire::Delta<'_>>(text)
    {
        return Ok(delta(wire, scale));
    }
    let envelope: wire::Envelope<'_> = decode("$", text.as_bytes()).map_err(|error| Unreadable {
        kind: None,
        sid: None,
        seq: None,
        error,
    })?;
    read_kind(&envelope, text, scale).map_err(|error| Unreadable {
        kind: Some(shorten(&envelope.kind)),
        sid: envelope.sid,
        seq: envelope.seq,
        error,
    })
}

fn read_kind<'a>(
    envelope: &wire::Envelope<'a>,
    text: &'a str,
    scale: PriceScale,
) -> Result<Frame<'a>, FeedError> {
    let body = text.as_bytes();
    match envelope.kind.as_ref() {
        "orderbook_delta" => Ok(delta(decode("$", body)?, scale)),
        "orderbook_snapshot" => Ok(snapshot(decode("$", body)?, scale)),
        "ticker" => told(body, tell::quote),
        "trade" => numbered(body, tell::trade),
        "fill" => told(body, tell::fill),
        "user_order" => told(body, tell::order),
        "market_position" => told(body, tell::position),
        "market_lifecycle_v2" => numbered(body, tell::market),
        "event_lifecycle" => numbered(body, tell::event),
        "event_fee_update" => numbered(body, tell::event_fee),
        "order_group_updates" => numbered(body, tell::order_group),
        "subscribed" => {
            let wire::Subscribed { id, msg } = decode("$", body)?;
            Ok(Frame::Subscribed {
                id,
                channel: msg.channel,
                sid: msg.sid,
            })
        }
        "unsubscribed" => {
            let wire::Unsubscribed { id, sid, seq } = decode("$", body)?;
            Ok(Frame::Unsubscribed { id, sid, seq })
        }
        "ok" => done(&decode("$", body)?),
        "error" => Ok(failure(decode("$", body)?)),
        other => Ok(Frame::Unknown {
            kind: shorten(other),
            sid: envelope.sid,
            seq: envelope.seq,
        }),
    }
}

/// A price of the outcome itself, from a price on the scale that was asked for.
fn own_price(side: Side, price: Price, scale: PriceScale) -> Price {
    match (side, scale) {
        (Side::No, PriceScale::Yes) => price.complement(),
        (Side::Yes, _) => price,
        #[cfg(test)]
        (Side::No, PriceScale::No) => price,
    }
}

fn delta(wire: wire::Delta<'_>, scale: PriceScale) -> Frame<'_> {
    let body = wire.msg;
    Frame::Delta(Delta {
        sid: wire.sid,
        seq: wire.seq,
        ticker: body.market_ticker,
        side: body.side,
        price: own_price(body.side, body.price_dollars.0, scale),
        delta: body.delta_fp.0.raw(),
    })
}

fn snapshot(wire: wire::Snapshot<'_>, scale: PriceScale) -> Frame<'_> {
    let ladder = |side: Side, levels: Option<Levels>| {
        let levels = levels.unwrap_or_default().into_iter();
        levels
            .map(|(price, size)| (own_price(side, price.0, scale), size.0))
            .collect()
    };
    Frame::Snapshot(Snapshot {
        id: wire.id,
        sid: wire.sid,
        seq: wire.seq,
        ticker: wire.msg.market_ticker,
        yes: ladder(Side::Yes, wire.msg.yes_dollars_fp),
        no: ladder(Side::No, wire.msg.no_dollars_fp),
    })
}

fn done(wire: &wire::Done<'_>) -> Result<Frame<'static>, FeedError> {
    let raw = wire.msg.map(|raw| raw.get()).unwrap_or("{}");
    if raw.starts_with('[') {
        return Ok(Frame::Subscriptions {
            id: wire.id,
            listed: decode("$.msg", raw.as_bytes())?,
        });
    }
    let body: wire::DoneBody = decode("$.msg", raw.as_bytes())?;
    Ok(Frame::Done(Done {
        id: wire.id,
        sid: wire.sid,
        seq: wire.seq,
        markets: body.market_tickers,
    }))
}

fn failure(wire: wire::Failure) -> Frame<'static> {
    let body = wire.msg;
    let mut markets = body.market_tickers.unwrap_or_default();
    markets.extend(body.market_ticker);
    Frame::Failure(Failure {
        id: wire.id.filter(|id| *id != 0),
        sid: wire.sid,
        seq: wire.seq,
        code: StreamErrorCode(body.code),
        detail: shorten(&body.msg),
        markets,
    })
}

fn told<'de, B: Deserialize<'de>>(
    body: &'de [u8],
    tell: fn(B) -> Result<StreamEvent, FeedError>,
) -> Result<Frame<'static>, FeedError> {
    let wire: wire::Told<B> = decode("$", body)?;
    Ok(Frame::Event {
        sid: wire.sid,
        seq: None,
        event: tell(wire.msg)?,
    })
}

fn numbered<'de, B: Deserialize<'de>>(
    body: &'de [u8],
    tell: fn(B) -> Result<StreamEvent, FeedError>,
) -> Result<Frame<'static>, FeedError> {
    let wire: wire::Numbered<B> = decode("$", body)?;
    Ok(Frame::Event {
        sid: wire.sid,
        seq: Some(wire.seq),
        event: tell(wire.msg)?,
    })
}

#[cfg(test)]
#[path = "frame_tests.rs"]
mod tests;
