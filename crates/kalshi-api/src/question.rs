//! One question to the exchange, with the parameters it was built from.

use std::fmt::Display;

use autotrader_domain::ports::FeedError;
use bytes::Bytes;
use chrono::{DateTime, Utc};
use serde::de::DeserializeOwned;

use crate::KalshiClient;
use crate::client::Read;
use crate::http::rate_limit::Budget;
use crate::http::transport::Auth;
use crate::parse::decode::decode;

/// A read below the API root, built parameter by parameter; what is `None` is not sent.
#[derive(Debug, Clone)]
pub(crate) struct Question {
    segments: Vec<String>,
    query: Vec<(&'static str, String)>,
    auth: Auth,
    budget: Budget,
}

impl Question {
    /// Public data: no signature.
    pub(crate) fn public(segments: &[&str]) -> Self {
        Self {
            segments: segments.iter().map(|&segment| segment.to_owned()).collect(),
            query: Vec::new(),
            auth: Auth::Public,
            budget: Budget::Read,
        }
    }

    /// The account's own data.
    pub(crate) fn signed(segments: &[&str]) -> Self {
        Self {
            auth: Auth::Signed,
            ..Self::public(segments)
        }
    }

    /// Draws from another bucket.
    pub(crate) const fn drawing_on(mut self, budget: Budget) -> Self {
        self.budget = budget;
        self
    }

    /// One parameter more.
    pub(crate) fn with(mut self, key: &'static str, value: impl Display) -> Self {
        self.query.push((key, value.to_string()));
        self
    }

    /// One parameter more, when there is a value.
    pub(crate) fn maybe(self, key: &'static str, value: Option<impl Display>) -> Self {
        match value {
            Some(value) => self.with(key, value),
            None => self,
        }
    }

    /// `key=true` when it is wanted; nothing otherwise, since every flag of the exchange is off by default.
    pub(crate) fn flag(self, key: &'static str, wanted: bool) -> Self {
        self.maybe(key, wanted.then_some(true))
    }

    /// The bounds of a time range that are set, in Unix seconds.
    pub(crate) fn between(self, from: &'static str, to: &'static str, range: TimeRange) -> Self {
        self.maybe(from, range.from.map(|at| at.timestamp()))
            .maybe(to, range.to.map(|at| at.timestamp()))
    }

    /// The path without the API root, for messages.
    pub(crate) fn path(&self) -> String {
        self.segments.join("/")
    }
}

/// A range of time, either end open. Bounds are sent in whole seconds, cut down; the exchange does not say whether its
/// bounds are inclusive.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct TimeRange {
    /// The lower bound.
    pub from: Option<DateTime<Utc>>,
    /// The upper bound.
    pub to: Option<DateTime<Utc>>,
}

/// Names in one comma-separated parameter; `None` when there are none.
pub(crate) fn comma_separated<T: Display>(names: &[T]) -> Option<String> {
    let texts: Vec<String> = names.iter().map(ToString::to_string).collect();
    (!texts.is_empty()).then(|| texts.join(","))
}

impl KalshiClient {
    /// The body of the answer, with retries.
    pub(crate) async fn ask(&self, question: &Question) -> Result<Bytes, FeedError> {
        self.ask_from(question, "").await
    }

    /// The same from a cursor on; an empty cursor is not sent.
    pub(crate) async fn ask_from(&self, question: &Question, cursor: &str) -> Result<Bytes, FeedError> {
        let segments: Vec<&str> = question.segments.iter().map(String::as_str).collect();
        let cursor = (!cursor.is_empty()).then_some(("cursor", cursor));
        let query: Vec<(&str, &str)> = question
            .query
            .iter()
            .map(|(key, value)| (*key, value.as_str()))
            .chain(cursor)
            .collect();
        self.get(Read {
            segments: &segments,
            query: &query,
            auth: question.auth,
            budget: question.budget,
        })
        .await
    }

    /// The answer, read.
    pub(crate) async fn read<T: DeserializeOwned>(&self, question: &Question) -> Result<T, FeedError> {
        decode("$", &self.ask(question).await?)
    }
}
