//! The whole state of the core as data, so that a journal can be replayed from any segment.

use std::collections::{BTreeMap, BTreeSet};

use autotrader_domain::ports::{SignalSource, Strategy};
use autotrader_domain::{
    Approvals, BoardHistory, Book, ExchangeStatus, Generation, Mapping, Market, Money, Reason, Ticker,
};
use autotrader_risk::{RiskEngine, RiskMemory};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::health::Watch;
use super::history::Written;
use super::outcomes::Outcomes;
use super::resting::Resting;
use super::{Engine, EngineSettings, withdraw};
use crate::why_ledger::WhyLedger;
use crate::{Account, Chain, ChainHash, Flattening};

/// Everything that a later step depends on; settings, parameters and limits apart.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Snapshot {
    signals: serde_json::Value,
    history: BoardHistory,
    written: Written,
    outcomes: Outcomes,
    risk: RiskMemory,
    account: Account,
    markets: BTreeMap<Ticker, Market>,
    mappings: BTreeMap<Ticker, Mapping>,
    approvals: Approvals,
    recorded: BTreeMap<Ticker, Mapping>,
    remapped: bool,
    books: BTreeMap<Ticker, Book>,
    exchange: Option<ExchangeStatus>,
    generations: BTreeMap<Ticker, Generation>,
    cooling: BTreeMap<Ticker, DateTime<Utc>>,
    cooling_exits: BTreeMap<Ticker, DateTime<Utc>>,
    resting: Resting,
    unexplained: BTreeSet<Ticker>,
    refused: BTreeMap<Ticker, (Reason, DateTime<Utc>)>,
    why: WhyLedger,
    dirty: bool,
    evaluated_at: Option<DateTime<Utc>>,
    health: Watch,
    withdrawn: withdraw::Asked,
    quiet_until: Option<DateTime<Utc>>,
    flattening: Option<Flattening>,
    chain: Chain,
}

impl Snapshot {
    /// The cash that the account had at its first start: limits of loss follow from it.
    #[must_use]
    pub const fn opening_cash(&self) -> Money {
        self.account.opening_cash()
    }

    /// The link of the last step before it.
    #[must_use]
    pub const fn link(&self) -> ChainHash {
        self.chain.link()
    }

    /// The sequence number of the last step before it.
    #[must_use]
    pub const fn seq(&self) -> u64 {
        self.chain.len()
    }
}

impl Engine {
    /// The state as it is now.
    ///
    /// # Errors
    /// The serialiser's; plain data, so none is expected.
    pub fn snapshot(&self) -> Result<Snapshot, serde_json::Error> {
        // Every field is named, so that a new one cannot be forgotten.
        let Self {
            settings: _,
            signals,
            history,
            written,
            outcomes,
            strategy: _,
            risk,
            account,
            markets,
            mappings,
            approvals,
            recorded,
            remapped,
            books,
            exchange,
            generations,
            cooling,
            cooling_exits,
            resting,
            unexplained,
            refused,
            why,
            dirty,
            evaluated_at,
            health,
            withdrawn,
            quiet_until,
            flattening,
            chain,
        } = self;
        Ok(Snapshot {
            signals: signals.snapshot()?,
            history: history.clone(),
            written: written.clone(),
            outcomes: outcomes.clone(),
            risk: risk.memory(),
            account: account.clone(),
            markets: markets.clone(),
            mappings: mappings.clone(),
            approvals: approvals.clone(),
            recorded: recorded.clone(),
            remapped: *remapped,
            books: books.clone(),
            exchange: *exchange,
            generations: generations.clone(),
            cooling: cooling.clone(),
            cooling_exits: cooling_exits.clone(),
            resting: resting.clone(),
            unexplained: unexplained.clone(),
            refused: refused.clone(),
            why: why.clone(),
            dirty: *dirty,
            evaluated_at: *evaluated_at,
            health: *health,
            withdrawn: withdrawn.clone(),
            quiet_until: *quiet_until,
            flattening: flattening.clone(),
            chain: chain.clone(),
        })
    }

    /// A core that goes on from a snapshot, with these settings, this strategy and these limits.
    ///
    /// # Errors
    /// The reader's, when the signal source does not know its part of the snapshot.
    pub fn from_snapshot(
        settings: EngineSettings,
        mut signals: Box<dyn SignalSource>,
        strategy: Box<dyn Strategy>,
        risk: RiskEngine,
        snapshot: Snapshot,
    ) -> Result<Self, serde_json::Error> {
        signals.resume(&snapshot.signals)?;
        Ok(Self {
            settings,
            signals,
            history: snapshot.history,
            written: snapshot.written,
            outcomes: snapshot.outcomes,
            strategy,
            risk: risk.remembering(snapshot.risk),
            account: snapshot.account,
            markets: snapshot.markets,
            mappings: snapshot.mappings,
            approvals: snapshot.approvals,
            recorded: snapshot.recorded,
            remapped: snapshot.remapped,
            books: snapshot.books,
            exchange: snapshot.exchange,
            generations: snapshot.generations,
            cooling: snapshot.cooling,
            cooling_exits: snapshot.cooling_exits,
            resting: snapshot.resting,
            unexplained: snapshot.unexplained,
            refused: snapshot.refused,
            why: snapshot.why,
            dirty: snapshot.dirty,
            evaluated_at: snapshot.evaluated_at,
            health: snapshot.health,
            withdrawn: snapshot.withdrawn,
            quiet_until: snapshot.quiet_until,
            flattening: snapshot.flattening,
            chain: snapshot.chain,
        })
    }
}
