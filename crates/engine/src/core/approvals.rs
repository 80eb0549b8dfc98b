//! What people decided about names and texts, and what contracts said when they were first seen.

use autotrader_domain::{Approval, ApprovalDecision, Approvals, ContractTerms, Reason, Record, Ticker};
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

    /// What people decided about names and texts.
    #[must_use]
    pub const fn approvals(&self) -> &Approvals {
        &self.approvals
    }
}
