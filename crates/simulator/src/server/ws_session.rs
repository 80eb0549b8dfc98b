//! One WebSocket conversation as a pure state machine: commands in, messages out.

use std::collections::{BTreeMap, BTreeSet};

use autotrader_domain::{BookSide, Ticker};
use chrono::{DateTime, Utc};
use serde_json::{Map, Value, json};

use super::ws_feed::{FeedItem, snapshot};
use crate::exchange::{AccountId, Exchange};

/// The channels that are served.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Channel {
    Book,
    Trade,
    Fill,
    Orders,
    Lifecycle,
}

impl Channel {
    fn named(name: &str) -> Option<Self> {
        Some(match name {
            "orderbook_delta" => Self::Book,
            "trade" => Self::Trade,
            "fill" => Self::Fill,
            "user_orders" => Self::Orders,
            "market_lifecycle_v2" => Self::Lifecycle,
            _ => return None,
        })
    }

    const fn name(self) -> &'static str {
        match self {
            Self::Book => "orderbook_delta",
            Self::Trade => "trade",
            Self::Fill => "fill",
            Self::Orders => "user_orders",
            Self::Lifecycle => "market_lifecycle_v2",
        }
    }

    /// Whether messages carry a sequence number; in the others a gap cannot be seen.
    const fn is_sequenced(self) -> bool {
        matches!(self, Self::Book | Self::Trade | Self::Lifecycle)
    }
}

#[derive(Debug)]
struct Subscription {
    channel: Channel,
    /// Empty means all markets, except for books.
    tickers: BTreeSet<Ticker>,
    yes_scale: bool,
    seq: u64,
}

impl Subscription {
    const fn next_seq(&mut self) -> u64 {
        self.seq += 1;
        self.seq
    }

    fn covers(&self, ticker: &Ticker) -> bool {
        self.tickers.contains(ticker) || (self.tickers.is_empty() && self.channel != Channel::Book)
    }
}

/// An error reply: its code and the exchange's own words.
struct Fault(u32, &'static str);

/// One conversation.
#[derive(Debug)]
pub(super) struct Session {
    account: AccountId,
    subscriptions: BTreeMap<u64, Subscription>,
    next_sid: u64,
}

impl Session {
    pub(super) const fn new(account: AccountId) -> Self {
        Self {
            account,
            subscriptions: BTreeMap::new(),
            next_sid: 1,
        }
    }

    /// Answers a command.
    pub(super) fn command(&mut self, text: &str, exchange: &Exchange, now: DateTime<Utc>) -> Vec<Value> {
        let command: Value = serde_json::from_str(text).unwrap_or(Value::Null);
        let id = command.get("id").and_then(Value::as_u64).filter(|id| *id != 0);
        let params = command.get("params");
        let answers = match command.get("cmd").and_then(Value::as_str) {
            Some("subscribe") => self.subscribe(params, exchange),
            Some("unsubscribe") => self.unsubscribe(params),
            Some("list_subscriptions") => Ok(vec![self.list()]),
            Some("update_subscription") => self.update(params, exchange),
            Some(_) => Err(Fault(5, "Unknown command")),
            None => Err(Fault(1, "Unable to process message")),
        };
        let mut answers = answers.unwrap_or_else(|Fault(code, msg)| {
            vec![json!({ "type": "error", "msg": { "code": code, "msg": msg } })]
        });
        for answer in &mut answers {
            let Some(fields) = answer.as_object_mut() else {
                continue;
            };
            // Snapshots that follow a subscription belong to nobody's command; all else repeats the command's id.
            if let (Some(id), None) = (id, fields.remove("unasked")) {
                fields.insert("id".to_owned(), id.into());
            }
            fields.insert("sending_ts_ms".to_owned(), now.timestamp_millis().into());
        }
        answers
    }

    fn subscribe(&mut self, params: Option<&Value>, exchange: &Exchange) -> Result<Vec<Value>, Fault> {
        let params = params
            .and_then(Value::as_object)
            .ok_or(Fault(2, "Params required"))?;
        let names = params
            .get("channels")
            .and_then(Value::as_array)
            .filter(|names| !names.is_empty());
        let names = names.ok_or(Fault(3, "Channels required"))?;
        let tickers = tickers(params, exchange)?;
        let yes_scale = match params.get("use_yes_price") {
            None => false,
            Some(Value::Bool(flag)) => *flag,
            Some(_) => return Err(Fault(11, "Invalid parameter")),
        };
        let mut channels = Vec::new();
        for name in names {
            let channel = name
                .as_str()
                .and_then(Channel::named)
                .ok_or(Fault(8, "Unknown channel name"))?;
            if channel == Channel::Book && tickers.is_empty() {
                return Err(Fault(14, "Market Ticker required"));
            }
            channels.push(channel);
        }
        let mut answers = Vec::new();
        let mut snapshots = Vec::new();
        for channel in channels {
            let sid = self.next_sid;
            self.next_sid += 1;
            // Lifecycle events cannot be filtered by market.
            let tickers = if channel == Channel::Lifecycle {
                BTreeSet::new()
            } else {
                tickers.clone()
            };
            let mut subscription = Subscription {
                channel,
                tickers: tickers.clone(),
                yes_scale,
                seq: 0,
            };
            answers.push(json!({ "type": "subscribed", "msg": { "channel": channel.name(), "sid": sid } }));
            if channel == Channel::Book {
                for ticker in &tickers {
                    snapshots.extend(snapshot_of(&mut subscription, sid, ticker, exchange, true));
                }
            }
            self.subscriptions.insert(sid, subscription);
        }
        answers.extend(snapshots);
        Ok(answers)
    }

    fn unsubscribe(&mut self, params: Option<&Value>) -> Result<Vec<Value>, Fault> {
        let params = params
            .and_then(Value::as_object)
            .ok_or(Fault(2, "Params required"))?;
        let sids = params
            .get("sids")
            .and_then(Value::as_array)
            .filter(|sids| !sids.is_empty());
        let sids = sids.ok_or(Fault(4, "Subscription IDs required"))?;
        let mut wanted = Vec::new();
        for sid in sids {
            let known = sid.as_u64().filter(|sid| self.subscriptions.contains_key(sid));
            wanted.push(known.ok_or(Fault(7, "Unknown subscription ID"))?);
        }
        let gone = wanted
            .into_iter()
            .filter_map(|sid| Some((sid, self.subscriptions.remove(&sid)?)));
        Ok(gone
            .map(|(sid, mut subscription)| {
                json!({ "type": "unsubscribed", "sid": sid, "seq": subscription.next_seq() })
            })
            .collect())
    }

    fn list(&self) -> Value {
        let list: Vec<Value> = self
            .subscriptions
            .iter()
            .map(|(sid, subscription)| json!({ "channel": subscription.channel.name(), "sid": sid }))
            .collect();
        json!({ "type": "ok", "msg": list })
    }

    fn update(&mut self, params: Option<&Value>, exchange: &Exchange) -> Result<Vec<Value>, Fault> {
        let params = params
            .and_then(Value::as_object)
            .ok_or(Fault(2, "Params required"))?;
        let one = Fault(12, "Exactly one subscription ID is required");
        let sid = match (params.get("sid"), params.get("sids").and_then(Value::as_array)) {
            (Some(sid), None) => sid.as_u64(),
            (None, Some(sids)) if sids.len() == 1 => sids.first().and_then(Value::as_u64),
            _ => return Err(one),
        };
        let action = params.get("action").ok_or(Fault(15, "Action required"))?;
        let tickers = tickers(params, exchange)?;
        let sid = sid.ok_or(Fault(11, "Invalid parameter"))?;
        let subscription = self
            .subscriptions
            .get_mut(&sid)
            .ok_or(Fault(7, "Unknown subscription ID"))?;
        let action = action.as_str().unwrap_or_default();
        if tickers.is_empty() && action != "get_snapshot" {
            return Err(Fault(14, "Market Ticker required"));
        }
        if subscription.channel == Channel::Lifecycle {
            return Err(Fault(13, "Unsupported action"));
        }
        let mut added = BTreeSet::new();
        match action {
            "add_markets" => {
                added = tickers.difference(&subscription.tickers).cloned().collect();
                subscription.tickers.extend(tickers);
            }
            "delete_markets" => subscription.tickers.retain(|ticker| !tickers.contains(ticker)),
            "get_snapshot" if subscription.channel == Channel::Book => {
                let wanted = if tickers.is_empty() {
                    subscription.tickers.clone()
                } else {
                    tickers
                };
                let known: Vec<Ticker> = wanted
                    .into_iter()
                    .filter(|ticker| subscription.covers(ticker))
                    .collect();
                return Ok(known
                    .iter()
                    .filter_map(|ticker| snapshot_of(subscription, sid, ticker, exchange, false))
                    .collect());
            }
            _ => return Err(Fault(13, "Unsupported action")),
        }
        let all: Vec<&Ticker> = subscription.tickers.iter().collect();
        let msg = json!({ "market_tickers": all });
        let mut answers =
            vec![json!({ "type": "ok", "sid": sid, "seq": subscription.next_seq(), "msg": msg })];
        if subscription.channel == Channel::Book {
            for ticker in &added {
                answers.extend(snapshot_of(subscription, sid, ticker, exchange, true));
            }
        }
        Ok(answers)
    }

    /// The messages that one thing that happened causes: one for each subscription that covers it.
    pub(super) fn deliver(&mut self, item: &FeedItem, now: DateTime<Utc>) -> Vec<Value> {
        let account = self.account;
        let mut messages = Vec::new();
        for (sid, subscription) in &mut self.subscriptions {
            let Some((kind, body)) = message(subscription, item, account) else {
                continue;
            };
            let mut message = json!({
                "type": kind,
                "sid": sid,
                "msg": body,
                "sending_ts_ms": now.timestamp_millis(),
            });
            if subscription.channel.is_sequenced()
                && let Some(fields) = message.as_object_mut()
            {
                fields.insert("seq".to_owned(), subscription.next_seq().into());
            }
            messages.push(message);
        }
        messages
    }
}

fn message(
    subscription: &Subscription,
    item: &FeedItem,
    account: AccountId,
) -> Option<(&'static str, Value)> {
    match (subscription.channel, item) {
        (
            Channel::Book,
            FeedItem::Book {
                ticker,
                side,
                price,
                body,
            },
        ) if subscription.covers(ticker) => {
            let price = match side {
                BookSide::Ask if !subscription.yes_scale => price.complement(),
                _ => *price,
            };
            let mut body: Map<String, Value> = body.clone();
            body.insert("price_dollars".to_owned(), json!(price));
            Some(("orderbook_delta", body.into()))
        }
        (Channel::Trade, FeedItem::Trade { ticker, body }) if subscription.covers(ticker) => {
            Some(("trade", body.clone()))
        }
        (
            Channel::Fill,
            FeedItem::Fill {
                account: whose,
                ticker,
                body,
            },
        ) if *whose == account && subscription.covers(ticker) => Some(("fill", body.clone())),
        (
            Channel::Orders,
            FeedItem::Order {
                account: whose,
                ticker,
                body,
            },
        ) if *whose == account && subscription.covers(ticker) => Some(("user_order", body.clone())),
        (Channel::Lifecycle, FeedItem::Lifecycle { body }) => Some(("market_lifecycle_v2", body.clone())),
        _ => None,
    }
}

fn snapshot_of(
    subscription: &mut Subscription,
    sid: u64,
    ticker: &Ticker,
    exchange: &Exchange,
    unasked: bool,
) -> Option<Value> {
    let market = exchange.market(ticker)?;
    let body = snapshot(market, exchange.clock(), subscription.yes_scale);
    let mut message =
        json!({ "type": "orderbook_snapshot", "sid": sid, "seq": subscription.next_seq(), "msg": body });
    if let (true, Some(fields)) = (unasked, message.as_object_mut()) {
        fields.insert("unasked".to_owned(), true.into());
    }
    Some(message)
}

/// The markets a command names, by `market_ticker` or `market_tickers` but not both.
fn tickers(params: &Map<String, Value>, exchange: &Exchange) -> Result<BTreeSet<Ticker>, Fault> {
    let invalid = || Fault(11, "Invalid parameter");
    let names: Vec<&Value> = match (params.get("market_ticker"), params.get("market_tickers")) {
        (None, None) => return Ok(BTreeSet::new()),
        (Some(one), None) => vec![one],
        (None, Some(Value::Array(many))) => many.iter().collect(),
        _ => return Err(invalid()),
    };
    let mut tickers = BTreeSet::new();
    for name in names {
        let ticker: Ticker = name
            .as_str()
            .and_then(|name| name.parse().ok())
            .ok_or_else(invalid)?;
        // A market that is not listed cannot be watched; the old code for it (16) is retired.
        if exchange.market(&ticker).is_none() {
            return Err(invalid());
        }
        tickers.insert(ticker);
    }
    Ok(tickers)
}
