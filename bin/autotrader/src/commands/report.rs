//! `report`: what a recorded period brought, from the same steps of the same core.

use std::process::ExitCode;

use autotrader_backtest::period::{Band, Curve, Observer, Period, Sheet};
use autotrader_state::journal::Segment;
use chrono::{DateTime, Utc};

use super::journal::{damaged, files};
use super::replay::{broken, core_of, from};
use crate::cli::ReportArgs;
use crate::{Failure, output};

/// What the figures of a recorded period rest on.
const ASSUMPTIONS: [&str; 3] = [
    "Every step was replayed, and every effect is as it was recorded.",
    "Positions that have not been paid are worth what the market last bid or asked for them. What was held before the period \
     counts with its worth at the beginning; what was paid in or out counts as a gain or a loss.",
    "An entry is held against what its contract paid, whatever became of the position before. A payout that was amended later \
     counts as it was paid first.",
];

/// Draws up the report of a journal.
///
/// # Errors
/// [`Failure`] with exit code 2 when there is no journal or nothing in the period, with exit code 1 when the journal was changed
/// or replays otherwise.
pub(crate) fn report(args: &ReportArgs) -> Result<ExitCode, Failure> {
    let (period, curve) = observed(args)?;
    if let Some(path) = &args.html {
        let page = page(&period, &curve)
            .map_err(|error| Failure::failed(format!("{}: {error}.", path.display())))?;
        output::file(path, &page)?;
    }
    if args.json {
        output::json(&period)?;
    } else {
        print(&period);
    }
    Ok(ExitCode::SUCCESS)
}

/// Replays the segments and watches those steps that lie in the period.
fn observed(args: &ReportArgs) -> Result<(Period, Curve), Failure> {
    let mut observer: Option<Observer> = None;
    let is_before = |at: DateTime<Utc>| args.from.is_some_and(|from| at < from);
    let is_after = |at: DateTime<Utc>| args.to.is_some_and(|to| at > to);
    'segments: for file in from(files(&args.path)?, args.from)? {
        let mut segment = Segment::open(&file).map_err(|error| damaged(&error))?;
        // A process that died before the head was whole has written nothing else.
        let Some(head) = segment.head.take() else {
            break;
        };
        let mut core = core_of(&file, &head, None)?;
        while let Some(line) = segment.next_line().map_err(|error| damaged(&error))? {
            if observer.is_none() {
                observer = line_time(&line.body)
                    .is_some_and(|at| !is_before(at))
                    .then(|| Observer::of(core.engine()));
            }
            let taken = core
                .take(&line.link, &line.body)
                .map_err(|error| broken(&error))?;
            if is_after(taken.step.at) {
                break 'segments;
            }
            if let Some(observer) = &mut observer {
                observer.saw(taken.step.at, &taken.step.event, &taken.effects, core.engine());
            }
        }
    }
    let nothing = || {
        let path = args.path.display();
        Failure::usage(format!(
            "{path}: no step lies in that period: widen --from and --to."
        ))
    };
    let (period, curve, _) = observer.ok_or_else(nothing)?.finish();
    if period.steps == 0 {
        return Err(nothing());
    }
    Ok((period, curve))
}

/// The time of a step before it is taken.
fn line_time(body: &str) -> Option<DateTime<Utc>> {
    #[derive(serde::Deserialize)]
    struct Timed {
        at: DateTime<Utc>,
    }
    serde_json::from_str::<Timed>(body).ok().map(|timed| timed.at)
}

fn page(period: &Period, curve: &Curve) -> Result<String, autotrader_backtest::ChartError> {
    let points = curve.points();
    let start = points.first().map(|point| point.at);
    let equity: Vec<Band> = points
        .iter()
        .map(|point| {
            let gain = point.equity - period.opening;
            let seconds = start.map_or(0, |start| (point.at - start).num_seconds());
            Band {
                day: f64::from(i32::try_from(seconds).unwrap_or(i32::MAX)) / 86_400.0,
                low: gain,
                mean: gain,
                high: gain,
                drawdown: point.drawdown,
            }
        })
        .collect();
    let assumptions = ASSUMPTIONS.map(str::to_owned);
    Sheet {
        title: "Report of a recorded period",
        facts: facts(period),
        equity: &equity,
        figures: &period.figures,
        assumptions: &assumptions,
    }
    .page()
}

fn facts(period: &Period) -> Vec<(String, String)> {
    let time = |at: Option<DateTime<Utc>>| {
        at.map_or_else(
            || "-".to_owned(),
            |at| at.format("%Y-%m-%d %H:%M:%SZ").to_string(),
        )
    };
    let fills = &period.figures.fills;
    let slippage = &period.figures.slippage;
    let facts = [
        ("from", time(period.from)),
        ("to", time(period.to)),
        ("steps", period.steps.to_string()),
        (
            "equity",
            format!("{:.2} to {:.2} dollars", period.opening, period.closing),
        ),
        ("gain", format!("{:+.2} dollars", period.pnl)),
        ("greatest fall", format!("{:.2} dollars", period.max_drawdown)),
        ("orders", period.figures.orders.to_string()),
        (
            "fills",
            format!(
                "{} ({} taken, {} rested), {:.0} contracts for {:.2} dollars",
                fills.count, fills.taker, fills.maker, fills.contracts, fills.notional
            ),
        ),
        ("fees", format!("{:.2} dollars", fills.fees)),
        (
            "fills against the book",
            format!(
                "{:+.2} cents against the best price, {:+.2} against the middle",
                slippage.to_best, slippage.to_middle
            ),
        ),
    ];
    facts.map(|(name, value)| (name.to_owned(), value)).to_vec()
}

fn print(period: &Period) {
    let rows: Vec<Vec<String>> = facts(period)
        .into_iter()
        .map(|(name, value)| vec![name, value])
        .collect();
    output::table(&["", ""], &rows);
    if !period.figures.horizons.is_empty() {
        output::line("");
        let rows: Vec<Vec<String>> = period
            .figures
            .horizons
            .iter()
            .map(|row| {
                vec![
                    row.to_days.map_or_else(
                        || format!("{}+", row.from_days),
                        |to| format!("{}-{to}", row.from_days),
                    ),
                    row.fills.to_string(),
                    format!("{:+.2}", row.expected),
                    format!("{:+.2}", row.realised),
                    row.open_fills.to_string(),
                ]
            })
            .collect();
        output::table(
            &["days to check", "fills", "expected", "realised", "not paid"],
            &rows,
        );
    }
    output::line("");
    output::line("What this rests on:");
    for assumption in ASSUMPTIONS {
        output::line(&format!("- {assumption}"));
    }
}
