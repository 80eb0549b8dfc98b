//! How often, and by how many distinct origin responses, a challenging board was shown.

use std::collections::VecDeque;
use std::time::Duration;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

/// Origins remembered; a page cached in more copies than this is no longer recognised as cached.
const REMEMBERED: usize = 128;

/// Counts the readings of one board that come from distinct origin responses far enough apart.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(super) struct Sightings {
    origins: VecDeque<String>,
    counted: u32,
    counted_at: Option<DateTime<Utc>>,
}

impl Sightings {
    /// Whether nothing was taken yet.
    pub fn is_empty(&self) -> bool {
        self.origins.is_empty()
    }

    /// Takes a reading and returns how many count now.
    ///
    /// A reading that came too early is remembered, so that a cached copy of it cannot count later.
    pub fn add(&mut self, origin: &str, at: DateTime<Utc>, apart: Duration) -> u32 {
        if self.origins.iter().any(|seen| seen == origin) {
            return self.counted;
        }
        if self.origins.len() == REMEMBERED {
            self.origins.pop_front();
        }
        self.origins.push_back(origin.to_owned());
        match self.counted_at {
            // The wall clock went back: wait from here, or the count would stand still until it caught up.
            Some(last) if at < last => self.counted_at = Some(at),
            Some(last) if elapsed(last, at) < apart => {}
            _ => {
                self.counted = self.counted.saturating_add(1);
                self.counted_at = Some(at);
            }
        }
        self.counted
    }
}

/// The time from `from` to `to`; zero when `to` is earlier.
pub(super) fn elapsed(from: DateTime<Utc>, to: DateTime<Utc>) -> Duration {
    to.signed_duration_since(from).to_std().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    fn count(readings: &[(&str, i64)], apart: u64) -> u32 {
        let mut sightings = Sightings::default();
        let mut counted = 0;
        for (origin, second) in readings {
            let at = DateTime::from_timestamp(*second, 0).unwrap();
            counted = sightings.add(origin, at, Duration::from_secs(apart));
        }
        counted
    }

    #[rstest]
    #[case::one(&[("a", 0)], 1)]
    #[case::the_same_response_again(&[("a", 0), ("a", 60), ("a", 120)], 1)]
    #[case::too_early(&[("a", 0), ("b", 59)], 1)]
    #[case::far_enough(&[("a", 0), ("b", 60)], 2)]
    #[case::a_copy_of_an_early_one_never_counts(&[("a", 0), ("b", 30), ("b", 90)], 1)]
    #[case::a_later_one_does(&[("a", 0), ("b", 30), ("c", 60)], 2)]
    #[case::two_caches_in_turn(&[("a", 0), ("b", 60), ("a", 120), ("b", 180)], 2)]
    #[case::spacing_runs_from_the_last_that_counted(&[("a", 0), ("b", 60), ("c", 90), ("d", 120)], 3)]
    #[case::a_clock_set_back_waits_from_there(&[("a", 1_000), ("b", 0), ("c", 59), ("d", 60)], 2)]
    fn counts_distinct_responses_far_enough_apart(#[case] readings: &[(&str, i64)], #[case] expected: u32) {
        assert_eq!(count(readings, 60), expected);
    }

    #[test]
    fn memory_is_bounded() {
        let mut sightings = Sightings::default();
        for second in 0..1_000 {
            let at = DateTime::from_timestamp(second, 0).unwrap();
            sightings.add(&second.to_string(), at, Duration::ZERO);
        }
        assert_eq!(sightings.counted, 1_000);
        assert_eq!(sightings.origins.len(), REMEMBERED);
    }
}
