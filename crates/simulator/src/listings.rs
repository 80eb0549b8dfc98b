//! The script's contracts as listings of the exchange.

use std::collections::BTreeMap;

use autotrader_domain::SeriesTicker;
use chrono::{DateTime, TimeDelta, Utc};

use crate::exchange::{
    EventListing, Exchange, FeeModel, MarketListing, PriceStructure, SeriesListing, SettlementSource,
};
use crate::scenario::{INVENTED_LLM1_TIE_RULE, ListedContract, PublicClaim, TOP_MODEL_TIE_RULE};
use crate::world::SETTLING_PATH;

/// How long after its determination a market pays, in seconds.
const SETTLEMENT_TIMER: u32 = 1_800;

/// Lists both series.
///
/// What cannot be listed is a fault of the script, not of the run: the tests compare what is listed with the script.
pub(crate) fn list_series(exchange: &mut Exchange, at: DateTime<Utc>) {
    for (series, title, fee_model) in [
        ("KXTOPMODEL", "Top AI model", FeeModel::Quadratic),
        ("KXLLM1", "Best AI", FeeModel::QuadraticWithMakerFees),
    ] {
        if let Ok(ticker) = series.parse() {
            let _ = exchange.add_series(series_listing(ticker, title, fee_model), at);
        }
    }
}

/// Lists a contract, and its event when it is the first one of it.
pub(crate) fn list_contract(exchange: &mut Exchange, contract: &ListedContract, at: DateTime<Utc>) {
    if exchange.event(&contract.event).is_none() {
        let listing = EventListing {
            ticker: contract.event.clone(),
            series: contract.series.clone(),
            title: format!("{} on {}", contract.series, contract.check.format("%b %-d, %Y")),
            sub_title: contract.check.format("On %b %-d, %Y").to_string(),
            mutually_exclusive: true,
            strike_date: Some(contract.check),
        };
        let _ = exchange.add_event(listing, at);
    }
    let _ = exchange.add_market(market_listing(contract, at), at);
}

fn series_listing(ticker: SeriesTicker, title: &str, fee_model: FeeModel) -> SeriesListing {
    SeriesListing {
        ticker,
        title: title.to_owned(),
        category: "Science and Technology".to_owned(),
        frequency: "weekly".to_owned(),
        tags: vec!["AI".to_owned()],
        settlement_sources: vec![SettlementSource {
            name: "Arena leaderboard, text, overall, no style control".to_owned(),
            url: format!("http://localhost{SETTLING_PATH}"),
        }],
        fee_model,
        fee_multiplier_millionths: 1_000_000,
    }
}

fn market_listing(contract: &ListedContract, at: DateTime<Utc>) -> MarketListing {
    let (tie_rule, custom_strike) = match &contract.claim {
        PublicClaim::Model(name) => (
            TOP_MODEL_TIE_RULE,
            Some(BTreeMap::from([("Model".to_owned(), name.clone())])),
        ),
        PublicClaim::Lab(_) => (INVENTED_LLM1_TIE_RULE, None),
    };
    MarketListing {
        ticker: contract.ticker.clone(),
        event: contract.event.clone(),
        title: None,
        yes_sub_title: contract.label.clone(),
        no_sub_title: contract.label.clone(),
        rules_primary: contract.rules_primary.clone(),
        rules_secondary: tie_rule.to_owned(),
        custom_strike,
        open_time: at,
        close_time: contract.check,
        expected_expiration_time: Some(contract.check),
        latest_expiration_time: contract.check + TimeDelta::days(7),
        settlement_timer_seconds: SETTLEMENT_TIMER,
        can_close_early: true,
        early_close_condition: None,
        prices: if contract.fine_grid {
            PriceStructure::deci_cent()
        } else {
            PriceStructure::linear_cent()
        },
    }
}
