//! The exchange's stream: live books, quotes, trades, and what happens to the account.
//!
//! A pure core (`session`, with `frame`, `book`, `subscription`, `outbox`) and a thin edge (`connection`, `handshake`).
//! Sources: AsyncAPI document 2.0.0 of October 2026, the exchange's WebSocket guide, and recorded traffic of June 2026.
//!
//! - A book is either exact, as of the last number seen of its subscription, or unknown. It is never guessed.
//! - Channels without numbers (fills, orders, positions, quotes) lose messages silently. So every gap, every unreadable
//!   message and every connection is followed by [`StreamEvent::Reconcile`]: read them by REST.
//! - A slow reader costs bounded memory: notices of books and quotes coalesce, other events are dropped beyond a bound, which
//!   is told too.

mod book;
mod channel;
mod code;
mod command;
mod connection;
mod event;
mod frame;
mod handshake;
mod health;
mod outbox;
mod replay;
mod session;
mod settings;
mod stream;
mod subscription;
mod tell;
mod wire;

pub use channel::Channel;
pub use code::StreamErrorCode;
pub use event::{
    DisconnectCause, EventCreated, EventFee, MarketChange, MarketChangeKind, OrderGroupChange,
    OrderGroupChangeKind, PositionUpdate, PublicTrade, Quote, ReconcileCause, StreamEvent, StreamFill,
    UnknownCause, UserOrder,
};
pub use health::{Counters, StreamHealth};
pub use replay::StreamReplay;
pub use settings::{ReconnectPolicy, StreamLimits, StreamSettings};
pub use stream::{LiveBooks, MarketStream, StreamHandle};
