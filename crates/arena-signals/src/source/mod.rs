//! Fetches the leaderboard page over HTTP.
//!
//! A fetch tries the primary address, then the fallbacks. Each attempt asks with the validators of its last answer,
//! follows at most one redirect inside the allowed hosts, and counts bytes before and after decompression against
//! caps. Proxy variables of the environment are ignored.

mod body;
mod origin;
mod settings;

use std::error::Error as _;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use autotrader_domain::ports::{Clock, LeaderboardSource, RawPage, SourceFailure};
use bytes::Bytes;
use chrono::{DateTime, Utc};
use reqwest::header::{
    ACCEPT, ACCEPT_ENCODING, CONTENT_ENCODING, CONTENT_TYPE, ETAG, HeaderMap, HeaderValue, IF_MODIFIED_SINCE,
    IF_NONE_MATCH, LAST_MODIFIED, LOCATION,
};
use reqwest::{Response, StatusCode};
use url::Url;

use self::body::{Body, Caps, Collector};
use self::settings::{Endpoint, Endpoints};

pub use self::settings::{HttpSourceSettings, SourceSettingsError};

/// What the page's answers to errors may weigh: enough for a block page, in bytes.
const ERROR_PAGE_BYTES: usize = 512 * 1024;

/// A key of the leaderboard object: an error answer that carries it is no block page.
const LEADERBOARD_KEY: &[u8] = b"voteCutoffISOString";

/// The leaderboard page over HTTP.
#[derive(Debug)]
pub struct HttpSource {
    client: reqwest::Client,
    settings: HttpSourceSettings,
    endpoints: Endpoints,
    clock: Arc<dyn Clock>,
    /// What each endpoint answered last, in the order of the endpoints.
    remembered: Mutex<Vec<Option<Remembered>>>,
}

/// The last good answer of an endpoint.
#[derive(Debug, Clone)]
struct Remembered {
    body: Body,
    etag: Option<HeaderValue>,
    last_modified: Option<HeaderValue>,
    generated: Option<DateTime<Utc>>,
}

/// What one endpoint answered.
enum Answer {
    Page(RawPage),
    /// An error status with a page, which the gate may recognise as a block page.
    ErrorPage(RawPage, Failure),
}

/// Why an endpoint gave no page.
#[derive(Debug)]
struct Failure {
    code: &'static str,
    detail: String,
}

impl Failure {
    fn new(code: &'static str, detail: impl Into<String>) -> Self {
        Self {
            code,
            detail: detail.into(),
        }
    }
}

impl HttpSource {
    /// A source that asks the primary address first and the fallbacks in turn.
    ///
    /// A TLS provider must have been installed for the process, or building the client panics inside reqwest.
    ///
    /// # Errors
    /// [`SourceSettingsError`] when an address is not allowed or the client cannot be built.
    pub fn new(
        primary_url: &str,
        fallback_urls: &[String],
        settings: HttpSourceSettings,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, SourceSettingsError> {
        let endpoints = Endpoints::new(primary_url, fallback_urls)?;
        let client = reqwest::Client::builder()
            .user_agent(settings.user_agent.as_str())
            .no_proxy()
            .redirect(reqwest::redirect::Policy::none())
            .referer(false)
            // Decompressed here, where both sizes are counted.
            .no_gzip()
            .no_brotli()
            .connect_timeout(settings.connect_timeout)
            .pool_idle_timeout(settings.keep_alive)
            .tcp_keepalive(settings.keep_alive)
            .build()
            .map_err(|error| SourceSettingsError::Client(error.to_string()))?;
        let remembered = Mutex::new(vec![None; endpoints.all.len()]);
        Ok(Self {
            client,
            settings,
            endpoints,
            clock,
            remembered,
        })
    }

    async fn attempt(&self, index: usize, endpoint: &Endpoint) -> Result<Answer, Failure> {
        let limit = self.settings.timeout;
        tokio::time::timeout(limit, self.ask(index, endpoint))
            .await
            .unwrap_or_else(|_| {
                Err(Failure::new(
                    "timeout",
                    format!("no complete answer in {limit:?}"),
                ))
            })
    }

    async fn ask(&self, index: usize, endpoint: &Endpoint) -> Result<Answer, Failure> {
        let started = self.clock.monotonic();
        let known = self.memory().get(index).cloned().flatten();
        let response = self.get(endpoint, known.as_ref()).await?;
        let status = response.status();
        let headers = response.headers().clone();
        let body = match (status, &known) {
            (StatusCode::NOT_MODIFIED, Some(known)) => known.body.clone(),
            (StatusCode::OK, _) => self.read(response, self.settings.caps()).await?,
            _ => {
                let failure = Failure::new("http_status", format!("status {}", status.as_u16()));
                let page = self.error_page(response, failure).await?;
                let origin = origin::of(&headers, self.clock.now(), None).0;
                let raw = self.raw_page(endpoint, page.0, origin, started);
                return Ok(Answer::ErrorPage(raw, page.1));
            }
        };
        let previously = known.as_ref().and_then(|known| known.generated);
        let (origin, generated) = origin::of(&headers, self.clock.now(), previously);
        self.remember(
            index,
            Remembered {
                body: body.clone(),
                etag: validator(
                    &headers,
                    &ETAG,
                    known.as_ref().and_then(|known| known.etag.clone()),
                    status,
                ),
                last_modified: validator(
                    &headers,
                    &LAST_MODIFIED,
                    known.and_then(|known| known.last_modified),
                    status,
                ),
                generated,
            },
        );
        tracing::debug!(
            event = "arena_page_answered",
            source = %endpoint.name,
            status = status.as_u16(),
            origin = %origin,
        );
        Ok(Answer::Page(self.raw_page(endpoint, body, origin, started)))
    }

    /// The answer to a request, after at most one redirect.
    async fn get(&self, endpoint: &Endpoint, known: Option<&Remembered>) -> Result<Response, Failure> {
        let response = self.send(&endpoint.url, known).await?;
        if !is_redirect(response.status()) {
            return Ok(response);
        }
        let target = self
            .endpoints
            .redirect_target(endpoint, response.headers().get(LOCATION))
            .map_err(|detail| Failure::new("redirect", detail))?;
        let response = self.send(&target, known).await?;
        if is_redirect(response.status()) {
            return Err(Failure::new("redirect", "a second redirect"));
        }
        Ok(response)
    }

    async fn send(&self, url: &Url, known: Option<&Remembered>) -> Result<Response, Failure> {
        let mut request = self
            .client
            .get(url.clone())
            .header(ACCEPT, "text/html,application/xhtml+xml;q=0.9,*/*;q=0.1")
            .header(ACCEPT_ENCODING, "br, gzip");
        if let Some(etag) = known.and_then(|known| known.etag.as_ref()) {
            request = request.header(IF_NONE_MATCH, etag);
        }
        if let Some(modified) = known.and_then(|known| known.last_modified.as_ref()) {
            request = request.header(IF_MODIFIED_SINCE, modified);
        }
        request.send().await.map_err(transport_failure)
    }

    async fn read(&self, mut response: Response, caps: Caps) -> Result<Body, Failure> {
        let encoding = response.headers().get(CONTENT_ENCODING);
        let mut collector = Collector::new(encoding, caps)?;
        collector.expect(response.content_length())?;
        while let Some(chunk) = response.chunk().await.map_err(transport_failure)? {
            collector.push(&chunk)?;
        }
        collector.finish()
    }

    /// The body of an error answer that may be a block page; otherwise the failure that the status is.
    async fn error_page(&self, response: Response, failure: Failure) -> Result<(Body, Failure), Failure> {
        let may_block = matches!(
            response.status(),
            StatusCode::FORBIDDEN | StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE
        );
        let is_html = response
            .headers()
            .get(CONTENT_TYPE)
            .and_then(|value| value.to_str().ok())
            .is_some_and(|value| value.trim_start().to_ascii_lowercase().starts_with("text/html"));
        if !may_block || !is_html {
            return Err(failure);
        }
        let mut caps = self.settings.caps();
        caps.decompressed = caps.decompressed.min(ERROR_PAGE_BYTES);
        match self.read(response, caps).await {
            // A board must never come in with an error status.
            Ok(body) if memchr::memmem::find(&body.bytes, LEADERBOARD_KEY).is_none() => Ok((body, failure)),
            Ok(_) | Err(_) => Err(failure),
        }
    }

    fn raw_page(
        &self,
        endpoint: &Endpoint,
        body: Body,
        origin: String,
        started: autotrader_domain::Monotonic,
    ) -> RawPage {
        RawPage {
            source: endpoint.name.clone(),
            body: body.bytes,
            origin,
            latency: self.clock.monotonic().since(started),
            fetched_at: self.clock.now(),
            compressed_bytes: Some(body.wire_bytes),
        }
    }

    fn memory(&self) -> MutexGuard<'_, Vec<Option<Remembered>>> {
        // A panic while it was held cannot have left it half written: every write is one assignment.
        self.remembered.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn remember(&self, index: usize, answer: Remembered) {
        if let Some(place) = self.memory().get_mut(index) {
            *place = Some(answer);
        }
    }
}

#[async_trait]
impl LeaderboardSource for HttpSource {
    async fn fetch(&self) -> Result<RawPage, SourceFailure> {
        let mut error_page = None;
        let mut failures: Vec<(&Endpoint, Failure)> = Vec::new();
        for (index, endpoint) in self.endpoints.all.iter().enumerate() {
            let failure = match self.attempt(index, endpoint).await {
                Ok(Answer::Page(page)) => return Ok(page),
                Ok(Answer::ErrorPage(page, failure)) => {
                    error_page.get_or_insert(page);
                    failure
                }
                Err(failure) => failure,
            };
            tracing::warn!(
                event = "arena_fetch_failed",
                source = %endpoint.name,
                code = failure.code,
                detail = %failure.detail,
            );
            failures.push((endpoint, failure));
        }
        // The gate can say more of a block page than a status does.
        error_page.ok_or_else(|| all_failed(&failures))
    }
}

/// One failure out of those of every endpoint: the last one's code, and each one's words.
fn all_failed(failures: &[(&Endpoint, Failure)]) -> SourceFailure {
    let details: Vec<String> = failures
        .iter()
        .map(|(endpoint, failure)| format!("{}: {}, {}", endpoint.name, failure.code, failure.detail))
        .collect();
    let last = failures.last();
    SourceFailure {
        code: last.map_or("connect", |(_, failure)| failure.code),
        detail: details.join("; "),
        source_name: last.map_or_else(String::new, |(endpoint, _)| endpoint.name.clone()),
    }
}

fn is_redirect(status: StatusCode) -> bool {
    matches!(status.as_u16(), 301 | 302 | 303 | 307 | 308)
}

/// The validator to ask with next time: that of a full answer, or of a confirmation that repeats it.
fn validator(
    headers: &HeaderMap,
    name: &reqwest::header::HeaderName,
    known: Option<HeaderValue>,
    status: StatusCode,
) -> Option<HeaderValue> {
    let given = headers.get(name).cloned();
    if status == StatusCode::NOT_MODIFIED {
        given.or(known)
    } else {
        given
    }
}

fn transport_failure(error: reqwest::Error) -> Failure {
    let code = if error.is_timeout() {
        "timeout"
    } else if error.is_decode() {
        "decode"
    } else {
        "connect"
    };
    // The address is configuration; the chain below the message says what went wrong.
    let error = error.without_url();
    let mut detail = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        detail.push_str(": ");
        detail.push_str(&inner.to_string());
        cause = inner.source();
    }
    Failure::new(code, detail)
}

impl Body {
    fn new(bytes: Vec<u8>, wire_bytes: u64) -> Self {
        Self {
            bytes: Bytes::from(bytes),
            wire_bytes,
        }
    }
}
