//! Orders as they are asked for, answered and kept.

use autotrader_domain::{BookSide, Contracts, Money, Price, Ticker, TimeInForce};
use chrono::{DateTime, Utc};
use serde::Serialize;

use super::fees::RoundingLedger;
use super::ids::{AccountId, OrderGroupId, OrderId, TradeId};

/// What happens when an order would match another order of the same account.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum SelfTradePrevention {
    /// What is left of the incoming order is cancelled.
    TakerAtCross,
    /// The resting order is cancelled and matching goes on.
    Maker,
}

/// An order as a participant asks for it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct NewOrder {
    /// The market.
    pub ticker: Ticker,
    /// The participant's own id; the only protection against doing it twice.
    pub client_order_id: Option<String>,
    /// Side of the YES book.
    pub side: BookSide,
    /// How many contracts.
    pub count: Contracts,
    /// The limit, a YES price.
    pub price: Price,
    /// How long it lives.
    pub time_in_force: TimeInForce,
    /// Refuse it rather than let it take.
    pub post_only: bool,
    /// Cap it at the position it reduces; needs immediate-or-cancel.
    pub reduce_only: bool,
    /// What happens at a cross with the same account.
    pub self_trade_prevention: SelfTradePrevention,
    /// Cancel it when trading is paused.
    pub cancel_on_pause: bool,
    /// The order group it belongs to.
    pub order_group_id: Option<OrderGroupId>,
}

impl NewOrder {
    /// An order that rests until cancelled, without a client id: what a market maker quotes with.
    #[must_use]
    pub const fn resting(ticker: Ticker, side: BookSide, count: Contracts, price: Price) -> Self {
        Self {
            ticker,
            client_order_id: None,
            side,
            count,
            price,
            time_in_force: TimeInForce::GoodTillCanceled { expires_at: None },
            post_only: false,
            reduce_only: false,
            self_trade_prevention: SelfTradePrevention::Maker,
            cancel_on_pause: false,
            order_group_id: None,
        }
    }

    /// An order that takes what is there and cancels the rest, without a client id.
    #[must_use]
    pub const fn immediate(ticker: Ticker, side: BookSide, count: Contracts, price: Price) -> Self {
        let mut order = Self::resting(ticker, side, count, price);
        order.time_in_force = TimeInForce::ImmediateOrCancel;
        order.self_trade_prevention = SelfTradePrevention::TakerAtCross;
        order
    }
}

/// The answer to an accepted order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct OrderAck {
    /// The exchange's id.
    pub order_id: OrderId,
    /// The participant's id.
    pub client_order_id: Option<String>,
    /// Contracts filled at once.
    pub filled: Contracts,
    /// Contracts left on the book.
    pub remaining: Contracts,
    /// What the fills cost or earned at their prices: the sum of YES price times contracts.
    pub notional: Money,
    /// Fees of the fills.
    pub fees: Money,
    /// When it was processed.
    pub at: DateTime<Utc>,
}

/// The answer to a cancel.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CancelAck {
    /// The exchange's id.
    pub order_id: OrderId,
    /// The participant's id.
    pub client_order_id: Option<String>,
    /// Contracts taken off the book.
    pub reduced_by: Contracts,
    /// When it was processed.
    pub at: DateTime<Utc>,
}

/// Where an order is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum OrderStatus {
    /// Some of it is on the book.
    Resting,
    /// What was left of it was taken off.
    Canceled,
    /// All of it was filled.
    Executed,
}

impl OrderStatus {
    /// The word on the wire.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Resting => "resting",
            Self::Canceled => "canceled",
            Self::Executed => "executed",
        }
    }
}

/// Why an order last changed, in the exchange's own words.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub enum UpdateReason {
    /// Filled.
    Trade,
    /// Cancelled to prevent a match with the same account.
    SelfTradeCancel,
    /// Removed at its expiry.
    ExpiryCancel,
    /// Removed at the market's close.
    CloseCancel,
    /// Removed by a pause.
    HaltCancel,
    /// Capped at the position it may reduce.
    ReduceOnlyCancel,
    /// Price, size, expiry or client id changed on request.
    Amend,
    /// Made smaller on request.
    Decrease,
}

impl UpdateReason {
    /// The word on the wire.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Trade => "Trade",
            Self::SelfTradeCancel => "SelfTradeCancel",
            Self::ExpiryCancel => "ExpiryCancel",
            Self::CloseCancel => "CloseCancel",
            Self::HaltCancel => "HaltCancel",
            Self::ReduceOnlyCancel => "ReduceOnlyCancel",
            Self::Amend => "Amend",
            Self::Decrease => "Decrease",
        }
    }
}

/// An accepted order as the exchange keeps it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OrderRecord {
    /// The exchange's id.
    pub id: OrderId,
    /// Who placed it.
    pub account: AccountId,
    /// What was asked for, as later amended: the count is the total that may fill, what is filled already included.
    pub asked: NewOrder,
    /// Contracts filled.
    pub filled: Contracts,
    /// Contracts on the book.
    pub remaining: Contracts,
    /// Where it is.
    pub status: OrderStatus,
    /// Why it last changed; nothing when it only rested or was cancelled on request.
    pub reason: Option<UpdateReason>,
    /// When it was accepted.
    pub created_at: DateTime<Utc>,
    /// When it last changed.
    pub updated_at: DateTime<Utc>,
    /// Price times contracts of its fills as taker: YES price for a bid, NO price for an ask.
    pub taker_cost: Money,
    /// Price times contracts of its fills as maker.
    pub maker_cost: Money,
    /// Fees of its fills as taker.
    pub taker_fees: Money,
    /// Fees of its fills as maker.
    pub maker_fees: Money,
    pub(crate) rounding: RoundingLedger,
}

impl OrderRecord {
    pub(crate) const fn new(id: OrderId, account: AccountId, asked: NewOrder, at: DateTime<Utc>) -> Self {
        Self {
            id,
            account,
            filled: Contracts::ZERO,
            remaining: asked.count,
            asked,
            status: OrderStatus::Resting,
            reason: None,
            created_at: at,
            updated_at: at,
            taker_cost: Money::ZERO,
            maker_cost: Money::ZERO,
            taker_fees: Money::ZERO,
            maker_fees: Money::ZERO,
            rounding: RoundingLedger::new(),
        }
    }

    /// Books a fill at `outcome`, the price of the outcome the order buys.
    pub(crate) fn record_fill(
        &mut self,
        outcome: Price,
        count: Contracts,
        fee: Money,
        is_taker: bool,
        at: DateTime<Utc>,
    ) {
        let cost = outcome.times(count).unwrap_or(Money::ZERO);
        let (costs, fees) = if is_taker {
            (&mut self.taker_cost, &mut self.taker_fees)
        } else {
            (&mut self.maker_cost, &mut self.maker_fees)
        };
        *costs = costs.saturating_add(cost);
        *fees = fees.saturating_add(fee);
        self.filled = self.filled.checked_add(count).unwrap_or(self.filled);
        self.remaining = self.remaining.saturating_sub(count);
        self.reason = Some(UpdateReason::Trade);
        self.updated_at = at;
        if self.remaining.is_zero() {
            self.status = OrderStatus::Executed;
        }
    }
}

/// One account's side of one match.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FillRecord {
    /// The match.
    pub trade_id: TradeId,
    /// Whose fill it is.
    pub account: AccountId,
    /// The order that was filled.
    pub order_id: OrderId,
    /// The participant's id of that order.
    pub client_order_id: Option<String>,
    /// The market.
    pub ticker: Ticker,
    /// Side of the filled order.
    pub side: BookSide,
    /// How many contracts.
    pub count: Contracts,
    /// At what YES price.
    pub price: Price,
    /// Whether it took.
    pub is_taker: bool,
    /// What the fill paid (negative) or earned before its fee; a closed pair earns one dollar.
    pub revenue: Money,
    /// The net fee.
    pub fee: Money,
    /// The account's balance after it: cash and returned collateral, what this fill changes in the return not yet included.
    pub balance: Money,
    /// When.
    pub at: DateTime<Utc>,
    /// The account's position in the market after it, in hundredths of a contract, negative for NO.
    pub position_after: autotrader_domain::Net,
}

/// One public match.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct TradeRecord {
    /// Its id.
    pub trade_id: TradeId,
    /// The market.
    pub ticker: Ticker,
    /// How many contracts.
    pub count: Contracts,
    /// At what YES price.
    pub price: Price,
    /// Side of the order that took.
    pub taker_side: BookSide,
    /// When.
    pub at: DateTime<Utc>,
}
