//! Scores what was forecast, and runs the same core over history.
//!
//! | module | question |
//! |---|---|
//! | [`series`] | which boards are on file, and what do they say? |
//! | [`calibration`] | how good would each estimator have been on them? |
//! | [`live`] | how good was what was said while the program ran, beside the market's prices? |
//! | [`period`] | what did a period bring, in a backtest, on paper or live? |
//! | [`replay`] | does the same core decide the same on what a journal recorded? |
//! | [`market`] | what would the core have earned on them, in a market of a named kind? |
//! | [`counterfactual`] | what did each reason against an entry save, and what did it cost? |

pub mod calibration;
pub mod counterfactual;
pub mod live;
pub mod market;
mod page;
pub mod period;
pub mod replay;
pub mod series;

pub use page::ChartError;
