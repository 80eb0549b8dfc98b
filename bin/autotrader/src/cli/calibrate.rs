//! Arguments of `calibrate`.

use std::path::PathBuf;

use chrono::NaiveDate;
use clap::Args;

use super::why::parse_since;
use super::{ConfigPlace, Since};

/// The furthest that is asked, in days: ten years.
const FURTHEST: i64 = 3_660;

/// Arguments of `calibrate`.
#[derive(Debug, Clone, Args)]
pub struct CalibrateArgs {
    /// A JSON array of boards `{date, src, rows: [{model, org, score, votes, lo, hi, rank_ub}]}`, oldest first, plain or
    /// gzip; `-` for standard input.
    #[arg(required_unless_present = "live")]
    pub series: Option<PathBuf>,
    /// Score what the program itself said while it ran, against what markets paid, beside the market's prices.
    #[arg(long, conflicts_with_all = ["series", "from", "to", "tick", "horizons", "params", "html"])]
    pub live: bool,
    /// With `--live`: only what was said since this time, or this day in New York.
    #[arg(long, value_name = "TIME", value_parser = parse_since, requires = "live",
          conflicts_with = "series")]
    pub since: Option<Since>,
    /// With `--live`: where the configuration is.
    #[command(flatten)]
    pub place: ConfigPlace,
    /// The first day that is forecast from [default: that of the first board].
    #[arg(long, value_name = "DAY")]
    pub from: Option<NaiveDate>,
    /// The last day that is forecast from [default: that of the last board]; its outcome must lie within the series.
    #[arg(long, value_name = "DAY")]
    pub to: Option<NaiveDate>,
    /// Step of the grid of scores in points [default: that of the parameters].
    #[arg(long, value_name = "POINTS")]
    pub tick: Option<f64>,
    /// How many days ahead, separated by commas.
    #[arg(long, value_name = "DAYS", value_delimiter = ',', default_value = "1,3,7,14,30,60",
          value_parser = clap::value_parser!(u32).range(1..=FURTHEST))]
    pub horizons: Vec<u32>,
    /// Parameters of the board walk: `evaluated` (chosen on boards until June 2025 alone), `deployment` (the start values of
    /// trading), or a JSON file with some or all of them.
    #[arg(long, value_name = "FILE|NAME", default_value = "evaluated")]
    pub params: String,
    /// Print JSON.
    #[arg(long)]
    pub json: bool,
    /// Write a page with tables and charts into this file; it needs no other file and no network.
    #[arg(long, value_name = "FILE")]
    pub html: Option<PathBuf>,
}
