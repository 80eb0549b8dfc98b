//! Hand-written ports: a venue that follows a script, a store that refuses what a database would refuse.

mod paper;
mod store;
mod venue;

use std::collections::{BTreeMap, BTreeSet};
use std::future::Future;
use std::sync::Arc;

use autotrader_domain::ports::Clock;
use autotrader_domain::{
    AcceptedBoard, BoardHash, BoardStanding, Book, BookSide, Claim, ClientOrderId, Contracts, ExchangeStatus,
    FeeSchedule, Fill, Generation, Intent, ManualClock, Market, MarketStatus, Money, Order, OrderState,
    ParsePath, Portfolio, Price, PriceGrid, Purpose, RiskView, Ticker, TimeInForce, Vintage,
};
use autotrader_execution::{AccountBooks, ExecutionEvent, ExecutionSettings, Executor, NoPause};
use autotrader_risk::{Approved, Limits, RiskEngine};
use chrono::{DateTime, TimeDelta, Utc};

pub use paper::{Paper, SETTINGS, ladder};
pub use store::Store;
pub use venue::{Plan, Venue};

pub const IOC: TimeInForce = TimeInForce::ImmediateOrCancel;
pub const GTC: TimeInForce = TimeInForce::GoodTillCanceled { expires_at: None };

pub fn start() -> DateTime<Utc> {
    "2026-09-28T12:00:00Z".parse().unwrap()
}

pub fn price(text: &str) -> Price {
    text.parse().unwrap()
}

pub fn money(text: &str) -> Money {
    text.parse().unwrap()
}

pub fn ticker(name: &str) -> Ticker {
    name.parse().unwrap()
}

/// An order as the core decides it: the `generation`-th on its contract.
pub fn order(name: &str, generation: u64, side: BookSide, contracts: u32, limit: &str) -> Order {
    let at = start();
    Order {
        client_order_id: format!("kat1-{name}-{generation}").parse().unwrap(),
        generation: Generation(generation),
        venue_order_id: None,
        intent: Intent {
            ticker: ticker(name),
            event: "EVENT".parse().unwrap(),
            series: "SERIES".parse().unwrap(),
            claim: Claim::Organization {
                organization: name.to_owned(),
            },
            side,
            contracts: Contracts::whole(contracts),
            limit: price(limit),
            time_in_force: IOC,
            purpose: Purpose::Entry,
            fees: FeeSchedule::QUADRATIC,
            check_time: at + TimeDelta::days(1),
            post_only: false,
            edge: Money::ZERO,
            strategy: "test".into(),
            rationale: "A test wants it.".into(),
        },
        reduce_only: false,
        state: OrderState::Intended,
        filled: Contracts::ZERO,
        created_at: at,
        updated_at: at,
        reject_reason: None,
    }
}

pub fn bid(name: &str, contracts: u32, limit: &str) -> Order {
    order(name, 1, BookSide::Bid, contracts, limit)
}

pub fn resting(mut order: Order) -> Order {
    order.intent.time_in_force = GTC;
    order
}

pub fn market(name: &str) -> Market {
    Market {
        ticker: ticker(name),
        event: "EVENT".parse().unwrap(),
        series: "SERIES".parse().unwrap(),
        status: MarketStatus::Active,
        close_time: start() + TimeDelta::days(1),
        grid: PriceGrid::whole_cents(),
        fees: FeeSchedule::QUADRATIC,
        rules_primary: String::new(),
        rules_secondary: String::new(),
        strike_model: None,
        yes_sub_title: name.to_owned(),
        exchange_index: 0,
        result: None,
        settlement_value: None,
    }
}

/// The only way to an approval: a review, here under limits that refuse nothing.
pub fn approve(order: Order) -> Approved<Order> {
    let large = Money::dollars(1_000_000_000);
    let many = Contracts::whole(1_000_000);
    let limits = Limits {
        max_order_contracts: many,
        max_position_per_contract: many,
        max_position_per_event: many,
        max_worst_state_loss: large,
        max_lab_exposure: large,
        max_portfolio_exposure_bp: 10_000,
        max_orders_per_minute: u32::MAX,
        ..Limits::default()
    };
    let portfolio = Portfolio {
        cash: large,
        ..Portfolio::default()
    };
    let name = order.intent.ticker.as_str().to_owned();
    let markets = BTreeMap::from([(order.intent.ticker.clone(), market(&name))]);
    let book = Book::new(order.intent.ticker.clone(), order.created_at, vec![], vec![]).unwrap();
    let standing = BoardStanding {
        accepted: Some(Arc::new(AcceptedBoard {
            board: Arc::default(),
            hash: BoardHash([1; 32]),
            vintage: Vintage(order.created_at),
            path: ParsePath::Flight,
            accepted_at: order.created_at,
        })),
        feed_at: Some(order.created_at),
        ..BoardStanding::default()
    };
    let view = RiskView {
        at: order.created_at,
        portfolio: &portfolio,
        mappings: &BTreeMap::new(),
        markets: &markets,
        books: &BTreeMap::from([(order.intent.ticker.clone(), book)]),
        standing: &standing,
        exchange: Some(ExchangeStatus {
            exchange_active: true,
            trading_active: true,
        }),
        equity: large,
    };
    RiskEngine::new(limits).review(order, &view).unwrap()
}

/// A process with its database, venue and clock, and a core that takes in what it is told.
pub struct World {
    pub clock: Arc<ManualClock>,
    pub venue: Arc<Venue>,
    pub store: Arc<Store>,
    pub executor: Executor,
    pub core: Core,
}

impl World {
    pub fn new() -> Self {
        let clock = Arc::new(ManualClock::new(start()));
        let venue = Arc::new(Venue::new(clock.clone()));
        let store = Arc::new(Store::default());
        store.with(|s| s.opening_cash = Some(Money::dollars(1_000)));
        let executor = executor(&clock, &venue, &store);
        let core = Core::default();
        Self {
            clock,
            venue,
            store,
            executor,
            core,
        }
    }

    pub fn pass(&self, time: TimeDelta) {
        let now = self.clock.now();
        self.clock.advance_to(now + time);
    }

    pub async fn place(&mut self, order: Order) -> Vec<ExecutionEvent> {
        let events = self.executor.place(approve(order), 0).await;
        self.core.take(&events);
        events
    }

    pub async fn cancel(&mut self, id: &ClientOrderId) -> Vec<ExecutionEvent> {
        let events = self.executor.cancel(id).await;
        self.core.take(&events);
        events
    }

    pub async fn poll(&mut self) -> Vec<ExecutionEvent> {
        let events = self.executor.poll().await;
        self.core.take(&events);
        events
    }

    /// The process dies; another one starts on the same database.
    pub async fn restart(&mut self) -> Vec<ExecutionEvent> {
        let restored = self.store.restored();
        self.executor = executor(&self.clock, &self.venue, &self.store);
        self.core = Core::default();
        for order in &restored.open_orders {
            self.core
                .orders
                .insert(order.client_order_id.clone(), order.clone());
        }
        self.core.fill_ids = restored.fills.iter().map(|fill| fill.fill_id.clone()).collect();
        self.core.books = AccountBooks::from_restored(&restored).unwrap();
        let events = self.executor.restore(&restored).await;
        self.core.take(&events);
        events
    }

    pub fn state(&self, id: &ClientOrderId) -> OrderState {
        self.core.orders[id].state
    }
}

fn executor(clock: &Arc<ManualClock>, venue: &Arc<Venue>, store: &Arc<Store>) -> Executor {
    Executor::new(
        venue.clone(),
        venue.clone(),
        store.clone(),
        clock.clone(),
        Arc::new(NoPause),
        ExecutionSettings::default(),
    )
    .opened_with(Money::dollars(1_000))
}

/// What a core makes of the events; it insists on legal steps and on each fill once.
#[derive(Debug, Default)]
pub struct Core {
    pub orders: BTreeMap<ClientOrderId, Order>,
    pub fill_ids: BTreeSet<String>,
    pub fills: Vec<Fill>,
    pub books: AccountBooks,
}

impl Core {
    pub fn take(&mut self, events: &[ExecutionEvent]) {
        for event in events {
            match event {
                ExecutionEvent::Order(update) => {
                    let next = &update.order;
                    let state = self
                        .orders
                        .get(&next.client_order_id)
                        .map_or(OrderState::Intended, |order| order.state);
                    assert!(
                        state == next.state || state.may_become(next.state),
                        "{state:?} -> {:?}",
                        next.state
                    );
                    if next.filled >= next.intent.contracts {
                        assert!(next.state.is_terminal(), "whole but {:?}", next.state);
                    }
                    self.orders.insert(next.client_order_id.clone(), next.clone());
                }
                ExecutionEvent::Fill(fill) => {
                    assert!(
                        self.fill_ids.insert(fill.fill_id.clone()),
                        "{} twice",
                        fill.fill_id
                    );
                    self.books.book(fill).unwrap();
                    self.fills.push(fill.clone());
                }
                ExecutionEvent::Settlement(settled) => self.books.settle(settled).unwrap(),
                _ => {}
            }
        }
    }
}

/// Lets a call run until it waits for something, then drops it: the process dies there. `None` when it did.
pub async fn attempt<T>(call: impl Future<Output = T>) -> Option<T> {
    tokio::select! {
        biased;
        done = call => Some(done),
        () = std::future::ready(()) => None,
    }
}

/// As [`attempt`], for a call that must die.
pub async fn crash<T>(call: impl Future<Output = T>) {
    assert!(
        attempt(call).await.is_none(),
        "the call was to hang at its crash point"
    );
}

/// The events in short: states, fills, and the names of everything else.
pub fn short(events: &[ExecutionEvent]) -> Vec<String> {
    events
        .iter()
        .map(|event| match event {
            ExecutionEvent::Order(update) => update.order.state.as_str().to_owned(),
            ExecutionEvent::Fill(fill) => format!("fill {} at {}", fill.contracts, fill.price),
            ExecutionEvent::Settlement(settled) => format!("settled {}", settled.ticker),
            ExecutionEvent::Unsent { .. } => "unsent".to_owned(),
            ExecutionEvent::AccessRefused { .. } => "access refused".to_owned(),
            ExecutionEvent::Mismatch { .. } => "mismatch".to_owned(),
            ExecutionEvent::ForeignOrders { .. } => "foreign".to_owned(),
            ExecutionEvent::StoreFailed { .. } => "store failed".to_owned(),
            ExecutionEvent::SchemaBroken { .. } => "schema broken".to_owned(),
        })
        .collect()
}
