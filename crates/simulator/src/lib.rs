//! A stand-in exchange and leaderboard site, built from the specification.
//!
//! [`exchange`] is the pure core: matching, ledger, fees, settlement. [`SimulatedWorld`] is the seam by which the HTTP and
//! WebSocket server (feature `server`) serves an exchange and a leaderboard site together.

pub mod exchange;
pub mod faults;
pub mod liquidity;
mod listings;
pub mod scenario;
#[cfg(feature = "server")]
pub mod server;
mod simulated_world;
pub mod site;
mod world;

pub use scenario::{INVENTED_LLM1_TIE_RULE, Scenario, WorldOptions};
pub use simulated_world::{Faults, PageResponse, SimulatedWorld};
pub use world::World;
