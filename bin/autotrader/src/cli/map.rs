//! The arguments of `map`.

use autotrader_domain::{SeriesTicker, Ticker};
use clap::{Args, Subcommand};

use super::{ConfigArgs, LookArgs, WaitArgs};

/// Arguments of `map`.
#[derive(Debug, Clone, Args)]
#[command(args_conflicts_with_subcommands = true)]
pub struct MapArgs {
    /// Where the configuration is, and how to print.
    #[command(flatten)]
    pub config: ConfigArgs,
    /// What else to do; nothing shows every contract.
    #[command(subcommand)]
    pub action: Option<MapAction>,
}

/// What to do about names and texts.
#[derive(Debug, Clone, Subcommand)]
pub enum MapAction {
    /// What waits for a person, with similar names, what they would be worth, and the command to type.
    Review(LookArgs),
    /// The contract pays on this name of the board, as long as the exchange words it as now.
    Approve(MapApproveArgs),
    /// The contract does not pay on this name, or on any; an approval of it is taken back.
    Reject(MapRejectArgs),
    /// Each series' tie-break texts: approved or not, as what, and who wins today under each rule set.
    Rules(MapRulesArgs),
}

/// Who decides, and how long the running process is waited for.
#[derive(Debug, Clone, Args)]
pub struct DecisionArgs {
    /// Where the configuration is, and how to print.
    #[command(flatten)]
    pub config: ConfigArgs,
    /// How long to wait.
    #[command(flatten)]
    pub wait: WaitArgs,
    /// Who decides, as it is kept with the decision [default: the command line, with the user's number].
    #[arg(long, value_name = "WHO", value_parser = parse_who)]
    pub by: Option<String>,
}

fn parse_who(text: &str) -> Result<String, String> {
    let who = text.trim();
    if who.is_empty() || who.chars().count() > 80 || who.chars().any(char::is_control) {
        return Err("give a name of 1 to 80 printable characters".to_owned());
    }
    Ok(who.to_owned())
}

/// Arguments of `map approve`.
#[derive(Debug, Clone, Args)]
pub struct MapApproveArgs {
    /// Who decides.
    #[command(flatten)]
    pub decision: DecisionArgs,
    /// The contract.
    pub ticker: Ticker,
    /// The model or organisation that it pays on, as the board spells it.
    pub name: String,
}

/// Arguments of `map reject`.
#[derive(Debug, Clone, Args)]
pub struct MapRejectArgs {
    /// Who decides.
    #[command(flatten)]
    pub decision: DecisionArgs,
    /// The contract.
    pub ticker: Ticker,
    /// The name that it does not pay on; without one it is not to be traded at all.
    pub name: Option<String>,
}

/// Arguments of `map rules`.
#[derive(Debug, Clone, Args)]
#[command(args_conflicts_with_subcommands = true)]
pub struct MapRulesArgs {
    /// Where the configuration is, and how to print.
    #[command(flatten)]
    pub config: ConfigArgs,
    /// What else to do; nothing shows every text.
    #[command(subcommand)]
    pub action: Option<MapRulesAction>,
}

/// What to do about tie-break texts.
#[derive(Debug, Clone, Subcommand)]
pub enum MapRulesAction {
    /// The text that the exchange shows now means this rule set.
    Approve(MapRulesApproveArgs),
    /// A text is not to be traded on, whoever approved it.
    Revoke(MapRulesRevokeArgs),
}

/// Arguments of `map rules approve`.
#[derive(Debug, Clone, Args)]
pub struct MapRulesApproveArgs {
    /// Who decides.
    #[command(flatten)]
    pub decision: DecisionArgs,
    /// The series.
    pub series: SeriesTicker,
    /// A rule, such as `cascade`, or a whole rule set, such as `v1:cascade:displayed`.
    pub rule_set: String,
    /// Which text, by the beginning of its hash (see `map rules`); needed where several are not approved.
    #[arg(long, value_name = "HASHPREFIX", value_parser = parse_hash_prefix)]
    pub text: Option<String>,
}

/// Arguments of `map rules revoke`.
#[derive(Debug, Clone, Args)]
pub struct MapRulesRevokeArgs {
    /// Who decides.
    #[command(flatten)]
    pub decision: DecisionArgs,
    /// The series.
    pub series: SeriesTicker,
    /// Which text, by the beginning of its hash (see `map rules`).
    #[arg(long, value_name = "HASHPREFIX", value_parser = parse_hash_prefix)]
    pub text: String,
}

fn parse_hash_prefix(text: &str) -> Result<String, String> {
    let prefix = text.to_ascii_lowercase();
    if prefix.is_empty() || prefix.len() > 64 || !prefix.chars().all(|c| c.is_ascii_hexdigit()) {
        return Err(format!("`{text}` is not the beginning of a hash such as 3fa9c1"));
    }
    Ok(prefix)
}
