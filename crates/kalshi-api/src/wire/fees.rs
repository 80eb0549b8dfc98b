//! Fee terms as the exchange writes them.

use autotrader_domain::Money;
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

/// A fee multiplier in millionths, from the decimal text of its JSON number.
pub(crate) fn multiplier<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u32, D::Error> {
    let raw = Box::<RawValue>::deserialize(deserializer)?;
    millionths(&raw).map_err(serde::de::Error::custom)
}

/// The same where the field may be absent or `null`.
pub(crate) fn optional_multiplier<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<u32>, D::Error> {
    Option::<Box<RawValue>>::deserialize(deserializer)?
        .map(|raw| millionths(&raw).map_err(serde::de::Error::custom))
        .transpose()
}

fn millionths(raw: &RawValue) -> Result<u32, String> {
    // Money has six decimals: its raw value is in millionths.
    let millionths: Money = raw
        .get()
        .parse()
        .map_err(|error| format!("expected a decimal number: {error}"))?;
    u32::try_from(millionths.raw()).map_err(|_| format!("expected 0 to 4294, found {}", raw.get()))
}
