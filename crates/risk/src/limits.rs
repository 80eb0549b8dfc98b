//! The limits an operator sets.

use autotrader_domain::{Contracts, Money};
use chrono::TimeDelta;
use serde::{Deserialize, Serialize};

/// How contracts of one event are counted against its limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EventExposureMode {
    /// The sum of all sizes.
    Gross,
    /// The size of the sum.
    Net,
}

/// The limits an operator sets; every one applies to entries, none of them blocks an exit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// Largest single order.
    pub max_order_contracts: Contracts,
    /// Largest position in one contract, orders counted as filled.
    pub max_position_per_contract: Contracts,
    /// Largest position in one event, orders counted as filled.
    pub max_position_per_event: Contracts,
    /// How the event's position is counted.
    pub event_exposure_mode: EventExposureMode,
    /// Largest loss of the worst state of one check, both series together.
    pub max_worst_state_loss: Money,
    /// Largest cost at stake on one lab, both series together.
    pub max_lab_exposure: Money,
    /// Largest cost at stake in all, in ten-thousandths of equity.
    pub max_portfolio_exposure_bp: u32,
    /// Loss of one New York day that leads to Reduce.
    pub max_daily_loss: Money,
    /// Loss of the strategy since the first start that leads to Reduce.
    pub max_strategy_loss: Money,
    /// Fall from the highest equity that leads to Reduce.
    pub max_drawdown: Money,
    /// Most orders in any 60 seconds.
    pub max_orders_per_minute: u32,
    /// How far beyond the opposite best a limit may lie, in ten-thousandths of a dollar.
    pub price_collar_raw: i64,
    /// The leaderboard must have been read within this time.
    pub max_feed_age: TimeDelta,
    /// The accepted board's stamp must be younger than this.
    pub max_board_age: TimeDelta,
    /// The contract's book must have been received within this time.
    pub max_book_age: TimeDelta,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            max_order_contracts: Contracts::whole(100),
            max_position_per_contract: Contracts::whole(100),
            max_position_per_event: Contracts::whole(250),
            event_exposure_mode: EventExposureMode::Gross,
            max_worst_state_loss: Money::dollars(150),
            max_lab_exposure: Money::dollars(150),
            max_portfolio_exposure_bp: 6_000,
            max_daily_loss: Money::dollars(50),
            max_strategy_loss: Money::dollars(200),
            max_drawdown: Money::dollars(200),
            max_orders_per_minute: 30,
            price_collar_raw: 500,
            max_feed_age: TimeDelta::minutes(10),
            max_board_age: TimeDelta::days(14),
            max_book_age: TimeDelta::minutes(2),
        }
    }
}
