//! `resolve`: who wins on one page, step by step.

use std::process::ExitCode;

use autotrader_arena_signals::parse_ungated;
use autotrader_settlement::{Board, Rule, RuleSet, ScorePrecision, explain};
use serde_json::{Value, json};

use crate::cli::{ResolveArgs, RulesArgs};
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

/// The rule set that the arguments name.
///
/// # Errors
/// [`Failure`] with exit code 2 when there is none of that name.
pub(crate) fn rule_set(args: &RulesArgs) -> Result<RuleSet, Failure> {
    let rule: Rule = args
        .rules
        .parse()
        .map_err(|error| Failure::usage(format!("--rules: {error}.")))?;
    let precision: ScorePrecision = args
        .precision
        .parse()
        .map_err(|error| Failure::usage(format!("--precision: {error}.")))?;
    Ok(RuleSet::new(rule, precision))
}

/// Explains the winner.
///
/// # Errors
/// [`Failure`] with exit code 2 for unreadable input or an unknown rule set, with exit code 1 when nobody wins.
pub(crate) fn resolve(args: &ResolveArgs) -> Result<ExitCode, Failure> {
    let rules = rule_set(&args.rules)?;
    let board = read_board(&args.file.file)?;
    let explanation = explain(&board.entries, &rules);
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
            "{}: nobody wins under {}.",
            args.file.file.display(),
            rules.rule
        ))),
    }
}
