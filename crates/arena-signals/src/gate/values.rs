//! Whether the rows' values can be true, and whether the top rows have them all.

use std::collections::HashSet;

use autotrader_domain::GateReasonCode::{DuplicateNames, InvalidValues, MissingFields};
use autotrader_settlement::Entry;

use super::GateSettings;
use crate::parse::Parsed;
use crate::parse::findings::{Findings, quoted};

/// Longest model name in characters; the longest seen has 49.
const LONGEST_NAME: usize = 120;

/// Longest organisation in characters; the longest seen has 22.
const LONGEST_LABEL: usize = 80;

/// Notes rows that cannot be true, names that occur twice, and top rows with a gap.
pub(super) fn judge(parsed: &Parsed<'_>, settings: &GateSettings, findings: &mut Findings) {
    for (index, entry) in parsed.board.entries.iter().enumerate() {
        let place = index + 1;
        if let Some(what) = impossible(entry, parsed.total_votes, settings) {
            findings.refuse(InvalidValues, || {
                format!("row {place} ({}): {what}", quoted(&entry.model_name))
            });
        }
        let top = entry
            .rank
            .map_or(place, |rank| usize::try_from(rank).unwrap_or(0))
            .min(place);
        if top <= settings.top_rows
            && let Some(what) = missing(entry, parsed.coarse)
        {
            findings.refuse(MissingFields, || {
                format!("row {place} ({}) has no {what}", quoted(&entry.model_name))
            });
        }
    }
    let mut names = HashSet::with_capacity(parsed.board.entries.len());
    for entry in &parsed.board.entries {
        if !names.insert(entry.model_name.as_str()) {
            findings.refuse(DuplicateNames, || {
                format!("two rows are named {}", quoted(&entry.model_name))
            });
        }
    }
}

/// The first thing about a row that cannot be true.
fn impossible(entry: &Entry, total_votes: Option<u64>, settings: &GateSettings) -> Option<&'static str> {
    let below_one = |rank: Option<i64>| rank.is_some_and(|rank| rank < 1);
    let votes = entry.votes.map(u64::try_from);
    Some(match () {
        () if !is_name(&entry.model_name) => "the name is empty, too long or has characters no model has",
        () if !entry.organization.as_deref().is_none_or(is_label) => {
            "the organisation is too long or has characters no company has"
        }
        () if !entry
            .release_type
            .as_ref()
            .is_none_or(|word| settings.release_types.contains(word)) =>
        {
            "the release type is none of the configured ones"
        }

        () if below_one(entry.rank) || below_one(entry.rank_ub) || below_one(entry.rank_lb) => {
            "a rank is below 1"
        }
        () if matches!((entry.rank_ub, entry.rank_lb), (Some(best), Some(worst)) if best > worst) => {
            "the best rank is below the worst"
        }
        () if matches!(votes, Some(Err(_))) => "the number of votes is negative",
        () if matches!((votes, total_votes), (Some(Ok(votes)), Some(total)) if votes > total) => {
            "it has more votes than the whole page"
        }
        () if outside_interval(entry) => "the score lies outside its interval",
        () => return None,
    })
}

fn outside_interval(entry: &Entry) -> bool {
    let above = |a: &Option<_>, b: &Option<_>| match (a, b) {
        (Some(a), Some(b)) => autotrader_settlement::Rating::total_cmp(a, b).is_gt(),
        _ => false,
    };
    above(&entry.ci_lower, &entry.score)
        || above(&entry.score, &entry.ci_upper)
        || above(&entry.ci_lower, &entry.ci_upper)
}

fn is_name(name: &str) -> bool {
    let fits = |c: char| {
        c.is_alphanumeric() || is_punctuation(c) || matches!(c, '[' | ']' | '#' | '*' | '%' | '=' | '~')
    };
    is_tidy(name, LONGEST_NAME) && name.chars().all(fits)
}

fn is_label(label: &str) -> bool {
    let fits = |c: char| c.is_alphanumeric() || is_punctuation(c) || matches!(c, '!' | '·');
    is_tidy(label, LONGEST_LABEL) && label.chars().all(fits)
}

const fn is_punctuation(c: char) -> bool {
    matches!(
        c,
        ' ' | '-' | '.' | '_' | '(' | ')' | '/' | ':' | '+' | ',' | '\'' | '&' | '@'
    )
}

fn is_tidy(text: &str, longest: usize) -> bool {
    !text.is_empty() && text.trim() == text && (text.len() <= longest || text.chars().count() <= longest)
}

/// The first field that a top row lacks.
fn missing(entry: &Entry, coarse: bool) -> Option<&'static str> {
    Some(match () {
        () if entry.rank_ub.is_none() => "rank_ub",
        () if entry.score.is_none() => "score",
        () if entry.votes.is_none() => "votes",
        () if entry.known_organization().is_none() => "organization",
        // Without its interval nothing can check a row's rank bounds.
        () if !coarse && (entry.ci_lower.is_none() || entry.ci_upper.is_none()) => "interval",
        () => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::{impossible, is_label, is_name, missing};
    use crate::GateSettings;
    use autotrader_settlement::{Entry, Rating};
    use rstest::rstest;

    fn entry() -> Entry {
        let rating = |text| Some(Rating::parse(text).unwrap());
        Entry {
            organization: Some("Anthropic".into()),
            rank: Some(1),
            rank_ub: Some(1),
            rank_lb: Some(2),
            score: rating("1500.5"),
            ci_lower: rating("1495.5"),
            ci_upper: rating("1505.5"),
            votes: Some(100),
            ..Entry::named("claude-opus-4-6 (thinking)")
        }
    }

    #[test]
    fn a_good_row_has_nothing_against_it() {
        assert_eq!(impossible(&entry(), Some(100), &GateSettings::default()), None);
        assert_eq!(missing(&entry(), false), None);
    }

    #[rstest]
    #[case(Entry { votes: Some(-1), ..entry() }, "negative")]
    #[case(Entry { votes: Some(101), ..entry() }, "more votes")]
    #[case(Entry { rank: Some(0), ..entry() }, "below 1")]
    #[case(Entry { rank_ub: Some(0), ..entry() }, "below 1")]
    #[case(Entry { rank_ub: Some(3), ..entry() }, "below the worst")]
    #[case(Entry { score: Some(Rating::parse("1505.51").unwrap()), ..entry() }, "outside")]
    #[case(Entry { score: Some(Rating::parse("1495").unwrap()), ..entry() }, "outside")]
    #[case(Entry { score: None, ci_lower: Some(Rating::parse("1506").unwrap()), ..entry() }, "outside")]
    #[case(Entry { organization: Some("<b>x</b>".into()), ..entry() }, "organisation")]
    #[case(Entry { release_type: Some("beta".into()), ..entry() }, "release type")]
    #[case(Entry { model_name: "a\u{202e}b".into(), ..entry() }, "name")]
    fn impossible_rows(#[case] entry: Entry, #[case] says: &str) {
        let what = impossible(&entry, Some(100), &GateSettings::default()).unwrap();
        assert!(what.contains(says), "{what}");
    }

    #[rstest]
    #[case(Entry { rank_ub: None, ..entry() }, "rank_ub")]
    #[case(Entry { score: None, ..entry() }, "score")]
    #[case(Entry { votes: None, ..entry() }, "votes")]
    #[case(Entry { organization: Some(" ".into()), ..entry() }, "organization")]
    #[case(Entry { ci_upper: None, ..entry() }, "interval")]
    fn gaps(#[case] entry: Entry, #[case] field: &str) {
        assert_eq!(missing(&entry, false), Some(field));
    }

    #[rstest]
    #[case("gemini-3-flash (thinking-minimal)", true)]
    #[case("Claude 3.5 Sonnet (10/22)", true)]
    #[case("Command R+", true)]
    #[case("internlm2_5-20b-chat", true)]
    #[case("模型-1", true)]
    #[case("", false)]
    #[case(" a", false)]
    #[case("a\u{7}", false)]
    #[case("a\u{200b}b", false)]
    #[case("<script>", false)]
    #[case("a\"b", false)]
    #[case("a`b", false)]
    #[case("a\\b", false)]
    fn names(#[case] name: &str, #[case] good: bool) {
        assert_eq!(is_name(name), good);
    }

    #[test]
    fn lengths_are_bounded() {
        assert!(is_name(&"é".repeat(120)) && !is_name(&"é".repeat(121)));
        assert!(is_label(&"x".repeat(80)) && !is_label(&"x".repeat(81)));
    }
}
