//! A clock that two processes share: eight bytes of a file, moved by the process under test as it goes along.
//!
//! Nothing waits and nothing depends on how fast the machine is: a life takes the same steps at the same times whenever it
//! is lived.

use std::fs::{File, OpenOptions};
use std::os::unix::fs::FileExt as _;
use std::path::Path;
use std::time::Duration;

use async_trait::async_trait;
use autotrader_domain::Monotonic;
use autotrader_domain::ports::Clock;
use autotrader_execution::Pause;
use autotrader_kalshi_api::Sleeper;
use chrono::{DateTime, TimeDelta, Utc};

/// When every story begins.
pub fn start() -> DateTime<Utc> {
    DateTime::from_timestamp(1_795_000_000, 0).unwrap()
}

#[derive(Debug)]
pub struct SharedClock {
    file: File,
}

impl SharedClock {
    /// A clock that stands at the start.
    pub fn create(path: &Path) -> Self {
        let file = OpenOptions::new()
            .create(true)
            .truncate(true)
            .read(true)
            .write(true)
            .open(path)
            .unwrap();
        let clock = Self { file };
        clock.set(start());
        clock
    }

    /// A clock that somebody has created.
    pub fn open(path: &Path) -> Self {
        let file = OpenOptions::new().read(true).write(true).open(path).unwrap();
        Self { file }
    }

    fn set(&self, at: DateTime<Utc>) {
        self.file
            .write_all_at(&at.timestamp_micros().to_le_bytes(), 0)
            .unwrap();
    }

    /// Lets time pass.
    pub fn pass(&self, time: TimeDelta) {
        self.set(self.now() + time);
    }
}

impl Clock for SharedClock {
    fn now(&self) -> DateTime<Utc> {
        let mut bytes = [0; 8];
        self.file.read_exact_at(&mut bytes, 0).unwrap();
        DateTime::from_timestamp_micros(i64::from_le_bytes(bytes)).unwrap()
    }

    fn monotonic(&self) -> Monotonic {
        Monotonic((self.now() - start()).to_std().unwrap_or_default())
    }
}

fn delta(length: Duration) -> TimeDelta {
    TimeDelta::from_std(length).unwrap()
}

#[async_trait]
impl Pause for SharedClock {
    async fn pause(&self, length: Duration) {
        self.pass(delta(length));
    }
}

#[async_trait]
impl Sleeper for SharedClock {
    async fn sleep(&self, length: Duration) {
        self.pass(delta(length));
    }
}
