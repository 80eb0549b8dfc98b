//! What all conversations share: the ring of news, and how the next handshake goes.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::broadcast;

use super::feed::{Batch, Tape, batches};
use super::options::WsOptions;
use crate::server::Moment;

/// What all conversations share.
#[derive(Debug)]
pub(in crate::server) struct Hub {
    pub(super) options: WsOptions,
    ring: broadcast::Sender<Arc<Batch>>,
    tape: Mutex<Tape>,
    /// Connections reset so far.
    resets: AtomicU32,
    /// Handshakes that will be refused.
    refusals: AtomicU32,
}

impl Hub {
    pub(in crate::server) fn new(options: WsOptions) -> Self {
        Self {
            ring: broadcast::Sender::new(options.backlog.max(1)),
            options,
            tape: Mutex::default(),
            resets: AtomicU32::new(0),
            refusals: AtomicU32::new(0),
        }
    }

    pub(super) fn subscribe(&self) -> broadcast::Receiver<Arc<Batch>> {
        self.ring.subscribe()
    }

    /// Notes a reset connection: after every second one the next handshake fails, as the recorded one did.
    pub(super) fn note_reset(&self) {
        if self.resets.fetch_add(1, Ordering::Relaxed) % 2 == 1 {
            self.refusals.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Whether this handshake is to be refused.
    pub(super) fn refuses_handshake(&self) -> bool {
        self.refusals
            .try_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1))
            .is_ok()
    }
}

/// Sends what happened since the last call to all conversations.
pub(in crate::server) fn send_feed(moment: &mut Moment<'_>) {
    let events = moment.world.exchange().take_feed();
    let hub = moment.hub;
    let mut tape = hub.tape.lock().unwrap_or_else(PoisonError::into_inner);
    if hub.ring.receiver_count() == 0 {
        return tape.forget();
    }
    if events.is_empty() {
        return;
    }
    let (now, data_down) = (moment.now, moment.faults.market_data_down);
    for batch in batches(moment.world.exchange(), events, &mut tape, now, data_down) {
        // Without a reader left there is nobody to tell.
        let _ = hub.ring.send(Arc::new(batch));
    }
}
