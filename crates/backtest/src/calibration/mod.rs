//! How good each estimator would have been on a series of boards.
//!
//! Every day of the series is an origin: what the board of that day and those before it say is held against who led so many
//! days later. Nothing later than the origin enters a forecast. The figures are those of the study that the fair value rests
//! on, so that they can be compared: log loss (natural, floored) and multiclass Brier score, for models and organisations.

mod bootstrap;
mod html;
mod origins;
mod reliability;
mod report;
mod score;

pub(crate) use bootstrap::Blocks;
pub use bootstrap::Interval;
pub use html::page;
pub use origins::{Level, Progress, Run, Settings, SettingsError, run};
pub(crate) use reliability::wilson;
pub use reliability::{Bin, Reliability};
pub use report::{Difference, HorizonReport, Report, Skipped, report};
pub(crate) use score::Distribution;
pub use score::Scores;
