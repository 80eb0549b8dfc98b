//! `fair-value --case`: what the closed form makes of candidates and rates that are given.

use std::path::Path;
use std::process::ExitCode;

use autotrader_domain::Drivers;
use autotrader_strategy::fair::case::Case;
use autotrader_strategy::params::BoardWalkParams;
use serde::Serialize;
use serde_json::{Value, json};

use super::figures::Figures;
use super::{figures, params, print};
use crate::cli::FairValueArgs;
use crate::commands::input;
use crate::{Failure, output};

/// The only estimator that a case has figures for.
const ESTIMATOR: &str = "board_walk";

/// A case, priced.
#[derive(Debug, Serialize)]
struct Answer {
    date: Option<String>,
    horizon_days: f64,
    estimator: &'static str,
    #[serde(flatten)]
    figures: Figures,
    lambda_per_day: f64,
    drivers: Option<Drivers>,
    params_from: String,
    params: BoardWalkParams,
}

/// Prices one case, or every case of a document.
///
/// # Errors
/// [`Failure`] with exit code 2 when the file or a figure in it cannot be used.
pub(super) fn case(path: &Path, args: &FairValueArgs) -> Result<ExitCode, Failure> {
    check_arguments(args)?;
    let bytes = input::read_as(path, "a case")?;
    let wrong = |detail: String| Failure::usage(format!("{}: {detail}.", path.display()));
    let value: Value = serde_json::from_slice(&bytes).map_err(|error| wrong(format!("not JSON: {error}")))?;
    let answers = match value.get("cases") {
        None => vec![priced(&value, &parameters(args, &[&value], &wrong)?).map_err(wrong)?],
        Some(Value::Array(cases)) if cases.is_empty() => {
            return Err(wrong("`cases` holds no case".to_owned()));
        }
        Some(Value::Array(cases)) => {
            let each = cases.iter().enumerate().map(|(index, case)| {
                let parameters = parameters(args, &[case, &value], &wrong)?;
                priced(case, &parameters).map_err(|detail| wrong(format!("case {}: {detail}", index + 1)))
            });
            each.collect::<Result<Vec<Answer>, Failure>>()?
        }
        Some(_) => return Err(wrong("`cases` is not a list".to_owned())),
    };
    match answers.as_slice() {
        [only] if args.json && value.get("cases").is_none() => output::json(only)?,
        all if args.json => output::json(&json!({ "cases": all }))?,
        all => all.iter().for_each(show),
    }
    Ok(ExitCode::SUCCESS)
}

fn check_arguments(args: &FairValueArgs) -> Result<(), Failure> {
    let given = [
        ("--close", args.close.is_some()),
        ("--at", args.at.is_some()),
        ("--arrivals", args.arrivals.is_some()),
        ("--estimator", args.estimator != ESTIMATOR),
    ];
    match given.into_iter().find(|(_, given)| *given) {
        Some((flag, _)) => Err(Failure::usage(format!(
            "--case: a case is priced by {ESTIMATOR} with the horizon and the rates in it; leave {flag} out."
        ))),
        None => Ok(()),
    }
}

/// The parameters of a case: those that the arguments name, its own, its document's, or the configured ones.
fn parameters(
    args: &FairValueArgs,
    documents: &[&Value],
    wrong: &impl Fn(String) -> Failure,
) -> Result<(String, BoardWalkParams), Failure> {
    let own = documents
        .iter()
        .find_map(|document| document.get("params").filter(|params| !params.is_null()));
    match own {
        Some(own) if args.params.params.is_none() => {
            Ok(("the case".to_owned(), params::read(own.clone()).map_err(wrong)?))
        }
        _ => {
            let chosen = params::choose(&args.params)?;
            Ok((chosen.from, chosen.params.board_walk))
        }
    }
}

fn priced(value: &Value, (from, params): &(String, BoardWalkParams)) -> Result<Answer, String> {
    let mut own = value.clone();
    if let Some(members) = own.as_object_mut() {
        // They are read apart, because a document may give them for all its cases.
        members.remove("params");
    }
    let case: Case = serde_json::from_value(own).map_err(|error| error.to_string())?;
    let forecast = case.price_with(params).map_err(|error| error.to_string())?;
    Ok(Answer {
        horizon_days: case.h_days,
        estimator: ESTIMATOR,
        figures: figures(&forecast),
        lambda_per_day: case.lambda_per_day,
        drivers: forecast.drivers(),
        params_from: from.clone(),
        params: params.clone(),
        date: case.date.clone(),
    })
}

fn show(answer: &Answer) {
    output::line(&output::escape(&format!(
        "{}Priced over {:.2} days by {ESTIMATOR} with parameters from {}, {:.4} arrivals a day.",
        answer
            .date
            .as_ref()
            .map_or_else(String::new, |date| format!("{date}: ")),
        answer.horizon_days,
        answer.params_from,
        answer.lambda_per_day,
    )));
    print::figures(&answer.figures, &[]);
    if let Some(drivers) = &answer.drivers {
        print::drivers(drivers, answer.figures.unlisted);
    }
}
