//! A stand-in exchange and leaderboard site, built from the specification.
//!
//! [`exchange`] is the pure core: matching, ledger, fees, settlement. [`SimulatedWorld`] is the seam by which the HTTP and
//! WebSocket server (feature `server`) serves an exchange and a leaderboard site together.

pub mod exchange;
#[cfg(feature = "server")]
pub mod server;
mod simulated_world;

pub use simulated_world::{Faults, PageResponse, SimulatedWorld};
