//! What each reason against an entry saved, and what it cost: entries that were not made, bought on paper and settled.
//!
//! - **A chance** is what one reason kept us from on one side of one contract. It begins with a stored line of the why-ledger
//!   that names what was wanted and the reason as the first against it, and lasts while the lines that follow want the same
//!   side and name the same first reason. It is bought once, at the cost and the fees of its first line, and held until the
//!   market pays. Settlement is free.
//! - **Nothing is bought twice.** When the same reason comes back on the same side of the same contract, that is a new chance
//!   only as far as more is wanted than was bought before: the rest of an edge that flickers is the same chance. The cost of a
//!   part is its share of the line's, rounded up to a millionth of a dollar, as the fees are.
//! - **What was bought after all is taken off.** Our own fills on that side that opened or enlarged a position, after the chance
//!   began and before the market paid, stand in its place: the oldest chance first. Each reason is judged alone, so one fill
//!   may stand in the place of chances of several reasons.
//! - **A chance is settled** once its market has paid, at the value of the last word on it: an amendment replaces what was
//!   paid before. Until then it is open, and a value that was determined and not paid yet is only its mark.
//! - **What nobody could have bought is no chance**: while the market is not open, past its close or the exchange pauses, the
//!   order would not have been taken, whatever we wanted.
//! - **No reason** ([`Guard::Shadow`]) stands for an entry that was wanted and only not sent.
//!
//! What the first reason of a line kept back might have been kept back by the next one as well: the figures say what a reason
//! was worth as the rules stood, not what would have come of a system without it.

mod chances;
mod report;

use autotrader_domain::{BookSide, Contracts, Decided, Fill, Money, Price, Reason, Ticker, Why};
use chrono::{DateTime, Utc};
use serde::{Serialize, Serializer};

pub use chances::{chances, last_word};
pub use report::{Ledger, Open, Row};

/// What kept an entry from being made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Guard {
    /// A reason.
    Reason(Reason),
    /// Nothing but that it was not sent.
    Shadow,
}

impl Guard {
    /// The first reason of a line.
    #[must_use]
    pub fn of(line: &Why) -> Self {
        line.reason.map_or(Self::Shadow, Self::Reason)
    }

    /// Whether the entry could have been made without it: otherwise the exchange would not have taken the order.
    #[must_use]
    pub const fn is_ours(self) -> bool {
        !matches!(
            self,
            Self::Reason(Reason::NotOpen | Reason::PastClose | Reason::ExchangePaused)
        )
    }

    /// The stable code: the reason's, or `shadow`.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Reason(reason) => reason.code(),
            Self::Shadow => "shadow",
        }
    }

    /// The sentence.
    #[must_use]
    pub const fn sentence(self) -> &'static str {
        match self {
            Self::Reason(reason) => reason.sentence(),
            Self::Shadow => "The entry was wanted and not sent.",
        }
    }
}

impl Serialize for Guard {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.code())
    }
}

/// How a chance ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case", tag = "state")]
pub enum End {
    /// The market has paid.
    Settled {
        /// When.
        at: DateTime<Utc>,
        /// What a YES contract paid.
        yes_value: Price,
        /// What the contracts brought.
        paid: Money,
        /// That less cost and fees.
        result: Money,
    },
    /// The market has not paid yet.
    Open {
        /// What a YES contract is worth by the last word: as determined, or else as the market had it in the last line.
        yes_mark: Option<Price>,
        /// What the contracts are worth by it.
        worth: Option<Money>,
        /// That less cost and fees.
        result: Option<Money>,
    },
}

/// One entry that was not made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Chance {
    /// The market.
    pub ticker: Ticker,
    /// What kept it from being made.
    #[serde(rename = "reason")]
    pub guard: Guard,
    /// What would have kept it next, by its first line.
    pub next_reason: Option<Reason>,
    /// Side of the YES book.
    pub side: BookSide,
    /// The first line.
    pub from: DateTime<Utc>,
    /// The last line.
    pub until: DateTime<Utc>,
    /// How many lines were stored of it.
    pub lines: u32,
    /// Contracts not bought before for the same reason.
    pub wanted: Contracts,
    /// Contracts bought after all.
    pub bought: Contracts,
    /// Contracts that count: wanted less bought.
    pub contracts: Contracts,
    /// What they would have cost, fees apart.
    pub cost: Money,
    /// Their fees.
    pub fees: Money,
    /// How it ended.
    #[serde(flatten)]
    pub end: End,
}

impl Chance {
    /// What the market has paid on it less cost and fees; `None` while it is open.
    #[must_use]
    pub const fn settled(&self) -> Option<Money> {
        match self.end {
            End::Settled { result, .. } => Some(result),
            End::Open { .. } => None,
        }
    }
}

/// What chances are found in. The order of lines and fills is of no account; markets' outcomes of the same instant count in the
/// order given.
#[derive(Debug, Clone, Copy)]
pub struct Evidence<'a> {
    /// Lines of the why-ledger.
    pub lines: &'a [Why],
    /// All fills of the account.
    pub fills: &'a [Fill],
    /// What markets were decided to pay.
    pub decided: &'a [Decided],
}

/// Figures that no account could hold.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the figures of {ticker} overflow")]
pub struct Overflow {
    /// The market.
    pub ticker: Ticker,
}
