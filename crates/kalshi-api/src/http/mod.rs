//! Transport: one request over the wire, its pacing and its retries.

pub(crate) mod bucket;
pub(crate) mod costs;
pub(crate) mod pause;
pub(crate) mod rate_limit;
pub(crate) mod retry;
pub(crate) mod signer;
pub(crate) mod transport;
pub(crate) mod write;
