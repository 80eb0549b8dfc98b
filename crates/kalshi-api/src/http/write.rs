//! Writes: what is asked, and how it ended.

use autotrader_domain::RejectReason;
use bytes::Bytes;
use reqwest::Method;

use super::bucket::Class;
use super::rate_limit::{Budget, NoTurn};
use super::transport::Answer;
use crate::VenueError;
use crate::error::SendError;

/// What a write does: its cost and its place in the queue for tokens follow from it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum WriteKind {
    /// One new order.
    Create {
        /// It can only reduce a position.
        reduce_only: bool,
    },
    /// New orders in one request, this many.
    BatchCreate(u32),
    /// A change of price, count or expiry of one order.
    Amend,
    /// A smaller count of one order.
    Decrease,
    /// One cancel.
    Cancel,
    /// Cancels in one request, this many.
    BatchCancel(u32),
    /// Every resting order at once.
    CancelAll,
    /// The cancel of every order of one group.
    TriggerOrderGroup,
    /// Any other change of an order group.
    OrderGroup,
}

impl WriteKind {
    /// How many times the path's cost is charged: a batch costs the sum of its items.
    pub(crate) const fn items(self) -> u32 {
        match self {
            Self::BatchCreate(items) | Self::BatchCancel(items) => items,
            _ => 1,
        }
    }

    /// Its place in the queue for tokens.
    pub(crate) const fn class(self) -> Class {
        match self {
            Self::Cancel | Self::BatchCancel(_) | Self::CancelAll | Self::TriggerOrderGroup => Class::Cancel,
            Self::Create { reduce_only: true } => Class::Reduce,
            Self::Amend | Self::Decrease | Self::OrderGroup => Class::Change,
            Self::Create { reduce_only: false } | Self::BatchCreate(_) => Class::Create,
        }
    }

    /// The bucket that it draws from. Only single writes to orders have buckets by shard.
    pub(crate) const fn budget(self, shard: i32) -> Budget {
        match self {
            Self::Create { .. } | Self::Amend | Self::Decrease | Self::Cancel => Budget::Write { shard },
            _ => Budget::Write { shard: 0 },
        }
    }
}

/// One signed write.
#[derive(Debug)]
pub(crate) struct Write<'a> {
    pub(crate) method: Method,
    /// Below the API root.
    pub(crate) segments: &'a [&'a str],
    pub(crate) query: &'a [(&'a str, &'a str)],
    /// JSON; `None` for requests without body.
    pub(crate) body: Option<Bytes>,
    pub(crate) kind: WriteKind,
    /// The shard that the request names; 0 when it names none. Single writes to a later shard have a bucket of their own.
    pub(crate) shard: i32,
}

/// Why a write certainly did nothing without the exchange having judged it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NotSentCause {
    /// This client refuses to send it; trying again changes nothing.
    Refused,
    /// No tokens within its patience.
    NoTokens,
    /// The exchange could not be reached.
    Unreachable,
    /// The exchange turned it away at the door: 429.
    TurnedAway,
    /// The signed timestamp was too far from the exchange's clock.
    ClockSkew,
}

/// How one write ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum WriteAnswer {
    /// A 2xx answer with its body.
    Done(Answer),
    /// The exchange refused: certainly nothing was done.
    Rejected {
        /// The typed reason.
        reason: RejectReason,
        /// The whole answer.
        error: VenueError,
    },
    /// Certainly nothing was done, and it may be tried again unless the cause is [`NotSentCause::Refused`].
    NotSent {
        /// Why.
        cause: NotSentCause,
        /// In words.
        detail: String,
    },
    /// It may have been carried out: resolve, never repeat blindly.
    Unknown(String),
}

impl WriteAnswer {
    /// What an answer proves.
    pub(crate) fn of(sent: Result<Answer, SendError>) -> Self {
        let answer = match sent {
            Ok(answer) if answer.is_success() => return Self::Done(answer),
            Ok(answer) => answer,
            Err(error) => return Self::of_failure(error),
        };
        let error = VenueError::read(answer.status, &answer.body);
        let not_sent = |cause| Self::NotSent {
            cause,
            detail: error.words(),
        };
        if answer.status == 429 {
            return not_sent(NotSentCause::TurnedAway);
        }
        if error.is_clock_skew() {
            return not_sent(NotSentCause::ClockSkew);
        }
        match error.refusal() {
            Some(reason) => Self::Rejected { reason, error },
            None => Self::Unknown(error.words()),
        }
    }

    /// Nothing was sent for want of tokens.
    pub(crate) fn of_no_turn(no_turn: NoTurn) -> Self {
        let cause = match no_turn {
            NoTurn::TooLong { .. } => NotSentCause::NoTokens,
            NoTurn::TooLarge { .. } => NotSentCause::Refused,
        };
        Self::NotSent {
            cause,
            detail: no_turn.to_string(),
        }
    }

    fn of_failure(error: SendError) -> Self {
        match error {
            SendError::Refused(detail) => Self::NotSent {
                cause: NotSentCause::Refused,
                detail,
            },
            SendError::NotSent(detail) => Self::NotSent {
                cause: NotSentCause::Unreachable,
                detail,
            },
            SendError::Lost(detail) => Self::Unknown(detail),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_single_writes_to_orders_have_buckets_by_shard() {
        let create = WriteKind::Create { reduce_only: false };
        for (kind, shard) in [
            (create, 2),
            (WriteKind::Amend, 2),
            (WriteKind::Decrease, 2),
            (WriteKind::Cancel, 2),
            (WriteKind::BatchCreate(3), 0),
            (WriteKind::BatchCancel(3), 0),
            (WriteKind::CancelAll, 0),
            (WriteKind::OrderGroup, 0),
            (WriteKind::TriggerOrderGroup, 0),
        ] {
            assert_eq!(kind.budget(2), Budget::Write { shard }, "{kind:?}");
        }
    }

    #[test]
    fn what_takes_orders_off_goes_before_what_brings_them() {
        let reduce = WriteKind::Create { reduce_only: true };
        let create = WriteKind::Create { reduce_only: false };
        for cancel in [
            WriteKind::Cancel,
            WriteKind::BatchCancel(2),
            WriteKind::CancelAll,
            WriteKind::TriggerOrderGroup,
        ] {
            assert!(cancel.class() < reduce.class());
        }
        for change in [WriteKind::Amend, WriteKind::Decrease, WriteKind::OrderGroup] {
            assert!(reduce.class() < change.class() && change.class() < create.class());
        }
        assert_eq!(WriteKind::BatchCreate(2).class(), create.class());
    }
}
