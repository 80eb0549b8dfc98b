//! The probabilities of one forecast, in the order in which they are printed.

use autotrader_domain::{ModelChance, OrganizationChance};
use serde::Serialize;

/// The name under which labs go that the board does not list.
pub(crate) const OTHER: &str = "other";

/// A distribution over winners: once by model, once by organisation; each sums to one.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct Figures {
    /// The board's models, most probable first.
    pub(crate) models: Vec<ModelChance>,
    /// A model that the board does not list.
    pub(crate) unlisted: f64,
    /// The organisations, most probable first; the last is [`OTHER`].
    pub(crate) organizations: Vec<OrganizationChance>,
    /// An organisation that the board does not list, or one that it does not name.
    pub(crate) other: f64,
    /// What models and unlisted sum to.
    pub(crate) sum: f64,
}

impl Figures {
    /// Sorts what a forecast says; equal probabilities go by name, so that the order of the input is of no account.
    pub(crate) fn new(
        mut models: Vec<ModelChance>,
        unlisted: f64,
        mut organizations: Vec<OrganizationChance>,
        other: f64,
    ) -> Self {
        models.sort_by(|a, b| b.p.total_cmp(&a.p).then_with(|| a.model_name.cmp(&b.model_name)));
        organizations.sort_by(|a, b| {
            b.p.total_cmp(&a.p)
                .then_with(|| a.organization.cmp(&b.organization))
        });
        let sum = models.iter().map(|model| model.p).sum::<f64>() + unlisted;
        organizations.push(OrganizationChance {
            organization: OTHER.to_owned(),
            p: other,
        });
        Self {
            models,
            unlisted,
            organizations,
            other,
            sum,
        }
    }

    /// The most probable `count` of each kind.
    pub(crate) fn top(mut self, count: usize) -> Self {
        self.models.truncate(count);
        let labs = self.organizations.len();
        if labs > count + 1 {
            self.organizations.drain(count..labs - 1);
        }
        self
    }

    /// What a model's chance is here.
    pub(crate) fn model(&self, name: &str) -> f64 {
        let found = self.models.iter().find(|model| model.model_name == name);
        found.map_or(0.0, |model| model.p)
    }

    /// What an organisation's chance is here.
    pub(crate) fn organization(&self, name: &str) -> f64 {
        let found = self.organizations.iter().find(|lab| lab.organization == name);
        found.map_or(0.0, |lab| lab.p)
    }
}
