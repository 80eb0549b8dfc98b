//! From a market to its claim: a gate that a contract passes only by exact names and approved texts.
//!
//! - KXTOPMODEL maps by `custom_strike.Model`, the exact slug; KXLLM1 by the company that `rules_primary` names, spelt as
//!   the board spells it. Labels, suffixes and dates in tickers are never read.
//! - Where the name is not on the board, a person's override of the ticker or alias of the name decides; similar names
//!   are only suggested.
//! - A model that the board renamed keeps its old claim and is frozen until a person decides by an override.
//! - The primary rule must fit the series' template, and its check time the market's close; the tie-break text must be an
//!   approved one, compared after [normalising white space](rules::normalise).

pub mod names;
mod report;
pub mod rules;

pub use report::{MapLine, map_report};
pub use rules::{ApprovedRules, PrimaryRule, SeriesKind, TOP_MODEL_TIE_RULE};

use autotrader_domain::{BoardStanding, Claim, FeeType, Mapping, MappingState, Market, Reason};
use autotrader_settlement::{Entry, Rule};

use crate::params::MappingParams;

/// Says what a market's contract pays on, and everything that forbids entering it.
#[must_use]
pub fn map_market(market: &Market, standing: &BoardStanding, params: &MappingParams) -> Mapping {
    let kind = SeriesKind::of(&market.series);
    let primary = kind.and_then(|kind| rules::read_primary(kind, &market.rules_primary));
    let rows: &[Entry] = standing
        .accepted
        .as_ref()
        .map_or(&[], |accepted| accepted.board.entries.as_slice());
    let named = match kind {
        Some(SeriesKind::TopModel) => map_model(market, rows, standing, params),
        Some(SeriesKind::TopOrganization) => map_organization(market, primary.as_ref(), rows, params),
        None => Named::nothing(),
    };
    let rule_set = rules::bound_rule_set(&params.approved_rules, &market.series, &market.rules_secondary);
    let mut reasons = Vec::new();
    if standing.accepted.is_none() {
        reasons.push(Reason::NoBoard);
    } else if let Some(reason) = blocked_by(named.state) {
        reasons.push(reason);
    }
    // A slug that the rule's own text does not repeat is as bad as a text that does not fit.
    let consistent = primary.as_ref().is_some_and(|rule| {
        kind != Some(SeriesKind::TopModel) || market.strike_model.as_deref() == Some(rule.subject.as_str())
    });
    if !consistent {
        reasons.push(Reason::RulesTemplate);
    }
    if primary
        .as_ref()
        .is_some_and(|rule| rule.check_time != market.close_time)
    {
        reasons.push(Reason::CheckTimeMismatch);
    }
    match rule_set {
        None => reasons.push(Reason::RulesUnknown),
        Some(rules) if rules.rule != Rule::Cascade => reasons.push(Reason::RuleSetUnsupported),
        Some(_) => {}
    }
    if market.fees.fee_type == FeeType::Unsupported {
        reasons.push(Reason::FeesUnsupported);
    }
    Mapping {
        ticker: market.ticker.clone(),
        state: named.state,
        claim: named.claim,
        rule_set: rule_set.map(|rules| rules.to_string()),
        check_time: primary.map(|rule| rule.check_time),
        reasons,
        suggestions: named.suggestions,
    }
}

const fn blocked_by(state: MappingState) -> Option<Reason> {
    match state {
        MappingState::Exact | MappingState::Approved => None,
        MappingState::Suggested => Some(Reason::MappingSuggested),
        MappingState::Unmapped => Some(Reason::Unmapped),
        MappingState::Renamed => Some(Reason::Renamed),
    }
}

/// What the name of a contract leads to.
struct Named {
    state: MappingState,
    claim: Option<Claim>,
    suggestions: Vec<String>,
}

impl Named {
    const fn nothing() -> Self {
        Self {
            state: MappingState::Unmapped,
            claim: None,
            suggestions: Vec::new(),
        }
    }

    const fn found(state: MappingState, claim: Claim) -> Self {
        Self {
            state,
            claim: Some(claim),
            suggestions: Vec::new(),
        }
    }

    fn similar(claim: Option<Claim>, suggestions: Vec<String>) -> Self {
        let state = if suggestions.is_empty() {
            MappingState::Unmapped
        } else {
            MappingState::Suggested
        };
        Self {
            state,
            claim,
            suggestions,
        }
    }
}

fn row<'a>(rows: &'a [Entry], model_name: &str) -> Option<&'a Entry> {
    rows.iter().find(|entry| entry.model_name == model_name)
}

fn model_claim(model_name: &str, row: Option<&Entry>) -> Claim {
    Claim::Model {
        model_name: model_name.to_owned(),
        organization: row.and_then(Entry::known_organization).map(str::to_owned),
    }
}

fn map_model(market: &Market, rows: &[Entry], standing: &BoardStanding, params: &MappingParams) -> Named {
    let Some(slug) = market.strike_model.as_deref() else {
        return Named::nothing();
    };
    if let Some(entry) = row(rows, slug) {
        return Named::found(MappingState::Exact, model_claim(slug, Some(entry)));
    }
    let approved = params
        .model_overrides
        .get(&market.ticker)
        .or_else(|| params.model_aliases.get(slug));
    if let Some(entry) = approved.and_then(|name| row(rows, name)) {
        return Named::found(
            MappingState::Approved,
            model_claim(&entry.model_name, Some(entry)),
        );
    }
    if let Some(new_name) = renamed_to(standing, slug) {
        return Named {
            state: MappingState::Renamed,
            // The claim stays the old name: what the exchange will make of it is for a person to judge.
            claim: Some(model_claim(slug, row(rows, new_name))),
            suggestions: vec![new_name.to_owned()],
        };
    }
    let known = rows.iter().map(|entry| entry.model_name.as_str());
    let suggestions = names::suggest(slug, known, params.suggestion_threshold, params.max_suggestions);
    Named::similar(Some(model_claim(slug, None)), suggestions)
}

/// The latest name of a model that was renamed, perhaps repeatedly.
fn renamed_to<'a>(standing: &'a BoardStanding, slug: &str) -> Option<&'a str> {
    let step = |name: &str| {
        let renamed = standing.renames.iter().rev().find(|(old, _)| old == name);
        renamed.map(|(_, new)| new.as_str())
    };
    let first = step(slug)?;
    // A chain of renames is at most as long as the list; a ring of them ends there too.
    let rest = standing
        .renames
        .iter()
        .try_fold(first, |name, _| step(name).ok_or(name));
    Some(match rest {
        Ok(name) | Err(name) => name,
    })
}

fn map_organization(
    market: &Market,
    primary: Option<&PrimaryRule>,
    rows: &[Entry],
    params: &MappingParams,
) -> Named {
    let Some(company) = primary.map(|rule| rule.subject.as_str()) else {
        return Named::nothing();
    };
    let known = || rows.iter().filter_map(Entry::known_organization);
    let claim = |organization: &str| Claim::Organization {
        organization: organization.to_owned(),
    };
    if known().any(|name| name == company) {
        return Named::found(MappingState::Exact, claim(company));
    }
    let approved = params
        .organization_overrides
        .get(&market.ticker)
        .or_else(|| params.organization_aliases.get(company));
    if let Some(name) = approved.filter(|name| known().any(|known| known == name.as_str())) {
        return Named::found(MappingState::Approved, claim(name));
    }
    let distinct: std::collections::BTreeSet<&str> = known().collect();
    let suggestions = names::suggest(
        company,
        distinct.into_iter(),
        params.suggestion_threshold,
        params.max_suggestions,
    );
    Named::similar(None, suggestions)
}
