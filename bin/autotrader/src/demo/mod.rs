//! `demo`: the main job, live execution, against the stand-in exchange and leaderboard over loopback HTTP, in virtual
//! time. The clock moves only when nothing is in flight, so equal seeds give equal reports.

mod collector;
mod drill;
mod export;
mod report;

use std::collections::BTreeMap;
use std::path::Path;
use std::process::ExitCode;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use autotrader_config::{ApprovedRules, Config, Request};
use autotrader_domain::ports::AccountSource as _;
use autotrader_domain::{ExecutionMode, ManualClock};
use autotrader_execution::NoPause;
use autotrader_kalshi_api::RateLimits;
use autotrader_simulator::faults::FaultDesk;
use autotrader_simulator::server::{KeyFiles, ServerHandle, ServerOptions, SimKeys, Tier, spawn};
use autotrader_simulator::{INVENTED_LLM1_TIE_RULE, World, WorldOptions};
use autotrader_state::NewDatabaseId;
use autotrader_state::journal::segments;
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
    if let Some(directory) = &args.journal {
        refuse_another(directory)?;
    }
    let start = start_of_time();
    let end = start + TimeDelta::days(i64::from(args.days));
    let directory =
        tempfile::tempdir().map_err(|error| Failure::failed(format!("temporary directory: {error}.")))?;
    let clock = Arc::new(ManualClock::new(start));
    let stage = Stage::set(&args, start, clock.clone(), directory.path()).await?;
    let config = configuration(directory.path(), &stage, &args)?;
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
        journal: args.journal.clone(),
        streams: false,
    };
    let mut process = wiring::assemble(&config, surroundings).await?;
    process.start().await?;
    stage.begin_faults(&args);
    let plan = drill::plan(&args, start, end);
    for (at, act) in plan {
        run_to(&mut process.runner, &mut process.schedule, &clock, at).await?;
        clock.advance_to(at);
        drill::carry_out(act, &stage, &config, &process.runner, at)?;
    }
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
            faults: args.faults.as_ref().map(|_| stage.desk().fired()),
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
    faults: Arc<Mutex<FaultDesk>>,
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
        let mut world = World::demo(&WorldOptions {
            seed: args.seed,
            start,
            days: args.days,
            tweak_row: args.tweak_row,
        });
        if args.drill {
            world.keep_weekly_maintenance();
        }
        let trader = world.trader();
        let world = Arc::new(Mutex::new(world));
        let listener = TcpListener::bind(("127.0.0.1", 0))
            .await
            .map_err(|error| failed(error.to_string()))?;
        let options = ServerOptions {
            keys: vec![(keys.api_key(), trader)],
            limits: Some(Tier::UNLIMITED),
            faults: FaultDesk::new(args.fault_seed),
            ..ServerOptions::default()
        };
        let server = spawn(listener, world.clone(), clock, options, std::future::pending())
            .map_err(|error| failed(error.to_string()))?;
        Ok(Self {
            faults: server.faults(),
            server,
            world,
            key,
            key_id: keys.key_id().to_owned(),
        })
    }

    fn desk(&self) -> MutexGuard<'_, FaultDesk> {
        self.faults.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn world(&self) -> MutexGuard<'_, World> {
        self.world.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Lets the faults begin. What happens at the start of the process may run beside the loop, and faults that are drawn by
    /// the order of requests would not be the same twice.
    fn begin_faults(&self, args: &DemoArgs) {
        if let Some(spec) = &args.faults {
            let mut desk = self.desk();
            for (kind, rule) in spec.rules() {
                desk.set_rule(*kind, rule.clone());
            }
        }
    }

    fn exchange_log(&self) -> Result<String, Failure> {
        let log = self.world().exchange_view().log().to_ndjson();
        log.map_err(|error| Failure::failed(format!("the exchange's log cannot be written: {error}.")))
    }
}

/// Where the demo differs from the built-in configuration.
const SETTINGS: [(&str, &str); 16] = [
    // Virtual days pass in seconds: five minutes between polls are what half a minute is in real time.
    ("arena_monitor.poll_interval_seconds", "300"),
    ("arena_monitor.poll_jitter_seconds", "0"),
    ("kalshi.book_poll_seconds", "300"),
    ("kalshi.market_refresh_seconds", "1800"),
    ("risk.global.reconciliation_interval_seconds", "21600"),
    // Six looks at the books in each life, the last in its last fifth: orders are renewed rather than left to expire.
    ("leaderboard_alpha.order_lifetime_minutes", "30"),
    ("leaderboard_alpha.max_book_age_seconds", "900"),
    ("leaderboard_alpha.max_feed_age_seconds", "1200"),
    // Many small positions and room for their swings, so that six days show every part at work.
    (
        "risk.per_strategy.leaderboard_alpha.max_position_per_contract",
        "40",
    ),
    (
        "risk.per_strategy.leaderboard_alpha.max_position_per_event",
        "120",
    ),
    ("risk.per_strategy.leaderboard_alpha.max_drawdown", "400"),
    ("risk.per_strategy.leaderboard_alpha.max_strategy_loss", "400"),
    ("risk.global.max_daily_loss_pct", "0.25"),
    // The faults that keep an answer back cost real time.
    ("kalshi.request_timeout_seconds", "1"),
    ("arena_monitor.request_timeout_seconds", "1"),
    ("kalshi.max_retries", "2"),
];

/// How many of the settings apply without faults as well.
const PLAIN: usize = 13;

/// A configuration key as its variable.
fn variable(key: &str) -> String {
    format!("AUTOTRADER__{}", key.to_ascii_uppercase().replace('.', "__"))
}

/// A demo begins at its own beginning of time: it cannot go on where another ended.
fn refuse_another(journal: &Path) -> Result<(), Failure> {
    if segments(journal).is_ok() {
        let place = journal.display();
        return Err(Failure::usage(format!(
            "{place} holds a journal already: name another directory by --journal."
        )));
    }
    Ok(())
}

/// The built-in configuration, pointed at the stand-in: live execution, slower polls, the invented rules approved.
fn configuration(directory: &Path, stage: &Stage, args: &DemoArgs) -> Result<Config, Failure> {
    let style = match args.entry_style {
        EntryStyleArg::Take => "take",
        EntryStyleArg::Rest => "rest",
    };
    let count = if args.faults.is_some() {
        SETTINGS.len()
    } else {
        PLAIN
    };
    let mut variables: BTreeMap<String, String> = SETTINGS
        .iter()
        .take(count)
        .map(|(key, value)| (variable(key), (*value).to_owned()))
        .collect();
    for (key, value) in &args.settings {
        variables.insert(variable(key), value.clone());
    }
    for (key, value) in [
        ("kalshi.api_key_id", stage.key_id.clone()),
        (
            "kalshi.private_key_path",
            stage.key.private_key.display().to_string(),
        ),
        ("kalshi.base_url", stage.server.base_url()),
        ("arena_monitor.primary_url", stage.server.leaderboard_url()),
        (
            "database.url",
            format!("sqlite:///{}", directory.join("demo.db").display()),
        ),
        ("leaderboard_alpha.entry_style", style.to_owned()),
    ] {
        variables.insert(variable(key), value);
    }
    let request = Request {
        directory: None,
        execution_mode: Some(ExecutionMode::Live),
        variables,
        working_directory: directory.to_owned(),
    };
    let mut config = autotrader_config::load(&request)?.config;
    config.arena_monitor.fallback_urls.clear();
    config.journal.enabled = false;
    config.risk.global.halt_file = directory.join("HALT").display().to_string();
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
