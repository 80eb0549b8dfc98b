//! `run`: the main job in real time.

mod fetch;
mod live;
mod ports;
mod runner;
mod schedule;
mod virtual_time;
mod watch;

pub(crate) use ports::Ports;
pub(crate) use runner::Runner;
pub(crate) use schedule::{Rhythm, Schedule};
pub(crate) use virtual_time::run_to;
pub(crate) use watch::{AlertWatcher, LogWatcher, Watcher};

use std::process::ExitCode;

use tracing::{info, warn};

use crate::cli::RunArgs;
use crate::{Failure, wiring};

/// Watches, decides and trades until it is told to stop.
///
/// # Errors
/// [`Failure`] with one sentence: bad configuration, a database in use or of another mode, an exchange that cannot be
/// reconciled with.
pub(crate) async fn run(args: RunArgs) -> Result<ExitCode, Failure> {
    let loaded = wiring::load_config(&args.config)?;
    let config = loaded.config;
    wiring::start_logging(&config)?;
    info!(event = "autotrader_starting", version = env!("CARGO_PKG_VERSION"));
    for warning in &loaded.warnings {
        warn!(event = "configuration_warning", detail = warning);
    }
    info!(
        event = "runtime_mode_resolved",
        mode = %config.kalshi.environment,
        api_base_url = config.kalshi.effective_base_url(),
        execution_mode = %config.kalshi.execution_mode,
    );
    let mut process = wiring::assemble(&config, wiring::Surroundings::real()).await?;
    process.start().await?;
    let outcome = live::run_until(&mut process.runner, &mut process.schedule, stop_signal()).await;
    process.finish().await;
    outcome?;
    info!(event = "autotrader_stopped");
    Ok(ExitCode::SUCCESS)
}

/// Completes when the process is asked to stop, with the name of the signal.
pub(crate) async fn stop_signal() -> &'static str {
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        let Ok(mut terminate) = signal(SignalKind::terminate()) else {
            let _ = tokio::signal::ctrl_c().await;
            return "interrupt";
        };
        tokio::select! {
            _ = terminate.recv() => "terminate",
            _ = tokio::signal::ctrl_c() => "interrupt",
        }
    }
    #[cfg(not(unix))]
    {
        let _ = tokio::signal::ctrl_c().await;
        "interrupt"
    }
}
