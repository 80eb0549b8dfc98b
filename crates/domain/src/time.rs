//! Wall time is `chrono::DateTime<Utc>`; monotonic time is its own type, so the two never mix.

use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use chrono::{DateTime, Utc};

/// Monotonic time since an arbitrary start: for deadlines and latencies, never for records.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Monotonic(pub Duration);

impl Monotonic {
    /// The time elapsed since an earlier instant; zero when `earlier` is later.
    #[must_use]
    pub fn since(self, earlier: Self) -> Duration {
        self.0.saturating_sub(earlier.0)
    }
}

/// A clock that moves only when told to: for tests, replays and virtual time.
#[derive(Debug)]
pub struct ManualClock {
    start_micros: i64,
    now_micros: AtomicI64,
}

impl ManualClock {
    /// A clock standing at `start`.
    #[must_use]
    pub const fn new(start: DateTime<Utc>) -> Self {
        let micros = start.timestamp_micros();
        Self {
            start_micros: micros,
            now_micros: AtomicI64::new(micros),
        }
    }

    /// Moves the clock to `at`; a time before now is ignored, because time does not run backwards.
    pub fn advance_to(&self, at: DateTime<Utc>) {
        self.now_micros.fetch_max(at.timestamp_micros(), Ordering::SeqCst);
    }
}

impl crate::ports::Clock for ManualClock {
    fn now(&self) -> DateTime<Utc> {
        DateTime::from_timestamp_micros(self.now_micros.load(Ordering::SeqCst))
            .unwrap_or(DateTime::UNIX_EPOCH)
    }

    fn monotonic(&self) -> Monotonic {
        let elapsed = self
            .now_micros
            .load(Ordering::SeqCst)
            .saturating_sub(self.start_micros);
        Monotonic(Duration::from_micros(elapsed.unsigned_abs()))
    }
}
