//! `resolve-unknown ID`: find out what became of one order.

use std::process::ExitCode;

use autotrader_domain::Command;

use super::operate::insist;
use crate::Failure;
use crate::cli::ResolveUnknownArgs;

/// Resolves one order by its stored bytes or by what the exchange lists.
///
/// # Errors
/// [`Failure`] when it is not an open order of ours, or its outcome is still not known.
pub(crate) async fn resolve_unknown(args: ResolveUnknownArgs) -> Result<ExitCode, Failure> {
    let command = Command::ResolveUnknown {
        client_order_id: args.id,
        resend: args.resend,
    };
    insist(&args.config, command, &args.wait, None).await
}
