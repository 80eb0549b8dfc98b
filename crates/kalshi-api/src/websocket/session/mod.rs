//! The stream as a pure state machine: what came and what time it is, in; what to send and what to tell, out.
//!
//! - Every message of a numbered channel passes [`Subscription::take_number`]; what is not the next number is ignored (old) or
//!   makes every book of the subscription unknown (gap).
//! - A book is known from a snapshot on, and only as long as every number after it was seen. Because one subscription's
//!   messages come in order, a snapshot contains what was numbered before it and nothing numbered after it; so changes
//!   between a gap and the snapshot are dropped, and the book equals the exchange's at the last number taken.
//! - Lost messages at the end of a quiet subscription show no gap. So a quiet subscription is asked for one book, in turn:
//!   the answer's number tells what was lost, and its content checks the book.

mod commands;
mod data;
mod replies;
mod watch;

#[cfg(test)]
mod tests;
#[cfg(test)]
mod truth_tests;
#[cfg(test)]
mod venue;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use autotrader_domain::{Book, Monotonic, Ticker};

use super::Channel;
use super::event::{DisconnectCause, ReconcileCause, StreamEvent, UnknownCause};
use super::health::Counters;
use super::outbox::Outbox;
use super::settings::StreamLimits;
use super::subscription::{At, Phase, Subscription};

/// What the connection shall do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Action {
    /// Send a text frame.
    Send(String),
    /// Send a ping.
    Ping,
    /// Close; the session has let everything go already.
    Close,
}

/// What a command was for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Purpose {
    Subscribe,
    Unsubscribe,
    Add,
    Delete,
    Books,
    /// A check of a quiet subscription.
    Probe,
}

/// A command without answer.
#[derive(Debug)]
struct Pending {
    key: u32,
    purpose: Purpose,
    tickers: Vec<Ticker>,
    asked_at: Monotonic,
}

/// The state machine.
#[derive(Debug)]
pub(crate) struct Session {
    limits: StreamLimits,
    is_up: bool,
    wanted: BTreeSet<Ticker>,
    /// Markets that the exchange refuses, by channel, until the next connection.
    excluded: BTreeSet<(Channel, Ticker)>,
    subscriptions: BTreeMap<u32, Subscription>,
    by_sid: BTreeMap<u64, u32>,
    /// Numbers of subscriptions that are over.
    retired: BTreeSet<u64>,
    pending: BTreeMap<u64, Pending>,
    next_key: u32,
    next_id: u64,
    /// The most markets one subscription takes, as far as learnt.
    markets_per_subscription: usize,
    last_inbound: Monotonic,
    pinged_at: Monotonic,
    unknown_since: Option<Monotonic>,
    actions: Vec<Action>,
    pub(crate) outbox: Outbox,
    pub(crate) counters: Counters,
}

impl Session {
    pub(crate) fn new(limits: StreamLimits) -> Self {
        Self {
            is_up: false,
            wanted: BTreeSet::new(),
            excluded: BTreeSet::new(),
            subscriptions: BTreeMap::new(),
            by_sid: BTreeMap::new(),
            retired: BTreeSet::new(),
            pending: BTreeMap::new(),
            next_key: 0,
            next_id: 0,
            markets_per_subscription: limits.markets_per_subscription.max(1),
            last_inbound: Monotonic::default(),
            pinged_at: Monotonic::default(),
            unknown_since: None,
            actions: Vec::new(),
            outbox: Outbox::new(limits.waiting_events),
            counters: Counters::default(),
            limits,
        }
    }

    /// What to do now, in order.
    pub(crate) fn take_actions(&mut self) -> Vec<Action> {
        std::mem::take(&mut self.actions)
    }

    /// The next event for the reader.
    pub(crate) fn next_event(&mut self) -> Option<StreamEvent> {
        let event = self.outbox.pop()?;
        if let StreamEvent::BookChanged(ticker) = &event
            && let Some((key, _)) = self.holder(ticker)
            && let Some(subscription) = self.subscriptions.get_mut(&key)
            && let Some(member) = subscription.members.get_mut(ticker.as_str())
        {
            member.is_noticed = false;
        }
        Some(event)
    }

    /// The book of a market; `None` while it is not known, or crossed.
    ///
    /// It was received when its subscription's numbering was last seen intact: until then every change is in it.
    pub(crate) fn book(&self, ticker: &Ticker) -> Option<Book> {
        let (_, subscription) = self.holder(ticker)?;
        let member = subscription.members.get(ticker.as_str())?;
        let book = member.book.as_ref()?;
        book.to_domain(member.ticker.clone(), subscription.heard.wall)
            .ok()
    }

    fn holder(&self, ticker: &Ticker) -> Option<(u32, &Subscription)> {
        self.subscriptions
            .iter()
            .find(|(_, s)| s.channel == Channel::Orderbook && s.members.contains_key(ticker.as_str()))
            .map(|(key, subscription)| (*key, subscription))
    }

    /// A connection is up: everything is asked for.
    pub(crate) fn connected(&mut self, at: At) {
        self.is_up = true;
        self.last_inbound = at.mono;
        self.pinged_at = at.mono;
        self.counters.connections += 1;
        self.outbox.push(StreamEvent::Connected);
        self.outbox.reconcile(ReconcileCause::Connected);
        for channel in self.limits.channels.clone() {
            if !channel.is_of_markets() {
                self.new_subscription(channel, at);
            }
        }
        self.assign_markets(at);
        self.pump(at);
        self.note_books(at);
    }

    /// No connection could be made.
    pub(crate) fn failed_to_connect(&mut self, at: At, why: DisconnectCause) {
        self.counters.failed_connections += 1;
        self.outbox.push(StreamEvent::Disconnected { why });
        self.note_books(at);
    }

    /// The connection is gone.
    pub(crate) fn disconnected(&mut self, at: At, why: DisconnectCause) {
        if !self.is_up {
            return;
        }
        self.is_up = false;
        for key in self.subscriptions.keys().copied().collect::<Vec<_>>() {
            self.forget_books(key, UnknownCause::Disconnected);
        }
        self.subscriptions.clear();
        self.by_sid.clear();
        self.retired.clear();
        self.pending.clear();
        self.excluded.clear();
        self.actions.clear();
        self.counters.disconnections += 1;
        self.outbox.push(StreamEvent::Disconnected { why });
        self.note_books(at);
    }

    /// Gives the connection up.
    fn start_over(&mut self, at: At, why: DisconnectCause) {
        if self.is_up {
            tracing::warn!(?why, "kalshi_stream_given_up");
            self.disconnected(at, why);
            self.actions.push(Action::Close);
        }
    }

    /// Other markets are wanted.
    pub(crate) fn set_markets(&mut self, at: At, wanted: BTreeSet<Ticker>) {
        self.wanted = wanted;
        self.outbox.keep_markets(&self.wanted);
        self.excluded.retain(|(_, ticker)| self.wanted.contains(ticker));
        if self.is_up {
            self.assign_markets(at);
            self.pump(at);
        }
        self.note_books(at);
    }

    /// Makes every book of a subscription unknown and tells so.
    fn forget_books(&mut self, key: u32, why: UnknownCause) {
        let Some(subscription) = self.subscriptions.get_mut(&key) else {
            return;
        };
        for member in subscription.members.values_mut() {
            if member.forget_book() {
                self.outbox.book_unknown(&member.ticker, why);
            }
        }
        subscription.lost_books = true;
    }

    /// Counts the time during which a wanted book was not known.
    fn note_books(&mut self, at: At) {
        let (known, wanted) = self.book_count();
        match (self.unknown_since, known < wanted) {
            (None, true) => self.unknown_since = Some(at.mono),
            (Some(since), false) => {
                self.counters.unknown_for += at.since(since);
                self.unknown_since = None;
            }
            (None, false) | (Some(_), true) => {}
        }
    }

    /// How many wanted books are known, and how many are wanted.
    pub(crate) fn book_count(&self) -> (usize, usize) {
        if !self.limits.channels.contains(&Channel::Orderbook) {
            return (0, 0);
        }
        let known = self
            .subscriptions
            .values()
            .flat_map(|s| s.members.values())
            .filter(|member| member.book.is_some())
            .count();
        (known, self.wanted.len())
    }

    /// The time during which a wanted book was not known, up to now.
    pub(crate) fn unknown_for(&self, at: At) -> Duration {
        let now = self.unknown_since.map(|since| at.since(since));
        self.counters.unknown_for + now.unwrap_or_default()
    }

    /// Whether a connection is up.
    pub(crate) const fn is_up(&self) -> bool {
        self.is_up
    }

    /// Time since anything was heard.
    pub(crate) fn silence(&self, at: At) -> Duration {
        at.since(self.last_inbound)
    }

    /// Something was heard that is no text frame: a ping or a pong.
    pub(crate) const fn heard(&mut self, at: At) {
        self.last_inbound = at.mono;
    }

    fn new_subscription(&mut self, channel: Channel, at: At) -> u32 {
        self.next_key += 1;
        self.subscriptions
            .insert(self.next_key, Subscription::new(channel, at));
        self.next_key
    }

    /// Whether every subscription runs and every wanted book is known.
    pub(crate) fn is_settled(&self) -> bool {
        let (known, wanted) = self.book_count();
        let running = |s: &Subscription| matches!(s.phase, Phase::Active(_) | Phase::Refused);
        self.is_up && known == wanted && self.subscriptions.values().all(running)
    }

    /// Every known book with the subscription and number it is exact at.
    #[cfg(test)]
    pub(crate) fn known_books(&self) -> Vec<(Ticker, u64, u64, super::book::LiveBook)> {
        let of = |s: &Subscription| {
            let (sid, seq) = (s.sid().unwrap_or_default(), s.last_seq());
            s.members
                .values()
                .filter_map(move |m| Some((m.ticker.clone(), sid, seq, m.book.clone()?)))
                .collect::<Vec<_>>()
        };
        self.subscriptions.values().flat_map(of).collect()
    }
}
