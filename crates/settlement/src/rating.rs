//! Rating statistics: the text as given beside its value.

use crate::decimal;
use std::cmp::Ordering;
use std::fmt;

/// A rating statistic: the decimal text the source gave and its value in rating points.
///
/// The text is kept so that a board can be shown, compared and hashed exactly as it was read.
///
/// ```
/// use autotrader_settlement::Rating;
///
/// let score = Rating::parse("1500.56")?;
/// assert_eq!(score.to_string(), "1500.56");
/// assert_eq!(score.displayed(), 1501.0);
/// # Ok::<(), autotrader_settlement::RatingError>(())
/// ```
#[derive(Clone, PartialEq)]
pub struct Rating {
    text: Box<str>,
    value: f64,
}

/// Why a text is not a rating.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RatingError {
    /// The offending text.
    pub text: String,
}

impl fmt::Display for RatingError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}` is not a decimal number", self.text)
    }
}

impl std::error::Error for RatingError {}

impl Rating {
    /// Reads a finite decimal number, keeping its text.
    ///
    /// # Errors
    /// [`RatingError`] when the text is not a finite decimal number.
    pub fn parse(text: &str) -> Result<Self, RatingError> {
        let plain = text
            .bytes()
            .all(|b| b.is_ascii_digit() || matches!(b, b'.' | b'-' | b'+' | b'e' | b'E'));
        match text.parse::<f64>() {
            Ok(value) if plain && value.is_finite() => Ok(Self {
                text: text.into(),
                value,
            }),
            _ => Err(RatingError {
                text: text.to_owned(),
            }),
        }
    }

    /// A rating from a computed value; its text is the shortest that reads back the same.
    ///
    /// NaN and infinities are accepted here, because settlement defines results for them.
    #[must_use]
    pub fn from_value(value: f64) -> Self {
        Self {
            text: value.to_string().into_boxed_str(),
            value,
        }
    }

    /// The value in rating points.
    #[must_use]
    pub fn value(&self) -> f64 {
        self.value
    }

    /// The text as given.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The integer the page prints for it, in rating points: rounded half away from zero, zero without a sign.
    ///
    /// The page rounds the double it was sent, so this does too. NaN and infinities stay what they are.
    #[must_use]
    pub fn displayed(&self) -> f64 {
        // Adding zero turns the negative zero of `-0.4` into zero.
        self.value.round() + 0.0
    }

    /// Compares by exact decimal value, ascending: NaN, then minus infinity, the finite numbers, infinity.
    ///
    /// Two texts that `f64` cannot tell apart are compared digit by digit; `1.50` equals `1.5`. This is a total
    /// preorder: transitive whatever mixture of texts and computed values it is given.
    #[must_use]
    pub fn total_cmp(&self, other: &Self) -> Ordering {
        match self.value.partial_cmp(&other.value) {
            // Reading a decimal as `f64` never inverts an order, so only equal values need their texts.
            Some(Ordering::Equal) if self.value.is_finite() => decimal::compare(&self.text, &other.text),
            Some(order) => order,
            None => other.value.is_nan().cmp(&self.value.is_nan()),
        }
    }
}

impl fmt::Debug for Rating {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl fmt::Display for Rating {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

#[cfg(feature = "serde")]
impl serde::Serialize for Rating {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.text)
    }
}

#[cfg(feature = "serde")]
impl<'de> serde::Deserialize<'de> for Rating {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = <std::borrow::Cow<'de, str>>::deserialize(deserializer)?;
        Self::parse(&text).map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::Rating;
    use rstest::rstest;
    use std::cmp::Ordering::{self, Equal, Greater, Less};

    fn rating(text: &str) -> Rating {
        match text {
            "NaN" => Rating::from_value(f64::NAN),
            "inf" => Rating::from_value(f64::INFINITY),
            "-inf" => Rating::from_value(f64::NEG_INFINITY),
            _ => Rating::parse(text).unwrap(),
        }
    }

    #[rstest]
    #[case("1500.56", 1500.56)]
    #[case("-3", -3.0)]
    #[case("+3", 3.0)]
    #[case("1.5e3", 1500.0)]
    #[case("1500.560000000000000001", 1500.56)]
    fn keeps_text_and_value(#[case] text: &str, #[case] value: f64) {
        let rating = Rating::parse(text).unwrap();
        assert_eq!(rating.as_str(), text);
        assert_eq!(rating.value().to_bits(), value.to_bits());
    }

    #[rstest]
    fn refuses_what_is_not_a_finite_decimal(
        #[values(
            "", " 1", "1 ", "NaN", "inf", "-inf", "infinity", "1e999", "1,500", "0x10", "+", ".", "--1", "1e"
        )]
        text: &str,
    ) {
        let error = Rating::parse(text).unwrap_err();
        assert_eq!(error.text, text);
        assert_eq!(error.to_string(), format!("`{text}` is not a decimal number"));
    }

    #[rstest]
    #[case("1501.49", 1501.0)]
    #[case("1501.5", 1502.0)]
    #[case("1501.51", 1502.0)]
    #[case("1500.5", 1501.0)]
    #[case("-1500.5", -1501.0)]
    #[case("-0.4", 0.0)]
    #[case("0.5", 1.0)]
    fn displays_half_away_from_zero(#[case] text: &str, #[case] shown: f64) {
        assert_eq!(rating(text).displayed().to_bits(), shown.to_bits());
    }

    #[rstest]
    #[case("1500.56", "1500.57", Less)]
    #[case("1500.560", "1500.56", Equal)]
    #[case("1500.560000000000000001", "1500.56", Greater)]
    #[case("0", "-0", Equal)]
    #[case("-0.0", "0e5", Equal)]
    #[case("1e-400", "0", Greater)]
    #[case("inf", "1e308", Greater)]
    #[case("inf", "inf", Equal)]
    #[case("-inf", "-1e308", Less)]
    #[case("NaN", "-inf", Less)]
    #[case("NaN", "1", Less)]
    #[case("NaN", "NaN", Equal)]
    fn orders_totally(#[case] a: &str, #[case] b: &str, #[case] expected: Ordering) {
        assert_eq!(rating(a).total_cmp(&rating(b)), expected);
        assert_eq!(rating(b).total_cmp(&rating(a)), expected.reverse());
    }
}
