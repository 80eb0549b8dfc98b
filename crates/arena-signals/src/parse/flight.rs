//! The flight payload: in the page's scripts, and as a bare stream.

use autotrader_domain::GateReasonCode::{Truncated, Unreadable};
use autotrader_domain::ParsePath;
use memchr::memmem;

use super::Parsed;
use super::js_string::{self, LiteralError, Marks};
use super::keys::Dialect;
use super::payload::{self, Broken};

/// What opens a fragment of the stream in the page.
const PUSH: &[u8] = b"self.__next_f.push([1,\"";

/// The leaderboard object's key inside a script's string literal.
const ESCAPED_KEY: &[u8] = br#"\"leaderboard\":{"#;

/// The leaderboard object's key in a bare stream.
const PLAIN_KEY: &[u8] = br#""leaderboard":{"#;

/// Reads the payload in the page's scripts; `None` when the page has none.
pub(crate) fn parse_page(page: &[u8]) -> Option<Parsed<'static>> {
    if let Some(parsed) = one_push(page) {
        return Some(parsed);
    }
    all_pushes(page)
}

/// The fast way: the object lies whole in one fragment, and nothing else in the page looks like one.
fn one_push(page: &[u8]) -> Option<Parsed<'static>> {
    let key = only(page, ESCAPED_KEY)?;
    let literal = memmem::rfind(page.get(..key)?, PUSH)? + PUSH.len();
    let raw = page.get(literal..)?;
    let (mut decoded, mut marks) = (Vec::with_capacity(256 << 10), Marks::default());
    let read = js_string::decode_marked(raw, &mut decoded, &mut marks).ok()?;
    if literal + read <= key {
        return None;
    }
    let text = std::str::from_utf8(&decoded).ok()?;
    let found = payload::find(text).ok()??;
    let end = literal + marks.raw_length(raw, found.end);
    Some(Parsed {
        path: Some(ParsePath::Flight),
        object: Some(key..end),
        ..payload::interpret(found.payload, Dialect::Flight)
    })
}

/// The patient way: every fragment joined, as the site's own reader does.
fn all_pushes(page: &[u8]) -> Option<Parsed<'static>> {
    let mut stream = Vec::new();
    let mut broken = None;
    let mut from = 0;
    while let Some(at) = page.get(from..).and_then(|rest| memmem::find(rest, PUSH)) {
        let literal = from + at + PUSH.len();
        match js_string::decode(page.get(literal..).unwrap_or_default(), &mut stream) {
            Ok(read) => from = literal + read,
            Err(error) => {
                broken = Some(error);
                break;
            }
        }
    }
    if stream.is_empty() && broken.is_none() {
        return None;
    }
    let Ok(text) = std::str::from_utf8(&stream) else {
        return Some(refused(Broken::new(
            Unreadable,
            "the flight payload is not UTF-8 text".to_owned(),
        )));
    };
    match (payload::find(text), broken) {
        (Ok(Some(found)), _) => Some(Parsed {
            path: Some(ParsePath::Flight),
            ..payload::interpret(found.payload, Dialect::Flight)
        }),
        (Err(error), _) => Some(refused(error)),
        (Ok(None), Some(LiteralError::Unterminated)) => Some(refused(Broken::new(
            Truncated,
            "the page ends within its flight payload".to_owned(),
        ))),
        (Ok(None), Some(LiteralError::BadEscape)) => Some(refused(Broken::new(
            Unreadable,
            "the flight payload has an unknown escape".to_owned(),
        ))),
        (Ok(None), None) => None,
    }
}

fn refused(broken: Broken) -> Parsed<'static> {
    Parsed::broken(ParsePath::Flight, broken)
}

/// Reads a bare flight stream; `None` when the text is not one.
pub(crate) fn parse_stream(text: &str) -> Option<Parsed<'static>> {
    if !is_stream(text) {
        return None;
    }
    let path = ParsePath::FlightStream;
    Some(match payload::find(text) {
        Ok(Some(found)) => Parsed {
            path: Some(path),
            object: only(text.as_bytes(), PLAIN_KEY).map(|key| key..found.end),
            ..payload::interpret(found.payload, Dialect::Flight)
        },
        Ok(None) => Parsed::nothing(
            Unreadable,
            "the flight stream holds no leaderboard object".to_owned(),
        ),
        Err(broken) => Parsed::broken(path, broken),
    })
}

/// A stream starts with a row id in hexadecimal digits and a colon.
fn is_stream(text: &str) -> bool {
    let id = text.trim_start().split(':').next().unwrap_or_default();
    (1..=8).contains(&id.len()) && id.len() < text.len() && id.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// Where `needle` lies, when it occurs exactly once.
fn only(page: &[u8], needle: &[u8]) -> Option<usize> {
    let mut places = memmem::find_iter(page, needle);
    let place = places.next()?;
    places.next().is_none().then_some(place)
}

/// Whether a page's only leaderboard object is byte for byte `object`, which was cut from an earlier page at its key.
pub(crate) fn shows_same_object(page: &[u8], object: &[u8]) -> bool {
    let key = if object.starts_with(ESCAPED_KEY) {
        ESCAPED_KEY
    } else {
        PLAIN_KEY
    };
    only(page, key)
        .and_then(|at| page.get(at..))
        .is_some_and(|rest| rest.starts_with(object))
}
