//! `why`: the last decisions on one contract with what drives its price, and what entries that were not made would have brought.

mod counterfactual;
mod outlook;

use std::process::ExitCode;

use autotrader_backtest::counterfactual::Ledger;
use autotrader_domain::{Ticker, Why};
use autotrader_state::{Filter, History};
use autotrader_strategy::why::in_words;
use serde_json::json;

use self::outlook::Outlook;
use super::look::{history, read};
use crate::cli::WhyArgs;
use crate::{Failure, output};

/// How many of the last lines are told.
const LINES: u32 = 10;

/// Says why: of one contract, or of every entry that was not made.
///
/// # Errors
/// [`Failure`] when the database cannot be read, and of usage when it knows nothing of the contract.
pub(crate) fn why(args: &WhyArgs) -> Result<ExitCode, Failure> {
    let history = history(&args.config)?;
    match &args.ticker {
        Some(ticker) if !args.counterfactual => of_contract(&history, ticker, args.config.json),
        ticker => counterfactual::of_reasons(&history, ticker.as_ref(), args),
    }
}

/// The last lines on a contract, oldest first; at least one.
fn last_lines(history: &History, ticker: &Ticker) -> Result<(Why, Vec<Why>), Failure> {
    let filter = Filter {
        ticker: Some(ticker.clone()),
        limit: Some(LINES),
        ..Filter::default()
    };
    let lines = read(history.decisions(&filter))?;
    match lines.last() {
        Some(last) => Ok((last.clone(), lines)),
        None => Err(Failure::usage(format!(
            "{ticker}: no decision is on record; see `map` for known contracts."
        ))),
    }
}

fn of_contract(history: &History, ticker: &Ticker, as_json: bool) -> Result<ExitCode, Failure> {
    let (last, lines) = last_lines(history, ticker)?;
    let outlook = Outlook::of(history, &last)?;
    let ledger = counterfactual::ledger(history, Some(ticker), None)?;
    if as_json {
        output::json(&json!({
            "ticker": ticker,
            "latest": last,
            "sentence": in_words(&last),
            "forecast": outlook,
            "decisions": lines,
            "counterfactual": ledger.chances,
        }))?;
        return Ok(ExitCode::SUCCESS);
    }
    output::line(&output::escape(&in_words(&last)));
    match &outlook {
        Some(outlook) => outlook.print(),
        None => output::line("No forecast of its check is on record."),
    }
    print_chances(&ledger);
    if lines.len() > 1 {
        output::line("Earlier:");
        for line in lines.iter().rev().skip(1) {
            output::line(&format!(
                "  {} {}",
                line.at.format("%Y-%m-%d %H:%M:%SZ"),
                output::escape(&in_words(line))
            ));
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn print_chances(ledger: &Ledger) {
    if !ledger.chances.is_empty() {
        output::line("Entries that were not made, bought on paper:");
        counterfactual::print_chances(&ledger.chances);
    }
}
