//! A distribution over winners, at the level of models and of organisations.

use std::collections::{BTreeMap, BTreeSet};

use autotrader_domain::{BoardHash, Claim, Drivers, ForecastRecord, ModelChance, OrganizationChance};
use autotrader_settlement::{Entry, RuleSet};
use chrono::{DateTime, Utc};

/// A listed model's part of a forecast.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Listed<'a> {
    organization: Option<&'a str>,
    p: f64,
}

/// A distribution over winners: the models of a board and "unlisted", the organisations and "other".
///
/// Both sum to 1. Everything comes in the order of the names.
#[derive(Debug, Clone, PartialEq)]
pub struct Forecast<'a> {
    models: BTreeMap<&'a str, Listed<'a>>,
    unlisted: f64,
    unlisted_of: BTreeMap<&'a str, f64>,
    organizations: BTreeMap<&'a str, f64>,
    other: f64,
    drivers: Option<Driven<'a>>,
}

/// What drives a forecast, borrowed from the board.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Driven<'a> {
    pub(super) leader: &'a str,
    pub(super) leader_votes: Option<i64>,
    pub(super) runner_up: Option<&'a str>,
    pub(super) gap: Option<f64>,
    pub(super) refreshes_expected: f64,
    pub(super) no_refresh: f64,
    pub(super) arrivals_expected: f64,
    pub(super) lambda_per_day: f64,
    pub(super) uncertainty: f64,
}

/// A model, its organisation and its probability.
pub(super) type Line<'a> = (&'a str, Option<&'a str>, f64);

impl<'a> Forecast<'a> {
    /// A forecast whose organisations are the sums over their models plus what they have of the unlisted.
    ///
    /// The order of `models` is the order of summation: give it in an order that does not depend on the input's. What
    /// `unlisted_of` leaves of `unlisted` belongs to organisations that nobody has named.
    pub(super) fn summed(
        models: impl Iterator<Item = Line<'a>>,
        unlisted: f64,
        unlisted_of: BTreeMap<&'a str, f64>,
    ) -> Self {
        let mut organizations = unlisted_of.clone();
        let named: f64 = unlisted_of.values().sum();
        let mut other = (unlisted - named).max(0.0);
        let models = collect(models, |organization, p| match organization {
            Some(organization) => *organizations.entry(organization).or_default() += p,
            None => other += p,
        });
        Self {
            models,
            unlisted,
            unlisted_of,
            organizations,
            other,
            drivers: None,
        }
    }

    /// A forecast that says of organisations something of its own.
    ///
    /// An unlisted winner is divided in proportion to what the organisations have beyond their models.
    pub(super) fn apart(
        models: impl Iterator<Item = Line<'a>>,
        unlisted: f64,
        organizations: BTreeMap<&'a str, f64>,
        other: f64,
    ) -> Self {
        let mut beyond = organizations.clone();
        let mut nobody = other;
        let models = collect(models, |organization, p| {
            match organization.and_then(|name| beyond.get_mut(name)) {
                Some(left) => *left -= p,
                None => nobody -= p,
            }
        });
        let total = beyond
            .values()
            .fold(nobody.max(0.0), |sum, left| sum + left.max(0.0));
        let share = if total > 0.0 { unlisted / total } else { 0.0 };
        Self {
            models,
            unlisted,
            unlisted_of: beyond
                .into_iter()
                .map(|(name, left)| (name, left.max(0.0) * share))
                .collect(),
            organizations,
            other,
            drivers: None,
        }
    }

    /// The forecast that one model wins for certain.
    #[must_use]
    pub fn certain(winner: &'a Entry) -> Self {
        let line = (winner.model_name.as_str(), winner.known_organization(), 1.0);
        Self::summed(std::iter::once(line), 0.0, BTreeMap::new())
    }

    pub(super) const fn driven_by(mut self, drivers: Driven<'a>) -> Self {
        self.drivers = Some(drivers);
        self
    }

    /// The probability that a model which the board does not list wins.
    #[must_use]
    pub const fn unlisted(&self) -> f64 {
        self.unlisted
    }

    /// The probability that a model which the board does not list wins, and is of this organisation.
    #[must_use]
    pub fn unlisted_of(&self, organization: &str) -> f64 {
        self.unlisted_of.get(organization).copied().unwrap_or(0.0)
    }

    /// The probability that the winner's organisation is none of [`Forecast::organizations`].
    #[must_use]
    pub const fn other(&self) -> f64 {
        self.other
    }

    /// The models of the forecast, by name.
    pub fn models(&self) -> impl Iterator<Item = (&'a str, f64)> + '_ {
        self.models.iter().map(|(name, listed)| (*name, listed.p))
    }

    /// The models of the forecast with their organisations, by name.
    pub fn listed(&self) -> impl Iterator<Item = (&'a str, Option<&'a str>, f64)> + '_ {
        self.models
            .iter()
            .map(|(name, listed)| (*name, listed.organization, listed.p))
    }

    /// The organisations of the forecast, their share of the unlisted included, by name.
    pub fn organizations(&self) -> impl Iterator<Item = (&'a str, f64)> + '_ {
        self.organizations.iter().map(|(name, p)| (*name, *p))
    }

    /// The probability that a claim comes true; zero for a name that no forecast winner has.
    #[must_use]
    pub fn probability(&self, claim: &Claim) -> f64 {
        let p = match claim {
            Claim::Model { model_name, .. } => self.models.get(model_name.as_str()).map(|listed| listed.p),
            Claim::Organization { organization } => self.organizations.get(organization.as_str()).copied(),
        };
        // Rounding in the sums may pass one by a few units of the last place.
        p.unwrap_or(0.0).clamp(0.0, 1.0)
    }

    /// The probability that none of the claims of one event comes true.
    ///
    /// The claims must exclude each other, as those of one event do.
    #[must_use]
    pub fn nobody<'c>(&self, claims: impl Iterator<Item = &'c Claim>) -> f64 {
        let distinct: BTreeSet<&Claim> = claims.collect();
        let somebody: f64 = distinct.into_iter().map(|claim| self.probability(claim)).sum();
        (1.0 - somebody).clamp(0.0, 1.0)
    }

    /// What drives the forecast, for people; `None` where the estimator cannot say, or the check is past.
    #[must_use]
    pub fn drivers(&self) -> Option<Drivers> {
        self.drivers.map(|drivers| Drivers {
            leader: drivers.leader.to_owned(),
            runner_up: drivers.runner_up.map(str::to_owned),
            gap: drivers.gap,
            leader_votes: drivers.leader_votes,
            refreshes_expected: drivers.refreshes_expected,
            no_refresh: drivers.no_refresh,
            arrivals_expected: drivers.arrivals_expected,
            lambda_per_day: drivers.lambda_per_day,
            uncertainty: drivers.uncertainty,
        })
    }

    /// The forecast as it is kept to be scored: the most probable first, equals by name.
    #[must_use]
    pub fn record(
        &self,
        at: DateTime<Utc>,
        check_time: DateTime<Utc>,
        rules: RuleSet,
        board: BoardHash,
        estimator: &str,
    ) -> ForecastRecord {
        let mut models: Vec<ModelChance> = self
            .listed()
            .map(|(name, organization, p)| ModelChance {
                model_name: name.to_owned(),
                organization: organization.map(str::to_owned),
                p,
            })
            .collect();
        models.sort_by(|a, b| b.p.total_cmp(&a.p));
        let mut organizations: Vec<OrganizationChance> = self
            .organizations()
            .map(|(name, p)| OrganizationChance {
                organization: name.to_owned(),
                p,
            })
            .collect();
        organizations.sort_by(|a, b| b.p.total_cmp(&a.p));
        ForecastRecord {
            at,
            check_time,
            rule_set: rules.to_string(),
            board,
            estimator: estimator.to_owned(),
            models,
            organizations,
            other: self.other,
            unlisted: self.unlisted,
            drivers: self.drivers(),
        }
    }
}

/// Collects the lines of a forecast; rows of one name are one model.
fn collect<'a>(
    models: impl Iterator<Item = Line<'a>>,
    mut each: impl FnMut(Option<&'a str>, f64),
) -> BTreeMap<&'a str, Listed<'a>> {
    let mut collected: BTreeMap<&'a str, Listed<'a>> = BTreeMap::new();
    for (name, organization, p) in models {
        each(organization, p);
        collected
            .entry(name)
            .and_modify(|listed| listed.p += p)
            .or_insert(Listed { organization, p });
    }
    collected
}

/// A forecast at both ends of the uncertainty about arrivals and in between.
#[derive(Debug, Clone, PartialEq)]
pub struct Ends<'a> {
    /// With as few arrivals as can be.
    pub fewer: Forecast<'a>,
    /// With as many as estimated.
    pub central: Forecast<'a>,
    /// With as many as can be.
    pub more: Forecast<'a>,
}
