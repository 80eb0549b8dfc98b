//! The grammar of the table: its columns by their headers, and what their cells say.

use std::borrow::Cow;

/// What a column holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Column {
    Rank,
    RankUb,
    Spread,
    Model,
    Score,
    Interval,
    Votes,
    Organization,
    License,
    Ignored,
}

impl Column {
    /// The column under a header; `None` when nobody knows it. Covers every layout since the Gradio one.
    fn under(header: &str) -> Option<Self> {
        let plain: String = header
            .chars()
            .filter(|c| c.is_ascii_alphanumeric())
            .map(|c| c.to_ascii_lowercase())
            .collect();
        Some(match plain.as_str() {
            "rank" => Self::Rank,
            "rankub" => Self::RankUb,
            "rankspread" | "rankspreadupperlower" => Self::Spread,
            "model" => Self::Model,
            "score" | "arenascore" => Self::Score,
            "95ci" => Self::Interval,
            "votes" => Self::Votes,
            "organization" => Self::Organization,
            "license" => Self::License,
            "rankstylectrl" | "pricem" | "context" => Self::Ignored,
            _ => return None,
        })
    }

    const fn as_str(self) -> &'static str {
        match self {
            Self::Rank => "rank",
            Self::RankUb => "rank (UB)",
            Self::Spread => "rank spread",
            Self::Model => "model",
            Self::Score => "score",
            Self::Interval => "interval",
            Self::Votes => "votes",
            Self::Organization => "organization",
            Self::License => "license",
            Self::Ignored => "other",
        }
    }
}

/// The columns of a table, and the headers that nobody knows.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Columns {
    pub(crate) kinds: Vec<Column>,
    pub(crate) unknown: Vec<String>,
}

impl Columns {
    /// Reads the headers.
    ///
    /// # Errors
    /// What is wrong: a column that a board needs is missing, or there twice.
    pub(crate) fn read<'h>(headers: impl Iterator<Item = Cow<'h, str>>) -> Result<Self, String> {
        let mut columns = Self::default();
        for header in headers {
            let kind = Column::under(&header).unwrap_or_else(|| {
                columns.unknown.push(header.into_owned());
                Column::Ignored
            });
            if kind != Column::Ignored && columns.kinds.contains(&kind) {
                return Err(format!("the table has two columns for {}", kind.as_str()));
            }
            columns.kinds.push(kind);
        }
        for needed in [Column::Model, Column::Score, Column::Votes] {
            if !columns.kinds.contains(&needed) {
                return Err(format!("the table has no column for {}", needed.as_str()));
            }
        }
        Ok(columns)
    }
}

/// Most texts a cell may have.
const MOST_TEXTS: usize = 6;

/// The texts of a cell, markup and icons left out, and the title of its link.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Cell<'a> {
    texts: [&'a str; MOST_TEXTS],
    count: usize,
    pub(crate) title: Option<&'a str>,
    /// Whether the texts are as they stand in the markup, entities and all.
    escaped: bool,
}

impl<'a> Cell<'a> {
    /// An empty cell whose texts come with their entities.
    pub(crate) fn of_markup() -> Self {
        Self {
            escaped: true,
            ..Self::default()
        }
    }

    /// Adds a text; `false` when the cell has too many to be one of ours.
    #[must_use]
    pub(crate) fn push(&mut self, text: &'a str) -> bool {
        match self.texts.get_mut(self.count) {
            Some(slot) => {
                *slot = text;
                self.count += 1;
                true
            }
            None => false,
        }
    }

    pub(crate) fn texts(&self) -> &[&'a str] {
        self.texts.get(..self.count).unwrap_or_default()
    }

    /// The only text.
    fn only(&self) -> Option<&'a str> {
        match self.texts() {
            [text] => Some(text),
            _ => None,
        }
    }

    /// Whether every entity in it is one that the site's renderer writes.
    pub(crate) fn is_readable(&self) -> bool {
        self.texts()
            .iter()
            .chain(&self.title)
            .all(|text| self.said(text).is_some())
    }

    /// What a text of this cell says; `None` for an entity that the site's renderer does not write.
    fn said(&self, text: &'a str) -> Option<Cow<'a, str>> {
        if self.escaped {
            unescaped(text)
        } else {
            Some(Cow::Borrowed(text))
        }
    }
}

/// A text with its entities read.
fn unescaped(text: &str) -> Option<Cow<'_, str>> {
    if memchr::memchr(b'&', text.as_bytes()).is_none() {
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

/// One row as the table shows it; a cell the layout lacks is `None`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct ShownRow<'a> {
    pub(crate) rank: Option<i64>,
    pub(crate) rank_ub: Option<i64>,
    pub(crate) rank_lb: Option<i64>,
    pub(crate) name: Cow<'a, str>,
    /// The line under the name: `Anthropic · Proprietary`, or the licence alone.
    pub(crate) line: Option<Cow<'a, str>>,
    /// Whether the layout has a column of its own for the organisation.
    pub(crate) owner_column: bool,
    pub(crate) organization: Option<Cow<'a, str>>,
    pub(crate) license: Option<Cow<'a, str>>,
    pub(crate) score: Option<i64>,
    /// How far the interval reaches up and down from the score.
    pub(crate) interval: Option<(i64, i64)>,
    pub(crate) votes: Option<i64>,
    pub(crate) preliminary: bool,
    /// The first cell that cannot be understood.
    pub(crate) odd_cell: Option<&'static str>,
}

impl<'a> ShownRow<'a> {
    /// The same without borrowing from the page.
    pub(crate) fn into_owned(self) -> ShownRow<'static> {
        let owned = |text: Option<Cow<'a, str>>| text.map(|text| Cow::Owned(text.into_owned()));
        ShownRow {
            rank: self.rank,
            rank_ub: self.rank_ub,
            rank_lb: self.rank_lb,
            name: Cow::Owned(self.name.into_owned()),
            line: owned(self.line),
            owner_column: self.owner_column,
            organization: owned(self.organization),
            license: owned(self.license),
            score: self.score,
            interval: self.interval,
            votes: self.votes,
            preliminary: self.preliminary,
            odd_cell: self.odd_cell,
        }
    }

    /// Takes one cell in.
    pub(crate) fn take(&mut self, column: Column, cell: &Cell<'a>) {
        if !self.understands(column, cell) {
            self.odd_cell.get_or_insert(column.as_str());
        }
    }

    fn understands(&mut self, column: Column, cell: &Cell<'a>) -> bool {
        match column {
            Column::Ignored => true,
            Column::Rank => put(&mut self.rank, cell.only().and_then(whole)),
            Column::RankUb => put(&mut self.rank_ub, cell.only().and_then(whole)),
            Column::Votes => put(&mut self.votes, cell.only().and_then(grouped)),
            Column::Interval => put(&mut self.interval, cell.only().and_then(interval_of)),
            Column::Spread => match spread(cell.texts()) {
                Some((best, worst)) => {
                    (self.rank_ub, self.rank_lb) = (Some(best), Some(worst));
                    true
                }
                None => false,
            },
            Column::Score => self.take_score(cell.texts()),
            Column::Model => self.take_model(cell),
            Column::Organization => {
                self.owner_column = true;
                take_text(&mut self.organization, cell)
            }
            Column::License => take_text(&mut self.license, cell),
        }
    }

    /// `1501`, `1501 ±5`, `1631 +17/-17`, each perhaps followed by `Preliminary`.
    fn take_score(&mut self, texts: &[&'a str]) -> bool {
        let joined;
        let text = match texts {
            [text] => text,
            [score, interval] if interval.starts_with('±') => {
                self.interval = interval_of(interval);
                return put(&mut self.score, whole(score)) && self.interval.is_some();
            }
            _ => {
                joined = texts.join(" ");
                joined.as_str()
            }
        };
        let (text, preliminary) = match text.strip_suffix("Preliminary") {
            Some(rest) => (rest.trim_end(), true),
            None => (text, false),
        };
        let digits = text.bytes().take_while(u8::is_ascii_digit).count();
        let Some((score, rest)) = text.split_at_checked(digits) else {
            return false;
        };
        let rest = rest.trim_start();
        self.preliminary |= preliminary;
        let reads = rest.is_empty() || put(&mut self.interval, interval_of(rest));
        put(&mut self.score, whole(score)) && reads
    }

    /// The link's title is the name; what the link shows must be the same.
    fn take_model(&mut self, cell: &Cell<'a>) -> bool {
        let (name, line) = match cell.texts() {
            [name] => (*name, None),
            [name, line] => (*name, Some(*line)),
            _ => return false,
        };
        let (name, said) = (cell.said(name), line.map(|line| cell.said(line)));
        let same = cell.title.is_none_or(|title| cell.said(title.trim()) == name);
        let understood = name.is_some() && said != Some(None);
        self.name = name.unwrap_or_default();
        self.line = said.flatten();
        same && understood && !self.name.is_empty()
    }
}

fn put<T>(slot: &mut Option<T>, value: Option<T>) -> bool {
    *slot = value;
    slot.is_some()
}

/// An empty cell is an organisation that is not given.
fn take_text<'a>(slot: &mut Option<Cow<'a, str>>, cell: &Cell<'a>) -> bool {
    match cell.texts() {
        [] => true,
        [text] => put(slot, cell.said(text)),
        _ => false,
    }
}

/// A whole number without sign or grouping.
fn whole(text: &str) -> Option<i64> {
    (!text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())).then(|| text.parse().ok())?
}

/// A whole number with or without commas, which must stand where they belong.
fn grouped(text: &str) -> Option<i64> {
    let mut groups = text.split(',');
    let first = groups.next()?;
    let mut number = whole(first)?;
    let mut any = false;
    for group in groups {
        any = true;
        if group.len() != 3 {
            return None;
        }
        number = number.checked_mul(1000)?.checked_add(whole(group)?)?;
    }
    (!any || first.len() <= 3).then_some(number)
}

/// `±5`, `+11/-8` or `+11-8`: how far up and down.
fn interval_of(text: &str) -> Option<(i64, i64)> {
    if let Some(both) = text.strip_prefix('±') {
        let both = whole(both.trim_start())?;
        return Some((both, both));
    }
    let (up, down) = text.strip_prefix('+')?.split_once(['-', '−'])?;
    Some((whole(up.trim_end_matches(['/', ' ']))?, whole(down.trim())?))
}

/// Two numbers in two texts, or in one with an arrow between them.
fn spread(texts: &[&str]) -> Option<(i64, i64)> {
    match texts {
        [best, worst] => Some((whole(best)?, whole(worst)?)),
        [both] => {
            let digits = both.bytes().take_while(u8::is_ascii_digit).count();
            let (best, rest) = both.split_at_checked(digits)?;
            let worst = rest.trim_start_matches(|c: char| !c.is_alphanumeric());
            (worst.len() < rest.len()).then(|| Some((whole(best)?, whole(worst)?)))?
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::{Cell, Column, Columns, ShownRow};
    use rstest::rstest;
    use std::borrow::Cow;

    fn row(column: Column, texts: &[&'static str]) -> ShownRow<'static> {
        let mut cell = Cell::default();
        for text in texts {
            assert!(cell.push(text));
        }
        let mut row = ShownRow::default();
        row.take(column, &cell);
        row
    }

    #[rstest]
    #[case(&["1501"], Some(1501), None, false)]
    #[case(&["1501", "±5"], Some(1501), Some((5, 5)), false)]
    #[case(&["1501", "±5", "Preliminary"], Some(1501), Some((5, 5)), true)]
    #[case(&["1475Preliminary"], Some(1475), None, true)]
    #[case(&["1475", "Preliminary"], Some(1475), None, true)]
    #[case(&["1631+17/-17"], Some(1631), Some((17, 17)), false)]
    #[case(&["1631", "+17", "/", "-9"], Some(1631), Some((17, 9)), false)]
    fn score_cells(
        #[case] texts: &[&'static str],
        #[case] score: Option<i64>,
        #[case] interval: Option<(i64, i64)>,
        #[case] preliminary: bool,
    ) {
        let row = row(Column::Score, texts);
        assert_eq!(
            (row.score, row.interval, row.preliminary, row.odd_cell),
            (score, interval, preliminary, None)
        );
    }

    #[rstest]
    #[case(Column::Score, &["15x1"])]
    #[case(Column::Score, &["-1501"])]
    #[case(Column::Score, &["1501", "±x"])]
    #[case(Column::Score, &["1501", "±5", "Final"])]
    #[case(Column::Score, &[])]
    #[case(Column::Rank, &["1", "2"])]
    #[case(Column::Rank, &["one"])]
    #[case(Column::Spread, &["12"])]
    #[case(Column::Spread, &["1", "2", "3"])]
    #[case(Column::Spread, &["1x2"])]
    #[case(Column::Votes, &["2,3616"])]
    #[case(Column::Votes, &["2361,616"])]
    #[case(Column::Votes, &["23.616"])]
    #[case(Column::Votes, &["-5"])]
    #[case(Column::Interval, &["5"])]
    #[case(Column::Interval, &["+5"])]
    #[case(Column::Model, &[])]
    #[case(Column::Model, &["a", "b", "c"])]
    fn cells_that_cannot_be_understood_are_named(#[case] column: Column, #[case] texts: &[&'static str]) {
        assert_eq!(row(column, texts).odd_cell, Some(column.as_str()));
    }

    #[rstest]
    #[case(&["1", "2"], (1, 2))]
    #[case(&["3", "10"], (3, 10))]
    #[case(&["1◄─►4"], (1, 4))]
    #[case(&["1 - 4"], (1, 4))]
    fn rank_spreads(#[case] texts: &[&'static str], #[case] (best, worst): (i64, i64)) {
        let row = row(Column::Spread, texts);
        assert_eq!(
            (row.rank_ub, row.rank_lb, row.odd_cell),
            (Some(best), Some(worst), None)
        );
    }

    #[rstest]
    #[case("23,616", 23_616)]
    #[case("52621", 52_621)]
    #[case("1,023,616", 1_023_616)]
    #[case("7", 7)]
    fn vote_counts(#[case] text: &'static str, #[case] votes: i64) {
        assert_eq!(row(Column::Votes, &[text]).votes, Some(votes));
    }

    #[rstest]
    #[case("±4", (4, 4))]
    #[case("± 4", (4, 4))]
    #[case("+11/-8", (11, 8))]
    #[case("+11 / −8", (11, 8))]
    fn interval_widths(#[case] text: &'static str, #[case] interval: (i64, i64)) {
        assert_eq!(row(Column::Interval, &[text]).interval, Some(interval));
    }

    #[test]
    fn the_link_must_show_its_title() {
        let mut cell = Cell {
            title: Some("a"),
            ..Cell::default()
        };
        assert!(cell.push("b"));
        let mut row = ShownRow::default();
        row.take(Column::Model, &cell);
        assert_eq!(row.odd_cell, Some("model"));
    }

    #[rstest]
    #[case::gradio(
        "Rank* (UB)|Rank (StyleCtrl)|Model|Arena Score|95% CI|Votes|Organization|License",
        0
    )]
    #[case::rank_ub("Rank (UB)|Model|Score|95% CI (±)|Votes|Organization|License", 0)]
    #[case::spread(
        "Rank|Rank Spread (Upper-Lower)|Model|Score|95% CI (±)|Votes|Organization|License",
        0
    )]
    #[case::model_cell("Rank|Rank Spread|Model|Score|Votes", 0)]
    #[case::prices("Rank|Rank Spread|Model|Score|Votes|Price $/M|Context", 0)]
    #[case::new_column("Rank|Rank Spread|Model|Score|Votes|Mood", 1)]
    fn layouts(#[case] headers: &str, #[case] unknown: usize) {
        let columns = Columns::read(headers.split('|').map(Cow::Borrowed)).unwrap();
        assert_eq!(columns.unknown.len(), unknown);
        assert_eq!(columns.kinds.len(), headers.split('|').count());
    }

    #[rstest]
    #[case("Rank|Model|Score", "no column for votes")]
    #[case("Model|Score|Votes|Votes", "two columns for votes")]
    #[case("", "no column for model")]
    fn tables_of_something_else(#[case] headers: &str, #[case] says: &str) {
        let error = Columns::read(headers.split('|').map(Cow::Borrowed)).unwrap_err();
        assert!(error.contains(says), "{error}");
    }

    #[test]
    fn entities_are_read() {
        assert_eq!(super::unescaped("a &amp; &quot;b&quot;").unwrap(), "a & \"b\"");
        assert_eq!(super::unescaped("a & b"), None);
        assert_eq!(super::unescaped("&nbsp;"), None);
    }
}
