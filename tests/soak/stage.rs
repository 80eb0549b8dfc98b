//! The stand-in and our client, started, watched and brought to rest.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use autotrader::SystemClock;
use autotrader_domain::ports::Clock;
use autotrader_domain::{Environment, OrderState, Ticker};
use autotrader_kalshi_api::orders::{AccountOrder, OrderStatus, OrdersQuery};
use autotrader_kalshi_api::websocket::{
    LiveBooks, MarketStream, ReconnectPolicy, StreamEvent, StreamHandle, StreamSettings, UserOrder,
};
use autotrader_kalshi_api::{
    ClientPorts, ClientSettings, Credentials, KalshiClient, RateLimits, RetryPolicy, SeededJitter,
    TokioSleeper,
};
use autotrader_simulator::exchange::AccountId;
use autotrader_simulator::server::{ServerHandle, ServerOptions, SimKeys, Tier, spawn};
use futures_util::TryStreamExt as _;
use tokio::task::JoinHandle;

use crate::scale::{self, Scale};
use crate::traffic::{self, Ledger};
use crate::verdict::Report;
use crate::world::SoakWorld;

const SEED: u64 = 20_261_122;

/// Orders on their way at once.
const WORKERS: u64 = 8;

/// How many orders may be asked for before the messages that they are spread over.
const ORDERS_AHEAD: u64 = 200;

/// How long everything may take to agree once the faults have ended.
const REST_WITHIN: Duration = Duration::from_secs(30);

/// What the stream told.
#[derive(Debug, Default)]
pub struct Told {
    pub events: BTreeMap<&'static str, u64>,
    /// Orders that it said have ended, as they ended.
    pub ended: BTreeMap<String, UserOrder>,
}

pub struct Stage {
    world: Arc<Mutex<SoakWorld>>,
    trader: AccountId,
    server: ServerHandle,
    client: Arc<KalshiClient>,
    stream: StreamHandle,
    told: Arc<Mutex<Told>>,
    ledger: Arc<Ledger>,
    flows: Arc<AtomicBool>,
    tasks: Vec<JoinHandle<()>>,
    clock: Arc<SystemClock>,
    decided: u64,
}

fn ports(clock: &Arc<SystemClock>) -> ClientPorts {
    ClientPorts {
        clock: Arc::clone(clock) as Arc<dyn Clock>,
        jitter: Arc::new(SeededJitter::new(SEED)),
        sleeper: Arc::new(TokioSleeper),
    }
}

impl Stage {
    pub async fn set(scale: &Scale) -> Self {
        autotrader_kalshi_api::install_tls_provider();
        let clock = Arc::new(SystemClock::new());
        let flows = Arc::new(AtomicBool::new(true));
        let (world, trader) = SoakWorld::new(SEED, clock.now(), Arc::clone(&flows));
        let tickers = world.tickers().to_vec();
        let world = Arc::new(Mutex::new(world));
        let keys = SimKeys::from_seed(SEED).unwrap();
        let options = ServerOptions {
            keys: keys.api_keys().into_iter().map(|key| (key, trader)).collect(),
            move_every: Some(Duration::from_millis(4)),
            faults: scale::desk(scale, SEED),
            limits: Some(Tier::UNLIMITED),
            ..ServerOptions::default()
        };
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let server = spawn(
            listener,
            Arc::clone(&world),
            Arc::clone(&clock) as Arc<dyn Clock>,
            options,
            std::future::pending(),
        )
        .unwrap();
        let client = Arc::new(client(&server, &keys, &clock));
        let (stream, mut events) =
            MarketStream::connect(stream_settings(&server, &client), ports(&clock)).unwrap();
        stream.set_markets(tickers.iter().cloned().collect::<BTreeSet<Ticker>>());
        let (told, ledger) = (Arc::<Mutex<Told>>::default(), Arc::<Ledger>::default());
        let listening = Arc::clone(&told);
        let mut tasks = vec![tokio::spawn(async move {
            while let Some(event) = events.recv().await {
                hear(&mut listening.lock().unwrap(), event);
            }
        })];
        for number in 0..WORKERS {
            let work = traffic::worker(Arc::clone(&client), Arc::clone(&ledger), tickers.clone(), number);
            tasks.push(tokio::spawn(work));
        }
        tasks.push(tokio::spawn(keep_listing(
            Arc::clone(&client),
            Arc::clone(&ledger),
        )));
        Self {
            world,
            trader,
            server,
            client,
            stream,
            told,
            ledger,
            flows,
            tasks,
            clock,
            decided: 0,
        }
    }

    pub fn elapsed(&self) -> Duration {
        self.clock.monotonic().0
    }

    /// Lets one small market come to a result, until enough results were disputed; and tells the workers their pace.
    pub fn go_on(&mut self, scale: &Scale) {
        let messages = self.stream.health().counters.messages;
        let pace = scale.orders * messages / scale.messages + ORDERS_AHEAD;
        self.ledger.allowed.store(pace, Ordering::Relaxed);
        if self.fired()["disputed_result"] >= scale.each_fault {
            return;
        }
        self.decided += 1;
        let mut world = self.world.lock().unwrap();
        world.decide_one(self.decided, self.clock.now());
    }

    fn fired(&self) -> BTreeMap<&'static str, u64> {
        let desk = self.server.faults();
        let desk = desk.lock().unwrap_or_else(PoisonError::into_inner);
        scale::faults()
            .map(|kind| (kind.name(), desk.count(kind)))
            .collect()
    }

    /// What has not happened often enough yet.
    pub fn missing(&self, scale: &Scale) -> Vec<String> {
        let mut missing = Vec::new();
        let mut need = |what: &str, count: u64, least: u64| {
            if count < least {
                missing.push(format!("{what} {count} of {least}"));
            }
        };
        need("messages", self.stream.health().counters.messages, scale.messages);
        need("orders", self.ledger.asked.load(Ordering::Relaxed), scale.orders);
        for (name, count) in self.fired() {
            need(name, count, scale.each_fault);
        }
        missing
    }

    pub fn tell_progress(&self) {
        let health = self.stream.health();
        println!(
            "soak: {:?}: {} messages, {} orders, {} reconnects, {} gaps, unknown for {:?}",
            self.elapsed(),
            health.counters.messages,
            self.ledger.asked.load(Ordering::Relaxed),
            health.counters.connections,
            health.counters.gaps,
            health.counters.unknown_for
        );
    }

    /// Ends faults, flow and traffic, waits until the books agree, and compares.
    pub async fn calm_down(self) -> Report {
        let (lasted, health, fired) = (self.elapsed(), self.stream.health(), self.fired());
        self.ledger.stop.store(true, Ordering::Relaxed);
        self.server
            .faults()
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clear();
        self.flows.store(false, Ordering::Relaxed);
        let mut tasks = self.tasks.into_iter();
        let listening = tasks.next().unwrap();
        for task in tasks {
            task.await.unwrap();
        }
        let ended_at = self.clock.monotonic().0;
        let mut different = differing_books(&self.world, &self.stream.books());
        while !(different.is_empty() && self.stream.health().is_settled) {
            assert!(
                self.clock.monotonic().0 - ended_at < REST_WITHIN,
                "the books do not agree after {REST_WITHIN:?}: {different:?}; {:?}",
                self.stream.health()
            );
            tokio::time::sleep(Duration::from_millis(20)).await;
            different = differing_books(&self.world, &self.stream.books());
        }
        let rested_after = self.clock.monotonic().0 - ended_at;
        let listed: Vec<AccountOrder> = self
            .client
            .list_orders(&OrdersQuery::default())
            .try_collect()
            .await
            .unwrap();
        self.stream.stop().await;
        listening.await.unwrap();
        let told = std::mem::take(&mut *self.told.lock().unwrap());
        let world = self.world.lock().unwrap();
        Report::of(
            &world.exchange,
            self.trader,
            &self.ledger,
            &listed,
            told,
            (lasted, rested_after),
            (health, fired),
        )
    }
}

fn client(server: &ServerHandle, keys: &SimKeys, clock: &Arc<SystemClock>) -> KalshiClient {
    let mut settings = ClientSettings::new(&server.base_url(), Environment::Demo).unwrap();
    let credentials = Credentials::from_pem(keys.ed25519_key_id(), keys.ed25519_private_pem().as_bytes());
    settings.credentials = Some(credentials.unwrap());
    settings.request_timeout = Duration::from_millis(200);
    settings.limits = RateLimits::UNLIMITED;
    settings.retry = RetryPolicy {
        first_ceiling: Duration::from_millis(5),
        last_ceiling: Duration::from_millis(50),
        budget: 10_000,
        ..RetryPolicy::default()
    };
    KalshiClient::new(&settings, ports(clock)).unwrap()
}

fn stream_settings(server: &ServerHandle, client: &KalshiClient) -> StreamSettings {
    let mut settings = StreamSettings::new(&server.websocket_url(), client.signer()).unwrap();
    settings.connect_timeout = Duration::from_millis(150);
    settings.send_timeout = Duration::from_millis(200);
    settings.limits.silence = Duration::from_millis(90);
    settings.limits.ping_after = Duration::from_millis(40);
    settings.limits.reply_timeout = Duration::from_millis(250);
    settings.limits.snapshot_timeout = Duration::from_millis(200);
    settings.limits.resync_floor = Duration::from_millis(5);
    settings.limits.probe_after = Duration::from_secs(1);
    settings.limits.crossed_for = Duration::from_millis(200);
    settings.reconnect = ReconnectPolicy {
        first_ceiling: Duration::from_millis(5),
        last_ceiling: Duration::from_millis(100),
        after_refusal: Duration::from_millis(20),
        stable_after: Duration::from_millis(200),
    };
    settings
}

/// Reads what rests, again and again: listings come in pages, and pages have faults of their own.
async fn keep_listing(client: Arc<KalshiClient>, ledger: Arc<Ledger>) {
    let query = OrdersQuery {
        status: Some(OrderStatus::Resting),
        ..OrdersQuery::default()
    };
    while !ledger.stop.load(Ordering::Relaxed) {
        let listed: Result<Vec<AccountOrder>, _> = client.list_orders(&query).try_collect().await;
        ledger.count(if listed.is_ok() {
            "listing read"
        } else {
            "listing not read"
        });
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

fn hear(told: &mut Told, event: StreamEvent) {
    let name = match &event {
        StreamEvent::Connected => "connected",
        StreamEvent::Disconnected { .. } => "disconnected",
        StreamEvent::BookChanged(_) => "book changed",
        StreamEvent::BookUnknown { .. } => "book unknown",
        StreamEvent::Quote(_) => "quote",
        StreamEvent::Trade(_) => "trade",
        StreamEvent::Fill(_) => "fill",
        StreamEvent::Order(_) => "order",
        StreamEvent::Position(_) => "position",
        StreamEvent::Reconcile { .. } => "reconcile",
        _ => "other",
    };
    *told.events.entry(name).or_default() += 1;
    if let StreamEvent::Order(order) = event
        && matches!(order.state, OrderState::Canceled | OrderState::Filled)
    {
        told.ended.insert(order.venue_order_id.to_string(), order);
    }
}

/// Markets whose book is not known or differs from the exchange's.
fn differing_books(world: &Mutex<SoakWorld>, books: &LiveBooks) -> Vec<Ticker> {
    let world = world.lock().unwrap();
    let differs = |ticker: &&Ticker| {
        let truth = world.exchange.book(ticker).unwrap();
        let Some(book) = books.book(ticker) else {
            return true;
        };
        let bids: Vec<_> = book
            .yes_bids()
            .iter()
            .map(|level| (level.price, level.size))
            .collect();
        let asks: Vec<_> = book
            .no_bids()
            .iter()
            .map(|level| (level.price.complement(), level.size))
            .collect();
        bids != truth.bids || asks != truth.asks
    };
    world.tickers().iter().filter(differs).cloned().collect()
}
