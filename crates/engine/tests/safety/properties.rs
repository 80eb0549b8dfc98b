//! Whatever happens in whatever order: limits hold at every instant, a halt places nothing but a flatten's reduce-only
//! orders, a reduction never makes the worst state worse.

use std::collections::{BTreeMap, BTreeSet};

use autotrader_domain::{
    BookSide, Command, Contracts, Intent, Money, Order, OrderState, Price, Purpose, Reason, RejectReason,
    TimeInForce,
};
use autotrader_engine::{Effect, Event, FlattenStage, FlattenStep};
use autotrader_risk::Limits;
use proptest::prelude::*;
use proptest::test_runner::TestCaseResult;

use crate::kit::{GTC, IOC, NAMES, PAUSED, Play, TRADING, canceled, placed, refusals, wish};
use crate::ops::{News, Op, Wish, news, op};
use crate::shadow::{ROUNDING, Shadow, left};

const RELEASABLE: [&str; 3] = ["operator_halt", "operator_reduce", "reconciliation_mismatch"];

/// The limits of one run, in the units of the second ledger.
#[derive(Debug, Clone, Copy)]
struct Bounds {
    order: i128,
    contract: i128,
    event: i128,
    worst: i128,
    lab: i128,
    cash: i128,
    orders_per_minute: usize,
}

impl Bounds {
    /// Limits that all bind now and then, or one of them so tight that it binds first.
    const fn of(tight: u8) -> Self {
        let mut bounds = Self {
            order: 3_000,
            contract: 6_000,
            event: 12_000,
            worst: 40_000_000,
            lab: 45_000_000,
            cash: 1_000_000_000,
            orders_per_minute: 20,
        };
        match tight % 7 {
            0 => bounds.contract = 3_300,
            1 => bounds.event = 4_000,
            2 => bounds.worst = 9_000_000,
            3 => bounds.lab = 9_000_000,
            4 => bounds.cash = 20_000_000,
            5 => bounds.orders_per_minute = 3,
            _ => bounds.order = 900,
        }
        bounds
    }

    fn limits(&self) -> Limits {
        let contracts = |raw: i128| Contracts::from_raw(i64::try_from(raw).unwrap()).unwrap();
        let money = |raw: i128| Money::micros(i64::try_from(raw).unwrap());
        Limits {
            max_order_contracts: contracts(self.order),
            max_position_per_contract: contracts(self.contract),
            max_position_per_event: contracts(self.event),
            max_worst_state_loss: money(self.worst),
            max_lab_exposure: money(self.lab),
            max_portfolio_exposure_bp: 10_000,
            max_daily_loss: Money::dollars(1_000_000),
            max_strategy_loss: Money::dollars(1_000_000),
            max_drawdown: Money::dollars(1_000_000),
            max_orders_per_minute: u32::try_from(self.orders_per_minute).unwrap(),
            ..Limits::default()
        }
    }
}

/// The core beside a ledger of the test's own.
struct Trial {
    bounds: Bounds,
    play: Play,
    shadow: Shadow,
    second: i64,
    /// Restrictions as the test asked for them, by code.
    restricted: BTreeSet<&'static str>,
    /// The least that the worst state may pay, realised profit included: only exits may lower it.
    floor: i128,
    placements: Vec<i64>,
    generations: BTreeMap<usize, u64>,
    ids: BTreeSet<String>,
    /// In which state an order was when its cancel was last asked for.
    asked: BTreeMap<String, OrderState>,
    /// What happened, so that a run shows that it tried something.
    counts: BTreeMap<&'static str, u32>,
    refusals: BTreeSet<Reason>,
}

impl Trial {
    fn new(tight: u8) -> Self {
        let bounds = Bounds::of(tight);
        let cash = Money::micros(i64::try_from(bounds.cash).unwrap());
        Self {
            bounds,
            play: Play::funded(bounds.limits(), cash).prepared(),
            shadow: Shadow::new(bounds.cash),
            second: 1,
            restricted: BTreeSet::new(),
            floor: -bounds.worst,
            placements: Vec::new(),
            generations: BTreeMap::new(),
            ids: BTreeSet::new(),
            asked: BTreeMap::new(),
            counts: BTreeMap::new(),
            refusals: BTreeSet::new(),
        }
    }

    fn count(&mut self, what: &'static str) {
        *self.counts.entry(what).or_default() += 1;
    }

    fn halted(&self) -> bool {
        self.restricted.contains("operator_halt")
    }

    fn reduced(&self) -> bool {
        self.restricted.contains("operator_reduce") || self.restricted.contains("reconciliation_mismatch")
    }

    fn without_entries(&self) -> bool {
        self.restricted.contains("exchange_paused") || self.restricted.contains("board_held")
    }

    /// Everything that an event led to is looked at here, order by order.
    fn judge(&mut self, effects: &[Effect]) -> TestCaseResult {
        for order in placed(effects) {
            self.judge_order(&order)?;
        }
        self.refusals.extend(refusals(effects).into_values());
        self.judge_cancels(effects)?;
        self.judge_totals()
    }

    fn judge_order(&mut self, order: &Order) -> TestCaseResult {
        let name = Shadow::index(order);
        let reduces = order.intent.purpose != Purpose::Entry;
        prop_assert_eq!(order.state, OrderState::Intended);
        prop_assert!(self.ids.insert(order.client_order_id.to_string()), "an id twice");
        let generation = self.generations.entry(name).or_default();
        prop_assert_eq!(order.generation.0, *generation + 1);
        *generation += 1;
        prop_assert_eq!(order.reduce_only, reduces);
        if self.halted() {
            prop_assert_eq!(order.intent.purpose, Purpose::Flatten, "placed under a halt");
        } else {
            prop_assert!(
                order.intent.purpose != Purpose::Flatten,
                "a flatten without its halt"
            );
            prop_assert!(!self.reduced() || reduces, "an entry under a reduction");
            prop_assert!(
                !self.without_entries() || reduces,
                "an entry although entries are stopped"
            );
        }
        if reduces {
            self.count(if self.halted() { "flattened" } else { "exits" });
            prop_assert_eq!(order.intent.time_in_force, TimeInForce::ImmediateOrCancel);
            prop_assert!(
                !self.shadow.known_open_on(order),
                "beside an order that is not unknown"
            );
            let closing = match order.intent.side {
                BookSide::Bid => self.shadow.net(name) < 0,
                BookSide::Ask => self.shadow.net(name) > 0,
            };
            prop_assert!(closing, "an exit that opens");
            prop_assert!(
                self.shadow.reducing(name, order) <= self.shadow.net(name).abs(),
                "reducers of more than is held"
            );
            if self.reduced() && !self.halted() {
                self.count("reductions");
                let (before, after) = (
                    self.shadow.worst_state(None),
                    self.shadow.worst_state(Some(order)),
                );
                prop_assert!(
                    after >= before - ROUNDING,
                    "the worst state fell from {before} to {after}"
                );
            }
        } else {
            self.count("entries");
            prop_assert!(!self.shadow.any_open_on(order), "an entry beside another order");
            prop_assert!(left(order) <= self.bounds.order);
            let window = self
                .placements
                .iter()
                .filter(|at| **at > self.second - 60)
                .count();
            prop_assert!(
                window < self.bounds.orders_per_minute,
                "{window} orders in the minute before"
            );
        }
        self.placements.push(self.second);
        self.shadow.open.push(order.clone());
        if reduces {
            self.floor = self.floor.min(self.shadow.worst_total());
        } else {
            let worst = self.shadow.worst_state(None);
            prop_assert!(
                worst >= -self.bounds.worst - ROUNDING,
                "approved with a worst state of {worst}"
            );
            self.floor = self.floor.min(self.shadow.realized() - self.bounds.worst);
        }
        Ok(())
    }

    fn judge_totals(&self) -> TestCaseResult {
        for (name, text) in NAMES.iter().enumerate() {
            let worst = self.shadow.worst_size(name);
            prop_assert!(worst <= self.bounds.contract, "{worst} of {text}");
            let core = self.play.net(text);
            let own = self.shadow.net(name);
            prop_assert_eq!(
                core.parse::<autotrader_domain::Net>().unwrap().raw(),
                i64::try_from(own).unwrap()
            );
        }
        for letter in ['M', 'L'] {
            let worst = self.shadow.worst_event(letter);
            prop_assert!(worst <= self.bounds.event, "{worst} in {letter}");
        }
        for lab in ['A', 'B'] {
            let cost = self.shadow.lab(lab);
            prop_assert!(cost <= self.bounds.lab + ROUNDING, "{cost} on {lab}");
        }
        prop_assert!(
            self.shadow.reserved() <= self.shadow.cash,
            "spent what is not there"
        );
        let total = self.shadow.worst_total();
        prop_assert!(
            total >= self.floor - ROUNDING,
            "the worst state pays {total}, allowed {}",
            self.floor
        );
        Ok(())
    }

    fn run(&mut self, op: &Op) -> TestCaseResult {
        let at = self.second;
        let effects = match op {
            Op::Wait(seconds) => {
                self.second += seconds;
                let mut effects = self.play.read(self.second);
                effects.extend(self.play.tick(self.second));
                effects
            }
            Op::Books(books) => {
                self.second += 1;
                self.show(books)
            }
            Op::Wishes(wishes) => {
                self.second += 2;
                let mut effects = self.play.read(self.second);
                let intents = wishes.iter().map(|wish| self.intent(wish)).collect();
                self.play.want(intents);
                effects.extend(self.play.tick(self.second));
                effects
            }
            Op::Order(which, news) => return self.tell(*which, *news),
            Op::Halt => {
                self.restricted.insert("operator_halt");
                self.play.command(
                    at,
                    Command::Halt {
                        reason: "drill".into(),
                    },
                )
            }
            Op::Reduce => {
                self.restricted.insert("operator_reduce");
                self.play.command(
                    at,
                    Command::Reduce {
                        reason: "drill".into(),
                    },
                )
            }
            Op::Resume(which) => {
                let cause = RELEASABLE[usize::from(*which) % RELEASABLE.len()];
                self.restricted.remove(cause);
                self.play.command(at, Command::Resume { cause: cause.into() })
            }
            Op::Flatten => {
                self.restricted.insert("operator_halt");
                self.count("flattens");
                self.play.command(
                    at,
                    Command::Flatten {
                        reason: "drill".into(),
                    },
                )
            }
            Op::CancelAll => self.play.command(
                at,
                Command::CancelAll {
                    reason: "drill".into(),
                },
            ),
            Op::Mismatch => {
                self.restricted.insert("reconciliation_mismatch");
                let detail = "they differ".to_owned();
                self.play.handle(at, &Event::Mismatch { detail })
            }
            Op::Exchange(trades) => {
                self.toggle("exchange_paused", !trades);
                let status = if *trades { TRADING } else { PAUSED };
                self.play.handle(at, &Event::Exchange(status))
            }
            Op::Hold(held) => {
                self.toggle("board_held", *held);
                self.play.hold_board(at, *held)
            }
        };
        self.judge(&effects)
    }

    fn toggle(&mut self, code: &'static str, on: bool) {
        if on {
            self.restricted.insert(code);
        } else {
            self.restricted.remove(code);
        }
    }

    /// Under a halt the cancel of everything that a flatten did not place was asked for since the order came to its state.
    fn judge_cancels(&mut self, effects: &[Effect]) -> TestCaseResult {
        for id in canceled(effects) {
            let order = self
                .shadow
                .open
                .iter()
                .find(|order| order.client_order_id.as_str() == id);
            prop_assert!(order.is_some(), "a cancel of what is not open");
            self.asked.extend(order.map(|order| (id, order.state)));
        }
        if self.halted() {
            for order in self
                .shadow
                .open
                .iter()
                .filter(|order| order.intent.purpose != Purpose::Flatten)
            {
                let asked = self.asked.get(order.client_order_id.as_str());
                prop_assert_eq!(asked, Some(&order.state), "{}", order.client_order_id);
            }
        }
        Ok(())
    }

    fn show(&mut self, books: &[(u32, u32, u32)]) -> Vec<Effect> {
        let mut effects = Vec::new();
        for (name, (bid, spread, size)) in NAMES.iter().zip(books) {
            let cents = |cents: u32| format!("0.{cents:02}");
            effects.extend(self.play.show(
                self.second,
                name,
                &[(&cents(*bid), *size)],
                &[(&cents(100 - bid - spread), *size)],
            ));
        }
        effects
    }

    /// What a wish asks for; an exit mostly asks for a part of what is held.
    fn intent(&self, wish: &Wish) -> Intent {
        let net = self.shadow.net(wish.name);
        let (buys, contracts) = if wish.exits && net != 0 {
            let held = u32::try_from(net.abs() / 100).unwrap();
            (net < 0, (wish.contracts % (held + 2)).max(1))
        } else {
            (wish.buys, wish.contracts)
        };
        let side = if buys { BookSide::Bid } else { BookSide::Ask };
        let purpose = if wish.exits { Purpose::Exit } else { Purpose::Entry };
        let limit = format!("0.{:02}", wish.cents);
        Intent {
            time_in_force: if wish.rests && (!wish.exits || wish.cents.is_multiple_of(4)) {
                GTC
            } else {
                IOC
            },
            ..self::wish(NAMES[wish.name], side, contracts, &limit, purpose)
        }
    }

    /// News of one of the open orders, when its state allows them.
    fn tell(&mut self, which: u8, news: News) -> TestCaseResult {
        if self.shadow.open.is_empty() {
            return Ok(());
        }
        let chosen = usize::from(which) % self.shadow.open.len();
        let mut order = self.shadow.open[chosen].clone();
        if order.state == OrderState::Intended && !matches!(news, News::Unknown | News::Abandoned) {
            let effects = self.play.update(self.second, &mut order, OrderState::Sent);
            self.settle(chosen, order.clone());
            self.judge(&effects)?;
        }
        let state = match news {
            News::Sent => OrderState::Sent,
            News::Resting => OrderState::Resting,
            News::Canceled => OrderState::Canceled,
            News::Expired => OrderState::Expired,
            News::Rejected => OrderState::Rejected,
            News::Unknown => OrderState::Unknown,
            News::Abandoned => OrderState::Abandoned,
            News::Filled(quarters, better) => return self.fill(chosen, quarters, better),
        };
        let contradicts = !order.filled.is_zero()
            && matches!(
                state,
                OrderState::Rejected | OrderState::Abandoned | OrderState::Resting
            );
        let rests = order.intent.time_in_force != TimeInForce::ImmediateOrCancel;
        let impossible = matches!(state, OrderState::Resting | OrderState::Expired) && !rests;
        if !order.state.may_become(state) || contradicts || impossible {
            return Ok(());
        }
        if state == OrderState::Rejected {
            order.reject_reason = Some(RejectReason::InsufficientBalance);
        }
        let effects = self.play.update(self.second, &mut order, state);
        self.settle(chosen, order);
        self.judge(&effects)
    }

    fn fill(&mut self, chosen: usize, quarters: u8, better: u8) -> TestCaseResult {
        let mut order = self.shadow.open[chosen].clone();
        let part = left(&order) * i128::from(quarters) / 4;
        let contracts = Contracts::from_raw(i64::try_from(part).unwrap()).unwrap();
        let better = 100 * i64::from(better);
        let improved = match order.intent.side {
            BookSide::Bid => order.intent.limit.raw() - better,
            BookSide::Ask => order.intent.limit.raw() + better,
        };
        let Some(price) =
            Price::from_raw(improved).filter(|price| *price > Price::ZERO && *price < Price::ONE)
        else {
            return Ok(());
        };
        if contracts.is_zero() {
            return Ok(());
        }
        self.count("fills");
        let effects = self.play.execute(self.second, &mut order, contracts, price);
        self.shadow.fill(&order, contracts, price);
        self.shadow.open[chosen] = order.clone();
        // Between the fill and the order's new state the core counts both; what it places then is looked at then.
        for placed in placed(&effects) {
            self.judge_order(&placed)?;
        }
        let effects = self.play.tell_filled(self.second, &mut order);
        self.settle(chosen, order);
        self.judge(&effects)
    }

    fn settle(&mut self, chosen: usize, order: Order) {
        if order.state.is_terminal() {
            self.shadow.open.remove(chosen);
        } else {
            self.shadow.open[chosen] = order;
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 192, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_sequence_of_events_exceeds_a_limit_or_leaks_through_a_restriction(
        tight in any::<u8>(),
        ops in proptest::collection::vec(op(), 1..140),
    ) {
        let mut trial = Trial::new(tight);
        for op in &ops {
            trial.run(op)?;
        }
    }
}

/// What a market and an exchange do in five seconds: bid, spread and size of each book, and news of up to five orders.
type Round = (Vec<(u32, u32, u32)>, Vec<(u8, News)>);

fn round() -> impl Strategy<Value = Round> {
    (
        proptest::collection::vec((2..90_u32, 1..9_u32, 1..40_u32), 5),
        proptest::collection::vec((any::<u8>(), news()), 0..5),
    )
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]

    /// A flatten ends, whatever the exchange answers; when it says that all is flat, it is.
    #[test]
    fn a_flatten_ends_and_flat_means_flat(
        before in proptest::collection::vec(op(), 1..60),
        after in proptest::collection::vec(round(), 1..80),
    ) {
        let mut trial = Trial::new(6);
        for op in &before {
            trial.run(op)?;
        }
        trial.run(&Op::Resume(0))?;
        trial.run(&Op::Exchange(true))?;
        trial.run(&Op::Flatten)?;
        // Forty attempts, each of which moves something just before patience ends, on each of five contracts.
        let longest = 40 * 120 / 5;
        let mut rounds = after.iter().cycle();
        for _ in 0..=longest {
            if trial.play.flattening().has_ended() {
                break;
            }
            let (books, news) = rounds.next().unwrap();
            trial.second += 4;
            trial.run(&Op::Books(books.clone()))?;
            for (which, news) in news {
                trial.run(&Op::Order(*which, *news))?;
            }
        }
        let flattening = trial.play.flattening();
        prop_assert!(flattening.has_ended(), "{flattening:?}");
        let flat = (0..NAMES.len()).all(|name| trial.shadow.net(name) == 0) && trial.shadow.open.is_empty();
        prop_assert_eq!(flattening.stage == FlattenStage::Flat, flat);
        for (ticker, leg) in flattening.remaining() {
            prop_assert!(matches!(leg.step, FlattenStep::Impossible { .. }), "{ticker}: {leg:?}");
        }
    }
}

/// The property tries what it says: in a fixed sample of runs every kind of order is approved, and every limit binds.
#[test]
fn the_random_runs_reach_every_kind_of_order_and_every_limit() {
    use proptest::strategy::ValueTree;
    use proptest::test_runner::TestRunner;
    let mut runner = TestRunner::deterministic();
    let mut counts: BTreeMap<&'static str, u32> = BTreeMap::new();
    let mut refused = BTreeSet::new();
    for tight in 0..56 {
        let ops = proptest::collection::vec(op(), 140);
        let mut trial = Trial::new(tight);
        for op in &ops.new_tree(&mut runner).unwrap().current() {
            trial.run(op).unwrap();
        }
        for (what, count) in trial.counts {
            *counts.entry(what).or_default() += count;
        }
        refused.extend(trial.refusals);
    }
    for what in ["entries", "exits", "reductions", "flattened", "fills", "flattens"] {
        assert!(counts.get(what).copied().unwrap_or_default() >= 10, "{counts:?}");
    }
    for reason in [
        Reason::SizeLimit,
        Reason::ContractLimit,
        Reason::EventLimit,
        Reason::WorstStateLoss,
        Reason::LabLimit,
        Reason::InsufficientCollateral,
        Reason::OrderRate,
        Reason::OrderInFlight,
        Reason::UnknownOrder,
        Reason::ReduceOnly,
        Reason::Halted,
        Reason::HeldBoard,
        Reason::ExchangePaused,
    ] {
        assert!(refused.contains(&reason), "{reason:?} of {refused:?}");
    }
}
