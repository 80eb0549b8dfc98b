//! A core that goes on from a snapshot does what the other would have done, to the byte; and every step reads back from its
//! record.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use autotrader_domain::ports::{self, SignalSource};
use autotrader_domain::{
    AcceptedBoard, Action, ApprovalDecision, Approvals, BoardHash, BoardStanding, Book, BookSide,
    ClientOrderId, CoherenceFinding, CoherenceKind, Command, Contracts, Environment, Evaluation,
    ExecutionMode, Fill, ForecastRecord, GatedBoard, Liquidity, Mapping, MappingState, Market, MarketStatus,
    MarketView, ModelChance, Money, Observation, Order, OrderState, OrderUpdate, ParsePath, Price, Purpose,
    Reading, ReadingOutcome, Reason, RejectReason, SettlementRecord, Verdict, Vintage, Wanted, Why,
};
use autotrader_engine::{
    AccountScope, Engine, EngineSettings, Event, Pages, Snapshot, Step, read_step, verify,
};
use autotrader_risk::{Cause, Limits, RiskEngine};
use autotrader_settlement::{Board, Entry, Rating};
use chrono::TimeDelta;
use proptest::prelude::*;
use proptest::sample::Index;
use proptest::strategy::ValueTree;

use crate::kit::{GTC, NAMES, PAUSED, TRADING, at, check_time, claim, levels, market, ticker, wish};

/// Accepts every page at once, and counts what it read.
#[derive(Default)]
struct Trusting(BoardStanding);

impl SignalSource for Trusting {
    fn observe(&mut self, reading: &Reading) -> Observation {
        let ReadingOutcome::Page { page, .. } = &reading.outcome else {
            return Observation::default();
        };
        self.0.feed_at = Some(reading.fetched_at);
        let known = self.0.accepted.as_ref();
        if known.is_some_and(|accepted| accepted.hash == page.hash) {
            return Observation::default();
        }
        let accepted = Arc::new(AcceptedBoard {
            board: Arc::clone(&page.board),
            hash: page.hash,
            vintage: Vintage(reading.fetched_at),
            path: page.path.unwrap(),
            accepted_at: reading.fetched_at,
        });
        self.0.accepted = Some(Arc::clone(&accepted));
        Observation {
            accepted: Some(accepted),
            ..Observation::default()
        }
    }

    fn standing(&self) -> &BoardStanding {
        &self.0
    }

    fn restore(&mut self, accepted: AcceptedBoard, renames: Vec<(String, String)>) {
        self.0.accepted = Some(Arc::new(accepted));
        self.0.renames = renames;
    }

    fn snapshot(&self) -> Result<serde_json::Value, serde_json::Error> {
        serde_json::to_value(&self.0)
    }

    fn resume(&mut self, snapshot: &serde_json::Value) -> Result<(), serde_json::Error> {
        self.0 = serde_json::from_value(snapshot.clone()).unwrap();
        Ok(())
    }
}

/// Wants something else at every time, by what it sees alone.
struct Moody;

/// Numbers that look drawn and are a function of time and contract.
fn drawn(second: i64, index: usize) -> u64 {
    let mut x = second.unsigned_abs().wrapping_mul(0x9E37_79B9_7F4A_7C15) ^ (index as u64) << 32;
    x = (x ^ (x >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    x = (x ^ (x >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    x ^ (x >> 31)
}

impl ports::Strategy for Moody {
    fn name(&self) -> &'static str {
        "moody"
    }

    fn map(&self, market: &Market, standing: &BoardStanding, approvals: &Approvals) -> Mapping {
        let mut reasons = Vec::new();
        if approvals.terms_changed(market) {
            reasons.push(Reason::TermsChanged);
        }
        if standing.accepted.is_none() {
            reasons.push(Reason::Unmapped);
        }
        Mapping {
            ticker: market.ticker.clone(),
            state: MappingState::Exact,
            claim: Some(claim(market.ticker.as_str())),
            rule_set: Some("cascade".into()),
            check_time: Some(check_time()),
            reasons,
            suggestions: vec![],
        }
    }

    fn evaluate(&self, view: &MarketView<'_>) -> Evaluation {
        let second = view.at.timestamp();
        let mut evaluation = Evaluation::default();
        for (index, name) in NAMES.into_iter().enumerate() {
            let luck = drawn(second, index);
            let position = view.portfolio.position(&ticker(name));
            let resting = view.portfolio.open_orders.values();
            let resting = resting.filter(|order| order.intent.ticker == ticker(name));
            let ids = resting.map(|order| order.client_order_id.clone());
            match luck % 8 {
                0 => evaluation.cancels.extend(ids),
                1 => evaluation.refreshes.extend(ids),
                _ => {}
            }
            let size = u32::try_from(luck / 8 % 60 + 1).unwrap();
            let (side, purpose) = if position.net.is_flat() {
                (BookSide::Bid, Purpose::Entry)
            } else {
                (BookSide::Ask, Purpose::Exit)
            };
            let mut intent = wish(name, side, size, "0.45", purpose);
            if purpose == Purpose::Exit {
                intent.limit = "0.30".parse().unwrap();
            } else if luck.is_multiple_of(3) {
                intent.time_in_force = GTC;
            }
            intent.edge = Money::micros(i64::try_from(luck % 50).unwrap());
            if !(luck / 512).is_multiple_of(3) {
                evaluation.intents.push(intent);
            }
            evaluation.why.push(line(view, name, luck));
        }
        let board = view.standing.accepted.as_ref().map(|accepted| accepted.hash);
        evaluation
            .forecasts
            .extend(board.map(|board| forecast(view, board)));
        evaluation.coherence.push(CoherenceFinding {
            kind: CoherenceKind::BidsAboveOne,
            event: "M".parse().unwrap(),
            organization: (second % 2 == 0).then(|| "A".to_owned()),
            sets: Contracts::whole(2),
            gross: 0.031,
            net: 0.1 + 0.2,
            capital: Money::dollars(1),
        });
        evaluation
    }
}

fn line(view: &MarketView<'_>, name: &str, luck: u64) -> Why {
    Why {
        ticker: ticker(name),
        at: view.at,
        fair: Some(0.1 * 3.0),
        market: None,
        pooled: Some(1.0 / 3.0),
        edge: None,
        target: None,
        position: view.portfolio.position(&ticker(name)).net,
        action: Action::Hold,
        reason: luck.is_multiple_of(2).then_some(Reason::NoEdge),
        next_reason: None,
        baselines: [("persistence".to_owned(), 2.0 / 3.0)].into(),
        wanted: luck.is_multiple_of(5).then_some(Wanted {
            side: BookSide::Bid,
            contracts: Contracts::whole(1),
            limit: Price::from_cents(50).unwrap(),
            cost: Money::dollars(1),
            fees: Money::ZERO,
        }),
    }
}

fn forecast(view: &MarketView<'_>, board: BoardHash) -> ForecastRecord {
    ForecastRecord {
        at: view.at,
        check_time: check_time(),
        rule_set: "cascade".into(),
        board,
        estimator: "moody".into(),
        models: vec![ModelChance {
            model_name: "m1a".into(),
            organization: None,
            p: 0.7,
        }],
        organizations: vec![],
        other: 0.1,
        unlisted: 0.2,
        drivers: None,
    }
}

fn settings() -> EngineSettings {
    EngineSettings {
        scope: AccountScope {
            environment: Environment::Demo,
            mode: ExecutionMode::Live,
            account: "key".into(),
            database_id: "db".into(),
        },
        evaluation_interval: TimeDelta::seconds(1),
        cooldown: TimeDelta::milliseconds(3_500),
    }
}

fn limits() -> Limits {
    Limits {
        max_orders_per_minute: 6,
        max_daily_loss: Money::dollars(20),
        ..Limits::default()
    }
}

fn begun() -> Engine {
    Engine::new(
        settings(),
        Box::<Trusting>::default(),
        Box::new(Moody),
        RiskEngine::new(limits()),
        Money::dollars(1_000),
    )
}

fn state(engine: &Engine) -> serde_json::Value {
    serde_json::to_value(engine.snapshot().unwrap()).unwrap()
}

/// Another process takes the state up from a file.
fn resumed(engine: &Engine) -> Engine {
    let text = serde_json::to_string(&engine.snapshot().unwrap()).unwrap();
    let value: serde_json::Value = serde_json::from_str(&text).unwrap();
    let snapshot: Snapshot = serde_json::from_value(value).unwrap();
    Engine::from_snapshot(
        settings(),
        Box::<Trusting>::default(),
        Box::new(Moody),
        RiskEngine::new(limits()),
        snapshot,
    )
    .unwrap()
}

fn page(index: usize) -> GatedBoard {
    let entry = |name: &str, score: f64| Entry {
        organization: Some("a".into()),
        score: Some(Rating::from_value(score)),
        ci_lower: Some(Rating::from_value(score - 4.5)),
        ci_upper: Some(Rating::from_value(score + 4.5)),
        votes: Some(9_000),
        ..Entry::named(name)
    };
    let score = 1_500.0 + 0.1 * index as f64;
    GatedBoard {
        verdict: Verdict::Tradable,
        reasons: vec![],
        path: Some(ParsePath::Flight),
        slug: None,
        category: Some("overall".into()),
        style_control: Some(false),
        vintage: Some(Vintage(at(i64::try_from(index).unwrap()))),
        // Boards 2 and 3 have equal rows under other stamps.
        hash: BoardHash([u8::try_from(index.min(2)).unwrap(); 32]),
        total_models: Some(2),
        total_votes: None,
        board: Arc::new(Board {
            entries: vec![
                entry("m1a", score),
                entry(&format!("new-{}", index.min(2)), score - 20.0),
            ],
        }),
        anomalies: vec![],
    }
}

#[derive(Debug, Clone)]
enum Turn {
    Books(u32, u32),
    Page(usize, bool),
    NoPage,
    List(usize),
    Market(Index, MarketStatus),
    Exchange(bool),
    Order(Index, u8),
    Fill(Index, u32),
    StrangersFill(Index),
    Paid(Index, bool),
    Command(u8),
    Trouble(u8),
    Timer,
}

fn turn() -> impl Strategy<Value = (i64, Turn)> {
    let status = prop_oneof![
        Just(MarketStatus::Active),
        Just(MarketStatus::Determined),
        Just(MarketStatus::Finalized),
        Just(MarketStatus::Inactive),
    ];
    let what = prop_oneof![
        8 => (20_u32..50, 1_u32..12).prop_map(|(bid, spread)| Turn::Books(bid, spread)),
        3 => (0_usize..4, any::<bool>()).prop_map(|(board, same)| Turn::Page(board, same)),
        1 => Just(Turn::NoPage),
        1 => (1_usize..=5).prop_map(Turn::List),
        1 => (any::<Index>(), status).prop_map(|(which, status)| Turn::Market(which, status)),
        1 => prop::bool::weighted(0.8).prop_map(Turn::Exchange),
        6 => (any::<Index>(), 0_u8..8).prop_map(|(which, news)| Turn::Order(which, news)),
        4 => (any::<Index>(), 1_u32..9).prop_map(|(which, size)| Turn::Fill(which, size)),
        1 => any::<Index>().prop_map(Turn::StrangersFill),
        1 => (any::<Index>(), any::<bool>()).prop_map(|(which, yes)| Turn::Paid(which, yes)),
        5 => (0_u8..60).prop_map(Turn::Command),
        1 => (0_u8..6).prop_map(Turn::Trouble),
        8 => Just(Turn::Timer),
    ];
    (
        prop_oneof![4 => 0_i64..4, 1 => 1_i64..100, 1 => Just(3_700)],
        what,
    )
}

fn pick<T: Copy>(which: Index, from: &[T]) -> T {
    *which.get(from)
}

/// A story told to a core: what it is told of orders depends on those it has sent.
struct Story {
    second: i64,
    fills: u32,
    shown: Option<Arc<GatedBoard>>,
}

impl Story {
    fn events(&mut self, engine: &Engine, turn: &Turn) -> Vec<Event> {
        let second = self.second;
        let detail = || "a story".to_owned();
        let open: Vec<&Order> = engine.account().portfolio.open_orders.values().collect();
        let event = match turn {
            Turn::Books(bid, spread) => return self.books(*bid, *spread),
            Turn::Page(board, same) => Event::Reading(self.reading(*board, *same)),
            Turn::NoPage => Event::Reading(crate::kit::reading(second, "timeout")),
            Turn::List(listed) => Event::Markets {
                series: "SERIES".parse().unwrap(),
                markets: NAMES.iter().take(*listed).map(|name| market(name)).collect(),
            },
            Turn::Market(which, status) => {
                let decided = matches!(status, MarketStatus::Determined | MarketStatus::Finalized);
                Event::Market(Market {
                    status: *status,
                    settlement_value: decided.then_some(Price::ONE),
                    rules_primary: if second % 3 == 0 {
                        "other".into()
                    } else {
                        String::new()
                    },
                    ..market(pick(*which, &NAMES))
                })
            }
            Turn::Exchange(trades) => Event::Exchange(if *trades { TRADING } else { PAUSED }),
            Turn::Order(_, _) | Turn::Fill(_, _) if open.is_empty() => Event::Timer,
            Turn::Order(which, news) => Self::news(pick(*which, &open), *news),
            Turn::Fill(which, size) => self.fill(pick(*which, &open), *size),
            Turn::StrangersFill(which) => self.execution(None, pick(*which, &NAMES[3..]), BookSide::Bid, 2),
            Turn::Paid(which, yes) => Event::Settlement(SettlementRecord {
                ticker: ticker(pick(*which, &NAMES)),
                yes_value: if *yes { Price::ONE } else { Price::ZERO },
                fee: Money::ZERO,
                settled_at: at(second),
            }),
            Turn::Command(which) => Event::Command(command(*which, &open)),
            Turn::Trouble(which) => match which {
                0 => Event::Mismatch { detail: detail() },
                1 => Event::ForeignOrders { detail: detail() },
                2 => Event::SchemaBroken { detail: detail() },
                3 => Event::BookBroken {
                    ticker: ticker(NAMES[0]),
                    detail: detail(),
                },
                4 => Event::AccessRefused { detail: detail() },
                _ => Event::HaltFile { detail: detail() },
            },
            Turn::Timer => Event::Timer,
        };
        vec![event]
    }

    fn books(&self, bid: u32, spread: u32) -> Vec<Event> {
        let cents = |cents: u32| format!("0.{cents:02}");
        let (yes, no) = (cents(bid), cents(100 - bid - spread));
        let book = |name| {
            Book::new(
                ticker(name),
                at(self.second),
                levels(&[(&yes, 40)]),
                levels(&[(&no, 40)]),
            )
            .unwrap()
        };
        NAMES.into_iter().map(|name| Event::Book(book(name))).collect()
    }

    fn reading(&mut self, board: usize, same: bool) -> Reading {
        let again = self.shown.clone().filter(|_| same);
        let unchanged = again.is_some();
        let page = again.unwrap_or_else(|| Arc::new(page(board)));
        self.shown = Some(Arc::clone(&page));
        Reading {
            source: "primary".into(),
            fetched_at: at(self.second),
            origin: format!("o{}", self.second),
            latency: Duration::from_micros(1_234_567),
            bytes: 2_460_000,
            outcome: ReadingOutcome::Page { page, unchanged },
        }
    }

    fn news(order: &Order, news: u8) -> Event {
        let mut order = order.clone();
        let client_order_id = order.client_order_id.clone();
        let state = match news {
            0 => OrderState::Sent,
            1 => OrderState::Resting,
            2 => OrderState::Unknown,
            3 => OrderState::Canceled,
            4 => OrderState::Rejected,
            5 => OrderState::Filled,
            6 if order.state == OrderState::Intended => {
                let detail = "never sent".into();
                return Event::Unsent {
                    client_order_id,
                    detail,
                };
            }
            _ => OrderState::Expired,
        };
        order.reject_reason = (state == OrderState::Rejected).then_some(RejectReason::InsufficientBalance);
        order.state = state;
        Event::Order(OrderUpdate {
            order,
            detail: "a story".into(),
        })
    }

    fn fill(&mut self, order: &Order, size: u32) -> Event {
        let id = Some(order.client_order_id.clone());
        self.execution(id, order.intent.ticker.as_str(), order.intent.side, size)
    }

    fn execution(&mut self, id: Option<ClientOrderId>, name: &str, side: BookSide, size: u32) -> Event {
        self.fills += 1;
        Event::Fill(Fill {
            fill_id: format!("fill-{}", self.fills),
            venue_order_id: "venue".parse().unwrap(),
            client_order_id: id,
            ticker: ticker(name),
            side,
            price: "0.4".parse().unwrap(),
            contracts: Contracts::whole(size),
            fee: Money::micros(12_345),
            liquidity: Liquidity::Taker,
            filled_at: at(self.second),
        })
    }
}

fn command(which: u8, open: &[&Order]) -> Command {
    let reason = || "a story".to_owned();
    match (which, open.first()) {
        (0, _) => Command::Halt { reason: reason() },
        (1, _) => Command::Reduce { reason: reason() },
        (2, _) => Command::Flatten { reason: reason() },
        (3, _) => Command::CancelAll { reason: reason() },
        (4, _) => Command::CancelAccount { reason: reason() },
        (5, Some(order)) => Command::ResolveUnknown {
            client_order_id: order.client_order_id.clone(),
            resend: true,
        },
        (6, _) => Command::Approve {
            by: "a person".into(),
            approval: ApprovalDecision::MappingRejected {
                ticker: ticker(NAMES[1]),
                subject: "M2A".into(),
                name: None,
            },
        },
        (which, _) => {
            let cause = Cause::ALL[usize::from(which) % Cause::ALL.len()];
            let cause = cause.code().into();
            Command::Resume { cause }
        }
    }
}

/// Tells a story to a core that is never interrupted and to one that is resumed before every event and is told what reads
/// back from the records. Gives back what happened, by kind.
fn tell(turns: &[(i64, Turn)]) -> Result<BTreeMap<&'static str, usize>, TestCaseError> {
    let (mut whole, mut other) = (begun(), begun());
    let mut story = Story {
        second: 0,
        fills: 0,
        shown: None,
    };
    let mut pages = Pages::default();
    let mut counts: BTreeMap<&'static str, usize> = BTreeMap::new();
    let mut lines = Vec::new();
    let opening = [
        (0, Turn::List(5)),
        (0, Turn::Page(0, false)),
        (0, Turn::Exchange(true)),
    ];
    for (pause, turn) in opening.iter().chain(turns) {
        story.second += pause;
        for event in story.events(&whole, turn) {
            let now = at(story.second) + TimeDelta::microseconds(7);
            let handled = whole.handle(now, &event).unwrap();
            let step = read_step(&handled.record.body, &mut pages).unwrap();
            let seq = handled.record.seq;
            prop_assert_eq!(&step, &Step { seq, at: now, event });
            prop_assert_eq!(state(&resumed(&other)), state(&other));
            other = resumed(&other);
            let again = other.handle(step.at, &step.event).unwrap();
            prop_assert_eq!(&again.record.body, &handled.record.body);
            prop_assert_eq!(again.record.chain, handled.record.chain);
            for kind in [
                "place",
                "\"cancel\"",
                "unchanged",
                "coherence",
                "\"loss_base\"",
                "history",
            ] {
                if handled.record.body.contains(kind) {
                    *counts.entry(kind).or_default() += 1;
                }
            }
            lines.push(handled.record.line());
        }
    }
    prop_assert_eq!(verify(lines.iter().map(String::as_str)).unwrap(), whole.chain());
    Ok(counts)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 16, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_is_resumed_before_every_event_does_the_same(turns in proptest::collection::vec(turn(), 10..45)) {
        tell(&turns)?;
    }
}

#[test]
fn the_stories_are_about_something() {
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    let mut seen: BTreeMap<&'static str, usize> = BTreeMap::new();
    for _ in 0..6 {
        let turns = proptest::collection::vec(turn(), 60..61)
            .new_tree(&mut runner)
            .unwrap()
            .current();
        for (kind, count) in tell(&turns).unwrap() {
            *seen.entry(kind).or_default() += count;
        }
    }
    for kind in ["place", "\"cancel\"", "unchanged", "coherence", "history"] {
        assert!(
            seen.get(kind).is_some_and(|count| *count >= 5),
            "{kind}: {seen:?}"
        );
    }
}

#[test]
fn an_unchanged_reading_is_named_by_its_hash_only_when_it_is_what_was_written_last() {
    let mut engine = begun();
    let mut pages = Pages::default();
    let mut read = |engine: &mut Engine, second: i64, page: GatedBoard| {
        let reading = Reading {
            outcome: ReadingOutcome::Page {
                page: Arc::new(page),
                unchanged: true,
            },
            ..crate::kit::reading(second, "none")
        };
        let event = Event::Reading(reading);
        let body = engine.handle(at(second), &event).unwrap().record.body;
        assert_eq!(read_step(&body, &mut pages).unwrap().event, event);
        body.contains("entries")
    };
    // Nothing was written yet; then the same; then equal rows under another stamp; then those again.
    let whole = [2, 2, 3, 3, 2].map(|board| read(&mut engine, 1, page(board)));
    assert_eq!(whole, [true, false, true, false, true]);

    let body = engine.handle(at(9), &Event::Timer).unwrap().record.body;
    for (broken, says) in [
        (body.replacen("\"seq\"", "\"number\"", 1), "missing field `seq`"),
        (body.replacen("timer", "eclipse", 1), "unknown variant `eclipse`"),
        (body[..body.len() - 1].to_owned(), "EOF"),
        (format!("{body}x"), "trailing characters"),
    ] {
        let error = read_step(&broken, &mut Pages::default()).unwrap_err().to_string();
        assert!(error.contains(says), "{error}");
    }
    let named = engine
        .handle(
            at(9),
            &Event::Reading(Reading {
                outcome: ReadingOutcome::Page {
                    page: Arc::new(page(2)),
                    unchanged: true,
                },
                ..crate::kit::reading(9, "none")
            }),
        )
        .unwrap()
        .record
        .body;
    let error = read_step(&named, &mut Pages::default()).unwrap_err().to_string();
    assert!(error.contains("not the last one of"), "{error}");
}
