//! The run loop's body: jobs in, events through the core, effects out. Dull on purpose.

use std::collections::VecDeque;

use autotrader_domain::ports::{BoardReader, FeedError, StoreError};
use autotrader_domain::{Command, Order, OrderState, OrderUpdate, Record, Ticker};
use autotrader_engine::{Effect, Engine, Event};
use autotrader_execution::{AccountBooks, ExecutionEvent};
use chrono::{DateTime, Utc};
use tracing::{info, warn};

use super::fetch::{BookAnswers, Brought};
use super::ports::Ports;
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
            let at = self.ports.clock.now();
            let handled = self.engine.handle(at, &event).map_err(|error| {
                Failure::failed(format!("The journal record cannot be written: {error}."))
            })?;
            for watcher in &mut self.watchers {
                watcher.saw(at, &event, &handled);
            }
            self.perform(handled.effects, &mut queue).await;
        }
        Ok(())
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
        if let Err(error) = self.write(records).await {
            queue.push_back(store_failed(&error));
            // What is not written down is not acted on; taking orders off the book is never wrong.
            for action in actions {
                match action {
                    Effect::Place { order, .. } => {
                        queue.push_back(unsent(order.into_inner(), self.ports.clock.now()));
                    }
                    action => self.act(action, queue).await,
                }
            }
            return;
        }
        for action in actions {
            self.act(action, queue).await;
        }
    }

    async fn act(&self, action: Effect, queue: &mut VecDeque<Event>) {
        let events = match action {
            Effect::Place {
                order,
                exchange_index,
            } => self.ports.executor.place(order, exchange_index).await,
            Effect::Cancel(id) => self.ports.executor.cancel(&id).await,
            Effect::Record(_) | Effect::Alert(_) => return,
        };
        queue.extend(events.into_iter().map(from_execution));
    }

    /// Writes records down, those first that could not be written before.
    ///
    /// Of what cannot be written only restrictions are kept for the next try: they must outlive a restart.
    async fn write(&mut self, records: Vec<Record>) -> Result<(), StoreError> {
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
            Brought::Markets {
                status,
                series,
                closed,
            } => {
                match status {
                    Ok(status) => self.pass(Event::Exchange(status)).await?,
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
                                self.account().await?;
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
                if changed { self.account().await } else { Ok(()) }
            }
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
        if settled { self.account().await } else { Ok(()) }
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

    /// Reads fills, orders and settlements.
    ///
    /// # Errors
    /// As [`Runner::pass`].
    pub(crate) async fn account(&mut self) -> Result<(), Failure> {
        let events = self.ports.executor.poll().await;
        self.pass_all(events).await
    }

    /// Holds our books against the venue's.
    ///
    /// # Errors
    /// As [`Runner::pass`].
    pub(crate) async fn reconcile(
        &mut self,
        first_start: bool,
    ) -> Result<autotrader_execution::Reconciliation, Failure> {
        let mut books = AccountBooks::of(&self.engine.account().portfolio);
        if first_start {
            // What the account holds is learnt now, not known.
            books.cash = None;
        }
        let mut result = self.ports.executor.reconcile(books).await;
        self.pass_all(std::mem::take(&mut result.events)).await?;
        if result.complete && result.differences.is_empty() {
            info!(event = "position_reconciliation_ok");
        } else {
            let why = result
                .failure
                .clone()
                .unwrap_or_else(|| result.differences.join(" "));
            warn!(event = "position_reconciliation_failed", why);
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

    /// Carries out commands of other processes and looks for the `HALT` file.
    ///
    /// # Errors
    /// As [`Runner::pass`].
    pub(crate) async fn control(&mut self) -> Result<(), Failure> {
        // Any answer but "not found" counts as present: a file that cannot be ruled out halts.
        match std::fs::symlink_metadata(&self.ports.halt_file) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
            Ok(_) => {
                let detail = format!("{} exists", self.ports.halt_file.display());
                self.pass(Event::HaltFile { detail }).await?;
            }
            Err(error) => {
                let detail = format!("{} cannot be ruled out: {error}", self.ports.halt_file.display());
                self.pass(Event::HaltFile { detail }).await?;
            }
        }
        let pending: Vec<(i64, Command)> = match self.ports.control.pending().await {
            Ok(pending) => pending,
            Err(error) => return self.pass(store_failed(&error)).await,
        };
        if self.write(Vec::new()).await.is_err() {
            return Ok(());
        }
        for (id, command) in pending {
            self.pass(Event::Command(command)).await?;
            if !self.unsaved.is_empty() {
                // Carried out, but not durable: it is asked for again until it is.
                return Ok(());
            }
            let outcome = format!("state is {:?}", self.engine.risk().state());
            if let Err(error) = self.ports.control.acknowledge(id, &outcome).await {
                self.pass(store_failed(&error)).await?;
            }
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

    /// Withdraws what rests, so that nothing is left behind.
    ///
    /// # Errors
    /// As [`Runner::pass`].
    pub(crate) async fn withdraw_orders(&mut self) -> Result<(), Failure> {
        let open: Vec<Order> = self
            .engine
            .account()
            .portfolio
            .open_orders
            .values()
            .cloned()
            .collect();
        for order in open {
            let events = self.ports.executor.cancel(&order.client_order_id).await;
            self.pass_all(events).await?;
        }
        Ok(())
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

/// An approved order that was not sent, because its decision could not be written down.
fn unsent(order: Order, at: DateTime<Utc>) -> Event {
    let order = Order {
        state: OrderState::Abandoned,
        updated_at: at,
        ..order
    };
    Event::Order(OrderUpdate {
        order,
        detail: "Not sent: its decision could not be written down.".into(),
    })
}

fn store_failed(error: &StoreError) -> Event {
    Event::StoreFailed {
        detail: error.to_string(),
    }
}

fn from_execution(event: ExecutionEvent) -> Event {
    match event {
        ExecutionEvent::Order(update) => Event::Order(update),
        ExecutionEvent::Fill(fill) => Event::Fill(fill),
        ExecutionEvent::Settlement(settled) => Event::Settlement(settled),
        ExecutionEvent::Mismatch { detail } => Event::Mismatch { detail },
        ExecutionEvent::ForeignOrders { detail } => Event::ForeignOrders { detail },
        ExecutionEvent::StoreFailed { detail } => Event::StoreFailed { detail },
        ExecutionEvent::SchemaBroken { detail } => Event::SchemaBroken { detail },
    }
}
