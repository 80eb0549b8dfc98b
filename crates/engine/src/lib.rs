//! The pure core: one event in, effects out, every step in a hash chain.
//!
//! [`Engine::handle`] is a synchronous function of the state, the time and the event. It performs nothing: the binary
//! carries out the effects and feeds what happened back as further events. Live trading, paper trading, replay and
//! backtest run this same code.

mod account;
mod core;
mod effect;
mod event;
mod flattening;
mod ids;
mod journal;
mod step;
mod why_ledger;

pub use account::Account;
pub use core::{Engine, EngineSettings, Handled, Snapshot};
pub use effect::Effect;
pub use event::Event;
pub use flattening::{FlattenLeg, FlattenStage, FlattenStep, Flattening, Obstacle};
pub use ids::{AccountScope, mint_id};
pub use journal::{BrokenChain, Chain, ChainHash, JournalRecord, next_link, verify};
pub use step::{Pages, Step, UnreadableStep, read_step};
