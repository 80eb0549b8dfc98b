//! From configuration to concrete adapters: the only place that names them all.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use autotrader_arena_signals::{HttpSource, HttpSourceSettings, PageReader, VintageKeeper};
use autotrader_config::{Config, Loaded, Request, environment_variables};
use autotrader_domain::ports::{AccountSource, Clock, Ledger, MarketData, Notifier, OrderGateway, Restored};
use autotrader_domain::{ExecutionMode, Money};
use autotrader_engine::{AccountScope, Engine, EngineSettings, Snapshot};
use autotrader_execution::paper::{PaperGateway, PaperSettings};
use autotrader_execution::{ExecutionSettings, Executor, Pause, TimerPause};
use autotrader_kalshi_api::RateLimits;
use autotrader_monitoring::{DiscordNotifier, DiscordSettings, Fanout, LogNotifier};
use autotrader_risk::RiskEngine;
use autotrader_state::{Filter, NewDatabaseId, OpenError, SqliteStore, Stamp};
use autotrader_strategy::LeaderboardAlpha;
use chrono::{DateTime, TimeDelta, Utc};
use tracing::{error, info};

mod exchange;
mod journal;
mod live_guard;
mod process;
mod settings;

use crate::Failure;
use crate::cli::ConfigPlace;
use crate::clock::SystemClock;
use crate::run::{
    AlertWatcher, Asked, Follow, Gate, Health, LatestSteps, LogWatcher, Orders, Ports, QueueLimits, Rhythm,
    Runner, SILENCE, Schedule, Stream, Watcher,
};
pub(crate) use exchange::exchange_client;
pub(crate) use journal::journal_directory;
pub(crate) use live_guard::Live;
pub(crate) use process::Process;
use settings::seconds;
pub(crate) use settings::{
    configured_limits, configured_strategy, estimator, gate_settings, limits, series, strategy_params,
    vintage_settings,
};

/// Loads the configuration that the arguments name.
///
/// # Errors
/// [`Failure`] with one line that names file or variable and key.
pub(crate) fn load_config(args: &ConfigPlace) -> Result<Loaded, Failure> {
    let request = Request {
        directory: args.config_dir.clone(),
        execution_mode: args.execution_mode.map(ExecutionMode::from),
        variables: environment_variables(),
        working_directory: PathBuf::from("."),
    };
    Ok(autotrader_config::load(&request)?)
}

/// Starts the log.
///
/// # Errors
/// [`Failure`] when it was started before.
pub(crate) fn start_logging(config: &Config) -> Result<(), Failure> {
    autotrader_monitoring::init_tracing(&config.logging.level.to_string(), config.logging.json_output)
        .map_err(|error| Failure::failed(format!("logging: {error}.")))
}

/// Opens the database of the configured mode, environment and account.
///
/// # Errors
/// [`Failure`] when the address is wrong, another process has it, or it belongs to another mode.
pub(crate) fn open_store(
    config: &Config,
    new_id: NewDatabaseId,
    clock: Arc<dyn Clock>,
) -> Result<SqliteStore, Failure> {
    try_open_store(config, new_id, clock).map_err(|error| Failure::failed(format!("database: {error}.")))
}

/// Opens the database of the configured mode, environment and account, and says why when it cannot.
///
/// # Errors
/// [`OpenError`] when the address is wrong, another process has it, or it belongs to another mode.
pub(crate) fn try_open_store(
    config: &Config,
    new_id: NewDatabaseId,
    clock: Arc<dyn Clock>,
) -> Result<SqliteStore, OpenError> {
    let kalshi = &config.kalshi;
    let stamp = Stamp::new(kalshi.execution_mode, kalshi.environment, &kalshi.api_key_id);
    SqliteStore::open(&config.database.url, &stamp, new_id, clock)
}

/// Gives the live database of an old key to the configured one.
///
/// # Errors
/// [`Failure`] in paper mode, or when the database is in use, missing or not that key's.
pub(crate) fn adopt_key(config: &Config, old_key: &str, now: DateTime<Utc>) -> Result<(), Failure> {
    let kalshi = &config.kalshi;
    if kalshi.execution_mode == ExecutionMode::Paper {
        return Err(Failure::failed(
            "--adopt-key: a paper database belongs to no key; give --execution-mode live as well.",
        ));
    }
    let stamp = Stamp::new(kalshi.execution_mode, kalshi.environment, &kalshi.api_key_id);
    SqliteStore::adopt_key(&config.database.url, &stamp, old_key, now)
        .map_err(|error| Failure::failed(format!("database: {error}.")))?;
    Ok(())
}

/// The leaderboard's source.
///
/// # Errors
/// [`Failure`] when an address cannot be used.
pub(crate) fn leaderboard_source(config: &Config, clock: Arc<dyn Clock>) -> Result<HttpSource, Failure> {
    let arena = &config.arena_monitor;
    let settings = HttpSourceSettings {
        timeout: Duration::from_secs(arena.request_timeout_seconds),
        ..HttpSourceSettings::default()
    };
    HttpSource::new(&arena.primary_url, &arena.fallback_urls, settings, clock)
        .map_err(|error| Failure::failed(format!("configuration: arena_monitor: {error}.")))
}

/// What differs between real and virtual time.
pub(crate) struct Surroundings {
    /// Whether order effects are carried out beside the loop, as real time needs, or where they arise.
    pub(crate) beside: bool,
    /// Which placements may be sent at most.
    pub(crate) widest: Gate,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) pause: Arc<dyn Pause>,
    pub(crate) new_database_id: NewDatabaseId,
    pub(crate) rate_limits: RateLimits,
    /// How often commands of other processes and the `HALT` file are looked for.
    pub(crate) control_every: TimeDelta,
    /// Spreads polls.
    pub(crate) jitter_seed: u64,
    /// Further looks at what passes through the core.
    pub(crate) watchers: Vec<Box<dyn Watcher>>,
    /// Where the journal is written, instead of where the configuration says.
    pub(crate) journal: Option<PathBuf>,
    /// Whether the exchange's stream may be used. In virtual time only requests move the world, so there it is not.
    pub(crate) streams: bool,
}

impl Surroundings {
    /// This machine, in real time.
    pub(crate) fn real() -> Self {
        Self {
            beside: true,
            widest: Gate::Open,
            clock: Arc::new(SystemClock::new()),
            pause: Arc::new(TimerPause),
            new_database_id: NewDatabaseId::Random,
            rate_limits: RateLimits::BASIC,
            control_every: TimeDelta::milliseconds(200),
            jitter_seed: exchange::jitter_seed(),
            watchers: Vec::new(),
            journal: None,
            streams: true,
        }
    }
}

/// Joins everything for `run`.
///
/// # Errors
/// [`Failure`] with the part that cannot be used.
pub(crate) async fn assemble(config: &Config, surroundings: Surroundings) -> Result<Process, Failure> {
    let store = open_store(
        config,
        surroundings.new_database_id.clone(),
        Arc::clone(&surroundings.clock),
    )?;
    assemble_on(config, Arc::new(store), surroundings).await
}

/// Joins everything on a database that is open already.
///
/// # Errors
/// [`Failure`] with the part that cannot be used.
pub(crate) async fn assemble_on(
    config: &Config,
    store: Arc<SqliteStore>,
    surroundings: Surroundings,
) -> Result<Process, Failure> {
    let clock = surroundings.clock;
    info!(event = "database_initialized", url = config.database.url);
    let closes_only = surroundings.widest == Gate::FlattenOnly;
    let live = live_guard::admit(config, closes_only).inspect_err(|refusal| {
        error!(event = "live_execution_refused", detail = %refusal);
    })?;
    let restored = store
        .restore()
        .await
        .map_err(|error| Failure::failed(format!("database: {error}.")))?;
    let client = Arc::new(exchange_client(
        config,
        surroundings.rate_limits,
        Arc::clone(&clock),
    )?);
    info!(
        event = "kalshi_client_connected",
        environment = %config.kalshi.environment,
        base_url = config.kalshi.effective_base_url(),
    );
    if client.has_key() {
        exchange::tend_account(Arc::clone(&client));
    }
    let paper = paper_gateway(config, &restored, &clock)?;
    let (gateway, account): (Arc<dyn OrderGateway>, Arc<dyn AccountSource>) = match &paper {
        Some(paper) => (paper.clone(), paper.clone()),
        None => (client.clone(), client.clone()),
    };
    let executor = Arc::new(Executor::new(
        gateway,
        Arc::clone(&account),
        store.clone(),
        Arc::clone(&clock),
        surroundings.pause,
        ExecutionSettings::default(),
    ));
    // In virtual time a task that runs beside would make equal seeds differ.
    if surroundings.streams && paper.is_none() {
        exchange::tend_group(config, &client, &executor);
    }
    let (notifier, discord) = notifier(config)?;
    if let Some(live) = &live {
        live.announce(config, store.as_ref(), notifier.as_ref(), clock.now())
            .await?;
    }
    let scope = scope(config, store.database_id());
    let opening = restored.opening_cash.unwrap_or(config.kalshi.paper_balance.0);
    let mut engine = core(config, scope.clone(), opening)?;
    let closes = surroundings.widest != Gate::Open;
    let recorder = journal::recorder(config, surroundings.journal, &scope, closes, &mut engine)?;
    let series = series(config)?;
    let (market_data, stream) = if surroundings.streams {
        exchange::streamed(config, client, &series, Arc::clone(&clock))?
    } else {
        (client as Arc<dyn MarketData>, Stream::none())
    };
    let silence = silence_left(&store, clock.now())?;
    let ports = Ports {
        clock: Arc::clone(&clock),
        source: Arc::new(leaderboard_source(config, Arc::clone(&clock))?),
        market_data,
        executor,
        account,
        notifier: Arc::clone(&notifier),
        paper,
        ledger: store.clone(),
        control: store,
        series,
        halt_file: PathBuf::from(&config.risk.global.halt_file),
    };
    let schedule = Schedule::starting(
        clock.now(),
        rhythm(config, surroundings.control_every),
        surroundings.jitter_seed,
    );
    let mut watchers = watchers(config, notifier);
    watchers.extend(surroundings.watchers);
    let orders = if surroundings.beside {
        Orders::beside(QueueLimits {
            at_once: config.kalshi.max_concurrent_orders as usize,
            longest_wait: LONGEST_WAIT_OF_ORDERS,
        })
    } else {
        Orders::Inline
    };
    let first_start = restored.opening_cash.is_none();
    let mut runner = runner(config, engine, ports, orders, (surroundings.widest, first_start));
    runner.watchers = watchers;
    runner.recorder = recorder;
    if let Some(silence) = silence {
        runner.be_quiet(silence);
    }
    Ok(Process {
        runner,
        schedule,
        stream,
        restored,
        config: config.clone(),
        discord,
    })
}

fn scope(config: &Config, database_id: &str) -> AccountScope {
    AccountScope {
        environment: config.kalshi.environment,
        mode: config.kalshi.execution_mode,
        account: config.kalshi.api_key_id.clone(),
        database_id: database_id.to_owned(),
    }
}

/// The core: signals, strategy and risk as configured, on an account that was opened with so much cash.
fn core(config: &Config, scope: AccountScope, opening: Money) -> Result<Engine, Failure> {
    let strategy = LeaderboardAlpha::new(strategy_params(config)?)
        .map_err(|error| Failure::failed(format!("configuration: {error}")))?;
    Ok(Engine::new(
        engine_settings(scope),
        Box::new(VintageKeeper::new(vintage_settings(config))),
        Box::new(strategy),
        RiskEngine::new(limits(config, opening)),
        opening,
    ))
}

/// A core that goes on from a recorded state, as configured.
///
/// # Errors
/// [`Failure`] with the key that cannot be used, or when the state cannot be taken up.
pub(crate) fn core_from(config: &Config, scope: AccountScope, snapshot: Snapshot) -> Result<Engine, Failure> {
    let strategy = LeaderboardAlpha::new(strategy_params(config)?)
        .map_err(|error| Failure::failed(format!("configuration: {error}")))?;
    let risk = RiskEngine::new(limits(config, snapshot.opening_cash()));
    let signals = Box::new(VintageKeeper::new(vintage_settings(config)));
    Engine::from_snapshot(
        engine_settings(scope),
        signals,
        Box::new(strategy),
        risk,
        snapshot,
    )
    .map_err(|error| Failure::failed(format!("the recorded state cannot be taken up: {error}.")))
}

/// The run loop's body before anything happened.
fn runner(
    config: &Config,
    engine: Engine,
    ports: Ports,
    orders: Orders,
    (widest, first_start): (Gate, bool),
) -> Runner {
    let limits_of = config.clone();
    Runner {
        engine,
        ports,
        reader: Box::new(PageReader::new(gate_settings(config))),
        watchers: Vec::new(),
        max_consecutive_failures: config.arena_monitor.max_consecutive_failures,
        failures: 0,
        unsaved: Vec::new(),
        orders,
        latest: LatestSteps::default(),
        follow: Follow::default(),
        wishes: Vec::new(),
        exchange: None,
        health: Health::default(),
        widest,
        quiet_until: None,
        sees_markets: false,
        flatten_later: None,
        first_start,
        limits_for: Box::new(move |opening| limits(&limits_of, opening)),
        recorder: None,
        asked: Asked::default(),
    }
}

/// How long the silence after the last account-wide cancel still lasts: a restart does not end it.
fn silence_left(store: &SqliteStore, now: DateTime<Utc>) -> Result<Option<Duration>, Failure> {
    let recent = Filter {
        since: Some(now - SILENCE),
        ..Filter::default()
    };
    let commands = store
        .history()
        .commands(&recent)
        .map_err(|error| Failure::failed(format!("database: {error}.")))?;
    let canceled = commands.iter().rev().find_map(|record| match record.command {
        autotrader_domain::Command::CancelAccount { .. } => record.settled_at.or(record.acknowledged_at),
        _ => None,
    });
    Ok(canceled.and_then(|at| (at + SILENCE - now).to_std().ok()))
}

/// How old a decision may be when its order is sent: prices move, and what is wanted is decided again within a second.
const LONGEST_WAIT_OF_ORDERS: Duration = Duration::from_secs(5);

/// What every core of this program is told.
pub(crate) fn engine_settings(scope: AccountScope) -> EngineSettings {
    EngineSettings {
        scope,
        evaluation_interval: TimeDelta::seconds(1),
        cooldown: TimeDelta::seconds(60),
    }
}

fn paper_gateway(
    config: &Config,
    restored: &Restored,
    clock: &Arc<dyn Clock>,
) -> Result<Option<Arc<PaperGateway>>, Failure> {
    if config.kalshi.execution_mode == ExecutionMode::Live {
        return Ok(None);
    }
    let latency = i64::try_from(config.kalshi.paper_latency_milliseconds).unwrap_or(i64::MAX);
    let settings = PaperSettings {
        latency: TimeDelta::milliseconds(latency),
        bankroll: config.kalshi.paper_balance.0,
        ..PaperSettings::default()
    };
    let paper = PaperGateway::new(settings, Arc::clone(clock));
    paper
        .restore(restored)
        .map_err(|error| Failure::failed(format!("database: {error}.")))?;
    Ok(Some(Arc::new(paper)))
}

pub(crate) type Notifiers = (Arc<dyn Notifier>, Option<Arc<DiscordNotifier>>);

/// Where alerts go: Discord when it is configured, else the log. Needs a runtime.
///
/// # Errors
/// [`Failure`] when the webhook's address cannot be used.
pub(crate) fn notifier(config: &Config) -> Result<Notifiers, Failure> {
    if !config.discord.enabled {
        return Ok((Arc::new(LogNotifier), None));
    }
    let settings = DiscordSettings::default();
    let discord = DiscordNotifier::start(
        config.discord.webhook_url.clone(),
        settings,
        &tokio::runtime::Handle::current(),
    )
    .map_err(|error| Failure::failed(format!("configuration: discord.webhook_url: {error}.")))?;
    let discord = Arc::new(discord);
    let both: Vec<Arc<dyn Notifier>> = vec![Arc::new(LogNotifier), discord.clone()];
    Ok((Arc::new(Fanout::new(both)), Some(discord)))
}

fn watchers(config: &Config, notifier: Arc<dyn Notifier>) -> Vec<Box<dyn Watcher>> {
    vec![
        Box::new(LogWatcher),
        Box::new(AlertWatcher {
            notifier,
            trades: config.discord.alert_on_trades,
            signals: config.discord.alert_on_signals,
            errors: config.discord.alert_on_errors,
            large_trade: config.discord.large_trade_threshold.0,
        }),
    ]
}

fn rhythm(config: &Config, control: TimeDelta) -> Rhythm {
    let arena = &config.arena_monitor;
    Rhythm {
        control,
        markets: seconds(config.kalshi.market_refresh_seconds),
        books: seconds(config.kalshi.book_poll_seconds),
        page: seconds(arena.poll_interval_seconds),
        page_jitter: seconds(arena.poll_jitter_seconds),
        account: seconds(config.kalshi.book_poll_seconds.max(5)),
        reconcile: seconds(config.risk.global.reconciliation_interval_seconds),
    }
}
