//! How the stream is doing.

use std::time::Duration;

/// What was counted since the start, over all connections.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Counters {
    /// Connections made.
    pub connections: u64,
    /// Tries that made none.
    pub failed_connections: u64,
    /// Connections that ended.
    pub disconnections: u64,
    /// Text frames.
    pub messages: u64,
    /// Changes of books.
    pub deltas: u64,
    /// Whole books.
    pub snapshots: u64,
    /// Gaps in a subscription's numbering.
    pub gaps: u64,
    /// Messages missing in those gaps.
    pub missing: u64,
    /// Messages with a number already seen or overtaken.
    pub duplicates: u64,
    /// Messages of no subscription of ours.
    pub strays: u64,
    /// Messages that could not be read.
    pub unreadable: u64,
    /// Messages of a type this version does not know.
    pub unknown_types: u64,
    /// Errors told by the exchange.
    pub errors: u64,
    /// Times that lost books were asked for.
    pub resyncs: u64,
    /// Subscriptions made anew.
    pub resubscriptions: u64,
    /// Checks of quiet subscriptions.
    pub probes: u64,
    /// Books that did not hold: sizes below zero, impossible prices, crossed for too long.
    pub corrupt: u64,
    /// Books that differed from the exchange's although no message was missing.
    pub mismatches: u64,
    /// Time during which a wanted book was not known.
    pub unknown_for: Duration,
}

/// How the stream is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct StreamHealth {
    /// Whether a connection is up.
    pub is_connected: bool,
    /// Whether everything asked for runs and every wanted book is known.
    pub is_settled: bool,
    /// Time since anything was heard, pings included; since the start before anything was.
    pub silence: Duration,
    /// Wanted books that are known.
    pub books_known: usize,
    /// Books wanted.
    pub books_wanted: usize,
    /// Events dropped because the reader was too slow.
    pub dropped: u64,
    /// What was counted.
    pub counters: Counters,
}
