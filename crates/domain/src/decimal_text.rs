//! Decimal text to scaled integers and back, without passing through floating point.

use std::fmt;

/// Why a decimal text is not a value of the wanted type.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DecimalError {
    /// The text is not a plain decimal number.
    #[error("`{0}` is not a plain decimal number")]
    NotDecimal(String),
    /// The text has more non-zero decimals than the type can hold.
    #[error("`{text}` has more than {decimals} decimals")]
    TooPrecise {
        /// The offending text.
        text: String,
        /// How many decimals the type holds.
        decimals: u32,
    },
    /// The value lies outside the range of the type.
    #[error("`{0}` is out of range")]
    OutOfRange(String),
}

/// Parses `[-]digits[.digits]` into an integer scaled by `10^decimals`; trailing zeros beyond are accepted.
pub(crate) fn parse_scaled(text: &str, decimals: u32) -> Result<i64, DecimalError> {
    let not_decimal = || DecimalError::NotDecimal(text.to_owned());
    let out_of_range = || DecimalError::OutOfRange(text.to_owned());
    let (negative, digits) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text),
    };
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, "0"));
    if whole.is_empty() || fraction.is_empty() {
        return Err(not_decimal());
    }
    let mut value: i64 = 0;
    for byte in whole.bytes() {
        value = push_digit(value, byte, text)?;
    }
    let mut seen = 0;
    for byte in fraction.bytes() {
        if seen < decimals {
            value = push_digit(value, byte, text)?;
            seen += 1;
        } else if !byte.is_ascii_digit() {
            return Err(not_decimal());
        } else if byte != b'0' {
            return Err(DecimalError::TooPrecise {
                text: text.to_owned(),
                decimals,
            });
        }
    }
    for _ in seen..decimals {
        value = value.checked_mul(10).ok_or_else(out_of_range)?;
    }
    if negative {
        value.checked_neg().ok_or_else(out_of_range)
    } else {
        Ok(value)
    }
}

fn push_digit(value: i64, byte: u8, text: &str) -> Result<i64, DecimalError> {
    if !byte.is_ascii_digit() {
        return Err(DecimalError::NotDecimal(text.to_owned()));
    }
    value
        .checked_mul(10)
        .and_then(|v| v.checked_add(i64::from(byte - b'0')))
        .ok_or_else(|| DecimalError::OutOfRange(text.to_owned()))
}

/// Writes an integer scaled by `10^decimals` as decimal text with exactly that many decimals.
pub(crate) fn write_scaled(f: &mut fmt::Formatter<'_>, value: i64, decimals: u32) -> fmt::Result {
    let scale = 10_u64.pow(decimals);
    let magnitude = value.unsigned_abs();
    let sign = if value < 0 { "-" } else { "" };
    let width = decimals as usize;
    write!(f, "{sign}{}.{:0width$}", magnitude / scale, magnitude % scale)
}

/// Implements text and serde (as decimal text) for a newtype over a scaled integer.
macro_rules! decimal_newtype {
    ($name:ident, $decimals:expr) => {
        impl std::str::FromStr for $name {
            type Err = $crate::DecimalError;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                let raw = $crate::decimal_text::parse_scaled(text, $decimals)?;
                Self::from_raw(raw).ok_or_else(|| $crate::DecimalError::OutOfRange(text.to_owned()))
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                $crate::decimal_text::write_scaled(f, self.raw(), $decimals)
            }
        }

        impl std::fmt::Debug for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                std::fmt::Display::fmt(self, f)
            }
        }

        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
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
pub(crate) use decimal_newtype;

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, decimals: u32, expected: Result<i64, &str>) {
        assert_eq!(
            parse_scaled(text, decimals).map_err(|e| e.to_string()),
            expected.map_err(str::to_owned)
        );
    }

    #[test]
    fn plain_decimals_are_exact() {
        check("0.5600", 4, Ok(5600));
        check("1", 4, Ok(10_000));
        check("-12.5", 6, Ok(-12_500_000));
        check("0.017500", 6, Ok(17_500));
        check("7.770000000", 2, Ok(777));
    }

    #[test]
    fn what_is_not_a_decimal_is_named() {
        check("", 4, Err("`` is not a plain decimal number"));
        check(".5", 4, Err("`.5` is not a plain decimal number"));
        check("5.", 4, Err("`5.` is not a plain decimal number"));
        check("1e3", 4, Err("`1e3` is not a plain decimal number"));
        check("0.00001", 4, Err("`0.00001` has more than 4 decimals"));
        check(
            "99999999999999999999",
            2,
            Err("`99999999999999999999` is out of range"),
        );
    }
}
