//! Figures that add up: over the contracts of a period, and over the runs of a backtest.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::calibration::wilson;
use crate::counterfactual::Row;

/// The lower ends of the spans of days before a check.
const HORIZONS: [f64; 6] = [0.0, 1.0, 3.0, 7.0, 14.0, 30.0];

/// How many bins of a tenth there are for probabilities.
const BINS: usize = 10;

/// Slips beyond so many cents are counted as so many.
const WIDEST_SLIP: i64 = 10;

/// Entries ordered so many days before their check. Money is in dollars.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize)]
pub struct Horizon {
    /// At least so many days before.
    pub from_days: f64,
    /// Fewer than so many; `None` for the last span.
    pub to_days: Option<f64>,
    /// Fills of entries whose contract has paid.
    pub fills: u64,
    /// Their contracts.
    pub contracts: f64,
    /// What the strategy expected of them, fees taken off.
    pub expected: f64,
    /// What they brought, held until their contracts paid, fees taken off.
    pub realised: f64,
    /// Fills of entries whose contract has not paid.
    pub open_fills: u64,
}

/// Entries for which the outcome bought was given a probability in one span.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Bin {
    /// The lower end.
    pub from: f64,
    /// The upper end.
    pub to: f64,
    /// How many contracts bought; those of one market pay together, so they are no independent trials.
    pub contracts: f64,
    /// How many markets and sides.
    pub n: u64,
    /// The mean probability.
    pub said: f64,
    /// The share that paid.
    pub came: f64,
    /// The lower end of its 95 % interval (Wilson) over markets and sides.
    pub low: f64,
    /// The upper end of it.
    pub high: f64,
}

/// Fills in numbers. Money is in dollars.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize)]
pub struct Fills {
    /// How many.
    pub count: u64,
    /// Contracts.
    pub contracts: f64,
    /// Price times contracts, of the outcome bought or sold.
    pub notional: f64,
    /// Fees.
    pub fees: f64,
    /// How many took what rested.
    pub taker: u64,
    /// How many rested.
    pub maker: u64,
}

/// Fills against the book last seen before them, in cents: above zero they were worse.
#[derive(Debug, Clone, PartialEq, Default, Serialize)]
pub struct Slippage {
    /// Fills of which a book with both sides was known.
    pub fills: u64,
    /// Against the best price of the other side: mean over contracts.
    pub to_best: f64,
    /// Against the middle: mean over contracts.
    pub to_middle: f64,
    /// Fills by whole cents against the best price; what is further off is counted at ±10.
    pub by_cent: BTreeMap<i64, u64>,
}

/// What one reason against entries saved and cost. Money is in dollars.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct GuardRow {
    /// The reason's code.
    pub reason: String,
    /// Chances that it kept back and whose market has paid.
    pub settled: u64,
    /// Losses avoided.
    pub saved: f64,
    /// Gains missed.
    pub cost: f64,
    /// Saved less cost.
    pub net: f64,
}

/// Sums to be read.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Figures {
    /// Orders that were sent.
    pub orders: u64,
    /// Orders that risk refused, by reason.
    pub refusals: BTreeMap<String, u64>,
    /// How often each cause began to restrict trading.
    pub causes: BTreeMap<String, u64>,
    /// Fills.
    pub fills: Fills,
    /// Entries by days to their check.
    pub horizons: Vec<Horizon>,
    /// What was said of entries against what came.
    pub calibration: Vec<Bin>,
    /// Fills against the book.
    pub slippage: Slippage,
    /// What reasons against entries saved and cost.
    pub guards: Vec<GuardRow>,
}

#[derive(Debug, Clone, Copy, PartialEq, Default)]
struct Said {
    contracts: f64,
    n: u64,
    said: f64,
    came: f64,
}

#[derive(Debug, Clone, Copy, PartialEq, Default)]
struct Guarded {
    settled: u64,
    saved: f64,
    cost: f64,
}

/// An entry's fill and what became of it. Money is in dollars.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Bet {
    pub(super) days: f64,
    pub(super) contracts: f64,
    pub(super) expected: f64,
    /// `None` while its contract has not paid.
    pub(super) realised: Option<f64>,
}

/// What can be added up.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Sums {
    orders: u64,
    refusals: BTreeMap<String, u64>,
    causes: BTreeMap<String, u64>,
    fills: Fills,
    horizons: [Horizon; HORIZONS.len()],
    said: [Said; BINS],
    slipped: u64,
    slipped_contracts: f64,
    to_best: f64,
    to_middle: f64,
    by_cent: BTreeMap<i64, u64>,
    guards: BTreeMap<String, Guarded>,
}

impl Sums {
    pub(super) const fn order(&mut self) {
        self.orders += 1;
    }

    pub(super) fn refusal(&mut self, reason: &str) {
        *self.refusals.entry(reason.to_owned()).or_default() += 1;
    }

    pub(super) fn cause(&mut self, cause: &str) {
        *self.causes.entry(cause.to_owned()).or_default() += 1;
    }

    pub(super) fn fill(&mut self, contracts: f64, notional: f64, fee: f64, taker: bool) {
        let fills = &mut self.fills;
        fills.count += 1;
        fills.contracts += contracts;
        fills.notional += notional;
        fills.fees += fee;
        *(if taker { &mut fills.taker } else { &mut fills.maker }) += 1;
    }

    /// A fill against the book, in cents.
    pub(super) fn slip(&mut self, contracts: f64, to_best: f64, to_middle: f64) {
        self.slipped += 1;
        self.slipped_contracts += contracts;
        self.to_best += to_best * contracts;
        self.to_middle += to_middle * contracts;
        #[expect(
            clippy::cast_possible_truncation,
            reason = "prices are at most a hundred cents apart"
        )]
        let cents = to_best.round() as i64;
        *self
            .by_cent
            .entry(cents.clamp(-WIDEST_SLIP, WIDEST_SLIP))
            .or_default() += 1;
    }

    pub(super) fn bet(&mut self, bet: Bet) {
        let place = HORIZONS
            .partition_point(|from| *from <= bet.days)
            .saturating_sub(1);
        let Some(horizon) = self.horizons.get_mut(place) else {
            return;
        };
        match bet.realised {
            Some(realised) => {
                horizon.fills += 1;
                horizon.contracts += bet.contracts;
                horizon.expected += bet.expected;
                horizon.realised += realised;
            }
            None => horizon.open_fills += 1,
        }
    }

    /// What was said of the outcome bought in one market, over its contracts, and whether it came.
    pub(super) fn judged(&mut self, said: f64, contracts: f64, came: bool) {
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a probability times ten"
        )]
        let place = ((said * 10.0).max(0.0) as usize).min(BINS - 1);
        if let Some(bin) = self.said.get_mut(place) {
            bin.contracts += contracts;
            bin.n += 1;
            bin.said += said;
            bin.came += if came { 1.0 } else { 0.0 };
        }
    }

    pub(super) fn guard(&mut self, reason: &str, row: &Row) {
        let sum = self.guards.entry(reason.to_owned()).or_default();
        sum.settled += row.settled as u64;
        sum.saved += row.saved.to_f64();
        sum.cost += row.cost.to_f64();
    }

    /// Adds those of another period.
    pub fn add(&mut self, other: &Self) {
        self.orders += other.orders;
        add_counts(&mut self.refusals, &other.refusals);
        add_counts(&mut self.causes, &other.causes);
        let (mine, fills) = (&mut self.fills, &other.fills);
        mine.count += fills.count;
        mine.contracts += fills.contracts;
        mine.notional += fills.notional;
        mine.fees += fills.fees;
        mine.taker += fills.taker;
        mine.maker += fills.maker;
        for (mine, others) in self.horizons.iter_mut().zip(&other.horizons) {
            mine.fills += others.fills;
            mine.contracts += others.contracts;
            mine.expected += others.expected;
            mine.realised += others.realised;
            mine.open_fills += others.open_fills;
        }
        for (mine, others) in self.said.iter_mut().zip(&other.said) {
            mine.contracts += others.contracts;
            mine.n += others.n;
            mine.said += others.said;
            mine.came += others.came;
        }
        self.slipped += other.slipped;
        self.slipped_contracts += other.slipped_contracts;
        self.to_best += other.to_best;
        self.to_middle += other.to_middle;
        add_counts(&mut self.by_cent, &other.by_cent);
        for (reason, others) in &other.guards {
            let mine = self.guards.entry(reason.clone()).or_default();
            mine.settled += others.settled;
            mine.saved += others.saved;
            mine.cost += others.cost;
        }
    }

    /// The figures that follow.
    #[must_use]
    pub fn figures(&self) -> Figures {
        let ends = HORIZONS.iter().skip(1).map(|end| Some(*end)).chain([None]);
        let horizons = HORIZONS.iter().zip(ends).zip(&self.horizons);
        let per_contract = |sum: f64| sum / self.slipped_contracts.max(f64::MIN_POSITIVE);
        Figures {
            orders: self.orders,
            refusals: self.refusals.clone(),
            causes: self.causes.clone(),
            fills: self.fills,
            horizons: horizons
                .filter(|(_, sum)| sum.fills + sum.open_fills > 0)
                .map(|((from, to), sum)| Horizon {
                    from_days: *from,
                    to_days: to,
                    ..*sum
                })
                .collect(),
            calibration: self.said.iter().enumerate().filter_map(bin).collect(),
            slippage: Slippage {
                fills: self.slipped,
                to_best: per_contract(self.to_best),
                to_middle: per_contract(self.to_middle),
                by_cent: self.by_cent.clone(),
            },
            guards: self
                .guards
                .iter()
                .map(|(reason, sum)| GuardRow {
                    reason: reason.clone(),
                    settled: sum.settled,
                    saved: sum.saved,
                    cost: sum.cost,
                    net: sum.saved - sum.cost,
                })
                .collect(),
        }
    }
}

fn bin((place, sum): (usize, &Said)) -> Option<Bin> {
    if sum.n == 0 {
        return None;
    }
    let n = sum.n as f64;
    let came = sum.came / n;
    let (low, high) = wilson(came, n);
    let width = 1.0 / BINS as f64;
    Some(Bin {
        from: place as f64 * width,
        to: (place + 1) as f64 * width,
        contracts: sum.contracts,
        n: sum.n,
        said: sum.said / n,
        came,
        low,
        high,
    })
}

fn add_counts<K: Ord + Clone>(mine: &mut BTreeMap<K, u64>, others: &BTreeMap<K, u64>) {
    for (key, count) in others {
        *mine.entry(key.clone()).or_default() += count;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case(0.0, 0.0, Some(1.0))]
    #[case(0.99, 0.0, Some(1.0))]
    #[case(1.0, 1.0, Some(3.0))]
    #[case(6.9, 3.0, Some(7.0))]
    #[case(400.0, 30.0, None)]
    fn an_entry_falls_into_its_span_of_days(#[case] days: f64, #[case] from: f64, #[case] to: Option<f64>) {
        let mut sums = Sums::default();
        sums.bet(Bet {
            days,
            contracts: 2.0,
            expected: 0.25,
            realised: Some(-0.5),
        });
        let horizons = sums.figures().horizons;
        assert_eq!(horizons.len(), 1);
        assert_eq!((horizons[0].from_days, horizons[0].to_days), (from, to));
        assert_eq!((horizons[0].expected, horizons[0].realised), (0.25, -0.5));
    }

    #[test]
    fn sums_of_two_parts_are_the_sums_of_the_whole() {
        let story = |sums: &mut Sums, which: u32| {
            for number in (which..40).step_by(2) {
                let x = f64::from(number);
                sums.order();
                sums.fill(x, x * 0.5, 0.25, number % 3 == 0);
                sums.slip(x, x - 20.0, x);
                sums.judged(x / 64.0, x, number % 4 == 0);
                sums.refusal(if number % 5 == 0 { "a" } else { "b" });
            }
        };
        let (mut even, mut odd, mut whole) = (Sums::default(), Sums::default(), Sums::default());
        story(&mut even, 0);
        story(&mut odd, 1);
        story(&mut whole, 0);
        story(&mut whole, 1);
        even.add(&odd);
        assert_eq!(even.figures(), whole.figures());
        let by_cent = whole.figures().slippage.by_cent;
        assert_eq!(
            (by_cent.first_key_value(), by_cent.values().sum()),
            (Some((&-10, &11)), 40u64)
        );
    }
}
