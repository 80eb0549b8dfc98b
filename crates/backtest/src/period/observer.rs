//! Watching a core step by step.

use std::collections::BTreeMap;

use autotrader_domain::{
    Book, BookSide, ClientOrderId, Contracts, Decided, Fill, Liquidity, Money, Order, Price, Purpose, Record,
    Ticker, Why,
};
use autotrader_engine::{Effect, Engine, Event};
use chrono::{DateTime, Utc};
use serde::Serialize;

use super::curve::{Curve, Point};
use super::sums::{Bet, Figures, Sums};
use crate::counterfactual::{Evidence, Ledger};

/// What a period brought. Money is in dollars.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Period {
    /// The first step.
    pub from: Option<DateTime<Utc>>,
    /// The last step.
    pub to: Option<DateTime<Utc>>,
    /// How many steps.
    pub steps: u64,
    /// Equity before the first step.
    pub opening: f64,
    /// Equity after the last step.
    pub closing: f64,
    /// What the equity gained.
    pub pnl: f64,
    /// The greatest fall of the equity from its highest value before.
    pub max_drawdown: f64,
    /// The figures.
    #[serde(flatten)]
    pub figures: Figures,
    /// The equity, in at most a thousand points.
    pub equity: Vec<Point>,
    /// What cannot be settled by what was seen: figures of markets that do not fit into money.
    pub left_out: Vec<String>,
}

/// The best prices of a book, in dollars.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Top {
    bid: f64,
    ask: f64,
}

/// What was expected of an order when it was sent.
#[derive(Debug, Clone, PartialEq)]
struct Expected {
    entry: bool,
    /// Dollars for a contract.
    edge: f64,
    /// The probability of YES that was traded on.
    fair: Option<f64>,
    days: f64,
}

/// What is open of one contract.
#[derive(Debug, Clone, Default)]
struct OpenContract {
    lines: Vec<Why>,
    fills: Vec<Fill>,
    entries: Vec<Entry>,
}

/// A fill of an entry.
#[derive(Debug, Clone)]
struct Entry {
    side: BookSide,
    contracts: Contracts,
    price: Price,
    fee: Money,
    expected: Expected,
}

/// Sums up what a core is told and does.
#[derive(Debug, Clone, Default)]
pub struct Observer {
    from: Option<DateTime<Utc>>,
    to: Option<DateTime<Utc>>,
    steps: u64,
    opening: Option<f64>,
    closing: f64,
    curve: Curve,
    sums: Sums,
    tops: BTreeMap<Ticker, Top>,
    orders: BTreeMap<ClientOrderId, (Ticker, Expected)>,
    open: BTreeMap<Ticker, OpenContract>,
    left_out: Vec<String>,
}

impl Observer {
    /// One that begins with a core as it stands.
    #[must_use]
    pub fn of(engine: &Engine) -> Self {
        let equity = engine.account().equity().to_f64();
        Self {
            opening: Some(equity),
            closing: equity,
            ..Self::default()
        }
    }

    /// Takes one step: what the core was told, what it wanted done, and how it stands after it.
    pub fn saw(&mut self, at: DateTime<Utc>, event: &Event, effects: &[Effect], engine: &Engine) {
        self.from.get_or_insert(at);
        self.to = Some(at);
        self.steps += 1;
        match event {
            Event::Book(book) => self.book(book),
            Event::Fill(fill) => self.fill(fill),
            Event::Settlement(paid) => self.settle(&Decided {
                ticker: paid.ticker.clone(),
                at: paid.settled_at,
                yes_value: paid.yes_value,
                paid: true,
            }),
            _ => {}
        }
        for effect in effects {
            self.effect(at, effect, engine);
        }
        let equity = engine.account().equity().to_f64();
        self.opening.get_or_insert(equity);
        self.closing = equity;
        self.curve.note(at, equity);
    }

    fn effect(&mut self, at: DateTime<Utc>, effect: &Effect, engine: &Engine) {
        match effect {
            Effect::Place { order, .. } => self.order(at, order.get(), engine),
            Effect::Record(Record::Refusal { reason, .. }) => self.sums.refusal(reason.code()),
            Effect::Record(Record::RiskCause {
                cause, raised: true, ..
            }) => self.sums.cause(cause),
            Effect::Record(Record::Decision(line)) => {
                let open = self.open.entry(line.ticker.clone()).or_default();
                // Of lines that want nothing one is enough to end what was wanted before.
                if line.wanted.is_some() || open.lines.last().is_some_and(|last| last.wanted.is_some()) {
                    open.lines.push(line.clone());
                }
            }
            // Of a contract that is not held this is the only word.
            Effect::Record(Record::Decided(decided)) if decided.paid => self.settle(decided),
            Effect::Record(_) | Effect::Alert(_) | Effect::Cancel(_) => {}
        }
    }

    fn book(&mut self, book: &Book) {
        let best = |side| book.against(side).next().map(|level| level.price.probability());
        match (best(BookSide::Ask), best(BookSide::Bid)) {
            (Some(bid), Some(ask)) => {
                self.tops.insert(book.ticker.clone(), Top { bid, ask });
            }
            _ => {
                self.tops.remove(&book.ticker);
            }
        }
    }

    fn order(&mut self, at: DateTime<Utc>, order: &Order, engine: &Engine) {
        self.sums.order();
        let intent = &order.intent;
        let line = engine.why().find(|line| line.ticker == intent.ticker);
        let seconds = (intent.check_time - at).num_seconds() as f64;
        let expected = Expected {
            entry: intent.purpose == Purpose::Entry,
            edge: intent.edge.to_f64() / count(intent.contracts).max(f64::MIN_POSITIVE),
            fair: line.and_then(|line| line.pooled.or(line.fair)),
            days: (seconds / 86_400.0).max(0.0),
        };
        self.orders
            .insert(order.client_order_id.clone(), (intent.ticker.clone(), expected));
    }

    fn fill(&mut self, fill: &Fill) {
        let contracts = count(fill.contracts);
        let price = fill.price.probability();
        let paid = match fill.side {
            BookSide::Bid => price,
            BookSide::Ask => 1.0 - price,
        };
        let taker = fill.liquidity == Liquidity::Taker;
        self.sums
            .fill(contracts, paid * contracts, fill.fee.to_f64(), taker);
        if let Some(top) = self.tops.get(&fill.ticker) {
            let middle = f64::midpoint(top.bid, top.ask);
            let (to_best, to_middle) = match fill.side {
                BookSide::Bid => (price - top.ask, price - middle),
                BookSide::Ask => (top.bid - price, middle - price),
            };
            self.sums.slip(contracts, to_best * 100.0, to_middle * 100.0);
        }
        let open = self.open.entry(fill.ticker.clone()).or_default();
        open.fills.push(fill.clone());
        let known = fill.client_order_id.as_ref().and_then(|id| self.orders.get(id));
        if let Some((_, expected)) = known.filter(|(_, expected)| expected.entry) {
            open.entries.push(Entry {
                side: fill.side,
                contracts: fill.contracts,
                price: fill.price,
                fee: fill.fee,
                expected: expected.clone(),
            });
        }
    }

    /// Sums up a contract that has paid. A payout that is amended later is not summed up again.
    fn settle(&mut self, paid: &Decided) {
        self.tops.remove(&paid.ticker);
        self.orders.retain(|_, (ticker, _)| *ticker != paid.ticker);
        let Some(open) = self.open.remove(&paid.ticker) else {
            return;
        };
        for entry in &open.entries {
            self.sums.bet(entry.bet(Some(paid.yes_value)));
        }
        self.judge(&open.entries, paid.yes_value);
        let evidence = Evidence {
            lines: &open.lines,
            fills: &open.fills,
            decided: std::slice::from_ref(paid),
        };
        match Ledger::of(&evidence) {
            Ok(ledger) => {
                for (guard, row) in &ledger.reasons {
                    self.sums.guard(guard.code(), row);
                }
            }
            Err(overflow) => self.left_out.push(overflow.to_string()),
        }
    }

    /// What was said of each side that was bought, against what came.
    fn judge(&mut self, entries: &[Entry], yes_value: Price) {
        let came = match yes_value {
            Price::ONE => true,
            Price::ZERO => false,
            _ => return,
        };
        for side in [BookSide::Bid, BookSide::Ask] {
            let of_side = || entries.iter().filter(move |entry| entry.side == side);
            let said = of_side().filter_map(|entry| Some((entry.said()?, count(entry.contracts))));
            let (sum, contracts) = said.fold((0.0, 0.0), |(sum, all), (said, contracts)| {
                (sum + said * contracts, all + contracts)
            });
            if contracts > 0.0 {
                let bought_yes = side == BookSide::Bid;
                self.sums.judged(sum / contracts, contracts, came == bought_yes);
            }
        }
    }

    /// What the period brought, and what can be added to others'.
    #[must_use]
    pub fn finish(mut self) -> (Period, Curve, Sums) {
        for open in self.open.values() {
            for entry in &open.entries {
                self.sums.bet(entry.bet(None));
            }
        }
        let opening = self.opening.unwrap_or(self.closing);
        let period = Period {
            from: self.from,
            to: self.to,
            steps: self.steps,
            opening,
            closing: self.closing,
            pnl: self.closing - opening,
            max_drawdown: self.curve.max_drawdown(),
            figures: self.sums.figures(),
            equity: self.curve.points(),
            left_out: self.left_out,
        };
        (period, self.curve, self.sums)
    }
}

impl Entry {
    /// The probability that was given to the outcome bought.
    fn said(&self) -> Option<f64> {
        let fair = self.expected.fair?;
        Some(match self.side {
            BookSide::Bid => fair,
            BookSide::Ask => 1.0 - fair,
        })
    }

    fn bet(&self, yes_value: Option<Price>) -> Bet {
        let contracts = count(self.contracts);
        let gain = |value: Price| match self.side {
            BookSide::Bid => value.probability() - self.price.probability(),
            BookSide::Ask => self.price.probability() - value.probability(),
        };
        Bet {
            days: self.expected.days,
            contracts,
            expected: self.expected.edge * contracts,
            realised: yes_value.map(|value| gain(value).mul_add(contracts, -self.fee.to_f64())),
        }
    }
}

/// Contracts as a number for figures.
fn count(contracts: Contracts) -> f64 {
    contracts.raw() as f64 / 100.0
}

#[cfg(test)]
mod tests {
    use super::*;
    use autotrader_domain::{Level, VenueOrderId};

    fn ticker() -> Ticker {
        "KXTOPMODEL-26DEC07-A".parse().unwrap()
    }

    fn at(second: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(1_796_000_000 + second, 0).unwrap()
    }

    fn level(price: &str) -> Vec<Level> {
        vec![Level {
            price: price.parse().unwrap(),
            size: Contracts::whole(50),
        }]
    }

    fn fill(order: &str, side: BookSide, price: &str, contracts: u32) -> Fill {
        Fill {
            fill_id: format!("{order}-{price}"),
            venue_order_id: "v".parse::<VenueOrderId>().unwrap(),
            client_order_id: Some(order.parse().unwrap()),
            ticker: ticker(),
            side,
            price: price.parse().unwrap(),
            contracts: Contracts::whole(contracts),
            fee: Money::micros(170_000),
            liquidity: Liquidity::Taker,
            filled_at: at(1),
        }
    }

    /// An observer that has seen a book of 0.38 to 0.41 and an entry that expected 5 cents a contract, 2 days before its check.
    fn begun() -> Observer {
        let mut observer = Observer::default();
        observer.book(&Book::new(ticker(), at(0), level("0.38"), level("0.59")).unwrap());
        let expected = Expected {
            entry: true,
            edge: 0.05,
            fair: Some(0.48),
            days: 2.0,
        };
        observer
            .orders
            .insert("entry".parse().unwrap(), (ticker(), expected));
        observer
    }

    fn paid(value: Price) -> Decided {
        Decided {
            ticker: ticker(),
            at: at(9),
            yes_value: value,
            paid: true,
        }
    }

    fn close(a: f64, b: f64) -> bool {
        (a - b).abs() < 1e-9
    }

    #[test]
    fn an_entry_is_held_against_the_book_and_against_what_its_contract_paid() {
        let mut observer = begun();
        observer.fill(&fill("entry", BookSide::Bid, "0.42", 10));
        observer.settle(&paid(Price::ONE));
        let (period, _, _) = observer.finish();
        let slippage = &period.figures.slippage;
        assert!(
            close(slippage.to_best, 1.0) && close(slippage.to_middle, 2.5),
            "{slippage:?}"
        );
        let horizon = period.figures.horizons[0];
        assert_eq!((horizon.from_days, horizon.fills), (1.0, 1));
        assert!(close(horizon.expected, 0.5));
        // 10 x (1 - 0.42) less the fee of 0.17.
        assert!(close(horizon.realised, 5.63), "{horizon:?}");
        let bin = period.figures.calibration[0];
        assert!(
            close(bin.said, 0.48) && close(bin.came, 1.0) && bin.n == 1,
            "{bin:?}"
        );
        assert!(close(period.figures.fills.notional, 4.2));
    }

    #[test]
    fn what_sells_yes_buys_no() {
        let mut observer = begun();
        observer.fill(&fill("entry", BookSide::Ask, "0.38", 10));
        observer.settle(&paid(Price::ONE));
        let (period, _, _) = observer.finish();
        assert!(close(period.figures.slippage.to_best, 0.0));
        // 10 x (0.38 - 1) less the fee.
        assert!(close(period.figures.horizons[0].realised, -6.37));
        let bin = period.figures.calibration[0];
        assert!(close(bin.said, 0.52) && close(bin.came, 0.0));
        assert!(close(period.figures.fills.notional, 6.2));
    }

    #[test]
    fn what_has_not_paid_is_counted_apart_and_a_disputed_payout_is_no_outcome() {
        let mut observer = begun();
        observer.fill(&fill("entry", BookSide::Bid, "0.41", 10));
        let (period, _, _) = observer.clone().finish();
        assert_eq!(
            (
                period.figures.horizons[0].fills,
                period.figures.horizons[0].open_fills
            ),
            (0, 1)
        );
        observer.settle(&paid("0.5".parse().unwrap()));
        observer.settle(&paid(Price::ONE));
        let (period, _, _) = observer.finish();
        assert!(close(period.figures.horizons[0].realised, 0.73), "{period:?}");
        assert!(period.figures.calibration.is_empty());
    }

    #[test]
    fn fills_of_unknown_orders_are_no_entries_and_a_one_sided_book_judges_nothing() {
        let mut observer = begun();
        observer.book(&Book::new(ticker(), at(1), level("0.38"), vec![]).unwrap());
        observer.fill(&fill("stranger", BookSide::Bid, "0.41", 10));
        let (period, _, _) = observer.finish();
        assert_eq!(period.figures.fills.count, 1);
        assert_eq!(period.figures.slippage.fills, 0);
        assert!(period.figures.horizons.is_empty());
    }
}
