//! The review from outside: every check at its edge, every state, and properties over many orders.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests stop at the first surprise"
)]

mod checks;
mod exposure;
mod freshness;
mod kit;
mod limits;
mod properties;
mod reducing;
mod scenario;
mod states;
