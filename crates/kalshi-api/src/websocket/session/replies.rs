//! Answers to commands, and errors.

use std::time::Duration;

use autotrader_domain::Ticker;

use super::{Pending, Purpose, Session};
use crate::websocket::Channel;
use crate::websocket::code::Remedy;
use crate::websocket::command;
use crate::websocket::event::{DisconnectCause, StreamEvent, UnknownCause};
use crate::websocket::frame::{Done, Failure, Frame};
use crate::websocket::subscription::{At, Phase, Standing};

/// How long nothing is sent to a subscription after the exchange asked for patience.
const PATIENCE: Duration = Duration::from_secs(1);

impl Session {
    pub(super) fn reply(&mut self, at: At, frame: Frame<'_>) {
        match frame {
            Frame::Subscribed { id, channel, sid } => self.subscribed(at, id, &channel, sid),
            Frame::Unsubscribed { id, sid, .. } => self.unsubscribed(at, id, sid),
            Frame::Done(done) => self.done(at, &done),
            Frame::Failure(failure) => self.failure(at, &failure),
            Frame::Unknown { kind, sid, seq } => {
                tracing::debug!(kind, "kalshi_stream_unknown_type");
                self.counters.unknown_types += 1;
                if let (Some(sid), Some(seq)) = (sid, seq)
                    && let Some(key) = self.by_sid.get(&sid).copied()
                {
                    self.take_number(key, seq, at);
                }
            }
            Frame::Subscriptions { .. } | Frame::Snapshot(_) | Frame::Delta(_) | Frame::Event { .. } => {}
        }
    }

    fn subscribed(&mut self, at: At, id: Option<u64>, channel: &str, sid: u64) {
        if self.by_sid.contains_key(&sid) || self.retired.contains(&sid) {
            return;
        }
        let asked = |pending: &Pending, s: &Self| {
            let of_channel = s
                .subscriptions
                .get(&pending.key)
                .is_some_and(|s| s.channel.name() == channel);
            pending.purpose == Purpose::Subscribe && of_channel
        };
        let id = match id {
            Some(id) => Some(id).filter(|id| self.pending.get(id).is_some_and(|p| asked(p, self))),
            None => {
                let mut found = self.pending.iter().filter(|(_, p)| asked(p, self));
                found.next().map(|(id, _)| *id)
            }
        };
        if let Some(pending) = id.and_then(|id| self.pending.remove(&id)) {
            self.activate(pending.key, sid, at);
            self.assign_markets(at);
            self.pump(at);
        } else {
            // Nobody waits for it any more.
            self.retired.insert(sid);
            self.next_id += 1;
            let text = command::unsubscribe(self.next_id, sid);
            self.actions.push(super::Action::Send(text));
        }
    }

    pub(super) fn activate(&mut self, key: u32, sid: u64, at: At) {
        if let Some(subscription) = self.subscriptions.get_mut(&key) {
            subscription.activate(sid, at);
            self.by_sid.insert(sid, key);
        }
    }

    fn unsubscribed(&mut self, at: At, id: Option<u64>, sid: u64) {
        if let Some(key) = self.by_sid.get(&sid).copied() {
            // Not asked for: the exchange ended it.
            self.subscribe_anew(key, UnknownCause::Ended, false, at);
            return;
        }
        let pending = id.and_then(|id| self.pending.remove(&id).map(|pending| (id, pending)));
        if let Some((id, pending)) = pending {
            self.unblock(pending.key, id);
            self.pump(at);
        }
    }

    fn done(&mut self, at: At, done: &Done) {
        if let (Some(sid), Some(seq)) = (done.sid, done.seq)
            && let Some(key) = self.by_sid.get(&sid).copied()
        {
            self.take_number(key, seq, at);
        }
        let Some(id) = done.id else { return };
        let answers_now = |p: &Pending| !matches!(p.purpose, Purpose::Books);
        let Some(pending) = self.pending.get(&id) else {
            return;
        };
        // A question for books is answered by the books.
        if !answers_now(pending) {
            return;
        }
        let Some(pending) = self.pending.remove(&id) else {
            return;
        };
        let Some(subscription) = self.subscriptions.get_mut(&pending.key) else {
            return;
        };
        match pending.purpose {
            Purpose::Add => {
                let asked: Vec<_> = pending
                    .tickers
                    .into_iter()
                    .filter(|ticker| {
                        let member = subscription.members.get(ticker.as_str());
                        member.is_some_and(|member| member.standing == Standing::Asked)
                    })
                    .collect();
                subscription.stand(&asked, Standing::In);
                subscription.asked_books_at = subscription.asked_books_at.max(Some(at.mono));
            }
            Purpose::Delete => {
                for ticker in &pending.tickers {
                    subscription.leaving.remove(ticker);
                }
            }
            Purpose::Unsubscribe => self.unblock(pending.key, id),
            Purpose::Subscribe | Purpose::Books | Purpose::Probe => {}
        }
        let changed = matches!(pending.purpose, Purpose::Add | Purpose::Delete);
        let lacks = done.markets.as_ref().is_some_and(|listed| {
            let subscription = self.subscriptions.get(&pending.key);
            changed && subscription.is_some_and(|s| s.lacks(listed))
        });
        if lacks {
            self.subscribe_anew(pending.key, UnknownCause::Ended, true, at);
        } else {
            self.assign_markets(at);
            self.pump(at);
        }
    }

    fn failure(&mut self, at: At, failure: &Failure) {
        self.counters.errors += 1;
        tracing::warn!(code = %failure.code, detail = failure.detail, "kalshi_stream_error");
        let by_sid = failure.sid.and_then(|sid| self.by_sid.get(&sid).copied());
        if let (Some(key), Some(seq)) = (by_sid, failure.seq) {
            self.take_number(key, seq, at);
        }
        let pending = failure
            .id
            .and_then(|id| self.pending.remove(&id).map(|pending| (id, pending)));
        if let Some((id, pending)) = &pending
            && pending.purpose == Purpose::Unsubscribe
        {
            // Whatever is wrong with it, the old subscription's messages are ignored.
            self.unblock(pending.key, *id);
            self.pump(at);
            return;
        }
        let pending = pending.map(|(_, pending)| pending);
        let Some(key) = pending.as_ref().map(|pending| pending.key).or(by_sid) else {
            self.failure_of_nobody(at, failure);
            return;
        };
        match failure.code.remedy() {
            Remedy::Resubscribe => self.subscribe_anew(key, UnknownCause::Ended, false, at),
            Remedy::Replace => self.subscribe_anew(key, UnknownCause::Ended, true, at),
            Remedy::Split => self.split(key, pending.as_ref(), at),
            Remedy::Later => self.later(key, pending, at),
            Remedy::NotAllowed => self.refuse(key, failure),
            Remedy::Wrong => self.wrong(key, pending.as_ref(), failure, at),
            Remedy::Reconnect => self.start_over(at, DisconnectCause::StartOver(failure.code.to_string())),
        }
    }

    /// An error that names neither a command of ours nor a subscription.
    fn failure_of_nobody(&mut self, at: At, failure: &Failure) {
        if failure.id.is_some() {
            // An answer to a command that nobody waits for any more.
            return;
        }
        let words = format!("{}: {}", failure.code, failure.detail);
        match failure.code.remedy() {
            Remedy::NotAllowed => self.start_over(at, DisconnectCause::Unauthorized(words)),
            Remedy::Resubscribe | Remedy::Reconnect => {
                // A terminal error of one subscription, and which one is not said: all of them.
                let known_to_be_over = failure.sid.is_some_and(|sid| self.retired.contains(&sid));
                if !known_to_be_over {
                    self.start_over(at, DisconnectCause::StartOver(words));
                }
            }
            Remedy::Replace | Remedy::Split | Remedy::Later | Remedy::Wrong => {}
        }
    }

    /// Learns how many markets a subscription takes, and spreads them over several.
    fn split(&mut self, key: u32, pending: Option<&Pending>, at: At) {
        let Some(subscription) = self.subscriptions.get_mut(&key) else {
            return;
        };
        let asked = pending.map_or(0, |pending| pending.tickers.len());
        let inside = subscription
            .members
            .values()
            .filter(|member| member.standing == Standing::In)
            .count();
        // Rejected as a whole, so half as many; rejected as an addition, so no more than are in already.
        let limit = if inside == 0 { asked / 2 } else { inside };
        self.markets_per_subscription = limit.clamp(1, self.markets_per_subscription);
        let limit = self.markets_per_subscription;
        let mut place = 0;
        subscription.members.retain(|_, member| {
            let stays = member.standing == Standing::In || place + inside < limit;
            place += usize::from(stays && member.standing != Standing::In);
            if stays && member.standing == Standing::Asked {
                member.standing = Standing::Wanted;
            }
            stays
        });
        if subscription.phase == Phase::Asked {
            self.subscribe_anew(key, UnknownCause::Ended, false, at);
        } else {
            self.assign_markets(at);
            self.pump(at);
        }
    }

    /// The same again, later.
    fn later(&mut self, key: u32, pending: Option<Pending>, at: At) {
        let Some(pending) = pending else { return };
        let until = at.after(PATIENCE);
        let Some(subscription) = self.subscriptions.get_mut(&key) else {
            return;
        };
        match pending.purpose {
            Purpose::Subscribe => self.subscribe_anew(key, UnknownCause::Ended, false, at),
            Purpose::Add => {
                let asked = |ticker: &&Ticker| {
                    let member = subscription.members.get(ticker.as_str());
                    member.is_some_and(|member| member.standing == Standing::Asked)
                };
                let asked: Vec<_> = pending.tickers.iter().filter(asked).cloned().collect();
                subscription.stand(&asked, Standing::Wanted);
            }
            Purpose::Delete => {
                for ticker in pending.tickers {
                    subscription.leaving.insert(ticker, false);
                }
            }
            Purpose::Books => subscription.lost_books = true,
            Purpose::Probe | Purpose::Unsubscribe => {}
        }
        self.hold(key, until);
    }

    fn refuse(&mut self, key: u32, failure: &Failure) {
        self.forget_books(key, UnknownCause::Refused);
        self.pending.retain(|_, pending| pending.key != key);
        let Some(subscription) = self.subscriptions.get_mut(&key) else {
            return;
        };
        let sid = subscription.sid();
        subscription.phase = Phase::Refused;
        self.outbox.push(StreamEvent::Refused {
            channel: subscription.channel,
            code: failure.code,
            detail: failure.detail.clone(),
        });
        if let Some(sid) = sid {
            self.retire(sid);
        }
    }

    /// Leaves out the markets that the exchange does not take. When it does not name them they are found by halving, so that
    /// one market does not cost the others.
    fn wrong(&mut self, key: u32, pending: Option<&Pending>, failure: &Failure, at: At) {
        let asked = match pending {
            Some(p) if matches!(p.purpose, Purpose::Subscribe | Purpose::Add) => p.tickers.as_slice(),
            _ => {
                self.subscribe_anew(key, UnknownCause::Ended, true, at);
                return;
            }
        };
        let Some(subscription) = self.subscriptions.get_mut(&key) else {
            return;
        };
        let named = asked
            .iter()
            .filter(|ticker| failure.markets.iter().any(|name| name == ticker.as_str()));
        let mut culprits: Vec<Ticker> = named.cloned().collect();
        match asked {
            [] => {
                self.refuse(key, failure);
                return;
            }
            [only] => culprits = vec![only.clone()],
            several if culprits.is_empty() => subscription.most_per_command = several.len() / 2,
            _ => {}
        }
        for ticker in asked {
            if let Some(member) = subscription.members.get_mut(ticker.as_str())
                && member.standing == Standing::Asked
            {
                member.standing = Standing::Wanted;
            }
        }
        for ticker in culprits {
            tracing::warn!(%ticker, channel = %subscription.channel, code = %failure.code, "kalshi_stream_market_refused");
            subscription.members.remove(ticker.as_str());
            if subscription.channel == Channel::Orderbook {
                self.outbox.book_unknown(&ticker, UnknownCause::Refused);
            }
            self.excluded.insert((subscription.channel, ticker));
        }
        if subscription.phase == Phase::Asked {
            subscription.phase = Phase::Waiting {
                until: at.mono,
                blocked_by: None,
            };
        }
        self.assign_markets(at);
        self.pump(at);
    }
}
