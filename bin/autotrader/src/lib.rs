//! The orchestrator: arguments, wiring of ports, the run loop, drain and exit code.
//!
//! Everything that decides lives in the library crates; this one names the concrete adapters, joins them, and performs
//! the effects that the core asks for.

pub mod cli;
mod clock;
mod commands;
mod demo;
mod failure;
mod output;
mod run;
mod wiring;

use std::process::ExitCode;

pub use clock::SystemClock;
pub use failure::{Failure, exit};
pub use run::from_execution;

use cli::{Cli, Command};

/// Runs one command to its end.
///
/// # Errors
/// [`Failure`] with the sentence for the operator and the exit code.
pub fn dispatch(cli: Cli) -> Result<ExitCode, Failure> {
    let code = perform(cli.command)?;
    output::check()?;
    Ok(code)
}

fn perform(command: Command) -> Result<ExitCode, Failure> {
    match command {
        Command::Run(args) => block_on(run::run(args)),
        Command::Demo(args) => block_on(demo::demo(args)),
        Command::Simulate(args) => block_on(commands::simulate::simulate(args)),
        Command::ValidateConfig(args) => block_on(commands::validate_config::validate_config(args)),
        Command::InitDb(args) => block_on(commands::init_db::init_db(args)),
        Command::CalcFee(args) => commands::calc_fee::calc_fee(&args),
        Command::Board(args) => commands::board::board(&args),
        Command::Resolve(args) => commands::resolve::resolve(&args),
        Command::Diff(args) => commands::diff::diff(&args),
        Command::FairValue(args) => commands::fair_value::fair_value(&args),
        Command::Coherence(args) => block_on(commands::coherence::coherence(args)),
        Command::Backtest(args) => commands::backtest::backtest(&args),
        Command::Calibrate(args) => commands::calibrate::calibrate(&args),
        Command::Export(command) => commands::export::export(&command),
        Command::Journal(command) => commands::journal::journal(&command),
        Command::Replay(args) => commands::replay::replay(&args),
        Command::Report(args) => commands::report::report(&args),
        Command::Map(args) => block_on(commands::map::map(args)),
        Command::Why(args) => commands::why::why(&args),
        Command::Status(args) => commands::look::status(&args),
        Command::Scenario(args) => commands::scenario::scenario(&args),
        Command::Positions(args) => commands::look::positions(&args),
        Command::Orders(args) => commands::look::orders(&args),
        Command::Fills(args) => commands::look::fills(&args),
        Command::Signals(args) => commands::look::signals(&args),
        Command::Pnl(args) => commands::pnl::pnl(&args),
        Command::Halt(args) => block_on(commands::operate::halt(args)),
        Command::Reduce(args) => block_on(commands::operate::reduce(args)),
        Command::Resume(args) => block_on(commands::operate::resume(args)),
        Command::Flatten(args) => block_on(commands::flatten::flatten(args)),
        Command::CancelAll(args) => block_on(commands::cancel_all::cancel_all(args)),
        Command::Reconcile(args) => block_on(commands::reconcile::reconcile(args)),
        Command::Incident(args) => commands::incident::incident(&args),
        Command::ResolveUnknown(args) => block_on(commands::resolve_unknown::resolve_unknown(args)),
    }
}

fn block_on(work: impl Future<Output = Result<ExitCode, Failure>>) -> Result<ExitCode, Failure> {
    autotrader_kalshi_api::install_tls_provider();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .map_err(|error| Failure::failed(format!("The runtime cannot start: {error}.")))?;
    let outcome = runtime.block_on(work);
    // A thread that hangs in name resolution must not keep the process.
    runtime.shutdown_timeout(std::time::Duration::from_secs(1));
    outcome
}
