//! What the operator is told.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

/// How loud an alert is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// For information.
    Info,
    /// Something wants a look.
    Warning,
    /// Something wants a person now.
    Critical,
}

/// One message to the operator.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Alert {
    /// How loud it is.
    pub severity: Severity,
    /// A stable name: equal names within a short time are one alert.
    pub name: String,
    /// One sentence.
    pub text: String,
    /// When it arose.
    pub at: DateTime<Utc>,
}
