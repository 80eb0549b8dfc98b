//! What can go wrong.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// A name that is no fault.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a fault; the faults are {all}", all = FaultKind::names())]
pub struct UnknownFault(pub String);

/// One list makes the variants, their names and [`FaultKind::ALL`], so that none can be forgotten.
macro_rules! fault_kinds {
    ($($(#[$doc:meta])* $variant:ident = $name:literal,)*) => {
        /// A way in which the exchange, the stream or the leaderboard site misbehaves.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(rename_all = "snake_case")]
        pub enum FaultKind {
            $($(#[$doc])* $variant,)*
        }

        impl FaultKind {
            /// Every kind, in the order of declaration.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            /// Its name in specifications, counters and JSON.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$variant => $name,)*
                }
            }
        }
    };
}

fault_kinds! {
    /// The answer comes late, by the rule's amount.
    Latency = "latency",
    /// The request is neither processed nor answered; after the rule's amount the connection is reset.
    TimeoutBefore = "timeout_before",
    /// The request is processed and never answered; after the rule's amount the connection is reset.
    TimeoutAfter = "timeout_after",
    /// The connection is reset before the request is processed.
    ResetBefore = "reset_before",
    /// The connection is reset after the request is processed.
    ResetAfter = "reset_after",
    /// 429, not processed.
    TooManyRequests = "too_many_requests",
    /// 500, 502, 503 or 504, not processed.
    ServerError = "server_error",
    /// 503, although the request is processed.
    LostAnswer = "lost_answer",
    /// The JSON of a success ends too early.
    TruncatedJson = "truncated_json",
    /// A field that no specification knows is added to a success.
    UnknownField = "unknown_field",
    /// An enumerated value of a success is replaced by one that no specification knows.
    UnknownValue = "unknown_value",
    /// A field that the specification requires is absent from a success.
    MissingField = "missing_field",
    /// The exchange's clock is ahead by the rule's amount (behind when negative): signature checks and `Date`.
    ClockSkew = "clock_skew",
    /// A listing's page is cut short, or empty, with a cursor that goes on.
    PartialPage = "partial_page",
    /// Client order ids older than the rule's amount are forgotten and accepted again.
    ForgottenIds = "forgotten_ids",
    /// Reads of the account show how things were the rule's amount ago.
    ReadLag = "read_lag",
    /// A result is disputed and, after the rule's amount, decided again.
    DisputedResult = "disputed_result",
    /// A WebSocket message is not sent; its sequence number is spent.
    WsDrop = "ws_drop",
    /// A WebSocket message is sent twice.
    WsDuplicate = "ws_duplicate",
    /// A WebSocket message is overtaken by the one after it.
    WsReorder = "ws_reorder",
    /// Sequence numbers of a subscription are skipped although nothing is lost.
    WsGap = "ws_gap",
    /// A WebSocket stays open and says nothing for the rule's amount.
    WsSilence = "ws_silence",
    /// A WebSocket's connection is reset.
    WsReset = "ws_reset",
    /// A WebSocket is ended by the terminal error of a full buffer.
    WsOverflow = "ws_overflow",
    /// The JSON of a WebSocket message ends too early.
    WsTruncated = "ws_truncated",
    /// A WebSocket message of a type that no specification knows is sent in between.
    WsUnknownType = "ws_unknown_type",
    /// A field that no specification knows is added to a WebSocket message.
    WsUnknownField = "ws_unknown_field",
    /// A field that the specification requires is absent from a WebSocket message.
    WsMissingField = "ws_missing_field",
    /// The leaderboard site answers 500.
    PageError = "page_error",
    /// The leaderboard page ends too early.
    PageTruncated = "page_truncated",
    /// The leaderboard page comes late, by the rule's amount.
    PageSlow = "page_slow",
}

impl FaultKind {
    /// Whether the rule's amount means a time for this kind.
    #[must_use]
    pub const fn takes_amount(self) -> bool {
        self.default_amount_ms() != 0
    }

    /// The amount when a rule names none, in milliseconds; 0 for kinds that have none.
    #[must_use]
    pub const fn default_amount_ms(self) -> i64 {
        match self {
            Self::Latency => 50,
            Self::PageSlow => 1_000,
            // Longer than any sensible client waits for an answer.
            Self::TimeoutBefore | Self::TimeoutAfter => 30_000,
            // Beyond the tolerance of signature checks.
            Self::ClockSkew => 60_000,
            Self::ForgottenIds => 60_000,
            Self::ReadLag => 2_000,
            Self::DisputedResult => 600_000,
            // Longer than the exchange's ping interval of about ten seconds.
            Self::WsSilence => 30_000,
            _ => 0,
        }
    }

    /// Whether it happens to WebSocket messages.
    #[must_use]
    pub fn is_stream(self) -> bool {
        self.name().starts_with("ws_")
    }

    fn names() -> String {
        Self::ALL
            .iter()
            .map(|kind| kind.name())
            .collect::<Vec<_>>()
            .join(", ")
    }
}

impl fmt::Display for FaultKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for FaultKind {
    type Err = UnknownFault;

    fn from_str(text: &str) -> Result<Self, UnknownFault> {
        Self::ALL
            .iter()
            .find(|kind| kind.name() == text)
            .copied()
            .ok_or_else(|| UnknownFault(text.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_is_found_by_its_name_and_serialises_as_it() {
        for kind in FaultKind::ALL {
            assert_eq!(kind.name().parse(), Ok(*kind));
            assert_eq!(serde_json::to_value(kind).unwrap(), kind.name());
        }
    }

    #[test]
    fn a_wrong_name_is_answered_with_the_right_ones() {
        let error = "ws_drops".parse::<FaultKind>().unwrap_err().to_string();
        assert!(
            error.starts_with("`ws_drops` is not a fault; the faults are latency, "),
            "{error}"
        );
        assert!(error.contains("ws_drop, "), "{error}");
    }
}
