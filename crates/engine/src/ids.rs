//! Order ids: minted from where the order stands, not from what it says.

use std::fmt::Write as _;

use autotrader_domain::{ClientOrderId, Environment, ExecutionMode, Generation, NameError, Ticker};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// What makes ids of one database on one account differ from all others.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccountScope {
    /// Which exchange environment.
    pub environment: Environment,
    /// Paper or live.
    pub mode: ExecutionMode,
    /// The account, by its key id; empty without one.
    pub account: String,
    /// The database's own id.
    pub database_id: String,
}

/// The prefix of every order id of this program.
pub const PREFIX: &str = "kat1";

/// The id of the `generation`-th order on a contract: a pure function of where the order stands.
///
/// A crash before the intent is committed gives the same id again; afterwards the generation has advanced.
///
/// # Errors
/// [`NameError`] never in practice: the id is hexadecimal digits behind a fixed prefix.
pub fn mint_id(
    scope: &AccountScope,
    ticker: &Ticker,
    generation: Generation,
) -> Result<ClientOrderId, NameError> {
    let mut hash = Sha256::new();
    for part in [
        PREFIX,
        &scope.environment.to_string(),
        &scope.mode.to_string(),
        &scope.account,
        &scope.database_id,
        ticker.as_str(),
    ] {
        // Length first, so that no two lists of parts read the same.
        hash.update((part.len() as u64).to_le_bytes());
        hash.update(part.as_bytes());
    }
    hash.update(generation.0.to_le_bytes());
    let mut id = format!("{PREFIX}-");
    for byte in hash.finalize().iter().take(14) {
        // Writing to a String cannot fail.
        let _ = write!(id, "{byte:02x}");
    }
    id.parse()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scope(database_id: &str) -> AccountScope {
        AccountScope {
            environment: Environment::Demo,
            mode: ExecutionMode::Live,
            account: "key".into(),
            database_id: database_id.into(),
        }
    }

    #[test]
    fn ids_depend_on_the_place_of_the_order_alone() {
        let ticker: Ticker = "KXTOPMODEL-26SEP28-A".parse().unwrap();
        let id = |db: &str, generation| mint_id(&scope(db), &ticker, Generation(generation)).unwrap();
        assert_eq!(id("a", 1), id("a", 1));
        assert_ne!(id("a", 1), id("a", 2));
        assert_ne!(id("a", 1), id("b", 1));
        assert_eq!(id("a", 1).as_str().len(), PREFIX.len() + 1 + 28);
    }
}
