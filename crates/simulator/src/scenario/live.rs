//! The script for wall time: a new leader seconds after the start, and another every minute, for as long as anybody looks.

use chrono::{DateTime, Days, DurationRound as _, TimeDelta, Utc};
use chrono_tz::America::New_York;

use super::author::{Author, showing};
use super::contracts::list_check;
use super::demo::LISTED;
use super::field::CONTENDERS;
use super::{Scenario, Showing, Shown, WorldOptions};

/// When the first new leader is shown.
const FIRST_CHANGE: TimeDelta = TimeDelta::seconds(8);

/// How long a leader stays.
const EVERY: TimeDelta = TimeDelta::seconds(60);

/// The contenders in the order in which they lead; the first one leads at the start.
const TURNS: [usize; CONTENDERS] = [1, 2, 0, 3, 4];

/// Days from today to each check, and whether its prices are on the finer grid.
const CHECKS: [(u64, bool); 3] = [(2, false), (5, false), (12, true)];

/// How many changes are remembered: far more than the market's lag needs.
const REMEMBERED: usize = 64;

/// Votes that a model gains in a minute.
const NEW_VOTES: std::ops::Range<i64> = 0..6;

/// The script's author and what comes next.
#[derive(Debug, Clone)]
pub(super) struct LiveScript {
    author: Author,
    next: DateTime<Utc>,
    turn: usize,
}

impl LiveScript {
    /// Writes on up to a moment, and forgets what nobody can ask for any more.
    pub(super) fn extend(&mut self, timeline: &mut Vec<Showing>, at: DateTime<Utc>) {
        while self.next <= at {
            let contender = TURNS.get(self.turn % CONTENDERS).copied().unwrap_or_default();
            self.author.new_leader(contender, NEW_VOTES);
            // Whole minutes instead of whole hours, so that every change is under a strictly newer stamp.
            let minute = self
                .next
                .duration_trunc(TimeDelta::minutes(1))
                .unwrap_or(self.next);
            self.author.stamp = minute - TimeDelta::hours(3);
            timeline.push(showing(self.next, Shown::Board(self.author.board())));
            self.turn += 1;
            self.next += EVERY;
            if timeline.len() > 2 * REMEMBERED {
                timeline.drain(..timeline.len() - REMEMBERED);
            }
        }
    }
}

impl LiveScript {
    /// Shows a model under another name from a moment on that is written up to; `false` when it is not listed, or the other is.
    ///
    /// Nothing else of the board changes but its stamp, which is a second newer. Contracts go by names: the exchange still
    /// pays on the old one.
    pub(super) fn rename(
        &mut self,
        timeline: &mut Vec<Showing>,
        name: &str,
        to: &str,
        at: DateTime<Utc>,
    ) -> bool {
        let models = &mut self.author.models;
        if models.iter().any(|model| *model.name == *to) {
            return false;
        }
        let Some(model) = models.iter_mut().find(|model| *model.name == *name) else {
            return false;
        };
        model.name = to.into();
        self.author.stamp += TimeDelta::seconds(1);
        timeline.push(showing(at, Shown::Board(self.author.board())));
        true
    }
}

/// Builds the script.
pub(super) fn script(options: &WorldOptions) -> Scenario {
    let author = Author::new(options);
    let listed = author.models.get(..LISTED).unwrap_or_default();
    let today = options.start.with_timezone(&New_York).date_naive();
    let contracts = CHECKS
        .iter()
        .filter_map(|(days, fine)| {
            let date = today.checked_add_days(Days::new(*days))?;
            list_check(date, listed.iter(), options.start, *fine)
        })
        .flatten()
        .collect();
    Scenario {
        timeline: vec![showing(options.start, Shown::Board(author.board()))],
        live: Some(LiveScript {
            author,
            next: options.start + FIRST_CHANGE,
            turn: 0,
        }),
        contracts,
        outages: Vec::new(),
        market_lag: TimeDelta::seconds(27),
        quote_every: TimeDelta::seconds(3),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::site::{SiteBoard, winner};

    fn options() -> WorldOptions {
        WorldOptions {
            seed: 9,
            start: "2026-11-22T18:04:31.250Z".parse().unwrap(),
            days: 1,
            tweak_row: None,
        }
    }

    fn boards(scenario: &Scenario) -> Vec<&SiteBoard> {
        scenario
            .timeline
            .iter()
            .map(|showing| match &showing.shown {
                Shown::Board(board) => board.as_ref(),
                other => panic!("{other:?}"),
            })
            .collect()
    }

    #[test]
    fn the_leader_changes_within_seconds_and_every_minute_under_newer_stamps() {
        let mut scenario = script(&options());
        scenario.extend_to(options().start + TimeDelta::minutes(30));
        let boards = boards(&scenario);
        assert_eq!(boards.len(), 31);
        for pair in boards.windows(2) {
            assert!(pair[0].stamp < pair[1].stamp);
            assert_ne!(
                winner(pair[0]).unwrap().model.name,
                winner(pair[1]).unwrap().model.name
            );
        }
        assert_eq!(scenario.timeline[1].from, options().start + TimeDelta::seconds(8));
    }

    #[test]
    fn a_renamed_model_keeps_its_rating_and_votes_under_a_newer_stamp() {
        let mut scenario = script(&options());
        let at = options().start + TimeDelta::seconds(20);
        let name = scenario.timeline[0..1]
            .iter()
            .find_map(|showing| match &showing.shown {
                Shown::Board(board) => Some(board.models[7].name.to_string()),
                _ => None,
            })
            .unwrap();
        assert!(scenario.rename_model(&name, "other-name-1", at));
        assert!(
            !scenario.rename_model(&name, "another-name", at),
            "it goes by another name now"
        );
        let first = scenario.contracts[0].label.clone();
        assert!(
            !scenario.rename_model("other-name-1", &first, at),
            "the name is taken"
        );
        scenario.extend_to(at + TimeDelta::minutes(3));
        let boards = boards(&scenario);
        assert_eq!(boards.len(), 6);
        let (before, after) = (boards[1], boards[2]);
        assert!(before.stamp < after.stamp && after.stamp < boards[3].stamp);
        for (old, new) in before.models.iter().zip(&after.models) {
            assert_eq!((old.score, old.votes), (new.score, new.votes));
            assert_eq!(*old.name == *new.name, *old.name != *name);
        }
        assert!(
            boards[5]
                .models
                .iter()
                .any(|model| &*model.name == "other-name-1")
        );
    }

    #[test]
    fn writing_on_in_steps_writes_the_same() {
        let end = options().start + TimeDelta::minutes(45);
        let (mut once, mut steps) = (script(&options()), script(&options()));
        once.extend_to(end);
        for second in 0..=45 * 60 {
            steps.extend_to(options().start + TimeDelta::seconds(second));
        }
        assert_eq!(boards(&once), boards(&steps));
    }

    #[test]
    fn days_of_changes_stay_small_and_plausible() {
        let mut scenario = script(&options());
        scenario.extend_to(options().start + TimeDelta::days(3));
        assert!(scenario.timeline.len() <= 2 * REMEMBERED);
        let end = options().start + TimeDelta::days(3);
        assert!(
            scenario.timeline[0].from < end - TimeDelta::minutes(30),
            "the market's lag is covered"
        );
        let boards = boards(&scenario);
        let last = boards.last().unwrap().ranked();
        assert!(
            (145_000..155_000).contains(&last[0].model.score),
            "{}",
            last[0].model.score
        );
        assert!(last[..CONTENDERS].iter().all(|row| row.model.half_width > 200));
        assert_eq!(winner(boards[0]).unwrap().rank, 1);
    }
}
