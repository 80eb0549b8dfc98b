//! Which parameters price: the configured ones, a named set, or a file.

use std::path::Path;

use autotrader_strategy::params::BoardWalkParams;
use autotrader_strategy::{EstimatorKind, Params};
use serde_json::Value;

use crate::cli::ParamsArgs;
use crate::commands::input;
use crate::{Failure, wiring};

/// Parameters, and where they are from.
#[derive(Debug, Clone)]
pub(crate) struct Chosen {
    /// For people.
    pub(crate) from: String,
    /// The parameters.
    pub(crate) params: Params,
}

/// The parameters that the arguments name; without `--params` the configured ones.
///
/// # Errors
/// [`Failure`] with exit code 2 when the named ones cannot be used, with exit code 1 when the configuration cannot.
pub(crate) fn choose(args: &ParamsArgs) -> Result<Chosen, Failure> {
    match args.params.as_deref() {
        None => Ok(Chosen {
            from: "the configuration".to_owned(),
            params: wiring::strategy_params(&wiring::load_config(&args.place)?.config)?,
        }),
        // Named parameters give the same answer everywhere, whatever is configured.
        Some(name) => Ok(Chosen {
            from: name.to_owned(),
            params: Params {
                board_walk: named(name)?,
                ..Params::default()
            },
        }),
    }
}

/// The board walk's parameters that `--params` names: `evaluated`, `deployment` or a file.
///
/// # Errors
/// [`Failure`] with exit code 2 that names the file and what in it cannot be used.
pub(crate) fn named(name: &str) -> Result<BoardWalkParams, Failure> {
    match name {
        "deployment" => Ok(BoardWalkParams::default()),
        "evaluated" => Ok(BoardWalkParams::evaluated()),
        file => from_file(Path::new(file)),
    }
}

fn from_file(path: &Path) -> Result<BoardWalkParams, Failure> {
    let bytes = input::read_as(path, "a file of parameters")?;
    let wrong = |detail: String| Failure::usage(format!("{}: {detail}.", path.display()));
    let value: Value = serde_json::from_slice(&bytes).map_err(|error| wrong(format!("not JSON: {error}")))?;
    read(value).map_err(wrong)
}

/// Parameters from JSON: by themselves, or under the key `params` of a larger document.
///
/// # Errors
/// What cannot be used, without a full stop.
pub(crate) fn read(mut value: Value) -> Result<BoardWalkParams, String> {
    let own = match value.get_mut("params") {
        Some(inner) if inner.is_object() => inner.take(),
        _ => value,
    };
    if !own.is_object() {
        return Err("parameters: not an object of names and numbers".to_owned());
    }
    let params: BoardWalkParams =
        serde_json::from_value(own).map_err(|error| format!("parameters: {error}"))?;
    params.validate().map_err(|error| error.to_string())?;
    Ok(params)
}

/// The estimator of a name.
///
/// # Errors
/// [`Failure`] with exit code 2 that lists the names.
pub(crate) fn estimator(name: &str) -> Result<EstimatorKind, Failure> {
    wiring::estimator(name).map_err(|detail| Failure::usage(format!("--estimator: {detail}.")))
}
