//! Real time: jobs run beside each other, the core takes their results one by one.

use std::collections::BTreeSet;
use std::time::Duration;

use autotrader_engine::Event;
use tokio::task::JoinSet;
use tracing::{info, warn};

use super::fetch::{self, Brought};
use super::runner::Runner;
use super::schedule::{Job, Schedule};
use crate::Failure;

/// How long leaving may take.
const DRAIN: Duration = Duration::from_secs(8);

/// Runs until `shutdown` completes, then drains.
///
/// # Errors
/// [`Failure`] when the core or a job fails in a way that must stop the process.
pub(crate) async fn run_until(
    runner: &mut Runner,
    schedule: &mut Schedule,
    shutdown: impl Future<Output = &'static str>,
) -> Result<(), Failure> {
    let mut jobs: JoinSet<(Job, Brought)> = JoinSet::new();
    let mut running: BTreeSet<Job> = BTreeSet::new();
    tokio::pin!(shutdown);
    loop {
        let now = runner.ports.clock.now();
        for job in schedule.take_due(now) {
            match job {
                Job::Control => runner.control().await?,
                Job::Account => runner.account().await?,
                Job::Reconcile => {
                    runner.reconcile(false).await?;
                }
                Job::Page if running.insert(job) => {
                    let work = fetch::page(runner.ports.clone());
                    jobs.spawn(async move { (job, work.await) });
                }
                Job::Books if running.insert(job) => {
                    let work = fetch::books(runner.ports.clone(), runner.engine.watched(now));
                    jobs.spawn(async move { (job, work.await) });
                }
                Job::Markets if running.insert(job) => {
                    let work = fetch::markets(runner.ports.clone(), runner.awaiting_settlement());
                    jobs.spawn(async move { (job, work.await) });
                }
                // The last one is not back yet: this beat is skipped.
                Job::Page | Job::Books | Job::Markets => {}
            }
        }
        let wait = schedule.next_due().map_or(Duration::from_secs(1), |next| {
            (next - runner.ports.clock.now())
                .to_std()
                .unwrap_or(Duration::ZERO)
        });
        tokio::select! {
            biased;
            reason = &mut shutdown => {
                info!(event = "autotrader_stopping", reason);
                break;
            }
            Some(done) = jobs.join_next(), if !jobs.is_empty() => {
                let (job, brought) = done.map_err(|error| Failure::failed(format!("A job died: {error}.")))?;
                running.remove(&job);
                runner.absorb(brought).await?;
                runner.pass(Event::Timer).await?;
            }
            () = tokio::time::sleep(wait) => {}
        }
    }
    jobs.abort_all();
    if tokio::time::timeout(DRAIN, runner.withdraw_orders())
        .await
        .is_err()
    {
        warn!(
            event = "drain_incomplete",
            detail = "orders may still rest; the next start resolves them"
        );
    }
    Ok(())
}
