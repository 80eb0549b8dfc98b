//! The paper venue itself: pure over what it is told and shown.

use std::collections::BTreeMap;

use autotrader_domain::ports::{CancelOutcome, PlaceOutcome, Restored};
use autotrader_domain::{
    Book, BookSide, BookingError, Contracts, FeeAccumulator, FeeRounding, FeeSchedule, Fill, Liquidity,
    Market, MarketStatus, Money, OrderRequest, Price, PriceGrid, RejectReason, SettlementRecord, Ticker,
    TimeInForce, VenueOrderId,
};
use chrono::{DateTime, TimeDelta, Utc};

use super::depth::{TakenDepth, within};
use super::filling::shown_within;
use super::shadow::{PaperBand, Shadows};
use super::ticket::{Decided, Phase, Ticket, due, venue_id};
use crate::AccountBooks;

/// How the paper venue behaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PaperSettings {
    /// Time from a decision to the market.
    pub latency: TimeDelta,
    /// Cash at the first start.
    pub bankroll: Money,
    /// The precision at which the account's balance changes.
    pub rounding: FeeRounding,
    /// Whether the trades of others are shown; without them, contracts that left the top of a book may have been traded.
    pub sees_trades: bool,
}

impl Default for PaperSettings {
    fn default() -> Self {
        Self {
            latency: TimeDelta::milliseconds(500),
            bankroll: Money::dollars(1_000),
            rounding: FeeRounding::Direct,
            sees_trades: false,
        }
    }
}

/// The paper account in figures: the pessimistic reading is the headline, the optimistic stands beside it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct PaperFigures {
    /// Spendable cash before what open orders reserve.
    pub cash: Money,
    /// What open positions cost, fees apart.
    pub cost: Money,
    /// Profit of what was closed or settled, fees apart.
    pub realized: Money,
    /// Fees paid.
    pub fees: Money,
    /// What the same fills would have saved at the prices of the decision, fees included, since the process started:
    /// the optimistic profit is the pessimistic one plus this.
    pub optimistic_gain: Money,
    /// Contracts that the decision's book offered and that were not filled, since the process started.
    pub missed: Contracts,
    /// The profit since the account was opened, read two ways; what was missed counts since the process started.
    pub band: PaperBand,
}

/// What the desk knows of a market.
#[derive(Debug, Clone)]
pub(super) struct Terms {
    pub(super) fees: FeeSchedule,
    grid: PriceGrid,
    status: MarketStatus,
}

/// How long finished orders, fills and settlements can be read: far longer than any poll reaches back.
const KEPT: TimeDelta = TimeDelta::days(2);

/// Orders, account and books of the paper venue.
#[derive(Debug)]
pub(super) struct Desk {
    pub(super) settings: PaperSettings,
    pub(super) account: AccountBooks,
    pub(super) terms: BTreeMap<Ticker, Terms>,
    pub(super) books: BTreeMap<Ticker, Book>,
    pub(super) taken: TakenDepth,
    pub(super) tickets: BTreeMap<u64, Ticket>,
    by_venue_id: BTreeMap<VenueOrderId, u64>,
    next: u64,
    pub(super) fills: Vec<Fill>,
    settlements: Vec<SettlementRecord>,
    pub(super) optimistic_gain: Money,
    pub(super) missed: Contracts,
    pub(super) shadows: Shadows,
    pub(super) opening: Money,
}

impl Desk {
    pub(super) const fn new(settings: PaperSettings) -> Self {
        Self {
            account: AccountBooks::opening(settings.bankroll),
            settings,
            terms: BTreeMap::new(),
            books: BTreeMap::new(),
            taken: TakenDepth::new(),
            tickets: BTreeMap::new(),
            by_venue_id: BTreeMap::new(),
            next: 0,
            fills: Vec::new(),
            settlements: Vec::new(),
            optimistic_gain: Money::ZERO,
            missed: Contracts::ZERO,
            shadows: Shadows::new(),
            opening: settings.bankroll,
        }
    }

    /// Takes up the account that a database tells of.
    pub(super) fn restore(&mut self, restored: &Restored, at: DateTime<Utc>) -> Result<(), BookingError> {
        let opening = restored.opening_cash.unwrap_or(self.settings.bankroll);
        let told = Restored {
            fills: restored.fills.clone(),
            settlements: restored.settlements.clone(),
            opening_cash: Some(opening),
            ..Restored::default()
        };
        let mut desk = Self {
            account: AccountBooks::from_restored(&told)?,
            fills: told.fills,
            settlements: told.settlements,
            opening,
            ..Self::new(self.settings)
        };
        std::mem::swap(&mut desk.terms, &mut self.terms);
        std::mem::swap(&mut desk.books, &mut self.books);
        // Ids once used stay used, finished or not.
        for (venue, _) in &restored.venue_ids {
            desk.by_venue_id.insert(venue.clone(), u64::MAX);
        }
        for order in &restored.open_orders {
            let request = restored
                .requests
                .iter()
                .find(|stored| stored.request.client_order_id == order.client_order_id);
            if let (Some(venue), Some(stored)) = (&order.venue_order_id, request) {
                desk.take_up(order, stored.request.clone(), venue.clone(), at);
            }
        }
        *self = desk;
        Ok(())
    }

    /// Puts a restored order back: one that rests goes on resting, one that was still arriving has lost its book.
    fn take_up(
        &mut self,
        order: &autotrader_domain::Order,
        request: OrderRequest,
        venue: VenueOrderId,
        at: DateTime<Utc>,
    ) {
        let rests = matches!(request.time_in_force, TimeInForce::GoodTillCanceled { .. });
        let of_order = self.fills.iter().filter(|fill| fill.venue_order_id == venue);
        let (mut filled, mut fills) = (Contracts::ZERO, 0_u32);
        for fill in of_order {
            filled = filled.checked_add(fill.contracts).unwrap_or(filled);
            fills = fills.saturating_add(1);
        }
        let done = !rests || filled >= request.contracts;
        let reserved = if done {
            Money::ZERO
        } else {
            self.collateral(&request, order.intent.fees)
                .unwrap_or(Money::ZERO)
        };
        self.file(Ticket {
            request,
            venue_order_id: venue,
            phase: if done { Phase::Done } else { Phase::Resting },
            filled,
            fills,
            hoped: Contracts::ZERO,
            rounding: FeeAccumulator::default(),
            reserved,
            placed_at: order.created_at,
            changed_at: at,
        });
    }

    fn file(&mut self, ticket: Ticket) {
        self.by_venue_id.insert(ticket.venue_order_id.clone(), self.next);
        self.tickets.insert(self.next, ticket);
        self.next += 1;
    }

    /// Takes an order: it is refused at once or accepted as resting until a later book decides.
    pub(super) fn place(&mut self, request: &OrderRequest, at: DateTime<Utc>) -> PlaceOutcome {
        self.expire(at);
        match self.admit(request, at) {
            Ok(ticket) => {
                let outcome = PlaceOutcome::Accepted {
                    venue_order_id: ticket.venue_order_id.clone(),
                    filled: Contracts::ZERO,
                    remaining: ticket.open_contracts(),
                };
                self.file(ticket);
                outcome
            }
            Err((reason, detail)) => PlaceOutcome::Rejected { reason, detail },
        }
    }

    fn admit(&self, request: &OrderRequest, at: DateTime<Utc>) -> Result<Ticket, (RejectReason, String)> {
        let refuse = |reason, detail: &str| Err((reason, detail.to_owned()));
        let Some(venue_order_id) = venue_id(&request.client_order_id) else {
            return refuse(RejectReason::BadRequest, "The id cannot be used.");
        };
        if self.by_venue_id.contains_key(&venue_order_id) {
            return refuse(RejectReason::DuplicateOrder, "The id was used before.");
        }
        let Some(terms) = self.terms.get(&request.ticker) else {
            return refuse(RejectReason::NotFound, "The market has not been shown.");
        };
        match terms.status {
            MarketStatus::Active => {}
            MarketStatus::Inactive => return refuse(RejectReason::TradingPaused, "The market is paused."),
            _ => return refuse(RejectReason::MarketInactive, "The market is not open."),
        }
        let immediate = !matches!(request.time_in_force, TimeInForce::GoodTillCanceled { .. });
        if request.contracts.is_zero()
            || (request.reduce_only && !immediate)
            || (request.post_only && immediate)
        {
            return refuse(
                RejectReason::InvalidOrder,
                "Empty, reduce-only and resting, or post-only and immediate.",
            );
        }
        if !terms.grid.allows(request.limit) {
            return refuse(RejectReason::InvalidPrice, "The price is off the grid.");
        }
        let Some(reserved) = self.collateral(request, terms.fees) else {
            return refuse(RejectReason::InvalidOrder, "The market's fees are not known.");
        };
        let cash = self.account.cash.unwrap_or(Money::ZERO);
        if self.reserved().saturating_add(reserved) > cash {
            return Err((
                RejectReason::InsufficientBalance,
                format!(
                    "It needs {reserved} dollars of {cash}, of which {} are reserved.",
                    self.reserved()
                ),
            ));
        }
        let book = self.books.get(&request.ticker);
        let decided = book.map(|book| Decided {
            available: self.taken.available(book, request.side, request.limit),
            shown: shown_within(book, request),
        });
        if request.post_only && decided.as_ref().is_some_and(|decided| !decided.shown.is_empty()) {
            return refuse(RejectReason::PostOnlyCross, "It would take at once.");
        }
        let phase = match decided {
            None if immediate => Phase::Done,
            decided => Phase::Arriving {
                due: due(at, self.settings.latency),
                decided_at: book.map_or(at, |book| book.received_at),
                decided: decided.unwrap_or_default(),
            },
        };
        Ok(Ticket {
            request: request.clone(),
            venue_order_id,
            reserved: if phase == Phase::Done {
                Money::ZERO
            } else {
                reserved
            },
            phase,
            filled: Contracts::ZERO,
            fills: 0,
            hoped: Contracts::ZERO,
            rounding: FeeAccumulator::default(),
            placed_at: at,
            changed_at: at,
        })
    }

    /// The most cash an order may need: what it opens at its limit, and its fee. Cash needed falls with a better price.
    fn collateral(&self, request: &OrderRequest, fees: FeeSchedule) -> Option<Money> {
        let net = self.account.position(&request.ticker).net;
        let opening = request
            .contracts
            .saturating_sub(net.reduced_by(request.side, request.contracts));
        let price = match request.side {
            BookSide::Bid => request.limit,
            BookSide::Ask => request.limit.complement(),
        };
        let fee = fees.fee(
            Liquidity::Taker,
            request.limit,
            request.contracts,
            FeeRounding::Cent,
        )?;
        let fee = if opening.is_zero() { Money::ZERO } else { fee };
        price.times(opening)?.checked_add(fee)
    }

    fn reserved(&self) -> Money {
        self.tickets.values().map(|ticket| ticket.reserved).sum()
    }

    /// Takes an order off the book.
    pub(super) fn cancel(&mut self, venue: &VenueOrderId, at: DateTime<Utc>) -> CancelOutcome {
        self.expire(at);
        let key = self.by_venue_id.get(venue).copied();
        let open = key
            .and_then(|key| self.tickets.get(&key))
            .map(Ticket::open_contracts);
        match (key, open) {
            (Some(key), Some(reduced_by)) if !reduced_by.is_zero() => {
                self.give_up(key, at);
                CancelOutcome::Canceled { reduced_by }
            }
            _ => CancelOutcome::NotOnBook,
        }
    }

    /// Ends an order before the market decided on it; one that was still arriving may have met its book.
    fn give_up(&mut self, key: u64, at: DateTime<Utc>) {
        let Some(ticket) = self.tickets.get_mut(&key) else {
            return;
        };
        let (phase, request) = (ticket.phase.clone(), ticket.request.clone());
        ticket.finish(at);
        if let Phase::Arriving { due, decided, .. } = phase
            && due <= at
        {
            let net = self.account.position(&request.ticker).net;
            let hoped = self.hopeful_size(&request, net);
            self.hope(key, &decided.shown, Contracts::ZERO, hoped);
        }
    }

    /// Takes every open order off the book.
    pub(super) fn cancel_all(&mut self, at: DateTime<Utc>) {
        for ticket in self.tickets.values_mut().filter(|ticket| ticket.is_open()) {
            ticket.finish(at);
        }
    }

    /// Learns a market's terms and follows its life; `true` when that changed an order or the account.
    pub(super) fn on_market(&mut self, market: &Market, at: DateTime<Utc>) -> bool {
        self.terms.insert(
            market.ticker.clone(),
            Terms {
                fees: market.fees,
                grid: market.grid.clone(),
                status: market.status,
            },
        );
        match (market.status, market.settlement_value) {
            (MarketStatus::Finalized, Some(yes_value)) => self.on_settled(&market.ticker, yes_value, at),
            (
                MarketStatus::Closed
                | MarketStatus::Determined
                | MarketStatus::Disputed
                | MarketStatus::Amended
                | MarketStatus::Finalized,
                _,
            ) => self.on_closed(&market.ticker, at),
            _ => false,
        }
    }

    /// Cancels what is open on a market that has closed; `true` when there was something.
    pub(super) fn on_closed(&mut self, ticker: &Ticker, at: DateTime<Utc>) -> bool {
        if let Some(terms) = self.terms.get_mut(ticker)
            && terms.status == MarketStatus::Active
        {
            terms.status = MarketStatus::Closed;
        }
        let open = self.open_on(ticker);
        for key in &open {
            self.give_up(*key, at);
        }
        !open.is_empty()
    }

    /// Pays out a settled market, once; `true` when that changed an order or the account.
    pub(super) fn on_settled(&mut self, ticker: &Ticker, yes_value: Price, at: DateTime<Utc>) -> bool {
        let closed = self.on_closed(ticker, at);
        self.shadows.settle(ticker, yes_value);
        if self.account.position(ticker).net.is_flat() {
            return closed;
        }
        let record = SettlementRecord {
            ticker: ticker.clone(),
            yes_value,
            fee: Money::ZERO,
            settled_at: at,
        };
        match self.account.settle(&record) {
            Ok(()) => {
                self.settlements.push(record);
                true
            }
            Err(error) => {
                tracing::error!(%error, "paper_settlement_failed");
                closed
            }
        }
    }

    /// Shows a newer book: arriving orders meet it, resting ones fill if it goes through them. `true` when an order or
    /// the account changed.
    pub(super) fn on_book(&mut self, book: &Book) -> bool {
        if self
            .books
            .get(&book.ticker)
            .is_some_and(|known| known.received_at > book.received_at)
        {
            return false;
        }
        let at = book.received_at;
        self.forget_before(at - KEPT);
        let mut changed = self.expire(at);
        self.taken.observe(book);
        if !self.settings.sees_trades {
            self.suspect_trades(book);
        }
        for key in self.open_on(&book.ticker) {
            let Some(ticket) = self.tickets.get(&key) else {
                continue;
            };
            changed |= match &ticket.phase {
                Phase::Arriving { decided, .. } if ticket.arrives_with(at) => {
                    let decided = decided.clone();
                    self.arrive(key, &decided, book);
                    true
                }
                Phase::Resting => self.trade_through(key, book, Liquidity::Maker),
                Phase::Arriving { .. } | Phase::Done => false,
            };
        }
        self.books.insert(book.ticker.clone(), book.clone());
        changed
    }

    /// Contracts that have left the top of the book since the one before may have been traded, and then resting orders there
    /// or before it were served as well.
    fn suspect_trades(&mut self, book: &Book) {
        for key in self.open_on(&book.ticker) {
            let gone = self.tickets.get(&key).and_then(|ticket| {
                let (side, limit) = (ticket.request.side, ticket.request.limit);
                let before = self.books.get(&book.ticker)?;
                let taker = match side {
                    BookSide::Bid => BookSide::Ask,
                    BookSide::Ask => BookSide::Bid,
                };
                let top = before.against(taker).next()?;
                let arrived = match ticket.phase {
                    Phase::Resting => true,
                    Phase::Arriving { due, .. } => due <= book.received_at,
                    Phase::Done => false,
                };
                let left = book.against(taker).find(|level| level.price == top.price);
                let left = left.map_or(Contracts::ZERO, |level| level.size);
                (arrived && within(side, top.price, limit)).then(|| top.size.saturating_sub(left))
            });
            if let Some(gone) = gone {
                self.touch(key, gone);
            }
        }
    }

    /// Shows a trade: resting orders that it went through fill, up to its size. `true` when one did.
    pub(super) fn on_trade(
        &mut self,
        ticker: &Ticker,
        price: Price,
        size: Contracts,
        at: DateTime<Utc>,
    ) -> bool {
        let mut changed = self.expire(at);
        self.taken.trade(ticker, price);
        let mut left = size;
        for key in self.open_on(ticker) {
            let Some(ticket) = self.tickets.get(&key) else {
                continue;
            };
            let (side, limit) = (ticket.request.side, ticket.request.limit);
            let through = price != limit && within(side, price, limit);
            let contracts = left.min(ticket.open_contracts());
            let rests = ticket.phase == Phase::Resting;
            // One that has reached the market before the next book was shown may be served as well.
            let arrived = matches!(ticket.phase, Phase::Arriving { due, .. } if due <= at);
            if (rests && price == limit) || (arrived && within(side, price, limit)) {
                self.touch(key, size);
            }
            if rests && through && !contracts.is_zero() {
                left = left.saturating_sub(contracts);
                self.execute(key, limit, contracts, Liquidity::Maker, at);
                self.finish_if_whole(key, at);
                changed = true;
            }
        }
        changed
    }

    fn open_on(&self, ticker: &Ticker) -> Vec<u64> {
        self.tickets
            .iter()
            .filter(|(_, ticket)| ticket.request.ticker == *ticker && ticket.is_open())
            .map(|(key, _)| *key)
            .collect()
    }

    /// Forgets what nobody asks for any more; used ids stay used, and the account keeps its sums.
    fn forget_before(&mut self, at: DateTime<Utc>) {
        self.tickets
            .retain(|_, ticket| ticket.is_open() || ticket.changed_at >= at);
        self.fills.retain(|fill| fill.filled_at >= at);
        self.settlements.retain(|settled| settled.settled_at >= at);
    }

    /// Removes resting orders past their expiry.
    pub(super) fn expire(&mut self, at: DateTime<Utc>) -> bool {
        let mut changed = false;
        for ticket in self.tickets.values_mut() {
            if ticket.is_open() && ticket.has_expired(at) {
                ticket.finish(at);
                changed = true;
            }
        }
        changed
    }

    pub(super) fn figures(&self) -> PaperFigures {
        let positions = || self.account.positions.values();
        PaperFigures {
            cash: self.account.cash.unwrap_or(Money::ZERO),
            cost: positions().map(|position| position.cost).sum(),
            realized: positions().map(|position| position.realized).sum(),
            fees: positions().map(|position| position.fees).sum(),
            optimistic_gain: self.optimistic_gain,
            missed: self.missed,
            band: self.band(),
        }
    }

    pub(super) const fn account(&self) -> &AccountBooks {
        &self.account
    }

    pub(super) fn fills(&self) -> &[Fill] {
        &self.fills
    }

    pub(super) fn settlements(&self) -> &[SettlementRecord] {
        &self.settlements
    }

    pub(super) fn tickets(&self) -> impl Iterator<Item = &Ticket> {
        self.tickets.values()
    }

    pub(super) fn ticket(&self, venue: &VenueOrderId) -> Option<&Ticket> {
        self.tickets.get(self.by_venue_id.get(venue)?)
    }
}
