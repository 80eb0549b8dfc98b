//! The core over historical boards, in a market of a named kind.
//!
//! The same core that trades runs in virtual time. It sees the page's boards from the moment they became known ([`Feed`]), and
//! the books of the stand-in exchange, where its orders meet those of market makers that see the same boards later or no
//! earlier ([`Regime`]). Nothing may be used before it is known: every datum carries its moment, and [`run`] ends with a
//! [`Leak`] otherwise. Equal seeds give equal runs, however many run at once.

mod boards;
mod chance;
mod contracts;
mod makers;
mod news;
mod oracle;
mod pooled;
mod regime;
mod report;
mod run;

use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use autotrader_domain::Money;
use autotrader_engine::Engine;
use autotrader_strategy::params::BoardWalkParams;
use chrono::{Days, NaiveDate, TimeDelta};
use rand::Rng as _;

pub use boards::{Archive, Before, Feed, Known, Leak};
pub use oracle::{Oracle, Winners};
pub use regime::{Regime, Terms};
pub use report::{Heading, Report, SeedResult, report};
pub use run::{Setting, run};

/// Why a backtest cannot be run, or had to stop.
#[derive(Debug, thiserror::Error)]
pub enum BacktestError {
    /// No board could be shown.
    #[error("no board of the series can be shown")]
    NoBoards,
    /// No check lies in the span.
    #[error("no check (Mondays) lies between {from} and {to}: give a longer span")]
    NoCheck {
        /// The first day.
        from: NaiveDate,
        /// The last day.
        to: NaiveDate,
    },
    /// Something was used before it was known.
    #[error(transparent)]
    Leak(#[from] Leak),
    /// The core cannot be made.
    #[error("{0}")]
    Core(String),
    /// The stand-in exchange or the core refused what it must take.
    #[error("the simulated market: {0}")]
    Market(String),
}

/// Runs of one strategy in one kind of market.
#[derive(Debug, Clone)]
pub struct Request {
    /// The boards.
    pub archive: Archive,
    /// The kind of market.
    pub regime: Regime,
    /// The first seed.
    pub first_seed: u64,
    /// How many seeds.
    pub seeds: u64,
    /// The first day that a run may begin.
    pub from: NaiveDate,
    /// The last day that a run may end.
    pub to: NaiveDate,
    /// The days of a run; the whole span when that is shorter.
    pub days: u64,
    /// What each account holds at first.
    pub cash: Money,
    /// With what the makers price.
    pub params: BoardWalkParams,
}

impl Request {
    /// What a seed makes of it: the days of the run are drawn within the span, where boards follow each other.
    #[must_use]
    pub fn setting(&self, seed: u64) -> Setting {
        let feed = self.archive.shown(seed);
        let offsets = self.offsets();
        let drawn = chance::chance(seed, "span").gen_range(0..offsets.len().max(1));
        let offset = offsets.get(drawn).copied().unwrap_or_default();
        let from = self.from.checked_add_days(Days::new(offset)).unwrap_or(self.from);
        let to = from.checked_add_days(Days::new(self.days)).unwrap_or(self.to);
        Setting {
            seed,
            terms: self.regime.terms(),
            feed,
            from,
            to: to.min(self.to),
            cash: self.cash,
            params: self.params.clone(),
        }
    }
}

/// How long a run may be without a new board: the strategy enters nothing on one that is older than two weeks.
const LONGEST_GAP_DAYS: i64 = 21;

impl Request {
    /// The days after the first on which a run may begin: those from which no two boards lie too far apart, or all where there
    /// are none such.
    fn offsets(&self) -> Vec<u64> {
        let span = u64::try_from((self.to - self.from).num_days()).unwrap_or_default();
        let later = span.saturating_sub(self.days);
        let gaps = self.archive.gaps(TimeDelta::days(LONGEST_GAP_DAYS));
        let meets_none = |offset: &u64| {
            let first = self.from.checked_add_days(Days::new(*offset));
            let last = first.and_then(|day| day.checked_add_days(Days::new(self.days)));
            let (Some(first), Some(last)) = (first, last) else {
                return false;
            };
            gaps.iter()
                .all(|(from, to)| to.date_naive() <= first || last <= from.date_naive())
        };
        let offsets: Vec<u64> = (0..=later).filter(meets_none).collect();
        if offsets.is_empty() {
            (0..=later).collect()
        } else {
            offsets
        }
    }
}

/// How the core of one run is made.
pub type MakeCore<'a> = &'a (dyn Fn(&Setting) -> Result<Engine, String> + Sync);

/// Runs every seed, `threads` at once, and tells `done` after each how many are done; the results are in the order of the
/// seeds.
///
/// # Errors
/// The [`BacktestError`] of the lowest seed that had to stop.
pub fn run_all(
    request: &Request,
    core: MakeCore<'_>,
    threads: usize,
    done: &(dyn Fn(u64) + Sync),
) -> Result<Vec<SeedResult>, BacktestError> {
    let (next, finished) = (AtomicU64::new(0), AtomicU64::new(0));
    let results = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..threads.max(1) {
            scope.spawn(|| {
                loop {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    if number >= request.seeds {
                        break;
                    }
                    let setting = request.setting(request.first_seed.wrapping_add(number));
                    let result = core(&setting)
                        .map_err(BacktestError::Core)
                        .and_then(|engine| run(&setting, engine));
                    let mut results = results.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
                    results.push((number, result));
                    done(finished.fetch_add(1, Ordering::Relaxed) + 1);
                }
            });
        }
    });
    let mut results = results
        .into_inner()
        .unwrap_or_else(std::sync::PoisonError::into_inner);
    results.sort_by_key(|(number, _)| *number);
    results.into_iter().map(|(_, result)| result).collect()
}
