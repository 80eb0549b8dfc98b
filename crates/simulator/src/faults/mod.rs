//! Faults: what goes wrong, where, how often, decided by a seed.
//!
//! Pure: [`FaultDesk`] is asked at every place where a fault could happen and says whether it does. The server applies it.
//! Equal seeds and equal sequences of questions give equal faults; each kind draws from its own stream, so arming one
//! kind does not move the others.

mod desk;
mod kind;
mod mutation;
mod rate;
mod required;
mod rule;
mod spec;

pub use desk::{FaultAction, FaultDesk, FaultNote, FaultState};
pub use kind::{FaultKind, UnknownFault};
pub use mutation::{Mutation, mutation};
pub use rate::{Rate, RateError};
pub use required::{ResponseShape, required_fields};
pub use rule::{FaultRule, Scope, ScopeError, Site};
pub use spec::{FaultSpec, SpecError};
