//! What commands print: JSON for scripts, tables for people.

use std::io::{self, Write as _};
use std::sync::atomic::{AtomicBool, Ordering};

use serde::Serialize;

use crate::Failure;

/// Names from outside on one line: control characters and invisible marks become visible, so that a page can neither
/// move the cursor nor turn a line around.
pub(crate) fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if c.is_control() || is_invisible(c) {
            out.extend(c.escape_default());
        } else {
            out.push(c);
        }
    }
    out
}

/// Zero-width and bidirectional marks, line and paragraph separators (of Unicode's categories Cf, Zl and Zp).
fn is_invisible(c: char) -> bool {
    matches!(
        c,
        '\u{ad}'
            | '\u{61c}'
            | '\u{180e}'
            | '\u{200b}'..='\u{200f}'
            | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}'
            | '\u{feff}'
            | '\u{e0000}'..='\u{e007f}'
    )
}

/// Whether something that was printed did not arrive: a full disk, a closed descriptor.
static LOST: AtomicBool = AtomicBool::new(false);

/// Prints one line of text. A reader that went away is no error; anything else is told by [`check`].
pub(crate) fn line(text: &str) {
    match writeln!(io::stdout().lock(), "{text}") {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => LOST.store(true, Ordering::Relaxed),
        _ => {}
    }
}

/// Writes a whole file, such as a page.
///
/// # Errors
/// [`Failure`] with the path that cannot be written.
pub(crate) fn file(path: &std::path::Path, text: &str) -> Result<(), Failure> {
    std::fs::write(path, text)
        .map_err(|error| Failure::failed(format!("{}: cannot be written: {error}.", path.display())))
}

/// Whether all output has arrived: half a report must not look like a whole one.
///
/// # Errors
/// [`Failure`] when a part could not be written.
pub(crate) fn check() -> Result<(), Failure> {
    if LOST.load(Ordering::Relaxed) {
        Err(Failure::failed(
            "output: standard output could not be written to the end; is the disk full?",
        ))
    } else {
        Ok(())
    }
}

/// Prints one JSON document.
///
/// # Errors
/// [`Failure`] when the value cannot be written as JSON.
pub(crate) fn json(value: &impl Serialize) -> Result<(), Failure> {
    let text =
        serde_json::to_string_pretty(value).map_err(|error| Failure::failed(format!("output: {error}")))?;
    line(&text);
    Ok(())
}

/// Prints rows under headings, columns as wide as their widest cell.
pub(crate) fn table(headings: &[&str], rows: &[Vec<String>]) {
    let rows: Vec<Vec<String>> = rows
        .iter()
        .map(|row| row.iter().map(|cell| escape(cell)).collect())
        .collect();
    let width = |column: usize| {
        let cells = rows
            .iter()
            .filter_map(|row| row.get(column))
            .map(|cell| cell.chars().count());
        cells
            .chain(headings.get(column).map(|heading| heading.chars().count()))
            .max()
            .unwrap_or(0)
    };
    let widths: Vec<usize> = (0..headings.len()).map(width).collect();
    let print = |cells: &mut dyn Iterator<Item = &str>| {
        let text: Vec<String> = cells
            .zip(&widths)
            .map(|(cell, width)| format!("{cell:<width$}"))
            .collect();
        line(text.join("  ").trim_end());
    };
    print(&mut headings.iter().copied());
    for row in &rows {
        print(&mut row.iter().map(String::as_str));
    }
}

/// Any text for people; a dash when unknown.
pub(crate) fn or_dash(value: Option<impl std::fmt::Display>) -> String {
    value.map_or_else(|| "-".to_owned(), |value| value.to_string())
}

#[cfg(test)]
mod tests {
    use super::escape;

    #[test]
    fn names_from_outside_can_neither_move_the_cursor_nor_turn_the_line() {
        for (name, shown) in [
            ("gpt-5.2 (high)", "gpt-5.2 (high)"),
            ("Moonshot 月之暗面", "Moonshot 月之暗面"),
            ("a\u{1b}[2Jb", "a\\u{1b}[2Jb"),
            ("a\nb", "a\\nb"),
            ("a\u{202e}b", "a\\u{202e}b"),
            ("a\u{200b}b", "a\\u{200b}b"),
        ] {
            assert_eq!(escape(name), shown);
        }
    }
}
