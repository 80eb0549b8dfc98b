//! Going through a series day by day, asking every estimator and holding its answer against who led later.

use std::fmt;

use autotrader_domain::{BoardHistory, Sight};
use autotrader_settlement::{Entry, RuleSet};
use autotrader_strategy::fair::{
    ArrivalRates, BoardWalk, Estimator, Forecast, Persistence, PublishedRankTable, Question, RankedBoard,
    forecast,
};
use autotrader_strategy::params::{ArrivalPrior, BoardWalkParams};
use chrono::{Days, NaiveDate, NaiveTime, TimeDelta};

use super::bootstrap::BLOCK_DAYS;
use super::reliability::BlockTallies;
use super::score::{Distribution, Scores};
use crate::series::{Series, SeriesBoard};

/// Collections that list no intervals or only the best model of each lab: what is new after them is new to us, not to the
/// board. Source: the study.
const COARSE_SOURCES: [&str; 2] = ["mayer", "jtrigg"];

/// Collections that list whole boards. Source: the study.
const WHOLE_SOURCES: [&str; 4] = ["timothy", "catalog", "fboulnois", "cherry"];

/// What is forecast: which model leads, or whose it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// The exact model.
    Model,
    /// Its organisation.
    Organization,
}

impl Level {
    /// Both, models first.
    pub const ALL: [Self; 2] = [Self::Model, Self::Organization];

    /// The word of it in the names of figures.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Model => "model",
            Self::Organization => "org",
        }
    }
}

/// What is scored.
#[derive(Debug, Clone, PartialEq)]
pub struct Settings {
    /// The first origin.
    pub from: NaiveDate,
    /// The last origin.
    pub to: NaiveDate,
    /// Days ahead.
    pub horizons: Vec<u32>,
    /// The parameters of the board walk.
    pub params: BoardWalkParams,
}

/// Settings that do not fit a series.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SettingsError {
    /// The first origin is not within the series.
    #[error("the origins begin on {from}, but the series goes from {first} to {last}: begin within it")]
    Outside {
        /// The first origin.
        from: NaiveDate,
        /// The first board's day.
        first: NaiveDate,
        /// The last board's day.
        last: NaiveDate,
    },
    /// The last origin comes before the first.
    #[error("the origins end on {to}, before they begin on {from}")]
    Backwards {
        /// The first origin.
        from: NaiveDate,
        /// The last origin.
        to: NaiveDate,
    },
    /// No horizon, or one of no days.
    #[error("horizons are whole days from 1 on")]
    NoHorizon,
}

/// How far a run has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// Origins gone through.
    pub done: u64,
    /// Origins in all.
    pub total: u64,
}

/// One origin and what every estimator scored from it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Origin {
    pub(crate) date: NaiveDate,
    /// Whether the model, and the organisation, led at the end that led at the origin.
    pub(crate) stayed: [bool; 2],
    /// By estimator, then by level.
    pub(crate) scores: Vec<[Scores; 2]>,
}

/// Everything that was scored for one horizon.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct HorizonRun {
    pub(crate) days: u32,
    pub(crate) origins: Vec<Origin>,
    /// By estimator, then by level.
    pub(crate) tallies: Vec<[BlockTallies; 2]>,
}

/// Everything that was scored.
#[derive(Debug, Clone, PartialEq)]
pub struct Run {
    pub(crate) estimators: Vec<&'static str>,
    pub(crate) horizons: Vec<HorizonRun>,
    /// How often another model, and another organisation, came to lead between the first and the last origin.
    pub(crate) changes: [usize; 2],
}

/// The estimators that are compared, the one that is judged first.
fn estimators(params: &BoardWalkParams) -> Vec<Box<dyn Estimator>> {
    vec![
        Box::new(BoardWalk::new(params.clone())),
        Box::new(Persistence::over_all()),
        Box::new(PublishedRankTable::new(params.clone())),
        Box::new(Persistence::over_recent()),
    ]
}

/// A series with what is asked of it again and again.
struct Archive<'a> {
    boards: &'a [SeriesBoard],
    ranked: Vec<RankedBoard<'a>>,
    history: BoardHistory,
}

impl<'a> Archive<'a> {
    fn new(series: &'a Series) -> Self {
        let boards = series.boards();
        let ranked: Vec<RankedBoard<'a>> = boards
            .iter()
            .map(|board| RankedBoard::by_scores(&board.rows, RuleSet::default()))
            .collect();
        let mut history = BoardHistory::default();
        let mut previous: Option<&SeriesBoard> = None;
        for (board, ranked) in boards.iter().zip(&ranked) {
            history.observe(&Sight {
                at: board.known_at(),
                entries: &board.rows,
                leader: ranked.winner(),
                previous: previous.map(|board| board.rows.as_slice()),
                comparable: previous.is_none_or(|previous| !is_switch(previous, board)),
                renames: &[],
            });
            previous = Some(board);
        }
        Self {
            boards,
            ranked,
            history,
        }
    }

    /// The board of a day: the last that was known by then.
    fn on(&self, day: NaiveDate) -> Option<&RankedBoard<'a>> {
        let known = self.boards.partition_point(|board| board.date <= day);
        self.ranked.get(known.checked_sub(1)?)
    }

    fn leader_on(&self, day: NaiveDate) -> Option<&'a Entry> {
        self.on(day)?.winner()
    }
}

/// Whether two boards in a row come from collections of different kinds.
fn is_switch(previous: &SeriesBoard, board: &SeriesBoard) -> bool {
    COARSE_SOURCES.contains(&previous.source.as_str()) && WHOLE_SOURCES.contains(&board.source.as_str())
}

fn organization(entry: &Entry) -> &str {
    entry.known_organization().unwrap_or_default()
}

/// Goes through a series and scores every estimator; `report` is told of every origin.
///
/// # Errors
/// [`SettingsError`] when the settings do not fit the series.
pub fn run(
    series: &Series,
    settings: &Settings,
    report: &mut dyn FnMut(Progress),
) -> Result<Run, SettingsError> {
    let (first, last) = series.span();
    let (from, to) = (settings.from, settings.to);
    if from < first || from > last {
        return Err(SettingsError::Outside { from, first, last });
    }
    if to < from {
        return Err(SettingsError::Backwards { from, to });
    }
    if settings.horizons.is_empty() || settings.horizons.contains(&0) {
        return Err(SettingsError::NoHorizon);
    }
    // What is scored must be learnt from the series alone.
    let params = BoardWalkParams {
        prior: ArrivalPrior::none(),
        ..settings.params.clone()
    };
    let estimators = estimators(&params);
    let archive = Archive::new(series);
    let mut run = Run {
        estimators: estimators.iter().map(|estimator| estimator.name()).collect(),
        horizons: settings
            .horizons
            .iter()
            .map(|days| HorizonRun {
                days: *days,
                origins: Vec::new(),
                tallies: vec![[BlockTallies::default(), BlockTallies::default()]; estimators.len()],
            })
            .collect(),
        changes: [0, 0],
    };
    let days = from.iter_days().take_while(|day| *day <= to.min(last));
    let total = days.clone().count() as u64;
    for (done, day) in days.enumerate() {
        count_changes(&archive, day, from, &mut run.changes);
        score_day(&archive, day, last, &estimators, &params, &mut run.horizons);
        report(Progress {
            done: done as u64 + 1,
            total,
        });
    }
    Ok(run)
}

fn count_changes(archive: &Archive<'_>, day: NaiveDate, from: NaiveDate, changes: &mut [usize; 2]) {
    let before = day.pred_opt().filter(|before| *before >= from);
    let Some((before, now)) = before
        .and_then(|before| archive.leader_on(before))
        .zip(archive.leader_on(day))
    else {
        return;
    };
    let [models, organizations] = changes;
    *models += usize::from(before.model_name != now.model_name);
    *organizations += usize::from(organization(before) != organization(now));
}

fn score_day(
    archive: &Archive<'_>,
    day: NaiveDate,
    last: NaiveDate,
    estimators: &[Box<dyn Estimator>],
    params: &BoardWalkParams,
    horizons: &mut [HorizonRun],
) {
    let Some((board, leader)) = archive.on(day).and_then(|board| Some((board, board.winner()?))) else {
        return;
    };
    let at = day.and_time(NaiveTime::MIN).and_utc();
    let rates = ArrivalRates::of(board, &archive.history, at, params);
    for horizon in horizons {
        let Some(end) = day
            .checked_add_days(Days::new(horizon.days.into()))
            .filter(|end| *end <= last)
        else {
            continue;
        };
        let Some(came) = archive.leader_on(end) else {
            continue;
        };
        let question = Question {
            board,
            history: &archive.history,
            rates: &rates,
            at,
            horizon: TimeDelta::days(horizon.days.into()),
            arrivals: 1.0,
        };
        let forecasts: Option<Vec<Forecast<'_>>> = estimators
            .iter()
            .map(|estimator| forecast(estimator.as_ref(), &question))
            .collect();
        // All or none: figures that are compared must be of the same origins.
        if let Some(forecasts) = forecasts {
            horizon.take(day, &forecasts, leader, came);
        }
    }
}

impl HorizonRun {
    fn take(&mut self, date: NaiveDate, forecasts: &[Forecast<'_>], leader: &Entry, came: &Entry) {
        let classes = [came.model_name.as_str(), organization(came)];
        let first = self.origins.first().map_or(date, |origin| origin.date);
        let block = date.signed_duration_since(first).num_days() / BLOCK_DAYS;
        let block = usize::try_from(block).unwrap_or_default();
        let scores = forecasts
            .iter()
            .zip(&mut self.tallies)
            .map(|(forecast, tallies)| {
                let distributions = [models(forecast), organizations(forecast)];
                let [model, organization] = &distributions;
                for ((distribution, class), tally) in distributions.iter().zip(classes).zip(tallies) {
                    tally.take(block, distribution.judged(class));
                }
                let [model_class, organization_class] = classes;
                [model.scores(model_class), organization.scores(organization_class)]
            });
        let scores = scores.collect();
        self.origins.push(Origin {
            date,
            stayed: [
                leader.model_name == came.model_name && organization(leader) == organization(came),
                organization(leader) == organization(came),
            ],
            scores,
        });
    }
}

fn models(forecast: &Forecast<'_>) -> Distribution {
    Distribution {
        named: forecast.models().map(|(name, p)| (name.to_owned(), p)).collect(),
        rest: forecast.unlisted(),
    }
}

fn organizations(forecast: &Forecast<'_>) -> Distribution {
    Distribution {
        named: forecast
            .organizations()
            .map(|(name, p)| (name.to_owned(), p))
            .collect(),
        rest: forecast.other(),
    }
}

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Model => "model",
            Self::Organization => "organisation",
        })
    }
}
