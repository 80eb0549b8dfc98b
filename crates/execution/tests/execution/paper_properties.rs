//! Whatever is shown to and asked of the paper venue: no money appears, no depth is taken twice, no price is too good.

use std::collections::BTreeMap;
use std::sync::Arc;

use autotrader_domain::ports::{AccountSource, Clock, OrderGateway};
use autotrader_domain::{
    Book, BookSide, Contracts, FeeRounding, FeeSchedule, Level, Liquidity, ManualClock, Money, OrderRequest,
    Price, TimeInForce, VenueOrderId,
};
use autotrader_execution::AccountBooks;
use autotrader_execution::paper::{PaperGateway, PaperSettings};
use chrono::TimeDelta;
use proptest::prelude::*;

use crate::kit::{market, start, ticker};

const NAMES: [&str; 2] = ["A", "B"];

#[derive(Debug, Clone)]
enum Act {
    Show {
        market: usize,
        best_bid: i64,
        spread: i64,
        sizes: Vec<i64>,
    },
    Place {
        market: usize,
        buys: bool,
        cents: i64,
        raw: i64,
        kind: u8,
    },
    Cancel,
    Trade {
        market: usize,
        cents: i64,
        raw: i64,
    },
    Settle {
        market: usize,
        cents: i64,
    },
}

fn act() -> impl Strategy<Value = Act> {
    let market = 0..NAMES.len();
    prop_oneof![
        8 => (market.clone(), 2..90_i64, 1..6_i64, proptest::collection::vec(1..2_000_i64, 1..4))
            .prop_map(|(market, best_bid, spread, sizes)| Act::Show { market, best_bid, spread, sizes }),
        8 => (market.clone(), any::<bool>(), 1..100_i64, 1..3_000_i64, 0..6_u8)
            .prop_map(|(market, buys, cents, raw, kind)| Act::Place { market, buys, cents, raw, kind }),
        1 => Just(Act::Cancel),
        2 => (market.clone(), 1..100_i64, 1..2_000_i64)
            .prop_map(|(market, cents, raw)| Act::Trade { market, cents, raw }),
        1 => (market, 0..=100_i64).prop_map(|(market, cents)| Act::Settle { market, cents }),
    ]
}

fn contracts(raw: i64) -> Contracts {
    Contracts::from_raw(raw).unwrap()
}

fn cents(cents: i64) -> Price {
    Price::from_cents(cents).unwrap()
}

/// A ladder below `best`, a cent a level.
fn ladder(best: i64, sizes: &[i64]) -> Vec<Level> {
    (0_i64..)
        .zip(sizes)
        .filter(|(step, _)| best - step >= 1)
        .map(|(step, raw)| Level {
            price: cents(best - step),
            size: contracts(*raw),
        })
        .collect()
}

struct Run {
    clock: Arc<ManualClock>,
    paper: PaperGateway,
    requests: BTreeMap<VenueOrderId, OrderRequest>,
    settled: Vec<usize>,
    placed: u32,
}

impl Run {
    fn new(rounding: FeeRounding) -> Self {
        let clock = Arc::new(ManualClock::new(start()));
        let settings = PaperSettings {
            latency: TimeDelta::milliseconds(500),
            bankroll: Money::dollars(50),
            rounding,
            sees_trades: false,
        };
        let paper = PaperGateway::new(settings, clock.clone());
        for name in NAMES {
            let mut terms = market(name);
            terms.fees = FeeSchedule::WITH_MAKER_FEES;
            paper.on_market(&terms);
        }
        Self {
            clock,
            paper,
            requests: BTreeMap::new(),
            settled: Vec::new(),
            placed: 0,
        }
    }

    fn request(&mut self, market: usize, buys: bool, limit: i64, raw: i64, kind: u8) -> OrderRequest {
        self.placed += 1;
        let in_a_minute = self.clock.now() + TimeDelta::minutes(1);
        OrderRequest {
            client_order_id: format!("kat1-{}", self.placed).parse().unwrap(),
            ticker: ticker(NAMES[market]),
            side: if buys { BookSide::Bid } else { BookSide::Ask },
            contracts: contracts(raw),
            limit: cents(limit),
            time_in_force: match kind {
                0 | 5 => TimeInForce::GoodTillCanceled { expires_at: None },
                1 => TimeInForce::GoodTillCanceled {
                    expires_at: Some(in_a_minute),
                },
                2 => TimeInForce::FillOrKill,
                _ => TimeInForce::ImmediateOrCancel,
            },
            reduce_only: kind == 3,
            post_only: kind == 5,
            exchange_index: 0,
            order_group: None,
        }
    }

    async fn perform(&mut self, act: &Act) {
        let now = self.clock.now() + TimeDelta::seconds(1);
        self.clock.advance_to(now);
        match act {
            Act::Show {
                market,
                best_bid,
                spread,
                sizes,
            } if !self.settled.contains(market) => {
                let no_best = 100 - best_bid - spread;
                let book = Book::new(
                    ticker(NAMES[*market]),
                    now,
                    ladder(*best_bid, sizes),
                    ladder(no_best, sizes),
                );
                self.paper.on_book(&book.unwrap());
            }
            Act::Place {
                market,
                buys,
                cents,
                raw,
                kind,
            } => {
                let request = self.request(*market, *buys, *cents, *raw, *kind);
                if let autotrader_domain::ports::PlaceOutcome::Accepted { venue_order_id, .. } =
                    self.paper.place(&request, "").await.outcome
                {
                    self.requests.insert(venue_order_id, request);
                }
            }
            Act::Cancel => {
                if let Some((venue, request)) = self.requests.last_key_value() {
                    self.paper.cancel(&request.ticker, venue).await;
                }
            }
            Act::Trade {
                market,
                cents: at,
                raw,
            } => {
                self.paper
                    .on_trade(&ticker(NAMES[*market]), cents(*at), contracts(*raw), now);
            }
            Act::Settle { market, cents: value } => {
                self.settled.push(*market);
                self.paper
                    .on_market_settled(&ticker(NAMES[*market]), cents(*value), now);
            }
            Act::Show { .. } => {}
        }
    }

    async fn check(&self) {
        let f = self.paper.figures();
        assert_eq!(
            f.cash.raw() + f.cost.raw() + f.fees.raw() - f.realized.raw(),
            Money::dollars(50).raw(),
            "{f:?}"
        );
        assert!(
            !f.cash.is_negative(),
            "the bankroll depletes, it is never overdrawn"
        );
        assert!(
            !f.optimistic_gain.is_negative(),
            "what is paid is never better than the decision"
        );
        assert!(
            f.band.pessimistic <= f.band.optimistic,
            "the headline is never the better reading: {f:?}"
        );
        let fills = self.paper.fills(start()).await.unwrap();
        let mut ids: Vec<&str> = fills.iter().map(|fill| fill.fill_id.as_str()).collect();
        ids.sort_unstable();
        ids.dedup();
        assert_eq!(ids.len(), fills.len());
        let mut filled: BTreeMap<&VenueOrderId, i64> = BTreeMap::new();
        for fill in &fills {
            let request = &self.requests[&fill.venue_order_id];
            let good_enough = match request.side {
                BookSide::Bid => fill.price <= request.limit,
                BookSide::Ask => fill.price >= request.limit,
            };
            assert!(good_enough, "{fill:?} beyond {}", request.limit);
            if fill.liquidity == Liquidity::Maker {
                assert_eq!(fill.price, request.limit, "a maker is paid its own price");
            }
            *filled.entry(&fill.venue_order_id).or_default() += fill.contracts.raw();
        }
        for (venue, request) in &self.requests {
            let order = self.paper.order(venue).await.unwrap();
            let sum = filled.get(venue).copied().unwrap_or_default();
            assert_eq!(order.filled.raw(), sum);
            assert!(sum <= request.contracts.raw());
            if request.time_in_force == TimeInForce::FillOrKill {
                assert!(sum == 0 || sum == request.contracts.raw(), "all or nothing");
            }
        }
        self.check_rebuilt(&fills).await;
    }

    /// The account can be rebuilt from what was reported, to the micro-dollar.
    async fn check_rebuilt(&self, fills: &[autotrader_domain::Fill]) {
        let restored = autotrader_domain::ports::Restored {
            fills: fills.to_vec(),
            settlements: self.paper.settlements(start()).await.unwrap(),
            opening_cash: Some(Money::dollars(50)),
            ..Default::default()
        };
        let snapshot = self.paper.snapshot(start()).await.unwrap();
        let rebuilt = AccountBooks::from_restored(&restored).unwrap();
        assert_eq!(rebuilt.cash, Some(snapshot.balance));
        let nets: Vec<_> = rebuilt
            .nets()
            .into_iter()
            .map(|(name, net)| (name.clone(), net))
            .collect();
        assert_eq!(nets, snapshot.positions);
        let again = Run::new(FeeRounding::Direct);
        again.paper.restore(&restored).unwrap();
        let (before, after) = (self.paper.figures(), again.paper.figures());
        assert_eq!((before.cash, before.cost, before.realized, before.fees), {
            (after.cash, after.cost, after.realized, after.fees)
        });
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn money_is_conserved_and_fills_are_never_too_good(
        acts in proptest::collection::vec(act(), 1..60),
        cent in any::<bool>(),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            let mut run = Run::new(if cent { FeeRounding::Cent } else { FeeRounding::Direct });
            for act in &acts {
                run.perform(act).await;
                run.check().await;
            }
        });
    }

    #[test]
    fn one_book_gives_its_depth_once(
        sizes in proptest::collection::vec(1..2_000_i64, 1..4),
        wanted in proptest::collection::vec(1..3_000_i64, 1..8),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            let mut run = Run::new(FeeRounding::Direct);
            let show = Act::Show { market: 0, best_bid: 10, spread: 2, sizes: sizes.clone() };
            run.perform(&show).await;
            for raw in wanted {
                run.perform(&Act::Place { market: 0, buys: true, cents: 20, raw, kind: 4 }).await;
                run.perform(&show).await;
            }
            let fills = run.paper.fills(start()).await.unwrap();
            let taken: i64 = fills.iter().map(|fill| fill.contracts.raw()).sum();
            assert!(taken <= sizes.iter().sum::<i64>());
        });
    }
}
