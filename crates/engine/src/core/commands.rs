//! Operators' commands and the causes they raise and release.

use autotrader_domain::{Alert, Command, Record, Severity};
use autotrader_risk::{Cause, RiskState};
use chrono::{DateTime, Utc};

use super::Engine;
use crate::Effect;

impl Engine {
    pub(super) fn on_command(&mut self, at: DateTime<Utc>, command: &Command, effects: &mut Vec<Effect>) {
        match command {
            Command::Halt { reason } | Command::Flatten { reason } => {
                self.raise(at, Cause::OperatorHalt, reason, effects)
            }
            Command::Reduce { reason } => self.raise(at, Cause::OperatorReduce, reason, effects),
            Command::CancelAll { .. } => {
                let open = self.account.portfolio.open_orders.keys().cloned();
                effects.extend(open.map(Effect::Cancel));
            }
            // The run loop carries these out through the executor; what they bring comes back as events.
            Command::CancelAccount { .. } | Command::ResolveUnknown { .. } | Command::Reconcile => {}
            Command::Resume { cause } => {
                let Ok(cause) = cause.parse::<Cause>() else { return };
                if self.risk.release(cause) {
                    let detail = "released by the operator".to_owned();
                    effects.push(Effect::Record(Record::RiskCause {
                        at,
                        cause: cause.code().into(),
                        raised: false,
                        detail,
                    }));
                    self.dirty = true;
                }
            }
        }
    }

    pub(super) fn raise(&mut self, at: DateTime<Utc>, cause: Cause, detail: &str, effects: &mut Vec<Effect>) {
        if !self.risk.raise(cause, detail) {
            return;
        }
        self.announce_cause(at, cause, detail, effects);
        if self.risk.state() == RiskState::Halt {
            let open = self.account.portfolio.open_orders.keys().cloned();
            effects.extend(open.map(Effect::Cancel));
        }
        self.dirty = true;
    }

    pub(super) fn announce_cause(
        &self,
        at: DateTime<Utc>,
        cause: Cause,
        detail: &str,
        effects: &mut Vec<Effect>,
    ) {
        effects.push(Effect::Record(Record::RiskCause {
            at,
            cause: cause.code().into(),
            raised: true,
            detail: detail.into(),
        }));
        effects.push(Effect::Alert(Alert {
            severity: Severity::Critical,
            name: format!("risk_cause:{}", cause.code()),
            text: format!(
                "Trading is restricted by {}: {detail}. Release: resume {}.",
                cause.code(),
                cause.code()
            ),
            at,
        }));
    }
}
