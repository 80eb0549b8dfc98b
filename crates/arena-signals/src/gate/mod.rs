//! The gate: what a parsed page may be used for, and why not more.

mod compare;
mod identity;
mod ranks;
mod values;

use std::sync::Arc;
use std::time::Duration;

use autotrader_domain::GateReasonCode::{FutureStamp, MissingFields, RoundedScores, TooFewRows, Truncated};
use autotrader_domain::{GatedBoard, ParsePath, Verdict};
use chrono::{DateTime, TimeDelta, Utc};

use crate::hash::hash_board;
use crate::parse::Parsed;
use crate::parse::findings::Findings;

/// What the gate expects of a board.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GateSettings {
    /// Fewest rows of a whole board.
    pub min_rows: usize,
    /// How many rows from the top must be complete and be in the page's table.
    pub top_rows: usize,
    /// How far ahead of our clock a stamp may be.
    pub future_tolerance: Duration,
    /// The arena's slug.
    pub expected_arena: String,
    /// The leaderboard's slug.
    pub expected_slug: String,
    /// The category.
    pub expected_category: String,
    /// The page's words for a preliminary score; another one must be understood by a person before it is traded on.
    pub release_types: Vec<String>,
}

impl Default for GateSettings {
    fn default() -> Self {
        Self {
            min_rows: 100,
            top_rows: 20,
            future_tolerance: Duration::from_secs(300),
            expected_arena: "text".to_owned(),
            expected_slug: "overall-no-style-control".to_owned(),
            expected_category: "overall".to_owned(),
            release_types: ["pre_release", "co_release"].map(str::to_owned).into(),
        }
    }
}

impl GateSettings {
    /// Whether a stamp lies further ahead of `at` than our clock can be wrong.
    #[must_use]
    pub fn is_future(&self, stamp: DateTime<Utc>, at: DateTime<Utc>) -> bool {
        let tolerance = TimeDelta::from_std(self.future_tolerance).unwrap_or(TimeDelta::MAX);
        stamp.signed_duration_since(at) > tolerance
    }
}

/// Judges a parsed page at a moment.
#[must_use]
pub fn gate(parsed: Parsed<'_>, settings: &GateSettings, at: DateTime<Utc>) -> GatedBoard {
    let mut findings = parsed.findings.clone();
    let answered = !parsed.board.entries.is_empty() || findings.reasons().is_empty();
    if parsed.path.is_some() && answered {
        judge(&parsed, settings, at, &mut findings);
    }
    let reasons = findings.reasons();
    let verdict = reasons
        .iter()
        .map(|reason| reason.code.verdict())
        .max()
        .unwrap_or(Verdict::Tradable);
    GatedBoard {
        verdict,
        reasons,
        path: parsed.path,
        vintage: parsed.vintage(),
        hash: hash_board(&parsed.board),
        total_models: parsed.total_models,
        total_votes: parsed.total_votes,
        slug: parsed.identity.slug,
        category: parsed.identity.category.or_else(|| {
            parsed
                .identity
                .described
                .as_ref()
                .map(|described| described.category.clone())
        }),
        style_control: parsed.identity.style_control.or_else(|| {
            parsed
                .identity
                .described
                .as_ref()
                .and_then(|described| described.style_control)
        }),
        board: Arc::new(parsed.board),
        anomalies: findings.anomalies(),
    }
}

fn judge(parsed: &Parsed<'_>, settings: &GateSettings, at: DateTime<Utc>, findings: &mut Findings) {
    let proven = identity::judge(&parsed.identity, settings, findings);
    size(parsed, settings, findings);
    head(parsed, proven, settings, at, findings);
    values::judge(parsed, settings, findings);
    ranks::judge(parsed, findings);
    if let Some(page) = parsed.beside {
        compare::judge(parsed, page, settings, findings);
    }
}

fn size(parsed: &Parsed<'_>, settings: &GateSettings, findings: &mut Findings) {
    let rows = parsed.board.entries.len();
    if rows < settings.min_rows {
        findings.refuse(TooFewRows, || {
            format!("{rows} rows, a board has at least {}", settings.min_rows)
        });
    }
    if let Some(total) = parsed.total_models
        && u64::try_from(rows).unwrap_or(u64::MAX) != total
    {
        findings.refuse(Truncated, || {
            format!("the page lists {rows} models and says it has {total}")
        });
    }
    if parsed.coarse || all_whole(parsed) {
        findings.refuse(RoundedScores, || {
            "scores are the rounded ones of the table".to_owned()
        });
    }
}

/// A board without a single decimal place was cut from a table, whatever the file says.
fn all_whole(parsed: &Parsed<'_>) -> bool {
    let scores = || {
        parsed
            .board
            .entries
            .iter()
            .filter_map(|entry| entry.score.as_ref())
    };
    scores().next().is_some() && !scores().any(|score| score.as_str().contains('.'))
}

/// The stamp and the totals.
fn head(
    parsed: &Parsed<'_>,
    proven: bool,
    settings: &GateSettings,
    at: DateTime<Utc>,
    findings: &mut Findings,
) {
    match parsed.vintage {
        Some(stamp) if settings.is_future(stamp, at) => {
            findings.refuse(FutureStamp, || {
                format!("votes counted up to {stamp}, later than now ({at})")
            });
        }
        // A board that cannot be dated would pass the vintage rules as anything.
        None if proven && !parsed.coarse => {
            findings.refuse(MissingFields, || {
                "the page does not say up to when votes count".to_owned()
            });
        }
        _ => {}
    }
    let own_payload = matches!(
        parsed.path,
        Some(ParsePath::Flight | ParsePath::FlightStream | ParsePath::NextData)
    );
    if own_payload && (parsed.total_models.is_none() || parsed.total_votes.is_none()) {
        findings.refuse(MissingFields, || {
            "the page does not say how many models or votes it counts".to_owned()
        });
    }
}
