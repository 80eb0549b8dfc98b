//! The equity from time to time, and what losses are counted from.

use std::collections::BTreeMap;

use autotrader_domain::EquityMark;
use chrono::NaiveDate;
use diesel::prelude::*;
use diesel::sqlite::Sqlite;

use crate::fault::Fault;
use crate::schema::equity_marks;
use crate::words::{micros, read_money, read_time};

#[derive(Debug, Queryable, Selectable, Insertable)]
#[diesel(table_name = equity_marks, check_for_backend(Sqlite))]
struct EquityRow {
    at: i64,
    day: String,
    equity: i64,
    day_open: i64,
    peak: i64,
}

impl EquityRow {
    fn mark(&self) -> Result<EquityMark, Fault> {
        Ok(EquityMark {
            at: read_time("equity_marks.at", self.at)?,
            day: self
                .day
                .parse()
                .map_err(|error| Fault::unreadable("equity_marks.day", error))?,
            equity: read_money(self.equity),
            day_open: read_money(self.day_open),
            peak: read_money(self.peak),
        })
    }
}

/// Stores a mark.
pub(crate) fn store(connection: &mut SqliteConnection, mark: &EquityMark) -> Result<(), Fault> {
    let row = EquityRow {
        at: micros(mark.at),
        day: mark.day.to_string(),
        equity: mark.equity.raw(),
        day_open: mark.day_open.raw(),
        peak: mark.peak.raw(),
    };
    diesel::insert_into(equity_marks::table)
        .values(&row)
        .execute(connection)?;
    Ok(())
}

/// The last mark.
pub(crate) fn last(connection: &mut SqliteConnection) -> Result<Option<EquityMark>, Fault> {
    let row: Option<EquityRow> = equity_marks::table
        .order(equity_marks::id.desc())
        .select(EquityRow::as_select())
        .first(connection)
        .optional()?;
    row.as_ref().map(EquityRow::mark).transpose()
}

/// The first and the last mark of each New York day.
pub(crate) fn of_days(
    connection: &mut SqliteConnection,
) -> Result<BTreeMap<NaiveDate, (EquityMark, EquityMark)>, Fault> {
    let rows: Vec<EquityRow> = equity_marks::table
        .order(equity_marks::id)
        .select(EquityRow::as_select())
        .load(connection)?;
    let mut days = BTreeMap::new();
    for row in rows {
        let mark = row.mark()?;
        let (_, last) = days.entry(mark.day).or_insert((mark, mark));
        *last = mark;
    }
    Ok(days)
}
