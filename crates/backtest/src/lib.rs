//! Scores what was forecast, and runs the same core over history.
//!
//! | module | question |
//! |---|---|
//! | [`series`] | which boards are on file, and what do they say? |
//! | [`calibration`] | how good would each estimator have been on them? |

pub mod calibration;
pub mod series;
