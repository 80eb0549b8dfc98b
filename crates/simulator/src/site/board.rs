//! A board as the site knows it, with ranks computed from unrounded bounds.

use std::sync::Arc;

use chrono::{DateTime, Utc};

/// What a model costs and how much it reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ModelTerms {
    /// Price of a million tokens read, in thousandths of a dollar.
    pub input: u32,
    /// Price of a million tokens written, in thousandths of a dollar.
    pub output: u32,
    /// Tokens of context, when it is published.
    pub context: Option<u32>,
}

/// One model on the site. Ratings are in hundredths of a point, so that their text is exact.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SiteModel {
    /// The slug.
    pub name: Arc<str>,
    /// The lab; empty for some old models, as on the real board.
    pub organization: Arc<str>,
    /// The licence.
    pub license: &'static str,
    /// Score in hundredths of a point.
    pub score: i64,
    /// Half of the 95 % interval in hundredths of a point.
    pub half_width: i64,
    /// Votes counted.
    pub votes: i64,
    /// `pre_release` or `co_release` for models whose score is preliminary.
    pub release_type: Option<&'static str>,
    /// Prices and context; absent for many open models.
    pub terms: Option<ModelTerms>,
}

impl SiteModel {
    /// The upper bound of the 95 % interval in hundredths of a point.
    #[must_use]
    pub const fn upper(&self) -> i64 {
        self.score.saturating_add(self.half_width)
    }

    /// The lower bound of the 95 % interval in hundredths of a point.
    #[must_use]
    pub const fn lower(&self) -> i64 {
        self.score.saturating_sub(self.half_width)
    }
}

/// A model with its ranks.
#[derive(Debug, Clone, Copy)]
pub struct RankedModel<'a> {
    /// The model.
    pub model: &'a SiteModel,
    /// The ordinal by score.
    pub rank: usize,
    /// One plus the number of models that are certainly better.
    pub rank_upper: usize,
    /// One plus the number of models that may be better.
    pub rank_lower: usize,
}

/// A board at one moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SiteBoard {
    /// The category's slug, such as `overall`.
    pub category: &'static str,
    /// Up to when votes count.
    pub stamp: DateTime<Utc>,
    /// The models, in any order.
    pub models: Vec<SiteModel>,
}

impl SiteBoard {
    /// The models in order of score with their ranks.
    ///
    /// Strict comparisons on unrounded bounds: certainly better is whose lower bound exceeds the own upper bound, possibly
    /// better whose upper bound exceeds the own lower bound.
    #[must_use]
    pub fn ranked(&self) -> Vec<RankedModel<'_>> {
        let mut models: Vec<&SiteModel> = self.models.iter().collect();
        models.sort_by(|a, b| {
            b.score
                .cmp(&a.score)
                .then_with(|| b.votes.cmp(&a.votes))
                .then_with(|| a.name.cmp(&b.name))
        });
        let mut lowers: Vec<i64> = models.iter().map(|m| m.lower()).collect();
        let mut uppers: Vec<i64> = models.iter().map(|m| m.upper()).collect();
        lowers.sort_unstable();
        uppers.sort_unstable();
        let above = |sorted: &[i64], bound: i64| sorted.len() - sorted.partition_point(|x| *x <= bound);
        models
            .into_iter()
            .enumerate()
            .map(|(index, model)| {
                let own_is_counted = usize::from(model.half_width > 0);
                RankedModel {
                    model,
                    rank: index + 1,
                    rank_upper: 1 + above(&lowers, model.upper()),
                    rank_lower: 1 + above(&uppers, model.lower()) - own_is_counted,
                }
            })
            .collect()
    }

    /// The sum of all votes.
    #[must_use]
    pub fn total_votes(&self) -> i64 {
        self.models.iter().map(|model| model.votes).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn model(name: &str, score: i64, half_width: i64) -> SiteModel {
        SiteModel {
            name: name.into(),
            organization: "Lab".into(),
            license: "Proprietary",
            score,
            half_width,
            votes: 10_000,
            release_type: None,
            terms: None,
        }
    }

    #[test]
    fn ranks_count_bounds_strictly() {
        let board = SiteBoard {
            category: "overall",
            stamp: DateTime::UNIX_EPOCH,
            models: vec![
                model("c", 148_000, 300),
                model("a", 150_000, 500),
                model("b", 149_400, 500),
            ],
        };
        let found: Vec<_> = board
            .ranked()
            .iter()
            .map(|r| (&*r.model.name, r.rank, r.rank_upper, r.rank_lower))
            .collect();
        assert_eq!(found, [("a", 1, 1, 2), ("b", 2, 1, 2), ("c", 3, 3, 3)]);
    }

    #[test]
    fn ranks_agree_with_counting_pair_by_pair() {
        // A crowd of overlapping intervals, one of them a point.
        let models = (0..60_i64)
            .map(|i| model(&format!("m{i}"), 150_000 - i * i % 37 * 100, i * 13 % 11 * 60))
            .collect();
        let board = SiteBoard {
            category: "overall",
            stamp: DateTime::UNIX_EPOCH,
            models,
        };
        for row in board.ranked() {
            let others = || board.models.iter().filter(|other| other.name != row.model.name);
            assert_eq!(
                row.rank_upper,
                1 + others().filter(|other| other.lower() > row.model.upper()).count()
            );
            assert_eq!(
                row.rank_lower,
                1 + others().filter(|other| other.upper() > row.model.lower()).count()
            );
        }
    }
}
