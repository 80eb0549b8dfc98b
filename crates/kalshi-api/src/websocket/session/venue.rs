//! A small stand-in of the stream's other end for tests, after the AsyncAPI document: subscriptions, numbering, books.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use autotrader_domain::{Contracts, Price};
use serde_json::{Value, json};

use crate::websocket::book::LiveBook;

type Levels = BTreeMap<i64, i64>;

/// Bids of one market: YES bids and NO bids, each by the raw price of its own outcome, in hundredths of a contract.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Truth {
    yes: Levels,
    no: Levels,
}

fn price(raw: i64) -> String {
    Price::from_raw(raw).unwrap().to_string()
}

fn size(raw: i64) -> String {
    let sign = if raw < 0 { "-" } else { "" };
    format!("{sign}{}", Contracts::from_raw(raw.abs()).unwrap())
}

impl Truth {
    pub(super) fn as_book(&self) -> LiveBook {
        let ladder = |levels: &Levels| {
            let level =
                |(p, s): (&i64, &i64)| (Price::from_raw(*p).unwrap(), Contracts::from_raw(*s).unwrap());
            levels.iter().map(level).collect()
        };
        LiveBook::of(ladder(&self.yes), ladder(&self.no)).unwrap()
    }
}

#[derive(Debug, Default)]
struct Sub {
    channel: String,
    seq: u64,
    markets: BTreeSet<String>,
}

/// The exchange's end of one connection after another.
#[derive(Debug, Default)]
pub(super) struct Venue {
    pub(super) books: BTreeMap<String, Truth>,
    subs: BTreeMap<u64, Sub>,
    next_sid: u64,
    /// Frames on their way.
    pub(super) out: VecDeque<String>,
    /// What every market of a subscription was when a number of it was given out.
    truths: BTreeMap<(u64, u64), BTreeMap<String, Truth>>,
    /// Commands received.
    pub(super) commands: Vec<Value>,
    /// Answers only every command whose counter says so; others are lost.
    pub(super) is_mute: bool,
    /// The most markets one subscription takes.
    pub(super) market_limit: Option<usize>,
}

impl Venue {
    pub(super) fn with_markets(names: &[&str]) -> Self {
        let mut venue = Self::default();
        for name in names {
            venue.books.insert((*name).to_owned(), Truth::default());
        }
        venue
    }

    /// What a market was at a number of a subscription.
    pub(super) fn truth(&self, sid: u64, seq: u64, market: &str) -> Option<&Truth> {
        self.truths.get(&(sid, seq))?.get(market)
    }

    /// The connection is gone, and with it its subscriptions. Numbers of subscriptions are not used again here, so that a
    /// book can be checked against the right one.
    pub(super) fn drop_connection(&mut self) {
        self.subs.clear();
        self.out.clear();
    }

    /// Adds to a level of a market; refused when it would fall below zero.
    pub(super) fn change(&mut self, market: &str, is_yes: bool, at: i64, delta: i64) {
        let Some(truth) = self.books.get_mut(market) else {
            return;
        };
        let levels = if is_yes { &mut truth.yes } else { &mut truth.no };
        let left = levels.get(&at).copied().unwrap_or(0) + delta;
        if left < 0 || delta == 0 {
            return;
        }
        if left == 0 {
            levels.remove(&at);
        } else {
            levels.insert(at, left);
        }
        // NO levels are told on the YES scale, as every subscription asks.
        let (side, told) = if is_yes { ("yes", at) } else { ("no", 10_000 - at) };
        let msg = json!({"market_ticker": market, "market_id": "m", "price_dollars": price(told), "delta_fp": size(delta), "side": side});
        for sid in self.subs_of("orderbook_delta", market) {
            self.tell(sid, "orderbook_delta", None, Some(msg.clone()));
        }
    }

    fn subs_of(&self, channel: &str, market: &str) -> Vec<u64> {
        let of = |(_, sub): &(&u64, &Sub)| sub.channel == channel && sub.markets.contains(market);
        self.subs.iter().filter(of).map(|(sid, _)| *sid).collect()
    }

    fn snapshot(&mut self, sid: u64, market: &str, id: Option<u64>) {
        let Some(truth) = self.books.get(market) else {
            return;
        };
        let side = |levels: &Levels, is_no: bool| -> Vec<[String; 2]> {
            let told = |p: i64| price(if is_no { 10_000 - p } else { p });
            levels.iter().map(|(p, s)| [told(*p), size(*s)]).collect()
        };
        let mut msg = json!({"market_ticker": market, "market_id": "m"});
        if !truth.yes.is_empty() {
            msg["yes_dollars_fp"] = json!(side(&truth.yes, false));
        }
        if !truth.no.is_empty() {
            msg["no_dollars_fp"] = json!(side(&truth.no, true));
        }
        self.tell(sid, "orderbook_snapshot", id, Some(msg));
    }

    /// A numbered message of a subscription.
    pub(super) fn tell(&mut self, sid: u64, kind: &str, id: Option<u64>, msg: Option<Value>) {
        let Some(sub) = self.subs.get_mut(&sid) else {
            return;
        };
        sub.seq += 1;
        let seq = sub.seq;
        let held = sub.markets.iter();
        let held = held.filter_map(|name| Some((name.clone(), self.books.get(name)?.clone())));
        self.truths.insert((sid, seq), held.collect());
        let mut frame = json!({"type": kind, "sid": sid, "seq": seq});
        if let Some(id) = id {
            frame["id"] = json!(id);
        }
        if let Some(msg) = msg {
            frame["msg"] = msg;
        }
        // As on the wire: the type first, a newline last.
        let text = frame.to_string();
        let rest = text.trim_start_matches('{');
        let rest = rest.replace(&format!(r#","type":"{kind}""#), "");
        self.out.push_back(format!("{{\"type\":\"{kind}\",{rest}\n"));
    }

    pub(super) fn error(&mut self, id: Option<u64>, sid: Option<u64>, code: i64) {
        let mut frame = json!({"type": "error", "msg": {"code": code, "msg": "said the venue"}});
        if let Some(id) = id {
            frame["id"] = json!(id);
        }
        if let Some(sid) = sid {
            frame["sid"] = json!(sid);
        }
        self.out.push_back(frame.to_string());
    }

    /// Ends a subscription with a terminal error.
    pub(super) fn overflow(&mut self) {
        if let Some((sid, _)) = self.subs.pop_first() {
            self.error(None, Some(sid), 25);
        }
    }

    pub(super) fn receive(&mut self, text: &str) {
        let command: Value = serde_json::from_str(text).unwrap();
        self.commands.push(command.clone());
        if self.is_mute {
            return;
        }
        let id = command["id"].as_u64().unwrap();
        let params = &command["params"];
        let names = |value: &Value| -> Vec<String> {
            let list = value.as_array().cloned().unwrap_or_default();
            list.iter().map(|v| v.as_str().unwrap().to_owned()).collect()
        };
        let tickers = names(&params["market_tickers"]);
        if tickers.iter().any(|name| !self.books.contains_key(name)) {
            self.error(Some(id), None, 11);
            return;
        }
        match command["cmd"].as_str().unwrap() {
            "subscribe" => self.subscribe(id, params["channels"][0].as_str().unwrap(), &tickers),
            "unsubscribe" => {
                let sid = params["sids"][0].as_u64().unwrap();
                if self.subs.contains_key(&sid) {
                    self.tell(sid, "unsubscribed", Some(id), None);
                    self.subs.remove(&sid);
                } else {
                    self.error(Some(id), None, 7);
                }
            }
            _ => self.update(id, params, &tickers),
        }
    }

    fn subscribe(&mut self, id: u64, channel: &str, tickers: &[String]) {
        if self.market_limit.is_some_and(|limit| tickers.len() > limit) {
            self.error(Some(id), None, 26);
            return;
        }
        self.next_sid += 1;
        let sid = self.next_sid;
        let subscribed = json!({"type": "subscribed", "id": id, "msg": {"channel": channel, "sid": sid}});
        self.out.push_back(subscribed.to_string());
        let sub = Sub {
            channel: channel.to_owned(),
            seq: 0,
            markets: tickers.iter().cloned().collect(),
        };
        self.subs.insert(sid, sub);
        if channel == "orderbook_delta" {
            for ticker in tickers {
                self.snapshot(sid, ticker, None);
            }
        }
    }

    fn update(&mut self, id: u64, params: &Value, tickers: &[String]) {
        let sid = params["sid"].as_u64().unwrap();
        let Some(sub) = self.subs.get_mut(&sid) else {
            self.error(Some(id), None, 7);
            return;
        };
        match params["action"].as_str().unwrap() {
            "add_markets" => {
                let limit = self.market_limit.unwrap_or(usize::MAX);
                if sub.markets.len() + tickers.len() > limit {
                    self.error(Some(id), Some(sid), 26);
                    return;
                }
                sub.markets.extend(tickers.iter().cloned());
                self.done(id, sid);
                for ticker in tickers {
                    self.snapshot(sid, ticker, None);
                }
            }
            "delete_markets" => {
                for ticker in tickers {
                    sub.markets.remove(ticker);
                }
                self.done(id, sid);
            }
            _ => {
                for ticker in tickers {
                    self.snapshot(sid, ticker, Some(id));
                }
            }
        }
    }

    fn done(&mut self, id: u64, sid: u64) {
        let markets: Vec<String> = self.subs[&sid].markets.iter().cloned().collect();
        self.tell(sid, "ok", Some(id), Some(json!({"market_tickers": markets})));
    }

    /// Numbers of the subscriptions that run.
    pub(super) fn sids(&self) -> Vec<u64> {
        self.subs.keys().copied().collect()
    }
}
