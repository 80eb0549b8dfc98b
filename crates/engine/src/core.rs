//! The state machine itself.

mod approvals;
mod commands;
mod decide;
mod flatten;
mod health;
mod history;
mod outcomes;
mod resting;
mod snapshot;
mod withdraw;

pub use snapshot::Snapshot;

use std::collections::{BTreeMap, BTreeSet};

use autotrader_domain::ports::{Restored, SignalSource, Strategy};
use autotrader_domain::{
    Alert, Approvals, BoardHistory, BoardStanding, Book, Booking, ClientOrderId, ExchangeStatus, Fill,
    Generation, Mapping, Market, MarketStatus, Money, Observation, OrderState, OrderUpdate, Purpose, Reading,
    Reason, Record, RejectReason, SeriesTicker, SettlementRecord, Severity, Ticker, Why, bookings,
};
use autotrader_risk::{Cause, Limits, RiskEngine};
use chrono::{DateTime, TimeDelta, Utc};

use crate::account::new_york_day;
use crate::why_ledger::WhyLedger;
use crate::{Account, AccountScope, Chain, ChainHash, Effect, Event, Flattening, JournalRecord, Pages};

/// What the core must be told once.
#[derive(Debug, Clone)]
pub struct EngineSettings {
    /// What makes our order ids ours.
    pub scope: AccountScope,
    /// The shortest time between two evaluations that only books caused.
    pub evaluation_interval: TimeDelta,
    /// How long a contract rests after the exchange refused an order on it.
    pub cooldown: TimeDelta,
}

/// What handling one event led to.
#[derive(Debug)]
pub struct Handled {
    /// What is to be done, in order.
    pub effects: Vec<Effect>,
    /// The journal's record of the step.
    pub record: JournalRecord,
}

/// The pure core.
pub struct Engine {
    settings: EngineSettings,
    signals: Box<dyn SignalSource>,
    history: BoardHistory,
    written: history::Written,
    outcomes: outcomes::Outcomes,
    strategy: Box<dyn Strategy>,
    risk: RiskEngine,
    account: Account,
    markets: BTreeMap<Ticker, Market>,
    mappings: BTreeMap<Ticker, Mapping>,
    approvals: Approvals,
    /// The mappings as they were last written down, and whether they may have changed since.
    recorded: BTreeMap<Ticker, Mapping>,
    remapped: bool,
    books: BTreeMap<Ticker, Book>,
    exchange: Option<ExchangeStatus>,
    generations: BTreeMap<Ticker, Generation>,
    /// Until when a contract takes no entry, because its last order came to nothing.
    cooling: BTreeMap<Ticker, DateTime<Utc>>,
    /// Until when it takes no exit, because its last exit came to nothing: an entry that failed keeps nothing from going.
    cooling_exits: BTreeMap<Ticker, DateTime<Utc>>,
    resting: resting::Resting,
    unexplained: BTreeSet<Ticker>,
    refused: BTreeMap<Ticker, (Reason, DateTime<Utc>)>,
    why: WhyLedger,
    dirty: bool,
    evaluated_at: Option<DateTime<Utc>>,
    health: health::Watch,
    withdrawn: withdraw::Asked,
    quiet_until: Option<DateTime<Utc>>,
    flattening: Option<Flattening>,
    chain: Chain,
}

impl std::fmt::Debug for Engine {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Engine")
            .field("strategy", &self.strategy.name())
            .field("risk", &self.risk)
            .field("account", &self.account)
            .field("chain", &self.chain)
            .finish_non_exhaustive()
    }
}

impl Engine {
    /// A core with an account that holds `cash` and nothing else.
    #[must_use]
    pub fn new(
        settings: EngineSettings,
        signals: Box<dyn SignalSource>,
        strategy: Box<dyn Strategy>,
        risk: RiskEngine,
        cash: Money,
    ) -> Self {
        Self {
            settings,
            signals,
            history: BoardHistory::default(),
            written: history::Written::default(),
            outcomes: outcomes::Outcomes::default(),
            strategy,
            risk,
            account: Account::opened_with(cash),
            markets: BTreeMap::new(),
            mappings: BTreeMap::new(),
            approvals: Approvals::default(),
            recorded: BTreeMap::new(),
            remapped: false,
            books: BTreeMap::new(),
            exchange: None,
            generations: BTreeMap::new(),
            cooling: BTreeMap::new(),
            cooling_exits: BTreeMap::new(),
            resting: resting::Resting::default(),
            unexplained: BTreeSet::new(),
            refused: BTreeMap::new(),
            why: WhyLedger::default(),
            dirty: false,
            evaluated_at: None,
            health: health::Watch::default(),
            withdrawn: withdraw::Asked::default(),
            quiet_until: None,
            flattening: None,
            chain: Chain::default(),
        }
    }

    /// Continues the hash chain of an earlier process; call before the first event.
    pub fn continue_chain(&mut self, seq: u64, link: ChainHash) {
        self.chain = Chain::after(seq, link);
    }

    /// The boards that the next records may name by their hash.
    #[must_use]
    pub fn pages(&self) -> Pages {
        Pages::after(&self.chain)
    }

    /// Learns at the very first start what cash the account holds, and the limits that follow from it.
    pub fn open_with(&mut self, cash: Money, limits: Limits) {
        self.account.learn_cash(cash);
        self.risk.set_limits(limits);
    }

    /// Takes up what the database knew before a restart; call once, before the first event.
    pub fn restore(&mut self, restored: Restored) {
        self.restore_history(&restored.history, restored.accepted.as_ref(), &restored.renames);
        if let Some(accepted) = restored.accepted {
            self.signals.restore(accepted, restored.renames);
        }
        self.restore_approvals(&restored.approvals, restored.terms);
        self.outcomes.restore(restored.undecided);
        for booking in bookings(&restored.fills, &restored.settlements) {
            self.restore_booking(booking);
        }
        if let Some(mark) = restored.equity {
            self.account.restore_equity(mark);
        }
        for order in restored.open_orders {
            let update = OrderUpdate {
                order,
                detail: "restored".into(),
            };
            self.account.book_order(&update);
        }
        self.generations = restored
            .generations
            .into_iter()
            .map(|(t, g)| (t, Generation(g)))
            .collect();
        for (code, equity, at) in restored.loss_bases {
            // A base of another version's cause has no limit to move.
            if let Ok(cause) = code.parse::<Cause>() {
                // The highest equity since the release is known from the account.
                let since = self.account.peak().filter(|_| cause == Cause::Drawdown);
                let base = since.map_or(equity, |peak| peak.max(equity));
                self.risk.rebase(cause, base, new_york_day(at));
            }
        }
        for (code, detail) in restored.causes {
            match code.parse::<Cause>() {
                Ok(cause) => self.risk.raise(cause, detail),
                // A cause of another version still restricts: the strictest known one stands for it.
                Err(unknown) => self
                    .risk
                    .raise(Cause::OperatorHalt, format!("{unknown}; {detail}")),
            };
        }
    }

    fn restore_booking(&mut self, booking: Booking<'_>) {
        if let Err(error) = self.account.portfolio.book(booking) {
            self.risk.raise(Cause::ReconciliationMismatch, error.to_string());
        }
        if let Booking::Fill(fill) = booking
            && fill.client_order_id.is_none()
        {
            self.unexplained.insert(fill.ticker.clone());
        }
    }

    /// Handles one event: a pure function of the state before, the time and the event.
    ///
    /// # Errors
    /// The serialiser's error when the journal record cannot be written; the state has then advanced and the caller
    /// must stop trading.
    pub fn handle(&mut self, at: DateTime<Utc>, event: &Event) -> Result<Handled, serde_json::Error> {
        let mut effects = Vec::new();
        self.record_waiting(&mut effects);
        // What an event changes is known first, then what that means for trading, and only then is anything decided.
        let mut urgent = false;
        match event {
            Event::Reading(reading) => urgent = self.on_reading(at, reading, &mut effects),
            Event::Markets { series, markets } => self.on_markets(at, series, markets, &mut effects),
            Event::Market(market) => self.on_market(at, market, &mut effects),
            Event::Book(book) => self.on_book(book),
            Event::BookBroken { ticker, detail } => self.on_book_broken(at, ticker, detail, &mut effects),
            Event::Exchange(status) => self.exchange = Some(*status),
            Event::Order(update) => self.on_order(at, update, &mut effects),
            Event::Unsent { client_order_id, .. } => self.on_unsent(at, client_order_id),
            Event::Fill(fill) => self.on_fill(at, fill, &mut effects),
            Event::Settlement(settlement) => self.on_settlement(at, settlement, &mut effects),
            Event::Mismatch { detail } => self.raise(at, Cause::ReconciliationMismatch, detail, &mut effects),
            Event::ForeignOrders { detail } => self.raise(at, Cause::ForeignOrders, detail, &mut effects),
            Event::SchemaBroken { detail } => self.raise(at, Cause::SchemaError, detail, &mut effects),
            Event::AccessRefused { detail } => self.raise(at, Cause::AccessRefused, detail, &mut effects),
            Event::StoreFailed { detail } => self.raise(at, Cause::StoreNotDurable, detail, &mut effects),
            Event::HaltFile { detail } => self.raise(at, Cause::HaltFile, detail, &mut effects),
            Event::Timer => urgent = self.is_due(at),
            Event::Command(command) => self.on_command(at, command, &mut effects),
        }
        self.watch_health(at, &mut effects);
        if urgent {
            self.evaluate(at, &mut effects);
        }
        self.drive_flatten(at, &mut effects);
        self.withdraw_disallowed(at, &mut effects);
        self.note_terms(at, &mut effects);
        self.record_mappings(at, &mut effects);
        let record = self.chain.append(at, event, &effects)?;
        Ok(Handled { effects, record })
    }

    // === The leaderboard ===

    /// Takes one reading; `true` when what it changed must be decided on at once.
    fn on_reading(&mut self, at: DateTime<Utc>, reading: &Reading, effects: &mut Vec<Effect>) -> bool {
        effects.push(Effect::Record(Record::Reading(reading.clone())));
        let previous = self.signals.standing().accepted.clone();
        let observation = self.signals.observe(reading);
        if let Some(accepted) = &observation.accepted {
            self.observe_board(at, previous.as_deref(), accepted, effects);
        }
        let urgent = observation.accepted.is_some() || observation.challenge_changed;
        self.record_observation(at, observation, effects);
        self.dirty = true;
        if urgent {
            self.remap();
        }
        urgent
    }

    fn record_observation(&self, at: DateTime<Utc>, observation: Observation, effects: &mut Vec<Effect>) {
        if let Some(accepted) = observation.accepted {
            let board = accepted.hash;
            effects.push(Effect::Record(Record::Accepted(accepted)));
            effects.extend(observation.signals.into_iter().map(|signal| {
                let urgency = signal.urgency();
                Effect::Record(Record::Signal {
                    at,
                    board,
                    urgency,
                    signal,
                })
            }));
        }
        effects.extend(observation.alerts.into_iter().map(Effect::Alert));
    }

    // === Markets and books ===

    fn on_markets(
        &mut self,
        at: DateTime<Utc>,
        series: &SeriesTicker,
        markets: &[Market],
        effects: &mut Vec<Effect>,
    ) {
        let listed: BTreeSet<&Ticker> = markets.iter().map(|market| &market.ticker).collect();
        let account = &self.account.portfolio;
        let outcomes = &mut self.outcomes;
        // A market that is no longer listed stays while something of ours depends on it.
        self.markets.retain(|ticker, market| {
            let stays = market.series != *series
                || listed.contains(ticker)
                || !account.position(ticker).net.is_flat()
                || account.orders_on(ticker).next().is_some();
            if !stays {
                outcomes.unlisted(market);
            }
            stays
        });
        for market in self.markets.values_mut().filter(|market| market.close_time <= at) {
            if market.status == MarketStatus::Active {
                market.status = MarketStatus::Closed;
            }
        }
        for market in markets {
            self.account.see_market(market);
            self.note_outcome(at, market, effects);
            self.markets.insert(market.ticker.clone(), market.clone());
        }
        let known = &self.markets;
        self.books.retain(|ticker, _| known.contains_key(ticker));
        self.why.retain(|ticker| known.contains_key(ticker));
        self.account.retain_marks(|ticker| known.contains_key(ticker));
        self.refused.retain(|ticker, _| known.contains_key(ticker));
        self.remap();
        self.dirty = true;
    }

    fn on_market(&mut self, at: DateTime<Utc>, market: &Market, effects: &mut Vec<Effect>) {
        let outcome_alone =
            !self.markets.contains_key(&market.ticker) && self.outcomes.is_gone(&market.ticker);
        self.note_outcome(at, market, effects);
        let account = &self.account.portfolio;
        let depends = !account.position(&market.ticker).net.is_flat()
            || account.orders_on(&market.ticker).next().is_some();
        if outcome_alone && !depends {
            return;
        }
        self.account.see_market(market);
        self.markets.insert(market.ticker.clone(), market.clone());
        self.mappings.insert(
            market.ticker.clone(),
            self.strategy
                .map(market, self.signals.standing(), &self.approvals),
        );
        self.remapped = true;
        self.dirty = true;
    }

    fn remap(&mut self) {
        let standing = self.signals.standing();
        self.mappings = self
            .markets
            .values()
            .map(|market| {
                let mapping = self.strategy.map(market, standing, &self.approvals);
                (market.ticker.clone(), mapping)
            })
            .collect();
        self.remapped = true;
    }

    fn on_book(&mut self, book: &Book) {
        // An older answer that arrives late says nothing.
        let newer = self
            .books
            .get(&book.ticker)
            .is_none_or(|known| known.received_at <= book.received_at);
        if newer && self.markets.contains_key(&book.ticker) {
            let others = self.without_own(book);
            self.account.see_book(&others);
            self.health.saw_book(book.received_at);
            self.books.insert(book.ticker.clone(), others);
            self.dirty = true;
        }
    }

    fn on_book_broken(
        &mut self,
        at: DateTime<Utc>,
        ticker: &Ticker,
        detail: &str,
        effects: &mut Vec<Effect>,
    ) {
        // Without a book the contract is not traded; nothing is made up in its place.
        self.books.remove(ticker);
        self.dirty = true;
        effects.push(Effect::Alert(Alert {
            severity: Severity::Warning,
            name: format!("book_broken:{ticker}"),
            text: format!("The book of {ticker} cannot be read: {detail}."),
            at,
        }));
    }

    // === Orders and money ===

    fn on_order(&mut self, at: DateTime<Utc>, update: &OrderUpdate, effects: &mut Vec<Effect>) {
        let order = &update.order;
        self.note_end(at, order);
        // A maker that would have taken is refused because the book moved: that is what it asked for.
        let as_asked = order.reject_reason == Some(RejectReason::PostOnlyCross);
        if matches!(order.state, OrderState::Rejected | OrderState::Unknown) && !as_asked {
            effects.push(Effect::Alert(Alert {
                severity: Severity::Warning,
                name: format!("order_{}", order.state.as_str()),
                text: format!(
                    "Order {} on {}: {}.",
                    order.client_order_id, order.intent.ticker, update.detail
                ),
                at,
            }));
        }
        self.account.book_order(update);
        self.note_closing(update);
        self.dirty = true;
    }

    /// Takes an approval back. Its id was never stored, so the next order of the contract is minted with it.
    fn on_unsent(&mut self, at: DateTime<Utc>, id: &ClientOrderId) {
        let Some(order) = self.account.portfolio.open_orders.remove(id) else {
            return;
        };
        let ticker = order.intent.ticker;
        if self.generations.get(&ticker) == Some(&order.generation) {
            match order.generation.0.checked_sub(1) {
                None | Some(0) => self.generations.remove(&ticker),
                Some(before) => self.generations.insert(ticker.clone(), Generation(before)),
            };
        }
        // What reduces is tried again at once; an entry waits, so that a lasting obstacle is not met every second.
        if order.intent.purpose == Purpose::Entry {
            self.cooling.insert(ticker, at + self.settings.cooldown);
        }
        self.dirty = true;
    }

    fn on_fill(&mut self, at: DateTime<Utc>, fill: &Fill, effects: &mut Vec<Effect>) {
        if let Err(error) = self.account.book_fill(fill) {
            self.raise(at, Cause::ReconciliationMismatch, &error.to_string(), effects);
        }
        if fill.client_order_id.is_none() {
            self.unexplained.insert(fill.ticker.clone());
        }
        self.dirty = true;
    }

    fn on_settlement(&mut self, at: DateTime<Utc>, settlement: &SettlementRecord, effects: &mut Vec<Effect>) {
        if let Err(error) = self.account.book_settlement(settlement) {
            self.raise(at, Cause::ReconciliationMismatch, &error.to_string(), effects);
        }
        if let Some(market) = self.markets.get_mut(&settlement.ticker) {
            market.status = MarketStatus::Finalized;
            market.settlement_value = Some(settlement.yes_value);
        }
        self.outcomes.settled(settlement);
        effects.push(Effect::Record(Record::Settlement(settlement.clone())));
        self.dirty = true;
    }

    // === What others may look at ===

    /// The account.
    #[must_use]
    pub const fn account(&self) -> &Account {
        &self.account
    }

    /// What the positions would fetch now.
    #[must_use]
    pub fn marks(&self) -> Money {
        self.account.marked()
    }

    /// Known markets.
    #[must_use]
    pub const fn markets(&self) -> &BTreeMap<Ticker, Market> {
        &self.markets
    }

    /// What the mapping gate says of each market.
    #[must_use]
    pub const fn mappings(&self) -> &BTreeMap<Ticker, Mapping> {
        &self.mappings
    }

    /// Which board stands.
    #[must_use]
    pub fn standing(&self) -> &BoardStanding {
        self.signals.standing()
    }

    /// The latest line of the why-ledger for each contract.
    pub fn why(&self) -> impl Iterator<Item = &Why> {
        self.why.latest()
    }

    /// The risk engine's standing causes and state.
    #[must_use]
    pub const fn risk(&self) -> &RiskEngine {
        &self.risk
    }

    /// How the last flatten stands; `None` when none was asked for since the start.
    ///
    /// A restart forgets it: the halt stands, and the flatten must be asked for again.
    #[must_use]
    pub const fn flatten(&self) -> Option<&Flattening> {
        self.flattening.as_ref()
    }

    /// How many steps its chain covers.
    #[must_use]
    pub const fn steps(&self) -> u64 {
        self.chain.len()
    }

    /// The last link of the hash chain.
    #[must_use]
    pub const fn chain(&self) -> ChainHash {
        self.chain.link()
    }

    /// Contracts whose books are wanted: open for trading, or held.
    #[must_use]
    pub fn watched(&self, at: DateTime<Utc>) -> Vec<Ticker> {
        self.markets
            .values()
            .filter(|market| market.status == MarketStatus::Active && market.close_time > at)
            .map(|market| market.ticker.clone())
            .collect()
    }
}
