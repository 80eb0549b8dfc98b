//! Query strings and pages, as strict and as lax as the exchange is.

use std::collections::BTreeSet;
use std::str::FromStr;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{DateTime, Utc};

use super::errors::ApiError;

/// The parameters of a request, in order; names may repeat.
#[derive(Debug, Clone)]
pub(crate) struct Query {
    operation: &'static str,
    pairs: Vec<(String, String)>,
}

impl Query {
    /// Splits a raw query string; `operation` names the request in validation errors.
    pub(crate) fn parse(operation: &'static str, raw: Option<&str>) -> Self {
        let pairs = raw
            .unwrap_or_default()
            .split('&')
            .filter(|part| !part.is_empty())
            .map(|part| {
                let (name, value) = part.split_once('=').unwrap_or((part, ""));
                (decode(name), decode(value))
            })
            .collect();
        Self { operation, pairs }
    }

    /// The last value of a parameter; an empty one counts as absent.
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        let found = self.pairs.iter().rev().find(|(key, _)| key == name);
        found
            .map(|(_, value)| value.as_str())
            .filter(|value| !value.is_empty())
    }

    /// All values of a repeated parameter.
    pub(crate) fn all(&self, name: &str) -> Vec<&str> {
        self.pairs
            .iter()
            .filter(|(key, _)| key == name)
            .map(|(_, value)| value.as_str())
            .collect()
    }

    pub(crate) fn rule(&self, field: &str, rule: &str) -> ApiError {
        ApiError::rule(self.operation, field, rule)
    }

    /// A parameter of a type that reads itself from text.
    pub(crate) fn typed<T: FromStr>(&self, name: &str) -> Result<Option<T>, ApiError> {
        self.get(name)
            .map(|value| {
                value.parse().map_err(|_| ApiError::BadRequest {
                    details: format!("invalid {name}"),
                })
            })
            .transpose()
    }

    /// One of a few words.
    pub(crate) fn word<'a>(
        &'a self,
        name: &str,
        field: &str,
        allowed: &[&str],
    ) -> Result<Option<&'a str>, ApiError> {
        match self.get(name) {
            Some(value) if !allowed.contains(&value) => Err(self.rule(field, "oneof")),
            value => Ok(value),
        }
    }

    /// The stand-in has one shard and one subaccount; asking for another is an error. Minus one asks for routing.
    pub(crate) fn only_main(&self) -> Result<(), ApiError> {
        for name in ["subaccount", "exchange_index"] {
            if self
                .typed::<i32>(name)?
                .is_some_and(|value| value != 0 && value != -1)
            {
                return Err(ApiError::parameter(name));
            }
        }
        Ok(())
    }

    /// A number that must be given.
    pub(crate) fn required<T: FromStr>(&self, name: &str, field: &str) -> Result<T, ApiError> {
        self.typed(name)?.ok_or_else(|| self.rule(field, "required"))
    }

    /// A comma-separated set of values.
    pub(crate) fn set(&self, name: &str) -> Option<BTreeSet<&str>> {
        self.get(name).map(|text| {
            text.split(',')
                .map(str::trim)
                .filter(|part| !part.is_empty())
                .collect()
        })
    }

    /// Whether a time lies in the window of two parameters in unix seconds, both ends included.
    pub(crate) fn window(&self, min: &str, max: &str) -> Result<impl Fn(DateTime<Utc>) -> bool, ApiError> {
        let (min, max) = (self.typed::<i64>(min)?, self.typed::<i64>(max)?);
        Ok(move |at: DateTime<Utc>| {
            let seconds = at.timestamp();
            min.is_none_or(|min| seconds >= min) && max.is_none_or(|max| seconds <= max)
        })
    }

    /// The page size: at most `max`, `default` when not given.
    pub(crate) fn limit(&self, default: usize, max: usize) -> Result<usize, ApiError> {
        match self.typed::<usize>("limit")? {
            None | Some(0) => Ok(default),
            Some(limit) if limit > max => Err(self.rule("Limit", "lte")),
            Some(limit) => Ok(limit),
        }
    }

    /// Where the page starts: the key after which to go on; a garbage cursor starts at the first page, as captured.
    pub(crate) fn cursor(&self) -> Option<String> {
        let bytes = URL_SAFE_NO_PAD.decode(self.get("cursor")?).ok()?;
        String::from_utf8(bytes)
            .ok()?
            .strip_prefix("after:")
            .map(str::to_owned)
    }
}

/// One page of keyed items and the cursor of the next, empty on the last.
///
/// `items` come in order; those up to and including the cursor's key are skipped. Keys are stable under insertions, so a
/// walk over pages neither repeats nor loses an item that existed when it began.
pub(crate) fn page<T>(
    items: impl Iterator<Item = (String, T)>,
    cursor: Option<&str>,
    limit: usize,
) -> (Vec<T>, String) {
    let mut items = items.peekable();
    if let Some(cursor) = cursor {
        let mut ahead: Vec<(String, T)> = Vec::new();
        let mut found = false;
        for item in items.by_ref() {
            if item.0 == cursor {
                found = true;
                break;
            }
            ahead.push(item);
        }
        if !found {
            return first_page(ahead.into_iter(), limit);
        }
    }
    first_page(items, limit)
}

fn first_page<T>(mut items: impl Iterator<Item = (String, T)>, limit: usize) -> (Vec<T>, String) {
    let mut taken = Vec::new();
    let mut last = String::new();
    for (key, item) in items.by_ref().take(limit) {
        taken.push(item);
        last = key;
    }
    let more = items.next().is_some();
    let cursor = if more {
        URL_SAFE_NO_PAD.encode(format!("after:{last}"))
    } else {
        String::new()
    };
    (taken, cursor)
}

fn decode(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        match byte {
            b'+' => bytes.push(b' '),
            b'%' => {
                let mut ahead = rest.clone();
                let digit = |byte: Option<u8>| byte.and_then(|b| char::from(b).to_digit(16));
                let (high, low) = (digit(ahead.next()), digit(ahead.next()));
                match (high, low) {
                    (Some(high), Some(low)) => {
                        bytes.push(u8::try_from(high * 16 + low).unwrap_or(b'?'));
                        rest = ahead;
                    }
                    _ => bytes.push(b'%'),
                }
            }
            other => bytes.push(other),
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_walk_everything_once() {
        let items = || (0..25).map(|n| (format!("k{n:02}"), n));
        let mut seen = Vec::new();
        let mut cursor = String::new();
        loop {
            let query = Query::parse("GetMarkets", Some(&format!("cursor={cursor}")));
            let (taken, next) = page(items(), query.cursor().as_deref(), 10);
            seen.extend(taken);
            if next.is_empty() {
                break;
            }
            cursor = next;
        }
        assert_eq!(seen, (0..25).collect::<Vec<_>>());
    }

    #[test]
    fn a_garbage_cursor_gives_the_first_page() {
        let items = || (0..5).map(|n| (n.to_string(), n));
        for garbage in ["not-a-cursor", "YWZ0ZXI6OTk"] {
            let query = Query::parse("GetMarkets", Some(&format!("cursor={garbage}")));
            assert_eq!(page(items(), query.cursor().as_deref(), 2).0, [0, 1], "{garbage}");
        }
    }

    #[test]
    fn an_exact_last_page_has_no_cursor() {
        let (taken, cursor) = page((0..3).map(|n| (n.to_string(), n)), None, 3);
        assert_eq!((taken.len(), cursor.as_str()), (3, ""));
    }

    #[test]
    fn parameters_are_decoded_repeated_and_checked() {
        let query = Query::parse(
            "GetMarkets",
            Some("tickers=A%2DB&tickers=C+D&limit=1001&status=odd&x"),
        );
        assert_eq!(query.all("tickers"), ["A-B", "C D"]);
        assert_eq!(
            query.limit(100, 1_000).unwrap_err(),
            ApiError::Validation {
                msg: "Parameter validation failed for GetMarkets: Key: 'GetMarketsParams.Limit' Error:Field \
                      validation for 'Limit' failed on the 'lte' tag"
                    .to_owned()
            }
        );
        assert!(query.word("status", "Status", &["open"]).is_err());
        assert!(Query::parse("x", Some("limit=ten")).limit(1, 2).is_err());
    }
}
