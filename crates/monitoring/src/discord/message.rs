//! How an alert looks in the channel.

use autotrader_domain::{Alert, Severity};
use serde_json::{Value, json};

use crate::Outside;

/// No link previews (bit 2 of the message flags of Discord's API).
const SUPPRESS_EMBEDS: u32 = 1 << 2;

/// The longest text sent; a message may have 2 000 characters.
const LONGEST_TEXT: usize = 1_500;

/// The longest name sent.
const LONGEST_NAME: usize = 100;

/// The message of an alert. Nothing in it mentions anyone, formats anything or previews a link.
pub(super) fn payload(alert: &Alert, suppressed: u64) -> Value {
    let severity = match alert.severity {
        Severity::Info => "Info",
        Severity::Warning => "Warning",
        Severity::Critical => "CRITICAL",
    };
    let more = match suppressed {
        0 => String::new(),
        1 => " (1 more like it)".to_owned(),
        more => format!(" ({more} more like it)"),
    };
    let content = format!(
        "**{severity}** `{}` {}{more}\n```\n{}\n```",
        plain(&alert.name, LONGEST_NAME),
        alert.at.format("%Y-%m-%d %H:%M:%S UTC"),
        plain(&alert.text, LONGEST_TEXT),
    );
    json!({
        "content": content,
        "allowed_mentions": { "parse": [] },
        "flags": SUPPRESS_EMBEDS,
    })
}

/// Text that stays inside a code block: escaped, without backticks, cut to a number of characters.
fn plain(text: &str, longest: usize) -> String {
    let shown = Outside(text).to_string().replace('`', "'");
    let mut characters = shown.chars();
    let kept: String = characters.by_ref().take(longest).collect();
    match (characters.next(), kept.is_empty()) {
        (Some(_), _) => kept + "…",
        (None, true) => "-".to_owned(),
        (None, false) => kept,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn alert(name: &str, text: &str) -> Alert {
        Alert {
            severity: Severity::Warning,
            name: name.to_owned(),
            text: text.to_owned(),
            at: "2026-05-07T18:00:00Z".parse().unwrap(),
        }
    }

    #[test]
    fn a_message_says_how_loud_what_when_and_the_sentence() {
        let message = payload(&alert("board_held", "A newer board is held."), 0);
        assert_eq!(
            message,
            json!({
                "content": "**Warning** `board_held` 2026-05-07 18:00:00 UTC\n```\nA newer board is held.\n```",
                "allowed_mentions": { "parse": [] },
                "flags": 4,
            })
        );
    }

    #[test]
    fn like_ones_are_counted() {
        let message = payload(&alert("board_held", "Held."), 3);
        assert!(
            message["content"]
                .as_str()
                .unwrap()
                .contains(" UTC (3 more like it)\n")
        );
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn outside_text_never_leaves_its_block(
            name in "([a-z@`\\n]|\u{202e}){0,150}",
            text in "([a-z@<>#*_`\\n\\r:/\\[\\]()]|```|@everyone|\u{1b}){0,1700}",
        ) {
            let message = payload(&alert(&name, &text), 7);
            let content = message["content"].as_str().unwrap();
            prop_assert!(content.chars().count() <= 2_000);
            prop_assert_eq!(content.lines().count(), 4, "{}", content);
            prop_assert_eq!(content.matches('`').count(), 8, "{}", content);
            prop_assert_eq!(message["allowed_mentions"].clone(), json!({ "parse": [] }));
        }
    }
}
