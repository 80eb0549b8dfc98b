//! From configuration to concrete adapters: the only place that names them all.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use autotrader_arena_signals::{
    DiffSettings, GateSettings, HttpSource, HttpSourceSettings, PageReader, VintageKeeper, VintageSettings,
};
use autotrader_config::{Config, EntryStyle, EventMode, Loaded, Request, environment_variables};
use autotrader_domain::ports::{AccountSource, Clock, Ledger, MarketData, Notifier, OrderGateway, Restored};
use autotrader_domain::{Contracts, ExecutionMode, Money, Price, SeriesTicker, Ticker};
use autotrader_engine::{AccountScope, Engine, EngineSettings};
use autotrader_execution::paper::{PaperGateway, PaperSettings};
use autotrader_execution::{ExecutionSettings, Executor, Pause, TimerPause};
use autotrader_kalshi_api::RateLimits;
use autotrader_monitoring::{DiscordNotifier, DiscordSettings, Fanout, LogNotifier};
use autotrader_risk::{EventExposureMode, Limits, RiskEngine};
use autotrader_state::{Filter, NewDatabaseId, OpenError, SqliteStore, Stamp};
use autotrader_strategy::params::{self, EstimatorKind};
use autotrader_strategy::{ApprovedRules, LeaderboardAlpha, Params};
use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Value, json};
use tracing::{error, info};

mod exchange;
mod live_guard;
mod process;

use crate::Failure;
use crate::cli::ConfigPlace;
use crate::clock::SystemClock;
use crate::run::{
    AlertWatcher, Follow, Gate, Health, LatestSteps, LogWatcher, Orders, Ports, QueueLimits, Rhythm, Runner,
    SILENCE, Schedule, Stream, Watcher,
};
pub(crate) use exchange::exchange_client;
pub(crate) use live_guard::Live;
pub(crate) use process::Process;

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

fn share_bp(share: f64) -> u32 {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "validated to lie in 0..=1"
    )]
    let bp = (share * 10_000.0).round() as u32;
    bp
}

/// The limits in force, given the balance that shares refer to.
pub(crate) fn limits(config: &Config, opening: Money) -> Limits {
    let (global, own) = (&config.risk.global, &config.risk.per_strategy.leaderboard_alpha);
    let daily = opening.fraction(i64::from(share_bp(global.max_daily_loss_pct)), 10_000);
    Limits {
        max_order_contracts: Contracts::whole(own.max_order_contracts),
        max_position_per_contract: Contracts::whole(own.max_position_per_contract),
        max_position_per_event: Contracts::whole(own.max_position_per_event),
        event_exposure_mode: match own.event_exposure_mode {
            EventMode::Gross => EventExposureMode::Gross,
            EventMode::Net => EventExposureMode::Net,
        },
        max_worst_state_loss: own.max_worst_state_loss.0,
        max_lab_exposure: own.max_lab_exposure.0,
        max_portfolio_exposure_bp: share_bp(global.max_portfolio_exposure_pct),
        // A limit of nothing would trip at once on an empty account: one micro-dollar is the least loss.
        max_daily_loss: daily.unwrap_or(Money::ZERO).max(Money::micros(1)),
        max_strategy_loss: own.max_strategy_loss.0,
        max_drawdown: own.max_drawdown.0,
        max_orders_per_minute: own.max_orders_per_minute,
        price_collar_raw: i64::from(own.price_collar_cents) * 100,
        max_feed_age: seconds(config.leaderboard_alpha.max_feed_age_seconds),
        max_board_age: seconds(config.leaderboard_alpha.max_board_age_days.saturating_mul(86_400)),
        max_book_age: seconds(config.leaderboard_alpha.max_book_age_seconds),
    }
}

/// The configured limits for people and scripts.
pub(crate) fn configured_limits(config: &Config) -> Value {
    let (global, own) = (&config.risk.global, &config.risk.per_strategy.leaderboard_alpha);
    json!({
        "max_portfolio_exposure_pct": global.max_portfolio_exposure_pct,
        "max_daily_loss_pct": global.max_daily_loss_pct,
        "kill_switch_enabled": global.kill_switch_enabled,
        "max_order_contracts": own.max_order_contracts,
        "max_position_per_contract": own.max_position_per_contract,
        "max_position_per_event": own.max_position_per_event,
        "event_exposure_mode": match own.event_exposure_mode { EventMode::Gross => "gross", EventMode::Net => "net" },
        "max_strategy_loss": own.max_strategy_loss.to_string(),
        "max_drawdown": own.max_drawdown.to_string(),
        "max_worst_state_loss": own.max_worst_state_loss.to_string(),
        "max_lab_exposure": own.max_lab_exposure.to_string(),
        "max_orders_per_minute": own.max_orders_per_minute,
        "price_collar_cents": own.price_collar_cents,
    })
}

/// The strategy's parameters, checked.
///
/// # Errors
/// [`Failure`] with the key that cannot be used.
#[expect(
    clippy::field_reassign_with_default,
    reason = "one line for each key reads better than nested updates"
)]
pub(crate) fn strategy_params(config: &Config) -> Result<Params, Failure> {
    let alpha = &config.leaderboard_alpha;
    let wrong = |key: &str, detail: String| {
        Failure::failed(format!("configuration: leaderboard_alpha.{key}: {detail}"))
    };
    let cents = |cents: u32| Price::from_cents(i64::from(cents)).unwrap_or(Price::ONE);
    let tickers = |key: &str, map: &std::collections::BTreeMap<String, String>| {
        map.iter()
            .map(|(ticker, name)| {
                Ok((
                    ticker.parse::<Ticker>().map_err(|e| wrong(key, e.to_string()))?,
                    name.clone(),
                ))
            })
            .collect::<Result<_, Failure>>()
    };
    let mut params = Params::default();
    params.estimator = match alpha.estimator.as_str() {
        "rank_table" => EstimatorKind::RankTable,
        "persistence" => EstimatorKind::Persistence,
        other => {
            return Err(wrong(
                "estimator",
                format!("`{other}` is not one of rank_table, persistence"),
            ));
        }
    };
    params.rank_table.preliminary_discount = alpha.preliminary_model_discount;
    params.pool.weight_at_rest = alpha.model_weight;
    params.pool.weight_fresh = alpha.news_weight;
    params.pool.news_half_life = minutes(alpha.news_half_life_minutes);
    params.min_edge_after_fees = cents(alpha.min_edge_after_fees_cents);
    params.sizing.kelly_fraction = alpha.kelly_fraction;
    let own = &config.risk.per_strategy.leaderboard_alpha;
    params.sizing.max_position_per_contract = Contracts::whole(own.max_position_per_contract);
    params.sizing.max_position_per_event = Contracts::whole(own.max_position_per_event);
    params.sizing.max_order = Contracts::whole(own.max_order_contracts);
    params.timing.entry_cutoff = TimeDelta::minutes(i64::from(alpha.entry_cutoff_minutes));
    params.timing.cancel_cutoff = TimeDelta::minutes(i64::from(alpha.cancel_cutoff_minutes));
    params.resting = params::RestingParams {
        style: match alpha.entry_style {
            EntryStyle::Take => params::EntryStyle::Take,
            EntryStyle::Rest => params::EntryStyle::Rest,
        },
        reprice_step: cents(alpha.reprice_step_cents),
        ..params.resting
    }
    .with_lifetime(TimeDelta::minutes(i64::from(alpha.order_lifetime_minutes)));
    params.guards.max_feed_age = seconds(alpha.max_feed_age_seconds);
    params.guards.max_board_age = seconds(alpha.max_board_age_days.saturating_mul(86_400));
    params.guards.max_book_age = seconds(alpha.max_book_age_seconds);
    params.guards.max_spread = cents(alpha.max_spread_cents);
    params.guards.max_gap = f64::from(alpha.max_model_market_gap_cents) / 100.0;
    params.mapping.model_overrides = tickers("model_ticker_overrides", &alpha.model_ticker_overrides)?;
    params.mapping.organization_overrides = tickers("org_ticker_overrides", &alpha.org_ticker_overrides)?;
    params.mapping.model_aliases.clone_from(&alpha.model_aliases);
    params.mapping.organization_aliases.clone_from(&alpha.org_aliases);
    params.mapping.suggestion_threshold = alpha.fuzzy_match_threshold;
    for rules in &alpha.approved_rules {
        let series = rules
            .series
            .parse()
            .map_err(|e: autotrader_domain::NameError| wrong("approved_rules", e.to_string()))?;
        let approved = ApprovedRules::new(series, rules.text.clone(), &rules.rule_set)
            .map_err(|error| wrong("approved_rules", error.to_string()))?;
        params.mapping.approved_rules.push(approved);
    }
    params
        .validate()
        .map_err(|error| Failure::failed(format!("configuration: {error}")))?;
    Ok(params)
}

fn seconds(seconds: u64) -> TimeDelta {
    TimeDelta::seconds(i64::try_from(seconds).unwrap_or(i64::MAX / 1_000))
}

fn minutes(minutes: f64) -> TimeDelta {
    #[expect(
        clippy::cast_possible_truncation,
        reason = "validated to be finite and at least zero; saturates"
    )]
    let millis = (minutes * 60_000.0) as i64;
    TimeDelta::milliseconds(millis.clamp(1, 31_536_000_000))
}

/// The series that are traded.
///
/// # Errors
/// [`Failure`] with the name that is not one.
pub(crate) fn series(config: &Config) -> Result<Vec<SeriesTicker>, Failure> {
    let parse = |name: &String| {
        name.parse().map_err(|error| {
            Failure::failed(format!(
                "configuration: leaderboard_alpha.target_series: {error}."
            ))
        })
    };
    config.leaderboard_alpha.target_series.iter().map(parse).collect()
}

/// The gate's settings.
pub(crate) fn gate_settings(config: &Config) -> GateSettings {
    GateSettings {
        min_rows: config.arena_monitor.min_rows as usize,
        ..GateSettings::default()
    }
}

/// The figures of the vintage rules.
pub(crate) fn vintage_settings(config: &Config) -> VintageSettings {
    let arena = &config.arena_monitor;
    VintageSettings {
        confirm_readings: arena.confirm_readings,
        confirm_apart: Duration::from_secs(arena.confirm_seconds),
        rollback_readings: arena.rollback_readings,
        rollback_after: Duration::from_secs(arena.rollback_minutes.saturating_mul(60)),
        poll_interval: Duration::from_secs(arena.poll_interval_seconds),
        max_consecutive_failures: arena.max_consecutive_failures,
        diff: DiffSettings {
            rank_cutoff: arena.signal_rank_cutoff,
            score_threshold: arena.score_shift_threshold,
            ..DiffSettings::default()
        },
        ..VintageSettings::default()
    }
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
    let params = strategy_params(config)?;
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
    let scope = AccountScope {
        environment: config.kalshi.environment,
        mode: config.kalshi.execution_mode,
        account: config.kalshi.api_key_id.clone(),
        database_id: store.database_id().to_owned(),
    };
    let opening = restored.opening_cash.unwrap_or(config.kalshi.paper_balance.0);
    let engine = Engine::new(
        engine_settings(scope),
        Box::new(VintageKeeper::new(vintage_settings(config))),
        Box::new(
            LeaderboardAlpha::new(params)
                .map_err(|error| Failure::failed(format!("configuration: {error}")))?,
        ),
        RiskEngine::new(limits(config, opening)),
        opening,
    );
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
    let runner = Runner {
        engine,
        ports,
        reader: Box::new(PageReader::new(gate_settings(config))),
        watchers,
        max_consecutive_failures: config.arena_monitor.max_consecutive_failures,
        failures: 0,
        unsaved: Vec::new(),
        orders: if surroundings.beside {
            Orders::beside(QueueLimits {
                at_once: config.kalshi.max_concurrent_orders as usize,
                longest_wait: LONGEST_WAIT_OF_ORDERS,
            })
        } else {
            Orders::Inline
        },
        latest: LatestSteps::default(),
        follow: Follow::default(),
        wishes: Vec::new(),
        exchange: None,
        health: Health::default(),
        widest: surroundings.widest,
        quiet_until: None,
        sees_markets: false,
        flatten_later: None,
        first_start: restored.opening_cash.is_none(),
        limits_for: {
            let config = config.clone();
            Box::new(move |opening| limits(&config, opening))
        },
    };
    let mut runner = runner;
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
