//! The real program against a stand-in that lives in the test's own process, where the truth can be looked up.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use autotrader::SystemClock;
use autotrader_domain::ports::Clock;
use autotrader_domain::{Order, OrderState};
use autotrader_simulator::exchange::LogEntry;
use autotrader_simulator::server::{ServerHandle, ServerOptions, Tier, spawn};
use autotrader_simulator::{World, WorldOptions};
use autotrader_state::History;
use serde_json::Value;

use crate::life::Report;
use crate::place::Place;
use crate::process::{Deadline, Finished, Running, SHORT, finish};
use crate::stage::house;
use crate::truth::{self, Books};

/// How often the world moves when nobody asks.
const MOVE_EVERY: Duration = Duration::from_millis(250);

/// How long leaving may take, on a busy machine too.
const LEAVES_WITHIN: Duration = Duration::from_secs(30);

/// A stand-in that plays in real time, and a directory for the program.
pub struct Venue {
    pub place: Place,
    world: Arc<Mutex<World>>,
    server: ServerHandle,
}

impl Venue {
    pub fn open(seed: u64) -> Self {
        let house = house();
        let clock = Arc::new(SystemClock::new());
        let world = World::live(&WorldOptions {
            seed,
            start: clock.now(),
            days: 2,
            tweak_row: None,
        });
        let trader = world.trader();
        let world = Arc::new(Mutex::new(world));
        let options = ServerOptions {
            keys: house
                .keys
                .api_keys()
                .into_iter()
                .map(|key| (key, trader))
                .collect(),
            move_every: Some(MOVE_EVERY),
            limits: Some(Tier::UNLIMITED),
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
        let place = Place::new();
        place.write("key.pem", house.keys.ed25519_private_pem());
        Self { place, world, server }
    }

    /// The program in live execution on this venue.
    pub fn autotrader(&self, arguments: &[&str]) -> Command {
        let mut command = self.place.autotrader(arguments);
        command
            .env("AUTOTRADER__DATABASE__URL", "sqlite:///books.db")
            .env("AUTOTRADER__KALSHI__BASE_URL", self.server.base_url())
            .env("AUTOTRADER__KALSHI__BOOK_POLL_SECONDS", "1")
            .env("AUTOTRADER__KALSHI__EXECUTION_MODE", "live")
            .env("AUTOTRADER__KALSHI__API_KEY_ID", house().keys.ed25519_key_id())
            .env("AUTOTRADER__KALSHI__PRIVATE_KEY_PATH", "key.pem")
            .env(
                "AUTOTRADER__ARENA_MONITOR__PRIMARY_URL",
                self.server.leaderboard_url(),
            )
            .env("AUTOTRADER__ARENA_MONITOR__FALLBACK_URLS", "[]")
            .env("AUTOTRADER__ARENA_MONITOR__POLL_INTERVAL_SECONDS", "1")
            .env("AUTOTRADER__ARENA_MONITOR__POLL_JITTER_SECONDS", "0");
        command
    }

    /// The same, under what a shell sets first.
    pub fn autotrader_under(&self, shell: &str, arguments: &[&str]) -> Command {
        let plain = self.autotrader(arguments);
        let mut command = Command::new("sh");
        command
            .args(["-c", &format!("{shell}; exec \"$0\" \"$@\"")])
            .arg(plain.get_program())
            .args(plain.get_args())
            .env_clear()
            .current_dir(plain.get_current_dir().unwrap())
            .stdin(Stdio::null());
        for (name, value) in plain.get_envs() {
            command.env(name, value.unwrap());
        }
        command
    }

    pub fn run(&self) -> Running {
        Running::start(&mut self.autotrader(&["run"]))
    }

    /// Runs a command to its end.
    #[track_caller]
    pub fn finish(&self, arguments: &[&str]) -> Finished {
        finish(&mut self.autotrader(arguments), SHORT)
    }

    #[track_caller]
    pub fn status(&self) -> Value {
        self.finish(&["status", "--json"]).succeeded().json()
    }

    /// Asks a process to leave, and waits until it has.
    #[track_caller]
    pub fn leaves(run: Running) -> Finished {
        run.terminate();
        run.end(LEAVES_WITHIN).succeeded()
    }

    fn url(&self) -> String {
        format!("sqlite:///{}", self.place.work().join("books.db").display())
    }

    /// How many orders the exchange was asked for; every one of them is an intent in the database.
    #[track_caller]
    pub fn orders_asked(&self) -> usize {
        let world = self.world.lock().unwrap();
        let trader = world.trader();
        let asked: Vec<String> = world
            .exchange_view()
            .log()
            .entries()
            .iter()
            .filter_map(|entry| match entry {
                LogEntry::OrderRequest { account, order, .. } if *account == trader => {
                    order.client_order_id.clone()
                }
                _ => None,
            })
            .collect();
        drop(world);
        if !asked.is_empty() {
            let books = Books::read(&self.url());
            for id in &asked {
                assert!(books.orders.contains_key(id), "{id} was sent and is not stored");
            }
        }
        asked.len()
    }

    /// The differences between the program's books and the exchange's, while nothing runs.
    #[track_caller]
    pub fn differences(&self) -> Vec<String> {
        let status = self.status();
        let history = History::open(&self.url()).unwrap();
        let report = Report {
            cash: serde_json::from_value(status["cash"].clone()).unwrap(),
            positions: history
                .positions()
                .unwrap()
                .into_iter()
                .filter(|(_, position)| !position.net.is_flat())
                .map(|(ticker, position)| (ticker, position.net))
                .collect(),
            causes: history
                .causes()
                .unwrap()
                .into_iter()
                .map(|cause| cause.cause)
                .collect(),
            is_halted: false,
            has_started: true,
        };
        let world = self.world.lock().unwrap();
        truth::books_differ(&self.url(), world.exchange_view(), world.trader(), &report)
    }

    /// Whether our books have an order whose outcome is not known.
    pub fn has_unresolved(&self) -> bool {
        let unresolved = |order: &Order| {
            matches!(
                order.state,
                OrderState::Intended | OrderState::Sent | OrderState::Unknown
            )
        };
        Books::read(&self.url()).orders.values().any(unresolved)
    }

    /// How many fills the exchange has for us.
    pub fn fills(&self) -> usize {
        let world = self.world.lock().unwrap();
        world.exchange_view().fills(world.trader()).count()
    }

    /// Lets everybody look into the program's directory.
    pub fn open_to_all(&self) {
        for path in [self.place.work(), self.place.work().parent().unwrap().to_owned()] {
            fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
        }
    }
}

/// Reads on until the leaderboard was fetched `times` times.
#[track_caller]
pub fn pages(run: &mut Running, times: usize) {
    let deadline = Deadline::after(SHORT);
    for _ in 0..times {
        run.until("arena_leaderboard_fetched", deadline);
    }
}
