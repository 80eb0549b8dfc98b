//! Alerts to a Discord channel, off the hot path.
//!
//! `notify` puts an alert into a bounded queue and returns; a task of its own sends them one by one. The webhook's
//! address is a secret: it appears in no message, no error and no `Debug` output.

mod delivery;
mod message;
mod webhook;

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use autotrader_domain::Alert;
use autotrader_domain::ports::Notifier;
use secrecy::SecretString;
use tokio::runtime::Handle;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use self::delivery::Courier;
use self::webhook::Webhook;
use crate::deduplication::Deduplication;
use crate::events;

pub use self::webhook::WebhookError;

/// How alerts are sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DiscordSettings {
    /// Alerts that may wait; more are dropped and counted.
    pub queue: usize,
    /// Alerts of one name within this time are one.
    pub window: Duration,
    /// How often an alert is tried before it is given up.
    pub attempts: u32,
    /// The pause after the first failure; it doubles with each.
    pub first_pause: Duration,
    /// The longest pause after a failure.
    pub longest_pause: Duration,
    /// The longest pause that Discord may ask for.
    pub longest_asked_pause: Duration,
    /// How long one attempt may take.
    pub timeout: Duration,
}

impl Default for DiscordSettings {
    /// Five attempts over half a minute; Discord allows about thirty messages a minute on a webhook.
    fn default() -> Self {
        Self {
            queue: 256,
            window: Duration::from_secs(60),
            attempts: 5,
            first_pause: Duration::from_secs(2),
            longest_pause: Duration::from_secs(30),
            longest_asked_pause: Duration::from_secs(600),
            timeout: Duration::from_secs(10),
        }
    }
}

/// What became of the alerts so far.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct DiscordStats {
    /// Taken by Discord.
    pub sent: u64,
    /// Given up after trying, or when time to drain ran out.
    pub dead_lettered: u64,
    /// Not taken into the queue because it was full or closed.
    pub dropped: u64,
    /// Not sent because a like one was sent moments before.
    pub suppressed: u64,
}

#[derive(Debug, Default)]
struct Counters {
    /// Taken into the queue and neither sent nor given up.
    waiting: AtomicU64,
    sent: AtomicU64,
    dead_lettered: AtomicU64,
    dropped: AtomicU64,
    suppressed: AtomicU64,
}

/// An alert with the number of like ones that were not sent.
#[derive(Debug)]
struct Letter {
    alert: Alert,
    suppressed: u64,
}

/// Sends alerts to a Discord webhook from a task of its own.
pub struct DiscordNotifier {
    /// `None` once closed.
    queue: Mutex<Option<mpsc::Sender<Letter>>>,
    task: Mutex<Option<JoinHandle<()>>>,
    deduplication: Mutex<Deduplication>,
    counters: Arc<Counters>,
}

impl DiscordNotifier {
    /// Starts the sending task on `runtime`.
    ///
    /// A TLS provider must have been installed for the process, or building the client panics inside reqwest.
    ///
    /// # Errors
    /// [`WebhookError`] when the address is missing or not Discord's.
    pub fn start(
        webhook: SecretString,
        settings: DiscordSettings,
        runtime: &Handle,
    ) -> Result<Self, WebhookError> {
        let webhook = Webhook::new(webhook)?;
        let counters = Arc::new(Counters::default());
        let courier = Courier::new(webhook, settings, Arc::clone(&counters))?;
        let (sender, letters) = mpsc::channel(settings.queue.max(1));
        let task = runtime.spawn(courier.run(letters));
        Ok(Self {
            queue: Mutex::new(Some(sender)),
            task: Mutex::new(Some(task)),
            deduplication: Mutex::new(Deduplication::new(settings.window)),
            counters,
        })
    }

    /// What became of the alerts so far.
    #[must_use]
    pub fn stats(&self) -> DiscordStats {
        let read = |counter: &AtomicU64| counter.load(Ordering::SeqCst);
        DiscordStats {
            sent: read(&self.counters.sent),
            dead_lettered: read(&self.counters.dead_lettered),
            dropped: read(&self.counters.dropped),
            suppressed: read(&self.counters.suppressed),
        }
    }

    /// Takes no more alerts, sends those that wait, and gives up the rest after `within`.
    ///
    /// A second call returns at once. When cancelled, waiting alerts may still be sent in the background.
    pub async fn drain(&self, within: Duration) -> DiscordStats {
        drop(lock(&self.queue).take());
        let task = lock(&self.task).take();
        if let Some(mut task) = task
            && tokio::time::timeout(within, &mut task).await.is_err()
        {
            task.abort();
            // The task is at an await or past its end: once it is joined nothing counts any more.
            let _ = task.await;
            let left = self.counters.waiting.swap(0, Ordering::SeqCst);
            self.counters.dead_lettered.fetch_add(left, Ordering::SeqCst);
            tracing::warn!(
                event = events::DISCORD_ALERT_DEAD_LETTERED,
                count = left,
                detail = "time to drain ran out"
            );
        }
        self.stats()
    }
}

impl Notifier for DiscordNotifier {
    fn notify(&self, alert: Alert) {
        let Some(suppressed) = lock(&self.deduplication).pass(&alert) else {
            self.counters.suppressed.fetch_add(1, Ordering::SeqCst);
            return;
        };
        let queue = lock(&self.queue).clone();
        let name = alert.name.clone();
        self.counters.waiting.fetch_add(1, Ordering::SeqCst);
        let taken = queue.is_some_and(|queue| queue.try_send(Letter { alert, suppressed }).is_ok());
        if !taken {
            self.counters.waiting.fetch_sub(1, Ordering::SeqCst);
            self.counters.dropped.fetch_add(1, Ordering::SeqCst);
            tracing::warn!(
                event = events::DISCORD_ALERT_DEAD_LETTERED,
                name,
                detail = "the queue is full or closed"
            );
        }
    }
}

impl fmt::Debug for DiscordNotifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DiscordNotifier")
            .field("stats", &self.stats())
            .finish_non_exhaustive()
    }
}

/// Locks, whatever happened to the last holder: every guarded change is a single assignment.
fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
