//! Polls of the leaderboard as small rows: what the gate said is kept once for all readings that showed the same.

use autotrader_domain::{
    Anomaly, BoardHash, GateReason, GatedBoard, ParsePath, Reading, ReadingOutcome, Verdict, Vintage,
};
use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel::sqlite::Sqlite;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::fault::Fault;
use crate::schema::{pages, readings};
use crate::words::{json, micros, read_count, read_json, read_time, signed, word};

/// What the gate said of a page, without its rows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PageRecord {
    /// What the board may be used for.
    pub verdict: Verdict,
    /// Why it is not tradable; empty when it is.
    pub reasons: Vec<GateReason>,
    /// Which way through the page answered.
    pub path: Option<ParsePath>,
    /// The page's slug of the leaderboard.
    pub slug: Option<String>,
    /// The page's category.
    pub category: Option<String>,
    /// Whether style control is on.
    pub style_control: Option<bool>,
    /// The vote cutoff stamp.
    pub vintage: Option<Vintage>,
    /// The content hash of the entries; the rows of refused pages are not kept.
    pub hash: BoardHash,
    /// How many models the page says it lists.
    pub total_models: Option<u64>,
    /// How many votes the page says it counts.
    pub total_votes: Option<u64>,
    /// Oddities met on the way.
    pub anomalies: Vec<Anomaly>,
}

impl From<&GatedBoard> for PageRecord {
    fn from(page: &GatedBoard) -> Self {
        Self {
            verdict: page.verdict,
            reasons: page.reasons.clone(),
            path: page.path,
            slug: page.slug.clone(),
            category: page.category.clone(),
            style_control: page.style_control,
            vintage: page.vintage,
            hash: page.hash,
            total_models: page.total_models,
            total_votes: page.total_votes,
            anomalies: page.anomalies.clone(),
        }
    }
}

/// What a poll brought, as stored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case", tag = "outcome")]
pub enum PollOutcome {
    /// A page was read and gated.
    Page {
        /// What the gate said of it.
        page: PageRecord,
        /// Whether it was byte for byte the one of the previous reading.
        unchanged: bool,
    },
    /// Nothing was read.
    Failed {
        /// A stable code.
        code: String,
        /// What happened, in words.
        detail: String,
    },
}

/// One poll of the leaderboard, as stored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PollRecord {
    /// Which configured source answered.
    pub source: String,
    /// When the answer was complete.
    pub fetched_at: DateTime<Utc>,
    /// What tells one origin response from a cached copy of it.
    pub origin: String,
    /// How long the fetch took, in microseconds.
    pub latency_micros: u64,
    /// Bytes received, decompressed.
    pub bytes: u64,
    /// What it brought.
    #[serde(flatten)]
    pub outcome: PollOutcome,
}

/// How many polls had which outcome.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PollCount {
    /// `tradable`, `display_only`, `refused`, or the code of a failure.
    pub outcome: String,
    /// How many.
    pub polls: u64,
}

#[derive(Debug, Queryable, Selectable, Insertable)]
#[diesel(table_name = readings, check_for_backend(Sqlite))]
struct ReadingRow {
    fetched_at: i64,
    source: String,
    origin: String,
    latency: i64,
    bytes: i64,
    page: Option<i64>,
    unchanged: Option<bool>,
    failure: Option<String>,
    detail: Option<String>,
}

/// Stores one poll.
pub(crate) fn store(connection: &mut SqliteConnection, reading: &Reading) -> Result<(), Fault> {
    let (page, unchanged, failure, detail) = match &reading.outcome {
        ReadingOutcome::Page { page, unchanged } => {
            let id = page_id(connection, &PageRecord::from(page.as_ref()))?;
            (Some(id), Some(*unchanged), None, None)
        }
        ReadingOutcome::Failed { code, detail } => (None, None, Some(code.clone()), Some(detail.clone())),
    };
    let latency = i64::try_from(reading.latency.as_micros())
        .map_err(|_| Fault::Conflict("a fetch of many years cannot be stored".into()))?;
    diesel::insert_into(readings::table)
        .values(ReadingRow {
            fetched_at: micros(reading.fetched_at),
            source: reading.source.clone(),
            origin: reading.origin.clone(),
            latency,
            bytes: signed("bytes", reading.bytes)?,
            page,
            unchanged,
            failure,
            detail,
        })
        .execute(connection)?;
    Ok(())
}

fn page_id(connection: &mut SqliteConnection, page: &PageRecord) -> Result<i64, Fault> {
    let content = json(page)?;
    let digest = Sha256::digest(&content).to_vec();
    let stored: Option<i64> = pages::table
        .filter(pages::digest.eq(&digest))
        .select(pages::id)
        .first(connection)
        .optional()?;
    if let Some(id) = stored {
        return Ok(id);
    }
    let id = diesel::insert_into(pages::table)
        .values((
            pages::digest.eq(&digest),
            pages::verdict.eq(word(&page.verdict)?),
            pages::content.eq(&content),
        ))
        .returning(pages::id)
        .get_result(connection)?;
    Ok(id)
}

/// The newest polls since a time, oldest first.
pub(crate) fn polls(
    connection: &mut SqliteConnection,
    since: Option<DateTime<Utc>>,
    limit: i64,
) -> Result<Vec<PollRecord>, Fault> {
    let rows: Vec<(ReadingRow, Option<String>)> = readings::table
        .left_join(pages::table)
        .filter(readings::fetched_at.ge(since.map_or(i64::MIN, micros)))
        .order(readings::id.desc())
        .limit(limit)
        .select((ReadingRow::as_select(), pages::content.nullable()))
        .load(connection)?;
    rows.into_iter()
        .rev()
        .map(|(row, content)| poll(row, content.as_deref()))
        .collect()
}

fn poll(row: ReadingRow, content: Option<&str>) -> Result<PollRecord, Fault> {
    let outcome = match (content, row.unchanged, row.failure, row.detail) {
        (Some(content), Some(unchanged), None, None) => PollOutcome::Page {
            page: read_json("pages.content", content)?,
            unchanged,
        },
        (None, None, Some(code), Some(detail)) => PollOutcome::Failed { code, detail },
        _ => {
            return Err(Fault::unreadable(
                "readings",
                "a poll that both failed and succeeded",
            ));
        }
    };
    Ok(PollRecord {
        source: row.source,
        fetched_at: read_time("readings.fetched_at", row.fetched_at)?,
        origin: row.origin,
        latency_micros: read_count("readings.latency", row.latency)?,
        bytes: read_count("readings.bytes", row.bytes)?,
        outcome,
    })
}

/// How many polls since a time had which outcome, by outcome.
pub(crate) fn counts(
    connection: &mut SqliteConnection,
    since: Option<DateTime<Utc>>,
) -> Result<Vec<PollCount>, Fault> {
    let since = since.map_or(i64::MIN, micros);
    let verdicts: Vec<(String, i64)> = readings::table
        .inner_join(pages::table)
        .filter(readings::fetched_at.ge(since))
        .group_by(pages::verdict)
        .select((pages::verdict, diesel::dsl::count_star()))
        .load(connection)?;
    let failures: Vec<(Option<String>, i64)> = readings::table
        .filter(readings::fetched_at.ge(since))
        .filter(readings::failure.is_not_null())
        .group_by(readings::failure)
        .select((readings::failure, diesel::dsl::count_star()))
        .load(connection)?;
    let failures = failures
        .into_iter()
        .filter_map(|(code, polls)| Some((code?, polls)));
    let mut counts = verdicts
        .into_iter()
        .chain(failures)
        .map(|(outcome, polls)| {
            Ok(PollCount {
                outcome,
                polls: read_count("readings", polls)?,
            })
        })
        .collect::<Result<Vec<_>, Fault>>()?;
    counts.sort_by(|a, b| a.outcome.cmp(&b.outcome));
    Ok(counts)
}
