//! `validate-config`: what is in force.

use std::process::ExitCode;
use std::sync::Arc;

use autotrader_config::Config;
use autotrader_domain::ports::Clock;
use autotrader_kalshi_api::RateLimits;
use serde_json::{Value, json};

use crate::cli::ConfigArgs;
use crate::clock::SystemClock;
use crate::{Failure, output, wiring};

/// Makes every part that checks its own settings, without touching network or database. Needs a runtime.
fn try_parts(config: &Config) -> Result<(), Failure> {
    wiring::strategy_params(config)?;
    wiring::series(config)?;
    let clock: Arc<dyn Clock> = Arc::new(SystemClock::new());
    wiring::exchange_client(config, RateLimits::BASIC, Arc::clone(&clock))?;
    wiring::leaderboard_source(config, clock)?;
    wiring::notifier(config)?;
    Ok(())
}

/// One row for each value, keys within keys joined by dots.
fn list(key: &str, value: &Value, rows: &mut Vec<Vec<String>>) {
    match value {
        Value::Object(inner) => {
            for (name, value) in inner {
                let dotted = if key.is_empty() {
                    name.clone()
                } else {
                    format!("{key}.{name}")
                };
                list(&dotted, value, rows);
            }
        }
        Value::String(text) => rows.push(vec![key.to_owned(), text.clone()]),
        other => rows.push(vec![key.to_owned(), other.to_string()]),
    }
}

/// Prints the effective configuration.
///
/// # Errors
/// [`Failure`] with one line that names file or variable and key.
#[expect(
    clippy::print_stderr,
    reason = "warnings go to the operator, not into the output"
)]
pub(crate) async fn validate_config(args: ConfigArgs) -> Result<ExitCode, Failure> {
    let loaded = wiring::load_config(&args.place)?;
    let config = &loaded.config;
    try_parts(config)?;
    for warning in &loaded.warnings {
        eprintln!("warning: {}", output::escape(warning));
    }
    let risk = wiring::configured_limits(config);
    // No checklist is kept yet, so none has passed.
    let live = wiring::Live::of(config, false);
    let values = json!({
        "environment": config.kalshi.environment,
        "execution_mode": config.kalshi.execution_mode,
        "base_url": config.kalshi.effective_base_url(),
        "websocket_url": config.kalshi.effective_websocket_url(),
        "database_url": config.database.url,
        "journal": journal(config)?,
        "poll_interval_seconds": config.arena_monitor.poll_interval_seconds,
        "leaderboard_url": config.arena_monitor.primary_url,
        "has_key": config.kalshi.has_key(),
        "live_allowed": live.is_allowed(),
        "live_refused_because": live.refusals(),
        "discord_enabled": config.discord.enabled,
        "limits": risk,
        "strategy": wiring::configured_strategy(config),
        "board_walk": config.leaderboard_alpha.board_walk,
    });
    if args.json {
        output::json(&values)?;
    } else {
        output::line("The configuration is valid.");
        if let Some(values) = values.as_object() {
            let mut rows = Vec::new();
            for (key, value) in values.iter().filter(|(key, _)| *key != "live_refused_because") {
                // Limits are known by their own names.
                list(if key == "limits" { "" } else { key }, value, &mut rows);
            }
            output::table(&["key", "value"], &rows);
            for sentence in live.refusals() {
                output::line(&format!("Live would be refused: {}", output::escape(sentence)));
            }
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// The journal as it would be written.
fn journal(config: &Config) -> Result<Value, Failure> {
    let journal = &config.journal;
    Ok(json!({
        "enabled": journal.enabled,
        "directory": wiring::journal_directory(config)?.display().to_string(),
        "max_segment_mb": journal.max_segment_mb,
        "retention_days": journal.retention_days,
    }))
}
