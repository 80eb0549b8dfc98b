//! The leaderboard object: identity, stamp, totals and rows, read by key from JSON text.

use std::borrow::Cow;
use std::fmt;

use autotrader_domain::GateReasonCode::{InvalidValues, MissingFields, Truncated, Unreadable};
use autotrader_settlement::{Board, Entry};
use chrono::{DateTime, Utc};
use memchr::memmem;
use serde::de::{Deserialize, Deserializer, Error, IgnoredAny, MapAccess, Visitor};

use super::findings::{Findings, quoted};
use super::keys::{Dialect, Field, Meaning, Row, RowField};
use super::{Identity, Parsed};

/// The leaderboard object as it stands in the text.
#[derive(Debug, Default)]
pub(crate) struct Payload<'a> {
    arena_slug: Field<'a>,
    slug: Field<'a>,
    params: Field<'a>,
    category: Field<'a>,
    style_control: Field<'a>,
    stamp: Field<'a>,
    total_votes: Field<'a>,
    total_models: Field<'a>,
    path: Field<'a>,
    entries: Option<Vec<Row<'a>>>,
    unknown: Option<Box<str>>,
}

impl<'a> Payload<'a> {
    /// Rows without anything around them.
    pub(crate) fn of_rows(rows: Vec<Row<'a>>) -> Self {
        Self {
            entries: Some(rows),
            ..Self::default()
        }
    }

    /// The same with these rows in place of its own.
    pub(crate) fn with_rows(self, rows: Vec<Row<'a>>) -> Self {
        Self {
            entries: Some(rows),
            ..self
        }
    }

    /// Whether it has an empty list of rows.
    pub(crate) fn is_hollow(&self) -> bool {
        self.entries.as_ref().is_some_and(Vec::is_empty)
    }

    pub(crate) fn has_entries(&self) -> bool {
        self.entries.is_some()
    }

    /// The slot of a key; `None` for one that is not a plain value of the object.
    fn slot(&mut self, key: &str) -> Option<&mut Field<'a>> {
        Some(match key {
            "arenaSlug" | "arena" => &mut self.arena_slug,
            "leaderboardSlug" | "slug" => &mut self.slug,
            "params" => &mut self.params,
            "category" => &mut self.category,
            "styleControl" | "style_control" => &mut self.style_control,
            "voteCutoffISOString" | "vintage" => &mut self.stamp,
            "totalVotes" | "total_votes" => &mut self.total_votes,
            "totalModels" | "total_models" => &mut self.total_models,
            "path" => &mut self.path,
            _ => return None,
        })
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Payload<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Keys;
        impl<'de> Visitor<'de> for Keys {
            type Value = Payload<'de>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a leaderboard")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Payload<'de>, A::Error> {
                let mut payload = Payload::default();
                while let Some(key) = map.next_key::<Cow<'de, str>>()? {
                    if matches!(&*key, "entries" | "rows") {
                        if payload.entries.replace(map.next_value()?).is_some() {
                            return Err(A::Error::duplicate_field("entries"));
                        }
                    } else if let Some(slot) = payload.slot(&key) {
                        if !slot.is_missing() {
                            return Err(A::Error::custom(format!("duplicate field {}", quoted(&key))));
                        }
                        *slot = map.next_value()?;
                    } else {
                        map.next_value::<IgnoredAny>()?;
                        if !matches!(&*key, "id" | "verdict" | "reasons" | "hash" | "anomalies") {
                            payload.unknown.get_or_insert_with(|| key.into());
                        }
                    }
                }
                Ok(payload)
            }
        }
        deserializer.deserialize_map(Keys)
    }
}

/// A leaderboard object found in a text, with where its braces open and close.
#[derive(Debug)]
pub(crate) struct Found<'a> {
    pub(crate) payload: Payload<'a>,
    pub(crate) start: usize,
    pub(crate) end: usize,
}

/// Finds the leaderboard objects of a text that hold rows.
///
/// # Errors
/// What is wrong with the only candidate, when none of them can be read.
pub(crate) fn find(text: &str) -> Result<Option<Found<'_>>, Broken> {
    let (mut found, mut broken): (Option<Found<'_>>, Option<Broken>) = (None, None);
    for start in object_starts(text) {
        match read_object(text, start) {
            Ok(next) if next.payload.has_entries() => match &found {
                Some(first) if text.get(first.start..first.end) != text.get(next.start..next.end) => {
                    return Err(Broken::new(
                        Unreadable,
                        "the page holds more than one leaderboard".to_owned(),
                    ));
                }
                Some(_) => {}
                None => found = Some(next),
            },
            Ok(_) => {
                broken.get_or_insert_with(no_entries);
            }
            Err(error) => {
                broken.get_or_insert(error);
            }
        }
    }
    match (found, broken) {
        (Some(found), _) => Ok(Some(found)),
        (None, Some(broken)) => Err(broken),
        (None, None) => Ok(None),
    }
}

/// A leaderboard object without rows.
pub(crate) fn no_entries() -> Broken {
    Broken::new(
        MissingFields,
        "the leaderboard object has no `entries`".to_owned(),
    )
}

/// Where the braces of `"leaderboard": {…}` open.
fn object_starts(text: &str) -> impl Iterator<Item = usize> {
    const KEY: &str = "\"leaderboard\"";
    memmem::find_iter(text.as_bytes(), KEY).filter_map(move |at| {
        let after = text.get(at + KEY.len()..)?;
        let value = after.trim_start().strip_prefix(':')?.trim_start();
        value.starts_with('{').then(|| text.len() - value.len())
    })
}

/// Reads one object that starts at `start`, whatever follows it.
///
/// # Errors
/// Why it cannot be read.
pub(crate) fn read_object(text: &str, start: usize) -> Result<Found<'_>, Broken> {
    let rest = text.get(start..).unwrap_or_default();
    let mut stream = serde_json::Deserializer::from_str(rest).into_iter::<Payload<'_>>();
    match stream.next() {
        Some(Ok(payload)) => Ok(Found {
            payload,
            start,
            end: start + stream.byte_offset(),
        }),
        Some(Err(error)) => Err(Broken::json(&error)),
        None => Err(Broken::new(
            Truncated,
            "the leaderboard object is cut off".to_owned(),
        )),
    }
}

/// Why a leaderboard object that is there cannot be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Broken {
    pub(crate) code: autotrader_domain::GateReasonCode,
    pub(crate) detail: String,
}

impl Broken {
    pub(crate) const fn new(code: autotrader_domain::GateReasonCode, detail: String) -> Self {
        Self { code, detail }
    }

    pub(crate) fn json(error: &serde_json::Error) -> Self {
        if error.is_eof() {
            return Self::new(Truncated, "the leaderboard is cut off".to_owned());
        }
        Self::new(
            Unreadable,
            format!("the leaderboard is not what is expected: {error}"),
        )
    }
}

/// Reads a payload's values into what the gate judges.
pub(crate) fn interpret(payload: Payload<'_>, dialect: Dialect) -> Parsed<'static> {
    let mut findings = Findings::default();
    if let Some(key) = &payload.unknown {
        findings.odd("unknown_key", || {
            format!("the leaderboard has an unknown key {}", quoted(key))
        });
    }
    let identity = identity(&payload, dialect, &mut findings);
    let vintage = head_value(stamp(payload.stamp, dialect), "the vote cutoff", &mut findings);
    let total_models = head_value(total(payload.total_models, dialect), "totalModels", &mut findings);
    let total_votes = head_value(total(payload.total_votes, dialect), "totalVotes", &mut findings);
    let coarse = matches!(payload.path.text(dialect), Ok(Some(path)) if path == "html_table");
    let rows = payload.entries.unwrap_or_default();
    same_keys(&rows, &mut findings);
    let mut board = Board {
        entries: Vec::with_capacity(rows.len()),
    };
    let mut licenses = Vec::with_capacity(rows.len());
    for (index, row) in rows.iter().enumerate() {
        let mut reader = RowReader {
            row,
            place: index + 1,
            dialect,
            findings: &mut findings,
        };
        if let Some(entry) = reader.entry() {
            licenses.push(reader.license());
            board.entries.push(entry);
        }
    }
    Parsed {
        identity,
        vintage,
        total_models,
        total_votes,
        board,
        licenses,
        coarse,
        findings,
        ..Parsed::default()
    }
}

fn identity(payload: &Payload<'_>, dialect: Dialect, findings: &mut Findings) -> Identity {
    let mut text =
        |field: Field<'_>, what| head_value(field.text(dialect), what, findings).map(Cow::into_owned);
    let (category, category_name) = match payload.category {
        Field::Json(raw) if raw.starts_with('{') => {
            let inner = Inner::read(raw);
            (None, text(inner.name, "category.name"))
        }
        _ => (text(payload.category, "category"), None),
    };
    let arena = text(payload.arena_slug, "arenaSlug");
    let slug = text(payload.slug, "leaderboardSlug");
    let params = match payload.params {
        Field::Json(raw) => Inner::read(raw),
        _ => Inner::default(),
    };
    let asked = text(params.category, "params.category");
    let style = if params.style_control.is_missing() {
        payload.style_control
    } else {
        params.style_control
    };
    Identity {
        arena,
        slug,
        category: asked.or(category),
        category_name,
        style_control: head_value(style.flag(), "styleControl", findings),
        described: None,
    }
}

/// The keys of `params` and `category` that matter; one that is not an object has none.
#[derive(Debug, Default, serde::Deserialize)]
#[serde(default, bound(deserialize = "'de: 'a"))]
struct Inner<'a> {
    name: Field<'a>,
    category: Field<'a>,
    #[serde(rename = "styleControl")]
    style_control: Field<'a>,
}

impl<'a> Inner<'a> {
    fn read(raw: &'a str) -> Self {
        serde_json::from_str(raw).unwrap_or_default()
    }
}

fn head_value<T>(meaning: Meaning<T>, what: &str, findings: &mut Findings) -> Option<T> {
    meaning.unwrap_or_else(|()| {
        findings.refuse(InvalidValues, || format!("{what} cannot be understood"));
        None
    })
}

fn stamp(field: Field<'_>, dialect: Dialect) -> Meaning<DateTime<Utc>> {
    match field.text(dialect)? {
        None => Ok(None),
        Some(text) => DateTime::parse_from_rfc3339(&text)
            .map(|time| Some(time.with_timezone(&Utc)))
            .map_err(|_| ()),
    }
}

fn total(field: Field<'_>, dialect: Dialect) -> Meaning<u64> {
    match field.integer(dialect)? {
        None => Ok(None),
        Some(number) => u64::try_from(number).map(Some).map_err(|_| ()),
    }
}

/// A value that some rows give and others lack was lost on the way: a renamed key must not read as "not given".
///
/// A number may not be `null` either where other rows have one; an owner, a licence or a release type may.
fn same_keys(rows: &[Row<'_>], findings: &mut Findings) {
    for field in RowField::ALL {
        let lacks = |row: &Row<'_>| match row.field(field) {
            value if field.is_number() => !value.is_stated(),
            value => value.is_missing(),
        };
        let missing = rows.iter().filter(|row| lacks(row)).count();
        if missing > 0 && missing < rows.len() {
            let place = rows.iter().position(lacks).unwrap_or_default() + 1;
            findings.refuse(MissingFields, || {
                format!(
                    "row {place} lacks {}, which other rows have ({missing} lack it)",
                    field.as_str()
                )
            });
        }
    }
    if !rows.is_empty()
        && rows
            .iter()
            .all(|row| row.release_type.is_missing() && row.preliminary.is_missing())
    {
        findings.odd("no_release_type", || {
            "no row says whether its score is preliminary".to_owned()
        });
    }
}

/// Reads the values of one row.
struct RowReader<'r, 'a> {
    row: &'r Row<'a>,
    place: usize,
    dialect: Dialect,
    findings: &'r mut Findings,
}

impl<'a> RowReader<'_, 'a> {
    /// The entry; `None` when the row has no name to be known by.
    fn entry(&mut self) -> Option<Entry> {
        if let Some(key) = &self.row.unknown {
            let place = self.place;
            self.findings.odd("unknown_key", || {
                format!("row {place} has an unknown key {}", quoted(key))
            });
        }
        let Some(name) = self.take(RowField::Name, |field, dialect| field.text(dialect)) else {
            let place = self.place;
            self.findings
                .refuse(MissingFields, || format!("row {place} has no model name"));
            return None;
        };
        let release_type = self.owned(RowField::ReleaseType);
        let said = self.take(RowField::Preliminary, |field, _| field.flag());
        if said.is_some_and(|said| !said && release_type.is_some()) {
            let place = self.place;
            self.findings.refuse(InvalidValues, || {
                format!("row {place} has a release type and says it is not preliminary")
            });
        }
        Some(Entry {
            model_name: name.into_owned(),
            organization: self.owned(RowField::Organization),
            rank: self.take(RowField::Rank, Field::integer),
            rank_ub: self.take(RowField::RankUb, Field::integer),
            rank_lb: self.take(RowField::RankLb, Field::integer),
            score: self.take(RowField::Score, Field::rating),
            ci_lower: self.take(RowField::CiLower, Field::rating),
            ci_upper: self.take(RowField::CiUpper, Field::rating),
            votes: self.take(RowField::Votes, Field::integer),
            preliminary: said.unwrap_or(release_type.is_some()),
            release_type,
            release_date: self.take(RowField::ReleaseDate, Field::date),
        })
    }

    fn license(&mut self) -> Option<Box<str>> {
        self.take(RowField::License, |field, dialect| field.text(dialect))
            .filter(|text| !text.is_empty())
            .map(|text| text.into_owned().into_boxed_str())
    }

    /// A string that counts as not given when it is empty.
    fn owned(&mut self, field: RowField) -> Option<String> {
        self.take(field, |field, dialect| field.text(dialect))
            .filter(|text| !text.trim().is_empty())
            .map(Cow::into_owned)
    }

    fn take<T>(&mut self, field: RowField, read: impl FnOnce(Field<'a>, Dialect) -> Meaning<T>) -> Option<T> {
        read(self.row.field(field), self.dialect).unwrap_or_else(|()| {
            let (place, value) = (self.place, self.row.field(field).as_str());
            self.findings.refuse(InvalidValues, || {
                format!(
                    "row {place}: {} is {}, which cannot be understood",
                    field.as_str(),
                    quoted(value)
                )
            });
            None
        })
    }
}
