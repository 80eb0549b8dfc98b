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

mod books;
mod captures;
mod cli;
mod configuration;
mod demo;
mod live;
mod place;
mod process;
