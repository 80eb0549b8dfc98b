//! What markets were decided to pay, whoever holds them: an entry that was not made is settled by it.

use std::collections::BTreeMap;

use autotrader_domain::{Decided, Market, MarketStatus, Price, Record, SettlementRecord, Ticker};
use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

use super::Engine;
use crate::Effect;

/// How long after its close a market is asked for that no listing carries any more.
const ASKED_FOR: TimeDelta = TimeDelta::days(30);

/// The last word on each market.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(super) struct Outcomes {
    /// What a YES contract pays, and whether it was paid.
    words: BTreeMap<Ticker, (Price, bool)>,
    /// Markets that were not paid when a listing carried them last, with their close.
    gone: BTreeMap<Ticker, DateTime<Utc>>,
}

impl Outcomes {
    /// Takes up contracts whose outcome was not known before a restart, with their checks.
    pub(super) fn restore(&mut self, undecided: Vec<(Ticker, DateTime<Utc>)>) {
        self.gone.extend(undecided);
    }

    fn is_paid(&self, ticker: &Ticker) -> bool {
        self.words.get(ticker).is_some_and(|(_, paid)| *paid)
    }

    /// Looks at a market; what it says of its outcome, where that is news.
    fn see(&mut self, at: DateTime<Utc>, market: &Market) -> Option<Decided> {
        let paid = match market.status {
            MarketStatus::Determined | MarketStatus::Disputed | MarketStatus::Amended => false,
            MarketStatus::Finalized => true,
            _ => return None,
        };
        let yes_value = market.settlement_value?;
        let known = self.words.get(&market.ticker);
        // A listing may lag behind a payout; only another value reopens it.
        let lags = known == Some(&(yes_value, true));
        if lags || known == Some(&(yes_value, paid)) {
            return None;
        }
        self.words.insert(market.ticker.clone(), (yes_value, paid));
        if paid {
            self.gone.remove(&market.ticker);
        }
        Some(Decided {
            ticker: market.ticker.clone(),
            at,
            yes_value,
            paid,
        })
    }

    /// Notes that a listing does not carry a market any more.
    pub(super) fn unlisted(&mut self, market: &Market) {
        if !self.is_paid(&market.ticker) {
            self.gone.insert(market.ticker.clone(), market.close_time);
        }
    }

    /// Notes what the account was paid: that is written down as a settlement.
    pub(super) fn settled(&mut self, settlement: &SettlementRecord) {
        self.gone.remove(&settlement.ticker);
        let word = (settlement.yes_value, true);
        self.words.insert(settlement.ticker.clone(), word);
    }

    /// Whether a market is only looked at for its outcome.
    pub(super) fn is_gone(&self, ticker: &Ticker) -> bool {
        self.gone.contains_key(ticker) || self.is_paid(ticker)
    }
}

impl Engine {
    /// Writes down what a market says of its outcome, where that is news.
    pub(super) fn note_outcome(&mut self, at: DateTime<Utc>, market: &Market, effects: &mut Vec<Effect>) {
        let news = self.outcomes.see(at, market);
        effects.extend(news.map(|decided| Effect::Record(Record::Decided(decided))));
    }

    /// Markets past their close that no listing carries any more and of which it is not known what they paid.
    #[must_use]
    pub fn undecided(&self, at: DateTime<Utc>) -> Vec<Ticker> {
        let gone = self.outcomes.gone.iter();
        gone.filter(|(ticker, close)| {
            **close <= at && at - **close < ASKED_FOR && !self.markets.contains_key(*ticker)
        })
        .map(|(ticker, _)| ticker.clone())
        .collect()
    }
}
