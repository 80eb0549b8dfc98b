//! What the exchange would give back on the account's NO positions.

use std::collections::{BTreeMap, BTreeSet};

use autotrader_domain::ports::FeedError;
use autotrader_domain::{Contracts, EventTicker, Money, Net, Ticker, mutually_exclusive_return};

use crate::KalshiClient;
use crate::parse::decode::schema;
use crate::question::Question;
use crate::wire::collateral as wire;

/// Tickers in one listing of markets, well below what a query string may carry.
const TICKERS_A_REQUEST: usize = 50;

impl KalshiClient {
    /// The collateral that netting gives back on these positions; nothing is asked when there is no NO position.
    ///
    /// Whether the account has netting enabled is not asked: the caller compares with both. Cancellation-safe: it only reads.
    pub(crate) async fn collateral_return(&self, positions: &[(Ticker, Net)]) -> Result<Money, FeedError> {
        let held: BTreeMap<&Ticker, Contracts> = positions
            .iter()
            .filter(|(_, net)| net.raw() < 0)
            .map(|(ticker, net)| (ticker, net.size()))
            .collect();
        let mut events = BTreeSet::new();
        let tickers: Vec<&str> = held.keys().map(|ticker| ticker.as_str()).collect();
        for some in tickers.chunks(TICKERS_A_REQUEST) {
            let question = Question::public(&["markets"]).with("tickers", some.join(","));
            let answer: wire::EventsOfMarkets = self.read(&question).await?;
            events.extend(answer.markets.into_iter().map(|market| market.event_ticker));
        }
        let mut sum = Money::ZERO;
        for event in &events {
            sum = sum.saturating_add(self.return_of_event(event, &held).await?);
        }
        Ok(sum)
    }

    async fn return_of_event(
        &self,
        event: &EventTicker,
        held: &BTreeMap<&Ticker, Contracts>,
    ) -> Result<Money, FeedError> {
        let question = Question::public(&["events", event.as_str()]);
        let answer: wire::EventAnswer = self.read(&question).await?;
        if answer.event.collateral_return_type != "MECNET" {
            return Ok(Money::ZERO);
        }
        let won_elsewhere = answer.markets.iter().any(|market| market.result == "yes");
        let sizes: Vec<Contracts> = answer
            .markets
            .iter()
            .filter_map(|market| held.get(&market.ticker).copied())
            .collect();
        mutually_exclusive_return(&sizes, won_elsewhere)
            .ok_or_else(|| schema("$.markets", "the positions are larger than money can count"))
    }
}
