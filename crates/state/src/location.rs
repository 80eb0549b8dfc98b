//! Where a database is.

use std::path::{Path, PathBuf};

use crate::OpenError;

/// The file of a database, from its address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Location(PathBuf);

impl Location {
    /// Reads `sqlite:///relative.db` or `sqlite:////absolute.db`.
    pub(crate) fn parse(url: &str) -> Result<Self, OpenError> {
        let Some((scheme, _)) = url.split_once("://") else {
            return Err(OpenError::Address("it names no kind of database".into()));
        };
        // Only the scheme is repeated: other databases' addresses carry passwords.
        if scheme != "sqlite" {
            return Err(OpenError::Address(format!(
                "`{}` databases are not supported",
                scheme.escape_debug()
            )));
        }
        let Some(path) = url.strip_prefix("sqlite:///") else {
            return Err(OpenError::Address(format!(
                "`{}` lacks the third slash",
                url.escape_debug()
            )));
        };
        Self::file(url, path)
    }

    /// The file as the address names it.
    pub(crate) fn path(&self) -> &Path {
        &self.0
    }

    fn file(url: &str, path: &str) -> Result<Self, OpenError> {
        let unsound = |why: &str| Err(OpenError::Address(format!("`{}` {why}", url.escape_debug())));
        if path.is_empty() || path.ends_with('/') {
            return unsound("names no file");
        }
        if path == ":memory:" {
            return unsound("would be gone with the process");
        }
        if path.contains(['?', '#', '\0']) {
            return unsound("has parameters");
        }
        Ok(Self(PathBuf::from(path)))
    }

    /// The file as one name whatever link leads to it, so that one database has one lock.
    pub(crate) fn resolve(&self) -> Result<PathBuf, OpenError> {
        if let Ok(path) = self.0.canonicalize() {
            return Ok(path);
        }
        let parent = match self.0.parent() {
            Some(parent) if !parent.as_os_str().is_empty() => parent,
            _ => Path::new("."),
        };
        let directory = parent.canonicalize().map_err(|error| OpenError::Unusable {
            path: self.0.clone(),
            detail: format!("its directory {}: {error}", parent.display()),
        })?;
        match self.0.file_name() {
            Some(name) => Ok(directory.join(name)),
            None => Err(OpenError::Address(format!("{} names no file", self.0.display()))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case("sqlite:///autotrader.db", "autotrader.db")]
    #[case("sqlite:////data/autotrader.db", "/data/autotrader.db")]
    #[case("sqlite:///a/b c.db", "a/b c.db")]
    fn three_slashes_are_relative_and_four_absolute(#[case] url: &str, #[case] path: &str) {
        assert_eq!(Location::parse(url).unwrap(), Location(PathBuf::from(path)));
    }

    #[rstest]
    #[case("autotrader.db", "it names no kind of database")]
    #[case("", "it names no kind of database")]
    #[case("sqlite://autotrader.db", "`sqlite://autotrader.db` lacks the third slash")]
    #[case("sqlite:///", "`sqlite:///` names no file")]
    #[case("sqlite:////data/", "`sqlite:////data/` names no file")]
    #[case("sqlite:///:memory:", "`sqlite:///:memory:` would be gone with the process")]
    #[case("sqlite:///a.db?mode=ro", "`sqlite:///a.db?mode=ro` has parameters")]
    fn other_addresses_get_one_sentence(#[case] url: &str, #[case] why: &str) {
        assert_eq!(
            Location::parse(url).unwrap_err().to_string(),
            format!("{why}; write sqlite:///relative.db or sqlite:////absolute.db")
        );
    }

    #[test]
    fn a_password_in_an_address_is_not_repeated() {
        let error = Location::parse("postgres://operator:hunter2@host/db").unwrap_err();
        assert_eq!(
            error.to_string(),
            "`postgres` databases are not supported; write sqlite:///relative.db or sqlite:////absolute.db"
        );
    }
}
