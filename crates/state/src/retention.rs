//! What may be forgotten: readings and decisions.
//!
//! Forecasts, contradicting prices and the history of boards are never forgotten: what an estimator is worth is known only
//! after many checks.

use chrono::{DateTime, Utc};
use diesel::dsl::{exists, not};
use diesel::prelude::*;
use serde::Serialize;

use crate::connection::{Begin, atomically};
use crate::fault::Fault;
use crate::schema::{decisions, pages, readings};
use crate::words::micros;

/// What was removed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Pruned {
    /// Polls of the leaderboard.
    pub readings: usize,
    /// Lines of the why-ledger.
    pub decisions: usize,
}

/// Removes readings and decisions from before a time, and what the gate said of pages no longer referred to.
pub(crate) fn prune(connection: &mut SqliteConnection, before: DateTime<Utc>) -> Result<Pruned, Fault> {
    let before = micros(before);
    atomically(connection, Begin::ToWrite, |connection| {
        let readings =
            diesel::delete(readings::table.filter(readings::fetched_at.lt(before))).execute(connection)?;
        let decisions =
            diesel::delete(decisions::table.filter(decisions::at.lt(before))).execute(connection)?;
        let referred = readings::table.filter(readings::page.eq(pages::id.nullable()));
        diesel::delete(pages::table.filter(not(exists(referred)))).execute(connection)?;
        Ok(Pruned { readings, decisions })
    })
}
