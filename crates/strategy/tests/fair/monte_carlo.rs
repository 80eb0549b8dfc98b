//! The closed form beside draws of the same model: every draw is a board that is settled by the full cascade.

use std::collections::BTreeMap;

use autotrader_domain::BoardHistory;
use autotrader_settlement::{
    Board, Entry, Rating, Rule, RuleSet, ScorePrecision, rank_bounds, resolve_top_model,
};
use autotrader_strategy::params::EstimatorKind::BoardWalk;
use autotrader_strategy::params::{ArrivalPrior, BoardWalkParams};
use rstest::rstest;

use crate::kit::{Asked, listed, model, time, within};

const DRAWS: u32 = 200_000;

/// Three standard errors of the draws at a probability of one half are 0.0034.
const TOLERANCE: f64 = 0.005;

/// SplitMix64 (Steele, Lea and Flood, 2014).
#[derive(Debug)]
pub struct Stream(pub u64);

impl Stream {
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// Between 0 and 1, never 0.
    pub fn uniform(&mut self) -> f64 {
        ((self.next() >> 11) as f64 + 0.5) / (1u64 << 53) as f64
    }

    /// Standard normal (Box and Muller, 1958).
    fn normal(&mut self) -> f64 {
        (-2.0 * self.uniform().ln()).sqrt() * (std::f64::consts::TAU * self.uniform()).cos()
    }
}

/// A model of the board: score, votes, half of its interval.
type Row = (&'static str, &'static str, f64, i64, f64);

/// A leader, a close rival with more votes, a newcomer with few, and some behind.
const CLOSE: [Row; 7] = [
    ("aurora-6", "Northwind", 1503.0, 9_100, 6.2),
    ("boreas-5", "Contoso", 1501.75, 15_800, 4.3),
    ("aurora-6-mini", "Northwind", 1500.5, 2_700, 9.1),
    ("cirrus-2", "Fabrikam", 1496.25, 31_000, 3.1),
    ("boreas-5-mini", "Contoso", 1488.0, 800, 18.0),
    ("drift-1", "Tailspin", 1471.25, 4_000, 7.0),
    ("ember-3", "Litware", 1450.0, 52_000, 2.4),
];

/// Whole points with ties, one of them at the top.
const TIED: [Row; 6] = [
    ("aurora-6", "Northwind", 1500.0, 9_100, 4.0),
    ("boreas-5", "Contoso", 1500.0, 5_800, 6.0),
    ("cirrus-2", "Fabrikam", 1499.0, 31_000, 3.0),
    ("cirrus-1", "Fabrikam", 1499.0, 12_000, 5.0),
    ("drift-1", "Tailspin", 1490.0, 700, 20.0),
    ("ember-3", "Litware", 1488.0, 2_000, 11.0),
];

fn asked(rows: &[Row], days: i64, params: &BoardWalkParams) -> Asked {
    let mut entries: Vec<Entry> = rows
        .iter()
        .map(|(name, organization, score, votes, half)| Entry {
            organization: Some((*organization).to_owned()),
            score: Some(Rating::from_value(*score)),
            ci_lower: Some(Rating::from_value(score - half)),
            ci_upper: Some(Rating::from_value(score + half)),
            votes: Some(*votes),
            ..Entry::named(*name)
        })
        .collect();
    bound(&mut entries);
    let mut asked = Asked::about(Board { entries }, days);
    asked.params.board_walk = BoardWalkParams {
        prior: ArrivalPrior::none(),
        ..params.clone()
    };
    let mut history = BoardHistory::default();
    listed(
        &mut history,
        time("2025-03-01T00:00:00Z"),
        &Entry::named("aurora-1"),
    );
    asked.history = history;
    asked
}

fn bound(entries: &mut [Entry]) {
    let bounds = rank_bounds(entries);
    for (entry, bounds) in entries.iter_mut().zip(bounds) {
        entry.rank_ub = bounds.rank_ub;
        entry.rank_lb = bounds.rank_lb;
    }
}

/// A listed model, as its score will be drawn.
#[derive(Debug, Clone, Copy)]
struct Law {
    mean: f64,
    deviation: f64,
    /// Half of the interval it will have.
    half: f64,
}

/// The draws of one question.
struct Draws<'q> {
    asked: &'q Asked,
    stream: Stream,
    step: f64,
    /// Expected number of contenders until the check, if the page is refreshed.
    contenders: f64,
    refreshed: f64,
    renamed: f64,
    top: f64,
    laws: Vec<Law>,
    /// The board at the check: the listed models, then who arrived.
    entries: Vec<Entry>,
}

fn value(rating: Option<&Rating>) -> f64 {
    rating.unwrap().value()
}

impl<'q> Draws<'q> {
    fn of(asked: &'q Asked, seed: u64) -> Self {
        let params = &asked.params.board_walk;
        let step = match asked.rules.score_precision {
            ScorePrecision::Full => params.score_step,
            ScorePrecision::Displayed => 1.0,
        };
        let days = asked.horizon.num_hours() as f64 / 24.0;
        let refreshed = 1.0 - (-days / params.refresh_days).exp();
        let effective = days / refreshed;
        let coming = params.votes_per_day * effective;
        let entries = &asked.board.entries;
        let laws = entries.iter().map(|entry| {
            let score = value(entry.score.as_ref());
            let half = value(entry.ci_upper.as_ref()) - score;
            let (votes, error) = (entry.votes.unwrap() as f64, half / 1.96);
            let resolved = coming / (votes + coming);
            let sampling = (params.revision_errors * error).powi(2) * resolved;
            Law {
                mean: score - params.regression_errors * error * resolved,
                deviation: (sampling + params.daily_drift.powi(2) * effective).sqrt(),
                half: half * (1.0 - resolved).sqrt(),
            }
        });
        Self {
            stream: Stream(seed),
            step,
            contenders: asked.with(|question| question.rates.per_day()) * effective,
            refreshed,
            renamed: 1.0 - (-params.identity_hazard * days).exp(),
            top: entries
                .iter()
                .map(|entry| value(entry.score.as_ref()))
                .fold(f64::NEG_INFINITY, f64::max),
            laws: laws.collect(),
            entries: entries.clone(),
            asked,
        }
    }

    /// A score on the lattice around the leader's.
    fn on_lattice(&self, score: f64) -> f64 {
        self.top + ((score - self.top) / self.step).round() * self.step
    }

    /// Draws the board at the check, when it was refreshed.
    fn refresh(&mut self) {
        let params = &self.asked.params.board_walk;
        self.entries.truncate(self.laws.len());
        for place in 0..self.laws.len() {
            let law = self.laws[place];
            let is_wide = self.stream.uniform() < params.wide_share;
            let wide = if is_wide { params.wide_factor } else { 1.0 };
            let score = law.mean + wide * law.deviation * self.stream.normal();
            let score = self.on_lattice(score);
            set(&mut self.entries[place], score, law.half);
        }
        // Contenders come as a Poisson process, each with few votes.
        let mut waited = -self.stream.uniform().ln();
        while waited < self.contenders {
            let debut = self.top + params.debut_mean + params.debut_deviation * self.stream.normal();
            let mut entry = Entry {
                votes: Some(1),
                ..Entry::named(UNLISTED)
            };
            set(&mut entry, self.on_lattice(debut), 9.0);
            self.entries.push(entry);
            waited -= self.stream.uniform().ln();
        }
        bound(&mut self.entries);
    }

    /// Who wins at the check.
    fn winner(&mut self, leader: &str) -> String {
        let entries = if self.stream.uniform() < self.refreshed {
            self.refresh();
            &self.entries
        } else {
            &self.asked.board.entries
        };
        let winner = resolve_top_model(entries, &self.asked.rules).winner().unwrap();
        let name = winner.model_name.clone();
        if name == leader && self.stream.uniform() < self.renamed {
            return UNLISTED.to_owned();
        }
        name
    }
}

const UNLISTED: &str = "unlisted";

fn set(entry: &mut Entry, score: f64, half: f64) {
    entry.score = Some(Rating::from_value(score));
    entry.ci_lower = Some(Rating::from_value(score - half));
    entry.ci_upper = Some(Rating::from_value(score + half));
}

#[rstest]
#[case::three_days(asked(&CLOSE, 3, &BoardWalkParams::deployment()), 1)]
#[case::a_month_as_evaluated(asked(&CLOSE, 30, &BoardWalkParams::evaluated()), 2)]
#[case::whole_points(Asked {
    rules: RuleSet::new(Rule::Cascade, ScorePrecision::Displayed),
    ..asked(&TIED, 7, &BoardWalkParams::deployment())
}, 3)]
fn two_hundred_thousand_settled_boards_agree(#[case] asked: Asked, #[case] seed: u64) {
    let mut draws = Draws::of(&asked, seed);
    let leader = asked
        .answer(BoardWalk, |forecast| forecast.drivers().unwrap().leader)
        .unwrap();
    let mut wins: BTreeMap<String, u32> = BTreeMap::new();
    for _ in 0..DRAWS {
        *wins.entry(draws.winner(&leader)).or_default() += 1;
    }
    let drawn = |name: &str| f64::from(wins.get(name).copied().unwrap_or(0)) / f64::from(DRAWS);
    for entry in &asked.board.entries {
        let name = &entry.model_name;
        within(asked.worth(BoardWalk, &model(name)), drawn(name), TOLERANCE);
    }
    let unlisted = asked.answer(BoardWalk, |forecast| forecast.unlisted()).unwrap();
    within(unlisted, drawn(UNLISTED), TOLERANCE);
    assert!(
        drawn(&leader) < 0.95 && unlisted > 0.01,
        "the draws would show a difference"
    );
}
