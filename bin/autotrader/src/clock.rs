//! The one place that reads the machine's clocks.

use std::time::Instant;

use autotrader_domain::Monotonic;
use autotrader_domain::ports::Clock;
use chrono::{DateTime, Utc};

/// Wall and monotonic time of this machine.
#[derive(Debug)]
pub struct SystemClock {
    start: Instant,
}

impl SystemClock {
    /// A clock whose monotonic time begins now.
    #[must_use]
    #[expect(
        clippy::disallowed_methods,
        reason = "this is the clock that is injected everywhere else"
    )]
    pub fn new() -> Self {
        Self {
            start: Instant::now(),
        }
    }
}

impl Default for SystemClock {
    fn default() -> Self {
        Self::new()
    }
}

impl Clock for SystemClock {
    #[expect(
        clippy::disallowed_methods,
        reason = "this is the clock that is injected everywhere else"
    )]
    fn now(&self) -> DateTime<Utc> {
        Utc::now()
    }

    fn monotonic(&self) -> Monotonic {
        Monotonic(self.start.elapsed())
    }
}
