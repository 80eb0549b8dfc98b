//! What estimators said of checks, and prices that contradicted each other.

use autotrader_domain::{BoardHash, CoherenceFinding, Contracts, ForecastRecord, ModelChance, Money};
use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel::sqlite::Sqlite;

use crate::fault::Fault;
use crate::schema::{coherence, forecasts};
use crate::words::{json, micros, read_contracts, read_json, read_time, read_word, word};

/// A model of less than this is not kept by name: its probability goes into the rest.
const KEPT_FROM: f64 = 0.000_5;

#[derive(Debug, Queryable, Selectable, Insertable)]
#[diesel(table_name = forecasts, check_for_backend(Sqlite))]
struct ForecastRow {
    at: i64,
    check_time: i64,
    rule_set: String,
    board: Vec<u8>,
    estimator: String,
    models: String,
    rest: f64,
    organizations: String,
    other: f64,
    unlisted: f64,
    drivers: Option<String>,
}

/// A probability with as many digits as its scoring needs.
fn rounded(p: f64) -> f64 {
    (p * 1e7).round() / 1e7
}

impl ForecastRow {
    fn new(forecast: &ForecastRecord) -> Result<Self, Fault> {
        let kept: Vec<ModelChance> = forecast
            .models
            .iter()
            .filter(|chance| chance.p >= KEPT_FROM)
            .map(|chance| ModelChance {
                p: rounded(chance.p),
                ..chance.clone()
            })
            .collect();
        let mut organizations = forecast.organizations.clone();
        for chance in &mut organizations {
            chance.p = rounded(chance.p);
        }
        let named: f64 = kept.iter().map(|chance| chance.p).sum();
        let listed: f64 = forecast.models.iter().map(|chance| chance.p).sum();
        Ok(Self {
            at: micros(forecast.at),
            check_time: micros(forecast.check_time),
            rule_set: forecast.rule_set.clone(),
            board: forecast.board.0.to_vec(),
            estimator: forecast.estimator.clone(),
            models: json(&kept)?,
            rest: (listed - named).max(0.0),
            organizations: json(&organizations)?,
            other: forecast.other,
            unlisted: forecast.unlisted,
            drivers: forecast.drivers.as_ref().map(json).transpose()?,
        })
    }

    fn forecast(&self) -> Result<ForecastRecord, Fault> {
        let board = self
            .board
            .as_slice()
            .try_into()
            .map_err(|_| Fault::unreadable("forecasts.board", "a hash of another length"))?;
        Ok(ForecastRecord {
            at: read_time("forecasts.at", self.at)?,
            check_time: read_time("forecasts.check_time", self.check_time)?,
            rule_set: self.rule_set.clone(),
            board: BoardHash(board),
            estimator: self.estimator.clone(),
            models: read_json("forecasts.models", &self.models)?,
            organizations: read_json("forecasts.organizations", &self.organizations)?,
            other: self.other,
            unlisted: self.unlisted,
            drivers: self
                .drivers
                .as_deref()
                .map(|drivers| read_json("forecasts.drivers", drivers))
                .transpose()?,
        })
    }
}

/// Stores a forecast; models that hardly count are summed up.
pub(crate) fn store(connection: &mut SqliteConnection, forecast: &ForecastRecord) -> Result<(), Fault> {
    diesel::insert_into(forecasts::table)
        .values(ForecastRow::new(forecast)?)
        .execute(connection)?;
    Ok(())
}

/// The newest forecasts since a time, oldest first; models that hardly counted are not among them.
pub(crate) fn list(
    connection: &mut SqliteConnection,
    since: i64,
    limit: i64,
) -> Result<Vec<ForecastRecord>, Fault> {
    let rows: Vec<ForecastRow> = forecasts::table
        .filter(forecasts::at.ge(since))
        .order(forecasts::id.desc())
        .limit(limit)
        .select(ForecastRow::as_select())
        .load(connection)?;
    rows.iter().rev().map(ForecastRow::forecast).collect()
}

#[derive(Debug, Queryable, Selectable, Insertable)]
#[diesel(table_name = coherence, check_for_backend(Sqlite))]
struct CoherenceRow {
    at: i64,
    kind: String,
    event: String,
    organization: Option<String>,
    sets: i64,
    gross: f64,
    net: f64,
    capital: i64,
}

/// Stores what was found.
pub(crate) fn store_coherence(
    connection: &mut SqliteConnection,
    at: DateTime<Utc>,
    finding: &CoherenceFinding,
) -> Result<(), Fault> {
    let row = CoherenceRow {
        at: micros(at),
        kind: word(&finding.kind)?,
        event: word(&finding.event)?,
        organization: finding.organization.clone(),
        sets: finding.sets.raw(),
        gross: finding.gross,
        net: finding.net,
        capital: finding.capital.raw(),
    };
    diesel::insert_into(coherence::table)
        .values(row)
        .execute(connection)?;
    Ok(())
}

/// The newest findings since a time, oldest first.
pub(crate) fn coherence_list(
    connection: &mut SqliteConnection,
    since: i64,
    limit: i64,
) -> Result<Vec<(DateTime<Utc>, CoherenceFinding)>, Fault> {
    let rows: Vec<CoherenceRow> = coherence::table
        .filter(coherence::at.ge(since))
        .order(coherence::id.desc())
        .limit(limit)
        .select(CoherenceRow::as_select())
        .load(connection)?;
    let read = |row: &CoherenceRow| {
        let sets: Contracts = read_contracts("coherence.sets", row.sets)?;
        let finding = CoherenceFinding {
            kind: read_word("coherence.kind", &row.kind)?,
            event: read_word("coherence.event", &row.event)?,
            organization: row.organization.clone(),
            sets,
            gross: row.gross,
            net: row.net,
            capital: Money::micros(row.capital),
        };
        Ok((read_time("coherence.at", row.at)?, finding))
    };
    rows.iter().rev().map(read).collect()
}
