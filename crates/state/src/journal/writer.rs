//! Writing a journal: one thread that appends, forces and packs, so that nothing else waits for a disk.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Sender, channel};
use std::thread::JoinHandle;

use autotrader_domain::ports::StoreError;
use tokio::sync::oneshot;

use super::recovery::recover;
use super::thread::{Message, Writer};
use super::{JournalError, SegmentHead};

/// What a journal knew when it was opened.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Opened {
    /// The number of the next segment.
    pub next_segment: u64,
    /// The last step of the last segment.
    pub seq: u64,
    /// The link after it, in hexadecimal digits; `None` in an empty journal.
    pub link: Option<String>,
    /// What was torn off the end of a segment that was not finished, in words.
    pub recovered: Option<String>,
    /// What is wrong with the last segment, in words: the chain begins anew then, and a check of the journal tells it.
    pub damaged: Option<String>,
}

/// A journal that is written to.
#[derive(Debug)]
pub struct Journal {
    sender: Sender<Message>,
    thread: Option<JoinHandle<()>>,
    directory: PathBuf,
    bytes: u64,
    /// Held while the journal is open: one process at a time writes to it.
    _lock: File,
}

impl Journal {
    /// Opens a journal, or begins one; a segment that an earlier process did not finish is finished, without a torn line at
    /// its end, which is kept beside it.
    ///
    /// # Errors
    /// [`JournalError`] when the directory cannot be made or written, another process writes to it, or its last segment was
    /// changed.
    pub fn open(directory: &Path) -> Result<(Self, Opened), JournalError> {
        fs::create_dir_all(directory).map_err(JournalError::io(directory))?;
        let lock = lock(directory)?;
        let opened = recover(directory)?;
        let (sender, receiver) = channel();
        let mut writer = Writer::new(directory.to_owned());
        let thread = std::thread::Builder::new()
            .name("journal".to_owned())
            .spawn(move || writer.run(&receiver))
            .map_err(JournalError::io(directory))?;
        let journal = Self {
            sender,
            thread: Some(thread),
            directory: directory.to_owned(),
            bytes: 0,
            _lock: lock,
        };
        Ok((journal, opened))
    }

    /// The directory.
    #[must_use]
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// Finishes the segment that is written to, and begins another.
    pub fn begin(&mut self, head: SegmentHead) {
        self.bytes = 0;
        self.send(Message::Begin(Box::new(head)));
    }

    /// Appends a line, without a line end. What cannot be written is told by the next [`Journal::force`].
    pub fn append(&mut self, line: String) {
        self.bytes += line.len() as u64 + 1;
        self.send(Message::Line(line));
    }

    /// Bytes appended to the segment, its head apart.
    #[must_use]
    pub const fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Removes finished segments before one.
    pub fn prune(&self, keep_from: u64) {
        self.send(Message::Prune { keep_from });
    }

    /// Waits until everything appended is on disk.
    ///
    /// Cancellation-safe: what was appended is written all the same.
    ///
    /// # Errors
    /// [`StoreError::NotDurable`] with what went wrong; the next call tries again.
    pub async fn force(&self) -> Result<(), StoreError> {
        let (reply, answer) = oneshot::channel();
        self.send(Message::Force(reply));
        told(answer.await)
    }

    /// Finishes the last segment and ends.
    ///
    /// # Errors
    /// [`StoreError::NotDurable`] with what went wrong; the segment then stays as it is and is finished at the next start.
    pub async fn close(mut self) -> Result<(), StoreError> {
        let (reply, answer) = oneshot::channel();
        self.send(Message::Close(reply));
        let closed = told(answer.await);
        if let Some(thread) = self.thread.take() {
            // It answered, so it is at its end.
            let _ended = thread.join();
        }
        closed
    }

    fn send(&self, message: Message) {
        // A writer that has ended is told by the next force: its answer never comes.
        let _ended = self.sender.send(message);
    }
}

fn told(answer: Result<Result<(), String>, oneshot::error::RecvError>) -> Result<(), StoreError> {
    match answer {
        Ok(Ok(())) => Ok(()),
        Ok(Err(detail)) => Err(StoreError::NotDurable(detail)),
        Err(_) => Err(StoreError::NotDurable(JournalError::Ended.to_string())),
    }
}

fn lock(directory: &Path) -> Result<File, JournalError> {
    let path = directory.join("lock");
    let file = OpenOptions::new()
        .create(true)
        .truncate(false)
        .write(true)
        .open(&path)
        .map_err(JournalError::io(&path))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(JournalError::InUse {
            path: directory.to_owned(),
        }),
        Err(TryLockError::Error(error)) => Err(JournalError::io(&path)(error)),
    }
}
