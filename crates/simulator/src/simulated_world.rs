//! The seam between the server and what it serves.

use std::fmt;

use bytes::Bytes;
use chrono::{DateTime, Utc};

use crate::exchange::Exchange;

/// A leaderboard page as it goes over the wire.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PageResponse {
    /// The HTTP status.
    pub status: u16,
    /// The media type, such as `text/html; charset=utf-8`.
    pub content_type: &'static str,
    /// Further headers: lower-case name and value. `date`, `content-length` and `content-encoding` are the server's.
    pub headers: Vec<(&'static str, String)>,
    /// The body.
    pub body: Bytes,
    /// The body compressed with gzip, made once per distinct page; served to readers that accept it.
    pub gzip: Option<Bytes>,
}

impl PageResponse {
    /// A short plain-text answer.
    #[must_use]
    pub fn text(status: u16, text: &'static str) -> Self {
        Self {
            status,
            content_type: "text/plain; charset=utf-8",
            headers: Vec::new(),
            body: Bytes::from_static(text.as_bytes()),
            gzip: None,
        }
    }
}

/// What is broken at one moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Faults {
    /// Order books, markets and trades answer 503.
    pub market_data_down: bool,
    /// Order entry does its work and then answers 503: the outcome is unknown to the sender.
    pub order_entry_answers_lost: bool,
    /// Order entry answers 503 without doing anything.
    pub order_entry_down: bool,
    /// Reads of orders, fills, positions, settlements and balance show how things were this many seconds ago.
    pub read_lag_seconds: u32,
    /// Every request answers 429.
    pub throttled: bool,
}

/// A world the server can serve: an exchange, a leaderboard site, and the time that moves both.
pub trait SimulatedWorld: Send + fmt::Debug {
    /// Lets everything happen that is due up to and including `at`; a time before the last one changes nothing.
    ///
    /// What happens must not depend on how often this is called.
    fn advance_to(&mut self, at: DateTime<Utc>);

    /// The exchange.
    fn exchange(&mut self) -> &mut Exchange;

    /// What the leaderboard site answers to a GET of `path` (starting with `/leaderboard/`) at `at`.
    fn leaderboard(&mut self, path: &str, at: DateTime<Utc>) -> PageResponse;

    /// Shows a model of the leaderboard under another name from `at` on, everything else of it as before; `false` when the site
    /// lists no such model, lists the other name already, or cannot be changed.
    fn rename_model(&mut self, _name: &str, _to: &str, _at: DateTime<Utc>) -> bool {
        false
    }

    /// What is broken at `at`.
    fn faults(&self, at: DateTime<Utc>) -> Faults;
}
