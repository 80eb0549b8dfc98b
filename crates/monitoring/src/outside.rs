//! Text from outside, made safe to show.

use std::fmt::{self, Write};

/// The longest text shown, in characters.
const LONGEST: usize = 1_000;

/// Text from outside: shown on one line, with control and invisible characters escaped, and cut when endless.
///
/// ```
/// use autotrader_monitoring::Outside;
///
/// assert_eq!(Outside("one\ntwo\u{202e}").to_string(), "one\\ntwo\\u{202e}");
/// ```
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Outside<'a>(pub &'a str);

impl fmt::Display for Outside<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut rest = self.0.chars();
        for character in rest.by_ref().take(LONGEST) {
            write_escaped(f, character)?;
        }
        match rest.count() {
            0 => Ok(()),
            more => write!(f, "… ({more} more)"),
        }
    }
}

impl fmt::Debug for Outside<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Passes text on with control and invisible characters escaped.
pub(crate) struct Escaping<W>(pub W);

impl<W: Write> Write for Escaping<W> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        text.chars()
            .try_for_each(|character| write_escaped(&mut self.0, character))
    }
}

fn write_escaped(out: &mut impl Write, character: char) -> fmt::Result {
    if character.is_control() || is_invisible(character) {
        write!(out, "{}", character.escape_default())
    } else {
        out.write_char(character)
    }
}

/// Characters that break lines, turn the direction of writing or show nothing at all.
fn is_invisible(character: char) -> bool {
    matches!(
        character,
        '\u{ad}'
            | '\u{61c}'
            | '\u{115f}'..='\u{1160}'
            | '\u{180e}'
            | '\u{200b}'..='\u{200f}'
            | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}'
            | '\u{3164}'
            | '\u{feff}'
            | '\u{ffa0}'
            | '\u{fff9}'..='\u{fffb}'
            | '\u{e0000}'..='\u{e0fff}'
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use rstest::rstest;

    #[rstest]
    #[case("gemini-3-flash (thinking-minimal)", "gemini-3-flash (thinking-minimal)")]
    #[case("Größe 模型 🏆", "Größe 模型 🏆")]
    #[case("a\nb\r\tc", "a\\nb\\r\\tc")]
    #[case("\u{1b}[31mred", "\\u{1b}[31mred")]
    #[case("a\u{0}b\u{7f}\u{9b}", "a\\u{0}b\\u{7f}\\u{9b}")]
    #[case("gpt\u{202e}5\u{200b}", "gpt\\u{202e}5\\u{200b}")]
    #[case("a\u{2028}b", "a\\u{2028}b")]
    #[case("", "")]
    fn shows_one_visible_line(#[case] text: &str, #[case] shown: &str) {
        assert_eq!(Outside(text).to_string(), shown);
        assert_eq!(format!("{:?}", Outside(text)), shown);
    }

    #[test]
    fn endless_text_is_cut() {
        let shown = Outside(&"ä".repeat(LONGEST + 7)).to_string();
        assert!(shown.ends_with("ä… (7 more)"));
        assert_eq!(Outside(&"ä".repeat(LONGEST)).to_string(), "ä".repeat(LONGEST));
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn nothing_shown_controls_a_terminal(text in any::<String>()) {
            let shown = Outside(&text).to_string();
            prop_assert!(!shown.chars().any(|c| c.is_control() || is_invisible(c)), "{}", shown);
        }
    }
}
