//! `incident ID`: everything on record about one order or fill, on one timeline.

use std::process::ExitCode;

use autotrader_domain::Fill;
use autotrader_state::{History, Incident, OrderFile};
use autotrader_strategy::why::in_words;
use chrono::{DateTime, Utc};
use chrono_tz::America::New_York;
use serde_json::{Value, json};

use super::operate::read;
use crate::cli::IncidentArgs;
use crate::{Failure, output, wiring};

/// One thing that happened.
struct Entry {
    at: DateTime<Utc>,
    kind: &'static str,
    text: String,
    data: Value,
}

/// Tells what stood, what was decided, what was sent and answered, what was filled and what was paid.
///
/// # Errors
/// [`Failure`] when the database cannot be read or nothing has this id.
pub(crate) fn incident(args: &IncidentArgs) -> Result<ExitCode, Failure> {
    let config = wiring::load_config(&args.config.place)?.config;
    let history = History::open(&config.database.url)
        .map_err(|error| Failure::failed(format!("database: {error}.")))?;
    let Some(incident) = read(history.incident(&args.id))? else {
        return Err(Failure::failed(format!(
            "{}: no order and no fill has this id; see `orders` and `fills`.",
            args.id
        )));
    };
    let timeline = timeline(&incident);
    if args.config.json {
        let entries: Vec<Value> = timeline.iter().map(entry_json).collect();
        output::json(&json!({
            "id": args.id,
            "ticker": incident.ticker,
            "client_order_id": incident.order.as_ref().map(|file| &file.order.client_order_id),
            "venue_order_id": venue_order_id(&incident),
            "state": incident.order.as_ref().map(|file| file.order.state),
            "order": incident.order.as_ref().map(|file| &file.order),
            "request_body": incident.order.as_ref().and_then(|file| file.body.as_deref()),
            "timeline": entries,
        }))?;
    } else {
        print(&incident, &timeline);
    }
    Ok(ExitCode::SUCCESS)
}

fn venue_order_id(incident: &Incident) -> Option<&str> {
    let of_order = incident
        .order
        .as_ref()
        .and_then(|file| file.order.venue_order_id.as_ref());
    let of_fill = incident.fills.first().map(|fill| &fill.venue_order_id);
    of_order.or(of_fill).map(|id| id.as_str())
}

fn timeline(incident: &Incident) -> Vec<Entry> {
    let mut entries = Vec::new();
    if let Some(file) = &incident.order {
        of_order(file, &mut entries);
    }
    entries.extend(incident.fills.iter().map(of_fill));
    entries.extend(incident.settlements.iter().map(|settled| Entry {
        at: settled.settled_at,
        kind: "settlement",
        text: format!(
            "{} settled: YES pays {}, fee {}.",
            settled.ticker, settled.yes_value, settled.fee
        ),
        data: json!(settled),
    }));
    // Stable: what has the same time stays in the order of cause and effect.
    entries.sort_by_key(|entry| entry.at);
    entries
}

fn of_order(file: &OrderFile, entries: &mut Vec<Entry>) {
    let order = &file.order;
    if let Some(board) = &file.board {
        entries.push(Entry {
            at: board.accepted_at,
            kind: "board",
            text: format!(
                "Board {} of {} accepted, {} entries.",
                board.hash,
                board.vintage.format("%Y-%m-%d"),
                board.entries
            ),
            data: json!(board),
        });
    }
    if let Some(why) = &file.decision {
        entries.push(Entry {
            at: why.at,
            kind: "decision",
            text: in_words(why),
            data: json!(why),
        });
    }
    let intent = &order.intent;
    entries.push(Entry {
        at: order.created_at,
        kind: "approved",
        text: format!(
            "{:?} {:?} of {} contracts to {}: {}",
            intent.purpose, intent.side, intent.contracts, intent.limit, intent.rationale
        ),
        data: json!(intent),
    });
    for (place, step) in file.steps.iter().enumerate() {
        // The bytes are stored with the first step, before any of them is sent.
        if place == 0 {
            entries.push(Entry {
                at: step.at,
                kind: "request",
                text: match &file.body {
                    Some(body) => format!("Stored to be sent: {body}"),
                    None => "The bytes were not kept by the version that sent it.".to_owned(),
                },
                data: json!({ "body": file.body, "request": file.request }),
            });
        }
        let answer = match &step.answer {
            Some(answer) => format!(" Answer: {answer}"),
            None => String::new(),
        };
        entries.push(Entry {
            at: step.at,
            kind: "step",
            text: format!(
                "{}, {} filled: {}{answer}",
                step.state.as_str(),
                step.filled,
                step.detail
            ),
            data: json!(step),
        });
    }
}

fn of_fill(fill: &Fill) -> Entry {
    Entry {
        at: fill.filled_at,
        kind: "fill",
        text: format!(
            "{:?} {} at {}, fee {} ({:?}, {}).",
            fill.side, fill.contracts, fill.price, fill.fee, fill.liquidity, fill.fill_id
        ),
        data: json!(fill),
    }
}

fn entry_json(entry: &Entry) -> Value {
    json!({
        "at_utc": entry.at,
        "at_new_york": new_york(entry.at),
        "kind": entry.kind,
        "text": entry.text,
        "data": entry.data,
    })
}

/// The time on New York's clocks, with the offset that tells the hour of a change apart.
fn new_york(at: DateTime<Utc>) -> String {
    at.with_timezone(&New_York)
        .format("%Y-%m-%dT%H:%M:%S%.6f%:z")
        .to_string()
}

fn print(incident: &Incident, timeline: &[Entry]) {
    match &incident.order {
        Some(file) => output::line(&format!(
            "Order {} on {}: {}, {} of {} filled; at the exchange {}.",
            file.order.client_order_id,
            incident.ticker,
            file.order.state.as_str(),
            file.order.filled,
            file.order.intent.contracts,
            venue_order_id(incident).unwrap_or("it has no id"),
        )),
        None => output::line(&format!(
            "A fill on {} of an order that is not ours; at the exchange {}.",
            incident.ticker,
            venue_order_id(incident).unwrap_or("it has no id"),
        )),
    }
    let rows: Vec<Vec<String>> = timeline
        .iter()
        .map(|entry| {
            let local = entry.at.with_timezone(&New_York);
            vec![
                local.format("%Y-%m-%d %H:%M:%S%.3f %Z").to_string(),
                entry.at.format("%H:%M:%S%.3fZ").to_string(),
                entry.kind.to_owned(),
                entry.text.clone(),
            ]
        })
        .collect();
    output::table(&["New York", "UTC", "what", "in words"], &rows);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_two_hours_of_the_change_are_told_apart() {
        for (utc, local) in [
            ("2026-11-01T05:30:00Z", "2026-11-01T01:30:00.000000-04:00"),
            ("2026-11-01T06:30:00Z", "2026-11-01T01:30:00.000000-05:00"),
            ("2026-03-08T06:59:59Z", "2026-03-08T01:59:59.000000-05:00"),
            ("2026-03-08T07:00:00Z", "2026-03-08T03:00:00.000000-04:00"),
        ] {
            assert_eq!(new_york(utc.parse().unwrap()), local);
        }
    }
}
