//! What operators and the exchange do in a demo at fixed times.

use std::sync::Arc;

use autotrader_config::Config;
use autotrader_domain::Command;
use autotrader_domain::ports::Clock;
use autotrader_risk::Cause;
use autotrader_simulator::SimulatedWorld as _;
use autotrader_state::CommandDesk;
use chrono::{DateTime, TimeDelta, Utc};

use super::Stage;
use crate::Failure;
use crate::cli::DemoArgs;
use crate::run::Runner;

/// Days after which the drill repeats.
const CYCLE_DAYS: u32 = 3;

/// Hours between two looks of the operator at what stands.
const LOOKS_EVERY: i64 = 2;

/// How long before the end nothing goes wrong any more, so that what is open can come to rest.
const CALM: TimeDelta = TimeDelta::hours(2);

/// Something that happens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Act {
    /// A command of another process.
    Command(Command),
    /// The operator resumes every cause that stands and waits for a person, apart from his own.
    ResumeWhatStands,
    /// The exchange stops or begins to answer orders.
    Exchange(bool),
    /// The exchange stops or begins to take new orders.
    Trading(bool),
    /// Faults end.
    Calm,
}

/// What happens when, in order of time.
pub(crate) fn plan(args: &DemoArgs, start: DateTime<Utc>, end: DateTime<Utc>) -> Vec<(DateTime<Utc>, Act)> {
    let calm = end - CALM;
    let mut plan = Vec::new();
    if args.drill {
        for day in (0..args.days).step_by(CYCLE_DAYS as usize) {
            let first = start + TimeDelta::days(day.into());
            plan.extend(cycle().map(|(hour, act)| (first + TimeDelta::hours(hour), act)));
        }
        let hours = (end - start).num_hours();
        let looks = (1..=hours / LOOKS_EVERY).map(|look| start + TimeDelta::hours(look * LOOKS_EVERY));
        plan.extend(looks.map(|at| (at, Act::ResumeWhatStands)));
    }
    // Nothing that begins is left without its end.
    plan.retain(|(at, act)| *at < calm || *act == Act::ResumeWhatStands);
    if args.drill {
        let causes = [Cause::OperatorHalt, Cause::OperatorReduce];
        plan.extend(causes.map(|cause| (calm, Act::Command(resume(cause)))));
        plan.extend([(calm, Act::Exchange(true)), (calm, Act::Trading(true))]);
    }
    if args.faults.is_some() {
        plan.push((calm, Act::Calm));
    }
    plan.retain(|(at, _)| *at > start && *at < end);
    plan.sort_by_key(|(at, _)| *at);
    plan
}

fn resume(cause: Cause) -> Command {
    Command::Resume {
        cause: cause.code().to_owned(),
    }
}

/// One cycle, by hour.
fn cycle() -> impl Iterator<Item = (i64, Act)> {
    let reason = || "drill".to_owned();
    [
        (10, Act::Exchange(false)),
        (11, Act::Exchange(true)),
        (15, Act::Command(Command::Halt { reason: reason() })),
        (17, Act::Command(resume(Cause::OperatorHalt))),
        (27, Act::Command(Command::Reduce { reason: reason() })),
        (29, Act::Command(resume(Cause::OperatorReduce))),
        (35, Act::Trading(false)),
        (36, Act::Trading(true)),
        (43, Act::Command(Command::CancelAll { reason: reason() })),
        (51, Act::Command(Command::Flatten { reason: reason() })),
        (54, Act::Command(resume(Cause::OperatorHalt))),
    ]
    .into_iter()
}

/// Lets something happen.
///
/// # Errors
/// [`Failure`] when the database takes no commands.
pub(crate) fn carry_out(
    act: Act,
    stage: &Stage,
    config: &Config,
    runner: &Runner,
    at: DateTime<Utc>,
) -> Result<(), Failure> {
    match act {
        Act::Command(command) => submit(config, runner, &[command]),
        Act::ResumeWhatStands => {
            let own = [Cause::OperatorHalt, Cause::OperatorReduce];
            let standing: Vec<Command> = Cause::ALL
                .into_iter()
                .filter(|cause| runner.engine.risk().causes().stands(*cause))
                .filter(|cause| !cause.releases_itself() && !own.contains(cause))
                .map(resume)
                .collect();
            submit(config, runner, &standing)
        }
        Act::Exchange(active) => {
            stage.world().exchange().set_exchange_active(active, at);
            Ok(())
        }
        Act::Trading(active) => {
            stage.world().exchange().set_trading_active(active, at);
            Ok(())
        }
        Act::Calm => {
            stage.desk().clear();
            Ok(())
        }
    }
}

/// Asks as another process would.
fn submit(config: &Config, runner: &Runner, commands: &[Command]) -> Result<(), Failure> {
    if commands.is_empty() {
        return Ok(());
    }
    let failed = |error: String| Failure::failed(format!("database: {error}."));
    let clock: Arc<dyn Clock> = runner.ports.clock.clone();
    let desk = CommandDesk::open(&config.database.url, clock).map_err(|error| failed(error.to_string()))?;
    for command in commands {
        desk.submit(command, "drill")
            .map_err(|error| failed(error.to_string()))?;
    }
    Ok(())
}
