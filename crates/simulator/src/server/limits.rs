//! Token buckets: what requests cost and how fast an account may spend.
//!
//! From the exchange's rate-limit guide and `GET /account/limits`: every request costs ten tokens but for the endpoints
//! that `GET /account/endpoint_costs` lists; reads, writes and the balance have buckets of their own.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use axum::http::Method;
use chrono::{DateTime, Utc};

use crate::exchange::AccountId;

/// What a request costs that is not listed.
pub(crate) const DEFAULT_COST: u32 = 10;

/// The costs that differ from the default, of the endpoints served here: method, path as reported, tokens (for a batch,
/// tokens an order).
pub(crate) const COSTS: [(&str, &str, u32); 3] = [
    ("DELETE", "/trade-api/v2/portfolio/events/orders/:order_id", 2),
    ("DELETE", "/trade-api/v2/portfolio/events/orders/batched", 2),
    ("GET", "/trade-api/v2/portfolio/orders/:order_id", 2),
];

/// What one request (or one order of a batch) of a route costs; the route is written as the router writes it, with `{}`.
pub(crate) fn cost(method: &Method, route: &str) -> u32 {
    let reported = route.replace('{', ":").replace('}', "");
    COSTS
        .iter()
        .find(|(verb, path, _)| method == verb && *path == reported)
        .map_or(DEFAULT_COST, |(_, _, cost)| *cost)
}

/// One bucket's terms.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BucketTerms {
    /// Tokens that come back every second.
    pub refill_rate: u32,
    /// Tokens it can hold; it starts full.
    pub capacity: u32,
}

/// How fast every account may ask.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tier {
    /// The word in `GET /account/limits`.
    pub name: &'static str,
    /// For reads.
    pub read: BucketTerms,
    /// For writes.
    pub write: BucketTerms,
    /// Calls of the balance a second; the bucket holds one second of them.
    pub balance_per_second: u32,
}

const fn terms(refill_rate: u32, capacity: u32) -> BucketTerms {
    BucketTerms {
        refill_rate,
        capacity,
    }
}

impl Tier {
    /// What every account has at first: 200 reading and 100 writing tokens a second, as `GET /account/limits` was recorded.
    pub const BASIC: Self = Self {
        name: "basic",
        read: terms(200, 200),
        write: terms(100, 100),
        balance_per_second: 1,
    };
    /// The second tier of the rate-limit guide, two seconds of budget in each bucket.
    pub const ADVANCED: Self = Self {
        name: "advanced",
        read: terms(300, 600),
        write: terms(300, 600),
        balance_per_second: 1,
    };
    /// The third tier of the rate-limit guide.
    pub const EXPERT: Self = Self::high("expert", 600, 600);
    /// The fourth tier of the rate-limit guide.
    pub const PREMIER: Self = Self::high("premier", 1_000, 1_000);
    /// The fifth tier of the rate-limit guide.
    pub const PARAGON: Self = Self::high("paragon", 2_000, 2_000);
    /// The sixth tier of the rate-limit guide.
    pub const PRIME: Self = Self::high("prime", 4_000, 4_000);
    /// The highest tier of the rate-limit guide.
    pub const PRESTIGE: Self = Self::high("prestige", 10_000, 8_000);
    /// So much that nobody meets a limit; for tests of something else.
    pub const UNLIMITED: Self = Self {
        name: "unlimited",
        read: terms(100_000_000, 100_000_000),
        write: terms(100_000_000, 100_000_000),
        balance_per_second: 1_000_000,
    };

    /// All tiers, the slowest first.
    pub const ALL: [Self; 8] = [
        Self::BASIC,
        Self::ADVANCED,
        Self::EXPERT,
        Self::PREMIER,
        Self::PARAGON,
        Self::PRIME,
        Self::PRESTIGE,
        Self::UNLIMITED,
    ];

    /// The tier of a name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|tier| tier.name == name)
    }

    /// A tier above the second: one second of reads and two of writes, five balances a second.
    const fn high(name: &'static str, read: u32, write: u32) -> Self {
        Self {
            name,
            read: terms(read, read),
            write: terms(write, write * 2),
            balance_per_second: 5,
        }
    }
}

impl Default for Tier {
    fn default() -> Self {
        Self::BASIC
    }
}

/// Which bucket a request draws from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Bucket {
    Read,
    Write,
    Balance,
}

#[derive(Debug, Clone, Copy)]
struct Level {
    /// Tokens in millionths.
    millionths: i64,
    at: DateTime<Utc>,
}

/// The levels of every account's buckets.
#[derive(Debug)]
pub(crate) struct Meter {
    tier: Tier,
    levels: Mutex<BTreeMap<(AccountId, Bucket), Level>>,
}

impl Meter {
    pub(crate) const fn new(tier: Tier) -> Self {
        Self {
            tier,
            levels: Mutex::new(BTreeMap::new()),
        }
    }

    pub(crate) const fn tier(&self) -> Tier {
        self.tier
    }

    /// Takes tokens if all of them are there; a refused request takes none.
    pub(crate) fn spend(&self, account: AccountId, bucket: Bucket, tokens: u32, now: DateTime<Utc>) -> bool {
        let terms = match bucket {
            Bucket::Read => self.tier.read,
            Bucket::Write => self.tier.write,
            // One call is one token of this bucket, whatever a read costs.
            Bucket::Balance => terms(self.tier.balance_per_second, self.tier.balance_per_second),
        };
        let tokens = if bucket == Bucket::Balance { 1 } else { tokens };
        let full = i64::from(terms.capacity) * 1_000_000;
        let mut levels = self.levels.lock().unwrap_or_else(PoisonError::into_inner);
        let level = levels.entry((account, bucket)).or_insert(Level {
            millionths: full,
            at: now,
        });
        let elapsed = (now - level.at).num_microseconds().unwrap_or(i64::MAX).max(0);
        let gained = elapsed.saturating_mul(i64::from(terms.refill_rate));
        level.millionths = level.millionths.saturating_add(gained).min(full);
        level.at = level.at.max(now);
        let price = i64::from(tokens) * 1_000_000;
        if level.millionths < price {
            return false;
        }
        level.millionths -= price;
        true
    }
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;

    use super::*;

    fn at(millis: i64) -> DateTime<Utc> {
        DateTime::UNIX_EPOCH + TimeDelta::milliseconds(millis)
    }

    fn spent(meter: &Meter, bucket: Bucket, tokens: u32, millis: i64) -> bool {
        meter.spend(AccountId(0), bucket, tokens, at(millis))
    }

    #[test]
    fn a_bucket_empties_and_refills_to_the_millisecond() {
        let meter = Meter::new(Tier::BASIC);
        assert!((0..20).all(|_| spent(&meter, Bucket::Read, 10, 0)));
        assert!(!spent(&meter, Bucket::Read, 10, 49));
        assert!(spent(&meter, Bucket::Read, 10, 50));
        assert!(!spent(&meter, Bucket::Read, 1, 50));
        assert!(spent(&meter, Bucket::Read, 200, 10_050), "never more than full");
        assert!(!spent(&meter, Bucket::Read, 1, 10_050));
    }

    #[test]
    fn buckets_and_accounts_are_apart_and_a_refusal_is_free() {
        let meter = Meter::new(Tier::BASIC);
        assert!(!spent(&meter, Bucket::Write, 101, 0));
        assert!(spent(&meter, Bucket::Write, 100, 0));
        assert!(spent(&meter, Bucket::Read, 200, 0));
        assert!(meter.spend(AccountId(1), Bucket::Write, 100, at(0)));
        assert!(spent(&meter, Bucket::Balance, 10, 0));
        assert!(!spent(&meter, Bucket::Balance, 10, 999));
        assert!(spent(&meter, Bucket::Balance, 10, 1_000));
    }

    #[test]
    fn time_that_runs_backwards_gives_nothing() {
        let meter = Meter::new(Tier::BASIC);
        assert!(spent(&meter, Bucket::Write, 100, 5_000));
        assert!(!spent(&meter, Bucket::Write, 1, 0));
        assert!(!spent(&meter, Bucket::Write, 1, 5_000));
    }

    #[test]
    fn costs_are_those_reported() {
        let orders = "/trade-api/v2/portfolio/events/orders";
        for (method, route, expected) in [
            (Method::POST, orders.to_owned(), 10),
            (Method::DELETE, orders.to_owned(), 10),
            (Method::DELETE, format!("{orders}/{{order_id}}"), 2),
            (Method::DELETE, format!("{orders}/batched"), 2),
            (Method::POST, format!("{orders}/batched"), 10),
            (
                Method::GET,
                "/trade-api/v2/portfolio/orders/{order_id}".to_owned(),
                2,
            ),
        ] {
            assert_eq!(cost(&method, &route), expected, "{method} {route}");
        }
    }
}
