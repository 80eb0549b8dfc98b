//! What the others learn of a winner that no board shows: the reason why nothing is to be had from an efficient market.
//!
//! Whoever prices as the best public estimate does, and errs, would pay those who price as well and wait. In an efficient
//! market the price knows more than the estimate. Here every contract has a signal: a log-likelihood ratio that walks with
//! variance `v` and drift `+v/2` when it will pay, `-v/2` when it will not. Such a signal is worth exactly what
//! Bayes' rule makes of it, so prices that follow it are right on average, whatever the estimate says.

use std::collections::BTreeMap;

use autotrader_domain::Claim;
use chrono::{DateTime, TimeDelta, Utc};

use super::chance::{around_zero, chance};
use super::contracts::listed_at;
use super::oracle::Winners;

/// How often there is news.
const STEP: TimeDelta = TimeDelta::hours(3);

/// A walk as far as it was followed.
#[derive(Debug, Clone, Copy, Default)]
struct Walk {
    steps: i64,
    ratio: f64,
}

/// The signals of one run.
#[derive(Debug)]
pub(super) struct News {
    seed: u64,
    /// The variance of what is known at the listing of a contract, and of what is learnt from then to its check.
    variance: (f64, f64),
    winners: Winners,
    walks: BTreeMap<(DateTime<Utc>, String), Walk>,
}

impl News {
    pub(super) const fn new(seed: u64, variance: (f64, f64), winners: Winners) -> Self {
        Self {
            seed,
            variance,
            winners,
            walks: BTreeMap::new(),
        }
    }

    /// Whether there is any.
    pub(super) fn is_any(&self) -> bool {
        self.variance.0 + self.variance.1 > 0.0
    }

    /// How much likelier a claim is to pay than the boards alone say: a factor on its odds against the others of its event.
    /// Times of one check must not go backwards.
    pub(super) fn factor(&mut self, check: DateTime<Utc>, claim: &Claim, at: DateTime<Utc>) -> f64 {
        let listed = listed_at(check);
        let (all, passed) = (steps(check - listed), steps(at.min(check) - listed).max(0));
        let wins = self.winners.get(&check).is_some_and(|winner| claim.pays(winner));
        let named = format!("{} {}", word(claim), claim.name());
        let (first, rest) = self.variance;
        let walk = self.walks.entry((check, named.clone())).or_default();
        while walk.steps <= passed {
            let variance = if walk.steps == 0 { first } else { rest / all as f64 };
            let drift = if wins { variance / 2.0 } else { -variance / 2.0 };
            let mut drawn = chance(self.seed, &format!("news {check} {named} {}", walk.steps));
            walk.ratio += variance.sqrt().mul_add(around_zero(&mut drawn), drift);
            walk.steps += 1;
        }
        walk.ratio.exp()
    }
}

fn steps(span: TimeDelta) -> i64 {
    span.num_seconds() / STEP.num_seconds()
}

const fn word(claim: &Claim) -> &'static str {
    match claim {
        Claim::Model { .. } => "model",
        Claim::Organization { .. } => "lab",
    }
}
