//! The order of entries under each criterion. Smaller is better everywhere.

use crate::{Criterion, Entry, Rating, ReleaseDate, RuleSet, ScorePrecision};
use std::cmp::{Ordering, Reverse};

/// A rank as a claim: a missing or non-positive one is none, and comes last.
fn rank_key(rank: Option<i64>) -> (bool, i64) {
    match rank {
        Some(rank) if rank > 0 => (false, rank),
        _ => (true, 0),
    }
}

/// A score that can be compared: NaN says as little as a missing one.
fn known_score(entry: &Entry) -> Option<&Rating> {
    entry.score.as_ref().filter(|score| !score.value().is_nan())
}

fn cmp_score(a: &Entry, b: &Entry, precision: ScorePrecision) -> Ordering {
    match (known_score(a), known_score(b)) {
        (Some(a), Some(b)) => match precision {
            ScorePrecision::Full => b.total_cmp(a),
            ScorePrecision::Displayed => b.displayed().total_cmp(&a.displayed()),
        },
        (a, b) => a.is_none().cmp(&b.is_none()),
    }
}

fn date_key(entry: &Entry) -> (bool, Option<(u16, u8, u8)>) {
    (
        entry.release_date.is_none(),
        entry.release_date.map(|date| date.first_day()),
    )
}

/// Compares two entries by one criterion; `Less` is the better one.
pub(crate) fn compare_by(criterion: Criterion, a: &Entry, b: &Entry, precision: ScorePrecision) -> Ordering {
    match criterion {
        Criterion::RankUb => rank_key(a.rank_ub).cmp(&rank_key(b.rank_ub)),
        Criterion::Rank => rank_key(a.rank).cmp(&rank_key(b.rank)),
        Criterion::Score => cmp_score(a, b, precision),
        // `None` is smaller than any number of votes, so reversing puts it last.
        Criterion::Votes => Reverse(a.votes).cmp(&Reverse(b.votes)),
        Criterion::ReleaseDate => date_key(a).cmp(&date_key(b)),
        Criterion::ModelName => a.model_name.cmp(&b.model_name),
        Criterion::OnlyEntry => Ordering::Equal,
    }
}

/// Whether an entry has nothing that the criterion could compare.
pub(crate) fn is_missing(criterion: Criterion, entry: &Entry) -> bool {
    match criterion {
        Criterion::RankUb => rank_key(entry.rank_ub).0,
        Criterion::Rank => rank_key(entry.rank).0,
        Criterion::Score => known_score(entry).is_none(),
        Criterion::Votes => entry.votes.is_none(),
        Criterion::ReleaseDate => entry.release_date.is_none(),
        Criterion::ModelName | Criterion::OnlyEntry => false,
    }
}

/// What the criterion compares of an entry, as text; `None` when it is missing.
pub(crate) fn shown(criterion: Criterion, entry: &Entry, precision: ScorePrecision) -> Option<String> {
    if is_missing(criterion, entry) {
        return None;
    }
    match criterion {
        Criterion::RankUb => entry.rank_ub.map(|rank| rank.to_string()),
        Criterion::Rank => entry.rank.map(|rank| rank.to_string()),
        Criterion::Score => entry.score.as_ref().map(|score| match precision {
            ScorePrecision::Full => score.to_string(),
            ScorePrecision::Displayed => score.displayed().to_string(),
        }),
        Criterion::Votes => entry.votes.map(|votes| votes.to_string()),
        Criterion::ReleaseDate => entry.release_date.map(counted_as),
        Criterion::ModelName => Some(entry.model_name.clone()),
        Criterion::OnlyEntry => None,
    }
}

/// The day a release date counts as, `YYYY-MM-DD`.
pub(crate) fn counted_as(date: ReleaseDate) -> String {
    let (year, month, day) = date.first_day();
    format!("{year:04}-{month:02}-{day:02}")
}

/// Compares two entries in the order of settlement; `Less` comes first.
///
/// The order is that of [`crate::Rule::Cascade`], whatever the rule: `rank_ub` ascending (missing or non-positive last),
/// `score` descending (missing or NaN last), `votes` descending (missing last), `release_date` ascending (missing
/// last), `model_name` ascending. Entries equal in all of these share a name; their other fields then order them, so
/// that no result depends on the order of the input.
#[must_use]
pub fn settlement_cmp(a: &Entry, b: &Entry, precision: ScorePrecision) -> Ordering {
    compare_by(Criterion::RankUb, a, b, precision)
        .then_with(|| compare_by(Criterion::Score, a, b, precision))
        .then_with(|| compare_by(Criterion::Votes, a, b, precision))
        .then_with(|| compare_by(Criterion::ReleaseDate, a, b, precision))
        .then_with(|| a.model_name.cmp(&b.model_name))
        .then_with(|| cmp_namesakes(a, b))
}

/// The entries in the order of settlement, best first: who would win if everyone above were gone.
#[must_use]
pub fn settlement_order<'a>(entries: &'a [Entry], rules: &RuleSet) -> Vec<&'a Entry> {
    let mut order: Vec<&Entry> = entries.iter().collect();
    order.sort_unstable_by(|a, b| settlement_cmp(a, b, rules.score_precision));
    order
}

/// Orders two entries of one name by every remaining field, a known organisation first.
fn cmp_namesakes(a: &Entry, b: &Entry) -> Ordering {
    let organization = |entry: &Entry| (entry.known_organization().is_none(), entry.organization.clone());
    let text = |rating: &Option<Rating>| rating.as_ref().map(|rating| rating.as_str().to_owned());
    let date = |entry: &Entry| entry.release_date.map(|date| date.to_string());
    organization(a)
        .cmp(&organization(b))
        .then_with(|| cmp_score(a, b, ScorePrecision::Full))
        .then_with(|| text(&a.score).cmp(&text(&b.score)))
        .then_with(|| a.rank.cmp(&b.rank))
        .then_with(|| a.rank_ub.cmp(&b.rank_ub))
        .then_with(|| a.rank_lb.cmp(&b.rank_lb))
        .then_with(|| text(&a.ci_lower).cmp(&text(&b.ci_lower)))
        .then_with(|| text(&a.ci_upper).cmp(&text(&b.ci_upper)))
        .then_with(|| a.release_type.cmp(&b.release_type))
        .then_with(|| a.preliminary.cmp(&b.preliminary))
        .then_with(|| date(a).cmp(&date(b)))
}
