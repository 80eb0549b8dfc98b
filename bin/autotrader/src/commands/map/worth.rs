//! What contracts would be worth if a person approved what waits: the strategy's own price, with nothing else changed.

use std::collections::BTreeMap;

use autotrader_domain::ports::Strategy as _;
use autotrader_domain::{
    ApprovalDecision, Approvals, ContractTerms, Mapping, Market, MarketView, Portfolio, Ticker,
};
use autotrader_settlement::{RuleSet, resolve_top_model};
use autotrader_strategy::LeaderboardAlpha;
use autotrader_strategy::mapping::{ReviewItem, SeriesKind, rule_texts, subject_of};
use serde::Serialize;

use super::facts::Facts;
use crate::Failure;

/// What a contract would be, paid on one name.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub(super) struct Prospect {
    /// The probability that it pays, by the selected estimator; `None` when that has no price.
    pub(super) worth: Option<f64>,
    /// Whether it would pay if the board were checked now, under the cascade at full precision.
    pub(super) wins_today: bool,
}

/// The prospects of every name to consider, by contract, in the order of the names.
///
/// # Errors
/// [`Failure`] when the configured strategy cannot be built.
pub(super) fn prospects(
    facts: &Facts,
    items: &[ReviewItem],
) -> Result<BTreeMap<Ticker, Vec<Prospect>>, Failure> {
    let strategy = LeaderboardAlpha::new(facts.params.clone())
        .map_err(|error| Failure::failed(format!("configuration: {error}.")))?;
    let most = items.iter().map(|item| item.similar.len()).max().unwrap_or(0);
    let mut found: BTreeMap<Ticker, Vec<Prospect>> = BTreeMap::new();
    for turn in 0..most {
        let mut supposed = readable(facts);
        for item in items {
            if let (Some(market), Some(similar)) =
                (facts.markets.get(&item.line.ticker), item.similar.get(turn))
            {
                supposed.extend(approval(market, &similar.name).as_ref());
            }
        }
        let fair = fair(facts, &strategy, &supposed);
        for item in items {
            if let Some(similar) = item.similar.get(turn) {
                let ticker = &item.line.ticker;
                found.entry(ticker.clone()).or_default().push(Prospect {
                    worth: fair.get(ticker).copied().flatten(),
                    wins_today: wins_today(facts, ticker, &similar.name),
                });
            }
        }
    }
    Ok(found)
}

/// The decision that maps a contract, as the exchange words it now, to a name; `None` when the exchange names nothing.
pub(super) fn approval(market: &Market, name: &str) -> Option<ApprovalDecision> {
    Some(ApprovalDecision::Mapping {
        ticker: market.ticker.clone(),
        subject: subject_of(market)?,
        terms: ContractTerms::of(market),
        name: name.to_owned(),
    })
}

/// What people decided, and every text that nobody has approved taken as the cascade, so that a price can be told.
fn readable(facts: &Facts) -> Approvals {
    let mut supposed = facts.approvals.clone();
    let unread = rule_texts(&facts.markets, &facts.approvals, &facts.params.mapping)
        .into_iter()
        .filter(|text| text.rule_set.is_none())
        .map(|text| ApprovalDecision::Rules {
            series: text.series,
            text: text.text,
            rule_set: RuleSet::default().to_string(),
        });
    for decision in unread {
        supposed.apply(&decision);
    }
    supposed
}

fn fair(facts: &Facts, strategy: &LeaderboardAlpha, approvals: &Approvals) -> BTreeMap<Ticker, Option<f64>> {
    let mappings: BTreeMap<Ticker, Mapping> = facts
        .markets
        .iter()
        .map(|(ticker, market)| {
            let mapping = strategy.map(market, &facts.standing, approvals);
            (ticker.clone(), mapping)
        })
        .collect();
    let evaluation = strategy.evaluate(&MarketView {
        at: facts.now,
        standing: &facts.standing,
        markets: &facts.markets,
        mappings: &mappings,
        books: &BTreeMap::new(),
        portfolio: &Portfolio::default(),
        exchange: None,
        history: &facts.history,
    });
    let lines = evaluation.why.into_iter();
    lines.map(|why| (why.ticker, why.fair)).collect()
}

fn wins_today(facts: &Facts, ticker: &Ticker, name: &str) -> bool {
    let kind = facts
        .markets
        .get(ticker)
        .and_then(|market| SeriesKind::of(&market.series));
    let outcome = resolve_top_model(facts.rows(), &RuleSet::default());
    match kind {
        Some(SeriesKind::TopModel) => outcome.winner().is_some_and(|winner| winner.model_name == name),
        Some(SeriesKind::TopOrganization) => outcome.organization() == Some(name),
        None => false,
    }
}
