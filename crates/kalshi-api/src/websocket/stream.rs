//! The public face: one stream, its handle, its books.

use std::collections::BTreeSet;
use std::sync::Arc;

use autotrader_domain::ports::Clock;
use autotrader_domain::{Book, Ticker};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;

use super::connection::{Shared, Wish, Worker, task};
use super::event::StreamEvent;
use super::health::StreamHealth;
use super::session::Session;
use super::settings::StreamSettings;
use super::subscription::At;
use crate::tls::tls_provider_installed;
use crate::{ClientPorts, SetupError};

/// Events on their way to the reader beside those that wait in the session.
const EVENTS_IN_FLIGHT: usize = 256;

/// The exchange's stream.
#[derive(Debug, Clone, Copy)]
pub struct MarketStream;

impl MarketStream {
    /// Starts a stream that connects, and reconnects, until its handle is stopped or dropped or its receiver is dropped.
    ///
    /// No market is wanted at first: see [`StreamHandle::set_markets`]. Must be called within a Tokio runtime.
    ///
    /// # Errors
    /// [`SetupError::NoTlsProvider`] when no TLS provider is installed.
    pub fn connect(
        settings: StreamSettings,
        ports: ClientPorts,
    ) -> Result<(StreamHandle, mpsc::Receiver<StreamEvent>), SetupError> {
        if !tls_provider_installed() {
            return Err(SetupError::NoTlsProvider);
        }
        let session = Shared::new(Session::new(settings.limits.clone()));
        let (wishes, wishes_seen) = watch::channel(Wish::default());
        let (reader, events) = mpsc::channel(EVENTS_IN_FLIGHT);
        let clock = Arc::clone(&ports.clock);
        let worker = Worker {
            settings,
            ports,
            session: session.clone(),
            wishes: wishes_seen,
            reader,
        };
        let handle = StreamHandle {
            wishes,
            books: LiveBooks {
                session: session.clone(),
            },
            session,
            clock,
            task: tokio::spawn(task(worker)),
        };
        Ok((handle, events))
    }
}

/// Steers a running stream. Dropping it stops the stream.
#[derive(Debug)]
pub struct StreamHandle {
    wishes: watch::Sender<Wish>,
    books: LiveBooks,
    session: Shared,
    clock: Arc<dyn Clock>,
    task: JoinHandle<()>,
}

impl StreamHandle {
    /// Sets the markets whose books, quotes and trades are wanted; those already there go on without a break.
    pub fn set_markets(&self, markets: BTreeSet<Ticker>) {
        self.wishes.send_if_modified(|wish| {
            let changed = wish.markets != markets;
            wish.markets = markets;
            changed
        });
    }

    /// The live books.
    #[must_use]
    pub fn books(&self) -> LiveBooks {
        self.books.clone()
    }

    /// How the stream is doing.
    #[must_use]
    pub fn health(&self) -> StreamHealth {
        let at = At {
            wall: self.clock.now(),
            mono: self.clock.monotonic(),
        };
        let session = self.session.lock();
        let (books_known, books_wanted) = session.book_count();
        let mut counters = session.counters;
        counters.unknown_for = session.unknown_for(at);
        StreamHealth {
            is_connected: session.is_up(),
            is_settled: session.is_settled(),
            silence: session.silence(at),
            books_known,
            books_wanted,
            dropped: session.outbox.dropped,
            counters,
        }
    }

    /// Whether the stream's task has ended: its receiver is gone, or it failed. A trader must notice.
    #[must_use]
    pub fn has_ended(&self) -> bool {
        self.task.is_finished()
    }

    /// Stops the stream and waits until it is gone.
    ///
    /// Cancellation-safe: the stream stops all the same.
    pub async fn stop(self) {
        self.wishes.send_modify(|wish| wish.stop = true);
        // An error means that the task failed, and is gone as well.
        let _ended = self.task.await;
    }
}

/// Reads the live books.
#[derive(Debug, Clone)]
pub struct LiveBooks {
    session: Shared,
}

impl LiveBooks {
    /// The book of a market; `None` while it is not known, and for the moments in which it is crossed.
    ///
    /// Its time of receipt is when the numbering of its subscription was last seen intact: every change until then is in
    /// it. A quiet subscription is asked regularly, so that a quiet book does not look old.
    #[must_use]
    pub fn book(&self, ticker: &Ticker) -> Option<Book> {
        self.session.lock().book(ticker)
    }

    /// The books of some markets at one moment, in the order asked.
    #[must_use]
    pub fn books(&self, tickers: &[Ticker]) -> Vec<Option<Book>> {
        let session = self.session.lock();
        tickers.iter().map(|ticker| session.book(ticker)).collect()
    }
}
