//! The task that sends alerts one by one.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use reqwest::header::RETRY_AFTER;
use reqwest::{Response, StatusCode};
use serde::Deserialize;
use tokio::sync::mpsc;

use super::webhook::Webhook;
use super::{Counters, DiscordSettings, Letter, WebhookError, message};
use crate::events;

/// What is read of an answer, in bytes.
const LONGEST_ANSWER: usize = 16 * 1024;

/// Sends letters until the queue is closed and empty.
pub(super) struct Courier {
    client: reqwest::Client,
    webhook: Webhook,
    settings: DiscordSettings,
    counters: Arc<Counters>,
}

/// What became of one attempt.
#[derive(Debug, PartialEq)]
enum Attempt {
    Sent,
    /// Worth another try, after the pause Discord asks for if it asks.
    Failed {
        detail: String,
        asked_pause: Option<Duration>,
    },
    /// Not worth another try.
    Refused {
        detail: String,
    },
}

/// The part of a rate limit's answer that is used; seconds.
#[derive(Deserialize)]
struct RateLimited {
    retry_after: f64,
}

impl Courier {
    pub fn new(
        webhook: Webhook,
        settings: DiscordSettings,
        counters: Arc<Counters>,
    ) -> Result<Self, WebhookError> {
        let client = reqwest::Client::builder()
            .user_agent(concat!("autotrader/", env!("CARGO_PKG_VERSION")))
            .no_proxy()
            .redirect(reqwest::redirect::Policy::none())
            .timeout(settings.timeout)
            .build()
            .map_err(|error| WebhookError::Client(error.without_url().to_string()))?;
        Ok(Self {
            client,
            webhook,
            settings,
            counters,
        })
    }

    pub async fn run(self, mut letters: mpsc::Receiver<Letter>) {
        while let Some(letter) = letters.recv().await {
            let counter = match self.deliver(&letter).await {
                Ok(()) => &self.counters.sent,
                Err(detail) => {
                    tracing::warn!(
                        event = events::DISCORD_ALERT_DEAD_LETTERED,
                        name = letter.alert.name,
                        detail
                    );
                    &self.counters.dead_lettered
                }
            };
            // No await between these: an aborted task has counted a letter wholly or not at all.
            counter.fetch_add(1, Ordering::SeqCst);
            self.counters.waiting.fetch_sub(1, Ordering::SeqCst);
        }
    }

    /// Tries until the letter is taken, refused, or tried often enough.
    async fn deliver(&self, letter: &Letter) -> Result<(), String> {
        let body = message::payload(&letter.alert, letter.suppressed).to_string();
        let mut pause = self.settings.first_pause;
        let mut tried = 1;
        loop {
            let (detail, asked_pause) = match self.attempt(body.clone()).await {
                Attempt::Sent => return Ok(()),
                Attempt::Refused { detail } => return Err(detail),
                Attempt::Failed { detail, asked_pause } => (detail, asked_pause),
            };
            if tried >= self.settings.attempts {
                return Err(format!("{detail}, after {tried} attempts"));
            }
            let wait = match asked_pause {
                Some(asked) => asked.min(self.settings.longest_asked_pause),
                None => pause.min(self.settings.longest_pause),
            };
            tracing::info!(
                event = events::DISCORD_ALERT_RETRIED,
                name = letter.alert.name,
                detail,
                tried
            );
            tokio::time::sleep(wait).await;
            pause = pause.saturating_mul(2);
            tried += 1;
        }
    }

    async fn attempt(&self, body: String) -> Attempt {
        let request = self
            .client
            .post(self.webhook.expose())
            .header(reqwest::header::CONTENT_TYPE, "application/json")
            .body(body);
        match request.send().await {
            Ok(response) => judge(response).await,
            Err(error) => {
                let what = if error.is_timeout() {
                    "no answer in time"
                } else {
                    "no connection"
                };
                Attempt::Failed {
                    detail: what.to_owned(),
                    asked_pause: None,
                }
            }
        }
    }
}

async fn judge(response: Response) -> Attempt {
    let status = response.status();
    let detail = format!("status {}", status.as_u16());
    if status.is_success() {
        Attempt::Sent
    } else if status == StatusCode::TOO_MANY_REQUESTS {
        Attempt::Failed {
            detail,
            asked_pause: asked_pause(response).await,
        }
    } else if status.is_server_error() || status == StatusCode::REQUEST_TIMEOUT {
        Attempt::Failed {
            detail,
            asked_pause: None,
        }
    } else {
        Attempt::Refused { detail }
    }
}

/// The pause a rate limit asks for: in the body with fractions of a second, or in the header.
async fn asked_pause(mut response: Response) -> Option<Duration> {
    let header = response
        .headers()
        .get(RETRY_AFTER)
        .and_then(|value| value.to_str().ok()?.trim().parse::<f64>().ok());
    let mut body = Vec::new();
    while let Ok(Some(chunk)) = response.chunk().await {
        if body.len() + chunk.len() > LONGEST_ANSWER {
            break;
        }
        body.extend_from_slice(&chunk);
    }
    let seconds = serde_json::from_slice::<RateLimited>(&body)
        .ok()
        .map(|answer| answer.retry_after)
        .or(header)?;
    Duration::try_from_secs_f64(seconds).ok()
}
