//! What people decided about names and texts, as a log that is replayed, and what contracts said when they were first seen.
//!
//! A decision is bound to the words it was made about: an approved name to the contract's
//! [terms](ContractTerms), a rule set to the text of the tie-break. Where the exchange changes the words, the decision
//! no longer holds. Nothing here knows a series' template or the board; that is the mapping gate's.

use std::collections::{BTreeMap, BTreeSet};

use autotrader_settlement::RuleSet;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::{Market, SeriesTicker, Ticker};

/// A text with every run of white space made one space and none at the ends: what two rule texts are compared by.
///
/// Everything else counts, case and punctuation included.
#[must_use]
pub fn normalise(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// The words of a contract that say what it pays on and when that is checked.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct ContractTerms {
    /// `custom_strike.Model`, where the market has one.
    pub strike_model: Option<String>,
    /// The text of `rules_primary`, [normalised](normalise).
    pub rules_primary: String,
}

impl ContractTerms {
    /// The terms of a market as the exchange gives them now.
    #[must_use]
    pub fn of(market: &Market) -> Self {
        Self {
            strike_model: market.strike_model.clone(),
            rules_primary: normalise(&market.rules_primary),
        }
    }
}

/// What a person decided.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "decision")]
pub enum ApprovalDecision {
    /// While it has these terms, the contract pays on this name of the board.
    Mapping {
        /// The contract.
        ticker: Ticker,
        /// The model or company that the exchange names.
        subject: String,
        /// The words that were read when it was decided.
        terms: ContractTerms,
        /// The model or organisation, as the board spells it.
        name: String,
    },
    /// The contract does not pay on this name of the board, or on none that a program could find.
    MappingRejected {
        /// The contract.
        ticker: Ticker,
        /// The model or company that the exchange names.
        subject: String,
        /// The name; `None` for every name.
        name: Option<String>,
    },
    /// This tie-break text of a series means this rule set.
    Rules {
        /// The series.
        series: SeriesTicker,
        /// The text of `rules_secondary`.
        text: String,
        /// The rule set in full, such as `v1:cascade:full`.
        rule_set: String,
    },
    /// This tie-break text of a series is not to be traded on, whoever approved it before.
    RulesRevoked {
        /// The series.
        series: SeriesTicker,
        /// The text of `rules_secondary`.
        text: String,
    },
}

impl ApprovalDecision {
    /// The stable word.
    #[must_use]
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Mapping { .. } => "mapping",
            Self::MappingRejected { .. } => "mapping_rejected",
            Self::Rules { .. } => "rules",
            Self::RulesRevoked { .. } => "rules_revoked",
        }
    }

    /// The contract it is about, when it is about one.
    #[must_use]
    pub const fn ticker(&self) -> Option<&Ticker> {
        match self {
            Self::Mapping { ticker, .. } | Self::MappingRejected { ticker, .. } => Some(ticker),
            Self::Rules { .. } | Self::RulesRevoked { .. } => None,
        }
    }
}

/// A decision with who made it and when.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Approval {
    /// When it came into force.
    pub at: DateTime<Utc>,
    /// Who decided.
    pub by: String,
    /// What was decided.
    #[serde(flatten)]
    pub decision: ApprovalDecision,
}

/// What a person said of a tie-break text last.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum TextDecision {
    /// It means this.
    Approved(RuleSet),
    /// It is not to be traded on.
    Revoked,
}

/// Every decision in force.
///
/// The latest decision about the same words replaces the earlier ones.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Approvals {
    terms: BTreeMap<Ticker, ContractTerms>,
    #[serde(with = "crate::pairs")]
    names: BTreeMap<(Ticker, String), String>,
    #[serde(with = "crate::pairs")]
    rejected: BTreeMap<(Ticker, String), Rejected>,
    #[serde(with = "crate::pairs")]
    texts: BTreeMap<(SeriesTicker, String), TextDecision>,
}

/// What may not be paid on.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Rejected {
    /// Every name but those that were approved afterwards.
    every: bool,
    except: BTreeSet<String>,
    names: BTreeSet<String>,
}

impl Rejected {
    fn covers(&self, name: &str) -> bool {
        self.names.contains(name) || (self.every && !self.except.contains(name))
    }
}

impl Approvals {
    /// Takes a decision up; decisions are taken in the order they were made.
    pub fn apply(&mut self, decision: &ApprovalDecision) {
        match decision {
            ApprovalDecision::Mapping {
                ticker,
                subject,
                terms,
                name,
            } => {
                let key = (ticker.clone(), subject.clone());
                if let Some(rejected) = self.rejected.get_mut(&key) {
                    rejected.names.remove(name);
                    if rejected.every {
                        rejected.except.insert(name.clone());
                    }
                }
                self.names.insert(key, name.clone());
                // Who approves has read the words as they are now.
                self.terms.insert(ticker.clone(), terms.clone());
            }
            ApprovalDecision::MappingRejected {
                ticker,
                subject,
                name,
            } => {
                let key = (ticker.clone(), subject.clone());
                if name.is_none() || self.names.get(&key) == name.as_ref() {
                    self.names.remove(&key);
                }
                let rejected = self.rejected.entry(key).or_default();
                match name {
                    Some(name) => {
                        rejected.except.remove(name);
                        rejected.names.insert(name.clone());
                    }
                    None => {
                        rejected.every = true;
                        rejected.except.clear();
                    }
                }
            }
            ApprovalDecision::Rules {
                series,
                text,
                rule_set,
            } => {
                // A rule set of another version binds nothing: the text is then as good as unapproved.
                let decided = rule_set
                    .parse()
                    .map_or(TextDecision::Revoked, TextDecision::Approved);
                self.texts.insert((series.clone(), normalise(text)), decided);
            }
            ApprovalDecision::RulesRevoked { series, text } => {
                self.texts
                    .insert((series.clone(), normalise(text)), TextDecision::Revoked);
            }
        }
    }

    /// Notes what a contract says when it is first seen; `false` when that is known already.
    pub fn note_terms(&mut self, ticker: &Ticker, terms: ContractTerms) -> bool {
        if self.terms.contains_key(ticker) {
            return false;
        }
        self.terms.insert(ticker.clone(), terms);
        true
    }

    /// What a contract said when it was first seen or last approved; `None` before.
    #[must_use]
    pub fn terms(&self, ticker: &Ticker) -> Option<&ContractTerms> {
        self.terms.get(ticker)
    }

    /// Whether the exchange has changed what a contract says since it was first seen or last approved.
    #[must_use]
    pub fn terms_changed(&self, market: &Market) -> bool {
        let Some(known) = self.terms.get(&market.ticker) else {
            return false;
        };
        if known.strike_model != market.strike_model {
            return true;
        }
        // Texts are nearly always written without a superfluous space.
        known.rules_primary != market.rules_primary
            && !known
                .rules_primary
                .split(' ')
                .filter(|word| !word.is_empty())
                .eq(market.rules_primary.split_whitespace())
    }

    /// The name that a person approved for a contract while the exchange names this subject.
    #[must_use]
    pub fn name(&self, ticker: &Ticker, subject: &str) -> Option<&str> {
        self.names
            .get(&(ticker.clone(), subject.to_owned()))
            .map(String::as_str)
    }

    /// Whether a person said that a contract does not pay on a name, or on any.
    #[must_use]
    pub fn is_rejected(&self, ticker: &Ticker, subject: &str, name: &str) -> bool {
        self.rejected(ticker, subject)
            .is_some_and(|rejected| rejected.covers(name))
    }

    /// Whether a person said that a contract is not to be mapped to anything.
    #[must_use]
    pub fn is_rejected_wholly(&self, ticker: &Ticker, subject: &str) -> bool {
        self.rejected(ticker, subject)
            .is_some_and(|rejected| rejected.every && rejected.except.is_empty())
    }

    /// The names that a person said a contract does not pay on, in order.
    pub fn rejected_names(&self, ticker: &Ticker, subject: &str) -> impl Iterator<Item = &str> {
        self.rejected(ticker, subject)
            .into_iter()
            .flat_map(|rejected| rejected.names.iter().map(String::as_str))
    }

    fn rejected(&self, ticker: &Ticker, subject: &str) -> Option<&Rejected> {
        if self.rejected.is_empty() {
            return None;
        }
        self.rejected.get(&(ticker.clone(), subject.to_owned()))
    }

    /// Every tie-break text that a person decided about, by series and text.
    pub fn texts(&self) -> impl Iterator<Item = (&SeriesTicker, &str, TextDecision)> {
        self.texts
            .iter()
            .map(|((series, text), decision)| (series, text.as_str(), *decision))
    }

    /// What a person said of a tie-break text last; `None` when nobody did.
    #[must_use]
    pub fn text(&self, series: &SeriesTicker, text: &str) -> Option<TextDecision> {
        if self.texts.is_empty() {
            return None;
        }
        self.texts.get(&(series.clone(), normalise(text))).copied()
    }
}

impl<'a> Extend<&'a ApprovalDecision> for Approvals {
    fn extend<T: IntoIterator<Item = &'a ApprovalDecision>>(&mut self, decisions: T) {
        for decision in decisions {
            self.apply(decision);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SUBJECT: &str = "aurora-6";

    fn ticker() -> Ticker {
        "KXTOPMODEL-26DEC04-AUR".parse().unwrap()
    }

    fn terms(text: &str) -> ContractTerms {
        ContractTerms {
            strike_model: Some(SUBJECT.to_owned()),
            rules_primary: text.to_owned(),
        }
    }

    fn approve(name: &str) -> ApprovalDecision {
        ApprovalDecision::Mapping {
            ticker: ticker(),
            subject: SUBJECT.to_owned(),
            terms: terms("now"),
            name: name.to_owned(),
        }
    }

    fn reject(name: Option<&str>) -> ApprovalDecision {
        ApprovalDecision::MappingRejected {
            ticker: ticker(),
            subject: SUBJECT.to_owned(),
            name: name.map(str::to_owned),
        }
    }

    fn after(decisions: &[ApprovalDecision]) -> Approvals {
        let mut approvals = Approvals::default();
        approvals.extend(decisions);
        approvals
    }

    #[test]
    fn the_latest_word_about_a_name_holds() {
        let name =
            |decisions: &[ApprovalDecision]| after(decisions).name(&ticker(), SUBJECT).map(str::to_owned);
        assert_eq!(name(&[]), None);
        assert_eq!(name(&[approve("a"), approve("b")]).as_deref(), Some("b"));
        assert_eq!(
            name(&[approve("a"), reject(Some("b"))]).as_deref(),
            Some("a"),
            "another name was rejected"
        );
        assert_eq!(name(&[approve("a"), reject(Some("a"))]), None);
        assert_eq!(name(&[approve("a"), reject(None)]), None);
        assert_eq!(
            name(&[reject(None), reject(Some("a")), approve("a")]).as_deref(),
            Some("a")
        );
        assert_eq!(after(&[approve("a")]).name(&ticker(), "aurora-7"), None);
    }

    #[test]
    fn what_was_rejected_stays_rejected_until_it_is_approved() {
        let rejected = |decisions: &[ApprovalDecision], name: &str| {
            after(decisions).is_rejected(&ticker(), SUBJECT, name)
        };
        assert!(rejected(&[reject(Some("a"))], "a"));
        assert!(!rejected(&[reject(Some("a"))], "b"));
        assert!(rejected(&[reject(None)], "b"));
        assert!(!rejected(&[reject(None), reject(Some("a")), approve("a")], "a"));
        assert!(rejected(&[reject(None), reject(Some("b")), approve("a")], "b"));
        assert!(
            rejected(&[reject(None), approve("a")], "c"),
            "only the one was approved"
        );
        assert!(rejected(&[reject(None), approve("a"), reject(None)], "a"));
        let approvals = after(&[reject(Some("b")), reject(Some("a"))]);
        assert_eq!(
            approvals.rejected_names(&ticker(), SUBJECT).collect::<Vec<_>>(),
            ["a", "b"]
        );
        assert!(!approvals.is_rejected_wholly(&ticker(), SUBJECT));
        assert!(
            !approvals.is_rejected(&ticker(), "aurora-7", "a"),
            "bound to its subject"
        );
    }

    #[test]
    fn the_first_terms_stay_until_a_person_has_read_others() {
        let mut approvals = Approvals::default();
        assert!(approvals.note_terms(&ticker(), terms("first")));
        assert!(!approvals.note_terms(&ticker(), terms("second")));
        assert_eq!(approvals.terms(&ticker()), Some(&terms("first")));
        approvals.apply(&approve("a"));
        assert_eq!(approvals.terms(&ticker()), Some(&terms("now")));
    }

    #[test]
    fn the_latest_word_about_a_text_holds_whatever_its_white_space() {
        let series: SeriesTicker = "KXLLM1".parse().unwrap();
        let rules = |rule_set: &str| ApprovalDecision::Rules {
            series: series.clone(),
            text: " The first\nwins. ".to_owned(),
            rule_set: rule_set.to_owned(),
        };
        let revoked = ApprovalDecision::RulesRevoked {
            series: series.clone(),
            text: "The  first wins.".to_owned(),
        };
        let said = |decisions: &[ApprovalDecision]| after(decisions).text(&series, "The first  wins.");
        let cascade = TextDecision::Approved(RuleSet::default());
        assert_eq!(said(&[]), None);
        assert_eq!(said(&[rules("v1:cascade:full")]), Some(cascade));
        assert_eq!(
            said(&[rules("v1:cascade:full"), revoked.clone()]),
            Some(TextDecision::Revoked)
        );
        assert_eq!(said(&[revoked, rules("v1:cascade:full")]), Some(cascade));
        assert_eq!(
            said(&[rules("v9:cascade:full")]),
            Some(TextDecision::Revoked),
            "a rule set that this version does not know binds nothing"
        );
        assert_eq!(
            after(&[rules("v1:cascade:full")]).text(&series, "The last wins."),
            None
        );
    }

    #[test]
    fn decisions_are_written_and_read_back() {
        for decision in [approve("a"), reject(None), reject(Some("b"))] {
            let approval = Approval {
                at: "2026-11-24T10:00:00Z".parse().unwrap(),
                by: "operator".to_owned(),
                decision,
            };
            let text = serde_json::to_string(&approval).unwrap();
            assert_eq!(serde_json::from_str::<Approval>(&text).unwrap(), approval);
        }
    }
}
