//! Faults of requests: around the exchange's API and the leaderboard site, never around the admin endpoint.
//!
//! Whether a fault happens is decided on arrival, in a fixed order, so that equal requests in equal order meet equal
//! faults; only those that need a body to spoil are decided when there is one.

mod conditions;
mod disputes;
mod pages;
mod spoil;

use std::sync::{MutexGuard, PoisonError};

use axum::body::Body;
use axum::extract::{ConnectInfo, Request, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use chrono::TimeDelta;

use super::errors::ApiError;
use super::listener::Connection;
use super::{App, until_stopped};
use crate::faults::{FaultAction, FaultDesk, FaultKind, Site};
pub(super) use conditions::{Episodes, skew};
pub(super) use disputes::Disputes;
pub(super) use pages::page;

/// Faults that keep a request from being processed, in the order in which they are asked for.
const BEFORE: [FaultKind; 4] = [
    FaultKind::TimeoutBefore,
    FaultKind::ResetBefore,
    FaultKind::TooManyRequests,
    FaultKind::ServerError,
];

/// Faults that keep the answer of a processed request from arriving.
const AFTER: [FaultKind; 3] = [
    FaultKind::TimeoutAfter,
    FaultKind::ResetAfter,
    FaultKind::LostAnswer,
];

/// The statuses of a failing server.
const FAILURES: [u16; 4] = [500, 502, 503, 504];

/// What was decided about a request on arrival.
struct Fate {
    latency: Option<FaultAction>,
    conditions: conditions::Conditions,
    /// Ids older than its amount are forgotten.
    forget: Option<FaultAction>,
    before: Option<FaultAction>,
    after: Option<FaultAction>,
    page: Option<spoil::ShortPage>,
}

impl App {
    pub(super) fn desk(&self) -> MutexGuard<'_, FaultDesk> {
        self.faults.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn fate(&self, site: Site<'_>, query: Option<&str>) -> Fate {
        let now = self.clock.now();
        let mut desk = self.desk();
        let latency = desk.fires(FaultKind::Latency, site, now);
        let before = BEFORE.iter().find_map(|kind| desk.fires(*kind, site, now));
        if let Some(action) = before.filter(|action| action.kind == FaultKind::ServerError) {
            desk.explain(&action, status_of(&action).to_string());
        }
        if before.is_some() {
            return Fate {
                latency,
                conditions: conditions::Conditions::default(),
                forget: None,
                before,
                after: None,
                page: None,
            };
        }
        let conditions = conditions::begin(self, &mut desk, site, now);
        let forget = creates_orders(site)
            .then(|| desk.fires(FaultKind::ForgottenIds, site, now))
            .flatten();
        let after = AFTER.iter().find_map(|kind| desk.fires(*kind, site, now));
        let page = match after {
            None => spoil::ShortPage::decide(&mut desk, site, query, now),
            Some(_) => None,
        };
        Fate {
            latency,
            conditions,
            forget,
            before,
            after,
            page,
        }
    }
}

/// Whether ids matter to a request.
fn creates_orders(site: Site<'_>) -> bool {
    site.method == "POST"
        && matches!(
            site.path,
            "/portfolio/events/orders" | "/portfolio/events/orders/batched"
        )
}

/// Lets the exchange forget; the desk is free, because whoever has the world may ask it.
fn forget_ids(app: &App, action: &FaultAction) {
    let mut moment = app.moment();
    let now = moment.now;
    moment
        .world
        .exchange()
        .forget_client_ids_older_than(TimeDelta::milliseconds(action.amount_ms), now);
}

/// The path below the API's root, as it is written in scopes.
fn api_path(path: &str) -> &str {
    path.strip_prefix("/trade-api/v2")
        .or_else(|| path.strip_prefix("/trade-api"))
        .unwrap_or(path)
}

/// Lets the desk's faults happen to a request of the exchange's API.
///
/// Dropped when the client gives up: a request that waits before it is processed is then never processed.
pub(super) async fn api(State(app): State<App>, mut request: Request, next: Next) -> Response {
    let connection = request
        .extensions()
        .get::<ConnectInfo<Connection>>()
        .map(|info| info.0.clone());
    let method = request.method().clone();
    let path = api_path(request.uri().path()).to_owned();
    let site = Site {
        method: method.as_str(),
        path: &path,
    };
    let fate = app.fate(site, request.uri().query());
    if let Some(action) = &fate.latency {
        pass_time(&app, action).await;
    }
    if let Some(action) = &fate.before {
        return without_answer(&app, action, connection.as_ref()).await;
    }
    if let Some(action) = &fate.forget {
        forget_ids(&app, action);
    }
    if let Some(page) = &fate.page {
        page.ask_for_less(request.uri_mut());
    }
    let response = conditions::within(fate.conditions, next.run(request)).await;
    let mut response = match &fate.after {
        Some(action) => without_answer(&app, action, connection.as_ref()).await,
        None => spoil::spoil(&app, site, response, fate.page).await,
    };
    fate.conditions.show(app.clock.now(), &mut response);
    response
}

/// Waits for the fault's amount, or until the server stops.
async fn pass_time(app: &App, action: &FaultAction) {
    let mut stopped = app.stopped.clone();
    tokio::select! {
        biased;
        () = until_stopped(&mut stopped) => {}
        () = tokio::time::sleep(action.duration()) => {}
    }
}

/// What the client gets instead of an answer; a reset connection delivers none of it.
async fn without_answer(app: &App, action: &FaultAction, connection: Option<&Connection>) -> Response {
    let reset = || {
        if let Some(connection) = connection {
            connection.reset();
        }
        StatusCode::INTERNAL_SERVER_ERROR.into_response()
    };
    match action.kind {
        FaultKind::TimeoutBefore | FaultKind::TimeoutAfter => {
            pass_time(app, action).await;
            reset()
        }
        FaultKind::ResetBefore | FaultKind::ResetAfter => reset(),
        FaultKind::TooManyRequests => ApiError::Throttled.into_response(),
        FaultKind::ServerError => failure(status_of(action)),
        _ => ApiError::unavailable().into_response(),
    }
}

/// Which failure it is.
fn status_of(action: &FaultAction) -> u16 {
    action
        .choose(FAILURES.len())
        .and_then(|index| FAILURES.get(index))
        .copied()
        .unwrap_or(500)
}

/// The exchange answers in its own shape; what stands before it answers in a web page.
fn failure(status: u16) -> Response {
    match status {
        503 => ApiError::unavailable().into_response(),
        500 => ApiError::nested(500, "internal_server_error", None).into_response(),
        _ => {
            let code = StatusCode::from_u16(status).unwrap_or(StatusCode::BAD_GATEWAY);
            let reason = code.canonical_reason().unwrap_or_default();
            let page = format!(
                "<html>\r\n<head><title>{status} {reason}</title></head>\r\n<body></body>\r\n</html>\r\n"
            );
            let mut response = Response::new(Body::from(page));
            *response.status_mut() = code;
            response
                .headers_mut()
                .insert(header::CONTENT_TYPE, HeaderValue::from_static("text/html"));
            response
        }
    }
}
