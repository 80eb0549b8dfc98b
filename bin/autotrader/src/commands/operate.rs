//! `halt`, `reduce`, `resume`: asking the running process through its database.

use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use autotrader_domain::Command;
use autotrader_risk::Cause;
use autotrader_state::CommandDesk;
use serde_json::json;

use crate::cli::{ConfigArgs, ReasonArgs, ResumeArgs};
use crate::clock::SystemClock;
use crate::{Failure, output, wiring};

/// How long and how often the answer of the running process is looked for: it looks four times a second.
const LOOKS: u32 = 20;
const BETWEEN: Duration = Duration::from_millis(100);

/// `halt`.
///
/// # Errors
/// [`Failure`] when the database is not there or cannot be written.
pub(crate) async fn halt(args: ReasonArgs) -> Result<ExitCode, Failure> {
    submit(&args.config, &Command::Halt { reason: args.reason }).await
}

/// `reduce`.
///
/// # Errors
/// [`Failure`] when the database is not there or cannot be written.
pub(crate) async fn reduce(args: ReasonArgs) -> Result<ExitCode, Failure> {
    submit(&args.config, &Command::Reduce { reason: args.reason }).await
}

/// `resume CAUSE`.
///
/// # Errors
/// [`Failure`] with exit code 2 for an unknown cause, with 1 when the database is not there or cannot be written.
pub(crate) async fn resume(args: ResumeArgs) -> Result<ExitCode, Failure> {
    let cause: Cause = args
        .cause
        .parse()
        .map_err(|error| Failure::usage(format!("CAUSE: {error}.")))?;
    submit(
        &args.config,
        &Command::Resume {
            cause: cause.code().to_owned(),
        },
    )
    .await
}

async fn submit(args: &ConfigArgs, command: &Command) -> Result<ExitCode, Failure> {
    let config = wiring::load_config(&args.place)?.config;
    let failed = |error: String| Failure::failed(format!("database: {error}."));
    let desk = CommandDesk::open(&config.database.url, Arc::new(SystemClock::new()))
        .map_err(|error| failed(error.to_string()))?;
    let id = desk
        .submit(command, "command line")
        .map_err(|error| failed(error.to_string()))?;
    let mut outcome = None;
    for _ in 0..LOOKS {
        tokio::time::sleep(BETWEEN).await;
        outcome = desk
            .find(id)
            .map_err(|error| failed(error.to_string()))?
            .and_then(|record| record.outcome);
        if outcome.is_some() {
            break;
        }
    }
    if args.json {
        output::json(
            &json!({ "id": id, "command": command, "acknowledged": outcome.is_some(), "outcome": outcome }),
        )?;
    } else {
        output::line(&match &outcome {
            Some(outcome) => format!("Acknowledged: {outcome}."),
            None => {
                "No process has answered yet; the command is stored and carried out when one runs.".to_owned()
            }
        });
    }
    Ok(ExitCode::SUCCESS)
}
