//! Everything that can happen to the core, as one closed enum.

use autotrader_domain::{
    Book, ClientOrderId, Command, ExchangeStatus, Fill, Market, OrderUpdate, Reading, SeriesTicker,
    SettlementRecord, Ticker,
};
use serde::{Deserialize, Serialize};

/// One event. Adding a source of events means adding a variant, and the compiler lists every place to look.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "event", content = "data")]
pub enum Event {
    /// One poll of the leaderboard.
    Reading(Reading),
    /// Every market of a series that is not settled.
    Markets {
        /// The series.
        series: SeriesTicker,
        /// Its markets.
        markets: Vec<Market>,
    },
    /// News of one market.
    Market(Market),
    /// A book was received.
    Book(Book),
    /// A book could not be read as the specification promises: its market is not traded.
    BookBroken {
        /// The market.
        ticker: Ticker,
        /// The place and what was wrong.
        detail: String,
    },
    /// Whether the exchange takes orders.
    Exchange(ExchangeStatus),
    /// A step in an order's life.
    Order(OrderUpdate),
    /// An approved order was not sent and is stored nowhere: it is as if it had never been.
    Unsent {
        /// The order.
        client_order_id: ClientOrderId,
        /// Why, in words.
        detail: String,
    },
    /// An execution.
    Fill(Fill),
    /// A market paid out.
    Settlement(SettlementRecord),
    /// Our books and the venue's differ.
    Mismatch {
        /// The differences, in words.
        detail: String,
    },
    /// The account has orders with our prefix that our database does not know.
    ForeignOrders {
        /// Which.
        detail: String,
    },
    /// An answer of the exchange is not what the specification promises.
    SchemaBroken {
        /// The place and what was wrong.
        detail: String,
    },
    /// The exchange refuses our key, or what it asks for.
    AccessRefused {
        /// What was refused, in words.
        detail: String,
    },
    /// Something could not be made durable.
    StoreFailed {
        /// What, in words.
        detail: String,
    },
    /// The `HALT` file was seen, or could not be ruled out.
    HaltFile {
        /// What was seen.
        detail: String,
    },
    /// Time passed: evaluate what is dirty.
    Timer,
    /// An operator's command.
    Command(Command),
}
