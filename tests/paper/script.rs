//! The strategy under test: takers, makers and exits at random moments, some of which know where the market goes.

use autotrader_domain::{Book, BookSide, Contracts, OrderRequest, Price, Ticker, TimeInForce};
use chrono::{DateTime, TimeDelta, Utc};
use rand::rngs::StdRng;
use rand::{Rng as _, SeedableRng as _};

use crate::world::{MARKETS, STEPS, World};

/// Steps between two looks at the books: a second.
pub const LOOK_EVERY: usize = 4;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Move {
    /// Takes up to so many contracts at up to so many cents beyond the touch.
    Take { side: BookSide, size: u32, beyond: i64 },
    /// Rests at the touch of its own side, or a cent better, for so many seconds.
    Make {
        side: BookSide,
        size: u32,
        better: bool,
        seconds: i64,
        post_only: bool,
    },
    /// Closes what is held on one side, reduce-only, at up to so many cents beyond the touch.
    Exit { side: BookSide, beyond: i64 },
}

/// One decision.
#[derive(Debug, Clone, Copy)]
pub struct Decision {
    pub step: usize,
    pub market: usize,
    pub what: Move,
}

/// What a seed decides, whatever becomes of it. Of its entries, `knowing` go where the opinion will be half a minute later.
pub fn decisions(world: &World, seed: u64, knowing: f64) -> Vec<Decision> {
    let mut rng = StdRng::seed_from_u64(seed ^ 0x5EED_0000);
    let mut decisions = Vec::new();
    for step in (0..STEPS - LOOK_EVERY).step_by(LOOK_EVERY) {
        for market in 0..MARKETS.len() {
            if !rng.gen_bool(0.15) {
                continue;
            }
            let script = &world.scripts[market];
            let drift = script[(step + 120).min(STEPS)].opinion - script[step].opinion;
            let informed = rng.gen_bool(knowing) && drift != 0;
            let up = if informed { drift > 0 } else { rng.r#gen() };
            let side = if up { BookSide::Bid } else { BookSide::Ask };
            let what = match rng.gen_range(0..10) {
                0..=3 => Move::Take {
                    side,
                    size: rng.gen_range(1..20),
                    beyond: rng.gen_range(0..3),
                },
                4..=7 => Move::Make {
                    side,
                    size: rng.gen_range(1..20),
                    better: rng.r#gen(),
                    seconds: rng.gen_range(3..20),
                    post_only: rng.r#gen(),
                },
                _ => {
                    // Nothing here asks what is held: of two reduce-only orders at most one does something.
                    let beyond = rng.gen_range(0..4);
                    let what = Move::Exit {
                        side: BookSide::Ask,
                        beyond,
                    };
                    decisions.push(Decision { step, market, what });
                    Move::Exit {
                        side: BookSide::Bid,
                        beyond,
                    }
                }
            };
            decisions.push(Decision { step, market, what });
        }
    }
    decisions
}

impl Decision {
    /// The order it makes of the book seen; nothing when there is no touch.
    pub fn request(self, book: &Book, at: DateTime<Utc>, number: usize) -> Option<OrderRequest> {
        let (side, contracts, beyond, immediate) = match self.what {
            Move::Take { side, size, beyond } => (side, Contracts::whole(size), beyond, true),
            Move::Exit { side, beyond } => (side, Contracts::whole(200), beyond, true),
            Move::Make {
                side, size, better, ..
            } => (side, Contracts::whole(size), i64::from(better), false),
        };
        let touch = match (side, immediate) {
            (BookSide::Bid, true) | (BookSide::Ask, false) => book.best_ask(),
            (BookSide::Ask, true) | (BookSide::Bid, false) => book.best_bid(),
        }?;
        let sign = if side == BookSide::Bid { 1 } else { -1 };
        let limit = touch
            .price
            .offset(sign * beyond * 100)
            .filter(|price| *price > Price::ZERO && *price < Price::ONE)?;
        let ticker: Ticker = MARKETS[self.market].parse().unwrap();
        Some(OrderRequest {
            client_order_id: format!("kat1-paper-{number}").parse().unwrap(),
            ticker,
            side,
            contracts,
            limit,
            time_in_force: match self.what {
                Move::Make { seconds, .. } => TimeInForce::GoodTillCanceled {
                    expires_at: Some(at + TimeDelta::seconds(seconds)),
                },
                _ => TimeInForce::ImmediateOrCancel,
            },
            reduce_only: matches!(self.what, Move::Exit { .. }),
            post_only: matches!(self.what, Move::Make { post_only: true, .. }),
            exchange_index: 0,
            order_group: None,
        })
    }
}
