//! How a command ends when it does not end well.

use std::process::ExitCode;

/// The exit codes of the command line.
pub mod exit {
    /// Done.
    pub const OK: u8 = 0;
    /// Failed.
    pub const FAILED: u8 = 1;
    /// Used wrongly, or input that cannot be read.
    pub const USAGE: u8 = 2;
    /// The gate refused the board.
    pub const REFUSED: u8 = 3;
    /// The board may be displayed, not traded on.
    pub const DISPLAY_ONLY: u8 = 4;
}

/// A sentence for the operator and an exit code.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Failure {
    /// The exit code.
    pub code: u8,
    /// One sentence with the place and the remedy.
    pub message: String,
}

impl Failure {
    /// Something did not work.
    #[must_use]
    pub fn failed(message: impl Into<String>) -> Self {
        Self {
            code: exit::FAILED,
            message: message.into(),
        }
    }

    /// The command was used wrongly, or its input cannot be read.
    #[must_use]
    pub fn usage(message: impl Into<String>) -> Self {
        Self {
            code: exit::USAGE,
            message: message.into(),
        }
    }

    /// Prints the sentence on standard error, on one line, and gives the exit code.
    #[must_use]
    #[expect(clippy::print_stderr, reason = "this is where failures reach the operator")]
    pub fn report(&self) -> ExitCode {
        eprintln!("error: {}", crate::output::escape(&self.message));
        ExitCode::from(self.code)
    }
}

impl From<autotrader_config::ConfigError> for Failure {
    fn from(error: autotrader_config::ConfigError) -> Self {
        // Some places are already called so.
        let text = error.to_string();
        let place = "configuration: ";
        Self::failed(format!("{place}{}", text.strip_prefix(place).unwrap_or(&text)))
    }
}
