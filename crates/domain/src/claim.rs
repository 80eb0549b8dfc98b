//! What a contract pays on: the claim behind a ticker, and the states of the world that decide it.

use autotrader_settlement::{Rule, RuleSet};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::{Reason, Ticker};

/// What must come true for YES to pay.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum Claim {
    /// This exact model is the winner.
    Model {
        /// The model's slug.
        model_name: String,
        /// The company that owns it; `None` when the board does not list the model.
        organization: Option<String>,
    },
    /// A model of this company is the winner.
    Organization {
        /// The company, as the board spells it.
        organization: String,
    },
}

impl Claim {
    /// The model or organisation that must win, as the board spells it.
    #[must_use]
    pub fn name(&self) -> &str {
        match self {
            Self::Model { model_name, .. } => model_name,
            Self::Organization { organization } => organization,
        }
    }

    /// The lab this claim depends on.
    #[must_use]
    pub fn organization(&self) -> Option<&str> {
        match self {
            Self::Model { organization, .. } => organization.as_deref(),
            Self::Organization { organization } => Some(organization),
        }
    }

    /// Whether YES pays in a state of the world.
    #[must_use]
    pub fn pays(&self, outcome: &Outcome) -> bool {
        match self {
            Self::Model { model_name, .. } => outcome.model_name.as_deref() == Some(model_name),
            Self::Organization { organization } => outcome.organization.as_deref() == Some(organization),
        }
    }
}

/// A state of the world at the check: which model wins and who owns it.
///
/// An unlisted winner has no model name; an unknown lab has no organisation.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Outcome {
    /// The winning model, when it is one that some contract names.
    pub model_name: Option<String>,
    /// The winner's owner, when it is one that some contract names.
    pub organization: Option<String>,
}

impl Outcome {
    /// Every state that the claims tell apart: each named model, an unlisted model of each named lab, and nobody named.
    ///
    /// In a fixed order without repetition.
    #[must_use]
    pub fn all<'a>(claims: impl Iterator<Item = &'a Claim>) -> Vec<Self> {
        let mut states = std::collections::BTreeSet::new();
        for claim in claims {
            let organization = claim.organization().map(str::to_owned);
            if let Claim::Model { model_name, .. } = claim {
                states.insert(Self {
                    model_name: Some(model_name.clone()),
                    organization: organization.clone(),
                });
            }
            states.insert(Self {
                model_name: None,
                organization,
            });
        }
        states.insert(Self {
            model_name: None,
            organization: None,
        });
        states.into_iter().collect()
    }
}

/// How sure the mapping from a ticker to a claim is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MappingState {
    /// The exchange names the model or company exactly as the board does.
    Exact,
    /// A person approved the mapping by configuration or command.
    Approved,
    /// Similar names exist; a person must decide.
    Suggested,
    /// Nothing on the board fits.
    Unmapped,
    /// The board renamed the model: frozen until a person decides.
    Renamed,
}

impl MappingState {
    /// Whether entries are allowed in this state.
    #[must_use]
    pub const fn may_enter(self) -> bool {
        matches!(self, Self::Exact | Self::Approved)
    }
}

/// What the mapping gate says of one market.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mapping {
    /// The market.
    pub ticker: Ticker,
    /// How sure the mapping is.
    pub state: MappingState,
    /// What the contract pays on, as far as it is known.
    pub claim: Option<Claim>,
    /// The rule set bound to the contract's approved text, by name; `None` when the text is unknown.
    pub rule_set: Option<String>,
    /// When the leaderboard is checked.
    pub check_time: Option<DateTime<Utc>>,
    /// Why the contract may not be entered; empty when it may.
    pub reasons: Vec<Reason>,
    /// Similar names for a person to consider, best first.
    pub suggestions: Vec<String>,
}

/// What a contract receives when models of different organisations share the top of the board.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TieTerms {
    /// The rules break every tie: one model wins, and there is no such state.
    Broken,
    /// The tie pays nobody.
    PaysNobody,
    /// The rules are not known, so the contract may pay or not.
    Unknown,
}

impl Mapping {
    /// What a tie between organisations pays, by the rule set bound to the contract.
    #[must_use]
    pub fn tie_terms(&self) -> TieTerms {
        let Some(name) = self.rule_set.as_deref() else {
            return TieTerms::Unknown;
        };
        let rule = name
            .parse::<RuleSet>()
            .map(|rules| rules.rule)
            .or_else(|_| name.parse::<Rule>());
        match rule {
            Ok(Rule::Cascade) => TieTerms::Broken,
            Ok(Rule::RankUbAlone | Rule::OrdinalRankAlone) => TieTerms::PaysNobody,
            Err(_) => TieTerms::Unknown,
        }
    }

    /// The name under which the board now lists a model that it renamed; `None` unless the contract is frozen for it.
    #[must_use]
    pub fn renamed_to(&self) -> Option<&str> {
        if self.state == MappingState::Renamed {
            self.suggestions.first().map(String::as_str)
        } else {
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ties_are_paid_by_the_rule_set() {
        for (rule_set, expected) in [
            (Some("cascade"), TieTerms::Broken),
            (Some("v1:cascade:full"), TieTerms::Broken),
            (Some("v1:cascade:displayed"), TieTerms::Broken),
            (Some("rank_ub_alone"), TieTerms::PaysNobody),
            (Some("v1:ordinal_rank_alone:full"), TieTerms::PaysNobody),
            (Some("v9:cascade:full"), TieTerms::Unknown),
            (Some(""), TieTerms::Unknown),
            (None, TieTerms::Unknown),
        ] {
            let mapping = Mapping {
                ticker: "KXLLM1-26DEC31-A".parse().unwrap(),
                state: MappingState::Exact,
                claim: None,
                rule_set: rule_set.map(str::to_owned),
                check_time: None,
                reasons: Vec::new(),
                suggestions: vec!["b".into()],
            };
            assert_eq!(mapping.tie_terms(), expected, "{rule_set:?}");
            assert_eq!(mapping.renamed_to(), None, "similar names are not renames");
        }
    }

    #[test]
    fn outcomes_cover_models_labs_and_nobody() {
        let claims = [
            Claim::Model {
                model_name: "a-1".into(),
                organization: Some("A".into()),
            },
            Claim::Organization {
                organization: "A".into(),
            },
            Claim::Organization {
                organization: "B".into(),
            },
        ];
        let states = Outcome::all(claims.iter());
        assert_eq!(states.len(), 4, "{states:?}");
        let paying: Vec<usize> = claims
            .iter()
            .map(|c| states.iter().filter(|s| c.pays(s)).count())
            .collect();
        assert_eq!(paying, [1, 2, 1]);
        assert!(
            states.iter().any(|s| claims.iter().all(|c| !c.pays(s))),
            "an unlisted winner pays nobody"
        );
    }
}
