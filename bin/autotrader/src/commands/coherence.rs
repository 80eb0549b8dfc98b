//! `coherence`: prices of contracts held against each other, whatever anybody believes; nothing is traded.

use std::collections::BTreeMap;
use std::process::ExitCode;
use std::sync::Arc;

use autotrader_domain::ports::{Clock, MarketData as _, Strategy as _};
use autotrader_domain::{Book, CoherenceFinding, CoherenceKind, MarketView, Portfolio, Ticker};
use autotrader_kalshi_api::RateLimits;
use autotrader_strategy::LeaderboardAlpha;
use serde_json::json;

use crate::cli::LookArgs;
use crate::clock::SystemClock;
use crate::commands::map::Facts;
use crate::output::or_dash;
use crate::{Failure, output, wiring};

/// Reads markets, books and leaderboard once and prints what combinations of contracts would earn or lose.
///
/// # Errors
/// [`Failure`] when the exchange, the leaderboard or the database cannot be read.
pub(crate) async fn coherence(args: LookArgs) -> Result<ExitCode, Failure> {
    let facts = Facts::gather(&args.config).await?;
    let strategy = LeaderboardAlpha::new(facts.params.clone())
        .map_err(|error| Failure::failed(format!("configuration: {error}.")))?;
    let mappings = facts
        .markets
        .iter()
        .map(|(ticker, market)| {
            let mapping = strategy.map(market, &facts.standing, &facts.approvals);
            (ticker.clone(), mapping)
        })
        .collect();
    let clock: Arc<dyn Clock> = Arc::new(SystemClock::new());
    let tickers: Vec<Ticker> = facts.markets.keys().cloned().collect();
    let (books, unread) = books(&args, &tickers, Arc::clone(&clock)).await?;
    let findings = strategy.monitors(&MarketView {
        at: clock.now(),
        standing: &facts.standing,
        history: &facts.history,
        markets: &facts.markets,
        mappings: &mappings,
        books: &books,
        portfolio: &Portfolio::default(),
        exchange: None,
    });
    if args.config.json {
        output::json(&json!({ "findings": findings, "unread": unread }))?;
    } else {
        print(&findings, &unread);
    }
    Ok(ExitCode::SUCCESS)
}

/// The books that can be read, and the contracts whose cannot.
async fn books(
    args: &LookArgs,
    tickers: &[Ticker],
    clock: Arc<dyn Clock>,
) -> Result<(BTreeMap<Ticker, Book>, Vec<Ticker>), Failure> {
    let config = wiring::load_config(&args.config.place)?.config;
    let client = wiring::exchange_client(&config, RateLimits::BASIC, clock)?;
    let answers = client
        .books(tickers)
        .await
        .map_err(|error| Failure::failed(format!("exchange: books: {error}.")))?;
    let (mut books, mut unread) = (BTreeMap::new(), Vec::new());
    for (ticker, answer) in answers {
        match answer {
            Ok(book) => drop(books.insert(ticker, book)),
            Err(_) => unread.push(ticker),
        }
    }
    Ok((books, unread))
}

fn print(findings: &[CoherenceFinding], unread: &[Ticker]) {
    let rows: Vec<Vec<String>> = findings
        .iter()
        .map(|finding| {
            vec![
                in_words(finding.kind).to_owned(),
                finding.event.to_string(),
                or_dash(finding.organization.as_deref()),
                finding.sets.to_string(),
                cents(finding.gross),
                cents(finding.net),
                finding.capital.to_string(),
            ]
        })
        .collect();
    if rows.is_empty() {
        output::line("No contracts can be held against each other now.");
    } else {
        output::table(
            &[
                "combination",
                "event",
                "organisation",
                "sets",
                "before fees",
                "net",
                "capital a set",
            ],
            &rows,
        );
        let earning = findings.iter().filter(|finding| finding.net > 0.0).count();
        output::line(&format!(
            "{earning} of {} would earn something, in cents a set; nothing of this is traded.",
            findings.len()
        ));
    }
    for ticker in unread {
        output::line(&format!("{ticker}: its book cannot be read."));
    }
}

const fn in_words(kind: CoherenceKind) -> &'static str {
    match kind {
        CoherenceKind::BidsAboveOne => "sell one of each",
        CoherenceKind::OrganizationUnderItsModels => "buy the company, sell its models",
        CoherenceKind::ModelsUnderTheirOrganization => "sell the company, buy its models",
    }
}

fn cents(dollars: f64) -> String {
    format!("{:+.2} c", 100.0 * dollars)
}
