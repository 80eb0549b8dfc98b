//! Who wins a board: the contract's cascade, written from its text.

use super::board::{RankedModel, SiteBoard};

/// The winner of a board: best possible rank, then score, then votes, then name; `None` for an empty board.
///
/// The site carries no release dates, so that step of the cascade never decides here.
#[must_use]
pub fn winner(board: &SiteBoard) -> Option<RankedModel<'_>> {
    board.ranked().into_iter().min_by(|a, b| {
        a.rank_upper
            .cmp(&b.rank_upper)
            .then_with(|| b.model.score.cmp(&a.model.score))
            .then_with(|| b.model.votes.cmp(&a.model.votes))
            .then_with(|| a.model.name.cmp(&b.model.name))
    })
}
