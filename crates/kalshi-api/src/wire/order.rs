//! Order entry (V2) and order reads.

use autotrader_domain::ports::FeedError;
use autotrader_domain::{Contracts, Ticker, VenueOrderId};
use serde::{Deserialize, Serialize};

use super::Page;

/// The body of a create. Field order is the order on the wire.
#[derive(Debug, Serialize)]
pub(crate) struct CreateOrder<'a> {
    pub(crate) ticker: &'a str,
    pub(crate) client_order_id: &'a str,
    pub(crate) side: &'static str,
    pub(crate) count: Contracts,
    pub(crate) price: autotrader_domain::Price,
    pub(crate) time_in_force: &'static str,
    /// Unix seconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) expiration_time: Option<i64>,
    #[serde(skip_serializing_if = "is_off")]
    pub(crate) post_only: bool,
    pub(crate) reduce_only: bool,
    pub(crate) self_trade_prevention_type: &'static str,
    pub(crate) cancel_order_on_pause: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) subaccount: Option<u8>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) order_group_id: Option<&'a str>,
    pub(crate) exchange_index: i32,
}

/// Left out when off, so that stored bodies of plain orders stay as they are.
#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "the signature that serde asks for"
)]
const fn is_off(flag: &bool) -> bool {
    !*flag
}

#[derive(Debug, Deserialize)]
pub(crate) struct Created {
    pub(crate) order_id: VenueOrderId,
    #[serde(default)]
    pub(crate) client_order_id: Option<String>,
    pub(crate) fill_count: Contracts,
    pub(crate) remaining_count: Contracts,
}

#[derive(Debug, Deserialize)]
pub(crate) struct Canceled {
    pub(crate) order_id: VenueOrderId,
    pub(crate) reduced_by: Contracts,
}

#[derive(Debug, Deserialize)]
pub(crate) struct OrderAnswer {
    pub(crate) order: Order,
}

#[derive(Debug, Deserialize)]
pub(crate) struct Order {
    pub(crate) order_id: VenueOrderId,
    /// Empty for orders placed without one.
    pub(crate) client_order_id: String,
    pub(crate) ticker: Ticker,
    pub(crate) status: String,
    pub(crate) fill_count_fp: Contracts,
    pub(crate) remaining_count_fp: Contracts,
}

#[derive(Debug, Deserialize)]
pub(crate) struct OrdersPage {
    pub(crate) orders: Vec<Order>,
    pub(crate) cursor: String,
}

impl Page for OrdersPage {
    type Item = Order;

    fn split(self) -> Result<(Vec<Order>, String), FeedError> {
        Ok((self.orders, self.cursor))
    }

    fn key(item: &Order) -> String {
        item.order_id.to_string()
    }
}
