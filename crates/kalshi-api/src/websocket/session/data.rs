//! What the channels tell.

use autotrader_domain::{EventTicker, Ticker};

use super::{Purpose, Session};
use crate::websocket::Channel;
use crate::websocket::book::LiveBook;
use crate::websocket::command::PriceScale;
use crate::websocket::event::{ReconcileCause, StreamEvent, UnknownCause};
use crate::websocket::frame::{Delta, Frame, Snapshot, Unreadable, read};
use crate::websocket::subscription::{At, Numbering, Phase, Standing};

impl Session {
    /// A text frame came.
    pub(crate) fn text(&mut self, at: At, text: &str) {
        if !self.is_up {
            return;
        }
        self.last_inbound = at.mono;
        self.counters.messages += 1;
        match read(text, PriceScale::Yes) {
            Ok(Frame::Delta(delta)) => self.delta(at, &delta),
            Ok(Frame::Snapshot(snapshot)) => {
                self.snapshot(at, snapshot);
                self.note_books(at);
            }
            Ok(Frame::Event { sid, seq, event }) => self.event(at, sid, seq, event),
            Ok(reply) => {
                self.reply(at, reply);
                self.note_books(at);
            }
            Err(unreadable) => {
                self.unreadable(at, &unreadable);
                self.note_books(at);
            }
        }
    }

    /// Takes a message's number; whether the message is to be used.
    pub(super) fn take_number(&mut self, key: u32, seq: u64, at: At) -> bool {
        let Some(subscription) = self.subscriptions.get_mut(&key) else {
            return false;
        };
        // Answers carry numbers on every channel, which say nothing where messages have none.
        if !subscription.channel.is_numbered() {
            return true;
        }
        match subscription.take_number(seq, at) {
            Numbering::Next => true,
            Numbering::Old => {
                self.counters.duplicates += 1;
                false
            }
            Numbering::Gap { missing } => {
                let channel = subscription.channel;
                tracing::info!(%channel, missing, "kalshi_stream_gap");
                self.counters.gaps += 1;
                self.counters.missing += missing;
                self.forget_books(key, UnknownCause::Gap);
                self.outbox.reconcile(ReconcileCause::Gap(channel));
                self.note_books(at);
                self.pump(at);
                // The pump may have given the subscription up.
                self.subscriptions.contains_key(&key)
            }
        }
    }

    /// The subscription of a message. The answer that should have named it may be the message that was lost.
    fn subscription_of(&mut self, sid: u64, channel: Channel, at: At) -> Option<u32> {
        if let Some(key) = self.by_sid.get(&sid) {
            let fits = self.subscriptions.get(key).is_some_and(|s| s.channel == channel);
            if !fits {
                self.counters.strays += 1;
            }
            return fits.then_some(*key);
        }
        let asked = |s: &crate::websocket::subscription::Subscription| {
            s.channel == channel && s.phase == Phase::Asked
        };
        let mut asked = self
            .subscriptions
            .iter()
            .filter(|(_, s)| asked(s))
            .map(|(key, _)| *key);
        let only = asked.next().filter(|_| asked.next().is_none());
        let Some(key) = only.filter(|_| !self.retired.contains(&sid)) else {
            self.counters.strays += 1;
            return None;
        };
        self.pending
            .retain(|_, pending| pending.key != key || pending.purpose != Purpose::Subscribe);
        self.activate(key, sid, at);
        Some(key)
    }

    fn delta(&mut self, at: At, delta: &Delta<'_>) {
        self.counters.deltas += 1;
        let Some(key) = self.subscription_of(delta.sid, Channel::Orderbook, at) else {
            return;
        };
        if !self.take_number(key, delta.seq, at) {
            return;
        }
        let Some(subscription) = self.subscriptions.get_mut(&key) else {
            return;
        };
        // Of a market that was just taken out, or whose book is not known yet.
        let Some(member) = subscription.members.get_mut(delta.ticker.as_ref()) else {
            return;
        };
        let Some(book) = member.book.as_mut() else {
            return;
        };
        if let Err(fault) = book.change(delta.side, delta.price, delta.delta) {
            let ticker = member.ticker.clone();
            tracing::warn!(%ticker, %fault, "kalshi_stream_book_corrupt");
            self.lose_book(key, &ticker, UnknownCause::Corrupt, at);
            return;
        }
        match (book.is_crossed(), member.crossed_since) {
            (true, None) => member.crossed_since = Some(at.mono),
            (false, Some(_)) => member.crossed_since = None,
            (true, Some(_)) | (false, None) => {}
        }
        if !member.is_noticed {
            member.is_noticed = true;
            self.outbox.book_changed(&member.ticker);
        }
    }

    fn snapshot(&mut self, at: At, snapshot: Snapshot<'_>) {
        self.counters.snapshots += 1;
        let Some(key) = self.subscription_of(snapshot.sid, Channel::Orderbook, at) else {
            return;
        };
        if !self.take_number(key, snapshot.seq, at) {
            return;
        }
        self.answered_with_book(key, snapshot.id, snapshot.ticker.as_ref());
        let Some(subscription) = self.subscriptions.get_mut(&key) else {
            return;
        };
        let Some(member) = subscription.members.get_mut(snapshot.ticker.as_ref()) else {
            return;
        };
        match member.standing {
            // Not asked for: a book of an earlier life of the market here.
            Standing::Wanted => return,
            Standing::Asked => member.standing = Standing::In,
            Standing::In => {}
        }
        let book = match LiveBook::of(snapshot.yes, snapshot.no) {
            Ok(book) => book,
            Err(fault) => {
                let ticker = member.ticker.clone();
                tracing::warn!(%ticker, %fault, "kalshi_stream_book_corrupt");
                self.lose_book(key, &ticker, UnknownCause::Corrupt, at);
                return;
            }
        };
        if member.book.as_ref() == Some(&book) {
            return;
        }
        if member.book.is_some() {
            tracing::warn!(ticker = %member.ticker, "kalshi_stream_book_differed");
            self.counters.mismatches += 1;
        }
        member.crossed_since = book.is_crossed().then_some(at.mono);
        member.book = Some(book);
        member.is_noticed = true;
        self.outbox.book_changed(&member.ticker);
    }

    /// A question for a book is answered by the book, whether or not the answer names the question.
    fn answered_with_book(&mut self, key: u32, id: Option<u64>, name: &str) {
        let asked = |pending: &super::Pending| {
            pending.key == key && matches!(pending.purpose, Purpose::Books | Purpose::Probe)
        };
        let by_id = id.filter(|id| self.pending.get(id).is_some_and(asked));
        let by_name = || {
            let names = |pending: &super::Pending| pending.tickers.iter().any(|t| t.as_str() == name);
            let mut found = self.pending.iter().filter(|(_, p)| asked(p) && names(p));
            found.next().map(|(id, _)| *id)
        };
        let Some(id) = by_id.or_else(by_name) else { return };
        if let Some(pending) = self.pending.get_mut(&id) {
            pending.tickers.retain(|ticker| ticker.as_str() != name);
            if pending.tickers.is_empty() {
                self.pending.remove(&id);
            }
        }
    }

    /// One book does not hold; it is asked for again.
    pub(super) fn lose_book(&mut self, key: u32, ticker: &Ticker, why: UnknownCause, at: At) {
        self.counters.corrupt += 1;
        if let Some(subscription) = self.subscriptions.get_mut(&key)
            && let Some(member) = subscription.members.get_mut(ticker.as_str())
        {
            member.forget_book();
            subscription.lost_books = true;
            self.outbox.book_unknown(ticker, why);
        }
        self.note_books(at);
        self.pump(at);
    }

    fn event(&mut self, at: At, sid: u64, seq: Option<u64>, event: StreamEvent) {
        let Some(channel) = channel_of(&event) else { return };
        let Some(key) = self.subscription_of(sid, channel, at) else {
            return;
        };
        if let Some(seq) = seq
            && !self.take_number(key, seq, at)
        {
            return;
        }
        if self.is_of_interest(&event) {
            self.outbox.push(event);
        }
    }

    /// Lifecycle messages are of the whole exchange; quotes and trades may be of markets just taken out.
    fn is_of_interest(&self, event: &StreamEvent) -> bool {
        match event {
            StreamEvent::Quote(quote) => self.wanted.contains(&quote.ticker),
            StreamEvent::Trade(trade) => self.wanted.contains(&trade.ticker),
            StreamEvent::Lifecycle(change) => {
                self.wanted.contains(&change.ticker) || self.is_of_series(change.ticker.as_str())
            }
            StreamEvent::EventCreated(created) => {
                self.limits.series.is_empty() || self.limits.series.contains(&created.series)
            }
            StreamEvent::EventFee(fee) => self.is_of_series(EventTicker::as_str(&fee.event)),
            _ => true,
        }
    }

    /// Whether a market or event ticker begins with a series of interest; with none named, all are.
    fn is_of_series(&self, name: &str) -> bool {
        let series = name.split('-').next().unwrap_or(name);
        self.limits.series.is_empty() || self.limits.series.iter().any(|s| s.as_str() == series)
    }

    /// A message that cannot be read is a message that was lost.
    fn unreadable(&mut self, at: At, unreadable: &Unreadable) {
        tracing::warn!(kind = ?unreadable.kind, error = %unreadable.error, "kalshi_stream_unreadable");
        self.counters.unreadable += 1;
        self.outbox.reconcile(ReconcileCause::Unreadable);
        let key = unreadable.sid.and_then(|sid| self.by_sid.get(&sid).copied());
        match (key, unreadable.seq) {
            (Some(key), Some(seq)) => {
                if self.take_number(key, seq, at) {
                    self.forget_books(key, UnknownCause::Unreadable);
                    self.pump(at);
                }
            }
            // Whose message it was shows in the next number: at once, by asking.
            _ => self.probe_all(at),
        }
    }
}

fn channel_of(event: &StreamEvent) -> Option<Channel> {
    match event {
        StreamEvent::Quote(_) => Some(Channel::Ticker),
        StreamEvent::Trade(_) => Some(Channel::Trade),
        StreamEvent::Fill(_) => Some(Channel::Fill),
        StreamEvent::Order(_) => Some(Channel::UserOrders),
        StreamEvent::Position(_) => Some(Channel::Positions),
        StreamEvent::Lifecycle(_) | StreamEvent::EventCreated(_) | StreamEvent::EventFee(_) => {
            Some(Channel::Lifecycle)
        }
        StreamEvent::OrderGroup(_) => Some(Channel::OrderGroups),
        _ => None,
    }
}
