//! Operators' commands and the causes they raise and release.

use autotrader_domain::{Alert, Command, Record, Severity};
use autotrader_risk::Cause;
use chrono::{DateTime, TimeDelta, Utc};

use super::Engine;
use crate::Effect;
use crate::account::new_york_day;

/// How long nothing is placed after every order of the account was cancelled. Source: the design's escalation of a halt.
const QUIET_AFTER_CANCEL_ALL: TimeDelta = TimeDelta::seconds(90);

impl Engine {
    pub(super) fn on_command(&mut self, at: DateTime<Utc>, command: &Command, effects: &mut Vec<Effect>) {
        match command {
            Command::Halt { reason } => self.raise(at, Cause::OperatorHalt, reason, effects),
            Command::Reduce { reason } => self.raise(at, Cause::OperatorReduce, reason, effects),
            Command::Flatten { reason } => self.begin_flatten(at, reason, effects),
            Command::CancelAll { .. } => self.cancel_open(effects),
            Command::CancelAccount { .. } => {
                self.quiet_until = Some(at + QUIET_AFTER_CANCEL_ALL);
                self.cancel_open(effects);
            }
            // The run loop carries these out through the executor; what they bring comes back as events.
            Command::ResolveUnknown { .. } | Command::Reconcile => {}
            Command::Approve { by, approval } => self.take_approval(at, by, approval, effects),
            Command::Resume { cause } => {
                if let Ok(cause) = cause.parse::<Cause>() {
                    self.resume(at, cause, effects);
                }
            }
        }
    }

    fn resume(&mut self, at: DateTime<Utc>, cause: Cause, effects: &mut Vec<Effect>) {
        if !self.risk.release(cause) {
            return;
        }
        let mut detail = "released by the operator".to_owned();
        if cause.is_loss() {
            // Who releases a loss has seen it and allows as much again; the same loss must not trip the limit at once.
            let equity = self.account.equity();
            self.risk.rebase(cause, equity, new_york_day(at));
            detail = format!("{detail}; from now on its loss counts from {equity} dollars");
            effects.push(Effect::Record(Record::LossBase {
                at,
                cause: cause.code().into(),
                equity,
            }));
        }
        effects.push(Effect::Record(Record::RiskCause {
            at,
            cause: cause.code().into(),
            raised: false,
            detail,
        }));
        if cause == Cause::Drawdown {
            self.account.forget_peak();
            self.record_equity(effects);
        }
        if cause == Cause::OperatorHalt {
            self.abandon_flatten(at, effects);
        }
        self.dirty = true;
    }

    pub(super) fn record_equity(&mut self, effects: &mut Vec<Effect>) {
        let due = self.account.equity_to_record();
        effects.extend(due.map(|mark| Effect::Record(Record::Equity(mark))));
    }

    fn cancel_open(&self, effects: &mut Vec<Effect>) {
        let open = self.account.portfolio.open_orders.keys().cloned();
        effects.extend(open.map(Effect::Cancel));
    }

    /// Raises a cause; what may no longer stand under it is cancelled at the end of the event.
    pub(super) fn raise(&mut self, at: DateTime<Utc>, cause: Cause, detail: &str, effects: &mut Vec<Effect>) {
        if self.risk.raise(cause, detail) {
            self.announce_cause(at, cause, detail, effects);
            self.dirty = true;
        }
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
        if cause == Cause::BoardHeld {
            // Who holds the board has told why.
            return;
        }
        let code = cause.code();
        let (severity, text) = if cause.releases_itself() {
            let text = format!("No entries because of {code}: {detail}. It ends by itself.");
            (Severity::Warning, text)
        } else {
            let text = format!("Trading is restricted by {code}: {detail}. Release: resume {code}.");
            (Severity::Critical, text)
        };
        effects.push(Effect::Alert(Alert {
            severity,
            name: format!("risk_cause:{code}"),
            text,
            at,
        }));
    }
}
