//! A scripted strategy on a board that never changes.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use autotrader_domain::ports::{SignalSource, Strategy};
use autotrader_domain::{
    AcceptedBoard, Action, Approvals, BoardHash, BoardStanding, Book, BookSide, Claim, Contracts,
    Environment, Evaluation, ExchangeStatus, ExecutionMode, FeeSchedule, Fill, ForecastRecord, Intent, Level,
    Liquidity, Mapping, MappingState, Market, MarketStatus, MarketView, Money, Observation, Order,
    OrderState, OrderUpdate, ParsePath, PriceGrid, Purpose, Reading, ReadingOutcome, Reason, Record,
    RejectReason, TextDecision, TimeInForce, Vintage, Why,
};
use autotrader_engine::{AccountScope, Effect, Engine, EngineSettings, Event};
use autotrader_risk::{Limits, RiskEngine};
use chrono::{DateTime, TimeDelta, Utc};

pub fn at(second: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(1_790_000_000 + second, 0).unwrap()
}

/// A board that was accepted long ago, and is read again whenever a reading comes.
pub struct SameBoard(BoardStanding);

impl SameBoard {
    pub fn new() -> Self {
        Self(BoardStanding {
            accepted: Some(Arc::new(AcceptedBoard {
                board: Arc::default(),
                hash: BoardHash([7; 32]),
                vintage: Vintage(at(0)),
                path: ParsePath::Flight,
                accepted_at: at(0),
            })),
            ..BoardStanding::default()
        })
    }
}

impl SignalSource for SameBoard {
    fn observe(&mut self, reading: &Reading) -> Observation {
        self.0.feed_at = Some(reading.fetched_at);
        Observation::default()
    }

    fn standing(&self) -> &BoardStanding {
        &self.0
    }

    fn restore(&mut self, _: AcceptedBoard, _: Vec<(String, String)>) {}

    fn snapshot(&self) -> Result<serde_json::Value, serde_json::Error> {
        Ok(serde_json::Value::Null)
    }

    fn resume(&mut self, _: &serde_json::Value) -> Result<(), serde_json::Error> {
        Ok(())
    }
}

/// Wants what it was told, once, and says what it was told at every evaluation.
#[derive(Clone, Default)]
pub struct Scripted(Arc<Mutex<Vec<Intent>>>, Arc<Mutex<Vec<ForecastRecord>>>);

impl Scripted {
    pub fn says(&self, forecasts: Vec<ForecastRecord>) {
        *self.1.lock().unwrap() = forecasts;
    }
}

impl Strategy for Scripted {
    fn name(&self) -> &'static str {
        "scripted"
    }

    fn map(&self, market: &Market, _: &BoardStanding, approvals: &Approvals) -> Mapping {
        let mut reasons = Vec::new();
        if approvals.terms_changed(market) {
            reasons.push(Reason::TermsChanged);
        }
        if market.rules_primary.starts_with('?') {
            reasons.push(Reason::RulesTemplate);
        }
        if approvals.text(&market.series, &market.rules_secondary) == Some(TextDecision::Revoked) {
            reasons.push(Reason::RulesUnknown);
        }
        Mapping {
            ticker: market.ticker.clone(),
            state: MappingState::Exact,
            claim: Some(claim(market.ticker.as_str())),
            rule_set: Some("cascade".into()),
            check_time: Some(market.close_time),
            reasons,
            suggestions: vec![],
        }
    }

    fn evaluate(&self, view: &MarketView<'_>) -> Evaluation {
        let intents = std::mem::take(&mut *self.0.lock().unwrap());
        let why = view
            .markets
            .keys()
            .map(|ticker| Why {
                ticker: ticker.clone(),
                at: view.at,
                fair: None,
                market: None,
                pooled: None,
                edge: None,
                target: None,
                position: view.portfolio.position(ticker).net,
                action: match intents.iter().find(|intent| intent.ticker == *ticker) {
                    Some(intent) => Action::Enter {
                        side: intent.side,
                        contracts: intent.contracts,
                        limit: intent.limit,
                    },
                    None => Action::Hold,
                },
                reason: None,
                next_reason: None,
                baselines: BTreeMap::new(),
                wanted: None,
            })
            .collect();
        Evaluation {
            intents,
            cancels: vec![],
            refreshes: vec![],
            forecasts: self.1.lock().unwrap().clone(),
            coherence: vec![],
            why,
        }
    }
}

pub fn claim(model: &str) -> Claim {
    Claim::Model {
        model_name: model.into(),
        organization: Some("Lab".into()),
    }
}

pub fn market(name: &str) -> Market {
    Market {
        ticker: name.parse().unwrap(),
        event: "EVENT".parse().unwrap(),
        series: "SERIES".parse().unwrap(),
        status: MarketStatus::Active,
        close_time: at(86_400),
        grid: PriceGrid::whole_cents(),
        fees: FeeSchedule::QUADRATIC,
        rules_primary: String::new(),
        rules_secondary: String::new(),
        strike_model: None,
        yes_sub_title: name.into(),
        exchange_index: 0,
        result: None,
        settlement_value: None,
    }
}

pub fn intent(name: &str, side: BookSide, contracts: u32, limit: &str, purpose: Purpose) -> Intent {
    Intent {
        ticker: name.parse().unwrap(),
        event: "EVENT".parse().unwrap(),
        series: "SERIES".parse().unwrap(),
        claim: claim(name),
        side,
        contracts: Contracts::whole(contracts),
        limit: limit.parse().unwrap(),
        time_in_force: TimeInForce::ImmediateOrCancel,
        purpose,
        fees: FeeSchedule::QUADRATIC,
        check_time: at(86_400),
        post_only: false,
        edge: Money::ZERO,
        strategy: "scripted".into(),
        rationale: "a test".into(),
    }
}

pub struct Play {
    pub engine: Engine,
    pub wants: Scripted,
    pub journal: Vec<String>,
}

impl Play {
    pub fn with(limits: Limits) -> Self {
        let wants = Scripted::default();
        let engine = Engine::new(
            settings(),
            Box::new(SameBoard::new()),
            Box::new(wants.clone()),
            RiskEngine::new(limits),
            Money::dollars(1_000),
        );
        let mut play = Self {
            engine,
            wants,
            journal: vec![],
        };
        let markets = vec![market("A"), market("B")];
        play.handle(
            0,
            &Event::Markets {
                series: "SERIES".parse().unwrap(),
                markets,
            },
        );
        play.handle(0, &Event::Exchange(TRADING));
        play.look(0);
        play
    }

    pub fn new() -> Self {
        Self::with(Limits::default())
    }

    pub fn handle(&mut self, second: i64, event: &Event) -> Vec<Effect> {
        let handled = self.engine.handle(at(second), event).unwrap();
        self.journal.push(handled.record.line());
        handled.effects
    }

    /// Reads the leaderboard and the books.
    pub fn look(&mut self, second: i64) {
        self.handle(second, &Event::Reading(reading(second)));
        for name in ["A", "B"] {
            self.handle(second, &Event::Book(book(name, second)));
        }
    }

    /// Wants something and lets time pass.
    pub fn decide(&mut self, second: i64, intents: Vec<Intent>) -> Vec<Effect> {
        self.look(second);
        *self.wants.0.lock().unwrap() = intents;
        self.handle(second, &Event::Timer)
    }

    pub fn finish(&mut self, second: i64, order: &Order, state: OrderState) -> Vec<Effect> {
        let reject_reason = (state == OrderState::Rejected).then_some(RejectReason::InvalidPrice);
        let order = Order {
            state,
            reject_reason,
            ..order.clone()
        };
        self.handle(
            second,
            &Event::Order(OrderUpdate {
                order,
                detail: "a test".into(),
            }),
        )
    }

    pub fn fill(&mut self, second: i64, order: &Order, price: &str) {
        let fill = fill_of(order, price, second);
        self.handle(second, &Event::Fill(fill));
        let filled = Order {
            filled: order.intent.contracts,
            ..order.clone()
        };
        self.finish(second, &filled, OrderState::Filled);
    }
}

pub const TRADING: ExchangeStatus = ExchangeStatus {
    exchange_active: true,
    trading_active: true,
};

pub fn reading(second: i64) -> Reading {
    Reading {
        source: "primary".into(),
        fetched_at: at(second),
        origin: second.to_string(),
        latency: Duration::ZERO,
        bytes: 0,
        outcome: ReadingOutcome::Failed {
            code: "none".into(),
            detail: "the scripted signals do not look at it".into(),
        },
    }
}

pub fn fill_of(order: &Order, price: &str, second: i64) -> Fill {
    Fill {
        fill_id: format!("fill-{}", order.client_order_id),
        venue_order_id: "venue".parse().unwrap(),
        client_order_id: Some(order.client_order_id.clone()),
        ticker: order.intent.ticker.clone(),
        side: order.intent.side,
        price: price.parse().unwrap(),
        contracts: order.intent.contracts,
        fee: Money::micros(17_500),
        liquidity: Liquidity::Taker,
        filled_at: at(second),
    }
}

pub fn settings() -> EngineSettings {
    EngineSettings {
        scope: scope(),
        evaluation_interval: TimeDelta::seconds(1),
        cooldown: TimeDelta::seconds(60),
    }
}

pub fn scope() -> AccountScope {
    AccountScope {
        environment: Environment::Demo,
        mode: ExecutionMode::Live,
        account: "key".into(),
        database_id: "db".into(),
    }
}

pub fn book(name: &str, second: i64) -> Book {
    let level = |price: &str| Level {
        price: price.parse().unwrap(),
        size: Contracts::whole(500),
    };
    Book::new(
        name.parse().unwrap(),
        at(second),
        vec![level("0.40")],
        vec![level("0.55")],
    )
    .unwrap()
}

pub fn placed(effects: &[Effect]) -> Vec<Order> {
    effects
        .iter()
        .filter_map(|effect| match effect {
            Effect::Place { order, .. } => Some(order.get().clone()),
            _ => None,
        })
        .collect()
}

pub fn refused(effects: &[Effect]) -> Vec<(String, Reason)> {
    effects
        .iter()
        .filter_map(|effect| match effect {
            Effect::Record(Record::Refusal { ticker, reason, .. }) => Some((ticker.to_string(), *reason)),
            _ => None,
        })
        .collect()
}

pub fn entry(name: &str, contracts: u32) -> Intent {
    intent(name, BookSide::Bid, contracts, "0.45", Purpose::Entry)
}
