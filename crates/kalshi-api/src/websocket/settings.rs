//! What the stream needs to know.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use autotrader_domain::SeriesTicker;
use url::Url;

use super::Channel;
use crate::settings::is_loopback;
use crate::{SetupError, Signer};

/// What the session asks for and how patient it is.
#[derive(Debug, Clone)]
pub struct StreamLimits {
    /// The channels to ask for.
    pub channels: BTreeSet<Channel>,
    /// Series whose lifecycle messages are told; empty means all. The exchange sends those of every series.
    pub series: BTreeSet<SeriesTicker>,
    /// The most markets named in one command.
    pub markets_per_command: usize,
    /// The most markets put into one subscription; the exchange may teach less.
    pub markets_per_subscription: usize,
    /// A connection this long silent is given up.
    pub silence: Duration,
    /// A connection this long silent is pinged.
    pub ping_after: Duration,
    /// How long an answer to a command may take.
    pub reply_timeout: Duration,
    /// How long a book that was asked for may take.
    pub snapshot_timeout: Duration,
    /// Least time between two questions for lost books of one subscription.
    pub resync_floor: Duration,
    /// Questions for lost books that may bring none before the subscription is made anew.
    pub unanswered_questions: u32,
    /// A book subscription this long without a numbered message is asked for one book.
    pub probe_after: Duration,
    /// How long a book may stay crossed.
    pub crossed_for: Duration,
    /// The most events kept for a slow reader.
    pub waiting_events: usize,
}

impl Default for StreamLimits {
    fn default() -> Self {
        Self {
            channels: Channel::ALL.into(),
            series: BTreeSet::new(),
            markets_per_command: 100,
            markets_per_subscription: 1_000,
            silence: Duration::from_secs(30),
            ping_after: Duration::from_secs(12),
            reply_timeout: Duration::from_secs(5),
            snapshot_timeout: Duration::from_secs(3),
            resync_floor: Duration::from_millis(50),
            unanswered_questions: 3,
            probe_after: Duration::from_secs(10),
            crossed_for: Duration::from_secs(2),
            waiting_events: 8_192,
        }
    }
}

/// Waits between two tries to connect: drawn evenly from zero to a ceiling that doubles with each try.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReconnectPolicy {
    /// Ceiling of the first wait.
    pub first_ceiling: Duration,
    /// Ceiling of every wait.
    pub last_ceiling: Duration,
    /// Wait after a refused handshake: a person must act first.
    pub after_refusal: Duration,
    /// A connection that lasted this long starts the doubling over.
    pub stable_after: Duration,
}

impl Default for ReconnectPolicy {
    fn default() -> Self {
        Self {
            first_ceiling: Duration::from_millis(250),
            last_ceiling: Duration::from_secs(30),
            after_refusal: Duration::from_secs(30),
            stable_after: Duration::from_secs(10),
        }
    }
}

impl ReconnectPolicy {
    /// The wait before try number `tries` (from zero) after a connection was lost, for a jitter from 0 to 1.
    pub(super) fn wait(&self, tries: u32, jitter: f64) -> Duration {
        let doubled = self.first_ceiling.saturating_mul(2_u32.saturating_pow(tries));
        doubled.min(self.last_ceiling).mul_f64(jitter.clamp(0.0, 1.0))
    }
}

/// Settings of one stream.
#[derive(Debug, Clone)]
pub struct StreamSettings {
    /// The address, such as `wss://demo-api.kalshi.co/trade-api/ws/v2`; its path is signed.
    pub url: Url,
    /// Signs handshakes, which even public channels need; see [`KalshiClient::signer`](crate::KalshiClient::signer).
    pub signer: Arc<Signer>,
    /// What is asked for and how patient the session is.
    pub limits: StreamLimits,
    /// Longest time for connecting, TLS and handshake included.
    pub connect_timeout: Duration,
    /// Longest time for sending one command.
    pub send_timeout: Duration,
    /// Largest accepted message, in bytes.
    pub max_message_bytes: usize,
    /// How it reconnects.
    pub reconnect: ReconnectPolicy,
}

impl StreamSettings {
    /// Settings with the usual limits.
    ///
    /// # Errors
    /// [`SetupError::BaseUrl`] when the address is no absolute `wss` URL (or `ws` on loopback), or carries credentials, a
    /// query or a fragment.
    pub fn new(url: &str, signer: Arc<Signer>) -> Result<Self, SetupError> {
        Ok(Self {
            url: sound_stream_url(url)?,
            signer,
            limits: StreamLimits::default(),
            connect_timeout: Duration::from_secs(10),
            send_timeout: Duration::from_secs(5),
            max_message_bytes: 4 << 20,
            reconnect: ReconnectPolicy::default(),
        })
    }
}

fn sound_stream_url(text: &str) -> Result<Url, SetupError> {
    let refuse = |detail: &str| SetupError::BaseUrl {
        detail: format!("{detail} (the stream's address)"),
    };
    let url = Url::parse(text).map_err(|error| refuse(&error.to_string()))?;
    match url.scheme() {
        "wss" => {}
        "ws" if is_loopback(&url) => {}
        "ws" => return Err(refuse("`ws` is allowed for loopback hosts only; use `wss`")),
        _ => return Err(refuse("the scheme must be `wss`")),
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(refuse("it must not carry a user name or password"));
    }
    if url.query().is_some() || url.fragment().is_some() {
        return Err(refuse("it must not carry a query or fragment"));
    }
    Ok(url)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stream_addresses_are_wss_or_loopback() {
        for (url, expected) in [
            ("wss://demo-api.kalshi.co/trade-api/ws/v2", None),
            ("ws://127.0.0.1:8080/trade-api/ws/v2", None),
            ("ws://[::1]:8080/trade-api/ws/v2", None),
            ("ws://demo-api.kalshi.co/", Some("loopback hosts only")),
            ("https://demo-api.kalshi.co/", Some("must be `wss`")),
            ("wss://user:secret@kalshi.com/", Some("user name or password")),
            ("wss://kalshi.com/?a=b", Some("query or fragment")),
            ("nowhere", Some("relative URL without a base")),
        ] {
            let found = sound_stream_url(url).map_err(|error| error.to_string());
            match (found, expected) {
                (Ok(_), None) => {}
                (Err(words), Some(part)) => assert!(words.contains(part), "{words}"),
                (found, expected) => panic!("{url}: {found:?}, expected {expected:?}"),
            }
        }
    }

    #[test]
    fn waits_double_up_to_the_ceiling() {
        let policy = ReconnectPolicy::default();
        let millis = |tries, jitter| policy.wait(tries, jitter).as_millis();
        assert_eq!(
            [0, 1, 2, 3].map(|tries| millis(tries, 1.0)),
            [250, 500, 1000, 2000]
        );
        assert_eq!(millis(60, 1.0), 30_000);
        assert_eq!(millis(3, 0.25), 500);
    }
}
