//! What the estimators said last of the check that decides a contract, and what drives it.

use autotrader_domain::{BoardHash, Claim, Drivers, ForecastRecord, Why};
use autotrader_state::History;
use chrono::{DateTime, Utc};
use serde::Serialize;

use super::read;
use crate::output::or_dash;
use crate::{Failure, output};

/// What one estimator says of a contract.
#[derive(Debug, Clone, PartialEq, Serialize)]
struct Said {
    estimator: String,
    /// The probability that YES pays; `None` where it is too small to be kept by name.
    p: Option<f64>,
    /// The probability that a model wins that the board does not list.
    unlisted: f64,
}

impl Said {
    fn of(forecast: &ForecastRecord, claim: &Claim) -> Self {
        let p = match claim {
            Claim::Model { model_name, .. } => {
                let mut models = forecast.models.iter();
                models
                    .find(|chance| chance.model_name == *model_name)
                    .map(|chance| chance.p)
            }
            Claim::Organization { organization } => {
                let mut organizations = forecast.organizations.iter();
                organizations
                    .find(|chance| chance.organization == *organization)
                    .map(|chance| chance.p)
            }
        };
        Self {
            estimator: forecast.estimator.clone(),
            p,
            unlisted: forecast.unlisted,
        }
    }
}

/// The latest forecast of a contract's check.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(super) struct Outlook {
    at: DateTime<Utc>,
    check_time: DateTime<Utc>,
    rule_set: String,
    board: BoardHash,
    claim: Claim,
    /// The estimator that is traded on.
    #[serde(flatten)]
    traded: Said,
    drivers: Option<Drivers>,
    /// The other estimators.
    baselines: Vec<Said>,
}

impl Outlook {
    /// What was said last of the check of a line's contract; `None` when nothing was, or it is not known what the contract
    /// pays on.
    pub(super) fn of(history: &History, line: &Why) -> Result<Option<Self>, Failure> {
        let Some(mapping) = read(history.mapping(&line.ticker))? else {
            return Ok(None);
        };
        let (Some(claim), Some(rule_set), Some(check_time)) =
            (mapping.claim, mapping.rule_set, mapping.check_time)
        else {
            return Ok(None);
        };
        let forecasts = read(history.latest_forecasts(check_time, &rule_set))?;
        // The line names those that are not traded on.
        let is_traded = |forecast: &&ForecastRecord| !line.baselines.contains_key(&forecast.estimator);
        let Some(main) = forecasts.iter().find(is_traded).or_else(|| forecasts.first()) else {
            return Ok(None);
        };
        let others = forecasts
            .iter()
            .filter(|forecast| forecast.estimator != main.estimator);
        Ok(Some(Self {
            at: main.at,
            check_time,
            rule_set,
            board: main.board,
            traded: Said::of(main, &claim),
            drivers: main.drivers.clone(),
            baselines: others.map(|forecast| Said::of(forecast, &claim)).collect(),
            claim,
        }))
    }

    /// Prints it for people.
    pub(super) fn print(&self) {
        output::line(&format!(
            "Forecast of {} for the check of {} that {} wins, by board {}:",
            self.at.format("%Y-%m-%d %H:%M:%SZ"),
            self.check_time.format("%Y-%m-%d %H:%M:%SZ"),
            output::escape(self.claim.name()),
            self.board,
        ));
        let rows: Vec<Vec<String>> = [&self.traded]
            .into_iter()
            .chain(&self.baselines)
            .map(|said| {
                let p = said
                    .p
                    .map_or_else(|| "below 0.001".to_owned(), |p| format!("{p:.3}"));
                vec![said.estimator.clone(), p, format!("{:.3}", said.unlisted)]
            })
            .collect();
        output::table(&["estimator", "p", "unlisted"], &rows);
        if let Some(drivers) = &self.drivers {
            print_drivers(drivers);
        }
    }
}

fn print_drivers(drivers: &Drivers) {
    let gap = match (&drivers.runner_up, drivers.gap) {
        (Some(next), Some(gap)) => format!("{gap:.2} points before {next}"),
        _ => "alone".to_owned(),
    };
    output::line(&output::escape(&format!(
        "Driven by: {} leads, {gap}, with {} votes; {:.2} refreshes expected before the check (none with probability {:.3}); \
         {:.2} arrivals near the top expected, {:.4} a day, uncertain by {:.0} %.",
        drivers.leader,
        or_dash(drivers.leader_votes),
        drivers.refreshes_expected,
        drivers.no_refresh,
        drivers.arrivals_expected,
        drivers.lambda_per_day,
        100.0 * drivers.uncertainty,
    )));
}
