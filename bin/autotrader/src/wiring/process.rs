//! One process from its start to its end.

use std::sync::Arc;
use std::time::Duration;

use autotrader_config::Config;
use autotrader_domain::Command;
use autotrader_domain::ports::Restored;
use autotrader_engine::Event;
use autotrader_monitoring::DiscordNotifier;
use tracing::warn;

use crate::Failure;
use crate::run::{Job, Parts, Runner, Schedule, Stream};

/// A running process: the run loop's body, its schedule, and what must be finished at the end.
pub(crate) struct Process {
    pub(crate) runner: Runner,
    pub(crate) schedule: Schedule,
    pub(crate) stream: Stream,
    pub(super) restored: Restored,
    pub(super) config: Config,
    pub(super) discord: Option<Arc<DiscordNotifier>>,
}

impl Process {
    /// Takes up what the database knew. Nothing of it waits for the exchange; what the exchange says of it comes next.
    ///
    /// # Errors
    /// [`Failure`] when the database cannot be read or written.
    pub(crate) async fn take_up(&mut self) -> Result<(), Failure> {
        let restored = std::mem::take(&mut self.restored);
        let found = self.runner.ports.executor.restore(&restored).await;
        self.runner.engine.restore(restored);
        self.runner.record_state()?;
        self.runner.pass_all(found).await?;
        if self.config.risk.global.kill_switch_enabled {
            let reason = "risk.global.kill_switch_enabled is true".to_owned();
            self.runner.pass(Event::Command(Command::Halt { reason })).await?;
        }
        self.runner.take_up_commands().await?;
        self.runner.cancel_what_a_halt_left().await?;
        self.note("startup").await;
        Ok(())
    }

    /// Takes up where the database left off and holds our books against the venue's, one step after the other: for
    /// virtual time.
    ///
    /// # Errors
    /// [`Failure`] when the venue cannot be reconciled with: nothing may be traded on books that are not known.
    pub(crate) async fn start(&mut self) -> Result<(), Failure> {
        self.take_up().await?;
        let result = self.runner.reconcile().await?;
        if result.complete {
            return Ok(());
        }
        let why = result.failure.unwrap_or_else(|| "no reason given".to_owned());
        Err(Failure::failed(format!(
            "The account could not be reconciled at start: {why}"
        )))
    }

    /// Leaves a job out.
    pub(crate) fn leave_out(&mut self, job: Job) {
        self.schedule.leave_out(job);
    }

    /// What the run loop drives.
    pub(crate) const fn parts(&mut self) -> Parts<'_> {
        Parts {
            runner: &mut self.runner,
            schedule: &mut self.schedule,
            stream: &mut self.stream,
        }
    }

    /// Writes the end down and lets the last alerts out.
    pub(crate) async fn finish(mut self) {
        self.note("shutdown").await;
        if let Some(recorder) = self.runner.recorder.take()
            && let Err(error) = recorder.close().await
        {
            warn!(event = "journal_not_finished", error = %error);
        }
        if let Some(discord) = &self.discord {
            discord.drain(Duration::from_secs(2)).await;
        }
    }

    async fn note(&self, name: &str) {
        if let Err(error) = self.runner.note(name, env!("CARGO_PKG_VERSION")).await {
            warn!(event = "system_event_not_stored", name, error = %error);
        }
    }
}
