//! What people decided about names and texts, and what contracts said when they were first seen.

use autotrader_domain::{
    Alert, Approval, ApprovalDecision, Approvals, ContractTerms, Mapping, Reason, Record, Severity, Ticker,
};
use chrono::{DateTime, Utc};

use super::Engine;
use crate::Effect;

impl Engine {
    /// Takes up what the database knew before a restart. An approval came later than the first sight of its contract.
    pub(super) fn restore_approvals(&mut self, approvals: &[Approval], terms: Vec<(Ticker, ContractTerms)>) {
        for (ticker, terms) in terms {
            self.approvals.note_terms(&ticker, terms);
        }
        self.approvals
            .extend(approvals.iter().map(|approval| &approval.decision));
        self.remap();
    }

    /// Takes a decision up: every contract is mapped anew, and what it allows or forbids holds from here on.
    pub(super) fn take_approval(
        &mut self,
        at: DateTime<Utc>,
        by: &str,
        approval: &ApprovalDecision,
        effects: &mut Vec<Effect>,
    ) {
        self.approvals.apply(approval);
        effects.push(Effect::Record(Record::Approval {
            at,
            by: by.to_owned(),
            approval: approval.clone(),
        }));
        self.remap();
        self.dirty = true;
    }

    /// Notes what contracts say when they are first seen, so that a later change is known for one.
    ///
    /// A text that fits no template is not traded on, and not noted: the exchange may still put it right.
    pub(super) fn note_terms(&mut self, at: DateTime<Utc>, effects: &mut Vec<Effect>) {
        if !self.remapped {
            return;
        }
        for (ticker, mapping) in &self.mappings {
            let unread = mapping.reasons.contains(&Reason::RulesTemplate);
            if unread || self.approvals.terms(ticker).is_some() {
                continue;
            }
            let Some(market) = self.markets.get(ticker) else {
                continue;
            };
            let terms = ContractTerms::of(market);
            self.approvals.note_terms(ticker, terms.clone());
            effects.push(Effect::Record(Record::Terms {
                at,
                ticker: ticker.clone(),
                terms,
            }));
        }
    }

    /// Writes down what contracts pay on where that has changed: a second process cannot see it otherwise. Tells of those that
    /// are frozen by it.
    pub(super) fn record_mappings(&mut self, at: DateTime<Utc>, effects: &mut Vec<Effect>) {
        if !std::mem::take(&mut self.remapped) {
            return;
        }
        let known = &self.mappings;
        self.recorded.retain(|ticker, _| known.contains_key(ticker));
        let mut frozen = Vec::new();
        for (ticker, mapping) in known {
            let before = self.recorded.get(ticker);
            if before == Some(mapping) {
                continue;
            }
            frozen.extend(newly_frozen(before, mapping));
            self.recorded.insert(ticker.clone(), mapping.clone());
            let mapping = mapping.clone();
            effects.push(Effect::Record(Record::Mapped { at, mapping }));
        }
        effects.extend(frozen_alert(at, &frozen).map(Effect::Alert));
    }

    /// What people decided about names and texts.
    #[must_use]
    pub const fn approvals(&self) -> &Approvals {
        &self.approvals
    }
}

/// How many frozen contracts an alert names; the others are counted.
const NAMED: usize = 5;

/// The contract with the reason that freezes it, when it might be entered before, or when its words changed or its model was
/// renamed while nobody looked.
fn newly_frozen(before: Option<&Mapping>, mapping: &Mapping) -> Option<(Ticker, Reason)> {
    let reason = *mapping.reasons.first()?;
    let was_open = match before {
        Some(before) => before.reasons.is_empty(),
        None => [Reason::TermsChanged, Reason::Renamed].contains(&reason),
    };
    was_open.then(|| (mapping.ticker.clone(), reason))
}

fn frozen_alert(at: DateTime<Utc>, frozen: &[(Ticker, Reason)]) -> Option<Alert> {
    let (first, _) = frozen.first()?;
    let named: Vec<String> = frozen
        .iter()
        .take(NAMED)
        .map(|(ticker, reason)| format!("{ticker} ({})", reason.code()))
        .collect();
    let more = match frozen.len().saturating_sub(NAMED) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    Some(Alert {
        severity: Severity::Warning,
        name: format!("contracts_frozen:{first}"),
        text: format!(
            "Neither entered nor sold until a person decides, see `map review`: {}{more}.",
            named.join(", ")
        ),
        at,
    })
}
