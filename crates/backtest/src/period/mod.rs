//! What a period brought: the same figures of a backtest, of paper and of live trading, from the same steps of the same core.
//!
//! - **Fills are held against what their contract paid.** An entry's expected profit is the strategy's own word when it was
//!   ordered; its realised one is the payout less price and fee, whatever became of the position in between. What has not paid
//!   yet is counted apart.
//! - **Fills are held against the book** that was last seen before them: against the best price of the other side and against
//!   the middle.
//! - **Chances that a reason kept back** are bought on paper and settled, as in [`crate::counterfactual`].
//!
//! Nothing grows with the length of a period but what is open: a contract's lines and fills are summed up when it pays, and of
//! the equity at most a thousand points are kept.

mod curve;
mod observer;
mod sheet;
mod sums;

pub use curve::{Curve, Point};
pub use observer::{Observer, Period};
pub use sheet::{Band, Sheet};
pub use sums::{Bin, Figures, Fills, GuardRow, Horizon, Slippage, Sums};
