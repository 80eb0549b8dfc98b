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
mod tests {
    use super::*;
    use autotrader_domain::{
        Claim, FeeRounding, FeeSchedule, Generation, Intent, Level, MarketStatus, PriceGrid, PriceRange,
    };
    use chrono::TimeDelta;
    use rstest::rstest;

    fn start() -> DateTime<Utc> {
        DateTime::UNIX_EPOCH + TimeDelta::days(20_000)
    }

    fn price(text: &str) -> Price {
        text.parse().unwrap()
    }

    fn fees(schedule: FeeSchedule) -> FeeTerms {
        FeeTerms {
            schedule,
            rounding: FeeRounding::Direct,
        }
    }

    fn book(bid: &str, ask: &str) -> Book {
        let level = |price| {
            vec![Level {
                price,
                size: Contracts::whole(50),
            }]
        };
        let (bids, asks) = (
            if bid.is_empty() { vec![] } else { level(price(bid)) },
            if ask.is_empty() {
                vec![]
            } else {
                level(price(ask).complement())
            },
        );
        Book::new("T".parse().unwrap(), start(), bids, asks).unwrap()
    }

    fn tenths() -> PriceGrid {
        PriceGrid::new(vec![PriceRange {
            start: Price::ZERO,
            end: Price::ONE,
            step: price("0.001"),
        }])
        .unwrap()
    }

    fn market(grid: PriceGrid) -> Market {
        Market {
            ticker: "T".parse().unwrap(),
            event: "E".parse().unwrap(),
            series: "S".parse().unwrap(),
            status: MarketStatus::Active,
            close_time: start() + TimeDelta::days(1),
            grid,
            fees: FeeSchedule::QUADRATIC,
            rules_primary: String::new(),
            rules_secondary: String::new(),
            strike_model: None,
            yes_sub_title: String::new(),
            exchange_index: 0,
            result: None,
            settlement_value: None,
        }
    }

    #[rstest]
    // Worth .50 and three cents wanted: .47 at most for a bid, .53 at least for an ask.
    #[case::improves_by_a_tick(BookSide::Bid, "0.44", "0.48", Ok("0.45"))]
    #[case::joins_where_improving_costs_the_edge(BookSide::Bid, "0.47", "0.49", Ok("0.47"))]
    #[case::never_takes(BookSide::Bid, "0.46", "0.47", Ok("0.46"))]
    #[case::not_behind_the_best(BookSide::Bid, "0.48", "0.50", Err(Reason::NoEdge))]
    #[case::ask_improves(BookSide::Ask, "0.52", "0.56", Ok("0.55"))]
    #[case::ask_joins(BookSide::Ask, "0.50", "0.53", Ok("0.53"))]
    #[case::ask_never_takes(BookSide::Ask, "0.54", "0.55", Ok("0.55"))]
    #[case::ask_not_behind(BookSide::Ask, "0.50", "0.52", Err(Reason::NoEdge))]
    #[case::nobody_asks(BookSide::Bid, "0.44", "", Err(Reason::OneSidedBook))]
    #[case::nobody_bids(BookSide::Ask, "", "0.56", Err(Reason::OneSidedBook))]
    fn the_limit_improves_or_joins_and_keeps_the_edge(
        #[case] side: BookSide,
        #[case] bid: &str,
        #[case] ask: &str,
        #[case] expected: Result<&str, Reason>,
    ) {
        let market = market(PriceGrid::whole_cents());
        let fees = fees(FeeSchedule::QUADRATIC);
        let found = resting_limit(&book(bid, ask), &market, side, 0.50, 0.03, fees);
        assert_eq!(found, expected.map(price));
    }

    #[test]
    fn the_makers_fee_counts_and_the_grid_gives_the_tick() {
        // .4690 with a fee of .0044 would leave .0266 of the three cents; .4650 leaves .0306.
        let market = market(tenths());
        let found = |bid: &str, schedule| {
            resting_limit(
                &book(bid, "0.49"),
                &market,
                BookSide::Bid,
                0.50,
                0.03,
                fees(schedule),
            )
        };
        assert_eq!(found("0.464", FeeSchedule::WITH_MAKER_FEES), Ok(price("0.465")));
        assert_eq!(found("0.468", FeeSchedule::WITH_MAKER_FEES), Err(Reason::NoEdge));
        assert_eq!(found("0.468", FeeSchedule::QUADRATIC), Ok(price("0.469")));
    }

    #[test]
    fn an_order_that_rests_is_sized_at_its_own_price_and_pays_the_makers_fee() {
        let demand = |schedule| Demand {
            yes: 0.50,
            side: BookSide::Bid,
            fraction: 0.25,
            min_edge: 0.03,
            min_order: Contracts::whole(1),
            max_order: Contracts::whole(100),
            fees: fees(schedule),
        };
        let room = Room {
            held: Contracts::whole(5),
            contract: Contracts::whole(100),
            event: Contracts::whole(250),
            cash: Money::dollars(1_000),
            wealth: Money::dollars(1_000),
        };
        // A quarter of .05/.55 of a thousand dollars at .45: 50.5 contracts, 5 of which are held.
        let free = size_resting(price("0.45"), &demand(FeeSchedule::QUADRATIC), &room).unwrap();
        assert_eq!(
            (free.contracts, free.edge.fees, free.bound),
            (Contracts::whole(45), Money::ZERO, Reason::AtTarget)
        );
        let charged = size_resting(price("0.45"), &demand(FeeSchedule::WITH_MAKER_FEES), &room).unwrap();
        assert!(charged.contracts < free.contracts && charged.edge.fees > Money::ZERO);
        let penniless = Room {
            cash: Money::ZERO,
            ..room
        };
        assert_eq!(
            size_resting(price("0.45"), &demand(FeeSchedule::QUADRATIC), &penniless),
            Err(Reason::InsufficientCollateral)
        );
        assert_eq!(
            size_resting(price("0.48"), &demand(FeeSchedule::QUADRATIC), &room),
            Err(Reason::NoEdge)
        );
    }

    #[rstest]
    // Resting orders are gone five minutes and five seconds before the end.
    #[case::a_lifetime(3_600_000, Some(300))]
    #[case::whole_seconds_rounded_down(3_600_900, Some(299))]
    #[case::cut_short(500_000, Some(195))]
    #[case::not_worth_it(366_000, Some(61))]
    #[case::too_soon(365_000, None)]
    #[case::after_the_end(-1_000, None)]
    fn an_expiry_is_never_later_than_the_cut_off(
        #[case] milliseconds_to_end: i64,
        #[case] seconds: Option<i64>,
    ) {
        let end = start() + TimeDelta::hours(2);
        let at = end - TimeDelta::milliseconds(milliseconds_to_end);
        let found = expiry(at, end, &RestingParams::default(), &TimingParams::default());
        assert_eq!(found.map(|expires| (expires - at).num_seconds()), seconds);
        assert!(found.is_none_or(|expires| expires.timestamp_subsec_nanos() == 0));
    }

    /// A bid for 20 at .45 made at the start, five minutes of life.
    fn order() -> Order {
        Order {
            client_order_id: "kat1-1".parse().unwrap(),
            generation: Generation(1),
            venue_order_id: None,
            intent: Intent {
                ticker: "T".parse().unwrap(),
                event: "E".parse().unwrap(),
                series: "S".parse().unwrap(),
                claim: Claim::Organization {
                    organization: "Lab".into(),
                },
                side: BookSide::Bid,
                contracts: Contracts::whole(20),
                limit: price("0.45"),
                time_in_force: TimeInForce::GoodTillCanceled {
                    expires_at: Some(start() + TimeDelta::minutes(5)),
                },
                purpose: Purpose::Entry,
                fees: FeeSchedule::QUADRATIC,
                check_time: start() + TimeDelta::days(1),
                post_only: true,
                edge: Money::ZERO,
                strategy: "test".into(),
                rationale: "test".into(),
            },
            reduce_only: false,
            state: OrderState::Resting,
            filled: Contracts::ZERO,
            created_at: start(),
            updated_at: start(),
            reject_reason: None,
        }
    }

    fn rest(limit: &str, contracts: u32) -> Wanted {
        Wanted::Resting {
            side: BookSide::Bid,
            limit: price(limit),
            contracts: Contracts::whole(contracts),
            expires_at: start() + TimeDelta::minutes(20),
        }
    }

    const fn nothing(reason: Reason) -> Wanted {
        Wanted::Nothing(reason)
    }

    #[rstest]
    #[case::as_wanted(60, Some(0.05), rest("0.45", 20), Life::Keep)]
    #[case::less_than_a_step(60, Some(0.05), rest("0.459", 20), Life::Keep)]
    #[case::a_step_up(60, Some(0.05), rest("0.46", 20), Life::Reprice)]
    #[case::a_step_down(60, Some(0.05), rest("0.44", 20), Life::Reprice)]
    #[case::too_young_to_follow(19, Some(0.05), rest("0.44", 20), Life::Keep)]
    #[case::old_enough_to_follow(20, Some(0.05), rest("0.44", 20), Life::Reprice)]
    #[case::a_little_more(60, Some(0.05), rest("0.45", 25), Life::Keep)]
    #[case::much_more(60, Some(0.05), rest("0.45", 26), Life::Resize)]
    #[case::a_little_less(60, Some(0.05), rest("0.45", 15), Life::Keep)]
    #[case::much_less(60, Some(0.05), rest("0.45", 14), Life::Resize)]
    #[case::too_young_to_resize(19, Some(0.05), rest("0.45", 99), Life::Keep)]
    #[case::an_edge_above_the_floor(5, Some(0.02), rest("0.44", 20), Life::Keep)]
    #[case::lost_its_edge_however_young(5, Some(0.019), rest("0.44", 20), Life::Reprice)]
    #[case::without_a_value(5, None, rest("0.44", 20), Life::Reprice)]
    #[case::not_yet_due(239, Some(0.05), rest("0.45", 20), Life::Keep)]
    #[case::due(240, Some(0.05), rest("0.45", 20), Life::Renew)]
    #[case::late(299, Some(0.05), rest("0.45", 20), Life::Renew)]
    #[case::the_other_side(
        5, Some(0.05),
        Wanted::Resting { side: BookSide::Ask, limit: price("0.60"), contracts: Contracts::whole(20), expires_at: start() },
        Life::Withdraw(Reason::NoEdge)
    )]
    #[case::something_to_take(5, Some(0.05), Wanted::Immediate, Life::MakeWay)]
    #[case::a_guard(5, Some(0.05), nothing(Reason::HeldBoard), Life::Withdraw(Reason::HeldBoard))]
    #[case::at_target(5, Some(0.05), nothing(Reason::AtTarget), Life::Withdraw(Reason::AtTarget))]
    #[case::no_new_one_but_this_one_pays(60, Some(0.02), nothing(Reason::NoEdge), Life::Keep)]
    #[case::no_edge_left(60, Some(0.019), nothing(Reason::NoEdge), Life::Withdraw(Reason::NoEdge))]
    #[case::not_renewed_without_edge(
        240,
        Some(0.02),
        nothing(Reason::NoEdge),
        Life::Withdraw(Reason::NoEdge)
    )]
    fn an_order_is_kept_renewed_repriced_or_withdrawn(
        #[case] age: i64,
        #[case] edge: Option<f64>,
        #[case] wanted: Wanted,
        #[case] expected: Life,
    ) {
        let at = start() + TimeDelta::seconds(age);
        let found = life(&order(), &wanted, edge, 0.03, at, &RestingParams::default());
        assert_eq!(found, expected);
    }

    #[test]
    fn what_was_filled_does_not_count_towards_the_size() {
        let half = Order {
            filled: Contracts::whole(10),
            state: OrderState::PartiallyFilled,
            ..order()
        };
        let at = start() + TimeDelta::minutes(1);
        let judged = |contracts| {
            life(
                &half,
                &rest("0.45", contracts),
                Some(0.05),
                0.03,
                at,
                &RestingParams::default(),
            )
        };
        assert_eq!((judged(10), judged(20)), (Life::Keep, Life::Resize));
    }

    #[test]
    fn an_order_whose_end_is_the_cut_off_is_not_renewed_for_nothing() {
        let mut last = order();
        let expires_at = start() + TimeDelta::minutes(5);
        last.intent.time_in_force = TimeInForce::GoodTillCanceled {
            expires_at: Some(expires_at),
        };
        let wanted = Wanted::Resting {
            side: BookSide::Bid,
            limit: price("0.45"),
            contracts: Contracts::whole(20),
            expires_at,
        };
        let at = start() + TimeDelta::minutes(4);
        let params = RestingParams::default();
        assert_eq!(life(&last, &wanted, Some(0.05), 0.03, at, &params), Life::Keep);
        last.intent.time_in_force = TimeInForce::GoodTillCanceled { expires_at: None };
        assert_eq!(
            life(&last, &wanted, Some(0.05), 0.03, start(), &params),
            Life::Renew,
            "one that would outlive us is replaced at once"
        );
    }

    #[test]
    fn only_entries_on_the_book_rest() {
        assert!(rests(&order()));
        for state in [
            OrderState::Intended,
            OrderState::Sent,
            OrderState::Unknown,
            OrderState::Canceled,
        ] {
            assert!(!rests(&Order { state, ..order() }), "{state:?}");
        }
        let mut immediate = order();
        immediate.intent.time_in_force = TimeInForce::ImmediateOrCancel;
        assert!(!rests(&immediate));
    }
}
