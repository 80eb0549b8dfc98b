//! The stored distributions of a check against who won it.

use std::collections::{BTreeMap, BTreeSet};

use autotrader_domain::{Claim, ForecastRecord, Price};
use chrono::{DateTime, Utc};
use serde::Serialize;

use super::{Level, Span};
use crate::calibration::{Distribution, Scores};

/// A contract of a check, and what its market paid for YES; nothing before it paid.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settled {
    /// What it pays on.
    pub claim: Claim,
    /// The last word on it.
    pub paid: Option<Price>,
}

/// Why a check is not scored at one level.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Unclear {
    /// A market has not paid yet, and none has paid a dollar.
    Unsettled,
    /// A market paid something between nothing and a dollar.
    Scalar,
    /// Markets on different names paid a dollar, or markets on one name paid differently.
    Contradiction,
}

/// One check under one rule set, with what was said of it at the beginning of each span of days before it.
#[derive(Debug, Clone, PartialEq)]
pub struct Check {
    /// When the leaderboard was checked.
    pub check_time: DateTime<Utc>,
    /// The rule set, by name.
    pub rule_set: String,
    /// Its contracts of both series.
    pub contracts: Vec<Settled>,
    /// What every estimator said first within each span.
    pub said: Vec<(Span, ForecastRecord)>,
}

impl Check {
    /// Who won among the names that have a contract; `None` inside when none of them did.
    fn winner(&self, level: Level) -> Result<Option<&str>, Unclear> {
        let of_level = || {
            self.contracts
                .iter()
                .filter(move |contract| level_of(&contract.claim) == level)
        };
        let paid = |value: Price| {
            let names = of_level().filter(move |contract| contract.paid == Some(value));
            names
                .map(|contract| contract.claim.name())
                .collect::<BTreeSet<&str>>()
        };
        if of_level().any(|contract| {
            contract
                .paid
                .is_some_and(|paid| paid != Price::ZERO && paid != Price::ONE)
        }) {
            return Err(Unclear::Scalar);
        }
        let (won, lost) = (paid(Price::ONE), paid(Price::ZERO));
        if won.len() > 1 || !won.is_disjoint(&lost) {
            return Err(Unclear::Contradiction);
        }
        match won.first() {
            Some(name) => Ok(Some(name)),
            None if of_level().all(|contract| contract.paid.is_some()) => Ok(None),
            None => Err(Unclear::Unsettled),
        }
    }

    /// What a forecast says over the names that have a contract, and of everybody else.
    fn classes(&self, forecast: &ForecastRecord, level: Level) -> Distribution {
        let said: BTreeMap<&str, f64> = match level {
            Level::Model => forecast
                .models
                .iter()
                .map(|chance| (chance.model_name.as_str(), chance.p))
                .collect(),
            Level::Organization => {
                let chances = forecast.organizations.iter();
                chances
                    .map(|chance| (chance.organization.as_str(), chance.p))
                    .collect()
            }
        };
        let contracts = self
            .contracts
            .iter()
            .filter(|contract| level_of(&contract.claim) == level);
        let named: BTreeMap<String, f64> = contracts
            .map(|contract| {
                let name = contract.claim.name();
                // A name that was not kept was all but impossible.
                (name.to_owned(), said.get(name).copied().unwrap_or(0.0))
            })
            .collect();
        let rest = (1.0 - named.values().sum::<f64>()).max(0.0);
        Distribution { named, rest }
    }
}

const fn level_of(claim: &Claim) -> Level {
    match claim {
        Claim::Model { .. } => Level::Model,
        Claim::Organization { .. } => Level::Organization,
    }
}

/// The scores of checks.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct CheckReport {
    /// Checks that are scored at one level at least.
    pub checks: usize,
    /// Checks that are not scored at a level, by `<why>_<level>`.
    pub left_out: BTreeMap<String, usize>,
    /// By days before the check: `n_<level>` and `<estimator>_<level>_<log_loss|brier>`.
    pub horizons: BTreeMap<Span, BTreeMap<String, f64>>,
}

/// Draws up the scores of checks. Everybody without a contract is one class, and wins when no contract paid.
#[must_use]
pub fn report(checks: &[Check]) -> CheckReport {
    let mut sums: BTreeMap<(Span, String), (f64, f64)> = BTreeMap::new();
    let mut counts: BTreeMap<(Span, Level), usize> = BTreeMap::new();
    let mut report = CheckReport::default();
    for check in checks {
        let mut scored = false;
        for level in Level::ALL {
            if !check
                .contracts
                .iter()
                .any(|contract| level_of(&contract.claim) == level)
            {
                continue;
            }
            let winner = match check.winner(level) {
                Ok(winner) => winner,
                Err(why) => {
                    *report.left_out.entry(key_of(why, level)).or_default() += 1;
                    continue;
                }
            };
            scored = true;
            for span in Span::all().filter(|span| check.said.iter().any(|(said, _)| said == span)) {
                *counts.entry((span, level)).or_default() += 1;
            }
            for (span, forecast) in &check.said {
                // No name is empty: it stands for everybody without a contract.
                let came = winner.unwrap_or_default();
                let Scores { log_loss, brier } = check.classes(forecast, level).scores(came);
                for (measure, value) in [("log_loss", log_loss), ("brier", brier)] {
                    let key = format!("{}_{}_{measure}", forecast.estimator, level.word());
                    let sum = sums.entry((*span, key)).or_default();
                    *sum = (sum.0 + value, sum.1 + 1.0);
                }
            }
        }
        report.checks += usize::from(scored);
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

fn key_of(why: Unclear, level: Level) -> String {
    let why = match why {
        Unclear::Unsettled => "unsettled",
        Unclear::Scalar => "scalar",
        Unclear::Contradiction => "contradiction",
    };
    format!("{why}_{}", level.word())
}

#[cfg(test)]
mod tests {
    use super::*;
    use autotrader_domain::{BoardHash, ModelChance, OrganizationChance};
    use chrono::TimeDelta;
    use rstest::rstest;

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

    fn check(paid: &[(&str, Option<&str>)], labs: &[(&str, Option<&str>)]) -> Check {
        let span = Span::of(check_time() - TimeDelta::hours(10), check_time()).unwrap();
        let price = |paid: Option<&str>| paid.map(|paid| paid.parse().unwrap());
        let models = paid.iter().map(|(name, paid)| Settled {
            claim: Claim::Model {
                model_name: (*name).into(),
                organization: None,
            },
            paid: price(*paid),
        });
        let labs = labs.iter().map(|(name, paid)| Settled {
            claim: Claim::Organization {
                organization: (*name).into(),
            },
            paid: price(*paid),
        });
        Check {
            check_time: check_time(),
            rule_set: "v1:cascade:full".into(),
            contracts: models.chain(labs).collect(),
            said: vec![
                (span, forecast("board_walk", 0.6, 0.3)),
                (span, forecast("persistence", 0.9, 0.0)),
            ],
        }
    }

    fn figures(report: &CheckReport) -> &BTreeMap<String, f64> {
        report.horizons.first_key_value().unwrap().1
    }

    #[test]
    fn distributions_are_scored_against_who_won() {
        let report = report(&[check(&[("a", Some("0")), ("b", Some("1"))], &[("A", Some("1"))])]);
        let figures = figures(&report);
        assert!((figures["board_walk_model_log_loss"] + 0.3f64.ln()).abs() < 1e-12);
        assert!((figures["board_walk_model_brier"] - (0.36 + 0.49 + 0.01)).abs() < 1e-12);
        assert!((figures["persistence_model_log_loss"] - 1e4f64.ln()).abs() < 1e-12);
        assert!((figures["board_walk_org_log_loss"] + 0.9f64.ln()).abs() < 1e-12);
        assert!((figures["n_model"] - 1.0).abs() < 1e-12);
    }

    #[test]
    fn everybody_without_a_contract_is_one_class() {
        let report = report(&[check(&[("a", Some("0"))], &[("New", Some("0"))])]);
        let figures = figures(&report);
        assert!(
            (figures["board_walk_model_log_loss"] + 0.4f64.ln()).abs() < 1e-12,
            "b and unlisted ones"
        );
        assert!(
            figures["board_walk_org_log_loss"].abs() < 1e-12,
            "everybody but the newcomer"
        );
    }

    #[rstest]
    #[case::open(&[("a", None), ("b", Some("0"))], "unsettled_model")]
    #[case::scalar(&[("a", Some("0.3")), ("b", Some("1"))], "scalar_model")]
    #[case::two_winners(&[("a", Some("1")), ("b", Some("1"))], "contradiction_model")]
    #[case::torn(&[("a", Some("1")), ("a", Some("0"))], "contradiction_model")]
    fn what_is_unclear_is_left_out_and_counted(#[case] paid: &[(&str, Option<&str>)], #[case] why: &str) {
        let report = report(&[check(paid, &[("A", Some("1"))])]);
        assert_eq!(report.left_out, BTreeMap::from([(why.to_owned(), 1)]));
        assert!(!figures(&report).contains_key("board_walk_model_log_loss"));
        assert_eq!(report.checks, 1, "companies are scored all the same");
    }

    #[test]
    fn a_paid_dollar_is_enough_to_know_the_winner() {
        let report = report(&[check(&[("a", Some("1")), ("b", None)], &[])]);
        assert_eq!((report.checks, report.left_out.len()), (1, 0));
    }
}
