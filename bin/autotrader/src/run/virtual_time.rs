//! Virtual time: the clock moves to the next due job only when nothing is in flight, so equal seeds give equal runs.

use autotrader_domain::ManualClock;
use autotrader_engine::Event;
use chrono::{DateTime, Utc};

use super::fetch;
use super::runner::{Runner, Wish};
use super::schedule::{Job, Schedule};
use crate::Failure;

/// Runs every job due until `end`, one after the other.
///
/// # Errors
/// As the runner's.
pub(crate) async fn run_to(
    runner: &mut Runner,
    schedule: &mut Schedule,
    clock: &ManualClock,
    end: DateTime<Utc>,
) -> Result<(), Failure> {
    while let Some(next) = schedule.next_due().filter(|next| *next <= end) {
        clock.advance_to(next);
        for job in schedule.take_due(next) {
            let ports = runner.ports.clone();
            match job {
                Job::Control => runner.control().await?,
                Job::Account => runner.account().await?,
                Job::Reconcile => {
                    runner.reconcile().await?;
                }
                Job::Page => {
                    let brought = fetch::page(ports).await;
                    runner.absorb(brought).await?;
                }
                Job::Books => {
                    let brought = fetch::books(ports, runner.engine.watched(next)).await;
                    runner.absorb(brought).await?;
                }
                Job::Markets => {
                    let (closed, undecided) = (runner.awaiting_settlement(), runner.undecided());
                    let brought = fetch::markets(ports, closed, undecided).await;
                    runner.absorb(brought).await?;
                }
            }
            // What cannot wait for the exchange in real time is done at once here.
            for wish in std::mem::take(&mut runner.wishes) {
                match wish {
                    Wish::Account => runner.account().await?,
                    Wish::Reconcile(_) => {
                        runner.reconcile().await?;
                    }
                    // Only operators ask for these, and none is there in virtual time.
                    Wish::Resolve { .. } | Wish::CancelAccount(_) => {}
                }
            }
        }
        runner.pass(Event::Timer).await?;
    }
    Ok(())
}
