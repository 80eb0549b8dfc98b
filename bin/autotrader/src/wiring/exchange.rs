//! The exchange's client and stream, as configured.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use autotrader_config::{Config, EntryStyle, Kalshi};
use autotrader_domain::ports::{Clock, MarketData};
use autotrader_domain::{Contracts, ExecutionMode, SeriesTicker};
use autotrader_execution::Executor;
use autotrader_kalshi_api::order_groups::{GroupPlace, NewOrderGroup};
use autotrader_kalshi_api::websocket::{Channel, MarketStream, StreamSettings};
use autotrader_kalshi_api::{
    ClientPorts, ClientSettings, Credentials, KalshiClient, RateLimits, RetryPolicy, SeededJitter,
    SetupError, TokioSleeper, WriteOutcome,
};
use tracing::{info, warn};

use crate::Failure;
use crate::run::{Stream, StreamedBooks};

/// The exchange's client; without a readable key it can read public data only.
///
/// # Errors
/// [`Failure`] when the address or the key cannot be used.
pub(crate) fn exchange_client(
    config: &Config,
    limits: RateLimits,
    clock: Arc<dyn Clock>,
) -> Result<KalshiClient, Failure> {
    let kalshi = &config.kalshi;
    let wrong = |error: String| Failure::failed(format!("exchange: {error}."));
    let mut settings = ClientSettings::new(kalshi.effective_base_url(), kalshi.environment)
        .map_err(|error| Failure::failed(format!("configuration: kalshi.base_url: {error}.")))?;
    settings.limits = limits;
    settings.request_timeout = Duration::from_secs(kalshi.request_timeout_seconds);
    settings.retry = RetryPolicy {
        max_attempts: kalshi.max_retries,
        ..RetryPolicy::default()
    };
    settings.credentials = credentials(kalshi)?;
    let ready_seconds = kalshi.ready_signature_seconds;
    settings.ready_signature_max_age = (ready_seconds > 0).then(|| Duration::from_secs(ready_seconds));
    KalshiClient::new(&settings, ports(clock)).map_err(|error| wrong(error.to_string()))
}

/// Learns the account's limits, then keeps a signature ready if that is wanted; ends with the runtime. Nothing waits for it: the
/// documented limits hold meanwhile.
pub(super) fn tend_account(client: Arc<KalshiClient>) {
    tokio::spawn(async move {
        // What could not be learnt is in the log, and what was known stays in force.
        let _learnt = client.learn_limits().await;
        client.keep_create_signature_ready().await;
    });
}

/// How often a group that was triggered may trade again: its contracts within fifteen seconds stay limited.
const GROUP_RESET_EVERY: Duration = Duration::from_secs(60);

/// Gives resting orders a group of their own, so that a burst of fills ends at the exchange itself; ends with the runtime.
///
/// Nothing waits for it: without a group orders rest all the same, each with its expiry. A group that could not be had is
/// asked for again; one that was triggered is reset after at most a minute.
pub(super) fn tend_group(config: &Config, client: &Arc<KalshiClient>, executor: &Arc<Executor>) {
    let limit = Contracts::whole(config.kalshi.order_group_contracts);
    if limit.is_zero() || config.leaderboard_alpha.entry_style == EntryStyle::Take {
        return;
    }
    let (client, executor) = (Arc::clone(client), Arc::clone(executor));
    tokio::spawn(async move {
        let new = NewOrderGroup {
            limit,
            subaccount: None,
            exchange_index: 0,
        };
        let group = loop {
            match client.create_order_group(&new).await {
                WriteOutcome::Accepted(group) => break group,
                // One that was created all the same is empty and does nothing.
                other => warn!(event = "order_group_missing", outcome = ?other),
            }
            tokio::time::sleep(GROUP_RESET_EVERY).await;
        };
        info!(event = "order_group_created", group = %group, limit = %limit);
        executor.rest_in(group.clone());
        loop {
            tokio::time::sleep(GROUP_RESET_EVERY).await;
            let reset = client.reset_order_group(&group, GroupPlace::default()).await;
            if !matches!(reset, WriteOutcome::Accepted(())) {
                warn!(event = "order_group_not_reset", outcome = ?reset);
            }
        }
    });
}

/// The account's key. Paper trades without one as well, so there a key that cannot be used is only a warning.
fn credentials(kalshi: &Kalshi) -> Result<Option<Credentials>, Failure> {
    let is_live = kalshi.execution_mode == ExecutionMode::Live;
    if !is_live && !kalshi.has_key() {
        return Ok(None);
    }
    match Credentials::from_pem_file(&kalshi.api_key_id, Path::new(&kalshi.private_key_path)) {
        Ok(credentials) => Ok(Some(credentials)),
        Err(error) if is_live => Err(Failure::failed(format!(
            "configuration: kalshi.private_key_path: {error}."
        ))),
        Err(error) => {
            let detail = format!("kalshi.private_key_path: {error}; going on without a key");
            warn!(event = "configuration_warning", detail);
            Ok(None)
        }
    }
}

fn ports(clock: Arc<dyn Clock>) -> ClientPorts {
    ClientPorts {
        clock,
        jitter: Arc::new(SeededJitter::new(jitter_seed())),
        sleeper: Arc::new(TokioSleeper),
    }
}

/// Market data that streams its books when there is a key for it, and what the stream tells.
///
/// Paper trades without a stream as well, so there an address that gets no signature is only a warning. Needs a runtime.
///
/// # Errors
/// [`Failure`] when the stream's address or, live, the key cannot be used.
pub(super) fn streamed(
    config: &Config,
    client: Arc<KalshiClient>,
    series: &[SeriesTicker],
    clock: Arc<dyn Clock>,
) -> Result<(Arc<dyn MarketData>, Stream), Failure> {
    let kalshi = &config.kalshi;
    if !kalshi.websocket_enabled || !kalshi.has_key() {
        return Ok((client, Stream::none()));
    }
    let wrong = |error: SetupError| Failure::failed(format!("configuration: kalshi.websocket_url: {error}."));
    let mut settings =
        StreamSettings::new(&kalshi.effective_websocket_url(), client.signer()).map_err(wrong)?;
    let is_live = kalshi.execution_mode == ExecutionMode::Live;
    match client.signer().sign("GET", &settings.url) {
        Ok(_) => {}
        Err(error) if is_live => return Err(wrong(error)),
        Err(error) => {
            warn!(event = "market_stream_unavailable", detail = %error);
            return Ok((client, Stream::none()));
        }
    }
    settings.limits.series = series.iter().cloned().collect();
    settings.limits.channels = channels(is_live).into_iter().collect();
    let (stream, events) = MarketStream::connect(settings, ports(clock)).map_err(wrong)?;
    let books = StreamedBooks { rest: client, stream };
    Ok((Arc::new(books), Stream::hearing(events)))
}

/// The channels that something is done with. Paper orders never reach the exchange's account.
fn channels(is_live: bool) -> Vec<Channel> {
    let mut channels = vec![Channel::Orderbook, Channel::Lifecycle];
    if is_live {
        channels.extend([Channel::Fill, Channel::UserOrders]);
    }
    channels
}

/// Spreads processes apart; nothing depends on its value.
pub(super) fn jitter_seed() -> u64 {
    u64::from(std::process::id()).wrapping_mul(0x9E37_79B9_7F4A_7C15)
}
