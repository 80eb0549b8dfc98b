//! The HTML table by a bounded byte scan: what the site's renderer writes, read in a fraction of a millisecond.
//!
//! The renderer writes the cells of a column alike, so the markup around the texts of one cell is the template of the
//! next one. A table that the scan does not understand is left to [`super::table`].

use std::borrow::Cow;
use std::ops::Range;

use memchr::{memchr, memchr3, memmem};

use super::cells::{Cell, Column, Columns, ShownRow};
use super::table::ShownTable;

/// How far before its end a model's cell has the link with its name, in bytes; the icon before it is much longer.
const LINK: usize = 1280;

/// Reads the table that starts the bytes, whatever follows it; `None` when its markup is not as expected.
pub(crate) fn scan(table: &[u8]) -> Option<ShownTable<'_>> {
    let (head, body) = table.split_at_checked(memmem::find(table, b"<tbody")?)?;
    let mut heads: Vec<usize> = memmem::find_iter(head, b"<th")
        .filter(|at| !head.get(*at..).unwrap_or_default().starts_with(b"<thead"))
        .collect();
    heads.push(head.len());
    let headers = heads
        .windows(2)
        .map(|pair| match pair {
            [from, to] => Some(Cow::Owned(
                tokenize(head.get(*from..*to)?)?.cell.texts().join(" "),
            )),
            _ => None,
        })
        .collect::<Option<Vec<Cow<'_, str>>>>()?;
    let columns = Columns::read(headers.into_iter()).ok()?;
    let rows = scan_rows(body, &columns.kinds)?;
    Some(ShownTable {
        rows,
        unknown_columns: columns.unknown,
    })
}

/// Reads the rows up to the end of the table.
fn scan_rows<'t>(body: &'t [u8], columns: &[Column]) -> Option<Vec<ShownRow<'t>>> {
    let finders = Finders::new();
    let mut templates: Vec<Template<'t>> = columns.iter().map(|_| Template::default()).collect();
    let mut link = LinkTemplate::default();
    let mut rows = Vec::with_capacity(512);
    let mut rest = body.get(tag_end(body)?..)?;
    while rest.starts_with(b"<tr") {
        let mut row = ShownRow::default();
        rest = rest.get(tag_end(rest)?..)?;
        for (index, (column, template)) in columns.iter().zip(&mut templates).enumerate() {
            let end = if index + 1 < columns.len() {
                // Inside a row one cell follows the other.
                let next = CELL.len() + finders.cell.find(rest.get(CELL.len()..)?)?;
                next.checked_sub(CELL_END.len())?
            } else {
                finders.cell_end.find(rest)?
            };
            let bytes = rest.get(..end).filter(|bytes| bytes.starts_with(CELL))?;
            rest = rest.get(end..)?.strip_prefix(CELL_END)?;
            let cell = match column {
                Column::Ignored => continue,
                Column::Model => model(bytes, &mut link, &finders)?,
                _ => template.read(bytes)?,
            };
            row.take(*column, &cell);
            if row.odd_cell.is_some() && !cell.is_readable() {
                return None;
            }
        }
        rest = rest.strip_prefix(b"</tr>")?;
        rows.push(row);
    }
    rest.starts_with(b"</tbody></table>").then_some(rows)
}

const CELL: &[u8] = b"<td";
const CELL_END: &[u8] = b"</td>";

/// What is looked for in every row.
#[derive(Debug)]
struct Finders {
    cell: memmem::Finder<'static>,
    cell_end: memmem::Finder<'static>,
    link: memmem::Finder<'static>,
}

impl Finders {
    fn new() -> Self {
        Self {
            cell: memmem::Finder::new(CELL),
            cell_end: memmem::Finder::new(CELL_END),
            link: memmem::Finder::new(b"<a "),
        }
    }
}

/// The cell of a model: the link's title, and the texts from the link on; the icon before it says nothing.
fn model<'t>(bytes: &'t [u8], template: &mut LinkTemplate<'t>, finders: &Finders) -> Option<Cell<'t>> {
    let from = bytes.len().saturating_sub(LINK);
    let (from, link) = match finders.link.find(bytes.get(from..)?) {
        Some(link) => (from, link),
        None => match finders.link.find(bytes) {
            Some(link) => (0, link),
            None => return tokenize(bytes).map(|tokens| tokens.cell),
        },
    };
    let link = bytes.get(from + link..)?;
    template.fit(link).or_else(|| template.learn(link))
}

/// The markup around a link's address, its title and the texts from it on.
#[derive(Debug, Default)]
struct LinkTemplate<'t> {
    /// Between the pieces lie the address, the title, then the texts.
    pieces: Vec<&'t [u8]>,
}

impl<'t> LinkTemplate<'t> {
    /// Reads a link by the template.
    fn fit(&self, link: &'t [u8]) -> Option<Cell<'t>> {
        let (first, others) = self.pieces.split_first()?;
        let mut rest = link.strip_prefix(*first)?;
        let mut cell = Cell::of_markup();
        for (index, piece) in others.iter().enumerate() {
            // What lies between ends where the quote or the tag of the next piece starts.
            let (between, after) = rest.split_at_checked(memchr(*piece.first()?, rest)?)?;
            match index {
                0 => {}
                1 => cell.title = Some(std::str::from_utf8(between).ok()?),
                _ => {
                    let text = between.trim_ascii();
                    if text.is_empty() || !cell.push(std::str::from_utf8(text).ok()?) {
                        return None;
                    }
                }
            }
            rest = after.strip_prefix(*piece)?;
        }
        rest.is_empty().then_some(cell)
    }

    /// Reads a link anew; one that is written as today's are becomes the template.
    fn learn(&mut self, link: &'t [u8]) -> Option<Cell<'t>> {
        let end = tag_end(link)?;
        let (tag, behind) = link.split_at_checked(end)?;
        let mut tokens = tokenize(behind)?;
        let Some(title) = attribute(tag, b" title=\"") else {
            return Some(tokens.cell);
        };
        tokens.cell.title = Some(std::str::from_utf8(tag.get(title.clone())?).ok()?);
        if let Some(address) = attribute(tag, b" href=\"")
            && address.end < title.start
        {
            let first = tokens.pieces.first()?.len();
            self.pieces = vec![
                link.get(..address.start)?,
                link.get(address.end..title.start)?,
                link.get(title.end..end + first)?,
            ];
            self.pieces.extend(tokens.pieces.iter().skip(1));
        }
        Some(tokens.cell)
    }
}

/// Where the value of a tag's attribute lies.
fn attribute(tag: &[u8], name: &[u8]) -> Option<Range<usize>> {
    let start = memmem::find(tag, name)? + name.len();
    Some(start..start + memchr(b'"', tag.get(start..)?)?)
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
        self.pieces = tokens.pieces;
        Some(tokens.cell)
    }

    fn fit(&self, bytes: &'t [u8]) -> Option<Cell<'t>> {
        let (first, others) = self.pieces.split_first()?;
        let mut rest = bytes.strip_prefix(*first)?;
        let mut cell = Cell::of_markup();
        for piece in others {
            let (text, after) = rest.split_at_checked(memchr(b'<', rest)?)?;
            let text = text.trim_ascii();
            if text.is_empty() || !cell.push(std::str::from_utf8(text).ok()?) {
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
    let mut tokens = Tokens {
        cell: Cell::of_markup(),
        pieces: Vec::new(),
    };
    let (mut rest, mut piece_from, mut at) = (bytes, 0, 0);
    while !rest.is_empty() {
        let text_length = memchr(b'<', rest).unwrap_or(rest.len());
        let text = rest.get(..text_length)?.trim_ascii();
        if !text.is_empty() {
            tokens.pieces.push(bytes.get(piece_from..at)?);
            if !tokens.cell.push(std::str::from_utf8(text).ok()?) {
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

#[cfg(test)]
mod tests {
    use super::{scan, tag_end};
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
}
