//! Scores what the program said while it ran against what came, beside the market's price at the same moment.
//!
//! - **Per contract** ([`contracts`]): the estimator, what was traded on (pooled), the market's own probability and the
//!   baselines, each on the *same* lines of the why-ledger. Of the lines of one contract the first within each span of days
//!   before the check counts: hourly lines of one contract are one opinion, not twenty-four.
//! - **Per check** ([`checks`]): the stored distributions over all models and organisations against who won.
//!
//! Contracts of one company at one check share their fate, so intervals draw such events together, and events are what is
//! counted. A market that paid something between zero and a dollar says nothing of who won; it is left out, and counted.

pub mod checks;
pub mod contracts;

use std::fmt;

use chrono::{DateTime, Utc};
use serde::{Serialize, Serializer};

pub use checks::{Check, CheckReport};
pub use contracts::{Contract, ContractReport, LeftOut, Said};

pub use crate::calibration::Level;

/// The least probability of what came that is scored. Source: as for historical boards.
const FLOOR: f64 = 1e-4;

/// Ends of the spans of days before a check.
const ENDS: [f64; 5] = [1.0, 3.0, 7.0, 14.0, 30.0];

/// Names of the spans.
const NAMES: [&str; 6] = ["0-1", "1-3", "3-7", "7-14", "14-30", "30+"];

/// A span of days before a check, the nearest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Span(usize);

impl Span {
    /// All spans, the nearest first.
    pub fn all() -> impl Iterator<Item = Self> {
        (0..NAMES.len()).map(Self)
    }

    /// The span that a time lies in; `None` at or after the check.
    #[must_use]
    pub fn of(at: DateTime<Utc>, check: DateTime<Utc>) -> Option<Self> {
        let days = check.signed_duration_since(at).as_seconds_f64() / 86_400.0;
        let place = ENDS.iter().position(|end| days <= *end).unwrap_or(ENDS.len());
        (days > 0.0).then_some(Self(place))
    }

    /// From when until when before a check it lies.
    #[must_use]
    pub fn times(self, check: DateTime<Utc>) -> (Option<DateTime<Utc>>, DateTime<Utc>) {
        let before = |days: f64| {
            // Whole days, far below the range of a duration.
            #[expect(clippy::cast_possible_truncation, reason = "the spans end on whole days")]
            let days = days as i64;
            check - chrono::TimeDelta::days(days)
        };
        let nearest = self.0.checked_sub(1).and_then(|place| ENDS.get(place));
        (
            ENDS.get(self.0).map(|end| before(*end)),
            nearest.map_or(check, |end| before(*end)),
        )
    }

    /// Its name: days before the check.
    #[must_use]
    pub fn name(self) -> &'static str {
        NAMES.get(self.0).copied().unwrap_or("30+")
    }
}

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl Serialize for Span {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono::TimeDelta;
    use rstest::rstest;

    #[rstest]
    #[case(0, None)]
    #[case(-5, None)]
    #[case(1, Some("0-1"))]
    #[case(24, Some("0-1"))]
    #[case(25, Some("1-3"))]
    #[case(72, Some("1-3"))]
    #[case(73, Some("3-7"))]
    #[case(30 * 24, Some("14-30"))]
    #[case(30 * 24 + 1, Some("30+"))]
    fn a_time_lies_in_one_span(#[case] hours: i64, #[case] name: Option<&str>) {
        let check: DateTime<Utc> = "2026-12-04T15:00:00Z".parse().unwrap();
        let at = check - TimeDelta::hours(hours);
        let span = Span::of(at, check);
        assert_eq!(span.map(Span::name), name);
        if let Some(span) = span {
            let (from, until) = span.times(check);
            assert!(from.is_none_or(|from| from <= at) && at < until);
        }
    }
}
