//! The why-ledger: which lines are worth storing.

use std::collections::BTreeMap;

use autotrader_domain::{Ticker, Why};
use chrono::{DateTime, TimeDelta, Utc};

/// Remembers the last line of each contract and when it was stored.
#[derive(Debug, Clone, Default)]
pub(crate) struct WhyLedger {
    lines: BTreeMap<Ticker, (Why, DateTime<Utc>)>,
}

impl WhyLedger {
    /// Takes a line; `true` when it must be stored: action, reason or target changed, or an hour passed.
    pub(crate) fn take(&mut self, line: Why) -> bool {
        let stored_at = match self.lines.get(&line.ticker) {
            Some((last, stored_at))
                if line.same_decision(last) && line.at - *stored_at < TimeDelta::hours(1) =>
            {
                *stored_at
            }
            _ => line.at,
        };
        let store = stored_at == line.at;
        self.lines.insert(line.ticker.clone(), (line, stored_at));
        store
    }

    /// The latest line of each contract.
    pub(crate) fn latest(&self) -> impl Iterator<Item = &Why> {
        self.lines.values().map(|(line, _)| line)
    }

    /// Forgets contracts that are no longer known.
    pub(crate) fn retain(&mut self, known: impl Fn(&Ticker) -> bool) {
        self.lines.retain(|ticker, _| known(ticker));
    }
}
