//! What of the WebSocket side can be set.

use std::time::Duration;

/// How the WebSocket side behaves where the documents leave room or a test needs another figure.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WsOptions {
    /// How many markets one subscription may hold; beyond it a command is answered with error 26.
    ///
    /// 500 000 by default: the "sanity limit" of the changelog of 18 June 2026.
    pub markets_per_subscription: usize,
    /// How many commands a conversation may send in one second of the exchange's clock; beyond it they are answered
    /// with error 27.
    ///
    /// 10 000 by default: the limit of the changelog of 18 June 2026.
    pub commands_per_second: u32,
    /// How many bundles of news a slow reader may be behind before its subscriptions end with error 25; a bundle holds
    /// at most 256 messages, and all readers share the bundles, so this bounds the memory that readers can cost.
    pub backlog: usize,
    /// How often the exchange pings; ten seconds, as recorded.
    pub ping_every: Duration,
    /// Whether answers to commands can be lost too, or only market data and news of the account.
    pub faulty_replies: bool,
}

impl Default for WsOptions {
    fn default() -> Self {
        Self {
            markets_per_subscription: 500_000,
            commands_per_second: 10_000,
            backlog: 1_024,
            ping_every: Duration::from_secs(10),
            faulty_replies: false,
        }
    }
}
