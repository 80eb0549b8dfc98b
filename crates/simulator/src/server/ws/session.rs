//! One WebSocket conversation as a pure state machine: commands and news in, messages out.

use std::collections::{BTreeMap, BTreeSet};

use autotrader_domain::Ticker;
use chrono::{DateTime, Utc};
use serde_json::{Value, json};

use super::bodies::{self, Quote};
use super::channel::Channel;
use super::command::{Command, Markets, Request, Subscribe, Update};
use super::complaint::Complaint;
use super::message::{Envelope, FeedItem, Nature, Outgoing};
use super::mischief::{Mischief, WsFault};
use super::options::WsOptions;
use crate::exchange::{AccountId, Exchange, Market};

/// The markets of a subscription.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Filter {
    All,
    Only(BTreeSet<Ticker>),
}

#[derive(Debug)]
struct Subscription {
    channel: Channel,
    filter: Filter,
    yes_scale: bool,
    /// Acknowledgements leave out the markets.
    quiet_acks: bool,
    /// Acknowledgements name markets by id, as the subscription did.
    by_id: bool,
    seq: u64,
}

impl Subscription {
    const fn next_seq(&mut self) -> u64 {
        self.seq += 1;
        self.seq
    }

    fn covers(&self, item: &FeedItem) -> bool {
        self.channel == item.channel
            && match (&self.filter, &item.ticker) {
                (Filter::Only(tickers), Some(ticker)) => tickers.contains(ticker),
                _ => true,
            }
    }

    fn envelope(&mut self, sid: u64, now: DateTime<Utc>) -> Envelope {
        Envelope {
            sid,
            seq: self.channel.is_sequenced().then(|| self.next_seq()),
            now_ms: now.timestamp_millis(),
        }
    }
}

/// A command refused, and the subscription it was about.
struct Refused {
    complaint: Complaint,
    sid: Option<u64>,
}

impl From<Complaint> for Refused {
    fn from(complaint: Complaint) -> Self {
        Self { complaint, sid: None }
    }
}

/// What a command is answered with: replies first, then data that follows from it.
#[derive(Default)]
struct Answer {
    replies: Vec<Value>,
    data: Vec<Outgoing>,
}

/// One conversation.
#[derive(Debug)]
pub(super) struct Session {
    account: AccountId,
    markets_per_subscription: usize,
    commands_per_second: u32,
    subscriptions: BTreeMap<u64, Subscription>,
    next_sid: u64,
    /// The second of the exchange's clock in which commands were last counted, and how many it had.
    pace: (i64, u32),
}

impl Session {
    pub(super) const fn new(account: AccountId, options: &WsOptions) -> Self {
        Self {
            account,
            markets_per_subscription: options.markets_per_subscription,
            commands_per_second: options.commands_per_second,
            subscriptions: BTreeMap::new(),
            next_sid: 1,
            pace: (0, 0),
        }
    }

    /// Answers a command.
    pub(super) fn command(
        &mut self,
        text: &str,
        exchange: &Exchange,
        now: DateTime<Utc>,
        mischief: &mut dyn Mischief,
    ) -> Vec<Outgoing> {
        let command = Command::read(text);
        let answer = if self.is_too_fast(now) {
            Err(Complaint::TooManyCommands.into())
        } else {
            command
                .request
                .map_err(Refused::from)
                .and_then(|request| self.perform(request, exchange, now, mischief))
        };
        let answer = answer.unwrap_or_else(|refused| Answer {
            replies: vec![self.complain(&refused)],
            data: Vec::new(),
        });
        let mut messages = Vec::new();
        for mut reply in answer.replies {
            let kind = reply.get("type").and_then(Value::as_str).unwrap_or_default();
            if mischief.loses_reply(kind) {
                continue;
            }
            if let Some(fields) = reply.as_object_mut() {
                if let Some(id) = command.id {
                    fields.insert("id".to_owned(), id.into());
                }
                fields.insert("sending_ts_ms".to_owned(), now.timestamp_millis().into());
            }
            messages.push(Outgoing {
                text: format!("{reply}\n"),
                nature: Nature::Reply,
            });
        }
        messages.extend(answer.data);
        messages
    }

    fn is_too_fast(&mut self, now: DateTime<Utc>) -> bool {
        let second = now.timestamp();
        if self.pace.0 == second {
            self.pace.1 = self.pace.1.saturating_add(1);
        } else {
            self.pace = (second, 1);
        }
        self.pace.1 > self.commands_per_second
    }

    fn complain(&mut self, refused: &Refused) -> Value {
        let about = refused
            .sid
            .and_then(|sid| Some((sid, self.subscriptions.get_mut(&sid)?)));
        match about {
            Some((sid, subscription)) => scoped(refused.complaint, subscription, sid),
            None => refused.complaint.message(),
        }
    }

    fn perform(
        &mut self,
        request: Request,
        exchange: &Exchange,
        now: DateTime<Utc>,
        mischief: &mut dyn Mischief,
    ) -> Result<Answer, Refused> {
        match request {
            Request::Subscribe(wanted) => self.subscribe(&wanted, exchange, now, mischief),
            Request::Unsubscribe(sids) => self.unsubscribe(&sids),
            Request::List => Ok(Answer {
                replies: vec![self.list()],
                data: Vec::new(),
            }),
            Request::Update(wanted) => {
                let sid = wanted.sid;
                self.update(&wanted, exchange, now, mischief)
                    .map_err(|complaint| Refused {
                        complaint,
                        sid: Some(sid),
                    })
            }
        }
    }

    fn subscribe(
        &mut self,
        wanted: &Subscribe,
        exchange: &Exchange,
        now: DateTime<Utc>,
        mischief: &mut dyn Mischief,
    ) -> Result<Answer, Refused> {
        let tickers = listed(&wanted.markets, exchange)?;
        for channel in &wanted.channels {
            self.check_markets(*channel, &wanted.markets, tickers.len())?;
            if *channel == Channel::Book && tickers.is_empty() {
                return Err(Complaint::MarketTickerRequired.into());
            }
        }
        let mut answer = Answer::default();
        for channel in &wanted.channels {
            let sid = self.next_sid;
            self.next_sid += 1;
            let filter = if tickers.is_empty() || !channel.has_market_filter() {
                Filter::All
            } else {
                Filter::Only(tickers.clone())
            };
            let mut subscription = Subscription {
                channel: *channel,
                filter,
                yes_scale: wanted.yes_scale,
                quiet_acks: wanted.quiet_acks,
                by_id: !wanted.markets.ids.is_empty(),
                seq: 0,
            };
            answer
                .replies
                .push(json!({ "type": "subscribed", "msg": { "channel": channel.name(), "sid": sid } }));
            let first = Initial {
                sid,
                tickers: &tickers,
                tickers_too: wanted.initial_tickers,
            };
            let is_alive = first.send(&mut subscription, exchange, now, mischief, &mut answer.data);
            if is_alive {
                self.subscriptions.insert(sid, subscription);
            }
        }
        Ok(answer)
    }

    /// Whether a channel takes markets named in this way, and so many.
    fn check_markets(&self, channel: Channel, named: &Markets, count: usize) -> Result<(), Complaint> {
        if channel.has_market_filter() && !named.ids.is_empty() && !channel.takes_market_ids() {
            return Err(if channel == Channel::Book {
                Complaint::MarketTickerRequired
            } else {
                Complaint::InvalidParameter
            });
        }
        if channel.has_market_filter() && count > self.markets_per_subscription {
            return Err(Complaint::MarketLimit);
        }
        Ok(())
    }

    fn unsubscribe(&mut self, sids: &[u64]) -> Result<Answer, Refused> {
        if sids.iter().any(|sid| !self.subscriptions.contains_key(sid)) {
            return Err(Complaint::UnknownSubscription.into());
        }
        let gone = sids
            .iter()
            .filter_map(|sid| Some((sid, self.subscriptions.remove(sid)?)));
        let replies = gone
            .map(|(sid, mut subscription)| {
                json!({ "type": "unsubscribed", "sid": sid, "seq": subscription.next_seq() })
            })
            .collect();
        Ok(Answer {
            replies,
            data: Vec::new(),
        })
    }

    fn list(&self) -> Value {
        let list: Vec<Value> = self
            .subscriptions
            .iter()
            .map(|(sid, subscription)| json!({ "channel": subscription.channel.name(), "sid": sid }))
            .collect();
        json!({ "type": "ok", "msg": list })
    }

    fn update(
        &mut self,
        wanted: &Update,
        exchange: &Exchange,
        now: DateTime<Utc>,
        mischief: &mut dyn Mischief,
    ) -> Result<Answer, Complaint> {
        let channel = self
            .subscriptions
            .get(&wanted.sid)
            .ok_or(Complaint::UnknownSubscription)?
            .channel;
        let allowed = match wanted.action.as_str() {
            "add_markets" | "delete_markets" => channel.has_market_filter(),
            "get_snapshot" => channel == Channel::Book,
            _ => false,
        };
        if !allowed {
            return Err(Complaint::UnsupportedAction);
        }
        let tickers = listed(&wanted.markets, exchange)?;
        // "Only `market_tickers` is supported" for snapshots, says the changelog of 20 April 2026.
        if tickers.is_empty() || (wanted.action == "get_snapshot" && !wanted.markets.is_list) {
            return Err(Complaint::MarketTickerRequired);
        }
        self.check_markets(channel, &wanted.markets, 0)?;
        let limit = self.markets_per_subscription;
        let Some(subscription) = self.subscriptions.get_mut(&wanted.sid) else {
            return Err(Complaint::UnknownSubscription);
        };
        match wanted.action.as_str() {
            "get_snapshot" => Ok(Answer {
                replies: tickers
                    .iter()
                    .filter_map(|ticker| exchange.market(ticker))
                    .map(|market| snapshot_reply(subscription, wanted.sid, market))
                    .collect(),
                data: Vec::new(),
            }),
            "add_markets" => {
                let added = add(subscription, tickers, limit)?;
                let first = Initial {
                    sid: wanted.sid,
                    tickers: &added,
                    tickers_too: wanted.initial_tickers,
                };
                let replies = vec![acknowledgement(subscription, wanted.sid, exchange)];
                let mut data = Vec::new();
                if !first.send(subscription, exchange, now, mischief, &mut data) {
                    self.subscriptions.remove(&wanted.sid);
                }
                Ok(Answer { replies, data })
            }
            _ => {
                if let Filter::Only(kept) = &mut subscription.filter {
                    kept.retain(|ticker| !tickers.contains(ticker));
                }
                Ok(Answer {
                    replies: vec![acknowledgement(subscription, wanted.sid, exchange)],
                    data: Vec::new(),
                })
            }
        }
    }

    /// Appends the messages that one thing that happened causes: one for each subscription that covers it.
    pub(super) fn deliver(
        &mut self,
        item: &FeedItem,
        now: DateTime<Utc>,
        mischief: &mut dyn Mischief,
        out: &mut Vec<Outgoing>,
    ) {
        if item.owner.is_some_and(|owner| owner != self.account) {
            return;
        }
        let mut ended = Vec::new();
        for (sid, subscription) in &mut self.subscriptions {
            if !subscription.covers(item) {
                continue;
            }
            let fault = mischief.with_message(item.channel, item.kind);
            match fault {
                Some(WsFault::Gap(skipped)) => {
                    subscription.seq = subscription.seq.saturating_add(skipped);
                }
                Some(WsFault::Overflow) => {
                    ended.push(*sid);
                    continue;
                }
                _ => {}
            }
            let text = subscription
                .envelope(*sid, now)
                .around(item, self.account, subscription.yes_scale);
            out.push(Outgoing {
                text,
                nature: Nature::Data(fault),
            });
        }
        for sid in ended {
            out.extend(self.overflow(sid, now));
        }
    }

    /// Ends one subscription with the terminal error of a full buffer.
    fn overflow(&mut self, sid: u64, now: DateTime<Utc>) -> Option<Outgoing> {
        let mut subscription = self.subscriptions.remove(&sid)?;
        Some(overflow_of(&mut subscription, sid, now))
    }

    /// Ends all subscriptions: the reader was too slow.
    pub(super) fn overflow_all(&mut self, now: DateTime<Utc>) -> Vec<Outgoing> {
        let sids: Vec<u64> = self.subscriptions.keys().copied().collect();
        sids.into_iter()
            .filter_map(|sid| self.overflow(sid, now))
            .collect()
    }
}

/// The messages that show how things are when a subscription or a market in it begins.
struct Initial<'a> {
    sid: u64,
    tickers: &'a BTreeSet<Ticker>,
    /// Whether the ticker channel was asked to begin with the present too; books always do.
    tickers_too: bool,
}

impl Initial<'_> {
    /// Appends the messages; whether the subscription is still there after them.
    fn send(
        &self,
        subscription: &mut Subscription,
        exchange: &Exchange,
        now: DateTime<Utc>,
        mischief: &mut dyn Mischief,
        out: &mut Vec<Outgoing>,
    ) -> bool {
        let channel = subscription.channel;
        let kind = match channel {
            Channel::Book => "orderbook_snapshot",
            Channel::Ticker if self.tickers_too => "ticker",
            _ => return true,
        };
        for market in self.tickers.iter().filter_map(|ticker| exchange.market(ticker)) {
            let fault = mischief.with_message(channel, kind);
            match fault {
                Some(WsFault::Gap(skipped)) => {
                    subscription.seq = subscription.seq.saturating_add(skipped);
                }
                Some(WsFault::Overflow) => {
                    out.push(overflow_of(subscription, self.sid, now));
                    return false;
                }
                _ => {}
            }
            let body = match channel {
                Channel::Book => bodies::snapshot(market, subscription.yes_scale),
                _ => Quote::of(market).text(now),
            };
            out.push(Outgoing {
                text: subscription.envelope(self.sid, now).around_text(kind, &body),
                nature: Nature::Data(fault),
            });
        }
        true
    }
}

/// An error about a subscription names it and, where its messages are numbered, takes a number.
fn scoped(complaint: Complaint, subscription: &mut Subscription, sid: u64) -> Value {
    let mut message = complaint.message();
    if let Some(fields) = message.as_object_mut() {
        fields.insert("sid".to_owned(), sid.into());
        if subscription.channel.is_sequenced() {
            fields.insert("seq".to_owned(), subscription.next_seq().into());
        }
    }
    message
}

fn overflow_of(subscription: &mut Subscription, sid: u64, now: DateTime<Utc>) -> Outgoing {
    let mut message = scoped(Complaint::BufferOverflow, subscription, sid);
    if let Some(fields) = message.as_object_mut() {
        fields.insert("sending_ts_ms".to_owned(), now.timestamp_millis().into());
    }
    Outgoing {
        text: format!("{message}\n"),
        nature: Nature::Data(None),
    }
}

/// Adds markets; gives those that are new.
fn add(
    subscription: &mut Subscription,
    tickers: BTreeSet<Ticker>,
    limit: usize,
) -> Result<BTreeSet<Ticker>, Complaint> {
    match &mut subscription.filter {
        // Nothing is new to a subscription to all markets.
        Filter::All => Ok(BTreeSet::new()),
        Filter::Only(held) => {
            let added: BTreeSet<Ticker> = tickers.difference(held).cloned().collect();
            if held.len() + added.len() > limit {
                return Err(Complaint::MarketLimit);
            }
            held.extend(tickers);
            Ok(added)
        }
    }
}

/// The answer to a change: the full list of markets after it, unless the subscription asked to be spared that.
fn acknowledgement(subscription: &mut Subscription, sid: u64, exchange: &Exchange) -> Value {
    let mut msg = json!({});
    if let (false, Filter::Only(tickers), Some(fields)) =
        (subscription.quiet_acks, &subscription.filter, msg.as_object_mut())
    {
        if subscription.by_id {
            let markets = tickers.iter().filter_map(|ticker| exchange.market(ticker));
            fields.insert(
                "market_ids".to_owned(),
                markets.map(|market| json!(market.id)).collect(),
            );
        } else {
            fields.insert("market_tickers".to_owned(), json!(tickers));
        }
    }
    json!({ "type": "ok", "sid": sid, "seq": subscription.next_seq(), "msg": msg })
}

fn snapshot_reply(subscription: &mut Subscription, sid: u64, market: &Market) -> Value {
    json!({
        "type": "orderbook_snapshot",
        "sid": sid,
        "seq": subscription.next_seq(),
        "msg": bodies::snapshot_value(market, subscription.yes_scale),
    })
}

/// The markets a command names. One that is not listed is an invalid parameter: the code it once had (16) is retired.
fn listed(markets: &Markets, exchange: &Exchange) -> Result<BTreeSet<Ticker>, Complaint> {
    let mut tickers = BTreeSet::new();
    for name in &markets.tickers {
        let ticker: Ticker = name.parse().map_err(|_| Complaint::InvalidParameter)?;
        if exchange.market(&ticker).is_none() {
            return Err(Complaint::InvalidParameter);
        }
        tickers.insert(ticker);
    }
    for id in &markets.ids {
        let market = exchange
            .all_markets()
            .find(|market| market.id.to_string() == *id)
            .ok_or(Complaint::InvalidParameter)?;
        tickers.insert(market.listing.ticker.clone());
    }
    Ok(tickers)
}
