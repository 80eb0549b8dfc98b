//! The scripts: what happens to the page, hour by hour.

use std::sync::Arc;

use chrono::{DateTime, DurationRound as _, TimeDelta, Utc};
use chrono_tz::America::New_York;
use rand::{Rng as _, SeedableRng as _};
use rand_chacha::ChaCha20Rng;

use super::contracts::ContractSet;
use super::field::{field, half_width};
use super::{Scenario, Showing, Shown, WorldOptions};
use crate::site::{SiteBoard, SiteModel};

/// Hours after which the demo's script repeats.
const CYCLE_HOURS: i64 = 144;
/// How many models of the field have a contract.
const LISTED: usize = 7;

/// Builds boards one from the other and remembers what was shown.
struct Author {
    rng: ChaCha20Rng,
    models: Vec<SiteModel>,
    stamp: DateTime<Utc>,
    timeline: Vec<Showing>,
    start: DateTime<Utc>,
}

impl Author {
    fn new(options: &WorldOptions) -> Self {
        let mut rng = ChaCha20Rng::seed_from_u64(options.seed);
        let mut models = field(&mut rng);
        if let Some((row, points)) = options.tweak_row
            && let Some(model) = row.checked_sub(1).and_then(|index| models.get_mut(index))
        {
            #[expect(
                clippy::cast_possible_truncation,
                reason = "a small number of points; saturates"
            )]
            let hundredths = (points * 100.0).round() as i64;
            model.score = model.score.saturating_add(hundredths);
        }
        let stamp = whole_hour(options.start) - TimeDelta::hours(9);
        Self {
            rng,
            models,
            stamp,
            timeline: Vec::new(),
            start: options.start,
        }
    }

    fn board(&self) -> Arc<SiteBoard> {
        Arc::new(SiteBoard {
            category: "overall",
            stamp: self.stamp,
            models: self.models.clone(),
        })
    }

    fn show(&mut self, at: DateTime<Utc>, shown: Shown) {
        self.timeline.push(Showing { from: at, shown });
    }

    fn show_board(&mut self, at: DateTime<Utc>) {
        let board = self.board();
        self.show(at, Shown::Board(board));
    }

    /// Votes come in, scores move a little, nobody overtakes anybody at the top.
    fn drift(&mut self) {
        for (index, model) in self.models.iter_mut().enumerate() {
            let votes = self.rng.gen_range(40..400);
            model.votes += votes;
            model.half_width = half_width(model.votes);
            // The scripted gaps at the top stay as they are; the field below breathes.
            model.score += if index < 5 {
                0
            } else {
                self.rng.gen_range(-15..=15)
            };
        }
    }

    /// The given contender takes the lead: it moves a little above the best, the former leader a little down.
    fn new_leader(&mut self, contender: usize) {
        self.drift();
        let best = self.models.iter().map(|model| model.score).max().unwrap_or(0);
        let lead = self.rng.gen_range(280..420);
        if let Some(model) = self.models.get_mut(contender)
            && model.score < best + lead
        {
            // The whole top is brought down afterwards, so that scores do not climb for ever.
            model.score = best + lead;
        }
        for model in &mut self.models {
            model.score -= lead;
        }
    }

    /// A refresh under a newer stamp, three hours old when it is seen.
    fn refresh(&mut self, at: DateTime<Utc>) {
        let stamp = whole_hour(at) - TimeDelta::hours(3);
        self.stamp = stamp.max(self.stamp + TimeDelta::hours(1));
        self.show_board(at);
    }
}

fn whole_hour(at: DateTime<Utc>) -> DateTime<Utc> {
    at.duration_trunc(TimeDelta::hours(1)).unwrap_or(at)
}

/// Days of virtual time with everything that happens to the real page.
pub(super) fn demo(options: &WorldOptions) -> Scenario {
    let mut author = Author::new(options);
    let mut contracts = ContractSet::default();
    let mut outages = Vec::new();
    let hours = i64::from(options.days) * 24;
    author.show_board(options.start);
    list_demo_contracts(&mut contracts, &author, options);
    let mut cycle = 0;
    while cycle * CYCLE_HOURS < hours {
        play_cycle(
            &mut author,
            options.start + TimeDelta::hours(cycle * CYCLE_HOURS),
            cycle == 0,
            &mut outages,
        );
        cycle += 1;
    }
    author.timeline.sort_by_key(|showing| showing.from);
    Scenario {
        timeline: author.timeline,
        contracts,
        outages,
        market_lag: TimeDelta::minutes(30),
        quote_every: TimeDelta::minutes(5),
    }
}

/// A check on the third and on the sixth day and every three days after, one beyond the end.
fn list_demo_contracts(contracts: &mut ContractSet, author: &Author, options: &WorldOptions) {
    let listed = author.models.get(..LISTED).unwrap_or_default();
    let first = options.start.with_timezone(&New_York).date_naive();
    // The start is at midnight UTC: still the evening before in New York.
    let mut day = 3;
    loop {
        let beyond = day > u64::from(options.days);
        if let Some(date) = first.checked_add_days(chrono::Days::new(day)) {
            contracts.list(date, listed, beyond);
        }
        if beyond {
            break;
        }
        day += 3;
    }
}

/// Six days: leaders change, the page is blocked, swapped, flaps, loses a model, renames another.
fn play_cycle(
    author: &mut Author,
    start: DateTime<Utc>,
    first: bool,
    outages: &mut Vec<(DateTime<Utc>, DateTime<Utc>)>,
) {
    let at = |minutes: i64| start + TimeDelta::minutes(minutes);
    let hour = 60;
    author.drift();
    author.refresh(at(6 * hour + 2));
    author.new_leader(1);
    author.refresh(at(14 * hour + 2));
    blocked(author, at(20 * hour), at(20 * hour + 16));
    let before = author.board();
    author.new_leader(2);
    author.refresh(at(26 * hour + 2));
    flap(author, at(28 * hour + 3), at(28 * hour + 21), before);
    outages.push((at(32 * hour + 3), at(33 * hour + 33)));
    author.drift();
    author.refresh(at(32 * hour + 32));
    other_category(author, at(36 * hour), at(36 * hour + 16));
    author.new_leader(0);
    author.refresh(at(42 * hour + 2));
    vanish_and_return(author, at(46 * hour + 2), at(46 * hour + 6));
    if first {
        arrive(author);
    } else {
        author.drift();
    }
    author.refresh(at(52 * hour + 2));
    author.drift();
    author.refresh(at(66 * hour + 2));
    author.new_leader(3);
    author.refresh(at(80 * hour + 2));
    if first {
        rename(author, 5);
    }
    author.refresh(at(90 * hour + 2));
    author.new_leader(1);
    author.refresh(at(104 * hour + 2));
    author.new_leader(4);
    author.refresh(at(118 * hour + 2));
    author.drift();
    author.refresh(at(130 * hour + 2));
}

fn blocked(author: &mut Author, from: DateTime<Utc>, until: DateTime<Utc>) {
    author.show(from, Shown::Blocked);
    author.show_board(until);
}

fn other_category(author: &mut Author, from: DateTime<Utc>, until: DateTime<Utc>) {
    let mut other = SiteBoard {
        category: "coding",
        stamp: author.stamp,
        models: author.models.clone(),
    };
    for (index, model) in other.models.iter_mut().enumerate() {
        model.score += if index % 2 == 0 { 1_200 } else { -800 };
    }
    author.show(from, Shown::OtherCategory(Arc::new(other)));
    author.show_board(until);
}

/// An older version of the page comes back for a while, with another winner.
fn flap(author: &mut Author, from: DateTime<Utc>, until: DateTime<Utc>, older: Arc<SiteBoard>) {
    author.show(from, Shown::Board(older));
    author.show_board(until);
}

/// A model of the first twenty is gone under a newer stamp, and a moment later the page is as it was.
fn vanish_and_return(author: &mut Author, from: DateTime<Utc>, until: DateTime<Utc>) {
    let mut without = author.models.clone();
    without.sort_by_key(|model| std::cmp::Reverse(model.score));
    let stamp = author.stamp + TimeDelta::hours(1);
    if without.len() > 14 {
        without.remove(14);
    }
    author.show(
        from,
        Shown::Board(Arc::new(SiteBoard {
            category: "overall",
            stamp,
            models: without,
        })),
    );
    author.show_board(until);
}

/// A new model below the contracts' models.
fn arrive(author: &mut Author) {
    author.drift();
    let mut scores: Vec<i64> = author.models.iter().map(|model| model.score).collect();
    scores.sort_unstable_by(|a, b| b.cmp(a));
    let score = scores.get(8).copied().unwrap_or(0) + 5;
    let votes = 4_200;
    author.models.push(SiteModel {
        name: "tessera-1-preview".to_owned(),
        organization: "Tessera".to_owned(),
        license: "Proprietary",
        score,
        half_width: half_width(votes),
        votes,
        release_type: Some("co_release"),
    });
}

/// A model that has a contract goes by another name; nothing else of it changes.
fn rename(author: &mut Author, index: usize) {
    if let Some(model) = author.models.get_mut(index) {
        model.name = format!("{}-high", model.name);
    }
}

/// Wall time: the leader changes within seconds, and again every minute.
pub(super) fn live(options: &WorldOptions) -> Scenario {
    let mut author = Author::new(options);
    let mut contracts = ContractSet::default();
    let listed: Vec<SiteModel> = author.models.iter().take(LISTED).cloned().collect();
    let today = options.start.with_timezone(&New_York).date_naive();
    for (days, fine) in [(2, false), (5, false), (12, true)] {
        if let Some(date) = today.checked_add_days(chrono::Days::new(days)) {
            contracts.list(date, &listed, fine);
        }
    }
    author.show_board(options.start);
    let changes = i64::from(options.days) * 24 * 60;
    for change in 0..changes {
        let contender = [1, 2, 0, 3, 4]
            .get(usize::try_from(change % 5).unwrap_or(0))
            .copied()
            .unwrap_or(0);
        author.new_leader(contender);
        let at = author.start + TimeDelta::seconds(8 + 60 * change);
        // Stamps to the second, so that each is strictly newer than the one before.
        author.stamp = at - TimeDelta::hours(3);
        author.show_board(at);
    }
    Scenario {
        timeline: author.timeline,
        contracts,
        outages: Vec::new(),
        market_lag: TimeDelta::seconds(25),
        quote_every: TimeDelta::seconds(5),
    }
}

#[cfg(test)]
mod tests {
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

    #[test]
    fn stamps_only_go_back_when_the_page_flaps() {
        let scenario = demo(&options(3));
        let stamps: Vec<_> = scenario
            .timeline
            .iter()
            .filter_map(|showing| match &showing.shown {
                Shown::Board(board) => Some(board.stamp),
                _ => None,
            })
            .collect();
        let backwards = stamps.windows(2).filter(|pair| pair[1] < pair[0]).count();
        assert_eq!(backwards, 2, "the flap, and the return after a model vanished");
    }

    #[test]
    fn leaders_change_and_the_flap_names_another_winner() {
        let scenario = demo(&options(3));
        let name = |hours: i64, minutes: i64| {
            let at = options(3).start + TimeDelta::minutes(hours * 60 + minutes);
            winner(scenario.public_board(at).unwrap())
                .unwrap()
                .model
                .name
                .clone()
        };
        assert_ne!(name(14, 0), name(14, 3));
        assert_ne!(name(26, 0), name(26, 3));
        assert_ne!(name(28, 0), name(28, 10), "while it flaps");
        assert_eq!(name(28, 0), name(28, 30));
        assert_ne!(name(118, 0), name(118, 3));
    }

    #[test]
    fn seeds_make_different_fields_and_a_tweak_changes_one_row() {
        let first = |options: &WorldOptions| match &demo(options).timeline[0].shown {
            Shown::Board(board) => board.models.clone(),
            _ => panic!("the script begins with a board"),
        };
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
    fn the_live_script_changes_leader_within_seconds() {
        let mut options = options(9);
        options.days = 1;
        let scenario = live(&options);
        let name = |seconds: i64| {
            let at = options.start + TimeDelta::seconds(seconds);
            winner(scenario.public_board(at).unwrap())
                .unwrap()
                .model
                .name
                .clone()
        };
        assert_ne!(name(0), name(9));
        assert_ne!(name(9), name(70));
    }
}
