//! What an operator can ask of a running process.

use serde::{Deserialize, Serialize};

use crate::{ApprovalDecision, ClientOrderId};

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
    /// Take up a decision about a name or a text.
    Approve {
        /// Who decided.
        by: String,
        /// What was decided.
        approval: ApprovalDecision,
    },
}

/// How far a command has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CommandStage {
    /// Stored; nobody has taken it up yet.
    Requested,
    /// Taken up: what it restricts is in force and durable.
    Acknowledged,
    /// Reading back from the exchange showed that it is done.
    Confirmed,
    /// It cannot be done or confirmed now; the finding says why.
    Impossible,
}

impl CommandStage {
    /// The stable word.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Requested => "requested",
            Self::Acknowledged => "acknowledged",
            Self::Confirmed => "confirmed",
            Self::Impossible => "impossible",
        }
    }
}

/// What became of a command after it was acknowledged.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CommandFinding {
    /// Whether it is done; otherwise it is impossible.
    pub confirmed: bool,
    /// What was read back, or what is in the way, in one sentence.
    pub finding: String,
    /// What a command that asks for a report brought, as JSON text.
    pub report: Option<String>,
}
