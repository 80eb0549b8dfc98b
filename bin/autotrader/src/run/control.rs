//! Operators' commands and the `HALT` file: taken up at once, confirmed by reading back.

use std::collections::BTreeSet;
use std::time::Duration;

use autotrader_domain::approvals::normalise;
use autotrader_domain::ports::{AccountSnapshot, CancelAccountOutcome, FeedError, StoreError};
use autotrader_domain::{
    Alert, ApprovalDecision, ClientOrderId, Command, CommandFinding, Monotonic, OrderState, Severity, Ticker,
};
use autotrader_engine::{Event, FlattenStage};
use autotrader_execution::{ExecutionSettings, Reconciliation, Verdict};
use autotrader_risk::{Cause, RiskState};
use chrono::TimeDelta;
use serde_json::json;
use tracing::{info, warn};

use super::confirm::{Evidence, judge};
use super::follow::Note;
use super::health::Change;
use super::runner::{Runner, Wish, store_failed};
use crate::Failure;

/// How long nothing is placed after an account-wide cancel. The exchange documents that orders placed during the minute
/// after the request may be cancelled as well.
pub(crate) const SILENCE: TimeDelta = TimeDelta::seconds(90);

/// The order in which compared items are told.
const fn rank(verdict: Verdict) -> u8 {
    match verdict {
        Verdict::Differs | Verdict::Foreign => 0,
        Verdict::Open => 1,
        Verdict::External => 2,
        Verdict::Agrees => 3,
    }
}

impl Runner {
    /// Takes up commands of other processes and looks for the `HALT` file. Never waits for the exchange.
    ///
    /// # Errors
    /// As [`Runner::pass`].
    pub(crate) async fn control(&mut self) -> Result<(), Failure> {
        self.look_for_halt_file().await?;
        let pending: Vec<(i64, Command)> = match self.ports.control.pending().await {
            Ok(pending) => pending,
            Err(error) => return self.pass(store_failed(&error)).await,
        };
        if self.write(Vec::new()).await.is_err() {
            return Ok(());
        }
        for (id, command) in pending {
            if !self.take_up(id, command).await? {
                // Carried out, but not durable: it is asked for again until it is.
                return Ok(());
            }
        }
        Ok(())
    }

    /// Any answer but "not found" counts as present: a file that cannot be ruled out halts. Its absence releases nothing.
    async fn look_for_halt_file(&mut self) -> Result<(), Failure> {
        let file = self.ports.halt_file.display();
        let detail = match std::fs::symlink_metadata(&self.ports.halt_file) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
            Ok(_) => format!("{file} exists"),
            Err(error) => format!("{file} cannot be ruled out: {error}"),
        };
        if self.engine.risk().causes().stands(Cause::HaltFile) && self.unsaved.is_empty() {
            return Ok(());
        }
        self.pass(Event::HaltFile { detail }).await
    }

    /// Carries one command out as far as the core does, and acknowledges it; `false` when it is not durable.
    async fn take_up(&mut self, id: i64, command: Command) -> Result<bool, Failure> {
        info!(event = "command_taken_up", id, command = ?command);
        let acted_at = self.ports.clock.now();
        let open = &self.engine.account().portfolio.open_orders;
        let asked_of: BTreeSet<ClientOrderId> = open.keys().cloned().collect();
        let stood = match &command {
            Command::Resume { cause } => cause
                .parse::<Cause>()
                .is_ok_and(|cause| self.engine.risk().causes().stands(cause)),
            _ => true,
        };
        match &command {
            // What is held and where it can be sold is known soon; that nothing else is placed cannot wait.
            Command::Flatten { reason } if !self.sees_markets => {
                self.flatten_later = Some(reason.clone());
                let reason = reason.clone();
                self.pass(Event::Command(Command::Halt { reason })).await?;
            }
            command => self.pass(Event::Command(command.clone())).await?,
        }
        if !self.unsaved.is_empty() {
            return Ok(false);
        }
        let state = format!("state is {:?}", self.engine.risk().state());
        let outcome = match &command {
            Command::Resume { cause } if !stood => format!("{cause} did not stand; {state}"),
            Command::CancelAll { .. } => format!("cancelling {} orders; {state}", asked_of.len()),
            Command::CancelAccount { .. } => format!("cancelling every order of the account; {state}"),
            Command::Flatten { .. } => format!("closing every position; {state}"),
            Command::ResolveUnknown { client_order_id, .. } => format!("resolving {client_order_id}"),
            Command::Reconcile => "reconciling".to_owned(),
            Command::Approve { approval, .. } => self.standing_of(approval),
            _ => state,
        };
        if let Err(error) = self.ports.control.acknowledge(id, &outcome).await {
            self.pass(store_failed(&error)).await?;
            return Ok(true);
        }
        match command {
            Command::Reduce { .. } | Command::Resume { .. } | Command::Approve { .. } => {
                self.settle(id, true, outcome, None).await?;
            }
            Command::Reconcile => self.wishes.push(Wish::Reconcile(Some(id))),
            Command::ResolveUnknown {
                client_order_id,
                resend,
            } => self.begin_resolving(id, client_order_id, resend).await?,
            command => {
                if matches!(command, Command::CancelAccount { .. }) {
                    self.be_quiet(SILENCE.to_std().unwrap_or_default());
                    self.wishes.push(Wish::CancelAccount(id));
                }
                let now = self.ports.clock.monotonic();
                self.follow.add(id, command, asked_of, acted_at, now);
            }
        }
        Ok(true)
    }

    /// What a decision about a name or a text led to, in words.
    fn standing_of(&self, decision: &ApprovalDecision) -> String {
        let mappings = self.engine.mappings();
        let told = |ticker: &Ticker| match mappings.get(ticker) {
            None => format!("{ticker} is not listed now"),
            Some(mapping) => match mapping.reasons.as_slice() {
                [] => format!("{ticker} may be entered"),
                reasons => {
                    let codes: Vec<&str> = reasons.iter().map(|reason| reason.code()).collect();
                    format!("{ticker} is blocked by {}", codes.join(", "))
                }
            },
        };
        match decision {
            ApprovalDecision::Mapping { ticker, .. } | ApprovalDecision::MappingRejected { ticker, .. } => {
                told(ticker)
            }
            ApprovalDecision::Rules { series, text, .. }
            | ApprovalDecision::RulesRevoked { series, text } => {
                let words = normalise(text);
                let bound: Vec<&Ticker> = self
                    .engine
                    .markets()
                    .values()
                    .filter(|market| market.series == *series && normalise(&market.rules_secondary) == words)
                    .map(|market| &market.ticker)
                    .collect();
                let open = bound.iter().filter(|ticker| {
                    mappings
                        .get(**ticker)
                        .is_some_and(|mapping| mapping.reasons.is_empty())
                });
                format!(
                    "{} of {} contracts with this text may be entered",
                    open.count(),
                    bound.len()
                )
            }
        }
    }

    /// Begins the flatten that waited for the account and the markets, and begins again when more turned out to be held.
    ///
    /// # Errors
    /// As [`Runner::pass`].
    pub(crate) async fn flatten_now(&mut self) -> Result<(), Failure> {
        if !self.sees_markets {
            return Ok(());
        }
        let waited = self.flatten_later.take();
        let asked = self
            .follow
            .open()
            .iter()
            .find_map(|undertaking| match &undertaking.command {
                Command::Flatten { reason } => Some(reason.clone()),
                _ => None,
            });
        let portfolio = &self.engine.account().portfolio;
        let holds = !portfolio.open_orders.is_empty()
            || portfolio
                .positions
                .values()
                .any(|position| !position.net.is_flat());
        let flat = self
            .engine
            .flatten()
            .is_some_and(|flattening| flattening.stage == FlattenStage::Flat);
        match waited.or(asked.filter(|_| flat && holds)) {
            Some(reason) => self.pass(Event::Command(Command::Flatten { reason })).await,
            None => Ok(()),
        }
    }

    /// Places nothing for a while.
    pub(crate) fn be_quiet(&mut self, how_long: Duration) {
        let until = Monotonic(self.ports.clock.monotonic().0.saturating_add(how_long));
        self.quiet_until = self.quiet_until.max(Some(until));
    }

    /// Takes what the venue said to an account-wide cancel. The silence begins when it was heard, not when it was asked.
    pub(super) fn note_canceled_account(&mut self, outcome: &CancelAccountOutcome) {
        self.be_quiet(SILENCE.to_std().unwrap_or_default());
        let why = match outcome {
            CancelAccountOutcome::Done => return self.wishes.push(Wish::Account),
            CancelAccountOutcome::Refused { reason, detail } => {
                format!("the exchange refused the account-wide cancel: {reason} {detail}")
            }
            CancelAccountOutcome::Unknown { detail } => {
                format!("the outcome of the account-wide cancel is not known: {detail}")
            }
        };
        warn!(event = "account_cancel_failed", detail = why);
        self.follow.hindered(&why);
    }

    async fn begin_resolving(
        &mut self,
        command: i64,
        client_order_id: ClientOrderId,
        resend: bool,
    ) -> Result<(), Failure> {
        let open = &self.engine.account().portfolio.open_orders;
        if !open.contains_key(&client_order_id) {
            let finding = format!("{client_order_id} is not an order that is still open; see `orders`");
            return self.settle(command, false, finding, None).await;
        }
        self.wishes.push(Wish::Resolve {
            command,
            client_order_id,
            resend,
        });
        Ok(())
    }

    /// Takes up what became of commands when the last process ended: a halt is followed on, and the silence after an
    /// account-wide cancel goes on.
    ///
    /// # Errors
    /// As [`Runner::pass`].
    pub(crate) async fn take_up_commands(&mut self) -> Result<(), Failure> {
        let unsettled = match self.ports.control.unsettled().await {
            Ok(unsettled) => unsettled,
            Err(error) => return self.pass(store_failed(&error)).await,
        };
        for (id, command) in unsettled {
            match command {
                Command::Halt { .. } if self.engine.risk().state() == RiskState::Halt => {
                    let (at, now) = (self.ports.clock.now(), self.ports.clock.monotonic());
                    self.follow.add(id, command, BTreeSet::new(), at, now);
                }
                command => {
                    if matches!(command, Command::CancelAccount { .. }) {
                        self.be_quiet(SILENCE.to_std().unwrap_or_default());
                    }
                    let finding = "the process ended before it was confirmed; ask again".to_owned();
                    self.settle(id, false, finding, None).await?;
                }
            }
        }
        Ok(())
    }

    /// Takes off the book what a halt of before the start left there.
    ///
    /// # Errors
    /// As [`Runner::pass`].
    pub(crate) async fn cancel_what_a_halt_left(&mut self) -> Result<(), Failure> {
        if self.engine.risk().state() == RiskState::Halt {
            let reason = "trading was halted before the start".to_owned();
            self.pass(Event::Command(Command::CancelAll { reason })).await?;
        }
        Ok(())
    }

    /// Says what became of an order that was to be resolved.
    ///
    /// # Errors
    /// As [`Runner::pass`].
    pub(super) async fn settle_resolved(&mut self, command: i64, id: &ClientOrderId) -> Result<(), Failure> {
        let left = self.engine.account().portfolio.open_orders.get(id);
        let (done, finding) = match left.map(|order| order.state) {
            None => (true, format!("{id} has ended; see `orders`")),
            Some(state @ (OrderState::Resting | OrderState::PartiallyFilled)) => {
                (true, format!("{id} is {}", state.as_str()))
            }
            Some(state) => (
                false,
                format!("what became of {id} is still not known ({})", state.as_str()),
            ),
        };
        self.settle(command, done, finding, None).await
    }

    /// Says what a reconciliation that a command asked for found.
    ///
    /// # Errors
    /// As [`Runner::pass`].
    pub(crate) async fn settle_reconciled(
        &mut self,
        command: i64,
        result: &Reconciliation,
    ) -> Result<(), Failure> {
        let mut items: Vec<_> = result.items.iter().collect();
        // Stable: differences first, otherwise as compared.
        items.sort_by_key(|item| rank(item.verdict));
        let differing = items.iter().filter(|item| rank(item.verdict) == 0).count();
        let finding = match (&result.failure, differing) {
            (Some(why), _) => why.trim_end_matches('.').to_owned(),
            (None, 0) => format!("our books and the exchange's agree in {} items", items.len()),
            (None, count) => format!(
                "our books and the exchange's differ in {count} of {} items",
                items.len()
            ),
        };
        let report = json!({
            "complete": result.complete,
            "failure": result.failure,
            "differences": result.differences,
            "unresolved": result.unresolved,
            "agrees": result.agrees(),
            "items": items,
        });
        self.settle(command, result.complete, finding, Some(report.to_string()))
            .await
    }

    async fn settle(
        &mut self,
        id: i64,
        confirmed: bool,
        finding: String,
        report: Option<String>,
    ) -> Result<(), Failure> {
        info!(event = "command_settled", id, confirmed, finding);
        let finding = CommandFinding {
            confirmed,
            finding,
            report,
        };
        match self.ports.control.settle(id, &finding).await {
            Ok(()) => Ok(()),
            // The command stands as acknowledged; only its word is lost.
            Err(StoreError::Conflict(detail)) => {
                warn!(event = "command_not_settled", id, detail);
                Ok(())
            }
            Err(error) => self.pass(store_failed(&error)).await,
        }
    }

    async fn settle_all(&mut self, notes: Vec<Note>) -> Result<(), Failure> {
        for note in notes {
            self.settle(note.id, note.confirmed, note.finding, None).await?;
        }
        Ok(())
    }

    /// Judges the commands that wait by what the exchange lists.
    ///
    /// # Errors
    /// As [`Runner::pass`].
    pub(super) async fn absorb_read_back(
        &mut self,
        answer: Result<AccountSnapshot, FeedError>,
    ) -> Result<(), Failure> {
        let snapshot = match answer {
            Ok(snapshot) => snapshot,
            Err(error) => {
                self.follow.hindered(&self.hindrance(&error.to_string()));
                return Ok(());
            }
        };
        let id_prefix = ExecutionSettings::default().id_prefix;
        let (engine, flatten_waits) = (&self.engine, self.flatten_later.is_some());
        let notes = self.follow.judged(|undertaking| {
            judge(
                &undertaking.command,
                &Evidence {
                    snapshot: &snapshot,
                    portfolio: &engine.account().portfolio,
                    flattening: engine.flatten(),
                    flatten_waits,
                    id_prefix: &id_prefix,
                    acted_at: undertaking.acted_at,
                    asked_of: &undertaking.asked_of,
                },
            )
        });
        self.settle_all(notes).await?;
        self.press_on();
        self.flatten_now().await
    }

    /// Asks again for the cancels that commands wait for: one that failed is repeated, which is harmless.
    fn press_on(&mut self) {
        let halted = self.engine.risk().state() == RiskState::Halt;
        let asked: BTreeSet<ClientOrderId> = self
            .follow
            .open()
            .iter()
            .flat_map(|undertaking| undertaking.asked_of.iter().cloned())
            .collect();
        if !self.follow.open().is_empty() {
            self.cancel_again(|order| halted || asked.contains(&order.client_order_id));
        }
    }

    /// Says of the commands whose time is over what is in the way.
    ///
    /// # Errors
    /// As [`Runner::pass`].
    pub(crate) async fn settle_overdue(&mut self) -> Result<(), Failure> {
        let now = self.ports.clock.monotonic();
        let flattens = self
            .engine
            .flatten()
            .is_some_and(|flattening| !flattening.has_ended());
        let notes = self.follow.overdue(now, flattens && self.exchange_answers());
        self.settle_all(notes).await
    }

    /// Says of every command that still waits what is in the way, because this process ends.
    ///
    /// # Errors
    /// As [`Runner::pass`].
    pub(crate) async fn settle_rest(&mut self, why: &str) -> Result<(), Failure> {
        let notes = self.follow.abandon(why);
        self.settle_all(notes).await
    }

    fn exchange_answers(&self) -> bool {
        self.exchange.is_some()
    }

    /// Why a command cannot be confirmed: what the exchange says of itself comes first.
    fn hindrance(&self, error: &str) -> String {
        match self.exchange {
            Some(status) if !status.exchange_active => {
                "the exchange is paused and takes no cancels".to_owned()
            }
            _ => format!("the exchange does not answer: {error}"),
        }
    }

    /// Notes whether the account could be read.
    pub(super) fn note_account(&mut self, works: bool) {
        let now = self.ports.clock.monotonic();
        let change = self.health.account.note(works, now);
        self.tell(
            change,
            "account_unread",
            "The account could not be read for a minute: fills may be missing.",
        );
    }

    /// Notes whether the books could be read.
    pub(super) fn note_books(&mut self, works: bool) {
        let now = self.ports.clock.monotonic();
        let change = self.health.books.note(works, now);
        self.tell(
            change,
            "books_unread",
            "The order books could not be read for a minute.",
        );
    }

    fn tell(&mut self, change: Change, name: &str, text: &str) {
        let (severity, text) = match change {
            Change::None => return,
            Change::FailedLong => {
                warn!(event = name, detail = text);
                (Severity::Critical, text.to_owned())
            }
            Change::Recovered => {
                info!(event = "feed_recovered", name);
                // What may have been missed meanwhile is read.
                self.wishes.push(Wish::Reconcile(None));
                (Severity::Info, format!("{name}: it can be read again."))
            }
        };
        self.ports.notifier.notify(Alert {
            severity,
            name: name.to_owned(),
            text,
            at: self.ports.clock.now(),
        });
    }
}
