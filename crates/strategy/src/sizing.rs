//! How many contracts an order takes: what the portfolio of greatest growth wants, level by level, within every cap.
//!
//! How many contracts more are wanted is decided for all contracts of a check together ([`crate::kelly`]); here the book is
//! walked for one of them as far as that, the least edge and the caps reach.

use autotrader_domain::{Book, BookSide, Contracts, Level, Money, Price, Reason};

use crate::edge::{FeeTerms, NetEdge, level_edge, net_edge, outcome_price, outcome_probability};

/// What an entry may use at most.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Room {
    /// Contracts until the contract's cap.
    pub contract: Contracts,
    /// Contracts until the event's cap.
    pub event: Contracts,
    /// Dollars until the cap of the lab that the contract depends on.
    pub lab: Money,
    /// Spendable collateral.
    pub cash: Money,
}

impl Room {
    /// Room for anything.
    pub const UNBOUND: Self = Self {
        contract: Contracts::whole(u32::MAX),
        event: Contracts::whole(u32::MAX),
        lab: Money::dollars(i32::MAX),
        cash: Money::dollars(i32::MAX),
    };
}

/// How an entry is sized.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Demand {
    /// The probability of YES that is traded on.
    pub yes: f64,
    /// Side of the YES book.
    pub side: BookSide,
    /// Contracts that the growth of wealth wants beyond those held.
    pub wanted: f64,
    /// The least edge per contract after fees, in dollars.
    pub min_edge: f64,
    /// The smallest order.
    pub min_order: Contracts,
    /// The largest order.
    pub max_order: Contracts,
    /// The market's fees.
    pub fees: FeeTerms,
}

/// A sized entry.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Entry {
    /// How many whole contracts.
    pub contracts: Contracts,
    /// The worst YES price taken: the order's limit.
    pub limit: Price,
    /// What it costs and is expected to earn.
    pub edge: NetEdge,
    /// Why it is not more.
    pub bound: Reason,
}

/// Whole contracts, rounded down; anything beyond the largest size is the largest size.
fn whole(contracts: f64) -> Contracts {
    // A float-to-integer `as` cast saturates and maps NaN to zero: no size is invented.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "saturating is wanted here"
    )]
    let floor = contracts.max(0.0).floor() as u32;
    Contracts::whole(floor)
}

/// Sizes an entry against a book.
///
/// # Errors
/// The [`Reason`] that leaves nothing to buy.
pub fn size_entry(book: &Book, demand: &Demand, room: &Room) -> Result<Entry, Reason> {
    let mut taken: Vec<Level> = Vec::new();
    let mut total = Contracts::ZERO;
    let mut spent = Money::ZERO;
    let mut bound = Reason::NoDepth;
    for level in book.against(demand.side) {
        let edge = level_edge(demand.yes, demand.side, level, demand.fees).ok_or(Reason::FeesUnsupported)?;
        if edge < demand.min_edge {
            bound = Reason::NoEdge;
            break;
        }
        let (most, reason) = most_at(edge, demand, room, total, spent);
        let size = level.size.floor_whole().min(most);
        if !size.is_zero() {
            total = total.checked_add(size).ok_or(Reason::SizeLimit)?;
            spent = spent.saturating_add(cash_for(level.price, size, demand)?);
            taken.push(Level { size, ..level });
        }
        if most < level.size.floor_whole() {
            bound = reason;
            break;
        }
    }
    if total < demand.min_order.max(Contracts::whole(1)) {
        return Err(if total.is_zero() {
            bound
        } else {
            Reason::BelowMinimumSize
        });
    }
    let limit = taken.last().map(|level| level.price).ok_or(bound)?;
    let edge = net_edge(demand.yes, demand.side, &taken, demand.fees).ok_or(Reason::FeesUnsupported)?;
    Ok(Entry {
        contracts: total,
        limit,
        edge,
        bound,
    })
}

/// The most whole contracts to take at a level of some edge, whatever its depth, and what bounds them.
pub(crate) fn most_at(
    edge: f64,
    demand: &Demand,
    room: &Room,
    total: Contracts,
    spent: Money,
) -> (Contracts, Reason) {
    let q = outcome_probability(demand.side, demand.yes);
    // The level's edge is q minus the cost, so this is price plus fee.
    let cost = q - edge;
    let affordable = whole(room.cash.saturating_sub(spent).to_f64() / cost);
    let bounds = [
        // First, because what is wanted never exceeds it: where both bind, the limit is what there is to tell.
        (
            room.contract.saturating_sub(total).floor_whole(),
            Reason::ContractLimit,
        ),
        (whole(demand.wanted).saturating_sub(total), Reason::AtTarget),
        (room.event.saturating_sub(total).floor_whole(), Reason::EventLimit),
        // Risk counts an order at its limit, which is this level's price when it is the last one taken.
        (
            whole(room.lab.to_f64() / cost).saturating_sub(total),
            Reason::LabLimit,
        ),
        (affordable, Reason::InsufficientCollateral),
        (
            demand.max_order.saturating_sub(total).floor_whole(),
            Reason::SizeLimit,
        ),
    ];
    let least = bounds.into_iter().min_by_key(|(contracts, _)| *contracts);
    least.unwrap_or((Contracts::ZERO, Reason::AtTarget))
}

fn cash_for(price: Price, size: Contracts, demand: &Demand) -> Result<Money, Reason> {
    let cost = outcome_price(demand.side, price)
        .times(size)
        .ok_or(Reason::SizeLimit)?;
    let fee = demand.fees.taker(price, size).ok_or(Reason::FeesUnsupported)?;
    Ok(cost.saturating_add(fee))
}

#[cfg(test)]
mod tests {
    use super::*;
    use autotrader_domain::{FeeRounding, FeeSchedule};
    use chrono::DateTime;
    use proptest::prelude::*;
    use rstest::rstest;

    fn asks(levels: &[(&str, &str)]) -> Book {
        let no_bids = levels
            .iter()
            .map(|(price, size)| Level {
                price: price.parse::<Price>().unwrap().complement(),
                size: size.parse().unwrap(),
            })
            .collect();
        Book::new("T".parse().unwrap(), DateTime::UNIX_EPOCH, vec![], no_bids).unwrap()
    }

    fn demand(yes: f64) -> Demand {
        Demand {
            yes,
            side: BookSide::Bid,
            wanted: 1e6,
            min_edge: 0.03,
            min_order: Contracts::whole(1),
            max_order: Contracts::whole(100_000),
            fees: FeeTerms {
                schedule: FeeSchedule::QUADRATIC,
                rounding: FeeRounding::Direct,
            },
        }
    }

    fn room() -> Room {
        Room {
            contract: Contracts::whole(100),
            event: Contracts::whole(250),
            lab: Money::dollars(1_000),
            cash: Money::dollars(1_000),
        }
    }

    #[rstest]
    #[case::contract_cap(&[("0.22", "500")], 0.57, room(), "100", "0.22", Reason::ContractLimit)]
    #[case::event_cap(
        &[("0.22", "500")], 0.57, Room { event: Contracts::whole(40), ..room() }, "40", "0.22", Reason::EventLimit
    )]
    #[case::depth(&[("0.22", "30.70")], 0.57, room(), "30", "0.22", Reason::NoDepth)]
    #[case::two_levels(&[("0.22", "30"), ("0.24", "20")], 0.57, room(), "50", "0.24", Reason::NoDepth)]
    #[case::stops_at_the_least_edge(&[("0.22", "30"), ("0.55", "20")], 0.57, room(), "30", "0.22", Reason::NoEdge)]
    #[case::cash(
        &[("0.22", "500")], 0.57, Room { cash: Money::dollars(5), ..room() }, "21", "0.22", Reason::InsufficientCollateral
    )]
    // With its fee a contract costs .2321, so ten dollars a lab buy 43 of them.
    #[case::lab(
        &[("0.22", "500")], 0.57, Room { lab: Money::dollars(10), ..room() }, "43", "0.22", Reason::LabLimit
    )]
    fn entries_are_bound(
        #[case] levels: &[(&str, &str)],
        #[case] yes: f64,
        #[case] room: Room,
        #[case] contracts: &str,
        #[case] limit: &str,
        #[case] bound: Reason,
    ) {
        let entry = size_entry(&asks(levels), &demand(yes), &room).unwrap();
        assert_eq!(
            (entry.contracts, entry.limit, entry.bound),
            (contracts.parse().unwrap(), limit.parse().unwrap(), bound)
        );
    }

    #[rstest]
    #[case::empty(&[], 0.57, room(), Reason::NoDepth)]
    #[case::dear(&[("0.56", "500")], 0.57, room(), Reason::NoEdge)]
    #[case::at_the_cap(&[("0.22", "500")], 0.57, Room { contract: Contracts::ZERO, ..room() }, Reason::ContractLimit)]
    #[case::penniless(
        &[("0.22", "500")], 0.57, Room { cash: Money::ZERO, ..room() }, Reason::InsufficientCollateral
    )]
    #[case::in_debt(
        &[("0.22", "500")],
        0.57,
        Room { cash: Money::dollars(-9), ..room() },
        Reason::InsufficientCollateral
    )]
    #[case::less_than_one(&[("0.22", "0.90")], 0.57, room(), Reason::NoDepth)]
    fn nothing_is_bought(
        #[case] levels: &[(&str, &str)],
        #[case] yes: f64,
        #[case] room: Room,
        #[case] reason: Reason,
    ) {
        assert_eq!(size_entry(&asks(levels), &demand(yes), &room), Err(reason));
    }

    #[test]
    fn an_order_is_never_larger_than_allowed_and_the_rest_comes_later() {
        let demand = Demand {
            max_order: Contracts::whole(10),
            ..demand(0.57)
        };
        let entry = size_entry(&asks(&[("0.22", "7"), ("0.24", "20")]), &demand, &room()).unwrap();
        assert_eq!(
            (entry.contracts, entry.limit, entry.bound),
            (Contracts::whole(10), "0.24".parse().unwrap(), Reason::SizeLimit)
        );
    }

    #[test]
    fn an_order_below_the_minimum_is_not_made() {
        let demand = Demand {
            min_order: Contracts::whole(10),
            ..demand(0.57)
        };
        assert_eq!(
            size_entry(&asks(&[("0.22", "9")]), &demand, &room()),
            Err(Reason::BelowMinimumSize)
        );
    }

    proptest! {
        #[test]
        fn no_bound_is_ever_passed(
            yes in 0.0f64..=1.0,
            ask_side: bool,
            prices in prop::collection::btree_set(1i64..=99, 1..6),
            sizes in prop::collection::vec(1i64..50_000, 6),
            lab in 0i32..500,
            wanted in 0.0f64..200.0,
            contract in 0u32..120,
            event in 0u32..300,
            cash in 0i32..500,
        ) {
            let side = if ask_side { BookSide::Ask } else { BookSide::Bid };
            let levels: Vec<Level> = prices
                .iter()
                .zip(&sizes)
                .map(|(cents, size)| Level {
                    price: Price::from_cents(*cents).unwrap(),
                    size: Contracts::from_raw(*size).unwrap(),
                })
                .collect();
            let (yes_bids, no_bids) = if ask_side { (levels, vec![]) } else { (vec![], levels) };
            let book = Book::new("T".parse().unwrap(), DateTime::UNIX_EPOCH, yes_bids, no_bids).unwrap();
            let room = Room {
                contract: Contracts::whole(contract),
                event: Contracts::whole(event),
                lab: Money::dollars(lab),
                cash: Money::dollars(cash),
            };
            let demand = Demand { side, wanted, ..demand(yes) };
            if let Ok(entry) = size_entry(&book, &demand, &room) {
                prop_assert_eq!(entry.contracts, entry.contracts.floor_whole());
                prop_assert!(entry.contracts >= Contracts::whole(1));
                prop_assert!(entry.contracts <= room.contract.min(room.event));
                prop_assert!(entry.contracts.to_string().parse::<f64>().unwrap() <= wanted);
                let spent = entry.edge.cost.saturating_add(entry.edge.fees);
                prop_assert!(spent <= room.cash.min(room.lab).saturating_add(Money::micros(1)));
                prop_assert!(entry.edge.per_contract >= 0.03 - 1e-4);
                let walk = book.walk(side, entry.contracts, entry.limit);
                prop_assert_eq!(walk.filled, entry.contracts);
                prop_assert_eq!(entry.edge.contracts, entry.contracts);
            }
        }
    }
}
