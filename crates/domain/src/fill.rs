//! Executions.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::{BookSide, ClientOrderId, Contracts, Liquidity, Money, Price, Ticker, VenueOrderId};

/// One execution of an order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fill {
    /// The exchange's id of the execution, unique.
    pub fill_id: String,
    /// The exchange's id of the order.
    pub venue_order_id: VenueOrderId,
    /// Our id of the order; `None` for an order that is not ours.
    pub client_order_id: Option<ClientOrderId>,
    /// The market.
    pub ticker: Ticker,
    /// Side of the YES book.
    pub side: BookSide,
    /// YES price.
    pub price: Price,
    /// How many contracts.
    pub contracts: Contracts,
    /// Net fee paid.
    pub fee: Money,
    /// Whether it took or made liquidity.
    pub liquidity: Liquidity,
    /// When it happened at the exchange.
    pub filled_at: DateTime<Utc>,
}
