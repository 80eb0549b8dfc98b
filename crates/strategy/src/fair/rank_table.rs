//! `rank_table`: a fixed table by best possible rank, made coherent.
//!
//! The table gives each rank bound a share (0.65 for 1, 0.22 for 2, …, falling exponentially beyond 5), the winner a
//! small uplift when no input of its tie-break is missing, and preliminary models a discount. Taken as probabilities
//! these shares sum to two and more, since several models claim the best rank. So each model, in the order of settlement,
//! takes its share *of what those above it left*, and the result is normalised to one minus the unlisted. A leader alone at
//! its rank is then worth more than one whose rank others can claim too.

use super::{Estimator, Forecast, Question};
use crate::params::RankTableParams;

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
        Some(Forecast::new(
            taken.into_iter().map(|(entry, p)| (entry, p * listed)),
            unlisted,
            question.shares,
        ))
    }
}
