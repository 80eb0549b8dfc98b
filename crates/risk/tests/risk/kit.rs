//! A small world: two checks, two labs, contracts on models and on labs.

use std::collections::BTreeMap;
use std::sync::Arc;

use autotrader_domain::{
    AcceptedBoard, BoardHash, BoardStanding, Book, BookSide, Claim, Contracts, ExchangeStatus, FeeSchedule,
    Generation, Intent, Level, Mapping, MappingState, Market, MarketStatus, Money, Order, OrderState,
    ParsePath, Portfolio, Position, Price, PriceGrid, Purpose, Reason, Refusal, RiskView, Ticker,
    TimeInForce, Vintage,
};
use autotrader_risk::{Limits, RiskEngine};
use chrono::{DateTime, TimeDelta, Utc};

pub fn now() -> DateTime<Utc> {
    "2026-09-28T12:00:00Z".parse().unwrap()
}

/// The check that `day` counts from: 0 is today's.
pub fn check(day: i64) -> DateTime<Utc> {
    now() + TimeDelta::hours(2) + TimeDelta::days(day)
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

/// Contracts by name: `M-` are models, `L-` labs, and the last letter is the lab; `2` in front is the second check.
pub fn claim(name: &str) -> Claim {
    let organization = name.chars().last().unwrap().to_string();
    if name.contains("M-") {
        Claim::Model {
            model_name: name.trim_start_matches('2').to_lowercase(),
            organization: Some(organization),
        }
    } else {
        Claim::Organization { organization }
    }
}

pub const NAMES: [&str; 6] = ["M-1A", "M-2A", "M-1B", "L-A", "L-B", "2M-1A"];

fn day(name: &str) -> i64 {
    i64::from(name.starts_with('2'))
}

fn event(name: &str) -> String {
    format!("{}{}", &name.trim_start_matches('2')[..1], day(name))
}

#[derive(Debug, Clone)]
pub struct World {
    pub limits: Limits,
    pub portfolio: Portfolio,
    pub mappings: BTreeMap<Ticker, Mapping>,
    pub markets: BTreeMap<Ticker, Market>,
    pub books: BTreeMap<Ticker, Book>,
    pub standing: BoardStanding,
    pub exchange: Option<ExchangeStatus>,
    pub equity: Money,
    pub at: DateTime<Utc>,
}

/// A board that was read and accepted now.
pub fn fresh_standing() -> BoardStanding {
    BoardStanding {
        accepted: Some(Arc::new(AcceptedBoard {
            board: Arc::default(),
            hash: BoardHash([7; 32]),
            vintage: Vintage(now()),
            path: ParsePath::Flight,
            accepted_at: now(),
        })),
        feed_at: Some(now()),
        ..BoardStanding::default()
    }
}

pub const TRADING: ExchangeStatus = ExchangeStatus {
    exchange_active: true,
    trading_active: true,
};

fn empty_book(name: &str) -> Book {
    Book::new(ticker(name), now(), vec![], vec![]).unwrap()
}

impl World {
    pub fn new() -> Self {
        let mapping = |name: &&str| Mapping {
            ticker: ticker(name),
            state: MappingState::Exact,
            claim: Some(claim(name)),
            rule_set: Some("cascade".into()),
            check_time: Some(check(day(name))),
            reasons: vec![],
            suggestions: vec![],
        };
        let market = |name: &&str| Market {
            ticker: ticker(name),
            event: event(name).parse().unwrap(),
            series: "S".parse().unwrap(),
            status: MarketStatus::Active,
            close_time: check(day(name)),
            grid: PriceGrid::whole_cents(),
            fees: FeeSchedule::QUADRATIC,
            rules_primary: String::new(),
            rules_secondary: String::new(),
            strike_model: None,
            yes_sub_title: String::new(),
            exchange_index: 0,
            result: None,
            settlement_value: None,
        };
        Self {
            limits: wide(),
            portfolio: Portfolio {
                cash: Money::dollars(1_000_000),
                ..Portfolio::default()
            },
            mappings: NAMES.iter().map(|name| (ticker(name), mapping(name))).collect(),
            markets: NAMES.iter().map(|name| (ticker(name), market(name))).collect(),
            books: NAMES
                .iter()
                .map(|name| (ticker(name), empty_book(name)))
                .collect(),
            standing: fresh_standing(),
            exchange: Some(TRADING),
            equity: Money::dollars(1_000_000),
            at: now(),
        }
    }

    pub fn view(&self) -> RiskView<'_> {
        RiskView {
            at: self.at,
            portfolio: &self.portfolio,
            mappings: &self.mappings,
            markets: &self.markets,
            books: &self.books,
            standing: &self.standing,
            exchange: self.exchange,
            equity: self.equity,
        }
    }

    pub fn review(&self, order: Order) -> Result<Order, Refusal> {
        let mut engine = RiskEngine::new(self.limits.clone());
        engine
            .review(order, &self.view())
            .map(autotrader_risk::Approved::into_inner)
    }

    pub fn hold(&mut self, name: &str, side: BookSide, contracts: u32, at: &str) {
        let position = Position::default().traded(side, price(at), Contracts::whole(contracts));
        self.portfolio.positions.insert(ticker(name), position.unwrap());
    }

    pub fn open(&mut self, order: Order) {
        self.portfolio
            .open_orders
            .insert(order.client_order_id.clone(), order);
    }

    pub fn show(&mut self, name: &str, bid: &str, ask: &str) {
        let level = |price: Price| {
            vec![Level {
                price,
                size: Contracts::whole(100),
            }]
        };
        let book = Book::new(
            ticker(name),
            self.at,
            level(price(bid)),
            level(price(ask).complement()),
        );
        self.books.insert(ticker(name), book.unwrap());
    }
}

/// Limits that refuse nothing.
pub fn wide() -> Limits {
    let (large, many) = (Money::dollars(1_000_000_000), Contracts::whole(1_000_000));
    Limits {
        max_order_contracts: many,
        max_position_per_contract: many,
        max_position_per_event: many,
        max_worst_state_loss: large,
        max_lab_exposure: large,
        max_portfolio_exposure_bp: 10_000,
        max_orders_per_minute: u32::MAX,
        ..Limits::default()
    }
}

pub fn order(name: &str, side: BookSide, contracts: u32, limit: &str) -> Order {
    Order {
        client_order_id: format!("kat1-{name}").parse().unwrap(),
        generation: Generation(1),
        venue_order_id: None,
        intent: Intent {
            ticker: ticker(name),
            event: event(name).parse().unwrap(),
            series: "S".parse().unwrap(),
            claim: claim(name),
            side,
            contracts: Contracts::whole(contracts),
            limit: price(limit),
            time_in_force: TimeInForce::ImmediateOrCancel,
            purpose: Purpose::Entry,
            fees: FeeSchedule::QUADRATIC,
            check_time: check(day(name)),
            post_only: false,
            edge: Money::ZERO,
            strategy: "test".into(),
            rationale: "A test wants it.".into(),
        },
        reduce_only: false,
        state: OrderState::Intended,
        filled: Contracts::ZERO,
        created_at: now(),
        updated_at: now(),
        reject_reason: None,
    }
}

pub fn buy(name: &str, contracts: u32, limit: &str) -> Order {
    order(name, BookSide::Bid, contracts, limit)
}

pub fn sell(name: &str, contracts: u32, limit: &str) -> Order {
    order(name, BookSide::Ask, contracts, limit)
}

pub fn exit(mut order: Order) -> Order {
    order.intent.purpose = Purpose::Exit;
    order.reduce_only = true;
    order
}

/// `None` passes; otherwise the reason of the refusal.
#[track_caller]
pub fn expect(world: &World, order: Order, expected: Option<Reason>) {
    let text = format!(
        "{} {:?} {} at {}",
        order.intent.ticker, order.intent.side, order.intent.contracts, order.intent.limit
    );
    match (world.review(order), expected) {
        (Ok(_), None) => {}
        (Err(refusal), Some(reason)) => {
            assert_eq!(refusal.reason, reason, "{text}: {refusal}");
            assert!(!refusal.detail.is_empty(), "a refusal has figures");
        }
        (found, expected) => panic!("{text}: {found:?} instead of {expected:?}"),
    }
}
