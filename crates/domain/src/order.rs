//! Intents, orders and what happens to them.

use std::fmt;
use std::str::FromStr;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::{
    Claim, Contracts, EventTicker, FeeSchedule, Money, NameError, Price, RejectReason, SeriesTicker, Side,
    Ticker,
};

/// A side of the one YES book: a bid buys YES, an ask sells YES (which is buying NO at one minus the price).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BookSide {
    /// Buy YES.
    Bid,
    /// Sell YES, or buy NO.
    Ask,
}

impl BookSide {
    /// The other side.
    #[must_use]
    pub const fn opposite(self) -> Self {
        match self {
            Self::Bid => Self::Ask,
            Self::Ask => Self::Bid,
        }
    }
}

/// Which exchange environment orders belong to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Environment {
    /// The exchange's demonstration environment.
    Demo,
    /// The exchange with real money.
    Production,
}

impl fmt::Display for Environment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Demo => "demo",
            Self::Production => "production",
        })
    }
}

/// Whether orders reach an exchange or are simulated on its books.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ExecutionMode {
    /// Orders are simulated on the exchange's books.
    Paper,
    /// Orders are sent.
    Live,
}

impl fmt::Display for ExecutionMode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Paper => "paper",
            Self::Live => "live",
        })
    }
}

/// How long an order lives.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TimeInForce {
    /// Fill what is there, cancel the rest.
    ImmediateOrCancel,
    /// Fill all or nothing.
    FillOrKill,
    /// Rest until cancelled, or until the expiry when one is given.
    GoodTillCanceled {
        /// When the exchange removes what is left; seconds precision.
        expires_at: Option<DateTime<Utc>>,
    },
}

/// Why an order exists; decides which limits apply.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Purpose {
    /// Opens or adds: every limit applies.
    Entry,
    /// Reduces a position: limits that stop entries do not apply.
    Exit,
    /// Closes a position because an operator asked for everything to be closed: reduce-only, and passed even under a halt.
    Flatten,
}

impl Purpose {
    /// Whether the order may only take a position back.
    #[must_use]
    pub const fn reduces(self) -> bool {
        matches!(self, Self::Exit | Self::Flatten)
    }
}

/// What the strategy wants done on one contract, before risk has seen it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Intent {
    /// The market.
    pub ticker: Ticker,
    /// Its event.
    pub event: EventTicker,
    /// Its series.
    pub series: SeriesTicker,
    /// What the contract pays on.
    pub claim: Claim,
    /// Side of the YES book.
    pub side: BookSide,
    /// How many contracts.
    pub contracts: Contracts,
    /// Limit, a YES price.
    pub limit: Price,
    /// How long it lives.
    pub time_in_force: TimeInForce,
    /// Why it exists.
    pub purpose: Purpose,
    /// Fee terms of the market.
    pub fees: FeeSchedule,
    /// When the leaderboard is checked.
    pub check_time: DateTime<Utc>,
    /// Whether the exchange refuses it rather than let it take: only for orders that rest.
    pub post_only: bool,
    /// What it is expected to earn after fees if it fills whole, in millionths of a dollar: for its place in the order of
    /// sending only.
    pub edge: Money,
    /// The strategy that wants it.
    pub strategy: String,
    /// The sentence that explains it.
    pub rationale: String,
}

impl Intent {
    /// The most this intent can cost if filled whole at its limit, fees apart; `None` on overflow.
    ///
    /// Selling YES that is not held costs its NO price.
    #[must_use]
    pub fn notional(&self) -> Option<Money> {
        match self.side {
            BookSide::Bid => self.limit.times(self.contracts),
            BookSide::Ask => self.limit.complement().times(self.contracts),
        }
    }

    /// Which outcome it buys when it opens: a bid buys YES, an ask buys NO.
    #[must_use]
    pub const fn outcome(&self) -> Side {
        match self.side {
            BookSide::Bid => Side::Yes,
            BookSide::Ask => Side::No,
        }
    }
}

macro_rules! order_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
        pub struct $name(String);

        impl $name {
            /// The id as text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl FromStr for $name {
            type Err = NameError;

            fn from_str(text: &str) -> Result<Self, NameError> {
                let sound = (1..=128).contains(&text.len())
                    && text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.' | b':'));
                if sound { Ok(Self(text.to_owned())) } else { Err(NameError(text.chars().take(160).collect())) }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = <std::borrow::Cow<'de, str>>::deserialize(deserializer)?;
                text.parse().map_err(serde::de::Error::custom)
            }
        }
    };
}

order_id!(
    /// Our id of an order, minted once and known to the exchange.
    ClientOrderId
);
order_id!(
    /// The exchange's id of an order.
    VenueOrderId
);

order_id!(
    /// The exchange's id of an order group: orders that it cancels together.
    OrderGroupId
);

/// How many orders one contract has seen in one database: advances with every committed intent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Generation(pub u64);

/// What is sent: an intent with its minted id. A resend repeats the exact body that was made of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OrderRequest {
    /// Our id.
    pub client_order_id: ClientOrderId,
    /// The market.
    pub ticker: Ticker,
    /// Side of the YES book.
    pub side: BookSide,
    /// How many contracts.
    pub contracts: Contracts,
    /// Limit, a YES price.
    pub limit: Price,
    /// How long it lives.
    pub time_in_force: TimeInForce,
    /// Whether the exchange may only reduce a position with it (needs immediate-or-cancel).
    pub reduce_only: bool,
    /// Whether the exchange refuses it rather than let it take (only for orders that rest).
    pub post_only: bool,
    /// The shard of the market.
    pub exchange_index: i32,
    /// The order group that it belongs to; `None` for an order of its own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub order_group: Option<OrderGroupId>,
}

impl OrderRequest {
    /// The request of an order on the shard of its market, in no group.
    #[must_use]
    pub fn of(order: &Order, exchange_index: i32) -> Self {
        let intent = &order.intent;
        Self {
            client_order_id: order.client_order_id.clone(),
            ticker: intent.ticker.clone(),
            side: intent.side,
            contracts: intent.contracts,
            limit: intent.limit,
            time_in_force: intent.time_in_force,
            reduce_only: order.reduce_only,
            post_only: intent.post_only,
            exchange_index,
            order_group: None,
        }
    }
}

/// Where an order is in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OrderState {
    /// Durable, not yet sent.
    Intended,
    /// On the wire, no answer yet.
    Sent,
    /// On the book, nothing filled.
    Resting,
    /// Some filled, the rest on the book.
    PartiallyFilled,
    /// All filled.
    Filled,
    /// Cancelled, possibly after some fills.
    Canceled,
    /// Refused by the exchange.
    Rejected,
    /// Removed by the exchange at its expiry.
    Expired,
    /// Sent, outcome not known: to be resolved before anything else on the contract.
    Unknown,
    /// Durable, certainly never sent, given up.
    Abandoned,
}

impl OrderState {
    /// Whether nothing more can happen to the order.
    #[must_use]
    pub const fn is_terminal(self) -> bool {
        matches!(
            self,
            Self::Filled | Self::Canceled | Self::Rejected | Self::Expired | Self::Abandoned
        )
    }

    /// Whether the life cycle allows going from this state to `next`.
    ///
    /// Late fills after a terminal state are recorded as fills; they do not reopen the order.
    #[must_use]
    pub const fn may_become(self, next: Self) -> bool {
        use OrderState as S;
        matches!(
            (self, next),
            (S::Intended, S::Sent | S::Abandoned | S::Unknown)
                | (
                    S::Sent | S::Unknown,
                    S::Resting
                        | S::PartiallyFilled
                        | S::Filled
                        | S::Canceled
                        | S::Rejected
                        | S::Expired
                        | S::Unknown
                        | S::Abandoned,
                )
                | (
                    S::Resting | S::PartiallyFilled,
                    S::PartiallyFilled | S::Filled | S::Canceled | S::Expired | S::Unknown
                )
        )
    }

    /// The stable name of the state.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Intended => "intended",
            Self::Sent => "sent",
            Self::Resting => "resting",
            Self::PartiallyFilled => "partially_filled",
            Self::Filled => "filled",
            Self::Canceled => "canceled",
            Self::Rejected => "rejected",
            Self::Expired => "expired",
            Self::Unknown => "unknown",
            Self::Abandoned => "abandoned",
        }
    }
}

/// An order as our books know it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Order {
    /// Our id.
    pub client_order_id: ClientOrderId,
    /// Which order of its contract it is.
    pub generation: Generation,
    /// The exchange's id, once known.
    pub venue_order_id: Option<VenueOrderId>,
    /// What was wanted.
    pub intent: Intent,
    /// Whether the exchange may only reduce a position with it.
    pub reduce_only: bool,
    /// Where it is in its life.
    pub state: OrderState,
    /// Contracts filled so far.
    pub filled: Contracts,
    /// When the intent was committed.
    pub created_at: DateTime<Utc>,
    /// When it last changed.
    pub updated_at: DateTime<Utc>,
    /// Why the exchange refused it.
    pub reject_reason: Option<RejectReason>,
}

impl Order {
    /// Contracts that may still fill; zero once the order is terminal.
    #[must_use]
    pub const fn open_contracts(&self) -> Contracts {
        if self.state.is_terminal() {
            Contracts::ZERO
        } else {
            self.intent.contracts.saturating_sub(self.filled)
        }
    }
}

/// A step in an order's life, as execution reports it to the core.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OrderUpdate {
    /// The order after the step.
    pub order: Order,
    /// The step in words, for the log.
    pub detail: String,
}
