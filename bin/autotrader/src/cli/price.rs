//! Arguments of the commands that price boards.

use std::path::PathBuf;

use clap::Args;

use super::ConfigPlace;

/// The rules of settlement.
#[derive(Debug, Clone, Args)]
pub struct RulesArgs {
    /// Rules: cascade, `rank_ub_alone` or `ordinal_rank_alone`.
    #[arg(long, default_value = "cascade")]
    pub rules: String,
    /// Score precision: full or displayed.
    #[arg(long, default_value = "full")]
    pub precision: String,
}

/// Arguments of `fair-value`.
#[derive(Debug, Clone, Args)]
pub struct FairValueArgs {
    /// A page, stream, JSON or CSV file, plain or gzip; `-` for standard input. It is not gated, and may be small.
    pub file: Option<PathBuf>,
    /// When the check is: a time such as 2026-12-04T15:00:00Z, or a day such as 2026-12-04 for 10:00 in New York.
    #[arg(long, value_name = "TIME")]
    pub close: Option<String>,
    /// From when is priced, written likewise [default: now]. At or after the check today's winner has won.
    #[arg(long, value_name = "TIME")]
    pub at: Option<String>,
    /// `board_walk`, `persistence`, `recency_persistence` or `rank_table`; the others are shown beside it.
    #[arg(long, value_name = "NAME", default_value = "board_walk")]
    pub estimator: String,
    /// Which parameters.
    #[command(flatten)]
    pub params: ParamsArgs,
    /// What past boards told, as JSON, instead of the configured prior:
    /// `{"since": DAY, "arrivals": [{"date": DAY, "organization": LAB, "gap": POINTS}], "first_seen": {MODEL: DAY}}`, or the
    /// list of arrivals alone. `since` is the first day that was watched (without it, that of the first arrival), `gap` the
    /// debut's score minus that of the leader before, `first_seen` optional and only needed for models without votes. An
    /// arrival may also be `[DAY, LAB, POINTS]`. Times are written as for --close; days count as whole days before --at.
    #[arg(long, value_name = "FILE")]
    pub arrivals: Option<PathBuf>,
    /// Price a case instead of a board, as JSON: `candidates` (`model`, `org`, `score`, `votes`, `se`), `h_days`,
    /// `Lambda_per_day`, `org_rates`, `other_rate`, and `params` if it has its own; or a document with `params` and `cases`.
    #[arg(long, value_name = "FILE")]
    pub case: Option<PathBuf>,
    /// By which rules.
    #[command(flatten)]
    pub rules: RulesArgs,
    /// Print JSON.
    #[arg(long)]
    pub json: bool,
}

/// Which parameters of the board walk are used.
#[derive(Debug, Clone, Args)]
pub struct ParamsArgs {
    /// `evaluated` (chosen on boards until June 2025), `deployment` (the start values), or a JSON file with some or all of
    /// them [default: the configured ones].
    #[arg(long, value_name = "FILE|NAME")]
    pub params: Option<String>,
    /// Where the configuration is.
    #[command(flatten)]
    pub place: ConfigPlace,
}
