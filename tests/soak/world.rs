//! A world with nothing but a fast, seeded flow of orders: books that change thousands of times a second.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use autotrader_domain::{BookSide, Contracts, Money, Price, SettlementResult, Ticker};
use autotrader_simulator::exchange::{
    AccountId, AccountKind, EventListing, Exchange, FeeModel, MarketListing, NewOrder, OrderId,
    PriceStructure, SeriesListing,
};
use autotrader_simulator::{Faults, PageResponse, SimulatedWorld};
use chrono::{DateTime, TimeDelta, Utc};
use rand::rngs::StdRng;
use rand::{Rng as _, SeedableRng as _};

/// Markets whose books are followed.
pub const MARKETS: usize = 12;

/// Steps of the flow in one move of the world.
const STEPS: usize = 20;

/// The least time between two moves.
const PAUSE: TimeDelta = TimeDelta::milliseconds(4);

/// Between which prices, in cents, the maker bids and offers; ours rest outside of it and meet it when they take.
const BIDS: std::ops::Range<i64> = 30..48;
const ASKS: std::ops::Range<i64> = 52..70;

/// Most resting orders of the maker in one market.
const MOST_RESTING: usize = 60;

#[derive(Debug)]
pub struct SoakWorld {
    pub exchange: Exchange,
    maker: AccountId,
    taker: AccountId,
    tickers: Vec<Ticker>,
    resting: BTreeMap<Ticker, Vec<OrderId>>,
    random: StdRng,
    moved_at: DateTime<Utc>,
    flows: Arc<AtomicBool>,
}

impl SoakWorld {
    /// A world that moves while `flows` says so, and the account that trades in it.
    pub fn new(seed: u64, at: DateTime<Utc>, flows: Arc<AtomicBool>) -> (Self, AccountId) {
        let mut exchange = Exchange::new(seed, at);
        let maker = exchange.open_account("maker", AccountKind::House, Money::dollars(2_000_000_000), at);
        let taker = exchange.open_account("taker", AccountKind::House, Money::dollars(2_000_000_000), at);
        let trader = exchange.open_account("trader", AccountKind::Member, Money::dollars(1_000_000_000), at);
        let tickers = list(&mut exchange, at);
        let world = Self {
            exchange,
            maker,
            taker,
            resting: BTreeMap::new(),
            random: StdRng::seed_from_u64(seed),
            moved_at: at,
            tickers,
            flows,
        };
        (world, trader)
    }

    pub fn tickers(&self) -> &[Ticker] {
        &self.tickers
    }

    fn step(&mut self, at: DateTime<Utc>) {
        let ticker = self.tickers[self.random.gen_range(0..self.tickers.len())].clone();
        let resting = self.resting.entry(ticker.clone()).or_default();
        let dice = self.random.gen_range(0..100);
        if resting.len() >= MOST_RESTING || (dice < 45 && !resting.is_empty()) {
            let id = resting.swap_remove(self.random.gen_range(0..resting.len()));
            // Filled meanwhile: nothing to cancel.
            let _ = self.exchange.cancel(self.maker, id, at);
            return;
        }
        let buys = self.random.gen_bool(0.5);
        let size = contracts(self.random.gen_range(1..2_000));
        if dice >= 97 {
            let (side, price) = if buys {
                (BookSide::Bid, 99)
            } else {
                (BookSide::Ask, 1)
            };
            let small = contracts(self.random.gen_range(1..300));
            let order = NewOrder::immediate(ticker, side, small, cents(price));
            let _ = self.exchange.submit(self.taker, order, at);
            return;
        }
        let (side, prices) = if buys {
            (BookSide::Bid, BIDS)
        } else {
            (BookSide::Ask, ASKS)
        };
        let price = cents(self.random.gen_range(prices));
        let order = NewOrder::resting(ticker, side, size, price);
        let ack = self.exchange.submit(self.maker, order, at).unwrap();
        if !ack.remaining.is_zero() {
            resting.push(ack.order_id);
        }
    }

    /// Lists one small market and decides it, so that results can be disputed.
    pub fn decide_one(&mut self, number: u64, at: DateTime<Utc>) {
        let ticker: Ticker = format!("KXSOAK-26DEC31-D{number}").parse().unwrap();
        let listing = listing(&ticker, at);
        self.exchange.add_market(listing, at).unwrap();
        self.exchange
            .determine(&ticker, SettlementResult::No, Price::ZERO, at)
            .unwrap();
    }
}

impl SimulatedWorld for SoakWorld {
    fn advance_to(&mut self, at: DateTime<Utc>) {
        self.exchange.advance(at);
        if at - self.moved_at < PAUSE || !self.flows.load(Ordering::Relaxed) {
            return;
        }
        self.moved_at = at;
        for _ in 0..STEPS {
            self.step(at);
        }
    }

    fn exchange(&mut self) -> &mut Exchange {
        &mut self.exchange
    }

    fn leaderboard(&mut self, _path: &str, _at: DateTime<Utc>) -> PageResponse {
        PageResponse::text(404, "no leaderboard here")
    }

    fn faults(&self, _at: DateTime<Utc>) -> Faults {
        Faults::default()
    }
}

pub fn cents(cents: i64) -> Price {
    Price::from_cents(cents).unwrap()
}

pub fn contracts(hundredths: i64) -> Contracts {
    Contracts::from_raw(hundredths).unwrap()
}

fn list(exchange: &mut Exchange, at: DateTime<Utc>) -> Vec<Ticker> {
    let series = SeriesListing {
        ticker: "KXSOAK".parse().unwrap(),
        title: "Soak".to_owned(),
        category: "Science and Technology".to_owned(),
        frequency: "once".to_owned(),
        tags: Vec::new(),
        settlement_sources: Vec::new(),
        fee_model: FeeModel::QuadraticWithMakerFees,
        fee_multiplier_millionths: 1_000_000,
    };
    exchange.add_series(series, at).unwrap();
    let event = EventListing {
        ticker: "KXSOAK-26DEC31".parse().unwrap(),
        series: "KXSOAK".parse().unwrap(),
        title: "Soak".to_owned(),
        sub_title: "Soak".to_owned(),
        mutually_exclusive: false,
        strike_date: None,
    };
    exchange.add_event(event, at).unwrap();
    (0..MARKETS)
        .map(|number| {
            let ticker: Ticker = format!("KXSOAK-26DEC31-M{number}").parse().unwrap();
            exchange.add_market(listing(&ticker, at), at).unwrap();
            ticker
        })
        .collect()
}

fn listing(ticker: &Ticker, at: DateTime<Utc>) -> MarketListing {
    MarketListing {
        ticker: ticker.clone(),
        event: "KXSOAK-26DEC31".parse().unwrap(),
        title: None,
        yes_sub_title: "yes".to_owned(),
        no_sub_title: "no".to_owned(),
        rules_primary: String::new(),
        rules_secondary: String::new(),
        custom_strike: None,
        open_time: at,
        close_time: at + TimeDelta::days(30),
        expected_expiration_time: None,
        latest_expiration_time: at + TimeDelta::days(37),
        settlement_timer_seconds: 1,
        can_close_early: true,
        early_close_condition: None,
        prices: PriceStructure::deci_cent(),
    }
}
