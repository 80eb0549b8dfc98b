//! The shapes in which the exchange says no.

use axum::Json;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde_json::json;

use crate::exchange::Refusal;

/// A refused request, in one of the shapes seen on the wire.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum ApiError {
    /// `{"error":{"code","message","details"?}}`: authentication, orders, lookups.
    Nested {
        status: u16,
        code: String,
        message: String,
        details: Option<String>,
    },
    /// `{"code","message","details"}`: bodies that are not the wanted JSON.
    BadRequest { details: String },
    /// `{"msg"}`: parameters that fail validation.
    Validation { msg: String },
    /// `{"error":"too many requests"}`.
    Throttled,
    /// What the router says in plain text.
    NoSuchPage,
}

impl ApiError {
    pub(crate) fn nested(status: u16, code: &str, details: Option<&str>) -> Self {
        Self::Nested {
            status,
            code: code.to_owned(),
            message: code.replace('_', " "),
            details: details.map(str::to_owned),
        }
    }

    pub(crate) fn not_found() -> Self {
        Self::nested(404, "not_found", None)
    }

    pub(crate) fn unavailable() -> Self {
        Self::nested(503, "service_unavailable", None)
    }

    pub(crate) fn parameter(details: &str) -> Self {
        Self::nested(400, "invalid_parameters", Some(details))
    }

    /// A parameter that fails a validation rule, worded as the exchange's own validator words it.
    pub(crate) fn rule(operation: &str, field: &str, rule: &str) -> Self {
        Self::Validation {
            msg: format!(
                "Parameter validation failed for {operation}: Key: '{operation}Params.{field}' Error:Field \
                 validation for '{field}' failed on the '{rule}' tag"
            ),
        }
    }
}

impl From<Refusal> for ApiError {
    fn from(refusal: Refusal) -> Self {
        Self::nested(refusal.status(), refusal.code(), refusal.details())
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        match self {
            Self::Nested {
                status,
                code,
                message,
                details,
            } => {
                let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
                let mut error = json!({ "code": code, "message": message });
                if let (Some(details), Some(fields)) = (details, error.as_object_mut()) {
                    fields.insert("details".to_owned(), details.into());
                }
                (status, Json(json!({ "error": error }))).into_response()
            }
            Self::BadRequest { details } => {
                let body = json!({ "code": "bad_request", "message": "bad request", "details": details });
                (StatusCode::BAD_REQUEST, Json(body)).into_response()
            }
            Self::Validation { msg } => {
                (StatusCode::BAD_REQUEST, Json(json!({ "msg": msg }))).into_response()
            }
            Self::Throttled => (
                StatusCode::TOO_MANY_REQUESTS,
                Json(json!({ "error": "too many requests" })),
            )
                .into_response(),
            Self::NoSuchPage => (StatusCode::NOT_FOUND, "404 page not found\n").into_response(),
        }
    }
}
