//! The venue's JSON, field by field, as the OpenAPI document 3.34.0 has it.
//!
//! Only fields that are used appear; all others are ignored. Fields that the document requires are not optional here.

pub(crate) mod account_limits;
pub(crate) mod batch;
pub(crate) mod collateral;
pub(crate) mod fees;
pub(crate) mod market;
pub(crate) mod order;
pub(crate) mod portfolio;

use autotrader_domain::ports::FeedError;
use bytes::Bytes;
use serde::{Deserialize, Deserializer, Serialize};

/// One page of a listing.
pub(crate) trait Page {
    type Item: Send;
    /// The items and the cursor of the next page; empty when this is the last.
    fn split(self) -> Result<(Vec<Self::Item>, String), FeedError>;
    /// What tells items apart.
    fn key(item: &Self::Item) -> String;
}

/// A body as it is sent. Our bodies are plain strings, numbers and booleans: writing them into memory cannot fail.
pub(crate) fn body<T: Serialize>(body: &T) -> Bytes {
    Bytes::from(serde_json::to_vec(body).unwrap_or_default())
}

/// A body as text, as it is sent. See [`body`].
pub(crate) fn body_text<T: Serialize>(body: &T) -> String {
    serde_json::to_string(body).unwrap_or_default()
}

/// A field that must be there but may be `null`.
pub(crate) fn present<'de, D, T>(deserializer: D) -> Result<Option<T>, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de>,
{
    Option::deserialize(deserializer)
}
