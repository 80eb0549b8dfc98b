//! Names the exchange gives to series, events and markets.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

/// Why a text is not an exchange name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not an exchange name: expected 1 to 128 letters, digits, `-`, `.` or `_`")]
pub struct NameError(pub String);

fn valid(text: &str) -> bool {
    (1..=128).contains(&text.len())
        && text
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.' | b'_'))
}

macro_rules! name {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(Arc<str>);

        impl $name {
            /// The name as text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl FromStr for $name {
            type Err = NameError;

            fn from_str(text: &str) -> Result<Self, NameError> {
                if valid(text) { Ok(Self(text.into())) } else { Err(NameError(text.chars().take(160).collect())) }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(&self.0)
            }
        }

        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = <std::borrow::Cow<'de, str>>::deserialize(deserializer)?;
                text.parse().map_err(serde::de::Error::custom)
            }
        }
    };
}

name!(
    /// One market, that is one binary contract, such as `KXTOPMODEL-26SEP28-CLAU`.
    Ticker
);
name!(
    /// One event, that is the contracts that exclude each other, such as `KXTOPMODEL-26SEP28`.
    EventTicker
);
name!(
    /// One series of events, such as `KXTOPMODEL`.
    SeriesTicker
);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_from_outside_are_checked() {
        assert_eq!(
            "KXLLM1-26DEC31-A".parse::<Ticker>().unwrap().as_str(),
            "KXLLM1-26DEC31-A"
        );
        for bad in ["", "A B", "<b>", "a/../b", &"x".repeat(129)] {
            assert!(bad.parse::<Ticker>().is_err(), "{bad}");
        }
    }
}
