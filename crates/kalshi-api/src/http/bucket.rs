//! One token bucket with a queue in front of it. Pure: the time is told.
//!
//! Tokens come back evenly up to the capacity. Requests take theirs in order of their class and, within a class, of their
//! arrival. A class may have to leave some tokens behind: the reserve, which only more urgent classes may use.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use autotrader_domain::Monotonic;

/// The size of one bucket, in tokens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BucketSize {
    /// Tokens that may be spent at once.
    pub capacity: u32,
    /// Tokens that come back each second.
    pub refill_per_second: u32,
}

/// How urgent a request is. Earlier classes go first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Class {
    /// Cancels of every kind, and whatever has its bucket to itself.
    Cancel,
    /// Orders that can only reduce a position.
    Reduce,
    /// Changes of resting orders and of order groups.
    Change,
    /// New orders.
    Create,
}

impl Class {
    /// The part of the capacity that a request of this class leaves behind, as one over this; `None` for nothing.
    const fn leaves_one_in(self) -> Option<u32> {
        match self {
            Self::Cancel | Self::Reduce => None,
            // A fifth of the Basic write bucket is ten cancels.
            Self::Change | Self::Create => Some(5),
        }
    }
}

/// A place in the queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Ticket {
    class: Class,
    number: u64,
}

/// A request that costs more than the bucket ever holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct TooLarge {
    pub(crate) capacity: u32,
}

const MICRO: i128 = 1_000_000;
/// The longest time that ordinary requests are held back after refusals.
const LONGEST_HOLD: Duration = Duration::from_secs(5);
/// The first such time; it doubles with each further refusal.
const FIRST_HOLD: Duration = Duration::from_millis(100);

/// Tokens in millionths, so that refilling is exact in integers.
#[derive(Debug)]
pub(crate) struct Bucket {
    size: BucketSize,
    reserves: bool,
    micro_tokens: i128,
    at: Monotonic,
    queue: BTreeMap<Ticket, u32>,
    granted: BTreeSet<Ticket>,
    next_number: u64,
    refusals: u32,
    held_until: Monotonic,
}

impl Bucket {
    /// A full bucket. With `reserves`, changes and creates leave a fifth of the capacity to more urgent requests.
    pub(crate) fn new(size: BucketSize, reserves: bool, now: Monotonic) -> Self {
        Self {
            size,
            reserves,
            micro_tokens: i128::from(size.capacity) * MICRO,
            at: now,
            queue: BTreeMap::new(),
            granted: BTreeSet::new(),
            next_number: 0,
            refusals: 0,
            held_until: Monotonic::default(),
        }
    }

    pub(crate) const fn size(&self) -> BucketSize {
        self.size
    }

    /// Changes the size; tokens beyond the new capacity are lost, and none are given.
    pub(crate) fn resize(&mut self, size: BucketSize, now: Monotonic) {
        self.advance(now);
        self.size = size;
        self.micro_tokens = self.micro_tokens.min(i128::from(size.capacity) * MICRO);
    }

    /// Joins the queue.
    ///
    /// # Errors
    /// [`TooLarge`] when the cost would never be there.
    pub(crate) fn enter(&mut self, class: Class, cost: u32, now: Monotonic) -> Result<Ticket, TooLarge> {
        if cost > self.size.capacity {
            return Err(TooLarge {
                capacity: self.size.capacity,
            });
        }
        let ticket = Ticket {
            class,
            number: self.next_number,
        };
        self.next_number += 1;
        self.queue.insert(ticket, cost);
        self.advance(now);
        Ok(ticket)
    }

    /// Zero when the tokens are taken, which ends the ticket; otherwise the wait as things stand.
    pub(crate) fn turn(&mut self, ticket: Ticket, now: Monotonic) -> Duration {
        self.advance(now);
        if self.granted.remove(&ticket) || !self.queue.contains_key(&ticket) {
            return Duration::ZERO;
        }
        self.at.since(now).saturating_add(self.wait(ticket))
    }

    /// Gives the place in the queue up; what was taken stays taken.
    pub(crate) fn leave(&mut self, ticket: Ticket) {
        self.queue.remove(&ticket);
        self.granted.remove(&ticket);
    }

    /// The exchange turned a request away for want of tokens: there are none, and ordinary requests are held back, longer each
    /// time. Cancels only wait for tokens.
    pub(crate) fn turned_away(&mut self, now: Monotonic) {
        self.advance(now);
        self.micro_tokens = self.micro_tokens.min(0);
        let hold = FIRST_HOLD
            .saturating_mul(2_u32.saturating_pow(self.refusals))
            .min(LONGEST_HOLD);
        self.refusals = self.refusals.saturating_add(1);
        self.held_until = self.held_until.max(Monotonic(self.at.0.saturating_add(hold)));
    }

    /// The exchange took a request: the next refusal is a first one again.
    pub(crate) const fn passed(&mut self) {
        self.refusals = 0;
    }

    /// Refills, then lets requests through in their order as far as the tokens go.
    fn advance(&mut self, now: Monotonic) {
        let elapsed = i128::try_from(now.since(self.at).as_micros()).unwrap_or(i128::MAX / 2);
        let refill = elapsed.saturating_mul(i128::from(self.size.refill_per_second));
        let full = i128::from(self.size.capacity) * MICRO;
        self.micro_tokens = self.micro_tokens.saturating_add(refill).min(full);
        self.at = self.at.max(now);
        while let Some((&ticket, &cost)) = self.queue.first_key_value() {
            let held = ticket.class != Class::Cancel && self.held_until > self.at;
            if held
                || self.micro_tokens
                    < i128::from(cost.saturating_add(self.left_behind(ticket.class, cost))) * MICRO
            {
                break;
            }
            self.micro_tokens -= i128::from(cost) * MICRO;
            self.queue.pop_first();
            self.granted.insert(ticket);
        }
    }

    /// Tokens that must stay after a request. One as large as the bucket goes through when the bucket is full.
    fn left_behind(&self, class: Class, cost: u32) -> u32 {
        let share = class
            .leaves_one_in()
            .filter(|_| self.reserves)
            .map_or(0, |parts| self.size.capacity / parts);
        share.min(self.size.capacity.saturating_sub(cost))
    }

    /// From the bucket's own time on, if nobody more urgent comes.
    fn wait(&self, ticket: Ticket) -> Duration {
        let (mut ahead, mut needed) = (0_i128, 0_i128);
        for (other, cost) in self.queue.range(..=ticket) {
            ahead += i128::from(*cost);
            needed = needed.max(ahead + i128::from(self.left_behind(other.class, *cost)));
        }
        let refill = i128::from(self.size.refill_per_second).max(1);
        let lacking = (needed * MICRO - self.micro_tokens).max(0);
        // Micro-tokens over tokens per second are microseconds, rounded up.
        let micros = u64::try_from((lacking + refill - 1) / refill).unwrap_or(u64::MAX);
        let held = if ticket.class == Class::Cancel {
            Duration::ZERO
        } else {
            self.held_until.since(self.at)
        };
        // Never zero: a ticket that has to ask again has to wait first.
        Duration::from_micros(micros.max(1)).max(held)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const BASIC: BucketSize = BucketSize {
        capacity: 100,
        refill_per_second: 100,
    };

    fn at(millis: u64) -> Monotonic {
        Monotonic(Duration::from_millis(millis))
    }

    fn bucket() -> Bucket {
        Bucket::new(BASIC, true, at(0))
    }

    /// Enters and asks once; the wait in milliseconds.
    fn ask(bucket: &mut Bucket, class: Class, cost: u32, millis: u64) -> (Ticket, u128) {
        let ticket = bucket.enter(class, cost, at(millis)).unwrap();
        (ticket, bucket.turn(ticket, at(millis)).as_millis())
    }

    #[test]
    fn creates_leave_ten_cancels_behind_and_cancels_use_them() {
        let mut bucket = bucket();
        for _ in 0..8 {
            assert_eq!(ask(&mut bucket, Class::Create, 10, 0).1, 0);
        }
        let (create, wait) = ask(&mut bucket, Class::Create, 10, 0);
        assert_eq!(wait, 100);
        for _ in 0..10 {
            assert_eq!(
                ask(&mut bucket, Class::Cancel, 2, 0).1,
                0,
                "past the waiting create"
            );
        }
        assert_eq!(ask(&mut bucket, Class::Cancel, 2, 0).1, 20);
        assert_eq!(
            bucket.turn(create, at(100)).as_millis(),
            220,
            "it waits for all of them"
        );
    }

    #[test]
    fn classes_go_in_their_order_and_first_come_first_served_within() {
        let mut bucket = bucket();
        assert_eq!(ask(&mut bucket, Class::Cancel, 100, 0).1, 0);
        let tickets: Vec<Ticket> = [
            Class::Create,
            Class::Create,
            Class::Change,
            Class::Reduce,
            Class::Cancel,
            Class::Cancel,
        ]
        .into_iter()
        .map(|class| bucket.enter(class, 10, at(0)).unwrap())
        .collect();
        let waits: Vec<u128> = tickets
            .iter()
            .map(|t| bucket.turn(*t, at(0)).as_millis())
            .collect();
        assert_eq!(waits, [700, 800, 600, 300, 100, 200]);
    }

    #[test]
    fn a_place_given_up_is_not_waited_for() {
        let mut bucket = bucket();
        ask(&mut bucket, Class::Cancel, 100, 0);
        let first = bucket.enter(Class::Cancel, 50, at(0)).unwrap();
        let second = bucket.enter(Class::Cancel, 10, at(0)).unwrap();
        assert_eq!(bucket.turn(second, at(0)).as_millis(), 600);
        bucket.leave(first);
        assert_eq!(bucket.turn(second, at(0)).as_millis(), 100);
        assert_eq!(bucket.turn(second, at(100)), Duration::ZERO);
    }

    #[test]
    fn a_slow_waker_holds_nobody_up() {
        let mut bucket = bucket();
        ask(&mut bucket, Class::Cancel, 100, 0);
        let sleeper = bucket.enter(Class::Cancel, 10, at(0)).unwrap();
        let second = bucket.enter(Class::Cancel, 10, at(0)).unwrap();
        assert_eq!(bucket.turn(second, at(200)), Duration::ZERO);
        assert_eq!(bucket.turn(sleeper, at(900)), Duration::ZERO);
    }

    #[test]
    fn a_batch_fits_whole_or_never() {
        let mut bucket = bucket();
        let (_, wait) = ask(&mut bucket, Class::Create, 100, 0);
        assert_eq!(wait, 0, "a full bucket holds it, reserve or not");
        assert_eq!(
            bucket.enter(Class::Create, 101, at(0)),
            Err(TooLarge { capacity: 100 })
        );
    }

    #[test]
    fn a_rest_refills_to_the_capacity_and_not_beyond() {
        let mut bucket = Bucket::new(
            BucketSize {
                capacity: 10,
                refill_per_second: 10,
            },
            false,
            at(0),
        );
        assert_eq!(ask(&mut bucket, Class::Create, 10, 0).1, 0);
        assert_eq!(ask(&mut bucket, Class::Create, 10, 3_600_000).1, 0);
        assert_eq!(ask(&mut bucket, Class::Create, 10, 3_600_000).1, 1000);
    }

    #[test]
    fn a_new_size_gives_no_tokens_and_takes_those_beyond() {
        let mut bucket = bucket();
        bucket.resize(
            BucketSize {
                capacity: 600,
                refill_per_second: 300,
            },
            at(0),
        );
        assert_eq!(ask(&mut bucket, Class::Cancel, 100, 0).1, 0);
        let (ticket, wait) = ask(&mut bucket, Class::Cancel, 30, 0);
        assert_eq!(wait, 100);
        bucket.leave(ticket);
        bucket.resize(
            BucketSize {
                capacity: 20,
                refill_per_second: 10,
            },
            at(10_000),
        );
        assert_eq!(ask(&mut bucket, Class::Cancel, 20, 10_000).1, 0);
        assert_eq!(ask(&mut bucket, Class::Cancel, 2, 10_000).1, 200);
    }

    #[test]
    fn a_refusal_empties_the_bucket_and_holds_ordinary_requests_longer_each_time() {
        let mut bucket = bucket();
        bucket.turned_away(at(0));
        let (cancel, wait) = ask(&mut bucket, Class::Cancel, 2, 0);
        assert_eq!(wait, 20, "a cancel waits for its tokens only");
        bucket.leave(cancel);
        let mut holds = Vec::new();
        for round in 1..9 {
            let now = round * 100_000;
            bucket.turned_away(at(now));
            let (ticket, wait) = ask(&mut bucket, Class::Reduce, 1, now);
            bucket.leave(ticket);
            holds.push(wait);
        }
        assert_eq!(holds, [200, 400, 800, 1600, 3200, 5000, 5000, 5000]);
        bucket.passed();
        bucket.turned_away(at(2_000_000));
        assert_eq!(ask(&mut bucket, Class::Reduce, 1, 2_000_000).1, 100);
    }

    fn class() -> impl Strategy<Value = Class> {
        prop_oneof![
            Just(Class::Cancel),
            Just(Class::Reduce),
            Just(Class::Change),
            Just(Class::Create)
        ]
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(100))]

        /// Whatever is asked and whenever: in no window is more spent than it began with at most and what came back, a cancel
        /// is never behind anything less urgent, and everybody who stays is served in the end.
        #[test]
        fn the_bucket_is_never_overdrawn_and_never_unfair(
            asks in prop::collection::vec((0_u64..150, class(), 1_u32..=60, any::<bool>()), 1..40),
            reserves in any::<bool>(),
        ) {
            let size = BucketSize { capacity: 60, refill_per_second: 40 };
            let mut bucket = Bucket::new(size, reserves, at(0));
            let mut waiting: Vec<(Ticket, u32)> = Vec::new();
            let mut spent: Vec<(u64, u32, Class)> = Vec::new();
            let mut now = 0;
            let mut settle = |bucket: &mut Bucket, waiting: &mut Vec<(Ticket, u32)>, now: u64| {
                waiting.retain(|(ticket, cost)| {
                    let wait = bucket.turn(*ticket, at(now));
                    if wait.is_zero() { spent.push((now, *cost, ticket.class)); }
                    !wait.is_zero()
                });
            };
            for (pause, class, cost, gives_up) in asks {
                now += pause;
                // Millisecond steps, so that a grant is seen in the millisecond in which it is given.
                for millis in (now - pause)..=now { settle(&mut bucket, &mut waiting, millis); }
                let ticket = bucket.enter(class, cost, at(now)).unwrap();
                waiting.push((ticket, cost));
                settle(&mut bucket, &mut waiting, now);
                let cancels: i128 = waiting.iter().filter(|(t, _)| t.class == Class::Cancel).map(|(_, c)| i128::from(*c)).sum();
                if let Some((last, _)) = waiting.iter().rfind(|(t, _)| t.class == Class::Cancel) {
                    let own_wait = bucket.turn(*last, at(now)).as_millis();
                    // Its wait is that of the cancels alone.
                    prop_assert!(own_wait <= u128::try_from(cancels * 1000 / 40 + 1).unwrap());
                }
                if gives_up && let Some((ticket, _)) = waiting.pop() { bucket.leave(ticket); }
            }
            for millis in now..now + 120_000 {
                if waiting.is_empty() { break; }
                settle(&mut bucket, &mut waiting, millis);
            }
            prop_assert!(waiting.is_empty(), "served in the end");
            for (first, (from, ..)) in spent.iter().enumerate() {
                let mut sum = 0_u64;
                for (until, cost, _) in &spent[first..] {
                    sum += u64::from(*cost);
                    let allowed = 60_000 + 40 * (until - from + 1);
                    prop_assert!(sum * 1000 <= allowed, "{sum} from {from} to {until}");
                }
            }
        }

        /// However many creates came before: ten cancels pass at once.
        #[test]
        fn creates_never_starve_cancels(creates in 0_usize..60, millis in 0_u64..5_000) {
            let mut bucket = bucket();
            for n in 0..creates {
                let when = millis * n as u64 / 60;
                ask(&mut bucket, Class::Create, 10, when);
            }
            for _ in 0..10 {
                prop_assert_eq!(ask(&mut bucket, Class::Cancel, 2, millis).1, 0);
            }
        }
    }
}
