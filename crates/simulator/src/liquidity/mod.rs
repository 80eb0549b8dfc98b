//! The other participants: market makers that read the public page late, and people who trade for reasons of their own.
//!
//! None of them sees the accounts under test, nor any board that the page has not shown for the market's lag. A maker looks
//! at its own orders on the book, so depth that was taken comes back when it looks again.

mod opinion;

use autotrader_domain::{BookSide, Contracts, MarketStatus, Money, Price, Ticker};
use chrono::{DateTime, TimeDelta, Utc};
use rand::{Rng as _, SeedableRng as _};
use rand_chacha::ChaCha20Rng;

use crate::exchange::{AccountId, AccountKind, Exchange, NewOrder};
use crate::scenario::{ListedContract, Scenario};
pub use opinion::Opinion;

/// A market maker: its name and its quotes on each side, as distance from its opinion in ten-thousandths of a dollar and
/// contracts.
struct Style {
    name: &'static str,
    quotes: &'static [(i64, u32)],
}

/// One maker close to the opinion, one far from it with more.
const STYLES: [Style; 2] = [
    Style {
        name: "market maker",
        quotes: &[(100, 80), (200, 120), (300, 200)],
    },
    Style {
        name: "deep market maker",
        quotes: &[(600, 250), (900, 300)],
    },
];

/// The first makers have seen the page of this part of the lag ago, in thirds; the last ones that of more: so prices move in
/// steps.
const LAG_THIRDS: [i32; 3] = [2, 3, 4];

/// How far a mood moves the opinion of a contract, in ten-thousandths of a dollar.
const MOOD: i64 = 150;

/// How long a mood lasts, in seconds.
const MOOD_LASTS: i64 = 21_600;

/// The opinion, in ten-thousandths of a dollar, outside which a mood would be most of the price.
const MOODY: std::ops::RangeInclusive<i64> = 800..=9_200;

/// The lowest and the highest opinion that is quoted: nobody bids for what is all but lost.
const QUOTED: (i64, i64) = (60, 9_940);

/// How often somebody trades a contract for reasons of his own, per round of quotes.
const TRADES: f64 = 0.04;

/// How far from the opinion he is willing to pay, in ten-thousandths of a dollar.
const IMPATIENCE: i64 = 500;

/// The participants' accounts.
#[derive(Debug, Clone)]
pub struct Liquidity {
    seed: u64,
    makers: Vec<AccountId>,
    crowd: AccountId,
}

impl Liquidity {
    /// Opens the participants' accounts.
    pub fn open(exchange: &mut Exchange, seed: u64, at: DateTime<Utc>) -> Self {
        let makers = STYLES
            .iter()
            .map(|style| exchange.open_account(style.name, AccountKind::House, Money::dollars(2_000_000), at))
            .collect();
        let crowd = exchange.open_account("crowd", AccountKind::House, Money::dollars(500_000), at);
        Self { seed, makers, crowd }
    }

    /// Lets the makers quote every open contract, and somebody trade now and then.
    pub fn act(&self, exchange: &mut Exchange, scenario: &Scenario, at: DateTime<Utc>) {
        let opinions: Vec<Opinion> = LAG_THIRDS
            .iter()
            .filter_map(|thirds| scenario.public_board(at - scenario.market_lag() / 3 * *thirds))
            .map(|board| Opinion::of(board))
            .collect();
        for (index, contract) in scenario.contracts().iter().enumerate() {
            let market = exchange.market(&contract.ticker);
            if market.is_none_or(|market| market.status != MarketStatus::Active) {
                continue;
            }
            let fair = self.fair(&opinions, contract, index, at);
            self.quote(exchange, contract, fair, at);
            let mut rng = self.rng(index, at.timestamp());
            if rng.gen_bool(TRADES) {
                self.trade(exchange, contract, fair, &mut rng, at);
            }
        }
    }

    fn rng(&self, index: usize, moment: i64) -> ChaCha20Rng {
        let salt = (index as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15) ^ moment.unsigned_abs().rotate_left(17);
        ChaCha20Rng::seed_from_u64(self.seed ^ salt)
    }

    /// The makers' opinion of a contract in ten-thousandths of a dollar: that of the late boards, moved by a mood.
    fn fair(&self, opinions: &[Opinion], contract: &ListedContract, index: usize, at: DateTime<Utc>) -> i64 {
        let to_check = contract.check - at;
        let sum: f64 = opinions
            .iter()
            .map(|opinion| opinion.probability(&contract.claim, to_check))
            .sum();
        let probability = sum / opinions.len().max(1) as f64;
        #[expect(clippy::cast_possible_truncation, reason = "a probability times ten thousand")]
        let raw = (probability * 10_000.0).round() as i64;
        let mood = if MOODY.contains(&raw) {
            // Not all contracts change their mood at the same moment.
            let own_time = at.timestamp() + 1_117 * i64::try_from(index).unwrap_or(0);
            self.rng(index, own_time.div_euclid(MOOD_LASTS))
                .gen_range(-MOOD..=MOOD)
        } else {
            0
        };
        (raw + mood).clamp(QUOTED.0, QUOTED.1)
    }

    /// Replaces the makers' quotes of one contract unless the book still shows them. All old ones go before the first new
    /// one comes, so that makers never trade with each other.
    fn quote(&self, exchange: &mut Exchange, contract: &ListedContract, fair: i64, at: DateTime<Utc>) {
        let ticker = &contract.ticker;
        let mut fresh = Vec::new();
        for (maker, style) in self.makers.iter().zip(&STYLES) {
            let wanted = wanted(style, contract, fair);
            if !stands(exchange, *maker, ticker, &wanted) {
                exchange.cancel_in_market(*maker, ticker, at);
                fresh.push((*maker, wanted));
            }
        }
        for (maker, wanted) in fresh {
            for (side, price, size) in wanted {
                let order = NewOrder::resting(ticker.clone(), side, size, price);
                // A closed or paused market refuses quotes; the maker comes back at the next round.
                let _ = exchange.submit(maker, order, at);
            }
        }
    }

    fn trade(
        &self,
        exchange: &mut Exchange,
        contract: &ListedContract,
        fair: i64,
        rng: &mut ChaCha20Rng,
        at: DateTime<Utc>,
    ) {
        let side = if rng.gen_bool(0.5) {
            BookSide::Bid
        } else {
            BookSide::Ask
        };
        let size = Contracts::whole(rng.gen_range(3..20));
        if let Some(limit) = on_grid(contract, side.opposite(), fair, IMPATIENCE) {
            let order = NewOrder::immediate(contract.ticker.clone(), side, size, limit);
            // A closed or paused market refuses; then nobody trades.
            let _ = exchange.submit(self.crowd, order, at);
        }
    }
}

/// The price at a distance below the opinion (bid) or above it (ask), rounded away from it; nothing outside the prices.
fn on_grid(contract: &ListedContract, side: BookSide, fair: i64, away: i64) -> Option<Price> {
    let tick = if contract.fine_grid { 10 } else { 100 };
    let raw = match side {
        BookSide::Bid => (fair - away).div_euclid(tick) * tick,
        BookSide::Ask => -((-(fair + away)).div_euclid(tick)) * tick,
    };
    (1..10_000).contains(&raw).then(|| Price::from_raw(raw)).flatten()
}

/// What a maker wants on the book.
fn wanted(style: &Style, contract: &ListedContract, fair: i64) -> Vec<(BookSide, Price, Contracts)> {
    [BookSide::Bid, BookSide::Ask]
        .into_iter()
        .flat_map(|side| {
            style.quotes.iter().filter_map(move |(away, size)| {
                Some((
                    side,
                    on_grid(contract, side, fair, *away)?,
                    Contracts::whole(*size),
                ))
            })
        })
        .collect()
}

fn stands(
    exchange: &Exchange,
    maker: AccountId,
    ticker: &Ticker,
    wanted: &[(BookSide, Price, Contracts)],
) -> bool {
    let mut count = 0;
    for order in exchange.resting(maker, ticker) {
        count += 1;
        if !wanted.contains(&(order.asked.side, order.asked.price, order.remaining)) {
            return false;
        }
    }
    count == wanted.len()
}

/// The time of the first round after `at` on a grid of `every`.
#[must_use]
pub fn next_round(at: DateTime<Utc>, every: TimeDelta) -> DateTime<Utc> {
    let step = every.num_seconds().max(1);
    let next = at.timestamp().div_euclid(step) * step + step;
    DateTime::from_timestamp(next, 0).unwrap_or(at)
}
