//! A gated board as the command line prints it.

use autotrader_domain::{GatedBoard, Verdict};
use autotrader_settlement::{Entry, Rating};
use chrono::SecondsFormat;
use serde_json::{Value, json};

/// A gated board as JSON: verdict, reasons, identity, vintage, hash, totals, entries and anomalies.
///
/// Scores and interval ends are strings with the decimal text the source gave; what is not known is `null`.
#[must_use]
pub fn board_json(page: &GatedBoard) -> Value {
    let reasons: Vec<Value> = page
        .reasons
        .iter()
        .map(|reason| json!({ "code": reason.code.as_str(), "detail": reason.detail }))
        .collect();
    let anomalies: Vec<Value> = page
        .anomalies
        .iter()
        .map(|anomaly| json!({ "code": anomaly.code, "detail": anomaly.detail }))
        .collect();
    let vintage = page
        .vintage
        .map(|stamp| stamp.0.to_rfc3339_opts(SecondsFormat::AutoSi, true));
    json!({
        "verdict": verdict_name(page.verdict),
        "reasons": reasons,
        "path": page.path.map(autotrader_domain::ParsePath::as_str),
        "slug": page.slug,
        "category": page.category,
        "style_control": page.style_control,
        "vintage": vintage,
        "hash": page.hash.to_string(),
        "total_models": page.total_models,
        "total_votes": page.total_votes,
        "entries": page.board.entries.iter().map(entry_json).collect::<Vec<Value>>(),
        "anomalies": anomalies,
    })
}

fn entry_json(entry: &Entry) -> Value {
    let rating = |rating: &Option<Rating>| rating.as_ref().map(ToString::to_string);
    json!({
        "rank": entry.rank,
        "rank_ub": entry.rank_ub,
        "rank_lb": entry.rank_lb,
        "model_name": entry.model_name,
        "organization": entry.organization,
        "score": rating(&entry.score),
        "ci_lower": rating(&entry.ci_lower),
        "ci_upper": rating(&entry.ci_upper),
        "votes": entry.votes,
        "release_type": entry.release_type,
        "preliminary": entry.preliminary,
        "release_date": entry.release_date.as_ref().map(ToString::to_string),
    })
}

/// The stable name of a verdict.
#[must_use]
pub const fn verdict_name(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Tradable => "tradable",
        Verdict::DisplayOnly => "display_only",
        Verdict::Refused => "refused",
    }
}

/// The exit code of a command that read one board: 0 tradable, 3 refused, 4 display only.
#[must_use]
pub const fn exit_code(verdict: Verdict) -> u8 {
    match verdict {
        Verdict::Tradable => 0,
        Verdict::Refused => 3,
        Verdict::DisplayOnly => 4,
    }
}
