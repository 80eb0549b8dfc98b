//! Batches of orders and cancels.

use autotrader_domain::{Contracts, VenueOrderId};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::order::CreateOrder;

/// The body of a batch of creates.
#[derive(Debug, Serialize)]
pub(crate) struct CreateBatch<'a> {
    pub(crate) orders: Vec<CreateOrder<'a>>,
}

/// The body of a batch of cancels.
#[derive(Debug, Serialize)]
pub(crate) struct CancelBatch<'a> {
    pub(crate) orders: Vec<CancelItem<'a>>,
}

#[derive(Debug, Serialize)]
pub(crate) struct CancelItem<'a> {
    pub(crate) order_id: &'a str,
    /// Lets the exchange find the shard.
    pub(crate) market_ticker: &'a str,
}

/// Items are read one by one, so that a broken one does not hide the others.
#[derive(Debug, Deserialize)]
pub(crate) struct Items {
    pub(crate) orders: Vec<Box<RawValue>>,
}

#[derive(Debug, Deserialize)]
pub(crate) struct CreatedName {
    #[serde(default)]
    pub(crate) client_order_id: Option<String>,
}

/// What tells a failed item from a created order.
#[derive(Debug, Deserialize)]
pub(crate) struct Failure {
    #[serde(default)]
    pub(crate) order_id: Option<String>,
    #[serde(default)]
    pub(crate) error: Option<Box<RawValue>>,
}

#[derive(Debug, Deserialize)]
pub(crate) struct CanceledName {
    pub(crate) order_id: VenueOrderId,
}

#[derive(Debug, Deserialize)]
pub(crate) struct CanceledItem {
    /// Zero when the cancel failed.
    pub(crate) reduced_by: Contracts,
    #[serde(default)]
    pub(crate) error: Option<Box<RawValue>>,
}
