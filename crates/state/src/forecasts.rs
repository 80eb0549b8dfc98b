//! What estimators said of checks, and prices that contradicted each other.

use std::collections::{BTreeMap, BTreeSet};

use autotrader_domain::{
    CoherenceFinding, Contracts, ForecastRecord, ModelChance, Money, OrganizationChance, Record,
};
use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel::sqlite::Sqlite;
use serde::{Deserialize, Serialize};

use crate::fault::Fault;
use crate::schema::{coherence, forecast_names, forecasts};
use crate::words::{json, micros, read_contracts, read_hash, read_json, read_time, read_word, word};

/// A model or organisation of less than this is not kept by name: the probability of such models goes into the rest.
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

/// Whether the chance at a place of the list is kept by name: the most probable always is, and what counts.
fn is_kept((place, p): (usize, f64)) -> bool {
    place == 0 || p >= KEPT_FROM
}

/// A model as it is kept: the numbers of its name and of its owner's, and the probability.
#[derive(Debug, Serialize, Deserialize)]
struct KeptModel(i64, Option<i64>, f64);

/// An organisation as it is kept: the number of its name, and the probability.
#[derive(Debug, Serialize, Deserialize)]
struct KeptOrganization(i64, f64);

fn kept_organizations(forecast: &ForecastRecord) -> impl Iterator<Item = &OrganizationChance> {
    let chances = forecast.organizations.iter().enumerate();
    chances
        .filter(|(place, chance)| is_kept((*place, chance.p)))
        .map(|(_, chance)| chance)
}

fn kept_models(forecast: &ForecastRecord) -> impl Iterator<Item = &ModelChance> {
    // Who leads is kept whatever the estimator thinks of it.
    let leader = forecast.drivers.as_ref().map(|drivers| &drivers.leader);
    let chances = forecast.models.iter().enumerate();
    chances
        .filter(move |(place, chance)| is_kept((*place, chance.p)) || leader == Some(&chance.model_name))
        .map(|(_, chance)| chance)
}

/// The numbers that stand for names in forecasts: a name is long, and is written a thousand times a day.
#[derive(Debug, Default)]
pub(crate) struct Names(BTreeMap<String, i64>);

impl Names {
    /// The numbers of all names that the forecasts among some records keep; a new name gets the next number.
    pub(crate) fn of(connection: &mut SqliteConnection, records: &[Record]) -> Result<Self, Fault> {
        let forecasts = records.iter().filter_map(|record| match record {
            Record::Forecast(forecast) => Some(forecast),
            _ => None,
        });
        let wanted: BTreeSet<&str> = forecasts
            .flat_map(|forecast| {
                let models = kept_models(forecast)
                    .flat_map(|chance| [Some(&chance.model_name), chance.organization.as_ref()]);
                let organizations = kept_organizations(forecast).map(|chance| Some(&chance.organization));
                models.chain(organizations).flatten().map(String::as_str)
            })
            .collect();
        if wanted.is_empty() {
            return Ok(Self::default());
        }
        let known = Self::among(connection, &wanted)?;
        let new: Vec<_> = wanted
            .iter()
            .filter(|name| !known.0.contains_key(**name))
            .map(|name| forecast_names::name.eq(*name))
            .collect();
        if new.is_empty() {
            return Ok(known);
        }
        diesel::insert_into(forecast_names::table)
            .values(new)
            .execute(connection)?;
        Self::among(connection, &wanted)
    }

    fn among(connection: &mut SqliteConnection, wanted: &BTreeSet<&str>) -> Result<Self, Fault> {
        let rows: Vec<(String, i64)> = forecast_names::table
            .filter(forecast_names::name.eq_any(wanted))
            .select((forecast_names::name, forecast_names::id))
            .load(connection)?;
        Ok(Self(rows.into_iter().collect()))
    }

    fn number(&self, name: &str) -> Result<i64, Fault> {
        let number = self.0.get(name).copied();
        number.ok_or_else(|| Fault::Conflict(format!("the name `{name}` of a forecast has no number")))
    }
}

/// The names that numbers in forecasts stand for.
struct Named(BTreeMap<i64, String>);

impl Named {
    fn all(connection: &mut SqliteConnection) -> Result<Self, Fault> {
        let rows: Vec<(i64, String)> = forecast_names::table
            .select((forecast_names::id, forecast_names::name))
            .load(connection)?;
        Ok(Self(rows.into_iter().collect()))
    }

    fn name(&self, place: &str, number: i64) -> Result<String, Fault> {
        let name = self.0.get(&number).cloned();
        name.ok_or_else(|| Fault::unreadable(place, format!("{number}, which stands for no name")))
    }
}

impl ForecastRow {
    fn new(forecast: &ForecastRecord, names: &Names) -> Result<Self, Fault> {
        let organizations = kept_organizations(forecast)
            .map(|chance| {
                Ok(KeptOrganization(
                    names.number(&chance.organization)?,
                    rounded(chance.p),
                ))
            })
            .collect::<Result<Vec<_>, Fault>>()?;
        let models = kept_models(forecast)
            .map(|chance| {
                let owner = chance.organization.as_deref().map(|owner| names.number(owner));
                Ok(KeptModel(
                    names.number(&chance.model_name)?,
                    owner.transpose()?,
                    rounded(chance.p),
                ))
            })
            .collect::<Result<Vec<_>, Fault>>()?;
        let named: f64 = models.iter().map(|kept| kept.2).sum();
        let listed: f64 = forecast.models.iter().map(|chance| chance.p).sum();
        Ok(Self {
            at: micros(forecast.at),
            check_time: micros(forecast.check_time),
            rule_set: forecast.rule_set.clone(),
            board: forecast.board.0.to_vec(),
            estimator: forecast.estimator.clone(),
            models: json(&models)?,
            rest: rounded((listed - named).max(0.0)),
            organizations: json(&organizations)?,
            other: rounded(forecast.other),
            unlisted: rounded(forecast.unlisted),
            drivers: forecast.drivers.as_ref().map(json).transpose()?,
        })
    }

    fn forecast(&self, named: &Named) -> Result<ForecastRecord, Fault> {
        let models: Vec<KeptModel> = read_json("forecasts.models", &self.models)?;
        let organizations: Vec<KeptOrganization> = read_json("forecasts.organizations", &self.organizations)?;
        let name = |number| named.name("forecasts.models", number);
        let models = models.into_iter().map(|KeptModel(model, owner, p)| {
            Ok(ModelChance {
                model_name: name(model)?,
                organization: owner.map(name).transpose()?,
                p,
            })
        });
        let organizations = organizations.into_iter().map(|KeptOrganization(number, p)| {
            let organization = named.name("forecasts.organizations", number)?;
            Ok(OrganizationChance { organization, p })
        });
        Ok(ForecastRecord {
            at: read_time("forecasts.at", self.at)?,
            check_time: read_time("forecasts.check_time", self.check_time)?,
            rule_set: self.rule_set.clone(),
            board: read_hash("forecasts.board", &self.board)?,
            estimator: self.estimator.clone(),
            models: models.collect::<Result<_, Fault>>()?,
            organizations: organizations.collect::<Result<_, Fault>>()?,
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
pub(crate) fn store(
    connection: &mut SqliteConnection,
    forecast: &ForecastRecord,
    names: &Names,
) -> Result<(), Fault> {
    diesel::insert_into(forecasts::table)
        .values(ForecastRow::new(forecast, names)?)
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
    let named = Named::all(connection)?;
    rows.iter().rev().map(|row| row.forecast(&named)).collect()
}

/// What every estimator said last of one check: all of them speak at once.
pub(crate) fn latest(
    connection: &mut SqliteConnection,
    check_time: i64,
    rule_set: &str,
) -> Result<Vec<ForecastRecord>, Fault> {
    let of_check = forecasts::table
        .filter(forecasts::check_time.eq(check_time))
        .filter(forecasts::rule_set.eq(rule_set));
    let last: Option<i64> = of_check
        .select(diesel::dsl::max(forecasts::at))
        .first(connection)?;
    let rows: Vec<ForecastRow> = of_check
        .filter(forecasts::at.nullable().eq(last))
        .order(forecasts::id)
        .select(ForecastRow::as_select())
        .load(connection)?;
    let named = Named::all(connection)?;
    rows.iter().map(|row| row.forecast(&named)).collect()
}

/// What every estimator said first of one check between two times, the second excluded.
pub(crate) fn first(
    connection: &mut SqliteConnection,
    check_time: i64,
    rule_set: &str,
    from: i64,
    until: i64,
) -> Result<Vec<ForecastRecord>, Fault> {
    let of_check = forecasts::table
        .filter(forecasts::check_time.eq(check_time))
        .filter(forecasts::rule_set.eq(rule_set));
    let first: Option<i64> = of_check
        .filter(forecasts::at.ge(from).and(forecasts::at.lt(until)))
        .select(diesel::dsl::min(forecasts::at))
        .first(connection)?;
    let rows: Vec<ForecastRow> = of_check
        .filter(forecasts::at.nullable().eq(first))
        .order(forecasts::id)
        .select(ForecastRow::as_select())
        .load(connection)?;
    let named = Named::all(connection)?;
    rows.iter().map(|row| row.forecast(&named)).collect()
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
