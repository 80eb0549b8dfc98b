//! What time does: silence, missing answers, quiet subscriptions.

use super::{Action, Purpose, Session};
use crate::websocket::Channel;
use crate::websocket::event::{DisconnectCause, UnknownCause};
use crate::websocket::subscription::{At, Standing};

impl Session {
    /// Time has passed. Call it a few times a second.
    pub(crate) fn tick(&mut self, at: At) {
        if !self.is_up {
            return;
        }
        let silence = self.silence(at);
        if silence >= self.limits.silence {
            self.start_over(at, DisconnectCause::Silent);
            return;
        }
        if silence >= self.limits.ping_after && at.since(self.pinged_at) >= self.limits.ping_after {
            self.pinged_at = at.mono;
            self.actions.push(Action::Ping);
        }
        self.expire_commands(at);
        self.resync_crossed(at);
        self.probe_quiet(at);
        if self.is_up {
            self.pump(at);
        }
        self.note_books(at);
    }

    fn expire_commands(&mut self, at: At) {
        let patience = self.limits.reply_timeout;
        let expired = self
            .pending
            .iter()
            .filter(|(_, pending)| at.since(pending.asked_at) >= patience)
            .map(|(id, _)| *id);
        for id in expired.collect::<Vec<_>>() {
            let Some(pending) = self.pending.remove(&id) else {
                continue;
            };
            match pending.purpose {
                Purpose::Subscribe => {
                    self.start_over(at, DisconnectCause::NoReply("subscribe"));
                    return;
                }
                Purpose::Unsubscribe => self.unblock(pending.key, id),
                // Every market of it may have shown its book meanwhile, which is an answer.
                Purpose::Add if !self.has_asked(pending.key, &pending.tickers) => {}
                Purpose::Add | Purpose::Delete => {
                    self.subscribe_anew(pending.key, UnknownCause::Ended, true, at);
                }
                // Books that do not come are asked for again by the pump.
                Purpose::Books => {}
                Purpose::Probe => {
                    let heard = self.subscriptions.get(&pending.key).map(|s| s.heard.mono);
                    if heard.is_some_and(|heard| heard <= pending.asked_at) {
                        self.subscribe_anew(pending.key, UnknownCause::Gap, true, at);
                    }
                }
            }
            if !self.is_up {
                return;
            }
        }
    }

    fn has_asked(&self, key: u32, tickers: &[autotrader_domain::Ticker]) -> bool {
        self.subscriptions.get(&key).is_some_and(|s| {
            let standing = |ticker: &autotrader_domain::Ticker| {
                s.members.get(ticker.as_str()).map(|member| member.standing)
            };
            tickers
                .iter()
                .any(|ticker| standing(ticker) == Some(Standing::Asked))
        })
    }

    /// A book may be crossed between two changes of one action, but not for long.
    fn resync_crossed(&mut self, at: At) {
        let limit = self.limits.crossed_for;
        let stuck = self.subscriptions.iter().flat_map(|(key, s)| {
            let stuck = s
                .members
                .values()
                .filter(|member| member.crossed_since.is_some_and(|since| at.since(since) >= limit));
            stuck.map(|member| (*key, member.ticker.clone()))
        });
        for (key, ticker) in stuck.collect::<Vec<_>>() {
            self.lose_book(key, &ticker, UnknownCause::Crossed, at);
        }
    }

    fn probe_quiet(&mut self, at: At) {
        let quiet = self.limits.probe_after;
        let keys = self
            .subscriptions
            .iter()
            .filter(|(_, s)| at.since(s.heard.mono) >= quiet)
            .map(|(key, _)| *key);
        for key in keys.collect::<Vec<_>>() {
            self.probe(key, at);
        }
    }

    /// Asks every book subscription for one book.
    pub(super) fn probe_all(&mut self, at: At) {
        for key in self.subscriptions.keys().copied().collect::<Vec<_>>() {
            self.probe(key, at);
        }
    }

    fn probe(&mut self, key: u32, at: At) {
        let is_asked = self
            .pending
            .values()
            .any(|p| p.key == key && matches!(p.purpose, Purpose::Probe | Purpose::Books));
        let Some(subscription) = self.subscriptions.get_mut(&key) else {
            return;
        };
        let Some(sid) = subscription.sid() else { return };
        if is_asked || subscription.channel != Channel::Orderbook || subscription.hold_until > at.mono {
            return;
        }
        let Some(ticker) = subscription.next_probe() else {
            return;
        };
        if subscription.members.get(ticker.as_str()).map(|m| m.standing) != Some(Standing::In) {
            return;
        }
        self.counters.probes += 1;
        self.ask_books(key, sid, Purpose::Probe, &[ticker], at);
    }
}
