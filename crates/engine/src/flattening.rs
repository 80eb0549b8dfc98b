//! How closing everything at an operator's word stands: contract by contract, what is left and why.

use std::collections::BTreeMap;
use std::fmt;

use autotrader_domain::{ClientOrderId, Contracts, MarketStatus, Net, RejectReason, Ticker};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

/// A flatten: asked for by an operator, carried out through reduce-only orders under the halt that it raises.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Flattening {
    /// Why, in the operator's words.
    pub reason: String,
    /// When it was asked for.
    pub asked_at: DateTime<Utc>,
    /// Where it is.
    pub stage: FlattenStage,
    /// Every contract that was held or had an open order of ours since it was asked for.
    pub legs: BTreeMap<Ticker, FlattenLeg>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) pursuits: BTreeMap<Ticker, Pursuit>,
}

/// What the core remembers of one contract between two looks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Pursuit {
    /// The position at the last look.
    pub(crate) left: Net,
    /// When it last became smaller, or the pursuit began.
    pub(crate) moved_at: DateTime<Utc>,
    /// When a closing order was last sent.
    pub(crate) sent_at: Option<DateTime<Utc>>,
    /// The largest size the exchange is asked for, after it said that collateral is missing.
    pub(crate) piece: Option<Contracts>,
    /// What became of the last closing order.
    pub(crate) refused: Option<RejectReason>,
}

impl Pursuit {
    pub(crate) const fn new(left: Net, at: DateTime<Utc>) -> Self {
        Self {
            left,
            moved_at: at,
            sent_at: None,
            piece: None,
            refused: None,
        }
    }
}

/// Where a flatten is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FlattenStage {
    /// Orders are being cancelled and positions closed.
    Working,
    /// Nothing is held and no order of ours is open, as our books have it.
    Flat,
    /// Something is left that cannot be closed now; its leg says why.
    Impossible,
}

/// One contract of a flatten.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FlattenLeg {
    /// The position that is left.
    pub left: Net,
    /// Closing orders sent so far.
    pub attempts: u32,
    /// What is being done about it.
    #[serde(flatten)]
    pub step: FlattenStep,
}

/// What is being done about one contract.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "step")]
pub enum FlattenStep {
    /// An order of ours must end first; its cancel was asked for.
    Cancelling {
        /// The order.
        client_order_id: ClientOrderId,
    },
    /// A closing order is out.
    Closing {
        /// The order.
        client_order_id: ClientOrderId,
    },
    /// Something is in the way that may pass; it is looked at again.
    Waiting {
        /// What.
        obstacle: Obstacle,
        /// Since when nothing moved.
        since: DateTime<Utc>,
    },
    /// Nothing is left.
    Closed,
    /// Given up.
    Impossible {
        /// Why.
        obstacle: Obstacle,
    },
}

/// What keeps a position from being closed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "obstacle")]
pub enum Obstacle {
    /// The last attempt was moments ago.
    Pause,
    /// An order of ours does not end.
    OrderOpen {
        /// The order.
        client_order_id: ClientOrderId,
    },
    /// No recent order book is known.
    NoBook,
    /// Nobody buys what is held: no book to sell into.
    NoBids,
    /// The exchange takes no orders.
    ExchangePaused,
    /// The market is not open for trading.
    NotOpen {
        /// Where it is in its life.
        status: MarketStatus,
    },
    /// The market has closed: it settles by itself.
    PastClose,
    /// The market is not known: its rules and grid are missing.
    UnknownMarket,
    /// The exchange refused the last closing order.
    Rejected {
        /// Why.
        reason: RejectReason,
    },
    /// Risk refused the closing order.
    Refused {
        /// Why, in words.
        detail: String,
    },
    /// The closing orders did not close it.
    GivenUp {
        /// How many were sent.
        attempts: u32,
    },
    /// The operator resumed trading before it was done.
    Resumed,
}

impl fmt::Display for Obstacle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Pause => f.write_str("the last attempt was moments ago"),
            Self::OrderOpen { client_order_id } => write!(f, "our order {client_order_id} has not ended"),
            Self::NoBook => f.write_str("no recent order book is known"),
            Self::NoBids => f.write_str("nobody buys it: no book to sell into"),
            Self::ExchangePaused => f.write_str("the exchange takes no orders"),
            Self::NotOpen { status } => write!(f, "the market is not open for trading ({status:?})"),
            Self::PastClose => f.write_str("the market has closed and settles by itself"),
            Self::UnknownMarket => f.write_str("the market is not known"),
            Self::Rejected { reason } => write!(f, "the exchange refused: {reason}"),
            Self::Refused { detail } => write!(f, "refused by our own checks: {detail}"),
            Self::GivenUp { attempts } => write!(f, "{attempts} closing orders did not close it"),
            Self::Resumed => f.write_str("trading was resumed before it was done"),
        }
    }
}

impl Flattening {
    /// A flatten that has just been asked for.
    pub(crate) const fn new(reason: String, at: DateTime<Utc>) -> Self {
        Self {
            reason,
            asked_at: at,
            stage: FlattenStage::Working,
            legs: BTreeMap::new(),
            pursuits: BTreeMap::new(),
        }
    }

    /// The contracts that are not closed, with what is in the way.
    pub fn remaining(&self) -> impl Iterator<Item = (&Ticker, &FlattenLeg)> {
        self.legs
            .iter()
            .filter(|(_, leg)| leg.step != FlattenStep::Closed)
    }

    /// Whether it has ended, one way or the other.
    #[must_use]
    pub const fn has_ended(&self) -> bool {
        !matches!(self.stage, FlattenStage::Working)
    }
}
