//! What an estimator said of a check, kept to be scored, and prices of an event that contradict each other.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::{BoardHash, Contracts, EventTicker, Money};

/// The probability that one model wins.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ModelChance {
    /// The model.
    pub model_name: String,
    /// Its owner.
    pub organization: Option<String>,
    /// The probability.
    pub p: f64,
}

/// The probability that a model of one organisation wins.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct OrganizationChance {
    /// The organisation.
    pub organization: String,
    /// The probability, its share of unlisted models included.
    pub p: f64,
}

/// What drives a forecast, for people.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Drivers {
    /// Who leads now.
    pub leader: String,
    /// Who is next by score.
    pub runner_up: Option<String>,
    /// Score of the leader less that of the next, in rating points; `None` without a next.
    pub gap: Option<f64>,
    /// Votes of the leader; `None` when the board does not say.
    pub leader_votes: Option<i64>,
    /// Expected number of refreshes of the board before the check.
    pub refreshes_expected: f64,
    /// Probability that the board is not refreshed before the check.
    pub no_refresh: f64,
    /// Expected number of arrivals near the top before the check.
    pub arrivals_expected: f64,
    /// Arrivals near the top per day.
    pub lambda_per_day: f64,
    /// Relative uncertainty of that rate: its coefficient of variation.
    pub uncertainty: f64,
}

/// What one estimator said of one check.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ForecastRecord {
    /// When it was said.
    pub at: DateTime<Utc>,
    /// When the leaderboard is checked.
    pub check_time: DateTime<Utc>,
    /// The rule set, by name.
    pub rule_set: String,
    /// The board it was said on.
    pub board: BoardHash,
    /// The estimator's stable name.
    pub estimator: String,
    /// The listed models, the most probable first.
    pub models: Vec<ModelChance>,
    /// The organisations, the most probable first.
    pub organizations: Vec<OrganizationChance>,
    /// The probability that an organisation wins that is not named.
    pub other: f64,
    /// The probability that a model wins that the board does not list.
    pub unlisted: f64,
    /// What drives it, where the estimator can say.
    pub drivers: Option<Drivers>,
}

impl ForecastRecord {
    /// The probability of listed models that are not named: of those too improbable to be kept.
    #[must_use]
    pub fn unnamed_models(&self) -> f64 {
        let named: f64 = self.models.iter().map(|chance| chance.p).sum();
        (1.0 - named - self.unlisted).max(0.0)
    }

    /// The probability of organisations that are neither named nor counted as others.
    #[must_use]
    pub fn unnamed_organizations(&self) -> f64 {
        let named: f64 = self.organizations.iter().map(|chance| chance.p).sum();
        (1.0 - named - self.other).max(0.0)
    }

    /// Whether every figure that should be a probability is one.
    #[must_use]
    pub fn is_sound(&self) -> bool {
        let models = self.models.iter().map(|chance| chance.p);
        let organizations = self.organizations.iter().map(|chance| chance.p);
        models
            .chain(organizations)
            .chain([self.other, self.unlisted])
            // Sums of a thousand terms may exceed one by their rounding.
            .all(|p| (0.0..=1.0 + 1e-9).contains(&p))
    }
}

/// How prices of contracts contradict each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CoherenceKind {
    /// The bids of a mutually exclusive event sum to more than a dollar: sell one of each.
    BidsAboveOne,
    /// An organisation is cheaper than its listed models together: buy it, sell them. Nothing can be lost.
    OrganizationUnderItsModels,
    /// An organisation is dearer than its listed models together: sell it, buy them. An unlisted model of it costs a dollar.
    ModelsUnderTheirOrganization,
}

/// Prices that contradict each other: shown, not traded.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CoherenceFinding {
    /// How.
    pub kind: CoherenceKind,
    /// The event; across series that of the organisation's contract.
    pub event: EventTicker,
    /// The organisation, across series.
    pub organization: Option<String>,
    /// How many sets the best prices have depth for.
    pub sets: Contracts,
    /// Dollars a set before fees.
    pub gross: f64,
    /// Dollars a set after fees, and after the risk of an unlisted model where there is one.
    pub net: f64,
    /// What a set costs, given back at settlement.
    pub capital: Money,
}
