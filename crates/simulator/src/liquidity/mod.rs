//! The other participants: a market maker that reads the public page late, and people who trade for reasons of their own.
//!
//! Neither sees the accounts under test, nor any board that the page has not shown for the market's lag.

mod opinion;

use autotrader_domain::{BookSide, Contracts, Money, Price, Ticker};
use chrono::{DateTime, TimeDelta, Utc};
use rand::{Rng as _, SeedableRng as _};
use rand_chacha::ChaCha20Rng;

use crate::exchange::{AccountId, AccountKind, Exchange, NewOrder};
use crate::scenario::{ListedContract, Scenario};
pub use opinion::opinion;

/// The participants' accounts.
#[derive(Debug, Clone)]
pub struct Liquidity {
    seed: u64,
    maker: AccountId,
    crowd: AccountId,
}

/// How far the first quote lies from the opinion, and how far quotes are apart, in ten-thousandths of a dollar.
const FIRST_STEP: i64 = 100;
const NEXT_STEP: i64 = 100;
/// Contracts at the first, second and third quote of a side.
const SIZES: [u32; 3] = [35, 60, 120];

impl Liquidity {
    /// Opens the participants' accounts.
    pub fn open(exchange: &mut Exchange, seed: u64, at: DateTime<Utc>) -> Self {
        let maker = exchange.open_account("market maker", AccountKind::House, Money::dollars(2_000_000), at);
        let crowd = exchange.open_account("crowd", AccountKind::House, Money::dollars(500_000), at);
        Self { seed, maker, crowd }
    }

    /// Quotes every open contract anew, and lets somebody trade now and then.
    pub fn act(&self, exchange: &mut Exchange, scenario: &Scenario, at: DateTime<Utc>) {
        for (index, contract) in scenario.contracts.contracts.iter().enumerate() {
            if contract.check <= at {
                continue;
            }
            let mut rng = self.rng(index, at.timestamp());
            exchange.cancel_all(self.maker, Some(&contract.ticker), at);
            if let Some(fair) = self.fair(scenario, contract, index, at) {
                self.quote(exchange, contract, fair, at);
                if rng.gen_bool(0.04) {
                    self.trade(exchange, &contract.ticker, &mut rng, at);
                }
            }
        }
    }

    fn rng(&self, index: usize, moment: i64) -> ChaCha20Rng {
        let salt = (index as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15) ^ moment.unsigned_abs().rotate_left(17);
        ChaCha20Rng::seed_from_u64(self.seed ^ salt)
    }

    /// The maker's opinion of a contract: the late board's, shifted by a mood that changes every six hours.
    fn fair(
        &self,
        scenario: &Scenario,
        contract: &ListedContract,
        index: usize,
        at: DateTime<Utc>,
    ) -> Option<i64> {
        let board = scenario.public_board(at - scenario.market_lag)?;
        let probability = opinion(board, &contract.claim, contract.check - at);
        let mood = self
            .rng(index, at.timestamp().div_euclid(21_600))
            .gen_range(-150..=150);
        #[expect(clippy::cast_possible_truncation, reason = "a probability times ten thousand")]
        let raw = (probability * 10_000.0).round() as i64;
        // In the tails a mood would be most of the price.
        let mood = if (800..=9_200).contains(&raw) { mood } else { 0 };
        Some((raw + mood).clamp(60, 9_940))
    }

    fn quote(&self, exchange: &mut Exchange, contract: &ListedContract, fair: i64, at: DateTime<Utc>) {
        let tick = if contract.fine_grid { 10 } else { 100 };
        for (level, size) in (0_i64..).zip(SIZES) {
            let away = FIRST_STEP + level * NEXT_STEP;
            let bid = (fair - away).div_euclid(tick) * tick;
            let ask = -((-(fair + away)).div_euclid(tick)) * tick;
            for (side, raw) in [(BookSide::Bid, bid), (BookSide::Ask, ask)] {
                let Some(price) = Price::from_raw(raw).filter(|price| (1..=9_999).contains(&price.raw()))
                else {
                    continue;
                };
                let order = NewOrder::resting(contract.ticker.clone(), side, Contracts::whole(size), price);
                // A closed or paused market refuses quotes; the maker comes back at the next round.
                let _ = exchange.submit(self.maker, order, at);
            }
        }
    }

    fn trade(&self, exchange: &mut Exchange, ticker: &Ticker, rng: &mut ChaCha20Rng, at: DateTime<Utc>) {
        let side = if rng.gen_bool(0.5) {
            BookSide::Bid
        } else {
            BookSide::Ask
        };
        let limit = match side {
            BookSide::Bid => Price::from_cents(99),
            BookSide::Ask => Price::from_cents(1),
        };
        if let Some(limit) = limit {
            let size = Contracts::whole(rng.gen_range(3..20));
            let _ = exchange.submit(
                self.crowd,
                NewOrder::immediate(ticker.clone(), side, size, limit),
                at,
            );
        }
    }
}

/// The time of the first round after `at` on a grid of `every`.
#[must_use]
pub fn next_round(at: DateTime<Utc>, every: TimeDelta) -> DateTime<Utc> {
    let step = every.num_seconds().max(1);
    let next = at.timestamp().div_euclid(step) * step + step;
    DateTime::from_timestamp(next, 0).unwrap_or(at)
}
