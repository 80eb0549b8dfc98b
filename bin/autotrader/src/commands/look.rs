//! Commands that look into the database, while a process runs or not.

use std::collections::BTreeMap;
use std::process::ExitCode;

use autotrader_domain::ports::StoreError;
use autotrader_domain::{Command, Money, Net, Position, Ticker};
use autotrader_risk::{Cause, RiskState};
use autotrader_state::{CauseRecord, CommandRecord, Filter, History};
use serde::Serialize;
use serde_json::{Value, json};

use super::operate::command_json;
use crate::cli::{ConfigArgs, ListArgs, LookArgs};
use crate::output::or_dash;
use crate::{Failure, output, wiring};

pub(crate) fn history(args: &ConfigArgs) -> Result<History, Failure> {
    let config = wiring::load_config(&args.place)?.config;
    History::open(&config.database.url).map_err(|error| Failure::failed(format!("database: {error}.")))
}

pub(crate) fn read<T>(answer: Result<T, StoreError>) -> Result<T, Failure> {
    answer.map_err(|error| Failure::failed(format!("database: {error}.")))
}

fn newest(list: &ListArgs) -> Filter {
    Filter {
        limit: Some(list.limit),
        ..Filter::default()
    }
}

/// `status`: state, cash, positions and feeds at a glance.
///
/// # Errors
/// [`Failure`] when the database cannot be read.
pub(crate) fn status(args: &LookArgs) -> Result<ExitCode, Failure> {
    let history = history(&args.config)?;
    let info = read(history.info())?;
    let causes = read(history.causes())?;
    let books = Books::of(&history)?;
    let board = read(history.accepted_boards(1))?.pop();
    let poll = read(history.polls(&Filter {
        limit: Some(1),
        ..Filter::default()
    }))?
    .pop();
    let why = read(history.latest_decisions())?;
    let mut blocked: BTreeMap<&str, usize> = BTreeMap::new();
    for reason in why.iter().filter_map(|line| line.reason) {
        *blocked.entry(reason.code()).or_default() += 1;
    }
    let approvals = read(history.approvals())?;
    let state = risk_state(&causes);
    let commands = read(history.commands(&Filter {
        limit: Some(COMMANDS_LOOKED_AT),
        ..Filter::default()
    }))?;
    let causes: Vec<StandingCause> = causes
        .into_iter()
        .map(|record| StandingCause::new(record, &commands))
        .collect();
    let open: Vec<Value> = commands
        .iter()
        .filter(|record| record.settled_at.is_none())
        .map(command_json)
        .collect();
    let value = json!({
        "state": state,
        "causes": causes,
        "open_commands": open,
        "last_command": commands.last().map(command_json),
        "database": info,
        "cash": books.cash,
        "cost_of_positions": books.cost(),
        "pnl": { "realized": books.realized(), "fees": books.fees() },
        "positions": books.positions.values().filter(|position| !position.net.is_flat()).count(),
        "open_orders": books.open_orders,
        "board": board.as_ref().map(|board| json!({
            "hash": board.hash, "vintage": board.vintage, "accepted_at": board.accepted_at,
        })),
        "last_reading": poll,
        "blocked_by": blocked,
        "approvals": { "count": approvals.len(), "last": approvals.last() },
    });
    if args.config.json {
        output::json(&value)?;
    } else {
        print_status(&value, state, &causes);
    }
    Ok(ExitCode::SUCCESS)
}

fn risk_state(causes: &[CauseRecord]) -> RiskState {
    let known = causes
        .iter()
        .filter_map(|record| record.cause.parse::<Cause>().ok());
    known.map(Cause::state).max().unwrap_or(RiskState::Active)
}

/// How many of the last commands are searched for who raised a cause.
const COMMANDS_LOOKED_AT: u32 = 1_000;

/// A cause that stands, with what it leads to and who raised it.
#[derive(Serialize)]
struct StandingCause {
    #[serde(flatten)]
    record: CauseRecord,
    /// `None` for a cause of another version.
    leads_to: Option<RiskState>,
    by: String,
}

impl StandingCause {
    fn new(record: CauseRecord, commands: &[CommandRecord]) -> Self {
        let cause = record.cause.parse::<Cause>().ok();
        Self {
            leads_to: cause.map(Cause::state),
            by: raised_by(cause, &record, commands),
            record,
        }
    }
}

/// Who raised a cause: the command that was acknowledged right after it, or the program itself.
fn raised_by(cause: Option<Cause>, record: &CauseRecord, commands: &[CommandRecord]) -> String {
    let asks = |command: &Command| match cause {
        Some(Cause::OperatorHalt) => matches!(command, Command::Halt { .. } | Command::Flatten { .. }),
        Some(Cause::OperatorReduce) => matches!(command, Command::Reduce { .. }),
        _ => false,
    };
    let command = commands
        .iter()
        .filter(|command| asks(&command.command))
        .find(|command| command.acknowledged_at.is_some_and(|at| at >= record.raised_at));
    match (command, cause) {
        (Some(command), _) => format!("{} (command {})", command.submitted_by, command.id),
        (None, Some(Cause::HaltFile)) => "the HALT file".to_owned(),
        (None, Some(Cause::OperatorHalt | Cause::OperatorReduce)) => "an operator".to_owned(),
        (None, _) => "the program".to_owned(),
    }
}

fn print_status(value: &Value, state: RiskState, causes: &[StandingCause]) {
    output::line(&format!("State: {state:?}."));
    for cause in causes {
        output::line(&format!(
            "  {} since {} by {}: {}. Release: resume {}.",
            cause.record.cause,
            cause.record.raised_at.format("%Y-%m-%d %H:%M:%SZ"),
            output::escape(&cause.by),
            output::escape(cause.record.detail.trim_end_matches('.')),
            cause.record.cause,
        ));
    }
    for command in value
        .get("open_commands")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
    {
        let text = |path: &str| command.pointer(path).map_or_else(|| "-".to_owned(), plain);
        output::line(&format!(
            "  command {} ({}) is {} since {}.",
            text("/id"),
            text("/command/command"),
            text("/stage"),
            text("/requested_at"),
        ));
    }
    let text = |path: &str| value.pointer(path).map_or_else(|| "-".to_owned(), plain);
    output::line(&format!(
        "Cash {}, positions at cost {}.",
        text("/cash"),
        text("/cost_of_positions")
    ));
    output::line(&format!(
        "Realised {}, fees {}.",
        text("/pnl/realized"),
        text("/pnl/fees")
    ));
    output::line(&format!(
        "{} positions, {} open orders.",
        text("/positions"),
        text("/open_orders")
    ));
    output::line(&format!(
        "Board {} accepted {}.",
        text("/board/vintage"),
        text("/board/accepted_at")
    ));
    if let Some(last) = value.pointer("/approvals/last/at").map(plain) {
        output::line(&format!(
            "{} decisions about names and texts, the last of {last} by {}.",
            text("/approvals/count"),
            output::escape(&text("/approvals/last/by")),
        ));
    }
    if let Some(blocked) = value.get("blocked_by").and_then(Value::as_object) {
        let list: Vec<String> = blocked
            .iter()
            .map(|(reason, count)| format!("{reason} {count}"))
            .collect();
        output::line(&format!(
            "Not entered because: {}.",
            if list.is_empty() {
                "-".into()
            } else {
                list.join(", ")
            }
        ));
    }
}

fn plain(value: &Value) -> String {
    match value {
        Value::Null => "-".to_owned(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

/// Cash and positions as the database tells them.
pub(crate) struct Books {
    /// Unknown until the first start has learnt it.
    pub(crate) cash: Option<Money>,
    pub(crate) positions: BTreeMap<Ticker, Position>,
    open_orders: usize,
}

impl Books {
    pub(crate) fn of(history: &History) -> Result<Self, Failure> {
        let restored = read(history.restored())?;
        let books = autotrader_execution::AccountBooks::from_restored(&restored)
            .map_err(|error| Failure::failed(format!("database: {error}.")))?;
        Ok(Self {
            cash: books.cash,
            positions: books.positions,
            open_orders: restored.open_orders.len(),
        })
    }

    fn total(&self, part: impl Fn(&Position) -> Money) -> Money {
        self.positions.values().map(part).sum()
    }

    fn realized(&self) -> Money {
        self.total(|position| position.realized)
    }

    fn fees(&self) -> Money {
        self.total(|position| position.fees)
    }

    fn cost(&self) -> Money {
        self.total(|position| position.cost)
    }
}

/// `positions`: every position with cost and profit.
///
/// # Errors
/// [`Failure`] when the database cannot be read.
pub(crate) fn positions(args: &LookArgs) -> Result<ExitCode, Failure> {
    let history = history(&args.config)?;
    let positions = read(history.positions())?;
    if args.config.json {
        let list: Vec<Value> = positions
            .iter()
            .map(|(ticker, position)| position_json(ticker, position))
            .collect();
        output::json(&json!({ "positions": list }))?;
    } else {
        let rows: Vec<Vec<String>> = positions
            .iter()
            .map(|(ticker, position)| {
                vec![
                    ticker.to_string(),
                    position.net.to_string(),
                    or_dash(position.average_cost()),
                    position.cost.to_string(),
                    position.realized.to_string(),
                    position.fees.to_string(),
                ]
            })
            .collect();
        output::table(&["ticker", "net", "average", "cost", "realised", "fees"], &rows);
    }
    Ok(ExitCode::SUCCESS)
}

/// A position as every command prints it.
pub(crate) fn position_json(ticker: &Ticker, position: &Position) -> Value {
    json!({
        "ticker": ticker,
        "net": position.net,
        "average_cost": position.average_cost(),
        "cost": position.cost,
        "realized": position.realized,
        "fees": position.fees,
        "flat": position.net == Net::ZERO,
    })
}

/// `orders`: orders, newest first.
///
/// # Errors
/// [`Failure`] when the database cannot be read.
pub(crate) fn orders(args: &ListArgs) -> Result<ExitCode, Failure> {
    let mut orders = read(history(&args.config)?.orders(&newest(args)))?;
    orders.reverse();
    if args.config.json {
        output::json(&json!({ "orders": orders }))?;
    } else {
        let rows: Vec<Vec<String>> = orders
            .iter()
            .map(|order| {
                vec![
                    order.created_at.format("%Y-%m-%d %H:%M:%SZ").to_string(),
                    order.intent.ticker.to_string(),
                    format!("{:?}", order.intent.purpose),
                    format!("{:?}", order.intent.side),
                    order.intent.contracts.to_string(),
                    order.intent.limit.to_string(),
                    order.state.as_str().to_owned(),
                    order.filled.to_string(),
                    order.client_order_id.to_string(),
                ]
            })
            .collect();
        output::table(
            &[
                "created",
                "ticker",
                "purpose",
                "side",
                "contracts",
                "limit",
                "state",
                "filled",
                "id",
            ],
            &rows,
        );
    }
    Ok(ExitCode::SUCCESS)
}

/// `fills`: executions, newest first.
///
/// # Errors
/// [`Failure`] when the database cannot be read.
pub(crate) fn fills(args: &ListArgs) -> Result<ExitCode, Failure> {
    let mut fills = read(history(&args.config)?.fills(&newest(args)))?;
    fills.reverse();
    if args.config.json {
        output::json(&json!({ "fills": fills }))?;
    } else {
        let rows: Vec<Vec<String>> = fills
            .iter()
            .map(|fill| {
                vec![
                    fill.filled_at.format("%Y-%m-%d %H:%M:%SZ").to_string(),
                    fill.ticker.to_string(),
                    format!("{:?}", fill.side),
                    fill.contracts.to_string(),
                    fill.price.to_string(),
                    fill.fee.to_string(),
                    or_dash(fill.client_order_id.as_ref()),
                ]
            })
            .collect();
        output::table(
            &["filled", "ticker", "side", "contracts", "price", "fee", "order"],
            &rows,
        );
    }
    Ok(ExitCode::SUCCESS)
}

/// `signals`: leaderboard changes, newest first.
///
/// # Errors
/// [`Failure`] when the database cannot be read.
pub(crate) fn signals(args: &ListArgs) -> Result<ExitCode, Failure> {
    let mut signals = read(history(&args.config)?.signals(&newest(args)))?;
    signals.reverse();
    if args.config.json {
        output::json(&json!({ "signals": signals }))?;
    } else {
        let rows: Vec<Vec<String>> = signals
            .iter()
            .map(|record| {
                vec![
                    record.at.format("%Y-%m-%d %H:%M:%SZ").to_string(),
                    format!("{:?}", record.urgency),
                    record.signal.kind().to_owned(),
                    serde_json::to_string(&record.signal).unwrap_or_default(),
                ]
            })
            .collect();
        output::table(&["seen", "urgency", "type", "payload"], &rows);
    }
    Ok(ExitCode::SUCCESS)
}
