//! Layered configuration: YAML files and environment into validated sections.
//!
//! Precedence, highest first: flag, `AUTOTRADER__SECTION__KEY`, `.env`, `signal_sources/*.yaml`, `risk.yaml`,
//! `strategies/*.yaml`, the overlay (`paper.yaml` or `live.yaml`), `base.yaml`. Without a configuration directory the
//! embedded defaults serve. This is the only crate that reads the environment.

mod board_walk;
mod dollars;
mod error;
mod layers;
mod live;
mod load;
mod ranges;
mod secret_files;
mod sections;
mod yaml;

pub use board_walk::{ArrivalPrior, BoardWalk};
pub use dollars::Dollars;
pub use error::ConfigError;
pub use load::{Loaded, Request, environment_variables, load};
pub use sections::{
    ApprovedRules, ArenaMonitor, Config, Database, Discord, EntryStyle, EventMode, GlobalRisk, Kalshi,
    LeaderboardAlpha, LogLevel, Logging, PerStrategy, Risk, StrategyRisk,
};
