//! Journal segments: what is written is read back, what was changed is found, what is torn is told.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test stops at the first surprise"
)]

use std::fs;
use std::path::{Path, PathBuf};

use autotrader_state::journal::{
    FORMAT, Journal, JournalError, Line, Segment, SegmentHead, Tail, segments, settings_hash,
};
use chrono::{DateTime, Utc};
use proptest::prelude::*;
use serde_json::json;
use tempfile::TempDir;

fn head(segment: u64, seq: u64, link: &str) -> SegmentHead {
    let settings = json!({"config": {"a": 1}});
    SegmentHead {
        format: FORMAT,
        segment,
        opened_at: DateTime::<Utc>::UNIX_EPOCH,
        version: "1.2.3".into(),
        settings_hash: settings_hash(&settings),
        settings,
        seq,
        link: link.into(),
        snapshot: json!({"cash": "2500"}),
    }
}

fn line(seq: u64) -> String {
    format!("{seq:064x} {{\"seq\":{seq},\"event\":\"timer\"}}")
}

/// A journal with a finished segment for each number of lines.
async fn journal(directory: &Path, sizes: &[u64]) {
    let (mut journal, opened) = Journal::open(directory).unwrap();
    let mut seq = opened.seq;
    for (place, size) in sizes.iter().enumerate() {
        let segment = opened.next_segment + place as u64;
        journal.begin(head(segment, seq, &format!("{seq:064x}")));
        for _ in 0..*size {
            seq += 1;
            journal.append(line(seq));
        }
    }
    journal.close().await.unwrap();
}

fn files(directory: &Path) -> Vec<PathBuf> {
    segments(directory)
        .unwrap()
        .into_iter()
        .map(|file| file.path)
        .collect()
}

/// Head, lines and tail of a segment, or what is wrong with it.
fn read(path: &Path) -> Result<(Option<SegmentHead>, Vec<Line>, Tail), JournalError> {
    let file = segments(path)?.remove(0);
    let mut segment = Segment::open(&file)?;
    let mut lines = Vec::new();
    while let Some(line) = segment.next_line()? {
        lines.push(line);
    }
    Ok((segment.head.take(), lines, segment.tail()))
}

#[tokio::test]
async fn what_is_written_is_read_back() {
    let place = TempDir::new().unwrap();
    journal(place.path(), &[3, 2]).await;
    let files = files(place.path());
    assert_eq!(files.len(), 2);
    let (first, lines, tail) = read(&files[0]).unwrap();
    assert_eq!(first, Some(head(1, 0, &format!("{:064x}", 0))));
    assert_eq!((lines.len(), tail), (3, Tail::Whole));
    assert_eq!(lines[2].body, "{\"seq\":3,\"event\":\"timer\"}");
    let (second, lines, _) = read(&files[1]).unwrap();
    assert_eq!((second.unwrap().seq, lines.len()), (3, 2));
}

#[tokio::test]
async fn any_flipped_byte_of_a_finished_segment_is_found() {
    let place = TempDir::new().unwrap();
    journal(place.path(), &[2]).await;
    let path = files(place.path()).remove(0);
    let whole = fs::read(&path).unwrap();
    for position in 0..whole.len() {
        for bit in [0, 7] {
            let mut changed = whole.clone();
            changed[position] ^= 1 << bit;
            fs::write(&path, &changed).unwrap();
            assert!(read(&path).is_err(), "byte {position} of {}", whole.len());
        }
    }
    let mut longer = whole.clone();
    longer.push(0);
    fs::write(&path, &longer).unwrap();
    assert!(read(&path).is_err());
}

#[tokio::test]
async fn of_a_truncated_segment_the_whole_lines_are_read() {
    let place = TempDir::new().unwrap();
    journal(place.path(), &[40]).await;
    let path = files(place.path()).remove(0);
    let whole = fs::read(&path).unwrap();
    let mut most = 0;
    for length in 0..whole.len() {
        fs::write(&path, &whole[..length]).unwrap();
        let (_, lines, tail) = read(&path).unwrap();
        assert!(matches!(tail, Tail::Torn { .. }), "{length} bytes: {tail:?}");
        for (place, read) in lines.iter().enumerate() {
            assert_eq!(format!("{} {}", read.link, read.body), line(place as u64 + 1));
        }
        assert!(lines.len() >= most, "more bytes, no fewer lines");
        most = lines.len();
    }
    assert_eq!(most, 40, "the text may be whole where only the hash is cut");
}

#[tokio::test]
async fn a_process_that_died_is_followed_by_one_that_goes_on() {
    let place = TempDir::new().unwrap();
    let (mut first, opened) = Journal::open(place.path()).unwrap();
    assert_eq!((opened.next_segment, opened.seq, opened.link), (1, 0, None));
    first.begin(head(1, 0, &format!("{:064x}", 0)));
    (1..=3).for_each(|seq| first.append(line(seq)));
    first.force().await.unwrap();
    drop(first);
    // A line that was being written when the machine died.
    let open = place.path().join("00000001.open");
    let mut bytes = fs::read(&open).unwrap();
    bytes.extend_from_slice(b"00000000 {\"seq\":4,\"ev");
    fs::write(&open, &bytes).unwrap();
    assert_eq!(read(&open).unwrap().2, Tail::Torn { bytes: 21 });

    let (second, opened) = Journal::open(place.path()).unwrap();
    assert_eq!((opened.next_segment, opened.seq), (2, 3));
    assert_eq!(opened.link, Some(format!("{:064x}", 3)));
    assert!(opened.recovered.unwrap().contains("21 bytes"));
    second.close().await.unwrap();
    assert_eq!(fs::read(place.path().join("00000001.torn")).unwrap().len(), 21);
    let (_, lines, tail) = read(&place.path().join("00000001.seg")).unwrap();
    assert_eq!((lines.len(), tail), (3, Tail::Whole));
    journal(place.path(), &[1]).await;
    assert_eq!(files(place.path()).len(), 2);
}

#[tokio::test]
async fn a_segment_without_a_whole_head_is_given_up() {
    let place = TempDir::new().unwrap();
    journal(place.path(), &[2]).await;
    fs::write(place.path().join("00000002.open"), b"head 0123").unwrap();
    let (journal, opened) = Journal::open(place.path()).unwrap();
    assert_eq!(
        (opened.next_segment, opened.seq),
        (3, 2),
        "a number is never used twice"
    );
    journal.close().await.unwrap();
    assert_eq!(files(place.path()).len(), 1);
}

#[tokio::test]
async fn a_damaged_segment_does_not_keep_the_next_process_from_writing() {
    let place = TempDir::new().unwrap();
    journal(place.path(), &[2]).await;
    let path = files(place.path()).remove(0);
    let mut bytes = fs::read(&path).unwrap();
    bytes[30] ^= 1;
    fs::write(&path, &bytes).unwrap();
    let (journal, opened) = Journal::open(place.path()).unwrap();
    assert_eq!((opened.next_segment, opened.link), (2, None));
    assert!(opened.damaged.unwrap().contains("00000001.seg"));
    journal.close().await.unwrap();
    assert!(read(&path).is_err(), "it is still told");
}

#[tokio::test]
async fn what_a_disk_refused_is_written_when_it_takes_it_again() {
    let place = TempDir::new().unwrap();
    let (mut journal, _) = Journal::open(place.path()).unwrap();
    // A directory where the file should be: it cannot be made.
    let blocked = place.path().join("00000001.open");
    fs::create_dir(&blocked).unwrap();
    journal.begin(head(1, 0, &format!("{:064x}", 0)));
    journal.append(line(1));
    assert!(journal.force().await.is_err());
    journal.append(line(2));
    assert!(journal.force().await.is_err());
    fs::remove_dir(&blocked).unwrap();
    journal.force().await.unwrap();
    journal.close().await.unwrap();
    let (_, lines, _) = read(&files(place.path())[0]).unwrap();
    assert_eq!(lines.len(), 2);
}

#[tokio::test]
async fn what_was_appended_is_on_the_file_without_a_force() {
    let place = TempDir::new().unwrap();
    let (mut journal, _) = Journal::open(place.path()).unwrap();
    journal.begin(head(1, 0, &format!("{:064x}", 0)));
    journal.append(line(1));
    let path = place.path().join("00000001.open");
    // Nothing but the writer's own thread has to come round.
    while !fs::read_to_string(&path).is_ok_and(|text| text.lines().count() == 2) {
        tokio::task::yield_now().await;
    }
    journal.close().await.unwrap();
}

#[tokio::test]
async fn one_process_at_a_time_writes() {
    let place = TempDir::new().unwrap();
    let (held, _) = Journal::open(place.path()).unwrap();
    assert!(matches!(
        Journal::open(place.path()),
        Err(JournalError::InUse { .. })
    ));
    held.close().await.unwrap();
    assert!(Journal::open(place.path()).is_ok());
}

#[tokio::test]
async fn old_segments_go_and_the_last_stays() {
    let place = TempDir::new().unwrap();
    journal(place.path(), &[1, 1, 1]).await;
    let (journal, _) = Journal::open(place.path()).unwrap();
    journal.prune(3);
    journal.close().await.unwrap();
    let left: Vec<u64> = segments(place.path())
        .unwrap()
        .iter()
        .map(|file| file.segment)
        .collect();
    assert_eq!(left, [3]);
}

#[tokio::test]
async fn what_cannot_be_written_is_told_by_the_next_force() {
    let place = TempDir::new().unwrap();
    let (mut journal, _) = Journal::open(place.path()).unwrap();
    journal.begin(head(1, 0, &format!("{:064x}", 0)));
    journal.force().await.unwrap();
    // A number that is taken: the segment cannot be begun, and nothing after it is on disk.
    journal.begin(head(1, 0, &format!("{:064x}", 0)));
    journal.append(line(1));
    assert!(journal.force().await.is_err());
    assert!(journal.force().await.is_err(), "told until it is written");
}

#[test]
fn where_there_is_none_it_says_so() {
    let place = TempDir::new().unwrap();
    let error = segments(place.path()).unwrap_err().to_string();
    assert!(error.contains("there is no journal here"), "{error}");
    assert!(segments(&place.path().join("nowhere")).is_err());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]
    #[test]
    fn any_lines_in_any_segments_come_back(sizes in prop::collection::vec(0u64..20, 1..5)) {
        let place = TempDir::new().unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(journal(place.path(), &sizes));
        let mut seq = 0;
        for (file, size) in files(place.path()).iter().zip(&sizes) {
            let (head, lines, tail) = read(file).unwrap();
            prop_assert_eq!(head.unwrap().seq, seq);
            prop_assert_eq!(lines.len() as u64, *size);
            prop_assert_eq!(tail, Tail::Whole);
            seq += size;
        }
    }
}
