//! The thread that writes a journal: what cannot be written waits in order and is tried again.

use std::collections::VecDeque;
use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::PathBuf;
use std::sync::mpsc::{Receiver, TryRecvError};

use tokio::sync::oneshot;

use super::{JournalError, SegmentHead, container, head_line, open_path, sealed_path, segments};

/// What the thread is told.
pub(super) enum Message {
    Begin(Box<SegmentHead>),
    Line(String),
    Force(oneshot::Sender<Result<(), String>>),
    Prune { keep_from: u64 },
    Close(oneshot::Sender<Result<(), String>>),
}

/// How many bytes of lines are collected before they are given to the system, while more keep coming.
const WRITE_FROM: usize = 64 << 10;

/// How many bytes wait for a disk that takes none. What comes after is lost, until the next segment begins with the whole state.
const MOST_WAITING: usize = 64 << 20;

/// Something that is not written yet.
enum Waiting {
    Head(Box<SegmentHead>),
    Lines(Vec<u8>),
}

/// A segment that is written to.
struct Open {
    file: File,
    path: PathBuf,
    segment: u64,
}

/// The thread's own state.
pub(super) struct Writer {
    directory: PathBuf,
    open: Option<Open>,
    waiting: VecDeque<Waiting>,
    bytes: usize,
    /// Lines were lost: nothing that follows is of use before the next state.
    lost: bool,
    /// A finished segment could not be removed; told once.
    not_pruned: Option<String>,
}

impl Writer {
    pub(super) const fn new(directory: PathBuf) -> Self {
        Self {
            directory,
            open: None,
            waiting: VecDeque::new(),
            bytes: 0,
            lost: false,
            not_pruned: None,
        }
    }

    pub(super) fn run(&mut self, messages: &Receiver<Message>) {
        loop {
            let message = match messages.try_recv() {
                Ok(message) => message,
                Err(TryRecvError::Disconnected) => break,
                Err(TryRecvError::Empty) => {
                    // Nothing more comes for now: a process that is killed next has lost nothing. A failure is told by
                    // the next force, which tries again.
                    let _later = self.write();
                    match messages.recv() {
                        Ok(message) => message,
                        Err(_) => break,
                    }
                }
            };
            match message {
                Message::Begin(head) => {
                    self.lost = false;
                    self.waiting.push_back(Waiting::Head(head));
                }
                Message::Line(line) => self.take(&line),
                Message::Force(reply) => {
                    // A listener that is gone does not want to know.
                    let _gone = reply.send(self.force());
                }
                Message::Prune { keep_from } => {
                    self.not_pruned = self.prune(keep_from).err().map(|error| error.to_string());
                }
                Message::Close(reply) => {
                    let closed = self
                        .force()
                        .and_then(|()| self.seal().map_err(|error| error.to_string()));
                    let _gone = reply.send(closed);
                    return;
                }
            }
        }
        // The journal was dropped without being closed: what was appended is still written, and finished at the next start.
        let _last = self.force();
    }

    fn take(&mut self, line: &str) {
        if self.lost || self.bytes > MOST_WAITING {
            self.lost = true;
            return;
        }
        self.bytes += line.len() + 1;
        if !matches!(self.waiting.back(), Some(Waiting::Lines(_))) {
            self.waiting.push_back(Waiting::Lines(Vec::new()));
        }
        if let Some(Waiting::Lines(lines)) = self.waiting.back_mut() {
            lines.extend_from_slice(line.as_bytes());
            lines.push(b'\n');
        }
        if self.bytes % WRITE_FROM <= line.len() {
            let _later = self.write();
        }
    }

    /// Writes what waits, in its order, as far as the disk takes it.
    fn write(&mut self) -> Result<(), JournalError> {
        while let Some(next) = self.waiting.pop_front() {
            let written = match next {
                Waiting::Head(head) => self.begin(&head).map_err(|error| (error, Waiting::Head(head))),
                Waiting::Lines(lines) => self
                    .append(&lines)
                    .map_err(|(error, left)| (error, Waiting::Lines(left))),
            };
            if let Err((error, left)) = written {
                self.waiting.push_front(left);
                return Err(error);
            }
        }
        Ok(())
    }

    fn begin(&mut self, head: &SegmentHead) -> Result<(), JournalError> {
        self.seal()?;
        let path = open_path(&self.directory, head.segment);
        if sealed_path(&self.directory, head.segment).exists() {
            return Err(JournalError::damaged(
                &path,
                "a segment of this number is finished",
            ));
        }
        let line = head_line(head).map_err(|error| JournalError::damaged(&path, error.to_string()))?;
        // What an earlier try left of it is overwritten.
        let mut file = File::create(&path).map_err(JournalError::io(&path))?;
        file.write_all(line.as_bytes()).map_err(JournalError::io(&path))?;
        container::sync_directory(&path).map_err(JournalError::io(&path))?;
        let segment = head.segment;
        self.open = Some(Open { file, path, segment });
        Ok(())
    }

    /// Appends lines; of what could not be written the rest comes back.
    fn append(&mut self, lines: &[u8]) -> Result<(), (JournalError, Vec<u8>)> {
        let Some(Open { file, path, .. }) = &mut self.open else {
            // A caller that appends before it begins has no segment to append to.
            return Err((JournalError::Ended, lines.to_vec()));
        };
        let mut rest = lines;
        let failed = loop {
            match file.write(rest) {
                Ok(0) if rest.is_empty() => break None,
                Ok(0) => break Some(io::ErrorKind::WriteZero.into()),
                Ok(written) => {
                    self.bytes = self.bytes.saturating_sub(written);
                    rest = rest.get(written..).unwrap_or_default();
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => break Some(error),
            }
            if rest.is_empty() {
                break None;
            }
        };
        match failed {
            None => Ok(()),
            Some(error) => Err((JournalError::io(path)(error), rest.to_vec())),
        }
    }

    fn force(&mut self) -> Result<(), String> {
        let written = self.write().and_then(|()| match &self.open {
            Some(open) => open.file.sync_data().map_err(JournalError::io(&open.path)),
            None => Ok(()),
        });
        written.map_err(|error| error.to_string())?;
        if self.lost {
            let place = self.directory.display();
            return Err(format!("{place}: steps were lost while nothing could be written"));
        }
        self.not_pruned.take().map_or(Ok(()), Err)
    }

    /// Packs the segment that is written to.
    fn seal(&mut self) -> Result<(), JournalError> {
        let Some(open) = &self.open else {
            return Ok(());
        };
        open.file.sync_all().map_err(JournalError::io(&open.path))?;
        container::seal(&open.path, &sealed_path(&self.directory, open.segment))?;
        self.open = None;
        Ok(())
    }

    fn prune(&self, keep_from: u64) -> Result<(), JournalError> {
        for file in segments(&self.directory)? {
            if file.sealed && file.segment < keep_from {
                fs::remove_file(&file.path).map_err(JournalError::io(&file.path))?;
            }
        }
        Ok(())
    }
}
