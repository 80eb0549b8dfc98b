//! Holding our books against the venue's: complete or failed, never partial.

use autotrader_domain::ports::{AccountSnapshot, FeedError};
use autotrader_domain::{BookSide, ClientOrderId, Money, Net, Ticker};
use std::collections::{BTreeMap, BTreeSet};
use tracing::{info, warn};

use crate::booking::Batch;
use crate::canceling::word_of;
use crate::{AccountBooks, ExecutionEvent, Executor};

/// The result of a reconciliation.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Reconciliation {
    /// What was found out and booked on the way; facts, even when the reconciliation failed.
    pub events: Vec<ExecutionEvent>,
    /// How the venue's books differ from ours, one sentence each; empty when they agree to the micro-dollar.
    pub differences: Vec<String>,
    /// Whether everything was read and compared; when not, nothing may be concluded from the absence of differences.
    pub complete: bool,
    /// Why it is not complete, in words.
    pub failure: Option<String>,
    /// Orders whose outcome is still not known.
    pub unresolved: Vec<ClientOrderId>,
    /// The venue's cash, once read: the opening cash at the first start of a database.
    pub balance: Option<Money>,
}

impl Reconciliation {
    fn failed(mut self, why: String) -> Self {
        warn!(why, "reconciliation_failed");
        self.differences.clear();
        self.complete = false;
        self.failure = Some(why);
        self
    }
}

impl Executor {
    /// Reads the whole account, books what is new, resolves what is unresolved, and compares positions and cash with
    /// `books`, exactly.
    ///
    /// `books` are ours as of the last event fed back to the core, before this call; what is booked on the way is added
    /// to them here. Without cash in them (first start) cash is not compared. A difference is read again a bounded
    /// number of times before it is real, because the account is read in parts. Differences that remain are also
    /// reported as [`ExecutionEvent::Mismatch`].
    ///
    /// Not cancellation-safe: events of a dropped call are lost, what they say is durable.
    pub async fn reconcile(&self, mut books: AccountBooks) -> Reconciliation {
        let mut result = Reconciliation::default();
        for attempt in 0..self.settings.reconcile_tries.max(1) {
            if attempt > 0 {
                self.ports.pause.pause(self.settings.fill_pause).await;
            }
            if !self.in_flight().is_empty() {
                return result.failed("Orders are being submitted.".to_owned());
            }
            let snapshot = match self.read_account().await {
                Ok(snapshot) => snapshot,
                Err(FeedError::Transient(detail)) => {
                    result.failure = Some(format!("The account could not be read: {detail}"));
                    continue;
                }
                Err(error) => {
                    self.feed_failed("the account", &error, &mut result.events);
                    return result.failed(format!("The account could not be read: {error}."));
                }
            };
            result.failure = None;
            if let Err(why) = self.compare(&snapshot, &mut books, &mut result).await {
                return result.failed(why);
            }
            if result.differences.is_empty() {
                break;
            }
        }
        if let Some(why) = result.failure.take() {
            return result.failed(why);
        }
        result.complete = true;
        if !result.differences.is_empty() {
            warn!(differences = result.differences.len(), "reconciliation_mismatch");
            result.events.push(ExecutionEvent::Mismatch {
                detail: result.differences.join(" "),
            });
        }
        info!(unresolved = result.unresolved.len(), "reconciled");
        result
    }

    async fn read_account(&self) -> Result<AccountSnapshot, FeedError> {
        let since = {
            let tracker = self.tracker.lock().await;
            let orders = tracker
                .lives()
                .filter(|life| !life.order.state.is_terminal())
                .map(|life| life.order.created_at)
                .min();
            [
                Some(tracker.fills_cursor),
                Some(tracker.settlements_cursor),
                orders,
            ]
            .into_iter()
            .flatten()
            .min()
            .unwrap_or_else(|| self.ports.clock.now())
        };
        self.ports.account.snapshot(since - self.settings.overlap).await
    }

    /// Books what a snapshot brings and compares; an error means that not all of it could be booked.
    async fn compare(
        &self,
        snapshot: &AccountSnapshot,
        books: &mut AccountBooks,
        result: &mut Reconciliation,
    ) -> Result<(), String> {
        let mut events = Vec::new();
        let outcome = self.take_in(snapshot, &mut events).await;
        let booked = book_events(books, &events);
        result.events.append(&mut events);
        outcome?;
        booked?;
        result.balance = Some(snapshot.balance);
        result.unresolved = self.tracker.lock().await.unresolved(&self.in_flight());
        let reserved = self.reserved(books).await;
        result.differences = position_differences(books, snapshot);
        result
            .differences
            .extend(cash_difference(books, snapshot, reserved));
        Ok(())
    }

    async fn take_in(
        &self,
        snapshot: &AccountSnapshot,
        events: &mut Vec<ExecutionEvent>,
    ) -> Result<(), String> {
        self.report_foreign(snapshot, events).await;
        let unresolved = self.tracker.lock().await.unresolved(&self.in_flight());
        let mut unnamed = Vec::new();
        for id in unresolved {
            let tracker = self.tracker.lock().await;
            if tracker
                .life(&id)
                .is_some_and(|life| life.order.venue_order_id.is_none())
            {
                unnamed.push(id);
            }
        }
        if self.search(snapshot, &unnamed, events).await == Batch::ReadAgain {
            return Err("Not every fill could be booked.".to_owned());
        }
        self.take_in_orders(snapshot, events).await?;
        if self.book_settlements(snapshot.settlements.clone(), events).await == Batch::ReadAgain {
            return Err("Not every settlement could be booked.".to_owned());
        }
        Ok(())
    }

    /// Takes in how our named, unfinished orders stand: from the listing, else from a read of their own.
    async fn take_in_orders(
        &self,
        snapshot: &AccountSnapshot,
        events: &mut Vec<ExecutionEvent>,
    ) -> Result<(), String> {
        let open: Vec<_> = {
            let tracker = self.tracker.lock().await;
            tracker
                .lives()
                .filter(|life| !life.order.state.is_terminal())
                .filter_map(|life| {
                    Some((
                        life.order.client_order_id.clone(),
                        life.order.venue_order_id.clone()?,
                    ))
                })
                .collect()
        };
        for (id, venue) in open {
            match snapshot.orders.iter().find(|order| order.venue_order_id == venue) {
                Some(order) => {
                    if let Some(word) = word_of(order) {
                        let detail = format!("Listed as {}, {} filled.", order.state.as_str(), order.filled);
                        self.hear(&id, None, word, &detail, events).await;
                    }
                    self.await_fills(&id, events).await;
                }
                None if self.read_order(&id, events).await => {}
                None => return Err(format!("Order {id} could not be read.")),
            }
        }
        Ok(())
    }

    async fn report_foreign(&self, snapshot: &AccountSnapshot, events: &mut Vec<ExecutionEvent>) {
        let tracker = self.tracker.lock().await;
        let foreign: Vec<String> = snapshot
            .orders
            .iter()
            .filter_map(|order| self.ours(&tracker, order).err())
            .collect();
        if !foreign.is_empty() {
            events.push(ExecutionEvent::ForeignOrders {
                detail: foreign.join(" "),
            });
        }
    }

    /// The collateral that our open orders hold at the venue, at most.
    async fn reserved(&self, books: &AccountBooks) -> Money {
        let tracker = self.tracker.lock().await;
        tracker
            .lives()
            .filter(|life| life.word.is_some_and(|word| word.open))
            .map(|life| {
                let order = &life.order;
                let side = order.intent.side;
                let open = order.open_contracts();
                let closing = books.position(&order.intent.ticker).net.reduced_by(side, open);
                let price = match side {
                    BookSide::Bid => order.intent.limit,
                    BookSide::Ask => order.intent.limit.complement(),
                };
                price.times(open.saturating_sub(closing)).unwrap_or(Money::ZERO)
            })
            .sum()
    }
}

/// Adds newly booked fills and settlements to our books.
fn book_events(books: &mut AccountBooks, events: &[ExecutionEvent]) -> Result<(), String> {
    for event in events {
        let booked = match event {
            ExecutionEvent::Fill(fill) => books.book(fill),
            ExecutionEvent::Settlement(settled) => books.settle(settled),
            _ => Ok(()),
        };
        booked.map_err(|error| format!("Our books cannot take it: {error}."))?;
    }
    Ok(())
}

fn position_differences(books: &AccountBooks, snapshot: &AccountSnapshot) -> Vec<String> {
    let ours = books.nets();
    let mut theirs: BTreeMap<&Ticker, Net> = BTreeMap::new();
    let mut differences = Vec::new();
    for (ticker, net) in &snapshot.positions {
        if theirs.insert(ticker, *net).is_some() {
            differences.push(format!("The venue lists {ticker} twice."));
        }
    }
    let tickers: BTreeSet<&Ticker> = ours.keys().chain(theirs.keys()).copied().collect();
    differences.extend(tickers.into_iter().filter_map(|ticker| {
        let net = |side: &BTreeMap<&Ticker, Net>| side.get(ticker).copied().unwrap_or(Net::ZERO);
        let (our, their) = (net(&ours), net(&theirs));
        (our != their).then(|| format!("{ticker}: we have {our} contracts, the venue says {their}."))
    }));
    differences
}

/// The venue may count the collateral of resting orders as not spendable, and may have given collateral back on NO positions
/// (the account's netting setting decides); each reading agrees with our cash.
fn cash_difference(books: &AccountBooks, snapshot: &AccountSnapshot, reserved: Money) -> Option<String> {
    let ours = books.cash?;
    let balance = snapshot.balance;
    let returned = ours.saturating_add(snapshot.collateral_return);
    let agrees = [ours, returned]
        .into_iter()
        .any(|cash| balance == cash || balance == cash.saturating_sub(reserved));
    (!agrees).then(|| format!("Cash: we have {ours} dollars, the venue says {balance}."))
}
