//! What the market thinks: a softmax over scores that sharpens towards the check.

use chrono::TimeDelta;

use crate::scenario::PublicClaim;
use crate::site::SiteBoard;

/// The probability that somebody wins whom no contract names, at most.
const NOBODY: f64 = 0.04;

/// How many models at the top the market considers.
const CONSIDERED: usize = 15;

/// The market's probability of a claim: scores weigh exponentially, less sharply the further the check is away.
#[must_use]
pub fn opinion(board: &SiteBoard, claim: &PublicClaim, to_check: TimeDelta) -> f64 {
    let days = (to_check.num_minutes().max(0) as f64) / 1_440.0;
    // Points within which models count as close: about one at the check, a few a week before.
    let scale = 0.9 + 0.9 * days.sqrt();
    let mut top: Vec<_> = board.models.iter().collect();
    top.sort_by_key(|model| std::cmp::Reverse(model.score));
    top.truncate(CONSIDERED);
    let best = top.first().map_or(0, |model| model.score);
    let weight = |score: i64| ((score - best) as f64 / 100.0 / scale).exp();
    let total: f64 = top.iter().map(|model| weight(model.score)).sum();
    let wins: f64 = top
        .iter()
        .filter(|model| match claim {
            PublicClaim::Model(name) => model.name == *name,
            PublicClaim::Lab(lab) => model.organization == *lab,
        })
        .map(|model| weight(model.score))
        .sum();
    let nobody = NOBODY * (days / 3.0).min(1.0);
    if total > 0.0 {
        wins / total * (1.0 - nobody)
    } else {
        0.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::site::SiteModel;

    fn board() -> SiteBoard {
        let model = |name: &str, lab: &str, score| SiteModel {
            name: name.into(),
            organization: lab.into(),
            license: "Proprietary",
            score,
            half_width: 400,
            votes: 20_000,
            release_type: None,
        };
        SiteBoard {
            category: "overall",
            stamp: chrono::DateTime::UNIX_EPOCH,
            models: vec![
                model("a", "A", 150_000),
                model("b", "B", 149_700),
                model("c", "A", 149_500),
            ],
        }
    }

    #[test]
    fn opinions_add_up_and_sharpen_towards_the_check() {
        let of = |name: &str, hours| {
            opinion(
                &board(),
                &PublicClaim::Model(name.into()),
                TimeDelta::hours(hours),
            )
        };
        for hours in [0, 24, 72, 240] {
            let sum = of("a", hours) + of("b", hours) + of("c", hours);
            assert!((0.95..=1.0 + 1e-9).contains(&sum), "{sum}");
        }
        assert!(of("a", 1) > of("a", 24) && of("a", 24) > of("a", 240));
        let lab = opinion(&board(), &PublicClaim::Lab("A".into()), TimeDelta::hours(24));
        assert!((lab - of("a", 24) - of("c", 24)).abs() < 1e-9);
    }
}
