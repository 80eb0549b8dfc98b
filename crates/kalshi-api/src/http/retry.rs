//! When and how often a read is repeated. Writes are never repeated here.

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

/// How reads retry: full jitter (a wait drawn evenly from zero to a doubling ceiling) under a budget.
///
/// Source of full jitter: M. Brooker, "Exponential Backoff and Jitter", AWS Architecture Blog, 2015.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RetryPolicy {
    /// Tries of one read, the first included.
    pub max_attempts: u32,
    /// Ceiling of the first wait.
    pub first_ceiling: Duration,
    /// Ceiling of every wait.
    pub last_ceiling: Duration,
    /// Retries that may be spent before successes have earned more.
    pub budget: u32,
}

impl Default for RetryPolicy {
    fn default() -> Self {
        Self {
            max_attempts: 4,
            first_ceiling: Duration::from_millis(100),
            last_ceiling: Duration::from_secs(2),
            budget: 10,
        }
    }
}

impl RetryPolicy {
    /// The wait before retry number `retry` (from zero), for a jitter from 0 to 1.
    pub(crate) fn wait(&self, retry: u32, jitter: f64) -> Duration {
        let doubled = self
            .first_ceiling
            .saturating_mul(2_u32.saturating_pow(retry))
            .min(self.last_ceiling);
        doubled.mul_f64(jitter.clamp(0.0, 1.0))
    }
}

/// Retries left, in tenths: a retry costs ten, a success earns one. So at most a tenth of the traffic is retries, and an
/// outage is not met with a multiple of the usual load.
#[derive(Debug)]
pub(crate) struct RetryBudget {
    tenths: AtomicU32,
    full: u32,
}

impl RetryBudget {
    pub(crate) fn new(policy: &RetryPolicy) -> Self {
        let full = policy.budget.saturating_mul(10);
        Self {
            tenths: AtomicU32::new(full),
            full,
        }
    }

    pub(crate) fn earn(&self) {
        let add = |tenths: u32| (tenths < self.full).then(|| tenths + 1);
        // An error means that the budget is full.
        let _full = self
            .tenths
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, add);
    }

    pub(crate) fn spend(&self) -> bool {
        self.tenths
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |tenths| {
                tenths.checked_sub(10)
            })
            .is_ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_the_ceiling_and_shrink_with_the_jitter() {
        let policy = RetryPolicy::default();
        let millis = |retry, jitter| policy.wait(retry, jitter).as_millis();
        assert_eq!([0, 1, 2, 3].map(|r| millis(r, 1.0)), [100, 200, 400, 800]);
        assert_eq!(millis(40, 1.0), 2000);
        assert_eq!(millis(0, 0.5), 50);
        assert_eq!(millis(9, 0.0), 0);
    }

    #[test]
    fn the_budget_runs_out_and_is_earned_back() {
        let budget = RetryBudget::new(&RetryPolicy {
            budget: 2,
            ..RetryPolicy::default()
        });
        assert!(budget.spend() && budget.spend());
        assert!(!budget.spend());
        for _ in 0..10 {
            assert!(!budget.spend());
            budget.earn();
        }
        assert!(budget.spend());
        for _ in 0..1000 {
            budget.earn();
        }
        assert!(budget.spend() && budget.spend() && !budget.spend());
    }
}
