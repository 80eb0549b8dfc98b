//! What past boards tell, from a file that a person wrote.
//!
//! `{"since": DAY, "arrivals": [{"date": DAY, "organization": LAB, "gap": POINTS}, …], "first_seen": {MODEL: DAY}}`, or the
//! list of arrivals alone; an arrival may also be written `[DAY, LAB, POINTS]`. `gap` is the score at the debut minus the
//! leader's of the board before. Without `since` the history begins with its first arrival.

use std::collections::BTreeMap;
use std::path::Path;

use autotrader_domain::{Arrival, BoardHistory, HistoryEvent};
use chrono::{DateTime, Utc};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::when::{Span, When};
use crate::Failure;
use crate::commands::input;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    since: Option<String>,
    arrivals: Vec<Value>,
    #[serde(default)]
    first_seen: BTreeMap<String, String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Row {
    #[serde(alias = "at")]
    date: String,
    #[serde(alias = "org")]
    organization: Option<String>,
    gap: f64,
    #[serde(alias = "model")]
    model_name: Option<String>,
}

/// Reads the file as the history that was known at the start of `span`.
///
/// # Errors
/// [`Failure`] with exit code 2 that names the file and what in it cannot be read.
pub(crate) fn read(path: &Path, span: &Span) -> Result<BoardHistory, Failure> {
    let bytes = input::read_as(path, "a list of arrivals")?;
    let wrong = |detail: String| Failure::usage(format!("{}: {detail}.", path.display()));
    let value: Value = serde_json::from_slice(&bytes).map_err(|error| wrong(format!("not JSON: {error}")))?;
    history(value, span).map_err(wrong)
}

fn history(value: Value, span: &Span) -> Result<BoardHistory, String> {
    let document = match value {
        Value::Array(arrivals) => Document {
            since: None,
            arrivals,
            first_seen: BTreeMap::new(),
        },
        other => part("arrivals", other)?,
    };
    let time = |place: &str, text: &str| -> Result<DateTime<Utc>, String> {
        let when =
            When::read(place, text).map_err(|failure| failure.message.trim_end_matches('.').to_owned())?;
        Ok(span.place(when))
    };
    let mut arrivals = document
        .arrivals
        .into_iter()
        .enumerate()
        .map(|(index, row)| arrival(index, row, &time))
        .collect::<Result<Vec<Arrival>, String>>()?;
    arrivals.sort_by_key(|arrival| arrival.at);
    let first = arrivals.first().map(|arrival| arrival.at);
    let since = match &document.since {
        Some(text) => time("since", text)?,
        None => first.unwrap_or(span.at),
    };
    if since > span.at {
        return Err(
            "since: the history begins after --at; name the day of the first board that was watched".into(),
        );
    }
    let mut history = BoardHistory::watched_since(since);
    for (model_name, text) in &document.first_seen {
        let at = time(&format!("first_seen of `{model_name}`"), text)?;
        history.apply(&HistoryEvent::Listed {
            at,
            model_name: model_name.clone(),
            organization: None,
        });
    }
    for arrival in arrivals {
        history.apply(&HistoryEvent::Arrived(arrival));
    }
    Ok(history)
}

fn arrival(
    index: usize,
    row: Value,
    time: &impl Fn(&str, &str) -> Result<DateTime<Utc>, String>,
) -> Result<Arrival, String> {
    let place = format!("arrival {}", index + 1);
    let row = if row.is_array() {
        let (date, organization, gap) = part(&place, row)?;
        Row {
            date,
            organization,
            gap,
            model_name: None,
        }
    } else {
        part(&place, row)?
    };
    Ok(Arrival {
        at: time(&place, &row.date)?,
        // A list of arrivals says who, not necessarily which model.
        model_name: row.model_name.unwrap_or_else(|| place.clone()),
        organization: row.organization,
        gap: row.gap,
    })
}

fn part<T: DeserializeOwned>(place: &str, value: Value) -> Result<T, String> {
    serde_json::from_value(value).map_err(|error| format!("{place}: {error}"))
}
