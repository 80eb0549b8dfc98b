//! What changed between two boards, as typed signals.

use autotrader_domain::{RankedFields, Signal};
use autotrader_settlement::{Board, Entry, Rating, RuleSet, resolve_top_model};
use serde_json::{Value, json};

use crate::comparison::{Comparison, Coverage, RenameSettings, Row};

/// Which changes are worth a signal.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct DiffSettings {
    /// A rank change counts when a rank or rank bound, before or now, is at most this.
    pub rank_cutoff: i64,
    /// A score change counts from this many rating points.
    pub score_threshold: f64,
    /// When a new name is taken for an old model.
    pub renames: RenameSettings,
}

impl Default for DiffSettings {
    /// Ranks to 20 and shifts from 3 points, as `signal_rank_cutoff` and `score_shift_threshold` are by default.
    fn default() -> Self {
        Self {
            rank_cutoff: 20,
            score_threshold: 3.0,
            renames: RenameSettings::default(),
        }
    }
}

/// A board and how far down it is known to reach.
#[derive(Debug, Clone, Copy)]
pub struct Side<'a> {
    /// The rows.
    pub board: &'a Board,
    /// Whether rows may be cut off at the end.
    pub coverage: Coverage,
}

/// What changed from one board to the next, when it is not known whether either is complete.
///
/// The order is fixed: the leader, renames, arrivals, removals, ranks, scores, flags; inside each by the rank now.
#[must_use]
pub fn diff(previous: &Board, current: &Board, settings: &DiffSettings) -> Vec<Signal> {
    let coverage = Coverage::Unknown;
    diff_sides(
        Side {
            board: previous,
            coverage,
        },
        Side {
            board: current,
            coverage,
        },
        settings,
    )
}

/// What changed from one board to the next; see [`diff`].
///
/// A model that is missing past the end of a list that may be cut off is neither new nor removed.
#[must_use]
pub fn diff_sides(previous: Side<'_>, current: Side<'_>, settings: &DiffSettings) -> Vec<Signal> {
    let comparison = Comparison::new(previous.board, current.board, &settings.renames);
    diff_compared(&comparison, previous, current, settings)
}

/// What changed from one board to the next, when they stand side by side already.
pub(crate) fn diff_compared(
    comparison: &Comparison<'_>,
    previous: Side<'_>,
    current: Side<'_>,
    settings: &DiffSettings,
) -> Vec<Signal> {
    let mut signals: Vec<Signal> = new_leader(comparison, previous.board, current.board)
        .into_iter()
        .collect();
    signals.extend(
        in_order(comparison.renames.iter().map(|r| (r.new, r)))
            .map(|rename| model_renamed(rename.old.entry, rename.new.entry, rename.certain)),
    );
    let added = comparison
        .added
        .iter()
        .filter(|row| !is_past_the_end(row.entry, previous, current.board));
    signals.extend(in_order(added.map(|row| (*row, row.entry))).map(new_model));
    let removed = comparison
        .removed
        .iter()
        .filter(|row| !is_past_the_end(row.entry, current, previous.board));
    signals.extend(in_order(removed.map(|row| (*row, row.entry))).map(model_removed));
    let pairs: Vec<(&Entry, &Entry)> = in_order(
        comparison
            .pairs
            .iter()
            .map(|(old, new)| (*new, (old.entry, new.entry))),
    )
    .collect();
    signals.extend(
        pairs
            .iter()
            .filter_map(|(old, new)| ranking_change(old, new, settings)),
    );
    signals.extend(
        pairs
            .iter()
            .filter_map(|(old, new)| score_shift(old, new, settings)),
    );
    signals.extend(pairs.iter().filter_map(|(old, new)| flags_changed(old, new)));
    signals
}

/// Signals as the `diff` command prints them: `signals[]`, each with `type`, its payload and `urgency`.
#[must_use]
pub fn diff_json(signals: &[Signal]) -> Value {
    let lines: Vec<Value> = signals
        .iter()
        .map(|signal| {
            let mut line = match serde_json::to_value(signal) {
                Ok(Value::Object(fields)) => fields,
                // Every signal is a struct variant with string keys, so this names a defect instead of hiding it.
                other => {
                    let mut fields = serde_json::Map::new();
                    fields.insert("type".to_owned(), signal.kind().into());
                    fields.insert("error".to_owned(), format!("not an object: {other:?}").into());
                    fields
                }
            };
            line.insert("urgency".to_owned(), json!(signal.urgency()));
            Value::Object(line)
        })
        .collect();
    json!({ "signals": lines })
}

/// The items by the place of their row, best first.
fn in_order<'a, T>(items: impl Iterator<Item = (Row<'a>, T)>) -> impl Iterator<Item = T> {
    let mut items: Vec<(usize, T)> = items.map(|(row, item)| (row.place, item)).collect();
    items.sort_by_key(|(place, _)| *place);
    items.into_iter().map(|(_, item)| item)
}

/// The shortest list that may be the top of a longer one: nobody publishes fewer rows than a top ten.
const SHORTEST_LIST: usize = 10;

/// Whether `entry`, listed on `here` alone, may be missing on the other side only because that list ends above it.
fn is_past_the_end(entry: &Entry, other: Side<'_>, here: &Board) -> bool {
    if other.coverage == Coverage::Complete {
        return false;
    }
    let (rows_there, rows_here) = (other.board.entries.len(), here.entries.len());
    // A list of a fixed number of rows keeps or fills its number when one is pushed off; a cut one loses many at
    // once. A complete board from which a few rows went is shorter by just those.
    let lost = rows_here.saturating_sub(rows_there);
    let fixed_number = rows_there >= rows_here;
    let many_lost = lost >= SHORTEST_LIST && lost.saturating_mul(10) >= rows_here;
    let may_be_cut = rows_there >= SHORTEST_LIST && (fixed_number || many_lost);
    let lowest = other
        .board
        .entries
        .iter()
        .filter_map(|entry| entry.score.as_ref())
        .min_by(|a, b| a.total_cmp(b));
    let is_below = match (entry.score.as_ref(), lowest) {
        (Some(score), Some(lowest)) => score.total_cmp(lowest).is_le(),
        _ => false,
    };
    // Every refresh moves all scores a little: a row that may rank beyond the list's end can have slid past it.
    let can_slide = entry
        .rank_lb
        .and_then(|rank| usize::try_from(rank).ok())
        .is_some_and(|rank| rank > rows_there);
    may_be_cut && (is_below || can_slide)
}

fn new_leader(comparison: &Comparison<'_>, previous: &Board, current: &Board) -> Option<Signal> {
    let rules = RuleSet::default();
    let before = resolve_top_model(&previous.entries, &rules).winner()?;
    let now = resolve_top_model(&current.entries, &rules).winner()?;
    let same = comparison.name_now(&before.model_name) == Some(now.model_name.as_str());
    (!same).then(|| Signal::NewLeader {
        new_leader: now.model_name.clone(),
        previous_leader: before.model_name.clone(),
        new_top_org: now.known_organization().map(str::to_owned),
        previous_top_org: before.known_organization().map(str::to_owned),
    })
}

fn ranked(entry: &Entry) -> RankedFields {
    RankedFields {
        rank: entry.rank,
        rank_ub: entry.rank_ub,
        score: entry.score.clone(),
        votes: entry.votes,
    }
}

fn model_renamed(old: &Entry, new: &Entry, certain: bool) -> Signal {
    Signal::ModelRenamed {
        old_name: old.model_name.clone(),
        new_name: new.model_name.clone(),
        organization: new.organization.clone(),
        fields: ranked(new),
        certain,
    }
}

fn new_model(entry: &Entry) -> Signal {
    Signal::NewModel {
        model_name: entry.model_name.clone(),
        organization: entry.organization.clone(),
        fields: ranked(entry),
        is_preliminary: entry.preliminary,
    }
}

fn model_removed(entry: &Entry) -> Signal {
    Signal::ModelRemoved {
        model_name: entry.model_name.clone(),
        last_rank_ub: entry.rank_ub,
        last_score: entry.score.clone(),
    }
}

fn ranking_change(old: &Entry, new: &Entry, settings: &DiffSettings) -> Option<Signal> {
    let moved = (old.rank, old.rank_ub) != (new.rank, new.rank_ub);
    let near_the_top = [old.rank, old.rank_ub, new.rank, new.rank_ub]
        .into_iter()
        .flatten()
        .any(|rank| rank <= settings.rank_cutoff);
    (moved && near_the_top).then(|| Signal::RankingChange {
        model_name: new.model_name.clone(),
        old_rank_ub: old.rank_ub,
        new_rank_ub: new.rank_ub,
        old_rank: old.rank,
        new_rank: new.rank,
        old_score: old.score.clone(),
        new_score: new.score.clone(),
        votes: new.votes,
        is_preliminary: new.preliminary,
    })
}

/// The difference in rating points, without the noise of binary fractions: the page prints at most 13 decimals.
fn delta(old: &Rating, new: &Rating) -> f64 {
    const SCALE: f64 = 1e9;
    let delta = new.value() - old.value();
    let rounded = (delta * SCALE).round() / SCALE;
    if rounded.is_finite() { rounded } else { delta }
}

fn score_shift(old: &Entry, new: &Entry, settings: &DiffSettings) -> Option<Signal> {
    let (old_score, new_score) = (old.score.as_ref()?, new.score.as_ref()?);
    let score_delta = delta(old_score, new_score);
    (score_delta.abs() >= settings.score_threshold).then(|| Signal::ScoreShift {
        model_name: new.model_name.clone(),
        old_score: old_score.clone(),
        new_score: new_score.clone(),
        score_delta,
    })
}

fn flags_changed(old: &Entry, new: &Entry) -> Option<Signal> {
    let changed = old.release_type != new.release_type || old.preliminary != new.preliminary;
    changed.then(|| Signal::FlagsChanged {
        model_name: new.model_name.clone(),
        old_release_type: old.release_type.clone(),
        new_release_type: new.release_type.clone(),
        was_preliminary: old.preliminary,
        is_preliminary: new.preliminary,
    })
}
