//! What entries that were not made would have brought, by the reason that kept them from being made.

use std::process::ExitCode;

use autotrader_backtest::counterfactual::{self, Chance, End, Evidence, Guard, Ledger, Row};
use autotrader_domain::{BookSide, Ticker};
use autotrader_state::{Filter, History};
use chrono::{DateTime, Utc};
use serde_json::{Value, json};

use super::{last_lines, read};
use crate::cli::{Since, WhyArgs};
use crate::output::or_dash;
use crate::{Failure, output};

/// Settles every entry that was not made, of one contract or of all.
pub(super) fn ledger(
    history: &History,
    ticker: Option<&Ticker>,
    since: Option<DateTime<Utc>>,
) -> Result<Ledger, Failure> {
    let tickers = match ticker {
        Some(ticker) => vec![ticker.clone()],
        None => read(history.forgone(since))?,
    };
    let failed = |error| Failure::failed(format!("database: {error}."));
    let mut chances = Vec::new();
    // Contract by contract: the lines of all of them together may be many.
    for ticker in tickers {
        let of_ticker = Filter {
            ticker: Some(ticker),
            ..Filter::default()
        };
        let fills = read(history.fills(&of_ticker))?;
        let decided = read(history.decided(&of_ticker))?;
        let lines = read(history.decisions(&Filter { since, ..of_ticker }))?;
        let evidence = Evidence {
            lines: &lines,
            fills: &fills,
            decided: &decided,
        };
        chances.extend(counterfactual::chances(&evidence).map_err(failed)?);
    }
    Ledger::summed(chances).map_err(failed)
}

/// Prints what each reason saved and cost.
pub(super) fn of_reasons(
    history: &History,
    ticker: Option<&Ticker>,
    args: &WhyArgs,
) -> Result<ExitCode, Failure> {
    if let Some(ticker) = ticker {
        // An unknown contract is a slip of the pen, not a contract without missed entries.
        last_lines(history, ticker)?;
    }
    let since = args.since.map(|Since(at)| at);
    let ledger = ledger(history, ticker, since)?;
    if args.config.json {
        let (open, settled): (Vec<&Chance>, Vec<&Chance>) = ledger
            .chances
            .iter()
            .partition(|chance| chance.settled().is_none());
        let reasons: Vec<Value> = ledger.reasons.iter().map(row_json).collect();
        output::json(&json!({
            "ticker": ticker,
            "since": since,
            "reasons": reasons,
            "total": ledger.total,
            "episodes": settled,
            "open": open,
        }))?;
    } else {
        print(&ledger);
    }
    Ok(ExitCode::SUCCESS)
}

fn row_json((guard, row): (&Guard, &Row)) -> Value {
    json!({
        "reason": guard,
        "sentence": guard.sentence(),
        "episodes": row.episodes,
        "settled": row.settled,
        "contracts": row.contracts,
        "saved": row.saved,
        "cost": row.cost,
        "net": row.net,
        "open": row.open,
    })
}

fn print(ledger: &Ledger) {
    if ledger.chances.is_empty() {
        output::line("No entry that something kept from being made is on record.");
        return;
    }
    let mut rows: Vec<Vec<String>> = ledger
        .reasons
        .iter()
        .map(|(guard, row)| cells(guard.code(), row))
        .collect();
    rows.push(cells("total", &ledger.total));
    output::table(
        &[
            "reason",
            "episodes",
            "settled",
            "contracts",
            "saved",
            "cost",
            "net",
            "open",
        ],
        &rows,
    );
    output::line(
        "Saved are the losses that entries would have made which a reason kept from being made, cost is what they would \
         have earned; each is bought once at the price and fees of its first line and held until its market pays.",
    );
    let open: Vec<&Chance> = ledger
        .chances
        .iter()
        .filter(|chance| chance.settled().is_none())
        .collect();
    if !open.is_empty() {
        output::line("Not settled yet, and in none of the sums:");
        print_chances(open);
    }
}

fn cells(name: &str, row: &Row) -> Vec<String> {
    vec![
        name.to_owned(),
        row.episodes.to_string(),
        row.settled.to_string(),
        row.contracts.to_string(),
        row.saved.to_string(),
        row.cost.to_string(),
        row.net.to_string(),
        row.open.episodes.to_string(),
    ]
}

/// Prints entries that were not made, one a line.
pub(super) fn print_chances<'a>(chances: impl IntoIterator<Item = &'a Chance>) {
    let rows: Vec<Vec<String>> = chances.into_iter().map(chance_cells).collect();
    output::table(
        &[
            "since",
            "ticker",
            "reason",
            "outcome",
            "contracts",
            "cost",
            "fees",
            "YES is worth",
            "result",
            "",
        ],
        &rows,
    );
}

fn chance_cells(chance: &Chance) -> Vec<String> {
    let outcome = match chance.side {
        BookSide::Bid => "YES",
        BookSide::Ask => "NO",
    };
    let (value, result, state) = match chance.end {
        End::Settled {
            yes_value, result, ..
        } => (yes_value.to_string(), result.to_string(), "settled"),
        End::Open { yes_mark, result, .. } => (or_dash(yes_mark), or_dash(result), "open"),
    };
    vec![
        chance.from.format("%Y-%m-%d %H:%M:%SZ").to_string(),
        chance.ticker.to_string(),
        chance.guard.code().to_owned(),
        outcome.to_owned(),
        chance.contracts.to_string(),
        chance.cost.to_string(),
        chance.fees.to_string(),
        value,
        result,
        state.to_owned(),
    ]
}
