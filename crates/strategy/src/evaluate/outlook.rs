//! What the estimators say of the accepted board, asked once per rule set and check.

use std::collections::BTreeMap;

use autotrader_domain::{BoardHash, BoardHistory, BoardStanding, Claim, ForecastRecord};
use autotrader_settlement::{Entry, Rule, RuleSet};
use chrono::{DateTime, Utc};

use crate::fair::{ArrivalRates, Ends, Estimator, Forecast, Question, RankedBoard, ends, forecast};
use crate::guards::outcome;
use crate::params::Params;

/// The estimators of a strategy: the one that prices, the baselines, and persistence for pooling organisations.
#[derive(Debug)]
pub(crate) struct Estimators {
    pub(crate) selected: Box<dyn Estimator>,
    pub(crate) baselines: Vec<Box<dyn Estimator>>,
    pub(crate) persistence: Box<dyn Estimator>,
}

/// The value of one claim.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Value {
    /// The estimator's probability, coherent over both series.
    pub(crate) fair: f64,
    /// What is pooled with the market: for an organisation mixed with persistence.
    pub(crate) pooled_from: f64,
    /// The least of it over the uncertainty about arrivals.
    pub(crate) low: f64,
    /// The greatest of it.
    pub(crate) high: f64,
}

/// What the estimators say for one rule set and check.
#[derive(Debug)]
pub(crate) struct Outlook<'a> {
    selected: &'static str,
    fair: Ends<'a>,
    persistence: Ends<'a>,
    baselines: Vec<(&'static str, Forecast<'a>)>,
    organization_persistence: f64,
    /// What the selected estimator and persistence say when scores are read at the other precision, where that matters.
    other_precision: Option<(Forecast<'a>, Forecast<'a>)>,
    /// The winner and whoever is next by score: which of them leads may be too close to call.
    closest: Option<(&'a Entry, &'a Entry)>,
}

impl<'a> Outlook<'a> {
    /// The value of a claim; where the winner is ambiguous its ends reach to the worse reading.
    pub(crate) fn value(&self, claim: &Claim, ambiguous: bool) -> Value {
        let of = |fair: &Forecast<'a>, persistence: &Forecast<'a>| {
            self.mix(claim, fair.probability(claim), persistence.probability(claim))
        };
        let pooled_from = of(&self.fair.central, &self.persistence.central);
        let mut readings = vec![
            of(&self.fair.fewer, &self.persistence.fewer),
            of(&self.fair.more, &self.persistence.more),
        ];
        if ambiguous {
            readings.push(self.mix(
                claim,
                self.swapped(&self.fair.central, claim),
                self.swapped(&self.persistence.central, claim),
            ));
            readings.extend(
                self.other_precision
                    .iter()
                    .map(|(fair, persistence)| of(fair, persistence)),
            );
        }
        Value {
            fair: self.fair.central.probability(claim),
            pooled_from,
            low: readings.iter().copied().fold(pooled_from, f64::min),
            high: readings.iter().copied().fold(pooled_from, f64::max),
        }
    }

    /// An organisation's probability mixed with persistence: linear, so that the values of an event still sum to at most one.
    fn mix(&self, claim: &Claim, fair: f64, persistence: f64) -> f64 {
        let share = match claim {
            Claim::Model { .. } => 0.0,
            Claim::Organization { .. } => self.organization_persistence,
        };
        (1.0 - share) * fair + share * persistence
    }

    /// What a claim is worth if the two at the top changed places.
    fn swapped(&self, forecast: &Forecast<'a>, claim: &Claim) -> f64 {
        let probability = forecast.probability(claim);
        let Some((first, second)) = self.closest else {
            return probability;
        };
        let of = |entry: &Entry| {
            let model = Claim::Model {
                model_name: entry.model_name.clone(),
                organization: None,
            };
            (claim.pays(&outcome(entry)), forecast.probability(&model))
        };
        match (of(first), of(second)) {
            ((true, mine), (false, theirs)) | ((false, theirs), (true, mine)) => {
                (probability - mine + theirs).clamp(0.0, 1.0)
            }
            _ => probability,
        }
    }

    /// What the other estimators say of a claim, by name.
    pub(crate) fn baselines(&self, claim: &Claim) -> BTreeMap<String, f64> {
        self.baselines
            .iter()
            .map(|(name, forecast)| ((*name).to_owned(), forecast.probability(claim)))
            .collect()
    }

    /// The selected estimator's forecast.
    pub(crate) const fn central(&self) -> &Forecast<'a> {
        &self.fair.central
    }

    /// The probability that a model which the board does not list wins.
    pub(crate) fn unlisted(&self) -> f64 {
        self.fair.central.unlisted()
    }

    /// The probability that none of an event's claims comes true.
    pub(crate) fn nobody(&self, claims: &[&Claim]) -> f64 {
        self.fair.central.nobody(claims.iter().copied())
    }
}

/// The accepted board as this evaluation sees it.
#[derive(Debug)]
pub(crate) struct BoardView<'a> {
    pub(crate) entries: &'a [Entry],
    boards: BTreeMap<RuleSet, (RankedBoard<'a>, ArrivalRates<'a>)>,
    outlooks: BTreeMap<(RuleSet, DateTime<Utc>), Option<Outlook<'a>>>,
}

impl<'a> BoardView<'a> {
    /// Asks the estimators for every rule set and check that the contracts need.
    pub(crate) fn new(
        standing: &'a BoardStanding,
        history: &'a BoardHistory,
        wanted: impl Iterator<Item = (RuleSet, DateTime<Utc>)>,
        at: DateTime<Utc>,
        estimators: &Estimators,
        params: &'a Params,
    ) -> Option<Self> {
        let entries = standing.accepted.as_ref()?.board.entries.as_slice();
        let mut view = Self {
            entries,
            boards: BTreeMap::new(),
            outlooks: BTreeMap::new(),
        };
        for (rules, check) in wanted {
            view.ask(rules, check, history, at, estimators, params);
        }
        Some(view)
    }

    fn ask(
        &mut self,
        rules: RuleSet,
        check: DateTime<Utc>,
        history: &'a BoardHistory,
        at: DateTime<Utc>,
        estimators: &Estimators,
        params: &'a Params,
    ) {
        // A rule set where ties pay nobody has an outcome that these estimators do not price.
        if rules.rule != Rule::Cascade || self.outlooks.contains_key(&(rules, check)) {
            return;
        }
        let entries = self.entries;
        let (board, rates) = self.boards.entry(rules).or_insert_with(|| {
            let board = RankedBoard::new(entries, rules);
            let rates = ArrivalRates::of(&board, history, at, &params.board_walk);
            (board, rates)
        });
        let question = Question {
            board,
            history,
            rates,
            at,
            horizon: check.signed_duration_since(at),
            arrivals: 1.0,
        };
        let mut outlook = outlook(&question, estimators, params);
        if let Some(outlook) = &mut outlook {
            outlook.closest = closest(board);
            outlook.other_precision = other_precision(entries, &question, estimators);
        }
        self.outlooks.insert((rules, check), outlook);
    }

    /// What every estimator says of every check and rule set, to be kept and scored.
    pub(crate) fn forecasts(&self, board: BoardHash, at: DateTime<Utc>) -> Vec<ForecastRecord> {
        let known = self
            .outlooks
            .iter()
            .filter_map(|((rules, check), outlook)| Some((*rules, *check, outlook.as_ref()?)));
        known
            .flat_map(|(rules, check, outlook)| {
                std::iter::once((outlook.selected, &outlook.fair.central))
                    .chain(outlook.baselines.iter().map(|(name, forecast)| (*name, forecast)))
                    .map(move |(name, forecast)| forecast.record(at, check, rules, board, name))
            })
            .collect()
    }

    /// The board under a rule set that some contract needs.
    pub(crate) fn ranked(&self, rules: RuleSet) -> Option<&RankedBoard<'a>> {
        self.boards.get(&rules).map(|(board, _)| board)
    }

    /// What the estimators say for a rule set and check.
    pub(crate) fn outlook(&self, rules: RuleSet, check: DateTime<Utc>) -> Option<&Outlook<'a>> {
        self.outlooks.get(&(rules, check))?.as_ref()
    }

    /// Whether the board lists what a claim names.
    pub(crate) fn lists(&self, claim: &Claim) -> bool {
        self.entries.iter().any(|entry| match claim {
            Claim::Model { model_name, .. } => entry.model_name == *model_name,
            Claim::Organization { organization } => entry.known_organization() == Some(organization),
        })
    }
}

fn outlook<'a>(question: &Question<'_, 'a>, estimators: &Estimators, params: &Params) -> Option<Outlook<'a>> {
    let uncertainty = question.rates.uncertainty();
    let ask = |estimator: &dyn Estimator| ends(estimator, question, uncertainty);
    Some(Outlook {
        selected: estimators.selected.name(),
        fair: ask(estimators.selected.as_ref())?,
        persistence: ask(estimators.persistence.as_ref())?,
        baselines: estimators
            .baselines
            .iter()
            .filter_map(|baseline| Some((baseline.name(), forecast(baseline.as_ref(), question)?)))
            .collect(),
        organization_persistence: params.pool.organization_persistence,
        other_precision: None,
        closest: None,
    })
}

/// The winner and whoever is next by score.
fn closest<'a>(board: &RankedBoard<'a>) -> Option<(&'a Entry, &'a Entry)> {
    let winner = board.winner()?;
    let next = board
        .scored()
        .map(|(entry, _)| entry)
        .find(|entry| !std::ptr::eq(*entry, winner))?;
    Some((winner, next))
}

/// What is said at the other precision, where that names another winner.
fn other_precision<'a>(
    entries: &'a [Entry],
    question: &Question<'_, 'a>,
    estimators: &Estimators,
) -> Option<(Forecast<'a>, Forecast<'a>)> {
    let board = RankedBoard::new(entries, question.board.rules().other_precision());
    let (now, then) = (question.board.winner()?, board.winner()?);
    if std::ptr::eq(now, then) {
        return None;
    }
    let question = Question {
        board: &board,
        ..*question
    };
    Some((
        forecast(estimators.selected.as_ref(), &question)?,
        forecast(estimators.persistence.as_ref(), &question)?,
    ))
}
