//! What the estimators say of the accepted board, asked once per rule set and check.

use std::collections::BTreeMap;

use autotrader_domain::{BoardHash, BoardHistory, BoardStanding, Claim, ForecastRecord};
use autotrader_settlement::{Entry, Rule, RuleSet};
use chrono::{DateTime, Utc};

use crate::fair::{ArrivalRates, Ends, Estimator, Forecast, Question, RankedBoard, ends, forecast};
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
}

impl<'a> Outlook<'a> {
    /// The value of a claim.
    pub(crate) fn value(&self, claim: &Claim) -> Value {
        let share = match claim {
            Claim::Model { .. } => 0.0,
            Claim::Organization { .. } => self.organization_persistence,
        };
        // Linear, so that the values of an event still sum to at most one.
        let mix = |fair: &Forecast<'a>, persistence: &Forecast<'a>| {
            (1.0 - share) * fair.probability(claim) + share * persistence.probability(claim)
        };
        let pooled_from = mix(&self.fair.central, &self.persistence.central);
        let fewer = mix(&self.fair.fewer, &self.persistence.fewer);
        let more = mix(&self.fair.more, &self.persistence.more);
        Value {
            fair: self.fair.central.probability(claim),
            pooled_from,
            low: pooled_from.min(fewer).min(more),
            high: pooled_from.max(fewer).max(more),
        }
    }

    /// What the other estimators say of a claim, by name.
    pub(crate) fn baselines(&self, claim: &Claim) -> BTreeMap<String, f64> {
        self.baselines
            .iter()
            .map(|(name, forecast)| ((*name).to_owned(), forecast.probability(claim)))
            .collect()
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
        let outlook = outlook(&question, estimators, params);
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
    })
}
