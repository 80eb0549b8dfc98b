//! What accepted boards add to the history of boards.

use autotrader_domain::{AcceptedBoard, Record, Sight};
use autotrader_settlement::{RuleSet, resolve_top_model};
use chrono::{DateTime, Utc};

use super::Engine;
use crate::Effect;

impl Engine {
    /// Takes up an accepted board; a coarser or finer page than the one before brings no arrivals.
    pub(super) fn observe_board(
        &mut self,
        at: DateTime<Utc>,
        previous: Option<&AcceptedBoard>,
        accepted: &AcceptedBoard,
        effects: &mut Vec<Effect>,
    ) {
        let entries = accepted.board.entries.as_slice();
        let events = self.history.observe(&Sight {
            at: accepted.accepted_at,
            entries,
            leader: resolve_top_model(entries, &RuleSet::default()).winner(),
            previous: previous.map(|board| board.board.entries.as_slice()),
            comparable: previous.is_some_and(|board| board.path.is_coarse() == accepted.path.is_coarse()),
            renames: &self.signals.standing().renames,
        });
        if !events.is_empty() {
            effects.push(Effect::Record(Record::History { at, events }));
        }
    }
}
