//! Similar names: only ever suggestions for a person.

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

/// The names most like `wanted`, best first: similarity at least `threshold` (0 to 1), at most `limit` of them.
///
/// Similarity is the normalised Levenshtein distance over the sorted words of the names, in lower case, without the
/// words that companies add to their name.
#[must_use]
pub fn suggest<'a>(
    wanted: &str,
    known: impl Iterator<Item = &'a str>,
    threshold: f64,
    limit: usize,
) -> Vec<String> {
    let wanted = sorted_words(wanted);
    let mut scored: Vec<(f64, &str)> = known
        .map(|name| (strsim::normalized_levenshtein(&wanted, &sorted_words(name)), name))
        .filter(|(similarity, _)| *similarity >= threshold)
        .collect();
    scored.sort_by(|(a, a_name), (b, b_name)| b.total_cmp(a).then_with(|| a_name.cmp(b_name)));
    scored.dedup_by(|(_, a), (_, b)| a == b);
    scored
        .into_iter()
        .take(limit)
        .map(|(_, name)| name.to_owned())
        .collect()
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
    #[case("aurora-1", &["aurora-2", "aurora-3", "aurora-4", "aurora-5"], &["aurora-2", "aurora-3", "aurora-4"])]
    fn similar_names_are_suggested(#[case] wanted: &str, #[case] known: &[&str], #[case] expected: &[&str]) {
        assert_eq!(suggest(wanted, known.iter().copied(), 0.8, 3), expected);
    }
}
