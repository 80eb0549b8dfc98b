//! Work that waits for the outside, beside the loop: at most one of a kind.

use std::collections::BTreeSet;

use tokio::task::JoinSet;

use super::fetch::Brought;
use super::schedule::Job;
use crate::Failure;

/// What is under way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Task {
    /// A job of the schedule.
    Job(Job),
    /// Reading the account back for commands that wait to be confirmed.
    ReadBack,
    /// What an operator's command asks for, by its id.
    Command(i64),
}

/// Work that is under way.
#[derive(Debug, Default)]
pub(crate) struct Jobs {
    set: JoinSet<(Task, Brought)>,
    running: BTreeSet<Task>,
}

impl Jobs {
    /// Starts a task, unless the last one of its kind is not back yet: that beat is skipped.
    pub(crate) fn start(&mut self, task: Task, work: impl Future<Output = Brought> + Send + 'static) {
        if self.running.insert(task) {
            self.set.spawn(async move { (task, work.await) });
        }
    }

    /// Whether a task of this kind is under way.
    pub(crate) fn runs(&self, task: Task) -> bool {
        self.running.contains(&task)
    }

    /// Whether what a command asks for is under way.
    pub(crate) fn run_commands(&self) -> bool {
        self.running.iter().any(|task| matches!(task, Task::Command(_)))
    }

    /// What the next task brings; pending without tasks. Cancellation-safe.
    ///
    /// # Errors
    /// [`Failure`] when a task died.
    pub(crate) async fn next(&mut self) -> Result<Brought, Failure> {
        match self.set.join_next().await {
            None => std::future::pending().await,
            Some(Err(error)) => Err(Failure::failed(format!("A job died: {error}."))),
            Some(Ok((task, brought))) => {
                self.running.remove(&task);
                Ok(brought)
            }
        }
    }

    /// Ends everything that is under way.
    pub(crate) fn abort(&mut self) {
        self.set.abort_all();
    }
}
