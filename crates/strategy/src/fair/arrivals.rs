//! How often contenders arrive, and whose they are.
//!
//! `Λ = (Σ 2^(−age/H) + a) / (T + a/Λ₀)` with `T = (1 − 2^(−days/H))·H/ln 2`: a Gamma–Poisson estimate that forgets.
//! A lab's share is shrunk towards its part of all releases near the top, and the leader's lab has a bonus:
//! `share = (1−ρ)·(n + κ·base)/(Σn + κ) + ρ·[incumbent]`, `base = (1−other)·(w + ε)/Σ(w + ε)`.

use std::collections::BTreeMap;
use std::f64::consts::LN_2;

use autotrader_domain::{Arrival, BoardHistory};
use chrono::{DateTime, Utc};

use super::{RankedBoard, days};
use crate::params::{ArrivalPrior, BoardWalkParams};

/// How many rows from the top name labs that may send the next contender. Source: the executable reference.
const LABS_AMONG: usize = 20;

/// The rate of arrivals and its division between the labs.
#[derive(Debug, Clone, PartialEq)]
pub struct ArrivalRates<'a> {
    per_day: f64,
    uncertainty: f64,
    shares: BTreeMap<&'a str, f64>,
    other: f64,
}

/// What the history counts of one lab.
#[derive(Debug, Clone, Copy, Default)]
struct Counts {
    contenders: f64,
    releases: f64,
}

impl<'a> ArrivalRates<'a> {
    /// The rates that the prior and the history up to `at` suggest for a board.
    #[must_use]
    pub fn of(
        board: &RankedBoard<'a>,
        history: &'a BoardHistory,
        at: DateTime<Utc>,
        params: &'a BoardWalkParams,
    ) -> Self {
        let top = board.scored().take(LABS_AMONG);
        let mut counts: BTreeMap<&str, Counts> = top
            .filter_map(|(entry, _)| Some((entry.known_organization()?, Counts::default())))
            .collect();
        let incumbent = board.winner().and_then(|winner| winner.known_organization());
        if let Some(organization) = incumbent {
            counts.entry(organization).or_default();
        }
        let unnamed = count(&mut counts, history, at, params);
        let contenders = unnamed + counts.values().map(|count| count.contenders).sum::<f64>();
        let weight = params.prior_weight;
        let exposure = exposure(history, at, params);
        let shares = shares(&counts, contenders, incumbent, params);
        let named: f64 = shares.values().sum();
        Self {
            per_day: (contenders + weight) / (exposure + weight / params.prior_rate),
            uncertainty: (contenders + weight).sqrt().recip(),
            shares,
            other: (1.0 - named).max(0.0),
        }
    }

    /// Rates that were estimated elsewhere: contenders per day by organisation, and of labs not named.
    pub(super) fn given(rates: impl Iterator<Item = (&'a str, f64)>, other: f64, per_day: f64) -> Self {
        let mut shares: BTreeMap<&str, f64> = rates.collect();
        let total = shares.values().sum::<f64>() + other;
        if total > 0.0 {
            shares.values_mut().for_each(|share| *share /= total);
        }
        Self {
            per_day,
            uncertainty: 0.0,
            shares,
            other: if total > 0.0 { other / total } else { 1.0 },
        }
    }

    /// Contenders per day, over all labs.
    #[must_use]
    pub const fn per_day(&self) -> f64 {
        self.per_day
    }

    /// The coefficient of variation of the rate: `1/√(Σ 2^(−age/H) + a)`.
    #[must_use]
    pub const fn uncertainty(&self) -> f64 {
        self.uncertainty
    }

    /// The probability that a contender is this lab's.
    #[must_use]
    pub fn share(&self, organization: &str) -> f64 {
        self.shares.get(organization).copied().unwrap_or(0.0)
    }

    /// The probability that a contender is of a lab that is not named.
    #[must_use]
    pub const fn other(&self) -> f64 {
        self.other
    }

    /// Every named lab's share, by name.
    pub fn iter(&self) -> impl Iterator<Item = (&'a str, f64)> + '_ {
        self.shares.iter().map(|(name, share)| (*name, *share))
    }
}

/// How much of something is left after some days.
fn left(days: f64, half_life: f64) -> f64 {
    (-LN_2 * days / half_life).exp()
}

/// Days that count, of `days` watched until now, each forgotten with the half-life.
fn remembered(days: f64, half_life: f64) -> f64 {
    -(-LN_2 * days / half_life).exp_m1() * half_life / LN_2
}

/// The watched time in days that count.
fn exposure(history: &BoardHistory, at: DateTime<Utc>, params: &BoardWalkParams) -> f64 {
    let half_life = params.rate_half_life;
    let prior = &params.prior;
    let since_prior = days(at.signed_duration_since(prior.as_of)).max(0.0);
    let before = remembered(prior.history_days, half_life) * left(since_prior, half_life);
    let watched = history.since().map_or(0.0, |since| {
        days(at.signed_duration_since(since.max(prior.as_of))).max(0.0)
    });
    // On its first day a history counts as a day, or the first arrival would make a rate of its own.
    (before + remembered(watched, half_life)).max(remembered(1.0, half_life))
}

/// Adds what prior and history know of each lab; returns the contenders whose lab is not known.
fn count<'a>(
    counts: &mut BTreeMap<&'a str, Counts>,
    history: &'a BoardHistory,
    at: DateTime<Utc>,
    params: &'a BoardWalkParams,
) -> f64 {
    let prior: &ArrivalPrior = &params.prior;
    let age = days(at.signed_duration_since(prior.as_of)).max(0.0);
    let still = left(age, params.rate_half_life);
    for (organization, contenders) in &prior.contenders {
        counts.entry(organization).or_default().contenders += contenders * still;
    }
    let still = left(age, params.share_half_life);
    for (organization, releases) in &prior.releases {
        counts.entry(organization).or_default().releases += releases * still;
    }
    let mut unnamed = 0.0;
    let counted = |arrival: &&Arrival| prior.as_of < arrival.at && arrival.at <= at;
    for arrival in history.arrivals().iter().filter(counted) {
        let age = days(at.signed_duration_since(arrival.at));
        let contender = if arrival.gap > params.contender_floor {
            left(age, params.rate_half_life)
        } else {
            0.0
        };
        let named = arrival
            .organization
            .as_deref()
            .filter(|name| !name.trim().is_empty());
        let Some(organization) = named else {
            unnamed += contender;
            continue;
        };
        let count = counts.entry(organization).or_default();
        count.contenders += contender;
        count.releases += left(age, params.share_half_life);
    }
    unnamed
}

fn shares<'a>(
    counts: &BTreeMap<&'a str, Counts>,
    contenders: f64,
    incumbent: Option<&str>,
    params: &BoardWalkParams,
) -> BTreeMap<&'a str, f64> {
    let weights: f64 = counts
        .values()
        .map(|count| count.releases + params.base_count)
        .sum();
    let total = contenders + params.share_weight;
    // Without a known incumbent its part goes to everybody.
    let bonus = if incumbent.is_some() {
        params.incumbent_share
    } else {
        0.0
    };
    let share = |(name, count): (&&'a str, &Counts)| {
        let base = (1.0 - params.unknown_lab) * (count.releases + params.base_count) / weights;
        let own = if total > 0.0 {
            (count.contenders + params.share_weight * base) / total
        } else {
            base
        };
        let bonus_of = if incumbent == Some(*name) { bonus } else { 0.0 };
        (*name, (1.0 - bonus) * own + bonus_of)
    };
    counts.iter().map(share).collect()
}
