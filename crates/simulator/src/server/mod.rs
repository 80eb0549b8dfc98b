//! The HTTP and WebSocket server over a [`SimulatedWorld`]: the exchange under `/trade-api/v2` and `/trade-api/ws/v2`, the
//! leaderboard site under `/leaderboard/`.
//!
//! Built from the published specification and recorded traffic, never from the client it tests. Signatures, scopes and
//! token buckets are enforced as the specification and recorded traffic have them; one shard and one subaccount exist.
//!
//! ```no_run
//! use std::sync::{Arc, Mutex};
//!
//! use autotrader_domain::ports::Clock;
//! use autotrader_simulator::World;
//! use autotrader_simulator::server::{ServerHandle, ServerOptions, SimKeys, spawn};
//!
//! async fn serve(world: World, clock: Arc<dyn Clock>) -> Result<ServerHandle, Box<dyn std::error::Error>> {
//!     let keys = SimKeys::from_seed(7)?;
//!     let options = ServerOptions {
//!         keys: vec![(keys.api_key(), world.trader())],
//!         ..ServerOptions::default()
//!     };
//!     let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
//!     let world = Arc::new(Mutex::new(world));
//!     Ok(spawn(listener, world, clock, options, std::future::pending())?)
//! }
//! ```

mod account;
mod admin;
mod admission;
mod auth;
mod body;
mod candlesticks;
mod errors;
mod faults;
mod historical;
mod journal;
mod keys;
mod limits;
mod listener;
mod market_data;
mod order_batches;
mod order_changes;
mod order_entry;
mod order_groups;
mod pages;
mod portfolio;
mod query;
mod routes;
mod wire;
mod ws;

use std::future::Future;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use autotrader_domain::ports::Clock;
use axum::http::{HeaderMap, Method, Uri};
use chrono::{DateTime, TimeDelta, Utc};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::exchange::AccountId;
use crate::faults::FaultDesk;
use crate::{Faults, SimulatedWorld};
pub use admin::AdminToken;
use auth::KeyRing;
use errors::ApiError;
use faults::{Disputes, Episodes};
use journal::Journal;
pub use journal::LogSink;
pub use keys::{ApiKey, KeyError, KeyFiles, PublicKey, Scope, SimKeys};
use limits::Meter;
pub use limits::{BucketTerms, Tier};
use listener::{Connection, Connections, ResettableListener};
use ws::Hub;
pub use ws::WsOptions;

/// How long a stop waits for requests in flight before it drops them.
const STOP_GRACE: Duration = Duration::from_secs(2);

/// How the server is run.
#[derive(Default)]
pub struct ServerOptions {
    /// Who may sign for which account.
    pub keys: Vec<(ApiKey, AccountId)>,
    /// Lets the world move this often even when nobody asks, so that WebSocket readers see things happen; `None` in
    /// virtual time, where only requests and the owner of the world move it.
    pub move_every: Option<Duration>,
    /// What goes wrong; see [`ServerHandle::faults`].
    pub faults: FaultDesk,
    /// Opens the admin endpoint under `/admin` to whoever holds this token; without one there is none.
    pub admin: Option<AdminToken>,
    /// How fast every account may ask; [`Tier::BASIC`] when not given.
    pub limits: Option<Tier>,
    /// How far reads of orders, fills, positions, settlements and balance lag behind, beside what the world's faults add.
    pub read_lag: Duration,
    /// Where every request, answer and entry of the exchange's log is written, one JSON object a line.
    pub log: Option<LogSink>,
    /// How the WebSocket side behaves.
    pub websocket: WsOptions,
}

impl std::fmt::Debug for ServerOptions {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ServerOptions")
            .field("keys", &self.keys)
            .field("move_every", &self.move_every)
            .field("limits", &self.limits)
            .field("faults", &self.faults)
            .field("admin", &self.admin)
            .field("read_lag", &self.read_lag)
            .field("log", &self.log.is_some())
            .field("websocket", &self.websocket)
            .finish()
    }
}

/// What every request handler shares.
#[derive(Clone)]
struct App {
    world: Arc<Mutex<dyn SimulatedWorld>>,
    clock: Arc<dyn Clock>,
    keys: Arc<KeyRing>,
    faults: Arc<Mutex<FaultDesk>>,
    connections: Connections,
    episodes: Arc<Episodes>,
    disputes: Arc<Disputes>,
    meter: Arc<Meter>,
    journal: Option<Arc<Journal>>,
    read_lag: TimeDelta,
    hub: Arc<Hub>,
    stopped: watch::Receiver<bool>,
}

/// The world at the moment of one request.
struct Moment<'a> {
    world: MutexGuard<'a, dyn SimulatedWorld + 'static>,
    now: DateTime<Utc>,
    faults: Faults,
    /// The time up to which reads of an account show what happened.
    shown_until: DateTime<Utc>,
    journal: Option<&'a Journal>,
    desk: &'a Mutex<FaultDesk>,
    hub: &'a Hub,
}

impl Drop for Moment<'_> {
    /// What happened during the request is written down and goes out to WebSocket readers before the next one can begin.
    fn drop(&mut self) {
        if let Some(journal) = self.journal {
            journal.copy(self.world.exchange().log());
            // Whoever holds the desk now leaves what it notes to the next moment.
            if let Ok(desk) = self.desk.try_lock() {
                journal.copy_faults(&desk);
            }
        }
        ws::send_feed(self);
    }
}

impl App {
    /// Locks the world and brings it up to now. Never held across an await.
    fn moment(&self) -> Moment<'_> {
        let mut world = self.world.lock().unwrap_or_else(PoisonError::into_inner);
        let now = self.clock.now();
        world.advance_to(now);
        self.disputes.go_on(world.exchange(), &self.faults, now);
        let faults = world.faults(now);
        let lag = TimeDelta::seconds(i64::from(faults.read_lag_seconds)) + self.read_lag;
        let standing = self.episodes.reads_stand_at(now).unwrap_or(now);
        Moment {
            world,
            now,
            faults,
            shown_until: standing.min(now - lag),
            journal: self.journal.as_deref(),
            desk: &self.faults,
            hub: &self.hub,
        }
    }

    fn account(&self, headers: &HeaderMap, method: &Method, uri: &Uri) -> Result<AccountId, ApiError> {
        let now = self.clock.now() + faults::skew();
        let signer = self.keys.verify(headers, method, uri.path(), now)?;
        Ok(signer.account)
    }
}

/// A running server.
#[derive(Debug)]
pub struct ServerHandle {
    address: SocketAddr,
    faults: Arc<Mutex<FaultDesk>>,
    connections: Connections,
    has_admin: bool,
    stop: watch::Sender<bool>,
    tasks: Vec<JoinHandle<()>>,
}

impl ServerHandle {
    /// Where it listens.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// The REST base URL, `http://…/trade-api/v2`.
    #[must_use]
    pub fn base_url(&self) -> String {
        format!("http://{}/trade-api/v2", self.address)
    }

    /// The WebSocket URL, `ws://…/trade-api/ws/v2`.
    #[must_use]
    pub fn websocket_url(&self) -> String {
        format!("ws://{}/trade-api/ws/v2", self.address)
    }

    /// The leaderboard page the markets settle on.
    #[must_use]
    pub fn leaderboard_url(&self) -> String {
        format!(
            "http://{}/leaderboard/text/overall-no-style-control",
            self.address
        )
    }

    /// Where the admin endpoint is; nothing when it was not opened.
    #[must_use]
    pub fn admin_url(&self) -> Option<String> {
        self.has_admin.then(|| format!("http://{}/admin", self.address))
    }

    /// The desk that decides what goes wrong; changes hold from the next request and message on.
    #[must_use]
    pub fn faults(&self) -> Arc<Mutex<FaultDesk>> {
        Arc::clone(&self.faults)
    }

    /// Resets every open connection, WebSockets included; returns how many there were.
    #[must_use = "nothing is reset where nothing is open"]
    pub fn reset_connections(&self) -> usize {
        self.connections.reset_all_but(None)
    }

    /// Stops taking requests, lets those in flight finish for two seconds, and closes WebSockets.
    ///
    /// Not cancellation safe: dropped half-way, the tasks go on until they notice the stop.
    pub async fn stop(self) {
        let _ = self.stop.send(true);
        for task in self.tasks {
            let abort = task.abort_handle();
            if tokio::time::timeout(STOP_GRACE, task).await.is_err() {
                abort.abort();
            }
        }
    }
}

/// Serves a world on a listener until `shutdown` completes or [`ServerHandle::stop`] is called.
///
/// Every request first advances the world to the clock's time. Must be called within a tokio runtime.
///
/// # Errors
/// When the listener has no local address.
pub fn spawn<W: SimulatedWorld + 'static>(
    listener: TcpListener,
    world: Arc<Mutex<W>>,
    clock: Arc<dyn Clock>,
    options: ServerOptions,
    shutdown: impl Future<Output = ()> + Send + 'static,
) -> std::io::Result<ServerHandle> {
    let address = listener.local_addr()?;
    let (stop, stopped) = watch::channel(false);
    let world: Arc<Mutex<dyn SimulatedWorld>> = world;
    let faults = Arc::new(Mutex::new(options.faults));
    let connections = Connections::default();
    let listener = ResettableListener::new(listener, connections.clone());
    let app = App {
        world,
        clock,
        keys: Arc::new(KeyRing::new(options.keys)),
        faults: Arc::clone(&faults),
        connections: connections.clone(),
        episodes: Arc::default(),
        disputes: Arc::default(),
        meter: Arc::new(Meter::new(options.limits.unwrap_or_default())),
        journal: options.log.map(|sink| Arc::new(Journal::new(sink))),
        read_lag: TimeDelta::from_std(options.read_lag).unwrap_or(TimeDelta::MAX),
        hub: Arc::new(Hub::new(options.websocket)),
        stopped: stopped.clone(),
    };
    let mut tasks = Vec::new();
    if let Some(every) = options.move_every {
        tasks.push(tokio::spawn(keep_moving(app.clone(), every, stopped.clone())));
    }
    let has_admin = options.admin.is_some();
    let service = routes::router(app, options.admin).into_make_service_with_connect_info::<Connection>();
    let on_shutdown = stop.clone();
    let mut told = stopped;
    tasks.push(tokio::spawn(async move {
        let asked = async move {
            tokio::select! {
                biased;
                () = until_stopped(&mut told) => {}
                () = shutdown => { let _ = on_shutdown.send(true); }
            }
        };
        // Serving a bound listener ends only by the shutdown; errors of single connections stay with them.
        let _ = axum::serve(listener, service).with_graceful_shutdown(asked).await;
    }));
    Ok(ServerHandle {
        address,
        faults,
        connections,
        has_admin,
        stop,
        tasks,
    })
}

/// Completes when the server is told to stop or its handle is gone. Cancellation safe.
async fn until_stopped(stopped: &mut watch::Receiver<bool>) {
    let _ = stopped.wait_for(|stopped| *stopped).await;
}

async fn keep_moving(app: App, every: Duration, mut stopped: watch::Receiver<bool>) {
    let mut ticks = tokio::time::interval(every);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            biased;
            () = until_stopped(&mut stopped) => return,
            _ = ticks.tick() => drop(app.moment()),
        }
    }
}
