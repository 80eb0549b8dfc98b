//! Batches of orders: each answered for itself inside one answer, charged as if sent one by one.

use axum::Json;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{Method, StatusCode};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

use super::App;
use super::admission::{Caller, spend_batch};
use super::body::Body;
use super::errors::ApiError;
use super::order_entry::{cancel_one, created, entry, order_of};
use crate::exchange::NewOrder;

/// Separates what the exchange refuses, which is the answer to one order, from what cannot be read, which refuses the batch.
fn each<T>(read: Result<T, ApiError>) -> Result<Result<T, ApiError>, ApiError> {
    match read {
        Err(error @ ApiError::Nested { .. }) => Ok(Err(error)),
        Err(error) => Err(error),
        Ok(order) => Ok(Ok(order)),
    }
}

/// An error as an item of a batch carries it: flat, as specified.
fn flat(error: &ApiError) -> Value {
    match error {
        ApiError::Nested {
            code,
            message,
            details,
            ..
        } => {
            let mut value = json!({ "code": code, "message": message });
            if let (Some(details), Some(fields)) = (details, value.as_object_mut()) {
                fields.insert("details".to_owned(), details.as_str().into());
            }
            value
        }
        // What cannot be read refuses the whole batch before this.
        _ => json!({ "code": "bad_request", "message": "bad request" }),
    }
}

pub(super) async fn create(
    State(app): State<App>,
    Caller(account): Caller,
    bytes: Bytes,
) -> Result<Response, ApiError> {
    let body = Body::parse("BatchCreateOrdersV2Request", &bytes)?;
    let items = body.list("orders", "CreateOrderV2Request")?;
    if items.is_empty() {
        return Err(body.missing("orders"));
    }
    spend_batch(&app, account, &Method::POST, items.len())?;
    let mut orders: Vec<(Option<String>, Result<NewOrder, ApiError>)> = Vec::new();
    for item in &items {
        let client_order_id = item.text("client_order_id")?.map(str::to_owned);
        orders.push((client_order_id, each(order_of(item))?));
    }
    let mut moment = entry(&app)?;
    let now = moment.now;
    let mut answers = Vec::new();
    for (client_order_id, order) in orders {
        let ack = order.and_then(|order| {
            let exchange = moment.world.exchange();
            exchange.submit(account, order, now).map_err(ApiError::from)
        });
        answers.push(match ack {
            Ok(ack) => created(&ack),
            Err(error) => json!({ "client_order_id": client_order_id, "error": flat(&error) }),
        });
    }
    if moment.faults.order_entry_answers_lost {
        return Err(ApiError::unavailable());
    }
    Ok((StatusCode::CREATED, Json(json!({ "orders": answers }))).into_response())
}

pub(super) async fn cancel(
    State(app): State<App>,
    Caller(account): Caller,
    bytes: Bytes,
) -> Result<Json<Value>, ApiError> {
    let body = Body::parse("BatchCancelOrdersV2Request", &bytes)?;
    let items = body.list("orders", "BatchCancelOrdersV2Item")?;
    if items.is_empty() {
        return Err(body.missing("orders"));
    }
    spend_batch(&app, account, &Method::DELETE, items.len())?;
    let mut wanted = Vec::new();
    for item in &items {
        item.only_main()?;
        wanted.push((item.required("order_id")?, item.text("market_ticker")?));
    }
    let mut moment = entry(&app)?;
    let mut answers = Vec::new();
    for (order_id, market) in wanted {
        let ack = cancel_one(
            &mut moment,
            account,
            order_id,
            market.filter(|text| !text.is_empty()),
        );
        answers.push(match ack {
            Ok(ack) => json!({
                "order_id": ack.order_id,
                "client_order_id": ack.client_order_id,
                "reduced_by": ack.reduced_by,
                "ts_ms": ack.at.timestamp_millis(),
            }),
            Err(error) => json!({ "order_id": order_id, "reduced_by": "0.00", "error": flat(&error) }),
        });
    }
    if moment.faults.order_entry_answers_lost {
        return Err(ApiError::unavailable());
    }
    Ok(Json(json!({ "orders": answers })))
}
