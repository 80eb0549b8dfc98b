//! The stream's error codes, and what each asks for.

/// What to do about an error of the stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Remedy {
    /// The subscription is dead: ask for it anew.
    Resubscribe,
    /// The subscription lives, but not as we believe: end it and ask for it anew.
    Replace,
    /// Too many markets in one subscription: use several.
    Split,
    /// Send the same command again, later.
    Later,
    /// This key may not have it: stop asking and say so.
    NotAllowed,
    /// The command is wrong in itself; sending it again changes nothing.
    Wrong,
    /// The session and we disagree on what is subscribed: start over.
    Reconnect,
}

/// An error code of the stream.
///
/// Source: AsyncAPI document 2.0.0, `x-error-codes`; 6, 16 and 17 are retired there and described in the guide of August 2026.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StreamErrorCode(pub i64);

impl StreamErrorCode {
    /// The code in words.
    #[must_use]
    pub const fn words(self) -> &'static str {
        match self.0 {
            1 => "unable to process message",
            2 => "params required",
            3 => "channels required",
            4 => "subscription ids required",
            5 => "unknown command",
            6 => "already subscribed",
            7 => "unknown subscription id",
            8 => "unknown channel name",
            9 => "authentication required",
            10 => "channel error",
            11 => "invalid parameter",
            12 => "exactly one subscription id is required",
            13 => "unsupported action",
            14 => "market ticker required",
            15 => "action required",
            16 => "market not found",
            17 => "internal error",
            18 => "command timeout",
            19..=22 => "bad shard parameters",
            23 => "match ids required",
            24 => "index ids required",
            25 => "subscription buffer overflow",
            26 => "subscription market limit exceeded",
            27 => "too many requests",
            28 => "underlying tickers required",
            _ => "an error this version does not know",
        }
    }

    pub(crate) const fn remedy(self) -> Remedy {
        match self.0 {
            7 | 10 | 25 => Remedy::Resubscribe,
            12 | 13 => Remedy::Replace,
            26 => Remedy::Split,
            1 | 17 | 18 | 27 => Remedy::Later,
            8 | 9 => Remedy::NotAllowed,
            2..=5 | 11 | 14..=16 | 19..=24 | 28 => Remedy::Wrong,
            6 => Remedy::Reconnect,
            _ => Remedy::Later,
        }
    }
}

impl std::fmt::Display for StreamErrorCode {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} ({})", self.0, self.words())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_documented_code_has_words_and_a_remedy() {
        for code in 1..=28 {
            assert!(!StreamErrorCode(code).words().contains("does not know"), "{code}");
        }
        for (code, remedy) in [
            (10, Remedy::Resubscribe),
            (25, Remedy::Resubscribe),
            (7, Remedy::Resubscribe),
            (26, Remedy::Split),
            (27, Remedy::Later),
            (18, Remedy::Later),
            (9, Remedy::NotAllowed),
            (13, Remedy::Replace),
            (14, Remedy::Wrong),
            (999, Remedy::Later),
        ] {
            assert_eq!(StreamErrorCode(code).remedy(), remedy, "{code}");
        }
        assert_eq!(
            StreamErrorCode(25).to_string(),
            "25 (subscription buffer overflow)"
        );
    }
}
