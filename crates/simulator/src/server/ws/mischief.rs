//! What can go wrong with a message on its way, and who decides it.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use chrono::{DateTime, Utc};

use super::channel::Channel;
use crate::faults::{FaultAction, FaultDesk, FaultKind, FaultState, Rate, Site};

/// The farthest that sequence numbers jump.
const WIDEST_GAP: u64 = 3;

/// A fault of the delivery of one message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum WsFault {
    /// It vanishes; its sequence number is spent.
    Drop,
    /// It arrives twice.
    Duplicate,
    /// The next message overtakes it.
    Reorder,
    /// Its sequence number jumps by so many, as if messages before it had been lost.
    Gap(u64),
    /// It and everything that follows for a time are not sent, pings included, and the connection stays open.
    Silence(Duration),
    /// The connection ends without a closing handshake: by a reset, or else as if the other side had gone.
    Cut { by_reset: bool },
    /// The subscription ends with error 25.
    Overflow,
    /// A message of an unknown type comes before it.
    UnknownType,
    /// It carries fields that nobody knows.
    UnknownField,
    /// It stops in the middle.
    Truncated,
    /// A field that the documents require is not there; which one, this draw decides.
    MissingField(u64),
}

impl WsFault {
    fn of(action: &FaultAction) -> Option<Self> {
        Some(match action.kind {
            FaultKind::WsDrop => Self::Drop,
            FaultKind::WsDuplicate => Self::Duplicate,
            FaultKind::WsReorder => Self::Reorder,
            FaultKind::WsGap => Self::Gap(1 + action.draw % WIDEST_GAP),
            FaultKind::WsSilence => Self::Silence(action.duration()),
            FaultKind::WsReset => Self::Cut {
                by_reset: action.draw.is_multiple_of(2),
            },
            FaultKind::WsOverflow => Self::Overflow,
            FaultKind::WsUnknownType => Self::UnknownType,
            FaultKind::WsUnknownField => Self::UnknownField,
            FaultKind::WsTruncated => Self::Truncated,
            FaultKind::WsMissingField => Self::MissingField(action.draw),
            _ => return None,
        })
    }
}

/// The faults of messages, in the order in which they are asked about; the first that happens is the one.
const KINDS: [FaultKind; 11] = [
    FaultKind::WsReset,
    FaultKind::WsSilence,
    FaultKind::WsOverflow,
    FaultKind::WsDrop,
    FaultKind::WsDuplicate,
    FaultKind::WsReorder,
    FaultKind::WsGap,
    FaultKind::WsTruncated,
    FaultKind::WsUnknownType,
    FaultKind::WsUnknownField,
    FaultKind::WsMissingField,
];

/// Who decides what goes wrong.
pub(super) trait Mischief {
    /// What goes wrong with the next message of a channel, which has this type.
    fn with_message(&mut self, channel: Channel, kind: &str) -> Option<WsFault>;

    /// Whether the next answer to a command, which has this type, is lost.
    fn loses_reply(&mut self, kind: &str) -> bool;
}

/// Whether a fault can happen now or later without a new order.
fn can_happen(state: &FaultState) -> bool {
    state.rule.rate > Rate::NEVER || state.next > 0 || !state.windows.is_empty()
}

/// The server's desk of faults, at one moment of the exchange's clock.
#[derive(Debug)]
pub(super) struct DeskMischief<'a> {
    desk: &'a Arc<Mutex<FaultDesk>>,
    now: DateTime<Utc>,
    faulty_replies: bool,
    /// Whether anything can happen to messages at all: asking the desk is spared where nothing can.
    is_calm: bool,
}

impl<'a> DeskMischief<'a> {
    pub(super) fn new(desk: &'a Arc<Mutex<FaultDesk>>, now: DateTime<Utc>, faulty_replies: bool) -> Self {
        let locked = desk.lock().unwrap_or_else(PoisonError::into_inner);
        let is_calm = !locked
            .states()
            .iter()
            .any(|(kind, state)| kind.is_stream() && can_happen(state));
        drop(locked);
        Self {
            desk,
            now,
            faulty_replies,
            is_calm,
        }
    }
}

impl Mischief for DeskMischief<'_> {
    fn with_message(&mut self, channel: Channel, kind: &str) -> Option<WsFault> {
        if self.is_calm {
            return None;
        }
        let mut desk = self.desk.lock().unwrap_or_else(PoisonError::into_inner);
        let possible = |kind: &FaultKind| *kind != FaultKind::WsGap || channel.is_sequenced();
        let action = KINDS
            .into_iter()
            .filter(possible)
            .find_map(|fault| desk.fires(fault, Site::stream(kind), self.now))?;
        WsFault::of(&action)
    }

    fn loses_reply(&mut self, kind: &str) -> bool {
        self.faulty_replies
            && !self.is_calm
            && self
                .desk
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .fires(FaultKind::WsDrop, Site::stream(kind), self.now)
                .is_some()
    }
}
