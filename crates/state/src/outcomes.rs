//! What markets were decided to pay, whoever held them.

use autotrader_domain::{Decided, Ticker};
use chrono::{DateTime, Utc};
use diesel::dsl::{exists, not};
use diesel::prelude::*;
use diesel::sqlite::Sqlite;

use crate::fault::Fault;
use crate::schema::{contracts, outcomes, settlements};
use crate::words::{micros, read_price, read_time, read_word};

#[derive(Debug, Queryable, Selectable)]
#[diesel(table_name = outcomes, check_for_backend(Sqlite))]
struct OutcomeRow {
    at: i64,
    ticker: String,
    yes_value: i64,
    paid: bool,
}

impl OutcomeRow {
    fn decided(&self) -> Result<Decided, Fault> {
        Ok(Decided {
            ticker: read_word("outcomes.ticker", &self.ticker)?,
            at: read_time("outcomes.at", self.at)?,
            yes_value: read_price("outcomes.yes_value", self.yes_value)?,
            paid: self.paid,
        })
    }
}

/// Stores a word on a market.
pub(crate) fn store(connection: &mut SqliteConnection, decided: &Decided) -> Result<(), Fault> {
    diesel::insert_into(outcomes::table)
        .values((
            outcomes::at.eq(micros(decided.at)),
            outcomes::ticker.eq(decided.ticker.as_str()),
            outcomes::yes_value.eq(decided.yes_value.raw()),
            outcomes::paid.eq(decided.paid),
        ))
        .execute(connection)?;
    Ok(())
}

/// The newest words since a time, oldest first; what the account was paid counts among them, and after what was only seen at
/// the same instant.
pub(crate) fn list(
    connection: &mut SqliteConnection,
    ticker: Option<&Ticker>,
    since: i64,
    limit: i64,
) -> Result<Vec<Decided>, Fault> {
    let mut seen = outcomes::table
        .filter(outcomes::at.ge(since))
        .order((outcomes::at.desc(), outcomes::id.desc()))
        .limit(limit)
        .select(OutcomeRow::as_select())
        .into_boxed();
    let mut received = settlements::table
        .filter(settlements::settled_at.ge(since))
        .order((settlements::settled_at.desc(), settlements::id.desc()))
        .limit(limit)
        .select((
            settlements::settled_at,
            settlements::ticker,
            settlements::yes_value,
        ))
        .into_boxed();
    if let Some(ticker) = ticker {
        seen = seen.filter(outcomes::ticker.eq(ticker.as_str()));
        received = received.filter(settlements::ticker.eq(ticker.as_str()));
    }
    let mut rows: Vec<OutcomeRow> = seen.load(connection)?;
    rows.reverse();
    let received: Vec<(i64, String, i64)> = received.load(connection)?;
    rows.extend(
        received
            .into_iter()
            .rev()
            .map(|(at, ticker, yes_value)| OutcomeRow {
                at,
                ticker,
                yes_value,
                paid: true,
            }),
    );
    rows.sort_by_key(|row| row.at);
    let surplus = rows
        .len()
        .saturating_sub(usize::try_from(limit).unwrap_or(usize::MAX));
    rows.iter().skip(surplus).map(OutcomeRow::decided).collect()
}

/// Contracts with a known check of which it is not known what they paid, with their checks.
pub(crate) fn undecided(connection: &mut SqliteConnection) -> Result<Vec<(Ticker, DateTime<Utc>)>, Fault> {
    let paid = outcomes::table
        .filter(outcomes::ticker.eq(contracts::ticker))
        .filter(outcomes::paid);
    let received = settlements::table.filter(settlements::ticker.eq(contracts::ticker));
    let rows: Vec<(String, Option<i64>)> = contracts::table
        .filter(contracts::check_time.is_not_null())
        .filter(not(exists(paid)))
        .filter(not(exists(received)))
        .order(contracts::ticker)
        .select((contracts::ticker, contracts::check_time))
        .load(connection)?;
    rows.into_iter()
        .filter_map(|(ticker, check)| Some((ticker, check?)))
        .map(|(ticker, check)| {
            let ticker = read_word("contracts.ticker", &ticker)?;
            Ok((ticker, read_time("contracts.check_time", check)?))
        })
        .collect()
}
