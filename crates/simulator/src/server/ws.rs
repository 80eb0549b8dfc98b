//! WebSocket connections: handshake, the loop that carries a [`Session`], pings.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Bytes;
use axum::extract::State;
use axum::extract::ws::{Message, WebSocket, WebSocketUpgrade};
use axum::http::{HeaderMap, Method, Uri};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};
use tokio::sync::broadcast::{self, error::RecvError};

use super::errors::ApiError;
use super::ws_feed::{Batch, items};
use super::ws_session::Session;
use super::{App, Moment, until_stopped};

/// How often the exchange pings, as recorded.
const PING_EVERY: Duration = Duration::from_secs(10);

/// The body of its pings, as recorded.
const PING_BODY: &[u8] = b"heartbeat";

/// Sends what happened since the last call to all connections.
pub(super) fn send_feed(moment: &mut Moment<'_>) {
    let events = moment.world.exchange().take_feed();
    if events.is_empty() || moment.feed.receiver_count() == 0 {
        return;
    }
    let batch = Batch {
        items: items(moment.world.exchange(), events),
        data_down: moment.faults.market_data_down,
    };
    // Without a reader left there is nobody to tell.
    let _ = moment.feed.send(Arc::new(batch));
}

pub(super) async fn upgrade(
    State(app): State<App>,
    uri: Uri,
    method: Method,
    headers: HeaderMap,
    upgrade: Result<WebSocketUpgrade, axum::extract::ws::rejection::WebSocketUpgradeRejection>,
) -> Response {
    let account = match app.account(&headers, &method, &uri) {
        Ok(account) => account,
        Err(refused) => return refused.into_response(),
    };
    let upgrade = match upgrade {
        Ok(upgrade) => upgrade,
        Err(refused) => return refused.into_response(),
    };
    if app.moment().faults.market_data_down {
        return ApiError::unavailable().into_response();
    }
    upgrade.on_upgrade(move |socket| converse(app, socket, Session::new(account)))
}

/// What a conversation woke up for.
enum Turn {
    Stop,
    Feed(Result<Arc<Batch>, RecvError>),
    Heard(Option<Result<Message, axum::Error>>),
    Ping,
}

async fn converse(app: App, mut socket: WebSocket, mut session: Session) {
    let mut feed = app.feed.subscribe();
    app.moment().world.exchange().watch();
    let mut stopped = app.stopped.clone();
    let mut pings = tokio::time::interval_at(tokio::time::Instant::now() + PING_EVERY, PING_EVERY);
    loop {
        let turn = tokio::select! {
            biased;
            () = until_stopped(&mut stopped) => Turn::Stop,
            batch = feed.recv() => Turn::Feed(batch),
            message = socket.recv() => Turn::Heard(message),
            _ = pings.tick() => Turn::Ping,
        };
        let messages = match turn {
            Turn::Stop => {
                let _ = socket.send(Message::Close(None)).await;
                return;
            }
            Turn::Ping => {
                if socket
                    .send(Message::Ping(Bytes::from_static(PING_BODY)))
                    .await
                    .is_err()
                {
                    return;
                }
                continue;
            }
            Turn::Feed(batch) => match received(&app, &mut session, batch) {
                Some(messages) => messages,
                None => return,
            },
            Turn::Heard(Some(Ok(Message::Text(text)))) => {
                answer(&app, &mut session, &mut feed, text.as_str()).unwrap_or_else(overflow)
            }
            Turn::Heard(Some(Ok(Message::Binary(_) | Message::Ping(_) | Message::Pong(_)))) => continue,
            Turn::Heard(Some(Ok(Message::Close(_)) | Err(_)) | None) => return,
        };
        for message in &messages {
            // Recorded frames end with a line feed.
            if socket.send(Message::text(format!("{message}\n"))).await.is_err() {
                return;
            }
        }
        if messages.iter().any(is_terminal) {
            return;
        }
    }
}

/// The messages of a batch; nothing when the connection is to be cut.
fn received(app: &App, session: &mut Session, batch: Result<Arc<Batch>, RecvError>) -> Option<Vec<Value>> {
    let now = app.clock.now();
    match batch {
        Ok(batch) if batch.data_down => None,
        Ok(batch) => Some(
            batch
                .items
                .iter()
                .flat_map(|item| session.deliver(item, now))
                .collect(),
        ),
        Err(RecvError::Lagged(_)) => Some(overflow()),
        Err(RecvError::Closed) => None,
    }
}

/// Answers a command at one moment: first everything that happened before it, then the answer, so that no change is
/// missed or told twice. Nothing when the connection fell too far behind.
fn answer(
    app: &App,
    session: &mut Session,
    feed: &mut broadcast::Receiver<Arc<Batch>>,
    text: &str,
) -> Option<Vec<Value>> {
    let mut moment = app.moment();
    send_feed(&mut moment);
    let mut messages = Vec::new();
    loop {
        match feed.try_recv() {
            Ok(batch) => {
                messages.extend(
                    batch
                        .items
                        .iter()
                        .flat_map(|item| session.deliver(item, moment.now)),
                );
            }
            Err(broadcast::error::TryRecvError::Lagged(_)) => return None,
            Err(_) => break,
        }
    }
    let now = moment.now;
    messages.extend(session.command(text, moment.world.exchange(), now));
    Some(messages)
}

fn overflow() -> Vec<Value> {
    vec![json!({ "type": "error", "msg": { "code": OVERFLOW, "msg": "Subscription buffer overflow" } })]
}

/// The code after which the conversation is over.
const OVERFLOW: u64 = 25;

fn is_terminal(message: &Value) -> bool {
    message.pointer("/msg/code").and_then(Value::as_u64) == Some(OVERFLOW)
}
