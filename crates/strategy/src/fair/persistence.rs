//! `persistence` and `recency_persistence`: the winner stays as often as winners have stayed.
//!
//! Every day of the history opens a window of the horizon's length; those that have closed say how often the leader stayed,
//! lost to a model that was listed at the start, or to one that was not, and how often its organisation stayed. Fifteen
//! pseudo-days of a prior (survival `e^(−0.02·h)` of a model, `e^(−0.012·h)` of an organisation) stand behind the counts.
//! Others share what is left by their place, geometrically. Organisations have a distribution of their own, so the two
//! series do not agree: these are baselines. All figures are those of the executable reference.

use std::collections::{BTreeMap, BTreeSet};

use autotrader_domain::{BoardHistory, Led};
use chrono::{DateTime, TimeDelta, Utc};

use super::{Ends, Estimator, Forecast, Question, days};

/// What the prior weighs, in windows.
const PSEUDO_DAYS: f64 = 15.0;

/// Prior hazard per day that another model leads.
const MODEL_HAZARD: f64 = 0.02;

/// Prior hazard per day that another organisation leads.
const ORGANIZATION_HAZARD: f64 = 0.012;

/// The prior's part of the losses to a model that is listed already.
const LOST_TO_LISTED: f64 = 0.3;

/// How many others are named, models and organisations.
const NAMED: usize = 8;

/// What the next model has of the one above it.
const MODEL_DECAY: f64 = 0.6;

/// What the next organisation has of the one above it.
const ORGANIZATION_DECAY: f64 = 0.7;

/// The part of what another organisation wins that is left to organisations not named.
const UNNAMED: f64 = 0.05;

/// Half-life of a window in days, for `recency_persistence`.
const RECENT: f64 = 90.0;

/// The winner stays as often as winners have stayed.
#[derive(Debug, Clone)]
pub struct Persistence {
    name: &'static str,
    /// In days; without one every window counts alike.
    half_life: Option<f64>,
}

/// How often what happened in a window, with the prior.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Rates {
    stays: f64,
    lost_to_listed: f64,
    lost_to_unlisted: f64,
    organization_stays: f64,
}

/// A cursor over the leaders that only moves forward.
struct Cursor<'h> {
    leaders: &'h [Led],
    now: Option<&'h Led>,
}

impl<'h> Cursor<'h> {
    const fn new(leaders: &'h [Led]) -> Self {
        Self { leaders, now: None }
    }

    /// Who led at a time that is not before the one asked for last.
    fn at(&mut self, time: DateTime<Utc>) -> Option<&'h Led> {
        while let Some((next, rest)) = self.leaders.split_first() {
            if next.at > time {
                break;
            }
            (self.now, self.leaders) = (Some(next), rest);
        }
        self.now
    }
}

impl Persistence {
    /// `persistence`: every window counts alike.
    #[must_use]
    pub const fn over_all() -> Self {
        Self {
            name: "persistence",
            half_life: None,
        }
    }

    /// `recency_persistence`: windows are forgotten with a half-life of 90 days.
    #[must_use]
    pub const fn over_recent() -> Self {
        Self {
            name: "recency_persistence",
            half_life: Some(RECENT),
        }
    }

    fn rates(&self, history: &BoardHistory, at: DateTime<Utc>, horizon: TimeDelta) -> Rates {
        let (mut stays, mut listed, mut unlisted, mut organization) = (0.0, 0.0, 0.0, 0.0);
        let (mut opened, mut closed) = (Cursor::new(history.leaders()), Cursor::new(history.leaders()));
        let mut open = history.since();
        while let Some(from) = open {
            let Some(until) = from.checked_add_signed(horizon).filter(|until| *until <= at) else {
                break;
            };
            open = from.checked_add_signed(TimeDelta::days(1));
            let (Some(before), Some(after)) = (opened.at(from), closed.at(until)) else {
                continue;
            };
            let weight = self.half_life.map_or(1.0, |half_life| {
                (-days(at.signed_duration_since(until)) / half_life).exp2()
            });
            if before.model_name == after.model_name {
                stays += weight;
            } else if history.listed_at(&after.model_name, from) {
                listed += weight;
            } else {
                unlisted += weight;
            }
            if before.organization == after.organization {
                organization += weight;
            }
        }
        let windows = stays + listed + unlisted + PSEUDO_DAYS;
        let survival = |hazard: f64| (-hazard * days(horizon)).exp();
        let lost = PSEUDO_DAYS * (1.0 - survival(MODEL_HAZARD));
        Rates {
            stays: (stays + PSEUDO_DAYS * survival(MODEL_HAZARD)) / windows,
            lost_to_listed: (listed + lost * LOST_TO_LISTED) / windows,
            lost_to_unlisted: (unlisted + lost * (1.0 - LOST_TO_LISTED)) / windows,
            organization_stays: (organization + PSEUDO_DAYS * survival(ORGANIZATION_HAZARD)) / windows,
        }
    }
}

/// Divides a probability by place, each with a fixed part of the one before; nothing to nobody.
fn divide<T>(p: f64, decay: f64, among: Vec<T>) -> impl Iterator<Item = (T, f64)> {
    let weights = std::iter::successors(Some(1.0), move |weight| Some(weight * decay));
    let total: f64 = weights.clone().take(among.len()).sum();
    among
        .into_iter()
        .zip(weights)
        .map(move |(one, weight)| (one, p * weight / total))
}

impl Estimator for Persistence {
    fn name(&self) -> &'static str {
        self.name
    }

    fn forecast<'a>(&self, question: &Question<'_, 'a>) -> Option<Forecast<'a>> {
        let board = question.board;
        let winner = board.winner()?;
        let rates = self.rates(question.history, question.at, question.horizon);
        let others: Vec<_> = board
            .scored()
            .map(|(entry, _)| entry)
            .filter(|entry| entry.model_name != winner.model_name)
            .take(NAMED)
            .collect();
        let mut unlisted = rates.lost_to_unlisted;
        if others.is_empty() {
            unlisted += rates.lost_to_listed;
        }
        let models = std::iter::once((winner, rates.stays))
            .chain(divide(rates.lost_to_listed, MODEL_DECAY, others))
            .map(|(entry, p)| (entry.model_name.as_str(), entry.known_organization(), p));
        let own = winner.known_organization();
        let mut seen = BTreeSet::new();
        let labs: Vec<&str> = board
            .scored()
            .filter_map(|(entry, _)| entry.known_organization())
            .filter(|organization| Some(*organization) != own && seen.insert(*organization))
            .take(NAMED)
            .collect();
        let moves = 1.0 - rates.organization_stays;
        let mut other = if labs.is_empty() { moves } else { moves * UNNAMED };
        let mut organizations: BTreeMap<&str, f64> =
            divide(moves * (1.0 - UNNAMED), ORGANIZATION_DECAY, labs).collect();
        match own {
            Some(own) => {
                organizations.insert(own, rates.organization_stays);
            }
            None => other += rates.organization_stays,
        }
        Some(Forecast::apart(models, unlisted, organizations, other))
    }

    /// Arrivals do not enter, so the ends are one forecast.
    fn ends<'a>(&self, question: &Question<'_, 'a>, _uncertainty: f64) -> Option<Ends<'a>> {
        let central = self.forecast(question)?;
        Some(Ends {
            fewer: central.clone(),
            more: central.clone(),
            central,
        })
    }
}
