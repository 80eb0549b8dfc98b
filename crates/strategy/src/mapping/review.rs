//! What waits for a person: contracts that are not mapped or whose words changed, and tie-break texts.

use std::collections::{BTreeMap, BTreeSet};

use autotrader_domain::{
    Approvals, BoardStanding, Claim, ContractTerms, Market, Reason, SeriesTicker, TextDecision, Ticker,
};
use autotrader_settlement::RuleSet;
use serde::Serialize;

use super::names::{Similar, similar};
use super::report::{MapLine, map_line};
use super::rules::{ApprovedRules, SeriesKind, bound_rule_set, normalise};
use super::{names_on_board, subject_of};
use crate::params::MappingParams;

/// How far below the threshold of suggestions a name may lie to be shown to a person.
const WIDER: f64 = 0.2;

/// How many similar names are shown.
const SHOWN: usize = 5;

/// A contract that waits for a person.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ReviewItem {
    /// What is known of its mapping.
    #[serde(flatten)]
    pub line: MapLine,
    /// Names of the board to consider, the likely ones first.
    pub similar: Vec<Similar>,
    /// What it said when it was first seen or last approved, when the exchange has changed that.
    pub said: Option<ContractTerms>,
    /// What it says now.
    pub says: ContractTerms,
}

/// Reasons that only a person can take away, by a decision about this one contract.
const FOR_A_PERSON: [Reason; 6] = [
    Reason::MappingSuggested,
    Reason::Unmapped,
    Reason::Renamed,
    Reason::TermsChanged,
    Reason::RulesTemplate,
    Reason::CheckTimeMismatch,
];

/// The contracts that wait for a person, in the order of tickers. What was rejected does not wait any more.
#[must_use]
pub fn review(
    markets: &BTreeMap<Ticker, Market>,
    standing: &BoardStanding,
    approvals: &Approvals,
    params: &MappingParams,
) -> Vec<ReviewItem> {
    markets
        .values()
        .filter_map(|market| {
            let line = map_line(market, standing, approvals, params);
            let rejected = line
                .subject
                .as_ref()
                .is_some_and(|subject| approvals.is_rejected_wholly(&market.ticker, subject));
            if rejected
                || line.reasons.contains(&Reason::MappingRejected)
                || !line.reasons.iter().any(|reason| FOR_A_PERSON.contains(reason))
            {
                return None;
            }
            let said = approvals
                .terms_changed(market)
                .then(|| approvals.terms(&market.ticker).cloned())
                .flatten();
            Some(ReviewItem {
                similar: candidates(market, &line, standing, approvals, params),
                line,
                said,
                says: ContractTerms::of(market),
            })
        })
        .collect()
}

/// The names to consider for a contract: what the gate suggests, then others that are like its own.
fn candidates(
    market: &Market,
    line: &MapLine,
    standing: &BoardStanding,
    approvals: &Approvals,
    params: &MappingParams,
) -> Vec<Similar> {
    let (Some(kind), Some(subject)) = (SeriesKind::of(&market.series), subject_of(market)) else {
        return Vec::new();
    };
    if line.state.may_enter() {
        // Its name is settled; what waits is something else.
        let own = line.claim.as_ref().map(Claim::name);
        return own
            .map(|name| similar(&subject, std::iter::once(name), 0.0))
            .unwrap_or_default();
    }
    let open = names_on_board(kind, standing)
        .into_iter()
        .filter(|name| !approvals.is_rejected(&market.ticker, &subject, name));
    let mut found = similar(&subject, open, (params.suggestion_threshold - WIDER).max(0.0));
    let suggested = |name: &str| line.suggestions.iter().any(|suggestion| suggestion == name);
    // The new name of a renamed model is the first to consider, however unlike the old one it is.
    for name in line.suggestions.iter().rev() {
        let known = found.iter().position(|similar| similar.name == *name);
        let similar = match known {
            Some(at) => found.remove(at),
            None => similar(&subject, std::iter::once(name.as_str()), 0.0)
                .pop()
                .unwrap_or(Similar {
                    name: name.clone(),
                    similarity: 0.0,
                    same_version: false,
                }),
        };
        found.insert(0, similar);
    }
    found.truncate(SHOWN.max(found.iter().filter(|similar| suggested(&similar.name)).count()));
    found
}

/// Who bound a tie-break text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum BoundBy {
    /// A person, by command.
    Command,
    /// The configuration.
    Configuration,
    /// The program, which knows the published text.
    BuiltIn,
}

/// A tie-break text of a series.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RuleText {
    /// The series.
    pub series: SeriesTicker,
    /// The text of `rules_secondary`, with every run of white space made one space.
    pub text: String,
    /// The contracts that show it now.
    pub contracts: Vec<Ticker>,
    /// What it means; `None` when nobody approved it.
    pub rule_set: Option<RuleSet>,
    /// Who said so.
    pub bound_by: Option<BoundBy>,
    /// Whether a person took an approval of it back.
    pub revoked: bool,
}

/// Every tie-break text that a market shows now or that somebody decided about, by series and text.
#[must_use]
pub fn rule_texts(
    markets: &BTreeMap<Ticker, Market>,
    approvals: &Approvals,
    params: &MappingParams,
) -> Vec<RuleText> {
    let mut shown: BTreeMap<(SeriesTicker, String), Vec<Ticker>> = BTreeMap::new();
    for market in markets.values() {
        let key = (market.series.clone(), normalise(&market.rules_secondary));
        shown.entry(key).or_default().push(market.ticker.clone());
    }
    let configured = params
        .approved_rules
        .iter()
        .map(|rules| (rules.series.clone(), normalise(&rules.text)));
    let decided = approvals
        .texts()
        .map(|(series, text, _)| (series.clone(), text.to_owned()));
    let known: BTreeSet<(SeriesTicker, String)> =
        shown.keys().cloned().chain(configured).chain(decided).collect();
    known
        .into_iter()
        .map(|(series, text)| {
            let (rule_set, bound_by, revoked) = binding(&series, &text, approvals, params);
            let contracts = shown
                .get(&(series.clone(), text.clone()))
                .cloned()
                .unwrap_or_default();
            RuleText {
                series,
                text,
                contracts,
                rule_set,
                bound_by,
                revoked,
            }
        })
        .collect()
}

fn binding(
    series: &SeriesTicker,
    text: &str,
    approvals: &Approvals,
    params: &MappingParams,
) -> (Option<RuleSet>, Option<BoundBy>, bool) {
    match approvals.text(series, text) {
        Some(TextDecision::Approved(rule_set)) => (Some(rule_set), Some(BoundBy::Command), false),
        Some(TextDecision::Revoked) => (None, None, true),
        None => {
            let rule_set = bound_rule_set(&params.approved_rules, series, text);
            let built_in = ApprovedRules::verbatim_top_model().is_some_and(|rules| {
                rules.series == *series && normalise(&rules.text) == text && Some(rules.rule_set) == rule_set
            });
            let by = if built_in {
                BoundBy::BuiltIn
            } else {
                BoundBy::Configuration
            };
            (rule_set, rule_set.map(|_| by), false)
        }
    }
}
