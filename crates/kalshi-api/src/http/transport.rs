//! One request, one answer. No retries, no meaning.

use std::error::Error as _;
use std::sync::Arc;
use std::time::Duration;

use autotrader_domain::ports::{ANSWER_LIMIT, Clock};
use bytes::{Bytes, BytesMut};
use chrono::{DateTime, Utc};
use reqwest::Method;
use reqwest::header::{CONTENT_TYPE, DATE, HeaderMap, HeaderName, HeaderValue};
use url::Url;

use super::signer::Signer;
use crate::error::{SendError, SetupError};
use crate::tls::tls_provider_installed;
use crate::{ClientSettings, SignedHeaders};

const ACCESS_KEY: HeaderName = HeaderName::from_static("kalshi-access-key");
const ACCESS_TIMESTAMP: HeaderName = HeaderName::from_static("kalshi-access-timestamp");
const ACCESS_SIGNATURE: HeaderName = HeaderName::from_static("kalshi-access-signature");

/// Idle connections are dropped well before load balancers drop theirs (usually 60 s): a write on a connection that the
/// other end has just closed would end as unknown.
const LONGEST_IDLE: Duration = Duration::from_secs(20);

/// The exchange took a timestamp five seconds old and refused one of thirty.
const LONGEST_READY: Duration = Duration::from_secs(10);

/// Whether a request carries a signature.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Auth {
    Public,
    Signed,
}

/// A status and its whole body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) body: Bytes,
    /// The exchange's time in whole seconds, when it says.
    pub(crate) date: Option<DateTime<Utc>>,
    /// From sending to the whole answer.
    pub(crate) round_trip: Duration,
}

impl Answer {
    pub(crate) const fn is_success(&self) -> bool {
        matches!(self.status, 200..=299)
    }

    /// The status and the body as received, cut to [`ANSWER_LIMIT`] bytes; no headers.
    pub(crate) fn in_words(&self) -> String {
        let body = self.body.get(..ANSWER_LIMIT).unwrap_or(&self.body);
        format!("HTTP {} {}", self.status, String::from_utf8_lossy(body))
    }
}

/// What is asked: a path below the API root and its query.
#[derive(Debug, Clone)]
pub(crate) struct Target {
    pub(crate) url: Url,
}

#[derive(Debug)]
pub(crate) struct Transport {
    http: reqwest::Client,
    base: Url,
    pub(crate) signer: Arc<Signer>,
    clock: Arc<dyn Clock>,
    max_body_bytes: usize,
}

impl Transport {
    pub(crate) fn new(settings: &ClientSettings, clock: Arc<dyn Clock>) -> Result<Self, SetupError> {
        if !tls_provider_installed() {
            return Err(SetupError::NoTlsProvider);
        }
        if settings
            .ready_signature_max_age
            .is_some_and(|age| age > LONGEST_READY)
        {
            return Err(SetupError::ReadySignature {
                longest: LONGEST_READY,
            });
        }
        let http = reqwest::Client::builder()
            .user_agent(concat!("autotrader/", env!("CARGO_PKG_VERSION")))
            .redirect(reqwest::redirect::Policy::none())
            .retry(reqwest::retry::never())
            .no_proxy()
            .referer(false)
            .timeout(settings.request_timeout)
            .connect_timeout(settings.connect_timeout)
            .pool_idle_timeout(LONGEST_IDLE)
            .build()
            .map_err(|error| SetupError::Http(describe(error)))?;
        Ok(Self {
            http,
            base: settings.base_url.clone(),
            signer: Arc::new(Signer::new(settings, Arc::clone(&clock))),
            clock,
            max_body_bytes: settings.max_body_bytes,
        })
    }

    /// The URL of a path below the API root.
    pub(crate) fn target(&self, segments: &[&str], query: &[(&str, &str)]) -> Result<Target, SendError> {
        if let Some(odd) = segments.iter().find(|s| matches!(**s, "" | "." | "..")) {
            return Err(SendError::Refused(format!("`{odd}` cannot be part of a path")));
        }
        let mut url = self.base.clone();
        url.path_segments_mut()
            .map_err(|()| SendError::Refused("the base URL cannot carry a path".to_owned()))?
            .pop_if_empty()
            .extend(segments);
        if !query.is_empty() {
            url.query_pairs_mut().extend_pairs(query);
        }
        Ok(Target { url })
    }

    /// Sends once and reads the whole answer. Not cancellation-safe for writes: the request may have been received.
    pub(crate) async fn send(
        &self,
        method: Method,
        target: &Target,
        auth: Auth,
        body: Option<Bytes>,
    ) -> Result<Answer, SendError> {
        let mut request = self.http.request(method.clone(), target.url.clone());
        if auth == Auth::Signed {
            request = request.headers(header_map(&self.signer.headers(method.as_str(), &target.url)?)?);
        }
        if let Some(body) = body {
            request = request.header(CONTENT_TYPE, "application/json").body(body);
        }
        let begun = self.clock.monotonic();
        let mut answer = self.exchange(request).await;
        let round_trip = self.clock.monotonic().since(begun);
        if let Ok(answer) = &mut answer {
            answer.round_trip = round_trip;
        }
        let millis = round_trip.as_millis();
        let path = target.url.path();
        match &answer {
            Ok(answer) => {
                tracing::debug!(%method, path, status = answer.status, bytes = answer.body.len(), millis, "kalshi_request");
            }
            Err(error) => tracing::debug!(%method, path, %error, millis, "kalshi_request_failed"),
        }
        answer
    }

    async fn exchange(&self, request: reqwest::RequestBuilder) -> Result<Answer, SendError> {
        let mut response = request.send().await.map_err(classify)?;
        let status = response.status().as_u16();
        let date = response.headers().get(DATE).and_then(|value| {
            let at = DateTime::parse_from_rfc2822(value.to_str().ok()?).ok()?;
            Some(at.with_timezone(&Utc))
        });
        let mut body = BytesMut::new();
        while let Some(chunk) = response.chunk().await.map_err(classify)? {
            if body.len().saturating_add(chunk.len()) > self.max_body_bytes {
                return Err(SendError::Lost(format!(
                    "the answer is larger than {} bytes",
                    self.max_body_bytes
                )));
            }
            body.extend_from_slice(&chunk);
        }
        Ok(Answer {
            status,
            body: body.freeze(),
            date,
            round_trip: Duration::ZERO,
        })
    }
}

fn header_map(signed: &SignedHeaders) -> Result<HeaderMap, SendError> {
    let secret = |text: &str| {
        let mut value = HeaderValue::from_str(text)
            .map_err(|_| SendError::Refused("the API key id cannot be sent in a header".to_owned()))?;
        // Keeps the value out of the HTTP library's own debug output.
        value.set_sensitive(true);
        Ok::<_, SendError>(value)
    };
    let mut headers = HeaderMap::with_capacity(4);
    headers.insert(ACCESS_KEY, secret(&signed.key_id)?);
    headers.insert(ACCESS_TIMESTAMP, secret(&signed.timestamp_ms)?);
    headers.insert(ACCESS_SIGNATURE, secret(&signed.signature)?);
    Ok(headers)
}

/// Only a failure to connect, or to build the request, proves that nothing was received.
fn classify(error: reqwest::Error) -> SendError {
    let certain = error.is_connect() || error.is_builder();
    let words = describe(error);
    if certain {
        SendError::NotSent(words)
    } else {
        SendError::Lost(words)
    }
}

/// The chain of causes in one line, without the URL.
fn describe(error: reqwest::Error) -> String {
    let error = error.without_url();
    let mut words = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        words.push_str(": ");
        words.push_str(&cause.to_string());
        source = cause.source();
    }
    words
}
