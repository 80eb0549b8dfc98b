//! `map`: what each contract pays on, and whether it may be traded; what waits for a person, and what a person decides.

mod decide;
mod facts;
mod review;
mod rules;
mod worth;

use std::process::ExitCode;

use autotrader_domain::{Claim, Reason};
use autotrader_strategy::map_report;
use serde_json::json;

use crate::cli::{ConfigArgs, MapAction, MapArgs, MapRulesAction};
use crate::output::or_dash;
use crate::{Failure, output};
pub(crate) use facts::Facts;

/// Reads markets and leaderboard once and does what was asked.
///
/// # Errors
/// [`Failure`] when the exchange, the leaderboard or the database cannot be read, with exit code 2 when what was named is not
/// there.
pub(crate) async fn map(args: MapArgs) -> Result<ExitCode, Failure> {
    match args.action {
        None => show(&args.config).await,
        Some(MapAction::Review(args)) => review::review(&args.config).await,
        Some(MapAction::Approve(args)) => decide::approve(args).await,
        Some(MapAction::Reject(args)) => decide::reject(args).await,
        Some(MapAction::Rules(args)) => match args.action {
            None => rules::show(&args.config).await,
            Some(MapRulesAction::Approve(args)) => rules::approve(args).await,
            Some(MapRulesAction::Revoke(args)) => rules::revoke(args).await,
        },
    }
}

/// Prints what the mapping gate says of each contract.
async fn show(args: &ConfigArgs) -> Result<ExitCode, Failure> {
    let facts = Facts::gather(args).await?;
    let report = map_report(
        &facts.markets,
        &facts.standing,
        &facts.approvals,
        &facts.params.mapping,
    );
    if args.json {
        output::json(&json!({ "markets": report, "board": facts.board, "decisions": facts.decided }))?;
    } else {
        facts.tell_board();
        let rows: Vec<Vec<String>> = report
            .iter()
            .map(|line| {
                vec![
                    line.ticker.to_string(),
                    format!("{:?}", line.state),
                    line.claim.as_ref().map_or_else(|| "-".to_owned(), in_words),
                    or_dash(line.rule_set.as_deref()),
                    codes(&line.reasons),
                    line.suggestions.join(", "),
                ]
            })
            .collect();
        output::table(
            &["ticker", "state", "pays on", "rules", "blocked by", "similar"],
            &rows,
        );
    }
    Ok(ExitCode::SUCCESS)
}

/// What a contract pays on, for people.
fn in_words(claim: &Claim) -> String {
    match claim {
        Claim::Model {
            model_name,
            organization,
        } => match organization {
            Some(organization) => format!("{model_name} ({organization})"),
            None => model_name.clone(),
        },
        Claim::Organization { organization } => format!("any model of {organization}"),
    }
}

/// Reasons by their codes.
fn codes(reasons: &[Reason]) -> String {
    let codes: Vec<&str> = reasons.iter().map(|reason| reason.code()).collect();
    codes.join(", ")
}
