//! `demo`: the main job, live execution, against the stand-in exchange and leaderboard over loopback HTTP, in virtual
//! time. The clock moves only when nothing is in flight, so equal seeds give equal reports.

mod collector;
mod export;
mod report;

use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;

use autotrader_config::{ApprovedRules, Config, Request};
use autotrader_domain::ports::AccountSource as _;
use autotrader_domain::{ExecutionMode, ManualClock};
use autotrader_execution::NoPause;
use autotrader_kalshi_api::RateLimits;
use autotrader_simulator::server::{Server, SimKeys};
use autotrader_simulator::{INVENTED_LLM1_TIE_RULE, World, WorldOptions};
use autotrader_state::NewDatabaseId;
use chrono::{DateTime, TimeDelta, TimeZone as _, Utc};
use serde_json::Value;
use tempfile::TempDir;

use crate::cli::DemoArgs;
use crate::run::run_to;
use crate::{Failure, output, wiring};
use collector::Collector;
use report::{Facts, report};

/// Where virtual time starts: a Monday, so that the weekly checks fall inside the run.
fn start_of_time() -> DateTime<Utc> {
    Utc.with_ymd_and_hms(2026, 9, 21, 0, 0, 0).single().unwrap_or(DateTime::UNIX_EPOCH)
}

/// Runs the demo and prints its report.
///
/// # Errors
/// [`Failure`] when a part cannot start, or the books do not agree with the exchange's at the end.
pub(crate) async fn demo(args: DemoArgs) -> Result<ExitCode, Failure> {
    let start = start_of_time();
    let end = start + TimeDelta::days(i64::from(args.days));
    let directory = tempfile::tempdir().map_err(|error| Failure::failed(format!("temporary directory: {error}.")))?;
    let clock = Arc::new(ManualClock::new(start));
    let (server, world) = serve(&args, start, clock.clone()).await?;
    let config = configuration(&directory, server.address(), &write_keys(directory.path(), server.keys())?)?;
    let collector = Collector::default();
    let surroundings = wiring::Surroundings {
        clock: clock.clone(),
        pause: Arc::new(NoPause),
        new_database_id: NewDatabaseId::Given(format!("demo-{}", args.seed)),
        rate_limits: RateLimits::UNLIMITED,
        jitter_seed: args.seed,
        watchers: vec![Box::new(collector.clone())],
    };
    let mut process = wiring::assemble(&config, surroundings).await?;
    process.start().await?;
    run_to(&mut process.runner, &mut process.schedule, &clock, end).await?;
    let reconciliation = process.runner.reconcile().await?;
    let reader = wiring::exchange_client(&config, RateLimits::UNLIMITED, clock.clone())?;
    let exchange = reader
        .snapshot(start)
        .await
        .map_err(|error| Failure::failed(format!("the stand-in's account cannot be read: {error}.")))?;
    let value = {
        let collected = collector.look();
        let facts = Facts {
            seed: args.seed,
            days: args.days,
            engine: &process.runner.engine,
            collected: &collected,
            exchange: &exchange,
            differences: &reconciliation.differences,
        };
        let value = report(&facts);
        if let Some(directory) = &args.export {
            export::write(directory, &collected, &world.log_lines())?;
        }
        value
    };
    process.finish().await;
    server.stop().await;
    finish(&args, &value)
}
