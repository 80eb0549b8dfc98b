//! JSON text to wire structs, with the place of whatever does not fit.

use autotrader_domain::ports::FeedError;
use serde::Deserialize;
use serde_path_to_error::Segment;

use crate::error::shorten;

/// Reads one JSON document. `root` is the path of the document itself, `$` for a whole answer.
pub(crate) fn decode<'de, T: Deserialize<'de>>(root: &str, body: &'de [u8]) -> Result<T, FeedError> {
    let mut reader = serde_json::Deserializer::from_slice(body);
    let value = serde_path_to_error::deserialize(&mut reader).map_err(|error| locate(root, &error))?;
    reader.end().map_err(|error| schema(root, &error.to_string()))?;
    Ok(value)
}

/// An error at a path.
pub(crate) fn schema(path: &str, detail: &str) -> FeedError {
    FeedError::Schema {
        path: path.to_owned(),
        detail: shorten(detail),
    }
}

fn locate(root: &str, error: &serde_path_to_error::Error<serde_json::Error>) -> FeedError {
    let mut path = root.to_owned();
    for segment in error.path() {
        match segment {
            Segment::Seq { index } => path.push_str(&format!("[{index}]")),
            Segment::Map { key } => {
                path.push('.');
                path.push_str(&shorten(key));
            }
            Segment::Enum { .. } | Segment::Unknown => {}
        }
    }
    let detail = error.inner().to_string();
    // A missing field is reported at its parent; the wanted place is the field itself.
    if let Some(field) = detail
        .strip_prefix("missing field `")
        .and_then(|rest| rest.split('`').next())
    {
        path.push('.');
        path.push_str(field);
    }
    schema(&path, &detail)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::market::{MarketOrderbook, SeriesAnswer};
    use crate::wire::portfolio::FillsPage;

    #[track_caller]
    fn check<T: for<'de> Deserialize<'de> + std::fmt::Debug>(body: &str, path: &str, detail: &str) {
        let error = decode::<T>("$", body.as_bytes()).unwrap_err();
        let FeedError::Schema {
            path: found,
            detail: words,
        } = error
        else {
            panic!("{error}");
        };
        assert_eq!(found, path, "{words}");
        assert!(words.contains(detail), "{words}");
    }

    #[test]
    fn missing_and_mistyped_fields_are_named_by_their_path() {
        check::<SeriesAnswer>("{}", "$.series", "missing field");
        check::<SeriesAnswer>(
            r#"{"series":{"ticker":"KX","fee_type":"quadratic"}}"#,
            "$.series.fee_multiplier",
            "missing field",
        );
        check::<SeriesAnswer>(
            r#"{"series":{"ticker":"a b","fee_type":"quadratic","fee_multiplier":1}}"#,
            "$.series.ticker",
            "not an exchange name",
        );
        check::<FillsPage>(
            r#"{"cursor":"","fills":[{"fill_id":"f","order_id":"o","ticker":"T","book_side":"bid","count_fp":1}]}"#,
            "$.fills[0].count_fp",
            "expected a string",
        );
        check::<FillsPage>(
            r#"{"cursor":"","fills":[{"fill_id":"f","order_id":"o","ticker":"T","book_side":"sideways"}]}"#,
            "$.fills[0].book_side",
            "unknown variant",
        );
        check::<MarketOrderbook>(
            r#"{"orderbook_fp":{"yes_dollars":[["0.10","1.00"],["1.10","1.00"]],"no_dollars":[]}}"#,
            "$.orderbook_fp.yes_dollars[1][0]",
            "out of range",
        );
        check::<MarketOrderbook>(
            r#"{"orderbook_fp":{"yes_dollars":[]}}"#,
            "$.orderbook_fp.no_dollars",
            "missing field",
        );
        check::<MarketOrderbook>(
            r#"{"orderbook_fp":{"no_dollars":[]}}"#,
            "$.orderbook_fp.yes_dollars",
            "missing field",
        );
        check::<SeriesAnswer>("<html>", "$", "expected value");
        check::<SeriesAnswer>("", "$", "EOF");
    }

    #[test]
    fn trailing_text_is_not_an_answer() {
        let body = br#"{"orderbook_fp":{"yes_dollars":null,"no_dollars":[]}} {}"#;
        assert!(decode::<MarketOrderbook>("$", body).is_err());
    }
}
