//! The mapping of every market as data for a command that shows it.

use std::collections::BTreeMap;

use autotrader_domain::{
    Approvals, BoardStanding, Claim, EventTicker, MappingState, Market, Reason, SeriesTicker, Ticker,
};
use chrono::{DateTime, Utc};
use serde::Serialize;

use super::{map_market, subject_of};
use crate::params::MappingParams;

/// What is known of one market's mapping.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct MapLine {
    /// The market.
    pub ticker: Ticker,
    /// Its event.
    pub event: EventTicker,
    /// Its series.
    pub series: SeriesTicker,
    /// The model or company that the exchange names.
    pub subject: Option<String>,
    /// The exchange's label of the YES side: shown, never mapped by.
    pub label: String,
    /// How sure the mapping is.
    pub state: MappingState,
    /// What the contract pays on, as far as it is known.
    pub claim: Option<Claim>,
    /// The rule set bound to the approved text.
    pub rule_set: Option<String>,
    /// When the leaderboard is checked.
    pub check_time: Option<DateTime<Utc>>,
    /// When trading ends.
    pub close_time: DateTime<Utc>,
    /// Whether the mapping allows entries.
    pub may_enter: bool,
    /// Everything that forbids them.
    pub reasons: Vec<Reason>,
    /// Similar names for a person to consider, best first.
    pub suggestions: Vec<String>,
    /// Names that a person said it does not pay on.
    pub rejected: Vec<String>,
}

/// The mapping of every market, in the order of tickers.
#[must_use]
pub fn map_report(
    markets: &BTreeMap<Ticker, Market>,
    standing: &BoardStanding,
    approvals: &Approvals,
    params: &MappingParams,
) -> Vec<MapLine> {
    markets
        .values()
        .map(|market| map_line(market, standing, approvals, params))
        .collect()
}

/// What is known of one market's mapping.
pub(super) fn map_line(
    market: &Market,
    standing: &BoardStanding,
    approvals: &Approvals,
    params: &MappingParams,
) -> MapLine {
    let mapping = map_market(market, standing, approvals, params);
    let subject = subject_of(market);
    let rejected = subject
        .iter()
        .flat_map(|subject| approvals.rejected_names(&market.ticker, subject))
        .map(str::to_owned)
        .collect();
    MapLine {
        ticker: mapping.ticker,
        event: market.event.clone(),
        series: market.series.clone(),
        subject,
        label: market.yes_sub_title.clone(),
        state: mapping.state,
        claim: mapping.claim,
        rule_set: mapping.rule_set,
        check_time: mapping.check_time,
        close_time: market.close_time,
        may_enter: mapping.state.may_enter() && mapping.reasons.is_empty(),
        reasons: mapping.reasons,
        suggestions: mapping.suggestions,
        rejected,
    }
}
