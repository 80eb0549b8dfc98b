//! What the market thinks: a softmax over scores that sharpens towards the check.

use std::sync::Arc;

use chrono::TimeDelta;

use crate::scenario::PublicClaim;
use crate::site::SiteBoard;

/// The probability that somebody wins whom no contract names, at most.
const NOBODY: f64 = 0.04;

/// Days before the check from which on that probability no longer grows.
const NOBODY_DAYS: f64 = 3.0;

/// How many models at the top the market considers.
const CONSIDERED: usize = 15;

/// Points within which scores count as close: this much at the check, and the same again times the root of the days to it.
const CLOSE: f64 = 0.9;

/// The exponential of a number that is not positive, by repeated squaring: only additions and multiplications, so that the
/// market quotes the same on every machine.
fn exponential(x: f64) -> f64 {
    let mut power = (1.0 + x / 1024.0).max(0.0);
    for _ in 0..10 {
        power *= power;
    }
    power
}

/// The best models of a board as the market sees them.
#[derive(Debug, Clone)]
pub struct Opinion {
    /// Points behind the best, name, lab.
    top: Vec<(f64, Arc<str>, Arc<str>)>,
}

impl Opinion {
    /// Reads a board.
    #[must_use]
    pub fn of(board: &SiteBoard) -> Self {
        let mut best: Vec<_> = board.models.iter().collect();
        if best.len() > CONSIDERED {
            best.select_nth_unstable_by_key(CONSIDERED, |model| {
                std::cmp::Reverse((model.score, model.name.clone()))
            });
            best.truncate(CONSIDERED);
        }
        best.sort_by_key(|model| std::cmp::Reverse((model.score, model.name.clone())));
        let leader = best.first().map_or(0, |model| model.score);
        Self {
            top: best
                .into_iter()
                .map(|model| {
                    let behind = (leader - model.score) as f64 / 100.0;
                    (behind, Arc::clone(&model.name), Arc::clone(&model.organization))
                })
                .collect(),
        }
    }

    /// The market's probability of a claim: scores weigh exponentially, less sharply the further the check is away.
    #[must_use]
    pub fn probability(&self, claim: &PublicClaim, to_check: TimeDelta) -> f64 {
        let days = (to_check.num_minutes().max(0) as f64) / 1_440.0;
        let close = CLOSE + CLOSE * days.sqrt();
        let mut total = 0.0;
        let mut wins = 0.0;
        for (behind, name, lab) in &self.top {
            let weight = exponential(-behind / close);
            total += weight;
            let pays = match claim {
                PublicClaim::Model(model) => **name == **model,
                PublicClaim::Lab(company) => **lab == **company,
            };
            if pays {
                wins += weight;
            }
        }
        if total > 0.0 {
            wins / total * (1.0 - NOBODY * (days / NOBODY_DAYS).min(1.0))
        } else {
            0.0
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::site::SiteModel;

    fn opinion() -> Opinion {
        let model = |name: &str, lab: &str, score| SiteModel {
            name: name.into(),
            organization: lab.into(),
            license: "Proprietary",
            score,
            half_width: 400,
            votes: 20_000,
            release_type: None,
            terms: None,
        };
        let mut models: Vec<_> = (0..40)
            .map(|i| model(&format!("tail-{i}"), "Tail", 140_000 + i))
            .collect();
        models.extend([
            model("b", "B", 149_700),
            model("a", "A", 150_000),
            model("c", "A", 149_500),
        ]);
        Opinion::of(&SiteBoard {
            category: "overall",
            stamp: chrono::DateTime::UNIX_EPOCH,
            models,
        })
    }

    #[test]
    fn opinions_add_up_and_sharpen_towards_the_check() {
        let opinion = opinion();
        let of = |name: &str, hours| {
            opinion.probability(&PublicClaim::Model(name.into()), TimeDelta::hours(hours))
        };
        for hours in [0, 24, 72, 240] {
            let sum = of("a", hours) + of("b", hours) + of("c", hours);
            assert!((0.95..=1.0 + 1e-9).contains(&sum), "{sum}");
        }
        assert!(of("a", 1) > of("a", 24) && of("a", 24) > of("a", 240));
        let lab = opinion.probability(&PublicClaim::Lab("A".into()), TimeDelta::hours(24));
        assert!((lab - of("a", 24) - of("c", 24)).abs() < 1e-9);
        assert!(of("nobody", 24).abs() < 1e-12);
    }

    #[test]
    fn the_exponential_is_one() {
        for x in [0.0, -0.1, -1.0, -3.0, -8.0] {
            assert!((exponential(x) - f64::exp(x)).abs() < 0.002, "{x}");
        }
        assert!(exponential(-5_000.0).abs() < 1e-12);
    }
}
