//! Why a board with a newer stamp waits for confirmation all the same.

use autotrader_domain::HoldReason;
use autotrader_settlement::{Board, Entry, RuleSet, resolve_top_model};

use super::HoldSettings;
use crate::comparison::Comparison;

/// A reason to hold a board, with what was seen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Hold {
    pub reason: HoldReason,
    pub detail: String,
}

/// The gravest reason to hold `current`, if any.
pub(super) fn hold(
    comparison: &Comparison<'_>,
    previous: &Board,
    current: &Board,
    settings: &HoldSettings,
) -> Option<Hold> {
    suspected_rename(comparison)
        .or_else(|| implausible_leader(comparison, previous, current, settings))
        .or_else(|| top_model_removed(comparison, settings))
        .or_else(|| implausible_jump(comparison, settings))
}

fn suspected_rename(comparison: &Comparison<'_>) -> Option<Hold> {
    let rename = comparison.renames.iter().find(|rename| !rename.certain)?;
    Some(Hold {
        reason: HoldReason::SuspectedRename,
        detail: format!(
            "{} is gone and {} is new with a close rating",
            rename.old.entry.model_name, rename.new.entry.model_name
        ),
    })
}

fn implausible_leader(
    comparison: &Comparison<'_>,
    previous: &Board,
    current: &Board,
    settings: &HoldSettings,
) -> Option<Hold> {
    let rules = RuleSet::default();
    let leader = resolve_top_model(&current.entries, &rules).winner()?;
    let is_new = comparison
        .added
        .iter()
        .any(|row| row.entry.model_name == leader.model_name);
    if !is_new {
        return None;
    }
    let name = &leader.model_name;
    let detail = match leader.votes {
        None => format!("the new leader {name} has no vote count"),
        Some(votes) if votes < settings.few_votes => format!("the new leader {name} has only {votes} votes"),
        Some(_) => {
            let before = resolve_top_model(&previous.entries, &rules).winner()?;
            let points = points_between(before, leader)?;
            if points <= jump_limit(leader, leader, settings) {
                return None;
            }
            format!(
                "the new leader {name} is {points:.1} points above {}",
                before.model_name
            )
        }
    };
    Some(Hold {
        reason: HoldReason::ImplausibleLeader,
        detail,
    })
}

fn top_model_removed(comparison: &Comparison<'_>, settings: &HoldSettings) -> Option<Hold> {
    let gone = comparison
        .removed
        .iter()
        .filter(|row| row.is_in_top(settings.removed_top))
        .min_by_key(|row| row.place)?;
    Some(Hold {
        reason: HoldReason::TopModelRemoved,
        detail: format!("{}, number {} before, is gone", gone.entry.model_name, gone.place),
    })
}

fn implausible_jump(comparison: &Comparison<'_>, settings: &HoldSettings) -> Option<Hold> {
    comparison
        .pairs
        .iter()
        .filter(|(old, new)| old.is_in_top(settings.jump_top) || new.is_in_top(settings.jump_top))
        .filter_map(|(old, new)| {
            let points = points_between(old.entry, new.entry)?;
            (points.abs() > jump_limit(old.entry, new.entry, settings)).then_some((new, points))
        })
        .min_by_key(|(new, _)| new.place)
        .map(|(new, points)| Hold {
            reason: HoldReason::ImplausibleJump,
            detail: format!("{} moved by {points:.1} points", new.entry.model_name),
        })
}

fn points_between(from: &Entry, to: &Entry) -> Option<f64> {
    Some(to.score.as_ref()?.value() - from.score.as_ref()?.value())
}

/// The largest plausible move in rating points: a multiple of half the wider of the two intervals.
fn jump_limit(old: &Entry, new: &Entry, settings: &HoldSettings) -> f64 {
    match (half_interval(old), half_interval(new)) {
        (None, None) => settings.jump_without_interval,
        (old, new) => settings.jump_multiple * old.unwrap_or(0.0).max(new.unwrap_or(0.0)),
    }
}

fn half_interval(entry: &Entry) -> Option<f64> {
    let half = (entry.ci_upper.as_ref()?.value() - entry.ci_lower.as_ref()?.value()) / 2.0;
    (half.is_finite() && half > 0.0).then_some(half)
}
