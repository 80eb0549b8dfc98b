//! The history of boards: a log that a restart replays.

use autotrader_domain::{Arrival, HistoryEvent, Led};
use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel::sqlite::Sqlite;

use crate::fault::Fault;
use crate::schema::board_history;
use crate::words::{micros, read_time};

#[derive(Debug, Queryable, Selectable, Insertable)]
#[diesel(table_name = board_history, check_for_backend(Sqlite))]
struct HistoryRow {
    at: i64,
    event: String,
    model_name: String,
    organization: Option<String>,
    gap: Option<f64>,
}

impl HistoryRow {
    fn new(event: &HistoryEvent) -> Self {
        let row = |event: &str, at: DateTime<Utc>, model_name: &str, organization: &Option<String>| Self {
            at: micros(at),
            event: event.to_owned(),
            model_name: model_name.to_owned(),
            organization: organization.clone(),
            gap: None,
        };
        match event {
            HistoryEvent::Listed {
                at,
                model_name,
                organization,
            } => row("listed", *at, model_name, organization),
            HistoryEvent::Delisted { at, model_name } => row("delisted", *at, model_name, &None),
            HistoryEvent::Arrived(arrival) => Self {
                gap: Some(arrival.gap),
                ..row("arrived", arrival.at, &arrival.model_name, &arrival.organization)
            },
            HistoryEvent::Led(led) => row("led", led.at, &led.model_name, &led.organization),
        }
    }

    fn event(self) -> Result<HistoryEvent, Fault> {
        let at = read_time("board_history.at", self.at)?;
        let (model_name, organization) = (self.model_name, self.organization);
        Ok(match (self.event.as_str(), self.gap) {
            ("listed", None) => HistoryEvent::Listed {
                at,
                model_name,
                organization,
            },
            ("delisted", None) => HistoryEvent::Delisted { at, model_name },
            ("arrived", Some(gap)) => HistoryEvent::Arrived(Arrival {
                at,
                model_name,
                organization,
                gap,
            }),
            ("led", None) => HistoryEvent::Led(Led {
                at,
                model_name,
                organization,
            }),
            (other, _) => return Err(Fault::unreadable("board_history.event", other)),
        })
    }
}

/// Appends what a board added.
pub(crate) fn store(connection: &mut SqliteConnection, events: &[HistoryEvent]) -> Result<(), Fault> {
    for event in events {
        diesel::insert_into(board_history::table)
            .values(HistoryRow::new(event))
            .execute(connection)?;
    }
    Ok(())
}

/// The whole log, in the order it was written.
pub(crate) fn all(connection: &mut SqliteConnection) -> Result<Vec<HistoryEvent>, Fault> {
    let rows: Vec<HistoryRow> = board_history::table
        .order(board_history::id)
        .select(HistoryRow::as_select())
        .load(connection)?;
    rows.into_iter().map(HistoryRow::event).collect()
}
