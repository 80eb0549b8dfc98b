//! What an operator can ask of a running process.

use serde::{Deserialize, Serialize};

use crate::ClientOrderId;

/// An operator's command.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "command")]
pub enum Command {
    /// Cancel our orders, place nothing.
    Halt {
        /// Why, in the operator's words.
        reason: String,
    },
    /// Allow reductions only.
    Reduce {
        /// Why, in the operator's words.
        reason: String,
    },
    /// Release one cause, by its code.
    Resume {
        /// The cause to release.
        cause: String,
    },
    /// Halt, cancel our orders and close every position with reduce-only orders.
    Flatten {
        /// Why, in the operator's words.
        reason: String,
    },
    /// Cancel our open orders by id; what may be placed afterwards does not change.
    CancelAll {
        /// Why, in the operator's words.
        reason: String,
    },
    /// Cancel every order of the account, ours or not, and place nothing for a while.
    CancelAccount {
        /// Why, in the operator's words.
        reason: String,
    },
    /// Find out what became of an order with an unknown outcome. The run loop carries it out.
    ResolveUnknown {
        /// The order.
        client_order_id: ClientOrderId,
        /// Whether the stored body may be sent again; otherwise only what the exchange lists decides.
        #[serde(default)]
        resend: bool,
    },
    /// Hold our books against the exchange's now. The run loop carries it out.
    Reconcile,
}
