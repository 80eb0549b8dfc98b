//! The stream without a connection: recorded frames in, events and books out.

use std::collections::BTreeSet;
use std::fmt;

use autotrader_domain::{Book, Monotonic, Ticker};
use chrono::{DateTime, Utc};

use super::event::StreamEvent;
use super::health::Counters;
use super::session::Session;
use super::settings::StreamLimits;
use super::subscription::At;

/// Reads frames recorded on one connection of this client, without asking for anything.
pub struct StreamReplay {
    session: Session,
    start: DateTime<Utc>,
}

impl fmt::Debug for StreamReplay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StreamReplay").finish_non_exhaustive()
    }
}

impl StreamReplay {
    /// A replay of a connection made at `start` on which these markets were wanted, under the limits of the recording.
    #[must_use]
    pub fn new(limits: StreamLimits, markets: BTreeSet<Ticker>, start: DateTime<Utc>) -> Self {
        let mut replay = Self {
            session: Session::new(limits),
            start,
        };
        let at = replay.at(start);
        replay.session.set_markets(at, markets);
        replay.session.connected(at);
        replay.forget_commands();
        replay
    }

    /// Takes one text frame as it was received at `at`.
    pub fn text(&mut self, at: DateTime<Utc>, text: &str) {
        let at = self.at(at);
        self.session.text(at, text);
        self.forget_commands();
    }

    /// The next event.
    pub fn next_event(&mut self) -> Option<StreamEvent> {
        self.session.next_event()
    }

    /// The book of a market; `None` while it is not known.
    #[must_use]
    pub fn book(&self, ticker: &Ticker) -> Option<Book> {
        self.session.book(ticker)
    }

    /// What was counted.
    #[must_use]
    pub const fn counters(&self) -> Counters {
        self.session.counters
    }

    fn at(&self, wall: DateTime<Utc>) -> At {
        let since = wall.signed_duration_since(self.start).to_std();
        At {
            wall,
            mono: Monotonic(since.unwrap_or_default()),
        }
    }

    /// The exchange answered the commands of the recording, not these.
    fn forget_commands(&mut self) {
        drop(self.session.take_actions());
    }
}
