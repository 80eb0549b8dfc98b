//! A series of historical boards on file: a JSON array of `{date, src, rows: [{model, org, score, votes, lo, hi, rank_ub}]}`,
//! plain or gzip; a board may also say when it became known (`known_at`) and that it was corrected later (`revised`).

use std::io::Read as _;

use autotrader_settlement::{Entry, Rating};
use chrono::{DateTime, NaiveDate, NaiveTime, Utc};
use flate2::read::GzDecoder;
use serde::Deserialize;

/// The largest series that is read, decompressed, in bytes.
pub const MAX_BYTES: u64 = 256 << 20;

/// One board of a series.
#[derive(Debug, Clone, PartialEq)]
pub struct SeriesBoard {
    /// The day it was on the page.
    pub date: NaiveDate,
    /// Which collection it comes from.
    pub source: String,
    /// When it is known to have become known, where the file says so.
    pub seen_at: Option<DateTime<Utc>>,
    /// Whether its rows were put together or corrected later: such a board says nothing about when something happened.
    pub revised: bool,
    /// Its rows, in the order of the file.
    pub rows: Vec<Entry>,
}

impl SeriesBoard {
    /// When the board became known: as the file says, otherwise the beginning of its day.
    #[must_use]
    pub fn known_at(&self) -> DateTime<Utc> {
        let midnight = self.date.and_time(NaiveTime::MIN).and_utc();
        self.seen_at.unwrap_or(midnight)
    }
}

/// A series of boards, oldest first; never empty.
#[derive(Debug, Clone, PartialEq)]
pub struct Series(Vec<SeriesBoard>);

/// Why a series cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum SeriesError {
    /// The file is not what it should be.
    #[error("not a series of boards: {0}")]
    Unreadable(String),
    /// A board cannot be used.
    #[error("board {index} ({date}): {detail}")]
    Board {
        /// Which board, counted from 1.
        index: usize,
        /// Its date as written.
        date: String,
        /// What is wrong with it.
        detail: String,
    },
}

#[derive(Deserialize)]
struct BoardOnFile {
    date: String,
    src: String,
    #[serde(default)]
    known_at: Option<DateTime<Utc>>,
    #[serde(default)]
    revised: bool,
    rows: Vec<RowOnFile>,
}

#[derive(Deserialize)]
struct RowOnFile {
    model: String,
    org: Option<String>,
    score: Option<f64>,
    #[serde(default)]
    votes: Option<f64>,
    #[serde(default)]
    lo: Option<f64>,
    #[serde(default)]
    hi: Option<f64>,
    #[serde(default)]
    rank_ub: Option<f64>,
}

/// A count that a file may write with a fraction; `None` for what is none.
fn whole(value: Option<f64>) -> Option<i64> {
    let value = value.filter(|value| value.is_finite() && value.abs() < 1e15)?;
    #[expect(clippy::cast_possible_truncation, reason = "checked to be small")]
    let whole = value.round() as i64;
    Some(whole)
}

impl RowOnFile {
    fn entry(self) -> Entry {
        let rating = |value: Option<f64>| value.map(Rating::from_value);
        Entry {
            organization: self.org.filter(|org| !org.is_empty()),
            score: rating(self.score),
            ci_lower: rating(self.lo),
            ci_upper: rating(self.hi),
            votes: whole(self.votes),
            rank_ub: whole(self.rank_ub),
            ..Entry::named(self.model)
        }
    }
}

impl BoardOnFile {
    fn board(self, index: usize, previous: Option<NaiveDate>) -> Result<SeriesBoard, SeriesError> {
        let wrong = |detail: String| SeriesError::Board {
            index,
            date: self.date.clone(),
            detail,
        };
        let date: NaiveDate = self
            .date
            .parse()
            .map_err(|_| wrong("the date is not a day such as 2026-04-30".to_owned()))?;
        if let Some(previous) = previous.filter(|previous| *previous > date) {
            return Err(wrong(format!(
                "it comes after a board of {previous}; put the boards in the order of their dates"
            )));
        }
        if let Some(known) = self.known_at.filter(|known| known.date_naive() < date) {
            return Err(wrong(format!(
                "it is said to be known at {known}, before its own day: that would be a look into the future"
            )));
        }
        if let Some(row) = self.rows.iter().position(|row| row.model.is_empty()) {
            return Err(wrong(format!("row {} has no model", row + 1)));
        }
        if !self.rows.iter().any(|row| row.score.is_some()) {
            return Err(wrong("no row has a score".to_owned()));
        }
        Ok(SeriesBoard {
            date,
            source: self.src,
            seen_at: self.known_at,
            revised: self.revised,
            rows: self.rows.into_iter().map(RowOnFile::entry).collect(),
        })
    }
}

impl Series {
    /// Reads a series, plain or gzip.
    ///
    /// # Errors
    /// [`SeriesError`] naming the first board that cannot be used, or what is wrong with the file as a whole.
    pub fn read(bytes: &[u8]) -> Result<Self, SeriesError> {
        let plain;
        let text = if bytes.starts_with(&[0x1f, 0x8b]) {
            plain = decompressed(bytes)?;
            plain.as_slice()
        } else {
            bytes
        };
        let boards: Vec<BoardOnFile> =
            serde_json::from_slice(text).map_err(|error| SeriesError::Unreadable(error.to_string()))?;
        let mut series: Vec<SeriesBoard> = Vec::with_capacity(boards.len());
        for (index, board) in boards.into_iter().enumerate() {
            let previous = series.last().map(|board| board.date);
            series.push(board.board(index + 1, previous)?);
        }
        if series.is_empty() {
            return Err(SeriesError::Unreadable("it lists no board".to_owned()));
        }
        Ok(Self(series))
    }

    /// The boards, oldest first.
    #[must_use]
    pub fn boards(&self) -> &[SeriesBoard] {
        &self.0
    }

    /// The days of the first and of the last board.
    #[must_use]
    pub fn span(&self) -> (NaiveDate, NaiveDate) {
        let day = |board: Option<&SeriesBoard>| board.map_or(NaiveDate::MIN, |board| board.date);
        (day(self.0.first()), day(self.0.last()))
    }
}

fn decompressed(bytes: &[u8]) -> Result<Vec<u8>, SeriesError> {
    let mut plain = Vec::new();
    GzDecoder::new(bytes)
        .take(MAX_BYTES + 1)
        .read_to_end(&mut plain)
        .map_err(|error| SeriesError::Unreadable(format!("it cannot be decompressed: {error}")))?;
    if plain.len() as u64 > MAX_BYTES {
        return Err(SeriesError::Unreadable(format!(
            "decompressed it has more than {MAX_BYTES} bytes"
        )));
    }
    Ok(plain)
}
