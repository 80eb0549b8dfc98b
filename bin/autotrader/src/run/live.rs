//! Real time: everything that may wait for the outside runs beside the loop, the core takes the results one by one.
//!
//! The loop itself waits only for the database, so that a command or the `HALT` file is seen within a beat whatever the
//! exchange does.

use std::time::Duration;

use autotrader_domain::Monotonic;
use autotrader_engine::Event;
use tracing::{error, info, warn};

use super::fetch::{self, Brought};
use super::jobs::{Jobs, Task};
use super::runner::{Runner, Wish};
use super::schedule::{Job, Schedule};
use super::stop::Stop;
use super::stream::Stream;
use crate::Failure;

/// How long leaving may take: answers that are awaited, and orders that are withdrawn. With the last alerts and the
/// runtime's end it stays below the ten seconds that a container is given.
const DRAIN: Duration = Duration::from_secs(6);

/// The longest time between two looks around: a wall clock that is set back must not put the loop to sleep.
const LONGEST_WAIT: Duration = Duration::from_secs(1);

/// The time between two looks around before the account is known.
const WHILE_STARTING: Duration = Duration::from_millis(100);

/// The parts of a process that the loop drives.
pub(crate) struct Parts<'a> {
    pub(crate) runner: &'a mut Runner,
    pub(crate) schedule: &'a mut Schedule,
    pub(crate) stream: &'a mut Stream,
}

/// What the loop runs for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Aim {
    /// To trade until it is asked to stop.
    Trade,
    /// To carry out the commands that wait, and no longer than this.
    Errand(Duration),
}

/// What the loop knows between two beats.
struct Beat<'a> {
    runner: &'a mut Runner,
    schedule: &'a mut Schedule,
    jobs: Jobs,
    aim: Aim,
    began: Monotonic,
    /// Until our books were first held against the venue's.
    starting: bool,
    /// A reconciliation that waits for its turn, with the commands that asked for it.
    wanted: Option<Vec<i64>>,
    /// The commands that asked for the reconciliation under way.
    asked_by: Vec<i64>,
}

/// Runs until it is asked to stop or has done its errand, then drains.
///
/// # Errors
/// [`Failure`] when the core or a job fails in a way that must stop the process, or, when it is to trade, the account
/// cannot be reconciled at the start: nothing may be traded on books that are not known.
pub(crate) async fn run_until(parts: Parts<'_>, stop: &mut Stop, aim: Aim) -> Result<(), Failure> {
    let Parts {
        runner,
        schedule,
        stream,
    } = parts;
    let began = runner.ports.clock.monotonic();
    let mut beat = Beat {
        runner,
        schedule,
        jobs: Jobs::default(),
        aim,
        began,
        starting: true,
        wanted: Some(Vec::new()),
        asked_by: Vec::new(),
    };
    let outcome = beat.go_on(stream, stop).await;
    match &outcome {
        Ok(reason) => info!(event = "autotrader_stopping", reason),
        Err(failure) => error!(event = "autotrader_failing", detail = %failure),
    }
    beat.jobs.abort();
    let drained = drain(beat.runner, aim).await;
    outcome.map(drop).and(drained)
}

impl Beat<'_> {
    /// Does what is due and takes what comes, until it is asked to stop or the errand is done; gives the reason.
    async fn go_on(&mut self, stream: &mut Stream, stop: &mut Stop) -> Result<&'static str, Failure> {
        loop {
            self.start_due().await?;
            self.start_wishes();
            self.start_reconciliation();
            // Nothing is placed on books that were not yet held against the venue's.
            self.runner.start_orders(self.starting).await?;
            if let Some(reason) = self.errand_ended() {
                return Ok(reason);
            }
            let wait = self.until_next();
            tokio::select! {
                biased;
                reason = stop.asked() => return Ok(reason),
                brought = self.jobs.next() => self.absorb(brought?).await?,
                performed = self.runner.orders.next() => {
                    self.runner.absorb_order(performed).await?;
                    self.runner.pass(Event::Timer).await?;
                }
                job = stream.next() => self.schedule.pull_forward(job, self.runner.ports.clock.now()),
                () = tokio::time::sleep(wait) => {}
            }
        }
    }

    fn until_next(&self) -> Duration {
        if self.starting {
            return WHILE_STARTING;
        }
        let wait = self.schedule.next_due().map_or(LONGEST_WAIT, |next| {
            (next - self.runner.ports.clock.now())
                .to_std()
                .unwrap_or(Duration::ZERO)
        });
        wait.min(LONGEST_WAIT)
    }

    /// Starts what is due. Before the account is known only commands are heard.
    async fn start_due(&mut self) -> Result<(), Failure> {
        let now = self.runner.ports.clock.now();
        let due = if self.starting {
            let control = self.schedule.take_alone(Job::Control, now);
            if control { vec![Job::Control] } else { Vec::new() }
        } else {
            self.schedule.take_due(now)
        };
        for job in due {
            let ports = self.runner.ports.clone();
            let task = Task::Job(job);
            match job {
                Job::Control => self.control().await?,
                Job::Account => self.start_account(),
                Job::Reconcile => {
                    self.wanted.get_or_insert_default();
                }
                Job::Page => self.jobs.start(task, fetch::page(ports)),
                Job::Books => {
                    let watched = self.runner.engine.watched(now);
                    self.jobs.start(task, fetch::books(ports, watched));
                }
                Job::Markets => {
                    let closed = self.runner.awaiting_settlement();
                    let undecided = self.runner.undecided();
                    self.jobs.start(task, fetch::markets(ports, closed, undecided));
                }
            }
        }
        Ok(())
    }

    async fn control(&mut self) -> Result<(), Failure> {
        self.runner.control().await?;
        self.runner.settle_overdue().await?;
        let now = self.runner.ports.clock.monotonic();
        // A flatten needs markets and books, and nothing can be confirmed before the account is known.
        if !self.starting
            && !self.jobs.runs(Task::ReadBack)
            && let Some(since) = self.runner.follow.look_due(now)
        {
            let ports = self.runner.ports.clone();
            self.jobs.start(Task::ReadBack, fetch::read_back(ports, since));
        }
        Ok(())
    }

    /// Reads the account, unless it is read already.
    fn start_account(&mut self) {
        if self.wanted.is_none() && !self.jobs.runs(Task::Job(Job::Reconcile)) {
            let ports = self.runner.ports.clone();
            self.jobs.start(Task::Job(Job::Account), fetch::account(ports));
        }
    }

    fn start_wishes(&mut self) {
        for wish in std::mem::take(&mut self.runner.wishes) {
            let ports = self.runner.ports.clone();
            match wish {
                Wish::Account => self.start_account(),
                Wish::Reconcile(command) => self.wanted.get_or_insert_default().extend(command),
                Wish::Resolve {
                    command,
                    client_order_id,
                    resend,
                } => {
                    let work = fetch::resolve_unknown(ports, command, client_order_id, resend);
                    self.jobs.start(Task::Command(command), work);
                }
                Wish::CancelAccount(command) => {
                    self.jobs
                        .start(Task::Command(command), fetch::cancel_account(ports));
                }
            }
        }
    }

    /// Starts the reconciliation that is wanted when the account is not being read already.
    fn start_reconciliation(&mut self) {
        if self.jobs.runs(Task::Job(Job::Account)) || self.jobs.runs(Task::Job(Job::Reconcile)) {
            return;
        }
        let Some(commands) = self.wanted.take() else {
            return;
        };
        self.asked_by = commands;
        let work = fetch::reconcile(self.runner.ports.clone());
        self.jobs.start(Task::Job(Job::Reconcile), work);
    }

    async fn absorb(&mut self, brought: Brought) -> Result<(), Failure> {
        match brought {
            Brought::Reconciled(result) => {
                let result = self.runner.absorb_reconciliation(*result).await?;
                for command in std::mem::take(&mut self.asked_by) {
                    self.runner.settle_reconciled(command, &result).await?;
                }
                if self.starting {
                    self.started(&result)?;
                    self.runner.cancel_what_a_halt_left().await?;
                }
            }
            Brought::Markets { .. } => {
                let listed = brought.lists_markets();
                self.runner.absorb(brought).await?;
                self.runner.sees_markets |= listed && !self.starting;
                self.runner.flatten_now().await?;
            }
            brought => self.runner.absorb(brought).await?,
        }
        self.runner.pass(Event::Timer).await
    }

    fn started(&mut self, result: &autotrader_execution::Reconciliation) -> Result<(), Failure> {
        self.starting = false;
        if result.complete {
            return Ok(());
        }
        let why = result
            .failure
            .clone()
            .unwrap_or_else(|| "no reason given".to_owned());
        let why = format!("The account could not be reconciled at start: {why}");
        match self.aim {
            Aim::Trade => Err(Failure::failed(why)),
            // Taking orders off the book and closing needs no complete agreement.
            Aim::Errand(_) => {
                warn!(event = "errand_without_reconciliation", detail = why);
                Ok(())
            }
        }
    }

    /// Why an errand is over.
    fn errand_ended(&self) -> Option<&'static str> {
        let Aim::Errand(longest) = self.aim else {
            return None;
        };
        let elapsed = self.runner.ports.clock.monotonic().since(self.began);
        if elapsed >= longest {
            return Some("the time for the command is over");
        }
        let done = !self.starting
            && self.runner.follow.is_settled()
            && self.runner.wishes.is_empty()
            && self.wanted.is_none()
            && self.asked_by.is_empty()
            && !self.jobs.run_commands();
        done.then_some("the command is carried out")
    }
}

/// Whoever stops the process must hear of an order of which nobody knows yet what became of it.
fn say_what_is_open(runner: &Runner) {
    let open = &runner.engine.account().portfolio.open_orders;
    if !open.is_empty() {
        let orders: Vec<String> = open.keys().map(ToString::to_string).collect();
        warn!(
            event = "drain_incomplete",
            orders = orders.join(" "),
            detail = "these orders are not known to have ended; the next start finds out what became of them"
        );
    }
}

/// Takes back what waits, takes off the book what rests, and waits for what is on the wire: nothing may be left behind,
/// however the end came.
async fn drain(runner: &mut Runner, aim: Aim) -> Result<(), Failure> {
    runner.widest = super::queue::Gate::Shut;
    let left = tokio::time::timeout(DRAIN, async {
        if aim == Aim::Trade {
            runner.cancel_again(|_| true);
        }
        runner.start_orders(true).await?;
        while !runner.orders.are_idle() {
            let performed = runner.orders.next().await;
            let id = performed.id.clone();
            let placed = performed.kind == super::queue::Kind::Place;
            runner.absorb_order(performed).await?;
            if placed && aim == Aim::Trade {
                runner.cancel_again(|order| order.client_order_id == id);
            }
            runner.start_orders(true).await?;
        }
        Ok(())
    })
    .await;
    match left {
        Ok(Ok(())) => {}
        Ok(Err(failure)) => {
            let failure: Failure = failure;
            warn!(event = "drain_incomplete", detail = %failure);
        }
        Err(_) => warn!(
            event = "drain_incomplete",
            detail = "orders may still rest; the next start resolves them"
        ),
    }
    say_what_is_open(runner);
    runner
        .settle_rest("the process ended before it was confirmed")
        .await
}
