//! The figures of the vintage rules.

use std::time::Duration;

use crate::DiffSettings;

/// When a newer board waits for confirmation.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct HoldSettings {
    /// The removal of a model of the first so many holds a board.
    pub removed_top: usize,
    /// The score of a model of the first so many must not jump.
    pub jump_top: usize,
    /// A jump is more than this multiple of half the model's interval.
    pub jump_multiple: f64,
    /// A jump of a model without an interval, in rating points.
    pub jump_without_interval: f64,
    /// A new leader with fewer votes is implausible.
    pub few_votes: i64,
}

impl Default for HoldSettings {
    /// Measured moves of the top 25 stay below 3.1 points in 99 of 100 changes, at half intervals of 4 to 10 points.
    fn default() -> Self {
        Self {
            removed_top: 20,
            jump_top: 10,
            jump_multiple: 4.0,
            jump_without_interval: 10.0,
            few_votes: 3_000,
        }
    }
}

/// The figures of the vintage rules.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct VintageSettings {
    /// Readings of distinct origin that confirm a held board, or other entries under the accepted stamp.
    pub confirm_readings: u32,
    /// Time that must pass between two readings that both count.
    pub confirm_apart: Duration,
    /// Readings of distinct origin that make an older board current.
    pub rollback_readings: u32,
    /// How long an older board must have been shown to become current.
    pub rollback_after: Duration,
    /// Time from the start of one poll to the start of the next.
    pub poll_interval: Duration,
    /// Failed polls in a row before the operator is told.
    pub max_consecutive_failures: u32,
    /// When a newer board waits for confirmation.
    pub holds: HoldSettings,
    /// Which changes are worth a signal, and when a new name is taken for an old model.
    pub diff: DiffSettings,
}

impl VintageSettings {
    /// The longest time without a sight of the previous board after which its successor is still fresh news.
    ///
    /// Two polls, and half a poll for jitter and the time a fetch takes.
    #[must_use]
    pub fn fresh_gap(&self) -> Duration {
        self.poll_interval.saturating_mul(5) / 2
    }
}

impl Default for VintageSettings {
    fn default() -> Self {
        Self {
            confirm_readings: 2,
            confirm_apart: Duration::from_secs(60),
            rollback_readings: 10,
            rollback_after: Duration::from_secs(30 * 60),
            poll_interval: Duration::from_secs(30),
            max_consecutive_failures: 5,
            holds: HoldSettings::default(),
            diff: DiffSettings::default(),
        }
    }
}
