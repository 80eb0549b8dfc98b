//! Writing a journal: one thread that appends, forces and packs, so that nothing else waits for a disk.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::JoinHandle;

use autotrader_domain::ports::StoreError;
use tokio::sync::oneshot;

use super::{
    JournalError, Segment, SegmentFile, SegmentHead, Tail, container, head_line, open_path, sealed_path,
    segments,
};

/// What a journal knew when it was opened.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Opened {
    /// The number of the next segment.
    pub next_segment: u64,
    /// The last step of the last segment.
    pub seq: u64,
    /// The link after it, in hexadecimal digits; `None` in an empty journal.
    pub link: Option<String>,
    /// What was torn off the end of the last segment, where that was not finished: in words.
    pub recovered: Option<String>,
}

enum Message {
    Begin(Box<SegmentHead>),
    Line(String),
    Force(oneshot::Sender<Result<(), String>>),
    Prune { keep_from: u64 },
    Close(oneshot::Sender<Result<(), String>>),
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

/// Finishes what an earlier process left, and says where it ended.
fn recover(directory: &Path) -> Result<Opened, JournalError> {
    let files = match segments(directory) {
        Ok(files) => files,
        // A directory without a segment is a new journal.
        Err(JournalError::Damaged { .. }) => Vec::new(),
        Err(error) => return Err(error),
    };
    let mut opened = Opened {
        next_segment: files.last().map_or(0, |last| last.segment) + 1,
        ..Opened::default()
    };
    // The last one that has a head says where the chain stands.
    for file in files.iter().rev() {
        let told = finish(directory, file, &mut opened)?;
        if told {
            break;
        }
    }
    Ok(opened)
}

/// Reads a segment to its end and finishes it; `false` when not even its head was written.
fn finish(directory: &Path, file: &SegmentFile, opened: &mut Opened) -> Result<bool, JournalError> {
    let mut segment = Segment::open(file)?;
    let mut text = 0u64;
    let told = segment.head.take().map(|head| {
        (opened.seq, opened.link) = (head.seq, Some(head.link));
    });
    while let Some(line) = segment.next_line()? {
        opened.seq += 1;
        text += (line.link.len() + line.body.len() + 2) as u64;
        opened.link = Some(line.link);
    }
    if let Tail::Torn { bytes } = segment.tail() {
        opened.recovered = Some(format!(
            "{}: {bytes} bytes of an unfinished line",
            file.path.display()
        ));
    }
    drop(segment);
    if !file.sealed {
        cut(&file.path, text, told.is_some())?;
        if told.is_some() {
            container::seal(&file.path, &sealed_path(directory, file.segment))?;
        } else {
            fs::remove_file(&file.path).map_err(JournalError::io(&file.path))?;
        }
    }
    Ok(told.is_some())
}

/// Keeps a torn end beside an unfinished segment and cuts it off.
fn cut(path: &Path, lines: u64, has_head: bool) -> Result<(), JournalError> {
    let bytes = fs::read(path).map_err(JournalError::io(path))?;
    let head = bytes
        .iter()
        .position(|byte| *byte == b'\n')
        .map_or(0, |end| end + 1);
    let whole = if has_head {
        head.saturating_add(usize::try_from(lines).unwrap_or(usize::MAX))
    } else {
        0
    };
    let Some(torn) = bytes.get(whole..).filter(|torn| !torn.is_empty()) else {
        return Ok(());
    };
    let beside = path.with_extension("torn");
    fs::write(&beside, torn).map_err(JournalError::io(&beside))?;
    let file = OpenOptions::new()
        .write(true)
        .open(path)
        .map_err(JournalError::io(path))?;
    file.set_len(whole as u64)
        .and_then(|()| file.sync_all())
        .map_err(JournalError::io(path))
}

/// The thread's own state.
struct Writer {
    directory: PathBuf,
    file: Option<(File, PathBuf, u64)>,
    /// What is not written yet: kept when a disk is full, and tried again.
    pending: Vec<u8>,
    failed: Option<String>,
}

impl Writer {
    const fn new(directory: PathBuf) -> Self {
        Self {
            directory,
            file: None,
            pending: Vec::new(),
            failed: None,
        }
    }

    fn run(&mut self, messages: &Receiver<Message>) {
        while let Ok(message) = messages.recv() {
            match message {
                Message::Begin(head) => {
                    let begun = self.begin(&head);
                    self.note(begun);
                }
                Message::Line(line) => {
                    self.pending.extend_from_slice(line.as_bytes());
                    self.pending.push(b'\n');
                    if self.pending.len() > WRITE_FROM {
                        let written = self.write();
                        self.note(written);
                    }
                }
                Message::Force(reply) => {
                    // A listener that is gone does not want to know.
                    let _gone = reply.send(self.force());
                }
                Message::Prune { keep_from } => {
                    let pruned = self.prune(keep_from);
                    self.note(pruned);
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

    /// Keeps the first failure until a force tells it.
    fn note(&mut self, done: Result<(), JournalError>) {
        if let Err(error) = done {
            self.failed.get_or_insert(error.to_string());
        }
    }

    fn begin(&mut self, head: &SegmentHead) -> Result<(), JournalError> {
        self.write()?;
        self.seal()?;
        let path = open_path(&self.directory, head.segment);
        let line = head_line(head).map_err(|error| JournalError::damaged(&path, error.to_string()))?;
        let file = OpenOptions::new()
            .create_new(true)
            .append(true)
            .open(&path)
            .map_err(JournalError::io(&path))?;
        container::sync_directory(&path).map_err(JournalError::io(&path))?;
        self.file = Some((file, path, head.segment));
        self.pending.splice(0..0, line.into_bytes());
        self.write()
    }

    fn write(&mut self) -> Result<(), JournalError> {
        let Some((file, path, _)) = &mut self.file else {
            return Ok(());
        };
        while !self.pending.is_empty() {
            match file.write(&self.pending) {
                Ok(0) => return Err(JournalError::io(path)(io::ErrorKind::WriteZero.into())),
                Ok(written) => {
                    self.pending.drain(..written);
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(JournalError::io(path)(error)),
            }
        }
        Ok(())
    }

    fn force(&mut self) -> Result<(), String> {
        let written = self.write().and_then(|()| match &self.file {
            Some((file, path, _)) => file.sync_data().map_err(JournalError::io(path)),
            None => Ok(()),
        });
        match (written, self.failed.take()) {
            (Ok(()), None) => Ok(()),
            (Ok(()), Some(failed)) => Err(failed),
            (Err(error), _) => Err(error.to_string()),
        }
    }

    /// Packs the segment that is written to.
    fn seal(&mut self) -> Result<(), JournalError> {
        let Some((file, path, segment)) = self.file.take() else {
            return Ok(());
        };
        file.sync_all().map_err(JournalError::io(&path))?;
        drop(file);
        container::seal(&path, &sealed_path(&self.directory, segment))
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

/// How many bytes are collected before they are given to the system: a crash of the program loses no more than that, and
/// nothing that something was done upon.
const WRITE_FROM: usize = 64 << 10;
