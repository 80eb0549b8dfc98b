//! Arguments of `backtest`.

use std::path::PathBuf;

use autotrader_backtest::market::Regime;
use chrono::NaiveDate;
use clap::{Args, ValueEnum};

use super::ConfigPlace;

/// What trades in a backtest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
#[value(rename_all = "snake_case")]
pub enum Trader {
    /// The strategy with the board walk.
    BoardWalk,
    /// The strategy with how often winners have stayed.
    Persistence,
    /// The strategy with the fixed table by best possible rank.
    RankTable,
    /// Who knows the winner: what it does not earn, nothing can.
    Oracle,
}

impl Trader {
    /// The stable name.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::BoardWalk => "board_walk",
            Self::Persistence => "persistence",
            Self::RankTable => "rank_table",
            Self::Oracle => "oracle",
        }
    }
}

/// Arguments of `backtest`.
#[derive(Debug, Clone, Args)]
pub struct BacktestArgs {
    /// A JSON array of boards as `calibrate` reads it, plain or gzip; `-` for standard input. A board may also say when it
    /// became known (`known_at`) and that it was corrected later (`revised`).
    pub series: PathBuf,
    /// How the others trade: `slow`, `fast`, `efficient` or `thin`.
    #[arg(long, value_name = "KIND")]
    pub regime: Regime,
    /// What trades.
    #[arg(long, value_enum, default_value = "board_walk")]
    pub strategy: Trader,
    /// How many runs, each with a seed and days of its own.
    #[arg(long, value_name = "N", default_value_t = 50, value_parser = clap::value_parser!(u64).range(1..=100_000))]
    pub seeds: u64,
    /// The first seed.
    #[arg(long, value_name = "SEED", default_value_t = 1)]
    pub first_seed: u64,
    /// The first day that a run may begin [default: 60 days after the first board, where the series is that long].
    #[arg(long, value_name = "DAY")]
    pub from: Option<NaiveDate>,
    /// The last day that a run may end [default: that of the last board].
    #[arg(long, value_name = "DAY")]
    pub to: Option<NaiveDate>,
    /// The days of a run; each seed draws where in the span they lie.
    #[arg(long, default_value_t = 182, value_parser = clap::value_parser!(u64).range(7..=3_660))]
    pub days: u64,
    /// How many runs at once [default: as many as there are processors]; they change nothing else.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=256))]
    pub threads: Option<u16>,
    /// Where the configuration is.
    #[command(flatten)]
    pub place: ConfigPlace,
    /// Also write the report as one page with charts.
    #[arg(long, value_name = "FILE")]
    pub html: Option<PathBuf>,
    /// Print JSON.
    #[arg(long)]
    pub json: bool,
}
