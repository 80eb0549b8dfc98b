//! Similar names: only ever suggestions for a person.

use serde::Serialize;

/// Words that companies add to their name and drop again.
const COMPANY_WORDS: [&str; 9] = [
    "ai",
    "labs",
    "research",
    "deepmind",
    "inc",
    "corp",
    "ltd",
    "tech",
    "technologies",
];

/// A name of the board that is like another name.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Similar {
    /// The name, as the board spells it.
    pub name: String,
    /// How alike the names are, 0 to 1: the normalised Levenshtein distance over their sorted words.
    pub similarity: f64,
    /// Whether both carry the same numbers in the same order. What differs in a number is another version of a model, however
    /// alike the names are, and is never suggested.
    pub same_version: bool,
}

/// The names most like `wanted`: those of the same version first, then the most alike; similarity at least `threshold`
/// (0 to 1).
///
/// Similarity is the normalised Levenshtein distance over the sorted words of the names, in lower case, without the
/// words that companies add to their name.
#[must_use]
pub fn similar<'a>(wanted: &str, known: impl Iterator<Item = &'a str>, threshold: f64) -> Vec<Similar> {
    let words = sorted_words(wanted);
    let mut found: Vec<Similar> = known
        .map(|name| Similar {
            name: name.to_owned(),
            similarity: strsim::normalized_levenshtein(&words, &sorted_words(name)),
            same_version: numbers(wanted).eq(numbers(name)),
        })
        .filter(|found| found.similarity >= threshold)
        .collect();
    found.sort_by(|a, b| {
        b.same_version
            .cmp(&a.same_version)
            .then_with(|| b.similarity.total_cmp(&a.similarity))
            .then_with(|| a.name.cmp(&b.name))
    });
    found.dedup_by(|a, b| a.name == b.name);
    found
}

/// The names of the same version most like `wanted`, best first: similarity at least `threshold` (0 to 1), at most `limit`
/// of them.
#[must_use]
pub fn suggest<'a>(
    wanted: &str,
    known: impl Iterator<Item = &'a str>,
    threshold: f64,
    limit: usize,
) -> Vec<String> {
    let same_version = known.filter(|name| numbers(wanted).eq(numbers(name)));
    let found = similar(wanted, same_version, threshold).into_iter();
    found.take(limit).map(|found| found.name).collect()
}

/// The numbers in a name, in order: `4.7`, `4-7` and `v4_7` are 4 and 7; `47` is another number.
fn numbers(name: &str) -> impl Iterator<Item = &str> {
    name.split(|c: char| !c.is_numeric())
        .filter(|digits| !digits.is_empty())
}

fn sorted_words(name: &str) -> String {
    let lower = name.to_lowercase();
    let words = || {
        lower
            .split(|c: char| !c.is_alphanumeric())
            .filter(|word| !word.is_empty())
    };
    let mut kept: Vec<&str> = words().filter(|word| !COMPANY_WORDS.contains(word)).collect();
    if kept.is_empty() {
        kept = words().collect();
    }
    kept.sort_unstable();
    kept.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case("Moonshot", &["Moonshot AI", "Google"], &["Moonshot AI"])]
    #[case("aurora-5-high", &["aurora-5-max", "aurora-5-hi", "boreas-1"], &["aurora-5-hi"])]
    #[case("aurora_5 high", &["aurora-5-high"], &["aurora-5-high"])]
    #[case("Labs AI", &["Ai Labs", "Other"], &["Ai Labs"])]
    #[case("aurora", &[], &[])]
    #[case("aurora", &["boreas"], &[])]
    #[case("aurora-1", &["aurora-1a", "aurora-1b", "aurora-1c", "aurora-1d"], &["aurora-1a", "aurora-1b", "aurora-1c"])]
    fn similar_names_are_suggested(#[case] wanted: &str, #[case] known: &[&str], #[case] expected: &[&str]) {
        assert_eq!(suggest(wanted, known.iter().copied(), 0.8, 3), expected);
    }

    #[rstest]
    #[case::next_minor("sonata-opus-4-7", &["sonata-opus-4.6", "sonata-opus-4-6", "sonata-opus-4.7"], &["sonata-opus-4.7"])]
    #[case::digits_swapped("sonata-4-7-thinking", &["sonata-7-4-thinking"], &[])]
    #[case::digits_joined("glyph-5.2-chat", &["glyph-52-chat", "glyph-5-2-chat"], &["glyph-5-2-chat"])]
    #[case::one_number_more("glyph-5-chat", &["glyph-5.1-chat", "glyph-5-0-chat"], &[])]
    #[case::one_number_less("glyph-5.1-chat", &["glyph-5-chat"], &[])]
    #[case::dated("quartz-2.5-pro-0605", &["quartz-2.5-pro-0325", "quartz-2.5-pro"], &[])]
    #[case::budget("sonata-4-thinking-32k", &["sonata-4-thinking-16k", "sonata-4-thinking"], &[])]
    #[case::leading_letter("reason-o3-high", &["reason-o1-high", "reason-o4-high"], &[])]
    #[case::effort_alone("sonata-5-high", &["sonata-5 (high)", "sonata-5-max"], &["sonata-5 (high)"])]
    #[case::leading_zero("kite-04", &["kite-4"], &[])]
    #[case::other_digits("kite-4", &["kite-４"], &[])]
    fn another_version_is_never_suggested(
        #[case] wanted: &str,
        #[case] known: &[&str],
        #[case] expected: &[&str],
    ) {
        for threshold in [0.8, 0.0] {
            let mut suggested = suggest(wanted, known.iter().copied(), threshold, 9);
            suggested.retain(|name| threshold > 0.0 || expected.contains(&name.as_str()));
            assert_eq!(suggested, expected, "{threshold}");
        }
        for found in similar(wanted, known.iter().copied(), 0.0) {
            let same = numbers(wanted).eq(numbers(&found.name));
            assert_eq!(found.same_version, same, "{}", found.name);
        }
    }

    #[test]
    fn the_same_version_comes_first_however_alike_another_is() {
        let found = similar(
            "sonata-4-7-high",
            ["sonata-4-6-high", "sonata-4.7", "sonata-4-7-hig"].into_iter(),
            0.5,
        );
        let names: Vec<(&str, bool)> = found
            .iter()
            .map(|found| (found.name.as_str(), found.same_version))
            .collect();
        assert_eq!(
            names,
            [
                ("sonata-4-7-hig", true),
                ("sonata-4.7", true),
                ("sonata-4-6-high", false)
            ]
        );
    }
}
