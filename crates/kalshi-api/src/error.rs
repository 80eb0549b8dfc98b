//! What can go wrong, by what the caller does next.

/// Why a client cannot be built: a person must change the configuration.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SetupError {
    /// The base URL cannot be used.
    #[error("the base URL of the exchange cannot be used: {detail}")]
    BaseUrl {
        /// What is wrong with it.
        detail: String,
    },
    /// No TLS provider is installed in this process.
    #[error("no TLS provider is installed; call `install_tls_provider` before building clients")]
    NoTlsProvider,
    /// A ready signature may get too old.
    #[error("a ready signature may be at most {} s old; lower its age or leave the option out", longest.as_secs())]
    ReadySignature {
        /// The largest age.
        longest: std::time::Duration,
    },
    /// A signature could not be made ahead.
    #[error("{0}")]
    NoSignature(String),
    /// The HTTP client could not be built.
    #[error("the HTTP client could not be built: {0}")]
    Http(String),
}

/// Why a request brought no answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum SendError {
    /// This client refuses to send it; trying again changes nothing.
    #[error("{0}")]
    Refused(String),
    /// Certainly nothing reached the exchange.
    #[error("{0}")]
    NotSent(String),
    /// The exchange may have received it.
    #[error("{0}")]
    Lost(String),
}

/// At most 300 characters of text from outside, without control characters.
pub(crate) fn shorten(text: &str) -> String {
    text.chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .take(300)
        .collect()
}
