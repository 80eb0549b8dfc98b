//! The ports: what the core needs from outside, as small dyn-safe traits that the edges implement.
//!
//! IO ports are async; decision ports are sync and pure.

use std::fmt;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use chrono::{DateTime, Utc};

use crate::{
    AcceptedBoard, Alert, Approval, Approvals, BoardStanding, Book, ClientOrderId, Command, CommandFinding,
    ContractTerms, Contracts, EquityMark, Evaluation, ExchangeStatus, Fill, HistoryEvent, Mapping, Market,
    MarketView, Money, Monotonic, Net, Observation, Order, OrderRequest, OrderState, Reading, Record,
    Refusal, RejectReason, RiskView, SeriesTicker, SettlementRecord, Ticker, VenueOrderId,
};

/// Wall time for records and monotonic time for deadlines.
pub trait Clock: Send + Sync + fmt::Debug {
    /// Wall time now.
    fn now(&self) -> DateTime<Utc>;
    /// Monotonic time now.
    fn monotonic(&self) -> Monotonic;
}

/// The bytes of one page and how they came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RawPage {
    /// Which configured source answered (`primary`, `fallback`, `file`).
    pub source: String,
    /// The body, decompressed.
    pub body: Bytes,
    /// What tells one origin response from a cached copy of it.
    pub origin: String,
    /// How long the fetch took.
    pub latency: Duration,
    /// When the body was complete.
    pub fetched_at: DateTime<Utc>,
    /// Bytes on the wire, as far as known.
    pub compressed_bytes: Option<u64>,
}

/// Why no page came. All are worth the next poll.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{code}: {detail}")]
pub struct SourceFailure {
    /// A stable code (`timeout`, `connect`, `http_status`, `too_large`, `redirect`, `decode`).
    pub code: &'static str,
    /// What happened, in words.
    pub detail: String,
    /// Which configured source failed last.
    pub source_name: String,
}

/// Where pages come from. Knows HTTP, not rows.
#[async_trait]
pub trait LeaderboardSource: Send + Sync {
    /// Fetches the page once, trying fallbacks. Cancellation-safe.
    async fn fetch(&self) -> Result<RawPage, SourceFailure>;
}

/// Bytes to a gated reading. Remembers only what it needs to recognise an unchanged page.
pub trait BoardReader: Send {
    /// Parses and gates one answer of the source.
    fn read(&mut self, answer: Result<RawPage, SourceFailure>, at: DateTime<Utc>) -> Reading;
}

/// Readings to accepted boards and signals: the vintage rules. Pure over its inputs.
pub trait SignalSource: Send {
    /// Takes one reading.
    fn observe(&mut self, reading: &Reading) -> Observation;
    /// Which board stands now.
    fn standing(&self) -> &BoardStanding;
    /// Starts from the board that was accepted before a restart.
    fn restore(&mut self, accepted: AcceptedBoard, renames: Vec<(String, String)>);
    /// Everything that later observations depend on, settings apart, as this source alone reads it.
    ///
    /// # Errors
    /// The serialiser's; plain data, so none is expected.
    fn snapshot(&self) -> Result<serde_json::Value, serde_json::Error>;
    /// Goes on from a snapshot.
    ///
    /// # Errors
    /// The reader's, when it is of another version or none; nothing has changed then.
    fn resume(&mut self, snapshot: &serde_json::Value) -> Result<(), serde_json::Error>;
}

/// A trading strategy. Pure: same view, same evaluation, in the same order.
pub trait Strategy: Send {
    /// The stable name.
    fn name(&self) -> &'static str;
    /// What a market's contract pays on, and whether it may be entered, by what people decided until now.
    fn map(&self, market: &Market, standing: &BoardStanding, approvals: &Approvals) -> Mapping;
    /// What to do now.
    fn evaluate(&self, view: &MarketView<'_>) -> Evaluation;
}

/// One pre-trade rule. Pure.
pub trait RiskCheck: Send + Sync {
    /// The stable name.
    fn name(&self) -> &'static str;
    /// Passes an order or refuses it with the figures.
    ///
    /// # Errors
    /// [`Refusal`] with the first limit that the order would break.
    fn check(&self, order: &Order, view: &RiskView<'_>) -> Result<(), Refusal>;
}

/// Why outside data could not be had.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FeedError {
    /// Nothing wrong with the question: ask again later.
    #[error("not available now: {0}")]
    Transient(String),
    /// The answer is not what the specification promises: stop trading what it concerns.
    #[error("unexpected answer at {path}: {detail}")]
    Schema {
        /// The place in the answer, as a JSON path.
        path: String,
        /// What was expected and what was found.
        detail: String,
    },
    /// The question itself is refused: a person must act.
    #[error("refused: {0}")]
    Refused(String),
    /// Our key, or its rights, are refused: a person must act, and nothing signed will be answered before.
    #[error("access refused: {0}")]
    AccessRefused(String),
}

/// Public market data.
#[async_trait]
pub trait MarketData: Send + Sync {
    /// Every market of a series that is not settled, with rules, grid and fees. Complete or failed.
    async fn markets(&self, series: &SeriesTicker) -> Result<Vec<Market>, FeedError>;
    /// One market, whatever its status.
    async fn market(&self, ticker: &Ticker) -> Result<Market, FeedError>;
    /// The books of some markets; a market whose book cannot be read is an `Err` of its own.
    async fn books(&self, tickers: &[Ticker]) -> Result<Vec<(Ticker, Result<Book, FeedError>)>, FeedError>;
    /// Whether the exchange takes orders.
    async fn status(&self) -> Result<ExchangeStatus, FeedError>;
}

/// What the venue says of one order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VenueOrder {
    /// The exchange's id.
    pub venue_order_id: VenueOrderId,
    /// Our id, when it is ours.
    pub client_order_id: Option<String>,
    /// The market.
    pub ticker: Ticker,
    /// Resting, Filled or Canceled; Unknown for a status this version does not know.
    pub state: OrderState,
    /// Contracts filled.
    pub filled: Contracts,
    /// Contracts still on the book.
    pub remaining: Contracts,
}

/// What became of a submission.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PlaceOutcome {
    /// Certainly not sent: may be tried again with the same id.
    NotSent {
        /// Why.
        detail: String,
    },
    /// The exchange has it.
    Accepted {
        /// The exchange's id.
        venue_order_id: VenueOrderId,
        /// Contracts filled at once.
        filled: Contracts,
        /// Contracts resting.
        remaining: Contracts,
    },
    /// The exchange refused it: certainly no order.
    Rejected {
        /// Why.
        reason: RejectReason,
        /// The exchange's words.
        detail: String,
    },
    /// Sent, outcome not known: resolve, never retry blindly.
    Unknown {
        /// What happened.
        detail: String,
    },
}

/// What became of a cancel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CancelOutcome {
    /// Cancelled; this much was taken off the book.
    Canceled {
        /// Contracts taken off the book.
        reduced_by: Contracts,
    },
    /// The exchange does not have it on the book: filled, cancelled before, or never there. Read to know.
    NotOnBook,
    /// Refused: the order stays.
    Refused {
        /// Why.
        reason: RejectReason,
        /// The exchange's words.
        detail: String,
    },
    /// Sent, outcome not known.
    Unknown {
        /// What happened.
        detail: String,
    },
}

/// What became of a cancel of everything on the account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CancelAccountOutcome {
    /// The exchange took it: what rests goes, and orders sent within the following minute may go too.
    Done,
    /// Refused: every order stays.
    Refused {
        /// Why.
        reason: RejectReason,
        /// The exchange's words.
        detail: String,
    },
    /// Sent or not, outcome not known. Repeating it is harmless.
    Unknown {
        /// What happened.
        detail: String,
    },
}

/// Bytes of an answer's body that are kept; longer ones are cut.
pub const ANSWER_LIMIT: usize = 4096;

/// How a write ended, with what the exchange answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answered<T> {
    /// What it means.
    pub outcome: T,
    /// The status and the body as received, cut to [`ANSWER_LIMIT`]; `None` when no answer came. Never a header: answers
    /// hold no secrets.
    pub answer: Option<String>,
}

impl<T> Answered<T> {
    /// An outcome that no answer of an exchange stands behind.
    pub const fn unheard(outcome: T) -> Self {
        Self {
            outcome,
            answer: None,
        }
    }
}

/// Order entry. Only `execution` calls `place`.
#[async_trait]
pub trait OrderGateway: Send + Sync {
    /// The exact body that [`OrderGateway::place`] sends for a request: equal requests give equal bodies.
    fn render(&self, request: &OrderRequest) -> String;
    /// Submits one order once, with a body that was rendered from its request. Not cancellation-safe: a dropped call has
    /// an unknown outcome.
    async fn place(&self, request: &OrderRequest, body: &str) -> Answered<PlaceOutcome>;
    /// Cancels one order. Repeating it is harmless.
    async fn cancel(&self, ticker: &Ticker, venue_order_id: &VenueOrderId) -> Answered<CancelOutcome>;
    /// Cancels every order of the account, whoever placed it. Repeating it is harmless.
    async fn cancel_account(&self) -> Answered<CancelAccountOutcome>;
}

/// What the venue says of the account.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct AccountSnapshot {
    /// The venue's own lag indicator, read before everything else.
    pub as_of: Option<DateTime<Utc>>,
    /// Every order on the account since the asked time, resting ones always.
    pub orders: Vec<VenueOrder>,
    /// Every fill since the asked time; `client_order_id` is `None` where the venue does not say.
    pub fills: Vec<Fill>,
    /// Net positions by market.
    pub positions: Vec<(Ticker, Net)>,
    /// Spendable collateral on the default shard.
    pub balance: Money,
    /// What the exchange gives back on NO positions of mutually exclusive events where the account has netting enabled:
    /// part of `balance` then, and not otherwise.
    pub collateral_return: Money,
    /// Settlements since the asked time.
    pub settlements: Vec<SettlementRecord>,
}

/// The account's side of the venue.
#[async_trait]
pub trait AccountSource: Send + Sync {
    /// Reads the whole account, complete or failed. Cancellation-safe.
    async fn snapshot(&self, since: DateTime<Utc>) -> Result<AccountSnapshot, FeedError>;
    /// Fills since a time, oldest first, complete or failed.
    async fn fills(&self, since: DateTime<Utc>) -> Result<Vec<Fill>, FeedError>;
    /// Settlements since a time, oldest first, complete or failed.
    async fn settlements(&self, since: DateTime<Utc>) -> Result<Vec<SettlementRecord>, FeedError>;
    /// One order by the exchange's id.
    async fn order(&self, venue_order_id: &VenueOrderId) -> Result<VenueOrder, FeedError>;
}

/// Why the store could not do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The database is broken, full or gone: halt.
    #[error("the database is not durable: {0}")]
    NotDurable(String),
    /// What was asked contradicts what is stored: stop and look.
    #[error("the database contradicts this: {0}")]
    Conflict(String),
}

/// Orders and fills, durable before the call returns.
#[async_trait]
pub trait OrderStore: Send + Sync {
    /// Stores a new intent with its request and the exact body, and advances the contract's generation, in one
    /// transaction.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] when the generation is not the next one or its predecessor is not terminal. Only a
    /// reduce-only, immediate-or-cancel order may follow a predecessor whose outcome is unknown.
    async fn commit_intent(
        &self,
        order: &Order,
        request: &OrderRequest,
        body: &str,
    ) -> Result<(), StoreError>;
    /// Stores an order's new state with an entry in its history: the step in words, and the exchange's raw answer where
    /// one caused it.
    async fn update_order(&self, order: &Order, detail: &str, answer: Option<&str>)
    -> Result<(), StoreError>;
    /// Stores a fill once; `false` when it was there already.
    async fn record_fill(&self, fill: &Fill) -> Result<bool, StoreError>;
    /// Stores a settlement once; `false` when it was there already.
    async fn record_settlement(&self, settlement: &SettlementRecord) -> Result<bool, StoreError>;
}

/// What was stored to be sent for an order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredRequest {
    /// The request.
    pub request: OrderRequest,
    /// The exact body that was sent, or would have been; `None` for orders stored before bodies were: those are never
    /// sent again.
    pub body: Option<String>,
}

/// What a process needs to go on after a restart.
#[derive(Debug, Clone, Default)]
pub struct Restored {
    /// Orders that are not terminal.
    pub open_orders: Vec<Order>,
    /// What was stored to be sent for them.
    pub requests: Vec<StoredRequest>,
    /// Every fill, in the order booked.
    pub fills: Vec<Fill>,
    /// Every settlement, in the order booked.
    pub settlements: Vec<SettlementRecord>,
    /// The last generation of each contract.
    pub generations: Vec<(Ticker, u64)>,
    /// The last accepted board.
    pub accepted: Option<AcceptedBoard>,
    /// Renames seen.
    pub renames: Vec<(String, String)>,
    /// What people decided about names and texts, in the order decided.
    pub approvals: Vec<Approval>,
    /// What contracts said when they were first seen.
    pub terms: Vec<(Ticker, ContractTerms)>,
    /// The history of boards, in the order it was written.
    pub history: Vec<HistoryEvent>,
    /// Contracts of which it is not known what they paid, with their checks.
    pub undecided: Vec<(Ticker, DateTime<Utc>)>,
    /// Risk causes that stand: code and detail.
    pub causes: Vec<(String, String)>,
    /// The equity from which a loss counts since its cause was released, and when that was: by the cause's code.
    pub loss_bases: Vec<(String, Money, DateTime<Utc>)>,
    /// Ours by venue id: which client order each exchange order belongs to.
    pub venue_ids: Vec<(VenueOrderId, ClientOrderId)>,
    /// Cash at the first start of this database.
    pub opening_cash: Option<Money>,
    /// What losses were counted from, as last written down.
    pub equity: Option<EquityMark>,
}

/// Everything else that is written down, and what is read back at start.
#[async_trait]
pub trait Ledger: Send + Sync {
    /// Stores records in order, in one transaction.
    async fn record(&self, records: Vec<Record>) -> Result<(), StoreError>;
    /// Reads what a restart needs.
    async fn restore(&self) -> Result<Restored, StoreError>;
    /// Stores the cash that the account had at the first start of this database.
    async fn set_opening_cash(&self, cash: Money) -> Result<(), StoreError>;
}

/// Commands from other processes.
#[async_trait]
pub trait Control: Send + Sync {
    /// Commands not yet acknowledged, oldest first, with their ids.
    async fn pending(&self) -> Result<Vec<(i64, Command)>, StoreError>;
    /// Marks a command as taken up.
    async fn acknowledge(&self, id: i64, outcome: &str) -> Result<(), StoreError>;
    /// Notes what became of an acknowledged command; a later finding replaces an earlier one.
    async fn settle(&self, id: i64, finding: &CommandFinding) -> Result<(), StoreError>;
    /// Commands acknowledged of which nothing was found out yet, oldest first, with their ids.
    async fn unsettled(&self) -> Result<Vec<(i64, Command)>, StoreError>;
}

/// Messages to the operator. Best effort: never blocks and never fails trading.
pub trait Notifier: Send + Sync {
    /// Queues an alert.
    fn notify(&self, alert: Alert);
}
