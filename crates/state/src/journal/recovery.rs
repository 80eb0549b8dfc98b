//! What an earlier process left of a journal is finished before anything is added.

use std::fs::{self, OpenOptions};
use std::path::Path;

use super::{JournalError, Opened, Segment, SegmentFile, Tail, container, sealed_path, segments};

/// Finishes what earlier processes left, and says where the chain ended.
pub(super) fn recover(directory: &Path) -> Result<Opened, JournalError> {
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
    // The last one that has a head says where the chain stands; those before it are read only where they are not finished.
    let mut known = false;
    for file in files.iter().rev().filter(|file| !file.sealed) {
        known |= ended(directory, file, &mut opened, known)?;
    }
    if let Some(last) = files.iter().rfind(|file| file.sealed).filter(|_| !known) {
        ended(directory, last, &mut opened, known)?;
    }
    Ok(opened)
}

/// Reads a segment to its end and finishes it; `false` when not even its head was written.
fn ended(
    directory: &Path,
    file: &SegmentFile,
    opened: &mut Opened,
    known: bool,
) -> Result<bool, JournalError> {
    let end = match read_to_end(file) {
        Ok(end) => end,
        // A damaged segment must not keep a trader from trading: it stays as it is, for a person to look at.
        Err(error @ JournalError::Damaged { .. }) => {
            opened.damaged.get_or_insert(error.to_string());
            return Ok(true);
        }
        Err(error) => return Err(error),
    };
    if let Tail::Torn { bytes } = end.tail {
        opened.recovered = Some(format!(
            "{}: {bytes} bytes of an unfinished line",
            file.path.display()
        ));
    }
    let has_head = end.link.is_some();
    if !file.sealed {
        cut(&file.path, end.whole)?;
        if has_head {
            container::seal(&file.path, &sealed_path(directory, file.segment))?;
        } else {
            fs::remove_file(&file.path).map_err(JournalError::io(&file.path))?;
        }
    }
    if !known && has_head {
        (opened.seq, opened.link) = (end.seq, end.link);
    }
    Ok(has_head)
}

/// Where a segment ends.
struct End {
    seq: u64,
    link: Option<String>,
    /// Bytes of whole lines, the head's included.
    whole: u64,
    tail: Tail,
}

fn read_to_end(file: &SegmentFile) -> Result<End, JournalError> {
    let mut segment = Segment::open(file)?;
    let head = segment.head.take();
    let (mut seq, mut link) = match head {
        Some(head) => (head.seq, Some(head.link)),
        None => (0, None),
    };
    while let Some(line) = segment.next_line()? {
        seq += 1;
        link = Some(line.link);
    }
    Ok(End {
        seq,
        link,
        whole: segment.read(),
        tail: segment.tail(),
    })
}

/// Keeps a torn end beside an unfinished segment and cuts it off.
fn cut(path: &Path, whole: u64) -> Result<(), JournalError> {
    let bytes = fs::read(path).map_err(JournalError::io(path))?;
    let end = usize::try_from(whole).unwrap_or(usize::MAX);
    let Some(torn) = bytes.get(end..).filter(|torn| !torn.is_empty()) else {
        return Ok(());
    };
    let beside = path.with_extension("torn");
    fs::write(&beside, torn).map_err(JournalError::io(&beside))?;
    let file = OpenOptions::new()
        .write(true)
        .open(path)
        .map_err(JournalError::io(path))?;
    file.set_len(whole)
        .and_then(|()| file.sync_all())
        .map_err(JournalError::io(path))
}
