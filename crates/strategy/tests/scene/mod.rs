//! A made-up exchange and leaderboard at one instant, for tests and the benchmark.

use std::collections::BTreeMap;
use std::sync::Arc;

use autotrader_domain::ports::Strategy;
use autotrader_domain::{
    AcceptedBoard, Action, Approvals, BoardHash, BoardHistory, BoardStanding, Book, BookSide, Challenge,
    ChallengeKind, ClientOrderId, Contracts, Evaluation, ExchangeStatus, FeeSchedule, Generation, Intent,
    Level, Mapping, Market, MarketStatus, MarketView, Money, Net, Order, OrderState, ParsePath, Portfolio,
    Position, Price, PriceGrid, Purpose, Reason, Ticker, TimeInForce, Vintage, Why,
};
use autotrader_settlement::{Board, Entry, Rating, rank_bounds};
use autotrader_strategy::params::EstimatorKind;
use autotrader_strategy::{ApprovedRules, LeaderboardAlpha, Params, mapping::TOP_MODEL_TIE_RULE};
use chrono::{DateTime, TimeDelta, Utc};

/// The text that stands for KXLLM1's tie rule, approved in the tests' parameters only.
pub const LAB_TIE_RULE: &str = "The company of the model that wins by the cascade wins.";

/// A model with its lab, score and half the width of its interval.
pub type Row = (&'static str, &'static str, f64, f64);

/// Eight models of five labs: `aurora-6` leads by three points, three models can claim the first rank.
pub const ROWS: [Row; 8] = [
    ("aurora-6", "Northwind", 1503.0, 5.0),
    ("boreas-5", "Contoso", 1500.0, 4.0),
    ("aurora-5", "Northwind", 1496.0, 4.0),
    ("cirrus-2", "Fabrikam", 1488.0, 4.0),
    ("boreas-4", "Contoso", 1480.0, 4.0),
    ("drift-1", "Tailspin", 1470.0, 4.0),
    ("ember-3", "Litware", 1430.0, 4.0),
    ("cirrus-1", "Fabrikam", 1420.0, 4.0),
];

/// A board with rank bounds that follow from its intervals.
pub fn board(rows: &[(String, String, f64, f64)]) -> Board {
    let mut entries: Vec<Entry> = rows
        .iter()
        .map(|(name, lab, score, half)| Entry {
            organization: Some(lab.clone()),
            score: Some(Rating::from_value(*score)),
            ci_lower: Some(Rating::from_value(score - half)),
            ci_upper: Some(Rating::from_value(score + half)),
            votes: Some(10_000),
            ..Entry::named(name.as_str())
        })
        .collect();
    for (entry, bounds) in entries.clone().iter().zip(rank_bounds(&entries.clone())) {
        if let Some(own) = entries.iter_mut().find(|own| own.model_name == entry.model_name) {
            own.rank_ub = bounds.rank_ub;
            own.rank_lb = bounds.rank_lb;
        }
    }
    Board { entries }
}

/// Owned rows.
pub fn owned(rows: &[Row]) -> Vec<(String, String, f64, f64)> {
    rows.iter()
        .map(|(name, lab, score, half)| ((*name).to_owned(), (*lab).to_owned(), *score, *half))
        .collect()
}

pub fn price(text: &str) -> Price {
    text.parse().unwrap()
}

pub fn contracts(text: &str) -> Contracts {
    text.parse().unwrap()
}

pub fn level(price: Price, size: &str) -> Level {
    Level {
        price,
        size: contracts(size),
    }
}

/// A book with one level of `size` on each side.
pub fn quotes(ticker: &Ticker, at: DateTime<Utc>, bid: &str, ask: &str, size: &str) -> Book {
    let side = |text: &str, complement: bool| {
        if text.is_empty() {
            return Vec::new();
        }
        let quoted = price(text);
        vec![level(if complement { quoted.complement() } else { quoted }, size)]
    };
    Book::new(ticker.clone(), at, side(bid, false), side(ask, true)).unwrap()
}

/// Everything a decision depends on, owned.
#[derive(Debug, Clone)]
pub struct Scene {
    pub at: DateTime<Utc>,
    pub params: Params,
    pub standing: BoardStanding,
    pub history: BoardHistory,
    pub markets: BTreeMap<Ticker, Market>,
    pub books: BTreeMap<Ticker, Book>,
    pub portfolio: Portfolio,
    pub exchange: Option<ExchangeStatus>,
    pub approvals: Approvals,
    /// Mappings that replace the strategy's own.
    pub mapped: BTreeMap<Ticker, Mapping>,
}

pub const CHECK: &str = "2026-09-28T14:00:00Z";

pub fn check() -> DateTime<Utc> {
    CHECK.parse().unwrap()
}

fn approved() -> Params {
    // The scenes' figures are worked out on shares that can be followed by hand.
    let mut params = Params {
        estimator: EstimatorKind::RankTable,
        ..Params::default()
    };
    let lab = ApprovedRules::new("KXLLM1".parse().unwrap(), LAB_TIE_RULE, "cascade").unwrap();
    params.mapping.approved_rules.push(lab);
    params
}

impl Scene {
    /// Four days before the check, with a board, no market and nothing new.
    pub fn at_rest(board: Board) -> Self {
        let at = check() - TimeDelta::days(4);
        let accepted = AcceptedBoard {
            board: Arc::new(board),
            hash: BoardHash([1; 32]),
            vintage: Vintage(at - TimeDelta::hours(6)),
            path: ParsePath::Flight,
            accepted_at: at - TimeDelta::minutes(5),
        };
        Self {
            at,
            params: approved(),
            standing: BoardStanding {
                accepted: Some(Arc::new(accepted)),
                feed_at: Some(at),
                ..BoardStanding::default()
            },
            history: BoardHistory::default(),
            markets: BTreeMap::new(),
            books: BTreeMap::new(),
            portfolio: Portfolio {
                cash: Money::dollars(1_000),
                ..Portfolio::default()
            },
            exchange: Some(ExchangeStatus {
                exchange_active: true,
                trading_active: true,
            }),
            approvals: Approvals::default(),
            mapped: BTreeMap::new(),
        }
    }

    /// Five minutes after a board with a new leader: the books still favour the old one.
    pub fn news() -> Self {
        let mut scene = Self::at_rest(board(&owned(&ROWS)));
        scene.standing.news_at = Some(scene.at - TimeDelta::minutes(5));
        for (suffix, slug, bid, ask) in [
            ("AUR6", "aurora-6", "0.18", "0.20"),
            ("BOR5", "boreas-5", "0.64", "0.67"),
            ("AUR5", "aurora-5", "0.05", "0.07"),
            ("CIR2", "cirrus-2", "0.02", "0.04"),
            ("BOR4", "boreas-4", "0.01", "0.02"),
            ("DRI1", "drift-1", "0.01", "0.02"),
        ] {
            scene.list_model(&format!("KXTOPMODEL-26SEP28-{suffix}"), slug, bid, ask);
        }
        for (suffix, lab, bid, ask) in [
            ("NOR", "Northwind", "0.24", "0.27"),
            ("CON", "Contoso", "0.66", "0.69"),
            ("FAB", "Fabrikam", "0.02", "0.04"),
            ("TAI", "Tailspin", "0.01", "0.02"),
        ] {
            scene.list_lab(&format!("KXLLM1-26SEP28-{suffix}"), lab, bid, ask);
        }
        scene
    }

    pub fn list_model(&mut self, ticker: &str, slug: &str, bid: &str, ask: &str) {
        let rule = format!(
            "If {slug} is the top-ranked AI model on Sep 28, 2026 at 10:00 AM ET, then the market resolves to Yes."
        );
        let market = self.market(
            ticker,
            rule,
            TOP_MODEL_TIE_RULE,
            Some(slug),
            FeeSchedule::QUADRATIC,
        );
        self.list(market, bid, ask);
    }

    pub fn list_lab(&mut self, ticker: &str, lab: &str, bid: &str, ask: &str) {
        let rule = format!(
            "If {lab} has the top-ranked LLM on Sep 28, 2026 at 10:00 AM ET, then the market resolves to Yes."
        );
        let market = self.market(ticker, rule, LAB_TIE_RULE, None, FeeSchedule::WITH_MAKER_FEES);
        self.list(market, bid, ask);
    }

    fn market(&self, ticker: &str, rule: String, tie: &str, slug: Option<&str>, fees: FeeSchedule) -> Market {
        let (event, _) = ticker.rsplit_once('-').unwrap();
        let (series, _) = event.split_once('-').unwrap();
        Market {
            ticker: ticker.parse().unwrap(),
            event: event.parse().unwrap(),
            series: series.parse().unwrap(),
            status: MarketStatus::Active,
            close_time: check(),
            grid: PriceGrid::whole_cents(),
            fees,
            rules_primary: rule,
            rules_secondary: tie.to_owned(),
            strike_model: slug.map(str::to_owned),
            yes_sub_title: "label".to_owned(),
            exchange_index: 0,
            result: None,
            settlement_value: None,
        }
    }

    fn list(&mut self, market: Market, bid: &str, ask: &str) {
        let ticker = market.ticker.clone();
        self.markets.insert(ticker.clone(), market);
        self.quote(ticker.as_str(), bid, ask);
    }

    /// Replaces a market's quotes, received now.
    pub fn quote(&mut self, ticker: &str, bid: &str, ask: &str) {
        let ticker: Ticker = ticker.parse().unwrap();
        let book = quotes(&ticker, self.at, bid, ask, "300");
        self.books.insert(ticker, book);
    }

    pub fn strategy(&self) -> LeaderboardAlpha {
        LeaderboardAlpha::new(self.params.clone()).unwrap()
    }

    pub fn mappings(&self) -> BTreeMap<Ticker, Mapping> {
        let strategy = self.strategy();
        let mut mappings: BTreeMap<Ticker, Mapping> = self
            .markets
            .iter()
            .map(|(ticker, market)| {
                (
                    ticker.clone(),
                    strategy.map(market, &self.standing, &self.approvals),
                )
            })
            .collect();
        mappings.extend(self.mapped.clone());
        mappings
    }

    pub fn evaluate(&self) -> Evaluation {
        let mappings = self.mappings();
        self.strategy().evaluate(&self.view(&mappings))
    }

    pub fn view<'a>(&'a self, mappings: &'a BTreeMap<Ticker, Mapping>) -> MarketView<'a> {
        MarketView {
            at: self.at,
            standing: &self.standing,
            history: &self.history,
            markets: &self.markets,
            mappings,
            books: &self.books,
            portfolio: &self.portfolio,
            exchange: self.exchange,
        }
    }

    /// Moves now, with the feed and the books kept fresh.
    pub fn move_to(&mut self, at: DateTime<Utc>) {
        self.at = at;
        self.standing.feed_at = Some(at);
        for book in self.books.values_mut() {
            book.received_at = at;
        }
    }

    /// Gives the account a position bought at a YES price.
    pub fn hold(&mut self, ticker: &str, side: BookSide, size: &str, at: &str) {
        let position = Position::default()
            .traded(side, price(at), contracts(size))
            .unwrap();
        self.portfolio.positions.insert(ticker.parse().unwrap(), position);
    }

    /// Adds an open order.
    pub fn order(&mut self, ticker: &str, side: BookSide, size: &str, state: OrderState, purpose: Purpose) {
        let ticker: Ticker = ticker.parse().unwrap();
        let market = &self.markets[&ticker];
        let id: ClientOrderId = format!("order-{}", self.portfolio.open_orders.len())
            .parse()
            .unwrap();
        let order = Order {
            client_order_id: id.clone(),
            generation: Generation(1),
            venue_order_id: None,
            intent: Intent {
                ticker: ticker.clone(),
                event: market.event.clone(),
                series: market.series.clone(),
                claim: self.mappings()[&ticker].claim.clone().unwrap(),
                side,
                contracts: contracts(size),
                limit: price("0.50"),
                time_in_force: TimeInForce::GoodTillCanceled { expires_at: None },
                purpose,
                fees: market.fees,
                check_time: check(),
                post_only: false,
                edge: Money::ZERO,
                strategy: "test".to_owned(),
                rationale: "test".to_owned(),
            },
            reduce_only: purpose == Purpose::Exit,
            state,
            filled: Contracts::ZERO,
            created_at: self.at,
            updated_at: self.at,
            reject_reason: None,
        };
        self.portfolio.open_orders.insert(id, order);
    }

    /// Lets another board challenge the accepted one.
    pub fn challenge(&mut self, kind: ChallengeKind, rows: &[Row]) {
        self.standing.challenge = Some(Challenge {
            kind,
            board: Arc::new(board(&owned(rows))),
            hash: BoardHash([2; 32]),
            vintage: None,
            first_seen: self.at,
            confirmations: 1,
        });
    }

    /// Changes the accepted board.
    pub fn accept(&mut self, change: impl FnOnce(&mut AcceptedBoard)) {
        let mut accepted = self.standing.accepted.as_deref().unwrap().clone();
        change(&mut accepted);
        self.standing.accepted = Some(Arc::new(accepted));
    }
}

/// The line of one contract.
pub fn line<'a>(evaluation: &'a Evaluation, ticker: &str) -> &'a Why {
    evaluation
        .why
        .iter()
        .find(|why| why.ticker.as_str() == ticker)
        .unwrap()
}

/// What is done, as text: ticker, purpose, side, size and limit of each intent.
pub fn deeds(evaluation: &Evaluation) -> Vec<String> {
    evaluation
        .intents
        .iter()
        .map(|intent| {
            let outcome = match (intent.purpose, intent.side) {
                (Purpose::Entry, BookSide::Bid) => "buy YES",
                (Purpose::Entry, BookSide::Ask) => "buy NO",
                (Purpose::Exit | Purpose::Flatten, BookSide::Ask) => "sell YES",
                (Purpose::Exit | Purpose::Flatten, BookSide::Bid) => "sell NO",
            };
            format!(
                "{} {outcome} {} at {}",
                intent.ticker, intent.contracts, intent.limit
            )
        })
        .collect()
}

/// Whether a line enters.
pub fn enters(why: &Why) -> bool {
    matches!(why.action, Action::Enter { .. })
}

/// The first reason of one contract.
pub fn reason(evaluation: &Evaluation, ticker: &str) -> Option<Reason> {
    line(evaluation, ticker).reason
}

/// The net position after buying, for comparison with targets.
pub fn net(text: &str) -> Net {
    text.parse().unwrap()
}
