//! The thin edge: sockets, waiting and the channel to the reader around the pure session.

use std::collections::BTreeSet;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use autotrader_domain::Ticker;
use futures_util::{FutureExt as _, SinkExt as _, StreamExt as _};
use tokio::sync::{mpsc, watch};
use tokio_tungstenite::tungstenite::{Error, Message};

use super::event::{DisconnectCause, StreamEvent};
use super::handshake::{Socket, open};
use super::session::{Action, Session};
use super::settings::StreamSettings;
use super::subscription::At;
use crate::ClientPorts;

/// How often the session hears of time.
const TICK: Duration = Duration::from_millis(100);
/// Frames taken in one go before looking at anything else.
const BURST: usize = 256;

/// The session, shared with those who read books.
#[derive(Debug, Clone)]
pub(super) struct Shared(Arc<Mutex<Session>>);

impl Shared {
    pub(super) fn new(session: Session) -> Self {
        Self(Arc::new(Mutex::new(session)))
    }

    /// Never held across an await.
    pub(super) fn lock(&self) -> MutexGuard<'_, Session> {
        // The session has no panicking paths; if one was hit all the same, its state is as good as before.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What the handle asks of the task.
#[derive(Debug, Clone, Default)]
pub(super) struct Wish {
    pub(super) markets: BTreeSet<Ticker>,
    pub(super) stop: bool,
}

/// The task behind a stream.
pub(super) struct Worker {
    pub(super) settings: StreamSettings,
    pub(super) ports: ClientPorts,
    pub(super) session: Shared,
    pub(super) wishes: watch::Receiver<Wish>,
    pub(super) reader: mpsc::Sender<StreamEvent>,
}

/// Why a part of the task ended.
enum Ended {
    /// The handle or the reader is gone, or asked to stop.
    Stopped,
    /// The connection is gone.
    Gone,
}

impl Worker {
    pub(super) async fn run(mut self) {
        let mut tries = 0;
        loop {
            let wait = match self.connect().await {
                Ok(None) => return,
                Ok(Some(socket)) => {
                    let since = self.ports.clock.monotonic();
                    if matches!(self.serve(socket).await, Ended::Stopped) {
                        return;
                    }
                    if self.ports.clock.monotonic().since(since) >= self.settings.reconnect.stable_after {
                        tries = 0;
                    }
                    self.next_wait(&mut tries)
                }
                Err(why) => {
                    tracing::warn!(?why, "kalshi_stream_not_connected");
                    let is_refusal = matches!(
                        why,
                        DisconnectCause::Unauthorized(_) | DisconnectCause::NotAllowed(_)
                    );
                    let at = self.at();
                    self.session.lock().failed_to_connect(at, why);
                    let wait = self.next_wait(&mut tries);
                    if is_refusal {
                        wait.max(self.settings.reconnect.after_refusal)
                    } else {
                        wait
                    }
                }
            };
            let sleeper = Arc::clone(&self.ports.sleeper);
            if self.during(sleeper.sleep(wait)).await.is_none() {
                return;
            }
        }
    }

    fn next_wait(&self, tries: &mut u32) -> Duration {
        let wait = self.settings.reconnect.wait(*tries, self.ports.jitter.fraction());
        *tries = tries.saturating_add(1);
        wait
    }

    fn at(&self) -> At {
        At {
            wall: self.ports.clock.now(),
            mono: self.ports.clock.monotonic(),
        }
    }

    /// `None` when asked to stop meanwhile.
    async fn connect(&mut self) -> Result<Option<Socket>, DisconnectCause> {
        let (settings, clock) = (self.settings.clone(), Arc::clone(&self.ports.clock));
        let sleeper = Arc::clone(&self.ports.sleeper);
        let attempt = async move {
            tokio::select! {
                biased;
                socket = open(&settings, clock.as_ref()) => socket,
                () = sleeper.sleep(settings.connect_timeout) => Err(DisconnectCause::Unreachable(format!(
                    "no connection within {} s",
                    settings.connect_timeout.as_secs()
                ))),
            }
        };
        self.during(attempt).await.transpose()
    }

    /// Waits for something while the reader is served; `None` when asked to stop.
    async fn during<T>(&mut self, work: impl Future<Output = T>) -> Option<T> {
        let mut work = std::pin::pin!(work);
        let reader = self.reader.clone();
        loop {
            let has_events = !self.session.lock().outbox.is_empty();
            tokio::select! {
                biased;
                changed = self.wishes.changed() => {
                    if changed.is_err() || !self.take_wish() {
                        return None;
                    }
                }
                () = reader.closed() => return None,
                done = &mut work => return Some(done),
                permit = reader.reserve(), if has_events => match permit {
                    Ok(permit) => {
                        if let Some(event) = self.session.lock().next_event() {
                            permit.send(event);
                        }
                    }
                    Err(_closed) => return None,
                },
            }
        }
    }

    /// Whether to go on.
    fn take_wish(&mut self) -> bool {
        let wish = self.wishes.borrow_and_update().clone();
        let at = self.at();
        self.session.lock().set_markets(at, wish.markets);
        !wish.stop
    }

    async fn serve(&mut self, mut socket: Socket) -> Ended {
        let at = self.at();
        self.session.lock().connected(at);
        let ended = self.exchange(&mut socket).await;
        // The other side may be gone; then there is nobody to say goodbye to.
        let _goodbye = socket.close(None).now_or_never();
        ended
    }

    async fn exchange(&mut self, socket: &mut Socket) -> Ended {
        let sleeper = Arc::clone(&self.ports.sleeper);
        let mut tick = sleeper.sleep(TICK);
        let reader = self.reader.clone();
        loop {
            if !self.perform(socket).await {
                return Ended::Gone;
            }
            let has_events = !self.session.lock().outbox.is_empty();
            tokio::select! {
                biased;
                changed = self.wishes.changed() => {
                    if changed.is_err() || !self.take_wish() {
                        return Ended::Stopped;
                    }
                }
                () = reader.closed() => return Ended::Stopped,
                () = &mut tick => {
                    tick = sleeper.sleep(TICK);
                    let at = self.at();
                    self.session.lock().tick(at);
                }
                permit = reader.reserve(), if has_events => {
                    let Ok(permit) = permit else { return Ended::Stopped };
                    if let Some(event) = self.session.lock().next_event() {
                        permit.send(event);
                    }
                }
                frame = socket.next() => {
                    if !self.take_frames(socket, frame) {
                        return Ended::Gone;
                    }
                }
            }
        }
    }

    /// Takes a frame and those that are there already; whether the connection goes on.
    fn take_frames(&self, socket: &mut Socket, first: Option<Result<Message, Error>>) -> bool {
        let at = self.at();
        let mut session = self.session.lock();
        let mut next = Some(first);
        let mut taken = 0;
        while let Some(frame) = next {
            match frame {
                Some(Ok(Message::Text(text))) => session.text(at, text.as_str()),
                Some(Ok(Message::Close(frame))) => {
                    let words = frame.map_or_else(
                        || "closed by the exchange".to_owned(),
                        |frame| format!("closed by the exchange: {} {}", frame.code, frame.reason),
                    );
                    session.disconnected(at, DisconnectCause::Lost(crate::error::shorten(&words)));
                    return false;
                }
                Some(Ok(_ping_pong_or_binary)) => session.heard(at),
                Some(Err(error)) => {
                    let words = crate::error::shorten(&error.to_string());
                    session.disconnected(at, DisconnectCause::Lost(words));
                    return false;
                }
                None => {
                    let words = "ended without a closing frame".to_owned();
                    session.disconnected(at, DisconnectCause::Lost(words));
                    return false;
                }
            }
            taken += 1;
            // A frame that is taken from the socket must be used: none is taken beyond the burst.
            next = (taken < BURST).then(|| socket.next().now_or_never()).flatten();
        }
        true
    }

    /// Does what the session wants; whether the connection goes on.
    async fn perform(&mut self, socket: &mut Socket) -> bool {
        let actions = self.session.lock().take_actions();
        if actions.is_empty() {
            return true;
        }
        let sleeper = Arc::clone(&self.ports.sleeper);
        let sending = async {
            for action in actions {
                match action {
                    Action::Send(text) => socket.feed(Message::text(text)).await?,
                    Action::Ping => socket.feed(Message::Ping(Vec::new().into())).await?,
                    Action::Close => return Ok(false),
                }
            }
            socket.flush().await?;
            Ok::<bool, Error>(true)
        };
        let why = tokio::select! {
            biased;
            sent = sending => match sent {
                Ok(goes_on) => return goes_on,
                Err(error) => crate::error::shorten(&error.to_string()),
            },
            () = sleeper.sleep(self.settings.send_timeout) => "a command could not be sent in time".to_owned(),
        };
        let at = self.at();
        self.session.lock().disconnected(at, DisconnectCause::Lost(why));
        false
    }
}

/// A future that owns what it needs, for `tokio::spawn`.
pub(super) fn task(worker: Worker) -> Pin<Box<dyn Future<Output = ()> + Send>> {
    Box::pin(worker.run())
}
