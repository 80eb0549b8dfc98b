//! `export`: what the program recorded, in the formats that its other commands read.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use autotrader_domain::{BoardHistory, HistoryEvent};
use autotrader_settlement::{Board, Entry, Rating};
use autotrader_state::{Acceptance, History};
use chrono::{DateTime, Utc};
use flate2::Compression;
use flate2::write::GzEncoder;
use serde::Serialize;
use serde_json::value::RawValue;

use super::look::{history, read};
use crate::Failure;
use crate::cli::{ConfigArgs, ExportArgs, ExportCommand, Since};

/// Writes what is asked for.
///
/// # Errors
/// [`Failure`] when the database cannot be read or the file cannot be written; a file of that name is then as it was.
pub(crate) fn export(command: &ExportCommand) -> Result<ExitCode, Failure> {
    match command {
        ExportCommand::Series(args) => write(args, series),
        ExportCommand::Arrivals(args) => write(args, arrivals),
    }
}

/// A failure of the database, or of the file.
enum Broken {
    Read(Failure),
    Write(io::Error),
}

impl From<io::Error> for Broken {
    fn from(error: io::Error) -> Self {
        Self::Write(error)
    }
}

impl From<Failure> for Broken {
    fn from(failure: Failure) -> Self {
        Self::Read(failure)
    }
}

type Content = fn(&History, Option<DateTime<Utc>>, &mut dyn Write) -> Result<(), Broken>;

fn write(args: &ExportArgs, content: Content) -> Result<ExitCode, Failure> {
    let history = history(&ConfigArgs {
        place: args.place.clone(),
        json: true,
    })?;
    let since = args.since.map(|Since(at)| at);
    let (place, written) = match &args.out {
        Some(path) => (
            path.display().to_string(),
            replace(path, |out| content(&history, since, out)),
        ),
        None => {
            let mut out = BufWriter::new(io::stdout().lock());
            ("standard output".to_owned(), content(&history, since, &mut out))
        }
    };
    written.map_err(|broken| match broken {
        Broken::Read(failure) => failure,
        Broken::Write(error) => Failure::failed(format!("{place}: cannot be written: {error}.")),
    })?;
    Ok(ExitCode::SUCCESS)
}

/// Writes a file beside its place and moves it there when it is whole.
fn replace(path: &Path, content: impl FnOnce(&mut dyn Write) -> Result<(), Broken>) -> Result<(), Broken> {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(".part");
    let beside: PathBuf = path.with_file_name(name);
    let written = into(
        &beside,
        path.extension().is_some_and(|ending| ending == "gz"),
        content,
    );
    match written {
        Ok(()) => Ok(fs::rename(&beside, path)?),
        Err(broken) => {
            // What could not be written may not be removable either; the error that is told is the first.
            let _gone = fs::remove_file(&beside);
            Err(broken)
        }
    }
}

fn into(
    path: &Path,
    packed: bool,
    content: impl FnOnce(&mut dyn Write) -> Result<(), Broken>,
) -> Result<(), Broken> {
    let mut file = BufWriter::new(File::create(path)?);
    if packed {
        let mut packer = GzEncoder::new(file, Compression::default());
        content(&mut packer)?;
        file = packer.finish()?;
    } else {
        content(&mut file)?;
    }
    file.into_inner()
        .map_err(io::IntoInnerError::into_error)?
        .sync_all()?;
    Ok(())
}

#[derive(Serialize)]
struct BoardOnFile<'a> {
    date: String,
    src: &'static str,
    rows: Vec<RowOnFile<'a>>,
}

/// Numbers as the page had them, digit for digit.
#[derive(Serialize)]
struct RowOnFile<'a> {
    model: &'a str,
    org: Option<&'a str>,
    score: Option<Box<RawValue>>,
    votes: Option<i64>,
    lo: Option<Box<RawValue>>,
    hi: Option<Box<RawValue>>,
    rank_ub: Option<i64>,
}

fn digits(rating: Option<&Rating>) -> Option<Box<RawValue>> {
    RawValue::from_string(rating?.as_str().to_owned()).ok()
}

fn row(entry: &Entry) -> RowOnFile<'_> {
    RowOnFile {
        model: &entry.model_name,
        org: entry.organization.as_deref(),
        score: digits(entry.score.as_ref()),
        votes: entry.votes,
        lo: digits(entry.ci_lower.as_ref()),
        hi: digits(entry.ci_upper.as_ref()),
        rank_ub: entry.rank_ub,
    }
}

/// Board by board, so that a long history needs no memory.
fn series(history: &History, since: Option<DateTime<Utc>>, out: &mut dyn Write) -> Result<(), Broken> {
    out.write_all(b"[")?;
    let mut before = "\n";
    for acceptance in read(history.acceptances(since))? {
        let Acceptance { hash, path, at } = acceptance;
        let Board { entries } = read(history.board(hash))?.ok_or_else(|| {
            Failure::failed(format!("database: board {hash} was accepted and has no rows."))
        })?;
        let board = BoardOnFile {
            date: at.format("%Y-%m-%d").to_string(),
            src: path.as_str(),
            rows: entries.iter().map(row).collect(),
        };
        out.write_all(before.as_bytes())?;
        serde_json::to_writer(&mut *out, &board).map_err(io::Error::from)?;
        before = ",\n";
    }
    out.write_all(b"\n]\n")?;
    Ok(out.flush()?)
}

#[derive(Serialize)]
struct Arrivals {
    since: DateTime<Utc>,
    arrivals: Vec<ArrivalOnFile>,
    first_seen: BTreeMap<String, DateTime<Utc>>,
}

#[derive(Serialize)]
struct ArrivalOnFile {
    date: DateTime<Utc>,
    model_name: String,
    organization: Option<String>,
    gap: f64,
}

fn arrivals(history: &History, since: Option<DateTime<Utc>>, out: &mut dyn Write) -> Result<(), Broken> {
    let events = read(history.board_history())?;
    let mut told = BoardHistory::default();
    let mut first_seen = BTreeMap::new();
    for event in &events {
        told.apply(event);
        if let HistoryEvent::Listed { at, model_name, .. } = event {
            first_seen.entry(model_name.clone()).or_insert(*at);
        }
    }
    let Some(watched) = told.since() else {
        return Err(Failure::failed("No board was accepted yet: there is no history to export.").into());
    };
    let since = since.map_or(watched, |since| since.max(watched));
    let recent = told.arrivals().iter().filter(|arrival| arrival.at >= since);
    let document = Arrivals {
        since,
        arrivals: recent
            .map(|arrival| ArrivalOnFile {
                date: arrival.at,
                model_name: arrival.model_name.clone(),
                organization: arrival.organization.clone(),
                gap: arrival.gap,
            })
            .collect(),
        first_seen,
    };
    serde_json::to_writer_pretty(&mut *out, &document).map_err(io::Error::from)?;
    out.write_all(b"\n")?;
    Ok(out.flush()?)
}
