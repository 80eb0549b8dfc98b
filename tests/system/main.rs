//! Whole-system tests: the real binary as a child process, its files and its exit codes, and the stand-in over loopback.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a test stops loudly at what it did not expect"
)]

use chrono::{DateTime, Utc};

mod audit;
mod backtest;
mod books;
mod calibrate;
mod captures;
mod cli;
mod configuration;
mod demo;
mod fair_value;
mod journal;
mod live;
mod live_guard;
mod mapping;
mod openssl;
mod operate;
mod place;
mod process;
mod scenario;
mod scoring;
mod why;

/// Signatures carry the time, and the stand-in refuses those of another hour.
#[expect(
    clippy::disallowed_methods,
    reason = "the other process signs with the machine's clock as well"
)]
fn wall_time() -> DateTime<Utc> {
    Utc::now()
}
