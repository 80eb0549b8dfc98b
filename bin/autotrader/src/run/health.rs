//! How long a feed has been failing. Pure.

use std::time::Duration;

use autotrader_domain::Monotonic;

/// What a result means for a feed's health.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Change {
    /// Nothing that anybody must hear of.
    None,
    /// It has failed for longer than it may: said once.
    FailedLong,
    /// It works again after it had failed for long.
    Recovered,
}

/// One feed's health.
#[derive(Debug)]
pub(crate) struct FeedHealth {
    patience: Duration,
    failing_since: Option<Monotonic>,
    told: bool,
}

impl FeedHealth {
    /// A healthy feed that may fail for `patience` before anybody is told.
    pub(crate) const fn new(patience: Duration) -> Self {
        Self {
            patience,
            failing_since: None,
            told: false,
        }
    }

    /// Takes one result.
    pub(crate) fn note(&mut self, works: bool, now: Monotonic) -> Change {
        if works {
            self.failing_since = None;
            return if std::mem::take(&mut self.told) {
                Change::Recovered
            } else {
                Change::None
            };
        }
        let since = *self.failing_since.get_or_insert(now);
        if !self.told && now.0.saturating_sub(since.0) >= self.patience {
            self.told = true;
            return Change::FailedLong;
        }
        Change::None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_failure_is_told_once_and_so_is_its_end() {
        let mut health = FeedHealth::new(Duration::from_secs(60));
        let mut note = |works, seconds| health.note(works, Monotonic(Duration::from_secs(seconds)));
        assert_eq!(note(true, 0), Change::None);
        assert_eq!(note(false, 10), Change::None);
        assert_eq!(
            note(true, 20),
            Change::None,
            "a short failure is nobody's business"
        );
        assert_eq!(note(false, 30), Change::None);
        assert_eq!(note(false, 89), Change::None);
        assert_eq!(note(false, 90), Change::FailedLong);
        assert_eq!(note(false, 500), Change::None, "told once");
        assert_eq!(note(true, 510), Change::Recovered);
        assert_eq!(note(true, 520), Change::None);
    }
}
