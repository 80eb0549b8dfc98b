//! Finished segments: `magic | payload's length | check of both | gzip payload | SHA-256 of everything before`.

use std::fs::{self, File};
use std::io::{self, BufReader, BufWriter, Read, Seek as _, SeekFrom, Write};
use std::path::Path;

use flate2::Compression;
use flate2::read::GzDecoder;
use flate2::write::GzEncoder;
use sha2::{Digest as _, Sha256};

use super::JournalError;

const MAGIC: [u8; 8] = *b"KATJSEG1";

/// Magic, length, and the first bytes of the hash of both.
const HEADER: u64 = 24;

/// The hash at the end.
const TRAILER: u64 = 32;

fn header(length: u64) -> [u8; 24] {
    let mut bytes = [0; 24];
    let (start, check) = bytes.split_at_mut(16);
    let (magic, size) = start.split_at_mut(8);
    magic.copy_from_slice(&MAGIC);
    size.copy_from_slice(&length.to_le_bytes());
    let hash = Sha256::digest(&*start);
    for (to, from) in check.iter_mut().zip(hash) {
        *to = from;
    }
    bytes
}

/// Packs a text into a container beside it and removes the text when the container is on disk.
pub(super) fn seal(text: &Path, container: &Path) -> Result<(), JournalError> {
    let part = container.with_extension("part");
    pack(text, &part).map_err(JournalError::io(&part))?;
    fs::rename(&part, container).map_err(JournalError::io(container))?;
    sync_directory(container).map_err(JournalError::io(container))?;
    fs::remove_file(text).map_err(JournalError::io(text))
}

fn pack(text: &Path, part: &Path) -> io::Result<()> {
    let mut out = BufWriter::new(File::create(part)?);
    out.write_all(&header(0))?;
    let mut packer = GzEncoder::new(out, Compression::default());
    io::copy(&mut BufReader::new(File::open(text)?), &mut packer)?;
    let mut out = packer.finish()?;
    let end = out.stream_position()?;
    out.seek(SeekFrom::Start(0))?;
    out.write_all(&header(end - HEADER))?;
    let mut file = out.into_inner().map_err(io::IntoInnerError::into_error)?;
    let hash = digest(&mut File::open(part)?, end)?;
    file.seek(SeekFrom::Start(end))?;
    file.write_all(&hash)?;
    file.sync_all()
}

/// The hash of the first bytes of a file.
fn digest(file: &mut File, length: u64) -> io::Result<[u8; 32]> {
    let mut hash = Sha256::new();
    io::copy(&mut BufReader::new(file.take(length)), &mut hash)?;
    Ok(hash.finalize().into())
}

/// Makes a rename durable.
pub(super) fn sync_directory(path: &Path) -> io::Result<()> {
    match path.parent() {
        Some(directory) => File::open(directory)?.sync_all(),
        None => Ok(()),
    }
}

/// A container that was looked at: its text, and whether its end is missing.
pub(super) struct Unpacked {
    pub(super) text: Box<dyn Read + Send>,
    /// The file is shorter than it says: what is there may still be read.
    pub(super) truncated: bool,
}

/// Opens a container; every byte of a whole one is checked first.
pub(super) fn open(path: &Path) -> Result<Unpacked, JournalError> {
    let mut file = File::open(path).map_err(JournalError::io(path))?;
    let size = file.metadata().map_err(JournalError::io(path))?.len();
    let mut start = [0; 24];
    if file.read_exact(&mut start).is_err() {
        return Ok(Unpacked {
            text: Box::new(io::empty()),
            truncated: true,
        });
    }
    let length = start
        .get(8..16)
        .and_then(|bytes| bytes.try_into().ok())
        .map_or(0, u64::from_le_bytes);
    if start != header(length) {
        return Err(JournalError::damaged(
            path,
            "its first bytes were changed, or it is no segment of a journal",
        ));
    }
    let whole = length.saturating_add(HEADER + TRAILER);
    if size > whole {
        return Err(JournalError::damaged(path, "bytes were added to it"));
    }
    if size == whole {
        check(&mut file, size - TRAILER).map_err(|error| match error {
            Some(source) => JournalError::io(path)(source),
            None => JournalError::damaged(path, "a byte of it was changed"),
        })?;
    }
    file.seek(SeekFrom::Start(HEADER))
        .map_err(JournalError::io(path))?;
    Ok(Unpacked {
        text: Box::new(GzDecoder::new(BufReader::new(file.take(length)))),
        truncated: size < whole,
    })
}

/// Holds a file against the hash at its end.
fn check(file: &mut File, length: u64) -> Result<(), Option<io::Error>> {
    file.seek(SeekFrom::Start(0)).map_err(Some)?;
    let hash = digest(file, length).map_err(Some)?;
    let mut stated = [0; 32];
    file.seek(SeekFrom::Start(length)).map_err(Some)?;
    file.read_exact(&mut stated).map_err(Some)?;
    if hash == stated { Ok(()) } else { Err(None) }
}
