//! Faults of the leaderboard site.

use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use axum::http::{StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use super::super::App;
use super::{pass_time, spoil};
use crate::faults::{FaultKind, Site};

/// Lets the desk's faults happen to a page of the leaderboard site.
pub(in super::super) async fn page(State(app): State<App>, mut request: Request, next: Next) -> Response {
    let path = request.uri().path().to_owned();
    let site = Site {
        method: "PAGE",
        path: &path,
    };
    let now = app.clock.now();
    let (slow, error) = {
        let mut desk = app.desk();
        (
            desk.fires(FaultKind::PageSlow, site, now),
            desk.fires(FaultKind::PageError, site, now),
        )
    };
    if let Some(action) = slow {
        pass_time(&app, &action).await;
    }
    if error.is_some() {
        return (StatusCode::INTERNAL_SERVER_ERROR, "Internal Server Error\n").into_response();
    }
    let may_be_cut = app.desk().is_armed(FaultKind::PageTruncated, site, now);
    if may_be_cut {
        // A page that ends too early, not a compressed stream that does: the reader's parser is to see it.
        request.headers_mut().remove(header::ACCEPT_ENCODING);
    }
    let response = next.run(request).await;
    if !response.status().is_success() || !may_be_cut {
        return response;
    }
    let (mut parts, body) = response.into_parts();
    let Ok(bytes) = to_bytes(body, spoil::LARGEST_BODY).await else {
        return StatusCode::INTERNAL_SERVER_ERROR.into_response();
    };
    let mut desk = app.desk();
    let kept = match desk.fires(FaultKind::PageTruncated, site, now) {
        Some(action) => {
            let kept = action.choose(bytes.len()).unwrap_or(0);
            desk.explain(&action, format!("{kept} of {} bytes", bytes.len()));
            bytes.slice(..kept)
        }
        None => bytes,
    };
    parts.headers.remove(header::CONTENT_LENGTH);
    Response::from_parts(parts, Body::from(kept))
}
