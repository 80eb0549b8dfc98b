//! One subscription: its life, its markets, its numbering.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use autotrader_domain::{Monotonic, Ticker};
use chrono::{DateTime, Utc};

use super::Channel;
use super::book::LiveBook;

/// A moment on both clocks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct At {
    /// For records.
    pub(crate) wall: DateTime<Utc>,
    /// For deadlines.
    pub(crate) mono: Monotonic,
}

impl At {
    pub(crate) fn since(self, earlier: Monotonic) -> Duration {
        self.mono.since(earlier)
    }

    pub(crate) fn after(self, wait: Duration) -> Monotonic {
        Monotonic(self.mono.0.saturating_add(wait))
    }
}

/// Where a subscription is in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Phase {
    /// To be asked for, not before `until`, and not before the answer to command `blocked_by`.
    Waiting {
        until: Monotonic,
        blocked_by: Option<u64>,
    },
    /// Asked for with a command that has no answer yet.
    Asked,
    /// Under this number of the exchange.
    Active(u64),
    /// The exchange refuses it.
    Refused,
}

/// How far a market is in a subscription.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Standing {
    Wanted,
    Asked,
    In,
}

/// One market of a subscription.
#[derive(Debug)]
pub(crate) struct Member {
    pub(crate) ticker: Ticker,
    pub(crate) standing: Standing,
    /// `None` while unknown, and always for channels without books.
    pub(crate) book: Option<LiveBook>,
    pub(crate) crossed_since: Option<Monotonic>,
    /// Whether a change of the book waits for the reader.
    pub(crate) is_noticed: bool,
}

impl Member {
    pub(crate) const fn wanted(ticker: Ticker) -> Self {
        Self {
            ticker,
            standing: Standing::Wanted,
            book: None,
            crossed_since: None,
            is_noticed: false,
        }
    }

    pub(crate) fn forget_book(&mut self) -> bool {
        self.crossed_since = None;
        self.is_noticed = false;
        self.book.take().is_some()
    }
}

/// What a message's number says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Numbering {
    Next,
    /// Seen before, or overtaken by a later one.
    Old,
    /// Messages before it are missing.
    Gap {
        missing: u64,
    },
}

#[derive(Debug)]
pub(crate) struct Subscription {
    pub(crate) channel: Channel,
    pub(crate) phase: Phase,
    pub(crate) members: BTreeMap<String, Member>,
    /// Markets to be taken out, and whether that was asked for.
    pub(crate) leaving: BTreeMap<Ticker, bool>,
    last_seq: u64,
    /// When its numbering was last seen intact.
    pub(crate) heard: At,
    /// Failures in a row.
    pub(crate) failures: u32,
    pub(crate) failed_at: Monotonic,
    /// The most markets named in one command, while one is sought that the exchange does not take.
    pub(crate) most_per_command: usize,
    /// No commands before this.
    pub(crate) hold_until: Monotonic,
    /// When books were last asked for.
    pub(crate) asked_books_at: Option<Monotonic>,
    /// Books were lost since they were last asked for.
    pub(crate) lost_books: bool,
    /// Questions for books that brought none, in a row.
    pub(crate) unanswered: u32,
    /// The market whose book was last checked.
    pub(crate) probed: String,
}

impl Subscription {
    pub(crate) fn new(channel: Channel, at: At) -> Self {
        Self {
            channel,
            phase: Phase::Waiting {
                until: at.mono,
                blocked_by: None,
            },
            members: BTreeMap::new(),
            leaving: BTreeMap::new(),
            last_seq: 0,
            heard: at,
            failures: 0,
            failed_at: at.mono,
            most_per_command: usize::MAX,
            hold_until: at.mono,
            asked_books_at: None,
            lost_books: false,
            unanswered: 0,
            probed: String::new(),
        }
    }

    pub(crate) const fn sid(&self) -> Option<u64> {
        match self.phase {
            Phase::Active(sid) => Some(sid),
            _ => None,
        }
    }

    /// It exists at the exchange from now on, with nothing numbered yet.
    pub(crate) fn activate(&mut self, sid: u64, at: At) {
        self.phase = Phase::Active(sid);
        self.last_seq = 0;
        self.heard = at;
        for member in self.members.values_mut() {
            if member.standing == Standing::Asked {
                member.standing = Standing::In;
            }
        }
        // The exchange sends the first books unasked.
        self.asked_books_at = Some(at.mono);
        self.lost_books = false;
        self.unanswered = 0;
    }

    /// Takes the number of a message.
    pub(crate) fn take_number(&mut self, seq: u64, at: At) -> Numbering {
        let expected = self.last_seq + 1;
        if seq < expected {
            return Numbering::Old;
        }
        self.last_seq = seq;
        self.heard = at;
        if seq == expected {
            Numbering::Next
        } else {
            Numbering::Gap {
                missing: seq - expected,
            }
        }
    }

    #[cfg(test)]
    pub(crate) const fn last_seq(&self) -> u64 {
        self.last_seq
    }

    /// Markets that are in it without a known book.
    pub(crate) fn unknown_books(&self) -> Vec<Ticker> {
        if self.channel != Channel::Orderbook {
            return Vec::new();
        }
        let unknown = |member: &&Member| member.standing == Standing::In && member.book.is_none();
        self.members
            .values()
            .filter(unknown)
            .map(|member| member.ticker.clone())
            .collect()
    }

    /// The next market whose book is checked, in turn.
    pub(crate) fn next_probe(&mut self) -> Option<Ticker> {
        let after = self.members.range(self.probed.clone()..);
        let next = after
            .map(|(_, member)| member)
            .find(|member| member.ticker.as_str() != self.probed)
            .or_else(|| self.members.values().next())?;
        let ticker = next.ticker.clone();
        ticker.as_str().clone_into(&mut self.probed);
        Some(ticker)
    }

    /// Sets the standing of some markets.
    pub(crate) fn stand(&mut self, tickers: &[Ticker], standing: Standing) {
        for ticker in tickers {
            if let Some(member) = self.members.get_mut(ticker.as_str()) {
                member.standing = standing;
            }
        }
    }

    /// Markets that wait to be asked for.
    pub(crate) fn wanted(&self) -> Vec<Ticker> {
        self.members
            .values()
            .filter(|member| member.standing == Standing::Wanted)
            .map(|member| member.ticker.clone())
            .collect()
    }

    /// Whether the exchange's list of its markets lacks one that should be in it.
    pub(crate) fn lacks(&self, listed: &[String]) -> bool {
        let listed: BTreeSet<&str> = listed.iter().map(String::as_str).collect();
        self.members
            .values()
            .any(|member| member.standing == Standing::In && !listed.contains(member.ticker.as_str()))
    }
}
