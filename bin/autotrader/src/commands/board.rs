//! `board`: one leaderboard page through the gate.

use std::process::ExitCode;

use autotrader_arena_signals::{GateSettings, board_json, read_file};
use autotrader_domain::ports::Clock as _;
use autotrader_domain::{GatedBoard, Verdict};

use crate::cli::FileArgs;
use crate::clock::SystemClock;
use crate::commands::input;
use crate::failure::exit;
use crate::output::or_dash;
use crate::{Failure, output};

/// Prints the board and its verdict; the exit code is the verdict's.
///
/// # Errors
/// [`Failure`] with exit code 2 when the file cannot be read.
pub(crate) fn board(args: &FileArgs) -> Result<ExitCode, Failure> {
    let bytes = input::read(&args.file)?;
    let gated = read_file(&bytes, &GateSettings::default(), SystemClock::new().now());
    if args.json {
        output::json(&board_json(&gated))?;
    } else {
        print(&gated);
    }
    Ok(ExitCode::from(match gated.verdict {
        Verdict::Tradable => exit::OK,
        Verdict::DisplayOnly => {
            tell_why(args, &gated, "display only");
            exit::DISPLAY_ONLY
        }
        Verdict::Refused => {
            tell_why(args, &gated, "refused");
            exit::REFUSED
        }
    }))
}

/// The reason on standard error, so that a script sees why.
#[expect(
    clippy::print_stderr,
    reason = "the reason of a failing exit code goes to standard error"
)]
fn tell_why(args: &FileArgs, gated: &GatedBoard, verdict: &str) {
    // A refused board may have reasons as well that would only keep it from trading.
    let decisive = gated
        .reasons
        .iter()
        .find(|reason| reason.code.verdict() == gated.verdict);
    let code = decisive.map_or("unreadable", |reason| reason.code.as_str());
    let detail = decisive.map_or("", |reason| reason.detail.as_str());
    eprintln!(
        "error: {}: {verdict}: {code}: {}",
        args.file.display(),
        output::escape(detail)
    );
}

fn print(gated: &GatedBoard) {
    let vintage = gated
        .vintage
        .map(|vintage| vintage.0.format("%Y-%m-%d %H:%MZ").to_string());
    output::line(&format!(
        "{}: {} rows by {}, category {}, style control {}, votes up to {}.",
        match gated.verdict {
            Verdict::Tradable => "Tradable",
            Verdict::DisplayOnly => "Display only",
            Verdict::Refused => "Refused",
        },
        gated.board.entries.len(),
        gated.path.map_or("-", autotrader_domain::ParsePath::as_str),
        or_dash(gated.category.as_deref()),
        gated
            .style_control
            .map_or("-", |on| if on { "on" } else { "off" }),
        or_dash(vintage),
    ));
    for reason in &gated.reasons {
        output::line(&format!(
            "  {}: {}",
            reason.code.as_str(),
            output::escape(&reason.detail)
        ));
    }
    for anomaly in gated.anomalies.iter().take(10) {
        output::line(&format!(
            "  odd: {}: {}",
            anomaly.code,
            output::escape(&anomaly.detail)
        ));
    }
    let rows: Vec<Vec<String>> = gated
        .board
        .entries
        .iter()
        .take(20)
        .map(|entry| {
            vec![
                or_dash(entry.rank),
                or_dash(entry.rank_ub),
                entry.model_name.clone(),
                or_dash(entry.organization.as_deref()),
                or_dash(entry.score.as_ref()),
                or_dash(entry.votes),
            ]
        })
        .collect();
    if !rows.is_empty() {
        output::table(
            &["rank", "best", "model", "organisation", "score", "votes"],
            &rows,
        );
    }
}
