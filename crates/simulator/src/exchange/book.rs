//! One market's book: price-time priority on one YES scale.

use std::collections::{BTreeMap, VecDeque};
use std::ops::Bound;

use autotrader_domain::{BookSide, Contracts, Price};

use super::ids::{AccountId, OrderId};
use super::order::SelfTradePrevention;

/// An order on the book; sizes in hundredths of a contract.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Resting {
    id: OrderId,
    account: AccountId,
    remaining: i64,
}

#[derive(Debug, Clone, Default)]
struct Queue {
    orders: VecDeque<Resting>,
    total: i64,
}

/// Both sides of a book.
#[derive(Debug, Clone, Default)]
pub(crate) struct Ladder {
    bids: BTreeMap<Price, Queue>,
    asks: BTreeMap<Price, Queue>,
}

/// One thing an incoming order does to the book.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Step {
    /// Match a resting order at its price.
    Match {
        maker: OrderId,
        price: Price,
        count: i64,
    },
    /// Cancel a resting order of the same account.
    CancelMaker { maker: OrderId },
}

/// All that an incoming order would do, worked out before anything changes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Plan {
    pub(crate) steps: Vec<Step>,
    /// Hundredths of a contract that would match.
    pub(crate) matched: i64,
    /// Whether it stops at a resting order of the same account.
    pub(crate) stopped: bool,
}

impl Plan {
    /// Whether the book has anything for the order to match or cancel.
    pub(crate) const fn meets_something(&self) -> bool {
        self.stopped || !self.steps.is_empty()
    }
}

/// The sizes on a book, best price first on both sides, prices on the YES scale.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct BookView {
    /// Offers to buy YES, highest first.
    pub bids: Vec<(Price, Contracts)>,
    /// Offers to sell YES, lowest first.
    pub asks: Vec<(Price, Contracts)>,
}

impl BookView {
    /// The highest bid.
    #[must_use]
    pub fn best_bid(&self) -> Option<(Price, Contracts)> {
        self.bids.first().copied()
    }

    /// The lowest ask.
    #[must_use]
    pub fn best_ask(&self) -> Option<(Price, Contracts)> {
        self.asks.first().copied()
    }
}

fn sized(price: Price, queue: &Queue) -> (Price, Contracts) {
    (price, Contracts::from_raw(queue.total).unwrap_or(Contracts::ZERO))
}

impl Ladder {
    const fn side(&self, side: BookSide) -> &BTreeMap<Price, Queue> {
        match side {
            BookSide::Bid => &self.bids,
            BookSide::Ask => &self.asks,
        }
    }

    const fn side_mut(&mut self, side: BookSide) -> &mut BTreeMap<Price, Queue> {
        match side {
            BookSide::Bid => &mut self.bids,
            BookSide::Ask => &mut self.asks,
        }
    }

    pub(crate) fn best_bid(&self) -> Option<(Price, Contracts)> {
        self.bids
            .last_key_value()
            .map(|(price, queue)| sized(*price, queue))
    }

    pub(crate) fn best_ask(&self) -> Option<(Price, Contracts)> {
        self.asks
            .first_key_value()
            .map(|(price, queue)| sized(*price, queue))
    }

    pub(crate) fn view(&self) -> BookView {
        BookView {
            bids: self
                .bids
                .iter()
                .rev()
                .map(|(price, queue)| sized(*price, queue))
                .collect(),
            asks: self
                .asks
                .iter()
                .map(|(price, queue)| sized(*price, queue))
                .collect(),
        }
    }

    /// The sizes of one side, prices ascending.
    pub(crate) fn levels(&self, side: BookSide) -> impl DoubleEndedIterator<Item = (Price, Contracts)> + '_ {
        self.side(side).iter().map(|(price, queue)| sized(*price, queue))
    }

    /// What an order on `side` with `limit` and `count` would do.
    pub(crate) fn plan(
        &self,
        side: BookSide,
        limit: Price,
        count: i64,
        account: AccountId,
        prevention: SelfTradePrevention,
    ) -> Plan {
        match side {
            BookSide::Bid => walk(self.asks.range(..=limit), count, account, prevention),
            BookSide::Ask => walk(self.bids.range(limit..).rev(), count, account, prevention),
        }
    }

    /// Puts an order at the end of its queue.
    pub(crate) fn rest(
        &mut self,
        side: BookSide,
        price: Price,
        id: OrderId,
        account: AccountId,
        remaining: i64,
    ) {
        let queue = self.side_mut(side).entry(price).or_default();
        queue.orders.push_back(Resting {
            id,
            account,
            remaining,
        });
        queue.total += remaining;
    }

    /// Takes `count` off an order; the order leaves the book when nothing of it is left.
    pub(crate) fn reduce(&mut self, side: BookSide, price: Price, id: OrderId, count: i64) {
        let levels = self.side_mut(side);
        let Some(queue) = levels.get_mut(&price) else {
            return;
        };
        let Some(at) = queue.orders.iter().position(|resting| resting.id == id) else {
            return;
        };
        let Some(resting) = queue.orders.get_mut(at) else {
            return;
        };
        let taken = count.min(resting.remaining);
        resting.remaining -= taken;
        queue.total -= taken;
        if resting.remaining == 0 {
            queue.orders.remove(at);
        }
        if queue.orders.is_empty() {
            levels.remove(&price);
        }
    }

    /// Hundredths of a contract that match before an order does: everything at better prices, and what came earlier at its
    /// own; `None` when it is not on the book.
    pub(crate) fn ahead_of(&self, side: BookSide, price: Price, id: OrderId) -> Option<i64> {
        let better: i64 = match side {
            BookSide::Bid => self.bids.range((Bound::Excluded(price), Bound::Unbounded)),
            BookSide::Ask => self.asks.range((Bound::Unbounded, Bound::Excluded(price))),
        }
        .map(|(_, queue)| queue.total)
        .sum();
        let queue = &self.side(side).get(&price)?.orders;
        let place = queue.iter().position(|resting| resting.id == id)?;
        let earlier: i64 = queue.iter().take(place).map(|resting| resting.remaining).sum();
        Some(better + earlier)
    }

    /// The orders on the book, bids from the highest, then asks from the lowest, each queue in order of time.
    pub(crate) fn orders(&self) -> Vec<OrderId> {
        let bids = self.bids.values().rev();
        bids.chain(self.asks.values())
            .flat_map(|queue| queue.orders.iter().map(|resting| resting.id))
            .collect()
    }
}

fn walk<'a>(
    levels: impl Iterator<Item = (&'a Price, &'a Queue)>,
    count: i64,
    account: AccountId,
    prevention: SelfTradePrevention,
) -> Plan {
    let mut plan = Plan {
        steps: Vec::new(),
        matched: 0,
        stopped: false,
    };
    for (price, queue) in levels {
        for resting in &queue.orders {
            let left = count - plan.matched;
            if left == 0 {
                return plan;
            }
            if resting.account == account {
                match prevention {
                    SelfTradePrevention::TakerAtCross => {
                        plan.stopped = true;
                        return plan;
                    }
                    SelfTradePrevention::Maker => {
                        plan.steps.push(Step::CancelMaker { maker: resting.id });
                        continue;
                    }
                }
            }
            let taken = left.min(resting.remaining);
            plan.matched += taken;
            plan.steps.push(Step::Match {
                maker: resting.id,
                price: *price,
                count: taken,
            });
        }
    }
    plan
}
