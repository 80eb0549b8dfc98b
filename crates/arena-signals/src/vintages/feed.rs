//! The health of the feed: when the operator is told that no tradable page comes.

use autotrader_domain::{Alert, GatedBoard, Severity, Verdict};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

/// What the last readings were like, as far as the operator was told.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct FeedHealth {
    failures: u32,
    /// What the operator was last told: a stable key, empty when all is well.
    told: String,
}

impl FeedHealth {
    /// A poll brought no page.
    pub fn failed(&mut self, code: &str, detail: &str, limit: u32, at: DateTime<Utc>) -> Option<Alert> {
        self.failures = self.failures.saturating_add(1);
        if self.failures < limit {
            return None;
        }
        let failures = self.failures;
        self.tell("leaderboard_failing", || Alert {
            severity: Severity::Critical,
            name: "leaderboard_failing".to_owned(),
            text: format!("The leaderboard could not be read {failures} times in a row: {code}, {detail}."),
            at,
        })
    }

    /// A page came that must not be traded on.
    pub fn not_tradable(&mut self, page: &GatedBoard, at: DateTime<Utc>) -> Option<Alert> {
        self.failures = 0;
        let (name, severity, what) = match page.verdict {
            Verdict::DisplayOnly => (
                "leaderboard_display_only",
                Severity::Warning,
                "may be shown but not traded on",
            ),
            Verdict::Tradable | Verdict::Refused => ("leaderboard_refused", Severity::Warning, "is refused"),
        };
        let codes: Vec<&str> = page.reasons.iter().map(|reason| reason.code.as_str()).collect();
        let details: Vec<String> = page
            .reasons
            .iter()
            .map(|reason| format!("{} ({})", reason.code.as_str(), reason.detail))
            .collect();
        self.tell(&format!("{name}:{}", codes.join(",")), || Alert {
            severity,
            name: name.to_owned(),
            text: format!("The leaderboard page {what}: {}.", details.join("; ")),
            at,
        })
    }

    /// A tradable page came.
    pub fn tradable(&mut self, at: DateTime<Utc>) -> Option<Alert> {
        self.failures = 0;
        if self.told.is_empty() {
            return None;
        }
        self.told.clear();
        Some(Alert {
            severity: Severity::Info,
            name: "leaderboard_recovered".to_owned(),
            text: "The leaderboard can be read and traded on again.".to_owned(),
            at,
        })
    }

    /// Says a thing once, until another is said or all is well.
    fn tell(&mut self, key: &str, alert: impl FnOnce() -> Alert) -> Option<Alert> {
        if self.told == key {
            return None;
        }
        key.clone_into(&mut self.told);
        Some(alert())
    }
}
