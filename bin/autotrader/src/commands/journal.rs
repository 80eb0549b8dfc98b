//! `journal`: its segments, whether every byte of them is as it was written, and its steps for other programs.

use std::path::Path;
use std::process::ExitCode;

use autotrader_engine::{ChainHash, next_link};
use autotrader_state::journal::{JournalError, Segment, SegmentFile, Tail, segments};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::cli::{JournalArgs, JournalCommand};
use crate::{Failure, output};

/// Does what is asked for.
///
/// # Errors
/// [`Failure`] when there is no journal, with exit code 2, or when it was changed, with exit code 1.
pub(crate) fn journal(command: &JournalCommand) -> Result<ExitCode, Failure> {
    match command {
        JournalCommand::List(args) => list(args),
        JournalCommand::Verify(args) => verify(args),
        JournalCommand::Export(args) => export(args),
    }
}

/// The segments that a path names.
///
/// # Errors
/// [`Failure`] of usage when there are none.
pub(crate) fn files(path: &Path) -> Result<Vec<SegmentFile>, Failure> {
    segments(path).map_err(|error| Failure::usage(format!("{error}.")))
}

pub(crate) fn damaged(error: &JournalError) -> Failure {
    Failure::failed(format!("{error}."))
}

#[derive(Debug, Serialize)]
struct Row {
    segment: u64,
    file: String,
    sealed: bool,
    bytes: u64,
    opened_at: Option<DateTime<Utc>>,
    version: Option<String>,
    settings_hash: Option<String>,
    first_step: Option<u64>,
    steps: u64,
    torn_bytes: Option<u64>,
}

fn list(args: &JournalArgs) -> Result<ExitCode, Failure> {
    let mut rows = Vec::new();
    for file in files(&args.path)? {
        let mut segment = Segment::open(&file).map_err(|error| damaged(&error))?;
        let mut steps = 0;
        while segment.next_line().map_err(|error| damaged(&error))?.is_some() {
            steps += 1;
        }
        let head = segment.head.as_ref();
        rows.push(Row {
            segment: file.segment,
            file: file.path.display().to_string(),
            sealed: file.sealed,
            bytes: file.bytes,
            opened_at: head.map(|head| head.opened_at),
            version: head.map(|head| head.version.clone()),
            settings_hash: head.map(|head| head.settings_hash.clone()),
            first_step: head.map(|head| head.seq + 1),
            steps,
            torn_bytes: torn(&segment),
        });
    }
    if args.json {
        output::json(&rows)?;
        return Ok(ExitCode::SUCCESS);
    }
    let cells: Vec<Vec<String>> = rows
        .iter()
        .map(|row| {
            vec![
                row.segment.to_string(),
                row.opened_at.map_or_else(
                    || "-".to_owned(),
                    |at| at.format("%Y-%m-%d %H:%M:%SZ").to_string(),
                ),
                output::or_dash(row.first_step),
                row.steps.to_string(),
                row.bytes.to_string(),
                if row.sealed { "finished" } else { "open" }.to_owned(),
            ]
        })
        .collect();
    output::table(&["segment", "from", "first step", "steps", "bytes", ""], &cells);
    Ok(ExitCode::SUCCESS)
}

/// What is wrong with a file of which [`ends_otherwise`] holds.
pub(crate) const LINE_END: &str = "the end of its last line was changed";

/// Whether what looks like a torn line is a whole one whose end is another byte: no crash leaves that.
pub(crate) fn ends_otherwise(segment: &Segment, link: ChainHash) -> bool {
    let Some((_, line)) = segment.torn_text().split_last() else {
        return false;
    };
    let line = std::str::from_utf8(line).ok();
    let parts = line.and_then(|line| line.split_once(' '));
    parts.is_some_and(|(stated, body)| next_link(link, body).to_string() == stated)
}

fn torn(segment: &Segment) -> Option<u64> {
    match segment.tail() {
        Tail::Whole => None,
        Tail::Torn { bytes } => Some(bytes),
    }
}

/// What a check of a whole journal found.
#[derive(Debug, Serialize)]
struct Checked {
    segments: usize,
    steps: u64,
    /// The link after the last step.
    link: Option<ChainHash>,
    /// Where the end of the last segment is missing.
    torn: Option<Torn>,
}

/// A segment whose end is missing: everything before it is whole.
#[derive(Debug, Serialize)]
struct Torn {
    segment: u64,
    bytes: u64,
}

#[derive(Deserialize)]
struct Numbered {
    seq: u64,
}

fn verify(args: &JournalArgs) -> Result<ExitCode, Failure> {
    let found = files(&args.path)?;
    let mut checked = Checked {
        segments: found.len(),
        steps: 0,
        link: None,
        torn: None,
    };
    let mut at: Option<(u64, ChainHash)> = None;
    let last = found.last().map(|file| file.segment);
    let mut before: Option<u64> = None;
    for file in &found {
        let wrong = |detail: String| Failure::failed(format!("{}: {detail}.", file.path.display()));
        if before.is_some_and(|before| before + 1 != file.segment) {
            return Err(wrong("the segment before it is missing".to_owned()));
        }
        before = Some(file.segment);
        let mut segment = Segment::open(file).map_err(|error| damaged(&error))?;
        if let Some(head) = &segment.head {
            let stated: ChainHash = head
                .link
                .parse()
                .map_err(|_| wrong("the link of its head cannot be read".to_owned()))?;
            if at.is_some_and(|at| at != (head.seq, stated)) {
                return Err(wrong(
                    "it does not go on where the segment before it ends".to_owned(),
                ));
            }
            at = Some((head.seq, stated));
        }
        while let Some(line) = segment.next_line().map_err(|error| damaged(&error))? {
            let (seq, link) = at.unwrap_or_default();
            let (next, follows) = (seq + 1, next_link(link, &line.body));
            let step: Numbered = serde_json::from_str(&line.body)
                .map_err(|error| wrong(format!("the line after step {seq} is no step: {error}")))?;
            if step.seq != next {
                return Err(wrong(format!("step {} follows step {seq}", step.seq)));
            }
            if follows.to_string() != line.link {
                return Err(wrong(format!(
                    "step {next} was changed: it states the link {}, but {follows} follows",
                    line.link
                )));
            }
            at = Some((next, follows));
            checked.steps += 1;
        }
        if let Some(bytes) = torn(&segment) {
            if ends_otherwise(&segment, at.unwrap_or_default().1) {
                return Err(wrong(LINE_END.to_owned()));
            }
            if last != Some(file.segment) {
                return Err(wrong("its end is missing, and it is not the last".to_owned()));
            }
            checked.torn = Some(Torn {
                segment: file.segment,
                bytes,
            });
        }
    }
    checked.link = at.map(|(_, link)| link);
    if args.json {
        output::json(&checked)?;
    } else {
        output::line(&format!(
            "{} segments, {} steps, every byte as it was written; the chain ends with {}.",
            checked.segments,
            checked.steps,
            output::or_dash(checked.link)
        ));
        if let Some(torn) = &checked.torn {
            output::line(&format!(
                "The end of segment {} is missing (truncated): {} bytes of an unfinished line follow its last step.",
                torn.segment, torn.bytes
            ));
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn export(args: &JournalArgs) -> Result<ExitCode, Failure> {
    for file in files(&args.path)? {
        let mut segment = Segment::open(&file).map_err(|error| damaged(&error))?;
        while let Some(line) = segment.next_line().map_err(|error| damaged(&error))? {
            output::line(&line.body);
        }
    }
    Ok(ExitCode::SUCCESS)
}
