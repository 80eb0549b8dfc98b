//! Limits, exposure and risk states; the only mint of approved orders.
//!
//! Pure and synchronous: no IO, no clock, no randomness. An order reaches execution only as an [`Approved`], and only
//! [`RiskEngine::review`] makes one.

mod approved;
mod cause;
mod checks;
mod engine;
mod exposure;
mod freshness;
mod limits;
mod scenario;
mod states;

pub use approved::Approved;
pub use cause::{Cause, CauseSet, RiskState};
pub use engine::{Figures, RiskEngine, RiskMemory};
pub use exposure::EventExposure;
pub use limits::{EventExposureMode, Limits};
pub use scenario::{
    CheckScenario, OrderChange, OrderStake, RenameScenario, Stake, StateScenario, TieScenario,
    checks_at_stake, scenario_of_check,
};
pub use states::{StatePnl, exposure_of_check, worst_state};
