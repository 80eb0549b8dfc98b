//! How a write ends for its caller.

use autotrader_domain::RejectReason;
use autotrader_domain::ports::FeedError;
use bytes::Bytes;

use crate::http::write::WriteAnswer;

/// How a write ended, by what the caller does next.
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use]
pub enum WriteOutcome<T> {
    /// Certainly nothing was done: it may be tried again.
    NotSent {
        /// Why.
        detail: String,
    },
    /// The exchange did it and answered this.
    Accepted(T),
    /// The exchange refused: certainly nothing was done.
    Rejected {
        /// Why.
        reason: RejectReason,
        /// The exchange's words.
        detail: String,
    },
    /// It may have been done: read back before anything else.
    Unknown {
        /// What happened.
        detail: String,
    },
}

impl<T> WriteOutcome<T> {
    /// What an answer means, with the body of a success read by `read`. A success that cannot be read, or that contradicts
    /// what was asked, is unknown.
    pub(crate) fn of(answer: WriteAnswer, read: impl FnOnce(&Bytes) -> Result<T, FeedError>) -> Self {
        match answer {
            WriteAnswer::Done(answer) => match read(&answer.body) {
                Ok(done) => Self::Accepted(done),
                Err(error) => Self::Unknown {
                    detail: error.to_string(),
                },
            },
            WriteAnswer::Rejected { reason, error } => Self::Rejected {
                reason,
                detail: error.words(),
            },
            WriteAnswer::NotSent { detail, .. } => Self::NotSent { detail },
            WriteAnswer::Unknown(detail) => Self::Unknown { detail },
        }
    }
}
