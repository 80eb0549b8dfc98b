//! From a market to its claim: a gate that a contract passes only by exact names and approved texts.
//!
//! - KXTOPMODEL maps by `custom_strike.Model`, the exact slug; KXLLM1 by the company that `rules_primary` names, spelt as
//!   the board spells it. Labels, suffixes and dates in tickers are never read.
//! - Where that name is not on the board, a person decides, in this order: the configured override of the ticker, the
//!   configured alias of the name, the name [approved by command](autotrader_domain::Approvals). Similar names are only
//!   suggested, and never one of another version.
//! - What a person rejected is not paid on, by whatever way it would be found.
//! - A model that the board renamed keeps its old claim and is frozen until a person decides.
//! - The primary rule must fit the series' template, and its check time the market's close. Where it names something else, or
//!   another check, than when it was first seen, the contract is frozen until a person has read it.
//! - The tie-break text must be an approved one, compared after [normalising white space](rules::normalise). Of a text, the
//!   latest decision by command holds before what the configuration says.

pub mod names;
mod report;
mod review;
pub mod rules;

pub use names::Similar;
pub use report::{MapLine, map_report};
pub use review::{BoundBy, ReviewItem, RuleText, review, rule_texts};
pub use rules::{ApprovedRules, PrimaryRule, SeriesKind, TOP_MODEL_TIE_RULE};

use std::collections::BTreeSet;

use autotrader_domain::{Approvals, BoardStanding, Claim, FeeType, Mapping, MappingState, Market, Reason};
use autotrader_settlement::{Entry, Rule};

use crate::params::MappingParams;

/// Says what a market's contract pays on, and everything that forbids entering it.
#[must_use]
pub fn map_market(
    market: &Market,
    standing: &BoardStanding,
    approvals: &Approvals,
    params: &MappingParams,
) -> Mapping {
    let kind = SeriesKind::of(&market.series);
    let primary = kind.and_then(|kind| rules::read_primary(kind, &market.rules_primary));
    let rows = rows(standing);
    let named = subject(market, kind, primary.as_ref()).map_or_else(Named::nothing, |subject| {
        let person = Person {
            market,
            subject,
            approvals,
            params,
        };
        match kind {
            Some(SeriesKind::TopModel) => map_model(&person, rows, standing),
            Some(SeriesKind::TopOrganization) => map_organization(&person, rows),
            None => Named::nothing(),
        }
    });
    let rule_set = rules::rule_set(approvals, params, &market.series, &market.rules_secondary);
    let mut reasons = Vec::new();
    if standing.accepted.is_none() {
        reasons.push(Reason::NoBoard);
    } else if named.rejected {
        reasons.push(Reason::MappingRejected);
    } else if let Some(reason) = blocked_by(named.state) {
        reasons.push(reason);
    }
    if approvals.terms_changed(market) {
        reasons.push(Reason::TermsChanged);
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

/// The model or company that the exchange names for a market; `None` when it names none that can be read.
#[must_use]
pub fn subject_of(market: &Market) -> Option<String> {
    let kind = SeriesKind::of(&market.series)?;
    let primary = rules::read_primary(kind, &market.rules_primary);
    subject(market, Some(kind), primary.as_ref()).map(str::to_owned)
}

fn subject<'a>(
    market: &'a Market,
    kind: Option<SeriesKind>,
    primary: Option<&'a PrimaryRule>,
) -> Option<&'a str> {
    match kind? {
        SeriesKind::TopModel => market.strike_model.as_deref(),
        SeriesKind::TopOrganization => primary.map(|rule| rule.subject.as_str()),
    }
}

/// The names of the board that a market of this series may pay on, each once, in order.
#[must_use]
pub fn names_on_board(kind: SeriesKind, standing: &BoardStanding) -> BTreeSet<&str> {
    let rows = rows(standing);
    match kind {
        SeriesKind::TopModel => rows.iter().map(|entry| entry.model_name.as_str()).collect(),
        SeriesKind::TopOrganization => rows.iter().filter_map(Entry::known_organization).collect(),
    }
}

/// The name that the configuration gives a market whose own name is not on the board: by ticker, or else by alias.
#[must_use]
pub fn configured_name<'a>(market: &Market, subject: &str, params: &'a MappingParams) -> Option<&'a str> {
    let (overrides, aliases) = match SeriesKind::of(&market.series)? {
        SeriesKind::TopModel => (&params.model_overrides, &params.model_aliases),
        SeriesKind::TopOrganization => (&params.organization_overrides, &params.organization_aliases),
    };
    let name = overrides.get(&market.ticker).or_else(|| aliases.get(subject));
    name.map(String::as_str)
}

fn rows(standing: &BoardStanding) -> &[Entry] {
    standing
        .accepted
        .as_ref()
        .map_or(&[], |accepted| accepted.board.entries.as_slice())
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
    /// Whether a person forbade it.
    rejected: bool,
}

impl Named {
    const fn nothing() -> Self {
        Self::rest(MappingState::Unmapped, None, Vec::new())
    }

    const fn rest(state: MappingState, claim: Option<Claim>, suggestions: Vec<String>) -> Self {
        Self {
            state,
            claim,
            suggestions,
            rejected: false,
        }
    }

    const fn found(state: MappingState, claim: Claim) -> Self {
        Self::rest(state, Some(claim), Vec::new())
    }

    const fn rejected(claim: Option<Claim>) -> Self {
        Self {
            state: MappingState::Unmapped,
            claim,
            suggestions: Vec::new(),
            rejected: true,
        }
    }

    const fn similar(claim: Option<Claim>, suggestions: Vec<String>) -> Self {
        let state = if suggestions.is_empty() {
            MappingState::Unmapped
        } else {
            MappingState::Suggested
        };
        Self::rest(state, claim, suggestions)
    }
}

/// What people said of one contract, by configuration and by command.
struct Person<'a> {
    market: &'a Market,
    subject: &'a str,
    approvals: &'a Approvals,
    params: &'a MappingParams,
}

impl<'a> Person<'a> {
    /// The names a contract may go by, in the order they are tried: the exchange's own first.
    fn names(&self) -> impl Iterator<Item = &'a str> {
        // What the configuration names is pinned: where the board does not list it, nothing else is put in its place.
        let decided = configured_name(self.market, self.subject, self.params)
            .or_else(|| self.approvals.name(&self.market.ticker, self.subject));
        std::iter::once(self.subject).chain(decided)
    }

    /// The first of them that the board lists.
    fn listed(&self, on_board: impl Fn(&str) -> bool) -> Option<&'a str> {
        self.names().find(|name| on_board(name))
    }

    fn rejects(&self, name: &str) -> bool {
        self.approvals
            .is_rejected(&self.market.ticker, self.subject, name)
    }

    fn rejects_all(&self) -> bool {
        self.approvals
            .is_rejected_wholly(&self.market.ticker, self.subject)
    }

    fn suggestions<'b>(&self, known: impl Iterator<Item = &'b str>) -> Vec<String> {
        let wanted = known.filter(|name| !self.rejects(name));
        names::suggest(
            self.subject,
            wanted,
            self.params.suggestion_threshold,
            self.params.max_suggestions,
        )
    }

    fn state_of(&self, name: &str) -> MappingState {
        if name == self.subject {
            MappingState::Exact
        } else {
            MappingState::Approved
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

fn map_model(person: &Person<'_>, rows: &[Entry], standing: &BoardStanding) -> Named {
    let slug = person.subject;
    if let Some(name) = person.listed(|name| row(rows, name).is_some()) {
        if person.rejects(name) {
            // What a position pays on does not change because nobody may add to it.
            return Named::rejected(Some(model_claim(slug, row(rows, slug))));
        }
        return Named::found(person.state_of(name), model_claim(name, row(rows, name)));
    }
    let renamed = person
        .names()
        .find_map(|name| Some((name, renamed_to(standing, name)?)));
    if let Some((old_name, new_name)) = renamed {
        // The claim stays the old name: what the exchange will make of it is for a person to judge.
        let claim = model_claim(old_name, row(rows, new_name));
        let suggestions = if person.rejects(new_name) {
            Vec::new()
        } else {
            vec![new_name.to_owned()]
        };
        return Named::rest(MappingState::Renamed, Some(claim), suggestions);
    }
    if person.rejects_all() {
        return Named::rejected(Some(model_claim(slug, None)));
    }
    let known = rows.iter().map(|entry| entry.model_name.as_str());
    Named::similar(Some(model_claim(slug, None)), person.suggestions(known))
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

fn map_organization(person: &Person<'_>, rows: &[Entry]) -> Named {
    let company = person.subject;
    let known = || rows.iter().filter_map(Entry::known_organization);
    let claim = |organization: &str| Claim::Organization {
        organization: organization.to_owned(),
    };
    if let Some(name) = person.listed(|name| known().any(|known| known == name)) {
        if person.rejects(name) {
            return Named::rejected((name == company).then(|| claim(company)));
        }
        return Named::found(person.state_of(name), claim(name));
    }
    if person.rejects_all() {
        return Named::rejected(None);
    }
    let distinct: BTreeSet<&str> = known().collect();
    Named::similar(None, person.suggestions(distinct.into_iter()))
}
