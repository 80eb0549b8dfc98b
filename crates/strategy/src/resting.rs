//! Entries that rest: at which price, how many and until when, and what becomes of one that is on the book already.
//!
//! A resting entry makes or does nothing: it is post-only, so that the fee it is priced with is the fee it pays. It improves
//! the best price of its own side by one tick where that leaves the least edge, joins it where only that does, and does not
//! rest behind it: far from the touch an order is filled by news alone.
//!
//! What becomes of an order is judged from nothing but the order, what is wanted now and the time. A change of mind must be
//! worth a place in the queue: limits that moved by less than a step, sizes that moved by less than a share and orders that
//! are younger than an age are left alone, while an order that lost its edge goes at once.

use autotrader_domain::{
    Book, BookSide, Contracts, Market, Money, Order, OrderState, Price, Purpose, Reason, TimeInForce,
};
use chrono::{DateTime, SubsecRound, Utc};

use crate::edge::{FeeTerms, NetEdge, outcome_price, outcome_probability};
use crate::params::{RestingParams, TimingParams};
use crate::sizing::{Demand, Entry, Room, most_at};

/// The edge per contract of making at a price, in dollars; `None` when fees are not priced.
///
/// The fee is that of a single contract: how a resting order is cut into fills is not known, and one at a time costs most.
#[must_use]
pub fn maker_edge(yes: f64, side: BookSide, price: Price, fees: FeeTerms) -> Option<f64> {
    let fee = fees.maker(price, Contracts::whole(1))?;
    Some(outcome_probability(side, yes) - outcome_price(side, price).probability() - fee.to_f64())
}

/// The price of a resting entry on `side`: the best of its side improved by one tick, or joined, with at least `min_edge`
/// dollars of edge per contract, and never a price that would take.
///
/// # Errors
/// [`Reason::OneSidedBook`] without both best prices, [`Reason::FeesUnsupported`], or [`Reason::NoEdge`] when joining leaves
/// too little.
pub fn resting_limit(
    book: &Book,
    market: &Market,
    side: BookSide,
    yes: f64,
    min_edge: f64,
    fees: FeeTerms,
) -> Result<Price, Reason> {
    let (Some(bid), Some(ask)) = (book.best_bid(), book.best_ask()) else {
        return Err(Reason::OneSidedBook);
    };
    let grid = &market.grid;
    let (joined, improved) = match side {
        BookSide::Bid => {
            let next = bid.price.offset(1).and_then(|price| grid.ceil(price));
            (bid.price, next.filter(|price| *price < ask.price))
        }
        BookSide::Ask => {
            let next = ask.price.offset(-1).and_then(|price| grid.floor(price));
            (ask.price, next.filter(|price| *price > bid.price))
        }
    };
    for price in improved.into_iter().chain([joined]) {
        let edge = maker_edge(yes, side, price, fees).ok_or(Reason::FeesUnsupported)?;
        if edge >= min_edge && grid.allows(price) {
            return Ok(price);
        }
    }
    Err(Reason::NoEdge)
}

/// Sizes an entry that rests at `limit`: the demand at that price, within the room.
///
/// # Errors
/// The [`Reason`] that leaves nothing to rest.
pub fn size_resting(limit: Price, demand: &Demand, room: &Room) -> Result<Entry, Reason> {
    let edge = maker_edge(demand.yes, demand.side, limit, demand.fees).ok_or(Reason::FeesUnsupported)?;
    if edge < demand.min_edge {
        return Err(Reason::NoEdge);
    }
    let (contracts, bound) = most_at(edge, demand, room, Contracts::ZERO, Money::ZERO);
    if contracts < demand.min_order.max(Contracts::whole(1)) {
        return Err(if contracts.is_zero() {
            bound
        } else {
            Reason::BelowMinimumSize
        });
    }
    let cost = outcome_price(demand.side, limit)
        .times(contracts)
        .ok_or(Reason::SizeLimit)?;
    let fees = demand
        .fees
        .maker(limit, contracts)
        .ok_or(Reason::FeesUnsupported)?;
    Ok(Entry {
        contracts,
        limit,
        edge: NetEdge {
            contracts,
            cost,
            fees,
            per_contract: edge,
        },
        bound,
    })
}

/// When the exchange shall remove an order made now: after its lifetime, and never later than resting orders must be gone
/// before `end` on either clock. Whole seconds, as the exchange keeps them, rounded down.
///
/// `None` when that is too soon to be worth a place on the book.
#[must_use]
pub fn expiry(
    at: DateTime<Utc>,
    end: DateTime<Utc>,
    resting: &RestingParams,
    timing: &TimingParams,
) -> Option<DateTime<Utc>> {
    let gone = end - timing.cancel_cutoff - timing.clock_skew;
    let expires = (at + resting.lifetime).min(gone).trunc_subsecs(0);
    (expires - at > resting.renewal_margin).then_some(expires)
}

/// What a contract's entry should be now.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Wanted {
    /// No entry, for this reason.
    Nothing(Reason),
    /// The position sold, or what is on the book taken: either needs the resting order out of the way.
    Immediate,
    /// An entry that rests.
    Resting {
        /// Side of the YES book.
        side: BookSide,
        /// Limit, a YES price.
        limit: Price,
        /// How many contracts.
        contracts: Contracts,
        /// When the exchange would remove it.
        expires_at: DateTime<Utc>,
    },
}

/// What becomes of an order that rests.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Life {
    /// It stays as it is.
    Keep,
    /// It is withdrawn and made again before the exchange removes it.
    Renew,
    /// It is withdrawn and made again at another price.
    Reprice,
    /// It is withdrawn and made again with another size.
    Resize,
    /// It is withdrawn so that something immediate can be done on the contract.
    MakeWay,
    /// It is withdrawn: it is not wanted any more.
    Withdraw(Reason),
}

/// Whether an order is an entry on the book, as far as is known.
#[must_use]
pub fn rests(order: &Order) -> bool {
    order.intent.purpose == Purpose::Entry
        && matches!(order.intent.time_in_force, TimeInForce::GoodTillCanceled { .. })
        && matches!(order.state, OrderState::Resting | OrderState::PartiallyFilled)
}

/// What becomes of a resting order, given what is wanted now and the edge that its own limit has left, in dollars per
/// contract (`None` when the contract has no value now).
///
/// Its replacement is not decided here: it follows from position and orders after the order's terminal record.
#[must_use]
pub fn life(
    order: &Order,
    wanted: &Wanted,
    edge: Option<f64>,
    min_edge: f64,
    at: DateTime<Utc>,
    params: &RestingParams,
) -> Life {
    // Kept down to one step below the least edge, which is still above nothing (checked by the parameters).
    let floor = min_edge - params.reprice_step.probability();
    let keeps_edge = edge.is_some_and(|edge| edge >= floor);
    match *wanted {
        // A new one would not be made, but this one still pays: it may stay for the rest of its life.
        Wanted::Nothing(Reason::NoEdge) if keeps_edge && !is_due(order, at, params) => Life::Keep,
        Wanted::Nothing(reason) => Life::Withdraw(reason),
        Wanted::Immediate => Life::MakeWay,
        Wanted::Resting { side, .. } if side != order.intent.side => Life::Withdraw(Reason::NoEdge),
        Wanted::Resting {
            limit,
            contracts,
            expires_at,
            ..
        } => {
            if !keeps_edge {
                return Life::Reprice;
            }
            if is_due(order, at, params) {
                return if lasts_longer(order, expires_at) {
                    Life::Renew
                } else {
                    Life::Keep
                };
            }
            if at - order.created_at < params.least_age {
                return Life::Keep;
            }
            if (limit.raw() - order.intent.limit.raw()).abs() >= params.reprice_step.raw().max(1) {
                return Life::Reprice;
            }
            if differs(order.open_contracts(), contracts, params.resize_share) {
                return Life::Resize;
            }
            Life::Keep
        }
    }
}

/// Whether the exchange will soon remove an order. One without an expiry would outlive us: it is due at once.
fn is_due(order: &Order, at: DateTime<Utc>, params: &RestingParams) -> bool {
    match order.intent.time_in_force {
        TimeInForce::GoodTillCanceled {
            expires_at: Some(expires),
        } => expires - at <= params.renewal_margin,
        _ => true,
    }
}

fn lasts_longer(order: &Order, expires_at: DateTime<Utc>) -> bool {
    match order.intent.time_in_force {
        TimeInForce::GoodTillCanceled {
            expires_at: Some(expires),
        } => expires_at > expires,
        _ => true,
    }
}

fn differs(open: Contracts, wanted: Contracts, share: f64) -> bool {
    let difference = (open.raw() - wanted.raw()).abs() as f64;
    difference > share * open.raw() as f64
}

#[cfg(test)]
mod tests;
