//! The run loop's body: jobs in, events through the core, effects out. Dull on purpose.

use std::collections::VecDeque;

use autotrader_domain::ports::{BoardReader, FeedError, StoreError};
use autotrader_domain::{ExchangeStatus, Money, Monotonic, Order, Purpose, Record, Ticker};
use autotrader_engine::{Effect, Engine, Event};
use autotrader_execution::{ExecutionEvent, Reconciliation};
use autotrader_risk::{Cause, Limits, RiskState};
use tracing::{debug, info, warn};

use super::fetch::{BookAnswers, Brought};
use super::follow::Follow;
use super::health::FeedHealth;
use super::latest::LatestSteps;
use super::orders::{Approval, Orders, Performed};
use super::outcomes::Asked;
use super::ports::Ports;
use super::queue::{Gate, Kind};
use super::recorder::Recorder;
use super::watch::Watcher;
use crate::Failure;

/// The core with everything it acts through.
pub(crate) struct Runner {
    pub(crate) engine: Engine,
    pub(crate) ports: Ports,
    pub(crate) reader: Box<dyn BoardReader>,
    pub(crate) watchers: Vec<Box<dyn Watcher>>,
    pub(crate) max_consecutive_failures: u32,
    pub(crate) failures: u32,
    /// Restrictions that could not be written down yet.
    pub(crate) unsaved: Vec<Record>,
    /// How order effects are carried out.
    pub(crate) orders: Orders,
    /// What the last step of each contract's order was.
    pub(crate) latest: LatestSteps,
    /// Commands that wait to be confirmed.
    pub(crate) follow: Follow,
    /// What the last step wants done outside of it.
    pub(crate) wishes: Vec<Wish>,
    /// Whether the exchange takes orders, as last read.
    pub(crate) exchange: Option<ExchangeStatus>,
    /// How the reading of the account and of the books goes.
    pub(crate) health: Health,
    /// Which placements this process may send at most: a process that only carries out one command trades nothing.
    pub(crate) widest: Gate,
    /// Nothing is placed before this time: an account-wide cancel catches new orders for a while.
    pub(crate) quiet_until: Option<Monotonic>,
    /// Whether the account and the markets were read since the start.
    pub(crate) sees_markets: bool,
    /// The reason of a flatten that waits until they are.
    pub(crate) flatten_later: Option<String>,
    /// Whether the database does not know yet what cash the account opened with.
    pub(crate) first_start: bool,
    /// The limits that follow from the cash of the first start.
    pub(crate) limits_for: LimitsFor,
    /// The journal, where one is written.
    pub(crate) recorder: Option<Recorder>,
    /// Whose results were asked for.
    pub(crate) asked: Asked,
}

/// The limits that follow from an opening balance.
pub(crate) type LimitsFor = Box<dyn Fn(Money) -> Limits + Send + Sync>;

/// How long the account or the books may not be readable before the operator is told and a reconciliation follows.
const FEED_PATIENCE: std::time::Duration = std::time::Duration::from_secs(60);

/// The health of what is read from the exchange.
#[derive(Debug)]
pub(crate) struct Health {
    pub(crate) account: FeedHealth,
    pub(crate) books: FeedHealth,
}

impl Default for Health {
    fn default() -> Self {
        Self {
            account: FeedHealth::new(FEED_PATIENCE),
            books: FeedHealth::new(FEED_PATIENCE),
        }
    }
}

/// Something to be done outside of the step that asks for it, because it may wait for the exchange.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Wish {
    /// Read fills, orders and settlements.
    Account,
    /// Hold our books against the venue's, for a command when there is one.
    Reconcile(Option<i64>),
    /// Find out what became of an order.
    Resolve {
        /// The command that asks.
        command: i64,
        /// The order.
        client_order_id: autotrader_domain::ClientOrderId,
        /// Whether its stored body may be sent again.
        resend: bool,
    },
    /// Cancel every order of the account.
    CancelAccount(i64),
}

impl Runner {
    /// Passes one event through the core and performs what follows, until nothing more follows.
    ///
    /// Not cancellation-safe.
    ///
    /// # Errors
    /// [`Failure`] when the core itself fails: the process must stop.
    pub(crate) async fn pass(&mut self, event: Event) -> Result<(), Failure> {
        let mut queue = VecDeque::from([event]);
        while let Some(event) = queue.pop_front() {
            if let Event::Order(update) = &event
                && !self.latest.take(&update.order)
            {
                debug!(event = "order_update_overtaken", client_order_id = %update.order.client_order_id);
                continue;
            }
            let at = self.ports.clock.now();
            let handled = self.engine.handle(at, &event).map_err(|error| {
                Failure::failed(format!("The journal record cannot be written: {error}."))
            })?;
            if let Some(recorder) = &mut self.recorder {
                recorder.took(&handled.record);
            }
            for watcher in &mut self.watchers {
                watcher.saw(at, &event, &handled);
            }
            self.perform(handled.effects, &mut queue).await;
            self.turn_the_page()?;
        }
        Ok(())
    }

    /// Begins another segment of the journal when this one is full.
    fn turn_the_page(&mut self) -> Result<(), Failure> {
        let at = self.ports.clock.now();
        match &mut self.recorder {
            Some(recorder) if recorder.is_full(at) => recorder.begin(&self.engine, at),
            _ => Ok(()),
        }
    }

    /// Begins a segment of the journal: the core's state has changed by other means than an event.
    ///
    /// # Errors
    /// As [`Runner::pass`].
    pub(crate) fn record_state(&mut self) -> Result<(), Failure> {
        let at = self.ports.clock.now();
        match &mut self.recorder {
            Some(recorder) => recorder.begin(&self.engine, at),
            None => Ok(()),
        }
    }

    /// Waits until the steps that led to something outside are on disk.
    async fn force(&self) -> Result<(), StoreError> {
        match &self.recorder {
            Some(recorder) => recorder.force().await,
            None => Ok(()),
        }
    }

    /// Records first, so that a decision is written down before it is acted on; then orders.
    async fn perform(&mut self, effects: Vec<Effect>, queue: &mut VecDeque<Event>) {
        let mut records: Vec<Record> = Vec::new();
        let mut actions = Vec::new();
        for effect in effects {
            match effect {
                Effect::Record(record) => records.push(record),
                // The watchers have passed the alerts on.
                Effect::Alert(_) => {}
                action => actions.push(action),
            }
        }
        let mut written = self.write(records).await;
        if written.is_ok() && !actions.is_empty() {
            written = self.force().await;
        }
        // While the cause stands there is nothing to be told: an event for every failed try would never end.
        if let Err(error) = &written
            && !self.engine.risk().causes().stands(Cause::StoreNotDurable)
        {
            queue.push_back(store_failed(error));
        }
        for action in actions {
            match action {
                // What is not written down is not acted on; taking orders off the book is never wrong.
                Effect::Place { order, .. } if written.is_err() => {
                    let why = "Not sent: its decision could not be written down.";
                    queue.push_back(unsent(order.get(), why));
                }
                action => self.act(action, queue).await,
            }
        }
    }

    async fn act(&mut self, action: Effect, queue: &mut VecDeque<Event>) {
        let performed = match (&mut self.orders, action) {
            (
                Orders::Beside(beside),
                Effect::Place {
                    order,
                    exchange_index,
                },
            ) => {
                let approval = Approval {
                    order,
                    exchange_index,
                };
                beside.queue.place(approval, self.ports.clock.monotonic());
                return;
            }
            (Orders::Beside(beside), Effect::Cancel(id)) => {
                if let Some(back) = beside.queue.cancel(id) {
                    let why = "Not sent: it was cancelled while it waited.";
                    queue.push_back(unsent(back.order.get(), why));
                }
                return;
            }
            (
                Orders::Inline,
                Effect::Place {
                    order,
                    exchange_index,
                },
            ) => {
                let id = order.get().client_order_id.clone();
                let events = self.ports.executor.place(order, exchange_index).await;
                let kind = Kind::Place;
                Performed { id, kind, events }
            }
            (Orders::Inline, Effect::Cancel(id)) => Performed {
                events: self.ports.executor.cancel(&id).await,
                id,
                kind: Kind::Cancel,
            },
            (_, Effect::Record(_) | Effect::Alert(_)) => return,
        };
        queue.extend(happened(performed));
    }

    /// Passes on what an order effect brought. Under a halt an order that was on the wire is taken off the book.
    ///
    /// # Errors
    /// As [`Runner::pass`].
    pub(crate) async fn absorb_order(&mut self, performed: Performed) -> Result<(), Failure> {
        let (id, kind) = (performed.id.clone(), performed.kind);
        for event in happened(performed) {
            self.pass(event).await?;
        }
        if kind == Kind::Place && self.engine.risk().state() == RiskState::Halt {
            self.cancel_again(|order| order.client_order_id == id);
        }
        Ok(())
    }

    /// Puts on the wire what may be sent now, and takes back what may not be sent any more.
    ///
    /// # Errors
    /// As [`Runner::pass`].
    pub(crate) async fn start_orders(&mut self, hold_placements: bool) -> Result<(), Failure> {
        loop {
            let (gate, now) = (self.gate(), self.ports.clock.monotonic());
            let Orders::Beside(beside) = &mut self.orders else {
                return Ok(());
            };
            let weeded = beside.queue.weed(gate, now);
            if weeded.is_empty() {
                beside.start(&self.ports, hold_placements);
                return Ok(());
            }
            for (approval, why) in weeded {
                self.pass(unsent(approval.order.get(), why)).await?;
            }
        }
    }

    /// Which placements may be sent now.
    fn gate(&self) -> Gate {
        let now = self.ports.clock.monotonic();
        if self.quiet_until.is_some_and(|until| now < until) {
            return Gate::Shut;
        }
        Gate::of(self.engine.risk().state()).max(self.widest)
    }

    /// Asks once more for the cancel of our open orders that are `wanted`. A flatten's own orders end by themselves.
    pub(crate) fn cancel_again(&mut self, wanted: impl Fn(&Order) -> bool) {
        let Orders::Beside(beside) = &mut self.orders else {
            return;
        };
        for order in self.engine.account().portfolio.open_orders.values() {
            if order.intent.purpose != Purpose::Flatten
                && wanted(order)
                && !beside.queue.waits(&order.client_order_id)
            {
                // What waits to be placed is weeded out by the gate, so nothing is given back here.
                let _none = beside.queue.cancel(order.client_order_id.clone());
            }
        }
    }

    /// Writes records down, those first that could not be written before.
    ///
    /// Of what cannot be written only restrictions are kept for the next try: they must outlive a restart.
    pub(super) async fn write(&mut self, records: Vec<Record>) -> Result<(), StoreError> {
        let mut all = std::mem::take(&mut self.unsaved);
        all.extend(records);
        if all.is_empty() {
            return Ok(());
        }
        let causes = all
            .iter()
            .filter(|record| matches!(record, Record::RiskCause { .. }))
            .cloned()
            .collect();
        let written = self.ports.ledger.record(all).await;
        if written.is_err() {
            self.unsaved = causes;
        }
        written
    }

    /// Passes on what a job brought.
    ///
    /// # Errors
    /// As [`Runner::pass`].
    pub(crate) async fn absorb(&mut self, brought: Brought) -> Result<(), Failure> {
        match brought {
            Brought::Page(answer) => self.absorb_page(answer).await,
            Brought::Books(books) => self.absorb_books(books).await,
            Brought::Account { events, complete } => {
                self.pass_all(events).await?;
                self.note_account(complete);
                Ok(())
            }
            Brought::Reconciled(result) => self.absorb_reconciliation(*result).await.map(drop),
            Brought::CanceledAccount { outcome, events } => {
                self.note_canceled_account(&outcome);
                self.pass_all(events).await
            }
            Brought::ReadBack(answer) => self.absorb_read_back(answer).await,
            Brought::Resolved {
                command,
                client_order_id,
                events,
            } => {
                self.pass_all(events).await?;
                self.settle_resolved(command, &client_order_id).await
            }
            Brought::Markets {
                status,
                series,
                closed,
                undecided,
            } => {
                match status {
                    Ok(status) => {
                        self.exchange = Some(status);
                        self.pass(Event::Exchange(status)).await?;
                    }
                    Err(error) => self.feed_failed("exchange status", error).await?,
                }
                for (series, markets) in series {
                    match markets {
                        Ok(markets) => {
                            let paper = self.ports.paper.as_ref();
                            let mut changed = false;
                            for market in &markets {
                                changed |= paper.is_some_and(|paper| paper.on_market(market));
                            }
                            self.pass(Event::Markets { series, markets }).await?;
                            if changed {
                                self.wish(Wish::Account);
                            }
                        }
                        Err(error) => self.feed_failed(series.as_str(), error).await?,
                    }
                }
                for market in closed {
                    match market {
                        Ok(market) => self.absorb_closed(market).await?,
                        Err(error) => self.feed_failed("market", error).await?,
                    }
                }
                for (ticker, market) in undecided {
                    match market {
                        Ok(market) => self.pass(Event::Market(market)).await?,
                        // Nothing depends on it but what is learnt from it: it is asked for again.
                        Err(error) => info!(event = "outcome_unavailable", ticker = %ticker, error = %error),
                    }
                }
                Ok(())
            }
        }
    }

    async fn absorb_page(
        &mut self,
        answer: Result<autotrader_domain::ports::RawPage, autotrader_domain::ports::SourceFailure>,
    ) -> Result<(), Failure> {
        self.failures = if answer.is_ok() {
            0
        } else {
            self.failures.saturating_add(1)
        };
        if self.failures == self.max_consecutive_failures {
            warn!(
                event = "arena_failure_threshold_triggered",
                failures = self.failures
            );
        }
        let reading = self.reader.read(answer, self.ports.clock.now());
        self.pass(Event::Reading(reading)).await
    }

    async fn absorb_books(&mut self, books: BookAnswers) -> Result<(), Failure> {
        self.note_books(books.is_ok());
        match books {
            Err(error) => self.feed_failed("order books", error).await,
            Ok(books) => {
                let mut changed = false;
                for (ticker, book) in books {
                    match book {
                        Ok(book) => {
                            changed |= self
                                .ports
                                .paper
                                .as_ref()
                                .is_some_and(|paper| paper.on_book(&book));
                            self.pass(Event::Book(book)).await?;
                        }
                        Err(FeedError::Transient(detail)) => {
                            info!(event = "book_unavailable", ticker = %ticker, detail);
                        }
                        Err(error) => {
                            self.pass(Event::BookBroken {
                                ticker,
                                detail: error.to_string(),
                            })
                            .await?;
                        }
                    }
                }
                if changed {
                    self.wish(Wish::Account);
                }
                Ok(())
            }
        }
    }

    fn wish(&mut self, wish: Wish) {
        if !self.wishes.contains(&wish) {
            self.wishes.push(wish);
        }
    }

    /// A market that closed while we hold it: the paper venue settles it as the exchange did.
    async fn absorb_closed(&mut self, market: autotrader_domain::Market) -> Result<(), Failure> {
        let settled = self
            .ports
            .paper
            .as_ref()
            .is_some_and(|paper| paper.on_market(&market));
        self.pass(Event::Market(market)).await?;
        if settled {
            self.wish(Wish::Account);
        }
        Ok(())
    }

    async fn feed_failed(&mut self, what: &str, error: FeedError) -> Result<(), Failure> {
        match error {
            FeedError::Schema { path, detail } => {
                self.pass(Event::SchemaBroken {
                    detail: format!("{what}: {path}: {detail}"),
                })
                .await
            }
            error => {
                warn!(event = "market_data_failed", what, error = %error);
                Ok(())
            }
        }
    }

    /// Reads fills, orders and settlements, and waits for the answer.
    ///
    /// # Errors
    /// As [`Runner::pass`].
    pub(crate) async fn account(&mut self) -> Result<(), Failure> {
        let events = self.ports.executor.poll().await;
        self.pass_all(events).await
    }

    /// Holds our books against the venue's and waits for the answer.
    ///
    /// # Errors
    /// As [`Runner::pass`].
    pub(crate) async fn reconcile(&mut self) -> Result<Reconciliation, Failure> {
        let result = self.ports.executor.reconcile().await;
        self.absorb_reconciliation(result).await
    }

    /// Passes on what a reconciliation brought. The first complete one of a database tells the opening cash.
    ///
    /// # Errors
    /// As [`Runner::pass`]; also when the opening cash cannot be stored.
    pub(crate) async fn absorb_reconciliation(
        &mut self,
        mut result: Reconciliation,
    ) -> Result<Reconciliation, Failure> {
        self.pass_all(std::mem::take(&mut result.events)).await?;
        if result.complete && result.differences.is_empty() {
            info!(event = "position_reconciliation_ok");
            if let Some(paper) = &self.ports.paper {
                let band = paper.figures().band;
                info!(
                    event = "paper_profit",
                    pessimistic = %band.pessimistic,
                    optimistic = %band.optimistic,
                );
            }
        } else {
            let why = result
                .failure
                .clone()
                .unwrap_or_else(|| result.differences.join(" "));
            warn!(event = "position_reconciliation_failed", why);
        }
        if self.first_start
            && result.complete
            && let Some(balance) = result.balance
        {
            self.engine.open_with(balance, (self.limits_for)(balance));
            self.record_state()?;
            self.ports.executor.open_with(balance).await;
            let opening = self.engine.account().opening_cash();
            let stored = self.ports.ledger.set_opening_cash(opening).await;
            stored.map_err(|error| Failure::failed(format!("database: {error}.")))?;
            self.first_start = false;
        }
        Ok(result)
    }

    /// Passes on what execution reports.
    ///
    /// # Errors
    /// As [`Runner::pass`].
    pub(crate) async fn pass_all(&mut self, events: Vec<ExecutionEvent>) -> Result<(), Failure> {
        for event in events {
            self.pass(from_execution(event)).await?;
        }
        Ok(())
    }

    /// Markets that we hold and that have closed: their result is asked for one by one.
    pub(crate) fn awaiting_settlement(&self) -> Vec<Ticker> {
        let now = self.ports.clock.now();
        let portfolio = &self.engine.account().portfolio;
        let closed = |ticker: &&Ticker| {
            self.engine
                .markets()
                .get(*ticker)
                .is_none_or(|market| market.close_time <= now)
        };
        let held = portfolio
            .positions
            .iter()
            .filter(|(_, position)| !position.net.is_flat())
            .map(|(ticker, _)| ticker);
        held.filter(closed).cloned().collect()
    }

    /// Writes down something about the process itself.
    pub(crate) async fn note(&self, name: &str, detail: &str) -> Result<(), StoreError> {
        let record = Record::System {
            at: self.ports.clock.now(),
            name: name.into(),
            detail: detail.into(),
        };
        self.ports.ledger.record(vec![record]).await
    }
}

/// An approved order that was not sent.
fn unsent(order: &Order, why: &str) -> Event {
    Event::Unsent {
        client_order_id: order.client_order_id.clone(),
        detail: why.to_owned(),
    }
}

/// What an order effect brought, as the core hears it.
fn happened(performed: Performed) -> Vec<Event> {
    let lost = performed.came_to_nothing().then(|| Event::Unsent {
        client_order_id: performed.id,
        detail: "Not sent: its intent could not be stored.".to_owned(),
    });
    let events = performed.events.into_iter().map(from_execution);
    events.chain(lost).collect()
}

pub(super) fn store_failed(error: &StoreError) -> Event {
    Event::StoreFailed {
        detail: error.to_string(),
    }
}

/// What execution reports, as an event of the core.
#[must_use]
pub fn from_execution(event: ExecutionEvent) -> Event {
    match event {
        ExecutionEvent::Order(update) => Event::Order(update),
        ExecutionEvent::Unsent {
            client_order_id,
            detail,
        } => Event::Unsent {
            client_order_id,
            detail,
        },
        ExecutionEvent::Fill(fill) => Event::Fill(fill),
        ExecutionEvent::Settlement(settled) => Event::Settlement(settled),
        ExecutionEvent::Mismatch { detail } => Event::Mismatch { detail },
        ExecutionEvent::ForeignOrders { detail } => Event::ForeignOrders { detail },
        ExecutionEvent::StoreFailed { detail } => Event::StoreFailed { detail },
        ExecutionEvent::AccessRefused { detail } => Event::AccessRefused { detail },
        ExecutionEvent::SchemaBroken { detail } => Event::SchemaBroken { detail },
    }
}
