//! `map`: what each contract pays on, and whether it may be traded.

use std::collections::BTreeMap;
use std::process::ExitCode;
use std::sync::Arc;

use autotrader_arena_signals::{PageReader, VintageKeeper};
use autotrader_domain::ports::{
    BoardReader as _, Clock, LeaderboardSource as _, MarketData as _, SignalSource as _,
};
use autotrader_domain::{Approvals, Market, Reading, ReadingOutcome, Ticker, Verdict};
use autotrader_kalshi_api::RateLimits;
use autotrader_strategy::map_report;
use serde_json::json;

use crate::cli::LookArgs;
use crate::clock::SystemClock;
use crate::output::or_dash;
use crate::{Failure, output, wiring};

/// Reads markets and leaderboard once and prints what the mapping gate says of each contract.
///
/// # Errors
/// [`Failure`] when the exchange or the leaderboard cannot be read, or the leaderboard is not tradable.
pub(crate) async fn map(args: LookArgs) -> Result<ExitCode, Failure> {
    let config = wiring::load_config(&args.config.place)?.config;
    let params = wiring::strategy_params(&config)?;
    let clock: Arc<dyn Clock> = Arc::new(SystemClock::new());
    let client = wiring::exchange_client(&config, RateLimits::BASIC, Arc::clone(&clock))?;
    let mut markets: BTreeMap<Ticker, Market> = BTreeMap::new();
    for series in wiring::series(&config)? {
        let found = client.markets(&series).await;
        let found = found.map_err(|error| Failure::failed(format!("exchange: {series}: {error}.")))?;
        markets.extend(found.into_iter().map(|market| (market.ticker.clone(), market)));
    }
    let source = wiring::leaderboard_source(&config, Arc::clone(&clock))?;
    let answer = source.fetch().await;
    let reading = PageReader::new(wiring::gate_settings(&config)).read(answer, clock.now());
    tradable(&reading)?;
    let mut keeper = VintageKeeper::new(wiring::vintage_settings(&config));
    keeper.observe(&reading);
    let report = map_report(
        &markets,
        keeper.standing(),
        &Approvals::default(),
        &params.mapping,
    );
    if args.config.json {
        output::json(&json!({ "markets": report }))?;
    } else {
        let rows: Vec<Vec<String>> = report
            .iter()
            .map(|line| {
                let reasons: Vec<&str> = line.reasons.iter().map(|reason| reason.code()).collect();
                vec![
                    line.ticker.to_string(),
                    format!("{:?}", line.state),
                    line.claim.as_ref().map_or_else(
                        || "-".to_owned(),
                        |claim| serde_json::to_string(claim).unwrap_or_default(),
                    ),
                    or_dash(line.rule_set.as_deref()),
                    reasons.join(", "),
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

fn tradable(reading: &Reading) -> Result<(), Failure> {
    match &reading.outcome {
        ReadingOutcome::Page { page, .. } if page.verdict == Verdict::Tradable => Ok(()),
        ReadingOutcome::Page { page, .. } => {
            let reason = page.reasons.first();
            let code = reason.map_or("unreadable", |reason| reason.code.as_str());
            let detail = reason.map_or("", |reason| reason.detail.as_str());
            Err(Failure::failed(format!("leaderboard: {code}: {detail}")))
        }
        ReadingOutcome::Failed { code, detail } => {
            Err(Failure::failed(format!("leaderboard: {code}: {detail}")))
        }
    }
}
