//! `calibrate --live`: what the program said while it ran against what came, beside the market's prices.

use std::collections::BTreeMap;
use std::process::ExitCode;

use autotrader_backtest::calibration::Interval;
use autotrader_backtest::counterfactual::last_word;
use autotrader_backtest::live::checks::Settled;
use autotrader_backtest::live::contracts::{self, EVENTS_NEEDED, Verdict};
use autotrader_backtest::live::{Check, CheckReport, Contract, ContractReport, Level, Span, checks};
use autotrader_domain::{Decided, Mapping, Ticker};
use autotrader_state::{Filter, History};
use chrono::{DateTime, Utc};
use serde::Serialize;

use crate::cli::{CalibrateArgs, ConfigArgs, Since};
use crate::commands::look::{history, read};
use crate::{Failure, output};

#[derive(Debug, Serialize)]
struct Answer {
    since: Option<DateTime<Utc>>,
    contracts: ContractReport,
    checks: CheckReport,
}

/// Scores what is on record and prints the figures.
///
/// # Errors
/// [`Failure`] when the database cannot be read.
pub(super) fn calibrate(args: &CalibrateArgs) -> Result<ExitCode, Failure> {
    let config = ConfigArgs {
        place: args.place.clone(),
        json: args.json,
    };
    let history = history(&config)?;
    let since = args.since.map(|Since(at)| at);
    let mappings = read(history.mappings())?;
    let answer = Answer {
        since,
        contracts: of_contracts(&history, &mappings, since)?,
        checks: of_checks(&history, &mappings, since)?,
    };
    if args.json {
        output::json(&answer)?;
    } else {
        print(&answer);
    }
    Ok(ExitCode::SUCCESS)
}

fn decided(history: &History, ticker: &Ticker) -> Result<Vec<Decided>, Failure> {
    read(history.decided(&Filter {
        ticker: Some(ticker.clone()),
        ..Filter::default()
    }))
}

/// Contract by contract: the lines of all of them together may be many.
fn of_contracts(
    history: &History,
    mappings: &BTreeMap<Ticker, Mapping>,
    since: Option<DateTime<Utc>>,
) -> Result<ContractReport, Failure> {
    let mut said = Vec::new();
    let mut left_out = BTreeMap::new();
    for (ticker, mapping) in mappings {
        let (Some(claim), Some(check_time)) = (&mapping.claim, mapping.check_time) else {
            continue;
        };
        let lines = read(history.decisions(&Filter {
            ticker: Some(ticker.clone()),
            since,
            ..Filter::default()
        }))?;
        if lines.is_empty() {
            continue;
        }
        let contract = Contract {
            claim,
            check_time,
            lines: &lines,
            decided: &decided(history, ticker)?,
        };
        match contract.said() {
            Ok(rows) => said.extend(rows),
            Err(why) => *left_out.entry(why).or_default() += 1,
        }
    }
    Ok(contracts::report(&said, left_out))
}

/// Check by check: the first forecasts of each span of days.
fn of_checks(
    history: &History,
    mappings: &BTreeMap<Ticker, Mapping>,
    since: Option<DateTime<Utc>>,
) -> Result<CheckReport, Failure> {
    let mut contracts: BTreeMap<(DateTime<Utc>, String), Vec<Settled>> = BTreeMap::new();
    for (ticker, mapping) in mappings {
        let (Some(claim), Some(check), Some(rules)) = (&mapping.claim, mapping.check_time, &mapping.rule_set)
        else {
            continue;
        };
        let words = decided(history, ticker)?;
        let paid = last_word(&words)
            .filter(|word| word.paid)
            .map(|word| word.yes_value);
        contracts
            .entry((check, rules.clone()))
            .or_default()
            .push(Settled {
                claim: claim.clone(),
                paid,
            });
    }
    let mut scored = Vec::new();
    for ((check_time, rule_set), contracts) in contracts {
        let mut said = Vec::new();
        for span in Span::all() {
            let (from, until) = span.times(check_time);
            let forecasts = read(history.first_forecasts(check_time, &rule_set, from.max(since), until))?;
            said.extend(forecasts.into_iter().map(|forecast| (span, forecast)));
        }
        scored.push(Check {
            check_time,
            rule_set,
            contracts,
            said,
        });
    }
    Ok(checks::report(&scored))
}

fn print(answer: &Answer) {
    let contracts = &answer.contracts;
    let left_out: usize = contracts.left_out.values().sum();
    output::line(&format!(
        "{} rows of contracts and days before the check, {} independent events; {left_out} contracts are not scored.",
        contracts.rows, contracts.events
    ));
    for (why, count) in &contracts.left_out {
        let why = serde_json::to_value(why).ok();
        let why = why
            .as_ref()
            .and_then(serde_json::Value::as_str)
            .unwrap_or_default();
        output::line(&format!("  {count}  {why}"));
    }
    for level in Level::ALL {
        let names = contracts.estimators.iter().map(String::as_str);
        table("Log loss of contracts", level, &contracts.horizons, names);
    }
    differences(&contracts.differences);
    gate(contracts);
    let estimators = named(&answer.checks.horizons);
    for level in Level::ALL {
        let names = estimators.iter().map(String::as_str);
        table("Log loss of checks", level, &answer.checks.horizons, names);
    }
}

/// The estimators that figures are named after.
fn named(horizons: &BTreeMap<Span, BTreeMap<String, f64>>) -> Vec<String> {
    let keys = horizons.values().flat_map(BTreeMap::keys);
    let mut names: Vec<String> = keys
        .filter_map(|key| key.strip_suffix("_log_loss"))
        .filter_map(|key| key.strip_suffix("_model").or_else(|| key.strip_suffix("_org")))
        .map(str::to_owned)
        .collect();
    names.sort_unstable();
    names.dedup();
    names
}

fn table<'a>(
    title: &str,
    level: Level,
    horizons: &BTreeMap<Span, BTreeMap<String, f64>>,
    estimators: impl Iterator<Item = &'a str>,
) {
    let estimators: Vec<&str> = estimators.collect();
    let word = level.word();
    let rows: Vec<Vec<String>> = horizons
        .iter()
        .filter_map(|(span, figures)| {
            let n = figures.get(&format!("n_{word}"))?;
            let mut row = vec![span.to_string(), format!("{n:.0}")];
            row.extend(estimators.iter().map(|name| {
                let loss = figures.get(&format!("{name}_{word}_log_loss"));
                loss.map_or_else(|| "-".to_owned(), |loss| format!("{loss:.3}"))
            }));
            Some(row)
        })
        .collect();
    if rows.is_empty() {
        return;
    }
    output::line("");
    output::line(&format!("{title}, {word}; less is better"));
    let mut head = vec!["days", "n"];
    head.extend(estimators);
    output::table(&head, &rows);
}

fn differences(differences: &BTreeMap<String, Interval>) {
    if differences.is_empty() {
        return;
    }
    output::line("");
    output::line("Differences in log loss, 95 % over redrawn events; below zero favours the first");
    let rows: Vec<Vec<String>> = differences
        .iter()
        .map(|(name, interval)| {
            vec![
                name.clone(),
                format!(
                    "{:+.3} [{:+.3}, {:+.3}]",
                    interval.mean, interval.low, interval.high
                ),
            ]
        })
        .collect();
    output::table(&["difference", "mean"], &rows);
}

fn gate(contracts: &ContractReport) {
    let gate = &contracts.gate;
    output::line("");
    output::line(&match gate.verdict {
        Verdict::NotEnoughData => format!(
            "Not enough data to compare with the market: {} independent events of {EVENTS_NEEDED}.",
            gate.events
        ),
        Verdict::Passed => "What was traded on is not worse than the market's prices.".to_owned(),
        Verdict::Failed => "What was traded on may be worse than the market's prices.".to_owned(),
    });
}
