//! The exchange's raw log: requests of members, all trades, all settlements, in the order they happened.

use autotrader_domain::{Contracts, EventTicker, Money, Price, SeriesTicker, SettlementResult, Ticker};
use chrono::{DateTime, Utc};
use serde::Serialize;

use super::account::{AccountKind, SettlementEntry};
use super::amend::{AmendAck, AmendOrder, Decrease, DecreaseAck};
use super::group::OrderGroupStep;
use super::ids::{AccountId, OrderGroupId, OrderId};
use super::listing::FeeTerms;
use super::order::{CancelAck, FillRecord, NewOrder, OrderAck, TradeRecord};

/// One entry of the log; serialises as one flat JSON object with its kind in `kind`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum LogEntry {
    /// A member asked for an order.
    OrderRequest {
        /// When.
        at: DateTime<Utc>,
        /// Who.
        account: AccountId,
        /// What.
        order: NewOrder,
        /// The answer, when it was accepted.
        #[serde(skip_serializing_if = "Option::is_none")]
        accepted: Option<OrderAck>,
        /// The code of the refusal, when it was not.
        #[serde(skip_serializing_if = "Option::is_none")]
        refused: Option<&'static str>,
    },
    /// A member asked for a cancel.
    CancelRequest {
        /// When.
        at: DateTime<Utc>,
        /// Who.
        account: AccountId,
        /// Which order.
        order_id: OrderId,
        /// The answer, when it was done.
        #[serde(skip_serializing_if = "Option::is_none")]
        accepted: Option<CancelAck>,
        /// The code of the refusal, when it was not.
        #[serde(skip_serializing_if = "Option::is_none")]
        refused: Option<&'static str>,
    },
    /// A member asked for an amendment.
    AmendRequest {
        /// When.
        at: DateTime<Utc>,
        /// Who.
        account: AccountId,
        /// Which order.
        order_id: OrderId,
        /// What.
        amend: AmendOrder,
        /// The answer, when it was accepted.
        #[serde(skip_serializing_if = "Option::is_none")]
        accepted: Option<AmendAck>,
        /// The code of the refusal, when it was not.
        #[serde(skip_serializing_if = "Option::is_none")]
        refused: Option<&'static str>,
    },
    /// A member asked for an order to be made smaller.
    DecreaseRequest {
        /// When.
        at: DateTime<Utc>,
        /// Who.
        account: AccountId,
        /// Which order.
        order_id: OrderId,
        /// How.
        decrease: Decrease,
        /// The answer, when it was accepted.
        #[serde(skip_serializing_if = "Option::is_none")]
        accepted: Option<DecreaseAck>,
        /// The code of the refusal, when it was not.
        #[serde(skip_serializing_if = "Option::is_none")]
        refused: Option<&'static str>,
    },
    /// A member asked for all its orders to be cancelled.
    CancelAllRequest {
        /// When.
        at: DateTime<Utc>,
        /// Who.
        account: AccountId,
        /// How many orders it cancelled.
        cancelled: usize,
    },
    /// An order group changed.
    OrderGroup {
        /// When.
        at: DateTime<Utc>,
        /// Whose.
        account: AccountId,
        /// Which.
        order_group_id: OrderGroupId,
        /// How.
        step: OrderGroupStep,
    },
    /// The exchange took an order of a member off the book by itself.
    Removal {
        /// When.
        at: DateTime<Utc>,
        /// Whose.
        account: AccountId,
        /// Which order.
        order_id: OrderId,
        /// How many contracts were left.
        count: Contracts,
        /// Why, in the exchange's own word.
        reason: &'static str,
    },
    /// A match.
    Trade(TradeRecord),
    /// A member's side of a match.
    Fill(FillRecord),
    /// A market was decided.
    Determination {
        /// When.
        at: DateTime<Utc>,
        /// Which.
        ticker: Ticker,
        /// How.
        result: SettlementResult,
        /// What one YES contract pays.
        value: Price,
    },
    /// A market's result was disputed; what was due is not paid until it is decided again.
    Dispute {
        /// When.
        at: DateTime<Utc>,
        /// Which.
        ticker: Ticker,
    },
    /// An account was paid.
    Settlement(SettlementEntry),
    /// What an account was paid was taken back, for the result was amended.
    Reversal {
        /// When.
        at: DateTime<Utc>,
        /// Whose.
        account: AccountId,
        /// The market.
        ticker: Ticker,
        /// What was taken back.
        revenue: Money,
        /// The account's balance after it.
        balance: Money,
    },
    /// The collateral returned on an account's NO positions of an event changed.
    CollateralReturn {
        /// When.
        at: DateTime<Utc>,
        /// Whose.
        account: AccountId,
        /// The event.
        event: EventTicker,
        /// What is returned now.
        returned: Money,
        /// By how much that is more than before.
        change: Money,
        /// The account's balance after it.
        balance: Money,
    },
    /// Cash came into an account.
    Deposit {
        /// When.
        at: DateTime<Utc>,
        /// Whose.
        account: AccountId,
        /// How much.
        cash: Money,
        /// The account's balance after it.
        balance: Money,
    },
    /// A series was listed, or charges other fees from now on.
    SeriesFees {
        /// When.
        at: DateTime<Utc>,
        /// Which.
        series: SeriesTicker,
        /// Its fees.
        #[serde(flatten)]
        terms: FeeTerms,
    },
    /// An event was listed.
    EventListed {
        /// When.
        at: DateTime<Utc>,
        /// Which.
        event: EventTicker,
        /// Its series.
        series: SeriesTicker,
        /// Whether at most one of its markets can pay.
        mutually_exclusive: bool,
    },
    /// An event has fees of its own from now on, or (`None`) its series' again.
    EventFees {
        /// When.
        at: DateTime<Utc>,
        /// Which.
        event: EventTicker,
        /// Its fees.
        terms: Option<FeeTerms>,
    },
    /// A market was listed.
    MarketListed {
        /// When.
        at: DateTime<Utc>,
        /// Which.
        ticker: Ticker,
        /// Its event.
        event: EventTicker,
    },
    /// The fees of a market are waived.
    FeeWaiver {
        /// When.
        at: DateTime<Utc>,
        /// Which.
        ticker: Ticker,
        /// Until when, excluded.
        until: DateTime<Utc>,
    },
    /// Collateral is returned to an account from now on, or not any more.
    Netting {
        /// When.
        at: DateTime<Utc>,
        /// Whose.
        account: AccountId,
        /// Whether it is.
        enabled: bool,
    },
    /// An account was opened.
    Opening {
        /// When.
        at: DateTime<Utc>,
        /// Who.
        account: AccountId,
        /// Its name.
        name: String,
        /// What it is to the exchange; the fills of house accounts are not logged.
        account_kind: AccountKind,
        /// Its first cash.
        cash: Money,
        /// Its balance after it.
        balance: Money,
    },
}

/// The log.
#[derive(Debug, Clone, Default)]
pub struct ExchangeLog {
    entries: Vec<LogEntry>,
}

impl ExchangeLog {
    pub(crate) const fn new() -> Self {
        Self { entries: Vec::new() }
    }

    pub(crate) fn len(&self) -> usize {
        self.entries.len()
    }

    /// Puts an entry before what it caused.
    pub(crate) fn insert(&mut self, index: usize, entry: LogEntry) {
        self.entries.insert(index.min(self.entries.len()), entry);
    }

    pub(crate) fn push(&mut self, entry: LogEntry) {
        self.entries.push(entry);
    }

    /// The entries, oldest first.
    #[must_use]
    pub fn entries(&self) -> &[LogEntry] {
        &self.entries
    }

    /// The log as one JSON object a line.
    ///
    /// # Errors
    /// When an entry cannot be serialised, which a sound build never does.
    pub fn to_ndjson(&self) -> Result<String, serde_json::Error> {
        let mut text = String::new();
        for entry in &self.entries {
            text.push_str(&serde_json::to_string(entry)?);
            text.push('\n');
        }
        Ok(text)
    }
}
