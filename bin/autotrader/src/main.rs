//! The orchestrator binary: arguments in, exit code out.

use std::process::ExitCode;

use clap::Parser as _;

fn main() -> ExitCode {
    let cli = autotrader::cli::Cli::parse();
    match autotrader::dispatch(cli) {
        Ok(code) => code,
        Err(failure) => failure.report(),
    }
}
