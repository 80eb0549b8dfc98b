//! A disk that is full, read-only or damaged: no order without a durable intent, and trading halts and says so.

use std::fs;
use std::io::{Seek as _, SeekFrom, Write as _};
use std::path::Path;
use std::process::Command;

use tempfile::TempDir;

use crate::life::{Part, Report};
use crate::probe::{How, When};
use crate::scene::MEDLEY;
use crate::stage::{Stage, house};
use crate::truth;

/// Blocks that a shell counts file sizes in.
const BLOCK: u64 = 512;

/// From the least size with which a database can be opened at all: its index of the log has 32 KiB.
const LEAST_BLOCKS: u64 = 72;

/// Sizes that are tried, and how far apart they are: the log grows by a few pages with every commit.
const SIZES: u64 = 24;
const BLOCKS_APART: u64 = 56;

/// What must hold after a life on a disk that failed, and after the one that follows when it has been mended.
#[track_caller]
fn is_mended_without_a_difference(stage: &Stage, report: &Report, what: &str) {
    truth::nothing_was_sent_that_is_not_stored(stage);
    let store = "store_not_durable".to_owned();
    if report.is_halted && report.has_started {
        assert!(report.causes.contains(&store), "{what}: {report:?}");
    }
    let after = stage.life_under(Part::Resumed, None);
    assert_eq!(truth::differences(stage, &after), [""; 0], "{what}");
}

#[test]
fn a_file_that_cannot_grow_halts_trading_wherever_it_ends() {
    let mut halted = 0;
    for number in 0..SIZES {
        let blocks = LEAST_BLOCKS + number * BLOCKS_APART;
        let stage = Stage::set(&MEDLEY);
        let shell = format!("trap '' XFSZ; ulimit -f {blocks}");
        let report = stage.life_under(Part::UntilHalted, Some(&shell));
        halted += u64::from(report.is_halted);
        is_mended_without_a_difference(&stage, &report, &format!("{} bytes", blocks * BLOCK));
    }
    assert!(halted > SIZES / 2, "{halted} of {SIZES} sizes were too small");
}

/// A file system of its own, in memory and small; unmounted when dropped.
struct SmallDisk(TempDir);

impl SmallDisk {
    /// One with room for so many bytes; `None` where it may not be mounted.
    fn of(bytes: u64) -> Option<Self> {
        let directory = TempDir::new().unwrap();
        let mounted = Command::new("mount")
            .args(["-t", "tmpfs", "-o", &format!("size={bytes}"), "none"])
            .arg(directory.path())
            .output();
        match mounted {
            Ok(output) if output.status.success() => Some(Self(directory)),
            _ => None,
        }
    }

    fn path(&self) -> &Path {
        self.0.path()
    }

    fn remount(&self, option: &str) {
        let done = Command::new("mount")
            .args(["-o", &format!("remount,{option}")])
            .arg(self.path())
            .status();
        assert!(done.unwrap().success());
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        // What stays mounted is in memory and named in the directory of temporary files.
        let _ = Command::new("umount").arg(self.path()).status();
    }
}

#[test]
fn a_full_disk_halts_trading_and_one_with_room_again_goes_on() {
    let template = fs::metadata(house().template().join("books.db")).unwrap().len();
    let mut halted = 0;
    for number in 0..8 {
        // Room for the index of the log, and for more and more of the log itself.
        let size = template + 40_000 + number * 60_000;
        let Some(disk) = SmallDisk::of(size) else {
            let mut out = std::io::stderr();
            writeln!(out, "skipped: a small file system may not be mounted here").unwrap();
            return;
        };
        let stage = Stage::with_books_in(&MEDLEY, Some(disk.path()));
        let report = stage.life_under(Part::UntilHalted, None);
        halted += u64::from(report.is_halted);
        disk.remount("size=16m");
        is_mended_without_a_difference(&stage, &report, &format!("{size} bytes"));
    }
    assert!(halted > 2, "{halted} of 8 disks were too small");
}

/// Writes over the last page of a file.
pub fn damage_last_page(file: &Path) {
    let mut file = fs::File::options().write(true).open(file).unwrap();
    file.seek(SeekFrom::End(-4_096)).unwrap();
    file.write_all(&[0x5a; 4_096]).unwrap();
}

#[test]
fn a_damaged_last_page_is_refused_or_whole_in_the_log() {
    let (mut refused, mut whole) = (0, 0);
    for number in 1..=8 {
        let stage = Stage::set(&MEDLEY);
        let _ = stage.life(Some((When::Step(number * 60), How::Kill)));
        if number % 2 == 0 {
            // What the log held goes into the database, as it does when the last connection leaves.
            stage.settle_log();
        }
        damage_last_page(&stage.files.database());
        let asked = stage.orders_asked();
        match stage.opens() {
            Err(sentence) => {
                refused += 1;
                assert!(sentence.contains("books.db is damaged: "), "{sentence}");
                assert!(!sentence.contains('\n'), "{sentence}");
                assert_eq!(stage.orders_asked(), asked, "nothing is sent");
            }
            Ok(()) => {
                whole += 1;
                let report = stage.life_under(Part::Story, None);
                assert_eq!(truth::differences(&stage, &report), [""; 0]);
            }
        }
    }
    assert!(refused > 0, "{refused} refused, {whole} whole in the log");
}
