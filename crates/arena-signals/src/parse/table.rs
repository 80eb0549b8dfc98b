//! The HTML table by way of a whole HTML5 parser: slow, and right about any markup.

use std::borrow::Cow;

use autotrader_domain::GateReasonCode::InvalidValues;
use autotrader_settlement::{Board, Entry, Rating};
use scraper::{ElementRef, Html, Node, Selector};

use super::Parsed;
use super::cells::{Cell, Columns, ShownRow};
use super::findings::{Findings, quoted};

/// The rows a page shows.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct ShownTable<'a> {
    pub(crate) rows: Vec<ShownRow<'a>>,
    pub(crate) unknown_columns: Vec<String>,
}

/// Reads the page's leaderboard table: the only one whose headers fit.
///
/// # Errors
/// What is wrong, in words.
pub(crate) fn read(page: &str) -> Result<ShownTable<'static>, String> {
    let document = Html::parse_document(page);
    let (tables, rows) = (selector("table")?, selector("tr")?);
    let mut found = None;
    let mut problem = "the page has neither a leaderboard payload nor a table".to_owned();
    for table in document.select(&tables) {
        match read_table(table, &rows) {
            Ok(shown) if found.is_none() => found = Some(shown),
            Ok(_) => return Err("the page has more than one leaderboard table".to_owned()),
            Err(error) => problem = error,
        }
    }
    found.ok_or(problem)
}

fn selector(text: &'static str) -> Result<Selector, String> {
    Selector::parse(text).map_err(|error| format!("selector `{text}`: {error}"))
}

fn read_table(table: ElementRef<'_>, rows: &Selector) -> Result<ShownTable<'static>, String> {
    let mut rows = table.select(rows);
    let head = rows.next().ok_or("the table is empty")?;
    let columns = Columns::read(cells(head).map(|cell| Cow::Owned(texts(cell).join(" "))))?;
    let mut shown = ShownTable {
        rows: Vec::new(),
        unknown_columns: columns.unknown,
    };
    for (index, row) in rows.enumerate() {
        let texts: Vec<Vec<String>> = cells(row).map(texts).collect();
        if texts.len() != columns.kinds.len() {
            return Err(format!(
                "row {} of the table has another number of cells than its head",
                index + 1
            ));
        }
        let mut read = ShownRow::default();
        for ((texts, cell), column) in texts.iter().zip(cells(row)).zip(&columns.kinds) {
            read.take(*column, &content(texts, cell));
        }
        shown.rows.push(read.into_owned());
    }
    Ok(shown)
}

fn cells(row: ElementRef<'_>) -> impl Iterator<Item = ElementRef<'_>> {
    row.child_elements()
        .filter(|cell| matches!(cell.value().name(), "td" | "th"))
}

/// A cell with too many texts is one that cannot be understood: it reads as empty.
fn content<'a>(texts: &'a [String], cell: ElementRef<'a>) -> Cell<'a> {
    let mut content = Cell::default();
    if !texts.iter().all(|text| content.push(text)) {
        return Cell::default();
    }
    content.title = links(cell).next().and_then(|link| link.attr("title"));
    content
}

fn links<'a>(cell: ElementRef<'a>) -> impl Iterator<Item = ElementRef<'a>> {
    cell.descendent_elements()
        .filter(|element| element.value().name() == "a")
}

/// The texts of a cell in order, those of icons left out, blanks around them taken off.
fn texts(cell: ElementRef<'_>) -> Vec<String> {
    cell.descendants()
        .filter_map(|node| match node.value() {
            Node::Text(text) => Some((node, text.trim())),
            _ => None,
        })
        .filter(|(node, text)| {
            let in_icon = || {
                node.ancestors()
                    .any(|up| up.value().as_element().is_some_and(|it| it.name() == "svg"))
            };
            !text.is_empty() && !in_icon()
        })
        .map(|(_, text)| text.to_owned())
        .collect()
}

/// A table on its own as what the gate judges.
pub(crate) fn into_parsed(table: ShownTable<'_>) -> Parsed<'static> {
    let mut findings = Findings::default();
    for header in &table.unknown_columns {
        findings.odd("unknown_column", || {
            format!("the table has an unknown column {}", quoted(header))
        });
    }
    let mut board = Board {
        entries: Vec::with_capacity(table.rows.len()),
    };
    let mut licenses = Vec::with_capacity(table.rows.len());
    for (index, row) in table.rows.into_iter().enumerate() {
        if let Some(cell) = row.odd_cell {
            findings.refuse(InvalidValues, || {
                format!("row {}: the cell for {cell} cannot be understood", index + 1)
            });
        }
        let (organization, license) = owner(&row);
        licenses.push(license.map(Into::into));
        board.entries.push(entry(&row, organization));
    }
    Parsed {
        board,
        licenses,
        findings,
        ..Parsed::default()
    }
}

/// The organisation and the licence of a row; a line without a dot between them is the licence alone.
fn owner<'r>(row: &'r ShownRow<'_>) -> (Option<&'r str>, Option<&'r str>) {
    match row.line.as_deref() {
        Some(line) => match line.split_once(" · ") {
            Some((organization, license)) => (Some(organization), Some(license)),
            None => (None, Some(line)),
        },
        None => (row.organization.as_deref(), row.license.as_deref()),
    }
}

fn entry(row: &ShownRow<'_>, organization: Option<&str>) -> Entry {
    let rating = |value: Option<i64>| value.and_then(|value| Rating::parse(&value.to_string()).ok());
    let (upper, lower) = match (row.score, row.interval) {
        (Some(score), Some((up, down))) => (score.checked_add(up), score.checked_sub(down)),
        _ => (None, None),
    };
    Entry {
        organization: organization.map(str::to_owned),
        rank: row.rank,
        rank_ub: row.rank_ub,
        rank_lb: row.rank_lb,
        score: rating(row.score),
        ci_lower: rating(lower),
        ci_upper: rating(upper),
        votes: row.votes,
        preliminary: row.preliminary,
        ..Entry::named(row.name.clone())
    }
}
