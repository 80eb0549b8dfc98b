//! Every port of the store against real files.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a broken fixture must fail the test at once"
)]

mod approvals;
mod control;
mod durability;
mod fixtures;
mod forecasts;
mod growth;
mod history;
mod ledger;
mod opening;
mod orders;
mod outcomes;
mod transitions;
