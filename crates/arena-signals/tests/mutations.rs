//! Every key and cell changed in turn: what is read is right or refused, never wrong.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test stops at what it did not expect"
)]

mod pages;

use autotrader_arena_signals::{GateSettings, read_file};
use autotrader_domain::{GatedBoard, ParsePath, Verdict};
use autotrader_settlement::Board;
use pages::written::board;
use pages::{captured_text, now};
use rstest::rstest;

fn read(page: &str) -> GatedBoard {
    read_file(page.as_bytes(), &GateSettings::default(), now())
}

/// How the quotes of keys look where the payload stands.
#[derive(Debug, Clone, Copy)]
enum Quotes {
    Plain,
    Escaped,
}

impl Quotes {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Plain => "\"",
            Self::Escaped => "\\\"",
        }
    }
}

/// A page cut where one object's pairs can be exchanged for others.
struct Cut<'p> {
    before: &'p str,
    pairs: Vec<(&'p str, &'p str)>,
    after: &'p str,
    quotes: Quotes,
}

impl<'p> Cut<'p> {
    /// Around the pairs that start at `from`, which is behind a brace, and end before `end`.
    fn new(page: &'p str, from: usize, end: usize, quotes: Quotes) -> Self {
        let quote = quotes.as_str();
        let pairs = page[from..end]
            .strip_prefix(quote)
            .unwrap()
            .split(&format!(",{quote}"))
            .map(|pair| pair.split_once(&format!("{quote}:")).unwrap())
            .collect();
        Self {
            before: &page[..from],
            pairs,
            after: &page[end..],
            quotes,
        }
    }

    /// Around the row at an index of the page's only payload.
    fn row(page: &'p str, index: usize, quotes: Quotes) -> Self {
        let start = format!("{{{}rank{}:", quotes.as_str(), quotes.as_str());
        let (from, _) = page.match_indices(&start).nth(index).unwrap();
        Self::new(page, from + 1, from + page[from..].find('}').unwrap(), quotes)
    }

    /// Around what follows the rows: stamp and totals.
    fn tail(page: &'p str, quotes: Quotes) -> Self {
        let from = page
            .find(&format!("{}voteCutoffISOString", quotes.as_str()))
            .unwrap();
        Self::new(page, from, from + page[from..].find('}').unwrap(), quotes)
    }

    fn with(&self, pairs: &[(String, String)]) -> String {
        let quote = self.quotes.as_str();
        let pairs: Vec<String> = pairs
            .iter()
            .map(|(key, value)| format!("{quote}{key}{quote}:{value}"))
            .collect();
        format!("{}{}{}", self.before, pairs.join(","), self.after)
    }

    /// Each pair renamed, dropped and given other values, one at a time.
    fn mutants(&self) -> Vec<(String, String)> {
        let whole: Vec<(String, String)> = self
            .pairs
            .iter()
            .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))
            .collect();
        let mut mutants = Vec::new();
        for (index, (key, value)) in self.pairs.iter().enumerate() {
            let mut changed = |key: String, value: String| {
                let mut pairs = whole.clone();
                let what = format!(
                    "{key}: {value} in place of {}: {}",
                    pairs[index].0, pairs[index].1
                );
                pairs[index] = (key, value);
                mutants.push((what, self.with(&pairs)));
            };
            changed(format!("{key}X"), (*value).to_owned());
            for other in other_values(value, self.quotes.as_str()) {
                changed((*key).to_owned(), other);
            }
            let mut pairs = whole.clone();
            let (key, _) = pairs.remove(index);
            mutants.push((format!("{key} dropped"), self.with(&pairs)));
        }
        mutants
    }
}

fn other_values(value: &str, quote: &str) -> Vec<String> {
    let string = format!("{quote}x{quote}");
    if let Some(text) = value.strip_prefix(quote) {
        let text = text.strip_suffix(quote).unwrap();
        return vec![
            format!("{quote}{text}x{quote}"),
            format!("{quote}{quote}"),
            format!("{quote}$L1{quote}"),
            format!("{quote}<b>{text}</b>{quote}"),
            "null".to_owned(),
            "7".to_owned(),
        ];
    }
    if let Ok(number) = value.parse::<f64>() {
        return vec![
            format!("{}", number + 1.0),
            format!("{}", number - 1.0),
            format!("{}", number * 10.0),
            format!("{}", -number),
            "1e999".to_owned(),
            "null".to_owned(),
            string,
            "[]".to_owned(),
        ];
    }
    match value {
        "null" => vec![string, "1".to_owned(), format!("{quote}pre_release{quote}")],
        "true" => vec!["false".to_owned(), "null".to_owned(), "0".to_owned()],
        "false" => vec!["true".to_owned(), "null".to_owned(), "0".to_owned()],
        other => panic!("no other value for {other}"),
    }
}

/// Keys that a board does not carry: changing them changes nothing.
const NOT_OURS: [&str; 9] = [
    "rankStyleControl",
    "modelUrl",
    "modelKey",
    "inputPricePerMillion",
    "outputPricePerMillion",
    "contextLength",
    "pricePerImage",
    "pricePerSecond",
    "id",
];

/// The rule: tradable means equal to the original, in every field.
#[track_caller]
fn assert_right_or_refused(what: &str, original: &GatedBoard, mutant: &GatedBoard) {
    let same = mutant.board == original.board
        && mutant.vintage == original.vintage
        && (mutant.total_models, mutant.total_votes) == (original.total_models, original.total_votes);
    match mutant.verdict {
        Verdict::Refused => assert!(!mutant.reasons.is_empty()),
        Verdict::Tradable => assert!(same, "wrong board: {what}"),
        Verdict::DisplayOnly => {
            assert!(
                same || mutant.path == Some(ParsePath::HtmlTable),
                "wrong board: {what}"
            );
        }
    }
    if NOT_OURS.iter().any(|key| what.starts_with(&format!("{key}:"))) {
        assert_eq!(
            mutant.verdict, original.verdict,
            "refused for nothing: {what}: {:?}",
            mutant.reasons
        );
    }
}

/// The real page or one like it, and the rows to look at.
fn page_and_rows(real: bool) -> Option<(String, Vec<usize>)> {
    if real {
        // The leader, both preliminary rows, the last of the top, and some far below.
        return captured_text(pages::REAL).map(|page| (page, vec![0, 6, 7, 19, 200, 356]));
    }
    Some((board(120, 11).today(), vec![0, 1, 6, 19, 20, 60, 118, 119]))
}

#[rstest]
fn keys_and_values_of_the_rows(#[values(true, false)] real: bool) {
    let Some((page, rows)) = page_and_rows(real) else {
        return;
    };
    let original = read(&page);
    assert_eq!(original.verdict, Verdict::Tradable, "{:?}", original.reasons);
    let rows = if real { &rows[..2] } else { &rows[..] };
    for &row in rows {
        for (what, mutant) in Cut::row(&page, row, Quotes::Escaped).mutants() {
            assert_right_or_refused(&what, &original, &read(&mutant));
        }
    }
}

#[rstest]
fn stamp_totals_and_identity(#[values(true, false)] real: bool) {
    let Some((page, _)) = page_and_rows(real) else {
        return;
    };
    let original = read(&page);
    for (what, mutant) in Cut::tail(&page, Quotes::Escaped).mutants() {
        let mutant = read(&mutant);
        assert_right_or_refused(&what, &original, &mutant);
        assert_eq!(mutant.verdict, Verdict::Refused, "{what}");
    }
    for (from, to) in [
        ("arenaSlug\\\":\\\"text", "arenaSlug\\\":\\\"vision"),
        ("arenaSlug\\\":", "arenaSlugX\\\":"),
        (
            "leaderboardSlug\\\":\\\"overall-no",
            "leaderboardSlug\\\":\\\"coding-no",
        ),
        ("leaderboardSlug\\\":", "leaderboardSlugX\\\":"),
        (
            "params\\\":{\\\"category\\\":\\\"overall",
            "params\\\":{\\\"category\\\":\\\"coding",
        ),
        ("params\\\":{\\\"category", "params\\\":{\\\"categoryX"),
        ("styleControl\\\":false", "styleControl\\\":true"),
        ("styleControl\\\":false", "styleControl\\\":null"),
        ("styleControl\\\":false", "styleControl\\\":\\\"false\\\""),
        ("styleControl\\\":false", "styleControlX\\\":false"),
        ("\\\"params\\\":", "\\\"paramsX\\\":"),
        (
            "category\\\":{\\\"name\\\":\\\"overall",
            "category\\\":{\\\"name\\\":\\\"coding",
        ),
        ("\\\"entries\\\":[{", "\\\"entriesX\\\":[{"),
        ("\\\"entries\\\":[{", "\\\"entries\\\":[7,{"),
        ("\\\"entries\\\":[{", "\\\"entries\\\":[{},{"),
        ("\\\"entries\\\":[{", "\\\"entries\\\":[],\\\"entries\\\":[{"),
        ("\\\"leaderboard\\\":{", "\\\"leaderboardX\\\":{"),
    ] {
        assert!(page.contains(from), "{from}");
        let mutant = read(&page.replacen(from, to, 1));
        assert_right_or_refused(to, &original, &mutant);
        assert_ne!(mutant.verdict, Verdict::Tradable, "{to}");
    }
}

/// The places of the texts of a table's cells, by row and column.
fn cell_texts(page: &str) -> Vec<Vec<Vec<(usize, usize)>>> {
    let body = page.find("<tbody").unwrap();
    let end = page.find("</table>").unwrap();
    let mut rows = Vec::new();
    for (row, _) in page[..end].match_indices("<tr").filter(|(at, _)| *at > body) {
        let row_end = row + page[row..].find("</tr>").unwrap();
        let mut cells = Vec::new();
        for (cell, _) in page[..row_end].match_indices("<td").filter(|(at, _)| *at > row) {
            let cell_end = cell + page[cell..].find("</td>").unwrap();
            cells.push(texts(page, cell, cell_end));
        }
        rows.push(cells);
        if rows.len() == 130 {
            break;
        }
    }
    rows
}

/// The texts between tags, icons left out, and the title of a link.
fn texts(page: &str, from: usize, to: usize) -> Vec<(usize, usize)> {
    let (mut places, mut at) = (Vec::new(), from);
    while at < to {
        let rest = &page[at..to];
        let skip = match () {
            () if rest.starts_with("<svg") => rest.find("</svg>").unwrap() + 6,
            () if rest.starts_with("<a ") => {
                let title = rest.find("title=\"").unwrap() + 7;
                places.push((at + title, at + title + rest[title..].find('"').unwrap()));
                rest.find('>').unwrap() + 1
            }
            () if rest.starts_with('<') => rest.find('>').unwrap() + 1,
            () => {
                let length = rest.find('<').unwrap_or(rest.len());
                places.push((at, at + length));
                length
            }
        };
        at += skip;
    }
    places
}

#[rstest]
fn cells_of_the_table(#[values(true, false)] real: bool) {
    let Some((page, rows)) = page_and_rows(real) else {
        return;
    };
    let original = read(&page);
    let cells = cell_texts(&page);
    for row in rows.into_iter().filter(|row| *row < cells.len()) {
        for (column, texts) in cells[row].iter().enumerate() {
            for &(from, to) in texts {
                let text = &page[from..to];
                let digit = text.replace(|c: char| c.is_ascii_digit(), "4");
                for other in [digit.as_str(), &format!("{text}1"), "x", "", "&lt;b&gt;"] {
                    if other == text {
                        continue;
                    }
                    let what = format!("cell {row}/{column}: {other} in place of {text}");
                    let mutant = read(&format!("{}{other}{}", &page[..from], &page[to..]));
                    assert_right_or_refused(&what, &original, &mutant);
                    // Prices and context are nobody's business here.
                    let expected = if column < 5 {
                        Verdict::Refused
                    } else {
                        Verdict::Tradable
                    };
                    assert_eq!(mutant.verdict, expected, "{what}");
                }
            }
        }
    }
}

#[rstest]
#[case::rank("Rank<", "Rang<")]
#[case::two_ranks("Votes<", "Rank<")]
#[case::swapped("Score<", "Votes<")]
#[case::spread("Rank Spread<", "Rank (UB)<")]
#[case::model("Model<", "Models<")]
fn headers_of_the_table(#[case] from: &str, #[case] to: &str) {
    let page = board(120, 12).today();
    let original = read(&page);
    let head = page.find("<thead").unwrap();
    let mutant = format!("{}{}", &page[..head], page[head..].replacen(from, to, 1));
    assert_ne!(mutant, page);
    let mutant = read(&mutant);
    assert_right_or_refused(to, &original, &mutant);
    assert!(
        mutant.verdict == Verdict::Refused || !mutant.anomalies.is_empty(),
        "{to}"
    );
}

/// Without a table beside it a payload is its own truth: what is read is what it says, or it is refused.
#[rstest]
fn a_payload_alone_is_read_as_it_stands(#[values(true, false)] stream: bool) {
    let written = board(120, 13);
    let (text, quotes) = match stream {
        true => (written.stream(), Quotes::Plain),
        false => (written.page("", usize::MAX), Quotes::Escaped),
    };
    let original = read(&text);
    assert_eq!(original.verdict, Verdict::Tradable, "{:?}", original.reasons);
    for row in [0, 6, 19, 60, 119] {
        for (what, mutant) in Cut::row(&text, row, quotes).mutants() {
            let page = read(&mutant);
            if page.verdict != Verdict::Refused {
                // A generic reader gives up on numbers out of range even where nobody looks at them.
                if let Some(own) = own_rows(&mutant, stream) {
                    assert_eq!(*page.board, own, "{what}");
                }
                assert_eq!(page.vintage, original.vintage);
            }
            let ranked = [
                "rank:",
                "rankUpper:",
                "rankLower:",
                "rating:",
                "ratingUpper:",
                "ratingLower:",
            ];
            if ranked.iter().any(|key| what.starts_with(key)) {
                assert_eq!(page.verdict, Verdict::Refused, "{what}");
            }
        }
    }
}

/// The rows of a payload read with a generic JSON reader.
fn own_rows(page: &str, stream: bool) -> Option<Board> {
    let text = match stream {
        true => page.to_owned(),
        false => {
            let push = page.split_once("push([1,").unwrap().1;
            serde_json::Deserializer::from_str(push)
                .into_iter::<String>()
                .next()
                .unwrap()
                .unwrap()
        }
    };
    let object = text.split_once("\"leaderboard\":").unwrap().1;
    let object = serde_json::Deserializer::from_str(object)
        .into_iter::<serde_json::Value>()
        .next()?
        .ok()?;
    let text = |value: &serde_json::Value| value.as_str().filter(|text| !text.is_empty()).map(str::to_owned);
    let rating = |value: &serde_json::Value| {
        value
            .as_number()
            .map(|number| autotrader_settlement::Rating::parse(&number.to_string()).unwrap())
    };
    let entries = object["entries"]
        .as_array()
        .unwrap()
        .iter()
        .map(|row| autotrader_settlement::Entry {
            organization: text(&row["modelOrganization"]),
            rank: row["rank"].as_i64(),
            rank_ub: row["rankUpper"].as_i64(),
            rank_lb: row["rankLower"].as_i64(),
            score: rating(&row["rating"]),
            ci_lower: rating(&row["ratingLower"]),
            ci_upper: rating(&row["ratingUpper"]),
            votes: row["votes"].as_i64(),
            preliminary: text(&row["releaseType"]).is_some(),
            release_type: text(&row["releaseType"]),
            ..autotrader_settlement::Entry::named(row["modelDisplayName"].as_str().unwrap())
        });
    Some(Board {
        entries: entries.collect(),
    })
}

/// Cut anywhere, a page never gives a tradable board.
#[test]
fn pages_cut_off_anywhere() {
    let page = board(120, 14).today();
    for tenth in 0..40 {
        let end = page.len() * tenth / 40;
        let Some(cut) = page.get(..end) else { continue };
        let read = read(cut);
        assert_eq!(read.verdict, Verdict::Refused, "{end}");
    }
}
