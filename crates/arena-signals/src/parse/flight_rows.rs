//! The rows of the payload read where they lie in a script's string literal, undecoded.
//!
//! The site writes every row with the same keys in the same order, so the first row's keys are the template of the
//! others. Rows that are written otherwise, or whose strings need decoding, are left to the general reader.

use memchr::{memchr2, memmem};

use super::keys::{Field, Row, RowKey};

/// The quote of a key or a string inside a literal.
const QUOTE: &[u8] = b"\\\"";

/// Most keys a row may have.
const MOST_KEYS: usize = 64;

/// Reads a list of rows from its bracket on; gives the rows and the list's length in raw bytes.
///
/// `None` when the list is not written as expected.
pub(crate) fn read(raw: &[u8]) -> Option<(Vec<Row<'_>>, usize)> {
    let length = memmem::find(raw, b"}]")? + b"}]".len();
    let text = std::str::from_utf8(raw.get(..length)?).ok()?;
    let mut scan = Scan { text, at: 0 };
    scan.expect(b"[{")?;
    let template = template(&mut scan.clone())?;
    let mut rows = Vec::with_capacity(512);
    loop {
        rows.push(row(&mut scan, &template)?);
        if scan.at + 1 == length {
            scan.expect(b"]")?;
            return Some((rows, length));
        }
        scan.expect(b",{")?;
    }
}

/// The keys of the first row, each with the raw bytes that stand for it.
fn template<'t>(scan: &mut Scan<'t>) -> Option<Vec<(&'t [u8], RowKey)>> {
    let mut keys: Vec<(&[u8], RowKey)> = Vec::with_capacity(24);
    loop {
        let from = scan.at;
        scan.expect(QUOTE)?;
        let key = scan.string_body()?;
        scan.expect(b":")?;
        let key = (scan.text.as_bytes().get(from..scan.at)?, RowKey::from(key));
        let twice = keys
            .iter()
            .any(|(raw, known)| *raw == key.0 || (matches!(known, RowKey::Known(_)) && *known == key.1));
        if twice || keys.len() == MOST_KEYS {
            return None;
        }
        keys.push(key);
        scan.skip_value()?;
        match scan.next()? {
            b',' => {}
            b'}' => return Some(keys),
            _ => return None,
        }
    }
}

/// One row from behind its opening brace to behind its closing one.
fn row<'t>(scan: &mut Scan<'t>, template: &[(&[u8], RowKey)]) -> Option<Row<'t>> {
    let mut row = Row::default();
    for (index, (raw, key)) in template.iter().enumerate() {
        if index > 0 {
            scan.expect(b",")?;
        }
        scan.expect(raw)?;
        match key {
            RowKey::Known(field) => *row.slot(*field) = scan.value()?,
            RowKey::Ignored => scan.skip_value()?,
            RowKey::Unknown(name) => {
                scan.skip_value()?;
                row.unknown.get_or_insert_with(|| name.clone());
            }
        }
    }
    scan.expect(b"}")?;
    Some(row)
}

/// A place in the raw text of a list.
#[derive(Debug, Clone)]
struct Scan<'t> {
    text: &'t str,
    at: usize,
}

impl<'t> Scan<'t> {
    fn rest(&self) -> &'t [u8] {
        self.text.as_bytes().get(self.at..).unwrap_or_default()
    }

    fn next(&mut self) -> Option<u8> {
        let byte = *self.rest().first()?;
        self.at += 1;
        Some(byte)
    }

    fn expect(&mut self, bytes: &[u8]) -> Option<()> {
        self.rest().starts_with(bytes).then(|| self.at += bytes.len())
    }

    /// A scalar value.
    fn value(&mut self) -> Option<Field<'t>> {
        if self.expect(QUOTE).is_some() {
            return self.string_body().map(Field::Bare);
        }
        self.word().map(Field::Json)
    }

    /// A scalar value whose meaning does not matter, so that its strings may have escapes.
    fn skip_value(&mut self) -> Option<()> {
        if self.expect(QUOTE).is_none() {
            return self.word().map(|_| ());
        }
        loop {
            self.at += memchr2(b'\\', b'"', self.rest())?;
            match self.rest() {
                [b'\\', b'"', ..] => {
                    self.at += 2;
                    return Some(());
                }
                // The renderer's own escapes, of characters that would be markup in a script.
                [b'\\', b'u', b'0', b'0', b'2', b'6', ..]
                | [b'\\', b'u', b'0', b'0', b'3', b'c' | b'e', ..] => {
                    self.at += 6;
                }
                _ => return None,
            }
        }
    }

    /// The rest of a string without escapes, its closing quote taken too.
    fn string_body(&mut self) -> Option<&'t str> {
        let from = self.at;
        let length = memchr2(b'\\', b'"', self.rest())?;
        self.at += length;
        self.expect(QUOTE)?;
        self.text.get(from..from + length)
    }

    /// A number, `true`, `false` or `null`.
    fn word(&mut self) -> Option<&'t str> {
        let length = self.rest().iter().position(|byte| matches!(byte, b',' | b'}'))?;
        let word = self.text.get(self.at..self.at + length)?;
        self.at += length;
        (matches!(word, "null" | "true" | "false") || is_number(word.as_bytes())).then_some(word)
    }
}

/// Whether a text is a number as JSON writes it (RFC 8259, section 6).
fn is_number(text: &[u8]) -> bool {
    let unsigned = text.strip_prefix(b"-").unwrap_or(text);
    let (whole, rest) = digits(unsigned);
    if whole == 0 || (whole > 1 && unsigned.starts_with(b"0")) {
        return false;
    }
    let rest = match rest.strip_prefix(b".") {
        Some(fraction) => match digits(fraction) {
            (0, _) => return false,
            (_, rest) => rest,
        },
        None => rest,
    };
    match rest.split_first() {
        None => true,
        Some((b'e' | b'E', exponent)) => {
            let exponent = exponent
                .strip_prefix(b"-")
                .or_else(|| exponent.strip_prefix(b"+"))
                .unwrap_or(exponent);
            matches!(digits(exponent), (1.., []))
        }
        Some(_) => false,
    }
}

/// How many digits lead a text, and what follows them.
fn digits(text: &[u8]) -> (usize, &[u8]) {
    let count = text.iter().take_while(|byte| byte.is_ascii_digit()).count();
    (count, text.get(count..).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::{is_number, read};
    use crate::parse::keys::{Field, Row};
    use proptest::prelude::*;
    use rstest::rstest;

    /// A text as it stands in a script's literal, the quotes of the literal left out.
    fn escaped(text: &str) -> String {
        let literal = serde_json::to_string(text).unwrap();
        literal[1..literal.len() - 1]
            .replace('&', "\\u0026")
            .replace('<', "\\u003c")
    }

    #[test]
    fn reads_rows_written_alike() {
        let text = r#"[{"rank":1,"modelDisplayName":"a b","modelUrl":"https://x/?a=1&b=2","votes":7,"mood":null},{"rank":2,"modelDisplayName":"é","modelUrl":null,"votes":-8,"mood":true}],"x":1"#;
        let raw = escaped(text);
        let (rows, length) = read(raw.as_bytes()).unwrap();
        assert_eq!(&raw[length..], ",\\\"x\\\":1");
        let [a, b] = &rows[..] else { panic!("{rows:?}") };
        assert_eq!(
            (a.rank, a.name, a.votes),
            (Field::Json("1"), Field::Bare("a b"), Field::Json("7"))
        );
        assert_eq!(
            (b.rank, b.name, b.votes),
            (Field::Json("2"), Field::Bare("é"), Field::Json("-8"))
        );
        assert_eq!((a.unknown.as_deref(), a.score), (Some("mood"), Field::Missing));
    }

    #[rstest]
    #[case::empty("[]")]
    #[case::other_order(r#"[{"rank":1,"votes":2},{"votes":2,"rank":1}]"#)]
    #[case::missing_key(r#"[{"rank":1,"votes":2},{"rank":1}]"#)]
    #[case::more_keys(r#"[{"rank":1},{"rank":1,"votes":2}]"#)]
    #[case::key_twice(r#"[{"rank":1,"rank":1}]"#)]
    #[case::same_meaning_twice(r#"[{"rating":1,"score":1}]"#)]
    #[case::nested(r#"[{"rank":[1]}]"#)]
    #[case::blanks(r#"[{"rank": 1}]"#)]
    #[case::no_number(r#"[{"rank":01}]"#)]
    #[case::escape_that_matters(r#"[{"modelDisplayName":"a&b"}]"#)]
    #[case::quote_in_string(r#"[{"modelDisplayName":"a\"b"}]"#)]
    #[case::brackets_in_string(r#"[{"modelDisplayName":"a}]b"}]"#)]
    #[case::no_row("[1]")]
    #[case::cut_off(r#"[{"rank":1"#)]
    fn leaves_the_rest_to_the_general_reader(#[case] text: &str) {
        assert_eq!(read(escaped(text).as_bytes()), None);
    }

    #[rstest]
    fn numbers(#[values("0", "-0", "7", "10", "1.5", "-1.25e-3", "1E+9", "0.1")] text: &str) {
        assert!(is_number(text.as_bytes()));
    }

    #[rstest]
    fn not_numbers(
        #[values(
            "", "-", "01", "-01", "1.", ".5", "+1", "1e", "1e+", "0x1", "1 ", "NaN", "1.5.2", "--1"
        )]
        text: &str,
    ) {
        assert!(!is_number(text.as_bytes()));
    }

    proptest! {
        /// What it reads is what the general reader reads.
        #[test]
        fn agrees_with_the_general_reader(
            names in prop::collection::vec("[a-z &é(){}\\[\\]\"\\\\]{0,6}", 1..5),
            number in "-?[0-9]{1,3}(\\.[0-9]{0,3})?(e[0-9])?",
        ) {
            let rows: Vec<String> = names
                .iter()
                .map(|name| format!("{{\"modelDisplayName\":{},\"votes\":{number}}}", serde_json::to_string(name).unwrap()))
                .collect();
            let text = format!("[{}]", rows.join(","));
            if let Some((rows, _)) = read(escaped(&text).as_bytes()) {
                let general: Vec<Row<'_>> = serde_json::from_str(&text).unwrap();
                prop_assert_eq!(rows.len(), general.len());
                for (fast, general) in rows.iter().zip(&general) {
                    let dialect = crate::parse::keys::Dialect::Page;
                    prop_assert_eq!(fast.name.text(dialect), general.name.text(dialect));
                    prop_assert_eq!(fast.votes, general.votes);
                }
            }
        }

        #[test]
        fn never_panics(raw in "\\[\\{(\\\\\"[a-z]{0,3}\\\\\":[0-9\\\\\",}]{0,4}){0,4}\\}\\]?") {
            let _ = read(raw.as_bytes());
        }
    }
}
