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

#[cfg(test)]
mod tests {
    use super::*;
    use diesel::Connection as _;

    fn writer() -> Writer {
        let connect = || SqliteConnection::establish(":memory:").unwrap();
        Writer::start(Connections {
            durable: connect(),
            quick: connect(),
        })
        .unwrap()
    }

    #[tokio::test]
    async fn work_is_done_in_the_order_handed_over() {
        let writer = writer();
        let done = std::sync::Arc::new(std::sync::Mutex::new(Vec::new()));
        let calls = (0..1_000).map(|index| {
            let done = std::sync::Arc::clone(&done);
            writer.run(move |_| {
                done.lock().unwrap().push(index);
                Ok(())
            })
        });
        for call in calls {
            call.await.unwrap();
        }
        assert!(done.lock().unwrap().iter().copied().eq(0..1_000));
    }

    #[tokio::test]
    async fn after_a_panic_nothing_is_durable() {
        let writer = writer();
        let result = writer
            .run(|_| -> Result<(), Fault> { panic!("for this test") })
            .await;
        assert!(matches!(result, Err(StoreError::NotDurable(_))), "{result:?}");
        let result = writer.run(|_| Ok(())).await;
        assert_eq!(
            result.unwrap_err().to_string(),
            "the database is not durable: the writing thread has stopped: restart the program"
        );
    }

    #[tokio::test]
    async fn dropping_the_writer_finishes_what_was_handed_over() {
        let writer = writer();
        let (sent, received) = std::sync::mpsc::channel();
        {
            let call = writer.run(move |_| {
                sent.send(()).unwrap();
                Ok(())
            });
            tokio::pin!(call);
            std::future::poll_fn(|context| {
                let _ = std::future::Future::poll(call.as_mut(), context);
                std::task::Poll::Ready(())
            })
            .await;
        }
        drop(writer);
        received.try_recv().unwrap();
    }
}
