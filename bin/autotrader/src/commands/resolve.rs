//! `resolve`: who wins on one page, step by step.

use std::process::ExitCode;

use autotrader_arena_signals::parse_ungated;
use autotrader_settlement::{Board, Rule, RuleSet, ScorePrecision, explain};
use serde_json::{Value, json};

use crate::cli::ResolveArgs;
use crate::commands::input;
use crate::{Failure, output};

/// Reads a file without gating it.
///
/// # Errors
/// [`Failure`] with exit code 2 when it holds no board.
pub(crate) fn read_board(path: &std::path::Path) -> Result<Board, Failure> {
    let bytes = input::read(path)?;
    let parsed =
        parse_ungated(&bytes).map_err(|error| Failure::usage(format!("{}: {error}.", path.display())))?;
    Ok(parsed.board)
}

/// Explains the winner.
///
/// # Errors
/// [`Failure`] with exit code 2 for unreadable input or an unknown rule set, with exit code 1 when nobody wins.
pub(crate) fn resolve(args: &ResolveArgs) -> Result<ExitCode, Failure> {
    let rule: Rule = args
        .rules
        .parse()
        .map_err(|error| Failure::usage(format!("--rules: {error}.")))?;
    let precision: ScorePrecision = args
        .precision
        .parse()
        .map_err(|error| Failure::usage(format!("--precision: {error}.")))?;
    let board = read_board(&args.file.file)?;
    let explanation = explain(&board.entries, &RuleSet::new(rule, precision));
    if args.file.json {
        let mut value: Value = serde_json::to_value(&explanation)
            .map_err(|error| Failure::failed(format!("output: {error}.")))?;
        if let Some(object) = value.as_object_mut() {
            object.insert("rows".into(), json!(board.entries.len()));
        }
        output::json(&value)?;
    } else {
        for line in explanation.to_string().lines() {
            output::line(&output::escape(line));
        }
    }
    match explanation.winner {
        Some(_) => Ok(ExitCode::SUCCESS),
        None => Err(Failure::failed(format!(
            "{}: nobody wins under {rule}.",
            args.file.file.display()
        ))),
    }
}
