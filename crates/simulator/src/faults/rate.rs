//! How often.

use std::fmt;
use std::str::FromStr;

use serde::Serialize;

/// A chance in millionths, written per ten thousand with up to two decimals: `50` is one in two hundred, `0.5` one in
/// twenty thousand.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Rate(u32);

/// A text that is no rate.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a rate; write a number from 0 to 10000 per ten thousand, with up to two decimals")]
pub struct RateError(pub String);

impl Rate {
    /// Never.
    pub const NEVER: Self = Self(0);
    /// Every time.
    pub const ALWAYS: Self = Self(1_000_000);

    /// So many in ten thousand; more than ten thousand is always.
    #[must_use]
    pub const fn per_ten_thousand(count: u32) -> Self {
        Self::per_million(count.saturating_mul(100))
    }

    /// So many in a million; more than a million is always.
    #[must_use]
    pub const fn per_million(count: u32) -> Self {
        if count > Self::ALWAYS.0 {
            Self::ALWAYS
        } else {
            Self(count)
        }
    }

    /// The chance in millionths.
    #[must_use]
    pub const fn millionths(self) -> u32 {
        self.0
    }

    /// Whether a uniform draw hits.
    pub(super) fn hits(self, draw: u64) -> bool {
        // 2^64 is so much more than a million that the remainder's bias is below 1e-13.
        draw % u64::from(Self::ALWAYS.0) < u64::from(self.0)
    }
}

impl fmt::Display for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 % 100 {
            0 => write!(f, "{}", self.0 / 100),
            rest => write!(f, "{}.{rest:02}", self.0 / 100),
        }
    }
}

impl FromStr for Rate {
    type Err = RateError;

    fn from_str(text: &str) -> Result<Self, RateError> {
        let error = || RateError(text.to_owned());
        let digits = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
        let (whole, fraction) = text.split_once('.').unwrap_or((text, "0"));
        if !digits(whole) || !digits(fraction) || fraction.len() > 2 {
            return Err(error());
        }
        let whole: u32 = whole.parse().map_err(|_| error())?;
        let fraction: u32 = format!("{fraction:0<2}").parse().map_err(|_| error())?;
        whole
            .checked_mul(100)
            .and_then(|millionths| millionths.checked_add(fraction))
            .filter(|millionths| *millionths <= Self::ALWAYS.0)
            .map(Self)
            .ok_or_else(error)
    }
}

impl Serialize for Rate {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_are_read_and_written_per_ten_thousand() {
        for (text, millionths, shown) in [
            ("0", 0, "0"),
            ("50", 5_000, "50"),
            ("0.5", 50, "0.50"),
            ("0.05", 5, "0.05"),
            ("12.34", 1_234, "12.34"),
            ("10000", 1_000_000, "10000"),
        ] {
            let rate: Rate = text.parse().unwrap();
            assert_eq!(
                (rate.millionths(), rate.to_string().as_str()),
                (millionths, shown),
                "{text}"
            );
            assert_eq!(rate.to_string().parse(), Ok(rate), "{text}");
        }
    }

    #[test]
    fn what_is_no_rate_is_refused() {
        for text in [
            "",
            "-1",
            "1e3",
            ".5",
            "5.",
            "0.001",
            "10000.01",
            "99999999999",
            "x",
            "+1",
            "١",
        ] {
            assert_eq!(text.parse::<Rate>(), Err(RateError(text.to_owned())), "{text}");
        }
    }

    #[test]
    fn never_and_always_mean_it() {
        for draw in [0, 1, 999_999, 1_000_000, u64::MAX] {
            assert!(!Rate::NEVER.hits(draw), "{draw}");
            assert!(Rate::ALWAYS.hits(draw), "{draw}");
        }
        assert_eq!(Rate::per_ten_thousand(u32::MAX), Rate::ALWAYS);
    }
}
