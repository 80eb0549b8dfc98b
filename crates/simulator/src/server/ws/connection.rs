//! Connections: the handshake, and the loop that carries a [`Session`] over a socket.

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::ws::{Message, WebSocket, WebSocketUpgrade};
use axum::extract::{ConnectInfo, Extension, State};
use axum::http::{HeaderMap, Method, StatusCode, Uri};
use axum::response::{IntoResponse as _, Response};
use chrono::{DateTime, Utc};
use futures_util::SinkExt as _;
use tokio::sync::broadcast::{self, error::RecvError, error::TryRecvError};
use tokio::sync::watch;
use tokio::time::{Instant, Interval};

use super::delivery::{Delivery, State as Line};
use super::feed::Batch;
use super::hub::send_feed;
use super::message::Outgoing;
use super::mischief::DeskMischief;
use super::session::Session;
use crate::server::errors::ApiError;
use crate::server::listener::Connection;
use crate::server::{App, until_stopped};

/// The body of the exchange's pings, as recorded.
const PING_BODY: &[u8] = b"heartbeat";

/// The longest command, in bytes.
const LONGEST_COMMAND: usize = 1 << 20;

/// How many bundles of news are written before the socket is flushed.
const BUNDLES_A_FLUSH: usize = 32;

/// Answers a handshake. No subprotocol is documented, so none is chosen whatever the client offers.
pub(in crate::server) async fn upgrade(
    State(app): State<App>,
    uri: Uri,
    method: Method,
    headers: HeaderMap,
    line: Option<Extension<ConnectInfo<Connection>>>,
    upgrade: Result<WebSocketUpgrade, axum::extract::ws::rejection::WebSocketUpgradeRejection>,
) -> Response {
    if app.hub.refuses_handshake() {
        return (StatusCode::BAD_GATEWAY, "bad gateway\n").into_response();
    }
    let account = match app.account(&headers, &method, &uri) {
        Ok(account) => account,
        Err(refused) => return refused.into_response(),
    };
    let upgrade = match upgrade {
        Ok(upgrade) => upgrade.max_message_size(LONGEST_COMMAND),
        Err(refused) => return refused.into_response(),
    };
    if app.moment().faults.market_data_down {
        return ApiError::unavailable().into_response();
    }
    let session = Session::new(account, &app.hub.options);
    let line = line.map(|Extension(ConnectInfo(line))| line);
    upgrade.on_upgrade(move |socket| Conversation::open(app, socket, session, line).hold())
}

/// What a conversation woke up for.
enum Turn {
    Stop,
    Heard(Option<Result<Message, axum::Error>>),
    Ping,
    SilenceOver,
    News(Result<Arc<Batch>, RecvError>),
}

/// Why a conversation is over.
enum Over {
    /// With a closing handshake.
    Closed,
    /// Without one: the reader is gone, or is to see the connection break.
    Cut,
}

struct Conversation {
    app: App,
    socket: WebSocket,
    session: Session,
    delivery: Delivery,
    line: Option<Connection>,
    news: broadcast::Receiver<Arc<Batch>>,
    stopped: watch::Receiver<bool>,
    pings: Interval,
    silent_until: Option<Instant>,
}

impl Conversation {
    fn open(app: App, socket: WebSocket, session: Session, line: Option<Connection>) -> Self {
        let news = app.hub.subscribe();
        app.moment().world.exchange().watch();
        let every = app.hub.options.ping_every;
        Self {
            news,
            stopped: app.stopped.clone(),
            app,
            socket,
            session,
            delivery: Delivery::default(),
            line,
            pings: tokio::time::interval_at(Instant::now() + every, every),
            silent_until: None,
        }
    }

    /// Carries the conversation until one side ends it.
    async fn hold(mut self) {
        loop {
            let turn = self.turn().await;
            if let Err(over) = self.take(turn).await {
                if matches!(over, Over::Closed) {
                    let _ = self.socket.send(Message::Close(None)).await;
                }
                return;
            }
        }
    }

    /// Waits for what comes next; commands before news, so that a busy market does not starve them.
    async fn turn(&mut self) -> Turn {
        let silent_until = self.silent_until;
        let silence_over = async {
            match silent_until {
                Some(until) => tokio::time::sleep_until(until).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            biased;
            () = until_stopped(&mut self.stopped) => Turn::Stop,
            message = self.socket.recv() => Turn::Heard(message),
            _ = self.pings.tick() => Turn::Ping,
            () = silence_over => Turn::SilenceOver,
            batch = self.news.recv() => Turn::News(batch),
        }
    }

    async fn take(&mut self, turn: Turn) -> Result<(), Over> {
        let mut out = Vec::new();
        match turn {
            Turn::Stop => return Err(Over::Closed),
            Turn::Heard(Some(Ok(Message::Text(text)))) => {
                let messages = self.answer(text.as_str());
                self.delivery.pass(messages, &mut out);
            }
            Turn::Heard(Some(Ok(Message::Binary(bytes)))) => {
                // Not a text, so nothing that could be a command.
                let messages = self.answer(&String::from_utf8_lossy(&bytes));
                self.delivery.pass(messages, &mut out);
            }
            Turn::Heard(Some(Ok(Message::Ping(_) | Message::Pong(_)))) => {}
            Turn::Heard(Some(Ok(Message::Close(_)) | Err(_)) | None) => return Err(Over::Cut),
            Turn::Ping => {
                self.delivery.release(&mut out);
                if self.delivery.state() == Line::Sound {
                    let ping = Message::Ping(Bytes::from_static(PING_BODY));
                    self.socket.send(ping).await.map_err(|_| Over::Cut)?;
                }
            }
            Turn::SilenceOver => {
                self.silent_until = None;
                self.delivery.speak();
            }
            Turn::News(batch) => self.news(batch, &mut out)?,
        }
        self.write(out).await?;
        match self.delivery.state() {
            Line::Sound => Ok(()),
            Line::Silent(time) => {
                self.silent_until.get_or_insert_with(|| Instant::now() + time);
                Ok(())
            }
            Line::Cut { by_reset } => {
                self.app.hub.note_reset();
                if let (true, Some(line)) = (by_reset, &self.line) {
                    line.reset();
                }
                Err(Over::Cut)
            }
        }
    }

    /// The messages of a bundle of news, and of those that wait behind it.
    fn news(&mut self, first: Result<Arc<Batch>, RecvError>, out: &mut Vec<String>) -> Result<(), Over> {
        let app = self.app.clone();
        let now = app.clock.now();
        let mut mischief = DeskMischief::new(&app.faults, now, false);
        let mut messages = Vec::new();
        for bundle in waiting(first, &mut self.news, BUNDLES_A_FLUSH) {
            match bundle {
                Ok(batch) if batch.data_down => return Err(Over::Cut),
                Ok(batch) => self.deliver(&batch, now, &mut mischief, &mut messages),
                Err(RecvError::Lagged(_)) => messages.extend(self.session.overflow_all(now)),
                Err(RecvError::Closed) => return Err(Over::Cut),
            }
        }
        self.delivery.pass(messages, out);
        Ok(())
    }

    fn deliver(
        &mut self,
        batch: &Batch,
        now: DateTime<Utc>,
        mischief: &mut DeskMischief<'_>,
        messages: &mut Vec<Outgoing>,
    ) {
        for item in &batch.items {
            self.session.deliver(item, now, mischief, messages);
        }
    }

    /// Answers a command at one moment: first everything that happened before it, then the answer, so that no change is
    /// missed or told twice.
    fn answer(&mut self, text: &str) -> Vec<Outgoing> {
        let app = self.app.clone();
        let mut moment = app.moment();
        send_feed(&mut moment);
        let now = moment.now;
        let mut mischief = DeskMischief::new(&app.faults, now, app.hub.options.faulty_replies);
        let mut messages = Vec::new();
        loop {
            match self.news.try_recv() {
                Ok(batch) => self.deliver(&batch, now, &mut mischief, &mut messages),
                Err(TryRecvError::Lagged(_)) => messages.extend(self.session.overflow_all(now)),
                Err(TryRecvError::Empty | TryRecvError::Closed) => break,
            }
        }
        let exchange = moment.world.exchange();
        messages.extend(self.session.command(text, exchange, now, &mut mischief));
        messages
    }

    /// Writes messages and flushes once; a stop of the server does not wait for a reader that does not read.
    async fn write(&mut self, out: Vec<String>) -> Result<(), Over> {
        if out.is_empty() {
            return Ok(());
        }
        let socket = &mut self.socket;
        let writing = async {
            for text in out {
                socket.feed(Message::Text(text.into())).await?;
            }
            socket.flush().await
        };
        tokio::select! {
            biased;
            written = writing => written.map_err(|_: axum::Error| Over::Cut),
            () = until_stopped(&mut self.stopped) => Err(Over::Cut),
        }
    }
}

/// A bundle and those that wait behind it, at most so many. None is taken that is not given: it would be lost.
fn waiting<T: Clone>(
    first: Result<T, RecvError>,
    news: &mut broadcast::Receiver<T>,
    most: usize,
) -> Vec<Result<T, RecvError>> {
    let mut taken = vec![first];
    while taken.len() < most {
        match news.try_recv() {
            Ok(bundle) => taken.push(Ok(bundle)),
            Err(TryRecvError::Lagged(missed)) => taken.push(Err(RecvError::Lagged(missed))),
            Err(TryRecvError::Empty | TryRecvError::Closed) => break,
        }
    }
    taken
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_bundle_is_given_once_however_many_wait() {
        let (sender, mut news) = broadcast::channel(128);
        for number in 0..100 {
            sender.send(number).unwrap();
        }
        let mut given = Vec::new();
        while let Ok(first) = news.try_recv() {
            given.extend(waiting(Ok(first), &mut news, 32).into_iter().map(Result::unwrap));
        }
        assert_eq!(given, (0..100).collect::<Vec<i32>>());
    }
}
