//! `reconcile`: hold our books against the exchange's, and say what was compared.

use std::process::ExitCode;

use autotrader_domain::{Command, CommandStage};
use autotrader_state::CommandRecord;
use serde_json::Value;

use super::operate::{carry_out, command_json};
use crate::cli::ReconcileArgs;
use crate::{Failure, output};

/// How long a reconciliation is waited for when nothing else is said.
const USUAL_WAIT: u64 = 60;

/// Reconciles now, in the process that runs or here.
///
/// # Errors
/// [`Failure`] when the books differ, or not everything could be read and compared.
pub(crate) async fn reconcile(args: ReconcileArgs) -> Result<ExitCode, Failure> {
    let wait = args.wait.wait.unwrap_or(USUAL_WAIT);
    let record = carry_out(&args.config, Command::Reconcile, wait).await?;
    let report = record.report.clone().unwrap_or_default();
    let differences = told(&report, |verdict| matches!(verdict, "differs" | "foreign"));
    if args.config.json {
        let mut value = command_json(&record);
        if let (Some(value), Some(report)) = (value.as_object_mut(), report.as_object()) {
            value.extend(report.clone());
        }
        output::json(&value)?;
    } else {
        print(&record, &report, args.explain);
    }
    match record.stage {
        CommandStage::Confirmed if report.get("agrees").and_then(Value::as_bool) == Some(true) => {
            Ok(ExitCode::SUCCESS)
        }
        CommandStage::Confirmed => Err(Failure::failed(format!(
            "our books and the exchange's differ: {}",
            differences.join(" ")
        ))),
        CommandStage::Impossible => Err(Failure::failed(format!(
            "the account could not be reconciled: {}.",
            record
                .finding
                .as_deref()
                .unwrap_or("no reason given")
                .trim_end_matches('.')
        ))),
        CommandStage::Requested | CommandStage::Acknowledged => Err(Failure::failed(format!(
            "command {} has no answer after {wait} s.",
            record.id
        ))),
    }
}

/// The words of the compared items with such a verdict.
fn told(report: &Value, wanted: impl Fn(&str) -> bool) -> Vec<String> {
    let items = report.get("items").and_then(Value::as_array);
    let text = |item: &Value, key: &str| {
        item.get(key)
            .and_then(Value::as_str)
            .unwrap_or_default()
            .to_owned()
    };
    items
        .into_iter()
        .flatten()
        .filter(|item| wanted(&text(item, "verdict")))
        .map(|item| text(item, "words"))
        .collect()
}

/// Differences always; what agrees, is not ours or is still open when it is to be explained.
fn print(record: &CommandRecord, report: &Value, explain: bool) {
    for (verdict, heading, always) in [
        ("differs", "DIFFERS", true),
        ("foreign", "FOREIGN", true),
        ("open", "open", true),
        ("external", "external", explain),
        ("agrees", "agrees", explain),
    ] {
        for words in told(report, |found| always && found == verdict) {
            output::line(&format!("{heading:<9} {}", output::escape(&words)));
        }
    }
    if let Some(finding) = &record.finding {
        output::line(&format!("{}.", output::escape(finding.trim_end_matches('.'))));
    }
}
