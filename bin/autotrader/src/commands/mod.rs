//! One file per command.

pub(crate) mod backtest;
pub(crate) mod board;
pub(crate) mod calc_fee;
pub(crate) mod calibrate;
pub(crate) mod cancel_all;
pub(crate) mod coherence;
pub(crate) mod diff;
mod errand;
pub(crate) mod export;
pub(crate) mod fair_value;
pub(crate) mod flatten;
pub(crate) mod incident;
pub(crate) mod init_db;
mod input;
pub(crate) mod journal;
pub(crate) mod look;
pub(crate) mod map;
pub(crate) mod operate;
pub(crate) mod pnl;
pub(crate) mod reconcile;
pub(crate) mod replay;
pub(crate) mod resolve;
pub(crate) mod resolve_unknown;
pub(crate) mod scenario;
pub(crate) mod simulate;
pub(crate) mod validate_config;
pub(crate) mod why;
