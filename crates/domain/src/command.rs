//! What an operator can ask of a running process.

use serde::{Deserialize, Serialize};

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
}
