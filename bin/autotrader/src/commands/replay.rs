//! `replay`: the same core on what a journal recorded.

use std::path::Path;
use std::process::ExitCode;

use autotrader_backtest::replay::{Change, Difference, Replay, ReplayError};
use autotrader_config::Config;
use autotrader_domain::ports::Clock as _;
use autotrader_engine::{ChainHash, Engine, Snapshot};
use autotrader_state::journal::{JournalError, Segment, SegmentFile, SegmentHead, Tail, settings_hash};
use chrono::{DateTime, Utc};
use serde::{Deserialize as _, Serialize};

use super::journal::{LINE_END, damaged, ends_otherwise, files};
use crate::cli::{ConfigPlace, ReplayArgs};
use crate::clock::SystemClock;
use crate::run::Told;
use crate::{Failure, output, wiring};

/// What a replay came to.
#[derive(Debug, Serialize)]
struct Answer {
    identical: bool,
    segments: usize,
    steps: u64,
    from: Option<DateTime<Utc>>,
    to: Option<DateTime<Utc>>,
    /// The link after the last step.
    link: Option<ChainHash>,
    /// The end of this segment is missing: everything before it was replayed.
    torn_segment: Option<u64>,
    difference: Option<Difference>,
    /// How long it took, reading included.
    seconds: f64,
    steps_per_second: f64,
    /// With another configuration: what is decided otherwise.
    #[serde(skip_serializing_if = "Option::is_none")]
    changes: Option<Vec<Change>>,
}

/// Replays a journal.
///
/// # Errors
/// [`Failure`] with exit code 2 when there is no journal or no such configuration, with exit code 1 when it was changed or
/// the replay differs.
pub(crate) fn replay(args: &ReplayArgs) -> Result<ExitCode, Failure> {
    let clock = SystemClock::new();
    let found = from(files(&args.path)?, args.from)?;
    let mut answer = Answer {
        identical: true,
        segments: 0,
        steps: 0,
        from: None,
        to: None,
        link: None,
        torn_segment: None,
        difference: None,
        seconds: 0.0,
        steps_per_second: 0.0,
        changes: args.what_if.as_ref().map(|_| Vec::new()),
    };
    let mut replay: Option<Replay> = None;
    for file in &found {
        let mut segment = Segment::open(file).map_err(|error| damaged(&error))?;
        let Some(head) = segment.head.take() else {
            answer.torn_segment = Some(file.segment);
            break;
        };
        if args.to.is_some_and(|to| head.opened_at > to) {
            break;
        }
        answer.segments += 1;
        let mut core = continued(replay.take(), file, &head, args)?;
        let done = run(&mut segment, &mut core, args, &mut answer)?;
        answer.link = Some(core.engine().chain());
        if let Tail::Torn { .. } = segment.tail() {
            if args.what_if.is_none() && ends_otherwise(&segment, core.engine().chain()) {
                let place = file.path.display();
                return Err(Failure::failed(format!("{place}: {LINE_END}.")));
            }
            answer.torn_segment = Some(file.segment);
        }
        replay = Some(core);
        if done || answer.difference.is_some() {
            break;
        }
    }
    answer.seconds = clock.monotonic().0.as_secs_f64();
    #[expect(clippy::cast_precision_loss, reason = "a figure for people")]
    let steps = answer.steps as f64;
    answer.steps_per_second = (steps / answer.seconds.max(1e-9)).round();
    told(args, &answer)
}

/// The segments from the last one on that begins before a time.
pub(super) fn from(
    files: Vec<SegmentFile>,
    from: Option<DateTime<Utc>>,
) -> Result<Vec<SegmentFile>, Failure> {
    let Some(from) = from else {
        return Ok(files);
    };
    let mut first = 0;
    for (place, file) in files.iter().enumerate() {
        let head = Segment::open(file).map_err(|error| damaged(&error))?.head;
        if head.is_some_and(|head| head.opened_at <= from) {
            first = place;
        }
    }
    Ok(files.into_iter().skip(first).collect())
}

/// The core for a segment: the one that replayed the segment before, where the state was not changed in between.
fn continued(
    before: Option<Replay>,
    file: &SegmentFile,
    head: &SegmentHead,
    args: &ReplayArgs,
) -> Result<Replay, Failure> {
    let wrong = |detail: String| Failure::failed(format!("{}: {detail}.", file.path.display()));
    if settings_hash(&head.settings) != head.settings_hash {
        return Err(wrong(
            "its settings are not those that its head's hash is of".to_owned(),
        ));
    }
    if let Some(before) = before {
        if args.what_if.is_some() {
            // What was decided otherwise goes on; the recorded state is that of the recorded decisions.
            return Ok(before);
        }
        if args.verify && before.engine().chain().to_string() != head.link {
            return Err(wrong(
                "it does not go on where the segment before it ends".to_owned(),
            ));
        }
    }
    let core = core_of(file, head, args.what_if.as_deref())?;
    if args.verify {
        verify_state(core.engine(), head).map_err(wrong)?;
    }
    Ok(core)
}

/// A core in the state that a segment starts with.
///
/// # Errors
/// [`Failure`] when the state or the settings cannot be taken up, or there is no such other configuration.
pub(super) fn core_of(
    file: &SegmentFile,
    head: &SegmentHead,
    what_if: Option<&Path>,
) -> Result<Replay, Failure> {
    let wrong = |detail: String| Failure::failed(format!("{}: {detail}.", file.path.display()));
    let told = Told::deserialize(&head.settings).map_err(|error| wrong(format!("its settings: {error}")))?;
    let config = match what_if {
        Some(directory) => other_config(directory)?,
        None => told.config,
    };
    let snapshot =
        Snapshot::deserialize(&head.snapshot).map_err(|error| wrong(format!("its state: {error}")))?;
    Ok(Replay::from(wiring::core_from(&config, told.scope, snapshot)?))
}

/// Holds the state that was read against what is written of it.
fn verify_state(engine: &Engine, head: &SegmentHead) -> Result<(), String> {
    let again = engine
        .snapshot()
        .and_then(|snapshot| serde_json::to_value(&snapshot))
        .map_err(|error| error.to_string())?;
    if again == head.snapshot {
        Ok(())
    } else {
        Err("its state cannot be taken up as it was written".to_owned())
    }
}

fn other_config(directory: &Path) -> Result<Config, Failure> {
    let place = ConfigPlace {
        config_dir: Some(directory.to_owned()),
        execution_mode: None,
    };
    Ok(wiring::load_config(&place)?.config)
}

/// Replays one segment; `true` when the end that was asked for is reached.
fn run(
    segment: &mut Segment,
    core: &mut Replay,
    args: &ReplayArgs,
    answer: &mut Answer,
) -> Result<bool, Failure> {
    let failed = |error: JournalError| damaged(&error);
    while let Some(line) = segment.next_line().map_err(failed)? {
        let at = match &mut answer.changes {
            Some(changes) => {
                let change = core.take_otherwise(&line.body).map_err(|error| broken(&error))?;
                let at = change.as_ref().map(|change| change.at);
                changes.extend(change);
                at
            }
            None => match core.take(&line.link, &line.body) {
                Ok(taken) => Some(taken.step.at),
                Err(ReplayError::Differs(difference)) => {
                    answer.identical = false;
                    answer.difference = Some(*difference);
                    return Ok(true);
                }
                Err(error) => return Err(broken(&error)),
            },
        };
        answer.steps += 1;
        if let Some(at) = at {
            answer.from.get_or_insert(at);
            answer.to = Some(at);
            if args.to.is_some_and(|to| at >= to) {
                return Ok(true);
            }
        }
    }
    Ok(false)
}

pub(super) fn broken(error: &ReplayError) -> Failure {
    Failure::failed(format!("{error}."))
}

fn told(args: &ReplayArgs, answer: &Answer) -> Result<ExitCode, Failure> {
    if args.json {
        output::json(answer)?;
    } else {
        print(answer);
    }
    Ok(if answer.identical {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

fn print(answer: &Answer) {
    if let Some(segment) = answer.torn_segment {
        output::line(&format!(
            "The end of segment {segment} is missing (truncated); everything before it was replayed."
        ));
    }
    if let Some(difference) = &answer.difference {
        output::line(&format!(
            "Step {} at {} differs.",
            difference.seq,
            difference.at.format("%Y-%m-%d %H:%M:%S%.6fZ")
        ));
        output::line(&format!(
            "event:    {}",
            output::escape(&difference.event.to_string())
        ));
        output::line(&format!(
            "expected: {}",
            output::escape(&difference.expected.to_string())
        ));
        output::line(&format!(
            "actual:   {}",
            output::escape(&difference.actual.to_string())
        ));
        return;
    }
    if let Some(changes) = &answer.changes {
        output::line(&format!(
            "{} steps, {} of them decided otherwise; what the exchange answered stays as recorded.",
            answer.steps,
            changes.len()
        ));
        for change in changes {
            let words = |decisions: &[serde_json::Value]| {
                let words: Vec<String> = decisions.iter().map(ToString::to_string).collect();
                if words.is_empty() {
                    "nothing".to_owned()
                } else {
                    words.join(", ")
                }
            };
            output::line(&output::escape(&format!(
                "{} step {}: {} instead of {}",
                change.at.format("%Y-%m-%d %H:%M:%SZ"),
                change.seq,
                words(&change.now),
                words(&change.recorded)
            )));
        }
        return;
    }
    output::line(&format!(
        "{} segments, {} steps, every effect and every link the same; the chain ends with {}.",
        answer.segments,
        answer.steps,
        output::or_dash(answer.link)
    ));
    output::line(&format!(
        "It took {:.2} s: {} steps a second.",
        answer.seconds, answer.steps_per_second
    ));
}
