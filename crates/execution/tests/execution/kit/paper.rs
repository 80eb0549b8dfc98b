use std::sync::Arc;

use autotrader_domain::ports::Clock;
use autotrader_domain::{Book, Contracts, FeeRounding, Level, ManualClock, Money, Order};
use autotrader_execution::paper::{PaperFigures, PaperGateway, PaperSettings};
use autotrader_execution::{AccountBooks, ExecutionEvent, ExecutionSettings, Executor, NoPause};
use chrono::TimeDelta;

use super::{Core, Store, approve, market, start, ticker};

/// A process that trades on paper, with its database and clock, and a core that takes in what it is told.
pub struct Paper {
    pub clock: Arc<ManualClock>,
    pub gateway: Arc<PaperGateway>,
    pub store: Arc<Store>,
    pub executor: Executor,
    pub core: Core,
}

pub const SETTINGS: PaperSettings = PaperSettings {
    latency: TimeDelta::milliseconds(500),
    bankroll: Money::dollars(100),
    rounding: FeeRounding::Direct,
    sees_trades: true,
};

pub fn ladder(levels: &[(&str, u32)]) -> Vec<Level> {
    levels
        .iter()
        .map(|(price, size)| Level {
            price: price.parse().unwrap(),
            size: Contracts::whole(*size),
        })
        .collect()
}

impl Paper {
    pub fn new(settings: PaperSettings) -> Self {
        let clock = Arc::new(ManualClock::new(start()));
        let store = Arc::new(Store::default());
        store.with(|rows| rows.opening_cash = Some(settings.bankroll));
        Self::start(settings, clock, store)
    }

    fn start(settings: PaperSettings, clock: Arc<ManualClock>, store: Arc<Store>) -> Self {
        let gateway = Arc::new(PaperGateway::new(settings, clock.clone()));
        for name in ["A", "B"] {
            gateway.on_market(&market(name));
        }
        let executor = Executor::new(
            gateway.clone(),
            gateway.clone(),
            store.clone(),
            clock.clone(),
            Arc::new(NoPause),
            ExecutionSettings::default(),
        )
        .opened_with(settings.bankroll);
        let core = Core {
            books: AccountBooks::opening(settings.bankroll),
            ..Core::default()
        };
        Self {
            clock,
            gateway,
            store,
            executor,
            core,
        }
    }

    pub async fn restart(self) -> Self {
        let restored = self.store.restored();
        let mut next = Self::start(SETTINGS, self.clock, self.store);
        next.gateway.restore(&restored).unwrap();
        next.core.books = AccountBooks::from_restored(&restored).unwrap();
        for order in &restored.open_orders {
            next.core
                .orders
                .insert(order.client_order_id.clone(), order.clone());
        }
        let events = next.executor.restore(&restored).await;
        next.core.take(&events);
        next
    }

    /// Shows a book of a second later: YES bids and YES asks.
    pub fn show(&self, name: &str, bids: &[(&str, u32)], asks: &[(&str, u32)]) -> bool {
        let at = self.clock.now() + TimeDelta::seconds(1);
        self.clock.advance_to(at);
        let no_bids = ladder(asks)
            .into_iter()
            .map(|level| Level {
                price: level.price.complement(),
                size: level.size,
            })
            .collect();
        let book = Book::new(ticker(name), at, ladder(bids), no_bids).unwrap();
        self.gateway.on_book(&book)
    }

    pub async fn place(&mut self, order: Order) -> Vec<ExecutionEvent> {
        let events = self.executor.place(approve(order), 0).await;
        self.core.take(&events);
        events
    }

    pub async fn poll(&mut self) -> Vec<ExecutionEvent> {
        let events = self.executor.poll().await;
        self.core.take(&events);
        events
    }

    pub fn figures(&self) -> PaperFigures {
        self.gateway.figures()
    }

    /// Both sides of the account agree, and no cent appears or vanishes.
    pub async fn check_books(&self) {
        let result = self.executor.reconcile().await;
        assert!(result.complete && result.differences.is_empty(), "{result:?}");
        let f = self.figures();
        let accounted = f.cash.raw() + f.cost.raw() + f.fees.raw() - f.realized.raw();
        assert_eq!(accounted, SETTINGS.bankroll.raw());
    }
}
