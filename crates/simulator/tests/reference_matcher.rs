//! The book against a second, naive one: a plain list of orders, searched from end to end for every match.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

mod support;

use autotrader_domain::{BookSide, Contracts, Price, TimeInForce};
use autotrader_simulator::exchange::{
    AccountId, AmendOrder, Decrease, Exchange, ExpirationChange, NewOrder, OrderId, OrderStatus,
    SelfTradePrevention,
};
use proptest::prelude::*;
use support::*;

#[derive(Debug, Clone)]
enum Move {
    Submit(Submit),
    Amend {
        who: usize,
        nth: usize,
        cents: i64,
        total: i64,
        keeps_price: bool,
    },
    Decrease {
        who: usize,
        nth: usize,
        count: i64,
        to: bool,
    },
    Cancel {
        who: usize,
        nth: usize,
    },
    CancelAll {
        who: usize,
    },
}

#[derive(Debug, Clone)]
struct Submit {
    who: usize,
    buy: bool,
    cents: i64,
    count: i64,
    kind: u8,
    cancels_maker: bool,
}

fn moves() -> impl Strategy<Value = Move> {
    let submit = (
        0..3_usize,
        any::<bool>(),
        40..60_i64,
        1..900_i64,
        0..6_u8,
        any::<bool>(),
    )
        .prop_map(|(who, buy, cents, count, kind, cancels_maker)| {
            Move::Submit(Submit {
                who,
                buy,
                cents,
                count,
                kind,
                cancels_maker,
            })
        });
    prop_oneof![
        10 => submit,
        5 => (0..3_usize, 0..8_usize, 40..60_i64, 1..900_i64, any::<bool>()).prop_map(
            |(who, nth, cents, total, keeps_price)| Move::Amend { who, nth, cents, total, keeps_price }
        ),
        3 => (0..3_usize, 0..8_usize, 0..900_i64, any::<bool>())
            .prop_map(|(who, nth, count, to)| Move::Decrease { who, nth, count, to }),
        2 => (0..3_usize, 0..8_usize).prop_map(|(who, nth)| Move::Cancel { who, nth }),
        1 => (0..3_usize).prop_map(|who| Move::CancelAll { who }),
    ]
}

#[derive(Debug, Clone)]
struct Listed {
    id: Option<OrderId>,
    who: usize,
    buy: bool,
    cents: i64,
    left: i64,
    filled: i64,
    since: u64,
    post_only: bool,
    cancels_maker: bool,
    expires: Option<i64>,
}

/// The naive book.
#[derive(Debug, Default)]
struct List {
    orders: Vec<Listed>,
    next: u64,
}

/// What a submission or an amendment did: contracts filled, contracts resting.
type Outcome = Option<(i64, i64)>;

impl List {
    /// What an order meets, best price first, earlier first.
    fn opposite(&self, buy: bool, cents: i64) -> Vec<usize> {
        let crosses = |order: &Listed| {
            order.buy != buy
                && if buy {
                    order.cents <= cents
                } else {
                    order.cents >= cents
                }
        };
        let mut found: Vec<usize> = (0..self.orders.len())
            .filter(|index| crosses(&self.orders[*index]))
            .collect();
        found.sort_by_key(|index| {
            let order = &self.orders[*index];
            (if buy { order.cents } else { -order.cents }, order.since)
        });
        found
    }

    fn available(&self, order: &Listed) -> i64 {
        let mut sum = 0;
        for index in self.opposite(order.buy, order.cents) {
            let other = &self.orders[index];
            if other.who == order.who && !order.cancels_maker {
                break;
            }
            if other.who != order.who {
                sum += other.left;
            }
        }
        sum
    }

    /// Matches an order and rests what may rest; gives the filled and the resting count.
    fn enter(&mut self, mut order: Listed, may_rest: bool) -> (i64, i64) {
        let (mut matched, mut stopped) = (0, false);
        for index in self.opposite(order.buy, order.cents) {
            if order.left == 0 {
                break;
            }
            let other = &mut self.orders[index];
            if other.who == order.who {
                if !order.cancels_maker {
                    stopped = true;
                    break;
                }
                other.left = 0;
                continue;
            }
            let count = order.left.min(other.left);
            other.left -= count;
            other.filled += count;
            order.left -= count;
            order.filled += count;
            matched += count;
        }
        self.orders.retain(|other| other.left > 0);
        let rests = may_rest && !stopped;
        let left = order.left;
        if rests && left > 0 {
            self.next += 1;
            order.since = self.next;
            self.orders.push(order);
            return (matched, left);
        }
        (matched, 0)
    }

    fn submit(&mut self, wanted: &Submit, step: i64) -> Outcome {
        let order = Listed {
            id: None,
            who: wanted.who,
            buy: wanted.buy,
            cents: wanted.cents,
            left: wanted.count,
            filled: 0,
            since: 0,
            post_only: wanted.kind == 4,
            cancels_maker: wanted.cancels_maker,
            expires: (wanted.kind == 2).then_some(step + 7),
        };
        if order.post_only && !self.opposite(order.buy, order.cents).is_empty() {
            return None;
        }
        if wanted.kind == 1 && self.available(&order) < order.left {
            return None;
        }
        Some(self.enter(order, wanted.kind > 1))
    }

    fn amend(&mut self, id: OrderId, cents: i64, total: i64) -> Outcome {
        let index = self.orders.iter().position(|order| order.id == Some(id))?;
        let order = self.orders[index].clone();
        let left = total - order.filled;
        if left <= 0 {
            return None;
        }
        if cents == order.cents && left <= order.left {
            self.orders[index].left = left;
            return Some((0, left));
        }
        if order.post_only && !self.opposite(order.buy, cents).is_empty() {
            return None;
        }
        self.orders.remove(index);
        Some(self.enter(Listed { cents, left, ..order }, true))
    }

    fn ahead_of(&self, order: &Listed) -> i64 {
        let rank = |order: &Listed| (if order.buy { -order.cents } else { order.cents }, order.since);
        self.orders
            .iter()
            .filter(|other| other.buy == order.buy && rank(other) < rank(order))
            .map(|other| other.left)
            .sum()
    }
}

fn asked(wanted: &Submit, step: i64) -> NewOrder {
    let side = if wanted.buy { BookSide::Bid } else { BookSide::Ask };
    let count = Contracts::from_raw(wanted.count).unwrap();
    let mut order = NewOrder::resting(t(TOP), side, count, Price::from_cents(wanted.cents).unwrap());
    order.time_in_force = match wanted.kind {
        0 => TimeInForce::ImmediateOrCancel,
        1 => TimeInForce::FillOrKill,
        2 => TimeInForce::GoodTillCanceled {
            expires_at: Some(after(step + 7)),
        },
        _ => TimeInForce::GoodTillCanceled { expires_at: None },
    };
    order.post_only = wanted.kind == 4;
    order.self_trade_prevention = if wanted.cancels_maker {
        SelfTradePrevention::Maker
    } else {
        SelfTradePrevention::TakerAtCross
    };
    order
}

struct Both {
    exchange: Exchange,
    accounts: Vec<AccountId>,
    list: List,
}

impl Both {
    fn nth(&self, who: usize, nth: usize) -> Option<OrderId> {
        self.exchange
            .orders(self.accounts[who])
            .filter(|order| order.status == OrderStatus::Resting)
            .nth(nth)
            .map(|order| order.id)
    }

    fn play(&mut self, step: i64, one: &Move) {
        let at = after(step);
        self.list
            .orders
            .retain(|order| order.expires.is_none_or(|expiry| expiry > step));
        self.exchange.advance(at);
        match *one {
            Move::Submit(ref wanted) => {
                let account = self.accounts[wanted.who];
                let ack = self.exchange.submit(account, asked(wanted, step), at).ok();
                let seen = ack.as_ref().map(|ack| (ack.filled.raw(), ack.remaining.raw()));
                assert_eq!(seen, self.list.submit(wanted, step), "{wanted:?}");
                if let (Some(ack), Some(last)) = (ack, self.list.orders.last_mut())
                    && last.id.is_none()
                {
                    last.id = Some(ack.order_id);
                }
            }
            Move::Amend {
                who,
                nth,
                cents,
                total,
                keeps_price,
            } => {
                let Some(id) = self.nth(who, nth) else { return };
                let order = self.exchange.order(self.accounts[who], id).unwrap().clone();
                let price = if keeps_price {
                    order.asked.price
                } else {
                    Price::from_cents(cents).unwrap()
                };
                let amend = AmendOrder {
                    ticker: t(TOP),
                    side: order.asked.side,
                    price,
                    count: Contracts::from_raw(total).unwrap(),
                    client_order_id: None,
                    updated_client_order_id: None,
                    expiration: ExpirationChange::Keep,
                };
                let ack = self.exchange.amend(self.accounts[who], id, amend, at).ok();
                let expected = self.list.amend(id, price.raw() / 100, total);
                assert_eq!(ack.is_some(), expected.is_some(), "{one:?}");
                if let (Some(ack), Some((filled, left))) = (ack, expected) {
                    let said = ack.remaining.zip(ack.filled).map(|(l, f)| (f.raw(), l.raw()));
                    let changed = filled > 0 || left != order.remaining.raw();
                    assert_eq!(said, changed.then_some((filled, left)), "{one:?}");
                }
            }
            Move::Decrease { who, nth, count, to } => {
                let Some(id) = self.nth(who, nth) else { return };
                let size = Contracts::from_raw(count).unwrap();
                let wanted = if to {
                    Decrease::To(size)
                } else {
                    Decrease::By(size)
                };
                let ack = self.exchange.decrease(self.accounts[who], id, wanted, at).ok();
                let order = self.list.orders.iter_mut().find(|o| o.id == Some(id)).unwrap();
                let left = if to { count } else { (order.left - count).max(0) };
                let possible = if to { count <= order.left } else { count > 0 };
                assert_eq!(
                    ack.map(|ack| ack.remaining.raw()),
                    possible.then_some(left),
                    "{one:?}"
                );
                if possible {
                    order.left = left;
                }
                self.list.orders.retain(|order| order.left > 0);
            }
            Move::Cancel { who, nth } => {
                let Some(id) = self.nth(who, nth) else { return };
                let ack = self.exchange.cancel(self.accounts[who], id, at).unwrap();
                let index = self.list.orders.iter().position(|o| o.id == Some(id)).unwrap();
                assert_eq!(ack.reduced_by.raw(), self.list.orders.remove(index).left);
            }
            Move::CancelAll { who } => {
                let cancelled = self.exchange.cancel_all(self.accounts[who], at).unwrap();
                let before = self.list.orders.len();
                self.list.orders.retain(|order| order.who != who);
                assert_eq!(cancelled, before - self.list.orders.len());
            }
        }
    }

    fn compare(&self) {
        let resting: usize = self
            .accounts
            .iter()
            .map(|account| self.exchange.resting(*account, &t(TOP)).count())
            .sum();
        assert_eq!(resting, self.list.orders.len());
        for order in &self.list.orders {
            let account = self.accounts[order.who];
            let id = order.id.unwrap();
            let record = self.exchange.order(account, id).unwrap();
            assert_eq!(
                (record.remaining.raw(), record.filled.raw()),
                (order.left, order.filled)
            );
            let ahead = self.exchange.queue_position(account, id).unwrap();
            assert_eq!(ahead.raw(), self.list.ahead_of(order), "place in the queue");
        }
        let book = self.exchange.book(&t(TOP)).unwrap();
        if let (Some((bid, _)), Some((ask, _))) = (book.best_bid(), book.best_ask()) {
            assert!(bid < ask, "never crossed");
        }
        assert_eq!(self.exchange.total(), self.exchange.opening_cash());
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn the_book_agrees_with_a_plain_list(script in prop::collection::vec(moves(), 1..150)) {
        let mut exchange = exchange();
        exchange.sweep_one_in(0);
        let accounts = ["a", "b", "d"].map(|name| member(&mut exchange, name, 1_000_000)).to_vec();
        let mut both = Both { exchange, accounts, list: List::default() };
        for (step, one) in (1..).zip(&script) {
            both.play(step, one);
            both.compare();
        }
    }
}
