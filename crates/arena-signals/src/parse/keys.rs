//! The keys a board's source may use, and the values as they stand in the text.

use std::borrow::Cow;
use std::fmt;

use autotrader_settlement::{Rating, ReleaseDate};
use serde::de::{Deserialize, Deserializer, Error, IgnoredAny, MapAccess, Visitor};
use serde_json::value::RawValue;

/// Whose way of writing values a text follows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Dialect {
    /// The flight payload: `$` starts a reference, `$$` a dollar sign.
    Flight,
    /// The page's own JSON, without references.
    Page,
    /// A file somebody wrote: decimal numbers may be strings.
    File,
}

/// A value as it stands in the text.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Field<'a> {
    /// The key is absent.
    #[default]
    Missing,
    /// A JSON value.
    Json(&'a str),
    /// What stands between the quotes of a string that needs no escapes.
    Bare(&'a str),
}

/// What a value means: nothing, something, or nothing that can be understood.
pub(crate) type Meaning<T> = Result<Option<T>, ()>;

impl<'a> Field<'a> {
    pub(crate) fn is_missing(self) -> bool {
        self == Self::Missing
    }

    /// Whether the value is there and says something.
    pub(crate) fn is_stated(self) -> bool {
        !matches!(
            self,
            Self::Missing | Self::Json("null" | "\"$undefined\"") | Self::Bare("$undefined")
        )
    }

    /// The text as it stands, for messages.
    pub(crate) fn as_str(self) -> &'a str {
        match self {
            Self::Missing => "",
            Self::Json(text) | Self::Bare(text) => text,
        }
    }

    /// A string; references to elsewhere are not understood.
    pub(crate) fn text(self, dialect: Dialect) -> Meaning<Cow<'a, str>> {
        if !self.is_stated() {
            return Ok(None);
        }
        let text = self.string()?;
        if dialect == Dialect::Flight && text.starts_with('$') {
            return match text.strip_prefix("$$") {
                Some(rest) => Ok(Some(Cow::Owned(format!("${rest}")))),
                None => Err(()),
            };
        }
        Ok(Some(text))
    }

    /// The text of a JSON string.
    fn string(self) -> Result<Cow<'a, str>, ()> {
        match self {
            Self::Missing => Err(()),
            Self::Bare(text) => Ok(Cow::Borrowed(text)),
            Self::Json(raw) => {
                let inner = raw
                    .strip_prefix('"')
                    .and_then(|rest| rest.strip_suffix('"'))
                    .ok_or(())?;
                if inner.contains('\\') {
                    return serde_json::from_str(raw).map(Cow::Owned).map_err(|_| ());
                }
                Ok(Cow::Borrowed(inner))
            }
        }
    }

    /// The text of a JSON number, or of a string that holds one where the dialect allows it.
    fn number(self, dialect: Dialect) -> Result<Cow<'a, str>, ()> {
        match self {
            Self::Json(raw) if raw.starts_with(|first: char| first == '-' || first.is_ascii_digit()) => {
                Ok(Cow::Borrowed(raw))
            }
            _ if dialect == Dialect::File => self.string(),
            _ => Err(()),
        }
    }

    /// A whole number.
    pub(crate) fn integer(self, dialect: Dialect) -> Meaning<i64> {
        if !self.is_stated() {
            return Ok(None);
        }
        let number = self.number(dialect)?;
        let digits = number.strip_prefix('-').unwrap_or(&number);
        if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(());
        }
        number.parse().map(Some).map_err(|_| ())
    }

    /// A decimal number with its text.
    pub(crate) fn rating(self, dialect: Dialect) -> Meaning<Rating> {
        if !self.is_stated() {
            return Ok(None);
        }
        Rating::parse(&self.number(dialect)?).map(Some).map_err(|_| ())
    }

    /// `true` or `false`.
    pub(crate) fn flag(self) -> Meaning<bool> {
        match self {
            Self::Json("true") => Ok(Some(true)),
            Self::Json("false") => Ok(Some(false)),
            _ if self.is_stated() => Err(()),
            _ => Ok(None),
        }
    }

    /// A release date, possibly partial.
    pub(crate) fn date(self, dialect: Dialect) -> Meaning<ReleaseDate> {
        match self.text(dialect)? {
            None => Ok(None),
            Some(text) => ReleaseDate::parse(&text).map(Some).map_err(|_| ()),
        }
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Field<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        <&RawValue>::deserialize(deserializer).map(|raw| Self::Json(raw.get()))
    }
}

/// What a key of a row means.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum RowKey {
    Known(RowField),
    /// A key of the page that the board does not carry.
    Ignored,
    Unknown(Box<str>),
}

/// The fields of a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum RowField {
    Rank,
    RankUb,
    RankLb,
    Name,
    Organization,
    Score,
    CiLower,
    CiUpper,
    Votes,
    ReleaseType,
    Preliminary,
    ReleaseDate,
    License,
}

impl RowField {
    pub(crate) const ALL: [Self; 13] = [
        Self::Rank,
        Self::RankUb,
        Self::RankLb,
        Self::Name,
        Self::Organization,
        Self::Score,
        Self::CiLower,
        Self::CiUpper,
        Self::Votes,
        Self::ReleaseType,
        Self::Preliminary,
        Self::ReleaseDate,
        Self::License,
    ];

    /// Whether the field holds a number, which no row of a whole board lacks.
    pub(crate) const fn is_number(self) -> bool {
        matches!(
            self,
            Self::Rank
                | Self::RankUb
                | Self::RankLb
                | Self::Score
                | Self::CiLower
                | Self::CiUpper
                | Self::Votes
        )
    }

    /// The name messages use: that of a board's field.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Rank => "rank",
            Self::RankUb => "rank_ub",
            Self::RankLb => "rank_lb",
            Self::Name => "model_name",
            Self::Organization => "organization",
            Self::Score => "score",
            Self::CiLower => "ci_lower",
            Self::CiUpper => "ci_upper",
            Self::Votes => "votes",
            Self::ReleaseType => "release_type",
            Self::Preliminary => "preliminary",
            Self::ReleaseDate => "release_date",
            Self::License => "license",
        }
    }
}

impl From<&str> for RowKey {
    fn from(key: &str) -> Self {
        let field = match key {
            "rank" => RowField::Rank,
            "rankUpper" | "rank_ub" | "rank_upper" => RowField::RankUb,
            "rankLower" | "rank_lb" | "rank_lower" => RowField::RankLb,
            "modelDisplayName" | "model_name" | "model" => RowField::Name,
            "rating" | "score" | "arena_score" => RowField::Score,
            "ratingUpper" | "ci_upper" | "rating_upper" | "hi" => RowField::CiUpper,
            "ratingLower" | "ci_lower" | "rating_lower" | "lo" => RowField::CiLower,
            "votes" | "vote_count" => RowField::Votes,
            "modelOrganization" | "organization" | "org" => RowField::Organization,
            "releaseType" | "release_type" => RowField::ReleaseType,
            "preliminary" => RowField::Preliminary,
            "releaseDate" | "release_date" => RowField::ReleaseDate,
            "license" => RowField::License,
            "rankStyleControl"
            | "modelKey"
            | "modelUrl"
            | "inputPricePerMillion"
            | "outputPricePerMillion"
            | "contextLength"
            | "pricePerImage"
            | "pricePerSecond"
            | "isDeprecated" => return Self::Ignored,
            _ => return Self::Unknown(key.into()),
        };
        Self::Known(field)
    }
}

impl<'de> Deserialize<'de> for RowKey {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Key;
        impl Visitor<'_> for Key {
            type Value = RowKey;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a key")
            }
            fn visit_str<E: Error>(self, key: &str) -> Result<RowKey, E> {
                Ok(RowKey::from(key))
            }
        }
        deserializer.deserialize_identifier(Key)
    }
}

/// One row as it stands in the text.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Row<'a> {
    pub(crate) rank: Field<'a>,
    pub(crate) rank_ub: Field<'a>,
    pub(crate) rank_lb: Field<'a>,
    pub(crate) name: Field<'a>,
    pub(crate) organization: Field<'a>,
    pub(crate) score: Field<'a>,
    pub(crate) ci_lower: Field<'a>,
    pub(crate) ci_upper: Field<'a>,
    pub(crate) votes: Field<'a>,
    pub(crate) release_type: Field<'a>,
    pub(crate) preliminary: Field<'a>,
    pub(crate) release_date: Field<'a>,
    pub(crate) license: Field<'a>,
    /// The first key that nobody knows.
    pub(crate) unknown: Option<Box<str>>,
}

impl<'a> Row<'a> {
    pub(crate) const fn field(&self, field: RowField) -> Field<'a> {
        match field {
            RowField::Rank => self.rank,
            RowField::RankUb => self.rank_ub,
            RowField::RankLb => self.rank_lb,
            RowField::Name => self.name,
            RowField::Organization => self.organization,
            RowField::Score => self.score,
            RowField::CiLower => self.ci_lower,
            RowField::CiUpper => self.ci_upper,
            RowField::Votes => self.votes,
            RowField::ReleaseType => self.release_type,
            RowField::Preliminary => self.preliminary,
            RowField::ReleaseDate => self.release_date,
            RowField::License => self.license,
        }
    }

    pub(crate) const fn slot(&mut self, field: RowField) -> &mut Field<'a> {
        match field {
            RowField::Rank => &mut self.rank,
            RowField::RankUb => &mut self.rank_ub,
            RowField::RankLb => &mut self.rank_lb,
            RowField::Name => &mut self.name,
            RowField::Organization => &mut self.organization,
            RowField::Score => &mut self.score,
            RowField::CiLower => &mut self.ci_lower,
            RowField::CiUpper => &mut self.ci_upper,
            RowField::Votes => &mut self.votes,
            RowField::ReleaseType => &mut self.release_type,
            RowField::Preliminary => &mut self.preliminary,
            RowField::ReleaseDate => &mut self.release_date,
            RowField::License => &mut self.license,
        }
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Row<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Keys;
        impl<'de> Visitor<'de> for Keys {
            type Value = Row<'de>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a row of a leaderboard")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Row<'de>, A::Error> {
                let mut row = Row::default();
                while let Some(key) = map.next_key::<RowKey>()? {
                    match key {
                        RowKey::Known(field) => {
                            let value = map.next_value()?;
                            let slot = row.slot(field);
                            if !slot.is_missing() {
                                return Err(A::Error::duplicate_field(field.as_str()));
                            }
                            *slot = value;
                        }
                        RowKey::Ignored => {
                            map.next_value::<IgnoredAny>()?;
                        }
                        RowKey::Unknown(name) => {
                            map.next_value::<IgnoredAny>()?;
                            row.unknown.get_or_insert(name);
                        }
                    }
                }
                Ok(row)
            }
        }
        deserializer.deserialize_map(Keys)
    }
}

#[cfg(test)]
mod tests {
    use super::{Dialect, Field, Row, RowField, RowKey};
    use rstest::rstest;

    #[rstest]
    #[case("1", Ok(Some(1)))]
    #[case("-3", Ok(Some(-3)))]
    #[case("null", Ok(None))]
    #[case("\"$undefined\"", Ok(None))]
    #[case("\"1\"", Err(()))]
    #[case("1.0", Err(()))]
    #[case("1e3", Err(()))]
    #[case("true", Err(()))]
    #[case("[1]", Err(()))]
    #[case("99999999999999999999", Err(()))]
    fn whole_numbers(#[case] raw: &str, #[case] meaning: Result<Option<i64>, ()>) {
        assert_eq!(Field::Json(raw).integer(Dialect::Flight), meaning);
    }

    #[rstest]
    #[case(Dialect::Flight, "1500.56", Ok(Some("1500.56")))]
    #[case(Dialect::Flight, "1500.5605854418260", Ok(Some("1500.5605854418260")))]
    #[case(Dialect::Flight, "\"1500.56\"", Err(()))]
    #[case(Dialect::File, "\"1500.56\"", Ok(Some("1500.56")))]
    #[case(Dialect::File, "\"NaN\"", Err(()))]
    #[case(Dialect::File, "1e999", Err(()))]
    #[case(Dialect::Page, "null", Ok(None))]
    #[case(Dialect::Page, "{}", Err(()))]
    fn decimals_keep_their_text(
        #[case] dialect: Dialect,
        #[case] raw: &str,
        #[case] meaning: Result<Option<&str>, ()>,
    ) {
        let read = Field::Json(raw).rating(dialect);
        assert_eq!(
            read.map(|rating| rating.map(|rating| rating.to_string())),
            meaning.map(|t| t.map(str::to_owned))
        );
    }

    #[rstest]
    #[case(Dialect::Flight, r#""Anthropic""#, Ok(Some("Anthropic")))]
    #[case(Dialect::Flight, r#""a\"b""#, Ok(Some("a\"b")))]
    #[case(Dialect::Flight, r#""$$5""#, Ok(Some("$5")))]
    #[case(Dialect::Flight, r#""$L1b""#, Err(()))]
    #[case(Dialect::Page, r#""$L1b""#, Ok(Some("$L1b")))]
    #[case(Dialect::Flight, "\"$undefined\"", Ok(None))]
    #[case(Dialect::Flight, "7", Err(()))]
    fn strings(#[case] dialect: Dialect, #[case] raw: &str, #[case] meaning: Result<Option<&str>, ()>) {
        let read = Field::Json(raw).text(dialect);
        assert_eq!(
            read.map(|text| text.map(|text| text.into_owned())),
            meaning.map(|t| t.map(str::to_owned))
        );
    }

    #[test]
    fn a_missing_key_means_nothing() {
        assert_eq!(Field::Missing.integer(Dialect::Flight), Ok(None));
        assert_eq!(Field::Missing.flag(), Ok(None));
        assert!(Field::Missing.is_missing());
        assert!(!Field::Json("null").is_missing());
    }

    #[test]
    fn rows_are_read_by_key_in_any_order() {
        let row: Row<'_> =
            serde_json::from_str(r#"{"votes":7,"new":[{"rank":9}],"modelDisplayName":"a","rank":2}"#)
                .unwrap();
        assert_eq!(row.rank, Field::Json("2"));
        assert_eq!(row.votes, Field::Json("7"));
        assert_eq!(row.name, Field::Json("\"a\""));
        assert_eq!(row.unknown.as_deref(), Some("new"));
        assert!(row.score.is_missing());
    }

    #[rstest]
    #[case(r#"{"rank":1,"rank":1}"#)]
    #[case(r#"{"rating":1,"score":1}"#)]
    fn a_key_given_twice_is_an_error(#[case] text: &str) {
        assert!(serde_json::from_str::<Row<'_>>(text).is_err());
    }

    #[test]
    fn each_field_has_its_own_slot() {
        for field in RowField::ALL {
            let mut row = Row::default();
            *row.slot(field) = Field::Json("1");
            let set: Vec<RowField> = RowField::ALL
                .into_iter()
                .filter(|other| !row.field(*other).is_missing())
                .collect();
            assert_eq!(set, [field]);
            assert_eq!(RowKey::from(field.as_str()), RowKey::Known(field));
        }
    }
}
