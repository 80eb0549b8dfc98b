//! Execution against a scripted venue, a strict store and a manual clock; and the paper venue.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests stop at the first surprise"
)]

mod canceling;
mod crashes;
mod kit;
mod lifecycle;
mod paper;
mod paper_band;
mod paper_properties;
mod placing;
mod polling;
mod properties;
mod reconciling;
mod replacing;
mod resending;
mod resolving;
