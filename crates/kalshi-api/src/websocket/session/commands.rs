//! What is asked for: markets to subscriptions, subscriptions to commands.

use std::collections::BTreeSet;
use std::time::Duration;

use autotrader_domain::{Monotonic, Ticker};

use super::{Action, Pending, Purpose, Session};
use crate::websocket::Channel;
use crate::websocket::command::{self, UpdateAction};
use crate::websocket::event::{DisconnectCause, ReconcileCause, UnknownCause};
use crate::websocket::subscription::{At, Member, Phase, Standing};

/// Failures of a subscription in a row before everything is started over.
const MOST_FAILURES: u32 = 6;
/// A subscription that ran this long has no failures behind it.
const FAILURES_FORGOTTEN_AFTER: Duration = Duration::from_secs(60);

impl Session {
    /// Gives every wanted market a place in a subscription of each channel of markets, and takes out what is not wanted.
    pub(super) fn assign_markets(&mut self, at: At) {
        let of_markets: Vec<Channel> = self
            .limits
            .channels
            .iter()
            .copied()
            .filter(|channel| channel.is_of_markets())
            .collect();
        for channel in of_markets {
            self.take_out(channel);
            self.put_in(channel, at);
        }
        let empty = self
            .subscriptions
            .iter()
            .filter(|(_, s)| s.channel.is_of_markets() && s.members.is_empty());
        for key in empty.map(|(key, _)| *key).collect::<Vec<_>>() {
            self.end(key, at);
        }
    }

    fn take_out(&mut self, channel: Channel) {
        let of_channel = self.subscriptions.values_mut().filter(|s| s.channel == channel);
        for subscription in of_channel {
            let gone = |member: &&Member| !self.wanted.contains(&member.ticker);
            let gone: Vec<(Ticker, Standing)> = subscription
                .members
                .values()
                .filter(gone)
                .map(|member| (member.ticker.clone(), member.standing))
                .collect();
            for (ticker, standing) in gone {
                subscription.members.remove(ticker.as_str());
                if standing != Standing::Wanted {
                    subscription.leaving.insert(ticker, false);
                }
            }
        }
    }

    fn put_in(&mut self, channel: Channel, at: At) {
        let room = self.markets_per_subscription;
        let placed: BTreeSet<&str> = self
            .subscriptions
            .values()
            .filter(|s| s.channel == channel)
            // A market on its way out comes back when it is out, or the exchange could take both for one.
            .flat_map(|s| {
                let leaving = s.leaving.keys().map(Ticker::as_str);
                leaving.chain(s.members.keys().map(String::as_str))
            })
            .collect();
        let missing: Vec<Ticker> = self
            .wanted
            .iter()
            .filter(|ticker| !placed.contains(ticker.as_str()))
            .filter(|ticker| !self.excluded.contains(&(channel, (*ticker).clone())))
            .cloned()
            .collect();
        for ticker in missing {
            let with_room = self
                .subscriptions
                .iter()
                .find(|(_, s)| s.channel == channel && s.phase != Phase::Refused && s.members.len() < room);
            let refused = self
                .subscriptions
                .values()
                .any(|s| s.channel == channel && s.phase == Phase::Refused);
            let key = match with_room.map(|(key, _)| *key) {
                Some(key) => key,
                None if refused => return,
                None => self.new_subscription(channel, at),
            };
            if let Some(subscription) = self.subscriptions.get_mut(&key) {
                let name = ticker.as_str().to_owned();
                subscription.members.insert(name, Member::wanted(ticker));
            }
        }
    }

    /// Ends a subscription that nobody needs. A subscription with no market left might mean every market.
    fn end(&mut self, key: u32, at: At) {
        let Some(subscription) = self.subscriptions.get(&key) else {
            return;
        };
        match subscription.phase {
            Phase::Waiting { .. } => {
                self.subscriptions.remove(&key);
            }
            Phase::Active(sid) => {
                self.retire(sid);
                let id = self.register(key, Purpose::Unsubscribe, Vec::new(), at);
                self.actions.push(Action::Send(command::unsubscribe(id, sid)));
                self.subscriptions.remove(&key);
                self.pending.retain(|_, pending| pending.key != key);
            }
            // Ended once its number is known.
            Phase::Asked | Phase::Refused => {}
        }
    }

    pub(super) fn retire(&mut self, sid: u64) {
        self.by_sid.remove(&sid);
        self.retired.insert(sid);
    }

    fn register(&mut self, key: u32, purpose: Purpose, tickers: Vec<Ticker>, at: At) -> u64 {
        self.next_id += 1;
        self.pending.insert(
            self.next_id,
            Pending {
                key,
                purpose,
                tickers,
                asked_at: at.mono,
            },
        );
        self.next_id
    }

    /// Sends what waits to be sent.
    pub(super) fn pump(&mut self, at: At) {
        for key in self.subscriptions.keys().copied().collect::<Vec<_>>() {
            let Some(subscription) = self.subscriptions.get(&key) else {
                continue;
            };
            match subscription.phase {
                Phase::Waiting {
                    until,
                    blocked_by: None,
                } if until <= at.mono => self.ask(key, at),
                Phase::Active(sid) if subscription.hold_until <= at.mono => {
                    self.update_markets(key, sid, at);
                    self.ask_lost_books(key, sid, at);
                }
                _ => {}
            }
        }
    }

    fn ask(&mut self, key: u32, at: At) {
        let per_command = self.limits.markets_per_command.max(1);
        let Some(subscription) = self.subscriptions.get_mut(&key) else {
            return;
        };
        let mut tickers = subscription.wanted();
        tickers.truncate(per_command.min(subscription.most_per_command));
        subscription.stand(&tickers, Standing::Asked);
        subscription.phase = Phase::Asked;
        let channel = subscription.channel;
        let id = self.register(key, Purpose::Subscribe, tickers.clone(), at);
        self.actions
            .push(Action::Send(command::subscribe(id, channel, &tickers)));
    }

    fn update_markets(&mut self, key: u32, sid: u64, at: At) {
        let per_command = self.limits.markets_per_command.max(1);
        let Some(subscription) = self.subscriptions.get_mut(&key) else {
            return;
        };
        let channel = subscription.channel;
        let per_command = per_command.min(subscription.most_per_command).max(1);
        let wanted = subscription.wanted();
        subscription.stand(&wanted, Standing::Asked);
        let leaving = subscription.leaving.iter_mut().filter(|(_, asked)| !**asked);
        let leaving: Vec<Ticker> = leaving
            .map(|(ticker, asked)| {
                *asked = true;
                ticker.clone()
            })
            .collect();
        for (purpose, action, tickers) in [
            (Purpose::Delete, UpdateAction::DeleteMarkets, leaving),
            (Purpose::Add, UpdateAction::AddMarkets, wanted),
        ] {
            for chunk in tickers.chunks(per_command) {
                let id = self.register(key, purpose, chunk.to_vec(), at);
                self.actions
                    .push(Action::Send(command::update(id, channel, sid, action, chunk)));
            }
        }
    }

    /// Asks for books that were lost, or were asked for and did not come.
    fn ask_lost_books(&mut self, key: u32, sid: u64, at: At) {
        let (floor, patience) = (self.limits.resync_floor, self.limits.snapshot_timeout);
        let Some(subscription) = self.subscriptions.get_mut(&key) else {
            return;
        };
        let unknown = subscription.unknown_books();
        if unknown.is_empty() {
            subscription.lost_books = false;
            subscription.unanswered = 0;
            return;
        }
        let waited = subscription.asked_books_at.map(|asked| at.since(asked));
        let is_late = waited.is_none_or(|waited| waited >= patience);
        let is_due = subscription.lost_books && waited.is_none_or(|waited| waited >= floor);
        if !(is_late || is_due) {
            return;
        }
        if is_late && !subscription.lost_books {
            subscription.unanswered += 1;
            if subscription.unanswered > self.limits.unanswered_questions {
                self.subscribe_anew(key, UnknownCause::Gap, true, at);
                return;
            }
        }
        if let Some(subscription) = self.subscriptions.get_mut(&key) {
            subscription.lost_books = false;
            subscription.asked_books_at = Some(at.mono);
        }
        self.counters.resyncs += 1;
        self.ask_books(key, sid, Purpose::Books, &unknown, at);
    }

    pub(super) fn ask_books(&mut self, key: u32, sid: u64, purpose: Purpose, tickers: &[Ticker], at: At) {
        for chunk in tickers.chunks(self.limits.markets_per_command.max(1)) {
            let id = self.register(key, purpose, chunk.to_vec(), at);
            let text = command::update(id, Channel::Orderbook, sid, UpdateAction::GetSnapshot, chunk);
            self.actions.push(Action::Send(text));
        }
    }

    /// Lets a subscription go and asks for it anew, each time later; after too many times everything is started over.
    ///
    /// `ending` says that the old one must be ended first.
    pub(super) fn subscribe_anew(&mut self, key: u32, why: UnknownCause, ending: bool, at: At) {
        self.forget_books(key, why);
        let Some(subscription) = self.subscriptions.get_mut(&key) else {
            return;
        };
        if at.since(subscription.failed_at) > FAILURES_FORGOTTEN_AFTER {
            subscription.failures = 0;
        }
        subscription.failures += 1;
        subscription.failed_at = at.mono;
        let (channel, failures) = (subscription.channel, subscription.failures);
        let old = subscription.sid();
        subscription.leaving.clear();
        for member in subscription.members.values_mut() {
            member.standing = Standing::Wanted;
        }
        if failures > MOST_FAILURES {
            let words = format!("`{channel}` failed {failures} times in a row");
            self.start_over(at, DisconnectCause::StartOver(words));
            return;
        }
        self.counters.resubscriptions += 1;
        self.outbox.reconcile(ReconcileCause::Resubscribed(channel));
        self.pending.retain(|_, pending| pending.key != key);
        let mut blocked_by = None;
        if let Some(sid) = old {
            self.retire(sid);
            if ending {
                let id = self.register(key, Purpose::Unsubscribe, Vec::new(), at);
                self.actions.push(Action::Send(command::unsubscribe(id, sid)));
                blocked_by = Some(id);
            }
        }
        if let Some(subscription) = self.subscriptions.get_mut(&key) {
            subscription.phase = Phase::Waiting {
                until: at.after(delay(failures)),
                blocked_by,
            };
        }
        self.assign_markets(at);
        self.pump(at);
    }

    /// The answer that a subscription waited for is here, or will not come.
    pub(super) fn unblock(&mut self, key: u32, id: u64) {
        if let Some(subscription) = self.subscriptions.get_mut(&key)
            && let Phase::Waiting { blocked_by, .. } = &mut subscription.phase
            && *blocked_by == Some(id)
        {
            *blocked_by = None;
        }
    }

    /// Sends nothing to a subscription for a while.
    pub(super) fn hold(&mut self, key: u32, until: Monotonic) {
        if let Some(subscription) = self.subscriptions.get_mut(&key) {
            subscription.hold_until = until;
        }
    }
}

/// At once after the first failure, then doubling from a quarter of a second.
fn delay(failures: u32) -> Duration {
    match failures {
        0 | 1 => Duration::ZERO,
        more => Duration::from_millis(250) * 2_u32.pow((more - 2).min(6)),
    }
}
