//! Everything random in a run, each sort with a stream of its own: what one part draws changes nothing for another.

use rand::{Rng as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;
use sha2::{Digest as _, Sha256};

/// The draws of one purpose in the run of a seed.
pub(super) fn chance(seed: u64, purpose: &str) -> ChaCha8Rng {
    let mut hasher = Sha256::new();
    hasher.update(seed.to_le_bytes());
    hasher.update(purpose);
    ChaCha8Rng::from_seed(hasher.finalize().into())
}

/// A number around zero with standard deviation one: the sum of twelve uniform ones less six, so that it needs only
/// additions and is the same on every machine.
pub(super) fn around_zero(rng: &mut ChaCha8Rng) -> f64 {
    (0..12).map(|_| rng.gen_range(0.0..1.0)).sum::<f64>() - 6.0
}
