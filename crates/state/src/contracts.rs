//! What each contract was last known to pay on.

use std::collections::BTreeMap;

use autotrader_domain::{Mapping, Ticker};
use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel::sqlite::Sqlite;

use crate::fault::Fault;
use crate::schema::contracts;
use crate::words::{json, micros, read_json, read_time, read_word, word};

#[derive(Debug, Queryable, Selectable, Insertable, AsChangeset)]
#[diesel(table_name = contracts, treat_none_as_null = true, check_for_backend(Sqlite))]
struct ContractRow {
    ticker: String,
    mapped_at: i64,
    state: String,
    claim: Option<String>,
    rule_set: Option<String>,
    check_time: Option<i64>,
    reasons: String,
    suggestions: String,
}

impl ContractRow {
    fn new(at: DateTime<Utc>, mapping: &Mapping) -> Result<Self, Fault> {
        Ok(Self {
            ticker: mapping.ticker.to_string(),
            mapped_at: micros(at),
            state: word(&mapping.state)?,
            claim: mapping.claim.as_ref().map(json).transpose()?,
            rule_set: mapping.rule_set.clone(),
            check_time: mapping.check_time.map(micros),
            reasons: json(&mapping.reasons)?,
            suggestions: json(&mapping.suggestions)?,
        })
    }

    fn mapping(&self) -> Result<Mapping, Fault> {
        Ok(Mapping {
            ticker: read_word("contracts.ticker", &self.ticker)?,
            state: read_word("contracts.state", &self.state)?,
            claim: self
                .claim
                .as_deref()
                .map(|claim| read_json("contracts.claim", claim))
                .transpose()?,
            rule_set: self.rule_set.clone(),
            check_time: self
                .check_time
                .map(|at| read_time("contracts.check_time", at))
                .transpose()?,
            reasons: read_json("contracts.reasons", &self.reasons)?,
            suggestions: read_json("contracts.suggestions", &self.suggestions)?,
        })
    }
}

/// Stores what a contract pays on now, in place of what it paid on before.
pub(crate) fn store(
    connection: &mut SqliteConnection,
    at: DateTime<Utc>,
    mapping: &Mapping,
) -> Result<(), Fault> {
    let row = ContractRow::new(at, mapping)?;
    diesel::insert_into(contracts::table)
        .values(&row)
        .on_conflict(contracts::ticker)
        .do_update()
        .set(&row)
        .execute(connection)?;
    Ok(())
}

/// Every contract ever listed.
pub(crate) fn all(connection: &mut SqliteConnection) -> Result<BTreeMap<Ticker, Mapping>, Fault> {
    let rows: Vec<ContractRow> = contracts::table
        .select(ContractRow::as_select())
        .load(connection)?;
    rows.iter()
        .map(|row| {
            let mapping = row.mapping()?;
            Ok((mapping.ticker.clone(), mapping))
        })
        .collect()
}

/// One contract; `None` when it was never listed.
pub(crate) fn one(connection: &mut SqliteConnection, ticker: &Ticker) -> Result<Option<Mapping>, Fault> {
    let row: Option<ContractRow> = contracts::table
        .find(ticker.as_str())
        .select(ContractRow::as_select())
        .first(connection)
        .optional()?;
    row.map(|row| row.mapping()).transpose()
}
