//! The record of a run: every request and answer of the REST interface and every entry of the exchange's log, one JSON
//! object a line.
//!
//! Each line has `seq` (counting from 1), `at` and `kind`. The server's kinds are `request`, `answer` (the exchange's own,
//! which names its request's `seq`) and `fault` (what kept an answer from its reader or spoilt it); the rest are named as
//! in the exchange's log. Signatures and key ids are never written: a request names the account
//! whose key it claims. Under one seed, a manual clock and one caller at a time two runs write the same bytes.

use std::io::Write;
use std::sync::{Mutex, MutexGuard, PoisonError};

use axum::body::{Body, Bytes, to_bytes};
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use chrono::{DateTime, Utc};
use serde_json::{Map, Value, json};

use super::errors::ApiError;
use super::{App, wire};
use crate::exchange::ExchangeLog;
use crate::faults::FaultDesk;

/// The largest body that is read into the record; the exchange's own bodies are far smaller.
const LARGEST_BODY: usize = 16 * 1024 * 1024;

/// Where the record is written.
pub type LogSink = Box<dyn Write + Send>;

struct Lines {
    sink: LogSink,
    seq: u64,
    /// How many entries of the exchange's log are written.
    copied: usize,
    /// The serial number of the last fault that is written.
    faults: u64,
    failed: bool,
}

/// The record of a run.
pub(crate) struct Journal {
    lines: Mutex<Lines>,
}

impl std::fmt::Debug for Journal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Journal").finish_non_exhaustive()
    }
}

impl Lines {
    fn write(&mut self, mut fields: Map<String, Value>) -> u64 {
        self.seq += 1;
        fields.insert("seq".to_owned(), self.seq.into());
        let mut line = Value::Object(fields).to_string();
        line.push('\n');
        let written = self
            .sink
            .write_all(line.as_bytes())
            .and_then(|()| self.sink.flush());
        self.failed |= written.is_err();
        self.seq
    }
}

impl Journal {
    pub(crate) const fn new(sink: LogSink) -> Self {
        Self {
            lines: Mutex::new(Lines {
                sink,
                seq: 0,
                copied: 0,
                faults: 0,
                failed: false,
            }),
        }
    }

    fn lines(&self) -> MutexGuard<'_, Lines> {
        self.lines.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Writes one line and gives its `seq`.
    pub(crate) fn note(&self, at: DateTime<Utc>, kind: &str, mut fields: Map<String, Value>) -> u64 {
        fields.insert("at".to_owned(), wire::time(at).into());
        fields.insert("kind".to_owned(), kind.into());
        self.lines().write(fields)
    }

    /// Writes what is new in the exchange's log.
    pub(crate) fn copy(&self, log: &ExchangeLog) {
        let mut lines = self.lines();
        for entry in log.entries().iter().skip(lines.copied) {
            match serde_json::to_value(entry) {
                Ok(Value::Object(fields)) => {
                    lines.write(fields);
                }
                _ => lines.failed = true,
            }
        }
        lines.copied = log.entries().len();
    }

    /// Writes the faults that are new on the desk.
    pub(crate) fn copy_faults(&self, desk: &FaultDesk) {
        let mut lines = self.lines();
        let known = lines.faults;
        for note in desk.notes_after(known) {
            let said = json!({
                "at": wire::time(note.at),
                "kind": "fault",
                "fault": note.kind,
                "site": note.site,
                "detail": note.detail,
            });
            lines.write(fields(said));
            lines.faults = note.serial;
        }
    }

    /// Whether a line was lost.
    pub(crate) fn has_failed(&self) -> bool {
        self.lines().failed
    }
}

/// A body as the record shows it: JSON where it is JSON, else text.
fn shown(bytes: &Bytes) -> Value {
    if bytes.is_empty() {
        return Value::Null;
    }
    serde_json::from_slice(bytes).unwrap_or_else(|_| String::from_utf8_lossy(bytes).into_owned().into())
}

fn fields(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(fields) => fields,
        _ => Map::new(),
    }
}

/// The middleware: writes the request before anything happens and the answer after it. A run whose record has lost a line
/// answers 500 from then on, so that nothing happens unrecorded.
pub(super) async fn record(State(app): State<App>, request: Request, next: Next) -> Response {
    let Some(journal) = app.journal.clone() else {
        return next.run(request).await;
    };
    let (parts, body) = request.into_parts();
    let Ok(bytes) = to_bytes(body, LARGEST_BODY).await else {
        return StatusCode::PAYLOAD_TOO_LARGE.into_response();
    };
    let asked = json!({
        "method": parts.method.as_str(),
        "path": parts.uri.path(),
        "query": parts.uri.query(),
        "account": app.keys.claimed(&parts.headers),
        "body": shown(&bytes),
    });
    let seq = journal.note(app.clock.now(), "request", fields(asked));
    if journal.has_failed() {
        return ApiError::nested(500, "internal_server_error", Some("the log cannot be written"))
            .into_response();
    }
    let answer = next.run(Request::from_parts(parts, Body::from(bytes))).await;
    let (parts, body) = answer.into_parts();
    let Ok(bytes) = to_bytes(body, LARGEST_BODY).await else {
        return ApiError::nested(500, "internal_server_error", None).into_response();
    };
    let said = json!({ "request": seq, "status": parts.status.as_u16(), "body": shown(&bytes) });
    journal.note(app.clock.now(), "answer", fields(said));
    Response::from_parts(parts, Body::from(bytes))
}
