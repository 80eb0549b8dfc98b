//! The client: reads with retries and writes, on one transport.

use std::sync::Arc;

use autotrader_domain::Environment;
use autotrader_domain::ports::{Clock, FeedError};
use bytes::Bytes;
use chrono::TimeDelta;
use reqwest::Method;

use crate::error::SendError;
use crate::http::bucket::Class;
use crate::http::rate_limit::{Budget, NoTurn, RateLimiter};
use crate::http::retry::RetryBudget;
use crate::http::signer::Resync;
use crate::http::transport::{Answer, Auth, Target, Transport};
use crate::http::write::{Write, WriteAnswer};
use crate::order_entry::ORDERS;
use crate::venue_error::worth_retrying;
use crate::{ClientSettings, Jitter, RetryPolicy, SetupError, Signer, Sleeper, VenueError};

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

/// The exchange's REST API. Shared by reference or in an `Arc`: all callers draw on the same tokens.
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

/// A request with what it costs.
#[derive(Debug)]
struct Paced<'a> {
    method: Method,
    target: &'a Target,
    auth: Auth,
    body: Option<Bytes>,
    budget: Budget,
    class: Class,
    cost: u32,
}

/// Why a request brought no answer.
#[derive(Debug)]
enum Stopped {
    NoTurn(NoTurn),
    Send(SendError),
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
                Ok(answer) => worth_retrying(answer.status),
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
        let paced = Paced {
            method: Method::GET,
            target,
            auth: read.auth,
            body: None,
            budget: read.budget,
            // Reads queue first come, first served: they all have one class.
            class: Class::Create,
            cost: self.limiter.cost("GET", read.segments),
        };
        self.send_paced(paced).await.map_err(|stopped| match stopped {
            Stopped::NoTurn(no_turn) => SendError::NotSent(no_turn.to_string()),
            Stopped::Send(error) => error,
        })
    }

    /// Sends one signed write. Not cancellation-safe: a dropped call has an unknown outcome.
    ///
    /// Waits for tokens first, within the patience of its kind. It is sent once; only when the exchange refuses its timestamp,
    /// and measuring the clocks explains that, it is sent once more with a right one: the first was refused at the door,
    /// before anything was read of it. What the answer proves is in [`WriteAnswer`].
    pub(crate) async fn write(&self, write: Write<'_>) -> WriteAnswer {
        self.write_heard(write).await.0
    }

    /// As [`KalshiClient::write`], with the last answer as it was received, cut short; `None` when none came.
    pub(crate) async fn write_heard(&self, write: Write<'_>) -> (WriteAnswer, Option<String>) {
        let target = match self.transport.target(write.segments, write.query) {
            Ok(target) => target,
            Err(error) => return (WriteAnswer::of(Err(error)), None),
        };
        let cost = self.limiter.cost(write.method.as_str(), write.segments);
        let paced = Paced {
            method: write.method,
            target: &target,
            auth: Auth::Signed,
            body: write.body,
            budget: write.kind.budget(write.shard),
            class: write.kind.class(),
            cost: cost.saturating_mul(write.kind.items()),
        };
        match self.send_paced(paced).await {
            Ok(answer) => {
                let heard = answer.in_words();
                (WriteAnswer::of(Ok(answer)), Some(heard))
            }
            Err(Stopped::NoTurn(no_turn)) => (WriteAnswer::of_no_turn(no_turn), None),
            Err(Stopped::Send(error)) => (WriteAnswer::of(Err(error)), None),
        }
    }

    /// Takes the tokens and sends. A refused timestamp is followed by one measurement of the clocks and, if that changed
    /// anything, by one more sending; never by a third.
    async fn send_paced(&self, request: Paced<'_>) -> Result<Answer, Stopped> {
        let mut may_repeat = request.auth == Auth::Signed;
        loop {
            self.limiter
                .acquire(request.budget, request.class, request.cost)
                .await
                .map_err(Stopped::NoTurn)?;
            let offset = self.transport.signer.offset();
            let (method, body) = (request.method.clone(), request.body.clone());
            let answer = self
                .transport
                .send(method, request.target, request.auth, body)
                .await
                .map_err(Stopped::Send)?;
            self.limiter.learn_from(request.budget, answer.status);
            if may_repeat && self.resynced(&answer, offset) {
                may_repeat = false;
                continue;
            }
            return Ok(answer);
        }
    }

    /// Whether a request that was signed with `offset` has a better chance now.
    fn resynced(&self, answer: &Answer, offset: TimeDelta) -> bool {
        if answer.status != 401 || !VenueError::read(answer.status, &answer.body).is_clock_skew() {
            return false;
        }
        let Some(date) = answer.date else {
            tracing::warn!(
                event = "kalshi_clock_unknown",
                "the exchange refused the time and did not tell its own"
            );
            return false;
        };
        let signer = &self.transport.signer;
        // Another request may have measured it meanwhile.
        signer.resync(date, answer.round_trip) != Resync::TooFar && signer.offset() != offset
    }

    /// Whether requests can be signed.
    #[must_use]
    pub fn has_key(&self) -> bool {
        self.transport.signer.has_key()
    }

    /// What is added to this machine's clock for signatures: the exchange's time less this machine's, as last measured after
    /// a refusal; zero before.
    #[must_use]
    pub fn clock_offset(&self) -> TimeDelta {
        self.transport.signer.offset()
    }

    /// Signs the next create ahead, so that [`OrderGateway::place`](autotrader_domain::ports::OrderGateway::place) need not:
    /// the signature covers time, method and path, not the body. It is used at most once, and not when older than
    /// [`ClientSettings::ready_signature_max_age`] or made before the clocks were measured anew. Renews one from half of that
    /// age on. An RSA signature takes most of a millisecond of computing.
    ///
    /// Returns whether one is ready afterwards: `false` without the option.
    ///
    /// # Errors
    /// [`SetupError::NoSignature`] without a key, for a host that gets no signatures, or when signing fails.
    pub fn prepare_create_signature(&self) -> Result<bool, SetupError> {
        let target = self
            .transport
            .target(&ORDERS, &[])
            .map_err(|error| SetupError::NoSignature(error.to_string()))?;
        self.transport.signer.prepare(Method::POST.as_str(), &target.url)
    }

    /// Keeps a signature ready for the next create until it is dropped: looks four times in each largest age. Returns at once
    /// without the option, and when no signature can be made. Cancellation-safe.
    pub async fn keep_create_signature_ready(&self) {
        let Some(age) = self.transport.signer.longest_ready() else {
            return;
        };
        while let Ok(true) = self.prepare_create_signature() {
            self.ports.sleeper.sleep(age / 4).await;
        }
        tracing::warn!(
            event = "kalshi_signature_not_ready",
            "creates are signed when they are sent"
        );
    }

    /// The signer in use, for handshakes of a stream on the same account.
    #[must_use]
    pub fn signer(&self) -> Arc<Signer> {
        Arc::clone(&self.transport.signer)
    }
}
