//! What is written down besides orders and fills.

use std::sync::Arc;

use chrono::{DateTime, NaiveDate, Utc};
use serde::{Deserialize, Serialize};

use crate::{
    AcceptedBoard, ApprovalDecision, BoardHash, CoherenceFinding, ContractTerms, Decided, ForecastRecord,
    HistoryEvent, Mapping, Money, Reading, Reason, SettlementRecord, Signal, Ticker, Urgency, Why,
};

/// The equity at one instant, and what losses are counted from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct EquityMark {
    /// When.
    pub at: DateTime<Utc>,
    /// The New York date.
    pub day: NaiveDate,
    /// Cash plus marked positions.
    pub equity: Money,
    /// What the day's loss is counted from: the day's first equity.
    pub day_open: Money,
    /// What the drawdown is counted from: the highest equity, or that at which an operator accepted the drawdown.
    pub peak: Money,
}

/// One thing to keep for later questions.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "record")]
pub enum Record {
    /// A poll of the leaderboard, kept as a compact row; its board is kept once per hash.
    Reading(Reading),
    /// A board became current.
    Accepted(Arc<AcceptedBoard>),
    /// A change between accepted boards.
    Signal {
        /// When.
        at: DateTime<Utc>,
        /// The board that brought it.
        board: BoardHash,
        /// How soon it deserves attention.
        urgency: Urgency,
        /// The change.
        signal: Signal,
    },
    /// A line of the why-ledger.
    Decision(Why),
    /// What an accepted board added to the history of boards.
    History {
        /// When.
        at: DateTime<Utc>,
        /// In the order they were added.
        events: Vec<HistoryEvent>,
    },
    /// What an estimator said of a check.
    Forecast(ForecastRecord),
    /// Prices that contradict each other.
    Coherence {
        /// When.
        at: DateTime<Utc>,
        /// What was found.
        finding: CoherenceFinding,
    },
    /// What a contract pays on, as far as it is known now.
    Mapped {
        /// When.
        at: DateTime<Utc>,
        /// What the mapping gate says of it.
        mapping: Mapping,
    },
    /// A decision of a person about a name or a text came into force.
    Approval {
        /// When.
        at: DateTime<Utc>,
        /// Who decided.
        by: String,
        /// What was decided.
        approval: ApprovalDecision,
    },
    /// What a contract says, when it is first seen.
    Terms {
        /// When.
        at: DateTime<Utc>,
        /// The contract.
        ticker: Ticker,
        /// What it says.
        terms: ContractTerms,
    },
    /// An order that risk refused.
    Refusal {
        /// When.
        at: DateTime<Utc>,
        /// The market.
        ticker: Ticker,
        /// Why.
        reason: Reason,
        /// With the figures, in words.
        detail: String,
    },
    /// A risk cause that was raised or released.
    RiskCause {
        /// When.
        at: DateTime<Utc>,
        /// The cause's code.
        cause: String,
        /// Raised, or released.
        raised: bool,
        /// Who or what did it, in words.
        detail: String,
    },
    /// An operator released a cause of loss: from now on its loss counts from this equity.
    LossBase {
        /// When.
        at: DateTime<Utc>,
        /// The cause's code.
        cause: String,
        /// Cash plus marked positions then.
        equity: Money,
    },
    /// A settled market.
    Settlement(SettlementRecord),
    /// What a market was decided to pay, whoever held it.
    Decided(Decided),
    /// What losses are counted from.
    Equity(EquityMark),
    /// Something about the process itself.
    System {
        /// When.
        at: DateTime<Utc>,
        /// A stable name.
        name: String,
        /// In words.
        detail: String,
    },
}
