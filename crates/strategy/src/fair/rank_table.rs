//! `rank_table`: a fixed table by best possible rank, made coherent.
//!
//! The table gives each rank bound a share (0.65 for 1, 0.22 for 2, …, falling exponentially beyond 5), the winner a
//! small uplift when no input of its tie-break is missing, and preliminary models a discount. Taken as probabilities
//! these shares sum to two and more, since several models claim the best rank. So each model, in the order of settlement,
//! takes its share *of what those above it left*, and the result is normalised to one minus the unlisted. A leader alone at
//! its rank is then worth more than one whose rank others can claim too.
//!
//! [`PublishedRankTable`] is the table as it was published and scored: each share by itself, then normalised.

use std::cmp::Ordering;
use std::collections::BTreeMap;

use autotrader_settlement::Entry;

use super::board_walk::{candidate, walk::Candidate};
use super::{Estimator, Forecast, Question};
use crate::params::{BoardWalkParams, RankTableParams};

/// Below this share a rank is not worth a place in the forecast: at the default decay from rank 41 on.
const NEGLIGIBLE: f64 = 1e-6;

/// A fixed table by best possible rank.
#[derive(Debug, Clone)]
pub struct RankTable {
    /// The table.
    pub table: RankTableParams,
}

impl RankTable {
    /// The share of what is left that a rank bound takes; nothing when it is missing or not positive.
    fn share(&self, rank_ub: Option<i64>) -> f64 {
        let Some(index) = rank_ub.and_then(|rank| usize::try_from(rank.checked_sub(1)?).ok()) else {
            return 0.0;
        };
        let [.., last] = self.table.table;
        self.table.table.get(index).copied().unwrap_or_else(|| {
            let beyond = index.saturating_sub(self.table.table.len() - 1).min(10_000);
            last * (-self.table.tail_decay * beyond as f64).exp()
        })
    }
}

impl Estimator for RankTable {
    fn name(&self) -> &'static str {
        "rank_table"
    }

    fn forecast<'a>(&self, question: &Question<'_, 'a>) -> Option<Forecast<'a>> {
        let board = question.board;
        let winner = board.winner()?;
        let uplift = if board.tie_break_complete() {
            self.table.winner_uplift
        } else {
            0.0
        };
        let mut left = 1.0;
        let mut taken = Vec::new();
        for entry in board.order() {
            let mut share = self.share(entry.rank_ub);
            if share < NEGLIGIBLE {
                continue;
            }
            if std::ptr::eq(*entry, winner) {
                share = (share + uplift).min(self.table.share_cap.max(share));
            }
            if entry.preliminary {
                share *= 1.0 - self.table.preliminary_discount;
            }
            taken.push((*entry, left * share));
            left *= 1.0 - share;
        }
        let total: f64 = taken.iter().map(|(_, p)| p).sum();
        if total <= 0.0 {
            return None;
        }
        let unlisted = (self.table.unlisted * question.arrivals).clamp(0.0, 1.0);
        let listed = (1.0 - unlisted) / total;
        let unlisted_of = question
            .rates
            .iter()
            .map(|(organization, share)| (organization, share * unlisted));
        Some(Forecast::summed(
            taken
                .into_iter()
                .map(|(entry, p)| (entry.model_name.as_str(), entry.known_organization(), p * listed)),
            unlisted,
            unlisted_of.collect(),
        ))
    }
}

/// How many rows the published table goes over.
const ROWS: usize = 30;

/// What the published table leaves to a winner that it does not name, before it is normalised.
const UNNAMED: f64 = 0.01;

/// The published table's share of every rank beyond its list, at least.
const LEAST_SHARE: f64 = 0.01;

/// How many standard errors from the score the published table's bounds are.
const BOUND_ERRORS: f64 = 1.96;

/// The rank table as it was published and scored, for calibration: each model's share by itself in whole cents, an
/// organisation's that of its best model, each list normalised with one cent for a winner it does not name.
#[derive(Debug, Clone)]
pub struct PublishedRankTable {
    table: RankTableParams,
    walk: BoardWalkParams,
}

/// A row of the published table.
#[derive(Debug, Clone, Copy)]
struct Row<'a> {
    candidate: Candidate<'a>,
    rank: i64,
}

impl PublishedRankTable {
    /// The published table; the board walk's parameters say what stands in for missing votes and intervals.
    #[must_use]
    pub fn new(walk: BoardWalkParams) -> Self {
        Self {
            table: RankTableParams::default(),
            walk,
        }
    }

    fn rows<'a>(&self, question: &Question<'_, 'a>) -> Vec<Row<'a>> {
        let by_score: Vec<(&Entry, f64)> = question.board.scored().collect();
        let mut by_votes = by_score.clone();
        by_votes.sort_by(|(a, x), (b, y)| {
            y.total_cmp(x)
                .then_with(|| b.votes.unwrap_or(0).cmp(&a.votes.unwrap_or(0)))
        });
        let candidates: Vec<Candidate<'_>> = by_votes
            .into_iter()
            .take(ROWS)
            .map(|(entry, score)| candidate(entry, score, question.history, question.at, &self.walk))
            .collect();
        let bound =
            |candidate: &Candidate<'_>, sign: f64| candidate.score + sign * BOUND_ERRORS * candidate.error;
        let lower: Vec<f64> = candidates
            .iter()
            .map(|candidate| bound(candidate, -1.0))
            .collect();
        // The published figures read the rank from the row at the same place by score alone; among equal scores that can
        // be another row's.
        candidates
            .iter()
            .zip(&by_score)
            .map(|(candidate, (at_its_place, _))| {
                let upper = bound(candidate, 1.0);
                let above = lower.iter().filter(|lower| **lower > upper).count();
                let counted = i64::try_from(above).unwrap_or(i64::MAX).saturating_add(1);
                Row {
                    candidate: *candidate,
                    rank: at_its_place.rank_ub.filter(|rank| *rank > 0).unwrap_or(counted),
                }
            })
            .collect()
    }

    /// A share in whole cents.
    fn cents(&self, rank: i64, is_best: bool) -> f64 {
        let place = usize::try_from(rank).ok().and_then(|rank| rank.checked_sub(1));
        let listed = place.and_then(|place| self.table.table.get(place)).copied();
        let [.., last] = self.table.table;
        let beyond = (rank - 5) as f64;
        let share =
            listed.unwrap_or_else(|| (last * (-self.table.tail_decay * beyond).exp()).max(LEAST_SHARE));
        let share = if is_best {
            (share + self.table.winner_uplift).min(self.table.share_cap)
        } else {
            share
        };
        (share * 100.0).round_ties_even().clamp(1.0, 99.0) / 100.0
    }
}

/// Better by rank, then score, votes and name.
fn better(a: &Row<'_>, b: &Row<'_>) -> Ordering {
    a.rank
        .cmp(&b.rank)
        .then_with(|| b.candidate.score.total_cmp(&a.candidate.score))
        .then_with(|| b.candidate.votes.total_cmp(&a.candidate.votes))
        .then_with(|| a.candidate.name.cmp(b.candidate.name))
}

impl Estimator for PublishedRankTable {
    fn name(&self) -> &'static str {
        "rank_table"
    }

    fn forecast<'a>(&self, question: &Question<'_, 'a>) -> Option<Forecast<'a>> {
        let rows = self.rows(question);
        let best = rows.iter().min_by(|a, b| better(a, b))?.candidate;
        let mut of_labs: BTreeMap<&str, &Row<'_>> = BTreeMap::new();
        for row in &rows {
            if let Some(organization) = row.candidate.organization {
                let first = of_labs.entry(organization).or_insert(row);
                if better(row, first).is_lt() {
                    *first = row;
                }
            }
        }
        let lab_cents =
            |(lab, row): (&&'a str, &&Row<'a>)| (*lab, self.cents(row.rank, Some(*lab) == best.organization));
        let mut organizations: BTreeMap<&str, f64> = of_labs.iter().map(lab_cents).collect();
        let total = organizations.values().sum::<f64>() + UNNAMED;
        organizations.values_mut().for_each(|p| *p /= total);
        let other = UNNAMED / total;
        let cents: Vec<f64> = rows
            .iter()
            .map(|row| self.cents(row.rank, row.candidate.name == best.name))
            .collect();
        let total = cents.iter().sum::<f64>() + UNNAMED;
        let lines = rows
            .iter()
            .zip(&cents)
            .map(|(row, cents)| (row.candidate.name, row.candidate.organization, cents / total));
        Some(Forecast::apart(lines, UNNAMED / total, organizations, other))
    }
}
