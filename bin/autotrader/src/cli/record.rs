//! Arguments of `journal`, `replay` and `report`.

use std::path::PathBuf;

use chrono::{DateTime, Utc};
use clap::{Args, Subcommand};

/// What to do with a journal.
#[derive(Debug, Clone, Subcommand)]
pub enum JournalCommand {
    /// Its segments: from when, how many steps, how large.
    List(JournalArgs),
    /// Check every byte: segments, heads, and the chain over all steps; ends with 1 at the first thing that is wrong.
    Verify(JournalArgs),
    /// Every step as one JSON object a line.
    Export(JournalArgs),
}

/// Which journal.
#[derive(Debug, Clone, Args)]
pub struct JournalArgs {
    /// The journal's directory, or one segment of it.
    pub path: PathBuf,
    /// Print JSON.
    #[arg(long)]
    pub json: bool,
}

/// Arguments of `replay`.
#[derive(Debug, Clone, Args)]
pub struct ReplayArgs {
    /// The journal's directory, or one segment of it.
    pub path: PathBuf,
    /// Also hold the state at the start of every segment against the replayed one.
    #[arg(long, conflicts_with = "what_if")]
    pub verify: bool,
    /// Only from this time on: the replay starts with the last segment that begins before it.
    #[arg(long, value_name = "TIME")]
    pub from: Option<DateTime<Utc>>,
    /// Only until this time.
    #[arg(long, value_name = "TIME")]
    pub to: Option<DateTime<Utc>>,
    /// Decide with the strategy and the limits of this configuration instead, and print what is decided otherwise.
    #[arg(long, value_name = "CONFIG_DIR")]
    pub what_if: Option<PathBuf>,
    /// Print JSON.
    #[arg(long)]
    pub json: bool,
}

/// Arguments of `report`.
#[derive(Debug, Clone, Args)]
pub struct ReportArgs {
    /// The journal's directory, or one segment of it.
    pub path: PathBuf,
    /// Only from this time on.
    #[arg(long, value_name = "TIME")]
    pub from: Option<DateTime<Utc>>,
    /// Only until this time.
    #[arg(long, value_name = "TIME")]
    pub to: Option<DateTime<Utc>>,
    /// Print JSON.
    #[arg(long)]
    pub json: bool,
    /// Also write the report as one page with charts.
    #[arg(long, value_name = "FILE")]
    pub html: Option<PathBuf>,
}
