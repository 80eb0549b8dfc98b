//! One run: the core over a span of boards in virtual time, its orders on the stand-in exchange beside the market makers'.

mod ahead;
mod orders;

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};
use std::sync::Arc;

use autotrader_domain::ports::Restored;
use autotrader_domain::{
    Book, ClientOrderId, Command, ExchangeStatus, GatedBoard, Level, Market, MarketStatus, Money, Order,
    Price, Reading, ReadingOutcome, SettlementRecord, SettlementResult, Ticker,
};
use autotrader_engine::{Effect, Engine, Event};
use autotrader_simulator::exchange::{AccountId, AccountKind, Exchange, OrderId};
use autotrader_strategy::params::BoardWalkParams;
use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use rand::Rng as _;
use rand_chacha::ChaCha8Rng;

use super::BacktestError;
use super::boards::{Feed, Known};
use super::chance::chance;
use super::contracts::{Contract, PAYS_AFTER, SERIES, checks, list_check, list_series, listed_at};
use super::makers::Makers;
use super::oracle::Winners;
use super::regime::Terms;
use super::report::SeedResult;
use crate::period::Observer;
use ahead::ahead_of;

/// How often the core looks when nothing happens.
const QUIET: TimeDelta = TimeDelta::hours(1);

/// The limit that stands until somebody lifts it on another day.
const DAILY_LOSS: &str = "daily_loss";

/// How often the makers look at their quotes when nothing happens.
const ROUND: TimeDelta = TimeDelta::minutes(15);

/// The longest time from a new board to our seeing it, in milliseconds: the interval of polls.
const POLL: i64 = 30_000;

/// When the core looks again after it saw a new board, in seconds; the first two may confirm a board that is held.
const LOOKS_AFTER: [i64; 14] = [
    65, 130, 300, 600, 900, 1_200, 1_500, 1_800, 2_400, 3_000, 3_600, 4_500, 5_400, 7_200,
];

/// How long an order takes to reach the exchange, in milliseconds.
pub(super) const LATENCY: (i64, i64) = (150, 400);

/// How long after the check the result is set.
const DETERMINED_AFTER: TimeDelta = TimeDelta::minutes(5);

/// What a run needs besides the core.
#[derive(Debug, Clone)]
pub struct Setting {
    /// What drives everything random.
    pub seed: u64,
    /// The kind of market.
    pub terms: Terms,
    /// The boards.
    pub feed: Feed,
    /// The first day.
    pub from: NaiveDate,
    /// The last day.
    pub to: NaiveDate,
    /// What the account holds at first.
    pub cash: Money,
    /// With what the makers price.
    pub params: BoardWalkParams,
}

impl Setting {
    /// The checks whose contracts are listed, and settled before the run ends.
    fn checks(&self) -> Vec<DateTime<Utc>> {
        checks(self.from, self.to)
    }

    /// Who wins at each of them: for the oracle, and for settlement when its time has come.
    #[must_use]
    pub fn winners(&self) -> Winners {
        self.checks()
            .into_iter()
            .filter_map(|check| Some((check, self.feed.winner(check)?)))
            .collect()
    }
}

/// Something that is due.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Due {
    /// The page shows a new board.
    Shown,
    /// A maker sees it.
    Seen { maker: usize, board: usize },
    /// The contracts of a check are listed.
    Listed(DateTime<Utc>),
    /// The makers look at their quotes.
    Round,
    /// An order reaches the exchange.
    Arrives(ClientOrderId),
    /// A cancel reaches the exchange.
    Cancelled(ClientOrderId),
    /// The result of a check is set.
    Determined(DateTime<Utc>),
    /// The contracts of a check pay.
    Pays(DateTime<Utc>),
    /// The core looks at page and books.
    Look,
}

/// An order of ours on the way to the exchange or on it.
struct OnTheWay {
    order: Order,
    venue: Option<OrderId>,
}

/// A run that is under way.
struct Run<'a> {
    setting: &'a Setting,
    engine: Engine,
    exchange: Exchange,
    us: AccountId,
    makers: Makers,
    contracts: BTreeMap<Ticker, Contract>,
    /// How many contracts were ever listed.
    names: usize,
    /// Whether what is listed changed since the core was told.
    relisted: bool,
    due: BinaryHeap<Reverse<(DateTime<Utc>, u64, Due)>>,
    number: u64,
    orders: BTreeMap<ClientOrderId, OnTheWay>,
    fills: usize,
    settlements: usize,
    read: Option<usize>,
    looked_at: Option<DateTime<Utc>>,
    latency: ChaCha8Rng,
    peak: Money,
    observer: Observer,
    result: SeedResult,
}

/// Runs the core over a span of boards.
///
/// # Errors
/// [`BacktestError`] when something would have been used before it was known, or the exchange refuses what it must take.
pub fn run(setting: &Setting, engine: Engine) -> Result<SeedResult, BacktestError> {
    let mut run = Run::begin(setting, engine)?;
    run.go()?;
    run.finish()
}

impl<'a> Run<'a> {
    fn begin(setting: &'a Setting, mut engine: Engine) -> Result<Self, BacktestError> {
        let start = setting.from.and_time(chrono::NaiveTime::MIN).and_utc();
        let before = setting.feed.before(start);
        engine.restore(Restored {
            history: before.history,
            accepted: before.accepted,
            ..Restored::default()
        });
        let mut exchange = Exchange::new(setting.seed, start);
        list_series(&mut exchange, start)?;
        let us = exchange.open_account("us", AccountKind::Member, setting.cash, start);
        let makers = Makers::open(
            &mut exchange,
            setting.terms,
            &setting.params,
            (setting.seed, setting.winners()),
            start,
        );
        let observer = Observer::of(&engine);
        let mut run = Self {
            setting,
            engine,
            exchange,
            us,
            makers,
            contracts: BTreeMap::new(),
            names: 0,
            relisted: true,
            due: BinaryHeap::new(),
            number: 0,
            orders: BTreeMap::new(),
            fills: 0,
            settlements: 0,
            read: None,
            looked_at: None,
            latency: chance(setting.seed, "latency"),
            peak: setting.cash,
            observer,
            result: SeedResult::new(setting.seed, setting.from, setting.to),
        };
        run.plan(start)?;
        Ok(run)
    }

    /// Puts everything that does not depend on what we do on the list.
    fn plan(&mut self, start: DateTime<Utc>) -> Result<(), BacktestError> {
        let checks = self.setting.checks();
        let end = *checks.last().ok_or(BacktestError::NoCheck {
            from: self.setting.from,
            to: self.setting.to,
        })?;
        let mut polls = chance(self.setting.seed, "polls");
        let mut seen_until = [start; super::makers::MAKERS];
        for (place, known_at) in self.setting.feed.moments() {
            let lags = self.makers.draw_lags();
            for (maker, (lag, until)) in lags.into_iter().zip(&mut seen_until).enumerate() {
                // Nobody sees an older board after a newer one.
                *until = (known_at + lag).max(*until);
                if known_at + lag < start {
                    if let Some(page) = self.setting.feed.ahead(place) {
                        self.makers.see(maker, page, known_at + lag);
                    }
                } else if *until < end {
                    self.add(*until, Due::Seen { maker, board: place });
                }
            }
            if (start..end).contains(&known_at) {
                self.add(known_at, Due::Shown);
                // The poll that last showed the old board: polls go on all the time, and those between say nothing.
                let seen = known_at + TimeDelta::milliseconds(polls.gen_range(500..POLL));
                self.add(seen - TimeDelta::milliseconds(POLL), Due::Look);
                self.add(seen, Due::Look);
                for later in LOOKS_AFTER {
                    self.add(seen + TimeDelta::seconds(later), Due::Look);
                }
            }
        }
        for check in checks {
            self.add(listed_at(check).max(start), Due::Listed(check));
            self.add(check + DETERMINED_AFTER, Due::Determined(check));
            let paid = check + DETERMINED_AFTER + TimeDelta::seconds(i64::from(PAYS_AFTER) + 1);
            self.add(paid, Due::Pays(check));
        }
        let mut at = start;
        while at < end {
            self.add(at, Due::Round);
            at += ROUND;
        }
        let mut at = start + TimeDelta::minutes(7);
        while at < end {
            self.add(at, Due::Look);
            at += QUIET;
        }
        Ok(())
    }

    fn add(&mut self, at: DateTime<Utc>, due: Due) {
        self.number += 1;
        self.due.push(Reverse((at, self.number, due)));
    }

    fn go(&mut self) -> Result<(), BacktestError> {
        let open = ExchangeStatus {
            exchange_active: true,
            trading_active: true,
        };
        let start = self.setting.from.and_time(chrono::NaiveTime::MIN).and_utc();
        self.tell(start, &Known::new(start, Event::Exchange(open)))?;
        while let Some(Reverse((at, _, due))) = self.due.pop() {
            self.exchange.advance(at);
            match due {
                Due::Shown => self.shown(at)?,
                Due::Seen { maker, board } => {
                    if let Some(page) = self.setting.feed.ahead(board) {
                        self.makers.see(maker, page, at);
                    }
                    self.requote(at)?;
                }
                Due::Listed(check) => self.list(check, at)?,
                Due::Round => self.requote(at)?,
                Due::Arrives(id) => self.arrives(&id, at)?,
                Due::Cancelled(id) => self.cancelled(&id, at)?,
                Due::Determined(check) => self.determine(check, at)?,
                Due::Pays(check) => self.pay(check, at)?,
                Due::Look => self.look(at)?,
            }
        }
        Ok(())
    }

    /// Tells the core something, unless it is not known yet.
    fn tell(&mut self, at: DateTime<Utc>, event: &Known<Event>) -> Result<(), BacktestError> {
        let event = event.by(at, "an event")?;
        if let Some(leak) = ahead_of(at, event) {
            return Err(leak.into());
        }
        let handled = self
            .engine
            .handle(at, event)
            .map_err(|error| BacktestError::Market(error.to_string()))?;
        self.result.events += 1;
        self.observer.saw(at, event, &handled.effects, &self.engine);
        for effect in handled.effects {
            match effect {
                Effect::Place { order, .. } => {
                    let (least, most) = LATENCY;
                    let wait = TimeDelta::milliseconds(self.latency.gen_range(least..=most));
                    let order = order.get().clone();
                    let id = order.client_order_id.clone();
                    self.add(at + wait, Due::Arrives(id.clone()));
                    self.orders.insert(id, OnTheWay { order, venue: None });
                }
                Effect::Cancel(id) => {
                    let (_, most) = LATENCY;
                    self.add(at + TimeDelta::milliseconds(most), Due::Cancelled(id));
                }
                Effect::Record(_) | Effect::Alert(_) => {}
            }
        }
        Ok(())
    }

    fn now(&mut self, at: DateTime<Utc>, event: Event) -> Result<(), BacktestError> {
        self.tell(at, &Known::new(at, event))
    }

    fn shown(&mut self, at: DateTime<Utc>) -> Result<(), BacktestError> {
        // The exchange lists newcomers of the top when the page does.
        for check in self.setting.checks() {
            if check > at && listed_at(check) <= at {
                self.list(check, at)?;
            }
        }
        Ok(())
    }

    fn list(&mut self, check: DateTime<Utc>, at: DateTime<Utc>) -> Result<(), BacktestError> {
        let Some(place) = self.setting.feed.latest(at) else {
            return Ok(());
        };
        let page = self.setting.feed.board(place, at)?;
        list_check(
            &mut self.exchange,
            (&mut self.contracts, &mut self.names),
            page,
            check,
            at,
        )?;
        self.relisted = true;
        self.requote(at)
    }

    fn requote(&mut self, at: DateTime<Utc>) -> Result<(), BacktestError> {
        self.makers.quote(&mut self.exchange, &self.contracts, at);
        self.collect(at)
    }

    /// One look of the core: what is listed, the books, the page.
    fn look(&mut self, at: DateTime<Utc>) -> Result<(), BacktestError> {
        self.resume(at)?;
        if self.relisted {
            self.relisted = false;
            for name in SERIES {
                let series = name
                    .parse()
                    .map_err(|_| BacktestError::Market(format!("`{name}` is no series")))?;
                let markets = self.listed(&series);
                self.now(at, Event::Markets { series, markets })?;
            }
        }
        for ticker in self.engine.watched(at) {
            if let Some(book) = self.book(&ticker, at)? {
                self.now(at, Event::Book(book))?;
            }
        }
        if let Some(place) = self.setting.feed.latest(at) {
            let page = Arc::clone(self.setting.feed.board(place, at)?);
            let unchanged = self.read.replace(place) == Some(place);
            let event = Event::Reading(reading(page, unchanged, at));
            self.now(at, event)?;
        }
        self.now(at, Event::Timer)?;
        let causes = self.engine.risk().causes().iter();
        self.result.restricted = causes.map(|(cause, _)| cause.code()).collect();
        self.note_equity();
        Ok(())
    }

    /// On the day after a daily loss the operator lets trading go on; no other limit is lifted.
    fn resume(&mut self, at: DateTime<Utc>) -> Result<(), BacktestError> {
        let another_day = self
            .looked_at
            .is_some_and(|before| before.date_naive() != at.date_naive());
        self.looked_at = Some(at);
        let causes = self.engine.risk().causes();
        let stopped = causes.iter().any(|(cause, _)| cause.code() == DAILY_LOSS);
        if another_day && stopped {
            let cause = DAILY_LOSS.to_owned();
            self.now(at, Event::Command(Command::Resume { cause }))?;
        }
        Ok(())
    }

    fn listed(&self, series: &autotrader_domain::SeriesTicker) -> Vec<Market> {
        self.contracts
            .values()
            .filter(|contract| contract.market.series == *series)
            .filter_map(|contract| {
                let status = self.exchange.market(&contract.market.ticker)?.status;
                let market = Market {
                    status,
                    ..contract.market.clone()
                };
                (status != MarketStatus::Finalized).then_some(market)
            })
            .collect()
    }

    fn book(&self, ticker: &Ticker, at: DateTime<Utc>) -> Result<Option<Book>, BacktestError> {
        let Some(view) = self.exchange.book(ticker) else {
            return Ok(None);
        };
        let bids = view.bids.iter().map(|(price, size)| Level {
            price: *price,
            size: *size,
        });
        let asks = view.asks.iter().map(|(price, size)| Level {
            price: price.complement(),
            size: *size,
        });
        Book::new(ticker.clone(), at, bids.collect(), asks.collect())
            .map(Some)
            .map_err(|error| BacktestError::Market(format!("{ticker}: {error}")))
    }

    fn note_equity(&mut self) {
        let equity = self.engine.account().equity();
        self.peak = self.peak.max(equity);
        let down = self.peak.saturating_sub(equity);
        self.result.max_drawdown = self.result.max_drawdown.max(down);
    }

    // === Settlement ===

    fn determine(&mut self, check: DateTime<Utc>, at: DateTime<Utc>) -> Result<(), BacktestError> {
        let Some(winner) = self.setting.feed.winner(check) else {
            return Err(BacktestError::NoBoards);
        };
        self.result.checks += 1;
        let decided: Vec<(Market, bool)> = self
            .contracts
            .values()
            .filter(|contract| contract.check == check)
            .map(|contract| (contract.market.clone(), contract.claim.pays(&winner)))
            .collect();
        for (market, pays) in decided {
            let (result, value) = if pays {
                (SettlementResult::Yes, Price::ONE)
            } else {
                (SettlementResult::No, Price::ZERO)
            };
            self.exchange
                .determine(&market.ticker, result, value, at)
                .map_err(|error| BacktestError::Market(error.to_string()))?;
            let told = Market {
                status: MarketStatus::Determined,
                result: Some(result),
                settlement_value: Some(value),
                ..market
            };
            self.now(at, Event::Market(told))?;
        }
        Ok(())
    }

    fn pay(&mut self, check: DateTime<Utc>, at: DateTime<Utc>) -> Result<(), BacktestError> {
        let paid: Vec<SettlementRecord> = self
            .exchange
            .settlements(self.us)
            .skip(self.settlements)
            .map(|entry| SettlementRecord {
                ticker: entry.ticker.clone(),
                yes_value: entry.value,
                fee: entry.settlement_fee,
                settled_at: entry.at,
            })
            .collect();
        self.settlements += paid.len();
        for settlement in paid {
            self.now(at, Event::Settlement(settlement))?;
        }
        // What has paid is no longer listed, and nobody quotes it again.
        self.contracts.retain(|_, contract| contract.check != check);
        self.relisted = true;
        self.note_equity();
        Ok(())
    }

    fn finish(mut self) -> Result<SeedResult, BacktestError> {
        let balance = self
            .exchange
            .balance(self.us)
            .ok_or_else(|| BacktestError::Market("the account is gone".to_owned()))?;
        let (venue, ours) = (balance.balance(), self.engine.account().equity());
        if venue != ours {
            return Err(BacktestError::Market(format!(
                "seed {}: our books say {ours}, the exchange's {venue}",
                self.setting.seed
            )));
        }
        self.result.pnl = venue.saturating_sub(self.setting.cash);
        self.result.chain = self.engine.chain().to_string();
        (_, self.result.curve, self.result.sums) = self.observer.finish();
        Ok(self.result)
    }
}

fn reading(page: Arc<GatedBoard>, unchanged: bool, at: DateTime<Utc>) -> Reading {
    Reading {
        source: "series".to_owned(),
        fetched_at: at,
        origin: at.timestamp_millis().to_string(),
        latency: std::time::Duration::ZERO,
        bytes: 0,
        outcome: ReadingOutcome::Page { page, unchanged },
    }
}
