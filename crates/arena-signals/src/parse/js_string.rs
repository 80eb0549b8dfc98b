//! The string literals of the page's scripts.

/// Why a string literal could not be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum LiteralError {
    /// The page ends before the literal does.
    Unterminated,
    /// An escape that JSON does not know.
    BadEscape,
}

/// Appends the decoded literal to `out` and gives the number of raw bytes read, the closing quote included.
///
/// `raw` starts behind the opening quote. The escapes are those of JSON, which is what the site writes.
///
/// # Errors
/// [`LiteralError`] when the literal does not end or has an escape that JSON does not know.
pub(crate) fn decode(raw: &[u8], out: &mut Vec<u8>) -> Result<usize, LiteralError> {
    let mut rest = raw;
    loop {
        let run = plain_run(rest);
        let (plain, tail) = rest.split_at_checked(run).ok_or(LiteralError::Unterminated)?;
        out.extend_from_slice(plain);
        match tail {
            [b'"', after @ ..] => return Ok(raw.len() - after.len()),
            [b'\\', b'"', after @ ..] => {
                out.push(b'"');
                rest = after;
            }
            [b'\\', after @ ..] => rest = escape(after, out)?,
            _ => return Err(LiteralError::Unterminated),
        }
    }
}

/// The number of raw bytes that decode to the first `length` bytes of a literal that [`decode`] accepts.
pub(crate) fn raw_length(raw: &[u8], length: usize) -> usize {
    let mut scratch = Vec::new();
    let (mut rest, mut decoded) = (raw, 0);
    while decoded < length {
        let run = plain_run(rest).min(length - decoded);
        let Some(tail) = rest.get(run..) else { break };
        decoded += run;
        if decoded >= length {
            rest = tail;
            break;
        }
        let [b'\\', after @ ..] = tail else { break };
        scratch.clear();
        match escape(after, &mut scratch) {
            Ok(after) => rest = after,
            Err(_) => break,
        }
        decoded += scratch.len();
    }
    raw.len() - rest.len()
}

/// How many bytes come before the next quote or backslash; runs are short, so a plain loop is the fastest.
fn plain_run(bytes: &[u8]) -> usize {
    bytes
        .iter()
        .position(|byte| matches!(byte, b'"' | b'\\'))
        .unwrap_or(bytes.len())
}

/// Decodes what follows a backslash and gives what is left.
fn escape<'r>(after: &'r [u8], out: &mut Vec<u8>) -> Result<&'r [u8], LiteralError> {
    let (&letter, rest) = after.split_first().ok_or(LiteralError::Unterminated)?;
    let plain = match letter {
        b'"' | b'\\' | b'/' => letter,
        b'n' => b'\n',
        b't' => b'\t',
        b'r' => b'\r',
        b'b' => 8,
        b'f' => 12,
        b'u' => return unicode(rest, out),
        _ => return Err(LiteralError::BadEscape),
    };
    out.push(plain);
    Ok(rest)
}

/// Decodes the four digits of `\u` and, for a surrogate, its other half; half a pair becomes U+FFFD.
fn unicode<'r>(rest: &'r [u8], out: &mut Vec<u8>) -> Result<&'r [u8], LiteralError> {
    let (first, mut rest) = four_digits(rest)?;
    let mut code = first;
    if (0xD800..0xDC00).contains(&first)
        && let Some(low) = rest.strip_prefix(b"\\u")
        && let Ok((second @ 0xDC00..0xE000, behind)) = four_digits(low)
    {
        code = 0x1_0000 + ((first - 0xD800) << 10) + (second - 0xDC00);
        rest = behind;
    }
    let character = char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER);
    out.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes());
    Ok(rest)
}

fn four_digits(bytes: &[u8]) -> Result<(u32, &[u8]), LiteralError> {
    let (digits, rest) = bytes.split_at_checked(4).ok_or(LiteralError::Unterminated)?;
    let code = digits.iter().try_fold(0, |code, &digit| {
        char::from(digit)
            .to_digit(16)
            .map(|value| code * 16 + value)
            .ok_or(LiteralError::BadEscape)
    })?;
    Ok((code, rest))
}

#[cfg(test)]
mod tests {
    use super::{LiteralError, decode, raw_length};
    use proptest::prelude::*;
    use rstest::rstest;

    fn decoded(raw: &str) -> Result<(String, usize), LiteralError> {
        let mut out = Vec::new();
        decode(raw.as_bytes(), &mut out).map(|read| (String::from_utf8(out).unwrap(), read))
    }

    #[rstest]
    #[case(r#"""#, "", 1)]
    #[case(r#"abc"tail"#, "abc", 4)]
    #[case(r#"{\"a\":1}""#, r#"{"a":1}"#, 10)]
    #[case(r#"\\\"\/\n\t\r\b\f""#, "\\\"/\n\t\r\u{8}\u{c}", 17)]
    #[case(r#"\u003c\u00e9""#, "<é", 13)]
    #[case(r#"\ud83c\udfc6""#, "🏆", 13)]
    #[case(r#"🏆""#, "🏆", 5)]
    #[case(r#"\ud83cx""#, "\u{fffd}x", 8)]
    #[case(r#"\udfc6""#, "\u{fffd}", 7)]
    #[case(r#"\ud83c\u0041""#, "\u{fffd}A", 13)]
    fn reads(#[case] raw: &str, #[case] text: &str, #[case] read: usize) {
        assert_eq!(decoded(raw), Ok((text.to_owned(), read)));
    }

    #[rstest]
    #[case("", LiteralError::Unterminated)]
    #[case("abc", LiteralError::Unterminated)]
    #[case(r"abc\", LiteralError::Unterminated)]
    #[case(r"\u12", LiteralError::Unterminated)]
    #[case(r#"\x41""#, LiteralError::BadEscape)]
    #[case(r#"\u12g4""#, LiteralError::BadEscape)]
    fn refuses(#[case] raw: &str, #[case] error: LiteralError) {
        assert_eq!(decoded(raw), Err(error));
    }

    proptest! {
        #[test]
        fn reads_back_what_json_writes(text in any::<String>(), cut in any::<prop::sample::Index>()) {
            let literal = serde_json::to_string(&text).unwrap();
            let raw = &literal[1..];
            prop_assert_eq!(decoded(raw), Ok((text.clone(), raw.len())));
            let boundaries: Vec<usize> = text.char_indices().map(|(at, _)| at).chain([text.len()]).collect();
            let length = boundaries[cut.index(boundaries.len())];
            let escaped = serde_json::to_string(&text[..length]).unwrap();
            prop_assert_eq!(raw_length(raw.as_bytes(), length), escaped.len() - 2);
        }

        #[test]
        fn never_panics(raw in any::<Vec<u8>>(), length in 0_usize..64) {
            let mut out = Vec::new();
            let _ = decode(&raw, &mut out);
            let _ = raw_length(&raw, length);
        }
    }
}
