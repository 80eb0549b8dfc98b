//! Token buckets that keep requests under the account's limits.
//!
//! Source of costs and Basic sizes: the exchange's rate limit documentation and its endpoint cost table. A request costs 10
//! tokens, a V2 cancel 2; reads and writes have their own buckets; the balance endpoint has one request a second apart.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use autotrader_domain::Monotonic;
use autotrader_domain::ports::Clock;

/// Tokens of an ordinary request.
pub(crate) const DEFAULT_COST: u32 = 10;
/// Tokens of a cancel.
pub(crate) const CANCEL_COST: u32 = 2;

/// The size of one bucket, in tokens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BucketSize {
    /// Tokens that may be spent at once.
    pub capacity: u32,
    /// Tokens that come back each second.
    pub refill_per_second: u32,
}

/// What an account may spend, and how long a request may wait for its turn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RateLimits {
    /// Reads; `None` when unlimited.
    pub read: Option<BucketSize>,
    /// Writes; `None` when unlimited.
    pub write: Option<BucketSize>,
    /// Balance reads; `None` when unlimited.
    pub balance: Option<BucketSize>,
    /// A read that would have to wait longer fails as transient.
    pub longest_read_wait: Duration,
    /// A write that would have to wait longer is not sent: its price would be old.
    pub longest_write_wait: Duration,
}

impl RateLimits {
    /// The Basic tier.
    pub const BASIC: Self = Self {
        read: Some(BucketSize {
            capacity: 200,
            refill_per_second: 200,
        }),
        write: Some(BucketSize {
            capacity: 100,
            refill_per_second: 100,
        }),
        balance: Some(BucketSize {
            capacity: 10,
            refill_per_second: 10,
        }),
        longest_read_wait: Duration::from_secs(10),
        longest_write_wait: Duration::from_secs(1),
    };

    /// No limits: for a stand-in exchange in virtual time.
    pub const UNLIMITED: Self = Self {
        read: None,
        write: None,
        balance: None,
        ..Self::BASIC
    };
}

/// Which bucket a request draws from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Budget {
    Read,
    Write,
    Balance,
}

#[derive(Debug)]
pub(crate) struct RateLimiter {
    limits: RateLimits,
    clock: Arc<dyn Clock>,
    buckets: Mutex<Buckets>,
}

#[derive(Debug)]
struct Buckets {
    read: Bucket,
    write: Bucket,
    balance: Bucket,
}

/// Tokens in millionths, so that refilling is exact; negative when turns are promised ahead.
#[derive(Debug, Clone, Copy)]
struct Bucket {
    micro_tokens: i128,
    at: Monotonic,
}

impl RateLimiter {
    pub(crate) fn new(limits: RateLimits, clock: Arc<dyn Clock>) -> Self {
        let at = clock.monotonic();
        let full = |size: Option<BucketSize>| Bucket {
            micro_tokens: size.map_or(0, |s| i128::from(s.capacity) * 1_000_000),
            at,
        };
        let buckets = Buckets {
            read: full(limits.read),
            write: full(limits.write),
            balance: full(limits.balance),
        };
        Self {
            limits,
            clock,
            buckets: Mutex::new(buckets),
        }
    }

    /// Reserves `cost` tokens and says how long to wait before using them.
    ///
    /// Turns are promised in order, so waiting once is enough even on a clock that stands still.
    ///
    /// # Errors
    /// The wait, when it is longer than allowed; then nothing is reserved.
    pub(crate) fn reserve(&self, budget: Budget, cost: u32) -> Result<Duration, Duration> {
        let now = self.clock.monotonic();
        let mut buckets = self.buckets.lock().unwrap_or_else(PoisonError::into_inner);
        let (bucket, size, longest) = match budget {
            Budget::Read => (&mut buckets.read, self.limits.read, self.limits.longest_read_wait),
            Budget::Write => (
                &mut buckets.write,
                self.limits.write,
                self.limits.longest_write_wait,
            ),
            Budget::Balance => (
                &mut buckets.balance,
                self.limits.balance,
                self.limits.longest_read_wait,
            ),
        };
        size.map_or(Ok(Duration::ZERO), |size| bucket.take(size, cost, now, longest))
    }
}

impl Bucket {
    fn take(
        &mut self,
        size: BucketSize,
        cost: u32,
        now: Monotonic,
        longest: Duration,
    ) -> Result<Duration, Duration> {
        let elapsed = i128::try_from(now.since(self.at).as_micros()).unwrap_or(i128::MAX / 2);
        let refill = i128::from(size.refill_per_second);
        let refilled = self.micro_tokens.saturating_add(elapsed.saturating_mul(refill));
        self.micro_tokens = refilled.min(i128::from(size.capacity) * 1_000_000);
        self.at = self.at.max(now);
        let left = self.micro_tokens - i128::from(cost) * 1_000_000;
        let wait = if left >= 0 {
            Duration::ZERO
        } else {
            // Micro-tokens over tokens per second are microseconds, rounded up.
            let micros = (-left + refill.max(1) - 1) / refill.max(1);
            Duration::from_micros(u64::try_from(micros).unwrap_or(u64::MAX))
        };
        if wait > longest {
            return Err(wait);
        }
        self.micro_tokens = left;
        Ok(wait)
    }
}

#[cfg(test)]
mod tests {
    use autotrader_domain::ManualClock;
    use chrono::DateTime;

    use super::*;

    fn limiter() -> (Arc<ManualClock>, RateLimiter) {
        let clock = Arc::new(ManualClock::new(DateTime::UNIX_EPOCH));
        let limiter = RateLimiter::new(RateLimits::BASIC, Arc::clone(&clock) as Arc<dyn Clock>);
        (clock, limiter)
    }

    fn ms(millis: u64) -> Duration {
        Duration::from_millis(millis)
    }

    #[test]
    fn ten_creates_pass_at_once_and_the_next_wait_their_turn() {
        let (_, limiter) = limiter();
        for _ in 0..10 {
            assert_eq!(limiter.reserve(Budget::Write, DEFAULT_COST), Ok(Duration::ZERO));
        }
        assert_eq!(limiter.reserve(Budget::Write, DEFAULT_COST), Ok(ms(100)));
        assert_eq!(limiter.reserve(Budget::Write, DEFAULT_COST), Ok(ms(200)));
        assert_eq!(
            limiter.reserve(Budget::Read, DEFAULT_COST),
            Ok(Duration::ZERO),
            "own bucket"
        );
    }

    #[test]
    fn a_write_that_would_wait_too_long_reserves_nothing() {
        let (clock, limiter) = limiter();
        for _ in 0..20 {
            assert!(limiter.reserve(Budget::Write, DEFAULT_COST).is_ok());
        }
        assert_eq!(limiter.reserve(Budget::Write, DEFAULT_COST), Err(ms(1100)));
        assert_eq!(limiter.reserve(Budget::Write, DEFAULT_COST), Err(ms(1100)));
        clock.advance_to(DateTime::UNIX_EPOCH + ms(1000));
        assert_eq!(limiter.reserve(Budget::Write, DEFAULT_COST), Ok(ms(100)));
    }

    #[test]
    fn fifty_cancels_pass_in_the_time_of_ten_creates() {
        let (_, limiter) = limiter();
        for _ in 0..50 {
            assert_eq!(limiter.reserve(Budget::Write, CANCEL_COST), Ok(Duration::ZERO));
        }
        assert_eq!(limiter.reserve(Budget::Write, CANCEL_COST), Ok(ms(20)));
    }

    #[test]
    fn a_rest_refills_to_the_capacity_and_not_beyond() {
        let (clock, limiter) = limiter();
        assert_eq!(limiter.reserve(Budget::Balance, DEFAULT_COST), Ok(Duration::ZERO));
        assert_eq!(limiter.reserve(Budget::Balance, DEFAULT_COST), Ok(ms(1000)));
        clock.advance_to(DateTime::UNIX_EPOCH + Duration::from_secs(3600));
        assert_eq!(limiter.reserve(Budget::Balance, DEFAULT_COST), Ok(Duration::ZERO));
        assert_eq!(limiter.reserve(Budget::Balance, DEFAULT_COST), Ok(ms(1000)));
    }

    #[test]
    fn unlimited_never_waits() {
        let clock = Arc::new(ManualClock::new(DateTime::UNIX_EPOCH));
        let limiter = RateLimiter::new(RateLimits::UNLIMITED, clock);
        for budget in [Budget::Read, Budget::Write, Budget::Balance] {
            for _ in 0..1000 {
                assert_eq!(limiter.reserve(budget, DEFAULT_COST), Ok(Duration::ZERO));
            }
        }
    }
}
