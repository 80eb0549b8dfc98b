//! The WebSocket side, from `asyncapi.yaml` and recorded traffic.
//!
//! What happens on the exchange is written as text once ([`feed`]), shared by all conversations through a bounded ring, and
//! put into an envelope for each subscription ([`session`]). What goes wrong on the way ([`mischief`], [`delivery`]) is
//! decided for each message of a channel.

mod bodies;
mod channel;
mod command;
mod complaint;
mod connection;
mod delivery;
mod feed;
mod hub;
mod message;
mod mischief;
mod options;
#[cfg(test)]
#[allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]
mod replay_tests;
mod session;

pub(super) use connection::upgrade;
pub(super) use hub::{Hub, send_feed};
pub use options::WsOptions;
