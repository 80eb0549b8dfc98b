//! `export`: what the program recorded, in the formats that its other commands read.

use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions};
use std::io::{self, BufWriter, Write};
use std::path::Path;
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
        Some(path) if path.is_dir() => {
            return Err(Failure::usage(format!(
                "{}: is a directory; name a file in it.",
                path.display()
            )));
        }
        Some(path) => (
            path.display().to_string(),
            into(path, |out| content(&history, since, out)),
        ),
        None => {
            let mut out = BufWriter::new(io::stdout().lock());
            let written = content(&history, since, &mut out);
            if written.is_err() {
                // What is left in the buffer must not be tried again.
                let _unwritten = out.into_parts();
            }
            ("standard output".to_owned(), written)
        }
    };
    match written {
        Ok(()) => Ok(ExitCode::SUCCESS),
        Err(Broken::Read(failure)) => Err(failure),
        // A reader that has seen enough.
        Err(Broken::Write(error)) if args.out.is_none() && error.kind() == io::ErrorKind::BrokenPipe => {
            Ok(ExitCode::SUCCESS)
        }
        Err(Broken::Write(error)) => Err(Failure::failed(format!("{place}: cannot be written: {error}."))),
    }
}

/// Writes into a file all or nothing; into a device or a pipe, in whose place nothing can be put, as it comes.
fn into(path: &Path, content: impl FnOnce(&mut dyn Write) -> Result<(), Broken>) -> Result<(), Broken> {
    if fs::metadata(path).is_ok_and(|found| !found.is_file()) {
        let device = OpenOptions::new().write(true).open(path)?;
        packed(path, device, content)?;
        return Ok(());
    }
    // Where a link points, so that the link stays one.
    let target = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    let directory = match target.parent() {
        Some(directory) if !directory.as_os_str().is_empty() => directory,
        _ => Path::new("."),
    };
    let mut beside = tempfile::Builder::new();
    beside.prefix(".export-");
    // As any new file: what the process may not show is taken off.
    #[cfg(unix)]
    beside.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
    let (file, place) = beside.tempfile_in(directory)?.into_parts();
    packed(&target, file, content)?.sync_all()?;
    Ok(place.persist(&target).map_err(|error| error.error)?)
}

fn packed(
    path: &Path,
    file: File,
    content: impl FnOnce(&mut dyn Write) -> Result<(), Broken>,
) -> Result<File, Broken> {
    let mut file = BufWriter::new(file);
    if path.extension().is_some_and(|ending| ending == "gz") {
        let mut packer = GzEncoder::new(file, Compression::default());
        content(&mut packer)?;
        file = packer.finish()?;
    } else {
        content(&mut file)?;
    }
    Ok(file.into_inner().map_err(io::IntoInnerError::into_error)?)
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
    /// Empty when unknown: readers of the format expect a text.
    org: &'a str,
    score: Box<RawValue>,
    votes: Option<i64>,
    lo: Option<Box<RawValue>>,
    hi: Option<Box<RawValue>>,
    rank_ub: Option<i64>,
}

fn digits(rating: Option<&Rating>) -> Option<Box<RawValue>> {
    let rating = rating?;
    let text = RawValue::from_string(rating.as_str().to_owned());
    // Such as `+3`, which is a number and no JSON.
    text.or_else(|_| serde_json::value::to_raw_value(&rating.value()))
        .ok()
}

/// The row of an entry; `None` without a score, which says nothing of who leads.
fn row(entry: &Entry) -> Option<RowOnFile<'_>> {
    Some(RowOnFile {
        model: &entry.model_name,
        org: entry.organization.as_deref().unwrap_or_default(),
        score: digits(entry.score.as_ref())?,
        votes: entry.votes,
        lo: digits(entry.ci_lower.as_ref()),
        hi: digits(entry.ci_upper.as_ref()),
        rank_ub: entry.rank_ub,
    })
}

/// Board by board, so that a long history needs no memory.
fn series(history: &History, since: Option<DateTime<Utc>>, out: &mut dyn Write) -> Result<(), Broken> {
    let (mut before, mut left_out) = ("[\n", 0_u64);
    for acceptance in read(history.acceptances(since))? {
        let Acceptance { hash, path, at } = acceptance;
        let Board { entries } = read(history.board(hash))?.ok_or_else(|| {
            Failure::failed(format!("database: board {hash} was accepted and has no rows."))
        })?;
        let board = BoardOnFile {
            date: at.format("%Y-%m-%d").to_string(),
            src: path.as_str(),
            rows: entries.iter().filter_map(row).collect(),
        };
        if board.rows.is_empty() {
            left_out += 1;
            continue;
        }
        out.write_all(before.as_bytes())?;
        serde_json::to_writer(&mut *out, &board).map_err(io::Error::from)?;
        before = ",\n";
    }
    if before != ",\n" {
        return Err(Failure::usage(match since {
            Some(since) => format!("--since: no board was accepted since {since}; name an earlier time."),
            None => {
                "database: no board was accepted yet; let the program watch the leaderboard first.".into()
            }
        })
        .into());
    }
    out.write_all(b"\n]\n")?;
    out.flush()?;
    if left_out > 0 {
        note(&format!(
            "Boards left out because no row of them has a score: {left_out}."
        ));
    }
    Ok(())
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
        return Err(Failure::usage(
            "database: no board was accepted yet; let the program watch the leaderboard first.",
        )
        .into());
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

/// A remark that is part of no export.
#[expect(clippy::print_stderr, reason = "standard output is for the export")]
fn note(text: &str) {
    eprintln!("{text}");
}
