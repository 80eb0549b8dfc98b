//! The script of the demo: six days in which everything happens that happens to the real page, repeated as often as the
//! run is long.
//!
//! Hours are from the start of a cycle. The page is refreshed two minutes past the hour; a disturbance lasts long
//! enough for every reader who looks at least every five minutes to see it.
//!
//! | hour | what |
//! |---|---|
//! | 6 | a refresh with small moves |
//! | 14 | the second contender leads |
//! | 20 | the page is blocked for 16 minutes |
//! | 26 | the third contender leads |
//! | 28 | the older board, with the former leader, for 18 minutes |
//! | 32 | market data is down for 90 minutes; a refresh without a new leader in the middle of it |
//! | 36 | the page of another category for 16 minutes |
//! | 42 | the first contender leads |
//! | 46 | a model of the first twenty is missing under a newer stamp for 7 minutes |
//! | 52 | a new model appears at place nine (first cycle), or a small refresh |
//! | 56 | a preliminary mark is taken away with the stamp unchanged |
//! | 61:38 | the third contender leads again, 22 minutes before the check |
//! | 62 | check (14:00 UTC in summer) |
//! | 66 | a small refresh |
//! | 80 | the fourth contender leads |
//! | 90 | a listed model goes by another name (first cycle), or a refresh without change |
//! | 104 | the second contender leads |
//! | 118 | the fifth contender leads |
//! | 130 | a small refresh |
//! | 134 | check |

use std::sync::Arc;

use chrono::{DateTime, Days, TimeDelta, Utc};
use chrono_tz::America::New_York;

use super::author::{Author, showing, whole_hour};
use super::contracts::list_check;
use super::{ListedContract, Scenario, Showing, Shown, WorldOptions};
use crate::site::SiteBoard;

/// Hours after which the script repeats.
const CYCLE_HOURS: i64 = 144;

/// Days between checks.
const CHECK_EVERY: u32 = 3;

/// Days from the listing of a contract to the day of its check.
const LISTED_DAYS: i64 = 9;

/// How many models at the top have a contract.
pub(super) const LISTED: usize = 7;

/// The place, counted from 0, of the model that vanishes: within the first twenty, without a contract.
const VANISHES: usize = 14;

/// The model that is renamed: the best one that has a contract and is no contender.
const RENAMED: usize = 5;

/// One of the two preliminary models.
const PRELIMINARY: usize = 40;

/// Votes that a model gains between two refreshes.
const NEW_VOTES: std::ops::Range<i64> = 40..400;

/// Builds the script.
pub(super) fn script(options: &WorldOptions) -> Scenario {
    let mut author = Author::new(options);
    let mut play = Play {
        timeline: vec![showing(options.start, Shown::Board(author.board()))],
        outages: Vec::new(),
    };
    let hours = i64::from(options.days.max(1)) * 24;
    let mut cycle = 0;
    while cycle * CYCLE_HOURS < hours {
        let start = options.start + TimeDelta::hours(cycle * CYCLE_HOURS);
        play.cycle(&mut author, start, cycle == 0);
        cycle += 1;
    }
    Scenario {
        contracts: contracts(&play.timeline, options),
        timeline: play.timeline,
        live: None,
        outages: play.outages,
        market_lag: TimeDelta::minutes(30),
        quote_every: TimeDelta::minutes(5),
    }
}

/// A check on every third day, the last one beyond the end of the run and on a finer grid of prices.
///
/// Each is listed days ahead with the models that are then at the top.
fn contracts(timeline: &[Showing], options: &WorldOptions) -> Vec<ListedContract> {
    let mut contracts = Vec::new();
    // A start at midnight UTC is still the evening before in New York.
    let first = options.start.with_timezone(&New_York).date_naive();
    let mut day = CHECK_EVERY;
    loop {
        let beyond = day > options.days;
        let listed_at = options.start + TimeDelta::days(i64::from(day) - LISTED_DAYS).max(TimeDelta::zero());
        let board = timeline.iter().rev().find_map(|showing| match &showing.shown {
            Shown::Board(board) if showing.from <= listed_at => Some(board),
            _ => None,
        });
        if let (Some(date), Some(board)) = (first.checked_add_days(Days::new(day.into())), board) {
            let ranked = board.ranked();
            let top = ranked.iter().take(LISTED).map(|row| row.model);
            contracts.extend(list_check(date, top, listed_at, beyond).into_iter().flatten());
        }
        if beyond {
            return contracts;
        }
        day += CHECK_EVERY;
    }
}

/// What is written so far.
struct Play {
    timeline: Vec<Showing>,
    outages: Vec<(DateTime<Utc>, DateTime<Utc>)>,
}

impl Play {
    fn cycle(&mut self, author: &mut Author, start: DateTime<Utc>, first: bool) {
        let at = |hour: i64, minute: i64| start + TimeDelta::minutes(hour * 60 + minute);
        author.drift(NEW_VOTES);
        self.refresh(author, at(6, 2));
        self.lead(author, 1, at(14, 2));
        self.instead(at(20, 0), at(20, 16), Shown::Blocked);
        let older = self.current();
        self.lead(author, 2, at(26, 2));
        self.instead(at(28, 3), at(28, 21), Shown::Board(older));
        self.outages.push((at(32, 3), at(33, 33)));
        author.drift(NEW_VOTES);
        self.refresh(author, at(32, 32));
        self.instead(
            at(36, 0),
            at(36, 16),
            Shown::OtherCategory(author.other_category()),
        );
        self.lead(author, 0, at(42, 2));
        let without = author.board_without(VANISHES, author.stamp + TimeDelta::hours(1));
        self.instead(at(46, 2), at(46, 9), Shown::Board(without));
        author.drift(NEW_VOTES);
        if first {
            author.arrive("tessera-1-preview", "Tessera", 8);
        }
        self.refresh(author, at(52, 2));
        author.toggle_preliminary(PRELIMINARY);
        self.show(at(56, 2), Shown::Board(author.board()));
        self.lead(author, 2, at(61, 38));
        author.drift(NEW_VOTES);
        self.refresh(author, at(66, 2));
        self.lead(author, 3, at(80, 2));
        if first {
            author.rename(RENAMED);
        }
        self.refresh(author, at(90, 2));
        self.lead(author, 1, at(104, 2));
        self.lead(author, 4, at(118, 2));
        author.drift(NEW_VOTES);
        self.refresh(author, at(130, 2));
    }

    /// The board shown last.
    fn current(&self) -> Arc<SiteBoard> {
        let boards = self
            .timeline
            .iter()
            .rev()
            .find_map(|showing| match &showing.shown {
                Shown::Board(board) => Some(Arc::clone(board)),
                Shown::Blocked | Shown::OtherCategory(_) => None,
            });
        // The timeline begins with a board.
        boards.unwrap_or_else(|| {
            Arc::new(SiteBoard {
                category: "overall",
                stamp: DateTime::UNIX_EPOCH,
                models: Vec::new(),
            })
        })
    }

    fn show(&mut self, at: DateTime<Utc>, shown: Shown) {
        self.timeline.push(showing(at, shown));
    }

    /// Something else is shown for a while, then the same board as before.
    fn instead(&mut self, from: DateTime<Utc>, until: DateTime<Utc>, shown: Shown) {
        let before = self.current();
        self.show(from, shown);
        self.show(until, Shown::Board(before));
    }

    /// A refresh under a newer stamp: a whole hour, three hours old when it is seen.
    fn refresh(&mut self, author: &mut Author, at: DateTime<Utc>) {
        author.stamp = (whole_hour(at) - TimeDelta::hours(3)).max(author.stamp + TimeDelta::hours(1));
        self.show(at, Shown::Board(author.board()));
    }

    fn lead(&mut self, author: &mut Author, contender: usize, at: DateTime<Utc>) {
        author.new_leader(contender, NEW_VOTES);
        self.refresh(author, at);
    }
}

#[cfg(test)]
mod tests {
    use super::super::field::LABS;
    use super::*;
    use crate::site::winner;

    fn options(seed: u64) -> WorldOptions {
        WorldOptions {
            seed,
            start: "2026-09-21T00:00:00Z".parse().unwrap(),
            days: 6,
            tweak_row: None,
        }
    }

    fn leader(scenario: &Scenario, hours: i64, minutes: i64) -> String {
        let at = options(0).start + TimeDelta::minutes(hours * 60 + minutes);
        winner(scenario.public_board(at).unwrap())
            .unwrap()
            .model
            .name
            .to_string()
    }

    fn boards(scenario: &Scenario) -> Vec<(DateTime<Utc>, &SiteBoard)> {
        scenario
            .timeline
            .iter()
            .filter_map(|showing| match &showing.shown {
                Shown::Board(board) => Some((showing.from, board.as_ref())),
                _ => None,
            })
            .collect()
    }

    #[test]
    fn the_timeline_is_in_order_and_stamps_are_whole_hours_of_the_past() {
        let scenario = script(&WorldOptions {
            days: 20,
            ..options(3)
        });
        assert!(
            scenario
                .timeline
                .windows(2)
                .all(|pair| pair[0].from < pair[1].from)
        );
        for (from, board) in boards(&scenario) {
            assert_eq!(whole_hour(board.stamp), board.stamp);
            assert!(board.stamp < from - TimeDelta::minutes(30), "{from}");
        }
    }

    #[test]
    fn stamps_go_back_only_when_the_page_flaps_and_after_a_model_vanished() {
        let scenario = script(&options(3));
        let boards = boards(&scenario);
        let back: Vec<_> = boards
            .windows(2)
            .filter(|pair| pair[1].1.stamp < pair[0].1.stamp)
            .map(|pair| (pair[1].0 - options(3).start).num_hours())
            .collect();
        assert_eq!(back, [28, 46]);
    }

    #[test]
    fn leaders_change_as_the_script_says_with_every_seed() {
        for seed in 0..20 {
            let scenario = script(&options(seed));
            for hour in [14, 26, 42, 80, 104, 118] {
                assert_ne!(
                    leader(&scenario, hour, 0),
                    leader(&scenario, hour, 3),
                    "seed {seed}, hour {hour}"
                );
            }
            assert_ne!(
                leader(&scenario, 61, 37),
                leader(&scenario, 62, 0),
                "seed {seed}, shortly before the check"
            );
            for hour in [6, 32, 46, 52, 56, 66, 90, 130] {
                assert_eq!(
                    leader(&scenario, hour, 0),
                    leader(&scenario, hour, 40),
                    "seed {seed}, hour {hour}"
                );
            }
            assert_ne!(
                leader(&scenario, 28, 0),
                leader(&scenario, 28, 10),
                "the older board has another winner"
            );
            assert_eq!(
                leader(&scenario, 28, 0),
                leader(&scenario, 28, 30),
                "and goes again"
            );
        }
    }

    #[test]
    fn the_top_is_plausible_with_every_seed() {
        for seed in 0..20 {
            for (at, board) in boards(&script(&options(seed))) {
                let ranked = board.ranked();
                let gap = ranked[0].model.score - ranked[1].model.score;
                assert!((300..600).contains(&gap), "seed {seed} {at}: {gap} hundredths");
                let labs: std::collections::BTreeSet<_> =
                    ranked[..5].iter().map(|row| &row.model.organization).collect();
                assert_eq!(labs.len(), 5, "seed {seed} {at}");
                assert!((356..=358).contains(&ranked.len()));
            }
        }
    }

    #[test]
    fn no_contender_moves_by_more_than_four_half_intervals() {
        for seed in 0..20 {
            let scenario = script(&options(seed));
            for pair in boards(&scenario).windows(2) {
                for model in &pair[1].1.models {
                    let Some(before) = pair[0].1.models.iter().find(|other| other.name == model.name) else {
                        continue;
                    };
                    let moved = (model.score - before.score).abs();
                    assert!(moved <= 4 * model.half_width, "{}: {moved}", model.name);
                }
            }
        }
    }

    #[test]
    fn what_appears_vanishes_and_is_renamed_is_seen() {
        let scenario = script(&options(3));
        let names = |hour: i64, minute: i64| -> std::collections::BTreeSet<_> {
            let at = options(3).start + TimeDelta::minutes(hour * 60 + minute);
            scenario
                .public_board(at)
                .unwrap()
                .models
                .iter()
                .map(|model| model.name.clone())
                .collect()
        };
        let only = |a: &std::collections::BTreeSet<Arc<str>>, b: &std::collections::BTreeSet<Arc<str>>| {
            a.difference(b).map(ToString::to_string).collect::<Vec<_>>()
        };
        assert_eq!(only(&names(46, 0), &names(46, 5)).len(), 1, "vanished");
        assert_eq!(names(46, 0), names(46, 10), "and back");
        assert_eq!(only(&names(52, 3), &names(52, 0)), ["tessera-1-preview"]);
        let (old, new) = (
            only(&names(90, 0), &names(90, 3)),
            only(&names(90, 3), &names(90, 0)),
        );
        assert_eq!(new, [format!("{}-high", old[0])]);
        assert!(
            scenario.contracts.iter().any(|contract| contract.label == old[0]),
            "it has a contract"
        );
    }

    #[test]
    fn seeds_make_different_fields_and_a_tweak_changes_one_row() {
        let first = |options: &WorldOptions| boards(&script(options))[0].1.models.clone();
        assert_ne!(first(&options(1)), first(&options(2)));
        let tweaked = WorldOptions {
            tweak_row: Some((40, 0.01)),
            ..options(1)
        };
        let (plain, tweaked) = (first(&options(1)), first(&tweaked));
        let changed: Vec<usize> = (0..plain.len())
            .filter(|row| plain[*row] != tweaked[*row])
            .collect();
        assert_eq!(changed, [39]);
    }

    #[test]
    fn two_checks_fall_inside_six_days_and_one_beyond() {
        let scenario = script(&options(1));
        let mut checks: Vec<_> = scenario
            .contracts
            .iter()
            .map(|c| (c.check.to_rfc3339(), c.fine_grid))
            .collect();
        checks.dedup();
        assert_eq!(
            checks,
            [
                ("2026-09-23T14:00:00+00:00".to_owned(), false),
                ("2026-09-26T14:00:00+00:00".to_owned(), false),
                ("2026-09-29T14:00:00+00:00".to_owned(), true),
            ]
        );
        assert_eq!(scenario.contracts.len(), 3 * 2 * LISTED);
    }

    #[test]
    fn a_long_run_lists_its_contracts_as_their_time_comes() {
        let scenario = script(&WorldOptions {
            days: 30,
            ..options(1)
        });
        let mut dates: Vec<_> = scenario
            .contracts
            .iter()
            .map(|contract| {
                (
                    (contract.listed_at - options(1).start).num_days(),
                    contract.event.to_string(),
                )
            })
            .filter(|(_, event)| event.starts_with("KXLLM1"))
            .collect();
        dates.dedup();
        let listed: Vec<i64> = dates.iter().map(|(day, _)| *day).collect();
        assert_eq!(listed, [0, 0, 0, 3, 6, 9, 12, 15, 18, 21, 24]);
        for contract in &scenario.contracts {
            if let super::super::PublicClaim::Model(name) = &contract.claim {
                let board = scenario.public_board(contract.listed_at).unwrap();
                assert!(
                    board.models.iter().any(|model| *model.name == **name),
                    "{name} is on the board"
                );
            }
        }
    }

    #[test]
    fn labs_and_brands_are_distinct() {
        let names: std::collections::BTreeSet<_> =
            LABS.iter().flat_map(|(lab, brand)| [*lab, *brand]).collect();
        assert_eq!(names.len(), 2 * LABS.len());
    }
}
