//! The paper venue behind the order ports.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use autotrader_domain::ports::{
    AccountSnapshot, AccountSource, Answered, CancelAccountOutcome, CancelOutcome, Clock, FeedError,
    OrderGateway, PlaceOutcome, Restored, VenueOrder,
};
use autotrader_domain::{
    Book, Contracts, Fill, Market, Money, OrderRequest, Price, SettlementRecord, Ticker, VenueOrderId,
};
use chrono::{DateTime, Utc};

use super::desk::{Desk, PaperFigures, PaperSettings};
use autotrader_domain::BookingError;

/// A paper venue: [`OrderGateway`] and [`AccountSource`] over the books and markets it is shown.
///
/// Show it every market ([`PaperGateway::on_market`]) and every book ([`PaperGateway::on_book`]) as they are received;
/// when one of these returns `true`, poll the executor for what changed.
#[derive(Debug)]
pub struct PaperGateway {
    clock: Arc<dyn Clock>,
    desk: Mutex<Desk>,
}

impl PaperGateway {
    /// A paper venue with a fresh account.
    #[must_use]
    pub fn new(settings: PaperSettings, clock: Arc<dyn Clock>) -> Self {
        Self {
            clock,
            desk: Mutex::new(Desk::new(settings)),
        }
    }

    fn desk(&self) -> MutexGuard<'_, Desk> {
        // A panic elsewhere cannot leave the desk half changed: account and orders change together, last.
        self.desk.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes up the account that a database tells of: opening cash, fills, settlements, resting orders.
    ///
    /// Orders that were still arriving when the process ended have lost the book of their decision and read as
    /// cancelled; used ids stay used.
    ///
    /// # Errors
    /// [`BookingError`] when the stored fills overflow the books; the account is then unchanged.
    pub fn restore(&self, restored: &Restored) -> Result<(), BookingError> {
        let now = self.clock.now();
        self.desk().restore(restored, now)
    }

    /// Shows a market: its terms, and where it is in its life. Closing cancels what is open, finalisation with a
    /// settlement value pays out. Returns whether an order or the account changed.
    pub fn on_market(&self, market: &Market) -> bool {
        let now = self.clock.now();
        self.desk().on_market(market, now)
    }

    /// Says that a market has closed. Returns whether an order changed.
    pub fn on_market_closed(&self, ticker: &Ticker, at: DateTime<Utc>) -> bool {
        self.desk().on_closed(ticker, at)
    }

    /// Says that a market has paid `yes_value` per YES contract. Returns whether an order or the account changed.
    pub fn on_market_settled(&self, ticker: &Ticker, yes_value: Price, at: DateTime<Utc>) -> bool {
        self.desk().on_settled(ticker, yes_value, at)
    }

    /// Shows a book. Returns whether an order or the account changed.
    pub fn on_book(&self, book: &Book) -> bool {
        self.desk().on_book(book)
    }

    /// Shows a trade of others. Returns whether an order or the account changed.
    pub fn on_trade(&self, ticker: &Ticker, price: Price, size: Contracts, at: DateTime<Utc>) -> bool {
        self.desk().on_trade(ticker, price, size, at)
    }

    /// The account in figures.
    #[must_use]
    pub fn figures(&self) -> PaperFigures {
        self.desk().figures()
    }
}

fn since<T: Clone>(all: &[T], time: impl Fn(&T) -> DateTime<Utc>, since: DateTime<Utc>) -> Vec<T> {
    all.iter().filter(|one| time(one) >= since).cloned().collect()
}

#[async_trait]
impl OrderGateway for PaperGateway {
    /// The request in a form of its own: no exchange reads it.
    fn render(&self, request: &OrderRequest) -> String {
        format!("{request:?}")
    }

    async fn place(&self, request: &OrderRequest, _: &str) -> Answered<PlaceOutcome> {
        let now = self.clock.now();
        Answered::unheard(self.desk().place(request, now))
    }

    async fn cancel(&self, _: &Ticker, venue_order_id: &VenueOrderId) -> Answered<CancelOutcome> {
        let now = self.clock.now();
        Answered::unheard(self.desk().cancel(venue_order_id, now))
    }

    async fn cancel_account(&self) -> Answered<CancelAccountOutcome> {
        let now = self.clock.now();
        self.desk().cancel_all(now);
        Answered::unheard(CancelAccountOutcome::Done)
    }
}

#[async_trait]
impl AccountSource for PaperGateway {
    async fn snapshot(&self, from: DateTime<Utc>) -> Result<AccountSnapshot, FeedError> {
        let now = self.clock.now();
        let mut desk = self.desk();
        desk.expire(now);
        let orders = desk
            .tickets()
            .filter(|ticket| ticket.is_open() || ticket.placed_at >= from || ticket.changed_at >= from)
            .map(super::ticket::Ticket::as_venue_order)
            .collect();
        let positions = desk
            .account()
            .nets()
            .into_iter()
            .map(|(ticker, net)| (ticker.clone(), net))
            .collect();
        Ok(AccountSnapshot {
            as_of: Some(now),
            orders,
            fills: since(desk.fills(), |fill| fill.filled_at, from),
            positions,
            balance: desk.account().cash.unwrap_or(Money::ZERO),
            collateral_return: Money::ZERO,
            settlements: since(desk.settlements(), |settled| settled.settled_at, from),
        })
    }

    async fn fills(&self, from: DateTime<Utc>) -> Result<Vec<Fill>, FeedError> {
        Ok(since(self.desk().fills(), |fill| fill.filled_at, from))
    }

    async fn settlements(&self, from: DateTime<Utc>) -> Result<Vec<SettlementRecord>, FeedError> {
        Ok(since(
            self.desk().settlements(),
            |settled| settled.settled_at,
            from,
        ))
    }

    async fn order(&self, venue_order_id: &VenueOrderId) -> Result<VenueOrder, FeedError> {
        let now = self.clock.now();
        let mut desk = self.desk();
        desk.expire(now);
        desk.ticket(venue_order_id)
            .map(super::ticket::Ticket::as_venue_order)
            .ok_or_else(|| FeedError::Refused(format!("{venue_order_id} is not a paper order")))
    }
}
