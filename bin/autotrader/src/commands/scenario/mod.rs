//! `scenario`: what the portfolio earns in every state of the world, from the database alone.
//!
//! The figures are those of the worst-state cap: risk computes them for both.

mod print;
mod report;

use std::collections::BTreeMap;
use std::process::ExitCode;

use autotrader_domain::{Mapping, MappingState, Portfolio, Ticker, Verdict};
use autotrader_risk::checks_at_stake;
use autotrader_settlement::{Board, RuleSet, resolve_top_model};
use autotrader_state::{Filter, History, PollOutcome};
use chrono::{DateTime, Utc};
use chrono_tz::America::New_York;

use super::look::{Books, history, read};
use crate::cli::{CheckArg, ScenarioArgs};
use crate::{Failure, output};
use report::{Facts, OtherBoard, Report};

/// Prints the profit in every state of every check on which something is held or ordered.
///
/// # Errors
/// [`Failure`] when the database cannot be read, or no contract is checked at the time asked for.
pub(crate) fn scenario(args: &ScenarioArgs) -> Result<ExitCode, Failure> {
    let history = history(&args.config)?;
    let facts = facts(&history)?;
    let checks = match args.at_check {
        None => checks_at_stake(&facts.portfolio, &facts.mappings),
        Some(wanted) => chosen(wanted, &facts.mappings, &facts.portfolio)?,
    };
    let report = Report::new(&facts, &checks);
    if args.config.json {
        output::json(&report)?;
    } else {
        print::report(&report);
    }
    Ok(ExitCode::SUCCESS)
}

/// The known checks at a time or on a day.
fn chosen(
    wanted: CheckArg,
    mappings: &BTreeMap<Ticker, Mapping>,
    portfolio: &Portfolio,
) -> Result<Vec<DateTime<Utc>>, Failure> {
    let ordered = portfolio
        .open_orders
        .values()
        .map(|order| order.intent.check_time);
    let known: std::collections::BTreeSet<DateTime<Utc>> = mappings
        .values()
        .filter_map(|mapping| mapping.check_time)
        .chain(ordered)
        .collect();
    let fits = |at: &&DateTime<Utc>| match wanted {
        CheckArg::At(time) => **at == time,
        CheckArg::On(day) => at.with_timezone(&New_York).date_naive() == day,
    };
    let found: Vec<DateTime<Utc>> = known.iter().filter(fits).copied().collect();
    if !found.is_empty() {
        return Ok(found);
    }
    let times: Vec<String> = known
        .iter()
        .map(|at| at.format("%Y-%m-%dT%H:%M:%SZ").to_string())
        .collect();
    let known = if times.is_empty() {
        "none is known yet".to_owned()
    } else {
        format!("known are {}", times.join(", "))
    };
    Err(Failure::failed(format!(
        "--at-check: no contract is checked then; {known}."
    )))
}

/// Everything that the report depends on, as the database tells it.
fn facts(history: &History) -> Result<Facts, Failure> {
    let books = Books::of(history)?;
    let open = read(history.restored())?.open_orders;
    let mut mappings = read(history.mappings())?;
    for (ticker, position) in &books.positions {
        if !position.net.is_flat()
            && !mappings.contains_key(ticker)
            && let Some(mapping) = mapping_of_order(history, ticker)?
        {
            mappings.insert(ticker.clone(), mapping);
        }
    }
    let decisions = read(history.latest_decisions())?;
    let accepted = read(history.accepted_boards(2))?;
    Ok(Facts {
        cash: books.cash,
        portfolio: Portfolio {
            cash: books.cash.unwrap_or_default(),
            positions: books.positions,
            open_orders: open
                .into_iter()
                .map(|order| (order.client_order_id.clone(), order))
                .collect(),
            ..Portfolio::default()
        },
        fair: decisions
            .into_iter()
            .filter_map(|why| Some((why.ticker, why.fair?)))
            .collect(),
        leader: accepted.first().and_then(|accepted| winner(&accepted.board)),
        other: other_board(history, &accepted)?,
        mappings,
    })
}

/// What the last order on a contract was decided on: for a contract that was never written down by itself.
fn mapping_of_order(history: &History, ticker: &Ticker) -> Result<Option<Mapping>, Failure> {
    let filter = Filter {
        ticker: Some(ticker.clone()),
        limit: Some(1),
        ..Filter::default()
    };
    let last = read(history.orders(&filter))?.pop();
    Ok(last.map(|order| Mapping {
        ticker: ticker.clone(),
        state: MappingState::Exact,
        claim: Some(order.intent.claim),
        // What the rules were is not in the order: a tie may be paid or not.
        rule_set: None,
        check_time: Some(order.intent.check_time),
        reasons: Vec::new(),
        suggestions: Vec::new(),
    }))
}

/// The model on top of a board, by the rules that break every tie, and its owner.
fn winner(board: &Board) -> Option<(String, Option<String>)> {
    let outcome = resolve_top_model(&board.entries, &RuleSet::default());
    let winner = outcome.winner()?;
    let organization = winner.known_organization().map(str::to_owned);
    Some((winner.model_name.clone(), organization))
}

/// The board that would decide if the page went back, or if the one it shows now stayed: the one on the page where it is
/// not the accepted one, else the one accepted before.
fn other_board(
    history: &History,
    accepted: &[autotrader_domain::AcceptedBoard],
) -> Result<Option<OtherBoard>, Failure> {
    let Some(current) = accepted.first() else {
        return Ok(None);
    };
    let newest = Filter {
        limit: Some(1),
        ..Filter::default()
    };
    let shown = read(history.polls(&newest))?.pop();
    if let Some(PollOutcome::Page { page, .. }) = shown.map(|poll| poll.outcome)
        && page.verdict == Verdict::Tradable
        && page.hash != current.hash
        && let Some(board) = read(history.board(page.hash))?
        && let Some((model_name, organization)) = winner(&board)
    {
        return Ok(Some(OtherBoard {
            shown_now: true,
            vintage: page.vintage.map(|vintage| vintage.0),
            model_name,
            organization,
        }));
    }
    let before = accepted.get(1).filter(|before| before.hash != current.hash);
    Ok(before.and_then(|before| {
        let (model_name, organization) = winner(&before.board)?;
        Some(OtherBoard {
            shown_now: false,
            vintage: Some(before.vintage.0),
            model_name,
            organization,
        })
    }))
}
