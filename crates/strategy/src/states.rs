//! The states of the world at a check, and how probable each is.
//!
//! A state is a winner as the contracts tell winners apart: each model that some contract names, another model of each
//! organisation, and a model of an organisation that no contract names. The estimator's forecast says how probable they are;
//! then they are tilted, by iterative proportional fitting (Deming and Stephan 1940), until each contract has the probability
//! that is traded on. Of all distributions with these margins that is the one nearest to the forecast.

use autotrader_domain::{Claim, Outcome};

use crate::fair::Forecast;

/// Rounds of fitting: enough for margins that fit together, and where they do not the last ones fitted hold.
const ROUNDS: usize = 40;

/// A margin is kept this far from certainty, so that no state is ruled out for good.
const CLIP: f64 = 1e-6;

/// The states that the contracts of a check tell apart, with their probabilities.
#[derive(Debug, Clone, PartialEq)]
pub struct WinnerStates {
    outcomes: Vec<Outcome>,
    probabilities: Vec<f64>,
}

impl WinnerStates {
    /// The states that some claims tell apart, as probable as a forecast says.
    #[must_use]
    pub fn of<'c>(claims: impl Iterator<Item = &'c Claim> + Clone, forecast: &Forecast<'_>) -> Self {
        let outcomes = Outcome::all(claims);
        let mut probabilities: Vec<f64> = outcomes.iter().map(|outcome| direct(outcome, forecast)).collect();
        // A model that a contract names is taken out of what its organisation has besides.
        for (index, outcome) in outcomes.iter().enumerate() {
            if outcome.model_name.is_some() {
                continue;
            }
            let named: f64 = outcomes
                .iter()
                .zip(&probabilities)
                .filter(|(other, _)| other.model_name.is_some() && other.organization == outcome.organization)
                .map(|(_, p)| p)
                .sum();
            if outcome.organization.is_some()
                && let Some(p) = probabilities.get_mut(index)
            {
                *p = (*p - named).max(0.0);
            }
        }
        let mut states = Self {
            outcomes,
            probabilities,
        };
        states.leave_the_rest_to_nobody();
        states
    }

    /// What no contract names gets what is left to one.
    fn leave_the_rest_to_nobody(&mut self) {
        let nobody = |outcome: &Outcome| outcome.model_name.is_none() && outcome.organization.is_none();
        let named: f64 = self
            .outcomes
            .iter()
            .zip(&self.probabilities)
            .filter(|(outcome, _)| !nobody(outcome))
            .map(|(_, p)| p)
            .sum();
        for (outcome, p) in self.outcomes.iter().zip(&mut self.probabilities) {
            if nobody(outcome) {
                *p = (1.0 - named).max(0.0);
            }
        }
        let total: f64 = self.probabilities.iter().sum();
        if total > 0.0 {
            for p in &mut self.probabilities {
                *p /= total;
            }
        }
    }

    /// Tilts the states until each claim has its probability; the later ones win where they do not fit together.
    pub fn fit(&mut self, margins: &[(&Claim, f64)]) {
        for _ in 0..ROUNDS {
            for (claim, wanted) in margins {
                self.tilt(claim, wanted.clamp(CLIP, 1.0 - CLIP));
            }
        }
    }

    fn tilt(&mut self, claim: &Claim, wanted: f64) {
        let now = self.margin(claim);
        // What cannot come, or cannot fail, cannot be tilted.
        if now <= 0.0 || now >= 1.0 {
            return;
        }
        for (outcome, p) in self.outcomes.iter().zip(&mut self.probabilities) {
            *p *= if claim.pays(outcome) {
                wanted / now
            } else {
                (1.0 - wanted) / (1.0 - now)
            };
        }
    }

    /// The probability of a claim.
    #[must_use]
    pub fn margin(&self, claim: &Claim) -> f64 {
        let states = self.outcomes.iter().zip(&self.probabilities);
        states
            .filter(|(outcome, _)| claim.pays(outcome))
            .map(|(_, p)| p)
            .sum()
    }

    /// The probability of each state.
    #[must_use]
    pub fn probabilities(&self) -> &[f64] {
        &self.probabilities
    }

    /// What one contract of YES on a claim pays in each state, in dollars.
    pub fn payoffs<'s>(&'s self, claim: &'s Claim) -> impl Iterator<Item = f64> + 's {
        self.outcomes
            .iter()
            .map(|outcome| f64::from(u8::from(claim.pays(outcome))))
    }
}

/// What a forecast says of a state, models of an organisation that are named elsewhere still among it.
fn direct(outcome: &Outcome, forecast: &Forecast<'_>) -> f64 {
    let claim = match (&outcome.model_name, &outcome.organization) {
        (Some(model_name), organization) => Claim::Model {
            model_name: model_name.clone(),
            organization: organization.clone(),
        },
        (None, Some(organization)) => Claim::Organization {
            organization: organization.clone(),
        },
        (None, None) => return 0.0,
    };
    forecast.probability(&claim)
}
