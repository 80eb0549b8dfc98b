//! Arguments of `export`.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::why::parse_since;
use super::{ConfigPlace, Since};

/// What to export.
#[derive(Debug, Clone, Subcommand)]
pub enum ExportCommand {
    /// The accepted boards as a series that `calibrate` reads: `[{date, src, rows: [{model, org, score, votes, lo, hi, rank_ub}]}]`;
    /// a board's day is the one on which it became current, in UTC.
    Series(ExportArgs),
    /// What past boards tell of newcomers, as `fair-value --arrivals` reads it.
    Arrivals(ExportArgs),
}

/// Arguments of one export.
#[derive(Debug, Clone, Args)]
pub struct ExportArgs {
    /// Where the configuration is.
    #[command(flatten)]
    pub place: ConfigPlace,
    /// The file to write, compressed when its name ends in `.gz` [default: standard output].
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,
    /// Only what became known since this time, or this day in New York.
    #[arg(long, value_name = "TIME", value_parser = parse_since)]
    pub since: Option<Since>,
}
