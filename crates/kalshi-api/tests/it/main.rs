//! The client over real HTTP on loopback.

// Helpers outside `#[test]` functions may unwrap: a failure here is a failed test.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stderr,
    missing_docs
)]

mod answers;
mod captured_values;
mod captures;
mod clocks;
mod faults;
mod limits;
mod listings;
mod mutations;
mod openapi;
mod orders;
mod reads;
mod refusals;
mod specification;
mod support;
mod websocket;
mod writes;
