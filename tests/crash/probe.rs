//! Named steps, and dying at one of them.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::fs::{self, File, OpenOptions};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex};

use autotrader_domain::{ClientOrderId, Order, VenueOrderId};
use chrono::TimeDelta;
use serde::{Deserialize, Serialize};

use crate::shared_clock::SharedClock;

/// How long every step takes.
const STEP_TAKES: TimeDelta = TimeDelta::milliseconds(50);

/// A named step and the state of the order that it is about, or of all unfinished orders where it is about the account.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Point {
    pub step: String,
    pub state: String,
}

impl fmt::Display for Point {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} × {}", self.step, self.state)
    }
}

impl Point {
    /// A line of the trace.
    pub fn parse(line: &str) -> Option<Self> {
        let (step, state) = line.split_once('\t')?;
        Some(Self {
            step: step.to_owned(),
            state: state.to_owned(),
        })
    }

    /// The step without the part of the process that takes it, and without its edge.
    pub fn call(&self) -> &str {
        let call = self.step.rsplit('/').next().unwrap_or(&self.step);
        call.rsplit_once('.').map_or(call, |(call, _)| call)
    }

    /// Whether it is a step of the wire, which the other side sees.
    pub fn is_on_the_wire(&self) -> bool {
        self.call().starts_with("wire ")
    }
}

/// How a process ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum How {
    /// By SIGKILL.
    Kill,
    /// By itself, with SIGABRT.
    Abort,
    /// By SIGKILL, and everything written since the last durable point is gone.
    PowerLoss,
}

/// When a process dies.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum When {
    /// The first time that it comes to this point.
    At(Point),
    /// At its n-th step, whatever it is.
    Step(u64),
}

/// The files of one story.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Files {
    pub directory: PathBuf,
    /// Where the database is.
    pub books: PathBuf,
}

impl Files {
    /// All files in one directory.
    pub fn within(directory: &Path) -> Self {
        Self {
            directory: directory.to_owned(),
            books: directory.to_owned(),
        }
    }

    pub fn database(&self) -> PathBuf {
        self.books.join("books.db")
    }

    pub fn url(&self) -> String {
        format!("sqlite:///{}", self.database().display())
    }

    pub fn clock(&self) -> PathBuf {
        self.directory.join("clock")
    }

    pub fn trace(&self) -> PathBuf {
        self.directory.join("trace")
    }

    pub fn report(&self) -> PathBuf {
        self.directory.join("report.json")
    }

    /// Names the directory that holds what of the database was durable last; there is none unless power may be lost.
    fn image(&self) -> PathBuf {
        self.directory.join("image")
    }

    /// Remembers that everything written until now survives the loss of power: first aside, then in one step, so that
    /// a death in between leaves the image before it.
    pub fn keep_image(&self) {
        let last = fs::read_to_string(self.image()).unwrap_or_default();
        let next = if last == "image-a" { "image-b" } else { "image-a" };
        fs::create_dir_all(self.directory.join(next)).unwrap();
        Self::copy_database(&self.books, &self.directory.join(next));
        let name = self.directory.join("image-next");
        fs::write(&name, next).unwrap();
        fs::rename(name, self.image()).unwrap();
    }

    /// Copies database and write-ahead log from one directory to another; what is not there is removed.
    pub fn copy_database(from: &Path, to: &Path) {
        for name in ["books.db", "books.db-wal"] {
            let (from, to) = (from.join(name), to.join(name));
            if from.exists() {
                fs::copy(from, to).unwrap();
            } else if to.exists() {
                fs::remove_file(to).unwrap();
            }
        }
    }

    /// Takes away everything that was not durable.
    pub fn lose_power(&self) {
        let image = fs::read_to_string(self.image()).unwrap();
        Self::copy_database(&self.directory.join(image), &self.books);
        let shared = self.books.join("books.db-shm");
        if shared.exists() {
            fs::remove_file(shared).unwrap();
        }
    }
}

/// What a step is about.
#[derive(Debug, Clone, Copy)]
pub enum About<'a> {
    Order(&'a ClientOrderId),
    Venue(&'a VenueOrderId),
    Account,
}

#[derive(Debug, Default)]
struct Known {
    stage: &'static str,
    steps: u64,
    states: BTreeMap<ClientOrderId, &'static str>,
    venues: BTreeMap<VenueOrderId, ClientOrderId>,
}

/// Writes every step down, and dies where it is told to.
pub struct Probe {
    files: Files,
    trace: File,
    clock: Arc<SharedClock>,
    death: Option<(When, How)>,
    known: Mutex<Known>,
}

impl fmt::Debug for Probe {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Probe").finish_non_exhaustive()
    }
}

impl Probe {
    pub fn new(files: Files, clock: Arc<SharedClock>, death: Option<(When, How)>) -> Self {
        let trace = OpenOptions::new()
            .create(true)
            .append(true)
            .open(files.trace())
            .unwrap();
        Self {
            files,
            trace,
            clock,
            death,
            known: Mutex::default(),
        }
    }

    /// Names the part of the process that takes the next steps; gives the one before.
    pub fn stage(&self, stage: &'static str) -> &'static str {
        std::mem::replace(&mut self.known.lock().unwrap().stage, stage)
    }

    /// Remembers how an order stands, as the process sees it.
    pub fn note(&self, order: &Order) {
        let mut known = self.known.lock().unwrap();
        let id = &order.client_order_id;
        known.states.insert(id.clone(), order.state.as_str());
        if let Some(venue) = &order.venue_order_id {
            known.venues.insert(venue.clone(), id.clone());
        }
    }

    /// Writes a step down before or after it is taken; may not return.
    pub fn step(&self, call: &str, edge: &str, about: About<'_>) {
        let (point, steps) = {
            let mut known = self.known.lock().unwrap();
            known.steps += 1;
            let point = Point {
                step: format!("{}/{call}.{edge}", known.stage),
                state: known.state(about),
            };
            (point, known.steps)
        };
        self.clock.pass(STEP_TAKES);
        let line = format!("{}\t{}\n", point.step, point.state);
        let written = (&self.trace).write_all(line.as_bytes());
        // A limit on the size of files is meant for the database, and meets the trace as well.
        assert!(written.is_ok() || self.death.is_none(), "{written:?}");
        match &self.death {
            Some((When::At(at), how)) if *at == point => die(*how),
            Some((When::Step(number), how)) if *number == steps => die(*how),
            _ => {}
        }
    }

    /// Remembers that everything written until now survives the loss of power.
    pub fn durable(&self) {
        if self.files.image().exists() {
            self.files.keep_image();
        }
    }
}

impl Known {
    fn state(&self, about: About<'_>) -> String {
        let of = |id: &ClientOrderId| self.states.get(id).copied().unwrap_or("not known");
        match about {
            About::Order(id) => of(id).to_owned(),
            About::Venue(venue) => self.venues.get(venue).map_or("not known", of).to_owned(),
            About::Account => {
                let ended = ["filled", "canceled", "rejected", "expired", "abandoned"];
                let open: BTreeSet<&str> = self
                    .states
                    .values()
                    .copied()
                    .filter(|state| !ended.contains(state))
                    .collect();
                if open.is_empty() {
                    "no open order".to_owned()
                } else {
                    open.into_iter().collect::<Vec<_>>().join("+")
                }
            }
        }
    }
}

fn die(how: How) {
    if how == How::Abort {
        std::process::abort();
    }
    kill(std::process::id(), "KILL");
    // Nothing follows: the signal ends this thread with all the others.
    loop {
        std::thread::park();
    }
}

/// Sends a signal to a process that this one started, or to this one.
pub fn kill(process: u32, signal: &str) {
    // A process that has ended meanwhile is no failure.
    let _ = Command::new("sh")
        .args(["-c", "kill -\"$0\" \"$1\"", signal, &process.to_string()])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status();
}
