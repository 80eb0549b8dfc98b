//! The exchange: a pure, synchronous, deterministic matching engine with its ledger.
//!
//! Built from the exchange's published specification, not from the code it tests. Every change takes the time it happens at;
//! a time before the last one counts as the last one, so time never runs backwards.
//!
//! # The ledger
//!
//! Buying YES at P costs P, buying NO (an ask) costs 1 − P; a YES and a NO of one account in one market annihilate and pay
//! one dollar. So at every moment
//! `Σ cash + open interest · $1 + fees kept = Σ opening cash`, exactly, in millionths of a dollar.
//! Cash and collateral are kept per market; what netting returns across the markets of a mutually exclusive event is a function
//! of positions, kept beside them (`collateral`), and no part of that sum.

mod account;
mod agenda;
mod amend;
mod book;
mod cancel;
mod cash_flow;
mod collateral;
mod entry;
mod fee_schedule;
mod feed;
mod fees;
mod fills;
mod group;
mod ids;
mod lifecycle;
mod listing;
mod log;
mod order;
mod pauses;
mod quotes;
mod reads;
mod refusal;
mod settlement;

use std::collections::BTreeMap;

use autotrader_domain::{EventTicker, Money, SeriesTicker, Ticker};
use chrono::{DateTime, Utc};

pub use account::{Account, AccountKind, BalanceView, Holding, SettlementEntry};
pub use amend::{AmendAck, AmendOrder, Decrease, DecreaseAck, ExpirationChange};
pub use book::BookView;
pub use fee_schedule::{EventFeeChange, SeriesFeeChange};
pub use feed::{BookCause, FeedEvent, LifecycleStep};
pub use fees::{BalancePrecision, RoundingLedger, trade_fee};
pub use group::{OrderGroup, OrderGroupStep};
pub use ids::{AccountId, FeeChangeId, IdError, MarketId, OrderGroupId, OrderId, TradeId, UserId};
pub use lifecycle::LifecycleError;
pub use listing::{
    Determination, Event, EventListing, FeeModel, FeeTerms, ListingError, Market, MarketListing,
    PriceStructure, Series, SeriesListing, SettlementSource,
};
pub use log::{ExchangeLog, LogEntry};
pub use order::{
    CancelAck, FillRecord, NewOrder, OrderAck, OrderRecord, OrderStatus, SelfTradePrevention, TradeRecord,
    UpdateReason,
};
pub use quotes::{PriceSpan, QuoteSpan, candle_end};
pub use refusal::Refusal;

use agenda::Agenda;
use ids::IdMint;
use pauses::Maintenance;

/// The exchange.
#[derive(Debug, Clone)]
pub struct Exchange {
    now: DateTime<Utc>,
    mint: IdMint,
    exchange_active: bool,
    trading_active: bool,
    maintenance: Maintenance,
    series: BTreeMap<SeriesTicker, Series>,
    events: BTreeMap<EventTicker, Event>,
    markets: BTreeMap<Ticker, Market>,
    accounts: Vec<Account>,
    orders: BTreeMap<OrderId, OrderRecord>,
    versions: BTreeMap<OrderId, Vec<OrderRecord>>,
    trades: Vec<TradeRecord>,
    fills: Vec<FillRecord>,
    settlements: Vec<SettlementEntry>,
    fees_kept: Money,
    opening_cash: Money,
    clock: u64,
    agenda: Agenda,
    log: ExchangeLog,
    feed: Option<Vec<FeedEvent>>,
    series_fee_changes: Vec<SeriesFeeChange>,
    event_fee_changes: Vec<EventFeeChange>,
    /// Fills of grouped orders that their groups have not counted yet: whose, which group, hundredths of a contract.
    group_fills: Vec<(AccountId, OrderGroupId, i64)>,
    /// One order in so many is cancelled in the minute after a cancel of all; none when zero.
    swept_one_in: u32,
}

impl Exchange {
    /// An empty exchange whose ids come from `seed`.
    #[must_use]
    pub const fn new(seed: u64, at: DateTime<Utc>) -> Self {
        Self {
            now: at,
            mint: IdMint::new(seed),
            exchange_active: true,
            trading_active: true,
            maintenance: Maintenance::Off,
            series: BTreeMap::new(),
            events: BTreeMap::new(),
            markets: BTreeMap::new(),
            accounts: Vec::new(),
            orders: BTreeMap::new(),
            versions: BTreeMap::new(),
            trades: Vec::new(),
            fills: Vec::new(),
            settlements: Vec::new(),
            fees_kept: Money::ZERO,
            opening_cash: Money::ZERO,
            clock: 0,
            agenda: Agenda::new(),
            log: ExchangeLog::new(),
            feed: None,
            series_fee_changes: Vec::new(),
            event_fee_changes: Vec::new(),
            group_fills: Vec::new(),
            swept_one_in: cancel::SWEPT_ONE_IN,
        }
    }

    /// Opens an account with cash.
    pub fn open_account(
        &mut self,
        name: &str,
        kind: AccountKind,
        cash: Money,
        at: DateTime<Utc>,
    ) -> AccountId {
        self.tick(at);
        let id = AccountId(u32::try_from(self.accounts.len()).unwrap_or(u32::MAX));
        let user = self.mint.user();
        self.accounts
            .push(Account::new(id, name, kind, user, cash, self.now));
        self.opening_cash = self.opening_cash.saturating_add(cash);
        self.log.push(LogEntry::Opening {
            at: self.now,
            account: id,
            name: name.to_owned(),
            account_kind: kind,
            cash,
            balance: cash,
        });
        id
    }

    /// Starts collecting what happens, for watchers; without a watcher nothing is collected.
    pub fn watch(&mut self) {
        self.feed.get_or_insert_default();
    }

    /// What happened since the last call; empty when nobody watches.
    pub fn take_feed(&mut self) -> Vec<FeedEvent> {
        self.feed.as_mut().map(std::mem::take).unwrap_or_default()
    }

    fn publish(&mut self, event: FeedEvent) {
        if let Some(feed) = &mut self.feed {
            feed.push(event);
        }
    }
}
