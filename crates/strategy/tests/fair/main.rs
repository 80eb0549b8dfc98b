//! Fair values of the estimators: on vectors that were computed elsewhere, beside an executable reference, beside draws of
//! the same model that are settled one by one, and on boards whose figures can be followed by hand.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "a test stops at the first surprise, and says when it is skipped"
)]
#![allow(dead_code, reason = "the scene is shared between test files")]

#[path = "../scene/mod.rs"]
mod scene;

mod arrivals;
mod baselines;
mod board_walk;
mod differential;
mod kit;
mod monte_carlo;
mod properties;
