//! A board: the rows of one leaderboard at one moment.

use crate::{Rating, ReleaseDate};

/// One row of the leaderboard, at the precision the page gave.
///
/// A field the source did not give is `None`, never a default.
#[derive(Debug, Clone, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Entry {
    /// The model's slug, the contract's name for it.
    pub model_name: String,
    /// The company that owns the model; `None` when the page leaves it empty.
    pub organization: Option<String>,
    /// The unique ordinal by score (page `rank`).
    pub rank: Option<i64>,
    /// The best rank the model can claim (page `rankUpper`, first number of "Rank Spread").
    pub rank_ub: Option<i64>,
    /// The worst rank the model can claim (page `rankLower`, second number of "Rank Spread").
    pub rank_lb: Option<i64>,
    /// Arena score in rating points.
    pub score: Option<Rating>,
    /// Lower end of the 95 % interval of the score.
    pub ci_lower: Option<Rating>,
    /// Upper end of the 95 % interval of the score.
    pub ci_upper: Option<Rating>,
    /// Number of votes.
    pub votes: Option<i64>,
    /// The page's policy tag (`pre_release`, `co_release`); `None` for most models.
    pub release_type: Option<String>,
    /// Whether the page marks the score as preliminary.
    pub preliminary: bool,
    /// Release date; today's page does not carry one.
    pub release_date: Option<ReleaseDate>,
}

impl Entry {
    /// An entry with a name and nothing else known.
    #[must_use]
    pub fn named(model_name: impl Into<String>) -> Self {
        Self {
            model_name: model_name.into(),
            organization: None,
            rank: None,
            rank_ub: None,
            rank_lb: None,
            score: None,
            ci_lower: None,
            ci_upper: None,
            votes: None,
            release_type: None,
            preliminary: false,
            release_date: None,
        }
    }

    /// The company that owns the model; `None` when it is not given or blank.
    #[must_use]
    pub fn known_organization(&self) -> Option<&str> {
        self.organization
            .as_deref()
            .filter(|name| !name.trim().is_empty())
    }
}

/// The rows of one leaderboard at one moment, in the order the source listed them.
///
/// The order carries no meaning: settlement does not depend on it.
#[derive(Debug, Clone, PartialEq, Default)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Board {
    /// The rows.
    pub entries: Vec<Entry>,
}

#[cfg(test)]
mod tests {
    use super::{Board, Entry};
    use rstest::rstest;

    #[test]
    fn a_named_entry_knows_nothing_else() {
        let entry = Entry::named("a");
        assert_eq!(entry.model_name, "a");
        assert_eq!(entry.organization, None);
        assert_eq!(
            (entry.rank, entry.rank_ub, entry.rank_lb, entry.votes),
            (None, None, None, None)
        );
        assert_eq!((entry.score, entry.ci_lower, entry.ci_upper), (None, None, None));
        assert_eq!(
            (entry.release_type, entry.preliminary, entry.release_date),
            (None, false, None)
        );
    }

    #[rstest]
    #[case(None, None)]
    #[case(Some(""), None)]
    #[case(Some(" "), None)]
    #[case(Some("Anthropic"), Some("Anthropic"))]
    fn a_blank_organization_is_unknown(#[case] given: Option<&str>, #[case] known: Option<&str>) {
        let entry = Entry {
            organization: given.map(str::to_owned),
            ..Entry::named("a")
        };
        assert_eq!(entry.known_organization(), known);
    }

    #[test]
    fn a_board_starts_empty() {
        assert!(Board::default().entries.is_empty());
    }
}
