//! What goes wrong inside a transaction, before it becomes the port's error.

use autotrader_domain::ports::StoreError;
use diesel::result::{DatabaseErrorKind, Error as SqlError};

/// A failed piece of work on a connection.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Fault {
    /// The database refused or failed.
    #[error(transparent)]
    Sql(#[from] SqlError),
    /// What was asked contradicts what is stored.
    #[error("{0}")]
    Conflict(String),
    /// A stored value is not what this version writes.
    #[error("{place} holds {detail}: restore a backup")]
    Unreadable { place: String, detail: String },
}

impl Fault {
    #[expect(
        clippy::needless_pass_by_value,
        reason = "callers hand over an error or a fresh text"
    )]
    pub(crate) fn unreadable(place: impl Into<String>, detail: impl ToString) -> Self {
        Self::Unreadable {
            place: place.into(),
            detail: detail.to_string(),
        }
    }
}

impl From<Fault> for StoreError {
    fn from(fault: Fault) -> Self {
        match fault {
            Fault::Conflict(sentence) => Self::Conflict(sentence),
            Fault::Sql(SqlError::DatabaseError(
                DatabaseErrorKind::UniqueViolation
                | DatabaseErrorKind::ForeignKeyViolation
                | DatabaseErrorKind::CheckViolation
                | DatabaseErrorKind::NotNullViolation,
                information,
            )) => Self::Conflict(information.message().to_owned()),
            other => Self::NotDurable(other.to_string()),
        }
    }
}
