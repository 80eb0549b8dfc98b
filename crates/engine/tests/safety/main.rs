//! What keeps trading safe: causes that come and go, cancels of what may no longer stand, entries that rest, flatten, and
//! the properties of any sequence of events.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "test helpers may fail loudly"
)]

mod flatten;
mod health;
mod kit;
mod losses;
mod ops;
mod properties;
mod resting;
mod shadow;
mod snapshot;
mod withdraw;
