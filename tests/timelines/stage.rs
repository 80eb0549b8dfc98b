//! The real parts wired together without a network: vintage rules, strategy, risk, core. A script says which page is shown
//! and what the books ask, and reads what the core wants done and why.

use std::collections::{BTreeMap, BTreeSet};

use autotrader_arena_signals::{VintageKeeper, VintageSettings};
use autotrader_domain::{
    Book, BookSide, ClientOrderId, Environment, ExchangeStatus, ExecutionMode, FeeSchedule, Fill, Level,
    Liquidity, Market, MarketStatus, Money, Order, OrderState, OrderUpdate, Price, PriceGrid, Purpose,
    Reading, Reason, Ticker, Why,
};
use autotrader_engine::{AccountScope, ChainHash, Effect, Engine, EngineSettings, Event};
use autotrader_risk::{Limits, RiskEngine};
use autotrader_settlement::Board;
use autotrader_strategy::mapping::TOP_MODEL_TIE_RULE;
use autotrader_strategy::{ApprovedRules, LeaderboardAlpha, Params};
use chrono::{DateTime, TimeDelta, Utc};

use crate::boards::readings::{at, failing, page, showing};

/// Stands for KXLLM1's tie rule; it is approved for these tests only.
const LAB_TIE_RULE: &str = "The company of the model that wins by the cascade wins.";

/// Nine days after the start, at 10:00 in New York.
pub fn check() -> DateTime<Utc> {
    "2026-05-16T14:00:00Z".parse().unwrap()
}

/// The contracts: ticker, what it is on.
pub const MODELS: [(&str, &str); 5] = [
    ("KXTOPMODEL-26MAY16-AUR", "aurora-5"),
    ("KXTOPMODEL-26MAY16-BOR", "boreas-5"),
    ("KXTOPMODEL-26MAY16-CIR", "cirrus-2"),
    ("KXTOPMODEL-26MAY16-DRI", "drift-1"),
    ("KXTOPMODEL-26MAY16-EMB", "ember-3"),
];

/// Likewise for companies.
pub const LABS: [(&str, &str); 5] = [
    ("KXLLM1-26MAY16-NOR", "Northwind"),
    ("KXLLM1-26MAY16-CON", "Contoso"),
    ("KXLLM1-26MAY16-FAB", "Fabrikam"),
    ("KXLLM1-26MAY16-TAI", "Tailspin"),
    ("KXLLM1-26MAY16-LIT", "Litware"),
];

/// An order that left the core: its contract, what it buys and what for.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Sent {
    pub ticker: String,
    /// `true` when it buys YES or sells NO.
    pub up: bool,
    pub entry: bool,
}

/// A step of the core, and every few steps the state before it.
pub struct Taken {
    pub at: DateTime<Utc>,
    pub event: Event,
    pub body: String,
    pub chain: ChainHash,
    pub state: Option<String>,
}

/// What the core is told.
pub fn settings() -> EngineSettings {
    EngineSettings {
        scope: AccountScope {
            environment: Environment::Demo,
            mode: ExecutionMode::Live,
            account: "key".into(),
            database_id: "db".into(),
        },
        evaluation_interval: TimeDelta::seconds(1),
        cooldown: TimeDelta::seconds(60),
    }
}

/// The strategy, with the companies' rule approved.
pub fn strategy() -> LeaderboardAlpha {
    let mut params = Params::default();
    let approved = ApprovedRules::new("KXLLM1".parse().unwrap(), LAB_TIE_RULE, "cascade").unwrap();
    params.mapping.approved_rules.push(approved);
    LeaderboardAlpha::new(params).unwrap()
}

/// The core with a page and books in front of it.
pub struct Stage {
    pub engine: Engine,
    second: i64,
    quotes: BTreeMap<&'static str, (Price, Price)>,
    page: Option<(Board, i64)>,
    fills: u32,
    /// The steps since they are recorded.
    steps: Option<Vec<Taken>>,
    /// Whether the books can be traded with: an order then fills at its limit, else nothing of it does.
    pub liquid: bool,
}

fn ticker(text: &str) -> Ticker {
    text.parse().unwrap()
}

fn cents(cents: i64) -> Price {
    Price::from_cents(cents).unwrap()
}

fn market(text: &str, rules: String, tie: &str, slug: Option<&str>, fees: FeeSchedule) -> Market {
    let (event, _) = text.rsplit_once('-').unwrap();
    let (series, _) = event.split_once('-').unwrap();
    Market {
        ticker: ticker(text),
        event: event.parse().unwrap(),
        series: series.parse().unwrap(),
        status: MarketStatus::Active,
        close_time: check(),
        grid: PriceGrid::whole_cents(),
        fees,
        rules_primary: rules,
        rules_secondary: tie.to_owned(),
        strike_model: slug.map(str::to_owned),
        yes_sub_title: "label".to_owned(),
        exchange_index: 0,
        result: None,
        settlement_value: None,
    }
}

fn listings() -> Vec<Event> {
    let models = MODELS.map(|(ticker, slug)| {
        let rule = format!(
            "If {slug} is the top-ranked AI model on May 16, 2026 at 10:00 AM ET, then the market resolves to Yes."
        );
        market(ticker, rule, TOP_MODEL_TIE_RULE, Some(slug), FeeSchedule::QUADRATIC)
    });
    let labs = LABS.map(|(ticker, lab)| {
        let rule = format!(
            "If {lab} has the top-ranked LLM on May 16, 2026 at 10:00 AM ET, then the market resolves to Yes."
        );
        market(ticker, rule, LAB_TIE_RULE, None, FeeSchedule::WITH_MAKER_FEES)
    });
    [("KXTOPMODEL", models), ("KXLLM1", labs)]
        .into_iter()
        .map(|(series, markets)| Event::Markets {
            series: series.parse().unwrap(),
            markets: markets.into(),
        })
        .collect()
}

impl Stage {
    /// A core that has seen `board`, with books that quote what it thinks of it, so that nothing is worth trading.
    pub fn on(board: &Board) -> Self {
        let engine = Engine::new(
            settings(),
            Box::new(VintageKeeper::new(VintageSettings::default())),
            Box::new(strategy()),
            RiskEngine::new(Limits::default()),
            Money::dollars(2_500),
        );
        let mut stage = Self {
            engine,
            second: 0,
            quotes: BTreeMap::new(),
            page: None,
            fills: 0,
            steps: None,
            liquid: true,
        };
        for event in listings() {
            stage.handle(&event);
        }
        let first = stage.show(board, 0);
        assert_eq!(first, [], "without books there is nothing to trade");
        stage.quote_what_it_thinks();
        assert_eq!(stage.pass(60), [], "what is fairly priced is not traded");
        stage
    }

    /// Quotes every contract two cents wide around its fair value.
    pub fn quote_what_it_thinks(&mut self) {
        let fair: Vec<(String, f64)> = self
            .engine
            .why()
            .filter_map(|why| Some((why.ticker.to_string(), why.fair?)))
            .collect();
        for (name, p) in fair {
            let middle = ((p * 100.0).round() as i64).clamp(2, 98);
            self.quote(&name, middle - 1, middle + 1);
        }
    }

    /// Quotes the favourite of each series 24 cents under its fair value and every rival two cents over: the favourite is
    /// worth buying, and nothing is yet so far off that news was probably missed.
    pub fn tempt(&mut self) {
        self.quote_what_it_thinks();
        for (bid, ask) in self.quotes.values_mut() {
            let change = if *bid > cents(50) { -2_400 } else { 200 };
            for price in [bid, ask] {
                *price = Price::from_raw(price.raw() + change).unwrap();
            }
        }
    }

    /// Sets the quotes of a contract, in cents; the core sees them with the next tick.
    pub fn quote(&mut self, name: &str, bid: i64, ask: i64) {
        let known = MODELS.iter().chain(&LABS).map(|(ticker, _)| *ticker);
        let name = known.into_iter().find(|ticker| *ticker == name).unwrap();
        self.quotes.insert(name, (cents(bid), cents(ask)));
    }

    pub fn now(&self) -> DateTime<Utc> {
        at(self.second)
    }

    /// Shows another page from now on, stamped so many hours after the first, and returns what its first reading leads to.
    pub fn show(&mut self, board: &Board, hour: i64) -> Vec<Sent> {
        self.page = Some((board.clone(), hour));
        self.tick(1)
    }

    /// Shows another page, and handles the one event that brings its first reading: no timer, no book.
    pub fn read(&mut self, board: &Board, hour: i64) -> Vec<Sent> {
        self.page = Some((board.clone(), hour));
        self.second += 1;
        let reading = self.reading();
        self.handle(&Event::Reading(reading))
    }

    /// Lets so many seconds pass with a reading and fresh books every half minute.
    pub fn pass(&mut self, seconds: i64) -> Vec<Sent> {
        (0..seconds / 30).flat_map(|_| self.tick(30)).collect()
    }

    /// Lets so many seconds pass in which every poll fails.
    pub fn fail(&mut self, seconds: i64) -> Vec<Sent> {
        let page = self.page.take();
        let sent = self.pass(seconds);
        self.page = page;
        sent
    }

    /// Lets so many seconds pass at once, as a process that did not run sees them; then the page is read again.
    pub fn sleep_until(&mut self, time: DateTime<Utc>) {
        self.second += time.signed_duration_since(self.now()).num_seconds();
    }

    fn tick(&mut self, seconds: i64) -> Vec<Sent> {
        self.second += seconds;
        let status = ExchangeStatus {
            exchange_active: true,
            trading_active: true,
        };
        let mut sent = self.handle(&Event::Exchange(status));
        let books: Vec<Book> = self
            .quotes
            .iter()
            .map(|(name, (bid, ask))| {
                let level = |price: Price| Level {
                    price,
                    size: "400".parse().unwrap(),
                };
                let no_bids = vec![level(ask.complement())];
                Book::new(ticker(name), self.now(), vec![level(*bid)], no_bids).unwrap()
            })
            .collect();
        for book in books {
            sent.extend(self.handle(&Event::Book(book)));
        }
        let reading = self.reading();
        sent.extend(self.handle(&Event::Reading(reading)));
        sent.extend(self.handle(&Event::Timer));
        sent
    }

    fn reading(&self) -> Reading {
        match &self.page {
            Some((board, hour)) => showing(
                self.second,
                &format!("origin-{}", self.second),
                page(board, *hour),
            ),
            None => failing(self.second),
        }
    }

    /// Keeps every step from now on.
    pub fn record(&mut self) {
        self.steps = Some(Vec::new());
    }

    /// The steps since then.
    pub fn taken(&self) -> &[Taken] {
        self.steps.as_deref().unwrap_or_default()
    }

    /// The state before every seventh step, where steps are recorded.
    fn state(&self) -> Option<String> {
        let steps = self.steps.as_ref()?;
        let due = steps.len() % 7 == 0;
        due.then(|| serde_json::to_string(&self.engine.snapshot().unwrap()).unwrap())
    }

    fn handle(&mut self, event: &Event) -> Vec<Sent> {
        let now = self.now();
        let state = self.state();
        let handled = self.engine.handle(now, event).unwrap();
        if let Some(steps) = &mut self.steps {
            steps.push(Taken {
                at: now,
                event: event.clone(),
                body: handled.record.body,
                chain: handled.record.chain,
                state,
            });
        }
        let effects = handled.effects;
        let orders: Vec<Order> = effects
            .into_iter()
            .filter_map(|effect| match effect {
                Effect::Place { order, .. } => Some(order.get().clone()),
                _ => None,
            })
            .collect();
        let sent = orders
            .iter()
            .map(|order| Sent {
                ticker: order.intent.ticker.to_string(),
                up: order.intent.side == BookSide::Bid,
                entry: order.intent.purpose == Purpose::Entry,
            })
            .collect();
        for order in orders {
            self.answer(order);
        }
        sent
    }

    /// The exchange's answer to an immediate order: all of it, or nothing.
    fn answer(&mut self, mut order: Order) {
        order.state = OrderState::Sent;
        self.tell(&order);
        if self.liquid {
            self.fills += 1;
            let fill = Fill {
                fill_id: format!("fill-{}", self.fills),
                venue_order_id: format!("venue-{}", self.fills).parse().unwrap(),
                client_order_id: Some(order.client_order_id.clone()),
                ticker: order.intent.ticker.clone(),
                side: order.intent.side,
                price: order.intent.limit,
                contracts: order.intent.contracts,
                fee: Money::ZERO,
                liquidity: Liquidity::Taker,
                filled_at: self.now(),
            };
            order.filled = order.intent.contracts;
            let more = self.handle(&Event::Fill(fill));
            assert_eq!(more, [], "a fill alone is no reason to trade");
            order.state = OrderState::Filled;
        } else {
            order.state = OrderState::Canceled;
        }
        self.tell(&order);
    }

    fn tell(&mut self, order: &Order) {
        let update = OrderUpdate {
            order: order.clone(),
            detail: String::new(),
        };
        let more = self.handle(&Event::Order(update));
        assert_eq!(more, [], "an answer alone is no reason to trade");
    }

    /// The last line of the ledger about a contract.
    pub fn line(&self, name: &str) -> &Why {
        self.engine.why().find(|why| why.ticker.as_str() == name).unwrap()
    }

    pub fn fair(&self, name: &str) -> f64 {
        self.line(name).fair.unwrap()
    }

    /// The first two reasons of the contracts named.
    pub fn reasons<'a>(&self, names: impl IntoIterator<Item = &'a str>) -> BTreeMap<String, Vec<Reason>> {
        names
            .into_iter()
            .map(|name| {
                let line = self.line(name);
                let reasons = line.reason.into_iter().chain(line.next_reason).collect();
                (name.to_owned(), reasons)
            })
            .collect()
    }

    /// Holds the first reason of every one of the contracts named against a reason.
    #[track_caller]
    pub fn told_first<'a>(&self, names: impl IntoIterator<Item = &'a str>, reason: Reason) {
        for (name, reasons) in self.reasons(names) {
            assert_eq!(reasons.first(), Some(&reason), "{name}");
        }
    }

    /// Holds every one of the contracts named against a reason, first or next.
    #[track_caller]
    pub fn told<'a>(&self, names: impl IntoIterator<Item = &'a str>, reason: Reason) {
        for (name, reasons) in self.reasons(names) {
            assert!(reasons.contains(&reason), "{name}: {reasons:?}, not {reason:?}");
        }
    }

    /// Ids of the orders that the core believes open.
    pub fn open(&self) -> BTreeSet<ClientOrderId> {
        self.engine
            .account()
            .portfolio
            .open_orders
            .keys()
            .cloned()
            .collect()
    }
}
