//! Real time: jobs run beside each other, the core takes their results one by one.

use std::collections::BTreeSet;
use std::time::Duration;

use autotrader_engine::Event;
use tokio::task::JoinSet;
use tracing::{error, info, warn};

use super::fetch::{self, Brought};
use super::runner::Runner;
use super::schedule::{Job, Schedule};
use super::stop::Stop;
use super::stream::Stream;
use crate::Failure;

/// How long a step that is under way may still take once leaving is asked for.
const LAST_STEP: Duration = Duration::from_secs(2);

/// How long withdrawing orders may take. With the last step, the last alerts and the runtime's end it stays below the ten
/// seconds that a container is given.
const WITHDRAW: Duration = Duration::from_secs(4);

/// Jobs that wait for the outside, beside each other, at most one of a kind.
#[derive(Default)]
struct Jobs {
    set: JoinSet<(Job, Brought)>,
    running: BTreeSet<Job>,
}

impl Jobs {
    /// Starts a job, unless the last one of its kind is not back yet: that beat is skipped.
    fn start(&mut self, job: Job, work: impl Future<Output = Brought> + Send + 'static) {
        if self.running.insert(job) {
            self.set.spawn(async move { (job, work.await) });
        }
    }

    /// What the next job brings; pending without jobs. Cancellation-safe.
    async fn next(&mut self) -> Result<Brought, Failure> {
        match self.set.join_next().await {
            None => std::future::pending().await,
            Some(Err(error)) => Err(Failure::failed(format!("A job died: {error}."))),
            Some(Ok((job, brought))) => {
                self.running.remove(&job);
                Ok(brought)
            }
        }
    }
}

/// Runs until it is asked to stop, then drains.
///
/// # Errors
/// [`Failure`] when the core or a job fails in a way that must stop the process.
pub(crate) async fn run_until(
    runner: &mut Runner,
    schedule: &mut Schedule,
    stream: &mut Stream,
    stop: &mut Stop,
) -> Result<(), Failure> {
    let mut jobs = Jobs::default();
    let outcome = beat(runner, schedule, stream, stop, &mut jobs).await;
    match &outcome {
        Ok(reason) => info!(event = "autotrader_stopping", reason),
        Err(failure) => error!(event = "autotrader_failing", detail = %failure),
    }
    jobs.set.abort_all();
    // Nothing may be left behind on the book, however the end came.
    match tokio::time::timeout(WITHDRAW, runner.withdraw_orders()).await {
        Ok(Ok(())) => {}
        Ok(Err(failure)) => warn!(event = "drain_incomplete", detail = %failure),
        Err(_) => warn!(
            event = "drain_incomplete",
            detail = "orders may still rest; the next start resolves them"
        ),
    }
    outcome.map(|_| ())
}

/// Does what is due and takes what comes, until it is asked to stop; gives the reason.
async fn beat(
    runner: &mut Runner,
    schedule: &mut Schedule,
    stream: &mut Stream,
    stop: &mut Stop,
    jobs: &mut Jobs,
) -> Result<&'static str, Failure> {
    loop {
        if let Left::Behind(reason) = step(due(runner, schedule, jobs), stop).await? {
            return Ok(reason);
        }
        let wait = schedule.next_due().map_or(Duration::from_secs(1), |next| {
            (next - runner.ports.clock.now())
                .to_std()
                .unwrap_or(Duration::ZERO)
        });
        let brought = tokio::select! {
            biased;
            reason = stop.asked() => return Ok(reason),
            brought = jobs.next() => brought?,
            job = stream.next() => {
                schedule.pull_forward(job, runner.ports.clock.now());
                continue;
            }
            () = tokio::time::sleep(wait.min(LONGEST_WAIT)) => continue,
        };
        if let Left::Behind(reason) = step(absorb(runner, brought), stop).await? {
            return Ok(reason);
        }
    }
}

/// A wall clock that is set back must not put the loop to sleep.
const LONGEST_WAIT: Duration = Duration::from_secs(1);

/// Does what is due; what must wait for the outside and only reads becomes a job.
async fn due(runner: &mut Runner, schedule: &mut Schedule, jobs: &mut Jobs) -> Result<(), Failure> {
    let now = runner.ports.clock.now();
    for job in schedule.take_due(now) {
        let ports = runner.ports.clone();
        match job {
            Job::Control => runner.control().await?,
            Job::Account => runner.account().await?,
            Job::Reconcile => {
                runner.reconcile(false).await?;
            }
            Job::Page => jobs.start(job, fetch::page(ports)),
            Job::Books => jobs.start(job, fetch::books(ports, runner.engine.watched(now))),
            Job::Markets => jobs.start(job, fetch::markets(ports, runner.awaiting_settlement())),
        }
    }
    Ok(())
}

async fn absorb(runner: &mut Runner, brought: Brought) -> Result<(), Failure> {
    runner.absorb(brought).await?;
    runner.pass(Event::Timer).await
}

/// Whether a step came to its end.
enum Left {
    Nothing,
    /// Leaving was asked for, for this reason, and the step took too long: to whoever comes next it is as if the process
    /// had been killed there, which every step must survive.
    Behind(&'static str),
}

/// Finishes a step, which is not cancellation-safe, unless it waits too long for an outside that does not answer.
async fn step(work: impl Future<Output = Result<(), Failure>>, stop: &mut Stop) -> Result<Left, Failure> {
    tokio::pin!(work);
    let reason = tokio::select! {
        biased;
        done = &mut work => return done.map(|()| Left::Nothing),
        reason = stop.asked() => reason,
    };
    match tokio::time::timeout(LAST_STEP, work).await {
        Ok(done) => done.map(|()| Left::Nothing),
        Err(_) => {
            warn!(
                event = "step_abandoned",
                detail = "the exchange did not answer; the next start resolves what was under way"
            );
            Ok(Left::Behind(reason))
        }
    }
}
