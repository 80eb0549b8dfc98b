//! Runs the same core over recorded and simulated history.
//!
//! Nothing is here yet: the core ([`autotrader_engine::Engine`]) is pure and takes its time from events, so that replay and
//! backtest need no other code than live trading; they are built with their journal in a later step.
