//! Whether ranks, bounds and scores agree with each other.

use std::cmp::Ordering;

use autotrader_domain::GateReasonCode::{InconsistentRanks, InvalidValues};
use autotrader_settlement::{Entry, Rating, rank_bounds};

use crate::parse::Parsed;
use crate::parse::findings::{Findings, quoted};

/// Significant digits of a score in the page's rounded payload.
const ROUNDED_DIGITS: usize = 6;

/// Share of symmetric rows, in percent, from which an odd one out is an error and not another kind of interval.
const MOSTLY: usize = 95;

/// Notes rows whose ranks contradict the other rows, and rows whose score is not the middle of its interval.
pub(super) fn judge(parsed: &Parsed<'_>, findings: &mut Findings) {
    let entries = &parsed.board.entries;
    let complete = parsed.total_models.and_then(|total| usize::try_from(total).ok()) == Some(entries.len());
    ordinals(entries, complete, findings);
    for entry in entries {
        let outside = match (entry.rank_ub, entry.rank, entry.rank_lb) {
            (Some(best), Some(rank), _) if rank < best => true,
            (_, Some(rank), Some(worst)) => rank > worst,
            _ => false,
        };
        if outside {
            findings.refuse(InconsistentRanks, || {
                format!(
                    "{} has a rank outside its own rank spread",
                    quoted(&entry.model_name)
                )
            });
        }
    }
    // The integers of the table contradict rank bounds that are right.
    if !parsed.coarse {
        bounds(entries, complete, findings);
        middles(entries, findings);
    }
}

/// Ranks count down the scores: one model each, from 1 on when the board is complete.
fn ordinals(entries: &[Entry], complete: bool, findings: &mut Findings) {
    let mut ranked: Vec<(i64, &Entry)> = entries
        .iter()
        .filter_map(|entry| Some((entry.rank?, entry)))
        .collect();
    ranked.sort_by_key(|(rank, _)| *rank);
    for pair in ranked.windows(2) {
        let [(above, better), (below, worse)] = pair else {
            continue;
        };
        let by_score = match (&better.score, &worse.score) {
            (Some(better), Some(worse)) => better.total_cmp(worse),
            _ => Ordering::Equal,
        };
        if above == below || by_score == Ordering::Less {
            findings.refuse(InconsistentRanks, || {
                format!(
                    "{} has rank {above} and {} rank {below}, against their scores",
                    quoted(&better.model_name),
                    quoted(&worse.model_name)
                )
            });
        }
    }
    let counted = i64::try_from(ranked.len()).unwrap_or(i64::MAX);
    if complete && ranked.len() == entries.len() && ranked.last().is_some_and(|(last, _)| *last != counted) {
        findings.refuse(InconsistentRanks, || {
            format!("the ranks of {counted} models do not count up to it")
        });
    }
}

/// Rank bounds must be what the unrounded intervals make them.
fn bounds(entries: &[Entry], complete: bool, findings: &mut Findings) {
    if plainly_right(entries, complete) {
        return;
    }
    for (entry, computed) in entries.iter().zip(rank_bounds(entries)) {
        let ub_fits = fits(entry.rank_ub, computed.rank_ub, || {
            ties(entries, entry, Side::Best)
        });
        // Rows left out below would make the worst rank too small.
        let lb_fits = !complete
            || fits(entry.rank_lb, computed.rank_lb, || {
                ties(entries, entry, Side::Worst)
            });
        if !(ub_fits && lb_fits) {
            findings.refuse(InconsistentRanks, || {
                format!(
                    "{} claims ranks {} to {}, the intervals give {} to {}",
                    quoted(&entry.model_name),
                    shown(entry.rank_ub),
                    shown(entry.rank_lb),
                    shown(computed.rank_ub),
                    shown(computed.rank_lb)
                )
            });
        }
    }
}

/// Longest text whose double tells it from every other such text: 15 significant digits.
const EXACT_TEXT: usize = 15;

/// Whether every claim is right beyond doubt: the quick check before the exact one.
///
/// Decimal texts of at most 15 digits are equal exactly when their doubles are, and reading a decimal never inverts an
/// order; only for longer texts, or a claim that does not fit, is [`rank_bounds`] needed.
fn plainly_right(entries: &[Entry], complete: bool) -> bool {
    let sorted = |bound: fn(&Entry) -> &Option<Rating>| {
        let exact = |entry| {
            bound(entry)
                .as_ref()
                .filter(|rating| rating.as_str().len() <= EXACT_TEXT)
        };
        let mut values: Vec<f64> = entries.iter().filter_map(exact).map(Rating::value).collect();
        values.sort_unstable_by(f64::total_cmp);
        values
    };
    let (lowers, uppers) = (sorted(|entry| &entry.ci_lower), sorted(|entry| &entry.ci_upper));
    if lowers.len() != entries.len() || uppers.len() != entries.len() {
        return false;
    }
    let rank = |rivals: &[f64], bound: f64, own: usize| {
        i64::try_from(rivals.len() - rivals.partition_point(|rival| *rival <= bound) + 1 - own).ok()
    };
    entries.iter().all(|entry| {
        let (Some(lower), Some(upper)) = (&entry.ci_lower, &entry.ci_upper) else {
            return false;
        };
        let (lower, upper) = (lower.value(), upper.value());
        // A model's own upper bound lies above its lower one and does not count.
        lower < upper
            && entry.rank_ub == rank(&lowers, upper, 0)
            && (!complete || entry.rank_lb == rank(&uppers, lower, 1))
    })
}

fn shown(rank: Option<i64>) -> String {
    rank.map_or_else(|| "?".to_owned(), |rank| rank.to_string())
}

/// Rounding keeps order but makes equal: bounds that print alike may each have been the larger.
fn fits(claimed: Option<i64>, computed: Option<i64>, ties: impl FnOnce() -> i64) -> bool {
    match (claimed, computed) {
        (Some(claimed), Some(computed)) if claimed != computed => {
            claimed > computed && claimed <= computed.saturating_add(ties())
        }
        _ => true,
    }
}

/// Which rank bound is meant.
#[derive(Debug, Clone, Copy)]
enum Side {
    Best,
    Worst,
}

/// How many rivals' bounds are rounded to the same text's value as this one's.
fn ties(entries: &[Entry], entry: &Entry, side: Side) -> i64 {
    let (own, rival): (_, fn(&Entry) -> Option<&Rating>) = match side {
        Side::Best => (entry.ci_upper.as_ref(), |entry| entry.ci_lower.as_ref()),
        Side::Worst => (entry.ci_lower.as_ref(), |entry| entry.ci_upper.as_ref()),
    };
    let Some(own) = own.filter(|own| is_rounded(own)) else {
        return 0;
    };
    let equal = entries
        .iter()
        .filter(|other| other.model_name != entry.model_name)
        .filter_map(rival)
        .filter(|rival| is_rounded(rival) && rival.total_cmp(own) == Ordering::Equal);
    i64::try_from(equal.count()).unwrap_or(i64::MAX)
}

fn is_rounded(rating: &Rating) -> bool {
    rating.as_str().bytes().filter(u8::is_ascii_digit).count() <= ROUNDED_DIGITS
}

/// The page's intervals are symmetric (its own `symmetricCi`, normal theory since 2025-07): where nearly all rows
/// are, one that is not was tampered with.
fn middles(entries: &[Entry], findings: &mut Findings) {
    let lopsided: Vec<(&Entry, bool)> = entries
        .iter()
        .filter_map(|entry| Some((entry, !is_middle(entry)?)))
        .collect();
    let odd = lopsided.iter().filter(|(_, odd)| *odd).count();
    if odd == 0 || (lopsided.len() - odd) * 100 < lopsided.len() * MOSTLY {
        return;
    }
    for (entry, _) in lopsided.iter().filter(|(_, odd)| *odd) {
        findings.refuse(InvalidValues, || {
            format!(
                "{}: the score is not the middle of its interval, as in the other rows",
                quoted(&entry.model_name)
            )
        });
    }
}

/// Whether the score is the middle of its interval, as far as the three roundings can tell.
fn is_middle(entry: &Entry) -> Option<bool> {
    let (score, lower, upper) = (
        entry.score.as_ref()?,
        entry.ci_lower.as_ref()?,
        entry.ci_upper.as_ref()?,
    );
    let units = [score, lower, upper].map(unit);
    let coarsest = units.into_iter().fold(0.0, f64::max);
    // Half a unit for each bound and one for twice the score make less than two; where all three are rounded to the same
    // place the sum is a whole number of units, so at most one. Then the noise of the subtraction.
    let alike = units.iter().all(|unit| unit.total_cmp(&coarsest).is_eq());
    let tolerance = if alike { coarsest } else { 2.0 * coarsest } + 1e-6;
    Some((upper.value() + lower.value() - 2.0 * score.value()).abs() <= tolerance)
}

/// One in the last place of a rounded rating; 0 for one of full precision.
fn unit(rating: &Rating) -> f64 {
    if !is_rounded(rating) {
        return 0.0;
    }
    match rating.value().abs() {
        value if value >= 1000.0 => 0.01,
        value if value >= 100.0 => 0.001,
        _ => 0.0001,
    }
}

#[cfg(test)]
mod tests {
    use super::{judge, plainly_right};
    use crate::parse::Parsed;
    use crate::parse::findings::Findings;
    use autotrader_domain::GateReasonCode::{self, InconsistentRanks, InvalidValues};
    use autotrader_settlement::{Board, Entry, Rating, rank_bounds};
    use proptest::prelude::*;
    use rstest::rstest;

    type Line = (
        &'static str,
        i64,
        i64,
        i64,
        &'static str,
        &'static str,
        &'static str,
    );

    fn codes(lines: &[Line], total: Option<u64>, coarse: bool) -> Vec<GateReasonCode> {
        let entries = lines
            .iter()
            .map(|(name, rank, best, worst, lower, score, upper)| Entry {
                rank: Some(*rank),
                rank_ub: Some(*best),
                rank_lb: Some(*worst),
                score: Some(Rating::parse(score).unwrap()),
                ci_lower: Some(Rating::parse(lower).unwrap()),
                ci_upper: Some(Rating::parse(upper).unwrap()),
                ..Entry::named(*name)
            })
            .collect();
        let parsed = Parsed {
            board: Board { entries },
            total_models: total,
            coarse,
            ..Parsed::default()
        };
        let mut findings = Findings::default();
        judge(&parsed, &mut findings);
        findings.reasons().iter().map(|reason| reason.code).collect()
    }

    const A: Line = ("a", 1, 1, 2, "1495.5", "1500.5", "1505.5");
    const B: Line = ("b", 2, 1, 2, "1490.5", "1496.5", "1502.5");
    const C: Line = ("c", 3, 3, 3, "1470.5", "1474.5", "1478.5");

    #[rstest]
    #[case::good(&[A, B, C], &[])]
    #[case::rank_ub_too_good(&[A, B, ("c", 3, 2, 3, "1470.5", "1474.5", "1478.5")], &[InconsistentRanks])]
    #[case::rank_lb_too_bad(&[("a", 1, 1, 3, "1495.5", "1500.5", "1505.5"), B, C], &[InconsistentRanks])]
    #[case::ranks_swapped(&[("a", 2, 1, 2, "1495.5", "1500.5", "1505.5"), ("b", 1, 1, 2, "1490.5", "1496.5", "1502.5"), C],
        &[InconsistentRanks])]
    #[case::rank_twice(&[A, ("b", 1, 1, 2, "1490.5", "1496.5", "1502.5"), C], &[InconsistentRanks])]
    #[case::rank_skipped(&[A, B, ("c", 4, 3, 4, "1470.5", "1474.5", "1478.5")], &[InconsistentRanks])]
    #[case::rank_outside_spread(&[A, B, ("c", 3, 3, 2, "1470.5", "1474.5", "1478.5")], &[InconsistentRanks])]
    #[case::bounds_equal_when_rounded(
        &[("a", 1, 1, 1, "1495.5", "1500.5", "1505.5"), ("b", 2, 2, 2, "1485.5", "1490.5", "1495.5")], &[])]
    #[case::bounds_equal_in_full_strictly(
        &[("a", 1, 1, 1, "1495.5000001", "1500.5", "1505.4999999"), ("b", 2, 2, 2, "1485.4999999", "1490.5", "1495.5000001")],
        &[InconsistentRanks])]
    fn complete_boards(#[case] lines: &[Line], #[case] expected: &[GateReasonCode]) {
        let total = u64::try_from(lines.len()).unwrap();
        assert_eq!(codes(lines, Some(total), false), expected);
    }

    proptest! {
        /// What the quick check passes, the exact computation confirms.
        #[test]
        fn the_quick_check_passes_exactly_the_right_claims(
            rows in prop::collection::vec((0_i32..40, 1_i32..6, -1_i64..2, -1_i64..2), 1..12),
            complete in any::<bool>(),
        ) {
            let mut entries: Vec<Entry> = rows
                .iter()
                .map(|(score, half, ..)| Entry {
                    ci_lower: Some(Rating::from_value(f64::from(score - half))),
                    ci_upper: Some(Rating::from_value(f64::from(score + half))),
                    ..Entry::named("m")
                })
                .collect();
            let computed = rank_bounds(&entries);
            for ((entry, bounds), (.., ub, lb)) in entries.iter_mut().zip(&computed).zip(&rows) {
                entry.rank_ub = bounds.rank_ub.map(|rank| rank + ub);
                entry.rank_lb = bounds.rank_lb.map(|rank| rank + lb);
            }
            let right = entries.iter().zip(&computed).all(|(entry, bounds)| {
                entry.rank_ub == bounds.rank_ub && (!complete || entry.rank_lb == bounds.rank_lb)
            });
            prop_assert_eq!(plainly_right(&entries, complete), right);
        }
    }

    #[test]
    fn long_texts_are_left_to_the_exact_computation() {
        let entry = |lower: &str, upper: &str| Entry {
            rank_ub: Some(1),
            rank_lb: Some(1),
            ci_lower: Some(Rating::parse(lower).unwrap()),
            ci_upper: Some(Rating::parse(upper).unwrap()),
            ..Entry::named("m")
        };
        assert!(plainly_right(&[entry("1400.1234567890", "1500")], true));
        assert!(!plainly_right(&[entry("1400.1234567890123", "1500")], true));
    }

    #[test]
    fn worst_ranks_of_a_cut_board_cannot_be_checked() {
        let cut = [A, B, ("c", 3, 3, 9, "1470.5", "1474.5", "1478.5")];
        assert_eq!(codes(&cut, Some(20), false), []);
    }

    #[test]
    fn rounded_intervals_say_nothing_about_rank_bounds() {
        let coarse = [
            ("a", 1, 1, 1, "1496", "1501", "1506"),
            ("b", 2, 2, 2, "1491", "1497", "1503"),
        ];
        assert_eq!(codes(&coarse, Some(2), true), []);
    }

    #[test]
    fn one_lopsided_row_among_many_is_an_error() {
        let mut lines = vec![("a", 1, 1, 40, "1000.00", "1500.01", "2000.00")];
        lines.extend((2..=40).map(|rank| ("x", rank, 1, 40, "1000.00", "1500.00", "2000.01")));
        assert_eq!(codes(&lines, Some(40), false), [InvalidValues]);
        let all: Vec<Line> = lines
            .iter()
            .map(|(name, rank, ..)| (*name, *rank, 1, 40, "1000.00", "1450.00", "2000.00"))
            .collect();
        assert_eq!(codes(&all, Some(40), false), []);
    }
}
