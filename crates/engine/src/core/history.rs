//! What accepted boards add to the history of boards, and which forecasts and findings are worth writing down.

use std::collections::BTreeMap;

use autotrader_domain::{
    AcceptedBoard, Alert, BoardHash, BoardHistory, CoherenceFinding, CoherenceKind, EventTicker,
    ForecastRecord, HistoryEvent, Record, Severity, Sight,
};
use autotrader_settlement::{RuleSet, resolve_top_model};
use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

use super::Engine;
use crate::Effect;

/// How long what was written down speaks for what has not changed since.
const REPEATED_AFTER: TimeDelta = TimeDelta::hours(1);

/// A check and the rules it is settled by.
type Check = (DateTime<Utc>, String);

/// Where prices contradict each other, and how.
type Contradiction = (CoherenceKind, EventTicker, Option<String>);

/// What was written down last, of what is found anew at every evaluation.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(super) struct Written {
    /// What goes out with the next event: no order waits for it.
    waiting: Vec<Record>,
    #[serde(with = "autotrader_domain::pairs")]
    forecasts: BTreeMap<Check, (BoardHash, DateTime<Utc>)>,
    #[serde(with = "autotrader_domain::pairs")]
    coherence: BTreeMap<Contradiction, DateTime<Utc>>,
}

impl Written {
    /// Whether the forecasts of a check are to be written down now; if so they count as written.
    fn take_check(&mut self, at: DateTime<Utc>, check: &Check, board: BoardHash) -> bool {
        let spoken = |(of, since): &(BoardHash, DateTime<Utc>)| *of == board && at - *since < REPEATED_AFTER;
        let due = !self.forecasts.get(check).is_some_and(spoken);
        if due {
            self.forecasts.insert(check.clone(), (board, at));
        }
        due
    }

    /// Whether a finding is to be written down now; if so it counts as written.
    ///
    /// One that goes and comes back within the hour is the same: prices flicker, the ledger does not.
    fn take_finding(&mut self, at: DateTime<Utc>, finding: &CoherenceFinding) -> bool {
        let place = (finding.kind, finding.event.clone(), finding.organization.clone());
        let due = finding.net > 0.0 && !self.coherence.contains_key(&place);
        if due {
            self.coherence.insert(place, at);
        }
        due
    }

    /// Forgets what no longer speaks for anything.
    fn forget(&mut self, at: DateTime<Utc>) {
        self.forecasts.retain(|(check_time, _), _| *check_time > at);
        self.coherence.retain(|_, since| at - *since < REPEATED_AFTER);
    }
}

/// Adds a board to a history and returns what it added.
fn observed(
    history: &mut BoardHistory,
    previous: Option<&AcceptedBoard>,
    accepted: &AcceptedBoard,
    renames: &[(String, String)],
) -> Vec<HistoryEvent> {
    let entries = accepted.board.entries.as_slice();
    history.observe(&Sight {
        at: accepted.accepted_at,
        entries,
        leader: resolve_top_model(entries, &RuleSet::default()).winner(),
        previous: previous.map(|board| board.board.entries.as_slice()),
        // A coarser or finer page than the one before shows other names and scores without anything having happened.
        comparable: previous.is_some_and(|board| board.path.is_coarse() == accepted.path.is_coarse()),
        renames,
    })
}

impl Engine {
    /// What past boards tell of the future.
    #[must_use]
    pub const fn history(&self) -> &BoardHistory {
        &self.history
    }

    /// Takes up what was written of past boards, and the board that stands where it is not part of that: a database from
    /// before there was a history begins it so.
    pub(super) fn restore_history(
        &mut self,
        events: &[HistoryEvent],
        standing: Option<&AcceptedBoard>,
        renames: &[(String, String)],
    ) {
        for event in events {
            self.history.apply(event);
        }
        if let Some(accepted) = standing {
            let events = observed(&mut self.history, None, accepted, renames);
            if !events.is_empty() {
                let at = accepted.accepted_at;
                self.written.waiting.push(Record::History { at, events });
            }
        }
    }

    /// Writes down what waited for this event.
    pub(super) fn record_waiting(&mut self, effects: &mut Vec<Effect>) {
        effects.extend(self.written.waiting.drain(..).map(Effect::Record));
    }

    /// Takes up an accepted board.
    pub(super) fn observe_board(
        &mut self,
        at: DateTime<Utc>,
        previous: Option<&AcceptedBoard>,
        accepted: &AcceptedBoard,
        effects: &mut Vec<Effect>,
    ) {
        let renames = &self.signals.standing().renames;
        let events = observed(&mut self.history, previous, accepted, renames);
        if !events.is_empty() {
            effects.push(Effect::Record(Record::History { at, events }));
        }
    }

    /// Writes the forecasts of a check down, of all estimators together, when the board is another one and hourly.
    ///
    /// What is said when the check is past is no forecast. One that is not made of probabilities is told and not kept.
    /// Records are durable before an order goes out, so where orders go out the forecasts wait for the next event.
    pub(super) fn record_forecasts(
        &mut self,
        at: DateTime<Utc>,
        forecasts: Vec<ForecastRecord>,
        orders_wait: bool,
        effects: &mut Vec<Effect>,
    ) {
        self.written.forget(at);
        let mut due: BTreeMap<Check, bool> = BTreeMap::new();
        for forecast in forecasts {
            if forecast.check_time <= at {
                continue;
            }
            let check = (forecast.check_time, forecast.rule_set.clone());
            let board = forecast.board;
            let written = &mut self.written;
            if !*due
                .entry(check)
                .or_insert_with_key(|check| written.take_check(at, check, board))
            {
                continue;
            }
            if !forecast.is_sound() {
                effects.push(unsound(at, &forecast));
            } else if orders_wait {
                self.written.waiting.push(Record::Forecast(forecast));
            } else {
                effects.push(Effect::Record(Record::Forecast(forecast)));
            }
        }
    }

    /// Writes down prices that contradict each other, where that is worth something after fees: when new, and hourly.
    pub(super) fn record_coherence(
        &mut self,
        at: DateTime<Utc>,
        findings: Vec<CoherenceFinding>,
        effects: &mut Vec<Effect>,
    ) {
        for finding in findings {
            if self.written.take_finding(at, &finding) {
                effects.push(Effect::Record(Record::Coherence { at, finding }));
            }
        }
    }
}

fn unsound(at: DateTime<Utc>, forecast: &ForecastRecord) -> Effect {
    Effect::Alert(Alert {
        severity: Severity::Warning,
        name: format!("forecast_unsound:{}", forecast.estimator),
        text: format!(
            "What {} says of the check of {} is not made of probabilities: it is not kept.",
            forecast.estimator, forecast.check_time
        ),
        at,
    })
}
