//! `run`: the main job in real time.

mod confirm;
mod control;
mod fetch;
mod follow;
mod health;
mod jobs;
mod latest;
mod live;
mod orders;
mod outcomes;
mod ports;
mod queue;
mod recorder;
mod runner;
mod schedule;
mod stop;
mod stream;
mod virtual_time;
mod watch;

pub(crate) use control::SILENCE;
pub(crate) use follow::Follow;
pub(crate) use latest::LatestSteps;
pub(crate) use live::{Aim, Parts, run_until};
pub(crate) use orders::Orders;
pub(crate) use outcomes::Asked;
pub(crate) use ports::Ports;
pub(crate) use queue::{Gate, QueueLimits};
pub(crate) use recorder::{Recorder, Told};
pub use runner::from_execution;
pub(crate) use runner::{Health, Runner};
pub(crate) use schedule::{Job, Rhythm, Schedule};
pub(crate) use stop::Stop;
pub(crate) use stream::{Stream, StreamedBooks};
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
    let mut stop = Stop::listening();
    let loaded = wiring::load_config(&args.place)?;
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
    let outcome = match process.take_up().await {
        Ok(()) => run_until(process.parts(), &mut stop, Aim::Trade).await,
        Err(failure) => Err(failure),
    };
    process.finish().await;
    outcome?;
    info!(event = "autotrader_stopped");
    Ok(ExitCode::SUCCESS)
}
