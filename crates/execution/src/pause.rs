//! Waiting, injected: so that tests and virtual time never wait.

use std::fmt;
use std::time::Duration;

use async_trait::async_trait;

/// How execution waits between two reads of the venue.
#[async_trait]
pub trait Pause: Send + Sync + fmt::Debug {
    /// Returns after about `length`. Cancellation-safe.
    async fn pause(&self, length: Duration);
}

/// Waits on the runtime's timer.
#[derive(Debug, Clone, Copy, Default)]
pub struct TimerPause;

#[async_trait]
impl Pause for TimerPause {
    async fn pause(&self, length: Duration) {
        tokio::time::sleep(length).await;
    }
}

/// Does not wait: for venues that answer without lag, such as paper and virtual time.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoPause;

#[async_trait]
impl Pause for NoPause {
    async fn pause(&self, _: Duration) {}
}
