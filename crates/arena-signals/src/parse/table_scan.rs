//! The HTML table by a bounded byte scan: what the site's renderer writes, read in a fraction of a millisecond.
//!
//! The renderer writes the cells of a column alike, so the markup around the texts of one cell is the template of the
//! next one. A table that the scan does not understand is left to [`super::table`].

use std::borrow::Cow;

use memchr::{memchr, memchr3, memmem};

use super::cells::{Cell, Column, Columns, ShownRow};
use super::table::ShownTable;

/// Reads a table, `<table` to `</table>`; `None` when its markup is not as expected.
pub(crate) fn scan(table: &[u8]) -> Option<ShownTable<'_>> {
    let body_at = memmem::find(table, b"<tbody")?;
    let (head, body) = table.split_at_checked(body_at)?;
    let mut heads = memmem::find_iter(head, b"<th ")
        .chain(memmem::find_iter(head, b"<th>"))
        .collect::<Vec<_>>();
    heads.sort_unstable();
    let headers = heads
        .iter()
        .zip(heads.iter().skip(1).copied().chain([head.len()]))
        .map(|(&from, to)| Some(Cow::Owned(tokenize(head.get(from..to)?)?.cell.texts().join(" "))))
        .collect::<Option<Vec<Cow<'_, str>>>>()?;
    let columns = Columns::read(headers.into_iter()).ok()?;
    let rows = scan_rows(body, &columns.kinds)?;
    Some(ShownTable {
        rows,
        unknown_columns: columns.unknown,
    })
}

fn scan_rows<'t>(body: &'t [u8], columns: &[Column]) -> Option<Vec<ShownRow<'t>>> {
    let mut templates: Vec<Template<'t>> = columns.iter().map(|_| Template::default()).collect();
    let mut rows = Vec::with_capacity(512);
    let mut starts = memmem::find_iter(body, b"<td").peekable();
    while starts.peek().is_some() {
        let mut row = ShownRow::default();
        let mut last: &[u8] = &[];
        for (column, template) in columns.iter().zip(&mut templates) {
            // A row that ends early would borrow a cell of the next one.
            if memmem::find(last, b"</tr").is_some() {
                return None;
            }
            let from = starts.next()?;
            last = body.get(from..starts.peek().copied().unwrap_or(body.len()))?;
            match column {
                Column::Ignored => {}
                Column::Model => row.take(*column, model(last, template)?),
                _ => row.take(*column, template.read(cell_of(last)?)?),
            }
        }
        memmem::find(last, b"</tr")?;
        rows.push(row);
    }
    Some(rows)
}

/// A cell up to its closing tag.
fn cell_of(bytes: &[u8]) -> Option<&[u8]> {
    let close = memmem::rfind(bytes, b"</td>")?;
    bytes.get(..close)
}

/// The cell of a model: the link's title, and the texts from the link on; the icon before it says nothing.
fn model<'t>(bytes: &'t [u8], template: &mut Template<'t>) -> Option<Cell<'t>> {
    let bytes = cell_of(bytes)?;
    let Some(link) = memmem::rfind(bytes, b"<a ") else {
        return tokenize(bytes).map(|tokens| tokens.cell);
    };
    let link = bytes.get(link..)?;
    let end = tag_end(link)?;
    let tag = link.get(..end)?;
    let title = match memmem::find(tag, b" title=\"") {
        Some(at) => {
            let value = tag.get(at + b" title=\"".len()..)?;
            Some(text_of(value.get(..memchr(b'"', value)?)?)?)
        }
        None => None,
    };
    let mut cell = template.read(link.get(end..)?)?;
    cell.title = title;
    Some(cell)
}

/// The markup around the texts of a column's cells.
#[derive(Debug, Default)]
struct Template<'t> {
    pieces: Vec<&'t [u8]>,
}

impl<'t> Template<'t> {
    /// Reads a cell by the template, or anew, which then is the template.
    fn read(&mut self, bytes: &'t [u8]) -> Option<Cell<'t>> {
        if let Some(cell) = self.fit(bytes) {
            return Some(cell);
        }
        let tokens = tokenize(bytes)?;
        if !tokens.pieces.is_empty() {
            self.pieces = tokens.pieces;
        }
        Some(tokens.cell)
    }

    fn fit(&self, bytes: &'t [u8]) -> Option<Cell<'t>> {
        let (first, others) = self.pieces.split_first()?;
        let mut rest = bytes.strip_prefix(*first)?;
        let mut cell = Cell::default();
        for piece in others {
            let (text, after) = rest.split_at_checked(memchr(b'<', rest)?)?;
            let text = text.trim_ascii();
            if text.is_empty() || !cell.push(text_of(text)?) {
                return None;
            }
            rest = after.strip_prefix(*piece)?;
        }
        rest.is_empty().then_some(cell)
    }
}

/// A cell's texts and the markup between them.
#[derive(Debug, Default)]
struct Tokens<'t> {
    cell: Cell<'t>,
    pieces: Vec<&'t [u8]>,
}

/// Splits a fragment into markup and texts; comments and icons are markup.
fn tokenize(bytes: &[u8]) -> Option<Tokens<'_>> {
    let mut tokens = Tokens::default();
    let (mut rest, mut piece_from, mut at) = (bytes, 0, 0);
    while !rest.is_empty() {
        let text_length = memchr(b'<', rest).unwrap_or(rest.len());
        let text = rest.get(..text_length)?.trim_ascii();
        if !text.is_empty() {
            tokens.pieces.push(bytes.get(piece_from..at)?);
            if !tokens.cell.push(text_of(text)?) {
                return None;
            }
            piece_from = at + text_length;
        }
        at += text_length;
        rest = bytes.get(at..)?;
        at += match () {
            () if rest.is_empty() => 0,
            () if rest.starts_with(b"<!--") => memmem::find(rest, b"-->")? + b"-->".len(),
            () if rest.starts_with(b"<svg") => memmem::find(rest, b"</svg>")? + b"</svg>".len(),
            () => tag_end(rest)?,
        };
        rest = bytes.get(at..)?;
    }
    tokens.pieces.push(bytes.get(piece_from..)?);
    Some(tokens)
}

/// The length of the tag that opens `bytes`, quoted attributes taken whole.
fn tag_end(bytes: &[u8]) -> Option<usize> {
    let mut at = 1;
    loop {
        at += memchr3(b'>', b'"', b'\'', bytes.get(at..)?)?;
        match bytes.get(at)? {
            b'>' => return Some(at + 1),
            quote => at += 1 + memchr(*quote, bytes.get(at + 1..)?)? + 1,
        }
    }
}

/// The text of escaped bytes; `None` when it is not UTF-8 or has an entity that the renderer does not write.
fn text_of(bytes: &[u8]) -> Option<Cow<'_, str>> {
    let text = std::str::from_utf8(bytes).ok()?;
    if memchr(b'&', bytes).is_none() {
        return Some(Cow::Borrowed(text));
    }
    let mut plain = String::with_capacity(text.len());
    let mut parts = text.split('&');
    plain.push_str(parts.next()?);
    for part in parts {
        let (entity, rest) = part.split_once(';')?;
        plain.push(match entity {
            "amp" => '&',
            "lt" => '<',
            "gt" => '>',
            "quot" => '"',
            "#x27" | "#39" | "apos" => '\'',
            _ => return None,
        });
        plain.push_str(rest);
    }
    Some(Cow::Owned(plain))
}

#[cfg(test)]
mod tests {
    use super::{scan, tag_end, text_of};
    use crate::parse::table;
    use rstest::rstest;

    fn page(rows: &str) -> String {
        format!(
            "<!DOCTYPE html><html><body><table class=\"w\"><thead><tr><th class=\"a\"><button>Rank<svg><path d=\"M1\">\
             </path></svg></button></th><th><div><span>Rank Spread</span></div></th><th>Model</th><th>Score</th>\
             <th>Votes</th><th>Price $/M</th></tr></thead><tbody>{rows}</tbody></table></body></html>"
        )
    }

    fn row(rank: &str, spread: &str, model: &str, score: &str, votes: &str) -> String {
        format!(
            "<tr class=\"[&amp;_x]\"><td class=\"p\"><span>{rank}</span></td><td>{spread}</td><td>{model}</td>\
             <td><div>{score}</div></td><td><span>{votes}</span></td><td><span>$5<!-- --> / <!-- -->$25</span></td></tr>"
        )
    }

    fn link(name: &str, line: &str) -> String {
        format!(
            "<div><svg><title>Icon</title></svg><a href=\"#\" title=\"{name}\"><span>{name}</span><svg></svg></a>\
             <span class=\"x\">{line}</span></div>"
        )
    }

    const SPREAD: &str = "<div><span>1</span><svg class=\"h\"><path></path></svg><span>2</span></div>";
    const SCORE: &str = "<span>1501</span><span>±5</span>";

    /// The scan and the whole parser must read the same.
    #[rstest]
    #[case::plain(&[row("1", SPREAD, &link("a", "X · MIT"), SCORE, "23,616"), row("2", SPREAD, &link("b", "MIT"), SCORE, "1")])]
    #[case::preliminary(&[row("1", SPREAD, &link("a", "X · MIT"), "<span>9</span><b>Preliminary</b>", "2"),
        row("2", SPREAD, &link("b", "X · MIT"), SCORE, "1")])]
    #[case::entities(&[row("1", SPREAD, &link("a &amp; b", "A&#x27;s · &lt;MIT&gt;"), SCORE, "2")])]
    #[case::blanks(&[row("1", SPREAD, &link("a", "X · MIT"), SCORE, "2"), row(" 2 ", SPREAD, &link("b", " X · MIT "), SCORE, " 2\n")])]
    #[case::no_link(&[row("1", SPREAD, "<div><span>a</span><span>X · MIT</span></div>", SCORE, "2")])]
    #[case::odd_cells(&[row("x", "<div>12</div>", &link("a", "X · MIT"), SCORE, "-2"), row("", SPREAD, &link("b", ""), "", "")])]
    #[case::other_title(&[row("1", SPREAD, "<a href=\"#\" title=\"b\"><span>a</span></a><span>MIT</span>", SCORE, "2")])]
    #[case::no_rows(&[])]
    fn reads_as_the_whole_parser(#[case] rows: &[String]) {
        let page = page(&rows.concat());
        let start = page.find("<table").unwrap();
        let scanned = scan(&page.as_bytes()[start..]).unwrap();
        assert_eq!(scanned, table::read(&page).unwrap());
    }

    #[rstest]
    #[case::missing_cell(&page("<tr><td>1</td></tr><tr><td>2</td><td>3</td><td>4</td><td>5</td><td>6</td></tr>"))]
    #[case::unknown_entity(&page(&row("1", SPREAD, &link("a&nbsp;b", "MIT"), SCORE, "2")))]
    #[case::open_tag(&page("<tr><td class=\"x</td>"))]
    #[case::no_body("<table><tr><td>1</td></tr></table>")]
    #[case::nothing("")]
    fn leaves_other_markup_alone(#[case] table: &str) {
        assert_eq!(scan(table.as_bytes()), None);
    }

    #[test]
    fn a_tag_ends_outside_its_quotes() {
        assert_eq!(tag_end(b"<a t=\"x>y\" u='>'>z"), Some(17));
        assert_eq!(tag_end(b"<a t=\"x>y"), None);
    }

    #[test]
    fn entities_are_read() {
        assert_eq!(text_of(b"a &amp; &quot;b&quot;").unwrap(), "a & \"b\"");
        assert_eq!(text_of(b"a & b"), None);
        assert_eq!(text_of(b"\xff"), None);
    }
}
