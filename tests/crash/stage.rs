//! The other side of a story, and the lives that are lived on it one after another.

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, Read as _, Write};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;

use autotrader_domain::ports::Clock;
use autotrader_simulator::exchange::LogEntry;
use autotrader_simulator::server::{ServerHandle, ServerOptions, SimKeys, Tier, spawn};
use serde_json::Value;
use tempfile::TempDir;
use tokio::runtime::Runtime;

use crate::life::{Orders, Part, Report, open_store, try_open_store};
use crate::probe::{Files, How, Point, When, kill};
use crate::scene::Scene;
use crate::shared_clock::{SharedClock, start};
use crate::truth;
use crate::world::SceneWorld;

/// What carries a life's orders to it.
pub const VARIABLE: &str = "AUTOTRADER_CRASH_LIFE";

/// The test that a life is lived in.
const LIFE: &str = "a_story_is_told_to_its_end";

/// Every kind of request of the account that has steps.
pub const WIRE: [&str; 9] = [
    "wire create",
    "wire cancel",
    "wire list orders",
    "wire read order",
    "wire list fills",
    "wire list settlements",
    "wire list positions",
    "wire read balance",
    "wire read lag",
];

/// How long one life may take. Far above what any takes: a busy machine must not fail it.
const LONGEST_LIFE: Duration = Duration::from_secs(120);

/// What all stories share: a runtime for the stand-ins, their keys, and an empty database.
pub struct House {
    pub runtime: Runtime,
    pub keys: SimKeys,
    template: TempDir,
}

/// A directory in memory where there is one, so that thousands of durable writes wear no disk out.
pub fn directory() -> TempDir {
    TempDir::new_in("/dev/shm").or_else(|_| TempDir::new()).unwrap()
}

pub fn house() -> &'static House {
    static HOUSE: OnceLock<House> = OnceLock::new();
    HOUSE.get_or_init(|| {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()
            .unwrap();
        let keys = SimKeys::from_seed(7).unwrap();
        let template = directory();
        let files = Files::within(template.path());
        let clock = SharedClock::create(&files.clock());
        drop(open_store(&files, keys.ed25519_key_id(), Arc::new(clock)));
        House {
            runtime,
            keys,
            template,
        }
    })
}

impl House {
    /// The directory with an empty database.
    pub fn template(&self) -> &Path {
        self.template.path()
    }
}

/// How one life ended.
#[derive(Debug)]
pub enum End {
    /// The story is told.
    Told(Report),
    /// Killed, or by its own hand, as it was told to.
    Died,
}

/// The child and the death that the other side brings it.
#[derive(Default)]
struct Watched {
    child: Option<Child>,
    death: Option<(Point, How)>,
    files: Option<Files>,
    seen: Vec<Point>,
}

/// Sees every request when it has come and every answer before it goes.
struct Tap {
    watched: Arc<Mutex<Watched>>,
    /// What the requests not answered yet ask for, by their numbers.
    asked: BTreeMap<u64, &'static str>,
}

impl Tap {
    /// Which step a line of the stand-in's record is.
    fn step(&mut self, line: &[u8]) -> Option<String> {
        let line: Value = serde_json::from_slice(line).ok()?;
        match line["kind"].as_str()? {
            "request" => {
                let what = what_is_asked(&line)?;
                self.asked.insert(line["seq"].as_u64()?, what);
                Some(format!("wire {what}.request"))
            }
            "answer" => {
                let what = self.asked.remove(&line["request"].as_u64()?)?;
                Some(format!("wire {what}.answer"))
            }
            _ => None,
        }
    }
}

impl Write for Tap {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        let Some(step) = self.step(line) else {
            return Ok(line.len());
        };
        let mut watched = self.watched.lock().unwrap();
        let Some(point) = watched.files.as_ref().and_then(|files| on_the_wire(files, &step)) else {
            return Ok(line.len());
        };
        if let Some((_, how)) = watched.death.as_ref().filter(|(at, _)| *at == point) {
            let how = *how;
            watched.strike(how);
        }
        watched.seen.push(point);
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Watched {
    fn strike(&mut self, how: How) {
        self.death = None;
        let Some(child) = &mut self.child else { return };
        if how == How::Abort {
            kill(child.id(), "ABRT");
        } else {
            // It may have ended meanwhile.
            let _ = child.kill();
        }
    }
}

/// The last step of the process before a request or answer says where it stands.
fn on_the_wire(files: &Files, step: &str) -> Option<Point> {
    let trace = fs::read_to_string(files.trace()).unwrap_or_default();
    let last = Point::parse(trace.lines().last()?)?;
    let stage = last.step.split('/').next()?;
    Some(Point {
        step: format!("{stage}/{step}"),
        state: last.state,
    })
}

/// What a request asks for; public data is left out, because nothing is stored or sent for it.
fn what_is_asked(line: &Value) -> Option<&'static str> {
    let path = line["path"].as_str()?.strip_prefix("/trade-api/v2/")?;
    let parts: Vec<&str> = path.split('/').collect();
    Some(match (line["method"].as_str()?, parts.as_slice()) {
        ("POST", ["portfolio", "events", "orders"]) => "create",
        ("DELETE", ["portfolio", "events", "orders", _]) => "cancel",
        ("GET", ["portfolio", "orders"]) => "list orders",
        ("GET", ["portfolio", "orders", _]) => "read order",
        ("GET", ["portfolio", "fills"]) => "list fills",
        ("GET", ["portfolio", "settlements"]) => "list settlements",
        ("GET", ["portfolio", "positions"]) => "list positions",
        ("GET", ["portfolio", "balance"]) => "read balance",
        ("GET", ["exchange", "user_data_timestamp"]) => "read lag",
        _ => return None,
    })
}

/// One story with its world, in which lives follow each other.
pub struct Stage {
    pub scene: &'static Scene,
    pub world: Arc<Mutex<SceneWorld>>,
    pub files: Files,
    base_url: String,
    watched: Arc<Mutex<Watched>>,
    server: Option<ServerHandle>,
    _directory: TempDir,
}

impl Stage {
    pub fn set(scene: &'static Scene) -> Self {
        Self::with_books_in(scene, None)
    }

    /// With the database in a directory of its own.
    pub fn with_books_in(scene: &'static Scene, books: Option<&Path>) -> Self {
        let house = house();
        let directory = directory();
        let mut files = Files::within(directory.path());
        if let Some(books) = books {
            books.clone_into(&mut files.books);
        }
        Files::copy_database(house.template.path(), &files.books);
        let clock = Arc::new(SharedClock::create(&files.clock()));
        let world = SceneWorld::new(scene, start());
        let trader = world.trader;
        let world = Arc::new(Mutex::new(world));
        let watched = Arc::<Mutex<Watched>>::default();
        watched.lock().unwrap().files = Some(files.clone());
        let options = ServerOptions {
            keys: house
                .keys
                .api_keys()
                .into_iter()
                .map(|key| (key, trader))
                .collect(),
            limits: Some(Tier::UNLIMITED),
            log: Some(Box::new(Tap {
                watched: Arc::clone(&watched),
                asked: BTreeMap::new(),
            })),
            ..ServerOptions::default()
        };
        let served = Arc::clone(&world);
        let server = house.runtime.block_on(async move {
            let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
            spawn(
                listener,
                served,
                clock as Arc<dyn Clock>,
                options,
                std::future::pending(),
            )
            .unwrap()
        });
        Self {
            scene,
            base_url: server.base_url(),
            world,
            files,
            watched,
            server: Some(server),
            _directory: directory,
        }
    }

    /// Keeps, from now on, what of the database is durable.
    pub fn expect_power_loss(&self) {
        self.files.keep_image();
    }

    fn command(&self, death: Option<(When, How)>, part: Part, shell: Option<&str>) -> Command {
        let keys = &house().keys;
        let orders = Orders {
            files: self.files.clone(),
            scene: self.scene.name.to_owned(),
            base_url: self.base_url.clone(),
            key_id: keys.ed25519_key_id().to_owned(),
            key: keys.ed25519_private_pem().to_owned(),
            death,
            part,
        };
        let executable = std::env::current_exe().unwrap();
        let mut command = match shell {
            None => Command::new(executable),
            Some(shell) => {
                let mut command = Command::new("sh");
                command
                    .args(["-c", &format!("{shell}; exec \"$0\" \"$@\"")])
                    .arg(executable);
                command
            }
        };
        command
            .args(["--exact", LIFE, "--nocapture", "--test-threads=1"])
            .env_remove("RUST_BACKTRACE")
            .env(VARIABLE, serde_json::to_string(&orders).unwrap())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped());
        command
    }

    /// Lives one life; gives how it ended and every point that it came to.
    pub fn life(&self, death: Option<(When, How)>) -> (End, Vec<Point>) {
        let how = death.as_ref().map(|(_, how)| *how);
        let (own, brought) = match death {
            Some((When::At(point), how)) if point.is_on_the_wire() => (None, Some((point, how))),
            own => (own, None),
        };
        let living = self.begin_life(self.command(own, Part::Story, None), brought);
        self.end_life(&living, how)
    }

    /// Lives one life that is ended after some time, wherever it is then.
    pub fn life_of(&self, time: Duration, how: How) -> (End, Vec<Point>) {
        let living = self.begin_life(self.command(None, Part::Story, None), None);
        let said = living.0.recv_timeout(time);
        if let Err(RecvTimeoutError::Timeout) = said {
            self.watched.lock().unwrap().strike(how);
            return self.end_life(&living, Some(how));
        }
        let (sender, again) = channel();
        sender.send(said.unwrap()).unwrap();
        self.end_life(&Living(again), Some(how))
    }

    /// Lives one life to its end, under what a shell sets first.
    pub fn life_under(&self, part: Part, shell: Option<&str>) -> Report {
        let living = self.begin_life(self.command(None, part, shell), None);
        match self.end_life(&living, None) {
            (End::Told(report), _) => report,
            (End::Died, _) => panic!("nobody killed it"),
        }
    }

    /// Opens the database as the program does, or says why not.
    pub fn opens(&self) -> Result<(), String> {
        let clock = Arc::new(SharedClock::open(&self.files.clock()));
        let opened = try_open_store(&self.files, house().keys.ed25519_key_id(), clock);
        opened.map(drop).map_err(|error| error.to_string())
    }

    /// Brings what the write-ahead log holds into the database.
    pub fn settle_log(&self) {
        self.opens().unwrap();
    }

    /// How many orders the exchange was asked for.
    pub fn orders_asked(&self) -> usize {
        let world = self.world.lock().unwrap();
        let asked = |entry: &&LogEntry| matches!(entry, LogEntry::OrderRequest { .. });
        world.exchange.log().entries().iter().filter(asked).count()
    }

    fn begin_life(&self, mut command: Command, brought: Option<(Point, How)>) -> Living {
        let _ = fs::remove_file(self.files.trace());
        let _ = fs::remove_file(self.files.report());
        let mut child = command.spawn().unwrap();
        let mut errors = child.stderr.take().unwrap();
        {
            let mut watched = self.watched.lock().unwrap();
            watched.child = Some(child);
            watched.death = brought;
            watched.seen.clear();
        }
        // Its standard error ends when it does.
        let (sender, ended) = channel();
        std::thread::spawn(move || {
            let mut text = String::new();
            let _ = errors.read_to_string(&mut text);
            let _ = sender.send(text);
        });
        Living(ended)
    }

    fn end_life(&self, living: &Living, how: Option<How>) -> (End, Vec<Point>) {
        let said = living.0.recv_timeout(LONGEST_LIFE);
        let mut watched = self.watched.lock().unwrap();
        let mut child = watched.child.take().unwrap();
        watched.death = None;
        let seen = std::mem::take(&mut watched.seen);
        drop(watched);
        let Ok(said) = said else {
            let _ = child.kill();
            panic!("a life of `{}` did not end", self.scene.name);
        };
        let status = child.wait().unwrap();
        let trace = fs::read_to_string(self.files.trace()).unwrap_or_default();
        let mut points: Vec<Point> = trace.lines().filter_map(Point::parse).collect();
        points.extend(seen);
        match (status.code(), how) {
            (Some(0), _) => {
                let report = fs::read_to_string(self.files.report()).unwrap();
                (End::Told(serde_json::from_str(&report).unwrap()), points)
            }
            (None, Some(how)) => {
                if how == How::PowerLoss {
                    self.files.lose_power();
                }
                truth::nothing_was_sent_that_is_not_stored(self);
                (End::Died, points)
            }
            (code, _) => panic!("a life of `{}` ended with {code:?}: {said}", self.scene.name),
        }
    }
}

/// What a life says on its standard error, once it has ended.
struct Living(Receiver<String>);

impl Drop for Stage {
    fn drop(&mut self) {
        if let Some(server) = self.server.take() {
            // Stopping waits for connections of the dead; the handle's end is noticed by its tasks.
            drop(server);
        }
    }
}
