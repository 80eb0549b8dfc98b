//! The one thread that writes.

use std::fmt;
use std::thread::JoinHandle;

use autotrader_domain::ports::StoreError;
use diesel::SqliteConnection;
use tokio::sync::{mpsc, oneshot};

use crate::fault::Fault;

/// Waiting pieces of work beyond which callers wait too.
const QUEUE: usize = 256;

/// The two connections of the writer. They never write at the same time, so they never meet each other's locks.
pub(crate) struct Connections {
    /// Commits survive the loss of power.
    pub durable: SqliteConnection,
    /// Commits survive the death of the process.
    pub quick: SqliteConnection,
}

type Job = Box<dyn FnOnce(&mut Connections) + Send>;

/// Hands work to the writing thread, in order.
pub(crate) struct Writer {
    jobs: Option<mpsc::Sender<Job>>,
    thread: Option<JoinHandle<()>>,
}

impl fmt::Debug for Writer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Writer").finish_non_exhaustive()
    }
}

impl Writer {
    /// Starts the thread.
    ///
    /// # Errors
    /// When the operating system gives no thread.
    pub(crate) fn start(mut connections: Connections) -> std::io::Result<Self> {
        let (jobs, mut queue) = mpsc::channel::<Job>(QUEUE);
        // A panic ends the thread: a connection in an unknown state must not be written to again. The queue closes
        // with it, and every caller gets an error from then on.
        let thread = std::thread::Builder::new()
            .name("state-writer".into())
            .spawn(move || {
                while let Some(job) = queue.blocking_recv() {
                    job(&mut connections);
                }
            })?;
        Ok(Self {
            jobs: Some(jobs),
            thread: Some(thread),
        })
    }

    /// Does one piece of work after everything handed over before.
    ///
    /// Dropping the call after it was handed over does not undo it: the work is done, its answer is lost.
    pub(crate) async fn run<T, W>(&self, work: W) -> Result<T, StoreError>
    where
        T: Send + 'static,
        W: FnOnce(&mut Connections) -> Result<T, Fault> + Send + 'static,
    {
        let stopped = || StoreError::NotDurable("the writing thread has stopped: restart the program".into());
        let (answer, answered) = oneshot::channel();
        let job: Job = Box::new(move |connections| {
            // The caller may be gone; the work was done all the same.
            let _ = answer.send(work(connections));
        });
        let jobs = self.jobs.as_ref().ok_or_else(stopped)?;
        jobs.send(job).await.map_err(|_| stopped())?;
        let done = answered.await.map_err(|_| stopped())?;
        done.map_err(StoreError::from)
    }
}

impl Drop for Writer {
    /// Finishes what was handed over, so that the database is closed when this returns.
    fn drop(&mut self) {
        drop(self.jobs.take());
        if let Some(thread) = self.thread.take() {
            // A panic of the thread has already reached every caller as an error.
            let _ = thread.join();
        }
    }
}
