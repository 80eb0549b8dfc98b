//! The stored distributions of a check against who won it.

use std::collections::BTreeMap;

use autotrader_domain::{Claim, ForecastRecord};
use chrono::{DateTime, Utc};
use serde::Serialize;

use super::{Level, Span};
use crate::calibration::{Distribution, Scores};

/// What is known of who won a check: from contracts that paid a dollar.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Winner {
    /// The model.
    pub model: Option<String>,
    /// The company.
    pub organization: Option<String>,
}

impl Winner {
    /// Takes into account that a claim came true.
    pub fn came_true(&mut self, claim: &Claim) {
        match claim {
            Claim::Model {
                model_name,
                organization,
            } => {
                self.model = Some(model_name.clone());
                if self.organization.is_none() {
                    self.organization.clone_from(organization);
                }
            }
            Claim::Organization { organization } => self.organization = Some(organization.clone()),
        }
    }

    fn of(&self, level: Level) -> Option<&str> {
        match level {
            Level::Model => self.model.as_deref(),
            Level::Organization => self.organization.as_deref(),
        }
    }
}

/// One check under one rule set, with what was said of it at the beginning of each span of days before it.
#[derive(Debug, Clone, PartialEq)]
pub struct Check {
    /// When the leaderboard was checked.
    pub check_time: DateTime<Utc>,
    /// The rule set, by name.
    pub rule_set: String,
    /// Who won.
    pub winner: Winner,
    /// What every estimator said first within each span.
    pub said: Vec<(Span, ForecastRecord)>,
}

/// The scores of checks.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct CheckReport {
    /// Checks with a known winner.
    pub checks: usize,
    /// Checks of which no contract on a model paid a dollar: a model without a contract may have won.
    pub model_unknown: usize,
    /// Checks of which no contract on a company paid a dollar.
    pub org_unknown: usize,
    /// By days before the check: `n_<level>` and `<estimator>_<level>_<log_loss|brier>`.
    pub horizons: BTreeMap<Span, BTreeMap<String, f64>>,
}

/// Draws up the scores of checks; those with no known winner at all should not be among them.
#[must_use]
pub fn report(checks: &[Check]) -> CheckReport {
    let mut sums: BTreeMap<(Span, String), (f64, f64)> = BTreeMap::new();
    let mut counts: BTreeMap<(Span, Level), usize> = BTreeMap::new();
    let mut report = CheckReport {
        checks: checks.len(),
        ..CheckReport::default()
    };
    for check in checks {
        report.model_unknown += usize::from(check.winner.model.is_none());
        report.org_unknown += usize::from(check.winner.organization.is_none());
        for level in Level::ALL {
            let Some(came) = check.winner.of(level) else {
                continue;
            };
            for span in Span::all().filter(|span| check.said.iter().any(|(said, _)| said == span)) {
                *counts.entry((span, level)).or_default() += 1;
            }
            for (span, forecast) in &check.said {
                let Scores { log_loss, brier } = distribution(forecast, level).scores(came);
                for (measure, value) in [("log_loss", log_loss), ("brier", brier)] {
                    let key = format!("{}_{}_{measure}", forecast.estimator, level.word());
                    let sum = sums.entry((*span, key)).or_default();
                    *sum = (sum.0 + value, sum.1 + 1.0);
                }
            }
        }
    }
    for ((span, level), count) in counts {
        let figures = report.horizons.entry(span).or_default();
        figures.insert(format!("n_{}", level.word()), count as f64);
    }
    for ((span, key), (sum, count)) in sums {
        report.horizons.entry(span).or_default().insert(key, sum / count);
    }
    report
}

/// What a forecast says over the classes of a level; what it does not name is one class.
fn distribution(forecast: &ForecastRecord, level: Level) -> Distribution {
    let named: BTreeMap<String, f64> = match level {
        Level::Model => forecast
            .models
            .iter()
            .map(|chance| (chance.model_name.clone(), chance.p))
            .collect(),
        Level::Organization => forecast
            .organizations
            .iter()
            .map(|chance| (chance.organization.clone(), chance.p))
            .collect(),
    };
    let rest = (1.0 - named.values().sum::<f64>()).max(0.0);
    Distribution { named, rest }
}

#[cfg(test)]
mod tests {
    use super::*;
    use autotrader_domain::{BoardHash, ModelChance, OrganizationChance};
    use chrono::TimeDelta;

    fn check_time() -> DateTime<Utc> {
        "2026-12-04T15:00:00Z".parse().unwrap()
    }

    fn forecast(estimator: &str, first: f64, second: f64) -> ForecastRecord {
        let model = |name: &str, p| ModelChance {
            model_name: name.into(),
            organization: None,
            p,
        };
        ForecastRecord {
            at: check_time() - TimeDelta::hours(10),
            check_time: check_time(),
            rule_set: "v1:cascade:full".into(),
            board: BoardHash([1; 32]),
            estimator: estimator.into(),
            models: vec![model("a", first), model("b", second)],
            organizations: vec![OrganizationChance {
                organization: "A".into(),
                p: first + second,
            }],
            other: 1.0 - first - second,
            unlisted: 1.0 - first - second,
            drivers: None,
        }
    }

    fn check(winner: Winner) -> Check {
        let span = Span::of(check_time() - TimeDelta::hours(10), check_time()).unwrap();
        Check {
            check_time: check_time(),
            rule_set: "v1:cascade:full".into(),
            winner,
            said: vec![
                (span, forecast("board_walk", 0.6, 0.3)),
                (span, forecast("persistence", 0.9, 0.0)),
            ],
        }
    }

    #[test]
    fn distributions_are_scored_against_who_won() {
        let mut winner = Winner::default();
        winner.came_true(&Claim::Model {
            model_name: "b".into(),
            organization: Some("A".into()),
        });
        let report = report(&[check(winner)]);
        let (_, figures) = report.horizons.first_key_value().unwrap();
        assert!((figures["board_walk_model_log_loss"] + 0.3f64.ln()).abs() < 1e-12);
        assert!((figures["board_walk_model_brier"] - (0.36 + 0.49 + 0.01)).abs() < 1e-12);
        assert!((figures["persistence_model_log_loss"] - 1e4f64.ln()).abs() < 1e-12);
        assert!((figures["board_walk_org_log_loss"] + 0.9f64.ln()).abs() < 1e-12);
        assert!((figures["n_model"] - 1.0).abs() < 1e-12);
    }

    #[test]
    fn without_a_paid_contract_on_a_model_only_companies_are_scored() {
        let mut winner = Winner::default();
        winner.came_true(&Claim::Organization {
            organization: "New".into(),
        });
        let report = report(&[check(winner)]);
        let (_, figures) = report.horizons.first_key_value().unwrap();
        assert_eq!((report.model_unknown, report.org_unknown), (1, 0));
        assert!(!figures.contains_key("board_walk_model_log_loss"));
        assert!(
            (figures["board_walk_org_log_loss"] + 0.1f64.ln()).abs() < 1e-12,
            "of the rest"
        );
    }
}
