//! The flight payload: in the page's scripts, and as a bare stream.

use autotrader_domain::GateReasonCode::{Truncated, Unreadable};
use autotrader_domain::ParsePath;
use memchr::arch::all::packedpair::HeuristicFrequencyRank;
use memchr::memmem::{self, FinderBuilder};

use super::Parsed;
use super::flight_rows;
use super::js_string::{self, LiteralError};
use super::keys::Dialect;
use super::payload::{self, Broken};

/// What opens a fragment of the stream in the page.
const PUSH: &[u8] = b"self.__next_f.push([1,\"";

/// The leaderboard object's key inside a script's string literal.
const ESCAPED_KEY: &[u8] = br#"\"leaderboard\":{"#;

/// The key of its rows, up to the bracket.
const ESCAPED_ENTRIES: &[u8] = br#"\"entries\":"#;

/// The leaderboard object's key in a bare stream.
const PLAIN_KEY: &[u8] = br#""leaderboard":{"#;

/// Bytes at the end of the page in which the end of its table, and behind it the scripts, are looked for first.
const SCRIPTS: usize = 768 << 10;

/// How far before its key the fragment that holds the object may start, in bytes.
const FRAGMENT: usize = 256 << 10;

/// How much of the object may stand before and behind its rows, in bytes.
const AROUND_ROWS: usize = 4096;

/// Reads the payload in the page's scripts; `None` when the page has none.
pub(crate) fn parse_page(page: &[u8]) -> Option<Parsed<'static>> {
    in_place(page)
        .or_else(|| one_push(page))
        .or_else(|| all_pushes(page))
}

/// The fast way: the object lies whole in one fragment, its rows are all written alike, and no other stands behind the
/// table. The rows are read where they lie; only what is around them is decoded.
fn in_place(page: &[u8]) -> Option<Parsed<'static>> {
    let key = only(page, scripts_start(page), ESCAPED_KEY)?;
    literal_around(page, key)?;
    let around = page.get(key..page.len().min(key + AROUND_ROWS))?;
    let list = key + memmem::find(around, ESCAPED_ENTRIES)? + ESCAPED_ENTRIES.len();
    let (rows, length) = flight_rows::read(page.get(list..)?)?;
    let behind = list + length;
    let tail = page.get(behind..page.len().min(behind + AROUND_ROWS))?;
    let mut hollow = Vec::with_capacity(AROUND_ROWS);
    decode_part(page.get(key..list)?, &mut hollow)?;
    hollow.extend_from_slice(b"[]");
    let before = hollow.len();
    decode_part(tail, &mut hollow)?;
    // A part may end within a character; nothing of the object lies there.
    let text = std::str::from_utf8(&hollow)
        .or_else(|error| std::str::from_utf8(hollow.get(..error.valid_up_to()).unwrap_or_default()))
        .ok()?;
    let found = payload::read_object(text, PLAIN_KEY.len() - 1).ok()?;
    if !found.payload.is_hollow() || found.end < before {
        return None;
    }
    let end = behind + js_string::raw_length(tail, found.end - before);
    Some(Parsed {
        path: Some(ParsePath::Flight),
        object: Some(key..end),
        ..payload::interpret(found.payload.with_rows(rows), Dialect::Flight)
    })
}

/// Where the scripts start that follow the table; 0 when that cannot be told at once.
fn scripts_start(page: &[u8]) -> usize {
    let from = page.len().saturating_sub(SCRIPTS);
    let tail = page.get(from..).unwrap_or_default();
    memmem::find(tail, b"</table>").map_or(0, |at| from + at)
}

/// Where the literal starts whose fragment holds the key; `None` when the key is not inside one.
fn literal_around(page: &[u8], key: usize) -> Option<usize> {
    let from = key.saturating_sub(FRAGMENT);
    let before = page.get(from..key)?;
    let literal = memmem::rfind(before, PUSH)? + PUSH.len();
    let between = before.get(literal..)?;
    let inside = js_string::decode(between, &mut Vec::with_capacity(between.len()));
    // A backslash before the key would make its quote one within a string.
    let inside = inside == Err(LiteralError::Unterminated) && !between.ends_with(b"\\");
    inside.then_some(from + literal)
}

/// Decodes a piece of a literal; `None` when the literal ends within it or is broken.
fn decode_part(raw: &[u8], out: &mut Vec<u8>) -> Option<()> {
    match js_string::decode(raw, out) {
        Ok(_) | Err(LiteralError::Unterminated) => Some(()),
        Err(LiteralError::BadEscape) => None,
    }
}

/// The next way: the object lies whole in one fragment, which is decoded.
fn one_push(page: &[u8]) -> Option<Parsed<'static>> {
    let key = only(page, 0, ESCAPED_KEY)?;
    let literal = literal_around(page, key)?;
    let raw = page.get(literal..)?;
    let mut decoded = Vec::with_capacity(256 << 10);
    js_string::decode(raw, &mut decoded).ok()?;
    let text = std::str::from_utf8(&decoded).ok()?;
    let found = payload::find(text).ok()??;
    let end = literal + js_string::raw_length(raw, found.end);
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
            object: only(text.as_bytes(), 0, PLAIN_KEY).map(|key| key..found.end),
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

/// Where `needle` lies from a place on, when it occurs there exactly once.
fn only(page: &[u8], from: usize, needle: &[u8]) -> Option<usize> {
    let finder = FinderBuilder::new().build_forward_with_ranker(Payload, needle);
    let mut places = finder.find_iter(page.get(from..)?);
    let place = places.next()?;
    places.next().is_none().then_some(from + place)
}

/// How common bytes are in the payload: punctuation more than letters, against the search's own assumption.
#[derive(Debug, Clone, Copy)]
struct Payload;

impl HeuristicFrequencyRank for Payload {
    fn rank(&self, byte: u8) -> u8 {
        match byte {
            b'b' => 10,
            b'd' | b'l' | b'o' => 20,
            b'a'..=b'z' => 40,
            b'A'..=b'Z' => 30,
            b'{' => 100,
            _ => 250,
        }
    }
}

/// Whether a page's leaderboard object is byte for byte `object`, which was cut at its key from an earlier page of
/// `length` bytes at `place`.
///
/// It is looked for where it was, counted from the start and from the end, then anywhere.
pub(crate) fn shows_same_object(page: &[u8], object: &[u8], place: usize, length: usize) -> bool {
    let lies_at = |at: usize| page.get(at..).is_some_and(|rest| rest.starts_with(object));
    let from_end = page.len().checked_sub(length.saturating_sub(place));
    if lies_at(place) || from_end.is_some_and(lies_at) {
        return true;
    }
    let key = if object.starts_with(ESCAPED_KEY) {
        ESCAPED_KEY
    } else {
        PLAIN_KEY
    };
    only(page, 0, key).is_some_and(lies_at)
}
