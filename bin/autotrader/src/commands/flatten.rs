//! `flatten`: halt, and close every position.

use std::process::ExitCode;

use autotrader_domain::Command;

use super::operate::insist;
use crate::Failure;
use crate::cli::{FlattenArgs, ReasonArgs};

/// How long a flatten is waited for when nothing else is said: longer than it pursues one contract that does not move.
const USUAL_WAIT: u64 = 180;

/// Closes every position through reduce-only orders, confirms it by reading back, and names what is left.
///
/// # Errors
/// [`Failure`] with exit code 2 without `--yes`; otherwise when something is left or could not be read back.
pub(crate) async fn flatten(args: FlattenArgs) -> Result<ExitCode, Failure> {
    if !args.yes {
        return Err(Failure::usage(
            "flatten closes every position at the prices that the books show: add --yes to do it.",
        ));
    }
    let ReasonArgs { config, wait, reason } = args.reason;
    insist(&config, Command::Flatten { reason }, &wait, Some(USUAL_WAIT)).await
}
