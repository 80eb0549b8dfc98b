//! What scoring and exports read: accepted boards one by one, and what was said first of a check.

use autotrader_domain::ports::StoreError;
use autotrader_domain::{BoardHash, ForecastRecord, ParsePath};
use chrono::{DateTime, Utc};
use diesel::prelude::*;

use crate::words::{micros, read_hash, read_time, read_word};
use crate::{History, forecasts, schema};

/// That a board was accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Acceptance {
    /// The board.
    pub hash: BoardHash,
    /// How it was read.
    pub path: ParsePath,
    /// When it became current.
    pub at: DateTime<Utc>,
}

impl History {
    /// Which boards were accepted since a time, oldest first; their rows are asked for with [`History::board`].
    ///
    /// # Errors
    /// See the type.
    pub fn acceptances(&self, since: Option<DateTime<Utc>>) -> Result<Vec<Acceptance>, StoreError> {
        use schema::accepted_boards::dsl;
        self.ask(|c| {
            let rows: Vec<(Vec<u8>, String, i64)> = dsl::accepted_boards
                .filter(dsl::accepted_at.ge(since.map_or(i64::MIN, micros)))
                .order(dsl::id)
                .select((dsl::hash, dsl::path, dsl::accepted_at))
                .load(c)?;
            rows.iter()
                .map(|(hash, path, at)| {
                    Ok(Acceptance {
                        hash: read_hash("accepted_boards.hash", hash)?,
                        path: read_word("accepted_boards.path", path)?,
                        at: read_time("accepted_boards.accepted_at", *at)?,
                    })
                })
                .collect()
        })
    }

    /// What every estimator said first of one check under one rule set between two times, the second excluded: all of them
    /// speak at once. Models and organisations that hardly counted are not among them.
    ///
    /// # Errors
    /// See the type.
    pub fn first_forecasts(
        &self,
        check_time: DateTime<Utc>,
        rule_set: &str,
        from: Option<DateTime<Utc>>,
        until: DateTime<Utc>,
    ) -> Result<Vec<ForecastRecord>, StoreError> {
        let from = from.map_or(i64::MIN, micros);
        self.ask(|c| forecasts::first(c, micros(check_time), rule_set, from, micros(until)))
    }
}
