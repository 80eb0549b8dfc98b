//! The best and the worst rank each model can claim, from its interval.

use crate::{Entry, Rating};
use std::cmp::Ordering;

/// The ranks a model can claim; a bound that its interval does not give is `None`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct RankBounds {
    /// The best: 1 + the number of other models whose lower bound exceeds this one's upper bound.
    pub rank_ub: Option<i64>,
    /// The worst: 1 + the number of other models whose upper bound exceeds this one's lower bound.
    pub rank_lb: Option<i64>,
}

/// Computes the rank bounds of every entry, in the order given, from unrounded intervals; O(n log n).
///
/// Source of the formula: the leaderboard's "ranking method" note of 2025-11-14; both comparisons are strict, which
/// agrees with the page's own columns on every captured row. A missing or NaN bound counts for nobody. On a board with
/// rows left out `rank_lb` is too small for the rows above them; on rounded intervals both bounds are unreliable.
///
/// ```
/// use autotrader_settlement::{Entry, Rating, rank_bounds};
///
/// let entry = |name, lower, upper| Entry {
///     ci_lower: Some(Rating::from_value(lower)),
///     ci_upper: Some(Rating::from_value(upper)),
///     ..Entry::named(name)
/// };
/// let board = [entry("a", 1490.0, 1500.0), entry("b", 1485.0, 1495.0), entry("c", 1470.0, 1480.0)];
/// let ranks: Vec<_> = rank_bounds(&board).iter().map(|bounds| (bounds.rank_ub, bounds.rank_lb)).collect();
/// assert_eq!(ranks, [(Some(1), Some(2)), (Some(1), Some(2)), (Some(3), Some(3))]);
/// ```
#[must_use]
pub fn rank_bounds(entries: &[Entry]) -> Vec<RankBounds> {
    let lowers = sorted(entries, |entry| known(entry.ci_lower.as_ref()));
    let uppers = sorted(entries, |entry| known(entry.ci_upper.as_ref()));
    entries
        .iter()
        .map(|entry| {
            let lower = known(entry.ci_lower.as_ref());
            let upper = known(entry.ci_upper.as_ref());
            RankBounds {
                rank_ub: upper.and_then(|upper| rank_below(&lowers, upper, lower)),
                rank_lb: lower.and_then(|lower| rank_below(&uppers, lower, upper)),
            }
        })
        .collect()
}

fn known(bound: Option<&Rating>) -> Option<&Rating> {
    bound.filter(|bound| !bound.value().is_nan())
}

fn sorted<'a>(entries: &'a [Entry], bound: impl Fn(&'a Entry) -> Option<&'a Rating>) -> Vec<&'a Rating> {
    let mut bounds: Vec<&Rating> = entries.iter().filter_map(bound).collect();
    bounds.sort_unstable_by(|a, b| a.total_cmp(b));
    bounds
}

/// 1 + the number of `rivals` strictly above `bound`, the model's `own` rival bound not counted.
fn rank_below(rivals: &[&Rating], bound: &Rating, own: Option<&Rating>) -> Option<i64> {
    let exceeds = |rival: &Rating| rival.total_cmp(bound) == Ordering::Greater;
    let above = rivals.len() - rivals.partition_point(|rival| !exceeds(rival));
    let others = above - usize::from(own.is_some_and(exceeds));
    i64::try_from(others).ok().map(|others| others + 1)
}

#[cfg(test)]
mod tests {
    use super::{RankBounds, rank_bounds};
    use crate::{Entry, Rating};
    use rstest::rstest;

    fn entry(lower: &str, upper: &str) -> Entry {
        let bound = |text: &str| match text {
            "" => None,
            "NaN" => Some(Rating::from_value(f64::NAN)),
            "inf" => Some(Rating::from_value(f64::INFINITY)),
            "-inf" => Some(Rating::from_value(f64::NEG_INFINITY)),
            _ => Some(Rating::parse(text).unwrap()),
        };
        Entry {
            ci_lower: bound(lower),
            ci_upper: bound(upper),
            ..Entry::named("m")
        }
    }

    #[rstest]
    #[case::empty(&[], &[])]
    #[case::alone(&[("1", "2")], &[(1, 1)])]
    #[case::apart(&[("5", "6"), ("3", "4"), ("1", "2")], &[(1, 1), (2, 2), (3, 3)])]
    #[case::overlapping(&[("1", "4"), ("2", "5"), ("3", "6")], &[(1, 3), (1, 3), (1, 3)])]
    #[case::touching_is_not_above(&[("4", "6"), ("2", "4")], &[(1, 1), (1, 2)])]
    #[case::equal(&[("1", "2"), ("1", "2")], &[(1, 2), (1, 2)])]
    #[case::points(&[("1", "1"), ("1", "1")], &[(1, 1), (1, 1)])]
    #[case::inverted_never_counts_itself(&[("6", "5")], &[(1, 1)])]
    #[case::beyond_f64(&[("1.0000000000000000002", "2"), ("0", "1.0000000000000000001")], &[(1, 1), (2, 2)])]
    #[case::missing_is_zero_here(&[("", "2"), ("3", ""), ("1", "1")], &[(2, 0), (0, 1), (2, 2)])]
    #[case::nan_counts_for_nobody(&[("NaN", "2"), ("3", "NaN"), ("1", "1")], &[(2, 0), (0, 1), (2, 2)])]
    #[case::infinite(&[("-inf", "inf"), ("1", "2"), ("3", "4")], &[(1, 3), (2, 3), (1, 2)])]
    fn bounds(#[case] intervals: &[(&str, &str)], #[case] expected: &[(i64, i64)]) {
        let entries: Vec<Entry> = intervals
            .iter()
            .map(|(lower, upper)| entry(lower, upper))
            .collect();
        let bound = |rank: i64| (rank > 0).then_some(rank);
        let expected: Vec<RankBounds> = expected
            .iter()
            .map(|&(ub, lb)| RankBounds {
                rank_ub: bound(ub),
                rank_lb: bound(lb),
            })
            .collect();
        assert_eq!(rank_bounds(&entries), expected);
    }
}
