//! A core with two labs, contracts on models and on labs, and a strategy that wants whatever a test says.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use autotrader_domain::ports::{SignalSource, Strategy};
use autotrader_domain::{
    AcceptedBoard, Approvals, BoardHash, BoardStanding, Book, BookSide, Challenge, ChallengeKind, Claim,
    Command, Contracts, Environment, Evaluation, ExchangeStatus, ExecutionMode, FeeSchedule, Fill,
    HoldReason, Intent, Level, Liquidity, Mapping, MappingState, Market, MarketStatus, MarketView, Money,
    Observation, Order, OrderState, OrderUpdate, ParsePath, Price, PriceGrid, Purpose, Reading,
    ReadingOutcome, Reason, Record, RejectReason, Ticker, TimeInForce, Vintage,
};
use autotrader_engine::{AccountScope, Effect, Engine, EngineSettings, Event, Flattening};
use autotrader_risk::{Limits, RiskEngine};
use chrono::{DateTime, TimeDelta, Utc};

pub const IOC: TimeInForce = TimeInForce::ImmediateOrCancel;
pub const GTC: TimeInForce = TimeInForce::GoodTillCanceled { expires_at: None };

/// Contracts on models (`M…`) and on labs (`L…`); the last letter is the lab.
pub const NAMES: [&str; 5] = ["M1A", "M2A", "M1B", "LA", "LB"];

pub fn at(second: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(1_790_000_000 + second, 0).unwrap()
}

pub fn check_time() -> DateTime<Utc> {
    at(2_000_000)
}

pub fn ticker(name: &str) -> Ticker {
    name.parse().unwrap()
}

pub fn claim(name: &str) -> Claim {
    let organization = name.chars().last().unwrap().to_string();
    if name.starts_with('M') {
        Claim::Model {
            model_name: name.to_lowercase(),
            organization: Some(organization),
        }
    } else {
        Claim::Organization { organization }
    }
}

/// A board that is read again whenever a reading comes, and held when the test says so.
struct Board {
    standing: BoardStanding,
    held: Arc<Mutex<bool>>,
}

impl SignalSource for Board {
    fn observe(&mut self, reading: &Reading) -> Observation {
        let held = *self.held.lock().unwrap();
        let changed = held != self.standing.challenge.is_some();
        self.standing.challenge = held.then(|| Challenge {
            kind: ChallengeKind::Held(HoldReason::ImplausibleJump),
            board: Arc::default(),
            hash: BoardHash([8; 32]),
            vintage: None,
            first_seen: reading.fetched_at,
            confirmations: 1,
        });
        if matches!(reading.outcome, ReadingOutcome::Failed { ref code, .. } if code == "timeout") {
            return Observation::default();
        }
        self.standing.feed_at = Some(reading.fetched_at);
        Observation {
            challenge_changed: changed,
            ..Observation::default()
        }
    }

    fn standing(&self) -> &BoardStanding {
        &self.standing
    }

    fn restore(&mut self, _: AcceptedBoard, _: Vec<(String, String)>) {}

    fn snapshot(&self) -> Result<serde_json::Value, serde_json::Error> {
        Ok(serde_json::Value::Null)
    }

    fn resume(&mut self, _: &serde_json::Value) -> Result<(), serde_json::Error> {
        Ok(())
    }
}

/// Wants what it was told, once.
#[derive(Clone, Default)]
struct Wishes(Arc<Mutex<Evaluation>>);

impl Strategy for Wishes {
    fn name(&self) -> &'static str {
        "wishes"
    }

    fn map(&self, market: &Market, _: &BoardStanding, _: &Approvals) -> Mapping {
        Mapping {
            ticker: market.ticker.clone(),
            state: MappingState::Exact,
            claim: Some(claim(market.ticker.as_str())),
            rule_set: Some("cascade".into()),
            check_time: Some(check_time()),
            reasons: vec![],
            suggestions: vec![],
        }
    }

    fn evaluate(&self, _: &MarketView<'_>) -> Evaluation {
        std::mem::take(&mut *self.0.lock().unwrap())
    }
}

pub fn market(name: &str) -> Market {
    Market {
        ticker: ticker(name),
        event: name[..1].parse().unwrap(),
        series: "SERIES".parse().unwrap(),
        status: MarketStatus::Active,
        close_time: check_time(),
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

pub fn wish(name: &str, side: BookSide, contracts: u32, limit: &str, purpose: Purpose) -> Intent {
    Intent {
        ticker: ticker(name),
        event: name[..1].parse().unwrap(),
        series: "SERIES".parse().unwrap(),
        claim: claim(name),
        side,
        contracts: Contracts::whole(contracts),
        limit: limit.parse().unwrap(),
        time_in_force: IOC,
        purpose,
        fees: FeeSchedule::QUADRATIC,
        check_time: check_time(),
        post_only: false,
        edge: Money::ZERO,
        strategy: "wishes".into(),
        rationale: "a test".into(),
    }
}

/// Buys YES at 0.45, which takes the usual book.
pub fn buy(name: &str, contracts: u32) -> Intent {
    wish(name, BookSide::Bid, contracts, "0.45", Purpose::Entry)
}

/// Bids for YES at 0.41 and rests.
pub fn rest(name: &str, contracts: u32) -> Intent {
    Intent {
        time_in_force: GTC,
        ..wish(name, BookSide::Bid, contracts, "0.41", Purpose::Entry)
    }
}

/// Sells YES at 0.40, which takes the usual book.
pub fn exit(name: &str, contracts: u32) -> Intent {
    wish(name, BookSide::Ask, contracts, "0.40", Purpose::Exit)
}

pub const TRADING: ExchangeStatus = ExchangeStatus {
    exchange_active: true,
    trading_active: true,
};

pub const PAUSED: ExchangeStatus = ExchangeStatus {
    exchange_active: true,
    trading_active: false,
};

/// A ladder of bids: price and whole contracts.
pub fn levels(ladder: &[(&str, u32)]) -> Vec<Level> {
    ladder
        .iter()
        .map(|(price, size)| Level {
            price: price.parse().unwrap(),
            size: Contracts::whole(*size),
        })
        .collect()
}

pub struct Play {
    pub engine: Engine,
    wants: Wishes,
    held: Arc<Mutex<bool>>,
    fills: u32,
}

impl Play {
    pub fn with(limits: Limits) -> Self {
        Self::funded(limits, Money::dollars(1_000))
    }

    pub fn funded(limits: Limits, cash: Money) -> Self {
        let wants = Wishes::default();
        let held = Arc::new(Mutex::new(false));
        let standing = BoardStanding {
            accepted: Some(Arc::new(AcceptedBoard {
                board: Arc::default(),
                hash: BoardHash([7; 32]),
                vintage: Vintage(at(0)),
                path: ParsePath::Flight,
                accepted_at: at(0),
            })),
            ..BoardStanding::default()
        };
        let engine = Engine::new(
            EngineSettings {
                scope: AccountScope {
                    environment: Environment::Demo,
                    mode: ExecutionMode::Live,
                    account: "key".into(),
                    database_id: "db".into(),
                },
                evaluation_interval: TimeDelta::seconds(1),
                cooldown: TimeDelta::seconds(3),
            },
            Box::new(Board {
                standing,
                held: held.clone(),
            }),
            Box::new(wants.clone()),
            RiskEngine::new(limits),
            cash,
        );
        Self {
            engine,
            wants,
            held,
            fills: 0,
        }
    }

    /// A core that has read the leaderboard, the markets and the books.
    pub fn begun(limits: Limits) -> Self {
        Self::with(limits).prepared()
    }

    /// Has it read the leaderboard, the markets and the books.
    pub fn prepared(self) -> Self {
        let mut play = self;
        play.list(0, NAMES.map(market).to_vec());
        play.handle(0, &Event::Exchange(TRADING));
        play.look(0);
        play
    }

    pub fn new() -> Self {
        Self::begun(Limits::default())
    }

    pub fn handle(&mut self, second: i64, event: &Event) -> Vec<Effect> {
        self.engine.handle(at(second), event).unwrap().effects
    }

    pub fn command(&mut self, second: i64, command: Command) -> Vec<Effect> {
        self.handle(second, &Event::Command(command))
    }

    pub fn list(&mut self, second: i64, markets: Vec<Market>) -> Vec<Effect> {
        let series = "SERIES".parse().unwrap();
        self.handle(second, &Event::Markets { series, markets })
    }

    pub fn read(&mut self, second: i64) -> Vec<Effect> {
        self.handle(second, &Event::Reading(reading(second, "none")))
    }

    pub fn hold_board(&mut self, second: i64, held: bool) -> Vec<Effect> {
        *self.held.lock().unwrap() = held;
        self.read(second)
    }

    pub fn show(
        &mut self,
        second: i64,
        name: &str,
        bids: &[(&str, u32)],
        no_bids: &[(&str, u32)],
    ) -> Vec<Effect> {
        let book = Book::new(ticker(name), at(second), levels(bids), levels(no_bids)).unwrap();
        self.handle(second, &Event::Book(book))
    }

    /// Reads the leaderboard and the usual books: 0.40 bid, 0.45 asked, plenty of both.
    pub fn look(&mut self, second: i64) -> Vec<Effect> {
        let mut effects = self.read(second);
        for name in NAMES {
            effects.extend(self.show(second, name, &[("0.40", 500)], &[("0.55", 500)]));
        }
        effects
    }

    pub fn tick(&mut self, second: i64) -> Vec<Effect> {
        self.handle(second, &Event::Timer)
    }

    /// Says what the strategy wants at the next evaluation.
    pub fn want(&mut self, wishes: Vec<Intent>) {
        self.wants.0.lock().unwrap().intents = wishes;
    }

    /// Says which resting orders the strategy withdraws at the next evaluation, and lets time pass.
    pub fn withdraw(&mut self, second: i64, order: &Order) -> Vec<Effect> {
        self.wants.0.lock().unwrap().cancels = vec![order.client_order_id.clone()];
        self.tick(second)
    }

    /// Says which resting orders the strategy would replace at the next evaluation, and lets time pass.
    pub fn refresh(&mut self, second: i64, order: &Order) -> Vec<Effect> {
        self.wants.0.lock().unwrap().refreshes = vec![order.client_order_id.clone()];
        self.tick(second)
    }

    /// Looks at everything, wants something and lets time pass.
    pub fn decide(&mut self, second: i64, wishes: Vec<Intent>) -> Vec<Effect> {
        let mut effects = self.look(second);
        self.want(wishes);
        effects.extend(self.tick(second));
        effects
    }

    pub fn update(&mut self, second: i64, order: &mut Order, state: OrderState) -> Vec<Effect> {
        assert!(
            order.state.may_become(state) || order.state == state,
            "{:?} to {state:?}",
            order.state
        );
        order.state = state;
        let update = OrderUpdate {
            order: order.clone(),
            detail: "a test".into(),
        };
        self.handle(second, &Event::Order(update))
    }

    pub fn reject(&mut self, second: i64, order: &mut Order, reason: RejectReason) -> Vec<Effect> {
        order.reject_reason = Some(reason);
        order.state = OrderState::Sent;
        self.update(second, order, OrderState::Rejected)
    }

    /// Fills a part of an order at a price, without telling the order's new state yet.
    pub fn execute(
        &mut self,
        second: i64,
        order: &mut Order,
        contracts: Contracts,
        price: Price,
    ) -> Vec<Effect> {
        self.fills += 1;
        let fill = Fill {
            fill_id: format!("fill-{}", self.fills),
            venue_order_id: "venue".parse().unwrap(),
            client_order_id: Some(order.client_order_id.clone()),
            ticker: order.intent.ticker.clone(),
            side: order.intent.side,
            price,
            contracts,
            fee: Money::ZERO,
            liquidity: Liquidity::Taker,
            filled_at: at(second),
        };
        let effects = self.handle(second, &Event::Fill(fill));
        order.filled = order.filled.checked_add(contracts).unwrap();
        effects
    }

    /// Tells the state that an order's fills mean.
    pub fn tell_filled(&mut self, second: i64, order: &mut Order) -> Vec<Effect> {
        if order.state == OrderState::Intended {
            order.state = OrderState::Sent;
        }
        let state = if order.filled == order.intent.contracts {
            OrderState::Filled
        } else if order.intent.time_in_force == IOC {
            OrderState::Canceled
        } else {
            OrderState::PartiallyFilled
        };
        self.update(second, order, state)
    }

    /// Fills a part of an order at a price, and tells the order's new state after it.
    pub fn fill(
        &mut self,
        second: i64,
        order: &mut Order,
        contracts: Contracts,
        price: Price,
    ) -> Vec<Effect> {
        let mut effects = self.execute(second, order, contracts, price);
        effects.extend(self.tell_filled(second, order));
        effects
    }

    /// Holds a position: buys it (or sells, for NO) and has it filled whole at its limit.
    pub fn acquire(&mut self, second: i64, mut wish: Intent) {
        wish.purpose = Purpose::Entry;
        let mut order = placed(&self.decide(second, vec![wish])).remove(0);
        let (contracts, price) = (order.intent.contracts, order.intent.limit);
        self.fill(second, &mut order, contracts, price);
    }

    pub fn net(&self, name: &str) -> String {
        self.engine
            .account()
            .portfolio
            .position(&ticker(name))
            .net
            .to_string()
    }

    pub fn flattening(&self) -> &Flattening {
        self.engine.flatten().unwrap()
    }
}

pub fn reading(second: i64, code: &str) -> Reading {
    Reading {
        source: "primary".into(),
        fetched_at: at(second),
        origin: second.to_string(),
        latency: Duration::ZERO,
        bytes: 0,
        outcome: ReadingOutcome::Failed {
            code: code.into(),
            detail: "scripted".into(),
        },
    }
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

pub fn canceled(effects: &[Effect]) -> Vec<String> {
    effects
        .iter()
        .filter_map(|effect| match effect {
            Effect::Cancel(id) => Some(id.to_string()),
            _ => None,
        })
        .collect()
}

/// Causes raised (`+`) and released (`-`), in order.
pub fn causes(effects: &[Effect]) -> Vec<String> {
    effects
        .iter()
        .filter_map(|effect| match effect {
            Effect::Record(Record::RiskCause { cause, raised, .. }) => {
                Some(format!("{}{cause}", if *raised { '+' } else { '-' }))
            }
            _ => None,
        })
        .collect()
}

pub fn refusals(effects: &[Effect]) -> BTreeMap<String, Reason> {
    effects
        .iter()
        .filter_map(|effect| match effect {
            Effect::Record(Record::Refusal { ticker, reason, .. }) => Some((ticker.to_string(), *reason)),
            _ => None,
        })
        .collect()
}

pub fn alerts(effects: &[Effect]) -> Vec<String> {
    effects
        .iter()
        .filter_map(|effect| match effect {
            Effect::Alert(alert) => Some(alert.text.clone()),
            _ => None,
        })
        .collect()
}
