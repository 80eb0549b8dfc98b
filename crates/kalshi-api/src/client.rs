//! The client: reads with retries and writes, on one transport.

use std::sync::Arc;

use autotrader_domain::Environment;
use autotrader_domain::ports::{Clock, FeedError};
use bytes::Bytes;
use reqwest::Method;

use crate::error::SendError;
use crate::http::bucket::Class;
use crate::http::rate_limit::{Budget, RateLimiter};
use crate::http::retry::RetryBudget;
use crate::http::transport::{Answer, Auth, Target, Transport};
use crate::http::write::{Write, WriteAnswer};
use crate::venue_error::worth_retrying;
use crate::{ClientSettings, Jitter, RetryPolicy, SetupError, Sleeper, VenueError};

/// What the client needs from outside.
#[derive(Debug, Clone)]
pub struct ClientPorts {
    /// Wall time for signatures, monotonic time for limits.
    pub clock: Arc<dyn Clock>,
    /// Spreads retries.
    pub jitter: Arc<dyn Jitter>,
    /// Waits between retries and for a turn.
    pub sleeper: Arc<dyn Sleeper>,
}

/// The exchange's REST API.
#[derive(Debug)]
pub struct KalshiClient {
    pub(crate) transport: Transport,
    pub(crate) limiter: RateLimiter,
    pub(crate) ports: ClientPorts,
    base_url: String,
    environment: Environment,
    retry: RetryPolicy,
    retry_budget: RetryBudget,
}

/// One read.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Read<'a> {
    pub(crate) segments: &'a [&'a str],
    pub(crate) query: &'a [(&'a str, &'a str)],
    pub(crate) auth: Auth,
    pub(crate) budget: Budget,
}

impl<'a> Read<'a> {
    pub(crate) const fn public(segments: &'a [&'a str], query: &'a [(&'a str, &'a str)]) -> Self {
        Self {
            segments,
            query,
            auth: Auth::Public,
            budget: Budget::Read,
        }
    }

    pub(crate) const fn signed(segments: &'a [&'a str], query: &'a [(&'a str, &'a str)]) -> Self {
        Self {
            auth: Auth::Signed,
            ..Self::public(segments, query)
        }
    }
}

impl From<SendError> for FeedError {
    fn from(error: SendError) -> Self {
        match error {
            SendError::Refused(words) => Self::Refused(words),
            SendError::NotSent(words) | SendError::Lost(words) => Self::Transient(words),
        }
    }
}

impl KalshiClient {
    /// A client; nothing is sent.
    ///
    /// # Errors
    /// [`SetupError`] when no TLS provider is installed or the HTTP client cannot be built.
    pub fn new(settings: &ClientSettings, ports: ClientPorts) -> Result<Self, SetupError> {
        Ok(Self {
            transport: Transport::new(settings, Arc::clone(&ports.clock))?,
            limiter: RateLimiter::new(
                settings.limits,
                Arc::clone(&ports.clock),
                Arc::clone(&ports.sleeper),
            ),
            base_url: settings.base_url.as_str().trim_end_matches('/').to_owned(),
            environment: settings.environment,
            retry: settings.retry,
            retry_budget: RetryBudget::new(&settings.retry),
            ports,
        })
    }

    /// The API root in use.
    #[must_use]
    pub fn base_url(&self) -> &str {
        &self.base_url
    }

    /// The environment the API root belongs to.
    #[must_use]
    pub const fn environment(&self) -> Environment {
        self.environment
    }

    /// Reads once, retrying while it helps; the body of a success.
    pub(crate) async fn get(&self, read: Read<'_>) -> Result<Bytes, FeedError> {
        let answer = self.get_answer(read, &|_| false).await?;
        if answer.is_success() {
            Ok(answer.body)
        } else {
            Err(VenueError::read(answer.status, &answer.body).into_feed_error())
        }
    }

    /// Reads once, retrying while it helps; whatever answer came last. `is_final` ends the retries early.
    pub(crate) async fn get_answer(
        &self,
        read: Read<'_>,
        is_final: &(dyn Fn(&Answer) -> bool + Send + Sync),
    ) -> Result<Answer, FeedError> {
        let target = self.transport.target(read.segments, read.query)?;
        let mut retry = 0;
        loop {
            let result = self.attempt(&target, read).await;
            let again = match &result {
                Ok(answer) if is_final(answer) => false,
                Ok(answer) => {
                    worth_retrying(answer.status)
                        || VenueError::read(answer.status, &answer.body).is_clock_skew()
                }
                Err(SendError::Refused(_)) => false,
                Err(SendError::NotSent(_) | SendError::Lost(_)) => true,
            };
            if !again {
                self.retry_budget.earn();
                return Ok(result?);
            }
            if retry + 1 >= self.retry.max_attempts || !self.retry_budget.spend() {
                return Ok(result?);
            }
            let wait = self.retry.wait(retry, self.ports.jitter.fraction());
            self.ports.sleeper.sleep(wait).await;
            retry += 1;
        }
    }

    async fn attempt(&self, target: &Target, read: Read<'_>) -> Result<Answer, SendError> {
        let cost = self.limiter.cost("GET", read.segments);
        // Reads queue first come, first served: they all have one class.
        self.limiter
            .acquire(read.budget, Class::Create, cost)
            .await
            .map_err(|no_turn| SendError::NotSent(no_turn.to_string()))?;
        let answer = self.transport.send(Method::GET, target, read.auth, None).await?;
        self.limiter.learn_from(read.budget, answer.status);
        Ok(answer)
    }

    /// Sends one signed write, once. Not cancellation-safe: a dropped call has an unknown outcome.
    ///
    /// Waits for tokens first, within the patience of its kind. What the answer proves is in [`WriteAnswer`].
    pub(crate) async fn write(&self, write: Write<'_>) -> WriteAnswer {
        let target = match self.transport.target(write.segments, write.query) {
            Ok(target) => target,
            Err(error) => return WriteAnswer::of(Err(error)),
        };
        let cost = self
            .limiter
            .cost(write.method.as_str(), write.segments)
            .saturating_mul(write.kind.items());
        let budget = write.kind.budget(write.shard);
        if let Err(no_turn) = self.limiter.acquire(budget, write.kind.class(), cost).await {
            return WriteAnswer::of_no_turn(no_turn);
        }
        let sent = self
            .transport
            .send(write.method, &target, Auth::Signed, write.body)
            .await;
        if let Ok(answer) = &sent {
            self.limiter.learn_from(budget, answer.status);
        }
        WriteAnswer::of(sent)
    }
}
