//! `pnl`: profit by New York day, strategy or series.

use std::collections::BTreeMap;
use std::process::ExitCode;

use autotrader_domain::{EquityMark, Money};
use autotrader_state::{DayPnl, History, PartPnl};
use chrono::NaiveDate;
use serde_json::{Value, json};

use super::look::{history, read};
use crate::cli::{PnlArgs, PnlBy};
use crate::output::or_dash;
use crate::{Failure, output};

/// `pnl`.
///
/// # Errors
/// [`Failure`] when the database is not there or cannot be read, or `--days` is asked of something else than days.
pub(crate) fn pnl(args: &PnlArgs) -> Result<ExitCode, Failure> {
    let history = history(&args.config)?;
    if args.by != PnlBy::Day && args.days.is_some() {
        return Err(Failure::usage("--days: it goes with --by day only.".to_owned()));
    }
    let sheet = match args.by {
        PnlBy::Day => by_day(&history, args.days)?,
        PnlBy::Strategy => by_part("strategy", &read(history.pnl_by_strategy())?),
        PnlBy::Series => by_part("series", &read(history.pnl_by_series())?),
    };
    if args.config.json {
        output::json(&sheet.json)?;
    } else if args.csv {
        output::line(&sheet.headers.join(","));
        for row in &sheet.rows {
            output::line(&row.join(","));
        }
    } else {
        output::table(&sheet.headers, &sheet.rows);
    }
    Ok(ExitCode::SUCCESS)
}

/// One answer in every form.
struct Sheet {
    headers: Vec<&'static str>,
    rows: Vec<Vec<String>>,
    json: Value,
}

fn by_day(history: &History, last: Option<u32>) -> Result<Sheet, Failure> {
    let equity = read(history.daily_equity())?;
    let mut days: BTreeMap<NaiveDate, DayPnl> = read(history.daily_pnl())?;
    for day in equity.keys() {
        days.entry(*day).or_default();
    }
    if let Some(last) = last {
        let cut = days
            .len()
            .saturating_sub(usize::try_from(last).unwrap_or(usize::MAX));
        days = days.into_iter().skip(cut).collect();
    }
    let total = |part: fn(&DayPnl) -> Money| days.values().map(part).sum::<Money>();
    let (realized, fees) = (total(|day| day.realized), total(|day| day.fees));
    let net = realized.saturating_sub(fees);
    let list = days
        .iter()
        .map(|(date, day)| day_json(*date, day, equity.get(date)));
    let json = json!({
        "days": list.collect::<Vec<_>>(),
        "total": { "realized": realized, "fees": fees, "net": net },
    });
    let mut rows: Vec<Vec<String>> = days
        .iter()
        .map(|(date, day)| day_row(*date, day, equity.get(date)))
        .collect();
    let mut sum = vec![
        "total".into(),
        realized.to_string(),
        fees.to_string(),
        net.to_string(),
    ];
    sum.resize(8, String::new());
    rows.push(sum);
    let headers = vec![
        "day (New York)",
        "realised",
        "fees",
        "net",
        "fills",
        "settlements",
        "equity first",
        "equity last",
    ];
    Ok(Sheet { headers, rows, json })
}

/// The equity of a day is as often as it was written down: first and last of the day, marked.
type DayEquity = (EquityMark, EquityMark);

fn day_json(date: NaiveDate, day: &DayPnl, equity: Option<&DayEquity>) -> Value {
    json!({
        "date": date,
        "realized": day.realized,
        "fees": day.fees,
        "net": day.realized.saturating_sub(day.fees),
        "fills": day.fills,
        "settlements": day.settlements,
        "equity_first": equity.map(|(first, _)| first.equity),
        "equity_last": equity.map(|(_, last)| last.equity),
        "marked_change": equity.map(|(first, last)| last.equity.saturating_sub(first.equity)),
    })
}

fn day_row(date: NaiveDate, day: &DayPnl, equity: Option<&DayEquity>) -> Vec<String> {
    vec![
        date.to_string(),
        day.realized.to_string(),
        day.fees.to_string(),
        day.realized.saturating_sub(day.fees).to_string(),
        day.fills.to_string(),
        day.settlements.to_string(),
        or_dash(equity.map(|(first, _)| first.equity)),
        or_dash(equity.map(|(_, last)| last.equity)),
    ]
}

fn by_part(what: &'static str, parts: &BTreeMap<String, PartPnl>) -> Sheet {
    let net = |part: &PartPnl| part.realized.saturating_sub(part.fees);
    let list: Vec<Value> = parts
        .iter()
        .map(|(name, part)| {
            json!({
                what: name,
                "realized": part.realized,
                "fees": part.fees,
                "net": net(part),
                "cost": part.cost,
                "fills": part.fills,
            })
        })
        .collect();
    let rows = parts
        .iter()
        .map(|(name, part)| {
            vec![
                name.clone(),
                part.realized.to_string(),
                part.fees.to_string(),
                net(part).to_string(),
                part.cost.to_string(),
                part.fills.to_string(),
            ]
        })
        .collect();
    Sheet {
        headers: vec![what, "realised", "fees", "net", "cost of open", "fills"],
        rows,
        json: json!({ "by": what, "parts": list }),
    }
}
