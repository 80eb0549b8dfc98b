//! `demo`: the main job, live execution, against the stand-in exchange and leaderboard over loopback HTTP, in virtual
//! time. The clock moves only when nothing is in flight, so equal seeds give equal reports.

mod collector;
mod export;
mod report;

use std::path::Path;
use std::process::ExitCode;
use std::sync::{Arc, Mutex, PoisonError};

use autotrader_config::{ApprovedRules, Config, Dollars, EntryStyle, Request};
use autotrader_domain::ports::AccountSource as _;
use autotrader_domain::{ExecutionMode, ManualClock, Money};
use autotrader_execution::NoPause;
use autotrader_kalshi_api::RateLimits;
use autotrader_simulator::server::{KeyFiles, ServerHandle, ServerOptions, SimKeys, Tier, spawn};
use autotrader_simulator::{INVENTED_LLM1_TIE_RULE, World, WorldOptions};
use autotrader_state::NewDatabaseId;
use chrono::{DateTime, TimeDelta, TimeZone as _, Utc};
use serde_json::Value;
use tokio::net::TcpListener;

use crate::cli::{DemoArgs, EntryStyleArg};
use crate::run::{Gate, run_to};
use crate::{Failure, output, wiring};
use collector::Collector;
use report::{Facts, report};

/// Where virtual time starts: a Monday, so that the weekly checks fall inside the run.
fn start_of_time() -> DateTime<Utc> {
    Utc.with_ymd_and_hms(2026, 9, 21, 0, 0, 0)
        .single()
        .unwrap_or(DateTime::UNIX_EPOCH)
}

/// Runs the demo and prints its report.
///
/// # Errors
/// [`Failure`] when a part cannot start, or the books do not agree with the exchange's at the end.
pub(crate) async fn demo(args: DemoArgs) -> Result<ExitCode, Failure> {
    if let Some(directory) = &args.export {
        export::prepare(directory)?;
    }
    let start = start_of_time();
    let end = start + TimeDelta::days(i64::from(args.days));
    let directory =
        tempfile::tempdir().map_err(|error| Failure::failed(format!("temporary directory: {error}.")))?;
    let clock = Arc::new(ManualClock::new(start));
    let stage = Stage::set(&args, start, clock.clone(), directory.path()).await?;
    let config = configuration(directory.path(), &stage, args.entry_style)?;
    let collector = Collector::default();
    let surroundings = wiring::Surroundings {
        beside: false,
        widest: Gate::Open,
        clock: clock.clone(),
        pause: Arc::new(NoPause),
        new_database_id: NewDatabaseId::Given(format!("demo-{}", args.seed)),
        rate_limits: RateLimits::UNLIMITED,
        control_every: TimeDelta::minutes(5),
        jitter_seed: args.seed,
        watchers: vec![Box::new(collector.clone())],
        streams: false,
    };
    let mut process = wiring::assemble(&config, surroundings).await?;
    process.start().await?;
    run_to(&mut process.runner, &mut process.schedule, &clock, end).await?;
    let reconciliation = process.runner.reconcile().await?;
    let reader = wiring::exchange_client(&config, RateLimits::UNLIMITED, clock.clone())?;
    let exchange = reader
        .snapshot(start)
        .await
        .map_err(|error| Failure::failed(format!("the stand-in's account cannot be read: {error}.")))?;
    let value = {
        let collected = collector.look();
        let value = report(&Facts {
            seed: args.seed,
            days: args.days,
            engine: &process.runner.engine,
            collected: &collected,
            exchange: &exchange,
            differences: &reconciliation.differences,
        });
        if let Some(directory) = &args.export {
            export::write(directory, &collected, &stage.exchange_log()?)?;
        }
        value
    };
    process.finish().await;
    stage.server.stop().await;
    finish(&args, &value)
}

/// The stand-in, served, with the account's key on disk.
struct Stage {
    server: ServerHandle,
    world: Arc<Mutex<World>>,
    key: KeyFiles,
    key_id: String,
}

impl Stage {
    async fn set(
        args: &DemoArgs,
        start: DateTime<Utc>,
        clock: Arc<ManualClock>,
        directory: &Path,
    ) -> Result<Self, Failure> {
        let failed = |error: String| Failure::failed(format!("the stand-in cannot start: {error}."));
        let keys = SimKeys::from_seed(args.seed).map_err(|error| failed(error.to_string()))?;
        let key = keys
            .write_to(directory)
            .map_err(|error| failed(error.to_string()))?;
        let world = World::demo(&WorldOptions {
            seed: args.seed,
            start,
            days: args.days,
            tweak_row: args.tweak_row,
        });
        let trader = world.trader();
        let world = Arc::new(Mutex::new(world));
        let listener = TcpListener::bind(("127.0.0.1", 0))
            .await
            .map_err(|error| failed(error.to_string()))?;
        let options = ServerOptions {
            keys: vec![(keys.api_key(), trader)],
            limits: Some(Tier::UNLIMITED),
            ..ServerOptions::default()
        };
        let server = spawn(listener, world.clone(), clock, options, std::future::pending())
            .map_err(|error| failed(error.to_string()))?;
        Ok(Self {
            server,
            world,
            key,
            key_id: keys.key_id().to_owned(),
        })
    }

    fn exchange_log(&self) -> Result<String, Failure> {
        let world = self.world.lock().unwrap_or_else(PoisonError::into_inner);
        let log = world.exchange_view().log().to_ndjson();
        log.map_err(|error| Failure::failed(format!("the exchange's log cannot be written: {error}.")))
    }
}

/// The built-in configuration, pointed at the stand-in: live execution, slower polls, the invented rules approved.
fn configuration(directory: &Path, stage: &Stage, style: EntryStyleArg) -> Result<Config, Failure> {
    let request = Request {
        directory: None,
        execution_mode: Some(ExecutionMode::Live),
        variables: [
            ("AUTOTRADER__KALSHI__API_KEY_ID".to_owned(), stage.key_id.clone()),
            (
                "AUTOTRADER__KALSHI__PRIVATE_KEY_PATH".to_owned(),
                stage.key.private_key.display().to_string(),
            ),
            ("AUTOTRADER__KALSHI__BASE_URL".to_owned(), stage.server.base_url()),
            (
                "AUTOTRADER__ARENA_MONITOR__PRIMARY_URL".to_owned(),
                stage.server.leaderboard_url(),
            ),
            (
                "AUTOTRADER__DATABASE__URL".to_owned(),
                format!("sqlite:///{}", directory.join("demo.db").display()),
            ),
        ]
        .into(),
        working_directory: directory.to_owned(),
    };
    let mut config = autotrader_config::load(&request)?.config;
    // Virtual days pass in seconds: five minutes between polls are what half a minute is in real time.
    config.arena_monitor.poll_interval_seconds = 300;
    config.arena_monitor.poll_jitter_seconds = 0;
    config.arena_monitor.fallback_urls.clear();
    config.kalshi.book_poll_seconds = 300;
    config.kalshi.market_refresh_seconds = 1_800;
    config.risk.global.reconciliation_interval_seconds = 21_600;
    config.risk.global.halt_file = directory.join("HALT").display().to_string();
    config.leaderboard_alpha.entry_style = match style {
        EntryStyleArg::Take => EntryStyle::Take,
        EntryStyleArg::Rest => EntryStyle::Rest,
    };
    // Six looks at the books in each life, the last in its last fifth: orders are renewed rather than left to expire.
    config.leaderboard_alpha.order_lifetime_minutes = 30;
    config.leaderboard_alpha.max_book_age_seconds = 900;
    config.leaderboard_alpha.max_feed_age_seconds = 1_200;
    // Many small positions and room for their swings, so that six days show every part at work.
    let limits = &mut config.risk.per_strategy.leaderboard_alpha;
    limits.max_position_per_contract = 40;
    limits.max_position_per_event = 120;
    limits.max_drawdown = Dollars(Money::dollars(400));
    limits.max_strategy_loss = Dollars(Money::dollars(400));
    config.risk.global.max_daily_loss_pct = 0.25;
    config.leaderboard_alpha.approved_rules.push(ApprovedRules {
        series: "KXLLM1".to_owned(),
        text: INVENTED_LLM1_TIE_RULE.to_owned(),
        rule_set: "cascade".to_owned(),
    });
    Ok(config)
}

/// Prints the report; books that do not agree are a failure.
fn finish(args: &DemoArgs, value: &Value) -> Result<ExitCode, Failure> {
    if args.json {
        output::json(value)?;
    } else {
        print(value);
    }
    if value.get("reconciled").and_then(Value::as_bool) == Some(true) {
        Ok(ExitCode::SUCCESS)
    } else {
        Err(Failure::failed(
            "our books and the stand-in's differ; see `differences` in the report.",
        ))
    }
}

fn print(value: &Value) {
    let text = |key: &str| {
        value.pointer(key).map_or_else(
            || "-".to_owned(),
            |v| v.as_str().map_or_else(|| v.to_string(), str::to_owned),
        )
    };
    output::line(&format!(
        "{} virtual days with seed {}:",
        text("/days"),
        text("/seed")
    ));
    output::line(&format!(
        "  {} readings: {} boards accepted, {} held, {} refused; {} signals.",
        text("/readings"),
        text("/boards_accepted"),
        text("/boards_held"),
        text("/boards_refused"),
        text("/signals"),
    ));
    output::line(&format!(
        "  {} decisions, {} orders: {} entries and {} exits filled in {} fills; {} settlements.",
        text("/decisions"),
        text("/orders"),
        text("/entries"),
        text("/exits"),
        text("/fills"),
        text("/settlements"),
    ));
    output::line(&format!(
        "  cash {} of {}, equity {}; realised {}, unrealised {}, fees {}.",
        text("/cash"),
        text("/opening_cash"),
        text("/equity"),
        text("/pnl/realized"),
        text("/pnl/unrealized"),
        text("/pnl/fees"),
    ));
    output::line(&format!(
        "  books agree with the exchange's to the micro-dollar: {}.",
        text("/reconciled")
    ));
    output::line("  not traded because:");
    for (reason, count) in value
        .get("blocked_by")
        .and_then(Value::as_object)
        .into_iter()
        .flatten()
    {
        output::line(&format!("    {count:>6}  {reason}"));
    }
    output::line(&format!("  decision hash {}", text("/decision_hash")));
    output::line("The prices are invented: this shows that the machine works, not that it earns.");
}
