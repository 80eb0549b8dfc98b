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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::site::SiteModel;

    fn model(name: &str, score: i64, half_width: i64, votes: i64) -> SiteModel {
        SiteModel {
            name: name.into(),
            organization: "Lab".into(),
            license: "MIT",
            score,
            half_width,
            votes,
            release_type: None,
            terms: None,
        }
    }

    #[test]
    fn each_step_of_the_cascade_decides_when_the_ones_before_tie() {
        let cases = [
            ("no model", vec![], None),
            (
                "score among those who may be the best",
                vec![model("a", 149_900, 500, 9_000), model("b", 150_000, 300, 1_000)],
                Some("b"),
            ),
            (
                "votes at equal scores",
                vec![model("a", 150_000, 300, 1_000), model("b", 150_000, 500, 9_000)],
                Some("b"),
            ),
            (
                "the name at equal votes",
                vec![model("b", 150_000, 300, 9_000), model("a", 150_000, 300, 9_000)],
                Some("a"),
            ),
        ];
        for (what, models, expected) in cases {
            let board = SiteBoard {
                category: "overall",
                stamp: chrono::DateTime::UNIX_EPOCH,
                models,
            };
            let won = winner(&board);
            assert_eq!(won.as_ref().map(|row| &*row.model.name), expected, "{what}");
        }
    }
}
