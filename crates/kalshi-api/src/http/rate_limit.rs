//! The account's token buckets, shared by every caller of one client.
//!
//! Source of buckets, costs and the Basic sizes: the exchange's rate limit documentation. Reads and writes have their own
//! buckets; so have balance reads, and the single writes to each shard after the first.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use autotrader_domain::Monotonic;
use autotrader_domain::ports::Clock;

use super::bucket::{Bucket, BucketSize, Class, Ticket};
use super::costs::{CostTable, DEFAULT_COST};
use crate::Sleeper;

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
    /// A create or change that would have to wait longer is not sent: its price would be old.
    pub longest_write_wait: Duration,
    /// A cancel that would have to wait longer is not sent.
    pub longest_cancel_wait: Duration,
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
        balance: Some(balance_size(1)),
        longest_read_wait: Duration::from_secs(10),
        longest_write_wait: Duration::from_secs(1),
        longest_cancel_wait: Duration::from_secs(10),
    };

    /// No limits: for a stand-in exchange in virtual time.
    pub const UNLIMITED: Self = Self {
        read: None,
        write: None,
        balance: None,
        ..Self::BASIC
    };
}

/// The balance bucket for this many reads a second: it holds one second of them.
pub(crate) const fn balance_size(per_second: u32) -> BucketSize {
    BucketSize {
        capacity: per_second * DEFAULT_COST,
        refill_per_second: per_second * DEFAULT_COST,
    }
}

/// Which bucket a request draws from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Budget {
    Read,
    Balance,
    /// The write bucket without a shard, or for shards after the first one of its own.
    Write {
        shard: i32,
    },
}

/// Why a request has no turn.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum NoTurn {
    #[error("the {words} limit is used up for {} ms", wait.as_millis())]
    TooLong { words: &'static str, wait: Duration },
    #[error(
        "the request costs {cost} tokens and the {words} bucket holds {capacity}; split the batch or ask for fewer items"
    )]
    TooLarge {
        words: &'static str,
        cost: u32,
        capacity: u32,
    },
}

#[derive(Debug)]
pub(crate) struct RateLimiter {
    limits: RateLimits,
    clock: Arc<dyn Clock>,
    sleeper: Arc<dyn Sleeper>,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    read: Option<Bucket>,
    balance: Option<Bucket>,
    write: Option<Bucket>,
    /// Made when first written to, with the size of the write bucket.
    shards: BTreeMap<i32, Bucket>,
    costs: CostTable,
}

impl State {
    fn bucket(&mut self, budget: Budget, now: Monotonic) -> Option<&mut Bucket> {
        match budget {
            Budget::Read => self.read.as_mut(),
            Budget::Balance => self.balance.as_mut(),
            Budget::Write { shard: ..=0 } => self.write.as_mut(),
            Budget::Write { shard } => {
                let size = self.write.as_ref()?.size();
                Some(
                    self.shards
                        .entry(shard)
                        .or_insert_with(|| Bucket::new(size, true, now)),
                )
            }
        }
    }
}

impl Budget {
    const fn words(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Balance => "balance",
            Self::Write { .. } => "write",
        }
    }
}

impl RateLimiter {
    pub(crate) fn new(limits: RateLimits, clock: Arc<dyn Clock>, sleeper: Arc<dyn Sleeper>) -> Self {
        let now = clock.monotonic();
        let bucket = |size: Option<BucketSize>, reserves| size.map(|size| Bucket::new(size, reserves, now));
        Self {
            limits,
            clock,
            sleeper,
            state: Mutex::new(State {
                read: bucket(limits.read, false),
                balance: bucket(limits.balance, false),
                write: bucket(limits.write, true),
                shards: BTreeMap::new(),
                costs: CostTable::documented(),
            }),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The tokens of one request.
    pub(crate) fn cost(&self, method: &str, segments: &[&str]) -> u32 {
        self.state().costs.cost(method, segments)
    }

    /// Takes over other costs.
    pub(crate) fn set_costs(&self, costs: CostTable) {
        self.state().costs = costs;
    }

    /// Takes over other sizes. A bucket that was made without a limit keeps none.
    pub(crate) fn set_sizes(&self, read: BucketSize, write: BucketSize, balance: BucketSize) {
        let now = self.clock.monotonic();
        let mut state = self.state();
        let State {
            read: reads,
            balance: balances,
            write: writes,
            shards,
            ..
        } = &mut *state;
        let buckets = [(reads, read), (balances, balance), (writes, write)];
        for (bucket, size) in buckets {
            if let Some(bucket) = bucket {
                bucket.resize(size, now);
            }
        }
        for shard in shards.values_mut() {
            shard.resize(write, now);
        }
    }

    /// Waits until the tokens are there, and takes them. Cancellation-safe: a dropped call gives its place up.
    ///
    /// A sleeper that comes back is taken at its word: its time has passed, whatever the clock says.
    ///
    /// # Errors
    /// [`NoTurn`] when that takes longer than the class may wait, as far as known at any moment; then nothing is taken.
    pub(crate) async fn acquire(&self, budget: Budget, class: Class, cost: u32) -> Result<(), NoTurn> {
        let begun = self.clock.monotonic();
        let deadline = begun.0.saturating_add(self.patience(budget, class));
        let Some(place) = self.enter(budget, class, cost, begun)? else {
            return Ok(());
        };
        let mut now = begun;
        loop {
            let wait = place.turn(now);
            if wait.is_zero() {
                return Ok(());
            }
            if now.0.saturating_add(wait) > deadline {
                let words = budget.words();
                return Err(NoTurn::TooLong { words, wait });
            }
            self.sleeper.sleep(wait).await;
            now = self.clock.monotonic().max(Monotonic(now.0.saturating_add(wait)));
        }
    }

    fn enter(
        &self,
        budget: Budget,
        class: Class,
        cost: u32,
        now: Monotonic,
    ) -> Result<Option<Place<'_>>, NoTurn> {
        let mut state = self.state();
        let Some(bucket) = state.bucket(budget, now) else {
            return Ok(None);
        };
        let ticket = bucket.enter(class, cost, now).map_err(|error| NoTurn::TooLarge {
            words: budget.words(),
            cost,
            capacity: error.capacity,
        })?;
        Ok(Some(Place {
            limiter: self,
            budget,
            ticket,
        }))
    }

    fn patience(&self, budget: Budget, class: Class) -> Duration {
        match (budget, class) {
            (Budget::Read | Budget::Balance, _) => self.limits.longest_read_wait,
            (Budget::Write { .. }, Class::Cancel) => self.limits.longest_cancel_wait,
            (Budget::Write { .. }, _) => self.limits.longest_write_wait,
        }
    }

    /// What the exchange's answer says of a bucket: 429 empties it.
    pub(crate) fn learn_from(&self, budget: Budget, status: u16) {
        let now = self.clock.monotonic();
        if let Some(bucket) = self.state().bucket(budget, now) {
            if status == 429 {
                bucket.turned_away(now);
            } else {
                bucket.passed();
            }
        }
    }
}

/// A place in a queue, given up when dropped.
struct Place<'a> {
    limiter: &'a RateLimiter,
    budget: Budget,
    ticket: Ticket,
}

impl Place<'_> {
    fn turn(&self, now: Monotonic) -> Duration {
        self.limiter
            .state()
            .bucket(self.budget, now)
            .map_or(Duration::ZERO, |bucket| bucket.turn(self.ticket, now))
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        let now = self.limiter.clock.monotonic();
        if let Some(bucket) = self.limiter.state().bucket(self.budget, now) {
            bucket.leave(self.ticket);
        }
    }
}

#[cfg(test)]
mod tests {
    use async_trait::async_trait;
    use autotrader_domain::ManualClock;
    use chrono::DateTime;

    use super::*;

    /// Notes each wait and moves the clock on by it.
    #[derive(Debug)]
    struct Walking(Arc<ManualClock>, Mutex<Vec<u128>>);

    #[async_trait]
    impl Sleeper for Walking {
        async fn sleep(&self, duration: Duration) {
            self.1.lock().unwrap().push(duration.as_millis());
            self.0.advance_to(self.0.now() + duration);
        }
    }

    fn limiter(limits: RateLimits) -> (Arc<Walking>, RateLimiter) {
        let clock = Arc::new(ManualClock::new(DateTime::UNIX_EPOCH));
        let sleeper = Arc::new(Walking(Arc::clone(&clock), Mutex::default()));
        let limiter = RateLimiter::new(limits, clock, Arc::clone(&sleeper) as Arc<dyn Sleeper>);
        (sleeper, limiter)
    }

    const WRITE: Budget = Budget::Write { shard: 0 };

    #[tokio::test]
    async fn each_kind_of_request_has_its_own_bucket() {
        let (sleeper, limiter) = limiter(RateLimits::BASIC);
        limiter.acquire(WRITE, Class::Cancel, 100).await.unwrap();
        limiter.acquire(Budget::Read, Class::Create, 200).await.unwrap();
        limiter.acquire(Budget::Balance, Class::Create, 10).await.unwrap();
        limiter
            .acquire(Budget::Write { shard: 2 }, Class::Create, 100)
            .await
            .unwrap();
        limiter
            .acquire(Budget::Write { shard: 3 }, Class::Cancel, 100)
            .await
            .unwrap();
        assert!(sleeper.1.lock().unwrap().is_empty());
        // Auto-routing has the shardless bucket.
        limiter
            .acquire(Budget::Write { shard: -1 }, Class::Cancel, 2)
            .await
            .unwrap();
        limiter.acquire(Budget::Balance, Class::Create, 10).await.unwrap();
        assert_eq!(*sleeper.1.lock().unwrap(), [20, 980]);
    }

    #[tokio::test]
    async fn patience_depends_on_what_is_asked() {
        let (sleeper, limiter) = limiter(RateLimits {
            longest_write_wait: Duration::from_millis(299),
            ..RateLimits::BASIC
        });
        limiter.acquire(WRITE, Class::Cancel, 100).await.unwrap();
        let refused = limiter.acquire(WRITE, Class::Create, 10).await.unwrap_err();
        assert_eq!(refused.to_string(), "the write limit is used up for 300 ms");
        assert!(
            sleeper.1.lock().unwrap().is_empty(),
            "refused at once, without waiting"
        );
        limiter.acquire(WRITE, Class::Cancel, 100).await.unwrap();
        assert_eq!(*sleeper.1.lock().unwrap(), [1000]);
        let refused = limiter.acquire(WRITE, Class::Cancel, 101).await.unwrap_err();
        assert!(
            refused
                .to_string()
                .contains("costs 101 tokens and the write bucket holds 100"),
            "{refused}"
        );
    }

    #[tokio::test]
    async fn a_dropped_wait_gives_its_place_up() {
        let clock = Arc::new(ManualClock::new(DateTime::UNIX_EPOCH));
        let limiter = RateLimiter::new(RateLimits::BASIC, clock, Arc::new(crate::TokioSleeper));
        limiter.acquire(WRITE, Class::Cancel, 100).await.unwrap();
        let mut waiting = Box::pin(limiter.acquire(WRITE, Class::Cancel, 50));
        assert!(futures_pending(&mut waiting).await);
        drop(waiting);
        let state = limiter.state();
        assert!(
            format!("{:?}", state.write).contains("queue: {}"),
            "{:?}",
            state.write
        );
    }

    /// Polls once.
    async fn futures_pending<F: Future + Unpin>(future: &mut F) -> bool {
        std::future::poll_fn(|context| {
            std::task::Poll::Ready(std::pin::Pin::new(&mut *future).poll(context).is_pending())
        })
        .await
    }

    #[tokio::test]
    async fn learnt_sizes_and_costs_hold_for_every_bucket() {
        let (sleeper, limiter) = limiter(RateLimits::BASIC);
        limiter
            .acquire(Budget::Write { shard: 1 }, Class::Cancel, 100)
            .await
            .unwrap();
        let size = |n: u32| BucketSize {
            capacity: 2 * n,
            refill_per_second: n,
        };
        limiter.set_sizes(size(400), size(1000), balance_size(5));
        limiter.set_costs(CostTable::new(20, [("DELETE", "/trade-api/v2/a/:b", 4)]));
        limiter
            .acquire(Budget::Write { shard: 1 }, Class::Cancel, 1000)
            .await
            .unwrap();
        limiter.acquire(Budget::Balance, Class::Create, 50).await.unwrap();
        assert_eq!(*sleeper.1.lock().unwrap(), [1000]);
        assert_eq!(
            (limiter.cost("DELETE", &["a", "x"]), limiter.cost("GET", &["a"])),
            (4, 20)
        );
    }

    #[tokio::test]
    async fn without_limits_nothing_waits_and_nothing_is_learnt() {
        let (sleeper, limiter) = limiter(RateLimits::UNLIMITED);
        let tiny = BucketSize {
            capacity: 1,
            refill_per_second: 1,
        };
        limiter.set_sizes(tiny, tiny, tiny);
        limiter.learn_from(WRITE, 429);
        for budget in [WRITE, Budget::Read, Budget::Balance, Budget::Write { shard: 4 }] {
            for _ in 0..1000 {
                limiter.acquire(budget, Class::Create, 10).await.unwrap();
            }
        }
        assert!(sleeper.1.lock().unwrap().is_empty());
    }

    #[tokio::test]
    async fn a_refusal_slows_its_own_bucket_down() {
        let (sleeper, limiter) = limiter(RateLimits::BASIC);
        limiter.learn_from(WRITE, 429);
        limiter.acquire(Budget::Read, Class::Create, 10).await.unwrap();
        limiter.acquire(WRITE, Class::Cancel, 2).await.unwrap();
        limiter.acquire(WRITE, Class::Create, 10).await.unwrap();
        assert_eq!(*sleeper.1.lock().unwrap(), [20, 300]);
    }
}
