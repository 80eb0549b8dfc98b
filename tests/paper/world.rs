//! A small market world on the stand-in exchange: makers that follow a drifting opinion, and a crowd that trades.
//!
//! Two worlds of one seed are the same but for the account under test: opinions, quotes and the crowd come from the seed
//! and the step alone.

use autotrader_domain::{
    Book, BookSide, Contracts, FeeSchedule, Level, Market, MarketStatus, Money, Price, PriceGrid,
    SettlementResult, Ticker,
};
use autotrader_simulator::exchange::{
    AccountId, AccountKind, EventListing, Exchange, FeeModel, MarketListing, NewOrder, PriceStructure,
    SeriesListing,
};
use chrono::{DateTime, TimeDelta, TimeZone as _, Utc};
use rand::rngs::StdRng;
use rand::{Rng as _, SeedableRng as _};

/// The markets: the first pays yes or no, the second a fraction of a dollar; the second charges makers too.
pub const MARKETS: [&str; 2] = ["KXPAPER-26SEP21-A", "KXQUIET-26SEP21-B"];
/// Time between two steps of the world.
pub const STEP: TimeDelta = TimeDelta::milliseconds(250);
/// How many steps a run has: two and a half minutes.
pub const STEPS: usize = 600;
/// For how many steps before the end the answer of the first market shows.
const KNOWN: usize = 240;
/// Cash of the account under test.
pub const BANKROLL: Money = Money::dollars(1_000);

pub fn start() -> DateTime<Utc> {
    Utc.with_ymd_and_hms(2026, 9, 21, 12, 0, 0).unwrap()
}

pub fn time_of(step: usize) -> DateTime<Utc> {
    start() + STEP * i32::try_from(step).unwrap()
}

fn cents(cents: i64) -> Price {
    Price::from_cents(cents).unwrap()
}

/// What happens in one market in one step, whoever else trades.
#[derive(Debug, Clone, Copy)]
pub struct Beat {
    /// What makers think a YES contract is worth, in cents.
    pub opinion: i64,
    /// Whether makers look at the book and quote anew.
    quotes: bool,
    /// Sizes of the near and the far quotes.
    sizes: [u32; 2],
    /// Somebody who takes: which side, how many, how far from the opinion in cents. He names at least the makers' price: one
    /// who would take inside the spread alone leaves no trace where nobody is.
    crowd: Option<(BookSide, u32, i64)>,
}

/// The whole script of one market.
pub fn beats(seed: u64, market: usize) -> Vec<Beat> {
    let mut rng = StdRng::seed_from_u64(seed.wrapping_mul(0x9E37_79B9) ^ (market as u64) << 40);
    let mut opinion: i64 = rng.gen_range(25..75);
    let mut sizes = [0, 0];
    (0..=STEPS)
        .map(|step| {
            let mut moves = rng.gen_bool(0.05);
            if step % 40 == 0 {
                sizes = [rng.gen_range(5..50), rng.gen_range(20..100)];
            }
            if moves {
                opinion = (opinion + [-2, -1, -1, 1, 1, 2][rng.gen_range(0..6)]).clamp(8, 92);
            }
            // Where the answer is yes or no it is known before it is paid.
            if market == 0 && step >= STEPS - KNOWN && step % 8 == 0 {
                opinion = (opinion + if opinion >= 50 { 1 } else { -1 }).clamp(4, 96);
                moves = true;
            }
            Beat {
                opinion,
                quotes: moves || step % 40 == 0 || rng.gen_bool(0.1),
                sizes,
                crowd: rng.gen_bool(0.08).then(|| {
                    let side = if rng.r#gen() { BookSide::Bid } else { BookSide::Ask };
                    (side, rng.gen_range(1..30), rng.gen_range(1..6))
                }),
            }
        })
        .collect()
}

pub struct World {
    pub exchange: Exchange,
    pub trader: AccountId,
    maker: AccountId,
    crowd: AccountId,
    pub scripts: [Vec<Beat>; 2],
}

impl World {
    pub fn new(seed: u64) -> Self {
        let mut exchange = Exchange::new(seed, start());
        let trader = exchange.open_account("trader", AccountKind::Member, BANKROLL, start());
        let maker = exchange.open_account("maker", AccountKind::House, Money::dollars(1_000_000), start());
        let crowd = exchange.open_account("crowd", AccountKind::House, Money::dollars(1_000_000), start());
        for (index, name) in MARKETS.iter().enumerate() {
            list(&mut exchange, name, index);
        }
        Self {
            exchange,
            trader,
            maker,
            crowd,
            scripts: [beats(seed, 0), beats(seed, 1)],
        }
    }

    /// Lets one step happen.
    pub fn act(&mut self, step: usize) {
        let at = time_of(step);
        self.exchange.advance(at);
        for (index, name) in MARKETS.iter().enumerate() {
            let ticker: Ticker = name.parse().unwrap();
            let beat = self.scripts[index][step];
            if beat.quotes {
                self.quote(&ticker, beat, at);
            }
            if let Some((side, size, reach)) = beat.crowd {
                let limit = match side {
                    BookSide::Bid => cents((beat.opinion + reach).min(99)),
                    BookSide::Ask => cents((beat.opinion - reach).max(1)),
                };
                let order = NewOrder::immediate(ticker, side, Contracts::whole(size), limit);
                self.exchange.submit(self.crowd, order, at).unwrap();
            }
        }
    }

    fn quote(&mut self, ticker: &Ticker, beat: Beat, at: DateTime<Utc>) {
        self.exchange.cancel_in_market(self.maker, ticker, at);
        for (distance, size) in [1, 3].into_iter().zip(beat.sizes) {
            for (side, price) in [
                (BookSide::Bid, beat.opinion - distance),
                (BookSide::Ask, beat.opinion + distance),
            ] {
                if (1..=99).contains(&price) {
                    let order = NewOrder::resting(ticker.clone(), side, Contracts::whole(size), cents(price));
                    self.exchange.submit(self.maker, order, at).unwrap();
                }
            }
        }
    }

    /// The book without the orders of the account under test.
    pub fn book(&self, ticker: &Ticker, at: DateTime<Utc>) -> Book {
        let view = self.exchange.book(ticker).unwrap();
        let own: Vec<_> = self
            .exchange
            .resting(self.trader, ticker)
            .map(|order| (order.asked.side, order.asked.price, order.remaining))
            .collect();
        let others = |side: BookSide, levels: Vec<(Price, Contracts)>| -> Vec<Level> {
            levels
                .into_iter()
                .map(|(price, size)| {
                    let ours = own
                        .iter()
                        .filter(|(own_side, own_price, _)| *own_side == side && *own_price == price)
                        .fold(Contracts::ZERO, |sum, (_, _, left)| {
                            sum.checked_add(*left).unwrap()
                        });
                    Level {
                        price: if side == BookSide::Bid {
                            price
                        } else {
                            price.complement()
                        },
                        size: size.checked_sub(ours).unwrap(),
                    }
                })
                .collect()
        };
        Book::new(
            ticker.clone(),
            at,
            others(BookSide::Bid, view.bids),
            others(BookSide::Ask, view.asks),
        )
        .unwrap()
    }

    /// What each market pays per YES contract in the end.
    pub fn payouts(&self) -> [Price; 2] {
        let last = |market: usize| self.scripts[market][STEPS].opinion;
        [
            if last(0) >= 50 { Price::ONE } else { Price::ZERO },
            cents(last(1)),
        ]
    }

    /// Decides and pays both markets; returns the account's profit.
    pub fn settle(&mut self) -> Money {
        let at = time_of(STEPS);
        for (name, value) in MARKETS.iter().zip(self.payouts()) {
            let result = match value {
                Price::ONE => SettlementResult::Yes,
                Price::ZERO => SettlementResult::No,
                _ => SettlementResult::Scalar,
            };
            let ticker = name.parse().unwrap();
            self.exchange.determine(&ticker, result, value, at).unwrap();
        }
        self.exchange.advance(at + TimeDelta::hours(2));
        let cash = self.exchange.balance(self.trader).unwrap().cash;
        cash.checked_sub(BANKROLL).unwrap()
    }
}

fn list(exchange: &mut Exchange, name: &str, index: usize) {
    let mut parts = name.split('-');
    let series = parts.next().unwrap();
    let event = format!("{series}-{}", parts.next().unwrap());
    let listing = SeriesListing {
        ticker: series.parse().unwrap(),
        title: series.to_owned(),
        category: "Science and Technology".to_owned(),
        frequency: "weekly".to_owned(),
        tags: vec![],
        settlement_sources: vec![],
        fee_model: if index == 0 {
            FeeModel::Quadratic
        } else {
            FeeModel::QuadraticWithMakerFees
        },
        fee_multiplier_millionths: 1_000_000,
    };
    exchange.add_series(listing, start()).unwrap();
    let listing = EventListing {
        ticker: event.parse().unwrap(),
        series: series.parse().unwrap(),
        title: event.clone(),
        sub_title: event.clone(),
        mutually_exclusive: false,
        strike_date: None,
    };
    exchange.add_event(listing, start()).unwrap();
    let listing = MarketListing {
        ticker: name.parse().unwrap(),
        event: event.parse().unwrap(),
        title: None,
        yes_sub_title: name.to_owned(),
        no_sub_title: name.to_owned(),
        rules_primary: "Pays by the script.".to_owned(),
        rules_secondary: String::new(),
        custom_strike: None,
        open_time: start(),
        close_time: time_of(STEPS) + TimeDelta::hours(1),
        expected_expiration_time: None,
        latest_expiration_time: start() + TimeDelta::days(7),
        settlement_timer_seconds: 60,
        can_close_early: true,
        early_close_condition: None,
        prices: PriceStructure::linear_cent(),
    };
    exchange.add_market(listing, start()).unwrap();
}

/// The market as the account under test knows it.
pub fn terms(index: usize) -> Market {
    let name = MARKETS[index];
    Market {
        ticker: name.parse().unwrap(),
        event: name.rsplit_once('-').unwrap().0.parse().unwrap(),
        series: name.split_once('-').unwrap().0.parse().unwrap(),
        status: MarketStatus::Active,
        close_time: time_of(STEPS) + TimeDelta::hours(1),
        grid: PriceGrid::whole_cents(),
        fees: if index == 0 {
            FeeSchedule::QUADRATIC
        } else {
            FeeSchedule::WITH_MAKER_FEES
        },
        rules_primary: String::new(),
        rules_secondary: String::new(),
        strike_model: None,
        yes_sub_title: String::new(),
        exchange_index: 0,
        result: None,
        settlement_value: None,
    }
}
