//! Scoring one forecast against what came.

use std::collections::BTreeMap;

/// The least probability that is scored: a class that was called impossible costs this much, not infinitely. Source: the
/// study.
const FLOOR: f64 = 1e-4;

/// The two scores of one forecast; less is better in both.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Scores {
    /// `−ln p` of what came.
    pub log_loss: f64,
    /// `Σ (p − [came])²` over all classes.
    pub brier: f64,
}

/// A distribution over named classes and one for everything else.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Distribution {
    pub(crate) named: BTreeMap<String, f64>,
    pub(crate) rest: f64,
}

impl Distribution {
    /// The probability of each class with whether it came, the rest last.
    pub(crate) fn judged<'a>(&'a self, came: &'a str) -> impl Iterator<Item = (f64, bool)> + 'a {
        let named = self.named.contains_key(came);
        self.named
            .iter()
            .map(move |(name, p)| (*p, name == came))
            .chain(std::iter::once((self.rest, !named)))
    }

    /// Scores it against the class that came; one that it does not name is of the rest.
    pub(crate) fn scores(&self, came: &str) -> Scores {
        let p = self.named.get(came).copied().unwrap_or(self.rest);
        let brier = self
            .judged(came)
            .map(|(p, came)| (p - f64::from(u8::from(came))).powi(2))
            .sum();
        Scores {
            log_loss: -p.max(FLOOR).ln(),
            brier,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case("a", 0.7, 0.3f64.powi(2) + 0.2f64.powi(2) + 0.1f64.powi(2))]
    #[case("b", 0.2, 0.7f64.powi(2) + 0.8f64.powi(2) + 0.1f64.powi(2))]
    #[case("new", 0.1, 0.7f64.powi(2) + 0.2f64.powi(2) + 0.9f64.powi(2))]
    fn what_is_not_named_is_of_the_rest(#[case] came: &str, #[case] p: f64, #[case] brier: f64) {
        let distribution = Distribution {
            named: BTreeMap::from([("a".to_owned(), 0.7), ("b".to_owned(), 0.2)]),
            rest: 0.1,
        };
        let scores = distribution.scores(came);
        assert!((scores.log_loss + p.ln()).abs() < 1e-12);
        assert!((scores.brier - brier).abs() < 1e-12);
    }

    #[test]
    fn what_was_called_impossible_costs_the_floor() {
        let distribution = Distribution {
            named: BTreeMap::from([("a".to_owned(), 0.0)]),
            rest: 1.0,
        };
        assert!((distribution.scores("a").log_loss - 1e4f64.ln()).abs() < 1e-12);
    }
}
