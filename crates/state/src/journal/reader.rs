//! Reading a journal, line by line.

use std::fs::{self, File};
use std::io::{BufRead as _, BufReader, Read};
use std::path::{Path, PathBuf};

use super::{JournalError, SegmentHead, container, read_head};

/// More than the longest line: a board of many thousand rows within a state.
const LONGEST_LINE: u64 = 256 << 20;

/// A segment's file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SegmentFile {
    /// Its number.
    pub segment: u64,
    /// The file.
    pub path: PathBuf,
    /// Whether it is finished.
    pub sealed: bool,
    /// Its size.
    pub bytes: u64,
}

/// The segments of a journal in their order; a single file is a journal of one segment.
///
/// # Errors
/// [`JournalError`] when the directory cannot be read or holds no segment.
pub fn segments(path: &Path) -> Result<Vec<SegmentFile>, JournalError> {
    let mut found = Vec::new();
    if path.is_file() {
        found.extend(segment(path)?);
    } else {
        for entry in fs::read_dir(path).map_err(JournalError::io(path))? {
            let entry = entry.map_err(JournalError::io(path))?;
            found.extend(segment(&entry.path())?);
        }
    }
    // While one is sealed both of its files may be there; the container is the later one.
    found.sort_by_key(|file: &SegmentFile| (file.segment, !file.sealed));
    found.dedup_by_key(|file| file.segment);
    if found.is_empty() {
        return Err(JournalError::damaged(path, "there is no journal here"));
    }
    Ok(found)
}

/// A file as a segment; `None` when its name is none of a segment's.
fn segment(path: &Path) -> Result<Option<SegmentFile>, JournalError> {
    let ending = path.extension().and_then(|ending| ending.to_str());
    let sealed = match ending {
        Some("seg") => true,
        Some("open") => false,
        _ => return Ok(None),
    };
    let name = path.file_stem().and_then(|stem| stem.to_str());
    let Some(segment) = name.and_then(|name| name.parse().ok()) else {
        return Ok(None);
    };
    let bytes = fs::metadata(path).map_err(JournalError::io(path))?.len();
    Ok(Some(SegmentFile {
        segment,
        path: path.to_owned(),
        sealed,
        bytes,
    }))
}

/// One line: the link and the body it covers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// The link after this step, in hexadecimal digits.
    pub link: String,
    /// The step.
    pub body: String,
}

/// How a segment ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tail {
    /// With a whole line.
    Whole,
    /// In the middle of a line or of the file: so many bytes of text are no line.
    Torn {
        /// Bytes after the last whole line that could be read.
        bytes: u64,
    },
}

/// A segment that is read.
pub struct Segment {
    path: PathBuf,
    /// What it starts with; `None` when not even that is whole.
    pub head: Option<SegmentHead>,
    text: BufReader<Box<dyn Read + Send>>,
    truncated: bool,
    sealed: bool,
    tail: Tail,
    /// Bytes of whole lines.
    whole: u64,
    /// What was read of a line that has no end.
    torn: Vec<u8>,
}

impl std::fmt::Debug for Segment {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Segment")
            .field("path", &self.path)
            .field("tail", &self.tail)
            .finish_non_exhaustive()
    }
}

impl Segment {
    /// Opens a segment. Of a finished one every byte is checked first.
    ///
    /// # Errors
    /// [`JournalError`] when it cannot be read or was changed.
    pub fn open(file: &SegmentFile) -> Result<Self, JournalError> {
        let path = file.path.as_path();
        let (text, truncated): (Box<dyn Read + Send>, bool) = if file.sealed {
            let unpacked = container::open(path)?;
            (unpacked.text, unpacked.truncated)
        } else {
            let opened = File::open(path).map_err(JournalError::io(path))?;
            (Box::new(opened), true)
        };
        let mut segment = Self {
            path: path.to_owned(),
            head: None,
            text: BufReader::new(text),
            truncated,
            sealed: file.sealed,
            tail: Tail::Whole,
            whole: 0,
            torn: Vec::new(),
        };
        if let Some(line) = segment.text_line()? {
            let head = read_head(&line).map_err(|detail| JournalError::damaged(path, detail))?;
            if head.segment != file.segment {
                let detail = format!("its head says that it is segment {}", head.segment);
                return Err(JournalError::damaged(path, detail));
            }
            segment.head = Some(head);
        }
        Ok(segment)
    }

    /// The next line; `None` after the last whole one.
    ///
    /// # Errors
    /// [`JournalError`] when it cannot be read.
    pub fn next_line(&mut self) -> Result<Option<Line>, JournalError> {
        let Some(line) = self.text_line()? else {
            return Ok(None);
        };
        let Some((link, body)) = line.split_once(' ') else {
            return Err(JournalError::damaged(&self.path, "a line of it has no link"));
        };
        Ok(Some(Line {
            link: link.to_owned(),
            body: body.to_owned(),
        }))
    }

    /// How it ends; known after the last line.
    #[must_use]
    pub const fn tail(&self) -> Tail {
        self.tail
    }

    /// Bytes of the whole lines that were read, the head's included.
    pub(super) const fn read(&self) -> u64 {
        self.whole
    }

    /// What was read of a line that has no end.
    #[must_use]
    pub fn torn_text(&self) -> &[u8] {
        &self.torn
    }

    fn text_line(&mut self) -> Result<Option<String>, JournalError> {
        let mut bytes = Vec::new();
        let read = (&mut self.text).take(LONGEST_LINE).read_until(b'\n', &mut bytes);
        match read {
            Ok(0) => {
                if self.truncated && self.sealed {
                    self.tear(bytes);
                }
                return Ok(None);
            }
            Ok(_) if bytes.last() == Some(&b'\n') => {
                self.whole += bytes.len() as u64;
                bytes.pop();
            }
            // The end of the file is missing: what is left of a line is none.
            Ok(_) | Err(_) if self.truncated => {
                self.tear(bytes);
                return Ok(None);
            }
            Ok(_) => return Err(JournalError::damaged(&self.path, "its last line is not whole")),
            Err(error) => return Err(JournalError::io(&self.path)(error)),
        }
        String::from_utf8(bytes)
            .map(Some)
            .map_err(|_| JournalError::damaged(&self.path, "a line of it is no text"))
    }

    fn tear(&mut self, bytes: Vec<u8>) {
        if self.tail == Tail::Whole {
            self.tail = Tail::Torn {
                bytes: bytes.len() as u64,
            };
            self.torn = bytes;
        }
    }
}
