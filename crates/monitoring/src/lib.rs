//! Structured logs with stable event names, and alerts off the hot path.
//!
//! - [`init_tracing`] starts the log on standard error, as JSON lines or as lines for people.
//! - [`events`] names what is logged; scripts may rely on the names.
//! - [`Outside`] makes text from outside safe to show: one line, nothing invisible, not endless.
//! - [`DiscordNotifier`], [`LogNotifier`] and [`Fanout`] carry [`Alert`](autotrader_domain::Alert)s to the operator.

mod deduplication;
mod discord;
pub mod events;
mod logging;
mod notifiers;
mod outside;

pub use discord::{DiscordNotifier, DiscordSettings, DiscordStats, WebhookError};
pub use logging::{TracingError, init_tracing, subscriber};
pub use notifiers::{Fanout, LogNotifier};
pub use outside::Outside;
