//! A whole HTML page: its payload first, its table otherwise.

use autotrader_domain::GateReasonCode::{Blocked, Truncated, Unreadable};
use autotrader_domain::ParsePath;
use memchr::memmem;

use super::findings::quoted;
use super::keys::Dialect;
use super::payload;
use super::{Parsed, contains, flight, page_text, table};

/// Reads a page of markup.
pub(crate) fn parse(page: &[u8]) -> Parsed<'_> {
    let mut parsed = match flight::parse_page(page).or_else(|| next_data(page)) {
        Some(parsed) => Parsed {
            beside: Some(page),
            ..parsed
        },
        None => from_table(page),
    };
    parsed.identity.described = page_text::description(page);
    if parsed.path.is_some() && !parsed.findings.has(Truncated) && !page_text::is_whole(page) {
        parsed
            .findings
            .refuse(Truncated, || "the page is cut off: it does not close".to_owned());
    }
    parsed
}

/// Reads the `__NEXT_DATA__` script; `None` when the page has none, or it holds no leaderboard.
fn next_data(page: &[u8]) -> Option<Parsed<'static>> {
    let tag = page.get(memmem::find(page, b"id=\"__NEXT_DATA__\"")?..)?;
    let script = tag.get(memchr::memchr(b'>', tag)? + 1..)?;
    let path = ParsePath::NextData;
    let Some(end) = memmem::find(script, b"</script>") else {
        let detail = "the page ends within its __NEXT_DATA__ script".to_owned();
        return Some(Parsed::broken(path, payload::Broken::new(Truncated, detail)));
    };
    let Ok(text) = std::str::from_utf8(script.get(..end)?) else {
        let detail = "the __NEXT_DATA__ script is not UTF-8 text".to_owned();
        return Some(Parsed::broken(path, payload::Broken::new(Unreadable, detail)));
    };
    match payload::find(text) {
        Ok(Some(found)) => Some(Parsed {
            path: Some(path),
            ..payload::interpret(found.payload, Dialect::Page)
        }),
        Ok(None) => None,
        Err(broken) => Some(Parsed::broken(path, broken)),
    }
}

/// Reads the table, or says what the page is instead.
fn from_table(page: &[u8]) -> Parsed<'_> {
    let Ok(text) = std::str::from_utf8(page) else {
        return Parsed::nothing(Unreadable, "the page is not UTF-8 text".to_owned());
    };
    if let Some(start) = memmem::find(page, b"<table")
        && !contains(page.get(start..).unwrap_or_default(), "</table>")
    {
        return Parsed::nothing(Truncated, "the page ends within its table".to_owned());
    }
    match table::read(text) {
        Ok(rows) => {
            let above = memmem::find(page, b"<table")
                .and_then(|start| page.get(..start))
                .unwrap_or_default();
            let header = page_text::header(above);
            Parsed {
                path: Some(ParsePath::HtmlTable),
                total_models: header.models,
                total_votes: header.votes,
                coarse: true,
                ..table::into_parsed(rows)
            }
        }
        Err(detail) => match page_text::block_notice(page) {
            Some(notice) => Parsed::nothing(
                Blocked,
                format!("the site answered with a block page: {}", quoted(notice)),
            ),
            None => Parsed::nothing(Unreadable, detail),
        },
    }
}
