//! How the probability of an unlisted winner is shared between the labs.
//!
//! `share = (1 − unknown) · (ρ · [incumbent] + (1 − ρ) · weight / Σ weight)`, with a lab's weight the number of its models
//! within some points of the winner plus a base. The evidence weighs models by the age of their release; the page does
//! not carry release dates, so here every contender counts alike.

use std::collections::BTreeMap;

use autotrader_settlement::Rating;

use super::RankedBoard;
use crate::params::UnlistedParams;

/// Shares of an unlisted winner by organisation; what is missing to one belongs to labs the board does not list.
#[derive(Debug, Clone, PartialEq)]
pub struct Shares<'a>(BTreeMap<&'a str, f64>);

impl<'a> Shares<'a> {
    /// Nobody has a share.
    #[must_use]
    pub const fn none() -> Self {
        Self(BTreeMap::new())
    }

    /// The shares that a board suggests; none when it has no winner with a score.
    #[must_use]
    pub fn of(board: &RankedBoard<'a>, params: &UnlistedParams) -> Self {
        let Some(winner) = board.winner() else {
            return Self::none();
        };
        let Some(top) = winner.score.as_ref().map(Rating::value) else {
            return Self::none();
        };
        let mut weights: BTreeMap<&str, f64> = BTreeMap::new();
        for entry in board.order() {
            let Some(organization) = entry.known_organization() else {
                continue;
            };
            let close = entry
                .score
                .as_ref()
                .is_some_and(|score| top - score.value() <= params.contender_points);
            *weights.entry(organization).or_insert(params.base_count) += f64::from(u8::from(close));
        }
        let incumbent = winner.known_organization();
        let total: f64 = weights.values().sum();
        if total <= 0.0 {
            return Self::none();
        }
        // Without a known incumbent its part goes to everybody.
        let bonus = if incumbent.is_some() {
            params.incumbent_share
        } else {
            0.0
        };
        for (organization, weight) in &mut weights {
            let own = f64::from(u8::from(incumbent == Some(*organization)));
            *weight = (1.0 - params.unknown_lab) * (bonus * own + (1.0 - bonus) * *weight / total);
        }
        Self(weights)
    }

    /// Every share, by organisation.
    pub fn iter(&self) -> impl Iterator<Item = (&'a str, f64)> + '_ {
        self.0.iter().map(|(name, share)| (*name, *share))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use autotrader_settlement::{Entry, RuleSet};

    fn entry(name: &str, organization: Option<&str>, score: f64) -> Entry {
        Entry {
            organization: organization.map(str::to_owned),
            rank_ub: Some(1),
            score: Some(Rating::from_value(score)),
            ..Entry::named(name)
        }
    }

    #[track_caller]
    fn check(entries: &[Entry], expected: &[(&str, f64)]) {
        let board = RankedBoard::new(entries, RuleSet::default());
        let shares: Vec<(&str, f64)> = Shares::of(&board, &UnlistedParams::default()).iter().collect();
        assert_eq!(shares.len(), expected.len(), "{shares:?}");
        for (share, expected) in shares.iter().zip(expected) {
            assert_eq!(share.0, expected.0);
            assert!(
                (share.1 - expected.1).abs() < 1e-9,
                "{share:?} instead of {expected:?}"
            );
        }
    }

    #[test]
    fn the_incumbent_has_a_bonus_and_contenders_count() {
        // Weights: A 1.3, B 2.3, C 0.3 (too far behind), in sum 3.9.
        check(
            &[
                entry("a", Some("A"), 1500.0),
                entry("b", Some("B"), 1499.0),
                entry("b2", Some("B"), 1460.0),
                entry("c", Some("C"), 1459.9),
            ],
            &[
                ("A", 0.96 * (0.3 + 0.7 * 1.3 / 3.9)),
                ("B", 0.96 * 0.7 * 2.3 / 3.9),
                ("C", 0.96 * 0.7 * 0.3 / 3.9),
            ],
        );
    }

    #[test]
    fn an_unknown_incumbent_leaves_its_bonus_to_everybody() {
        check(
            &[entry("a", None, 1500.0), entry("b", Some("B"), 1499.0)],
            &[("B", 0.96)],
        );
    }

    #[test]
    fn a_board_without_a_scored_winner_has_no_shares() {
        check(&[], &[]);
        check(&[Entry::named("a")], &[]);
    }
}
