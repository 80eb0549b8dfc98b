//! CSV files: the row keys in the first line, then one row a line.

use autotrader_domain::GateReasonCode::Unreadable;
use autotrader_domain::ParsePath;

use super::Parsed;
use super::keys::{Dialect, Field, Row, RowField, RowKey};
use super::payload::{self, Broken, Payload};

/// Reads a CSV file; `None` when its first line does not name the model's column.
pub(crate) fn parse(text: &str) -> Option<Parsed<'static>> {
    let mut records = Records(text);
    let head = records.next()?.ok()?;
    let keys: Vec<RowKey> = head.iter().map(|cell| RowKey::from(cell.trim())).collect();
    if keys.len() < 2 || !keys.contains(&RowKey::Known(RowField::Name)) {
        return None;
    }
    Some(match rows(&keys, records) {
        Ok(cells) => {
            let rows = cells.iter().map(|cells| row(&keys, cells)).collect();
            Parsed {
                path: Some(ParsePath::Csv),
                ..payload::interpret(Payload::of_rows(rows), Dialect::File)
            }
        }
        Err(detail) => Parsed::broken(ParsePath::Csv, Broken::new(Unreadable, detail)),
    })
}

/// The cells of every row as JSON values, so that they mean what the same words mean in a JSON file.
fn rows(keys: &[RowKey], records: Records<'_>) -> Result<Vec<Vec<String>>, String> {
    for (index, key) in keys.iter().enumerate() {
        if matches!(key, RowKey::Known(_)) && keys.iter().skip(index + 1).any(|other| other == key) {
            return Err(format!("column {} is there twice", index + 1));
        }
    }
    let mut rows = Vec::new();
    for (index, record) in records.enumerate() {
        let cells = record.map_err(|()| format!("line {}: a quote does not close", index + 2))?;
        if let [only] = cells.as_slice()
            && only.trim().is_empty()
        {
            continue;
        }
        if cells.len() != keys.len() {
            return Err(format!(
                "row {} has {} cells, the head has {}",
                index + 1,
                cells.len(),
                keys.len()
            ));
        }
        rows.push(
            cells
                .iter()
                .zip(keys)
                .map(|(cell, key)| value(cell.trim(), key))
                .collect(),
        );
    }
    Ok(rows)
}

fn value(cell: &str, key: &RowKey) -> String {
    match cell {
        "" => "null".to_owned(),
        "true" | "True" if *key == RowKey::Known(RowField::Preliminary) => "true".to_owned(),
        "false" | "False" if *key == RowKey::Known(RowField::Preliminary) => "false".to_owned(),
        _ => serde_json::Value::from(cell).to_string(),
    }
}

fn row<'c>(keys: &[RowKey], cells: &'c [String]) -> Row<'c> {
    let mut row = Row::default();
    for (key, cell) in keys.iter().zip(cells) {
        match key {
            RowKey::Known(field) => *row.slot(*field) = Field::Json(cell),
            RowKey::Ignored => {}
            RowKey::Unknown(name) => {
                row.unknown.get_or_insert_with(|| name.clone());
            }
        }
    }
    row
}

/// The records of RFC 4180; `Err` for a quote that does not close.
struct Records<'t>(&'t str);

impl Iterator for Records<'_> {
    type Item = Result<Vec<String>, ()>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.0.is_empty() {
            return None;
        }
        let mut cells = Vec::new();
        loop {
            let cell = match self.0.strip_prefix('"') {
                Some(rest) => {
                    let Some((cell, rest)) = quoted_cell(rest) else {
                        self.0 = "";
                        return Some(Err(()));
                    };
                    self.0 = rest;
                    cell
                }
                None => {
                    let end = self.0.find([',', '\n']).unwrap_or(self.0.len());
                    let (cell, rest) = self.0.split_at(end);
                    self.0 = rest;
                    cell.trim_end_matches('\r').to_owned()
                }
            };
            cells.push(cell);
            match self.0.strip_prefix(',') {
                Some(rest) => self.0 = rest,
                None => {
                    let rest = self.0.trim_start_matches('\r');
                    self.0 = rest.strip_prefix('\n').unwrap_or(rest);
                    return Some(Ok(cells));
                }
            }
        }
    }
}

/// The cell up to its closing quote, two quotes standing for one, and what follows.
fn quoted_cell(text: &str) -> Option<(String, &str)> {
    let (mut cell, mut rest) = (String::new(), text);
    loop {
        let (piece, after) = rest.split_once('"')?;
        cell.push_str(piece);
        match after.strip_prefix('"') {
            Some(more) => {
                cell.push('"');
                rest = more;
            }
            None if after.is_empty() || after.starts_with([',', '\n', '\r']) => return Some((cell, after)),
            None => return None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Records, parse};
    use autotrader_domain::{GateReasonCode, ParsePath};
    use proptest::prelude::*;
    use rstest::rstest;

    #[rstest]
    #[case("a,b\n1,2\n", "a|b;1|2")]
    #[case("a,b\r\n1,2", "a|b;1|2")]
    #[case("\"a,b\",\"c\"\"d\"\n,\n", "a,b|c\"d;|")]
    #[case("\"two\nlines\",x", "two\nlines|x")]
    fn records(#[case] text: &str, #[case] expected: &str) {
        let records: Vec<String> = Records(text).map(|cells| cells.unwrap().join("|")).collect();
        assert_eq!(records.join(";"), expected);
    }

    #[test]
    fn rows_by_their_headers() {
        let text = "rank,model_name,organization,score,votes,preliminary,mood\n1,a,\"X, Inc\",1500.50,7,True,fine\n2,b,,,,,\n";
        let parsed = parse(text).unwrap();
        assert_eq!(parsed.path, Some(ParsePath::Csv));
        let [a, b] = &parsed.board.entries[..] else {
            panic!("{:?}", parsed.board)
        };
        assert_eq!(
            (a.rank, a.model_name.as_str(), a.organization.as_deref()),
            (Some(1), "a", Some("X, Inc"))
        );
        assert_eq!(a.score.as_ref().unwrap().as_str(), "1500.50");
        assert_eq!((a.votes, a.preliminary), (Some(7), true));
        assert_eq!(
            (b.votes, b.score.is_none(), b.organization.is_none()),
            (None, true, true)
        );
        assert!(
            parsed
                .findings
                .anomalies()
                .iter()
                .any(|anomaly| anomaly.code == "unknown_key")
        );
    }

    #[rstest]
    #[case("rank,model\n1\n", "row 1 has 1 cells")]
    #[case("rank,model\n1,\"a\n", "does not close")]
    #[case("rank,model,model_name\n1,a,b\n", "column 2 is there twice")]
    fn broken_files_say_where(#[case] text: &str, #[case] says: &str) {
        let reasons = parse(text).unwrap().reasons();
        assert_eq!(reasons[0].code, GateReasonCode::Unreadable);
        assert!(reasons[0].detail.contains(says), "{}", reasons[0].detail);
    }

    #[rstest]
    #[case("")]
    #[case("hello")]
    #[case("a,b\n1,2\n")]
    fn other_text_is_not_ours(#[case] text: &str) {
        assert!(parse(text).is_none());
    }

    proptest! {
        #[test]
        fn never_panics(text in "model,rank\n[a-z\",\r\n0-9é]{0,60}") {
            let _ = parse(&text);
        }
    }
}
