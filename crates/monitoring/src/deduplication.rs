//! Equal alerts within a short time are one.

use std::collections::BTreeMap;
use std::time::Duration;

use autotrader_domain::{Alert, Severity};
use chrono::{DateTime, Utc};

/// Names remembered; the oldest are forgotten beyond that.
const REMEMBERED: usize = 1_024;

/// Remembers which alerts were passed on, by name, and how many like them were not.
#[derive(Debug)]
pub(crate) struct Deduplication {
    window: Duration,
    passed: BTreeMap<String, Passed>,
}

#[derive(Debug)]
struct Passed {
    at: DateTime<Utc>,
    severity: Severity,
    suppressed: u64,
}

impl Deduplication {
    pub fn new(window: Duration) -> Self {
        Self {
            window,
            passed: BTreeMap::new(),
        }
    }

    /// Whether an alert is to be passed on: with the number of like ones that were not since the last that was.
    ///
    /// A louder alert of the same name always passes.
    pub fn pass(&mut self, alert: &Alert) -> Option<u64> {
        let mut suppressed = 0;
        if let Some(last) = self.passed.get_mut(&alert.name) {
            let since = alert.at.signed_duration_since(last.at);
            let recent = since.abs().to_std().is_ok_and(|since| since < self.window);
            if recent && alert.severity <= last.severity {
                last.suppressed = last.suppressed.saturating_add(1);
                return None;
            }
            suppressed = last.suppressed;
        }
        self.passed.insert(
            alert.name.clone(),
            Passed {
                at: alert.at,
                severity: alert.severity,
                suppressed: 0,
            },
        );
        self.forget();
        Some(suppressed)
    }

    fn forget(&mut self) {
        while self.passed.len() > REMEMBERED {
            let oldest = self
                .passed
                .iter()
                .min_by_key(|(_, passed)| passed.at)
                .map(|(name, _)| name.clone());
            let Some(oldest) = oldest else { return };
            self.passed.remove(&oldest);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono::TimeDelta;
    use rstest::rstest;

    fn alert(name: &str, severity: Severity, second: i64) -> Alert {
        Alert {
            severity,
            name: name.to_owned(),
            text: String::new(),
            at: DateTime::UNIX_EPOCH + TimeDelta::seconds(second),
        }
    }

    const WARNING: Severity = Severity::Warning;

    #[rstest]
    #[case::first(&[("a", WARNING, 0)], &[Some(0)])]
    #[case::again(&[("a", WARNING, 0), ("a", WARNING, 59)], &[Some(0), None])]
    #[case::later(&[("a", WARNING, 0), ("a", WARNING, 60)], &[Some(0), Some(0)])]
    #[case::another(&[("a", WARNING, 0), ("b", WARNING, 1)], &[Some(0), Some(0)])]
    #[case::counted(&[("a", WARNING, 0), ("a", WARNING, 9), ("a", WARNING, 20), ("a", WARNING, 61)], &[Some(0), None, None, Some(2)])]
    #[case::louder(&[("a", WARNING, 0), ("a", Severity::Critical, 1)], &[Some(0), Some(0)])]
    #[case::quieter(&[("a", WARNING, 0), ("a", Severity::Info, 1)], &[Some(0), None])]
    #[case::clock_far_back(&[("a", WARNING, 1_000), ("a", WARNING, 0)], &[Some(0), Some(0)])]
    fn equal_names_in_the_window_are_one(
        #[case] alerts: &[(&str, Severity, i64)],
        #[case] expected: &[Option<u64>],
    ) {
        let mut memory = Deduplication::new(Duration::from_secs(60));
        let passed: Vec<_> = alerts
            .iter()
            .map(|(name, severity, second)| memory.pass(&alert(name, *severity, *second)))
            .collect();
        assert_eq!(passed, expected);
    }

    #[test]
    fn memory_is_bounded_and_keeps_the_newest() {
        let mut memory = Deduplication::new(Duration::from_secs(1_000_000));
        for second in 0..2_000 {
            memory.pass(&alert(&second.to_string(), WARNING, second));
        }
        assert_eq!(memory.passed.len(), REMEMBERED);
        assert_eq!(memory.pass(&alert("1999", WARNING, 2_000)), None);
        assert_eq!(memory.pass(&alert("0", WARNING, 2_000)), Some(0));
    }
}
