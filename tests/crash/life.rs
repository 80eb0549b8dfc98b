//! One life of the process under test: the real parts, assembled as the program does, until the story is told.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::fs;
use std::sync::Arc;

use autotrader::from_execution;
use autotrader_domain::ports::{
    AccountSource, Clock, Ledger, MarketData as _, OrderGateway, OrderStore, StoreError,
};
use autotrader_domain::{
    ClientOrderId, Command, Environment, ExecutionMode, Money, Net, Order, Purpose, Record, Ticker,
};
use autotrader_engine::{AccountScope, Effect, Engine, EngineSettings, Event};
use autotrader_execution::{ExecutionEvent, ExecutionSettings, Executor, Pause};
use autotrader_kalshi_api::{
    ClientPorts, ClientSettings, Credentials, KalshiClient, RateLimits, SeededJitter,
};
use autotrader_risk::{Cause, Limits, RiskEngine, RiskState};
use autotrader_state::{NewDatabaseId, OpenError, SqliteStore, Stamp};
use chrono::TimeDelta;
use serde::{Deserialize, Serialize};

use crate::ports::Announced;
use crate::probe::{About, Files, How, Probe, When};
use crate::scene::{SERIES, Scene};
use crate::script::{NoSignals, Script, Told};
use crate::shared_clock::SharedClock;

/// How much time passes between two beats.
const BEAT: TimeDelta = TimeDelta::seconds(5);

/// A story that takes more beats than this has come to a stand.
const MOST_BEATS: usize = 150;

/// Every so many beats the books are held against the exchange's.
const RECONCILED_EVERY: usize = 4;

/// What a life is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Part {
    /// Tells the story to its end.
    Story,
    /// Tells the story until it is halted, if that comes first.
    UntilHalted,
    /// Releases what restricts trading, as an operator does who has found out why, and tells the story to its end.
    Resumed,
}

/// What a life is told.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Orders {
    pub files: Files,
    pub scene: String,
    pub base_url: String,
    pub key_id: String,
    pub key: String,
    pub death: Option<(When, How)>,
    pub part: Part,
}

/// What a life that came to its end says of itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Report {
    pub cash: Money,
    /// Markets with contracts.
    pub positions: BTreeMap<Ticker, Net>,
    /// The causes that restrict trading.
    pub causes: BTreeSet<String>,
    /// Whether it ended because it was halted, or could not start.
    pub is_halted: bool,
    /// Whether it came beyond its start.
    pub has_started: bool,
}

/// Lives until the story is told, or until death.
pub fn live(orders: &Orders) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let report = runtime.block_on(async { Life::begin(orders).await.go_on().await });
    let text = serde_json::to_string(&report).unwrap();
    fs::write(orders.files.report(), text).unwrap();
}

struct Life {
    scene: &'static Scene,
    clock: Arc<SharedClock>,
    probe: Arc<Probe>,
    client: Arc<KalshiClient>,
    ledger: Arc<Announced<SqliteStore>>,
    executor: Executor,
    engine: Engine,
    script: Script,
    told: Told,
    part: Part,
    /// Restrictions that could not be written down yet.
    unsaved: Vec<Record>,
    /// Orders whose cancel was asked for in this beat.
    canceling: BTreeSet<ClientOrderId>,
}

fn client(orders: &Orders, clock: &Arc<SharedClock>) -> Arc<KalshiClient> {
    autotrader_kalshi_api::install_tls_provider();
    let mut settings = ClientSettings::new(&orders.base_url, Environment::Demo).unwrap();
    settings.credentials = Some(Credentials::from_pem(&orders.key_id, orders.key.as_bytes()).unwrap());
    settings.limits = RateLimits::UNLIMITED;
    let ports = ClientPorts {
        clock: Arc::clone(clock) as Arc<dyn Clock>,
        jitter: Arc::new(SeededJitter::new(1)),
        sleeper: Arc::clone(clock) as Arc<dyn autotrader_kalshi_api::Sleeper>,
    };
    Arc::new(KalshiClient::new(&settings, ports).unwrap())
}

/// Limits that no story reaches: they are not what is tested.
fn limits() -> Limits {
    Limits {
        max_orders_per_minute: 10_000,
        ..Limits::default()
    }
}

/// Opens the database as the program does.
pub fn open_store(files: &Files, key_id: &str, clock: Arc<dyn Clock>) -> SqliteStore {
    try_open_store(files, key_id, clock).unwrap()
}

/// Opens the database as the program does, or says why not.
pub fn try_open_store(files: &Files, key_id: &str, clock: Arc<dyn Clock>) -> Result<SqliteStore, OpenError> {
    let stamp = Stamp::new(ExecutionMode::Live, Environment::Demo, key_id);
    let id = NewDatabaseId::Given("crash".to_owned());
    SqliteStore::open(&files.url(), &stamp, id, clock)
}

impl Life {
    async fn begin(orders: &Orders) -> Self {
        let clock = Arc::new(SharedClock::open(&orders.files.clock()));
        let probe = Arc::new(Probe::new(
            orders.files.clone(),
            Arc::clone(&clock),
            orders.death.clone(),
        ));
        probe.stage("start");
        let store = open_store(
            &orders.files,
            &orders.key_id,
            Arc::clone(&clock) as Arc<dyn Clock>,
        );
        let ledger = Announced::new(Arc::new(store), &probe);
        let client = client(orders, &clock);
        let venue = Announced::new(Arc::clone(&client), &probe);
        let executor = Executor::new(
            Arc::clone(&venue) as Arc<dyn OrderGateway>,
            venue as Arc<dyn AccountSource>,
            Arc::clone(&ledger) as Arc<dyn OrderStore>,
            Arc::clone(&clock) as Arc<dyn Clock>,
            Arc::clone(&clock) as Arc<dyn Pause>,
            ExecutionSettings::default(),
        );
        let scene = Scene::named(&orders.scene);
        let told = Told::default();
        let script = || Script {
            scene,
            told: Arc::clone(&told),
        };
        let settings = EngineSettings {
            scope: AccountScope {
                environment: Environment::Demo,
                mode: ExecutionMode::Live,
                account: orders.key_id.clone(),
                database_id: "crash".to_owned(),
            },
            evaluation_interval: TimeDelta::zero(),
            cooldown: TimeDelta::zero(),
        };
        let engine = Engine::new(
            settings,
            Box::new(NoSignals::new()),
            Box::new(script()),
            RiskEngine::new(limits()),
            Money::ZERO,
        );
        Self {
            scene,
            clock,
            probe,
            client,
            ledger,
            executor,
            engine,
            script: script(),
            told,
            part: orders.part,
            unsaved: Vec::new(),
            canceling: BTreeSet::new(),
        }
    }

    /// What the program does at its start: restore, reconcile, learn the opening cash.
    ///
    /// Where the disk may be full, it may have to give up, as the program does.
    async fn start(&mut self) -> Result<(), String> {
        let restored = self.ledger.restore().await.map_err(|error| error.to_string())?;
        for order in &restored.open_orders {
            self.probe.note(order);
        }
        self.told
            .lock()
            .unwrap()
            .extend(restored.generations.iter().cloned());
        let opening = restored.opening_cash;
        let found = self.executor.restore(&restored).await;
        if let Some(cash) = opening {
            self.engine.open_with(cash, limits());
        }
        self.engine.restore(restored);
        self.pass_all(found).await;
        let balance = self.reconcile().await?;
        if opening.is_none() {
            self.engine.open_with(balance.unwrap(), limits());
            self.executor.open_with(balance.unwrap()).await;
            let cash = self.engine.account().opening_cash();
            let stored = self.ledger.set_opening_cash(cash).await;
            stored.map_err(|error| error.to_string())?;
        }
        Ok(())
    }

    async fn go_on(mut self) -> Report {
        let disk_may_fail = self.part == Part::UntilHalted;
        match self.start().await {
            Ok(()) => {}
            Err(_) if disk_may_fail => return self.end(true),
            Err(why) => panic!("the start failed: {why}"),
        }
        let series = SERIES.parse().unwrap();
        let markets = self.client.markets(&series).await.unwrap();
        let status = self.client.status().await.unwrap();
        if self.part == Part::Resumed {
            self.resume().await;
        }
        self.pass(Event::Exchange(status)).await;
        self.pass(Event::Markets { series, markets }).await;
        for beat in 1..=MOST_BEATS {
            self.canceling.clear();
            self.probe.stage("effect");
            self.see_books().await;
            self.pass(Event::Timer).await;
            self.probe.stage("poll");
            let events = self.executor.poll().await;
            self.pass_all(events).await;
            if beat % RECONCILED_EVERY == 0 {
                self.probe.stage("reconcile");
                let done = self.reconcile().await;
                assert!(done.is_ok() || disk_may_fail, "{done:?}");
            }
            if disk_may_fail && self.engine.risk().state() == RiskState::Halt {
                self.stay_halted().await;
                return self.end(true);
            }
            let portfolio = &self.engine.account().portfolio;
            if self.script.is_told(portfolio, self.engine.markets()) {
                self.probe.stage("end");
                let done = self.reconcile().await;
                assert!(done.is_ok() || disk_may_fail, "{done:?}");
                return self.end(false);
            }
            self.clock.pass(BEAT);
        }
        panic!(
            "the story `{}` came to a stand: {:?}; causes {:?}",
            self.scene.name,
            self.engine.account().portfolio,
            self.engine.risk()
        );
    }

    /// A few beats more, in which nothing may be decided.
    async fn stay_halted(&mut self) {
        let told = self.told.lock().unwrap().clone();
        for _ in 0..3 {
            self.clock.pass(BEAT);
            self.canceling.clear();
            self.see_books().await;
            self.pass(Event::Timer).await;
            let events = self.executor.poll().await;
            self.pass_all(events).await;
        }
        assert_eq!(
            *self.told.lock().unwrap(),
            told,
            "an order was decided while halted"
        );
    }

    /// Releases every cause that stands.
    async fn resume(&mut self) {
        let causes: Vec<String> = self
            .engine
            .risk()
            .causes()
            .iter()
            .map(|(cause, _)| cause.to_string())
            .collect();
        for cause in causes {
            self.pass(Event::Command(Command::Resume { cause })).await;
        }
    }

    fn end(self, is_halted: bool) -> Report {
        let portfolio = &self.engine.account().portfolio;
        Report {
            cash: portfolio.cash,
            positions: portfolio
                .positions
                .iter()
                .filter(|(_, position)| !position.net.is_flat())
                .map(|(ticker, position)| (ticker.clone(), position.net))
                .collect(),
            causes: self
                .engine
                .risk()
                .causes()
                .iter()
                .map(|(cause, _)| cause.to_string())
                .collect(),
            is_halted,
            has_started: !self.engine.markets().is_empty(),
        }
    }

    async fn see_books(&mut self) {
        let watched = self.engine.watched(self.clock.now());
        for (_, book) in self.client.books(&watched).await.unwrap() {
            self.pass(Event::Book(book.unwrap())).await;
        }
    }

    /// Holds our books against the exchange's; gives the balance there. A difference is none that a story may have.
    async fn reconcile(&mut self) -> Result<Option<Money>, String> {
        self.probe.step("reconcile", "before", About::Account);
        let mut result = self.executor.reconcile().await;
        self.probe.step("reconcile", "after", About::Account);
        assert_eq!(
            result.differences, [""; 0],
            "a reconciliation ({:?}): {:?}; {:?}",
            self.part, result.failure, result.events
        );
        self.pass_all(std::mem::take(&mut result.events)).await;
        match result.failure {
            Some(why) => Err(why),
            None => Ok(result.balance),
        }
    }

    async fn pass_all(&mut self, events: Vec<ExecutionEvent>) {
        for event in events {
            self.pass(from_execution(event)).await;
        }
    }

    /// Passes one event through the core and performs what follows, until nothing more follows.
    async fn pass(&mut self, event: Event) {
        let mut queue = VecDeque::from([event]);
        while let Some(event) = queue.pop_front() {
            let handled = self.engine.handle(self.clock.now(), &event).unwrap();
            self.perform(handled.effects, &mut queue).await;
        }
    }

    /// Writes records down; of what cannot be written, restrictions are kept for the next try.
    async fn write(&mut self, records: Vec<Record>) -> Result<(), StoreError> {
        let mut all = std::mem::take(&mut self.unsaved);
        all.extend(records);
        if all.is_empty() {
            return Ok(());
        }
        let lasts = |record: &&Record| matches!(record, Record::RiskCause { .. });
        let causes = all.iter().filter(lasts).cloned().collect();
        let written = self.ledger.record(all).await;
        if written.is_err() {
            self.unsaved = causes;
        }
        written
    }

    async fn perform(&mut self, effects: Vec<Effect>, queue: &mut VecDeque<Event>) {
        let mut records: Vec<Record> = Vec::new();
        let (mut places, mut cancels) = (Vec::new(), Vec::new());
        for effect in effects {
            match effect {
                Effect::Record(record) => records.push(record),
                Effect::Alert(_) => {}
                Effect::Place {
                    order,
                    exchange_index,
                } => places.push((order, exchange_index)),
                Effect::Cancel(id) => cancels.push(id),
            }
        }
        if let Err(error) = self.write(records).await {
            let detail = error.to_string();
            if !self.engine.risk().causes().stands(Cause::StoreNotDurable) {
                queue.push_back(Event::StoreFailed { detail });
            }
            // What is not written down is not acted on; taking orders off the book is never wrong.
            for (order, _) in places.drain(..) {
                queue.push_back(unsent(&order.into_inner()));
            }
        }
        for id in cancels {
            // Each once in a beat, as the program has one cancel of an order on the wire: on a disk that fails, none ends.
            if !self.canceling.insert(id.clone()) {
                continue;
            }
            let before = self.probe.stage("withdraw");
            queue.extend(self.executor.cancel(&id).await.into_iter().map(from_execution));
            self.probe.stage(before);
        }
        let Some((first, _)) = places.first() else { return };
        let exits = first.get().intent.purpose == Purpose::Exit;
        let before = self.probe.stage(if exits { "exit" } else { "enter" });
        for (order, _) in &places {
            let order = order.get();
            let mut told = self.told.lock().unwrap();
            told.insert(order.intent.ticker.clone(), order.generation.0);
        }
        for (order, index) in places {
            let events = self.executor.place(order, index).await;
            queue.extend(events.into_iter().map(from_execution));
        }
        self.probe.stage(before);
    }
}

/// An approved order that was never handed to execution.
fn unsent(order: &Order) -> Event {
    Event::Unsent {
        client_order_id: order.client_order_id.clone(),
        detail: "Its decision could not be written down.".to_owned(),
    }
}
