//! The admin endpoint: faults on demand, the life of markets, and the truth to compare with.
//!
//! Not part of the exchange. Served only when [`ServerOptions::admin`](super::ServerOptions::admin) is given, to this
//! machine only, to whoever holds the token of this start. A bad request is answered by one sentence in `error`.

mod bodies;
mod guard;
mod look;
mod operate;

use axum::Json;
use axum::Router;
use axum::http::StatusCode;
use axum::middleware;
use axum::response::{IntoResponse, Response};
use axum::routing::{delete, get, post};
use serde_json::{Value, json};

use super::App;
pub use guard::AdminToken;

/// A refused admin request.
#[derive(Debug)]
struct AdminError {
    status: StatusCode,
    sentence: String,
}

impl AdminError {
    fn bad(sentence: impl Into<String>) -> Self {
        Self {
            status: StatusCode::BAD_REQUEST,
            sentence: sentence.into(),
        }
    }

    fn refused(status: StatusCode, sentence: &str) -> Self {
        Self {
            status,
            sentence: sentence.to_owned(),
        }
    }

    /// What the exchange could not do in its present state.
    fn conflict(error: &impl std::fmt::Display) -> Self {
        Self::refused(StatusCode::CONFLICT, &format!("{error}."))
    }
}

impl IntoResponse for AdminError {
    fn into_response(self) -> Response {
        (self.status, Json(json!({ "error": self.sentence }))).into_response()
    }
}

type Answer = Result<Json<Value>, AdminError>;

/// The endpoint's routes, behind its guard.
pub(super) fn router(token: AdminToken) -> Router<App> {
    Router::new()
        .route("/admin/state", get(look::state))
        .route("/admin/book/{ticker}", get(look::book))
        .route("/admin/orders", get(look::orders))
        .route("/admin/fills", get(look::fills))
        .route("/admin/accounts", get(look::accounts))
        .route("/admin/faults", post(operate::order_fault))
        .route("/admin/faults", delete(operate::clear_faults))
        .route("/admin/pause", post(operate::pause))
        .route("/admin/resume", post(operate::resume))
        .route("/admin/determine", post(operate::determine))
        .route("/admin/dispute", post(operate::dispute))
        .route("/admin/amend_result", post(operate::amend_result))
        .route("/admin/close", post(operate::close))
        .route("/admin/trade", post(operate::trade))
        .route("/admin/reword", post(operate::reword))
        .route("/admin/rename_model", post(operate::rename_model))
        .route("/admin/reset_connections", post(operate::reset_connections))
        .route("/admin/{*rest}", axum::routing::any(unknown))
        .layer(middleware::from_fn_with_state(token, guard::guard))
}

async fn unknown() -> AdminError {
    AdminError::refused(
        StatusCode::NOT_FOUND,
        "No such admin path; they are state, book/TICKER, orders, fills, accounts, faults, pause, resume, determine, dispute, \
         amend_result, close, trade, reword, rename_model and reset_connections.",
    )
}
