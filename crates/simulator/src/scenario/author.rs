//! Writes boards one from the other and remembers what was shown.

use std::sync::Arc;

use chrono::{DateTime, DurationRound as _, TimeDelta, Utc};
use rand::{Rng as _, SeedableRng as _};
use rand_chacha::ChaCha20Rng;

use super::field::{CONTENDERS, field, half_width};
use super::{Showing, Shown, WorldOptions};
use crate::site::{SiteBoard, SiteModel};

/// A script's author: the current board, and chance.
#[derive(Debug, Clone)]
pub(super) struct Author {
    rng: ChaCha20Rng,
    pub(super) models: Vec<SiteModel>,
    pub(super) stamp: DateTime<Utc>,
    /// Around what the best score stays, in hundredths.
    summit: i64,
}

impl Author {
    pub(super) fn new(options: &WorldOptions) -> Self {
        let mut rng = ChaCha20Rng::seed_from_u64(options.seed);
        let mut models = field(&mut rng);
        let summit = models.first().map_or(0, |model| model.score);
        if let Some((row, points)) = options.tweak_row
            && let Some(model) = row.checked_sub(1).and_then(|index| models.get_mut(index))
        {
            #[expect(
                clippy::cast_possible_truncation,
                reason = "a small number of points; saturates"
            )]
            let hundredths = (points * 100.0).round() as i64;
            model.score = model.score.saturating_add(hundredths);
        }
        let stamp = whole_hour(options.start) - TimeDelta::hours(9);
        Self {
            rng,
            models,
            stamp,
            summit,
        }
    }

    /// The current board.
    pub(super) fn board(&self) -> Arc<SiteBoard> {
        Arc::new(SiteBoard {
            category: "overall",
            stamp: self.stamp,
            models: self.models.clone(),
        })
    }

    /// Votes come in and scores move a little; among the contenders nobody overtakes anybody.
    pub(super) fn drift(&mut self, votes: std::ops::Range<i64>) {
        for (index, model) in self.models.iter_mut().enumerate() {
            model.votes += self.rng.gen_range(votes.clone());
            model.half_width = half_width(model.votes);
            // Real scores move by a fifth of a point in the middle; the contenders' gaps are the script's.
            let most = if index < CONTENDERS { 12 } else { 35 };
            model.score += self.rng.gen_range(-most..=most);
        }
    }

    /// One contender takes the lead; the others keep their order behind it. The scores stay around where they began.
    pub(super) fn new_leader(&mut self, contender: usize, votes: std::ops::Range<i64>) {
        self.drift(votes);
        let mut order: Vec<usize> = (0..CONTENDERS).filter(|index| *index != contender).collect();
        order.sort_by_key(|index| std::cmp::Reverse(self.models.get(*index).map_or(0, |model| model.score)));
        order.insert(0, contender);
        let mut score = self.summit + self.rng.gen_range(-60..=60);
        for (place, index) in order.into_iter().enumerate() {
            if let Some(model) = self.models.get_mut(index) {
                model.score = score;
            }
            score -= match place {
                0 => self.rng.gen_range(360..480),
                _ => self.rng.gen_range(140..280),
            };
        }
    }

    /// The board as another category would have it: the same models, other scores.
    pub(super) fn other_category(&self) -> Arc<SiteBoard> {
        let mut other = SiteBoard {
            category: "coding",
            stamp: self.stamp,
            models: self.models.clone(),
        };
        for (index, model) in other.models.iter_mut().enumerate() {
            model.score += if index % 2 == 0 { 1_200 } else { -800 };
        }
        Arc::new(other)
    }

    /// The current board without the model at a place, counted from 0 by score.
    pub(super) fn board_without(&self, place: usize, stamp: DateTime<Utc>) -> Arc<SiteBoard> {
        let mut models = self.models.clone();
        models.sort_by_key(|model| std::cmp::Reverse(model.score));
        if place < models.len() {
            models.remove(place);
        }
        Arc::new(SiteBoard {
            category: "overall",
            stamp,
            models,
        })
    }

    /// A new model a little above the one at a place, counted from 0 by score, with few votes.
    pub(super) fn arrive(&mut self, name: &str, organization: &str, place: usize) {
        let mut scores: Vec<i64> = self.models.iter().map(|model| model.score).collect();
        scores.sort_unstable_by(|a, b| b.cmp(a));
        let votes = 4_200;
        self.models.push(SiteModel {
            name: name.into(),
            organization: organization.into(),
            license: "Proprietary",
            score: scores.get(place).copied().unwrap_or(self.summit) + 5,
            half_width: half_width(votes),
            votes,
            release_type: Some("co_release"),
            terms: None,
        });
    }

    /// The model of an index goes by another name; nothing else of it changes.
    pub(super) fn rename(&mut self, index: usize) {
        if let Some(model) = self.models.get_mut(index) {
            model.name = format!("{}-high", model.name).into();
        }
    }

    /// The model of an index is no longer preliminary, or is again.
    pub(super) fn toggle_preliminary(&mut self, index: usize) {
        if let Some(model) = self.models.get_mut(index) {
            model.release_type = match model.release_type {
                None => Some("pre_release"),
                Some(_) => None,
            };
        }
    }
}

/// The hour that a moment is in.
pub(super) fn whole_hour(at: DateTime<Utc>) -> DateTime<Utc> {
    at.duration_trunc(TimeDelta::hours(1)).unwrap_or(at)
}

/// Something shown from a moment on.
pub(super) const fn showing(from: DateTime<Utc>, shown: Shown) -> Showing {
    Showing { from, shown }
}
