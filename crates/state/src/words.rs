//! Between columns and domain values: words, scaled integers, microseconds.
//!
//! Words are those of the domain's serialised enums, so that a stored row reads like the JSON of the same value.

use autotrader_domain::{BoardHash, Contracts, Money, Net, Price};
use chrono::{DateTime, Utc};
use serde::Serialize;
use serde::de::value::StrDeserializer;
use serde::de::{DeserializeOwned, IntoDeserializer};

use crate::fault::Fault;

/// The word of a unit variant or the text of a name.
pub(crate) fn word<T: Serialize>(value: &T) -> Result<String, Fault> {
    match serde_json::to_value(value) {
        Ok(serde_json::Value::String(text)) => Ok(text),
        Ok(other) => Err(Fault::Conflict(format!(
            "`{other}` has no word of its own to be stored as"
        ))),
        Err(error) => Err(Fault::Conflict(format!("a value cannot be stored: {error}"))),
    }
}

/// The value of a word or name.
pub(crate) fn read_word<T: DeserializeOwned>(place: &str, text: &str) -> Result<T, Fault> {
    let deserializer: StrDeserializer<'_, serde::de::value::Error> = text.into_deserializer();
    T::deserialize(deserializer).map_err(|error| Fault::unreadable(place, error))
}

/// The value of a word that may be absent.
pub(crate) fn read_optional_word<T: DeserializeOwned>(
    place: &str,
    text: Option<&str>,
) -> Result<Option<T>, Fault> {
    text.map(|text| read_word(place, text)).transpose()
}

/// JSON text.
pub(crate) fn json<T: Serialize>(value: &T) -> Result<String, Fault> {
    serde_json::to_string(value)
        .map_err(|error| Fault::Conflict(format!("a value cannot be stored: {error}")))
}

/// The value of JSON text.
pub(crate) fn read_json<T: DeserializeOwned>(place: &str, text: &str) -> Result<T, Fault> {
    serde_json::from_str(text).map_err(|error| Fault::unreadable(place, error))
}

/// Microseconds since the epoch; finer parts of a time are cut.
pub(crate) const fn micros(at: DateTime<Utc>) -> i64 {
    at.timestamp_micros()
}

/// The time of microseconds since the epoch.
pub(crate) fn read_time(place: &str, micros: i64) -> Result<DateTime<Utc>, Fault> {
    DateTime::from_timestamp_micros(micros)
        .ok_or_else(|| Fault::unreadable(place, format!("{micros}, which is no time")))
}

pub(crate) fn read_price(place: &str, raw: i64) -> Result<Price, Fault> {
    Price::from_raw(raw).ok_or_else(|| Fault::unreadable(place, format!("{raw}, which is no price")))
}

pub(crate) fn read_contracts(place: &str, raw: i64) -> Result<Contracts, Fault> {
    Contracts::from_raw(raw).ok_or_else(|| Fault::unreadable(place, format!("{raw}, which is no size")))
}

pub(crate) const fn read_money(raw: i64) -> Money {
    Money::micros(raw)
}

pub(crate) fn read_net(place: &str, raw: i64) -> Result<Net, Fault> {
    Net::from_raw(raw).ok_or_else(|| Fault::unreadable(place, format!("{raw}, which is no position")))
}

pub(crate) fn read_hash(place: &str, bytes: &[u8]) -> Result<BoardHash, Fault> {
    let bytes: [u8; 32] = bytes
        .try_into()
        .map_err(|_| Fault::unreadable(place, format!("{} bytes, which is no hash", bytes.len())))?;
    Ok(BoardHash(bytes))
}

/// An unsigned count as SQLite's signed integer.
pub(crate) fn signed(what: &str, count: u64) -> Result<i64, Fault> {
    i64::try_from(count).map_err(|_| Fault::Conflict(format!("{what} {count} is too large to be stored")))
}

/// An unsigned count from SQLite's signed integer.
pub(crate) fn read_count(place: &str, raw: i64) -> Result<u64, Fault> {
    u64::try_from(raw).map_err(|_| Fault::unreadable(place, format!("{raw}, which is no count")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use autotrader_domain::{OrderState, RejectReason, Ticker};

    #[test]
    fn words_read_back() {
        for reason in RejectReason::ALL {
            let text = word(reason).unwrap();
            assert_eq!(read_word::<RejectReason>("x", &text).unwrap(), *reason);
        }
        assert_eq!(word(&OrderState::PartiallyFilled).unwrap(), "partially_filled");
        let ticker: Ticker = "KXLLM1-26DEC31-A".parse().unwrap();
        assert_eq!(read_word::<Ticker>("x", &word(&ticker).unwrap()).unwrap(), ticker);
    }

    #[test]
    fn a_word_this_version_does_not_know_names_its_place() {
        let error = read_word::<OrderState>("orders.state", "melted").unwrap_err();
        assert!(error.to_string().starts_with("orders.state holds"), "{error}");
        assert!(read_price("x", 10_001).is_err());
        assert!(read_contracts("x", -1).is_err());
        assert!(read_time("x", i64::MAX).is_err());
        assert!(read_hash("x", &[0; 31]).is_err());
    }

    #[test]
    fn a_structure_has_no_word() {
        assert!(word(&(1, 2)).is_err());
    }
}
