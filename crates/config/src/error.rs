//! What can be wrong with a configuration: always one line that names the place.

/// Why a configuration cannot be used. Every variant is for a person to mend.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ConfigError {
    /// A file cannot be read.
    #[error("{path}: {detail}")]
    File {
        /// The file.
        path: String,
        /// What is wrong with it, and the remedy.
        detail: String,
    },
    /// A key is unknown, has the wrong type or does not parse.
    #[error("{place}: {key}: {detail}")]
    Key {
        /// The file or environment variable.
        place: String,
        /// The key, dotted.
        key: String,
        /// What is wrong with it.
        detail: String,
    },
}
