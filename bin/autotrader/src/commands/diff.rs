//! `diff`: what changed between two pages.

use std::process::ExitCode;

use autotrader_arena_signals::{DiffSettings, diff as compare, diff_json};

use crate::cli::DiffArgs;
use crate::commands::resolve::read_board;
use crate::{Failure, output};

/// Prints the signals between two pages, read without gating.
///
/// # Errors
/// [`Failure`] with exit code 2 when a file holds no board.
pub(crate) fn diff(args: &DiffArgs) -> Result<ExitCode, Failure> {
    let (old, new) = (read_board(&args.old)?, read_board(&args.new)?);
    let signals = compare(&old, &new, &DiffSettings::default());
    if args.json {
        output::json(&diff_json(&signals))?;
    } else if signals.is_empty() {
        output::line("Nothing changed.");
    } else {
        let rows: Vec<Vec<String>> = signals
            .iter()
            .map(|signal| {
                let payload = serde_json::to_string(signal).unwrap_or_default();
                vec![
                    format!("{:?}", signal.urgency()),
                    signal.kind().to_owned(),
                    payload,
                ]
            })
            .collect();
        output::table(&["urgency", "type", "payload"], &rows);
    }
    Ok(ExitCode::SUCCESS)
}
