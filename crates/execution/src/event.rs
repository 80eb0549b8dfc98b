//! What execution reports back to the core.

use autotrader_domain::{ClientOrderId, Fill, OrderUpdate, SettlementRecord};
use serde::{Deserialize, Serialize};

/// One thing that happened while performing effects or reading the account.
///
/// Fills and settlements are durable before they are reported, and each is reported once per database.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "execution")]
pub enum ExecutionEvent {
    /// An order took a step in its life.
    Order(OrderUpdate),
    /// An approved order was not sent and is stored nowhere: its id may be minted again.
    Unsent {
        /// The order.
        client_order_id: ClientOrderId,
        /// Why, in words.
        detail: String,
    },
    /// An execution; without our id it is of an order that is not ours.
    Fill(Fill),
    /// A settled market.
    Settlement(SettlementRecord),
    /// Our books and the venue's differ, or the venue contradicts itself.
    Mismatch {
        /// The difference, in words.
        detail: String,
    },
    /// The account has orders with our prefix that are not in our database.
    ForeignOrders {
        /// Which, in words.
        detail: String,
    },
    /// Something that must be durable is not; what depended on it was not done.
    StoreFailed {
        /// What failed, in words.
        detail: String,
    },
    /// The venue refuses our key, or what it asks for.
    AccessRefused {
        /// What was refused, in words.
        detail: String,
    },
    /// The venue's answer is not what its specification promises.
    SchemaBroken {
        /// Where and how, in words.
        detail: String,
    },
}
