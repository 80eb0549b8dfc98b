//! Rule sets: which reading of the contract's text decides the winner.

use std::fmt;
use std::str::FromStr;

/// A text that names none of the options.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnknownRule {
    /// What the text should have named.
    pub expected: &'static str,
    /// The offending text.
    pub text: String,
}

impl fmt::Display for UnknownRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}` is not a {}", self.text, self.expected)
    }
}

impl std::error::Error for UnknownRule {}

/// Gives an enum its names: one table serves `Display`, `FromStr`, `ALL` and the documentation of the error.
macro_rules! named {
    ($type:ident, $expected:literal, $($variant:ident => $name:literal),+ $(,)?) => {
        impl $type {
            /// Every option, in the order it is documented.
            pub const ALL: &[Self] = &[$(Self::$variant),+];

            /// The option's name, as `FromStr` reads it.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $name),+
                }
            }
        }

        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(self.as_str())
            }
        }

        impl FromStr for $type {
            type Err = UnknownRule;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                match text {
                    $($name => Ok(Self::$variant),)+
                    _ => Err(UnknownRule { expected: $expected, text: text.to_owned() }),
                }
            }
        }
    };
}

/// The version of what the options mean; it changes when the meaning of any of them does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "snake_case"))]
pub enum RuleVersion {
    /// The text of the contracts in September 2026.
    #[default]
    V1,
}

named!(RuleVersion, "rule version: v1", V1 => "v1");

/// How the top of the board is found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "snake_case"))]
pub enum Rule {
    /// Best possible rank, then score, votes, earlier release, name: always one winner.
    ///
    /// Source: `rules_secondary` of KXTOPMODEL, September 2026; the name is this crate's last resort.
    #[default]
    Cascade,
    /// The best possible rank (`rank_ub`) alone: a tie between organisations pays nobody, inside one it pays.
    RankUbAlone,
    /// The ordinal `rank` column alone: a tie between organisations pays nobody, inside one it pays.
    OrdinalRankAlone,
}

named!(
    Rule,
    "rule: cascade, rank_ub_alone or ordinal_rank_alone",
    Cascade => "cascade",
    RankUbAlone => "rank_ub_alone",
    OrdinalRankAlone => "ordinal_rank_alone",
);

/// At which precision scores are compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "snake_case"))]
pub enum ScorePrecision {
    /// The decimal text the page's payload carries.
    #[default]
    Full,
    /// The integer the page's table prints ([`crate::Rating::displayed`]).
    Displayed,
}

named!(ScorePrecision, "score precision: full or displayed", Full => "full", Displayed => "displayed");

/// One criterion of settlement, in words a report can use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "snake_case"))]
pub enum Criterion {
    /// The best rank a model can claim, lowest first.
    RankUb,
    /// The ordinal rank, lowest first; consulted by [`Rule::OrdinalRankAlone`] only.
    Rank,
    /// Score, highest first.
    Score,
    /// Votes, most first.
    Votes,
    /// Release date, earliest first.
    ReleaseDate,
    /// Name, by code point.
    ModelName,
    /// Nothing was compared: the board has one entry.
    OnlyEntry,
}

named!(
    Criterion,
    "criterion: rank_ub, rank, score, votes, release_date, model_name or only_entry",
    RankUb => "rank_ub",
    Rank => "rank",
    Score => "score",
    Votes => "votes",
    ReleaseDate => "release_date",
    ModelName => "model_name",
    OnlyEntry => "only_entry",
);

impl Rule {
    /// The criteria the rule consults, in order.
    #[must_use]
    pub const fn criteria(self) -> &'static [Criterion] {
        match self {
            Self::Cascade => &[
                Criterion::RankUb,
                Criterion::Score,
                Criterion::Votes,
                Criterion::ReleaseDate,
                Criterion::ModelName,
            ],
            Self::RankUbAlone => &[Criterion::RankUb],
            Self::OrdinalRankAlone => &[Criterion::Rank],
        }
    }
}

/// One reading of a contract's text.
///
/// As text it is `version:rule:score_precision`:
///
/// ```
/// use autotrader_settlement::{Rule, RuleSet, ScorePrecision};
///
/// let rules = RuleSet::new(Rule::Cascade, ScorePrecision::Displayed);
/// assert_eq!(rules.to_string(), "v1:cascade:displayed");
/// assert_eq!("v1:cascade:displayed".parse(), Ok(rules));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(deny_unknown_fields))]
pub struct RuleSet {
    /// What the options mean.
    pub version: RuleVersion,
    /// How the top is found.
    pub rule: Rule,
    /// At which precision scores are compared.
    pub score_precision: ScorePrecision,
}

impl RuleSet {
    /// The current version of a rule at a score precision.
    #[must_use]
    pub const fn new(rule: Rule, score_precision: ScorePrecision) -> Self {
        Self {
            version: RuleVersion::V1,
            rule,
            score_precision,
        }
    }

    /// The same rules with scores read at the other precision.
    #[must_use]
    pub const fn other_precision(self) -> Self {
        Self {
            score_precision: match self.score_precision {
                ScorePrecision::Full => ScorePrecision::Displayed,
                ScorePrecision::Displayed => ScorePrecision::Full,
            },
            ..self
        }
    }
}

impl fmt::Display for RuleSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}", self.version, self.rule, self.score_precision)
    }
}

impl FromStr for RuleSet {
    type Err = UnknownRule;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let unknown = || UnknownRule {
            expected: "rule set: version:rule:score_precision",
            text: text.to_owned(),
        };
        let mut parts = text.split(':');
        let mut part = || parts.next().ok_or_else(unknown);
        let rules = Self {
            version: part()?.parse()?,
            rule: part()?.parse()?,
            score_precision: part()?.parse()?,
        };
        if parts.next().is_some() {
            Err(unknown())
        } else {
            Ok(rules)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Criterion, Rule, RuleSet, RuleVersion, ScorePrecision};
    use rstest::rstest;

    #[test]
    fn every_option_reads_back_from_its_name() {
        for rule in Rule::ALL {
            assert_eq!(rule.to_string().parse(), Ok(*rule));
        }
        for precision in ScorePrecision::ALL {
            assert_eq!(precision.to_string().parse(), Ok(*precision));
        }
        for criterion in Criterion::ALL {
            assert_eq!(criterion.to_string().parse(), Ok(*criterion));
        }
        assert_eq!("v1".parse(), Ok(RuleVersion::V1));
    }

    #[test]
    fn the_default_is_the_cascade_at_full_precision() {
        assert_eq!(RuleSet::default().to_string(), "v1:cascade:full");
        assert_eq!(
            RuleSet::default(),
            RuleSet::new(Rule::Cascade, ScorePrecision::Full)
        );
    }

    #[rstest]
    #[case("Cascade")]
    #[case("cascade ")]
    #[case("")]
    fn an_unknown_rule_says_what_is_known(#[case] text: &str) {
        let error = text.parse::<Rule>().unwrap_err();
        assert_eq!(
            error.to_string(),
            format!("`{text}` is not a rule: cascade, rank_ub_alone or ordinal_rank_alone")
        );
    }

    #[rstest]
    #[case("v1:cascade", "rule set: version:rule:score_precision")]
    #[case("v1:cascade:full:x", "rule set: version:rule:score_precision")]
    #[case("v2:cascade:full", "rule version: v1")]
    #[case("v1:elo:full", "rule: cascade, rank_ub_alone or ordinal_rank_alone")]
    #[case("v1:cascade:half", "score precision: full or displayed")]
    fn a_rule_set_is_read_whole(#[case] text: &str, #[case] expected: &str) {
        assert_eq!(text.parse::<RuleSet>().unwrap_err().expected, expected);
    }
}
