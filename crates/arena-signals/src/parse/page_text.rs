//! What a page says outside its rows: whether it is one, its description and its header, or that it is a block page.

use chrono::NaiveDate;
use memchr::memmem;

use super::{Description, Header, contains};

/// How far before its last byte a whole page may close, in bytes.
const TAIL: usize = 4096;

/// How far a description may lie into a page, in bytes: it stands in the head.
const HEAD: usize = 64 << 10;

/// What block pages of the site's guards say (Cloudflare, Vercel).
const BLOCKED: [&str; 6] = [
    "Attention Required! | Cloudflare",
    "Sorry, you have been blocked",
    "<title>Just a moment...</title>",
    "challenge-error-text",
    "Vercel Security Checkpoint",
    "<title>Access denied</title>",
];

/// Whether the bytes are markup at all.
pub(crate) fn is_markup(page: &[u8]) -> bool {
    let page = page.strip_prefix(b"\xef\xbb\xbf").unwrap_or(page);
    page.trim_ascii_start().starts_with(b"<")
}

/// Whether the page closes as a whole page does.
pub(crate) fn is_whole(page: &[u8]) -> bool {
    let tail = page.get(page.len().saturating_sub(TAIL)..).unwrap_or(page);
    contains(tail, "</html>")
}

/// What the page says when it is a block page.
pub(crate) fn block_notice(page: &[u8]) -> Option<&'static str> {
    BLOCKED.into_iter().find(|notice| contains(page, notice))
}

/// Reads the page's description, where it has the form the leaderboard's has.
pub(crate) fn description(page: &[u8]) -> Option<Description> {
    let head = page.get(..page.len().min(HEAD))?;
    let tag = head.get(memmem::find(head, b"<meta name=\"description\"")?..)?;
    let tag = std::str::from_utf8(tag.get(..memchr::memchr(b'>', tag)?)?).ok()?;
    let (before, said) = tag.split_once(" models ranked by ")?;
    let arena = before.rsplit([' ', '"']).next()?;
    let (category, style) = said.split_once(" performance")?;
    let style = style.trim_start();
    Some(Description {
        arena: arena.trim().to_lowercase(),
        category: category.trim().to_lowercase().replace(' ', "-"),
        style_control: match () {
            () if style.starts_with("(without style control)") => Some(false),
            () if style.starts_with("(with style control)") => Some(true),
            () => None,
        },
    })
}

/// Reads the totals and the date printed above the table; `above` ends where the table starts.
pub(crate) fn header(above: &[u8]) -> Header {
    Header {
        votes: counted(above, b"votes</span>"),
        models: counted(above, b"models</span>"),
        date: date(above),
    }
}

/// The number printed before a word, past the comments that the site's renderer puts between them.
fn counted(above: &[u8], word: &[u8]) -> Option<u64> {
    memmem::find_iter(above, word).find_map(|at| {
        let before = above.get(at.saturating_sub(80)..at)?;
        let before = before.get(memmem::rfind(before, b"<span>")? + b"<span>".len()..)?;
        let number = std::str::from_utf8(before)
            .ok()?
            .replace("<!-- -->", "")
            .replace(',', "");
        number.trim().parse().ok()
    })
}

/// The first date printed alone, as `May 7, 2026` or `2026-05-07`.
fn date(above: &[u8]) -> Option<NaiveDate> {
    memmem::find_iter(above, b"<span>").find_map(|at| {
        let text = above.get(at + b"<span>".len()..)?;
        let text = text.get(..memchr::memchr(b'<', text.get(..20).unwrap_or(text))?)?;
        let text = std::str::from_utf8(text).ok()?;
        NaiveDate::parse_from_str(text, "%B %d, %Y")
            .or_else(|_| NaiveDate::parse_from_str(text, "%Y-%m-%d"))
            .ok()
    })
}

#[cfg(test)]
mod tests {
    use super::{block_notice, description, header, is_markup, is_whole};
    use crate::parse::{Description, Header};
    use chrono::NaiveDate;
    use rstest::rstest;

    fn described(arena: &str, category: &str, style_control: Option<bool>) -> Option<Description> {
        Some(Description {
            arena: arena.into(),
            category: category.into(),
            style_control,
        })
    }

    #[rstest]
    #[case(
        "<meta name=\"description\" content=\"Compare and explore Text models ranked by overall performance (without style control).\"/>",
        described("text", "overall", Some(false))
    )]
    #[case(
        "<meta name=\"description\" content=\"Compare and explore Text models ranked by hard prompts performance.\"/>",
        described("text", "hard-prompts", None)
    )]
    #[case(
        "<meta name=\"description\" content=\"Vision models ranked by overall performance (with style control).\"/>",
        described("vision", "overall", Some(true))
    )]
    #[case("<meta name=\"description\" content=\"Something else.\"/>", None)]
    #[case("<meta name=\"description\"", None)]
    #[case("", None)]
    fn descriptions(#[case] page: &str, #[case] expected: Option<Description>) {
        assert_eq!(description(page.as_bytes()), expected);
    }

    #[rstest]
    #[case(
        "<span>May 7, 2026</span><span>6,110,156<!-- --> votes</span><span>357<!-- --> <!-- -->models</span>",
        Some(6_110_156),
        Some(357),
        NaiveDate::from_ymd_opt(2026, 5, 7)
    )]
    #[case(
        "<span>2025-10-09</span><span>10 votes</span><span>2 models</span>",
        Some(10),
        Some(2),
        NaiveDate::from_ymd_opt(2025, 10, 9)
    )]
    #[case("<span>many votes</span><span>models</span>", None, None, None)]
    #[case("", None, None, None)]
    fn headers(
        #[case] above: &str,
        #[case] votes: Option<u64>,
        #[case] models: Option<u64>,
        #[case] date: Option<NaiveDate>,
    ) {
        assert_eq!(header(above.as_bytes()), Header { votes, models, date });
    }

    #[test]
    fn pages_and_their_ends() {
        assert!(is_markup(b"\xef\xbb\xbf\n <!DOCTYPE html>"));
        assert!(!is_markup(b"[1]"));
        assert!(is_whole(b"<html></html>\n"));
        assert!(!is_whole(b"<html><body>"));
        assert_eq!(
            block_notice(b"<title>Just a moment...</title>"),
            Some("<title>Just a moment...</title>")
        );
        assert_eq!(block_notice(b"<title>Text Arena</title>"), None);
    }
}
