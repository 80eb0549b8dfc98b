//! Waiting and jitter, injected so that tests and virtual time need neither.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use async_trait::async_trait;

/// Waits.
#[async_trait]
pub trait Sleeper: Send + Sync + fmt::Debug {
    /// Returns after `duration` has passed. Cancellation-safe.
    async fn sleep(&self, duration: Duration);
}

/// Waits on the runtime's timer.
#[derive(Debug, Clone, Copy, Default)]
pub struct TokioSleeper;

#[async_trait]
impl Sleeper for TokioSleeper {
    async fn sleep(&self, duration: Duration) {
        tokio::time::sleep(duration).await;
    }
}

/// A source of jitter. It spreads retries; nothing secret depends on it.
pub trait Jitter: Send + Sync + fmt::Debug {
    /// A number from 0 inclusive to 1 exclusive.
    fn fraction(&self) -> f64;
}

/// Jitter from a seed: the SplitMix64 sequence.
#[derive(Debug)]
pub struct SeededJitter(AtomicU64);

impl SeededJitter {
    /// A sequence that starts at `seed`.
    #[must_use]
    pub const fn new(seed: u64) -> Self {
        Self(AtomicU64::new(seed))
    }
}

impl Jitter for SeededJitter {
    fn fraction(&self) -> f64 {
        // Constants of SplitMix64 (Steele, Lea and Flood, 2014).
        const STEP: u64 = 0x9e37_79b9_7f4a_7c15;
        let mut mixed = self.0.fetch_add(STEP, Ordering::Relaxed).wrapping_add(STEP);
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^= mixed >> 31;
        // The upper 53 bits are exact in an f64.
        (mixed >> 11) as f64 / (1_u64 << 53) as f64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn jitter_stays_in_the_unit_interval_and_repeats_by_seed() {
        let (a, b, c) = (SeededJitter::new(7), SeededJitter::new(7), SeededJitter::new(8));
        let draw = |j: &SeededJitter| (0..1000).map(|_| j.fraction()).collect::<Vec<_>>();
        let (a, b, c) = (draw(&a), draw(&b), draw(&c));
        assert_eq!(a, b);
        assert_ne!(a, c);
        assert!(a.iter().all(|f| (0.0..1.0).contains(f)));
        let mean = a.iter().sum::<f64>() / 1000.0;
        assert!((0.45..0.55).contains(&mean), "{mean}");
    }
}
