//! Whose database it is, and why one cannot be opened.

use std::fmt;
use std::path::PathBuf;

use autotrader_domain::{Environment, ExecutionMode};
use serde::Serialize;

/// Whose database it is: paper ones belong to their mode, live ones also to an environment and an account.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case", tag = "mode")]
pub enum Stamp {
    /// Simulated orders, on whatever books.
    Paper,
    /// Orders on one account of one environment.
    Live {
        /// Which exchange environment.
        environment: Environment,
        /// The account, by its key id; empty without one.
        account: String,
    },
}

impl Stamp {
    /// The stamp of a process.
    #[must_use]
    pub fn new(mode: ExecutionMode, environment: Environment, account: &str) -> Self {
        match mode {
            ExecutionMode::Paper => Self::Paper,
            ExecutionMode::Live => Self::Live {
                environment,
                account: account.to_owned(),
            },
        }
    }
}

impl fmt::Display for Stamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Paper => f.write_str("paper trading"),
            Self::Live { environment, account } => {
                write!(
                    f,
                    "live trading on {environment} account `{}`",
                    account.escape_debug()
                )
            }
        }
    }
}

/// Where the id of a new database comes from. It enters every order id of the database.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NewDatabaseId {
    /// Random bytes of the operating system, as SQLite draws them.
    Random,
    /// A given id: for runs that must repeat to the byte.
    Given(String),
}

/// Why a database cannot be opened. All need a person.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum OpenError {
    /// The address is not one of a database this program can use.
    #[error("{0}; write sqlite:///relative.db or sqlite:////absolute.db")]
    Address(String),
    /// Another process runs on the database.
    #[error("{} is in use by {holder}: stop that one first", .path.display())]
    InUse {
        /// The database.
        path: PathBuf,
        /// Who holds it.
        holder: String,
    },
    /// The database belongs to another mode, environment or account.
    #[error("{} belongs to {found}, not to {wanted}: use another database{}", .path.display(), adoption(.found, .wanted))]
    Foreign {
        /// The database.
        path: PathBuf,
        /// Whose it is.
        found: Stamp,
        /// Who asked.
        wanted: Stamp,
    },
    /// A newer version of the program has changed the database.
    #[error("{} was written by a newer version (schema {version}): use that version", .path.display())]
    Newer {
        /// The database.
        path: PathBuf,
        /// The first schema version that this program does not know.
        version: String,
    },
    /// The database lacks changes that this version needs.
    #[error("{} was written by an older version: run `init-db` to bring it up to date", .path.display())]
    Older {
        /// The database.
        path: PathBuf,
    },
    /// There is no database.
    #[error("{} does not exist: run `init-db` or `run` first", .path.display())]
    Missing {
        /// The database.
        path: PathBuf,
    },
    /// The file is something else.
    #[error("{} is not a database of this program: {detail}; use another file", .path.display())]
    NotOurs {
        /// The file.
        path: PathBuf,
        /// What was found.
        detail: String,
    },
    /// Pages of the database are not what they must be.
    #[error("{} is damaged: {detail}; restore a backup", .path.display())]
    Damaged {
        /// The database.
        path: PathBuf,
        /// What was found first.
        detail: String,
    },
    /// The file system or the database engine refuses.
    #[error("{} cannot be used: {detail}", .path.display())]
    Unusable {
        /// The file.
        path: PathBuf,
        /// What it said.
        detail: String,
    },
}

/// The way out where only the key differs.
fn adoption(found: &Stamp, wanted: &Stamp) -> &'static str {
    match (found, wanted) {
        (Stamp::Live { environment: a, .. }, Stamp::Live { environment: b, .. }) if a == b => {
            ", or `init-db --adopt-key` with the old key's id if both keys are of one account"
        }
        _ => "",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paper_belongs_to_its_mode_alone() {
        let paper = |environment| Stamp::new(ExecutionMode::Paper, environment, "key");
        assert_eq!(paper(Environment::Demo), paper(Environment::Production));
        let live = |environment, account| Stamp::new(ExecutionMode::Live, environment, account);
        assert_ne!(live(Environment::Demo, "a"), live(Environment::Production, "a"));
        assert_ne!(live(Environment::Demo, "a"), live(Environment::Demo, "b"));
        assert_ne!(live(Environment::Demo, "a"), paper(Environment::Demo));
    }
}
