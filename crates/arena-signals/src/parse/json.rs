//! JSON files: rows, a leaderboard object, or an object that holds one.

use autotrader_domain::ParsePath;

use super::Parsed;
use super::keys::{Dialect, Row};
use super::payload::{self, Broken, Payload};

/// Reads a JSON file; `None` when the text is none.
pub(crate) fn parse(text: &str) -> Option<Parsed<'static>> {
    let text = text.trim();
    let payload = match text.as_bytes().first()? {
        b'[' => serde_json::from_str::<Vec<Row<'_>>>(text)
            .map(Payload::of_rows)
            .map_err(|error| Broken::json(&error)),
        b'{' => object(text),
        _ => return None,
    };
    Some(match payload {
        Ok(payload) => Parsed {
            path: Some(ParsePath::Json),
            ..payload::interpret(payload, Dialect::File)
        },
        Err(broken) => Parsed::broken(ParsePath::Json, broken),
    })
}

fn object(text: &str) -> Result<Payload<'_>, Broken> {
    serde_json::from_str::<serde::de::IgnoredAny>(text).map_err(|error| Broken::json(&error))?;
    if let Some(found) = payload::find(text)? {
        return Ok(found.payload);
    }
    let whole = payload::read_object(text, 0)?.payload;
    if whole.has_entries() {
        return Ok(whole);
    }
    Err(payload::no_entries())
}
