//! The closed form on plain candidates.
//!
//! Until the check the page is refreshed with `act = 1 − e^(−h/τ)`; if so, over `h′ = h/act` days each score moves by
//! `F = (1−w)·Φ(z) + w·Φ(z/s)`, `z = (x − m)/sd`, with the part of uncertainty that new votes resolve,
//! `f = r·h′/(v + r·h′)`, mean `m = s − b·se·f` and `sd² = k²·se²·f + q²·h′`. No contender arrives above `x` with
//! `A(x) = exp(−Λ·h′·(1 − Φ((x − L − μ)/σ)))`. On a lattice of scores around the leader's `L` a candidate wins at `x` when
//! it is there, those with more votes are below, the others not above, and no contender above:
//! `p(x)·Π F(x or x⁻)·A(x)`. Summed over the lattice and normalised this is who wins after a refresh; without one the
//! leader does. Of the leader's probability `1 − e^(−δ·h)` goes to a name that is not listed yet.
//!
//! Scores are measured from `L`, so the result does not depend on the scale's origin. One pass over the lattice serves
//! any number of rates. Where a distribution is flat to the last places it is not evaluated; what that leaves out is below
//! 1e-13.

use crate::fair::normal::cumulative;
use crate::params::BoardWalkParams;

/// The lattice goes from this many points below the leader … Source: the executable reference.
const BELOW: f64 = -60.0;

/// … to this many above.
const ABOVE: f64 = 90.0;

/// Beyond this many standard deviations a normal distribution is flat: what is left out is 3e-14.
const FLAT: f64 = 7.5;

/// Added to every standard deviation, so that none is zero. Source: the executable reference.
const LEAST_DEVIATION: f64 = 1e-6;

/// One model as the walk sees it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(in crate::fair) struct Candidate<'a> {
    pub(in crate::fair) name: &'a str,
    pub(in crate::fair) organization: Option<&'a str>,
    /// In rating points, at the precision of the rules.
    pub(in crate::fair) score: f64,
    pub(in crate::fair) votes: f64,
    /// Standard error of the score in rating points.
    pub(in crate::fair) error: f64,
}

/// Candidates on their way to a check.
#[derive(Debug, Clone, Copy)]
pub(in crate::fair) struct Walk<'w, 'a> {
    /// In an order that does not depend on the input's.
    pub(in crate::fair) candidates: &'w [Candidate<'a>],
    /// Who has won if nothing changes.
    pub(in crate::fair) leader: usize,
    /// Days to the check, above zero.
    pub(in crate::fair) days: f64,
    /// Step of the lattice in rating points.
    pub(in crate::fair) step: f64,
    pub(in crate::fair) params: &'w BoardWalkParams,
}

/// Who wins: together one.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::fair) struct Ending {
    /// Each candidate under its present name, in their order.
    pub(in crate::fair) candidates: Vec<f64>,
    /// A model that arrives.
    pub(in crate::fair) arrival: f64,
    /// The leader, under another name.
    pub(in crate::fair) renamed: f64,
}

/// Where a score is after a refresh, measured from the leader's.
#[derive(Debug, Clone, Copy)]
struct Revision {
    mean: f64,
    deviation: f64,
    wide_share: f64,
    wide_factor: f64,
}

impl Revision {
    fn of(candidate: &Candidate<'_>, top: f64, is_top: bool, days: f64, params: &BoardWalkParams) -> Self {
        let coming = params.votes_per_day * days;
        let resolved = if coming > 0.0 {
            coming / (candidate.votes + coming)
        } else {
            0.0
        };
        let leaders = if is_top {
            params.leader_regression_errors
        } else {
            0.0
        };
        let fall = (params.regression_errors + leaders) * candidate.error * resolved;
        let sampling = (params.revision_errors * candidate.error).powi(2) * resolved;
        let drift = params.daily_drift.powi(2) * days;
        Self {
            mean: candidate.score - top - fall,
            deviation: (sampling + drift).sqrt() + LEAST_DEVIATION,
            wide_share: params.wide_share,
            wide_factor: params.wide_factor,
        }
    }

    /// How far from its mean the distribution is not flat.
    fn reach(&self) -> f64 {
        let widest = if self.wide_share > 0.0 {
            self.wide_factor.max(1.0)
        } else {
            1.0
        };
        FLAT * widest * self.deviation
    }

    /// The probability that the score is at most `x`.
    fn at_most(&self, x: f64) -> f64 {
        let z = (x - self.mean) / self.deviation;
        (1.0 - self.wide_share) * unless_flat(z) + self.wide_share * unless_flat(z / self.wide_factor)
    }
}

/// The normal distribution, evaluated where it is not flat.
fn unless_flat(z: f64) -> f64 {
    if z > FLAT {
        1.0
    } else if z < -FLAT {
        0.0
    } else {
        cumulative(z)
    }
}

/// A candidate on the lattice.
#[derive(Debug)]
struct Runner<const N: usize> {
    place: usize,
    revision: Revision,
    /// Whether the one before has more votes.
    fewer_votes: bool,
    /// The probability of being strictly below the lattice point, and of being at most there.
    below: f64,
    upto: f64,
    /// The probability that all after this one are at most at the lattice point.
    rest: f64,
    /// The probability of winning so far, for each rate.
    wins: [f64; N],
}

/// Contenders on the lattice.
#[derive(Debug)]
struct Contenders<const N: usize> {
    /// Expected number of contenders until the check.
    expected: [f64; N],
    /// The probability that none is above the lattice point, and above the one before.
    none_above: [f64; N],
    none_above_last: [f64; N],
    wins: [f64; N],
}

impl<const N: usize> Contenders<N> {
    fn at(expected: [f64; N], edge: f64, params: &BoardWalkParams) -> Self {
        let none_above = none_above(&expected, edge, params);
        Self {
            expected,
            none_above,
            none_above_last: none_above,
            wins: [0.0; N],
        }
    }

    fn move_to(&mut self, edge: f64, params: &BoardWalkParams) {
        self.none_above_last = self.none_above;
        self.none_above = none_above(&self.expected, edge, params);
    }

    /// The highest contender is at the lattice point and everyone else strictly below.
    fn win(&mut self, all_below: f64) {
        let ends = self.none_above.iter().zip(&self.none_above_last);
        for (wins, (now, last)) in self.wins.iter_mut().zip(ends) {
            *wins += (now - last) * all_below;
        }
    }
}

fn none_above<const N: usize>(expected: &[f64; N], edge: f64, params: &BoardWalkParams) -> [f64; N] {
    let above = cumulative((params.debut_mean - edge) / params.debut_deviation);
    expected.map(|expected| (-expected * above).exp())
}

impl Walk<'_, '_> {
    /// Who wins, for each rate of contenders per day; `None` when the numbers leave nobody on the lattice.
    pub(in crate::fair) fn endings<const N: usize>(&self, per_day: [f64; N]) -> Option<[Ending; N]> {
        let params = self.params;
        let unrefreshed = (-self.days / params.refresh_days).exp();
        let refreshed = -(-self.days / params.refresh_days).exp_m1();
        let days = self.days / refreshed;
        let mut runners = self.runners::<N>(days);
        let (first, last, count) = self.lattice(&runners);
        let edge = |index: u32| BELOW + (f64::from(index) - 0.5) * self.step;
        let mut contenders = Contenders::at(per_day.map(|rate| rate * days), edge(first), params);
        for runner in &mut runners {
            runner.upto = runner.revision.at_most(edge(first));
        }
        for index in first..last {
            contenders.move_to(edge(index + 1), params);
            pass(&mut runners, &mut contenders, edge(index + 1));
        }
        if last < count {
            // Everyone is below: only contenders are left, and their sum telescopes.
            contenders.move_to(edge(count), params);
            contenders.win(1.0);
        }
        runners.sort_by_key(|runner| runner.place);
        let renamed = -(-params.identity_hazard * self.days).exp_m1();
        let mut endings = Vec::with_capacity(N);
        for (rate, arrival) in contenders.wins.into_iter().enumerate() {
            let wins: Vec<f64> = runners
                .iter()
                .filter_map(|runner| runner.wins.get(rate).copied())
                .collect();
            endings.push(self.ending(wins, arrival, [unrefreshed, refreshed], renamed)?);
        }
        endings.try_into().ok()
    }

    /// The candidates, the one with the most votes first.
    fn runners<const N: usize>(&self, days: f64) -> Vec<Runner<N>> {
        let scores = self.candidates.iter().map(|candidate| candidate.score);
        let top = scores.fold(f64::NEG_INFINITY, f64::max);
        let is_top = |candidate: &Candidate<'_>| candidate.score.total_cmp(&top).is_eq();
        let first = self.candidates.iter().position(is_top);
        let mut order: Vec<(usize, &Candidate<'_>)> = self.candidates.iter().enumerate().collect();
        order.sort_by(|(_, a), (_, b)| b.votes.total_cmp(&a.votes));
        let mut before = f64::NEG_INFINITY;
        let runner = |(place, candidate): (usize, &Candidate<'_>)| Runner {
            place,
            revision: Revision::of(candidate, top, first == Some(place), days, self.params),
            fewer_votes: candidate.votes < std::mem::replace(&mut before, candidate.votes),
            below: 0.0,
            upto: 0.0,
            rest: 1.0,
            wins: [0.0; N],
        };
        order.into_iter().map(runner).collect()
    }

    /// The lattice points to go over, from one to before another, and how many the whole lattice has.
    ///
    /// Below the first somebody is certain to be above; from the last on nobody is.
    fn lattice<const N: usize>(&self, runners: &[Runner<N>]) -> (u32, u32, u32) {
        let (mut lowest, mut highest) = (BELOW, BELOW);
        for Runner { revision, .. } in runners {
            lowest = lowest.max(revision.mean - revision.reach());
            highest = highest.max(revision.mean + revision.reach());
        }
        let point = |score: f64| (score - BELOW) / self.step + 0.5;
        let count = whole(((ABOVE - BELOW) / self.step - 1e-9).ceil() + 1.0);
        let first = whole(point(lowest).floor()).min(count);
        let last = whole(point(highest).ceil()).clamp(first, count);
        (first, last, count)
    }

    /// What a rate's share of a pass comes to; `None` when nobody is on the lattice.
    fn ending(
        &self,
        mut wins: Vec<f64>,
        arrival: f64,
        [unrefreshed, refreshed]: [f64; 2],
        renamed: f64,
    ) -> Option<Ending> {
        let total = wins.iter().sum::<f64>() + arrival;
        if !(total > 0.0 && total.is_finite()) {
            return None;
        }
        wins.iter_mut().for_each(|p| *p *= refreshed / total);
        let leader = wins.get_mut(self.leader)?;
        *leader += unrefreshed;
        let renamed = *leader * renamed;
        *leader -= renamed;
        Some(Ending {
            candidates: wins,
            arrival: refreshed * arrival / total,
            renamed,
        })
    }
}

/// One lattice point, whose upper edge is given: who wins there.
fn pass<const N: usize>(runners: &mut [Runner<N>], contenders: &mut Contenders<N>, edge: f64) {
    let mut rest = 1.0;
    for runner in runners.iter_mut().rev() {
        runner.below = runner.upto;
        runner.upto = runner.revision.at_most(edge);
        runner.rest = rest;
        rest *= runner.upto;
    }
    // Those with more votes must be strictly below, equals in votes only not above.
    let (mut more_votes, mut equals, mut equals_below) = (1.0, 1.0, 1.0);
    for runner in runners.iter_mut() {
        if runner.fewer_votes {
            more_votes *= equals_below;
            (equals, equals_below) = (1.0, 1.0);
        }
        let here = (runner.upto - runner.below) * more_votes * equals * runner.rest;
        for (wins, none_above) in runner.wins.iter_mut().zip(&contenders.none_above) {
            *wins += here * none_above;
        }
        equals *= runner.upto;
        equals_below *= runner.below;
    }
    contenders.win(more_votes * equals_below);
}

/// A number of lattice points; a number that is none counts as none.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "the cast saturates, and callers bound the result"
)]
const fn whole(points: f64) -> u32 {
    points as u32
}
