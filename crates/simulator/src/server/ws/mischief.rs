//! What can go wrong with a message on its way, and who decides it.

use std::time::Duration;

use super::channel::Channel;

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
    /// The connection ends without a closing handshake.
    Reset,
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

/// Who decides what goes wrong.
pub(super) trait Mischief {
    /// What goes wrong with the next message of a channel, which has this type.
    fn with_message(&mut self, channel: Channel, kind: &str) -> Option<WsFault>;

    /// Whether the next answer to a command is lost.
    fn loses_reply(&mut self) -> bool;
}

/// Nothing goes wrong.
#[derive(Debug, Clone, Copy)]
pub(super) struct Honest;

impl Mischief for Honest {
    fn with_message(&mut self, _channel: Channel, _kind: &str) -> Option<WsFault> {
        None
    }

    fn loses_reply(&mut self) -> bool {
        false
    }
}
