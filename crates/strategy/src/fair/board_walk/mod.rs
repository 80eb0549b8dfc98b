//! `board_walk`: the closed form that prices the contracts.
//!
//! The top rows of the board walk as their votes come in; the page is refreshed before the check or it is not; new models
//! arrive; what is equal at the lattice's step goes to more votes; and the leader's name may be gone. [`walk`] has the
//! mathematics on plain candidates, this file what a board and its history say of them.

pub(super) mod walk;

use std::collections::BTreeMap;

use autotrader_domain::BoardHistory;
use autotrader_settlement::{Entry, Rating, ScorePrecision};
use chrono::{DateTime, Utc};

use self::walk::{Candidate, Ending, Walk};
use super::forecast::Driven;
use super::{ArrivalRates, Ends, Estimator, Forecast, Question, RankedBoard, days, factors};
use crate::params::BoardWalkParams;

/// How many rows from the top walk. Source: the executable reference.
const CANDIDATES: usize = 12;

/// Votes of a model on its first day, where the board does not say. Source: the executable reference.
const FIRST_VOTES: f64 = 3_000.0;

/// At least these many votes stand behind a standard error that is made up for a missing interval. Same source.
const LEAST_VOTES: f64 = 200.0;

/// How many standard errors wide a 95 % interval is.
const INTERVAL_ERRORS: f64 = 3.92;

/// The step of the lattice where the rules read whole points.
const WHOLE_POINTS: f64 = 1.0;

/// The board walk.
#[derive(Debug, Clone)]
pub struct BoardWalk {
    params: BoardWalkParams,
}

/// The top of a board as it walks.
#[derive(Debug)]
struct Top<'a> {
    candidates: Vec<Candidate<'a>>,
    /// The place of the settlement's winner among them.
    winner: usize,
}

impl BoardWalk {
    /// A board walk with these parameters.
    #[must_use]
    pub const fn new(params: BoardWalkParams) -> Self {
        Self { params }
    }

    fn forecasts<'a, const N: usize>(
        &self,
        question: &Question<'_, 'a>,
        arrivals: [f64; N],
    ) -> Option<[Forecast<'a>; N]> {
        let board = question.board;
        let top = Top::of(board, question.history, question.at, &self.params)?;
        let step = match board.rules().score_precision {
            ScorePrecision::Full => self.params.score_step,
            ScorePrecision::Displayed => WHOLE_POINTS,
        };
        let days = days(question.horizon);
        let walk = Walk {
            candidates: &top.candidates,
            leader: top.winner,
            days,
            step,
            params: &self.params,
        };
        let per_day = question.rates.per_day();
        let endings = walk.endings(arrivals.map(|factor| factor * per_day))?;
        let driven = driven(question, &self.params, days)?;
        Some(endings.map(|ending| {
            ending
                .forecast(&top.candidates, top.winner, question.rates)
                .driven_by(driven)
        }))
    }
}

impl Estimator for BoardWalk {
    fn name(&self) -> &'static str {
        "board_walk"
    }

    fn forecast<'a>(&self, question: &Question<'_, 'a>) -> Option<Forecast<'a>> {
        let [forecast] = self.forecasts(question, [question.arrivals])?;
        Some(forecast)
    }

    fn ends<'a>(&self, question: &Question<'_, 'a>, uncertainty: f64) -> Option<Ends<'a>> {
        let [fewer, central, more] = self.forecasts(question, factors(question.arrivals, uncertainty))?;
        Some(Ends { fewer, central, more })
    }
}

impl<'a> Top<'a> {
    /// The rows with the highest scores and, if it is not among them, the winner in the last one's place.
    ///
    /// `None` when nobody wins or the winner has no score: then the board says nothing that a walk could start from.
    fn of(
        board: &RankedBoard<'a>,
        history: &BoardHistory,
        at: DateTime<Utc>,
        params: &BoardWalkParams,
    ) -> Option<Self> {
        let winner = board.winner()?;
        let mut rows: Vec<(&Entry, f64)> = board.scored().take(CANDIDATES).collect();
        let is_winner = |(entry, _): &(&Entry, f64)| std::ptr::eq(*entry, winner);
        if !rows.iter().any(is_winner) {
            let own = board.scored().find(is_winner)?;
            rows.truncate(CANDIDATES - 1);
            rows.push(own);
        }
        Some(Self {
            winner: rows.iter().position(is_winner)?,
            candidates: rows
                .into_iter()
                .map(|(entry, score)| candidate(entry, score, history, at, params))
                .collect(),
        })
    }
}

/// What a row says of a candidate, with what stands in for what it does not say.
pub(super) fn candidate<'a>(
    entry: &'a Entry,
    score: f64,
    history: &BoardHistory,
    at: DateTime<Utc>,
    params: &BoardWalkParams,
) -> Candidate<'a> {
    let votes = match entry.votes {
        Some(votes) if votes > 0 => votes as f64,
        _ => {
            let first_seen = history.first_seen(&entry.model_name);
            let age = first_seen.map_or(0.0, |first| days(at.signed_duration_since(first)).max(0.0));
            FIRST_VOTES + params.votes_per_day * age
        }
    };
    let end = |rating: &Option<Rating>| {
        rating
            .as_ref()
            .map(Rating::value)
            .filter(|value| value.is_finite())
    };
    let width = end(&entry.ci_upper)
        .zip(end(&entry.ci_lower))
        .map(|(upper, lower)| upper - lower)
        .filter(|width| *width > 0.0);
    Candidate {
        name: &entry.model_name,
        organization: entry.known_organization(),
        score,
        votes,
        error: width.map_or_else(
            || params.error_per_vote / votes.max(LEAST_VOTES).sqrt(),
            |width| width / INTERVAL_ERRORS,
        ),
    }
}

/// What drives a forecast; `None` without a winner.
fn driven<'a>(question: &Question<'_, 'a>, params: &BoardWalkParams, days: f64) -> Option<Driven<'a>> {
    let winner = question.board.winner()?;
    let score = |wanted: &Entry| {
        question
            .board
            .scored()
            .find(|(entry, _)| std::ptr::eq(*entry, wanted))
    };
    let next = question
        .board
        .scored()
        .find(|(entry, _)| !std::ptr::eq(*entry, winner));
    let refreshes_expected = days / params.refresh_days;
    let per_day = question.rates.per_day() * question.arrivals;
    Some(Driven {
        leader: &winner.model_name,
        leader_votes: winner.votes,
        runner_up: next.map(|(entry, _)| entry.model_name.as_str()),
        gap: score(winner).zip(next).map(|((_, own), (_, next))| own - next),
        refreshes_expected,
        no_refresh: (-refreshes_expected).exp(),
        arrivals_expected: per_day * days,
        lambda_per_day: per_day,
        uncertainty: question.rates.uncertainty(),
    })
}

impl Ending {
    /// The forecast of candidates that ended so, the unlisted divided between the labs.
    pub(super) fn forecast<'a>(
        &self,
        candidates: &[Candidate<'a>],
        leader: usize,
        rates: &ArrivalRates<'a>,
    ) -> Forecast<'a> {
        let mut unlisted_of: BTreeMap<&str, f64> = rates
            .iter()
            .map(|(organization, share)| (organization, share * self.arrival))
            .collect();
        // Under another name the leader is still its organisation's.
        if let Some(organization) = candidates.get(leader).and_then(|leader| leader.organization) {
            *unlisted_of.entry(organization).or_default() += self.renamed;
        }
        let lines = candidates
            .iter()
            .zip(&self.candidates)
            .map(|(candidate, p)| (candidate.name, candidate.organization, *p));
        Forecast::summed(lines, self.arrival + self.renamed, unlisted_of)
    }
}
