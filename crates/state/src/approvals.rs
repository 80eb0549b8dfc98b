//! What people decided about names and texts, and what contracts said when they were first seen.

use autotrader_domain::{Approval, ApprovalDecision, ContractTerms, Ticker};
use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel::sqlite::Sqlite;

use crate::fault::Fault;
use crate::schema::{approvals, contract_terms};
use crate::words::{micros, read_time, read_word};

#[derive(Debug, Default, Queryable, Selectable, Insertable)]
#[diesel(table_name = approvals, check_for_backend(Sqlite))]
struct ApprovalRow {
    at: i64,
    decided_by: String,
    kind: String,
    ticker: Option<String>,
    subject: Option<String>,
    name: Option<String>,
    strike_model: Option<String>,
    rules_primary: Option<String>,
    series: Option<String>,
    text: Option<String>,
    rule_set: Option<String>,
}

impl ApprovalRow {
    fn new(at: DateTime<Utc>, by: &str, decision: &ApprovalDecision) -> Self {
        let row = Self {
            at: micros(at),
            decided_by: by.to_owned(),
            kind: decision.kind().to_owned(),
            ticker: decision.ticker().map(ToString::to_string),
            ..Self::default()
        };
        match decision {
            ApprovalDecision::Mapping {
                ticker: _,
                subject,
                terms,
                name,
            } => Self {
                subject: Some(subject.clone()),
                name: Some(name.clone()),
                strike_model: terms.strike_model.clone(),
                rules_primary: Some(terms.rules_primary.clone()),
                ..row
            },
            ApprovalDecision::MappingRejected {
                ticker: _,
                subject,
                name,
            } => Self {
                subject: Some(subject.clone()),
                name: name.clone(),
                ..row
            },
            ApprovalDecision::Rules {
                series,
                text,
                rule_set,
            } => Self {
                series: Some(series.to_string()),
                text: Some(text.clone()),
                rule_set: Some(rule_set.clone()),
                ..row
            },
            ApprovalDecision::RulesRevoked { series, text } => Self {
                series: Some(series.to_string()),
                text: Some(text.clone()),
                ..row
            },
        }
    }

    fn approval(self) -> Result<Approval, Fault> {
        let decision = match self.kind.as_str() {
            "mapping" => ApprovalDecision::Mapping {
                ticker: read_word("approvals.ticker", &required("ticker", self.ticker)?)?,
                subject: required("subject", self.subject)?,
                terms: ContractTerms {
                    strike_model: self.strike_model,
                    rules_primary: required("rules_primary", self.rules_primary)?,
                },
                name: required("name", self.name)?,
            },
            "mapping_rejected" => ApprovalDecision::MappingRejected {
                ticker: read_word("approvals.ticker", &required("ticker", self.ticker)?)?,
                subject: required("subject", self.subject)?,
                name: self.name,
            },
            "rules" => ApprovalDecision::Rules {
                series: read_word("approvals.series", &required("series", self.series)?)?,
                text: required("text", self.text)?,
                rule_set: required("rule_set", self.rule_set)?,
            },
            "rules_revoked" => ApprovalDecision::RulesRevoked {
                series: read_word("approvals.series", &required("series", self.series)?)?,
                text: required("text", self.text)?,
            },
            other => {
                return Err(Fault::unreadable(
                    "approvals.kind",
                    format!("`{other}`, which this version does not know"),
                ));
            }
        };
        Ok(Approval {
            at: read_time("approvals.at", self.at)?,
            by: self.decided_by,
            decision,
        })
    }
}

fn required(column: &str, value: Option<String>) -> Result<String, Fault> {
    value.ok_or_else(|| Fault::unreadable(format!("approvals.{column}"), "nothing where a value must be"))
}

/// Adds a decision to the log.
pub(crate) fn store(
    connection: &mut SqliteConnection,
    at: DateTime<Utc>,
    by: &str,
    decision: &ApprovalDecision,
) -> Result<(), Fault> {
    diesel::insert_into(approvals::table)
        .values(ApprovalRow::new(at, by, decision))
        .execute(connection)?;
    Ok(())
}

/// Every decision, in the order decided.
pub(crate) fn all(connection: &mut SqliteConnection) -> Result<Vec<Approval>, Fault> {
    let rows: Vec<ApprovalRow> = approvals::table
        .order(approvals::id)
        .select(ApprovalRow::as_select())
        .load(connection)?;
    rows.into_iter().map(ApprovalRow::approval).collect()
}

/// Stores what a contract says; what it said when it was first seen stays.
pub(crate) fn store_terms(
    connection: &mut SqliteConnection,
    at: DateTime<Utc>,
    ticker: &Ticker,
    terms: &ContractTerms,
) -> Result<(), Fault> {
    diesel::insert_into(contract_terms::table)
        .values((
            contract_terms::ticker.eq(ticker.as_str()),
            contract_terms::seen_at.eq(micros(at)),
            contract_terms::strike_model.eq(&terms.strike_model),
            contract_terms::rules_primary.eq(&terms.rules_primary),
        ))
        .on_conflict_do_nothing()
        .execute(connection)?;
    Ok(())
}

/// What every contract said when it was first seen.
pub(crate) fn terms(connection: &mut SqliteConnection) -> Result<Vec<(Ticker, ContractTerms)>, Fault> {
    let rows: Vec<(String, Option<String>, String)> = contract_terms::table
        .order(contract_terms::ticker)
        .select((
            contract_terms::ticker,
            contract_terms::strike_model,
            contract_terms::rules_primary,
        ))
        .load(connection)?;
    rows.into_iter()
        .map(|(ticker, strike_model, rules_primary)| {
            let ticker = read_word("contract_terms.ticker", &ticker)?;
            let terms = ContractTerms {
                strike_model,
                rules_primary,
            };
            Ok((ticker, terms))
        })
        .collect()
}
