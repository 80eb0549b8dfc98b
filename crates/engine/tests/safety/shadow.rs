//! A second ledger, written from the rules and sharing no code with the core's: what is held, what may still fill, and what
//! each state of the world would cost. Raw integers only.

use autotrader_domain::{BookSide, Contracts, Order, OrderState, Price, Purpose};

use crate::kit::NAMES;

/// Winner and lab of every state: each model, an unlisted model of each lab, nobody named.
const STATES: [(&str, &str); 6] = [
    ("M1A", "A"),
    ("M2A", "A"),
    ("M1B", "B"),
    ("", "A"),
    ("", "B"),
    ("", ""),
];

/// Rounding of average costs, in micro-dollars: one for each fill and more than there are fills.
pub const ROUNDING: i128 = 500;

#[derive(Debug, Clone, Copy, Default)]
struct Held {
    net: i128,
    cost: i128,
    realized: i128,
}

#[derive(Debug, Clone)]
pub struct Shadow {
    held: [Held; 5],
    pub cash: i128,
    pub open: Vec<Order>,
}

fn index(order: &Order) -> usize {
    let name = order.intent.ticker.as_str();
    NAMES.iter().position(|known| *known == name).unwrap()
}

fn pays(name: &str, (winner, lab): (&str, &str)) -> bool {
    if name.starts_with('M') {
        name == winner
    } else {
        name.ends_with(lab) && !lab.is_empty()
    }
}

const fn sign(side: BookSide) -> i128 {
    match side {
        BookSide::Bid => 1,
        BookSide::Ask => -1,
    }
}

pub fn left(order: &Order) -> i128 {
    i128::from(order.intent.contracts.raw() - order.filled.raw())
}

impl Shadow {
    pub fn new(cash: i128) -> Self {
        Self {
            held: [Held::default(); 5],
            cash,
            open: Vec::new(),
        }
    }

    pub fn net(&self, name: usize) -> i128 {
        self.held[name].net
    }

    /// Books a fill: one contract after another of what is held goes first, at its average cost.
    pub fn fill(&mut self, order: &Order, contracts: Contracts, price: Price) {
        let held = &mut self.held[index(order)];
        let (size, price) = (i128::from(contracts.raw()), i128::from(price.raw()));
        let sign = sign(order.intent.side);
        let closing = if held.net * sign < 0 {
            size.min(held.net.abs())
        } else {
            0
        };
        let (close_price, open_price) = match order.intent.side {
            BookSide::Bid => (10_000 - price, price),
            BookSide::Ask => (price, 10_000 - price),
        };
        if closing > 0 {
            let released = held.cost * closing / held.net.abs();
            held.cost -= released;
            held.realized += close_price * closing - released;
            self.cash += close_price * closing;
        }
        let opening = size - closing;
        held.cost += open_price * opening;
        self.cash -= open_price * opening;
        held.net += sign * size;
    }

    /// The largest size that a contract can come to if its open orders of either side fill.
    pub fn worst_size(&self, name: usize) -> i128 {
        let of = |side| -> i128 {
            self.open
                .iter()
                .filter(|order| index(order) == name && order.intent.side == side)
                .map(left)
                .sum()
        };
        let net = self.held[name].net;
        (net + of(BookSide::Bid))
            .abs()
            .max((net - of(BookSide::Ask)).abs())
    }

    /// Contracts at stake in the event whose names begin with `letter`.
    pub fn worst_event(&self, letter: char) -> i128 {
        (0..NAMES.len())
            .filter(|name| NAMES[*name].starts_with(letter))
            .map(|name| self.worst_size(name))
            .sum()
    }

    fn states(&self, with_realized: bool, extra: Option<&Order>) -> Vec<i128> {
        let value = |state| -> i128 {
            let held: i128 = NAMES
                .iter()
                .zip(&self.held)
                .map(|(name, held)| {
                    let wins = pays(name, state) == (held.net > 0);
                    let payout = if held.net != 0 && wins {
                        10_000 * held.net.abs()
                    } else {
                        0
                    };
                    payout - held.cost + if with_realized { held.realized } else { 0 }
                })
                .sum();
            let ordered: i128 = self
                .open
                .iter()
                .chain(extra)
                .map(|order| {
                    let worth = if pays(order.intent.ticker.as_str(), state) {
                        10_000
                    } else {
                        0
                    };
                    let gain = sign(order.intent.side) * (worth - i128::from(order.intent.limit.raw()));
                    (gain * left(order)).min(0)
                })
                .sum();
            held + ordered
        };
        STATES.into_iter().map(value).collect()
    }

    /// What the worst state pays, against the cost of what is held.
    pub fn worst_state(&self, extra: Option<&Order>) -> i128 {
        self.states(false, extra).into_iter().min().unwrap()
    }

    /// The same with everything that was ever realised.
    pub fn worst_total(&self) -> i128 {
        self.states(true, None).into_iter().min().unwrap()
    }

    pub fn realized(&self) -> i128 {
        self.held.iter().map(|held| held.realized).sum()
    }

    /// Cost of what is held and of what entries may still buy on one lab.
    pub fn lab(&self, lab: char) -> i128 {
        let held: i128 = NAMES
            .iter()
            .zip(&self.held)
            .filter(|(name, _)| name.ends_with(lab))
            .map(|(_, held)| held.cost)
            .sum();
        held + self
            .open
            .iter()
            .filter(|order| order.intent.ticker.as_str().ends_with(lab))
            .map(price_of_entry)
            .sum::<i128>()
    }

    /// What open entries may still cost.
    pub fn reserved(&self) -> i128 {
        self.open.iter().map(price_of_entry).sum()
    }

    /// What unfinished orders may take back of a position, `extra` included.
    pub fn reducing(&self, name: usize, extra: &Order) -> i128 {
        let net = self.held[name].net;
        self.open
            .iter()
            .filter(|order| index(order) == name && net * sign(order.intent.side) < 0)
            .chain([extra])
            .map(left)
            .sum()
    }

    pub fn known_open_on(&self, order: &Order) -> bool {
        self.open
            .iter()
            .any(|open| index(open) == index(order) && open.state != OrderState::Unknown)
    }

    pub fn any_open_on(&self, order: &Order) -> bool {
        self.open.iter().any(|open| index(open) == index(order))
    }

    pub fn index(order: &Order) -> usize {
        index(order)
    }
}

fn price_of_entry(order: &Order) -> i128 {
    let limit = i128::from(order.intent.limit.raw());
    let price = match order.intent.side {
        BookSide::Bid => limit,
        BookSide::Ask => 10_000 - limit,
    };
    if order.intent.purpose == Purpose::Entry {
        price * left(order)
    } else {
        0
    }
}
