//! Two boards side by side: which rows are the same model, which came, went, or go by another name.

use std::collections::{BTreeMap, BTreeSet};

use autotrader_domain::GatedBoard;
use autotrader_settlement::{Board, Entry, Rating, RuleSet, settlement_order};
use serde::{Deserialize, Serialize};

/// How far a board is known to reach down.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum Coverage {
    /// Every model that the page counts is listed.
    Complete,
    /// Rows may be cut off at the end, as in a list of the first fifty.
    #[default]
    Unknown,
}

impl Coverage {
    /// Complete when the page lists as many rows as it says it has models.
    #[must_use]
    pub fn of(page: &GatedBoard) -> Self {
        let listed = u64::try_from(page.board.entries.len()).ok();
        if listed.is_some() && page.total_models == listed {
            Self::Complete
        } else {
            Self::Unknown
        }
    }
}

/// When a new name is taken for an old model.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct RenameSettings {
    /// Only a vanished model of the first so many is suspected of living on under another name.
    pub suspect_top: usize,
    /// A suspected rename's scores differ by at most this, in rating points.
    pub suspect_points: f64,
    /// A suspected rename's votes differ by at most this share of the old votes, 0 to 1.
    pub suspect_votes_share: f64,
}

impl Default for RenameSettings {
    /// The figures of the design's fifth vintage rule.
    fn default() -> Self {
        Self {
            suspect_top: 5,
            suspect_points: 10.0,
            suspect_votes_share: 0.15,
        }
    }
}

/// A row with its place in the order of settlement, counted from 1.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Row<'a> {
    pub entry: &'a Entry,
    pub place: usize,
}

impl Row<'_> {
    /// Whether the row is among the first `top` by settlement or by the page's own ordinal.
    pub fn is_in_top(&self, top: usize) -> bool {
        let ordinal = self.entry.rank.and_then(|rank| usize::try_from(rank).ok());
        self.place <= top || ordinal.is_some_and(|rank| (1..=top).contains(&rank))
    }
}

/// A model that goes by another name.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Rename<'a> {
    pub old: Row<'a>,
    pub new: Row<'a>,
    /// Rating and votes are equal; otherwise they are only close.
    pub certain: bool,
}

/// Two boards side by side.
#[derive(Debug)]
pub(crate) struct Comparison<'a> {
    pub current: BTreeMap<&'a str, Row<'a>>,
    /// The same model before and now, renamed ones included; in the order of names now.
    pub pairs: Vec<(Row<'a>, Row<'a>)>,
    /// In the order of old names.
    pub renames: Vec<Rename<'a>>,
    /// Listed now, not before; in the order of names.
    pub added: Vec<Row<'a>>,
    /// Listed before, not now; in the order of names.
    pub removed: Vec<Row<'a>>,
}

impl<'a> Comparison<'a> {
    pub fn new(previous: &'a Board, current: &'a Board, settings: &RenameSettings) -> Self {
        let (previous, current) = (by_name(previous), by_name(current));
        let mut renames = certain_renames(&previous, &current);
        let (old_names, new_names) = (
            names(renames.iter().map(|rename| rename.old)),
            names(renames.iter().map(|rename| rename.new)),
        );
        let mut added = unmatched(&current, &previous, &new_names, &old_names);
        let mut removed = unmatched(&previous, &current, &old_names, &new_names);
        let suspected = suspected_renames(&removed, &added, settings);
        let is_suspected = |side: fn(&Rename<'a>) -> Row<'a>, row: &Row<'a>| {
            suspected
                .iter()
                .any(|rename| side(rename).entry.model_name == row.entry.model_name)
        };
        added.retain(|row| !is_suspected(|rename| rename.new, row));
        removed.retain(|row| !is_suspected(|rename| rename.old, row));
        renames.extend(suspected);
        renames.sort_by(|a, b| a.old.entry.model_name.cmp(&b.old.entry.model_name));
        let pairs = pair_up(&previous, &current, &renames);
        Self {
            current,
            pairs,
            renames,
            added,
            removed,
        }
    }

    /// The name that a model of the previous board has now, when it is listed at all.
    pub fn name_now(&self, old_name: &'a str) -> Option<&'a str> {
        let renamed = self
            .renames
            .iter()
            .find(|rename| rename.old.entry.model_name == old_name);
        match renamed {
            Some(rename) => Some(rename.new.entry.model_name.as_str()),
            // A name that another model took over no longer means this one.
            None => self
                .current
                .get_key_value(old_name)
                .map(|(name, _)| *name)
                .filter(|name| !self.renames.iter().any(|r| r.new.entry.model_name == *name)),
        }
    }
}

/// The rows by name; of rows with one name the first in the order of settlement counts.
fn by_name(board: &Board) -> BTreeMap<&str, Row<'_>> {
    let mut rows = BTreeMap::new();
    for (index, entry) in settlement_order(&board.entries, &RuleSet::default())
        .into_iter()
        .enumerate()
    {
        rows.entry(entry.model_name.as_str()).or_insert(Row {
            entry,
            place: index + 1,
        });
    }
    rows
}

/// Score and votes, when both say something: what a rename leaves as it was.
fn rated(entry: &Entry) -> Option<(&Rating, i64)> {
    let score = entry.score.as_ref().filter(|score| score.value().is_finite())?;
    let votes = entry.votes.filter(|votes| *votes > 0)?;
    Some((score, votes))
}

fn same_rating(a: &Entry, b: &Entry) -> bool {
    match (rated(a), rated(b)) {
        (Some((a_score, a_votes)), Some((b_score, b_votes))) => {
            a_votes == b_votes && a_score.total_cmp(b_score).is_eq()
        }
        _ => false,
    }
}

/// Rows whose rating and votes stand under another name now.
///
/// Names that both boards list take part too: when a name passes from one model to another, both were renamed.
fn certain_renames<'a>(
    previous: &BTreeMap<&'a str, Row<'a>>,
    current: &BTreeMap<&'a str, Row<'a>>,
) -> Vec<Rename<'a>> {
    let stays = |row: &Row<'a>, other: &BTreeMap<&'a str, Row<'a>>| {
        other
            .get(row.entry.model_name.as_str())
            .is_some_and(|same_name| same_rating(row.entry, same_name.entry))
    };
    let mut by_votes: BTreeMap<i64, Vec<Row<'a>>> = BTreeMap::new();
    for row in current.values().filter(|row| !stays(row, previous)) {
        if let Some((_, votes)) = rated(row.entry) {
            by_votes.entry(votes).or_default().push(*row);
        }
    }
    let mut candidates = Vec::new();
    for old in previous.values().filter(|row| !stays(row, current)) {
        let Some((_, votes)) = rated(old.entry) else {
            continue;
        };
        let same_votes = by_votes.get(&votes).into_iter().flatten();
        for new in same_votes.filter(|new| same_rating(old.entry, new.entry)) {
            let other_owner = old.entry.known_organization() != new.entry.known_organization();
            candidates.push((
                (other_owner, old.place.abs_diff(new.place)),
                Rename {
                    old: *old,
                    new: *new,
                    certain: true,
                },
            ));
        }
    }
    // Stable: candidates of equal rank stay in the order of old, then new names.
    candidates.sort_by_key(|(closeness, _)| *closeness);
    one_to_one(candidates.into_iter().map(|(_, rename)| rename))
}

/// Vanished top models beside which a close one of the same owner appeared.
fn suspected_renames<'a>(
    removed: &[Row<'a>],
    added: &[Row<'a>],
    settings: &RenameSettings,
) -> Vec<Rename<'a>> {
    let mut candidates = Vec::new();
    for old in removed.iter().filter(|row| row.is_in_top(settings.suspect_top)) {
        for new in added {
            if let Some(points) = suspicion(old.entry, new.entry, settings) {
                candidates.push((
                    points,
                    Rename {
                        old: *old,
                        new: *new,
                        certain: false,
                    },
                ));
            }
        }
    }
    candidates.sort_by(|(a, _), (b, _)| a.total_cmp(b));
    one_to_one(candidates.into_iter().map(|(_, rename)| rename))
}

/// The distance in rating points between two rows that may be one model; `None` when they are too far apart.
fn suspicion(old: &Entry, new: &Entry, settings: &RenameSettings) -> Option<f64> {
    let ((old_score, old_votes), (new_score, new_votes)) = (rated(old)?, rated(new)?);
    let points = (new_score.value() - old_score.value()).abs();
    #[expect(
        clippy::cast_precision_loss,
        reason = "vote counts are far below 2^52 and only a share of them is compared"
    )]
    let share = new_votes.abs_diff(old_votes) as f64 / old_votes as f64;
    let close = points <= settings.suspect_points && share <= settings.suspect_votes_share;
    (close && old.known_organization() == new.known_organization()).then_some(points)
}

/// Takes the candidates in order, each old and each new name once.
fn one_to_one<'a>(candidates: impl Iterator<Item = Rename<'a>>) -> Vec<Rename<'a>> {
    let (mut old_names, mut new_names) = (BTreeSet::new(), BTreeSet::new());
    let mut taken = Vec::new();
    for rename in candidates {
        let (old, new) = (
            rename.old.entry.model_name.as_str(),
            rename.new.entry.model_name.as_str(),
        );
        if !old_names.contains(old) && !new_names.contains(new) {
            old_names.insert(old);
            new_names.insert(new);
            taken.push(rename);
        }
    }
    taken
}

/// Rows that have no counterpart on the other board.
///
/// A row of the same name is no counterpart when a rename gave that name to, or took it from, another model.
fn unmatched<'a>(
    rows: &BTreeMap<&'a str, Row<'a>>,
    other: &BTreeMap<&'a str, Row<'a>>,
    renamed: &BTreeSet<&'a str>,
    renamed_there: &BTreeSet<&'a str>,
) -> Vec<Row<'a>> {
    rows.iter()
        .filter(|(name, _)| !renamed.contains(*name))
        .filter(|(name, _)| !other.contains_key(*name) || renamed_there.contains(*name))
        .map(|(_, row)| *row)
        .collect()
}

fn names<'a>(rows: impl Iterator<Item = Row<'a>>) -> BTreeSet<&'a str> {
    rows.map(|row| row.entry.model_name.as_str()).collect()
}

fn pair_up<'a>(
    previous: &BTreeMap<&'a str, Row<'a>>,
    current: &BTreeMap<&'a str, Row<'a>>,
    renames: &[Rename<'a>],
) -> Vec<(Row<'a>, Row<'a>)> {
    let from: BTreeMap<&str, Row<'a>> = renames
        .iter()
        .map(|rename| (rename.new.entry.model_name.as_str(), rename.old))
        .collect();
    let gone = names(renames.iter().map(|rename| rename.old));
    current
        .iter()
        .filter_map(|(name, new)| {
            let old = from
                .get(name)
                .or_else(|| previous.get(name).filter(|_| !gone.contains(name)))?;
            Some((*old, *new))
        })
        .collect()
}
