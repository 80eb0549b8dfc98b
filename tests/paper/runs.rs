//! The same decisions, once as an account on the exchange and once on the paper venue.

use std::collections::BTreeMap;
use std::sync::Arc;

use autotrader_domain::ports::{AccountSource as _, OrderGateway as _, PlaceOutcome};
use autotrader_domain::{
    BookSide, FeeRounding, Fill, ManualClock, Money, OrderRequest, Price, Ticker, VenueOrderId,
};
use autotrader_execution::paper::{PaperBand, PaperGateway, PaperSettings};
use autotrader_simulator::exchange::{NewOrder, SelfTradePrevention};
use chrono::TimeDelta;

use crate::counter::Counter;
use crate::script::{LOOK_EVERY, decisions};
use crate::world::{BANKROLL, MARKETS, STEP, STEPS, World, start, terms, time_of};

/// Steps from a decision to the market: half a second.
const LATENCY: usize = 2;

/// What came of a run.
#[derive(Debug, Clone, Copy, Default)]
pub struct Outcome {
    pub orders: usize,
    pub taken: usize,
    pub made: usize,
    /// What the fills cost at the prices of their outcomes.
    pub notional: Money,
}

impl Outcome {
    fn count(&mut self, side: BookSide, price: Price, contracts: autotrader_domain::Contracts, took: bool) {
        let price = match side {
            BookSide::Bid => price,
            BookSide::Ask => price.complement(),
        };
        self.notional = self.notional.saturating_add(price.times(contracts).unwrap());
        *(if took { &mut self.taken } else { &mut self.made }) += 1;
    }
}

fn tickers() -> [Ticker; 2] {
    MARKETS.map(|name| name.parse().unwrap())
}

/// On the exchange: an order arrives half a second after its decision and meets the book of that moment.
pub fn live(seed: u64, knowing: f64) -> (Money, Outcome) {
    let mut world = World::new(seed);
    let plan = decisions(&world, seed, knowing);
    let mut coming: Vec<(usize, OrderRequest)> = Vec::new();
    let mut outcome = Outcome::default();
    for step in 0..=STEPS {
        world.act(step);
        let at = time_of(step);
        for (_, request) in coming.extract_if(.., |(due, _)| *due <= step) {
            // What the exchange refuses was an order that could not be.
            let _ = world.exchange.submit(world.trader, as_asked(request), at);
        }
        for (number, decision) in plan.iter().enumerate().filter(|(_, one)| one.step == step) {
            let ticker = &tickers()[decision.market];
            let book = world.book(ticker, at);
            if let Some(request) = decision.request(&book, at, number) {
                outcome.orders += 1;
                coming.push((step + LATENCY, request));
            }
        }
    }
    for fill in world.exchange.fills(world.trader) {
        outcome.count(fill.side, fill.price, fill.count, fill.is_taker);
    }
    (world.settle(), outcome)
}

fn as_asked(request: OrderRequest) -> NewOrder {
    NewOrder {
        ticker: request.ticker,
        client_order_id: Some(request.client_order_id.as_str().to_owned()),
        side: request.side,
        count: request.contracts,
        price: request.limit,
        time_in_force: request.time_in_force,
        post_only: request.post_only,
        reduce_only: request.reduce_only,
        self_trade_prevention: SelfTradePrevention::TakerAtCross,
        cancel_on_pause: false,
        order_group_id: None,
    }
}

/// The paper venue beside a world that does not know of it.
struct Paper {
    clock: Arc<ManualClock>,
    gateway: PaperGateway,
    counter: Counter,
    requests: BTreeMap<VenueOrderId, OrderRequest>,
    seen: usize,
    fills: Vec<Fill>,
}

impl Paper {
    fn new(sees_trades: bool) -> Self {
        let clock = Arc::new(ManualClock::new(start()));
        let settings = PaperSettings {
            latency: STEP * i32::try_from(LATENCY).unwrap(),
            bankroll: BANKROLL,
            rounding: FeeRounding::Direct,
            sees_trades,
        };
        let gateway = PaperGateway::new(settings, clock.clone());
        for index in 0..MARKETS.len() {
            gateway.on_market(&terms(index));
        }
        Self {
            clock,
            gateway,
            counter: Counter::default(),
            requests: BTreeMap::new(),
            seen: 0,
            fills: Vec::new(),
        }
    }

    async fn new_fills(&mut self) -> Vec<Fill> {
        self.fills = self.gateway.fills(start()).await.unwrap();
        let fresh = self.fills[self.seen..].to_vec();
        self.seen = self.fills.len();
        fresh
    }

    async fn show_trades(&mut self, world: &World, from: usize) -> usize {
        let trades = world.exchange.trades();
        for trade in &trades[from..] {
            self.gateway
                .on_trade(&trade.ticker, trade.price, trade.count, trade.at);
            self.counter.trade(&trade.ticker, trade.price);
            let fills = self.new_fills().await;
            self.counter.trade_fills(&fills, trade.count);
        }
        trades.len()
    }

    async fn show_books(&mut self, world: &World, step: usize) {
        for ticker in tickers() {
            let book = world.book(&ticker, time_of(step));
            self.gateway.on_book(&book);
            self.counter.book(&book);
            for fill in self.new_fills().await {
                let request = &self.requests[&fill.venue_order_id];
                self.counter.fill(&fill, request);
            }
        }
    }
}

/// On paper: the account sees the books every second, and the trades of others when `trades` is set.
pub async fn paper(seed: u64, knowing: f64, trades: bool) -> (PaperBand, Outcome) {
    let mut world = World::new(seed);
    let plan = decisions(&world, seed, knowing);
    let mut paper = Paper::new(trades);
    let mut outcome = Outcome::default();
    let mut traded = 0;
    for step in 0..=STEPS {
        world.act(step);
        paper.clock.advance_to(time_of(step));
        if trades {
            traded = paper.show_trades(&world, traded).await;
        }
        if step % LOOK_EVERY == 0 {
            paper.show_books(&world, step).await;
        }
        for (number, decision) in plan.iter().enumerate().filter(|(_, one)| one.step == step) {
            let ticker = &tickers()[decision.market];
            let book = world.book(ticker, time_of(step));
            if let Some(request) = decision.request(&book, time_of(step), number) {
                outcome.orders += 1;
                let body = paper.gateway.render(&request);
                let answer = paper.gateway.place(&request, &body).await;
                if let PlaceOutcome::Accepted { venue_order_id, .. } = answer.outcome {
                    paper.requests.insert(venue_order_id, request);
                }
            }
        }
    }
    let paid = time_of(STEPS) + TimeDelta::minutes(1);
    for (ticker, value) in tickers().iter().zip(world.payouts()) {
        paper.gateway.on_market_settled(ticker, value, paid);
    }
    for fill in &paper.fills {
        let took = fill.liquidity == autotrader_domain::Liquidity::Taker;
        outcome.count(fill.side, fill.price, fill.contracts, took);
    }
    let filled: i64 = paper.fills.iter().map(|fill| fill.contracts.raw()).sum();
    assert_eq!(paper.counter.counted, filled, "every fill was counted once");
    (paper.gateway.figures().band, outcome)
}
