//! What the core wants done.

use autotrader_domain::{Alert, ClientOrderId, Order, Record};
use autotrader_risk::Approved;
use serde::Serialize;
use serde::ser::SerializeMap;

/// One thing to be done, in the order given.
#[derive(Debug, PartialEq)]
pub enum Effect {
    /// Write something down.
    Record(Record),
    /// Tell the operator.
    Alert(Alert),
    /// Send an order.
    Place {
        /// The order, passed by risk.
        order: Approved<Order>,
        /// The shard of its market.
        exchange_index: i32,
    },
    /// Take an order off the book.
    Cancel(ClientOrderId),
}

impl Serialize for Effect {
    /// Writes an effect for the journal. There is no way back: an approval cannot be read from a file.
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(1))?;
        match self {
            // A reading is in the journal as the event that caused its record.
            Self::Record(Record::Reading(_)) => map.serialize_entry("record", "reading")?,
            Self::Record(record) => map.serialize_entry("record", record)?,
            Self::Alert(alert) => map.serialize_entry("alert", alert)?,
            Self::Place {
                order,
                exchange_index,
            } => map.serialize_entry("place", &(order.get(), exchange_index))?,
            Self::Cancel(id) => map.serialize_entry("cancel", id)?,
        }
        map.end()
    }
}
