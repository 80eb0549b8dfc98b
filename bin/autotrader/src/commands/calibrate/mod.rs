//! `calibrate`: how good each estimator would have been on a series of boards, or was while the program ran.

mod live;
mod print;

use std::path::Path;
use std::process::ExitCode;

use autotrader_backtest::calibration::{self, Report, Settings};
use autotrader_backtest::series::{MAX_BYTES, Series};
use autotrader_strategy::params::{ArrivalPrior, BoardWalkParams};
use indicatif::ProgressBar;
use serde::Serialize;

use crate::cli::CalibrateArgs;
use crate::commands::fair_value::params;
use crate::commands::input;
use crate::{Failure, output};

/// What a run over one series says.
#[derive(Debug, Serialize)]
struct Answer {
    /// The file, without its place.
    series: String,
    /// Step of the grid of scores, in points.
    tick: f64,
    /// What `--params` named.
    params_from: String,
    params: BoardWalkParams,
    #[serde(flatten)]
    report: Report,
}

/// Scores the estimators on a series and prints the figures.
///
/// # Errors
/// [`Failure`] with exit code 2 when the series, the parameters or the days cannot be used, with exit code 1 when the page
/// cannot be written or the database cannot be read.
pub(crate) fn calibrate(args: &CalibrateArgs) -> Result<ExitCode, Failure> {
    let Some(series) = &args.series else {
        return live::calibrate(args);
    };
    let answer = scored(series, args)?;
    for skipped in &answer.report.skipped {
        note(&format!(
            "{} days ahead: left out, {} days to forecast from instead of {} or more",
            skipped.horizon, skipped.n, skipped.needed
        ));
    }
    if let Some(path) = &args.html {
        write_page(path, &answer)?;
    }
    if args.json {
        output::json(&answer)?;
    } else {
        print::report(&answer);
    }
    Ok(ExitCode::SUCCESS)
}

fn scored(path: &Path, args: &CalibrateArgs) -> Result<Answer, Failure> {
    let bytes = input::read_up_to(path, "a series of boards", MAX_BYTES)?;
    let series =
        Series::read(&bytes).map_err(|error| Failure::usage(format!("{}: {error}.", path.display())))?;
    let params = parameters(args)?;
    let (first, last) = series.span();
    let mut horizons = args.horizons.clone();
    horizons.sort_unstable();
    horizons.dedup();
    let settings = Settings {
        from: args.from.unwrap_or(first),
        to: args.to.unwrap_or(last),
        horizons,
        params: params.clone(),
    };
    // Hidden where standard error is no terminal.
    let bar = ProgressBar::new(0);
    let run = calibration::run(&series, &settings, &mut |progress| {
        bar.set_length(progress.total);
        bar.set_position(progress.done);
    })
    .map_err(|error| Failure::usage(format!("{}: {error}.", path.display())))?;
    bar.finish_and_clear();
    let name = path.file_name().unwrap_or(path.as_os_str());
    Ok(Answer {
        series: name.to_string_lossy().into_owned(),
        tick: params.score_step,
        params_from: args.params.clone(),
        params,
        report: calibration::report(&run, settings.from, settings.to),
    })
}

/// The parameters in force: a forecast on a series learns its arrivals from the series alone.
fn parameters(args: &CalibrateArgs) -> Result<BoardWalkParams, Failure> {
    let named = params::named(&args.params)?;
    let params = BoardWalkParams {
        score_step: args.tick.unwrap_or(named.score_step),
        prior: ArrivalPrior::none(),
        ..named
    };
    params
        .validate()
        .map_err(|error| Failure::usage(format!("--tick: {error}.")))?;
    Ok(params)
}

fn write_page(path: &Path, answer: &Answer) -> Result<(), Failure> {
    let title = format!("Calibration on {}", answer.series);
    let page = calibration::page(&answer.report, &title)
        .map_err(|error| Failure::failed(format!("{}: {error}.", path.display())))?;
    output::file(path, &page)
}

/// A remark that is part of no report.
#[expect(clippy::print_stderr, reason = "standard output is for the report")]
fn note(text: &str) {
    eprintln!("{text}");
}
