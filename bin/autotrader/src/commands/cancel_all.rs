//! `cancel-all`: take our orders, or every order of the account, off the book.

use std::process::ExitCode;

use autotrader_domain::Command;

use super::operate::insist;
use crate::Failure;
use crate::cli::{CancelAllArgs, ReasonArgs};

/// Cancels and confirms by reading back.
///
/// # Errors
/// [`Failure`] when an order still rests or that could not be read back.
pub(crate) async fn cancel_all(args: CancelAllArgs) -> Result<ExitCode, Failure> {
    let ReasonArgs { config, wait, reason } = args.reason;
    let command = if args.account {
        Command::CancelAccount { reason }
    } else {
        Command::CancelAll { reason }
    };
    insist(&config, command, &wait, None).await
}
